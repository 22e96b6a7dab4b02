// Linalg command: one factorisation or solve for every matrix of a batch.
//   block = [kind, dtype, flags, ndim, M, N, K, info address, size × ndim (batch), a: address, batchStride × ndim, rowStride,
//            colStride, b: the same, out0, out1, out2: addresses]
// a and b have any strides (b repeats a where a kind takes one matrix); every result is a contiguous batch of column-major
// matrices, as LAPACK leaves them.
//
//   kind          reads                                    writes
//   0 lu          a M×N                                    LU packed; int32 row exchanges, min(M, N), from 1
//   1 cholesky    one triangle of a N×N                    L, or U with flag upper; the other triangle 0
//   2 triangular  a N×N, b N×K                             X of A·X = B (flags upper, unit)
//   3 qr          a M×N                                    R with Householder's vectors below; tau
//   4 eigh        one triangle of a N×N                    real values, rising; vectors (address 0: not wanted)
//   5 eig         a N×N                                    complex values; complex vectors (0: not wanted)
//   6 svd         a M×N                                    real values, falling; U; Vᴴ (out1 0: values only; full: all of both)
//   7 ldl         lower triangle of a N×N                  L and D packed as LAPACK's sytrf (flag hermitian: hetrf); int32 exchanges
//   8 ldlSolve    kind 7's a, b N×K, its exchanges (out1)  X
//
// flags: 1 upper, 2 unit diagonal, 4 full, 8 hermitian. `info` (0: not wanted) gets an int32 a matrix, LAPACK's code: 0, or where it
// failed. Computed in double and rounded once for every dtype, and compiled once, for the baseline. float32, float64, complex64,
// complex128. Mirrors native/commands/linalg.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand, nameOf, requireDims, writeList } from './cursor.js';
import { type MatrixOperand, readMatrices, writeMatrices } from './gemm.js';
import { requireDone } from './status.js';

export const linalgKinds = {
  lu: 0,
  cholesky: 1,
  triangular: 2,
  qr: 3,
  eigh: 4,
  eig: 5,
  svd: 6,
  ldl: 7,
  ldlSolve: 8,
} as const;
export type LinalgKind = keyof typeof linalgKinds;
export const linalgFlags = { upper: 1, unit: 2, full: 4, hermitian: 8 } as const;

export interface LinalgCommand {
  readonly kind: LinalgKind;
  readonly dtype: number;
  /** A sum of `linalgFlags`. */
  readonly flags: number;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly info: number;
  readonly a: MatrixOperand;
  readonly b: MatrixOperand;
  /** Three addresses, 0 where there is no such result or it is not wanted. */
  readonly out: readonly number[];
}

export function encodeLinalg(op: string, c: LinalgCommand): number {
  requireDims(op, c.batch.length);
  block[0] = linalgKinds[c.kind];
  block[1] = c.dtype;
  block[2] = c.flags;
  block[3] = c.batch.length;
  block[4] = c.m;
  block[5] = c.n;
  block[6] = c.k;
  block[7] = c.info;
  let at = writeList(8, c.batch);
  at = writeMatrices(at, c.a);
  at = writeMatrices(at, c.b);
  return endCommand(op, writeList(at, c.out));
}

export function decodeLinalg(): LinalgCommand {
  const cursor = new Cursor();
  const [kind, dtype, flags, dims] = cursor.list(4) as [number, number, number, number];
  return {
    kind: nameOf(linalgKinds, kind),
    dtype,
    flags,
    m: cursor.number(),
    n: cursor.number(),
    k: cursor.number(),
    info: cursor.number(),
    batch: cursor.list(dims),
    a: readMatrices(cursor, dims),
    b: readMatrices(cursor, dims),
    out: cursor.list(3),
  };
}

export function runLinalg(op: string, kernels: Kernels, c: LinalgCommand): void {
  encodeLinalg(op, c);
  kernels.linalg();
  requireDone(op);
}
