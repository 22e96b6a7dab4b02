// Distances and similarities of vectors: pairwiseDistance, cosineSimilarity, cdist, pdist; and normalize.

import { noGrad } from '../../autograd/grad-mode.js';
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { broadcastShapes, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { promoted } from '../../pointwise/function-support.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import { filled, nonzeroRaw } from '../indexing/index-kernels.js';
import { distance } from './_distance.js';

const f64 = { dtype: 'float64' };
const first: Param = { name: 'x1', kind: 'tensor' };
const second: Param = { name: 'x2', kind: 'tensor' };
const power: Param = { name: 'p', kind: 'scalar', default: 2 };

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** ‖x1 − x2 + eps‖ over the last dim, as PyTorch composes it: eps is added to each difference. */
export function pairwise(x1: Tensor, x2: Tensor, p: number, eps: number, keepdim: boolean): Tensor {
  return x1.sub(x2).add(eps).norm(p, -1, keepdim);
}

export const pairwiseDistance = defineOp({
  name: 'pairwiseDistance',
  torch: 'torch.nn.functional.pairwise_distance',
  aliases: ['torch.pairwise_distance'],
  doc: 'The p-norm of x1 − x2 + eps over the last dim; the rest broadcasts.',
  variants: ['function'],
  params: [
    first,
    second,
    power,
    { name: 'eps', kind: 'scalar', default: 1e-6 },
    { name: 'keepdim', kind: 'bool', default: false },
  ],
  compose: pairwise,
  tests: () => ({
    samples: [
      call([t([5, 3]), t([5, 3])]),
      call([t([5, 3], f64), t([3], f64)], { p: 3, keepdim: true }),
      call([t([5, 3]), t([5, 3]), 1, 0.5]),
    ],
    errors: [{ args: [t([5, 3]), t([5, 4])], throws: 'RuntimeError' }],
  }),
});

/** The 2-norm over a dim, at least eps; gradients pass as if nothing had been cut off. */
function lengthOf(x: Tensor, dim: number, eps: number): Tensor {
  const length = x.norm(2, dim, true).clone();
  noGrad(() => length.clampMin_(eps));
  return length;
}

export const cosineSimilarity = defineOp({
  name: 'cosineSimilarity',
  torch: 'torch.nn.functional.cosine_similarity',
  aliases: ['torch.cosine_similarity'],
  doc: 'x1 · x2 / (‖x1‖ ‖x2‖) over `dim`, each norm at least eps; the rest broadcasts.',
  variants: ['function'],
  params: [
    first,
    second,
    { name: 'dim', kind: 'int', default: 1 },
    { name: 'eps', kind: 'scalar', default: 1e-8 },
  ],
  compose: (x1: Tensor, x2: Tensor, dim: number, eps: number): Tensor => {
    const op = 'cosineSimilarity';
    const dtype = promoted([x1, x2], [], []);
    if (!dtype.isFloatingPoint) {
      const hint = `expected common dtype to be floating point, yet common dtype is ${dtype.title}`;
      refuse(op, 'a floating dtype', dtype.name, hint);
    }
    const shape = broadcastShapes(op, x1.sizes, x2.sizes);
    const d = wrapDim(op, dim, shape.length);
    const [a, b] = [x1, x2].map((x) => cast(x, dtype).expand([...shape])) as [Tensor, Tensor];
    const product = a.div(lengthOf(a, d, eps)).mul(b.div(lengthOf(b, d, eps)));
    return shape.length === 0 ? product : product.sum(d);
  },
  tests: () => ({
    samples: [
      call([t([5, 3]), t([5, 3])]),
      call([t([5, 3], f64), t([1, 3], f64)], { dim: 0 }),
      call([t([3]), t([3])], { dim: 0, eps: 0.5 }),
      call([t([2, 3]), t([2, 3], { fill: 'zeros' })], {}, { noGrad: 'a vector of zeros' }),
    ],
    errors: [
      { args: [t([5, 3]), t([5, 4])], throws: 'RuntimeError' },
      { args: [t([5]), t([5])], throws: 'IndexError' },
    ],
  }),
});

export const normalize = defineOp({
  name: 'normalize',
  torch: 'torch.nn.functional.normalize',
  doc: 'input / max(‖input‖ₚ, eps) over `dim`.',
  variants: ['function'],
  params: [
    { name: 'input', kind: 'tensor' },
    power,
    { name: 'dim', kind: 'ints', default: 1 },
    { name: 'eps', kind: 'scalar', default: 1e-12 },
  ],
  compose: (x: Tensor, p: number, dim: number | readonly number[], eps: number): Tensor =>
    x.div(x.norm(p, dim, true).clampMin(eps)),
  tests: () => ({
    samples: [
      call([t([5, 3])]),
      call([t([2, 3, 4], f64)], { p: 1, dim: 2 }),
      call([t([2, 3])], { p: 3, dim: 0, eps: 2 }),
    ],
    errors: [{ args: [t([5])], throws: 'IndexError' }],
  }),
});

function checkPoints(op: string, which: string, x: Tensor): void {
  if (x.dtype.isIntegral) {
    const hint = `${op} only supports floating-point dtypes, ${which} got: ${x.dtype.title}`;
    refuse(op, 'a floating dtype', x.dtype.name, hint);
  }
}

const modes = [
  'use_mm_for_euclid_dist_if_necessary',
  'use_mm_for_euclid_dist',
  'donot_use_mm_for_euclid_dist',
];

const modeParam: Param = {
  name: 'compute_mode',
  kind: 'string',
  default: modes[0]!,
  choices: oneOf(modes, ValueError, (value) => `${value} is not a valid value for compute_mode`),
};
export const cdist = defineOp({
  name: 'cdist',
  doc: 'The p-distance of every row of x1 [..., n, m] to every row of x2 [..., k, m]; computed from differences in every compute_mode.',
  variants: ['function'],
  params: [first, second, power, modeParam],
  kernel: (x1: Tensor, x2: Tensor, p: number): Tensor => {
    [x1, x2].forEach((x, i) => {
      checkPoints('cdist', `X${i + 1}`, x);
      if (x.ndim >= 2) return;
      refuse(
        'cdist',
        'at least 2 dims',
        showShape(x.sizes),
        `cdist only supports at least 2D tensors, X${i + 1} got: ${x.ndim}D`,
      );
    });
    const [m, other] = [x1.sizes.at(-1), x2.sizes.at(-1)];
    if (m !== other) {
      const hint = `X1 and X2 must have the same number of columns. X1: ${m} X2: ${other}`;
      refuse('cdist', 'rows of one length', `${m} and ${other}`, hint);
    }
    if (!(p >= 0)) refuse('cdist', 'p ≥ 0', String(p), 'cdist only supports non-negative p values');
    return distance('cdist', 'CdistBackward0', x1.unsqueeze(-2), x2.unsqueeze(-3), p);
  },
  tests: () => ({
    samples: [
      call([t([5, 3]), t([4, 3])]),
      call([t([2, 5, 3], f64), t([4, 3], f64), 1]),
      call([t([5, 3]), t([4, 3]), 3]),
      call([t([3, 2], { fill: 'ties' }), t([3, 2], { fill: 'ties' }), 1.5]),
    ],
    errors: [
      { args: [t([5, 3]), t([4, 2])], throws: 'RuntimeError' },
      { args: [t([5, 3]), t([4, 3]), -1], throws: 'RuntimeError' },
      { args: [t([3]), t([4, 3])], throws: 'RuntimeError' },
      { args: [t([5, 3]), t([4, 3]), 2, 'mm'], throws: 'ValueError' },
    ],
  }),
});

export const pdist = defineOp({
  name: 'pdist',
  torch: 'torch.nn.functional.pdist',
  aliases: ['torch.pdist'],
  doc: 'The p-distances of all pairs of rows i < j of a matrix, in order of i, then j.',
  variants: ['function'],
  params: [{ name: 'input', kind: 'tensor' }, power],
  compose: (x: Tensor, p: number): Tensor => {
    if (x.ndim !== 2) {
      refuse('pdist', 'a matrix', showShape(x.sizes), `pdist only supports 2D tensors, got: ${x.ndim}D`);
    }
    checkPoints('pdist', 'it', x);
    if (!(p >= 0)) refuse('pdist', 'p ≥ 0', String(p), 'pdist only supports non-negative p values');
    const n = x.sizes[0]!;
    const pairs = nonzeroRaw(filled([n, n], 1, x.dtype).triu(1));
    const row = (k: number): Tensor => x.indexSelect(0, pairs.select(1, k));
    return distance('pdist', 'PdistBackward0', row(0), row(1), p);
  },
  tests: () => ({
    samples: [
      call([t([5, 3])]),
      call([t([4, 3], f64), 3]),
      call([t([4, 2], { fill: 'ties' }), { special: 'inf' }], {}, { noGrad: 'ties' }),
      call([t([1, 3])]),
    ],
    errors: [
      { args: [t([5])], throws: 'RuntimeError' },
      { args: [t([5, 3]), -1], throws: 'RuntimeError' },
    ],
  }),
});
