// The dtypes of results: PyTorch's rules for all pairs of dtypes, with and without dims, and numbers.

import * as T from 'torchstone';
import {
  add,
  bucketize,
  complex64,
  complex128,
  type DType,
  float16,
  float32,
  float64,
  int16,
  int64,
  nn,
  promoteTypes,
  searchsorted,
  type Tensor,
  tensor,
  uint8,
  where,
} from 'torchstone';
import { describe, expect, it } from 'vitest';

const dtypes = [
  T.bool,
  T.uint8,
  T.int8,
  T.int16,
  T.int32,
  T.int64,
  T.float16,
  T.bfloat16,
  T.float32,
  T.float64,
  T.complex64,
  T.complex128,
];
const kind = (d: DType): number => (d.isComplex ? 3 : d.isFloatingPoint ? 2 : d.isBool ? 0 : 1);

/** torch.result_type of a tensor with dims and one without: c10's combine_categories. There is no complex32 here. */
function combined(dims: DType, weaker: DType): DType {
  if (kind(weaker) <= kind(dims)) return dims;
  if (dims.isFloatingPoint) return dims === float64 ? complex128 : complex64;
  return promoteTypes(dims, weaker);
}

describe('result dtypes', () => {
  it('of a tensor with dims and a 0-d one, in both orders', () => {
    for (const a of dtypes)
      for (const b of dtypes) {
        const [row, one] = [T.ones([2], { dtype: a }), T.ones([], { dtype: b })];
        const expected = combined(a, b);
        const name = `${a.name}[2] and ${b.name}`;
        for (const result of [row.mul(one), one.mul(row), add(row, one), where(T.ones([]).ge(0), one, row)])
          expect(result.dtype.name, name).toBe(expected.name);
        expect(T.ones([], { dtype: a }).mul(one).dtype.name, name).toBe(promoteTypes(a, b).name);
        expect(row.mul(T.ones([2], { dtype: b })).dtype.name, name).toBe(promoteTypes(a, b).name);
      }
  });

  it('of a number keep the width of floats', () => {
    expect(add(tensor([1.5]), tensor(1, { dtype: 'complex128' })).dtype).toBe(complex64);
    expect(add(tensor([1.5], { dtype: float64 }), new T.Complex(0, 1)).dtype).toBe(complex128);
    expect(add(tensor([1.5]), new T.Complex(0, 1)).dtype).toBe(complex64);
    expect(tensor([1]).mul(2.5).dtype).toBe(float32);
  });

  it('of losses count a 0-d tensor fully, because PyTorch broadcasts first', () => {
    const [x, y] = [T.ones([2], { dtype: float32 }), T.ones([], { dtype: float64 })];
    for (const loss of [nn.functional.mseLoss, nn.functional.l1Loss, nn.functional.smoothL1Loss])
      expect(loss(x, y).dtype).toBe(float64);
    expect(nn.functional.mseLoss(T.ones([2], { dtype: int64 }), x).item()).toBe(0);
  });
});

describe('operands of several dtypes', () => {
  it('are searched in their promotion', () => {
    const sorted = tensor([1, 2, 3], { dtype: int16 });
    expect(searchsorted(sorted, tensor([[2.5]])).tolist()).toEqual([[2]]);
    expect(searchsorted(sorted, 2.5).item()).toBe(2);
    expect(bucketize(2.5, sorted).item()).toBe(2);
    expect(searchsorted(tensor([1, 2, 3], { dtype: float16 }), tensor([2])).tolist()).toEqual([1]);
    expect(searchsorted(tensor([0, 7, 255], { dtype: uint8 }), tensor([-1, 256])).tolist()).toEqual([0, 3]);
    expect(() => searchsorted(tensor([false, true]), true)).toThrow(/not implemented for 'Bool'/);
  });

  it('are compared by their cosine in their promotion', () => {
    const cosine = (a: Tensor, b: Tensor): unknown => nn.functional.cosineSimilarity(a, b, { dim: 0 }).item();
    expect(cosine(tensor([1, 2, 3]), tensor([1.5, 3, 5]))).toBeCloseTo(0.9988, 3);
    expect(() => cosine(tensor([1]), tensor([2]))).toThrow(
      'expected common dtype to be floating point, yet common dtype is Long',
    );
  });
});
