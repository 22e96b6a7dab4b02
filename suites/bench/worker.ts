// Protocol with the oracle's process (suites/reference/worker.py). Whatever happens to it is an error with a reason,
// never a hang.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runDevice } from '../runner/device.js';
import { packageRoot } from '../runner/machine.js';
import type { BlockTime } from './race.js';

/** The reference died, hung or refused; the message is a reason for people. */
export class ReferenceFailure extends Error {
  override readonly name = 'ReferenceFailure';
}

/** What the reference said about itself. */
export interface ReferenceHello {
  readonly python: string;
  readonly numpy: string | null;
  readonly torch: string | null;
  readonly threads: number | null;
  /** The card's name, where it works on one. */
  readonly card?: string | null;
  readonly pid: number;
}

export type Backend = 'torch' | 'numpy';

interface Waiting {
  readonly resolve: (answer: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** Importing PyTorch from a cold disk takes a while. */
const START_MS = 60_000;
const STDERR_KEPT = 2000;

/** A running reference process. */
export class ReferenceWorker {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #dead: string | undefined;
  #stderr = '';
  #hello: ReferenceHello | undefined;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#receive(line));
    child.on('error', (error) => this.#die(`the reference did not start: ${error.message}`));
    child.on('close', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      const last = this.#stderr.trim().split('\n').at(-1);
      this.#die(`the reference process ${how}${last ? `: ${last}` : ''}`);
    });
    // Writing to a process that has just died raises here; its close event carries the reason.
    child.stdin.on('error', () => {});
  }

  /** Starts the process and waits until it answers. */
  static async start(python: string, threads: number, startMs = START_MS): Promise<ReferenceWorker> {
    const script = join(packageRoot(), 'suites', 'reference', 'worker.py');
    const count = String(threads);
    const env = {
      ...process.env,
      OMP_NUM_THREADS: count,
      MKL_NUM_THREADS: count,
      OPENBLAS_NUM_THREADS: count,
      // Its threads otherwise spin for 2^26 cycles after their last job, into our block; within a block nothing changes.
      OPENBLAS_THREAD_TIMEOUT: '22',
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const worker = new ReferenceWorker(spawn(python, ['-u', script], { env, stdio: 'pipe' }));
    try {
      worker.#hello = (await worker.request(
        'hello',
        { threads, device: runDevice() },
        startMs,
      )) as unknown as ReferenceHello;
    } catch (error) {
      worker.kill('could not be started');
      throw error;
    }
    return worker;
  }

  get hello(): ReferenceHello {
    return this.#hello!;
  }

  /** Why it can answer no more; undefined while it lives. */
  get dead(): string | undefined {
    return this.#dead;
  }

  /** Prepares a workload under a key. */
  async prepare(
    key: string,
    backend: Backend,
    workload: Record<string, unknown>,
    ms = 60_000,
  ): Promise<void> {
    await this.request('prepare', { key, backend, workload }, ms);
  }

  /** Runs a block and returns its time, measured there. */
  async run(key: string, iterations: number, ms = 60_000): Promise<BlockTime> {
    const { ns, preempted } = await this.request('run', { key, iterations }, ms);
    if (typeof ns !== 'number' || !(ns >= 0))
      throw new ReferenceFailure(`the reference answered no time: ${String(ns)}`);
    return { ns, marks: Number(preempted) > 0 ? ['preempted'] : [] };
  }

  /** Writes the workload's result to a .npy file. */
  async output(key: string, file: string, ms = 60_000): Promise<void> {
    await this.request('output', { key, file }, ms);
  }

  /** Processor time that the process has spent, in nanoseconds; 0 when it does not answer. */
  async cpuNs(): Promise<number> {
    try {
      return Number((await this.request('usage', {}, 10_000)).cpuNs) || 0;
    } catch {
      return 0;
    }
  }

  /** Forgets a workload. */
  async drop(key: string): Promise<void> {
    await this.request('drop', { key }, 10_000);
  }

  /** One request and its answer. A process that does not answer in time is ended: nobody knows what state it is in. */
  request(cmd: string, payload: Record<string, unknown>, ms: number): Promise<Record<string, unknown>> {
    if (this.#dead !== undefined) return Promise.reject(new ReferenceFailure(this.#dead));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.kill(`did not answer ${cmd} within ${ms / 1000} s`), ms);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.#waiting.delete(id);
          then(value);
        };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#child.stdin.write(`${JSON.stringify({ id, cmd, ...payload })}\n`);
    });
  }

  /** Ends the process now. */
  kill(reason = 'was stopped'): void {
    this.#die(`the reference process ${reason}`);
    // SIGTERM would wait for ever in a process that is stopped or stuck, and its pipes would keep ours alive.
    this.#child.kill('SIGKILL');
    this.#child.unref();
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe.destroy();
  }

  /** Ends the process at the end of a run: it has nothing to save. */
  close(): void {
    this.kill('was closed');
  }

  #receive(line: string): void {
    let answer: Record<string, unknown>;
    try {
      answer = JSON.parse(line) as Record<string, unknown>;
    } catch {
      this.kill(`answered what is not JSON: ${line.slice(0, 100)}`);
      return;
    }
    const waiting = this.#waiting.get(Number(answer.id));
    if (answer.ok === true) {
      waiting?.resolve(answer);
      return;
    }
    const error = answer.error as { class?: string; message?: string } | undefined;
    waiting?.reject(new ReferenceFailure(`the reference raised ${error?.class}: ${error?.message}`));
  }

  #die(reason: string): void {
    this.#dead ??= reason;
    for (const one of [...this.#waiting.values()]) one.reject(new ReferenceFailure(this.#dead));
  }
}
