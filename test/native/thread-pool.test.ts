// The thread pool: the same bits for any number of threads in every kernel family, several callers at once, a busy process, threads that
// cannot be made, fork, and how many threads there are by default.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { addonPath } from '../../engine/backend/addon.js';
import * as torch from '../../engine/index.js';

const threads = torch.getNumThreads();
afterEach(() => torch.setNumThreads(threads));

const engine = new URL('../../engine/index.ts', import.meta.url).href;

/** Runs a module body in a fresh process, and returns what it printed. */
function fresh(body: string, env: Record<string, string> = {}): string {
  const code = `import * as torch from '${engine}';\n${body}`;
  const result = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 120_000,
  });
  if (result.status !== 0) throw new Error(`exit ${result.status} ${result.signal ?? ''}\n${result.stderr}`);
  return result.stdout.trim();
}

/** The source of a worker thread that runs a module body. */
const inWorker = (body: string): string =>
  `import('tsx/esm/api').then(async ({ register }) => { register(); const torch = await import('${engine}'); ${body} });`;

const bits = (t: torch.Tensor): string =>
  Buffer.from(t.detach().contiguous().numpy().data.slice().buffer).toString('base64');

type Results = Record<string, () => torch.Tensor[]>;

/** Calls of every kernel family, each large enough for several threads and for several chunks. */
function families(): Results {
  torch.manualSeed(5);
  const long = torch.randn(300_007);
  const wide = torch.randn(301, 1003);
  const deep = torch.randn(64, 40, 51);
  const whole = torch.randint(-90, 90, [301, 1003]);
  const images = torch.randn(5, 6, 33, 31, { requiresGrad: true });
  const filters = torch.randn(8, 3, 3, 3, { requiresGrad: true });
  const at = torch.randint(0, 301, [70_001]);
  const square = torch.randn(40, 12, 12);
  return {
    'pointwise, direct': () => [long.add(long), long.exp(), wide.add(wide.at(0)), long.gt(0)],
    'pointwise, tiles': () => [
      wide.t().mul(wide.t().contiguous()).sub(1),
      deep.permute(2, 0, 1).add(long.at(0)),
    ],
    'pointwise, copies': () => [long.to('float64'), wide.t().contiguous(), torch.cat([long, long])],
    'pointwise, many tensors': () => {
      const p = [long.clone(), wide.clone(), deep.clone()].map((t) => t.requiresGrad_());
      for (const t of p) t.grad = t.detach().mul(0.5);
      new torch.optim.AdamW(p, { lr: 0.1, foreach: true }).step();
      return p;
    },
    reduce: () => [
      long.sum(),
      wide.sum(0),
      wide.sum(1),
      deep.prod(1),
      wide.argmax(1),
      wide.amin(0),
      whole.sum(1),
    ],
    'reduce, few of many chunks': () => [
      long.argmin(),
      wide.t().contiguous().sum(0),
      torch.ones(3, 200_003).sum(1),
    ],
    rowwise: () => [
      wide.softmax(1),
      wide.softmax(0),
      torch.nn.functional.layerNorm(wide, [1003]),
      deep.logSoftmax(1),
    ],
    scan: () => [wide.cumsum(1), wide.cumsum(0), wide.cummax(1)[0], deep.cumprod(1)],
    'gemm, blocked': () => [wide.mm(wide.t()), wide.t().mm(wide), wide.double().mm(wide.double().t())],
    'gemm, vectors': () => [wide.mv(wide.at(3)), wide.t().mv(wide.at(':', 2)), long.dot(long)],
    'gemm, batches': () => [
      deep.bmm(deep.transpose(1, 2)),
      torch.randn(300, 9, 7).bmm(torch.randn(300, 7, 5)),
    ],
    'gemm, integers': () => [whole.mm(whole.t()), whole.to('int8').mm(whole.t().to('int8'))],
    conv: () => {
      const y = torch.nn.functional.conv2d(images, filters, { stride: 2, padding: 1, groups: 2 });
      return [y, ...(torch.autograd.grad(y.square().sum(), [images, filters]) as torch.Tensor[])];
    },
    index: () => [
      wide.indexSelect(0, at.at(':500')),
      long.at(at),
      torch.gather(wide, 1, whole.abs()),
      whole.nonzero(),
    ],
    sort: () => [...wide.sort(1), ...long.sort(), ...long.topk(100), long.argsort({ descending: true })],
    'sort, selected': () => [
      ...wide.topk(5, 1),
      ...long.topk(18_000),
      ...whole.flatten().sort({ stable: true }),
    ],
    search: () => [torch.searchsorted(long.sort()[0], wide)],
    random: () => {
      torch.manualSeed(11);
      return [torch.rand(100_001), torch.randn(70_003, { dtype: 'float64' }), torch.randperm(70_001)];
    },
    arange: () => [torch.arange(200_003), torch.arange(0, 7, 1e-4)],
    fft: () =>
      [torch.fft.rfft(wide), torch.fft.fft(deep, null, 1), torch.fft.fft(wide.at(':', ':97'))].map((t) =>
        torch.viewAsReal(t),
      ),
    linalg: () => [
      torch.linalg.inv(square),
      torch.linalg.qr(square)[1],
      torch.linalg.svdvals(square),
      torch.linalg.det(square),
    ],
  };
}

describe('results', () => {
  const calls = families();
  it.each(Object.keys(calls))('of %s are the same for 1, 2, 3 and 7 threads', (name) => {
    const run = (n: number): string[] => {
      torch.setNumThreads(n);
      torch.manualSeed(3);
      return calls[name]!().map(bits);
    };
    const alone = run(1);
    for (const n of [2, 3, 7]) for (let turn = 0; turn < 3; turn++) expect(run(n)).toEqual(alone);
  });

  it('are the same where several worker threads call at once', { timeout: 120_000 }, () => {
    const body = `
      torch.setNumThreads(3);
      const x = torch.arange(300_007).mul(0.37).sin(), m = x.at(':90000').reshape(300, 300);
      const sums = () => [x.exp().sum(), m.mm(m).sum(), m.softmax(1).amax(), x.sort()[0].cumsum(0).at(1000)].map((t) => t.item());
      const seen = new Set();
      for (let i = 0; i < 10; i++) seen.add(JSON.stringify(sums()));`;
    const text = fresh(`
      import { Worker } from 'node:worker_threads';
      ${body}
      const others = [0, 1, 2].map(() => new Worker(${JSON.stringify(
        inWorker(`${body}
        (await import('node:worker_threads')).parentPort.postMessage([...seen]);`),
      )}, { eval: true }));
      const found = await Promise.all(others.map((w) => new Promise((done, fail) => w.on('message', done).on('error', fail))));
      console.log(JSON.stringify([...new Set([...seen, ...found.flat()])]));`);
    expect(JSON.parse(text)).toHaveLength(1);
  });

  it('are the same, and come, beside busy processes', { timeout: 60_000 }, () => {
    const x = torch.randn(100_000);
    torch.setNumThreads(1);
    const want = bits(x.add(x));
    torch.setNumThreads(4);
    const busy = [0, 1, 2].map(() =>
      spawn(process.execPath, ['-e', 'setTimeout(() => process.exit(), 20000); for (;;);']),
    );
    try {
      for (let i = 0; i < 200; i++) expect(bits(x.add(x))).toBe(want);
    } finally {
      for (const child of busy) child.kill('SIGKILL');
    }
  });
});

describe('the pool', () => {
  const check = join(addonPath, '..', 'shim', 'thread-pool-check');
  const run = (...args: string[]): string =>
    execFileSync(check, args, { encoding: 'utf8', timeout: 60_000 }).trim();
  it.skipIf(!existsSync(check)).each([
    ['claims', 'hands out every chunk once, to several callers'],
    ['fork', 'makes new workers in a child process'],
    ['limit', 'does with the threads that can be made'],
    ['memory', 'reports what a worker lacked'],
  ])('%s: %s', (what) => {
    expect(run(what)).toBe(`${what}: ok`);
  });

  it.skipIf(!existsSync(check))("reads the control group's quota", () => {
    const root = mkdtempSync(join(tmpdir(), 'quota-'));
    const quota = (membership: string, files: Record<string, string>): number => {
      rmSync(root, { recursive: true });
      for (const [path, text] of Object.entries({ ...files, membership })) {
        mkdirSync(join(root, path, '..'), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      return Number(run('quota', join(root, 'membership'), root));
    };
    expect(quota('0::/\n', { 'cpu.max': 'max 100000\n' })).toBe(0);
    expect(quota('0::/\n', { 'cpu.max': '150000 100000\n' })).toBe(1.5);
    // The least of a group and those around it.
    expect(quota('0::/a/b\n', { 'a/cpu.max': '300000 100000\n', 'a/b/cpu.max': '400000 100000\n' })).toBe(3);
    const old = { 'cpu/g/cpu.cfs_quota_us': '50000\n', 'cpu/g/cpu.cfs_period_us': '100000\n' };
    expect(quota('4:memory:/g\n2:cpu,cpuacct:/g\n', old)).toBe(0.5);
    expect(quota('2:cpu:/g\n', { ...old, 'cpu/g/cpu.cfs_quota_us': '-1\n' })).toBe(0);
    // The path of the host, of which a container has only the end.
    expect(
      quota('2:cpu:/host/g\n', { 'cpu/cpu.cfs_quota_us': '200000\n', 'cpu/cpu.cfs_period_us': '100000\n' }),
    ).toBe(2);
    expect(quota('', {})).toBe(0);
    rmSync(root, { recursive: true });
  });

  it('has as many threads as the environment says', () => {
    const number = 'console.log(torch.getNumThreads());';
    expect(fresh(number, { OMP_NUM_THREADS: '5,2', TORCHSTONE_THREADS: '' })).toBe('5');
    expect(fresh(number, { OMP_NUM_THREADS: '3', TORCHSTONE_THREADS: '4' })).toBe('4');
  });
});
