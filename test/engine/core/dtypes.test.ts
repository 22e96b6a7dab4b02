// Dtypes beyond float32 and integers: rounding of 16-bit floats, special values of complex numbers, gradients by
// PyTorch's convention, printing and conversion.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromBrain, fromHalf, toBrain, toHalf } from '../../../engine/core/complex.js';
import {
  bfloat16,
  Complex,
  complex,
  complex64,
  complex128,
  float16,
  float32,
  fromNumpy,
  full,
  loadNpy,
  promoteTypes,
  saveNpy,
  type Tensor,
  tensor,
  viewAsComplex,
  viewAsReal,
} from '../../../engine/index.js';

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
const bitsOf = (x: Tensor): Uint16Array => x.numpy().data as Uint16Array;
const c = (re: number, im = 0): Complex => new Complex(re, im);
const pairs = (x: Tensor): unknown => (x.tolist() as Complex[]).map((v) => [v.re, v.im]);

describe.each([
  ['float16', float16, fromHalf, toHalf, 0x7c00],
  ['bfloat16', bfloat16, fromBrain, toBrain, 0x7f80],
] as const)('%s', (name, dtype, read, write, infinity) => {
  const all = fromNumpy({ data: patterns, shape: [65536], dtype: name });
  const isNaNPattern = (bits: number): boolean => (bits & 0x7fff) > infinity;

  it('keeps every pattern through float32 and back', () => {
    const wide = all.to(float32);
    const back = bitsOf(wide.to(dtype));
    const values = wide.numpy().data;
    for (let i = 0; i < 65536; i++) {
      if (isNaNPattern(i)) {
        if (!Number.isNaN(Number(values[i])) || !isNaNPattern(back[i]!)) expect.fail(`pattern ${i}`);
      } else if (back[i] !== i || !Object.is(Number(values[i]), read(i)) || write(read(i)) !== i)
        expect.fail(`pattern ${i}`);
    }
  });
  it('moves its bits when it is copied, NaN payloads too', () => {
    expect(bitsOf(all.clone())).toEqual(patterns);
    expect(bitsOf(all.reshape([256, 256]).t().contiguous().t().contiguous().reshape([65536]))).toEqual(
      patterns,
    );
  });
  it('rounds halves to even, as the scalar code does', () => {
    const values: number[] = [];
    for (let i = 0; i < infinity; i += 7) {
      const middle = (read(i) + read(i + 1)) / 2;
      if (Number.isFinite(middle))
        values.push(middle, -middle, middle * (1 + 2 ** -20), middle * (1 - 2 ** -20));
    }
    values.push(65519.99, 65520, 3.4e38, 1e-8, 2 ** -25, 2 ** -24, Number.POSITIVE_INFINITY, 0, -0);
    const stored = bitsOf(tensor(values, { dtype: float32 }).to(dtype));
    expect([...stored]).toEqual(values.map(write));
    expect([...bitsOf(tensor(values, { dtype }))]).toEqual(values.map(write));
  });
  it('rounds a sum once', () => {
    expect(full([4096], 1, { dtype }).sum().item()).toBe(4096);
    expect(
      tensor([1, 2 ** -12, 2 ** -12], { dtype })
        .sum()
        .item(),
    ).toBe(read(write(1 + 2 ** -11)));
  });
});

describe('promotion', () => {
  it('follows PyTorch', () => {
    expect(promoteTypes(float16, bfloat16)).toBe(float32);
    expect(promoteTypes(float16, complex64)).toBe(complex64);
    expect(tensor([1.5]).mul(c(0, 1)).dtype).toBe(complex64);
    expect(tensor([1.5], { dtype: 'float64' }).mul(c(0, 1)).dtype).toBe(complex128);
    expect(tensor([1.5], { dtype: 'float16' }).add(tensor(2.5)).dtype).toBe(float16);
    expect(tensor([c(1)]).add(tensor([1], { dtype: 'float64' })).dtype).toBe(complex128);
  });
});

describe('complex numbers', () => {
  it('print as in PyTorch', () => {
    expect(String(tensor([c(1, 2), c(-3, 0.5)]))).toBe('tensor([ 1.+2.0000j, -3.+0.5000j])');
    expect(String(tensor([1.5], { dtype: 'bfloat16' }))).toBe('tensor([1.5000], dtype=torch.bfloat16)');
  });
  it('divide without overflow', () => {
    expect(pairs(tensor([c(1e38, 1e38)]).div(tensor([c(1e38, 1e38)])))).toEqual([[1, 0]]);
    expect(
      tensor([c(3e38, 3e38), c(3e-30, 4e-30)])
        .abs()
        .tolist(),
    ).toEqual([Number.POSITIVE_INFINITY, Math.fround(5e-30)]);
  });
  it('stay on their side of a cut', () => {
    expect(pairs(tensor([c(-4, 0), c(-4, -0)]).sqrt())).toEqual([
      [0, 2],
      [0, -2],
    ]);
    expect(
      (
        tensor([c(-1, -0)])
          .log()
          .tolist() as Complex[]
      )[0]!.im,
    ).toBeCloseTo(-Math.PI, 6);
    expect(
      (
        tensor([c(2, 0)])
          .asin()
          .tolist() as Complex[]
      )[0]!.im,
    ).toBeCloseTo(1.3169579, 6);
    expect(
      (
        tensor([c(2, -0)])
          .asin()
          .tolist() as Complex[]
      )[0]!.im,
    ).toBeCloseTo(-1.3169579, 6);
  });
  it('are exact near the points where a plain formula cancels', () => {
    const near = tensor([c(1, 1e-5)], { dtype: complex128 })
      .log()
      .tolist() as Complex[];
    expect(near[0]!.re).toBeCloseTo(5e-11, 20);
  });
  it('refuse an order', () => {
    expect(() => tensor([c(1)]).lt(tensor([c(2)]))).toThrow('not implemented for');
    expect(() => tensor([c(1)]).sort()).toThrow('Sort does not support complex dtypes on CPU');
    expect(
      tensor([c(1, 2)])
        .eq(tensor([c(1, 2)]))
        .tolist(),
    ).toEqual([true]);
  });
  it("have PyTorch's gradients: the conjugate of the derivative", () => {
    const x = tensor([c(1, 2)], { requiresGrad: true });
    x.mul(x).real.sum().backward();
    expect(pairs(x.grad!)).toEqual([[2, -4]]);
    const y = tensor([c(3, 4)], { requiresGrad: true });
    y.abs().sum().backward();
    expect(pairs(y.grad!)).toEqual([[Math.fround(0.6), Math.fround(0.8)]]);
    const re = tensor([2], { dtype: float32, requiresGrad: true });
    complex(re, re).mul(c(1, 1)).imag.sum().backward();
    expect(re.grad!.tolist()).toEqual([2]);
  });
  it('show their parts as views', () => {
    const x = tensor([c(1, 2), c(3, 4)]);
    x.imag.mul_(10);
    expect(pairs(x)).toEqual([
      [1, 20],
      [3, 40],
    ]);
    expect(viewAsReal(x).shape).toEqual([2, 2]);
    expect(viewAsComplex(viewAsReal(x)).tolist()).toEqual(x.tolist());
  });
  it('multiply as matrices', () => {
    const a = tensor([[c(1, 1), c(0, 2)]]);
    expect(pairs(a.matmul(tensor([[c(2, 0)], [c(0, 1)]])).reshape([1]))).toEqual([[0, 2]]);
  });
});

describe('views that see complex numbers as real ones', () => {
  it('pass gradients when they are changed in-place', () => {
    const z = tensor([c(1, 2), c(3, 4)], { requiresGrad: true });
    const y = z.mul(1);
    y.real.mul_(5);
    y.mul(c(0, 1)).imag.sum().backward();
    expect(pairs(z.grad!)).toEqual([
      [5, 0],
      [5, 0],
    ]);
    const w = tensor([1, 2, 3, 4], { dtype: float32, requiresGrad: true });
    const v = w.mul(1);
    viewAsComplex(v.view(2, 2)).mul_(c(0, 1));
    v.mul(tensor([1, 10, 100, 1000]))
      .sum()
      .backward();
    expect(w.grad!.tolist()).toEqual([10, -1, 1000, -100]);
  });
});

describe('files', () => {
  it.each(['float16', 'bfloat16', 'complex64', 'complex128'] as const)('keep %s', (dtype) => {
    const folder = mkdtempSync(join(tmpdir(), 'dtypes-'));
    const x = tensor([1.5, -2, 3], { dtype }).unsqueeze(1).expand([3, 2]);
    saveNpy(join(folder, 'x.npy'), x);
    const back = loadNpy(join(folder, 'x.npy'));
    expect(back.dtype.name).toBe(dtype);
    expect(back.eq(x).all().item()).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
