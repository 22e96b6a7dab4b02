// Autograd against PyTorch's behaviour: accumulation, errors, in-place changes, views, hooks, gradients of gradients.
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const leaf = (data: number[] | number[][], dtype: torch.DTypeLike = 'float64'): Tensor =>
  torch.tensor(data, { dtype, requiresGrad: true });

describe('backward', () => {
  it('follows the notebook: d sum((x+5)^2+1) = 2(x+5)', () => {
    const x = torch.ones(3, 2, { requiresGrad: true });
    const y = x.add(5);
    const z = y.mul(y).add(1);
    z.sum().backward();
    expect(x.grad!.tolist()).toEqual([
      [12, 12],
      [12, 12],
      [12, 12],
    ]);
    expect(String(y.gradFn)).toBe('<AddBackward0>');
  });
  it('accumulates over calls, and each leaf owns its gradient', () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    a.add(b).sum().backward();
    a.add(b).sum().backward();
    expect(a.grad!.tolist()).toEqual([2, 2]);
    torch.noGrad(() => a.grad!.zero_());
    expect(b.grad!.tolist()).toEqual([2, 2]);
  });
  it('does not share a gradient between two leaves after one backward', () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    a.add(b)
      .mul(torch.tensor([2, 3], { dtype: 'float64' }))
      .sum()
      .backward();
    a.grad!.zero_();
    expect(b.grad!.tolist()).toEqual([2, 3]);
  });
  it('does not keep the gradient that the caller passed', () => {
    const a = leaf([1, 2]);
    const g = torch.tensor([1, 1], { dtype: 'float64' });
    a.clone().backward(g);
    a.grad!.zero_();
    expect(g.tolist()).toEqual([1, 1]);
  });
  it('sums over broadcast dims', () => {
    const w = leaf([2]);
    const x = torch.tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: 'float64' },
    );
    w.mul(x).sum().backward();
    expect(w.grad!.tolist()).toEqual([21]);
  });
  it('takes a vector-Jacobian product', () => {
    const x = leaf([1, 2, 3]);
    x.mul(x).backward(torch.tensor([1, 10, 100], { dtype: 'float64' }));
    expect(x.grad!.tolist()).toEqual([2, 40, 600]);
  });
  it('gives gradients of gradients', () => {
    const x = leaf([2, 3]);
    const y = x.mul(x).mul(x).sum();
    const [g] = torch.autograd.grad(y, x, { createGraph: true });
    const [gg] = torch.autograd.grad(g!.sum(), x, { createGraph: true });
    const [ggg] = torch.autograd.grad(gg!.sum(), x);
    expect([g!.tolist(), gg!.tolist(), ggg!.tolist()]).toEqual([
      [12, 27],
      [12, 18],
      [6, 6],
    ]);
    expect(x.grad).toBeNull();
  });
  it('walks a chain of 100,000 nodes', () => {
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = y.add(1);
    y.sum().backward();
    expect(x.grad!.item()).toBe(1);
  });
});

describe('errors', () => {
  const x = (): Tensor => leaf([1, 2, 3]);
  it('refuses a non-scalar without a gradient', () => {
    expect(() => x().mul(2).backward()).toThrow(/grad can be implicitly created only for scalar outputs/);
  });
  it('refuses a gradient of another shape', () => {
    expect(() => x().mul(2).backward(torch.ones(2))).toThrow(/Mismatch in shape/);
  });
  it('refuses a second backward', () => {
    const y = x().exp().sum();
    y.backward();
    expect(() => y.backward()).toThrow(/Trying to backward through the graph a second time/);
  });
  it('allows it with retainGraph', () => {
    const a = x();
    const y = a.mul(a).sum();
    y.backward(null, { retainGraph: true });
    y.backward();
    expect(a.grad!.tolist()).toEqual([4, 8, 12]);
  });
  it('refuses a saved tensor that was changed in-place', () => {
    const a = x();
    const b = a.mul(1);
    const y = b.mul(b);
    b.add_(1);
    expect(() => y.sum().backward()).toThrow(
      /modified by an inplace operation: \[torch.DoubleTensor \[3\]\], which is output 0 of AddBackward0, is at version 1; expected version 0/,
    );
  });
  it('refuses an in-place change of a leaf, and of its views', () => {
    const a = x();
    expect(() => a.add_(1)).toThrow(
      /a leaf Variable that requires grad is being used in an in-place operation/,
    );
    expect(() => a.view(3, 1).add_(1)).toThrow(/a view of a leaf Variable/);
    expect(a.tolist()).toEqual([1, 2, 3]);
  });
  it('refuses requiresGrad on integers and backward on constants', () => {
    expect(() => torch.tensor([1, 2], { requiresGrad: true })).toThrow(/floating point/);
    expect(() => torch.ones(1).backward()).toThrow(/does not require grad/);
  });
  it('names unused inputs of autograd.grad', () => {
    const [a, b] = [x(), x()];
    expect(() => torch.autograd.grad(a.sum(), b)).toThrow(/not have been used in the graph/);
    expect(torch.autograd.grad(a.sum(), b, { allowUnused: true })).toEqual([null]);
  });
});

describe('in-place and views', () => {
  it('records an in-place change', () => {
    const a = leaf([1, 2]);
    const b = a.mul(1);
    b.mul_(3);
    expect(String(b.gradFn)).toBe('<MulBackward0>');
    b.sum().backward();
    expect(a.grad!.tolist()).toEqual([3, 3]);
  });
  it('keeps the value that its own gradient needs', () => {
    const a = leaf([2, 3]);
    const b = a.mul(1);
    b.mul_(b.detach().add(leaf([1, 1])));
    b.sum().backward();
    expect(a.grad!.tolist()).toEqual([3, 4]);
  });
  it('carries a change of a view into its base', () => {
    const a = leaf([1, 2, 3, 4]);
    const b = a.mul(1);
    const v = b.view(2, 2);
    v.select(0, 1).mul_(10);
    expect(String(b.gradFn)).toBe('<CopySlices>');
    b.sum().backward();
    expect(a.grad!.tolist()).toEqual([1, 1, 10, 10]);
  });
  it('carries a change of the base into its views', () => {
    const a = leaf([1, 2, 3, 4]);
    const b = a.mul(1);
    const v = b.view(2, 2);
    b.mul_(5);
    v.sum().backward();
    expect(a.grad!.tolist()).toEqual([5, 5, 5, 5]);
  });
  it('lets a gradient flow into a part that was written', () => {
    const w = leaf([5]);
    const x = torch.zeros(3, { dtype: 'float64' });
    x.narrow(0, 1, 1).copy_(w);
    expect(x.requiresGrad).toBe(true);
    x.mul(torch.tensor([1, 7, 1], { dtype: 'float64' }))
      .sum()
      .backward();
    expect(w.grad!.tolist()).toEqual([7]);
  });
  it('passes no gradient to what was overwritten', () => {
    const a = leaf([1, 2, 3]);
    const b = a.mul(2);
    b.narrow(0, 0, 2).zero_();
    b.sum().backward();
    expect(a.grad!.tolist()).toEqual([0, 0, 2]);
  });
  it('updates parameters under noGrad without recording', () => {
    const w = leaf([1, 2]);
    w.mul(w).sum().backward();
    torch.noGrad(() => w.sub_(w.grad!.mul(0.5)));
    expect([w.tolist(), w.isLeaf, w.requiresGrad]).toEqual([[0, 0], true, true]);
  });
});

describe('hooks and custom functions', () => {
  it('runs hooks, which may replace the gradient', () => {
    const a = leaf([1, 2]);
    const seen: unknown[] = [];
    const b = a.mul(3);
    b.registerHook((g) => {
      seen.push(g.tolist());
      return g.mul(10);
    });
    const handle = a.registerHook((g) => void seen.push(g.tolist()));
    b.sum().backward();
    expect([seen, a.grad!.tolist()]).toEqual([
      [
        [1, 1],
        [30, 30],
      ],
      [30, 30],
    ]);
    handle.remove();
    a.sum().backward();
    expect(seen.length).toBe(2);
  });
  it('lets a hook walk the same graph again', () => {
    const a = leaf([1, 2]);
    const b = a.mul(a);
    const c = b.mul(3);
    const inner: unknown[] = [];
    const total = c.sum();
    let asked = false;
    b.registerHook(() => {
      if (asked) return undefined;
      asked = true;
      const [g] = torch.autograd.grad(total, a, { retainGraph: true });
      inner.push(g!.tolist());
      return undefined;
    });
    c.add(b).sum().backward(null, { retainGraph: true });
    expect(inner[0]).toEqual([6, 12]);
    expect(a.grad!.tolist()).toEqual([8, 16]);
  });
  it('retains the gradient of a non-leaf', () => {
    const a = leaf([1, 2]);
    const b = a.mul(3);
    b.retainGrad();
    b.mul(b).sum().backward();
    expect(b.grad!.tolist()).toEqual([6, 12]);
  });
  it('takes a custom function', () => {
    const cube = torch.defineFunction({
      name: 'Cube',
      forward: (context, x: Tensor) => {
        context.saveForBackward(x);
        return x.mul(x).mul(x);
      },
      backward: (context, g) => {
        const [x] = context.savedTensors;
        return g!.mul(x!).mul(x!).mul(3);
      },
    });
    const a = leaf([2]);
    const y = cube(a);
    expect(String(y.gradFn)).toBe('<CubeBackward>');
    y.backward();
    expect(a.grad!.item()).toBe(12);
  });
  it('noGrad and enableGrad nest, also through errors', () => {
    const a = leaf([1]);
    torch.noGrad(() => {
      expect(a.mul(2).requiresGrad).toBe(false);
      torch.enableGrad(() => expect(a.mul(2).requiresGrad).toBe(true));
      expect(torch.isGradEnabled()).toBe(false);
    });
    expect(() =>
      torch.noGrad(() => {
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(torch.isGradEnabled()).toBe(true);
  });
});
