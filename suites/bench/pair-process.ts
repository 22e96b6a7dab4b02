// Parent side of a process that holds two builds. Whatever happens to it is an error with a reason.
import { Forked } from '../runner/forked.js';
import type { Lane } from './race.js';

/** A build as its process loads it: see pack.ts. */
export interface PackedBuild {
  readonly module: string;
  readonly addon: string;
  /** For trials of the bench itself: the calls made for each that is counted. */
  readonly plant?: number;
}

/** What the process is asked. */
export type PairRequest =
  | {
      readonly cmd: 'load';
      readonly ours: PackedBuild;
      readonly theirs: PackedBuild;
      /** Theirs goes first. */
      readonly swapped: boolean;
      readonly quick: boolean;
    }
  | {
      readonly cmd: 'race';
      readonly row: string;
      readonly seed: number;
      readonly swapped: boolean;
      readonly blockMs: number;
      readonly rounds: number;
      readonly budgetMs: number;
    };

/** One row's race: both lanes, or why the results differ. */
export type Raced =
  | { readonly ours: Lane; readonly theirs: Lane; readonly compared: number }
  | { readonly wrong: string; readonly compared: number };

export type PairAnswer = { readonly rows: string[] } | Raced;

const ANSWER_MS = 120_000;
/** V8's own threads would run on the second processor, into the second thread of a row. Both sides go without. */
const V8_FLAGS = ['--single-threaded'];

/** A running pair of builds. */
export class PairProcess {
  readonly #process: Forked;

  /** `entry`: the packed worker. */
  constructor(entry: string) {
    this.#process = new Forked({
      label: "the builds' process",
      entry,
      execArgv: V8_FLAGS,
      answerMs: ANSWER_MS,
    });
  }

  /** Why it can answer no more. */
  get dead(): string | undefined {
    return this.#process.dead;
  }

  /** Loads both builds; the rows that both can run. */
  async load(request: Omit<Extract<PairRequest, { cmd: 'load' }>, 'cmd'>): Promise<string[]> {
    return (await this.#process.request({ cmd: 'load', ...request })).rows as string[];
  }

  async race(request: Omit<Extract<PairRequest, { cmd: 'race' }>, 'cmd'>): Promise<Raced> {
    return (await this.#process.request({ cmd: 'race', ...request })) as unknown as Raced;
  }

  close(): void {
    this.#process.close();
  }
}
