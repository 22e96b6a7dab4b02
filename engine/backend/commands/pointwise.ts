// Pointwise command: a program over every element of a space of dims, outermost first.
//   block = [program, ndim, param × P, size × ndim, operand × outputs, operand × inputs]
// An operand is [address, stride × ndim]; the program says how many params, outputs and inputs there are. An output may alias an
// input exactly (in-place). Mirrors native/commands/pointwise.h.
//   launchPointwise('add', program, out, [a, b], [])
//
// `launchPointwise` takes tensors, not a command, for it is the path of every elementwise op: where all is contiguous,
// `fastFlatPointwise` writes the command without making an object.

import { deviceError } from '../../core/device.js';
import { broadcastStrides, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { type ComplexProgram, complexProgram } from '../../pointwise/program.js';
import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { coalesce, memoryOrder } from './coalesce.js';
import { Cursor, endCommand, requireDims, writeList, writeOperand } from './cursor.js';
import { raiseStatus } from './status.js';

export interface PointwiseCommand {
  readonly program: number;
  readonly params: readonly number[];
  readonly sizes: readonly number[];
  /** Of the outputs, then of the inputs. */
  readonly addresses: readonly number[];
  /** Of the same: one list each, a stride for each dim. */
  readonly strides: readonly (readonly number[])[];
}

/** What the addon knows of a program, and the block does not say. */
export interface ProgramCounts {
  readonly params: number;
  readonly outputs: number;
  readonly inputs: number;
}

export function encodePointwise(op: string, c: PointwiseCommand): number {
  requireDims(op, c.sizes.length);
  block[0] = c.program;
  block[1] = c.sizes.length;
  let at = writeList(2, c.params);
  at = writeList(at, c.sizes);
  for (let k = 0; k < c.addresses.length; k++) at = writeOperand(at, c.addresses[k]!, c.strides[k]!);
  return endCommand(op, at);
}

export function decodePointwise(countsOf: (program: number) => ProgramCounts): PointwiseCommand {
  const cursor = new Cursor();
  const program = cursor.number();
  const ndim = cursor.number();
  const { params, outputs, inputs } = countsOf(program);
  const command = { program, params: cursor.list(params), sizes: cursor.list(ndim) };
  const operands = cursor.repeat(outputs + inputs, () => cursor.operand(ndim));
  return { ...command, addresses: operands.map((o) => o.address), strides: operands.map((o) => o.strides) };
}

/** Runs `program` over `out`'s shape. Inputs broadcast to it. */
export function launchPointwise(
  op: string,
  program: number,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  if (out.length === 0) return;
  const kernels = kernelsFor(op, out, inputs);
  if (program < 0) encodePointwise(op, complexPointwise(complexProgram(program), out, inputs, params));
  else if (!fastFlatPointwise(program, out, inputs, params))
    encodePointwise(op, stridedPointwise(program, out, inputs, params));
  kernels.pointwise();
  if (block[0] !== 0) raiseStatus(op);
}

/** The last check before addresses are handed to native code. @throws where a tensor has no memory, or another device's. */
export function kernelsFor(op: string, out: Tensor, inputs: readonly Tensor[]): Kernels {
  const { device } = out;
  const { kernels } = device;
  let held = kernels !== null;
  for (let i = 0; i < inputs.length; i++) held &&= inputs[i]!.device === device;
  if (!held) throw deviceError(op, [out, ...inputs]);
  return kernels!;
}

/**
 * Writes the command of `stridedPointwise` where everything is contiguous and of one shape, or one element: a single dim. False
 * where that does not hold. By hand, because small elementwise calls cost what their command costs: no list and no object is
 * made, and nothing needs a check of its length (a program has at most 64 params and 64 operands).
 */
export function fastFlatPointwise(
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
  return fastFlatInputs(at, inputs, n);
}

/** Operands of a single dim of n elements, from `block[from]` on. False where one takes more dims. */
export function fastFlatInputs(from: number, inputs: readonly Tensor[], n: number): boolean {
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
    for (let d = 0; d < t.sizes.length; d++) if (t.strides[d] !== 0 && t.sizes[d] !== 1) return -1;
  }
  return 0;
}

/** The command for any strides. */
export function stridedPointwise(
  program: number,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): PointwiseCommand {
  const operands = [out.strides, ...inputs.map((t) => broadcastStrides(t.sizes, t.strides, out.sizes))];
  return mergedCommand(program, params, out.sizes, [out.address, ...inputs.map((t) => t.address)], operands);
}

function mergedCommand(
  program: number,
  params: readonly number[],
  shape: Shape,
  addresses: readonly number[],
  operands: readonly Shape[],
): PointwiseCommand {
  const { sizes, strides } = coalesce(shape, operands, memoryOrder(shape, operands));
  return { program, params, sizes, addresses, strides };
}

/** Strides of complex numbers, counted in the real ones that their parts are. */
export const partStrides = (strides: Shape): number[] => strides.map((s) => 2 * s);
/** The address of the first imaginary part. */
export const imaginaryPart = (t: Tensor): number => t.address + t.dtype.itemSize / 2;

/** The command of a program on the parts of complex operands: twice the strides, half an item apart. */
function complexPointwise(
  p: ComplexProgram,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): PointwiseCommand {
  const { sizes: shape } = out;
  const addresses: number[] = [];
  const operands: Shape[] = [];
  const put = (t: Tensor, strides: Shape, complex: boolean): void => {
    addresses.push(t.address);
    operands.push(complex ? partStrides(strides) : strides);
    if (complex && !p.partwise) {
      addresses.push(imaginaryPart(t));
      operands.push(partStrides(strides));
    }
  };
  put(out, out.strides, p.complexOut);
  inputs.forEach((t, i) => {
    put(t, broadcastStrides(t.sizes, t.strides, shape), p.complex[i]!);
  });
  if (!p.partwise) return mergedCommand(p.program, params, shape, addresses, operands);
  // Parts lie side by side: one more dim, of 2.
  const withParts = operands.map((s) => [...s, 1]);
  return mergedCommand(p.program, params, [...shape, 2], addresses, withParts);
}
