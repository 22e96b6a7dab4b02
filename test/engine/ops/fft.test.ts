// Fourier transforms against their definition, for lengths that take every pass of the plan.
import { describe, expect, it } from 'vitest';
import { arange, complex, fft, float64, type Tensor, tensor } from '../../../engine/index.js';

/** The matrix of a transform of n points. */
function matrix(n: number, sign: number): Tensor {
  const k = arange(n, null, 1, { dtype: float64 });
  // Exact products modulo n keep the angles small.
  const angle = k
    .unsqueeze(1)
    .mul(k)
    .remainder(n)
    .mul((sign * 2 * Math.PI) / n);
  return complex(angle.cos(), angle.sin());
}
/** Numbers without a pattern, the same each time. */
function noise(...shape: number[]): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  const k = arange(n, null, 1, { dtype: float64 });
  return k.mul(12.9898).sin().mul(43758.5453).frac().reshape(shape);
}
const far = (a: Tensor, b: Tensor): number => Number(a.sub(b).abs().max().item());

describe('fft', () => {
  // Radices 4, 2, 3, 5, general ones, Bluestein's way, and mixtures.
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 30, 49, 61, 64, 67, 77, 97, 120, 134, 211, 256, 360]) {
    it(`of ${n} points`, () => {
      const x = complex(noise(3, n), noise(3, n).flip([1]));
      const want = x.matmul(matrix(n, -1));
      expect(far(fft.fft(x), want)).toBeLessThan(1e-12 * n);
      expect(far(fft.ifft(fft.fft(x)), x)).toBeLessThan(1e-13 * n);
      const single = fft.fft(x.to('complex64'));
      expect(far(single.to('complex128'), want)).toBeLessThan(2e-6 * Math.sqrt(n) + 1e-6);
      const re = noise(3, n);
      expect(
        far(
          fft.rfft(re),
          re
            .to('complex128')
            .matmul(matrix(n, -1))
            .narrow(1, 0, Math.floor(n / 2) + 1),
        ),
      ).toBeLessThan(1e-12 * n);
      expect(far(fft.irfft(fft.rfft(re), n), re)).toBeLessThan(1e-13 * n);
    });
  }
  it('of many rows, of strided rows and along any dim', () => {
    const x = complex(noise(40, 30), noise(30, 40).t());
    const want = fft.fft(x.contiguous(), null, 1);
    expect(far(fft.fft(x.t(), null, 0).t(), want)).toBe(0);
    expect(far(fft.fft(x.narrow(0, 3, 7), null, 1), want.narrow(0, 3, 7))).toBeLessThan(1e-13);
  });
  it('of a long row', () => {
    const n = 1 << 15;
    const x = complex(noise(n), noise(n).neg());
    expect(far(fft.ifft(fft.fft(x)), x)).toBeLessThan(1e-13);
  });
  it('cuts and fills up to n', () => {
    expect(fft.fft(tensor([1, 2]), 4).real.tolist()).toEqual([3, 1, -1, 1]);
    expect(fft.fft(tensor([1, 2, 5]), 2).real.tolist()).toEqual([3, -1]);
  });
});
