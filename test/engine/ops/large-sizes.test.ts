// Ops at sizes that reach every path of their kernels (threads, second chunks, blocks), and calls that no recorded case makes,
// against plain loops in JavaScript.
import { describe, expect, it } from 'vitest';
import * as torch from '../../../engine/index.js';
import { below, generator } from '../../support/random.js';

const { tensor } = torch;
const f64 = { dtype: 'float64' } as const;
/** Small whole numbers: sums of products of them are exact. */
function whole(shape: readonly number[], seed: number, range = 9): { x: torch.Tensor; data: Float64Array } {
  const random = generator(seed);
  const n = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: n }, () => below(random, 2 * range + 1) - range);
  return { x: tensor(data, f64).view(...shape), data };
}
const valuesOf = (x: torch.Tensor): number[] => x.contiguous().view(-1).tolist<number[]>();
const dtypes = ['float32', 'float64', 'int32', 'int64'] as const;

describe('products', () => {
  it.each([
    [9, 40, 40, 40],
    [3, 67, 129, 31],
    [1, 1, 9001, 1],
  ])('bmm of %d × %d × %d × %d', (b, n, k, m) => {
    const [p, q] = [whole([b, n, k], 1), whole([b, k, m], 2)];
    const want = new Array<number>(b * n * m).fill(0);
    for (let i = 0; i < b; i++)
      for (let r = 0; r < n; r++)
        for (let s = 0; s < k; s++) {
          const left = p.data[(i * n + r) * k + s]!;
          for (let c = 0; c < m; c++) want[(i * n + r) * m + c]! += left * q.data[(i * k + s) * m + c]!;
        }
    for (const dtype of dtypes) {
      const [x, y] = [p.x.to(dtype), q.x.to(dtype)];
      expect(valuesOf(x.bmm(y)), dtype).toEqual(want);
      // The same out of other layouts.
      expect(valuesOf(x.transpose(1, 2).contiguous().transpose(1, 2).bmm(y)), dtype).toEqual(want);
      expect(valuesOf(x.bmm(y.transpose(1, 2).contiguous().transpose(1, 2))), dtype).toEqual(want);
    }
  });
  it.each([9000, 70_001])('mv and dot of %d', (k) => {
    const [a, v] = [whole([3, k], 3), whole([k], 4)];
    const want = [0, 1, 2].map((r) => v.data.reduce((sum, value, i) => sum + value * a.data[r * k + i]!, 0));
    for (const dtype of dtypes) {
      const [m, w] = [a.x.to(dtype), v.x.to(dtype)];
      expect(valuesOf(m.mv(w)), dtype).toEqual(want);
      expect(valuesOf(m.t().contiguous().t().mv(w)), dtype).toEqual(want);
      expect(m.at(1).dot(w).item(), dtype).toBe(want[1]);
      expect(valuesOf(w.matmul(m.t())), dtype).toEqual(want);
    }
  });
  it('einsum with output left out, sums, traces and ellipses', () => {
    const { x, data } = whole([5, 7], 5);
    const [same] = [torch.einsum('ba', x)];
    // Left out, the output's names stand in alphabetical order: a transpose.
    expect(same!.shape).toEqual([7, 5]);
    expect(same!.at(3, 4).item()).toBe(data[4 * 7 + 3]);
    expect(torch.einsum('ij->', x).item()).toBe(data.reduce((a, b) => a + b));
    const { x: cube } = whole([4, 3, 3], 6);
    expect(valuesOf(torch.einsum('...ii->...', cube))).toEqual(
      [0, 1, 2, 3].map((i) => [0, 1, 2].reduce((sum, k) => sum + cube.at(i, k, k).item<number>(), 0)),
    );
    expect(torch.einsum('...ij,...jk', cube, cube).equal(cube.matmul(cube))).toBe(true);
    expect(torch.einsum('ii->i', cube.at(0)).equal(cube.at(0).diagonal())).toBe(true);
  });
  it('lstsq with a vector on the right', () => {
    const a = tensor(
      [
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
      ],
      f64,
    ); // prettier-ignore
    const batch = torch.stack([a, a]);
    const b = tensor(
      [
        [1, 3, 5, 7],
        [0, 1, 2, 3],
      ],
      f64,
    ); // prettier-ignore
    const { solution } = torch.linalg.lstsq(batch, b);
    expect(solution.shape).toEqual([2, 2]);
    expect(solution.round({ decimals: 10 }).tolist()).toEqual([
      [1, 2],
      [0, 1],
    ]); // prettier-ignore
  });
});

describe('order', () => {
  const n = 70_001;
  it.each([1, 7, 5000, 69_999])('topk of 70,001, the first %d', (k) => {
    const { x, data } = whole([n], 7, 1 << 20);
    const sorted = [...data].sort((a, b) => b - a);
    for (const dtype of dtypes) {
      const { values, indices } = x.to(dtype).topk(k);
      expect(valuesOf(values)).toEqual(sorted.slice(0, k));
      expect(valuesOf(x.gather(0, indices))).toEqual(sorted.slice(0, k));
      expect(new Set(valuesOf(indices)).size).toBe(k);
      expect(valuesOf(x.to(dtype).topk(k, { largest: false }).values)).toEqual(sorted.slice(n - k).reverse());
    }
  });
  it('argmax and max at the first of several NaN', () => {
    for (const length of [5, 4099]) {
      const data = new Float64Array(length).fill(1);
      const first = length - 3;
      data[first] = data[first + 1] = Number.NaN;
      data[0] = Number.POSITIVE_INFINITY;
      for (const dtype of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
        const x = tensor(data, f64).to(dtype);
        for (const found of [x.argmax(), x.argmin(), x.max(0).indices, x.min(0).indices])
          expect(found.item(), dtype).toBe(first);
        const both = torch.stack([x, x], 1);
        expect(both.argmax(0).tolist()).toEqual([first, first]);
        expect(both.t().contiguous().argmax(1).tolist()).toEqual([first, first]);
      }
    }
  });
  it('searchsorted with NaN, and with a sorter for each row', () => {
    const sequence = tensor(
      [
        [1, 3, 5],
        [Number.NaN, 2, 4],
      ],
      f64,
    ); // prettier-ignore
    const sorter = sequence.argsort(1);
    const found = torch.searchsorted(
      sequence,
      tensor(
        [
          [3, Number.NaN],
          [3, Number.NaN],
        ],
        f64,
      ),
      { sorter },
    ); // prettier-ignore
    expect(sorter.tolist()).toEqual([
      [0, 1, 2],
      [1, 2, 0],
    ]); // prettier-ignore
    // NaN is beyond all that is there, other NaN too, as in PyTorch.
    expect(found.tolist()).toEqual([
      [1, 3],
      [1, 3],
    ]); // prettier-ignore
  });
  it.each([1, 2, 3])('nonzero of 5,000 and more in %d dims', (dims) => {
    const shape = [[5003], [71, 73], [17, 17, 19]][dims - 1]!;
    const { x, data } = whole(shape, 8, 1);
    const want: number[][] = [];
    data.forEach((value, i) => {
      if (value === 0) return;
      const at: number[] = [];
      let left = i;
      for (const size of [...shape].reverse()) {
        at.unshift(left % size);
        left = Math.floor(left / size);
      }
      want.push(at);
    });
    expect(x.nonzero().tolist()).toEqual(want);
    expect(x.bool().nonzero().tolist()).toEqual(want);
    expect(x.countNonzero().item()).toBe(want.length);
    expect(valuesOf(x.maskedSelect(x.ne(0)))).toEqual([...data].filter((value) => value !== 0));
  });
});

describe('creation', () => {
  it('arange of 100,003', () => {
    const n = 100_003;
    for (const dtype of dtypes) {
      const x = torch.arange(5, 5 + 3 * n, 3, { dtype });
      expect(x.numel()).toBe(n);
      const odd = valuesOf(x).findIndex((value, i) => value !== 5 + 3 * i);
      expect(odd, dtype).toBe(-1);
    }
    const tenth = valuesOf(torch.arange(0, 10_000.05, 0.1, f64));
    expect(tenth.length).toBe(100_001);
    expect(tenth.findIndex((value, i) => value !== i * 0.1)).toBe(-1);
  });
  it('dropout2d drops whole channels and scales the others', () => {
    const x = torch.ones([64, 16, 3, 5], f64);
    const y = torch.nn.functional.dropout2d(x, 0.25, true);
    const [least, most] = [y.amin([2, 3]), y.amax([2, 3])];
    expect(least.equal(most)).toBe(true);
    const kept = most.ne(0).sum().item<number>() / 1024;
    expect(kept).toBeGreaterThan(0.68);
    expect(kept).toBeLessThan(0.82);
    expect(
      most
        .maskedSelect(most.ne(0))
        .sub(1 / 0.75)
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-15);
    expect(torch.nn.functional.dropout2d(x, 0.25, false).equal(x)).toBe(true);
  });
});
