// Report section: conformance totals by column, and every entry of PyTorch's database.

import {
  columnTotals,
  conformanceOf,
  type EntryRow,
  entryRows,
  programText,
  type State,
  stateOf,
  wholeEntries,
} from '../conformance.js';
import { count } from '../format.js';
import type { RunResult } from '../schema/index.js';
import { COLUMNS } from '../schema/index.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';

const SIGNS: Readonly<Record<State, string>> = { pass: '✓', fail: '✗', 'not done': '○' };
const CSS: Readonly<Record<State, string>> = { pass: 'pass', fail: 'fail', 'not done': 'inconclusive' };

/** Totals, and the table behind them: entry × column, a mark for each dtype. */
export function conformanceSection(run: RunResult): Html {
  const suite = conformanceOf(run);
  if (suite?.conformance === undefined) return NOTHING;
  const { mode, torch, entries } = suite.conformance;
  const rows = entryRows(suite);
  const lead = `${mode === 'live' ? 'Live' : 'Recorded'} calls of PyTorch ${torch}'s own test database: ${wholeEntries(rows)} of ${entries} entries pass forward and, where they have one, backward; ${count(suite.compared)} elements compared. ${programText(suite.cases) === '' ? '' : `Classes that pass: ${programText(suite.cases)}. `}✗ failed, ○ not done.`;
  const totals = columnTotals(rows).map((one) => [
    one.column,
    `${one.passing} of ${one.entries}`,
    count(one.passed),
    count(one.failed),
    count(one.notDone),
  ]);
  const body = rows.map((row) => [
    row.entry,
    ...COLUMNS.map((column) => html`${(row.cells.get(column) ?? []).map(mark)}`),
    html`<span class="soft">${note(row)}</span>`,
  ]);
  const all = table('Entries of the database', ['entry', ...COLUMNS, ''], body, 'matrix');
  return section(
    'conformance',
    'Conformance',
    lead,
    html`<div class="panel">${table('Totals by column', ['column', 'entries that pass', 'calls passed', 'failed', 'not done'], totals)}${behind(`All ${rows.length} entries, a mark for each dtype`, all)}</div>`,
  );
}

function mark({ dtype, tally }: Parameters<typeof tallyText>[0]): Html {
  const state = stateOf(tally);
  return html`<span class="tick ${CSS[state]}" title="${tallyText({ dtype, tally })}"><span aria-hidden="true">${SIGNS[state]}</span><span class="unseen">${dtype} ${state}</span></span>`;
}

function tallyText({
  dtype,
  tally,
}: {
  readonly dtype: string;
  readonly tally: { readonly passed: number; readonly failed: number; readonly notDone: number };
}): string {
  const { passed, failed, notDone } = tally;
  return `${dtype}: ${passed} passed, ${failed} failed, ${notDone} not done`;
}

function note(row: EntryRow): string {
  if (row.excuse !== undefined) return row.excuse;
  const lines = row.message?.split('\n') ?? [];
  const first = (lines.find((line) => line.startsWith('  ')) ?? lines[0] ?? '').trim();
  const plain = first.replace(/throws NotDoneError: /, '').replace(/ \((engine|suites)\/\S+\)/, '');
  return plain.length > 100 ? `${plain.slice(0, 99)}…` : plain;
}
