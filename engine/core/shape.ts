// Shape and stride arithmetic: broadcasting, views, dims. Pure functions of numbers.
import { ArgumentError, describe, IndexError, message, RuntimeError, showShape } from './errors.js';

export type Shape = readonly number[];

/** The number of elements of a shape. @throws RuntimeError where a number cannot count them. */
export function numelOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i]!;
  // Also where the product is infinite or, of infinity and 0, no number.
  return n <= Number.MAX_SAFE_INTEGER ? n : countOf(shape);
}

function countOf(shape: Shape): number {
  if (shape.includes(0)) return 0;
  throw new RuntimeError(
    message('numel', 'fewer than 2^53 elements', showShape(shape), 'numel: integer multiplication overflow'),
  );
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(shape[i]!, 1);
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether the elements lie in row-major order without gaps. */
export function isContiguousLayout(shape: Shape, strides: Shape): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size === 0) return true;
    if (size !== 1) {
      if (strides[i] !== step) return false;
      step *= size;
    }
  }
  return true;
}

/** Whether some order of the dims makes the layout row-major without gaps. */
export function isDense(shape: Shape, strides: Shape): boolean {
  const dims: number[] = [];
  for (let i = 0; i < shape.length; i++) if (shape[i] !== 1) dims.push(i);
  dims.sort((a, b) => strides[a]! - strides[b]!);
  let step = 1;
  for (const d of dims) {
    if (strides[d] !== step) return false;
    step *= shape[d]!;
  }
  return true;
}

/** Which of two dims lies further out: positive where `a` does, 0 where nothing says so (a dim that repeats one value). */
function compareDims(shape: Shape, strides: Shape, a: number, b: number): number {
  if (strides[a] === 0 || strides[b] === 0) return 0;
  return strides[a]! - strides[b]! || (shape[a]! > shape[b]! ? 1 : 0);
}

/**
 * The dims in the order of memory, innermost first: the order in which PyTorch's TensorIterator walks a tensor. Its order is no
 * total one: a sort by insertion, with its steps.
 */
export function memoryOrder(shape: Shape, strides: Shape): number[] {
  const order = shape.map((_, i) => shape.length - 1 - i);
  for (let i = 1; i < order.length; i++) {
    let at = i;
    for (let k = i - 1; k >= 0; k--) {
      const which = compareDims(shape, strides, order[k]!, order[at]!);
      if (which < 0) break;
      if (which === 0) continue;
      [order[k], order[at]] = [order[at]!, order[k]!];
      at = k;
    }
  }
  return order;
}

/**
 * The strides of a fresh result that keeps the dims' order in memory of `strides`: PyTorch's preserve_format. Those of a dense
 * layout are kept as they are, others are closed up. After at::infer_dense_strides.
 */
export function preservedStrides(shape: Shape, strides: Shape): Shape {
  if (isDense(shape, strides)) return strides;
  const result = new Array<number>(shape.length);
  let step = 1;
  for (const d of memoryOrder(shape, strides)) {
    result[d] = step;
    step *= Math.max(shape[d]!, 1);
  }
  return result;
}

/** The shape that both broadcast to. @throws RuntimeError, as PyTorch. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const n = Math.max(a.length, b.length);
  const out = new Array<number>(n);
  for (let i = 0; i < n; i++) {
    // A read before the start would be a look-up of a name.
    const x = i < n - a.length ? 1 : a[a.length - n + i]!;
    const y = i < n - b.length ? 1 : b[b.length - n + i]!;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RuntimeError(
        message(
          op,
          'shapes that broadcast',
          `${showShape(a)} and ${showShape(b)}`,
          `The size of tensor a (${x}) must match the size of tensor b (${y}) at non-singleton dimension ${i}`,
        ),
      );
    }
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides with which a tensor of `shape` is read as if it had the shape `target`. */
export function broadcastStrides(shape: Shape, strides: Shape, target: Shape): number[] {
  const lead = target.length - shape.length;
  const out = new Array<number>(target.length);
  for (let i = 0; i < target.length; i++) {
    const own = i < lead ? 1 : shape[i - lead]!;
    out[i] = i < lead || (own === 1 && target[i] !== 1) ? 0 : strides[i - lead]!;
  }
  return out;
}

/** Whether `shape` broadcasts to `target`. */
export function expandsTo(shape: Shape, target: Shape): boolean {
  const lead = target.length - shape.length;
  if (lead < 0) return false;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] !== target[lead + i] && shape[i] !== 1) return false;
  }
  return true;
}

/** The error of a dim of a 0-d tensor, for the few ops that do not take 0 and -1 there. */
export function noDims(op: string, dim: number): IndexError {
  const hint = `Dimension specified as ${dim} but tensor has no dimensions`;
  return new IndexError(message(op, 'a tensor with dims', 'a 0-d tensor', hint));
}

/** A dim in [0, ndim). @throws IndexError, as PyTorch; a 0-d tensor takes 0 and -1. */
export function wrapDim(op: string, dim: number, ndim: number): number {
  if (!Number.isInteger(dim)) throw new ArgumentError(message(op, 'an integer dim', describe(dim)));
  const n = Math.max(ndim, 1);
  if (dim < -n || dim >= n) {
    throw new IndexError(
      message(
        op,
        `a dim in [${-n}, ${n - 1}]`,
        String(dim),
        `Dimension out of range (expected to be in range of [${-n}, ${n - 1}], but got ${dim})`,
      ),
    );
  }
  return dim < 0 ? dim + n : dim;
}

/** Distinct wrapped dims in the order given. @throws RuntimeError on a repeated dim. */
export function wrapDims(op: string, dims: readonly number[], ndim: number): number[] {
  const out = dims.map((d) => wrapDim(op, d, ndim));
  for (let i = 0; i < out.length; i++) {
    if (out.indexOf(out[i]!) !== i) {
      throw new RuntimeError(
        message(
          op,
          'distinct dims',
          showShape(dims),
          `dim ${out[i]} appears multiple times in the list of dims`,
        ),
      );
    }
  }
  return out;
}

/** @throws RuntimeError where PyTorch takes dims as a set of 64 bits and the tensor has more. */
export function requireDimsOfSet(op: string, ndim: number): void {
  if (ndim <= 64) return;
  const hint = 'only tensors with up to 64 dims are supported';
  throw new RuntimeError(message(op, 'at most 64 dims', String(ndim), hint));
}

/** A checked list of sizes. @throws RuntimeError on negative sizes, ArgumentError on anything but integers. */
export function checkSizes(op: string, sizes: readonly number[]): number[] {
  for (const s of sizes) {
    if (!Number.isInteger(s)) throw new ArgumentError(message(op, 'integer sizes', describe(s)));
    if (s < 0) {
      throw new RuntimeError(
        message(
          op,
          'sizes of at least 0',
          showShape(sizes),
          `Trying to create tensor with negative dimension ${s}`,
        ),
      );
    }
  }
  return [...sizes];
}

/** Fills in the one -1 of a view's shape. @throws RuntimeError when the sizes cannot hold `numel`. */
export function inferSize(op: string, sizes: readonly number[], numel: number): number[] {
  const out = [...sizes];
  let known = 1;
  let hole = -1;
  for (let i = 0; i < out.length; i++) {
    const s = out[i]!;
    if (!Number.isInteger(s)) throw new ArgumentError(message(op, 'integer sizes', describe(s)));
    if (s === -1) {
      if (hole >= 0) {
        throw new RuntimeError(
          message(op, 'at most one -1', showShape(sizes), 'only one dimension can be inferred'),
        );
      }
      hole = i;
    } else if (s < 0) {
      throw new RuntimeError(
        message(op, 'sizes of at least 0, or one -1', showShape(sizes), `invalid shape dimension ${s}`),
      );
    } else known *= s;
  }
  if (hole >= 0) {
    if (known === 0) {
      throw new RuntimeError(
        message(
          op,
          'a -1 that is decided by the other sizes',
          showShape(sizes),
          'cannot reshape tensor of 0 elements: the unspecified dimension size -1 can be any value and is ambiguous',
        ),
      );
    }
    if (numel % known !== 0) throw badSize(op, sizes, numel);
    out[hole] = numel / known;
  } else if (known !== numel) throw badSize(op, sizes, numel);
  return out;
}

function badSize(op: string, sizes: readonly number[], numel: number): RuntimeError {
  return new RuntimeError(
    message(
      op,
      `sizes that hold ${numel} elements`,
      showShape(sizes),
      `shape '${showShape(sizes)}' is invalid for input of size ${numel}`,
    ),
  );
}

/** The strides with which a layout can be seen as `target` without a copy, or null (at::detail::computeStride). */
export function viewStrides(shape: Shape, strides: Shape, target: Shape): number[] | null {
  if (numelOf(shape) === 0) return sameShape(shape, target) ? [...strides] : contiguousStrides(target);
  const out = new Array<number>(target.length);
  let t = target.length - 1;
  let chunkStride = shape.length === 0 ? 1 : strides[shape.length - 1]!;
  let chunk = 1;
  let viewed = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    chunk *= shape[d]!;
    const last = d === 0;
    if (last || (shape[d - 1] !== 1 && strides[d - 1] !== chunk * chunkStride)) {
      while (t >= 0 && (viewed < chunk || target[t] === 1)) {
        out[t] = viewed * chunkStride;
        viewed *= target[t]!;
        t--;
      }
      if (viewed !== chunk) return null;
      if (!last) {
        chunkStride = strides[d - 1]!;
        chunk = 1;
        viewed = 1;
      }
    }
  }
  if (shape.length === 0) {
    for (; t >= 0; t--) out[t] = 1;
  }
  return t >= 0 ? null : out;
}

/** How many elements of memory a layout reaches over. */
export function extentOf(shape: Shape, strides: Shape): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((n, size, d) => n + (size - 1) * strides[d]!, 1);
}
