// Mutation testing as two tables: the kill matrix, and the smallest error that each check still sees.
import type { Calibration, MutantResult, RunResult, Selftest } from './schema/index.js';

/** A table of text; the first column names the row. */
export interface TextTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What the tables show. */
export const SELFTEST_TITLES = {
  kills: 'Kill matrix: how many of the cases that were asked noticed the fault',
  calibration: 'This build raced against itself: how far the ratio came out from 1',
  sensitivity: 'The smallest error in one of N elements that each check still sees',
} as const;

/** A/A races: this build against itself, plain or with a slowdown put in. */
export function calibrationTable(run: RunResult): TextTable {
  const found = run.suites.flatMap((suite) => suite.calibration ?? []);
  const kinds = new Map<string, Calibration[]>();
  for (const one of found) {
    const key = `${one.id.replace(/\/build$/, '')}|${one.planted}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  const rows = [...kinds.values()].map((races) => {
    const logs = races.map(({ ratio }) => Math.log(ratio.median)).sort((a, b) => a - b);
    const tally = (verdict: Calibration['verdict']) =>
      String(races.filter((one) => one.verdict === verdict).length);
    const percent = (log: number) => `${(100 * Math.expm1(log)).toFixed(2)} %`;
    const { id, planted } = races[0]!;
    return [
      id.replace(/\/build$/, ''),
      planted === 1 ? 'none' : `${(100 * (planted - 1)).toFixed(0)} %`,
      String(races.length),
      percent(logs[logs.length >> 1]!),
      percent(Math.max(...logs.map(Math.abs))),
      ...(['faster', 'same', 'inconclusive', 'slower'] as const).map(tally),
    ];
  });
  const head = ['row', 'planted', 'races', 'median', 'farthest', 'faster', 'same', 'inconclusive', 'slower'];
  return { head, rows };
}

/** Mutant × check. */
export function killTable({ checks, mutants }: Selftest): TextTable {
  const rows = mutants.map((one) => [
    one.name,
    ...checks.map((check) => killCell(one, check)),
    one.killed ? 'killed' : 'SURVIVED',
  ]);
  return { head: ['mutant', ...checks, ''], rows };
}

/** `3 of 20`, or a dot where the check was not asked. */
export function killCell(mutant: MutantResult, check: string): string {
  const cell = mutant.cells.find((one) => one.check === check);
  return cell ? `${cell.killed} of ${cell.ran}` : '·';
}

/** Check × number of elements. */
export function sensitivityTable({ sensitivity }: Selftest): TextTable {
  const sizes = [...new Set(sensitivity.map((one) => one.n))];
  const rows = [...new Set(sensitivity.map((one) => one.check))].map((check) => [
    check,
    ...sizes.map((n) => {
      const found = sensitivity.find((one) => one.check === check && one.n === n);
      return found ? (found.smallest?.toExponential(0) ?? 'none') : '·';
    }),
  ]);
  return { head: ['check', ...sizes.map((n) => `N = ${n}`)], rows };
}
