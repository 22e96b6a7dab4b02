// Statistics of a benchmark: medians, paired ratios and their intervals.
import type { Ratio } from '../../reports/schema/index.js';

/** The least number of pairs from which a 95 % interval of a median can be drawn at all: 1 − 2·2⁻⁶ = 96.9 %. */
export const MIN_PAIRS = 6;

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The lower quartile. What other programs do to a block only lengthens it: on a busy machine it scatters less from process to
 * process than the median does.
 */
export function quartile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}

/**
 * How many of the smallest (and largest) of n values lie outside the 95 % interval of their median: the greatest k with
 * 2·P(Binomial(n, ½) < k + 1) ≤ 5 %. −1 when n is too small for any interval.
 */
export function signRank(n: number): number {
  let tail = 0;
  let term = 0.5 ** n;
  let k = -1;
  for (let i = 0; i < n; i += 1) {
    tail += term;
    if (2 * tail > 0.05) break;
    k = i;
    term = (term * (n - i)) / (i + 1);
  }
  return k;
}

/** The log-ratios theirs ÷ ours of blocks measured in pairs. */
export function logRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  const n = Math.min(ours.length, theirs.length);
  return Array.from({ length: n }, (_, i) => Math.log(theirs[i]! / ours[i]!)).filter(Number.isFinite);
}

/**
 * The ratio theirs ÷ ours from blocks measured in pairs, with the exact (sign test) 95 % interval of its median.
 * No shape of noise is assumed: a block hit by a collection or another process is one outlier, not a shifted mean.
 * Undefined with fewer than `MIN_PAIRS` pairs.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Ratio | undefined {
  const logs = logRatios(ours, theirs);
  if (logs.length < MIN_PAIRS) return undefined;
  logs.sort((a, b) => a - b);
  const rank = signRank(logs.length);
  return {
    median: Math.exp(median(logs)),
    low: Math.exp(logs[rank]!),
    high: Math.exp(logs[logs.length - 1 - rank]!),
  };
}

/** The share cut off at either end: what was hit by something. */
export const TRIM = 0.2;

/** The mean of what is left when `TRIM` of the values is cut off at either end. */
export function trimmedMean(values: readonly number[]): number {
  const cut = Math.floor(TRIM * values.length);
  const kept = [...values].sort((a, b) => a - b).slice(cut, values.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** Half the width of the middle half of the samples, relative to their median: how unquiet a series was. */
export function spread(samples: readonly number[]): number {
  if (samples.length < 4) return 0;
  const sorted = [...samples].sort((a, b) => a - b);
  const quarter = sorted[sorted.length >> 2]!;
  const threeQuarters = sorted[(sorted.length * 3) >> 2]!;
  return (threeQuarters - quarter) / 2 / median(sorted);
}
