// conv1d, conv2d, conv3d.
import type { Tensor } from '../../../core/tensor.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { axesOf, checkChannels, checkDims, checkDTypes, type Ints, stepsOf } from './_arguments.js';
import { type Convolution, convolve } from './_core.js';

type Arguments = [
  x: Tensor,
  w: Tensor,
  b: Tensor | null,
  stride: Ints,
  padding: unknown,
  dilation: Ints,
  groups: number,
];

function convolution(op: string, n: number, ...[raw, w, b, stride, padding, dilation, groups]: Arguments) {
  checkDims(op, raw, w, n);
  const unbatched = raw.ndim === n + 1;
  const x = unbatched ? raw.unsqueeze(0) : raw;
  const steps = stepsOf(op, w, n, stride, padding, dilation, groups);
  checkChannels(op, x, w, b, groups);
  checkDTypes(op, x, w, b);
  const shape: Convolution = {
    images: x.sizes[0]!,
    groups,
    channels: x.sizes[1]!,
    filters: w.sizes[0]!,
    axes: axesOf(op, x, w, steps),
  };
  const out = convolve(shape, x, w, b);
  return unbatched ? out.squeeze(0) : out;
}

const params: readonly Param[] = [
  { name: 'input', kind: 'tensor' },
  { name: 'weight', kind: 'tensor' },
  { name: 'bias', kind: 'tensor', default: null },
  { name: 'stride', kind: 'ints', default: 1 },
  { name: 'padding', kind: 'any', type: "number | readonly number[] | 'valid' | 'same'", default: 0 },
  { name: 'dilation', kind: 'ints', default: 1 },
  { name: 'groups', kind: 'int', default: 1 },
];

const f64 = { dtype: 'float64' };

export const conv2d = defineOp({
  name: 'conv2d',
  torch: 'torch.nn.functional.conv2d',
  doc: "Slides filters [out, in / groups, kh, kw] over images [n, in, h, w] or [in, h, w]; `padding` is in pixels, or 'same' or 'valid'.",
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => convolution('conv2d', 2, ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 7, 9]), t([4, 3, 3, 3]), t([4])]),
      call([t([2, 3, 7, 9], f64), t([4, 3, 3, 2], f64), t([4], f64)], { stride: 2, padding: [1, 0] }),
      call([t([1, 5, 11, 10]), t([3, 5, 3, 5])], { stride: [3, 2], padding: [2, 3], dilation: [2, 1] }),
      call([t([2, 4, 6, 5]), t([6, 2, 3, 3]), t([6])], { padding: 1, groups: 2 }),
      call([t([2, 3, 5, 5], f64), t([6, 1, 2, 2], f64)], { groups: 3, stride: 2 }),
      call([t([2, 3, 6, 5]), t([4, 3, 4, 3])], { padding: 'same' }),
      call([t([2, 3, 6, 5]), t([4, 3, 2, 3])], { padding: 'valid' }),
      call([t([3, 17, 5, 7], { layout: 'transposed' }), t([33, 17, 1, 1]), t([33])]),
      call([t([2, 3, 5, 7], { layout: 'expanded' }), t([2, 3, 1, 1], { layout: 'strided' })], { stride: 2 }),
      call([t([3, 6, 6], { layout: 'strided' }), t([4, 3, 3, 3], { layout: 'transposed' }), t([4])]),
      call([t([0, 3, 5, 5]), t([4, 3, 3, 3]), t([4])]),
    ],
    errors: [
      { args: [t([1, 3, 5, 5]), t([4, 2, 3, 3])], throws: 'RuntimeError' },
      { args: [t([3, 5]), t([4, 3, 3, 3])], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 3, 7, 7])], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 1, 3, 3]), null, 1, 0, 1, 3], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 3, 3, 3]), t([5])], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 3, 3, 3]), null, 0], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 3, 3, 3]), null, 2, 'same'], throws: 'RuntimeError' },
      { args: [t([1, 3, 5, 5]), t([4, 3, 3, 3], f64)], throws: 'RuntimeError' },
    ],
    bench: [call([t([1, 64, 56, 56]), t([64, 64, 3, 3])], { padding: 1 })],
  }),
});

export const conv1d = defineOp({
  name: 'conv1d',
  torch: 'torch.nn.functional.conv1d',
  doc: "Slides filters [out, in / groups, k] over signals [n, in, length] or [in, length]; `padding` is a count, or 'same' or 'valid'.",
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => convolution('conv1d', 1, ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 17]), t([4, 3, 3]), t([4])]),
      call([t([2, 4, 17], f64), t([6, 2, 3], f64)], { stride: 2, padding: 2, dilation: 2, groups: 2 }),
      call([t([3, 9]), t([4, 3, 4]), t([4])], { padding: 'same' }),
      call([t([0, 3, 9]), t([4, 3, 4])]),
    ],
    errors: [
      { args: [t([1, 3, 5]), t([4, 2, 3])], throws: 'RuntimeError' },
      { args: [t([5]), t([4, 3, 3])], throws: 'RuntimeError' },
      { args: [t([1, 3, 5]), t([4, 3, 7])], throws: 'RuntimeError' },
    ],
  }),
});

export const conv3d = defineOp({
  name: 'conv3d',
  torch: 'torch.nn.functional.conv3d',
  doc: "Slides filters [out, in / groups, kd, kh, kw] over volumes [n, in, d, h, w] or [in, d, h, w]; `padding` is a count, or 'same' or 'valid'.",
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => convolution('conv3d', 3, ...args),
  tests: () => ({
    samples: [
      call([t([2, 2, 4, 5, 6]), t([3, 2, 3, 2, 3]), t([3])], { padding: 1 }),
      call([t([1, 4, 5, 4, 4], f64), t([2, 2, 2, 2, 2], f64)], {
        stride: [2, 1, 1],
        padding: [1, 0, 1],
        dilation: [2, 1, 1],
        groups: 2,
      }),
      call([t([2, 4, 4, 4]), t([3, 2, 3, 3, 2]), t([3])], { padding: 'same' }),
    ],
    errors: [
      { args: [t([1, 3, 5, 5, 5]), t([4, 2, 3, 3, 3])], throws: 'RuntimeError' },
      { args: [t([5, 5, 5]), t([4, 3, 3, 3, 3])], throws: 'RuntimeError' },
    ],
  }),
});
