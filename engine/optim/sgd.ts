// SGD: stochastic gradient descent, with momentum and Nesterov momentum.
//   new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkFused, checkLr } from './_checks.js';
import { neg, numberOf, toScalar } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface SGDOptions {
  /** Learning rate. Default 1e-3. */
  readonly lr?: number | Tensor;
  /** Default 0. */
  readonly momentum?: number;
  /** What of a gradient does not enter the momentum. Default 0. */
  readonly dampening?: number;
  /** L2 penalty. Default 0. */
  readonly weightDecay?: number | Tensor;
  /** Default false. */
  readonly nesterov?: boolean;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  readonly foreach?: boolean | null;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
  readonly fused?: boolean | null;
}
export type SGDGroup = ParamGroup & Required<SGDOptions>;

const names = [
  'lr',
  'momentum',
  'dampening',
  'weightDecay',
  'nesterov',
  'maximize',
  'foreach',
  'differentiable',
  'fused',
] as const;
const defaults: Required<SGDOptions> = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
  foreach: null,
  differentiable: false,
  fused: null,
};

type SGDFlags = {
  readonly maximize: boolean;
  readonly decays: boolean;
  readonly momentum: boolean;
  /** The first step with momentum: the buffer becomes the gradient. */
  readonly first: boolean;
  readonly nesterov: boolean;
  readonly complex: boolean;
};

const rule: Rule<
  'param' | 'grad' | 'momentumBuffer',
  'weightDecay' | 'momentum' | 'kept' | 'step',
  SGDFlags
> = {
  name: 'SGD',
  update(a, x, s, flags) {
    let g = flags.maximize ? a.neg(x.grad) : x.grad;
    if (flags.decays) g = a.axpy(g, x.param, s.weightDecay, flags.complex);
    if (!flags.momentum) return { param: a.axpy(x.param, g, s.step, flags.complex) };
    const buffer = flags.first
      ? a.detach(g)
      : a.axpy(a.mul(x.momentumBuffer, s.momentum), g, s.kept, flags.complex);
    const direction = flags.nesterov ? a.axpy(g, buffer, s.momentum, flags.complex) : buffer;
    return { param: a.axpy(x.param, direction, s.step, flags.complex), momentumBuffer: buffer };
  },
};

/**
 * Stochastic gradient descent, torch.optim.SGD: b ← μ b + (1 − τ) g, θ ← θ − lr · b; with Nesterov momentum θ ← θ − lr · (g + μ b).
 * The first b is g. State: `momentumBuffer`, where there is momentum. Sutskever et al., 2013.
 * @throws ValueError for negative hyperparameters, and Nesterov momentum without momentum or with dampening
 */
export class SGD extends Optimizer<SGDGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        momentum: number,
        dampening: number,
        weightDecay: number | Tensor,
        nesterov: boolean,
      ],
      SGDOptions
    >
  ) {
    const options = { ...defaults, ...readCall<SGDOptions>('SGD', args, names) };
    checkLr(options.lr);
    atLeast0(options.momentum, 'Invalid momentum value');
    atLeast0(options.weightDecay, 'Invalid weight_decay value');
    if (options.nesterov && (options.momentum <= 0 || options.dampening !== 0))
      throw new ValueError('Nesterov momentum requires a momentum and zero dampening');
    super(params, options);
    checkFused(options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { nesterov: false, maximize: false, foreach: null, differentiable: false, fused: false };
  }

  protected override updateGroup(group: SGDGroup): void {
    const { weightDecay, momentum } = group;
    const scalars = { weightDecay, momentum, kept: 1 - group.dampening, step: neg(toScalar(group.lr)) };
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = momentum === 0 ? {} : this.stateOf(param);
      const first = momentum !== 0 && (state.momentumBuffer ?? null) === null;
      if (first) state.momentumBuffer = grad.detach().clone();
      const flags = {
        maximize: group.maximize,
        decays: numberOf(weightDecay) !== 0,
        momentum: momentum !== 0,
        first,
        nesterov: group.nesterov,
        complex: param.dtype.isComplex,
      };
      const { momentumBuffer } = state as { momentumBuffer?: Tensor };
      const operands = momentumBuffer === undefined ? { param, grad } : { param, grad, momentumBuffer };
      tasks.push({ flags, operands, scalars });
    }
    applyRule(rule, tasks, group);
  }
}
