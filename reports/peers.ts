// What other JavaScript engines made of the same calls, as a block for the console and as a page. A function of the result alone.
import type { PeerEngine, PeerOp, Peers, PeerTally, PeerTiming, RunResult } from '../suites/results.js';
import { count, instant, nanoseconds, plural, ratio } from './format.js';
import { plain, table } from './markdown.js';

/** The peers' section of a run: calls from the suite that asked them, timings from the one that raced them. */
export function peersOf(run: RunResult): Peers | undefined {
  const found = run.suites.flatMap(({ peers }) => (peers ? [peers] : []));
  const [first] = found;
  if (first === undefined) return undefined;
  const asked = found.find(({ calls }) => calls > 0) ?? first;
  const timings = found.find((one) => one.timings !== undefined)?.timings;
  return { ...asked, ...(timings ? { timings } : {}) };
}

/** Calls that were given to an engine. */
export function given({ passed, wrong, unsupported, threw, crashed }: PeerTally): number {
  return passed + wrong + unsupported + threw + crashed;
}

/** What can become of a call. */
export const OUTCOMES = ['passed', 'wrong', 'unsupported', 'threw', 'crashed'] as const;

/** The console's block. */
export function peersText(run: RunResult): string {
  const peers = peersOf(run);
  if (peers === undefined) return '';
  const blocks = [missingText(peers.engines)];
  if (peers.calls > 0) blocks.unshift(surveyText(peers));
  if (peers.timings?.length) blocks.push(timingsText(peers.timings));
  return blocks.filter((block) => block !== '').join('\n\n');
}

function surveyText({ calls, ops, engines }: Peers): string {
  const head = ['engine', 'version', 'ops', 'calls', ...OUTCOMES, 'float32', 'gradients'];
  const rows = present(engines).map((engine) => [
    engine.name,
    engine.version ?? '',
    count(engine.ops.length),
    count(given(engine.values)),
    ...OUTCOMES.map((outcome) => count(engine.values[outcome])),
    share(engine.float32),
    engine.differentiates ? share(engine.gradients) : '–',
  ]);
  const title = `Other engines: ${plural(calls, 'recorded call')} of ${plural(ops, 'op')}, each asked what it has`;
  return [title, ...aligned([head, ...rows])].join('\n');
}

function timingsText(timings: readonly PeerTiming[]): string {
  const names = namesOf(timings);
  const head = ['their time ÷ ours', 'ours', ...names];
  const rows = timings.map((row) => [
    row.label,
    nanoseconds(row.ours.medianNs),
    ...names.map((name) => {
      const found = row.engines.find((one) => one.name === name);
      return found?.ratio ? ratio(found.ratio.median) : '–';
    }),
  ]);
  return aligned([head, ...rows]).join('\n');
}

function missingText(engines: readonly PeerEngine[]): string {
  return engines
    .flatMap(({ name, missing }) => (missing === undefined ? [] : [`○ ${name}: ${missing}`]))
    .join('\n');
}

/** The engines that could be asked. */
export function present(engines: readonly PeerEngine[]): readonly PeerEngine[] {
  return engines.filter(({ missing }) => missing === undefined);
}

/** The engines that were raced. */
export function namesOf(timings: readonly PeerTiming[]): string[] {
  return [...new Set(timings.flatMap(({ engines }) => engines.map(({ name }) => name)))];
}

/** `842 of 989 (85 %)`. */
export function share(tally: PeerTally): string {
  const all = given(tally);
  return all === 0
    ? '–'
    : `${count(tally.passed)} of ${count(all)} (${Math.floor((100 * tally.passed) / all)} %)`;
}

/** Columns of even width: the first to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map(
    (row) =>
      `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ')}`,
  );
}

/** The page of a run. */
export function peersPage(run: RunResult): string {
  const peers = peersOf(run);
  if (peers === undefined) return '# Other JavaScript engines\n\nThe run asked none.\n';
  const { machine } = run;
  const parts = [
    `# Other JavaScript engines

Written by \`${run.command}\` (${instant(run.started)}). Do not edit.
${machine.cpu}, ${plural(machine.cores, 'core')}, ${machine.os}, Node ${machine.node}.

They are no dependency of Torchstone. \`npm ci --prefix peers --ignore-scripts\` gets them; one that is not there is left out and named.`,
    ...(peers.calls > 0 ? [surveyPart(peers)] : []),
    ...(peers.timings?.length ? [timingsPart(peers.timings)] : []),
    ...(peers.calls > 0 ? present(peers.engines).flatMap(shortPart) : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function surveyPart({ calls, ops, engines }: Peers): string {
  const missing = engines.flatMap(({ title, missing: why }) =>
    why === undefined ? [] : [`- ${title}: ${plain(why)}`],
  );
  return [
    `## What they give as PyTorch does

Recorded are ${plural(calls, 'call')} of ${plural(ops, 'op')} that can be asked of an engine whose tensors hold JavaScript's number types. An engine
is asked those of the operations it has, for the dtypes it has: one call of its own function, its arguments in its own order.
Its values and gradients are compared with PyTorch's by the rules and tolerances that Torchstone is held to; dtypes of results are
not. The first line is the control: this engine, asked in the same way.`,
    table(
      [
        'engine',
        'version',
        'ops',
        'calls',
        ...OUTCOMES,
        'passed, float32 alone',
        'gradients passed',
        'dtypes',
      ],
      present(engines).map((engine) => [
        engine.title,
        engine.version ?? '',
        count(engine.ops.length),
        count(given(engine.values)),
        ...OUTCOMES.map((outcome) => count(engine.values[outcome])),
        share(engine.float32),
        engine.differentiates ? share(engine.gradients) : 'has none',
        engine.dtypes.length > 4 ? `${engine.dtypes.length}` : engine.dtypes.join(', '),
      ]),
    ),
    `*unsupported*: it has the operation, but not this parameter or rank. *threw*: an error of its own. *crashed*: a trap of
WebAssembly, or no answer in ten seconds; the next call gets a new process.`,
    ...(missing.length > 0 ? [`Not asked:\n\n${missing.join('\n')}`] : []),
  ].join('\n\n');
}

function timingsPart(timings: readonly PeerTiming[]): string {
  const names = namesOf(timings);
  const rows = timings.map((row) => [
    row.label,
    nanoseconds(row.ours.medianNs),
    ...names.map((name) => {
      const found = row.engines.find((one) => one.name === name);
      if (!found?.ratio) return '–';
      const { median, low, high } = found.ratio;
      return `${ratio(median)} (${ratio(low)} to ${ratio(high)})`;
    }),
  ]);
  const withheld = timings.flatMap(({ label, engines }) =>
    engines.flatMap(({ name, withheld: why }) =>
      why?.startsWith('its result') ? [`- ${label}, ${name}: ${text(why)}`] : [],
    ),
  );
  return [
    `## How fast they are

Their time ÷ ours, with the 95 % interval, from alternating blocks of one run; every result was compared with ours first, and a
wrong one has no figure.`,
    table(['call', 'ours', ...names], rows),
    ...(withheld.length > 0 ? [`Wrong, and so without a figure:\n\n${withheld.join('\n')}`] : []),
  ].join('\n\n');
}

const MOST_OPS = 25;

/** What of an engine falls short, the ops with the most calls first. */
function shortPart(engine: PeerEngine): string[] {
  const short = engine.ops.filter(({ first }) => first !== undefined).sort((a, b) => fallen(b) - fallen(a));
  if (short.length === 0) return [];
  const rows = short
    .slice(0, MOST_OPS)
    .map((op) => [op.op, share(op.values), op.gradients ? share(op.gradients) : '', text(op.first ?? '')]);
  const rest = short.slice(MOST_OPS).map(({ op }) => `\`${op}\``);
  const zero =
    engine.zeroSign > 0
      ? ` ${plural(engine.zeroSign, 'call differs', 'calls differ')} in nothing but the sign of a zero.`
      : '';
  return [
    `## ${engine.title}: what falls short

${plural(short.length, 'op')} of ${count(engine.ops.length)}.${zero}

${table(['op', 'values passed', 'gradients passed', 'the first'], rows)}${rest.length > 0 ? `\n\nAlso ${rest.join(', ')}.` : ''}`,
  ];
}

function fallen({ values, gradients }: PeerOp): number {
  const of = (tally: PeerTally | undefined) => (tally ? tally.wrong + tally.threw + tally.crashed : 0);
  return of(values) + of(gradients);
}

const LONGEST = 150;

/** One line, not too long. */
function text(message: string): string {
  const line = message.replace(/\s+/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
