// Owns the small argument conventions that several ops share: spread sizes, one-or-many dims. It must not name any op.
import { ArgumentError, describe, message } from '../core/errors.js';
import { requireDimsOfSet, wrapDims } from '../core/shape.js';

/** Splits `(3, 2, options)`, `([3, 2], options)`, `(3, 2)` or `([3, 2])`. */
export function splitSize<O = never>(
  args: readonly unknown[],
): { size: readonly number[]; options: O | undefined } {
  const [first] = args;
  if (Array.isArray(first)) {
    if (args.length > 2)
      throw new ArgumentError(message('size', 'one list of sizes', `${args.length} arguments`));
    return { size: first as number[], options: args[1] as O | undefined };
  }
  const last = args.at(-1);
  const hasOptions = typeof last === 'object' && last !== null;
  const size = hasOptions ? args.slice(0, -1) : args;
  for (const s of size)
    if (typeof s !== 'number') throw new ArgumentError(message('size', 'integers', describe(s)));
  return { size: size as number[], options: hasOptions ? (last as O) : undefined };
}

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
