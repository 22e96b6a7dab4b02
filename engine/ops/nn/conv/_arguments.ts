// Arguments of convolutions: one value or one for each dim, PyTorch's checks and errors.
import { kernelsOf } from '../../../core/device.js';
import { bool, int64 } from '../../../core/dtype.js';
import {
  ArgumentError,
  describe,
  message,
  NotImplementedError,
  RuntimeError,
  showShape,
} from '../../../core/errors.js';
import type { Tensor } from '../../../core/tensor.js';
import type { Axis } from './_core.js';

export type Ints = number | readonly number[];

export function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** One value for each axis. */
export function perAxis(op: string, name: string, value: Ints, n: number): readonly number[] {
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

export interface Steps {
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
  if (!Array.isArray(list) || ![...list].every((v) => Number.isInteger(v))) {
    throw new ArgumentError(message(op, "'padding' to be integers, 'same' or 'valid'", describe(padding)));
  }
  const pads = perAxis(op, 'padding', list as number[], kernel.length);
  return pads.map((p) => [p, p]);
}

export function stepsOf(
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
  const pads = paddingOf(op, padding, w.sizes.slice(2), s, d);
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

export function checkDims(op: string, x: Tensor, w: Tensor, n: number): void {
  if (x.ndim !== n + 1 && x.ndim !== n + 2) {
    refuse(
      op,
      `an input of ${n + 1} or ${n + 2} dims`,
      showShape(x.sizes),
      `Expected ${n + 1}D (unbatched) or ${n + 2}D (batched) input to ${op}, but got input of size: ${showShape(x.sizes)}`,
    );
  }
  if (w.ndim < 3)
    refuse(
      op,
      `weights of ${n + 2} dims`,
      showShape(w.sizes),
      'weight should have at least three dimensions',
    );
  if (w.ndim !== n + 2) {
    refuse(
      op,
      `weights of ${n + 2} dims`,
      showShape(w.sizes),
      `Expected ${n + 2}-dimensional weight for ${n + 2}-dimensional input, but got weight of size ${showShape(w.sizes)}`,
    );
  }
}

export function checkChannels(op: string, x: Tensor, w: Tensor, b: Tensor | null, groups: number): void {
  const weight = showShape(w.sizes);
  const filters = w.sizes[0]!;
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
  const channels = w.sizes[1]! * groups;
  if (x.sizes[1] !== channels) {
    refuse(
      op,
      `an input of ${channels} channels`,
      showShape(x.sizes),
      `Given groups=${groups}, weight of size ${weight}, expected input${showShape(x.sizes)} to have ${channels} channels, but got ${x.sizes[1]} channels instead`,
    );
  }
  if (b !== null && (b.ndim !== 1 || b.sizes[0] !== filters)) {
    refuse(
      op,
      `a bias of ${filters} elements`,
      showShape(b.sizes),
      `Given weight of size ${weight}, expected bias to be 1-dimensional with ${filters} elements, but got bias of size ${showShape(b.sizes)} instead`,
    );
  }
}

export function checkDTypes(op: string, x: Tensor, w: Tensor, b: Tensor | null, transposed = false): void {
  kernelsOf(op, b === null ? [x, w] : [x, w, b]);
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
  // PyTorch's transposed convolution takes int64 alone among the integers.
  const refused = x.dtype.isIntegral && (transposed ? x.dtype !== int64 : x.dtype === bool);
  if (refused) {
    throw new NotImplementedError(
      message(
        op,
        'a number dtype with a kernel',
        x.dtype.name,
        `"${op}" not implemented for '${x.dtype.title}'`,
      ),
    );
  }
}

/** Sizes of an axis before the result's is known to be possible. */
export function axesOf(op: string, x: Tensor, w: Tensor, steps: Steps): Axis[] {
  const kernel = w.sizes.slice(2);
  const size = x.sizes.slice(2);
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
  if (size.some((v) => v === 0) && x.sizes[0] !== 0) {
    refuse(
      op,
      'spatial dims of at least 1',
      showShape(x.sizes),
      `Only zero batch or zero channel inputs are supported, but got input shape: ${showShape(x.sizes)}`,
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
