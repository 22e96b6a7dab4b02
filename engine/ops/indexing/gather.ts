// gather and takeAlongDim: reading along one dim by an index tensor of the result's shape.
import { message, RuntimeError } from '../../core/errors.js';
import { broadcastShapes, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { expanded, reshaped } from '../views/geometry.js';
import { gathered, ix, requireFit, requireIndexDtype } from './along-dim.js';
import { requireMemory } from './index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const indexParam: Param = { name: 'index', kind: 'tensor' };

export const gather = defineOp({
  name: 'gather',
  doc: 'out[i][j] = input[index[i][j]][j] for dim 0, and so on: values picked along a dim, in the shape of `index`.',
  params: [self, dimParam, indexParam, { name: 'sparse_grad', kind: 'bool', default: false, keyword: true }],
  kernel: (x: Tensor, rawDim: number, index: Tensor): Tensor => {
    const dim = wrapDim('gather', rawDim, x.ndim);
    requireMemory('gather', [x, index]);
    // An empty index picks nothing, whatever its shape.
    if (index.length > 0) {
      requireIndexDtype('gather', index, 'gather(): Expected dtype int32/int64 for index');
      requireFit('gather', x, dim, index);
    }
    return gathered(x, dim, index);
  },
  out: {},
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([2, 5], 3)]),
      call([t([3, 5]), -1, ix([3, 7], 5)]),
      call([t([2, 3, 5]), 1, ix([2, 7, 3], 3)]),
      call([t([3, 5], { layout: 'transposed' }), 1, ix([2, 2], 5, { layout: 'transposed' })]),
      call([t([]), 0, ix([], 1)]),
      call([t([]), 0, ix([3], 1)]),
      call([t([3, 5]), 0, ix([0, 5], 3)]),
      call([t([3, 5], { dtype: 'uint8' }), 0, ix([1, 5], 3, { dtype: 'int32' })]),
      call([t([3, 5], { dtype: 'bool' }), 1, ix([3, 1], 5)]),
    ],
    errors: [
      {
        args: [t([3, 5]), 0, t([1, 5], { dtype: 'int64', fill: { low: 5, high: 6 } })],
        throws: 'RuntimeError',
      },
      {
        args: [t([3, 5]), 0, t([1, 5], { dtype: 'int64', fill: { low: -1, high: 0 } })],
        throws: 'RuntimeError',
      },
      { args: [t([3, 5]), 2, ix([1, 5], 3)], throws: 'IndexError' },
      { args: [t([3, 5]), 0, t([1, 5])], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, ix([5], 3)], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, ix([1, 6], 3)], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000, 1000]), 1, ix([1000, 1000], 1000)])],
  }),
});

export const takeAlongDim = defineOp({
  name: 'takeAlongDim',
  numpy: 'numpy.take_along_axis',
  doc: 'gather with tensor and indices broadcast outside `dim`; without a dim, from the flattened tensor.',
  params: [self, { name: 'indices', kind: 'tensor' }, { name: 'dim', kind: 'int', default: null }],
  gradName: 'GatherBackward0',
  compose: (x: Tensor, indices: Tensor, dim: number | null): Tensor => {
    if (indices.dtype.name !== 'int64')
      throw new RuntimeError(
        message(
          'takeAlongDim',
          'int64 indices',
          indices.dtype.name,
          `torch.take_along_dim(): dtype of indices should be Long but got ${indices.dtype.title}`,
        ),
      );
    if (dim === null)
      return gathered(reshaped(x, [x.length]), 0, reshaped(indices.detach(), [indices.length]), true);
    if (x.ndim !== indices.ndim)
      throw new RuntimeError(
        message(
          'takeAlongDim',
          `indices of ${x.ndim} dims`,
          String(indices.ndim),
          `torch.take_along_dim(): input and indices should have the same number of dimensions, but got ${x.ndim} dimensions for input, and ${indices.ndim} dimensions for indices`,
        ),
      );
    const d = wrapDim('takeAlongDim', dim, x.ndim);
    const along = (shape: readonly number[], size: number): number[] =>
      shape.map((s, k) => (k === d ? size : s));
    const common = broadcastShapes('takeAlongDim', along(x.sizes, 1), along(indices.sizes, 1));
    // Negative indices wrap here, unlike gather's: the kernel itself checks the range.
    return gathered(
      expanded('takeAlongDim', x, along(common, x.sizes[d] ?? 1)),
      d,
      expanded('takeAlongDim', indices.detach(), along(common, indices.sizes[d] ?? 1)),
      true,
    );
  },
  tests: () => ({
    samples: [call([t([3, 5]), ix([1, 2], 5), 1]), call([t([3, 5], { layout: 'offset' }), ix([4], 15)])],
    errors: [
      { args: [t([3, 3]), t([3, 3]), 1], throws: 'RuntimeError' },
      { args: [t([3, 3]), ix([3], 3), 1], throws: 'RuntimeError' },
    ],
  }),
});
