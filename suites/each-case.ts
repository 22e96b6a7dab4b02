// Owns the loop over a suite's cases: which of them are this process's, progress, the journal, Ctrl-C, the limit of failures.
// Results come in order. It must not know what a case checks.
import { setImmediate } from 'node:timers/promises';
import { begin, finish } from './journal.js';
import type { CaseResult, SuiteOptions } from './results.js';

/** How long cases run before the event loop gets a turn: Ctrl-C is only heard between turns. */
const BREATHE_EVERY_MS = 50;

type Loop = Pick<SuiteOptions, 'signal' | 'progress' | 'shard' | 'maxFailures' | 'journal' | 'done'>;

/** Checks cases one after another, appending to `results`, until all are done, too many fell short or the run is interrupted. */
export async function eachCase<T extends { readonly id: string }>(
  label: string,
  cases: readonly T[],
  options: Loop,
  check: (one: T) => CaseResult | Promise<CaseResult>,
  results: CaseResult[] = [],
): Promise<CaseResult[]> {
  const { signal, progress, journal, maxFailures = Number.POSITIVE_INFINITY } = options;
  const mine = ownCases(cases, options);
  progress.begin(label, mine.length);
  let breathed = performance.now();
  let short = 0;
  for (const one of mine) {
    if (signal.aborted || short >= maxFailures) break;
    begin(journal, one.id);
    const result = await check(one);
    finish(journal, result);
    results.push(result);
    const fellShort = result.status !== 'pass' && result.status !== 'skip';
    if (fellShort) short += 1;
    progress.step(one.id, fellShort);
    if (performance.now() - breathed < BREATHE_EVERY_MS) continue;
    await setImmediate();
    breathed = performance.now();
  }
  progress.end();
  return results;
}

/** The cases of this shard that no process before this one has finished. */
function ownCases<T extends { readonly id: string }>(
  cases: readonly T[],
  { shard, done = [] }: Loop,
): readonly T[] {
  const part = shard === undefined ? cases : cases.filter((_, i) => i % shard.count === shard.index);
  if (done.length === 0) return part;
  const finished = new Set(done);
  return part.filter((one) => !finished.has(one.id));
}
