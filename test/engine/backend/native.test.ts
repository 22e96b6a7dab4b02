// The addon: the number of threads, instruction sets, worker threads, denormals, flat memory in a loop. What threads compute is in
// test/native/thread-pool.test.ts.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { NODE_WORDS, urlOf } from '../../support/program.js';

/** Runs a module body in a fresh process, and returns what it printed. */
function fresh(body: string, env: Record<string, string> = {}): string {
  const engine = urlOf('engine/index');
  const code = `import * as torch from '${engine}';\n${body}`;
  const result = spawnSync(process.execPath, [...NODE_WORDS, '--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 120_000,
  });
  if (result.status !== 0) throw new Error(`exit ${result.status} ${result.signal ?? ''}\n${result.stderr}`);
  return result.stdout.trim();
}

const mixture = `
  torch.manualSeed(5);
  const a = torch.randn(70, 131), b = torch.randn(131, 97), c = torch.randn(200003);
  const out = [a.matmul(b), c.exp(), c.sum(), a.sum(0), a.sum(1), c.argsort(), c.reshape(200003).cumsum(0), torch.randperm(5000)];
`;

describe('threads', () => {
  it('refuses a number of threads that is none', () => {
    for (const n of [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 1025, 100000])
      expect(() => torch.setNumThreads(n), String(n)).toThrow(torch.ValueError);
    expect(() => torch.setNumThreads('2' as never)).toThrow(TypeError);
  });
  it('does without threads that cannot be made', { timeout: 120_000 }, () => {
    // Room for some of them: the stack of each reserves 8 MB.
    const text = fresh(`
      import { execFileSync } from 'node:child_process';
      import { readFileSync } from 'node:fs';
      const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]);
      execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (pages * 4096 + 1e9)]);
      torch.setNumThreads(1024);
      const x = torch.ones([1 << 20]);
      const y = x.add(1).sum().item();
      torch.setNumThreads(2);
      const z = x.exp().cumsum(0).max().item() > 0;
      torch.setNumThreads(1000);
      console.log(JSON.stringify([y, z, x.view(1024, 1024).mm(x.view(1024, 1024)).sum().item(), torch.getNumThreads()]));`);
    expect(JSON.parse(text)).toEqual([2 ** 21, true, 2 ** 30, 1000]);
  });
});

describe('instruction sets', () => {
  const run = (isa: string): { isa: string; values: number[] } =>
    JSON.parse(
      fresh(
        `${mixture}
        const values = out.map((t) => t.to('float64').abs().mean().item());
        console.log(JSON.stringify({ isa: torch.backendInfo().isa, values }));`,
        { TORCHSTONE_ISA: isa },
      ),
    ) as { isa: string; values: number[] };
  it('agree with the baseline', () => {
    const base = run('baseline');
    expect(base.isa).toBe('baseline');
    const best = run('');
    best.values.forEach((v, i) => {
      expect(Math.abs(v - base.values[i]!)).toBeLessThanOrEqual(1e-5 * Math.abs(v));
    });
  });
});

describe('denormals', () => {
  it('survive in the engine and in plain JavaScript', () => {
    const tiny = 5e-324;
    const x = torch.tensor([tiny, 2e-310], { dtype: 'float64' });
    expect(x.mul(1).tolist()).toEqual([tiny, 2e-310]);
    expect(torch.tensor([1e-42]).add(0).item()).toBe(Math.fround(1e-42));
    let product = 1e-300;
    product *= 1e-15;
    expect(product).not.toBe(0);
  });
});

describe('worker threads', () => {
  it('load the addon side by side, each with its own memory', () => {
    const engine = urlOf('engine/index');
    const text = fresh(`
      import { Worker } from 'node:worker_threads';
      const body = \`import('tsx/esm/api').then(async ({ register }) => { register(); const torch = await import('${engine}');
        const x = torch.ones(1000, 1000); let y = x; for (let i = 0; i < 50; i++) y = y.add(x);
        (await import('node:worker_threads')).parentPort.postMessage(y.sum().item()); });\`;
      const results = await Promise.all([1, 2, 3].map(() => new Promise((done, fail) => {
        const w = new Worker(body, { eval: true }); w.on('message', done); w.on('error', fail);
      })));
      console.log(JSON.stringify([...results, torch.ones(3).sum().item()]));
      process.exit(0);
    `);
    expect(JSON.parse(text)).toEqual([51e6, 51e6, 51e6, 3]);
  });
});

describe('memory', () => {
  it('stays flat in a synchronous loop of large results', () => {
    const peak = Number(
      fresh(`
        const a = torch.ones(2500, 1000), b = torch.ones(2500, 1000);
        for (let i = 0; i < 400; i++) a.add(b);
        console.log(torch.memoryStats().peakReservedBytes);`),
    );
    expect(peak).toBeLessThan(300e6);
  });
  it('is shared with JavaScript, which keeps it alive', () => {
    const data = torch.ones(100_000).numpy().data as Float32Array;
    for (let i = 0; i < 200; i++) torch.zeros(100_000);
    expect(data.every((v) => v === 1)).toBe(true);
  });
});

describe('sinh and cosh', () => {
  it('stay finite and right where half the exponential does', () => {
    for (const [dtype, points] of [
      ['float32', [81.1, 88.5, 88.9, 89, 89.41]],
      ['float64', [700.5, 709.5, 710, 710.4]],
    ] as const) {
      const x = torch.tensor([...points], { dtype });
      const numbers = (y: torch.Tensor) => Array.from(y.numpy().data as ArrayLike<number>);
      const want = numbers(x).map((v) => (Math.exp(v - 64) / 2) * Math.exp(64));
      const close = dtype === 'float32' ? 2 ** -23 : 2 ** -50;
      for (const got of [x.cosh(), x.sinh(), x.neg().sinh().neg()])
        numbers(got).forEach((v, i) => {
          expect(Math.abs(v / want[i]! - 1)).toBeLessThan(close);
        });
    }
    expect(torch.tensor([90], { dtype: 'float32' }).sinh().item()).toBe(Number.POSITIVE_INFINITY);
    expect(torch.tensor([Number.NaN]).cosh().item()).toBeNaN();
  });
});

describe('a product and a sum', () => {
  // (1 + 2⁻¹²)² − (1 + 2⁻¹¹) = 2⁻²⁴, which a rounded product has lost; whole registers, tails and integers.
  const lists = (n: number, dtype: 'float32' | 'int32', factor: number, sum: number) =>
    [sum, factor, factor].map((v) => torch.full([n], v, { dtype })) as [
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
    ];
  it.each([1, 16, 37])('are rounded once in %i elements', (n) => {
    const [c, a, b] = lists(n, 'float32', 1 + 2 ** -12, -(1 + 2 ** -11));
    const one = 1 + 2 ** -12;
    expect(torch.addcmul(c, a, b).tolist()).toEqual(Array(n).fill(2 ** -24));
    expect(torch.add(c, a, { alpha: one }).tolist()).toEqual(Array(n).fill(2 ** -24));
    expect(torch.sub(c, a, { alpha: -one }).tolist()).toEqual(Array(n).fill(2 ** -24));
    expect(torch.rsub(a, c, { alpha: -one }).tolist()).toEqual(Array(n).fill(2 ** -24));
    const whole = lists(n, 'int32', 70000, 5);
    expect(torch.addcmul(...whole).tolist()).toEqual(Array(n).fill((70000 * 70000 + 5) | 0));
  });
});

/** NumPy's pairwise sum in float32: blocks of 128 by eight accumulators, then by halves (numpy/_core/src/umath/loops_utils.h). */
function pairwise(x: Float32Array, from = 0, n = x.length): number {
  const f = Math.fround;
  if (n <= 128) {
    const r = Array.from(x.subarray(from, from + 8));
    for (let i = 8; i + 8 <= n; i += 8) for (let j = 0; j < 8; j++) r[j] = f(r[j]! + x[from + i + j]!);
    const low = f(f(r[0]! + r[1]!) + f(r[2]! + r[3]!));
    let sum = f(low + f(f(r[4]! + r[5]!) + f(r[6]! + r[7]!)));
    for (let i = n - (n % 8); i < n; i++) sum = f(sum + x[from + i]!);
    return sum;
  }
  const half = (n >> 1) - ((n >> 1) % 8);
  return f(pairwise(x, from, half) + pairwise(x, from + half, n - half));
}

/** The sum in float64, with Kahan's compensation. */
function exactly(x: Float32Array): number {
  let sum = 0;
  let carry = 0;
  for (const v of x) {
    const y = v - carry;
    const t = sum + y;
    carry = t - sum - y;
    sum = t;
  }
  return sum;
}

describe('a variance', () => {
  it('divides the sum before it is rounded', () => {
    const row = Array.from({ length: 12 }, (_, i) => (i % 2 ? 3001 : -3001));
    const x = torch.tensor([row, row], { dtype: 'float32' });
    // 12 · 3001² / 11 = 9,824,728.36…, of a rounded sum 9,824,729.
    expect(x.select(0, 0).var().item()).toBe(9824728);
    expect(x.var(1).tolist()).toEqual([9824728, 9824728]);
  });

  it('of no rows has the dtype of any other', () => {
    for (const dtype of ['float32', 'bfloat16', 'float64'] as const) {
      const none = torch.zeros([0, 1, 2], { dtype });
      expect([none.var(2).dtype, none.std(2).dtype, none.mean(2).dtype].map(String)).toEqual(
        Array(3).fill(`torch.${dtype}`),
      );
    }
  });
});

describe('a product of matrices', () => {
  it.each([
    [64, 1024],
    [32, 256],
  ])('of %i rows and %i terms adds up short chains', (m, k) => {
    // Positive terms without a pattern; one chain of all terms is off by more than ten units, short ones by less than six.
    const drawn = (n: number, seed: number) =>
      Float32Array.from({ length: n }, (_, i) => 0.5 + ((i * 0.6180339887 + seed) % 1) * (1 + (i % 7)));
    const of = (data: Float32Array, shape: number[]) => torch.fromNumpy({ data, shape, dtype: 'float32' });
    const [a, b] = [of(drawn(m * k, 0.1), [m, k]), of(drawn(m * k, 0.7), [k, m])];
    const got = a.matmul(b).numpy().data as Float32Array;
    const want = a.to('float64').matmul(b.to('float64')).numpy().data as Float64Array;
    const errors = Array.from(
      got,
      (v, i) => Math.abs(v - want[i]!) / 2 ** (Math.floor(Math.log2(want[i]!)) - 23),
    );
    expect(Math.max(...errors)).toBeLessThan(8);
  });
});

describe('sums', () => {
  it('of float32 ones plus noise are as accurate as pairwise ones', () => {
    torch.manualSeed(11);
    const errors = { ours: 0, pairwise: 0 };
    for (let i = 0; i < 12; i++) {
      const x = torch
        .randn(1_000_003 + 64 * i)
        .mul(1e-3)
        .add(1);
      const data = x.numpy().data as Float32Array;
      const exact = exactly(data);
      expect(Math.abs(Number(x.sum(null, false, { dtype: 'float64' }).item()) - exact) / exact).toBeLessThan(
        1e-15,
      );
      const ours = Number(x.sum().item());
      errors.ours += ((ours - exact) / exact) ** 2;
      errors.pairwise += ((pairwise(data) - exact) / exact) ** 2;
      // Two roundings of a float32 are the most that ever showed; the result's own is one half.
      expect(Math.abs(ours - exact) / exact).toBeLessThan(2 ** -23);
    }
    expect(errors.ours).toBeLessThanOrEqual(errors.pairwise);
  });

  it('along columns and rows are too', () => {
    torch.manualSeed(12);
    const x = torch.randn(1_003, 517).mul(1e-3).add(1);
    for (const dim of [0, 1]) {
      const exact = x.to('float64').sum(dim);
      const error = x.sum(dim).to('float64').sub(exact).div(exact).abs().max();
      expect(Number(error.item())).toBeLessThan(2 ** -23);
    }
  });
});

describe('dispose', () => {
  it('gives memory back at once, and refuses the tensor afterwards', () => {
    const x = torch.ones(100_000);
    const live = torch.memoryStats().liveBlocks;
    x.dispose();
    expect(torch.memoryStats().liveBlocks).toBe(live - 1);
    for (const use of [
      () => x.add(1),
      () => x.sum(),
      () => x.clone(),
      () => x.tolist(),
      () => x.matmul(x),
      () => x.at(0).item(),
    ]) {
      expect(use).toThrow(/disposed/);
    }
    x.dispose();
    const one = torch.ones(1);
    one.detach();
    one.dispose();
    expect(() => one.item()).toThrow(/disposed/);
  });
  it('refuses a disposed tensor that a gradient saved, also where the gradient is summed as it is computed', () => {
    const w = torch.ones(1, { requiresGrad: true });
    const x = torch.ones(100_000);
    const y = w.mul(x).sum();
    x.dispose();
    expect(() => y.backward()).toThrow(/disposed/);
  });
  it('leaves memory that a view, an alias or an array still shows', () => {
    const x = torch.ones(100_000);
    const [v, d, n] = [x.view(1000, 100), x.detach(), x.numpy()];
    x.dispose();
    for (let i = 0; i < 50; i++) torch.zeros(100_000);
    expect([v.sum().item(), d.sum().item(), n.data[99_999]]).toEqual([100_000, 100_000, 1]);
  });
});

describe('the pool', () => {
  it('reuses what died old: results that survive minor collections before they die', () => {
    const peak = Number(
      fresh(`
        for (let i = 0; i < 20; i++) {
          const x = torch.randn([2500, 2500]), y = torch.randn([2500, 2500]);
          x.add(y);
        }
        console.log(torch.memoryStats().peakReservedBytes);`),
    );
    expect(peak).toBeLessThan(300e6);
  });
});
