// Convolutions without a kernel: three spatial dims as sums of 2-d convolutions, other dtypes as a matrix product with
// all windows. No autograd: _core.ts records.
import { noGrad } from '../../../autograd/grad-mode.js';
import { type DType, float64 } from '../../../core/dtype.js';
import { newTensor, seenAs } from '../../../core/factory.js';
import { contiguousStrides, type Shape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { rawCopy } from '../../../pointwise/copy.js';
import { rawFill } from '../../creation/copy-fill-cast.js';
import { matmul } from '../../linalg/matmul.js';
import { add } from '../../pointwise/arithmetic.js';
import { folded, padded, type Slide, unfolded } from '../sliding-windows.js';
import type { Axis, Convolution } from './_core.js';

/** Fills x, w or y of a convolution from the other two: the addon's families for two spatial dims. */
export type Planar = (c: Convolution, x: Tensor, w: Tensor, y: Tensor) => void;

/** A contiguous copy with the dims in the order `dims`, without history. */
function reordered(x: Tensor, dims: readonly number[], dtype: DType = x.dtype): Tensor {
  const shape = dims.map((d) => x.sizes[d]!);
  const out = newTensor(shape, dtype);
  rawCopy(
    out,
    seenAs(
      x,
      shape,
      dims.map((d) => x.strides[d]!),
    ),
  );
  return out;
}

/** Every `step`-th of a first dim, `n` of them from `start` on. */
function slab(x: Tensor, start: number, n: number, step: number): Tensor {
  return seenAs(
    x,
    [n, ...x.sizes.slice(1)],
    [x.strides[0]! * step, ...x.strides.slice(1)],
    x.offset + start * x.strides[0]!,
  );
}

/** The first two dims of a slab as one, contiguous. */
function merged(x: Tensor): Tensor {
  const dense = seenAs(x, x.sizes, x.strides).isContiguous() ? x : reordered(x, [0, 1, 2, 3, 4]);
  const shape = [x.sizes[0]! * x.sizes[1]!, ...x.sizes.slice(2)];
  return seenAs(dense, shape, contiguousStrides(shape));
}

interface Reach {
  /** The first window that the kernel's plane meets the input in, how many there are, and the first plane that it meets. */
  readonly first: number;
  readonly count: number;
  readonly from: number;
}

function reachOf(a: Axis, k: number): Reach {
  const shift = k * a.dilation - a.pad;
  const first = Math.max(0, Math.ceil(-shift / a.stride));
  const last = Math.min(a.out - 1, Math.floor((a.in - 1 - shift) / a.stride));
  return { first, count: last - first + 1, from: first * a.stride + shift };
}

export type Wanted = 'conv' | 'convInputGrad' | 'convWeightGrad';
const depthFirst = [2, 0, 1, 3, 4];
const depthBack = [1, 2, 0, 3, 4];

/**
 * Three spatial dims: plane after plane of the kernel, each a 2-d convolution of all images' planes at once. In float64: the
 * reordered copies cost the same, and sums over so many terms lose digits that PyTorch's column-wise order keeps.
 */
export function byPlanes(f: Wanted, c: Convolution, x: Tensor, w: Tensor, y: Tensor, planar: Planar): void {
  const [depth, ...axes] = c.axes;
  const result = f === 'conv' ? y : f === 'convInputGrad' ? x : w;
  const [px, pw, py] = [x, w, y].map((v) => {
    if (v !== result) return reordered(v, depthFirst, float64);
    const fresh = newTensor(
      depthFirst.map((d) => v.sizes[d]!),
      float64,
    );
    rawFill(fresh, 0);
    return fresh;
  }) as [Tensor, Tensor, Tensor];
  for (let k = 0; k < depth!.kernel; k++) {
    const { first, count, from } = reachOf(depth!, k);
    if (count <= 0) continue;
    const sx = slab(px, from, count, depth!.stride);
    const sy = slab(py, first, count, 1);
    const plane = { ...c, images: count * c.images, axes };
    const weights = seenAs(pw, pw.sizes.slice(1), pw.strides.slice(1), pw.offset + k * pw.strides[0]!);
    if (f === 'convWeightGrad') planar(plane, merged(sx), weights, merged(sy));
    else {
      const sum = f === 'conv' ? sy : sx;
      const part = newTensor(sum.sizes, sum.dtype);
      if (f === 'conv') planar(plane, merged(sx), weights, merged(part));
      else planar(plane, merged(part), weights, merged(sy));
      add.inplace!(sum, part);
    }
  }
  const own = f === 'conv' ? py : f === 'convInputGrad' ? px : pw;
  rawCopy(result, reordered(own, depthBack, result.dtype));
}

/** The windows of a convolution's padded input, and what the padding is. */
function geometry(c: Convolution) {
  const slides: readonly Slide[] = c.axes;
  const behind = c.axes.map((a) => (a.out - 1) * a.stride + a.dilation * (a.kernel - 1) + 1 - a.in - a.pad);
  const pads = [[0, 0] as const, [0, 0] as const, ...c.axes.map((a, i) => [a.pad, behind[i]!] as const)];
  const product = (list: readonly number[]): number => list.reduce((n, v) => n * v, 1);
  const places = product(c.axes.map((a) => a.kernel));
  return {
    slides,
    pads,
    windows: product(c.axes.map((a) => a.out)),
    terms: (c.channels / c.groups) * places,
    kernel: c.axes.map((a) => a.kernel),
    out: c.axes.map((a) => a.out),
    perGroup: c.filters / c.groups,
  };
}

/** Any dtype and number of dims: the windows as columns, times the weights. */
export function byProducts(f: Wanted, c: Convolution, x: Tensor, w: Tensor, y: Tensor): void {
  const s = geometry(c);
  const n = s.out.length;
  const spatial = (from: number): number[] => s.out.map((_, i) => from + i);
  const columnsOf = (of: Tensor): Tensor =>
    unfolded(padded(of, s.pads, 0), s.slides)
      .permute([0, 1, ...spatial(2 + n), ...spatial(2)])
      .reshape([c.images, c.groups, s.terms, s.windows]);
  const weights = (): Tensor => w.detach().reshape([1, c.groups, s.perGroup, s.terms]);
  const outputs = (): Tensor => y.detach().reshape([c.images, c.groups, s.perGroup, s.windows]);
  noGrad(() => {
    if (f === 'conv') rawCopy(y, matmul.impl(weights(), columnsOf(x)).reshape(y.sizes));
    else if (f === 'convWeightGrad') {
      const sums = matmul.impl(outputs(), columnsOf(x).transpose(-1, -2)).sum(0);
      rawCopy(w, sums.reshape(w.sizes));
    } else {
      const shape: Shape = [c.images, c.channels, ...s.kernel, ...s.out];
      const columns = matmul.impl(weights().transpose(-1, -2), outputs()).reshape(shape);
      const windows = columns.permute([0, 1, ...spatial(2 + n), ...spatial(2)]);
      const whole = x.sizes.map((size, d) => size + s.pads[d]![0] + s.pads[d]![1]);
      const back = s.pads.map(([before, behind]) => [-before, -behind] as const);
      rawCopy(x, padded(folded(windows, whole, s.slides), back, 0));
    }
  });
}
