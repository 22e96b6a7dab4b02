// The fuzz suite: random calls of every op, asked of PyTorch and of this engine, compared in values, dtypes, shapes, strides,
// aliasing, gradients and errors. What disagrees is made smaller and packed into a repro bundle.
//   npx torchstone fuzz --calls 10000 --seed 7
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArgSpec } from 'torchstone';
import {
  CannotRunError,
  type CaseResult,
  nothingToRun,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { type Case, idMatcher } from '../common/cases.js';
import type { Fixtures } from '../common/fixtures.js';
import { generator } from '../common/random.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { capsuleName, capsuleOf } from '../repro/capsule.js';
import { Recorder } from '../repro/recorder.js';
import { eachCase } from '../runner/each-case.js';
import { replayCase } from '../validate/replay.js';
import { randomCalls } from './generate.js';
import { ODDITIES, openChecks } from './known.js';

/** The fuzz suite. */
export const fuzzSuite: Suite = { name: 'fuzz', run: fuzz };

/** Calls without `--calls`. */
const USUAL_CALLS = 5000;
/** Calls of one op that PyTorch is asked about at once. */
const BLOCK = 25;
/** Calls of a block that are told. */
const SHOWN = 3;

interface Block {
  readonly id: string;
  readonly op: RegisteredOp;
  readonly calls: number;
  readonly seed: number;
}

async function fuzz(options: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now();
  const { python, seed } = options;
  if (python === undefined)
    throw new CannotRunError('fuzz asks PyTorch; `torchstone doctor` says how to get it');
  const blocks = blocksOf(options);
  let recorder = new Recorder(python);
  const ask = async (calls: readonly Case[]): Promise<Fixtures | null> => {
    try {
      return await recorder.record(calls);
    } catch (error) {
      if (!(error instanceof CannotRunError)) throw error;
      // PyTorch's process ended by one of the calls: the rest of the run asks a new one.
      recorder.close();
      recorder = new Recorder(python);
      return null;
    }
  };
  const open = openChecks();
  try {
    const results = await eachCase('fuzz', blocks, options, (one) => checkBlock(one, ask, open, options));
    const compared = results.reduce((sum, one) => sum + one.compared, 0);
    const notes = [`seed ${seed}: ${compared} calls of ${new Set(results.map((one) => one.op)).size} ops`];
    return suiteResult('fuzz', results, (performance.now() - started) / 1000, { notes });
  } finally {
    recorder.close();
  }
}

/** The calls shared out evenly among the ops, in blocks. */
function blocksOf({ filter, calls = USUAL_CALLS, seed }: SuiteOptions): Block[] {
  const matches = idMatcher(filter);
  const chosen = registeredOps().filter((op) => matches(op.name));
  if (chosen.length === 0) throw nothingToRun(`no op matches the filter '${filter}'`);
  const each = Math.max(1, Math.round(calls / chosen.length));
  const blocks: Block[] = [];
  for (let from = 0; from < each; from += BLOCK)
    for (const op of chosen)
      blocks.push({
        id: `${op.name}/${from}@fuzz`,
        op,
        calls: Math.min(BLOCK, each - from),
        seed: seed * 1_000_003 + from,
      });
  return blocks;
}

/** What went wrong, finer than the checks of a replay say. */
function kindsOf(problems: readonly string[], checks: Readonly<Record<string, string>>): string[] {
  const kinds = new Set<string>();
  for (const [kind, state] of Object.entries(checks))
    if (state === 'fail' && kind !== 'values' && kind !== 'gradients' && kind !== 'errors') kinds.add(kind);
  for (const text of problems) {
    if (/^throws .*; PyTorch returns a result/s.test(text)) kinds.add('refused here');
    else if (/^returns a result; PyTorch raises/.test(text)) kinds.add('refused there');
    else if (/^throws .*; PyTorch raises/s.test(text)) kinds.add('error class');
    else if (/does not name the op/.test(text)) kinds.add('error text');
    // Infinities and NaNs of either side: where a formula stops to be finite depends on how it is written.
    else if (/first: .* (got (-?inf|nan)|want (-?inf|nan))/.test(text))
      kinds.add(/^grad/.test(text) ? 'gradient not finite' : 'not finite');
    else if (/^grad/.test(text)) kinds.add('gradients');
    else if (checks.values === 'fail' && /^out/.test(text)) kinds.add('values');
    else if (kinds.size === 0) kinds.add('other');
  }
  return [...kinds].sort();
}

/** A seed of an op's own: what one op draws does not depend on which others there are. */
const seedOf = ({ op, seed }: Block): number =>
  [...op.name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619), seed);

interface Finding {
  readonly call: Case;
  readonly kinds: readonly string[];
  readonly problems: readonly string[];
}

async function checkBlock(
  one: Block,
  ask: (calls: readonly Case[]) => Promise<Fixtures | null>,
  open: (op: string) => readonly string[],
  options: SuiteOptions,
): Promise<CaseResult> {
  const started = performance.now();
  const calls = randomCalls(one.op, one.calls, one.id, generator(seedOf(one)));
  const fixtures = await ask(calls);
  if (fixtures === null)
    return {
      ...{ id: one.id, op: one.op.name, suite: 'fuzz', compared: 0, seconds: 0 },
      status: 'skip',
      reason: 'PyTorch takes none of the calls',
    };
  const recorded = new Map(
    fixtures.has(`ops/${one.op.name}.json`)
      ? fixtures.casesOf(one.op.name).map((each) => [each.id, each])
      : [],
  );
  const findings: Finding[] = [];
  let compared = 0;
  for (const call of calls) {
    const answer = recorded.get(call.id);
    if (answer === undefined) continue;
    compared += 1;
    const { problems, checks } = replayCase(one.op, answer, fixtures);
    const kinds = kindsOf(problems, checks);
    if (problems.length > 0 && !isOdd(call, problems)) findings.push({ call, kinds, problems });
  }
  return resultOf(
    one,
    findings,
    fixtures,
    { compared, seconds: (performance.now() - started) / 1000 },
    open,
    options,
  );
}

/** Whether each of a call's problems is one of PyTorch's oddities. */
const isOdd = (call: Case, problems: readonly string[]): boolean =>
  problems.every((text) =>
    ODDITIES.some((odd) => (odd.op === undefined || odd.op === call.op) && odd.when(call, text)),
  );

function resultOf(
  one: Block,
  findings: readonly Finding[],
  fixtures: Fixtures,
  figures: { compared: number; seconds: number },
  open: (op: string) => readonly string[],
  options: SuiteOptions,
): CaseResult {
  const base = { id: one.id, op: one.op.name, suite: 'fuzz', ...figures } as const;
  if (findings.length === 0) return { ...base, status: 'pass' };
  const kinds = [...new Set(findings.flatMap((found) => found.kinds))].sort();
  const checks = Object.fromEntries(kinds.map((kind) => [kind, 'fail'] as const));
  const known = open(one.op.name);
  const fresh = findings.filter((found) => found.kinds.some((kind) => !known.includes(kind)));
  const shown = (fresh.length > 0 ? fresh : findings).slice(0, options.verbose === true ? undefined : SHOWN);
  const bundle = options.capsules && keep(options.capsules, one, shown[0]!, fixtures);
  const message = shown
    .map(({ call, problems }) => `${callText(call)}\n  ${problems.join('\n  ')}`)
    .join('\n');
  const replay = bundle
    ? `npx torchstone replay ${bundle}`
    : `npx torchstone fuzz --filter '${one.op.name}' --seed ${options.seed}`;
  if (fresh.length > 0) return { ...base, status: 'fail', checks, message, replay };
  return {
    ...base,
    status: 'skip',
    checks,
    message,
    replay,
    reason: `known to disagree somewhere: ${kinds.join(', ')}`,
  };
}

/** The call in a file that `torchstone replay` and `minimise` take. */
function keep(folder: string, one: Block, { call }: Finding, fixtures: Fixtures): string | undefined {
  const answer = fixtures.casesOf(one.op.name).find((each) => each.id === call.id);
  if (answer === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, capsuleName(call.id));
  writeFileSync(file, JSON.stringify(capsuleOf(answer, fixtures)));
  return file;
}

/** `add(float32[2, 3] special, 2, alpha=1)`. */
function callText({ op, variant, args, kwargs }: Case): string {
  const named = Object.entries(kwargs).map(([name, value]) => `${name}=${short(value)}`);
  return `${op}${variant === 'function' ? '' : ` (${variant})`}(${[...args.map(short), ...named].join(', ')})`;
}

function short(value: ArgSpec): string {
  if (Array.isArray(value)) return `[${(value as readonly ArgSpec[]).map(short).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('special' in value) return value.special;
  if ('dtype' in value) return value.dtype;
  if (!('tensor' in value)) return JSON.stringify(value);
  const { dtype = 'float32', shape, fill = 'normal', layout } = value.tensor;
  const values = typeof fill === 'string' ? fill : JSON.stringify(fill);
  return [`${dtype}[${shape.join(', ')}]`, values, layout].filter(Boolean).join(' ');
}
