// Rprop: resilient backpropagation, whose steps depend on the signs of gradients alone.
//   new Rprop(model.parameters(), { etas: [0.5, 1.2] })
import { Complex } from '../core/complex.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { fullLike, zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { checkLr } from './_checks.js';
import { numberOf } from './_numbers.js';
import { applyRule, type Rule, type TaskOf } from './_rule.js';
import { advance, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface RpropOptions {
  /** The first step size. Default 1e-2. */
  readonly lr?: number | Tensor;
  /** What a step size is multiplied by where the gradient changes its sign, and where it keeps it. Default [0.5, 1.2]. */
  readonly etas?: readonly [number, number];
  /** The least and the largest step size. Default [1e-6, 50]. */
  readonly stepSizes?: readonly [number, number];
  /** Keep the count of steps on the device, for CUDA graphs. Default false. */
  readonly capturable?: boolean;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
  /** Record the step, for gradients through it. Default false. */
  readonly differentiable?: boolean;
}
export type RpropGroup = ParamGroup & Required<RpropOptions>;

const defaults: Required<RpropOptions> = {
  lr: 1e-2,
  etas: [0.5, 1.2],
  stepSizes: [1e-6, 50],
  foreach: null,
  maximize: false,
  differentiable: false,
  capturable: false,
};
const names = ['lr', 'etas', 'stepSizes', 'capturable', 'foreach', 'maximize', 'differentiable'] as const;

type RpropFlags = { readonly maximize: boolean };

const rule: Rule<
  'param' | 'grad' | 'prev' | 'stepSize',
  'shorter' | 'longer' | 'same' | 'least' | 'largest' | 'back',
  RpropFlags
> = {
  name: 'Rprop',
  update(a, x, s, flags) {
    const g = flags.maximize ? a.neg(x.grad) : x.grad;
    const factor = a.bySign(a.sign(a.times(g, x.prev)), s.longer, s.shorter, s.same);
    const stepSize = a.clamp(a.times(x.stepSize, factor), s.least, s.largest);
    const kept = a.zeroWhere(factor, s.shorter, g);
    return { param: a.addcmul(x.param, a.sign(kept), stepSize, s.back), prev: kept, stepSize };
  },
};

/**
 * Rprop, torch.optim.Rprop: step sizes grow by η₊ where the gradient keeps its sign and shrink by η₋ where it changes it, in which
 * case the parameter stays; θ ← θ − sign(g) · η. Riedmiller and Braun, 1993. State: `step`, `prev`, `stepSize`.
 * @throws ValueError for a negative learning rate, and etas that are not 0 < η₋ < 1 < η₊
 */
export class Rprop extends Optimizer<RpropGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [lr: number | Tensor, etas: readonly [number, number], stepSizes: readonly [number, number]],
      RpropOptions
    >
  ) {
    const options = { ...defaults, ...readCall<RpropOptions>('Rprop', args, names) };
    checkLr(options.lr);
    const [low, high] = options.etas;
    if (!(low > 0 && low < 1 && high > 1))
      throw new ValueError(`Invalid eta values: ${pythonText(low, true)}, ${pythonText(high, true)}`);
    super(params, options);
  }

  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null, maximize: false, differentiable: false, capturable: false };
  }

  protected override updateGroup(group: RpropGroup): void {
    const [shorter, longer] = group.etas;
    const [least, largest] = group.stepSizes;
    const scalars = { shorter, longer, same: 1, least, largest, back: -1 };
    const flags = { maximize: group.maximize };
    const tasks: TaskOf<typeof rule>[] = [];
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      const state = this.#stateFor(param, grad, group);
      advance(state);
      const { prev, stepSize } = state as { prev: Tensor; stepSize: Tensor };
      tasks.push({ flags, operands: { param, grad, prev, stepSize }, scalars });
    }
    applyRule(rule, tasks, group);
  }

  #stateFor(param: Tensor, grad: Tensor, group: RpropGroup): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length > 0) return state;
    const lr = numberOf(group.lr);
    state.step = startCount(param, group.capturable);
    state.prev = zerosLike(param);
    state.stepSize = fullLike(grad, param.dtype.isComplex ? new Complex(lr, lr) : lr).detach();
    return state;
  }
}
