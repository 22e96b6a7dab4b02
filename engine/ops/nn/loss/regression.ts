// Regression losses: an expression of input and target, then the shared reduction.

import { noGrad } from '../../../autograd/grad-mode.js';
import { message, ValueError } from '../../../core/errors.js';
import { broadcastShapes, sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { Tensor as TensorClass } from '../../../core/tensor.js';
import type { Expr } from '../../../pointwise/expr.js';
import { type Formula, formula, p0 } from '../../../pointwise/fused-expression.js';
import { defineOp, type OpDef } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import {
  badReduction,
  flagOption,
  input,
  numberOption,
  reduced,
  reductionParam,
  refuse,
  target,
  tensorOption,
  weighted,
} from './_reduction.js';

const f64 = { dtype: 'float64' };
const pair = () => [t([3, 5]), t([3, 5], { fill: 'uniform' })];
const mismatch = () => ({ args: [t([5, 4]), t([5])], throws: 'RuntimeError' }) as const;
/** Both of one shape where one is 0-d and of another dtype: PyTorch broadcasts first, so that it counts fully in promotion. */
function broadcast(x: Tensor, y: Tensor): readonly [Tensor, Tensor] {
  if (x.dtype === y.dtype || (x.ndim === 0) === (y.ndim === 0)) return [x, y];
  return x.ndim === 0 ? [x.expand([...y.sizes]), y] : [x, y.expand([...x.sizes])];
}
/** Σ weight · loss / Σ weight, as mse_loss and l1_loss take a weighted mean. */
function weightedMean(loss: Tensor, weight: Tensor | null, reduction: string): Tensor {
  return weight !== null && reduction === 'mean' ? loss.sum().div(weight.sum()) : reduced(loss, reduction);
}

function regression(name: string, torch: string, doc: string, elements: Formula, more: Partial<OpDef> = {}) {
  return defineOp({
    name,
    torch: `torch.nn.functional.${torch}`,
    doc,
    variants: ['function'],
    params: [input, target, reductionParam, tensorOption('weight')],
    compose: (x: Tensor, y: Tensor, reduction: string, weight: Tensor | null): Tensor => {
      return weightedMean(weighted(name, elements(broadcast(x, y)), weight, x), weight, reduction);
    },
    tests: () => ({
      samples: [
        call(pair()),
        call([t([3, 5], f64), t([3, 5], f64)], { reduction: 'sum' }),
        call([t([3, 5]), t([5])], { reduction: 'none' }),
        call(pair(), { weight: t([3, 5], { fill: 'positive' }) }),
      ],
      errors: [badReduction(2), mismatch()],
    }),
    ...(more as object),
  });
}

export const mseLoss = regression(
  'mseLoss',
  'mse_loss',
  'The squared difference (input − target)², reduced.',
  formula('mseLoss', 2, (x, y) => x!.sub(y!).square()),
);
export const l1Loss = regression(
  'l1Loss',
  'l1_loss',
  'The absolute difference |input − target|, reduced.',
  formula('l1Loss', 2, (x, y) => x!.sub(y!).abs(), 'same'),
);

const huber = formula('huberLoss', 2, (x, y) => {
  const difference = x!.sub(y!);
  const apart = difference.abs();
  return apart.lt(p0!).where(difference.mul(0.5).mul(difference), apart.sub(p0!.mul(0.5)).mul(p0!));
});
export const huberLoss = defineOp({
  name: 'huberLoss',
  torch: 'torch.nn.functional.huber_loss',
  doc: '½(input − target)² where they are closer than delta, else delta · (|input − target| − ½delta), reduced.',
  variants: ['function'],
  params: [input, target, reductionParam, numberOption('delta', 1), tensorOption('weight')],
  compose: (x: Tensor, y: Tensor, reduction: string, delta: number, weight: Tensor | null): Tensor => {
    if (!(delta > 0)) {
      const hint = 'huber_loss does not support non-positive values for delta.';
      refuse('huberLoss', 'delta > 0', String(delta), hint);
    }
    return reduced(weighted('huberLoss', huber(broadcast(x, y), [delta]), weight, x), reduction);
  },
  tests: () => ({
    samples: [
      call(pair()),
      call([t([3, 5], f64), t([3, 5], f64)], { delta: 0.4, reduction: 'sum' }),
      call(pair(), { reduction: 'none', weight: t([3, 5]) }),
    ],
    errors: [badReduction(2), { args: pair(), kwargs: { delta: 0 }, throws: 'RuntimeError' }],
  }),
});

const smooth = formula('smoothL1Loss', 2, (x, y) => {
  const difference = x!.sub(y!);
  const apart = difference.abs();
  return apart.lt(p0!).where(difference.mul(0.5).mul(difference).div(p0!), apart.sub(p0!.mul(0.5)));
});
const absolute = formula('smoothL1Loss', 2, (x, y) => x!.sub(y!).abs());
export const smoothL1Loss = defineOp({
  name: 'smoothL1Loss',
  torch: 'torch.nn.functional.smooth_l1_loss',
  doc: '½(input − target)² / beta where they are closer than beta, else |input − target| − ½beta, reduced.',
  variants: ['function'],
  params: [input, target, reductionParam, numberOption('beta', 1)],
  compose: (x: Tensor, y: Tensor, reduction: string, beta: number): Tensor => {
    if (beta < 0) {
      const hint = 'smooth_l1_loss does not support negative values for beta.';
      refuse('smoothL1Loss', 'beta ≥ 0', String(beta), hint);
    }
    return reduced(beta === 0 ? absolute(broadcast(x, y)) : smooth(broadcast(x, y), [beta]), reduction);
  },
  tests: () => ({
    samples: [
      call(pair()),
      call([t([3, 5], f64), t([3, 5], f64)], { beta: 0.4, reduction: 'none' }),
      call(pair(), { beta: 0 }),
    ],
    errors: [badReduction(2), mismatch(), { args: pair(), kwargs: { beta: -1 }, throws: 'RuntimeError' }],
  }),
});

/** Stirling's approximation of log(y!), for y above 1. */
const stirling = (y: Expr): Expr => {
  const over = y.gt(1);
  const safe = over.where(y, 2);
  const value = safe
    .mul(safe.log())
    .sub(safe)
    .add(
      safe
        .mul(2 * Math.PI)
        .log()
        .mul(0.5),
    );
  return over.where(value, 0);
};
const poissonOf = (log: boolean, full: boolean): Formula =>
  formula(
    'poissonNllLoss',
    2,
    (x, y) => {
      const loss = log ? x!.exp().sub(y!.mul(x!)) : x!.sub(y!.mul(x!.add(p0!).log()));
      return full ? loss.add(stirling(y!)) : loss;
    },
    'float',
  );
const poissons = [
  [poissonOf(false, false), poissonOf(false, true)],
  [poissonOf(true, false), poissonOf(true, true)],
] as const;
export const poissonNllLoss = defineOp({
  name: 'poissonNllLoss',
  torch: 'torch.nn.functional.poisson_nll_loss',
  doc: 'The negative log-likelihood of counts under a Poisson distribution of rate exp(input), or input without log_input.',
  variants: ['function'],
  params: [
    input,
    target,
    flagOption('log_input', true, false),
    flagOption('full', false, false),
    numberOption('eps', 1e-8),
    reductionParam,
  ],
  compose: (x: Tensor, y: Tensor, log: boolean, full: boolean, eps: number, reduction: string): Tensor => {
    return reduced(poissons[log ? 1 : 0][full ? 1 : 0]([x, y], [eps]), reduction);
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([3, 5], { fill: 'positive' })]),
      call([t([3, 5], { fill: 'positive' }), t([3, 5], { fill: 'above1' }), false, true], {
        reduction: 'none',
      }),
      call([t([5], f64), t([5], { ...f64, fill: 'positive' })], { full: true, reduction: 'sum' }),
    ],
    errors: [badReduction(2), mismatch()],
  }),
});

/** In PyTorch's steps: small variances magnify any other rounding. */
const gaussian = (x: Tensor, y: Tensor, v: Tensor): Tensor => v.log().add(x.sub(y).square().div(v)).mul(0.5);

/** The variance in a shape that broadcasts: the input's, or with one dim 1 or missing at the end. */
function varianceFor(x: Tensor, given: Tensor | number): Tensor {
  const v = given instanceof TensorClass ? given : x.detach().mul(0).add(given);
  if (v.lt(0).any().item() === true) {
    throw new ValueError(message('gaussianNllLoss', 'var ≥ 0', 'less', 'var has negative entry/entries'));
  }
  if (sameShape(v.sizes, x.sizes)) return v;
  if (sameShape(v.sizes, x.sizes.slice(0, -1))) return v.unsqueeze(-1);
  const other = v.sizes.filter((size, d) => size !== x.sizes[d]);
  if (v.ndim === x.ndim && other.reduce((a, b) => a + b, 0) === 1) return v;
  const required = `a var for an input of shape [${x.sizes.join(', ')}]`;
  return refuse(
    'gaussianNllLoss',
    required,
    `[${v.sizes.join(', ')}]`,
    'var is of incorrect size',
    ValueError,
  );
}

export const gaussianNllLoss = defineOp({
  name: 'gaussianNllLoss',
  torch: 'torch.nn.functional.gaussian_nll_loss',
  doc: '½(log var + (input − target)² / var), reduced; var is taken as at least eps, `full` adds ½ log 2π.',
  variants: ['function'],
  params: [
    input,
    target,
    { name: 'var', kind: 'tensorOrScalar' },
    flagOption('full', false, false),
    numberOption('eps', 1e-6, false),
    reductionParam,
  ],
  compose: (
    x: Tensor,
    y: Tensor,
    variance: Tensor | number,
    full: boolean,
    eps: number,
    reduction: string,
  ): Tensor => {
    const v = varianceFor(x, variance).clone();
    broadcastShapes('gaussianNllLoss', x.sizes, y.sizes);
    // Gradients pass as if nothing had been cut off.
    noGrad(() => v.clampMin_(eps));
    const loss = gaussian(x, y, v);
    return reduced(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction);
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([3, 5]), t([3, 5], { fill: 'positive' })]),
      call([t([3, 5]), t([3, 5]), t([3], { fill: 'positive' })], { full: true, reduction: 'sum' }),
      call([t([3, 5], f64), t([3, 5], f64), t([3, 1], { ...f64, fill: 'positive' })], { reduction: 'none' }),
    ],
    errors: [
      { args: [t([3, 4]), t([3, 4]), t([3, 2], { fill: 'ones' })], throws: 'ValueError' },
      { args: [t([4]), t([3]), t([4], { fill: 'ones' })], throws: 'RuntimeError' },
      { args: [t([2]), t([2]), t([2], { fill: { values: [1, -1] } })], throws: 'ValueError' },
    ],
  }),
});
