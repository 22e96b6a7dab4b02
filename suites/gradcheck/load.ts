// Loads a user's function: bundle, import, check of its kind.
import { existsSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { engineUrl } from 'torchstone/internals';
import { CannotRunError } from '../../reports/schema/index.js';
import { readTarget } from './target.js';
import type { TensorFunction } from './tensors.js';

let loads = 0;

/**
 * Loads `./file.ts#name`; without `#name`, the file's only exported function. The file is bundled with what it imports from
 * its own folders; packages stay outside, and `torchstone` is the engine of this process, so that its tensors are ours.
 * @throws CannotRunError that says what is missing.
 */
export async function loadUserFunction(target: string, from = process.cwd()): Promise<TensorFunction> {
  const { path, name } = readTarget(target, from);
  const file = resolve(from, path);
  if (path === '' || !existsSync(file))
    throw new CannotRunError(`there is no file ${path || target} (looked for ${file})`);
  const module = await importBundled(file);
  const chosen = name === undefined ? onlyFunction(module, path) : module[name];
  if (chosen === undefined) {
    const names = Object.keys(module).join(', ') || 'nothing';
    throw new CannotRunError(`${path} has no export named '${name}'; it exports ${names}`);
  }
  if (typeof chosen !== 'function')
    throw new CannotRunError(`${target} is not a function but a ${typeof chosen}`);
  return chosen as TensorFunction;
}

function onlyFunction(module: Readonly<Record<string, unknown>>, path: string): unknown {
  const functions = Object.entries(module).filter(([, value]) => typeof value === 'function');
  if (functions.length === 1) return functions[0]![1];
  const names = functions.map(([name]) => name).join(', ');
  throw new CannotRunError(
    functions.length === 0
      ? `${path} exports no function`
      : `${path} exports ${names}: say which, as ${path}#${functions[0]![0]}`,
  );
}

async function importBundled(file: string): Promise<Record<string, unknown>> {
  const { build } = await import('esbuild');
  loads += 1;
  // Beside the file, so that its packages resolve from where it lies.
  const out = join(dirname(file), `.${basename(file)}.${process.pid}-${loads}.mjs`);
  // Removed as well where the file ends the process.
  const remove = (): void => rmSync(out, { force: true });
  process.on('exit', remove);
  try {
    await build({
      entryPoints: [file],
      outfile: out,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      sourcemap: 'inline',
      logLevel: 'silent',
      ...(file.endsWith('.cjs') ? { banner: { js: requiring } } : {}),
      plugins: [sameEngine],
    });
    return exportsOf((await import(/* @vite-ignore */ pathToFileURL(out).href)) as Record<string, unknown>);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new CannotRunError(`${file} does not load: ${text}`, { cause: error });
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** What is required from packages stays a call, which a module lacks. */
const requiring =
  "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);";

/** What a CommonJS file exports is the default export of its bundle. */
function exportsOf(module: Record<string, unknown>): Record<string, unknown> {
  const { default: only, ...named } = module;
  const common = Object.keys(named).length === 0 && typeof only === 'object' && only !== null;
  return common ? { ...only } : module;
}

const sameEngine: Plugin = {
  name: 'same-engine',
  setup(build) {
    build.onResolve({ filter: /^torchstone$/ }, ({ kind }) =>
      kind === 'require-call'
        ? { path: 'torchstone', namespace: 'engine' }
        : { path: engineUrl, external: true },
    );
    // The engine cannot be required, for it is made of modules: a module between imports it.
    build.onLoad({ filter: /./, namespace: 'engine' }, () => ({ contents: "export * from 'torchstone';" }));
    // A file of this repository may import the engine by its path: that too must be the running one.
    build.onResolve({ filter: /engine\/index\.(js|ts)$/ }, (args) => {
      const wanted = resolve(args.resolveDir, args.path).replace(/\.(js|ts)$/, '');
      if (wanted !== fileURLToPath(engineUrl).replace(/\.(js|ts)$/, '')) return undefined;
      return { path: engineUrl, external: true };
    });
  },
};
