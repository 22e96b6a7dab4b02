// Other builds for the A/B benchmark: a git revision, built once and kept, or another addon file.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { addonPath } from 'torchstone/internals';
import { CannotRunError } from '../../reports/schema/index.js';
import { packageRoot } from '../runner/machine.js';
import { pack, packable, packFolder } from './pack.js';
import type { PackedBuild } from './pair-process.js';

const run = promisify(execFile);
/** Which engine: where its sources, or what was packed of them, and its addon stand. */
export interface Build {
  /** For people: `git:v0.1.0 (ad41771)`. */
  readonly label: string;
  readonly root?: string;
  readonly module?: string;
  readonly addon: string;
  /** For trials of the bench itself: the calls made for each that is counted. */
  readonly plant?: number;
}

/** The build that this program is. */
export function thisBuild(): Build {
  return { label: 'this build', root: packageRoot(), addon: addonPath };
}

const copies = new Map<string, string>();

/**
 * A build ready to be loaded as one side of a pair. Each side gets a module and an addon of its own, even where the files are the
 * same: a system hands out a library that is already loaded, and Node a module.
 */
export async function readied(
  { root, module: packed, addon, plant }: Build,
  side: 'ours' | 'theirs',
): Promise<PackedBuild> {
  const module = packed ?? (await pack(root));
  const key = `${side}:${addon}`;
  const copy = copies.get(key) ?? join(packFolder(), `addon-${copies.size}.node`);
  if (!copies.has(key)) copyFileSync(addon, copy);
  copies.set(key, copy);
  return {
    module: `${pathToFileURL(module)}?${side}`,
    addon: copy,
    ...(plant === undefined ? {} : { plant }),
  };
}

/** A native build on two cores takes minutes. */
const BUILD_MS = 30 * 60_000;

/** The build that `--vs git:REV` or `--vs addon:PATH` names. @throws CannotRunError with what went wrong. */
export async function otherBuild(spec: string, note: (text: string) => void): Promise<Build> {
  const colon = spec.indexOf(':');
  const kind = spec.slice(0, colon);
  const what = spec.slice(colon + 1);
  if (kind === 'addon') {
    const path = resolve(what);
    if (!existsSync(path)) throw new CannotRunError(`there is no addon at ${path}`);
    return { label: spec, root: packageRoot(), addon: path };
  }
  const sha = await revision(what);
  const label = what.startsWith(sha.slice(0, 7)) ? `git:${what}` : `git:${what} (${sha.slice(0, 7)})`;
  const root = await builtAt(sha, label, note);
  return { label, root, addon: join(root, 'native', 'build', 'Release', 'torchstone.node') };
}

async function revision(name: string): Promise<string> {
  try {
    // The end of options: a name must not be read as one.
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
    return (await run('git', args, { cwd: packageRoot() })).stdout.trim();
  } catch (error) {
    throw new CannotRunError(`git knows no revision '${name}' here`, { cause: error });
  }
}

/** The folder of that commit's build; it appears whole or not at all. */
async function builtAt(sha: string, label: string, note: (text: string) => void): Promise<string> {
  const root = packageRoot();
  const home = join(root, 'node_modules', '.cache', 'torchstone', 'builds');
  const folder = join(home, sha.slice(0, 12));
  if (existsSync(folder)) return folder;
  note(`building ${label}; this is done once`);
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    const archive = join(home, `${sha}.tar`);
    // Nothing that is raced reads the fixtures.
    await run('git', ['archive', '--output', archive, sha, '--', '.', ':!fixtures'], { cwd: root });
    await run('tar', ['-xf', archive, '-C', part]);
    rmSync(archive);
    symlinkSync(join(root, 'node_modules'), join(part, 'node_modules'), 'dir');
    if (!packable(part)) throw new CannotRunError(`${label} is from before the bench had the rows to race`);
    const options = { cwd: part, timeout: BUILD_MS, maxBuffer: 2 ** 28 };
    await run('npm', ['run', 'build:native'], options);
    await run(process.execPath, ['--import', 'tsx', join('scripts', 'generate.ts')], options);
    keepAddon(join(part, 'native', 'build'));
    renameSync(part, folder);
    return folder;
  } catch (error) {
    if (error instanceof CannotRunError) throw error;
    const said =
      error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : '';
    throw new CannotRunError(`${label} could not be built: ${said || String(error)}`, { cause: error });
  }
}

/** What a compiler left is large, and names a folder that is gone. */
function keepAddon(build: string): void {
  for (const name of readdirSync(build))
    if (name !== 'Release') rmSync(join(build, name), { recursive: true, force: true });
}
