// `npm test`: set-up, then every check, whatever the first ones say. The last line is the tally.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shimEnv } from './lib/shim.mjs';
import { STATE, say, since, step } from './lib/steps.mjs';
import { setUp } from './setup.mjs';

const MINUTE = 60_000;
const RESULTS = join(STATE, 'test');
// The texts of the CUDA kernels that the unit tests and the cases of the ops ran on the host shim.
const KERNELS = join(RESULTS, 'kernels');
const TORCHSTONE = join('scripts', 'torchstone.mjs');

/** The checks. `count` reads passed and failed from what the check wrote; the check itself counts as one more. */
const CHECKS = [
  { name: 'format', command: ['npm', 'run', 'format:check'] },
  { name: 'lint', command: ['npm', 'run', 'lint'] },
  { name: 'types', command: ['npm', 'run', 'typecheck'] },
  {
    name: 'unit tests',
    command: [
      'npx',
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file('unit')}`,
    ],
    count: countVitest,
    minutes: 12,
    env: { TORCHSTONE_CUDA_KEEP: KERNELS },
  },
  { name: 'fixtures', command: suite('validate'), count: () => countSuites('validate'), minutes: 8 },
  {
    name: 'one case of each op on CUDA (host shim)',
    command: suiteAs('shim', 'validate', '--device', 'cuda', '--each-op', '--jobs', '2'),
    count: () => countSuites('shim'),
    minutes: 8,
    env: { ...shimEnv(join(RESULTS, 'shim-kernels')), TORCHSTONE_CUDA_KEEP: KERNELS },
  },
  {
    name: 'CUDA kernels (NVRTC)',
    // Each kernel for one of three capabilities: 1,120 kernels for all seven take over eight minutes on two cores.
    command: [
      'npx',
      'tsx',
      join('scripts', 'cuda-compile.ts'),
      KERNELS,
      '--optional',
      '--arch',
      '75,90,120',
      '--spread',
    ],
    minutes: 20,
  },
  {
    name: 'gradient check',
    command: suite('gradcheck', '--quick'),
    count: () => countSuites('gradcheck'),
    minutes: 8,
  },
  {
    name: 'conformance',
    command: suite('conformance', '--quiet'),
    count: () => countSuites('conformance'),
    minutes: 8,
  },
  { name: 'selftest', command: suite('selftest'), count: () => countSuites('selftest') },
];

process.exitCode = await testJob();

async function testJob() {
  const started = performance.now();
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });
  const total = { passed: 0, failed: 0 };
  if (await setUp({ browser: true })) {
    for (const check of CHECKS) await runCheck(check, total);
  } else {
    say('Set-up did not succeed; no check ran.');
    total.failed += 1;
  }
  say(`All checks: ${since(started)}\n`);
  say(`${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : 0;
}

async function runCheck({ name, command: [program, ...args], count, minutes = 5, env = {} }, total) {
  const result = await step(name, program, args, {
    timeoutMs: minutes * MINUTE,
    env: { ...process.env, ...env },
  });
  const counted = count?.() ?? { passed: 0, failed: 0 };
  total.passed += counted.passed + (result.ok ? 1 : 0);
  total.failed += counted.failed + (result.ok ? 0 : 1);
  if (count) say(`  ${name}: ${counted.passed} checks passed, ${counted.failed} failed`);
}

function suite(name, ...flags) {
  return suiteAs(name, name, ...flags);
}

/** The same suite may run more than once, under other names. */
function suiteAs(label, name, ...flags) {
  const folder = join(RESULTS, label);
  return [process.execPath, TORCHSTONE, name, ...flags, '--out', folder, `--json=${file(label)}`];
}

function file(name) {
  return join(RESULTS, `${name}.json`);
}

function countVitest() {
  const read = json('unit');
  return read && { passed: read.numPassedTests, failed: read.numFailedTests };
}

function countSuites(name) {
  const counts = json(name)?.suites.map((one) => one.counts);
  return counts?.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed + one.errors + one.inconclusive,
    }),
    { passed: 0, failed: 0 },
  );
}

function json(name) {
  try {
    return JSON.parse(readFileSync(file(name), 'utf8'));
  } catch {
    return undefined;
  }
}
