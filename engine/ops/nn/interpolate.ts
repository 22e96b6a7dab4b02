// interpolate and upsample: arguments, errors, order of dims.

import {
  ArgumentError,
  describe,
  message,
  NotImplementedError,
  RuntimeError,
  showShape,
  ValueError,
} from '../../core/errors.js';
import { camelCase } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { clone } from '../creation/copy-fill-cast.js';
import { fixedPoint, interpolationTable, type Method } from './_interpolation-tables.js';
import { resampled } from './_resample.js';
import { noKernel } from './_windows.js';
import { adaptiveMean } from './pool/adaptive.js';
import { requireTables } from './sliding-windows.js';

type Numbers = readonly number[];

/** What the modes are, and how many spatial dims each needs (0: any of 1 to 3). */
const modes: Readonly<Record<string, { readonly method: Method | 'area'; readonly dims: number }>> = {
  nearest: { method: 'nearest', dims: 0 },
  'nearest-exact': { method: 'nearest-exact', dims: 0 },
  area: { method: 'area', dims: 0 },
  linear: { method: 'linear', dims: 1 },
  bilinear: { method: 'linear', dims: 2 },
  trilinear: { method: 'linear', dims: 3 },
  bicubic: { method: 'cubic', dims: 2 },
};

/** The resampling of all spatial dims, the last one first. */
function resampledAll(
  op: string,
  x: Tensor,
  method: Method,
  sizes: Numbers,
  scales: Numbers | null,
  alignCorners: boolean,
  antialias: boolean,
): Tensor {
  const own = x.sizes.slice(2);
  if (sizes.some((v) => v < 1) || own.some((v) => v < 1)) {
    throw new RuntimeError(
      message(
        op,
        'input and output sizes of at least 1',
        `${showShape(own)} and ${showShape(sizes)}`,
        `Input and output sizes should be greater than 0, but got input ${showShape(own)} output ${showShape(sizes)}`,
      ),
    );
  }
  if (x.sizes[1] === 0)
    throw new RuntimeError(
      message(
        op,
        'at least one channel',
        showShape(x.sizes),
        `Non-empty ${x.ndim}D data tensor expected but got a tensor with sizes ${showShape(x.sizes)}`,
      ),
    );
  requireTables(op, sizes);
  const bytes = x.dtype.name === 'uint8';
  const smooth = method === 'linear' || method === 'cubic';
  if (x.dtype.isIntegral && (!bytes || (smooth && sizes.length !== 2))) throw noKernel(op, x);
  const rounded = bytes && smooth;
  let out = rounded ? x.to('float64') : x;
  for (let i = sizes.length - 1; i >= 0; i--) {
    const line = {
      in: own[i]!,
      out: sizes[i]!,
      scale: scales?.[i] ?? null,
      alignCorners,
      double: x.dtype.name === 'float64',
    };
    if (method === 'linear' && !antialias && line.in === line.out) continue;
    const table = interpolationTable(method, line, antialias);
    out = resampled(out, i + 2, rounded ? fixedPoint(table) : table);
    // Images of bytes are rounded after each dim, halves upwards, as PyTorch's fixed-point sums are.
    if (rounded) out = out.add(0.5).floor().clamp(0, 255);
  }
  if (rounded) return out.to('uint8');
  return out === x ? clone.impl(x) : out;
}

/** One number for each spatial dim. @throws ValueError where there are others. */
function perDim(op: string, x: Tensor, name: string, value: unknown): Numbers {
  const n = x.ndim - 2;
  const list = Array.isArray(value) ? (value as unknown[]) : new Array<unknown>(Math.max(n, 0)).fill(value);
  if (list.length !== n) {
    throw new ValueError(
      message(
        op,
        `${camelCase(name)} for ${n} spatial dims`,
        describe(value),
        `Input and ${name} must have the same number of spatial dimensions, but got input with spatial dimensions of ${showShape(x.sizes.slice(2))} and ${name} of ${list.length}`,
      ),
    );
  }
  for (const v of list)
    if (typeof v !== 'number' || (name === 'output_size' && !Number.isInteger(v)))
      throw new ArgumentError(
        message(op, `'${camelCase(name)}' to be numbers`, describe(v), 'expected size to be integers'),
      );
  return list as number[];
}

const grown = (x: Tensor, scales: Numbers): number[] => scales.map((s, i) => Math.trunc(x.sizes[i + 2]! * s));

interface Target {
  readonly sizes: Numbers;
  /** Null where the sizes alone say what the scale is. */
  readonly scales: Numbers | null;
}

function targetOf(op: string, x: Tensor, size: unknown, scale: unknown, recompute: boolean): Target {
  const fail = (required: string, got: string, hint: string): never => {
    throw new ValueError(message(op, required, got, hint));
  };
  if (size !== null && scale !== null)
    return fail('size or scaleFactor', 'both', 'only one of size or scale_factor should be defined');
  if (size !== null) {
    const sizes = perDim(op, x, 'output_size', size);
    if (recompute)
      return fail(
        'no recomputing with a size',
        'both',
        'recompute_scale_factor is not meaningful with an explicit size.',
      );
    return { sizes, scales: null };
  }
  if (scale === null)
    return fail('size or scaleFactor', 'neither', 'either size or scale_factor should be defined');
  const scales = perDim(op, x, 'scale_factor', scale);
  return { sizes: grown(x, scales), scales: recompute ? null : scales };
}

type Arguments = [
  x: Tensor,
  size: unknown,
  scale: unknown,
  mode: string,
  alignCorners: boolean | null,
  recompute: boolean | null,
  antialias: boolean,
];

function interpolated(
  op: string,
  ...[x, size, scale, mode, alignCorners, recompute, antialias]: Arguments
): Tensor {
  const found = Object.hasOwn(modes, mode) ? modes[mode]! : null;
  if (found !== null && found.dims === 0 && alignCorners !== null) {
    throw new ValueError(
      message(
        op,
        `no alignCorners in mode '${mode}'`,
        String(alignCorners),
        'align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear',
      ),
    );
  }
  const target = targetOf(op, x, size, scale, recompute === true || (mode === 'area' && size === null));
  if (antialias && !((mode === 'bilinear' || mode === 'bicubic') && x.ndim === 4)) {
    throw new ValueError(
      message(
        op,
        'a bilinear or bicubic mode and 4 dims for antialiasing',
        `'${mode}' and ${showShape(x.sizes)}`,
        'Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input',
      ),
    );
  }
  const n = x.ndim - 2;
  if (found === null || n < 1 || n > 3 || (found.dims !== 0 && found.dims !== n)) {
    throw new NotImplementedError(
      message(
        op,
        `one of ${Object.keys(modes).join(', ')} with the dims that it needs`,
        `'${mode}' and ${showShape(x.sizes)}`,
        found === null || found.dims === 0
          ? `Input Error: Only 3D, 4D and 5D input Tensors supported (got ${x.ndim}D) for the modes (got ${mode})`
          : `Got ${x.ndim}D input, but ${mode} mode needs ${found.dims + 2}D input`,
      ),
    );
  }
  requireTables(op, target.sizes);
  if (found.method === 'area') return adaptiveMean(x, target.sizes);
  return resampledAll(op, x, found.method, target.sizes, target.scales, alignCorners ?? false, antialias);
}

const self: Param = { name: 'input', kind: 'tensor' };
const sizeParam: Param = { name: 'size', kind: 'any', type: 'number | readonly number[]', default: null };
const scaleParam: Param = {
  name: 'scale_factor',
  kind: 'any',
  type: 'number | readonly number[]',
  default: null,
};
const modeParam: Param = {
  name: 'mode',
  kind: 'string',
  default: 'nearest',
  choices: oneOf(Object.keys(modes), NotImplementedError),
};
const alignParam: Param = { name: 'align_corners', kind: 'bool', default: null };

export const interpolate = defineOp({
  name: 'interpolate',
  torch: 'torch.nn.functional.interpolate',
  doc: "Resizes the dims behind batch and channels to `size` or by `scaleFactor`: 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area'.",
  params: [
    self,
    sizeParam,
    scaleParam,
    modeParam,
    alignParam,
    { name: 'recompute_scale_factor', kind: 'bool', default: null },
    { name: 'antialias', kind: 'bool', default: false },
  ],
  variants: ['function'],
  compose: (...args: Arguments): Tensor => interpolated('interpolate', ...args),
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), 7]),
      call([t([1, 2, 4, 5]), [6, 3]], { mode: 'bilinear', align_corners: true }),
      call([t([1, 2, 5, 6], { dtype: 'float64' })], { scale_factor: [0.6, 1.7], mode: 'bicubic' }),
      call([t([1, 2, 9, 7]), [4, 5]], { mode: 'bilinear', antialias: true }),
    ],
    errors: [
      { args: [t([1, 2, 4])], throws: 'ValueError' },
      { args: [t([1, 2, 4]), 3, 2], throws: 'ValueError' },
      { args: [t([1, 2, 4]), 3, null, 'bilinear'], throws: 'NotImplementedError' },
      { args: [t([1, 2, 4]), 3, null, 'nearest', true], throws: 'ValueError' },
      { args: [t([1, 2, 4]), 0], throws: 'RuntimeError' },
    ],
  }),
});

export const upsample = defineOp({
  name: 'upsample',
  torch: 'torch.nn.functional.upsample',
  doc: 'An older name of interpolate.',
  params: [self, sizeParam, scaleParam, modeParam, alignParam],
  variants: ['function'],
  compose: (x: Tensor, size: unknown, scale: unknown, mode: string, align: boolean | null): Tensor =>
    interpolated('upsample', x, size, scale, mode, align, null, false),
  tests: () => ({
    samples: [call([t([1, 2, 4, 3])], { scale_factor: 2, mode: 'bilinear' })],
    errors: [{ args: [t([1, 2, 4])], throws: 'ValueError' }],
  }),
});

export const upsampleNearest = defineOp({
  name: 'upsampleNearest',
  torch: 'torch.nn.functional.upsample_nearest',
  doc: "An older name of interpolate with mode 'nearest'.",
  params: [self, sizeParam, scaleParam],
  variants: ['function'],
  compose: (x: Tensor, size: unknown, scale: unknown): Tensor =>
    interpolated('upsampleNearest', x, size, scale, 'nearest', null, null, false),
  tests: () => ({
    samples: [call([t([1, 2, 4, 3])], { scale_factor: 2 })],
    errors: [{ args: [t([1, 2, 4])], throws: 'ValueError' }],
  }),
});

export const upsampleBilinear = defineOp({
  name: 'upsampleBilinear',
  torch: 'torch.nn.functional.upsample_bilinear',
  doc: "An older name of interpolate with mode 'bilinear' and aligned corners.",
  params: [self, sizeParam, scaleParam],
  variants: ['function'],
  compose: (x: Tensor, size: unknown, scale: unknown): Tensor =>
    interpolated('upsampleBilinear', x, size, scale, 'bilinear', true, null, false),
  tests: () => ({
    samples: [call([t([1, 2, 4, 3])], { scale_factor: 2 })],
    errors: [{ args: [t([1, 2, 4, 3])], throws: 'ValueError' }],
  }),
});

function smooth(name: string, torch: string, method: 'linear' | 'cubic') {
  return defineOp({
    name,
    torch,
    doc: `Antialiased resizing of images [n, c, h, w], ${method === 'linear' ? 'bilinear' : 'bicubic'}: to \`outputSize\`, or by factors.`,
    params: [
      self,
      { name: 'output_size', kind: 'any', type: 'number | readonly number[]', default: null },
      { name: 'align_corners', kind: 'bool', default: false },
      { name: 'scales_h', kind: 'scalar', default: null },
      { name: 'scales_w', kind: 'scalar', default: null },
      { name: 'scale_factors', kind: 'any', type: 'number | readonly number[]', default: null },
    ],
    variants: ['function'],
    compose: (
      x: Tensor,
      size: unknown,
      align: boolean,
      scaleH: number | null,
      scaleW: number | null,
      factors: unknown,
    ): Tensor => {
      if (x.ndim !== 4)
        throw new RuntimeError(
          message(name, 'a 4-d input', showShape(x.sizes), `It is expected input to have 4 dimensions`),
        );
      if (size === null || factors !== null) {
        const target = targetOf(name, x, size, factors, false);
        return resampledAll(name, x, method, target.sizes, target.scales, align, true);
      }
      const scales = [scaleH ?? 0, scaleW ?? 0];
      return resampledAll(name, x, method, perDim(name, x, 'output_size', size), scales, align, true);
    },
    tests: () => ({
      samples: [call([t([1, 2, 7, 5]), [3, 4], false])],
      errors: [{ args: [t([2, 4, 3]), [2, 2], false], throws: 'RuntimeError' }],
    }),
  });
}
export const upsampleBilinear2dAa = smooth(
  '_upsampleBilinear2dAa',
  'torch.ops.aten._upsample_bilinear2d_aa',
  'linear',
);
export const upsampleBicubic2dAa = smooth(
  '_upsampleBicubic2dAa',
  'torch.ops.aten._upsample_bicubic2d_aa',
  'cubic',
);
