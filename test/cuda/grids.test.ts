// Blocks that an op launches on a GPU: one long row or one result must not leave it to a single block. The host fake
// counts launches and runs none (TORCHSTONE_SHIM_DRY).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Tensor } from '../../engine/core/tensor.js';
import * as torch from '../../engine/index.js';
import { cache, shim } from './child.js';

const notes = join(cache, 'launches');
process.env.TORCHSTONE_CUDA_PATH = shim;
process.env.TORCHSTONE_CUDA_CACHE = join(cache, 'dry');
process.env.TORCHSTONE_SHIM_DRY = '1';
process.env.TORCHSTONE_SHIM_TRACE = notes;

/** Family and blocks of each launch of `body`, in order. */
function launches(body: () => unknown): [family: string, blocks: number][] {
  rmSync(notes, { force: true });
  body();
  if (!existsSync(notes)) return [];
  const lines = readFileSync(notes, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [name, blocks] = line.split(' ');
    return [name!.replace(/_[^_]*$/, ''), Number(blocks)];
  });
}

const n = 10_000_000;
const row = torch.zeros([n], { device: 'cuda' });
const columns = row.narrow(0, 0, 156_250 * 64).view(156_250, 64);
/** The largest card here has 148 multiprocessors. */
const enough = 148;

/** What is read all of is read by many blocks; a second pass, over what the first one's blocks left, may be one. */
const ops: Record<string, readonly [run: (x: Tensor) => unknown, x: Tensor, families: readonly string[]]> = {
  sum: [(x) => x.sum(), row, ['reduce', 'reduceMerge']],
  'sum of rows': [(x) => x.sum(0), columns, ['reduce', 'reduceMerge']],
  'sum of columns': [(x) => x.sum(1), columns, ['reduce']],
  max: [(x) => x.max(), row, ['reduce', 'reduceMerge']],
  argmax: [(x) => x.argmax(), row, ['reduce', 'reduceMerge']],
  cumsum: [(x) => x.cumsum(0), row, ['scan', 'scan']],
  add: [(x) => x.add(1), row, ['pointwise']],
};
test.each(Object.keys(ops))('%s of ten million elements', (name) => {
  const [run, x, families] = ops[name]!;
  const got = launches(() => run(x));
  expect(got.map(([family]) => family)).toEqual(families);
  for (const [family, blocks] of got) if (family !== 'reduceMerge') expect(blocks).toBeGreaterThan(enough);
});

test.each([
  ['softmax', (x: Tensor) => x.softmax(0)],
  ['logSoftmax', (x: Tensor) => x.logSoftmax(0)],
  ['norm', (x: Tensor) => torch.linalg.vectorNorm(x)],
  ['var', (x: Tensor) => x.var()],
  ['layerNorm', (x: Tensor) => torch.layerNorm(x, [n])],
  ['sort', (x: Tensor) => x.sort(0)],
] as const)('%s of one row of ten million', (_, run) => {
  const got = launches(() => run(row));
  expect(got.length).toBeGreaterThan(1);
  for (const [family, blocks] of got)
    if (family !== 'reduceMerge' && blocks < enough) {
      // Scalars are one block's: a kernel that reads the row is not.
      expect([family, blocks]).toEqual(['pointwise', 1]);
    }
  expect(got.filter(([, blocks]) => blocks > enough).length).toBeGreaterThan(0);
});

test('a row that one block walks is short', () => {
  const walked = (length: number): string[] =>
    launches(() => row.narrow(0, 0, length).softmax(0)).map(([family]) => family);
  expect(walked(1 << 15)).toEqual(['rowwise']);
  expect(walked((1 << 15) + 1)).not.toContain('rowwise');
});

test('an op is one launch', () => {
  const x = row.narrow(0, 0, 1000);
  const one: [string, number][] = [['pointwise', 1]];
  expect(launches(() => x.add(x))).toEqual(one);
  expect(launches(() => x.mul(2).relu_())).toEqual([...one, ...one]);
  expect(launches(() => torch.addcmul(x, x, x))).toEqual(one);
  expect(launches(() => x.to('float16'))).toEqual(one);
  const [image, filter] = (['float16', 'bfloat16'] as const).flatMap((dtype) => [
    torch.zeros([8, 16, 32, 32], { device: 'cuda', dtype }),
    torch.zeros([64, 16, 3, 3], { device: 'cuda', dtype }),
  ]) as [Tensor, Tensor];
  expect(launches(() => torch.conv2d(image, filter))).toEqual([['conv', 113]]);
  expect(launches(() => x.sum())).toEqual([['reduce', 1]]);
  // cuBLAS's own launches are not noted: there is none beside them.
  for (const dtype of ['float16', 'bfloat16', 'complex64'] as const) {
    const m = torch.zeros([8, 8], { device: 'cuda', dtype });
    expect(launches(() => torch.matmul(m, m.t()))).toEqual([]);
  }
});
