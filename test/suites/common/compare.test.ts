// Known answers for the comparator: everything that other comparators let through must be seen here.
import { describe, expect, test } from 'vitest';
import { type ArrayValue, compareArrays } from '../../../suites/common/compare.js';
import { toleranceFor } from '../../../suites/common/tolerances.js';
import { ulpDistance } from '../../../suites/common/ulp.js';

const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): ArrayValue => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});
const forward = toleranceFor('float32', 'values');
const compare = (got: ArrayValue, want: ArrayValue) => compareArrays(got, want, forward);

describe('ulp', () => {
  test.each([
    [1, 1 + 2 ** -52, 'float64', 1],
    [1, 1 - 2 ** -53, 'float64', 1],
    [-5e-324, 5e-324, 'float64', 2],
    [0, -0, 'float64', 0],
    [1, 1 + 2 ** -23, 'float32', 1],
    [-(2 ** -149), 2 ** -149, 'float32', 2],
    [1, 1 + 2 ** -7, 'bfloat16', 1],
    [1, 1 + 2 ** -10, 'float16', 1],
    [2 ** -24, 2 ** -23, 'float16', 1],
    [2 - 2 ** -10, 2, 'float16', 1],
    [1, 2, 'float64', 2 ** 52],
  ])('%d to %d in %s is %d', (a, b, dtype, distance) => {
    expect(ulpDistance(a, b, dtype)).toBe(distance);
  });
  test('has none for whole numbers and infinities', () => {
    expect(ulpDistance(1, 2, 'int32')).toBeNaN();
    expect(ulpDistance(1, Infinity, 'float32')).toBeNaN();
  });
});

describe('compare', () => {
  test('equal arrays pass, every element counted', () => {
    const same = compare(f32([1, NaN, Infinity, -0]), f32([1, NaN, Infinity, -0]));
    expect(same).toMatchObject({ ok: true, compared: 3, bothNaN: 1, mismatched: 0, message: '' });
  });
  test('a small result gets a small allowance: PyTorch accepts 9e-6 for 1e-6', () => {
    expect(compare(f32([9e-6]), f32([1e-6])).ok).toBe(false);
    expect(compare(f32([1.000001e-6]), f32([1e-6])).ok).toBe(true);
  });
  test('dtype and shape come first', () => {
    expect(compare({ ...f32([1]), dtype: 'float64' }, f32([1])).message).toContain(
      'dtype is float64, want float32',
    );
    expect(compare(f32([1, 2], [2, 1]), f32([1, 2], [1, 2])).message).toContain(
      'shape is [2, 1], want [1, 2]',
    );
    expect(compare(f32([1, 2], [3]), f32([1, 2, 3])).message).toContain('holds 2 elements');
  });
  test('NaN, infinities and the sign of zero are counted apart', () => {
    const seen = compare(f32([NaN, 1, Infinity, -0, 5]), f32([1, NaN, -Infinity, 0, 5]));
    expect(seen).toMatchObject({ ok: false, mismatched: 4, nan: 2, infinity: 1, signedZero: 1 });
    expect(seen.message).toContain('2 × NaN in one only');
    expect(seen.first?.index).toEqual([0]);
  });
  test('−0 for 0 is tolerated only where said', () => {
    expect(compare(f32([-0]), f32([0])).ok).toBe(false);
    const any = toleranceFor('float32', 'values', { signedZero: 'any', reason: 'test' });
    expect(compareArrays(f32([-0]), f32([0]), any)).toMatchObject({ ok: true, signedZero: 1 });
    expect(toleranceFor('float32', 'gradients').signedZero).toBe('any');
  });
  test('NaN does not hide the worst finite element', () => {
    const seen = compare(f32([NaN, 2, 100.5], [3, 1]), f32([1, 1, 100], [3, 1]));
    expect(seen.worst?.ulp).toMatchObject({ index: [1, 0], got: 2, want: 1, term: 'atol' });
    expect(seen.worst?.abs.index).toEqual([1, 0]);
    expect(seen.message).toMatch(
      /worst by ulp: \[1, 0\] got 2, want 1; abs 1\.00e\+0, rel 1\.00e\+0, 8388608 ulp; allowed .* \(atol\)/,
    );
  });
  test('int64 beyond 2^53 is exact', () => {
    const big = (value: bigint): ArrayValue => ({
      dtype: 'int64',
      shape: [1],
      data: BigInt64Array.of(value),
    });
    const exact = toleranceFor('int64', 'values');
    expect(compareArrays(big(2n ** 60n), big(2n ** 60n), exact).ok).toBe(true);
    expect(compareArrays(big(2n ** 60n + 1n), big(2n ** 60n), exact)).toMatchObject({
      ok: false,
      tolerance: 'exact',
    });
  });
  test('an override goes for its dtype and role alone, and never for whole numbers', () => {
    const wide = { rtol: 1, atol: 1, dtypes: ['float32'], only: 'values', reason: 'test' } as const;
    expect(toleranceFor('float32', 'values', wide).rtol).toBe(1);
    expect(toleranceFor('float64', 'values', wide).rtol).toBeLessThan(1e-6);
    expect(toleranceFor('float32', 'gradients', [wide]).rtol).toBeLessThan(1e-5);
    expect(toleranceFor('int32', 'values', { ...wide, dtypes: undefined }).rtol).toBe(0);
  });
  test('an override for a kind of device goes for no other', () => {
    const wide = { atol: 1, device: 'cuda', reason: 'test' } as const;
    expect(toleranceFor('float32', 'values', wide, 'cuda').atol).toBe(1);
    expect(toleranceFor('float32', 'values', wide).atol).toBeLessThan(1e-5);
  });
});

describe('patterns', () => {
  const want = Array.from({ length: 20 }, (_, i) => i + 1);
  const guess = (got: readonly number[], shape: readonly number[] = [20]) =>
    compare(f32(got, shape), f32(want, shape)).pattern;
  test.each([
    ['factor of 2', want.map((v) => v * 2), [20], 'got is 2 × want'],
    ['sign', want.map((v) => -v), [20], 'got is -1 × want'],
    ['zero', want.map(() => 0), [20], 'got is 0'],
    ['vector tail', want.map((v, i) => (i >= 16 ? v + i : v)), [20], 'vector tail, from flat index 16'],
    ['from an index on', want.map((v, i) => (i >= 10 ? v + i : v)), [20], 'everything from flat index 10'],
    [
      'one row',
      want.map((v, i) => (i >= 5 && i < 10 ? v + 100 + i * i : v)),
      [4, 5],
      'only where dim 0 is 1',
    ],
    ['one column', want.map((v, i) => (i % 5 === 2 ? v + 100 + i * i : v)), [4, 5], 'only where dim 1 is 2'],
    [
      'the tail of every row',
      want.map((v, i) => (i % 5 >= 3 ? v + 100 + i * i : v)),
      [4, 5],
      'only where the last index is ≥ 3: the tail of every row',
    ],
    [
      'the end of every vector',
      want.map((v, i) => (i % 8 >= 6 ? v + 9 + i * i : v)),
      [20],
      'index % 8 ≥ 6: the end',
    ],
    ['one lane', want.map((v, i) => (i % 4 === 1 ? v + 9 + i * i : v)), [20], 'only where index % 4 is 1'],
    ['an offset', want.map((v, i) => (i > 3 && i < 9 ? v + 0.25 : v)), [20], 'got is want + 0.25 wherever'],
    ['shifted', want.map((v) => v + 1), [20], 'shifted by one'],
  ])('%s', (_, got, shape, text) => {
    expect(guess(got, shape)).toContain(text);
  });
  test('transposed', () => {
    const turned = Array.from({ length: 20 }, (_, i) => want[(i % 5) * 4 + Math.floor(i / 5)]!);
    expect(guess(turned, [4, 5])).toContain('last two dims swapped');
  });
});
