// The notebook suite: it passes as a whole, fails when a fact is wrong, and timeBlock times.
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import * as engine from '../../engine/index.js';
import { openFixtures } from '../../suites/common/fixtures.js';
import { Check } from '../../suites/notebook/check.js';
import { notebookSuite } from '../../suites/notebook/index.js';
import { Recording } from '../../suites/notebook/recording.js';
import { showTime, timeBlock } from '../../suites/notebook/time.js';
import { packageRoot } from '../../suites/runner/machine.js';
import { silentProgress } from '../../suites/runner/progress.js';

const fixtures = join(packageRoot(), 'fixtures');
const options = { seed: 1, signal: new AbortController().signal, progress: silentProgress(), fixtures };

describe('the notebook', () => {
  it('holds in every cell', { timeout: 60_000 }, async () => {
    const result = await notebookSuite.run(options);
    const short = result.cases
      .filter((one) => one.status !== 'pass')
      .map((one) => `${one.id}: ${one.message}`);
    expect(short).toEqual([]);
    const letters = new Set(result.cases.map((one) => one.id.split('/')[1]));
    // F is the table of timings, which the bench runs.
    expect([...letters].sort().join('')).toBe('ABCDEGHIJKLM');
    expect(result.compared).toBeGreaterThan(200);
    expect(result.series?.length).toBeGreaterThanOrEqual(3);
  });

  it('runs the cells that a filter names, and refuses one that names none', async () => {
    const result = await notebookSuite.run({ ...options, filter: 'notebook/H/*' });
    expect(result.cases.map((one) => one.id)).toEqual(['notebook/H/gradient', 'notebook/H/errors']);
    await expect(notebookSuite.run({ ...options, filter: 'nowhere' })).rejects.toThrow(/no cell matches/);
  });

  it('stops between cells when it is told to', async () => {
    const result = await notebookSuite.run({ ...options, signal: AbortSignal.abort() });
    expect(result.cases).toEqual([]);
    expect(result.status).not.toBe('pass');
  });
});

describe('a cell', () => {
  let recording: Recording;
  beforeAll(async () => {
    recording = new Recording(await openFixtures(fixtures));
  });
  const judged = (cell: string, run: (check: Check) => void) => {
    const check = new Check(cell, recording);
    run(check);
    return check.result('notebook/test', 0);
  };

  it('fails on a wrong value, dtype, text, fact and error', () => {
    const wrong = engine.ones(3, 2);
    wrong.setAt([1, 1], 1.001);
    const value = judged('A', (check) => check.tensor('ones', wrong));
    expect(value).toMatchObject({
      status: 'fail',
      checks: { values: 'fail', text: 'fail' },
      worst: { index: [1, 1] },
    });
    const double = engine.ones([3, 2], { dtype: 'float64' });
    expect(judged('A', (check) => check.tensor('ones', double, false)).message).toContain('float64');
    expect(judged('A', (check) => check.text('t', 'a', 'b')).status).toBe('fail');
    expect(judged('A', (check) => check.holds('pigs fly', false)).message).toContain('pigs fly');
    expect(judged('A', (check) => check.near('x', 1, 1.1, 0.01)).status).toBe('fail');
    expect(judged('A', (check) => check.error('none', () => 1, /./)).message).toContain('raises nothing');
  });

  it('takes only typed errors of the recorded class that say what is wrong', () => {
    const out = (raise: () => unknown, message: RegExp) =>
      judged('B', (check) => check.error('outOfRange', raise, message));
    const plain = () => {
      throw new Error('index 3');
    };
    expect(out(plain, /3/).status).toBe('fail');
    expect(out(() => engine.ones(2).view(3), /./).message).toContain('instead of IndexError');
    expect(out(() => engine.ones(3, 2).at(3, 0), /no such words/).status).toBe('fail');
    expect(out(() => engine.ones(3, 2).at(3, 0), /3/).status).toBe('pass');
  });

  it('does not hold when it compared nothing', () => {
    expect(judged('A', () => {}).message).toContain('compared nothing');
  });
});

describe('timeBlock', () => {
  it('times work and waiting apart', async () => {
    // The processor's clock of the process moves for its other threads too: the test sets what the block spends.
    const wall = vi
      .spyOn(process.hrtime, 'bigint')
      .mockReturnValueOnce(5_000_000n)
      .mockReturnValueOnce(65_000_000n);
    const spent = vi
      .spyOn(process, 'cpuUsage')
      .mockImplementation((since) =>
        since === undefined ? { user: 100, system: 10 } : { user: 2_000, system: 500 },
      );
    const waited = await timeBlock(() => new Promise((resolve) => setTimeout(() => resolve('done'), 5)));
    wall.mockRestore();
    spent.mockRestore();
    expect(waited).toMatchObject({ result: 'done', wall: 60, user: 2, sys: 0.5, total: 2.5 });
  });

  it('passes on what the block throws', () => {
    expect(() =>
      timeBlock(() => {
        throw new Error('no');
      }),
    ).toThrow('no');
  });

  it('shows times as the notebook does', () => {
    expect([0.0000005, 0.0123, 1.5, 999.4, 59_990, 102_000, 3_600_000].map(showTime)).toEqual([
      '0.5 ns',
      '12.3 µs',
      '1.5 ms',
      '999 ms',
      '60 s',
      '1min 42s',
      '1h',
    ]);
  });
});
