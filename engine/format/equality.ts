// Equality in Vitest and Jest: `expect(x).toEqual(y)` holds where dtype, shape and values agree.
import { Complex } from '../core/complex.js';
import { sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';

/** Whether two tensors hold the same values; NaN equals NaN, and 0 is not −0, as in `Object.is`. Undefined where one is no tensor. */
export function equalTensors(a: unknown, b: unknown): boolean | undefined {
  if (!(a instanceof Tensor) || !(b instanceof Tensor))
    return a instanceof Tensor || b instanceof Tensor ? false : undefined;
  if (a === b) return true;
  if (a.dtype !== b.dtype || !sameShape(a.sizes, b.sizes)) return false;
  if (a.device.backend === null || b.device.backend === null) return false;
  const valuesOf = (t: Tensor): unknown[] => t.detach().reshape([t.length]).tolist<unknown[]>();
  const [x, y] = [valuesOf(a), valuesOf(b)];
  return x.every((value, i) => sameValue(value, y[i]));
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Complex && b instanceof Complex) return Object.is(a.re, b.re) && Object.is(a.im, b.im);
  return Object.is(a, b);
}

interface Matchers {
  customEqualityTesters?: unknown[];
}

/** Both runners keep the testers of `expect.addEqualityTesters` here, and load before the tests do. */
const registered = (globalThis as unknown as Record<symbol, Matchers | undefined>)[
  Symbol.for('$$jest-matchers-object')
];
registered?.customEqualityTesters?.push(equalTensors);
