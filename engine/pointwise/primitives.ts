// Derivatives of the scalar primitives, one record each; their kernels are in native/ops/. In a rule, g is the incoming
// gradient, args are the arguments, and y is the result, which is saved and not computed again.
import { message, RuntimeError } from '../core/errors.js';
import { apply, type Expr, expr } from './expr.js';

type Derivative = (g: Expr, args: readonly Expr[], y: Expr) => readonly (Expr | null)[];

const zero1: Derivative = () => [null];
const zero2: Derivative = () => [null, null];
const unary =
  (f: (g: Expr, x: Expr, y: Expr) => Expr): Derivative =>
  (g, [x], y) => [f(g, x!, y)];
const one = (): Expr => expr(1);
const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** torch.maximum's share: half at a tie, nothing where it loses, everything where either is NaN. */
const share = (g: Expr, loses: Expr, tie: Expr): Expr => loses.where(0, tie.where(g.mul(0.5), g));
/** A bound that no gradient flows into. */
const isBound = (e: Expr): boolean => e.op === 'const' || e.op === 'param';

/**
 * A bound as the first operand makes a threshold, as relu and hardtanh have it: nothing passes at the bound. The result of
 * maximum says which side it was, so that relu saves its result; minimum asks its operand, as hardtanh saves its input.
 */
const maximum: Derivative = (g, [a, b], y) =>
  isBound(a!)
    ? [null, y.le(a!).where(0, g)]
    : [share(g, a!.lt(b!), a!.eq(b!)), share(g, b!.lt(a!), a!.eq(b!))];
const minimum: Derivative = (g, [a, b]) =>
  isBound(a!)
    ? [null, b!.lt(a!).where(g, 0)]
    : [share(g, a!.gt(b!), a!.eq(b!)), share(g, b!.gt(a!), a!.eq(b!))];

/** torch.fmax gives the whole gradient to the first where it wins, ties, or the second is NaN. */
function fmaxLike(g: Expr, first: Expr, b: Expr): readonly Expr[] {
  const takesFirst = apply('logicalOr', first, apply('isnan', b));
  return [takesFirst.where(g, 0), takesFirst.where(0, g)];
}

/** x^(a − 1) e^−x / Γ(a). */
const gammaDensity = (a: Expr, x: Expr): Expr => a.sub(1).mul(x.log()).sub(x).sub(apply('lgamma', a)).exp();

/** The slope of a function that is y / x near 0, where the quotient's limit is one half. */
const halfAtZero = (x: Expr, slope: (safe: Expr) => Expr): Expr => {
  const zero = x.eq(0);
  return zero.where(0.5, slope(zero.where(1, x)));
};

/** Φ and its slope: the normal distribution's function and density. */
const normalArea = (x: Expr): Expr => apply('erf', x.mul(Math.SQRT1_2)).add(1).mul(0.5);
const normalDensity = (x: Expr): Expr =>
  x
    .mul(x)
    .mul(-0.5)
    .exp()
    .mul(Math.SQRT1_2 * 0.5 * twoOverSqrtPi);

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
  sigmoid: unary((g, _x, y) => g.mul(one().sub(y)).mul(y)),
  erf: unary((g, x) => g.mul(x.mul(x).neg().exp()).mul(twoOverSqrtPi)),
  erfc: unary((g, x) => g.mul(x.mul(x).neg().exp()).mul(-twoOverSqrtPi)),
  erfinv: unary((g, _x, y) => g.mul(y.mul(y).exp()).mul(Math.sqrt(Math.PI) / 2)),
  gelu: unary((g, x) => g.mul(normalArea(x).add(x.mul(normalDensity(x))))),
  lgamma: unary((g, x) => g.mul(apply('digamma', x))),
  // Of real numbers; those of complex ones are in wirtinger.ts.
  angle: zero1,
  complex: (g) => [apply('real', g), apply('imag', g)],
  conj: unary((g) => g),
  real: unary((g) => g),
  imag: zero1,
  digamma: unary((g, x) => g.mul(apply('polygamma', 1, x))),
  polygamma: (g, [n, x]) => [null, g.mul(apply('polygamma', n!.add(1), x!))],
  // Of the incomplete gamma functions' first argument PyTorch has no derivative either.
  igamma: (g, [a, x]) => [null, g.mul(gammaDensity(a!, x!))],
  igammac: (g, [a, x]) => [null, g.mul(gammaDensity(a!, x!)).neg()],
  i0: unary((g, x) => g.mul(apply('i1', x))),
  i0e: unary((g, x, y) => g.mul(apply('i1e', x).sub(apply('sign', x).mul(y)))),
  i1: unary((g, x, y) => g.mul(halfAtZero(x, (safe) => apply('i0', x).sub(y.div(safe))))),
  i1e: unary((g, x, y) =>
    g.mul(halfAtZero(x, (safe) => apply('i0e', x).sub(y.mul(apply('sign', x).add(safe.reciprocal()))))),
  ),
  erfcx: unary((g, x, y) => g.mul(x.mul(y).mul(2).sub(twoOverSqrtPi))),
  ndtri: unary((g, _x, y) => g.mul(y.mul(y).mul(0.5).exp()).mul(Math.sqrt(2 * Math.PI))),
  logNdtr: unary((g, x) => g.div(apply('erfcx', x.mul(-Math.SQRT1_2))).mul(Math.sqrt(2 / Math.PI))),
  mantissa: unary((g, x) => g.div(apply('exp2', apply('exponent', x)))),
  floor: zero1,
  ceil: zero1,
  round: zero1,
  trunc: zero1,
  add: (g) => [g, g],
  sub: (g) => [g, g.neg()],
  mul: (g, [a, b]) => [g.mul(b!), g.mul(a!)],
  // −a / b is not the node a / b: PyTorch saves the operands, and the result may be changed in-place.
  div: (g, [a, b]) => [g.div(b!), g.mul(a!.neg().div(b!).div(b!))],
  fma: (g, [a, b]) => [g.mul(b!), g.mul(a!), g],
  // b·a^(b-1), 0 where b is 0, so that 0^0 has no NaN; a^b·ln a, 0 where a is 0 and b ≥ 0. What a condition excludes is
  // harmless too, so that second derivatives have no NaN either.
  pow: (g, [a, b], y) => {
    const none = b!.eq(0);
    const zero = apply('logicalAnd', a!.eq(0), b!.ge(0));
    return [
      none.where(0, g.mul(b!.mul(a!.pow(none.where(1, b!).sub(1))))),
      zero.where(0, g.mul(y.mul(zero.where(1, a!).log()))),
    ];
  },
  maximum,
  minimum,
  fmax: (g, [a, b]) => fmaxLike(g, a!.ge(b!), b!),
  fmin: (g, [a, b]) => fmaxLike(g, a!.le(b!), b!),
  where: (g, [c]) => [null, c!.where(g, 0), c!.where(0, g)],
  // Between numbers, which take no gradient.
  clamp: (g, [x, low, high]) => [apply('logicalAnd', x!.ge(low!), x!.le(high!)).where(g, 0), null, null],
  floorDiv: zero2,
  truncDiv: zero2,
  remainder: (g, [a, b]) => [g, g.mul(apply('floorDiv', a!, b!)).neg()],
  fmod: (g, [a, b]) => [g, g.mul(apply('truncDiv', a!, b!)).neg()],
  atan2: (g, [a, b]) => {
    // At the origin, where there is no slope, torch gives 0.
    const r2 = a!.mul(a!).add(b!.mul(b!));
    const inverse = r2.eq(0).where(0, r2.reciprocal());
    return [g.mul(b!).mul(inverse), g.mul(a!).neg().mul(inverse)];
  },
  hypot: (g, [a, b], y) => [g.mul(a!.div(y)), g.mul(b!.div(y))],
  copysign: (g, [a], y) => {
    const zero = a!.eq(0);
    return [zero.where(0, g.mul(y.div(zero.where(1, a!)))), null];
  },
  // At its target it stands still.
  nextafter: (g, [a, b]) => [a!.eq(b!).where(0, g), null],
  ldexp: (g, [_a, b], y) => [g.mul(apply('exp2', b!)), g.mul(y).mul(Math.LN2)],
};

/** Primitives whose result is 0/1 or an integer, or that PyTorch does not differentiate: no gradient passes. */
const stepLike: ReadonlySet<string> = new Set(
  `eq ne lt le gt ge logicalNot logicalAnd logicalOr logicalXor isnan isinf isfinite signbit
   bitwiseNot bitwiseAnd bitwiseOr bitwiseXor shiftLeft shiftRight gcd lcm heaviside exponent`.split(/\s+/),
);
const noGradient: Derivative = () => [null, null, null];

/** Primitives whose derivative PyTorch does not have either: to ask for it is an error, not a zero. */
const underived: ReadonlySet<string> = new Set(
  `k0 k0e k1 k1e besselJ0 besselJ1 besselY0 besselY1 sphericalJ0 airyAi zeta
   chebyshevT chebyshevU chebyshevV chebyshevW hermiteH hermiteHe laguerreL legendreP`.split(/\s+/),
);
const refused =
  (op: string): Derivative =>
  () => {
    throw new RuntimeError(
      message(op, 'a function with a derivative', op, `derivative for ${op} is not implemented`),
    );
  };

/** The derivative record of a primitive. */
export function derivativeOf(op: string): Derivative {
  const found = derivatives[op];
  if (found !== undefined) return found;
  if (stepLike.has(op)) return noGradient;
  if (underived.has(op)) return refused(op);
  throw new Error(`the scalar primitive '${op}' has no derivative record`);
}
