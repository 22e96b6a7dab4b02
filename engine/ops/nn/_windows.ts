// Pooling windows: where they lie (PyTorch's sizes and errors), their maximum with its position, and its gradient.
import { noGrad } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import type { ConvAxis as Axis } from '../../backend/commands/conv.js';
import { type DType, int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { camelCase } from '../../core/options.js';
import { numelOf, type Shape } from '../../core/shape.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { input } from '../../pointwise/expr.js';
import { reduce, reduceWithIndex } from '../../pointwise/reduction.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { gather } from '../indexing/gather.js';
import { longTable } from '../indexing/index-kernels.js';
import { type Pad, padded, unfolded } from './sliding-windows.js';

export type Ints = number | readonly number[];

/** What a pooling's windows are, before the input's size is known. */
export interface Window {
  readonly kernel: Ints;
  /** Empty or null: the kernel's size. */
  readonly stride: Ints | null;
  readonly padding: Ints;
  readonly dilation: Ints;
  readonly ceilMode: boolean;
}

export function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** The error of a dtype that PyTorch has no kernel for. */
export function noKernel(op: string, x: Tensor): NotImplementedError {
  return new NotImplementedError(
    message(
      op,
      'a dtype that it is defined for',
      x.dtype.name,
      `"${op}" not implemented for '${x.dtype.title}'`,
    ),
  );
}

/** One value for each of `n` dims. */
export function spread(op: string, name: string, value: Ints, n: number): readonly number[] {
  if (typeof value === 'number') return new Array<number>(n).fill(value);
  if (value.length === 1) return new Array<number>(n).fill(value[0]!);
  if (value.length === n) return value;
  const tuple = n === 1 ? 'a tuple of one int' : `a tuple of ${n} ints`;
  return refuse(
    op,
    `'${camelCase(name)}' to be 1 or ${n} integers`,
    showShape(value),
    `${op}: ${name} must either be a single int, or ${tuple}`,
  );
}

/** @throws RuntimeError unless the input has n dims behind its channels, and nothing but its batch is empty. */
export function requirePlanes(op: string, x: Tensor, n: number): void {
  const fits = x.ndim === n + 1 || x.ndim === n + 2;
  if (!fits || x.sizes.slice(x.ndim - n - 1).some((s) => s === 0)) {
    refuse(
      op,
      `${n + 1} dims, or ${n + 2} with a batch, of which only the batch may be empty`,
      showShape(x.sizes),
      `non-empty ${n + 1}D or ${n + 2}D (batch mode) tensor expected for input, with optional 0 dim batch size, but got: ${showShape(x.sizes)}`,
    );
  }
}

function checkWindow(
  op: string,
  kernel: readonly number[],
  stride: readonly number[],
  pad: readonly number[],
  dilation: readonly number[],
): void {
  const positive = (name: string, list: readonly number[]): void => {
    const bad = list.find((v) => v <= 0);
    if (bad !== undefined)
      refuse(op, `a positive ${name}`, String(bad), `${name} must be greater than zero, but got ${bad}`);
  };
  positive('kernel_size', kernel);
  positive('stride', stride);
  positive('dilation', dilation);
  pad.forEach((p, i) => {
    if (p < 0)
      refuse(op, 'a padding of at least 0', String(p), `pad must be non-negative, but got pad: ${p}`);
    const reach = (kernel[i]! - 1) * dilation[i]! + 1;
    if (p > Math.floor(reach / 2)) {
      refuse(
        op,
        `a padding of at most ${Math.floor(reach / 2)}`,
        String(p),
        `pad should be at most half of effective kernel size, but got pad=${p}, kernel_size=${kernel[i]} and dilation=${dilation[i]}`,
      );
    }
    if (p > Math.floor(kernel[i]! / 2)) {
      const hint = `pad should be smaller than or equal to half of kernel size, but got pad=${p} and kernel_size=${kernel[i]}`;
      refuse(op, `a padding of at most ${Math.floor(kernel[i]! / 2)}`, String(p), hint);
    }
  });
}

/** The axes of a pooling over the last `n` dims of `x`. @throws RuntimeError as PyTorch does. */
export function poolAxes(op: string, x: Tensor, n: number, w: Window): Axis[] {
  const kernel = spread(op, 'kernel_size', w.kernel, n);
  const given = typeof w.stride === 'number' ? [w.stride] : (w.stride ?? []);
  const stride = given.length === 0 ? kernel : spread(op, 'stride', given, n);
  const pad = spread(op, 'padding', w.padding, n);
  const dilation = spread(op, 'dilation', w.dilation, n);
  checkWindow(op, kernel, stride, pad, dilation);
  const size = x.sizes.slice(x.ndim - n);
  const axes = size.map((v, i): Axis => {
    const reach = dilation[i]! * (kernel[i]! - 1) + 1;
    const room = v + 2 * pad[i]! - reach + (w.ceilMode ? stride[i]! - 1 : 0);
    let out = Math.floor(room / stride[i]!) + 1;
    // The last window has to begin inside the input or its padding before it.
    if (w.ceilMode && (out - 1) * stride[i]! >= v + pad[i]!) out--;
    return { in: v, out, kernel: kernel[i]!, stride: stride[i]!, pad: pad[i]!, dilation: dilation[i]! };
  });
  if (axes.some((a) => a.out < 1)) {
    const by = (list: readonly number[]): string => `(${list.join('x')})`;
    const out = axes.map((a) => a.out);
    refuse(
      op,
      'windows that fit into the input',
      `${showShape(size)} for a kernel of ${showShape(kernel)}`,
      `Given input size: ${by(size)}. Calculated output size: ${by(out)}. Output size is too small`,
    );
  }
  return axes;
}

/** All windows [lead…, out…, kernel…] of `x`, with `fill` around it. */
export function poolWindows(x: Tensor, axes: readonly Axis[], fill: Scalar): Tensor {
  const lead = x.ndim - axes.length;
  const around = axes.map((a): Pad => {
    const end = (a.out - 1) * a.stride + a.dilation * (a.kernel - 1) + 1;
    return [a.pad, Math.max(0, end - a.in - a.pad)];
  });
  const pads = [...x.sizes.slice(0, lead).map((): Pad => [0, 0]), ...around];
  const whole = around.some(([before, behind]) => before > 0 || behind > 0) ? padded(x, pads, fill) : x;
  return unfolded(whole, axes);
}

const lowest: Readonly<Record<string, Scalar>> = {
  bool: 0,
  uint8: 0,
  int8: -128,
  int16: -32768,
  int32: -2147483648,
  int64: -(2n ** 63n),
};
/** What no element is below. */
export const lowestOf = (dtype: DType): Scalar => lowest[dtype.name] ?? Number.NEGATIVE_INFINITY;

/** Where the windows along one dim lie: the k-th element of a window stands at min(start + k · dilation, last). */
export interface Place {
  readonly in: number;
  readonly kernel: number;
  readonly dilation: number;
  /** Broadcast to the result's shape, int64. */
  readonly start: Tensor;
  readonly last: Tensor | null;
}

/** A table along the i-th of n last dims. */
export function alongAxis(values: readonly number[], i: number, n: number): Tensor {
  return longTable(values, [values.length, ...new Array<number>(n - 1 - i).fill(1)]);
}

export function placesOf(axes: readonly Axis[]): Place[] {
  return axes.map((a, i) => ({
    in: a.in,
    kernel: a.kernel,
    dilation: a.dilation,
    start: alongAxis(
      Array.from({ length: a.out }, (_, o) => o * a.stride - a.pad),
      i,
      axes.length,
    ),
    last: null,
  }));
}

/** Flat places within a plane of the elements that `found` numbers within their windows. */
function flatPlaces(found: Tensor, places: readonly Place[]): Tensor {
  let rest = found;
  let flat: Tensor | null = null;
  let step = 1;
  for (let i = places.length - 1; i >= 0; i--) {
    const p = places[i]!;
    const within = i === 0 ? rest : rest.remainder(p.kernel);
    if (i > 0) rest = rest.div(p.kernel, { roundingMode: 'floor' });
    const at = p.start.add(p.dilation === 1 ? within : within.mul(p.dilation));
    // A place in the padding is the maximum only where all is -inf; then any element of the window will do.
    const inside = p.last === null ? at.clamp(0, p.in - 1) : at.minimum(p.last);
    const part = step === 1 ? inside : inside.mul(step);
    flat = flat === null ? part : flat.add(part);
    step *= p.in;
  }
  return flat!;
}

/** The last dims from `lead` on as one. */
function rows(v: Tensor, lead: number): Tensor {
  return v.reshape([...v.sizes.slice(0, lead), numelOf(v.sizes.slice(lead))]);
}

/** The gradient of picking elements: `g` added into planes of `shape`'s last n dims at flat places. Differentiable. */
export function spreadBack(g: Tensor, at: Tensor, shape: Shape, n: number): Tensor {
  const lead = shape.length - n;
  const flat = [...shape.slice(0, lead), numelOf(shape.slice(lead))];
  return rawZeros(flat, g.dtype)
    .scatterAdd(lead, rows(at, lead), rows(g, lead))
    .reshape([...shape]);
}

/** The elements of planes (n last dims) at flat places, which broadcast over no dim. Differentiable. */
export function pickedPlanes(x: Tensor, at: Tensor, n: number): Tensor {
  const lead = x.ndim - n;
  return gather.impl(rows(x, lead), lead, rows(at, lead)).reshape([...at.sizes]);
}

export interface Pooled {
  readonly values: Tensor;
  readonly indices: Tensor | null;
}

/**
 * The maximum of each window. `windows` are `x`'s [lead…, out…, kernel…] without history; the gradient goes to the places of
 * the maxima, which are also the result's indices.
 */
export function maxOfWindows(
  node: string,
  x: Tensor,
  windows: Tensor,
  places: readonly Place[],
  wanted: boolean,
): Pooled {
  const n = places.length;
  const kept = windows.ndim - n;
  const shape = windows.sizes.slice(0, kept);
  const { sizes: whole } = x;
  if (numelOf(shape) === 0) {
    const values = record(node, newTensor(shape, x.dtype), [x], () => ([g]) => [
      spreadBack(g!, newTensor(shape, int64), whole, n),
    ]);
    return { values, indices: newTensor(shape, int64) };
  }
  const what = {
    op: 'maxPool',
    prologue: input(0),
    inputs: [windows],
    compute: x.dtype,
    out: x.dtype,
    reduced: windows.sizes.map((_, d) => d >= kept),
    keepdim: false,
  };
  if (!wanted && !x.requiresGrad) return { values: reduce({ ...what, reducer: 'max' }), indices: null };
  const found = reduceWithIndex({ ...what, reducer: 'argmax' });
  const indices = noGrad(() => flatPlaces(found.indices, places));
  const values = record(node, found.values, [x], (save) => {
    const at = save(indices);
    return ([g]) => [spreadBack(g!, at.get(), whole, n)];
  });
  return { values, indices };
}
