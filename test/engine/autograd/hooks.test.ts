// Hooks, retained gradients and assigned gradients: order, what a hook may return, and what an error leaves behind. As PyTorch.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const d = { dtype: 'float64' } as const;
const start = (): Tensor => torch.tensor([1.5, -0.5], { ...d, requiresGrad: true });

describe('retainGrad', () => {
  it('sees the gradient after all hooks, whatever the order of calls', () => {
    const a = start().mul(1);
    a.retainGrad();
    a.registerHook((g) => g.mul(10));
    a.registerHook((g) => g.add(1));
    a.sum().backward();
    expect(a.grad!.tolist()).toEqual([11, 11]);
  });
  it('adds up, and shares no memory with the gradient that was given', () => {
    const a = start().mul(1);
    a.retainGrad();
    const g = torch.ones([2], d);
    a.backward(g, { retainGraph: true });
    a.backward(g);
    expect(a.grad!.tolist()).toEqual([2, 2]);
    a.grad!.zero_();
    expect(g.tolist()).toEqual([1, 1]);
  });
  it('follows the tensor through in-place changes of it, its base and its views', () => {
    const changes: Record<string, (a: Tensor, v: Tensor) => unknown> = {
      itself: (a) => a.mul_(3),
      view: (_, v) => v.mul_(3),
      shape: (a) => a.unsqueeze_(0).mul_(3).squeeze_(0),
    };
    for (const change of Object.values(changes)) {
      const x = start();
      const a = x.mul(1);
      const v = a.view(2, 1);
      a.retainGrad();
      v.retainGrad();
      change(a, v);
      a.mul(2).sum().add(v.mul(5).sum()).backward();
      expect([a.grad!.tolist(), v.grad!.tolist(), x.grad!.tolist()]).toEqual([
        [7, 7],
        [[5], [5]],
        [21, 21],
      ]);
    }
  });
  it('works under autograd.grad', () => {
    const x = start();
    const a = x.mul(1);
    a.retainGrad();
    torch.autograd.grad(a.mul(a).sum(), x);
    expect([a.grad!.tolist(), x.grad]).toEqual([[3, -1], null]);
  });
});

describe('hooks', () => {
  it('of a value changed in-place see the gradient of the value before', () => {
    const seen: unknown[] = [];
    const a = start().mul(1);
    a.registerHook((g) => void seen.push(['before', g.tolist()]));
    a.mul_(3);
    a.registerHook((g) => void seen.push(['after', g.tolist()]));
    a.mul(2).sum().backward();
    expect(seen).toEqual([
      ['after', [2, 2]],
      ['before', [6, 6]],
    ]);
  });
  it('run under autograd.grad only on the way to its inputs', () => {
    const seen: string[] = [];
    const [x, w] = [start(), start()];
    const b = w.mul(2);
    const y = x.mul(b);
    for (const [name, t] of Object.entries({ w, b, y, x })) t.registerHook(() => void seen.push(name));
    torch.autograd.grad(y.sum(), x);
    expect(seen).toEqual(['y', 'x']);
  });
  it('are removed once each', () => {
    const seen: number[] = [];
    const x = start();
    const hook = (): undefined => void seen.push(1);
    const first = x.registerHook(hook);
    x.registerHook(hook);
    first.remove();
    first.remove();
    x.sum().backward();
    expect(seen).toEqual([1]);
    const after = x.registerPostAccumulateGradHook(() => void seen.push(2));
    x.registerPostAccumulateGradHook(() => void seen.push(3));
    after.remove();
    after.remove();
    x.sum().backward();
    expect(seen).toEqual([1, 1, 3]);
  });
  it('return a gradient of the same kind or nothing', () => {
    const returning = (value: unknown) => (): Tensor => {
      const x = start();
      const a = x.mul(1);
      a.registerHook(() => value as Tensor);
      a.sum().backward();
      return x.grad!;
    };
    for (const nothing of [undefined, null]) expect(returning(nothing)().tolist()).toEqual([1, 1]);
    for (const wrong of [5, false, 'x', [1, 1]]) {
      expect(returning(wrong)).toThrow(TypeError);
      expect(returning(wrong)).toThrow(/expected Variable, but hook returned/);
    }
    expect(returning(torch.ones([3], d))).toThrow(/hook has changed the size of value/);
    expect(returning(torch.ones([2]))).toThrow(
      /changed the type of value \(was torch.DoubleTensor got torch.FloatTensor\)/,
    );
    const x = start();
    x.registerPostAccumulateGradHook((() => 5) as never);
    expect(() => x.sum().backward()).toThrow(/expected Variable, but hook returned/);
  });
  it('that fail leave what was done: gradients of other leaves, freed buffers behind, kept ones ahead', () => {
    const [x, w] = [start(), start()];
    let fails = true;
    const a = x.exp();
    a.registerHook(() => {
      if (fails) throw new Error('mine');
      return undefined;
    });
    const b = w.mul(w);
    const total = a.sum();
    const other = total.add(b.sum());
    expect(() => other.backward()).toThrow('mine');
    expect([x.grad, w.grad?.tolist()]).toEqual([null, [3, -1]]);
    fails = false;
    expect(() => other.backward()).toThrow(/Trying to backward through the graph a second time/);
    total.backward();
    expect(x.grad!.tolist()).toEqual(x.exp().tolist());
    expect(torch.isGradEnabled()).toBe(true);
  });
});

describe('an assigned gradient', () => {
  it('is refused where it cannot be one', () => {
    const assign = (value: unknown) => (): void => {
      const x = start();
      x.grad = (value === 'itself' ? x : value) as Tensor;
    };
    expect(assign('itself')).toThrow(torch.RuntimeError);
    expect(assign('itself')).toThrow(/can't assign Variable as its own grad/);
    for (const wrong of [5, true, {}, [1, 2]]) {
      expect(assign(wrong)).toThrow(TypeError);
      expect(assign(wrong)).toThrow(/assigned grad expected to be a Tensor or None/);
    }
    expect(assign(torch.ones([2]))).toThrow(/attempting to assign a gradient with dtype 'Float' to a tensor/);
    expect(assign(torch.ones([3], d))).toThrow(/a gradient of size '\[3\]' to a tensor of size '\[2\]'/);
    expect(assign(torch.ones([2], { ...d, device: 'meta' }))).toThrow(
      /a gradient with device type 'meta' to a tensor with device type 'cpu'/,
    );
  });
  it('is taken as it is, and given up by null', () => {
    const x = start();
    const g = torch.ones([2], d);
    x.grad = g;
    x.sum().backward();
    expect([x.grad === g, g.tolist()]).toEqual([true, [2, 2]]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });
});

describe('the gradient that a walk starts from', () => {
  it('is complex where its output is, and nowhere else', () => {
    const real = start();
    const complex = torch.ones([2], { dtype: 'complex128' });
    const text = /For complex Tensors, both grad_output and output are required to have the same dtype/;
    expect(() => real.mul(2).backward(complex)).toThrow(text);
    expect(() => torch.autograd.grad(real.mul(2), real, { gradOutputs: complex })).toThrow(text);
    const z = complex.clone().requiresGrad_();
    expect(() => z.mul(2).backward(torch.ones([2], d))).toThrow(text);
    real.mul(2).backward(torch.ones([2]));
    expect(real.grad!.tolist()).toEqual([2, 2]);
  });
});
