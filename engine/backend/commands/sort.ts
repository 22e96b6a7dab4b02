// Sort command: the first k of every sorted row of n elements, values and indices. Stable; NaN is the greatest.
//   block = [dtype, rows, n, descending, in address, values address, indices address, k]
// Contiguous: in [rows, n], values and indices (int64) [rows, k]. The address of values or indices may be 0 (not wanted).
// Mirrors native/commands/sort.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor } from './cursor.js';
import { requireDone } from './status.js';

export interface SortCommand {
  readonly dtype: number;
  readonly rows: number;
  readonly n: number;
  readonly descending: boolean;
  readonly input: number;
  readonly values: number;
  readonly indices: number;
  readonly k: number;
}

export function encodeSort(c: SortCommand): number {
  block[0] = c.dtype;
  block[1] = c.rows;
  block[2] = c.n;
  block[3] = c.descending ? 1 : 0;
  block[4] = c.input;
  block[5] = c.values;
  block[6] = c.indices;
  block[7] = c.k;
  return 8;
}

export function decodeSort(): SortCommand {
  const cursor = new Cursor();
  return {
    dtype: cursor.number(),
    rows: cursor.number(),
    n: cursor.number(),
    descending: cursor.flag(),
    input: cursor.number(),
    values: cursor.number(),
    indices: cursor.number(),
    k: cursor.number(),
  };
}

export function runSort(op: string, kernels: Kernels, c: SortCommand): void {
  encodeSort(c);
  kernels.sort();
  requireDone(op);
}
