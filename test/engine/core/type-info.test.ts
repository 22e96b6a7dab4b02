// What dtypes can hold, against PyTorch's own figures and texts; what becomes of two of them.
import { expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const { finfo, iinfo } = torch;

it.each([
  [
    'float16',
    0.0009765625,
    65504,
    6.103515625e-5,
    'finfo(resolution=0.001, min=-65504, max=65504, eps=0.000976562, smallest_normal=6.10352e-05, tiny=6.10352e-05, dtype=float16)',
  ],
  [
    'bfloat16',
    0.0078125,
    3.3895313892515355e38,
    1.1754943508222875e-38,
    'finfo(resolution=0.01, min=-3.38953e+38, max=3.38953e+38, eps=0.0078125, smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=bfloat16)',
  ],
  [
    'float32',
    1.1920928955078125e-7,
    3.4028234663852886e38,
    1.1754943508222875e-38,
    'finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=float32)',
  ],
  [
    'float64',
    2.220446049250313e-16,
    1.7976931348623157e308,
    2.2250738585072014e-308,
    'finfo(resolution=1e-15, min=-1.79769e+308, max=1.79769e+308, eps=2.22045e-16, smallest_normal=2.22507e-308, tiny=2.22507e-308, dtype=float64)',
  ],
] as const)('finfo of %s', (name, eps, max, tiny, text) => {
  expect(finfo(name)).toMatchObject({ eps, max, min: -max, tiny, smallestNormal: tiny, dtype: name });
  expect(String(finfo(name))).toBe(text);
  expect(finfo(name).bits).toBe(torch.ones([1], { dtype: name }).elementSize() * 8);
});

it.each([
  ['uint8', 0, 255, 'iinfo(min=0, max=255, dtype=uint8)'],
  ['int8', -128, 127, 'iinfo(min=-128, max=127, dtype=int8)'],
  ['int16', -32768, 32767, 'iinfo(min=-32768, max=32767, dtype=int16)'],
  ['int32', -2147483648, 2147483647, 'iinfo(min=-2.14748e+09, max=2.14748e+09, dtype=int32)'],
  [
    'int64',
    -9223372036854775808n,
    9223372036854775807n,
    'iinfo(min=-9.22337e+18, max=9.22337e+18, dtype=int64)',
  ],
] as const)('iinfo of %s', (name, min, max, text) => {
  expect(iinfo(name)).toMatchObject({ min, max, dtype: name });
  expect(String(iinfo(name))).toBe(text);
});

it('complex dtypes have the limits of their parts, and other kinds are refused', () => {
  expect(finfo(torch.complex64).dtype).toBe('float32');
  expect(String(finfo())).toBe(String(finfo(torch.float32)));
  expect(() => finfo('int32')).toThrow(/requires a floating point input type/);
  expect(() => iinfo('float32')).toThrow(/requires an integer input type/);
  expect(() => iinfo('bool')).toThrow(/torch.bool is not supported/);
  expect(() => finfo(3 as never)).toThrow(TypeError);
});

it('canCast never goes to a lower kind', () => {
  const kinds = ['bool', 'uint8', 'float16', 'complex64'] as const;
  const table = kinds.map((a) => kinds.map((b) => Number(torch.canCast(a, b))));
  expect(table).toEqual([
    [1, 1, 1, 1],
    [0, 1, 1, 1],
    [0, 0, 1, 1],
    [0, 0, 0, 1],
  ]); // prettier-ignore
  expect(torch.canCast('int64', 'int8')).toBe(true);
});

it('resultType of tensors and numbers', () => {
  const { resultType, tensor } = torch;
  expect(resultType(tensor([1, 2]), 1.5)).toBe(torch.float32);
  expect(resultType(tensor([1.5]), tensor(2, { dtype: 'float64' }))).toBe(torch.float32);
  expect(resultType(tensor([1.5], { dtype: 'float16' }), tensor([1]))).toBe(torch.float16);
  expect(resultType(1, 2.5)).toBe(torch.float32);
  expect(resultType(true, 1)).toBe(torch.int64);
  expect(resultType(tensor([1]), new torch.Complex(0, 1))).toBe(torch.complex64);
  expect(() => resultType('x' as never, 1)).toThrow(TypeError);
});

it('isTensor, asTensor and clip', () => {
  const x = torch.tensor([1.5, -3, 9]);
  expect([torch.isTensor(x), torch.isTensor([1]), torch.isTensor(null)]).toEqual([true, false, false]);
  expect(torch.asTensor(x)).toBe(x);
  expect(torch.asTensor(x, { dtype: 'float64' }).dtype).toBe(torch.float64);
  expect(torch.asTensor([1, 2]).tolist()).toEqual([1, 2]);
  const array = new Float32Array([1, 2]);
  torch.asTensor(array).add_(1);
  expect([...array]).toEqual([2, 3]);
  expect(torch.clip(x, -1, 2).tolist()).toEqual([1.5, -1, 2]);
  expect(x.clip({ max: 1 }).tolist()).toEqual([1, -3, 1]);
});
