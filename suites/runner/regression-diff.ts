// Comparison of a run with an earlier one: what got worse, better, or is compared less.

import type { CaseResult, Changes, RunResult } from '../../reports/schema/index.js';
import type { Asked } from './expectations.js';
import { machineKey } from './machine.js';

/** Below this, times of two runs differ by nothing that means anything. */
const TOLD_RATIO = 1.1;
const MOST_TIMES = 40;

/**
 * What changed since `before`, read from `file`. Of a part of a run, what was not asked for is nothing that it lost.
 */
export function changesSince(
  before: RunResult,
  now: RunResult,
  file: string,
  asked: Asked = () => true,
): Changes {
  const today = casesOf(now);
  const then = casesOf(before, (suite, id) => asked(suite, id) || today.has(`${suite}/${id}`));
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
    fewer: fewerCompared([...then.values()], now),
    times: sameMachine(before, now) ? times(before, now) : [],
  };
}

function casesOf(run: RunResult, wanted: Asked = () => true): Map<string, CaseResult> {
  return new Map(
    run.suites.flatMap(({ suite, cases }) =>
      cases.flatMap((one) => (wanted(suite, one.id) ? [[`${suite}/${one.id}`, one] as const] : [])),
    ),
  );
}

function holds(one: CaseResult): boolean {
  return one.status === 'pass' || one.status === 'skip';
}

function fewerCompared(then: readonly CaseResult[], now: RunResult): Changes['fewer'] {
  return now.suites.flatMap(({ suite, compared }) => {
    const before = then.reduce((sum, one) => sum + (one.suite === suite ? one.compared : 0), 0);
    return compared < before ? [{ suite, before, after: compared }] : [];
  });
}

/** Times mean something side by side only on the same kind of machine. */
function sameMachine({ machine: a }: RunResult, { machine: b }: RunResult): boolean {
  return machineKey(a) === machineKey(b);
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
