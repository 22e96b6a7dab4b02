// Data loaders: batches of a dataset, once an epoch.
//   const loader = new data.DataLoader(dataset, { batchSize: 32, shuffle: true });
//   for (const [x, y] of loader) step(x, y);
import { cuda } from '../backend/cuda/index.js';
import { ArgumentError, describe, message, NotImplementedError } from '../core/errors.js';
import type { Generator } from '../core/random.js';
import { type DataLoaderState, Epoch, Sources } from './_epoch.js';
import { type Batching, type Collate, ended, fetcherOf, runAsync, runSync, type Source } from './_fetch.js';
import { checkStream, type DataLoaderOptions, type Settings, settingsOf } from './_options.js';
import { type Collated, defaultCollate, defaultConvert } from './collate.js';
import {
  type IterableDataset,
  isIterableDataset,
  type MapSource,
  requireMapSource,
  type Sized,
} from './dataset.js';
import { BatchSampler, RandomSampler, SequentialSampler } from './sampler.js';

/** Indices for an iterable dataset, which needs none. */
const endless: Iterable<number> = {
  *[Symbol.iterator]() {
    for (;;) yield 0;
  },
};

/**
 * torch.utils.data.DataLoader. `T` is a sample, `B` a batch: `DataLoader<[Tensor, Tensor]>` gives pairs of tensors.
 * `for` reads synchronous datasets, `for await` any. `stateDict()` says where the loader stands, in the middle of an epoch too.
 */
export class DataLoader<T, B = Collated<Awaited<T>>> {
  readonly dataset: MapSource<T> | IterableDataset<T>;
  readonly sampler: Iterable<number>;
  readonly batchSampler: Iterable<readonly number[]> | null;
  readonly #settings: Settings<T, B>;
  #epoch: Epoch | null = null;
  #resumed: DataLoaderState | null = null;

  /**
   * @throws ValueError where options exclude each other, ArgumentError for what is no dataset and for unknown options
   */
  constructor(dataset: MapSource<T> | IterableDataset<T>, options?: DataLoaderOptions<T, B>) {
    const settings = settingsOf(options);
    if (settings.numWorkers > 0)
      throw new NotImplementedError(
        message(
          'DataLoader',
          'numWorkers 0',
          String(settings.numWorkers),
          'Worker threads are not supported yet',
        ),
      );
    const { sampler, batchSampler, batchSize, shuffle, dropLast, generator } = settings;
    this.#settings = settings;
    this.dataset = dataset;
    if (isIterableDataset(dataset)) {
      checkStream(settings);
      this.sampler = endless;
    } else {
      requireMapSource('DataLoader', dataset);
      const made = shuffle ? new RandomSampler(dataset, { generator }) : new SequentialSampler(dataset);
      this.sampler = sampler ?? made;
    }
    const batched = batchSize === null ? null : new BatchSampler(this.sampler, batchSize, dropLast);
    this.batchSampler = batchSampler ?? batched;
  }
  get batchSize(): number | null {
    return this.#settings.batchSampler === null ? this.#settings.batchSize : null;
  }
  get dropLast(): boolean {
    return this.#settings.dropLast;
  }
  get generator(): Generator | null {
    return this.#settings.generator;
  }
  /** How many batches an epoch has: Python's len(loader). @throws ArgumentError where the sampler or dataset has no length */
  get length(): number {
    const sized = (isIterableDataset(this.dataset) ? this.dataset : this.#indexSampler) as Partial<Sized>;
    if (typeof sized.length !== 'number')
      throw new ArgumentError(message('DataLoader', 'a sampler or dataset with a length', describe(sized)));
    if (!isIterableDataset(this.dataset) || this.batchSize === null) return sized.length;
    const batches = sized.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }
  /** Where the loader stands: as JSON, for `loadStateDict` of a loader with the same options in this or another process. */
  stateDict(): DataLoaderState {
    if (this.#resumed !== null) return this.#resumed;
    if (this.#epoch !== null && !this.#epoch.done) return this.#epoch.stateDict();
    const { generators, samplers } = new Sources(this.#indexSampler, this.generator).save();
    return { given: null, baseSeed: null, drewSeed: false, defaultGenerator: null, generators, samplers };
  }
  /**
   * Lets the next iteration give the batches that were left. Samples are not read again, those of an iterable dataset excepted.
   * @throws ArgumentError for what is no state of a loader
   */
  loadStateDict(state: DataLoaderState): void {
    if (
      typeof state !== 'object' ||
      state === null ||
      !Array.isArray(state.generators) ||
      !('given' in state)
    )
      throw new ArgumentError(message('loadStateDict', 'the state dict of a DataLoader', describe(state)));
    new Sources(this.#indexSampler, this.generator).restore(state);
    this.#epoch = null;
    this.#resumed = state.given === null ? null : state;
  }
  get #indexSampler(): Iterable<unknown> {
    return this.batchSampler ?? this.sampler;
  }
  get #batching(): Batching {
    const collate = (this.#settings.collateFn ??
      (this.batchSampler ? defaultCollate : defaultConvert)) as Collate;
    return { batched: this.batchSampler !== null, dropLast: this.dropLast, collate };
  }

  /** One epoch of a synchronous dataset. */
  [Symbol.iterator](): Generator_<B> {
    const epoch = this.#begin();
    return this.#batches(epoch);
  }
  /** One epoch. */
  [Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    const epoch = this.#begin();
    return this.#batchesAsync(epoch);
  }
  #begin(): Epoch {
    if (this.#settings.pinMemory && !cuda.isAvailable())
      process.emitWarning(
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.",
        'UserWarning',
      );
    const resumed = this.#resumed;
    this.#resumed = null;
    const skip = !isIterableDataset(this.dataset);
    this.#epoch = new Epoch(this.#indexSampler, this.generator, null, resumed, skip);
    return this.#epoch;
  }
  *#batches(epoch: Epoch): Generator_<B> {
    const fetcher = fetcherOf(this.dataset as Source, this.#batching, true);
    let left = this.#toDrop(epoch);
    for (let index = epoch.next(); !index.done; index = epoch.next()) {
      const batch = runSync(fetcher.fetch(index.value));
      if (batch === ended) break;
      if (left-- > 0) continue;
      epoch.given += 1;
      yield batch as B;
    }
    epoch.done = true;
  }
  async *#batchesAsync(epoch: Epoch): AsyncGenerator<B, void, undefined> {
    const fetcher = fetcherOf(this.dataset as Source, this.#batching, false);
    let left = this.#toDrop(epoch);
    for (let index = epoch.next(); !index.done; index = epoch.next()) {
      const batch = await runAsync(fetcher.fetch(index.value));
      if (batch === ended) break;
      if (left-- > 0) continue;
      epoch.given += 1;
      yield batch as B;
    }
    epoch.done = true;
  }
  /** How many batches of an iterable dataset were given before: they are read again and dropped. */
  #toDrop(epoch: Epoch): number {
    return isIterableDataset(this.dataset) ? epoch.given : 0;
  }
}

type Generator_<B> = globalThis.Generator<B, void, undefined>;
