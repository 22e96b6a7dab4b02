// trapezoid and cumulativeTrapezoid of integers: where PyTorch's sums wrap and where they do not.

import { cumulativeTrapezoid, tensor, trapezoid } from 'torchstone';
import { describe, expect, it } from 'vitest';

const bytes = (dtype: 'int8' | 'uint8') => tensor([-7, -127, 8], { dtype });

describe('trapezoid', () => {
  it('adds int8 as int64, but the two ends as int8', () => {
    expect(trapezoid(bytes('int8')).item()).toBe(-126.5);
    expect(trapezoid(bytes('uint8')).item()).toBe(385.5);
    expect(trapezoid(tensor([100, 0, 100], { dtype: 'int8' })).item()).toBe(228);
  });
  it('wraps the neighbours that are given points, and all of the running integral', () => {
    expect(trapezoid(bytes('int8'), tensor([1, 2, 120], { dtype: 'int8' })).item()).toBe(80);
    expect(cumulativeTrapezoid(bytes('int8')).tolist()).toEqual([61, 1.5]);
    expect(cumulativeTrapezoid(bytes('uint8')).tolist()).toEqual([61, 129.5]);
  });
  it('takes dx as a float', () => {
    const y = tensor([0, 7, 127], { dtype: 'uint8' });
    expect(trapezoid(y, { dx: 300 }).item()).toBe(21150);
    expect(trapezoid(y, { dx: -3 }).item()).toBe(-211.5);
    expect(trapezoid(y, { dx: 2.5 }).dtype.name).toBe('float32');
  });
  it('refuses bool', () => {
    expect(() => trapezoid(tensor([true, true]))).toThrow(
      'received a bool input for `y`, but bool is not supported',
    );
    expect(() => trapezoid(tensor([1, 2]), { dx: true })).toThrow(
      'Currently, we only support dx as a real number.',
    );
  });
});
