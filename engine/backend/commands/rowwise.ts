// Rowwise command: stages of reductions over rows of n elements, then a program, while a row is in cache.
//   block = [K, nin, nout, ndim, P, param × P, size × ndim (kept), n,
//            (reducer, prologue, epilogue, kept, rowOut: address, stride × ndim) × K,
//            program, out: (address, stride × ndim, strideN) × nout, in: the same × nin]
// A stage reduces (sum, prod, max, min) its prologue over the row to one scalar; its epilogue (a program, or -1) maps the scalar;
// the scalar is stored at rowOut too (address 0: not wanted), in the compute dtype. Every program has nin + 2K inputs: the
// inputs, the K scalars, the K prologues' values (those of a stage with kept = 1 are held until the row's end). Each may read
// what earlier stages made, an epilogue only the scalars, its own included. All compute in one dtype, which is also the dtype of
// scalars, values and the outputs of prologues and epilogues; they share the params. `program` may be -1 (nout = 0). At most 8
// stages. A row's buffers take n × (itemsize of what is kept or gathered) bytes a thread, for at least 16 rows at once where
// rows are not dense: the caller takes other families for rows that would not fit L2. Mirrors native/commands/rowwise.h.

import { message, RuntimeError } from '../../core/errors.js';
import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import {
  Cursor,
  endCommand,
  type LineOperand,
  nameOf,
  type Operand,
  requireDims,
  writeLine,
  writeList,
  writeOperand,
} from './cursor.js';
import { type Reducer, reducers } from './reduce.js';
import { requireDone } from './status.js';

/** kMaxStages in native/commands/rowwise.h. */
const maxStages = 8;

export interface RowStage {
  readonly reducer: Reducer;
  readonly prologue: number;
  /** -1: the reduction itself. */
  readonly epilogue: number;
  /** Whether later programs read the prologue's values. */
  readonly kept: boolean;
  /** Where the scalars go too; null, or address 0: nowhere. */
  readonly out: Operand | null;
}

export interface RowwiseCommand {
  readonly params: readonly number[];
  readonly sizes: readonly number[];
  readonly n: number;
  readonly stages: readonly RowStage[];
  readonly program: number;
  readonly outputs: readonly LineOperand[];
  readonly inputs: readonly LineOperand[];
}

export function encodeRowwise(op: string, c: RowwiseCommand): number {
  requireDims(op, c.sizes.length);
  if (c.stages.length > maxStages)
    throw new RuntimeError(message(op, `at most ${maxStages} reductions along a row`, `${c.stages.length}`));
  block[0] = c.stages.length;
  block[1] = c.inputs.length;
  block[2] = c.outputs.length;
  block[3] = c.sizes.length;
  block[4] = c.params.length;
  const ndim = c.sizes.length;
  let at = writeList(5, c.params);
  at = writeList(at, c.sizes);
  block[at++] = c.n;
  for (const stage of c.stages) {
    block[at++] = reducers[stage.reducer];
    block[at++] = stage.prologue;
    block[at++] = stage.epilogue;
    block[at++] = stage.kept ? 1 : 0;
    at = stage.out === null ? writeNowhere(at, ndim) : writeOperand(at, stage.out.address, stage.out.strides);
  }
  block[at++] = c.program;
  for (const out of c.outputs) at = writeLine(at, out);
  for (const input of c.inputs) at = writeLine(at, input);
  return endCommand(op, at);
}

function writeNowhere(at: number, ndim: number): number {
  for (let i = 0; i <= ndim; i++) block[at + i] = 0;
  return at + 1 + ndim;
}

export function decodeRowwise(): RowwiseCommand {
  const cursor = new Cursor();
  const [stages, inputs, outputs, ndim, params] = cursor.list(5) as [number, number, number, number, number];
  return {
    params: cursor.list(params),
    sizes: cursor.list(ndim),
    n: cursor.number(),
    stages: cursor.repeat(stages, () => ({
      reducer: nameOf(reducers, cursor.number()),
      prologue: cursor.number(),
      epilogue: cursor.number(),
      kept: cursor.flag(),
      out: cursor.operand(ndim),
    })),
    program: cursor.number(),
    outputs: cursor.repeat(outputs, () => cursor.line(ndim)),
    inputs: cursor.repeat(inputs, () => cursor.line(ndim)),
  };
}

export function runRowwise(op: string, kernels: Kernels, c: RowwiseCommand): void {
  encodeRowwise(op, c);
  kernels.rowwise();
  requireDone(op);
}
