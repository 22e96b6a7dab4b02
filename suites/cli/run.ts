// Runs suites and assembles what they produced into one run result; owns interruption.
// It knows no suite's inside and prints nothing of its own.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineFacts, packageRoot, toolFacts } from '../machine.js';
import { createProgress } from '../progress.js';
import {
  CannotRunError,
  RESULT_SCHEMA,
  type RunResult,
  type SuiteName,
  type SuiteOptions,
  type SuiteResult,
  SuiteResultSchema,
  suiteResult,
} from '../results.js';
import type { Arguments } from './args.js';
import type { FoundReferences } from './references.js';

/** What is sent to a suite's process: options without what cannot be sent. */
export interface SuiteOrder extends Omit<SuiteOptions, 'signal' | 'progress'> {
  suite: SuiteName;
  quiet: boolean;
}

/** What a suite's process answers. */
export type SuiteAnswer = { result: SuiteResult } | { cannotRun: string };

// Far above what the suites need: these only end a run that hangs.
const DEADLINE_MINUTES: Readonly<Record<SuiteName, number>> = {
  validate: 6,
  gradcheck: 6,
  notebook: 8,
  bench: 12,
  selftest: 5,
};
const FULL_FACTOR = 20;

/** How a suite's process is started and ended; a parameter, so that tests can start something else. */
export interface Hosting {
  readonly entry: string;
  /** How long it may run, in milliseconds. */
  readonly deadlineMs?: number;
  /** How long it may take to stop after it was told to. */
  readonly graceMs: number;
}

const HOSTING: Hosting = {
  entry: fileURLToPath(new URL(`./child.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)),
  graceMs: 20_000,
};

/** The options that the command line gives a suite. */
export function suiteOrder(suite: SuiteName, args: Arguments, python: string | undefined): SuiteOrder {
  return {
    suite,
    quiet: args.quiet,
    seed: args.seed,
    full: args.full,
    quick: args.quick,
    fixtures: args.fixtures ?? join(packageRoot(), 'fixtures'),
    ...(args.filter === undefined ? {} : { filter: args.filter }),
    ...(args.vs === undefined ? {} : { vs: args.vs }),
    ...(args.rows === undefined ? {} : { rows: args.rows }),
    ...(python === undefined ? {} : { python }),
  };
}

/** Aborted by the first Ctrl-C; the second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nInterrupted: finishing the case in hand; press again to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

/** Runs the suites one after another, each in a process of its own, and assembles the run. */
export async function runSuites(
  names: readonly SuiteName[],
  args: Arguments,
  found: FoundReferences,
  command: string,
  signal: AbortSignal,
  hosting = HOSTING,
): Promise<RunResult> {
  const started = new Date().toISOString();
  const machine = await machineFacts();
  const suites: SuiteResult[] = [];
  for (const name of names) {
    if (signal.aborted) break;
    const order = suiteOrder(name, args, found.python);
    suites.push(await isolated(order, signal, names.length === 1, hosting));
  }
  return {
    schema: RESULT_SCHEMA,
    tool: toolFacts(),
    command,
    started,
    finished: new Date().toISOString(),
    partial: signal.aborted,
    seed: args.seed,
    machine,
    references: found.references,
    suites,
  };
}

/**
 * Runs one suite in a process of its own: a crash of the addon becomes a failed case instead of the end of the run,
 * and memory figures start from a fresh process.
 */
async function isolated(
  order: SuiteOrder,
  signal: AbortSignal,
  alone: boolean,
  hosting: Hosting,
): Promise<SuiteResult> {
  const started = performance.now();
  const answer = await askChild(order, signal, hosting);
  const seconds = (performance.now() - started) / 1000;
  if ('result' in answer) return answer.result;
  if ('cannotRun' in answer) {
    // Alone, it is the whole command that could not run; among others, the rest still counts.
    if (alone) throw new CannotRunError(answer.cannotRun);
    return { ...suiteResult(order.suite, [], seconds), status: 'error', reason: answer.cannotRun };
  }
  const crash = {
    id: `${order.suite}/process`,
    suite: order.suite,
    status: 'error' as const,
    message: answer.died,
    seconds,
    compared: 0,
  };
  return suiteResult(order.suite, [crash], seconds, { reason: answer.died });
}

function askChild(
  order: SuiteOrder,
  signal: AbortSignal,
  { entry, deadlineMs, graceMs }: Hosting,
): Promise<SuiteAnswer | { died: string }> {
  const limitMs = deadlineMs ?? DEADLINE_MINUTES[order.suite] * 60_000 * (order.full ? FULL_FACTOR : 1);
  return new Promise((resolve) => {
    const child = fork(entry, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let answer: SuiteAnswer | undefined;
    let late = false;
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      if (child.connected) child.send({ stop: true });
      killer ??= setTimeout(() => child.kill('SIGKILL'), graceMs);
    };
    const deadline = setTimeout(() => {
      late = true;
      stop();
    }, limitMs);
    signal.addEventListener('abort', stop, { once: true });
    child.on('message', (message) => {
      answer = readAnswer(message);
    });
    child.on('error', (error) => {
      answer ??= { cannotRun: `the suite's process did not start: ${error.message}` };
    });
    child.on('close', (code, killed) => {
      clearTimeout(deadline);
      clearTimeout(killer);
      signal.removeEventListener('abort', stop);
      const how = late
        ? `did not finish in ${limitMs / 60_000} minutes`
        : `ended with ${killed ?? `code ${code}`}`;
      const died = `the process of the ${order.suite} suite ${how}`;
      // What a late suite did finish is kept, but it has not held.
      if (late && answer && 'result' in answer)
        answer = { result: { ...answer.result, status: 'fail', reason: died } };
      resolve(answer ?? { died });
    });
    child.send({ order });
  });
}

function readAnswer(message: unknown): SuiteAnswer {
  if (typeof message === 'object' && message !== null) {
    if ('cannotRun' in message) return { cannotRun: String(message.cannotRun) };
    if ('result' in message) {
      const parsed = SuiteResultSchema.safeParse(message.result);
      if (parsed.success) return { result: parsed.data };
      return { cannotRun: `the suite's result is malformed: ${parsed.error.message}` };
    }
  }
  return { cannotRun: "the suite's process answered with something else than a result" };
}

/** Runs an ordered suite in this process. Used by the suite's own process. */
export async function runHere(order: SuiteOrder, signal: AbortSignal): Promise<SuiteAnswer> {
  const { suite: name, quiet, ...options } = order;
  const { loadSuite } = await import('./load.js');
  try {
    const suite = await loadSuite(name);
    return { result: await suite.run({ ...options, signal, progress: createProgress({ quiet }) }) };
  } catch (error) {
    if (error instanceof CannotRunError) return { cannotRun: error.message };
    throw error;
  }
}
