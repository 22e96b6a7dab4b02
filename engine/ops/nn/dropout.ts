// Dropout of elements and of channels, and the alpha forms that keep mean and variance.
import { getDefaultDtype } from '../../core/dtype.js';
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { newLike, newTensor } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { filled } from '../indexing/index-kernels.js';
import { draw } from '../random/draws.js';

const self: Param = { name: 'input', kind: 'tensor' };
const random = { valuesUndefined: true, noGrad: 'random numbers' };
const chance: Param = { name: 'p', kind: 'scalar', default: 0.5 };

interface Form {
  readonly op: string;
  /** Whole channels (dims 0 and 1) fall together. */
  readonly channels: boolean;
  /** What falls becomes the value that keeps mean and variance of a self-normalizing net. */
  readonly alpha: boolean;
}

/** 0 where an element falls, else 1. */
function kept(x: Tensor, p: number, form: Form): Tensor {
  if (form.channels && x.ndim < 2) {
    const hint = 'Feature dropout requires at least 2 dimensions in the input';
    throw new RuntimeError(message(form.op, 'at least 2 dims', showShape(x.sizes), hint));
  }
  const shape = x.sizes.map((size, d) => (d < 2 ? size : 1));
  const noise = form.channels ? newTensor(shape, x.dtype) : newLike(x);
  return draw(noise, 'bernoulli', 1 - p, 0, null);
}

/** The core of all forms. @throws ValueError for what is no probability. */
export function dropped(x: Tensor, p: number, training: boolean, form: Form): Tensor {
  if (!(p >= 0 && p <= 1)) {
    const hint = `dropout probability has to be between 0 and 1, but got ${p}`;
    throw new ValueError(message(form.op, 'a probability', String(p), hint));
  }
  if (p === 0 || !training || x.length === 0) return x;
  if (p === 1) return x.mul(filled([], 0, x.dtype));
  const noise = kept(x, p, form);
  if (!form.alpha) return x.mul(noise.div(1 - p));
  // −scale · alpha of selu, to which an element falls.
  const alpha = 1.7580993408473766;
  const a = 1 / Math.sqrt((alpha * alpha * p + 1) * (1 - p));
  // The constant is rounded to the dtype before it is added.
  const most = filled([], alpha * a * p, x.dtype);
  const shift = noise
    .sub(1)
    .mul(alpha * a)
    .add(most);
  return x.mul(noise.mul(a)).add(shift);
}

function define(form: Form, torch: string, doc: string, training: boolean, check?: (x: Tensor) => void) {
  return defineOp({
    name: `nn.functional.${form.op}`,
    torch: `torch.nn.functional.${torch}`,
    doc,
    params: [self, chance, { name: 'training', kind: 'bool', default: training }],
    compose: (x: Tensor, p: number, train: boolean): Tensor => {
      check?.(x);
      return dropped(x, p, train, form);
    },
    tests: () => ({
      samples: [
        call([t([2, 3, 4]), 0.5, false]),
        call([t([2, 3, 4]), 0.5, true], {}, random),
        call([t([2, 3, 4], { dtype: 'float64' }), 1, true]),
      ],
      errors: [{ args: [t([2, 3, 4]), 1.5, true], throws: 'ValueError' }],
    }),
  });
}

/** Refuses an input of other than these numbers of dims. */
const ofDims =
  (op: string, dims: readonly number[]) =>
  (x: Tensor): void => {
    if (dims.includes(x.ndim)) return;
    const hint = `${op}: Expected ${dims.join('D or ')}D input, but received a ${x.ndim}D input.`;
    throw new RuntimeError(message(op, `${dims.join(' or ')} dims`, showShape(x.sizes), hint));
  };

export const dropout = define(
  { op: 'dropout', channels: false, alpha: false },
  'dropout',
  'Sets elements to 0 with probability p in training and scales the others by 1 / (1 − p).',
  true,
);
export const dropout2d = define(
  { op: 'dropout2d', channels: true, alpha: false },
  'dropout2d',
  'Dropout of whole channels of [n, channels, …].',
  true,
);
/** A sample without a batch has its channels in dim 0. */
function unbatched(name: 'dropout1d' | 'dropout3d', dims: number, doc: string, check?: (x: Tensor) => void) {
  const form = { op: name, channels: true, alpha: false };
  return defineOp({
    name: `nn.functional.${name}`,
    torch: `torch.nn.functional.${name}`,
    doc,
    params: [self, chance, { name: 'training', kind: 'bool', default: true }],
    compose: (x: Tensor, p: number, train: boolean): Tensor => {
      check?.(x);
      if (x.ndim === dims) return dropped(x, p, train, form);
      return dropped(x.unsqueeze(0), p, train, form).squeeze(0);
    },
    tests: () => ({
      samples: [
        call([t(name === 'dropout1d' ? [2, 3, 4] : [2, 3, 2, 2]), 0.5, false]),
        call([t(name === 'dropout1d' ? [3, 4] : [2, 3, 2, 2, 2]), 0.5, true], {}, random),
      ],
      errors: [{ args: [t([2, 3, 4]), -1, true], throws: 'ValueError' }],
    }),
  });
}
export const dropout1d = unbatched(
  'dropout1d',
  3,
  'Dropout of whole channels of [n, channels, length] or [channels, length].',
  ofDims('dropout1d', [2, 3]),
);
export const dropout3d = unbatched(
  'dropout3d',
  5,
  'Dropout of whole channels of [n, channels, d, h, w] or [channels, d, h, w].',
);
export const alphaDropout = define(
  { op: 'alphaDropout', channels: false, alpha: true },
  'alpha_dropout',
  'Dropout that keeps mean and variance of a self-normalizing net.',
  false,
);
export const featureAlphaDropout = define(
  { op: 'featureAlphaDropout', channels: true, alpha: true },
  'feature_alpha_dropout',
  'Alpha dropout of whole channels of [n, channels, …].',
  false,
);

export const nativeDropoutBackward = defineOp({
  name: 'ops.aten.nativeDropoutBackward',
  torch: 'torch.ops.aten.native_dropout_backward',
  doc: 'The gradient of dropout: grad_output · mask · scale.',
  params: [
    { name: 'grad_output', kind: 'tensor' },
    { name: 'mask', kind: 'tensor' },
    { name: 'scale', kind: 'scalar' },
  ],
  compose: (g: Tensor, mask: Tensor, scale: number): Tensor =>
    g.mul(mask.to(g.dtype.isIntegral ? getDefaultDtype() : g.dtype).mul(scale)),
  tests: () => ({
    samples: [call([t([3, 5]), t([3, 5], { dtype: 'bool' }), 2])],
    tolerance: { reason: 'PyTorch drops whole numbers to 0, not −0', signedZero: 'any' },
  }),
});
