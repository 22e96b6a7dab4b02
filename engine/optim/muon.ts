// Muon: momentum orthogonalised by Newton-Schulz iterations, for the matrices of hidden layers.
//   new Muon(hiddenWeights, { lr: 0.02, momentum: 0.95 })
import { bfloat16, float32 } from '../core/dtype.js';
import { RuntimeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { zerosLike } from '../generated/functions.js';
import { type Call, readCall } from './_arguments.js';
import { atLeast0, checkLr } from './_checks.js';
import { mul, neg, numberOf, sub, toScalar } from './_numbers.js';
import { Optimizer, type ParamGroup, type Params } from './optimizer.js';

export interface MuonOptions {
  /** Learning rate. Default 1e-3. */
  readonly lr?: number | Tensor;
  /** Decoupled weight decay. Default 0.1. */
  readonly weightDecay?: number;
  /** Default 0.95. */
  readonly momentum?: number;
  /** Default true. */
  readonly nesterov?: boolean;
  /** a, b, c of the iteration X ← a X + (b A + c A²) X, A = X Xᵀ. Default [3.4445, −4.775, 2.0315]. */
  readonly nsCoefficients?: readonly [number, number, number];
  /** Default 1e-7. */
  readonly eps?: number;
  /** Iterations. Default 5. */
  readonly nsSteps?: number;
  /** How the rate follows from the shape: √max(1, rows / columns), or 0.2 √max(rows, columns). Default null: 'original'. */
  readonly adjustLrFn?: 'original' | 'match_rms_adamw' | null;
}
export type MuonGroup = ParamGroup & Required<MuonOptions>;

const defaults: Required<MuonOptions> = {
  lr: 1e-3,
  weightDecay: 0.1,
  momentum: 0.95,
  nesterov: true,
  nsCoefficients: [3.4445, -4.775, 2.0315],
  eps: 1e-7,
  nsSteps: 5,
  adjustLrFn: null,
};
const names = Object.keys(defaults) as (keyof MuonOptions)[];

/**
 * Muon, torch.optim.Muon: B ← μ B + (1 − μ) g, θ ← (1 − lr λ) θ − lr' · NS(B), where NS brings the singular values of a matrix near 1,
 * computed in bfloat16. Only matrices; others go to AdamW. Jordan et al., 2024. State: `momentumBuffer`.
 * @throws ValueError for negative hyperparameters, and parameters that are no matrices
 */
export class Muon extends Optimizer<MuonGroup> {
  constructor(
    params: Params,
    ...args: Call<
      [lr: number | Tensor, weightDecay: number, momentum: number, nesterov: boolean],
      MuonOptions
    >
  ) {
    const options = { ...defaults, ...readCall<MuonOptions>('Muon', args, names) };
    checkLr(options.lr, 'Learning rate should be >= 0 but is');
    atLeast0(options.momentum, 'momentum should be >= 0 but is');
    atLeast0(options.weightDecay, 'weight decay should be >= 0 but is');
    const adjust: string | null = options.adjustLrFn;
    if (adjust !== null && adjust !== 'original' && adjust !== 'match_rms_adamw')
      throw new ValueError(`Adjust learning rate function ${adjust} is not supported`);
    super(params, options);
    for (const p of this.paramGroups.flatMap((group) => group.params)) {
      if (p.ndim === 2) continue;
      throw new ValueError(
        `Muon only supports 2D parameters whereas we found a parameter with size: ${String(p.size())}`,
      );
    }
  }

  protected override get floatOptions(): readonly string[] {
    return ['nsCoefficients'];
  }

  protected override updateGroup(group: MuonGroup): void {
    const { momentum, nesterov } = group;
    const lr = toScalar(group.lr);
    for (const param of group.params) {
      const { grad } = param;
      if (grad === null) continue;
      if (param.dtype.isComplex) throw new RuntimeError('Muon does not support complex parameters');
      const state = this.stateOf(param);
      state.momentumBuffer ??= zerosLike(grad);
      const buffer = (state.momentumBuffer as Tensor).lerp_(grad, 1 - momentum);
      const update = orthogonalised(nesterov ? grad.lerp(buffer, momentum) : buffer, group);
      const rate = mul(lr, ratioOf(param, group));
      param.mul_(sub(1, mul(lr, group.weightDecay)));
      param.add_(update, { alpha: numberOf(neg(rate)) });
    }
  }
}

function ratioOf({ sizes }: Tensor, { adjustLrFn }: MuonGroup): number {
  const [rows, columns] = sizes as [number, number];
  return adjustLrFn === 'match_rms_adamw'
    ? 0.2 * Math.sqrt(Math.max(rows, columns))
    : Math.sqrt(Math.max(1, rows / columns));
}

/** The matrix with singular values near 1: its zeroth power, by Newton-Schulz iterations. */
function orthogonalised(matrix: Tensor, { nsCoefficients, nsSteps, eps }: MuonGroup): Tensor {
  if (nsSteps >= 100)
    throw new ValueError('Number of steps must be less than 100 for computational efficiency');
  if (nsCoefficients.length !== 3) throw new ValueError('Coefficients must be a tuple of exactly 3 values');
  const [a, b, c] = nsCoefficients;
  const tall = matrix.size(0) > matrix.size(1);
  let x = matrix.to(bfloat16);
  if (tall) x = x.T;
  x = x.div(x.norm().clamp(eps));
  for (let i = 0; i < nsSteps; i++) {
    const gram = x.matmul(x.T);
    x = combined(a, x, 1, combined(b, gram, c, gram, gram), x);
  }
  return tall ? x.T : x;
}

/** β x + α · (y z) of bfloat16 matrices, rounded once. */
function combined(beta: number, x: Tensor, alpha: number, y: Tensor, z: Tensor): Tensor {
  const product = y.to(float32).matmul(z.to(float32));
  return x.to(float32).mul(beta).add(product, { alpha }).to(bfloat16);
}
