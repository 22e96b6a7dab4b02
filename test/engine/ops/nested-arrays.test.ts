// Nested JavaScript arrays as values and as indices: deep, shared, ragged, without an end.
import { expect, test } from 'vitest';
import * as torch from '../../../engine/index.js';

test('arrays nested 60 deep are read once', () => {
  let reads = 0;
  let nested: unknown = new Proxy([1, 2], {
    get: (target, name) => {
      reads++;
      return Reflect.get(target, name);
    },
  });
  for (let i = 0; i < 59; i++) nested = [nested];
  const x = torch.tensor(nested as number[]);
  expect(x.shape).toEqual([...new Array<number>(59).fill(1), 2]);
  expect(x.reshape(-1).tolist()).toEqual([1, 2]);
  expect(reads).toBeLessThan(20);
});

test('rows that are one array', () => {
  let nested: unknown = [1, 2.5];
  for (let i = 0; i < 14; i++) nested = [nested, nested];
  const x = torch.tensor(nested as number[]);
  expect([x.numel(), x.dtype.name, x.sum().item()]).toEqual([2 ** 15, 'float32', 3.5 * 2 ** 14]);
  for (let i = 0; i < 25; i++) nested = [nested, nested];
  expect(() => torch.tensor(nested as number[])).toThrow(torch.RuntimeError);
});

test('an array that holds itself, or nests without end', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const long: unknown[] = [1];
  long.push([2, long]);
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  for (const data of [cycle, long, deep, [[1], cycle]])
    expect(() => torch.tensor(data as number[])).toThrow(torch.ValueError);
  expect(() => torch.ones([2, 2]).at([cycle as number[]])).toThrow(torch.ValueError);
  expect(() => torch.ones([2, 2]).setAt([0], cycle as never)).toThrow();
});

test.each([
  [[[1, 2], [3]], /expected sequence of length 2 at dim 1 \(got 1\)/],
  [[[1, 2], 3], /rows of shape \[2\]/],
  [[1, [2]], /rows of shape \[\]/],
  [
    [
      [[1], [2]],
      [[3], [4, 5]],
    ],
    /length 1 at dim 2 \(got 2\)/,
  ],
  [[[], [1]], /length 0 at dim 1 \(got 1\)/],
])('ragged arrays %j', (data, text) => {
  expect(() => torch.tensor(data as never)).toThrow(torch.ValueError);
  expect(() => torch.tensor(data as never)).toThrow(text);
});

test('tensors and typed arrays as rows', () => {
  const row = torch.tensor([1.5, 2]);
  expect(torch.tensor([row, new Float32Array([3, 4]), [5, 6]] as never).tolist()).toEqual([
    [1.5, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(() => torch.tensor([row, new Float32Array(3)] as never)).toThrow(torch.ValueError);
  expect(() => torch.tensor(Object.assign(new Array(3), { 0: 1, 2: 3 }) as never)).toThrow(TypeError);
  expect(() => torch.tensor(new DataView(new ArrayBuffer(8)) as never)).toThrow(TypeError);
});
