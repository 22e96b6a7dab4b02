// Parent side of a process that runs one group of rows, so that no earlier row leaves caches, heap or compiled code in
// it.
import { Forked } from '../runner/forked.js';
import type { Mode } from './cpu-rows.js';
import type { Compared, Readied, RowEngine, RowOrder } from './engine-row.js';
import { entryPoint } from './fork.js';
import type { BlockTime } from './race.js';

/** What the process is asked. */
export type EngineRequest =
  | ({ readonly cmd: 'prepare' } & RowOrder)
  | { readonly cmd: 'compare'; readonly file: string }
  | { readonly cmd: 'warm'; readonly ms: number }
  | { readonly cmd: 'run'; readonly iterations: number }
  | { readonly cmd: 'launch' }
  | { readonly cmd: 'usage' };

/** A fresh engine. */
export class EngineProcess implements RowEngine {
  readonly #process: Forked;

  constructor(mode: Mode, answerMs: number) {
    const { entry, execArgv } = entryPoint('engine-worker');
    this.#process = new Forked({ label: "the engine's process", entry, args: [mode], execArgv, answerMs });
  }

  /** Why it can answer no more; undefined while it lives. */
  get dead(): string | undefined {
    return this.#process.dead;
  }

  async prepare(order: RowOrder): Promise<Readied> {
    return this.#ask({ cmd: 'prepare', ...order });
  }

  async compare(file: string): Promise<Compared> {
    return this.#ask({ cmd: 'compare', file });
  }

  async warm(ms: number): Promise<void> {
    await this.#ask({ cmd: 'warm', ms });
  }

  async run(iterations: number): Promise<BlockTime> {
    return this.#ask({ cmd: 'run', iterations });
  }

  async launch(): Promise<{ launchNs: number; completionNs: number }> {
    return this.#ask({ cmd: 'launch' });
  }

  /** Processor time spent so far, in milliseconds; 0 when it does not answer. */
  async cpuMs(): Promise<number> {
    try {
      return (await this.#ask<{ cpuMs: number }>({ cmd: 'usage' })).cpuMs;
    } catch {
      return 0;
    }
  }

  close(): void {
    this.#process.close();
  }

  async #ask<T>(request: EngineRequest): Promise<T> {
    return (await this.#process.request({ ...request })) as T;
  }
}
