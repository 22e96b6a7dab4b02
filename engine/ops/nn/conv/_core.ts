// Convolution and the gradients of its input and weights; each is a gradient of the others. Shapes are already checked.
import { record, type Save, type SavedTensor } from '../../../autograd/node.js';
import { type ConvAxis as Axis, type ConvImages, runConv } from '../../../backend/commands/conv.js';
import { newTensor } from '../../../core/factory.js';
import type { Shape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { rawCopy } from '../../../pointwise/copy.js';
import { rawFill } from '../../creation/copy-fill-cast.js';
import { add } from '../../pointwise/arithmetic.js';
import { byPlanes, byProducts, type Wanted } from './_generic.js';

export type { Axis };

/** A convolution whose shapes are checked: tensors are [images, channels, …axes], weights [filters, channels / groups, …axes]. */
export interface Convolution {
  readonly images: number;
  readonly groups: number;
  readonly channels: number;
  readonly filters: number;
  readonly axes: readonly Axis[];
}

const single: Axis = { in: 1, out: 1, kernel: 1, stride: 1, pad: 0, dilation: 1 };
const inputShape = (c: Convolution): Shape => [c.images, c.channels, ...c.axes.map((a) => a.in)];
const outputShape = (c: Convolution): Shape => [c.images, c.filters, ...c.axes.map((a) => a.out)];
const weightShape = (c: Convolution): Shape => [
  c.filters,
  c.channels / c.groups,
  ...c.axes.map((a) => a.kernel),
];

/** The same values, contiguous, without history. */
function packed(x: Tensor): Tensor {
  if (x.isContiguous()) return x;
  const out = newTensor(x.sizes, x.dtype);
  if (x.length > 0) rawCopy(out, x);
  return out;
}

/** A batch of images in memory; a single spatial dim is the columns of one row. */
function imagesOf(x: Tensor): ConvImages {
  const s = x.strides;
  return {
    address: x.address,
    image: s[0]!,
    channel: s[1]!,
    row: s.length === 4 ? s[2]! : 0,
    column: s[s.length - 1]!,
  };
}

/** Whether the backend convolves this dtype. 16-bit floats are rounded once, so planes of three axes would be added rounded. */
const native = (x: Tensor, axes: number): boolean =>
  x.device.backend!.supports('conv', x.dtype) && (axes <= 2 || x.dtype.itemSize >= 4);

/** Fills `result`, which is one of the three tensors. Where nothing is summed it is the bias, or 0. */
function launch(f: Wanted, c: Convolution, x: Tensor, w: Tensor, b: Tensor | null, y: Tensor): void {
  const result = f === 'conv' ? y : f === 'convInputGrad' ? x : w;
  if (result.length === 0) return;
  if (x.length === 0 || w.length === 0 || y.length === 0) {
    if (b === null) rawFill(result, 0);
    else rawCopy(result, overChannels(b, c, result.sizes));
    return;
  }
  const direct = native(x, c.axes.length);
  if (direct && c.axes.length <= 2) launchPlanar(f, c, x, w, b, y);
  else {
    if (direct) byPlanes(f, c, x, w, y, (plane, px, pw, py) => launchPlanar(f, plane, px, pw, null, py));
    else byProducts(f, c, x, w, y);
    if (b !== null) add.inplace!(result, overChannels(b, c, result.sizes));
  }
}

/** A bias along the second dim of `shape`, without history. */
function overChannels(b: Tensor, c: Convolution, shape: Shape): Tensor {
  return b
    .detach()
    .view([b.length, ...c.axes.map(() => 1)])
    .expand(shape);
}

/** One command of the addon: one or two spatial dims, float32 or float64. */
function launchPlanar(f: Wanted, c: Convolution, x: Tensor, w: Tensor, b: Tensor | null, y: Tensor): void {
  const [h, width] = c.axes.length === 1 ? [single, c.axes[0]!] : [c.axes[0]!, c.axes[1]!];
  runConv(f, x.device.kernels!, {
    dtype: x.dtype.code,
    images: c.images,
    groups: c.groups,
    channels: c.channels,
    filters: c.filters,
    h,
    w: width,
    x: imagesOf(x),
    weight: w.address,
    bias: b === null ? 0 : b.address,
    y: imagesOf(y),
  });
}

function saved(save: Save, x: Tensor, wanted: boolean): SavedTensor | null {
  return wanted ? save(x) : null;
}

/** input ∗ weight + bias. */
export function convolve(c: Convolution, x: Tensor, w: Tensor, b: Tensor | null): Tensor {
  const out = newTensor(outputShape(c), x.dtype);
  launch('conv', c, x, packed(w), b === null ? null : packed(b), out);
  const inputs = b === null ? [x, w] : [x, w, b];
  return record('ConvolutionBackward0', out, inputs, (save) => {
    const sx = saved(save, x, w.requiresGrad);
    const sw = saved(save, w, x.requiresGrad);
    const biased = b?.requiresGrad === true;
    return ([g]) => [
      sw === null ? null : inputGradient(c, g!, sw.get().conj()),
      sx === null ? null : weightGradient(c, g!, sx.get().conj()),
      biased ? g!.sum([0, ...c.axes.map((_, i) => i + 2)]) : null,
    ];
  });
}

/**
 * The transposed convolution: what the convolution `c` gives its input as a gradient, where `x` is its output's; + bias.
 * `c.channels` are the result's, `c.filters` those of `x`.
 */
export function convolveTransposed(c: Convolution, x: Tensor, w: Tensor, b: Tensor | null): Tensor {
  const out = newTensor(inputShape(c), x.dtype);
  launch('convInputGrad', c, out, packed(w), null, x);
  if (b !== null && out.length > 0) add.inplace!(out, overChannels(b, c, out.sizes));
  const inputs = b === null ? [x, w] : [x, w, b];
  return record('ConvolutionBackward0', out, inputs, (save) => {
    const sx = saved(save, x, w.requiresGrad);
    const sw = saved(save, w, x.requiresGrad);
    const biased = b?.requiresGrad === true;
    return ([g]) => [
      sw === null ? null : convolve(c, g!, sw.get().conj(), null),
      sx === null ? null : weightGradient(c, sx.get().conj(), g!),
      biased ? g!.sum([0, ...c.axes.map((_, i) => i + 2)]) : null,
    ];
  });
}

/** The gradient of the input: linear in the output's gradient and in the weights. */
function inputGradient(c: Convolution, g: Tensor, w: Tensor): Tensor {
  const out = newTensor(inputShape(c), g.dtype);
  launch('convInputGrad', c, out, packed(w), null, g);
  return record('ConvolutionBackwardBackward0', out, [g, w], (save) => {
    const sg = saved(save, g, w.requiresGrad);
    const sw = saved(save, w, g.requiresGrad);
    return ([v]) => [
      sw === null ? null : convolve(c, v!, sw.get().conj(), null),
      sg === null ? null : weightGradient(c, sg.get().conj(), v!),
    ];
  });
}

/** The gradient of the weights: linear in the output's gradient and in the input. */
function weightGradient(c: Convolution, g: Tensor, x: Tensor): Tensor {
  const out = newTensor(weightShape(c), g.dtype);
  launch('convWeightGrad', c, x, out, null, packed(g));
  return record('ConvolutionBackwardBackward0', out, [g, x], (save) => {
    const sg = saved(save, g, x.requiresGrad);
    const sx = saved(save, x, g.requiresGrad);
    return ([v]) => [
      sx === null ? null : convolve(c, sx.get().conj(), v!, null),
      sg === null ? null : inputGradient(c, sg.get().conj(), v!),
    ];
  });
}
