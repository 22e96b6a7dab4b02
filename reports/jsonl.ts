// One JSON line for each case and timing, then one for the run: for tools that read line by line.
import type { RunResult } from './schema/index.js';
import { exitCode, verdictSentence } from './verdict.js';

/** The text of a .jsonl file. */
export function jsonLines(run: RunResult): string {
  const lines = run.suites.flatMap((suite) => [
    ...suite.cases.map((one) => ({ type: 'case', ...one })),
    ...(suite.rows ?? []).map((row) => ({ type: 'timing', suite: suite.suite, ...row })),
    ...(suite.memory ?? []).map((one) => ({ type: 'memory', suite: suite.suite, ...one })),
  ]);
  const { suites, ...rest } = run;
  const counts = suites.map(({ suite, status, counts, compared, seconds }) => ({
    ...{ suite, status, counts, compared, seconds },
  }));
  const end = {
    type: 'run',
    verdict: verdictSentence(run),
    exitCode: exitCode(run),
    ...rest,
    suites: counts,
  };
  return [...lines, end].map((line) => `${JSON.stringify(line)}\n`).join('');
}
