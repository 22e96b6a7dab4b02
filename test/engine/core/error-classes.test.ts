// Error classes of ops that refuse a call: PyTorch's, where several are RuntimeErrors.

import {
  argmax,
  bincount,
  Complex,
  gather,
  IndexError,
  NotImplementedError,
  nn,
  ones,
  RuntimeError,
  rand,
  repeatInterleave,
  sort,
  tensor,
  topk,
  zeros,
} from 'torchstone';
import { describe, expect, it } from 'vitest';

const [three, beyond, one] = [zeros([3]), tensor([5]), ones([1])];
const wrong = tensor([1], { dtype: 'float32' });
const complex = tensor([new Complex(1, 1), new Complex(2, 0)]);
const whole = tensor([1, 2]);

describe('error classes', () => {
  const cases: readonly [string, string, () => unknown][] = [
    ['IndexError', 'indexAdd out of range', () => three.indexAdd(0, beyond, one)],
    ['IndexError', 'indexCopy out of range', () => three.indexCopy(0, beyond, one)],
    ['IndexError', 'indexFill out of range', () => three.indexFill(0, beyond, 1)],
    ['IndexError', 'indexSelect out of range', () => three.indexSelect(0, beyond)],
    ['IndexError', 'take out of range', () => three.take(beyond)],
    ['RuntimeError', 'gather out of range', () => gather(three, 0, beyond)],
    ['RuntimeError', 'scatter out of range', () => three.scatter(0, beyond, 1)],
    ['RuntimeError', 'gather with a float index', () => gather(three, 0, wrong)],
    ['RuntimeError', 'gather with an int8 index', () => gather(three, 0, tensor([1], { dtype: 'int8' }))],
    ['RuntimeError', 'scatter with a float index', () => three.scatter(0, wrong, 1)],
    ['RuntimeError', 'indexCopy with a float index', () => three.indexCopy(0, wrong, one)],
    ['IndexError', 'indexFill with a float index', () => three.indexFill(0, wrong, 1)],
    ['RuntimeError', 'indexReduce with a float index', () => three.indexReduce(0, wrong, one, 'prod')],
    ['IndexError', 'a target out of range', () => nn.functional.nllLoss(ones([1, 3]), beyond)],
    ['NotImplementedError', 'bincount of floats', () => bincount(wrong)],
    ['RuntimeError', 'bincount of negative numbers', () => bincount(tensor([-1]))],
    ['NotImplementedError', 'repeatInterleave by floats', () => repeatInterleave(three, wrong)],
    ['NotImplementedError', 'uniform_ of integers', () => whole.clone().uniform_()],
    ['NotImplementedError', 'normal_ of integers', () => whole.clone().normal_()],
    ['NotImplementedError', 'logNormal_ of integers', () => whole.clone().logNormal_()],
    ['RuntimeError', 'cauchy_ of integers', () => whole.clone().cauchy_()],
    ['RuntimeError', 'exponential_ of integers', () => whole.clone().exponential_()],
    ['NotImplementedError', 'rand of integers', () => rand([2], { dtype: 'int64' })],
    ['RuntimeError', 'sort of complex numbers', () => sort(complex)],
    ['RuntimeError', 'topk of complex numbers', () => topk(complex, 1)],
    ['RuntimeError', 'argmax of complex numbers', () => argmax(complex)],
  ];
  const classes = { IndexError, RuntimeError, NotImplementedError } as const;
  it.each(cases)('%s: %s', (name, _what, call) => {
    let thrown: unknown = null;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(classes[name as keyof typeof classes]);
    expect((thrown as Error).name).toBe(name);
  });
  it('an int32 index is taken where PyTorch takes it', () => {
    expect(
      three
        .add(2)
        .indexReduce(0, tensor([1], { dtype: 'int32' }), one.mul(3), 'prod')
        .tolist(),
    ).toEqual([2, 6, 2]);
  });
});
