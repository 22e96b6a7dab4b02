// Checks on a machine with a GPU, in under nine minutes: device, first calls, recorded cases, flat memory, notebook,
// gradients, the A/B benchmark against PyTorch, compute-sanitizer on a sample. Exit codes: 0 pass, 1 failure, 2 usage,
// 3 no usable GPU (the reason is printed), 130 interrupted.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { absence, readSuite, writeReport } from './lib/gpu-report.mjs';
import { ROOT, say, since, step } from './lib/steps.mjs';

const HELP = `usage: gpu-check [--out FOLDER] [--minutes 8.5] [--python FILE] [--only validate,bench] [--sample N]

Writes summary.md, summary.json, log.txt, cuda.md and bench.json to FOLDER (gpu-results), after every step.
--python  an interpreter whose PyTorch sees the card (default: TORCHSTONE_PYTHON, python3, python)
--only    some of the steps: doctor, first-calls, validate, memory, notebook, conformance, gradcheck, bench, memcheck, racecheck
--sample  one case in N and few rows: a trial of this command itself
Exit codes: 0 all held, 1 something did not, 2 wrong words, 3 no card can be used, 130 interrupted.`;

/** How long a step whose time is up has to write what it has. */
const GRACE_MS = 12_000;
/** Verdicts that are no shortfall: a tool or a reference that is not there is said, not held against the engine. */
const NEUTRAL = ['held', 'left out', 'not raced'];
/** Sanitized kernels are some ten times slower: one recorded case in so many. */
const SANITIZED = 240;

const words = read();
const out = resolve(words.out);
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'torchstone-gpu-check-'));
const started = performance.now();
const deadline = started + Number(words.minutes) * 60_000;
const jobs = String(Math.max(1, availableParallelism() - 2));
const python = findPython();
const env = {
  ...process.env,
  ...(python === undefined ? {} : { TORCHSTONE_PYTHON: python.executable }),
  // Kernels are compiled once for all steps, also where there is no home to keep them in.
  TORCHSTONE_CUDA_CACHE: process.env.TORCHSTONE_CUDA_CACHE ?? join(work, 'kernels'),
};
const program = join(ROOT, 'scripts', 'torchstone.mjs');
const found = askForCuda();
const about = { started: new Date().toISOString(), card: card(), cuda: found, python, jobs };
say(`Card: ${about.card}\nPython: ${python === undefined ? 'none with PyTorch' : python.text}`);
const rows = [];
process.exitCode = found.available ? await runSteps() : refuse();
rmSync(work, { recursive: true, force: true });

function read() {
  const options = {
    out: { type: 'string', default: 'gpu-results' },
    minutes: { type: 'string', default: '8.5' },
    python: { type: 'string' },
    only: { type: 'string' },
    sample: { type: 'string' },
    help: { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    const numbers = [values.minutes, values.sample ?? '1'].map(Number);
    if (!numbers.every((n) => n > 0)) throw new Error('--minutes and --sample take numbers above 0');
    if (!values.help) return values;
    say(HELP);
    process.exit(0);
  } catch (error) {
    say(`gpu-check: ${error.message}\n${HELP}`);
    process.exit(2);
  }
}

/** No card: what was looked for and where. Nothing runs. */
function refuse() {
  say(absence(found));
  writeReport(out, { ...about, rows, minutes: 0 });
  return 3;
}

async function runSteps() {
  const wanted = words.only?.split(',');
  const all = steps();
  const unknown = wanted?.filter((name) => !all.some((one) => one.name === name)) ?? [];
  if (unknown.length > 0) {
    say(
      `gpu-check: there is no step ${unknown.join(', ')}; known: ${all.map(({ name }) => name).join(', ')}`,
    );
    return 2;
  }
  const chosen = all.filter(({ name }) => wanted === undefined || wanted.includes(name));
  for (const [at, one] of chosen.entries()) {
    // Those that come later keep the least that they can use.
    const later = chosen.slice(at + 1).reduce((sum, { least }) => sum + least, 0) * 60_000;
    rows.push(await runStep(one, Math.min(deadline - performance.now() - later, one.most * 60_000)));
    writeReport(out, { ...about, rows, minutes: (performance.now() - started) / 60_000 });
    if (rows.at(-1).verdict === 'interrupted') break;
  }
  say(
    `\n${rows.map(({ name, verdict, seconds, told }) => `${name.padEnd(12)} ${verdict.padEnd(12)} ${`${seconds.toFixed(1)} s`.padStart(8)}  ${told}`).join('\n')}`,
  );
  say(`${since(started)} in all; results: ${out}`);
  if (rows.some(({ verdict }) => verdict === 'interrupted')) return 130;
  return rows.every(({ verdict }) => NEUTRAL.includes(verdict)) ? 0 : 1;
}

async function runStep({ name, missing, command, args, json }, limitMs) {
  if (missing !== undefined) return { name, verdict: 'left out', seconds: 0, told: missing, log: '' };
  if (limitMs < GRACE_MS / 2)
    return { name, verdict: 'not run', seconds: 0, told: 'the time was up', log: '' };
  const options = { timeoutMs: Math.max(1000, limitMs - GRACE_MS), graceMs: GRACE_MS, env };
  const done = await step(name, command, args, options);
  const verdict = done.interrupted
    ? 'interrupted'
    : done.timedOut
      ? 'out of time'
      : done.ok
        ? 'held'
        : 'failed';
  const suite = json === undefined ? undefined : readSuite(json);
  const alone = verdict === 'held' && suite?.alone === true;
  const why = done.ok || done.timedOut || done.interrupted ? [] : [`exit code ${done.code}`];
  const told = [...why, ...(suite === undefined ? [] : [suite.told])].join('; ');
  return {
    name,
    verdict: alone ? 'not raced' : verdict,
    seconds: done.seconds,
    told,
    log: done.output,
    ...(suite === undefined ? {} : { suite }),
  };
}

/** The steps in the order of their worth: `most` minutes each, and the `least` that earlier ones leave it. */
function steps() {
  const device = ['--device', 'cuda'];
  const part = (most) =>
    words.sample === undefined ? [] : ['--shard', `1/${Math.min(most, Number(words.sample))}`];
  const shared = [...device, '--jobs', words.sample === undefined ? jobs : '2'];
  const quick = words.sample === undefined ? [] : ['--quick'];
  const rowsOf = words.sample === undefined ? 'cuda/' : 'cuda/K';
  const node = (name, most, least, args) => ({ name, most, least, command: process.execPath, args });
  return [
    node('doctor', 0.5, 0.1, [program, 'doctor', '--filter', 'gpu', `--json=${join(work, 'doctor.json')}`]),
    node('first-calls', 0.6, 0.2, [join(ROOT, 'scripts', 'lib', 'gpu-first.mjs')]),
    suite('validate', 2.4, 0.8, [...shared, ...part(1000)]),
    suite('memory', 1, 0.2, ['--suite', 'cuda', '--filter', 'memory/steps', ...quick], 'bench'),
    suite('notebook', 0.8, 0.2, [...device, ...part(12)]),
    suite('conformance', 1.4, 0.5, [...shared, ...part(1000)]),
    suite('gradcheck', 0.9, 0.3, [...shared, '--quick', ...part(1000)]),
    suite('bench', 4, 2.2, [
      ...['--suite', 'cuda', '--vs', 'torch', '--filter', rowsOf, ...quick],
      ...['--performance', join(out, 'cuda.md'), `--json=${join(out, 'bench.json')}`],
    ]),
    ...['memcheck', 'racecheck'].map((tool) => sanitized(tool, [...device, ...part(1000)])),
  ];
}

function suite(name, most, least, args, command = name) {
  const given = args.find((word) => word.startsWith('--json='))?.slice('--json='.length);
  const json = given ?? join(work, `${name}.json`);
  const files = ['--quiet', '--out', join(work, name), ...(given === undefined ? [`--json=${json}`] : [])];
  const whole = [program, command, ...args, ...files];
  // The suites of a bench take their device from its rows.
  return { name, most, least, command: process.execPath, args: whole, json };
}

/** One of compute-sanitizer's tools on a sample of the recorded cases: what a race or a wrong address did not yet spoil. */
function sanitized(tool, device) {
  const name = 'compute-sanitizer';
  const folders = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].flatMap((root) =>
    root ? [join(root, 'bin'), join(root, 'compute-sanitizer')] : [],
  );
  const places = [...(process.env.PATH ?? '').split(delimiter), ...folders];
  const path = places.map((folder) => join(folder, name)).find((file) => existsSync(file));
  const base = { name: tool, most: 0.8, least: 0.3 };
  if (path === undefined) return { ...base, least: 0, missing: `${name} is not installed` };
  // What a call of the driver answers is the cases' business: no memory, an event that has not passed.
  const quiet = tool === 'memcheck' ? ['--report-api-errors', 'no'] : [];
  const flags = [
    '--tool',
    tool,
    ...quiet,
    '--target-processes',
    'all',
    '--error-exitcode',
    '9',
    '--print-limit',
    '20',
  ];
  const cases = device.includes('--shard') ? device : [...device, '--shard', `1/${SANITIZED}`];
  const json = join(work, `${tool}.json`);
  const run = [process.execPath, program, 'validate', ...cases, '--quiet', '--out', join(work, tool)];
  return { ...base, command: path, args: [...flags, ...run, `--json=${json}`], json };
}

/** What the engine finds of CUDA, asked in a process of its own: an addon that does not load must not end this one. */
function askForCuda() {
  const text = `import(${JSON.stringify(join(ROOT, 'dist', 'engine', 'backend', 'cuda', 'index.js'))}).then(({ findCuda }) => console.log(JSON.stringify(findCuda())))`;
  const asked = spawnSync(process.execPath, ['-e', text], { encoding: 'utf8', env, timeout: 60_000 });
  try {
    return JSON.parse(asked.stdout);
  } catch {
    const why = asked.error?.message ?? asked.stderr.trim().split('\n').slice(-12).join('\n');
    return {
      available: false,
      reason: `the addon does not load: ${why || `ended by ${asked.signal}`}`,
      looked: [],
    };
  }
}

function card() {
  const query = [
    '--query-gpu=name,driver_version,memory.total,compute_mode,mig.mode.current',
    '--format=csv,noheader',
  ];
  const asked = spawnSync('nvidia-smi', query, { encoding: 'utf8', timeout: 20_000 });
  return asked.status === 0 ? asked.stdout.trim() : 'unknown (no nvidia-smi)';
}

/** The first Python whose PyTorch sees a card; else the first with a PyTorch, to which nothing is raced. */
function findPython() {
  const test = `
import json, sys, torch
print(json.dumps({"executable": sys.executable, "torch": torch.__version__, "cuda": torch.version.cuda, "card": torch.cuda.is_available()}))`;
  const names = [words.python ?? process.env.TORCHSTONE_PYTHON, 'python3', 'python'].filter(Boolean);
  const all = names.flatMap((name) => {
    const asked = spawnSync(name, ['-c', test], { encoding: 'utf8', timeout: 60_000 });
    try {
      const { executable, torch, cuda, card } = JSON.parse(asked.stdout);
      const sees = card
        ? `sees the card, built for CUDA ${cuda}`
        : 'sees no card: nothing is raced, our times stand alone';
      return [{ executable, card, text: `${executable}: PyTorch ${torch} ${sees}` }];
    } catch {
      return [];
    }
  });
  return all.find((one) => one.card) ?? all[0];
}
