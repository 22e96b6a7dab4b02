// The engine on a CUDA device (the host fake): results, memory and errors as on the CPU.
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addonPath } from '../../engine/backend/addon.js';
import type { Tensor } from '../../engine/core/tensor.js';
import * as torch from '../../engine/index.js';

beforeEach(() => {
  torch.manualSeed(1);
});

beforeAll(() => {
  process.env.TORCHSTONE_CUDA_PATH = join(dirname(addonPath), 'shim');
  expect(torch.cuda.reason()).toBe('');
  torch.cuda.setLaunchBlocking(true);
});

/** Elements as they are printed by JavaScript: NaN equals NaN, −0 is not 0. */
const list = (x: Tensor): string[] =>
  [x.detach().cpu().flatten().tolist()].flat().map((v) => (Object.is(v, -0) ? '-0' : String(v)));
const same = (got: Tensor, want: Tensor): void => {
  expect(String(got.device)).toBe('cuda:0');
  expect(got.shape).toEqual(want.shape);
  expect(got.dtype).toBe(want.dtype);
  expect(list(got)).toEqual(list(want));
};
const close = (got: Tensor, want: Tensor, within = 1e-5): void => {
  expect(String(got.device)).toBe('cuda:0');
  expect(got.shape).toEqual(want.shape);
  const far = Number(got.detach().cpu().sub(want.detach()).abs().max().item());
  expect(far / Math.max(1, Number(want.detach().abs().max().item()))).toBeLessThan(within);
};
const gpu = (x: Tensor): Tensor => x.to('cuda');

describe('random numbers', () => {
  const draws: Record<string, (device: string) => Tensor> = {
    'rand float32': (device) => torch.rand([1000], { device }),
    'rand float64': (device) => torch.rand([333], { device, dtype: 'float64' }),
    'randn float32': (device) => torch.randn([1000], { device }),
    'randn float64': (device) => torch.randn([333], { device, dtype: 'float64' }),
    'randn complex': (device) => torch.randn([70], { device, dtype: 'complex64' }),
    randint: (device) => torch.randint(-5, 1000, [500], { device }),
    'randint wide': (device) => torch.randint(0, 2 ** 52, [100], { device }),
    randperm: (device) => torch.randperm(300, { device }),
    bernoulli: (device) => torch.full([500], 0.3, { device }).bernoulli(),
    exponential: (device) => torch.empty([500], { device }).exponential_(2),
    'uniform between': (device) => torch.empty([500], { device }).uniform_(-3, 7),
  };
  it.each(Object.keys(draws))('%s are those of the CPU', (name) => {
    torch.manualSeed(7);
    const want = [draws[name]!('cpu'), draws[name]!('cpu')];
    torch.manualSeed(7);
    const got = [draws[name]!('cuda'), draws[name]!('cuda')];
    for (const [i, x] of got.entries()) same(x, want[i]!);
  });
  it('a generator of the CPU alone is refused', () => {
    const generator = new torch.Generator({ algorithm: 'mt19937' });
    const state = generator.getState().tolist();
    const device = 'cuda';
    for (const draw of [
      () => torch.randn([20], { generator, device }),
      () => torch.randperm(5, { generator, device }),
      () => torch.bernoulli(torch.full([5], 0.3, { device }), { generator }),
      () => torch.multinomial(torch.ones(5, { device }), 9, true, { generator }),
    ])
      expect(draw).toThrow(/Expected a 'cuda' device type for generator but found 'cpu'/);
    expect(generator.getState().tolist()).toEqual(state);
  });
});

describe('sorting and searching', () => {
  it.each([1, 2, 31, 33, 1000, 1024, 1025, 3000, 5000])('rows of %i', (n) => {
    torch.manualSeed(n);
    for (const dtype of ['float32', 'int64', 'uint8', 'float64'] as const) {
      const x = torch.randint(0, 50, [3, n]).to(dtype);
      for (const descending of [false, true]) {
        const [values, indices] = x.sort(1, descending);
        const [v, i] = gpu(x).sort(1, descending);
        same(v, values);
        same(i, indices);
      }
    }
  });
  it('puts NaN where the CPU does, and keeps ties in order', () => {
    const x = torch.tensor([
      3,
      Number.NaN,
      -0,
      0,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      3,
      Number.POSITIVE_INFINITY,
    ]);
    for (const descending of [false, true]) {
      same(gpu(x).sort(0, descending)[0], x.sort(0, descending)[0]);
      same(gpu(x).sort(0, descending)[1], x.sort(0, descending)[1]);
    }
  });
  it('takes the first k, and searches', () => {
    const x = torch.randn([4, 2000]);
    same(gpu(x).topk(7)[0], x.topk(7)[0]);
    same(gpu(x).topk(7)[1], x.topk(7)[1]);
    const edges = x.at(0).sort()[0];
    same(torch.searchsorted(gpu(edges), gpu(x)), torch.searchsorted(edges, x));
    same(torch.bucketize(gpu(x), gpu(edges)), torch.bucketize(x, edges));
  });
});

describe('indexing', () => {
  it('gathers and takes by tensors of indices', () => {
    const x = torch.randn([7, 5, 3]);
    const index = torch.randint(0, 7, [4, 5, 3]);
    same(gpu(x).gather(0, gpu(index)), x.gather(0, index));
    same(gpu(x).at(gpu(torch.tensor([6, 0, -1]))), x.at(torch.tensor([6, 0, -1])));
    const mask = x.gt(0);
    same(gpu(x).at(gpu(mask)), x.at(mask));
    same(gpu(x).at(mask), x.at(mask));
    same(gpu(x).setAt([0], torch.ones([5, 3])), x.clone().setAt([0], 1));
    same(gpu(x).copy_(torch.zeros([3])), torch.zeros([7, 5, 3]));
    same(gpu(x).gt(0).nonzero(), x.gt(0).nonzero());
  });
  it.each([
    'bool',
    'uint8',
    'int8',
    'int16',
    'int32',
    'int64',
    'float16',
    'bfloat16',
    'float32',
    'float64',
  ] as const)('adds, multiplies and compares %s where indices repeat', (dtype) => {
    const x = torch.randint(0, 3, [9]).to(dtype);
    const index = torch.tensor([0, 8, 3, 3, 3, 0]);
    const src = torch.randint(0, 3, [6]).to(dtype);
    same(gpu(x).scatterAdd(0, gpu(index), gpu(src)), x.scatterAdd(0, index, src));
    if (dtype === 'bool') return;
    for (const how of ['prod', 'amax', 'amin'] as const)
      same(gpu(x).scatterReduce(0, gpu(index), gpu(src), how), x.scatterReduce(0, index, src, how));
  });
  it('finds what is not zero in long and in odd tensors', () => {
    const x = torch.randint(0, 3, [5, 1500]);
    same(gpu(x).nonzero(), x.nonzero());
    same(gpu(x).t().nonzero(), x.t().nonzero());
    same(gpu(x.to('float32').sub(1).mul(-0)).nonzero(), torch.zeros([0, 2], { dtype: 'int64' }));
  });
  it('reports an index out of range, and writes nothing through it', () => {
    const x = gpu(torch.arange(0, 6, 1));
    expect(() => x.indexSelect(0, gpu(torch.tensor([1, 6])))).toThrow(torch.IndexError);
    expect(() => x.indexSelect(0, gpu(torch.tensor([1, 6])))).toThrow(/got 6/);
    expect(list(x)).toEqual(['0', '1', '2', '3', '4', '5']);
    same(x.indexSelect(0, gpu(torch.tensor([1, 5]))), torch.tensor([1, 5]));
  });
});

describe('products and convolutions', () => {
  it('multiplies any strides and dtypes', () => {
    for (const dtype of ['float32', 'float64', 'int64', 'int8', 'float16', 'complex64'] as const) {
      const [a, b] = [torch.randint(-3, 4, [70, 90]).to(dtype), torch.randint(-3, 4, [90, 65]).to(dtype)];
      same(gpu(a).matmul(gpu(b)), a.matmul(b));
      same(gpu(b).t().matmul(gpu(a).t()), b.t().matmul(a.t()));
    }
    const [a, b] = [
      torch.randint(-3, 4, [3, 1, 8, 9]).to('float32'),
      torch.randint(-3, 4, [5, 9, 4]).to('float32'),
    ];
    same(gpu(a).matmul(gpu(b)), a.matmul(b));
  });
  it.each([
    { stride: 1, padding: 1, dilation: 1, groups: 1 },
    { stride: 2, padding: 2, dilation: 2, groups: 2 },
    { stride: 3, padding: 0, dilation: 1, groups: 4 },
  ])('convolves with %o, forward and backward', ({ stride, padding, dilation, groups }) => {
    torch.manualSeed(3);
    const [x, w, b] = [torch.randn([2, 4, 17, 15]), torch.randn([8, 4 / groups, 3, 2]), torch.randn([8])];
    const run = (...at: Tensor[]): Tensor[] => {
      const leaves = at.map((t) => t.detach().requiresGrad_());
      const y = torch.conv2d(leaves[0]!, leaves[1]!, leaves[2]!, stride, padding, dilation, groups);
      const g = torch.ones(y.shape, { device: y.device }).mul(0.5).add(y.detach().mul(0.1));
      return [y, ...torch.autograd.grad([y], leaves, { gradOutputs: [g] })] as Tensor[];
    };
    const want = run(x, w, b);
    for (const [i, got] of run(gpu(x), gpu(w), gpu(b)).entries()) close(got, want[i]!, 1e-4);
  });
  it.each(['float16', 'bfloat16'] as const)('convolves %s as it is, rounding once', (dtype) => {
    const whole = (shape: number[]): Tensor => torch.randint(-1, 2, shape).to(dtype);
    const [x, w, b, g] = [whole([2, 3, 9, 8]), whole([4, 3, 3, 2]), whole([4]), whole([2, 4, 7, 7])];
    const run = (...at: Tensor[]): Tensor[] => {
      const leaves = at.slice(0, 3).map((t) => t.detach().requiresGrad_());
      const y = torch.conv2d(leaves[0]!, leaves[1]!, leaves[2]!);
      return [y, ...torch.autograd.grad([y], leaves, { gradOutputs: [at[3]!] })] as Tensor[];
    };
    const want = run(x, w, b, g);
    for (const [i, got] of run(gpu(x), gpu(w), gpu(b), gpu(g)).entries()) same(got, want[i]!);
  });
  it('cuts the long sums of a weight gradient into parts', () => {
    const [x, g] = [
      torch.randint(-2, 3, [8, 2, 40, 40]).to('float32'),
      torch.randint(-2, 3, [8, 3, 38, 38]).to('float32'),
    ];
    const grad = (at: Tensor, flowing: Tensor): Tensor => {
      const w = torch.zeros([3, 2, 3, 3], { device: at.device, requiresGrad: true });
      return torch.autograd.grad([torch.conv2d(at, w)], [w], { gradOutputs: [flowing] })[0] as Tensor;
    };
    same(grad(gpu(x), gpu(g)), grad(x, g));
  });
});

describe('what runs on the host', () => {
  it('transforms and factorises copies', () => {
    torch.manualSeed(5);
    const x = torch.randn([3, 12]);
    close(torch.fft.rfft(gpu(x)).abs(), torch.fft.rfft(x).abs());
    close(torch.fft.ifft(torch.fft.fft(gpu(x))).abs(), x.abs());
    const a = torch.randn([2, 4, 4]);
    close(torch.linalg.inv(gpu(a)), torch.linalg.inv(a), 1e-4);
    close(torch.linalg.svdvals(gpu(a)), torch.linalg.svdvals(a));
    expect(() => torch.linalg.inv(torch.zeros([2, 2], { device: 'cuda' }))).toThrow(torch.LinAlgError);
  });
});

describe('devices', () => {
  it('prints where a tensor lives, and moves it', () => {
    const x = torch.tensor([1.5, 2], { device: 'cuda' });
    expect(String(x)).toBe("tensor([1.5000, 2.0000], device='cuda:0')");
    expect(x.cpu().device.type).toBe('cpu');
    expect(x.to('cuda')).toBe(x);
    expect(x.isCuda).toBe(true);
    expect(() => x.numpy()).toThrow(/Use to\('cpu'\) first/);
    expect(x.at(1).item()).toBe(2);
    expect(x.tolist()).toEqual([1.5, 2]);
  });
  it('mixes numbers of the CPU in, and nothing else', () => {
    const x = torch.ones([2, 2], { device: 'cuda' });
    same(x.add(torch.tensor(2)), torch.full([2, 2], 3).to('float32'));
    expect(() => x.add(torch.ones([2, 2]))).toThrow(/at least two devices, cuda:0 and cpu/);
    expect(() => x.matmul(torch.ones([2, 2]))).toThrow(/at least two devices/);
    expect(() => torch.zeros([1], { device: 'cuda:9' })).toThrow(/invalid device ordinal/);
  });
  it('gives gradients on the device, through a move too', () => {
    const w = torch.tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'float32', requiresGrad: true },
    );
    const y = gpu(w).mul(gpu(w)).sum().add(w.sum().to('cuda'));
    y.backward();
    expect(w.grad!.device.type).toBe('cpu');
    expect(w.grad!.tolist()).toEqual([
      [3, 5],
      [7, 9],
    ]);
    const v = torch.ones([3], { device: 'cuda', requiresGrad: true });
    v.exp().mean().backward();
    close(v.grad!, torch.full([3], Math.E / 3));
  });
  it('makes tensors on the default device, in composed ops too', () => {
    torch.setDefaultDevice('cuda');
    try {
      expect(String(torch.arange(0, 3, 1).device)).toBe('cuda:0');
      expect(String(torch.tensor([1]).device)).toBe('cuda:0');
      expect(String(torch.ones([2, 2]).tril().device)).toBe('cuda:0');
      expect(String(torch.ones([2, 2], { device: 'cpu' }).softmax(0).device)).toBe('cpu');
    } finally {
      torch.setDefaultDevice('cpu');
    }
  });
  it('replays a captured step', () => {
    const x = torch.ones([4], { device: 'cuda' });
    const total = torch.zeros([1], { device: 'cuda' });
    const step = (): Tensor => total.add_(x.mul(2).sum());
    step();
    const graph = torch.cuda.graph(step);
    expect(total.item()).toBe(8);
    graph.replay();
    graph.replay();
    torch.cuda.synchronize();
    expect(total.item()).toBe(24);
    x.fill_(0.5);
    graph.replay();
    expect(graph.result.item()).toBe(28);
  });
  it('times streams by events, and counts memory', () => {
    const before = torch.cuda.memoryAllocated();
    const x = torch.zeros([1000], { device: 'cuda' });
    expect(torch.cuda.memoryAllocated() - before).toBeGreaterThanOrEqual(4000);
    const [start, end] = [new torch.cuda.Event(), new torch.cuda.Event()];
    const stream = new torch.cuda.Stream();
    torch.cuda.stream(stream, () => {
      start.record();
      x.add_(1);
      end.record();
    });
    end.synchronize();
    expect(end.query()).toBe(true);
    expect(start.elapsedTime(end)).toBeGreaterThanOrEqual(0);
    expect(x.sum().item()).toBe(1000);
    x.dispose();
    expect(() => x.sum()).toThrow(torch.RuntimeError);
  });
});
