// Creation from sizes, ranges and JavaScript values: zeros, ones, full, arange, eye, tensor.

import { runArange } from '../../backend/commands/arange.js';
import { maxDims } from '../../backend/commands/cursor.js';
import { Complex } from '../../core/complex.js';
import { type DeviceLike, placedOn, requireDevice } from '../../core/device.js';
import {
  asDType,
  computedIn,
  type DType,
  getDefaultDtype,
  int64,
  partOf,
  promoteTypes,
  scalarDType,
} from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, ValueError } from '../../core/errors.js';
import { newLike, newMeta, newTensor, newWritten } from '../../core/factory.js';
import { isLarge, requireDataFits, scalarAs } from '../../core/scalar.js';
import { checkSizes, numelOf } from '../../core/shape.js';
import { type NumericArray, type Scalar, Tensor, writeAt } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { cast, clone, rawFill } from './copy-fill-cast.js';

const size: Param = { name: 'size', kind: 'size' };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };
const deviceParam: Param = { name: 'device', kind: 'device', default: null, keyword: true };
const requiresGrad: Param = { name: 'requires_grad', kind: 'bool', default: false, keyword: true };
/** The keyword parameters that every factory takes. */
export const factoryParams: readonly Param[] = [dtypeParam, deviceParam, requiresGrad];
const source: Param = { name: 'input', kind: 'tensor' };

/** An uninitialised tensor for a factory, its sizes, dtype and device checked. */
export function allocateFor(op: string, sizes: readonly number[], dtype: DType, device: unknown): Tensor {
  const shape = checkSizes(op, sizes);
  const place = requireDevice(op, device as DeviceLike | null);
  return place.type === 'meta' ? newMeta(shape, dtype) : newTensor(shape, dtype, place);
}

/** The same with values that JavaScript writes; `data` is all of them. */
export function writtenFor(
  op: string,
  sizes: readonly number[],
  dtype: DType,
  device: unknown,
  write: (data: NumericArray) => void,
): Tensor {
  const shape = checkSizes(op, sizes);
  const place = requireDevice(op, device as DeviceLike | null);
  return place.type === 'meta'
    ? newMeta(shape, dtype)
    : placedOn(place, () => newWritten(shape, dtype, write));
}

/** Sets requiresGrad where the caller asked for it. */
export function finish(x: Tensor, grad: boolean): Tensor {
  return grad ? x.requiresGrad_(true) : x;
}

function filled(op: string, x: Tensor, value: Scalar | null): Tensor {
  if (value !== null && x.device.kernels !== null) rawFill(x, scalarAs(op, value, x.dtype));
  return x;
}

function constantFactory(name: string, value: number | null, doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [size, ...factoryParams],
    variants: ['function'],
    kernel: (sizes: readonly number[], dtype: DType | null, device: unknown, grad: boolean): Tensor =>
      finish(filled(name, allocateFor(name, sizes, dtype ?? getDefaultDtype(), device), value), grad),
    notDifferentiable: 'it has no tensor input',
    tests: () => ({
      samples: [
        call([[3, 2]], {}, { valuesUndefined: value === null }),
        call([[]], {}, { valuesUndefined: value === null }),
        call([[0, 4]], { dtype: { dtype: 'int64' } }),
        call([[5]], { dtype: { dtype: 'bool' } }, { valuesUndefined: value === null }),
        call([[2, 3]], { dtype: { dtype: 'float64' } }, { valuesUndefined: value === null }),
      ],
      errors: [{ args: [[3, -2]], throws: 'RuntimeError' }],
    }),
  });
}
export const zeros = constantFactory('zeros', 0, 'A tensor of zeros.');
export const ones = constantFactory('ones', 1, 'A tensor of ones.');
export const empty = constantFactory('empty', null, 'An uninitialised tensor.');

/** An uninitialised tensor for a factory that takes shape and order of memory from `like`. */
export function allocateLike(op: string, like: Tensor, dtype: DType | null, device: unknown): Tensor {
  const place = requireDevice(op, (device as DeviceLike | null) ?? like.device);
  return newLike(like, dtype ?? like.dtype, place);
}

function likeFactory(name: string, value: number | null, doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name.replace('Like', '_like')}`,
    doc,
    params: [source, ...factoryParams],
    variants: ['function'],
    kernel: (like: Tensor, dtype: DType | null, device: unknown, grad: boolean): Tensor =>
      finish(filled(name, allocateLike(name, like, dtype, device), value), grad),
    notDifferentiable: 'the result does not depend on the input’s values',
    tests: () => ({
      samples: [
        call([t([3, 2])], {}, { valuesUndefined: value === null }),
        call(
          [t([3, 2], { dtype: 'int64' })],
          { dtype: { dtype: 'float64' } },
          { valuesUndefined: value === null },
        ),
        call([t([5, 3], { layout: 'transposed' })], {}, { valuesUndefined: value === null }),
        call([t([], { dtype: 'bool' })], {}, { valuesUndefined: value === null }),
      ],
    }),
  });
}
export const zerosLike = likeFactory('zerosLike', 0, 'Zeros with the shape and dtype of another tensor.');
export const onesLike = likeFactory('onesLike', 1, 'Ones with the shape and dtype of another tensor.');
export const emptyLike = likeFactory(
  'emptyLike',
  null,
  'Uninitialised, with the shape and dtype of another tensor.',
);

export const full = defineOp({
  name: 'full',
  numpy: 'numpy.full',
  doc: 'A tensor filled with one value; its dtype follows the value unless given.',
  params: [{ ...size, kind: 'ints' }, { name: 'fill_value', kind: 'scalar' }, ...factoryParams],
  variants: ['function'],
  kernel: (
    sizes: number | readonly number[],
    value: Scalar,
    dtype: DType | null,
    device: unknown,
    grad: boolean,
  ): Tensor => {
    const shape = typeof sizes === 'number' ? [sizes] : sizes;
    return finish(
      filled('full', allocateFor('full', shape, dtype ?? scalarDType(value), device), value),
      grad,
    );
  },
  notDifferentiable: 'it has no tensor input',
  tests: () => ({
    samples: [
      call([[3, 2], 1.5]),
      call([[3], 7]),
      call([[2, 2], true]),
      call([[5], 3], { dtype: { dtype: 'float64' } }),
    ],
  }),
});

export const fullLike = defineOp({
  name: 'fullLike',
  doc: 'Filled with one value, with the shape and dtype of another tensor.',
  params: [source, { name: 'fill_value', kind: 'scalar' }, ...factoryParams],
  variants: ['function'],
  kernel: (like: Tensor, value: Scalar, dtype: DType | null, device: unknown, grad: boolean): Tensor =>
    finish(filled('fullLike', allocateLike('fullLike', like, dtype, device), value), grad),
  notDifferentiable: 'the result does not depend on the input’s values',
  tests: () => ({ samples: [call([t([3, 2]), 2.5]), call([t([3], { dtype: 'int64' }), 4])] }),
});

/** Writes start, start + step, … into a fresh 1-d tensor. */
export function rangeInto(x: Tensor, start: number, step: number): Tensor {
  if (x.length === 0 || x.device.kernels === null) return x;
  if (computedIn(x.dtype) !== x.dtype || x.dtype.isComplex) {
    rawCopy(x, rangeInto(newTensor(x.sizes, partOf(computedIn(x.dtype))), start, step));
    return x;
  }
  const command = { dtype: x.dtype.code, out: x.address, n: x.length, start, step };
  runArange('arange', x.device.kernels, command);
  return x;
}

/** 0, 1, …, n − 1 as int64. */
export function indices(n: number): Tensor {
  return rangeInto(newTensor([n], int64), 0, 1);
}

const isWhole = (v: Scalar): boolean => typeof v === 'bigint' || Number.isInteger(v);

/** arange of integers beyond 2^53. */
function largeRange([start, end, step]: readonly bigint[], device: unknown): Tensor {
  if (step === 0n)
    throw new RuntimeError(message('arange', 'a step other than 0', '0', 'step must be nonzero'));
  const room = step! > 0n ? end! - start! : start! - end!;
  if (room < 0n) {
    const hint = 'upper bound and larger bound inconsistent with step sign';
    const got = `${start} to ${end} by ${step}`;
    throw new RuntimeError(message('arange', 'bounds that the step leads towards', got, hint));
  }
  const size = step! > 0n ? step! : -step!;
  const n = Number((room + size - 1n) / size);
  return writtenFor('arange', [n], int64, device, (data) => {
    for (let i = 0, at = start!; i < n; i++, at += step!) data[i] = at;
  });
}

export const arange = defineOp({
  name: 'arange',
  numpy: 'numpy.arange',
  doc: 'start, start + step, … up to but without end. One argument is the end. int64 where all are whole numbers.',
  params: [
    { name: 'start', kind: 'scalar' },
    { name: 'end', kind: 'scalar', default: null },
    { name: 'step', kind: 'scalar', default: 1 },
    ...factoryParams,
  ],
  variants: ['function'],
  kernel: (
    a: Scalar,
    b: Scalar | null,
    by: Scalar,
    dtype: DType | null,
    device: unknown,
    grad: boolean,
  ): Tensor => {
    const bounds: readonly Scalar[] = b === null ? [0, a, by] : [a, b, by];
    if (bounds.some(isLarge) && (dtype === null || dtype === int64) && bounds.every(isWhole))
      return finish(largeRange(bounds.map(BigInt as (v: Scalar) => bigint), device), grad);
    const [start, end, step] = bounds.map(Number) as [number, number, number];
    if (step === 0)
      throw new RuntimeError(message('arange', 'a step other than 0', '0', 'step must be nonzero'));
    if (!Number.isFinite(start) || !Number.isFinite(end)) {
      throw new RuntimeError(message('arange', 'a finite range', `${start} to ${end}`, 'unsupported range'));
    }
    if ((end - start) * Math.sign(step) < 0) {
      throw new RuntimeError(
        message(
          'arange',
          'bounds that the step leads towards',
          `${start} to ${end} by ${step}`,
          'upper bound and larger bound inconsistent with step sign',
        ),
      );
    }
    const whole = [start, end, step].every((v) => Number.isInteger(v));
    const d = dtype ?? (whole ? int64 : getDefaultDtype());
    const n = Math.ceil((end - start) / step);
    return finish(rangeInto(allocateFor('arange', [n], d, device), start, step), grad);
  },
  notDifferentiable: 'it has no tensor input',
  tests: () => ({
    samples: [
      call([7]),
      call([2, 9]),
      call([1, 10, 3]),
      call([5, -4, -2]),
      call([0.5, 4.25, 0.5]),
      call([0]),
      call([1031]),
      call([6], { dtype: { dtype: 'float64' } }),
      call([6], { dtype: { dtype: 'uint8' } }),
    ],
    errors: [
      { args: [1, 5, 0], throws: 'RuntimeError' },
      { args: [5, 1], throws: 'RuntimeError' },
    ],
  }),
});

export const eye = defineOp({
  name: 'eye',
  numpy: 'numpy.eye',
  doc: 'The identity: ones on the diagonal of an n × m matrix.',
  params: [{ name: 'n', kind: 'int' }, { name: 'm', kind: 'int', default: null }, ...factoryParams],
  variants: ['function'],
  kernel: (n: number, m: number | null, dtype: DType | null, device: unknown, grad: boolean): Tensor => {
    const out = filled('eye', allocateFor('eye', [n, m ?? n], dtype ?? getDefaultDtype(), device), 0);
    if (out.length > 0 && out.device.kernels !== null) rawFill(out.diagonal(), 1);
    return finish(out, grad);
  },
  notDifferentiable: 'it has no tensor input',
  tests: () => ({
    samples: [call([3]), call([2, 5]), call([4, 2], { dtype: { dtype: 'int64' } }), call([0])],
    errors: [{ args: [-1], throws: 'RuntimeError' }],
  }),
});

/** What V8 lets one array hold, about. */
const mostValues = 2 ** 27 - 8;

type TypedArray = ArrayLike<number | bigint> & Iterable<number | bigint>;
const isTypedArray = (data: unknown): data is TypedArray =>
  ArrayBuffer.isView(data) && !(data instanceof DataView);

/** The shape of nested arrays, as the first element of each tells it. @throws ValueError where they nest too deep, or forever. */
function nestedShape(data: unknown): number[] {
  const shape: number[] = [];
  for (let at = data; ; at = (at as unknown[])[0]) {
    if (at instanceof Tensor) shape.push(...at.sizes);
    else if (isTypedArray(at)) shape.push(at.length);
    else if (Array.isArray(at)) shape.push(at.length);
    if (shape.length > maxDims)
      throw new ValueError(
        message('tensor', `at most ${maxDims} dims`, 'arrays nested deeper', 'too many dimensions'),
      );
    if (!Array.isArray(at) || at.length === 0) return shape;
  }
}

/** The values of nested arrays of a shape, in order. @throws ValueError where they are ragged, ArgumentError for other values */
function leavesOf(data: unknown, shape: readonly number[]): Scalar[] {
  // References shared between rows make few arrays many values.
  if (numelOf(shape) > mostValues)
    throw new RuntimeError(
      message(
        'tensor',
        `at most ${mostValues} values in arrays`,
        `shape [${shape}]`,
        'Use a typed array or full()',
      ),
    );
  const values: Scalar[] = [];
  const visit = (at: unknown, dim: number, position: number): void => {
    if (at instanceof Tensor || isTypedArray(at)) {
      const own = at instanceof Tensor ? at.sizes : [at.length];
      if (own.length !== shape.length - dim || own.some((n, d) => n !== shape[dim + d]))
        throw raggedError(shape, dim, own, position);
      for (const v of at instanceof Tensor ? ([at.tolist()] as unknown[]).flat(maxDims) : at)
        values.push(v as Scalar);
    } else if (Array.isArray(at)) {
      const n = shape[dim];
      if (at.length !== n) throw raggedError(shape, dim, nestedShape(at), position);
      for (let i = 0; i < n; i++) visit(at[i], dim + 1, i);
    } else if (!isScalar(at)) {
      throw new ArgumentError(message('tensor', 'numbers, booleans or bigints', describe(at)));
    } else if (dim === shape.length) values.push(at);
    else throw raggedError(shape, dim, [], position);
  };
  visit(data, 0, 0);
  return values;
}

const isScalar = (v: unknown): v is Scalar =>
  typeof v === 'number' || typeof v === 'boolean' || typeof v === 'bigint' || v instanceof Complex;

function raggedError(
  shape: readonly number[],
  dim: number,
  got: readonly number[],
  position: number,
): ValueError {
  return new ValueError(
    message(
      'tensor',
      `rows of shape [${shape.slice(dim)}]`,
      `[${got}] at position ${position}`,
      `expected sequence of length ${shape[dim] ?? 0} at dim ${dim} (got ${got[0] ?? 0})`,
    ),
  );
}

function inferred(values: readonly Scalar[]): DType {
  let found: DType | null = null;
  for (const v of values) {
    const own = scalarDType(v);
    if (own !== found) found = found === null ? own : promoteTypes(found, own);
  }
  return found ?? getDefaultDtype();
}

const typedDtypes: Readonly<Record<string, string>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int32Array: 'int32',
  Int16Array: 'int16',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  BigInt64Array: 'int64',
};

export const tensor = defineOp({
  name: 'tensor',
  numpy: 'numpy.array',
  doc: 'A new tensor from a number, nested arrays or a typed array (copied). Whole numbers make int64, others the default float, booleans bool.',
  params: [{ name: 'data', kind: 'any' }, dtypeParam, deviceParam, requiresGrad],
  variants: ['function'],
  kernel: (data: unknown, dtype: DType | null, device: unknown, grad: boolean): Tensor => {
    if (data instanceof Tensor) return finish(cast(clone.impl(data.detach()), dtype ?? data.dtype), grad);
    const shape = nestedShape(data);
    const values = leavesOf(data, shape);
    const own = ArrayBuffer.isView(data) ? typedDtypes[data.constructor.name] : undefined;
    const d = dtype ?? (own === undefined ? inferred(values) : own === 'int64' ? int64 : asTyped(own));
    requireValues(d, values);
    const out = writtenFor('tensor', shape, d, device, (data) => {
      for (let i = 0; i < values.length; i++) writeAt(d, data, i, values[i]!);
    });
    return finish(out, grad);
  },
  notDifferentiable: 'it has no tensor input',
  tests: () => ({
    samples: [
      call([
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ]),
      call([[1.5, 2, -3]]),
      call([7]),
      call([[true, false]]),
      call([[]]),
      call([[[0.5, 1]]], { dtype: { dtype: 'float64' } }),
      call([[1, 2, 300]], { dtype: { dtype: 'int16' } }),
    ],
    errors: [{ args: [[[1, 2], [3]]], throws: 'ValueError' }],
  }),
});

const asTyped = (name: string): DType => asDType(name, 'tensor');

/** @throws where the dtype cannot hold a value, as PyTorch casts Python's. */
function requireValues(dtype: DType, values: readonly Scalar[]): void {
  if (dtype.isInteger) for (const v of values) requireDataFits('tensor', dtype, v);
  if (!dtype.isComplex && values.some((v) => v instanceof Complex)) {
    const hint = `a Complex cannot be converted to ${dtype.name}`;
    throw new ArgumentError(message('tensor', `values that ${dtype.name} can hold`, 'a Complex', hint));
  }
}
