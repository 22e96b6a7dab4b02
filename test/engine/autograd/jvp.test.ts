// Forward mode against torch.func.jvp: known functions, forms, errors.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { func, type Tensor } from '../../../engine/index.js';

const close = (got: Tensor, want: Tensor) => expect(got.sub(want).abs().max().item()).toBeLessThan(1e-12);
const t = (values: number[]) => torch.tensor(values, { dtype: 'float64' });

describe('func.jvp', () => {
  it('gives the value and the directional derivative', () => {
    const [x, v] = [t([0.3, -1.2, 2]), t([1, 0.5, -2])];
    const [y, dy] = func.jvp((a) => a.sin().mul(a), [x], [v]);
    close(y, x.sin().mul(x));
    close(dy, x.cos().mul(x).add(x.sin()).mul(v));
    expect(y.requiresGrad || dy.requiresGrad).toBe(false);
  });

  it('takes several inputs and gives several outputs, zeros where nothing flows', () => {
    const [a, b] = [t([1, 2]), t([3, 4])];
    const [ys, dys] = func.jvp((x, y) => [x.mul(y), x.sum(), torch.ones(2)], [a, b], [t([1, 0]), t([0, 1])]);
    expect(ys.map(String)).toHaveLength(3);
    close(dys[0]!, t([3, 2]));
    close(dys[1]!, t([1]).squeeze());
    expect(dys[2]!.tolist()).toEqual([0, 0]);
  });

  it('is the same as the difference quotient of a matrix product', () => {
    torch.manualSeed(3);
    const [m, d] = [0, 1].map(() => torch.randn(4, 4, { dtype: 'float64' })) as [Tensor, Tensor];
    const f = (x: Tensor) => x.matmul(x).exp().sum(0);
    const [, dy] = func.jvp(f, [m], [d]);
    const h = 1e-6;
    const quotient = f(m.add(d.mul(h)))
      .sub(f(m.sub(d.mul(h))))
      .div(2 * h);
    expect(dy.sub(quotient).abs().max().div(dy.abs().max()).item()).toBeLessThan(1e-7);
  });

  it('runs under noGrad, leaves its inputs alone, and is also autograd.functional.jvp', () => {
    const x = t([2]);
    const [, dy] = torch.noGrad(() => torch.autograd.functional.jvp((a) => a.mul(a), [x], [t([1])]));
    expect(dy.tolist()).toEqual([4]);
    expect(x.requiresGrad).toBe(false);
    expect(torch.isGradEnabled()).toBe(true);
  });

  it('refuses what does not pair', () => {
    const x = t([1, 2]);
    expect(() => func.jvp((a) => a, [x], [])).toThrow(torch.ValueError);
    expect(() => func.jvp((a) => a, [x], [t([1])])).toThrow(/jvp: required a tangent like primal 0/);
    expect(() => func.jvp((a) => a, [x], [1 as never])).toThrow(torch.ArgumentError);
    expect(() => func.jvp(() => 3 as never, [x], [x])).toThrow(
      /jvp: required a function that returns Tensors/,
    );
  });
});
