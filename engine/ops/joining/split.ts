// Splitting along a dim: split, chunk, tensorSplit and related ops.
import { record } from '../../autograd/node.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../../core/errors.js';
import { oneOfMany } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { assembled, sliced } from '../views/geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };
const tensor: Param = { name: 'tensor', kind: 'tensor' };
const dim0: Param = { name: 'dim', kind: 'int', default: 0 };
const sizesParam: Param = { name: 'split_sizes', kind: 'size' };

function fail(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** Where each part starts. */
function startsOf(lengths: readonly number[]): number[] {
  let at = 0;
  return lengths.map((n) => {
    at += n;
    return at - n;
  });
}

/** Parts of `lengths` of a dim, each a view; one node has them all as outputs. */
function parts(name: string, x: Tensor, dim: number, lengths: readonly number[]): Tensor[] {
  const starts = startsOf(lengths);
  const step = x.strides[dim]!;
  const { sizes: shape } = x;
  const outs = lengths.map((n, i) =>
    oneOfMany(
      x,
      shape.map((s, d) => (d === dim ? n : s)),
      x.strides,
      x.offset + starts[i]! * step,
    ),
  );
  record(name, outs, [x], () => (grads) => {
    const some = grads.find((g) => g !== null)!;
    return [assembled(grads, some.dtype, shape, (whole, i) => sliced(whole, dim, starts[i]!, lengths[i]!))];
  });
  return outs;
}

/** The same memory, yet no views to autograd: each may be changed in-place. */
function unsafe(outs: readonly Tensor[], name: string, x: Tensor, dim: number, lengths: readonly number[]) {
  const starts = startsOf(lengths);
  const { sizes: shape } = x;
  const free = outs.map((o) => new Tensor(o.storage, o.sizes, o.strides, o.offset, o.dtype));
  return record(name, free, [x], () => (grads) => {
    const some = grads.find((g) => g !== null)!;
    return [assembled(grads, some.dtype, shape, (whole, i) => sliced(whole, dim, starts[i]!, lengths[i]!))];
  });
}

/** Sizes of pieces of `piece`, the last one smaller; at least one piece. */
function evenly(size: number, piece: number): number[] {
  const count = Math.max(1, piece === 0 ? 1 : Math.ceil(size / piece));
  return Array.from({ length: count }, (_, i) => Math.min(piece, size - i * piece));
}

function dimToSplit(op: string, x: Tensor, dim: number): number {
  if (x.ndim === 0)
    fail(op, 'a tensor with dims', 'a 0-d tensor', `${op} expects at least a 1-dimensional tensor`);
  return wrapDim(op, dim, x.ndim);
}

/** The sizes, checked. */
function listedSizes(op: string, x: Tensor, dim: number, sizes: readonly number[]): readonly number[] {
  const size = x.sizes[dim]!;
  const text = showShape(sizes);
  if (sizes.some((n) => n < 0))
    fail(
      op,
      'sizes of at least 0',
      text,
      `split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=${text}`,
    );
  if (sizes.reduce((a, b) => a + b, 0) !== size)
    fail(
      op,
      `sizes that sum to ${size}`,
      text,
      `split_with_sizes expects split_sizes to sum exactly to ${size} (input tensor's size at dimension ${dim}), but got split_sizes=${text}`,
    );
  return sizes;
}

/** The sizes of pieces of `piece`, which is checked. */
function evenSizes(op: string, x: Tensor, dim: number, piece: number): number[] {
  const size = x.sizes[dim]!;
  if (piece < 0)
    fail(
      op,
      'a size of at least 0',
      String(piece),
      `split expects split_size be non-negative, but got split_size=${piece}`,
    );
  if (piece === 0 && size !== 0)
    fail(
      op,
      'a size of at least 1',
      '0',
      `split_size can only be 0 if dimension size is 0, but got dimension size of ${size}`,
    );
  return evenly(size, piece);
}

export const split = defineOp({
  name: 'split',
  doc: 'Consecutive parts of a dim as views: of a given size (the last may be smaller), or of the listed sizes.',
  params: [tensor, { name: 'split_size_or_sections', kind: 'ints' }, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, sizes: number | readonly number[], rawDim: number): Tensor[] => {
    const dim = dimToSplit('split', x, rawDim);
    return typeof sizes === 'number'
      ? parts('SplitBackward0', x, dim, evenSizes('split', x, dim, sizes))
      : parts('SplitWithSizesBackward0', x, dim, listedSizes('split', x, dim, sizes));
  },
  tests: () => ({
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
  }),
});

export const splitWithSizes = defineOp({
  name: 'splitWithSizes',
  doc: 'Consecutive parts of a dim, of the listed sizes, as views.',
  params: [self, sizesParam, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, sizes: readonly number[], rawDim: number): Tensor[] => {
    const dim = dimToSplit('splitWithSizes', x, rawDim);
    return parts('SplitWithSizesBackward0', x, dim, listedSizes('splitWithSizes', x, dim, sizes));
  },
  tests: () => ({
    samples: [call([t([3, 5]), [2, 0, 3], -1])],
    errors: [{ args: [t([3, 5]), [1, 1]], throws: 'RuntimeError' }],
  }),
});

export const unsafeSplit = defineOp({
  name: 'unsafeSplit',
  doc: 'As split by one size; the parts share memory with the input, yet autograd does not count them as its views.',
  params: [tensor, { name: 'split_size', kind: 'int' }, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, piece: number, rawDim: number): Tensor[] => {
    const dim = dimToSplit('unsafeSplit', x, rawDim);
    const lengths = evenSizes('unsafeSplit', x, dim, piece);
    return unsafe(parts('', x.detach(), dim, lengths), 'UnsafeSplitBackward0', x, dim, lengths);
  },
  tests: () => ({ samples: [call([t([5, 3]), 2])] }),
});

/** The sizes of at most `chunks` parts. */
function chunkSizes(op: string, x: Tensor, dim: number, chunks: number): readonly number[] {
  if (chunks <= 0)
    fail(
      op,
      'at least 1 chunk',
      String(chunks),
      `chunk expects \`chunks\` to be greater than 0, got: ${chunks}`,
    );
  const piece = Math.ceil(x.sizes[dim]! / chunks);
  // An empty dim still gives as many chunks as asked for.
  return piece === 0 ? new Array<number>(chunks).fill(0) : evenly(x.sizes[dim]!, piece);
}

export const chunk = defineOp({
  name: 'chunk',
  doc: 'A dim in at most `chunks` parts of equal size (the last may be smaller), as views.',
  params: [self, { name: 'chunks', kind: 'int' }, dim0],
  returns: 'Tensor[]',
  gradName: 'SplitBackward0',
  compose: (x: Tensor, chunks: number, rawDim: number): Tensor[] => {
    const dim = dimToSplit('chunk', x, rawDim);
    const lengths = chunkSizes('chunk', x, dim, chunks);
    return parts(x.sizes[dim] === 0 ? 'SplitWithSizesBackward0' : 'SplitBackward0', x, dim, lengths);
  },
  tests: () => ({
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
  }),
});

export const unsafeChunk = defineOp({
  name: 'unsafeChunk',
  doc: 'As chunk; the parts share memory with the input, yet autograd does not count them as its views.',
  params: [self, { name: 'chunks', kind: 'int' }, dim0],
  returns: 'Tensor[]',
  kernel: (x: Tensor, chunks: number, rawDim: number): Tensor[] => {
    const dim = dimToSplit('unsafeChunk', x, rawDim);
    const lengths = chunkSizes('unsafeChunk', x, dim, chunks);
    return unsafe(parts('', x.detach(), dim, lengths), 'UnsafeSplitBackward0', x, dim, lengths);
  },
  tests: () => ({ samples: [call([t([5, 3]), 2])] }),
});

/** The sizes of `sections` parts, the first ones larger by one where the dim does not divide. */
function sectionSizes(op: string, size: number, sections: number): number[] {
  if (sections <= 0)
    fail(op, 'at least 1 section', String(sections), 'number of sections must be larger than 0');
  const small = Math.floor(size / sections);
  return Array.from({ length: sections }, (_, i) => (i < size % sections ? small + 1 : small));
}

/** The sizes between the given positions, which may be negative, beyond the end or out of order. */
function cutSizes(size: number, cuts: readonly number[]): { starts: number[]; lengths: number[] } {
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const bounds = [0, ...cuts.map(clamp), size];
  const starts = bounds.slice(0, -1);
  return { starts, lengths: starts.map((s, i) => Math.max(0, bounds[i + 1]! - s)) };
}

/** Each part is a view of its own, as PyTorch composes tensor_split of slices. */
function cutUp(op: string, x: Tensor, dim: number, where: number | readonly number[]): Tensor[] {
  const size = x.sizes[dim]!;
  const lengths = typeof where === 'number' ? sectionSizes(op, size, where) : [];
  const cut = typeof where === 'number' ? { starts: startsOf(lengths), lengths } : cutSizes(size, where);
  return cut.starts.map((start, i) => sliced(x, dim, start, cut.lengths[i]!));
}

/** A number of sections or positions, also from an int64 tensor. @throws RuntimeError, ArgumentError */
function sectionsOf(op: string, given: unknown): number | readonly number[] {
  if (given instanceof Tensor) {
    if (given.dtype.name !== 'int64')
      fail(
        op,
        'int64 positions',
        given.dtype.name,
        `expected tensor_indices_or_sections to have dtype of long, but got ${given.dtype.title}`,
      );
    if (given.ndim > 1)
      fail(
        op,
        'positions of at most one dim',
        showShape(given.sizes),
        'tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor',
      );
    return given.ndim === 0 ? Number(given.item()) : (given.tolist() as number[]).map(Number);
  }
  if (typeof given === 'number' && Number.isInteger(given)) return given;
  if (Array.isArray(given) && [...given].every((n) => Number.isInteger(n))) return given as number[];
  throw new ArgumentError(
    message(
      op,
      'a number of sections or a list of positions',
      describe(given),
      `${op} received an invalid combination of arguments.`,
    ),
  );
}

export const tensorSplit = defineOp({
  name: 'tensorSplit',
  numpy: 'numpy.array_split',
  doc: 'A dim in a given number of parts as equal as can be, or cut at the listed positions; as views.',
  params: [
    self,
    { name: 'indices_or_sections', kind: 'any', type: 'number | readonly number[] | Tensor' },
    dim0,
  ],
  returns: 'Tensor[]',
  gradName: 'SliceBackward0',
  compose: (x: Tensor, given: unknown, rawDim: number): Tensor[] => {
    if (x.ndim === 0)
      fail(
        'tensorSplit',
        'a tensor with dims',
        'a 0-d tensor',
        'tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims',
      );
    const dim = wrapDim('tensorSplit', rawDim, x.ndim);
    return cutUp('tensorSplit', x, dim, sectionsOf('tensorSplit', given));
  },
  tests: () => ({
    samples: [
      call([t([7, 3]), 3]),
      call([t([3, 5]), [1, -1], 1]),
      call([t([5]), [4, 2, 9]], {}, { noGrad: 'parts overlap' }),
      call([t([5]), t([2], { dtype: 'int64', fill: { values: [2, 4] } })]),
    ],
    errors: [
      { args: [t([5]), 0], throws: 'RuntimeError' },
      { args: [t([]), 1], throws: 'RuntimeError' },
    ],
  }),
});

/** hsplit, vsplit and dsplit: equal parts, or cuts, of the dim that they are named after. */
function directionalSplit(name: string, dimOf: (ndim: number) => number, least: number, doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self, { name: 'indices_or_sections', kind: 'any', type: 'number | readonly number[] | Tensor' }],
    returns: 'Tensor[]',
    gradName: 'SliceBackward0',
    compose: (x: Tensor, given: unknown): Tensor[] => {
      const where = sectionsOf(name, given);
      if (x.ndim < least)
        fail(
          name,
          `at least ${least} dims`,
          `${x.ndim}`,
          `torch.${name} requires a tensor with at least ${least} dimension, but got a tensor with ${x.ndim} dimensions!`,
        );
      const dim = dimOf(x.ndim);
      const size = x.sizes[dim]!;
      if (typeof where === 'number' && (where === 0 || size % where !== 0))
        fail(
          name,
          `a number of parts that divides ${size}`,
          String(where),
          `torch.${name} attempted to split along dimension ${dim}, but the size of the dimension ${size} is not divisible by the split_size ${where}!`,
        );
      return cutUp(name, x, dim, where);
    },
    tests: () => ({
      samples: [call([t([2, 4, 6]), 2]), call([t([4, 6, 4]), [1, 3]])],
      errors: [
        { args: [t([]), 0], throws: 'RuntimeError' },
        { args: [t([5, 5, 5]), 0], throws: 'RuntimeError' },
        { args: [t([5, 5, 5]), 'abc'], throws: 'TypeError' },
      ],
    }),
  });
}

export const hsplit = directionalSplit(
  'hsplit',
  (n) => (n === 1 ? 0 : 1),
  1,
  'Parts side by side, as views.',
);
export const vsplit = directionalSplit('vsplit', () => 0, 2, 'Parts one below the other, as views.');
export const dsplit = directionalSplit('dsplit', () => 2, 3, 'Parts one behind the other, as views.');
