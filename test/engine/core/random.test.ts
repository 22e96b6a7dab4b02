// The generator 'mt19937' against PyTorch: recorded sequences of random calls (fixtures/random, suites/reference/make_random.py),
// and fresh ones where PyTorch is installed. Values and states to the bit.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import * as torch from '../../../engine/index.js';
import { findReferences } from '../../../suites/runner/references.js';
import { ROOT } from '../../support/root.js';

interface Step {
  readonly op: string;
  readonly size?: readonly number[];
  readonly layout?: 'contiguous' | 'transposed' | 'strided' | 'permuted';
  readonly dtype: torch.DTypeName;
  readonly params?: readonly never[];
  readonly shape: readonly number[];
  readonly values: string;
  readonly state: string;
}
interface Sequence {
  readonly seed: number;
  readonly steps: readonly Step[];
}
interface Recorded {
  readonly torch: string;
  readonly sequences: readonly Sequence[];
  readonly states: readonly { readonly seed: string; readonly state: string; readonly values: string }[];
}

/** The bytes of a tensor in row-major order, or their digest where they are many: as make_random.py gives them. */
function digest(x: torch.Tensor): string {
  const fresh = torch.empty(x.shape, { dtype: x.dtype }).copy_(x);
  const { data } = fresh.numpy() as { data: Uint8Array };
  const bytes = Buffer.from(data.buffer, data.byteOffset, x.numel() * x.dtype.itemSize);
  return bytes.length <= 48
    ? bytes.toString('base64')
    : `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The input of a step: see laid_out in make_random.py. */
function input(step: Step): torch.Tensor {
  const base = [...step.size!];
  if (step.layout === 'transposed') base.reverse();
  if (step.layout === 'strided') base.push(base.pop()! * 2);
  if (step.layout === 'permuted') base.push(base.shift()!);
  const n = base.reduce((a, b) => a * b, 1);
  const values = Float64Array.from({ length: n }, (_, k) => (((37 * k) % 101) - 50) / 16);
  const x = torch.tensor(values).to(step.dtype).reshape(base);
  const dims = base.map((_, d) => d);
  if (step.layout === 'transposed') return x.permute(dims.reverse());
  if (step.layout === 'strided') return x.at('...', '::2');
  if (step.layout === 'permuted') return x.permute([dims.length - 1, ...dims.slice(0, -1)]);
  return x;
}
function weights(step: Step): torch.Tensor {
  const n = step.size!.reduce((a, b) => a * b, 1);
  const values = Float64Array.from({ length: n }, (_, k) => (((37 * k) % 101) + 1) / 128);
  return torch.tensor(values).to(step.dtype).reshape(step.size!);
}

const nn = torch.nn.functional;
/** Each call of make_random.py. */
const calls: Readonly<Record<string, (s: Step, p: readonly never[]) => torch.Tensor>> = {
  rand: (s) => torch.rand(s.size!, { dtype: s.dtype }),
  randn: (s) => torch.randn(s.size!, { dtype: s.dtype }),
  randint: (s, [low, high]) => torch.randint(low!, high!, s.size!, { dtype: s.dtype }),
  randperm: (s, [n]) => torch.randperm(n!, { dtype: s.dtype }),
  normal: (s, [mean, std]) => torch.normal(mean!, std!, s.size!, { dtype: s.dtype }),
  randLike: (s) => torch.randLike(input(s)),
  randnLike: (s) => torch.randnLike(input(s)),
  randintLike: (s, [low, high]) => torch.randintLike(input(s), low!, high!),
  uniform_: (s, [a, b]) => input(s).uniform_(a, b),
  normal_: (s, [a, b]) => input(s).normal_(a, b),
  cauchy_: (s, [a, b]) => input(s).cauchy_(a, b),
  logNormal_: (s, [a, b]) => input(s).logNormal_(a, b),
  exponential_: (s, [a]) => input(s).exponential_(a),
  geometric_: (s, [p]) => input(s).geometric_(p!),
  bernoulli_: (s, [p]) => input(s).bernoulli_(p),
  bernoulli: (s) => torch.bernoulli(weights(s)),
  bernoulliP: (s, [p]) => torch.bernoulli(input(s), p),
  normalByMean: (s, [std]) => torch.normal(input(s), std),
  normalByStd: (s, [mean]) => torch.normal(mean!, weights(s)),
  normalByBoth: (s) => torch.normal(input(s), weights(s)),
  multinomial: (s, [n, replacement]) => torch.multinomial(weights(s), n!, replacement),
  dropout: (s, [p]) => nn.dropout(input(s), p),
  dropout1d: (s, [p]) => nn.dropout1d(input(s), p),
  dropout2d: (s, [p]) => nn.dropout2d(input(s), p),
  dropout3d: (s, [p]) => nn.dropout3d(input(s), p),
  alphaDropout: (s, [p]) => nn.alphaDropout(input(s), p, true),
  featureAlphaDropout: (s, [p]) => nn.featureAlphaDropout(input(s), p, true),
  rrelu: (s, [lower, upper]) => nn.rrelu(input(s), lower, upper, true),
  fractionalMaxPool2d: (s, outputSize) => nn.fractionalMaxPool2d(input(s), 2, outputSize),
};

/** What differs, in words: the first step of each sequence. */
function differences(sequences: readonly Sequence[]): string[] {
  return sequences.flatMap(({ seed, steps }) => {
    torch.manualSeed(seed);
    for (const [i, step] of steps.entries()) {
      const where = `seed ${seed}, step ${i}: ${JSON.stringify({ ...step, values: '', state: '' })}`;
      try {
        const out = calls[step.op]!(step, step.params ?? []);
        if (String(out.shape) !== String(step.shape)) return [`shape: ${where}`];
        if (digest(out) !== step.values) return [`values: ${where}`];
        if (digest(torch.getRngState()) !== step.state) return [`state: ${where}`];
      } catch (error) {
        return [`${String(error)}: ${where}`];
      }
    }
    return [];
  });
}

const recorded = JSON.parse(
  readFileSync(join(ROOT, 'fixtures', 'random', 'streams.json'), 'utf8'),
) as Recorded;
const before = torch.getDefaultGenerator();
const mersenne = new torch.Generator({ algorithm: 'mt19937' });
const { python, references } = await findReferences();
const reason = references.torch.missing ?? references.numpy.missing;
afterAll(() => torch.setDefaultGenerator(before));

describe('mt19937 gives the numbers of PyTorch', () => {
  beforeAll(() => torch.setDefaultGenerator(mersenne));
  test('recorded sequences take every call and dtype', () => {
    const steps = recorded.sequences.flatMap((s) => s.steps);
    expect(new Set(steps.map((s) => s.op))).toEqual(new Set(Object.keys(calls)));
    expect(new Set(steps.map((s) => s.dtype)).size).toBe(12);
    expect(steps.length).toBeGreaterThan(500);
  });
  test('in recorded sequences', () => expect(differences(recorded.sequences)).toEqual([]));
  it.skipIf(reason !== undefined)(
    `in fresh sequences${reason ? ` (skipped: ${reason})` : ''}`,
    () => {
      const script = join(ROOT, 'suites', 'reference', 'make_random.py');
      const seed = Math.floor(Math.random() * 2 ** 31);
      const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
      const said = execFileSync(python!, [script, String(seed), '60'], { env, maxBuffer: 1 << 28 });
      expect(differences(JSON.parse(String(said)) as Sequence[]), `make_random.py ${seed} 60`).toEqual([]);
    },
    60_000,
  );
});

describe('a generator', () => {
  const of = (algorithm: torch.RandomAlgorithm): torch.Generator => new torch.Generator({ algorithm });
  const both = ['philox', 'mt19937'] as const;
  const bytes = (x: torch.Tensor): string => Buffer.from(x.tolist() as number[]).toString('base64');
  const stateOf = (base64: string): torch.Tensor =>
    torch.tensor([...Buffer.from(base64, 'base64')], { dtype: 'uint8' });

  test('takes states of PyTorch and gives the same back', () => {
    for (const { seed, state, values } of recorded.states) {
      const g = of('mt19937').setState(stateOf(state));
      expect(bytes(g.getState())).toBe(state);
      expect(String(g.initialSeed())).toBe(seed);
      expect(digest(torch.randn([3], { dtype: 'float64', generator: g }))).toBe(values);
    }
    // Negative seeds are two's complements: the third was seeded with −1.
    expect(recorded.states[2]!.seed).toBe('18446744073709551615');
    expect(of('mt19937').manualSeed(-1).initialSeed()).toBe(2n ** 64n - 1n);
    const fresh = of('mt19937').manualSeed(2n ** 63n);
    expect(fresh.initialSeed()).toBe(2n ** 63n);
    expect(bytes(of('mt19937').manualSeed(0).getState())).toBe(recorded.states[0]!.state);
  });

  test.each(both)('%s goes on from its state', (algorithm) => {
    const g = of(algorithm).manualSeed(5);
    torch.randn([3], { generator: g });
    const state = g.getState();
    const once = torch.randn([40], { generator: g }).tolist();
    expect(torch.randn([40], { generator: g }).tolist()).not.toEqual(once);
    expect(torch.randn([40], { generator: g.setState(state) }).tolist()).toEqual(once);
    expect(g.initialSeed()).toBe(5);
    // A state is a copy.
    state.zero_();
    expect(torch.randn([40], { generator: g }).tolist()).not.toEqual(once);
  });

  test.each(both)('%s is drawn from where it is named', (algorithm) => {
    const others: Readonly<Record<string, (generator: torch.Generator) => torch.Tensor>> = {
      rand: (generator) => torch.rand([5], { generator }),
      randn: (generator) => torch.randn([20], { generator }),
      randint: (generator) => torch.randint(0, 100, [5], { generator }),
      randperm: (generator) => torch.randperm(9, { generator }),
      randLike: (generator) => torch.randLike(torch.ones(5), { generator }),
      randnLike: (generator) => torch.randnLike(torch.ones(5), { generator }),
      randintLike: (generator) => torch.randintLike(torch.ones(5), 100, { generator }),
      bernoulli: (generator) => torch.bernoulli(torch.full([40], 0.5), { generator }),
      multinomial: (generator) => torch.multinomial(torch.ones(50), 9, { generator }),
      normal: (generator) => torch.normal(0, 1, [5], { generator }),
      uniform_: (generator) => torch.ones(5).uniform_({ generator }),
      geometric_: (generator) => torch.ones(40).geometric_(0.2, { generator }),
    };
    for (const [name, one] of Object.entries(others)) {
      const unmoved = bytes(torch.getRngState());
      const g = of(algorithm).manualSeed(3);
      const first = one(g).tolist();
      expect(one(g).tolist(), name).not.toEqual(first);
      expect(one(g.manualSeed(3)).tolist(), name).toEqual(first);
      expect(bytes(torch.getRngState()), name).toBe(unmoved);
    }
  });

  test('starts at the fixed seed of PyTorch, and of the default one the functions speak', () => {
    const g = of('mt19937');
    expect(g.initialSeed()).toBe(67280421310721);
    expect(new torch.Generator().algorithm).toBe('philox');
    const kept = torch.getDefaultGenerator();
    try {
      torch.setDefaultGenerator(g);
      expect(torch.manualSeed(7)).toBe(g);
      expect(torch.initialSeed()).toBe(7);
      const state = torch.getRngState();
      const drawn = torch.rand([3]).tolist();
      torch.setRngState(state);
      expect(torch.rand([3]).tolist()).toEqual(drawn);
      const seed = torch.seed();
      expect(seed).toBe(torch.initialSeed());
      expect(torch.seed()).not.toBe(seed);
    } finally {
      torch.setDefaultGenerator(kept);
    }
  });

  test('refuses what is no seed, state or generator, as PyTorch does', () => {
    const g = of('mt19937');
    expect(() => g.manualSeed(1.5)).toThrow(/manual_seed expected a long, but got number/);
    expect(() => g.manualSeed(2n ** 64n)).toThrow(torch.ValueError);
    expect(() => g.manualSeed(-(2n ** 63n) - 1n)).toThrow(/Overflow when unpacking long long/);
    const state = g.getState();
    expect(() => g.setState(state.narrow(0, 0, 5048))).toThrow(/size 5056 but found .* 5048/);
    expect(() => g.setState(state.float())).toThrow(torch.ArgumentError);
    expect(() => g.setState(3 as never)).toThrow(/expected a torch.ByteTensor, but got 3/);
    expect(() => new torch.Generator().setState(state)).toThrow(/RNG state is wrong size/);
    // left, seeded, next: the addon must never read beyond the words.
    for (const changed of [
      { 8: 0 },
      { 11: 255 },
      { 12: 0 },
      { 17: 3 },
      { 8: 2, 16: 112, 17: 2 }, // the last word is used up, and one more is left
    ]) {
      const broken = state.clone();
      for (const [at, value] of Object.entries(changed)) broken.setAt([Number(at)], value);
      expect(() => g.setState(broken), JSON.stringify(changed)).toThrow(/Invalid mt19937 state/);
    }
    expect(bytes(g.getState())).toBe(bytes(state));
    expect(() => new torch.Generator({ algorithm: 'pcg' as never })).toThrow(torch.ValueError);
    expect(() => new torch.Generator({ algoritm: 'philox' } as never)).toThrow(/'algorithm'/);
    expect(() => torch.setDefaultGenerator(5 as never)).toThrow(torch.ArgumentError);
    expect(() => torch.rand([2], { generator: 5 as never })).toThrow(torch.ArgumentError);
    expect(() => torch.empty([3], { dtype: 'complex64' }).exponential_(1, { generator: g })).toThrow(
      torch.NotImplementedError,
    );
  });

  test('starts differently in every process and worker, and alike after manualSeed', async () => {
    const file = JSON.stringify(join(ROOT, 'engine', 'index.ts'));
    const code = (say: string): string =>
      `import('tsx/esm/api').then(async ({ register }) => {
        register();
        const torch = await import(${file});
        const draw = () => torch.rand([4]).tolist().join();
        ${say}(JSON.stringify([draw(), torch.manualSeed(1) && draw()]));
      });`;
    const inWorker = new Promise<string>((resolve, reject) => {
      const body = code("(await import('node:worker_threads')).parentPort.postMessage");
      new Worker(body, { eval: true }).once('message', resolve).once('error', reject);
    });
    const child = ['-e', code('console.log')];
    const inProcess = execFileSync(process.execPath, child, { cwd: ROOT, encoding: 'utf8' });
    torch.setDefaultGenerator(before);
    const draw = (): string => (torch.rand([4]).tolist() as number[]).join();
    const here = JSON.stringify([draw(), torch.manualSeed(1) && draw()]);
    const said = [here, inProcess, await inWorker].map(
      (text) => JSON.parse(text) as [unseeded: string, seeded: string],
    );
    expect(new Set(said.map(([unseeded]) => unseeded)).size).toBe(3);
    expect(new Set(said.map(([, seeded]) => seeded)).size).toBe(1);
  }, 120_000);
});
