// Plain arrays of both sides of a comparison: recorded bytes and the engine's tensors, in contiguous order.
import { type DType, Tensor } from 'torchstone';
import { adopt, asDType, type Storage } from 'torchstone/internals';
import { brainToNumber, halfToNumber } from '../common/half.js';
import { placed } from '../runner/device.js';
import type { Blob, WireArray, WireTensor } from './wire.js';

/** Values in row-major order; complex ones interleaved. int64 keeps its digits. */
export interface Numbers {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly complex: boolean;
  readonly data: Float64Array | BigInt64Array;
}

export function isComplex(dtype: string): boolean {
  return dtype.startsWith('complex');
}

function elementsAs(dtype: string, bytes: Uint8Array): ArrayLike<number> | BigInt64Array {
  const { buffer, byteOffset: at, byteLength: n } = bytes;
  switch (dtype) {
    case 'bool':
    case 'uint8':
      return bytes;
    case 'int8':
      return new Int8Array(buffer, at, n);
    case 'int16':
      return new Int16Array(buffer, at, n / 2);
    case 'int32':
      return new Int32Array(buffer, at, n / 4);
    case 'int64':
      return new BigInt64Array(buffer, at, n / 8);
    case 'float16':
      return decoded(new Uint16Array(buffer, at, n / 2), halfToNumber);
    case 'bfloat16':
      return decoded(new Uint16Array(buffer, at, n / 2), brainToNumber);
    case 'float32':
    case 'complex64':
      return new Float32Array(buffer, at, n / 4);
    case 'float64':
    case 'complex128':
      return new Float64Array(buffer, at, n / 8);
    default:
      throw new Error(`no element type ${dtype}`);
  }
}

function decoded(bits: Uint16Array, read: (bits: number) => number): Float64Array {
  const out = new Float64Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = read(bits[i]!);
  return out;
}

/** Recorded bytes as numbers. */
export function numbersOf(value: WireArray, bytes: Uint8Array): Numbers {
  return numbersAt(value.dtype, value.shape, value.data, bytes);
}

/** The recorded float64 result of the same value, where one was sent. */
export function truthOf(value: WireArray, bytes: Uint8Array): Numbers | null {
  if (value.truth === undefined || value.truthDtype === undefined) return null;
  return numbersAt(value.truthDtype, value.shape, value.truth, bytes);
}

export function numbersAt(
  dtype: string,
  shape: readonly number[],
  [at, length]: Blob,
  bytes: Uint8Array,
): Numbers {
  const seen = elementsAs(dtype, bytes.subarray(at, at + length));
  const data = seen instanceof BigInt64Array ? seen : Float64Array.from(seen);
  return { dtype, shape, complex: isComplex(dtype), data };
}

/** A tensor's values. */
export function numbersIn(tensor: Tensor): Numbers {
  const { dtype, shape } = tensor;
  const complex = dtype.isComplex;
  const storage = tensor.storage;
  const whole = new Uint8Array(storage.bytes(), storage.byteOffset, storage.byteLength);
  const at = tensor.offset * dtype.itemSize;
  const dense = tensor.length === 0 || tensor.rowMajor;
  const bytes = dense
    ? whole.slice(at, at + tensor.length * dtype.itemSize)
    : gathered(tensor, whole, dtype.itemSize);
  const seen = elementsAs(dtype.name, bytes);
  const data = seen instanceof BigInt64Array ? seen : Float64Array.from(seen);
  return { dtype: dtype.name, shape, complex, data };
}

function gathered(tensor: Tensor, whole: Uint8Array, size: number): Uint8Array {
  const { shape, strides } = tensor;
  const out = new Uint8Array(tensor.length * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = tensor.offset;
  for (let i = 0; i < tensor.length; i++) {
    for (let b = 0; b < size; b++) out[i * size + b] = whole[from * size + b]!;
    for (let dim = shape.length - 1; dim >= 0; dim--) {
      index[dim]!++;
      from += strides[dim]!;
      if (index[dim]! < shape[dim]!) break;
      from -= strides[dim]! * shape[dim]!;
      index[dim] = 0;
    }
  }
  return out;
}

/** A storage of these bytes on the run's device. */
function placedBytes(bytes: ArrayBuffer): Storage {
  const here = new Tensor(adopt(bytes, 0, bytes.byteLength), [bytes.byteLength], [1], 0, dtypeOf('uint8'));
  return placed(here).storage;
}

/** Fresh tensors of a recorded call, over copies of its storages; those that share one there share one here. */
export function buildTensors(
  tensors: readonly WireTensor[],
  storages: readonly Blob[],
  bytes: Uint8Array,
  withGrad: boolean,
): Tensor[] {
  const made = storages.map(([at, length]) => placedBytes(bytes.slice(at, at + length).buffer));
  return tensors.map((one) => {
    const storage = made[one.storage]!;
    storage.shared = true;
    const tensor = new Tensor(storage, one.shape, one.strides, one.offset, dtypeOf(one.dtype));
    return withGrad && one.grad ? tensor.requiresGrad_() : tensor;
  });
}

/** A fresh contiguous tensor of a recorded value. */
export function tensorOf(value: WireArray, bytes: Uint8Array): Tensor {
  const strides = new Array<number>(value.shape.length);
  let step = 1;
  for (let dim = value.shape.length - 1; dim >= 0; dim--) {
    strides[dim] = step;
    step *= Math.max(1, value.shape[dim]!);
  }
  const { dtype, shape } = value;
  return buildTensors(
    [{ dtype, shape, strides, offset: 0, storage: 0, grad: false }],
    [value.data],
    bytes,
    false,
  )[0]!;
}

export function dtypeOf(name: string): DType {
  return asDType(name, 'conformance');
}
