// `npm run bundle`: one archive for a machine with a GPU and nothing else: Node, the built package, its shared
// libraries, fixtures, the oracle's scripts. Unpack it and run `./gpu-check`.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT, STATE, say, since } from './lib/steps.mjs';

const NAME = 'torchstone-bundle';
const OUT = join(STATE, NAME);
const ARCHIVE = join(STATE, `${NAME}.tar.xz`);
/** Left out: nothing on the other machine bundles TypeScript, and the engine is in dist/. */
const LEFT_OUT = ['esbuild', 'torchstone'];
/** What every glibc system brings; the rest of what the addon links goes along. */
const SYSTEM = /^(linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|libpthread|librt)/;
/** Builds for browsers, sources and maps of packages: nothing imports them, and they are most of ECharts. */
const UNUSED = /\.map$|\/node_modules\/(echarts|zrender)\/(dist|src|types|i18n|theme|asset|build)(\/|$)/;
const PARTS = [
  'package.json',
  'LICENSE',
  'README.md',
  'dist',
  'fixtures',
  'suites/conformance/baseline.json',
  'scripts/torchstone.mjs',
  'scripts/gpu-check.mjs',
  'scripts/lib',
  'suites/reference',
];
const ADDON = join('native', 'build', 'Release', 'torchstone.node');

// The addon finds `lib` by itself. Node gets it only where the system's libraries do not do: PyTorch, which is started from here,
// must keep its own.
const LAUNCHER = `#!/bin/sh
# Runs a script of this folder with the Node and the libraries that lie in it.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if ! "$here/bin/node" -e 0 2>/dev/null; then
  LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
fi
exec "$here/bin/node" "$here/scripts/SCRIPT.mjs" "$@"
`;

const started = performance.now();
for (const part of ['dist', ADDON]) {
  if (existsSync(join(ROOT, part))) continue;
  say(`bundle: required ${part}, got none. Build first: npm run build`);
  process.exit(2);
}
rmSync(OUT, { recursive: true, force: true });
mkdirSync(join(OUT, 'bin'), { recursive: true });
for (const part of PARTS)
  if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(OUT, part), { recursive: true });
copyAddon();
copyPackages();
copyNode();
launcher('torchstone', 'torchstone');
launcher('gpu-check', 'gpu-check');
writeFileSync(join(OUT, 'commit'), `${commit()}\n`);
execFileSync('tar', ['-C', STATE, '-cJf', ARCHIVE, NAME], { env: { ...process.env, XZ_OPT: '-T0 -6' } });
say(`${ARCHIVE}: ${(statSync(ARCHIVE).size / 2 ** 20).toFixed(1)} MiB, made in ${since(started)}`);
say(`On the other machine: tar -xJf ${basename(ARCHIVE)} && ${NAME}/gpu-check --out results`);

/** The addon, and the shared libraries that a bare system may lack. */
function copyAddon() {
  mkdirSync(join(OUT, 'native', 'build', 'Release'), { recursive: true });
  mkdirSync(join(OUT, 'lib'));
  cpSync(join(ROOT, ADDON), join(OUT, ADDON));
  execFileSync('strip', ['--strip-unneeded', join(OUT, ADDON)]);
  const linked = execFileSync('ldd', [join(ROOT, ADDON)], { encoding: 'utf8' });
  for (const [, name, path] of linked.matchAll(/^\s*(\S+) => (\/\S+)/gm))
    if (!SYSTEM.test(name)) cpSync(path, join(OUT, 'lib', name), { dereference: true });
}

/** The packages that the built program imports, with what they need. */
function copyPackages() {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const wanted = ['engine', 'suites']
    .flatMap((folder) => Object.keys(lock[folder].dependencies))
    .filter((name) => !LEFT_OUT.includes(name));
  const seen = new Set();
  while (wanted.length > 0) {
    const name = wanted.pop();
    if (seen.has(name)) continue;
    seen.add(name);
    const path = join('node_modules', name);
    if (!existsSync(join(ROOT, path))) {
      if (lock[path]?.optional) continue;
      say(`bundle: required the package ${name}, got none. Install first: npm ci`);
      process.exit(2);
    }
    cpSync(join(ROOT, path), join(OUT, path), { recursive: true, filter: (from) => !UNUSED.test(from) });
    // One that lies inside the package was copied with it.
    const inside = (one) => lock[`${path}/node_modules/${one}`] !== undefined;
    wanted.push(...Object.keys(lock[path]?.dependencies ?? {}).filter((one) => !inside(one)));
  }
}

/** This Node, without its symbols: they are a third of it. */
function copyNode() {
  const node = join(OUT, 'bin', 'node');
  cpSync(process.execPath, node, { dereference: true });
  execFileSync('strip', [node]);
}

function launcher(name, script) {
  const path = join(OUT, name);
  writeFileSync(path, LAUNCHER.replace('SCRIPT', script));
  chmodSync(path, 0o755);
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
