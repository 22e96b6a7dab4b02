// Set-up of a fresh machine; each part is skipped when it is done. Plain Node without dependencies. `node
// scripts/setup.mjs` runs it alone.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { pythonEnvironment } from './lib/python.mjs';
import { contentHash, isDone, setDone } from './lib/stamps.mjs';
import { already, ROOT, remark, say, since, step } from './lib/steps.mjs';
import { systemPackages } from './lib/system.mjs';

const MINUTE = 60_000;
const OLDEST_NODE = [20, 17];
const GENERATED = 'engine/generated';
/** What the build makes in the sources' folders. */
const MADE = [GENERATED, 'engine/dist', 'engine/LICENSE', 'suites/dist', 'suites/LICENSE'];

/** Sets everything up. Resolves to false when the job cannot go on; a missing Python never does that. */
export async function setUp({ browser = false } = {}) {
  const started = performance.now();
  if (!nodeIsNewEnough()) return false;
  const ready =
    (await systemPackages({ browser })) &&
    (await npmPackages()) &&
    (await nativeBuild()) &&
    (await typescriptBuild());
  if (!ready) return false;
  await pythonEnvironment();
  say(`Set-up done (${since(started)})\n`);
  return true;
}

function nodeIsNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (!enough) remark(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.version}`);
  return enough;
}

async function npmPackages() {
  if (modulesMatchLock()) {
    already('npm packages', 'as the lock file says');
    return true;
  }
  const options = { timeoutMs: 10 * MINUTE };
  const first = await step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund'], options);
  if (first.ok) return true;
  say('Trying once more.');
  return (await step('npm ci again', 'npm', ['ci', '--no-audit', '--no-fund'], options)).ok;
}

/**
 * npm's own record of what it installed is compared with the lock file; packages for other platforms are left out. The packages of
 * this repository are links, which the record may outlive.
 */
function modulesMatchLock() {
  const read = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')).packages;
  if (!existsSync(join(ROOT, 'node_modules', '.package-lock.json'))) return false;
  const installed = read('node_modules/.package-lock.json');
  return Object.entries(read('package-lock.json')).every(([path, { version, optional, link }]) => {
    if (path === '') return true;
    if (link) return existsSync(join(ROOT, path, 'package.json'));
    return installed[path]?.version === version || (optional && installed[path] === undefined);
  });
}

async function nativeBuild() {
  const addon = join(ROOT, 'native', 'build', 'Release', 'torchstone.node');
  const key = contentHash(['native'], [process.versions.modules, process.arch], ['native/build']);
  if (existsSync(addon) && isDone('native', key)) {
    already('native build', 'up to date');
    return true;
  }
  const built = await step('native build', 'npm', ['run', 'build:native'], { timeoutMs: 15 * MINUTE });
  if (built.ok) setDone('native', key);
  return built.ok;
}

/** The key of the TypeScript build: its sources, and the lock file for the compiler and the libraries' types. */
function typescriptKey() {
  const sources = [
    'engine',
    'suites',
    'reports',
    'scripts/generate.ts',
    'scripts/stage.mjs',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  return contentHash([...sources, 'package-lock.json'], [], MADE);
}

/** Whether `dist` is there and was built by set-up from the sources as they are now. */
export function typescriptIsBuilt(key = typescriptKey()) {
  const there =
    existsSync(join(ROOT, 'dist', 'suites', 'cli', 'bin.js')) && existsSync(join(ROOT, GENERATED));
  return there && isDone('typescript', key);
}

async function typescriptBuild() {
  const key = typescriptKey();
  if (typescriptIsBuilt(key)) {
    already('generated code and TypeScript build', 'up to date');
    return true;
  }
  const built = await step('generated code and TypeScript build', 'npm', ['run', 'build:ts'], {
    timeoutMs: 5 * MINUTE,
  });
  if (built.ok) setDone('typescript', key);
  return built.ok;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  process.exitCode = (await setUp()) ? 0 : 2;
}
