// diag, diagEmbed, diagflat. The view `diagonal` is in slicing.ts.
import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type OpTests, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { requireMemory } from '../indexing/index-kernels.js';
import { diagonalOf, embed, reshaped } from './geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };
const offsetParam: Param = { name: 'offset', kind: 'int', default: 0 };

/** The last dim laid along the diagonal of two dims, `a` and `b` of the result, zeros elsewhere. */
function embedded(op: string, x: Tensor, shift: number, a: number, b: number): Tensor {
  requireMemory(op, [x]);
  const n = x.sizes[x.ndim - 1]! + Math.abs(shift);
  const shape = x.sizes.slice(0, -1);
  for (const d of [Math.min(a, b), Math.max(a, b)]) shape.splice(d, 0, n);
  return embed('DiagEmbed', x, shape, (whole) => diagonalOf(whole, shift, a, b));
}

export const diag = defineOp({
  name: 'diag',
  numpy: 'numpy.diag',
  doc: 'The diagonal of a matrix as a copy, or the matrix with a given diagonal and zeros elsewhere.',
  params: [self, { name: 'diagonal', kind: 'int', default: 0 }],
  gradName: 'DiagonalBackward0_copy',
  compose: (x: Tensor, diagonal: number): Tensor => {
    requireMemory('diag', [x]);
    if (x.ndim === 1) return embedded('diag', x, diagonal, 0, 1);
    if (x.ndim !== 2)
      throw new RuntimeError(
        message(
          'diag',
          '1 or 2 dims',
          showShape(x.sizes),
          `diag(): Supports 1D or 2D tensors. Got ${x.ndim}D`,
        ),
      );
    const { sizes: shape } = x;
    const seen = diagonalOf(x.detach(), diagonal, 0, 1);
    const out = newTensor(seen.sizes, x.dtype);
    rawCopy(out, seen);
    return record('DiagonalBackward0_copy', out, [x], () => ([g]) => [
      embed('DiagonalBackward', g!, shape, (whole) => diagonalOf(whole, diagonal, 0, 1)),
    ]);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([5])]),
      call([t([3]), -2]),
      call([t([3, 5], { dtype: 'int64' }), 1]),
      call([t([0])]),
    ],
    errors: [
      { args: [t([])], throws: 'RuntimeError' },
      { args: [t([2, 3, 5])], throws: 'RuntimeError' },
    ],
  }),
});

export const diagEmbed = defineOp({
  name: 'diagEmbed',
  doc: 'The last dim laid along the diagonal of two new dims, zeros elsewhere; a positive offset lies above the main diagonal.',
  params: [
    self,
    offsetParam,
    { name: 'dim1', kind: 'int', default: -2 },
    { name: 'dim2', kind: 'int', default: -1 },
  ],
  kernel: (x: Tensor, offset: number, dim1: number, dim2: number): Tensor => {
    const a = wrapDim('diagEmbed', dim1, x.ndim + 1);
    const b = wrapDim('diagEmbed', dim2, x.ndim + 1);
    if (a === b)
      throw new RuntimeError(
        message(
          'diagEmbed',
          'two different dims',
          `${dim1} and ${dim2}`,
          `diagonal dimensions cannot be identical ${dim1}, ${dim2}`,
        ),
      );
    if (x.ndim === 0) throw new RuntimeError(message('diagEmbed', 'a tensor with dims', 'a 0-d tensor'));
    return embedded('diagEmbed', x, offset, a, b);
  },
  tests: (): OpTests => ({
    samples: [call([t([2, 3])]), call([t([2, 3]), -1, 0, 2]), call([t([3]), 2, 1, 0])],
    errors: [
      { args: [t([3, 5])], kwargs: { dim1: 1, dim2: 1 }, throws: 'RuntimeError' },
      { args: [t([3, 5])], kwargs: { dim1: 10000 }, throws: 'IndexError' },
    ],
  }),
});

export const diagflat = defineOp({
  name: 'diagflat',
  numpy: 'numpy.diagflat',
  doc: 'A matrix with all elements of the tensor along its diagonal and zeros elsewhere.',
  params: [self, offsetParam],
  gradName: 'DiagEmbedBackward0',
  compose: (x: Tensor, offset: number): Tensor => embedded('diagflat', reshaped(x, [x.length]), offset, 0, 1),
  tests: () => ({ samples: [call([t([2, 2])]), call([t([2]), -1]), call([t([])])] }),
});
