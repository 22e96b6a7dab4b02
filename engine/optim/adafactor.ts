// Adafactor: second moments of matrices kept as the product of a row and a column, in memory below the parameters' own.
//   new Adafactor(model.parameters(), { lr: 1e-2 })
import { RuntimeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { norm, zeros, zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkLr } from './_checks.js';
import { div, mul, neg, numberOf, pow, sub, toScalar } from './_numbers.js';
import { countStep, startCount } from './_steps.js';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.js';

export interface AdafactorOptions {
  /** The most that a step may be, relative to the parameter. Default 1e-2. */
  readonly lr?: number | Tensor;
  /** Power of the step count in the decay of the second moment; at most 0. Default −0.8. */
  readonly beta2Decay?: number;
  /** What second moments, and the size of a parameter, are at least. The first null: the dtype's epsilon. Default [null, 1e-3]. */
  readonly eps?: readonly [number | null, number];
  /** The root mean square above which an update is scaled down; at least 1. Default 1. */
  readonly d?: number;
  /** Decoupled weight decay. Default 0. */
  readonly weightDecay?: number;
  readonly foreach?: boolean | null;
  /** Go up instead of down. Default false. */
  readonly maximize?: boolean;
}
export type AdafactorGroup = ParamGroup & Required<AdafactorOptions>;

const defaults: Required<AdafactorOptions> = {
  lr: 1e-2,
  beta2Decay: -0.8,
  eps: [null, 1e-3],
  d: 1,
  weightDecay: 0,
  foreach: null,
  maximize: false,
};
const names = Object.keys(defaults) as (keyof AdafactorOptions)[];
/** torch.finfo(dtype).eps */
const machineEpsilon: Readonly<Record<string, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 2 ** -23,
  float64: 2 ** -52,
};

/**
 * Adafactor, torch.optim.Adafactor: Adam's second moment alone, for tensors of two and more dims factored into row and column means.
 * Shazeer and Stern, 2018. State: `step`, and `rowVar` and `colVar` or `variance`.
 * @throws ValueError for hyperparameters out of range
 */
export class Adafactor extends Optimizer<AdafactorGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [
        lr: number | Tensor,
        beta2Decay: number,
        eps: readonly [number | null, number],
        d: number,
        weightDecay: number,
      ],
      AdafactorOptions
    >
  ) {
    const options = { ...defaults, ...readCall<AdafactorOptions>('Adafactor', args, names) };
    checkLr(options.lr, 'Learning rate should be >= 0 but is');
    if (!(options.beta2Decay <= 0))
      throw new ValueError(`beta2_decay should be <= 0 but is: ${pythonText(options.beta2Decay)}`);
    const [eps1, eps2] = options.eps;
    if (eps1 !== null) atLeast0(eps1, 'epsilon1 should be >= 0 but is');
    atLeast0(eps2, 'epsilon2 should be >= 0 but is');
    if (!(options.d >= 1))
      throw new ValueError(`Clipping threshold d should be >= 1 but is: ${pythonText(options.d, true)}`);
    atLeast0(options.weightDecay, 'weight_decay should be >= 0 but is');
    super(params, options);
  }

  protected override get floatOptions(): readonly string[] {
    return ['d', 'weightDecay', 'beta2Decay'];
  }
  protected override get loadDefaults(): Readonly<Record<string, unknown>> {
    return { foreach: null };
  }

  protected override updateGroup(group: AdafactorGroup): void {
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      if (param.dtype.isComplex) throw new RuntimeError('Adafactor does not support complex parameters');
      update(param, group.maximize ? grad.neg() : grad, this.#stateFor(param, grad), group);
    }
  }

  #stateFor(param: Tensor, grad: Tensor): ParamState {
    const state = this.stateOf(param);
    if (Object.keys(state).length > 0) return state;
    state.step = startCount(param, false);
    if (grad.ndim > 1) {
      const { dtype, device, sizes } = grad;
      state.rowVar = zeros(sizes.with(-1, 1), { dtype, device });
      state.colVar = zeros(sizes.with(-2, 1), { dtype, device });
    } else state.variance = zerosLike(grad);
    return state;
  }
}

function update(param: Tensor, grad: Tensor, state: ParamState, group: AdafactorGroup): void {
  const { d, weightDecay, beta2Decay } = group;
  const [given, eps2] = group.eps;
  const eps1 = given ?? machineEpsilon[param.dtype.name]!;
  const lr = toScalar(group.lr);
  const step = countStep(state, false) as number;
  const fresh = pow(step, beta2Decay) as number;
  const most = 1 / Math.sqrt(step);
  const rate = most < numberOf(lr) ? most : lr;
  const alpha = mul(Math.max(eps2, rootMeanSquare(param)), rate);
  if (weightDecay !== 0) param.mul_(sub(1, mul(lr, weightDecay)));
  const estimate = grad.ndim > 1 ? factored(grad, state, fresh, eps1) : whole(grad, state, fresh);
  const change = estimate
    .clamp_(eps1 * eps1)
    .rsqrt_()
    .mul_(grad);
  const denominator = Math.max(1, (norm(change).item() as number) / (Math.sqrt(change.length) * d));
  param.add_(change, { alpha: numberOf(div(neg(alpha), denominator)) });
}

const rootMeanSquare = (t: Tensor): number => (norm(t).item() as number) / Math.sqrt(t.length);

/** The second moment of a matrix from its row and column means. */
function factored(grad: Tensor, state: ParamState, fresh: number, eps1: number): Tensor {
  const { rowVar, colVar } = state as { rowVar: Tensor; colVar: Tensor };
  const meanSquare = (dim: number): Tensor => norm(grad, 2, dim, true).square_().div_(grad.size(dim));
  rowVar.lerp_(meanSquare(-1), fresh);
  colVar.lerp_(meanSquare(-2), fresh);
  return rowVar.matmul(colVar).div_(rowVar.mean(-2, true).clamp_(eps1));
}

function whole(grad: Tensor, state: ParamState, fresh: number): Tensor {
  return (state.variance as Tensor).lerp_(grad.mul(grad), fresh).clone();
}
