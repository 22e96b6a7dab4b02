#!/usr/bin/env node
// The `torchstone` command: runs the built program, or says how to build it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = new URL('../dist/suites/cli/bin.js', import.meta.url);

if (existsSync(fileURLToPath(program))) {
  await import(program.href);
} else {
  process.stderr.write(
    'torchstone is not built yet. Build it with `npm start` (everything) or `node scripts/setup.mjs`.\n',
  );
  process.exitCode = 2;
}
