// Derivatives where formulas end: left half planes, degrees of freedom that are used up, probabilities of 0 and 1, losses at their
// target. The values are PyTorch's.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { Complex, type Tensor } from '../../../engine/index.js';

const F = torch.nn.functional;
const leaf = (data: readonly number[]): Tensor =>
  torch.tensor([...data], { dtype: 'float64', requiresGrad: true });
const constant = (data: readonly number[]): Tensor => torch.tensor([...data], { dtype: 'float64' });

/** The gradient of a sum, and that of the gradient's sum weighed by 1, 2, 3, … */
function twice(f: (x: Tensor) => Tensor, data: readonly number[]): [number[], number[] | null] {
  const x = leaf(data);
  const [g] = torch.autograd.grad(f(x).sum(), x, { createGraph: true });
  if (!g!.requiresGrad) return [g!.tolist() as number[], null];
  const weights = constant(data.map((_, i) => i + 1));
  const [second] = torch.autograd.grad(g!.mul(weights).sum(), x);
  return [g!.tolist() as number[], second!.tolist() as number[]];
}

describe('acosh of complex numbers', () => {
  it('has the derivative of its own branch in all quadrants', () => {
    const points = [
      [-1.5, 1],
      [-1.5, -1],
      [1.5, 1],
      [1.5, -1],
      [-0.5, 0.25],
    ] as const;
    const z = torch.tensor(
      points.map(([re, im]) => new Complex(re, im)),
      { dtype: 'complex128', requiresGrad: true },
    );
    const ones = torch.ones([5], { dtype: 'complex128' });
    const [g] = torch.autograd.grad(z.acosh(), z, { gradOutputs: ones });
    const half = 0.5e-6;
    const slope = z
      .detach()
      .add(half)
      .acosh()
      .sub(z.detach().sub(half).acosh())
      .div(2 * half);
    const off = g!.sub(slope.conj()).abs().max().item() as number;
    expect(off).toBeLessThan(1e-8);
    const first = g!.select(0, 0).item() as Complex;
    expect([first.re, first.im].map((v) => v.toFixed(4))).toEqual(['-0.4241', '0.3903']);
  });
});

describe('var and std without degrees of freedom', () => {
  const data = [1, 2, 4.5];
  it('follow the formula along dims', () => {
    expect(twice((x) => x.var(0, { correction: 5 }), data)).toEqual([
      [1.5, 0.5, -2],
      [1, 0, -1],
    ]);
    expect(twice((x) => torch.varMean(x, 0, { correction: 5 })[0], data)[0]).toEqual([1.5, 0.5, -2]);
    expect(twice((x) => x.var(0, { correction: 3 }), data)[0]).toEqual([-Infinity, -Infinity, Infinity]);
    expect(twice((x) => x.std(0, { correction: 5 }), data)[0].map(Math.abs)).toEqual([0, 0, 0]);
  });
  it('are infinite, or NaN at the mean, over all dims', () => {
    expect(twice((x) => x.var(null, { correction: 5 }), data)).toEqual([
      [Infinity, Infinity, Infinity],
      null,
    ]);
    expect(twice((x) => x.var(null, { correction: 3 }), [1, 2, 3])[0]).toEqual([
      Infinity,
      Number.NaN,
      Infinity,
    ]);
  });
});

describe('losses', () => {
  it('binaryCrossEntropy has second derivatives at 0 and 1', () => {
    const target = constant([0, 1, 0.5]);
    const loss = (x: Tensor): Tensor => F.binaryCrossEntropy(x, target, { reduction: 'sum' });
    expect(twice(loss, [0, 1, 0.5])).toEqual([
      [0, 0, 0],
      [0, 0, expect.closeTo(12, 8)],
    ]);
    const wrong = (x: Tensor): Tensor => F.binaryCrossEntropy(x, constant([1]), { reduction: 'sum' });
    expect(twice(wrong, [0])[1]![0]).toBeCloseTo(1e24, -14);
  });
  it('smoothL1Loss and huberLoss are parabolas at their target', () => {
    for (const loss of [F.smoothL1Loss, F.huberLoss])
      expect(twice((x) => loss(x, constant([1, 1, 1]), { reduction: 'sum' }), [1, 1.5, 3])).toEqual([
        [0, 0.5, 1],
        [1, 2, 0],
      ]);
  });
});
