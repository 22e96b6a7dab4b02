// What other JavaScript engines made of the same calls: the run's section, and the console's block. A function of the result alone.

import { count, nanoseconds, plural, ratio } from './format.js';
import type { PeerEngine, Peers, PeerTally, PeerTiming, RunResult } from './schema/index.js';

/** The name under which this engine itself is asked. */
export const CONTROL = 'torchstone';

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
