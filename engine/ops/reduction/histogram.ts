// bincount, histc, histogram, histogramdd. Bins are found by arithmetic or search, then counted.
import { type DType, float32, float64, int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { numelOf } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { cast, rawZeros } from '../creation/copy-fill-cast.js';
import { linspace } from '../creation/like-and-ranges.js';
import { filled } from '../indexing/index-kernels.js';
import { searchsorted } from './search.js';
import { self } from './sum-mean-prod.js';

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** Adds the weights (null: 1 each) into `bins` zeros; an index below 0 is left out. */
function counted(at: Tensor, weights: Tensor | null, bins: number, dtype: DType): Tensor {
  const each = weights === null ? filled(at.sizes, 1, dtype) : cast(weights, dtype);
  if (bins === 0 || at.length === 0) return rawZeros([bins], dtype);
  const inside = at.ge(0);
  return rawZeros([bins], dtype).scatterAdd(0, at.clampMin(0), each.mul(inside));
}

export const bincount = defineOp({
  name: 'bincount',
  numpy: 'numpy.bincount',
  doc: 'How often each of 0, 1, … occurs among whole numbers, or the sum of its weights; at least `minlength` bins.',
  params: [
    self,
    { name: 'weights', kind: 'tensor', default: null },
    { name: 'minlength', kind: 'int', default: 0 },
  ],
  kernel: (x: Tensor, weights: Tensor | null, least: number): Tensor => {
    const bad = 'bincount only supports 1-d non-negative integral inputs.';
    if (!x.dtype.isInteger)
      throw new NotImplementedError(
        message(
          'bincount',
          'integers',
          x.dtype.name,
          `"bincount_cpu" not implemented for '${x.dtype.title}'`,
        ),
      );
    if (least < 0) refuse('bincount', 'minlength of at least 0', String(least), 'minlength should be >= 0');
    if (x.ndim !== 1) refuse('bincount', 'one dim', showShape(x.sizes), bad);
    if (weights !== null && (weights.ndim !== 1 || weights.length !== x.length))
      refuse(
        'bincount',
        `weights of ${showShape(x.sizes)}`,
        showShape(weights.sizes),
        'weights should be 1-d and have the same length as input',
      );
    if (x.length === 0) return rawZeros([least], int64);
    if (Number(x.min().item()) < 0) refuse('bincount', 'numbers of at least 0', 'one below', bad);
    const bins = Math.max(Number(x.max().item()) + 1, least);
    const dtype = weights === null ? int64 : weights.dtype === float32 ? float32 : float64;
    return counted(cast(x, int64), weights === null ? null : weights.detach(), bins, dtype);
  },
  notDifferentiable: 'the result is counts',
  tests: () => ({
    samples: [
      call([t([9], { dtype: 'int64', fill: { low: 0, high: 5 } })]),
      call([t([4], { dtype: 'int32', fill: { low: 0, high: 3 } }), t([4], { grad: false }), 7]),
      call([t([0], { dtype: 'int64' })]),
    ],
    errors: [
      { args: [t([2, 2], { dtype: 'int64' })], throws: 'RuntimeError' },
      { args: [t([2], { dtype: 'int64', fill: { values: [1, -1] } })], throws: 'RuntimeError' },
    ],
  }),
});

type Range = readonly [number, number];

/** The outermost edges: as given, else those of the data; widened by half where they are one. @throws RuntimeError */
function outer(op: string, x: Tensor, given: Range | null, by: number): Range {
  let [low, high] =
    given ??
    (x.length === 0 ? [0, 1] : ([x.min(), x.max()].map((v) => Number(v.item())) as [number, number]));
  if (!Number.isFinite(low) || !Number.isFinite(high))
    refuse(op, 'a finite range', `${low} to ${high}`, `${op}: range of [${low}, ${high}] is not finite`);
  if (low > high) refuse(op, 'low ≤ high', `${low} and ${high}`, `${op}: max must be larger than min`);
  if (low === high) [low, high] = [low - by, high + by];
  return [low, high];
}

export const histc = defineOp({
  name: 'histc',
  doc: 'How many elements lie in each of `bins` bins between min and max (those of the data where they are equal).',
  params: [
    self,
    { name: 'bins', kind: 'int', default: 100 },
    { name: 'min', kind: 'scalar', default: 0 },
    { name: 'max', kind: 'scalar', default: 0 },
  ],
  kernel: (input: Tensor, bins: number, min: number, max: number): Tensor => {
    const x = input.detach().reshape([input.length]);
    if (bins <= 0) refuse('histc', 'bins above 0', String(bins), 'histc(): bins must be > 0');
    if (x.dtype.isIntegral)
      throw new NotImplementedError(
        message(
          'histc',
          'a floating dtype',
          x.dtype.name,
          `"histogram_cpu" not implemented for '${x.dtype.title}'`,
        ),
      );
    const [low, high] = outer('histc', x, min === max ? null : [Number(min), Number(max)], 1);
    const inside = x.ge(low).logicalAnd(x.le(high));
    const at = x
      .maskedFill(inside.logicalNot(), low)
      .sub(low)
      .mul(bins)
      .div(high - low)
      .to(int64);
    return counted(at.clampMax(bins - 1).maskedFill(inside.logicalNot(), -1), null, bins, x.dtype);
  },
  notDifferentiable: 'the result is counts',
  tests: () => ({
    samples: [
      call([t([9])], { bins: 4, min: -2, max: 2 }),
      call([t([3, 5], { layout: 'transposed' }), 5]),
      call([t([7], { fill: { values: [1, 'nan', -3, 2, 2.5, 9, 2] } }), 3, -3, 2.5]),
    ],
    errors: [
      { args: [t([3]), 0], throws: 'RuntimeError' },
      { args: [t([3]), 3, 2, 1], throws: 'RuntimeError' },
    ],
  }),
});

/** The edges along one axis: as given, or evenly spaced. */
function edgesFor(op: string, x: Tensor, bins: Tensor | number, range: Range | null): Tensor {
  if (bins instanceof Tensor) {
    if (bins.ndim !== 1)
      refuse(op, '1-d edges', `${bins.ndim} dims`, `${op}: bins tensor should have one dimension`);
    if (bins.dtype !== x.dtype)
      refuse(
        op,
        x.dtype.name,
        bins.dtype.name,
        `${op}: input tensor and bins tensors should have the same dtype`,
      );
    return bins.detach().clone();
  }
  if (bins <= 0) refuse(op, 'bins above 0', String(bins), `${op}: bins must be > 0`);
  const [low, high] = outer(op, x, range, 0.5);
  return linspace.impl(low, high, bins + 1, x.dtype, null, false) as Tensor;
}

/** Which bin of the edges each value is in; −1 outside. The last bin holds its right edge too. */
function binOf(x: Tensor, edges: Tensor): Tensor {
  const bins = edges.length - 1;
  const at = searchsorted.impl(edges, x, false, true, null, null).sub(1);
  const last = edges.narrow(0, bins, 1);
  return at.sub(x.eq(last).to(int64)).maskedFill(x.gt(last).logicalOr(x.isnan()), -1);
}

interface Options {
  readonly weight: Tensor | null;
  readonly density: boolean;
}

/** Counts of points [n, d] in a grid of bins, one list of edges for each column. */
function grid(points: Tensor, edges: readonly Tensor[], o: Options): Tensor {
  const sizes = edges.map((e) => e.length - 1);
  let at = filled([points.sizes[0]!], 0, int64);
  let outside = at.ne(0);
  edges.forEach((e, d) => {
    const bin = binOf(points.select(1, d).contiguous(), e);
    outside = outside.logicalOr(bin.lt(0));
    at = at.mul(sizes[d]!).add(bin);
  });
  const weight = o.weight === null ? null : o.weight.detach().reshape([points.sizes[0]!]);
  const hist = counted(at.maskedFill(outside, -1), weight, numelOf(sizes), points.dtype).reshape(sizes);
  if (!o.density) return hist;
  return edges.reduce((h, e, d) => {
    const width = e.narrow(0, 1, e.length - 1).sub(e.narrow(0, 0, e.length - 1));
    return h.div(width.reshape(sizes.map((n, k) => (k === d ? n : 1))));
  }, hist.div(hist.sum()));
}

const options: readonly Param[] = [
  {
    name: 'range',
    kind: 'any',
    type: 'readonly (number | readonly number[])[]',
    default: null,
    keyword: true,
  },
  { name: 'weight', kind: 'tensor', default: null, keyword: true },
  { name: 'density', kind: 'bool', default: false, keyword: true },
];
/** Pairs of numbers from a flat list. @throws RuntimeError */
function rangesOf(op: string, range: unknown, count: number): (Range | null)[] {
  if (range === null) return new Array<null>(count).fill(null);
  if (!Array.isArray(range) || range.length !== 2 * count)
    refuse(
      op,
      `${2 * count} numbers`,
      Array.isArray(range) ? String(range.length) : 'no list',
      `${op}: range should have ${2 * count} elements`,
    );
  const numbers = (range as unknown[]).map(Number);
  return Array.from({ length: count }, (_, d) => [numbers[2 * d]!, numbers[2 * d + 1]!] as const);
}
function requireFloat(op: string, x: Tensor): void {
  if (x.dtype.isIntegral)
    throw new NotImplementedError(
      message(op, 'a floating dtype', x.dtype.name, `"${op}_cpu" not implemented for '${x.dtype.title}'`),
    );
}
/** @throws RuntimeError unless there is a weight for each point. */
function checkWeight(op: string, shape: readonly number[], weight: Tensor | null, dtype: DType): void {
  if (weight === null) return;
  if (weight.length !== numelOf(shape) || weight.ndim !== shape.length)
    refuse(
      op,
      showShape(shape),
      showShape(weight.sizes),
      `${op}: if weight tensor is provided it should have the same shape as the input tensor excluding its innermost dimension`,
    );
  if (weight.dtype !== dtype)
    refuse(
      op,
      dtype.name,
      weight.dtype.name,
      `${op}: if weight tensor is provided, input tensor and weight tensor should have the same dtype`,
    );
}

export const histogram = defineOp({
  name: 'histogram',
  doc: 'The counts (or weights) in bins of given edges, or of a number of even ones, and the edges, as { hist, bin_edges }.',
  params: [
    self,
    { name: 'bins', kind: 'any', type: 'number | readonly (number | Tensor)[] | Tensor' },
    ...options,
  ],
  returns: '[Tensor, Tensor] & { hist: Tensor; bin_edges: Tensor }',
  kernel: (input: Tensor, bins: Tensor | number, range: unknown, weight: Tensor | null, density: boolean) => {
    requireFloat('histogram', input);
    checkWeight('histogram', input.sizes, weight, input.dtype);
    const x = input.detach().reshape([input.length]);
    const edges = edgesFor('histogram', x, bins, rangesOf('histogram', range, 1)[0]!);
    const hist = grid(x.reshape([x.length, 1]), [edges], { weight, density });
    return Object.assign([hist, edges] as [Tensor, Tensor], { hist, bin_edges: edges });
  },
  notDifferentiable: 'the result is counts',
  tests: () => ({
    samples: [
      call([t([9], { grad: false }), 4]),
      call([t([3, 5], { grad: false }), t([4], { fill: { values: [-1, 0, 0.5, 2] }, grad: false })], {
        density: true,
      }),
      call([t([5], { grad: false }), 3], {
        range: [-1, 1],
        weight: t([5], { fill: 'positive', grad: false }),
      }),
    ],
    errors: [{ args: [t([3]), 0], throws: 'RuntimeError' }],
  }),
});

export const histogramdd = defineOp({
  name: 'histogramdd',
  doc: 'The counts (or weights) of points, the innermost dim, in a grid of bins, and the edges, as { hist, bin_edges }.',
  params: [
    self,
    { name: 'bins', kind: 'any', type: 'number | readonly (number | Tensor)[] | Tensor' },
    ...options,
  ],
  variants: ['function'],
  returns: '[Tensor, Tensor[]] & { hist: Tensor; bin_edges: Tensor[] }',
  kernel: (input: Tensor, bins: unknown, range: unknown, weight: Tensor | null, density: boolean) => {
    const op = 'histogramdd';
    requireFloat(op, input);
    if (input.ndim < 2)
      refuse(
        op,
        'at least 2 dims',
        String(input.ndim),
        `${op}: input tensor should have at least 2 dimensions`,
      );
    const axes = input.sizes[input.ndim - 1]!;
    const list = Array.isArray(bins)
      ? (bins as (Tensor | number)[])
      : new Array<Tensor | number>(axes).fill(bins as number);
    if (list.length !== axes)
      refuse(
        op,
        `${axes} bins`,
        String(list.length),
        `${op}: The size of bins must be equal to the innermost dimension of the input.`,
      );
    checkWeight(op, input.sizes.slice(0, -1), weight, input.dtype);
    const points = input.detach().reshape([numelOf(input.sizes.slice(0, -1)), axes]);
    const ranges = rangesOf(op, range, axes);
    const edges = list.map((b, d) => edgesFor(op, points.select(1, d), b, ranges[d]!));
    const hist = grid(points, edges, { weight, density });
    return Object.assign([hist, edges] as [Tensor, Tensor[]], { hist, bin_edges: edges });
  },
  notDifferentiable: 'the result is counts',
  tests: () => ({
    samples: [
      call([t([9, 2], { grad: false }), [3, 2]]),
      call([t([7, 2], { grad: false }), [2, 2]], { range: [-1, 1, -2, 2], density: true }),
    ],
    errors: [{ args: [t([5, 6]), [1, 1, 1, 1, 1]], throws: 'RuntimeError' }],
  }),
});
