// Views that reorder, expand, drop or add dims: permute, transpose, movedim, expand, squeeze, unsqueeze.
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { requireDimsOfSet, wrapDim, wrapDims } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { maskOf } from '../../registry/dims.js';
import { call, t } from '../../registry/samples.js';
import {
  becomeView,
  expanded,
  permuted,
  recordedView,
  squeezed,
  transposed,
  unsqueezed,
} from './geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };
const other: Param = { name: 'other', kind: 'tensor' };

export const permute = defineOp({
  name: 'permute',
  numpy: 'numpy.transpose',
  doc: 'The dims in another order, as a view.',
  params: [self, { name: 'dims', kind: 'size' }],
  kernel: (x: Tensor, dims: readonly number[]): Tensor => {
    if (dims.length !== x.ndim) {
      throw new RuntimeError(
        message(
          'permute',
          `${x.ndim} dims`,
          showShape(dims),
          `number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = ${x.ndim} is not equal to len(dims) = ${dims.length}`,
        ),
      );
    }
    return permuted(x, wrapDims('permute', dims, x.ndim));
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), [2, 0, 1]]),
      call([t([3, 5]), [-1, -2]]),
      call([t([]), []]),
      call([t([2, 0, 5], { dtype: 'uint8' }), [1, 2, 0]]),
    ],
    errors: [
      { args: [t([3, 5]), [0]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [0, 0]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [0, 5]], throws: 'IndexError' },
    ],
  }),
});

const transpose2 =
  (op: string) =>
  (x: Tensor, a: number, b: number): Tensor =>
    transposed(x, wrapDim(op, a, x.ndim), wrapDim(op, b, x.ndim));

export const transpose = defineOp({
  name: 'transpose',
  variants: ['function', 'method', 'inplace'],
  aliases: ['torch.swapdims'],
  doc: 'Two dims exchanged, as a view.',
  params: [self, { name: 'dim0', kind: 'int' }, { name: 'dim1', kind: 'int' }],
  kernel: transpose2('transpose'),
  inPlace: (x: Tensor, a: number, b: number): Tensor =>
    becomeView('transpose_', x, (y) => transpose.impl(y, a, b)),
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), 0, 2]),
      call([t([3, 5]), -1, 0]),
      call([t([3, 5]), 1, 1]),
      call([t([0, 5], { dtype: 'bool' }), 0, 1]),
    ],
    errors: [{ args: [t([3, 5]), 0, 2], throws: 'IndexError' }],
  }),
});

export const swapaxes = defineOp({
  name: 'swapaxes',
  variants: ['function', 'method', 'inplace'],
  numpy: 'numpy.swapaxes',
  doc: 'Two dims exchanged, as a view: NumPy’s name for transpose.',
  params: [self, { name: 'axis0', kind: 'int' }, { name: 'axis1', kind: 'int' }],
  gradName: 'TransposeBackward0',
  kernel: transpose2('swapaxes'),
  inPlace: (x: Tensor, a: number, b: number): Tensor =>
    becomeView('swapaxes_', x, (y) => swapaxes.impl(y, a, b)),
  tests: () => ({
    samples: [call([t([2, 3, 5]), 0, -1])],
    errors: [{ args: [t([3, 5]), 0, 2], throws: 'IndexError' }],
  }),
});

/** `x.t()` */
export const tOp = defineOp({
  name: 't',
  variants: ['function', 'method', 'inplace'],
  doc: 'A matrix transposed, as a view; tensors of fewer than two dims as they are.',
  params: [self],
  gradName: 'TBackward0',
  kernel: (x: Tensor): Tensor => {
    if (x.ndim > 2) {
      throw new RuntimeError(
        message(
          't',
          'at most 2 dims',
          showShape(x.sizes),
          `t() expects a tensor with <= 2 dimensions, but self is ${x.ndim}D`,
        ),
      );
    }
    return x.ndim < 2
      ? recordedView('TBackward0', x, x.sizes, x.strides, x.offset, (g) => g)
      : transposed(x, 0, 1, 'TBackward0');
  },
  inPlace: (x: Tensor): Tensor => becomeView('t_', x, (y) => tOp.impl(y)),
  tests: () => ({
    samples: [call([t([3, 5])]), call([t([5])]), call([t([])]), call([t([3, 0], { dtype: 'int64' })])],
    errors: [{ args: [t([2, 3, 5])], throws: 'RuntimeError' }],
  }),
});

const list = (dims: number | readonly number[]): readonly number[] =>
  typeof dims === 'number' ? [dims] : dims;

export const movedim = defineOp({
  name: 'movedim',
  aliases: ['torch.moveaxis'],
  numpy: 'numpy.moveaxis',
  doc: 'Dims at `source` moved to `destination`, the others in their order, as a view.',
  params: [self, { name: 'source', kind: 'ints' }, { name: 'destination', kind: 'ints' }],
  gradName: 'PermuteBackward0',
  kernel: (
    x: Tensor,
    source: number | readonly number[],
    destination: number | readonly number[],
  ): Tensor => {
    const from = list(source);
    const to = list(destination);
    if (from.length !== to.length) {
      throw new RuntimeError(
        message(
          'movedim',
          'as many destinations as sources',
          `${showShape(from)} and ${showShape(to)}`,
          'Invalid source or destination dims: source should contain the same number of dims as destination',
        ),
      );
    }
    const a = wrapDims('movedim', from, x.ndim);
    const b = wrapDims('movedim', to, x.ndim);
    if (x.ndim === 0) return permuted(x, []);
    const order = new Array<number>(x.ndim).fill(-1);
    b.forEach((d, i) => {
      order[d] = a[i]!;
    });
    const rest = x.sizes.map((_, d) => d).filter((d) => !a.includes(d));
    return permuted(
      x,
      order.map((d) => (d < 0 ? rest.shift()! : d)),
    );
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), 0, -1]),
      call([t([2, 3, 5]), [0, 1], [-1, 0]]),
      call([t([2, 3, 5], { dtype: 'int32' }), [2, 0], [0, 1]]),
    ],
    errors: [
      { args: [t([2, 3]), [0, 0], [0, 1]], throws: 'RuntimeError' },
      { args: [t([2, 3]), [0, 1], [0]], throws: 'RuntimeError' },
      { args: [t([2, 3]), 4, 0], throws: 'IndexError' },
    ],
  }),
});

export const expand = defineOp({
  name: 'expand',
  torch: 'torch.Tensor.expand',
  doc: 'Dims of size 1 (and new leading ones) read as larger ones, as a view with stride 0; -1 keeps a size.',
  params: [self, { name: 'size', kind: 'size' }],
  variants: ['method'],
  kernel: (x: Tensor, size: readonly number[]): Tensor => expanded('expand', x, size),
  tests: () => ({
    samples: [
      call([t([3, 1]), [3, 5]]),
      call([t([5]), [2, 3, 5]]),
      call([t([]), [2, 3]]),
      call([t([3, 1]), [2, -1, 5]]),
      call([t([1]), [0]], {}, { noGrad: 'the result is empty' }),
      call([t([7, 1], { dtype: 'bool' }), [7, 3]]),
    ],
    errors: [
      { args: [t([3, 5]), [5]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [3, 4]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-1, 3, 5]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [3, -2]], throws: 'RuntimeError' },
    ],
  }),
});

export const expandAs = defineOp({
  name: 'expandAs',
  torch: 'torch.Tensor.expand_as',
  doc: 'Expanded to the shape of another tensor.',
  params: [self, other],
  variants: ['method'],
  gradName: 'ExpandBackward0',
  kernel: (x: Tensor, o: Tensor): Tensor => expanded('expandAs', x, o.sizes),
  tests: () => ({
    samples: [call([t([3, 1]), t([2, 3, 5], { grad: false })])],
    errors: [{ args: [t([3, 5]), t([4, 5])], throws: 'RuntimeError' }],
  }),
});

export const squeeze = defineOp({
  name: 'squeeze',
  variants: ['function', 'method', 'inplace'],
  numpy: 'numpy.squeeze',
  doc: 'Without dims of size 1: all of them, or those that `dim` names, as a view.',
  params: [self, { name: 'dim', kind: 'ints', default: null }],
  kernel: (x: Tensor, dim: number | readonly number[] | null): Tensor => {
    if (dim === null)
      return squeezed(
        x,
        x.sizes.map(() => true),
        'SqueezeBackward0',
      );
    if (typeof dim !== 'number') requireDimsOfSet('squeeze', x.ndim);
    const dims = wrapDims('squeeze', list(dim), x.ndim);
    return squeezed(
      x,
      maskOf(dims, x.ndim),
      typeof dim === 'number' ? 'SqueezeBackward1' : 'SqueezeBackward2',
    );
  },
  inPlace: (x: Tensor, dim: number | readonly number[] | null): Tensor =>
    becomeView('squeeze_', x, (y) => squeeze.impl(y, dim)),
  tests: () => ({
    samples: [
      call([t([3, 1, 5, 1])]),
      call([t([3, 1, 5, 1]), 1]),
      call([t([3, 1, 5, 1]), 0]),
      call([t([3, 1, 5, 1]), [1, -1]]),
      call([t([]), 0]),
      call([t([1, 0], { dtype: 'int64' })]),
    ],
    errors: [
      { args: [t([3, 1]), 2], throws: 'IndexError' },
      { args: [t([1, 1]), [0, 0]], throws: 'RuntimeError' },
    ],
  }),
});

export const unsqueeze = defineOp({
  name: 'unsqueeze',
  variants: ['function', 'method', 'inplace'],
  numpy: 'numpy.expand_dims',
  doc: 'With a dim of size 1 put in at `dim`, as a view.',
  params: [self, { name: 'dim', kind: 'int' }],
  kernel: (x: Tensor, dim: number): Tensor => unsqueezed(x, wrapDim('unsqueeze', dim, x.ndim + 1)),
  inPlace: (x: Tensor, dim: number): Tensor => becomeView('unsqueeze_', x, (y) => unsqueeze.impl(y, dim)),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0]),
      call([t([3, 5]), -1]),
      call([t([]), 0]),
      call([t([3, 0], { dtype: 'bool' }), 1]),
    ],
    errors: [
      { args: [t([3, 5]), 3], throws: 'IndexError' },
      { args: [t([3, 5]), -4], throws: 'IndexError' },
    ],
  }),
});
