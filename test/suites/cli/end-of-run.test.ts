// The end of a run: bad files beside it, a full disk, an addon that is missing, a clock that is set back.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writeReports } from '../../../reports/write.js';
import { type Arguments, readArguments } from '../../../suites/cli/args.js';
import { main } from '../../../suites/cli/main.js';
import { deliver } from '../../../suites/cli/output.js';
import { shardsOf } from '../../../suites/runner/isolate.js';
import { packageRoot } from '../../../suites/runner/machine.js';
import { stopwatch } from '../../../suites/runner/stopwatch.js';
import { sampleRun } from '../../support/sample-run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchstone-end-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const listener = () => {
  const said: string[] = [];
  return {
    said,
    console: {
      out: (text: string) => void said.push(`out ${text}`),
      err: (text: string) => void said.push(`err ${text}`),
      colour: false,
    },
  };
};

test.each(['{', '[]', '{"schema": 99}', ''])('files that hold %j are bad files: 5', async (text) => {
  const file = join(folder, 'bad.json');
  writeFileSync(file, text);
  for (const words of [
    ['validate', '--filter', 'relu/', '--out', join(folder, 'out'), '--baseline', file],
    ['validate', '--filter', 'relu/', '--out', join(folder, 'out'), '--expectations', file],
    ['report', file, '--out', join(folder, 'out')],
  ]) {
    const { said, console } = listener();
    expect(await main(words, console), `${words}\n${said}`).toBe(5);
  }
});

test('a baseline that is a folder', async () => {
  const { console } = listener();
  expect(await main(['validate', '--out', join(folder, 'out'), '--baseline', folder], console)).toBe(5);
});

test.each(['out', 'jsonl', 'baseline', 'expectations', 'history', 'fixtures'])(
  '--%s with nothing',
  async (flag) => {
    const { said, console } = listener();
    expect(await main(['validate', `--${flag}`, ''], console)).toBe(2);
    expect(said.join('')).toMatch(`--${flag} names nothing`);
  },
);

test.each([
  [true, 1],
  [false, 2],
])('a full disk, with failures: %s', async (broken, code) => {
  const args = readArguments(['validate', '--quiet']) as Arguments;
  const { said, console } = listener();
  const full = { ...args, json: '/dev/full' };
  expect(await deliver(sampleRun({ broken }), full, join(folder, 'full'), console)).toBe(code);
  expect(said[0]).toMatch(/^out /);
  expect(said[1]).toMatch(/^err torchstone validate: \/dev\/full cannot be written: ENOSPC/);
  // What can be written is.
  expect(readdirSync(join(folder, 'full'))).toContain('results.json');
});

test('a report that cannot be written leaves nothing unfinished', async () => {
  const out = join(folder, 'blocked');
  mkdirSync(join(out, 'results.csv'), { recursive: true });
  await expect(writeReports(sampleRun(), out)).rejects.toThrow(/cannot be written/);
  expect(readdirSync(out).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('--jobs is bounded by the processors', () => {
  const order = { suite: 'validate' } as Parameters<typeof shardsOf>[0];
  expect(shardsOf(order, 99999)).toHaveLength(Math.max(4, availableParallelism()));
  expect(shardsOf(order, 2)).toEqual([
    { index: 0, count: 2 },
    { index: 1, count: 2 },
  ]);
});

test('a clock that is set back during a run', () => {
  const now = vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
  try {
    const time = stopwatch();
    now.mockReturnValue(1_700_000_000_000);
    expect(Date.parse(time.finished())).toBeGreaterThanOrEqual(Date.parse(time.started));
  } finally {
    now.mockRestore();
  }
});

test('an addon that is missing, or is none', { timeout: 120_000 }, () => {
  const none = join(folder, 'none.node');
  writeFileSync(none, 'no library');
  for (const [addon, text] of [
    ['/nonexistent', /got none at \/nonexistent/],
    [none, /one that does not load/],
  ] as const) {
    const words = [
      '--import',
      'tsx',
      'suites/cli/bin.ts',
      'validate',
      '--quiet',
      '--out',
      join(folder, 'out'),
    ];
    const { status, stderr } = spawnSync(process.execPath, words, {
      cwd: packageRoot(),
      env: { ...process.env, TORCHSTONE_ADDON: addon },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(text);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(status).toBe(2);
  }
});
