// Checks of hyperparameters, with PyTorch's texts.
import { RuntimeError, ValueError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { pythonText } from '../format/python-text.js';
import { type Num, numberOf } from './_numbers.js';

/** @throws ValueError for a tensor of several elements, and one below zero. */
export function checkLr(lr: Num, text = 'Invalid learning rate'): void {
  if (lr instanceof Tensor && lr.length !== 1) throw new ValueError('Tensor lr must be 1-element');
  atLeast0(lr, text);
}

/** @throws ValueError `text: value` where the value is negative or NaN. */
export function atLeast0(value: Num, text: string): void {
  if (!(numberOf(value) >= 0)) throw new ValueError(`${text}: ${pythonText(value)}`);
}

/** @throws ValueError for a coefficient outside [0, 1). */
export function checkBetas(betas: readonly Num[]): void {
  for (const i of [0, 1]) {
    const beta = betas[i]!;
    const value = numberOf(beta);
    if (!(value >= 0 && value < 1))
      throw new ValueError(`Invalid beta parameter at index ${i}: ${pythonText(beta, true)}`);
  }
}

/** @throws RuntimeError for implementations that exclude each other. */
export function checkFused(options: {
  readonly fused?: boolean | null;
  readonly foreach?: boolean | null;
  readonly differentiable?: boolean;
}): void {
  if (options.fused !== true) return;
  if (options.differentiable === true) throw new RuntimeError('`fused` does not support `differentiable`');
  if (options.foreach === true) throw new RuntimeError('`fused` and `foreach` cannot be `True` together.');
}
