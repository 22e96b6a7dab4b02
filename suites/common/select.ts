// Selection of recorded cases for a run.

import { nothingToRun } from '../../reports/schema/index.js';
import { type Case, casesOf, idMatcher } from './cases.js';
import type { Fixtures } from './fixtures.js';
import type { FixtureCase } from './manifest.js';
import type { RegisteredOp } from './registry.js';

/** A case that is recorded, declared, or (as it should be) both. */
export interface SelectedCase {
  readonly id: string;
  readonly opName: string;
  readonly op?: RegisteredOp;
  readonly declared?: Case;
  readonly recorded?: FixtureCase;
}

/** The cases whose id matches, by op. @throws CannotRunError when the filter matches nothing. */
export function selectCases(
  ops: readonly RegisteredOp[],
  fixtures: Fixtures,
  filter: string | undefined,
): SelectedCase[] {
  const matches = idMatcher(filter);
  const byName = new Map(ops.map((op) => [op.name, op]));
  const selected: SelectedCase[] = [];
  for (const name of new Set([...byName.keys(), ...fixtures.ops])) {
    const op = byName.get(name);
    const declared = new Map((op ? casesOf(op) : []).map((one) => [one.id, one]));
    const recorded = new Map(
      (fixtures.has(`ops/${name}.json`) ? fixtures.casesOf(name) : []).map((one) => [one.id, one]),
    );
    for (const id of new Set([...declared.keys(), ...recorded.keys()]))
      if (matches(id))
        selected.push({
          id,
          opName: name,
          ...(op ? { op } : {}),
          ...(declared.has(id) ? { declared: declared.get(id)! } : {}),
          ...(recorded.has(id) ? { recorded: recorded.get(id)! } : {}),
        });
  }
  if (selected.length === 0)
    throw nothingToRun(
      filter ? `no case matches the filter '${filter}'` : 'there are no cases: nothing would be checked',
    );
  return selected;
}

/** One case of each op: the first that has a gradient, else the first that has a result, else the first. */
export function oneOfEach(cases: readonly SelectedCase[]): SelectedCase[] {
  const best = new Map<string, SelectedCase>();
  for (const one of cases) {
    const before = best.get(one.opName);
    if (before === undefined || tellsOf(one) > tellsOf(before)) best.set(one.opName, one);
  }
  return [...best.values()];
}

/** How much of an op a case shows: nothing, a result, a gradient. Empty tensors show neither. */
function tellsOf({ recorded }: SelectedCase): 0 | 1 | 2 {
  if (!recorded?.outputs || recorded.inputs.some((input) => input.shape.includes(0))) return 0;
  return recorded.gradients.includes(true) ? 2 : 1;
}

/** Why a case cannot be judged: declared but not recorded, recorded but no longer declared, or declared otherwise since. */
export function staleness(one: SelectedCase): string | undefined {
  if (!one.op)
    return `the fixtures record ${one.opName}, which the registry does not have: run npm run fixtures`;
  if (!one.recorded) return 'declared, but no fixture was recorded: run npm run fixtures';
  if (!one.declared) return 'recorded, but no longer declared: run npm run fixtures';
  const call = ({ args, kwargs }: Pick<Case, 'args' | 'kwargs'>) => JSON.stringify([args, kwargs]);
  if (call(one.declared) !== call(one.recorded))
    return 'declared otherwise since it was recorded: run npm run fixtures';
  return undefined;
}
