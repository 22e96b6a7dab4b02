// RMSprop: gradients divided by a running root mean square, with centring and momentum on request.
//   new RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 })
import type { Tensor } from '../core/tensor.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkLr } from './_checks.js';
import { neg, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { advance, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface RMSpropOptions {
  /** Learning rate. Default 1e-2. */
  readonly lr?: number | Tensor;
  /** Decay of the averages. Default 0.99. */
  readonly alpha?: number;
  /** Default 1e-8. */
  readonly eps?: number;
  /** L2 penalty. Default 0. */
  readonly weightDecay?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Divide by an estimate of the standard deviation instead. Default false. */
  readonly centered?: boolean;
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
}
export type RMSpropGroup = ParamGroup & Required<RMSpropOptions>;

const defaults: Required<RMSpropOptions> = {
  lr: 1e-2,
  momentum: 0,
  alpha: 0.99,
  eps: 1e-8,
  centered: false,
  weightDecay: 0,
  capturable: false,
  foreach: null,
  maximize: false,
  differentiable: false,
};
const names = [
  'lr',
  'alpha',
  'eps',
  'weightDecay',
  'momentum',
  'centered',
  'capturable',
  'foreach',
  'maximize',
  'differentiable',
] as const;

type RMSpropFlags = {
  readonly maximize: boolean;
  readonly decays: boolean;
  readonly complex: boolean;
  readonly centered: boolean;
  readonly momentum: boolean;
  /** 1 − α is at least one half. */
  readonly far: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'squareAvg' | 'gradAvg' | 'momentumBuffer',
  'weightDecay' | 'alpha' | 'new' | 'eps' | 'momentum' | 'step' | 'one' | 'back',
  RMSpropFlags
> = {
  name: 'RMSprop',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    const squareAvg = a.addcmul(a.mul(x.squareAvg, s.alpha), g, g, s.new);
    const gradAvg = flags.centered ? a.lerp(x.gradAvg, g, s.new, flags.far) : null;
    const variance = gradAvg === null ? squareAvg : a.addcmul(squareAvg, gradAvg, gradAvg, s.back);
    const average = a.add(a.sqrt(variance), s.eps);
    const state = gradAvg === null ? { squareAvg } : { squareAvg, gradAvg };
    if (!flags.momentum) return { param: a.addcdiv(x.param, g, average, s.step), ...state };
    const momentumBuffer = a.addcdiv(a.mul(x.momentumBuffer, s.momentum), g, average, s.one);
    return { param: a.axpy(x.param, momentumBuffer, s.step), momentumBuffer, ...state };
  },
};

/**
 * RMSprop, torch.optim.RMSprop: v ← α v + (1 − α) g², θ ← θ − lr · g / (√v + ε); centred v − ḡ² in place of v; with momentum
 * b ← μ b + g / (√v + ε), θ ← θ − lr · b. Tieleman and Hinton, 2012. State: `step`, `squareAvg`, `momentumBuffer`, `gradAvg`.
 * @throws ValueError for negative hyperparameters
 */
export class RMSprop extends Optimizer<RMSpropGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        alpha: number,
        eps: number,
        weightDecay: number,
        momentum: number,
        centered: boolean,
        capturable: boolean,
        foreach: boolean | null,
        maximize: boolean,
        differentiable: boolean,
      ],
      RMSpropOptions
    >
  ) {
    const options = { ...defaults, ...readCall<RMSpropOptions>('RMSprop', args, names) };
    checkLr(options.lr);
    atLeast0(options.eps, 'Invalid epsilon value');
    atLeast0(options.momentum, 'Invalid momentum value');
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    atLeast0(options.alpha, 'Invalid alpha value');
    super(params, options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    const { momentum, centered, foreach, maximize, differentiable, capturable } = defaults;
    return { momentum, centered, foreach, maximize, differentiable, capturable };
  }

  protected override updateGroup(group: RMSpropGroup): void {
    const { weightDecay, alpha, eps, momentum, centered, maximize } = group;
    const step = neg(toScalar(group.lr));
    const scalars = { weightDecay, alpha, new: 1 - alpha, eps, momentum, step, one: 1, back: -1 };
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.#stateFor(param, group);
      advance(state);
      const { step: _, ...buffers } = state as Record<string, Tensor>;
      tasks.push({
        flags: {
          maximize,
          decays: weightDecay !== 0,
          complex: param.dtype.isComplex,
          centered,
          momentum: momentum > 0,
          far: 1 - alpha >= 0.5,
        },
        operands: { param, grad, ...buffers },
        scalars,
      });
    }
    applyRule(rule, tasks, group);
  }

  #stateFor(param: Tensor, group: RMSpropGroup): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length > 0) return state;
    state.step = startCount(param, group.capturable);
    state.squareAvg = zerosLike(param);
    if (group.momentum > 0) state.momentumBuffer = zerosLike(param);
    if (group.centered) state.gradAvg = zerosLike(param);
    return state;
  }
}
