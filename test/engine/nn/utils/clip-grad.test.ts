// Gradient clipping against values that PyTorch computed.
import { expect, it } from 'vitest';
import * as torch from '../../../../engine/index.js';
import {
  clipGradNorm_,
  clipGradsWithNorm_,
  clipGradValue_,
  getTotalNorm,
} from '../../../../engine/nn/utils/clip-grad.js';

function parameters(first = 3): torch.Tensor[] {
  const make = (values: number[] | number[][]): torch.Tensor => {
    const grad = torch.tensor(values, { dtype: 'float64' });
    const p = torch.zerosLike(grad).requiresGrad_();
    p.grad = grad;
    return p;
  };
  const without = torch.zeros([2], { requiresGrad: true });
  return [
    make([first, -4, 12]),
    without,
    make([
      [1, 2],
      [-2, 4],
    ]),
  ];
}
const numbers = (params: readonly torch.Tensor[]): number[] =>
  params.flatMap((p) => (p.grad === null ? [] : ([p.grad.tolist()].flat(3) as number[])));

it.each([
  [2, 13.92838827718412, [0.5384685803035125, -0.7179581070713501, 2.15387432121405, 0.17948952676783753]],
  [1, 28, [0.2678571332908167, -0.35714284438775556, 1.0714285331632667, 0.08928571109693889]],
  [Infinity, 12, [0.624999947916671, -0.8333332638888947, 2.499999791666684, 0.20833331597222368]],
  [3, 12.385623296301704, [0.6055407317852738, -0.8073876423803651, 2.422162927141095, 0.20184691059509127]],
])('clipGradNorm_ with p = %d', (normType, total, first) => {
  const params = parameters();
  expect(clipGradNorm_(params, 2.5, { normType }).item()).toBeCloseTo(total, 13);
  numbers(params)
    .slice(0, 4)
    .forEach((x, i) => {
      expect(x).toBeCloseTo(first[i]!, 14);
    });
});

it('leaves small gradients alone, and takes one tensor and generators', () => {
  const params = parameters();
  const before = numbers(params);
  clipGradNorm_(params.values(), 100);
  expect(numbers(params)).toEqual(before);
  expect(clipGradNorm_(params[0]!, 100).item()).toBe(13);
  expect(getTotalNorm([]).item()).toBe(0);
});

it('scales by a norm that is known', () => {
  const params = parameters();
  clipGradsWithNorm_(params, 1, torch.tensor(4, { dtype: 'float64' }));
  expect(numbers(params)[2]).toBeCloseTo(12 / (4 + 1e-6), 12);
});

it('a norm that is not finite is an error on request, and changes nothing', () => {
  const params = parameters(Infinity);
  expect(() => clipGradNorm_(params, 1, { errorIfNonfinite: true })).toThrow(
    'The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`',
  );
  expect(numbers(params)[2]).toBe(12);
  expect(clipGradNorm_(params, 1).item()).toBe(Infinity);
});

it('clipGradValue_ clamps', () => {
  const params = parameters();
  clipGradValue_(params, 3);
  expect(numbers(params)).toEqual([3, -3, 3, 1, 2, -2, 3]);
  expect(() => clipGradValue_(params, 3, { each: true } as object)).toThrow(/each/);
});
