// sort, argsort, msort, topk. The kernel sorts contiguous rows; other dims are moved last.
import { record } from '../../autograd/node.js';
import { runSort } from '../../backend/commands/sort.js';
import { computedIn, int64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, itself } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { rawCast, rawZeros } from '../creation/copy-fill-cast.js';
import { placing } from '../indexing/along-dim.js';
import { requireMemory } from '../indexing/index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const lastDim: Param = { name: 'dim', kind: 'int', default: -1 };
const descendingParam: Param = { name: 'descending', kind: 'bool', default: false };
const stableParam: Param = { name: 'stable', kind: 'bool', default: false, keyword: true };

/** A result of two tensors: a pair that also answers to PyTorch's names. */
export type ValuesAndIndices = [Tensor, Tensor] & { values: Tensor; indices: Tensor };
export const pairType = '[Tensor, Tensor] & { values: Tensor; indices: Tensor }';

export function pairOf(values: Tensor, indices: Tensor): ValuesAndIndices {
  return Object.assign([values, indices] as [Tensor, Tensor], { values, indices });
}

/** The tensor with a dim exchanged with the last one; no history. */
function swapped(x: Tensor, dim: number): Tensor {
  if (dim >= x.ndim - 1) return x;
  const swap = (list: readonly number[]): number[] => {
    const out = [...list];
    [out[dim], out[x.ndim - 1]] = [out[x.ndim - 1]!, out[dim]!];
    return out;
  };
  return seenAs(x, swap(x.sizes), swap(x.strides));
}

interface Sorted {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** The first `k` sorted values (null: all) and where they were, along the last dim of `rows`; stable, NaN greatest. */
function sortRows(rows: Tensor, descending: boolean, k: number | null): Sorted {
  const { dtype } = rows;
  if (dtype.isComplex) {
    const hint = 'Sort does not support complex dtypes on CPU';
    throw new RuntimeError(message('sort', 'a real dtype', dtype.name, hint));
  }
  if (computedIn(dtype) !== dtype) {
    const wide = sortRows(rawCast(rows, computedIn(dtype)), descending, k);
    return { values: rawCast(wide.values, dtype), indices: wide.indices };
  }
  const n = rows.sizes[rows.ndim - 1] ?? 1;
  const shape = k === null || rows.ndim === 0 ? rows.sizes : [...rows.sizes.slice(0, -1), k];
  const values = newTensor(shape, rows.dtype);
  const indices = newTensor(shape, int64);
  if (values.length === 0) return { values, indices };
  const dense = rows.isContiguous() ? rows : rawCast(rows, rows.dtype);
  runSort('sort', dense.device.kernels!, {
    dtype: dense.dtype.code,
    rows: rows.length / n,
    n,
    descending,
    input: dense.address,
    values: values.address,
    indices: indices.address,
    k: rows.ndim === 0 ? 1 : (k ?? n),
  });
  return { values, indices };
}

/** The first `k` of each sorted row, in the tensor's own order of dims; no history. */
export function sortedAlong(x: Tensor, dim: number, descending: boolean, k: number | null): Sorted {
  const { values, indices } = sortRows(swapped(x, dim), descending, k);
  const finish = (y: Tensor): Tensor => {
    const back = swapped(y, dim);
    return back.isContiguous() ? back : rawCast(back, back.dtype);
  };
  return { values: finish(values), indices: finish(indices) };
}

/** Records a choice of elements along a dim: the gradient goes back to where they came from. */
function chosen(name: string, x: Tensor, dim: number, s: Sorted): ValuesAndIndices {
  record(name, [s.values, s.indices], [x], (save) => {
    const kept = save(s.indices);
    const { sizes: shape } = x;
    return ([g]) => [
      applied(placing('scatter', 'replace', rawZeros(shape, g!.dtype), dim, kept.get(), g!, true), itself),
    ];
  });
  return pairOf(s.values, s.indices);
}

function sorted(op: string, x: Tensor, rawDim: number, descending: boolean): ValuesAndIndices {
  const dim = wrapDim(op, rawDim, x.ndim);
  requireMemory(op, [x]);
  return chosen('SortBackward0', x, dim, sortedAlong(x, dim, descending, null));
}

const distinct = (shape: readonly number[], options: object = {}) =>
  t(shape, { fill: 'distinct', ...options });
const ties = (shape: readonly number[], options: object = {}) =>
  t(shape, { fill: 'ties', grad: false, ...options });
const stable = (dim: number, descending: boolean) => ({ dim, descending, stable: true });
const sortSamples = () => [
  call([distinct([3, 5])]),
  call([distinct([3, 5]), 0]),
  call([distinct([2, 7, 3], { layout: 'transposed' }), 1, true]),
  call([distinct([1031])]),
  call([distinct([])]),
  call([t([0, 3]), 0]),
];
const stableSamples = () => [
  call([ties([3, 17])], stable(-1, false)),
  call([ties([17, 3])], stable(0, true)),
  call([t([23], { fill: 'special' })], stable(0, false), { noGrad: 'special values' }),
  call([t([23], { fill: 'special' })], stable(-1, true), { noGrad: 'special values' }),
  call([t([19], { dtype: 'int64' })], stable(0, false)),
  call([t([19], { dtype: 'uint8', fill: { low: 0, high: 9 } })], stable(0, true)),
  call([t([11], { dtype: 'bool' })], stable(0, false)),
];
const sortErrors = () => [{ args: [t([3, 5]), 2], throws: 'IndexError' }] as const;

export const sort = defineOp({
  name: 'sort',
  doc: 'The values of a dim in order and where they were, as { values, indices }; always stable, NaN is greatest.',
  params: [self, lastDim, descendingParam, stableParam],
  returns: pairType,
  kernel: (x: Tensor, dim: number, descending: boolean): ValuesAndIndices =>
    sorted('sort', x, dim, descending),
  tests: () => ({
    samples: [...sortSamples(), ...stableSamples()],
    errors: sortErrors(),
    bench: [call([t([1000000])]), call([t([1000, 1000]), 0])],
  }),
});

export const argsort = defineOp({
  name: 'argsort',
  doc: 'Where the values of a dim are when in order, as int64; always stable.',
  params: [self, lastDim, descendingParam, stableParam],
  kernel: (x: Tensor, rawDim: number, descending: boolean): Tensor => {
    const dim = wrapDim('argsort', rawDim, x.ndim);
    requireMemory('argsort', [x]);
    return sortedAlong(x, dim, descending, null).indices;
  },
  notDifferentiable: 'the result is positions',
  tests: () => ({ samples: [...sortSamples(), ...stableSamples()], errors: sortErrors() }),
});

export const msort = defineOp({
  name: 'msort',
  numpy: 'numpy.msort',
  doc: 'The values of dim 0 in order.',
  params: [self],
  gradName: 'SortBackward0',
  compose: (x: Tensor): Tensor => sorted('msort', x, 0, false).values,
  tests: () => ({
    samples: [call([distinct([5, 3])]), call([distinct([])]), call([t([7], { dtype: 'int32' })])],
  }),
});

export const topk = defineOp({
  name: 'topk',
  doc: 'The k largest (or smallest) values of a dim and where they were, as { values, indices }, always in order.',
  params: [
    self,
    { name: 'k', kind: 'int' },
    lastDim,
    { name: 'largest', kind: 'bool', default: true },
    { name: 'sorted', kind: 'bool', default: true },
  ],
  returns: pairType,
  kernel: (x: Tensor, k: number, rawDim: number, largest: boolean): ValuesAndIndices => {
    const dim = wrapDim('topk', rawDim, x.ndim);
    requireMemory('topk', [x]);
    const size = x.sizes[dim] ?? 1;
    if (k < 0 || k > size)
      throw new RuntimeError(
        message('topk', `k in [0, ${size}]`, String(k), 'selected index k out of range'),
      );
    if (x.dtype.name === 'bool')
      throw new RuntimeError(message('topk', 'numbers', 'bool', 'topk does not support bool dtypes on CPU'));
    return chosen('TopkBackward0', x, dim, sortedAlong(x, dim, largest, k));
  },
  tests: () => ({
    samples: [
      call([distinct([3, 7]), 3]),
      call([distinct([7, 3]), 2, 0, false]),
      call([distinct([2, 7, 3], { layout: 'transposed' }), 5, 1, true, true]),
      call([distinct([3, 7]), 7]),
      call([distinct([3, 7]), 0], {}, { noGrad: 'the result is empty' }),
      call([distinct([]), 1]),
      call([t([17], { dtype: 'int64', fill: 'distinct' }), 4]),
      call([distinct([1031]), 9]),
    ],
    errors: [
      { args: [t([3, 5]), 6], throws: 'RuntimeError' },
      { args: [t([3, 5]), -1], throws: 'RuntimeError' },
      { args: [t([3, 5]), 1, 2], throws: 'IndexError' },
      { args: [t([3], { dtype: 'bool' }), 1], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000000]), 10])],
  }),
});
