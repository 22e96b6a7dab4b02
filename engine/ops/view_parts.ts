// Owns the declarations of views that pick a part of a tensor: select, narrow, diagonal, unbind, split, chunk.
// Their geometry and gradients are in geometry.ts.
import { record } from '../autograd/node.js';
import { IndexError, message, RuntimeError, showShape } from '../errors.js';
import { viewOf } from '../factory.js';
import { wrapDim } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { defineOp, type Param } from './define.js';
import { diagonalOf, selected, sliced } from './geometry.js';
import { rawCopy, rawZeros } from './memory.js';
import { seenAs } from './raw.js';
import { call, t } from './samples.js';

const self: Param = { name: 'input', kind: 'tensor' };
const tensor: Param = { name: 'tensor', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const dim0: Param = { name: 'dim', kind: 'int', default: 0 };

export const select = defineOp({
  name: 'select',
  doc: 'One position of a dim, as a view without that dim.',
  params: [self, dimParam, { name: 'index', kind: 'int' }],
  kernel: (x: Tensor, dim: number, index: number): Tensor => {
    if (x.ndim === 0)
      throw new IndexError(
        message(
          'select',
          'a tensor with dims',
          'a 0-d tensor',
          'select() cannot be applied to a 0-dim tensor.',
        ),
      );
    return selected('select', x, wrapDim('select', dim, x.ndim), index);
  },
  samples: [
    call([t([3, 5]), 0, 1]),
    call([t([2, 3, 5]), -1, -2]),
    call([t([3, 5], { layout: 'expanded' }), 1, 4]),
    call([t([7], { dtype: 'int64' }), 0, 6]),
    call([t([3, 0], { dtype: 'bool' }), 0, 2]),
  ],
  errors: [
    { args: [t([3, 5]), 0, 3], throws: 'IndexError' },
    { args: [t([3, 5]), 0, -4], throws: 'IndexError' },
    { args: [t([3, 5]), 2, 0], throws: 'IndexError' },
    { args: [t([]), 0, 0], throws: 'IndexError' },
  ],
});

export const narrow = defineOp({
  name: 'narrow',
  doc: '`length` positions of a dim from `start` on, as a view; a negative start counts from the end.',
  params: [self, dimParam, { name: 'start', kind: 'int' }, { name: 'length', kind: 'int' }],
  gradName: 'SliceBackward0',
  kernel: (x: Tensor, rawDim: number, start: number, length: number): Tensor => {
    if (x.ndim === 0)
      throw new RuntimeError(
        message(
          'narrow',
          'a tensor with dims',
          'a 0-d tensor',
          'narrow() cannot be applied to a 0-dim tensor.',
        ),
      );
    if (length < 0)
      throw new RuntimeError(
        message('narrow', 'a length of at least 0', String(length), 'narrow(): length must be non-negative.'),
      );
    const dim = wrapDim('narrow', rawDim, x.ndim);
    const size = x.shape[dim]!;
    if (start < -size || start > size) {
      throw new IndexError(
        message(
          'narrow',
          `a start in [${-size}, ${size}]`,
          String(start),
          `start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`,
        ),
      );
    }
    const from = start < 0 ? start + size : start;
    if (from + length > size) {
      throw new RuntimeError(
        message(
          'narrow',
          `start + length ≤ ${size}`,
          `${from} + ${length}`,
          `start (${from}) + length (${length}) exceeds dimension size (${size}).`,
        ),
      );
    }
    return sliced(x, dim, from, length);
  },
  samples: [
    call([t([5, 3]), 0, 1, 3]),
    call([t([3, 5]), -1, -4, 2]),
    call([t([3, 5], { layout: 'transposed' }), 1, 5, 0]),
    call([t([7], { dtype: 'uint8' }), 0, 2, 5]),
  ],
  errors: [
    { args: [t([3, 5]), 0, 2, 2], throws: 'RuntimeError' },
    { args: [t([3, 5]), 0, 0, -1], throws: 'RuntimeError' },
    { args: [t([3, 5]), 0, 5, 1], throws: 'IndexError' },
    { args: [t([]), 0, 0, 1], throws: 'RuntimeError' },
  ],
});

export const diagonal = defineOp({
  name: 'diagonal',
  numpy: 'numpy.diagonal',
  doc: 'The diagonal of two dims as the last dim of a view; a positive offset lies above the main diagonal.',
  params: [
    self,
    { name: 'offset', kind: 'int', default: 0 },
    { name: 'dim1', kind: 'int', default: 0 },
    { name: 'dim2', kind: 'int', default: 1 },
  ],
  kernel: (x: Tensor, offset: number, dim1: number, dim2: number): Tensor => {
    const a = wrapDim('diagonal', dim1, x.ndim);
    const b = wrapDim('diagonal', dim2, x.ndim);
    if (a === b)
      throw new RuntimeError(
        message(
          'diagonal',
          'two different dims',
          `${dim1} and ${dim2}`,
          `diagonal dimensions cannot be identical ${dim1}, ${dim2}`,
        ),
      );
    return diagonalOf(x, offset, a, b);
  },
  samples: [
    call([t([3, 5])]),
    call([t([3, 5]), 2]),
    call([t([3, 5]), -1]),
    call([t([2, 3, 5]), 1, 2, 0]),
    call([t([3, 5], { layout: 'transposed' }), 0, -1, -2]),
    call([t([3, 5], { dtype: 'int64' }), 9]),
  ],
  errors: [
    { args: [t([3, 5]), 0, 0, 0], throws: 'RuntimeError' },
    { args: [t([5])], throws: 'IndexError' },
  ],
});

/** `lengths` positions each of a dim, one after another, as the outputs of one node. */
function parts(name: string, x: Tensor, dim: number, lengths: readonly number[]): Tensor[] {
  const step = x.strides[dim]!;
  let at = 0;
  const starts = lengths.map((n) => {
    at += n;
    return at - n;
  });
  const outs = lengths.map((n, i) =>
    viewOf(
      x,
      x.shape.map((s, d) => (d === dim ? n : s)),
      x.strides,
      x.offset + starts[i]! * step,
    ),
  );
  record(name, outs, [x], () => (grads) => {
    const some = grads.find((g) => g !== null)!;
    return [assembled(grads, some.dtype, x.shape, (whole, i) => sliced(whole, dim, starts[i]!, lengths[i]!))];
  });
  return outs;
}

/** Zeros of `shape` with each gradient where its output looks. Differentiable. */
function assembled(
  grads: readonly (Tensor | null)[],
  dtype: Tensor['dtype'],
  shape: readonly number[],
  view: (whole: Tensor, i: number) => Tensor,
): Tensor {
  const whole = rawZeros(shape, dtype);
  const given: Tensor[] = [];
  const at: number[] = [];
  grads.forEach((g, i) => {
    if (g === null || g === undefined) return;
    given.push(g);
    at.push(i);
    rawCopy(view(seenAs(whole, shape, whole.strides), i), g);
  });
  return record(
    'PartsBackwardBackward0',
    whole,
    given,
    () =>
      ([gg]) =>
        at.map((i) => view(gg!, i)),
  );
}

export const unbind = defineOp({
  name: 'unbind',
  doc: 'All positions of a dim, each as a view without it.',
  params: [self, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, rawDim: number): Tensor[] => {
    if (x.ndim === 0)
      throw new IndexError(
        message(
          'unbind',
          'a tensor with dims',
          'a 0-d tensor',
          'Dimension specified as 0 but tensor has no dimensions',
        ),
      );
    const dim = wrapDim('unbind', rawDim, x.ndim);
    const rest = (list: readonly number[]): number[] => list.filter((_, d) => d !== dim);
    const outs = Array.from({ length: x.shape[dim]! }, (_, i) =>
      viewOf(x, rest(x.shape), rest(x.strides), x.offset + i * x.strides[dim]!),
    );
    record('UnbindBackward0', outs, [x], () => (grads) => {
      const some = grads.find((g) => g !== null)!;
      return [assembled(grads, some.dtype, x.shape, (whole, i) => selected('unbind', whole, dim, i))];
    });
    return outs;
  },
  samples: [
    call([t([3, 5])]),
    call([t([2, 3, 5]), -1]),
    call([t([3, 5], { layout: 'transposed' }), 1]),
    call([t([5], { dtype: 'bool' })]),
  ],
  errors: [
    { args: [t([])], throws: 'IndexError' },
    { args: [t([3, 5]), 2], throws: 'IndexError' },
  ],
});

/** Sizes of pieces of `piece`, the last one smaller; at least one piece. */
function evenly(size: number, piece: number): number[] {
  const count = Math.max(1, piece === 0 ? 1 : Math.ceil(size / piece));
  return Array.from({ length: count }, (_, i) => Math.min(piece, size - i * piece));
}

function splitSizes(x: Tensor, dim: number, sizes: readonly number[]): Tensor[] {
  const size = x.shape[dim]!;
  if (sizes.some((n) => n < 0)) {
    throw new RuntimeError(
      message(
        'split',
        'sizes of at least 0',
        showShape(sizes),
        `split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=${showShape(sizes)}`,
      ),
    );
  }
  if (sizes.reduce((a, b) => a + b, 0) !== size) {
    throw new RuntimeError(
      message(
        'split',
        `sizes that sum to ${size}`,
        showShape(sizes),
        `split_with_sizes expects split_sizes to sum exactly to ${size} (input tensor's size at dimension ${dim}), but got split_sizes=${showShape(sizes)}`,
      ),
    );
  }
  return parts('SplitWithSizesBackward0', x, dim, sizes);
}

function splitEvenly(x: Tensor, dim: number, piece: number): Tensor[] {
  const size = x.shape[dim]!;
  if (piece < 0)
    throw new RuntimeError(
      message(
        'split',
        'a size of at least 0',
        String(piece),
        `split expects split_size be non-negative, but got split_size=${piece}`,
      ),
    );
  if (piece === 0 && size !== 0) {
    throw new RuntimeError(
      message(
        'split',
        'a size of at least 1',
        '0',
        `split_size can only be 0 if dimension size is 0, but got dimension size of ${size}`,
      ),
    );
  }
  return parts('SplitBackward0', x, dim, evenly(size, piece));
}

export const split = defineOp({
  name: 'split',
  doc: 'Consecutive parts of a dim as views: of a given size (the last may be smaller), or of the listed sizes.',
  params: [tensor, { name: 'split_size_or_sections', kind: 'ints' }, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, sizes: number | readonly number[], rawDim: number): Tensor[] => {
    if (x.ndim === 0)
      throw new RuntimeError(
        message(
          'split',
          'a tensor with dims',
          'a 0-d tensor',
          'split expects at least a 1-dimensional tensor',
        ),
      );
    const dim = wrapDim('split', rawDim, x.ndim);
    return typeof sizes === 'number' ? splitEvenly(x, dim, sizes) : splitSizes(x, dim, sizes);
  },
  samples: [
    call([t([5, 3]), 2]),
    call([t([3, 5]), [2, 0, 3], -1]),
    call([t([5, 3], { layout: 'transposed' }), 7]),
    call([t([0, 3]), 2]),
    call([t([7], { dtype: 'int64' }), [3, 4]]),
  ],
  errors: [
    { args: [t([3, 5]), 0], throws: 'RuntimeError' },
    { args: [t([3, 5]), -1], throws: 'RuntimeError' },
    { args: [t([3, 5]), [1, 1]], throws: 'RuntimeError' },
    { args: [t([3, 5]), [4, -1]], throws: 'RuntimeError' },
    { args: [t([]), 1], throws: 'RuntimeError' },
    { args: [t([3, 5]), 1, 2], throws: 'IndexError' },
  ],
});

export const chunk = defineOp({
  name: 'chunk',
  doc: 'A dim in at most `chunks` parts of equal size (the last may be smaller), as views.',
  params: [self, { name: 'chunks', kind: 'int' }, dim0],
  returns: 'Tensor[]',
  gradName: 'SplitBackward0',
  compose: (x: Tensor, chunks: number, rawDim: number): Tensor[] => {
    if (x.ndim === 0)
      throw new RuntimeError(
        message(
          'chunk',
          'a tensor with dims',
          'a 0-d tensor',
          'chunk expects at least a 1-dimensional tensor',
        ),
      );
    if (chunks <= 0)
      throw new RuntimeError(
        message(
          'chunk',
          'at least 1 chunk',
          String(chunks),
          `chunk expects \`chunks\` to be greater than 0, got: ${chunks}`,
        ),
      );
    const dim = wrapDim('chunk', rawDim, x.ndim);
    const size = x.shape[dim]!;
    const piece = Math.ceil(size / chunks);
    // An empty dim still gives as many chunks as asked for.
    return piece === 0 ? splitSizes(x, dim, new Array<number>(chunks).fill(0)) : splitEvenly(x, dim, piece);
  },
  samples: [
    call([t([6, 3]), 4]),
    call([t([3, 5]), 2, -1]),
    call([t([0, 2]), 3]),
    call([t([7], { dtype: 'bool' }), 3]),
  ],
  errors: [
    { args: [t([3, 5]), 0], throws: 'RuntimeError' },
    { args: [t([]), 1], throws: 'RuntimeError' },
  ],
});
