// results.csv: one line per case, timing and memory figure, for spreadsheets.
import { stringify } from 'csv-stringify/sync';
import type { BenchRow, CaseResult, MemoryFigure, RunResult } from './schema/index.js';

const COLUMNS = [
  'kind',
  'suite',
  'id',
  'op',
  'status',
  'compared',
  'seconds',
  'what',
  'got',
  'want',
  'abs',
  'rel',
  'ulp',
  'tolerance',
  'reference',
  'size',
  'ours_ns',
  'theirs_ns',
  'ratio',
  'ratio_low',
  'ratio_high',
  'launch_ns',
  'completion_ns',
  'measured',
  'limit',
  'unit',
  'message',
] as const;

type Line = Partial<Record<(typeof COLUMNS)[number], string | number | boolean>>;

/** The text of results.csv. */
export function resultsCsv(run: RunResult): string {
  const lines: Line[] = run.suites.flatMap((suite) => [
    ...suite.cases.map(caseLine),
    ...(suite.rows ?? []).map((row) => ({ ...rowLine(row), suite: suite.suite })),
    ...(suite.memory ?? []).map((one) => ({ ...memoryLine(one), suite: suite.suite })),
  ]);
  return stringify(lines, {
    header: true,
    columns: [...COLUMNS],
    // csv-stringify writes false as nothing and −0 as 0, and leaves formulas as they are.
    cast: { boolean: String, number: (value) => (Object.is(value, -0) ? '-0' : String(value)) },
    escape_formulas: true,
  });
}

function caseLine(one: CaseResult): Line {
  const { worst } = one;
  return {
    kind: 'case',
    suite: one.suite,
    id: one.id,
    op: one.op,
    status: one.status,
    compared: one.compared,
    seconds: one.seconds,
    what: worst && `${worst.what}[${worst.index.join(' ')}]`,
    got: worst?.got,
    want: worst?.want,
    abs: worst?.abs,
    rel: worst?.rel,
    ulp: worst?.ulp,
    tolerance: worst?.tolerance,
    message: one.message ?? one.reason,
  };
}

function rowLine(row: BenchRow): Line {
  return {
    kind: 'timing',
    id: row.id,
    op: row.group,
    status: row.correct === false ? 'fail' : row.required?.held === false ? 'fail' : 'pass',
    reference: row.reference,
    size: row.size,
    ours_ns: row.ours.medianNs,
    theirs_ns: row.theirs?.medianNs,
    ratio: row.ratio?.median,
    ratio_low: row.ratio?.low,
    ratio_high: row.ratio?.high,
    launch_ns: row.launchNs,
    completion_ns: row.completionNs,
    message: row.withheld ?? row.note,
  };
}

function memoryLine(one: MemoryFigure): Line {
  return {
    kind: 'memory',
    id: one.id,
    status: one.held ? 'pass' : 'fail',
    measured: one.measured,
    limit: one.limit,
    unit: one.unit,
    message: one.label,
  };
}
