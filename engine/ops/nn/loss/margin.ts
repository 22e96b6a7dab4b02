// Margin losses: ranking, cosine embedding, triplets, multi-class hinge.

import { int64 } from '../../../core/dtype.js';
import { ArgumentError, describe, IndexError, message, showShape, ValueError } from '../../../core/errors.js';
import { broadcastShapes, sameShape } from '../../../core/shape.js';
import { Tensor } from '../../../core/tensor.js';
import { apply } from '../../../pointwise/expr.js';
import { formula, p0, requireFloating } from '../../../pointwise/fused-expression.js';
import { defineOp } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { indices as upTo } from '../../creation/creation.js';
import { ix, requireInside } from '../../indexing/along-dim.js';
import { pairwise } from '../distance.js';
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
} from './_reduction.js';

const f64 = { dtype: 'float64' };
const signs = (shape: readonly number[]) =>
  t(shape, { ...f64, fill: { values: [1, -1, 1, 1, -1] }, grad: false });

const ranking = formula(
  'marginRankingLoss',
  3,
  (a, b, y) => {
    const loss = y!.neg().mul(a!.sub(b!)).add(p0!);
    return loss.lt(0).where(0, loss);
  },
  'float',
);
export const marginRankingLoss = defineOp({
  name: 'marginRankingLoss',
  torch: 'torch.nn.functional.margin_ranking_loss',
  doc: 'max(0, −target · (input1 − input2) + margin), reduced: target 1 wants input1 greater, −1 input2.',
  variants: ['function'],
  params: [
    { name: 'input1', kind: 'tensor' },
    { name: 'input2', kind: 'tensor' },
    target,
    numberOption('margin', 0, false),
    reductionParam,
  ],
  compose: (a: Tensor, b: Tensor, y: Tensor, margin: number, reduction: string): Tensor => {
    const op = 'marginRankingLoss';
    if (a.ndim !== b.ndim || a.ndim !== y.ndim) {
      const sizes = [a, b, y].map((x) => showShape(x.sizes)).join(', ');
      const hint = `margin_ranking_loss : All input tensors should have same dimension but got sizes: ${sizes}`;
      refuse(op, 'as many dims in each', sizes, hint);
    }
    return reduced(ranking([a, b, y], [margin]), reduction);
  },
  tests: () => ({
    samples: [
      call([t([5], f64), t([5], f64), signs([5])]),
      call([t([5], f64), t([5], f64), t([5], { ...f64, grad: false }), 0.5], { reduction: 'none' }),
    ],
    errors: [badReduction(3), { args: [t([5, 4]), t([5, 4]), t([5])], throws: 'RuntimeError' }],
  }),
});

const cosine = formula(
  'cosineEmbeddingLoss',
  2,
  (c, y) => {
    const over = c!.sub(p0!);
    return y!
      .eq(1)
      .where(c!.neg().add(1), 0)
      .add(y!.eq(-1).where(over.lt(0).where(0, over), 0));
  },
  'float',
);
function checkEmbedding(a: Tensor, b: Tensor, y: Tensor): void {
  const op = 'cosineEmbeddingLoss';
  const sizes = `${showShape(a.sizes)} and ${showShape(b.sizes)}`;
  if (y.ndim > 1) {
    refuse(
      op,
      'a target of 0 or 1 dims',
      showShape(y.sizes),
      '0D or 1D target tensor expected, multi-target not supported',
    );
  }
  const wanted = y.ndim + 1;
  if (a.ndim !== wanted || b.ndim !== wanted) {
    const hint = `${y.ndim}D target tensor expects ${wanted}D input tensors, but found inputs with sizes ${sizes}.`;
    refuse(op, `inputs of ${wanted} dims`, sizes, hint);
  }
}
export const cosineEmbeddingLoss = defineOp({
  name: 'cosineEmbeddingLoss',
  torch: 'torch.nn.functional.cosine_embedding_loss',
  doc: '1 − cos(input1, input2) where the target is 1, max(0, cos − margin) where it is −1, reduced.',
  variants: ['function'],
  params: [
    { name: 'input1', kind: 'tensor' },
    { name: 'input2', kind: 'tensor' },
    target,
    numberOption('margin', 0, false),
    reductionParam,
  ],
  compose: (a: Tensor, b: Tensor, y: Tensor, margin: number, reduction: string): Tensor => {
    checkEmbedding(a, b, y);
    const epsilon = 1e-12;
    const length = a.mul(a).sum(-1).add(epsilon).mul(b.mul(b).sum(-1).add(epsilon)).sqrt();
    return reduced(cosine([a.mul(b).sum(-1).div(length), y], [margin]), reduction);
  },
  tests: () => ({
    samples: [
      call([t([5, 3], f64), t([5, 3], f64), signs([5])]),
      call([t([3], f64), t([3], f64), t([], { ...f64, fill: 'ones', grad: false })], { reduction: 'none' }),
    ],
    errors: [badReduction(3), { args: [t([5, 4]), t([5, 4]), t([5, 4])], throws: 'RuntimeError' }],
  }),
});

interface Triplet {
  readonly op: string;
  readonly margin: number;
  readonly swap: boolean;
  readonly reduction: string;
  readonly apart: (x: Tensor, y: Tensor) => Tensor;
}

/** The usual distance function, whose errors name the loss. */
function apartBy(op: string, p: number, eps: number): Triplet['apart'] {
  return (x, y) => {
    broadcastShapes(op, x.sizes, y.sizes);
    return pairwise(x, y, p, eps, false);
  };
}

function tripletOf(anchor: Tensor, positive: Tensor, negative: Tensor, s: Triplet): Tensor {
  if (s.margin <= 0) {
    const hint = `margin must be greater than 0, got ${s.margin}`;
    throw new ValueError(message(s.op, 'a margin above 0', String(s.margin), hint));
  }
  const dims = [anchor, positive, negative].map((x) => x.ndim);
  if (dims.some((d) => d !== dims[0])) {
    const hint = `The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ${dims[0]}D, positive ${dims[1]}D, and negative ${dims[2]}D inputs`;
    refuse(s.op, 'as many dims in each', dims.join(', '), hint);
  }
  const near = s.apart(anchor, positive);
  const far = s.apart(anchor, negative);
  const least = s.swap ? far.minimum(s.apart(positive, negative)) : far;
  return reduced(near.add(s.margin).sub(least).clampMin(0), s.reduction);
}

const triplet = [
  { name: 'anchor', kind: 'tensor' },
  { name: 'positive', kind: 'tensor' },
  { name: 'negative', kind: 'tensor' },
] as const;
const three = () => [t([5, 3]), t([5, 3]), t([5, 3])];
const tripletErrors = () =>
  [
    badReduction(3),
    { args: three(), kwargs: { margin: -1 }, throws: 'ValueError' },
    { args: [t([3, 5]), t([3, 4]), t([3, 4])], throws: 'RuntimeError' },
    { args: [t([3, 4]), t([3, 4]), t([3])], throws: 'RuntimeError' },
  ] as const;

export const tripletMarginLoss = defineOp({
  name: 'tripletMarginLoss',
  torch: 'torch.nn.functional.triplet_margin_loss',
  doc: 'max(0, ‖anchor − positive‖ − ‖anchor − negative‖ + margin), reduced; `swap` also takes ‖positive − negative‖ for the second.',
  variants: ['function'],
  params: [
    ...triplet,
    numberOption('margin', 1, false),
    numberOption('p', 2, false),
    numberOption('eps', 1e-6, false),
    flagOption('swap', false, false),
    reductionParam,
  ],
  compose: (
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: number,
    p: number,
    eps: number,
    swap: boolean,
    reduction: string,
  ): Tensor => {
    const op = 'tripletMarginLoss';
    return tripletOf(anchor, positive, negative, { op, margin, swap, reduction, apart: apartBy(op, p, eps) });
  },
  tests: () => ({
    samples: [
      call(three()),
      call([t([5, 3], f64), t([5, 3], f64), t([5, 3], f64), 0.5, 1], { swap: true, reduction: 'none' }),
    ],
    errors: tripletErrors(),
  }),
});

/** The user's own distance, whose result is checked. */
const measured =
  (op: string, what: string, distance: Triplet['apart']): Triplet['apart'] =>
  (a, b) => {
    const found: unknown = distance(a, b);
    if (!(found instanceof Tensor))
      throw new ArgumentError(message(op, what, `one that returns ${describe(found)}`));
    return found;
  };

export const tripletMarginWithDistanceLoss = defineOp({
  name: 'tripletMarginWithDistanceLoss',
  torch: 'torch.nn.functional.triplet_margin_with_distance_loss',
  doc: 'The triplet margin loss with a distance function of two tensors, by default pairwiseDistance.',
  variants: ['function'],
  params: [
    ...triplet,
    {
      name: 'distance_function',
      kind: 'any',
      type: '(a: Tensor, b: Tensor) => Tensor',
      default: null,
      keyword: true,
    },
    numberOption('margin', 1),
    flagOption('swap', false),
    reductionParam,
  ],
  compose: (
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    given: unknown,
    margin: number,
    swap: boolean,
    reduction: string,
  ): Tensor => {
    const op = 'tripletMarginWithDistanceLoss';
    const what = "'distanceFunction' to be a function that returns a Tensor";
    if (given !== null && typeof given !== 'function')
      throw new ArgumentError(message(op, what, describe(given)));
    const apart =
      typeof given === 'function' ? measured(op, what, given as Triplet['apart']) : apartBy(op, 2, 1e-6);
    return tripletOf(anchor, positive, negative, { op, margin, swap, reduction, apart });
  },
  tests: () => ({
    samples: [call(three()), call(three(), { swap: true, reduction: 'sum', margin: 0.5 })],
    errors: tripletErrors(),
  }),
});

/** The input as a matrix [samples, classes]: one sample where it has fewer dims. */
function samplesOf(op: string, x: Tensor): Tensor {
  requireFloating(op, x.dtype);
  if (x.ndim > 2 || x.sizes.at(-1) === 0) {
    const hint = `Expected non-empty vector or matrix with optional 0-dim batch size, but got: ${showShape(x.sizes)}`;
    refuse(op, 'a vector or matrix of classes', showShape(x.sizes), hint);
  }
  return x.ndim === 2 ? x : x.reshape(1, -1);
}

function requireLong(op: string, y: Tensor): void {
  if (y.dtype === int64) return;
  refuse(op, 'a target of int64', y.dtype.name, `expected scalar type Long but found ${y.dtype.title}`);
}

/** max(0, margin − chosen + x), over x, the chosen class's score and whether it counts. */
const hinge = [1, 2].map((p) =>
  formula('multiMarginLoss', 3, (x, chosen, counts) => {
    const over = p0!.sub(chosen!).add(x!);
    const used = apply('logicalAnd', counts!, over.gt(0));
    return used.where(p === 1 ? over : over.mul(over), 0);
  }),
);

function checkMulti(rows: Tensor, y: Tensor, p: number, weight: Tensor | null): void {
  const op = 'multiMarginLoss';
  if (p !== 1 && p !== 2)
    refuse(op, 'p of 1 or 2', String(p), 'only p == 1 and p == 2 supported', ValueError);
  if (weight !== null && weight.ndim !== 1) {
    refuse(op, 'a weight of one dim', showShape(weight.sizes), 'weight must be one-dimensional', ValueError);
  }
  const [n, count] = rows.sizes;
  if (y.ndim > 1 || y.length !== n) {
    const hint = `target tensor should be 1-D with size equal to the number of samples. Expected target size [${n}], but got ${showShape(y.sizes)}`;
    refuse(op, `a target of shape [${n}]`, showShape(y.sizes), hint);
  }
  if (weight !== null && weight.length !== count) {
    const hint = `inconsistent weight size, expected ${count} but got ${showShape(weight.sizes)}`;
    refuse(op, `a weight of shape [${count}]`, showShape(weight.sizes), hint);
  }
  requireLong(op, y);
}

export const multiMarginLoss = defineOp({
  name: 'multiMarginLoss',
  torch: 'torch.nn.functional.multi_margin_loss',
  doc: 'Σ max(0, margin − input[target] + input[i])^p / classes over the other classes i, times the weight of the target, reduced.',
  variants: ['function'],
  params: [
    input,
    target,
    numberOption('p', 1, false),
    numberOption('margin', 1, false),
    tensorOption('weight', false),
    reductionParam,
  ],
  compose: (
    x: Tensor,
    y: Tensor,
    p: number,
    margin: number,
    weight: Tensor | null,
    reduction: string,
  ): Tensor => {
    const op = 'multiMarginLoss';
    if (p !== 1 && p !== 2)
      refuse(op, 'p of 1 or 2', String(p), 'only p == 1 and p == 2 supported', ValueError);
    const rows = samplesOf(op, x);
    checkMulti(rows, y, p, weight);
    const count = rows.sizes[1]!;
    requireInside(
      y,
      count,
      (at) => new IndexError(message(op, `classes in [0, ${count - 1}]`, String(at), 'target out of range')),
    );
    const at = y.reshape(-1, 1);
    const each = hinge[p - 1]!([rows, rows.gather(1, at), upTo(count).ne(at).to(x.dtype)], [margin]);
    const sums = each.sum(1).div(count);
    const loss = weight === null ? sums : sums.mul(weight.indexSelect(0, y.reshape(-1)));
    return reduced(reduction === 'none' && y.ndim === 0 ? loss.reshape([]) : loss, reduction);
  },
  tests: () => ({
    samples: [
      call([t([5, 3]), ix([5], 3)]),
      call([t([5, 3], f64), ix([5], 3), 2, 0.5, t([3], { ...f64, grad: false, fill: 'positive' })], {
        reduction: 'none',
      }),
      call([t([5]), ix([], 5)], { reduction: 'none' }),
    ],
    errors: [
      badReduction(2),
      { args: [t([5, 0]), ix([5], 1)], throws: 'RuntimeError' },
      { args: [t([5, 4]), ix([5, 4], 4)], throws: 'RuntimeError' },
      { args: [t([5, 4]), t([5])], throws: 'RuntimeError' },
      { args: [t([5, 4]), ix([5], 4)], kwargs: { p: 3 }, throws: 'ValueError' },
      { args: [t([5, 4]), ix([5], 4)], kwargs: { weight: t([5, 4]) }, throws: 'ValueError' },
    ],
  }),
});

export const multilabelMarginLoss = defineOp({
  name: 'multilabelMarginLoss',
  torch: 'torch.nn.functional.multilabel_margin_loss',
  doc: 'Σ max(0, 1 − input[j] + input[i]) / classes over target classes j and others i; a row of targets ends at its first −1.',
  variants: ['function'],
  params: [input, target, reductionParam],
  compose: (x: Tensor, y: Tensor, reduction: string): Tensor => {
    const op = 'multilabelMarginLoss';
    const rows = samplesOf(op, x);
    if (!sameShape(x.sizes, y.sizes)) {
      const hint = `inconsistent target size: ${showShape(y.sizes)} for input of size: ${showShape(x.sizes)}`;
      refuse(op, `a target of shape ${showShape(x.sizes)}`, showShape(y.sizes), hint);
    }
    requireLong(op, y);
    const count = rows.sizes[1]!;
    const labels = y.reshape(rows.sizes);
    const listed = labels.ge(0).to(int64).cumprod(1);
    const at = labels.mul(listed);
    requireInside(
      at,
      count,
      (k) =>
        new IndexError(
          message(op, `classes in [0, ${count - 1}]`, String(k), 'argument #3 is_target out of range'),
        ),
    );
    const chosen = labels.mul(0).scatterAdd(1, at, listed);
    const counts = listed.ne(0).unsqueeze(2).logicalAnd(chosen.eq(0).unsqueeze(1)).to(x.dtype);
    const each = hinge[0]!([rows.unsqueeze(1), rows.gather(1, at).unsqueeze(2), counts], [1]);
    const loss = each.sum([1, 2]).div(count);
    return reduced(reduction === 'none' && x.ndim < 2 ? loss.reshape([]) : loss, reduction);
  },
  tests: () => ({
    samples: [
      call([t([2, 4]), t([2, 4], { dtype: 'int64', fill: { values: [3, 0, -1, 1, 2, 2, 1, -1] } })]),
      call([t([4], f64), t([4], { dtype: 'int64', fill: { values: [1, 3, -1, 0] } })], { reduction: 'none' }),
    ],
    errors: [
      badReduction(2),
      { args: [t([5, 0]), ix([5, 4], 1)], throws: 'RuntimeError' },
      { args: [t([5, 4]), ix([4], 4)], throws: 'RuntimeError' },
    ],
  }),
});
