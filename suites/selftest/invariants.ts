// Invariants of the engine that no fixture can show: number of threads, uninitialised memory, versions, large tensors.
// Each returns what is wrong, or nothing.
import * as engine from 'torchstone';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import { sizeOf } from '../common/shapes.js';
import { generator } from '../gradcheck/problem.js';

/** One statement. */
export interface Law {
  readonly name: string;
  readonly doc: string;
  check(): string | undefined;
}

function randomTensor(shape: readonly number[], seed: number, dtype = engine.float32): EngineTensor {
  const random = generator(seed);
  const data = Float64Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1);
  return engine.tensor(data, { dtype }).reshape([...shape]);
}

const numbersOf = (x: EngineTensor) => Array.from(arrayOf(x).data as ArrayLike<number>);

/** The first position where two lists differ. */
function difference(got: readonly number[], want: readonly number[], what: string): string | undefined {
  const at = want.findIndex((one, i) => !Object.is(one, got[i]));
  return at < 0 ? undefined : `${what}[${at}] is ${got[at]} instead of ${want[at]}`;
}

function withThreads<T>(threads: number, run: () => T): T {
  const before = engine.getNumThreads();
  engine.setNumThreads(threads);
  try {
    return run();
  } finally {
    engine.setNumThreads(before);
  }
}

const TRUE_SUM_SIZE = 200_000;

export const LAWS: readonly Law[] = [
  {
    name: 'threads',
    doc: 'results are the same to the bit for one thread and for two',
    check() {
      const x = randomTensor([300, 301], 1);
      const results = () =>
        [x.sum(), x.mean(0), x.softmax(1), x.mm(x.t()), x.exp(), x.cumsum(0)].map(numbersOf);
      const [one, two] = [withThreads(1, results), withThreads(2, results)];
      return one.map((want, k) => difference(two[k]!, want, `result ${k} with two threads`)).find(Boolean);
    },
  },
  {
    name: 'saved-changed',
    doc: 'backward refuses a saved tensor that was changed in-place',
    check() {
      const x = randomTensor([3], 2).requiresGrad_();
      const y = x.exp();
      const z = y.mul(y);
      y.mul_(2);
      try {
        z.sum().backward();
      } catch (error) {
        return error instanceof Error && error.message.includes('version') ? undefined : String(error);
      }
      return 'backward went through with a saved tensor that was changed';
    },
  },
  {
    name: 'fan-out',
    doc: 'the gradients of several uses are added',
    check() {
      const x = randomTensor([5], 3, engine.float64).requiresGrad_();
      x.sin().add(x.mul(3)).add(x.exp()).sum().backward();
      const want = numbersOf(x).map((one) => Math.cos(one) + 3 + Math.exp(one));
      const off = numbersOf(x.grad!).findIndex((one, i) => Math.abs(one - want[i]!) > 1e-12);
      return off < 0 ? undefined : `the gradient's element ${off} is not the sum of three`;
    },
  },
  {
    name: 'second-derivative',
    doc: 'the derivative of the derivative of x⁴ is 12·x²',
    check() {
      const x = engine.tensor([0.5, -2], { dtype: engine.float64 }).requiresGrad_();
      const [first] = engine.autograd.grad(x.pow(4).sum(), x, { createGraph: true });
      if (!first?.requiresGrad) return 'the first derivative is not recorded';
      const [second] = engine.autograd.grad(first.sum(), x, { allowUnused: true });
      return second ? difference(numbersOf(second), [3, 48], 'second derivative') : 'it is not there';
    },
  },
  {
    name: 'sum-accuracy',
    doc: `a float32 sum of ${TRUE_SUM_SIZE} numbers is exact to 4 units in the last place`,
    check() {
      const random = generator(4);
      const data = Float32Array.from({ length: TRUE_SUM_SIZE }, () => 0.1 + random());
      const want = data.reduce((sum, one) => sum + one, 0);
      const got = Number(engine.tensor(data).sum().item());
      const off = Math.abs(got - want) / (want * 2 ** -23);
      return off <= 4 ? undefined : `the sum is ${off.toFixed(1)} units off`;
    },
  },
  {
    name: 'large-by-parts',
    doc: 'what several threads compute of a large tensor is what is computed of its parts',
    check() {
      const n = 200_003;
      const x = randomTensor([n], 6);
      const whole = numbersOf(x.mul(x).add(x));
      for (let from = 0; from < n; from += 10_007) {
        const part = x.narrow(0, from, Math.min(10_007, n - from));
        const problem = difference(
          whole.slice(from, from + 10_007),
          numbersOf(part.mul(part).add(part)),
          `part at ${from}`,
        );
        if (problem) return problem;
      }
      return undefined;
    },
  },
  {
    name: 'square-product',
    doc: 'A·B is not B·A',
    check() {
      const a = engine.tensor([[1, 2], [3, 4]], { dtype: engine.float64 }); // biome-ignore format: matrices
      const b = engine.tensor([[0, 1], [5, 7]], { dtype: engine.float64 }); // biome-ignore format: matrices
      return difference(numbersOf(a.mm(b)), [10, 15, 20, 31], 'product');
    },
  },
  {
    name: 'fresh-memory',
    doc: 'a result does not depend on what its memory held before',
    check() {
      const x = randomTensor([40, 41], 5);
      const results = () => [x.mm(x.t()), x.sum(0), x.exp(), x.cumsum(1)];
      const want = results().map(numbersOf);
      // Blocks of the same sizes, poisoned and given back: the next results are made in them.
      for (let round = 0; round < 4; round += 1)
        for (const one of engine.noGrad(results)) {
          one.fill_(Number.NaN);
          one.storage.release();
        }
      const got = results().map(numbersOf);
      return want.map((one, k) => difference(got[k]!, one, `result ${k} in used memory`)).find(Boolean);
    },
  },
  {
    name: 'negative-index',
    doc: 'an index of −1 is the last element',
    check() {
      const x = engine.tensor([10, 20, 30], { dtype: engine.float64 });
      const index = engine.tensor([-1, 0, -3], { dtype: engine.int64 });
      return difference(numbersOf(x.take(index)), [30, 10, 10], 'element');
    },
  },
  {
    name: 'stream-moves',
    doc: 'two draws in a row differ',
    check() {
      engine.manualSeed(7);
      const [first, second] = [numbersOf(engine.rand(100)), numbersOf(engine.rand(100))];
      return String(first) === String(second) ? 'the second draw repeats the first' : undefined;
    },
  },
  {
    name: 'pytorch-stream',
    doc: "a seed of the Mersenne Twister gives PyTorch's numbers",
    check() {
      const generator = new engine.Generator({ algorithm: 'mt19937' }).manualSeed(0);
      const drawn = [
        ...numbersOf(engine.rand([3], { generator })),
        ...numbersOf(engine.randn([17], { generator })),
        ...numbersOf(engine.randint(0, 1000, [3], { generator })),
      ];
      // torch.rand(3), the first and last of torch.randn(17), torch.randint(0, 1000, (3,)) after torch.manual_seed(0).
      const wanted = [0.4962565899, 0.7682217955, 0.0884774327, -0.4338788092, 0.0537369028, 822, 999, 711];
      const got = [...drawn.slice(0, 4), ...drawn.slice(19)];
      const off = got.findIndex((x, i) => Math.abs(Number(x) - wanted[i]!) > 1e-9);
      return off < 0 ? undefined : `number ${off} is ${got[off]}, PyTorch's ${wanted[off]}`;
    },
  },
];
