// Copying forms of views: aliasCopy, permuteCopy, splitCopy, … A copy in contiguous memory of what the view shows.
import { record } from '../../autograd/node.js';
import { IndexError, inName, message, RuntimeError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Op, type OpTests, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawCast } from '../creation/copy-fill-cast.js';
import { split, splitWithSizes } from '../joining/split.js';
import { aliased } from './geometry.js';
import { expand, permute, squeeze, tOp, transpose, unsqueeze } from './permute-expand.js';
import { asStrided, view } from './reshape.js';
import { diagonal, narrow, select, slice, unbind } from './slicing.js';
import { unfold } from './unfold.js';

const self: Param = { name: 'input', kind: 'tensor' };

/** A row-major copy, whatever the order in memory of what is copied. */
function copied(x: Tensor): Tensor {
  return record('CloneBackward0', rawCast(x, x.dtype), [x], () => (g) => g);
}

interface Extra {
  readonly tests: () => OpTests;
}

function copyOf<A extends readonly unknown[]>(base: Op<A, Tensor>, extra: Extra) {
  const name = `${base.name}Copy`;
  return defineOp({
    name,
    doc: `As ${base.name}, but a copy.`,
    params: base.params,
    variants: ['function'],
    compose: (...args: A): Tensor => copied(inName(base.name, name, () => base.impl(...args))),
    ...extra,
  });
}

function copiesOf<A extends readonly unknown[]>(base: Op<A, Tensor[]>, extra: Extra) {
  const name = `${base.name}Copy`;
  return defineOp({
    name,
    doc: `As ${base.name}, but copies.`,
    params: base.params,
    variants: ['function'],
    returns: 'Tensor[]',
    compose: (...args: A): Tensor[] => inName(base.name, name, () => base.impl(...args)).map(copied),
    ...extra,
  });
}

export const aliasCopy = defineOp({
  name: 'aliasCopy',
  doc: 'A row-major copy of the whole tensor.',
  params: [self],
  variants: ['function'],
  compose: (x: Tensor): Tensor => copied(aliased(x)),
  tests: () => ({ samples: [call([t([3, 5])])] }),
});

export const detachCopy = defineOp({
  name: 'detachCopy',
  doc: 'A row-major copy without history.',
  params: [self],
  variants: ['function'],
  notDifferentiable: 'it cuts the graph on purpose',
  compose: (x: Tensor): Tensor => rawCast(x, x.dtype),
  tests: () => ({ samples: [call([t([3, 5])])] }),
});

export const asStridedCopy = copyOf(asStrided, {
  tests: () => ({ samples: [call([t([3, 3]), [2, 2], [1, 2], 1])] }),
});
export const expandCopy = copyOf(expand, {
  tests: () => ({ samples: [call([t([3, 1]), [2, 3, 5]])] }),
});
export const permuteCopy = copyOf(permute, {
  tests: () => ({
    samples: [call([t([2, 3, 5]), [2, 0, -2]])],
    errors: [{ args: [t([3, 5]), [0, 0]], throws: 'RuntimeError' }],
  }),
});
export const viewCopy = copyOf(view, {
  tests: () => ({
    samples: [call([t([3, 10], { layout: 'contiguous' }), [5, -1]])],
    errors: [
      { args: [t([4, 3]), [4, 2]], throws: 'RuntimeError' },
      { args: [t([0, 5]), [0, -1]], throws: 'RuntimeError' },
    ],
  }),
});
export const squeezeCopy = copyOf(squeeze, {
  tests: () => ({ samples: [call([t([3, 1, 5, 1])]), call([t([3, 1, 5, 1]), -1])] }),
});
export const unsqueezeCopy = copyOf(unsqueeze, {
  tests: () => ({ samples: [call([t([3, 5]), -1])] }),
});
export const transposeCopy = copyOf(transpose, {
  tests: () => ({ samples: [call([t([2, 3, 5]), -1, 0])] }),
});
export const tCopy = copyOf(tOp, {
  tests: () => ({ samples: [call([t([3, 5])])], errors: [{ args: [t([2, 3, 5])], throws: 'RuntimeError' }] }),
});
export const diagonalCopy = copyOf(diagonal, {
  tests: (): OpTests => ({
    samples: [call([t([3, 5])], { offset: 1 })],
    errors: [
      { args: [t([3, 5])], kwargs: { dim1: 1, dim2: 1 }, throws: 'RuntimeError' },
      { args: [t([3, 5])], kwargs: { dim1: 10000 }, throws: 'IndexError' },
    ],
  }),
});
export const selectCopy = copyOf(select, {
  tests: () => ({ samples: [call([t([3, 5]), -1, 2])] }),
});
export const sliceCopy = copyOf(slice, {
  tests: () => ({ samples: [call([t([7, 3]), 0, 1, -1, 2])] }),
});
export const unfoldCopy = copyOf(unfold, {
  tests: () => ({ samples: [call([t([3, 5]), 1, 3, 2])] }),
});
export const unbindCopy = copiesOf(unbind, {
  tests: () => ({ samples: [call([t([3, 5]), -1])], errors: [{ args: [t([])], throws: 'IndexError' }] }),
});
export const splitCopy = copiesOf(split, {
  tests: () => ({ samples: [call([t([5, 3]), 2])] }),
});
export const splitWithSizesCopy = copiesOf(splitWithSizes, {
  tests: () => ({ samples: [call([t([3, 5]), [1, 4, 0], -1])] }),
});

export const narrowCopy = defineOp({
  name: 'narrowCopy',
  doc: 'As narrow, but a copy.',
  params: narrow.params,
  compose: (x: Tensor, dim: number, start: Tensor | number, length: number): Tensor => {
    if (dim >= x.ndim && x.ndim > 0)
      throw new RuntimeError(
        message('narrowCopy', `a dim below ${x.ndim}`, String(dim), 'Expected dim < self_sizes.size()'),
      );
    if (x.ndim === 0 && dim !== 0 && dim !== -1)
      throw new IndexError(message('narrowCopy', 'a dim of the tensor', String(dim)));
    return copied(inName('narrow', 'narrowCopy', () => narrow.impl(x, dim, start, length)));
  },
  tests: () => ({
    samples: [call([t([5, 3]), 0, 1, 3]), call([t([3, 5]), -1, 0, 0])],
    errors: [
      { args: [t([]), 0, 0, 1], throws: 'RuntimeError' },
      { args: [t([3, 5]), 3, 0, 0], throws: 'RuntimeError' },
      { args: [t([3, 5]), -4, 0, 0], throws: 'IndexError' },
      { args: [t([3, 5]), 1, 11, 0], throws: 'IndexError' },
      { args: [t([3, 5]), 0, 0, -1], throws: 'RuntimeError' },
    ],
  }),
});
