// Addon lookup: the file that TORCHSTONE_ADDON names, else the repository's own build, else the prebuilt package of the platform.
// `const path = addonFile()`
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TorchstoneError } from '../core/errors.js';

const BUILD = join('native', 'build', 'Release', 'torchstone.node');

/**
 * The addon's file.
 * @throws TorchstoneError that names every place where none was.
 */
export function addonFile(): string {
  const named = process.env.TORCHSTONE_ADDON;
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named;
    throw missing([named], 'TORCHSTONE_ADDON names no file');
  }
  const builds = repositoryBuilds();
  const built = builds.find((path) => existsSync(path));
  if (built !== undefined) return built;
  const platform = platformPackage();
  const prebuilt = resolvePackage(platform);
  if (prebuilt !== undefined) return prebuilt;
  throw missing(
    [...builds, `the package ${platform}`],
    `Install the prebuilt package (npm install ${platform}), or build it in the repository: npm run build:native`,
  );
}

function missing(tried: readonly string[], advice: string): TorchstoneError {
  return new TorchstoneError(
    `torchstone: required the native addon, got none at ${tried.join(' or ')}. ${advice}`,
  );
}

/** Where the repository's build is, from engine/backend/ and from dist/engine/backend/; an installed package has no such place. */
function repositoryBuilds(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  return [join(here, '..', '..'), join(here, '..', '..', '..')]
    .filter((root) => existsSync(join(root, 'native', 'CMakeLists.txt')) || existsSync(join(root, BUILD)))
    .map((root) => join(root, BUILD));
}

/** The package that holds the prebuilt addon for this platform: `@torchstone/linux-x64-gnu`. */
export function platformPackage(platform = process.platform, arch = process.arch, libc = libcName()): string {
  return `@torchstone/${platform}-${arch}${platform === 'linux' ? `-${libc}` : ''}`;
}

/** Node reports the version of glibc that it runs on; on musl there is none. */
function libcName(): 'gnu' | 'musl' {
  if (process.platform !== 'linux') return 'gnu';
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
}

/** The main file of an installed package: the addon itself. */
function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}
