// Check of the native build: no symbol that the linker may merge (weak, unique, COMDAT) is defined both in objects of a
// wide instruction set and in others, or a baseline machine could run AVX code. Run after build:native. Exit codes: 0
// none, 1 leaks (printed), 2 nothing to check.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = process.argv[2] ?? join(root, 'native', 'build');

function objectsUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return objectsUnder(path);
    return name.endsWith('.o') ? [path] : [];
  });
}

/** baseline, avx2 or avx512: the library an object belongs to; what is compiled once is baseline. */
function isaOf(path) {
  const library = relative(build, path)
    .split(sep)
    .find((part) => part.startsWith('kernels_'));
  return library?.slice('kernels_'.length).replace(/\.dir$/, '') ?? 'baseline';
}

/** The mergeable functions in an object: W in nm. (V and u are data, the same bytes on every set.) */
function mergeable(path) {
  const lines = execFileSync('nm', ['--defined-only', path], { encoding: 'utf8', maxBuffer: 1 << 28 }).split(
    '\n',
  );
  return lines.flatMap((line) => /^[0-9a-f]* +W (\S+)/.exec(line)?.[1] ?? []);
}

const objects = objectsUnder(join(build, 'CMakeFiles'));
if (objects.length === 0) {
  console.error(`check-isa-leaks: no object files under ${build}; run npm run build:native first`);
  process.exit(2);
}

const definedIn = new Map();
for (const path of objects) {
  for (const symbol of mergeable(path)) {
    const places = definedIn.get(symbol) ?? new Map();
    places.set(isaOf(path), path);
    definedIn.set(symbol, places);
  }
}

const leaks = [...definedIn].filter(([, places]) => places.size > 1);
for (const [symbol, places] of leaks) {
  const name = execFileSync('c++filt', [symbol], { encoding: 'utf8' }).trim();
  console.error(`leak: ${name}`);
  for (const [isa, path] of places) console.error(`  ${isa.padEnd(8)} ${relative(build, path)}`);
}
console.log(
  `check-isa-leaks: ${objects.length} objects, ${definedIn.size} mergeable symbols, ${leaks.length} leaks`,
);
process.exit(leaks.length > 0 ? 1 : 0);
