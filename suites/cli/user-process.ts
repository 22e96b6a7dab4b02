// A user's function checked in a process of its own: it may print, exit, hang and leave timers behind.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotRunError, type CaseResult, type SuiteResult } from '../../reports/schema/index.js';
import { suiteResult } from '../common/suite.js';
import { readTarget } from '../gradcheck/target.js';
import type { UserAnswer, UserOrder } from '../gradcheck/user-child.js';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const ENTRY = fileURLToPath(new URL(`../gradcheck/user-child.${EXTENSION}`, import.meta.url));
/** From sources, a process that itself runs under another loader must name the one for TypeScript. */
const LOADER =
  EXTENSION === 'js' || process.execArgv.some((word) => word.includes('tsx')) ? [] : ['--import', 'tsx'];
/** How long the function may take to come back after Ctrl-C. */
const GRACE_MS = 3000;

/** The results of the check, those before an interruption. @throws CannotRunError where the function ends its process */
export async function checkApart(order: UserOrder, signal: AbortSignal): Promise<SuiteResult> {
  const started = performance.now();
  const word = randomUUID();
  // Standard output carries the answer of the command: what the function prints goes to standard error.
  const child = fork(ENTRY, [word], {
    stdio: ['ignore', 2, 'inherit', 'ipc'],
    execArgv: [...process.execArgv, ...LOADER],
  });
  const results: CaseResult[] = [];
  let last: Exclude<UserAnswer, { result: CaseResult }> | undefined;
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (child.connected) child.send({ stop: true }, () => {});
    killer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  const ended = await new Promise<string>((settle) => {
    child.on('message', (message: { word?: unknown; answer?: UserAnswer }) => {
      if (message.word !== word || message.answer === undefined) return;
      if ('result' in message.answer) results.push(message.answer.result);
      else {
        last = message.answer;
        // Timers and handles of the user's must not keep the run waiting.
        child.kill('SIGKILL');
      }
    });
    child.on('error', (error) => settle(`its process did not start: ${error.message}`));
    child.on('close', (code, killed) => settle(`it ended its process with ${killed ?? `code ${code}`}`));
    child.send({ order }, () => {});
  });
  clearTimeout(killer);
  signal.removeEventListener('abort', stop);
  removeBundles(order.target, child.pid);
  if (last !== undefined && 'cannotRun' in last)
    throw new CannotRunError(last.cannotRun, { code: last.code });
  if (last === undefined && !signal.aborted)
    throw new CannotRunError(`${order.target} was not checked: ${ended}`);
  return suiteResult('gradcheck', results, (performance.now() - started) / 1000);
}

/** What a process that was ended could not remove: the bundles beside the user's file. */
function removeBundles(target: string, pid: number | undefined): void {
  const file = resolve(readTarget(target).path);
  try {
    for (const name of readdirSync(dirname(file)))
      if (name.startsWith(`.${basename(file)}.${pid}-`)) rmSync(join(dirname(file), name), { force: true });
  } catch {
    // No such folder: nothing was written.
  }
}
