// Owns reductions of expressions: a prologue over broadcast inputs, a reducer, an optional epilogue on the result.
// No autograd and no op names: ops/ record what they compute.
import { cpu, deviceError } from '../device.js';
import type { DType } from '../dtype.js';
import { int64 } from '../dtype.js';
import { newTensor } from '../factory.js';
import { broadcastShapes, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Expr, expr } from './expr.js';
import { launchPointwise, launchReduce, type Reducer } from './launch.js';
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
  let shape = r.inputs[0]!.shape;
  for (const t of r.inputs) {
    if (t.device !== cpu) throw deviceError(r.op, r.inputs);
    shape = broadcastShapes(r.op, shape, t.shape);
  }
  return shape;
}

/** Runs a reduction. Over nothing, sums are 0 and products 1; callers refuse what has no identity. */
export function reduce(r: Reduction): Tensor {
  const shape = iterationShape(r);
  const out = newTensor(reducedShape(shape, r.reduced, r.keepdim), r.out);
  if (out.length === 0) return out;
  const params = r.params ?? [];
  if (shape.some((s) => s === 0)) {
    const identity = expr(r.reducer === 'prod' ? 1 : 0);
    launchPointwise(r.op, compile(identity, r.out, [], 0, r.out), out, [], []);
  } else {
    const program = compile(
      r.prologue,
      r.compute,
      r.inputs.map((t) => t.dtype),
      params.length,
      r.out,
    );
    launchReduce(r.op, program, r.reducer, shape, r.reduced, out, null, r.inputs, params);
  }
  if (r.epilogue !== undefined) {
    const more = r.epilogueParams ?? [];
    launchPointwise(r.op, compile(r.epilogue, r.out, [r.out], more.length, r.out), out, [out], more);
  }
  return out;
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
