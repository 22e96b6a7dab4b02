// Owns the race of two builds of the engine: each row in several pairs of fresh processes, for two processes of the very same
// build differ by a percent or two (addresses, cache colours), and blocks within a process do not show that.
import { compareArrays } from '../compare.js';
import type { BenchRow, Calibration, CaseResult, Ratio } from '../results.js';
import { decide, type Evidence, evidence } from './decision.js';
import { type Build, EngineProcess } from './engine-process.js';
import { type Contestant, race } from './race.js';
import { logRatios, median } from './statistics.js';

/** Pairs of processes; six are the least for an interval. */
const LAUNCHES = { quick: 6, usual: 8 } as const;
const ROUNDS = { quick: 6, usual: 8 } as const;
const BLOCK_MS = 3;
const ROW_MS = 900;
/** Two builds may round differently; that is the fixtures' business. */
const TOLERANCE = { rtol: 1e-4, atol: 1e-4, signedZero: 'any' as const };

/** What is raced. */
export interface Versus {
  readonly ours: Build;
  readonly theirs: Build;
  readonly rows: (id: string) => boolean;
  readonly seed: number;
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly step: (id: string, failed: boolean) => void;
  readonly begin: (rows: number) => void;
}

/** One row's evidence so far. */
interface Tally {
  readonly ours: number[];
  readonly theirs: number[];
  /** One log-ratio of medians a pair of processes. */
  readonly launches: number[];
  wrong?: string;
  lost?: string;
  compared: number;
}

/** Races every row that both builds have. */
export async function raceBuilds(versus: Versus): Promise<{ rows: BenchRow[]; cases: CaseResult[] }> {
  const launches = versus.quick ? LAUNCHES.quick : LAUNCHES.usual;
  const tallies = new Map<string, Tally>();
  for (let launch = 0; launch < launches && !versus.signal.aborted; launch += 1) {
    const pair = start(versus, launch);
    try {
      const rows = await shared(pair, versus.rows);
      if (launch === 0) versus.begin(rows.length * launches);
      for (const row of rows) {
        if (versus.signal.aborted) break;
        const tally = tallies.get(row) ?? { ours: [], theirs: [], launches: [], compared: 0 };
        tallies.set(row, tally);
        if (tally.wrong === undefined) await onePair(row, pair, tally, versus);
        versus.step(row, tally.wrong !== undefined);
      }
    } finally {
      for (const one of pair) one.close();
    }
  }
  const found = new Map([...tallies].map(([id, tally]) => [`${id}/build`, evidence(tally.launches)]));
  const rows = [...tallies].map(([id, tally]) =>
    rowOf(id, tally, found.get(`${id}/build`), versus.theirs.label),
  );
  const decided = decide(rows, (row) => found.get(row.id)).map(required);
  return { rows: decided, cases: [...tallies].map(([id, tally]) => caseOf(id, tally)) };
}

type Pair = readonly [ours: EngineProcess, theirs: EngineProcess];

/** Each side is started first every other time. */
function start({ ours, theirs, quick }: Versus, launch: number): Pair {
  if (launch % 2 === 0) {
    const first = new EngineProcess(ours, quick);
    return [first, new EngineProcess(theirs, quick)];
  }
  const second = new EngineProcess(theirs, quick);
  return [new EngineProcess(ours, quick), second];
}

async function shared([ours, theirs]: Pair, wanted: Versus['rows']): Promise<string[]> {
  const known = new Set(await theirs.rows());
  return (await ours.rows()).filter((id) => known.has(id) && wanted(id));
}

async function onePair(row: string, [ours, theirs]: Pair, tally: Tally, versus: Versus): Promise<void> {
  try {
    const [got, want] = [await ours.prepare(row, versus.seed), await theirs.prepare(row, versus.seed)];
    if (got !== undefined && want !== undefined) {
      const compared = compareArrays(got, want, TOLERANCE, { what: 'result', ignoreDtype: true });
      tally.compared += compared.compared;
      if (!compared.ok) {
        tally.wrong = compared.message;
        return;
      }
    }
    const lanes = await race([contestant('ours', ours), contestant('theirs', theirs)], {
      budgetMs: ROW_MS,
      maxRounds: versus.quick ? ROUNDS.quick : ROUNDS.usual,
      blockMs: BLOCK_MS,
      signal: versus.signal,
    });
    const lost = lanes.find((lane) => lane.lost !== undefined)?.lost;
    if (lost !== undefined) throw new Error(lost);
    const [a, b] = [lanes[0]!.samples, lanes[1]!.samples];
    tally.ours.push(...a);
    tally.theirs.push(...b);
    tally.launches.push(median(logRatios(a, b)));
  } catch (error) {
    tally.lost = error instanceof Error ? error.message : String(error);
  }
}

function contestant(name: string, engine: EngineProcess): Contestant {
  return { name, remote: (iterations) => engine.run(iterations) };
}

/** The ratio theirs ÷ ours with its 95 % interval. */
export function ratioOf({ centre, half }: Evidence): Ratio {
  return { median: Math.exp(centre), low: Math.exp(centre - half), high: Math.exp(centre + half) };
}

function rowOf(id: string, tally: Tally, found: Evidence | undefined, against: string): BenchRow {
  const wrong = tally.wrong !== undefined;
  const withheld = wrong
    ? `the builds' results differ: ${tally.wrong}`
    : found === undefined
      ? (tally.lost ?? 'too few pairs of processes')
      : undefined;
  const timing = (samples: number[]) => ({ medianNs: samples.length > 0 ? median(samples) : 0, samples });
  return {
    id: `${id}/build`,
    group: 'builds',
    label: id,
    reference: 'build',
    against,
    ours: timing(wrong ? [] : tally.ours),
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
    id: `${id}/build`,
    suite: 'bench',
    status,
    ...(tally.wrong === undefined ? {} : { message: tally.wrong }),
    ...(status === 'skip' ? { reason: tally.lost ?? 'nothing to compare' } : {}),
    seconds: 0,
    compared: tally.compared,
    checks: { values: status },
  };
}

/** Rows of different make: the call path, arithmetic in cache, two threads. */
const CALIBRATED = ['sweep/add/1000@float32', 'sweep/exp/1000@float32', 'sweep/sum/100000@float32'] as const;

/** The same build against itself, with `plant` calls on the other side for each one counted. */
export async function calibrate(
  plant: number,
  versus: Pick<Versus, 'seed' | 'quick' | 'signal'>,
): Promise<Calibration[]> {
  const wanted: readonly string[] = versus.quick ? CALIBRATED.slice(0, 1) : CALIBRATED;
  const { rows } = await raceBuilds({
    ...versus,
    // Eight pairs of processes would cost more than they tell here.
    quick: true,
    ours: { label: 'this build' },
    theirs: { label: 'this build again', plant },
    rows: (id) => wanted.includes(id),
    begin: () => {},
    step: () => {},
  });
  return rows.flatMap(({ id, ratio, decision }) =>
    ratio && decision ? [{ id, ratio, planted: plant, verdict: decision.verdict }] : [],
  );
}
