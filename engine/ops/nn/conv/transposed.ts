// convTranspose1d, convTranspose2d, convTranspose3d, and their checks.
import { message, RuntimeError, showShape } from '../../../core/errors.js';
import type { Tensor } from '../../../core/tensor.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { checkDims, checkDTypes, type Ints, perAxis, refuse, stepsOf } from './_arguments.js';
import { type Axis, type Convolution, convolveTransposed } from './_core.js';

type Arguments = [
  x: Tensor,
  w: Tensor,
  b: Tensor | null,
  stride: Ints,
  padding: Ints,
  outputPadding: Ints,
  groups: number,
  dilation: Ints,
];

function checkChannels(op: string, x: Tensor, w: Tensor, b: Tensor | null, groups: number): void {
  const weight = showShape(w.sizes);
  const channels = w.sizes[0]!;
  if (channels < groups || channels % groups !== 0) {
    refuse(
      op,
      `input channels divisible by ${groups}`,
      weight,
      `Given groups=${groups}, expected weight to be ${channels < groups ? `at least ${groups}` : `divisible by ${groups}`} at dimension 0, but got weight of size ${weight} instead`,
    );
  }
  if (x.sizes[1] !== channels) {
    refuse(
      op,
      `an input of ${channels} channels`,
      showShape(x.sizes),
      `Given transposed=1, weight of size ${weight}, expected input${showShape(x.sizes)} to have ${channels} channels, but got ${x.sizes[1]} channels instead`,
    );
  }
  const filters = w.sizes[1]! * groups;
  if (b !== null && (b.ndim !== 1 || b.sizes[0] !== filters)) {
    refuse(
      op,
      `a bias of ${filters} elements`,
      showShape(b.sizes),
      `Given transposed=1, weight of size ${weight}, expected bias to be 1-dimensional with ${filters} elements, but got bias of size ${showShape(b.sizes)} instead`,
    );
  }
}

/** The axes of the convolution whose input gradient this is: its windows are our input. */
function axesOf(op: string, x: Tensor, w: Tensor, steps: ReturnType<typeof stepsOf>, extra: Ints): Axis[] {
  const kernel = w.sizes.slice(2);
  const more = perAxis(op, 'output_padding', extra, kernel.length);
  const { stride, dilation, pads } = steps;
  if (more.some((v) => v < 0))
    refuse(
      op,
      'an output padding of at least 0',
      showShape(more),
      'negative output_padding is not supported',
    );
  if (more.some((v, i) => v >= stride[i]! && v >= dilation[i]!)) {
    refuse(
      op,
      'an output padding below stride or dilation',
      showShape(more),
      `output padding must be smaller than either stride or dilation, but got output_padding: ${showShape(more)} stride: ${showShape(stride)} dilation: ${showShape(dilation)}`,
    );
  }
  const size = x.sizes.slice(2);
  const sizes = size.map(
    (v, i) => (v - 1) * stride[i]! - 2 * pads[i]![0] + dilation[i]! * (kernel[i]! - 1) + more[i]! + 1,
  );
  if (size.some((v) => v === 0)) {
    refuse(
      op,
      'spatial dims of at least 1',
      showShape(x.sizes),
      `Only zero batch or zero channel inputs are supported, but got input shape: ${showShape(x.sizes)}`,
    );
  }
  if (sizes.some((v) => v < 1)) {
    const by = (v: readonly number[]): string => `(${v.join(' x ')})`;
    throw new RuntimeError(
      message(
        op,
        'an output of at least 1 in every dim',
        showShape(sizes),
        `Given input size per channel: ${by(size)}. Calculated output size per channel: ${by(sizes)}. Output size is too small`,
      ),
    );
  }
  return size.map((v, i) => ({
    in: sizes[i]!,
    out: v,
    kernel: kernel[i]!,
    stride: stride[i]!,
    pad: pads[i]![0],
    dilation: dilation[i]!,
  }));
}

function transposed(
  op: string,
  n: number,
  ...[raw, w, b, stride, padding, outputPadding, groups, dilation]: Arguments
): Tensor {
  checkDims(op, raw, w, n);
  const unbatched = raw.ndim === n + 1;
  const x = unbatched ? raw.unsqueeze(0) : raw;
  const steps = stepsOf(op, w, n, stride, padding, dilation, groups);
  checkChannels(op, x, w, b, groups);
  checkDTypes(op, x, w, b, true);
  const shape: Convolution = {
    images: x.sizes[0]!,
    groups,
    channels: w.sizes[1]! * groups,
    filters: w.sizes[0]!,
    axes: axesOf(op, x, w, steps, outputPadding),
  };
  const out = convolveTransposed(shape, x, w, b);
  return unbatched ? out.squeeze(0) : out;
}

const params: readonly Param[] = [
  { name: 'input', kind: 'tensor' },
  { name: 'weight', kind: 'tensor' },
  { name: 'bias', kind: 'tensor', default: null },
  { name: 'stride', kind: 'ints', default: 1 },
  { name: 'padding', kind: 'ints', default: 0 },
  { name: 'output_padding', kind: 'ints', default: 0 },
  { name: 'groups', kind: 'int', default: 1 },
  { name: 'dilation', kind: 'ints', default: 1 },
];

const f64 = { dtype: 'float64' };

export const convTranspose1d = defineOp({
  name: 'convTranspose1d',
  torch: 'torch.nn.functional.conv_transpose1d',
  doc: 'Spreads signals [n, in, length] by filters [in, out / groups, k]: the gradient of conv1d as a function of its own.',
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => transposed('convTranspose1d', 1, ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), t([3, 4, 3]), t([4])], { stride: 2, padding: 1, output_padding: 1 }),
      call([t([4, 5], f64), t([4, 2, 3], f64)], { groups: 2, dilation: 2 }),
    ],
    errors: [
      { args: [t([1, 3, 5]), t([4, 2, 3])], throws: 'RuntimeError' },
      { args: [t([1, 2, 4]), t([2, 3, 2]), null, 1, 0, 2], throws: 'RuntimeError' },
    ],
  }),
});

export const convTranspose2d = defineOp({
  name: 'convTranspose2d',
  torch: 'torch.nn.functional.conv_transpose2d',
  doc: 'Spreads images [n, in, h, w] by filters [in, out / groups, kh, kw]: the gradient of conv2d as a function of its own.',
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => transposed('convTranspose2d', 2, ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 5, 4]), t([3, 4, 3, 2]), t([4])], {
        stride: [2, 3],
        padding: [1, 0],
        output_padding: [1, 2],
      }),
      call([t([2, 4, 4, 5], f64), t([4, 3, 2, 3], f64)], { groups: 2, dilation: [1, 2] }),
    ],
    errors: [
      { args: [t([1, 2, 4, 4]), t([3, 3, 2, 2])], throws: 'RuntimeError' },
      { args: [t([1, 2, 4, 4]), t([2, 3, 2, 2]), t([4])], throws: 'RuntimeError' },
      { args: [t([1, 2, 4, 4]), t([2, 3, 2, 2]), null, 1, 4], throws: 'RuntimeError' },
    ],
  }),
});

export const convTranspose3d = defineOp({
  name: 'convTranspose3d',
  torch: 'torch.nn.functional.conv_transpose3d',
  doc: 'Spreads volumes [n, in, d, h, w] by filters [in, out / groups, kd, kh, kw]: the gradient of conv3d as a function of its own.',
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => transposed('convTranspose3d', 3, ...args),
  tests: () => ({
    samples: [
      call([t([1, 3, 3, 2, 4]), t([3, 2, 3, 2, 2]), t([2])], {
        stride: [2, 1, 2],
        padding: [1, 0, 1],
        output_padding: [1, 0, 1],
      }),
      call([t([2, 2, 3, 3], f64), t([2, 3, 2, 2, 2], f64)], { dilation: [2, 1, 1] }),
    ],
    errors: [{ args: [t([1, 2, 4, 4, 4]), t([3, 3, 2, 2, 2])], throws: 'RuntimeError' }],
  }),
});
