// Line search for the strong Wolfe conditions: bracketing, then zooming by cubic interpolation. Nocedal and Wright, 2006, 3.5.
//   const { f, g, t, evaluations } = strongWolfe((t) => evaluate(t), { t, d, f, g, slope }, 25);
import type { Tensor } from '../core/tensor.js';
import { add, div, mul, type Num, numberOf, sqrt, sub } from './_numbers.js';

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const LEAST_CHANGE = 1e-9;

/** A point on the line: its distance, loss, gradient and slope. */
interface Point {
  readonly t: Num;
  readonly f: number;
  readonly g: Tensor;
  readonly slope: Tensor;
}
export interface Start extends Point {
  /** The direction. */
  readonly d: Tensor;
}
type Evaluate = (t: Num) => { f: number; g: Tensor };

/** The point that meets the conditions, or the best one found within `most` evaluations. */
export function strongWolfe(
  evaluate: Evaluate,
  start: Start,
  most: number,
): { f: number; g: Tensor; t: Num; evaluations: number } {
  const search = new Search(evaluate, start, most);
  const { f, g, t } = search.run();
  return { f, g, t, evaluations: search.evaluations };
}

class Search {
  evaluations = 0;
  readonly #evaluate: Evaluate;
  readonly #start: Start;
  readonly #most: number;
  #iterations = 0;

  constructor(evaluate: Evaluate, start: Start, most: number) {
    this.#evaluate = evaluate;
    this.#start = { ...start, g: start.g.clone() };
    this.#most = most;
  }

  run(): Point {
    const bracket = this.#bracket();
    return bracket.length === 1 ? bracket[0]! : this.#zoom(bracket);
  }

  #at(t: Num): Point {
    const { f, g } = this.#evaluate(t);
    this.evaluations++;
    return { t, f, g, slope: g.dot(this.#start.d) };
  }

  /** Is the loss above the line of sufficient decrease? */
  #isTooHigh({ t, f }: Point): boolean {
    const { f: f0, slope } = this.#start;
    return f > numberOf(add(mul(mul(SUFFICIENT_DECREASE, t), slope), f0));
  }
  #isFlat({ slope }: Point): boolean {
    return Math.abs(numberOf(slope)) <= numberOf(mul(-CURVATURE, this.#start.slope));
  }

  /** Two points around one that meets the conditions, or one that does. */
  #bracket(): Point[] {
    let before: Point = { ...this.#start, t: 0 };
    let now = this.#at(this.#start.t);
    for (; this.#iterations < this.#most; this.#iterations++) {
      if (this.#isTooHigh(now) || (this.#iterations > 1 && now.f >= before.f)) return [before, now];
      if (this.#isFlat(now)) return [now];
      if (numberOf(now.slope) >= 0) return [before, now];
      const least = add(now.t, mul(0.01, sub(now.t, before.t)));
      const next = cubicMinimum(before, now, [least, mul(now.t, 10)]);
      before = now;
      now = this.#at(next);
    }
    return [{ ...this.#start, t: 0 }, now];
  }

  #zoom(bracket: Point[]): Point {
    const largest = numberOf(this.#start.d.abs().max());
    let stuck = false;
    let low = bracket[0]!.f <= bracket.at(-1)!.f ? 0 : 1;
    while (this.#iterations < this.#most) {
      const [a, b] = bracket as [Point, Point];
      if (Math.abs(numberOf(sub(b.t, a.t))) * largest < LEAST_CHANGE) break;
      const trial = inside(cubicMinimum(a, b), a.t, b.t, stuck);
      stuck = trial.stuck;
      const now = this.#at(trial.t);
      this.#iterations++;
      if (this.#isTooHigh(now) || now.f >= bracket[low]!.f) {
        bracket[1 - low] = now;
        low = bracket[0]!.f <= bracket[1]!.f ? 0 : 1;
        continue;
      }
      const done = this.#isFlat(now);
      const width = numberOf(sub(bracket[1 - low]!.t, bracket[low]!.t));
      if (!done && numberOf(now.slope) * width >= 0) bracket[1 - low] = bracket[low]!;
      bracket[low] = now;
      if (done) break;
    }
    return bracket[low]!;
  }
}

const smaller = (a: Num, b: Num): Num => (numberOf(b) < numberOf(a) ? b : a);
const larger = (a: Num, b: Num): Num => (numberOf(b) > numberOf(a) ? b : a);

/** Keeps a trial away from the ends of the bracket: the second time in a row a tenth of its width. */
function inside(t: Num, a: Num, b: Num, stuck: boolean): { t: Num; stuck: boolean } {
  const [low, high] = [smaller(a, b), larger(a, b)];
  const margin = mul(0.1, sub(high, low));
  const [toHigh, toLow] = [numberOf(sub(high, t)), numberOf(sub(t, low))];
  if (!(Math.min(toHigh, toLow) < numberOf(margin))) return { t, stuck: false };
  if (!stuck && toHigh > 0 && toLow > 0) return { t, stuck: true };
  const nearHigh = Math.abs(toHigh) < Math.abs(toLow);
  return { t: nearHigh ? sub(high, margin) : add(low, margin), stuck: false };
}

/** Where the cubic through two points with their slopes is least, within the bounds. */
function cubicMinimum(p: Point, q: Point, bounds?: readonly [Num, Num]): Num {
  const forwards = numberOf(p.t) <= numberOf(q.t);
  const [low, high] = bounds ?? (forwards ? [p.t, q.t] : [q.t, p.t]);
  const d1 = sub(add(p.slope, q.slope), div(3 * (p.f - q.f), sub(p.t, q.t)));
  const square = sub(mul(d1, d1), mul(p.slope, q.slope));
  if (!(numberOf(square) >= 0)) return div(add(low, high), 2);
  const d2 = sqrt(square);
  const [from, to] = forwards ? [p, q] : [q, p];
  const share = div(sub(add(to.slope, d2), d1), add(sub(to.slope, from.slope), mul(2, d2)));
  const least = sub(to.t, mul(sub(to.t, from.t), share));
  return smaller(larger(least, low), high);
}
