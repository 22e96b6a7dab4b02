// Memory format of copies: PyTorch's preserve_format, on both devices and between them. The strides are PyTorch 2.13's.
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { addonPath } from '../../../engine/backend/addon.js';
import type { Tensor } from '../../../engine/core/tensor.js';
import * as torch from '../../../engine/index.js';

process.env.TORCHSTONE_CUDA_PATH = join(dirname(addonPath), 'shim');

const counted = (shape: number[]): Tensor =>
  torch
    .arange(
      0,
      shape.reduce((a, b) => a * b),
      1,
      { dtype: 'float32' },
    )
    .reshape(shape);

/** What is copied, and the strides of the copy. */
const layouts: Record<string, readonly [Tensor, readonly number[]]> = {
  transposed: [counted([3, 4]).t(), [1, 4]],
  permuted: [counted([2, 3, 4, 5]).permute(0, 2, 3, 1), [60, 5, 1, 20]],
  'with gaps': [counted([4, 6]).asStrided([4, 3], [6, 2]), [3, 1]],
  'transposed with gaps': [counted([6, 4]).asStrided([3, 4], [8, 1]).t(), [1, 4]],
  'rows that repeat': [counted([1, 4]).expand(3, 4), [4, 1]],
  'columns that repeat': [counted([3, 1]).expand(3, 4), [4, 1]],
  'repeated, then transposed': [counted([1, 3]).expand(4, 3).t(), [4, 1]],
  'a dim of one element': [counted([4, 1, 3]).permute(1, 2, 0), [3, 1, 3]],
  'a part of a permuted one': [counted([4, 5, 6]).narrow(2, 1, 3).permute(2, 0, 1), [1, 15, 3]],
  'a dense part of a permuted one': [
    counted([4, 5, 6, 7]).permute(2, 0, 3, 1).narrow(1, 0, 2),
    [7, 210, 1, 42],
  ],
  'one value': [counted([1]).expand(2, 3), [3, 1]],
};

const copies: Record<string, (x: Tensor) => Tensor> = {
  clone: (x) => x.clone(),
  'another dtype': (x) => x.to('float64'),
  'a copy by to': (x) => x.to('float32', { copy: true }),
  sum: (x) => x.add(0),
};
const likes: Record<string, (x: Tensor) => Tensor> = {
  emptyLike: (x) => torch.emptyLike(x),
  zerosLike: (x) => torch.zerosLike(x),
  fullLike: (x) => torch.fullLike(x, 2),
  randLike: (x) => torch.randLike(x),
  randintLike: (x) => torch.randintLike(x, 3),
  'to meta': (x) => x.to('meta'),
};

test.each(Object.keys(layouts))('a copy of a tensor that is %s', (name) => {
  const [x, strides] = layouts[name]!;
  const want = x.tolist();
  const same = (y: Tensor, how: string): void => {
    expect(y.strides, `${name}: ${how}`).toEqual(strides);
    expect(y.tolist(), `${name}: ${how}`).toEqual(want);
  };
  const there = x.cuda();
  for (const [how, copy] of Object.entries(copies)) {
    same(copy(x), how);
    same(copy(there), `${how} on CUDA`);
  }
  for (const [how, like] of Object.entries(likes)) {
    expect(like(x).strides, how).toEqual(strides);
    expect(like(there).strides, `${how} on CUDA`).toEqual(strides);
  }
  same(there, 'to CUDA');
  same(there.cpu(), 'to CUDA and back');
  same(x.to('cuda', { dtype: 'float64' }), 'to CUDA in another dtype');
  expect(x.to('cuda', { memoryFormat: 'contiguous_format' }).isContiguous()).toBe(true);
});

test('a view moves as what it shows, and gradients come back', () => {
  const x = counted([3, 4]).requiresGrad_();
  const moved = x.t().cuda();
  expect(moved.strides).toEqual([1, 4]);
  moved
    .mul(torch.arange(0, 12, 1).reshape([4, 3]).cuda())
    .sum()
    .backward();
  expect(x.grad!.tolist()).toEqual(torch.arange(0, 12, 1).reshape([4, 3]).t().to('float32').tolist());
  expect(x.grad!.device.type).toBe('cpu');
});

test('a disposed tensor is not copied', () => {
  const x = counted([3, 4]).t();
  x.dispose();
  for (const copy of Object.values(copies)) expect(() => copy(x)).toThrow(torch.RuntimeError);
});
