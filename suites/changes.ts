// Owns the comparison of a run with an earlier one: what got worse, what got better, what was compared less. It judges no case.
import type { CaseResult, Changes, RunResult } from './results.js';

/** Below this, times of two runs differ by nothing that means anything. */
const TOLD_RATIO = 1.1;
const MOST_TIMES = 40;

/** What changed since `before`, read from `file`. */
export function changesSince(before: RunResult, now: RunResult, file: string): Changes {
  const then = casesOf(before);
  const today = casesOf(now);
  const suites = new Set(now.suites.map((suite) => suite.suite));
  const both = [...today].flatMap(([id, one]) => {
    const old = then.get(id);
    return old === undefined ? [] : [{ id, held: holds(one), held0: holds(old) }];
  });
  return {
    file,
    started: before.started,
    ...(before.tool.commit === undefined ? {} : { commit: before.tool.commit }),
    worse: both.filter((one) => one.held0 && !one.held).map((one) => one.id),
    better: both.filter((one) => !one.held0 && one.held).map((one) => one.id),
    gone: [...then].filter(([id, one]) => !today.has(id) && suites.has(one.suite)).map(([id]) => id),
    added: [...today.keys()].filter((id) => !then.has(id)).length,
    fewer: fewerCompared(before, now),
    times: sameMachine(before, now) ? times(before, now) : [],
  };
}

function casesOf(run: RunResult): Map<string, CaseResult> {
  return new Map(
    run.suites.flatMap((suite) => suite.cases.map((one) => [`${suite.suite}/${one.id}`, one] as const)),
  );
}

function holds(one: CaseResult): boolean {
  return one.status === 'pass' || one.status === 'skip';
}

function fewerCompared(before: RunResult, now: RunResult): Changes['fewer'] {
  return now.suites.flatMap(({ suite, compared }) => {
    const old = before.suites.find((one) => one.suite === suite);
    return old !== undefined && compared < old.compared
      ? [{ suite, before: old.compared, after: compared }]
      : [];
  });
}

/** Times mean something side by side only on the same kind of machine. */
function sameMachine({ machine: a }: RunResult, { machine: b }: RunResult): boolean {
  return a.cpu === b.cpu && a.cores === b.cores && a.isa === b.isa && a.threads === b.threads;
}

function times(before: RunResult, now: RunResult): Changes['times'] {
  const rows = (run: RunResult) =>
    new Map(run.suites.flatMap((suite) => suite.rows ?? []).map((row) => [row.id, row.ours.medianNs]));
  const then = rows(before);
  return [...rows(now)]
    .flatMap(([id, ns]) => {
      const old = then.get(id);
      return old === undefined || old <= 0 || ns <= 0 ? [] : [{ id, ratio: ns / old }];
    })
    .filter(({ ratio }) => ratio > TOLD_RATIO || ratio < 1 / TOLD_RATIO)
    .sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)))
    .slice(0, MOST_TIMES);
}
