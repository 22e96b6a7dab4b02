// The random half of cell A: distributions, and the same numbers for a seed with any number of threads.

import * as ts from 'torchstone';
import { addon } from 'torchstone/internals';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import type { Cell } from './cell.js';
import type { Check } from './check.js';

const COUNT = 100_000;
/** Six standard errors: a right generator falls outside in one run of a billion. */
const SIGMAS = 6;

/** Mean and variance are those of the distribution, within what chance allows. */
function moments(
  check: Check,
  name: string,
  drawn: EngineTensor,
  mean: number,
  variance: number,
  fourth: number,
): void {
  const values = arrayOf(drawn).data as ArrayLike<number>;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i += 1) {
    sum += values[i]! - mean;
    squares += (values[i]! - mean) ** 2;
  }
  const n = values.length;
  check.near(`the mean of ${name}`, sum / n, 0, SIGMAS * Math.sqrt(variance / n));
  check.near(
    `the variance of ${name}`,
    squares / n,
    variance,
    SIGMAS * Math.sqrt((fourth - variance ** 2) / n),
  );
}

/** The greatest distance between the drawn and the true distribution function (Kolmogorov and Smirnov). */
function distance(drawn: EngineTensor, cdf: (x: number) => number): number {
  const sorted = Float64Array.from(arrayOf(drawn).data as ArrayLike<number>).sort();
  let most = 0;
  sorted.forEach((x, i) => {
    const want = cdf(x);
    most = Math.max(most, Math.abs(want - i / sorted.length), Math.abs(want - (i + 1) / sorted.length));
  });
  return most;
}

/** The normal distribution function (Abramowitz and Stegun 7.1.26, off by at most 1.5e-7). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x / Math.SQRT2));
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp((-x * x) / 2);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

/** Where the distance of a right generator stays in all but one of 10⁸ runs: 2·exp(−2·c²) = 1e-8. */
const KS_LIMIT = 3.1 / Math.sqrt(COUNT);

/** Runs with a number of threads and puts the old one back. */
function withThreads<T>(threads: number, run: () => T): T {
  const before = addon.getThreads();
  addon.setThreads(threads);
  try {
    return run();
  } finally {
    addon.setThreads(before);
  }
}

/** Cell A's rand and randn. */
export const random: readonly Cell[] = [
  {
    id: 'A/rand',
    run(check, { seed }) {
      ts.manualSeed(seed);
      const drawn = ts.rand(COUNT);
      const values = arrayOf(drawn).data as ArrayLike<number>;
      let inside = true;
      for (let i = 0; i < values.length; i += 1) inside &&= values[i]! >= 0 && values[i]! < 1;
      check.holds('every number of rand is in [0, 1)', inside);
      moments(check, 'rand', drawn, 0.5, 1 / 12, 1 / 80);
      check.near(
        'the distance of rand from the uniform distribution',
        distance(drawn, (x) => x),
        0,
        KS_LIMIT,
      );
    },
  },
  {
    id: 'A/randn',
    run(check, { seed }) {
      ts.manualSeed(seed);
      const drawn = ts.randn(COUNT);
      moments(check, 'randn', drawn, 0, 1, 3);
      check.near(
        'the distance of randn from the normal distribution',
        distance(drawn, normalCdf),
        0,
        KS_LIMIT,
      );
    },
  },
  {
    id: 'A/seed',
    run(check, { seed }) {
      const draw = (s: number) => {
        ts.manualSeed(s);
        return [ts.rand(1000), ts.randn(1000), ts.randn(3, 2)].map(arrayOf);
      };
      const [first, again, other] = [draw(seed), draw(seed), draw(seed + 1)];
      for (const [i, one] of first.entries()) check.array(`draw ${i} with the same seed`, again[i]!, one, 0);
      check.holds(
        'another seed gives other numbers',
        Number(first[0]!.data[0]) !== Number(other[0]!.data[0]),
      );
      const numbers = new Set(Array.from(first[0]!.data as ArrayLike<number>));
      check.holds('the numbers of a draw differ', numbers.size > 990);
    },
  },
  {
    id: 'A/threads',
    run(check, { seed }) {
      const draw = (threads: number) =>
        withThreads(threads, () => {
          ts.manualSeed(seed);
          return [ts.rand(COUNT), ts.randn(COUNT + 1)].map(arrayOf);
        });
      const [one, two] = [draw(1), draw(2)];
      for (const [i, want] of one.entries()) check.array(`draw ${i} with two threads`, two[i]!, want, 0);
    },
  },
];
