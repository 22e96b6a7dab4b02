// Owns the loop over a suite's cases: progress, Ctrl-C, results in order. It must not know what a case checks.
import { setImmediate } from 'node:timers/promises';
import type { CaseResult, SuiteOptions } from './results.js';

/** How long cases run before the event loop gets a turn: Ctrl-C is only heard between turns. */
const BREATHE_EVERY_MS = 50;

/** Checks cases one after another, appending to `results`, until all are done or the run is interrupted. */
export async function eachCase<T extends { readonly id: string }>(
  cases: readonly T[],
  { signal, progress }: SuiteOptions,
  check: (one: T) => CaseResult,
  results: CaseResult[] = [],
): Promise<CaseResult[]> {
  let breathed = performance.now();
  for (const one of cases) {
    if (signal.aborted) break;
    const result = check(one);
    results.push(result);
    progress.step(one.id, result.status !== 'pass' && result.status !== 'skip');
    if (performance.now() - breathed < BREATHE_EVERY_MS) continue;
    await setImmediate();
    breathed = performance.now();
  }
  progress.end();
  return results;
}
