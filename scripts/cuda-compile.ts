// Compiles the CUDA kernels that a run kept (TORCHSTONE_CUDA_KEEP=FOLDER) with the real NVRTC for each GPU
// architecture. Needs no GPU.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { addon } from '../engine/backend/addon.js';
import { pythonFolders } from '../engine/backend/cuda/index.js';

const HELP = `usage: npx tsx scripts/cuda-compile.ts FOLDER [--arch 75,80,…] [--spread] [--unit N] [--jobs N] [--optional]

Compiles every kernel text in FOLDER, N (32) at a time, for each compute capability (75,80,86,89,90,100,120),
in as many processes as there are processors, or --jobs. --spread: each unit for one of them only, in turn.
NVRTC is looked for where the engine looks; a Python environment gets it by: pip install nvidia-cuda-nvrtc
--optional: without NVRTC say so and go on.
Exit codes: 0 all compile, 1 some do not, 2 could not run, 6 the folder has no kernels.`;

type CompileText = NonNullable<NonNullable<typeof addon.cuda>['compileText']>;

interface Unit {
  readonly headers: readonly string[];
  readonly names: readonly string[];
  readonly body: string;
}

/** Kernels with the same headers, some at a time. A kept file is its #include lines, then a namespace. */
function unitsOf(folder: string, most: number): Unit[] {
  const groups = new Map<string, { name: string; body: string }[]>();
  for (const name of readdirSync(folder).filter((n) => n.endsWith('.cu'))) {
    const text = readFileSync(join(folder, name), 'utf8');
    const start = text.indexOf('namespace ');
    const key = text.slice(0, start);
    const group = groups.get(key) ?? [];
    group.push({ name: name.slice(0, -3), body: text.slice(start) });
    groups.set(key, group);
  }
  return [...groups].flatMap(([key, kernels]) => {
    const headers = [...key.matchAll(/#include "(.*)"/g)].map((m) => m[1]!);
    const units: Unit[] = [];
    for (let i = 0; i < kernels.length; i += most) {
      const part = kernels.slice(i, i + most);
      units.push({ headers, names: part.map((k) => k.name), body: part.map((k) => k.body).join('\n') });
    }
    return units;
  });
}

interface Task {
  readonly unit: Unit;
  readonly arch: string;
}

/** Every unit for every capability, or each unit for one of them in turn; of these, every `jobs`-th from `job` on. */
function tasksOf(units: readonly Unit[], archs: readonly string[], spread: boolean, share: string): Task[] {
  const [job, jobs] = share.split('/').map(Number) as [number, number];
  const all = spread
    ? units.map((unit, at) => ({ unit, arch: archs[at % archs.length]! }))
    : archs.flatMap((arch) => units.map((unit) => ({ unit, arch })));
  return all.filter((_, at) => at % jobs === job);
}

/** The same command for a part of the tasks in each of several processes. The largest exit code is that of all. */
async function inProcesses(jobs: number, rest: readonly string[]): Promise<number> {
  const codes = Array.from({ length: jobs }, (_, job) => {
    const command = [...process.execArgv, process.argv[1]!, ...rest, '--share', `${job}/${jobs}`];
    const child = spawn(process.execPath, command, { stdio: 'inherit' });
    return new Promise<number>((resolve, reject) =>
      child.on('error', reject).on('close', (code) => resolve(code ?? 2)),
    );
  });
  return Math.max(...(await Promise.all(codes)));
}

/** Compiles the units for one capability and says what does not compile; the number of those. */
function compileUnits(compile: CompileText, units: readonly Unit[], arch: string): number {
  const start = performance.now();
  let failures = 0;
  let bytes = 0;
  for (const unit of units) {
    const done = compile(pythonFolders(), unit.headers, unit.body, Number(arch));
    bytes += done.bytes;
    if (done.error === '') continue;
    failures += 1;
    console.error(`sm_${arch}: ${unit.names.join(', ')}\n${done.error}`);
  }
  const count = units.reduce((sum, u) => sum + u.names.length, 0);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`sm_${arch}: ${count} kernels in ${units.length} units, ${bytes} bytes, ${seconds} s`);
  return failures;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      arch: { type: 'string', default: '75,80,86,89,90,100,120' },
      unit: { type: 'string', default: '32' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      spread: { type: 'boolean', default: false },
      share: { type: 'string' }, // job/jobs: of the processes that the command starts
      optional: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const folder = positionals[0];
  if (values.help || folder === undefined || positionals.length !== 1) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  delete process.env.TORCHSTONE_CUDA_PATH; // the host shim's NVRTC would answer for the real one
  const compile = addon.cuda?.compileText;
  if (compile === undefined) throw new Error('this addon was built without CUDA');
  const units = unitsOf(folder, Number(values.unit));
  if (units.length === 0) return 6;
  const { nvrtc, error } = compile(pythonFolders(), ['prelude.cuh'], '', 90);
  if (nvrtc === '') {
    console.log(error);
    return values.optional ? 0 : 2;
  }
  const archs = values.arch.split(',');
  const jobs = Number(values.jobs);
  if (jobs > 1 && values.share === undefined) return inProcesses(jobs, process.argv.slice(2));
  const tasks = tasksOf(units, archs, values.spread, values.share ?? '0/1');
  const failures = archs.map((arch) => {
    const part = tasks.filter((task) => task.arch === arch).map((task) => task.unit);
    return part.length === 0 ? 0 : compileUnits(compile, part, arch);
  });
  return failures.every((count) => count === 0) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`cuda-compile: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
