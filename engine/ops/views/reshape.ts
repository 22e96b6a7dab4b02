// view, reshape, flatten, unflatten, asStrided.
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { inferSize, numelOf, viewStrides, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { contiguous } from '../creation/copy-fill-cast.js';
import { asStridedView, becomeView, recordedView, reshaped } from './geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };
const other: Param = { name: 'other', kind: 'tensor' };

function view_(op: string, x: Tensor, size: readonly number[]): Tensor {
  const shape = inferSize(op, size, x.length);
  const strides = viewStrides(x.sizes, x.strides, shape);
  if (strides === null) {
    throw new RuntimeError(
      message(
        op,
        `strides that allow the shape ${showShape(shape)}`,
        `shape ${showShape(x.sizes)} with strides ${showShape(x.strides)}`,
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
      ),
    );
  }
  const before = x.sizes;
  return recordedView('ViewBackward0', x, shape, strides, x.offset, (g) => reshaped(g, before));
}

export const view = defineOp({
  name: 'view',
  torch: 'torch.Tensor.view',
  doc: 'The same memory under another shape; one size may be -1. Fails where the layout would need a copy.',
  params: [self, { name: 'size', kind: 'size' }],
  variants: ['method'],
  gradName: 'ViewBackward0',
  kernel: (x: Tensor, size: readonly number[]): Tensor => view_('view', x, size),
  tests: () => ({
    samples: [
      call([t([3, 10], { layout: 'contiguous' }), [5, 6]]),
      call([t([6, 5], { layout: 'offset' }), [3, -1, 5]]),
      call([t([]), [1, 1]]),
      call([t([3, 0]), [0, 7]]),
      call([t([5, 7], { layout: 'transposed' }), [5, 1, 7]]),
      call([t([3, 4], { layout: 'strided' }), [3, 2, 2]]),
      call([t([6], { dtype: 'bool' }), [2, 3]]),
      call([t([6], { dtype: 'int64' }), [-1]]),
    ],
    errors: [
      { args: [t([3, 5], { layout: 'transposed' }), [15]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [4, 4]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-1, -1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-2, 5]], throws: 'RuntimeError' },
    ],
  }),
});

export const viewAs = defineOp({
  name: 'viewAs',
  torch: 'torch.Tensor.view_as',
  doc: 'The same memory under the shape of another tensor.',
  params: [self, other],
  variants: ['method'],
  gradName: 'ViewBackward0',
  kernel: (x: Tensor, o: Tensor): Tensor => view_('viewAs', x, o.sizes),
  tests: () => ({
    samples: [call([t([3, 10], { layout: 'contiguous' }), t([5, 6], { grad: false })])],
    errors: [{ args: [t([3, 10]), t([5, 5])], throws: 'RuntimeError' }],
  }),
});

export const reshape = defineOp({
  name: 'reshape',
  numpy: 'numpy.reshape',
  doc: 'The same elements in row-major order under another shape; one size may be -1. A view where the layout allows it.',
  params: [self, { name: 'shape', kind: 'size' }],
  gradName: 'ViewBackward0',
  kernel: (x: Tensor, shape: readonly number[]): Tensor => reshaped(x, inferSize('reshape', shape, x.length)),
  tests: () => ({
    samples: [
      call([t([3, 10]), [5, 6]]),
      call([t([6, 5]), [-1]]),
      call([t([]), [1]]),
      call([t([1, 1]), []]),
      call([t([3, 0]), [0]]),
      call([t([5, 7], { layout: 'expanded' }), [7, 5]]),
      call([t([2, 3, 5], { layout: 'transposed' }), [6, 5]]),
    ],
    errors: [
      { args: [t([3, 5]), [4, 4]], throws: 'RuntimeError' },
      { args: [t([0]), [-1, 0]], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000, 1000], { layout: 'transposed' }), [1000000]])],
  }),
});

export const reshapeAs = defineOp({
  name: 'reshapeAs',
  torch: 'torch.Tensor.reshape_as',
  doc: 'The same elements under the shape of another tensor; a view where the layout allows it.',
  params: [self, other],
  variants: ['method'],
  gradName: 'ViewBackward0',
  compose: (x: Tensor, o: Tensor): Tensor => reshaped(x, inferSize('reshapeAs', o.sizes, x.length)),
  tests: () => ({
    samples: [call([t([3, 10]), t([5, 6], { grad: false })])],
    errors: [{ args: [t([4, 3]), t([4, 2])], throws: 'RuntimeError' }],
  }),
});

export const ravel = defineOp({
  name: 'ravel',
  numpy: 'numpy.ravel',
  doc: 'All elements in row-major order as one dim: the tensor itself, a view or a copy.',
  params: [self],
  gradName: 'ViewBackward0',
  compose: (x: Tensor): Tensor => {
    const dense = contiguous.impl(x);
    return x.ndim === 1 ? dense : reshaped(dense, [x.length]);
  },
  tests: () => ({ samples: [call([t([2, 3, 5])]), call([t([])])] }),
});

export const flatten = defineOp({
  name: 'flatten',
  doc: 'Dims startDim to endDim merged into one: the tensor itself, a view or a copy.',
  params: [
    self,
    { name: 'start_dim', kind: 'int', default: 0 },
    { name: 'end_dim', kind: 'int', default: -1 },
  ],
  gradName: 'ViewBackward0',
  compose: (x: Tensor, start: number, end: number): Tensor => {
    const a = wrapDim('flatten', start, x.ndim);
    const b = wrapDim('flatten', end, x.ndim);
    if (a > b) {
      throw new RuntimeError(
        message(
          'flatten',
          'startDim ≤ endDim',
          `${start} and ${end}`,
          'flatten() has invalid args: start_dim cannot come after end_dim',
        ),
      );
    }
    if (x.ndim === 0) return reshaped(x, [1]);
    if (a === b) return x;
    return reshaped(x, [...x.sizes.slice(0, a), numelOf(x.sizes.slice(a, b + 1)), ...x.sizes.slice(b + 1)]);
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 5])]),
      call([t([2, 3, 5]), 1]),
      call([t([2, 3, 5]), 0, -2]),
      call([t([])]),
      call([t([3, 5]), 1, 1]),
      call([t([2, 0, 3], { dtype: 'uint8' }), 1]),
    ],
    errors: [
      { args: [t([3, 5]), 1, 0], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, 2], throws: 'IndexError' },
    ],
  }),
});

export const unflatten = defineOp({
  name: 'unflatten',
  doc: 'One dim split into several, as a view; one size may be -1.',
  params: [self, { name: 'dim', kind: 'int' }, { name: 'sizes', kind: 'size' }],
  gradName: 'ViewBackward0',
  compose: (x: Tensor, dim: number, sizes: readonly number[]): Tensor => {
    const d = wrapDim('unflatten', dim, x.ndim);
    if (x.ndim === 0)
      throw new RuntimeError(
        message(
          'unflatten',
          'a tensor with dims',
          'a 0-d tensor',
          'Dimension specified as 0 but tensor has no dimensions',
        ),
      );
    if (sizes.length === 0)
      throw new RuntimeError(
        message('unflatten', 'at least one size', 'none', 'unflatten: sizes must be non-empty'),
      );
    const parts = inferSize('unflatten', sizes, x.sizes[d]!);
    return view_('unflatten', x, [...x.sizes.slice(0, d), ...parts, ...x.sizes.slice(d + 1)]);
  },
  tests: () => ({
    samples: [
      call([t([3, 10]), 1, [2, 5]]),
      call([t([3, 10]), -1, [-1, 5]]),
      call([t([6, 5], { layout: 'transposed' }), 0, [3, 2]]),
      call([t([6], { dtype: 'int64' }), 0, [2, 3]]),
    ],
    errors: [
      { args: [t([3, 10]), 1, [3, 4]], throws: 'RuntimeError' },
      { args: [t([3, 10]), 1, []], throws: 'RuntimeError' },
    ],
  }),
});

export const asStrided = defineOp({
  name: 'asStrided',
  variants: ['function', 'method', 'inplace'],
  doc: 'A view of any sizes, strides and offset (in elements) within the storage.',
  params: [
    self,
    { name: 'size', kind: 'size' },
    { name: 'stride', kind: 'size' },
    { name: 'storage_offset', kind: 'int', default: null },
  ],
  kernel: (x: Tensor, size: readonly number[], stride: readonly number[], offset: number | null): Tensor => {
    const from = offset ?? x.offset;
    checkStrided(x, size, stride, from);
    return asStridedView(x, size, stride, from);
  },
  inPlace: (x: Tensor, size: readonly number[], stride: readonly number[], offset: number | null): Tensor =>
    becomeView('asStrided_', x, (y) => asStrided.impl(y, size, stride, offset)),
  tests: () => ({
    samples: [
      call([t([3, 5]), [2, 3], [5, 1]]),
      call([t([3, 5]), [2, 2], [2, 1], 3]),
      call([t([11]), [3, 5], [2, 1]]),
      call([t([7]), [3, 7], [0, 1]]),
      call([t([3, 5], { layout: 'expanded' }), [4], [1]]),
      call([t([7], { dtype: 'int64' }), [0, 3], [1, 1]]),
    ],
    errors: [
      { args: [t([3, 5]), [2], [1, 1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [2], [-1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-2], [1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [16], [1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [2], [1], -1], throws: 'RuntimeError' },
    ],
  }),
});

/** @throws RuntimeError where the geometry is impossible or leaves the storage. */
function checkStrided(x: Tensor, size: readonly number[], stride: readonly number[], offset: number): void {
  const got = `sizes ${showShape(size)}, strides ${showShape(stride)}, storage offset ${offset}`;
  const fail = (required: string, hint: string): never => {
    throw new RuntimeError(message('asStrided', required, got, hint));
  };
  if (size.length !== stride.length)
    fail('as many strides as sizes', 'mismatch in length of strides and shape');
  if (stride.some((s) => s < 0))
    fail('strides of at least 0', 'as_strided: Negative strides are not supported at the moment');
  if (size.some((s) => s < 0)) fail('sizes of at least 0', 'Storage size calculation overflowed');
  if (offset < 0) fail('an offset of at least 0', `Tensor: invalid storage offset ${offset}`);
  if (size.some((s) => s === 0) || x.device.kernels === null) return;
  const end = size.reduce((e, s, d) => e + (s - 1) * stride[d]!, offset + 1);
  const bytes = x.storage.byteLength;
  if (end * x.dtype.itemSize > bytes) {
    fail(
      `a view within ${bytes} bytes`,
      `setStorage: requiring a storage size of ${end * x.dtype.itemSize} are out of bounds for storage of size ${bytes}`,
    );
  }
}
