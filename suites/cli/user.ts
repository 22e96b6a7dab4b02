// `torchstone gradcheck FILE.ts#FUNCTION`: checks a user's function in this process, so that a debugger reaches it.
import { dirname, resolve } from 'node:path';
import { RESULT_SCHEMA, type RunResult, type SuiteResult } from '../../reports/schema/index.js';
import { machineFacts, toolFacts } from '../runner/machine.js';
import { createProgress } from '../runner/progress.js';
import { type Arguments, UsageError } from './args.js';
import { readGate } from './ci-check.js';
import { type Console, checkWritable, deliver } from './output.js';
import { interruptSignal } from './run.js';
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
  return args.watch ? whileChanging(once, to.err, [dirname(resolve(target.split('#')[0]!))]) : once();
}

/** One run of the check. */
async function checked(
  target: string,
  args: Arguments,
  words: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  const started = new Date().toISOString();
  const { checkUserFunction } = await import('../gradcheck/user.js');
  const suite: SuiteResult = await checkUserFunction(target, args.shapes, {
    seed: args.seed,
    quick: args.quick,
    signal,
    progress: createProgress({ quiet: args.quiet }),
  });
  const none = { missing: 'not needed: the function is held against its own central differences' };
  return {
    schema: RESULT_SCHEMA,
    tool: toolFacts(),
    command: `torchstone ${words.join(' ')}`,
    started,
    finished: new Date().toISOString(),
    partial: signal.aborted,
    seed: args.seed,
    machine: await machineFacts(),
    references: { python: none, numpy: none, torch: none },
    suites: [suite],
  };
}
