// Tensors of more dims than PyTorch's sets of dims hold: they are made and viewed as any other, and what names dims refuses them.
import { describe, expect, it, test } from 'vitest';
import { maxDims } from '../../../engine/backend/commands/cursor.js';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const ones = (n: number): number[] => new Array<number>(n).fill(1);
const wide = torch.tensor([1.5, 2, 3]).reshape([3, ...ones(64)]);
const message = /only tensors with up to 64 dims are supported/;

describe('more than 64 dims', () => {
  it.each<[string, () => Tensor]>([
    ['zeros', () => torch.zeros(ones(65))],
    ['reshape', () => torch.ones(1).reshape(ones(65))],
    ['expand', () => torch.ones(1).expand(ones(65))],
    ['unsqueeze', () => torch.ones(ones(64)).unsqueeze(0)],
    ['permute', () => wide.permute(ones(65).map((_, d) => 64 - d))],
    ['clone', () => wide.clone()],
    ['a dim and its running sum', () => wide.cumsum(0)],
  ])('come out of %s', (_, make) => {
    expect(make().ndim).toBe(65);
  });

  test('are computed with, and reduced whole', () => {
    const x = wide.clone().requiresGrad_(true);
    x.mul(2).add(1).sum().backward();
    expect(x.grad!.flatten().tolist()).toEqual([2, 2, 2]);
    expect([wide.sum(), wide.prod(), wide.amax()].map((y) => y.item())).toEqual([6.5, 9, 3]);
  });

  it.each<[string, () => unknown]>([
    ['sum', () => wide.sum(0)],
    ['mean', () => wide.mean([0, 1])],
    ['amax', () => wide.amax(0)],
    ['argmax', () => wide.argmax(0)],
    ['var', () => wide.var(0)],
    ['flip', () => wide.flip([0])],
    ['squeeze', () => wide.squeeze([1, 2])],
    ['tensordot', () => torch.tensordot(wide, wide, [[0], [0]])],
  ])('are refused by %s of named dims, as by PyTorch', (name, call) => {
    expect(call).toThrow(torch.RuntimeError);
    expect(call).toThrow(message);
    expect(call).toThrow(new RegExp(`^${name}: `));
  });

  test('are refused by name where no dims of a command can be merged', () => {
    const n = maxDims + 1;
    const x = torch.zeros([2]).reshape([2, ...ones(n - 1)]);
    expect(() => x.nonzero()).toThrow(torch.RuntimeError);
    expect(() => x.nonzero()).toThrow(
      `nonzero: required operands that merge into at most ${maxDims} dims, got ${n}`,
    );
  });
});
