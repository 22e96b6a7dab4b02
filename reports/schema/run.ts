// Schema of a whole run and its file: suites, machine, oracles, changes since the baseline, history.
import { z } from 'zod';
import { CaseResultSchema, CountsSchema } from './cases.js';
import { AccuracySchema, ConformanceSchema, SelftestSchema } from './findings.js';
import { CannotRunError, EXIT } from './outcome.js';
import { Count, Seconds, SuiteNameSchema } from './parts.js';
import { PeersSchema } from './peers.js';
import {
  BenchRowSchema,
  BlocksSchema,
  CalibrationSchema,
  CeilingSchema,
  MemoryFigureSchema,
  ScalingFitSchema,
  SeriesSchema,
} from './timing.js';

// The only schema of what a run produced, and the interface every suite implements.
// Suites yield these objects, reports are functions of them; nothing here may import a suite, a report or the engine.
/** Version of the result file's layout; a reader refuses any other. */
export const RESULT_SCHEMA = 1;

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

export type SuiteResult = z.infer<typeof SuiteResultSchema>;

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

export type Machine = z.infer<typeof MachineSchema>;

/** One reference: its version, or the reason it is missing. */
export const ReferenceSchema = z.object({ version: z.string().optional(), missing: z.string().optional() });

export type Reference = z.infer<typeof ReferenceSchema>;

export const ReferencesSchema = z.object({
  python: ReferenceSchema,
  numpy: ReferenceSchema,
  torch: ReferenceSchema,
});

export type References = z.infer<typeof ReferencesSchema>;

/** What the expectations file came to: `broken` ones end the run with a code of their own. */
export const ExpectationsResultSchema = z.object({
  file: z.string(),
  met: Count,
  broken: z.array(z.object({ id: z.string(), problem: z.string() })),
});

export type ExpectationsResult = z.infer<typeof ExpectationsResultSchema>;

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

export type Changes = z.infer<typeof ChangesSchema>;

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

export type HistoryLine = z.infer<typeof HistoryLineSchema>;

/** The runs up to and with this one, as the history file has them. */
export const HistorySchema = z.object({
  file: z.string(),
  lines: z.array(HistoryLineSchema),
  /** Lines that could not be read. */
  unread: Count,
});

export type History = z.infer<typeof HistorySchema>;

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

export type RunResult = z.infer<typeof RunResultSchema>;

/** Reads a result file's text; throws a `CannotRunError` that says what is wrong with it. */
export function parseRunResult(text: string, name = 'results.json'): RunResult {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new CannotRunError(
      `${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { code: EXIT.integrity },
    );
  }
  const parsed = RunResultSchema.safeParse(raw);
  if (!parsed.success)
    throw new CannotRunError(`${name} is not a run result:\n${z.prettifyError(parsed.error)}`, {
      code: EXIT.integrity,
    });
  return parsed.data;
}
