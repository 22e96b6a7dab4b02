// Gemm command: C = A·B (+ C when accumulate is 1) for every matrix of a batch; A is M×K, B is K×N.
//   block = [dtype, B, size × B (batch), M, N, K, accumulate, a: address, batchStride × B, rowStride, colStride, b, c: the same]
// A and B have any strides (0 and negative too); C has any that do not overlap. float32, float64 and all integer dtypes
// (wrapping); on CUDA also float16 and bfloat16, summed in float32 and rounded once, and complex. K may be 0 (C = 0). Mirrors
// native/commands/gemm.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand, requireDims, writeList } from './cursor.js';
import { requireDone } from './status.js';

/** A batch of matrices; strides in elements. */
export interface MatrixOperand {
  readonly address: number;
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

export interface GemmCommand {
  readonly dtype: number;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly accumulate: boolean;
  readonly a: MatrixOperand;
  readonly b: MatrixOperand;
  readonly c: MatrixOperand;
}

export function writeMatrices(at: number, x: MatrixOperand): number {
  block[at] = x.address;
  const next = writeList(at + 1, x.batch);
  block[next] = x.row;
  block[next + 1] = x.column;
  return next + 2;
}

export function readMatrices(cursor: Cursor, dims: number): MatrixOperand {
  return {
    address: cursor.number(),
    batch: cursor.list(dims),
    row: cursor.number(),
    column: cursor.number(),
  };
}

export function encodeGemm(op: string, g: GemmCommand): number {
  requireDims(op, g.batch.length);
  block[0] = g.dtype;
  block[1] = g.batch.length;
  let at = writeList(2, g.batch);
  block[at++] = g.m;
  block[at++] = g.n;
  block[at++] = g.k;
  block[at++] = g.accumulate ? 1 : 0;
  at = writeMatrices(at, g.a);
  at = writeMatrices(at, g.b);
  at = writeMatrices(at, g.c);
  return endCommand(op, at);
}

export function decodeGemm(): GemmCommand {
  const cursor = new Cursor();
  const dtype = cursor.number();
  const dims = cursor.number();
  return {
    dtype,
    batch: cursor.list(dims),
    m: cursor.number(),
    n: cursor.number(),
    k: cursor.number(),
    accumulate: cursor.flag(),
    a: readMatrices(cursor, dims),
    b: readMatrices(cursor, dims),
    c: readMatrices(cursor, dims),
  };
}

export function runGemm(op: string, kernels: Kernels, g: GemmCommand): void {
  encodeGemm(op, g);
  kernels.gemm();
  requireDone(op);
}
