// Max, average and power-average pooling.

import { noGrad } from '../../../autograd/grad-mode.js';
import { record } from '../../../autograd/node.js';
import type { ConvAxis as Axis } from '../../../backend/commands/conv.js';
import { showShape } from '../../../core/errors.js';
import { alias } from '../../../core/factory.js';
import type { Tensor } from '../../../core/tensor.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { rawZeros } from '../../creation/copy-fill-cast.js';
import { longTable } from '../../indexing/index-kernels.js';
import {
  type Ints,
  lowestOf,
  maxOfWindows,
  noKernel,
  pickedPlanes,
  placesOf,
  poolAxes,
  poolWindows,
  refuse,
  requirePlanes,
  spreadBack,
} from '../_windows.js';
import { floatTable } from '../sliding-windows.js';

const self: Param = { name: 'input', kind: 'tensor' };
const kernelParam: Param = { name: 'kernel_size', kind: 'ints' };
const strideParam: Param = { name: 'stride', kind: 'ints', default: null };
const paddingParam: Param = { name: 'padding', kind: 'ints', default: 0 };
const ceilParam: Param = { name: 'ceil_mode', kind: 'bool', default: false };

const sizes = 'number | readonly number[]';
/** The signatures of a pooling that may return its indices: `lead` is what comes before that flag. */
export function withIndices(lead: readonly (readonly [name: string, type: string, required?: boolean])[]) {
  const open = lead.map(([name, type, required]) => `${name}${required === true ? '' : '?'}: ${type}`);
  const all = lead.map(
    ([name, type, required]) => `${name}: ${type}${required === true ? '' : ' | undefined'}`,
  );
  return [
    `(${open.join(', ')}, returnIndices?: false): Tensor`,
    `(${all.join(', ')}, returnIndices: true): [Tensor, Tensor]`,
    `(${open.join(', ')}, returnIndices?: boolean): Tensor | [Tensor, Tensor]`,
  ];
}

type MaxArguments = [
  x: Tensor,
  kernel: Ints,
  stride: Ints | null,
  padding: Ints,
  dilation: Ints,
  ceilMode: boolean,
  returnIndices: boolean,
];

function maxPooled(
  op: string,
  n: number,
  ...[x, kernel, stride, padding, dilation, ceilMode, returnIndices]: MaxArguments
): Tensor | [Tensor, Tensor] {
  requirePlanes(op, x, n);
  const axes = poolAxes(op, x, n, { kernel, stride, padding, dilation, ceilMode });
  if (x.dtype.name === 'bool' || (n === 1 && x.dtype.isIntegral && !returnIndices)) throw noKernel(op, x);
  const windows = poolWindows(x.detach(), axes, lowestOf(x.dtype));
  const node = n === 1 ? 'SqueezeBackward1' : `MaxPool${n}DWithIndicesBackward0`;
  const { values, indices } = maxOfWindows(node, x, windows, placesOf(axes), returnIndices);
  return returnIndices ? [values, indices!] : values;
}

const maxParams: readonly Param[] = [
  self,
  kernelParam,
  strideParam,
  paddingParam,
  { name: 'dilation', kind: 'ints', default: 1 },
  ceilParam,
  { name: 'return_indices', kind: 'bool', default: false },
];

function maxPool(n: 1 | 2 | 3, size: readonly number[], what: string) {
  const op = `maxPool${n}d`;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.max_pool${n}d`,
    doc: `The maximum of each window over ${what}; with returnIndices also its flat place among them.`,
    params: maxParams,
    variants: ['function'],
    returns: 'Tensor | [Tensor, Tensor]',
    signatures: withIndices([
      ['kernelSize', sizes, true],
      ['stride', `${sizes} | null`],
      ['padding', sizes],
      ['dilation', sizes],
      ['ceilMode', 'boolean'],
    ]),
    gradName: n === 1 ? 'SqueezeBackward1' : `MaxPool${n}DWithIndicesBackward0`,
    kernel: (...args: MaxArguments): Tensor | [Tensor, Tensor] => maxPooled(op, n, ...args),
    tests: () => ({
      samples: [
        call([t([2, 3, ...size], { fill: 'distinct' }), 2], { return_indices: true }),
        call([t([3, ...size], { fill: 'distinct', dtype: 'float64' }), 3, 2, 1, 1, true]),
        call([t([2, 1, ...size], { fill: 'distinct', layout: 'transposed' }), 2, 1, 1, 2]),
      ],
      errors: [
        { args: [t([1, 2, ...size]), 2, 50, -1], throws: 'RuntimeError' },
        { args: [t([1, 2, ...size]), 2, 50, 4], throws: 'RuntimeError' },
        { args: [t([1, 2, ...size]), 19], throws: 'RuntimeError' },
        { args: [t([1, 2, ...size.map(() => 0)]), 1], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const maxPool1d = maxPool(1, [9], 'the last dim');
export const maxPool2d = maxPool(2, [7, 6], 'the last two dims');
export const maxPool3d = maxPool(3, [4, 5, 4], 'the last three dims');

/** Max pooling that always gives its indices: what PyTorch's max_pool with return_indices calls. */
function maxPoolWithIndices(n: 1 | 2 | 3, size: readonly number[], what: string) {
  const op = `maxPool${n}dWithIndices`;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.max_pool${n}d_with_indices`,
    doc: `The maximum of each window over ${what}, and its flat place among them.`,
    params: maxParams,
    variants: ['function'],
    returns: '[Tensor, Tensor]',
    gradName: n === 1 ? 'SqueezeBackward1' : `MaxPool${n}DWithIndicesBackward0`,
    kernel: (...[x, kernel, stride, padding, dilation, ceilMode]: MaxArguments): [Tensor, Tensor] =>
      maxPooled(op, n, x, kernel, stride, padding, dilation, ceilMode, true) as [Tensor, Tensor],
    tests: () => ({
      samples: [call([t([2, 3, ...size], { fill: 'distinct' }), 3, 2, 1, 1, true])],
      errors: [{ args: [t([1, 2, ...size]), 2, 50, -1], throws: 'RuntimeError' }],
    }),
  });
}
export const maxPool1dWithIndices = maxPoolWithIndices(1, [9], 'the last dim');
export const maxPool2dWithIndices = maxPoolWithIndices(2, [7, 6], 'the last two dims');
export const maxPool3dWithIndices = maxPoolWithIndices(3, [4, 5, 4], 'the last three dims');

export const maxPool2dWithIndicesBackward = defineOp({
  name: 'maxPool2dWithIndicesBackward',
  torch: 'torch.ops.aten.max_pool2d_with_indices_backward',
  doc: "The input's gradient of max_pool2d: the output's gradient added at the places that its indices name.",
  params: [
    { name: 'grad_output', kind: 'tensor' },
    { name: 'self', kind: 'tensor' },
    kernelParam,
    { name: 'stride', kind: 'ints' },
    { name: 'padding', kind: 'ints' },
    { name: 'dilation', kind: 'ints' },
    { name: 'ceil_mode', kind: 'bool' },
    { name: 'indices', kind: 'tensor' },
  ],
  variants: ['function'],
  gradName: 'MaxPool2DWithIndicesBackwardBackward0',
  kernel: (
    g: Tensor,
    x: Tensor,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceilMode: boolean,
    indices: Tensor,
  ): Tensor => {
    const op = 'maxPool2dWithIndicesBackward';
    requirePlanes(op, x, 2);
    if (g.dtype.isIntegral) throw noKernel(op, g);
    const axes = poolAxes(op, x, 2, { kernel, stride, padding, dilation, ceilMode });
    const shape = showShape([...x.sizes.slice(0, -2), ...axes.map((a) => a.out)]);
    for (const of of [g, indices])
      if (showShape(of.sizes) !== shape)
        refuse(op, `a gradient and indices of ${shape}`, showShape(of.sizes), 'they are of the output');
    const out = alias(noGrad(() => spreadBack(g, indices, x.sizes, 2)));
    // The input takes part with a gradient of zeros, as in PyTorch.
    return record('MaxPool2DWithIndicesBackwardBackward0', out, [g, x], (save, node) => {
      const at = save(indices);
      const { sizes } = x;
      return ([gg]) => [
        node.next[0] === null ? null : pickedPlanes(gg!, at.get(), 2),
        node.next[1] === null ? null : rawZeros(sizes, gg!.dtype),
      ];
    });
  },
  tests: () => ({
    samples: [
      // PyTorch has no gradient of it for other layouts.
      call([
        t([1, 2, 2, 2], { layout: 'contiguous' }),
        t([1, 2, 4, 4], { layout: 'contiguous' }),
        2,
        2,
        0,
        1,
        false,
        t([1, 2, 2, 2], {
          dtype: 'int64',
          fill: { values: [0, 7, 8, 15, 1, 2, 13, 10] },
          layout: 'contiguous',
        }),
      ]),
    ],
  }),
});

/** How many elements each window has along an axis: with its padding on both sides, or of the input alone. */
function extents(a: Axis, padding: boolean): number[] {
  return Array.from({ length: a.out }, (_, o) => {
    const start = o * a.stride - a.pad;
    const end = Math.min(start + a.kernel, a.in + a.pad);
    return padding ? end - start : Math.min(end, a.in) - Math.max(start, 0);
  });
}

/** The sums of windows over what each has; integers are cut towards 0. */
function divided(sums: Tensor, axes: readonly Axis[], padding: boolean, divisor: number | null): Tensor {
  const whole = (by: Tensor | number): Tensor =>
    sums.dtype.isIntegral ? sums.div(by, { roundingMode: 'trunc' }) : sums.div(by);
  if (divisor !== null) return whole(divisor);
  const counts = axes.map((a) => extents(a, padding));
  if (counts.every((c) => c.every((v) => v === c[0])))
    return whole(counts.reduce((product, c) => product * c[0]!, 1));
  let table = counts.at(-1)!;
  for (const outer of counts.slice(0, -1).reverse()) {
    const inner = table;
    table = outer.flatMap((v) => inner.map((u) => v * u));
  }
  const shape = axes.map((a) => a.out);
  return whole(sums.dtype.isIntegral ? longTable(table, shape) : floatTable(table, shape, sums.dtype));
}

type AvgArguments = [
  x: Tensor,
  kernel: Ints,
  stride: Ints | null,
  padding: Ints,
  ceilMode: boolean,
  countIncludePad: boolean,
  divisor?: number | null,
];

function avgPooled(
  op: string,
  n: number,
  ...[x, kernel, stride, padding, ceilMode, countIncludePad, divisor = null]: AvgArguments
): Tensor {
  requirePlanes(op, x, n);
  const axes = poolAxes(op, x, n, { kernel, stride, padding, dilation: 1, ceilMode });
  if (divisor === 0) refuse(op, 'a divisor other than 0', '0', 'divisor must be not zero');
  if (x.dtype.isIntegral && x.dtype.name !== 'int64') throw noKernel(op, x);
  const windows = poolWindows(x, axes, 0);
  const sums = windows.sum(axes.map((_, i) => i - n));
  return divided(sums, axes, countIncludePad, divisor);
}

function avgPool(n: 1 | 2 | 3, size: readonly number[], what: string) {
  const op = `avgPool${n}d`;
  const divisor: Param[] = n === 1 ? [] : [{ name: 'divisor_override', kind: 'int', default: null }];
  return defineOp({
    name: op,
    torch: `torch.nn.functional.avg_pool${n}d`,
    doc: `The mean of each window over ${what}.`,
    params: [
      self,
      kernelParam,
      strideParam,
      paddingParam,
      ceilParam,
      { name: 'count_include_pad', kind: 'bool', default: true },
      ...divisor,
    ],
    variants: ['function'],
    compose: (...args: AvgArguments): Tensor => avgPooled(op, n, ...args),
    tests: () => ({
      samples: [
        call([t([2, 3, ...size]), 2]),
        call([t([3, ...size], { dtype: 'float64' }), 3, 2, 1, true, false]),
        call([t([1, 2, ...size]), 3, 2, 1, true, true]),
      ],
      errors: [
        { args: [t([1, 2, ...size]), 2, 50, -1], throws: 'RuntimeError' },
        { args: [t([1, 2, ...size]), 2, 50, 4], throws: 'RuntimeError' },
        { args: [t([1, 2, ...size]), 19], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const avgPool1d = avgPool(1, [9], 'the last dim');
export const avgPool2d = avgPool(2, [7, 6], 'the last two dims');
export const avgPool3d = avgPool(3, [4, 5, 4], 'the last three dims');

/** (Σ x^p)^(1/p) of each window; a window whose sum of powers is negative gives its sign's root, as PyTorch's. */
function powerPooled(
  op: string,
  n: number,
  x: Tensor,
  p: number,
  kernel: Ints,
  stride: Ints | null,
  ceilMode: boolean,
): Tensor {
  const maximum = (of: Tensor): Tensor =>
    maxPooled(op, n, of, kernel, stride, 0, 1, ceilMode, false) as Tensor;
  if (p === Number.POSITIVE_INFINITY) return maximum(x.abs());
  if (p === Number.NEGATIVE_INFINITY) return maximum(x.abs().neg()).neg();
  const mean = avgPooled(op, n, x.pow(p), kernel, stride, 0, ceilMode, true);
  const list = typeof kernel === 'number' ? new Array<number>(n).fill(kernel) : kernel;
  if (list.length !== n)
    refuse(op, `${n} kernel sizes`, showShape(list), `kernel_size must have ${n} values`);
  const count = list.reduce((a, b) => a * b, 1);
  return mean
    .sign()
    .mul(mean.abs().relu())
    .mul(count)
    .pow(1 / p);
}

function lpPool(n: 1 | 2 | 3, size: readonly number[], what: string) {
  const op = `lpPool${n}d`;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.lp_pool${n}d`,
    doc: `The p-th root of the sum of p-th powers of each window over ${what}.`,
    params: [self, { name: 'norm_type', kind: 'scalar' }, kernelParam, strideParam, ceilParam],
    variants: ['function'],
    compose: (x: Tensor, p: number, kernel: Ints, stride: Ints | null, ceilMode: boolean): Tensor =>
      powerPooled(op, n, x, Number(p), kernel, stride, ceilMode),
    tests: () => ({
      samples: [
        call([t([2, 3, ...size], { fill: 'positive' }), 2, 2]),
        call([t([3, ...size], { fill: 'positive', dtype: 'float64' }), 3, 3, 2, true]),
      ],
      errors: [{ args: [t([1, 2, ...size]), 2, 19], throws: 'RuntimeError' }],
    }),
  });
}
export const lpPool1d = lpPool(1, [9], 'the last dim');
export const lpPool2d = lpPool(2, [7, 6], 'the last two dims');
export const lpPool3d = lpPool(3, [4, 5, 4], 'the last three dims');
