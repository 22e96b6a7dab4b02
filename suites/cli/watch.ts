// `--watch`: runs again whenever what a run depends on has changed. It owns the waiting, not the run.
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../machine.js';

const WATCHED = ['engine', 'suites', 'fixtures', 'dist', join('native', 'build', 'Release')];
/** Editors and compilers write in bursts. */
const SETTLE_MS = 300;

/** Runs, then runs again after every change, until interrupted; the last run's exit code. */
export async function whileChanging(
  run: () => Promise<number>,
  say: (text: string) => void,
): Promise<number> {
  for (;;) {
    const code = await run();
    if (code === 130) return code;
    say('\nWatching for changes; Ctrl-C ends.\n');
    const changed = await nextChange();
    if (changed === undefined) return code;
    say(`${changed} changed\n`);
  }
}

/** The first file that changes from now on; undefined when interrupted. */
function nextChange(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const watchers = WATCHED.map((folder) => join(packageRoot(), folder))
      .filter(existsSync)
      .map((folder) => watch(folder, { recursive: true }, (_, file) => settle(file ?? folder)));
    let timer: NodeJS.Timeout | undefined;
    const done = (what: string | undefined) => {
      clearTimeout(timer);
      for (const one of watchers) one.close();
      process.off('SIGINT', interrupted);
      resolve(what);
    };
    const interrupted = () => done(undefined);
    const settle = (file: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => done(file), SETTLE_MS);
    };
    process.on('SIGINT', interrupted);
  });
}
