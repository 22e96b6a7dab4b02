// Activations: the sigmoid family, rectifiers, shrinkers. Conditions guard arguments as well as results, so that no
// derivative overflows where the value does not.

import { computedIn } from '../../core/dtype.js';
import { message, RuntimeError, ValueError } from '../../core/errors.js';
import { requireFits } from '../../core/scalar.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr } from '../../pointwise/expr.js';
import { definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { option, self } from '../pointwise/arithmetic.js';

type Def = Parameters<typeof definePointwise>[0];
const bench = () => [call([t([1000000])])];
const matrix = () => t([3, 5]);
const kinks = () => t([7], { fill: 'ties' });
const exp = (x: Expr): Expr => x.exp();
const tanh = (x: Expr): Expr => apply('tanh', x);
const sigmoidOf = (x: Expr): Expr => apply('sigmoid', x);

/** A function of torch.nn.functional, on floats only. */
function activation(
  name: string,
  doc: string,
  pointwise: NonNullable<Def['pointwise']>,
  more: Partial<Def> = {},
): overloads.PointwiseOp {
  const snake = name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  return definePointwise({
    name,
    torch: `torch.nn.functional.${snake}`,
    doc,
    params: [self],
    variants: ['function'],
    refuse: overloads.floatsOnly,
    accepts: more.refuse ?? overloads.floatsOnly,
    pointwise,
    ...more,
  });
}

export const sigmoid = definePointwise({
  name: 'sigmoid',
  aliases: ['torch.special.expit', 'torch.nn.functional.sigmoid'],
  doc: '1 / (1 + exp(−input)).',
  params: [self],
  promote: 'float',
  pointwise: (x: Expr) => sigmoidOf(x),
  tests: () => ({ bench: bench() }),
});
export const logSigmoid = activation(
  'logSigmoid',
  'log(sigmoid(input)), without overflow.',
  (x: Expr) => {
    const negative = x.lt(0);
    const distance = negative.where(x, x.neg());
    return negative.where(x, 0).sub(apply('log1p', exp(distance)));
  },
  { torch: 'torch.nn.functional.logsigmoid' },
);
export const silu = activation('silu', 'input · sigmoid(input), also called swish.', (x: Expr) =>
  x.mul(sigmoidOf(x)),
);
export const mish = activation('mish', 'input · tanh(softplus(input)).', (x: Expr) =>
  x.mul(tanh(softplusOf(x, expr(1), expr(20)))),
);
/** log(1 + exp(βx)) / β, and x itself where βx is above the threshold. */
function softplusOf(x: Expr, beta: Expr, threshold: Expr): Expr {
  const scaled = x.mul(beta);
  const linear = scaled.gt(threshold);
  return linear.where(x, apply('log1p', exp(linear.where(0, scaled))).div(beta));
}
export const softplus = activation(
  'softplus',
  'log(1 + exp(beta · input)) / beta; input itself where beta · input is above threshold.',
  (x: Expr, beta: Expr, threshold: Expr) => softplusOf(x, beta, threshold),
  {
    params: [self, option('beta', 1), option('threshold', 20)],
    tests: () => ({
      samples: [
        call([matrix()]),
        call([matrix(), 2.5]),
        call([matrix(), 2, 1.5]),
        call([t([7], { fill: 'large' })]),
      ],
    }),
  },
);
const approximation: Param = {
  name: 'approximate',
  kind: 'string',
  default: 'none',
  keyword: true,
  choices: oneOf(['none', 'tanh'], RuntimeError, () => 'approximate argument must be either none or tanh.'),
};
export const gelu = activation(
  'gelu',
  "input · Φ(input), Φ the normal distribution's function; approximate 'tanh' replaces Φ by a formula.",
  (x: Expr, approximate) => {
    if (approximate === 'none') return apply('gelu', x);
    const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.SQRT2 * (2 / Math.sqrt(Math.PI)) * 0.5);
    return x.mul(0.5).mul(tanh(inner).add(1));
  },
  {
    params: [self, approximation],
    tests: () => ({
      samples: [call([matrix()]), call([matrix()], { approximate: 'tanh' })],
      errors: [{ args: [matrix()], kwargs: { approximate: 'erf' }, throws: 'RuntimeError' }],
    }),
  },
);

export const relu = definePointwise({
  name: 'relu',
  aliases: ['torch.nn.functional.relu'],
  doc: 'input where it is above 0, else 0; its slope at 0 is 0.',
  params: [self],
  refuse: (d) => (d.isBool ? 'numbers: Boolean inputs not supported for relu' : null),
  pointwise: (x: Expr) => apply('maximum', 0, x),
  tests: () => ({ samples: [call([matrix()]), call([kinks()])] }),
});
const between = (x: Expr, low: Expr, high: Expr): Expr => apply('minimum', high, apply('maximum', low, x));
export const hardtanh = activation(
  'hardtanh',
  'input, cut off at min_val and max_val.',
  (x: Expr, low: Expr, high: Expr) => between(x, low, high),
  {
    // Checked by their whole parts, which is what integers take.
    params: [self, { ...option('min_val', -1), fits: false }, { ...option('max_val', 1), fits: false }],
    refuse: overloads.numbersOnly,
    check: ([x, low, high]) => {
      const least = Number(low ?? -1);
      if (least > Number(high ?? 1)) {
        const hint = 'min_val cannot be greater than max_val';
        throw new ValueError(message('hardtanh', 'min_val ≤ max_val', `${least} and ${high ?? 1}`, hint));
      }
      const unsigned = x instanceof Tensor && x.dtype.name === 'uint8' && least <= -1;
      if (unsigned || (x instanceof Tensor && x.dtype.isBool)) {
        const hint = 'cannot do hardtanh on an unsigned type with negative limits';
        throw new RuntimeError(message('hardtanh', 'a dtype that can hold min_val', x.dtype.name, hint));
      }
      if (!(x instanceof Tensor)) return;
      for (const limit of [low, high]) {
        if (typeof limit === 'bigint') requireFits('hardtanh', x.dtype, limit);
        if (typeof limit === 'number')
          requireFits('hardtanh', computedIn(x.dtype), x.dtype.isInteger ? Math.trunc(limit) : limit);
      }
    },
    tests: () => ({
      samples: [call([matrix()]), call([matrix(), -0.5, 0.25]), call([kinks(), -1, 2])],
      errors: [{ args: [matrix(), 1, -1], throws: 'ValueError' }],
    }),
  },
);
export const relu6 = definePointwise({
  name: 'relu6',
  torch: 'torch.nn.functional.relu6',
  doc: 'input, cut off at 0 and 6.',
  params: [self],
  variants: ['function'],
  gradName: 'HardtanhBackward0',
  refuse: overloads.numbersOnly,
  pointwise: (x: Expr) => between(x, expr(0), expr(6)),
  tests: () => ({ samples: [call([t([3, 5], { fill: 'large' })]), call([kinks()])] }),
});
/** min(max(x + 3, 0), 6): six times the hard sigmoid. */
const ramp = (x: Expr): Expr => between(x.add(3), expr(0), expr(6));
export const hardsigmoid = activation(
  'hardsigmoid',
  'A sigmoid of three straight lines, from −3 to 3.',
  (x: Expr) => ramp(x).div(6),
  {
    tests: () => ({
      tolerance: {
        reason: 'PyTorch rounds one sixth to float32 in the gradient',
        grad: { rtol: 2.6e-6, atol: 4e-6 },
      },
      samples: [call([t([3, 5], { fill: 'large' })]), call([matrix()])],
    }),
  },
);
export const hardswish = activation(
  'hardswish',
  'input · hardsigmoid(input).',
  (x: Expr) => x.mul(ramp(x)).div(6),
  {
    tests: () => ({ samples: [call([t([3, 5], { fill: 'large' })]), call([matrix()])] }),
  },
);
export const leakyRelu = activation(
  'leakyRelu',
  'input where it is above 0, else negative_slope · input.',
  (x: Expr, slope: Expr) => x.gt(0).where(x, x.mul(slope)),
  {
    params: [self, option('negative_slope', 0.01)],
    tests: () => ({ samples: [call([matrix()]), call([matrix(), -0.25]), call([kinks()])] }),
  },
);
/** positive · x above 0, else negative · (exp(rate · x) − 1). */
function exponential(x: Expr, positive: Expr, negative: Expr, rate: Expr): Expr {
  const below = x.le(0);
  const curve = apply('expm1', below.where(x, 0).mul(rate)).mul(negative);
  return below.where(curve, x.mul(positive));
}
export const elu = activation(
  'elu',
  'input above 0, else alpha · (exp(input) − 1).',
  (x: Expr, alpha: Expr) => exponential(x, expr(1), alpha, expr(1)),
  {
    params: [self, option('alpha', 1)],
    tests: () => ({
      samples: [
        call([matrix()]),
        call([matrix(), 2.5]),
        call([matrix(), -0.5]),
        call([t([7], { fill: 'large' })]),
      ],
    }),
  },
);
export const celu = activation(
  'celu',
  'input above 0, else alpha · (exp(input / alpha) − 1).',
  (x: Expr, alpha: Expr) => exponential(x, expr(1), alpha, alpha.reciprocal()),
  {
    torch: 'torch.celu',
    aliases: ['torch.nn.functional.celu'],
    params: [self, option('alpha', 1)],
    check: ([, alpha]) => {
      if (alpha === undefined || Number(alpha) !== 0) return;
      throw new RuntimeError(
        message('celu', 'an alpha that is not 0', '0', 'ZeroDivisionError: alpha cannot be 0 for CELU'),
      );
    },
    tests: () => ({
      samples: [call([matrix()]), call([matrix(), 2.5])],
      errors: [{ args: [matrix(), 0], throws: 'RuntimeError' }],
    }),
  },
);
/** Of Klambauer et al., "Self-normalizing neural networks" (2017). */
const selfNormalizing = {
  alpha: 1.6732632423543772,
  scale: 1.0507009873554805,
};
export const selu = activation(
  'selu',
  'scale · elu(input, alpha) with the constants that keep a normal distribution normal.',
  (x: Expr) => {
    const { alpha, scale } = selfNormalizing;
    return exponential(x, expr(scale), expr(alpha * scale), expr(1));
  },
  { torch: 'torch.selu', aliases: ['torch.nn.functional.selu'], gradName: 'EluBackward0' },
);
export const softsign = definePointwise({
  name: 'softsign',
  torch: 'torch.nn.functional.softsign',
  doc: 'input / (1 + |input|).',
  params: [self],
  variants: ['function'],
  promote: 'float',
  gradName: 'DivBackward0',
  pointwise: (x: Expr) => x.div(x.abs().add(1)),
  accepts: overloads.numbersOnly,
});
export const tanhshrink = definePointwise({
  name: 'tanhshrink',
  torch: 'torch.nn.functional.tanhshrink',
  doc: 'input − tanh(input).',
  params: [self],
  variants: ['function'],
  promote: 'float',
  gradName: 'SubBackward0',
  pointwise: (x: Expr) => x.sub(tanh(x)),
  accepts: { rule: overloads.numbersOnly, error: RuntimeError },
});
const lambda = option('lambd', 0.5);
export const softshrink = activation(
  'softshrink',
  'input moved towards 0 by lambd, 0 between −lambd and lambd.',
  (x: Expr, l: Expr) => x.gt(l).where(x.sub(l), x.lt(l.neg()).where(x.add(l), x.mul(0))),
  {
    params: [self, lambda],
    check: ([x, l]) => {
      if (l === undefined || Number(l) >= 0 || (x instanceof Tensor && x.dtype.isIntegral)) return;
      const hint = 'lambda must be in range [0, max]';
      throw new RuntimeError(message('softshrink', 'lambd ≥ 0', String(l), hint));
    },
    tests: () => ({
      tolerance: { reason: "the sign of PyTorch's 0 depends on the position in memory", signedZero: 'any' },
      samples: [call([matrix()]), call([matrix(), 0.25]), call([kinks(), 1])],
      errors: [{ args: [matrix(), -1], throws: 'RuntimeError' }],
    }),
  },
);
export const hardshrink = activation(
  'hardshrink',
  'input, 0 between −lambd and lambd.',
  (x: Expr, l: Expr) => apply('logicalAnd', x.ge(l.neg()), x.le(l)).where(0, x),
  {
    torch: 'torch.hardshrink',
    aliases: ['torch.nn.functional.hardshrink'],
    params: [self, lambda],
    variants: ['function', 'method'],
    tests: () => ({ samples: [call([matrix()]), call([matrix(), 0.25]), call([kinks(), 1])] }),
  },
);
export const threshold = activation(
  'threshold',
  'input where it is above threshold, else value.',
  (x: Expr, limit: Expr, value: Expr) => x.le(limit).where(value, x),
  {
    torch: 'torch.threshold',
    aliases: ['torch.nn.functional.threshold'],
    params: [self, option('threshold'), option('value')],
    refuse: overloads.numbersOnly,
    tests: () => ({ samples: [call([matrix(), 0.25, 7]), call([kinks(), 1, -2.5])] }),
  },
);
