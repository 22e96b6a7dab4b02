// Owns resampling along one dim as a plain differentiable function: each result is a weighted sum of a few places, which a
// table of metadata size names. It must not declare ops nor know what the tables mean.
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { indexSelect } from './index_select.js';
import { floatTable, longTable } from './windows.js';

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

/** `x` with dim `dim` resampled. */
export function resampled(x: Tensor, dim: number, table: Table): Tensor {
  const picked = indexSelect.impl(x, dim, longTable(table.places));
  if (table.weights === null) return picked;
  const behind = x.ndim - 1 - dim;
  const split: Shape = [...x.shape.slice(0, dim), table.out, table.taps, ...x.shape.slice(dim + 1)];
  const weights = floatTable(
    table.weights,
    [table.out, table.taps, ...new Array<number>(behind).fill(1)],
    x.dtype,
  );
  return picked
    .reshape([...split])
    .mul(weights)
    .sum(dim + 1);
}
