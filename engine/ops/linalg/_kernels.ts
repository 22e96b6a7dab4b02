// Factorisations and solves of batches of matrices by the linalg kernel family. No autograd, no checks of shapes.

import type { MatrixOperand } from '../../backend/commands/gemm.js';
import { linalgFlags as flags, type LinalgKind, runLinalg } from '../../backend/commands/linalg.js';
import { type DType, int32, partOf } from '../../core/dtype.js';
import { newStrided, newTensor } from '../../core/factory.js';
import { broadcastStrides, numelOf, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { filled } from '../indexing/index-kernels.js';

export { flags };

/** A fresh batch of matrices, each column-major, as LAPACK leaves them. */
export function columnMajor(batch: Shape, rows: number, columns: number, dtype: DType): Tensor {
  const strides = new Array<number>(batch.length);
  let step = Math.max(rows * columns, 1);
  for (let d = batch.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= Math.max(batch[d]!, 1);
  }
  return newStrided([...batch, rows, columns], [...strides, 1, Math.max(rows, 1)], dtype);
}

interface Command {
  readonly op: string;
  readonly kind: LinalgKind;
  readonly flags?: number;
  readonly batch: Shape;
  readonly m?: number;
  readonly n: number;
  readonly k?: number;
  readonly a: Tensor;
  readonly b?: Tensor;
  readonly out: readonly (Tensor | null)[];
}

/** Runs a command on every matrix of the batch; its info codes, one a matrix. Sizes of 0 run nothing and report 0. */
function run(c: Command): Tensor {
  const info = rawZeros(c.batch, int32);
  const matrices = numelOf(c.batch);
  if (matrices === 0 || c.a.length === 0) return info;
  const batch = matrices === 1 ? [] : c.batch;
  const b = c.b ?? c.a;
  runLinalg(c.op, c.a.device.kernels!, {
    kind: c.kind,
    dtype: c.a.dtype.code,
    flags: c.flags ?? 0,
    batch,
    m: c.m ?? c.n,
    n: c.n,
    k: c.k ?? 0,
    info: info.address,
    a: matricesOf(c.a, batch),
    b: matricesOf(b, batch),
    out: [0, 1, 2].map((i) => c.out[i]?.address ?? 0),
  });
  return info;
}

/** The matrices of a tensor, repeated to fill a batch. */
function matricesOf(x: Tensor, batch: Shape): MatrixOperand {
  const d = x.ndim - 2;
  return {
    address: x.address,
    batch: batch.length === 0 ? [] : broadcastStrides(x.sizes.slice(0, d), x.strides.slice(0, d), batch),
    row: x.strides[d]!,
    column: x.strides[d + 1]!,
  };
}

const rowsOf = (x: Tensor): number => x.sizes[x.ndim - 2]!;
const columnsOf = (x: Tensor): number => x.sizes[x.ndim - 1]!;
const batchOf = (x: Tensor): Shape => x.sizes.slice(0, -2);

/** The factors of P·L·U in one matrix, the row exchanges counted from 1, and the info codes. */
export function rawLu(op: string, a: Tensor): { lu: Tensor; pivots: Tensor; info: Tensor } {
  const [batch, m, n] = [batchOf(a), rowsOf(a), columnsOf(a)];
  const lu = columnMajor(batch, m, n, a.dtype);
  const pivots = newTensor([...batch, Math.min(m, n)], int32);
  return { lu, pivots, info: run({ op, kind: 'lu', batch, m, n, a, out: [lu, pivots] }) };
}

/** The Cholesky factor, its other triangle 0, and the info codes. */
export function rawCholesky(op: string, a: Tensor, upper: boolean): { factor: Tensor; info: Tensor } {
  const [batch, n] = [batchOf(a), rowsOf(a)];
  const factor = columnMajor(batch, n, n, a.dtype);
  const info = run({
    op,
    kind: 'cholesky',
    flags: upper ? flags.upper : 0,
    batch,
    n,
    a,
    out: [factor],
  });
  return { factor, info };
}

/** X of A·X = B for a triangular A; `batch` is what the leading dims broadcast to. */
export function rawTriangular(op: string, a: Tensor, b: Tensor, batch: Shape, marks: number): Tensor {
  const [n, k] = [rowsOf(b), columnsOf(b)];
  const x = columnMajor(batch, n, k, a.dtype);
  if (x.length > 0) run({ op, kind: 'triangular', flags: marks, batch, n, k, a, b, out: [x] });
  return x;
}

/** Householder's reflectors below the diagonal of R, and their factors tau. */
export function rawQr(op: string, a: Tensor): { packed: Tensor; tau: Tensor } {
  const [batch, m, n] = [batchOf(a), rowsOf(a), columnsOf(a)];
  const packed = columnMajor(batch, m, n, a.dtype);
  const tau = newTensor([...batch, Math.min(m, n)], a.dtype);
  run({ op, kind: 'qr', batch, m, n, a, out: [packed, tau] });
  return { packed, tau };
}

interface Spectrum {
  readonly values: Tensor;
  readonly vectors: Tensor | null;
  readonly info: Tensor;
}

/** Eigenvalues in rising order, and the eigenvectors as columns, of a symmetric or Hermitian matrix. */
export function rawEigh(op: string, a: Tensor, upper: boolean, wanted: boolean): Spectrum {
  const [batch, n] = [batchOf(a), rowsOf(a)];
  const values = newTensor([...batch, n], partOf(a.dtype));
  const vectors = wanted ? columnMajor(batch, n, n, a.dtype) : null;
  const info = run({
    op,
    kind: 'eigh',
    flags: upper ? flags.upper : 0,
    batch,
    n,
    a,
    out: [values, vectors],
  });
  return { values, vectors, info };
}

/** Complex eigenvalues, and the eigenvectors as columns of unit length. */
export function rawEig(op: string, a: Tensor, dtype: DType, wanted: boolean): Spectrum {
  const [batch, n] = [batchOf(a), rowsOf(a)];
  const values = newTensor([...batch, n], dtype);
  const vectors = wanted ? columnMajor(batch, n, n, dtype) : null;
  return { values, vectors, info: run({ op, kind: 'eig', batch, n, a, out: [values, vectors] }) };
}

interface Singular {
  readonly u: Tensor | null;
  readonly s: Tensor;
  readonly vh: Tensor | null;
  readonly info: Tensor;
}

/** Singular values in falling order; with them, where wanted, the vectors: min(m, n) of them, or all of both spaces. */
export function rawSvd(op: string, a: Tensor, wanted: 'values' | 'thin' | 'full'): Singular {
  const [batch, m, n] = [batchOf(a), rowsOf(a), columnsOf(a)];
  const k = Math.min(m, n);
  const s = newTensor([...batch, k], partOf(a.dtype));
  const full = wanted === 'full';
  const u = wanted === 'values' ? null : columnMajor(batch, m, full ? m : k, a.dtype);
  const vh = wanted === 'values' ? null : columnMajor(batch, full ? n : k, n, a.dtype);
  const info = run({
    op,
    kind: 'svd',
    flags: full ? flags.full : 0,
    batch,
    m,
    n,
    a,
    out: [s, u, vh],
  });
  if (a.length === 0) for (const x of [u, vh]) if (x !== null) fillIdentity(x);
  return { u, s, vh, info };
}

/** Ones on the diagonal of each matrix, else 0. */
function fillIdentity(x: Tensor): void {
  x.zero_();
  x.diagonal(0, -2, -1).fill_(1);
}

/** L and D of L·D·Lᵀ (or L·D·Lᴴ) in one matrix, Bunch and Kaufman's exchanges, and the info codes. */
export function rawLdl(
  op: string,
  a: Tensor,
  hermitian: boolean,
): { ld: Tensor; pivots: Tensor; info: Tensor } {
  const [batch, n] = [batchOf(a), rowsOf(a)];
  const ld = columnMajor(batch, n, n, a.dtype);
  const pivots = newTensor([...batch, n], int32);
  const info = run({
    op,
    kind: 'ldl',
    flags: hermitian ? flags.hermitian : 0,
    batch,
    n,
    a,
    out: [ld, pivots],
  });
  return { ld, pivots, info };
}

/** X of A·X = B from the parts of `rawLdl`; `pivots` is contiguous and has the whole batch. */
export function rawLdlSolve(
  op: string,
  ld: Tensor,
  pivots: Tensor,
  b: Tensor,
  batch: Shape,
  hermitian: boolean,
): Tensor {
  const x = columnMajor(batch, rowsOf(b), columnsOf(b), b.dtype);
  if (x.length > 0) {
    run({
      op,
      kind: 'ldlSolve',
      flags: hermitian ? flags.hermitian : 0,
      batch,
      n: rowsOf(b),
      k: columnsOf(b),
      a: ld,
      b,
      out: [x, pivots],
    });
  }
  return x;
}

/** The identity for each matrix of a batch; no history. */
export function identity(n: number, dtype: DType): Tensor {
  const x = filled([n, n], 0, dtype);
  x.diagonal(0, 0, 1).fill_(1);
  return x;
}
