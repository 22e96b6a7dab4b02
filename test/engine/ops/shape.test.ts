// Shape, joining, indexing, sorting and cumulative ops: in-place changes and their history, shared memory, dtypes,
// empty and 0-d tensors, nothing changed where a call is refused. Expected numbers are PyTorch 2.13's.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const bools = (data: unknown): Tensor => torch.tensor(data, { dtype: 'bool' });
const longs = (data: unknown): Tensor => torch.tensor(data, { dtype: 'int64' });

/** 1, 2, 3, … in a shape. */
const counting = (shape: readonly number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch
    .tensor(
      Array.from({ length: n }, (_, i) => i + 1),
      { dtype: 'float32' },
    )
    .reshape(shape);
};
const leaf = (shape: readonly number[]): Tensor => counting(shape).clone().requiresGrad_();
const plain = (x: Tensor | null): unknown => JSON.parse(JSON.stringify(x?.tolist() ?? null));

type Fn = (...xs: Tensor[]) => Tensor;

describe('in-place changes keep the history', () => {
  const run = (f: Fn, shapes: readonly (readonly number[])[]) => {
    const xs = shapes.map(leaf);
    const y = xs[0]!.mul(2);
    f(y, ...xs.slice(1));
    y.mul(y).mul(counting(y.shape)).sum().backward();
    return [plain(y), xs.map((x) => plain(x.grad)), y.gradFn?.name];
  };

  it('of the tensor itself', () => {
    expect(run((y) => y.maskedFill_(bools([true, false]), 5), [[2, 2]])).toEqual([
      [
        [5, 4],
        [5, 8],
      ],
      [
        [
          [0, 32],
          [0, 128],
        ],
      ],
      'MaskedFillBackward0',
    ]);
    expect(
      run(
        (y, s) => y.scatter_(0, longs([[1, 0]]), s!),
        [
          [2, 2],
          [1, 2],
        ],
      ),
    ).toEqual([
      [
        [2, 2],
        [1, 8],
      ],
      [
        [
          [8, 0],
          [0, 128],
        ],
        [[6, 8]],
      ],
      'ScatterBackward0',
    ]);
    expect(
      run(
        (y, s) => y.indexAdd_(1, longs([0, 0]), s!),
        [
          [2, 2],
          [2, 2],
        ],
      ),
    ).toEqual([
      [
        [5, 4],
        [13, 8],
      ],
      [
        [
          [20, 32],
          [156, 128],
        ],
        [
          [10, 10],
          [78, 78],
        ],
      ],
      'IndexAddBackward0',
    ]);
    expect(run((y) => y.tril_(), [[2, 2]])).toEqual([
      [
        [2, 0],
        [6, 8],
      ],
      [
        [
          [8, 0],
          [72, 128],
        ],
      ],
      'TrilBackward0',
    ]);
    expect(run((y) => y.cumprod_(1), [[2, 2]])).toEqual([
      [
        [2, 8],
        [6, 48],
      ],
      [
        [
          [264, 128],
          [6216, 4608],
        ],
      ],
      'CumprodBackward0',
    ]);
  });

  it('of a view', () => {
    expect(run((y, s) => y.at(0).scatterAdd_(0, longs([1, 1]), s!), [[2, 2], [2]])).toEqual([
      [
        [2, 7],
        [6, 8],
      ],
      [
        [
          [8, 56],
          [72, 128],
        ],
        [28, 28],
      ],
      'CopySlices',
    ]);
    expect(run((y) => y.at(':', 0).cumsum_(0), [[2, 2]])).toEqual([
      [
        [2, 4],
        [8, 8],
      ],
      [
        [
          [104, 32],
          [96, 128],
        ],
      ],
      'CopySlices',
    ]);
  });

  it('and refuse leaves that require grad, without a change', () => {
    const x = leaf([2, 2]);
    const before = plain(x);
    for (const change of [
      () => x.maskedFill_(bools([true, false]), 0),
      () => x.scatter_(0, longs([[0, 0]]), 1),
      () => x.cumsum_(0),
      () => x.triu_(),
      () => x.setAt([0], 1),
    ]) {
      expect(change).toThrow(torch.RuntimeError);
    }
    expect(plain(x)).toEqual(before);
    expect(x.version).toBe(0);
  });

  it('and write nothing where an index is out of range', () => {
    const x = torch.zeros([3, 2]);
    expect(() => x.scatter_(0, longs([[0, 3]]), 1)).toThrow(torch.RuntimeError);
    expect(() => x.indexAdd_(0, longs([0, 7]), torch.ones([2, 2]))).toThrow(torch.RuntimeError);
    expect(() => x.setAt([[0, 5]], 1)).toThrow(torch.IndexError);
    expect(plain(x)).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('views share memory, copies do not', () => {
  it('reshape is a view where the layout allows it', () => {
    const x = torch.arange(6).reshape([2, 3]);
    expect(x.reshape([3, 2]).isView()).toBe(true);
    expect(x.t().reshape([6]).storage).not.toBe(x.storage);
    expect(x.t().reshape([6]).isView()).toBe(false);
    expect(() => x.t().view([6])).toThrow(/Use \.reshape/);
  });

  it('a write through a view shows in the base', () => {
    const x = torch.zeros([2, 3]);
    x.select(1, 2).add_(1);
    x.diagonal().add_(5);
    const [, second] = x.split(1, 0);
    second!.narrow(1, 0, 1).add_(9);
    expect(plain(x)).toEqual([
      [5, 0, 1],
      [9, 5, 1],
    ]);
  });

  it('flip and roll copy, whatever the layout', () => {
    const x = torch.arange(6).reshape([2, 3]).t();
    expect(plain(x.flip(0, 1))).toEqual([
      [5, 2],
      [4, 1],
      [3, 0],
    ]);
    expect(plain(x.roll(1))).toEqual([
      [5, 0],
      [3, 1],
      [4, 2],
    ]);
    expect(x.flip(0).storage).not.toBe(x.storage);
  });
});

describe('dtypes, empties and 0-d', () => {
  it('cat promotes and leaves out old empty tensors', () => {
    const joined = torch.cat([torch.zeros([0]), longs([1, 2])]);
    expect([joined.dtype.name, plain(joined)]).toEqual(['float32', [1, 2]]);
    expect(torch.cat([longs([1]), torch.tensor([true])]).dtype.name).toBe('int64');
    expect(torch.cat([torch.zeros([0]), torch.zeros([0])], 1).shape).toEqual([0]);
  });

  it('sort answers by name and by position, and puts NaN last', () => {
    const s = torch.sort(torch.tensor([2, Number.NaN, 1]));
    expect(s.values.tolist()).toEqual([1, 2, Number.NaN]);
    expect(s[1].tolist()).toEqual([2, 0, 1]);
    expect(torch.topk(torch.tensor([3, 1, 2]), 2, -1, false).indices.tolist()).toEqual([1, 2]);
    expect(torch.sort(torch.tensor(3)).indices.tolist()).toBe(0);
  });

  it('where takes scalars on either side', () => {
    const c = bools([true, false]);
    expect(torch.where(c, 1, 0).dtype.name).toBe('int64');
    expect(torch.where(c, 1.5, 0).dtype.name).toBe('float32');
    expect(() => torch.where(torch.zeros([2]), 1, 0)).toThrow(/boolean tensor/);
  });

  it('int scans widen out of place and keep their dtype in place', () => {
    const x = torch.tensor([100, 100, 100], { dtype: 'uint8' });
    expect([x.cumsum(0).dtype.name, plain(x.cumsum(0))]).toEqual(['int64', [100, 200, 300]]);
    x.cumsum_(0);
    expect([x.dtype.name, plain(x)]).toEqual(['uint8', [100, 200, 44]]);
  });

  it('masked ops take empty masks', () => {
    const x = torch.zeros([0, 3]);
    expect(x.maskedSelect(bools([true, false, true])).shape).toEqual([0]);
    expect(torch.nonzero(torch.tensor(4)).shape).toEqual([1, 0]);
    expect(
      torch
        .nonzero(
          bools([
            [true, false],
            [true, true],
          ]),
        )
        .tolist(),
    ).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
  });
});
