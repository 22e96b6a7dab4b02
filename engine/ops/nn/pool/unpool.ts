// Max unpooling (a partial inverse of max pooling) and fractional max pooling.
import { noGrad } from '../../../autograd/grad-mode.js';
import { message, RuntimeError, showShape, ValueError } from '../../../core/errors.js';
import { numelOf } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { rawZeros } from '../../creation/copy-fill-cast.js';
import { where } from '../../indexing/masked.js';
import { rand } from '../../random/random-tensors.js';
import {
  alongAxis,
  type Ints,
  maxOfWindows,
  noKernel,
  type Place,
  pickedPlanes,
  refuse,
  spread,
} from '../_windows.js';
import { withIndices } from './max-avg.js';

const self: Param = { name: 'input', kind: 'tensor' };

interface Unpooling {
  readonly kernel: Ints;
  readonly stride: Ints | null;
  readonly padding: Ints;
  readonly size: readonly number[] | null;
}

/** The spatial sizes of the result: what the pooling's input most likely had, or what is asked for if that is possible. */
function unpooledSizes(op: string, x: Tensor, n: number, u: Unpooling): readonly number[] {
  const kernel = spread(op, 'kernel_size', u.kernel, n);
  const given = typeof u.stride === 'number' ? [u.stride] : (u.stride ?? []);
  const stride = given.length === 0 ? kernel : spread(op, 'stride', given, n);
  const pad = spread(op, 'padding', u.padding, n);
  const usual = kernel.map((k, i) => (x.sizes[x.ndim - n + i]! - 1) * stride[i]! + k - 2 * pad[i]!);
  if (u.size === null) return usual;
  const size = u.size.length === n + 2 ? u.size.slice(2) : u.size;
  if (size.length !== n) {
    throw new ValueError(
      message(
        op,
        `${n} or ${n + 2} output sizes`,
        showShape(size),
        `output_size should be a sequence containing ${n} or ${n + 2} elements, but it has a length of '${size.length}'`,
      ),
    );
  }
  size.forEach((v, i) => {
    const [low, high] = [usual[i]! - stride[i]!, usual[i]! + stride[i]!];
    if (v <= low || v >= high) {
      throw new ValueError(
        message(
          op,
          `an output size between ${low} and ${high} in dim ${i}`,
          String(v),
          `invalid output_size "${showShape(size)}" (dim ${i} must be between ${low} and ${high})`,
        ),
      );
    }
  });
  return size;
}

function checkIndices(op: string, x: Tensor, indices: Tensor, n: number, places: number): void {
  if (indices.dtype.name !== 'int64') {
    refuse(
      op,
      'int64 indices',
      indices.dtype.name,
      `elements in indices should be type int64 but got: ${indices.dtype.title}`,
    );
  }
  if (x.ndim !== n + 1 && x.ndim !== n + 2) {
    refuse(
      op,
      `an input of ${n + 1} or ${n + 2} dims`,
      showShape(x.sizes),
      `Input to max_unpooling${n}d should be a ${n + 1}d or ${n + 2}d Tensor, but got a tensor with ${x.ndim} dimensions.`,
    );
  }
  if (showShape(x.sizes) !== showShape(indices.sizes)) {
    refuse(
      op,
      `indices of ${showShape(x.sizes)}`,
      showShape(indices.sizes),
      `Expected shape of indices to be same as that of the input tensor (${showShape(x.sizes)}) but got indices tensor with shape: ${showShape(indices.sizes)}`,
    );
  }
  if (indices.length === 0) return;
  for (const at of [Number(indices.min().item()), Number(indices.max().item())]) {
    if (at < 0 || at >= places)
      refuse(op, `indices in [0, ${places - 1}]`, String(at), `Found an invalid max index: ${at}`);
  }
}

function unpooled(op: string, n: number, x: Tensor, indices: Tensor, u: Unpooling): Tensor {
  const sizes = x.ndim > n ? unpooledSizes(op, x, n, u) : [];
  if (sizes.some((s) => s < 0))
    throw new ValueError(message(op, 'output sizes of at least 0', showShape(sizes)));
  if (!x.dtype.isFloatingPoint && !x.dtype.isComplex) throw noKernel(op, x);
  const places = numelOf(sizes);
  checkIndices(op, x, indices, n, places);
  const lead = x.sizes.slice(0, x.ndim - n);
  const rows = (v: Tensor): Tensor => v.reshape([...lead, numelOf(v.sizes.slice(lead.length))]);
  return rawZeros([...lead, places], x.dtype)
    .scatter(lead.length, rows(indices), rows(x))
    .reshape([...lead, ...sizes]);
}

function maxUnpool(n: 1 | 2 | 3, size: readonly number[]) {
  const op = `maxUnpool${n}d`;
  const places = {
    dtype: 'int64',
    fill: { values: [0, 3, 1, 2, 5, 4, 7, 6].slice(0, numelOf(size)) },
  } as const;
  const planes = [1, 1, ...size];
  // PyTorch has no gradient of it for other layouts.
  const dense = { layout: 'contiguous' } as const;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.max_unpool${n}d`,
    doc: 'Zeros with the elements at the flat places that max pooling gave as its indices.',
    params: [
      self,
      { name: 'indices', kind: 'tensor' },
      { name: 'kernel_size', kind: 'ints' },
      { name: 'stride', kind: 'ints', default: null },
      { name: 'padding', kind: 'ints', default: 0 },
      { name: 'output_size', kind: 'ints', default: null },
    ],
    variants: ['function'],
    compose: (
      x: Tensor,
      indices: Tensor,
      kernel: Ints,
      stride: Ints | null,
      padding: Ints,
      output: Ints | null,
    ): Tensor =>
      unpooled(op, n, x, indices, {
        kernel,
        stride,
        padding,
        size: typeof output === 'number' ? [output] : output,
      }),
    tests: () => ({
      samples: [
        call([t(planes, dense), t(planes, { ...places, ...dense }), 2]),
        call([t(planes, dense), t(planes, { ...places, ...dense }), 3, 2]),
      ],
      errors: [
        {
          args: [t(planes), t([...planes.slice(0, -1), 1], { dtype: 'int64', fill: 'zeros' }), 3],
          throws: 'RuntimeError',
        },
        { args: [t(planes), t(planes), 3], throws: 'RuntimeError' },
        {
          args: [t(planes), t(planes, { dtype: 'int64', fill: { low: 9999, high: 10000 } }), 3],
          throws: 'RuntimeError',
        },
      ],
    }),
  });
}
export const maxUnpool1d = maxUnpool(1, [4]);
export const maxUnpool2d = maxUnpool(2, [2, 2]);
export const maxUnpool3d = maxUnpool(3, [2, 2, 2]);

/** Where windows begin, [batch, channels, out]: PyTorch's pseudo-random sequence from one number in [0, 1) for each plane. */
function starts(samples: Tensor, size: number, out: number, kernel: number): Tensor {
  const end = size - kernel;
  const fixed = alongAxis(new Array<number>(out).fill(end), 0, 1);
  if (out === 1) return fixed.expand([...samples.sizes, 1]);
  const alpha = end / (out - 1);
  const u = samples.unsqueeze(-1);
  const steps = alongAxis(
    Array.from({ length: out }, (_, i) => i),
    0,
    1,
  );
  const at = u.add(steps).mul(alpha).to('int64').sub(u.mul(alpha).to('int64'));
  return where.impl(steps.eq(out - 1), fixed, at) as Tensor;
}

type FractionalArguments = [
  x: Tensor,
  kernel: Ints,
  size: Ints | null,
  ratio: unknown,
  returnIndices: boolean,
  samples: Tensor | null,
];

function fractionalSizes(
  op: string,
  x: Tensor,
  n: number,
  size: Ints | null,
  ratio: unknown,
): readonly number[] {
  if (size !== null) return spread(op, 'output_size', size, n);
  if (ratio === null) {
    throw new ValueError(
      message(
        op,
        'outputSize or outputRatio',
        'neither',
        `${op} requires specifying either an output_size or an output_ratio`,
      ),
    );
  }
  const list = Array.isArray(ratio)
    ? (ratio as unknown[]).map(Number)
    : new Array<number>(n).fill(Number(ratio));
  if (list.length !== n || list.some((r) => !(r > 0 && r < 1))) {
    throw new ValueError(message(op, `${n} ratios in (0, 1)`, showShape(list)));
  }
  return list.map((r, i) => Math.trunc(x.sizes[x.ndim - n + i]! * r));
}

function fractionalPooled(
  op: string,
  n: number,
  ...[x, kernelSize, size, ratio, returnIndices, given]: FractionalArguments
): Tensor | [Tensor, Tensor] {
  if (x.ndim !== n + 1 && x.ndim !== n + 2)
    refuse(
      op,
      `an input of ${n + 1} or ${n + 2} dims`,
      showShape(x.sizes),
      `Expected ${n + 1}D or ${n + 2}D tensor`,
    );
  if (!x.dtype.isFloatingPoint) throw noKernel(op, x);
  const kernel = spread(op, 'kernel_size', kernelSize, n);
  const sizes = fractionalSizes(op, x, n, size, ratio);
  const own = x.sizes.slice(x.ndim - n);
  own.forEach((v, i) => {
    if (sizes[i]! < 1 || sizes[i]! + kernel[i]! - 1 > v) {
      refuse(
        op,
        `an output of 1 to ${v - kernel[i]! + 1} in dim ${i}`,
        String(sizes[i]),
        `${op}: pool size ${kernel[i]} too large relative to input size ${v}`,
      );
    }
  });
  const lead = x.sizes.slice(0, x.ndim - n);
  const planes = [x.ndim === n + 1 ? 1 : x.sizes[0]!, x.sizes[x.ndim - n - 1]!, n];
  const drawn = given ?? rand.impl(planes, null, x.dtype, null, false);
  // As PyTorch, samples for more batches than there are may be given.
  const fits = drawn.ndim === 3 && drawn.sizes.every((v, i) => (i === 0 ? v >= planes[0]! : v === planes[i]));
  if (!fits)
    throw new RuntimeError(message(op, `random samples of ${showShape(planes)}`, showShape(drawn.sizes)));
  const samples = drawn.narrow(0, 0, planes[0]!).reshape([...lead, n]);
  const { windows, places } = noGrad(() => fractionalWindows(x, kernel, sizes, samples));
  const node = `FractionalMaxPool${n}DBackward0`;
  const { values, indices } = maxOfWindows(node, x, windows, places, returnIndices);
  return returnIndices ? [values, indices!] : values;
}

/** Each plane's own windows, gathered: [lead…, out…, kernel…]. */
function fractionalWindows(x: Tensor, kernel: readonly number[], sizes: readonly number[], samples: Tensor) {
  const n = kernel.length;
  const lead = x.sizes.slice(0, x.ndim - n);
  const own = x.sizes.slice(x.ndim - n);
  let flat: Tensor | null = null;
  const places = own.map((size, i): Place => {
    // In two dims PyTorch takes the last dim's number first.
    const start = starts(samples.select(-1, n === 2 ? 1 - i : i), size, sizes[i]!, kernel[i]!);
    const around = (before: number, len: number, behind: number): number[] => [
      ...new Array<number>(before).fill(1),
      len,
      ...new Array<number>(behind).fill(1),
    ];
    const out = start.reshape([...lead, ...around(i, sizes[i]!, n - 1 - i)]);
    const offsets = alongAxis(
      Array.from({ length: kernel[i]! }, (_, k) => k),
      i,
      n,
    );
    const at = out.reshape([...out.sizes, ...around(0, 1, n - 1)]).add(offsets);
    flat = flat === null ? at : flat.mul(size).add(at);
    return { in: size, kernel: kernel[i]!, dilation: 1, start: out, last: null };
  });
  const index = (flat as unknown as Tensor).contiguous();
  const windows = pickedPlanes(x.detach(), index, n);
  return { windows, places };
}

function fractional(n: 2 | 3, size: readonly number[]) {
  const op = `fractionalMaxPool${n}d`;
  const many = 'number | readonly number[]';
  return defineOp({
    name: op,
    torch: `torch.nn.functional.fractional_max_pool${n}d`,
    doc: `The maximum of windows over the last ${n} dims that begin at pseudo-random steps, so that there are \`outputSize\` of them.`,
    params: [
      self,
      { name: 'kernel_size', kind: 'ints' },
      { name: 'output_size', kind: 'ints', default: null },
      { name: 'output_ratio', kind: 'any', type: 'number | readonly number[]', default: null },
      { name: 'return_indices', kind: 'bool', default: false },
      { name: '_random_samples', kind: 'tensor', default: null },
    ],
    variants: ['function'],
    returns: 'Tensor | [Tensor, Tensor]',
    signatures: withIndices([
      ['kernelSize', many, true],
      ['outputSize', `${many} | null`],
      ['outputRatio', `${many} | null`],
    ]).map((o) => o.replace('): ', ', randomSamples?: Tensor | null): ')),
    gradName: `FractionalMaxPool${n}DBackward0`,
    kernel: (...args: FractionalArguments): Tensor | [Tensor, Tensor] => fractionalPooled(op, n, ...args),
    tests: () => ({
      samples: [
        call([
          t([2, 3, ...size], { fill: 'distinct' }),
          2,
          3,
          null,
          true,
          t([2, 3, n], { fill: 'probability', grad: false }),
        ]),
        call([t([3, ...size], { fill: 'distinct', dtype: 'float64' }), 2], {
          output_ratio: new Array<number>(n).fill(0.5),
          _random_samples: t([1, 3, n], { fill: 'probability', dtype: 'float64', grad: false }),
        }),
      ],
      errors: [
        { args: [t([1, 1, ...size]), 2], throws: 'ValueError' },
        { args: [t([1, 1, ...size]), 2, 20], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const fractionalMaxPool2d = fractional(2, [7, 8]);
export const fractionalMaxPool3d = fractional(3, [5, 6, 5]);
