// Convolutions: values against sums written out here, first and second gradients against differences, the same bits for
// any number of threads, PyTorch 2.13's error messages.
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../engine/index.js';
import * as torch from '../../../engine/index.js';

beforeEach(() => {
  torch.manualSeed(1);
});

const { conv1d, conv2d } = torch.nn.functional;
const threads = torch.getNumThreads();
afterAll(() => torch.setNumThreads(threads));

type Pair = readonly [number, number];
interface Case {
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}
const cases: readonly Case[] = [
  { x: [2, 3, 7, 9], w: [4, 3, 3, 3] },
  { x: [3, 5, 9, 35], w: [17, 5, 3, 4], padding: [2, 1] },
  { x: [2, 4, 11, 10], w: [6, 2, 3, 5], stride: [3, 2], padding: [2, 3], dilation: [2, 1], groups: 2 },
  { x: [2, 3, 6, 5], w: [6, 1, 2, 2], stride: [2, 1], groups: 3 },
  { x: [2, 6, 5, 5], w: [15, 6, 1, 1] },
  { x: [2, 2, 8, 9], w: [3, 2, 1, 1], stride: [2, 3] },
  { x: [1, 2, 3, 2], w: [1, 2, 2, 2], stride: [4, 4], padding: [3, 3] },
];
const none: Pair = [0, 0];
const one: Pair = [1, 1];
const run = (c: Case, x: Tensor, w: Tensor, b: Tensor | null = null): Tensor =>
  conv2d(x, w, b, c.stride ?? one, c.padding ?? none, c.dilation ?? one, c.groups ?? 1);

const random = (shape: readonly number[], dtype = 'float64'): Tensor =>
  torch.randn(shape, { dtype: dtype as 'float64' });
const numbers = (x: Tensor): number[] => (x.reshape(-1).tolist() as number[]).map(Number);

/** The sum as it is defined. */
function byHand(c: Case, x: Tensor, w: Tensor): number[] {
  const [n, channels, height, width] = c.x;
  const [filters, depth, kh, kw] = c.w;
  const [[sy, sx], [py, px], [dy, dx]] = [c.stride ?? one, c.padding ?? none, c.dilation ?? one];
  const oh = Math.floor((height + 2 * py - dy * (kh - 1) - 1) / sy) + 1;
  const ow = Math.floor((width + 2 * px - dx * (kw - 1) - 1) / sx) + 1;
  const [xs, ws] = [numbers(x), numbers(w)];
  const at = (i: number, ch: number, y: number, z: number): number =>
    y < 0 || z < 0 || y >= height || z >= width ? 0 : xs[((i * channels + ch) * height + y) * width + z]!;
  const one1 = (i: number, o: number, y: number, z: number): number => {
    const first = Math.floor(o / (filters / (c.groups ?? 1))) * depth;
    let sum = 0;
    for (let k = 0; k < depth * kh * kw; k++) {
      const [ch, a, b] = [Math.floor(k / (kh * kw)), Math.floor(k / kw) % kh, k % kw];
      sum += ws[o * depth * kh * kw + k]! * at(i, first + ch, y * sy - py + a * dy, z * sx - px + b * dx);
    }
    return sum;
  };
  return Array.from({ length: n * filters * oh * ow }, (_, i) =>
    one1(
      Math.floor(i / (filters * oh * ow)),
      Math.floor(i / (oh * ow)) % filters,
      Math.floor(i / ow) % oh,
      i % ow,
    ),
  );
}

function expectClose(got: readonly number[], want: readonly number[], tolerance: number): void {
  expect(got.length).toBe(want.length);
  const worst = got.reduce((m, v, i) => Math.max(m, Math.abs(v - want[i]!)), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe('conv2d', () => {
  it.each(cases)('is the sum over the window: $x ∗ $w', (c) => {
    for (const [dtype, tolerance] of [
      ['float64', 1e-12],
      ['float32', 1e-4],
    ] as const) {
      const [x, w] = [random(c.x, dtype), random(c.w, dtype)];
      expectClose(numbers(run(c, x, w)), byHand(c, x, w), tolerance);
    }
  });

  it.each(cases)('has the gradients of its sum, and theirs: $x ∗ $w', (c) => {
    const [x, w] = [random(c.x).requiresGrad_(), random(c.w).requiresGrad_()];
    const y = run(c, x, w);
    const g = random(y.shape).requiresGrad_();
    // Each gradient is linear in each operand: ⟨grad, direction⟩ is the same product seen from every side.
    const [gx, gw] = torch.autograd.grad([y], [x, w], { gradOutputs: [g], createGraph: true }) as Tensor[];
    const [vx, vw] = [random(c.x), random(c.w)];
    const dot = (a: Tensor, b: Tensor): number => Number(a.mul(b).sum().item());
    expect(dot(gx!, vx)).toBeCloseTo(dot(run(c, vx, w), g), 8);
    expect(dot(gw!, vw)).toBeCloseTo(dot(run(c, x, vw), g), 8);
    const total = gx!.mul(vx).sum().add(gw!.mul(vw).sum());
    const [gg, ggx, ggw] = torch.autograd.grad([total], [g, x, w]) as Tensor[];
    expectClose(numbers(gg!), numbers(run(c, vx, w).add(run(c, x, vw))), 1e-10);
    expect(dot(ggx!, vx)).toBeCloseTo(dot(run(c, vx, vw), g), 8);
    expect(dot(ggw!, vw)).toBeCloseTo(dot(run(c, vx, vw), g), 8);
  });

  it('adds a bias, whose gradient is summed', () => {
    const [x, w, b] = [random([3, 2, 9, 7]), random([5, 2, 3, 3]), random([5]).requiresGrad_()];
    const y = conv2d(x, w, b);
    expectClose(numbers(y), numbers(conv2d(x, w).add(b.view([1, 5, 1, 1]))), 1e-12);
    y.sum().backward();
    expect(numbers(b.grad!)).toEqual(new Array(5).fill(3 * 7 * 5));
  });

  it('gives the same bits on one thread and two', () => {
    const big: readonly Case[] = [
      { x: [5, 33, 14, 14], w: [70, 33, 3, 3], padding: one },
      { x: [2, 3, 64, 60], w: [64, 3, 7, 7], stride: [2, 2], padding: [3, 3] },
    ];
    for (const c of big) {
      const [x, w] = [random(c.x, 'float32'), random(c.w, 'float32')];
      const results = [1, 2].map((n) => {
        torch.setNumThreads(n);
        const [a, b] = [x.clone().requiresGrad_(), w.clone().requiresGrad_()];
        const y = run(c, a, b);
        y.mul(y).sum().backward();
        return [y, a.grad!, b.grad!].map(numbers);
      });
      expect(results[0]).toEqual(results[1]);
    }
  });

  it('reads operands of any strides', () => {
    const x = random([2, 9, 8, 3]).permute([0, 3, 2, 1]);
    const w = random([3, 4, 2, 3]).permute([1, 0, 3, 2]);
    const row = random([1, 3, 1, 9]).expand([2, 3, 8, 9]);
    for (const operand of [x, row]) {
      for (const stride of [1, 2]) {
        const got = conv2d(operand, w, null, stride, 1);
        expect(numbers(got)).toEqual(numbers(conv2d(operand.contiguous(), w.contiguous(), null, stride, 1)));
      }
    }
  });

  it("takes padding by name; 'same' puts the odd element behind", () => {
    const [x, w] = [random([1, 2, 6, 5]), random([3, 2, 4, 3])];
    const padded = torch.zeros([1, 2, 9, 7], { dtype: 'float64' });
    padded.narrow(2, 1, 6).narrow(3, 1, 5).copy_(x);
    const same = conv2d(x, w, null, 1, 'same');
    expect(same.shape).toEqual([1, 3, 6, 5]);
    expectClose(numbers(same), numbers(conv2d(padded, w)), 1e-12);
    expect(conv2d(x, w, null, 1, 'valid').shape).toEqual([1, 3, 3, 3]);
  });

  it('takes one image without a batch, and no image at all', () => {
    const [x, w, b] = [random([2, 6, 5]), random([3, 2, 3, 3]).requiresGrad_(), random([3])];
    expect(conv2d(x, w, b).shape).toEqual([3, 4, 3]);
    const empty = conv2d(random([0, 2, 6, 5]), w, b);
    expect(empty.shape).toEqual([0, 3, 4, 3]);
    empty.sum().backward();
    expect(numbers(w.grad!)).toEqual(new Array(54).fill(0));
  });

  it('records itself under PyTorch’s names', () => {
    const [x, w] = [random([1, 2, 4, 4]).requiresGrad_(), random([3, 2, 3, 3]).requiresGrad_()];
    const y = conv2d(x, w);
    expect(y.gradFn?.name).toBe('ConvolutionBackward0');
    const [gx] = torch.autograd.grad([y.sum()], [x], { createGraph: true }) as Tensor[];
    expect(gx!.gradFn?.name).toBe('ConvolutionBackwardBackward0');
  });
});

describe('conv1d', () => {
  it('is conv2d over one row', () => {
    const [x, w] = [random([2, 4, 37]), random([6, 2, 3])];
    const got = conv1d(x, w, null, 2, 3, 2, 2);
    const want = conv2d(x.unsqueeze(2), w.unsqueeze(2), null, [1, 2], [0, 3], [1, 2], 2);
    expect(numbers(got)).toEqual(numbers(want));
    expect(conv1d(x.requiresGrad_(), w, null, 1, 0, 1, 2).gradFn?.name).toBe('ConvolutionBackward0');
  });
});

describe('what PyTorch refuses is refused in its words', () => {
  const x = (): Tensor => torch.randn([1, 3, 5, 5]);
  const w = (shape: readonly number[] = [4, 3, 3, 3]): Tensor => torch.randn(shape);
  const refused: readonly [string, () => Tensor, string][] = [
    [
      'channels',
      () => conv2d(x(), w([4, 2, 3, 3])),
      'Given groups=1, weight of size [4, 2, 3, 3], expected input[1, 3, 5, 5] to have 2 channels, but got 3 channels instead',
    ],
    [
      'groups',
      () => conv2d(x(), w([4, 1, 3, 3]), null, 1, 0, 1, 3),
      'Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size [[4, 1, 3, 3]] instead',
    ],
    ['no groups', () => conv2d(x(), w(), null, 1, 0, 1, 0), 'non-positive groups is not supported'],
    [
      'dims',
      () => conv2d(torch.randn([3, 5]), w()),
      'Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [3, 5]',
    ],
    [
      'a large kernel',
      () => conv2d(x(), w([4, 3, 7, 7])),
      "Calculated padded input size per channel: (5 x 5). Kernel size: (7 x 7). Kernel size can't be greater than actual input size",
    ],
    [
      'a bias',
      () => conv2d(x(), w(), torch.randn([5])),
      'Given weight of size [4, 3, 3, 3], expected bias to be 1-dimensional with 4 elements, but got bias of size [5] instead',
    ],
    ['stride', () => conv2d(x(), w(), null, 0), 'non-positive stride is not supported'],
    ['padding', () => conv2d(x(), w(), null, 1, -1), 'negative padding is not supported'],
    ['a name', () => conv2d(x(), w(), null, 1, 'foo' as 'same'), "Invalid padding string: 'foo'"],
    [
      'same with steps',
      () => conv2d(x(), w(), null, 2, 'same'),
      "padding='same' is not supported for strided convolutions",
    ],
    [
      'a list',
      () => conv2d(x(), w(), null, [1, 2, 3]),
      'expected stride to be a single integer value or a list of 2 values to match the convolution dimensions, but got stride=[1, 2, 3]',
    ],
    [
      'dilation',
      () => conv2d(x(), w(), null, 1, 0, 0),
      'dilation should be greater than zero, but got [0, 0]',
    ],
    ['dtypes', () => conv2d(x(), w().double()), 'expected scalar type Float but found Double'],
    [
      'one axis',
      () => conv1d(torch.randn([1, 3, 5]), w([4, 3, 7])),
      'Calculated padded input size per channel: (5). Kernel size: (7)',
    ],
  ];
  it.each(refused)('%s', (_, f, text) => {
    expect(f).toThrow(torch.RuntimeError);
    expect(f).toThrow(text);
  });
});
