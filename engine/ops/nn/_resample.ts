// Resampling along one dim as a differentiable function: each result is a weighted sum of a few source elements, given
// by a small table.
import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { longTable } from '../indexing/index-kernels.js';
import { indexSelect } from '../indexing/index-select.js';
import { floatTable } from './sliding-windows.js';

/** For each of `out` results `taps` places, and their weights; without weights every result is its place's element. */
export interface Table {
  readonly out: number;
  readonly taps: number;
  readonly places: readonly number[];
  readonly weights: readonly number[] | null;
}

/** A table from what each result takes; rows are filled up with a place of weight 0. */
export function tableOf(rows: readonly (readonly (readonly [place: number, weight: number])[])[]): Table {
  const taps = rows.reduce((n, row) => Math.max(n, row.length), 1);
  const filled = rows.map((row) => [
    ...row,
    ...Array.from({ length: taps - row.length }, (): [number, number] => [row[0]?.[0] ?? 0, 0]),
  ]);
  return {
    out: rows.length,
    taps,
    places: filled.flatMap((row) => row.map(([place]) => place)),
    weights: filled.flatMap((row) => row.map(([, weight]) => weight)),
  };
}

/** Up to so many taps are taken one after another, without a tensor of all of them. */
const fewTaps = 8;

/** `x` with dim `dim` resampled. */
export function resampled(x: Tensor, dim: number, table: Table): Tensor {
  const { out, taps, places, weights } = table;
  if (weights === null) return indexSelect.impl(x, dim, longTable(places));
  const behind = new Array<number>(x.ndim - 1 - dim).fill(1);
  if (taps <= fewTaps && out > 0) {
    let sum: Tensor | null = null;
    for (let k = 0; k < taps; k++) {
      const mine = (list: readonly number[]): number[] => list.filter((_, i) => i % taps === k);
      const picked = indexSelect.impl(x, dim, longTable(mine(places)));
      const part = picked.mul(floatTable(mine(weights), [out, ...behind], x.dtype));
      sum = sum === null ? part : sum.add(part);
    }
    return sum!;
  }
  const split: Shape = [...x.sizes.slice(0, dim), out, taps, ...x.sizes.slice(dim + 1)];
  return indexSelect
    .impl(x, dim, longTable(places))
    .reshape([...split])
    .mul(floatTable(weights, [out, taps, ...behind], x.dtype))
    .sum(dim + 1);
}
