// Datasets: what a loader reads samples from, by index or one after the other.
//   class Squares extends data.Dataset<number> { get length() { return 9; } get(i: number) { return i * i; } }
import {
  ArgumentError,
  AssertionError,
  describe,
  IndexError,
  message,
  NotImplementedError,
  ValueError,
} from '../core/errors.js';
import { isOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';

/** What can be read by index. `T` may be a promise; `for await` then waits for it. */
export interface DatasetLike<T> {
  readonly length: number;
  get(index: number): T;
  /** Many samples at once, where that is cheaper than one by one: PyTorch's `__getitems__`. */
  getItems?(indices: readonly number[]): NoInfer<T>[] | Promise<Awaited<NoInfer<T>>[]>;
}

/** A dataset by index, or an array of samples. */
export type MapSource<T> = DatasetLike<T> | ArrayLike<T>;

/** What has a length: all that samplers ask of a dataset. */
export interface Sized {
  readonly length: number;
}

/** torch.utils.data.Dataset: samples by index. Subclasses give `length` and `get`. */
export abstract class Dataset<T> implements DatasetLike<T> {
  abstract get length(): number;
  /** The sample of an index, 0 … length − 1. */
  abstract get(index: number): T;
  getItems?(indices: readonly number[]): T[] | Promise<Awaited<T>[]>;

  /** This dataset and another after it: PyTorch's `a + b`. */
  concat<U>(other: MapSource<U>): ConcatDataset<T | U> {
    return new ConcatDataset<T | U>([this, other as MapSource<T | U>]);
  }
}

/**
 * torch.utils.data.IterableDataset: samples one after the other. Subclasses are iterable: they have `*[Symbol.iterator]()`,
 * `async *[Symbol.asyncIterator]()`, or both. With workers, each makes its own and reads all of it; `getWorkerInfo` says which
 * part is whose. A `length` serves `loader.length` alone.
 */
export abstract class IterableDataset<T> {
  [Symbol.iterator]?(): Iterator<T>;
  [Symbol.asyncIterator]?(): AsyncIterator<T>;

  /** This dataset and another after it: PyTorch's `a + b`. */
  chain<U>(other: IterableDataset<U>): ChainDataset<T | U> {
    return new ChainDataset<T | U>([this as IterableDataset<T | U>, other as IterableDataset<T | U>]);
  }
}

export function isIterableDataset(value: unknown): value is IterableDataset<unknown> {
  return value instanceof IterableDataset;
}

/** @throws ArgumentError unless the value is a dataset by index, or an array. */
export function requireMapSource(op: string, value: unknown): void {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)) return;
  const given = typeof value === 'object' && value !== null ? (value as Partial<DatasetLike<unknown>>) : {};
  if (typeof given.get === 'function' && typeof given.length === 'number' && !(value instanceof Tensor))
    return;
  const hint = value instanceof Tensor ? 'new TensorDataset(tensor) makes one of tensors' : undefined;
  throw new ArgumentError(message(op, 'a dataset with length and get, or an array', describe(value), hint));
}

/** The element at an index, which may count from the end. @throws IndexError */
export function elementAt<T>(list: ArrayLike<T>, index: number): T {
  const at = index < 0 ? index + list.length : index;
  if (!(at >= 0 && at < list.length)) throw new IndexError('list index out of range');
  return list[at]!;
}

/** The sample of an index. */
export function sampleOf<T>(source: MapSource<T>, index: number): T {
  return 'get' in source && typeof source.get === 'function'
    ? source.get(index)
    : elementAt(source as ArrayLike<T>, index);
}

/** The samples of indices, at once where the dataset can. */
export function samplesOf<T>(source: MapSource<T>, indices: readonly number[]): T[] | Promise<Awaited<T>[]> {
  return 'getItems' in source && typeof source.getItems === 'function'
    ? source.getItems(indices)
    : indices.map((index) => sampleOf(source, index));
}

/** torch.utils.data.TensorDataset: sample i is the i-th slice of each tensor along its first dim. */
export class TensorDataset<T extends readonly Tensor[] = readonly Tensor[]> extends Dataset<{
  -readonly [K in keyof T]: Tensor;
}> {
  readonly tensors: T;

  /** @throws AssertionError unless all tensors have one size along the first dim */
  constructor(...tensors: T) {
    super();
    if (tensors.length === 0)
      throw new IndexError(
        message('TensorDataset', 'at least one tensor', 'none', 'tuple index out of range'),
      );
    for (const tensor of tensors)
      if (!(tensor instanceof Tensor))
        throw new ArgumentError(message('TensorDataset', 'tensors', describe(tensor)));
    if (tensors.some((tensor) => tensor.size(0) !== tensors[0]!.size(0)))
      throw new AssertionError('Size mismatch between tensors');
    this.tensors = tensors;
  }
  get length(): number {
    return this.tensors[0]!.size(0);
  }
  get(index: number): { -readonly [K in keyof T]: Tensor } {
    return this.tensors.map((tensor) => tensor.at(index)) as { -readonly [K in keyof T]: Tensor };
  }
}

type Parts = readonly MapSource<unknown>[] | Readonly<Record<string, MapSource<unknown>>>;
type SampleOf<D> =
  D extends DatasetLike<infer T> ? Awaited<T> : D extends ArrayLike<infer T> ? Awaited<T> : never;
/** A sample of several datasets: a tuple, or an object with their names. */
type Stacked<P> = { -readonly [K in keyof P]: SampleOf<P[K]> };

/**
 * torch.utils.data.StackDataset: sample i has the i-th sample of each dataset, in a tuple, or by names:
 * `new StackDataset(images, labels)`, `new StackDataset({ image: images, label: labels })`.
 */
export class StackDataset<P extends Parts> extends Dataset<Stacked<P>> {
  readonly datasets: P;
  readonly #names: readonly string[] | null;
  readonly #parts: readonly MapSource<unknown>[];

  /** @throws ValueError unless there is a dataset, and all have one length */
  constructor(...datasets: P extends readonly unknown[] ? P : [P]);
  constructor(...datasets: readonly unknown[]) {
    super();
    const named = datasets.length === 1 && isOptions(datasets[0]) && typeof datasets[0].get !== 'function';
    const parts = (named ? datasets[0] : datasets) as P;
    this.datasets = parts;
    this.#names = named ? Object.keys(parts) : null;
    this.#parts = Object.values(parts);
    if (this.#parts.length === 0) throw new ValueError('At least one dataset should be passed');
    for (const part of this.#parts) requireMapSource('StackDataset', part);
    if (this.#parts.some(({ length }) => length !== this.#parts[0]!.length))
      throw new ValueError('Size mismatch between datasets');
  }
  get length(): number {
    return this.#parts[0]!.length;
  }
  get(index: number): Stacked<P> {
    return this.#joined(this.#parts.map((part) => sampleOf(part, index))) as Stacked<P>;
  }
  override getItems(indices: readonly number[]): Stacked<P>[] | Promise<Awaited<Stacked<P>>[]> {
    const columns = this.#parts.map((part) => samplesOf(part, indices));
    const rows = (read: readonly (readonly unknown[])[]): Stacked<P>[] => {
      for (const { length } of read)
        if (length !== indices.length)
          throw new ValueError(
            `Nested dataset's output size mismatch. Expected ${indices.length}, got ${length}`,
          );
      return indices.map((_, i) => this.#joined(read.map((column) => column[i]))) as Stacked<P>[];
    };
    if (columns.some(isPromise))
      return Promise.all(columns).then((read) => Promise.all(rows(read))) as Promise<Awaited<Stacked<P>>[]>;
    return rows(columns as unknown[][]);
  }
  /** One sample of its parts; a promise of it where a part is one. */
  #joined(values: readonly unknown[]): unknown {
    if (values.some(isPromise)) return Promise.all(values).then((ready) => this.#joined(ready));
    return this.#names === null
      ? values
      : Object.fromEntries(this.#names.map((name, i) => [name, values[i]]));
  }
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** torch.utils.data.ConcatDataset: datasets one after the other, by index. */
export class ConcatDataset<T> extends Dataset<T> {
  readonly datasets: readonly MapSource<T>[];
  /** How many samples the datasets up to each hold. */
  readonly cumulativeSizes: readonly number[];

  /** @throws AssertionError without datasets, and for iterable ones */
  constructor(datasets: Iterable<MapSource<T>>) {
    super();
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw new AssertionError('datasets should not be an empty iterable');
    let sum = 0;
    this.cumulativeSizes = this.datasets.map((dataset) => {
      if (isIterableDataset(dataset))
        throw new AssertionError('ConcatDataset does not support IterableDataset');
      requireMapSource('ConcatDataset', dataset);
      sum += dataset.length;
      return sum;
    });
  }
  get length(): number {
    return this.cumulativeSizes.at(-1)!;
  }
  /** @throws ValueError for an index too far below 0, IndexError for one too high */
  get(index: number): T {
    if (-index > this.length)
      throw new ValueError('absolute value of index should not exceed dataset length');
    const at = index < 0 ? index + this.length : index;
    const which = this.#datasetOf(at);
    return sampleOf(
      elementAt(this.datasets, which),
      which === 0 ? at : at - this.cumulativeSizes[which - 1]!,
    );
  }
  /** The first dataset that ends after an index. */
  #datasetOf(index: number): number {
    let [low, high] = [0, this.cumulativeSizes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (index < this.cumulativeSizes[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** torch.utils.data.ChainDataset: iterable datasets one after the other. */
export class ChainDataset<T> extends IterableDataset<T> {
  readonly datasets: Iterable<IterableDataset<T>>;

  constructor(datasets: Iterable<IterableDataset<T>>) {
    super();
    this.datasets = datasets;
  }
  /** The sum of the lengths. @throws ArgumentError where a dataset has none */
  get length(): number {
    let total = 0;
    for (const dataset of this.#checked()) {
      const { length } = dataset as Partial<Sized>;
      if (typeof length !== 'number')
        throw new ArgumentError(
          `object of type '${dataset.constructor.name}' has no length: required one of each dataset of a ChainDataset`,
        );
      total += length;
    }
    return total;
  }
  override *[Symbol.iterator](): Iterator<T> {
    for (const dataset of this.#checked()) {
      const iterable = dataset as Partial<Iterable<T>>;
      if (iterable[Symbol.iterator] === undefined)
        throw new ArgumentError(message('ChainDataset', 'for await', 'for', 'A dataset is asynchronous'));
      yield* iterable as Iterable<T>;
    }
  }
  override async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (const dataset of this.#checked()) yield* dataset as AsyncIterable<T> | Iterable<T>;
  }
  /** @throws AssertionError at the first dataset that is not iterable */
  *#checked(): Generator<IterableDataset<T>> {
    for (const dataset of this.datasets) {
      if (!isIterableDataset(dataset)) throw new AssertionError('ChainDataset only supports IterableDataset');
      yield dataset;
    }
  }
}

/** torch.utils.data.Subset: the samples of a dataset at some indices, in their order. */
export class Subset<T> extends Dataset<T> {
  readonly dataset: MapSource<T>;
  readonly indices: ArrayLike<number>;

  /** @throws NotImplementedError for a subclass that overrides `get` and not `getItems` */
  constructor(dataset: MapSource<T>, indices: ArrayLike<number>) {
    super();
    requireMapSource('Subset', dataset);
    this.dataset = dataset;
    this.indices = indices;
    if (this.get !== Subset.prototype.get && this.getItems === Subset.prototype.getItems)
      throw new NotImplementedError(
        `${this.constructor.name} overrides get but not getItems. When subclassing Subset and overriding get, ` +
          'you must also override getItems to ensure DataLoader works correctly with your custom logic',
      );
  }
  get length(): number {
    return this.indices.length;
  }
  get(index: number): T {
    return sampleOf(this.dataset, elementAt(this.indices, index));
  }
  override getItems(indices: readonly number[]): T[] | Promise<Awaited<T>[]> {
    return samplesOf(
      this.dataset,
      indices.map((index) => elementAt(this.indices, index)),
    );
  }
}
