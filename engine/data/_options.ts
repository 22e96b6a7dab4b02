// Options of a loader: what they may be together, in PyTorch's words.
import { ArgumentError, AssertionError, describe, message, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import type { Generator } from '../core/random.js';

export interface DataLoaderOptions<T, B> {
  /** Samples a batch; null gives single samples, uncollated. Default: 1. */
  readonly batchSize?: number | null;
  /** Reads in a new random order each epoch. Default: false. */
  readonly shuffle?: boolean | null;
  /** The order of the indices; not with shuffle. */
  readonly sampler?: Iterable<number> | null;
  /** Lists of indices, a batch each; not with batchSize, shuffle, sampler and dropLast. */
  readonly batchSampler?: Iterable<readonly number[]> | null;
  /** Threads that read; 0 reads in this one. Default: 0. */
  readonly numWorkers?: number;
  /** Makes a batch of samples. Default: `defaultCollate`. */
  readonly collateFn?: ((samples: Awaited<T>[]) => B | Promise<B>) | null;
  /** Accepted as in PyTorch. The engine has no pinned memory, so it changes nothing; without CUDA there is PyTorch's warning. */
  readonly pinMemory?: boolean;
  /** Drops the last batch where it is short. Default: false. */
  readonly dropLast?: boolean;
  /** Seconds to wait for a batch of a worker; 0 waits for ever. Default: 0. */
  readonly timeout?: number;
  /** PyTorch's worker_init_fn: a module whose named export `workerInit` each worker calls with its id, after seeding. */
  readonly workerInit?: { readonly href: string } | null;
  /** Shuffles, and draws the seed of the workers. Default: the default generator. */
  readonly generator?: Generator | null;
  /** Batches that each worker reads ahead. Default: 2 with workers. */
  readonly prefetchFactor?: number | null;
  /** Keeps the workers for the next epoch. Default: false. */
  readonly persistentWorkers?: boolean;
}

const names = [
  'batchSize',
  'shuffle',
  'sampler',
  'batchSampler',
  'numWorkers',
  'collateFn',
  'pinMemory',
  'dropLast',
  'timeout',
  'workerInit',
  'generator',
  'prefetchFactor',
  'persistentWorkers',
] as const;

export type Settings<T, B> = Required<DataLoaderOptions<T, B>>;

/** The options with their defaults. @throws ValueError where PyTorch refuses them together, ArgumentError for unknown ones */
export function settingsOf<T, B>(options: DataLoaderOptions<T, B> | undefined): Settings<T, B> {
  const given = readOptions<DataLoaderOptions<T, B>>('DataLoader', options, names);
  const { numWorkers = 0, timeout = 0 } = given;
  requireNumber('numWorkers', numWorkers, true);
  requireNumber('timeout', timeout, false);
  if (numWorkers < 0)
    throw new ValueError(
      'num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.',
    );
  if (timeout < 0) throw new ValueError('timeout option should be non-negative');
  const s: Settings<T, B> = {
    batchSize: given.batchSize === undefined ? 1 : given.batchSize,
    shuffle: given.shuffle ?? false,
    sampler: given.sampler ?? null,
    batchSampler: given.batchSampler ?? null,
    numWorkers,
    collateFn: given.collateFn ?? null,
    pinMemory: given.pinMemory ?? false,
    dropLast: given.dropLast ?? false,
    timeout,
    workerInit: given.workerInit ?? null,
    generator: given.generator ?? null,
    prefetchFactor: given.prefetchFactor ?? (numWorkers > 0 ? 2 : null),
    persistentWorkers: given.persistentWorkers ?? false,
  };
  checkWorkers(s);
  checkSampling(s);
  return s;
}

function requireNumber(name: string, value: unknown, whole: boolean): void {
  if (typeof value !== 'number' || !(whole ? Number.isInteger(value) : Number.isFinite(value)))
    throw new ArgumentError(message('DataLoader', `a number as ${name}`, describe(value)));
}

function checkWorkers<T, B>({
  numWorkers,
  prefetchFactor,
  persistentWorkers,
  timeout,
  collateFn,
}: Settings<T, B>): void {
  if (numWorkers > 0) {
    if (prefetchFactor! < 0) throw new ValueError('prefetch_factor option should be non-negative');
    requireNumber('prefetchFactor', prefetchFactor, true);
    if (typeof collateFn === 'function')
      throw new ArgumentError(
        message(
          'DataLoader',
          'the URL of a module that exports collateFn',
          'a function',
          'Workers cannot be sent one',
        ),
      );
    return;
  }
  if (prefetchFactor !== null)
    throw new ValueError(
      'prefetch_factor option could only be specified in multiprocessing.' +
        'let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None.',
    );
  if (persistentWorkers) throw new ValueError('persistent_workers option needs num_workers > 0');
  if (timeout !== 0) throw new AssertionError('_SingleProcessDataLoaderIter requires timeout == 0');
}

function checkSampling<T, B>({ sampler, shuffle, batchSampler, batchSize, dropLast }: Settings<T, B>): void {
  if (sampler !== null && shuffle) throw new ValueError('sampler option is mutually exclusive with shuffle');
  if (batchSampler !== null) {
    if (batchSize !== 1 || shuffle || sampler !== null || dropLast)
      throw new ValueError(
        'batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last',
      );
  } else if (batchSize === null && dropLast)
    throw new ValueError(
      'batch_size=None option disables auto-batching and is mutually exclusive with drop_last',
    );
}

/** @throws ValueError for what an iterable dataset does not take */
export function checkStream<T, B>({ shuffle, sampler, batchSampler }: Settings<T, B>): void {
  const refuse = (option: string, value: unknown): never => {
    throw new ValueError(
      `DataLoader with IterableDataset: expected unspecified ${option} option, but got ${option}=${describe(value)}`,
    );
  };
  if (shuffle) refuse('shuffle', shuffle);
  if (sampler !== null) refuse('sampler', sampler);
  if (batchSampler !== null) refuse('batch_sampler', batchSampler);
}
