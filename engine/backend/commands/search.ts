// Search command: out[r, j] (int64) = how many of the ascending sequence[r, 0..n) are below values[r, j] (right: not above it).
//   block = [dtype, rows, n, m, right, shared, sequence address, sorter address, values address, out address]
// All contiguous; shared: one sequence for all rows. A sorter (int64, address 0: none) says in which order its sequence ascends;
// its numbers are in range. A NaN value belongs at the end. Mirrors native/commands/search.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor } from './cursor.js';
import { requireDone } from './status.js';

export interface SearchCommand {
  readonly dtype: number;
  readonly rows: number;
  readonly n: number;
  readonly m: number;
  readonly right: boolean;
  readonly shared: boolean;
  readonly sequence: number;
  readonly sorter: number;
  readonly values: number;
  readonly out: number;
}

export function encodeSearch(c: SearchCommand): number {
  block[0] = c.dtype;
  block[1] = c.rows;
  block[2] = c.n;
  block[3] = c.m;
  block[4] = c.right ? 1 : 0;
  block[5] = c.shared ? 1 : 0;
  block[6] = c.sequence;
  block[7] = c.sorter;
  block[8] = c.values;
  block[9] = c.out;
  return 10;
}

export function decodeSearch(): SearchCommand {
  const cursor = new Cursor();
  return {
    dtype: cursor.number(),
    rows: cursor.number(),
    n: cursor.number(),
    m: cursor.number(),
    right: cursor.flag(),
    shared: cursor.flag(),
    sequence: cursor.number(),
    sorter: cursor.number(),
    values: cursor.number(),
    out: cursor.number(),
  };
}

export function runSearch(op: string, kernels: Kernels, c: SearchCommand): void {
  encodeSearch(c);
  kernels.search();
  requireDone(op);
}
