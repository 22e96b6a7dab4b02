// The conformance suite: every call of PyTorch's own test database, recorded or live, replayed and compared with
// PyTorch.

import {
  CannotRunError,
  type CaseResult,
  type Column,
  type ColumnTally,
  EXIT,
  programTotals,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { openFixtures } from '../common/fixtures.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { eachCase } from '../runner/each-case.js';
import { entryOf, type Floor, readFloors } from './baseline.js';
import { replayError } from './errors.js';
import { INAPPLICABLE } from './inapplicable.js';
import { label } from './label.js';
import { checkProgram, livePrograms, type ProgramCase, programCases, recordedPrograms } from './programs.js';
import { recordedSource } from './recorded.js';
import { type Outcome, replaySample } from './replay.js';
import { type CallFrame, liveSource, type Source } from './source.js';
import type { CaseName, ErrorHeader, Frame, SampleHeader } from './wire.js';

/** The conformance suite. */
export const conformanceSuite: Suite = { name: 'conformance', run: (options) => conform(options) };

export const DEFAULT_DTYPES: readonly string[] = ['float32', 'float64', 'errors'];
/** Calls of a case that are shown when they fail. */
const SHOWN = 3;

/** Replays every call that the options name. */
export async function conform(options: SuiteOptions, given?: Source): Promise<SuiteResult> {
  const started = performance.now();
  const programs = given === undefined ? await openPrograms(options) : [];
  const source = given ?? (await openSource(options, programs.length > 0));
  const floor = readFloors()[source.mode];
  const { shard: _, done: __, ...loop } = options;
  const entries = await eachCase('conformance', source.cases, loop, (one) =>
    checkCase(one, source, options, floor),
  );
  const others = await eachCase('conformance', programs, options, (one) =>
    checkProgram(one, options.live === true),
  );
  const cases = [...entries, ...others];
  const { mode, torch, total, empty } = source;
  const compared = entries.reduce((sum, one) => sum + one.compared, 0);
  const lost =
    isWhole(options) && !options.signal.aborted && given === undefined
      ? lostPrograms(cases, floor)
      : undefined;
  const short =
    isWhole(options) && !options.signal.aborted && floor !== undefined && compared < floor.compared;
  const result = suiteResult('conformance', cases, (performance.now() - started) / 1000, {
    conformance: { mode, torch, entries: total, empty: [...empty] },
    notes: [`${mode === 'live' ? 'held against' : 'recorded with'} PyTorch ${torch}`],
  });
  if (lost !== undefined) return { ...result, status: 'fail', reason: lost };
  if (!short) return result;
  const reason = `below the floor: ${compared} elements compared, ${floor.compared} are committed`;
  return { ...result, status: 'fail', reason };
}

/** Everything that the committed floor speaks of is run. */
function isWhole(options: SuiteOptions): boolean {
  const { filter, sample, shard, done = [], dtypes = DEFAULT_DTYPES, maxFailures } = options;
  const all = DEFAULT_DTYPES.every((one) => dtypes.includes(one));
  return all && filter === undefined && sample === undefined && !shard && !maxFailures && done.length === 0;
}

/** A filter names entries, or cases: `add@float32` is the entry `add` with the dtype float32. */
function readFilter({ filter, dtypes = DEFAULT_DTYPES }: SuiteOptions): {
  filter: string[];
  dtypes: readonly string[];
} {
  const parts = filter?.split(',') ?? [];
  const named = parts.flatMap((one) => one.split('@')[1] ?? []);
  return {
    filter: parts.map((one) => one.split('@')[0]!),
    dtypes: named.length > 0 ? [...new Set(named)] : dtypes,
  };
}

/** The modules, optimizers and schedulers that the options name. */
async function openPrograms(options: SuiteOptions): Promise<ProgramCase[]> {
  const { live, python, filter, sample, fixtures, dtypes = DEFAULT_DTYPES } = options;
  if (sample !== undefined) return [];
  const programs = live && python !== undefined ? await livePrograms(python) : recordedPrograms(fixtures);
  return programs === null ? [] : programCases(programs, filter, dtypes);
}

/** What the committed minimum of programs has and this run has not. */
function lostPrograms(cases: readonly CaseResult[], floor: Floor | undefined): string | undefined {
  const short = programTotals(cases).filter(({ kind, passing }) => passing < (floor?.programs?.[kind] ?? 0));
  if (short.length === 0) return undefined;
  return `below the floor: ${short.map(({ kind, passing }) => `${passing} ${kind} pass, ${floor!.programs![kind]} are committed`).join('; ')}`;
}

async function openSource(options: SuiteOptions, others: boolean): Promise<Source> {
  try {
    return await openEntries(options);
  } catch (error) {
    // A filter may mean modules alone.
    if (!others || !(error instanceof CannotRunError) || error.code !== EXIT.nothing) throw error;
    const mode = options.live ? 'live' : 'recorded';
    return { mode, torch: '', total: 0, empty: [], cases: [], calls: async function* () {} };
  }
}

async function openEntries(options: SuiteOptions): Promise<Source> {
  const { live, seed, sample, shard, done, python, signal } = options;
  const order = {
    ...readFilter(options),
    ...(sample === undefined ? {} : { sample }),
    ...(done === undefined ? {} : { skip: done }),
  };
  if (!live)
    return recordedSource(await openFixtures(options.fixtures), { ...order, ...(shard ? { shard } : {}) });
  if (python === undefined) throw new CannotRunError('--live needs Python with PyTorch and expecttest');
  const part = shard === undefined ? {} : { shard: [shard.index, shard.count] as const };
  return liveSource(python, { ...order, ...part, seed }, signal);
}

/** Replays the calls of one case. */
async function checkCase(
  one: CaseName,
  source: Source,
  options: SuiteOptions,
  floor: Floor | undefined,
): Promise<CaseResult> {
  const started = performance.now();
  const account = new Account(options.verbose === true ? Number.POSITIVE_INFINITY : SHOWN);
  for await (const frame of source.calls(one)) {
    if (typeof frame === 'string') account.broken(frame);
    else account.add(frame, replayCall(frame));
  }
  const replay = replayCommand(one, options, account.firstShort);
  return {
    id: one.id,
    suite: 'conformance',
    ...judged(one, account, options, floor),
    columns: account.columns,
    compared: account.compared,
    ...(account.closer > 0 ? { closer: account.closer } : {}),
    seconds: (performance.now() - started) / 1000,
    ...(replay === undefined ? {} : { replay }),
  };
}

function replayCall(frame: CallFrame): Outcome {
  return frame.header.kind === 'sample'
    ? replaySample(frame as Frame<SampleHeader>)
    : replayError(frame as Frame<ErrorHeader>);
}

/** The command that makes just the first call that failed. */
function replayCommand(one: CaseName, options: SuiteOptions, sample: number | undefined): string | undefined {
  if (sample === undefined) return undefined;
  const live = options.live ? ' --live' : '';
  const seed = options.live ? ` --seed ${options.seed}` : '';
  return `npx torchstone conformance${live} --filter '${one.entry}' --sample ${sample} --dtype ${one.dtype}${seed}`;
}

/**
 * A case that does not pass fails the run where the floor has its entry, or where it was asked for by name. Else it is work not yet done: the
 * table shows it as loud, but it does not turn the run red.
 */
function judged(
  one: CaseName,
  account: Account,
  options: SuiteOptions,
  floor: Floor | undefined,
): Pick<CaseResult, 'status' | 'message' | 'reason'> {
  const excuse = Object.entries(INAPPLICABLE).find(([glob]) => idMatcher(glob)(one.entry))?.[1];
  const short = account.short();
  if (excuse !== undefined) {
    if (short.length > 0) return { status: 'skip', reason: `cannot apply: ${excuse}` };
    return { status: 'fail', message: `listed as not applicable (${excuse}), but it passes` };
  }
  if (short.length === 0 && account.problem === '') return { status: 'pass' };
  const message = [account.problem, ...account.lines].filter((line) => line !== '').join('\n');
  const lost = short.filter((column) => floor?.columns[column].includes(one.entry));
  if (lost.length > 0) return { status: 'fail', message: `no longer passes ${lost.join(', ')}\n${message}` };
  if (options.filter !== undefined) return { status: 'fail', message };
  const fails = short.some((column) => account.columns[column]!.failed > 0);
  return { status: 'skip', reason: `not at the floor: ${fails ? 'fails' : 'not done'}`, message };
}

/** What the calls of a case came to. */
class Account {
  readonly columns: Partial<Record<Column, ColumnTally>> = {};
  readonly lines: string[] = [];
  problem = '';
  compared = 0;
  closer = 0;
  firstShort: number | undefined;
  readonly #most: number;
  #shown = 0;

  constructor(most: number) {
    this.#most = most;
  }

  broken(message: string): void {
    this.problem = `op_db makes no samples: ${message}`;
    this.columns.forward = { passed: 0, failed: 0, notDone: 1 };
  }

  add({ header }: CallFrame, outcome: Outcome): void {
    this.compared += outcome.compared;
    this.closer += outcome.closer;
    for (const [column, status] of Object.entries(outcome.columns) as [Column, string][]) {
      this.columns[column] ??= { passed: 0, failed: 0, notDone: 0 };
      this.columns[column][status === 'pass' ? 'passed' : status === 'fail' ? 'failed' : 'notDone'] += 1;
    }
    if (outcome.findings.length === 0) return;
    this.firstShort ??= header.sample;
    this.#shown += 1;
    if (this.#shown === this.#most + 1) this.lines.push('… more (--verbose shows all)');
    if (this.#shown > this.#most) return;
    this.lines.push(label(header));
    for (const found of outcome.findings) this.lines.push(`  ${found.column} ${found.status}: ${found.text}`);
  }

  /** The columns in which some call fails. */
  short(): Column[] {
    return (Object.entries(this.columns) as [Column, ColumnTally][])
      .filter(([, tally]) => tally.failed + tally.notDone > 0)
      .map(([column]) => column);
  }
}

export { entryOf };
