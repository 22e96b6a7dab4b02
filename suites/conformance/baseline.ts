// The committed baseline of conformance: which entries pass which column, and how many elements are compared. Less
// fails the run.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CaseResult,
  type Column,
  type ProgramKind,
  programTotals,
  type RunResult,
} from '../../reports/schema/index.js';
import { packageRoot } from '../runner/machine.js';

/** What a run must reach. */
export interface Floor {
  readonly compared: number;
  /** How many modules, optimizers and schedulers pass. */
  readonly programs?: Readonly<Partial<Record<ProgramKind, number>>>;
  readonly columns: Readonly<Record<Column, readonly string[]>>;
}

type Floors = { readonly [mode in 'recorded' | 'live']?: Floor };

const PATH = join('suites', 'conformance', 'baseline.json');

/** The floors as committed. */
export function readFloors(): Floors {
  return JSON.parse(readFileSync(join(packageRoot(), PATH), 'utf8')) as Floors;
}

/** `add@float32` → `add`. */
export function entryOf(id: string): string {
  return id.slice(0, id.lastIndexOf('@'));
}

/** How an entry does in a column over all its cases; undefined where it has no calls there. */
export type Standing = 'pass' | 'fail' | 'not done';

/** Entry → column → standing. */
export function standingsOf(cases: readonly CaseResult[]): Map<string, Map<Column, Standing>> {
  const found = new Map<string, Map<Column, Standing>>();
  for (const one of cases) {
    const entry = entryOf(one.id);
    const own = found.get(entry) ?? new Map<Column, Standing>();
    found.set(entry, own);
    for (const [column, tally] of Object.entries(one.columns ?? {}) as [Column, Tally][]) {
      const before = own.get(column);
      const now = tally.failed > 0 ? 'fail' : tally.notDone > 0 ? 'not done' : 'pass';
      own.set(column, before === 'fail' || now === 'fail' ? 'fail' : before === 'not done' ? before : now);
    }
  }
  return found;
}
type Tally = { readonly passed: number; readonly failed: number; readonly notDone: number };

/** The entries that pass a column, sorted. */
export function passing(cases: readonly CaseResult[], column: Column): string[] {
  return [...standingsOf(cases)]
    .filter(([, own]) => own.get(column) === 'pass')
    .map(([entry]) => entry)
    .sort();
}

/** What a finished run reached. */
export function floorOf(cases: readonly CaseResult[]): Floor {
  const pass = (column: Column) => passing(cases, column);
  const columns = {
    forward: pass('forward'),
    backward: pass('backward'),
    double: pass('double'),
    'forward mode': pass('forward mode'),
    errors: pass('errors'),
  };
  const entries = cases.filter((one) => one.columns !== undefined);
  const programs = Object.fromEntries(programTotals(cases).map(({ kind, passing }) => [kind, passing]));
  return { compared: entries.reduce((sum, one) => sum + one.compared, 0), programs, columns };
}

/** Writes the floor of the run's mode; says what it wrote. */
export function updateFloor(run: RunResult): string {
  const suite = run.suites.find((one) => one.conformance !== undefined);
  if (suite?.conformance === undefined || run.partial)
    return 'the floor is left as it is: the run is not complete';
  const next = { ...readFloors(), [suite.conformance.mode]: floorOf(suite.cases) };
  const text = JSON.stringify(next, null, 2);
  writeFileSync(join(packageRoot(), PATH), `${text}\n`);
  return `${PATH}: the floor of ${suite.conformance.mode} runs is this run`;
}
