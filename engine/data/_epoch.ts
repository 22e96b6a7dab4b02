// Epochs: the indices of one iteration of a loader, and where it stands, so that another process can go on from there.
//   const epoch = new Epoch(indexSampler, generator, null); epoch.next(); epoch.stateDict()
import { Generator } from '../core/random.js';
import { drawSeed, type GeneratorState, restoreState, saveState } from './_random.js';

/** Where a loader stands; JSON can hold it. */
export interface DataLoaderState {
  /** Batches that were given of the epoch; null between epochs. */
  readonly given: number | null;
  /** The base seed of the epoch, and whether the epoch drew it. */
  readonly baseSeed: string | null;
  readonly drewSeed: boolean;
  /** The default generator at the start of the epoch; null between epochs. */
  readonly defaultGenerator: GeneratorState | null;
  /** The generators of the loader and its samplers at the start of the epoch, or now. */
  readonly generators: readonly GeneratorState[];
  /** What samplers with a stateDict of their own gave then. */
  readonly samplers: readonly unknown[];
}

interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: unknown): void;
}

/** A sampler and the ones that it wraps. */
function chainOf(sampler: unknown): object[] {
  const chain: object[] = [];
  let at: unknown = sampler;
  while (typeof at === 'object' && at !== null && !chain.includes(at)) {
    chain.push(at);
    at = (at as { sampler?: unknown }).sampler;
  }
  return chain;
}

/** The state of all that an epoch draws from. */
export class Sources {
  readonly generators: readonly Generator[];
  readonly #samplers: readonly Stateful[];

  constructor(indexSampler: unknown, generator: Generator | null) {
    const chain = chainOf(indexSampler);
    const all = [generator, ...chain.map((one) => (one as { generator?: unknown }).generator)];
    this.generators = [...new Set(all.filter((one): one is Generator => one instanceof Generator))];
    this.#samplers = chain.filter((one): one is Stateful => 'stateDict' in one && 'loadStateDict' in one);
  }
  save(): Pick<DataLoaderState, 'generators' | 'samplers'> {
    return {
      generators: this.generators.map(saveState),
      samplers: this.#samplers.map((one) => one.stateDict()),
    };
  }
  restore({ generators, samplers }: DataLoaderState): void {
    this.generators.forEach((one, i) => {
      if (generators[i] !== undefined) restoreState(one, generators[i]);
    });
    this.#samplers.forEach((one, i) => {
      if (i < samplers.length) one.loadStateDict(samplers[i]);
    });
  }
}

export class Epoch {
  readonly baseSeed: bigint;
  /** Batches that were given. */
  given = 0;
  done = false;
  readonly #start: Omit<DataLoaderState, 'given'>;
  readonly #indices: Iterator<unknown>;
  readonly #ahead: IteratorResult<unknown>[] = [];

  /**
   * Begins an epoch, or goes on with one. The draws of a resumed epoch are made again, so that the loader's generators end up
   * where they were; the default generator, which others draw from too, stays where it is.
   * @param seed the base seed of workers that are there already; null draws one
   * @param skip whether batches that were given are left out by their indices
   */
  constructor(
    sampler: Iterable<unknown>,
    generator: Generator | null,
    seed: bigint | null,
    resumed: DataLoaderState | null,
    skip: boolean,
  ) {
    const sources = new Sources(sampler, generator);
    const before = resumed === null ? null : saveState(null);
    if (resumed !== null) {
      sources.restore(resumed);
      if (resumed.defaultGenerator !== null) restoreState(null, resumed.defaultGenerator);
    }
    const drewSeed = resumed === null ? seed === null : resumed.drewSeed;
    const state = { ...sources.save(), defaultGenerator: saveState(null), drewSeed };
    this.#indices = sampler[Symbol.iterator]();
    const drawn = drewSeed ? drawSeed(generator) : null;
    this.baseSeed = resumed?.baseSeed ? BigInt(resumed.baseSeed) : (drawn ?? seed!);
    this.#start = { ...state, baseSeed: String(this.baseSeed) };
    if (resumed === null) return;
    this.given = resumed.given ?? 0;
    if (skip) for (let i = 0; i < this.given; i++) this.#indices.next();
    // The first index too: samplers draw from the default generator when they are first asked.
    this.#ahead.push(this.#indices.next());
    restoreState(null, before!);
  }
  next(): IteratorResult<unknown> {
    return this.#ahead.shift() ?? this.#indices.next();
  }
  stateDict(): DataLoaderState {
    return { given: this.given, ...this.#start };
  }
}
