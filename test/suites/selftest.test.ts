// Mutation testing under test: it names a mutant that nothing notices, or that is not taken out again, keeps its
// baseline, and leaves the engine unchanged.
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { consoleSummary } from '../../reports/console.js';
import { htmlReport } from '../../reports/html.js';
import { markdownReport } from '../../reports/markdown.js';
import { parseRunResult, type SuiteResult } from '../../reports/schema/index.js';
import { exitCode } from '../../reports/verdict.js';
import type { SuiteOptions } from '../../suites/common/suite.js';
import { silentProgress } from '../../suites/runner/progress.js';
import { FLOOR } from '../../suites/selftest/baseline.js';
import { selftest } from '../../suites/selftest/index.js';
import { LAWS } from '../../suites/selftest/invariants.js';
import type { Mutant } from '../../suites/selftest/mutant.js';
import { MUTANTS } from '../../suites/selftest/mutants.js';
import { smallestSeen } from '../../suites/selftest/sensitivity.js';
import { validateOps } from '../../suites/validate/index.js';
import { ROOT } from '../support/root.js';
import { sampleRun } from '../support/sample-run.js';

const options: SuiteOptions = {
  seed: 0,
  signal: new AbortController().signal,
  progress: silentProgress(),
  fixtures: join(ROOT, 'fixtures'),
};
const harmless: Mutant = {
  name: 'harmless',
  doc: 'nothing is wrong',
  families: [],
  cases: ['exp/shape-*'],
  apply: () => () => {},
};
const named = (...names: string[]) => MUTANTS.filter(({ name }) => names.includes(name));
const caseOf = (result: SuiteResult, id: string) => result.cases.find((one) => one.id === `selftest/${id}`);
const runOf = (suite: SuiteResult) => ({ ...sampleRun(), suites: [suite] });

describe('the selftest', () => {
  test('names a mutant that nothing notices, and fails', async () => {
    const mutants = [harmless, ...named('value-zeroed', 'gradient-wrong-sign', 'max-ignores-nan')];
    const result = await selftest(options, { mutants, sizes: [10], floor: { ...FLOOR, killed: 3 } });
    expect(caseOf(result, 'harmless')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/^survived \d+ checks/),
    });
    expect(result.status).toBe('fail');
    expect(result.notes).toContain('3 of 4 mutants killed; survivors: harmless');
    expect(result.cases.filter((one) => one.status !== 'pass').map((one) => one.id)).toEqual([
      'selftest/harmless',
    ]);
    const run = runOf(result);
    expect(exitCode(run)).toBe(1);
    expect(parseRunResult(JSON.stringify(run))).toEqual(run);
    expect(consoleSummary(run)).toMatch(/harmless +0 of \d+ .*SURVIVED/);
    expect(markdownReport(run)).toMatch(/\| gradient-wrong-sign \|.*\| killed \|/);
    expect(htmlReport(run)).toContain('1 of 4 deliberate faults survived: harmless');
  });

  test('leaves the engine as it was', async () => {
    const after = await validateOps({ ...options, filter: 'exp/shape-' });
    expect(after).toMatchObject({ status: 'pass' });
    for (const law of LAWS) expect(law.check(), law.name).toBeUndefined();
  });

  test('counts no check that fails without a mutant', async () => {
    const broken = LAWS.find((one) => one.name === 'stream-moves')!;
    const spy = vi.spyOn(broken, 'check').mockReturnValue('broken');
    const mutants: Mutant[] = [{ ...harmless, laws: ['stream-moves'] }];
    const result = await selftest({ ...options, filter: 'harmless' }, { mutants });
    spy.mockRestore();
    expect(caseOf(result, 'harmless')?.status).toBe('fail');
    expect(caseOf(result, 'clean')?.message).toContain('laws law/stream-moves: broken');
  });

  test('notices a mutant that is not taken out again', async () => {
    const [zeroed] = named('value-zeroed');
    let undo = () => {};
    const stuck: Mutant = {
      ...zeroed!,
      apply: () => {
        undo = zeroed!.apply();
        return () => {};
      },
    };
    const result = await selftest({ ...options, filter: 'value-zeroed' }, { mutants: [stuck] });
    undo();
    expect(caseOf(result, 'restored')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('not taken out again'),
    });
  });

  test('fails below its floor', async () => {
    const floor = { killed: 2, sensitivity: { 'gradcheck, full': { 10: 1e-9 } } };
    const result = await selftest(options, { mutants: named('alias-for-copy'), sizes: [10], floor });
    expect(caseOf(result, 'alias-for-copy')?.status).toBe('pass');
    expect(caseOf(result, 'floor')?.message?.split('\n')).toEqual([
      '1 mutants were killed, the floor is 2',
      'gradcheck, full, 10 elements: the smallest error seen is 0.00001, the floor 1e-9',
    ]);
    expect(result.status).toBe('fail');
  });

  test('cannot run without a mutant', async () => {
    await expect(selftest({ ...options, filter: 'no-such' })).rejects.toThrow(/neither a mutant/);
  });
});

describe('the catalogue', () => {
  test('has at least 20 mutants of different names, and a floor that it can reach', () => {
    expect(new Set(MUTANTS.map((one) => one.name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
    expect(FLOOR.killed).toBe(MUTANTS.length);
  });
});

describe('smallestSeen', () => {
  test.each([
    [3e-7, 1e-6],
    [1e-3, 1e-3],
    [0, 1e-16],
  ])('of what is seen from %s on is %s', (from, want) => {
    expect(smallestSeen((epsilon) => epsilon >= from)).toBe(want);
  });
  test('is nothing where nothing is seen', () => {
    expect(smallestSeen(() => false)).toBeNull();
  });
});
