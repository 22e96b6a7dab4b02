// Gradients through a differentiable step against PyTorch's, by the parameter and by its gradient.
import { expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import {
  decodedKwargs,
  type Json,
  optimizerClass,
  readPacked,
} from '../../../suites/conformance/optim-recordings.js';

interface Recorded {
  readonly optimizer: string;
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly result: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

const numbers = (a: number, b: number, modulus: number, scale: number, more: number): torch.Tensor =>
  torch.tensor(
    Array.from({ length: 5 }, (_, i) => (((i * a + b) % modulus) - Math.floor(modulus / 2)) / scale + more),
    { dtype: 'float64' },
  );

function close(got: torch.Tensor | null, want: readonly number[]): void {
  const values = (got === null ? want.map(() => 0) : got.tolist()) as number[];
  values.forEach((x, i) => {
    expect(Math.abs(x - want[i]!)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(want[i]!)));
  });
}

it.each(readPacked<Recorded[]>('differentiable'))('$optimizer $kwargs', (one) => {
  const Class = optimizerClass(one.optimizer);
  const warm = numbers(5, 1, 11, 4, 0).requiresGrad_();
  const grads = [0, 1, 2].map((step) => numbers(7, 13 * step + 2, 17, 8, 0.0625));
  const before = new Class([warm], decodedKwargs(one.kwargs));
  for (const grad of grads.slice(0, 2)) {
    warm.grad = grad;
    before.step();
  }
  const start = warm.detach().clone().requiresGrad_();
  const grad = grads[2]!.requiresGrad_();
  const p = start.clone();
  p.grad = grad;
  const optimizer = new Class([p], { ...decodedKwargs(one.kwargs), differentiable: true });
  const saved = before.state.get(warm) ?? {};
  const state = Object.entries(saved).map(([k, v]) => [k, (v as torch.Tensor).clone()] as const);
  optimizer.state.set(p, Object.fromEntries(state));
  optimizer.step();
  p.mul(torch.arange(1, 6)).sum().backward();
  close(p, one.result);
  close(start.grad, one.gradients[0]!);
  close(grad.grad, one.gradients[1]!);
});

type Make = (p: torch.Tensor, hyper: readonly torch.Tensor[]) => torch.optim.Optimizer;
const { SGD, Adam, AdamW } = torch.optim;
const differentiable = true;
// Values of PyTorch with float64 as the default dtype.
it.each<[string, Make, number[], number[]]>([
  ['lr of SGD', (p, [lr]) => new SGD([p], { lr: lr!, differentiable }), [0.1], [-8.664]],
  ['lr of Adam', (p, [lr]) => new Adam([p], { lr: lr!, differentiable }), [0.1], [-16.67344424273743]],
  [
    'lr and betas of Adam',
    (p, [lr, first, second]) => new Adam([p], { lr: lr!, betas: [first!, second!], differentiable }),
    [0.1, 0.9, 0.99],
    [-16.661065499189256, 0.2669875397601409, -0.1951276519539249],
  ],
  [
    'lr and weight decay of AdamW',
    (p, [lr, weightDecay]) => new AdamW([p], { lr: lr!, weightDecay: weightDecay!, differentiable }),
    [0.1, 0.2],
    [-19.961320793192847, -2.3863606383300153],
  ],
])('gradients by hyperparameters: %s', (_, make, values, want) => {
  torch.setDefaultDtype('float64');
  try {
    const hyper = values.map((value) => torch.tensor(value, { requiresGrad: true }));
    const p = torch.tensor([0.5, -1.25, 2], { requiresGrad: true }).clone();
    const optimizer = make(p, hyper);
    for (let i = 0; i < 3; i++) {
      p.grad = torch.tensor([0.3 + i, -0.7, 0.2 * i + 0.1]);
      optimizer.step();
    }
    p.square().sum().backward();
    hyper.forEach((h, i) => {
      expect(h.grad!.item()).toBeCloseTo(want[i]!, 11);
    });
  } finally {
    torch.setDefaultDtype('float32');
  }
});
