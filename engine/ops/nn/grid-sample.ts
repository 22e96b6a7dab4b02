// gridSample and affineGrid. A sample is a weighted sum of gathered elements, so both gradients are those of the
// composition.

import {
  ArgumentError,
  describe,
  message,
  NotImplementedError,
  RuntimeError,
  showShape,
  ValueError,
} from '../../core/errors.js';
import { numelOf } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { gather } from '../indexing/gather.js';
import { where } from '../indexing/masked.js';
import { stack } from '../joining/cat-stack.js';
import { refuse } from './_windows.js';
import { floatTable, requireTables } from './sliding-windows.js';

const methods = ['bilinear', 'nearest', 'bicubic'] as const;
const paddings = ['zeros', 'border', 'reflection'] as const;
interface Sampling {
  readonly method: (typeof methods)[number];
  readonly padding: (typeof paddings)[number];
  readonly alignCorners: boolean;
}

/** One of the elements along an axis that a sample takes. */
interface Tap {
  /** int64, inside the axis. */
  readonly place: Tensor;
  /** 0 where the place is outside the input and counts as 0. */
  readonly weight: Tensor;
}

/** Positions in [-1, 1] as places in the input. */
function placed(at: Tensor, size: number, alignCorners: boolean): Tensor {
  return alignCorners ? at.add(1).mul((size - 1) / 2) : at.add(1).mul(size).sub(1).div(2);
}

/** Folded back at the edges until inside [low, low + span]. Each fold turns the gradient round. */
function reflected(at: Tensor, low: number, span: number): Tensor {
  if (span === 0) return at.mul(0);
  const from = at.sub(low).abs();
  const folds = from.detach().div(span).floor();
  const odd = folds.remainder(2);
  const rest = from.sub(folds.mul(span));
  return rest.mul(odd.mul(-2).add(1)).add(odd.mul(span)).add(low);
}

function settled(at: Tensor, size: number, s: Sampling): Tensor {
  if (s.padding === 'zeros') return at;
  const inner =
    s.padding === 'border' ? at : s.alignCorners ? reflected(at, 0, size - 1) : reflected(at, -0.5, size);
  return inner.clamp(0, size - 1);
}

/** The tap at a whole place; `weight` null is 1. A place outside, or none at all (NaN), weighs 0. */
function tapAt(place: Tensor, size: number, weight: Tensor | null): Tap {
  const inside = place.ge(0).logicalAnd(place.le(size - 1));
  return {
    place: (where.impl(inside, place, 0) as Tensor).to('int64'),
    weight: weight === null ? inside.to(place.dtype) : (where.impl(inside, weight, 0) as Tensor),
  };
}

const polynomials = {
  near: (x: Tensor): Tensor => x.mul(1.25).sub(2.25).mul(x).mul(x).add(1),
  far: (x: Tensor): Tensor => x.mul(-0.75).add(3.75).mul(x).sub(6).mul(x).add(3),
};

/** What a sample takes along one axis. `raw` are its positions in the grid. */
function tapsOf(raw: Tensor, size: number, s: Sampling): Tap[] {
  const at = placed(raw, size, s.alignCorners);
  if (s.method === 'bicubic') {
    const floor = at.detach().floor();
    const part = at.sub(floor);
    const { near, far } = polynomials;
    const weights = [far(part.add(1)), near(part), near(part.mul(-1).add(1)), far(part.mul(-1).add(2))];
    return weights.map((w, k) => tapAt(settled(floor.add(k - 1), size, s), size, w));
  }
  const inner = settled(at, size, s);
  if (s.method === 'nearest') return [tapAt(inner.detach().round(), size, null)];
  const floor = inner.detach().floor();
  const part = inner.sub(floor);
  return [tapAt(floor, size, part.mul(-1).add(1)), tapAt(floor.add(1), size, part)];
}

/** The sum over all combinations of one tap of each axis. `x` is [n, c, places], taps are [n, 1, samples]. */
function summed(x: Tensor, axes: readonly (readonly Tap[])[], sizes: readonly number[]): Tensor {
  let combined: Tap[] = [{ place: axes[0]![0]!.place, weight: axes[0]![0]!.weight }];
  axes.forEach((taps, i) => {
    combined =
      i === 0
        ? [...taps]
        : combined.flatMap((a) =>
            taps.map((b) => ({
              place: a.place.mul(sizes[i]!).add(b.place),
              weight: a.weight.mul(b.weight),
            })),
          );
  });
  const shape = [x.sizes[0]!, x.sizes[1]!, combined[0]!.place.sizes[2]!];
  return combined
    .map(({ place, weight }) => gather.impl(x, 2, place.expand(shape)).mul(weight))
    .reduce((sum, part) => sum.add(part));
}

function checkGrid(op: string, x: Tensor, grid: Tensor, s: Sampling): void {
  const shapes = `input with sizes ${showShape(x.sizes)} and grid with sizes ${showShape(grid.sizes)}`;
  const fail = (required: string, hint: string): never =>
    refuse(op, required, shapes, `grid_sampler(): expected ${hint}`);
  if (grid.dtype !== x.dtype)
    refuse(
      op,
      `a grid of ${x.dtype.name}`,
      grid.dtype.name,
      `expected scalar type ${x.dtype.title} but found ${grid.dtype.title}`,
    );
  if (x.ndim > 0 && grid.ndim > 0 && x.sizes[0] !== grid.sizes[0])
    fail('one batch size', `grid and input to have same batch size, but got ${shapes}`);
  if ((x.ndim !== 4 && x.ndim !== 5) || grid.ndim !== x.ndim)
    fail('4 or 5 dims of both', `4D or 5D input and grid with same number of dimensions, but got ${shapes}`);
  if (grid.sizes.at(-1) !== x.ndim - 2)
    fail(
      `${x.ndim - 2} numbers in the grid's last dim`,
      `grid to have size ${x.ndim - 2} in last dimension, but got grid with sizes ${showShape(grid.sizes)}`,
    );
  if (x.sizes.slice(2).some((v) => v === 0))
    fail(
      'non-empty spatial dims',
      `input to have non-empty spatial dimensions, but input has sizes ${showShape(x.sizes)}`,
    );
  if (s.method === 'bicubic' && x.ndim === 5)
    fail('a 4-d input for bicubic', 'bicubic interpolation only supports 4D input');
  if (!x.dtype.isFloatingPoint)
    throw new NotImplementedError(
      message(op, 'a floating dtype', x.dtype.name, `"grid_sampler" not implemented for '${x.dtype.title}'`),
    );
}

function sampled(op: string, x: Tensor, grid: Tensor, s: Sampling): Tensor {
  checkGrid(op, x, grid, s);
  const sizes = x.sizes.slice(2);
  const n = sizes.length;
  const [batch, channels] = x.sizes as readonly [number, number, ...number[]];
  const out = grid.sizes.slice(1, -1);
  // In double: weights are differences of positions that nearly cancel, and so are the sums of their gradients.
  const points = grid.reshape([batch, 1, numelOf(out), n]).to('float64');
  // The grid's first number is the place in the last dim.
  const axes = sizes.map((size, i) => tapsOf(points.select(-1, n - 1 - i), size, s));
  const sums = summed(x.reshape([batch, channels, numelOf(sizes)]), axes, sizes);
  return sums.to(x.dtype).reshape([batch, channels, ...out]);
}

const self: Param = { name: 'input', kind: 'tensor' };
const gridParam: Param = { name: 'grid', kind: 'tensor' };
const grid = (shape: readonly number[], dtype = 'float32') => t(shape, { fill: 'unit', dtype });

/** A mode by its position. @throws RuntimeError where there is none. */
function numbered<T extends string>(op: string, names: readonly T[], name: string, at: number): T {
  return names[at] ?? refuse(op, `'${name}' to be 0, 1 or 2`, String(at), `Invalid ${name}`);
}
const choice = (name: string, names: readonly string[]) =>
  oneOf(names, ValueError, (value) => {
    const known = names.map((n) => `'${n}'`).join(', ');
    return `nn.functional.grid_sample(): expected ${name} to be ${known}, but got: '${value}'`;
  });

export const gridSample = defineOp({
  name: 'gridSample',
  torch: 'torch.nn.functional.grid_sample',
  doc: "The input [n, c, h, w] or [n, c, d, h, w] at the positions (x, y[, z]) in [-1, 1] of `grid`: 'bilinear', 'nearest' or 'bicubic'.",
  params: [
    self,
    gridParam,
    { name: 'mode', kind: 'string', default: 'bilinear', choices: choice('mode', methods) },
    { name: 'padding_mode', kind: 'string', default: 'zeros', choices: choice('padding_mode', paddings) },
    { name: 'align_corners', kind: 'bool', default: null },
  ],
  variants: ['function'],
  compose: (x: Tensor, g: Tensor, mode: string, padding: string, align: boolean | null): Tensor =>
    sampled('gridSample', x, g, {
      method: mode as (typeof methods)[number],
      padding: padding as (typeof paddings)[number],
      alignCorners: align ?? false,
    }),
  tests: () => ({
    samples: [
      call([t([2, 3, 4, 5]), grid([2, 3, 2, 2])], { align_corners: false }),
      call([t([1, 2, 4, 5], { dtype: 'float64' }), grid([1, 3, 2, 2], 'float64')], {
        mode: 'bicubic',
        padding_mode: 'reflection',
        align_corners: true,
      }),
      call([t([1, 2, 3, 4, 2]), grid([1, 2, 2, 3, 3])], { padding_mode: 'border', align_corners: true }),
    ],
    errors: [
      { args: [t([1, 2, 3, 3]), t([1, 2, 2, 2]), 'cubic'], throws: 'ValueError' },
      { args: [t([1, 2, 3, 3]), t([1, 2, 2, 3])], throws: 'RuntimeError' },
      { args: [t([1, 2, 3, 3]), t([2, 2, 2, 2])], throws: 'RuntimeError' },
      { args: [t([1, 2, 0, 3]), t([1, 2, 2, 2])], throws: 'RuntimeError' },
    ],
  }),
});

function sampler(name: string, torch: string, dims: number | null, size: readonly number[]) {
  const points = [1, ...size.map(() => 2), size.length];
  return defineOp({
    name,
    torch,
    doc: 'What gridSample calls, with its modes as numbers: bilinear 0, nearest 1, bicubic 2; zeros 0, border 1, reflection 2.',
    params: [
      self,
      gridParam,
      { name: 'interpolation_mode', kind: 'int' },
      { name: 'padding_mode', kind: 'int' },
      { name: 'align_corners', kind: 'bool' },
    ],
    variants: ['function'],
    compose: (x: Tensor, g: Tensor, mode: number, padding: number, alignCorners: boolean): Tensor => {
      if (dims !== null && x.ndim !== dims)
        refuse(name, `a ${dims}-d input`, showShape(x.sizes), `grid_sampler(): expected ${dims}D input`);
      return sampled(name, x, g, {
        method: numbered(name, methods, 'interpolation_mode', mode),
        padding: numbered(name, paddings, 'padding_mode', padding),
        alignCorners,
      });
    },
    tests: () => ({
      samples: [call([t([1, 2, ...size]), grid(points), 0, 1, true])],
      errors: [{ args: [t([2, ...size]), grid(points), 0, 0, false], throws: 'RuntimeError' }],
    }),
  });
}
export const gridSampler = sampler('gridSampler', 'torch.grid_sampler', null, [3, 4]);
export const gridSampler2d = sampler('gridSampler2d', 'torch.grid_sampler_2d', 4, [3, 4]);
export const gridSampler3d = sampler('gridSampler3d', 'torch.grid_sampler_3d', 5, [3, 2, 4]);

/** Evenly spaced positions of `size` elements in [-1, 1]: their centres, or from edge to edge. */
function positions(size: number, alignCorners: boolean): number[] {
  if (size <= 1) return new Array<number>(size).fill(0);
  const scale = alignCorners ? 1 : (size - 1) / size;
  return Array.from({ length: size }, (_, i) => scale * ((2 * i) / (size - 1) - 1));
}

function checkTheta(op: string, theta: Tensor, size: readonly number[], alignCorners: boolean): void {
  const n = size.length - 2;
  if (!theta.dtype.isFloatingPoint)
    throw new ValueError(
      message(op, 'a floating dtype', theta.dtype.name, 'Expected theta to have floating point type'),
    );
  if (n !== 2 && n !== 3)
    throw new NotImplementedError(
      message(
        op,
        '4 or 5 sizes',
        showShape(size),
        `affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size ${showShape(size)}.`,
      ),
    );
  if (theta.ndim !== 3 || theta.sizes[1] !== n || theta.sizes[2] !== n + 1)
    throw new ValueError(
      message(
        op,
        `matrices of [n, ${n}, ${n + 1}]`,
        showShape(theta.sizes),
        `Expected a batch of ${n}D affine matrices of shape Nx${n}x${n + 1} for size ${showShape(size)}. Got ${showShape(theta.sizes)}.`,
      ),
    );
  if (size.some((v) => v <= 0) && !(alignCorners && Math.min(...size.slice(2)) === 1))
    throw new ValueError(
      message(
        op,
        'positive sizes',
        showShape(size),
        `Expected non-zero, positive output size. Got ${showShape(size)}`,
      ),
    );
  if (theta.sizes[0] !== size[0])
    throw new RuntimeError(message(op, `${size[0]} matrices`, String(theta.sizes[0])));
}

export const affineGrid = defineOp({
  name: 'affineGrid',
  torch: 'torch.nn.functional.affine_grid',
  doc: 'The grid for gridSample that affine maps `theta` [n, 2, 3] or [n, 3, 4] give for an output of `size`.',
  params: [
    { name: 'theta', kind: 'tensor' },
    { name: 'size', kind: 'any', type: 'readonly number[]' },
    { name: 'align_corners', kind: 'bool', default: null },
  ],
  variants: ['function'],
  compose: (theta: Tensor, given: unknown, align: boolean | null): Tensor => {
    const op = 'affineGrid';
    if (!Array.isArray(given) || ![...given].every((v) => Number.isInteger(v)))
      throw new ArgumentError(message(op, "'size' to be a list of integers", describe(given)));
    const size = given as number[];
    checkTheta(op, theta, size, align ?? false);
    requireTables(op, size);
    const out = size.slice(2);
    const n = out.length;
    const along = out.map((v, i) =>
      floatTable(
        positions(v, align ?? false),
        out.map((_, d) => (d === i ? v : 1)),
        theta.dtype,
      ).expand(out),
    );
    const ones = floatTable(
      [1],
      out.map(() => 1),
      theta.dtype,
    ).expand(out);
    const base = stack.impl([...along.reverse(), ones], -1) as Tensor;
    const points = base.reshape([1, numelOf(out), n + 1]).expand([size[0]!, numelOf(out), n + 1]);
    return points.matmul(theta.transpose(1, 2)).reshape([size[0]!, ...out, n]);
  },
  tests: () => ({
    samples: [
      call([t([2, 2, 3]), [2, 3, 4, 5]], { align_corners: false }),
      call([t([1, 3, 4], { dtype: 'float64' }), [1, 1, 2, 3, 2]], { align_corners: true }),
    ],
    errors: [
      { args: [t([1, 2, 4]), [1, 2, 3, 3], false], throws: 'ValueError' },
      { args: [t([1, 2, 3]), [1, 2, 3], false], throws: 'NotImplementedError' },
      { args: [t([1, 2, 3]), [1, 2, 0, 3], false], throws: 'ValueError' },
    ],
  }),
});
