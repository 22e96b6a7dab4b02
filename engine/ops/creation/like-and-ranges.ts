// Creation like a tensor with another size, with given strides, of evenly spaced values, and of triangle indices.
import { type DeviceLike, requireDevice } from '../../core/device.js';
import { computedIn, type DType, float64, getDefaultDtype, int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { newMeta, newStrided, newTensor, seenAs } from '../../core/factory.js';
import { scalarAs, wrapped } from '../../core/scalar.js';
import { checkSizes, numelOf } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { nonzeroRaw } from '../indexing/index-kernels.js';
import { where } from '../indexing/masked.js';
import { self } from '../reduction/sum-mean-prod.js';
import { rawFill } from './copy-fill-cast.js';
import { allocateFor, factoryParams, finish, indices } from './creation.js';

const size: Param = { name: 'size', kind: 'size' };
const noInput = 'it has no tensor input';
const noValues = 'the result does not depend on the input’s values';
type Options = readonly [DType | null, unknown, boolean];

/** Fresh memory, filled where a value is given. */
function made(
  op: string,
  sizes: readonly number[],
  value: Scalar | null,
  like: Tensor,
  options: Options,
): Tensor {
  const [dtype, device, grad] = options;
  const out = allocateFor(op, sizes, dtype ?? like.dtype, device ?? like.device);
  if (value !== null && out.device.kernels !== null) rawFill(out, scalarAs(op, value, out.dtype));
  return finish(out, grad);
}

function newFactory(name: string, torch: string, value: number | null, doc: string) {
  return defineOp({
    name,
    torch: `torch.Tensor.${torch}`,
    doc,
    params: [self, size, ...factoryParams],
    variants: ['method'],
    kernel: (like: Tensor, sizes: readonly number[], ...options: Options): Tensor =>
      made(name, sizes, value, like, options),
    notDifferentiable: noValues,
    tests: () => ({
      samples: [
        call([t([3]), [2, 3]], {}, { valuesUndefined: value === null }),
        call(
          [t([3], { dtype: 'int64' }), []],
          { dtype: { dtype: 'float64' } },
          { valuesUndefined: value === null },
        ),
      ],
      errors: [{ args: [t([3]), [-1]], throws: 'RuntimeError' }],
    }),
  });
}
export const newZeros = newFactory(
  'newZeros',
  'new_zeros',
  0,
  'Zeros of another size, with the dtype and device of this tensor.',
);
export const newOnes = newFactory(
  'newOnes',
  'new_ones',
  1,
  'Ones of another size, with the dtype and device of this tensor.',
);
export const newEmpty = newFactory(
  'newEmpty',
  'new_empty',
  null,
  'Uninitialised, with the dtype and device of this tensor.',
);

export const newFull = defineOp({
  name: 'newFull',
  torch: 'torch.Tensor.new_full',
  doc: 'One value at another size, with the dtype and device of this tensor.',
  params: [self, { ...size, kind: 'ints' }, { name: 'fill_value', kind: 'scalar' }, ...factoryParams],
  variants: ['method'],
  kernel: (like: Tensor, sizes: number | readonly number[], value: Scalar, ...options: Options): Tensor =>
    made('newFull', typeof sizes === 'number' ? [sizes] : sizes, value, like, options),
  notDifferentiable: noValues,
  tests: () => ({ samples: [call([t([3]), [2, 3], 2.5]), call([t([3], { dtype: 'int64' }), [2], 7])] }),
});

/** Memory that holds every element of these strides. @throws RuntimeError */
function strided(
  op: string,
  sizes: readonly number[],
  strides: readonly number[],
  dtype: DType,
  device: unknown,
): Tensor {
  const shape = checkSizes(op, sizes);
  if (shape.length !== strides.length) {
    const hint = `dimensionality of sizes (${shape.length}) must match dimensionality of strides (${strides.length})`;
    throw new RuntimeError(message(op, `${shape.length} strides`, String(strides.length), hint));
  }
  const negative = strides.find((s) => s < 0);
  if (negative !== undefined) {
    const hint = `Storage size calculation overflowed or a stride is negative: ${showShape(strides)}`;
    throw new RuntimeError(message(op, 'strides of at least 0', String(negative), hint));
  }
  const place = requireDevice(op, device as DeviceLike | null);
  if (place.type === 'meta') return newMeta(shape, dtype);
  const room = numelOf(shape) === 0 ? 0 : 1 + shape.reduce((sum, n, d) => sum + (n - 1) * strides[d]!, 0);
  return seenAs(newTensor([room], dtype, place), shape, strides);
}

const strideParam: Param = { name: 'stride', kind: 'ints' };
const listed = (x: number | readonly number[]): readonly number[] => (typeof x === 'number' ? [x] : x);
const unset = { valuesUndefined: true };

export const emptyStrided = defineOp({
  name: 'emptyStrided',
  doc: 'Uninitialised, with these strides.',
  params: [{ ...size, kind: 'ints' }, strideParam, ...factoryParams],
  variants: ['function'],
  kernel: (
    sizes: number | readonly number[],
    strides: number | readonly number[],
    ...[dtype, device, grad]: Options
  ): Tensor =>
    finish(strided('emptyStrided', listed(sizes), listed(strides), dtype ?? getDefaultDtype(), device), grad),
  notDifferentiable: noInput,
  tests: () => ({
    samples: [
      call(
        [
          [2, 3],
          [1, 2],
        ],
        {},
        unset,
      ),
      call(
        [
          [2, 3],
          [3, 0],
        ],
        {},
        unset,
      ),
    ],
    errors: [{ args: [[2, 3], [1]], throws: 'RuntimeError' }],
  }),
});

export const newEmptyStrided = defineOp({
  name: 'newEmptyStrided',
  torch: 'torch.Tensor.new_empty_strided',
  doc: 'Uninitialised, with these strides and the dtype and device of this tensor.',
  params: [self, { ...size, kind: 'ints' }, strideParam, ...factoryParams],
  variants: ['method'],
  kernel: (
    like: Tensor,
    sizes: number | readonly number[],
    strides: number | readonly number[],
    ...[dtype, device, grad]: Options
  ): Tensor =>
    finish(
      strided('newEmptyStrided', listed(sizes), listed(strides), dtype ?? like.dtype, device ?? like.device),
      grad,
    ),
  notDifferentiable: noValues,
  tests: () => ({ samples: [call([t([3]), [2, 3], [1, 2]], {}, unset)] }),
});

export const emptyPermuted = defineOp({
  name: 'emptyPermuted',
  doc: 'Uninitialised, its dims in memory in the order `physical_layout`, outermost first.',
  params: [{ ...size, kind: 'ints' }, { name: 'physical_layout', kind: 'ints' }, ...factoryParams],
  variants: ['function'],
  kernel: (
    sizes: number | readonly number[],
    order: number | readonly number[],
    ...[dtype, device, grad]: Options
  ): Tensor => {
    const shape = checkSizes('emptyPermuted', listed(sizes));
    const layout = listed(order);
    checkLayout(shape.length, layout);
    const strides = new Array<number>(shape.length);
    let step = 1;
    for (const d of [...layout].reverse()) {
      strides[d] = step;
      step *= Math.max(1, shape[d]!);
    }
    const d = dtype ?? getDefaultDtype();
    const meta = requireDevice('emptyPermuted', device as DeviceLike | null).type === 'meta';
    return finish(meta ? newMeta(shape, d) : newStrided(shape, strides, d), grad);
  },
  notDifferentiable: noInput,
  tests: () => ({
    samples: [
      call(
        [
          [2, 3, 4],
          [1, 2, 0],
        ],
        {},
        unset,
      ),
      call([[], []], {}, unset),
    ],
    errors: [
      { args: [[2, 3], [0]], throws: 'RuntimeError' },
      {
        args: [
          [2, 3],
          [0, 0],
        ],
        throws: 'RuntimeError',
      },
    ],
  }),
});

/** @throws RuntimeError unless the layout names each dim once. */
function checkLayout(ndim: number, layout: readonly number[]): void {
  const refuse = (hint: string): never => {
    throw new RuntimeError(message('emptyPermuted', `an order of ${ndim} dims`, showShape(layout), hint));
  };
  if (layout.length !== ndim)
    refuse(
      `Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = ${ndim} is not equal to len(physical_layout) = ${layout.length}`,
    );
  layout.forEach((d, k) => {
    if (d < 0 || d >= ndim)
      refuse(
        `Dimension out of range (expected to be between 0 and ${ndim - 1}, but got ${d} at index ${k}).`,
      );
    if (layout.indexOf(d) !== k) refuse(`Duplicate dim not allowed: ${d}`);
  });
}

export const scalarTensor = defineOp({
  name: 'scalarTensor',
  doc: 'A 0-d tensor of one number, in the default floating dtype unless one is given.',
  params: [{ name: 's', kind: 'scalar' }, ...factoryParams],
  variants: ['function'],
  kernel: (value: Scalar, ...[dtype, device, grad]: Options): Tensor => {
    const out = allocateFor('scalarTensor', [], dtype ?? getDefaultDtype(), device);
    if (out.device.kernels !== null) rawFill(out, scalarAs('scalarTensor', value, computedIn(out.dtype)));
    return finish(out, grad);
  },
  notDifferentiable: noInput,
  tests: () => ({ samples: [call([2.5]), call([-3], { dtype: { dtype: 'int64' } })] }),
});

/** A number, or the one of a 0-d tensor, as the dtype holds it. @throws RuntimeError */
function bound(op: string, x: Tensor | Scalar, dtype: DType): number {
  if (!(x instanceof Tensor)) return asBound(op, x, dtype);
  if (x.ndim === 0) return asBound(op, x.item(), dtype);
  const hint = `${op} only supports 0-dimensional start and end tensors, but got start or end with ${x.ndim} dimension(s).`;
  throw new RuntimeError(message(op, '0-d bounds', showShape(x.sizes), hint));
}

function asBound(op: string, value: Scalar, dtype: DType): number {
  const held = dtype.isBool || dtype.isComplex ? Number(value) : Number(scalarAs(op, value, dtype));
  return dtype.isInteger ? wrapped(held, dtype) : held;
}

/** Evenly spaced float64 values, from both ends, as PyTorch, so that the last is exactly the end. */
function spaced(start: number, end: number, steps: number): Tensor {
  const place = indices(steps).to(float64);
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  const late = place
    .sub(steps - 1)
    .mul(step)
    .add(end);
  return where.impl(
    place.lt(steps === 1 ? 1 : Math.floor(steps / 2)),
    place.mul(step).add(start),
    late,
  ) as Tensor;
}

type Bounds = readonly [start: Tensor | Scalar, end: Tensor | Scalar, steps: number];

function spacedOp(
  op: string,
  [a, b, steps]: Bounds,
  [dtype, device, grad]: Options,
  map: (x: Tensor, whole: boolean) => Tensor,
): Tensor {
  const d = dtype ?? getDefaultDtype();
  const [start, end] = [bound(op, a, d), bound(op, b, d)];
  if (d.isBool)
    throw new NotImplementedError(
      message(op, 'numbers', d.name, `"${op}_cpu" not implemented for '${d.title}'`),
    );
  if (steps < 0) {
    const hint = 'number of steps must be non-negative';
    throw new RuntimeError(message(op, 'at least 0 steps', String(steps), hint));
  }
  const out = allocateFor(op, [steps], d, device);
  if (out.device.kernels !== null && steps > 0)
    rawCopy(out, map(spaced(start, end, steps), out.dtype.isIntegral));
  return finish(out, grad);
}

const bounds: readonly Param[] = [
  { name: 'start', kind: 'tensorOrScalar' },
  { name: 'end', kind: 'tensorOrScalar' },
  { name: 'steps', kind: 'int' },
];
const spacedSamples = (): readonly Sample[] => [
  call([0, 1, 5]),
  call([-3, 10, 7]),
  call([2, 5, 1]),
  call([0, 1, 0]),
  call([t([], { fill: 'ones', grad: false }), 3, 4], { dtype: { dtype: 'float64' } }),
];
const spacedErrors = () =>
  [
    { args: [0, 1, -1], throws: 'RuntimeError' },
    { args: [t([1]), 1, 3], throws: 'RuntimeError' },
  ] as const;

export const linspace = defineOp({
  name: 'linspace',
  doc: '`steps` evenly spaced values from start to end, both included.',
  params: [...bounds, ...factoryParams],
  variants: ['function'],
  kernel: (...args: readonly [...Bounds, ...Options]): Tensor =>
    spacedOp('linspace', [args[0], args[1], args[2]], [args[3], args[4], args[5]], (x) => x),
  notDifferentiable: noInput,
  tests: () => ({
    samples: [...spacedSamples(), call([0, 1, 1031]), call([0, 10, 4], { dtype: { dtype: 'int64' } })],
    errors: spacedErrors(),
  }),
});

export const logspace = defineOp({
  name: 'logspace',
  doc: '`steps` values from base^start to base^end, both included, each the same factor apart.',
  params: [...bounds, { name: 'base', kind: 'scalar', default: 10 }, ...factoryParams],
  variants: ['function'],
  kernel: (...args: readonly [...Bounds, number, ...Options]): Tensor =>
    spacedOp('logspace', [args[0], args[1], args[2]], [args[4], args[5], args[6]], (x) =>
      x.mul(0).add(args[3]).pow(x),
    ),
  notDifferentiable: noInput,
  tests: () => ({
    samples: [...spacedSamples(), call([0, 3, 4, 2]), call([0, 2, 3], { dtype: { dtype: 'int64' } })],
    errors: spacedErrors(),
  }),
});

/** The coordinates below (or above) a diagonal, as int64 [2, count]. */
function triangle(name: 'trilIndices' | 'triuIndices', doc: string) {
  return defineOp({
    name,
    doc,
    params: [
      { name: 'row', kind: 'int' },
      { name: 'col', kind: 'int' },
      { name: 'offset', kind: 'int', default: 0 },
      ...factoryParams,
    ],
    variants: ['function'],
    kernel: (rows: number, columns: number, offset: number, ...[dtype, device, grad]: Options): Tensor => {
      for (const n of [rows, columns])
        if (n < 0)
          throw new RuntimeError(
            message(name, 'sizes of at least 0', String(n), 'row and col must be non-negative'),
          );
      const d = dtype ?? int64;
      if (requireDevice(name, device as DeviceLike | null).type === 'meta') return newMeta([2, 0], d);
      const apart = indices(columns).sub(indices(rows).reshape([rows, 1]));
      const inside = name === 'trilIndices' ? apart.le(offset) : apart.ge(offset);
      return finish(nonzeroRaw(inside).transpose(0, 1).contiguous().to(d), grad);
    },
    notDifferentiable: noInput,
    tests: () => ({
      samples: [call([3, 4]), call([4, 3, 1]), call([3, 3, -1], { dtype: { dtype: 'int32' } }), call([0, 2])],
      errors: [{ args: [-1, 2], throws: 'RuntimeError' }],
    }),
  });
}
export const trilIndices = triangle(
  'trilIndices',
  'The coordinates of a matrix’s lower triangle, row by row, as [2, count].',
);
export const triuIndices = triangle(
  'triuIndices',
  'The coordinates of a matrix’s upper triangle, row by row, as [2, count].',
);
