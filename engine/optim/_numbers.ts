// Hyperparameters: arithmetic on numbers, and on tensors of one element where a hyperparameter is one or where steps are differentiable.
//   const stepSize = div(lr, sub(1, pow(beta1, step)));
import { Tensor } from '../core/tensor.js';
import { pow as powOp, rsub } from '../generated/functions.js';

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
  return Number.isInteger(b) && Math.abs(b) < 2 ** 31 ? integerPower(a, b) : a ** b;
}
/** The value of a hyperparameter. */
export function numberOf(a: Num): number {
  return a instanceof Tensor ? Number(a.item()) : a;
}
/** A one-element tensor as one of no dims. */
export function toScalar(a: Num): Num {
  return a instanceof Tensor && a.ndim !== 0 ? a.squeeze() : a;
}

/** base ** exponent, rounded once: powers by squaring in twice the precision. `**` may be off by one unit in the last place. */
function integerPower(base: number, exponent: number): number {
  let result: Double = [1, 0];
  let power: Double = [base, 0];
  for (let left = Math.abs(exponent); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = product(result, power);
    power = product(power, power);
  }
  const [high, low] = result;
  if (!Number.isFinite(high) || Math.abs(high) < 1e-290 || !Number.isFinite(low)) return base ** exponent;
  return exponent < 0 ? 1 / (high + low) : high + low;
}

/** An unevaluated sum of two numbers, the second below the first's last place. */
type Double = readonly [high: number, low: number];

/** Dekker's product. */
function product([a, aLow]: Double, [b, bLow]: Double): Double {
  const high = a * b;
  const [a1, a2] = halves(a);
  const [b1, b2] = halves(b);
  const error = a1 * b1 - high + a1 * b2 + a2 * b1 + a2 * b2;
  const low = error + (a * bLow + aLow * b);
  const sum = high + low;
  return [sum, high - sum + low];
}

/** Veltkamp's split: two numbers of 26 bits. */
function halves(a: number): Double {
  const c = 134217729 * a;
  const high = c - (c - a);
  return [high, a - high];
}
