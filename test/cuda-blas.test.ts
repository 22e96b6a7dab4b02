// Tests that products on CUDA reach cuBLAS with the right arguments, whatever the strides: the host shim's cuBLAS computes them.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cuda, matmul, randn, type Tensor } from '../engine/index.js';
import { cache, shim } from './cuda-child.js';

process.env.TORCHSTONE_CUDA_PATH = shim;
process.env.TORCHSTONE_CUDA_CACHE = cache;
process.env.TORCHSTONE_CUDA_KEEP = join(cache, 'kept');

type Make = (batch: readonly number[], rows: number, columns: number, dtype: 'float32' | 'float64') => Tensor;
const layouts: Record<string, Make> = {
  rows: (batch, r, c, dtype) => randn([...batch, r, c], { dtype }),
  columns: (batch, r, c, dtype) => randn([...batch, c, r], { dtype }).transpose(-1, -2),
  'a part': (batch, r, c, dtype) =>
    randn([...batch, r * 2, c + 3], { dtype })
      .narrow(-2, 0, r)
      .narrow(-1, 1, c),
  repeated: (batch, r, c, dtype) => randn([r, c], { dtype }).expand([...batch, r, c]),
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

test.each(['float32', 'float64'] as const)('%s products of every layout come from cuBLAS', (dtype) => {
  expect(cuda.isAvailable()).toBe(true);
  for (const [m, k, n] of shapes)
    for (const [left, makeLeft] of Object.entries(layouts))
      for (const [right, makeRight] of Object.entries(layouts))
        for (const batch of [[], [3]]) {
          const x = makeLeft(batch, m, k, dtype);
          const y = makeRight(batch, k, n, dtype);
          const want = matmul(x, y);
          const got = matmul(x.cuda(), y.cuda()).cpu();
          const far = got.sub(want).abs().max().item() as number;
          expect(far, `${left} ${right} ${[m, k, n, ...batch]}`).toBeLessThan(
            dtype === 'float64' ? 1e-12 : 2e-5,
          );
        }
  expect(keptProducts()).toBe(0);
});

test('strides that cuBLAS does not take go to our kernel', () => {
  const x = randn([6, 12]).cuda().asStrided([6, 3], [12, 2]);
  const y = randn([x.shape[1]!, 4]).cuda();
  const far = matmul(x, y).cpu().sub(matmul(x.cpu(), y.cpu())).abs().max().item() as number;
  expect(far).toBeLessThan(2e-5);
  expect(keptProducts()).toBe(1);
});
