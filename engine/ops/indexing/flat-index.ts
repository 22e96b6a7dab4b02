// Indexing by positions of the flattened tensor, by a list of index tensors, or by a mask filled in order: put,
// indexPut, maskedScatter, unravelIndex, and the lookups of interpolation gradients.
import { ArgumentError, describe, IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { seenAs } from '../../core/factory.js';
import { broadcastShapes, expandsTo, numelOf, sameShape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { copyOf, rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { applied, appliedInPlace, type Change } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { expanded, reshaped, sliced } from '../views/geometry.js';
import { indexed, perDim, putting } from './advanced.js';
import { ix } from './along-dim.js';
import { nonzeroRaw, putRaw, requireMemory } from './index-kernels.js';
import { take } from './index-select.js';
import { filtered } from './masked.js';

const self: Param = { name: 'input', kind: 'tensor' };
const mask = (shape: readonly number[]) => t(shape, { dtype: 'bool' });

/** The change that puts `source` at flat positions. */
function placingFlat(x: Tensor, index: Tensor, source: Tensor, accumulate: boolean): Change {
  return {
    nodeName: 'PutBackward0',
    inputs: [x, source],
    write: (out, sources) => {
      if (index.length === 0) return;
      const values = reshaped(sources[1]!.detach(), index.sizes);
      // Flat positions step evenly through row-major memory only; another layout goes by its coordinates.
      const flat = out.rowMajor ? out : copyOf(out.contiguous());
      const still = index.sizes.map(() => 0);
      putRaw(
        'put',
        accumulate ? 'add' : 'replace',
        seenAs(flat, index.sizes, still),
        [{ index, size: out.length, stride: 1 }],
        values,
      );
      if (flat !== out) rawCopy(out, flat);
    },
    make: (save) => {
      const kept = save(index);
      const { sizes: shape } = source;
      return ([g]) => {
        const at = kept.get();
        const zeros = rawZeros(at.sizes, g!.dtype);
        const own = accumulate ? g! : applied(placingFlat(g!, at, zeros, false));
        return [own, reshaped(take.impl(g!, at), shape)];
      };
    },
  };
}

function checkedFlat(op: string, x: Tensor, index: Tensor, source: Tensor, accumulate: boolean): Change {
  requireMemory(op, [x, index, source]);
  if (index.dtype.name !== 'int64')
    throw new RuntimeError(
      message(
        op,
        'an int64 index',
        index.dtype.name,
        `put_(): Expected a long tensor for index, but got ${index.dtype.title}`,
      ),
    );
  if (source.dtype !== x.dtype)
    throw new RuntimeError(
      message(
        op,
        `a source of dtype ${x.dtype.name}`,
        source.dtype.name,
        `put_(): self and source expected to have the same dtype, but got self.dtype = ${x.dtype.title} and source.dtype = ${source.dtype.title}`,
      ),
    );
  if (source.length !== index.length)
    throw new IndexError(
      message(
        op,
        `${index.length} values`,
        String(source.length),
        `put_(): Expected source and index to have the same number of elements, but got source.numel() = ${source.length}, index.numel() = ${index.length}`,
      ),
    );
  if (x.length === 0 && index.length > 0)
    throw new IndexError(
      message(op, 'places to put', 'an empty tensor', 'put_(): Expected self to be non-empty'),
    );
  return placingFlat(x, index, source, accumulate);
}

export const put = defineOp({
  name: 'put',
  doc: 'The tensor with the elements of `source` at positions of the flattened tensor; `accumulate` adds them to what is there.',
  params: [
    self,
    { name: 'index', kind: 'tensor' },
    { name: 'source', kind: 'tensor' },
    { name: 'accumulate', kind: 'bool', default: false },
  ],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, index: Tensor, source: Tensor, accumulate: boolean): Tensor =>
    applied(checkedFlat('put', x, index, source, accumulate)),
  inPlace: (x: Tensor, index: Tensor, source: Tensor, accumulate: boolean): Tensor =>
    appliedInPlace('put_', checkedFlat('put_', x, index, source, accumulate)),
  tests: () => ({
    samples: [
      call([t([3, 3]), ix([4], 9), t([4]), true]),
      call([t([3, 3]), t([3], { dtype: 'int64', fill: { values: [-1, 0, 4] } }), t([3])]),
      call([t([]), ix([1], 1), t([])]),
    ],
    errors: [
      { args: [t([3]), ix([1], 3), t([2])], throws: 'IndexError' },
      {
        args: [t([3]), t([1], { dtype: 'int64', fill: { low: 5, high: 6 } }), t([1])],
        throws: 'IndexError',
      },
      { args: [t([3]), t([1]), t([1])], throws: 'RuntimeError' },
    ],
  }),
});

type Indices = readonly (Tensor | null)[];

/** A list of index tensors. @throws ArgumentError */
function indicesOf(op: string, given: unknown): Indices {
  if (Array.isArray(given) && given.every((i) => i === null || i instanceof Tensor)) return given as Indices;
  throw new ArgumentError(message(op, 'a list of index tensors', describe(given)));
}

function checkedPut(op: string, x: Tensor, given: unknown, values: Tensor, accumulate: boolean): Change {
  requireMemory(op, [x, values]);
  return putting(x, perDim(x, indicesOf(op, given)), values, accumulate);
}

export const indexPut = defineOp({
  name: 'indexPut',
  doc: 'The tensor with `values` (broadcast) where index tensors, one for each dim or null, say; masks stand for their coordinates.',
  params: [
    self,
    { name: 'indices', kind: 'any', type: 'readonly (Tensor | null)[] | Tensor' },
    { name: 'values', kind: 'tensor' },
    { name: 'accumulate', kind: 'bool', default: false },
  ],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, indices: unknown, values: Tensor, accumulate: boolean): Tensor =>
    applied(checkedPut('indexPut', x, indices, values, accumulate)),
  inPlace: (x: Tensor, indices: unknown, values: Tensor, accumulate: boolean): Tensor =>
    appliedInPlace('indexPut_', checkedPut('indexPut_', x, indices, values, accumulate)),
  tests: () => ({
    samples: [
      call([t([3, 5]), [ix([2, 1], 3), ix([4], 5)], t([2, 4]), true]),
      call([t([3, 5]), [mask([3])], t([5])]),
    ],
    errors: [
      { args: [t([3, 5]), [ix([2], 3)], t([3])], throws: 'RuntimeError' },
      { args: [t([3]), [ix([1], 3)], t([1], { dtype: 'float64' })], throws: 'RuntimeError' },
    ],
  }),
});

/** The flat positions where a mask, broadcast to `shape`, holds. */
function positionsOf(keep: Tensor, shape: readonly number[]): Tensor {
  const full = sameShape(keep.sizes, shape) ? keep : expanded('maskedScatter', keep, shape);
  const found = nonzeroRaw(reshaped(full.detach(), [numelOf(shape)]));
  return seenAs(found, [found.sizes[0]!], [1]);
}

function scattering(op: string, x: Tensor, keep: Tensor, source: Tensor): Change {
  requireMemory(op, [x, keep, source]);
  if (keep.dtype.name !== 'bool')
    throw new RuntimeError(
      message(
        op,
        'a bool mask',
        keep.dtype.name,
        `masked_scatter_ only supports boolean masks, but got mask with dtype ${keep.dtype.name}`,
      ),
    );
  if (source.dtype !== x.dtype)
    throw new RuntimeError(
      message(
        op,
        `a source of dtype ${x.dtype.name}`,
        source.dtype.name,
        `masked_scatter: expected self and source to have same dtypes but got ${x.dtype.title} and ${source.dtype.title}`,
      ),
    );
  const at = positionsOf(keep, x.sizes);
  if (source.length < at.length)
    throw new RuntimeError(
      message(
        op,
        `a source of at least ${at.length} elements`,
        String(source.length),
        'Number of elements of source < number of ones in mask',
      ),
    );
  return placingFlat(x, at, sliced(reshaped(source, [source.length]), 0, 0, at.length), false);
}

export const maskedScatter = defineOp({
  name: 'maskedScatter',
  doc: 'The tensor with the elements of `source`, in order, wherever the mask holds; mask and tensor broadcast.',
  params: [self, { name: 'mask', kind: 'tensor' }, { name: 'source', kind: 'tensor' }],
  variants: ['function', 'method', 'inplace'],
  compose: (x: Tensor, keep: Tensor, source: Tensor): Tensor => {
    const shape = broadcastShapes('maskedScatter', x.sizes, keep.sizes);
    const full = sameShape(shape, x.sizes) ? x : expanded('maskedScatter', x, shape);
    return applied(scattering('maskedScatter', full, keep, source), (y) =>
      y.contiguous() === y ? copyOf(y) : y.contiguous(),
    );
  },
  gradName: 'PutBackward0',
  inPlace: (x: Tensor, keep: Tensor, source: Tensor): Tensor => {
    if (!expandsTo(keep.sizes, x.sizes))
      throw new RuntimeError(
        message('maskedScatter_', `a mask that broadcasts to ${showShape(x.sizes)}`, showShape(keep.sizes)),
      );
    return appliedInPlace('maskedScatter_', scattering('maskedScatter_', x, keep, source));
  },
  tests: () => ({
    samples: [call([t([3, 5]), mask([3, 5]), t([3, 5])]), call([t([5]), mask([3, 1]), t([15])])],
    errors: [
      { args: [t([1, 3]), t([1, 3]), t([3, 4])], throws: 'RuntimeError' },
      { args: [t([3]), t([3], { dtype: 'bool', fill: 'ones' }), t([2])], throws: 'RuntimeError' },
    ],
  }),
});

/** Indices brought into the range of their dims, as lookups do whose mask tells what counts. */
function clampedIndices(op: string, x: Tensor, given: unknown): Indices {
  return indicesOf(op, given).map((index, d) =>
    index === null ? null : index.detach().clamp(-x.sizes[d]!, x.sizes[d]! - 1),
  );
}

export const unsafeMaskedIndex = defineOp({
  name: 'unsafeMaskedIndex',
  torch: 'torch._unsafe_masked_index',
  doc: 'The indexed elements where the mask holds, `fill` elsewhere; indices that are out of range must be masked out.',
  params: [
    self,
    { name: 'mask', kind: 'tensor' },
    { name: 'indices', kind: 'any', type: 'readonly (Tensor | null)[] | Tensor' },
    { name: 'fill', kind: 'scalar' },
  ],
  variants: ['function'],
  gradName: 'MaskedFillBackward0',
  compose: (x: Tensor, keep: Tensor, given: unknown, fill: number): Tensor => {
    requireMemory('unsafeMaskedIndex', [x, keep]);
    const found = indexed('IndexBackward0', x, clampedIndices('unsafeMaskedIndex', x, given));
    return found.maskedFill(keep.logicalNot(), fill);
  },
  tests: () => ({ samples: [call([t([3, 5]), mask([4, 2]), [ix([4, 1], 3), ix([1, 2], 5)], 2.5])] }),
});

export const unsafeMaskedIndexPutAccumulate = defineOp({
  name: 'unsafeMaskedIndexPutAccumulate',
  torch: 'torch._unsafe_masked_index_put_accumulate',
  doc: 'The tensor with `values` added at the indices where the mask holds; indices that are out of range must be masked out.',
  params: [
    self,
    { name: 'mask', kind: 'tensor' },
    { name: 'indices', kind: 'any', type: 'readonly (Tensor | null)[] | Tensor' },
    { name: 'values', kind: 'tensor' },
  ],
  variants: ['function'],
  gradName: 'IndexPutBackward0',
  compose: (x: Tensor, keep: Tensor, given: unknown, values: Tensor): Tensor => {
    requireMemory('unsafeMaskedIndexPutAccumulate', [x, keep, values]);
    const at = perDim(x, clampedIndices('unsafeMaskedIndexPutAccumulate', x, given));
    return applied(putting(x, at, filtered(values, keep, 'masked'), true));
  },
  tests: () => ({ samples: [call([t([3, 5]), mask([4, 2]), [ix([4, 1], 3), ix([1, 2], 5)], t([4, 2])])] }),
});

export const unravelIndex = defineOp({
  name: 'unravelIndex',
  numpy: 'numpy.unravel_index',
  doc: 'The coordinates, one int64 tensor for each dim, of positions in a flattened tensor of the given shape.',
  params: [
    { name: 'indices', kind: 'tensor' },
    { name: 'shape', kind: 'ints' },
  ],
  variants: ['function'],
  returns: 'Tensor[]',
  notDifferentiable: 'the result is positions',
  compose: (indices: Tensor, given: number | readonly number[]): Tensor[] => {
    const shape = typeof given === 'number' ? [given] : given;
    if (!indices.dtype.isIntegral || indices.dtype.name === 'bool')
      throw new ArgumentError(
        message(
          'unravelIndex',
          'integer indices',
          indices.dtype.name,
          `expected 'indices' to be integer dtype, but got torch.${indices.dtype.name}`,
        ),
      );
    if (shape.some((n) => n < 0))
      throw new RuntimeError(
        message(
          'unravelIndex',
          'sizes of at least 0',
          showShape(shape),
          "'shape' cannot have negative values",
        ),
      );
    const long = indices.detach().to('int64');
    let step = 1n;
    const steps = [...shape].reverse().map((n) => {
      const own = step;
      step *= BigInt(n);
      return own;
    });
    return shape.map((n, d) => {
      // No position reaches a step that int64 cannot hold.
      const step = BigInt.asIntN(64, steps[shape.length - 1 - d]!);
      const lane = step === 1n ? long : long.floorDivide(step > 0n ? step : 2n ** 63n - 1n);
      // Nor such a size.
      return n >= 2 ** 63 ? lane.clone() : lane.remainder(n);
    });
  },
  tests: () => ({
    samples: [call([ix([2, 3], 24), [2, 3, 4]]), call([ix([4], 8), 8])],
    errors: [{ args: [t([2]), [2, 3]], throws: 'TypeError' }],
  }),
});
