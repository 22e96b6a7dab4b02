// Entry points of the bench's child processes, from sources or from a build.
import { fileURLToPath } from 'node:url';

/** The module `name` of this folder as a process's entry, and the flags that load it. */
export function entryPoint(name: string): { readonly entry: string; readonly execArgv: string[] } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const loads = process.execArgv.some((word) => word.includes('tsx'));
  return {
    entry: fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url)),
    execArgv: extension === 'js' || loads ? process.execArgv : ['--import', 'tsx'],
  };
}
