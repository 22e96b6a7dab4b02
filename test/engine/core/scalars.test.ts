// Scalars that enter integer tensors: exact bigints, values that do not fit, values that wrap. Expected values are PyTorch's.

import {
  add,
  addcmul,
  addmm,
  arange,
  bitwiseAnd,
  bucketize,
  clamp,
  constantPadNd,
  eq,
  floorDivide,
  fmod,
  full,
  fullLike,
  ge,
  hardtanh,
  linspace,
  lt,
  maskedFill,
  mul,
  nn,
  pow,
  RuntimeError,
  randint,
  randperm,
  remainder,
  rsub,
  scalarTensor,
  searchsorted,
  type Tensor,
  tensor,
  threshold,
  where,
  zeros,
} from 'torchstone';
import { describe, expect, it } from 'vitest';

const large = 9007199254740993n; // 2^53 + 1: no float64
const long = (...values: bigint[]): Tensor => tensor(values, { dtype: 'int64' });
const mask = tensor([true, false]);
const at = tensor([0], { dtype: 'int64' });

describe('a bigint beyond 2^53', () => {
  const x = long(0n, large);
  const cases: readonly [string, () => Tensor, unknown][] = [
    ['add', () => x.add(large), [large, 2n * large]],
    ['add_', () => x.clone().add_(large), [large, 2n * large]],
    ['add with alpha', () => add(x, 1, { alpha: large }), [large, 2n * large]],
    ['sub', () => x.sub(large), [-large, 0]],
    ['rsub', () => rsub(x, large), [large, 0]],
    ['mul', () => mul(tensor([1, 3]), large), [large, 3n * large]],
    ['floorDivide', () => floorDivide(x, large), [0, 1]],
    ['floorDivide from', () => floorDivide(large, tensor([1, 2])), [large, 4503599627370496]],
    ['remainder', () => remainder(x, large), [0, 0]],
    ['fmod', () => fmod(x, large - 1n), [0, 1]],
    ['eq', () => eq(x, large), [false, true]],
    ['lt', () => lt(x, large), [true, false]],
    ['ge', () => ge(x, large), [false, true]],
    ['bitwiseAnd', () => bitwiseAnd(x, large), [0, large]],
    ['bitwiseXor', () => x.bitwiseXor(large), [large, 0]],
    ['clamp', () => clamp(x, large, large), [large, large]],
    ['clampMax', () => x.add(1).clampMax(large), [1, large]],
    ['threshold', () => threshold(x, large, 7), [7, 7]],
    ['threshold to', () => threshold(x, 1, large), [large, large]],
    ['hardtanh', () => hardtanh(x, large, large), [large, large]],
    ['addcmul', () => addcmul(x, tensor([1, 1]), tensor([1, 2]), { value: large }), [large, 3n * large]],
    ['pow', () => pow(tensor([1, 0]), large), [1, 0]],
    ['maskedFill', () => maskedFill(x, mask, large), [large, large]],
    ['maskedFill_', () => x.clone().maskedFill_(mask, large), [large, large]],
    ['where', () => where(mask, large, 0), [large, 0]],
    ['where of a tensor', () => where(mask, x, large), [0, large]],
    ['fill_', () => x.clone().fill_(large), [large, large]],
    ['full', () => full([2], large), [large, large]],
    ['fullLike', () => fullLike(x, large), [large, large]],
    ['scalarTensor', () => scalarTensor(large, { dtype: 'int64' }), large],
    ['setAt', () => x.clone().setAt([0], large), [large, large]],
    ['setAt with a mask', () => x.clone().setAt([mask], large), [large, large]],
    ['setAt with an index', () => x.clone().setAt([at], large), [large, large]],
    ['indexFill', () => x.indexFill(0, at, large), [large, large]],
    ['scatter', () => x.scatter(0, at, large), [large, large]],
    ['indexAdd', () => x.indexAdd(0, at, tensor([1]), { alpha: large }), [large, large]],
    ['constantPadNd', () => constantPadNd(x, [1, 0], large), [large, 0, large]],
    ['addmm', () => addmm(tensor([[0]]), tensor([[1]]), tensor([[1]]), { alpha: large }), [[large]]],
    ['searchsorted', () => searchsorted(long(large - 1n, large), large), 1],
    ['bucketize', () => bucketize(large, long(large - 1n, large), { right: true }), 2],
    ['arange', () => arange(large, large + 5n, 2), [large, large + 2n, large + 4n]],
  ];
  it.each(cases)('is exact in %s', (_name, call, expected) => {
    expect(call().tolist()).toEqual(expected);
  });

  it('wraps in narrower integers and is rounded by floats', () => {
    expect(tensor([1], { dtype: 'int32' }).add(large).tolist()).toEqual([2]);
    expect(tensor([1], { dtype: 'uint8' }).bitwiseXor(-large).tolist()).toEqual([254]);
    expect(tensor([1], { dtype: 'int32' }).add(large).dtype.name).toBe('int32');
    expect(tensor(1, { dtype: 'int8' }).add(large).dtype.name).toBe('int8');
    expect(tensor([true]).add(large).tolist()).toEqual([large + 1n]);
    expect(tensor([0.5]).mul(large).tolist()).toEqual([4503599627370496]);
    expect(tensor([7], { dtype: 'int32' }).div(large).item()).toBeCloseTo(7.771561172376096e-16, 20);
  });

  it('is refused beyond int64', () => {
    for (const call of [
      () => tensor([2n ** 63n]),
      () => tensor([1]).add(2n ** 63n),
      () => tensor([1.5]).mul(-(2n ** 70n)),
      () => full([1], 2n ** 64n),
    ])
      expect(call).toThrow(/Overflow when unpacking long long/);
    expect(tensor([2n ** 63n], { dtype: 'float64' }).item()).toBe(2 ** 63);
  });
});

describe('a whole number beyond int64', () => {
  it('is a float, as in Python', () => {
    expect(tensor([1e20]).dtype.name).toBe('float32');
    expect(tensor([1, 2]).add(1e20).dtype.name).toBe('float32');
    expect(tensor([1, 2]).lt(1e20).tolist()).toEqual([true, true]);
    expect(full([1], 2 ** 63).dtype.name).toBe('float32');
    expect(full([1], -(2 ** 63)).dtype.name).toBe('int64');
  });
});

describe('a number that does not fit', () => {
  const u8 = tensor([1, 2], { dtype: 'uint8' });
  const i32 = tensor([1, 2], { dtype: 'int32' });
  const f32 = tensor([0.5, 2]);
  const eight = { dtype: 'uint8' } as const;
  const cases: readonly [string, string, () => unknown][] = [
    ['tensor', 'uint8', () => tensor([300], eight)],
    ['tensor of int32', 'int32', () => tensor([2 ** 40], { dtype: 'int32' })],
    ['tensor of NaN', 'int64', () => tensor([Number.NaN], { dtype: 'int64' })],
    ['tensor of a fraction', 'uint8', () => tensor([-0.5], eight)],
    ['full', 'uint8_t', () => full([2], 300, eight)],
    ['fullLike', 'uint8_t', () => fullLike(u8, 300)],
    ['newFull', 'int', () => i32.newFull([2], 2 ** 31)],
    ['scalarTensor', 'int8_t', () => scalarTensor(128, { dtype: 'int8' })],
    ['fill_', 'uint8_t', () => u8.clone().fill_(256)],
    ['fill_ of a float', 'float', () => f32.clone().fill_(1e300)],
    ['fill_ of infinity', 'int', () => i32.clone().fill_(Number.POSITIVE_INFINITY)],
    ['where', 'uint8_t', () => where(mask, u8, 300)],
    ['where first', 'uint8_t', () => where(mask, 300, u8)],
    ['clamp', 'uint8_t', () => clamp(u8, 0, 300)],
    ['clampMin', 'int', () => i32.clampMin(2 ** 40)],
    ['clampMax_', 'int', () => i32.clone().clampMax_(2 ** 40)],
    ['maskedFill', 'uint8_t', () => maskedFill(u8, mask, 300)],
    ['setAt', 'uint8_t', () => u8.clone().setAt([0], 300)],
    ['setAt by mask', 'uint8_t', () => u8.clone().setAt([mask], 300)],
    ['setAt by index', 'uint8_t', () => u8.clone().setAt([at], 300)],
    ['indexFill', 'uint8_t', () => u8.indexFill(0, at, 300)],
    ['scatter', 'uint8_t', () => u8.scatter(0, at, 300)],
    ['constantPadNd', 'uint8_t', () => constantPadNd(u8, [1, 0], 300)],
    ['pad', 'uint8_t', () => nn.functional.pad(u8, [1, 0], 'constant', 300)],
    ['addcmul', 'uint8_t', () => addcmul(u8, u8, u8, { value: 300 })],
    ['add with alpha', 'uint8_t', () => add(u8, u8, { alpha: 300 })],
    ['add_ with alpha', 'float', () => f32.clone().add_(f32, { alpha: 1e300 })],
    ['threshold', 'uint8_t', () => threshold(u8, 300, 1)],
    ['hardtanh', 'uint8_t', () => hardtanh(u8, 0, 300)],
    ['pow', 'uint8_t', () => pow(u8, 300)],
    [
      'addmm',
      'uint8_t',
      () => addmm(u8.reshape([1, 2]), tensor([[1]], eight), u8.reshape([1, 2]), { beta: 300 }),
    ],
    ['linspace', 'uint8_t', () => linspace(0, 300, 4, eight)],
    ['randperm', 'uint8_t', () => randperm(300, eight)],
  ];
  it.each(cases)('is refused by %s', (_name, type, call) => {
    expect(call).toThrow(RuntimeError);
    expect(call).toThrow(`value cannot be converted to type ${type} without overflow`);
  });

  it('is refused as a bound of random integers', () => {
    expect(() => randint(0, 300, [4], eight)).toThrow('to - 1 is out of bounds for unsigned char');
    expect(() => randint(-3, 2, [4], eight)).toThrow('from is out of bounds for unsigned char');
    expect(() => randint(0, 2 ** 40, [4], { dtype: 'int32' })).toThrow('to - 1 is out of bounds for int');
    expect(randint(0, 256, [4], eight).shape).toEqual([4]);
    expect(() => zeros([2]).uniform_(0, 1e300)).toThrow('to is out of bounds for float');
    expect(() => randperm(3000, { dtype: 'float16' })).toThrow(
      'n cannot be greater than 2049 for Half type.',
    );
  });

  it('wraps where PyTorch wraps it', () => {
    expect(u8.add(300).tolist()).toEqual([45, 46]);
    expect(u8.clone().fill_(-3).tolist()).toEqual([253, 253]);
    expect(tensor([-1], eight).tolist()).toEqual([255]);
    expect(i32.add(2 ** 40).tolist()).toEqual([1, 2]);
    expect(i32.mul(2 ** 40 + 1).tolist()).toEqual([1, 2]);
    expect(
      i32
        .clone()
        .add_(2 ** 32 + 1)
        .tolist(),
    ).toEqual([2, 3]);
    expect(linspace(0, -200, 4, eight).tolist()).toEqual([0, 18, 37, 56]);
    expect(arange(300, 303, eight).tolist()).toEqual([44, 45, 46]);
    expect(f32.clone().fill_(Number.POSITIVE_INFINITY).tolist()).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(tensor([1e300]).tolist()).toEqual([Number.POSITIVE_INFINITY]);
  });
});
