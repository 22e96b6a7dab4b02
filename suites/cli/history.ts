// The history file: one JSON line a run, which the report charts.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  CannotRunError,
  type HistoryLine,
  HistoryLineSchema,
  type RunResult,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { geometricMean, rowKey } from '../../reports/timings.js';
import { benchRows, exitCode, referencesOf } from '../../reports/verdict.js';
import { machineKey } from '../runner/machine.js';
import type { Arguments } from './args.js';

const FILE = 'history.jsonl';
/** The file is cut to so many lines when it has grown to twice as many. */
export const MOST_LINES = 400;
/** So many go into the result file. */
const SHOWN_LINES = 60;
const MOST_ROWS = 40;

/** Appends a line about the run, where it was a whole one, and gives the run what the file holds. */
export function remember(run: RunResult, args: Arguments, folder: string | undefined): RunResult {
  const file = args.history ?? (folder === undefined ? undefined : join(folder, FILE));
  if (file === undefined) return run;
  const path = resolve(file);
  // Part of a run would show as a fall of every count.
  const part = run.partial || args.eachOp || args.filter !== undefined;
  const whole = !part && args.shard === undefined && args.maxFailures === undefined;
  try {
    if (whole) append(path, historyLine(run));
    const { lines, unread } = read(path);
    return { ...run, history: { file, lines: lines.slice(-SHOWN_LINES), unread } };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new CannotRunError(`the history ${path} cannot be written: ${error.message}`);
  }
}

/** What a run came to, in a line. */
export function historyLine(run: RunResult): HistoryLine {
  const rows = benchRows(run);
  const means = referencesOf(rows).flatMap((reference) => {
    const ratios = rows.flatMap((row) =>
      row.reference === reference && row.ratio && !row.withheld ? [row.ratio] : [],
    );
    const ratio = geometricMean(ratios);
    return ratio === undefined ? [] : [[reference, { ratio: digits(ratio), rows: ratios.length }] as const];
  });
  const required = rows.filter((row) => row.required !== undefined);
  // Required ones first: the others are many, and a line is to stay short.
  const telling = [...required, ...rows.filter((row) => row.group === 'notebook')];
  const times = telling.map((row) => [rowKey(row), digits(row.ours.medianNs)] as const);
  return {
    started: run.started,
    ...(run.tool.commit === undefined ? {} : { commit: run.tool.commit }),
    command: run.command,
    machine: machineKey(run.machine),
    exitCode: exitCode(run),
    suites: Object.fromEntries(run.suites.map((suite) => [suite.suite, tally(suite)])),
    means: Object.fromEntries(means),
    required: { held: required.filter((row) => row.required!.held).length, all: required.length },
    rows: Object.fromEntries([...new Map(times)].slice(0, MOST_ROWS)),
  };
}

function tally({ counts, compared, seconds }: SuiteResult): NonNullable<HistoryLine['suites']['validate']> {
  const short = counts.failed + counts.errors + counts.inconclusive;
  return { passed: counts.passed, short, skipped: counts.skipped, compared, seconds: digits(seconds) };
}

function append(path: string, line: HistoryLine): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const lines = text.split('\n').filter((one) => one !== '');
  const mended = text !== '' && !text.endsWith('\n');
  if (lines.length >= 2 * MOST_LINES)
    writeFileSync(path, `${[...lines.slice(1 - MOST_LINES), JSON.stringify(line)].join('\n')}\n`);
  else appendFileSync(path, `${mended ? '\n' : ''}${JSON.stringify(line)}\n`);
}

/** The lines that can be read. Another version's, or half of one, are counted and left alone. */
function read(path: string): { lines: HistoryLine[]; unread: number } {
  const texts = existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((one) => one !== '')
    : [];
  const lines = texts.flatMap((text) => parsed(text) ?? []);
  return { lines, unread: texts.length - lines.length };
}

function parsed(text: string): HistoryLine | undefined {
  try {
    return HistoryLineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function digits(value: number): number {
  return Number(value.toPrecision(5));
}
