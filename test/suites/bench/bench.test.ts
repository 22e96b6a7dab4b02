// The bench's judgement: paired statistics on planted effects, the order of batches, an oracle that dies or hangs. It
// times nothing of the engine.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parseNpy, serializeNpy } from '../../../engine/io/npy.js';
import { SuiteResultSchema } from '../../../reports/schema/index.js';
import { benchSuite } from '../../../suites/bench/index.js';
import { blockLength, type Contestant, loopOf, race } from '../../../suites/bench/race.js';
import { median, pairedRatio, signRank, spread } from '../../../suites/bench/statistics.js';
import { ReferenceWorker } from '../../../suites/bench/worker.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import { findReferences } from '../../../suites/runner/references.js';

/** A seeded stream of uniform numbers (mulberry32): a failing test must fail again. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Blocks of a noisy machine: 4 % log-normal noise, a shared drift, and one block in twelve hit by something else. */
function samples(seed: number, pairs: number, slowdown: number): [number[], number[]] {
  const random = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const one = (at: number, factor: number) =>
    1000 *
    factor *
    (1 + 0.3 * Math.sin(at / 7)) *
    Math.exp(0.04 * normal()) *
    (random() < 1 / 12 ? 1 + 3 * random() : 1);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = 0; i < pairs; i += 1) {
    ours.push(one(i, 1));
    theirs.push(one(i, slowdown));
  }
  return [ours, theirs];
}

/** A stand-in for Python: the worker is started with a script as its argument, which this ignores. */
function standIn(folder: string, name: string, body: string): string {
  const path = join(folder, name);
  // Whatever lies above the temporary folder, this is CommonJS.
  writeFileSync(join(folder, 'package.json'), '{"type": "commonjs"}');
  const hello = '{ok: true, python: "0", numpy: "0", torch: "0", threads: 1, pid: process.pid}';
  writeFileSync(
    path,
    `#!${process.execPath}
const say = (id, rest) => process.stdout.write(JSON.stringify({id, ...rest}) + '\\n');
require('readline').createInterface({input: process.stdin}).on('line', (line) => {
  const {id, cmd} = JSON.parse(line);
  if (cmd === 'hello') return say(id, ${hello});
  if (cmd === 'usage') return say(id, {ok: true, cpuNs: 0});
  ${body}
});`,
  );
  chmodSync(path, 0o755);
  return path;
}

describe('paired statistics', () => {
  it('sees a planted slowdown of 10 %', () => {
    let seen = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const ratio = pairedRatio(...samples(seed, 30, 1.1))!;
      if (ratio.low > 1) seen += 1;
      expect(ratio.median).toBeGreaterThan(1.03);
      expect(ratio.median).toBeLessThan(1.18);
    }
    expect(seen).toBeGreaterThanOrEqual(95);
  });

  it('sees it from the other side too', () => {
    const [ours, theirs] = samples(3, 30, 1.1);
    expect(pairedRatio(theirs, ours)!.high).toBeLessThan(1);
  });

  it('calls A against A a difference in about one run of twenty, no more', () => {
    let wrong = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const { low, high } = pairedRatio(...samples(seed, 30, 1))!;
      if (low > 1 || high < 1) wrong += 1;
    }
    expect(wrong).toBeLessThanOrEqual(30);
  });

  it('gives no ratio where no interval can be had', () => {
    expect(pairedRatio([1, 1, 1, 1, 1], [2, 2, 2, 2, 2])).toBeUndefined();
    expect(pairedRatio([1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2])).toEqual({ median: 2, low: 2, high: 2 });
    expect(pairedRatio([1, 1, 1, 1, 1, 0], [2, 2, 2, 2, 2, 2])).toBeUndefined();
  });

  it('takes the ranks of the binomial distribution', () => {
    // Tables of the sign test: outside the 95 % interval of the median lie this many on each side.
    expect([5, 6, 8, 9, 12, 20, 30].map(signRank)).toEqual([-1, 0, 0, 1, 2, 5, 9]);
  });

  it('knows medians and spreads', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(spread([1, 1, 1, 1])).toBe(0);
    expect(spread([80, 90, 110, 120])).toBeGreaterThan(0.1);
  });
});

describe('a race', () => {
  const options = { budgetMs: 0, maxRounds: 8, blockMs: 0.05 };

  it('alternates the order of blocks and keeps them in time order', async () => {
    const order: string[] = [];
    const side = (name: string): Contestant => ({
      name,
      remote: async (iterations) => {
        order.push(name);
        return { ns: iterations * 1000, marks: [] };
      },
    });
    const lanes = await race([side('a'), side('b'), side('c')], options);
    // What came before is calibration, one side after another.
    expect(order.slice(-18).join('')).toBe('abccbaabccbaabccba');
    expect(lanes.map((lane) => lane.samples.length)).toEqual([6, 6, 6]);
    expect(lanes[0]!.samples[0]).toBeCloseTo(1000, 6);
  });

  it('keeps our times when the reference is lost in the middle', async () => {
    let blocks = 0;
    const lanes = await race(
      [
        { name: 'ours', block: loopOf(() => Math.sqrt(2)) },
        {
          name: 'theirs',
          remote: async (iterations) => {
            blocks += 1;
            if (blocks > 6) throw new Error('the reference process was ended by SIGKILL');
            return { ns: iterations * 10_000, marks: [] };
          },
        },
      ],
      options,
    );
    expect(lanes[0]!.samples.length).toBeGreaterThanOrEqual(6);
    expect(lanes[0]!.lost).toBeUndefined();
    expect(lanes[1]!.lost).toContain('SIGKILL');
  });

  it('tells when each block began, and what hit it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const lanes = await race(
      [
        { name: 'messy', block: loopOf(() => collect()) },
        { name: 'elsewhere', remote: async (n) => ({ ns: n * 1000, marks: ['preempted'] }) },
      ],
      { ...options, together: true },
    );
    const [messy, elsewhere] = lanes as [(typeof lanes)[0], (typeof lanes)[0]];
    for (const marks of messy.marks) expect(marks).toContain('collection');
    expect(elsewhere.marks.flat()).not.toContain('collection');
    for (const marks of elsewhere.marks) expect(marks).toContain('preempted');
    expect(messy.atMs[0]).toBe(0);
    for (const { atMs, samples } of lanes) {
      expect(atMs.length).toBe(samples.length);
      expect([...atMs].sort((a, b) => a - b)).toEqual(atMs);
    }
  });

  it('makes blocks long enough for the clock', () => {
    expect(blockLength(2, { stepNs: 30, readNs: 40 })).toBe(2);
    // A clock that steps by 15 µs, as some systems have it, is off by a thousandth of 15 ms.
    expect(blockLength(2, { stepNs: 15_000, readNs: 100 })).toBeCloseTo(15.1, 9);
  });

  it('makes a share of the calls before it looks at the clock', () => {
    let calls = 0;
    loopOf(() => (calls += 1), { lead: 1 / 8 })(80);
    expect(calls).toBe(90);
  });

  it('throws what our own side throws', async () => {
    const broken = {
      name: 'ours',
      block: () => {
        throw new Error('broken step');
      },
    };
    await expect(race([broken], options)).rejects.toThrow('broken step');
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    const lanes = await race([{ name: 'ours', block: loopOf(() => 1) }], { ...options, signal });
    expect(lanes[0]!.samples).toEqual([]);
  });
});

describe('the reference worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-worker-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reports a death with its last words', async () => {
    const worker = await ReferenceWorker.start(
      standIn(folder, 'dies', 'console.error("out of luck"); process.exit(7);'),
      1,
    );
    await expect(worker.run('a', 1)).rejects.toThrow(/exit code 7: out of luck/);
    expect(worker.dead).toContain('exit code 7');
    await expect(worker.run('a', 1)).rejects.toThrow(/exit code 7/);
  });

  it('survives kill -9 in the middle of a block', async () => {
    const worker = await ReferenceWorker.start(standIn(folder, 'killed', ''), 1);
    const block = worker.run('a', 1);
    process.kill(worker.hello.pid, 'SIGKILL');
    await expect(block).rejects.toThrow(/SIGKILL/);
  });

  it('ends a process that hangs', async () => {
    const worker = await ReferenceWorker.start(standIn(folder, 'hangs', ''), 1);
    await expect(worker.run('a', 1, 50)).rejects.toThrow(/did not answer run within 0.05 s/);
    expect(worker.dead).toContain('did not answer');
    await vi.waitFor(() => expect(() => process.kill(worker.hello.pid, 0)).toThrow(), { timeout: 5000 });
  });

  it('ends a process that is stopped', async () => {
    const worker = await ReferenceWorker.start(standIn(folder, 'stopped', ''), 1);
    const { pid } = worker.hello;
    process.kill(pid, 'SIGSTOP');
    worker.close();
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 5000 });
  });

  it('refuses an answer that is no JSON, and no time', async () => {
    const garbled = await ReferenceWorker.start(
      standIn(folder, 'garbled', 'process.stdout.write("Segmentation\\n");'),
      1,
    );
    await expect(garbled.run('a', 1)).rejects.toThrow(/not JSON: Segmentation/);
    const timeless = await ReferenceWorker.start(standIn(folder, 'timeless', 'say(id, {ok: true});'), 1);
    await expect(timeless.run('a', 1)).rejects.toThrow(/no time/);
    timeless.close();
  });

  it('passes an error on and stays alive', async () => {
    const body = 'say(id, {ok: false, error: {class: "ValueError", message: "no such workload"}});';
    const worker = await ReferenceWorker.start(standIn(folder, 'refuses', body), 1);
    await expect(worker.prepare('a', 'torch', {})).rejects.toThrow(/ValueError: no such workload/);
    expect(worker.dead).toBeUndefined();
    worker.close();
  });

  it('says so when there is no such interpreter', async () => {
    await expect(ReferenceWorker.start(join(folder, 'nothing'), 1)).rejects.toThrow(/did not start|ENOENT/);
  });
});

describe('the bench suite', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-suite-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const options = {
    seed: 1,
    signal: new AbortController().signal,
    progress: silentProgress(),
    fixtures: '',
    quick: true,
    filter: 'notebook/add-3x2',
  };

  it('keeps our times without Python, and says why there is no ratio', async () => {
    const result = await benchSuite.run(options);
    expect(result.rows?.map((row) => row.id)).toEqual(['notebook/add-3x2/torch', 'notebook/add-3x2/numpy']);
    for (const row of result.rows!) {
      expect(row.ours.medianNs).toBeGreaterThan(0);
      expect(row.ours.samples.length).toBeGreaterThanOrEqual(6);
      expect(row).toMatchObject({ correct: 'unchecked', withheld: expect.stringContaining('no Python') });
      expect(row.ratio).toBeUndefined();
      expect(row.required).toBeUndefined();
    }
    expect(result.status).toBe('pass');
    expect(result.notes?.join()).toContain('No reference to race against');
    expect(result.cases.map((one) => one.status)).toEqual(['skip', 'skip']);
  });

  it('states launch and completion apart, in a result that its schema takes', async () => {
    const result = await benchSuite.run({ ...options, filter: 'notebook/T4' });
    expect(SuiteResultSchema.safeParse(result).error).toBeUndefined();
    for (const row of result.rows!) expect(row.completionNs).toBeGreaterThanOrEqual(row.launchNs!);
  });

  it('keeps our times when the reference dies in every row', async () => {
    const python = standIn(folder, 'dying', 'if (cmd === "prepare") process.kill(process.pid, "SIGKILL");');
    const result = await benchSuite.run({ ...options, python });
    for (const row of result.rows!) {
      expect(row.ours.medianNs).toBeGreaterThan(0);
      expect(row.withheld).toContain('SIGKILL');
    }
    expect(result.status).toBe('pass');
  });

  it('withholds every figure of a wrong result, and fails', async () => {
    const npy =
      'require("fs").writeFileSync(JSON.parse(line).file, Buffer.from(process.env.WRONG, "base64")); say(id, {ok: true});';
    const python = standIn(
      folder,
      'wrong',
      `if (cmd === "output") { ${npy} } else say(id, {ok: true, ns: 1000});`,
    );
    const wrong = serializeNpy({ data: new Float32Array(6), shape: [3, 2], dtype: 'float32' });
    process.env.WRONG = Buffer.from(wrong).toString('base64');
    const result = await benchSuite.run({ ...options, python });
    delete process.env.WRONG;
    for (const row of result.rows!) {
      expect(row).toMatchObject({ correct: false, withheld: expect.stringContaining('wrong') });
      expect([row.ratio, row.theirs, row.ours.samples.length]).toEqual([undefined, undefined, 0]);
    }
    expect(result.status).toBe('fail');
    expect(
      result.cases.map((one) => one.status),
      result.cases[0]?.message,
    ).toEqual(['fail', 'fail']);
  });

  it('measures memory in a fresh process', async () => {
    const result = await benchSuite.run({ ...options, filter: 'memory/' });
    expect(result.memory?.map((one) => one.id)).toEqual(['memory/steps', 'memory/additions']);
    for (const one of result.memory!) expect(one, one.label).toMatchObject({ held: true, unit: 'MB' });
    expect(result.memory![1]!.measured).toBeGreaterThan(120);
  });

  it('refuses a filter that matches nothing', async () => {
    await expect(benchSuite.run({ ...options, filter: 'nothing' })).rejects.toThrow(/no row matches/);
  });
});

const { python, references } = await findReferences();
const missing = references.torch.missing ?? references.numpy.missing;

describe.skipIf(missing !== undefined)(
  `the real reference${missing ? ` (skipped: ${missing})` : ''}`,
  { timeout: 60_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'torchstone-reference-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('runs every named workload, answers results, refuses what it does not know, and can be killed', async () => {
      const worker = await ReferenceWorker.start(python!, 1);
      expect(worker.hello).toMatchObject({ numpy: references.numpy.version, threads: 1 });
      for (const [name, more] of Object.entries({
        T1: { size: 10 },
        T2: { size: 10 },
        T3: { size: 10 },
        H: {},
        K: {},
        L: { size: 9, rate: 1e-9 },
      })) {
        for (const backend of name.startsWith('T') ? (['torch', 'numpy'] as const) : (['torch'] as const)) {
          await worker.prepare(name, backend, { name, ...more });
          expect((await worker.run(name, 3)).ns, `${backend} ${name}`).toBeGreaterThan(0);
        }
      }
      const raw = join(folder, 'x.raw');
      writeFileSync(raw, Float32Array.of(1, 2, 3, 4, 5, 6));
      // A transposed view of two rows: column sums are the sums of the storage's rows.
      const x = { raw: { file: raw, dtype: 'float32', shape: [3, 2], strides: [1, 3], offset: 0 } };
      const sum = {
        name: 'call',
        torch: 'torch.sum',
        numpy: 'numpy.sum',
        params: ['input', 'dim'],
        args: [x, 0],
      };
      for (const backend of ['torch', 'numpy'] as const) {
        await worker.prepare('sum', backend, sum);
        const file = join(folder, `${backend}.npy`);
        await worker.output('sum', file);
        expect(Array.from(parseNpy(readFileSync(file)).data as Float32Array)).toEqual([6, 15]);
      }
      await expect(worker.prepare('x', 'numpy', { name: 'K' })).rejects.toThrow(/numpy has no workload 'K'/);
      await worker.prepare('sleep', 'torch', { name: 'sleep', seconds: 30 });
      const block = worker.run('sleep', 1);
      process.kill(worker.hello.pid, 'SIGKILL');
      await expect(block).rejects.toThrow(/SIGKILL/);
    });
  },
);
