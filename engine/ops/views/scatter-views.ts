// selectScatter, sliceScatter, diagonalScatter, asStridedScatter: a source written into a copy where the view would be.
import { record } from '../../autograd/node.js';
import { inName, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { sameShape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { contiguous, rawZeros } from '../creation/copy-fill-cast.js';
import { filled, requireMemory } from '../indexing/index-kernels.js';
import { asStridedView, type Geometry } from './geometry.js';
import { asStrided } from './reshape.js';
import { diagonal, select, slice } from './slicing.js';

const dense = { layout: 'contiguous' } as const;

const self: Param = { name: 'input', kind: 'tensor' };
const src: Param = { name: 'src', kind: 'tensor' };

type View = (x: Tensor) => Tensor;

/** A copy of `x` with `source` where `view` looks; a 0-d source of zeros clears that part. */
function placed(name: string, x: Tensor, source: Tensor, view: View): Tensor {
  return applied({
    nodeName: `${name}Backward0`,
    inputs: [x, source],
    write: (out, sources) => rawCopy(view(out.detach()), sources[1]!),
    make:
      () =>
      ([g]) => {
        const whole = contiguous.impl(g!);
        return [placed(name, whole, filled([], 0, whole.dtype), view), view(whole)];
      },
  });
}

/** @throws RuntimeError unless the source has the shape of the part that it replaces. */
function requireSource(op: string, source: Tensor, shape: readonly number[], what: string): void {
  if (!sameShape(shape, source.sizes))
    throw new RuntimeError(
      message(
        op,
        `a src of shape ${showShape(shape)}`,
        showShape(source.sizes),
        `expected src to have a size equal to the ${what} of self. src size = ${showShape(source.sizes)}, ${what} size = ${showShape(shape)}`,
      ),
    );
}

/** A copy of the whole storage, seen as `x` is, with `source` (0-d: the same everywhere) at another geometry. */
function overwritten(x: Tensor, source: Tensor, part: Geometry): Tensor {
  const size = Math.floor(x.storage.byteLength / x.dtype.itemSize);
  const strided = { shape: x.sizes, strides: x.strides, offset: x.offset };
  return applied(
    {
      nodeName: 'AsStridedScatterBackward0',
      inputs: [x, source],
      write: (out, sources) => rawCopy(seenAs(out, part.shape, part.strides, part.offset), sources[1]!),
      make:
        () =>
        ([g]) => {
          // The gradient as if it lay where the input lay.
          const whole = restrided(g!, size, strided);
          const zero = filled([], 0, whole.dtype);
          return [
            overwritten(whole, zero, part),
            asStridedView(whole, part.shape, part.strides, part.offset),
          ];
        },
    },
    (y) => {
      const copy = newTensor([size], y.dtype);
      if (size > 0) rawCopy(copy, seenAs(y, [size], [1], 0));
      return seenAs(copy, y.sizes, y.strides, y.offset);
    },
  );
}

/** `g` in a storage of its own, of `size` elements, at the given geometry; zeros between. Differentiable. */
function restrided(g: Tensor, size: number, at: Geometry): Tensor {
  const flat = rawZeros([size], g.dtype);
  const out = seenAs(flat, at.shape, at.strides, at.offset);
  rawCopy(out, g);
  return record('CloneBackward0', out, [g], () => (gg) => gg);
}

/** The same, the source checked. @throws RuntimeError */
function checked(op: string, name: string, x: Tensor, source: Tensor, view: View, what: string): Tensor {
  requireMemory(op, [x, source]);
  const seen = inName(op.replace('Scatter', ''), op, () => view(x.detach()));
  requireSource(op, source, seen.sizes, what);
  return placed(name, x, source, view);
}

export const selectScatter = defineOp({
  name: 'selectScatter',
  doc: 'A copy with `src` at one position of a dim.',
  params: [self, src, { name: 'dim', kind: 'int' }, { name: 'index', kind: 'int' }],
  kernel: (x: Tensor, source: Tensor, dim: number, index: number): Tensor =>
    checked('selectScatter', 'SelectScatter', x, source, (y) => select.impl(y, dim, index), 'slice'),
  tests: () => ({
    samples: [
      call([t([3, 5]), t([3]), -1, 2]),
      call([t([5], { dtype: 'int64' }), t([], { dtype: 'int64' }), 0, -1]),
    ],
    errors: [{ args: [t([3, 5]), t([4]), 0, 0], throws: 'RuntimeError' }],
  }),
});

export const sliceScatter = defineOp({
  name: 'sliceScatter',
  doc: 'A copy with `src` in a slice of a dim.',
  params: [self, src, ...slice.params.slice(1)],
  kernel: (
    x: Tensor,
    source: Tensor,
    dim: number,
    start: number | null,
    end: number | null,
    step: number,
  ): Tensor =>
    checked('sliceScatter', 'SliceScatter', x, source, (y) => slice.impl(y, dim, start, end, step), 'slice'),
  tests: () => ({
    samples: [call([t([7, 3]), t([3, 3]), 0, 1, 7, 2]), call([t([3, 5]), t([3, 2])], { dim: 1, start: -2 })],
    errors: [{ args: [t([7, 3]), t([2, 3]), 0, 1, 7, 2], throws: 'RuntimeError' }],
  }),
});

export const diagonalScatter = defineOp({
  name: 'diagonalScatter',
  doc: 'A copy with `src` on the diagonal of two dims.',
  params: [self, src, ...diagonal.params.slice(1)],
  kernel: (x: Tensor, source: Tensor, offset: number, dim1: number, dim2: number): Tensor =>
    checked(
      'diagonalScatter',
      'DiagonalScatter',
      x,
      source,
      (y) => diagonal.impl(y, offset, dim1, dim2),
      'slice',
    ),
  tests: () => ({
    samples: [call([t([3, 5]), t([3]), 1]), call([t([3, 2, 3]), t([2, 2]), -1, 2, 0])],
    errors: [{ args: [t([3, 5]), t([2])], throws: 'RuntimeError' }],
  }),
});

const wrongThere =
  "PyTorch's gradient of the input is that of the part which is overwritten; its own check of gradients fails";

export const asStridedScatter = defineOp({
  name: 'asStridedScatter',
  doc: 'A copy with `src` where asStrided would look.',
  params: [self, src, ...asStrided.params.slice(1)],
  kernel: (
    x: Tensor,
    source: Tensor,
    size: readonly number[],
    stride: readonly number[],
    offset: number | null,
  ): Tensor => {
    const from = offset ?? x.offset;
    requireMemory('asStridedScatter', [x, source]);
    const shown = inName('asStrided', 'asStridedScatter', () =>
      asStrided.impl(x.detach(), size, stride, from),
    );
    requireSource('asStridedScatter', source, shown.sizes, 'slice');
    return overwritten(x, source, { shape: size, strides: stride, offset: from });
  },
  tests: () => ({
    samples: [
      call([t([3, 3], { layout: 'offset' }), t([2, 2]), [2, 2], [1, 3], 1], {}, { noGrad: wrongThere }),
      call([t([3, 3], { grad: false, layout: 'offset' }), t([2, 2]), [2, 2], [1, 3]]),
      call([t([3, 3], { ...dense, grad: false }), t([2, 2], dense), [2, 2], [1, 3]]),
    ],
    errors: [{ args: [t([4, 4]), t([2, 2]), [2, 2], [200, 200]], throws: 'RuntimeError' }],
  }),
});
