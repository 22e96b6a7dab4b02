// Random generators: seed and offset of a Philox stream. The numbers come from the addon.

/** A seeded stream. The same seed gives the same numbers for any number of threads. */
export class Generator {
  #seed = 67280421310721;
  #offset = 0;
  /** Restarts the stream at a seed. */
  manualSeed(seed: number): this {
    this.#seed = seed;
    this.#offset = 0;
    return this;
  }
  initialSeed(): number {
    return this.#seed;
  }
  /** @internal */
  get offset(): number {
    return this.#offset;
  }
  /** @internal */
  advance(counters: number): void {
    this.#offset += counters;
  }
}

export const defaultGenerator = new Generator();
/** Seeds the default generator and returns it. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
