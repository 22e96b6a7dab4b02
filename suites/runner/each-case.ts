// The loop over a suite's cases: shards, progress, crash log, Ctrl-C, the limit of failures. Results come in order.
import { setImmediate } from 'node:timers/promises';
import type { CaseResult, SuiteName } from '../../reports/schema/index.js';
import type { SuiteOptions } from '../common/suite.js';
import { begin, DEVICE_LOST, finish } from './crash-log.js';
import { deviceLost } from './device.js';

/** How long cases run before the event loop gets a turn: Ctrl-C is only heard between turns. */
const BREATHE_EVERY_MS = 50;

type Loop = Pick<SuiteOptions, 'signal' | 'progress' | 'shard' | 'maxFailures' | 'journal' | 'done'>;

/** Checks cases one after another, appending to `results`, until all are done, too many failed or the run is interrupted. */
export async function eachCase<T extends { readonly id: string }>(
  label: SuiteName,
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
    const result = await checked(label, one, check);
    finish(journal, result);
    results.push(result);
    const fellShort = result.status !== 'pass' && result.status !== 'skip';
    if (fellShort) short += 1;
    // Every case after it would fail too: whoever reads the journal goes on in a new process.
    if (fellShort && journal !== undefined && deviceLost()) process.exit(DEVICE_LOST);
    progress.step(one.id, fellShort);
    if (performance.now() - breathed < BREATHE_EVERY_MS) continue;
    await setImmediate();
    breathed = performance.now();
  }
  progress.end();
  return results;
}

/** A case's result. What no suite expects ends the run, but not a device that is lost: it is the case's, wherever it shows. */
async function checked<T extends { readonly id: string }>(
  suite: SuiteName,
  one: T,
  check: (one: T) => CaseResult | Promise<CaseResult>,
): Promise<CaseResult> {
  try {
    return await check(one);
  } catch (error) {
    if (!deviceLost()) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { id: one.id, suite, status: 'fail', message, seconds: 0, compared: 0, checks: { crash: 'fail' } };
  }
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
