// Hyperparameters: arithmetic on numbers, and on tensors of one element where a hyperparameter is one or where steps are differentiable.
//   const stepSize = div(lr, sub(1, pow(beta1, step)));
import { Tensor } from '../core/tensor.js';
import { pow as powOp, rsub } from '../generated/functions.js';
import { power } from './_power.js';

/** A hyperparameter, or what follows from one. */
export type Num = number | Tensor;

export function add(a: Num, b: Num): Num {
  if (a instanceof Tensor) return a.add(b);
  return b instanceof Tensor ? b.add(a) : a + b;
}
export function sub(a: Num, b: Num): Num {
  if (a instanceof Tensor) return a.sub(b);
  return b instanceof Tensor ? rsub(b, a) : a - b;
}
export function mul(a: Num, b: Num): Num {
  if (a instanceof Tensor) return a.mul(b);
  return b instanceof Tensor ? b.mul(a) : a * b;
}
/** As PyTorch divides a number by a tensor: its reciprocal times the number. */
export function div(a: Num, b: Num): Num {
  if (a instanceof Tensor) return a.div(b);
  return b instanceof Tensor ? b.reciprocal().mul(a) : a / b;
}
export function neg(a: Num): Num {
  return a instanceof Tensor ? a.neg() : -a;
}
export function sqrt(a: Num): Num {
  return a instanceof Tensor ? a.sqrt() : Math.sqrt(a);
}
export function pow(a: Num, b: Num): Num {
  if (a instanceof Tensor || b instanceof Tensor) return powOp(a, b);
  return power(a, b);
}
/** The value of a hyperparameter. */
export function numberOf(a: Num): number {
  return a instanceof Tensor ? Number(a.item()) : a;
}
/** A one-element tensor as one of no dims. */
export function toScalar(a: Num): Num {
  return a instanceof Tensor && a.ndim !== 0 ? a.squeeze() : a;
}
