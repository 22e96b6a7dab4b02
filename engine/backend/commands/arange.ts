// Arange command: out[i] = start + i·step, computed in double for floats and in int64 for integers.
//   block = [dtype, address, n, start, step]
// Mirrors native/commands/arange.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor } from './cursor.js';
import { requireDone } from './status.js';

export interface ArangeCommand {
  readonly dtype: number;
  readonly out: number;
  readonly n: number;
  readonly start: number;
  readonly step: number;
}

export function encodeArange(c: ArangeCommand): number {
  block[0] = c.dtype;
  block[1] = c.out;
  block[2] = c.n;
  block[3] = c.start;
  block[4] = c.step;
  return 5;
}

export function decodeArange(): ArangeCommand {
  const cursor = new Cursor();
  return {
    dtype: cursor.number(),
    out: cursor.number(),
    n: cursor.number(),
    start: cursor.number(),
    step: cursor.number(),
  };
}

export function runArange(op: string, kernels: Kernels, c: ArangeCommand): void {
  encodeArange(c);
  kernels.arange();
  requireDone(op);
}
