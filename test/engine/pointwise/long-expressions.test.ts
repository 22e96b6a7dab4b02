// Expressions longer than a program: they are cut into pieces, with the values and gradients of the ops one by one.
import { expect, test } from 'vitest';
import * as torch from '../../../engine/index.js';

const { scalar } = torch;
type Expr = ReturnType<typeof scalar>;
type Step = {
  onExpr: (y: Expr, x: Expr) => Expr;
  onTensor: (y: torch.Tensor, x: torch.Tensor) => torch.Tensor;
};

const steps: Record<string, Step> = {
  'a line of sums and products': {
    onExpr: (y) => y.mul(0.999).add(0.001),
    onTensor: (y) => y.mul(0.999).add(0.001),
  },
  sines: { onExpr: (y) => scalar('sin', y), onTensor: (y) => y.sin() },
  'a value used twice, again and again': {
    onExpr: (y) => y.mul(y).mul(0.5).add(0.25),
    onTensor: (y) => y.mul(y).mul(0.5).add(0.25),
  },
  'another operand at every step': {
    onExpr: (y, x) => y.mul(x).add(0.125),
    onTensor: (y, x) => y.mul(x).add(0.125),
  },
};

const inputs = (dtype: 'float64' | 'float32' | 'complex128'): torch.Tensor =>
  torch.linspace(-0.7, 0.8, 6, { dtype: 'float64' }).reshape([2, 3]).t().to(dtype).detach();

test.each(Object.keys(steps))('%s', (name) => {
  const { onExpr, onTensor } = steps[name]!;
  for (const dtype of ['float64', 'float32', 'complex128'] as const) {
    const x = inputs(dtype).requiresGrad_();
    const z = inputs(dtype).requiresGrad_();
    const count = dtype === 'complex128' ? 600 : 2000;
    const long = torch.fuse((e: Expr) => {
      let y = e;
      for (let i = 0; i < count; i++) y = onExpr(y, e);
      return y;
    });
    let want = z;
    for (let i = 0; i < count; i++) want = onTensor(want, z);
    const got = long(x);
    expect(got.dtype).toBe(want.dtype);
    const near = (a: torch.Tensor, b: torch.Tensor): boolean =>
      torch.allclose(a, b, dtype === 'float32' ? 1e-4 : 1e-9, dtype === 'float32' ? 1e-6 : 1e-12);
    expect(near(got, want), dtype).toBe(true);
    got.abs().sum().backward();
    want.abs().sum().backward();
    expect(near(x.grad!, z.grad!), `gradient in ${dtype}`).toBe(true);
  }
});

test('broadcasting, half precision, numbers alone', () => {
  const sum = torch.fuse((a: Expr, b: Expr) => {
    let y = a;
    for (let i = 0; i < 2000; i++) y = y.add(b);
    return y;
  });
  const a = torch.tensor([[1], [2]], { dtype: 'float64' });
  expect(sum(a, torch.tensor([3, 4], { dtype: 'float64' })).tolist()).toEqual([
    [6001, 8001],
    [6002, 8002],
  ]);
  // Computed in float32 and rounded once: a sum in float16 would stay where a step is less than half a unit.
  expect(sum(a.to('float16'), torch.full([1], 0.5).to('float16')).tolist()).toEqual([[1001], [1002]]);
  const numbers = torch.fuse((x: Expr) => {
    let y = scalar('abs', 1);
    for (let i = 0; i < 2000; i++) y = y.add(1);
    return x.mul(y);
  });
  expect(numbers(torch.tensor([2, 3], { dtype: 'float64' })).tolist()).toEqual([4002, 6003]);
});

test('mvlgamma of any dimension', () => {
  expect(torch.mvlgamma(torch.tensor([5e8]), 2000).toString()).toBe('tensor([1.9030e+13])');
  const x = torch.tensor([5e8, 2000.25], { dtype: 'float64', requiresGrad: true });
  const y = torch.mvlgamma(x, 2000);
  // PyTorch 2.13.
  expect(y.tolist()).toEqual(
    [19030099762248.812, 20141849.884956248].map((v) => expect.closeTo(v, -Math.log10(Math.abs(v) * 1e-13))),
  );
  y.sum().backward();
  expect(x.grad!.tolist()).toEqual([40060.2353117716, 14588.099332287386].map((v) => expect.closeTo(v, 7)));
  const target = x.detach().clone();
  target.mvlgamma_(2000);
  expect(target.tolist()).toEqual(y.tolist());
});
