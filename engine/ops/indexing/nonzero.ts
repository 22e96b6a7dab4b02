// Positions of nonzero elements: nonzero, argwhere, nonzeroStatic.
import { int64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { seenAs } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawCast } from '../creation/copy-fill-cast.js';
import { selected, unsqueezed } from '../views/geometry.js';
import { filled, nonzeroRaw, requireMemory } from './index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const reason = 'the result is positions';

/** The coordinates as one 1-d tensor for each dim; a 0-d tensor counts as one of one dim. */
export function coordinates(op: string, x: Tensor): Tensor[] {
  const line = x.ndim === 0 ? unsqueezed(x.detach(), 0) : x;
  const found = nonzeroRaw(line);
  return line.sizes.map((_, d) => rawCast(selected(op, found, 1, d), int64));
}

export const nonzero = defineOp({
  name: 'nonzero',
  doc: 'The coordinates of the elements that are not 0, row-major: int64 of shape [count, ndim], or a tensor for each dim.',
  params: [self, { name: 'as_tuple', kind: 'bool', default: false, keyword: true }],
  returns: 'Tensor | Tensor[]',
  signatures: ['(options?: { asTuple?: false }): Tensor', '(options: { asTuple: true }): Tensor[]'],
  kernel: (x: Tensor, asTuple: boolean): Tensor | Tensor[] => {
    requireMemory('nonzero', [x]);
    return asTuple ? coordinates('nonzero', x) : nonzeroRaw(x);
  },
  notDifferentiable: reason,
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'ties' })]),
      call([t([3, 5], { dtype: 'bool', layout: 'transposed' })]),
      call([t([3, 5], { dtype: 'int64', fill: { low: 0, high: 2 }, layout: 'strided' })]),
      call([t([])]),
      call([t([], { fill: 'zeros' })]),
      call([t([0, 3])]),
      call([t([3, 5], { fill: 'ties' })], { as_tuple: true }),
    ],
  }),
});

export const argwhere = defineOp({
  name: 'argwhere',
  numpy: 'numpy.argwhere',
  doc: 'The coordinates of the elements that are not 0, row-major, as int64 of shape [count, ndim].',
  params: [self],
  kernel: (x: Tensor): Tensor => {
    requireMemory('argwhere', [x]);
    return nonzeroRaw(x);
  },
  notDifferentiable: reason,
  tests: () => ({ samples: [call([t([3, 5], { fill: 'ties' })]), call([t([])])] }),
});

export const nonzeroStatic = defineOp({
  name: 'nonzeroStatic',
  doc: 'As nonzero, cut or filled up to `size` rows.',
  params: [
    self,
    { name: 'size', kind: 'int', keyword: true },
    { name: 'fill_value', kind: 'int', default: -1, keyword: true },
  ],
  kernel: (x: Tensor, size: number, fill: number): Tensor => {
    requireMemory('nonzeroStatic', [x]);
    if (size < 0)
      throw new RuntimeError(
        message(
          'nonzeroStatic',
          'a size of at least 0',
          String(size),
          `nonzero_static: 'size' must be an non-negative integer`,
        ),
      );
    const found = nonzeroRaw(x);
    const out = filled([size, x.ndim], fill, int64);
    const shape = [Math.min(size, found.sizes[0]!), x.ndim];
    if (shape[0]! * shape[1]! > 0)
      rawCopy(seenAs(out, shape, out.strides), seenAs(found, shape, found.strides));
    return out;
  },
  notDifferentiable: reason,
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'ties' })], { size: 4 }),
      call([t([3], { fill: 'ones' })], { size: 5, fill_value: 7 }),
    ],
    errors: [{ args: [t([3])], kwargs: { size: -1 }, throws: 'RuntimeError' }],
  }),
});
