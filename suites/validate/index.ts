// The validate suite: every recorded case replayed and compared with PyTorch's (and NumPy's) results.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult, SuiteResult } from '../../reports/schema/index.js';
import { measureAccuracy } from '../accuracy/index.js';
import { type Fixtures, openFixtures } from '../common/fixtures.js';
import type { FixtureCase } from '../common/manifest.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import { oneOfEach, type SelectedCase, selectCases, staleness } from '../common/select.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { capsuleName, capsuleOf } from '../repro/capsule.js';
import { eachCase } from '../runner/each-case.js';
import {
  changed,
  differencesOf,
  type KnownDifference,
  type KnownDifferences,
  knownDifference,
} from './known-differences.js';
import { type Observed, replayCase } from './replay.js';

/** The validate suite. */
export const validateSuite: Suite = { name: 'validate', run: (options) => validateOps(options) };

/** What may be replayed instead of the registry and the fixtures on disk: for tests. */
export interface ValidateSources {
  readonly ops?: readonly RegisteredOp[];
  readonly fixtures?: Fixtures;
}

/** Replays the cases that the filter names. @throws CannotRunError when none is, or a fixture is not what it should be. */
export async function validateOps(
  options: SuiteOptions,
  sources: ValidateSources = {},
): Promise<SuiteResult> {
  const started = performance.now();
  const fixtures = sources.fixtures ?? (await openFixtures(options.fixtures));
  const all = selectCases(sources.ops ?? registeredOps(), fixtures, options.filter);
  const selected = options.eachOp ? oneOfEach(all) : all;
  const pack = packer(options.capsules, fixtures);
  const results = await eachCase('validate', selected, options, (one) => {
    const result = validateCase(one, fixtures);
    if (result.status === 'fail' && one.recorded) pack(one.recorded);
    return result;
  });
  const { torch, numpy } = fixtures.manifest;
  const notes = [`recorded with PyTorch ${torch} and NumPy ${numpy}`];
  // Once a run, however it is split.
  const wanted = options.accuracy === true && (options.shard?.index ?? 0) === 0 && !options.signal.aborted;
  const accuracy = wanted ? await measureAccuracy(sources.ops ?? registeredOps(), options) : undefined;
  return suiteResult('validate', results, (performance.now() - started) / 1000, {
    notes,
    ...(accuracy === undefined ? {} : { accuracy }),
  });
}

const MOST_CAPSULES = 50;

/** Packs failing cases, so that each can be replayed elsewhere. */
function packer(folder: string | undefined, fixtures: Fixtures): (recorded: FixtureCase) => void {
  let left = folder === undefined ? 0 : MOST_CAPSULES;
  return (recorded) => {
    if (left-- <= 0) return;
    mkdirSync(folder!, { recursive: true });
    const capsule = JSON.stringify(capsuleOf(recorded, fixtures));
    writeFileSync(join(folder!, capsuleName(recorded.id)), capsule);
  };
}

/** Replays one case. Never throws for what the op does: only for a fixture that cannot be read. */
export function validateCase(
  one: SelectedCase,
  fixtures: Fixtures,
  differences: KnownDifferences = differencesOf(one.opName),
): CaseResult {
  const started = performance.now();
  const base = {
    id: one.id,
    op: one.opName,
    suite: 'validate',
    replay: `npx torchstone replay '${one.id}'`,
  } as const;
  const stale = staleness(one);
  if (stale !== undefined)
    return { ...base, status: 'error', reason: stale, compared: 0, seconds: since(started) };
  const known = knownDifference(one.id, differences);
  if (known !== undefined)
    return { ...base, ...judgeKnown(one, fixtures, known), compared: 0, seconds: since(started) };
  const outcome = replayCase(one.op!, one.recorded!, fixtures);
  const status = outcome.problems.length > 0 ? 'fail' : 'pass';
  return {
    ...base,
    status,
    ...(status === 'fail' ? { message: `${one.opName}: ${outcome.problems.join('\n')}` } : {}),
    compared: outcome.compared,
    checks: outcome.checks,
    ...(outcome.worst ? { worst: outcome.worst } : {}),
    seconds: since(started),
  };
}

const TABLE = 'suites/validate/known-differences.ts';

/** A known difference is skipped while it lasts; once the case agrees or differs otherwise, the table is what is wrong. */
function judgeKnown(
  one: SelectedCase,
  fixtures: Fixtures,
  { reason, difference }: KnownDifference,
): Pick<CaseResult, 'status' | 'reason' | 'message'> {
  const recorded = one.recorded!;
  const observed: Observed[] = [];
  const outcome = replayCase(one.op!, recorded, fixtures, (seen) => void observed.push(seen));
  const fail = (what: string) => ({ status: 'fail', message: `${one.opName}: ${what}` }) as const;
  if (outcome.problems.length === 0)
    return fail(`known to differ from PyTorch (${reason}), but it agrees: remove it from ${TABLE}`);
  const change = changed(difference, { recorded, outcome, observed });
  if (change === undefined) return { status: 'skip', reason };
  return fail(
    `differs from PyTorch otherwise than ${TABLE} says (${reason}): ${change}\n${outcome.problems.join('\n')}`,
  );
}

function since(started: number): number {
  return (performance.now() - started) / 1000;
}
