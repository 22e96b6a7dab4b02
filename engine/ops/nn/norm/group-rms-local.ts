// Group norm, RMS norm, local response norm, and layer norm's native form. Rows go through layer norm's fused row
// reductions.
import { computedIn } from '../../../core/dtype.js';
import { message, RuntimeError, showShape, ValueError } from '../../../core/errors.js';
import { newTensor } from '../../../core/factory.js';
import { sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { apply } from '../../../pointwise/expr.js';
import { formula, p0, requireFloating } from '../../../pointwise/fused-expression.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { cast, rawZeros } from '../../creation/copy-fill-cast.js';
import { cat } from '../../joining/cat-stack.js';
import { layerNormOf } from './layer.js';

/** Differences see it in the outputs beside the first. */
const statistics = { noGrad: 'PyTorch gives the saved statistics no gradient' };

const f64 = { dtype: 'float64' };
const self: Param = { name: 'input', kind: 'tensor' };
const maybe = (name: string): Param => ({ name, kind: 'tensor', default: null });

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** A parameter of channels in a shape that broadcasts with the input. */
const perChannel = (p: Tensor, x: Tensor): Tensor =>
  p.reshape(x.sizes.map((_, d) => (d === 1 ? p.length : 1)));

function scaled(out: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const grown = weight === null ? out : out.mul(perChannel(weight, out));
  return bias === null ? grown : grown.add(perChannel(bias, out));
}

function checkGroups(
  op: string,
  x: Tensor,
  groups: number,
  weight: Tensor | null,
  bias: Tensor | null,
): void {
  requireFloating(op, x.dtype);
  if (x.ndim < 2) {
    const hint = `Expected at least 2 dimensions for input tensor but received ${x.ndim}`;
    refuse(op, 'an input of at least 2 dims', showShape(x.sizes), hint);
  }
  const channels = x.sizes[1]!;
  if (groups <= 0) {
    refuse(
      op,
      'at least one group',
      String(groups),
      `Expected num groups to be greater than 0, got ${groups}`,
    );
  }
  if (channels % groups !== 0) {
    const hint = `Expected number of channels in input to be divisible by num_groups, but got input of shape ${showShape(x.sizes)} and num_groups=${groups}`;
    refuse(op, `channels divisible by ${groups}`, String(channels), hint);
  }
  for (const [name, p] of Object.entries({ weight, bias })) {
    if (p === null || (p.ndim === 1 && p.length === channels)) continue;
    const hint = `Expected ${name} to be a vector of size equal to the number of channels in input, but got ${name} of shape ${showShape(p.sizes)} and input of shape ${showShape(x.sizes)}`;
    refuse(op, `a ${name} of ${channels}`, showShape(p.sizes), hint);
  }
}

function grouped(x: Tensor, groups: number, weight: Tensor | null, bias: Tensor | null, eps: number): Tensor {
  if (x.length === 0) return scaled(x.clone(), weight, bias);
  const n = x.sizes[0]!;
  const size = x.length / (n * groups);
  const out = layerNormOf('groupNorm', x.reshape(n, groups, size), [size], null, null, eps).reshape(x.sizes);
  return scaled(out, weight, bias);
}

export const groupNorm = defineOp({
  name: 'groupNorm',
  torch: 'torch.nn.functional.group_norm',
  doc: '(input − mean) / √(var + eps) · weight + bias, with the statistics of a group of channels (dim 1) in each sample.',
  variants: ['function'],
  params: [
    self,
    { name: 'num_groups', kind: 'int' },
    maybe('weight'),
    maybe('bias'),
    { name: 'eps', kind: 'scalar', default: 1e-5 },
  ],
  compose: (x: Tensor, groups: number, weight: Tensor | null, bias: Tensor | null, eps: number): Tensor => {
    checkGroups('groupNorm', x, groups, weight, bias);
    const counts = [Math.floor((x.sizes[0]! * x.sizes[1]!) / groups), ...x.sizes.slice(2)];
    if (counts.reduce((a, b) => a * b, 1) === 1) {
      const hint = `Expected more than 1 value per channel when training, got input size ${showShape(x.sizes)}`;
      throw new ValueError(message('groupNorm', 'more than 1 value per group', showShape(x.sizes), hint));
    }
    return grouped(x, groups, weight, bias, eps);
  },
  tests: () => ({
    samples: [
      call([t([2, 6, 3]), 2, t([6]), t([6])]),
      call([t([2, 4, 3, 2], f64), 4], { eps: 0.5 }),
      call([t([3, 4]), 1, t([4])]),
    ],
    errors: [
      { args: [t([1]), 1], throws: 'RuntimeError' },
      { args: [t([2, 7, 4]), 2], throws: 'RuntimeError' },
    ],
  }),
});

export const nativeGroupNorm = defineOp({
  name: 'nativeGroupNorm',
  doc: 'Group norm of an input [n, c, …] of n · c · hxw elements, with the mean and 1 / √(var + eps) of each group [n, group].',
  returns: '[Tensor, Tensor, Tensor]',
  variants: ['function'],
  params: [
    self,
    maybe('weight'),
    maybe('bias'),
    { name: 'N', kind: 'int' },
    { name: 'C', kind: 'int' },
    { name: 'HxW', kind: 'int' },
    { name: 'group', kind: 'int' },
    { name: 'eps', kind: 'scalar' },
  ],
  compose: (
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    n: number,
    channels: number,
    space: number,
    groups: number,
    eps: number,
  ): [Tensor, Tensor, Tensor] => {
    checkGroups('nativeGroupNorm', x, groups, weight, bias);
    if (x.length !== n * channels * space) {
      const hint = `Expected input of ${n * channels * space} elements, but got ${x.length}`;
      refuse('nativeGroupNorm', `${n} · ${channels} · ${space} elements`, String(x.length), hint);
    }
    const rows = x.reshape(n, groups, (channels * space) / groups);
    const inverse = rows.var(2, { correction: 0 }).add(eps).rsqrt();
    return [grouped(x, groups, weight, bias, eps), rows.mean(2), inverse];
  },
  tests: () => ({
    // PyTorch's own refuses other layouts.
    samples: [call([t([2, 6, 3], { layout: 'contiguous' }), t([6]), t([6]), 2, 6, 3, 2, 1e-5])],
  }),
});

export const nativeLayerNorm = defineOp({
  name: 'nativeLayerNorm',
  doc: 'Layer norm with the mean and 1 / √(var + eps) of each row, whose normalised dims are kept as 1.',
  returns: '[Tensor, Tensor, Tensor]',
  variants: ['function'],
  params: [
    self,
    { name: 'normalized_shape', kind: 'ints' },
    maybe('weight'),
    maybe('bias'),
    { name: 'eps', kind: 'scalar' },
  ],
  compose: (
    x: Tensor,
    size: number | readonly number[],
    weight: Tensor | null,
    bias: Tensor | null,
    eps: number,
  ): [Tensor, Tensor, Tensor] => {
    const shape = typeof size === 'number' ? [size] : size;
    const out = layerNormOf('nativeLayerNorm', x, shape, weight, bias, eps);
    const kept = x.sizes.map((n, d) => (d < x.ndim - shape.length ? n : 1));
    if (x.length === 0) return [out, newTensor(kept, x.dtype), newTensor(kept, x.dtype)];
    const over = shape.map((_, k) => x.ndim - shape.length + k);
    const still = x.detach();
    const inverse = still.var(over, { correction: 0, keepdim: true }).add(eps).rsqrt();
    return [out, still.mean(over, true), inverse];
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 4]), [3, 4], t([3, 4]), t([3, 4]), 1e-5], {}, statistics),
      call([t([3, 5], f64), [5], null, null, 0.5], {}, statistics),
    ],
    errors: [{ args: [t([2, 3]), [4], null, null, 1e-5], throws: 'RuntimeError' }],
  }),
});

const byRoot = formula('rmsNorm', 2, (x, square) => x!.mul(apply('rsqrt', square!.add(p0!))));

function checkRows(op: string, x: Tensor, shape: readonly number[], weight: Tensor | null): void {
  requireFloating(op, x.dtype);
  if (shape.length === 0) {
    const hint =
      'Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []';
    refuse(op, 'normalizedShape with at least one size', '[]', hint);
  }
  if (weight !== null && !sameShape(weight.sizes, shape)) {
    const hint = `Expected weight to be of same shape as normalized_shape, but got weight of shape ${showShape(weight.sizes)} and normalized_shape = ${showShape(shape)}`;
    refuse(op, `a weight of shape ${showShape(shape)}`, showShape(weight.sizes), hint);
  }
  if (x.ndim < shape.length || !sameShape(x.sizes.slice(x.ndim - shape.length), shape)) {
    const hint = `Given normalized_shape=${showShape(shape)}, expected input with shape [*${shape.join(', ')}], but got input of size${showShape(x.sizes)}`;
    refuse(op, `an input whose last sizes are ${showShape(shape)}`, showShape(x.sizes), hint);
  }
}

/** In float32 for the 16-bit floats, whose squares would overflow. */
function rmsOf(
  x: Tensor,
  size: number | readonly number[],
  weight: Tensor | null,
  eps: number | null,
): Tensor {
  const shape = typeof size === 'number' ? [size] : size;
  checkRows('rmsNorm', x, shape, weight);
  const wide = computedIn(x.dtype);
  if (wide !== x.dtype) return cast(rmsOf(cast(x, wide), size, weight && cast(weight, wide), eps), x.dtype);
  const over = shape.map((_, k) => x.ndim - shape.length + k);
  const least = eps ?? (x.dtype.name === 'float64' ? 2 ** -52 : 2 ** -23);
  const out = byRoot([x, x.mul(x).mean(over, true)], [least]);
  return weight === null ? out : out.mul(weight);
}

export const rmsNorm = defineOp({
  name: 'rmsNorm',
  torch: 'torch.nn.functional.rms_norm',
  aliases: ['torch.rms_norm'],
  doc: 'input / √(mean(input²) + eps) · weight over the last dims; eps is by default the dtype’s machine epsilon.',
  variants: ['function'],
  params: [
    self,
    { name: 'normalized_shape', kind: 'ints' },
    maybe('weight'),
    { name: 'eps', kind: 'scalar', default: null },
  ],
  compose: rmsOf,
  tests: () => ({
    samples: [call([t([3, 5]), [5]]), call([t([2, 3, 4], f64), [3, 4], t([3, 4], f64), 0.5])],
    errors: [
      { args: [t([1, 2, 3]), []], throws: 'RuntimeError' },
      { args: [t([1, 2, 3]), [1, 2, 3], t([1, 2])], throws: 'RuntimeError' },
      { args: [t([2, 2, 3]), [2, 2]], throws: 'RuntimeError' },
    ],
  }),
});

/** The mean of `size` neighbours along dim 1, with zeros outside. */
function neighbours(x: Tensor, size: number): Tensor {
  const border = (n: number): Tensor =>
    rawZeros(
      x.sizes.map((s, d) => (d === 1 ? n : s)),
      x.dtype,
    );
  const wide = cat.impl([border(Math.floor(size / 2)), x, border(Math.floor((size - 1) / 2))], 1);
  let total = wide.narrow(1, 0, x.sizes[1]!);
  for (let k = 1; k < size; k++) total = total.add(wide.narrow(1, k, x.sizes[1]!));
  return total.div(size);
}

export const localResponseNorm = defineOp({
  name: 'localResponseNorm',
  torch: 'torch.nn.functional.local_response_norm',
  doc: 'input / (k + alpha · mean of the squares of `size` neighbouring channels)^beta.',
  variants: ['function'],
  params: [
    self,
    { name: 'size', kind: 'int' },
    { name: 'alpha', kind: 'scalar', default: 1e-4 },
    { name: 'beta', kind: 'scalar', default: 0.75 },
    { name: 'k', kind: 'scalar', default: 1 },
  ],
  compose: (x: Tensor, size: number, alpha: number, beta: number, k: number): Tensor => {
    if (x.ndim < 3) {
      const hint = `Expected 3D or higher dimensionality input (got ${x.ndim} dimensions)`;
      throw new ValueError(message('localResponseNorm', 'at least 3 dims', showShape(x.sizes), hint));
    }
    if (size < 1) refuse('localResponseNorm', 'a size of at least 1', String(size), 'size must be positive');
    if (x.length === 0) return x;
    return x.div(neighbours(x.mul(x), size).mul(alpha).add(k).pow(beta));
  },
  tests: () => ({
    samples: [call([t([2, 6, 3], f64), 2]), call([t([1, 5, 2, 2], f64), 3, 0.5, 0.5, 1.25])],
    errors: [{ args: [t([2, 3]), 2], throws: 'ValueError' }],
  }),
});
