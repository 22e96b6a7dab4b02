// Fetching: a batch of a dataset, by steps that run at once or wait for promises: runSync(fetcher.fetch([0, 1])).
import { ArgumentError, message } from '../core/errors.js';
import {
  type IterableDataset,
  isIterableDataset,
  isPromise,
  type MapSource,
  sampleOf,
  samplesOf,
} from './dataset.js';

export type Source = MapSource<unknown> | IterableDataset<unknown>;
/** What has to be waited for is yielded, and its value comes back. */
export type Steps<R> = Generator<unknown, R, unknown>;
export type Collate = (samples: never) => unknown;

/** What a fetch returns where an iterable dataset has no more. */
export const ended: unique symbol = Symbol('ended');

/** How samples become batches. */
export interface Batching {
  /** Whether an index is a list, whose samples are collated. */
  readonly batched: boolean;
  readonly dropLast: boolean;
  readonly collate: Collate;
}

export interface Fetcher {
  /** The batch of an index of the sampler, or `ended`. */
  fetch(index: unknown): Steps<unknown>;
}

/** @throws ArgumentError where a step is a promise */
export function runSync<R>(steps: Steps<R>): R {
  let step = steps.next();
  while (!step.done) {
    if (isPromise(step.value)) {
      step.value.catch(() => undefined);
      throw new ArgumentError(
        message('DataLoader', 'for await', 'for', 'The dataset or collateFn is asynchronous'),
      );
    }
    step = steps.next(step.value);
  }
  return step.value;
}

export async function runAsync<R>(steps: Steps<R>): Promise<R> {
  let step = steps.next();
  while (!step.done) {
    if (isPromise(step.value)) {
      let value: unknown;
      try {
        value = await step.value;
      } catch (error) {
        step = steps.throw(error);
        continue;
      }
      step = steps.next(value);
    } else step = steps.next(step.value);
  }
  return step.value;
}

/** A fetcher at the start of a dataset. */
export function fetcherOf(source: Source, batching: Batching, synchronous: boolean): Fetcher {
  if (isIterableDataset(source)) return new StreamFetcher(iteratorOf(source, synchronous), batching);
  return new MapFetcher(source, batching);
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

function iteratorOf(source: IterableDataset<unknown>, synchronous: boolean): AnyIterator {
  const { [Symbol.iterator]: iterate, [Symbol.asyncIterator]: iterateAsync } = source;
  if (!synchronous && iterateAsync !== undefined) return iterateAsync.call(source);
  if (iterate !== undefined) return iterate.call(source);
  const required = synchronous && iterateAsync !== undefined ? 'for await' : 'an iterable dataset';
  throw new ArgumentError(
    message('DataLoader', required, `a ${source.constructor.name} without Symbol.iterator`),
  );
}

class MapFetcher implements Fetcher {
  readonly #source: MapSource<unknown>;
  readonly #batching: Batching;

  constructor(source: MapSource<unknown>, batching: Batching) {
    this.#source = source;
    this.#batching = batching;
  }
  *fetch(index: unknown): Steps<unknown> {
    const { batched, collate } = this.#batching;
    if (!batched) return yield collate((yield sampleOf(this.#source, index as number)) as never);
    const samples = (yield samplesOf(this.#source, index as number[])) as unknown[];
    const ready = samples.some(isPromise) ? yield Promise.all(samples) : samples;
    return yield collate(ready as never);
  }
}

class StreamFetcher implements Fetcher {
  readonly #iterator: AnyIterator;
  readonly #batching: Batching;
  #ended = false;

  constructor(iterator: AnyIterator, batching: Batching) {
    this.#iterator = iterator;
    this.#batching = batching;
  }
  *fetch(index: unknown): Steps<unknown> {
    const { batched, dropLast, collate } = this.#batching;
    const wanted = batched ? (index as unknown[]).length : 1;
    const samples: unknown[] = [];
    while (!this.#ended && samples.length < wanted) {
      const { done, value } = (yield this.#iterator.next()) as IteratorResult<unknown>;
      if (done) this.#ended = true;
      else samples.push(yield value);
    }
    if (samples.length === 0 || (dropLast && samples.length < wanted)) return ended;
    return yield collate((batched ? samples : samples[0]) as never);
  }
}
