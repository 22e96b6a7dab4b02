// LBFGS: the limited-memory quasi-Newton method of Broyden, Fletcher, Goldfarb and Shanno.
//   optimizer.step(() => { optimizer.zeroGrad(); const loss = f(); loss.backward(); return loss; });
import { enableGrad } from '../autograd/grad-mode.js';
import { ArgumentError, message, RuntimeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { cat, viewAsReal, zeros } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { checkLr } from './_checks.js';
import { div, mul, type Num, numberOf, sub, toScalar } from './_numbers.js';
import { strongWolfe } from './_strong-wolfe.js';
import { type Closure, Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface LBFGSOptions {
  /** The first step length of each iteration. Default 1. */
  readonly lr?: number | Tensor;
  /** Iterations of one step. Default 20. */
  readonly maxIter?: number;
  /** Evaluations of one step. Default null: 5 / 4 · maxIter. */
  readonly maxEval?: number | null;
  /** The largest gradient at which a step ends. Default 1e-7. */
  readonly toleranceGrad?: number;
  /** The change of parameters or loss at which a step ends. Default 1e-9. */
  readonly toleranceChange?: number;
  /** Pairs of steps and changes that are kept. Default 100. */
  readonly historySize?: number;
  /** 'strong_wolfe' or null, for fixed steps. Default null. */
  readonly lineSearchFn?: 'strong_wolfe' | null;
}
export type LBFGSGroup = ParamGroup & Required<LBFGSOptions>;

const defaults: Required<LBFGSOptions> = {
  lr: 1,
  maxIter: 20,
  maxEval: null,
  toleranceGrad: 1e-7,
  toleranceChange: 1e-9,
  historySize: 100,
  lineSearchFn: null,
};
const names = Object.keys(defaults) as (keyof LBFGSOptions)[];

/** What an iteration leaves to the next one; all of it null before the first. */
interface Memory {
  funcEvals: number;
  nIter: number;
  al?: (Tensor | null)[];
  d?: Tensor;
  t?: Num;
  oldDirs?: Tensor[];
  oldStps?: Tensor[];
  ro?: Tensor[];
  HDiag?: Num;
  prevFlatGrad?: Tensor;
  prevLoss?: number;
}

/**
 * L-BFGS, torch.optim.LBFGS: up to `maxIter` quasi-Newton iterations a step, each along −H g with the inverse Hessian H from the last
 * `historySize` changes; with 'strong_wolfe' a line search. One group. Nocedal and Wright, 2006, chapters 3 and 7.
 * State, of the first parameter: `funcEvals`, `nIter`, `d`, `t`, `oldDirs`, `oldStps`, `ro`, `HDiag`, `prevFlatGrad`, `prevLoss`.
 * @throws ValueError for a negative learning rate, and several groups
 */
export class LBFGS extends Optimizer<LBFGSGroup> {
  constructor(
    params: Params,
    ...args: Call<[lr: number | Tensor, maxIter: number, maxEval: number | null], LBFGSOptions>
  ) {
    const options = { ...defaults, ...readCall<LBFGSOptions>('LBFGS', args, names) };
    checkLr(options.lr);
    super(params, { ...options, maxEval: options.maxEval ?? Math.floor((options.maxIter * 5) / 4) });
    if (this.paramGroups.length !== 1)
      throw new ValueError("LBFGS doesn't support per-parameter options (parameter groups)");
  }

  /** One step: evaluates the closure as often as it needs. @returns the loss before the step */
  override step(closure: Closure): Tensor | number | null {
    return super.step(closure);
  }

  protected override updateGroup(): void {}

  protected override run(closure: Closure | undefined): Tensor | number {
    if (closure === undefined)
      throw new ArgumentError(message('LBFGS.step', 'a closure that returns the loss', 'none'));
    return new Minimisation(
      this.paramGroups[0]!,
      this.stateOf(this.paramGroups[0]!.params[0]!),
      closure,
    ).run();
  }
}

/** The iterations of one step. */
class Minimisation {
  readonly #group: LBFGSGroup;
  readonly #memory: Memory;
  readonly #closure: Closure;
  #loss = 0;
  #grad!: Tensor;
  #evaluations = 0;

  constructor(group: LBFGSGroup, state: Record<string, unknown>, closure: Closure) {
    this.#group = group;
    state.funcEvals ??= 0;
    state.nIter ??= 0;
    this.#memory = state as unknown as Memory;
    this.#closure = closure;
  }

  run(): Tensor | number {
    const memory = this.#memory;
    const first = enableGrad(this.#closure);
    this.#loss = numberOf(first);
    this.#evaluations = 1;
    memory.funcEvals++;
    this.#grad = this.#flatGrad();
    if (this.#isFlat()) return first;
    for (let iteration = 1; iteration <= this.#group.maxIter; iteration++)
      if (this.#iterate(iteration)) break;
    return first;
  }

  /** Whether the step ends here. */
  #iterate(iteration: number): boolean {
    const { maxIter, maxEval, toleranceChange } = this.#group;
    const memory = this.#memory;
    memory.nIter++;
    memory.d = this.#direction();
    if (memory.prevFlatGrad === undefined) memory.prevFlatGrad = this.#grad.clone();
    else memory.prevFlatGrad.copy_(this.#grad);
    memory.prevLoss = this.#loss;
    memory.t = this.#firstLength();
    const slope = this.#grad.dot(memory.d);
    if (numberOf(slope) > -toleranceChange) return true;
    const before = this.#evaluations;
    const flat = this.#search(slope, iteration === maxIter);
    memory.funcEvals += this.#evaluations - before;
    if (iteration === maxIter || this.#evaluations >= maxEval! || flat) return true;
    const moved = numberOf(memory.d.mul(memory.t).abs().max());
    return moved <= toleranceChange || Math.abs(this.#loss - memory.prevLoss) < toleranceChange;
  }

  /** −H g, after the last change entered H. */
  #direction(): Tensor {
    const memory = this.#memory;
    if (memory.nIter === 1) {
      Object.assign(memory, { oldDirs: [], oldStps: [], ro: [], HDiag: 1 });
      return this.#grad.neg();
    }
    this.#remember();
    const { historySize } = this.#group;
    const { oldDirs, oldStps, ro } = memory as Required<Memory>;
    memory.al ??= new Array<Tensor | null>(historySize).fill(null);
    const al = memory.al;
    const q = this.#grad.neg();
    for (let i = oldDirs.length - 1; i >= 0; i--) {
      al[i] = oldStps[i]!.dot(q).mul(ro[i]!);
      q.add_(oldDirs[i]!, { alpha: -numberOf(al[i]!) });
    }
    const r = q.mul(memory.HDiag!);
    for (let i = 0; i < oldDirs.length; i++) {
      const be = oldDirs[i]!.dot(r).mul(ro[i]!);
      r.add_(oldStps[i]!, { alpha: numberOf(sub(al[i]!, be)) });
    }
    return r;
  }

  #remember(): void {
    const { d, t, prevFlatGrad, oldDirs, oldStps, ro } = this.#memory as Required<Memory>;
    const y = this.#grad.sub(prevFlatGrad);
    const s = d.mul(t);
    const ys = y.dot(s);
    if (!(numberOf(ys) > 1e-10)) return;
    if (oldDirs.length === this.#group.historySize) {
      oldDirs.shift();
      oldStps.shift();
      ro.shift();
    }
    oldDirs.push(y);
    oldStps.push(s);
    ro.push(div(1, ys) as Tensor);
    this.#memory.HDiag = ys.div(y.dot(y));
  }

  #firstLength(): Num {
    const lr = toScalar(this.#group.lr);
    if (this.#memory.nIter > 1) return lr;
    const inverse = div(1, this.#grad.abs().sum());
    return mul(numberOf(inverse) < 1 ? inverse : 1, lr);
  }

  /** Moves the parameters; whether the gradient is flat there. */
  #search(slope: Tensor, last: boolean): boolean {
    const memory = this.#memory;
    const { lineSearchFn, maxEval } = this.#group;
    const d = memory.d!;
    if (lineSearchFn === null) {
      this.#move(memory.t!, d);
      if (last) return false;
      this.#loss = numberOf(enableGrad(this.#closure));
      this.#grad = this.#flatGrad();
      this.#evaluations++;
      return this.#isFlat();
    }
    if (lineSearchFn !== 'strong_wolfe') throw new RuntimeError("only 'strong_wolfe' is supported");
    const start = this.#group.params.map((p) => p.clone());
    const found = strongWolfe(
      (t) => this.#evaluate(start, t, d),
      { t: memory.t!, d, f: this.#loss, g: this.#grad, slope },
      maxEval! - this.#evaluations,
    );
    this.#loss = found.f;
    this.#grad = found.g;
    memory.t = found.t;
    this.#evaluations += found.evaluations;
    this.#move(memory.t, d);
    return this.#isFlat();
  }

  #evaluate(start: readonly Tensor[], t: Num, d: Tensor): { f: number; g: Tensor } {
    this.#move(t, d);
    const f = numberOf(enableGrad(this.#closure));
    const g = this.#flatGrad();
    this.#group.params.forEach((p, i) => {
      p.copy_(start[i]!);
    });
    return { f, g };
  }

  #isFlat(): boolean {
    return numberOf(this.#grad.abs().max()) <= this.#group.toleranceGrad;
  }

  #flatGrad(): Tensor {
    const views = this.#group.params.map((p) => {
      const grad = p.grad ?? zeros([p.length], { dtype: p.dtype, device: p.device });
      return (grad.dtype.isComplex ? viewAsReal(grad) : grad).reshape([-1]);
    });
    return cat(views, 0);
  }

  #move(t: Num, d: Tensor): void {
    let at = 0;
    for (const p of this.#group.params) {
      const real = p.dtype.isComplex ? viewAsReal(p) : p;
      const part = d.narrow(0, at, real.length).reshape([...real.sizes]);
      real.add_(part, { alpha: numberOf(t) });
      at += real.length;
    }
  }
}
