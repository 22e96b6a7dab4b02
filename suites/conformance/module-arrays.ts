// Arrays of module recordings: [dtype, shape, base64 of the little-endian bytes]. `elementsOf(recorded)`.
import { halfToNumber } from '../common/half.js';

export type RecordedArray = readonly [dtype: string, shape: readonly number[], data: string];

/** The elements in row-major order. */
export function elementsOf([dtype, , data]: RecordedArray): (number | bigint | boolean)[] {
  const bytes = Buffer.from(data, 'base64');
  const { buffer } = bytes.buffer.byteLength === bytes.length ? bytes : Uint8Array.from(bytes);
  switch (dtype) {
    case 'float32':
      return Array.from(new Float32Array(buffer));
    case 'float64':
      return Array.from(new Float64Array(buffer));
    case 'float16':
      return Array.from(new Uint16Array(buffer), halfToNumber);
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return Array.from(new Int32Array(buffer));
    case 'bool':
      return Array.from(new Uint8Array(buffer), Boolean);
    case 'uint8':
      return Array.from(new Uint8Array(buffer));
    default:
      throw new Error(`no recorded arrays of ${dtype}`);
  }
}
