// Indexed reads, writes and nonzero by the index kernel families, and small index tensors. No autograd, no checks of
// shapes.

import { coalesce } from '../../backend/commands/coalesce.js';
import type { Operand } from '../../backend/commands/cursor.js';
import {
  type IndexOperand,
  type PutMode,
  runIndexGet,
  runIndexPut,
  runNonzero,
} from '../../backend/commands/index.js';
import { kernelsOf } from '../../core/device.js';
import { type DType, int64, partOf } from '../../core/dtype.js';
import { message, NotImplementedError } from '../../core/errors.js';
import { newTensor, newWritten } from '../../core/factory.js';
import { broadcastStrides, type Shape } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { rawCast, rawFill } from '../creation/copy-fill-cast.js';

/** One index tensor that moves an operand: `index` broadcasts to the iteration space, and picks from `size` places. */
export interface Look {
  readonly index: Tensor;
  readonly size: number;
  readonly stride: number;
}

export type { PutMode };

/** @throws where a tensor has no memory, or they live on several devices. */
export function requireMemory(op: string, tensors: readonly Tensor[]): void {
  kernelsOf(op, tensors);
}

/** A fresh tensor filled with a value; no history. */
export function filled(shape: readonly number[], value: Scalar, dtype: DType): Tensor {
  const out = newTensor(shape, dtype);
  rawFill(out, value);
  return out;
}

/** `from`, `from + 1`, … as a fresh 1-d int64 tensor. */
export function counting(n: number, from = 0): Tensor {
  return longTable(Array.from({ length: n }, (_, i) => from + i));
}

/** Whole numbers as a fresh int64 tensor, by default 1-d. */
export function longTable(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return newWritten(shape, int64, (data) => {
    for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i]!);
  });
}

/** An index tensor as int64. */
export function asLong(index: Tensor): Tensor {
  return index.dtype === int64 ? index : rawCast(index, int64);
}

interface Indexed {
  readonly sizes: readonly number[];
  readonly first: Operand;
  readonly second: Operand;
  readonly indices: readonly IndexOperand[];
}

/** Two operands and the looks over the shape of `moved`, which carries the looks: dims merged where all run on. */
function indexed(first: Tensor, second: Tensor, moved: Tensor, looks: readonly Look[]): Indexed {
  const { sizes: shape } = moved;
  const operands = [stridesOver(shape, first), stridesOver(shape, second)];
  const order: number[] = [];
  for (let d = 0; d < shape.length; d++) order.push(d);
  for (let k = 0; k < looks.length; k++) operands.push(stridesOver(shape, looks[k]!.index));
  const { sizes, strides } = coalesce(shape, operands, order);
  return {
    sizes,
    first: { address: first.address, strides: strides[0]! },
    second: { address: second.address, strides: strides[1]! },
    indices: looks.map((l, k) => ({
      address: l.index.address,
      strides: strides[k + 2]!,
      size: l.size,
      step: l.stride,
    })),
  };
}

function stridesOver(shape: Shape, x: Tensor): Shape {
  return x.sizes === shape ? x.strides : broadcastStrides(x.sizes, x.strides, shape);
}

/** out[…] = from[… + Σ index · stride]. `from` has the iteration space's shape, stride 0 along what looks alone drive. */
export function getRaw(op: string, out: Tensor, from: Tensor, looks: readonly Look[]): void {
  if (out.length === 0) return;
  requireMemory(op, [out, from, ...looks.map((l) => l.index)]);
  const { sizes, first, second, indices } = indexed(out, from, from, looks);
  const itemBytes = out.dtype.itemSize;
  runIndexGet(op, out.device.kernels!, { itemBytes, sizes, out: first, from: second, indices });
}

/** to[… + Σ index · stride] op= src[…], in row-major order of `to`'s shape; `src` broadcasts to it and has its dtype. */
export function putRaw(op: string, mode: PutMode, to: Tensor, looks: readonly Look[], src: Tensor): void {
  if (to.length === 0) return;
  requireMemory(op, [to, src, ...looks.map((l) => l.index)]);
  if (to.dtype.isComplex && mode !== 'replace') {
    putParts(op, mode, to, looks, src);
    return;
  }
  const { sizes, first, second, indices } = indexed(to, src, to, looks);
  const dtype = to.dtype.code;
  runIndexPut(op, to.device.kernels!, { mode, dtype, sizes, to: first, from: second, indices });
}

/** Sums of complex numbers, part by part. */
function putParts(op: string, mode: PutMode, to: Tensor, looks: readonly Look[], src: Tensor): void {
  if (mode !== 'add') {
    const hint = `"${op}" not implemented for '${to.dtype.title}'`;
    throw new NotImplementedError(message(op, 'a real dtype', to.dtype.name, hint));
  }
  const twice = looks.map((l) => ({ ...l, stride: 2 * l.stride }));
  for (const k of [0, 1] as const) putRaw(op, mode, partOfComplex(to, k), twice, partOfComplex(src, k));
}

/** The real (0) or imaginary (1) parts as a real tensor over the same memory; no history, no view. */
export function partOfComplex(x: Tensor, k: 0 | 1): Tensor {
  const strides = x.strides.map((s) => 2 * s);
  return new Tensor(x.storage, x.sizes, strides, 2 * x.offset + k, partOf(x.dtype));
}

/** The coordinates of what is not 0, row-major, as int64 [count, ndim]. */
export function nonzeroRaw(x: Tensor): Tensor {
  const n = x.ndim;
  if (x.dtype.isComplex) return nonzeroRaw(x.ne(0));
  if (n === 0) return newTensor([Number(x.item()) === 0 ? 0 : 1, 0], int64);
  if (x.length === 0) return newTensor([0, n], int64);
  const run = (phase: 'count' | 'write', address: number): number =>
    runNonzero('nonzero', x.device.kernels!, {
      dtype: x.dtype.code,
      phase,
      sizes: x.sizes,
      input: { address: x.address, strides: x.strides },
      out: address,
    });
  const out = newTensor([run('count', 0), n], int64);
  if (out.length > 0) run('write', out.address);
  return out;
}
