// Mersenne command: fills n contiguous elements with the numbers that PyTorch's generator for the CPU gives, and moves it on.
//   block = [kind, dtype, address, n, state, p0, p1, in, inDtype]
// Kinds: 0 uniform [p0, p1), 1 normal (mean p0, deviation p1) one by one, 2 the same in blocks of 16, 3 integers in [p0, p1),
// 4 bernoulli(p0), 5 bernoulli of the probabilities at `in`, 6 exponential (rate p0), 7 cauchy (median p0, scale p1),
// 8 logarithmic normal (p0, p1), 9 geometric (p0), 10 a permutation, 11 categories: p1 draws from each row of p0 weights at `in`.
// State: the address of a generator's 5,056 bytes (native/cpu/random/mt19937.h).
// Mirrors native/commands/mersenne.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, nameOf } from './cursor.js';
import { requireDone } from './status.js';

export const mersenneKinds = {
  uniform: 0,
  normal: 1,
  normalBlocks: 2,
  integer: 3,
  bernoulli: 4,
  bernoulliOf: 5,
  exponential: 6,
  cauchy: 7,
  logNormal: 8,
  geometric: 9,
  permutation: 10,
  categories: 11,
} as const;
export type MersenneKind = keyof typeof mersenneKinds;

export interface MersenneCommand {
  readonly kind: MersenneKind;
  readonly dtype: number;
  readonly out: number;
  readonly n: number;
  readonly state: number;
  readonly p0: number;
  readonly p1: number;
  /** Probabilities or weights; else 0 and any dtype. */
  readonly in: number;
  readonly inDtype: number;
}

export function encodeMersenne(c: MersenneCommand): number {
  block[0] = mersenneKinds[c.kind];
  block[1] = c.dtype;
  block[2] = c.out;
  block[3] = c.n;
  block[4] = c.state;
  block[5] = c.p0;
  block[6] = c.p1;
  block[7] = c.in;
  block[8] = c.inDtype;
  return 9;
}

export function decodeMersenne(): MersenneCommand {
  const cursor = new Cursor();
  return {
    kind: nameOf(mersenneKinds, cursor.number()),
    dtype: cursor.number(),
    out: cursor.number(),
    n: cursor.number(),
    state: cursor.number(),
    p0: cursor.number(),
    p1: cursor.number(),
    in: cursor.number(),
    inDtype: cursor.number(),
  };
}

export function runMersenne(op: string, kernels: Kernels, c: MersenneCommand): void {
  encodeMersenne(c);
  kernels.mersenne();
  requireDone(op);
}
