// Numerical derivatives with an error bar: central differences, Richardson extrapolation, one-sided slopes for kinks.

/** A vector-valued function of one number. */
export type Curve = (t: number) => Float64Array;

/** The derivative of a curve at 0, element by element. */
export interface Derivative {
  readonly value: Float64Array;
  /** An estimate of how far off `value` may be. */
  readonly error: Float64Array;
  /** The narrowest step behind `value`: what the function's values lose to rounding counts divided by it. */
  readonly step: Float64Array;
  /** The slopes just right and just left of 0. */
  readonly right: Float64Array;
  readonly left: Float64Array;
  /** 1 where the slopes do not approach each other: no derivative exists there, or just beside it. */
  readonly kink: Uint8Array;
  /** 1 where a slope grows as the step shrinks: the value itself jumps. */
  readonly jump: Uint8Array;
  /** 1 where the slopes' gap depends on the step: the kink lies beside the point, within the step. */
  readonly beside: Uint8Array;
}

const LEVELS = 4;
const SHRINK = 16;
const ATTEMPTS = 4;
/** At a kink itself the gap of the slopes is the same at every small step, but for the curvature. */
const BESIDE = 0.01;
const EPSILON = 2 ** -52;

/**
 * Differentiates a curve at 0, first with steps of `step`; smaller ones where `enough` says that some error is too large:
 * a kink or a pole may lie within the step.
 */
export function differentiate(
  curve: Curve,
  step: number,
  enough: (value: number, error: number) => boolean,
): Derivative {
  const centre = curve(0);
  let best: Derivative | undefined;
  let size = step;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1, size /= SHRINK) {
    const found = richardson(curve, centre, size, attempt === 0);
    best = best ? better(best, found) : found;
    if (best.value.every((value, at) => enough(value, best!.error[at]!))) break;
  }
  return best!;
}

/**
 * The same at a coordinate of a size of its own: where steps of `wide` leave a doubt, as those that leave the domain of a
 * logarithm do, steps of `own` are taken too. 0: there is no such size.
 */
export function differentiateNear(
  curve: Curve,
  wide: number,
  own: number,
  enough: (value: number, error: number) => boolean,
): Derivative {
  const found = differentiate(curve, wide, enough);
  if (!(own > 0 && own < wide) || found.value.every((value, at) => enough(value, found.error[at]!)))
    return found;
  const near = differentiate(curve, own, enough);
  const made = better(found, near);
  near.value.forEach((value, at) => {
    const error = near.error[at]!;
    // Both look certain and disagree: a pole lies within the wide step.
    if (Math.abs(value - found.value[at]!) <= 10 * (error + found.error[at]!)) return;
    if (error > 1e-3 * Math.abs(value)) return;
    made.value[at] = value;
    made.error[at] = error;
  });
  return made;
}

/** Central differences at four steps, each half the last, extrapolated to a step of nothing (Ridders' table). */
function richardson(curve: Curve, centre: Float64Array, step: number, widest: boolean): Derivative {
  const n = centre.length;
  const ahead: Float64Array[] = [];
  const behind: Float64Array[] = [];
  const steps: number[] = [];
  for (let level = 0; level < LEVELS; level += 1) {
    const h = step / 2 ** level;
    steps.push(h);
    ahead.push(curve(h));
    behind.push(curve(-h));
  }
  const made = {
    value: new Float64Array(n),
    error: new Float64Array(n),
    step: new Float64Array(n).fill(step / 2 ** (LEVELS - 1)),
    right: new Float64Array(n),
    left: new Float64Array(n),
    kink: new Uint8Array(n),
    jump: new Uint8Array(n),
    beside: new Uint8Array(n),
  };
  const last = LEVELS - 1;
  for (let i = 0; i < n; i += 1) {
    const column = (from: readonly Float64Array[]) => from.map((row) => row[i]!);
    const [value, error] = extrapolate(column(ahead), column(behind), steps, widest);
    made.value[i] = value;
    made.error[i] = error;
    const slopes = (level: number) => [
      (ahead[level]![i]! - centre[i]!) / steps[level]!,
      (centre[i]! - behind[level]![i]!) / steps[level]!,
    ];
    const [rightWide, leftWide] = slopes(0) as [number, number];
    const [right, left] = slopes(last) as [number, number];
    made.right[i] = right;
    made.left[i] = left;
    const noise = (64 * EPSILON * Math.max(Math.abs(centre[i]!), Math.abs(ahead[last]![i]!))) / steps[last]!;
    const gap = Math.abs(right - left);
    // Of a smooth curve the gap shrinks with the step, to an eighth here; at a kink it stays, at a jump it grows.
    const gapWide = Math.abs(rightWide - leftWide);
    if (gap > noise && gap > 1e-9 * Math.max(Math.abs(right), Math.abs(left))) {
      made.kink[i] = gap > 0.6 * gapWide ? 1 : 0;
      // A step of an eighth: a jump's slope is eight times as steep.
      made.jump[i] = gap > 4 * gapWide ? 1 : 0;
      made.beside[i] = made.jump[i] === 0 && Math.abs(gap - gapWide) > BESIDE * gap ? 1 : 0;
    }
  }
  return made;
}

/** Steps of a V-curve: each a quarter of the last, from far too wide to where nothing but rounding is left. */
const CURVE_WIDEST = 16;
const CURVE_POINTS = 24;

/** How far plain central differences of one element lie from `analytic`, by step. */
export function distances(curve: Curve, row: number, analytic: number, step: number): [number, number][] {
  return Array.from({ length: CURVE_POINTS }, (_, k) => {
    const h = (CURVE_WIDEST * step) / 4 ** k;
    const [ahead, behind] = [curve(h)[row]!, curve(-h)[row]!];
    return [h, Math.abs((ahead - behind) / (2 * h) - analytic)] as [number, number];
  }).filter(([, apart]) => Number.isFinite(apart));
}

function extrapolate(
  ahead: readonly number[],
  behind: readonly number[],
  steps: readonly number[],
  widest: boolean,
): [value: number, error: number] {
  let value = Number.NaN;
  let error = Number.POSITIVE_INFINITY;
  let above: number[] = [];
  // Equal values at the widest steps: the output does not depend on this input, and nothing is lost in the difference.
  // At narrower ones they may be equal because the step is below the function's resolution.
  const independent = widest && ahead.every((one, level) => one === behind[level]);
  for (let level = 0; level < ahead.length; level += 1) {
    const row = [(ahead[level]! - behind[level]!) / (2 * steps[level]!)];
    const size = Math.max(Math.abs(ahead[level]!), Math.abs(behind[level]!));
    const rounding = independent ? 0 : (2 * EPSILON * size) / steps[level]!;
    for (let order = 1; order <= level; order += 1) {
      const factor = 4 ** order;
      row.push((factor * row[order - 1]! - above[order - 1]!) / (factor - 1));
      const spread = Math.max(
        Math.abs(row[order]! - row[order - 1]!),
        Math.abs(row[order]! - above[order - 1]!),
      );
      // Two levels may agree by accident (a staircase does); three rarely.
      if (order > 1 && spread + rounding < error) {
        error = spread + rounding;
        value = row[order]!;
      }
    }
    above = row;
  }
  return [value, error];
}

/** Per element the derivative with the smaller error; kinks and slopes are those of the smaller step. */
function better(wide: Derivative, narrow: Derivative): Derivative {
  const value = narrow.value.slice();
  const error = narrow.error.slice();
  const step = narrow.step.slice();
  for (let i = 0; i < value.length; i += 1) {
    if (wide.error[i]! <= error[i]!) {
      value[i] = wide.value[i]!;
      error[i] = wide.error[i]!;
      step[i] = wide.step[i]!;
    }
  }
  return { ...narrow, value, error, step };
}
