// flip, fliplr, flipud, rot90, as copies.
import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newLike, seenAs } from '../../core/factory.js';
import { requireDimsOfSet, wrapDims } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { clone } from '../creation/copy-fill-cast.js';
import { requireMemory } from '../indexing/index-kernels.js';
import { transposed } from '../views/geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };

function flipped(x: Tensor, dims: readonly number[]): Tensor {
  requireMemory('flip', [x]);
  const out = newLike(x);
  const strides = [...x.strides];
  let offset = x.offset;
  for (const d of dims) {
    if (x.ndim === 0 || x.sizes[d]! < 2) continue;
    offset += (x.sizes[d]! - 1) * x.strides[d]!;
    strides[d] = -x.strides[d]!;
  }
  if (out.length > 0) rawCopy(out, seenAs(x, x.sizes, strides, offset));
  return record('FlipBackward0', out, [x], () => ([g]) => [flipped(g!, dims)]);
}

/** The tensor in reverse order along one dim, which is wrapped. */
export function reversed(x: Tensor, dim: number): Tensor {
  return flipped(x, [dim]);
}

export const flip = defineOp({
  name: 'flip',
  numpy: 'numpy.flip',
  doc: 'The elements in reverse order along dims, as a copy.',
  params: [self, { name: 'dims', kind: 'size' }],
  kernel: (x: Tensor, dims: readonly number[]): Tensor => {
    requireDimsOfSet('flip', x.ndim);
    return flipped(x, wrapDims('flip', dims, x.ndim));
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), [0]]),
      call([t([2, 3, 5]), [0, -1]]),
      call([t([3, 5], { layout: 'expanded' }), [0, 1]]),
      call([t([]), [0]]),
      call([t([0, 3]), [0]]),
      call([t([3, 5]), []]),
      call([t([5, 1], { dtype: 'int64' }), [0, 1]]),
    ],
    errors: [
      { args: [t([3, 5]), [0, 0]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [2]], throws: 'IndexError' },
    ],
  }),
});

function leastDims(op: string, x: Tensor, least: number): void {
  if (x.ndim < least)
    throw new RuntimeError(
      message(op, `at least ${least} dims`, String(x.ndim), `Input must be >= ${least}-d.`),
    );
}

export const fliplr = defineOp({
  name: 'fliplr',
  numpy: 'numpy.fliplr',
  doc: 'Columns (dim 1) in reverse order, as a copy.',
  params: [self],
  gradName: 'FlipBackward0',
  compose: (x: Tensor): Tensor => {
    leastDims('fliplr', x, 2);
    return flipped(x, [1]);
  },
  tests: () => ({ samples: [call([t([3, 5])])], errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});

export const flipud = defineOp({
  name: 'flipud',
  numpy: 'numpy.flipud',
  doc: 'Rows (dim 0) in reverse order, as a copy.',
  params: [self],
  gradName: 'FlipBackward0',
  compose: (x: Tensor): Tensor => {
    leastDims('flipud', x, 1);
    return flipped(x, [0]);
  },
  tests: () => ({ samples: [call([t([3, 5])])], errors: [{ args: [t([])], throws: 'RuntimeError' }] }),
});

export const rot90 = defineOp({
  name: 'rot90',
  numpy: 'numpy.rot90',
  doc: 'The plane of two dims turned by k · 90 degrees from the first towards the second, as a copy.',
  params: [self, { name: 'k', kind: 'int', default: 1 }, { name: 'dims', kind: 'ints', default: [0, 1] }],
  gradName: 'CloneBackward0',
  compose: (x: Tensor, k: number, plane: number | readonly number[]): Tensor => {
    const dims = typeof plane === 'number' ? [plane] : plane;
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('rot90', required, got, hint));
    };
    const got = showShape(dims);
    if (dims.length !== 2)
      fail('two dims', got, `expected total rotation dims == 2, but got dims = ${dims.length}`);
    if (x.ndim < 2)
      fail('at least 2 dims', String(x.ndim), `expected total dims >= 2, but got total dims = ${x.ndim}`);
    const [a, b] = dims.map((d) => {
      if (d < -x.ndim || d >= x.ndim)
        fail('dims of the tensor', got, `Rotation dim out of range, dim = ${d}`);
      return d < 0 ? d + x.ndim : d;
    }) as [number, number];
    if (a === b)
      fail(
        'two different dims',
        got,
        `expected rotation dims to be different, but got dim0 = ${dims[0]} and dim1 = ${dims[1]}`,
      );
    const turns = ((k % 4) + 4) % 4;
    if (turns === 0) return clone.impl(x);
    if (turns === 2) return flipped(x, [a, b]);
    return transposed(flipped(x, [turns === 1 ? b : a]), a, b);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([2, 3, 5]), -1, [1, -1]]),
      call([t([3, 5]), 2]),
      call([t([3, 5]), 4]),
    ],
    errors: [
      { args: [t([5, 5])], kwargs: { dims: [0] }, throws: 'RuntimeError' },
      { args: [t([5])], throws: 'RuntimeError' },
      { args: [t([5, 5])], kwargs: { dims: [1, 1] }, throws: 'RuntimeError' },
    ],
  }),
});
