// Geometry of commands: in which order dims are walked, and dims merged where every operand runs on. Free of tensors and families.
//   const { sizes, strides } = coalesce(shape, operands, memoryOrder(shape, operands));

import type { Shape } from '../../core/shape.js';

/** Dims with the output's largest stride first, so that the walk follows memory. */
export function memoryOrder(shape: Shape, operands: readonly Shape[]): number[] {
  const order: number[] = [];
  const weights: number[] = [];
  // By insertion: a few dims, mostly in order already.
  for (let d = 0; d < shape.length; d++) {
    const weight = weightOf(d, operands);
    let at = d;
    for (; at > 0 && weights[at - 1]! < weight; at--) {
      weights[at] = weights[at - 1]!;
      order[at] = order[at - 1]!;
    }
    weights[at] = weight;
    order[at] = d;
  }
  return order;
}

/** The stride of the first operand that moves along `d`. */
function weightOf(d: number, operands: readonly Shape[]): number {
  for (let k = 0; k < operands.length; k++) if (operands[k]![d] !== 0) return Math.abs(operands[k]![d]!);
  return 0;
}

/** Sizes of merged dims, and each operand's strides over them. */
export interface Dims {
  readonly sizes: number[];
  readonly strides: number[][];
}

/** Drops dims of size 1 and merges neighbours that every operand walks as one. Never empty: a single 1 stands for 0-d. */
export function coalesce(shape: Shape, operands: readonly Shape[], order: readonly number[]): Dims {
  const sizes: number[] = [];
  const strides: number[][] = [];
  for (let k = 0; k < operands.length; k++) strides.push([]);
  for (let i = 0; i < order.length; i++) {
    const d = order[i]!;
    const size = shape[d]!;
    if (size === 1) continue;
    const last = sizes.length - 1;
    const at = last >= 0 && runsOn(strides, last, operands, d, size) ? last : last + 1;
    sizes[at] = at === last ? sizes[last]! * size : size;
    for (let k = 0; k < operands.length; k++) strides[k]![at] = operands[k]![d]!;
  }
  if (sizes.length === 0) {
    sizes.push(1);
    for (const s of strides) s.push(1);
  }
  return { sizes, strides };
}

/** Whether every operand's merged dim `last` goes on where its dim `d` of this size ends. */
function runsOn(
  strides: readonly Shape[],
  last: number,
  operands: readonly Shape[],
  d: number,
  size: number,
): boolean {
  for (let k = 0; k < operands.length; k++) if (strides[k]![last] !== operands[k]![d]! * size) return false;
  return true;
}

/** The dims that a mask marks, or those that it does not. */
export function dimsMarked(mask: readonly boolean[], marked: boolean): number[] {
  const dims: number[] = [];
  for (let d = 0; d < mask.length; d++) if (mask[d] === marked) dims.push(d);
  return dims;
}

/** As `coalesce`, but nothing where every dim has one element. */
export function coalesceOrEmpty(shape: Shape, operands: readonly Shape[], order: readonly number[]): Dims {
  if (order.every((d) => shape[d] === 1)) return { sizes: [], strides: operands.map(() => []) };
  return coalesce(shape, operands, order);
}

/** Strides of the contiguous result over the kept dims; 0 for reduced ones. */
export function keptStrides(shape: Shape, reduced: readonly boolean[], apart = 1): number[] {
  const out = new Array<number>(shape.length);
  let step = apart;
  for (let d = shape.length - 1; d >= 0; d--) {
    out[d] = reduced[d] ? 0 : step;
    if (!reduced[d]) step *= shape[d]!;
  }
  return out;
}
