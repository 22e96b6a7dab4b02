// Owns the convolutions of torch.nn.functional: their arguments, and PyTorch's checks and errors.
import { cpu, deviceError } from '../device.js';
import { ArgumentError, describe, message, NotImplementedError, RuntimeError, showShape } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type Axis, type Convolution, convolve } from './convolution_core.js';
import { defineOp, type Param } from './define.js';
import { call, t } from './samples.js';

type Ints = number | readonly number[];

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** One value for each axis. */
function perAxis(op: string, name: string, value: Ints, n: number): readonly number[] {
  if (typeof value === 'number') return new Array<number>(n).fill(value);
  if (value.length === 1) return new Array<number>(n).fill(value[0]!);
  if (value.length === n) return value;
  return refuse(
    op,
    `'${name}' to be 1 or ${n} integers`,
    showShape(value),
    `expected ${name} to be a single integer value or a list of ${n} values to match the convolution dimensions, but got ${name}=${showShape(value)}`,
  );
}

interface Steps {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Before and behind, for each axis. */
  readonly pads: readonly (readonly [number, number])[];
}

function paddingOf(
  op: string,
  padding: unknown,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): readonly (readonly [number, number])[] {
  if (padding === 'valid') return kernel.map(() => [0, 0]);
  if (padding === 'same') {
    if (stride.some((s) => s !== 1)) {
      refuse(
        op,
        'a stride of 1',
        showShape(stride),
        "padding='same' is not supported for strided convolutions",
      );
    }
    return kernel.map((k, i) => {
      const all = dilation[i]! * (k - 1);
      return [Math.floor(all / 2), all - Math.floor(all / 2)];
    });
  }
  if (typeof padding === 'string')
    refuse(op, "'same' or 'valid'", describe(padding), `Invalid padding string: '${padding}'`);
  const list = typeof padding === 'number' ? [padding] : padding;
  if (!Array.isArray(list) || !list.every((v) => Number.isInteger(v))) {
    throw new ArgumentError(message(op, "'padding' to be integers, 'same' or 'valid'", describe(padding)));
  }
  const pads = perAxis(op, 'padding', list as number[], kernel.length);
  return pads.map((p) => [p, p]);
}

function stepsOf(
  op: string,
  w: Tensor,
  n: number,
  stride: Ints,
  padding: unknown,
  dilation: Ints,
  groups: number,
): Steps {
  const s = perAxis(op, 'stride', stride, n);
  const d = perAxis(op, 'dilation', dilation, n);
  const pads = paddingOf(op, padding, w.shape.slice(2), s, d);
  if (pads.some(([p]) => p < 0))
    refuse(op, 'a padding of at least 0', String(padding), 'negative padding is not supported');
  if (s.some((v) => v <= 0))
    refuse(op, 'a positive stride', showShape(s), 'non-positive stride is not supported');
  if (groups <= 0) refuse(op, 'positive groups', String(groups), 'non-positive groups is not supported');
  if (d.some((v) => v <= 0)) {
    refuse(
      op,
      'a positive dilation',
      showShape(d),
      `dilation should be greater than zero, but got ${showShape(d)}`,
    );
  }
  return { stride: s, dilation: d, pads };
}

function checkDims(op: string, x: Tensor, w: Tensor, n: number): void {
  if (x.ndim !== n + 1 && x.ndim !== n + 2) {
    refuse(
      op,
      `an input of ${n + 1} or ${n + 2} dims`,
      showShape(x.shape),
      `Expected ${n + 1}D (unbatched) or ${n + 2}D (batched) input to ${op}, but got input of size: ${showShape(x.shape)}`,
    );
  }
  if (w.ndim < 3)
    refuse(
      op,
      `weights of ${n + 2} dims`,
      showShape(w.shape),
      'weight should have at least three dimensions',
    );
  if (w.ndim !== n + 2) {
    refuse(
      op,
      `weights of ${n + 2} dims`,
      showShape(w.shape),
      `Expected ${n + 2}-dimensional weight for ${n + 2}-dimensional input, but got weight of size ${showShape(w.shape)}`,
    );
  }
}

function checkChannels(op: string, x: Tensor, w: Tensor, b: Tensor | null, groups: number): void {
  const weight = showShape(w.shape);
  const filters = w.shape[0]!;
  if (filters < groups) {
    refuse(
      op,
      `at least ${groups} filters`,
      weight,
      `Given groups=${groups}, expected weight to be at least ${groups} at dimension 0, but got weight of size ${weight} instead`,
    );
  }
  if (filters % groups !== 0) {
    refuse(
      op,
      `filters divisible by ${groups}`,
      weight,
      `Given groups=${groups}, expected weight to be divisible by ${groups} at dimension 0, but got weight of size [${weight}] instead`,
    );
  }
  const channels = w.shape[1]! * groups;
  if (x.shape[1] !== channels) {
    refuse(
      op,
      `an input of ${channels} channels`,
      showShape(x.shape),
      `Given groups=${groups}, weight of size ${weight}, expected input${showShape(x.shape)} to have ${channels} channels, but got ${x.shape[1]} channels instead`,
    );
  }
  if (b !== null && (b.ndim !== 1 || b.shape[0] !== filters)) {
    refuse(
      op,
      `a bias of ${filters} elements`,
      showShape(b.shape),
      `Given weight of size ${weight}, expected bias to be 1-dimensional with ${filters} elements, but got bias of size ${showShape(b.shape)} instead`,
    );
  }
}

function checkDTypes(op: string, x: Tensor, w: Tensor, b: Tensor | null): void {
  for (const p of [x, w, b]) if (p !== null && p.device !== cpu) throw deviceError(op, [p]);
  if (x.dtype !== w.dtype) {
    refuse(
      op,
      `weights of ${x.dtype.name}`,
      w.dtype.name,
      `expected scalar type ${x.dtype.title} but found ${w.dtype.title}`,
    );
  }
  if (b !== null && x.dtype !== b.dtype) {
    const names: Readonly<Record<string, string>> = { float32: 'float', float64: 'double' };
    const [have, want] = [b.dtype.name, x.dtype.name].map((name) => names[name] ?? name);
    refuse(
      op,
      `a bias of ${x.dtype.name}`,
      b.dtype.name,
      `Input type (${want}) and bias type (${have}) should be the same`,
    );
  }
  if (x.dtype.name !== 'float32' && x.dtype.name !== 'float64') {
    throw new NotImplementedError(
      message(op, 'float32 or float64', x.dtype.name, `"${op}" not implemented for '${x.dtype.title}'`),
    );
  }
}

/** Sizes of an axis before the result's is known to be possible. */
function axesOf(op: string, x: Tensor, w: Tensor, steps: Steps): Axis[] {
  const kernel = w.shape.slice(2);
  const size = x.shape.slice(2);
  if (kernel.some((k) => k === 0)) {
    const named = kernel.length === 2 ? ['kernel_height', 'kernel_width'] : ['kernel_size'];
    refuse(
      op,
      'a kernel of at least 1 in every dim',
      showShape(kernel),
      `kernel size should be greater than zero, but got ${named.map((n, i) => `${n}: ${kernel[i]}`).join(' ')}`,
    );
  }
  const padded = size.map((v, i) => v + steps.pads[i]![0] + steps.pads[i]![1]);
  const reach = kernel.map((k, i) => steps.dilation[i]! * (k - 1) + 1);
  if (padded.some((p, i) => p < reach[i]!)) {
    const by = (v: readonly number[]): string => `(${v.join(' x ')})`;
    refuse(
      op,
      'a kernel no larger than the padded input',
      `${showShape(kernel)} and ${showShape(padded)}`,
      `Calculated padded input size per channel: ${by(padded)}. Kernel size: ${by(reach)}. Kernel size can't be greater than actual input size`,
    );
  }
  if (size.some((v) => v === 0) && x.shape[0] !== 0) {
    refuse(
      op,
      'spatial dims of at least 1',
      showShape(x.shape),
      `Only zero batch or zero channel inputs are supported, but got input shape: ${showShape(x.shape)}`,
    );
  }
  return size.map((v, i) => ({
    in: v,
    out: Math.floor((padded[i]! - reach[i]!) / steps.stride[i]!) + 1,
    kernel: kernel[i]!,
    stride: steps.stride[i]!,
    pad: steps.pads[i]![0],
    dilation: steps.dilation[i]!,
  }));
}

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
    images: x.shape[0]!,
    groups,
    channels: x.shape[1]!,
    filters: w.shape[0]!,
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
  { name: 'padding', kind: 'any', default: 0 },
  { name: 'dilation', kind: 'ints', default: 1 },
  { name: 'groups', kind: 'int', default: 1 },
];

const f64 = { dtype: 'float64' };

/** A gap, not a choice: these cases fail here until there is a kernel, and then ask to be taken off this list. */
const noIntegers = (op: string): Record<string, string> => ({
  [`${op}/0@int*`]: 'integer convolution has no kernel yet',
  [`${op}/0@uint8*`]: 'integer convolution has no kernel yet',
});

export const conv2d = defineOp({
  name: 'conv2d',
  torch: 'torch.nn.functional.conv2d',
  doc: "Slides filters [out, in / groups, kh, kw] over images [n, in, h, w] or [in, h, w]; `padding` is in pixels, or 'same' or 'valid'.",
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => convolution('conv2d', 2, ...args),
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
  differs: noIntegers('conv2d'),
  bench: [call([t([1, 64, 56, 56]), t([64, 64, 3, 3])], { padding: 1 })],
});

export const conv1d = defineOp({
  name: 'conv1d',
  torch: 'torch.nn.functional.conv1d',
  doc: "Slides filters [out, in / groups, k] over signals [n, in, length] or [in, length]; `padding` is a count, or 'same' or 'valid'.",
  params,
  variants: ['function'],
  gradName: 'ConvolutionBackward0',
  kernel: (...args: Arguments): Tensor => convolution('conv1d', 1, ...args),
  samples: [
    call([t([2, 3, 17]), t([4, 3, 3]), t([4])]),
    call([t([2, 4, 17], f64), t([6, 2, 3], f64)], { stride: 2, padding: 2, dilation: 2, groups: 2 }),
    call([t([3, 9]), t([4, 3, 4]), t([4])], { padding: 'same' }),
    call([t([0, 3, 9]), t([4, 3, 4])]),
  ],
  differs: noIntegers('conv1d'),
  errors: [
    { args: [t([1, 3, 5]), t([4, 2, 3])], throws: 'RuntimeError' },
    { args: [t([5]), t([4, 3, 3])], throws: 'RuntimeError' },
    { args: [t([1, 3, 5]), t([4, 3, 7])], throws: 'RuntimeError' },
  ],
});
