// The verdict of a run: one sentence and one exit code, used by every report and the command line.

import { conformanceOf, entryRows, entryState, programText, wholeEntries } from './conformance.js';
import { about, count, plural } from './format.js';
import { CONTROL, peersOf } from './peers.js';
import {
  type BenchRow,
  type CaseResult,
  EXIT,
  type ExpectationsResult,
  type RunResult,
  rowHolds,
  type SuiteName,
  type SuiteResult,
} from './schema/index.js';

/** What a reader needs to know first; the exit code tells more. */
export type Outcome = 'held' | 'short' | 'stopped' | 'partial';

/** How a timing came out against its reference. */
export type Standing = 'faster' | 'same' | 'inconclusive' | 'slower' | 'none';

/** What became of the run as a whole. Worst first: failed, interrupted, could not run. */
export function outcome(run: RunResult): Outcome {
  if (run.suites.some((suite) => suite.status === 'fail')) return 'short';
  if (run.partial) return 'partial';
  if (brokenExpectations(run).length > 0 || undecidedRows(run).length > 0 || lessCompared(run))
    return 'short';
  // A run in which nothing ran has proven nothing.
  const ran = run.suites.some((suite) => suite.status === 'pass');
  return ran && run.suites.every((suite) => suite.status !== 'error') ? 'held' : 'stopped';
}

/** The exit code of the command that produced the run: of all that is amiss, what most needs a look. */
export function exitCode(run: RunResult): number {
  if (run.partial) return EXIT.interrupted;
  const stopped = run.suites.filter((suite) => suite.status === 'error');
  if (stopped.some((suite) => suite.code === EXIT.integrity)) return EXIT.integrity;
  if (run.suites.some(isWrong)) return EXIT.wrong;
  if (brokenExpectations(run).length > 0) return EXIT.expectation;
  if (stopped.length > 0) return Math.min(...stopped.map((suite) => suite.code ?? EXIT.usage));
  if (lessCompared(run) || !run.suites.some(hasRun)) return EXIT.nothing;
  if (run.suites.some((suite) => suite.status === 'fail')) return EXIT.slower;
  return undecidedRows(run).length > 0 ? EXIT.undecided : EXIT.held;
}

/** Wrong, not merely slow or hungry. */
function isWrong(suite: SuiteResult): boolean {
  if (suite.status !== 'fail') return false;
  const { failed, errors, inconclusive } = suite.counts;
  const rows = suite.rows ?? [];
  if (failed + errors + inconclusive > 0 || rows.some((row) => row.correct === false)) return true;
  // Neither a timing nor a limit explains it: the suite was late, or says why itself.
  return rows.every(rowHolds) && (suite.memory ?? []).every((one) => one.held);
}

function hasRun(suite: SuiteResult): boolean {
  return suite.status === 'pass' || suite.status === 'fail';
}

function lessCompared(run: RunResult): boolean {
  return (run.changes?.fewer.length ?? 0) > 0;
}

/** Expectations that name nothing, hold after all, or have expired. */
export function brokenExpectations(run: RunResult): ExpectationsResult['broken'] {
  return run.expectations?.broken ?? [];
}

/** Under `--strict-noise`: the rows whose required ratio lies inside their interval. */
export function undecidedRows(run: RunResult): BenchRow[] {
  if (!run.strictNoise) return [];
  return benchRows(run).filter(
    ({ required, ratio, expected, decision, reference }) =>
      required !== undefined &&
      // That a build is as fast as another was shown, although no interval excludes 1.
      !((reference === 'build' || reference === 'baseline') && decision?.verdict === 'same') &&
      expected === undefined &&
      ratio !== undefined &&
      ratio.low < required.ratio &&
      required.ratio <= ratio.high,
  );
}

/** The first line of every report. */
export function verdictSentence(run: RunResult): string {
  const state = outcome(run);
  const cases = casesPart(run);
  const reasons = [shortRowsPart(run), shortMemoryPart(run), ...gatePart(run), ...stoppedPart(run)];
  const rest = [...conformancePart(run), ...rowsPart(run), ...peersPart(run), heldMemoryPart(run)];
  // What failed comes before what passed.
  const parts = shortCases(run).length > 0 ? [cases, ...reasons, ...rest] : [...reasons, cases, ...rest];
  const lead = { held: 'Passed', short: 'Failed', stopped: 'Could not run', partial: 'Interrupted' }[state];
  const partial = run.partial && state !== 'partial' ? ' The run was interrupted.' : '';
  return `${lead}: ${parts.filter((part) => part !== '').join('; ')}.${partial}`;
}

/** How many other engines were there: what they get wrong is in nobody's way here. */
function peersPart(run: RunResult): string[] {
  const peers = peersOf(run);
  if (peers === undefined) return [];
  const others = peers.engines.filter(
    ({ name, missing }) => name !== CONTROL && missing === undefined,
  ).length;
  const asked = peers.calls > 0 ? [`${plural(others, 'other engine')} asked`] : [];
  const raced = peers.timings
    ? [`${plural(peers.timings.length, 'call')} raced against ${others} of them`]
    : [];
  return peers.calls > 0 || others > 0
    ? [...asked, ...raced]
    : ['no other engine is installed to race against'];
}

/** The cases that are in the way of a pass, worst first. */
export function shortCases(run: RunResult): CaseResult[] {
  const order = { fail: 0, error: 1, inconclusive: 2, skip: 3, pass: 4 };
  return run.suites
    .flatMap((suite) => suite.cases)
    .filter((one) => one.status !== 'pass' && one.status !== 'skip')
    .sort((a, b) => order[a.status] - order[b.status]);
}

/** All timing rows of the run. */
export function benchRows(run: RunResult): BenchRow[] {
  return run.suites.flatMap((suite) => suite.rows ?? []);
}

/** The rows that failed a ratio they must reach, or whose result was wrong. */
export function shortRows(run: RunResult): BenchRow[] {
  return benchRows(run).filter((row) => !rowHolds(row));
}

/** Where one row stands. */
export function standing(row: BenchRow): Standing {
  if (!row.ratio || row.withheld) return 'none';
  if (row.decision) return row.decision.verdict;
  // Runs of before there were decisions, and rows that are made of others.
  if (row.ratio.low > 1) return 'faster';
  return row.ratio.high < 1 ? 'slower' : 'inconclusive';
}

/** `~` before a ratio that is undecided, `=` before one that is as good as 1. */
export function standingMark(row: BenchRow): string {
  const marks = { faster: '', same: '=', inconclusive: '~', slower: '', none: '' };
  return marks[standing(row)];
}

/** How many rows stand where. */
export function standings(rows: readonly BenchRow[]): Record<Standing, number> {
  const tally = { faster: 0, same: 0, inconclusive: 0, slower: 0, none: 0 };
  for (const row of rows) tally[standing(row)] += 1;
  return tally;
}

/** `12 faster, 3 same, 1 inconclusive, 2 slower`; empty where nothing was raced. */
export function standingsText(tally: Record<Standing, number>): string {
  const { faster, same, inconclusive, slower } = tally;
  if (faster + same + inconclusive + slower === 0) return '';
  return `${faster} faster, ${same} same, ${inconclusive} inconclusive, ${slower} slower`;
}

/** The suites' names as a person reads them. */
export const SUITE_TITLES: Readonly<Record<SuiteName, string>> = {
  validate: 'Values and gradients',
  gradcheck: 'Gradient check',
  conformance: 'Conformance',
  notebook: 'Notebook',
  bench: 'Timings',
  selftest: 'Selftest',
  peers: 'Other engines',
  fuzz: 'Random calls',
};

/** The references' names as a person reads them. */
export const REFERENCE_TITLES = {
  numpy: 'NumPy',
  torch: 'PyTorch',
  build: 'the other build',
  baseline: 'the saved baseline',
} as const;

/** The references that a run was raced against, in the order in which reports show them. */
export function referencesOf(rows: readonly BenchRow[]): BenchRow['reference'][] {
  const known = Object.keys(REFERENCE_TITLES) as BenchRow['reference'][];
  return known.filter((one) => rows.some((row) => row.reference === one));
}

function casesPart(run: RunResult): string {
  const suites = run.suites.filter((suite) => suite.cases.length > 0);
  const total = sum(suites, (suite) => suite.cases.length - suite.counts.skipped);
  const short = shortCases(run);
  const skipped = sum(suites, (suite) => suite.counts.skipped);
  const compared = sum(suites, (suite) => suite.compared);
  if (total === 0) return run.suites.length === 0 ? 'no suite ran' : '';
  const tail = `${about(compared)} elements compared${skipped > 0 ? `, ${count(skipped)} skipped` : ''}`;
  const held = suites.some((suite) => suite.suite === 'validate') ? 'agree with NumPy and PyTorch' : 'hold';
  if (short.length === 0) return `all ${plural(total, 'case')} ${held} (${tail})`;
  const names = [...new Set(short.map((one) => one.op ?? one.id))];
  const named = `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
  return `${count(short.length)} of ${plural(total, 'case')} ${short.length === 1 ? 'does' : 'do'} not hold: ${named} (${tail})`;
}

/** How much of PyTorch's database holds: entries that do not pass, though they fail no run, are named too. */
function conformancePart(run: RunResult): string[] {
  const suite = conformanceOf(run);
  if (suite?.conformance === undefined) return [];
  const rows = entryRows(suite);
  const states = rows.map((row) => entryState(row, 'forward'));
  const having = (state: string) => states.filter((one) => one === state).length;
  const short = [`${having('fail')} fail`, `${having('not done')} are not done`].filter(
    (text) => !/^0 /.test(text),
  );
  const whole = `${wholeEntries(rows)} of ${suite.conformance.entries} entries of PyTorch's own test database pass`;
  const programs = programText(suite.cases);
  return [
    ...(rows.length > 0 ? [`${whole}${short.length > 0 ? `, ${short.join(', ')}` : ''}`] : []),
    ...(programs === '' ? [] : [`of its classes ${programs}`]),
  ];
}

function rowsPart(run: RunResult): string[] {
  const rows = benchRows(run);
  if (rows.length === 0) return [];
  const parts: string[] = [];
  for (const reference of referencesOf(rows)) {
    const tally = standings(rows.filter((row) => row.reference === reference));
    const told = standingsText(tally);
    if (told !== '') parts.push(`against ${REFERENCE_TITLES[reference]} ${told}`);
  }
  if (parts.length === 0) parts.push(`${plural(rows.length, 'timing')} without a reference to race`);
  return parts;
}

function shortRowsPart(run: RunResult): string {
  const short = shortRows(run);
  const named = short.slice(0, 3).map((row) => row.id);
  const more = short.length > 3 ? ', …' : '';
  return short.length === 0
    ? ''
    : `${plural(short.length, 'timing')} below what is required or wrong (${named.join(', ')}${more})`;
}

function shortMemoryPart(run: RunResult): string {
  const short = run.suites.flatMap((suite) => suite.memory ?? []).filter((one) => !one.held);
  return short.length === 0 ? '' : `memory over its limit: ${short.map((one) => one.id).join(', ')}`;
}

function heldMemoryPart(run: RunResult): string {
  const figures = run.suites.flatMap((suite) => suite.memory ?? []);
  return figures.length > 0 && figures.every((one) => one.held) ? 'memory held' : '';
}

/** What the gate holds against a run whose cases and timings all hold. */
function gatePart(run: RunResult): string[] {
  const broken = brokenExpectations(run);
  const undecided = undecidedRows(run);
  return [
    broken.length === 0
      ? ''
      : `${plural(broken.length, 'expectation')} broken (${broken[0]!.id} ${broken[0]!.problem})`,
    undecided.length === 0
      ? ''
      : `${plural(undecided.length, 'required timing')} undecided (${undecided[0]!.id})`,
    ...(run.changes?.fewer ?? []).map(
      ({ suite, before, after }) =>
        `${suite} compared ${count(after)} elements, the baseline ${count(before)}`,
    ),
  ].filter((text) => text !== '');
}

function stoppedPart(run: RunResult): string[] {
  return run.suites
    .filter((suite) => suite.status === 'error')
    .map((suite) => `${suite.suite} could not run (${firstLine(suite.reason ?? 'no reason given')})`);
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/[.:]\s*$/, '');
}

function sum(suites: readonly SuiteResult[], of: (suite: SuiteResult) => number): number {
  return suites.reduce((total, suite) => total + of(suite), 0);
}
