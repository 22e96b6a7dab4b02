// Elementary functions: exponentials, logarithms, powers, trigonometric, hyperbolic, error and gamma functions,
// rounding.
import { complex128, float64 } from '../../core/dtype.js';
import { ArgumentError, message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { requireFits } from '../../core/scalar.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, type Fill, t } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import { option, other, otherTensor, self, selfOrScalar } from './arithmetic.js';
import { clampBetween } from './compare.js';

type Def = Parameters<typeof definePointwise>[0];
type More = Partial<Def>;

/** A function of one number that is a scalar primitive; integers become the default float. */
function elementary(name: string, numpy: string | null, doc: string, more: More = {}): overloads.PointwiseOp {
  return definePointwise({
    name,
    ...(numpy === null ? {} : { numpy: `numpy.${numpy}` }),
    doc,
    params: [self],
    promote: 'float',
    pointwise: (x) => apply(name, x as Expr),
    ...more,
  });
}
const bench = () => [call([t([1000000])])];
const positive: More = {
  tests: () => ({ fill: 'positive' }),
};
const unit: More = {
  tests: () => ({ fill: 'unit' }),
};

export const exp = elementary('exp', 'exp', 'e to the power input.', {
  tests: () => ({ bench: bench() }),
});
export const exp2 = elementary('exp2', 'exp2', '2 to the power input.', { aliases: ['torch.special.exp2'] });
export const expm1 = elementary('expm1', 'expm1', 'exp(input) − 1, exact near 0.', {
  aliases: ['torch.special.expm1'],
});
export const log = elementary('log', 'log', 'The natural logarithm.', positive);
export const log2 = elementary('log2', 'log2', 'The logarithm to base 2.', positive);
export const log10 = elementary('log10', 'log10', 'The logarithm to base 10.', positive);
export const log1p = elementary('log1p', 'log1p', 'log(1 + input), exact near 0.', {
  aliases: ['torch.special.log1p'],
  ...positive,
  gradName: 'Log1PBackward0',
});
export const sqrt = elementary('sqrt', 'sqrt', 'The square root; NaN below 0.', positive);
export const rsqrt = elementary('rsqrt', null, '1 / √input.', positive);

export const sin = elementary('sin', 'sin', 'The sine of radians.');
export const cos = elementary('cos', 'cos', 'The cosine of radians.');
export const tan = elementary('tan', 'tan', 'The tangent of radians.', unit);
export const asin = elementary('asin', 'arcsin', 'The arcsine, in radians.', {
  ...unit,
  aliases: ['torch.arcsin'],
});
export const acos = elementary('acos', 'arccos', 'The arccosine, in radians.', {
  ...unit,
  aliases: ['torch.arccos'],
});
export const atan = elementary('atan', 'arctan', 'The arctangent, in radians.', {
  aliases: ['torch.arctan'],
});
export const sinh = elementary('sinh', 'sinh', 'The hyperbolic sine.');
export const cosh = elementary('cosh', 'cosh', 'The hyperbolic cosine.');
export const tanh = elementary('tanh', 'tanh', 'The hyperbolic tangent.', {
  tests: () => ({ bench: bench() }),
  aliases: ['torch.nn.functional.tanh'],
});
export const asinh = elementary('asinh', 'arcsinh', 'The inverse hyperbolic sine.', {
  aliases: ['torch.arcsinh'],
});
export const acosh = elementary('acosh', 'arccosh', 'The inverse hyperbolic cosine, from 1 on.', {
  aliases: ['torch.arccosh'],
  tests: () => ({ fill: 'above1' }),
});
export const atanh = elementary('atanh', 'arctanh', 'The inverse hyperbolic tangent, between −1 and 1.', {
  ...unit,
  aliases: ['torch.arctanh'],
});

export const erf = elementary('erf', null, 'The error function.', { aliases: ['torch.special.erf'] });
export const erfc = elementary('erfc', null, '1 − erf(input), exact where that is small.', {
  aliases: ['torch.special.erfc'],
});
export const erfinv = elementary('erfinv', null, 'The inverse of the error function, between −1 and 1.', {
  ...unit,
  aliases: ['torch.special.erfinv'],
});
export const lgamma = elementary('lgamma', null, 'The logarithm of |Γ(input)|.', {
  ...positive,
  aliases: ['torch.special.gammaln'],
});
export const digamma = elementary('digamma', null, "lgamma's slope: Γ′(input) / Γ(input).", {
  aliases: ['torch.special.digamma', 'torch.special.psi'],
  tests: () => ({
    fill: 'positive',
    tolerance: {
      reason: "its slope, PyTorch's trigamma, ends its series at the sixth Bernoulli number: 5e-10 off",
      float64: { rtol: 1e-9, atol: 1e-10 },
    },
  }),
});

/** 1 − a²/6 + a⁴/120 − …, exact to the last bit where |a| < 0.3. */
function sincNearZero(a: Expr): Expr {
  const square = a.mul(a);
  return [110, 72, 42, 20, 6].reduce((rest, k) => expr(1).sub(square.div(k).mul(rest)), expr(1));
}
export const sinc = elementary('sinc', 'sinc', 'sin(π·input) / (π·input); 1 at 0.', {
  aliases: ['torch.special.sinc'],
  pointwise: (x) => {
    const angle = (x as Expr).mul(Math.PI);
    const near = angle.abs().lt(0.3);
    // Each side gets a harmless argument where the other counts, so that no derivative divides by 0.
    const far = near.where(1, angle);
    return near.where(sincNearZero(near.where(angle, 0)), apply('sin', far).div(far));
  },
  tests: () => ({
    fill: 'nonzero', // near 0 PyTorch's gradient is all rounding
    samples: [call([t([4], { fill: { values: [0, 1, -0.5, 0.0625] } })])],
  }),
});
const exponent: Param = { name: 'exponent', kind: 'tensorOrScalar' };
export const pow = definePointwise({
  name: 'pow',
  numpy: 'numpy.power',
  doc: 'input to the power exponent; either may be a number. Integers to negative numbers are refused.',
  params: [selfOrScalar, exponent],
  gradName: 'PowBackward0',
  refuse: overloads.numbersOnly,
  pointwise: (x: Expr, y: Expr) => x.pow(y),
  accepts: overloads.numbersOnly,
  overloads: (form) => {
    const power = (f: (x: Expr) => Expr): overloads.Form =>
      overloads.firstOnly(form({ params: [self], refuse: () => null, pointwise: (x) => f(x as Expr) }));
    // The exponents that PyTorch computes without pow, and so to the last bit as here.
    const constants = new Map<number, overloads.Form>([
      [0, power(() => expr(1))],
      [1, power((x) => x)],
      [2, power((x) => x.mul(x))],
      [3, power((x) => x.mul(x).mul(x))],
      [0.5, power((x) => x.sqrt())],
      [-0.5, power((x) => apply('rsqrt', x))],
      [-1, power((x) => x.reciprocal())],
      [-2, power((x) => x.mul(x).reciprocal())],
    ]);
    const ofTensors = form({ params: [self, exponent], gradName: 'PowBackward1' });
    const ofNumber = form({ gradName: 'PowBackward2' });
    // Of bool there is one power: to true, and to false.
    const ofBool = (to: boolean): overloads.Form =>
      overloads.firstOnly(
        form({
          params: [self],
          refuse: () => null,
          accepts: () => null,
          pointwise: (x) => (to ? (x as Expr) : expr(1)),
        }),
      );
    const [toFalse, toTrue] = [ofBool(false), ofBool(true)];
    return {
      choose: (x, e) => {
        if (!(x instanceof Tensor)) return ofNumber;
        if (e instanceof Tensor) return ofTensors;
        if (typeof e === 'boolean' && x.dtype.isBool) return e ? toTrue : toFalse;
        if (typeof e !== 'number' && typeof e !== 'bigint') return null;
        if (x.dtype.isInexact) return constants.get(Number(e)) ?? null;
        if (!Number.isInteger(Number(e))) return null;
        if (x.dtype.isInteger) requireFits('pow', x.dtype, e);
        if (e < 0) {
          const hint = 'Integers to negative integer powers are not allowed.';
          throw new RuntimeError(
            message('pow', `a non-negative exponent for ${x.dtype.name}`, String(e), hint),
          );
        }
        return null;
      },
    };
  },
  tests: () => ({
    fill: 'positive',
    samples: [
      call([t([3, 5], { fill: 'positive' }), t([5])]),
      ...[2, 3, 0.5, -0.5, -1, -2, 1, 0, 2.5, 4].map((e) => call([t([3, 5], { fill: 'positive' }), e])),
      ...[2, 3, 4].map((e) => call([t([7]), e])),
      call([2.5, t([3, 5])]),
      call([t([7], { dtype: 'int32' }), 3]),
      call([2, t([5], { dtype: 'int64', fill: { low: 0, high: 9 } })]),
      call([t([3], { fill: { values: [0, 0, 0] } }), t([3], { fill: { values: [0, 1, 2] } })]),
    ],
    errors: [
      { args: [t([3], { dtype: 'int64' }), -1], throws: 'RuntimeError' },
      { args: [2, 3], throws: 'TypeError' },
    ],
  }),
});
const wide = (v: Tensor | Scalar): Tensor | Scalar =>
  v instanceof Tensor ? cast(v, v.dtype.isComplex ? complex128 : float64) : v;
export const floatPower = defineOp({
  name: 'floatPower',
  numpy: 'numpy.float_power',
  doc: 'input to the power exponent, computed in and returned as float64.',
  params: [selfOrScalar, exponent],
  variants: ['function', 'method', 'inplace'],
  gradName: 'PowBackward0',
  compose: (x: Tensor | Scalar, e: Tensor | Scalar): Tensor => {
    if (x instanceof Tensor || e instanceof Tensor) return pow.impl(wide(x), wide(e));
    throw new ArgumentError(message('floatPower', 'at least one Tensor', 'two numbers'));
  },
  inPlace: (x, e) => {
    if (x instanceof Tensor && x.dtype !== float64 && x.dtype !== complex128) {
      const hint = `the base given to float_power_ has dtype ${x.dtype.title} but the operation's result requires dtype Double`;
      throw new RuntimeError(message('floatPower_', 'a float64 tensor', x.dtype.name, hint));
    }
    return pow.inplace!(x, wide(e));
  },
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'positive' }), t([5])]),
      call([t([3, 5], { fill: 'positive' }), -1.5]),
      call([2.5, t([3, 5])]),
      call([t([7], { dtype: 'int32', fill: 'nonzero' }), -1]),
    ],
    errors: [{ args: [2, 3], throws: 'TypeError' }],
  }),
});

const logOdds = (z: Expr): Expr => z.log().sub(apply('log1p', z.neg()));
/** Outside its domain the slope is NaN, as the value: the root of a negative number has both. */
function logOddsInDomain(x: Expr): Expr {
  const outside = apply('logicalOr', x.lt(0), x.gt(1));
  const nan = outside.where(x.abs().neg(), 1).sqrt();
  return outside.where(nan, logOdds(outside.where(0.5, x)));
}
export const logit = elementary(
  'logit',
  null,
  'log(input / (1 − input)), input first clamped to [eps, 1 − eps].',
  {
    aliases: ['torch.special.logit'],
    params: [self, option('eps', null)],
    pointwise: (x: Expr, eps) =>
      eps === null ? logOddsInDomain(x) : logOdds(clampBetween(x, eps as Expr, expr(1).sub(eps as Expr))),
    tests: () => ({
      fill: 'probability',
      samples: [call([t([3, 5], { fill: 'probability' })]), call([t([3, 5], { fill: 'normal' }), 0.125])],
    }),
  },
);
export const deg2rad = elementary('deg2rad', 'deg2rad', 'Degrees as radians.', {
  gradName: 'Deg2RadBackward0',
  refuse: overloads.realOnly,
  pointwise: (x) => (x as Expr).mul(Math.PI / 180),
});
export const rad2deg = elementary('rad2deg', 'rad2deg', 'Radians as degrees.', {
  gradName: 'Rad2DegBackward0',
  refuse: overloads.realOnly,
  pointwise: (x) => (x as Expr).mul(180 / Math.PI),
});

/** Rounding: floats only, integers stay as they are. */
function rounding(
  name: string,
  numpy: string,
  doc: string,
  params: readonly Param[] = [self],
  fill: Fill = 'distinct',
  aliases: readonly string[] = [],
  more: (form: overloads.MakeForm, copied: overloads.Overloads) => overloads.Overloads = (_, copied) =>
    copied,
): overloads.PointwiseOp {
  return definePointwise({
    name,
    aliases,
    numpy: `numpy.${numpy}`,
    doc: `${doc} Integers stay as they are.`,
    params,
    refuse: overloads.numbersOnly,
    accepts: overloads.numbersOnly,
    overloads: (form) => more(form, overloads.integersAsTheyAre(form, params)),
    pointwise: (x) => apply(name, x as Expr),
    tests: () => ({
      fill,
      samples: [
        call([t([3, 5], { fill: params.length > 1 ? fill : 'large' })]),
        call([t([7], { fill: { values: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5] } })]),
        ...(params.length > 1
          ? [2, -1, 4].map((decimals) =>
              call([t([3, 5], { fill: 'large' })], { decimals }, { noGrad: 'a staircase of small steps' }),
            )
          : []),
      ],
    }),
  });
}
export const floor = rounding('floor', 'floor', 'The greatest whole number not above input.');
export const ceil = rounding('ceil', 'ceil', 'The least whole number not below input.');
export const trunc = rounding('trunc', 'trunc', 'input without its fraction.', [self], 'distinct', [
  'torch.fix',
]);
export const round = rounding(
  'round',
  'round',
  'The nearest whole number, halves to even; with decimals, the nearest decimal of so many places.',
  [self, { name: 'decimals', kind: 'int', default: 0, neutral: true, keyword: true }],
  { low: -9, high: 9 }, // steps at the halves: a slope can be measured at whole numbers only
  ['torch.special.round'],
  (form, copied) => {
    // To so many places: the power of ten is a number that the call computes, as ATen does.
    const placed = (f: (x: Expr, scale: Expr) => Expr) =>
      form({
        params: [self, option('scale')],
        gradName: 'RoundBackward1',
        pointwise: (x, s) => f(x as Expr, s as Expr),
      });
    const fractions = placed((x, scale) => apply('round', x.mul(scale)).div(scale));
    const tens = placed((x, scale) => apply('round', x.div(scale)).mul(scale));
    return {
      choose: (x, decimals) => {
        const places = Number(decimals ?? 0);
        if (places === 0) return copied.choose(x);
        if (x instanceof Tensor && x.dtype.isIntegral) {
          throw new NotImplementedError(message('round', 'a floating dtype with decimals', x.dtype.name));
        }
        const chosen = places > 0 ? fractions : tens;
        const scale = 10 ** Math.abs(places);
        return { impl: (y) => chosen.impl(y, scale), inplace: (y) => chosen.inplace(y, scale) };
      },
    };
  },
);
export const frac = definePointwise({
  name: 'frac',
  doc: "The fraction of input, with input's sign.",
  params: [self],
  accepts: overloads.floatsOnly,
  tests: () => ({ fill: 'distinct' }),
  refuse: overloads.floatsOnly,
  pointwise: (x: Expr) => x.sub(apply('trunc', x)),
});

export const hypot = definePointwise({
  name: 'hypot',
  numpy: 'numpy.hypot',
  doc: '√(input² + other²), without overflow between.',
  params: [self, otherTensor],
  refuse: overloads.floatsOnly,
  pointwise: (x: Expr, y: Expr) => apply('hypot', x, y),
  accepts: overloads.floatsOnly,
  lacks: (d) => d.isComplex,
  tests: () => ({ samples: [call([t([3, 5]), t([5])])] }),
});
export const atan2 = definePointwise({
  name: 'atan2',
  aliases: ['torch.arctan2'],
  numpy: 'numpy.arctan2',
  doc: 'The angle, in radians, of the point (other, input).',
  params: [self, otherTensor],
  promote: 'float',
  pointwise: (x: Expr, y: Expr) => apply('atan2', x, y),
  tests: () => ({
    samples: [call([t([3, 5]), t([5])]), call([t([2], { fill: 'zeros' }), t([2], { fill: 'zeros' })])],
  }),
});
/** log(bᵃ + bᶜ) from the greater of both; two equal infinities stay. */
function logOfSum(
  name: string,
  doc: string,
  f: (apart: Expr) => Expr,
  more: More = {},
): overloads.PointwiseOp {
  return definePointwise({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self, otherTensor],
    variants: ['function', 'method'],
    refuse: overloads.floatsOnly,
    pointwise: (x: Expr, y: Expr) => {
      // Complex numbers go by their real parts.
      const first = apply('real', x).ge(apply('real', y));
      const greater = first.where(x, y);
      const sum = greater.add(f(first.where(y, x).sub(greater)));
      return apply('logicalAnd', apply('isinf', x), x.eq(y)).where(x, sum);
    },
    accepts: overloads.floatsOnly,
    ...more,
    tests: () => ({ samples: [call([t([3, 5], { fill: 'large' }), t([5], { fill: 'large' })])] }),
  });
}
export const logaddexp = logOfSum('logaddexp', 'log(exp(input) + exp(other)), without overflow.', (apart) =>
  apply('log1p', apart.exp()),
);
export const logaddexp2 = logOfSum(
  'logaddexp2',
  'log₂(2^input + 2^other), without overflow.',
  (apart) => apply('log1p', apply('exp2', apart)).mul(1 / Math.LN2),
  { lacks: (d) => d.isComplex },
);
export const xlogy = definePointwise({
  name: 'xlogy',
  aliases: ['torch.special.xlogy'],
  doc: 'input · log(other); 0 where input is 0, unless other is NaN.',
  params: [selfOrScalar, other],
  promote: 'float',
  gradName: 'XlogyBackward0',
  pointwise: (x: Expr, y: Expr) => {
    const zero = x.eq(0);
    const endless = apply('logicalOr', y.le(0), y.eq(Number.POSITIVE_INFINITY));
    const safe = apply('logicalAnd', zero, endless);
    const product = x.mul(safe.where(1, y).log());
    // The sum turns −0 into 0 where input is 0, and only there.
    return zero.where(product.add(0), product);
  },
  overloads: (form) => {
    const [ofNumber, toNumber] = [form({ gradName: 'XlogyBackward1' }), form({ gradName: 'XlogyBackward2' })];
    return {
      choose: (x, y) => (!(x instanceof Tensor) ? ofNumber : y instanceof Tensor ? null : toNumber),
    };
  },
  tests: () => ({
    fill: 'positive',
    samples: [
      call([t([3, 5]), t([5], { fill: 'positive' })]),
      call([t([3, 5], { fill: 'positive' }), 2.5]),
      call([2, t([5], { fill: 'positive' })]),
      call([t([3], { fill: 'zeros' }), t([3], { fill: { values: [2, 0.5, 1] } })]),
    ],
  }),
});
