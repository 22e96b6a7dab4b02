// A/B benchmark of two builds. Both live in one process, so that batches of a millisecond alternate under the same
// load; several short-lived processes, because code and data lie elsewhere in each, which moves a row by per cents. A
// process's log-ratio is one observation.
import {
  type BenchRow,
  type Calibration,
  CannotRunError,
  type CaseResult,
  type Mark,
} from '../../reports/schema/index.js';
import { type Build, readied, thisBuild } from './builds.js';
import { decide, decidePooled, type Evidence, evidence, ratioOf } from './decision.js';
import { uniformStream } from './inputs.js';
import { keptPairs } from './interference.js';
import { packedWorker } from './pack.js';
import { type PackedBuild, PairProcess, type Raced } from './pair-process.js';
import type { Lane } from './race.js';
import { MIN_PAIRS, median, quartile, trimmedMean } from './statistics.js';

/** How much is measured; six processes are the least for an interval. */
const EFFORT = {
  quick: { launches: 6, rounds: 30, budgetMs: 200 },
  usual: { launches: 8, rounds: 60, budgetMs: 400 },
} as const;
/** Long enough that the caches are warm for most of it, short enough that one turn of the scheduler hits few. */
const BLOCK_MS = 0.5;
/** A row that ends its process this often is left alone. */
const MOST_DEATHS = 2;

/** What is raced. */
export interface Versus {
  readonly ours: Build;
  readonly theirs: Build;
  /** What the other build is called in ids. */
  readonly reference: 'build' | 'baseline';
  readonly rows: (id: string) => boolean;
  readonly seed: number;
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly step: (id: string, failed: boolean) => void;
  readonly begin: (rows: number) => void;
}

/** One side's blocks of a row, over all processes. */
interface Blocks {
  readonly samples: number[];
  readonly atMs: number[];
  readonly marks: { sample: number; by: Mark[] }[];
}

/** One row's evidence so far. */
interface Tally {
  readonly ours: Blocks;
  readonly theirs: Blocks;
  /** One log-ratio for each process, by its number. */
  readonly launches: Map<number, number>;
  wrong?: string;
  lost?: string;
  deaths: number;
  compared: number;
}

/** Races every row that both builds have; the first row of the result is what all of them say together. */
export async function raceBuilds(versus: Versus): Promise<{ rows: BenchRow[]; cases: CaseResult[] }> {
  const { launches } = EFFORT[versus.quick ? 'quick' : 'usual'];
  const sides = { ours: await readied(versus.ours, 'ours'), theirs: await readied(versus.theirs, 'theirs') };
  const tallies = new Map<string, Tally>();
  for (let launch = 0; launch < launches && !versus.signal.aborted; launch += 1)
    await new Launch(launch, versus, sides, tallies).run();
  const found = new Map(
    [...tallies].map(([id, one]) => [`${id}/${versus.reference}`, evidence([...one.launches.values()])]),
  );
  const rows = [...tallies].map(([id, tally]) =>
    rowOf(id, tally, found.get(`${id}/${versus.reference}`), versus),
  );
  const pooled = pool([...tallies.values()], versus);
  const decided = decide(rows, (row) => found.get(row.id), { pooled: pooled !== undefined });
  return {
    rows: [...(pooled ? [pooled] : []), ...decided].map(required),
    cases: [...tallies].map(([id, tally]) => caseOf(`${id}/${versus.reference}`, tally)),
  };
}

/** One short life of both builds. */
class Launch {
  readonly #number: number;
  readonly #versus: Versus;
  readonly #sides: { readonly ours: PackedBuild; readonly theirs: PackedBuild };
  readonly #tallies: Map<string, Tally>;
  #pair: PairProcess | undefined;

  constructor(
    number: number,
    versus: Versus,
    sides: { readonly ours: PackedBuild; readonly theirs: PackedBuild },
    tallies: Map<string, Tally>,
  ) {
    this.#number = number;
    this.#versus = versus;
    this.#sides = sides;
    this.#tallies = tallies;
  }

  async run(): Promise<void> {
    const { seed, rows: wanted, begin, quick, signal, step } = this.#versus;
    try {
      const rows = (await this.#start()).filter(wanted);
      if (this.#number === 0) begin(rows.length * EFFORT[quick ? 'quick' : 'usual'].launches);
      for (const [at, row] of shuffled(rows, seed + this.#number).entries()) {
        if (signal.aborted) break;
        const tally = tallyOf(this.#tallies, row);
        if (tally.wrong === undefined && tally.deaths < MOST_DEATHS) await this.#race(row, at, tally);
        step(row, tally.wrong !== undefined);
      }
    } finally {
      this.#pair?.close();
    }
  }

  async #start(): Promise<string[]> {
    this.#pair = new PairProcess(await packedWorker());
    try {
      const swapped = this.#number % 2 === 1;
      return await this.#pair.load({ ...this.#sides, swapped, quick: this.#versus.quick });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new CannotRunError(`the two builds do not load side by side: ${text}`, { cause: error });
    }
  }

  async #race(row: string, at: number, tally: Tally): Promise<void> {
    const { seed, quick } = this.#versus;
    const { rounds, budgetMs } = EFFORT[quick ? 'quick' : 'usual'];
    try {
      if (this.#pair?.dead !== undefined) await this.#start();
      // Each side is first every other time, whatever else changes from process to process.
      const swapped = (this.#number + at) % 2 === 1;
      const raced = await this.#pair!.race({ row, seed, swapped, rounds, budgetMs, blockMs: BLOCK_MS });
      take(tally, this.#number, raced);
    } catch (error) {
      if (this.#pair?.dead !== undefined) tally.deaths += 1;
      tally.lost = error instanceof Error ? error.message : String(error);
    }
  }
}

function tallyOf(tallies: Map<string, Tally>, row: string): Tally {
  const known = tallies.get(row);
  if (known !== undefined) return known;
  const blocks = (): Blocks => ({ samples: [], atMs: [], marks: [] });
  const made = { ours: blocks(), theirs: blocks(), launches: new Map(), deaths: 0, compared: 0 };
  tallies.set(row, made);
  return made;
}

/** Rows before a row leave their mark on its speed: in every process they are others. */
function shuffled(rows: readonly string[], seed: number): string[] {
  const random = uniformStream(seed);
  return rows
    .map((row) => [random(), row] as const)
    .sort(([a], [b]) => a - b)
    .map(([, row]) => row);
}

function take(tally: Tally, launch: number, raced: Raced): void {
  tally.compared += raced.compared;
  if ('wrong' in raced) {
    tally.wrong = raced.wrong;
    return;
  }
  const { ours, theirs } = raced;
  const kept = keptPairs(ours.marks, theirs.marks, MIN_PAIRS);
  const low = (lane: Lane) => quartile(kept.map((i) => lane.samples[i]!));
  tally.launches.set(launch, Math.log(low(theirs) / low(ours)));
  append(tally.ours, ours);
  append(tally.theirs, theirs);
}

function append(blocks: Blocks, lane: Lane): void {
  const from = blocks.samples.length;
  // What lies between two processes is not told: they follow one another.
  const before = blocks.atMs.at(-1) ?? 0;
  blocks.samples.push(...lane.samples);
  blocks.atMs.push(...lane.atMs.map((ms) => before + ms));
  for (const [i, by] of lane.marks.entries()) if (by.length > 0) blocks.marks.push({ sample: from + i, by });
}

/** The row of what all rows say together. */
export const ALL_ROWS = 'all-rows';

/** The rows that every process ran, pooled: for each process the middle of their log-ratios, and from those a verdict. */
function pool(tallies: readonly Tally[], { reference, theirs }: Versus): BenchRow | undefined {
  const most = Math.max(0, ...tallies.map((one) => one.launches.size));
  const whole = tallies.filter((one) => one.launches.size === most && one.wrong === undefined);
  if (whole.length < 2) return undefined;
  const values = [...whole[0]!.launches.keys()].flatMap((launch) => {
    const logs = whole.flatMap((one) => one.launches.get(launch) ?? []);
    return logs.length === whole.length ? [trimmedMean(logs)] : [];
  });
  const found = evidence(values);
  if (found === undefined) return undefined;
  return {
    id: `${ALL_ROWS}/${reference}`,
    group: 'builds',
    label: 'all rows together',
    ...{ reference, against: theirs.label, correct: 'unchecked' },
    ours: { medianNs: 0, samples: [] },
    ratio: ratioOf(found),
    decision: decidePooled(found),
    note: `the middle of ${whole.length} rows, in each of ${values.length} processes`,
  };
}

function rowOf(
  id: string,
  tally: Tally,
  found: Evidence | undefined,
  { reference, theirs: { label: against } }: Versus,
): BenchRow {
  const wrong = tally.wrong !== undefined;
  const withheld = wrong
    ? `the builds' results differ: ${tally.wrong}`
    : found === undefined
      ? (tally.lost ?? 'too few processes')
      : undefined;
  const timing = ({ samples, ...more }: Blocks) => ({
    ...{ medianNs: samples.length > 0 ? median(samples) : 0, samples },
    ...more,
  });
  return {
    id: `${id}/${reference}`,
    group: 'builds',
    label: id,
    reference,
    against,
    ours: wrong ? { medianNs: 0, samples: [] } : timing(tally.ours),
    ...(wrong ? {} : { theirs: timing(tally.theirs) }),
    ...(found === undefined || wrong ? {} : { ratio: ratioOf(found) }),
    correct: wrong ? false : tally.compared > 0 ? true : 'unchecked',
    ...(withheld === undefined ? {} : { withheld }),
  };
}

/** A build must not be slower than the one that it is held against. */
function required(row: BenchRow): BenchRow {
  return row.decision ? { ...row, required: { ratio: 1, held: row.decision.verdict !== 'slower' } } : row;
}

function caseOf(id: string, tally: Tally): CaseResult {
  const status = tally.wrong !== undefined ? 'fail' : tally.compared > 0 ? 'pass' : 'skip';
  return {
    id,
    suite: 'bench',
    status,
    ...(tally.wrong === undefined ? {} : { message: tally.wrong }),
    ...(status === 'skip' ? { reason: tally.lost ?? 'nothing to compare' } : {}),
    seconds: 0,
    compared: tally.compared,
    checks: { values: status },
  };
}

/** Rows of different make, of some microseconds each: the call path, arithmetic, rows, order. */
export const TRIAL_ROWS = [
  'sweep/add/1000@float32',
  'sweep/exp/1000@float32',
  'sweep/tanh/1000@float32',
  'sweep/softmax/1000@float32',
  'sweep/sort/1000@float32',
  'sweep/cumsum/1000@float32',
] as const;
/** Enough of them to say in any run how far this machine strays. */
const SHORT_TRIAL = TRIAL_ROWS.slice(1, 4);

/** This build against itself, with `plant` calls on our side for each one counted. */
export async function calibrate(
  plant: number,
  versus: Pick<Versus, 'seed' | 'quick' | 'signal'> & { readonly rows?: readonly string[] },
): Promise<Calibration[]> {
  const wanted = versus.rows ?? SHORT_TRIAL;
  const { rows } = await raceBuilds({
    ...versus,
    quick: versus.rows === undefined || versus.quick,
    ours: { ...thisBuild(), plant },
    theirs: thisBuild(),
    reference: 'build',
    rows: (id) => wanted.includes(id),
    begin: () => {},
    step: () => {},
  });
  return rows.flatMap(({ id, ratio, decision }) =>
    ratio && decision
      ? [{ id: id.replace(/\/build$/, ''), ratio, planted: plant, verdict: decision.verdict }]
      : [],
  );
}
