// What `FILE#FUNCTION` names. Loads no engine.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** The file and the export's name; `#` may be part of either: the longest file that exists is meant. */
export function readTarget(target: string, from = process.cwd()): { path: string; name: string | undefined } {
  for (let end = target.length; end > 0; end = target.lastIndexOf('#', end - 1)) {
    const path = target.slice(0, end);
    if (existsSync(resolve(from, path))) return { path, name: target.slice(end + 1) || undefined };
  }
  const [path = '', ...name] = target.split('#');
  return { path, name: name.join('#') || undefined };
}
