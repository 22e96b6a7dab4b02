// Ceilings of this machine, measured in the same run: copy bandwidth beyond and within the caches, and multiply-adds a
// second.
import * as engine from 'torchstone';
import type { BenchRow, Ceiling } from '../../reports/schema/index.js';
import type { EngineTensor } from '../common/bind.js';

/** One way to reach a ceiling: work done in a call, in bytes or operations. */
interface Attempt {
  readonly how: string;
  readonly work: number;
  readonly step: () => unknown;
}

const LEAST_MS = 60;
const LEAST_CALLS = 5;

/** The best rate of several calls, per nanosecond: GB/s or GFLOP/s. A ceiling is what was reached, not what is usual. */
function best({ work, step }: Attempt): number {
  let least = Number.POSITIVE_INFINITY;
  const started = performance.now();
  for (let calls = 0; calls < LEAST_CALLS || performance.now() - started < LEAST_MS; calls += 1) {
    const start = process.hrtime.bigint();
    step();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return work / Math.max(1, least);
}

function highest(id: Ceiling['id'], unit: Ceiling['unit'], attempts: readonly Attempt[]): Ceiling {
  const reached = attempts.map((one) => ({ value: best(one), how: one.how }));
  return { id, unit, ...reached.reduce((most, one) => (one.value > most.value ? one : most)) };
}

const MEMORY_ELEMENTS = 25_000_000;
const CACHE_ELEMENTS = 50_000;

/** Bytes read and written by a copy, whichever way copies fastest here. */
function copies(id: 'memory' | 'cache', n: number): Ceiling {
  const from = new Float32Array(n).fill(1);
  const to = new Float32Array(n);
  const [source, target] = [engine.ones([n]), engine.zeros([n])];
  const size = `${(4 * n) / 1e6} MB`;
  const work = 2 * 4 * n;
  return highest(id, 'GB/s', [
    { how: `copy of ${size} in one thread`, work, step: () => to.set(from) },
    { how: `copy of ${size} by the engine`, work, step: () => target.copy_(source) },
  ]);
}

const CHAIN_LINKS = 32;
const CHAIN_ELEMENTS = 100_000;

function chainOf(dtype: 'float32' | 'float64'): Attempt {
  const chain = engine.fuse((x, y) => {
    let sum = x;
    for (let link = 0; link < CHAIN_LINKS; link += 1) sum = sum.mul(y).add(x);
    return sum;
  });
  const [x, y] = [engine.rand([CHAIN_ELEMENTS], { dtype }), engine.rand([CHAIN_ELEMENTS], { dtype })];
  return {
    how: `a fused chain of ${CHAIN_LINKS} multiply-adds in the cache`,
    work: 2 * CHAIN_LINKS * CHAIN_ELEMENTS,
    step: () => chain(x as EngineTensor, y as EngineTensor),
  };
}

function productOf(dtype: 'float32' | 'float64', n: number): Attempt {
  const [x, y] = [engine.rand([n, n], { dtype }), engine.rand([n, n], { dtype })];
  return { how: `our matmul ${n} × ${n}`, work: 2 * n ** 3, step: () => x.matmul(y) };
}

/** The ceilings of this machine, before the rows run. */
export function measureCeilings(quick: boolean): Ceiling[] {
  const n = quick ? 512 : 1024;
  return [
    copies('memory', MEMORY_ELEMENTS),
    copies('cache', CACHE_ELEMENTS),
    ...(['float32', 'float64'] as const).map((dtype) =>
      highest(dtype, 'GFLOP/s', [chainOf(dtype), productOf(dtype, n)]),
    ),
  ];
}

/** The same after the rows: arithmetic that any side reached in a row is possible, whoever reached it. */
export function raisedBy(ceilings: readonly Ceiling[], rows: readonly BenchRow[]): Ceiling[] {
  return ceilings.map((ceiling) => {
    let highest = ceiling;
    for (const row of rows) {
      if (row.dtype !== ceiling.id || row.flops === undefined || row.correct === false) continue;
      for (const [who, times] of [
        ['ours', row.ours],
        [row.reference === 'torch' ? 'PyTorch' : 'NumPy', row.theirs],
      ] as const) {
        const value = times && times.samples.length > 0 ? row.flops / Math.min(...times.samples) : 0;
        if (value > highest.value) highest = { ...ceiling, value, how: `${row.label ?? row.id}, ${who}` };
      }
    }
    return highest;
  });
}
