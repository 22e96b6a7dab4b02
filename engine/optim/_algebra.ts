// Algebra of update rules: one rule, written once, runs on tensors op by op (differentiable, any dtype and layout), and builds
// the expression of the fused program. Each operation rounds as PyTorch's op of that name does.
import { cpu } from '../core/device.js';
import { Tensor } from '../core/tensor.js';
import { clamp, where } from '../generated/functions.js';
import { apply, type Expr, expr } from '../pointwise/expr.js';
import { type Num, numberOf } from './_numbers.js';

/** Operations on values V (tensors, expressions) and scalars S (hyperparameters). */
export interface Algebra<V, S> {
  neg(x: V): V;
  abs(x: V): V;
  sign(x: V): V;
  sqrt(x: V): V;
  reciprocal(x: V): V;
  add(x: V, s: S): V;
  sub(x: V, y: V): V;
  mul(x: V, s: S): V;
  div(x: V, s: S): V;
  times(x: V, y: V): V;
  over(x: V, y: V): V;
  maximum(x: V, y: V): V;
  clamp(x: V, low: S, high: S): V;
  /** x + s · y; `apart`: product and sum are rounded each, as PyTorch does for complex numbers. */
  axpy(x: V, y: V, s: S, apart?: boolean): V;
  /** x + s · (end − x); `far`: s is at least one half, and the sum starts from the end. */
  lerp(x: V, end: V, s: S, far: boolean): V;
  /** x + s · a · b */
  addcmul(x: V, a: V, b: V, s: S): V;
  /** x + s · a / b */
  addcdiv(x: V, a: V, b: V, s: S): V;
  /** By the sign of x: above, below or at zero. */
  bySign(x: V, above: S, below: S, zero: S): V;
  /** x where the condition differs from s, and zero where they are equal. */
  zeroWhere(condition: V, s: S, x: V): V;
  /** A number as a scalar. */
  scalar(x: number): S;
  /** Without history. */
  detach(x: V): V;
}

/** A scalar that stays a tensor: a gradient flows into it, or reading it would wait for its device. */
const isOperand = (s: Num): s is Tensor => s instanceof Tensor && (s.requiresGrad || s.device !== cpu);
const operand = (s: Num): Num => (isOperand(s) ? s : numberOf(s));

/** The algebra of tensors: new results, every op recorded where gradients are. */
export const tensorAlgebra: Algebra<Tensor, Num> = {
  neg: (x) => x.neg(),
  abs: (x) => x.abs(),
  sign: (x) => x.sign(),
  sqrt: (x) => x.sqrt(),
  reciprocal: (x) => x.reciprocal(),
  add: (x, s) => x.add(s),
  sub: (x, y) => x.sub(y),
  mul: (x, s) => x.mul(s),
  div: (x, s) => x.div(s),
  times: (x, y) => x.mul(y),
  over: (x, y) => x.div(y),
  maximum: (x, y) => x.maximum(y),
  clamp: (x, low, high) => clamp(x, numberOf(low), numberOf(high)),
  axpy: (x, y, s, apart) => {
    if (isOperand(s)) return x.addcmul(y, s);
    return apart ? x.add(y.mul(s)) : x.add(y, { alpha: numberOf(s) });
  },
  lerp: (x, end, s) => x.lerp(end, operand(s)),
  addcmul: (x, a, b, s) => (isOperand(s) ? x.add(a.mul(b).mul(s)) : x.addcmul(a, b, { value: numberOf(s) })),
  addcdiv: (x, a, b, s) => (isOperand(s) ? x.add(a.mul(s).div(b)) : x.addcdiv(a, b, { value: numberOf(s) })),
  bySign: (x, above, below, zero) =>
    where(x.gt(0), x.mul(0).add(above), where(x.lt(0), x.mul(0).add(below), x.mul(0).add(zero))),
  zeroWhere: (condition, s, x) => x.maskedFill(condition.eq(s), 0),
  scalar: (x) => x,
  detach: (x) => x.detach(),
};

/** The algebra of expressions, each the one that its op computes: a fused step rounds as the ops one by one. */
export const exprAlgebra: Algebra<Expr, Expr> = {
  neg: (x) => x.neg(),
  abs: (x) => x.abs(),
  sign: (x) => apply('sign', x),
  sqrt: (x) => x.sqrt(),
  reciprocal: (x) => x.reciprocal(),
  add: (x, s) => x.add(s),
  sub: (x, y) => x.sub(y),
  mul: (x, s) => x.mul(s),
  div: (x, s) => x.div(s),
  times: (x, y) => x.mul(y),
  over: (x, y) => x.div(y),
  maximum: (x, y) => x.maximum(y),
  clamp: (x, low, high) => apply('clamp', x, low, high),
  axpy: (x, y, s, apart) => (apart ? x.add(y.mul(s)) : y.fma(s, x)),
  lerp: (x, end, s, far) => {
    const apart = end.sub(x);
    return far ? apart.fma(expr(1).sub(s).neg(), end) : s.fma(apart, x);
  },
  addcmul: (x, a, b, s) => a.mul(s).fma(b, x),
  addcdiv: (x, a, b, s) => x.add(a.mul(s).div(b)),
  bySign: (x, above, below, zero) => x.gt(0).where(above, x.lt(0).where(below, x.eq(0).where(zero, x))),
  zeroWhere: (condition, s, x) => condition.eq(s).where(0, x),
  scalar: (x) => expr(x),
  detach: (x) => x,
};
