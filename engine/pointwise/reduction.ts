// Reductions of expressions: a prologue over broadcast inputs, a reducer, an optional epilogue. No autograd: ops record
// what they compute.

import { launchPointwise } from '../backend/commands/pointwise.js';
import { launchFullReduce, launchReduce, type Reducer } from '../backend/commands/reduce.js';
import { kernelsOf } from '../core/device.js';
import type { DType } from '../core/dtype.js';
import { computedIn, int64 } from '../core/dtype.js';
import { newTensor } from '../core/factory.js';
import { broadcastShapes, contiguousStrides, type Shape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { type Expr, expr, input } from './expr.js';
import { compile } from './program.js';

export interface Reduction {
  readonly op: string;
  readonly reducer: Reducer;
  /** What is reduced, an expression over `inputs` and `params`. */
  readonly prologue: Expr;
  /** What becomes of each result, an expression over input 0 (the result) and `epilogueParams`. */
  readonly epilogue?: Expr;
  readonly inputs: readonly Tensor[];
  readonly params?: readonly number[];
  readonly epilogueParams?: readonly number[];
  /** What the epilogue takes and computes in, where it is not to be rounded to `out` twice: sums of floats are kept in float64. */
  readonly between?: DType;
  readonly compute: DType;
  readonly out: DType;
  /** Which dims of the inputs' broadcast shape go. */
  readonly reduced: readonly boolean[];
  readonly keepdim: boolean;
}

/** The shape that a reduction leaves. */
export function reducedShape(shape: Shape, reduced: readonly boolean[], keepdim: boolean): number[] {
  const out: number[] = [];
  shape.forEach((size, d) => {
    if (!reduced[d]) out.push(size);
    else if (keepdim) out.push(1);
  });
  return out;
}

function iterationShape(r: Reduction): Shape {
  kernelsOf(r.op, r.inputs);
  return r.inputs.reduce((shape, t) => broadcastShapes(r.op, shape, t.sizes), r.inputs[0]!.sizes);
}

/** Runs a reduction. Over nothing, sums are 0 and products 1; callers refuse what has no identity. */
export function reduce(r: Reduction): Tensor {
  const shape = iterationShape(r);
  const dtype = r.epilogue === undefined ? r.out : (r.between ?? computedIn(r.out));
  if (r.reducer === 'prod' && r.compute.isComplex && shape.every((s) => s > 0)) return product(r, shape);
  const out = newTensor(reducedShape(shape, r.reduced, r.keepdim), dtype);
  if (out.length === 0) return dtype === r.out ? out : newTensor(out.sizes, r.out);
  const params = r.params ?? [];
  if (shape.some((s) => s === 0)) {
    const identity = expr(r.reducer === 'prod' ? 1 : 0);
    launchPointwise(r.op, compile(identity, dtype, [], 0, dtype), out, [], []);
  } else {
    const program = compile(
      r.prologue,
      r.compute,
      r.inputs.map((t) => t.dtype),
      params.length,
      dtype,
    );
    launchReduce(r.op, program, r.reducer, shape, r.reduced, out, null, r.inputs, params);
  }
  return r.epilogue === undefined ? out : withEpilogue(r, r.epilogue, out);
}

/** Whether `reduceAll` takes it: float32 or float64 in memory, one after another. */
export function isPlain(x: unknown): x is Tensor {
  if (!(x instanceof Tensor) || !x.rowMajor || x.device.kernels === null || x.length === 0) return false;
  return x.dtype.isFloatingPoint && x.dtype.itemSize >= 4;
}

/** A plain tensor's elements reduced to one 0-d tensor of its dtype: `reduce` of all dims without its choices. */
export function reduceAll(op: string, reducer: Reducer, prologue: Expr, x: Tensor): Tensor {
  const { dtype } = x;
  const out = newTensor(scalarShape, dtype);
  launchFullReduce(op, compile(prologue, dtype, [dtype], 0, dtype), reducer, out, x);
  return out;
}
const scalarShape: Shape = [];

/** In place, unless a 16-bit result is to be rounded once only. */
function withEpilogue(r: Reduction, epilogue: Expr, result: Tensor): Tensor {
  const to = result.dtype === r.out ? result : newTensor(result.sizes, r.out);
  const params = r.epilogueParams ?? [];
  const compute = r.between ?? r.out;
  launchPointwise(
    r.op,
    compile(epilogue, compute, [result.dtype], params.length, r.out),
    to,
    [result],
    params,
  );
  return to;
}

/** The product of complex numbers, dim by dim, by halves: the reducers know real numbers. */
function product(r: Reduction, shape: Shape): Tensor {
  const { op, compute } = r;
  let x = newTensor(shape, compute);
  const run = (root: Expr, out: Tensor, inputs: readonly Tensor[]): Tensor => {
    const dtypes = inputs.map((t) => t.dtype);
    launchPointwise(op, compile(root, compute, dtypes, 0, out.dtype), out, inputs, []);
    return out;
  };
  run(r.prologue, x, r.inputs);
  const part = (t: Tensor, dim: number, from: number, size: number): Tensor => {
    const sizes = t.sizes.map((s, d) => (d === dim ? size : s));
    return new Tensor(t.storage, sizes, t.strides, t.offset + from * t.strides[dim]!, t.dtype);
  };
  shape.forEach((_, dim) => {
    if (!r.reduced[dim]) return;
    for (let n = x.sizes[dim]!; n > 1; n = Math.ceil(n / 2)) {
      const half = Math.floor(n / 2);
      const head = part(x, dim, 0, half);
      run(input(0).mul(input(1)), head, [head, part(x, dim, n - half, half)]);
      x = part(x, dim, 0, n - half);
    }
  });
  const out = newTensor(reducedShape(shape, r.reduced, true), r.out);
  run(input(0), out, [x]);
  return r.keepdim
    ? out
    : new Tensor(
        out.storage,
        reducedShape(shape, r.reduced, false),
        contiguousStrides(reducedShape(shape, r.reduced, false)),
        out.offset,
        out.dtype,
      );
}

/** Runs an arg-reduction: the extreme values and their flat indices within the reduced dims. Sizes are not 0. */
export function reduceWithIndex(r: Reduction): { values: Tensor; indices: Tensor } {
  const shape = iterationShape(r);
  const kept = reducedShape(shape, r.reduced, r.keepdim);
  const values = newTensor(kept, r.out);
  const indices = newTensor(kept, int64);
  if (values.length === 0) return { values, indices };
  const program = compile(
    r.prologue,
    r.compute,
    r.inputs.map((t) => t.dtype),
    0,
    r.out,
  );
  launchReduce(r.op, program, r.reducer, shape, r.reduced, values, indices, r.inputs, []);
  return { values, indices };
}
