// Processes of suites: a crash, hang or out-of-memory of native code costs the current case, and the suite goes on in a
// new process.
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CannotRunError,
  type CaseResult,
  EXIT,
  type SuiteName,
  type SuiteResult,
  SuiteResultSchema,
} from '../../reports/schema/index.js';
import { type Shard, type SuiteOptions, suiteResult } from '../common/suite.js';
import { DEVICE_LOST, readJournal } from './crash-log.js';

/** What is sent to a suite's process: options without what cannot be sent. */
export interface SuiteOrder extends Omit<SuiteOptions, 'signal' | 'progress'> {
  suite: SuiteName;
  quiet: boolean;
}

/** What a suite's process answers. */
export type SuiteAnswer = { result: SuiteResult } | { cannotRun: string; code: number };

/** How a suite's process is started and ended; a parameter, so that tests can start something else. */
export interface Hosting {
  readonly entry: string;
  /** How long it may run, in milliseconds. */
  readonly deadlineMs?: number;
  /** How long one case may take, in milliseconds. */
  readonly caseMs?: number;
  /** How long it may take to stop after it was told to. */
  readonly graceMs: number;
}

export const HOSTING: Hosting = {
  entry: fileURLToPath(new URL(`./child.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)),
  graceMs: 20_000,
};

interface Limits {
  /** Far above what the suite needs: these only end a run that hangs. */
  readonly minutes: number;
  readonly caseSeconds: number;
}

const LIMITS: Readonly<Record<SuiteName, Limits>> = {
  validate: { minutes: 6, caseSeconds: 60 },
  gradcheck: { minutes: 6, caseSeconds: 120 },
  notebook: { minutes: 8, caseSeconds: 300 },
  bench: { minutes: 30, caseSeconds: 600 },
  selftest: { minutes: 40, caseSeconds: 300 },
  conformance: { minutes: 10, caseSeconds: 60 },
  peers: { minutes: 20, caseSeconds: 600 },
  fuzz: { minutes: 240, caseSeconds: 120 },
};
const FULL_FACTOR = 20;
/** After so many crashes something is wrong with more than a case. */
const MOST_CRASHES = 25;
/** `--jobs` may ask for so many on any machine. */
const LEAST_JOBS = 4;
/** Suites whose cases do not disturb each other, and which may be split among processes. */
const DIVISIBLE: ReadonlySet<SuiteName> = new Set<SuiteName>([
  'validate',
  'gradcheck',
  'conformance',
  'fuzz',
]);

/** Runs one suite in processes of its own: `jobs` of them where it can be split. */
export async function isolated(
  order: SuiteOrder,
  signal: AbortSignal,
  alone: boolean,
  hosting: Hosting,
  jobs = 1,
): Promise<SuiteResult> {
  const shards = shardsOf(order, jobs);
  const parts = await Promise.all(
    shards.map((shard) => survive(shard === undefined ? order : { ...order, shard }, signal, alone, hosting)),
  );
  return parts.length === 1 ? parts[0]! : together(order.suite, parts);
}

/** The parts that a suite runs in: `jobs` of the shard, or of the whole. */
export function shardsOf({ suite, shard }: SuiteOrder, jobs: number): (Shard | undefined)[] {
  if (jobs === 1 || !DIVISIBLE.has(suite)) return [shard];
  // More processes than processors only take memory.
  const parts = Math.min(jobs, Math.max(LEAST_JOBS, availableParallelism()));
  const { index, count } = shard ?? { index: 0, count: 1 };
  return Array.from({ length: parts }, (_, i) => ({ index: index + i * count, count: count * parts }));
}

/** One result of several parts, which ran at the same time. */
function together(suite: SuiteName, parts: readonly SuiteResult[]): SuiteResult {
  const broken = parts.find((part) => part.status === 'error');
  if (broken !== undefined) return broken;
  const cases = parts.flatMap((part) => part.cases).sort((a, b) => (a.id < b.id ? -1 : 1));
  const notes = [...new Set(parts.flatMap((part) => part.notes ?? []))];
  const reason = parts.find((part) => part.reason !== undefined)?.reason;
  const seconds = Math.max(...parts.map((part) => part.seconds));
  const conformance = parts.find((part) => part.conformance !== undefined)?.conformance;
  const accuracy = parts.find((part) => part.accuracy !== undefined)?.accuracy;
  const whole = suiteResult(suite, cases, seconds, {
    ...{ notes, conformance, accuracy },
    ...(reason === undefined ? {} : { reason }),
  });
  return parts.some((part) => part.status === 'fail') ? { ...whole, status: 'fail' } : whole;
}

/** Runs a suite to its end, in as many processes as its crashes take. */
async function survive(
  order: SuiteOrder,
  signal: AbortSignal,
  alone: boolean,
  hosting: Hosting,
): Promise<SuiteResult> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-journal-'));
  const journal = join(folder, 'journal');
  const finished: CaseResult[] = [];
  try {
    for (let crashes = 0; ; crashes++) {
      writeFileSync(journal, '');
      const done = crashes === 0 ? {} : { done: finished.map((one) => one.id) };
      const answer = await askChild({ ...order, journal, ...done }, signal, hosting);
      const seconds = (performance.now() - started) / 1000;
      if ('result' in answer)
        return finished.length === 0 ? answer.result : continued(answer.result, finished, seconds);
      if ('cannotRun' in answer) return stopped(order.suite, answer, alone, seconds, finished);
      const remains = readJournal(journal);
      finished.push(...remains.finished);
      if (answer.lost && !signal.aborted && crashes < MOST_CRASHES) continue;
      if (remains.inHand === undefined || signal.aborted || crashes >= MOST_CRASHES)
        return suiteResult(order.suite, [...finished, ended(order.suite, answer.died, seconds)], seconds, {
          reason: answer.died,
        });
      finished.push(crashed(order.suite, remains.inHand, answer.died));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The whole suite's result, where processes before the last one died. */
function continued(last: SuiteResult, finished: readonly CaseResult[], seconds: number): SuiteResult {
  const { suite, cases, rows, memory, series, ceilings, conformance, accuracy, notes = [] } = last;
  const extra = { rows, memory, series, ceilings, conformance, accuracy, notes };
  return suiteResult(suite, [...finished, ...cases], seconds, extra);
}

function stopped(
  suite: SuiteName,
  { cannotRun, code }: { cannotRun: string; code: number },
  alone: boolean,
  seconds: number,
  finished: CaseResult[],
): SuiteResult {
  // Every case was finished before the process died, or the last one was what killed it.
  if (finished.length > 0 && code === EXIT.nothing) return suiteResult(suite, finished, seconds);
  // Alone, it is the whole command that could not run; among others, the rest still counts.
  if (alone) throw new CannotRunError(cannotRun, { code });
  return { ...suiteResult(suite, finished, seconds), status: 'error', reason: cannotRun, code };
}

/** The case that took its process with it. */
function crashed(suite: SuiteName, id: string, died: string): CaseResult {
  const slash = id.indexOf('/');
  return {
    id,
    suite,
    ...(suite === 'notebook' || slash < 0 ? {} : { op: id.slice(0, slash) }),
    status: 'fail',
    message: `${died} while this case was in hand`,
    seconds: 0,
    compared: 0,
    checks: { [died.includes('did not finish') ? 'timeout' : 'crash']: 'fail' },
    replay: `npx torchstone ${suite} --filter '${id}'`,
  };
}

/** Stands for what cannot be laid at one case's door. */
function ended(suite: SuiteName, died: string, seconds: number): CaseResult {
  return { id: `${suite}/process`, suite, status: 'error', message: died, seconds, compared: 0 };
}

/** `lost`: it ended by itself, because its device takes no more work. */
type Answer = SuiteAnswer | { died: string; lost: boolean };

function askChild(order: SuiteOrder, signal: AbortSignal, hosting: Hosting): Promise<Answer> {
  const limits = LIMITS[order.suite];
  const factor = order.full || order.live ? FULL_FACTOR : 1;
  const limitMs = hosting.deadlineMs ?? limits.minutes * 60_000 * factor;
  return new Promise((resolve) => {
    const child = fork(hosting.entry, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let answer: SuiteAnswer | undefined;
    let why: string | undefined;
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      if (child.connected) child.send({ stop: true });
      killer ??= setTimeout(() => child.kill('SIGKILL'), hosting.graceMs);
    };
    const deadline = setTimeout(() => {
      why = `did not finish in ${limitMs / 60_000} minutes`;
      stop();
    }, limitMs);
    const caseMs = hosting.caseMs ?? limits.caseSeconds * 1000 * factor;
    const stuck = watchJournal(order.journal, caseMs, () => {
      why = `did not finish in ${caseMs / 1000} s`;
      child.kill('SIGKILL');
    });
    signal.addEventListener('abort', stop, { once: true });
    child.on('message', (message) => {
      answer = readAnswer(message);
    });
    child.on('error', (error) => {
      answer ??= { cannotRun: `the suite's process did not start: ${error.message}`, code: EXIT.usage };
    });
    child.on('close', (code, killed) => {
      clearTimeout(deadline);
      clearTimeout(killer);
      clearInterval(stuck);
      signal.removeEventListener('abort', stop);
      const died = `the process of the ${order.suite} suite ${why ?? endOf(code, killed)}`;
      // What a late suite did finish is kept, but it has not held.
      if (why !== undefined && answer && 'result' in answer)
        answer = { result: { ...answer.result, status: 'fail', reason: died } };
      resolve(answer ?? { died, lost: code === DEVICE_LOST });
    });
    give(child, order);
  });
}

/** How a process ended; nobody here kills one without saying why. */
function endOf(code: number | null, killed: NodeJS.Signals | null): string {
  if (killed === 'SIGKILL') return 'ended with SIGKILL, as the system does when memory runs out,';
  return `ended with ${killed ?? `code ${code}`}`;
}

/** Calls `late` when a case has been in hand for so long; a suite without a journal is left to its deadline. */
function watchJournal(
  path: string | undefined,
  caseMs: number,
  late: () => void,
): NodeJS.Timeout | undefined {
  if (path === undefined) return undefined;
  let size = 0;
  let since = performance.now();
  return setInterval(
    () => {
      const now = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (now !== size) {
        size = now;
        since = performance.now();
      } else if (size > 0 && performance.now() - since > caseMs && readJournal(path).inHand !== undefined)
        late();
    },
    Math.min(1000, caseMs / 2),
  );
}

function give(child: ChildProcess, order: SuiteOrder): void {
  // A process that is gone already is reported by its end.
  child.send({ order }, () => {});
}

function readAnswer(message: unknown): SuiteAnswer {
  if (typeof message === 'object' && message !== null) {
    if ('cannotRun' in message) {
      const code = 'code' in message && typeof message.code === 'number' ? message.code : EXIT.usage;
      return { cannotRun: String(message.cannotRun), code };
    }
    if ('result' in message) {
      const parsed = SuiteResultSchema.safeParse(message.result);
      if (parsed.success) return { result: parsed.data };
      return { cannotRun: `the suite's result is malformed: ${parsed.error.message}`, code: EXIT.usage };
    }
  }
  return { cannotRun: "the suite's process answered with something else than a result", code: EXIT.usage };
}
