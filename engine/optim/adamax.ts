// Adamax: Adam with the infinity norm in place of the second moment.
//   new Adamax(model.parameters(), { lr: 2e-3 })
import type { Tensor } from '../core/tensor.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkBetas, checkLr } from './_checks.js';
import { div, type Num, neg, pow, sub, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface AdamaxOptions {
  /** Learning rate. Default 2e-3. */
  readonly lr?: number | Tensor;
  /** Decay of the average and of the norm. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
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
export type AdamaxGroup = ParamGroup & Required<AdamaxOptions>;

const defaults: Required<AdamaxOptions> = {
  lr: 2e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  foreach: null,
  maximize: false,
  differentiable: false,
  capturable: false,
};
const names = Object.keys(defaults) as (keyof AdamaxOptions)[];

type AdamaxFlags = {
  readonly maximize: boolean;
  readonly decays: boolean;
  readonly complex: boolean;
  /** 1 − β₁ is at least one half. */
  readonly far: boolean;
  /** The step size is a tensor, which divides the norm. */
  readonly live: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'expAvg' | 'expInf',
  'weightDecay' | 'new1' | 'beta2' | 'eps' | 'step',
  AdamaxFlags
> = {
  name: 'Adamax',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    const expAvg = a.lerp(x.expAvg, g, s.new1, flags.far);
    const expInf = a.maximum(a.mul(x.expInf, s.beta2), a.add(a.abs(g), s.eps));
    const param = flags.live
      ? a.addcdiv(x.param, expAvg, a.mul(expInf, s.step), a.scalar(1))
      : a.addcdiv(x.param, expAvg, expInf, s.step);
    return { param, expAvg, expInf };
  },
};

/**
 * Adamax, torch.optim.Adamax: u ← max(β₂ u, |g| + ε), θ ← θ − lr / (1 − β₁ᵗ) · m / u. Kingma and Ba, 2015.
 * State: `step`, `expAvg`, `expInf`.
 * @throws ValueError for negative hyperparameters, and betas outside [0, 1)
 */
export class Adamax extends Optimizer<AdamaxGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [lr: number | Tensor, betas: readonly [number, number], eps: number, weightDecay: number],
      AdamaxOptions
    >
  ) {
    const options = { ...defaults, ...readCall<AdamaxOptions>('Adamax', args, names) };
    checkLr(options.lr);
    atLeast0(options.eps, 'Invalid epsilon value');
    checkBetas(options.betas);
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    super(params, options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null, maximize: false, differentiable: false, capturable: false };
  }

  protected override updateGroup(group: AdamaxGroup): void {
    const { betas, eps, weightDecay, capturable, maximize } = group;
    const [beta1, beta2] = betas;
    const lr = toScalar(group.lr);
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.stateOf(param);
      if (Object.keys(state).length === 0) {
        state.step = startCount(param, capturable);
        state.expAvg = zerosLike(param);
        state.expInf = zerosLike(param);
      }
      const { expAvg, expInf } = state as { expAvg: Tensor; expInf: Tensor };
      const step = countStep(state, capturable);
      const towards: Num = capturable
        ? div(sub(pow(beta1, step), 1), lr)
        : neg(div(lr, sub(1, pow(beta1, step))));
      tasks.push({
        flags: {
          maximize,
          decays: weightDecay !== 0,
          complex: param.dtype.isComplex,
          far: 1 - beta1 >= 0.5,
          live: capturable,
        },
        operands: { param, grad, expAvg, expInf },
        scalars: { weightDecay, new1: 1 - beta1, beta2, eps, step: towards },
      });
    }
    applyRule(rule, tasks, group);
  }
}
