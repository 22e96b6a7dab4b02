// Processes of a bench run: the shared oracle, a fresh engine process for every group of rows, and the noise of other
// programs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon } from 'torchstone/internals';
import type { BenchRow, CaseResult } from '../../reports/schema/index.js';
import type { SuiteOptions } from '../common/suite.js';
import type { Mode } from './cpu-rows.js';
import { EngineProcess } from './engine-process.js';
import { NoiseWatch, noiseText } from './noise.js';
import type { RowPlan } from './plan.js';
import { runRow } from './run-row.js';
import { ReferenceWorker } from './worker.js';

/** A reference that dies again and again is not worth its starts. */
const MAX_STARTS = 3;
const ROW_TIMEOUT_MS = { full: 600_000, usual: 30_000 } as const;

/** What a row came to. */
export interface RowOutcome {
  readonly rows: BenchRow[];
  readonly cases: CaseResult[];
}

/** The family of rows that share an engine's process: a curve over sizes, or a cell of the notebook alone. */
export function familyOf({ kind, id, group }: RowPlan): string {
  return kind === 'notebook' ? id : group;
}

/** Rows that share a reference; each family of them has a fresh engine. */
export class Session {
  readonly notes: string[] = [];
  readonly #options: SuiteOptions;
  readonly #mode: Mode;
  /** Inputs and results on their way between the processes. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'torchstone-bench-'));
  #worker: ReferenceWorker | undefined;
  #engine: EngineProcess | undefined;
  #family: string | undefined;
  #starts = 0;
  #gone: string | undefined;
  /** Processor time of engines that are gone. */
  #spentMs = 0;
  readonly #noise = new NoiseWatch();

  constructor(options: SuiteOptions, mode: Mode) {
    this.#options = options;
    this.#mode = mode;
  }

  /** Runs a row. An error of ours is a failed case, and the next row runs. */
  async row(plan: RowPlan, budgetMs: number): Promise<RowOutcome> {
    const { seed, signal, quick = false, vs = ['torch', 'numpy'] } = this.#options;
    const started = performance.now();
    try {
      const worker = await this.#reference();
      const engine = await this.#engineOf(plan);
      const watch = new NoiseWatch();
      const before = await this.#othersMs();
      const done = await runRow(plan, {
        engine,
        backends: vs,
        worker,
        folder: this.#folder,
        seed,
        budgetMs,
        quick,
        timeoutMs: this.#timeoutMs,
        signal,
      });
      const noise = noiseText(watch.others((await this.#othersMs()) - before));
      return noise ? { ...done, rows: done.rows.map((row) => withNote(row, `noisy: ${noise}`)) } : done;
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const seconds = (performance.now() - started) / 1000;
      return {
        rows: [],
        cases: [{ id: plan.id, suite: 'bench', status: 'error', message, seconds, compared: 0 }],
      };
    }
  }

  /** The next row gets a fresh engine, whatever ran before. */
  async renew(): Promise<void> {
    this.#spentMs += (await this.#engine?.cpuMs()) ?? 0;
    this.#engine?.close();
    this.#engine = undefined;
  }

  async close(): Promise<void> {
    await this.renew();
    this.notes.push(...this.#noise.notes(await this.#othersMs()));
    this.#worker?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #timeoutMs(): number {
    return ROW_TIMEOUT_MS[this.#mode === 'full' ? 'full' : 'usual'];
  }

  /** Processor time of our own other processes so far, in milliseconds: it is no noise. */
  async #othersMs(): Promise<number> {
    const reference = ((await this.#worker?.cpuNs()) ?? 0) / 1e6;
    return reference + this.#spentMs + ((await this.#engine?.cpuMs()) ?? 0);
  }

  async #engineOf(plan: RowPlan): Promise<EngineProcess> {
    const family = familyOf(plan);
    if (family !== this.#family || this.#engine?.dead !== undefined) await this.renew();
    this.#family = family;
    this.#engine ??= new EngineProcess(this.#mode, this.#timeoutMs);
    return this.#engine;
  }

  /** The living reference process, started anew when it died; or the reason why there is none. */
  async #reference(): Promise<ReferenceWorker | string> {
    const { python } = this.#options;
    if (python === undefined) return this.#without('no Python with NumPy and PyTorch was found');
    if (this.#gone !== undefined) return this.#gone;
    const dead = this.#worker?.dead;
    if (this.#worker && dead === undefined) return this.#worker;
    if (dead !== undefined) this.notes.push(`${dead}; its row has no ratio`);
    if (this.#starts >= MAX_STARTS) return this.#without(`${dead}; it was started ${MAX_STARTS} times`);
    this.#starts += 1;
    try {
      this.#worker = await ReferenceWorker.start(python, addon.getThreads());
    } catch (error) {
      return this.#without(error instanceof Error ? error.message : String(error));
    }
    const { hello } = this.#worker;
    const missing = (['numpy', 'torch'] as const).filter((name) => hello[name] === null);
    if (missing.length > 0) return this.#without(`${python} cannot import ${missing.join(' and ')}`);
    const threads = `PyTorch with ${hello.threads} threads, ours with ${addon.getThreads()}`;
    if (this.#starts === 1)
      this.notes.push(`Raced against NumPy ${hello.numpy} and PyTorch ${hello.torch}, ${threads}.`);
    return this.#worker;
  }

  #without(reason: string): string {
    if (this.#gone === undefined) this.notes.push(`No reference to race against: ${reason}.`);
    this.#gone = reason;
    return reason;
  }
}

function withNote(row: BenchRow, note: string): BenchRow {
  return { ...row, note: row.note ? `${row.note}; ${note}` : note };
}
