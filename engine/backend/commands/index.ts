// Index commands: reading and writing through index tensors (indexGet, indexPut), and nonzero.
//   indexGet = [itemBytes, ndim, M, size × ndim, out, in, (index operand, dimSize, inStride) × M]
// out[…] = in[… + Σ idx_m · inStride_m] for every position of the result's space. `in` has ndim strides (0 where a dim is driven
// by an index alone). Index operands are int64 with ndim strides. A negative index wraps once, unless dimSize is given negative,
// which forbids it. One outside gives status 1: nothing is read by it, and `out` may be written in part, so it must be fresh.
//   indexPut = [mode, dtype, ndim, M, size × ndim, dst, src, (index operand, dimSize, dstStride) × M]
// dst[… + Σ idx·stride] op= src[…]. Sequential in iteration order, so that duplicates are deterministic.
//   nonzero = [dtype, ndim, phase, size × ndim, in operand, outAddress]
// Phase 0 counts (block[1] = count); phase 1 writes int64 coordinates [count, ndim], contiguous, in row-major order.
// Mirrors native/commands/index.h.

import { message, RuntimeError } from '../../core/errors.js';
import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import {
  Cursor,
  endCommand,
  maxDims,
  nameOf,
  type Operand,
  requireDims,
  writeList,
  writeOperand,
} from './cursor.js';
import { readResult, requireDone } from './status.js';

export const putModes = { replace: 0, add: 1, multiply: 2, amax: 3, amin: 4 } as const;
export type PutMode = keyof typeof putModes;

/** An index tensor: how many places it picks from (negative: and takes no negative index), and how far apart they are. */
export interface IndexOperand extends Operand {
  readonly size: number;
  readonly step: number;
}

export interface IndexGetCommand {
  readonly itemBytes: number;
  readonly sizes: readonly number[];
  readonly out: Operand;
  /** What the indices move. */
  readonly from: Operand;
  readonly indices: readonly IndexOperand[];
}

export interface IndexPutCommand {
  readonly mode: PutMode;
  readonly dtype: number;
  readonly sizes: readonly number[];
  /** What the indices move. */
  readonly to: Operand;
  readonly from: Operand;
  readonly indices: readonly IndexOperand[];
}

export interface NonzeroCommand {
  readonly dtype: number;
  readonly phase: 'count' | 'write';
  readonly sizes: readonly number[];
  readonly input: Operand;
  /** 0 where it only counts. */
  readonly out: number;
}

/** Writes what both commands have in common, from their ndim at `block[at]` on. */
function encodeIndexed(
  op: string,
  from: number,
  sizes: readonly number[],
  first: Operand,
  second: Operand,
  indices: readonly IndexOperand[],
): number {
  requireDims(op, sizes.length);
  if (indices.length > maxDims)
    throw new RuntimeError(message(op, `at most ${maxDims} index tensors`, `${indices.length}`));
  block[from] = sizes.length;
  block[from + 1] = indices.length;
  let at = writeList(from + 2, sizes);
  at = writeOperand(at, first.address, first.strides);
  at = writeOperand(at, second.address, second.strides);
  for (const index of indices) {
    at = writeOperand(at, index.address, index.strides);
    block[at++] = index.size;
    block[at++] = index.step;
  }
  return endCommand(op, at);
}

function decodeIndexed(cursor: Cursor) {
  const ndim = cursor.number();
  const count = cursor.number();
  return {
    sizes: cursor.list(ndim),
    first: cursor.operand(ndim),
    second: cursor.operand(ndim),
    indices: cursor.repeat(count, () => ({
      ...cursor.operand(ndim),
      size: cursor.number(),
      step: cursor.number(),
    })),
  };
}

export function encodeIndexGet(op: string, c: IndexGetCommand): number {
  block[0] = c.itemBytes;
  return encodeIndexed(op, 1, c.sizes, c.out, c.from, c.indices);
}

export function decodeIndexGet(): IndexGetCommand {
  const cursor = new Cursor();
  const itemBytes = cursor.number();
  const { sizes, first, second, indices } = decodeIndexed(cursor);
  return { itemBytes, sizes, out: first, from: second, indices };
}

export function runIndexGet(op: string, kernels: Kernels, c: IndexGetCommand): void {
  encodeIndexGet(op, c);
  kernels.indexGet();
  requireDone(op);
}

export function encodeIndexPut(op: string, c: IndexPutCommand): number {
  block[0] = putModes[c.mode];
  block[1] = c.dtype;
  return encodeIndexed(op, 2, c.sizes, c.to, c.from, c.indices);
}

export function decodeIndexPut(): IndexPutCommand {
  const cursor = new Cursor();
  const mode = nameOf(putModes, cursor.number());
  const dtype = cursor.number();
  const { sizes, first, second, indices } = decodeIndexed(cursor);
  return { mode, dtype, sizes, to: first, from: second, indices };
}

export function runIndexPut(op: string, kernels: Kernels, c: IndexPutCommand): void {
  encodeIndexPut(op, c);
  kernels.indexPut();
  requireDone(op);
}

export function encodeNonzero(op: string, c: NonzeroCommand): number {
  requireDims(op, c.sizes.length);
  block[0] = c.dtype;
  block[1] = c.sizes.length;
  block[2] = c.phase === 'write' ? 1 : 0;
  let at = writeList(3, c.sizes);
  at = writeOperand(at, c.input.address, c.input.strides);
  block[at++] = c.out;
  return endCommand(op, at);
}

export function decodeNonzero(): NonzeroCommand {
  const cursor = new Cursor();
  const dtype = cursor.number();
  const ndim = cursor.number();
  const phase = cursor.flag() ? 'write' : 'count';
  return { dtype, phase, sizes: cursor.list(ndim), input: cursor.operand(ndim), out: cursor.number() };
}

/** How many elements are not 0, where it counts. */
export function runNonzero(op: string, kernels: Kernels, c: NonzeroCommand): number {
  encodeNonzero(op, c);
  kernels.nonzero();
  requireDone(op);
  return readResult();
}
