// Compares an analytic gradient with a numerical one: the full Jacobian within a budget of evaluations, random
// directions above it. Plain arrays only.
import {
  type CheckOptions,
  Desk,
  NARROWER,
  type RowScale,
  type Settings,
  STEP,
  settingsOf,
} from './context.js';
import { checkDirections } from './directions.js';
import { type Curve, type Derivative, differentiate, differentiateNear } from './numeric.js';
import { inputSize, type Problem, weightsOf } from './problem.js';
import { Findings, type GradcheckReport, type Kind } from './report.js';
import { confirmed } from './verdict.js';

export type { CheckOptions, Problem };

/** Evaluations that one column of the Jacobian costs at least. */
const EVALUATIONS = 8;

/** The derivatives of all outputs by one element of an input. */
interface Column {
  readonly input: number;
  readonly at: number;
  readonly step: number;
  readonly found: Derivative;
}

/** Checks a problem's gradient at its inputs. */
export function checkProblem(problem: Problem, order: 1 | 2, options: CheckOptions = {}): GradcheckReport {
  const kind: Kind = order === 1 ? 'gradient' : 'second';
  return checkWith(problem, kind, options, (desk, full) => {
    if (full) new Jacobian(desk).check();
    else checkDirections(desk);
    zeroGradOutput(desk);
  });
}

/** Sets up a desk at the problem's point and lets `work` fill its findings. */
export function checkWith(
  problem: Problem,
  kind: Kind,
  options: CheckOptions,
  work: (desk: Desk, full: boolean) => void,
): GradcheckReport {
  const settings: Settings = settingsOf(options);
  const findings = new Findings();
  const first = problem.evaluate(problem.inputs);
  const again = problem.evaluate(problem.inputs);
  if (first.some((value, at) => !Object.is(value, again[at])))
    findings.problem('two evaluations at the same inputs differ: a random function cannot be checked');
  const size = inputSize(problem);
  const full = size * EVALUATIONS + first.length <= settings.budget;
  if (!findings.failed && size > 0 && first.length > 0)
    work(new Desk(problem, first, settings, findings), full);
  return findings.report(kind, full ? 'jacobian' : 'directions', settings.curve);
}

/** A backward pass of nothing gives nothing: neither a constant nor 0 · ∞. */
function zeroGradOutput(desk: Desk): void {
  if (desk.findings.failed) return;
  const usual = desk.gradient(weightsOf(desk.values.length, desk.random));
  const zero = usual && desk.gradient(new Float64Array(desk.values.length));
  if (!usual || !zero) return;
  const at = zero.findIndex((value, k) => value !== 0 && Number.isFinite(usual[k]!));
  if (at >= 0)
    desk.findings.problem(
      `${desk.inputName(at)}: a grad_output of zeros gives a gradient of ${zero[at]}, it must give 0`,
    );
}

/** Every output against every input element. */
class Jacobian {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  check(): void {
    const rows = this.#analyticRows();
    if (!rows) return;
    const desk = this.#desk;
    const columns: Column[] = [];
    const greatest = new Float64Array(rows.length);
    desk.problem.inputs.forEach((input, k) => {
      for (let at = 0; at < input.length; at += 1) {
        const step = STEP * Math.max(Math.abs(input[at]!), desk.typical[k]!);
        const own = STEP * Math.abs(input[at]!);
        const found = differentiateNear(this.#along(k, at), step, own, desk.enough(desk.floor));
        found.value.forEach((value, row) => {
          if (Number.isFinite(value)) greatest[row] = Math.max(greatest[row]!, Math.abs(value));
        });
        columns.push({ input: k, at, step, found });
      }
    });
    const scale = greatest.reduce((most, one) => Math.max(most, one), desk.floor);
    const scales = desk.rowScales(greatest);
    columns.forEach((column, flat) => {
      this.#column(
        column,
        rows.map((row) => row[flat]!),
        scales,
      );
    });
    this.#linear(rows, scale);
  }

  /** All outputs against one input element. */
  #column(
    { input, at, step, found }: Column,
    analytic: readonly number[],
    scales: readonly RowScale[],
  ): void {
    let narrow: Derivative | undefined;
    const curve = this.#along(input, at);
    analytic.forEach((value, output) => {
      const where = { input, at, output };
      const scale = scales[output]!;
      const entry = this.#desk.entry(value, found, output, where, scale);
      if (entry.verdict === 'fail') {
        narrow ??= differentiate(curve, step / NARROWER, Number.isFinite);
        const again = this.#desk.entry(value, narrow, output, where, scale);
        this.#desk.add(confirmed(entry, again), curve, output, step);
      } else this.#desk.add(entry, curve, output, step);
    });
  }

  /** One backward pass for every output element. */
  #analyticRows(): Float64Array[] | undefined {
    const rows: Float64Array[] = [];
    const count = this.#desk.values.length;
    for (let row = 0; row < count; row += 1) {
      const weights = new Float64Array(count);
      weights[row] = 1;
      const found = this.#desk.gradient(weights);
      if (!found) return undefined;
      rows.push(found);
    }
    return rows;
  }

  /** A random grad_output must give the same mixture of the Jacobian's rows. */
  #linear(rows: readonly Float64Array[], scale: number): void {
    const weights = weightsOf(rows.length, this.#desk.random);
    const mixed = this.#desk.gradient(weights);
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
      this.#desk.findings.problem(
        `${this.#desk.inputName(at)}: a random grad_output gives ${mixed[at]}, the same mixture of the Jacobian's rows ${want}; the backward is not linear in grad_output`,
      );
      return;
    }
  }

  #along(input: number, at: number): Curve {
    const { problem } = this.#desk;
    const inputs = problem.inputs.map((one) => one.slice());
    const moved = inputs[input]!;
    const centre = moved[at]!;
    return (t) => {
      moved[at] = centre + t;
      return problem.evaluate(inputs);
    };
  }
}
