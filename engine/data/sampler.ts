// Samplers: the order in which a loader reads a dataset, as indices or lists of indices.
//   new data.DataLoader(dataset, { sampler: new data.WeightedRandomSampler([1, 9], 100) })
// Each iteration makes PyTorch's calls of the generator in PyTorch's order, the ones whose numbers are not used too.
import { ArgumentError, describe, message, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import type { Generator } from '../core/random.js';
import { Tensor } from '../core/tensor.js';
import { multinomial, randint, randperm, tensor } from '../generated/functions.js';
import { drawSeed, type GeneratorLike, seeded } from './_random.js';
import type { Sized } from './dataset.js';

/** torch.utils.data.Sampler: an iterable of indices, or of lists of them, that can be iterated once an epoch. */
export abstract class Sampler<T = number> implements Iterable<T> {
  abstract [Symbol.iterator](): Iterator<T>;
  /** How many an iteration gives. */
  abstract get length(): number;
}

/** The length of a data source. @throws ArgumentError where it has none */
function lengthOf(op: string, source: Sized): number {
  const length: unknown = source instanceof Tensor ? source.size(0) : source?.length;
  if (typeof length === 'number') return length;
  throw new ArgumentError(message(op, 'a data source with a length', describe(source)));
}

const positive = (n: unknown): n is number => typeof n === 'number' && Number.isInteger(n) && n > 0;

function requireCount(numSamples: unknown): void {
  if (!positive(numSamples))
    throw new ValueError(
      `num_samples should be a positive integer value, but got num_samples=${describe(numSamples)}`,
    );
}

/** Indices 0, 1, …, length − 1. */
export class SequentialSampler extends Sampler {
  readonly dataSource: Sized;

  constructor(dataSource: Sized) {
    super();
    this.dataSource = dataSource;
  }
  get length(): number {
    return lengthOf('SequentialSampler', this.dataSource);
  }
  *[Symbol.iterator](): Iterator<number> {
    const n = this.length;
    for (let i = 0; i < n; i++) yield i;
  }
}

export interface RandomSamplerOptions {
  /** Draws each index independently of the others. Default: false. */
  readonly replacement?: boolean;
  /** How many indices an iteration gives; default: the length of the source. */
  readonly numSamples?: number | null;
  /** Default: one of its own each iteration, seeded from the default generator. */
  readonly generator?: Generator | null;
}

const chunk = 32;

/** Indices at random: a permutation, or with replacement. More samples than the source has are several permutations. */
export class RandomSampler extends Sampler {
  readonly dataSource: Sized;
  readonly replacement: boolean;
  readonly generator: Generator | null;
  readonly #numSamples: number | null;

  /** @throws ArgumentError for a replacement that is no boolean, ValueError unless there is a sample to give */
  constructor(dataSource: Sized, options?: RandomSamplerOptions) {
    super();
    const given = readOptions('RandomSampler', options, ['replacement', 'numSamples', 'generator']);
    this.dataSource = dataSource;
    this.replacement = given.replacement ?? false;
    this.#numSamples = given.numSamples ?? null;
    this.generator = given.generator ?? null;
    if (typeof this.replacement !== 'boolean')
      throw new ArgumentError(
        `replacement should be a boolean value, but got replacement=${describe(this.replacement)}`,
      );
    requireCount(this.length);
  }
  /** How many indices an iteration gives. The source's length may change. */
  get length(): number {
    return this.#numSamples ?? lengthOf('RandomSampler', this.dataSource);
  }
  get numSamples(): number {
    return this.length;
  }
  *[Symbol.iterator](): Iterator<number> {
    const n = lengthOf('RandomSampler', this.dataSource);
    const generator = this.generator ?? seeded(drawSeed(null));
    const count = this.length;
    if (this.replacement) {
      const draw = (size: number): number[] => randint(0, n, [size], { generator }).tolist() as number[];
      for (let i = 0; i < Math.floor(count / chunk); i++) yield* draw(chunk);
      yield* draw(count % chunk);
      return;
    }
    const draw = (): number[] => randperm(n, { generator }).tolist() as number[];
    for (let i = 0; i < Math.floor(count / n); i++) yield* draw();
    yield* draw().slice(0, count % n);
  }
}

export interface SubsetRandomSamplerOptions {
  readonly generator?: Generator | null;
}

/** The given indices in a random order, each once. */
export class SubsetRandomSampler extends Sampler {
  readonly indices: ArrayLike<number>;
  readonly generator: Generator | null;

  constructor(indices: ArrayLike<number>, options?: SubsetRandomSamplerOptions) {
    super();
    const { generator } = readOptions('SubsetRandomSampler', options, ['generator']);
    this.indices = indices;
    this.generator = generator ?? null;
  }
  get length(): number {
    return this.indices.length;
  }
  *[Symbol.iterator](): Iterator<number> {
    const order = randperm(this.indices.length, { generator: this.generator }).tolist() as number[];
    for (const i of order) yield this.indices[i]!;
  }
}

export interface WeightedRandomSamplerOptions {
  /** Default: true. */
  readonly replacement?: boolean;
  readonly generator?: Generator | null;
}

/** Indices drawn by weights, which need not sum to 1. */
export class WeightedRandomSampler extends Sampler {
  /** float64 [n] */
  readonly weights: Tensor;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly generator: GeneratorLike;

  /** @throws ValueError unless numSamples is a positive integer, replacement a boolean, and weights a list of numbers */
  constructor(
    weights: ArrayLike<number> | Tensor,
    numSamples: number,
    replacement?: boolean | WeightedRandomSamplerOptions,
    options?: WeightedRandomSamplerOptions,
  ) {
    super();
    const more = typeof replacement === 'object' ? replacement : options;
    const given = readOptions('WeightedRandomSampler', more, ['replacement', 'generator']);
    requireCount(numSamples);
    const replace = typeof replacement === 'object' ? given.replacement : (replacement ?? given.replacement);
    this.replacement = replace ?? true;
    if (typeof this.replacement !== 'boolean')
      throw new ValueError(
        `replacement should be a boolean value, but got replacement=${describe(this.replacement)}`,
      );
    const numbers = weights instanceof Tensor ? weights.detach() : tensor(Array.from(weights));
    this.weights = numbers.to('float64');
    if (this.weights.ndim !== 1)
      throw new ValueError(
        `weights should be a 1d sequence but given weights have shape (${this.weights.shape.join(', ')})`,
      );
    this.numSamples = numSamples;
    this.generator = given.generator ?? null;
  }
  get length(): number {
    return this.numSamples;
  }
  *[Symbol.iterator](): Iterator<number> {
    const { weights, numSamples, replacement } = this;
    const drawn = multinomial(weights, numSamples, replacement, { generator: this.generator ?? null });
    yield* drawn.tolist() as number[];
  }
}

/** Lists of `batchSize` indices of another sampler; the last may be shorter, or is dropped. */
export class BatchSampler extends Sampler<number[]> {
  readonly sampler: Iterable<number>;
  readonly batchSize: number;
  readonly dropLast: boolean;

  /** @throws ValueError unless batchSize is a positive integer and dropLast a boolean */
  constructor(sampler: Iterable<number>, batchSize: number, dropLast: boolean) {
    super();
    if (!positive(batchSize))
      throw new ValueError(
        `batch_size should be a positive integer value, but got batch_size=${describe(batchSize)}`,
      );
    if (typeof dropLast !== 'boolean')
      throw new ValueError(`drop_last should be a boolean value, but got drop_last=${describe(dropLast)}`);
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }
  /** How many lists an iteration gives. @throws ArgumentError where the sampler has no length */
  get length(): number {
    const n = lengthOf('BatchSampler', this.sampler as Iterable<number> & Sized);
    return this.dropLast ? Math.floor(n / this.batchSize) : Math.ceil(n / this.batchSize);
  }
  *[Symbol.iterator](): Iterator<number[]> {
    const indices = this.sampler[Symbol.iterator]();
    for (;;) {
      const batch: number[] = [];
      while (batch.length < this.batchSize) {
        const next = indices.next();
        if (next.done) break;
        batch.push(next.value);
      }
      const short = batch.length < this.batchSize;
      if (batch.length > 0 && !(short && this.dropLast)) yield batch;
      if (short) return;
    }
  }
}
