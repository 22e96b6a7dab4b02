// RAdam: Adam whose adaptive step is rectified while the second moment is uncertain.
//   new RAdam(model.parameters(), { lr: 1e-3 })
import type { Tensor } from '../core/tensor.js';
import { where, zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkBetas, checkLr } from './_checks.js';
import { div, mul, type Num, pow, sqrt, sub, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface RAdamOptions {
  /** Learning rate. Default 1e-3. */
  readonly lr?: number | Tensor;
  /** Decay of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0. */
  readonly weightDecay?: number;
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
export type RAdamGroup = ParamGroup & Required<RAdamOptions>;

const defaults: Required<RAdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  maximize: false,
  foreach: null,
  capturable: false,
  decoupledWeightDecay: false,
  differentiable: false,
};
const names = [
  'lr',
  'betas',
  'eps',
  'weightDecay',
  'decoupledWeightDecay',
  'foreach',
  'maximize',
  'capturable',
  'differentiable',
] as const;

type RAdamFlags = {
  readonly maximize: boolean;
  /** Weight decay is added to the gradient, or shrinks the parameter, or neither. */
  readonly decays: boolean;
  readonly shrinks: boolean;
  /** 1 − β₁ is at least one half. */
  readonly far: boolean;
  /** The second moment is certain enough to divide by. */
  readonly rectified: boolean;
  /** Steps are tensors: both forms of the update are computed, and one is chosen by its weight. */
  readonly live: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'expAvg' | 'expAvgSq',
  | 'weightDecay'
  | 'shrink'
  | 'new1'
  | 'beta2'
  | 'new2'
  | 'correction'
  | 'root'
  | 'eps'
  | 'lr'
  | 'rect'
  | 'plain'
  | 'back',
  RAdamFlags
> = {
  name: 'RAdam',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    const param = flags.shrinks ? a.mul(x.param, s.shrink) : x.param;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay);
    const expAvg = a.lerp(x.expAvg, g, s.new1, flags.far);
    const expAvgSq = a.addcmul(a.mul(x.expAvgSq, s.beta2), g, g, s.new2);
    let step = a.mul(a.div(expAvg, s.correction), s.lr);
    const adaptive = a.mul(a.reciprocal(a.add(a.sqrt(expAvgSq), s.eps)), s.root);
    if (flags.live) step = a.times(step, a.add(a.mul(adaptive, s.rect), s.plain));
    else if (flags.rectified) step = a.mul(a.times(step, adaptive), s.rect);
    return { param: a.axpy(param, step, s.back), expAvg, expAvgSq };
  },
};

/**
 * RAdam, torch.optim.RAdam: Adam's step times the rectification r where the length of the average is above 5, else the plain
 * momentum. Liu et al., 2020. State: `step`, `expAvg`, `expAvgSq`.
 * @throws ValueError for negative hyperparameters, and betas outside [0, 1)
 */
export class RAdam extends Optimizer<RAdamGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        betas: readonly [number, number],
        eps: number,
        weightDecay: number,
        decoupledWeightDecay: boolean,
      ],
      RAdamOptions
    >
  ) {
    const options = { ...defaults, ...readCall<RAdamOptions>('RAdam', args, names) };
    checkLr(options.lr);
    atLeast0(options.eps, 'Invalid epsilon value');
    checkBetas(options.betas);
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    super(params, options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    const { maximize, foreach, capturable, differentiable, decoupledWeightDecay } = defaults;
    return { maximize, foreach, capturable, differentiable, decoupledWeightDecay };
  }

  protected override updateGroup(group: RAdamGroup): void {
    const { maximize, capturable, decoupledWeightDecay: decoupled } = group;
    const decays = group.weightDecay !== 0;
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.stateOf(param);
      if (Object.keys(state).length === 0) {
        state.step = startCount(param, capturable);
        state.expAvg = zerosLike(param);
        state.expAvgSq = zerosLike(param);
      }
      const { expAvg, expAvgSq } = state as { expAvg: Tensor; expAvgSq: Tensor };
      const { rectified, scalars } = scalarsAt(countStep(state, capturable), group);
      tasks.push({
        flags: {
          maximize,
          decays: decays && !decoupled,
          shrinks: decays && decoupled,
          far: 1 - group.betas[0] >= 0.5,
          rectified,
          live: capturable,
        },
        operands: { param, grad, expAvg, expAvgSq },
        scalars,
      });
    }
    applyRule(rule, tasks, group);
  }
}

function scalarsAt(
  step: Num,
  group: RAdamGroup,
): { rectified: boolean; scalars: TaskOf<typeof rule>['scalars'] } {
  const [beta1, beta2] = group.betas;
  const lr = toScalar(group.lr);
  const power = pow(beta2, step);
  const correction2 = sub(1, power);
  const longest = 2 / (1 - beta2) - 1;
  const length = sub(longest, div(mul(mul(2, step), power), correction2));
  const square = div(
    mul(mul(sub(length, 4), sub(length, 2)), longest),
    mul((longest - 4) * (longest - 2), length),
  );
  const live = typeof length !== 'number';
  const certain = live ? length.gt(5) : length > 5;
  const rect = live || certain === true ? sqrt(square) : 0;
  return {
    rectified: certain === true,
    scalars: {
      weightDecay: group.weightDecay,
      shrink: sub(1, mul(lr, group.weightDecay)),
      new1: 1 - beta1,
      beta2,
      new2: 1 - beta2,
      correction: sub(1, pow(beta1, step)),
      root: sqrt(correction2),
      eps: group.eps,
      lr,
      rect: live ? where(certain as Tensor, rect, 0) : rect,
      plain: live ? where(certain as Tensor, 0, 1) : 0,
      back: -1,
    },
  };
}
