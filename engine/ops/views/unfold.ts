// unfold: overlapping windows of a dim as a view. Its gradient adds where windows overlap.
import { record } from '../../autograd/node.js';
import { message, RuntimeError } from '../../core/errors.js';
import { seenAs, viewOf } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { putRaw } from '../indexing/index-kernels.js';

/** Shape and strides of the windows of a tensor with these sizes and strides. */
function windows(
  shape: readonly number[],
  strides: readonly number[],
  dim: number,
  size: number,
  step: number,
): { shape: number[]; strides: number[] } {
  const scalar = shape.length === 0;
  const length = scalar ? 1 : shape[dim]!;
  const stride = scalar ? 1 : strides[dim]!;
  const outShape = [...shape, size];
  const outStrides = [...strides, stride];
  if (!scalar) {
    outShape[dim] = Math.floor((length - size) / step) + 1;
    outStrides[dim] = step * stride;
  }
  return { shape: outShape, strides: outStrides };
}

function unfolded(x: Tensor, dim: number, size: number, step: number): Tensor {
  const seen = windows(x.sizes, x.strides, dim, size, step);
  const { sizes: shape } = x;
  return record('UnfoldBackward0', viewOf(x, seen.shape, seen.strides, x.offset), [x], () => ([g]) => [
    folded(g!, shape, dim, size, step),
  ]);
}

/** Zeros of `shape` with every window of `g` added where it lies. Differentiable. */
function folded(g: Tensor, shape: readonly number[], dim: number, size: number, step: number): Tensor {
  const whole = rawZeros(shape, g.dtype);
  const seen = windows(shape, whole.strides, dim, size, step);
  putRaw('unfold', 'add', seenAs(whole, seen.shape, seen.strides), [], g);
  return record('UnfoldBackwardBackward0', whole, [g], () => ([gg]) => [unfolded(gg!, dim, size, step)]);
}

export const unfold = defineOp({
  name: 'unfold',
  torch: 'torch.Tensor.unfold',
  doc: 'All windows of `size` positions of a dim, `step` apart, as a view; the last dim runs within a window.',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'dimension', kind: 'int' },
    { name: 'size', kind: 'int' },
    { name: 'step', kind: 'int' },
  ],
  variants: ['method'],
  kernel: (x: Tensor, dimension: number, size: number, step: number): Tensor => {
    const fail = (required: string, got: number, hint: string): never => {
      throw new RuntimeError(message('unfold', required, String(got), hint));
    };
    const dim = wrapDim('unfold', dimension, x.ndim);
    const length = x.ndim === 0 ? 1 : x.sizes[dim]!;
    if (size < 0) fail('a size of at least 0', size, `size is ${size} but must be >= 0`);
    if (size > length)
      fail(
        `a size of at most ${length}`,
        size,
        `maximum size for tensor at dimension ${dim} is ${length} but size is ${size}`,
      );
    if (step <= 0) fail('a step of at least 1', step, `step is ${step} but must be > 0`);
    return unfolded(x, dim, size, step);
  },
  tests: () => ({
    samples: [
      call([t([3, 7]), 1, 3, 2]),
      call([t([5, 3], { layout: 'transposed' }), 0, 2, 1]),
      call([t([]), 0, 1, 1]),
      call([t([7], { dtype: 'int64' }), -1, 2, 3]),
    ],
    errors: [
      { args: [t([3]), 0, 4, 1], throws: 'RuntimeError' },
      { args: [t([3]), 0, 2, 0], throws: 'RuntimeError' },
      { args: [t([3]), 1, 1, 1], throws: 'IndexError' },
    ],
  }),
});
