// Owns what a gradient check says: verdicts, the worst entry, and their words. It computes no derivative.

/** `inconclusive`: the numerical derivative is too uncertain, or does not exist. It is never a pass. */
export type Verdict = 'pass' | 'fail' | 'inconclusive';

/** One entry of the Jacobian (or, with directions, one directional derivative), analytic beside numeric. */
export interface JacobianEntry {
  /** Which input, and the index of the element in it; null: a direction through all inputs. */
  readonly input: number | null;
  readonly inputIndex: readonly number[];
  /** Which output, and the index of the element in it; null: all outputs, weighted by a random vector. */
  readonly output: number | null;
  readonly outputIndex: readonly number[];
  readonly analytic: number;
  readonly numeric: number;
  /** How uncertain `numeric` is. */
  readonly uncertainty: number;
  readonly allowed: number;
  readonly verdict: Verdict;
  /** Why it is not a pass. */
  readonly reason?: string;
}

/** What a gradient check found. */
export interface GradcheckReport {
  readonly verdict: Verdict;
  /** 1: the gradient; 2: the gradient of the gradient. */
  readonly order: 1 | 2;
  readonly mode: 'jacobian' | 'directions';
  /** Jacobian entries, or directional derivatives, that were compared. */
  readonly compared: number;
  readonly failed: number;
  readonly inconclusive: number;
  /** The entry furthest from its allowance: the culprit where it failed, the closest call where it passed. */
  readonly worst?: JacobianEntry;
  /** For a person: one line when it passed. */
  readonly message: string;
  /** The check of the gradient's own gradient, where it was asked for. */
  readonly second?: GradcheckReport;
}

/** Collects entries into a report. */
export class Findings {
  #compared = 0;
  #failed = 0;
  #inconclusive = 0;
  #worst: JacobianEntry | undefined;
  #problem: string | undefined;

  add(entry: JacobianEntry): void {
    this.#compared += 1;
    if (entry.verdict === 'fail') this.#failed += 1;
    if (entry.verdict === 'inconclusive') this.#inconclusive += 1;
    if (!this.#worst || severity(entry) > severity(this.#worst)) this.#worst = entry;
  }

  /** A finding that is no entry of the Jacobian: the function is not deterministic, the gradient has the wrong shape. */
  problem(text: string): void {
    this.#failed += 1;
    this.#problem ??= text;
  }

  get failed(): boolean {
    return this.#failed > 0;
  }

  report(order: 1 | 2, mode: GradcheckReport['mode']): GradcheckReport {
    const undecided = this.#inconclusive > 0 || this.#compared === 0;
    const verdict = this.#failed > 0 ? 'fail' : undecided ? 'inconclusive' : 'pass';
    const counts = { compared: this.#compared, failed: this.#failed, inconclusive: this.#inconclusive };
    const message = this.#message(verdict, order, mode);
    return { verdict, order, mode, ...counts, ...(this.#worst ? { worst: this.#worst } : {}), message };
  }

  #message(verdict: Verdict, order: 1 | 2, mode: GradcheckReport['mode']): string {
    const unit = mode === 'jacobian' ? 'Jacobian entries' : 'directional derivatives';
    const what = order === 1 ? 'gradient' : 'gradient of the gradient';
    if (this.#compared === 0 && this.#problem === undefined) return `${what}: nothing to compare`;
    const count =
      verdict === 'fail' ? this.#failed : verdict === 'pass' ? this.#compared : this.#inconclusive;
    const words = { pass: 'agree', fail: 'are wrong', inconclusive: 'could not be decided' } as const;
    const lines = [`${what}: ${count} of ${Math.max(this.#compared, count)} ${unit} ${words[verdict]}`];
    if (this.#problem !== undefined) lines.push(`  ${this.#problem}`);
    if (this.#worst && (verdict !== 'pass' || mode === 'jacobian'))
      lines.push(`  worst: ${showEntry(this.#worst)}`);
    return lines.join('\n');
  }
}

/** `d out0[1, 2] / d in0[3]: analytic 1.5, numeric 3 ± 1e-11 (allowed 3e-6)` */
export function showEntry(entry: JacobianEntry): string {
  const place = (kind: string, at: number | null, index: readonly number[]) =>
    at === null ? kind : `${kind}${at}[${index.join(', ')}]`;
  const top = entry.output === null ? '(random · outputs)' : place('out', entry.output, entry.outputIndex);
  const below = entry.input === null ? '(random direction)' : place('in', entry.input, entry.inputIndex);
  const why = entry.reason === undefined ? '' : `: ${entry.reason}`;
  const about = `± ${entry.uncertainty.toExponential(1)}; allowed ${entry.allowed.toExponential(1)}`;
  return `d ${top} / d ${below}: analytic ${entry.analytic}, numeric ${entry.numeric} (${about})${why}`;
}

function severity(entry: JacobianEntry): number {
  const rank = { pass: 0, inconclusive: 1, fail: 2 }[entry.verdict];
  const apart = Math.abs(entry.analytic - entry.numeric) / Math.max(entry.allowed, Number.MIN_VALUE);
  // Ranks never mix: the squashed distance stays below 1.
  return rank + (Number.isNaN(apart) ? 0.999 : (apart / (1 + apart)) * 0.998);
}
