// Sliding windows as differentiable functions: constant padding, the strided view of all windows, and its adjoint. They
// declare no ops.
import { record } from '../../autograd/node.js';
import { type DType, float64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor, newWritten, seenAs } from '../../core/factory.js';
import type { Shape } from '../../core/shape.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { rawCast, rawFill, rawZeros } from '../creation/copy-fill-cast.js';
import { putRaw, requireMemory } from '../indexing/index-kernels.js';
import { add } from '../pointwise/arithmetic.js';
import { recordedView } from '../views/geometry.js';

/** Elements added before and behind a dim; negative ones cut it. */
export type Pad = readonly [before: number, behind: number];

/** How windows lie along one dim. `out` of them, each of `kernel` elements that are `dilation` apart. */
export interface Slide {
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** `x` with `pads[d]` elements of `value` around dim d, as a fresh tensor. */
export function padded(x: Tensor, pads: readonly Pad[], value: Scalar): Tensor {
  const shape = x.sizes.map((s, d) => s + pads[d]![0] + pads[d]![1]);
  const out = newTensor(shape, x.dtype);
  if (out.length > 0) {
    requireMemory('pad', [x]);
    rawFill(out, value);
    const lengths = x.sizes.map((s, d) => s + Math.min(0, pads[d]![0]) + Math.min(0, pads[d]![1]));
    if (lengths.every((n) => n > 0)) {
      const start = (of: Tensor, sign: number): number =>
        of.strides.reduce((at, s, d) => at + Math.max(0, sign * pads[d]![0]) * s, of.offset);
      rawCopy(seenAs(out, lengths, out.strides, start(out, 1)), seenAs(x, lengths, x.strides, start(x, -1)));
    }
  }
  const back = pads.map(([before, behind]): Pad => [-before, -behind]);
  return record('ConstantPadNdBackward0', out, [x], () => ([g]) => [padded(g!, back, 0)]);
}

/** The windows over the last dims of `x`, as a view [lead…, out…, kernel…]. All lie inside. */
export function unfolded(x: Tensor, slides: readonly Slide[]): Tensor {
  const seen = windowsOf(x.sizes, x.strides, slides);
  const { sizes: shape } = x;
  return recordedView('UnfoldBackward0', x, seen.shape, seen.strides, x.offset, (g) =>
    folded(g, shape, slides),
  );
}

function windowsOf(shape: Shape, strides: Shape, slides: readonly Slide[]) {
  const lead = shape.length - slides.length;
  const step = (i: number): number => strides[lead + i]!;
  return {
    shape: [...shape.slice(0, lead), ...slides.map((s) => s.out), ...slides.map((s) => s.kernel)],
    strides: [
      ...strides.slice(0, lead),
      ...slides.map((s, i) => s.stride * step(i)),
      ...slides.map((s, i) => s.dilation * step(i)),
    ],
  };
}

/** Beyond so many places in a kernel one sequential command is quicker than one command for each. */
const fewPlaces = 128;

/** Zeros of `shape` with all windows of `g` [lead…, out…, kernel…] added where `unfolded` takes them from. */
export function folded(g: Tensor, shape: Shape, slides: readonly Slide[]): Tensor {
  const out = rawZeros(shape, g.dtype);
  if (out.length > 0 && g.length > 0) {
    const seen = windowsOf(shape, out.strides, slides);
    const places = slides.reduce((n, s) => n * s.kernel, 1);
    if (places > fewPlaces) putRaw('fold', 'add', seenAs(out, seen.shape, seen.strides), [], g);
    else addPlaces(out, seen, g, slides, places);
  }
  return record('FoldBackward0', out, [g], () => ([gg]) => [unfolded(gg!, slides)]);
}

/** Adds place after place of the kernel: within one, no two windows meet. */
function addPlaces(
  out: Tensor,
  seen: { readonly shape: Shape; readonly strides: Shape },
  g: Tensor,
  slides: readonly Slide[],
  places: number,
): void {
  const kept = seen.shape.length - slides.length;
  const at = slides.map(() => 0);
  for (let p = 0; p < places; p++) {
    const offset = (strides: Shape): number => at.reduce((sum, k, i) => sum + k * strides[kept + i]!, 0);
    const shape = seen.shape.slice(0, kept);
    const to = seenAs(out, shape, seen.strides.slice(0, kept), out.offset + offset(seen.strides));
    const from = seenAs(g, shape, g.strides.slice(0, kept), g.offset + offset(g.strides));
    add.inplace!(to, from);
    for (let i = slides.length - 1; i >= 0; i--) {
      at[i] = at[i]! + 1;
      if (at[i]! < slides[i]!.kernel) break;
      at[i] = 0;
    }
  }
}

/** The most entries that a table made here may have. */
const mostEntries = 2 ** 26;

/** @throws RuntimeError where tables for dims of these sizes would exhaust the process's memory. */
export function requireTables(op: string, sizes: readonly number[]): void {
  const most = Math.max(0, ...sizes);
  if (most > mostEntries)
    throw new RuntimeError(
      message(
        op,
        `sizes of at most ${mostEntries}`,
        String(most),
        'not enough memory for its table of places',
      ),
    );
}

/** A fresh tensor of metadata-sized content in a floating dtype. */
export function floatTable(values: readonly number[], shape: Shape, dtype: DType): Tensor {
  const out = newWritten(shape, float64, (data) => (data as Float64Array).set(values));
  return dtype === float64 ? out : rawCast(out, dtype);
}
