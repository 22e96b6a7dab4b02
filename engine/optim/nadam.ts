// NAdam: Adam with Nesterov momentum.
//   new NAdam(model.parameters(), { lr: 2e-3 })
import type { Tensor } from '../core/tensor.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkBetas, checkLr } from './_checks.js';
import { add, div, mul, type Num, neg, numberOf, pow, sub, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface NAdamOptions {
  /** Learning rate. Default 2e-3. */
  readonly lr?: number | Tensor;
  /** Decay of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** How fast the momentum approaches β₁. Default 4e-3. */
  readonly momentumDecay?: number;
  /** Weight decay apart from the gradient, as in AdamW. Default false. */
  readonly decoupledWeightDecay?: boolean;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
}
export type NAdamGroup = ParamGroup & Required<NAdamOptions>;

const defaults: Required<NAdamOptions> = {
  lr: 2e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  momentumDecay: 4e-3,
  decoupledWeightDecay: false,
  maximize: false,
  foreach: null,
  capturable: false,
  differentiable: false,
};
const names = [
  'lr',
  'betas',
  'eps',
  'weightDecay',
  'momentumDecay',
  'decoupledWeightDecay',
  'foreach',
  'maximize',
  'capturable',
  'differentiable',
] as const;

type NAdamFlags = {
  readonly maximize: boolean;
  /** Weight decay is added to the gradient, or shrinks the parameter, or neither. */
  readonly decays: boolean;
  readonly shrinks: boolean;
  /** 1 − β₁ is at least one half. */
  readonly far: boolean;
  /** Steps are tensors: gradient and average are scaled before they are divided. */
  readonly live: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'expAvg' | 'expAvgSq',
  'weightDecay' | 'shrink' | 'new1' | 'beta2' | 'new2' | 'correction' | 'eps' | 'byGrad' | 'byAverage',
  NAdamFlags
> = {
  name: 'NAdam',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    let param = flags.shrinks ? a.mul(x.param, s.shrink) : x.param;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay);
    const expAvg = a.lerp(x.expAvg, g, s.new1, flags.far);
    const expAvgSq = a.addcmul(a.mul(x.expAvgSq, s.beta2), g, g, s.new2);
    const denominator = a.add(a.sqrt(a.div(expAvgSq, s.correction)), s.eps);
    if (flags.live) {
      param = a.addcdiv(param, a.mul(g, s.byGrad), denominator, a.scalar(1));
      param = a.addcdiv(param, a.mul(expAvg, s.byAverage), denominator, a.scalar(1));
    } else {
      param = a.addcdiv(param, g, denominator, s.byGrad);
      param = a.addcdiv(param, expAvg, denominator, s.byAverage);
    }
    return { param, expAvg, expAvgSq };
  },
};

/**
 * NAdam, torch.optim.NAdam: Adam whose step takes the momentum one step ahead. Dozat, 2016.
 * State: `step`, `muProduct`, `expAvg`, `expAvgSq`.
 * @throws ValueError for negative hyperparameters, and betas outside [0, 1)
 */
export class NAdam extends Optimizer<NAdamGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        betas: readonly [number, number],
        eps: number,
        weightDecay: number,
        momentumDecay: number,
        decoupledWeightDecay: boolean,
      ],
      NAdamOptions
    >
  ) {
    const options = { ...defaults, ...readCall<NAdamOptions>('NAdam', args, names) };
    checkLr(options.lr);
    atLeast0(options.eps, 'Invalid epsilon value');
    checkBetas(options.betas);
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    atLeast0(options.momentumDecay, 'Invalid momentum_decay value');
    super(params, options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    const { maximize, foreach, capturable, differentiable, decoupledWeightDecay } = defaults;
    return { maximize, foreach, capturable, differentiable, decoupledWeightDecay };
  }

  protected override updateGroup(group: NAdamGroup): void {
    const { maximize, decoupledWeightDecay: decoupled } = group;
    const decays = group.weightDecay !== 0;
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.stateOf(param);
      if (Object.keys(state).length === 0) {
        state.step = startCount(param, group.capturable);
        state.muProduct = startCount(param, group.capturable, 1);
        state.expAvg = zerosLike(param);
        state.expAvgSq = zerosLike(param);
      }
      const { expAvg, expAvgSq } = state as { expAvg: Tensor; expAvgSq: Tensor };
      const live = group.capturable || group.differentiable;
      tasks.push({
        flags: {
          maximize,
          decays: decays && !decoupled,
          shrinks: decays && decoupled,
          far: 1 - group.betas[0] >= 0.5,
          live,
        },
        operands: { param, grad, expAvg, expAvgSq },
        scalars: scalarsAt(countStep(state, group.capturable), state, group, live),
      });
    }
    applyRule(rule, tasks, group);
  }
}

function scalarsAt(
  step: Num,
  state: ParamState,
  group: NAdamGroup,
  live: boolean,
): TaskOf<typeof rule>['scalars'] {
  const [beta1, beta2] = group.betas;
  const lr = toScalar(group.lr);
  const momentumAt = (t: Num): Num => mul(beta1, sub(1, mul(0.5, pow(0.96, mul(t, group.momentumDecay)))));
  const mu = momentumAt(step);
  const next = momentumAt(add(step, 1));
  const product = state.muProduct as Tensor;
  product.mul_(mu);
  const current: Num = live ? product.clone() : numberOf(product);
  const scaled = (by: Num, remaining: Num): Num => div(mul(neg(lr), by), sub(1, remaining));
  return {
    weightDecay: group.weightDecay,
    shrink: sub(1, mul(lr, group.weightDecay)),
    new1: 1 - beta1,
    beta2,
    new2: 1 - beta2,
    correction: sub(1, pow(beta2, step)),
    eps: group.eps,
    byGrad: scaled(sub(1, mu), current),
    byAverage: scaled(next, mul(current, next)),
  };
}
