// Distributed sampling: the part of a dataset that one of several processes reads.
//   const sampler = new data.DistributedSampler(dataset, { numReplicas: 4, rank: 0 }); sampler.setEpoch(epoch);
import { describe, RuntimeError, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { randperm } from '../generated/functions.js';
import { seeded } from './_random.js';
import type { Sized } from './dataset.js';
import { Sampler } from './sampler.js';

export interface DistributedSamplerOptions {
  /** How many processes share the dataset. */
  readonly numReplicas: number;
  /** Which of them this is, from 0. */
  readonly rank: number;
  /** Default: true. */
  readonly shuffle?: boolean;
  /** The same in all processes; epoch e is shuffled by seed + e. Default: 0. */
  readonly seed?: number;
  /** Drops the tail that cannot be shared equally, instead of repeating samples. Default: false. */
  readonly dropLast?: boolean;
}

const names = ['numReplicas', 'rank', 'shuffle', 'seed', 'dropLast'] as const;

/** torch.utils.data.distributed.DistributedSampler: every numReplicas-th index of an order that all processes share. */
export class DistributedSampler extends Sampler {
  readonly dataset: Sized;
  readonly numReplicas: number;
  readonly rank: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly dropLast: boolean;
  readonly numSamples: number;
  readonly totalSize: number;
  epoch = 0;

  /** @throws RuntimeError without numReplicas or rank, ValueError for a rank out of range */
  constructor(dataset: Sized, options: DistributedSamplerOptions) {
    super();
    const given = readOptions('DistributedSampler', options, names);
    if (typeof given.numReplicas !== 'number' || typeof given.rank !== 'number')
      throw new RuntimeError(
        `DistributedSampler: required numReplicas and rank, got ${describe(given.numReplicas)} and ${describe(given.rank)}. ` +
          'Requires distributed package to be available to find them',
      );
    const { numReplicas, rank } = given;
    if (rank >= numReplicas || rank < 0)
      throw new ValueError(`Invalid rank ${rank}, rank should be in the interval [0, ${numReplicas - 1}]`);
    this.dataset = dataset;
    this.numReplicas = numReplicas;
    this.rank = rank;
    this.shuffle = given.shuffle ?? true;
    this.seed = given.seed ?? 0;
    this.dropLast = given.dropLast ?? false;
    const { length } = dataset;
    const cut = this.dropLast && length % numReplicas !== 0 ? length - numReplicas : length;
    this.numSamples = Math.max(0, Math.ceil(cut / numReplicas));
    this.totalSize = this.numSamples * numReplicas;
  }
  get length(): number {
    return this.numSamples;
  }
  /** Gives each epoch an order of its own. */
  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }
  stateDict(): { epoch: number } {
    return { epoch: this.epoch };
  }
  loadStateDict(state: { epoch: number }): void {
    this.epoch = state.epoch;
  }
  [Symbol.iterator](): Iterator<number> {
    const order = this.#order();
    const mine: number[] = [];
    // Without dropLast the order starts again where it ends too early.
    for (let i = this.rank; i < this.totalSize; i += this.numReplicas) mine.push(order[i % order.length]!);
    return mine.values();
  }
  #order(): number[] {
    const n = this.dataset.length;
    if (!this.shuffle) return Array.from({ length: n }, (_, i) => i);
    return randperm(n, { generator: seeded(BigInt(this.seed + this.epoch)) }).tolist() as number[];
  }
}
