// Required ratios of the CPU backend: the rows, the ceilings, the page, and the oracle's workloads. It times nothing
// that it judges.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStats } from '../../../engine/index.js';
import { reachOf, verdictOf } from '../../../reports/ceilings.js';
import { consoleSummary } from '../../../reports/console.js';
import { htmlReport } from '../../../reports/html.js';
import { performancePage } from '../../../reports/performance.js';
import {
  type BenchRow,
  type Ceiling,
  type RunResult,
  RunResultSchema,
} from '../../../reports/schema/index.js';
import { measureCeilings, raisedBy } from '../../../suites/bench/ceilings.js';
import { cpuRows } from '../../../suites/bench/cpu-rows.js';
import { meanRow } from '../../../suites/bench/cpu-sweep.js';
import { EngineRow } from '../../../suites/bench/engine-row.js';
import { benchSuite } from '../../../suites/bench/index.js';
import { BenchInputs } from '../../../suites/bench/inputs.js';
import { runRow } from '../../../suites/bench/run-row.js';
import { ReferenceWorker } from '../../../suites/bench/worker.js';
import { readArguments, UsageError } from '../../../suites/cli/args.js';
import { registeredOps } from '../../../suites/common/registry.js';
import { suiteResult } from '../../../suites/common/suite.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import { findReferences } from '../../../suites/runner/references.js';
import { sampleRun } from '../../support/sample-run.js';

const signal = new AbortController().signal;
const options = {
  seed: 1,
  signal,
  progress: silentProgress(),
  fixtures: '',
  quick: true,
  rows: 'cpu' as const,
};

describe('the rows', () => {
  const usual = cpuRows('usual');
  const required = (id: string) => usual.find((plan) => plan.id === id)?.required;

  it('are the table of the required ratios', () => {
    const ids = usual.map((plan) => plan.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const plan of usual) {
      const judged = plan.id.startsWith('cpu/released/') ? undefined : expect.any(Number);
      expect(plan, plan.id).toMatchObject({ kind: 'cpu' });
      expect(plan.required, plan.id).toEqual(judged);
    }
    expect(['T1', 'T2/100000', 'T3/10000000', 'H', 'K', 'L'].map((id) => required(`cpu/${id}`))).toEqual([
      3, 8, 8, 6, 6, 5,
    ]);
    const squares = [16, 64, 100, 128, 256, 2048].map((n) => required(`cpu/matmul/${n}@float64`));
    expect(squares).toEqual([1.5, 1.5, 1.1, 1.1, 0.95, 0.95]);
    expect(ids.filter((id) => id.startsWith('cpu/overhead/'))).toHaveLength(5);
    expect(ids.filter((id) => id.startsWith('cpu/conv2d/'))).toHaveLength(20);
    expect(['10000000', '10000000-compiled'].map((id) => required(`cpu/chain/${id}`))).toEqual([3, 0.9]);
  });

  it('sweep 40 calls over three sizes, 20 or more of distinct pointwise ops', () => {
    const sweep = usual.filter((plan) => plan.id.startsWith('cpu/sweep/'));
    expect(sweep).toHaveLength(3 * 40);
    const kinds = new Map(registeredOps().map((op) => [op.name, op.op.kind]));
    const names = new Set(sweep.map((plan) => plan.id.split('/')[2]!));
    expect([...names].filter((name) => kinds.get(name) === 'pointwise').length).toBeGreaterThanOrEqual(20);
    expect(sweep.filter((plan) => plan.unavailable !== undefined)).toEqual([]);
  });

  it('repeat some of the sweep with their results released, and release them', () => {
    const plans = usual.filter((plan) => plan.id.startsWith('cpu/released/'));
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      expect(usual.map(({ id }) => id)).toContain(plan.id.replace('/released/', '/sweep/'));
      const { step } = plan.prepare(new BenchInputs(0, plan.id));
      step();
      const before = memoryStats().liveBytes;
      for (let call = 0; call < 20; call += 1) step();
      expect(memoryStats().liveBytes).toBe(before);
    }
  });

  it('are fewer in a quick run, and reach the great sizes in a full one', () => {
    expect(cpuRows('quick').length).toBeLessThan(usual.length / 2);
    const full = cpuRows('full').map((plan) => plan.id);
    expect(full).toEqual(expect.arrayContaining(['cpu/T2/100000000', 'cpu/matmul/4096@float32']));
  });

  it('can be called: every small one gives a result', { timeout: 30_000 }, () => {
    const small = usual.filter((plan) => /\/(1000|16|64)@|overhead|\/[HK]$|1x1-1024-b1/.test(plan.id));
    expect(small.length).toBeGreaterThan(50);
    for (const plan of small) {
      const prepared = plan.prepare(new BenchInputs(1, plan.id));
      expect(prepared.output!().data.length, plan.id).toBeGreaterThan(0);
      expect(prepared.reference.torch, plan.id).toBeDefined();
    }
  });

  it('that cannot be run are skipped with their reason', async () => {
    const plan = { ...usual[0]!, unavailable: 'the engine has no such op yet' };
    const engine = new EngineRow(() => plan);
    const run = {
      engine,
      backends: ['torch'],
      worker: 'none',
      folder: '',
      budgetMs: 1,
      timeoutMs: 1,
    } as const;
    const done = await runRow(plan, { ...run, seed: 1, quick: true, signal });
    expect(done.rows).toEqual([]);
    expect(done.cases).toMatchObject([{ status: 'skip', reason: 'the engine has no such op yet' }]);
  });
});

/** A made-up row. */
function row(id: string, ratio: number, more: Partial<BenchRow> = {}): BenchRow {
  const needed = more.required?.ratio ?? 0.85;
  return {
    id: `${id}/torch`,
    group: 'cpu made up',
    label: `made up ${id}`,
    dtype: 'float32',
    ours: { medianNs: 1000, samples: [900, 1000, 1100] },
    theirs: { medianNs: 1000 * ratio, samples: [1000 * ratio] },
    reference: 'torch',
    correct: true,
    ratio: { median: ratio, low: ratio * 0.9, high: ratio * 1.1 },
    required: { ratio: needed, held: ratio >= needed },
    ...more,
  };
}

describe('the geometric mean of the sweep', () => {
  const sweep = cpuRows('quick').filter((plan) => plan.id.startsWith('cpu/sweep/'));

  it('is a row with a required ratio of its own', () => {
    const rows = sweep.map(({ id }, at) => row(id, at % 2 === 0 ? 4 : 0.25));
    expect(meanRow(rows, 'quick')).toMatchObject({ required: { ratio: 1.5, held: false } });
    expect(meanRow(rows, 'quick')!.ratio!.median).toBeCloseTo(1, 9);
    const fast = sweep.map(({ id }) => row(id, 2));
    expect(meanRow(fast, 'quick')).toMatchObject({ required: { held: true }, correct: true });
  });

  it('is not drawn from a part of the sweep, and says how many rows it lacks', () => {
    const rows = sweep.map(({ id }) => row(id, 2));
    expect(meanRow(rows.slice(1), 'quick')).toBeUndefined();
    const { ratio: _, ...without } = rows[0]!;
    expect(meanRow([without, ...rows.slice(1)], 'quick')!.note).toContain('1 rows without a ratio');
  });
});

describe('ceilings', () => {
  const ceilings: Ceiling[] = [
    { id: 'memory', unit: 'GB/s', value: 40, how: 'a copy' },
    { id: 'cache', unit: 'GB/s', value: 200, how: 'a small copy' },
    { id: 'float32', unit: 'GFLOP/s', value: 100, how: 'a chain' },
  ];

  it('are measured, and every one is a rate', () => {
    const found = measureCeilings(true);
    expect(found.map((one) => one.id)).toEqual(['memory', 'cache', 'float32', 'float64']);
    for (const one of found) expect(one.value, one.id).toBeGreaterThan(0.1);
  });

  it('are raised by whoever reached more in a row with a right result', () => {
    const fast = row('cpu/matmul/1@float32', 0.5, { flops: 100_000 });
    expect(raisedBy(ceilings, [fast])[2]).toMatchObject({
      value: 200,
      how: expect.stringMatching(/PyTorch/),
    });
    expect(raisedBy(ceilings, [{ ...fast, correct: false }])[2]!.value).toBe(100);
    expect(raisedBy(ceilings, [{ ...fast, dtype: 'float64' }])[2]!.value).toBe(100);
  });

  it('bound a row by what it does', () => {
    const small = reachOf(row('a', 1, { bytes: 10_000 }), ceilings);
    expect(small).toMatchObject({ rate: '10.0 GB/s', ceiling: { id: 'cache' }, share: 5 });
    expect(reachOf(row('b', 1, { bytes: 1e7 }), ceilings)!.ceiling!.id).toBe('memory');
    expect(reachOf(row('c', 1, { flops: 50_000, bytes: 1 }), ceilings)!.share).toBe(50);
    expect(reachOf(row('d', 1), ceilings)).toBeUndefined();
  });

  /** A run of the table. */
  const run: RunResult = {
    ...sampleRun(),
    suites: [
      {
        ...suiteResult('bench', [], 1, {
          rows: [
            row('cpu/T1', 4, { required: { ratio: 3, held: true } }),
            row('cpu/overhead/add', 2, { required: { ratio: 5, held: false } }),
            row('cpu/sweep/exp/1000@float32', 1.2, { bytes: 10_000 }),
            row('cpu/matmul/64@float32', 2, { correct: false, withheld: 'the result is wrong: off|by one' }),
          ],
          memory: [{ id: 'cpu/memory/T2', measured: 200, limit: 150, unit: 'MB', held: false }],
          ceilings,
          notes: ['Noisy: others used 40 % of the processors'],
        }),
        cases: [
          {
            id: 'cpu/conv2d/stem',
            suite: 'bench',
            status: 'skip',
            reason: 'no conv2d',
            seconds: 0,
            compared: 0,
          },
        ],
      },
    ],
  };

  it('stand in the result file and in every report of it', () => {
    expect(RunResultSchema.parse(run).suites[0]!.ceilings).toEqual(ceilings);
    expect(consoleSummary(run)).toMatch(/made up cpu\/sweep.* ~?held +10\.0 GB\/s +5 %/);
    expect(htmlReport(run)).toContain('<h2 id="roofline-title">Roofline</h2>');
    expect(htmlReport(sampleRun())).not.toContain('roofline');
  });

  it('and verdicts make the page of performance, shortfalls first', () => {
    const page = performancePage(run);
    expect(page).toContain('**2 of 4 required ratios held, 0 of 1 memory figure within its limit.**');
    const [head, body] = page.split('## Machine and versions') as [string, string];
    expect(head).toContain('made up cpu/overhead/add');
    expect(head).toContain('wrong result');
    expect(head).not.toContain('made up cpu/T1');
    expect(body).toContain('| made up cpu/T1 | 1.00 µs | 4.00 µs | 4.00× (3.6× to 4.4×) | 3.0× | held |');
    for (const text of [
      'PyTorch | 2.13.0',
      'avx512',
      'no conv2d',
      'Noisy',
      'commit f81b495a0c3d',
      '40.0 GB/s',
    ])
      expect(body).toContain(text);
    expect(performancePage(sampleRun())).toContain('raced none of the required rows');
  });

  it('and verdicts read as words', () => {
    expect(verdictOf(run.suites[0]!.rows![3])).toBe('wrong result');
    expect(verdictOf(undefined)).toBe('');
  });
});

describe('the command line', () => {
  it('knows the rows and the page', () => {
    const read = readArguments(['bench', '--suite', 'cpu', '--performance', 'a.md']);
    expect(read).toMatchObject({ rows: 'cpu', performance: 'a.md' });
    expect(readArguments(['report', '--performance', 'a.md'])).toMatchObject({ performance: 'a.md' });
    expect(() => readArguments(['bench', '--suite', 'gpu'])).toThrow(UsageError);
  });
});

describe('the suite', { timeout: 60_000 }, () => {
  it('without Python keeps our times under the ceilings, and skips what needs PyTorch', async () => {
    const result = await benchSuite.run({ ...options, filter: 'cpu/overhead/add' });
    expect(result.rows?.map((one) => one.id)).toEqual(['cpu/overhead/add/torch', 'cpu/overhead/add/numpy']);
    expect(result.rows![0]).toMatchObject({ correct: 'unchecked', withheld: expect.any(String), bytes: 72 });
    expect(result.ceilings).toHaveLength(4);
    const memory = await benchSuite.run({ ...options, filter: 'cpu/memory/T2' });
    expect(memory).toMatchObject({ status: 'skip', ceilings: [] });
    expect(memory.cases[0]).toMatchObject({ status: 'skip', reason: expect.stringContaining('no Python') });
  });
});

const { python, references } = await findReferences();
const missing = references.torch.missing ?? references.numpy.missing;

describe.skipIf(missing !== undefined)(
  `the real reference${missing ? ` (skipped: ${missing})` : ''}`,
  { timeout: 120_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'torchstone-cpu-'));
    let worker: ReferenceWorker;
    beforeAll(async () => {
      worker = await ReferenceWorker.start(python!, 1);
    }, 60_000);
    afterAll(() => {
      worker.close();
      rmSync(folder, { recursive: true, force: true });
    });

    // One row of every kind of workload.
    const wanted =
      /\/(T1|T[23]\/100000|[HK]|view|slice|vector@float32|chain\/1000000|1x1-1024-b1-.*|(where|layerNorm|gather|transpose-copy)\/1000@.*)$/;
    const plans = [...cpuRows('quick'), ...cpuRows('usual')].filter((plan) => wanted.test(plan.id));

    it.each([...new Map(plans.map((plan) => [plan.id, plan])).entries()])('agrees in %s', async (_, plan) => {
      const backends = ['torch', 'numpy'] as const;
      const budget = { engine: new EngineRow(() => plan), budgetMs: 1, timeoutMs: 30_000, quick: true };
      const { rows } = await runRow(plan, { ...budget, backends, worker, folder, seed: 1, signal });
      expect(rows.length).toBeGreaterThan(0);
      for (const one of rows) {
        expect(one, one.withheld).toMatchObject({ correct: true });
        expect(one.ratio, one.id).toBeDefined();
      }
    });

    it('has a peak of memory of its own', async () => {
      const { memory } = await benchSuite.run({ ...options, filter: 'cpu/memory/T2', python: python! });
      expect(memory).toHaveLength(1);
      // Two arrays of 40 MB at the least, on either side.
      expect(memory![0]!.measured).toBeGreaterThan(80);
      expect(memory![0]!.limit).toBeGreaterThan(1.25 * 80);
    });
  },
);
