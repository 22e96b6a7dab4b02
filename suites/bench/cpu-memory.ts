// T2's memory figure: our peak against PyTorch's, each in a fresh process.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon, parseNpy } from 'torchstone/internals';
import { z } from 'zod';
import type { CaseResult, MemoryFigure } from '../../reports/schema/index.js';
import { entryPoint } from './fork.js';
import { ReferenceWorker } from './worker.js';

/** The figure's id; filters match it. */
export const T2_MEMORY = 'cpu/memory/T2';

const SHAPE = [10_000, 1_000] as const;
const ROUNDS = 6;
const TIMES_TORCH = 1.25;
const CHILD_MS = 120_000;

/** The figure, or the case that says why there is none. */
export async function measureT2(
  python: string | undefined,
  signal: AbortSignal,
): Promise<{ figure: MemoryFigure } | { skipped: CaseResult }> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-memory-'));
  try {
    if (python === undefined) throw new Error('no Python with PyTorch was found');
    const ours = await ourPeak(signal);
    const theirs = await torchPeak(python, folder);
    const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
    const [measured, limit] = [megabytes(ours), megabytes(TIMES_TORCH * theirs)];
    const size = (SHAPE[0] * SHAPE[1]).toLocaleString('en');
    const label = `peak memory of T2 at ${size} elements above that after loading, at most ${TIMES_TORCH} × PyTorch's ${megabytes(theirs)} MB`;
    return { figure: { id: T2_MEMORY, label, measured, limit, unit: 'MB', held: measured <= limit } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const seconds = (performance.now() - started) / 1000;
    return { skipped: { id: T2_MEMORY, suite: 'bench', status: 'skip', reason, seconds, compared: 0 } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function torchPeak(python: string, folder: string): Promise<number> {
  const worker = await ReferenceWorker.start(python, addon.getThreads());
  try {
    const of = { name: 'T2', shape: SHAPE };
    await worker.prepare('peak', 'torch', { name: 'peak', of, rounds: ROUNDS });
    const file = join(folder, 'peak.npy');
    await worker.output('peak', file, CHILD_MS);
    return Number(parseNpy(readFileSync(file), file).data[0]);
  } finally {
    worker.close();
  }
}

const AnswerSchema = z.object({ bytes: z.number(), error: z.string().optional() });

function ourPeak(signal: AbortSignal): Promise<number> {
  const { entry, execArgv } = entryPoint('cpu-memory-child');
  return new Promise((resolve, reject) => {
    const child = fork(entry, [...SHAPE, ROUNDS].map(String), {
      execArgv,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      timeout: CHILD_MS,
      killSignal: 'SIGKILL',
      signal,
    });
    child.on('message', (message) => {
      const { data } = AnswerSchema.safeParse(message);
      if (data && data.error === undefined) resolve(data.bytes);
      else reject(new Error(data?.error ?? 'the memory process answered nonsense'));
    });
    child.on('error', reject);
    child.on('close', (code, killed) =>
      reject(new Error(`the memory process ended with ${killed ?? `exit code ${code}`}`)),
    );
  });
}
