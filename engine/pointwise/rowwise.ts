// Fused row reductions: a few reductions and one last expression while a row is in cache. No autograd: ops record what
// they compute.

import { coalesce, dimsMarked, keptStrides } from '../backend/commands/coalesce.js';
import type { LineOperand } from '../backend/commands/cursor.js';
import { launchPointwise } from '../backend/commands/pointwise.js';
import type { Reducer } from '../backend/commands/reduce.js';
import { type RowStage, runRowwise } from '../backend/commands/rowwise.js';
import { kernelsOf } from '../core/device.js';
import { computedIn, type DType } from '../core/dtype.js';
import { message, NotImplementedError } from '../core/errors.js';
import { newTensor } from '../core/factory.js';
import { broadcastStrides, type Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { type Expr, input, substitute, topological } from './expr.js';
import { compile } from './program.js';
import { reduce, reducedShape } from './reduction.js';

interface Stage {
  readonly reducer: Reducer;
  readonly prologue: Expr;
  /** Over the scalars only; null: the reduction itself. */
  readonly epilogue: Expr | null;
}

/** What `rowPipeline` builds with. */
export interface RowBuilder {
  /** A reduction along the row, and what becomes of its result. Its value may stand in all that follows. */
  reduce(reducer: 'sum' | 'prod' | 'max' | 'min', prologue: Expr, epilogue?: (result: Expr) => Expr): Expr;
}

/** A pipeline over `inputs` tensors: inputs 0… of its expressions are those, then come the stages' scalars. */
export interface RowPipeline {
  readonly inputs: number;
  readonly stages: readonly Stage[];
  readonly result: Expr;
  /** The same with the values of a prologue that comes again read, not computed again: inputs after the scalars. */
  readonly fused: {
    readonly stages: readonly Stage[];
    readonly result: Expr;
    readonly kept: readonly boolean[];
  };
  readonly programs: Map<number, Programs>;
}

interface Programs {
  readonly stages: readonly RowStage[];
  readonly result: number;
}

/** Declares a pipeline once; `build` gets the stages' builder and returns the last expression. */
export function rowPipeline(inputs: number, build: (rows: RowBuilder) => Expr): RowPipeline {
  const stages: Stage[] = [];
  const result = build({
    reduce(reducer, prologue, epilogue) {
      const scalar = input(inputs + stages.length);
      stages.push({ reducer, prologue, epilogue: epilogue?.(scalar) ?? null });
      return scalar;
    },
  });
  return { inputs, stages, result, fused: fuseStages(inputs, stages, result), programs: new Map() };
}

/** Replaces every prologue that comes again in a later expression by its kept values. */
function fuseStages(inputs: number, stages: readonly Stage[], result: Expr): RowPipeline['fused'] {
  const at = (k: number): Expr => input(inputs + stages.length + k);
  const kept = stages.map(() => false);
  const known = (upTo: number) => (e: Expr) => {
    const k = stages.findIndex((s, i) => i < upTo && s.prologue === e && e.args.length > 0);
    return k < 0 ? undefined : at(k);
  };
  const note = (root: Expr): Expr => {
    for (const e of topological([root]))
      stages.forEach((_, k) => {
        if (e === at(k)) kept[k] = true;
      });
    return root;
  };
  return {
    stages: stages.map((s, k) => ({ ...s, prologue: note(substitute(s.prologue, known(k))) })),
    result: note(substitute(result, known(stages.length))),
    kept,
  };
}

export interface RowCall {
  readonly op: string;
  readonly pipeline: RowPipeline;
  /** They broadcast to `out`'s shape, and one of them has it. */
  readonly inputs: readonly Tensor[];
  readonly params?: readonly number[];
  readonly compute: DType;
  readonly out: Tensor;
  /** Which dims make a row. */
  readonly row: readonly boolean[];
  /** Gets the scalars of each stage: contiguous, one a row, of the compute dtype. */
  readonly scalars?: readonly (Tensor | null)[];
}

/** Runs a pipeline. */
export function runRows(call: RowCall): void {
  kernelsOf(call.op, [call.out, ...call.inputs]);
  if (call.out.length === 0) return;
  if (call.compute.isComplex) {
    const hint = `"${call.op}" not implemented for '${call.compute.title}'`;
    throw new NotImplementedError(message(call.op, 'a real dtype', call.compute.name, hint));
  }
  const compute = computedIn(call.compute);
  if (compute !== call.compute) {
    runShort(call, compute);
    return;
  }
  const layout = layoutOf(call);
  if (layout === null) runPasses(call);
  else launchRows(call, layout);
}

/** A call in a 16-bit float computes in float32; its scalars are rounded at the end. */
function runShort(call: RowCall, compute: DType): void {
  const scalars = call.scalars?.map((t) => t && newTensor(t.sizes, compute));
  runRows({ ...call, compute, ...(scalars === undefined ? {} : { scalars }) });
  call.scalars?.forEach((t, k) => {
    if (t === null) return;
    launchPointwise(call.op, compile(input(0), t.dtype, [compute], 0, t.dtype), t, [scalars![k]!], []);
  });
}

interface RowLayout {
  readonly sizes: readonly number[];
  /** Of the outputs (out, scalars' result) and inputs over the kept dims. */
  readonly strides: readonly (readonly number[])[];
  readonly length: number;
  /** Of the same along the row: one stride each. */
  readonly along: readonly (readonly number[])[];
}

// A row's buffers should fit L2, and one row is never shared by threads. Rows far apart in memory that are neither short nor
// few side by side would be gathered a few columns at a time: passes over all of it are faster (4096 × 1024 along dim 0: 2 ×).
const longestRow = 1 << 17;
const longestColumn = 1 << 14;
const shortColumn = 32;
const narrow = 64;
const longestOfFew = 1 << 15;
const few = 8;

/** The geometry of a call: operands are out, a scalar result, inputs. Null where rows are better done in passes. */
function layoutOf(call: RowCall): RowLayout | null {
  const { out, row, inputs } = call;
  const shape = out.sizes;
  const operands = [out.strides, keptStrides(shape, row)];
  for (let i = 0; i < inputs.length; i++) {
    const t = inputs[i]!;
    operands.push(t.sizes === shape ? t.strides : broadcastStrides(t.sizes, t.strides, shape));
  }
  const along = coalesce(shape, operands, dimsMarked(row, true));
  if (along.sizes.length > 1) return null;
  const kept = coalesce(shape, operands, dimsMarked(row, false));
  const length = along.sizes[0]!;
  const step = along.strides[0]![0]!;
  const dense = step === 1;
  if (step > narrow && length > shortColumn) return null;
  if (length > (dense ? longestRow : longestColumn)) return null;
  if (length > longestOfFew && out.length / length < few) return null;
  return { sizes: kept.sizes, strides: kept.strides, length, along: along.strides };
}

function programsOf(call: RowCall): Programs {
  const { pipeline: p, inputs, compute, out } = call;
  // Four bits each: exact for the dozen operands that a pipeline may have.
  let key = compute.code * 16 + out.dtype.code;
  for (let i = 0; i < inputs.length; i++) key = key * 16 + inputs[i]!.dtype.code;
  let found = p.programs.get(key);
  if (found === undefined) {
    const { stages, result } = p.fused;
    const dtypes = [...inputs.map((t) => t.dtype), ...stages.flatMap(() => [compute, compute])];
    const params = call.params?.length ?? 0;
    found = {
      // Without places for their scalars; most calls want none.
      stages: stages.map((s, k) => ({
        reducer: s.reducer,
        prologue: compile(s.prologue, compute, dtypes, params, compute),
        epilogue: s.epilogue === null ? -1 : compile(s.epilogue, compute, dtypes, params, compute),
        kept: p.fused.kept[k]!,
        out: null,
      })),
      result: compile(result, compute, dtypes, params, out.dtype),
    };
    p.programs.set(key, found);
  }
  return found;
}

const none: readonly number[] = [];

function rowsOf(t: Tensor, layout: RowLayout, k: number): LineOperand {
  return { address: t.address, strides: layout.strides[k]!, along: layout.along[k]![0]! };
}

function launchRows(call: RowCall, layout: RowLayout): void {
  const { inputs, out, scalars } = call;
  const programs = programsOf(call);
  const wanted = (k: number) => ({ address: scalars?.[k]?.address ?? 0, strides: layout.strides[1]! });
  runRowwise(call.op, out.device.kernels!, {
    params: call.params ?? none,
    sizes: layout.sizes,
    n: layout.length,
    stages:
      scalars === undefined ? programs.stages : programs.stages.map((s, k) => ({ ...s, out: wanted(k) })),
    program: programs.result,
    outputs: [rowsOf(out, layout, 0)],
    inputs: inputs.map((t, i) => rowsOf(t, layout, i + 2)),
  });
}

/** The same, a pass over memory for each stage: for long rows, and dims that are not one row in memory. */
function runPasses(call: RowCall): void {
  const { pipeline: p, op, compute, out } = call;
  const params = call.params ?? [];
  const scalars: Tensor[] = [];
  p.stages.forEach((s, k) => {
    const scalar = reduce({
      op,
      reducer: s.reducer,
      prologue: s.prologue,
      inputs: [...call.inputs, ...scalars],
      params,
      compute,
      out: compute,
      reduced: call.row,
      keepdim: true,
    });
    scalars.push(scalar);
    if (s.epilogue !== null) applyEpilogue(call, s.epilogue, scalars);
    const wanted = call.scalars?.[k];
    if (wanted != null)
      launchPointwise(op, compile(input(0), compute, [compute], 0, compute), wanted, [scalar], []);
  });
  const operands = [...call.inputs, ...scalars];
  const program = compile(
    p.result,
    compute,
    operands.map((t) => t.dtype),
    params.length,
    out.dtype,
  );
  launchPointwise(op, program, out, operands, params);
}

/** Maps the last of `scalars` in place; the epilogue's scalars are the program's only inputs. */
function applyEpilogue(call: RowCall, epilogue: Expr, scalars: readonly Tensor[]): void {
  const { pipeline: p, op, compute } = call;
  const root = substitute(epilogue, (e) => (e.op === 'input' ? input(e.value - p.inputs) : undefined));
  const params = call.params ?? [];
  const dtypes = scalars.map(() => compute);
  launchPointwise(
    op,
    compile(root, compute, dtypes, params.length, compute),
    scalars.at(-1)!,
    scalars,
    params,
  );
}

/** A fresh tensor for one scalar a row, with the row's dims of size 1. */
export function newRowScalars(shape: Shape, row: readonly boolean[], dtype: DType): Tensor {
  return newTensor(reducedShape(shape, row, true), dtype);
}
