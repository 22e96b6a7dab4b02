// The optimizer base: closures, hooks, groups, gradients, state dicts and version counters.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';

const { optim } = torch;
const leaf = (...values: number[]): torch.Tensor =>
  torch.tensor(values, { dtype: 'float64', requiresGrad: true });
function withGrad(...values: number[]): torch.Tensor {
  const p = leaf(...values);
  p.grad = torch.onesLike(p);
  return p;
}

describe('step', () => {
  it('calls the closure with recording on, and updates without', () => {
    const p = leaf(1.5, 2);
    const optimizer = new optim.SGD([p], 0.5);
    const loss = torch.noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const value = p.square().sum();
        value.backward();
        return value;
      }),
    );
    expect((loss as torch.Tensor).item()).toBe(6.25);
    expect(p.tolist()).toEqual([0, 0]);
    expect(p.isLeaf).toBe(true);
  });

  it('counts a version of the parameter, so that a graph that read it is not run', () => {
    const p = leaf(1, 2);
    const loss = p.square().sum();
    p.grad = torch.onesLike(p);
    const before = p.version;
    new optim.Adam([p]).step();
    expect(p.version).toBeGreaterThan(before);
    expect(() => loss.backward()).toThrow(/modified by an inplace operation/);
  });

  it('runs hooks in order, and lets them replace the arguments', () => {
    const calls: string[] = [];
    const optimizer = new optim.SGD([withGrad(1)], 0.1);
    const global = optim.registerOptimizerStepPreHook(() => void calls.push('global'));
    optimizer.registerStepPreHook((_, args) => {
      calls.push(`pre ${args.length}`);
      return [() => 7];
    });
    const post = optimizer.registerStepPostHook((_, args) => void calls.push(`post ${args.length}`));
    expect(optimizer.step()).toBe(7);
    global.remove();
    post.remove();
    optimizer.step();
    expect(calls).toEqual(['global', 'pre 0', 'post 1', 'pre 0']);
  });

  it('keeps the mode of recording where the closure throws', () => {
    const optimizer = new optim.SGD([withGrad(1)], 0.1);
    expect(() =>
      optimizer.step(() => {
        throw new Error('no loss');
      }),
    ).toThrow('no loss');
    expect(torch.isGradEnabled()).toBe(true);
  });
});

describe('groups', () => {
  it('take their own options, in either spelling, and defaults for the rest', () => {
    const optimizer = new optim.SGD(
      [
        { params: [leaf(1)], weight_decay: 0.5 },
        { params: leaf(2), lr: 1 },
      ],
      {
        lr: 0.1,
        momentum: 0.9,
      },
    );
    expect(optimizer.paramGroups.map((g) => [g.lr, g.weightDecay, g.momentum])).toEqual([
      [0.1, 0.5, 0.9],
      [1, 0, 0.9],
    ]);
    optimizer.addParamGroup({ params: [leaf(3)], momentum: 0 });
    expect(optimizer.paramGroups[2]!.momentum).toBe(0);
  });

  it('refuses non-leaves, sets, and what is no tensor', () => {
    expect(() => new optim.SGD([leaf(1).mul(2)], 0.1)).toThrow("can't optimize a non-leaf Tensor");
    const set = { params: new Set([leaf(1)]) };
    expect(() => new optim.SGD([set], 0.1)).toThrow(/^optimizer parameters need to be organized in ordered/);
    expect(() => new optim.SGD([3] as unknown as torch.Tensor[], 0.1)).toThrow(
      'optimizer can only optimize Tensors, but one of the params is int',
    );
    expect(() => new optim.SGD([], 0.1)).toThrow('optimizer got an empty parameter list');
    expect(() => new optim.SGD([leaf(1)], { rate: 0.1 } as object)).toThrow(torch.ArgumentError);
  });
});

describe('zeroGrad', () => {
  it('drops gradients, or fills them with zeros', () => {
    const p = withGrad(1, 2);
    const optimizer = new optim.SGD([p], 0.1);
    const grad = p.grad!;
    optimizer.zeroGrad({ setToNone: false });
    expect(p.grad).toBe(grad);
    expect(grad.tolist()).toEqual([0, 0]);
    optimizer.zeroGrad();
    expect(p.grad).toBeNull();
  });
});

describe('state dicts', () => {
  it('have the structure of PyTorch', () => {
    const optimizer = new optim.Adam([withGrad(1), leaf(2)], { lr: 0.5, amsgrad: true });
    optimizer.step();
    const { state, param_groups: groups } = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(['0']);
    expect(Object.keys(state[0]!)).toEqual(['step', 'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']);
    const step = state[0]!.step as torch.Tensor;
    expect([step.dtype.name, step.ndim, step.item()]).toEqual(['float32', 0, 1]);
    expect(groups[0]!.params).toEqual([0, 1]);
    expect(groups[0]).toHaveProperty('weight_decay', 0);
  });

  it('are checked against the groups', () => {
    const optimizer = new optim.SGD([leaf(1), leaf(2)], 0.1);
    const other = new optim.SGD([leaf(1)], 0.1).stateDict();
    expect(() => optimizer.loadStateDict(other)).toThrow(
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    );
    expect(() => optimizer.loadStateDict({ state: {}, param_groups: [] })).toThrow(
      'loaded state dict has a different number of parameter groups',
    );
  });

  it('take the dtype of their parameters, but for the count of steps', () => {
    const optimizer = new optim.Adam([withGrad(1)]);
    optimizer.step();
    const single = torch.ones([1], { requiresGrad: true });
    const other = new optim.Adam([single]);
    other.loadStateDict(optimizer.stateDict());
    const state = other.state.get(single) as Record<string, torch.Tensor>;
    expect([state.step!.dtype.name, state.expAvg!.dtype.name]).toEqual(['float32', 'float32']);
  });

  it('go through hooks, the latest first where it is put before', () => {
    const optimizer = new optim.SGD([leaf(1)], 0.1);
    const calls: string[] = [];
    optimizer.registerStateDictPreHook(() => void calls.push('a'));
    optimizer.registerStateDictPreHook(() => void calls.push('b'), { prepend: true });
    optimizer.registerStateDictPostHook((_, dict) => ({ ...dict, version: 3 }));
    optimizer.registerLoadStateDictPreHook((_, dict) => {
      const groups = dict.param_groups.map((g) => ({ ...g, lr: 0.7 }));
      return { ...dict, param_groups: groups };
    });
    optimizer.registerLoadStateDictPostHook(() => void calls.push('loaded'));
    const dict = optimizer.stateDict();
    expect(dict.version).toBe(3);
    optimizer.loadStateDict(dict);
    expect(optimizer.paramGroups[0]!.lr).toBe(0.7);
    expect(calls).toEqual(['b', 'a', 'loaded']);
  });
});
