// Fit of t = a + b·n^k to the times of one call at several sizes: the fixed cost of a call, and its growth.
import type { BenchRow, ScalingFit, Timing } from '../../reports/schema/index.js';

/** Three parameters and one size to be wrong by. */
export const LEAST_SIZES = 4;
/** Times are not known better than this, however quiet their blocks were. */
const LEAST_SCATTER = 0.01;
/** The parts of a curve that are steps, not growth: caches and threads. Beyond these a power says nothing. */
const POWERS = { least: 0.05, most: 4 } as const;
const TURNS = 200;

/** One measured size. */
export interface Point {
  readonly n: number;
  readonly ns: number;
  /** How sure its logarithm is: 1 ÷ variance. */
  readonly weight: number;
}

/** The parameters of a curve. */
export interface Curve {
  readonly callNs: number;
  readonly slopeNs: number;
  readonly power: number;
  /** The root mean square of what is left, in logarithms. */
  readonly off: number;
}

/**
 * Weighted least squares on logarithms, so that a microsecond counts as much as a second: for each power the two other parameters are
 * a small linear problem, repeated with weights that make it one on logarithms; the power is found by narrowing.
 */
export function fitCurve(points: readonly Point[]): Curve | undefined {
  if (new Set(points.map(({ n }) => n)).size < LEAST_SIZES) return undefined;
  let low: number = POWERS.least;
  let high: number = POWERS.most;
  const at = (power: number) => linear(points, power);
  // First a grid: narrowing alone could follow a valley that is not the deepest.
  const grid = Array.from({ length: 80 }, (_, i) => low + ((high - low) * i) / 79);
  const best = grid.reduce((most, power) => (at(power).cost < at(most).cost ? power : most));
  [low, high] = [Math.max(low, best - 0.1), Math.min(high, best + 0.1)];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let turn = 0; turn < 60; turn += 1) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)];
    if (at(a).cost < at(b).cost) high = b;
    else low = a;
  }
  const power = (low + high) / 2;
  const { a, b, cost } = at(power);
  const weights = points.reduce((sum, { weight }) => sum + weight, 0);
  return { callNs: a, slopeNs: b, power, off: Math.sqrt(cost / weights) };
}

/** For one power the best a, b ≥ 0: by Gauss and Newton on log(a + b·x), the reference size scaled to 1. */
function linear(points: readonly Point[], power: number): { a: number; b: number; cost: number } {
  const largest = Math.max(...points.map(({ n }) => n));
  const scaled = points.map((point) => ({ ...point, x: (point.n / largest) ** power }));
  const cost = (a: number, b: number) =>
    scaled.reduce((sum, { x, ns, weight }) => sum + weight * Math.log((a + b * x) / ns) ** 2, 0);
  let a = Math.min(...points.map(({ ns }) => ns)) / 2;
  let b = Math.max(...points.map(({ ns }) => ns));
  for (let turn = 0; turn < TURNS; turn += 1) {
    const step = newton(scaled, a, b);
    let share = 1;
    // A step that leaves the positive numbers, or does no good, is shortened.
    while (share > 1e-6) {
      const next = { a: Math.max(0, a + share * step.a), b: Math.max(1e-12, b + share * step.b) };
      if (cost(next.a, next.b) < cost(a, b)) break;
      share /= 2;
    }
    if (share <= 1e-6) break;
    a = Math.max(0, a + share * step.a);
    b = Math.max(1e-12, b + share * step.b);
  }
  return { a, b: b / largest ** power, cost: cost(a, b) };
}

/** The step of Gauss and Newton: the normal equations of the residuals' first derivatives. */
function newton(
  points: readonly { readonly x: number; readonly ns: number; readonly weight: number }[],
  a: number,
  b: number,
): { a: number; b: number } {
  let [aa, ab, bb, ra, rb] = [0, 0, 0, 0, 0];
  for (const { x, ns, weight } of points) {
    const value = a + b * x;
    const [da, db] = [1 / value, x / value];
    const rest = Math.log(ns / value);
    aa += weight * da * da;
    ab += weight * da * db;
    bb += weight * db * db;
    ra += weight * da * rest;
    rb += weight * db * rest;
  }
  // An intercept at its bound does not move with the slope.
  if (a === 0 && ra <= 0) return { a: 0, b: rb / bb };
  const determinant = aa * bb - ab * ab;
  if (Math.abs(determinant) < 1e-12 * aa * bb) return { a: 0, b: rb / bb };
  return { a: (ra * bb - rb * ab) / determinant, b: (rb * aa - ra * ab) / determinant };
}

/** The curves of every group that was timed at enough sizes: ours, and each reference's. */
export function scalingFits(rows: readonly BenchRow[]): ScalingFit[] {
  const series = new Map<string, { fit: Pick<ScalingFit, 'group' | 'dtype' | 'side'>; points: Point[] }>();
  const add = (row: BenchRow, side: ScalingFit['side'], timing: Timing | undefined) => {
    if (row.size === undefined || timing === undefined || timing.medianNs <= 0) return;
    const { group, dtype, size } = row;
    const key = `${group} ${dtype} ${side}`;
    const known = series.get(key) ?? { fit: { group, ...(dtype ? { dtype } : {}), side }, points: [] };
    if (!known.points.some(({ n }) => n === size)) known.points.push(pointOf(size, timing));
    series.set(key, known);
  };
  for (const row of rows.filter((one) => one.correct !== false)) {
    add(row, 'ours', row.ours);
    if (row.reference === 'torch' || row.reference === 'numpy') add(row, row.reference, row.theirs);
  }
  return [...series.values()].flatMap(({ fit, points }) => {
    const curve = fitCurve(points);
    if (curve === undefined) return [];
    const sizes = points.map(({ n }) => n);
    return [{ ...fit, sizes: sizes.length, from: Math.min(...sizes), to: Math.max(...sizes), ...curve }];
  });
}

/** The scatter of a median, from the middle half of its blocks. */
function pointOf(n: number, { samples, medianNs }: Timing): Point {
  const sorted = [...samples].sort((a, b) => a - b);
  const width = (sorted[(sorted.length * 3) >> 2] ?? medianNs) / (sorted[sorted.length >> 2] ?? medianNs);
  // Of normal noise the middle half is 1.35 standard deviations wide, and a median scatters by 1.25 of them over the root of n.
  const scatter = ((Math.log(width) / 1.35) * 1.25) / Math.sqrt(Math.max(1, sorted.length));
  return { n, ns: medianNs, weight: 1 / Math.max(LEAST_SCATTER, scatter) ** 2 };
}
