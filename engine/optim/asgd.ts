// ASGD: stochastic gradient descent that also averages its parameters.
//   new ASGD(model.parameters(), { lr: 1e-2, t0: 1000 })
import type { Tensor } from '../core/tensor.js';
import { clamp, zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkLr } from './_checks.js';
import { add, div, mul, type Num, neg, numberOf, pow, sub, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params, scalarState } from './optimizer.js';

export interface ASGDOptions {
  /** Learning rate. Default 1e-2. */
  readonly lr?: number | Tensor;
  /** Decay term. Default 1e-4. */
  readonly lambd?: number;
  /** Power by which the rate falls. Default 0.75. */
  readonly alpha?: number;
  /** The step from which parameters are averaged. Default 1e6. */
  readonly t0?: number;
  /** L2 penalty. Default 0. */
  readonly weightDecay?: number;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
}
export type ASGDGroup = ParamGroup & Required<ASGDOptions>;

const defaults: Required<ASGDOptions> = {
  lr: 1e-2,
  lambd: 1e-4,
  alpha: 0.75,
  t0: 1e6,
  weightDecay: 0,
  foreach: null,
  maximize: false,
  differentiable: false,
  capturable: false,
};
const names = Object.keys(defaults) as (keyof ASGDOptions)[];

type ASGDFlags = {
  readonly maximize: boolean;
  readonly decays: boolean;
  /** The average is one of several parameters, not the last alone. */
  readonly averages: boolean;
};

const rule: Rule<'param' | 'grad' | 'ax', 'weightDecay' | 'shrink' | 'step' | 'mu' | 'one', ASGDFlags> = {
  name: 'ASGD',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay);
    const param = a.axpy(a.mul(x.param, s.shrink), g, s.step);
    const ax = flags.averages ? a.axpy(x.ax, a.mul(a.sub(param, x.ax), s.mu), s.one) : param;
    return { param, ax };
  },
};

/**
 * Averaged stochastic gradient descent, torch.optim.ASGD: θ ← (1 − λ η) θ − η g, η = lr / (1 + λ lr t)^α; `ax` in the state is the
 * average of the parameters from step t₀ on. Polyak and Juditsky, 1992. State: `step`, `eta`, `mu`, `ax`.
 * @throws ValueError for a negative learning rate or weight decay
 */
export class ASGD extends Optimizer<ASGDGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        lambd: number,
        alpha: number,
        t0: number,
        weightDecay: number,
        foreach: boolean | null,
        maximize: boolean,
        differentiable: boolean,
        capturable: boolean,
      ],
      ASGDOptions
    >
  ) {
    const options = { ...defaults, ...readCall<ASGDOptions>('ASGD', args, names) };
    checkLr(options.lr);
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    super(params, options);
  }

  protected override get floatOptions(): readonly string[] {
    return ['t0'];
  }
  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null, maximize: false, differentiable: false, capturable: false };
  }

  protected override updateGroup(group: ASGDGroup): void {
    const { weightDecay, lambd, maximize, capturable } = group;
    const tasks: TaskOf<typeof rule>[] = [];
    const steps: (readonly [ParamState, Num])[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.#stateFor(param, group);
      steps.push([state, countStep(state, capturable)]);
      const { eta, mu, ax } = state as { eta: Tensor; mu: Tensor; ax: Tensor };
      const rate: Num = capturable ? eta.clone() : numberOf(eta);
      const weight: Num = capturable ? mu.clone() : numberOf(mu);
      tasks.push({
        flags: { maximize, decays: weightDecay !== 0, averages: capturable || weight !== 1 },
        operands: { param, grad, ax },
        scalars: { weightDecay, shrink: sub(1, mul(lambd, rate)), step: neg(rate), mu: weight, one: 1 },
      });
    }
    applyRule(rule, tasks, group);
    for (const [state, step] of steps) schedule(state, step, group);
  }

  #stateFor(param: Tensor, group: ASGDGroup): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length > 0) return state;
    state.step = scalarState(0).to(param.device);
    state.eta = scalarState(numberOf(group.lr)).to(param.device);
    state.mu = scalarState(1).to(param.device);
    state.ax = zerosLike(param);
    return state;
  }
}

/** The rate and the weight of the average of the next step. */
function schedule(state: ParamState, step: Num, { lambd, alpha, t0, lr: given }: ASGDGroup): void {
  const lr = toScalar(given);
  const [eta, mu] = [state.eta as Tensor, state.mu as Tensor];
  put(eta, div(lr, pow(add(1, mul(mul(lambd, lr), step)), alpha)));
  const past = sub(step, t0);
  put(mu, div(1, typeof past === 'number' ? Math.max(1, past) : clamp(past, 1)));
}

function put(target: Tensor, value: Num): void {
  target.copy_(typeof value === 'number' ? scalarState(value) : value.detach());
}
