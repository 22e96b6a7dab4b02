// The NumPy bridge: arrays in memory that tensors share. `fromNumpy({ data, shape })`, `x.numpy()`.
import { asDType, type DType, type DTypeLike } from '../core/dtype.js';
import { typedArrayAt } from '../core/element.js';
import { ArgumentError, describe, message, RuntimeError, showShape, ValueError } from '../core/errors.js';
import { contiguousStrides, extentOf, numelOf } from '../core/shape.js';
import { adopt, largestBuffer } from '../core/storage.js';
import { type NumericArray, Tensor } from '../core/tensor.js';

/** An array in JavaScript: what an .npy reader returns, and what `numpy()` gives. Strides are in elements. */
export interface NdArray {
  readonly data: NumericArray;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: string;
  /** Where the first element lies in `data`; 0 unless it is a view. */
  readonly offset?: number;
}

declare module '../core/tensor.js' {
  interface Tensor {
    /**
     * The tensor as an array that shares its memory: a write on either side is seen on the other. `data` starts at the
     * first element. int64 data is a BigInt64Array, bool a Uint8Array of 0 and 1, float16 and bfloat16 a Uint16Array of bit
     * patterns; complex data has two numbers an element.
     * @throws RuntimeError on a tensor that requires grad: use detach() first.
     */
    numpy(): NdArray;
  }
}

Tensor.prototype.numpy = function (this: Tensor): NdArray {
  if (this.requiresGrad) {
    throw new RuntimeError(
      message(
        'numpy',
        'a tensor without requiresGrad',
        'one that requires grad',
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
      ),
    );
  }
  if (this.device.type !== 'cpu') {
    throw new ArgumentError(
      message(
        'numpy',
        'a CPU tensor',
        String(this.device),
        `can't convert ${this.device} device type tensor to numpy. Use to('cpu') first`,
      ),
    );
  }
  return { data: shown(this), shape: [...this.sizes], strides: [...this.strides], dtype: this.dtype.name };
};

/** The tensor's memory from its first element to its last. */
function shown(x: Tensor): NumericArray {
  const { storage, dtype, offset } = x;
  const extent = extentOf(x.sizes, x.strides);
  if (storage.byteLength > largestBuffer) {
    const part = storage.window(offset * dtype.itemSize, extent * dtype.itemSize);
    return typedArrayAt(dtype, part.buffer, part.byteOffset, extent);
  }
  storage.lend();
  const n = numbersIn(dtype);
  return x.typed().subarray(n * offset, n * (offset + extent)) as NumericArray;
}

/** How many numbers of its typed array an element takes. */
const numbersIn = (d: DType): number => (d.isComplex ? 2 : 1);

/**
 * A tensor that shares an array's memory, both ways. Bytes of bool that are not 0 become 1. Takes `{ data, shape, strides?, dtype? }` or a typed array (1-d).
 * @throws ArgumentError for data of an unsupported kind, ValueError where shape and strides reach beyond the data.
 */
export function fromNumpy(
  array:
    | NumericArray
    | {
        data: NumericArray;
        shape: readonly number[];
        strides?: readonly number[];
        dtype?: DTypeLike | string;
        offset?: number;
      },
): Tensor {
  const given = ArrayBuffer.isView(array) ? { data: array as NumericArray, shape: [array.length] } : array;
  // Each property is read once and lists are copied, so that what was checked is what is used.
  const { data, shape: sizes, strides: steps, dtype: named, offset: start } = fieldsOf(given);
  if (
    !ArrayBuffer.isView(data) ||
    !isList(sizes) ||
    !(steps === undefined || steps === null || isList(steps))
  ) {
    throw new ArgumentError(
      message('fromNumpy', 'a typed array or { data, shape, strides, dtype }', describe(array)),
    );
  }
  const dtype = dtypeOfData(data, named);
  const shape = [...sizes];
  const strides = steps ? [...steps] : contiguousStrides(shape);
  const offset = start ?? 0;
  checkBounds(shape, strides, offset, Math.floor(data.length / numbersIn(dtype)));
  if (!(data.buffer instanceof ArrayBuffer))
    throw new ArgumentError(message('fromNumpy', 'data over an ArrayBuffer', describe(data.buffer)));
  if (dtype.isBool) for (let i = 0; i < data.length; i++) if ((data[i] as number) > 1) data[i] = 1;
  const storage = adopt(data.buffer, data.byteOffset, data.byteLength);
  // A storage that the engine already knows starts at the buffer's start.
  const first = (data.byteOffset - storage.byteOffset) / dtype.itemSize;
  return new Tensor(storage, shape, strides, first + offset, dtype);
}

interface GivenArray {
  data?: NumericArray;
  shape?: readonly number[];
  strides?: readonly number[] | null;
  dtype?: DTypeLike | string;
  offset?: number;
}
const fieldsOf = (given: unknown): GivenArray => (typeof given === 'object' && given !== null ? given : {});
const isList = (value: unknown): value is readonly number[] => Array.isArray(value);

function checkBounds(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  length: number,
): void {
  if (
    shape.length !== strides.length ||
    ![...shape, ...strides, offset].every((n) => Number.isInteger(n)) ||
    shape.some((s) => s < 0)
  ) {
    throw new ValueError(
      message(
        'fromNumpy',
        'one integer stride for each size of at least 0',
        `shape ${showShape(shape)}, strides ${showShape(strides)}`,
      ),
    );
  }
  if (strides.some((s) => s < 0)) {
    throw new ValueError(
      message(
        'fromNumpy',
        'strides of at least 0',
        showShape(strides),
        'tensors with negative strides are not supported; copy the array first',
      ),
    );
  }
  if (offset < 0 || (numelOf(shape) > 0 && offset + extentOf(shape, strides) > length)) {
    throw new ValueError(
      message(
        'fromNumpy',
        `a layout within ${length} elements`,
        `shape ${showShape(shape)}, strides ${showShape(strides)}, offset ${offset}`,
      ),
    );
  }
}

/** The dtypes whose elements a typed array can hold; the first is the one it means by itself. */
function dtypeOfData(data: NumericArray, named: DTypeLike | string | undefined): DType {
  const kinds: readonly [abstract new (...a: never[]) => object, readonly string[]][] = [
    [Uint8Array, ['uint8', 'bool']],
    [Int8Array, ['int8']],
    [Int16Array, ['int16']],
    [Int32Array, ['int32']],
    [BigInt64Array, ['int64']],
    [Float32Array, ['float32', 'complex64']],
    [Float64Array, ['float64', 'complex128']],
    [Uint16Array, ['float16', 'bfloat16']],
  ];
  const allowed = kinds.find(([kind]) => data instanceof kind)?.[1];
  if (allowed === undefined) {
    throw new ArgumentError(
      message('fromNumpy', 'a typed array of a dtype that tensors have', describe(data)),
    );
  }
  const d = named === undefined ? asDType(allowed[0], 'fromNumpy') : asDType(named, 'fromNumpy');
  if (!allowed.includes(d.name)) {
    throw new ArgumentError(
      message('fromNumpy', `dtype ${allowed.join(' or ')} for a ${data.constructor.name}`, d.name),
    );
  }
  return d;
}
