// Reduce command: a program (the prologue) over kept and reduced dims, its values reduced over the latter.
//   block = [program, reducer, K, R, param × P, size × K (kept), size × R (reduced), out, (outIndex), operand × inputs]
// The program has exactly one output; the accumulator is its compute dtype and `out` has its out dtype. out and outIndex are
// operands with K strides, inputs with K + R. K or R may be 0. Only argmax and argmin have outIndex in the block: the flat index
// within the reduced dims, int64. max, min, argmax and argmin propagate NaN (the first NaN wins); of equals the first index
// wins. Float sums are cascaded, at least as accurate as NumPy's pairwise sums. Mirrors native/commands/reduce.h.
//   launchReduce('sum', program, 'sum', x.shape, [false, true], out, null, [x], [])
//
// The launches take tensors, not a command, for they are the path of every reduction: `fastFullReduce` and `fastFlatReduce`
// write the command of everything reduced without making an object.

import { message, NotImplementedError } from '../../core/errors.js';
import { broadcastStrides, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { type ComplexProgram, complexProgram } from '../../pointwise/program.js';
import { block } from '../addon.js';
import { coalesceOrEmpty, dimsMarked, keptStrides } from './coalesce.js';
import { Cursor, endCommand, nameOf, type Operand, requireDims, writeList, writeOperand } from './cursor.js';
import { fastFlatInputs, imaginaryPart, kernelsFor, type ProgramCounts, partStrides } from './pointwise.js';
import { raiseStatus, requireDone } from './status.js';

export const reducers = { sum: 0, prod: 1, max: 2, min: 3, argmax: 4, argmin: 5 } as const;
export type Reducer = keyof typeof reducers;

/** Strides over the kept dims, and over the reduced ones. */
export interface ReduceInput {
  readonly address: number;
  readonly kept: readonly number[];
  readonly reduced: readonly number[];
}

export interface ReduceCommand {
  readonly program: number;
  readonly reducer: Reducer;
  readonly params: readonly number[];
  /** Sizes of the kept dims, and of the reduced ones. */
  readonly kept: readonly number[];
  readonly reduced: readonly number[];
  readonly out: Operand;
  /** Of argmax and argmin only. */
  readonly outIndex: Operand | null;
  readonly inputs: readonly ReduceInput[];
}

export function encodeReduce(op: string, c: ReduceCommand): number {
  requireDims(op, c.kept.length + c.reduced.length);
  block[0] = c.program;
  block[1] = reducers[c.reducer];
  block[2] = c.kept.length;
  block[3] = c.reduced.length;
  let at = writeList(4, c.params);
  at = writeList(at, c.kept);
  at = writeList(at, c.reduced);
  at = writeOperand(at, c.out.address, c.out.strides);
  if (c.outIndex !== null) at = writeOperand(at, c.outIndex.address, c.outIndex.strides);
  for (let i = 0; i < c.inputs.length; i++) {
    const input = c.inputs[i]!;
    at = writeOperand(at, input.address, input.kept);
    at = writeList(at, input.reduced);
  }
  return endCommand(op, at);
}

export function decodeReduce(countsOf: (program: number) => ProgramCounts): ReduceCommand {
  const cursor = new Cursor();
  const program = cursor.number();
  const reducer = nameOf(reducers, cursor.number());
  const K = cursor.number();
  const R = cursor.number();
  const { params, inputs } = countsOf(program);
  return {
    program,
    reducer,
    params: cursor.list(params),
    kept: cursor.list(K),
    reduced: cursor.list(R),
    out: cursor.operand(K),
    outIndex: reducers[reducer] >= reducers.argmax ? cursor.operand(K) : null,
    inputs: cursor.repeat(inputs, () => ({
      address: cursor.number(),
      kept: cursor.list(K),
      reduced: cursor.list(R),
    })),
  };
}

/**
 * Reduces `program` over the dims of `shape` marked in `reduced`. `out` (and `outIndex`) are contiguous with the kept
 * dims' sizes. Dims that are kept and dims that are reduced are each merged in their own order.
 */
export function launchReduce(
  op: string,
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: Tensor,
  outIndex: Tensor | null,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  const kernels = kernelsFor(op, out, inputs);
  if (program < 0) {
    reduceComplex(op, complexProgram(program), reducer, shape, reduced, out, outIndex, inputs, params);
    return;
  }
  if (!fastFlatReduce(program, reducer, shape, reduced, out, outIndex, inputs, params)) {
    encodeReduce(op, stridedReduce(program, reducer, shape, reduced, out, outIndex, inputs, params));
  }
  kernels.reduce();
  if (block[0] !== 0) raiseStatus(op);
}

/** Reduces all n elements of a contiguous tensor to one. */
export function launchFullReduce(
  op: string,
  program: number,
  reducer: Reducer,
  out: Tensor,
  x: Tensor,
): void {
  fastFullReduce(program, reducer, out, x);
  x.device.kernels!.reduce();
  if (block[0] !== 0) raiseStatus(op);
}

/**
 * Writes the command that reduces all of a contiguous tensor with a program of one input and no params. By hand: `x.sum()` has
 * no shapes to resolve, and a small one costs what its command costs.
 */
export function fastFullReduce(program: number, reducer: Reducer, out: Tensor, x: Tensor): void {
  block[0] = program;
  block[1] = reducers[reducer];
  block[2] = 0;
  block[3] = 1;
  block[4] = x.length;
  block[5] = out.address;
  block[6] = x.address;
  block[7] = 1;
}

/**
 * Writes the command of `stridedReduce` where everything is reduced, from contiguous inputs of the full shape or of one element:
 * a single dim. False where that does not hold. By hand, as `fastFlatPointwise`.
 */
export function fastFlatReduce(
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: Tensor,
  outIndex: Tensor | null,
  inputs: readonly Tensor[],
  params: readonly number[],
): boolean {
  let n = 1;
  for (let d = 0; d < shape.length; d++) {
    if (!reduced[d] && shape[d] !== 1) return false;
    n *= shape[d]!;
  }
  block[0] = program;
  block[1] = reducers[reducer];
  block[2] = 0;
  block[3] = 1;
  let at = 4;
  for (let i = 0; i < params.length; i++) block[at++] = params[i]!;
  block[at++] = n;
  block[at++] = out.address;
  if (outIndex !== null) block[at++] = outIndex.address;
  return fastFlatInputs(at, inputs, n);
}

/** The command for any strides. */
export function stridedReduce(
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: Tensor,
  outIndex: Tensor | null,
  inputs: readonly Tensor[],
  params: readonly number[],
): ReduceCommand {
  const operands = inputs.map((t) => ({
    address: t.address,
    strides: broadcastStrides(t.sizes, t.strides, shape),
  }));
  const to = { address: out.address, step: 1 };
  return mergedCommand(program, reducer, shape, reduced, to, outIndex, operands, params);
}

/** `out` is contiguous but for `step` between neighbours. */
function mergedCommand(
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: { readonly address: number; readonly step: number },
  outIndex: Tensor | null,
  inputs: readonly Operand[],
  params: readonly number[],
): ReduceCommand {
  const outStrides = keptStrides(shape, reduced, out.step);
  const strides = [outStrides, ...inputs.map((t) => t.strides)];
  // The flat index of an arg-reduction counts in row-major order of the reduced dims, so their order is kept.
  const kept = coalesceOrEmpty(shape, strides, dimsMarked(reduced, false));
  const inner = coalesceOrEmpty(shape, strides, dimsMarked(reduced, true));
  const index = outIndex === null ? null : { address: outIndex.address, strides: kept.strides[0]! };
  return {
    program,
    reducer,
    params,
    kept: kept.sizes,
    reduced: inner.sizes,
    out: { address: out.address, strides: kept.strides[0]! },
    outIndex: index,
    inputs: inputs.map((t, i) => ({
      address: t.address,
      kept: kept.strides[i + 1]!,
      reduced: inner.strides[i + 1]!,
    })),
  };
}

/** The sum of complex numbers is that of their parts; a real result of complex numbers takes any reducer. */
function reduceComplex(
  op: string,
  p: ComplexProgram,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: Tensor,
  outIndex: Tensor | null,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  if (p.complexOut && reducer !== 'sum') {
    throw new NotImplementedError(
      message(op, 'a real dtype', out.dtype.name, `"${op}" not implemented for '${out.dtype.title}'`),
    );
  }
  const steps = p.complexOut ? 2 : 1;
  const half = out.dtype.itemSize / 2;
  const operands: Operand[] = inputs.flatMap((t, i) => {
    const strides = broadcastStrides(t.sizes, t.strides, shape);
    if (!p.complex[i]) return [{ address: t.address, strides }];
    const twice = partStrides(strides);
    return [
      { address: t.address, strides: twice },
      { address: imaginaryPart(t), strides: twice },
    ];
  });
  p.parts().forEach((program, k) => {
    if (k >= steps) return;
    const to = { address: out.address + k * half, step: steps };
    encodeReduce(op, mergedCommand(program!, reducer, shape, reduced, to, outIndex, operands, params));
    out.device.kernels!.reduce();
    requireDone(op);
  });
}
