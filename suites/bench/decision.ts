// Verdicts on timings: faster, same, slower or inconclusive, with a bound on false alarms over the whole run.
import type { BenchRow, Ratio } from '../../reports/schema/index.js';
import { MIN_PAIRS, TRIM, trimmedMean } from './statistics.js';
import { quantile, twoSided } from './student.js';

/** Ratios this near to 1 make no difference to anybody. */
export const MARGIN = 0.02;
/** The chance that any row of a run without differences is called faster or slower. */
export const ALPHA = 0.05;
type Decision = NonNullable<BenchRow['decision']>;

/** What the log-ratios of one row say. */
export interface Evidence {
  /** Their trimmed mean. */
  readonly centre: number;
  /** Half the width of its 95 % interval. */
  readonly half: number;
  /** How likely so much or more is where there is no difference. */
  readonly p: number;
}

/** Yuen's trimmed t (Biometrika 61, 1974) of paired log-ratios; undefined with fewer than `MIN_PAIRS`. */
export function evidence(logs: readonly number[]): Evidence | undefined {
  const n = logs.length;
  if (n < MIN_PAIRS) return undefined;
  const sorted = [...logs].sort((a, b) => a - b);
  const cut = Math.floor(TRIM * n);
  const kept = sorted.slice(cut, n - cut);
  const centre = trimmedMean(logs);
  const clipped = sorted.map((x) => Math.min(Math.max(x, kept[0]!), kept.at(-1)!));
  const mean = clipped.reduce((sum, x) => sum + x, 0) / n;
  const variance = clipped.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const df = kept.length - 1;
  const error = Math.sqrt(((n - 1) * variance) / (kept.length * df));
  // Blocks that all took the same time to the tick say that the timer is coarse, not that there is no noise.
  const safe = Math.max(error, 1e-6);
  return { centre, half: quantile(0.05, df) * safe, p: twoSided(centre / safe, df) };
}

/** Holm's step-down procedure: which of these hypotheses fall at a family-wise level. */
export function holm(ps: readonly number[], alpha = ALPHA): boolean[] {
  const order = ps.map((p, i) => [p, i] as const).sort((a, b) => a[0] - b[0]);
  const falls = ps.map(() => false);
  for (const [rank, [p, i]] of order.entries()) {
    if (p > alpha / (ps.length - rank)) break;
    falls[i] = true;
  }
  return falls;
}

/** The ratio theirs ÷ ours with its 95 % interval. */
export function ratioOf({ centre, half }: Evidence): Ratio {
  return { median: Math.exp(centre), low: Math.exp(centre - half), high: Math.exp(centre + half) };
}

/** What the verdicts of a run know beside the rows. */
export interface Circumstances {
  /** How far the run's A/A races strayed from 1: nothing smaller is a difference. */
  readonly bias?: number;
  /** The run has a verdict on all rows together too: each kind gets half of the chance of a false alarm. */
  readonly pooled?: boolean;
}

/**
 * Gives every row that has a ratio its verdict. `same` wants the whole interval inside the margin; what is neither is
 * inconclusive, with the smallest effect that this row could have shown.
 */
export function decide(
  rows: readonly BenchRow[],
  evidenceOf: (row: BenchRow) => Evidence | undefined,
  { bias = 0, pooled = false }: Circumstances = {},
): BenchRow[] {
  const found = rows.map((row) => (row.ratio && row.withheld === undefined ? evidenceOf(row) : undefined));
  const judged = found.flatMap((one, i) => (one === undefined ? [] : [{ one, i }]));
  const falls = holm(
    judged.map(({ one }) => one.p),
    pooled ? ALPHA / 2 : ALPHA,
  );
  const decided = [...rows];
  judged.forEach(({ one, i }, k) => {
    decided[i] = { ...rows[i]!, decision: { ...verdictOf(one, falls[k] === true, bias), p: one.p } };
  });
  return decided;
}

/** The verdict on what all rows say together. */
export function decidePooled(one: Evidence): Decision {
  return { ...verdictOf(one, one.p <= ALPHA / 2, 0), p: one.p };
}

function verdictOf({ centre, half }: Evidence, falls: boolean, bias: number): Omit<Decision, 'p'> {
  const margin = Math.max(Math.log1p(MARGIN), bias);
  const same = centre - half > -margin && centre + half < margin;
  const told = falls && Math.abs(centre) > bias;
  const verdict = same ? 'same' : !told ? 'inconclusive' : centre > 0 ? 'faster' : 'slower';
  return { verdict, seen: Math.expm1(Math.max(half, bias)) };
}
