// Datasets by index and by iteration, and what collation makes of samples.
import { expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { below, generator } from '../../support/random.js';

const { data } = torch;

class Squares extends data.Dataset<number> {
  readonly size: number;
  constructor(size: number) {
    super();
    this.size = size;
  }
  get length(): number {
    return this.size;
  }
  get(i: number): number {
    return i * i;
  }
}
class Count extends data.IterableDataset<number> {
  readonly length: number;
  constructor(length: number) {
    super();
    this.length = length;
  }
  override *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

it('concatenates as one list does', () => {
  const random = generator(5);
  for (let round = 0; round < 50; round++) {
    const parts = Array.from({ length: 1 + below(random, 4) }, () =>
      Array.from({ length: below(random, 5) }, () => random()),
    );
    const flat = parts.flat();
    const joined = new data.ConcatDataset(parts);
    expect(joined.length).toBe(flat.length);
    expect(flat.map((_, i) => joined.get(i))).toEqual(flat);
    expect(flat.map((_, i) => joined.get(-1 - i))).toEqual(flat.toReversed());
    expect(() => joined.get(flat.length)).toThrow(torch.IndexError);
    expect(() => joined.get(-flat.length - 1)).toThrow(
      'absolute value of index should not exceed dataset length',
    );
  }
  expect(() => new data.ConcatDataset([])).toThrow(torch.AssertionError);
  expect(() => new data.ConcatDataset([new Count(1) as never])).toThrow(
    'ConcatDataset does not support IterableDataset',
  );
});

it('stacks, slices and chains', () => {
  const x = torch.arange(6).view(3, 2);
  const pairs = new data.TensorDataset(x, torch.arange(3));
  expect(pairs.get(-1).map((t) => t.tolist())).toEqual([[4, 5], 2]);
  expect(() => new data.TensorDataset(x, torch.arange(2))).toThrow('Size mismatch between tensors');
  const named = new data.StackDataset({ a: [1, 2], b: new Squares(2) });
  expect([named.get(1), named.getItems([0, 1])]).toEqual([
    { a: 2, b: 1 },
    [
      { a: 1, b: 0 },
      { a: 2, b: 1 },
    ],
  ]);
  expect(new data.StackDataset(['p', 'q'], new Squares(2)).get(1)).toEqual(['q', 1]);
  expect(() => new data.StackDataset([1], [1, 2])).toThrow('Size mismatch between datasets');
  const subset = new data.Subset(new Squares(9), [8, 0, 3]);
  expect([subset.get(0), subset.get(-1), subset.getItems([1, 2])]).toEqual([64, 9, [0, 9]]);
  expect(() => subset.get(3)).toThrow(torch.IndexError);
  class Doubled extends data.Subset<number> {
    override get(i: number): number {
      return 2 * super.get(i);
    }
  }
  expect(() => new Doubled([1], [0])).toThrow(torch.NotImplementedError);
  const chain = new Count(2).chain(new Count(3));
  expect([chain.length, [...(chain as Iterable<number>)]]).toEqual([5, [0, 1, 0, 1, 2]]);
  expect(() => [...(new data.ChainDataset([[1] as never]) as Iterable<number>)]).toThrow(
    torch.AssertionError,
  );
});

it('collates by the form of the samples', () => {
  const [t, n, f, b, s, list, map] = data.defaultCollate([
    [torch.ones(2), 1, 1, true, 's', { a: [1n] }, new Map([['k', 1]])],
    [torch.zeros(2), 2, 0.5, false, 't', { a: [2n] }, new Map([['k', 2]])],
  ] as [torch.Tensor, number, number, boolean, string, { a: bigint[] }, Map<string, number>][]);
  expect([t, n, f, b].map((x) => [x.dtype.name, x.tolist()])).toEqual([
    [
      'float32',
      [
        [1, 1],
        [0, 0],
      ],
    ],
    ['int64', [1, 2]],
    ['float64', [1, 0.5]],
    ['bool', [true, false]],
  ]);
  expect([s, list, map.get('k')!.tolist()]).toEqual([['s', 't'], { a: [[1n, 2n]] }, [1, 2]]);
  expect(data.defaultCollate([new Uint8Array([1]), new Uint8Array([2])]).dtype.name).toBe('uint8');
});

it('refuses batches that PyTorch refuses, in its words', () => {
  const bad: [readonly unknown[], new (text: string) => Error, string][] = [
    [
      [torch.ones(3), torch.ones(4)],
      torch.RuntimeError,
      'stack expects each tensor to be equal size, but got [3] at entry 0 and [4] at entry 1',
    ],
    [[[1], [1, 2]], torch.RuntimeError, 'each element in list of batch should be of equal size'],
    [
      [null],
      TypeError,
      'default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found null',
    ],
    [[new Date()], TypeError, 'found a Date'],
    [[1, 'a'], TypeError, 'samples of one kind'],
    [[{ a: 1 }, { b: 1 }], torch.ValueError, 'the key "a"'],
    [[], torch.IndexError, 'list index out of range'],
  ];
  for (const [batch, kind, text] of bad) {
    expect(() => data.defaultCollate(batch)).toThrow(kind);
    expect(() => data.defaultCollate(batch)).toThrow(text);
  }
});

it('converts typed arrays and leaves the rest', () => {
  const { a, b } = data.defaultConvert({ a: [new Float32Array([1])], b: 3 });
  expect([a[0]!.tolist(), b]).toEqual([[1], 3]);
});
