// Random command: fills n contiguous elements from Philox4x32-10. Counter based: element i depends on (seed, offset, i) only.
//   block = [kind, dtype, address, n, seedLo, seedHi, offsetLo, offsetHi, p0, p1]
// Kinds: 0 uniform [p0, p1), 1 normal(mean p0, std p1), 2 integer [p0, p1), 3 bernoulli(p0) as 0 or 1, 4 exponential(rate p0),
// 5 raw 63-bit integers (int64). Result: block[1] = how far the caller must advance the 64-bit offset, in counters. Seed and offset
// stand as two words of 32 bits each. Mirrors native/commands/random.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, nameOf } from './cursor.js';
import { readResult, requireDone } from './status.js';

export const randomKinds = {
  uniform: 0,
  normal: 1,
  integer: 2,
  bernoulli: 3,
  exponential: 4,
  raw: 5,
} as const;
export type RandomKind = keyof typeof randomKinds;

export interface RandomCommand {
  readonly kind: RandomKind;
  readonly dtype: number;
  readonly out: number;
  readonly n: number;
  /** 32 bits each. */
  readonly seedLow: number;
  readonly seedHigh: number;
  /** A whole number below 2^53. */
  readonly offset: number;
  readonly p0: number;
  readonly p1: number;
}

const two32 = 4294967296;

export function encodeRandom(c: RandomCommand): number {
  block[0] = randomKinds[c.kind];
  block[1] = c.dtype;
  block[2] = c.out;
  block[3] = c.n;
  block[4] = c.seedLow;
  block[5] = c.seedHigh;
  block[6] = c.offset % two32;
  block[7] = Math.floor(c.offset / two32);
  block[8] = c.p0;
  block[9] = c.p1;
  return 10;
}

export function decodeRandom(): RandomCommand {
  const cursor = new Cursor();
  return {
    kind: nameOf(randomKinds, cursor.number()),
    dtype: cursor.number(),
    out: cursor.number(),
    n: cursor.number(),
    seedLow: cursor.number(),
    seedHigh: cursor.number(),
    offset: cursor.number() + cursor.number() * two32,
    p0: cursor.number(),
    p1: cursor.number(),
  };
}

/** How far the stream's offset moves on. */
export function runRandom(op: string, kernels: Kernels, c: RandomCommand): number {
  encodeRandom(c);
  kernels.random();
  requireDone(op);
  return readResult();
}
