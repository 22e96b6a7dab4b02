// The rule by which required rows are measured again is the same for rows that hold and rows that miss; rounds are pooled, not chosen.
import { describe, expect, it } from 'vitest';
import type { BenchRow, Timing } from '../../../reports/schema/index.js';
import { blocksNote, countBlocks } from '../../../suites/bench/interference.js';
import { isNarrow, pooledRounds } from '../../../suites/bench/rounds.js';

function row(ratio: [low: number, median: number, high: number], limit: number): BenchRow {
  const [low, median, high] = ratio;
  return {
    id: 'cpu/x/torch',
    group: 'x',
    reference: 'torch',
    correct: true,
    ours: { medianNs: 100, samples: [] },
    ratio: { low, median, high },
    required: { ratio: limit, held: median >= limit },
  };
}

/** A round whose blocks stand at one ratio. */
function round(ratio: number, blocks: number, limit = 1): BenchRow {
  const all = Array.from({ length: blocks }, (_, i) => i);
  return {
    ...row([ratio, ratio, ratio], limit),
    ours: { medianNs: 100, samples: all.map(() => 100), atMs: all.map((i) => 2 * i), calls: 7 },
    theirs: { medianNs: 100 * ratio, samples: all.map(() => 100 * ratio), atMs: all.map((i) => 2 * i + 1) },
  };
}

describe('a row is measured again', () => {
  it.each<[string, [number, number, number], number, boolean]>([
    ['missed narrowly', [0.8, 0.82, 0.84], 0.85, true],
    ['held narrowly', [0.86, 0.88, 0.9], 0.85, true],
    ['missed, within its interval', [0.5, 0.7, 0.9], 0.85, true],
    ['held, within its interval', [0.8, 1.2, 1.4], 0.85, true],
    ['missed far', [0.5, 0.6, 0.7], 0.85, false],
    ['held far', [1.1, 1.2, 1.3], 0.85, false],
  ])('%s', (_, ratio, limit, again) => {
    expect(isNarrow(row(ratio, limit))).toBe(again);
  });

  it('only where something is required and was raced', () => {
    const { required: _, ...free } = row([0.8, 0.85, 0.9], 0.85);
    expect(isNarrow(free)).toBe(false);
    expect(isNarrow({ ...row([0.8, 0.85, 0.9], 0.85), withheld: 'wrong' })).toBe(false);
  });
});

describe('rounds', () => {
  it('are pooled, whichever way they fall', () => {
    const better = pooledRounds([round(0.98, 7), round(1.02, 9), round(1.04, 9)]);
    expect(better.ratio!.median).toBeCloseTo(1.02, 12);
    expect(better.required).toEqual({ ratio: 1, held: true });
    const worse = pooledRounds([round(1.01, 7), round(0.97, 9), round(0.99, 9)]);
    expect(worse.ratio!.median).toBeCloseTo(0.99, 12);
    expect(worse.required).toEqual({ ratio: 1, held: false });
    expect(worse.rounds!.map((one) => one.median)).toEqual([1.01, 0.97, 0.99]);
    expect(worse.note).toBe('measured 3 times: 1.01×, 0.970×, 0.990×');
  });

  it('keep their blocks in the order of time, and the marks on the right ones', () => {
    const marked = { ...round(1, 6) };
    const second = {
      ...marked,
      ours: { ...marked.ours, marks: [{ sample: 2, by: ['preempted' as const] }] },
    };
    const { ours } = pooledRounds([marked, second]);
    expect(ours.samples).toHaveLength(12);
    expect(ours.atMs).toEqual([0, 2, 4, 6, 8, 10, 10, 12, 14, 16, 18, 20]);
    expect(ours.marks).toEqual([{ sample: 8, by: ['preempted'] }]);
    expect(ours.calls).toBe(7);
  });

  it('that were lost leave the row as it was', () => {
    const { ratio: _, ...lost } = round(1, 6);
    expect(pooledRounds([round(0.98, 6), lost]).ratio!.median).toBe(0.98);
  });
});

describe('the blocks of a run', () => {
  it('are counted once, with what hit them and what was left out', () => {
    const one = round(1, 24);
    const marks: NonNullable<Timing['marks']> = [{ sample: 0, by: ['collection', 'preempted'] }];
    const ours = { ...one.ours, marks };
    const rows = [one, { ...one, id: 'cpu/x/numpy' }].map((each) => ({ ...each, ours }));
    const blocks = countBlocks(rows);
    expect(blocks).toEqual({ all: 48, marked: { collection: 1, preempted: 1 }, leftOut: 4 });
    expect(blocksNote(blocks)[0]).toContain('1 by a garbage collection, 1 by another program');
    expect(blocksNote({ all: 48, marked: {}, leftOut: 0 })).toEqual([]);
  });
});
