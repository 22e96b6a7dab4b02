// One row of Torchstone, prepared: its step, the comparison of its result with a reference, its batches.
import { readFileSync } from 'node:fs';
import { manualSeed } from 'torchstone';
import { parseNpy } from 'torchstone/internals';
import type { Worst } from '../../reports/schema/index.js';
import { type ArrayValue, compareArrays, worstOf } from '../common/compare.js';
import { finished } from '../runner/device.js';
import { BenchInputs } from './inputs.js';
import { HitWatch } from './interference.js';
import type { Prepared, RowPlan } from './plan.js';
import { settle } from './quiesce.js';
import { type BlockTime, loopOf, processorMs } from './race.js';

/** Which row is to be made ready, and where the reference will look for its inputs; without a folder there is none. */
export interface RowOrder {
  readonly row: string;
  readonly seed: number;
  readonly folder?: string;
}

/** What is to be known of a row that is ready. */
export interface Readied extends Pick<Prepared, 'reference' | 'check'> {
  /** Whether there is a result to compare, and a time of launching to state apart. */
  readonly compares: boolean;
  readonly launches: boolean;
}

/** The comparison of our result with a reference's. */
export interface Compared {
  readonly agrees: boolean;
  readonly compared: number;
  readonly message?: string;
  readonly worst?: Worst;
}

/** The engine's side of a race, here or in a process of its own. */
export interface RowEngine {
  prepare(order: RowOrder): Promise<Readied>;
  /** Holds our result against the one in a .npy file. */
  compare(file: string): Promise<Compared>;
  /** Until the compiler has done its work. */
  warm(ms: number): Promise<void>;
  run(iterations: number): Promise<BlockTime>;
  launch(): Promise<{ launchNs: number; completionNs: number }>;
}

/** The engine of this process. */
export class EngineRow implements RowEngine {
  readonly #find: (row: string) => RowPlan;
  #plan: RowPlan | undefined;
  #prepared: Prepared | undefined;
  #loop: ((iterations: number) => Promise<BlockTime>) | undefined;

  constructor(find: (row: string) => RowPlan) {
    this.#find = find;
  }

  async prepare({ row, seed, folder }: RowOrder): Promise<Readied> {
    this.#plan = this.#find(row);
    manualSeed(seed);
    this.#prepared = this.#plan.prepare(new BenchInputs(seed, this.#plan.id, folder));
    const { step, reference, check, output, launch } = this.#prepared;
    this.#loop = blockHere(step);
    const told = { compares: output !== undefined, launches: launch !== undefined };
    return { reference, ...(check === undefined ? {} : { check }), ...told };
  }

  async compare(file: string): Promise<Compared> {
    const got = this.#ready.output!();
    const { tolerance } = this.#plan!;
    const allowed = { rtol: tolerance, atol: tolerance, signedZero: 'any' as const };
    // The dtype is the fixtures' business; here NumPy's int64 for our int64 indices is all that matters.
    const found = compareArrays(got, arrayFrom(file), allowed, { what: 'result', ignoreDtype: true });
    const worst = worstOf(found, 'result');
    return {
      agrees: found.ok,
      compared: found.compared,
      ...(found.ok ? {} : { message: found.message, ...(worst ? { worst } : {}) }),
    };
  }

  /** A step of a hundred calls of JavaScript is compiled late: its first milliseconds are not its speed. */
  async warm(ms: number): Promise<void> {
    const { step } = this.#ready;
    // Processor time: where other programs run, the compiler gets no more done in the same time on the wall.
    const started = processorMs();
    while (processorMs() - started < ms) step();
    finished();
    await settle();
  }

  async run(iterations: number): Promise<BlockTime> {
    if (this.#loop === undefined) throw new Error('no row is ready');
    return this.#loop(iterations);
  }

  async launch(): Promise<{ launchNs: number; completionNs: number }> {
    return this.#ready.launch!();
  }

  get #ready(): Prepared {
    if (this.#prepared === undefined) throw new Error('no row is ready');
    return this.#prepared;
  }
}

/** The array of a .npy file. */
export function arrayFrom(file: string): ArrayValue {
  const { data, shape, dtype } = parseNpy(readFileSync(file), file);
  return { data: data as ArrayValue['data'], shape, dtype };
}

/** Blocks of a step in this process: timed, with what hit them, and quiet before the other side's turn. */
export function blockHere(step: () => unknown): (iterations: number) => Promise<BlockTime> {
  const loop = loopOf(step, { done: finished });
  return async (iterations) => {
    const watch = new HitWatch();
    try {
      const before = watch.read();
      const ns = loop(iterations);
      const after = watch.read();
      const [marks = []] = await watch.marks([[before, after]]);
      await settle();
      return { ns, marks };
    } finally {
      watch.close();
    }
  };
}
