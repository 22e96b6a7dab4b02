// Dims arguments that several ops share: one or many dims, and masks of them.
import { requireDimsOfSet, wrapDims } from '../core/shape.js';

/** Wrapped, distinct dims; null or an empty list means all. @throws RuntimeError where dims of more than 64 are named. */
export function dimsOf(op: string, dim: number | readonly number[] | null, ndim: number): number[] {
  const named = typeof dim === 'number' || (dim !== null && dim.length > 0);
  if (named) {
    requireDimsOfSet(op, ndim);
    return wrapDims(op, typeof dim === 'number' ? [dim] : dim, ndim);
  }
  const all: number[] = [];
  for (let d = 0; d < ndim; d++) all.push(d);
  return all;
}

/** Whether each dim is among `dims`. */
export function maskOf(dims: readonly number[], ndim: number): boolean[] {
  const mask: boolean[] = [];
  for (let d = 0; d < ndim; d++) mask.push(dims.includes(d));
  return mask;
}
