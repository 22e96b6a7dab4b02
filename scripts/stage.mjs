// Staging: what the two packages publish, copied from a build to where `npm pack` finds it: engine/dist and suites/dist.
// `npm run build:ts && cd engine && npm pack`. Programs of this repository run from dist/ itself, never from here.
// With two arguments, a build and a folder: whole packages are made in that folder, and the checkout stays as it is.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '..', '..');
const [build = join(ROOT, 'dist'), target = ROOT] = process.argv.slice(2).map((path) => resolve(path));
/** What each package's folder gets, and from where. */
const STAGED = {
  engine: [[join(build, 'engine'), 'dist']],
  suites: [
    [join(build, 'suites'), 'dist/suites'],
    [join(build, 'reports'), 'dist/reports'],
    [join(ROOT, 'suites', 'reference'), 'dist/suites/reference'],
    [join(ROOT, 'suites', 'conformance', 'baseline.json'), 'dist/suites/conformance/baseline.json'],
  ],
};

for (const [folder, copies] of Object.entries(STAGED)) {
  rmSync(join(target, folder, 'dist'), { recursive: true, force: true });
  const own = target === ROOT ? [] : ['package.json', 'README.md'];
  const all = [
    ...copies,
    [join(ROOT, 'LICENSE'), 'LICENSE'],
    ...own.map((name) => [join(ROOT, folder, name), name]),
  ];
  for (const [from, to] of all) {
    if (!existsSync(from)) {
      process.stderr.write(`stage: required ${from}, got none. Build first: npm run build:ts\n`);
      process.exit(2);
    }
    cpSync(from, join(target, folder, to), { recursive: true, filter: wanted });
  }
}

/** The compiler leaves behind what it made of a source that is gone. */
function wanted(path) {
  if (path.includes('__pycache__')) return false;
  const inBuild = relative(build, path);
  const made = /^(?!\.\.)(.*?)(\.d\.ts|\.js)$/.exec(inBuild);
  return made === null || existsSync(join(ROOT, `${made[1]}.ts`));
}
