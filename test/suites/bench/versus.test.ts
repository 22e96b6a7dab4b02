// A/B benchmark of two builds: both are loaded side by side, a large slowdown is called one, and a build that does not
// load says why.
import { describe, expect, it } from 'vitest';
import { BenchRowSchema, CannotRunError } from '../../../reports/schema/index.js';
import { thisBuild } from '../../../suites/bench/builds.js';
import { ALL_ROWS, raceBuilds } from '../../../suites/bench/versus.js';

const ROWS = ['sweep/tanh/1000@float32', 'sweep/sort/1000@float32'];
const common = {
  reference: 'build' as const,
  rows: (id: string) => ROWS.includes(id),
  seed: 0,
  quick: true,
  signal: new AbortController().signal,
  step: () => {},
  begin: () => {},
};

describe('a race of two builds', { timeout: 120_000 }, () => {
  it('calls a build that makes twice the calls slower, in each row and over all', async () => {
    const { rows, cases } = await raceBuilds({
      ...common,
      ours: { ...thisBuild(), plant: 2 },
      theirs: thisBuild(),
    });
    expect(rows.map((row) => row.id).sort()).toEqual([ALL_ROWS, ...ROWS].map((id) => `${id}/build`).sort());
    for (const row of rows) {
      expect(BenchRowSchema.parse(row)).toMatchObject({
        decision: { verdict: 'slower' },
        required: { held: false },
      });
      expect(row.ratio!.median).toBeGreaterThan(0.4);
      expect(row.ratio!.median).toBeLessThan(0.6);
    }
    const [tanh] = rows.filter((row) => row.id.startsWith(ROWS[0]!));
    // Six processes, in the order of time.
    expect(tanh!.ours.samples.length).toBeGreaterThanOrEqual(6 * 6);
    expect(tanh!.ours.atMs).toEqual([...tanh!.ours.atMs!].sort((a, b) => a - b));
    // Both sides' results were compared, in every process.
    expect(cases.map((one) => [one.status, one.compared])).toEqual([
      ['pass', 6000],
      ['pass', 6000],
    ]);
  });

  it('says why a build cannot be loaded', async () => {
    const theirs = { ...thisBuild(), addon: new URL(import.meta.url).pathname };
    await expect(raceBuilds({ ...common, ours: thisBuild(), theirs })).rejects.toThrow(CannotRunError);
  });
});
