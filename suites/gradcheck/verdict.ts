// Verdict on one derivative: analytic against numeric with its error bar; kinks by their slopes and the subgradient
// convention.
import type { Derivative } from './numeric.js';
import type { JacobianEntry, Verdict } from './report.js';
import { followsRule, type TieRule } from './subgradients.js';

/** A derivative to be judged. */
export interface Candidate {
  readonly analytic: number;
  readonly found: Derivative;
  /** Which element of `found`. */
  readonly row: number;
  readonly allowed: number;
  /** The number of the argument; null: a direction through all of them. */
  readonly input: number | null;
  /** Whether it is of one output, or of a weighted sum of all. */
  readonly single: boolean;
  readonly ties: TieRule | undefined;
}

interface Judged {
  readonly verdict: Verdict;
  readonly reason?: string;
  /** A kink at which the tie rule decided. */
  readonly tied?: true;
}

/** Pass, fail, kink or inconclusive. */
export function judge(one: Candidate): Judged {
  const { analytic, found, row, allowed } = one;
  const numeric = found.value[row]!;
  const error = found.error[row]!;
  if (found.kink[row] === 1 && Math.abs(found.right[row]! - found.left[row]!) > 2 * allowed)
    return judgeKink(one);
  if (!Number.isFinite(numeric))
    return { verdict: 'inconclusive', reason: 'the function is not finite nearby' };
  if (!Number.isFinite(analytic)) return { verdict: 'fail', reason: 'the gradient is not finite' };
  const apart = Math.abs(analytic - numeric);
  if (apart <= allowed && error <= allowed) return { verdict: 'pass' };
  // The error is an estimate: only what lies far outside it is called wrong.
  if (apart > allowed + 10 * error) return { verdict: 'fail' };
  return { verdict: 'inconclusive', reason: 'the numerical derivative is too uncertain' };
}

/** Any value between the slopes is a sub-gradient; which one it should be, the tie rule says. */
function judgeKink(one: Candidate): Judged {
  const { analytic, found, row, input, allowed, ties } = one;
  const left = found.left[row]!;
  const right = found.right[row]!;
  const slopes = `slopes ${left} on the left, ${right} on the right`;
  const kind = found.jump[row] === 1 ? 'a jump' : 'a kink';
  if (!Number.isFinite(analytic))
    return { verdict: 'fail', reason: `${kind}, and the gradient is not finite` };
  // Several kinks of either sign may meet in a sum: its slopes bound nothing. Each stands alone, where it counts.
  if (!one.single || input === null) {
    const tied =
      ties !== undefined && input !== null && followsRule(ties, analytic, found, row, input, allowed);
    return tied ? { verdict: 'pass', tied } : { verdict: 'kink', reason: `${kind}: ${slopes}` };
  }
  const beside = found.beside[row] === 1;
  // Beside a kink the slopes mix those of both its sides: either may be steeper than they show.
  const margin = allowed + (beside ? Math.abs(right - left) : 0);
  if (analytic < Math.min(left, right) - margin || analytic > Math.max(left, right) + margin)
    return { verdict: 'fail', reason: `${kind}, and the gradient lies outside: ${slopes}` };
  if (beside) return { verdict: 'inconclusive', reason: `${kind} is near: ${slopes}` };
  if (ties === undefined) return { verdict: 'kink', reason: `${kind}: ${slopes}` };
  if (followsRule(ties, analytic, found, row, input, allowed)) return { verdict: 'pass', tied: true };
  return { verdict: 'fail', reason: `${kind}, and the tie rule '${ties}' says otherwise: ${slopes}` };
}

/** A failure stands only if a much narrower step finds the same derivative: else something jumps nearby, and the narrower is nearer. */
export function confirmed(entry: JacobianEntry, again: JacobianEntry): JacobianEntry {
  if (!Number.isFinite(entry.analytic)) return entry;
  const apart = Math.abs(again.numeric - entry.numeric);
  if (apart <= entry.allowed + 10 * (again.uncertainty + entry.uncertainty)) return entry;
  if (again.verdict === 'pass') return again;
  const reason = 'the numerical derivative depends on the step: a jump is near';
  return { ...entry, verdict: 'inconclusive', reason };
}
