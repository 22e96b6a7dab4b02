// `torchstone gradcheck FILE.ts#FUNCTION`: checks a user's function in a process of its own, or in this one where a debugger waits.
import { url as debuggerUrl } from 'node:inspector';
import { dirname, resolve } from 'node:path';
import { RESULT_SCHEMA, type RunResult, type SuiteResult } from '../../reports/schema/index.js';
import { readTarget } from '../gradcheck/target.js';
import { machineFacts, toolFacts } from '../runner/machine.js';
import { createProgress } from '../runner/progress.js';
import { stopwatch } from '../runner/stopwatch.js';
import { type Arguments, UsageError } from './args.js';
import { readGate } from './ci-check.js';
import { type Console, checkWritable, deliver } from './output.js';
import { interruptSignal } from './run.js';
import { checkApart } from './user-process.js';
import { whileChanging } from './watch.js';

/** Gradient-checks the user's function with random inputs of the given shapes. */
export async function gradcheckUser(args: Arguments, to: Console, words: readonly string[]): Promise<number> {
  const target = args.positionals[0] ?? '';
  if (args.shapes.length === 0) {
    throw new UsageError(`'${target}' needs the shape of its inputs: --shape 3,4 [--shape 4]`);
  }
  if (args.filter !== undefined) throw new UsageError('--filter chooses among the ops, not in your function');
  checkWritable(args, args.out);
  const gate = readGate(args);
  const once = async () => {
    const interrupt = interruptSignal();
    const run = await checked(target, args, words, interrupt.signal);
    interrupt.off();
    return deliver(gate(run), args, args.out, to);
  };
  return args.watch ? whileChanging(once, to.err, [dirname(resolve(readTarget(target).path))]) : once();
}

/** The check in this process. */
async function checkHere(target: string, args: Arguments, signal: AbortSignal): Promise<SuiteResult> {
  const { placeRun } = await import('../runner/device.js');
  const { checkUserFunction } = await import('../gradcheck/user.js');
  placeRun();
  const { seed, quick, quiet } = args;
  return checkUserFunction(target, args.shapes, { seed, quick, signal, progress: createProgress({ quiet }) });
}

/** One run of the check. */
async function checked(
  target: string,
  args: Arguments,
  words: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  const time = stopwatch();
  const { seed, quick, quiet, shapes } = args;
  const suite =
    debuggerUrl() === undefined
      ? await checkApart({ target, shapes, seed, quick, quiet }, signal)
      : await checkHere(target, args, signal);
  const none = { missing: 'not needed: the function is held against its own central differences' };
  return {
    schema: RESULT_SCHEMA,
    tool: toolFacts(),
    command: `torchstone ${words.join(' ')}`,
    started: time.started,
    finished: time.finished(),
    partial: signal.aborted,
    seed: args.seed,
    machine: await machineFacts(),
    references: { python: none, numpy: none, torch: none },
    suites: [suite],
  };
}
