// Schema of cases: status, worst mismatch, and what single suites add.
import { z } from 'zod';
import { Count, FigureSchema, Seconds, SuiteNameSchema } from './parts.js';

/** What became of one case. `inconclusive` is never counted as a pass; `error` means it could not be decided. */
export const CaseStatusSchema = z.enum(['pass', 'fail', 'skip', 'inconclusive', 'error']);

export type CaseStatus = z.infer<typeof CaseStatusSchema>;

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

export type Worst = z.infer<typeof WorstSchema>;

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

export type VCurve = z.infer<typeof VCurveSchema>;

/** How the calls of one case came out in one column of the conformance table. */
export const ColumnTallySchema = z.object({ passed: Count, failed: Count, notDone: Count });

export type ColumnTally = z.infer<typeof ColumnTallySchema>;

/** What a call of PyTorch's database is held to. */
export const COLUMNS = ['forward', 'backward', 'double', 'forward mode', 'errors'] as const;

export type Column = (typeof COLUMNS)[number];

export const CaseResultSchema = z.object({
  /** `<op>/<n>@<dtype>,<layout>[,<variant>]`, or a cell or row id. */
  id: z.string(),
  op: z.string().optional(),
  suite: SuiteNameSchema,
  status: CaseStatusSchema,
  /** Failures, for a person. */
  message: z.string().optional(),
  /** Why it was skipped or could not be decided. */
  reason: z.string().optional(),
  seconds: Seconds,
  /** How many elements were really compared. */
  compared: Count,
  /** What was checked and how it came out: `values`, `dtype`, `shape`, `text`, `gradients`, `gradcheck`, `errors`. */
  checks: z.record(z.string(), z.enum(['pass', 'fail', 'skip', 'inconclusive'])).optional(),
  worst: WorstSchema.optional(),
  /** Gradcheck only: the V-curve of the worst element, of cases that failed and of the closest calls. */
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

export type CaseResult = z.infer<typeof CaseResultSchema>;

export const CountsSchema = z.object({
  passed: Count,
  failed: Count,
  skipped: Count,
  inconclusive: Count,
  errors: Count,
});

export type Counts = z.infer<typeof CountsSchema>;

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
