// scatter and scatterAdd along one dim.

import { message, RuntimeError } from '../../core/errors.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, appliedInPlace, type Change } from '../../registry/in-place.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { checkedPlacing, ix } from './along-dim.js';
import type { PutMode } from './index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const indexParam: Param = { name: 'index', kind: 'tensor' };

/** What is done where an index repeats; null replaces. */
const reduces = oneOf(
  ['add', 'multiply'],
  RuntimeError,
  () => 'reduce argument must be either add or multiply.',
);

/** The change that scatter makes. PyTorch has no derivative of the reducing ones: a backward through them fails. */
function scattered(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor | Scalar,
  reduction: string | null,
): Change {
  const change = checkedPlacing('scatter', (reduction ?? 'replace') as PutMode, x, dim, index, src);
  if (reduction === null) return change;
  return {
    ...change,
    nodeName: 'NotImplemented',
    make: () => () => {
      throw new RuntimeError(
        message(
          'scatter',
          'a derivative',
          reduction,
          'derivative for scatter is not implemented; use scatterReduce',
        ),
      );
    },
  };
}

const scatterSamples = () => [
  call([
    t([3, 5]),
    0,
    t([2, 5], { dtype: 'int64', fill: { values: [0, 1, 2, 0, 1, 1, 2, 0, 2, 0] } }),
    t([2, 5]),
  ]),
  call([
    t([3, 5]),
    -1,
    t([3, 2], { dtype: 'int64', fill: { values: [0, 4, 1, 3, 2, 0] } }),
    t([4, 3], { grad: false }),
  ]),
  call([
    t([3, 5], { layout: 'transposed' }),
    1,
    t([2, 2], { dtype: 'int64', fill: { values: [4, 1, 0, 2] } }),
    t([2, 2], { layout: 'transposed' }),
  ]),
  call([t([]), 0, ix([], 1), t([])]),
  call([t([3, 5]), 0, ix([0, 5], 3), t([2, 5], { grad: false })]),
  call([t([3], { dtype: 'bool' }), 0, ix([1], 3, { dtype: 'int32' }), t([1], { dtype: 'bool' })]),
];
const scatterErrors = () =>
  [
    {
      args: [t([3, 5]), 0, t([1, 5], { dtype: 'int64', fill: { low: 5, high: 6 } }), t([1, 5])],
      throws: 'RuntimeError',
    },
    {
      args: [t([3, 5]), 0, t([1, 5], { dtype: 'int64', fill: { low: -1, high: 0 } }), t([1, 5])],
      throws: 'RuntimeError',
    },
    { args: [t([3, 5]), 0, ix([1, 5], 3), t([1, 5], { dtype: 'float64' })], throws: 'RuntimeError' },
    { args: [t([3, 5]), 0, ix([2, 5], 3), t([1, 5])], throws: 'RuntimeError' },
    { args: [t([3, 5]), 0, ix([1, 7], 3), t([1, 7])], throws: 'RuntimeError' },
    { args: [t([3, 5]), 3, ix([1, 5], 3), t([1, 5])], throws: 'IndexError' },
  ] as const;

export const scatter = defineOp({
  name: 'scatter',
  doc: 'The tensor with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a tensor or a number.',
  params: [
    self,
    dimParam,
    indexParam,
    { name: 'src', kind: 'tensorOrScalar' },
    { name: 'reduce', kind: 'string', default: null, keyword: true, choices: reduces },
  ],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, dim: number, index: Tensor, src: Tensor | Scalar, reduction: string | null): Tensor =>
    applied(scattered(x, dim, index, src, reduction)),
  inPlace: (x: Tensor, dim: number, index: Tensor, src: Tensor | Scalar, reduction: string | null): Tensor =>
    appliedInPlace('scatter_', scattered(x, dim, index, src, reduction)),
  tests: () => ({
    samples: [
      ...scatterSamples(),
      call([t([3, 5]), 1, ix([3, 2], 5), 2.5]),
      call([t([3, 5], { dtype: 'int64' }), 0, ix([1, 5], 3), 7]),
      call(
        [t([3]), 0, ix([4], 3), t([4])],
        { reduce: 'multiply' },
        { noGrad: 'PyTorch has no derivative of it' },
      ),
    ],
    errors: scatterErrors(),
  }),
});

export const scatterAdd = defineOp({
  name: 'scatterAdd',
  doc: 'The tensor with src[i][j] added at [index[i][j]][j] for dim 0, and so on; repeated places add up.',
  params: [self, dimParam, indexParam, { name: 'src', kind: 'tensor' }],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor =>
    applied(checkedPlacing('scatterAdd', 'add', x, dim, index, src)),
  inPlace: (x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor =>
    appliedInPlace('scatterAdd_', checkedPlacing('scatterAdd', 'add', x, dim, index, src)),
  tests: () => ({
    samples: [...scatterSamples(), call([t([3, 5]), 0, ix([7, 5], 3), t([7, 5])])],
    errors: scatterErrors(),
    bench: [call([t([1000, 1000]), 0, ix([1000, 1000], 1000), t([1000, 1000])])],
  }),
});
