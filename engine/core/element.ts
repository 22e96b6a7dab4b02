// Element access: the typed array over a storage, and one element as a JavaScript value.
import { Complex, fromBrain, fromHalf, toBrain, toHalf } from './complex.js';
import type { DType } from './dtype.js';
import type { Storage } from './storage.js';

export type Scalar = number | bigint | boolean | Complex;

export type NumericArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** A typed array that shows a whole storage as one dtype; bool as bytes, 16-bit floats as raw words, complex interleaved. */
export function typedArrayOver(dtype: DType, storage: Storage): NumericArray {
  const n = Math.floor(storage.byteLength / dtype.itemSize);
  return typedArrayAt(dtype, storage.bytes(), storage.byteOffset, n);
}

/** The same over `n` elements of a buffer, from byte `at`. */
export function typedArrayAt(dtype: DType, buffer: ArrayBuffer, at: number, n: number): NumericArray {
  switch (dtype.name) {
    case 'bool':
    case 'uint8':
      return new Uint8Array(buffer, at, n);
    case 'int8':
      return new Int8Array(buffer, at, n);
    case 'int16':
      return new Int16Array(buffer, at, n);
    case 'int32':
      return new Int32Array(buffer, at, n);
    case 'int64':
      return new BigInt64Array(buffer, at, n);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer, at, n);
    case 'float32':
      return new Float32Array(buffer, at, n);
    case 'float64':
      return new Float64Array(buffer, at, n);
    case 'complex64':
      return new Float32Array(buffer, at, n * 2);
    case 'complex128':
      return new Float64Array(buffer, at, n * 2);
  }
}

/** One element as a JavaScript value; `at` counts elements. */
export function readAt(dtype: DType, data: NumericArray, at: number): Scalar {
  if (dtype.isComplex) return new Complex(Number(data[2 * at]!), Number(data[2 * at + 1]!));
  const value = data[at]!;
  if (dtype.name === 'bool') return value !== 0;
  if (dtype.name === 'float16') return fromHalf(Number(value));
  if (dtype.name === 'bfloat16') return fromBrain(Number(value));
  if (typeof value === 'bigint') {
    const n = Number(value);
    return Number.isSafeInteger(n) ? n : value;
  }
  return value;
}

/** Stores a JavaScript value as one element; `at` counts elements. An integer dtype takes the whole part. */
export function writeAt(dtype: DType, data: NumericArray, at: number, value: Scalar): void {
  if (dtype.isComplex) {
    data[2 * at] = value instanceof Complex ? value.re : Number(value);
    data[2 * at + 1] = value instanceof Complex ? value.im : 0;
  } else if (data instanceof BigInt64Array) {
    data[at] = typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)));
  } else if (dtype.name === 'bool')
    data[at] = (value instanceof Complex ? value.re !== 0 || value.im !== 0 : value) ? 1 : 0;
  else if (dtype.name === 'float16') data[at] = toHalf(Number(value));
  else if (dtype.name === 'bfloat16') data[at] = toBrain(Number(value));
  else data[at] = Number(value);
}
