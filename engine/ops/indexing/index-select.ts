// Whole slices, or single elements of the flattened tensor, by a 1-d index: indexSelect, indexAdd, take.

import { record } from '../../autograd/node.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { alias, newTensor, seenAs } from '../../core/factory.js';
import { scalarAs } from '../../core/scalar.js';
import { wrapDim } from '../../core/shape.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, appliedInPlace, type Change, itself } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { rawCast, rawZeros } from '../creation/copy-fill-cast.js';
import { mul } from '../pointwise/arithmetic.js';
import { reshaped } from '../views/geometry.js';
import { atLeast1d, ix, outOfBounds, requireIndexDtype, requireInside } from './along-dim.js';
import { asLong, getRaw, putRaw, requireMemory } from './index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const indexParam: Param = { name: 'index', kind: 'tensor' };

/** A 1-d index laid along `dim` of an iteration space. */
export function along(index: Tensor, dim: number, shape: readonly number[]): Tensor {
  const step = index.strides[0] ?? 0;
  return seenAs(
    index,
    shape,
    shape.map((_, d) => (d === dim ? step : 0)),
  );
}

/** The iteration space of an index along `dim`: `x`'s shape with the index's length there, where it stands still. */
export function space(x: Tensor, dim: number, n: number): Tensor {
  return seenAs(
    x,
    x.sizes.map((s, d) => (d === dim ? n : s)),
    x.strides.map((s, d) => (d === dim ? 0 : s)),
  );
}

/** The slices that a checked index names. */
export function pickedSlices(x: Tensor, dim: number, index: Tensor): Tensor {
  const n = index.length;
  const out = newTensor(
    x.sizes.map((s, d) => (d === dim ? n : s)),
    x.dtype,
  );
  const base = atLeast1d(x);
  const size = base.sizes[dim]!;
  const looks = asLong(index);
  requireInside(
    looks,
    size,
    (at) =>
      new IndexError(
        message('indexSelect', `indices in [0, ${size - 1}]`, String(at), 'index out of range in self'),
      ),
  );
  const from = space(base, dim, n);
  getRaw('indexSelect', atLeast1d(out), from, [
    { index: along(looks, dim, from.sizes), size, stride: base.strides[dim]! },
  ]);
  return record('IndexSelectBackward0', out, [x], (save) => {
    const kept = save(index);
    const { sizes: shape } = x;
    return ([g]) => [applied(addingSlices(rawZeros(shape, g!.dtype), dim, kept.get(), g!, 1), itself)];
  });
}

export const indexSelect = defineOp({
  name: 'indexSelect',
  doc: 'The slices of a dim that a 1-d index names, in its order, as a copy.',
  params: [self, dimParam, indexParam],
  kernel: (x: Tensor, rawDim: number, index: Tensor): Tensor => {
    const dim = wrapDim('indexSelect', rawDim, x.ndim);
    requireMemory('indexSelect', [x, index]);
    if (index.ndim > 1)
      throw new IndexError(
        message(
          'indexSelect',
          'an index of at most one dim',
          showShape(index.sizes),
          'index_select(): Index is supposed to be a vector',
        ),
      );
    requireIndexDtype('indexSelect', index, 'index_select(): Expected dtype int32 or int64 for index');
    if (x.ndim === 0 && index.length !== 1) {
      throw new RuntimeError(
        message(
          'indexSelect',
          'one index into a 0-d tensor',
          String(index.length),
          `index_select(): Index to scalar can have only 1 value, got ${index.length} value(s)`,
        ),
      );
    }
    return pickedSlices(x, dim, index);
  },
  out: {},
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([7], 3)]),
      call([t([2, 3, 5]), -2, ix([2], 3)]),
      call([t([3, 5], { layout: 'transposed' }), 1, ix([3], 5, { layout: 'strided' })]),
      call([t([3, 5]), 0, ix([], 3)]),
      call([t([]), 0, ix([1], 1)]),
      call([t([3, 5]), 1, ix([0], 5)]),
      call([t([3, 5], { dtype: 'int64' }), 1, ix([2], 5, { dtype: 'int32' })]),
      call([t([3, 5], { dtype: 'bool' }), 1, ix([2], 5)]),
    ],
    errors: [
      { args: [t([3, 5]), 0, t([2], { dtype: 'int64', fill: { low: 5, high: 6 } })], throws: 'IndexError' },
      {
        args: [t([3, 5]), 0, t([2], { dtype: 'int64', fill: { low: -1, high: 0 } })],
        throws: 'IndexError',
      },
      { args: [t([3, 5]), 0, ix([2, 2], 3)], throws: 'IndexError' },
      { args: [t([3, 5]), 0, t([2])], throws: 'RuntimeError' },
      { args: [t([]), 0, ix([2], 1)], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000, 1000]), 0, ix([1000], 1000)]), call([t([1000, 1000]), 1, ix([1000], 1000)])],
  }),
});

/** The change that adds alpha · source slice by slice. */
export function addingSlices(x: Tensor, dim: number, index: Tensor, source: Tensor, alpha: Scalar): Change {
  return {
    nodeName: 'IndexAddBackward0',
    inputs: [x, source],
    write: (out, sources) => {
      const base = atLeast1d(out);
      const size = base.sizes[dim]!;
      const looks = asLong(index);
      requireInside(
        looks,
        size,
        // PyTorch's loop over elements and its loop over slices raise different errors.
        x.ndim > 1
          ? outOfBounds('indexAdd', dim, size)
          : (at) =>
              new IndexError(
                message('indexAdd', `indices in [0, ${size - 1}]`, String(at), 'index out of range in self'),
              ),
      );
      const src = sources[1]!;
      const scaled =
        alpha === 1 ? src : rawCast(mul.impl(alias(src), scalarAs('indexAdd', alpha, x.dtype)), x.dtype);
      const to = space(base, dim, index.length);
      putRaw(
        'indexAdd',
        'add',
        to,
        [{ index: along(looks, dim, to.sizes), size, stride: base.strides[dim]! }],
        atLeast1d(scaled),
      );
    },
    make: (save) => {
      const kept = save(index);
      const { sizes: shape } = source;
      return ([g]) => {
        const picked = reshaped(pickedSlices(g!, dim, kept.get()), shape);
        return [g!, alpha === 1 ? picked : mul.impl(picked, alpha)];
      };
    },
  };
}

function checkedAdding(x: Tensor, rawDim: number, index: Tensor, source: Tensor, alpha: Scalar): Change {
  const op = 'indexAdd';
  const dim = wrapDim(op, rawDim, x.ndim);
  requireMemory(op, [x, index, source]);
  const fail = (required: string, got: string, hint: string): never => {
    throw new RuntimeError(message(op, required, got, hint));
  };
  if (index.ndim > 1)
    throw new IndexError(
      message(
        op,
        'an index of at most one dim',
        showShape(index.sizes),
        'index_add_(): Index is supposed to be a vector',
      ),
    );
  requireIndexDtype(
    op,
    index,
    `index_add_(): Expected dtype int32/int64 for index but got: ${index.dtype.title}`,
  );
  if (source.dtype !== x.dtype) {
    fail(
      `a source of dtype ${x.dtype.name}`,
      source.dtype.name,
      `index_add_(): self (${x.dtype.title}) and source (${source.dtype.title}) must have the same scalar type`,
    );
  }
  const rest = (s: readonly number[]): string => showShape(s.filter((_, d) => d !== dim));
  if (source.ndim !== x.ndim || rest(source.sizes) !== rest(x.sizes)) {
    fail(
      `a source that fits ${showShape(x.sizes)}`,
      showShape(source.sizes),
      `source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ${showShape(x.sizes)} source.shape = ${showShape(source.sizes)}`,
    );
  }
  if (index.length !== (source.sizes[dim] ?? 1)) {
    fail(
      `${source.sizes[dim] ?? 1} indices`,
      String(index.length),
      `index_add_(): Number of indices (${index.length}) should be equal to source.size(dim): (${source.sizes[dim] ?? 1}), for dim: ${dim}`,
    );
  }
  return addingSlices(x, dim, index, source, alpha);
}

export const indexAdd = defineOp({
  name: 'indexAdd',
  doc: 'The tensor with alpha · source added, slice by slice of a dim, where a 1-d index says; repeated places add up.',
  params: [
    self,
    dimParam,
    indexParam,
    { name: 'source', kind: 'tensor' },
    { name: 'alpha', kind: 'scalar', default: 1, keyword: true },
  ],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, dim: number, index: Tensor, source: Tensor, alpha: Scalar): Tensor =>
    applied(checkedAdding(x, dim, index, source, alpha)),
  inPlace: (x: Tensor, dim: number, index: Tensor, source: Tensor, alpha: Scalar): Tensor =>
    appliedInPlace('indexAdd_', checkedAdding(x, dim, index, source, alpha)),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([7], 3), t([7, 5])]),
      call([t([3, 5]), -1, ix([2], 5), t([3, 2], { layout: 'transposed' })], { alpha: 2.5 }),
      call([t([]), 0, ix([], 1), t([])]),
      call(
        [t([3, 5], { dtype: 'int32' }), 0, ix([2], 3, { dtype: 'int32' }), t([2, 5], { dtype: 'int32' })],
        { alpha: 3 },
      ),
      call([t([3, 5]), 0, ix([0], 3), t([0, 5])]),
    ],
    errors: [
      {
        args: [t([3, 5]), 0, t([1], { dtype: 'int64', fill: { low: 5, high: 6 } }), t([1, 5])],
        throws: 'RuntimeError',
      },
      {
        args: [t([3, 5]), 0, t([1], { dtype: 'int64', fill: { low: -1, high: 0 } }), t([1, 5])],
        throws: 'RuntimeError',
      },
      { args: [t([3, 5]), 0, ix([2], 3), t([1, 5])], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, ix([1], 3), t([1, 2])], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, ix([1], 3), t([1, 5], { dtype: 'float64' })], throws: 'RuntimeError' },
      { args: [t([3, 5]), 0, t([1]), t([1, 5])], throws: 'RuntimeError' },
    ],
  }),
});

export const take = defineOp({
  name: 'take',
  numpy: 'numpy.take',
  doc: 'Elements of the flattened tensor at the given positions, in the shape of `index`; negative positions count from the end.',
  params: [self, indexParam],
  kernel: (x: Tensor, index: Tensor): Tensor => {
    requireMemory('take', [x, index]);
    if (index.dtype.name !== 'int64')
      throw new RuntimeError(
        message(
          'take',
          'an int64 index',
          index.dtype.name,
          `take(): Expected a long tensor for index, but got ${index.dtype.title}`,
        ),
      );
    if (x.length === 0 && index.length > 0)
      throw new IndexError(
        message('take', 'elements to take', 'an empty tensor', 'take(): tried to take from an empty tensor'),
      );
    return taken(x, index);
  },
  out: {},
  tests: () => ({
    samples: [
      call([t([3, 5]), ix([7], 15)]),
      call([
        t([3, 5], { layout: 'transposed' }),
        t([2, 3], { dtype: 'int64', fill: { low: -15, high: 15 } }),
      ]),
      call([t([3, 5], { dtype: 'uint8' }), ix([], 15)]),
      call([t([3]), ix([0], 3)]),
    ],
    errors: [
      { args: [t([3, 5]), t([1], { dtype: 'int64', fill: { low: 50, high: 51 } })], throws: 'IndexError' },
      { args: [t([3, 5]), t([2])], throws: 'RuntimeError' },
      { args: [t([0]), ix([1], 1)], throws: 'IndexError' },
    ],
  }),
});

function taken(x: Tensor, index: Tensor): Tensor {
  const flat = x.isContiguous() ? x : rawCast(x, x.dtype);
  const out = newTensor(index.sizes, x.dtype);
  const still = index.sizes.map(() => 0);
  getRaw('take', out, seenAs(flat, index.sizes, still), [{ index, size: x.length, stride: 1 }]);
  return record('TakeBackward0', out, [x], (save) => {
    const kept = save(index);
    const { sizes: shape } = x;
    return ([g]) => [putInto(g!, kept.get(), shape)];
  });
}

/** Zeros with `g` added at flat positions: the gradient of take. */
function putInto(g: Tensor, index: Tensor, shape: readonly number[]): Tensor {
  const out = rawZeros(shape, g.dtype);
  const still = index.sizes.map(() => 0);
  putRaw('take', 'add', seenAs(out, index.sizes, still), [{ index, size: out.length, stride: 1 }], g);
  return record('PutBackward0', out, [g], (save) => {
    const kept = save(index);
    return ([gg]) => [taken(gg!, kept.get())];
  });
}
