// `npm run shim`: every case of a suite on the host fake of CUDA, in parts, because g++ compiles each kernel on first
// use and a suite's process has a time limit.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { shimEnv } from './lib/shim.mjs';
import { attached, ROOT, STATE, say, since } from './lib/steps.mjs';

const HELP = `usage: npm run shim -- [validate|gradcheck|conformance] [flags of that suite]

Without a word: validate. Kernels are compiled anew by each run.`;
const PARTS = 12;
const OUT = join(STATE, 'shim');

process.exitCode = await main(process.argv.slice(2));

async function main(words) {
  if (words.includes('--help')) {
    say(HELP);
    return 0;
  }
  const [suite, ...flags] = words[0]?.startsWith('-') === false ? words : ['validate', ...words];
  const started = performance.now();
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const total = { passed: 0, failed: 0, skipped: 0 };
  let code = 0;
  for (let part = 1; part <= PARTS; part++) {
    const ended = await runPart(suite, flags, part);
    code ||= ended.code;
    for (const name of Object.keys(total)) total[name] += ended.counts[name];
  }
  say(
    `${suite} on the host shim: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped, ${since(started)}`,
  );
  return code;
}

async function runPart(suite, flags, part) {
  const file = join(OUT, `${part}.json`);
  const words = [suite, '--device', 'cuda', '--quiet', '--shard', `${part}/${PARTS}`];
  const { code } = await attached(
    process.execPath,
    [
      join(ROOT, 'scripts', 'torchstone.mjs'),
      ...words,
      ...['--jobs', String(availableParallelism()), '--out', join(OUT, String(part)), `--json=${file}`],
      ...flags,
    ],
    { env: { ...process.env, ...shimEnv(join(OUT, 'kernels')) } },
  );
  return { code, counts: countsOf(file) };
}

/** What a part that wrote no result did not even begin is one failure. */
function countsOf(file) {
  try {
    const { counts } = JSON.parse(readFileSync(file, 'utf8')).suites[0];
    return { passed: counts.passed, failed: counts.failed + counts.errors, skipped: counts.skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
