// Fused steps: one command for all parameters, the same numbers as op by op, and what is left to the ops.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import * as torch from '../../../engine/index.js';
import {
  decodedKwargs,
  optimizerClass,
  readPacked,
  type Trajectory,
} from '../../../suites/conformance/optim-recordings.js';

const { optim } = torch;
const multi = vi.spyOn(addon, 'multiPointwise');
const single = vi.spyOn(addon, 'pointwise');
beforeEach(() => {
  multi.mockClear();
  single.mockClear();
});
afterEach(() => vi.clearAllMocks());

const sizes = [[33, 17], [5], [], [2050]];
function problem(dtype: torch.DType, seed = 1): torch.Tensor[] {
  torch.manualSeed(seed);
  return sizes.map((s) => {
    const p = torch.randn(s, { dtype }).requiresGrad_();
    p.grad = torch.randn(s, { dtype });
    return p;
  });
}
function stepped(optimizer: torch.optim.Optimizer, params: readonly torch.Tensor[], count: number): void {
  torch.manualSeed(7);
  for (let i = 0; i < count; i++) {
    for (const p of params) p.grad = torch.randn([...p.shape], { dtype: p.dtype });
    optimizer.step();
  }
}
const bits = (params: readonly torch.Tensor[]): unknown[] =>
  params.map((p) => (p.dtype.isComplex ? torch.viewAsReal(p) : p).detach().tolist());

const configurations = readPacked<Trajectory[]>('trajectories').filter(
  (one) => one.losses === undefined && one.form === 'plain' && !['Muon', 'Adafactor'].includes(one.optimizer),
);
describe.each([torch.float32, torch.float64, torch.complex64, torch.complex128])('%s', (dtype) => {
  it.each(configurations.filter((one) => one.complex === dtype.isComplex))(
    '$optimizer $kwargs is op by op to the bit',
    (one) => {
      const Class = optimizerClass(one.optimizer);
      const [together, apart] = [problem(dtype), problem(dtype)];
      const fused = new Class(together, decodedKwargs(one.kwargs));
      stepped(fused, together, 6);
      expect(multi).toHaveBeenCalledTimes(6);
      stepped(new Class(apart, { ...decodedKwargs(one.kwargs), foreach: false }), apart, 6);
      expect(multi).toHaveBeenCalledTimes(6);
      expect(bits(together)).toEqual(bits(apart));
    },
  );
});

describe('a step', () => {
  it('is one command, whatever the number of parameters and the learning rate', () => {
    const params = problem(torch.float32);
    const optimizer = new optim.Adam(params);
    const define = vi.spyOn(addon, 'defineProgram');
    stepped(optimizer, params, 2);
    const defined = define.mock.calls.length;
    optimizer.paramGroups[0]!.lr = 0.5;
    stepped(optimizer, params, 2);
    expect(multi).toHaveBeenCalledTimes(4);
    expect(define.mock.calls.length).toBe(defined);
    define.mockRestore();
  });

  it('keeps parameters apart whose steps were counted apart, and those of other dtypes', () => {
    const params = problem(torch.float32);
    const optimizer = new optim.Adam([...params, ...problem(torch.float64)]);
    params[0]!.grad = null;
    optimizer.step();
    expect(multi).toHaveBeenCalledTimes(2);
    params[0]!.grad = torch.onesLike(params[0]!);
    optimizer.step();
    expect(multi).toHaveBeenCalledTimes(2 + 3);
  });

  it('counts a version of parameters and state', () => {
    const [p] = problem(torch.float32) as [torch.Tensor];
    const optimizer = new optim.Adam([p]);
    optimizer.step();
    const average = optimizer.state.get(p)!.expAvg as torch.Tensor;
    const before = [p.version, average.version];
    optimizer.step();
    expect([p.version, average.version]).toEqual([before[0]! + 1, before[1]! + 1]);
  });
});

describe('what a command does not take', () => {
  it('a parameter listed twice is stepped twice', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const p = torch.ones([3], { requiresGrad: true });
    p.grad = torch.ones([3]);
    new optim.SGD([p, p], 0.25).step();
    expect(p.tolist()).toEqual([0.5, 0.5, 0.5]);
    warned.mockRestore();
  });

  it('parameters over one storage share a command where they do not overlap', () => {
    const base = torch.zeros([10]);
    const parts = [base.narrow(0, 0, 4), base.narrow(0, 4, 6)].map((t) => t.detach().requiresGrad_());
    for (const p of parts) p.grad = torch.onesLike(p);
    new optim.SGD(parts, 1).step();
    expect(multi).toHaveBeenCalledTimes(1);
    expect(base.tolist()).toEqual(new Array(10).fill(-1));
  });

  it('gradients of another layout are laid out first; parameters with gaps go op by op', () => {
    const p = torch.zeros([3, 4], { requiresGrad: true });
    p.grad = torch.arange(12, { dtype: 'float32' }).reshape([4, 3]).T;
    const columns = torch.zeros([3, 8]).narrow(1, 0, 4).detach().requiresGrad_();
    columns.grad = p.grad;
    new optim.SGD([p, columns], 1).step();
    expect(p.tolist()).toEqual((p.grad.neg().tolist() as number[][]).map((row) => row.map((x) => x + 0)));
    expect(columns.tolist()).toEqual(p.tolist());
    expect(multi).toHaveBeenCalledTimes(1);
  });

  it('16-bit floats go op by op, rounded as PyTorch does, unless fused is asked for', () => {
    const [plain, asked] = [problem(torch.bfloat16), problem(torch.bfloat16)];
    new optim.SGD(plain, { lr: 0.1, momentum: 0.9 }).step();
    expect(multi).not.toHaveBeenCalled();
    new optim.SGD(asked, { lr: 0.1, momentum: 0.9, fused: true }).step();
    expect(multi).toHaveBeenCalledTimes(1);
    asked.forEach((p, i) => {
      expect(torch.allclose(p, plain[i]!, 0.02, 0.02)).toBe(true);
    });
  });
});
