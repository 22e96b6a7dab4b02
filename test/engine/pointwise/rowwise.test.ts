// Fused row reductions: softmax, log-softmax and layer norm against plain arithmetic in every layout, fused gradients
// against composed ones, special values, the same bits for any number of threads.
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

beforeEach(() => {
  torch.manualSeed(1);
});

const { layerNorm } = torch.nn.functional;
const threads = addon.getThreads();
afterAll(() => addon.setThreads(threads));

type Layout = (x: Tensor) => Tensor;
const layouts: Record<string, Layout> = {
  contiguous: (x) => x,
  transposed: (x) => x.transpose(0, -1).contiguous().transpose(0, -1),
  strided: (x) => torch.stack([x, x.mul(0).add(9)], -1).at('...', 0),
  reversed: (x) => x.flip([-1]).contiguous().flip([-1]),
};
const shapes: number[][] = [
  [3, 5],
  [1, 1],
  [7, 1],
  [40, 70],
  [1030, 3],
  [3, 1030],
  [5, 33, 17],
  [300, 6],
];

const values = (x: Tensor): number[] => x.contiguous().reshape([-1]).tolist() as number[];
/** Rows along the last dim as lists of numbers. */
const rowsOf = (x: Tensor, dim: number): number[][] =>
  x
    .movedim(dim, -1)
    .contiguous()
    .reshape([-1, x.shape.at(dim)!])
    .tolist() as number[][];

function expectClose(actual: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  let worst = 0;
  actual.forEach((a, i) => {
    const off = Math.abs(a - wanted[i]!) / Math.max(1, Math.abs(wanted[i]!));
    if (!(off <= worst)) worst = off;
  });
  expect(worst).toBeLessThan(tolerance);
}

function softmaxOf(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const e = row.map((v) => Math.exp(v - top));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / total);
}
function normOf(row: readonly number[], eps: number): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((v) => (v - mean) / Math.sqrt(variance + eps));
}

for (const dtype of ['float32', 'float64'] as const) {
  const tolerance = dtype === 'float32' ? 2e-5 : 1e-13;
  describe.each(Object.keys(layouts))(`${dtype}, %s`, (name) => {
    it.each(shapes)('of %s, %s', (...shape) => {
      torch.manualSeed(3);
      const x = layouts[name]!(torch.randn(shape, { dtype }).mul(3));
      for (let dim = 0; dim < shape.length; dim++) {
        const wanted = rowsOf(x, dim).flatMap(softmaxOf);
        expectClose(rowsOf(x.softmax(dim), dim).flat(), wanted, tolerance);
        expectClose(rowsOf(x.logSoftmax(dim).exp(), dim).flat(), wanted, tolerance);
      }
      const w = torch.randn([shape.at(-1)!], { dtype });
      const wanted = rowsOf(x, -1).flatMap((r) => normOf(r, 1e-3));
      expectClose(values(layerNorm(x, [shape.at(-1)!], null, null, 1e-3)), wanted, tolerance);
      const scaled = torch.tensor(wanted, { dtype }).reshape(shape).mul(w).add(w);
      expectClose(values(layerNorm(x, [shape.at(-1)!], w, w, 1e-3)), values(scaled), tolerance);
    });
  });
}

describe('gradients', () => {
  const agree = (f: (x: Tensor, w: Tensor) => Tensor, shape: readonly number[]): void => {
    torch.manualSeed(5);
    const x = torch.randn(shape, { dtype: 'float64' }).requiresGrad_();
    const w = torch.randn([shape.at(-1)!], { dtype: 'float64' }).requiresGrad_();
    const g = torch
      .randn([...shape].reverse(), { dtype: 'float64' })
      .permute(shape.map((_, d) => shape.length - 1 - d));
    const options = { gradOutputs: g, allowUnused: true };
    const fused = torch.autograd.grad(f(x, w), [x, w], options);
    const composed = torch.autograd.grad(f(x, w), [x, w], { ...options, createGraph: true });
    fused.forEach((grad, i) => {
      if (grad === null) expect(composed[i]).toBeNull();
      else expectClose(values(grad), values(composed[i]!), 1e-12);
    });
  };
  it.each(shapes)('fused as composed: %s, %s', (...shape) => {
    for (let dim = 0; dim < shape.length; dim++) {
      agree((x) => x.softmax(dim), shape);
      agree((x) => x.logSoftmax(dim), shape);
    }
    const last = [shape.at(-1)!];
    agree((x) => layerNorm(x, last), shape);
    agree((x, w) => layerNorm(x, last, w), shape);
    agree((x, w) => layerNorm(x, last, null, w), shape);
    agree((x, w) => layerNorm(x, last, w, w.mul(2)), shape);
    agree((x, w) => layerNorm(x, shape, w.expand(shape)), shape);
  });
  it('is named and checked as in PyTorch', () => {
    const x = torch.randn([2, 3]).requiresGrad_();
    expect(layerNorm(x, [3]).gradFn?.name).toBe('NativeLayerNormBackward0');
    expect(() => layerNorm(x, [4])).toThrow('Given normalized_shape=[4], expected input with shape [*, 4]');
    expect(() => layerNorm(x, [3], torch.ones([2]))).toThrow('Expected weight to be of same shape');
    expect(() => layerNorm(torch.ones([2, 3], { dtype: 'int64' }), [3])).toThrow('LayerNormKernelImpl');
  });
});

describe('edges', () => {
  it('has no rows, empty rows, and 0-d tensors', () => {
    expect(layerNorm(torch.zeros([0, 3]), [3]).shape).toEqual([0, 3]);
    expect(layerNorm(torch.zeros([2, 0]), [0]).shape).toEqual([2, 0]);
    expect(torch.tensor(4, { dtype: 'float32' }).softmax(0).item()).toBe(1);
    const w = torch.ones([3]).requiresGrad_();
    layerNorm(torch.zeros([0, 3]), [3], w)
      .sum()
      .backward();
    expect(w.grad!.tolist()).toEqual([0, 0, 0]);
  });
  it('treats infinities and NaN as PyTorch', () => {
    const inf = Number.POSITIVE_INFINITY;
    const x = torch.tensor([
      [-inf, -inf, -inf],
      [-inf, 0, 0],
      [inf, 0, 1],
      [Number.NaN, 0, 1],
    ]);
    const nan = Number.NaN;
    const wanted = [nan, nan, nan, 0, 0.5, 0.5, nan, nan, nan, nan, nan, nan];
    expect(values(x.softmax(1))).toEqual(wanted);
    expect(values(x.t().contiguous().softmax(0).t())).toEqual(wanted);
    expect(values(layerNorm(x.at(2), [3])).every(Number.isNaN)).toBe(true);
  });
});

describe('threads and long rows', () => {
  it('gives the same bits for any number of threads', () => {
    const x = torch.randn([700, 900]).requiresGrad_();
    const w = torch.randn([900]).requiresGrad_();
    const run = (n: number): Tensor[] => {
      addon.setThreads(n);
      const outs = [x.softmax(1), x.softmax(0), x.logSoftmax(0), layerNorm(x, [900], w, w)];
      return [...outs, ...outs.map((y) => torch.autograd.grad(y.mul(y).sum(), [x])[0]!)];
    };
    const [one, many] = [run(1), run(3)];
    one.forEach((y, i) => {
      expect(y.equal(many[i]!)).toBe(true);
    });
  });
  it('works where a row does not fit the caches', () => {
    const x = torch.randn([2, 300_000], { dtype: 'float64' });
    const top = x.sub(x.amax(1, true)).exp();
    const wanted = top.div(top.sum(1, true));
    expect(x.softmax(1).sub(wanted).abs().max().item()).toBeLessThan(1e-15);
    expect(x.t().contiguous().softmax(0).t().sub(wanted).abs().max().item()).toBeLessThan(1e-15);
    const y = layerNorm(x, [300_000]);
    expect(Math.abs(Number(y.mul(y).mean().item()) - 1)).toBeLessThan(2e-5);
  });
});
