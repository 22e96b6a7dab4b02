// x.at(…) and x.setAt([…], value) against PyTorch 2.13 and NumPy: values, views, gradients, errors, and nothing changed
// where an index is refused.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const arange = (shape: readonly number[], dtype: 'int64' | 'float32' = 'int64'): Tensor =>
  torch
    .arange(
      0,
      shape.reduce((a, b) => a * b, 1),
      1,
      { dtype },
    )
    .reshape(shape);
const longs = (data: unknown): Tensor => torch.tensor(data, { dtype: 'int64' });
const bools = (data: unknown): Tensor => torch.tensor(data, { dtype: 'bool' });
const leaf = (n: number, shape: readonly number[] = [n]): Tensor =>
  arange([n], 'float32').add(1).reshape(shape).detach().requiresGrad_();

describe('at', () => {
  const x = arange([2, 3, 4]);
  type Parts = Parameters<Tensor['at']>;
  const cases: readonly (readonly [string, Parts, unknown])[] = [
    [
      'an integer in the middle',
      [':', 1],
      [
        [4, 5, 6, 7],
        [16, 17, 18, 19],
      ],
    ],
    ['ellipsis and a new axis', ['1:', '...', null, -1], [[[15], [19], [23]]]],
    [
      'steps',
      [0, '::2', '1:-1'],
      [
        [1, 2],
        [9, 10],
      ],
    ],
    ['bounds beyond the size', ['-9:1', 0, '2:99'], [[2, 3]]],
    [
      'index lists apart come first',
      [[0, 1], ':', [1, 2]],
      [
        [1, 5, 9],
        [14, 18, 22],
      ],
    ],
    [
      'index lists side by side stay in place',
      [':', [0, 2], [1, 3]],
      [
        [1, 11],
        [13, 23],
      ],
    ],
    [
      'an integer is no index list',
      [0, ':', [1, 2]],
      [
        [1, 2],
        [5, 6],
        [9, 10],
      ],
    ],
    [
      'index tensors broadcast',
      [1, longs([[0], [2]]), [1, 3]],
      [
        [13, 15],
        [21, 23],
      ],
    ],
    ['a mask of all dims', [x.remainder(5).eq(0)], [0, 5, 10, 15, 20]],
    [
      'a mask of two dims before a slice',
      [x.at(':', ':', 0).gt(8), '1:3'],
      [
        [13, 14],
        [17, 18],
        [21, 22],
      ],
    ],
    ['true is a new axis', [true, 0, 0], [[0, 1, 2, 3]]],
    [
      'a list of booleans is a mask',
      [1, [true, false, true]],
      [
        [12, 13, 14, 15],
        [20, 21, 22, 23],
      ],
    ],
    ['a 0-d index tensor is an integer', [longs(1), 0], [12, 13, 14, 15]],
    ['negative everything', [-1, -2, '-3:'], [17, 18, 19]],
    ['a new axis between', [':', null, 0, '::3'], [[[0, 3]], [[12, 15]]]],
  ];
  it.each(cases)('%s', (_name, parts, want) => {
    expect(x.at(...parts).tolist()).toEqual(want);
  });

  it('false takes nothing', () => {
    expect(x.at('...', false).shape).toEqual([2, 3, 4, 0]);
    expect(x.at([]).shape).toEqual([0, 3, 4]);
    expect(torch.zeros([3, 0]).at([0, 2]).shape).toEqual([2, 0]);
  });

  it('is a view for basic parts and a copy for index tensors', () => {
    const y = torch.zeros([2, 3]);
    expect(y.at('...').storage).toBe(y.storage);
    y.at(':', '::2').add_(1);
    expect(y.tolist()).toEqual([
      [1, 0, 1],
      [1, 0, 1],
    ]);
    expect(y.at([0]).storage).not.toBe(y.storage);
    expect([...y].map((row) => row.tolist())).toEqual([
      [1, 0, 1],
      [1, 0, 1],
    ]);
  });

  it('names its nodes as PyTorch', () => {
    const y = leaf(6, [2, 3]);
    const names = (...parts: Parts) => y.at(...parts).gradFn!.name;
    expect([
      names(0),
      names(':'),
      names('...'),
      names(null),
      names([0]),
      names(':', 1),
      names(y.gt(3)),
    ]).toEqual([
      'SelectBackward0',
      'SliceBackward0',
      'AliasBackward0',
      'UnsqueezeBackward0',
      'IndexBackward0',
      'SelectBackward0',
      'IndexBackward0',
    ]);
  });

  it('adds up the gradients of places taken twice', () => {
    const w = leaf(6, [2, 3]);
    const y = w.at([0, 0, 1], [2, 2, 0]);
    y.mul(y)
      .mul(torch.tensor([1, 2, 3]))
      .sum()
      .backward();
    expect(w.grad!.tolist()).toEqual([
      [0, 0, 18],
      [24, 0, 0],
    ]);
  });

  it('refuses as PyTorch does', () => {
    const m = arange([3, 4]);
    const refused: readonly (readonly [Parts, unknown, RegExp])[] = [
      [['::-1'], torch.ValueError, /step must be greater than zero/],
      [['::0'], torch.ValueError, /step cannot be zero/],
      [[5], torch.IndexError, /index 5 is out of bounds for dimension 0 with size 3/],
      [[0, 0, 0], torch.IndexError, /too many indices for tensor of dimension 2/],
      [[[5]], torch.IndexError, /index 5 is out of bounds/],
      [[bools([true, false])], torch.IndexError, /shape of the mask \[2\] at index 0/],
      [[torch.ones([2])], torch.IndexError, /long, int, byte or bool/],
      [
        [
          [0, 1],
          [0, 1, 2],
        ],
        torch.IndexError,
        /could not be broadcast together with shapes \[2\], \[3\]/,
      ],
      [[1.5], torch.IndexError, /only integers/],
      [['a'], torch.ArgumentError, /got "a"/],
      [[[[0, 1], [2]]], torch.ValueError, /rectangular/],
    ];
    for (const [parts, error, text] of refused) {
      expect(() => m.at(...parts), String(text)).toThrow(error as new () => Error);
      expect(() => m.at(...parts)).toThrow(text);
    }
    expect(() => torch.tensor(1).at(0)).toThrow(torch.IndexError);
    expect(() => torch.zeros([0, 4]).at([0])).toThrow(/dimension with size 0/);
  });
});

describe('setAt', () => {
  type Target = Parameters<Tensor['setAt']>;
  const cases: readonly (readonly [string, (y: Tensor) => Target, unknown])[] = [
    [
      'a row',
      () => [[1], 7],
      [
        [0, 1, 2],
        [7, 7, 7],
      ],
    ],
    [
      'columns, broadcast',
      () => [[':', [0, 2]], torch.tensor([[10], [20]], { dtype: 'float32' })],
      [
        [10, 1, 10],
        [20, 4, 20],
      ],
    ],
    [
      'a mask',
      (y) => [y.gt(3), -1],
      [
        [0, 1, 2],
        [3, -1, -1],
      ],
    ],
    [
      'a column from integers',
      () => [['...', 1], longs([8, 9])],
      [
        [0, 8, 2],
        [3, 9, 5],
      ],
    ],
    [
      'the last of equal places',
      () => [
        [
          [0, 0],
          [1, 1],
        ],
        torch.tensor([5, 6], { dtype: 'float32' }),
      ],
      [
        [0, 6, 2],
        [3, 4, 5],
      ],
    ],
    [
      'itself',
      (y) => [[0], y.at(1)],
      [
        [3, 4, 5],
        [3, 4, 5],
      ],
    ],
    [
      'an overlapping part of itself',
      (y) => [[':', '1:'], y.at(':', ':2')],
      [
        [0, 0, 1],
        [3, 3, 4],
      ],
    ],
    [
      'leading ones',
      () => [[bools([true, false])], torch.ones([1, 1, 3])],
      [
        [1, 1, 1],
        [3, 4, 5],
      ],
    ],
    [
      'nothing',
      () => [[[]], 5],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
  ];
  it.each(cases)('%s', (_name, target, want) => {
    const y = arange([2, 3], 'float32');
    expect(y.setAt(...target(y)).tolist()).toEqual(want);
    expect(y.version).toBeGreaterThan(0);
  });

  it('casts numbers as PyTorch', () => {
    const y = torch.arange(0, 4, 1, { dtype: 'uint8' });
    y.setAt([0], 2.9);
    y.setAt([[1]], 3.7);
    expect(y.tolist()).toEqual([2, 3, 2, 3]);
    expect(() => y.setAt([0], 300)).toThrow(/without overflow/);
    const b = bools([true, false]);
    b.setAt([1], 0.5);
    expect(b.tolist()).toEqual([true, true]);
  });

  it('gives gradients to both sides', () => {
    const w = leaf(4);
    const v = torch.tensor([10, 20], { dtype: 'float32', requiresGrad: true });
    const z = w.mul(2);
    z.setAt(['1:3'], v);
    z.setAt([[0]], v.at(':1'));
    z.mul(z).sum().backward();
    expect(z.gradFn!.name).toBe('IndexPutBackward0');
    expect(w.grad!.tolist()).toEqual([0, 0, 0, 32]);
    expect(v.grad!.tolist()).toEqual([40, 40]);
  });

  it('gives a 0-d value the sum of what it was set to', () => {
    const w = leaf(4);
    const v = torch.tensor(3, { dtype: 'float32', requiresGrad: true });
    const z = w.mul(2);
    z.setAt([bools([true, false, true, false])], v);
    z.mul(z).sum().backward();
    expect(w.grad!.tolist()).toEqual([0, 16, 0, 32]);
    expect(v.grad!.item()).toBe(12);
  });

  it('refuses as PyTorch does, and then changes nothing', () => {
    const y = arange([3, 4], 'float32');
    const before = y.tolist();
    const double = torch.ones([4], { dtype: 'float64' });
    expect(() => y.setAt([0], torch.ones([3]))).toThrow(/must match the existing size/);
    expect(() => y.setAt([[0, 1]], torch.ones([3]))).toThrow(/shape mismatch: value tensor of shape \[3\]/);
    expect(() => y.setAt([[0, 1]], double)).toThrow(/source and destination dtypes match/);
    expect(() => y.setAt([[0, 7]], 1)).toThrow(torch.IndexError);
    expect(() => y.setAt(['::-1'], 1)).toThrow(torch.ValueError);
    expect(() => y.expand(2, 3, 4).setAt(['...'], 1)).toThrow(torch.RuntimeError);
    expect(() => y.setAt([0], 'one' as unknown as number)).toThrow(torch.ArgumentError);
    expect(y.tolist()).toEqual(before);
    expect(y.version).toBe(0);
    y.setAt([0], double);
    expect(y.at(0).tolist()).toEqual([1, 1, 1, 1]);
  });
});
