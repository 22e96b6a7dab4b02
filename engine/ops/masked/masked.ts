// torch.masked: reductions, scans and normalisations under a boolean mask. Masked-out elements are replaced by the
// operation's identity.
import { type DType, float32, int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { expandsTo } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param, snakeCase } from '../../registry/define.js';
import { dimsOf } from '../../registry/dims.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { ones } from '../creation/creation.js';
import { filled } from '../indexing/index-kernels.js';
import { where } from '../indexing/masked.js';
import { norm as vectorNorm } from '../linalg/norms.js';
import { type Dims, dims, keepdimParam, self } from '../reduction/sum-mean-prod.js';

const { POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity, NaN: nan } = Number;
const keepdim: Param = { ...keepdimParam, keyword: true };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };
const maskParam: Param = { name: 'mask', kind: 'tensor', default: null, keyword: true };
const dimParam: Param = { name: 'dim', kind: 'int' };
const over: readonly Param[] = [dims, keepdim, dtypeParam, maskParam];
const along: readonly Param[] = [dimParam, dtypeParam, maskParam];
type Mask = Tensor | null;
type Over = readonly [dim: Dims, keepdim: boolean, dtype: DType | null, mask: Mask];

const limits: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
};
/** What never changes a maximum (`least`) or a minimum of this dtype. */
function bound(dtype: DType, least: boolean): number | bigint {
  if (!dtype.isIntegral) return least ? minusInfinity : infinity;
  if (dtype === int64) return least ? -(2n ** 63n) : 2n ** 63n - 1n;
  return (limits[dtype.name] ?? [0, 1])[least ? 0 : 1];
}

/** The mask with the input's shape. @throws IndexError for one of more dims, RuntimeError for other sizes */
function spread(op: string, x: Tensor, mask: Tensor): Tensor {
  const required = `a mask that broadcasts to ${showShape(x.sizes)}`;
  if (mask.ndim > x.ndim) {
    const hint = '_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)';
    throw new IndexError(message(op, required, showShape(mask.sizes), hint));
  }
  if (!expandsTo(mask.sizes, x.sizes)) {
    const hint = 'The expanded size of the tensor must match the existing size at non-singleton dimensions';
    throw new RuntimeError(message(op, required, showShape(mask.sizes), hint));
  }
  return (mask.dtype.name === 'bool' ? mask : mask.to('bool')).expand(x.sizes).contiguous();
}

function kept(op: string, x: Tensor, mask: Mask, identity: number | bigint): Tensor {
  if (mask === null) return x;
  return where.impl(spread(op, x, mask), x, filled([], identity, x.dtype)) as Tensor;
}

const mask35 = () => t([3, 5], { dtype: 'bool' });
const overSamples = (): readonly Sample[] => [
  call([t([3, 5])], { mask: mask35() }),
  call([t([3, 5, 2]), [0, 2]], { keepdim: true, mask: t([5, 1], { dtype: 'bool' }) }),
  call([t([3, 5]), 1]),
  call([t([])], { mask: t([], { dtype: 'bool' }) }),
];
const alongSamples = (): readonly Sample[] => [
  call([t([3, 5]), 1], {
    mask: t([3, 5], {
      dtype: 'bool',
      fill: { values: [1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1].map(Boolean) },
    }),
  }),
  call([t([3, 5]), 0]),
  call([t([]), 0]),
];
const named = (name: string): string => `torch.masked.${snakeCase(name)}`;

function reduction(
  name: string,
  doc: string,
  run: (x: Tensor, ...rest: Over) => Tensor,
  samples = overSamples,
) {
  return defineOp({
    name: `masked.${name}`,
    torch: named(name),
    doc,
    params: [self, ...over],
    compose: run,
    tests: () => ({ samples: samples() }),
  });
}

const wide = (x: Tensor, dtype: DType | null): DType => dtype ?? (x.dtype.isIntegral ? int64 : x.dtype);
const all = (op: string, dim: Dims, x: Tensor): number[] => dimsOf(op, dim, x.ndim);

const total = (x: Tensor, dim: Dims, keep: boolean, dtype: DType | null, mask: Mask): Tensor =>
  kept('sum', x, mask, 0).sum(all('sum', dim, x), keep, { dtype: wide(x, dtype) });

/** How many elements are kept. */
function countOf(op: string, x: Tensor, dim: Dims, keep: boolean, mask: Mask): Tensor {
  const counted = mask === null ? (ones.impl(x.sizes, int64, null, false) as Tensor) : spread(op, x, mask);
  return counted.sum(all(op, dim, x), keep);
}

export const sum = reduction('sum', 'The sum of what the mask keeps; 0 where that is nothing.', total);
export const prod = reduction(
  'prod',
  'The product of what the mask keeps; 1 where that is nothing.',
  (x, dim, keep, dtype, mask) => {
    const input = kept('prod', x, mask, 1).to(wide(x, dtype));
    if (x.ndim === 0) return dim === null || (Array.isArray(dim) && dim.length === 0) ? input : input.prod();
    return all('prod', dim, x)
      .sort((a, b) => b - a)
      .reduce((y, d) => y.prod(d, keep), input);
  },
);
export const amax = reduction('amax', 'The maximum of what the mask keeps.', (x, dim, keep, dtype, mask) =>
  kept('amax', x, mask, bound(x.dtype, true))
    .amax(all('amax', dim, x), keep)
    .to(dtype ?? x.dtype),
);
export const amin = reduction('amin', 'The minimum of what the mask keeps.', (x, dim, keep, dtype, mask) =>
  kept('amin', x, mask, bound(x.dtype, false))
    .amin(all('amin', dim, x), keep)
    .to(dtype ?? x.dtype),
);
export const mean = reduction(
  'mean',
  'The mean of what the mask keeps; NaN where that is nothing.',
  (x, dim, keep, dtype, mask) => {
    const d = dtype ?? x.dtype;
    if (d.isIntegral) {
      const source = dtype === null ? 'Input' : 'Optional';
      const hint = `mean(): Could not infer output dtype. ${source} dtype must be either a floating point or complex dtype. Got: torch.${d.name}`;
      throw new ValueError(message('mean', 'a floating dtype', d.name, hint));
    }
    return total(x, dim, keep, d, mask).div(countOf('mean', x, dim, keep, mask));
  },
);
export const logsumexp = reduction(
  'logsumexp',
  'log Σ exp of what the mask keeps; −∞ where that is nothing.',
  (x, dim, keep, dtype, mask) =>
    kept('logsumexp', x, mask, bound(x.dtype, true))
      .logsumexp(all('logsumexp', dim, x), keep)
      .to(dtype ?? x.dtype),
);

function position(name: 'argmax' | 'argmin', doc: string) {
  return defineOp({
    name: `masked.${name}`,
    doc,
    params: [self, { name: 'dim', kind: 'int', default: null }, keepdim, dtypeParam, maskParam],
    compose: (x: Tensor, dim: number | null, keep: boolean, dtype: DType | null, mask: Mask): Tensor =>
      kept(name, x.detach(), mask, bound(x.dtype, name === 'argmax'))
        [name](dim, keep)
        .to(dtype ?? x.dtype),
    notDifferentiable: 'the result is an index',
    tests: () => ({
      samples: [
        call([t([3, 5], { fill: 'distinct' }), 1], { mask: mask35() }),
        call([t([3, 5], { fill: 'distinct' })]),
      ],
    }),
  });
}
export const argmax = position(
  'argmax',
  'Where the maximum of what the mask keeps is, in the input’s dtype.',
);
export const argmin = position(
  'argmin',
  'Where the minimum of what the mask keeps is, in the input’s dtype.',
);

export const median = defineOp({
  name: 'masked.median',
  doc: 'The lower median along a dim of what the mask keeps; NaN where that is nothing.',
  params: [self, { ...dimParam, default: -1 }, keepdim, dtypeParam, maskParam],
  compose: (x: Tensor, dim: number, keep: boolean, dtype: DType | null, mask: Mask): Tensor => {
    const input = x.dtype.isIntegral ? x.to(float32) : x;
    const { values } = kept('median', input, mask, nan).nanmedian(dim, keep) as { values: Tensor };
    if (!x.dtype.isIntegral) return values;
    if (values.isnan().any().item() === true) {
      const hint = 'masked median expects no fully masked out rows if dtype is not floating point';
      throw new ValueError(message('median', 'rows that keep something', 'one that does not', hint));
    }
    return values.to(dtype ?? x.dtype);
  },
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'distinct' }), 1]),
      call([t([2, 5], { fill: 'distinct' })], { mask: t([2, 5], { dtype: 'bool', fill: 'ones' }) }),
    ],
  }),
});

export const norm = defineOp({
  name: 'masked.norm',
  doc: 'The p-norm of what the mask keeps.',
  params: [self, { name: 'ord', kind: 'scalar', default: 2 }, ...over],
  compose: (x: Tensor, order: number, dim: Dims, keep: boolean, dtype: DType | null, mask: Mask): Tensor =>
    vectorNorm.impl(
      kept('norm', x, mask, order === minusInfinity ? infinity : 0),
      order,
      all('norm', dim, x),
      keep,
      dtype,
    ),
  tests: () => ({
    samples: [
      call([t([3, 5]), 2, 1], { mask: mask35() }),
      call([t([3, 5]), 3]),
      call([t([3, 5]), { special: '-inf' }, 0]),
    ],
  }),
});

interface Moment {
  readonly correction: number;
  readonly root: boolean;
}

function momentOf(x: Tensor, dim: Dims, keep: boolean, given: DType | null, mask: Mask, m: Moment): Tensor {
  const dtype = given ?? (x.dtype.isIntegral ? float32 : x.dtype);
  const count = countOf('var', x, dim, true, mask);
  const apart = x.sub(total(x, dim, true, dtype, mask).div(count));
  const squares = total(apart.mul(apart), dim, keep, dtype.isIntegral ? float32 : dtype, mask);
  const n = (keep ? count : count.reshape(squares.sizes)).to(squares.dtype);
  const out = squares.div(m.correction === 0 ? n : n.sub(m.correction).clampMin(0)).to(dtype);
  return m.root ? out.sqrt() : out;
}

function moment(name: 'var' | 'std', doc: string) {
  return defineOp({
    name: `masked.${name}`,
    doc,
    params: [
      self,
      dims,
      { name: 'unbiased', kind: 'bool', default: null },
      { name: 'correction', kind: 'scalar', default: null, keyword: true },
      ...over.slice(1),
    ],
    compose: (
      x: Tensor,
      dim: Dims,
      unbiased: boolean | null,
      correction: number | null,
      ...rest: readonly [boolean, DType | null, Mask]
    ): Tensor =>
      momentOf(x, dim, ...rest, {
        correction: correction ?? (unbiased === false ? 0 : 1),
        root: name === 'std',
      }),
    tests: () => ({
      samples: [
        call([t([3, 5])], { mask: t([3, 5], { dtype: 'bool', fill: 'ones' }) }),
        call([t([3, 5]), 1, false]),
        call([t([3, 5, 2]), [0, 2]], { correction: 2, keepdim: true }),
      ],
    }),
  });
}
const variance = moment('var', 'The variance of what the mask keeps, divided by its count − correction.');

export { variance as var_ };
export const std = moment('std', 'The standard deviation of what the mask keeps.');

function alongDim(
  name: string,
  doc: string,
  run: (x: Tensor, dim: number, dtype: DType | null, mask: Mask) => Tensor,
) {
  return defineOp({
    name: `masked.${name}`,
    torch: named(name),
    doc,
    params: [self, ...along],
    compose: run,
    tests: () => ({ samples: alongSamples() }),
  });
}
export const cumsum = alongDim('cumsum', 'The running sum of what the mask keeps.', (x, dim, dtype, mask) =>
  kept('cumsum', x, mask, 0).cumsum(dim, { dtype: dtype ?? x.dtype }),
);
export const cumprod = alongDim(
  'cumprod',
  'The running product of what the mask keeps.',
  (x, dim, dtype, mask) => kept('cumprod', x, mask, 1).cumprod(dim, { dtype: dtype ?? x.dtype }),
);
export const softmax = alongDim(
  'softmax',
  'softmax of what the mask keeps; 0 elsewhere.',
  (x, dim, dtype, mask) =>
    kept('softmax', x, mask, bound(x.dtype, true)).softmax(dim, { dtype: dtype ?? x.dtype }),
);
export const logSoftmax = alongDim(
  'logSoftmax',
  'log softmax of what the mask keeps; −∞ elsewhere.',
  (x, dim, dtype, mask) =>
    kept('logSoftmax', x, mask, bound(x.dtype, true)).logSoftmax(dim, { dtype: dtype ?? x.dtype }),
);
export const softmin = alongDim(
  'softmin',
  'softmax of the negated elements that the mask keeps; 0 elsewhere.',
  (x, dim, dtype, mask) =>
    kept('softmin', x, mask, bound(x.dtype, false))
      .neg()
      .softmax(dim, { dtype: dtype ?? x.dtype }),
);

export const normalize = defineOp({
  name: 'masked.normalize',
  doc: 'What the mask keeps, divided by its p-norm along a dim (at least eps).',
  params: [
    self,
    { name: 'ord', kind: 'scalar' },
    dimParam,
    { name: 'eps', kind: 'scalar', default: 1e-12, keyword: true },
    dtypeParam,
    maskParam,
  ],
  compose: (x: Tensor, order: number, dim: number, eps: number, dtype: DType | null, mask: Mask): Tensor => {
    const length = norm.impl(x, order, dim, true, dtype, mask);
    return kept('normalize', x, mask, 0).div(length.maximum(filled([], eps, length.dtype)));
  },
  tests: () => ({ samples: [call([t([3, 5]), 2, 1], { mask: mask35() }), call([t([3, 5]), 1, 0])] }),
});

export const logaddexp = defineOp({
  name: 'masked.logaddexp',
  doc: 'log(exp(input) + exp(other)), each where its own mask keeps it.',
  params: [
    self,
    { name: 'other', kind: 'tensor' },
    dtypeParam,
    { name: 'input_mask', kind: 'tensor', default: null, keyword: true },
    { name: 'other_mask', kind: 'tensor', default: null, keyword: true },
  ],
  compose: (x: Tensor, other: Tensor, dtype: DType | null, inputMask: Mask, otherMask: Mask): Tensor =>
    kept('logaddexp', x, inputMask, bound(x.dtype, true))
      .logaddexp(kept('logaddexp', other, otherMask, bound(other.dtype, true)))
      .to(dtype ?? x.dtype),
  tests: () => ({
    samples: [call([t([3, 5]), t([3, 5])], { input_mask: mask35() }), call([t([3, 5]), t([3, 5])])],
  }),
});
