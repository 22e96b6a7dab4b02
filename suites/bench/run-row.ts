// Runs one row: prepares both sides, compares their results, times them, and turns the series into results. Errors of
// the oracle become reasons, never exceptions.
import { join } from 'node:path';
import type { BenchRow, CaseResult, Timing, Worst } from '../../reports/schema/index.js';
import type { Readied, RowEngine } from './engine-row.js';
import { quietSamples } from './interference.js';
import type { RowPlan, Workload } from './plan.js';
import { type Contestant, type Lane, type RaceOptions, race } from './race.js';
import { median, pairedRatio, spread } from './statistics.js';
import type { Backend, ReferenceWorker } from './worker.js';

/** What a row is run with. */
export interface RowRun {
  readonly engine: RowEngine;
  readonly backends: readonly Backend[];
  /** The living reference, or the reason why there is none. */
  readonly worker: ReferenceWorker | string;
  /** A folder for inputs and results on their way between the processes. */
  readonly folder: string;
  readonly seed: number;
  readonly budgetMs: number;
  readonly quick: boolean;
  /** How long one block, and the preparation, may take before the reference counts as hanging. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The comparison of our result with one reference's. */
interface Verdict {
  readonly correct: boolean | 'unchecked';
  readonly reason?: string;
  readonly compared: number;
  readonly worst?: Worst;
}

/** Runs a row against its references: one result row each, and the case of its comparison. */
export async function runRow(plan: RowPlan, run: RowRun): Promise<{ rows: BenchRow[]; cases: CaseResult[] }> {
  const started = performance.now();
  if (plan.unavailable !== undefined) return { rows: [], cases: [skipped(plan, plan.unavailable)] };
  const live = typeof run.worker !== 'string';
  const { engine, seed } = run;
  const prepared = await engine.prepare({ row: plan.id, seed, ...(live ? { folder: run.folder } : {}) });
  const side = new Side(plan, prepared, run);
  const backends = run.backends.filter((one) => prepared.reference[one] !== undefined);
  // The one reference that was asked for has no such operation: there is no race to run.
  if (backends.length === 0) return { rows: [], cases: [] };
  const verdicts = new Map<Backend, Verdict>();
  for (const one of backends) verdicts.set(one, await side.compare(one));
  const racing = backends.filter((one) => verdicts.get(one)!.correct === true);
  // A wrong result has no speed: when every comparison failed, nothing is timed.
  const wrong = backends.every((one) => verdicts.get(one)!.correct === false);
  if (!wrong) await engine.warm(run.quick ? WARM_MS.quick : WARM_MS.usual);
  const lanes = wrong
    ? []
    : await race(
        [
          { name: OURS, remote: (iterations) => engine.run(iterations) },
          ...racing.map((one) => side.contestant(one)),
        ],
        raceOptions(plan, run),
      );
  const lost = lanes.find((lane) => lane.name === OURS)?.lost;
  // Whatever becomes of a reference is a reason; what becomes of ours is an error.
  if (lost !== undefined) throw new Error(lost);
  await side.drop();
  const seconds = (performance.now() - started) / 1000;
  const launch = wrong || !prepared.launches ? undefined : await engine.launch();
  const rows = backends.map((one) => resultRow(plan, one, lanes, verdicts.get(one)!, launch));
  return {
    rows,
    cases: backends.map((one) => resultCase(plan, one, verdicts.get(one)!, seconds / backends.length)),
  };
}

function skipped({ id }: RowPlan, reason: string): CaseResult {
  return { id, suite: 'bench', status: 'skip', reason, seconds: 0, compared: 0 };
}

const OURS = 'ours';
/** In a fresh process the compiler has everything still to do. */
const WARM_MS = { quick: 60, usual: 200 } as const;

function raceOptions({ kind }: RowPlan, run: RowRun): RaceOptions {
  return {
    budgetMs: run.budgetMs,
    maxRounds: run.quick ? 8 : 30,
    // Long enough that waking the other threads, at the start of a block, weighs little.
    blockMs: kind === 'cpu' && !run.quick ? 5 : 2,
    signal: run.signal,
  };
}

/** One row's side of the conversation with the reference. */
class Side {
  readonly #plan: RowPlan;
  readonly #prepared: Readied;
  readonly #run: RowRun;
  readonly #keys: string[] = [];

  constructor(plan: RowPlan, prepared: Readied, run: RowRun) {
    this.#plan = plan;
    this.#prepared = prepared;
    this.#run = run;
  }

  get #worker(): ReferenceWorker {
    const { worker } = this.#run;
    if (typeof worker === 'string') throw new Error(worker);
    if (worker.dead !== undefined) throw new Error(worker.dead);
    return worker;
  }

  /** Prepares the reference's workload, has it compute its result and compares ours with it. */
  async compare(backend: Backend): Promise<Verdict> {
    const { compares, check, reference } = this.#prepared;
    const file = join(this.#run.folder, `${backend}.npy`);
    try {
      await this.#prepare(backend, backend, reference[backend]!);
      if (!compares) return { correct: 'unchecked', reason: 'nothing to compare', compared: 0 };
      const key = check?.[backend] ? `${backend}-check` : backend;
      if (check?.[backend]) await this.#prepare(key, backend, check[backend]);
      await this.#worker.output(key, file, this.#run.timeoutMs);
    } catch (error) {
      return {
        correct: 'unchecked',
        reason: error instanceof Error ? error.message : String(error),
        compared: 0,
      };
    }
    const { agrees, compared, message, worst } = await this.#run.engine.compare(file);
    return {
      correct: agrees,
      compared,
      ...(message === undefined ? {} : { reason: message, ...(worst ? { worst } : {}) }),
    };
  }

  contestant(backend: Backend): Contestant {
    return {
      name: backend,
      remote: (iterations) => this.#worker.run(backend, iterations, this.#run.timeoutMs),
    };
  }

  async drop(): Promise<void> {
    for (const key of this.#keys) {
      try {
        await this.#worker.drop(key);
      } catch {
        return; // It is gone, and its workloads with it.
      }
    }
  }

  async #prepare(key: string, backend: Backend, workload: Workload): Promise<void> {
    const ms = Math.max(this.#run.timeoutMs, this.#plan.timeoutMs ?? 0);
    await this.#worker.prepare(key, backend, workload, ms);
    this.#keys.push(key);
  }
}

/** One side's blocks with their median. */
export function timing(lane: Lane | undefined): Timing {
  if (lane === undefined || lane.samples.length === 0) return { medianNs: 0, samples: [] };
  const { samples, atMs, iterations } = lane;
  const marks = lane.marks.flatMap((by, sample) => (by.length > 0 ? [{ sample, by }] : []));
  return {
    medianNs: median(samples),
    samples,
    atMs,
    calls: iterations,
    ...(marks.length > 0 ? { marks } : {}),
  };
}

const UNQUIET = 0.15;

function resultRow(
  plan: RowPlan,
  backend: Backend,
  lanes: readonly Lane[],
  verdict: Verdict,
  launch: { launchNs: number; completionNs: number } | undefined,
): BenchRow {
  const lane = (name: string) => lanes.find((one) => one.name === name);
  const theirs = lane(backend);
  const wrong = verdict.correct === false;
  const times = { ours: timing(wrong ? undefined : lane(OURS)), theirs: timing(wrong ? undefined : theirs) };
  const quiet = quietSamples(times.ours, times.theirs);
  const ratio = theirs?.lost === undefined ? pairedRatio(quiet.ours, quiet.theirs) : undefined;
  const withheld = wrong
    ? `the result is wrong: ${verdict.reason}`
    : ratio
      ? undefined
      : (theirs?.lost ?? verdict.reason ?? 'too few blocks');
  const unquiet = [quiet.ours, quiet.theirs].some((samples) => spread(samples) > UNQUIET);
  const notes = [
    plan.note,
    unquiet ? 'unquiet: the middle half of the blocks spreads by more than 15 %' : undefined,
  ];
  const note = notes.filter((one) => one !== undefined).join('; ');
  return {
    id: `${plan.id}/${backend}`,
    group: plan.group,
    label: plan.label,
    ...(plan.size === undefined ? {} : { size: plan.size }),
    dtype: plan.dtype,
    ours: times.ours,
    reference: backend,
    ...(times.theirs.samples.length > 0 ? { theirs: times.theirs } : {}),
    ...(ratio ? { ratio } : {}),
    correct: verdict.correct,
    ...(withheld === undefined ? {} : { withheld }),
    ...(plan.bytes === undefined ? {} : { bytes: plan.bytes }),
    ...(plan.flops === undefined ? {} : { flops: plan.flops }),
    ...(launch ?? {}),
    ...(plan.required !== undefined && backend === 'torch' && ratio
      ? { required: { ratio: plan.required, held: ratio.median >= plan.required } }
      : {}),
    ...(note ? { note } : {}),
  };
}

function resultCase(plan: RowPlan, backend: Backend, verdict: Verdict, seconds: number): CaseResult {
  const id = `${plan.id}/${backend}`;
  const wrong = verdict.correct === false;
  return {
    id,
    suite: 'bench',
    status: wrong ? 'fail' : verdict.correct === true ? 'pass' : 'skip',
    ...(wrong ? { message: verdict.reason, replay: `npx torchstone bench --filter '${plan.id}'` } : {}),
    ...(verdict.correct === 'unchecked' ? { reason: verdict.reason ?? 'not compared' } : {}),
    seconds,
    compared: verdict.compared,
    checks: { values: wrong ? 'fail' : verdict.correct === true ? 'pass' : 'skip' },
    ...(verdict.worst ? { worst: verdict.worst } : {}),
  };
}
