// What losses share: the reduction, common parameters, checks of sizes.

import { message, RuntimeError, showShape, ValueError } from '../../../core/errors.js';
import { sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import type { ErrorSample, Param } from '../../../registry/define.js';
import { oneOf } from '../../../registry/params.js';
import { t } from '../../../registry/samples.js';

export const input: Param = { name: 'input', kind: 'tensor' };
export const target: Param = { name: 'target', kind: 'tensor' };
/** What PyTorch has behind the deprecated size_average and reduce is keyword-only here. */
/** What becomes of the losses of the elements. */
export const reductions = oneOf(
  ['none', 'mean', 'sum'],
  ValueError,
  (value) => `${value} is not a valid value for reduction`,
);
export const reductionParam: Param = {
  name: 'reduction',
  kind: 'string',
  default: 'mean',
  keyword: true,
  choices: reductions,
};

export function numberOption(name: string, value: number, keyword = true): Param {
  return { name, kind: 'scalar', default: value, keyword };
}
export function flagOption(name: string, value: boolean, keyword = true): Param {
  return { name, kind: 'bool', default: value, keyword };
}
export function tensorOption(name: string, keyword = true): Param {
  return { name, kind: 'tensor', default: null, keyword };
}

/** The loss of each element as it is, or their mean or sum. */
export function reduced(loss: Tensor, reduction: string): Tensor {
  return reduction === 'none' ? loss : reduction === 'sum' ? loss.sum() : loss.mean();
}

/** @throws RuntimeError, or the class given. */
export function refuse(
  op: string,
  required: string,
  got: string,
  hint: string,
  Refused: typeof RuntimeError | typeof ValueError = RuntimeError,
): never {
  throw new Refused(message(op, required, got, hint));
}

/** The elements' loss weighted; a weight has the input's size. */
export function weighted(op: string, loss: Tensor, weight: Tensor | null, x: Tensor): Tensor {
  if (weight === null) return loss;
  if (!sameShape(weight.sizes, x.sizes)) {
    refuse(
      op,
      `a weight of shape ${showShape(x.sizes)}`,
      showShape(weight.sizes),
      'Weights and input must have the same size.',
      ValueError,
    );
  }
  return loss.mul(weight);
}

/** The call with a reduction that does not exist. */
export function badReduction(inputs: number): ErrorSample {
  const args = Array.from({ length: inputs }, () => t([5, 4]));
  return { args, kwargs: { reduction: 'abc' }, throws: 'ValueError' };
}
