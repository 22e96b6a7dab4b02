// Owns the ops that put a source where a view would look, into a copy: selectScatter, sliceScatter, diagonalScatter,
// asStridedScatter. What places by an index tensor is in indexing.ts.
import { inName, message, RuntimeError, showShape } from '../errors.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { defineOp, type Param } from './define.js';
import { applied } from './inplace_op.js';
import { contiguous, rawCopy } from './memory.js';
import { filled, requireMemory } from './raw.js';
import { asStrided } from './reshaping.js';
import { call, t } from './samples.js';
import { diagonal, select, slice } from './view_parts.js';

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

/** The same, the source checked. @throws RuntimeError */
function checked(op: string, name: string, x: Tensor, source: Tensor, view: View, what: string): Tensor {
  requireMemory(op, [x, source]);
  const seen = inName(op.replace('Scatter', ''), op, () => view(x.detach()));
  if (!sameShape(seen.shape, source.shape))
    throw new RuntimeError(
      message(
        op,
        `a src of shape ${showShape(seen.shape)}`,
        showShape(source.shape),
        `expected src to have a size equal to the ${what} of self. src size = ${showShape(source.shape)}, ${what} size = ${showShape(seen.shape)}`,
      ),
    );
  return placed(name, x, source, view);
}

export const selectScatter = defineOp({
  name: 'selectScatter',
  doc: 'A copy with `src` at one position of a dim.',
  params: [self, src, { name: 'dim', kind: 'int' }, { name: 'index', kind: 'int' }],
  kernel: (x: Tensor, source: Tensor, dim: number, index: number): Tensor =>
    checked('selectScatter', 'SelectScatter', x, source, (y) => select.impl(y, dim, index), 'slice'),
  samples: [
    call([t([3, 5]), t([3]), -1, 2]),
    call([t([5], { dtype: 'int64' }), t([], { dtype: 'int64' }), 0, -1]),
  ],
  errors: [{ args: [t([3, 5]), t([4]), 0, 0], throws: 'RuntimeError' }],
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
  samples: [call([t([7, 3]), t([3, 3]), 0, 1, 7, 2]), call([t([3, 5]), t([3, 2])], { dim: 1, start: -2 })],
  errors: [{ args: [t([7, 3]), t([2, 3]), 0, 1, 7, 2], throws: 'RuntimeError' }],
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
  samples: [call([t([3, 5]), t([3]), 1]), call([t([3, 2, 3]), t([2, 2]), -1, 2, 0])],
  errors: [{ args: [t([3, 5]), t([2])], throws: 'RuntimeError' }],
});

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
    // The strides are those of a storage that begins with the tensor, as those of its gradient do.
    const whole = contiguous.impl(x);
    const from = whole === x ? (offset ?? x.offset) - x.offset : (offset ?? 0);
    inName('asStrided', 'asStridedScatter', () =>
      asStrided.impl(whole.detach(), size, stride, whole.offset + from),
    );
    const view = (y: Tensor): Tensor => asStrided.impl(y, size, stride, y.offset + from);
    return checked('asStridedScatter', 'AsStridedScatter', whole, source, view, 'slice');
  },
  samples: [call([t([3, 3]), t([2, 2]), [2, 2], [1, 3], 1])],
  errors: [{ args: [t([4, 4]), t([2, 2]), [2, 2], [200, 200]], throws: 'RuntimeError' }],
});
