// The history file: which runs write a line, what stands in it, and what becomes of a long or a damaged file.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CannotRunError, HistoryLineSchema, RunResultSchema } from '../../../reports/schema/index.js';
import { readArguments } from '../../../suites/cli/args.js';
import { historyLine, MOST_LINES, remember } from '../../../suites/cli/history.js';
import { sampleRun } from '../../support/sample-run.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-history-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = sampleRun();
const args = (...words: string[]) => {
  const found = readArguments(['all', ...words]);
  if (found.command === undefined) throw new Error('no command');
  return found;
};
const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');

describe('a line', () => {
  it('holds counts, means, what was required and the times that matter', () => {
    const line = HistoryLineSchema.parse(historyLine(run));
    expect(line.suites.validate).toMatchObject({ short: 0, skipped: 2 });
    expect(line.suites.gradcheck!.passed).toBe(run.suites[1]!.counts.passed);
    expect(line.required).toEqual({ held: 1, all: 1 });
    expect(line.exitCode).toBe(0);
    const ratios = run.suites.flatMap((suite) => suite.rows ?? []).filter((row) => row.reference === 'torch');
    const mean = Math.exp(ratios.reduce((sum, row) => sum + Math.log(row.ratio!.median), 0) / ratios.length);
    expect(line.means.torch!.ratio).toBeCloseTo(mean, 3);
    expect(line.means.torch!.rows).toBe(ratios.length);
    expect(line.rows.T1).toBe(14.1e6);
    expect(JSON.stringify(line).length).toBeLessThan(4000);
    expect(historyLine(sampleRun({ broken: true }))).toMatchObject({
      exitCode: 1,
      required: { held: 0, all: 1 },
    });
  });
});

describe('the file', () => {
  it('lies beside the reports, grows by a line a run, and comes back with the run', () => {
    const first = remember(run, args(), folder);
    const second = remember({ ...run, started: '2026-03-03T09:00:00.000Z' }, args(), folder);
    expect(linesOf(join(folder, 'history.jsonl'))).toHaveLength(2);
    expect(first.history!.lines).toHaveLength(1);
    expect(second.history!.lines.map((line) => line.started)).toEqual([
      run.started,
      '2026-03-03T09:00:00.000Z',
    ]);
    RunResultSchema.parse(second);
  });

  it('gets no line of part of a run, but is shown', () => {
    const file = join(folder, 'parts.jsonl');
    remember(run, args('--history', file), undefined);
    for (const part of [
      remember({ ...run, partial: true }, args('--history', file), folder),
      remember(run, { ...args('--history', file), filter: 'exp' }, folder),
      remember(run, args('--history', file, '--shard', '1/2'), folder),
      remember(run, args('--history', file, '--max-failures', '1'), folder),
    ])
      expect(part.history!.lines).toHaveLength(1);
    expect(linesOf(file)).toHaveLength(1);
  });

  it('counts what it cannot read, and mends a half line', () => {
    const file = join(folder, 'damaged.jsonl');
    writeFileSync(file, 'not json\n{"started":"2026');
    const { history } = remember(run, args('--history', file), folder);
    expect(history).toMatchObject({ unread: 2 });
    expect(history!.lines).toHaveLength(1);
    expect(linesOf(file)).toHaveLength(3);
  });

  it('is cut when it has grown long', () => {
    const file = join(folder, 'long.jsonl');
    const line = `${JSON.stringify(historyLine(run))}\n`;
    appendFileSync(file, line.repeat(2 * MOST_LINES));
    const { history } = remember({ ...run, seed: 1 }, args('--history', file), folder);
    expect(linesOf(file)).toHaveLength(MOST_LINES);
    expect(history!.lines.length).toBeLessThan(MOST_LINES);
  });

  it('that cannot be written stops the run with a reason', () => {
    expect(() => remember(run, args('--history', join(folder, 'no', 'such', 'x.jsonl')), folder)).toThrow(
      CannotRunError,
    );
  });
});
