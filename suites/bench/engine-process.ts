// Owns the parent's side of an engine's process in a race of builds. Whatever happens to that process is an error with a reason.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArrayValue } from '../compare.js';
import { Forked } from '../forked.js';

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

const HERE = fileURLToPath(import.meta.url);
const EXTENSION = HERE.endsWith('.ts') ? 'ts' : 'js';
const ANSWER_MS = 120_000;

/** A running engine. */
export class EngineProcess {
  readonly label: string;
  readonly #process: Forked;

  constructor(build: Build, quick: boolean) {
    this.label = build.label;
    const own = build.root === undefined;
    this.#process = new Forked({
      label: build.label,
      entry: own
        ? join(HERE, '..', `engine-worker.${EXTENSION}`)
        : join(build.root, 'suites', 'bench', 'engine-worker.ts'),
      env: {
        TORCHSTONE_BENCH_MODE: quick ? 'quick' : 'usual',
        ...(build.addon === undefined ? {} : { TORCHSTONE_ADDON: build.addon }),
        ...(build.plant === undefined ? {} : { TORCHSTONE_BENCH_PLANT: String(build.plant) }),
      },
      answerMs: ANSWER_MS,
      ...(own ? {} : { cwd: build.root, execArgv: ['--import', 'tsx'] }),
    });
  }

  /** The rows that this build can run. */
  async rows(): Promise<string[]> {
    return (await this.#process.request({ cmd: 'list' })).rows as string[];
  }

  /** Makes a row ready; its result, where it has one to compare. */
  async prepare(row: string, seed: number): Promise<ArrayValue | undefined> {
    return (await this.#process.request({ cmd: 'prepare', row, seed })).output as ArrayValue | undefined;
  }

  /** Runs a block; its nanoseconds as measured there. */
  async run(iterations: number): Promise<number> {
    return (await this.#process.request({ cmd: 'run', iterations })).ns as number;
  }

  close(): void {
    this.#process.close();
  }
}
