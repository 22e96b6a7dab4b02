// Holds what the addon reads of fft and linalg commands against what the encoders write, as execution.test.ts does of the other
// families: transforms against the sum of their definition, factorisations against the matrix that they came from.
import { describe, expect, it, test } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { type FftKind, runFft } from '../../../engine/backend/commands/fft.js';
import { type LinalgKind, linalgFlags, runLinalg } from '../../../engine/backend/commands/linalg.js';
import { float64 } from '../../../engine/core/dtype.js';
import { below, generator, pick, placeOf, positionsOf, type Random } from '../../support/random.js';
import { product } from './memory.js';

type Complex = readonly [re: number, im: number];
const sizesOf = (random: Random, ndim: number): number[] =>
  Array.from({ length: ndim }, () => 1 + below(random, 3));

/** Lines of real or complex numbers somewhere in memory. */
function lines(random: Random, sizes: readonly number[], kind: 'complex' | 'real', written: boolean) {
  const place = placeOf(random, sizes, written);
  const parts = kind === 'complex' ? 2 : 1;
  const data = Float64Array.from({ length: place.length * parts }, () => random() - 0.5);
  const at = positionsOf(sizes, place);
  return {
    data,
    operand: {
      address: addon.addressOf(data.buffer) + 8 * parts * place.offset,
      strides: place.strides.slice(0, -1),
      along: place.strides.at(-1)!,
    },
    values: (): Complex[] => at.map((i) => [data[i * parts]!, parts === 2 ? data[i * parts + 1]! : 0]),
  };
}

/** What the command says that stands in one line of n points. */
function filled(kind: FftKind, line: readonly Complex[], n: number): Complex[] {
  const all = Array.from({ length: n }, (_, i): Complex => line[i] ?? [0, 0]);
  if (kind !== 'half') return all;
  return all.map((value, i) => {
    if (i <= n / 2) return value;
    const [re, im] = all[n - i]!;
    return [re, -im];
  });
}

function transformed(line: readonly Complex[], inverse: boolean, scale: number): Complex[] {
  const n = line.length;
  return line.map((_, k) => {
    const sum = [0, 0] as [number, number];
    line.forEach(([re, im], i) => {
      const angle = ((inverse ? 2 : -2) * Math.PI * ((i * k) % n)) / n;
      sum[0] += (re * Math.cos(angle) - im * Math.sin(angle)) * scale;
      sum[1] += (re * Math.sin(angle) + im * Math.cos(angle)) * scale;
    });
    return sum;
  });
}

describe('fft', () => {
  it.each(Array.from({ length: 25 }, (_, i) => i + 1))('of seed %i', (seed) => {
    const random = generator(seed);
    const sizes = sizesOf(random, below(random, 4));
    const n = pick(random, [1, 2, 3, 4, 5, 8, 12, 15, 67]);
    const from = pick(random, ['complex', 'real', 'half'] as const);
    const to = from === 'half' ? 'real' : pick(random, ['complex', 'real'] as const);
    const half = Math.floor(n / 2) + 1;
    const inCount = from === 'half' ? half : 1 + below(random, n);
    const outCount = 1 + below(random, n);
    const inverse = random() < 0.5;
    const input = lines(random, [...sizes, inCount], from === 'real' ? 'real' : 'complex', false);
    const out = lines(random, [...sizes, outCount], to, true);
    const given = input.values();
    runFft('op', addon, {
      dtype: float64.code,
      sizes,
      n,
      inCount,
      outCount,
      inverse,
      from,
      to,
      scale: 0.5,
      input: input.operand,
      out: out.operand,
    });
    const wanted = Array.from({ length: product(sizes) }, (_, r) =>
      transformed(filled(from, given.slice(r * inCount, (r + 1) * inCount), n), inverse, 0.5).slice(
        0,
        outCount,
      ),
    ).flat();
    out.values().forEach(([re, im], i) => {
      expect(re).toBeCloseTo(wanted[i]![0], 11);
      if (to === 'complex') expect(im).toBeCloseTo(wanted[i]![1], 11);
    });
  });
});

type Rows = number[][];
const times = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)));
const turned = (a: Rows): Rows => a[0]!.map((_, j) => a.map((row) => row[j]!));
const table = (m: number, n: number, at: (i: number, j: number) => number): Rows =>
  Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => at(i, j)));

function expectClose(got: Rows, want: Rows): void {
  expect([got.length, got[0]!.length]).toEqual([want.length, want[0]!.length]);
  got.forEach((row, i) => {
    row.forEach((v, j) => {
      expect(v).toBeCloseTo(want[i]![j]!, 9);
    });
  });
}

/** A batch of m×n matrices in memory with any strides, and the rows of each. */
function matrices(
  random: Random,
  batch: readonly number[],
  m: number,
  n: number,
  value: (b: number, i: number, j: number) => number,
) {
  const sizes = [...batch, m, n];
  const place = placeOf(random, sizes, true);
  const data = new Float64Array(place.length);
  const at = positionsOf(sizes, place);
  const all = Array.from({ length: product(batch) }, (_, b) => table(m, n, (i, j) => value(b, i, j)));
  all.forEach((rows, b) => {
    rows.flat().forEach((v, i) => {
      data[at[b * m * n + i]!] = v;
    });
  });
  const [row, column] = place.strides.slice(-2) as [number, number];
  const address = addon.addressOf(data.buffer) + 8 * place.offset;
  return { data, all, operand: { address, batch: place.strides.slice(0, -2), row, column } };
}

/** Column-major results: b's matrix of m rows. */
const rowsOf = (data: Float64Array, b: number, m: number, n: number): Rows =>
  table(m, n, (i, j) => data[(b * n + j) * m + i]!);

describe.each(Array.from({ length: 6 }, (_, i) => i + 1))('linalg of seed %i', (seed) => {
  const random = generator(seed);
  const batch = sizesOf(random, below(random, 3));
  const count = product(batch);
  const [m, n, k] = [1 + below(random, 5), 1 + below(random, 5), 1 + below(random, 3)];
  const least = Math.min(m, n);
  type Input = ReturnType<typeof matrices>;
  /** Runs a kind; each result is an array of the size asked for. */
  const run = (
    kind: LinalgKind,
    shape: { m: number; n: number; k?: number; flags?: number; a: Input; b?: Input },
    ...out: readonly (Float64Array | Int32Array)[]
  ): void => {
    const info = new Int32Array(count).fill(9);
    runLinalg('op', addon, {
      kind,
      dtype: float64.code,
      flags: shape.flags ?? 0,
      batch,
      m: shape.m,
      n: shape.n,
      k: shape.k ?? 0,
      info: addon.addressOf(info.buffer),
      a: shape.a.operand,
      b: (shape.b ?? shape.a).operand,
      out: [0, 1, 2].map((i) => (out[i] === undefined ? 0 : addon.addressOf(out[i].buffer as ArrayBuffer))),
    });
    expect([...info]).toEqual(new Array(count).fill(0));
  };
  const any = (rows: number, columns: number): Input =>
    matrices(random, batch, rows, columns, () => random() - 0.5);
  /** Symmetric, and positive where the diagonal is made large. */
  const symmetric = (diagonal: number): Input =>
    matrices(
      random,
      batch,
      n,
      n,
      (b, i, j) => Math.sin(7 * b + 3 * Math.max(i, j) + Math.min(i, j)) + (i === j ? diagonal : 0),
    );
  const floats = (length: number): Float64Array => new Float64Array(count * length);
  const each = (a: Input, check: (rows: Rows, b: number) => void): void => a.all.forEach(check);

  test('lu', () => {
    const [a, lu, pivots] = [any(m, n), floats(m * n), new Int32Array(count * least)];
    run('lu', { m, n, a }, lu, pivots);
    each(a, (rows, b) => {
      const packed = rowsOf(lu, b, m, n);
      const l = table(m, least, (i, j) => (i === j ? 1 : i > j ? packed[i]![j]! : 0));
      const u = table(least, n, (i, j) => (i <= j ? packed[i]![j]! : 0));
      const order = rows.map((row) => row);
      pivots.slice(b * least, (b + 1) * least).forEach((p, i) => {
        [order[i], order[p - 1]] = [order[p - 1]!, order[i]!];
      });
      expectClose(times(l, u), order);
    });
  });

  test('cholesky, of either triangle', () => {
    for (const flags of [0, linalgFlags.upper]) {
      const [a, factor] = [symmetric(9), floats(n * n)];
      run('cholesky', { m: n, n, flags, a }, factor);
      each(a, (rows, b) => {
        const f = rowsOf(factor, b, n, n);
        expectClose(flags === 0 ? times(f, turned(f)) : times(turned(f), f), rows);
      });
    }
  });

  test('triangular, of either triangle, with and without a diagonal of ones', () => {
    for (const flags of [0, linalgFlags.upper, linalgFlags.unit, linalgFlags.upper + linalgFlags.unit]) {
      const [a, b, x] = [symmetric(3), any(n, k), floats(n * k)];
      run('triangular', { m: n, n, k, flags, a, b }, x);
      each(a, (rows, at) => {
        const triangle = table(n, n, (i, j) => {
          if (i === j) return (flags & linalgFlags.unit) !== 0 ? 1 : rows[i]![j]!;
          return ((flags & linalgFlags.upper) !== 0) === i < j ? rows[i]![j]! : 0;
        });
        expectClose(times(triangle, rowsOf(x, at, n, k)), b.all[at]!);
      });
    }
  });

  test('qr', () => {
    const [a, packed, tau] = [any(m, n), floats(m * n), floats(least)];
    run('qr', { m, n, a }, packed, tau);
    each(a, (rows, b) => {
      const all = rowsOf(packed, b, m, n);
      const r = table(least, n, (i, j) => (i <= j ? all[i]![j]! : 0));
      expectClose(times(turned(r), r), times(turned(rows), rows));
      // Reflectors from the last to the first, on R, give A back.
      let product = table(m, n, (i, j) => (i <= j ? all[i]![j]! : 0));
      for (let q = least - 1; q >= 0; q--) {
        const v = table(m, 1, (i) => (i < q ? 0 : i === q ? 1 : all[i]![q]!));
        const along = times(turned(v), product);
        product = product.map((row, i) =>
          row.map((x, j) => x - tau[b * least + q]! * v[i]![0]! * along[0]![j]!),
        );
      }
      expectClose(product, rows);
    });
  });

  test('eigh, of either triangle', () => {
    for (const flags of [0, linalgFlags.upper]) {
      const [a, values, vectors] = [symmetric(0), floats(n), floats(n * n)];
      run('eigh', { m: n, n, flags, a }, values, vectors);
      each(a, (rows, b) => {
        const own = values.slice(b * n, (b + 1) * n);
        const v = rowsOf(vectors, b, n, n);
        expect([...own]).toEqual([...own].sort((x, y) => x - y));
        expectClose(
          times(turned(v), v),
          table(n, n, (i, j) => (i === j ? 1 : 0)),
        );
        expectClose(
          times(rows, v),
          v.map((row) => row.map((x, j) => x * own[j]!)),
        );
      });
    }
  });

  test('eig', () => {
    const [a, values, vectors] = [any(n, n), floats(2 * n), floats(2 * n * n)];
    run('eig', { m: n, n, a }, values, vectors);
    each(a, (rows, b) => {
      const part = (data: Float64Array, at: number): Complex => [data[2 * at]!, data[2 * at + 1]!];
      for (let j = 0; j < n; j++) {
        const [re, im] = part(values, b * n + j);
        const v = Array.from({ length: n }, (_, i) => part(vectors, (b * n + j) * n + i));
        expect(v.reduce((sum, [x, y]) => sum + x * x + y * y, 0)).toBeCloseTo(1, 10);
        rows.forEach((row, i) => {
          const [x, y] = v[i]!;
          expect(row.reduce((sum, r, c) => sum + r * v[c]![0], 0)).toBeCloseTo(re * x - im * y, 9);
          expect(row.reduce((sum, r, c) => sum + r * v[c]![1], 0)).toBeCloseTo(re * y + im * x, 9);
        });
      }
    });
  });

  test('svd: values alone, thin and full', () => {
    const a = any(m, n);
    const values = floats(least);
    run('svd', { m, n, a }, values);
    for (const flags of [0, linalgFlags.full]) {
      const [p, q] = flags === 0 ? [least, least] : [m, n];
      const [s, u, vh] = [floats(least), floats(m * p), floats(q * n)];
      run('svd', { m, n, flags, a }, s, u, vh);
      each(a, (rows, b) => {
        const own = s.slice(b * least, (b + 1) * least);
        own.forEach((v, i) => {
          expect(v).toBeCloseTo(values[b * least + i]!, 10);
        });
        const [left, right] = [rowsOf(u, b, m, p), rowsOf(vh, b, q, n)];
        expectClose(
          times(turned(left), left),
          table(p, p, (i, j) => (i === j ? 1 : 0)),
        );
        expectClose(
          times(right, turned(right)),
          table(q, q, (i, j) => (i === j ? 1 : 0)),
        );
        const scaled = left.map((row) => Array.from(own, (v, j) => row[j]! * v));
        expectClose(times(scaled, right.slice(0, least)), rows);
      });
    }
  });

  test('ldl, and the solution of its parts', () => {
    for (const flags of [0, linalgFlags.hermitian]) {
      const [a, b] = [symmetric(0.5), any(n, k)];
      const [ld, pivots, x] = [floats(n * n), new Int32Array(count * n), floats(n * k)];
      run('ldl', { m: n, n, flags, a }, ld, pivots);
      const packed = matrices(random, batch, n, n, (at, i, j) => rowsOf(ld, at, n, n)[i]![j]!);
      run('ldlSolve', { m: n, n, k, flags, a: packed, b }, x, pivots);
      each(a, (rows, at) => expectClose(times(rows, rowsOf(x, at, n, k)), b.all[at]!));
    }
  });
});
