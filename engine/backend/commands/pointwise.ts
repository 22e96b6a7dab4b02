// Owns writing pointwise and reduce commands: iteration shapes and operands. No autograd, no checks:
// callers have resolved shapes and dtypes. Layouts are written in native/README.md.
import { deviceError } from '../../core/device.js';
import { message, NotImplementedError } from '../../core/errors.js';
import { broadcastStrides, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { type ComplexProgram, complexProgram } from '../../pointwise/program.js';
import { block, type Families, raiseStatus } from '../addon.js';
import {
  coalesce,
  coalesceOrEmpty,
  dimsMarked,
  keptStrides,
  memoryOrder,
  writeList,
  writeOperand,
} from './coalesce.js';

/** Runs `program` over `out`'s shape. Inputs broadcast to it. */
export function launchPointwise(
  op: string,
  program: number,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  if (out.length === 0) return;
  const backend = backendFor(op, out, inputs);
  if (program < 0) {
    launchComplex(op, complexProgram(program), out, inputs, params);
    return;
  }
  if (!writeFlat(program, out, inputs, params)) writeStrided(program, out, inputs, params);
  backend.pointwise();
  if (block[0] !== 0) raiseStatus(op);
}

/** The last check before addresses are handed to native code. @throws where a tensor has no memory, or another device's. */
function backendFor(op: string, out: Tensor, inputs: readonly Tensor[]): Families {
  const { device } = out;
  const { backend } = device;
  let held = backend !== null;
  for (let i = 0; i < inputs.length; i++) held &&= inputs[i]!.device === device;
  if (!held) throw deviceError(op, [out, ...inputs]);
  return backend!;
}

/** Everything contiguous and of one shape, or one element: a single dim. False where that does not hold. */
function writeFlat(
  program: number,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): boolean {
  if (!out.rowMajor) return false;
  const n = out.length;
  block[0] = program;
  block[1] = 1;
  let at = 2;
  for (let i = 0; i < params.length; i++) block[at++] = params[i]!;
  block[at++] = n;
  block[at++] = out.address;
  block[at++] = 1;
  return writeFlatInputs(at, inputs, n);
}

/** Operands of a single dim of n elements. False where one takes more dims. */
function writeFlatInputs(from: number, inputs: readonly Tensor[], n: number): boolean {
  let at = from;
  for (let i = 0; i < inputs.length; i++) {
    const step = flatStride(inputs[i]!, n);
    if (step < 0) return false;
    block[at++] = inputs[i]!.address;
    block[at++] = step;
  }
  return true;
}

/** The stride with which a walk over n elements reads `t`: 1, 0 for one repeated element, or -1 where it takes more dims. */
function flatStride(t: Tensor, n: number): number {
  if (t.length === n && t.rowMajor) return 1;
  if (t.length !== 1) {
    // An expanded 0-d gradient, as sum's backward gives, is still one element.
    for (let d = 0; d < t.shape.length; d++) if (t.strides[d] !== 0 && t.shape[d] !== 1) return -1;
  }
  return 0;
}

function writeStrided(
  program: number,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  const operands = [out.strides, ...inputs.map((t) => broadcastStrides(t.shape, t.strides, out.shape))];
  writeOperands(program, out.shape, [out.address, ...inputs.map((t) => t.address)], operands, params);
}

function writeOperands(
  program: number,
  shape: Shape,
  addresses: readonly number[],
  operands: readonly Shape[],
  params: readonly number[],
): void {
  const dims = coalesce(shape, operands, memoryOrder(shape, operands));
  let at = 2;
  block[0] = program;
  block[1] = dims.sizes.length;
  at = writeList(at, params);
  at = writeList(at, dims.sizes);
  for (let k = 0; k < addresses.length; k++) at = writeOperand(at, addresses[k]!, dims.strides[k]!);
}

const doubled = (strides: Shape): number[] => strides.map((s) => 2 * s);
const afterPart = (t: Tensor): number => t.address + t.dtype.itemSize / 2;

/** Complex operands are read and written as the real ones that their parts are: twice the strides, half an item apart. */
function launchComplex(
  op: string,
  p: ComplexProgram,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  const { shape } = out;
  const addresses: number[] = [];
  const operands: Shape[] = [];
  const put = (t: Tensor, strides: Shape, complex: boolean): void => {
    addresses.push(t.address);
    operands.push(complex ? doubled(strides) : strides);
    if (complex && !p.partwise) {
      addresses.push(afterPart(t));
      operands.push(doubled(strides));
    }
  };
  put(out, out.strides, p.complexOut);
  inputs.forEach((t, i) => {
    put(t, broadcastStrides(t.shape, t.strides, shape), p.complex[i]!);
  });
  if (p.partwise)
    writeOperands(
      p.program,
      [...shape, 2],
      addresses,
      operands.map((s) => [...s, 1]),
      params,
    );
  else writeOperands(p.program, shape, addresses, operands, params);
  out.device.backend!.pointwise();
  if (block[0] !== 0) raiseStatus(op);
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
  const [re, im] = p.parts();
  if (p.complexOut && reducer !== 'sum') {
    throw new NotImplementedError(
      message(op, 'a real dtype', out.dtype.name, `"${op}" not implemented for '${out.dtype.title}'`),
    );
  }
  const steps = p.complexOut ? 2 : 1;
  const half = out.dtype.itemSize / 2;
  const operands: Operand[] = inputs.flatMap((t, i) => {
    const strides = broadcastStrides(t.shape, t.strides, shape);
    if (!p.complex[i]) return [{ address: t.address, strides }];
    const twice = doubled(strides);
    return [
      { address: t.address, strides: twice },
      { address: afterPart(t), strides: twice },
    ];
  });
  [re, im].forEach((program, k) => {
    if (k >= steps) return;
    writeReduceOperands(
      program!,
      reducer,
      shape,
      reduced,
      { address: out.address + k * half, step: steps },
      outIndex,
      operands,
      params,
    );
    out.device.backend!.reduce();
    if (block[0] !== 0) raiseStatus(op);
  });
}

interface Operand {
  readonly address: number;
  readonly strides: Shape;
}

export const reducers = { sum: 0, prod: 1, max: 2, min: 3, argmax: 4, argmin: 5 } as const;
export type Reducer = keyof typeof reducers;

/**
 * Reduces `program` over the dims of `shape` marked in `reduced`. `out` (and `outIndex`) are contiguous with the kept
 * dims' sizes. Dims that are kept and dims that are reduced are each coalesced in their own order.
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
  const backend = backendFor(op, out, inputs);
  if (program < 0) {
    reduceComplex(op, complexProgram(program), reducer, shape, reduced, out, outIndex, inputs, params);
    return;
  }
  if (!writeFlatReduce(program, reducer, shape, reduced, out, outIndex, inputs, params)) {
    writeReduce(program, reducer, shape, reduced, out, outIndex, inputs, params);
  }
  backend.reduce();
  if (block[0] !== 0) raiseStatus(op);
}

/** Reduces all n elements of a contiguous tensor to one: a command without shapes to resolve. */
export function launchFullReduce(
  op: string,
  program: number,
  reducer: Reducer,
  out: Tensor,
  x: Tensor,
): void {
  block[0] = program;
  block[1] = reducers[reducer];
  block[2] = 0;
  block[3] = 1;
  block[4] = x.length;
  block[5] = out.address;
  block[6] = x.address;
  block[7] = 1;
  x.device.backend!.reduce();
  if (block[0] !== 0) raiseStatus(op);
}

/** Everything reduced, from contiguous inputs of the full shape or of one element: a single dim. False where that does not hold. */
function writeFlatReduce(
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
  return writeFlatInputs(at, inputs, n);
}

function writeReduce(
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: Tensor,
  outIndex: Tensor | null,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  const operands = inputs.map((t) => ({
    address: t.address,
    strides: broadcastStrides(t.shape, t.strides, shape),
  }));
  writeReduceOperands(
    program,
    reducer,
    shape,
    reduced,
    { address: out.address, step: 1 },
    outIndex,
    operands,
    params,
  );
}

/** `out` is contiguous but for `step` between neighbours. */
function writeReduceOperands(
  program: number,
  reducer: Reducer,
  shape: Shape,
  reduced: readonly boolean[],
  out: { readonly address: number; readonly step: number },
  outIndex: Tensor | null,
  inputs: readonly Operand[],
  params: readonly number[],
): void {
  const keptDims = dimsMarked(reduced, false);
  const reducedDims = dimsMarked(reduced, true);
  const outStrides = keptStrides(shape, reduced, out.step);
  const inStrides = inputs.map((t) => t.strides);
  // The flat index of an arg-reduction counts in row-major order of the reduced dims, so their order is kept.
  const kept = coalesceOrEmpty(shape, [outStrides, ...inStrides], keptDims);
  const inner = coalesceOrEmpty(shape, [outStrides, ...inStrides], reducedDims);
  block[0] = program;
  block[1] = reducers[reducer];
  block[2] = kept.sizes.length;
  block[3] = inner.sizes.length;
  let at = 4;
  at = writeList(at, params);
  at = writeList(at, kept.sizes);
  at = writeList(at, inner.sizes);
  at = writeOperand(at, out.address, kept.strides[0]!);
  if (outIndex !== null) at = writeOperand(at, outIndex.address, kept.strides[0]!);
  for (let i = 0; i < inputs.length; i++) {
    at = writeOperand(at, inputs[i]!.address, kept.strides[i + 1]!);
    at = writeList(at, inner.strides[i + 1]!);
  }
}
