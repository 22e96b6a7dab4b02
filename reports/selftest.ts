// The selftest's two tables as rows of text: the kill matrix and the smallest error each check still sees.
import type { MutantResult, Selftest } from '../suites/results.js';

/** A table of text; the first column names the row. */
export interface TextTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What the tables show. */
export const SELFTEST_TITLES = {
  kills: 'Kill matrix: how many of the cases that were asked noticed the fault',
  sensitivity: 'The smallest error in one of N elements that each check still sees',
} as const;

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
