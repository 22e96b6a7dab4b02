// Adadelta: steps in the units of the parameters, from running averages of squared gradients and squared steps.
//   new Adadelta(model.parameters())
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkLr } from './_checks.js';
import { neg, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { advance, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface AdadeltaOptions {
  /** What steps are scaled by. Default 1. */
  readonly lr?: number | Tensor;
  /** Decay of both averages. Default 0.9. */
  readonly rho?: number;
  /** Default 1e-6. */
  readonly eps?: number;
  /** L2 penalty. Default 0. */
  readonly weightDecay?: number;
  readonly foreach?: boolean | null;
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
}
export type AdadeltaGroup = ParamGroup & Required<AdadeltaOptions>;

const defaults: Required<AdadeltaOptions> = {
  lr: 1,
  rho: 0.9,
  eps: 1e-6,
  weightDecay: 0,
  maximize: false,
  capturable: false,
  foreach: null,
  differentiable: false,
};
const names = [
  'lr',
  'rho',
  'eps',
  'weightDecay',
  'foreach',
  'capturable',
  'maximize',
  'differentiable',
] as const;

type AdadeltaFlags = { readonly maximize: boolean; readonly decays: boolean; readonly complex: boolean };

const rule: Rule<
  'param' | 'grad' | 'squareAvg' | 'accDelta',
  'weightDecay' | 'rho' | 'new' | 'eps' | 'step',
  AdadeltaFlags
> = {
  name: 'Adadelta',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    const squareAvg = a.addcmul(a.mul(x.squareAvg, s.rho), g, g, s.new);
    const std = a.sqrt(a.add(squareAvg, s.eps));
    const delta = a.times(a.over(a.sqrt(a.add(x.accDelta, s.eps)), std), g);
    const accDelta = a.addcmul(a.mul(x.accDelta, s.rho), delta, delta, s.new);
    return { param: a.axpy(x.param, delta, s.step, flags.complex), squareAvg, accDelta };
  },
};

/**
 * Adadelta, torch.optim.Adadelta: v ← ρ v + (1 − ρ) g², Δ = √(u + ε) / √(v + ε) · g, u ← ρ u + (1 − ρ) Δ², θ ← θ − lr · Δ.
 * Zeiler, 2012. State: `step`, `squareAvg`, `accDelta`.
 * @throws ValueError for negative hyperparameters, and rho outside [0, 1]
 */
export class Adadelta extends Optimizer<AdadeltaGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [lr: number | Tensor, rho: number, eps: number, weightDecay: number, foreach: boolean | null],
      AdadeltaOptions
    >
  ) {
    const options = { ...defaults, ...readCall<AdadeltaOptions>('Adadelta', args, names) };
    checkLr(options.lr);
    if (!(options.rho >= 0 && options.rho <= 1))
      throw new ValueError(`Invalid rho value: ${pythonText(options.rho)}`);
    atLeast0(options.eps, 'Invalid epsilon value');
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    super(params, options);
  }

  protected override get floatOptions(): readonly string[] {
    return ['lr', 'initialLr'];
  }
  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null, maximize: false, differentiable: false, capturable: false };
  }

  protected override updateGroup(group: AdadeltaGroup): void {
    const { weightDecay, rho, eps, maximize, capturable } = group;
    const scalars = { weightDecay, rho, new: 1 - rho, eps, step: neg(toScalar(group.lr)) };
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.stateOf(param);
      if (Object.keys(state).length === 0) {
        state.step = startCount(param, capturable);
        state.squareAvg = zerosLike(param);
        state.accDelta = zerosLike(param);
      }
      advance(state);
      const { squareAvg, accDelta } = state as { squareAvg: Tensor; accDelta: Tensor };
      tasks.push({
        flags: { maximize, decays: weightDecay !== 0, complex: param.dtype.isComplex },
        operands: { param, grad, squareAvg, accDelta },
        scalars,
      });
    }
    applyRule(rule, tasks, group);
  }
}
