// Custom functions: results that are views, gradients that backward gets and returns. Values and errors are PyTorch's.
import { describe, expect, it } from 'vitest';
import type { FunctionContext, Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

const d = { dtype: 'float64' } as const;
const start = (): Tensor => torch.tensor([1.5, -0.5], { ...d, requiresGrad: true });
const doubled = (_: FunctionContext, x: Tensor): Tensor => x.mul(2);

describe('a result that is a view', () => {
  const views: Record<string, (x: Tensor) => Tensor> = {
    'of an input': (x) => x.view(2, 1),
    'that is an input': (x) => x,
    'of something else': (x) => x.mul(2).view(2, 1),
  };
  for (const [name, view] of Object.entries(views)) {
    const f = torch.defineFunction({
      name: 'F',
      forward: (_, x: Tensor) => view(x),
      backward: (_, g) => g!.view(2).mul(7),
    });
    it(`${name} has the function's gradient`, () => {
      const x = start();
      const y = f(x.mul(1));
      expect(y.isView()).toBe(true);
      y.sum().backward();
      expect(x.grad!.tolist()).toEqual([7, 7]);
    });
    it(`${name} may not be changed in-place`, () => {
      const y = f(start().mul(1));
      const text =
        /Output 0 of F is a view and is being modified inplace. This view was created inside a custom Function/;
      expect(() => y.mul_(2)).toThrow(text);
      expect(() => y.unsqueeze_(0)).toThrow(text);
      expect(() => y.view(-1).mul_(2)).toThrow(
        /Output 0 of View is a view and is being modified inplace. This view was/,
      );
    });
  }
  it('is lost when its base is changed', () => {
    const f = torch.defineFunction({
      name: 'F',
      forward: (_, x: Tensor) => x.view(2, 1),
      backward: (_, g) => g,
    });
    const a = start().mul(1);
    const y = f(a);
    a.mul_(2);
    expect(() => y.mul(1)).toThrow(
      /Output 0 of F is a view and its base or another view of its base has been/,
    );
  });
  it('and one of several', () => {
    const f = torch.defineFunction({
      name: 'F',
      forward: (_, x: Tensor) => [x.narrow(0, 0, 1), x.narrow(0, 1, 1)] as const,
      backward: (_, g, h) => torch.cat([g!, h!]),
    });
    const [y] = f(start().mul(1));
    expect(() => y.mul_(2)).toThrow(/Output 0 of F is a view .* returns multiple views/);
  });
});

describe('the gradients that backward gets', () => {
  const seen: unknown[] = [];
  const three = (materialize?: boolean) =>
    torch.defineFunction({
      forward: (context, x: Tensor) => {
        if (materialize !== undefined) context.setMaterializeGrads(materialize);
        return [x.gt(0), x.mul(2), x.mul(3)] as const;
      },
      backward: (_, ...grads) => {
        seen.push(grads.map((g) => (g === null ? null : [g.dtype.name, g.tolist()])));
        return grads[1] ?? null;
      },
    });
  it('are zeros for results that nobody used, whatever their dtype', () => {
    const x = start();
    const [flag, y] = three()(x);
    expect(flag.requiresGrad).toBe(false);
    y.sum().backward();
    const expected = [
      ['bool', [false, false]],
      ['float64', [1, 1]],
      ['float64', [0, 0]],
    ];
    expect(seen.pop()).toEqual(expected);
    expect(x.grad!.tolist()).toEqual([1, 1]);
  });
  it('are null for them on request', () => {
    three(false)(start())[2].sum().backward();
    expect(seen.pop()).toEqual([null, null, ['float64', [1, 1]]]);
  });
});

describe('the gradients that backward returns', () => {
  const through = (value: (g: Tensor) => unknown, ...rest: unknown[]) => {
    const f = torch.defineFunction({
      name: 'F',
      forward: (c: FunctionContext, x: Tensor, ..._more: unknown[]) => doubled(c, x),
      backward: (_, g) => value(g!) as Tensor,
    });
    return (): unknown => {
      const x = start();
      f(x, ...rest)
        .sum()
        .backward();
      return x.grad === null ? null : x.grad.tolist();
    };
  };
  it('are none where it returns nothing', () => {
    expect([through(() => undefined)(), through(() => null)(), through(() => [undefined])()]).toEqual([
      null,
      null,
      null,
    ]);
    expect(through((g) => [g, undefined], 2)()).toEqual([1, 1]);
    expect(through((g) => [g, null, null])()).toEqual([1, 1]);
  });
  it('are cast and summed to the argument', () => {
    expect(through((g) => g.float())()).toEqual([1, 1]);
    expect(through(() => torch.ones([3, 2], d))()).toEqual([3, 3]);
  });
  it('are Tensors that fit the arguments', () => {
    for (const wrong of [5, 'no', {}, true]) {
      expect(through(() => wrong)).toThrow(torch.RuntimeError);
      expect(through(() => wrong)).toThrow(/expected Variable or None \(got/);
    }
    expect(through((g) => [g, g])).toThrow(/incorrect number of gradients \(expected 1, got 2\)/);
    expect(through(() => undefined, start(), 3)).toThrow(
      /incorrect number of gradients \(expected 3, got 1\)/,
    );
    expect(through((g) => [g, g], 2)).toThrow(
      /a gradient different than None at position 2, but the corresponding/,
    );
    expect(through(() => torch.ones([3], d))).toThrow(
      /Function FBackward returned an invalid gradient at index 0 - got \[3\] but expected shape compatible with \[2\]/,
    );
    expect(through(() => torch.ones([2], { ...d, device: 'meta' }))).toThrow(
      /expected device cpu but got meta/,
    );
    expect(through(() => torch.ones([2], { dtype: 'complex128' }))).toThrow(torch.RuntimeError);
  });
});
