// The bench suite: the notebook's timings, the op sweep and the memory figures, in order and within a time limit.
import { cuda } from 'torchstone';
import {
  type BenchRow,
  type Blocks,
  type Calibration,
  type CaseResult,
  type Ceiling,
  type MemoryFigure,
  nothingToRun,
  type SuiteResult,
} from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { type Suite, type SuiteOptions, suiteResult } from '../common/suite.js';
import { racePeers } from '../peers/race.js';
import { driftNote, saveBaseline, savedBaseline } from './baselines.js';
import { otherBuild, thisBuild } from './builds.js';
import { measureCeilings, raisedBy } from './ceilings.js';
import { measureT2, T2_MEMORY } from './cpu-memory.js';
import { cpuRows, type Mode } from './cpu-rows.js';
import { meanOf, meanRow } from './cpu-sweep.js';
import { CUDA_MEAN_RATIO, cudaRows } from './cuda-rows.js';
import { decide, evidence } from './decision.js';
import { blocksNote, countBlocks, quietSamples } from './interference.js';
import { type MemoryTask, measureMemory, memoryTasks } from './memory.js';
import { notebookRows } from './notebook-rows.js';
import type { RowPlan } from './plan.js';
import { isNarrow, pooledRounds, ROUNDS } from './rounds.js';
import { scalingFits } from './scaling.js';
import { familyOf, type RowOutcome, Session } from './session.js';
import { logRatios } from './statistics.js';
import { sweepRows } from './sweep.js';
import { calibrate, raceBuilds } from './versus.js';

/** Timings against NumPy and PyTorch, and measured memory. */
export const benchSuite: Suite = { name: 'bench', run };

/** What all rows together may take, in seconds; the memory figures come on top. */
const TOTAL_S = { quick: 12, usual: 110, full: 3600 } as const;
const CPU_TOTAL_S = { quick: 40, usual: 200, full: 1200 } as const;
/** Time on a card is short, and its clock steady. */
const CUDA_TOTAL_S = { quick: 20, usual: 60, full: 1200 } as const;
const ROW_MS = { quick: 300, usual: 2500, full: 60_000 } as const;
const LEAST_ROW_MS = 250;
/** What measuring narrow rows again may take on top, in seconds a round. */
const ROUND_S = 30;

async function run(options: SuiteOptions): Promise<SuiteResult> {
  const result = await runRows(options);
  if (!options.saveBaseline) return result;
  const note =
    result.counts.failed + result.counts.errors > 0 || options.signal.aborted
      ? 'No baseline is saved: a build with wrong results, or half a run, is none.'
      : `Saved as this machine's baseline: ${await saveBaseline(result.rows ?? [])}.`;
  return { ...result, notes: [...(result.notes ?? []), note] };
}

async function runRows(options: SuiteOptions): Promise<SuiteResult> {
  const started = performance.now();
  const mode: Mode = options.full ? 'full' : options.quick ? 'quick' : 'usual';
  const matches = idMatcher(options.filter);
  if (options.peers !== undefined) return racePeers(options);
  if (options.build !== undefined) return runBuilds(options.build, options, started);
  if (options.rows === 'cpu') return runCpu(options, mode, started);
  if (options.rows === 'cuda') return runCuda(options, mode, started);
  const wanted = options.rows ?? 'all';
  const plans = [...notebookRows(mode === 'full', mode === 'quick'), ...sweepRows(mode === 'quick')].filter(
    (plan) => (wanted === 'all' || wanted === plan.kind) && matches(plan.id),
  );
  const tasks = memoryTasks(mode === 'quick').filter(
    (task) => wanted !== 'sweep' && matches(`memory/${task.id}`),
  );
  begin(options, plans.length + tasks.length);
  // Memory first: after the races the machine's caches are full and nothing would be fresh but the process.
  const memory = await runMemory(tasks, options);
  const raced = await raceRows(plans, options, mode, TOTAL_S[mode]);
  const { rows, calibration, blocks, notes } = await judge(raced, options);
  finish(options, rows, memory);
  return suiteResult('bench', raced.cases, (performance.now() - started) / 1000, {
    rows,
    memory,
    calibration,
    blocks,
    fits: scalingFits(rows),
    notes: [...sizeNotes(mode), ...notes],
  });
}

/** Another build of the engine against this one. */
async function runBuilds(spec: string, options: SuiteOptions, started: number): Promise<SuiteResult> {
  const { progress, signal, seed, quick = false } = options;
  const matches = idMatcher(options.filter);
  const saved = spec === 'baseline' ? await savedBaseline() : undefined;
  const theirs = saved?.build ?? (await otherBuild(spec, (text) => progress.note(text)));
  const wanted = options.rows ?? 'sweep';
  const { rows, cases } = await raceBuilds({
    ours: thisBuild(),
    theirs,
    reference: saved ? 'baseline' : 'build',
    rows: (id) => (wanted === 'all' || id.startsWith(`${wanted}/`)) && matches(id),
    ...{ seed, quick, signal },
    begin: (rows) => begin(options, rows),
    step: (id, failed) => progress.step(id, failed),
  });
  progress.end(`${rows.length} rows against ${theirs.label}`);
  const calibration = signal.aborted ? [] : await calibrate(1, { seed, quick, signal });
  const strayed = calibration.some(({ verdict }) => verdict === 'faster' || verdict === 'slower');
  return suiteResult('bench', cases, (performance.now() - started) / 1000, {
    rows: strayed ? rows.map(undecided) : rows,
    calibration,
    notes: [
      `Raced against ${theirs.label}, each row in several processes that hold both builds.`,
      ...(strayed
        ? ['This build came out different from itself, so that no verdict of this run is believed.']
        : []),
      ...(saved ? driftNote(saved.baseline, rows) : []),
      ...calibrationNote(calibration),
    ],
  });
}

/** A row of a run whose A/A races went wrong. */
function undecided(row: BenchRow): BenchRow {
  const { decision, required, ...rest } = row;
  if (decision === undefined) return row;
  return {
    ...rest,
    decision: { ...decision, verdict: 'inconclusive' },
    ...(required === undefined ? {} : { required: { ...required, held: true } }),
  };
}

function evidenceOf({ ours, theirs }: BenchRow) {
  if (theirs === undefined) return undefined;
  const quiet = quietSamples(ours, theirs);
  return evidence(logRatios(quiet.ours, quiet.theirs));
}

/**
 * The verdicts of a run, with what this build's races against `itself` say of their trust. On a card there are none: they race
 * builds of the CPU's kernels, and pack them with what only a working tree has.
 */
async function judge(
  { rows, notes }: { rows: readonly BenchRow[]; notes: readonly string[] },
  options: SuiteOptions,
  itself = true,
): Promise<{ rows: BenchRow[]; calibration: Calibration[]; blocks: Blocks; notes: string[] }> {
  const raced = itself && rows.some((row) => row.ratio !== undefined) && !options.signal.aborted;
  const calibration = raced
    ? await calibrate(1, { seed: options.seed, quick: options.quick ?? false, signal: options.signal })
    : [];
  const bias = Math.max(0, ...calibration.map(({ ratio }) => Math.abs(Math.log(ratio.median))));
  const decided = decide(rows, evidenceOf, { bias });
  const blocks = countBlocks(rows);
  const told = [...notes, ...blocksNote(blocks), ...calibrationNote(calibration)];
  return { rows: decided, calibration, blocks, notes: told };
}

function calibrationNote(calibration: readonly Calibration[]): string[] {
  if (calibration.length === 0) return [];
  const texts = calibration.map(
    ({ id, ratio: { median, low, high } }) =>
      `${id} ${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
  );
  return [`This build against itself, where 1 is right: ${texts.join(', ')}.`];
}

/** The table of ratios that the CPU backend must reach, with the ceilings of this machine. */
async function runCpu(options: SuiteOptions, mode: Mode, started: number): Promise<SuiteResult> {
  const matches = idMatcher(options.filter);
  const plans = cpuRows(mode).filter((plan) => matches(plan.id));
  const memory: MemoryFigure[] = [];
  const cases: CaseResult[] = [];
  const withMemory = matches(T2_MEMORY);
  begin(options, plans.length + (withMemory ? 1 : 0));
  if (withMemory) {
    const peak = await measureT2(options.python, options.signal);
    if ('figure' in peak) memory.push(peak.figure);
    else cases.push(peak.skipped);
    options.progress.step(T2_MEMORY, 'figure' in peak && !peak.figure.held);
  }
  const ceilings: Ceiling[] = plans.length > 0 ? measureCeilings(mode === 'quick') : [];
  const raced = await raceRows(plans, options, mode, CPU_TOTAL_S[mode]);
  const mean = meanRow(raced.rows, mode);
  const judged = await judge(raced, options);
  const rows = mean ? [...judged.rows, mean] : judged.rows;
  finish(options, rows, memory);
  return suiteResult('bench', [...cases, ...raced.cases], (performance.now() - started) / 1000, {
    rows,
    memory,
    ceilings: raisedBy(ceilings, rows),
    calibration: judged.calibration,
    blocks: judged.blocks,
    fits: scalingFits(rows),
    notes: [...cpuSizeNotes(mode), ...judged.notes],
  });
}

/** The ratios that the CUDA backend must reach on the card of this run, and the memory that a training loop keeps there. */
async function runCuda(options: SuiteOptions, mode: Mode, started: number): Promise<SuiteResult> {
  const matches = idMatcher(options.filter);
  const all = cudaRows(mode);
  const plans = all.filter((plan) => matches(plan.id));
  const tasks = memoryTasks(mode === 'quick').filter(({ id }) => id === 'steps' && matches(`memory/${id}`));
  begin(options, plans.length + tasks.length);
  const memory = await runMemory(tasks, options);
  const raced = await raceRows(plans, options, mode, CUDA_TOTAL_S[mode], mode === 'full');
  const sweep = all.filter(({ id }) => id.startsWith('cuda/sweep/')).length;
  const mean = meanOf(raced.rows, 'cuda', sweep, CUDA_MEAN_RATIO);
  const judged = await judge(raced, options, false);
  const rows = mean ? [...judged.rows, mean] : judged.rows;
  finish(options, rows, memory);
  return suiteResult('bench', raced.cases, (performance.now() - started) / 1000, {
    rows,
    memory,
    calibration: judged.calibration,
    blocks: judged.blocks,
    notes: [`On ${cuda.getDeviceName()}, TF32 ${cuda.isTf32Allowed() ? 'allowed' : 'off'}.`, ...judged.notes],
  });
}

function begin({ filter, progress }: SuiteOptions, steps: number): void {
  if (steps === 0) throw nothingToRun(`no row matches the filter '${filter}'`);
  progress.begin('bench', steps);
}

function finish(
  { progress }: SuiteOptions,
  rows: readonly BenchRow[],
  memory: readonly MemoryFigure[],
): void {
  const short = rows.filter((row) => row.required && !row.required.held).length;
  progress.end(
    `${rows.length} rows, ${memory.length} memory figures${short > 0 ? `, ${short} below what is required` : ''}`,
  );
}

interface Raced {
  readonly rows: BenchRow[];
  readonly cases: CaseResult[];
  readonly notes: readonly string[];
}

/** Races the rows, family by family, and `again` the narrow ones; told in the order of the plans. */
async function raceRows(
  plans: readonly RowPlan[],
  options: SuiteOptions,
  mode: Mode,
  totalS: number,
  again = mode !== 'quick',
): Promise<Raced> {
  const session = new Session(options, mode);
  const found = new Map<string, RowOutcome>();
  try {
    await raceOnce(byFamily(plans), session, totalS, mode, options, (plan, done) => {
      found.set(plan.id, done);
      const failed = done.cases.some((one) => one.status === 'fail' || one.status === 'error');
      options.progress.step(plan.id, failed);
    });
    if (again) await raceNarrow(plans, found, session, mode, options);
  } finally {
    await session.close();
  }
  const done = plans.flatMap(({ id }) => found.get(id) ?? []);
  return {
    rows: done.flatMap((one) => one.rows),
    cases: done.flatMap((one) => one.cases),
    notes: session.notes,
  };
}

/** The rows of a family one after another, so that they share a process. */
function byFamily(plans: readonly RowPlan[]): RowPlan[] {
  const order = [...new Set(plans.map(familyOf))];
  return [...plans].sort((a, b) => order.indexOf(familyOf(a)) - order.indexOf(familyOf(b)));
}

async function raceOnce(
  plans: readonly RowPlan[],
  session: Session,
  totalS: number,
  mode: Mode,
  { signal }: SuiteOptions,
  take: (plan: RowPlan, done: RowOutcome) => void,
): Promise<void> {
  const deadline = performance.now() + totalS * 1000;
  for (const [at, plan] of plans.entries()) {
    if (signal.aborted) return;
    const share = Math.max(0, deadline - performance.now()) / (plans.length - at);
    take(plan, await session.row(plan, Math.max(LEAST_ROW_MS, Math.min(ROW_MS[mode], share))));
  }
}

/** Measures rows near their limit again, each round in fresh processes, and pools their rounds. */
async function raceNarrow(
  plans: readonly RowPlan[],
  found: Map<string, RowOutcome>,
  session: Session,
  mode: Mode,
  options: SuiteOptions,
): Promise<void> {
  const narrow = plans.filter(({ id }) => found.get(id)?.rows.some(isNarrow));
  if (narrow.length === 0) return;
  options.progress.note(`${narrow.length} rows are near their limit and are measured again`);
  const rounds = new Map(narrow.map(({ id }) => [id, [found.get(id)!]]));
  for (let round = 1; round < ROUNDS; round += 1) {
    await session.renew();
    await raceOnce(narrow, session, ROUND_S, mode, options, (plan, done) => {
      rounds.get(plan.id)!.push(done);
    });
  }
  for (const [id, [first, ...more]] of rounds) {
    const rows = first!.rows.map((row) =>
      pooledRounds([row, ...more.flatMap((one) => one.rows.filter((other) => other.id === row.id))]),
    );
    const failed = more.flatMap((one) => one.cases.filter(({ status }) => status !== 'pass'));
    found.set(id, { rows, cases: failed.length > 0 ? failed.slice(0, 1) : first!.cases });
  }
}

async function runMemory(tasks: readonly MemoryTask[], options: SuiteOptions): Promise<MemoryFigure[]> {
  const memory: MemoryFigure[] = [];
  for (const task of tasks) {
    if (options.signal.aborted) break;
    const figure = await measureMemory(task, options.signal);
    memory.push(figure);
    options.progress.step(figure.id, !figure.held);
  }
  return memory;
}

function sizeNotes(mode: Mode): string[] {
  if (mode === 'full') return [];
  const which = mode === 'quick' ? 'A quick run: small sizes and few blocks' : 'Sizes for a laptop';
  return [`${which}; --full runs the notebook's own sizes.`];
}

function cpuSizeNotes(mode: Mode): string[] {
  if (mode === 'full') return [];
  return mode === 'quick'
    ? ['A quick run: few sizes and few blocks, no torch.compile.']
    : ['Without 10⁸ elements and 4096 × 4096, which --full adds.'];
}
