// Check of forward mode: Jacobian-vector products against central differences and against the backward pass.
import { checkWith } from './check.js';
import { type CheckOptions, type Desk, NARROWER, STEP } from './context.js';
import { type Curve, type Derivative, differentiate, differentiateNear } from './numeric.js';
import { dot, dotSize, movedInputs, type Problem, signsOf, weightsOf } from './problem.js';
import type { GradcheckReport } from './report.js';
import { confirmed } from './verdict.js';

/** How far ⟨u, J·v⟩ and ⟨Jᵀ·u, v⟩ may lie apart, relative to what was summed: both are analytic. */
const TRANSPOSE_RTOL = 1e-10;

/** Checks a problem's forward mode at its inputs. */
export function checkForward(problem: Problem, options: CheckOptions = {}): GradcheckReport {
  return checkWith(problem, 'forward', options, (desk) => {
    for (const direction of directionsOf(desk)) {
      const pushed = problem.forward!(direction);
      if (pushed.length !== desk.values.length) {
        desk.findings.problem(
          `forward mode gives ${pushed.length} derivatives, the function ${desk.values.length} outputs`,
        );
        return;
      }
      against(desk, direction, pushed);
      if (!desk.findings.failed) transposed(desk, direction, pushed);
      if (desk.findings.failed) return;
    }
  });
}

/** Each element alone where they are few, random signs for all at once where they are many. */
function directionsOf({ size, settings, random }: Desk): Float64Array[] {
  if (size <= settings.directions)
    return Array.from({ length: size }, (_, at) => new Float64Array(size).with(at, 1));
  return Array.from({ length: settings.directions }, () => signsOf(size, random));
}

/** Every output's derivative in this direction against central differences. */
function against(desk: Desk, direction: Float64Array, pushed: Float64Array): void {
  const curve: Curve = (t) => desk.problem.evaluate(movedInputs(desk.problem, direction, t));
  const step = STEP * Math.min(...desk.typical);
  const scale = pushed.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    desk.floor,
  );
  const found = differentiateNear(curve, step, desk.ownStep(direction), desk.enough(scale));
  const scales = desk.rowScales(pushed.map((value) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  let narrow: Derivative | undefined;
  pushed.forEach((value, output) => {
    const where = { input: null, at: 0, output };
    let entry = desk.entry(value, found, output, where, scales[output]!);
    if (entry.verdict === 'fail') {
      narrow ??= differentiate(curve, step / NARROWER, Number.isFinite);
      entry = confirmed(entry, desk.entry(value, narrow, output, where, scales[output]!));
    }
    desk.add(entry, curve, output, step);
  });
}

/** ⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩ for a random u: forward mode and the backward pass are transposes of each other. */
function transposed(desk: Desk, direction: Float64Array, pushed: Float64Array): void {
  const weights = weightsOf(pushed.length, desk.random);
  const pulled = desk.gradient(weights);
  if (!pulled) return;
  const forward = dot(weights, pushed);
  const backward = dot(pulled, direction);
  const size = Math.max(dotSize(weights, pushed), dotSize(pulled, direction));
  if (!Number.isFinite(forward) && !Number.isFinite(backward)) return;
  if (Math.abs(forward - backward) <= TRANSPOSE_RTOL * size) return;
  desk.findings.problem(
    `forward mode is not the backward transposed: ⟨u, J·v⟩ is ${forward}, ⟨Jᵀ·u, v⟩ is ${backward}`,
  );
}
