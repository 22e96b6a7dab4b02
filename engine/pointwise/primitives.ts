// Owns the scalar primitives' derivatives: one record a primitive. The kernels' side is native/ops/. It must not know
// tensors or dtypes. g is the incoming gradient, args the arguments, y the node itself (its value is saved, not recomputed).
import { apply, type Expr, expr } from './expr.js';

type Derivative = (g: Expr, args: readonly Expr[], y: Expr) => readonly (Expr | null)[];

const zero1: Derivative = () => [null];
const zero2: Derivative = () => [null, null];
const unary =
  (f: (g: Expr, x: Expr, y: Expr) => Expr): Derivative =>
  (g, [x], y) => [f(g, x!, y)];
const one = (): Expr => expr(1);
const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** Shares a gradient at ties: all to the winner, half to each when equal, as torch.maximum does. */
const winner = (g: Expr, wins: Expr, tie: Expr): Expr => wins.where(g, tie.where(g.mul(0.5), 0));

const derivatives: Readonly<Record<string, Derivative>> = {
  neg: unary((g) => g.neg()),
  abs: unary((g, x) => g.mul(apply('sign', x))),
  sign: zero1,
  square: unary((g, x) => g.mul(x.mul(2))),
  reciprocal: unary((g, _x, y) => g.mul(y).mul(y).neg()),
  exp: unary((g, _x, y) => g.mul(y)),
  exp2: unary((g, _x, y) => g.mul(y).mul(Math.LN2)),
  expm1: unary((g, _x, y) => g.mul(y.add(1))),
  log: unary((g, x) => g.div(x)),
  log2: unary((g, x) => g.div(x.mul(Math.LN2))),
  log10: unary((g, x) => g.div(x.mul(Math.LN10))),
  log1p: unary((g, x) => g.div(x.add(1))),
  sqrt: unary((g, _x, y) => g.div(y.mul(2))),
  rsqrt: unary((g, _x, y) => g.mul(y.mul(y).mul(y)).mul(-0.5)),
  sin: unary((g, x) => g.mul(apply('cos', x))),
  cos: unary((g, x) => g.mul(apply('sin', x)).neg()),
  tan: unary((g, _x, y) => g.mul(y.mul(y).add(1))),
  asin: unary((g, x) => g.mul(apply('rsqrt', one().sub(x.mul(x))))),
  acos: unary((g, x) => g.mul(apply('rsqrt', one().sub(x.mul(x)))).neg()),
  atan: unary((g, x) => g.div(x.mul(x).add(1))),
  sinh: unary((g, x) => g.mul(apply('cosh', x))),
  cosh: unary((g, x) => g.mul(apply('sinh', x))),
  tanh: unary((g, _x, y) => g.mul(one().sub(y.mul(y)))),
  asinh: unary((g, x) => g.mul(apply('rsqrt', x.mul(x).add(1)))),
  acosh: unary((g, x) => g.mul(apply('rsqrt', x.mul(x).sub(1)))),
  atanh: unary((g, x) => g.div(one().sub(x.mul(x)))),
  sigmoid: unary((g, _x, y) => g.mul(y).mul(one().sub(y))),
  erf: unary((g, x) => g.mul(x.mul(x).neg().exp()).mul(twoOverSqrtPi)),
  erfc: unary((g, x) => g.mul(x.mul(x).neg().exp()).mul(-twoOverSqrtPi)),
  erfinv: unary((g, _x, y) => g.mul(y.mul(y).exp()).mul(Math.sqrt(Math.PI) / 2)),
  lgamma: unary((g, x) => g.mul(apply('digamma', x))),
  floor: zero1,
  ceil: zero1,
  round: zero1,
  trunc: zero1,
  add: (g) => [g, g],
  sub: (g) => [g, g.neg()],
  mul: (g, [a, b]) => [g.mul(b!), g.mul(a!)],
  div: (g, [a, b]) => [g.div(b!), g.mul(a!.div(b!).div(b!)).neg()],
  fma: (g, [a, b]) => [g.mul(b!), g.mul(a!), g],
  pow: (g, [a, b], y) => [
    // b·a^(b-1), 0 where b is 0, so that 0^0 has no NaN; a^b·ln a, 0 where a is 0 and b ≥ 0.
    b!.eq(0).where(0, g.mul(b!.mul(a!.pow(b!.sub(1))))),
    apply('logicalAnd', a!.eq(0), b!.ge(0)).where(0, g.mul(y.mul(a!.log()))),
  ],
  maximum: (g, [a, b]) => [winner(g, a!.gt(b!), a!.eq(b!)), winner(g, b!.gt(a!), a!.eq(b!))],
  minimum: (g, [a, b]) => [winner(g, a!.lt(b!), a!.eq(b!)), winner(g, b!.lt(a!), a!.eq(b!))],
  // torch.fmax gives the whole gradient to a where a ≥ b or b is NaN.
  fmax: (g, [a, b]) => fmaxLike(g, a!.ge(b!), b!),
  fmin: (g, [a, b]) => fmaxLike(g, a!.le(b!), b!),
  where: (g, [c]) => [null, c!.where(g, 0), c!.where(0, g)],
  floorDiv: zero2,
  truncDiv: zero2,
  remainder: (g, [a, b]) => [g, g.mul(apply('floorDiv', a!, b!)).neg()],
  fmod: (g, [a, b]) => [g, g.mul(apply('truncDiv', a!, b!)).neg()],
  atan2: (g, [a, b]) => {
    const r2 = a!.mul(a!).add(b!.mul(b!));
    return [g.mul(b!.div(r2)), g.mul(a!.div(r2)).neg()];
  },
  hypot: (g, [a, b], y) => [g.mul(a!.div(y)), g.mul(b!.div(y))],
  copysign: (g, [a, b], y) => [a!.eq(0).where(0, g.mul(y.div(a!))), b!.mul(0)],
  ldexp: (g, [_a, b], y) => [g.mul(apply('exp2', b!)), g.mul(y).mul(Math.LN2)],
};

function fmaxLike(g: Expr, first: Expr, b: Expr): readonly Expr[] {
  const takesFirst = apply('logicalOr', first, apply('isnan', b));
  return [takesFirst.where(g, 0), takesFirst.where(0, g)];
}

/** Primitives whose result is 0/1 or an integer: no gradient passes. */
const stepLike = new Set([
  'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'logicalNot', 'logicalAnd', 'logicalOr', 'logicalXor',
  'isnan', 'isinf', 'isfinite', 'signbit', 'bitwiseNot', 'bitwiseAnd', 'bitwiseOr', 'bitwiseXor',
  'shiftLeft', 'shiftRight', 'gcd', 'lcm', 'nextafter', 'heaviside',
]);
const noGradient: Derivative = () => [null, null, null];

/** The derivative record of a primitive. */
export function derivativeOf(op: string): Derivative {
  const found = derivatives[op];
  if (found !== undefined) return found;
  if (stepLike.has(op)) return noGradient;
  throw new Error(`the scalar primitive '${op}' has no derivative record`);
}
