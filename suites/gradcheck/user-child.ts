// Child process of a user's function: what that function does to its process, it does to this one. It takes one order, sends
// each result as it is there, then `done`, or `cannotRun`.
import { CannotRunError, type CaseResult, EXIT } from '../../reports/schema/index.js';
import { addonMissing } from '../runner/addon-missing.js';
import { createProgress } from '../runner/progress.js';

/** What is checked. */
export interface UserOrder {
  readonly target: string;
  readonly shapes: readonly (readonly number[])[];
  readonly seed: number;
  readonly quick: boolean;
  readonly quiet: boolean;
}

/** What the process says. */
export type UserAnswer =
  | { readonly result: CaseResult }
  | { readonly done: true }
  | { readonly cannotRun: string; readonly code: number };

// The user's code may send messages too: those of this file are known by a word that it was given.
const [, , word] = process.argv;
const controller = new AbortController();
const send = process.send?.bind(process);
const say = (answer: UserAnswer, then?: () => void): void =>
  void send?.({ word, answer }, undefined, {}, then);

// On a terminal Ctrl-C reaches this process too; the parent decides and tells it.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(EXIT.usage));
process.on('message', (message: { order?: UserOrder; stop?: true }) => {
  if (message.stop) controller.abort();
  if (message.order) void serve(message.order);
});

async function serve({ target, shapes, seed, quick, quiet }: UserOrder): Promise<void> {
  try {
    const { placeRun } = await import('../runner/device.js');
    const { checkUserFunction } = await import('./user.js');
    placeRun();
    await checkUserFunction(target, shapes, {
      seed,
      quick,
      signal: controller.signal,
      progress: createProgress({ quiet }),
      each: (result) => say({ result }),
    });
    say({ done: true });
  } catch (error) {
    const known = error instanceof CannotRunError;
    const text =
      error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
    say({ cannotRun: addonMissing(error) ?? text, code: known ? error.code : EXIT.usage });
  }
}
