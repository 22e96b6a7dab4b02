// segmentReduce: reductions of consecutive segments of a dim, given by lengths or offsets.

import { noGrad } from '../../autograd/grad-mode.js';
import { int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp } from '../../registry/define.js';
import { applied } from '../../registry/in-place.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { cast, rawZeros } from '../creation/copy-fill-cast.js';
import { gathered, placing, putAlong } from '../indexing/along-dim.js';
import { filled } from '../indexing/index-kernels.js';
import { type Places, type Reduction, reducedInto } from '../indexing/reduce-into.js';
import { div } from '../pointwise/arithmetic.js';
import { expanded, reshaped, sliced } from '../views/geometry.js';

const op = 'segmentReduce';
const kinds: Readonly<Record<string, Reduction>> = {
  sum: 'sum',
  mean: 'sum',
  prod: 'prod',
  max: 'amax',
  min: 'amin',
};
const starts: Readonly<Record<string, number>> = {
  sum: 0,
  mean: 0,
  prod: 1,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};

function fail(required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** The lengths of the segments, one row for each position before the axis. @throws RuntimeError */
function lengthsOf(x: Tensor, lengths: Tensor | null, offsets: Tensor | null, axis: number): Tensor {
  const given = lengths ?? offsets;
  if (given === null) fail('lengths or offsets', 'neither', 'Either lengths or offsets must be defined.');
  if (given.dtype !== int64) fail('int64 lengths or offsets', given.dtype.name, 'expected int64');
  if (
    axis < 0 ||
    given.ndim !== axis + 1 ||
    axis >= x.ndim ||
    given.sizes.slice(0, axis).some((s, d) => s !== x.sizes[d])
  )
    fail(
      `lengths or offsets of ${axis + 1} dims that fit ${showShape(x.sizes)}`,
      showShape(given.sizes),
      'segment_reduce(): expected the axis to be the last dim of lengths or offsets',
    );
  if (lengths !== null) return lengths.detach();
  const n = given.sizes[axis]! - 1;
  if (n < 0) fail('at least one offset', 'none', 'offsets must not be empty');
  const all = given.detach();
  if (
    !sliced(all, axis, 0, Math.min(1, n + 1))
      .eq(0)
      .all()
      .item()
  )
    fail('offsets that begin with 0', 'others', 'the first segment begins at the first position');
  return sliced(all, axis, 1, n).sub(sliced(all, axis, 0, n));
}

/**
 * The segment of each position of the axis: how many segments end at it or before it. What follows the last segment has the
 * number of one more, and is only allowed where the caller says so. @throws RuntimeError
 */
function segmentIds(lengths: Tensor, axis: number, n: number, unsafe: boolean): Tensor {
  if (lengths.length > 0 && Number(lengths.amin().item()) < 0)
    fail('lengths of at least 0', 'a negative one', 'lengths contains negative value!');
  const ends = lengths.cumsum(axis);
  const rows = lengths.sizes.slice(0, axis);
  const count = lengths.sizes[axis]!;
  const lastEnds = count === 0 ? rawZeros([...rows, 1], int64) : sliced(ends, axis, count - 1, 1);
  const fits = unsafe ? lastEnds.le(n) : lastEnds.eq(n);
  if (!fits.all().item())
    fail(
      `lengths that sum to ${unsafe ? 'at most ' : ''}${n}`,
      'others',
      'Expected all rows of lengths along axis to sum to data.size(axis) when !unsafe',
    );
  const marks = rawZeros([...rows, n + 1], int64);
  putAlong(op, 'add', marks, axis, ends.contiguous(), filled([], 1, int64), true);
  return sliced(marks.cumsum(axis), axis, 0, n);
}

function reduced(
  x: Tensor,
  kind: string,
  lengths: Tensor | null,
  _indices: Tensor | null,
  offsets: Tensor | null,
  axis: number,
  unsafe: boolean,
  initial: Scalar | null,
): Tensor {
  const reduction = kinds[kind]!;
  if (!x.dtype.isFloatingPoint)
    throw new NotImplementedError(
      message(
        op,
        'a floating dtype',
        x.dtype.name,
        `"_segment_reduce_cpu" not implemented for '${x.dtype.title}'`,
      ),
    );
  const dim = axis < 0 ? axis + x.ndim : axis;
  const sizes = noGrad(() => lengthsOf(x, lengths, offsets, dim));
  const ids = noGrad(() => segmentIds(sizes, dim, x.sizes[dim]!, unsafe));
  const trailing = x.sizes.slice(dim + 1);
  const index = expanded(op, reshaped(ids, [...ids.sizes, ...trailing.map(() => 1)]), x.sizes);
  const count = sizes.sizes[dim]!;
  const shape = [...x.sizes.slice(0, dim), count + 1, ...trailing];
  const places: Places = {
    nodeName: 'SegmentReduceBackward0',
    index,
    pick: (y) => gathered(y, dim, index, true),
    add: (y, source) => applied(placing('scatterAdd', 'add', y, dim, index, source, true)),
    clear: (y) => applied(placing('scatter', 'replace', y, dim, index, 0, true)),
    put: (out, mode, source) => putAlong(op, mode, out, dim, index, source, true),
  };
  const all = reducedInto(places, filled(shape, initial ?? starts[kind]!, x.dtype), x, reduction, true);
  const out = sliced(all, dim, 0, count).contiguous();
  if (kind !== 'mean') return out;
  const counts = reshaped(sizes, [...sizes.sizes, ...trailing.map(() => 1)]);
  const means = div.impl(out, cast(counts.clamp(1), x.dtype));
  return initial === null ? means.maskedFill(counts.eq(0), Number.NaN) : means;
}

export const segmentReduce = defineOp({
  name: op,
  aliases: ['torch._segment_reduce'],
  doc: 'Each segment of a dim reduced to one element (sum, mean, max, min or prod), starting from `initial`; segments follow each other and have the given lengths, or begin and end at the given offsets.',
  params: [
    { name: 'data', kind: 'tensor' },
    {
      name: 'reduce',
      kind: 'string',
      choices: oneOf(Object.keys(kinds), RuntimeError, () => 'unsupported reduction'),
    },
    { name: 'lengths', kind: 'tensor', default: null, keyword: true },
    { name: 'indices', kind: 'tensor', default: null, keyword: true },
    { name: 'offsets', kind: 'tensor', default: null, keyword: true },
    { name: 'axis', kind: 'int', default: 0, keyword: true },
    { name: 'unsafe', kind: 'bool', default: false, keyword: true },
    { name: 'initial', kind: 'scalar', default: null, keyword: true },
  ],
  variants: ['function'],
  compose: reduced,
  tests: () => ({
    samples: [
      call([t([5, 2]), 'mean'], {
        lengths: t([3], { dtype: 'int64', fill: { values: [2, 0, 3] } }),
        initial: 1,
      }),
      call([t([5], { fill: 'distinct' }), 'max'], {
        offsets: t([4], { dtype: 'int64', fill: { values: [0, 1, 3, 5] } }),
      }),
      call([t([2, 3]), 'prod'], {
        lengths: t([2, 2], { dtype: 'int64', fill: { values: [1, 2, 3, 0] } }),
        axis: 1,
      }),
    ],
    errors: [
      { args: [t([3]), 'max'], throws: 'RuntimeError' },
      {
        args: [t([3]), 'max'],
        kwargs: { lengths: t([2], { dtype: 'int64', fill: { values: [1, 1] } }) },
        throws: 'RuntimeError',
      },
    ],
  }),
});
