// Tensors in everyday JavaScript: equality in tests, console.log, JSON, structuredClone, operators, types.
import { inspect } from 'node:util';
import {
  ArgumentError,
  Complex,
  complex64,
  device,
  float32,
  Generator,
  IndexError,
  LinAlgError,
  type Nested,
  NotImplementedError,
  ones,
  RuntimeError,
  type Scalar,
  type Tensor,
  TorchstoneError,
  tensor,
  ValueError,
  zeros,
} from 'torchstone';
import { describe, expect, expectTypeOf, it } from 'vitest';

describe('toEqual', () => {
  it('compares dtype, shape and values', () => {
    expect(ones([2])).toEqual(ones([2]));
    expect(ones([2])).toStrictEqual(ones([4]).view(2, 2).select(0, 1));
    expect({ a: [tensor(1.5)] }).toEqual({ a: [tensor(1.5)] });
    expect(tensor([Number.NaN])).toEqual(tensor([Number.NaN]));
    expect(tensor([new Complex(1, 2)])).toEqual(tensor([new Complex(1, 2)]));
    expect(tensor([2n ** 60n])).toEqual(tensor([2n ** 60n]));
    expect(zeros([2, 0])).toEqual(zeros([2, 0]));
    expect(ones([2])).not.toEqual(zeros([2]));
    expect(ones([2])).not.toEqual(ones([2, 1]));
    expect(ones([2])).not.toEqual(ones([2], { dtype: 'float64' }));
    expect(tensor([new Complex(1, 2)])).not.toEqual(tensor([new Complex(1, 3)]));
    expect(tensor([2n ** 60n])).not.toEqual(tensor([2n ** 60n + 1n]));
    expect(ones([2])).not.toEqual([1, 1]);
    expect([1, 1]).not.toEqual(ones([2]));
  });
  it('shows values where they differ', () => {
    const failure = (): void => expect(tensor([1.5, 2])).toEqual(tensor([1.5, 7]));
    expect(failure).toThrow(/tensor\(\[1\.5000, 2/);
  });
});

describe('console.log', () => {
  it('shows what PyTorch shows', () => {
    const x = tensor([1.5], { requiresGrad: true });
    expect(inspect(x.device)).toBe('cpu');
    expect(inspect(device('meta'))).toBe('meta');
    expect(inspect(x.dtype)).toBe('torch.float32');
    expect(inspect(ones([2, 3]).size())).toBe('torch.Size([2, 3])');
    expect(inspect(x.mul(2).gradFn)).toBe('<MulBackward0>');
    expect(inspect({ a: ones([1]), d: float32 })).toBe('{ a: tensor([1.]), d: torch.float32 }');
    expect(inspect(new Generator().manualSeed(3))).toBe('<torch.Generator seed=3>');
  });
});

describe('JSON.stringify', () => {
  it('gives values', () => {
    expect(JSON.stringify({ x: tensor([[1.5, 2]]) })).toBe('{"x":[[1.5,2]]}');
    expect(JSON.stringify(tensor(3))).toBe('3');
    expect(JSON.stringify(tensor([true]))).toBe('[true]');
    expect(JSON.stringify(tensor([2n ** 60n, 1n]))).toBe('["1152921504606846976",1]');
    expect(JSON.stringify(tensor([new Complex(1, 2)]))).toBe('[[1,2]]');
    expect(JSON.stringify([float32, device('cpu')])).toBe('["torch.float32","cpu"]');
    expect(JSON.stringify(tensor([1.5], { requiresGrad: true }).mul(2))).toBe('[3]');
  });
});

describe('structuredClone and postMessage', () => {
  it('refuse a tensor and say what to send', () => {
    const { port1 } = new MessageChannel();
    for (const clone of [structuredClone, (v: unknown): void => port1.postMessage(v)])
      for (const value of [ones([2]), { x: [ones([5000])] }, ones([]).device]) {
        expect(() => clone(value)).toThrow(/belongs to its thread: send x\.tolist\(\).*could not be cloned/);
        expect(() => clone(value)).toThrow(DOMException);
      }
    port1.close();
  });
});

describe('operators', () => {
  const [x, y] = [ones([2]), ones([2])] as unknown as [number, number];
  it('refuse several elements and name the methods', () => {
    const uses: (() => unknown)[] = [
      () => x * 2,
      () => -x,
      () => x < y,
      () => x + y,
      () => x ** 2,
      () => +zeros([0]),
    ];
    for (const use of uses) {
      expect(use).toThrow(ArgumentError);
      expect(use).toThrow(/x\.mul\(2\)/);
    }
  });
  it('take the value of a tensor with one', () => {
    const [one, large] = [tensor([1.5]), tensor(2n ** 60n)] as unknown as [number, bigint];
    expect(one * 2).toBe(3);
    expect(-one).toBe(-1.5);
    expect(large + 1n).toBe(2n ** 60n + 1n);
    expect(`${ones([2])}`).toBe('tensor([1., 1.])');
    expect(String(ones([2]))).toBe('tensor([1., 1.])');
  });
});

describe('errors', () => {
  it('have Python’s hierarchy', () => {
    expect(new NotImplementedError('x')).toBeInstanceOf(RuntimeError);
    expect(new LinAlgError('x')).toBeInstanceOf(RuntimeError);
    expect(new ArgumentError('x')).toBeInstanceOf(TypeError);
    for (const Raised of [RuntimeError, ValueError, IndexError])
      expect(new Raised('x')).toBeInstanceOf(TorchstoneError);
    for (const Raised of [ValueError, IndexError]) expect(new Raised('x')).not.toBeInstanceOf(RuntimeError);
    expect(new NotImplementedError('x').name).toBe('NotImplementedError');
  });
});

describe('types', () => {
  it('of values may be said', () => {
    const x = ones([2]);
    expectTypeOf(x.sum().item<number>()).toEqualTypeOf<number>();
    expectTypeOf(x.sum().item()).toEqualTypeOf<Scalar>();
    expectTypeOf(x.tolist<number[]>()).toEqualTypeOf<number[]>();
    expectTypeOf(x.tolist()).toEqualTypeOf<Nested<Scalar>>();
    expectTypeOf(x.mul(2)).toEqualTypeOf<Tensor>();
    expect(x.sum().item<number>() + 1).toBe(3);
    expect(complex64.isComplex).toBe(true);
  });
});
