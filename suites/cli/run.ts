// Runs suites and assembles one run result; handles interruption.
import { join, resolve } from 'node:path';
import {
  RESULT_SCHEMA,
  type RunResult,
  type SuiteName,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { HOSTING, isolated, type SuiteOrder } from '../runner/isolate.js';
import { machineFacts, packageRoot, toolFacts } from '../runner/machine.js';
import type { FoundReferences } from '../runner/references.js';
import { stopwatch } from '../runner/stopwatch.js';
import type { Arguments } from './args.js';

/** The options that the command line gives a suite. */
export function suiteOrder(
  suite: SuiteName,
  args: Arguments,
  python: string | undefined,
  folder?: string,
): SuiteOrder {
  return {
    suite,
    quiet: args.quiet,
    seed: args.seed,
    full: args.full,
    quick: args.quick,
    fixtures: args.fixtures ?? join(packageRoot(), 'fixtures'),
    ...(args.filter === undefined ? {} : { filter: args.filter }),
    ...(args.shard === undefined ? {} : { shard: args.shard }),
    ...(args.eachOp ? { eachOp: true } : {}),
    ...(args.maxFailures === undefined ? {} : { maxFailures: args.maxFailures }),
    ...(args.live ? { live: true } : {}),
    ...(suite === 'validate' && args.accuracy ? { accuracy: true } : {}),
    ...(args.verbose ? { verbose: true } : {}),
    ...(args.dtypes === undefined ? {} : { dtypes: args.dtypes }),
    ...(args.sample === undefined ? {} : { sample: args.sample }),
    ...(args.calls === undefined ? {} : { calls: args.calls }),
    ...(folder === undefined ? {} : { capsules: join(resolve(folder), 'capsules') }),
    ...(args.vs === undefined ? {} : { vs: args.vs }),
    ...(args.peers === undefined ? {} : { peers: args.peers }),
    ...(args.build === undefined ? {} : { build: args.build }),
    ...(args.saveBaseline ? { saveBaseline: true } : {}),
    ...(args.rows === undefined ? {} : { rows: args.rows }),
    ...(python === undefined ? {} : { python }),
  };
}

/** Aborted by the first Ctrl-C; the second one ends the process at once. `off` gives Ctrl-C back. */
export function interruptSignal(): { signal: AbortSignal; off(): void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nInterrupted: finishing the case in hand; press again to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const off = () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  return { signal: controller.signal, off };
}

/** Runs the suites one after another, each in a process of its own, and assembles the run. */
export async function runSuites(
  names: readonly SuiteName[],
  args: Arguments,
  found: FoundReferences,
  command: string,
  signal: AbortSignal,
  hosting = HOSTING,
  folder?: string,
): Promise<RunResult> {
  const time = stopwatch();
  const machine = await machineFacts();
  const suites: SuiteResult[] = [];
  for (const name of names) {
    if (signal.aborted) break;
    const order = suiteOrder(name, args, found.python, folder);
    suites.push(await isolated(order, signal, names.length === 1, hosting, args.jobs));
  }
  return {
    schema: RESULT_SCHEMA,
    tool: toolFacts(),
    command,
    started: time.started,
    finished: time.finished(),
    partial: signal.aborted,
    seed: args.seed,
    machine,
    references: found.references,
    suites,
    ...(args.strictNoise ? { strictNoise: true } : {}),
  };
}
