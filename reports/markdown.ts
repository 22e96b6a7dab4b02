// report.md: the run for a pull request or a job summary. The verdict first, then only what a reader must see.

import { changeLines, expectationLines } from './changes.js';
import { columnTotals, conformanceOf, entryRows, wholeEntries } from './conformance.js';
import { failureText } from './console.js';
import { count, instant, nanoseconds, ratio, seconds, significant } from './format.js';
import type { BenchRow, RunResult } from './schema/index.js';
import { calibrationTable, killTable, SELFTEST_TITLES, sensitivityTable } from './selftest.js';
import { type TimingLine, timingLines } from './timings.js';
import {
  benchRows,
  outcome,
  REFERENCE_TITLES,
  referencesOf,
  SUITE_TITLES,
  shortCases,
  shortRows,
  standingMark,
  verdictSentence,
} from './verdict.js';

const MOST_FAILURES = 10;

/** The text of report.md. */
export function markdownReport(run: RunResult): string {
  const mark = { held: '✅', short: '❌', stopped: '⚠️', partial: '⚠️' }[outcome(run)];
  const blocks = [
    `${mark} **${plain(verdictSentence(run))}**`,
    failures(run),
    changes(run),
    suites(run),
    timings(run),
    memory(run),
    selftest(run),
    conformance(run),
    environment(run),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function failures(run: RunResult): string {
  const short = shortCases(run);
  const texts = short.slice(0, MOST_FAILURES).map(failureText);
  if (short.length > MOST_FAILURES) texts.push(`… and ${count(short.length - MOST_FAILURES)} more`);
  texts.push(
    ...shortRows(run).map((row) => {
      const got = row.ratio ? ratio(row.ratio.median) : 'no ratio';
      return `${row.id} against ${REFERENCE_TITLES[row.reference]}: ${row.correct === false ? 'wrong result' : `${got}, required ${row.required?.ratio}×`}`;
    }),
  );
  if (texts.length === 0) return '';
  return `## Failures\n\n\`\`\`text\n${texts.join('\n\n').replace(/```/g, "'''")}\n\`\`\``;
}

function changes(run: RunResult): string {
  const since = changeLines(run);
  const list = (lines: readonly string[]) => lines.map((line) => `- ${plain(line)}`).join('\n');
  const blocks = [
    since === undefined ? '' : `## ${plain(since.title)}\n\n${list(since.lines)}`,
    list(expectationLines(run)),
  ];
  return blocks.filter((block) => block !== '').join('\n\n');
}

function suites(run: RunResult): string {
  const rows = run.suites.map((suite) => {
    const { passed, failed, skipped, inconclusive, errors } = suite.counts;
    const state = suite.status === 'error' ? `could not run: ${suite.reason ?? ''}` : suite.status;
    return [
      SUITE_TITLES[suite.suite],
      state,
      passed,
      failed + errors,
      inconclusive,
      skipped,
      count(suite.compared),
      seconds(suite.seconds),
    ];
  });
  return table(['suite', 'state', 'passed', 'failed', 'undecided', 'skipped', 'elements', 'time'], rows);
}

function timings(run: RunResult): string {
  const lines = timingLines(benchRows(run));
  if (lines.length === 0) return '';
  const references = referencesOf(benchRows(run));
  const rows = lines.map((line) => [
    line.label,
    nanoseconds(line.ours.medianNs),
    ...references.map((reference) => cell(line, reference)),
  ]);
  const head = ['case', 'Torchstone', ...references.map((one) => REFERENCE_TITLES[one])];
  return `## Timings\n\nMedians; the ratio is reference time ÷ our time: above 1 we are faster, ~ is undecided, = the same.\n\n${table(head, rows)}`;
}

function cell(line: TimingLine, reference: BenchRow['reference']): string {
  const row = line.references[reference];
  if (!row) return '';
  const time = row.theirs ? nanoseconds(row.theirs.medianNs) : '–';
  if (row.withheld) return `${time} (withheld: ${row.withheld})`;
  if (!row.ratio) return time;
  return `${time} (${standingMark(row)}${ratio(row.ratio.median)})`;
}

function memory(run: RunResult): string {
  const rows = run.suites
    .flatMap((suite) => suite.memory ?? [])
    .map((one) => [
      one.label ?? one.id,
      `${significant(one.measured)} ${one.unit}`,
      `${significant(one.limit)} ${one.unit}`,
      one.held ? 'held' : 'over',
    ]);
  return rows.length === 0 ? '' : `## Memory\n\n${table(['figure', 'measured', 'limit', ''], rows)}`;
}

function selftest(run: RunResult): string {
  const blocks = run.suites.flatMap(({ selftest: found }) => {
    if (!found) return [];
    const parts = [
      [SELFTEST_TITLES.kills, killTable(found)],
      [SELFTEST_TITLES.sensitivity, sensitivityTable(found)],
    ] as const;
    return parts.flatMap(([title, { head, rows }]) =>
      rows.length === 0 ? [] : [`${title}\n\n${table(head, rows)}`],
    );
  });
  const { head, rows } = calibrationTable(run);
  if (rows.length > 0) blocks.push(`${SELFTEST_TITLES.calibration}\n\n${table(head, rows)}`);
  return blocks.length === 0 ? '' : ['## The harness on trial', ...blocks].join('\n\n');
}

function conformance(run: RunResult): string {
  const suite = conformanceOf(run);
  if (suite?.conformance === undefined) return '';
  const rows = entryRows(suite);
  const { mode, torch, entries } = suite.conformance;
  const lead = `${wholeEntries(rows)} of ${entries} entries of PyTorch ${torch}'s test database (${mode}) pass forward and, where they have one, backward.`;
  const totals = columnTotals(rows).map((one) => [
    one.column,
    `${one.passing} of ${one.entries}`,
    count(one.passed),
    count(one.failed),
    count(one.notDone),
  ]);
  return `## Conformance\n\n${plain(lead)}\n\n${table(['column', 'entries', 'calls passed', 'failed', 'not done'], totals)}`;
}

function environment(run: RunResult): string {
  const { machine, references } = run;
  const version = (name: string, one: { version?: string }) => `${name} ${one.version ?? 'missing'}`;
  return [
    `<sub>${plain(run.command)} · ${instant(run.started)} · seed ${run.seed} · ${plain(machine.cpu)}, ${machine.cores} cores, ${machine.isa}, `,
    `${machine.threads} threads · Node ${machine.node} · ${version('Python', references.python)}, ${version('NumPy', references.numpy)}, `,
    `${version('PyTorch', references.torch)}${run.tool.commit ? ` · commit ${run.tool.commit}` : ''}</sub>`,
  ].join('');
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((one) => plain(String(one))).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- ').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Keeps text from being read as Markdown or HTML. */
export function plain(text: string): string {
  return text.replace(/\r?\n/g, ' ').replace(/[\\|<>`*_[\]]/g, (sign) => `\\${sign}`);
}
