// scatterReduce: scatter with a reduction along one dim.

import { RuntimeError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp } from '../../registry/define.js';
import { applied, replacedInPlace } from '../../registry/in-place.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { sliced } from '../views/geometry.js';
import { checkPlacing, gathered, ix, outOfBounds, placing, putAlong, requireInside } from './along-dim.js';
import { type Places, type Reduction, reducedInto, requireNumbers } from './reduce-into.js';

const op = 'scatterReduce';
const known: readonly string[] = ['sum', 'prod', 'mean', 'amax', 'amin'];

function placesOf(dim: number, index: Tensor): Places {
  return {
    nodeName: 'ScatterReduceBackward0',
    index,
    pick: (x) => gathered(x, dim, index, true),
    add: (x, source) => applied(placing('scatterAdd', 'add', x, dim, index, source, true)),
    clear: (x) => applied(placing('scatter', 'replace', x, dim, index, 0, true)),
    put: (out, mode, source) => putAlong(op, mode, out, dim, index, source, true),
  };
}

/** The part of the source that the index uses. */
function usedPart(source: Tensor, index: Tensor): Tensor {
  let used = source;
  index.sizes.forEach((size, d) => {
    if (used.ndim > d && used.sizes[d] !== size) used = sliced(used, d, 0, size);
  });
  return used;
}

/** What a call reduces, checked. @throws IndexError, RuntimeError */
function reduced(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  kind: string,
  includeSelf: boolean,
): Tensor {
  if (kind === 'mean') requireNumbers(op, x.dtype);
  const wrapped = checkPlacing(op, x, dim, index, source);
  const size = x.sizes[wrapped] ?? 1;
  requireInside(index, size, outOfBounds(op, wrapped, size));
  return reducedInto(placesOf(wrapped, index), x, usedPart(source, index), kind as Reduction, includeSelf);
}

export const scatterReduce = defineOp({
  name: 'scatterReduce',
  doc: 'The tensor with src[i][j] reduced into [index[i][j]][j] for dim 0, and so on, by sum, prod, mean, amax or amin.',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'dim', kind: 'int' },
    { name: 'index', kind: 'tensor' },
    { name: 'src', kind: 'tensor' },
    {
      name: 'reduce',
      kind: 'string',
      choices: oneOf(
        known,
        RuntimeError,
        (value) => `reduce argument must be either sum, prod, mean, amax or amin, got ${value}`,
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
    replacedInPlace('scatterReduce_', x, (y) => reduced(y, dim, index, source, kind, includeSelf), rawCopy),
  tests: () => ({
    samples: [
      call([t([3, 5]), 0, ix([7, 5], 3), t([7, 5]), 'mean']),
      call([t([3, 5]), -1, ix([3, 4], 5), t([3, 4]), 'prod'], { include_self: false }),
      call([t([3], { fill: 'distinct' }), 0, ix([4], 3), t([4], { fill: 'distinct' }), 'amax']),
      call([t([3], { dtype: 'int64' }), 0, ix([4], 2), t([4], { dtype: 'int64' }), 'amin'], {
        include_self: false,
      }),
    ],
    errors: [
      { args: [t([3]), 0, ix([2], 3), t([2]), 'median'], throws: 'RuntimeError' },
      { args: [t([3]), 0, ix([2], 3), t([2], { dtype: 'float64' }), 'sum'], throws: 'RuntimeError' },
    ],
  }),
});
