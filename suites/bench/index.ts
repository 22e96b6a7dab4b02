// The bench suite: the notebook's timings, the op sweep and the memory figures. It owns what is run, in which order and for how
// long, and the reference process's life; the judging is done elsewhere.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed } from '../../engine/index.js';
import { addon } from '../../engine/native.js';
import { idMatcher } from '../cases.js';
import { racePeers } from '../peers/race.js';
import {
  type BenchRow,
  type Calibration,
  type CaseResult,
  type Ceiling,
  type MemoryFigure,
  nothingToRun,
  type Suite,
  type SuiteOptions,
  type SuiteResult,
  suiteResult,
} from '../results.js';
import { otherBuild, thisBuild } from './builds.js';
import { measureCeilings, raisedBy } from './ceilings.js';
import { measureT2, T2_MEMORY } from './cpu-memory.js';
import { cpuRows, type Mode } from './cpu-rows.js';
import { meanRow } from './cpu-sweep.js';
import { decide, evidence } from './decision.js';
import { type MemoryTask, measureMemory, memoryTasks } from './memory.js';
import { NoiseWatch, noiseText } from './noise.js';
import { notebookRows } from './notebook-rows.js';
import type { RowPlan } from './plan.js';
import { runRow } from './run-row.js';
import { logRatios } from './statistics.js';
import { sweepRows } from './sweep.js';
import { calibrate, raceBuilds } from './versus.js';
import { ReferenceWorker } from './worker.js';

/** Timings against NumPy and PyTorch, and measured memory. */
export const benchSuite: Suite = { name: 'bench', run };

/** What all rows together may take, in seconds; the memory figures come on top. */
const TOTAL_S = { quick: 12, usual: 110, full: 3600 } as const;
const CPU_TOTAL_S = { quick: 40, usual: 280, full: 1200 } as const;
const ROW_MS = { quick: 300, usual: 2500, full: 60_000 } as const;
const LEAST_ROW_MS = 250;
/** A reference that dies again and again is not worth its starts. */
const MAX_STARTS = 3;

async function run(options: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now();
  const mode: Mode = options.full ? 'full' : options.quick ? 'quick' : 'usual';
  const matches = idMatcher(options.filter);
  if (options.peers !== undefined) return racePeers(options);
  if (options.build !== undefined) return runBuilds(options.build, options, started);
  if (options.rows === 'cpu') return runCpu(options, mode, started);
  const wanted = options.rows ?? 'all';
  const plans = [...notebookRows(mode === 'full', mode === 'quick'), ...sweepRows(mode === 'quick')].filter(
    (plan) => (wanted === 'all' || wanted === plan.kind) && matches(plan.id),
  );
  const tasks = memoryTasks(mode === 'quick').filter(
    (task) => wanted !== 'sweep' && matches(`memory/${task.id}`),
  );
  begin(options, plans.length + tasks.length);
  // Memory first: after the races the machine's caches are full and nothing would be fresh but the process.
  const memory = await runMemory(tasks, options);
  const raced = await raceRows(plans, new Session(options, mode, TOTAL_S[mode]), options);
  const { rows, calibration, notes } = await judge(raced, options);
  finish(options, rows, memory);
  return suiteResult('bench', raced.cases, (performance.now() - started) / 1000, {
    rows,
    memory,
    calibration,
    notes: [...sizeNotes(mode), ...notes],
  });
}

/** Another build of the engine against this one. */
async function runBuilds(spec: string, options: SuiteOptions, started: number): Promise<SuiteResult> {
  const { progress, signal, seed, quick = false } = options;
  const matches = idMatcher(options.filter);
  const theirs = await otherBuild(spec, (text) => progress.note(text));
  const wanted = options.rows ?? 'sweep';
  const { rows, cases } = await raceBuilds({
    ours: thisBuild(),
    theirs,
    rows: (id) => (wanted === 'all' || id.startsWith(`${wanted}/`)) && matches(id),
    ...{ seed, quick, signal },
    begin: (rows) => begin(options, rows),
    step: (id, failed) => progress.step(id, failed),
  });
  progress.end(`${rows.length} rows against ${theirs.label}`);
  const calibration = signal.aborted ? [] : await calibrate(1, { seed, quick, signal });
  const strayed = calibration.some(({ verdict }) => verdict === 'faster' || verdict === 'slower');
  return suiteResult('bench', cases, (performance.now() - started) / 1000, {
    rows: strayed ? rows.map(undecided) : rows,
    calibration,
    notes: [
      `Raced against ${theirs.label}, each row in several processes that hold both builds.`,
      ...(strayed
        ? ['This build came out different from itself, so that no verdict of this run is believed.']
        : []),
      ...calibrationNote(calibration),
    ],
  });
}

/** A row of a run whose A/A races went wrong. */
function undecided(row: BenchRow): BenchRow {
  const { decision, required, ...rest } = row;
  if (decision === undefined) return row;
  return {
    ...rest,
    decision: { ...decision, verdict: 'inconclusive' },
    ...(required === undefined ? {} : { required: { ...required, held: true } }),
  };
}

/** The verdicts of a run, with what this build's races against itself say of their trust. */
async function judge(
  { rows, notes }: { rows: readonly BenchRow[]; notes: readonly string[] },
  options: SuiteOptions,
): Promise<{ rows: BenchRow[]; calibration: Calibration[]; notes: string[] }> {
  const raced = rows.some((row) => row.ratio !== undefined) && !options.signal.aborted;
  const calibration = raced
    ? await calibrate(1, { seed: options.seed, quick: options.quick ?? false, signal: options.signal })
    : [];
  const bias = Math.max(0, ...calibration.map(({ ratio }) => Math.abs(Math.log(ratio.median))));
  const decided = decide(rows, (row) => evidence(logRatios(row.ours.samples, row.theirs?.samples ?? [])), {
    bias,
  });
  return { rows: decided, calibration, notes: [...notes, ...calibrationNote(calibration)] };
}

function calibrationNote(calibration: readonly Calibration[]): string[] {
  if (calibration.length === 0) return [];
  const texts = calibration.map(
    ({ id, ratio: { median, low, high } }) =>
      `${id} ${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
  );
  return [`This build against itself, where 1 is right: ${texts.join(', ')}.`];
}

/** The table of ratios that the CPU backend must reach, with the ceilings of this machine. */
async function runCpu(options: SuiteOptions, mode: Mode, started: number): Promise<SuiteResult> {
  const matches = idMatcher(options.filter);
  const plans = cpuRows(mode).filter((plan) => matches(plan.id));
  const memory: MemoryFigure[] = [];
  const cases: CaseResult[] = [];
  const withMemory = matches(T2_MEMORY);
  begin(options, plans.length + (withMemory ? 1 : 0));
  const session = new Session(options, mode, CPU_TOTAL_S[mode]);
  if (withMemory) {
    const peak = await measureT2(options.python, session.folder, options.signal);
    if ('figure' in peak) memory.push(peak.figure);
    else cases.push(peak.skipped);
    options.progress.step(T2_MEMORY, 'figure' in peak && !peak.figure.held);
  }
  const ceilings: Ceiling[] = plans.length > 0 ? measureCeilings(mode === 'quick') : [];
  const raced = await raceRows(plans, session, options);
  const mean = meanRow(raced.rows, mode);
  const judged = await judge(raced, options);
  const rows = mean ? [...judged.rows, mean] : judged.rows;
  finish(options, rows, memory);
  return suiteResult('bench', [...cases, ...raced.cases], (performance.now() - started) / 1000, {
    rows,
    memory,
    ceilings: raisedBy(ceilings, rows),
    calibration: judged.calibration,
    notes: [...cpuSizeNotes(mode), ...judged.notes],
  });
}

function begin({ filter, progress }: SuiteOptions, steps: number): void {
  if (steps === 0) throw nothingToRun(`no row matches the filter '${filter}'`);
  progress.begin('bench', steps);
}

function finish(
  { progress }: SuiteOptions,
  rows: readonly BenchRow[],
  memory: readonly MemoryFigure[],
): void {
  const short = rows.filter((row) => row.required && !row.required.held).length;
  progress.end(
    `${rows.length} rows, ${memory.length} memory figures${short > 0 ? `, ${short} below what is required` : ''}`,
  );
}

async function raceRows(
  plans: readonly RowPlan[],
  session: Session,
  options: SuiteOptions,
): Promise<{ rows: BenchRow[]; cases: CaseResult[]; notes: string[] }> {
  const rows: BenchRow[] = [];
  const cases: CaseResult[] = [];
  try {
    for (const [at, plan] of plans.entries()) {
      if (options.signal.aborted) break;
      const done = await session.row(plan, plans.length - at);
      rows.push(...done.rows);
      cases.push(...done.cases);
      options.progress.step(
        plan.id,
        done.cases.some((one) => one.status === 'fail' || one.status === 'error'),
      );
    }
  } finally {
    await session.close();
  }
  return { rows, cases, notes: session.notes };
}

async function runMemory(tasks: readonly MemoryTask[], options: SuiteOptions): Promise<MemoryFigure[]> {
  const memory: MemoryFigure[] = [];
  for (const task of tasks) {
    if (options.signal.aborted) break;
    const figure = await measureMemory(task, options.signal);
    memory.push(figure);
    options.progress.step(figure.id, !figure.held);
  }
  return memory;
}

/** The rows of one run: their share of the time, and the reference process that they share. */
class Session {
  readonly notes: string[] = [];
  readonly #options: SuiteOptions;
  readonly #mode: Mode;
  readonly #totalS: number;
  /** Inputs and results on their way between the processes. */
  readonly folder = mkdtempSync(join(tmpdir(), 'torchstone-bench-'));
  #deadline: number | undefined;
  #worker: ReferenceWorker | undefined;
  #starts = 0;
  #gone: string | undefined;
  readonly #noise = new NoiseWatch();

  constructor(options: SuiteOptions, mode: Mode, totalS: number) {
    this.#options = options;
    this.#mode = mode;
    this.#totalS = totalS;
  }

  /** Runs a row on its share of the time that is left. An error of ours is a failed case, and the next row runs. */
  async row(plan: RowPlan, left: number): Promise<{ rows: BenchRow[]; cases: CaseResult[] }> {
    const { seed, signal, quick = false, vs = ['torch', 'numpy'] } = this.#options;
    const worker = await this.#reference();
    this.#deadline ??= performance.now() + this.#totalS * 1000;
    const share = Math.max(0, this.#deadline - performance.now()) / left;
    const budgetMs = Math.max(LEAST_ROW_MS, Math.min(ROW_MS[this.#mode], share));
    const timeoutMs = this.#mode === 'full' ? 600_000 : 30_000;
    const started = performance.now();
    manualSeed(seed);
    const watch = new NoiseWatch();
    const before = await this.#referenceMs();
    try {
      const done = await runRow(plan, {
        backends: vs,
        worker,
        folder: this.folder,
        seed,
        budgetMs,
        quick,
        timeoutMs,
        signal,
      });
      const noise = noiseText(watch.others((await this.#referenceMs()) - before));
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

  async close(): Promise<void> {
    this.notes.push(...this.#noise.notes(await this.#referenceMs()));
    this.#worker?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Processor time of the living reference process, in milliseconds. */
  async #referenceMs(): Promise<number> {
    return ((await this.#worker?.cpuNs()) ?? 0) / 1e6;
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

function sizeNotes(mode: Mode): string[] {
  if (mode === 'full') return [];
  const which = mode === 'quick' ? 'A quick run: small sizes and few blocks' : 'Sizes for a laptop';
  return [`${which}; --full runs the notebook's own sizes.`];
}

function cpuSizeNotes(mode: Mode): string[] {
  if (mode === 'full') return [];
  return mode === 'quick'
    ? ['A quick run: few sizes and few blocks, no torch.compile.']
    : ['Without 10⁸ elements and 4096 × 4096, which --full adds.'];
}
