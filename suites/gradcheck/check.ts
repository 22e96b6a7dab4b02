// Owns the comparison of an analytic gradient with a numerical one, on flat arrays. It knows no tensors.
import { type Curve, type Derivative, differentiate } from './numeric.js';
import { Findings, type GradcheckReport, type JacobianEntry } from './report.js';

/** A function of several arrays, and its own opinion of its gradient. */
export interface Problem {
  readonly inputs: readonly Float64Array[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly outputShapes: readonly (readonly number[])[];
  /** All outputs, one after the other. Must not keep or change the inputs. */
  evaluate(inputs: readonly Float64Array[]): Float64Array;
  /** The gradients of (weights · outputs); null where none flows to an input. */
  gradients(weights: Float64Array): readonly (Float64Array | null)[];
}

/** How a check is done. The defaults suit float64. */
export interface CheckOptions {
  /** Allowed distance, relative to the entry. */
  readonly rtol?: number;
  /** Allowed distance, relative to the greatest entry. */
  readonly atol?: number;
  /** Evaluations and backward passes that a full Jacobian may cost; above it, random directions are tried. */
  readonly budget?: number;
  /** How many directions, at least 8. */
  readonly directions?: number;
  readonly seed?: number;
}

const DEFAULTS = { rtol: 1e-6, atol: 1e-8, budget: 4000, directions: 8, seed: 20_240_607 };
const EVALUATIONS = 8;
const STEP = 2 ** -7;
const NARROWER = 256;

/** The derivatives of all outputs by one element of an input. */
interface Column {
  readonly input: number;
  readonly at: number;
  readonly step: number;
  readonly found: Derivative;
}

/** Checks a problem's gradient at its inputs. */
export function checkProblem(problem: Problem, order: 1 | 2, options: CheckOptions = {}): GradcheckReport {
  const settings = { ...DEFAULTS, ...options };
  const findings = new Findings();
  const first = problem.evaluate(problem.inputs);
  const again = problem.evaluate(problem.inputs);
  if (first.some((value, at) => !Object.is(value, again[at])))
    findings.problem('two evaluations at the same inputs differ: a random function cannot be checked');
  const check = new Check(problem, first, settings, findings);
  const size = problem.inputs.reduce((sum, one) => sum + one.length, 0);
  const full = size * EVALUATIONS + first.length <= settings.budget;
  if (!findings.failed && size > 0 && first.length > 0) {
    if (full) check.jacobian();
    else check.directions(Math.max(8, settings.directions));
  }
  return findings.report(order, full ? 'jacobian' : 'directions');
}

/** A small seeded generator: the same check twice gives the same report. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Weights without symmetry: neither equal nor of one sign, so that a transposed or unsummed gradient shows. */
export function weightsOf(length: number, random: () => number): Float64Array {
  return Float64Array.from({ length }, () => (random() < 0.5 ? -1 : 1) * (0.5 + random()));
}

class Check {
  readonly #problem: Problem;
  readonly #values: Float64Array;
  readonly #settings: Required<CheckOptions>;
  readonly #findings: Findings;
  readonly #random: () => number;
  readonly #typical: readonly number[];
  /** The least scale of the Jacobian: below it, differences drown in the rounding of the values. */
  readonly #floor: number;

  constructor(problem: Problem, values: Float64Array, settings: Required<CheckOptions>, findings: Findings) {
    this.#problem = problem;
    this.#values = values;
    this.#settings = settings;
    this.#findings = findings;
    this.#random = generator(settings.seed);
    this.#floor =
      0.1 * Math.sqrt(values.reduce((sum, one) => sum + (Number.isFinite(one) ? one * one : 0), 0));
    this.#typical = problem.inputs.map((one) => {
      const most = one.reduce((best, value) => Math.max(best, Math.abs(value)), 0);
      return most === 0 || !Number.isFinite(most) ? 1 : Math.min(1, most);
    });
  }

  /** Every output against every input element. */
  jacobian(): void {
    const rows = this.#analyticRows();
    if (!rows) return;
    const columns: Column[] = [];
    let scale = this.#floor;
    this.#problem.inputs.forEach((input, k) => {
      for (let at = 0; at < input.length; at += 1) {
        const step = STEP * Math.max(Math.abs(input[at]!), this.#typical[k]!);
        const found = differentiate(this.#along(k, at), step, this.#enough(scale));
        for (const value of found.value) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
        columns.push({ input: k, at, step, found });
      }
    });
    columns.forEach((column, flat) => {
      this.#column(
        column,
        rows.map((row) => row[flat]!),
        scale,
      );
    });
    this.#linear(rows, scale);
  }

  /** All outputs against one input element. */
  #column({ input, at, step, found }: Column, analytic: readonly number[], scale: number): void {
    let narrow: Derivative | undefined;
    analytic.forEach((value, output) => {
      const entry = this.#entry(value, found, output, { input, at, output }, scale);
      if (entry.verdict === 'fail') {
        narrow ??= differentiate(this.#along(input, at), step / NARROWER, () => true);
        const again = this.#entry(value, narrow, output, { input, at, output }, scale);
        this.#findings.add(confirmed(entry, again));
      } else this.#findings.add(entry);
    });
  }

  /** Random ±1 directions through all inputs at once, against random weights of the outputs. */
  directions(count: number): void {
    for (let trial = 0; trial < count; trial += 1) {
      const weights = weightsOf(this.#values.length, this.#random);
      const gradient = this.#gradient(weights);
      if (!gradient) return;
      const direction = Float64Array.from(gradient, () => (this.#random() < 0.5 ? -1 : 1));
      const entry = this.#directional(weights, gradient, direction);
      this.#findings.add(entry.verdict === 'fail' ? this.#locate(weights, gradient, direction) : entry);
      if (entry.verdict === 'fail') return;
    }
  }

  /** Halves a wrong direction until one element is left. */
  #locate(weights: Float64Array, gradient: Float64Array, direction: Float64Array): JacobianEntry {
    let low = 0;
    let high = direction.length;
    const part = (from: number, to: number) =>
      direction.map((value, at) => (at >= from && at < to ? value : 0));
    let worst = this.#directional(weights, gradient, direction);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const left = this.#directional(weights, gradient, part(low, middle));
      const right = this.#directional(weights, gradient, part(middle, high));
      const distance = (one: JacobianEntry) => Math.abs(one.analytic - one.numeric);
      const goLeft =
        left.verdict === 'fail' && !(right.verdict === 'fail' && distance(right) > distance(left));
      if (!goLeft && right.verdict !== 'fail') return worst; // spread too thin to name one element
      worst = goLeft ? left : right;
      if (goLeft) high = middle;
      else low = middle;
    }
    const [input, at] = this.#place(low);
    const sign = direction[low]!;
    const index = unravelIndex(at, this.#problem.inputShapes[input]!);
    return {
      ...worst,
      analytic: worst.analytic * sign,
      numeric: worst.numeric * sign,
      input,
      inputIndex: index,
    };
  }

  #directional(weights: Float64Array, gradient: Float64Array, direction: Float64Array): JacobianEntry {
    const { inputs } = this.#problem;
    const curve: Curve = (t) => {
      let flat = 0;
      const moved = inputs.map((one) => one.map((value) => value + t * direction[flat++]!));
      return Float64Array.of(dot(weights, this.#problem.evaluate(moved)));
    };
    const norm = Math.sqrt(
      gradient.reduce((sum, value, at) => sum + (direction[at] === 0 ? 0 : value * value), 0),
    );
    const step = STEP * Math.min(...this.#typical);
    const least = Math.max(norm, this.#floor);
    const found = differentiate(curve, step, this.#enough(least));
    const scale = Math.max(least, Math.abs(found.value[0]!) || 0);
    const place = { input: null, at: 0, output: null };
    const entry = this.#entry(dot(gradient, direction), found, 0, place, scale);
    if (entry.verdict !== 'fail') return entry;
    const narrow = differentiate(curve, step / NARROWER, () => true);
    return confirmed(entry, this.#entry(dot(gradient, direction), narrow, 0, place, scale));
  }

  #entry(
    analytic: number,
    found: Derivative,
    row: number,
    place: { input: number | null; at: number; output: number | null },
    scale: number,
  ): JacobianEntry {
    const numeric = found.value[row]!;
    const uncertainty = found.error[row]!;
    const { rtol, atol } = this.#settings;
    const allowed = rtol * Math.max(Math.abs(numeric), Math.abs(analytic)) + atol * scale;
    const [output, outputAt] = place.output === null ? [null, 0] : this.#outputPlace(place.output);
    return {
      input: place.input,
      inputIndex: place.input === null ? [] : unravelIndex(place.at, this.#problem.inputShapes[place.input]!),
      output,
      outputIndex: output === null ? [] : unravelIndex(outputAt, this.#problem.outputShapes[output]!),
      analytic,
      numeric,
      uncertainty,
      allowed,
      ...judge(analytic, found, row, allowed),
    };
  }

  /** One backward pass for every output element. */
  #analyticRows(): Float64Array[] | undefined {
    const rows: Float64Array[] = [];
    for (let row = 0; row < this.#values.length; row += 1) {
      const weights = new Float64Array(this.#values.length);
      weights[row] = 1;
      const found = this.#gradient(weights);
      if (!found) return undefined;
      rows.push(found);
    }
    return rows;
  }

  /** A random grad_output must give the same mixture of the Jacobian's rows. */
  #linear(rows: readonly Float64Array[], scale: number): void {
    const weights = weightsOf(rows.length, this.#random);
    const mixed = this.#gradient(weights);
    if (!mixed) return;
    for (let at = 0; at < mixed.length; at += 1) {
      let want = 0;
      let size = 0;
      rows.forEach((row, k) => {
        want += weights[k]! * row[at]!;
        size += Math.abs(weights[k]! * row[at]!);
      });
      if (Number.isFinite(want) && Math.abs(mixed[at]! - want) <= 1e-10 * size + 1e-12 * scale) continue;
      if (!Number.isFinite(want) && !Number.isFinite(mixed[at]!)) continue;
      const [input, where] = this.#place(at);
      const index = unravelIndex(where, this.#problem.inputShapes[input]!).join(', ');
      this.#findings.problem(
        `in${input}[${index}]: a random grad_output gives ${mixed[at]}, the same mixture of the Jacobian's rows ${want}; the backward is not linear in grad_output`,
      );
      return;
    }
  }

  #gradient(weights: Float64Array): Float64Array | undefined {
    const found = this.#problem.gradients(weights);
    const { inputs } = this.#problem;
    const size = inputs.reduce((sum, one) => sum + one.length, 0);
    const flat = new Float64Array(size);
    let at = 0;
    for (let k = 0; k < inputs.length; k += 1) {
      const one = found[k];
      if (one && one.length !== inputs[k]!.length) {
        this.#findings.problem(
          `the gradient of in${k} has ${one.length} elements, the input ${inputs[k]!.length}`,
        );
        return undefined;
      }
      if (one) flat.set(one, at);
      at += inputs[k]!.length;
    }
    return flat;
  }

  #along(input: number, at: number): Curve {
    const inputs = this.#problem.inputs.map((one) => one.slice());
    const moved = inputs[input]!;
    const centre = moved[at]!;
    return (t) => {
      moved[at] = centre + t;
      return this.#problem.evaluate(inputs);
    };
  }

  #enough(scale: number): (value: number, error: number) => boolean {
    const { rtol, atol } = this.#settings;
    return (value, error) => error <= 0.1 * (rtol * Math.abs(value) + atol * scale) || error === 0;
  }

  #place(flat: number): [input: number, at: number] {
    let at = flat;
    let input = 0;
    while (at >= this.#problem.inputs[input]!.length) at -= this.#problem.inputs[input++]!.length;
    return [input, at];
  }

  #outputPlace(flat: number): [output: number, at: number] {
    let at = flat;
    let output = 0;
    for (; ; output += 1) {
      const size = this.#problem.outputShapes[output]!.reduce((product, one) => product * one, 1);
      if (at < size) return [output, at];
      at -= size;
    }
  }
}

/** A failure stands only if a much narrower step finds the same derivative: else something jumps nearby, and the narrower is nearer. */
function confirmed(entry: JacobianEntry, again: JacobianEntry): JacobianEntry {
  if (!Number.isFinite(entry.analytic)) return entry;
  const apart = Math.abs(again.numeric - entry.numeric);
  if (apart <= entry.allowed + 10 * (again.uncertainty + entry.uncertainty)) return entry;
  if (again.verdict === 'pass') return again;
  const reason = 'the numerical derivative depends on the step: a jump is near';
  return { ...entry, verdict: 'inconclusive', reason };
}

function judge(
  analytic: number,
  found: Derivative,
  row: number,
  allowed: number,
): Pick<JacobianEntry, 'verdict' | 'reason'> {
  const numeric = found.value[row]!;
  const error = found.error[row]!;
  if (!Number.isFinite(numeric))
    return { verdict: 'inconclusive', reason: 'the function is not finite nearby' };
  if (!Number.isFinite(analytic)) return { verdict: 'fail', reason: 'the gradient is not finite' };
  const gap = Math.abs(found.right[row]! - found.left[row]!);
  if (found.kink[row] === 1 && gap > 2 * allowed) {
    const low = Math.min(found.left[row]!, found.right[row]!) - allowed;
    const high = Math.max(found.left[row]!, found.right[row]!) + allowed;
    const slopes = `slopes ${found.left[row]} on the left, ${found.right[row]} on the right`;
    if (analytic < low || analytic > high)
      return { verdict: 'fail', reason: `a kink, and the gradient lies outside: ${slopes}` };
    return { verdict: 'inconclusive', reason: `a kink: ${slopes}` };
  }
  const apart = Math.abs(analytic - numeric);
  if (apart <= allowed && error <= allowed) return { verdict: 'pass' };
  // The error is an estimate: only what lies far outside it is called wrong.
  if (apart > allowed + 10 * error) return { verdict: 'fail' };
  return { verdict: 'inconclusive', reason: 'the numerical derivative is too uncertain' };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

function unravelIndex(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    index.unshift(rest % shape[dim]!);
    rest = Math.floor(rest / shape[dim]!);
  }
  return index;
}
