// Gradient check by random ±1 directions, for Jacobians that are too large. A direction that does not pass is halved
// until single elements are found.
import { sizeOf } from '../common/shapes.js';
import { type Desk, NARROWER, STEP } from './context.js';
import { type Curve, differentiate, differentiateNear } from './numeric.js';
import { dot, movedInputs, placeIn, signsOf, weightsOf } from './problem.js';
import type { JacobianEntry } from './report.js';
import { confirmed } from './verdict.js';

/** How many times the budget a search for doubtful elements may cost. */
const ESCALATION = 4;

/** Checks as many directions as the settings say; ends at the first wrong one, with the element named. */
export function checkDirections(desk: Desk): void {
  for (let trial = 0; trial < desk.settings.directions; trial += 1) {
    const weights = levelled(desk, weightsOf(desk.values.length, desk.random));
    const gradient = desk.gradient(weights);
    if (!gradient) return;
    const signs = signsOf(gradient.length, desk.random);
    new Trial(desk, weights, gradient, signs).check();
    if (desk.findings.failed) return;
  }
}

/** Weights under which outputs of very different size count alike: a sum would hide a wrong gradient of the smaller ones. */
function levelled({ values, problem }: Desk, weights: Float64Array): Float64Array {
  let from = 0;
  for (const shape of problem.outputShapes) {
    const to = from + sizeOf(shape);
    let most = 0;
    for (let at = from; at < to; at += 1)
      if (Number.isFinite(values[at]!)) most = Math.max(most, Math.abs(values[at]!));
    if (most > 0) for (let at = from; at < to; at += 1) weights[at]! /= most;
    from = to;
  }
  return weights;
}

interface Part {
  readonly entry: JacobianEntry;
  readonly curve: Curve;
  readonly low: number;
  readonly high: number;
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

class Trial {
  readonly #desk: Desk;
  readonly #weights: Float64Array;
  readonly #gradient: Float64Array;
  readonly #signs: Float64Array;
  readonly #step: number;
  #left: number;

  constructor(desk: Desk, weights: Float64Array, gradient: Float64Array, signs: Float64Array) {
    this.#desk = desk;
    this.#weights = weights;
    this.#gradient = gradient;
    this.#signs = signs;
    this.#step = STEP * Math.min(...desk.typical);
    this.#left = ESCALATION * desk.settings.budget;
  }

  check(): void {
    this.#settle(this.#part(0, this.#signs.length));
  }

  /** A pass stands; a failure is followed to its element; a doubt is halved until every element is decided or stands alone. */
  #settle(part: Part): void {
    const { entry, low, high } = part;
    if (entry.verdict === 'pass' || high - low === 1 || this.#left <= 0) {
      this.#add(part);
      return;
    }
    const middle = (low + high) >> 1;
    const halves = [this.#part(low, middle), this.#part(middle, high)];
    const apart = ({ entry: { analytic, numeric } }: Part) => Math.abs(analytic - numeric);
    if (entry.verdict === 'fail') {
      const wrong = halves.filter((half) => half.entry.verdict === 'fail');
      const worst = wrong.sort((a, b) => apart(b) - apart(a))[0];
      // Spread too thin to name one element.
      if (worst === undefined) this.#add(part);
      else this.#settle(worst);
      return;
    }
    // The halves are sharper than the whole: a wrong one among them settles it.
    const wrong = halves.find((half) => half.entry.verdict === 'fail');
    for (const half of wrong ? [wrong] : halves) this.#settle(half);
  }

  #add({ entry, curve }: Part): void {
    this.#desk.add(entry, curve, 0, this.#step);
  }

  /** The derivative in the direction that moves only these elements; of one alone, by its own sign. */
  #part(low: number, high: number): Part {
    const alone = high - low === 1;
    const direction = new Float64Array(this.#signs.length);
    for (let at = low; at < high; at += 1) direction[at] = alone ? 1 : this.#signs[at]!;
    const desk = this.#desk;
    const curve: Curve = (t) => {
      this.#left -= 1;
      const moved = movedInputs(desk.problem, direction, t);
      return Float64Array.of(dot(this.#weights, desk.problem.evaluate(moved)));
    };
    return { entry: this.#entry(curve, direction, alone ? low : undefined), curve, low, high };
  }

  #entry(curve: Curve, direction: Float64Array, alone: number | undefined): JacobianEntry {
    const desk = this.#desk;
    const gradient = this.#gradient;
    const norm = Math.sqrt(
      gradient.reduce((sum, value, at) => sum + (direction[at] === 0 ? 0 : value * value), 0),
    );
    const least = Math.max(
      norm,
      0.1 * Math.sqrt(this.#weights.reduce((sum, one, k) => sum + finite(one * desk.values[k]!) ** 2, 0)),
    );
    const [input, at] =
      alone === undefined
        ? [null, 0]
        : placeIn(
            alone,
            desk.problem.inputs.map((one) => one.length),
          );
    const found = differentiateNear(curve, this.#step, desk.ownStep(direction), desk.enough(least));
    const own = Math.max(least, Math.abs(found.value[0]!) || 0);
    const scale = { own, beside: own };
    const where = { input, at, output: null };
    const analytic = dot(gradient, direction);
    const entry = desk.entry(analytic, found, 0, where, scale);
    if (entry.verdict !== 'fail') return entry;
    const narrow = differentiate(curve, this.#step / NARROWER, Number.isFinite);
    return confirmed(entry, desk.entry(analytic, narrow, 0, where, scale));
  }
}
