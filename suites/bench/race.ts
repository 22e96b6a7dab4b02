// Owns one race: contestants in alternating blocks within one run, timed by tinybench. It knows no op and no report.
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, type Task } from 'tinybench';
import { MIN_PAIRS } from './statistics.js';

/** One side of a race. A block is `iterations` calls; it answers with the nanoseconds that the block took. */
export interface Contestant {
  readonly name: string;
  /** In this process; absent for a side that lives elsewhere. */
  readonly step?: () => unknown;
  /** Elsewhere: runs a block there and returns its time as measured there. */
  readonly remote?: (iterations: number) => Promise<number>;
}

export interface RaceOptions {
  /** What the race may cost, in milliseconds of wall time. `MIN_PAIRS` rounds are run in any case. */
  readonly budgetMs: number;
  readonly maxRounds: number;
  /** Blocks are made at least this long, so that the timer and the pipe do not show. */
  readonly blockMs: number;
  readonly signal?: AbortSignal;
}

/** Nanoseconds per call of every block of one side, in the order of time. */
export interface Lane {
  readonly name: string;
  readonly iterations: number;
  readonly samples: number[];
  /** Why the side dropped out. */
  lost?: string;
}

interface Runner {
  readonly lane: Lane;
  readonly task: Task;
  readonly remote: boolean;
}

/**
 * Runs a race. The order of blocks is ABC CBA ABC …, so that no side is always first and a drift of the machine hits all
 * alike. A remote side that fails drops out with its reason; an error of the local side is thrown.
 */
export async function race(contestants: readonly Contestant[], options: RaceOptions): Promise<Lane[]> {
  const started = performance.now();
  const bench = new Bench({
    time: 0,
    iterations: 1,
    warmup: false,
    retainSamples: true,
    timestampProvider: 'hrtimeNow',
  });
  const runners: Runner[] = [];
  const lanes: Lane[] = [];
  for (const one of contestants) {
    const { lane, run } = await enter(one, options.blockMs);
    lanes.push(lane);
    if (run)
      runners.push({
        lane,
        task: addTask(bench, one.name, run, one.step === undefined),
        remote: one.step === undefined,
      });
  }
  for (let round = 0; round < Math.max(options.maxRounds, MIN_PAIRS); round += 1) {
    const spent = performance.now() - started;
    if (options.signal?.aborted || (round >= MIN_PAIRS && spent > options.budgetMs)) break;
    const active = runners.filter(({ lane }) => lane.lost === undefined);
    for (const runner of round % 2 === 0 ? active : active.reverse()) {
      await block(runner);
      if (!runner.remote) await settle();
    }
  }
  return lanes;
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

/** Nanoseconds of one block of the given side. */
type Block = () => number | Promise<number>;

async function enter(one: Contestant, blockMs: number): Promise<{ lane: Lane; run?: Block }> {
  if (one.step) {
    const local = loopOf(one.step);
    const iterations = await calibrate(async (count) => local(count), blockMs);
    await settle();
    return { lane: { name: one.name, iterations, samples: [] }, run: () => local(iterations) };
  }
  const { remote } = one;
  if (!remote) throw new Error(`contestant ${one.name} has neither a step nor a remote`);
  try {
    const iterations = await calibrate(remote, blockMs);
    return { lane: { name: one.name, iterations, samples: [] }, run: () => remote(iterations) };
  } catch (error) {
    return { lane: { name: one.name, iterations: 0, samples: [], lost: reasonOf(error) } };
  }
}

const WARM_CALLS = 3;
const MAX_ITERATIONS = 1_000_000;

/** How many calls fill a block. The first blocks also warm caches, pools and the JIT up. */
async function calibrate(block: (iterations: number) => Promise<number>, blockMs: number): Promise<number> {
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
 * cache, and the first row would look faster than the last.
 */
export function loopOf(step: () => unknown): (iterations: number) => number {
  const make = new Function(
    'step',
    'now',
    'return (n) => { const start = now(); for (let i = 0; i < n; i += 1) step(); return Number(now() - start); };',
  );
  return make(step, process.hrtime.bigint) as (iterations: number) => number;
}

function addTask(bench: Bench, name: string, run: Block, async: boolean): Task {
  // tinybench keeps one sample a block: milliseconds, the block's cost as measured where it ran.
  const timed = async ? async () => sample(await run()) : () => sample(run() as number);
  bench.add(name, timed, { async });
  return bench.getTask(name)!;
}

function sample(ns: number): { overriddenDuration: number; overriddenIterationCost: number } {
  return { overriddenDuration: ns / 1e6, overriddenIterationCost: ns / 1e6 };
}

async function block({ lane, task, remote }: Runner): Promise<void> {
  task.reset(false);
  if (remote) await task.run();
  else task.runSync();
  const { result } = task;
  if (result.state !== 'completed') {
    const error = 'error' in result ? result.error : new Error(`tinybench ended in state ${result.state}`);
    if (!remote) throw error;
    lane.lost = reasonOf(error);
    return;
  }
  lane.samples.push((result.latency.p50 * 1e6) / lane.iterations);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
