// kthvalue, median, nanmedian, mode: sort, then gather.

import { record } from '../../autograd/node.js';
import { int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { alias } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { indices as counting } from '../creation/creation.js';
import { requireMemory } from '../indexing/index-kernels.js';
import { where } from '../indexing/masked.js';
import { cat } from '../joining/cat-stack.js';
import { pairOf, pairType, sortedAlong, type ValuesAndIndices } from './sort-topk.js';
import { keepdimParam, self } from './sum-mean-prod.js';

const lastDim: Param = { name: 'dim', kind: 'int', default: -1 };
const distinct = (shape: readonly number[], options: object = {}) =>
  t(shape, { fill: 'distinct', ...options });

/** The elements at `at`, which has size 1 along `dim`, with their positions. The gradient is gather's. */
function picked(x: Tensor, dim: number, at: Tensor, keepdim: boolean): ValuesAndIndices {
  const values = x.gather(dim, at);
  if (keepdim || x.ndim === 0) return pairOf(values, at);
  return pairOf(values.squeeze(dim), at.squeeze(dim));
}

/** @throws IndexError where the dim has no elements. */
function requireSize(op: string, x: Tensor, dim: number): void {
  if (x.ndim === 0 || x.sizes[dim] !== 0) return;
  const hint = `${op}(): Expected reduction dim ${dim} to have non-zero size.`;
  throw new IndexError(message(op, 'a dim with elements', showShape(x.sizes), hint));
}

export const kthvalue = defineOp({
  name: 'kthvalue',
  doc: 'The k-th least value of a dim (from 1) and where it was, as { values, indices }; NaN is greatest.',
  params: [self, { name: 'k', kind: 'int' }, lastDim, keepdimParam],
  returns: pairType,
  compose: (x: Tensor, k: number, rawDim: number, keepdim: boolean): ValuesAndIndices => {
    const dim = wrapDim('kthvalue', rawDim, x.ndim);
    requireMemory('kthvalue', [x]);
    const size = x.sizes[dim] ?? 1;
    requireSize('kthvalue', x, dim);
    if (k < 1 || k > size) {
      const hint = `kthvalue(): selected number k out of range for dimension ${dim}`;
      throw new RuntimeError(message('kthvalue', `k in [1, ${size}]`, String(k), hint));
    }
    const { indices } = sortedAlong(x.detach(), dim, false, k);
    return picked(x, dim, x.ndim === 0 ? indices : indices.narrow(dim, k - 1, 1).contiguous(), keepdim);
  },
  out: { pair: true },
  tests: () => ({
    samples: [
      call([distinct([3, 7]), 2]),
      call([distinct([5, 4, 3], { layout: 'transposed' }), 3, 0, true]),
      call([distinct([]), 1]),
      call([t([9], { dtype: 'int64', fill: 'distinct' }), 4]),
    ],
    errors: [
      { args: [t([2, 2]), 3, 0], throws: 'RuntimeError' },
      { args: [t([2, 2]), 3], throws: 'RuntimeError' },
      { args: [t([]), 3], throws: 'RuntimeError' },
      { args: [t([0, 2]), 1, 0], throws: 'IndexError' },
    ],
  }),
});

/** Which place of each sorted row is its median: NaN's own first place where there is one, unless they are left out. */
function medianPlace(x: Tensor, dim: number, skipNaN: boolean): Tensor {
  const numbers = x.isnan().logicalNot().sum(dim, true);
  const middle = numbers.sub(1).div(2, { roundingMode: 'floor' }).clampMin(0);
  return skipNaN ? middle : (where.impl(numbers.eq(x.sizes[dim]!), middle, numbers) as Tensor);
}

function medianAlong(op: string, x: Tensor, rawDim: number, keepdim: boolean, skipNaN: boolean) {
  const dim = wrapDim(op, rawDim, x.ndim);
  requireMemory(op, [x]);
  requireSize(op, x, dim);
  const { indices } = sortedAlong(x.detach(), dim, false, null);
  if (x.ndim === 0) return picked(x, dim, indices, keepdim);
  const at = x.dtype.isIntegral
    ? indices.narrow(dim, (x.sizes[dim]! - 1) >> 1, 1).contiguous()
    : indices.gather(dim, medianPlace(x.detach(), dim, skipNaN));
  return picked(x, dim, at, keepdim);
}

/** The median of all elements; equal ones share the gradient, as in torch. */
function medianOfAll(op: string, x: Tensor, skipNaN: boolean): Tensor {
  if (x.length === 0) return x.detach().sum().mul(Number.NaN).to(x.dtype);
  const flat = x.detach().reshape([x.length]);
  const out = alias(medianAlong(op, flat, 0, false, skipNaN).values);
  return record(`${op === 'median' ? 'Median' : 'Nanmedian'}Backward0`, out, [x], (save) => {
    const saved = save(x);
    const result = save(out);
    return ([g]) => {
      const [v, m] = [saved.get(), result.get()];
      const hit = v.eq(m).logicalOr(v.isnan().logicalAnd(m.isnan()));
      return [g!.div(hit.sum()).mul(hit)];
    };
  });
}

function medianOp(name: 'median' | 'nanmedian', doc: string) {
  return defineOp({
    name,
    doc,
    params: [self, { name: 'dim', kind: 'int', default: null }, keepdimParam],
    returns: `Tensor | (${pairType})`,
    signatures: ['(): Tensor', `(dim: number, keepdim?: boolean): ${pairType}`],
    compose: (x: Tensor, dim: number | null, keepdim: boolean): Tensor | ValuesAndIndices =>
      dim === null
        ? medianOfAll(name, x, name === 'nanmedian')
        : medianAlong(name, x, dim, keepdim, name === 'nanmedian'),
    tests: () => ({
      samples: [
        call([distinct([3, 7])]),
        call([distinct([3, 6]), 1]),
        call([distinct([5, 4, 3], { layout: 'transposed' }), 0, true]),
        call([distinct([]), 0]),
        call([t([9], { dtype: 'int64', fill: 'distinct' }), 0]),
        call([t([2, 4], { fill: { values: [1, 'nan', 3, 2, 5, 4, 7, 6] } }), 1], {}, { noGrad: 'NaN' }),
      ],
      errors: [{ args: [t([3, 2]), 2], throws: 'IndexError' }],
    }),
  });
}
export const median = medianOp(
  'median',
  'The lower median of all elements, or { values, indices } along a dim; NaN where there is one.',
);
export const nanmedian = medianOp(
  'nanmedian',
  'The lower median of the elements that are not NaN, or { values, indices } along a dim.',
);

export const mode = defineOp({
  name: 'mode',
  doc: 'The most frequent value of a dim, the least of several, and its last position, as { values, indices }.',
  params: [self, lastDim, keepdimParam],
  returns: pairType,
  compose: (x: Tensor, rawDim: number, keepdim: boolean): ValuesAndIndices => {
    const dim = wrapDim('mode', rawDim, x.ndim);
    requireMemory('mode', [x]);
    requireSize('mode', x, dim);
    const { values, indices } = sortedAlong(x.detach(), dim, false, null);
    if (x.ndim === 0) return picked(x, dim, indices, keepdim);
    const n = x.sizes[dim]!;
    const shape = x.sizes.map((_, d) => (d === dim ? n : 1));
    const place = counting(n).reshape(shape);
    // How long the run of equals is at each place: its distance from the last place where a run starts.
    const starts = values.narrow(dim, 1, n - 1).ne(values.narrow(dim, 0, n - 1));
    const after = place.narrow(dim, 1, n - 1).mul(starts);
    const first = rawZeros(
      x.sizes.map((size, d) => (d === dim ? 1 : size)),
      int64,
    );
    const run = place.sub(cat.impl([first, after], dim).cummax(dim).values);
    return picked(x, dim, indices.gather(dim, run.argmax(dim, true)), keepdim);
  },
  tests: () => ({
    samples: [
      call([t([3, 9], { fill: { low: 0, high: 4 }, grad: false })]),
      call([t([9, 3], { dtype: 'int64', fill: { low: 0, high: 4 } }), 0, true]),
      call([distinct([5])]),
      call([distinct([])]),
      call([t([7], { dtype: 'bool' })]),
    ],
  }),
});
