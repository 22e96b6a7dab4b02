// Owns the parent's side of an engine's process in a race of builds. Whatever happens to that process is an error with a reason.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArrayValue } from '../compare.js';

/** Which engine: where its package stands, and which addon and slowdown it is started with. */
export interface Build {
  /** For people: `git:v0.1.0 (ad41771)`. */
  readonly label: string;
  /** The root of a package with sources; absent: this one as it runs. */
  readonly root?: string;
  readonly addon?: string;
  /** For tests of the bench itself: the calls made for each that is counted. */
  readonly plant?: number;
}

interface Waiting {
  readonly resolve: (answer: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

const HERE = fileURLToPath(import.meta.url);
const EXTENSION = HERE.endsWith('.ts') ? 'ts' : 'js';
const ANSWER_MS = 120_000;

/** A running engine. */
export class EngineProcess {
  readonly label: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #dead: string | undefined;

  constructor(build: Build, quick: boolean) {
    this.label = build.label;
    const own = build.root === undefined;
    const entry = own
      ? join(HERE, '..', `engine-worker.${EXTENSION}`)
      : join(build.root, 'suites', 'bench', 'engine-worker.ts');
    const env = {
      ...process.env,
      TORCHSTONE_BENCH_MODE: quick ? 'quick' : 'usual',
      ...(build.addon === undefined ? {} : { TORCHSTONE_ADDON: build.addon }),
      ...(build.plant === undefined ? {} : { TORCHSTONE_BENCH_PLANT: String(build.plant) }),
    };
    this.#child = fork(entry, [], {
      env,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      ...(own ? {} : { cwd: build.root, execArgv: ['--import', 'tsx'] }),
    });
    this.#child.on('message', (message) => this.#receive(message as Record<string, unknown>));
    this.#child.on('error', (error) => this.#die(`${build.label} did not start: ${error.message}`));
    this.#child.on('exit', (code, signal) =>
      this.#die(`${build.label} ended with ${signal ?? `code ${code}`}`),
    );
  }

  /** The rows that this build can run. */
  async rows(): Promise<string[]> {
    return (await this.#request({ cmd: 'list' })).rows as string[];
  }

  /** Makes a row ready; its result, where it has one to compare. */
  async prepare(row: string, seed: number): Promise<ArrayValue | undefined> {
    return (await this.#request({ cmd: 'prepare', row, seed })).output as ArrayValue | undefined;
  }

  /** Runs a block; its nanoseconds as measured there. */
  async run(iterations: number): Promise<number> {
    return (await this.#request({ cmd: 'run', iterations })).ns as number;
  }

  close(): void {
    this.#die(`${this.label} was closed`);
    this.#child.kill('SIGKILL');
  }

  #request(request: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (this.#dead !== undefined) return Promise.reject(new Error(this.#dead));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#die(`${this.label} did not answer within ${ANSWER_MS / 1000} s`);
        this.#child.kill('SIGKILL');
      }, ANSWER_MS);
      this.#waiting.set(id, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.send({ id, ...request });
    });
  }

  #receive(answer: Record<string, unknown>): void {
    const waiting = this.#waiting.get(Number(answer.id));
    this.#waiting.delete(Number(answer.id));
    if (answer.ok === true) waiting?.resolve(answer);
    else waiting?.reject(new Error(String(answer.error)));
  }

  #die(reason: string): void {
    this.#dead ??= reason;
    for (const one of this.#waiting.values()) one.reject(new Error(this.#dead));
    this.#waiting.clear();
  }
}
