// Edge cases against PyTorch: 0-d tensors with dims, infinities, singular and empty matrices, masks, empty views, windows.

import * as T from 'torchstone';
import {
  autograd,
  Complex,
  IndexError,
  linalg,
  movedim,
  nn,
  ones,
  RuntimeError,
  tensor,
  unique,
  uniqueConsecutive,
  zeros,
} from 'torchstone';
import { describe, expect, it } from 'vitest';

const F = nn.functional;

describe('a 0-d tensor takes dims 0 and −1', () => {
  const x = tensor(3.5);
  it('in movedim, moveaxis and vecdot', () => {
    for (const d of [0, -1]) {
      expect(movedim(x, d, d)).toEqual(x);
      expect(x.movedim([d], [0])).toEqual(x);
      expect(linalg.vecdot(x, x, { dim: d }).item()).toBe(12.25);
    }
    expect(linalg.tensorsolve(x, x, { dims: [0] }).item()).toBe(1);
    expect(() => movedim(x, 1, 0)).toThrow(IndexError);
    expect(() => movedim(x, [0, 0], [0, 0])).toThrow(RuntimeError);
  });
  it('but not where PyTorch refuses it', () => {
    const calls = [
      () => unique(x, { dim: 0 }),
      () => uniqueConsecutive(x, { dim: -1 }),
      () => T.fft.fftshift(x, 0),
      () => T.fft.ifftshift(x, [-1]),
      () => linalg.cross(x, x),
    ];
    for (const call of calls) {
      expect(call).toThrow(IndexError);
      expect(call).toThrow(/Dimension specified as -?[01] but tensor has no dimensions/);
    }
  });
});

describe('adaptiveAvgPool', () => {
  it('keeps infinities in their windows', () => {
    const inf = Number.POSITIVE_INFINITY;
    expect(F.adaptiveAvgPool1d(tensor([[[inf, 1]]]), 3).tolist()).toEqual([[[inf, inf, 1]]]);
    expect(F.adaptiveAvgPool1d(tensor([[[1, 1, 1, 1, inf]]], { dtype: 'float64' }), 3).tolist()).toEqual([
      [[1, 1, inf]],
    ]);
    const x = tensor([[[1, 2, 4]]], { dtype: 'float64', requiresGrad: true });
    const y = F.adaptiveAvgPool1d(x, 2);
    expect(y.tolist()).toEqual([[[1.5, 3]]]);
    expect(autograd.grad(y.sum(), [x])[0]!.tolist()).toEqual([[[0.5, 1, 0.5]]]);
  });
});

describe('pooling and padding', () => {
  it('refuse a padding over half the kernel, dilated or not', () => {
    expect(() => F.maxPool1d(ones([1, 1, 9]), 3, 1, 2, 2)).toThrow(/half of kernel size/);
    expect(() => F.maxPool2d(ones([1, 1, 9, 9]), 3, 1, 2, 2)).toThrow(/half of kernel size/);
    expect(() => F.maxPool3d(ones([1, 1, 9, 9, 9]), 2, 1, 2, 3)).toThrow(/half of kernel size/);
    expect(F.maxPool2d(ones([1, 1, 9, 9]), 3, 1, 1, 2).shape).toEqual([1, 1, 7, 7]);
  });
  it('refuse to wrap around what was cut off', () => {
    const pad = (size: number, sizes: number[]) => F.pad(ones([1, size]), sizes, 'circular');
    for (const [size, sizes] of [
      [2, [-2, 2]],
      [2, [2, -2]],
      [2, [-1, 2]],
      [3, [-2, 3]],
    ] as const) {
      expect(() => pad(size, [...sizes])).toThrow(RuntimeError);
      expect(() => pad(size, [...sizes])).toThrow('Padding value causes wrapping around more than once.');
    }
    expect(pad(3, [-1, 1]).shape).toEqual([1, 3]);
    expect(pad(2, [-2, 0]).shape).toEqual([1, 0]);
  });
});

describe('linalg.cond', () => {
  const inf = Number.POSITIVE_INFINITY;
  it('of a singular matrix is infinite', () => {
    for (const p of [1, -1, inf, -inf, 'fro']) {
      expect(linalg.cond(zeros([2, 2]), p).item()).toBe(inf);
      expect(
        linalg
          .cond(
            tensor([
              [1.5, 3],
              [3, 6],
            ]),
            p,
          )
          .item(),
      ).toBe(inf);
    }
    expect(linalg.cond(zeros([2, 2]), 'nuc').item()).toBeNaN();
    expect(linalg.cond(T.stack([T.eye(2), zeros([2, 2])]), 1).tolist()).toEqual([1, inf]);
  });
  it('of an empty matrix is 0, of an empty batch empty', () => {
    for (const p of [null, 1, -2, inf, 'fro', 'nuc']) {
      expect(linalg.cond(zeros([0, 0]), p as number).item()).toBe(0);
      expect(linalg.cond(zeros([0, 2, 2]), p as number).shape).toEqual([0]);
      expect(linalg.cond(zeros([3, 0, 0]), p as number).tolist()).toEqual([0, 0, 0]);
    }
    expect(() => linalg.cond(zeros([2, 0]), 'fro')).toThrow(RuntimeError);
  });
});

describe('setAt with a mask', () => {
  const mask = tensor([true, false, true]);
  it('takes one element of another dtype', () => {
    for (const value of [tensor([5]), tensor(5), tensor([[5]]), tensor([5], { dtype: 'float64' })])
      expect(zeros([3]).setAt([mask], value).tolist()).toEqual([5, 0, 5]);
    expect(
      zeros([2, 3])
        .setAt([tensor([true, false])], tensor([5]))
        .tolist(),
    ).toEqual([
      [5, 5, 5],
      [0, 0, 0],
    ]);
    expect(() => zeros([3]).setAt([mask], tensor([5, 6]))).toThrow(/source and destination dtypes match/);
    expect(() => zeros([3]).setAt([mask], tensor([new Complex(5, 1)]))).toThrow(
      /type float without overflow/,
    );
    expect(() => zeros([3]).setAt([tensor([0, 2])], tensor([5]))).toThrow(
      /source and destination dtypes match/,
    );
  });
  it('passes the gradient to the element', () => {
    const value = tensor([2.5], { requiresGrad: true });
    const y = zeros([3]).setAt([mask], value);
    expect(autograd.grad(y.sum(), [value])[0]!.tolist()).toEqual([2]);
  });
});

describe('an in-place change of an expanded tensor without elements', () => {
  it('has nothing to do', () => {
    const empty = () => zeros([1, 0]).expand(2, 0);
    expect(empty().add_(1).shape).toEqual([2, 0]);
    expect(empty().fill_(1).shape).toEqual([2, 0]);
    expect(empty().uniform_().shape).toEqual([2, 0]);
    expect(() => zeros([1]).expand(2).add_(1)).toThrow(RuntimeError);
  });
});

describe('adaptive average pooling to one element', () => {
  it('takes any number of dims before those of the plane, as PyTorch', () => {
    const x = ones([2, 3], { requiresGrad: true }).cumsum(1);
    expect(F.adaptiveAvgPool2d(x, 1).tolist()).toEqual([[2]]);
    expect(F.adaptiveAvgPool2d(ones([1, 1, 2, 2, 3, 4]), [1, 1]).shape).toEqual([1, 1, 2, 2, 1, 1]);
    expect(F.adaptiveAvgPool3d(ones([2, 2, 2]), 1).shape).toEqual([1, 1, 1]);
    expect(() => F.adaptiveAvgPool2d(ones([2, 3]), 2)).toThrow(/Input dimension should be at least 3/);
    expect(() => F.adaptiveAvgPool1d(ones([3]), 1)).toThrow(RuntimeError);
  });
});
