// Views of a part: select, slice, narrow, diagonal, unbind.
import { record } from '../../autograd/node.js';
import { ArgumentError, describe, IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { oneOfMany } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { assembled, diagonalOf, selected, sliced } from './geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };
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
  tests: () => ({
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
  }),
});

/** The bounds of a slice as PyTorch clamps them. */
function clamped(at: number | null, size: number, missing: number): number {
  const given = at ?? missing;
  return Math.min(Math.max(given < 0 ? given + size : given, 0), size);
}

export const slice = defineOp({
  name: 'slice',
  torch: 'torch.ops.aten.slice',
  aliases: ['torch.slice'],
  doc: 'Every `step`-th position of a dim from `start` to before `end`, as a view; bounds are clamped, negative ones count from the end.',
  params: [
    self,
    dim0,
    { name: 'start', kind: 'int', default: null },
    { name: 'end', kind: 'int', default: null },
    { name: 'step', kind: 'int', default: 1 },
  ],
  variants: ['function'],
  kernel: (x: Tensor, rawDim: number, start: number | null, end: number | null, step: number): Tensor => {
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('slice', required, got, hint));
    };
    if (x.ndim === 0)
      throw new IndexError(
        message(
          'slice',
          'a tensor with dims',
          'a 0-d tensor',
          'Dimension specified as 0 but tensor has no dimensions',
        ),
      );
    if (step <= 0) fail('a step of at least 1', String(step), 'slice step must be positive');
    const dim = wrapDim('slice', rawDim, x.ndim);
    const size = x.sizes[dim]!;
    const from = clamped(start, size, 0);
    const to = clamped(end, size, size);
    return sliced(x, dim, from, Math.max(0, Math.ceil((to - from) / step)), step);
  },
  tests: () => ({
    samples: [call([t([7, 3]), 0, 1, -1, 2]), call([t([5])]), call([t([3, 5]), -1, 4, 2])],
    errors: [
      { args: [t([3]), 0, 0, 2, 0], throws: 'RuntimeError' },
      { args: [t([]), 0], throws: 'IndexError' },
    ],
  }),
});

/** A start that may be a 0-d integer tensor. @throws RuntimeError on other tensors. */
function startOf(start: Tensor | number): number {
  if (!(start instanceof Tensor)) {
    if (!Number.isInteger(start))
      throw new ArgumentError(message('narrow', 'an integer start', describe(start)));
    return start;
  }
  if (start.ndim > 0 || !start.dtype.isInteger)
    throw new RuntimeError(
      message(
        'narrow',
        'a 0-d integer start',
        `${start.dtype.name} of shape ${showShape(start.sizes)}`,
        'start must be an 0-dim integral Tensor.',
      ),
    );
  return Number(start.item());
}

export const narrow = defineOp({
  name: 'narrow',
  doc: '`length` positions of a dim from `start` on, as a view; a negative start counts from the end.',
  params: [self, dimParam, { name: 'start', kind: 'tensorOrScalar' }, { name: 'length', kind: 'int' }],
  gradName: 'SliceBackward0',
  kernel: (x: Tensor, rawDim: number, given: Tensor | number, length: number): Tensor => {
    const start = startOf(given);
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
    const size = x.sizes[dim]!;
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
  tests: () => ({
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
  }),
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
  tests: () => ({
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
  }),
});

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
    const { sizes: shape } = x;
    const outs = Array.from({ length: shape[dim]! }, (_, i) =>
      oneOfMany(x, rest(x.sizes), rest(x.strides), x.offset + i * x.strides[dim]!),
    );
    record('UnbindBackward0', outs, [x], () => (grads) => {
      const some = grads.find((g) => g !== null)!;
      return [assembled(grads, some.dtype, shape, (whole, i) => selected('unbind', whole, dim, i))];
    });
    return outs;
  },
  tests: () => ({
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
  }),
});
