// The verdicts on timings: right on made-up blocks whose truth is known, and never more sure than the blocks allow.
import { describe, expect, it } from 'vitest';
import type { BenchRow, Mark } from '../../../reports/schema/index.js';
import { ALPHA, decide, evidence, holm } from '../../../suites/bench/decision.js';
import {
  keptPairs,
  marksBetween,
  stolenTicks,
  throttledPeriods,
} from '../../../suites/bench/interference.js';
import { logRatios } from '../../../suites/bench/statistics.js';
import { quantile, twoSided } from '../../../suites/bench/student.js';

/** Normal deviates from a seed, by Box and Muller's method. */
function normals(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9) >>> 0;
  const uniform = () => {
    // A Weyl sequence through the finaliser of MurmurHash3: neighbouring seeds share nothing.
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (((bits ^ (bits >>> 16)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A row whose true ratio and noise are given; every tenth block is hit by something. */
function row(seed: number, { ratio = 1, noise = 0.01, blocks = 20, hits = true } = {}): BenchRow {
  const normal = normals(seed);
  const lane = (scale: number) =>
    Array.from(
      { length: blocks },
      (_, i) => scale * Math.exp(noise * normal()) * (hits && i % 10 === 3 ? 1.6 : 1),
    );
  const ours = { medianNs: 100, samples: lane(100) };
  const theirs = { medianNs: 100 * ratio, samples: lane(100 * ratio) };
  const known = { ratio: { median: ratio, low: ratio, high: ratio }, correct: true } as const;
  return { id: `row-${seed}`, group: 'g', reference: 'torch', ours, theirs, ...known };
}

const judge = (rows: readonly BenchRow[], bias = 0) =>
  decide(rows, (one) => evidence(logRatios(one.ours.samples, one.theirs!.samples)), { bias }).map(
    (one) => one.decision?.verdict,
  );

describe("Student's t", () => {
  it.each([
    [12.7062047, 1],
    [2.7764451, 4],
    [2.0930241, 19],
    [1.9799304, 120],
  ])('exceeds %f with five in a hundred at %i degrees of freedom', (t, df) => {
    expect(twoSided(t, df)).toBeCloseTo(0.05, 7);
    expect(quantile(0.05, df)).toBeCloseTo(t, 5);
  });
});

describe('a verdict', () => {
  it('sees what is there', () => {
    expect(
      judge([row(1, { ratio: 1.1 }), row(2, { ratio: 0.9 }), row(3, { noise: 0.005, blocks: 40 })]),
    ).toEqual(['faster', 'slower', 'same']);
  });

  it('is inconclusive where the noise hides it, and says how much would have shown', () => {
    let hidden = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      const [one] = decide([row(seed, { ratio: 1.02, noise: 0.2 })], (it) =>
        evidence(logRatios(it.ours.samples, it.theirs!.samples)),
      );
      if (one!.decision!.verdict === 'inconclusive') hidden += 1;
      expect(one!.decision!.seen).toBeGreaterThan(0.03);
    }
    expect(hidden).toBeGreaterThanOrEqual(88);
  });

  it('takes nothing smaller than the bias of this machine for a difference', () => {
    expect(judge([row(5, { ratio: 1.04, noise: 0.002 })])).toEqual(['faster']);
    expect(judge([row(5, { ratio: 1.04, noise: 0.002 })], 0.06)).toEqual(['same']);
  });

  it('needs six pairs, and gives no verdict on a withheld ratio', () => {
    expect(judge([row(6, { ratio: 3, blocks: 5 })])).toEqual([undefined]);
    expect(judge([{ ...row(7, { ratio: 3 }), withheld: 'wrong' }])).toEqual([undefined]);
  });

  it('raises no false alarm in 95 of 100 runs of forty rows without a difference', () => {
    let alarms = 0;
    for (let run = 0; run < 200; run += 1) {
      const rows = Array.from({ length: 40 }, (_, i) =>
        row(1000 + 40 * run + i, { noise: 0.03, hits: false }),
      );
      if (judge(rows).some((one) => one === 'faster' || one === 'slower')) alarms += 1;
    }
    // Binomial(200, 5 %) exceeds 19 in one of a hundred.
    expect(alarms).toBeLessThanOrEqual(19);
  });

  it('sees three per cent in nine of ten runs where blocks scatter by two', () => {
    let seen = 0;
    for (let run = 0; run < 100; run += 1)
      if (judge([row(9000 + run, { ratio: 1 / 1.03, noise: 0.02, blocks: 30 })])[0] === 'slower') seen += 1;
    expect(seen).toBeGreaterThanOrEqual(90);
  });
});

describe('the rule for hit blocks', () => {
  const none: Mark[] = [];

  it('leaves a pair out for either side, never for a collection', () => {
    const ours: Mark[][] = [none, ['collection'], ['preempted'], none, none, none, none, none];
    const theirs: Mark[][] = [
      none,
      none,
      none,
      ['collection', 'stolen'],
      none,
      ['throttled'],
      ['slowed'],
      none,
    ];
    expect(keptPairs(ours, theirs, 2)).toEqual([0, 1, 4, 7]);
  });

  it('leaves none out where too few would stay', () => {
    const ours: Mark[][] = [none, none, ['preempted'], ['preempted'], ['preempted'], ['preempted']];
    const theirs = ours.map(() => none);
    expect(keptPairs(ours, theirs, 3)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(keptPairs(ours, theirs, 2)).toEqual([0, 1]);
  });

  it('reads what the kernel counts', () => {
    expect(stolenTicks('cpu  2574929 77042 387038 1473329 6286 0 1781 4780 0 0\ncpu0 1 2 3 4 5 6 7 8')).toBe(
      4780,
    );
    expect(throttledPeriods('nr_periods 12\nnr_throttled 5\nthrottled_usec 9')).toBe(5);
    expect([stolenTicks(''), throttledPeriods('')]).toEqual([0, 0]);
    const still = { at: 0, preempted: 1, stolen: 2, throttled: 3, khz: 3e6 };
    expect(marksBetween(still, still, 3e6)).toEqual([]);
    expect(marksBetween(still, { at: 1, preempted: 2, stolen: 3, throttled: 4, khz: 2e6 }, 3e6)).toEqual([
      'preempted',
      'stolen',
      'throttled',
      'slowed',
    ]);
  });
});

describe("Holm's procedure", () => {
  it('steps down from the least, and stops at the first that stands', () => {
    expect(holm([0.001, 0.04, 0.03, 0.5])).toEqual([true, false, false, false]);
    expect(holm([0.01, 0.02, 0.012, 0.04])).toEqual([true, true, true, true]);
    expect(holm([ALPHA])).toEqual([true]);
    expect(holm([])).toEqual([]);
  });
});
