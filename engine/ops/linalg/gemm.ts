// Matrix multiplication on raw matrices. Where a backend multiplies no complex numbers or 16-bit floats: real products
// of the parts, and float32.

import { type MatrixOperand, runGemm } from '../../backend/commands/gemm.js';
import { launchPointwise } from '../../backend/commands/pointwise.js';
import type { Device } from '../../core/device.js';
import { computedIn, type DType, partOf } from '../../core/dtype.js';
import { newTensor } from '../../core/factory.js';
import type { Shape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { input } from '../../pointwise/expr.js';
import { compile } from '../../pointwise/program.js';
import { rawCast } from '../creation/copy-fill-cast.js';

/** Sizes, and the operands' strides in elements; a batch stride of 0 repeats a matrix. */
export interface Matrices {
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aBatch: Shape;
  readonly aRow: number;
  readonly aCol: number;
  readonly bBatch: Shape;
  readonly bRow: number;
  readonly bCol: number;
}

/** Where the real numbers of an operand begin, and how many of them lie in one element's step. */
interface Place {
  readonly address: number;
  readonly step: number;
  readonly device: Device;
}

/** Whether `multiply` can add to what is in `out`. */
export const canAccumulate = (out: Tensor): boolean =>
  out.device.backend?.supports('gemm', out.dtype) === true;

/** out = A·B for contiguous `out` of shape [...batch, m, n]; A·B + out where `accumulate` says so (see canAccumulate). */
export function multiply(
  op: string,
  out: Tensor,
  a: Tensor,
  b: Tensor,
  s: Matrices,
  accumulate = false,
): void {
  const direct = out.device.backend!.supports('gemm', a.dtype);
  const dtype = direct ? a.dtype : computedIn(a.dtype);
  if (!direct && a.dtype.isComplex) {
    multiplyComplex(op, out, a, b, s);
    return;
  }
  if (dtype !== a.dtype) {
    multiplyShort(op, dtype, out, a, b, s);
    return;
  }
  const dims = mergeBatch(s, s.m * s.n);
  runGemm(op, out.device.kernels!, {
    dtype: dtype.code,
    batch: dims.sizes,
    m: s.m,
    n: s.n,
    k: s.k,
    accumulate,
    a: { address: a.address, batch: dims.a, row: s.aRow, column: s.aCol },
    b: { address: b.address, batch: dims.b, row: s.bRow, column: s.bCol },
    c: { address: out.address, batch: dims.c, row: s.n, column: 1 },
  });
}

/** c = A·B, or A·B + c, of the last two dims of tensors with the same leading ones; any strides, no history. See canAccumulate. */
export function multiplyInto(op: string, c: Tensor, a: Tensor, b: Tensor, accumulate: boolean): void {
  const matrices = (x: Tensor): MatrixOperand => ({
    address: x.address,
    batch: x.strides.slice(0, -2),
    row: x.strides.at(-2)!,
    column: x.strides.at(-1)!,
  });
  const [m, n, k] = [c.sizes.at(-2)!, c.sizes.at(-1)!, a.sizes.at(-1)!];
  const batch = c.sizes.slice(0, -2);
  const operands = { a: matrices(a), b: matrices(b), c: matrices(c) };
  runGemm(op, c.device.kernels!, { dtype: c.dtype.code, batch, m, n, k, accumulate, ...operands });
}

/** The product of parts of complex numbers, whose real numbers stand `step` apart. */
function launchParts(
  op: string,
  dtype: DType,
  c: Place,
  a: Place,
  b: Place,
  s: Matrices,
  accumulate: boolean,
): void {
  const dims = mergeBatch(s, s.m * s.n);
  runGemm(op, c.device.kernels!, {
    dtype: dtype.code,
    batch: dims.sizes,
    m: s.m,
    n: s.n,
    k: s.k,
    accumulate,
    a: matricesAt(a, dims.a, s.aRow, s.aCol),
    b: matricesAt(b, dims.b, s.bRow, s.bCol),
    c: matricesAt(c, dims.c, s.n, 1),
  });
}

/** Strides count elements; the command's count real numbers. */
function matricesAt(place: Place, batch: readonly number[], row: number, column: number): MatrixOperand {
  const { address, step } = place;
  return { address, batch: batch.map((v) => v * step), row: row * step, column: column * step };
}

const negative = input(0).neg();

/** Four real products: the real part is −(Ai·Bi) + Ar·Br, the imaginary one Ar·Bi + Ai·Br. */
function multiplyComplex(op: string, out: Tensor, a: Tensor, b: Tensor, s: Matrices): void {
  const dtype = partOf(a.dtype);
  const part = (t: Tensor, k: 0 | 1): Place => ({
    address: t.address + k * dtype.itemSize,
    step: 2,
    device: t.device,
  });
  const run = (c: 0 | 1, p: 0 | 1, q: 0 | 1, accumulate: boolean): void =>
    launchParts(op, dtype, part(out, c), part(a, p), part(b, q), s, accumulate);
  run(0, 1, 1, false);
  const re = new Tensor(out.storage, [out.length], [2], 2 * out.offset, dtype);
  launchPointwise(op, compile(negative, dtype, [dtype], 0, dtype), re, [re], []);
  run(0, 0, 0, true);
  run(1, 0, 1, false);
  run(1, 1, 0, true);
}

/** By way of copies in float32, rounded once at the end. */
function multiplyShort(op: string, dtype: DType, out: Tensor, a: Tensor, b: Tensor, s: Matrices): void {
  const { batch, m, n, k } = s;
  const wide = (t: Tensor, lead: Shape, sizes: Shape, steps: Shape): Tensor =>
    rawCast(new Tensor(t.storage, [...batch, ...sizes], [...lead, ...steps], t.offset, t.dtype), dtype);
  const left = wide(a, s.aBatch, [m, k], [s.aRow, s.aCol]);
  const right = wide(b, s.bBatch, [k, n], [s.bRow, s.bCol]);
  const result = newTensor(out.sizes, dtype);
  const lead = (t: Tensor): Shape => t.strides.slice(0, -2);
  const dense = {
    batch,
    m,
    n,
    k,
    aBatch: lead(left),
    aRow: k,
    aCol: 1,
    bBatch: lead(right),
    bRow: n,
    bCol: 1,
  };
  multiply(op, result, left, right, dense);
  rawCopy(out, result);
}

/** Batch dims of size 1 dropped, with the contiguous result's strides. */
function mergeBatch(s: Matrices, matrix: number): { sizes: number[]; a: number[]; b: number[]; c: number[] } {
  const out = { sizes: [] as number[], a: [] as number[], b: [] as number[], c: [] as number[] };
  let step = matrix;
  for (let d = s.batch.length - 1; d >= 0; d--) {
    const size = s.batch[d]!;
    if (size !== 1) {
      out.sizes.unshift(size);
      out.a.unshift(s.aBatch[d]!);
      out.b.unshift(s.bBatch[d]!);
      out.c.unshift(step);
    }
    step *= size;
  }
  return out;
}
