// unique and uniqueConsecutive, of elements or of slices of a dim.
import { bool, int64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { noDims, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { indices } from '../creation/creation.js';
import { filled, nonzeroRaw } from '../indexing/index-kernels.js';
import { cat } from '../joining/cat-stack.js';
import { self } from './sum-mean-prod.js';

const flag = (name: string, value: boolean): Param => ({ name, kind: 'bool', default: value });
const dimParam: Param = { name: 'dim', kind: 'int', default: null };

/** Rows [n, width] in order: by the last column, then stably by each before it. The positions. */
function orderOf(rows: Tensor): Tensor {
  const [n, width] = rows.sizes as [number, number];
  let order = indices(n);
  for (let k = width - 1; k >= 0; k--) {
    const column = rows.select(1, k).indexSelect(0, order);
    order = order.take(column.argsort(0, false, { stable: true }));
  }
  return order;
}

interface Groups {
  /** Where each group starts. */
  readonly starts: Tensor;
  /** Which group each row is in. */
  readonly group: Tensor;
}

/** Runs of equal neighbours among rows [n, width]. */
function groupsOf(rows: Tensor): Groups {
  const n = rows.sizes[0]!;
  if (n === 0) return { starts: newTensor([0], int64), group: newTensor([0], int64) };
  const changes = rows
    .narrow(0, 1, n - 1)
    .ne(rows.narrow(0, 0, n - 1))
    .any(1);
  const first = cat.impl([filled([1], 1, bool), changes], 0) as Tensor;
  const starts = nonzeroRaw(first).reshape([-1]);
  return { starts, group: first.cumsum(0).sub(1) };
}

interface Wanted {
  readonly sorted: boolean;
  readonly inverse: boolean;
  readonly counts: boolean;
  readonly dim: number | null;
}

/** The values, then what else was asked for. */
function uniqueOf(op: string, x: Tensor, w: Wanted): Tensor | Tensor[] {
  if (w.dim !== null && x.ndim === 0) throw noDims(op, w.dim);
  const dim = w.dim === null ? null : wrapDim(op, w.dim, x.ndim);
  const lines = dim === null ? x.reshape([x.length]) : x.movedim(dim, 0).contiguous();
  const n = lines.sizes[0]!;
  if (dim !== null && n > 0 && lines.length === 0) {
    const hint = `There are 0 sized dimensions, and they aren't selected, so unique cannot be applied`;
    throw new RuntimeError(message(op, 'dims with elements', `[${x.sizes}]`, hint));
  }
  const rows = n === 0 ? lines.reshape([0, 1]) : lines.reshape([n, lines.length / n]);
  const order = w.sorted
    ? rows.sizes[1] === 1
      ? rows.select(1, 0).argsort(0, false, { stable: true })
      : orderOf(rows)
    : null;
  const { starts, group } = groupsOf(order === null ? rows : rows.indexSelect(0, order));
  const from = order === null ? starts : order.take(starts);
  const picked = lines.indexSelect(0, from);
  const results = [dim === null ? picked : picked.movedim(0, dim).contiguous()];
  if (w.inverse) {
    const inverse = order === null ? group : filled([n], 0, int64).scatter(0, order, group);
    results.push(dim === null ? inverse.reshape(x.sizes) : inverse);
  }
  if (w.counts) {
    const ends = cat.impl([starts, filled([1], n, int64)], 0) as Tensor;
    results.push(ends.narrow(0, 1, starts.length).sub(starts));
  }
  return results.length === 1 ? results[0]! : results;
}

const flat = { dtype: 'int64', fill: { low: 0, high: 4 } } as const;
const returns = 'Tensor | Tensor[]';

export const unique = defineOp({
  name: 'unique',
  doc: 'The elements in order, or the slices of a dim, each once; with where each went and how often it occurs where asked for.',
  params: [self, flag('sorted', true), flag('return_inverse', false), flag('return_counts', false), dimParam],
  returns,
  kernel: (
    x: Tensor,
    _sorted: boolean,
    inverse: boolean,
    counts: boolean,
    dim: number | null,
  ): Tensor | Tensor[] => uniqueOf('unique', x.detach(), { sorted: true, inverse, counts, dim }),
  notDifferentiable: 'which elements are equal is no smooth function of them',
  tests: () => ({
    samples: [
      call([t([9], flat)]),
      call([t([3, 4], { fill: 'ties' }), true, true, true]),
      call([t([4, 2], { dtype: 'int64', fill: { low: 0, high: 2 } }), true, true, true, 0]),
      call([t([0])]),
    ],
  }),
});

export const uniqueConsecutive = defineOp({
  name: 'uniqueConsecutive',
  doc: 'The elements, or the slices of a dim, without those equal to the one before.',
  params: [self, flag('return_inverse', false), flag('return_counts', false), dimParam],
  returns,
  kernel: (x: Tensor, inverse: boolean, counts: boolean, dim: number | null): Tensor | Tensor[] =>
    uniqueOf('uniqueConsecutive', x.detach(), { sorted: false, inverse, counts, dim }),
  notDifferentiable: 'which elements are equal is no smooth function of them',
  tests: () => ({
    samples: [
      call([t([9], flat)]),
      call([t([3, 4], { fill: 'ties' }), true, true]),
      call([t([2, 5], flat), true, true, 1]),
    ],
  }),
});
