// `torchstone replay` and `torchstone minimise`: one recorded case in full, or the smallest call that still fails.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CannotRunError, EXIT, nothingToRun } from '../../reports/schema/index.js';
import type { Case } from '../common/cases.js';
import type { FixtureCase } from '../common/manifest.js';
import type { RegisteredOp } from '../common/registry.js';
import { quoted } from '../common/shell.js';
import { packageRoot } from '../runner/machine.js';
import { findReferences } from '../runner/references.js';
import { type Arguments, UsageError } from './args.js';
import type { Console } from './output.js';

const CAPSULES = join('reports', 'out', 'capsules');

/** Replays one case of the fixtures, or a capsule, and tells all about it. */
export async function replay(args: Arguments, to: Console): Promise<number> {
  const target = named(args, 'replay');
  const { readCapsule, arraysOf } = await import('../repro/capsule.js');
  const { account } = await import('../repro/detail.js');
  const { truthOf } = await import('../repro/truth.js');
  const { replayCase } = await import('../validate/replay.js');
  type Observed = import('../validate/replay.js').Observed;
  const capsule = target.endsWith('.json') ? readCapsule(resolve(target)) : undefined;
  const found = capsule ? undefined : await recordedCase(target, args);
  const recorded = capsule?.case ?? found!.recorded;
  const source = capsule ? arraysOf(capsule) : found!.fixtures;
  const op = await registered(recorded.op);
  const observed: Observed[] = [];
  const outcome = replayCase(op, recorded, source, (one) => observed.push(one));
  const short = outcome.problems.length > 0;
  const { python } = short ? await findReferences() : {};
  const truth = short ? await truthOf(recorded, source, python) : undefined;
  to.out(account(recorded, source, outcome, observed, truth));
  return outcome.problems.length === 0 ? EXIT.held : EXIT.wrong;
}

/** Finds the smallest call that fails as the named case does, and packs it. */
export async function minimiseCase(args: Arguments, to: Console): Promise<number> {
  const target = named(args, 'minimise');
  const { python } = await findReferences();
  if (python === undefined)
    throw new CannotRunError(
      'minimise asks PyTorch about smaller calls; `torchstone doctor` says how to get it',
    );
  const { casesOf } = await import('../common/cases.js');
  const { capsuleOf, capsuleName } = await import('../repro/capsule.js');
  const { minimise } = await import('../repro/minimise.js');
  const { readCapsule } = await import('../repro/capsule.js');
  const packed = target.endsWith('.json') ? readCapsule(resolve(target)).case : undefined;
  const op = await registered(packed?.op ?? target.split('/')[0] ?? '');
  const declared = packed === undefined ? casesOf(op).find((one) => one.id === target) : callOf(packed, op);
  if (declared === undefined) throw nothingToRun(`no declared case has the id '${target}'`);
  const found = await minimise(op, declared, python, (text) => to.err(`${text}\n`));
  const folder = resolve(args.out ?? CAPSULES);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, capsuleName(`${declared.id}-minimal`));
  writeFileSync(file, JSON.stringify(capsuleOf(found.recorded, found.fixtures)));
  const threads = found.threads === 1 ? 'with one thread too' : `with ${found.threads} threads or more`;
  to.out(
    `${found.tried} calls tried; the smallest that fails, ${threads}:\n${found.problems.join('\n')}\nreplay: npx torchstone replay ${quoted(file)}\n`,
  );
  return EXIT.wrong;
}

/** A recorded call as one to be asked: random calls are declared nowhere. */
function callOf(recorded: FixtureCase, op: RegisteredOp): Case {
  const { id, torch, variant, args, kwargs, gradients } = recorded;
  const params = op.params.map((param) => param.name);
  return {
    id,
    op: op.name,
    torch,
    params,
    variant,
    args,
    kwargs,
    checkGrad: gradients.length > 0,
    mayFail: true,
  };
}

function named({ positionals }: Arguments, command: string): string {
  const [target] = positionals;
  if (target !== undefined) return target;
  throw new UsageError(
    `'torchstone ${command}' needs a case's id${command === 'replay' ? ' or a capsule' : ''}`,
  );
}

async function recordedCase(id: string, args: Arguments) {
  const { openFixtures } = await import('../common/fixtures.js');
  const fixtures = await openFixtures(args.fixtures ?? join(packageRoot(), 'fixtures'));
  const op = id.slice(0, Math.max(0, id.indexOf('/')));
  const recorded = fixtures.has(`ops/${op}.json`)
    ? fixtures.casesOf(op).find((one) => one.id === id)
    : undefined;
  if (recorded !== undefined) return { recorded, fixtures };
  const hint = existsSync(id) ? '; a capsule ends with .json' : '';
  throw nothingToRun(`no recorded case has the id '${id}'${hint}`);
}

async function registered(name: string) {
  const { registeredOps } = await import('../common/registry.js');
  const op = registeredOps().find((one) => one.name === name);
  if (op === undefined) throw nothingToRun(`the registry has no op '${name}'`);
  return op;
}
