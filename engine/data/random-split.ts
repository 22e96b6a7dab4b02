// Random splits of a dataset: const [train, test] = data.randomSplit(dataset, [0.8, 0.2]).
import { ArgumentError, describe, message, ValueError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import type { Generator } from '../core/random.js';
import { randperm } from '../generated/functions.js';
import { type MapSource, requireMapSource, Subset } from './dataset.js';

export interface RandomSplitOptions {
  /** Draws the permutation; default: the default generator. */
  readonly generator?: Generator | null;
}

/**
 * torch.utils.data.random_split: splits a dataset at random into parts that do not overlap.
 * `lengths` are counts that sum to the dataset's length, or fractions that sum to 1: each part then gets ⌊length · fraction⌋
 * samples, and what is left is dealt out one by one from the first part on.
 * @throws ValueError for fractions outside [0, 1] and for counts with another sum
 */
export function randomSplit<T>(
  dataset: MapSource<T>,
  lengths: readonly number[],
  options?: RandomSplitOptions,
): Subset<T>[] {
  const { generator } = readOptions<RandomSplitOptions>('randomSplit', options, ['generator']);
  requireMapSource('randomSplit', dataset);
  const total = sum(lengths);
  // As Python's math.isclose.
  const fractions = Math.abs(total - 1) <= 1e-9 * Math.max(Math.abs(total), 1) && total <= 1;
  const counts = fractions ? countsOf(dataset.length, lengths) : lengths;
  if (sum(counts) !== dataset.length)
    throw new ValueError('Sum of input lengths does not equal the length of the input dataset!');
  const odd = counts.find((count) => !Number.isInteger(count));
  if (odd !== undefined) throw new ArgumentError(message('randomSplit', 'whole lengths', describe(odd)));
  const indices = randperm(dataset.length, { generator: generator ?? null }).tolist() as number[];
  let from = 0;
  return counts.map((count) => {
    from += count;
    return new Subset(dataset, indices.slice(from - count, from));
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Counts for fractions of a length. */
function countsOf(length: number, fractions: readonly number[]): number[] {
  const counts = fractions.map((fraction, i) => {
    if (fraction < 0 || fraction > 1) throw new ValueError(`Fraction at index ${i} is not between 0 and 1`);
    return Math.floor(length * fraction);
  });
  const rest = length - sum(counts);
  for (let i = 0; i < rest; i++) counts[i % counts.length]! += 1;
  counts.forEach((count, i) => {
    if (count === 0)
      process.emitWarning(
        `Length of split at index ${i} is 0. This might result in an empty dataset.`,
        'UserWarning',
      );
  });
  return counts;
}
