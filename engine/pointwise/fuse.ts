// User expressions: `fuse((x, y) => x.mul(y).exp())` is one pointwise function with derived gradients.
import { ArgumentError, describe, message } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { apply, Expr, input } from './expr.js';
import { PointwiseFunction } from './function.js';

export { apply as scalar, Expr };

/**
 * Compiles an expression over scalars into one function on tensors, computed in a single pass and differentiable to any order.
 * The arguments broadcast and promote as in any op; integers become floats.
 *
 * `const swish = fuse((x) => x.mul(scalar('sigmoid', x)))`
 * @throws ArgumentError where the expression is not one.
 */
export function fuse(fn: (...inputs: Expr[]) => Expr, name = 'fused'): (...tensors: Tensor[]) => Tensor {
  // The tape keeps which inputs want gradients in the bits of one integer.
  if (fn.length === 0 || fn.length > 30) {
    throw new ArgumentError(message('fuse', 'a function of 1 to 30 inputs', `one of ${fn.length}`));
  }
  const root = fn(...Array.from({ length: fn.length }, (_, i) => input(i)));
  if (!(root instanceof Expr))
    throw new ArgumentError(message('fuse', 'a function that returns an expression', describe(root)));
  const compiled = new PointwiseFunction(name, 'FusedBackward0', root, fn.length, { promote: 'float' });
  return (...tensors) => {
    if (tensors.length !== fn.length || !tensors.every((t) => t instanceof Tensor)) {
      throw new ArgumentError(message(name, `${fn.length} Tensors`, `${tensors.length} arguments`));
    }
    return compiled.apply(tensors, [], []);
  };
}
