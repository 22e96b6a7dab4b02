// Combination of several tensors: broadcastTensors, meshgrid, atLeast1d…, blockDiag, cartesianProd, combinations.

import { getDefaultDtype } from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { broadcastShapes as broadcastTwo, wrapDim } from '../../core/shape.js';
import { Size, type Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { longTable } from '../indexing/index-kernels.js';
import { indexSelect } from '../indexing/index-select.js';
import { embed, expanded, reshaped, sliced, transposed, unsqueezed } from '../views/geometry.js';
import { joined, stackingOp } from './cat-stack.js';

const self: Param = { name: 'input', kind: 'tensor' };
const tensors: Param = { name: 'tensors', kind: 'tensors', variadic: true };

export const broadcastTo = defineOp({
  name: 'broadcastTo',
  numpy: 'numpy.broadcast_to',
  doc: 'Dims of size 1 (and new leading ones) read as larger ones, as a view with stride 0.',
  params: [self, { name: 'size', kind: 'size' }],
  gradName: 'ExpandBackward0',
  compose: (x: Tensor, size: readonly number[]): Tensor => expanded('broadcastTo', x, size),
  tests: () => ({
    samples: [call([t([3, 1]), [2, 3, 5]]), call([t([]), [2]])],
    errors: [{ args: [t([3, 5]), [5]], throws: 'RuntimeError' }],
  }),
});

const common = (op: string, shapes: readonly (readonly number[])[]): readonly number[] =>
  shapes.reduce((a, b) => broadcastTwo(op, a, b), [] as readonly number[]);

export const broadcastTensors = defineOp({
  name: 'broadcastTensors',
  numpy: 'numpy.broadcast_arrays',
  doc: 'All tensors expanded to the shape that they have together, as views.',
  params: [tensors],
  variants: ['function'],
  returns: 'Tensor[]',
  gradName: 'ExpandBackward0',
  compose: (xs: readonly Tensor[]): Tensor[] => {
    const shape = common(
      'broadcastTensors',
      xs.map((x) => x.sizes),
    );
    return xs.map((x) => expanded('broadcastTensors', x, shape));
  },
  tests: () => ({
    samples: [call([t([3, 1]), t([5])])],
    errors: [{ args: [t([3]), t([2])], throws: 'RuntimeError' }],
  }),
});

export const broadcastShapes = defineOp({
  name: 'broadcastShapes',
  numpy: 'numpy.broadcast_shapes',
  doc: 'The shape that the listed shapes broadcast to; a number is a shape of one dim.',
  params: [{ name: 'shapes', kind: 'any', type: 'readonly (number | readonly number[])[]', variadic: true }],
  variants: ['function'],
  returns: 'Size',
  notDifferentiable: 'the result is a shape',
  compose: (shapes: unknown): Size => {
    const fail = (got: unknown): never => {
      throw new ArgumentError(message('broadcastShapes', 'a list of shapes', describe(got)));
    };
    const one = (s: unknown): readonly number[] => {
      const list: readonly unknown[] = Array.isArray(s) ? s : [s];
      for (const n of list) {
        if (typeof n !== 'number' || !Number.isInteger(n)) fail(s);
        else if (n < 0)
          throw new RuntimeError(
            message(
              'broadcastShapes',
              'sizes of at least 0',
              String(n),
              `Trying to create tensor with negative dimension (${n})`,
            ),
          );
      }
      return list as readonly number[];
    };
    return Size.of_(common('broadcastShapes', Array.isArray(shapes) ? shapes.map(one) : fail(shapes)));
  },
  tests: () => ({
    samples: [call([[3, 1], [5]]), call([[], 4, [2, 1]])],
    errors: [{ args: [[3], [2]], throws: 'RuntimeError' }],
  }),
});

const indexingParam: Param = {
  name: 'indexing',
  kind: 'string',
  default: 'ij',
  keyword: true,
  choices: oneOf(
    ['ij', 'xy'],
    RuntimeError,
    (value) => `torch.meshgrid: indexing must be one of "xy" or "ij", but received: ${value}`,
  ),
};
export const meshgrid = defineOp({
  name: 'meshgrid',
  numpy: 'numpy.meshgrid',
  doc: "Coordinates on the grid that 1-d tensors span, one view for each; 'xy' exchanges the first two dims.",
  params: [tensors, indexingParam],
  variants: ['function'],
  returns: 'Tensor[]',
  gradName: 'ExpandBackward0',
  compose: (given: readonly Tensor[], indexing: string): Tensor[] => {
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('meshgrid', required, got, hint));
    };
    if (given.length === 0) fail('at least one tensor', 'none', 'meshgrid expects a non-empty TensorList');
    for (const x of given) {
      if (x.ndim > 1)
        fail(
          'tensors of at most one dim',
          showShape(x.sizes),
          'torch.meshgrid: Expected 0D or 1D tensor in the tensor list',
        );
      if (x.dtype !== given[0]!.dtype)
        fail(
          'tensors of one dtype',
          `${given[0]!.dtype.name} and ${x.dtype.name}`,
          'torch.meshgrid expects all tensors to have the same dtype',
        );
    }
    const swap = indexing === 'xy' && given.length >= 2;
    const shape = given.map((x) => x.length);
    const grids = given.map((x, i) =>
      expanded(
        'meshgrid',
        reshaped(
          x,
          shape.map((n, d) => (d === i ? n : 1)),
        ),
        shape,
      ),
    );
    return swap ? grids.map((x) => transposed(x, 0, 1)) : grids;
  },
  tests: () => ({
    samples: [call([t([3]), t([2])], { indexing: 'xy' }), call([t([3]), t([]), t([2])], { indexing: 'ij' })],
    errors: [
      { args: [t([3, 2])], throws: 'RuntimeError' },
      { args: [t([3])], kwargs: { indexing: 'yx' }, throws: 'RuntimeError' },
    ],
  }),
});

/** The tensor with new dims of size 1 up to the wanted number, where NumPy puts them. */
function raised(x: Tensor, ndim: number): Tensor {
  if (x.ndim === 0) return ndim === 0 ? x : reshaped(x, new Array<number>(ndim).fill(1));
  if (ndim === 2 && x.ndim === 1) return unsqueezed(x, 0);
  if (ndim === 3 && x.ndim === 1) return unsqueezed(unsqueezed(x, 0), 2);
  return ndim === 3 && x.ndim === 2 ? unsqueezed(x, 2) : x;
}

function atLeastOp(ndim: number) {
  return defineOp({
    name: `atleast${ndim}d`,
    torch: `torch.atleast_${ndim}d`,
    numpy: `numpy.atleast_${ndim}d`,
    doc: `A view of each tensor with at least ${ndim} dims; one that has them is returned itself.`,
    params: [{ name: 'tensors', kind: 'tensorOrTensors' }],
    variants: ['function'],
    returns: 'Tensor | Tensor[]',
    gradName: ndim === 1 ? 'ViewBackward0' : 'UnsqueezeBackward0',
    compose: (given: Tensor | readonly Tensor[]): Tensor | Tensor[] =>
      isList(given) ? given.map((x) => raised(x, ndim)) : raised(given, ndim),
    tests: () => ({ samples: [call([t([])]), call([t([5])]), call([[t([3, 5]), t([2])]])] }),
  });
}
const isList = (x: Tensor | readonly Tensor[]): x is readonly Tensor[] => Array.isArray(x);
export const atleast1d = atLeastOp(1);
export const atleast2d = atLeastOp(2);
export const atleast3d = atLeastOp(3);

export const columnStack = stackingOp({
  name: 'columnStack',
  python: 'column_stack',
  doc: 'Tensors side by side along dim 1; those of fewer than two dims are columns.',
  form: (x) => (x.ndim <= 1 ? reshaped(x, [x.length, 1]) : x),
  dim: () => 1,
  tests: () => ({ samples: [call([[t([3]), t([3, 2])]]), call([[t([]), t([1, 2])]])] }),
});

export const dstack = stackingOp({
  name: 'dstack',
  python: 'dstack',
  doc: 'Tensors one behind the other along dim 2.',
  form: (x) => raised(x, 3),
  dim: () => 2,
  tests: () => ({ samples: [call([[t([3]), t([3])]]), call([[t([3, 2]), t([3, 2, 2])]])] }),
});

/** The matrix with zeros beside it: `width` columns, its own from `col` on. */
function placedAt(x: Tensor, width: number, col: number): Tensor {
  const cols = x.sizes[1]!;
  return embed('BlockDiag', x, [x.sizes[0]!, width], (whole) => sliced(whole, 1, col, cols));
}

export const blockDiag = defineOp({
  name: 'blockDiag',
  doc: 'A matrix with the given matrices along its diagonal and zeros elsewhere; 1-d tensors are rows.',
  params: [tensors],
  variants: ['function'],
  gradName: 'CatBackward0',
  compose: (given: readonly Tensor[]): Tensor => {
    const xs = given.map((x, i) => {
      if (x.ndim > 2)
        throw new RuntimeError(
          message(
            'blockDiag',
            'tensors of at most two dims',
            showShape(x.sizes),
            `torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ${i} has ${x.ndim} dimensions`,
          ),
        );
      return raised(x, 2);
    });
    const width = xs.reduce((n, x) => n + x.sizes[1]!, 0);
    let col = 0;
    const rows = xs.map((x) => {
      col += x.sizes[1]!;
      return placedAt(x, width, col - x.sizes[1]!);
    });
    return rows.length === 0 ? newTensor([1, 0], getDefaultDtype()) : joined(rows, 0, 'blockDiag');
  },
  tests: () => ({
    samples: [call([t([2, 3]), t([1, 2]), t([2])]), call([t([])])],
    errors: [{ args: [t([2, 2, 2])], throws: 'RuntimeError' }],
  }),
});

/** All rows that take one element of each 1-d tensor. */
function product(op: string, xs: readonly Tensor[]): Tensor {
  const shape = xs.map((x) => x.length);
  const columns = xs.map((x, i) => {
    const lane = shape.map((n, d) => (d === i ? n : 1));
    const wide = expanded(op, reshaped(x, lane), shape);
    return reshaped(wide, [shape.reduce((a, b) => a * b, 1), 1]);
  });
  return joined(columns, 1, op);
}

export const cartesianProd = defineOp({
  name: 'cartesianProd',
  doc: 'All rows that take one element of each 1-d tensor, the last changing fastest; a single tensor is returned as it is.',
  params: [tensors],
  variants: ['function'],
  gradName: 'CatBackward0',
  compose: (xs: readonly Tensor[]): Tensor => {
    for (const x of xs)
      if (x.ndim !== 1)
        throw new RuntimeError(
          message(
            'cartesianProd',
            '1-d tensors',
            showShape(x.sizes),
            `Expect a 1D vector, but got shape ${showShape(x.sizes)}`,
          ),
        );
    if (xs.length === 0)
      throw new RuntimeError(
        message('cartesianProd', 'at least one tensor', 'none', 'meshgrid expects a non-empty TensorList'),
      );
    return xs.length === 1 ? xs[0]! : product('cartesianProd', xs);
  },
  tests: () => ({
    samples: [call([t([3]), t([2])]), call([t([2])])],
    errors: [{ args: [t([2, 2])], throws: 'RuntimeError' }],
  }),
});

/** All ascending choices of `r` out of `n`, flat. */
function choices(n: number, r: number, again: boolean): number[] {
  const out: number[] = [];
  const chosen: number[] = [];
  const walk = (from: number): void => {
    if (chosen.length === r) {
      out.push(...chosen);
      return;
    }
    for (let i = from; i < n; i++) {
      chosen.push(i);
      walk(again ? i : i + 1);
      chosen.pop();
    }
  };
  walk(0);
  return out;
}

export const combinations = defineOp({
  name: 'combinations',
  doc: 'All choices of `r` elements of a 1-d tensor in its order, a row each.',
  params: [
    self,
    { name: 'r', kind: 'int', default: 2 },
    { name: 'with_replacement', kind: 'bool', default: false },
  ],
  variants: ['function'],
  gradName: 'StackBackward0',
  compose: (x: Tensor, r: number, again: boolean): Tensor => {
    if (x.ndim !== 1)
      throw new RuntimeError(
        message(
          'combinations',
          'a 1-d tensor',
          showShape(x.sizes),
          `Expect a 1D vector, but got shape ${showShape(x.sizes)}`,
        ),
      );
    if (r < 0)
      throw new RuntimeError(
        message('combinations', 'r of at least 0', String(r), `Expect a non-negative number, but got ${r}`),
      );
    if (r === 0) return newTensor([0], x.dtype);
    const flat = choices(x.length, r, again);
    return reshaped(indexSelect.impl(x, 0, longTable(flat)), [flat.length / r, r]);
  },
  tests: () => ({
    samples: [call([t([4])]), call([t([3]), 2, true])],
    errors: [{ args: [t([2, 2])], throws: 'RuntimeError' }],
  }),
});

/** A tensor whose dim is filled up with zeros to a multiple of `chunks`, seen as chunks of everything from that dim on. */
function inChunks(x: Tensor, dim: number, chunks: number): Tensor {
  const size = x.sizes[dim]!;
  const padded = Math.ceil(size / chunks) * chunks;
  const shape = x.sizes.map((s, d) => (d === dim ? padded : s));
  const whole = padded === size ? x : embed('ChunkCat', x, shape, (y) => sliced(y, dim, 0, size));
  const lead = x.sizes.slice(0, dim);
  return reshaped(whole, [...lead, chunks, whole.length / (chunks * lead.reduce((a, b) => a * b, 1))]);
}

export const chunkCat = defineOp({
  name: 'chunkCat',
  torch: 'torch._chunk_cat',
  doc: 'Each tensor cut into chunks along a dim (the last filled up with zeros) and flattened from there on; then joined chunk by chunk.',
  params: [
    { name: 'tensors', kind: 'tensors' },
    { name: 'dim', kind: 'int' },
    { name: 'num_chunks', kind: 'int' },
  ],
  variants: ['function'],
  gradName: 'CatBackward0',
  notDifferentiable: 'PyTorch has no derivative of it',
  compose: (xs: readonly Tensor[], dim: number, chunks: number): Tensor => {
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('chunkCat', required, got, `_chunk_cat expects ${hint}`));
    };
    const first = xs[0];
    if (first === undefined) return fail('at least one tensor', 'none', 'a non-empty input tensor list');
    if (chunks < 1) fail('at least 1 chunk', String(chunks), 'positive num_chunks');
    for (const x of xs) {
      if (x.length === 0) fail('tensors with elements', showShape(x.sizes), 'non-empty tensor');
      if (x.dtype !== first.dtype)
        fail('tensors of one dtype', x.dtype.name, 'all input tensors with the same dtype');
    }
    const even = xs.every((x) => x.ndim === first.ndim);
    if (!even && dim < 0)
      fail('a dim of at least 0', String(dim), 'non-negative dim when input tensors have different ndims');
    const d = even ? wrapDim('chunkCat', dim, first.ndim) : dim;
    for (const x of xs) {
      if (d >= x.ndim) fail(`a dim below ${x.ndim}`, String(d), 'dim < ndim for all input tensors');
      if (x.sizes.slice(0, d).some((s, k) => s !== first.sizes[k]))
        fail(
          'tensors of the same sizes before dim',
          showShape(x.sizes),
          'same sizes of 0,...,dim-1 dimensions for all tensors',
        );
    }
    return joined(
      xs.map((x) => inChunks(x, d, chunks)),
      d + 1,
      'chunkCat',
    );
  },
  tests: () => ({
    samples: [call([[t([3, 2]), t([2, 5])], 0, 2])],
    errors: [
      { args: [[], 0, 1], throws: 'RuntimeError' },
      { args: [[t([2]), t([3])], 0, 0], throws: 'RuntimeError' },
      { args: [[t([2, 3]), t([4])], -1, 3], throws: 'RuntimeError' },
    ],
  }),
});
