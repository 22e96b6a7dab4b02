// The proof on a machine with a card, in under nine minutes: doctor, the recorded cases on CUDA, gradients, the notebook,
// flat memory, compute-sanitizer on a subset, the race against PyTorch on the same card. Every step has a share of the time;
// what a step wrote stays, whatever the others do. Exit code 0: every step held.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, say, since, step } from './lib/steps.mjs';

/** Cases spread over all ops. */
const SAMPLE = '1/80';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'gpu-check' },
    device: { type: 'string', default: 'cuda' },
    minutes: { type: 'string', default: '8.5' },
    python: { type: 'string' },
  },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const deadline = performance.now() + Number(values.minutes) * 60_000;
const jobs = String(Math.min(12, Math.max(1, availableParallelism() - 2)));
const python = values.python ?? process.env.TORCHSTONE_PYTHON ?? pythonWithTorch();
const env = { ...process.env, ...(python === undefined ? {} : { TORCHSTONE_PYTHON: python }) };
const program = join(ROOT, 'scripts', 'torchstone.mjs');
const device = ['--device', values.device];

/** [name, most minutes, program, words] */
const steps = [
  ['doctor', 0.5, process.execPath, [program, 'doctor', `--json=${join(out, 'doctor.json')}`]],
  suite('validate', 2, [...device, '--jobs', jobs]),
  suite('conformance', 1.5, [...device, '--jobs', jobs]),
  suite('gradcheck', 1, [...device, '--jobs', jobs, '--quick']),
  suite('notebook', 0.5, device),
  suite('bench', 2.5, ['--suite', 'cuda', '--vs', 'torch', '--performance', join(out, 'cuda.md')]),
  ...sanitizer(),
];

say(`Card: ${card()}`);
const rows = [];
for (const [name, minutes, command, words] of steps) {
  const left = deadline - performance.now();
  if (left < 5_000) {
    rows.push([name, 'not run: the time was up', '']);
    continue;
  }
  const started = performance.now();
  const result = await step(name, command, words, { timeoutMs: Math.min(left, minutes * 60_000), env });
  writeFileSync(join(out, `${name}.log`), result.output ?? '');
  const how = result.ok ? 'held' : result.timedOut ? 'out of time' : `exit code ${result.code}`;
  rows.push([name, how, since(started)]);
}
say(rows.map(([name, how, time]) => `${name.padEnd(14)} ${how.padEnd(26)} ${time}`).join('\n'));
writeFileSync(join(out, 'summary.json'), `${JSON.stringify({ card: card(), rows }, null, 2)}\n`);
process.exitCode = rows.every(([, how]) => how === 'held') ? 0 : 1;

function suite(name, minutes, words) {
  const files = ['--out', join(out, name), `--json=${join(out, `${name}.json`)}`, '--quiet'];
  return [name, minutes, process.execPath, [program, name, ...words, ...files]];
}

/** Memory errors and races in a sample of the recorded cases, where the tool is installed. */
function sanitizer() {
  const places = [process.env.CUDA_HOME, '/usr/local/cuda'].map(
    (root) => root && join(root, 'bin', 'compute-sanitizer'),
  );
  const tool = places.find((path) => path !== undefined && existsSync(path));
  if (tool === undefined) {
    say('No compute-sanitizer here: that step is left out.');
    return [];
  }
  return [
    [
      'sanitizer',
      1.5,
      tool,
      [
        '--error-exitcode',
        '9',
        process.execPath,
        program,
        'validate',
        ...device,
        '--shard',
        SAMPLE,
        '--quiet',
      ],
    ],
  ];
}

function card() {
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  const asked = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : 'unknown (no nvidia-smi)';
}

/** A Python whose PyTorch sees a card. */
function pythonWithTorch() {
  const test = 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)';
  return ['python3', 'python'].find((name) => spawnSync(name, ['-c', test]).status === 0);
}
