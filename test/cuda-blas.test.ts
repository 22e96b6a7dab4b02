// Tests that products on CUDA reach cuBLAS with the right arguments, whatever the strides: the host shim's cuBLAS computes them.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cuda, matmul, randn, type Tensor } from '../engine/index.js';
import { cache, shim } from './cuda-child.js';

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

test.each(['float32', 'float64'] as const)('%s products of every layout come from cuBLAS', (dtype) => {
  expect(cuda.isAvailable()).toBe(true);
  for (const [m, k, n] of shapes)
    for (const [leftName, left] of Object.entries(layouts))
      for (const [rightName, right] of Object.entries(layouts))
        for (const batch of [[], [3]]) {
          const a = randn(left.base(batch, m, k), { dtype });
          const b = randn(right.base(batch, k, n), { dtype });
          const want = matmul(left.view(a, batch, m, k), right.view(b, batch, k, n));
          const got = matmul(left.view(a.cuda(), batch, m, k), right.view(b.cuda(), batch, k, n)).cpu();
          const far = got.sub(want).abs().max().item() as number;
          expect(far, `${leftName} × ${rightName} ${[m, k, n, ...batch]}`).toBeLessThan(
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
