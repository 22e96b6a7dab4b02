// The process of one suite: takes one order from its parent, answers with the result, and ends.
// It stops at the next case when the parent says so or is gone.
import { EXIT } from '../../reports/schema/index.js';
import { runHere } from '../cli/run.js';
import type { SuiteOrder } from './isolate.js';

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
    cannotRun: `the ${order.suite} suite broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    code: EXIT.usage,
  }));
  // Ends only once the answer is on its way; handles that a suite left open must not keep the run waiting.
  process.send?.(answer, () => process.exit(0));
}
