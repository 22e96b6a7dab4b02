// `--watch`: runs again when a file that the run depends on has changed.
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../reports/schema/index.js';
import { packageRoot } from '../runner/machine.js';

const WATCHED = ['engine', 'suites', 'fixtures', 'dist', join('native', 'build', 'Release')];
/** Editors and compilers write in bursts. */
const SETTLE_MS = 300;

/** Runs, then runs again after every change, until interrupted; the last run's exit code. */
export async function whileChanging(
  run: () => Promise<number>,
  say: (text: string) => void,
  folders: readonly string[] = WATCHED.map((folder) => join(packageRoot(), folder)),
): Promise<number> {
  for (;;) {
    // Before the run: what changes while it runs is not in it.
    const changes = new Changes(folders);
    const code = await run();
    say('\nWatching for changes; Ctrl-C ends.\n');
    const changed = code === EXIT.interrupted ? undefined : await changes.next();
    changes.close();
    if (changed === undefined) return code;
    say(`${changed} changed\n`);
  }
}

/** Notices the files that change from now on. */
class Changes {
  readonly #watchers: readonly FSWatcher[];
  #last: string | undefined;
  #tell: (() => void) | undefined;

  constructor(folders: readonly string[]) {
    this.#watchers = folders.filter(existsSync).map((folder) =>
      watch(folder, { recursive: true }, (_, file) => {
        this.#last = file ?? folder;
        this.#tell?.();
      }),
    );
  }

  /** A file that has changed, once nothing more does; undefined when interrupted. */
  next(): Promise<string | undefined> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const done = (what: string | undefined) => {
        clearTimeout(timer);
        process.off('SIGINT', interrupted);
        resolve(what);
      };
      const interrupted = () => done(undefined);
      this.#tell = () => {
        clearTimeout(timer);
        timer = setTimeout(() => done(this.#last), SETTLE_MS);
      };
      process.on('SIGINT', interrupted);
      if (this.#last !== undefined) this.#tell();
    });
  }

  close(): void {
    for (const one of this.#watchers) one.close();
  }
}
