// Schema of timings: rows, ratios, noise, ceilings, scaling and memory.
import { z } from 'zod';
import { Count } from './parts.js';

/**
 * What can hit a block of timed calls: a garbage collection, another program on its processor, another guest of the host, a quota,
 * a lower clock rate.
 */
export const MARKS = ['collection', 'preempted', 'stolen', 'throttled', 'slowed'] as const;

export type Mark = (typeof MARKS)[number];

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

export type Timing = z.infer<typeof TimingSchema>;

/** A ratio of times, reference ÷ ours: above 1 we are faster. `low` and `high` bound it at 95 %. */
export const RatioSchema = z.object({
  median: z.number().positive(),
  low: z.number().positive(),
  high: z.number().positive(),
});

export type Ratio = z.infer<typeof RatioSchema>;

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

export type BenchRow = z.infer<typeof BenchRowSchema>;

/** Whether a timing stands in nobody's way: right, and as fast as required or excused. */
export function rowHolds(row: BenchRow): boolean {
  return row.correct !== false && (row.required?.held !== false || row.expected !== undefined);
}

export const MemoryFigureSchema = z.object({
  id: z.string(),
  label: z.string().optional(),
  measured: z.number(),
  limit: z.number(),
  unit: z.string(),
  held: z.boolean(),
});

export type MemoryFigure = z.infer<typeof MemoryFigureSchema>;

/** What this machine can do at most, as measured in the same run. */
export const CeilingSchema = z.object({
  /** Which rows it bounds: by memory beyond the caches, by memory within them, or by arithmetic of a dtype. */
  id: z.enum(['memory', 'cache', 'float32', 'float64']),
  unit: z.enum(['GB/s', 'GFLOP/s']),
  value: z.number().positive(),
  /** Which of the measurements reached it. */
  how: z.string(),
});

export type Ceiling = z.infer<typeof CeilingSchema>;

/** One A/A race: the same build against itself, or (planted) against itself with a slowdown put in. */
export const CalibrationSchema = z.object({
  id: z.string(),
  ratio: RatioSchema,
  /** The slowdown of the other side: 1 for none. */
  planted: z.number().positive(),
  verdict: z.enum(['faster', 'same', 'slower', 'inconclusive']),
});

export type Calibration = z.infer<typeof CalibrationSchema>;

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

export type ScalingFit = z.infer<typeof ScalingFitSchema>;

/** How many timed blocks a run had, how many of them were hit, and how many were left out for it. */
export const BlocksSchema = z.object({
  all: Count,
  marked: z.partialRecord(z.enum(MARKS), Count),
  leftOut: Count,
});

export type Blocks = z.infer<typeof BlocksSchema>;

/** Any series worth a chart: a training run's parameters, a histogram of errors. */
export const SeriesSchema = z.object({
  id: z.string(),
  label: z.string(),
  x: z.string(),
  y: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])),
});

export type Series = z.infer<typeof SeriesSchema>;
