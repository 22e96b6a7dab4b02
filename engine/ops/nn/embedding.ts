// embedding, embeddingBag, oneHot. The gradient of the table is added row by row, without the padding row, and divided
// by counts on request.

import { noGrad } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import { type DType, int64 } from '../../core/dtype.js';
import {
  describe,
  IndexError,
  message,
  NotImplementedError,
  RuntimeError,
  showShape,
  ValueError,
} from '../../core/errors.js';
import { sameShape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { formula, p0 } from '../../pointwise/fused-expression.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { indices as upTo } from '../creation/creation.js';
import { ix, requireInside } from '../indexing/along-dim.js';
import { filled } from '../indexing/index-kernels.js';

const f64 = { dtype: 'float64' };
const indices: Param = { name: 'input', kind: 'tensor' };
const table: Param = { name: 'weight', kind: 'tensor' };
const norming: readonly Param[] = [
  { name: 'max_norm', kind: 'scalar', default: null },
  { name: 'norm_type', kind: 'scalar', default: 2 },
  { name: 'scale_grad_by_freq', kind: 'bool', default: false },
];

function refuse(
  op: string,
  required: string,
  got: string,
  hint: string,
  Refused: typeof RuntimeError | typeof ValueError = RuntimeError,
): never {
  throw new Refused(message(op, required, got, hint));
}

function checkIndices(op: string, index: Tensor, rows: number, hint: (at: number) => Error): void {
  if (index.dtype.name !== 'int64' && index.dtype.name !== 'int32') {
    const text = `Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got ${index.dtype.title} instead (while checking arguments for embedding)`;
    refuse(op, 'indices of int64 or int32', index.dtype.name, text);
  }
  requireInside(index, rows, hint);
}

const shrink = formula('embedding', 1, (norm) => norm!.gt(p0!).where(p0!.div(norm!.add(1e-7)), 1));
/** Makes the rows named no longer than `most`, in place. */
function renormalize(weight: Tensor, flat: Tensor, most: number, p: number): void {
  if (flat.length === 0) return;
  noGrad(() => {
    const rows = weight.indexSelect(0, flat);
    weight.indexCopy_(0, flat, rows.mul(shrink([rows.norm(p, 1, true)], [most])));
  });
}

interface Lookup {
  /** An index whose row gets no gradient; -1 for none. */
  readonly padding: number;
  readonly byFrequency: boolean;
}

/** What each picked row's gradient is multiplied by, [n, 1]; null for 1. */
function shares(rows: number, dtype: DType, flat: Tensor, how: Lookup): Tensor | null {
  const counts = how.padding < 0 ? null : flat.ne(how.padding).to(dtype).unsqueeze(1);
  if (!how.byFrequency) return counts;
  const times = rawZeros([rows], dtype)
    .indexAdd(0, flat, filled([flat.length], 1, dtype))
    .indexSelect(0, flat);
  const part = times.reciprocal().unsqueeze(1);
  return counts === null ? part : counts.mul(part);
}

/** The rows that a 1-d index names. */
function looked(weight: Tensor, flat: Tensor, how: Lookup): Tensor {
  const rows = noGrad(() => weight.indexSelect(0, flat));
  const { sizes: shape, dtype } = weight;
  return record('EmbeddingBackward0', rows, [weight], (save) => {
    const kept = save(flat);
    return ([g]) => {
      const at = kept.get();
      const part = shares(shape[0]!, dtype, at, how);
      return [rawZeros(shape, dtype).indexAdd(0, at, part === null ? g! : g!.mul(part))];
    };
  });
}

/** A padding index as one of the rows; -1 for none. */
function paddingOf(op: string, padding: number | null, rows: number): number {
  if (padding === null) return -1;
  if (padding >= rows || padding < -rows) {
    refuse(op, `a paddingIdx of ${rows} rows`, String(padding), 'Padding_idx must be within num_embeddings');
  }
  return padding < 0 ? padding + rows : padding;
}

export const embedding = defineOp({
  name: 'nn.functional.embedding',
  torch: 'torch.nn.functional.embedding',
  doc: 'The rows of `weight` that the indices name, in the shape of the indices. `max_norm` first shortens those rows, in place.',
  params: [
    indices,
    table,
    { name: 'padding_idx', kind: 'int', default: null },
    ...norming,
    { name: 'sparse', kind: 'bool', default: false },
  ],
  kernel: (
    index: Tensor,
    weight: Tensor,
    padding: number | null,
    maxNorm: number | null,
    p: number,
    byFrequency: boolean,
  ): Tensor => {
    const op = 'embedding';
    if (weight.ndim !== 2) refuse(op, 'a matrix', showShape(weight.sizes), "'weight' must be 2-D");
    const [rows, width] = weight.sizes as readonly [number, number];
    const how = { padding: paddingOf(op, padding, rows), byFrequency };
    checkIndices(
      op,
      index,
      rows,
      (at) =>
        new IndexError(message(op, `indices in [0, ${rows - 1}]`, String(at), 'index out of range in self')),
    );
    const flat = index.to(int64).reshape(index.length);
    if (maxNorm !== null) renormalize(weight, flat, maxNorm, p);
    return looked(weight, flat, how).reshape([...index.sizes, width]);
  },
  tests: () => ({
    samples: [
      call([ix([2, 3], 5), t([5, 4])]),
      call(
        [ix([7], 3), t([3, 2], f64), 1],
        { scale_grad_by_freq: true },
        { noGrad: 'scaled by how often a row is used' },
      ),
      call([ix([], 3), t([3, 2]), -1], {}, { noGrad: 'padding_idx keeps its row from the gradient' }),
    ],
    errors: [
      { args: [ix([2, 2], 1), t([1, 1, 1])], throws: 'RuntimeError' },
      { args: [t([1], { dtype: 'int64', fill: { low: 3, high: 4 } }), t([3, 2])], throws: 'IndexError' },
      { args: [t([2]), t([3, 2])], throws: 'RuntimeError' },
    ],
  }),
});

interface Bags {
  readonly mode: string;
  /** How many bags, and which one each row is in; a row behind the last bag is in bag `count`. */
  readonly count: number;
  readonly of: Tensor;
  /** Rows that count, [n]; null for all. */
  readonly used: Tensor | null;
}

/** The bag of each of n rows, from where the bags begin. */
function bagsOf(offsets: Tensor, n: number): Tensor {
  const starts = rawZeros([n + 1], int64).indexAdd(0, offsets.to(int64), filled([offsets.length], 1, int64));
  return starts.cumsum(0).sub(1).narrow(0, 0, n);
}

function added(rows: Tensor, b: Bags): Tensor {
  return rawZeros([b.count + 1, rows.sizes[1]!], rows.dtype)
    .indexAdd(0, b.of, rows)
    .narrow(0, 0, b.count);
}

function meanOf(rows: Tensor, b: Bags): Tensor {
  const ones =
    b.used === null ? filled([rows.sizes[0]!, 1], 1, rows.dtype) : b.used.to(rows.dtype).unsqueeze(1);
  return added(rows, b).div(noGrad(() => added(ones, b).clampMin(1)));
}

/** The greatest of each column in each bag, the first of equals; 0 for an empty bag. */
function greatest(rows: Tensor, b: Bags): Tensor {
  const [n, width] = rows.sizes as readonly [number, number];
  if (n === 0) return rawZeros([b.count, width], rows.dtype);
  const first = noGrad(() => {
    const at = b.of.unsqueeze(1).expand([n, width]);
    const seen =
      b.used === null
        ? rows.detach()
        : rows.detach().maskedFill(b.used.logicalNot().unsqueeze(1), Number.NEGATIVE_INFINITY);
    const top = filled([b.count + 1, width], Number.NEGATIVE_INFINITY, rows.dtype).scatterReduce(
      0,
      at,
      seen,
      'amax',
    );
    const isTop = seen.eq(top.gather(0, at));
    const usable = b.used === null ? isTop : isTop.logicalAnd(b.used.unsqueeze(1));
    const place = upTo(n).unsqueeze(1).expand([n, width]).maskedFill(usable.logicalNot(), n);
    return filled([b.count + 1, width], n, int64)
      .scatterReduce(0, at, place, 'amin')
      .narrow(0, 0, b.count);
  });
  const empty = first.eq(n);
  return rows.gather(0, first.maskedFill(empty, 0)).maskedFill(empty, 0);
}

interface Bag {
  readonly flat: Tensor;
  readonly offsets: Tensor;
  readonly weights: Tensor | null;
  readonly last: boolean;
}

/** The flat form of a call: a matrix of indices is one bag a row. */
function flattened(
  op: string,
  index: Tensor,
  offsets: Tensor | null,
  weights: Tensor | null,
  last: boolean,
): Bag {
  const long = index.to(int64);
  if (index.ndim === 2) {
    if (offsets !== null) {
      const hint = `if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. However, found offsets of type ${describe(offsets)}`;
      refuse(op, 'no offsets with a matrix of indices', 'offsets', hint, ValueError);
    }
    const [n, each] = index.sizes as readonly [number, number];
    return {
      flat: long.reshape(n * each),
      offsets: upTo(n).mul(each),
      weights: weights?.reshape(n * each) ?? null,
      last: false,
    };
  }
  if (index.ndim !== 1) {
    const hint = `input has to be 1D or 2D Tensor, but got Tensor of dimension ${index.ndim}`;
    refuse(op, 'indices of 1 or 2 dims', showShape(index.sizes), hint, ValueError);
  }
  if (offsets === null)
    refuse(op, 'offsets', 'null', 'offsets has to be a 1D Tensor but got None', ValueError);
  if (offsets.ndim !== 1) {
    refuse(op, 'offsets of 1 dim', showShape(offsets.sizes), 'offsets has to be a 1D Tensor', ValueError);
  }
  return { flat: long, offsets, weights, last };
}

function checkOffsets(op: string, bag: Bag): void {
  if (bag.offsets.length === 0) return;
  const first = Number(bag.offsets.select(0, 0).item());
  if (first !== 0) {
    const hint = `offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ${first}`;
    refuse(op, 'offsets that start at 0', String(first), hint);
  }
  const end = Number(bag.offsets.select(0, -1).item());
  if (end > bag.flat.length) {
    const hint = `offsets[-1] can not be greater than input's length(${bag.flat.length}) but got offsets[-1] of ${end}`;
    refuse(op, `offsets up to ${bag.flat.length}`, String(end), hint);
  }
}

function checkBag(op: string, index: Tensor, weight: Tensor, mode: string, weights: Tensor | null): void {
  if (weights !== null && !sameShape(weights.sizes, index.sizes)) {
    const hint = `embedding_bag: If per_sample_weights (${showShape(weights.sizes)}) is not None, then it must have the same shape as the input (${showShape(index.sizes)})`;
    refuse(op, `weights of shape ${showShape(index.sizes)}`, showShape(weights.sizes), hint, ValueError);
  }
  if (weight.ndim !== 2) {
    const hint = `weight has to be a 2D Tensor, but got Tensor of dimension ${weight.ndim}`;
    refuse(op, 'a matrix', showShape(weight.sizes), hint, ValueError);
  }
  if (weight.dtype.isIntegral) {
    const hint = `Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, Float, Double; but got ${weight.dtype.title} instead (while checking arguments for embedding_bag)`;
    refuse(op, 'a floating table', weight.dtype.name, hint);
  }
  if (weights !== null && mode !== 'sum') {
    const hint = `embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='${mode}').`;
    throw new NotImplementedError(message(op, "mode 'sum' with per_sample_weights", mode, hint));
  }
}

export const embeddingBag = defineOp({
  name: 'nn.functional.embeddingBag',
  torch: 'torch.nn.functional.embedding_bag',
  doc: 'Sums, means or maxima of bags of rows of `weight`: a bag is a row of indices, or begins at each of `offsets`.',
  params: [
    indices,
    table,
    { name: 'offsets', kind: 'tensor', default: null },
    ...norming,
    {
      name: 'mode',
      kind: 'string',
      default: 'mean',
      choices: oneOf(['sum', 'mean', 'max'], ValueError, () => 'mode has to be one of sum, mean or max'),
    },
    { name: 'sparse', kind: 'bool', default: false },
    { name: 'per_sample_weights', kind: 'tensor', default: null },
    { name: 'include_last_offset', kind: 'bool', default: false },
    { name: 'padding_idx', kind: 'int', default: null },
  ],
  compose: (
    index: Tensor,
    weight: Tensor,
    offsets: Tensor | null,
    maxNorm: number | null,
    p: number,
    byFrequency: boolean,
    mode: string,
    _sparse: boolean,
    weights: Tensor | null,
    includeLast: boolean,
    padding: number | null,
  ): Tensor => {
    const op = 'embeddingBag';
    checkBag(op, index, weight, mode, weights);
    const bag = flattened(op, index, offsets, weights, includeLast);
    checkOffsets(op, bag);
    if (mode === 'max' && byFrequency) {
      const hint = 'max mode does not support scaling the gradient by the frequency';
      refuse(op, 'no scaleGradByFreq with max', 'both', hint, ValueError);
    }
    const rows = weight.sizes[0]!;
    checkIndices(op, bag.flat, rows, (at) => {
      const hint = `Index 0 of input takes value ${at} which is not in the valid range [0, ${rows})`;
      return new RuntimeError(message(op, `indices in [0, ${rows - 1}]`, String(at), hint));
    });
    if (maxNorm !== null) renormalize(weight, bag.flat, maxNorm, p);
    const unused = paddingOf(op, padding, rows);
    const picked = looked(weight, bag.flat, { padding: -1, byFrequency });
    return reducedBags(picked, bag, unused < 0 ? null : bag.flat.ne(unused), mode);
  },
  tests: () => ({
    samples: [
      call([ix([7], 5), t([5, 3]), t([3], { dtype: 'int64', fill: { values: [0, 2, 2] } })]),
      call([ix([2, 4], 5), t([5, 3], f64)], {
        mode: 'sum',
        per_sample_weights: t([2, 4], f64),
        padding_idx: 1,
      }),
      call([ix([2, 4], 5), t([5, 3])], { mode: 'max' }),
    ],
    errors: [
      { args: [ix([3], 5), t([5, 3])], throws: 'ValueError' },
      { args: [ix([3], 5), t([5, 3]), t([1], { dtype: 'int64', fill: 'ones' })], throws: 'RuntimeError' },
      { args: [ix([2, 2], 5), t([5, 3])], kwargs: { mode: 'min' }, throws: 'ValueError' },
    ],
  }),
});

function reducedBags(picked: Tensor, bag: Bag, used: Tensor | null, mode: string): Tensor {
  const count = bag.offsets.length - (bag.last ? 1 : 0);
  const b: Bags = { mode, count, of: bagsOf(bag.offsets, bag.flat.length), used };
  if (mode === 'max') return greatest(picked, b);
  const rows = used === null ? picked : picked.maskedFill(used.logicalNot().unsqueeze(1), 0);
  if (mode === 'mean') return meanOf(rows, b);
  return added(bag.weights === null ? rows : rows.mul(bag.weights.unsqueeze(1)), b);
}

export const oneHot = defineOp({
  name: 'oneHot',
  torch: 'torch.nn.functional.one_hot',
  doc: 'An int64 vector for each class index, 1 at the class and 0 elsewhere, in a new last dim of num_classes.',
  variants: ['function'],
  notDifferentiable: 'indices have no gradient',
  params: [
    { name: 'tensor', kind: 'tensor' },
    { name: 'num_classes', kind: 'int', default: -1 },
  ],
  kernel: (x: Tensor, given: number): Tensor => {
    const op = 'oneHot';
    if (x.dtype !== int64) {
      refuse(
        op,
        'class indices of int64',
        x.dtype.name,
        'one_hot is only applicable to index tensor of type LongTensor.',
      );
    }
    if (x.length === 0 && given <= 0) {
      const hint = 'Can not infer total number of classes from empty tensor.';
      refuse(op, 'numClasses with an empty tensor', String(given), hint);
    }
    const least = x.length === 0 ? 0 : Number(x.min().item());
    if (least < 0) refuse(op, 'classes of at least 0', String(least), 'Class values must be non-negative.');
    const most = x.length === 0 ? -1 : Number(x.max().item());
    const count = given === -1 ? most + 1 : given;
    if (count < 1) refuse(op, 'at least one class', String(given), 'num_classes should be positive');
    if (most >= count)
      refuse(op, `classes below ${count}`, String(most), 'Class values must be smaller than num_classes.');
    const out = rawZeros([...x.sizes, count], int64);
    return x.length === 0 ? out : out.scatter(-1, x.unsqueeze(-1), 1);
  },
  tests: () => ({
    samples: [call([ix([2, 3], 4)]), call([ix([], 4), 5])],
    errors: [
      { args: [t([2])], throws: 'RuntimeError' },
      { args: [t([1], { dtype: 'int64', fill: { low: 3, high: 4 } }), 2], throws: 'RuntimeError' },
      { args: [t([1], { dtype: 'int64', fill: { low: -1, high: 0 } })], throws: 'RuntimeError' },
    ],
  }),
});
