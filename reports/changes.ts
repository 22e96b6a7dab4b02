// What changed since the baseline, and what the expectations file came to, in sentences that every report shows.

import { count, instant, plural, ratio } from './format.js';
import type { RunResult } from './schema/index.js';
import { brokenExpectations } from './verdict.js';

const MOST_NAMES = 8;

/** The title and the lines of the changes; nothing without a baseline. */
export function changeLines({ changes }: RunResult): { title: string; lines: string[] } | undefined {
  if (changes === undefined) return undefined;
  const { worse, better, gone, added, fewer, times } = changes;
  const lines = [
    worse.length === 0 ? '' : `${count(worse.length)} held and no longer do: ${names(worse)}`,
    better.length === 0 ? '' : `${count(better.length)} hold now: ${names(better)}`,
    gone.length === 0 ? '' : `${count(gone.length)} are gone: ${names(gone)}`,
    added === 0 ? '' : `${count(added)} are new`,
    ...fewer.map(
      ({ suite, before, after }) =>
        `${suite} compares fewer elements: ${count(after)} instead of ${count(before)}`,
    ),
    times.length === 0
      ? ''
      : `our times, then ÷ now (not interleaved: a hint): ${names(times.map((one) => `${one.id} ${ratio(1 / one.ratio)}`))}`,
  ].filter((line) => line !== '');
  const of = changes.commit === undefined ? '' : ` of commit ${changes.commit}`;
  const title = `Since the run${of} of ${instant(changes.started)}`;
  return { title, lines: lines.length === 0 ? ['nothing changed'] : lines };
}

/** What became of the expectations; nothing without a file of them. */
export function expectationLines(run: RunResult): string[] {
  const { expectations } = run;
  if (expectations === undefined) return [];
  const broken = brokenExpectations(run).map(({ id, problem }) => `${id} ${problem}`);
  return [`${plural(expectations.met, 'shortcoming')} expected by ${expectations.file}`, ...broken];
}

function names(all: readonly string[]): string {
  const rest = all.length - MOST_NAMES;
  return `${all.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${count(rest)} more` : ''}`;
}
