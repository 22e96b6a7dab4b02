// unfold and fold of torch.nn.functional, pixelShuffle, pixelUnshuffle, channelShuffle.
import { message, RuntimeError, showShape } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { clone } from '../creation/copy-fill-cast.js';
import { type Ints, noKernel, refuse, spread } from './_windows.js';
import { folded, type Pad, padded, type Slide, unfolded } from './sliding-windows.js';

const self: Param = { name: 'input', kind: 'tensor' };
const blockParams: readonly Param[] = [
  { name: 'kernel_size', kind: 'ints' },
  { name: 'dilation', kind: 'ints', default: 1 },
  { name: 'padding', kind: 'ints', default: 0 },
  { name: 'stride', kind: 'ints', default: 1 },
];

interface Blocks {
  readonly kernel: readonly number[];
  readonly pad: readonly number[];
  readonly slides: readonly Slide[];
}

/** The sliding blocks over an image of `size`; how many there are may come out as impossible. */
function blocksOf(
  op: string,
  size: readonly number[],
  kernelSize: Ints,
  dilation: Ints,
  padding: Ints,
  stride: Ints,
): Blocks {
  const kernel = spread(op, 'kernel_size', kernelSize, 2);
  const d = spread(op, 'dilation', dilation, 2);
  const pad = spread(op, 'padding', padding, 2);
  const s = spread(op, 'stride', stride, 2);
  const least = (name: string, list: readonly number[], low: number): void => {
    if (list.some((v) => v < low))
      refuse(
        op,
        `a ${name} of at least ${low}`,
        showShape(list),
        `${name} should be ${low === 0 ? 'non-negative' : 'greater than zero'}, but got ${showShape(list)}`,
      );
  };
  least('kernel_size', kernel, 1);
  least('dilation', d, 1);
  least('padding', pad, 0);
  least('stride', s, 1);
  const slides = size.map((v, i) => ({
    kernel: kernel[i]!,
    dilation: d[i]!,
    stride: s[i]!,
    out: Math.floor((v + 2 * pad[i]! - d[i]! * (kernel[i]! - 1) - 1) / s[i]!) + 1,
  }));
  return { kernel, pad, slides };
}

const around = (pad: readonly number[], sign: 1 | -1): Pad[] => [
  [0, 0],
  [0, 0],
  ...pad.map((p): Pad => [sign * p, sign * p]),
];
const product = (list: readonly number[]): number => list.reduce((n, v) => n * v, 1);

type BlockArguments = [kernel: Ints, dilation: Ints, padding: Ints, stride: Ints];

function columns(raw: Tensor, ...args: BlockArguments): Tensor {
  const op = 'unfold';
  if ((raw.ndim !== 3 && raw.ndim !== 4) || raw.sizes.slice(raw.ndim - 3).some((s) => s === 0)) {
    refuse(
      op,
      'an image [c, h, w] or a batch of them, of which only the batch may be empty',
      showShape(raw.sizes),
      `Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${showShape(raw.sizes)}`,
    );
  }
  if (raw.dtype.isIntegral && raw.dtype.name !== 'bool') throw noKernel(op, raw);
  const x = raw.ndim === 3 ? raw.unsqueeze(0) : raw;
  const { kernel, pad, slides } = blocksOf(op, x.sizes.slice(2), ...args);
  const out = slides.map((s) => s.out);
  if (out.some((n) => n < 1)) {
    refuse(
      op,
      'blocks that fit into the image',
      showShape(x.sizes),
      `calculated shape of the array of sliding blocks as ${showShape(out)}, but its components must be at least one.`,
    );
  }
  const windows = unfolded(pad.every((p) => p === 0) ? x : padded(x, around(pad, 1), 0), slides);
  const shape = [x.sizes[0]!, x.sizes[1]! * product(kernel), product(out)];
  const result = windows.permute([0, 1, 4, 5, 2, 3]).reshape(shape);
  return raw.ndim === 3 ? result.squeeze(0) : result;
}

export const unfold = defineOp({
  name: 'nn.functional.unfold',
  doc: 'The sliding blocks of images [n, c, h, w] as columns [n, c · kh · kw, blocks].',
  params: [self, ...blockParams],
  compose: (x: Tensor, ...args: BlockArguments): Tensor => columns(x, ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 5, 4]), [3, 2]]),
      call([t([3, 6, 5], { dtype: 'float64' }), 2, [1, 2], [1, 0], 2]),
    ],
    errors: [
      { args: [t([1, 2, 4, 4]), 5], throws: 'RuntimeError' },
      { args: [t([1, 2, 4, 4]), 2, 0], throws: 'RuntimeError' },
      { args: [t([1, 2, 4, 4]), 2, 1, -1], throws: 'RuntimeError' },
    ],
  }),
});

function image(raw: Tensor, outputSize: Ints, ...args: BlockArguments): Tensor {
  const op = 'fold';
  if ((raw.ndim !== 2 && raw.ndim !== 3) || raw.sizes.slice(raw.ndim - 2).some((s) => s === 0)) {
    refuse(
      op,
      'columns [c · kh · kw, blocks] or a batch of them, of which only the batch may be empty',
      showShape(raw.sizes),
      `Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: ${showShape(raw.sizes)}`,
    );
  }
  if (raw.dtype.isIntegral && raw.dtype.name !== 'bool') throw noKernel(op, raw);
  const x = raw.ndim === 2 ? raw.unsqueeze(0) : raw;
  const size = spread(op, 'output_size', outputSize, 2);
  const { kernel, pad, slides } = blocksOf(op, size, ...args);
  const out = slides.map((s) => s.out);
  const [n, rows, blocks] = x.sizes as [number, number, number];
  if (rows % product(kernel) !== 0) {
    refuse(
      op,
      `rows divisible by ${product(kernel)}`,
      showShape(raw.sizes),
      `Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=${rows} and kernel_size=${showShape(kernel)}.`,
    );
  }
  if (out.some((v) => v < 1) || product(out) !== blocks) {
    refuse(
      op,
      `${out.join(' · ')} blocks`,
      String(blocks),
      `Given output_size=${showShape(size)}, kernel_size=${showShape(kernel)}, expected size of input's dimension 2 to match the calculated number of sliding blocks ${product(out)}, but got input.size(2)=${blocks}.`,
    );
  }
  const channels = rows / product(kernel);
  const windows = x.reshape([n, channels, ...kernel, ...out]).permute([0, 1, 4, 5, 2, 3]);
  const whole = folded(windows, [n, channels, ...size.map((v, i) => v + 2 * pad[i]!)], slides);
  const result = pad.every((p) => p === 0) ? whole : padded(whole, around(pad, -1), 0);
  return raw.ndim === 2 ? result.squeeze(0) : result;
}

export const fold = defineOp({
  name: 'fold',
  torch: 'torch.nn.functional.fold',
  doc: 'Adds columns [n, c · kh · kw, blocks] up as sliding blocks of images [n, c, ...outputSize].',
  params: [self, { name: 'output_size', kind: 'ints' }, ...blockParams],
  variants: ['function'],
  compose: (x: Tensor, size: Ints, ...args: BlockArguments): Tensor => image(x, size, ...args),
  tests: () => ({
    samples: [
      call([t([2, 18, 9]), [5, 4], [3, 2]]),
      call([t([12, 4], { dtype: 'float64' }), [6, 5], 2, [1, 2], [1, 0], [2, 3]]),
    ],
    errors: [
      { args: [t([1, 12, 8]), [4, 4], 2], throws: 'RuntimeError' },
      { args: [t([1, 11, 9]), [4, 4], 2], throws: 'RuntimeError' },
      { args: [t([9]), [4, 4], 2], throws: 'RuntimeError' },
    ],
  }),
});

function checkPixels(op: string, python: string, x: Tensor, factor: number, name: string): void {
  if (x.ndim < 3)
    refuse(
      op,
      'at least 3 dims',
      showShape(x.sizes),
      `${python} expects input to have at least 3 dimensions, but got input with ${x.ndim} dimension(s)`,
    );
  if (factor <= 0)
    refuse(
      op,
      `a positive ${name}`,
      String(factor),
      `${python} expects a positive ${name}, but got ${factor}`,
    );
}

/** A factor of 1 moves nothing, and is a copy all the same. */
const owned = (x: Tensor): Tensor => (x.isContiguous() ? clone.impl(x) : x.contiguous());

export const pixelShuffle = defineOp({
  name: 'pixelShuffle',
  doc: 'Channels as pixels: [..., c · r², h, w] becomes [..., c, h · r, w · r].',
  aliases: ['torch.nn.functional.pixel_shuffle'],
  params: [self, { name: 'upscale_factor', kind: 'int' }],
  variants: ['function'],
  compose: (x: Tensor, r: number): Tensor => {
    checkPixels('pixelShuffle', 'pixel_shuffle', x, r, 'upscale_factor');
    const lead = x.sizes.slice(0, -3);
    const [c, h, w] = x.sizes.slice(-3) as [number, number, number];
    if (c % (r * r) !== 0) {
      refuse(
        'pixelShuffle',
        `channels divisible by ${r * r}`,
        showShape(x.sizes),
        `pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=${c} is not divisible by ${r * r}`,
      );
    }
    if (r === 1) return owned(x);
    const n = lead.length;
    const keep = lead.map((_, d) => d);
    return x
      .reshape([...lead, c / (r * r), r, r, h, w])
      .permute([...keep, n, n + 3, n + 1, n + 4, n + 2])
      .reshape([...lead, c / (r * r), h * r, w * r]);
  },
  tests: () => ({
    samples: [call([t([2, 8, 3, 2]), 2]), call([t([9, 2, 2], { dtype: 'int32' }), 3])],
    errors: [
      { args: [t([1, 9, 2, 2]), 2], throws: 'RuntimeError' },
      { args: [t([1, 9, 2, 2]), 0], throws: 'RuntimeError' },
      { args: [t([9, 2]), 3], throws: 'RuntimeError' },
    ],
  }),
});

export const pixelUnshuffle = defineOp({
  name: 'pixelUnshuffle',
  doc: 'Pixels as channels: [..., c, h · r, w · r] becomes [..., c · r², h, w].',
  aliases: ['torch.nn.functional.pixel_unshuffle'],
  params: [self, { name: 'downscale_factor', kind: 'int' }],
  variants: ['function'],
  compose: (x: Tensor, r: number): Tensor => {
    checkPixels('pixelUnshuffle', 'pixel_unshuffle', x, r, 'downscale_factor');
    const lead = x.sizes.slice(0, -3);
    const [c, h, w] = x.sizes.slice(-3) as [number, number, number];
    for (const [name, at, size] of [['height', -2, h] as const, ['width', -1, w] as const]) {
      if (size % r !== 0) {
        refuse(
          'pixelUnshuffle',
          `a ${name} divisible by ${r}`,
          showShape(x.sizes),
          `pixel_unshuffle expects ${name} to be divisible by downscale_factor, but input.size(${at})=${size} is not divisible by ${r}`,
        );
      }
    }
    if (r === 1) return owned(x);
    const n = lead.length;
    const keep = lead.map((_, d) => d);
    return x
      .reshape([...lead, c, h / r, r, w / r, r])
      .permute([...keep, n, n + 2, n + 4, n + 1, n + 3])
      .reshape([...lead, c * r * r, h / r, w / r]);
  },
  tests: () => ({
    samples: [call([t([2, 2, 4, 6]), 2]), call([t([1, 3, 6], { dtype: 'int32' }), 3])],
    errors: [
      { args: [t([1, 9, 3, 2]), 2], throws: 'RuntimeError' },
      { args: [t([1, 9, 3, 2]), 0], throws: 'RuntimeError' },
      { args: [t([3, 2]), 1], throws: 'RuntimeError' },
    ],
  }),
});

export const channelShuffle = defineOp({
  name: 'channelShuffle',
  doc: 'The channels (dim 1) of `groups` equal groups in turn: one of each, then the next of each.',
  aliases: ['torch.nn.functional.channel_shuffle'],
  params: [self, { name: 'groups', kind: 'int' }],
  variants: ['function'],
  compose: (x: Tensor, groups: number): Tensor => {
    const op = 'channelShuffle';
    if (x.ndim <= 2)
      refuse(
        op,
        'more than 2 dims',
        showShape(x.sizes),
        `channel_shuffle expects input with > 2 dims, but got input with sizes ${showShape(x.sizes)}`,
      );
    const c = x.sizes[1]!;
    if (groups <= 0)
      refuse(
        op,
        'positive groups',
        String(groups),
        `Number of groups to divide channels in must be positive. Value of groups:${groups}`,
      );
    if (c % groups !== 0)
      throw new RuntimeError(
        message(
          op,
          `channels divisible by ${groups}`,
          showShape(x.sizes),
          `Number of channels must be divisible by groups. Got ${c} channels and ${groups} groups.`,
        ),
      );
    const rest = x.sizes.slice(2);
    return x
      .reshape([x.sizes[0]!, groups, c / groups, ...rest])
      .transpose(1, 2)
      .reshape([...x.sizes]);
  },
  tests: () => ({
    samples: [call([t([2, 6, 3, 2]), 3]), call([t([1, 4, 3], { dtype: 'int64' }), 2])],
    errors: [
      { args: [t([1, 9, 3, 2]), 2], throws: 'RuntimeError' },
      { args: [t([1, 9, 3, 2]), 0], throws: 'RuntimeError' },
      { args: [t([9, 3]), 3], throws: 'RuntimeError' },
    ],
  }),
});
