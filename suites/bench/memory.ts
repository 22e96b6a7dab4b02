// Memory figures, each measured in a fresh process (memory-child.ts).
import { fork } from 'node:child_process';
import { z } from 'zod';
import type { MemoryFigure } from '../../reports/schema/index.js';
import { entryPoint } from './fork.js';

const MB = 1e6;

/** What a child is told to do, and the limit on what it answers. */
export interface MemoryTask {
  readonly id: 'steps' | 'additions';
  readonly label: string;
  /** How many turns of the loop. */
  readonly turns: number;
  readonly limit: number;
}

/** The two figures, in megabytes; with fewer turns when `quick`. */
export function memoryTasks(quick: boolean): MemoryTask[] {
  const steps = quick ? 4_000 : 20_000;
  const additions = quick ? 40 : 200;
  return [
    {
      id: 'steps',
      label: `resident memory after ${steps.toLocaleString('en')} training steps (cell K) without any disposal, above that after 1,000`,
      turns: steps,
      limit: 64,
    },
    {
      id: 'additions',
      label: `peak resident memory of ${additions} additions of 40 MB tensors in one loop`,
      turns: additions,
      limit: 600,
    },
  ];
}

const AnswerSchema = z.object({ bytes: z.number(), error: z.string().optional() });

/** Measures one figure. A child that dies or hangs is a figure that did not hold, with the reason in its label. */
export async function measureMemory(task: MemoryTask, signal: AbortSignal): Promise<MemoryFigure> {
  const answer = await ask(task, signal);
  const measured = 'bytes' in answer ? Math.round((answer.bytes / MB) * 10) / 10 : 0;
  return {
    id: `memory/${task.id}`,
    label: 'reason' in answer ? `${task.label}: not measured, ${answer.reason}` : task.label,
    measured,
    limit: task.limit,
    unit: 'MB',
    held: 'bytes' in answer && measured <= task.limit,
  };
}

const CHILD_MS = 180_000;

function ask(task: MemoryTask, signal: AbortSignal): Promise<{ bytes: number } | { reason: string }> {
  const { entry, execArgv } = entryPoint('memory-child');
  return new Promise((resolve) => {
    const child = fork(entry, [task.id, String(task.turns)], {
      execArgv,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr = (stderr + String(text)).slice(-1000);
    });
    const stop = (reason: string) => {
      child.kill('SIGKILL');
      resolve({ reason });
    };
    const timer = setTimeout(() => stop(`it did not end within ${CHILD_MS / 1000} s`), CHILD_MS);
    const aborted = () => stop('interrupted');
    signal.addEventListener('abort', aborted, { once: true });
    child.on('message', (message) => {
      const parsed = AnswerSchema.safeParse(message);
      resolve(
        parsed.success && !parsed.data.error
          ? parsed.data
          : { reason: parsed.data?.error ?? 'it answered nonsense' },
      );
    });
    child.on('error', (error) => resolve({ reason: error.message }));
    child.on('close', (code, killed) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      resolve({
        reason: `the process ended with ${killed ?? `exit code ${code}`}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
      });
    });
  });
}
