// cov, corrcoef, dist, renorm.
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type OpTests } from '../../registry/define.js';
import { replacedInPlace } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { where } from '../indexing/masked.js';
import { norm } from '../linalg/norms.js';
import { self } from './sum-mean-prod.js';

const refuse = (required: string, got: string, hint: string): never => {
  throw new RuntimeError(message('cov', required, got, `cov(): ${hint}`));
};

/** Weights are one number for each observation, none below 0. @throws RuntimeError */
function checkWeights(name: 'fweights' | 'aweights', w: Tensor | null, count: number): void {
  if (w === null) return;
  const whole = name === 'fweights';
  const expected = `expected ${name} to have`;
  if (w.ndim > 1)
    refuse(
      `${name} of at most one dim`,
      showShape(w.sizes),
      `${expected} one or fewer dimensions but got ${w.ndim} dimensions`,
    );
  if (w.dtype.isIntegral !== whole || w.dtype.name === 'bool') {
    const kind = whole ? 'integral' : 'floating point';
    refuse(
      `${kind} ${name}`,
      w.dtype.name,
      `${expected} ${kind} dtype but got ${name} with ${w.dtype.title} dtype`,
    );
  }
  if (w.length !== count)
    refuse(
      `${count} ${name}`,
      String(w.length),
      `${expected} the same numel as there are observations in the input but got ${w.length} != ${count}`,
    );
  if (w.length > 0 && Number(w.detach().min().item()) < 0)
    refuse(`${name} of at least 0`, 'one below', `${name} cannot be negative`);
}

export const cov = defineOp({
  name: 'cov',
  doc: 'The covariance matrix of variables (rows) over observations (columns), which may be counted (fweights) and weighted (aweights).',
  params: [
    self,
    { name: 'correction', kind: 'int', default: 1, keyword: true },
    { name: 'fweights', kind: 'tensor', default: null, keyword: true },
    { name: 'aweights', kind: 'tensor', default: null, keyword: true },
  ],
  compose: (x: Tensor, correction: number, counts: Tensor | null, weights: Tensor | null): Tensor => {
    if (x.ndim > 2)
      refuse(
        'at most 2 dims',
        String(x.ndim),
        `expected input to have two or fewer dimensions but got an input with ${x.ndim} dimensions`,
      );
    if (x.dtype.name === 'bool') refuse('numbers', 'bool', 'bool dtype is not supported for input');
    // Weights cancel in the degrees of freedom, and in their gradient more so: float32 ones go by float64.
    if (weights?.dtype.name === 'float32' && x.dtype.name === 'float32')
      return (cov.impl(x.to('float64'), correction, counts, weights.to('float64')) as Tensor).to(x.dtype);
    const rows = x.ndim < 2 ? x.reshape([1, x.length]) : x;
    const n = rows.sizes[1]!;
    checkWeights('fweights', counts, n);
    checkWeights('aweights', weights, n);
    const w = counts === null ? weights : weights === null ? counts : counts.mul(weights);
    const total = w === null ? null : w.sum();
    const mean = total === null ? rows.sum(1, true).div(n) : rows.mul(w!).sum(1, true).div(total);
    const apart = rows.sub(mean);
    const other = (w === null ? apart : apart.mul(w)).transpose(0, 1);
    const product = apart.matmul(other.isComplex() ? other.conj() : other);
    return product.div(degrees(n, correction, w, weights, total)).squeeze();
  },
  tests: (): OpTests => ({
    samples: [
      call([t([3, 5])]),
      call([t([5])], { correction: 0 }),
      call([t([2, 4])], {
        fweights: t([4], { dtype: 'int64', fill: { low: 1, high: 5 } }),
        aweights: t([4], { fill: 'positive' }),
      }),
      call([t([3, 4], { dtype: 'int32' })]),
    ],
    errors: [
      { args: [t([2, 2, 2])], throws: 'RuntimeError' },
      { args: [t([5])], kwargs: { fweights: t([5]) }, throws: 'RuntimeError' },
      { args: [t([5])], kwargs: { aweights: t([5, 5]) }, throws: 'RuntimeError' },
      { args: [t([5])], kwargs: { fweights: t([1], { dtype: 'int64' }) }, throws: 'RuntimeError' },
    ],
  }),
});

/** What the products are divided by, never below 0. */
function degrees(
  n: number,
  correction: number,
  w: Tensor | null,
  weights: Tensor | null,
  total: Tensor | null,
): Tensor | number {
  if (total === null) return Math.max(n - correction, 0);
  const taken =
    weights === null || correction === 0 ? correction : w!.mul(weights).sum().div(total).mul(correction);
  const left = total.sub(taken);
  return left.clampMin(0);
}

export const corrcoef = defineOp({
  name: 'corrcoef',
  numpy: 'numpy.corrcoef',
  doc: 'The correlation matrix of variables (rows) over observations (columns), within [−1, 1].',
  params: [self],
  compose: (x: Tensor): Tensor => {
    if (x.ndim > 2) {
      const hint = `corrcoef(): expected input to have two or fewer dimensions but got an input with ${x.ndim} dimensions`;
      throw new RuntimeError(message('corrcoef', 'at most 2 dims', String(x.ndim), hint));
    }
    const c = cov.impl(x, 1, null, null);
    if (c.ndim === 0) return c.div(c);
    const deviation = c.diagonal().sqrt();
    const n = deviation.length;
    const scaled = c.div(deviation.reshape([n, 1])).div(deviation.reshape([1, n]));
    return scaled.isComplex() ? scaled : scaled.clamp(-1, 1);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([5])], {}, { noGrad: 'constant' }),
      call([t([2, 4], { dtype: 'int64' })]),
    ],
    errors: [{ args: [t([2, 2, 2])], throws: 'RuntimeError' }],
  }),
});

export const dist = defineOp({
  name: 'dist',
  doc: 'The p-norm of input − other, broadcast.',
  params: [self, { name: 'other', kind: 'tensor' }, { name: 'p', kind: 'scalar', default: 2 }],
  compose: (x: Tensor, other: Tensor, p: number): Tensor => norm.impl(x.sub(other), p, null, false, null),
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5])]),
      call([t([3, 5]), t([3, 1]), 3]),
      call([t([]), t([4]), { special: 'inf' }]),
    ],
  }),
});

function renormed(x: Tensor, p: number, rawDim: number, most: number): Tensor {
  if (x.ndim < 2) {
    const hint = `renorm: input needs at least 2 dimensions, got ${x.ndim} dimensions`;
    throw new RuntimeError(message('renorm', 'at least 2 dims', String(x.ndim), hint));
  }
  if (!(p > 0))
    throw new RuntimeError(
      message('renorm', 'p above 0', String(p), 'renorm: non-positive-norm not supported'),
    );
  if (!(most >= 0)) {
    const hint = `renorm: expected maxnorm to be >= 0 but got ${most}`;
    throw new RuntimeError(message('renorm', 'maxnorm of at least 0', String(most), hint));
  }
  const dim = wrapDim('renorm', rawDim, x.ndim);
  const others = x.sizes.map((_, d) => d).filter((d) => d !== dim);
  const length = norm.impl(x, p, others, true, null);
  return x.mul(where.impl(length.gt(most), length.add(1e-7).reciprocal().mul(most), 1) as Tensor);
}

export const renorm = defineOp({
  name: 'renorm',
  doc: 'Scales each slice of a dim down to a p-norm of at most `maxnorm`.',
  params: [
    self,
    { name: 'p', kind: 'scalar' },
    { name: 'dim', kind: 'int' },
    { name: 'maxnorm', kind: 'scalar' },
  ],
  variants: ['function', 'method', 'inplace'],
  compose: renormed,
  inPlace: (x: Tensor, p: number, dim: number, most: number): Tensor =>
    replacedInPlace('renorm_', x, (y) => renormed(y, p, dim, most), rawCopy),
  tests: () => ({
    samples: [
      call([t([3, 5]), 2, 0, 0.5]),
      call([t([3, 5, 2], { layout: 'transposed' }), 1, -1, 2]),
      call([t([3, 5]), { special: 'inf' }, 1, 0.5]),
    ],
    errors: [{ args: [t([]), 0.5, 0, 1], throws: 'RuntimeError' }],
  }),
});
