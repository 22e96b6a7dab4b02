// Bool memory of JavaScript: any byte but 0 is true.

import { fromNumpy, tensor } from 'torchstone';
import { describe, expect, it } from 'vitest';

describe('fromNumpy of bool', () => {
  it('takes every byte but 0 as true', () => {
    const data = new Uint8Array([2, 0, 255, 1]);
    const x = fromNumpy({ data, shape: [4], dtype: 'bool' });
    expect(x.sum().item()).toBe(3);
    expect(x.to('uint8').tolist()).toEqual([1, 0, 1, 1]);
    expect(x.eq(true).tolist()).toEqual([true, false, true, true]);
    expect(x.bitwiseAnd(tensor([true, true, true, false])).tolist()).toEqual([true, false, true, false]);
    data[1] = 1;
    expect(x.sum().item()).toBe(4);
  });
});
