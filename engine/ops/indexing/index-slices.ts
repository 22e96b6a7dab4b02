// Overwriting or reducing whole slices that a 1-d index names: indexFill, indexCopy, indexReduce.

import { bool, int32, int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { scalarAs } from '../../core/scalar.js';
import { wrapDim } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, appliedInPlace, type Change, replacedInPlace } from '../../registry/in-place.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { sum } from '../reduction/sum-mean-prod.js';
import { reshaped } from '../views/geometry.js';
import { atLeast1d, ix } from './along-dim.js';
import { asLong, filled, type PutMode, putRaw, requireMemory } from './index-kernels.js';
import { addingSlices, along, pickedSlices, space } from './index-select.js';
import { filtered } from './masked.js';
import { type Places, type Reduction, reducedInto, requireNumbers } from './reduce-into.js';

const self: Param = { name: 'input', kind: 'tensor' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const indexParam: Param = { name: 'index', kind: 'tensor' };
const sourceParam: Param = { name: 'source', kind: 'tensor' };

function indexError(op: string, required: string, got: string, hint: string): never {
  throw new IndexError(message(op, required, got, hint));
}

/** Combines `source`, which broadcasts, slice by slice into `out`. No history. */
function putSlices(op: string, mode: PutMode, out: Tensor, dim: number, index: Tensor, source: Tensor): void {
  const base = atLeast1d(out);
  const looks = asLong(index);
  const to = space(base, dim, looks.length);
  const look = { index: along(looks, dim, to.sizes), size: base.sizes[dim]!, stride: base.strides[dim]! };
  putRaw(op, mode, to, [look], source.ndim === 0 ? source : atLeast1d(source));
}

/** @throws the error of each op for an index of a dtype that it does not take. */
function requireDType(op: string, { dtype }: Tensor): void {
  if (dtype === int64 || (op === 'indexReduce' && dtype === int32)) return;
  if (op === 'indexFill') indexError(op, 'an int64 index', dtype.name, 'Expected dtype int64 for index.');
  const hint =
    op === 'indexCopy'
      ? `index_copy_(): Expected a long tensor for index, but got ${dtype.title}`
      : `index_reduce_(): Expected dtype int32/int64 for index but got: ${dtype.title}`;
  throw new RuntimeError(message(op, 'an int64 index', dtype.name, hint));
}

/** A wrapped dim and an index that are right for `x`. @throws IndexError */
function checkedDim(op: string, x: Tensor, rawDim: number, index: Tensor, wraps: boolean): number {
  requireDType(op, index);
  const dim = wrapDim(op, rawDim, x.ndim);
  requireMemory(op, [x, index]);
  if (index.ndim > 1)
    indexError(op, 'an index of at most one dim', showShape(index.sizes), 'Index is supposed to be a vector');
  const size = x.sizes[dim] ?? 1;
  for (const at of index.length === 0 ? [] : [index.amin(), index.amax()].map((v) => Number(v.item())))
    if (at >= size || at < (wraps ? -size : 0))
      indexError(
        op,
        `indices in [${wraps ? -size : 0}, ${size - 1}]`,
        String(at),
        `index ${at} is out of bounds for dimension ${dim} with size ${size}`,
      );
  return dim;
}

/** A negative index as a positive one. */
function wrapped(index: Tensor, size: number): Tensor {
  const long = asLong(index.detach());
  return index.length === 0 ? long : long.remainder(size);
}

/** A mask of what lies in the slices. */
function named(x: Tensor, dim: number, index: Tensor): Tensor {
  const mask = filled(x.sizes, false, bool);
  putSlices('indexFill', 'replace', mask, dim, index, filled([], true, bool));
  return mask;
}

/** The change that sets slices to one value. */
function fillingSlices(x: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Change {
  const tensor = value instanceof Tensor ? value : null;
  return {
    nodeName: tensor === null ? 'IndexFillBackward0' : 'IndexFillBackward1',
    inputs: tensor === null ? [x] : [x, tensor],
    write: (out, sources) => {
      const one =
        tensor === null ? filled([], scalarAs('indexFill', value as Scalar, x.dtype), x.dtype) : sources[1]!;
      putSlices('indexFill', 'replace', out, dim, index, one);
    },
    make: (save) => {
      const kept = save(index);
      return ([g]) => {
        const own = applied(fillingSlices(g!, dim, kept.get(), 0));
        if (tensor === null) return [own];
        // A place that is named twice was filled once.
        const part = filtered(g!, named(g!, dim, kept.get()), 'masked');
        return [own, sum.impl(part, null, false, null)];
      };
    },
  };
}

function checkedFilling(
  op: string,
  x: Tensor,
  rawDim: number,
  index: Tensor,
  value: Tensor | Scalar,
): Change {
  const dim = checkedDim(op, x, rawDim, index, true);
  if (value instanceof Tensor && value.ndim > 0)
    throw new RuntimeError(
      message(
        op,
        'a 0-d value',
        showShape(value.sizes),
        `index_fill_ only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s).`,
      ),
    );
  const same = value instanceof Tensor && value.dtype !== x.dtype ? value.to(x.dtype) : value;
  return fillingSlices(x, dim, wrapped(index, x.sizes[dim] ?? 1), same);
}

export const indexFill = defineOp({
  name: 'indexFill',
  doc: 'The tensor with `value` (a number or a 0-d tensor) in the slices of a dim that a 1-d index names.',
  params: [self, dimParam, indexParam, { name: 'value', kind: 'tensorOrScalar' }],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Tensor =>
    applied(checkedFilling('indexFill', x, dim, index, value)),
  inPlace: (x: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Tensor =>
    appliedInPlace('indexFill_', checkedFilling('indexFill_', x, dim, index, value)),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([2], 3), 2.5]),
      call([t([3, 5]), -1, ix([2], 5), t([])]),
      call([t([], { dtype: 'int64' }), 0, ix([1], 1), 7]),
    ],
    errors: [
      { args: [t([3]), 0, ix([2], 3), t([1])], throws: 'RuntimeError' },
      { args: [t([3]), 0, t([1], { dtype: 'int64', fill: { low: 5, high: 6 } }), 1], throws: 'IndexError' },
    ],
  }),
});

/** @throws unless the source has as many slices as the index, and otherwise the tensor's sizes. */
function requireSource(op: string, x: Tensor, dim: number, index: Tensor, source: Tensor): void {
  requireMemory(op, [source]);
  if (source.dtype !== x.dtype)
    throw new RuntimeError(
      message(
        op,
        `a source of dtype ${x.dtype.name}`,
        source.dtype.name,
        'self and source expected to have the same dtype',
      ),
    );
  const rest = (s: readonly number[]): string => showShape(s.filter((_, d) => d !== dim));
  const fits =
    source.ndim === 0 || x.ndim === 0
      ? source.length === index.length
      : source.ndim === x.ndim && rest(source.sizes) === rest(x.sizes);
  if (!fits)
    indexError(
      op,
      `a source that fits ${showShape(x.sizes)}`,
      showShape(source.sizes),
      'Source/destination tensor must have same slice shapes.',
    );
  if (index.length !== (source.sizes[dim] ?? 1))
    indexError(
      op,
      `${source.sizes[dim] ?? 1} indices`,
      String(index.length),
      `Number of indices (${index.length}) should be equal to source.size(dim) (${source.sizes[dim] ?? 1})`,
    );
}

/** The change that sets slices to those of `source`; the last of equal places wins. */
function copyingSlices(op: string, x: Tensor, rawDim: number, index: Tensor, source: Tensor): Change {
  const dim = checkedDim(op, x, rawDim, index, false);
  requireSource(op, x, dim, index, source);
  return {
    nodeName: 'IndexCopyBackward0',
    inputs: [x, source],
    write: (out, sources) => putSlices(op, 'replace', out, dim, index, sources[1]!),
    make: (save) => {
      const kept = save(index);
      const { sizes: shape } = source;
      return ([g]) => [
        applied(fillingSlices(g!, dim, kept.get(), 0)),
        reshaped(pickedSlices(g!, dim, kept.get()), shape),
      ];
    },
  };
}

export const indexCopy = defineOp({
  name: 'indexCopy',
  doc: 'The tensor with the slices of `source` where a 1-d index says along a dim.',
  params: [self, dimParam, indexParam, sourceParam],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor =>
    applied(copyingSlices('indexCopy', x, dim, index, source)),
  inPlace: (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor =>
    appliedInPlace('indexCopy_', copyingSlices('indexCopy_', x, dim, index, source)),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, t([2], { dtype: 'int64', fill: { values: [2, 0] } }), t([2, 5])]),
      call([t([]), 0, ix([1], 1), t([])]),
    ],
    errors: [
      { args: [t([3, 3]), 0, ix([1], 3), t([2, 3])], throws: 'IndexError' },
      {
        args: [t([3]), 0, t([1], { dtype: 'int64', fill: { low: 5, high: 6 } }), t([1])],
        throws: 'IndexError',
      },
    ],
  }),
});

function placesOf(dim: number, index: Tensor, source: Tensor): Places {
  const { sizes: shape } = source;
  return {
    nodeName: 'IndexReduceBackward0',
    index,
    pick: (x) => reshaped(pickedSlices(x, dim, index), shape),
    add: (x, more) => applied(addingSlices(x, dim, index, more, 1)),
    clear: (x) => applied(fillingSlices(x, dim, index, 0)),
    put: (out, mode, more) => putSlices('indexReduce', mode, out, dim, index, more),
  };
}

function reduced(
  x: Tensor,
  rawDim: number,
  index: Tensor,
  source: Tensor,
  kind: string,
  includeSelf: boolean,
): Tensor {
  const op = 'indexReduce';
  const dim = checkedDim(op, x, rawDim, index, false);
  requireSource(op, x, dim, index, source);
  requireNumbers(op, x.dtype);
  return reducedInto(placesOf(dim, asLong(index), source), x, source, kind as Reduction, includeSelf);
}

export const indexReduce = defineOp({
  name: 'indexReduce',
  doc: 'The tensor with the slices of `source` reduced (prod, mean, amax, amin) into those that a 1-d index names.',
  params: [
    self,
    dimParam,
    indexParam,
    sourceParam,
    {
      name: 'reduce',
      kind: 'string',
      choices: oneOf(
        ['prod', 'mean', 'amax', 'amin'],
        RuntimeError,
        (value) => `index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ${value}.`,
      ),
    },
    { name: 'include_self', kind: 'bool', default: true, keyword: true },
  ],
  variants: ['function', 'method', 'inplace'],
  kernel: reduced,
  inPlace: (
    x: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    kind: string,
    includeSelf: boolean,
  ): Tensor =>
    replacedInPlace('indexReduce_', x, (y) => reduced(y, dim, index, source, kind, includeSelf), rawCopy),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([7], 3), t([7, 5]), 'mean']),
      call([t([3, 5]), 1, ix([2], 5), t([3, 2]), 'prod'], { include_self: false }),
      call([t([3], { fill: 'distinct' }), 0, ix([4], 3), t([4], { fill: 'distinct' }), 'amax']),
    ],
    errors: [{ args: [t([3]), 0, ix([2], 3), t([2]), 'sum'], throws: 'RuntimeError' }],
  }),
});
