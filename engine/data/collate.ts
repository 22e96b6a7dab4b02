// Collation: a list of samples as one batch, and single samples as tensors.
//   data.defaultCollate([[x0, 3], [x1, 5]]) // [stack([x0, x1]), tensor([3, 5])]
import { ArgumentError, describe, IndexError, message, RuntimeError, ValueError } from '../core/errors.js';
import { isOptions } from '../core/options.js';
import { type NumericArray, Tensor } from '../core/tensor.js';
import { stack, tensor } from '../generated/functions.js';

/** What `defaultCollate` makes of samples of a type. */
export type Collated<T> = unknown extends T
  ? unknown
  : T extends Tensor | number | boolean | NumericArray
    ? Tensor
    : T extends string | bigint
      ? T[]
      : T extends Map<infer K, infer V>
        ? Map<K, Collated<V>>
        : T extends object
          ? { -readonly [K in keyof T]: Collated<T[K]> }
          : never;

/** What `defaultConvert` makes of a sample of a type. */
export type Converted<T> = unknown extends T
  ? unknown
  : T extends NumericArray
    ? Tensor
    : T extends Tensor
      ? T
      : T extends Map<infer K, infer V>
        ? Map<K, Converted<V>>
        : T extends object
          ? { -readonly [K in keyof T]: Converted<T[K]> }
          : T;

const isNumericArray = (value: unknown): value is NumericArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/**
 * torch.utils.data.default_collate: samples of one form as a batch of the same form. Tensors and typed arrays are stacked along
 * a new first dim; numbers become an int64 tensor where all are whole, else float64; booleans a bool tensor; strings and bigints
 * stay a list; arrays, plain objects and Maps are collated element by element.
 * @throws RuntimeError for tensors of unequal shapes and arrays of unequal lengths, ValueError for a missing key, ArgumentError for
 * samples of other kinds, IndexError for no samples
 */
export function defaultCollate<T>(batch: readonly T[]): Collated<T> {
  if (batch.length === 0) throw new IndexError('list index out of range');
  return collated(batch) as Collated<T>;
}

function collated(batch: readonly unknown[]): unknown {
  const first = batch[0];
  if (first instanceof Tensor) return stack(every(batch, (x) => x instanceof Tensor) as Tensor[]);
  if (isNumericArray(first)) return stack(every(batch, isNumericArray).map((x) => tensor(x)));
  switch (typeof first) {
    case 'number':
      return numbers(every(batch, (x) => typeof x === 'number' || typeof x === 'boolean').map(Number));
    case 'boolean': {
      const all = every(batch, (x) => typeof x === 'boolean' || typeof x === 'number');
      return all.some((x) => typeof x === 'number') ? numbers(all.map(Number)) : tensor(all);
    }
    case 'string':
    case 'bigint':
      return [...batch];
  }
  if (Array.isArray(first)) return columns(batch, first.length);
  if (first instanceof Map)
    return new Map([...first.keys()].map((key) => [key, collated(batch.map((one) => valueAt(one, key)))]));
  if (isOptions(first))
    return Object.fromEntries(
      Object.keys(first).map((key) => [key, collated(batch.map((one) => valueAt(one, key)))]),
    );
  throw wrongKind(first);
}

function wrongKind(value: unknown): ArgumentError {
  return new ArgumentError(
    `default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found ${describe(value)}`,
  );
}

/** The batch. @throws ArgumentError unless all its samples are of the first one's kind */
function every<T>(batch: readonly unknown[], test: (value: unknown) => value is T): readonly T[];
function every(batch: readonly unknown[], test: (value: unknown) => boolean): readonly unknown[];
function every(batch: readonly unknown[], test: (value: unknown) => boolean): readonly unknown[] {
  const other = batch.find((value) => !test(value));
  if (other === undefined && batch.every(test)) return batch;
  throw new ArgumentError(
    message('defaultCollate', `samples of one kind, all as ${describe(batch[0])}`, describe(other)),
  );
}

function numbers(values: number[]): Tensor {
  return values.every(Number.isSafeInteger)
    ? tensor(values, { dtype: 'int64' })
    : tensor(values, { dtype: 'float64' });
}

/** Arrays of one length, collated place by place. */
function columns(batch: readonly unknown[], length: number): unknown[] {
  if (!batch.every((one) => Array.isArray(one) && one.length === length))
    throw new RuntimeError('each element in list of batch should be of equal size');
  return Array.from({ length }, (_, i) => collated(batch.map((one) => (one as unknown[])[i])));
}

/** The value of a key. @throws ValueError where a sample has none */
function valueAt(sample: unknown, key: unknown): unknown {
  if (sample instanceof Map && sample.has(key)) return sample.get(key);
  if (isOptions(sample) && Object.hasOwn(sample, key as string)) return sample[key as string];
  throw new ValueError(
    message('defaultCollate', `the key ${describe(key)} in each sample`, `${describe(sample)} without it`),
  );
}

/**
 * torch.utils.data.default_convert: a sample with its typed arrays as tensors, those within arrays, plain objects and Maps too.
 * All else stays as it is.
 */
export function defaultConvert<T>(sample: T): Converted<T> {
  return converted(sample) as Converted<T>;
}

function converted(value: unknown): unknown {
  if (isNumericArray(value)) return tensor(value);
  if (Array.isArray(value)) return value.map(converted);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, converted(inner)]));
  if (isOptions(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, converted(inner)]));
  return value;
}
