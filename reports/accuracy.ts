// What the accuracy section of a run amounts to: which rows have a truth, who stays within how much, who is the worse. No layout.

import { count, plural } from './format.js';
import type { Accuracy, AccuracyRow, RunResult, UlpErrors } from './schema/index.js';
import { REFERENCE_TITLES } from './verdict.js';

/** Whose results are measured, in the order in which reports show them. */
export const MEASURED = ['torchstone', 'numpy', 'torch'] as const;
export type MeasuredOf = (typeof MEASURED)[number];

/** A truth that PyTorch's float64 result contradicts by more ULP than this is none. */
export const DOUBTFUL = 0.01;
/** The bounds by which calls are counted. */
export const BOUNDS = [0.5, 1, 4] as const;

/** The accuracy of a run, where it measured any. */
export function accuracyOf(run: RunResult): Accuracy | undefined {
  const found = run.suites.find((suite) => suite.accuracy)?.accuracy;
  return found && found.rows.length > 0 ? found : undefined;
}

/** One side's errors in a row. */
export function errorsOf(row: AccuracyRow, who: MeasuredOf): UlpErrors | undefined {
  return who === 'torchstone' ? row.ours : row[who];
}

/** Whether the two float64 results are too far apart for either to be the truth. */
export function isDoubtful(row: AccuracyRow): boolean {
  return (row.truthApart ?? 0) > DOUBTFUL;
}

/** How many calls stay within each of the bounds. */
export function within(rows: readonly AccuracyRow[], who: MeasuredOf): number[] {
  const errors = rows.flatMap((row) => errorsOf(row, who) ?? []);
  // A half ULP, and what rounding the figure to four digits adds to it.
  return BOUNDS.map((most) => errors.filter((one) => one.max <= most * 1.001).length);
}

/** The ops in which one side's greatest error is above 1 ULP and at least twice the other's. */
export function twiceAsFar(rows: readonly AccuracyRow[], who: MeasuredOf, than: MeasuredOf): string[] {
  const found = rows.filter((row) => {
    const [theirs, others] = [errorsOf(row, who)?.max, errorsOf(row, than)?.max];
    return theirs !== undefined && others !== undefined && theirs > 1 && theirs >= 2 * others;
  });
  return [...new Set(found.map((row) => row.op))];
}

/** The console's lines. */
export function accuracyText(run: RunResult): string {
  const found = accuracyOf(run);
  if (found === undefined) return '';
  const rows = found.rows.filter((row) => !isDoubtful(row));
  const sides = MEASURED.flatMap((who) => {
    const asked = rows.filter((row) => errorsOf(row, who)).length;
    if (asked === 0) return [];
    const [half = 0, one = 0] = within(rows, who);
    const name = who === 'torchstone' ? 'ours' : REFERENCE_TITLES[who];
    return [`${name} ${count(half)} within ½ ULP, ${count(one)} within 1, of ${count(asked)}`];
  });
  const worse = twiceAsFar(rows, 'torchstone', 'torch');
  const told = worse.length > 0 ? `\n  at least twice PyTorch's error: ${worse.join(', ')}` : '';
  const alone = found.missing === undefined ? '' : `\n  ${found.missing}`;
  return `Accuracy of ${found.dtype} in ${plural(found.rows.length, 'call')}: ${sides.join('; ')}${told}${alone}`;
}
