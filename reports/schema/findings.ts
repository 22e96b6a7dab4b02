// Schema of what suites find beyond cases: accuracy, mutation testing's kill matrix, conformance totals.
import { z } from 'zod';
import { Count, FigureSchema } from './parts.js';

/** Errors in ULP of the float64 truth: at most ½ where every result is the rounded truth. */
export const UlpErrorsSchema = z.object({
  max: z.number().nonnegative(),
  median: z.number().nonnegative(),
  /** Results that were not finite where the truth is. */
  notFinite: Count,
});

export type UlpErrors = z.infer<typeof UlpErrorsSchema>;

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

export type AccuracyRow = z.infer<typeof AccuracyRowSchema>;

/** The accuracy of float32 results against float64. */
export const AccuracySchema = z.object({
  dtype: z.literal('float32'),
  rows: z.array(AccuracyRowSchema),
  /** Why no reference was measured beside us. */
  missing: z.string().optional(),
});

export type Accuracy = z.infer<typeof AccuracySchema>;

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

export type MutantResult = z.infer<typeof MutantResultSchema>;

/** The smallest error in one of `n` elements that a check still sees; null where it sees none. */
export const SensitivitySchema = z.object({
  check: z.string(),
  n: z.int().positive(),
  smallest: z.number().positive().nullable(),
});

export type Sensitivity = z.infer<typeof SensitivitySchema>;

/** What the selftest found: the kill matrix and the sensitivity of the checks. */
export const SelftestSchema = z.object({
  checks: z.array(z.string()),
  mutants: z.array(MutantResultSchema),
  sensitivity: z.array(SensitivitySchema),
});

export type Selftest = z.infer<typeof SelftestSchema>;

/** What a conformance run was held against. */
export const ConformanceSchema = z.object({
  mode: z.enum(['recorded', 'live']),
  torch: z.string(),
  /** Entries of the database, and those of them that take no dtype of this run on the CPU. */
  entries: Count,
  empty: z.array(z.string()),
});

export type Conformance = z.infer<typeof ConformanceSchema>;
