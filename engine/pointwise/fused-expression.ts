// Fused expressions that ops use as parts of themselves (a loss before its reduction): one pass, derived gradients,
// PyTorch's dtype rule. They are not registered as ops.
import { bool, type DType } from '../core/dtype.js';
import { message, NotImplementedError, RuntimeError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { type Expr, input, param } from './expr.js';
import { PointwiseFunction, type Promotion } from './function.js';
import { promoted } from './function-support.js';

/** Applies an expression to broadcast tensors and scalars. */
export type Formula = (tensors: readonly Tensor[], scalars?: readonly number[]) => Tensor;

/** Params of an expression by position. */
export const [p0, p1, p2] = [param(0), param(1), param(2)];

/**
 * The function of `op` over `inputs` tensors: `make` gets them as expressions and may use p0, p1, p2 for the scalars.
 * 'floats' refuses integers as a missing kernel does; 'float' makes floats of them; 'same' leaves them. Bool is refused.
 */
export function formula(
  op: string,
  inputs: number,
  make: (...inputs: readonly Expr[]) => Expr,
  promote: Exclude<Promotion, object> | 'floats' = 'floats',
): Formula {
  const root = make(...Array.from({ length: inputs }, (_, i) => input(i)));
  const node = `${op.charAt(0).toUpperCase()}${op.slice(1)}Backward0`;
  const fn = new PointwiseFunction(op, node, root, inputs, {
    promote: promote === 'floats' ? 'same' : promote,
  });
  return (tensors, scalars = []) => {
    if (promote === 'floats') requireFloating(op, promoted(tensors, [], []));
    else if (tensors.every((t) => t.dtype === bool)) {
      const hint = 'Subtraction, the `-` operator, with a bool tensor is not supported.';
      throw new RuntimeError(message(op, 'numbers', 'bool', hint));
    }
    return fn.apply(
      tensors,
      scalars,
      scalars.map(() => null),
    );
  };
}

/** @throws NotImplementedError for integers and bool, as PyTorch's kernels do. */
export function requireFloating(op: string, dtype: DType): void {
  if (!dtype.isIntegral) return;
  throw new NotImplementedError(
    message(op, 'a floating dtype', dtype.name, `"${op}" not implemented for '${dtype.title}'`),
  );
}
