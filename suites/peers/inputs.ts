// A tensor on its way to a peer as a plain contiguous array.
import { readFileSync } from 'node:fs';
import type { ArrayValue } from '../common/compare.js';
import type { SentTensor } from './protocol.js';

const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** The dtypes that a typed array of JavaScript can hold: calls with others are asked of nobody. */
export const SENDABLE: ReadonlySet<string> = new Set(Object.keys(ARRAYS));

type Typed = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

/** The tensor's values in row-major order, in memory of their own. */
export function denseArray(tensor: SentTensor): ArrayValue {
  const { dtype, shape, strides, offset } = tensor;
  const storage = storageOf(tensor);
  const size = shape.reduce((product, one) => product * one, 1);
  if (offset === 0 && isDense(shape, strides)) return { dtype, shape, data: storage.slice(0, size) };
  const data = new ARRAYS[dtype as keyof typeof ARRAYS](size);
  let at = 0;
  const walk = (dim: number, from: number): void => {
    if (dim === shape.length) {
      data[at] = storage[from]!;
      at += 1;
      return;
    }
    for (let i = 0; i < shape[dim]!; i += 1) walk(dim + 1, from + i * strides[dim]!);
  };
  walk(0, offset);
  return { dtype, shape, data };
}

function storageOf({ dtype, data, file }: SentTensor): Typed {
  if (data !== undefined) return data as Typed;
  const make = ARRAYS[dtype as keyof typeof ARRAYS];
  const bytes = readFileSync(file!);
  // A copy begins where its elements may begin.
  return new make(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    if (shape[dim] !== 1 && strides[dim] !== step) return false;
    step *= shape[dim]!;
  }
  return true;
}
