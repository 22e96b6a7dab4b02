// Gradient clipping, by the norm of all gradients together or by value: torch.nn.utils.clip_grad.
//   loss.backward(); clipGradNorm_(model.parameters(), 1); optimizer.step();
import { noGrad } from '../../autograd/grad-mode.js';
import { RuntimeError } from '../../core/errors.js';
import { readOptions } from '../../core/options.js';
import { Tensor } from '../../core/tensor.js';
import { clamp, linalg, logicalOr, stack, tensor } from '../../generated/functions.js';

/** One tensor, or several. */
export type Tensors = Tensor | Iterable<Tensor>;
export interface TotalNormOptions {
  /** The p of the norm; Infinity: the largest element. Default 2. */
  readonly normType?: number;
  /** Throw where the norm is no finite number. Default false. */
  readonly errorIfNonfinite?: boolean;
  /** Accepted: there is one implementation. */
  readonly foreach?: boolean | null;
}
export interface ClipGradValueOptions {
  readonly foreach?: boolean | null;
}

const listed = (tensors: Tensors): Tensor[] => (tensors instanceof Tensor ? [tensors] : [...tensors]);
const gradsOf = (parameters: Tensors): Tensor[] => listed(parameters).flatMap((p) => p.grad ?? []);

/**
 * The norm of all tensors as one vector, torch.nn.utils.get_total_norm; a 0-d tensor, 0 for no tensors.
 * @throws RuntimeError with `errorIfNonfinite` where it is infinite or NaN
 */
export function getTotalNorm(tensors: Tensors, options?: TotalNormOptions): Tensor {
  return totalNorm('getTotalNorm', listed(tensors), options);
}

function totalNorm(op: string, all: readonly Tensor[], options?: TotalNormOptions): Tensor {
  const names = ['normType', 'errorIfNonfinite', 'foreach'] as const;
  const { normType = 2, errorIfNonfinite = false } = readOptions<TotalNormOptions>(op, options, names);
  return noGrad(() => {
    const [first] = all;
    if (first === undefined) return tensor(0);
    const norms = all.map((t) => linalg.vectorNorm(t, normType).to(first.device));
    const total = linalg.vectorNorm(stack(norms), normType);
    if (errorIfNonfinite && logicalOr(total.isnan(), total.isinf()).item()) {
      throw new RuntimeError(
        `The total norm of order ${orderText(normType)} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set \`error_if_nonfinite=False\``,
      );
    }
    return total;
  });
}

/** As Python prints a float. */
const orderText = (p: number): string => {
  if (!Number.isFinite(p)) return p > 0 ? 'inf' : '-inf';
  return Number.isInteger(p) ? `${p}.0` : String(p);
};

/** Scales the gradients of parameters so that a norm known to be `totalNorm` becomes at most `maxNorm`, in place: torch.nn.utils.clip_grads_with_norm_. */
export function clipGradsWithNorm_(parameters: Tensors, maxNorm: number, totalNorm: Tensor): void {
  noGrad(() => {
    const factor = clamp(totalNorm.add(1e-6).reciprocal().mul(maxNorm), null, 1);
    for (const grad of gradsOf(parameters)) grad.mul_(factor.to(grad.device));
  });
}

/**
 * Scales the gradients of parameters in place so that the norm of all of them together is at most `maxNorm`, torch.nn.utils.clip_grad_norm_.
 * @returns that norm before
 * @throws RuntimeError with `errorIfNonfinite` where it is infinite or NaN; then nothing is changed
 */
export function clipGradNorm_(parameters: Tensors, maxNorm: number, options?: TotalNormOptions): Tensor {
  const all = listed(parameters);
  const total = totalNorm('clipGradNorm_', gradsOf(all), options);
  clipGradsWithNorm_(all, maxNorm, total);
  return total;
}

/** Clamps the gradients of parameters to [−clipValue, clipValue] in place, torch.nn.utils.clip_grad_value_. */
export function clipGradValue_(parameters: Tensors, clipValue: number, options?: ClipGradValueOptions): void {
  readOptions<ClipGradValueOptions>('clipGradValue_', options, ['foreach']);
  noGrad(() => {
    for (const grad of gradsOf(parameters)) grad.clamp_(-clipValue, clipValue);
  });
}
