// Products on CUDA: cuBLAS is called with the right arguments for any strides. The host fake's cuBLAS computes them.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import {
  Complex,
  cuda,
  full,
  manualSeed,
  matmul,
  ones,
  randint,
  randn,
  type Tensor,
} from '../../engine/index.js';
import { cache, shim } from './child.js';

beforeEach(() => {
  manualSeed(1);
});

process.env.TORCHSTONE_CUDA_PATH = shim;
process.env.TORCHSTONE_CUDA_CACHE = cache;
process.env.TORCHSTONE_CUDA_KEEP = join(cache, 'kept');

/** A matrix as a view of a tensor of another shape; the view is taken on each device, since a copy may lay it out anew. */
interface Layout {
  readonly base: (batch: readonly number[], rows: number, columns: number) => number[];
  readonly view: (x: Tensor, batch: readonly number[], rows: number, columns: number) => Tensor;
}
const layouts: Record<string, Layout> = {
  rows: { base: (batch, r, c) => [...batch, r, c], view: (x) => x },
  columns: { base: (batch, r, c) => [...batch, c, r], view: (x) => x.transpose(-1, -2) },
  'a part': {
    base: (batch, r, c) => [...batch, r * 2, c + 3],
    view: (x, _, r, c) => x.narrow(-2, 0, r).narrow(-1, 1, c),
  },
  'a part of columns': {
    base: (batch, r, c) => [...batch, c + 2, r * 2],
    view: (x, _, r, c) => x.transpose(-1, -2).narrow(-2, 0, r).narrow(-1, 1, c),
  },
  repeated: { base: (_, r, c) => [r, c], view: (x, batch, r, c) => x.expand([...batch, r, c]) },
};
const shapes = [
  [1, 1, 1],
  [5, 1, 3],
  [1, 4, 6],
  [7, 3, 1],
  [33, 17, 20],
] as const;

const keptProducts = (): number => {
  const kept = join(cache, 'kept');
  return existsSync(kept) ? readdirSync(kept).filter((name) => name.startsWith('gemm_')).length : 0;
};

/** Limits of what differs: the 16-bit floats and complex numbers are given whole numbers, whose sums are exact. */
const within = {
  float32: 2e-5,
  float64: 1e-12,
  float16: 1e-9,
  bfloat16: 1e-9,
  complex64: 1e-9,
  complex128: 1e-9,
} as const;
const dtypes = Object.keys(within) as (keyof typeof within)[];
const drawn = (shape: number[], dtype: keyof typeof within): Tensor => {
  if (within[dtype] !== 1e-9) return randn(shape, { dtype });
  const whole = (): Tensor => randint(-3, 4, shape);
  if (!dtype.startsWith('complex')) return whole().to(dtype);
  return whole()
    .to(dtype)
    .add(whole().to(dtype).mul(new Complex(0, 1)));
};

test.each(dtypes)('%s products of every layout come from cuBLAS', (dtype) => {
  expect(cuda.isAvailable()).toBe(true);
  for (const [m, k, n] of shapes)
    for (const [leftName, left] of Object.entries(layouts))
      for (const [rightName, right] of Object.entries(layouts))
        for (const batch of [[], [3]]) {
          const a = drawn(left.base(batch, m, k), dtype);
          const b = drawn(right.base(batch, k, n), dtype);
          const want = matmul(left.view(a, batch, m, k), right.view(b, batch, k, n));
          const got = matmul(left.view(a.cuda(), batch, m, k), right.view(b.cuda(), batch, k, n)).cpu();
          const far = got.sub(want).abs().max().item() as number;
          expect(far, `${leftName} × ${rightName} ${[m, k, n, ...batch]}`).toBeLessThan(within[dtype]);
        }
  expect(keptProducts()).toBe(0);
});

test.each(dtypes)('strides that cuBLAS does not take go to our kernel: %s', (dtype) => {
  const before = keptProducts();
  const x = drawn([6, 12], dtype).cuda().asStrided([6, 3], [12, 2]);
  const y = drawn([x.shape[1]!, 4], dtype).cuda();
  const far = matmul(x, y).cpu().sub(matmul(x.cpu(), y.cpu())).abs().max().item() as number;
  expect(far).toBeLessThan(within[dtype]);
  expect(keptProducts()).toBe(before + 1);
});

test.each(['float16', 'bfloat16'] as const)('%s sums are rounded once', (dtype) => {
  // Summed in the dtype itself, 1 would be lost beside what is already there.
  const x = ones([2, 4097], { dtype }).cuda();
  const want = full([], 4097).to(dtype).item();
  expect(matmul(x, ones([4097, 1], { dtype }).cuda()).tolist()).toEqual([[want], [want]]);
});

test('operands are cut to TF32 only where that was asked for', () => {
  const x = full([2, 2], 1 + 2 ** -12).cuda();
  const product = (): unknown => matmul(x, x).cpu().select(0, 0).select(0, 0).item();
  const exact = Math.fround(2 * (1 + 2 ** -12) ** 2);
  expect([cuda.isTf32Allowed(), product()]).toEqual([false, exact]);
  cuda.setAllowTf32(true);
  try {
    expect([cuda.isTf32Allowed(), product()]).toEqual([true, 2]);
  } finally {
    cuda.setAllowTf32(false);
  }
  expect(product()).toBe(exact);
});
