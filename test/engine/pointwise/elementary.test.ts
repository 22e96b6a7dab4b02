// Holds the float32 functions of native/cpu/pointwise/elementary.h to the float64 ones, in units in the last place, over numbers drawn from all
// exponents, and to the exact results at special points. The largest errors of all 2^32 numbers are in docs/decisions/0006.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

/** Every 4093rd bit pattern: all exponents, both signs, NaN and the infinities' neighbours among them. */
function patterns(): Float32Array {
  const bits = new Uint32Array(Math.floor(2 ** 32 / 4093));
  for (let i = 0; i < bits.length; i++) bits[i] = i * 4093;
  return new Float32Array(bits.buffer);
}

/** The spacing of float32 at the magnitude of x. */
function spacing(x: number): number {
  const exponent = Math.max(-126, Math.min(127, Math.floor(Math.log2(Math.abs(x)))));
  return 2 ** (exponent - 23);
}

function worst(f: (x: Tensor) => Tensor): number {
  const x = patterns();
  const single = torch.fromNumpy({ data: x, shape: [x.length], dtype: 'float32' });
  const got = f(single).numpy().data as Float32Array;
  const want = f(single.to('float64')).numpy().data as Float64Array;
  let most = 0;
  for (let i = 0; i < x.length; i++) {
    const [g, w] = [got[i]!, want[i]!];
    if (!Number.isFinite(g) || !Number.isFinite(Math.fround(w))) {
      if (!Object.is(g, Math.fround(w))) return inf;
    } else most = Math.max(most, Math.abs(g - w) / spacing(w || 1e-45));
  }
  return most;
}

const { isa, sleef } = torch.backendInfo();
/** Without fused multiply-adds SLEEF serves, whose erf is off by 1.94 units there. */
const own = sleef && isa !== 'baseline';

describe.skipIf(!own)('float32 functions', () => {
  it.each([
    ['exp', (x: Tensor) => x.exp()],
    ['log1p', (x: Tensor) => x.log1p()],
    ['erf', (x: Tensor) => x.erf()],
  ])('%s is within 1.1 units in the last place', (_name, f) => {
    expect(worst(f)).toBeLessThan(1.1);
  });

  it.each([
    [
      'exp',
      (x: Tensor) => x.exp(),
      [0, -0, inf, -inf, nan, 88.8, -104, 1],
      [1, 1, inf, 0, nan, inf, 0, Math.fround(Math.E)],
    ],
    [
      'log1p',
      (x: Tensor) => x.log1p(),
      [0, -0, inf, -1, -1.5, nan, 1e-45, -inf],
      [0, -0, inf, -inf, nan, nan, Math.fround(1e-45), nan],
    ],
    ['erf', (x: Tensor) => x.erf(), [0, -0, inf, -inf, nan, 5, -4], [0, -0, 1, -1, nan, 1, -1]],
  ])('%s is exact at special points', (_name, f, points, values) => {
    expect(f(torch.tensor(points, { dtype: 'float32' })).tolist()).toEqual(values);
  });
});
