// Text of a gradient check: verdict and worst entry.
import { figure, type VCurve } from '../../reports/schema/index.js';

/**
 * `kink`: no derivative exists there, and the gradient lies between the slopes on both sides. `inconclusive`: the numerical derivative is
 * too uncertain. Neither is a pass.
 */
export type Verdict = 'pass' | 'fail' | 'kink' | 'inconclusive';

/** What is checked: the gradient, the gradient of the gradient, or forward mode. */
export type Kind = 'gradient' | 'second' | 'forward';

const NAMES: Readonly<Record<Kind, string>> = {
  gradient: 'gradient',
  second: 'gradient of the gradient',
  forward: 'forward mode',
};

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
  /** A kink at which the tie rule decided. */
  readonly tied?: true;
}

/** What a gradient check found. */
export interface GradcheckReport {
  readonly verdict: Verdict;
  readonly kind: Kind;
  /** 1: the gradient; 2: the gradient of the gradient. */
  readonly order: 1 | 2;
  readonly mode: 'jacobian' | 'directions';
  /** Jacobian entries, or directional derivatives, that were compared. */
  readonly compared: number;
  readonly failed: number;
  readonly inconclusive: number;
  /** Kinks at which nothing was decided, and those that the tie rule decided. */
  readonly kinks: number;
  readonly tied: number;
  /** The inputs to which no gradient flows at all: None, not zeros. */
  readonly none: readonly number[];
  /** The entry furthest from its allowance: the culprit where it failed, the closest call where it passed. */
  readonly worst?: JacobianEntry;
  /** Central differences of the worst entry at many steps. */
  readonly curve?: VCurve;
  /** For a person: one line when it passed. */
  readonly message: string;
  /** The check of the gradient's own gradient, and that of forward mode, where they were asked for. */
  readonly second?: GradcheckReport;
  readonly forward?: GradcheckReport;
}

/** How a V-curve is drawn, once it is wanted. */
export type Draw = () => Pick<VCurve, 'what' | 'points'>;

/** Collects entries into a report. */
export class Findings {
  #compared = 0;
  #failed = 0;
  #inconclusive = 0;
  #kinks = 0;
  #tied = 0;
  #none: readonly number[] = [];
  #worst: JacobianEntry | undefined;
  #draw: Draw | undefined;
  #problem: string | undefined;

  add(entry: JacobianEntry, draw?: Draw): void {
    this.#compared += 1;
    if (entry.verdict === 'fail') this.#failed += 1;
    if (entry.verdict === 'inconclusive') this.#inconclusive += 1;
    if (entry.verdict === 'kink') this.#kinks += 1;
    if (entry.tied) this.#tied += 1;
    if (this.#worst && severity(entry) <= severity(this.#worst)) return;
    this.#worst = entry;
    this.#draw = draw;
  }

  /** A finding that is no entry of the Jacobian: the function is not deterministic, the gradient has the wrong shape. */
  problem(text: string): void {
    this.#failed += 1;
    this.#problem ??= text;
  }

  /** The inputs whose gradient is None. */
  none(inputs: readonly number[]): void {
    this.#none = inputs;
  }

  get failed(): boolean {
    return this.#failed > 0;
  }

  report(
    kind: Kind,
    mode: GradcheckReport['mode'],
    wanted: (worst: JacobianEntry) => boolean,
  ): GradcheckReport {
    const verdict = this.#verdict();
    return {
      ...{ verdict, kind, order: kind === 'second' ? 2 : 1, mode },
      ...{ compared: this.#compared, failed: this.#failed, inconclusive: this.#inconclusive },
      ...{ kinks: this.#kinks, tied: this.#tied, none: this.#none },
      ...(this.#worst ? { worst: this.#worst } : {}),
      ...(this.#worst && this.#draw && wanted(this.#worst)
        ? { curve: curveOf(this.#worst, this.#draw()) }
        : {}),
      message: this.#message(verdict, kind, mode),
    };
  }

  #verdict(): Verdict {
    if (this.#failed > 0) return 'fail';
    if (this.#inconclusive > 0 || this.#compared === 0) return 'inconclusive';
    return this.#kinks > 0 ? 'kink' : 'pass';
  }

  #message(verdict: Verdict, kind: Kind, mode: GradcheckReport['mode']): string {
    const unit = mode === 'jacobian' && kind !== 'forward' ? 'Jacobian entries' : 'directional derivatives';
    if (this.#compared === 0 && this.#problem === undefined) return `${NAMES[kind]}: nothing to compare`;
    const [count, words] = {
      pass: [this.#compared, 'agree'] as const,
      fail: [this.#failed, 'are wrong'] as const,
      kink: [this.#kinks, 'lie at a kink, between the slopes, where no tie rule was given'] as const,
      inconclusive: [this.#inconclusive, 'could not be decided'] as const,
    }[verdict];
    const lines = [`${NAMES[kind]}: ${count} of ${Math.max(this.#compared, count)} ${unit} ${words}`];
    if (this.#tied > 0) lines.push(`  ${this.#tied} at kinks, by the tie rule`);
    if (this.#none.length > 0)
      lines.push(`  no gradient flows to ${this.#none.map((k) => `in${k}`).join(', ')} (None)`);
    if (this.#problem !== undefined) lines.push(`  ${this.#problem}`);
    if (this.#worst && (verdict !== 'pass' || mode === 'jacobian'))
      lines.push(`  worst: ${showEntry(this.#worst)}`);
    return lines.join('\n');
  }
}

function curveOf(worst: JacobianEntry, drawn: ReturnType<Draw>): VCurve {
  const { analytic, numeric, uncertainty, allowed } = worst;
  return {
    ...drawn,
    ...{ analytic: figure(analytic), numeric: figure(numeric) },
    ...{ uncertainty: figure(uncertainty), allowed: figure(allowed) },
  };
}

/** `d out0[1, 2] / d in0[3]` */
export function place({ input, inputIndex, output, outputIndex }: JacobianEntry): string {
  const one = (kind: string, at: number | null, index: readonly number[]) =>
    at === null ? kind : `${kind}${at}[${index.join(', ')}]`;
  const top = output === null ? '(random · outputs)' : one('out', output, outputIndex);
  const below = input === null ? '(random direction)' : one('in', input, inputIndex);
  return `d ${top} / d ${below}`;
}

/** `d out0[1, 2] / d in0[3]: analytic 1.5, numeric 3 ± 1e-11 (allowed 3e-6)` */
export function showEntry(entry: JacobianEntry): string {
  const why = entry.reason === undefined ? '' : `: ${entry.reason}`;
  const about = `± ${entry.uncertainty.toExponential(1)}; allowed ${entry.allowed.toExponential(1)}`;
  return `${place(entry)}: analytic ${entry.analytic}, numeric ${entry.numeric} (${about})${why}`;
}

/** How near an entry is to its allowance, or how far beyond: 1 is the limit. */
export function closeness(entry: JacobianEntry): number {
  return Math.abs(entry.analytic - entry.numeric) / Math.max(entry.allowed, Number.MIN_VALUE);
}

function severity(entry: JacobianEntry): number {
  const rank = { pass: 0, kink: 1, inconclusive: 2, fail: 3 }[entry.verdict];
  // A tie's distance to the middle of the slopes means nothing.
  const apart = entry.tied ? 0 : closeness(entry);
  // Ranks never mix: the squashed distance stays below 1.
  return rank + (Number.isNaN(apart) ? 0.999 : (apart / (1 + apart)) * 0.998);
}
