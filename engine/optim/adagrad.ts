// Adagrad: each element's step divided by the root of the sum of its squared gradients.
//   new Adagrad(model.parameters(), { lr: 1e-2 })
import { Complex } from '../core/complex.js';
import type { Tensor } from '../core/tensor.js';
import { fullLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkFused, checkLr } from './_checks.js';
import { div, type Num, neg, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface AdagradOptions {
  /** Learning rate. Default 1e-2. */
  readonly lr?: number | Tensor;
  /** The rate at step t is lr / (1 + (t − 1) · lrDecay). Default 0. */
  readonly lrDecay?: number;
  /** L2 penalty. Default 0. */
  readonly weightDecay?: number;
  /** What the sums begin with. Default 0. */
  readonly initialAccumulatorValue?: number;
  /** Default 1e-10. */
  readonly eps?: number;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}
export type AdagradGroup = ParamGroup & Required<AdagradOptions>;

const defaults: Required<AdagradOptions> = {
  lr: 1e-2,
  lrDecay: 0,
  eps: 1e-10,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  foreach: null,
  maximize: false,
  differentiable: false,
  fused: null,
};
const names = [
  'lr',
  'lrDecay',
  'weightDecay',
  'initialAccumulatorValue',
  'eps',
  'foreach',
  'maximize',
  'differentiable',
  'fused',
] as const;

type AdagradFlags = { readonly maximize: boolean; readonly decays: boolean; readonly complex: boolean };

const rule: Rule<'param' | 'grad' | 'sum', 'weightDecay' | 'one' | 'eps' | 'step', AdagradFlags> = {
  name: 'Adagrad',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    const sum = a.addcmul(x.sum, g, g, s.one);
    return { param: a.addcdiv(x.param, g, a.add(a.sqrt(sum), s.eps), s.step), sum };
  },
};

/**
 * Adagrad, torch.optim.Adagrad: s ← s + g², θ ← θ − lr · g / (√s + ε). Duchi, Hazan and Singer, 2011.
 * State, from the beginning: `step`, `sum`.
 * @throws ValueError for negative hyperparameters
 */
export class Adagrad extends Optimizer<AdagradGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        lrDecay: number,
        weightDecay: number,
        initialAccumulatorValue: number,
        eps: number,
        foreach: boolean | null,
      ],
      AdagradOptions
    >
  ) {
    const options = { ...defaults, ...readCall<AdagradOptions>('Adagrad', args, names) };
    checkLr(options.lr);
    atLeast0(options.lrDecay, 'Invalid lr_decay value');
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    atLeast0(options.initialAccumulatorValue, 'Invalid initial_accumulator_value value');
    atLeast0(options.eps, 'Invalid epsilon value');
    super(params, options);
    checkFused(options);
    for (const group of this.paramGroups) for (const p of group.params) this.#stateFor(p, group);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null, maximize: false, differentiable: false, fused: null };
  }

  protected override updateGroup(group: AdagradGroup): void {
    const { weightDecay, lrDecay, eps, maximize } = group;
    const lr = toScalar(group.lr);
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.#stateFor(param, group);
      const step: Num = neg(div(lr, 1 + ((countStep(state, false) as number) - 1) * lrDecay));
      tasks.push({
        flags: { maximize, decays: weightDecay !== 0, complex: param.dtype.isComplex },
        operands: { param, grad, sum: state.sum as Tensor },
        scalars: { weightDecay, one: 1, eps, step },
      });
    }
    applyRule(rule, tasks, group);
  }

  #stateFor(param: Tensor, group: AdagradGroup): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length > 0) return state;
    const start = this.defaults.initialAccumulatorValue as number;
    state.step = startCount(param, group.fused === true);
    state.sum = fullLike(param, param.dtype.isComplex ? new Complex(start, start) : start).detach();
    return state;
  }
}
