// Facts about the machine and the build of a run. Needs no addon.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine, RunResult } from '../../reports/schema/index.js';

/** What the native addon says of itself, or why it could not be asked. */
export interface AddonFacts {
  readonly path?: string;
  readonly isa: string;
  readonly threads: number;
  readonly sleef?: boolean;
  readonly compiler?: string;
  /** Why it did not load. */
  readonly missing?: string;
}

/** The name of the package at the repository's root. */
const REPOSITORY = 'torchstone';

/**
 * The folder that holds `suites/` and what lies beside it: the repository's root, from the sources and from dist/ alike.
 * Where the harness is an installed package, the folder of its build.
 */
export function packageRoot(): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  for (const folder of [beside, dirname(beside)]) {
    const { name, workspaces } = manifest(folder);
    if (name === REPOSITORY && workspaces !== undefined) return folder;
  }
  return beside;
}

function manifest(folder: string): {
  readonly name?: string;
  readonly version?: string;
  readonly workspaces?: unknown;
} {
  const path = join(folder, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** The version of this program: of the repository, or of the harness's package above its build. */
export function toolVersion(): string {
  const root = packageRoot();
  return manifest(root).version ?? manifest(dirname(root)).version ?? 'unknown';
}

/** Name, version and, in a git checkout, the commit of the program. */
export function toolFacts(): RunResult['tool'] {
  const root = packageRoot();
  const version = toolVersion();
  const commit = git(root, ['rev-parse', '--short=12', 'HEAD']);
  if (commit === undefined) return { name: 'torchstone', version };
  const dirty = git(root, ['status', '--porcelain', '--untracked-files=no']);
  return { name: 'torchstone', version, commit: dirty ? `${commit}+changes` : commit };
}

/** Asks the addon; an addon that is not built is an answer, not an error. */
export async function addonFacts(): Promise<AddonFacts> {
  try {
    // Loaded late: everything but the answer to this question works without a native build.
    const { backendInfo } = await import('torchstone');
    return backendInfo();
  } catch (error) {
    return { isa: 'unknown', threads: 0, missing: error instanceof Error ? error.message : String(error) };
  }
}

/** The machine as a result file records it. */
export async function machineFacts(): Promise<Machine> {
  const { isa, threads } = await addonFacts();
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim().replace(/\s+/g, ' ') || cpuFromProc() || process.arch,
    cores: Math.max(1, processors.length),
    memory: totalmem(),
    isa,
    threads,
    node: process.version,
    os: osName(),
    load: loadavg()[0] ?? 0,
  };
}

/** What two machines must share for their times to mean something side by side. */
export function machineKey({ cpu, cores, isa, threads }: Machine): string {
  return `${cpu}, ${cores} cores, ${isa}, ${threads} threads`;
}

/** The vector instruction sets that the processor offers, as far as the system tells. */
export function instructionSets(): string[] {
  const text = readOr('/proc/cpuinfo');
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? []);
  const sets: [string, string[]][] = [
    ['sse4.2', ['sse4_2']],
    ['avx', ['avx']],
    ['avx2+fma', ['avx2', 'fma']],
    ['avx512', ['avx512f', 'avx512dq', 'avx512bw', 'avx512vl']],
    ['neon', ['asimd']],
  ];
  return sets.filter(([, needs]) => needs.every((flag) => flags.has(flag))).map(([name]) => name);
}

/**
 * The smallest step of the clock that the benches read, in nanoseconds, and what one reading costs at best: the mean would also
 * hold what other programs took of the processor meanwhile.
 */
export function timerResolution(): { stepNs: number; readNs: number } {
  const rounds = 200;
  const reads = 100;
  let step = Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    let last = start;
    for (let i = 0; i < reads; i++) {
      const now = process.hrtime.bigint();
      const delta = Number(now - last);
      if (delta > 0 && delta < step) step = delta;
      last = now;
    }
    least = Math.min(least, Number(last - start) / reads);
  }
  return { stepNs: step, readNs: least };
}

function osName(): string {
  const pretty = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readOr('/etc/os-release'))?.[1];
  return pretty ? `${pretty} (${type()} ${release()})` : `${type()} ${release()}`;
}

function cpuFromProc(): string | undefined {
  return /^model name\s*:\s*(.*)$/m.exec(readOr('/proc/cpuinfo'))?.[1]?.trim();
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function git(cwd: string, args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}
