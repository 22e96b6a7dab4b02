// Packs a build's engine and bench rows into one module, so that two builds run side by side in one process.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import type * as engine from 'torchstone';
import { CannotRunError } from '../../reports/schema/index.js';
import { packageRoot } from '../runner/machine.js';
import type { cpuRows } from './cpu-rows.js';
import { entryPoint } from './fork.js';
import type { BenchInputs } from './inputs.js';
import type { notebookRows } from './notebook-rows.js';
import type { sweepRows } from './sweep.js';

/** What a packed build exports. */
export interface PackedSide {
  readonly manualSeed: typeof engine.manualSeed;
  readonly notebookRows: typeof notebookRows;
  readonly sweepRows: typeof sweepRows;
  readonly cpuRows: typeof cpuRows;
  readonly BenchInputs: typeof BenchInputs;
}

/** Where each of them is exported from. */
const EXPORTS: Readonly<Record<keyof PackedSide, string>> = {
  manualSeed: 'engine/index.ts',
  notebookRows: 'suites/bench/notebook-rows.ts',
  sweepRows: 'suites/bench/sweep.ts',
  cpuRows: 'suites/bench/cpu-rows.ts',
  BenchInputs: 'suites/bench/inputs.ts',
};

const packed = new Map<string, Promise<string>>();
let folder: string | undefined;

/** Whether a source tree has all that is packed: an old revision may lack it. */
export function packable(root: string): boolean {
  return Object.values(EXPORTS).every((path) => existsSync(join(root, path)));
}

/** The module of the build whose sources stand at `root`: made once in this process, gone when it ends. */
export function pack(root: string = packageRoot()): Promise<string> {
  const known = packed.get(root);
  if (known !== undefined) return known;
  const made = bundle(root, join(packFolder(), `side-${packed.size}.mjs`));
  packed.set(root, made);
  return made;
}

/** The folder of this process's packed builds; gone when it ends. */
export function packFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'torchstone-builds-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** The pair's process as one module: it starts many times, and TypeScript need be read but once. */
export function packedWorker(): Promise<string> {
  const { entry } = entryPoint('pair-worker');
  const known = packed.get(entry);
  if (known !== undefined) return known;
  const made = bundled({ entryPoints: [entry] }, join(packFolder(), 'pair-worker.mjs'), 'this program');
  packed.set(entry, made);
  return made;
}

function bundle(root: string, outfile: string): Promise<string> {
  const contents = Object.entries(EXPORTS)
    .map(([name, path]) => `export { ${name} } from './${path}';`)
    .join('\n');
  const stdin = { contents, resolveDir: root, loader: 'ts' } as const;
  return bundled({ stdin, plugins: [engineAt(root)] }, outfile, `the build at ${root}`);
}

/** Rows import the engine by the package's name: each build gets the one beside its rows, not the installed one. */
function engineAt(root: string): Plugin {
  const modules: Readonly<Record<string, string>> = {
    torchstone: 'index.ts',
    'torchstone/internals': 'internals.ts',
  };
  return {
    name: 'engine-beside-its-rows',
    setup({ onResolve }) {
      onResolve({ filter: /^torchstone(\/internals)?$/ }, ({ path }) => ({
        path: join(root, 'engine', modules[path]!),
      }));
    },
  };
}

async function bundled(input: BuildOptions, outfile: string, what: string): Promise<string> {
  const { build } = await import('esbuild');
  try {
    await build({
      ...input,
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
      // Packages in CommonJS ask for Node's own modules by `require`.
      banner: {
        js: "import { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
      },
    });
    return outfile;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new CannotRunError(`${what} cannot be packed: ${text}`, { cause: error });
  }
}
