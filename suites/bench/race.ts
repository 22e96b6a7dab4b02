// One A/B benchmark: contestants in alternating batches within one run, timed by tinybench.
import { Bench, type Task } from 'tinybench';
import type { Mark } from '../../reports/schema/index.js';
import { timerResolution } from '../runner/machine.js';
import { HitWatch, type Reading } from './interference.js';
import { MIN_PAIRS } from './statistics.js';

/** A block of a side that lives elsewhere: its nanoseconds, and what hit it there. */
export interface BlockTime {
  readonly ns: number;
  readonly marks: readonly Mark[];
}

/** One side of a race. A block is `iterations` calls. */
export type Contestant = { readonly name: string } & (
  | {
      /** In this process: runs a block; its nanoseconds. */
      readonly block: (iterations: number) => number;
    }
  | {
      /** Elsewhere: runs a block there; its time as measured there. */
      readonly remote: (iterations: number) => Promise<BlockTime>;
    }
);

export interface RaceOptions {
  /**
   * What the race may cost, in milliseconds of wall time, or, `together`, of this process's processor time: there, being kept
   * waiting costs nothing that could be saved. `MIN_PAIRS` rounds are run in any case.
   */
  readonly budgetMs: number;
  readonly maxRounds: number;
  /** Blocks are made at least this long, so that the pipe and the waking of other threads do not show; see `blockLength`. */
  readonly blockMs: number;
  /** All sides live in this process. */
  readonly together?: boolean;
  readonly signal?: AbortSignal;
}

/** One side's blocks, in the order of time. */
export interface Lane {
  readonly name: string;
  readonly iterations: number;
  /** Nanoseconds per call of every block. */
  readonly samples: number[];
  /** When each began, in milliseconds since the first. */
  readonly atMs: number[];
  /** What hit each of them. */
  readonly marks: Mark[][];
  /** Why the side dropped out. */
  lost?: string;
}

/** The share of a block's time that a reading of the clock may cost or round away. */
const CLOCK_SHARE = 0.001;
let clock: { stepNs: number; readNs: number } | undefined;

/** How long a block must be, in milliseconds: `least`, or longer where the clock of this machine would show otherwise. */
export function blockLength(least: number, measured?: { stepNs: number; readNs: number }): number {
  clock ??= timerResolution();
  const { stepNs, readNs } = measured ?? clock;
  return Math.max(least, (stepNs + readNs) / CLOCK_SHARE / 1e6);
}

/**
 * Runs a race. The order of blocks is ABC CBA ABC …, so that no side is always first and a drift of the machine hits all
 * alike. A remote side that fails drops out with its reason; an error of the local side is thrown.
 */
export async function race(contestants: readonly Contestant[], options: RaceOptions): Promise<Lane[]> {
  const clockNow = options.together ? processorMs : () => performance.now();
  const started = clockNow();
  const bench = new Bench({
    time: 0,
    iterations: 1,
    warmup: false,
    retainSamples: true,
    timestampProvider: 'hrtimeNow',
  });
  const watch = new HitWatch();
  const sides: Side[] = [];
  try {
    for (const one of contestants) sides.push(await Side.enter(one, options, bench, watch));
    for (let round = 0; round < Math.max(options.maxRounds, MIN_PAIRS); round += 1) {
      const spent = clockNow() - started;
      if (options.signal?.aborted || (round >= MIN_PAIRS && spent > options.budgetMs)) break;
      const active = sides.filter(({ lane }) => lane.lost === undefined);
      for (const side of round % 2 === 0 ? active : active.reverse()) await side.run();
    }
    const first = Math.min(...sides.map((side) => side.began));
    for (const side of sides) await side.finish(first);
  } finally {
    watch.close();
  }
  return sides.map(({ lane }) => lane);
}

/** Processor time of this process so far, in milliseconds. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** One contestant in its race. */
class Side {
  readonly lane: Lane;
  readonly #task: Task | undefined;
  readonly #watch: HitWatch;
  readonly #remote: boolean;
  readonly #blocks: [before: Reading, after: Reading][] = [];
  /** What hit the blocks of a remote side, as it says. */
  readonly #told: (readonly Mark[])[] = [];

  private constructor(lane: Lane, one: Contestant, bench: Bench, watch: HitWatch) {
    this.lane = lane;
    this.#watch = watch;
    this.#remote = 'remote' in one;
    if (lane.lost !== undefined) return;
    // tinybench keeps one sample a block: milliseconds, the block's cost as measured where it ran.
    const timed =
      'remote' in one
        ? async () => {
            const { ns, marks } = await one.remote(lane.iterations);
            this.#told.push(marks);
            return sample(ns);
          }
        : () => sample(one.block(lane.iterations));
    bench.add(one.name, timed, { async: this.#remote });
    this.#task = bench.getTask(one.name)!;
  }

  /** Finds out how many calls make a block. */
  static async enter(one: Contestant, options: RaceOptions, bench: Bench, watch: HitWatch): Promise<Side> {
    const blockMs = blockLength(options.blockMs);
    const lane = (iterations: number): Lane => ({
      ...{ name: one.name, iterations, samples: [], atMs: [], marks: [] },
    });
    if ('remote' in one) {
      try {
        const iterations = await callsFor(async (n) => (await one.remote(n)).ns, blockMs);
        return new Side(lane(iterations), one, bench, watch);
      } catch (error) {
        return new Side({ ...lane(0), lost: reasonOf(error) }, one, bench, watch);
      }
    }
    const iterations = await callsFor(async (n) => one.block(n), blockMs);
    return new Side(lane(iterations), one, bench, watch);
  }

  /** When its first block began. */
  get began(): number {
    return this.#blocks[0]?.[0].at ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<void> {
    const task = this.#task!;
    task.reset(false);
    const before = this.#watch.read();
    if (this.#remote) await task.run();
    else task.runSync();
    const after = this.#watch.read();
    const { result } = task;
    if (result.state === 'completed') {
      // Elsewhere is another process, whose processor is not ours.
      this.#blocks.push([before, this.#remote ? { ...after, preempted: before.preempted } : after]);
      this.lane.samples.push((result.latency.p50 * 1e6) / this.lane.iterations);
    } else {
      const error = 'error' in result ? result.error : new Error(`tinybench ended in state ${result.state}`);
      if (!this.#remote) throw error;
      this.lane.lost = reasonOf(error);
    }
  }

  async finish(first: number): Promise<void> {
    const seen = await this.#watch.marks(this.#blocks, !this.#remote);
    this.lane.marks.push(...seen.map((marks, i) => [...new Set([...(this.#told[i] ?? []), ...marks])]));
    this.lane.atMs.push(...this.#blocks.map(([{ at }]) => at - first));
  }
}

function sample(ns: number): { overriddenDuration: number; overriddenIterationCost: number } {
  return { overriddenDuration: ns / 1e6, overriddenIterationCost: ns / 1e6 };
}

const WARM_CALLS = 3;
const MAX_ITERATIONS = 1_000_000;

/** How many calls fill a block. The first blocks also warm caches, pools and the JIT up. */
async function callsFor(block: (iterations: number) => Promise<number>, blockMs: number): Promise<number> {
  let iterations = 1;
  for (let turn = 0; turn < 40; turn += 1) {
    const ms = (await block(iterations)) / 1e6;
    if (ms >= blockMs && (turn >= WARM_CALLS || ms > 20 * blockMs)) return iterations;
    if (ms >= blockMs) continue;
    const grown = Math.ceil(iterations * Math.min(10, (1.3 * blockMs) / Math.max(ms, 1e-3)));
    iterations = Math.min(MAX_ITERATIONS, Math.max(grown, iterations + 1));
  }
  return iterations;
}

/** What surrounds the calls of a block. */
export interface LoopOptions {
  /** The share of the calls that goes before, untimed: they fill the caches again that another side has used. */
  readonly lead?: number;
  /** Waits until the results are there: a block ends with them, wherever they are computed. */
  readonly done?: () => void;
}

/**
 * A timed loop compiled for this step alone: one loop shared by all rows would call its steps through a polluted inline
 * cache, and the first row would look faster than the last.
 */
export function loopOf(
  step: () => unknown,
  { lead = 0, done = () => {} }: LoopOptions = {},
): (iterations: number) => number {
  const make = new Function(
    'step',
    'now',
    'lead',
    'done',
    `return (n) => {
      for (let i = n * lead; i >= 1; i -= 1) step();
      done();
      const start = now();
      for (let i = 0; i < n; i += 1) step();
      done();
      return Number(now() - start);
    };`,
  );
  return make(step, process.hrtime.bigint, lead, done) as (iterations: number) => number;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
