// `torchstone gradcheck FILE.ts#FUNCTION`: checks a function that the user wrote. Runs in this process, because the
// function is the user's own and a debugger must reach it.
import { machineFacts, toolFacts } from '../machine.js';
import { createProgress } from '../progress.js';
import { RESULT_SCHEMA, type RunResult, type SuiteResult } from '../results.js';
import { type Arguments, UsageError } from './args.js';
import { type Console, checkWritable, deliver } from './output.js';
import { interruptSignal } from './run.js';

/** Gradient-checks the user's function with random inputs of the given shapes. */
export async function gradcheckUser(args: Arguments, to: Console, words: readonly string[]): Promise<number> {
  const target = args.positionals[0] ?? '';
  if (args.shapes.length === 0) {
    throw new UsageError(`'${target}' needs the shape of its inputs: --shape 3,4 [--shape 4]`);
  }
  if (args.filter !== undefined) throw new UsageError('--filter chooses among the ops, not in your function');
  checkWritable(args, args.out);
  const { signal } = interruptSignal();
  const started = new Date().toISOString();
  const { checkUserFunction } = await import('../gradcheck/user.js');
  const suite: SuiteResult = await checkUserFunction(target, args.shapes, {
    seed: args.seed,
    signal,
    progress: createProgress({ quiet: args.quiet }),
  });
  const none = { missing: 'not needed: the function is held against its own central differences' };
  const run: RunResult = {
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
  return deliver(run, args, args.out, to);
}
