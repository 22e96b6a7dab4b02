// The conformance run as numbers and tables: entry × column × dtype, totals, and the page of them. A function of the result alone.

import { count, instant, plural } from './format.js';
import {
  type CaseResult,
  COLUMNS,
  type Column,
  type ColumnTally,
  programTotals,
  type RunResult,
  type SuiteResult,
} from './schema/index.js';

/** How the calls of a column came out, and the entries that have such calls. */
export interface ColumnTotal {
  readonly column: Column;
  readonly entries: number;
  readonly passing: number;
  readonly passed: number;
  readonly failed: number;
  readonly notDone: number;
}

/** One entry over all its cases. */
export interface EntryRow {
  readonly entry: string;
  /** Column → dtype (or `errors`) → calls. */
  readonly cells: ReadonlyMap<Column, readonly { readonly dtype: string; readonly tally: ColumnTally }[]>;
  /** Why it cannot apply. */
  readonly excuse?: string;
  /** Failures first. */
  readonly message?: string;
}

export type State = 'pass' | 'fail' | 'not done';

export function stateOf({ failed, notDone }: ColumnTally): State {
  return failed > 0 ? 'fail' : notDone > 0 ? 'not done' : 'pass';
}

/** `modules 114 of 114, optimizers 14 of 15`; empty where there are none. */
export function programText(cases: readonly CaseResult[]): string {
  return programTotals(cases)
    .map(({ kind, passing, of }) => `${kind} ${passing} of ${of}`)
    .join(', ');
}

/** The conformance suite of a run, where there is one. */
export function conformanceOf(run: RunResult): SuiteResult | undefined {
  return run.suites.find((suite) => suite.suite === 'conformance' && suite.cases.length > 0);
}

/** The entries in the order of the database. */
export function entryRows(suite: SuiteResult): EntryRow[] {
  const rows = new Map<string, CaseResult[]>();
  for (const one of suite.cases) {
    if (one.columns === undefined) continue;
    const entry = one.id.slice(0, one.id.lastIndexOf('@'));
    rows.set(entry, [...(rows.get(entry) ?? []), one]);
  }
  return [...rows].map(([entry, cases]) => {
    const excuse = cases.find((one) => one.reason?.startsWith('cannot apply: '))?.reason;
    const message = cases.find((one) => one.message !== undefined)?.message;
    return {
      entry,
      cells: new Map(COLUMNS.map((column) => [column, cellsOf(cases, column)])),
      ...(excuse === undefined ? {} : { excuse }),
      ...(message === undefined ? {} : { message }),
    };
  });
}

function cellsOf(cases: readonly CaseResult[], column: Column): { dtype: string; tally: ColumnTally }[] {
  return cases.flatMap((one) => {
    const tally = one.columns?.[column];
    return tally === undefined ? [] : [{ dtype: one.id.slice(one.id.lastIndexOf('@') + 1), tally }];
  });
}

/** How an entry does in a column over all dtypes; undefined where it has no calls. */
export function entryState(row: EntryRow, column: Column): State | undefined {
  const cells = row.cells.get(column) ?? [];
  if (cells.length === 0) return undefined;
  const states = cells.map(({ tally }) => stateOf(tally));
  return states.includes('fail') ? 'fail' : states.includes('not done') ? 'not done' : 'pass';
}

/** Totals by column. */
export function columnTotals(rows: readonly EntryRow[]): ColumnTotal[] {
  return COLUMNS.map((column) => {
    const tallies = rows.flatMap((row) => (row.cells.get(column) ?? []).map(({ tally }) => tally));
    const sum = (key: keyof ColumnTally) => tallies.reduce((total, one) => total + one[key], 0);
    const states = rows.map((row) => entryState(row, column));
    return {
      column,
      entries: states.filter((state) => state !== undefined).length,
      passing: states.filter((state) => state === 'pass').length,
      passed: sum('passed'),
      failed: sum('failed'),
      notDone: sum('notDone'),
    };
  });
}

/** Entries that pass everything that a use without derivatives, and one with first derivatives, needs. */
export function wholeEntries(rows: readonly EntryRow[]): number {
  return rows.filter((row) => {
    const [forward, backward] = [entryState(row, 'forward'), entryState(row, 'backward')];
    return forward === 'pass' && (backward === undefined || backward === 'pass');
  }).length;
}

/** The console's block. Few cases are told one by one. */
export function conformanceText(run: RunResult): string {
  const suite = conformanceOf(run);
  if (suite?.conformance === undefined) return '';
  const rows = entryRows(suite);
  const single = suite.cases.length <= 60 ? suite.cases.map(accountText) : [];
  const totals = columnTotals(rows).map(
    ({ column, entries, passing, passed, failed, notDone }) =>
      `  ${column.padEnd(13)} ${String(passing).padStart(4)} of ${String(entries).padEnd(4)} entries; calls: ${count(passed)} passed, ${count(failed)} failed, ${count(notDone)} not done`,
  );
  const { mode, torch, entries, empty } = suite.conformance;
  const closer = suite.cases.reduce((sum, one) => sum + (one.closer ?? 0), 0);
  const whole = `${wholeEntries(rows)} of ${entries} entries pass forward and, where they have one, backward`;
  const programs = programText(suite.cases);
  const more = [
    ...(programs === '' ? [] : [`classes that pass: ${programs}`]),
    `${count(suite.compared)} elements compared, ${plural(closer, 'result')} outside the tolerance but closer to float64 than PyTorch's`,
    ...(empty.length > 0 ? [`without a case here: ${empty.join(', ')}`] : []),
  ];
  const title = `Conformance (${mode}, PyTorch ${torch}): ${whole}`;
  return [...single, title, ...totals, ...more.map((line) => `  ${line}`)].join('\n');
}

/** `✗ add@float32: forward 9/12 …`. */
function accountText(one: CaseResult): string {
  const parts = COLUMNS.flatMap((column) => {
    const tally = one.columns?.[column];
    if (tally === undefined) return [];
    const total = tally.passed + tally.failed + tally.notDone;
    return [`${column} ${tally.passed}/${total}${tally.notDone > 0 ? ` (${tally.notDone} not done)` : ''}`];
  });
  const mark = { pass: '✓', skip: '○', fail: '✗', error: '✗', inconclusive: '?' }[one.status];
  const closer = one.closer ? ` · ${one.closer} by the float64 result` : '';
  return `${mark} ${one.id}: ${parts.join(', ') || 'no samples'}${closer}`;
}

/** The page of a run: totals, versions, and every entry that does not pass, with what it lacks. */
export function conformancePage(run: RunResult): string {
  const suite = conformanceOf(run);
  if (suite?.conformance === undefined) return '# Conformance\n\nThe run had no conformance suite.\n';
  const rows = entryRows(suite);
  const { mode, torch, entries, empty } = suite.conformance;
  const totals = columnTotals(rows).map(
    ({ column, entries: having, passing, passed, failed, notDone }) =>
      `| ${column} | ${passing} of ${having} | ${count(passed)} | ${count(failed)} | ${count(notDone)} |`,
  );
  return `# Conformance with PyTorch's own test database

Written by \`${run.command}\` (${mode} calls, PyTorch ${torch}, seed ${run.seed}, ${instant(run.started)}). Do not edit.

PyTorch ships the database that its own tests run on, \`torch.testing._internal.common_methods_invocations.op_db\`: ${entries} entries.
The suite replays its calls. **${wholeEntries(rows)} entries** pass every call forward and, where they are differentiable, backward;
${count(suite.compared)} elements were compared. What a call is held to is told in [suites/conformance](../../suites/conformance/README.md).

| column | entries that pass | calls passed | failed | not done |
| --- | ---: | ---: | ---: | ---: |
${totals.join('\n')}

## Modules, optimizers, schedulers

${programTable(suite.cases)}

## Entries that do not pass

${shortTable(rows)}

## Entries that cannot apply

${excuseList(rows)}
${empty.length > 0 ? `\nThese take no dtype of the run on the CPU, so PyTorch itself has no calls for them: ${empty.map((one) => `\`${one}\``).join(', ')}.\n` : ''}`;
}

/** Of `module_db`, `optim_db` and the schedulers' sequences. */
function programTable(cases: readonly CaseResult[]): string {
  const totals = programTotals(cases);
  if (totals.length === 0) return 'None in this run.';
  const short = cases.filter((one) => one.columns === undefined && one.status !== 'pass');
  return [
    "Held to PyTorch's `module_db` (text, state dict, results, gradients, buffers, refusals), `optim_db` (20 steps, state after each, resumed from PyTorch's state) and 60 steps of each scheduler.",
    '',
    '| kind | classes that pass |',
    '| --- | ---: |',
    ...totals.map(({ kind, passing, of }) => `| ${kind} | ${passing} of ${of} |`),
    ...short.map((one) => `\n\`${one.id}\`: ${one.reason ?? 'fails'}.`),
  ].join('\n');
}

function shortTable(rows: readonly EntryRow[]): string {
  const short = rows.filter(
    (row) =>
      row.excuse === undefined && COLUMNS.some((c) => !['pass', undefined].includes(entryState(row, c))),
  );
  if (short.length === 0) return 'None.';
  const words: Record<State, string> = { pass: '✓', fail: '**fails**', 'not done': 'not done' };
  const lines = short.map((row) => {
    const cells = COLUMNS.map((column) => {
      const state = entryState(row, column);
      return state === undefined ? '' : words[state];
    });
    return `| \`${row.entry}\` | ${cells.join(' | ')} |`;
  });
  return [
    `| entry | ${COLUMNS.join(' | ')} |`,
    `| --- |${COLUMNS.map(() => ' --- |').join('')}`,
    ...lines,
  ].join('\n');
}

function excuseList(rows: readonly EntryRow[]): string {
  const excused = rows.filter((row) => row.excuse !== undefined);
  if (excused.length === 0) return 'None.';
  return excused.map((row) => `- \`${row.entry}\`: ${row.excuse!.replace('cannot apply: ', '')}.`).join('\n');
}
