// Stateless parts of pointwise functions: promotion of a call's dtypes, and gradients summed while they are computed.

import { launchPointwise } from '../backend/commands/pointwise.js';
import { launchReduce } from '../backend/commands/reduce.js';
import { type DType, promoteTypes, resultType } from '../core/dtype.js';
import { newTensor } from '../core/factory.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { type Expr, expr } from './expr.js';
import { compile } from './program.js';

/** The dtype that a call's tensors and scalars promote to; `neutral` inputs and null kinds take no part. */
export function promoted(
  tensors: readonly Tensor[],
  kinds: readonly (DType | null)[],
  neutral: readonly number[],
): DType {
  let dimensioned: DType | null = null;
  let zeroDim: DType | null = null;
  let scalar: DType | null = null;
  tensors.forEach((t, i) => {
    if (neutral.includes(i)) return;
    if (t.sizes.length > 0) dimensioned = dimensioned === null ? t.dtype : promoteTypes(dimensioned, t.dtype);
    else zeroDim = zeroDim === null ? t.dtype : promoteTypes(zeroDim, t.dtype);
  });
  for (const k of kinds) if (k !== null) scalar = scalar === null ? k : promoteTypes(scalar, k);
  return resultType(dimensioned, zeroDim, scalar);
}

/** Fresh zeros. */
export function zerosLike(shape: Shape, dtype: DType): Tensor {
  const t = newTensor(shape, dtype);
  launchPointwise('zeros', compile(zeroExpr, dtype, [], 0, dtype), t, [], []);
  return t;
}

const zeroExpr = expr(0);

/** An expression of `values` over the shape `full`, summed down to the shape `target`, which broadcasts to it, in one pass. */
export function summed(
  op: string,
  root: Expr,
  values: readonly Tensor[],
  scalars: readonly number[],
  full: Shape,
  target: Shape,
  dtype: DType,
  compute: DType,
): Tensor {
  const lead = full.length - target.length;
  const reduced = full.map((size, d) => d < lead || (target[d - lead] === 1 && size !== 1));
  const out = newTensor(target, dtype);
  if (out.length === 0) return out;
  if (full.some((s) => s === 0)) return zerosLike(target, dtype);
  const program = compile(
    root,
    compute,
    values.map((t) => t.dtype),
    scalars.length,
    dtype,
  );
  launchReduce(op, program, 'sum', full, reduced, out, null, values, scalars);
  return out;
}
