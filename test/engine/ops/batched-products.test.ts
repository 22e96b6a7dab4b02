// Products whose one operand is the same for a whole batch: one product of all rows, with the gradients of one for each matrix.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const f64 = { dtype: 'float64' } as const;
const leaf = (...shape: number[]): torch.Tensor => torch.randn(shape, f64).requiresGrad_();
const near = (a: torch.Tensor | null, b: torch.Tensor | null, what: string): void => {
  expect(a!.shape, what).toEqual(b!.shape);
  expect(torch.allclose(a!, b!, { rtol: 1e-12, atol: 1e-12 }), what).toBe(true);
};
const same = (got: (torch.Tensor | null)[], want: (torch.Tensor | null)[], what: string): void => {
  for (const [i, one] of got.entries()) near(one, want[i]!, `${what} ${i}`);
};
/** The value, the gradients and the gradients of a mixture of the gradients. */
function derivatives(
  inputs: torch.Tensor[],
  run: (...x: torch.Tensor[]) => torch.Tensor,
): (torch.Tensor | null)[] {
  const out = run(...inputs);
  const weights = torch
    .arange(out.numel(), f64)
    .sin()
    .view(...out.shape);
  const first = torch.autograd.grad([out.mul(out)], inputs, { gradOutputs: [weights], createGraph: true });
  const mixed = first.map((g) => g!.sin().sum()).reduce((a, b) => a.add(b));
  return [out, ...first, ...torch.autograd.grad([mixed], inputs)];
}
/** One product for each matrix of the batch, stacked. */
function oneByOne(a: torch.Tensor, b: torch.Tensor): torch.Tensor {
  const batch = torch.broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const rows = (x: torch.Tensor) =>
    x.expand([...batch, ...x.shape.slice(-2)]).reshape(-1, ...x.shape.slice(-2));
  const [left, right] = [rows(a), rows(b)];
  const found = Array.from({ length: left.shape[0]! }, (_, i) => left.at(i).mm(right.at(i)));
  return torch.stack(found).reshape([...batch, a.shape.at(-2)!, b.shape.at(-1)!]);
}

describe('matmul', () => {
  it.each([
    [
      [5, 7, 3],
      [3, 4],
    ],
    [
      [2, 3, 7, 3],
      [3, 4],
    ],
    [
      [2, 3, 7, 3],
      [1, 1, 3, 4],
    ],
    [
      [5, 1, 3],
      [3, 4],
    ],
    [
      [4, 3],
      [6, 3, 5],
    ],
    [
      [17, 13],
      [3, 13, 2],
    ],
    [
      [1, 4, 3],
      [2, 6, 3, 5],
    ],
    [
      [6, 1, 4, 3],
      [1, 5, 3, 2],
    ],
    [
      [1, 7, 3],
      [3, 4],
    ],
  ])('%j by %j', (p, q) => {
    const inputs = [leaf(...p), leaf(...q)];
    const want = derivatives(inputs, oneByOne);
    same(
      derivatives(inputs, (a, b) => a.matmul(b)),
      want,
      'plain',
    );
    // Out of other layouts.
    const turned = (x: torch.Tensor) => x.transpose(-1, -2).contiguous().transpose(-1, -2);
    same(
      derivatives(inputs, (a, b) => turned(a).matmul(turned(b))),
      want,
      'turned',
    );
    const swapped = (x: torch.Tensor) => (x.ndim < 3 ? x : x.transpose(0, 1).contiguous().transpose(0, 1));
    same(
      derivatives(inputs, (a, b) => swapped(a).matmul(swapped(b))),
      want,
      'swapped',
    );
  });
});

describe('linear', () => {
  const { linear } = torch.nn.functional;
  it.each([[[6, 3]], [[3]], [[2, 7, 3]], [[2, 3, 5, 3]], [[0, 3]], [[2, 0, 3]], [[1, 1, 3]]])(
    'of %j',
    (shape) => {
      const inputs = [leaf(...shape), leaf(4, 3), leaf(4)];
      const want = derivatives(inputs, (x, w, b) => x.matmul(w.t()).add(b));
      same(
        derivatives(inputs, (x, w, b) => linear(x, w, b)),
        want,
        'plain',
      );
      same(
        derivatives(inputs, (x, w, b) => linear(x, w.t().contiguous().t(), b.expand(2, 4).at(1))),
        want,
        'strided',
      );
    },
  );
  it('takes every dtype, a bias of one number, and no columns', () => {
    for (const dtype of ['float32', 'float16', 'bfloat16', 'complex64', 'int32', 'int64'] as const) {
      const [x, w, b] = [torch.arange(12).view(2, 2, 3), torch.arange(6).view(2, 3), torch.tensor([1, 2])];
      const found = linear(x.to(dtype), w.to(dtype), b.to(dtype));
      expect(found.dtype.name).toBe(dtype);
      expect(found.equal(x.matmul(w.t()).add(b).to(dtype)), dtype).toBe(true);
    }
    expect(linear(torch.ones([2, 3]), torch.ones([4, 3]), torch.tensor(2.5)).tolist<number[][]>()[1]).toEqual(
      [5.5, 5.5, 5.5, 5.5],
    );
    expect(linear(torch.ones([2, 0]), torch.ones([2, 0]), torch.tensor([1.5, 2])).tolist()).toEqual([
      [1.5, 2],
      [1.5, 2],
    ]); // prettier-ignore
  });
  it('keeps what only one of its operands needs', () => {
    for (const which of [0, 1, 2]) {
      const inputs = [torch.randn([2, 5, 3]), torch.randn([4, 3]), torch.randn([4])];
      inputs[which]!.requiresGrad_();
      const y = linear(inputs[0]!, inputs[1]!, inputs[2]!);
      // What is not needed for this gradient may change before it is taken.
      if (which === 0) inputs[0]!.detach().zero_();
      if (which === 1) inputs[1]!.detach().zero_();
      inputs[2]!.detach().zero_();
      expect(() => y.sum().backward(), String(which)).not.toThrow();
      expect(inputs[which]!.grad!.shape).toEqual(inputs[which]!.shape);
    }
    expect(
      String(linear(torch.ones([1, 2]), torch.ones([2, 2]).requiresGrad_(), torch.ones([2])).gradFn),
    ).toBe('<AddmmBackward0>');
  });
});
