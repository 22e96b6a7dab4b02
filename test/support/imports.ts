// Source scans: the files of the tree, and what each imports. `importsOf(text)` and `resolved('engine/a.ts', './b.js')`.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { ROOT } from './root.js';

/** One import or re-export of a module. */
export interface Import {
  /** As written: `'../core/dtype.js'`, `'torchstone'`. */
  readonly target: string;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
  /** `import(…)`: loaded when the code gets there. */
  readonly dynamic: boolean;
}

const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|[\s;{}(,])\/\/.*$/gm;
const STATIC =
  /^(?:import|export)\s+(?:(type)\s+)?(?:(\*(?:\s+as\s+\w+)?|[\w$]+|\{[^}]*\})\s*from\s*)?'([^']+)'/gm;
const DYNAMIC = /(typeof\s+|(?:[:=|<]|\btype\b[^=]*=)\s*)?\bimport\('([^']+)'\)(\.[A-Z])?/g;

/** The imports of a module's text. */
export function importsOf(text: string): Import[] {
  const code = text.replace(COMMENTS, '');
  const found: Import[] = [];
  for (const [, type, names = '', target] of code.matchAll(STATIC)) {
    const listed = names.startsWith('{')
      ? names
          .slice(1, -1)
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '')
      : [];
    const allTypes = listed.length > 0 && listed.every((name) => name.startsWith('type '));
    found.push({ target: target!, typeOnly: type !== undefined || allTypes, dynamic: false });
  }
  for (const [, before, target, member] of code.matchAll(DYNAMIC))
    found.push({ target: target!, typeOnly: before !== undefined || member !== undefined, dynamic: true });
  return found;
}

/** The file of the tree that a relative import names; undefined for packages. */
export function resolved(from: string, target: string): string | undefined {
  if (!target.startsWith('.')) return undefined;
  return posix.join(posix.dirname(from), target).replace(/\.js$/, '.ts');
}

/** The TypeScript files below these folders, relative to the root, without what is generated or built. */
export function sources(...folders: readonly string[]): string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && one.name.endsWith('.ts'))
      .map((one) => relative(ROOT, join(one.parentPath, one.name)).replaceAll('\\', '/')),
  );
  return files.filter((file) => !/^(engine|suites)\/dist\/|^engine\/generated\//.test(file)).sort();
}

/** The text of a file of the tree. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The code of a file of the tree: its text without comments. */
export function codeOf(file: string): string {
  return textOf(file).replace(COMMENTS, '');
}
