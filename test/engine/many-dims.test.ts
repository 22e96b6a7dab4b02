// Tensors of 20 and of 64 dims that no walk can merge: every kernel family against plain loops over positions.
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addonPath } from '../../engine/backend/addon.js';
import type { Tensor } from '../../engine/index.js';
import * as torch from '../../engine/index.js';
import { generator } from '../support/random.js';

process.env.TORCHSTONE_CUDA_PATH = join(dirname(addonPath), 'shim');

/** A tensor as a shape and its values in row-major order. */
interface Plain {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

const numel = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));

/** The positions, in row-major order of `shape`, that strides lead to. */
function positions(shape: readonly number[], strides: readonly number[]): Int32Array {
  const all = new Int32Array(numel(shape));
  let known = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    for (let i = 1; i < shape[d]!; i++)
      for (let k = 0; k < known; k++) all[i * known + k] = all[k]! + i * strides[d]!;
    known *= shape[d]!;
  }
  return all;
}

function permuted(x: Plain, order: readonly number[]): Plain {
  const shape = order.map((d) => x.shape[d]!);
  const strides = stridesOf(x.shape);
  const at = positions(
    shape,
    order.map((d) => strides[d]!),
  );
  return { shape, values: Array.from(at, (p) => x.values[p]!) };
}

/** What `f` makes of every lane along `dim`, in place of the lane. */
function along(x: Plain, dim: number, f: (lane: number[]) => number[]): Plain {
  const strides = stridesOf(x.shape);
  const starts = positions(
    x.shape.map((n, d) => (d === dim ? 1 : n)),
    strides,
  );
  const lanes = Array.from(starts, (p) =>
    f(Array.from({ length: x.shape[dim]! }, (_, i) => x.values[p + i * strides[dim]!]!)),
  );
  const shape = x.shape.map((n, d) => (d === dim ? lanes[0]!.length : n));
  const values = new Array<number>(numel(shape));
  const to = stridesOf(shape);
  positions(
    shape.map((n, d) => (d === dim ? 1 : n)),
    to,
  ).forEach((p, k) => {
    lanes[k]!.forEach((v, i) => {
      values[p + i * to[dim]!] = v;
    });
  });
  return { shape, values };
}
const total = (lane: readonly number[]): number => lane.reduce((a, b) => a + b, 0);
function summed(x: Plain, dims: readonly number[]): Plain {
  const kept = x.shape.map((n, d) => (dims.includes(d) ? 1 : n));
  const strides = stridesOf(kept).map((s, d) => (dims.includes(d) ? 0 : s));
  const values = new Array<number>(numel(kept)).fill(0);
  positions(x.shape, strides).forEach((p, i) => {
    values[p]! += x.values[i]!;
  });
  return { shape: x.shape.filter((_, d) => !dims.includes(d)), values };
}

const spread = (twos: number): number[] =>
  Array.from({ length: 64 }, (_, d) => (d % 3 === 1 && d < 3 * twos ? 2 : 1));
const twos = (n: number): number[] => new Array<number>(n).fill(2);
const shapes: Record<string, number[]> = {
  '18 dims of 2': twos(18),
  '64 dims, 17 of 2 among 1s': spread(17),
};

/** Small integers, so that sums are exact. */
function sample(shape: readonly number[], seed: number, device: string): { plain: Plain; x: Tensor } {
  const next = generator(seed);
  const values = Array.from({ length: numel(shape) }, () => Math.floor(next() * 16) - 8);
  return { plain: { shape, values }, x: torch.tensor(values, { dtype: 'float32', device }).reshape(shape) };
}
function shuffled(n: number, seed: number): number[] {
  const next = generator(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const k = Math.floor(next() * (i + 1));
    [order[i], order[k]] = [order[k]!, order[i]!];
  }
  return order;
}
const backwards = (n: number): number[] => Array.from({ length: n }, (_, i) => n - 1 - i);

const valuesOf = (x: Tensor): number[] =>
  (x.cpu().contiguous().reshape([-1]).tolist() as (number | bigint | boolean)[]).map(Number);
/** Compared without the message of a million numbers. */
function expectSame(got: Tensor, want: Plain, within = 0): void {
  expect(got.shape).toEqual(want.shape);
  const values = valuesOf(got);
  const wrong = values.findIndex((v, i) => !(Math.abs(v - want.values[i]!) <= within));
  expect(wrong < 0 ? null : { at: wrong, got: values[wrong], want: want.values[wrong] }).toBeNull();
}

interface Sample {
  /** Contiguous, and the same in an order of dims that reverses memory. */
  readonly x: Tensor;
  readonly plain: Plain;
  readonly back: Tensor;
  readonly backPlain: Plain;
  /** In an order that is neither. */
  readonly mixed: Tensor;
  readonly mixedPlain: Plain;
  /** A dim of size 2. */
  readonly dim: number;
  readonly device: string;
}
function sampleOf(shape: readonly number[], device: string): Sample {
  const { plain, x } = sample(shape, shape.length, device);
  const order = shuffled(shape.length, 7);
  const mixedPlain = permuted(plain, order);
  return {
    x,
    plain,
    back: x.permute(backwards(shape.length)),
    backPlain: permuted(plain, backwards(shape.length)),
    mixed: x.permute(order),
    mixedPlain,
    dim: mixedPlain.shape.indexOf(2),
    device,
  };
}
const map2 = (a: Plain, b: Plain, f: (x: number, y: number) => number): Plain => ({
  shape: a.shape,
  values: a.values.map((v, i) => f(v, b.values[i]!)),
});
const map = (a: Plain, f: (x: number) => number): Plain => ({
  shape: a.shape,
  values: a.values.map((v) => f(v)),
});
/** Every second dim of size 2. */
const someDims = (shape: readonly number[]): number[] =>
  shape.flatMap((n, d) => (n === 2 ? [d] : [])).filter((_, i) => i % 2 === 0);

const families: Record<string, (s: Sample) => void> = {
  // biome-ignore-start lint/style/useNamingConvention: families have the addon's names
  pointwise: ({ x, plain, back, backPlain, mixed, mixedPlain }) => {
    const shape = plain.shape.length;
    expectSame(
      x.reshape(back.shape).add(back),
      map2({ ...plain, shape: backPlain.shape }, backPlain, (a, b) => a + b),
    );
    expectSame(
      mixed.mul(mixed).neg(),
      map(mixedPlain, (v) => -(v * v)),
    );
    expectSame(
      mixed.to('int64').bitwiseAnd(3),
      map(mixedPlain, (v) => v & 3),
    );
    expect(shape).toBeGreaterThan(16);
  },
  copy: ({ back, backPlain, mixed, mixedPlain }) => {
    expectSame(mixed.contiguous(), mixedPlain);
    expectSame(
      torch.cat([back, back], 3),
      along(backPlain, 3, (lane) => [...lane, ...lane]),
    );
  },
  reduce: ({ mixed, mixedPlain, back, backPlain, dim }) => {
    const dims = someDims(mixedPlain.shape);
    expectSame(mixed.sum(dims), summed(mixedPlain, dims));
    expectSame(back.sum(dims.slice(3)), summed(backPlain, dims.slice(3)));
    expectSame(back.sum(), { shape: [], values: [total(backPlain.values)] });
    const first = along(mixedPlain, dim, (lane) => [lane.indexOf(Math.max(...lane))]);
    expectSame(mixed.argmax(dim, true), first);
    expectSame(
      mixed.amax([dim], true),
      along(mixedPlain, dim, (lane) => [Math.max(...lane)]),
    );
  },
  rowwise: ({ mixed, mixedPlain, dim }) => {
    const softmax = (lane: readonly number[]): number[] => {
      const e = lane.map((v) => Math.exp(v - Math.max(...lane)));
      return e.map((v) => v / total(e));
    };
    expectSame(mixed.softmax(dim), along(mixedPlain, dim, softmax), 1e-6);
    expectSame(
      torch.nn.functional.logSoftmax(mixed, dim),
      along(mixedPlain, dim, (lane) => softmax(lane).map(Math.log)),
      1e-5,
    );
  },
  scan: ({ mixed, mixedPlain, dim }) => {
    let running = 0;
    const sums = along(mixedPlain, dim, (lane) => {
      running = 0;
      return lane.map((v) => {
        running += v;
        return running;
      });
    });
    expectSame(mixed.cumsum(dim), sums);
    const [values] = mixed.cummax(dim) as [Tensor, Tensor];
    expectSame(
      values,
      along(mixedPlain, dim, (lane) => lane.map((_, i) => Math.max(...lane.slice(0, i + 1)))),
    );
  },
  gemm: ({ mixed, mixedPlain, dim, device }) => {
    const order = [...mixedPlain.shape.keys()].filter((d) => d !== dim);
    const other = order.findLast((d) => mixedPlain.shape[d] === 2)!;
    const last = [...order.filter((d) => d !== other), other, dim];
    const w = torch.tensor(
      [
        [1, 2, -1],
        [3, 0, 5],
      ],
      { dtype: 'float32', device },
    );
    const want = along(permuted(mixedPlain, last), last.length - 1, ([a, b]) => [
      a! + 3 * b!,
      2 * a!,
      5 * b! - a!,
    ]);
    expectSame(mixed.permute(last).matmul(w), want);
    // A batch on both sides, which does not fold into rows.
    const batch = mixed.permute(last);
    const square = batch.matmul(batch);
    const plain = permuted(mixedPlain, last).values;
    const product = plain.flatMap((_, i) => {
      if (i % 4 !== 0) return [];
      const [a, b, c, d] = plain.slice(i, i + 4) as [number, number, number, number];
      return [a * a + b * c, a * b + b * d, c * a + d * c, c * b + d * d];
    });
    expectSame(square, { shape: batch.shape, values: product });
  },
  index: ({ mixed, mixedPlain, dim, device }) => {
    const index = torch.tensor([1, 0, -1], { dtype: 'int64', device });
    const picked = along(mixedPlain, dim, (lane) => [lane[1]!, lane[0]!, lane[1]!]);
    const parts: (Tensor | string)[] = mixedPlain.shape.map((_, d) => (d === dim ? index : ':'));
    expectSame(mixed.at(...parts), picked);
    expectSame(mixed.gather(dim, mixed.to('int64').bitwiseAnd(1)), {
      shape: mixedPlain.shape,
      values: along(mixedPlain, dim, (lane) => lane.map((v) => lane[v & 1]!)).values,
    });
    // An index tensor for every dim.
    const ends = mixedPlain.shape.map((n) => torch.tensor([0, n - 1], { dtype: 'int64', device }));
    expectSame(mixed.at(...ends), {
      shape: [2],
      values: [mixedPlain.values[0]!, mixedPlain.values.at(-1)!],
    });
    const put = mixed.clone();
    put.indexPut_(ends, torch.tensor([100, 200], { dtype: 'float32', device }), true);
    const values = [...mixedPlain.values];
    values[0]! += 100;
    values[values.length - 1]! += 200;
    expectSame(put, { shape: mixedPlain.shape, values });
  },
  nonzero: ({ mixed, mixedPlain }) => {
    const { shape } = mixedPlain;
    const strides = stridesOf(shape);
    const at = mixedPlain.values.flatMap((v, i) => (v > 6 ? [i] : []));
    expectSame(mixed.gt(6).nonzero(), {
      shape: [at.length, shape.length],
      values: at.flatMap((i) => shape.map((n, d) => Math.floor(i / strides[d]!) % n)),
    });
  },
  sort: ({ mixed, mixedPlain, dim }) => {
    const [values, indices] = mixed.sort(dim) as [Tensor, Tensor];
    expectSame(
      values,
      along(mixedPlain, dim, (lane) => [...lane].sort((a, b) => a - b)),
    );
    expectSame(
      indices,
      along(mixedPlain, dim, ([a, b]) => (a! <= b! ? [0, 1] : [1, 0])),
    );
  },
  search: ({ mixed, mixedPlain, device }) => {
    const bounds = [-4, 0, 3];
    expectSame(
      torch.searchsorted(torch.tensor(bounds, { dtype: 'float32', device }), mixed),
      map(mixedPlain, (v) => bounds.filter((b) => b < v).length),
    );
  },
  fft: ({ mixed, mixedPlain, dim }) => {
    const y = torch.fft.fft(mixed, undefined, dim);
    expectSame(
      torch.real(y),
      along(mixedPlain, dim, ([a, b]) => [a! + b!, a! - b!]),
      1e-5,
    );
  },
  linalg: ({ mixed, mixedPlain }) => {
    const twos = mixedPlain.shape.flatMap((n, d) => (n === 2 ? [d] : []));
    const [rows, columns] = twos.slice(-2) as [number, number];
    const order = [...mixedPlain.shape.keys()].filter((d) => d !== rows && d !== columns);
    const last = [...order, rows, columns];
    const { values } = permuted(mixedPlain, last);
    const want = values.flatMap((_, i) =>
      i % 4 === 0 ? [values[i]! * values[i + 3]! - values[i + 1]! * values[i + 2]!] : [],
    );
    const shape = order.map((d) => mixedPlain.shape[d]!);
    expectSame(torch.linalg.det(mixed.permute(last)), { shape, values: want }, 1e-3);
  },
  // biome-ignore-end lint/style/useNamingConvention: the same
};

const names = Object.keys(families);
describe.each(Object.keys(shapes))('%s on the CPU', (name) => {
  const s = sampleOf(shapes[name]!, 'cpu');
  it.each(names)('%s', (family) => families[family]!(s));
});

describe('20 dims of 2 on the CPU', () => {
  const s = sampleOf(twos(20), 'cpu');
  it.each(['pointwise', 'copy', 'reduce'])('%s', (family) => families[family]!(s));
});

// The fake of CUDA runs a thread after the other: so many small products would take half a minute. test/native/commands.test.ts
// has products of 64 dims.
describe('64 dims, 17 of 2 among 1s on CUDA', () => {
  expect(torch.cuda.reason()).toBe('');
  const s = sampleOf(spread(17), 'cuda');
  it.each(names.filter((n) => n !== 'gemm'))('%s', (family) => families[family]!(s));
});
