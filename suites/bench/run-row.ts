// Owns running one row: prepare both sides, compare their results, race them, and turn the lanes into results.
// It prints nothing; whatever the reference does ends in a reason, never in an exception.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseNpy } from '../../engine/npy.js';
import { type ArrayValue, compareArrays, worstOf } from '../compare.js';
import type { BenchRow, CaseResult, Timing, Worst } from '../results.js';
import { BenchInputs } from './inputs.js';
import type { Prepared, RowPlan, Workload } from './plan.js';
import { type Contestant, type Lane, loopOf, type RaceOptions, race } from './race.js';
import { median, pairedRatio, spread } from './statistics.js';
import type { Backend, ReferenceWorker } from './worker.js';

/** What a row is run with. */
export interface RowRun {
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
  const inputs = new BenchInputs(run.seed, plan.id, live ? run.folder : undefined);
  const prepared = plan.prepare(inputs);
  const side = new Side(plan, prepared, run);
  const backends = run.backends.filter((one) => prepared.reference[one] !== undefined);
  // The one reference that was asked for has no such operation: there is no race to run.
  if (backends.length === 0) return { rows: [], cases: [] };
  const verdicts = new Map<Backend, Verdict>();
  for (const one of backends) verdicts.set(one, await side.compare(one));
  const racing = backends.filter((one) => verdicts.get(one)!.correct === true);
  // A wrong result has no speed: when every comparison failed, nothing is timed.
  const wrong = backends.every((one) => verdicts.get(one)!.correct === false);
  if (!wrong) warm(prepared.step, run.quick ? WARM_MS.quick : WARM_MS.usual);
  const lanes = wrong
    ? []
    : await race(
        [{ name: 'ours', block: loopOf(prepared.step) }, ...racing.map((one) => side.contestant(one))],
        raceOptions(plan, run),
      );
  await side.drop();
  const seconds = (performance.now() - started) / 1000;
  const launch = wrong ? undefined : prepared.launch?.();
  const rows = backends.map((one) => resultRow(plan, one, lanes, verdicts.get(one)!, launch));
  return {
    rows,
    cases: backends.map((one) => resultCase(plan, one, verdicts.get(one)!, seconds / backends.length)),
  };
}

function skipped({ id }: RowPlan, reason: string): CaseResult {
  return { id, suite: 'bench', status: 'skip', reason, seconds: 0, compared: 0 };
}

const WARM_MS = { quick: 30, usual: 60 } as const;

/** A step of a hundred calls of JavaScript is compiled late: its first milliseconds are not its speed. */
function warm(step: () => unknown, ms: number): void {
  const started = performance.now();
  while (performance.now() - started < ms) step();
}

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
  readonly #prepared: Prepared;
  readonly #run: RowRun;
  readonly #keys: string[] = [];

  constructor(plan: RowPlan, prepared: Prepared, run: RowRun) {
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
    const { output, check, reference } = this.#prepared;
    let want: ArrayValue;
    try {
      await this.#prepare(backend, backend, reference[backend]!);
      if (!output) return { correct: 'unchecked', reason: 'nothing to compare', compared: 0 };
      const key = check?.[backend] ? `${backend}-check` : backend;
      if (check?.[backend]) await this.#prepare(key, backend, check[backend]);
      const file = join(this.#run.folder, `${key}.npy`);
      await this.#worker.output(key, file, this.#run.timeoutMs);
      want = arrayFrom(file);
    } catch (error) {
      return {
        correct: 'unchecked',
        reason: error instanceof Error ? error.message : String(error),
        compared: 0,
      };
    }
    const got = output();
    const { tolerance } = this.#plan;
    const allowed = { rtol: tolerance, atol: tolerance, signedZero: 'any' as const };
    // The dtype is the fixtures' business; here NumPy's int64 for our int64 indices is all that matters.
    const comparison = compareArrays(got, want, allowed, { what: 'result', ignoreDtype: true });
    const worst = worstOf(comparison, 'result');
    return {
      correct: comparison.ok,
      compared: comparison.compared,
      ...(comparison.ok ? {} : { reason: comparison.message, ...(worst ? { worst } : {}) }),
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

/** The array of a .npy file. */
export function arrayFrom(file: string): ArrayValue {
  const { data, shape, dtype } = parseNpy(readFileSync(file), file);
  return { data: data as ArrayValue['data'], shape, dtype };
}

/** Blocks of one side with their median. */
export function timing(samples: readonly number[]): Timing {
  return samples.length > 0
    ? { medianNs: median(samples), samples: [...samples] }
    : { medianNs: 0, samples: [] };
}

const UNQUIET = 0.15;

function resultRow(
  plan: RowPlan,
  backend: Backend,
  lanes: readonly Lane[],
  verdict: Verdict,
  launch: { launchNs: number; completionNs: number } | undefined,
): BenchRow {
  const ours = lanes.find((lane) => lane.name === 'ours');
  const theirs = lanes.find((lane) => lane.name === backend);
  const wrong = verdict.correct === false;
  const ratio =
    ours && theirs && !theirs.lost && !wrong ? pairedRatio(ours.samples, theirs.samples) : undefined;
  const withheld = wrong
    ? `the result is wrong: ${verdict.reason}`
    : ratio
      ? undefined
      : (theirs?.lost ?? verdict.reason ?? 'too few blocks');
  const unquiet = [ours, theirs].some((lane) => lane && spread(lane.samples) > UNQUIET);
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
    ours: timing(wrong ? [] : (ours?.samples ?? [])),
    reference: backend,
    ...(theirs && !wrong && theirs.samples.length > 0 ? { theirs: timing(theirs.samples) } : {}),
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
