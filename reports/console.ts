// The summary on the console: verdict, suites, failures, timings, memory. Text only, colour only when asked for.

import { accuracyText } from './accuracy.js';
import { ceilingsOf, reachOf, shareText, verdictOf } from './ceilings.js';
import { changeLines, expectationLines } from './changes.js';
import { conformanceText } from './conformance.js';
import {
  count,
  exactRatio,
  figureText,
  indexText,
  nanoseconds,
  plural,
  ratio,
  seconds,
  significant,
} from './format.js';
import { peersText } from './peers.js';
import type { BenchRow, CaseResult, Ceiling, Figure, RunResult, SuiteResult, Worst } from './schema/index.js';
import {
  calibrationTable,
  killTable,
  SELFTEST_TITLES,
  sensitivityTable,
  type TextTable,
} from './selftest.js';
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

/** How the summary is written. */
export interface ConsoleOptions {
  readonly colour?: boolean;
  /** Only the verdict and failures. */
  readonly quiet?: boolean;
}

const MOST_FAILURES = 20;

/** The whole summary, ending with a line feed. */
export function consoleSummary(
  run: RunResult,
  { colour = false, quiet = false }: ConsoleOptions = {},
): string {
  const paint = (code: string, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const tone = { held: '32', short: '31', stopped: '33', partial: '33' }[outcome(run)];
  const blocks = [paint(`1;${tone}`, verdictSentence(run)), failures(run, paint)];
  if (!quiet)
    blocks.push(
      suiteTable(run),
      timings(run, paint),
      memory(run, paint),
      selftest(run, paint),
      conformanceText(run),
      peersText(run),
      accuracyText(run),
      gate(run),
      notes(run),
    );
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** One failed case in a few lines: what, where, got and wanted, how to run it again. */
export function failureText(one: CaseResult): string {
  const message = one.message ?? one.reason ?? one.status;
  // A message of several lines shows the worst element already.
  const worst = one.worst && !message.includes('\n') ? worstLines(one.worst) : [];
  const replay = one.replay ? [`  replay: ${one.replay}`] : [];
  return [`${one.id}: ${message}`, ...worst, ...replay].join('\n');
}

function worstLines(worst: Worst): string[] {
  const at = `${worst.what}${indexText(worst.index)}`;
  const errors = [
    isTold(worst.abs) ? `off by ${figureText(worst.abs)}` : '',
    isTold(worst.rel) ? `${figureText(worst.rel)} relative` : '',
    isTold(worst.ulp) ? `${figureText(worst.ulp)} ULP` : '',
    worst.tolerance === undefined ? '' : `allowed: ${worst.tolerance}`,
  ].filter((text) => text !== '');
  return [
    `  ${at}: got ${figureText(worst.got, 9)}, want ${figureText(worst.want, 9)}`,
    ...(errors.length > 0 ? [`  ${errors.join(', ')}`] : []),
  ];
}

/** A distance to NaN says nothing. */
export function isTold(value: Figure | undefined): value is Figure {
  return value !== undefined && value !== 'nan';
}

type Paint = (code: string, text: string) => string;

function failures(run: RunResult, paint: Paint): string {
  const short = shortCases(run);
  const shown = short.slice(0, MOST_FAILURES).map((one) => `${paint('31', '✗')} ${failureText(one)}`);
  if (short.length > MOST_FAILURES)
    shown.push(`  … and ${count(short.length - MOST_FAILURES)} more, in the report`);
  const rows = shortRows(run).map((row) => {
    const why =
      row.correct === false
        ? 'its result is wrong'
        : `${row.ratio ? exactRatio(row.ratio.median) : 'no ratio'}, required ${ratio(row.required?.ratio ?? 1)}`;
    return `${paint('31', '✗')} ${row.id} against ${REFERENCE_TITLES[row.reference]}: ${why}`;
  });
  return [...shown, ...rows].join('\n');
}

function suiteTable(run: RunResult): string {
  return run.suites.map((suite) => `${SUITE_TITLES[suite.suite].padEnd(21)} ${suiteLine(suite)}`).join('\n');
}

function suiteLine(suite: SuiteResult): string {
  if (suite.status === 'error') return `could not run: ${suite.reason ?? 'no reason given'}`;
  const { passed, failed, skipped, inconclusive, errors } = suite.counts;
  const parts = [
    suite.cases.length > 0 ? `${count(passed)} passed, ${count(failed)} failed` : '',
    errors > 0 ? plural(errors, 'error') : '',
    inconclusive > 0 ? `${count(inconclusive)} undecided` : '',
    skipped > 0 ? `${count(skipped)} skipped` : '',
    suite.compared > 0 ? `${count(suite.compared)} elements` : '',
    suite.rows?.length ? plural(suite.rows.length, 'timing') : '',
    seconds(suite.seconds),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function timings(run: RunResult, paint: Paint): string {
  const lines = timingLines(benchRows(run));
  if (lines.length === 0) return '';
  // Where ceilings were measured, ratios are required: such a table has a verdict and a rate in every row.
  const ceilings = ceilingsOf(run);
  const more = ceilings.length > 0;
  const references = referencesOf(benchRows(run));
  const head = ['case', 'Torchstone', ...references.flatMap((one) => [REFERENCE_TITLES[one], ''])];
  if (more) head.push('required', 'verdict', 'rate', 'of ceiling');
  const body = lines.map((line) => [
    line.label,
    line.ours.medianNs > 0 ? nanoseconds(line.ours.medianNs) : '–',
    ...references.flatMap((one) => against(line, one)),
    ...(more ? judged(line, ceilings) : []),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => (cells[i] ?? '').length)));
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ');
  return [
    'Timings: medians; × is reference time ÷ our time, so above 1 we are faster (~ undecided, = the same)',
    paint('2', text(head)),
    ...body.map(text),
  ].join('\n');
}

function judged({ references: { torch }, row }: TimingLine, ceilings: readonly Ceiling[]): string[] {
  const reach = reachOf(row, ceilings);
  return [
    torch?.required ? ratio(torch.required.ratio) : '',
    verdictOf(torch),
    reach?.rate ?? '',
    reach ? shareText(reach.share) : '',
  ];
}

function against(line: TimingLine, reference: BenchRow['reference']): [string, string] {
  const row = line.references[reference];
  if (!row) return ['', ''];
  if (row.withheld) return [row.theirs ? nanoseconds(row.theirs.medianNs) : '–', 'withheld'];
  return [
    row.theirs ? nanoseconds(row.theirs.medianNs) : '–',
    row.ratio ? `${standingMark(row)}${ratio(row.ratio.median)}` : '–',
  ];
}

function memory(run: RunResult, paint: Paint): string {
  const figures = run.suites.flatMap((suite) => suite.memory ?? []);
  return figures
    .map((one) => {
      const mark = one.held ? paint('32', '✓') : paint('31', '✗');
      return `${mark} ${one.label ?? one.id}: ${significant(one.measured)} ${one.unit} (limit ${significant(one.limit)})`;
    })
    .join('\n');
}

function selftest(run: RunResult, paint: Paint): string {
  const found = run.suites.flatMap(({ selftest: one }) => (one ? [one] : []));
  return [
    ...found.flatMap((one) => [
      aligned(SELFTEST_TITLES.kills, killTable(one), paint),
      aligned(SELFTEST_TITLES.sensitivity, sensitivityTable(one), paint),
    ]),
    aligned(SELFTEST_TITLES.calibration, calibrationTable(run), paint),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

function aligned(title: string, { head, rows }: TextTable, paint: Paint): string {
  if (rows.length === 0) return '';
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((cells) => (cells[i] ?? '').length)));
  const text = (cells: readonly string[]) =>
    cells.map((one, i) => (i === 0 ? one.padEnd(widths[i]!) : one.padStart(widths[i]!))).join('  ');
  return [title, paint('2', text(head)), ...rows.map(text)].join('\n');
}

function gate(run: RunResult): string {
  const changes = changeLines(run);
  const lines = changes === undefined ? [] : [changes.title, ...changes.lines.map((line) => `  ${line}`)];
  return [...lines, ...expectationLines(run)].join('\n');
}

function notes(run: RunResult): string {
  const missing = [run.references.python, run.references.numpy, run.references.torch].find(
    (one) => one.missing,
  );
  const raced = run.suites.some((suite) => suite.suite === 'bench');
  const own = run.suites.flatMap((suite) => suite.notes ?? []);
  return [...(missing?.missing && raced ? [`No live race: ${missing.missing}`] : []), ...own]
    .map((note) => `note: ${note}`)
    .join('\n');
}
