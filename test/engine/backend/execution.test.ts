// Holds what the addon reads of a command against what the encoders write: each kernel family runs random geometries (any dims,
// strides, gaps) on raw memory, against plain loops. Whole numbers where sums are exact; memory between the elements stays as it was.
import { describe, expect, it, test } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { runArange } from '../../../engine/backend/commands/arange.js';
import { type ConvAxis, type ConvImages, runConv } from '../../../engine/backend/commands/conv.js';
import type { Operand } from '../../../engine/backend/commands/cursor.js';
import { runGemm } from '../../../engine/backend/commands/gemm.js';
import {
  type PutMode,
  putModes,
  runIndexGet,
  runIndexPut,
  runNonzero,
} from '../../../engine/backend/commands/index.js';
import { encodePointwise } from '../../../engine/backend/commands/pointwise.js';
import { runRandom } from '../../../engine/backend/commands/random.js';
import { encodeReduce, type Reducer, reducers } from '../../../engine/backend/commands/reduce.js';
import { runRowwise } from '../../../engine/backend/commands/rowwise.js';
import { runScan, type Scan, scans } from '../../../engine/backend/commands/scan.js';
import { runSearch } from '../../../engine/backend/commands/search.js';
import { runSort } from '../../../engine/backend/commands/sort.js';
import { requireDone } from '../../../engine/backend/commands/status.js';
import { float32, float64, int64 } from '../../../engine/core/dtype.js';
import { IndexError } from '../../../engine/core/errors.js';
import { type Expr, input, param } from '../../../engine/pointwise/expr.js';
import { compile } from '../../../engine/pointwise/program.js';
import { below, generator, positionsOf, type Random } from '../../support/random.js';
import { dense, denseLongs, indexed, Memory, product, read, sizesOf, whole, write } from './memory.js';

const program = (root: Expr, inputs: number, params: number): number =>
  compile(root, float64, new Array(inputs).fill(float64), params, float64);
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

describe('pointwise', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, below(random, 6));
    const [out, a, b] = [write(random, sizes), read(random, sizes), read(random, sizes)];
    encodePointwise('op', {
      program: program(input(0).mul(param(0)).add(input(1)), 2, 1),
      params: [3],
      sizes,
      addresses: [out.address, a.address, b.address],
      strides: [out.strides, a.strides, b.strides],
    });
    addon.pointwise();
    requireDone('op');
    const y = b.values;
    out.expectWritten(a.values.map((x, i) => 3 * x + y[i]!));
  });
});

/** A reducer over a row, and where its value is found. */
function reduced(reducer: Reducer, row: readonly number[]): { value: number; at: number } {
  if (reducer === 'sum') return { value: row.reduce((a, b) => a + b, 0), at: -1 };
  if (reducer === 'prod') return { value: product(row), at: -1 };
  const value = reducer === 'max' || reducer === 'argmax' ? Math.max(...row) : Math.min(...row);
  return { value, at: row.indexOf(value) };
}

describe('reduce', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const [kept, over] = [sizesOf(random, below(random, 4)), sizesOf(random, below(random, 3))];
    for (const reducer of Object.keys(reducers) as Reducer[]) {
      const [x, out, outIndex] = [
        read(random, [...kept, ...over]),
        write(random, kept),
        indexed(random, kept),
      ];
      const arg = reducer.startsWith('arg');
      encodeReduce('op', {
        program: program(input(0).mul(param(0)), 1, 1),
        reducer,
        params: [2],
        kept,
        reduced: over,
        out,
        outIndex: arg ? outIndex : null,
        inputs: [
          {
            address: x.address,
            kept: x.strides.slice(0, kept.length),
            reduced: x.strides.slice(kept.length),
          },
        ],
      });
      addon.reduce();
      requireDone('op');
      const n = product(over);
      const rows = Array.from({ length: product(kept) }, (_, r) =>
        x.values.slice(r * n, (r + 1) * n).map((v) => 2 * v),
      );
      out.expectWritten(rows.map((row) => reduced(reducer, row).value));
      if (arg) outIndex.expectWritten(rows.map((row) => reduced(reducer, row).at));
    }
  });
});

describe('rowwise', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, below(random, 4));
    const n = 1 + below(random, 20);
    const [x, out, tops] = [read(random, [...sizes, n]), write(random, [...sizes, n]), write(random, sizes)];
    // Inputs of every program: x, two scalars, two prologues' values.
    const of = (root: Expr): number => program(root, 5, 1);
    const nowhere: Operand = { address: 0, strides: sizes.map(() => 0) };
    runRowwise('op', addon, {
      params: [2],
      sizes,
      n,
      stages: [
        { reducer: 'max', prologue: of(input(0)), epilogue: -1, kept: false, out: tops },
        {
          reducer: 'sum',
          prologue: of(input(0).sub(input(1))),
          epilogue: of(input(2).mul(param(0))),
          kept: true,
          out: nowhere,
        },
      ],
      program: of(input(4).mul(input(2)).add(input(0))),
      outputs: [out.line],
      inputs: [x.line],
    });
    const rows = Array.from({ length: product(sizes) }, (_, r) => x.values.slice(r * n, (r + 1) * n));
    tops.expectWritten(rows.map((row) => Math.max(...row)));
    out.expectWritten(
      rows.flatMap((row) => {
        const below = row.map((v) => v - Math.max(...row));
        const sum = 2 * below.reduce((a, b) => a + b, 0);
        return row.map((v, i) => below[i]! * sum + v);
      }),
    );
  });
});

/** The running values of a row, and where extremes were. */
function scanned(scan: Scan, row: readonly number[]): { values: number[]; at: number[] } {
  const values: number[] = [];
  const at: number[] = [];
  row.forEach((v, i) => {
    const last = values.at(-1);
    const better = last === undefined || (scan === 'cummax' ? v >= last : v <= last);
    at.push(better ? i : at.at(-1)!);
    const next = {
      cumsum: (last ?? 0) + v,
      cumprod: (last ?? 1) * v,
      cummax: row[at[i]!]!,
      cummin: row[at[i]!]!,
    };
    values.push(scan === 'logcumsumexp' ? Math.log(Math.exp(last ?? -Infinity) + Math.exp(v)) : next[scan]);
  });
  return { values, at };
}

describe('scan', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, below(random, 4));
    const n = 1 + below(random, 12);
    for (const scan of Object.keys(scans) as Scan[]) {
      const lanes = [...sizes, n];
      const [x, out, outIndex] = [read(random, lanes), write(random, lanes), indexed(random, lanes)];
      const extreme = scan === 'cummax' || scan === 'cummin';
      runScan('op', addon, {
        scan,
        dtype: float64.code,
        sizes,
        n,
        input: x.line,
        out: out.line,
        outIndex: extreme ? outIndex.line : null,
      });
      const rows = Array.from({ length: product(sizes) }, (_, r) =>
        scanned(scan, x.values.slice(r * n, (r + 1) * n)),
      );
      const wanted = rows.flatMap((row) => row.values);
      if (scan !== 'logcumsumexp') out.expectWritten(wanted);
      else
        out.values.forEach((v, i) => {
          expect(v).toBeCloseTo(wanted[i]!, 12);
        });
      if (extreme) outIndex.expectWritten(rows.flatMap((row) => row.at));
    }
  });
});

describe('gemm', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const batch = sizesOf(random, below(random, 4));
    const [m, n, k] = sizesOf(random, 3) as [number, number, number];
    for (const accumulate of [false, true]) {
      const [a, b] = [read(random, [...batch, m, k]), read(random, [...batch, k, n])];
      const c = write(random, [...batch, m, n]);
      const before = c.values;
      runGemm('op', addon, {
        dtype: float64.code,
        batch,
        m,
        n,
        k,
        accumulate,
        a: a.matrices,
        b: b.matrices,
        c: c.matrices,
      });
      const [left, right] = [a.values, b.values];
      const wanted = before.map((old, at) => {
        const [at0, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
        let sum = accumulate ? old : 0;
        for (let l = 0; l < k; l++) sum += left[(at0 * m + i) * k + l]! * right[(at0 * k + l) * n + j]!;
        return sum;
      });
      c.expectWritten(wanted);
    }
  });
});

describe('conv', () => {
  const axis = (random: Random): ConvAxis => {
    const [kernel, stride, dilation] = [1 + below(random, 3), 1 + below(random, 2), 1 + below(random, 2)];
    const pad = below(random, 2);
    const reach = dilation * (kernel - 1) + 1;
    const size = reach + below(random, 4);
    return {
      in: size,
      out: Math.floor((size + 2 * pad - reach) / stride) + 1,
      kernel,
      stride,
      pad,
      dilation,
    };
  };
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const [images, groups] = [1 + below(random, 3), 1 + below(random, 2)];
    const [channels, filters] = [groups * (1 + below(random, 3)), groups * (1 + below(random, 3))];
    const [h, w] = [
      random() < 0.3 ? { in: 1, out: 1, kernel: 1, stride: 1, pad: 0, dilation: 1 } : axis(random),
      axis(random),
    ];
    const [xs, ys] = [
      [images, channels, h.in, w.in],
      [images, filters, h.out, w.out],
    ];
    const [perGroup, each] = [channels / groups, filters / groups];
    const ws = [filters, perGroup, h.kernel, w.kernel];
    const numbers = (sizes: readonly number[]) => dense(...whole(random)(product(sizes)));
    const packed = (sizes: readonly number[], address: number): ConvImages => ({
      address,
      image: sizes[1]! * sizes[2]! * sizes[3]!,
      channel: sizes[2]! * sizes[3]!,
      row: sizes[3]!,
      column: 1,
    });
    /** Calls with the numbers of the elements of x, w and y that meet. */
    const meet = (visit: (x: number, w: number, y: number) => void): void => {
      const at = (sizes: readonly number[], i: readonly number[]): number =>
        i.reduce((sum, v, d) => sum * sizes[d]! + v, 0);
      for (const place of positionsOf(ys, {
        strides: [ys[1]! * ys[2]! * ys[3]!, ys[2]! * ys[3]!, ys[3]!, 1],
        offset: 0,
      })) {
        const [image, o, p, q] = [
          Math.floor(place / (filters * h.out * w.out)),
          Math.floor(place / (h.out * w.out)) % filters,
          Math.floor(place / w.out) % h.out,
          place % w.out,
        ];
        for (let c = 0; c < perGroup; c++)
          for (let r = 0; r < h.kernel; r++)
            for (let s = 0; s < w.kernel; s++) {
              const [row, column] = [
                p * h.stride - h.pad + r * h.dilation,
                q * w.stride - w.pad + s * w.dilation,
              ];
              if (row < 0 || row >= h.in || column < 0 || column >= w.in) continue;
              const channel = Math.floor(o / each) * perGroup + c;
              visit(at(xs, [image, channel, row, column]), at(ws, [o, c, r, s]), place);
            }
      }
    };
    const shape = { dtype: float64.code, images, groups, channels, filters, h, w };
    const [x, y] = [read(random, xs), read(random, ys)];
    const [weight, bias] = [numbers(ws), numbers([filters])];
    const [xv, yv, wv] = [x.values, y.values, weight.data];

    const out = numbers(ys);
    const sums = new Float64Array(product(ys)).map(
      (_, i) => bias.data[Math.floor(i / (h.out * w.out)) % filters]!,
    );
    meet((i, j, o) => {
      sums[o]! += xv[i]! * wv[j]!;
    });
    runConv('conv', addon, {
      ...shape,
      x: x.images,
      weight: weight.address,
      bias: bias.address,
      y: packed(ys, out.address),
    });
    expect([...out.data]).toEqual([...sums]);

    const inputs = numbers(xs);
    const toInput = new Float64Array(product(xs));
    meet((i, j, o) => {
      toInput[i]! += yv[o]! * wv[j]!;
    });
    runConv('convInputGrad', addon, {
      ...shape,
      x: packed(xs, inputs.address),
      weight: weight.address,
      bias: 0,
      y: y.images,
    });
    expect([...inputs.data]).toEqual([...toInput]);

    const [weights, given] = [numbers(ws), numbers(ys)];
    const toWeight = new Float64Array(product(ws));
    meet((i, j, o) => {
      toWeight[j]! += xv[i]! * given.data[o]!;
    });
    runConv('convWeightGrad', addon, {
      ...shape,
      x: x.images,
      weight: weights.address,
      bias: 0,
      y: packed(ys, given.address),
    });
    expect([...weights.data]).toEqual([...toWeight]);
  });
});

/** Index tensors over these sizes: what they pick, how far apart it is, and how far they move each element. */
function looks(random: Random, sizes: readonly number[]) {
  const made = Array.from({ length: below(random, 3) }, () => {
    const [size, step, strict] = [1 + below(random, 4), 1 + below(random, 6), random() < 0.3];
    const memory = new Memory(random, sizes, (length) =>
      BigInt64Array.from({ length }, () =>
        BigInt(strict ? below(random, size) : below(random, 2 * size) - size),
      ),
    );
    const moves = memory.values.map((v) => (v < 0 ? v + size : v) * step);
    return {
      operand: { address: memory.address, strides: memory.strides, size: strict ? -size : size, step },
      moves,
      memory,
    };
  });
  const moved = (i: number): number => made.reduce((sum, look) => sum + look.moves[i]!, 0);
  return { indices: made.map((look) => look.operand), moved };
}

describe('index', () => {
  it.each(seeds)('of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, below(random, 4));
    const far = dense(...whole(random)(400));
    // Strides of the moved operand: within a hundred elements, several dims of them in one place.
    const strides = sizes.map(() => below(random, 4));
    const at = positionsOf(sizes, { strides, offset: 100 });
    const { indices, moved } = looks(random, sizes);
    const moving: Operand = { address: far.address + 800, strides };

    const out = write(random, sizes);
    runIndexGet('op', addon, { itemBytes: 8, sizes, out, from: moving, indices });
    out.expectWritten(at.map((place, i) => far.data[place + moved(i)]!));

    for (const mode of Object.keys(putModes) as PutMode[]) {
      const from = read(random, sizes);
      const wanted = far.data.slice();
      const put = {
        replace: (_: number, v: number) => v,
        add: (old: number, v: number) => old + v,
        multiply: (old: number, v: number) => old * v,
        amax: Math.max,
        amin: Math.min,
      }[mode];
      from.values.forEach((v, i) => {
        const place = at[i]! + moved(i);
        wanted[place] = put(wanted[place]!, v);
      });
      runIndexPut('op', addon, { mode, dtype: float64.code, sizes, to: moving, from, indices });
      // The sign of a zero is nobody's promise here.
      expect(Array.from(far.data, (v) => v + 0)).toEqual(Array.from(wanted, (v) => v + 0));
    }
  });

  test('an index outside is an error that says which', () => {
    const [out, from] = [dense(0, 0), dense(1, 2, 3)];
    const index = new BigInt64Array([1n, -4n]);
    const run = () =>
      runIndexGet('take', addon, {
        itemBytes: 8,
        sizes: [2],
        out: { address: out.address, strides: [1] },
        from: { address: from.address, strides: [0] },
        indices: [{ address: addon.addressOf(index.buffer), strides: [1], size: 3, step: 1 }],
      });
    expect(run).toThrow(IndexError);
    expect(run).toThrow('take: required indices in [-3, 2], got -4');
  });

  it.each(seeds)('nonzero of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, 1 + below(random, 4));
    const x = read(random, sizes);
    const command = { dtype: float64.code, sizes, input: x };
    const count = runNonzero('op', addon, { ...command, phase: 'count', out: 0 });
    const wanted = x.values.flatMap((v, i) => (v === 0 ? [] : [i]));
    expect(count).toBe(wanted.length);
    const places = denseLongs(count * sizes.length);
    if (count > 0) runNonzero('op', addon, { ...command, phase: 'write', out: places.address });
    const coordinates = wanted.flatMap((i) =>
      sizes.map((size, d) => Math.floor(i / product(sizes.slice(d + 1))) % size),
    );
    expect(Array.from(places.data, Number)).toEqual(coordinates);
  });
});

describe('sort and search', () => {
  const ordered = (row: readonly number[], descending: boolean): number[] =>
    row
      .map((_, i) => i)
      .sort((i, j) => {
        const [a, b] = [row[i]!, row[j]!];
        const order = Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b;
        return (descending ? -order : order) || i - j;
      });

  it.each(seeds)('sort of seed %i', (seed) => {
    const random = generator(seed);
    const [rows, n] = [1 + below(random, 4), 1 + below(random, 30)];
    const k = 1 + below(random, n);
    const x = dense(
      ...Array.from({ length: rows * n }, () => (random() < 0.1 ? Number.NaN : below(random, 6))),
    );
    for (const descending of [false, true]) {
      const [values, indices] = [dense(...new Array<number>(rows * k).fill(9)), denseLongs(rows * k)];
      runSort('op', addon, {
        dtype: float64.code,
        rows,
        n,
        descending,
        input: x.address,
        values: values.address,
        indices: indices.address,
        k,
      });
      const orders = Array.from({ length: rows }, (_, r) =>
        ordered([...x.data.slice(r * n, (r + 1) * n)], descending).slice(0, k),
      );
      expect(Array.from(indices.data, Number)).toEqual(orders.flat());
      expect([...values.data]).toEqual(orders.flatMap((order, r) => order.map((i) => x.data[r * n + i])));
    }
  });

  it.each(seeds)('search of seed %i', (seed) => {
    const random = generator(seed);
    const [rows, n, m] = [1 + below(random, 3), 1 + below(random, 9), 1 + below(random, 9)];
    for (const shared of [false, true])
      for (const sorted of [false, true]) {
        const lists = shared ? 1 : rows;
        const right = random() < 0.5;
        const sequence = dense(...Array.from({ length: lists * n }, () => below(random, 8)));
        const row = (r: number): number => (shared ? 0 : r * n);
        const orders = Array.from({ length: lists }, (_, r) =>
          ordered([...sequence.data.slice(r * n, (r + 1) * n)], false),
        );
        const sorter = BigInt64Array.from(orders.flat().map(BigInt));
        orders.forEach((order, r) => {
          const row = order.map((i) => sequence.data[r * n + i]!);
          if (!sorted) sequence.data.set(row, r * n);
        });
        const values = dense(...Array.from({ length: rows * m }, () => below(random, 10) - 1));
        const out = denseLongs(rows * m);
        runSearch('op', addon, {
          dtype: float64.code,
          rows,
          n,
          m,
          right,
          shared,
          sequence: sequence.address,
          sorter: sorted ? addon.addressOf(sorter.buffer) : 0,
          values: values.address,
          out: out.address,
        });
        const wanted = Array.from(values.data, (v, i) => {
          const from = row(Math.floor(i / m));
          return sequence.data.slice(from, from + n).filter((s) => (right ? s <= v : s < v)).length;
        });
        expect(Array.from(out.data, Number)).toEqual(wanted);
      }
  });
});

/** Philox4x32-10 (Salmon et al., SC 2011) of a 64-bit counter and key. */
function philox(counter: bigint, key: bigint): number[] {
  const low = (x: bigint): bigint => x & 0xffffffffn;
  let [a, b, c, d] = [low(counter), counter >> 32n, 0n, 0n];
  let [k, l] = [low(key), key >> 32n];
  for (let round = 0; round < 10; round++) {
    const [p, q] = [a * 0xd2511f53n, c * 0xcd9e8d57n];
    [a, b, c, d] = [(q >> 32n) ^ b ^ k, low(q), (p >> 32n) ^ d ^ l, low(p)];
    [k, l] = [low(k + 0x9e3779b9n), low(l + 0xbb67ae85n)];
  }
  return [a, b, c, d].map(Number);
}

describe('random', () => {
  it.each(seeds.slice(0, 5))('uniform of seed %i is Philox at its seed and offset', (s) => {
    const random = generator(s);
    const [seed, offset, n] = [below(random, 2 ** 53), below(random, 2 ** 52), 1 + below(random, 300)];
    const data = new Float32Array(n + 1).fill(9);
    const [seedLow, seedHigh] = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
    const words = { seedLow, seedHigh, offset };
    const command = { kind: 'uniform', dtype: float32.code, n, ...words, p0: -2, p1: 6 } as const;
    const advance = runRandom('op', addon, { ...command, out: addon.addressOf(data.buffer) });
    expect(advance).toBe(Math.ceil(n / 64) * 16);
    // Element i takes word (i / 16) % 4 of counter i / 64 · 16 + i % 16: native/cpu/philox.h.
    const wanted = Array.from({ length: n }, (_, i) => {
      const counter = BigInt(offset) + BigInt(Math.floor(i / 64) * 16 + (i % 16));
      const word = philox(counter, BigInt(seed))[Math.floor(i / 16) % 4]!;
      return Math.fround(Math.fround(Math.fround((word >>> 8) * 2 ** -24) * 8) - 2);
    });
    expect([...data]).toEqual([...wanted, 9]);
  });

  test('the other kinds take their parameters', () => {
    const n = 20_000;
    const words = { seedLow: 5, seedHigh: 0, offset: 9 };
    const draw = (kind: 'normal' | 'integer' | 'bernoulli' | 'exponential', p0: number, p1: number) => {
      const out = dense(...new Array<number>(n).fill(0));
      runRandom('op', addon, { kind, dtype: float64.code, out: out.address, n, ...words, p0, p1 });
      const mean = out.data.reduce((a, b) => a + b, 0) / n;
      const deviation = Math.sqrt(out.data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
      return { data: out.data, mean, deviation };
    };
    const normal = draw('normal', 5, 3);
    expect(Math.abs(normal.mean - 5)).toBeLessThan(0.1);
    expect(Math.abs(normal.deviation - 3)).toBeLessThan(0.1);
    expect(new Set(draw('integer', -2, 3).data)).toEqual(new Set([-2, -1, 0, 1, 2]));
    const bernoulli = draw('bernoulli', 0.25, 0);
    expect(new Set(bernoulli.data)).toEqual(new Set([0, 1]));
    expect(Math.abs(bernoulli.mean - 0.25)).toBeLessThan(0.02);
    expect(Math.abs(draw('exponential', 4, 0).mean - 0.25)).toBeLessThan(0.01);
    const raw = denseLongs(64);
    const command = { kind: 'raw', dtype: int64.code, n: 64, ...words, p0: 0, p1: 0 } as const;
    runRandom('op', addon, { ...command, out: raw.address });
    expect(new Set(raw.data).size).toBe(64);
    expect(raw.data.every((v) => v >= 0n)).toBe(true);
  });
});

test('arange counts from its start by its step', () => {
  const out = dense(9, 9, 9, 9);
  runArange('op', addon, { dtype: float64.code, out: out.address, n: 3, start: 0.5, step: -0.25 });
  expect([...out.data]).toEqual([0.5, 0.25, 0, 9]);
  const longer = denseLongs(4);
  runArange('op', addon, { dtype: int64.code, out: longer.address, n: 3, start: 7, step: 5 });
  expect([...longer.data]).toEqual([7n, 12n, 17n, 77n]);
});
