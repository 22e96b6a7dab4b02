// Adam and AdamW: adaptive moments, with weight decay in the gradient or apart from it.
//   new AdamW(model.parameters(), { lr: 3e-4, weightDecay: 0.1 })
import { RuntimeError, ValueError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkBetas, checkFused, checkLr } from './_checks.js';
import { div, mul, type Num, neg, numberOf, pow, sqrt, sub, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface AdamWOptions {
  /** Learning rate. Default 1e-3. */
  readonly lr?: number | Tensor;
  /** Decay of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number | Tensor, number | Tensor];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0 for Adam, 1e-2 for AdamW. */
  readonly weightDecay?: number | Tensor;
  /** Divide by the largest average so far (Reddi et al., 2018). Default false. */
  readonly amsgrad?: boolean;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}
export interface AdamOptions extends AdamWOptions {
  /** Weight decay apart from the gradient, as in AdamW. Default false. */
  readonly decoupledWeightDecay?: boolean;
}
export type AdamGroup = ParamGroup & Required<AdamOptions>;

const defaults: Required<AdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
  foreach: null,
  capturable: false,
  differentiable: false,
  fused: null,
  decoupledWeightDecay: false,
};
const positional = ['lr', 'betas', 'eps', 'weightDecay', 'amsgrad'] as const;
const flagNames = ['foreach', 'maximize', 'capturable', 'differentiable', 'fused'] as const;
type Positional = [
  lr: number | Tensor,
  betas: readonly [number | Tensor, number | Tensor],
  eps: number,
  weightDecay: number | Tensor,
  amsgrad: boolean,
];

type AdamFlags = {
  readonly maximize: boolean;
  /** Weight decay is added to the gradient, or shrinks the parameter, or neither. */
  readonly decays: boolean;
  readonly shrinks: boolean;
  readonly amsgrad: boolean;
  readonly complex: boolean;
  /** 1 − β₁ is at least one half. */
  readonly far: boolean;
  /** The second average is a mean of squares weighted by a tensor that wants a gradient. */
  readonly learnsBeta2: boolean;
  /** Steps are tensors: the step size goes into the denominator. */
  readonly live: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'expAvg' | 'expAvgSq' | 'maxExpAvgSq',
  'weightDecay' | 'shrink' | 'new1' | 'beta2' | 'new2' | 'root' | 'eps' | 'step',
  AdamFlags
> = {
  name: 'Adam',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    const param = flags.shrinks ? a.mul(x.param, s.shrink) : x.param;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    const expAvg = a.lerp(x.expAvg, g, s.new1, flags.far);
    const expAvgSq = flags.learnsBeta2
      ? a.lerp(x.expAvgSq, a.times(g, g), s.new2, false)
      : a.addcmul(a.mul(x.expAvgSq, s.beta2), g, g, s.new2);
    const largest = flags.amsgrad ? a.maximum(x.maxExpAvgSq, expAvgSq) : expAvgSq;
    const denominator = a.add(a.div(a.sqrt(largest), s.root), s.eps);
    const moved = a.addcdiv(param, expAvg, denominator, flags.live ? a.scalar(1) : s.step);
    return { param: moved, expAvg, expAvgSq, ...(flags.amsgrad ? { maxExpAvgSq: largest } : {}) };
  },
};

/**
 * Adam, torch.optim.Adam: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − lr · m̂ / (√v̂ + ε). Kingma and Ba, 2015.
 * State: `step`, `expAvg`, `expAvgSq`, with amsgrad `maxExpAvgSq`.
 * @throws ValueError for negative hyperparameters, and betas outside [0, 1)
 */
export class Adam extends Optimizer<AdamGroup> {
  constructor(params: Params, ...args: Call<Positional, AdamOptions>) {
    const names = [...positional, ...flagNames, 'decoupledWeightDecay'] as const;
    const options = { ...defaults, ...readCall<AdamOptions>('Adam', args, names) };
    checkAdam(options);
    super(params, { ...options, betas: options.betas.map(toScalar) as [Num, Num] });
    checkFused(options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    const { amsgrad, maximize, foreach, capturable, differentiable, decoupledWeightDecay, fused } = defaults;
    return { amsgrad, maximize, foreach, capturable, differentiable, decoupledWeightDecay, fused };
  }

  protected override updateGroup(group: AdamGroup): void {
    const tasks: TaskOf<typeof rule>[] = [];
    const [beta1, beta2] = group.betas.map(toScalar) as [Num, Num];
    const decays = numberOf(group.weightDecay) !== 0;
    const flags = {
      maximize: group.maximize,
      decays: decays && !group.decoupledWeightDecay,
      shrinks: decays && group.decoupledWeightDecay,
      amsgrad: group.amsgrad,
      far: 1 - numberOf(beta1) >= 0.5,
      learnsBeta2: group.differentiable && beta2 instanceof Tensor && beta2.requiresGrad,
      live: group.differentiable || group.capturable,
    };
    for (const param of group.params) {
      if (param.grad === null) continue;
      const state = this.#stateFor(param, group);
      const { expAvg, expAvgSq, maxExpAvgSq } = state as Record<string, Tensor>;
      const operands = { param, grad: param.grad, expAvg: expAvg!, expAvgSq: expAvgSq! };
      tasks.push({
        flags: { ...flags, complex: param.dtype.isComplex },
        operands: group.amsgrad ? { ...operands, maxExpAvgSq: maxExpAvgSq! } : operands,
        scalars: scalarsAt(countStep(state, flags.live), group, beta1, beta2, flags.live),
      });
    }
    applyRule(rule, tasks, group);
  }

  #stateFor(param: Tensor, group: AdamGroup): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length === 0) {
      state.step = startCount(param, group.capturable || group.fused === true);
      state.expAvg = zerosLike(param);
      state.expAvgSq = zerosLike(param);
      if (group.amsgrad) state.maxExpAvgSq = zerosLike(param);
    }
    if (group.differentiable && (state.step as Tensor).requiresGrad)
      throw new RuntimeError('`requires_grad` is not supported for `step` in differentiable mode');
    if (group.foreach === true && group.lr instanceof Tensor && !group.capturable)
      throw new RuntimeError('lr as a Tensor is not supported for capturable=False and foreach=True');
    return state;
  }
}

function scalarsAt(
  step: Num,
  group: AdamGroup,
  beta1: Num,
  beta2: Num,
  live: boolean,
): TaskOf<typeof rule>['scalars'] {
  const lr = toScalar(group.lr);
  const root = sqrt(sub(1, pow(beta2, step)));
  const towards = neg(div(lr, sub(1, pow(beta1, step))));
  return {
    weightDecay: group.weightDecay,
    shrink: sub(1, mul(lr, group.weightDecay)),
    new1: sub(1, beta1),
    beta2,
    new2: sub(1, beta2),
    root: live ? mul(root, towards) : root,
    eps: live ? div(group.eps, towards) : group.eps,
    step: towards,
  };
}

function checkAdam(options: Required<AdamOptions>): void {
  const { lr, betas, foreach, capturable } = options;
  if (lr instanceof Tensor && foreach === true && !capturable)
    throw new ValueError('lr as a Tensor is not supported for capturable=False and foreach=True');
  checkLr(lr);
  atLeast0(options.eps, 'Invalid epsilon value');
  betas.forEach((beta, i) => {
    if (beta instanceof Tensor && beta.length !== 1)
      throw new ValueError(`Tensor betas[${i}] must be 1-element`);
  });
  checkBetas(betas);
  atLeast0(options.weightDecay, 'Invalid weight_decay value');
  if (betas[0] instanceof Tensor !== betas[1] instanceof Tensor)
    throw new ValueError('betas must be either both floats or both Tensors');
  betas.forEach((beta, i) => {
    if (beta instanceof Tensor && foreach === true && !capturable)
      throw new ValueError(`betas[${i}] as a Tensor is not supported for capturable=False and foreach=True`);
  });
}

/**
 * AdamW, torch.optim.AdamW: Adam whose weight decay shrinks the parameters by lr · λ · θ and leaves the gradient alone.
 * Loshchilov and Hutter, 2019. Options and state are Adam's, weight decay 1e-2 by default.
 * @throws ValueError for negative hyperparameters, and betas outside [0, 1)
 */
export class AdamW extends Adam {
  constructor(params: Params, ...args: Call<Positional, AdamWOptions>) {
    const names = [...positional, ...flagNames] as const;
    const options = readCall<AdamWOptions>('AdamW', args, names);
    super(params, { weightDecay: 1e-2, ...options, decoupledWeightDecay: true });
  }
  protected override get forcedOptions(): Readonly<Record<string, unknown>> {
    return { decoupledWeightDecay: true };
  }
}
