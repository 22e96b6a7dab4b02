// Staging: what the two packages publish, copied from dist/ to where `npm pack` finds it: engine/dist and suites/dist.
// `npm run build:ts && cd engine && npm pack`. Programs of this repository run from dist/ itself, never from here.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '..', '..');
/** What each package's folder gets, and from where. */
const STAGED = {
  engine: [
    ['dist/engine', 'dist'],
    ['LICENSE', 'LICENSE'],
  ],
  suites: [
    ['dist/suites', 'dist/suites'],
    ['dist/reports', 'dist/reports'],
    ['suites/reference', 'dist/suites/reference'],
    ['suites/conformance/baseline.json', 'dist/suites/conformance/baseline.json'],
    ['LICENSE', 'LICENSE'],
  ],
};

for (const [folder, copies] of Object.entries(STAGED)) {
  rmSync(join(ROOT, folder, 'dist'), { recursive: true, force: true });
  for (const [from, to] of copies) {
    if (!existsSync(join(ROOT, from))) {
      process.stderr.write(`stage: required ${from}, got none. Build first: npm run build:ts\n`);
      process.exit(2);
    }
    cpSync(join(ROOT, from), join(ROOT, folder, to), {
      recursive: true,
      filter: (one) => !one.includes('__pycache__'),
    });
  }
}
