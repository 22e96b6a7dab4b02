// Owns one race: contestants in alternating blocks within one run, timed by tinybench. It knows no op and no report.
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, type Task } from 'tinybench';
import { timerResolution } from '../machine.js';
import { finished } from '../place.js';
import type { Mark } from '../results.js';
import { HitWatch, type Reading } from './hits.js';
import { MIN_PAIRS } from './statistics.js';

/** A block of a side that lives elsewhere: its nanoseconds, and how often its processor was taken away meanwhile. */
export interface BlockTime {
  readonly ns: number;
  readonly preempted: number;
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
  /** All sides live in this process and share its threads: nobody has to be waited for. */
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

const SETTLE_TURNS = 40;
const SETTLED_US = 300;

/**
 * Waits until this process is quiet, as the reference does on its side: OpenMP's threads spin for up to 20 ms after their last
 * loop, on a processor that the other side's block needs.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) {
    const before = process.cpuUsage();
    await sleep(1);
    const { user, system } = process.cpuUsage(before);
    if (user + system < SETTLED_US) return;
  }
}

/** One contestant in its race. */
class Side {
  readonly lane: Lane;
  readonly #task: Task | undefined;
  readonly #watch: HitWatch;
  readonly #remote: boolean;
  readonly #waits: boolean;
  readonly #blocks: [before: Reading, after: Reading][] = [];
  #preempted = 0;

  private constructor(lane: Lane, one: Contestant, waits: boolean, bench: Bench, watch: HitWatch) {
    this.lane = lane;
    this.#watch = watch;
    this.#waits = waits;
    this.#remote = 'remote' in one;
    if (lane.lost !== undefined) return;
    // tinybench keeps one sample a block: milliseconds, the block's cost as measured where it ran.
    const timed =
      'remote' in one
        ? async () => {
            const { ns, preempted } = await one.remote(lane.iterations);
            this.#preempted = preempted;
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
    const waits = !('remote' in one) && options.together !== true;
    if ('remote' in one) {
      try {
        const iterations = await callsFor(async (n) => (await one.remote(n)).ns, blockMs);
        return new Side(lane(iterations), one, waits, bench, watch);
      } catch (error) {
        return new Side({ ...lane(0), lost: reasonOf(error) }, one, waits, bench, watch);
      }
    }
    const iterations = await callsFor(async (n) => one.block(n), blockMs);
    if (waits) await settle();
    return new Side(lane(iterations), one, waits, bench, watch);
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
      const preempted = before.preempted + this.#preempted;
      this.#blocks.push([before, this.#remote ? { ...after, preempted } : after]);
      this.lane.samples.push((result.latency.p50 * 1e6) / this.lane.iterations);
    } else {
      const error = 'error' in result ? result.error : new Error(`tinybench ended in state ${result.state}`);
      if (!this.#remote) throw error;
      this.lane.lost = reasonOf(error);
    }
    if (this.#waits) await settle();
  }

  async finish(first: number): Promise<void> {
    this.lane.marks.push(...(await this.#watch.marks(this.#blocks, !this.#remote)));
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

/**
 * A timed loop compiled for this step alone: one loop shared by all rows would call its steps through a polluted inline
 * cache, and the first row would look faster than the last. The share `lead` of the calls goes before, untimed: they fill
 * the caches again that another side has used. A block ends when its results are there, wherever they are computed.
 */
export function loopOf(step: () => unknown, lead = 0): (iterations: number) => number {
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
  return make(step, process.hrtime.bigint, lead, finished) as (iterations: number) => number;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
