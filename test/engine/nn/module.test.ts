// Modules: what they find among their properties, state dicts, hooks, modes, copies and texts.
import { describe, expect, it } from 'vitest';
import { nn, noGrad, ones, randn, type Tensor, tensor, zeros } from '../../../engine/index.js';

class Net extends nn.Module<[x: Tensor], Tensor> {
  fc1 = new nn.Linear(3, 4);
  fc2 = new nn.Linear(4, 2, { bias: false });
  scale = new nn.Parameter(ones([1]));
  constructor() {
    super();
    this.registerBuffer('steps', zeros([1]));
    this.registerBuffer('cache', zeros([2]), { persistent: false });
  }
  override forward(x: Tensor): Tensor {
    return this.fc2.call(this.fc1.call(x).relu()).mul(this.scale);
  }
}

describe('what a module is made of', () => {
  it('is found among class fields, in the order of PyTorch', () => {
    const net = new Net();
    expect(Object.keys(net.stateDict())).toEqual(['scale', 'steps', 'fc1.weight', 'fc1.bias', 'fc2.weight']);
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'fc1.weight',
      'fc1.bias',
      'fc2.weight',
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['steps', 'cache']);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', 'fc1', 'fc2']);
    expect(net.getParameter('fc1.weight')).toBe(net.fc1.weight);
    expect(() => net.getParameter('fc3.weight')).toThrow('Net has no attribute `fc3`');
  });

  it('counts shared tensors once, and has both of their names in state dicts', () => {
    const net = new Net();
    net.fc2.weight = net.fc1.weight;
    expect(net.parameters()).toHaveLength(3);
    expect(Object.keys(net.stateDict())).toContain('fc2.weight');
  });

  it('refuses #private modules where it meets them', () => {
    class Hidden extends nn.Module<[x: Tensor], Tensor> {
      readonly #fc = new nn.Linear(2, 2);
      override forward(x: Tensor): Tensor {
        return this.#fc.call(x);
      }
    }
    class Half extends nn.Module<[x: Tensor], Tensor> {
      first = new nn.Linear(2, 2);
      readonly #second = new nn.Linear(2, 2);
      override forward(x: Tensor): Tensor {
        return this.#second.call(this.first.call(x));
      }
    }
    expect(() => new Hidden().parameters()).toThrow('write fc instead of #fc');
    expect(() => new Half().call(ones([1, 2]))).toThrow('write second instead of #second');
    expect(() => new Half().deepcopy()).toThrow('Make them public');
  });

  it('refuses names that PyTorch refuses', () => {
    const net = new Net();
    expect(() => net.registerBuffer('a.b', null)).toThrow('can\'t contain "."');
    expect(() => net.registerBuffer('', null)).toThrow("can't be empty string");
    expect(() => net.registerParameter('fc1', null)).toThrow("attribute 'fc1' already exists");
    expect(() => new nn.Linear(2, 3, { biass: true } as never)).toThrow("Did you mean 'bias'?");
    expect(() => new nn.Linear(2.5, 3)).toThrow("'inFeatures' to be an integer");
  });
});

describe('state dicts', () => {
  it('load into a module of the same form, and change nothing where they do not fit', () => {
    const [a, b] = [new Net(), new Net()];
    expect(String(b.loadStateDict(a.stateDict()))).toBe('<All keys matched successfully>');
    const x = randn([2, 3]);
    expect(b.call(x).tolist()).toEqual(a.call(x).tolist());
    const wrong = { ...a.stateDict(), 'fc1.weight': zeros([4, 5]), more: zeros([1]) };
    const before = b.fc1.bias!.tolist();
    expect(() => b.loadStateDict({ ...wrong, 'fc1.bias': zeros([4]) })).toThrow(
      'Error(s) in loading state_dict for Net:\n\tUnexpected key(s) in state_dict: "more". \n\tsize mismatch for fc1.weight: copying a param with shape torch.Size([4, 5]) from checkpoint, the shape in current model is torch.Size([4, 3]).',
    );
    expect(b.fc1.bias!.tolist()).toEqual(before);
  });

  it('may be partial, renamed, or taken over', () => {
    const [a, b] = [new Net(), new Net()];
    const wrapped = Object.fromEntries(Object.entries(a.stateDict()).map(([key, x]) => [`module.${key}`, x]));
    expect(() => b.loadStateDict(wrapped)).toThrow('without the prefix "module."');
    b.loadStateDict(wrapped, { rename: (key) => key.slice(7) });
    expect(b.fc1.weight.tolist()).toEqual(a.fc1.weight.tolist());
    const { missingKeys } = b.loadStateDict({ scale: tensor([2.5]) }, { strict: false });
    expect(missingKeys).toContain('fc1.weight');
    expect(b.scale.item()).toBe(2.5);
    const taken = zeros([4, 3]);
    b.loadStateDict({ ...a.stateDict(), 'fc1.weight': taken }, { assign: true });
    expect(b.fc1.weight.dataPtr()).toBe(taken.dataPtr());
    expect(b.fc1.weight).toBeInstanceOf(nn.Parameter);
  });
});

describe('hooks', () => {
  it('run around forward in their order and may replace arguments and results', () => {
    const m = new nn.Linear(2, 2);
    const seen: string[] = [];
    const pre = m.registerForwardPreHook((_, [x]) => {
      seen.push('pre');
      return (x as Tensor).mul(2);
    });
    m.registerForwardHook((_, __, out) => {
      seen.push('post');
      return (out as Tensor).add(1);
    });
    const x = randn([3, 2]);
    const wanted = noGrad(() => m.forward(x.mul(2)).add(1));
    expect(m.call(x).tolist()).toEqual(wanted.tolist());
    pre.remove();
    expect(m.call(x).tolist()).toEqual(m.forward(x).add(1).tolist());
    expect(seen).toEqual(['pre', 'post', 'post']);
  });

  it('see and replace gradients in backward', () => {
    const m = new nn.Linear(2, 1, { bias: false });
    const x = ones([1, 2]).requiresGrad_();
    m.registerFullBackwardPreHook((_, [g]) => [g!.mul(3)]);
    m.registerFullBackwardHook((_, gradInput, gradOutput) => {
      expect(gradOutput[0]!.tolist()).toEqual([[3]]);
      return [gradInput[0]!.mul(10)];
    });
    m.call(x).sum().backward();
    const weight = (m.weight.tolist() as number[][])[0]!;
    (x.grad!.tolist() as number[][])[0]!.forEach((g, i) => {
      expect(g).toBeCloseTo(30 * weight[i]!, 4);
    });
    expect(m.weight.grad!.tolist()).toEqual([[3, 3]]);
  });
});

describe('modes and conversions', () => {
  it('keep the objects and change what they hold', () => {
    const net = new Net();
    const { weight } = net.fc1;
    net.double().eval();
    expect(net.fc1.weight).toBe(weight);
    expect(weight.dtype.name).toBe('float64');
    expect(net.fc1.training).toBe(false);
    expect(() => net.to('int64')).toThrow('only accepts floating point or complex dtypes');
    net
      .call(ones([1, 3], { dtype: 'float64' }))
      .sum()
      .backward();
    expect(weight.grad!.dtype.name).toBe('float64');
    net.float();
    expect(weight.grad!.dtype.name).toBe('float32');
    net.zeroGrad();
    expect(weight.grad).toBeNull();
  });

  it('copy deeply, and keep shared tensors shared', () => {
    const net = new Net();
    net.fc2.weight = net.fc1.weight;
    const copy = net.deepcopy();
    expect(copy.fc2.weight === copy.fc1.weight).toBe(true);
    expect(copy.fc1.weight === net.fc1.weight).toBe(false);
    noGrad(() => copy.fc1.weight.zero_());
    expect(net.fc1.weight.abs().sum().item()).toBeGreaterThan(0);
    expect(copy).toBeInstanceOf(Net);
  });

  it('give lazy modules their shapes at the first call', () => {
    const lazy = new nn.LazyLinear(4);
    expect(lazy.hasUninitializedParams()).toBe(true);
    const copy = lazy.deepcopy();
    expect(lazy.call(ones([2, 3])).shape).toEqual([2, 4]);
    expect(copy.call(ones([2, 5])).shape).toEqual([2, 4]);
    expect(String(lazy)).toBe('Linear(in_features=3, out_features=4, bias=True)');
    const loaded = new nn.LazyLinear(4);
    loaded.loadStateDict(lazy.stateDict());
    expect(loaded.call(ones([2, 3])).tolist()).toEqual(lazy.call(ones([2, 3])).tolist());
  });
});

describe('containers', () => {
  it('keep order and numbers', () => {
    const seq = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU());
    seq.append(new nn.Linear(3, 1)).insert(1, new nn.Tanh());
    expect([...seq].map((m) => m.constructor.name)).toEqual(['Linear', 'Tanh', 'ReLU', 'Linear']);
    expect(seq.pop(1).constructor.name).toBe('Tanh');
    expect(Object.keys(seq.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(() => seq.at(3)).toThrow('index 3 is out of range');
    const dict = new nn.ModuleDict({ '10': new nn.ReLU(), '2': new nn.Tanh() });
    dict.set('1', new nn.Sigmoid());
    const list = new nn.ParameterList([ones([2]), ones([3])]);
    expect(String(list)).toBe(
      'ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2]\n    (1): Parameter containing: [torch.float32 of size 3]\n)',
    );
    expect(list.parameters()).toHaveLength(2);
    expect(Object.keys(list.stateDict())).toEqual(['0', '1']);
  });
});
