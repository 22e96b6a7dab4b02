// The program for tests that start it in a process of its own: the built one where set-up built it from these sources, as in
// `npm test`, else the sources under tsx, which take several times as long to load.
//   spawnSync(process.execPath, [...NODE_WORDS, COMMAND, 'doctor'])
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './root.js';

const { typescriptIsBuilt } = (await import(pathToFileURL(join(ROOT, 'scripts', 'setup.mjs')).href)) as {
  typescriptIsBuilt(): boolean;
};
const BUILT = typescriptIsBuilt();

/** What Node needs before the program's file. */
export const NODE_WORDS: readonly string[] = BUILT ? [] : ['--import', 'tsx'];

/** The file of a module of the sources, `engine/index` for instance, without its extension. */
export function fileOf(module: string): string {
  return BUILT ? join(ROOT, 'dist', `${module}.js`) : join(ROOT, `${module}.ts`);
}

/** The same as a URL, to be imported. */
export const urlOf = (module: string): string => pathToFileURL(fileOf(module)).href;

/** The file of the `torchstone` command. */
export const COMMAND = fileOf('suites/cli/bin');
