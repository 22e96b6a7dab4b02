// Child process of two builds: loads both, prepares a row on each, times batches alternately.
import { type ArrayValue, compareArrays } from '../common/compare.js';
import { answerRequests } from '../runner/forked.js';
import type { PackedSide } from './pack.js';
import type { PackedBuild, PairAnswer, PairRequest } from './pair-process.js';
import type { RowPlan } from './plan.js';
import { loopOf, processorMs, race } from './race.js';

/** A build in this process. */
interface Side {
  readonly module: PackedSide;
  readonly plans: ReadonlyMap<string, RowPlan>;
  readonly plant: number;
}

/** Two builds may round differently; that is the fixtures' business. */
const TOLERANCE = { rtol: 1e-4, atol: 1e-4, signedZero: 'any' as const };
/** The share of a block's calls that is made untimed before it. */
const LEAD = 1 / 8;
/** Of processor time. */
const WARM_MS = { least: 80, most: 400 } as const;
/** A row is warm when the later calls are no faster than the earlier ones by more than this. */
const STILL_FASTER = 0.98;

let sides: { readonly ours: Side; readonly theirs: Side } | undefined;

async function load({ module: file, addon, plant = 1 }: PackedBuild, quick: boolean): Promise<Side> {
  // The engine looks here once, when it loads.
  process.env.TORCHSTONE_ADDON = addon;
  const module = (await import(file)) as PackedSide;
  const mode = quick ? 'quick' : 'usual';
  const all = [...module.notebookRows(false, quick), ...module.sweepRows(quick), ...module.cpuRows(mode)];
  const plans = all.filter((plan) => plan.unavailable === undefined).map((plan) => [plan.id, plan] as const);
  return { module, plans: new Map(plans), plant };
}

/** A block of a prepared row; with a slowdown planted, more calls are made than are counted. */
function blockOf(step: () => unknown, plant: number): (calls: number) => number {
  const loop = loopOf(step, { lead: LEAD });
  let owed = 0;
  return (calls) => {
    owed += calls * (plant - 1);
    const extra = Math.floor(owed);
    owed -= extra;
    return loop(calls + extra);
  };
}

function prepare({ module, plans, plant }: Side, row: string, seed: number) {
  const plan = plans.get(row);
  if (plan === undefined) throw new Error(`this build has no row ${row}`);
  module.manualSeed(seed);
  const { step, output } = plan.prepare(new module.BenchInputs(seed, plan.id, undefined));
  return { block: blockOf(step, plant), output: output?.() };
}

/** Until the compiler has done its work: its first milliseconds are not a row's speed. */
function warm(blocks: readonly ((calls: number) => number)[]): void {
  const started = processorMs();
  const seen: { readonly at: number; readonly ns: number }[] = [];
  for (let calls = 1; ; ) {
    const ns = blocks.reduce((sum, block) => sum + block(calls), 0);
    const at = processorMs() - started;
    seen.push({ at, ns: ns / calls });
    if (at > WARM_MS.most) return;
    if (ns < 1e6) calls *= 2;
    if (at < WARM_MS.least) continue;
    const best = (from: number, to: number) =>
      Math.min(...seen.filter((one) => one.at >= from && one.at < to).map((one) => one.ns));
    if (best(0.6 * at, Number.POSITIVE_INFINITY) > STILL_FASTER * best(0, 0.6 * at)) return;
  }
}

async function loadBoth(request: Extract<PairRequest, { cmd: 'load' }>): Promise<PairAnswer> {
  const order = request.swapped ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const);
  const loaded: Partial<Record<'ours' | 'theirs', Side>> = {};
  for (const side of order) loaded[side] = await load(request[side], request.quick);
  const { ours, theirs } = loaded as Record<'ours' | 'theirs', Side>;
  sides = { ours, theirs };
  return { rows: [...ours.plans.keys()].filter((id) => theirs.plans.has(id)) };
}

async function raceRow(request: Extract<PairRequest, { cmd: 'race' }>): Promise<PairAnswer> {
  const { row, seed, swapped, blockMs, rounds, budgetMs } = request;
  if (sides === undefined) throw new Error('no builds are loaded');
  const names = swapped ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const);
  const [first, second] = names.map((name) => prepare(sides![name], row, seed));
  const { ok, compared, message } = agree(first!.output, second!.output);
  if (!ok) return { wrong: message, compared };
  warm([first!.block, second!.block]);
  const [a, b] = await race(
    [
      { name: names[0]!, block: first!.block },
      { name: names[1]!, block: second!.block },
    ],
    { budgetMs, maxRounds: rounds, blockMs, together: true },
  );
  return swapped ? { ours: b!, theirs: a!, compared } : { ours: a!, theirs: b!, compared };
}

/** Whether both builds gave the same; where a row has nothing to compare, nothing was. */
function agree(a: ArrayValue | undefined, b: ArrayValue | undefined) {
  if (a === undefined || b === undefined) return { ok: true, compared: 0, message: '' };
  return compareArrays(a, b, TOLERANCE, { what: 'result', ignoreDtype: true });
}

function answer(request: PairRequest): Promise<PairAnswer> {
  switch (request.cmd) {
    case 'load':
      return loadBoth(request);
    case 'race':
      return raceRow(request);
  }
}

answerRequests<PairRequest>(answer);
