// Gradient check context: the point, the tolerances, the analytic gradient with its undefined entries, and comparison
// of one entry.
import { sizeOf, unravel } from '../common/shapes.js';
import { type Curve, type Derivative, distances } from './numeric.js';
import { generator, inputName, inputSize, type Problem, placeIn } from './problem.js';
import { type Findings, type JacobianEntry, place } from './report.js';
import type { TieRule } from './subgradients.js';
import { judge } from './verdict.js';

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
  /** What the gradient is at a kink; without it, a kink is never a pass. */
  readonly ties?: TieRule;
  /** Whether the worst entry gets its V-curve; default: only where it is no pass. */
  readonly curve?: (worst: JacobianEntry) => boolean;
}

/** The options with their defaults. */
export type Settings = ReturnType<typeof settingsOf>;

/** Fills in the defaults. */
export function settingsOf(options: CheckOptions) {
  const { rtol = 1e-6, atol = 1e-8, budget = 4000, directions = 8, seed = 20_240_607 } = options;
  const { ties, curve = (worst: JacobianEntry) => worst.verdict !== 'pass' } = options;
  return { rtol, atol, budget, directions: Math.max(8, directions), seed, ties, curve };
}

/** The first step, relative to the size of what is moved. */
export const STEP = 2 ** -7;
/** What a value may be off by rounding, relative to the largest beside it: sums of as many terms as an output has are usual. */
const ROUNDING = 8 * 2 ** -52;
/** How much narrower the step is that must confirm a failure. */
export const NARROWER = 256;

/** Where an entry of the Jacobian stands; null: a direction through all inputs, all outputs weighted. */
export interface Where {
  readonly input: number | null;
  readonly at: number;
  readonly output: number | null;
}

/** What the allowed distance of an entry is relative to. */
export interface RowScale {
  /** The greatest entry of its row, or the output's value. */
  readonly own: number;
  /** The greatest of all rows of the same output: what many algorithms add up there rounds by that. */
  readonly beside: number;
}

/** One check's desk. */
export class Desk {
  readonly problem: Problem;
  /** The outputs at the point. */
  readonly values: Float64Array;
  readonly settings: Settings;
  readonly findings: Findings;
  readonly random: () => number;
  /** The usual size of each input's elements, at most 1: steps are relative to it. */
  readonly typical: readonly number[];
  /** The least scale of the Jacobian: below it, differences drown in the rounding of the values. */
  readonly floor: number;
  readonly size: number;
  #nones: string | undefined;
  #last: readonly (Float64Array | null)[] = [];

  constructor(problem: Problem, values: Float64Array, settings: Settings, findings: Findings) {
    this.problem = problem;
    this.values = values;
    this.settings = settings;
    this.findings = findings;
    this.random = generator(settings.seed);
    this.size = inputSize(problem);
    this.floor =
      0.1 * Math.sqrt(values.reduce((sum, one) => sum + (Number.isFinite(one) ? one * one : 0), 0));
    this.typical = problem.inputs.map((one) => {
      const most = one.reduce((best, value) => Math.max(best, Math.abs(value)), 0);
      return most === 0 || !Number.isFinite(most) ? 1 : Math.min(1, most);
    });
  }

  /** The analytic gradient of (weights · outputs), all inputs in one; undefined, with a finding, when it is none. */
  gradient(weights: Float64Array): Float64Array | undefined {
    const found = this.problem.gradients(weights);
    const flat = new Float64Array(this.size);
    let at = 0;
    for (const [k, input] of this.problem.inputs.entries()) {
      const one = found[k];
      if (one && one.length !== input.length) {
        this.findings.problem(
          `the gradient of in${this.label(k)} has ${one.length} elements, the input ${input.length}`,
        );
        return undefined;
      }
      if (one) flat.set(one, at);
      at += input.length;
    }
    this.#last = found;
    return this.#sameNones(found) ? flat : undefined;
  }

  /** Whether no gradient at all flows to an input: None, which is not the same as a gradient of zeros. */
  isNone(input: number): boolean {
    return this.#last[input] === null || this.#last[input] === undefined;
  }

  label(input: number): number {
    return this.problem.labels?.[input] ?? input;
  }

  /** None is a matter of the graph: it cannot depend on grad_output. */
  #sameNones(found: readonly (Float64Array | null)[]): boolean {
    const nones = this.problem.inputs.flatMap((_, k) => (found[k] ? [] : [this.label(k)]));
    this.#nones ??= String(nones);
    this.findings.none(nones);
    if (this.#nones === String(nones)) return true;
    this.findings.problem(
      `which gradients are None depends on grad_output: of in[${this.#nones}] for one, of in[${nones}] for another`,
    );
    return false;
  }

  /** One entry, judged, by the scales of its row. */
  entry(analytic: number, found: Derivative, row: number, where: Where, scale: RowScale): JacobianEntry {
    const numeric = found.value[row]!;
    const { rtol, atol, ties } = this.settings;
    const allowed =
      rtol * Math.max(Math.abs(numeric), Math.abs(analytic)) +
      atol * scale.own +
      (ROUNDING * scale.beside) / found.step[row]!;
    const { inputShapes, outputShapes } = this.problem;
    const [output, outputAt] =
      where.output === null ? [null, 0] : placeIn(where.output, outputShapes.map(sizeOf));
    const input = where.input === null ? null : this.label(where.input);
    const single = output !== null;
    const judged = judge({ analytic, found, row, allowed, input, single, ties });
    const none = where.input !== null && judged.verdict === 'fail' && this.isNone(where.input);
    return {
      input,
      inputIndex: where.input === null ? [] : unravel(where.at, inputShapes[where.input]!),
      output,
      outputIndex: output === null ? [] : unravel(outputAt, outputShapes[output]!),
      analytic,
      numeric,
      uncertainty: found.error[row]!,
      allowed,
      ...judged,
      ...(none ? { reason: 'no gradient flows to the input (None), yet the output depends on it' } : {}),
    };
  }

  /** Adds an entry, and remembers how to draw its V-curve. */
  add(entry: JacobianEntry, curve: Curve, row: number, step: number): void {
    this.findings.add(entry, () => ({
      what: place(entry),
      points: distances(curve, row, entry.analytic, step),
    }));
  }

  /** The scales of the rows of a Jacobian, whose greatest entries are given: never those of other outputs. */
  rowScales(greatest: Float64Array): RowScale[] {
    const value = (row: number) => (Number.isFinite(this.values[row]!) ? Math.abs(this.values[row]!) : 0);
    let from = 0;
    return this.problem.outputShapes.flatMap((shape) => {
      const rows = Array.from({ length: sizeOf(shape) }, (_, k) => from + k);
      from += rows.length;
      const beside = rows.reduce((most, row) => Math.max(most, greatest[row]!, value(row)), 0);
      return rows.map((row) => ({ own: Math.max(greatest[row]!, 0.1 * value(row)), beside }));
    });
  }

  /** A step that the smallest element of those moved can take; 0 where there is none. */
  ownStep(direction: Float64Array): number {
    let least = Number.POSITIVE_INFINITY;
    let flat = 0;
    for (const input of this.problem.inputs)
      for (const value of input)
        if (direction[flat++] !== 0 && value !== 0) least = Math.min(least, Math.abs(value));
    return Number.isFinite(least) ? STEP * least : 0;
  }

  /** Whether a derivative is known well enough to stop refining it. */
  enough(scale: number): (value: number, error: number) => boolean {
    const { rtol, atol } = this.settings;
    return (value, error) => error <= 0.1 * (rtol * Math.abs(value) + atol * scale) || error === 0;
  }

  inputName(flat: number): string {
    return inputName(this.problem, flat);
  }
}
