// What was checked of every op: the table op × check. Derived from the cases alone; no layout.
import type { CaseResult, RunResult } from './schema/index.js';

/** How one check of one op came out over all its cases. */
export type Mark = 'pass' | 'fail' | 'inconclusive' | 'skip' | 'none';

/** One cell: how it came out and over how many cases. */
export interface Cell {
  readonly mark: Mark;
  readonly cases: number;
}

/** The table. `columns` are check names, `rows` ops in alphabetical order. */
export interface Coverage {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly op: string; readonly cases: number; readonly cells: readonly Cell[] }[];
}

const ORDER = [
  'values',
  'numpy',
  'dtype',
  'shape',
  'strides',
  'aliasing',
  'inputs',
  'text',
  'method',
  'gradients',
  'gradcheck',
  'gradgradcheck',
  'errors',
];
const WORST: readonly Mark[] = ['fail', 'inconclusive', 'pass', 'skip', 'none'];

/** Builds the table from all cases that name an op. */
export function coverage(run: RunResult): Coverage {
  const cases = run.suites.flatMap((suite) => suite.cases).filter((one) => one.op !== undefined);
  const tallies = new Map<string, Map<string, Mark[]>>();
  for (const one of cases) {
    const own = tallies.get(one.op as string) ?? new Map<string, Mark[]>();
    tallies.set(one.op as string, own);
    for (const [check, mark] of Object.entries(checksOf(one))) {
      own.set(check, [...(own.get(check) ?? []), mark]);
    }
  }
  const names = new Set([...tallies.values()].flatMap((own) => [...own.keys()]));
  const columns = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const rows = [...tallies]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([op, own]) => ({
      op,
      cases: cases.filter((one) => one.op === op).length,
      cells: columns.map((column) => cell(own.get(column) ?? [])),
    }));
  return { columns, rows };
}

/** A case's checks; a case that names none, because it broke before the first, counts for what its suite is about. */
function checksOf(one: CaseResult): Readonly<Record<string, Mark>> {
  const layout = layoutOf(one);
  const checks: Record<string, Mark> = {
    ...(one.checks ?? { [one.suite === 'validate' ? 'values' : one.suite]: statusMark(one) }),
  };
  if (layout) checks[layout] = statusMark(one);
  return checks;
}

/** The layout that a case id names, where it is worth a column: `add/2@float32,strided`. */
function layoutOf(one: CaseResult): string | undefined {
  return /@[a-z0-9]+,(transposed|strided|offset|expanded)\b/.exec(one.id)?.[1];
}

function statusMark(one: CaseResult): Mark {
  return one.status === 'error' ? 'fail' : one.status;
}

function cell(marks: readonly Mark[]): Cell {
  return { mark: WORST.find((mark) => marks.includes(mark)) ?? 'none', cases: marks.length };
}

function rank(check: string): number {
  const at = ORDER.indexOf(check);
  return at < 0 ? ORDER.length : at;
}
