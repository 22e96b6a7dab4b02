// A saved baseline is raced again on the machine that it was saved on, and refused on any other, which says what differs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type BenchRow, CannotRunError } from '../../../reports/schema/index.js';
import {
  differences,
  driftNote,
  FingerprintMismatch,
  fingerprintHere,
  saveBaseline,
  savedBaseline,
} from '../../../suites/bench/baselines.js';
import { thisBuild } from '../../../suites/bench/builds.js';
import { raceBuilds } from '../../../suites/bench/versus.js';
import { readArguments, UsageError } from '../../../suites/cli/args.js';

const home = mkdtempSync(join(tmpdir(), 'torchstone-baselines-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const row: BenchRow = {
  id: 'sweep/tanh/1000@float32/torch',
  group: 'tanh',
  reference: 'torch',
  correct: true,
  ours: { medianNs: 1000, samples: [1000] },
};

describe('a saved baseline', { timeout: 120_000 }, () => {
  it('is asked for before there is one', async () => {
    await expect(savedBaseline(home)).rejects.toThrow(/no baseline is saved.*--save-baseline/);
  });

  it('is found again on this machine, and raced', async () => {
    await saveBaseline([row], home);
    const { build, baseline } = await savedBaseline(home);
    expect(baseline.rows).toEqual([{ id: 'sweep/tanh/1000@float32', medianNs: 1000 }]);
    expect(baseline.fingerprint).toMatchObject({ node: process.version, architecture: process.arch });
    const { rows } = await raceBuilds({
      ours: thisBuild(),
      theirs: build,
      reference: 'baseline',
      rows: (id) => id === 'sweep/tanh/1000@float32',
      seed: 0,
      quick: true,
      signal: new AbortController().signal,
      step: () => {},
      begin: () => {},
    });
    expect(rows).toMatchObject([
      { id: 'sweep/tanh/1000@float32/baseline', reference: 'baseline', correct: true, against: build.label },
    ]);
    expect(rows[0]!.ratio!.median).toBeGreaterThan(0.5);
    expect(rows[0]!.ratio!.median).toBeLessThan(2);
    expect(driftNote(baseline, rows)).toEqual([expect.stringContaining('the middle of 1 rows')]);
  });

  it('is refused on another machine, with what differs', async () => {
    const here = await fingerprintHere();
    const other = { ...here, node: 'v99.0.0', 'instruction set': 'neon' };
    const refused = await savedBaseline(home, other).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FingerprintMismatch);
    expect(refused).toBeInstanceOf(CannotRunError);
    expect((refused as FingerprintMismatch).differs).toEqual([
      `instruction set ${here['instruction set']}, here neon`,
      `node ${here.node}, here v99.0.0`,
    ]);
    // The nearest of several speaks.
    await saveBaseline([row], home, { ...other, kernel: '1.2.3', cores: '1000' });
    const nearest = await savedBaseline(home, { ...other, kernel: '1.2.3', cores: '999' }).catch((e) => e);
    expect((nearest as FingerprintMismatch).differs).toEqual(['cores 1000, here 999']);
  });

  it('that is damaged is no baseline', async () => {
    const folder = await saveBaseline([row], home);
    writeFileSync(join(folder, 'baseline.json'), '{"fingerprint": {}}');
    await expect(savedBaseline(home)).rejects.toThrow(/is not a baseline/);
  });

  it('differs from another in what either does not know', () => {
    expect(differences({ a: '1', b: '2' }, { b: '3', c: '4' })).toEqual([
      'a 1, here unknown',
      'b 2, here 3',
      'c unknown, here 4',
    ]);
  });

  it('has its words on the command line', () => {
    expect(readArguments(['bench', '--vs', 'baseline'])).toMatchObject({ build: 'baseline' });
    expect(readArguments(['bench', '--save-baseline'])).toMatchObject({ saveBaseline: true });
    expect(() => readArguments(['all', '--vs', 'baseline'])).toThrow(UsageError);
  });
});
