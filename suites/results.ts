// The only schema of what a run produced, and the interface every suite implements.
// Suites yield these objects, reports are functions of them; nothing here may import a suite, a report or the engine.
import { z } from 'zod';
import type { Progress } from './progress.js';

/** Version of the result file's layout; a reader refuses any other. */
export const RESULT_SCHEMA = 1;

/** What the exit code of a command says; `docs/gate.md` is the long form. */
export const EXIT = {
  held: 0,
  wrong: 1,
  usage: 2,
  slower: 3,
  undecided: 4,
  integrity: 5,
  nothing: 6,
  expectation: 7,
  interrupted: 130,
} as const;

/** The suites, in the order in which a run of several executes them. */
export const SUITE_NAMES = [
  'validate',
  'gradcheck',
  'conformance',
  'notebook',
  'bench',
  'selftest',
  'peers',
] as const;

/** The suites of a run of everything: the engine is on trial there, neither the harness nor other engines. */
export const FULL_RUN = SUITE_NAMES.filter((name) => name !== 'selftest' && name !== 'peers');

/**
 * A number as a result file can hold it: JSON has no NaN, infinities or −0, and int64 values lose digits,
 * so those travel as the strings that `figure` writes.
 */
export const FigureSchema = z.union([z.number(), z.string()]);

const Count = z.int().nonnegative();
const Seconds = z.number().nonnegative();
const SuiteNameSchema = z.enum(SUITE_NAMES);

/** What became of one case. `inconclusive` is never counted as a pass; `error` means it could not be decided. */
export const CaseStatusSchema = z.enum(['pass', 'fail', 'skip', 'inconclusive', 'error']);

/** The worst element of a failed (or passed) comparison. */
export const WorstSchema = z.object({
  /** Which tensor: `out0`, `grad of input 1`, `Jacobian entry`. */
  what: z.string(),
  index: z.array(z.int()),
  got: FigureSchema,
  want: FigureSchema,
  abs: FigureSchema.optional(),
  rel: FigureSchema.optional(),
  ulp: FigureSchema.optional(),
  /** The allowance that applied, as text: `rtol 1.3e-6, atol 1e-5`. */
  tolerance: z.string().optional(),
});

/**
 * The V-curve of one derivative: how far plain central differences lie from the analytic value, by step. It falls with the step until
 * rounding takes over; where the gradient is wrong it stays at the size of the fault.
 */
export const VCurveSchema = z.object({
  /** Which derivative: `d out0[1] / d in0[1]`. */
  what: z.string(),
  analytic: FigureSchema,
  /** The extrapolated value, and how uncertain it is. */
  numeric: FigureSchema,
  uncertainty: FigureSchema,
  allowed: FigureSchema,
  /** Step, and |central difference − analytic|; from wide to narrow, finite ones only. */
  points: z.array(z.tuple([z.number().positive(), z.number().nonnegative()])),
});

/** Errors in ULP of the float64 truth: at most ½ where every result is the rounded truth. */
export const UlpErrorsSchema = z.object({
  max: z.number().nonnegative(),
  median: z.number().nonnegative(),
  /** Results that were not finite where the truth is. */
  notFinite: Count,
});

/** How accurate one op's results are over one domain. */
export const AccuracyRowSchema = z.object({
  op: z.string(),
  family: z.enum(['pointwise', 'reduction', 'row', 'product']),
  /** Which inputs, in words. */
  domain: z.string(),
  /** Results that were measured, and those left out: their truth is not finite, or too large or small for the dtype. */
  points: Count,
  left: Count,
  ours: UlpErrorsSchema,
  torch: UlpErrorsSchema.optional(),
  numpy: UlpErrorsSchema.optional(),
  /** How far PyTorch's float64 result lies from ours, which is the truth here: in ULP of the measured dtype. */
  truthApart: z.number().nonnegative().optional(),
  /** Where our error is greatest: the operands of a pointwise op, what came out, and the truth. */
  worst: z.object({ of: z.array(FigureSchema).optional(), got: FigureSchema, want: FigureSchema }).optional(),
});

/** The accuracy of float32 results against float64. */
export const AccuracySchema = z.object({
  dtype: z.literal('float32'),
  rows: z.array(AccuracyRowSchema),
  /** Why no reference was measured beside us. */
  missing: z.string().optional(),
});

/** How the calls of one case came out in one column of the conformance table. */
export const ColumnTallySchema = z.object({ passed: Count, failed: Count, notDone: Count });

/** What a call of PyTorch's database is held to. */
export const COLUMNS = ['forward', 'backward', 'double', 'forward mode', 'errors'] as const;

export const CaseResultSchema = z.object({
  /** `<op>/<n>@<dtype>,<layout>[,<variant>]`, or a cell or row id. */
  id: z.string(),
  op: z.string().optional(),
  suite: SuiteNameSchema,
  status: CaseStatusSchema,
  /** What fell short, for a person. */
  message: z.string().optional(),
  /** Why it was skipped or could not be decided. */
  reason: z.string().optional(),
  seconds: Seconds,
  /** How many elements were really compared. */
  compared: Count,
  /** What was checked and how it came out: `values`, `dtype`, `shape`, `text`, `gradients`, `gradcheck`, `errors`. */
  checks: z.record(z.string(), z.enum(['pass', 'fail', 'skip', 'inconclusive'])).optional(),
  worst: WorstSchema.optional(),
  /** Gradcheck only: the V-curve of the worst element, of cases that fell short and of the closest calls. */
  curve: VCurveSchema.optional(),
  /** The command that runs this case alone. */
  replay: z.string().optional(),
  /** Conformance only: the calls by column; a column for which PyTorch gives nothing is not there. */
  columns: z.partialRecord(z.enum(COLUMNS), ColumnTallySchema).optional(),
  /** Conformance only: results outside the tolerance that are closer to the float64 result than PyTorch's. */
  closer: Count.optional(),
  /** The kind of shortcoming that the expectations file allows it, which makes it a skip. */
  expected: z.string().optional(),
});

/**
 * What can hit a block of timed calls: a garbage collection, another program on its processor, another guest of the host, a quota,
 * a lower clock rate.
 */
export const MARKS = ['collection', 'preempted', 'stolen', 'throttled', 'slowed'] as const;

export const TimingSchema = z.object({
  medianNs: z.number().nonnegative(),
  /** Nanoseconds per call, in the order in which they were measured. */
  samples: z.array(z.number().nonnegative()),
  /** When the block of each sample began, in milliseconds since its race began. */
  atMs: z.array(z.number().nonnegative()).optional(),
  /** How many calls a block holds. */
  calls: z.int().positive().optional(),
  /** The samples whose blocks were hit, and by what. */
  marks: z.array(z.object({ sample: Count, by: z.array(z.enum(MARKS)) })).optional(),
});

/** A ratio of times, reference ÷ ours: above 1 we are faster. `low` and `high` bound it at 95 %. */
export const RatioSchema = z.object({
  median: z.number().positive(),
  low: z.number().positive(),
  high: z.number().positive(),
});

export const BenchRowSchema = z.object({
  id: z.string(),
  /** Rows of one group and different `size` form a scaling curve. */
  group: z.string(),
  label: z.string().optional(),
  /** Elements, or the side of a square matrix: the curve's x axis. */
  size: z.number().positive().optional(),
  dtype: z.string().optional(),
  ours: TimingSchema,
  reference: z.enum(['torch', 'numpy', 'build', 'baseline']),
  /** Of a race of builds, or against a saved baseline: which other one. */
  against: z.string().optional(),
  theirs: TimingSchema.optional(),
  ratio: RatioSchema.optional(),
  /** Whether the timed result agreed with the reference's. */
  correct: z.union([z.boolean(), z.literal('unchecked')]),
  /** Why there is no ratio: a wrong result has no speed. */
  withheld: z.string().optional(),
  bytes: z.number().nonnegative().optional(),
  flops: z.number().nonnegative().optional(),
  /** Time until the call returned, and until its result was there. */
  launchNs: z.number().nonnegative().optional(),
  completionNs: z.number().nonnegative().optional(),
  /** The least ratio this row must reach, and whether it did. */
  required: z.object({ ratio: z.number().positive(), held: z.boolean() }).optional(),
  /** What the run's statistics make of the ratio; `seen` is the smallest effect that this row could have shown. */
  decision: z
    .object({
      verdict: z.enum(['faster', 'same', 'slower', 'inconclusive']),
      p: z.number().nonnegative(),
      seen: z.number().nonnegative(),
    })
    .optional(),
  /** Where a narrow row was measured several times: the ratio of each round; `ratio` pools them. */
  rounds: z.array(RatioSchema).optional(),
  /** The reason of the expectations file for which this row may be slower than required. */
  expected: z.string().optional(),
  note: z.string().optional(),
});

export const MemoryFigureSchema = z.object({
  id: z.string(),
  label: z.string().optional(),
  measured: z.number(),
  limit: z.number(),
  unit: z.string(),
  held: z.boolean(),
});

/** What this machine can do at most, as measured in the same run. */
export const CeilingSchema = z.object({
  /** Which rows it bounds: by memory beyond the caches, by memory within them, or by arithmetic of a dtype. */
  id: z.enum(['memory', 'cache', 'float32', 'float64']),
  unit: z.enum(['GB/s', 'GFLOP/s']),
  value: z.number().positive(),
  /** Which of the measurements reached it. */
  how: z.string(),
});

/** One A/A race: the same build against itself, or (planted) against itself with a slowdown put in. */
export const CalibrationSchema = z.object({
  id: z.string(),
  ratio: RatioSchema,
  /** The slowdown of the other side: 1 for none. */
  planted: z.number().positive(),
  verdict: z.enum(['faster', 'same', 'slower', 'inconclusive']),
});

/** The curve t = callNs + slopeNs · size^power through the times of one group's sizes. */
export const ScalingFitSchema = z.object({
  group: z.string(),
  dtype: z.string().optional(),
  side: z.enum(['ours', 'torch', 'numpy']),
  /** How many sizes it goes through, from the least to the greatest. */
  sizes: Count,
  from: z.number().positive(),
  to: z.number().positive(),
  /** The cost of a call that computes nothing: the intercept. */
  callNs: z.number().nonnegative(),
  slopeNs: z.number().nonnegative(),
  power: z.number(),
  /** How far the times lie off the curve: the root mean square of the logarithms' differences. */
  off: z.number().nonnegative(),
});

/** How many timed blocks a run had, how many of them were hit, and how many were left out for it. */
export const BlocksSchema = z.object({
  all: Count,
  marked: z.partialRecord(z.enum(MARKS), Count),
  leftOut: Count,
});

/** Any series worth a chart: a training run's parameters, a histogram of errors. */
export const SeriesSchema = z.object({
  id: z.string(),
  label: z.string(),
  x: z.string(),
  y: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])),
});

/** What one check made of one mutant: how many of its cases ran, how many noticed. */
export const KillCellSchema = z.object({
  check: z.string(),
  ran: Count,
  killed: Count,
  /** The first that noticed, and what it said. */
  by: z.string().optional(),
});

/** One deliberate fault, and who noticed it. */
export const MutantResultSchema = z.object({
  name: z.string(),
  doc: z.string(),
  families: z.array(z.string()),
  killed: z.boolean(),
  cells: z.array(KillCellSchema),
});

/** The smallest error in one of `n` elements that a check still sees; null where it sees none. */
export const SensitivitySchema = z.object({
  check: z.string(),
  n: z.int().positive(),
  smallest: z.number().positive().nullable(),
});

/** What the selftest found: the kill matrix and the sensitivity of the checks. */
export const SelftestSchema = z.object({
  checks: z.array(z.string()),
  mutants: z.array(MutantResultSchema),
  sensitivity: z.array(SensitivitySchema),
});

/** What a conformance run was held against. */
export const ConformanceSchema = z.object({
  mode: z.enum(['recorded', 'live']),
  torch: z.string(),
  /** Entries of the database, and those of them that take no dtype of this run on the CPU. */
  entries: Count,
  empty: z.array(z.string()),
});

/** How the calls that were given to another engine came out. */
export const PeerTallySchema = z.object({
  passed: Count,
  wrong: Count,
  /** It has the operation, but not this parameter, rank or dtype. */
  unsupported: Count,
  threw: Count,
  /** It ended its process, or did not answer in time. */
  crashed: Count,
});

/** One operation of a peer. */
export const PeerOpSchema = z.object({
  op: z.string(),
  values: PeerTallySchema,
  /** Where both PyTorch and the peer differentiate. */
  gradients: PeerTallySchema.optional(),
  /** What fell short first. */
  first: z.string().optional(),
});

/** Another JavaScript engine, and what of the recorded calls it gives as PyTorch does. */
export const PeerEngineSchema = z.object({
  /** `tfjs-wasm` */
  name: z.string(),
  title: z.string(),
  package: z.string(),
  version: z.string().optional(),
  /** What a reader of its figures must know. */
  remark: z.string().optional(),
  /** Why it could not be asked, with the command that gets it. */
  missing: z.string().optional(),
  dtypes: z.array(z.string()),
  differentiates: z.boolean(),
  /** Totals over `ops`. */
  values: PeerTallySchema,
  gradients: PeerTallySchema,
  /** The values of those calls that have float32 tensors only: what every engine has. */
  float32: PeerTallySchema,
  /** Calls whose values are wrong in nothing but the sign of a zero. */
  zeroSign: Count,
  compared: Count,
  ops: z.array(PeerOpSchema),
});

/** One timed call on this engine and on its peers, in alternating blocks. */
export const PeerTimingSchema = z.object({
  id: z.string(),
  group: z.string(),
  label: z.string(),
  dtype: z.string(),
  ours: TimingSchema,
  engines: z.array(
    z.object({
      name: z.string(),
      theirs: TimingSchema.optional(),
      /** Peer time ÷ our time. */
      ratio: RatioSchema.optional(),
      /** Why there is no ratio: a wrong result has no speed. */
      withheld: z.string().optional(),
    }),
  ),
});

/** What other JavaScript engines make of the same calls. The first engine is this one, asked in the same way: the control. */
export const PeersSchema = z.object({
  /** The recorded calls that could be asked of any engine, and the ops that they belong to. */
  calls: Count,
  ops: Count,
  engines: z.array(PeerEngineSchema),
  timings: z.array(PeerTimingSchema).optional(),
});

export const CountsSchema = z.object({
  passed: Count,
  failed: Count,
  skipped: Count,
  inconclusive: Count,
  errors: Count,
});

export const SuiteResultSchema = z.object({
  suite: SuiteNameSchema,
  /** `error`: it could not run (see `reason`); `skip`: nothing to run it with. */
  status: z.enum(['pass', 'fail', 'error', 'skip']),
  reason: z.string().optional(),
  /** The exit code that goes with `error`; absent: it could not run. */
  code: z.int().optional(),
  counts: CountsSchema,
  compared: Count,
  seconds: Seconds,
  cases: z.array(CaseResultSchema),
  rows: z.array(BenchRowSchema).optional(),
  memory: z.array(MemoryFigureSchema).optional(),
  series: z.array(SeriesSchema).optional(),
  ceilings: z.array(CeilingSchema).optional(),
  calibration: z.array(CalibrationSchema).optional(),
  fits: z.array(ScalingFitSchema).optional(),
  blocks: BlocksSchema.optional(),
  selftest: SelftestSchema.optional(),
  conformance: ConformanceSchema.optional(),
  peers: PeersSchema.optional(),
  accuracy: AccuracySchema.optional(),
  /** What a reader must know: reduced sizes, a noisy machine, a reference that was missing. */
  notes: z.array(z.string()).optional(),
});

export const MachineSchema = z.object({
  cpu: z.string(),
  cores: z.int().positive(),
  /** Bytes. */
  memory: z.number().positive(),
  /** The instruction set the addon chose, or `unknown` when it did not load. */
  isa: z.string(),
  threads: Count,
  node: z.string(),
  os: z.string(),
  /** The one-minute load average when the run began. */
  load: z.number().nonnegative(),
});

/** One reference: its version, or the reason it is missing. */
export const ReferenceSchema = z.object({ version: z.string().optional(), missing: z.string().optional() });

export const ReferencesSchema = z.object({
  python: ReferenceSchema,
  numpy: ReferenceSchema,
  torch: ReferenceSchema,
});

/** What the expectations file came to: `broken` ones end the run with a code of their own. */
export const ExpectationsResultSchema = z.object({
  file: z.string(),
  met: Count,
  broken: z.array(z.object({ id: z.string(), problem: z.string() })),
});

/** What changed since an earlier run. */
export const ChangesSchema = z.object({
  file: z.string(),
  started: z.iso.datetime(),
  commit: z.string().optional(),
  /** Cases that held then and do not now, the other way round, and those that only one of the runs has. */
  worse: z.array(z.string()),
  better: z.array(z.string()),
  gone: z.array(z.string()),
  added: Count,
  /** Suites that compared fewer elements than then. */
  fewer: z.array(z.object({ suite: SuiteNameSchema, before: Count, after: Count })),
  /** Our own times, now ÷ then, where the machine is the same: not interleaved, so a hint, never a verdict. */
  times: z.array(z.object({ id: z.string(), ratio: z.number().positive() })),
});

/** What a run came to in one line of the history file: enough to chart, too little to judge. */
export const HistoryLineSchema = z.object({
  started: z.iso.datetime(),
  commit: z.string().optional(),
  command: z.string(),
  /** Processor, cores, instruction set, threads: times of different ones do not compare. */
  machine: z.string(),
  exitCode: z.int(),
  suites: z.partialRecord(
    SuiteNameSchema,
    z.object({ passed: Count, short: Count, skipped: Count, compared: Count, seconds: Seconds }),
  ),
  /** Geometric means of the ratios, by reference, and how many ratios they are of. */
  means: z.record(z.string(), z.object({ ratio: z.number().positive(), rows: Count })),
  required: z.object({ held: Count, all: Count }),
  /** Our own medians of the rows that matter, in nanoseconds. */
  rows: z.record(z.string(), z.number().nonnegative()),
});

/** The runs up to and with this one, as the history file has them. */
export const HistorySchema = z.object({
  file: z.string(),
  lines: z.array(HistoryLineSchema),
  /** Lines that could not be read. */
  unread: Count,
});

export const RunResultSchema = z.object({
  schema: z.literal(RESULT_SCHEMA),
  tool: z.object({ name: z.literal('torchstone'), version: z.string(), commit: z.string().optional() }),
  command: z.string(),
  started: z.iso.datetime(),
  finished: z.iso.datetime(),
  /** True when the run was interrupted: what is missing was not run, not passed. */
  partial: z.boolean(),
  seed: z.int(),
  machine: MachineSchema,
  references: ReferencesSchema,
  suites: z.array(SuiteResultSchema),
  /** An undecided timing is not let through. */
  strictNoise: z.boolean().optional(),
  expectations: ExpectationsResultSchema.optional(),
  changes: ChangesSchema.optional(),
  history: HistorySchema.optional(),
});

export type Figure = z.infer<typeof FigureSchema>;
export type SuiteName = (typeof SUITE_NAMES)[number];
export type CaseStatus = z.infer<typeof CaseStatusSchema>;
export type Worst = z.infer<typeof WorstSchema>;
export type VCurve = z.infer<typeof VCurveSchema>;
export type UlpErrors = z.infer<typeof UlpErrorsSchema>;
export type AccuracyRow = z.infer<typeof AccuracyRowSchema>;
export type Accuracy = z.infer<typeof AccuracySchema>;
export type CaseResult = z.infer<typeof CaseResultSchema>;
export type Timing = z.infer<typeof TimingSchema>;
export type Ratio = z.infer<typeof RatioSchema>;
export type BenchRow = z.infer<typeof BenchRowSchema>;
export type MemoryFigure = z.infer<typeof MemoryFigureSchema>;
export type Ceiling = z.infer<typeof CeilingSchema>;
export type Series = z.infer<typeof SeriesSchema>;
export type MutantResult = z.infer<typeof MutantResultSchema>;
export type Sensitivity = z.infer<typeof SensitivitySchema>;
export type Calibration = z.infer<typeof CalibrationSchema>;
export type Mark = (typeof MARKS)[number];
export type ScalingFit = z.infer<typeof ScalingFitSchema>;
export type Blocks = z.infer<typeof BlocksSchema>;
export type Selftest = z.infer<typeof SelftestSchema>;
export type Column = (typeof COLUMNS)[number];
export type ColumnTally = z.infer<typeof ColumnTallySchema>;
export type Conformance = z.infer<typeof ConformanceSchema>;
export type PeerTally = z.infer<typeof PeerTallySchema>;
export type PeerOp = z.infer<typeof PeerOpSchema>;
export type PeerEngine = z.infer<typeof PeerEngineSchema>;
export type PeerTiming = z.infer<typeof PeerTimingSchema>;
export type Peers = z.infer<typeof PeersSchema>;
export type Counts = z.infer<typeof CountsSchema>;
export type SuiteResult = z.infer<typeof SuiteResultSchema>;
export type Machine = z.infer<typeof MachineSchema>;
export type Reference = z.infer<typeof ReferenceSchema>;
export type References = z.infer<typeof ReferencesSchema>;
export type ExpectationsResult = z.infer<typeof ExpectationsResultSchema>;
export type Changes = z.infer<typeof ChangesSchema>;
export type HistoryLine = z.infer<typeof HistoryLineSchema>;
export type History = z.infer<typeof HistorySchema>;
export type RunResult = z.infer<typeof RunResultSchema>;

/** What a suite is asked to do. */
export interface SuiteOptions {
  /** Substring or glob of case ids. A filter that matches nothing is a `CannotRunError`. */
  filter?: string;
  seed: number;
  /** Aborted on Ctrl-C: return what is finished so far, at the next case boundary. */
  signal: AbortSignal;
  progress: Progress;
  /** The notebook's full sizes. */
  full?: boolean;
  /** Fewer cases or rounds, for a quick answer. */
  quick?: boolean;
  /** Absolute path of the fixture folder. */
  fixtures: string;
  /** The reference interpreter; absent when there is none. */
  python?: string;
  /** Bench only: whom to race. Default NumPy and PyTorch. */
  vs?: readonly ('numpy' | 'torch')[];
  /** Peers, and bench against them: which ones, all where none is named. */
  peers?: readonly string[];
  /** Bench only: another build to race: `git:REV`, `addon:PATH`, or `baseline`, what was saved for this machine. */
  build?: string;
  /** Bench only: save this build and its times as this machine's baseline. */
  saveBaseline?: boolean;
  /** Bench only: which rows. Default `all`: notebook and sweep; `cpu` is the table of required ratios. */
  rows?: 'notebook' | 'sweep' | 'cpu' | 'cuda' | 'all';
  /** Validate only: measure the accuracy of float32 results, too. */
  accuracy?: boolean;
  /** Conformance only: ask PyTorch. */
  live?: boolean;
  /** Conformance only: the dtypes of the samples; `errors` stands for the calls that must fail. */
  dtypes?: readonly string[];
  /** Conformance only: the number of one sample. */
  sample?: number;
  /** Conformance only: show every call that falls short. */
  verbose?: boolean;
  /** Only every `count`-th case, from `index` on (0-based). */
  shard?: Shard;
  /** Validate only: one case of each op. */
  eachOp?: boolean;
  /** Stop after so many cases that fell short. */
  maxFailures?: number;
  /** Where capsules of failing cases go. */
  capsules?: string;
  /** The file that says which case is in hand, for whoever finds this process dead. */
  journal?: string;
  /** Cases that a process before this one finished. */
  done?: readonly string[];
}

/** One part of a run that is split. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** One suite: a name and a way to run it. It never prints; it reports through `progress` and its result. */
export interface Suite {
  readonly name: SuiteName;
  run(options: SuiteOptions): Promise<SuiteResult>;
}

/** The run could not take place: a bad user function (2), a missing or edited fixture (5), a filter without a match (6). */
export class CannotRunError extends Error {
  override readonly name = 'CannotRunError';
  /** The exit code. */
  readonly code: number;

  constructor(message: string, options: ErrorOptions & { readonly code?: number } = {}) {
    super(message, options);
    this.code = options.code ?? EXIT.usage;
  }
}

/** Nothing is left to run: a filter without a match, a suite without cases. */
export function nothingToRun(message: string): CannotRunError {
  return new CannotRunError(message, { code: EXIT.nothing });
}

/** Encodes any element for a result file; what JSON cannot hold becomes a string. */
export function figure(value: number | bigint | boolean | string): Figure {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    return Object.is(value, -0) ? '-0' : value;
  }
  return String(value);
}

/** Sums up the statuses of cases. */
export function countCases(cases: readonly CaseResult[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, inconclusive: 0, errors: 0 };
  const field = {
    pass: 'passed',
    fail: 'failed',
    skip: 'skipped',
    inconclusive: 'inconclusive',
    error: 'errors',
  } as const;
  for (const one of cases) counts[field[one.status]] += 1;
  return counts;
}

/** Whether a timing stands in nobody's way: right, and as fast as required or excused. */
export function rowHolds(row: BenchRow): boolean {
  return row.correct !== false && (row.required?.held !== false || row.expected !== undefined);
}

/**
 * Builds a suite's result from its cases. Fails unless something ran and nothing fell short: a suite that compared
 * nothing, or left a case undecided, has proven nothing.
 */
export function suiteResult(
  suite: SuiteName,
  cases: CaseResult[],
  seconds: number,
  extra: Pick<
    SuiteResult,
    | 'rows'
    | 'memory'
    | 'series'
    | 'ceilings'
    | 'calibration'
    | 'fits'
    | 'blocks'
    | 'selftest'
    | 'conformance'
    | 'peers'
    | 'accuracy'
    | 'notes'
    | 'reason'
  > = {},
): SuiteResult {
  const counts = countCases(cases);
  const compared = cases.reduce((sum, one) => sum + one.compared, 0);
  const required = (extra.rows ?? []).every(rowHolds);
  const memory = (extra.memory ?? []).every((one) => one.held);
  const short = counts.failed + counts.errors + counts.inconclusive > 0 || !required || !memory;
  const timed = (extra.rows ?? []).length + (extra.peers?.timings ?? []).length > 0;
  const ran = counts.passed > 0 || timed || (extra.memory ?? []).length > 0;
  const status = short ? 'fail' : ran ? 'pass' : 'skip';
  return { suite, status, counts, compared, seconds, cases, ...extra };
}

/** Reads a result file's text; throws a `CannotRunError` that says what is wrong with it. */
export function parseRunResult(text: string, name = 'results.json'): RunResult {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new CannotRunError(
      `${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const parsed = RunResultSchema.safeParse(raw);
  if (!parsed.success)
    throw new CannotRunError(`${name} is not a run result:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
