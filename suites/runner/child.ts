// Child process of one suite: takes one order, answers with the result, ends. It stops at the next case when the parent
// asks or is gone.
import { CannotRunError, EXIT } from '../../reports/schema/index.js';
import { addonMissing } from './addon-missing.js';
import type { SuiteAnswer, SuiteOrder } from './isolate.js';
import { createProgress } from './progress.js';

const controller = new AbortController();

// On a terminal Ctrl-C reaches this process too; the parent decides and tells it.
process.on('SIGINT', () => {});
process.on('disconnect', () => controller.abort());
process.on('message', (message) => {
  if (typeof message !== 'object' || message === null) return;
  if ('stop' in message) controller.abort();
  if ('order' in message) void serve(message.order as SuiteOrder);
});

async function serve(order: SuiteOrder): Promise<void> {
  const answer = await runHere(order, controller.signal).catch((error: unknown) => ({
    cannotRun:
      addonMissing(error) ??
      `the ${order.suite} suite broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    code: EXIT.usage,
  }));
  // Ends only once the answer is on its way; handles that a suite left open must not keep the run waiting.
  process.send?.(answer, () => process.exit(0));
}

/** Runs the ordered suite in this process. */
async function runHere(order: SuiteOrder, signal: AbortSignal): Promise<SuiteAnswer> {
  const { suite: name, quiet, ...options } = order;
  const { loadSuite } = await import('./load.js');
  const { placeRun } = await import('./device.js');
  try {
    placeRun();
    const suite = await loadSuite(name);
    return { result: await suite.run({ ...options, signal, progress: createProgress({ quiet }) }) };
  } catch (error) {
    if (error instanceof CannotRunError) return { cannotRun: error.message, code: error.code };
    throw error;
  }
}
