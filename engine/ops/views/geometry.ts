// Views as differentiable functions of strides: select, slice, expand, asStrided. They declare no ops; dims are already
// wrapped.
import { checkHistory } from '../../autograd/in-place.js';
import { record } from '../../autograd/node.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor, regeometry, seenAs, viewOf } from '../../core/factory.js';
import { numelOf, type Shape, viewStrides } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { contiguous, rawFill, rawZeros } from '../creation/copy-fill-cast.js';
import { filled, putRaw } from '../indexing/index-kernels.js';
import { div } from '../pointwise/arithmetic.js';

/** Where elements lie in a storage. */
export interface Geometry {
  readonly shape: Shape;
  readonly strides: Shape;
  readonly offset: number;
}

/** A view whose gradient is one function of the view's gradient. */
export function recordedView(
  name: string,
  x: Tensor,
  shape: Shape,
  strides: Shape,
  offset: number,
  backward: (g: Tensor) => Tensor,
): Tensor {
  return record(name, viewOf(x, shape, strides, offset), [x], () => ([g]) => [backward(g!)]);
}

/** Zeros of `shape` with `g` where `view` looks. The gradient of every view that drops elements; itself differentiable. */
export function embed(name: string, g: Tensor, shape: Shape, view: (x: Tensor) => Tensor): Tensor {
  const whole = rawZeros(shape, g.dtype);
  rawCopy(view(whole), g);
  return record(`${name}Backward0`, whole, [g], () => ([gg]) => [view(gg!)]);
}

/** The same elements under another shape: a view where the layout allows it, else a copy. `shape` holds as many. */
export function reshaped(x: Tensor, shape: Shape): Tensor {
  const before = x.sizes;
  const strides = viewStrides(x.sizes, x.strides, shape);
  if (strides !== null)
    return recordedView('ViewBackward0', x, shape, strides, x.offset, (g) => reshaped(g, before));
  const copy = contiguous.impl(x);
  const dense = viewStrides(copy.sizes, copy.strides, shape)!;
  // PyTorch's unsafe view: the copy is nobody else's, so the result counts as no view of it.
  const out = new Tensor(copy.storage, shape, dense, copy.offset, copy.dtype, true, null, copy.device);
  return record('UnsafeViewBackward0', out, [copy], () => ([g]) => [reshaped(g!, before)]);
}

/** The dims in another order; `dims` is a permutation. */
export function permuted(x: Tensor, dims: readonly number[], name = 'PermuteBackward0'): Tensor {
  const shape = dims.map((d) => x.sizes[d]!);
  const strides = dims.map((d) => x.strides[d]!);
  return recordedView(name, x, shape, strides, x.offset, (g) => {
    const back = new Array<number>(dims.length);
    dims.forEach((d, i) => {
      back[d] = i;
    });
    return permuted(g, back, name);
  });
}

/** Two dims exchanged. */
export function transposed(x: Tensor, a: number, b: number, name = 'TransposeBackward0'): Tensor {
  const shape = [...x.sizes];
  const strides = [...x.strides];
  if (x.ndim > 0) {
    [shape[a], shape[b]] = [shape[b]!, shape[a]!];
    [strides[a], strides[b]] = [strides[b]!, strides[a]!];
  }
  return recordedView(name, x, shape, strides, x.offset, (g) => transposed(g, a, b, name));
}

/** `x` read as if it had the sizes `target` (−1 keeps a size). @throws RuntimeError where it does not broadcast. */
export function expanded(op: string, x: Tensor, target: readonly number[]): Tensor {
  const n = target.length;
  const lead = n - x.ndim;
  if (lead < 0) {
    throw new RuntimeError(
      message(
        op,
        `at least ${x.ndim} sizes`,
        showShape(target),
        `the number of sizes provided (${n}) must be greater or equal to the number of dimensions in the tensor (${x.ndim})`,
      ),
    );
  }
  const shape = new Array<number>(n);
  const strides = new Array<number>(n);
  for (let i = n - 1; i >= 0; i--) {
    const own = i >= lead ? x.sizes[i - lead]! : 1;
    let size = target[i]!;
    strides[i] = i >= lead ? x.strides[i - lead]! : i + 1 < n ? shape[i + 1]! * strides[i + 1]! : 1;
    if (size === -1) {
      if (i < lead) {
        throw new RuntimeError(
          message(
            op,
            'a size for each new dim',
            showShape(target),
            `The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension ${i}`,
          ),
        );
      }
      size = own;
    }
    if (size !== own) {
      if (own !== 1 || size < 0) throw notExpandable(op, x.sizes, target, i, own);
      strides[i] = 0;
    }
    shape[i] = size;
  }
  // The walk sums a gradient down to the shape that was broadcast.
  return recordedView('ExpandBackward0', x, shape, strides, x.offset, (g) => g);
}

function notExpandable(op: string, shape: Shape, target: Shape, dim: number, own: number): RuntimeError {
  return new RuntimeError(
    message(
      op,
      `sizes that ${showShape(shape)} broadcasts to`,
      showShape(target),
      `The expanded size of the tensor (${target[dim]}) must match the existing size (${own}) at non-singleton dimension ${dim}.  Target sizes: ${showShape(target)}.  Tensor sizes: ${showShape(shape)}`,
    ),
  );
}

/** Without the dims of size 1 that `dims` names. */
export function squeezed(x: Tensor, dims: readonly boolean[], name: string): Tensor {
  const kept = x.sizes.map((_, d) => d).filter((d) => !(dims[d] === true && x.sizes[d] === 1));
  const shape = kept.map((d) => x.sizes[d]!);
  const strides = kept.map((d) => x.strides[d]!);
  const before = x.sizes;
  return recordedView(name, x, shape, strides, x.offset, (g) => reshaped(g, before));
}

/** With a dim of size 1 before dim `at`. */
export function unsqueezed(x: Tensor, at: number): Tensor {
  const shape = [...x.sizes.slice(0, at), 1, ...x.sizes.slice(at)];
  const step = at < x.ndim ? x.sizes[at]! * x.strides[at]! : 1;
  const strides = [...x.strides.slice(0, at), step, ...x.strides.slice(at)];
  const before = x.sizes;
  return recordedView('UnsqueezeBackward0', x, shape, strides, x.offset, (g) => reshaped(g, before));
}

/** Zeros of `shape` with each gradient where its output looks. Differentiable. */
export function assembled(
  grads: readonly (Tensor | null)[],
  dtype: Tensor['dtype'],
  shape: readonly number[],
  view: (whole: Tensor, i: number) => Tensor,
): Tensor {
  const whole = rawZeros(shape, dtype);
  const given: Tensor[] = [];
  const at: number[] = [];
  grads.forEach((g, i) => {
    if (g === null || g === undefined) return;
    given.push(g);
    at.push(i);
    rawCopy(view(seenAs(whole, shape, whole.strides), i), g);
  });
  return record(
    'PartsBackwardBackward0',
    whole,
    given,
    () =>
      ([gg]) =>
        at.map((i) => view(gg!, i)),
  );
}

const without = (list: readonly number[], at: number): number[] => list.filter((_, i) => i !== at);

/** One position of a dim, which disappears. @throws IndexError out of range. */
export function selected(op: string, x: Tensor, dim: number, index: number): Tensor {
  const size = x.sizes[dim]!;
  if (index < -size || index >= size) {
    throw new IndexError(
      message(
        op,
        `an index in [${-size}, ${size - 1}]`,
        String(index),
        `index ${index} is out of bounds for dimension ${dim} with size ${size}`,
      ),
    );
  }
  const at = index < 0 ? index + size : index;
  const offset = x.offset + at * x.strides[dim]!;
  const before = x.sizes;
  return recordedView('SelectBackward0', x, without(x.sizes, dim), without(x.strides, dim), offset, (g) =>
    embed('SelectBackward', g, before, (whole) => selected(op, whole, dim, at)),
  );
}

/** Positions start, start + step, … of a dim, `length` of them; all are inside. */
export function sliced(x: Tensor, dim: number, start: number, length: number, step = 1): Tensor {
  const shape = [...x.sizes];
  const strides = [...x.strides];
  shape[dim] = length;
  strides[dim] = x.strides[dim]! * step;
  const offset = x.offset + start * x.strides[dim]!;
  const before = x.sizes;
  return recordedView('SliceBackward0', x, shape, strides, offset, (g) =>
    embed('SliceBackward', g, before, (whole) => sliced(whole, dim, start, length, step)),
  );
}

/** The diagonal of two dims, which disappear; its dim comes last. */
export function diagonalOf(x: Tensor, shift: number, a: number, b: number): Tensor {
  const length = Math.max(
    0,
    shift >= 0 ? Math.min(x.sizes[a]!, x.sizes[b]! - shift) : Math.min(x.sizes[a]! + shift, x.sizes[b]!),
  );
  const kept = x.sizes.map((_, d) => d).filter((d) => d !== a && d !== b);
  const shape = [...kept.map((d) => x.sizes[d]!), length];
  const strides = [...kept.map((d) => x.strides[d]!), x.strides[a]! + x.strides[b]!];
  const before = x.sizes;
  const first = length === 0 ? 0 : shift >= 0 ? shift * x.strides[b]! : -shift * x.strides[a]!;
  return recordedView('DiagonalBackward0', x, shape, strides, x.offset + first, (g) =>
    embed('DiagonalBackward', g, before, (whole) => diagonalOf(whole, shift, a, b)),
  );
}

/** Turns `x` itself into what `view` shows of it; no element changes. @throws RuntimeError where autograd forbids it. */
export function becomeView(op: string, x: Tensor, view: (x: Tensor) => Tensor): Tensor {
  checkHistory(op, x);
  const seen = view(x);
  regeometry(x, seen.sizes, seen.strides, seen.offset);
  // What was saved of it has the old geometry, and views of it are now views of something else.
  x.storage.version++;
  const node = seen.autograd?.node ?? null;
  if (node !== null) x.replaceHistory(node, seen.outputNr);
  return x;
}

/** The same tensor as a view of itself. */
export function aliased(x: Tensor): Tensor {
  return recordedView('AliasBackward0', x, x.sizes, x.strides, x.offset, (g) => g);
}

/** A view of any geometry within the storage, with its gradient. Sizes and strides are already checked. */
export function asStridedView(x: Tensor, shape: Shape, strides: Shape, offset: number): Tensor {
  const from: Geometry = { shape, strides, offset };
  const to: Geometry = { shape: x.sizes, strides: x.strides, offset: x.offset };
  return recordedView('AsStridedBackward0', x, shape, strides, offset, (g) => carried(g, to, from));
}

/**
 * The sum of `g`, laid out as `from`, into an empty storage, seen as `to`. Where several elements of `counted` share a
 * place, each gets its part. The gradient is the same with `from` and `to` exchanged.
 */
export function carried(g: Tensor, to: Geometry, from: Geometry, counted: Geometry = to): Tensor {
  const low = Math.min(from.offset, to.offset);
  const size = Math.max(endOf(from), endOf(to)) - low;
  const seen = (flat: Tensor, of: Geometry): Tensor =>
    new Tensor(flat.storage, of.shape, of.strides, of.offset - low, g.dtype);
  let flat = rawZeros([size], g.dtype);
  if (mayOverlap(from)) putRaw('asStrided', 'add', seen(flat, from), [], g);
  else rawCopy(seen(flat, from), g);
  if (mayOverlap(counted)) {
    const counts = newTensor([size], g.dtype);
    rawFill(counts, 1);
    rawFill(seen(counts, counted), 0);
    putRaw('asStrided', 'add', seen(counts, counted), [], filled([], 1, g.dtype));
    flat = div.impl(flat, counts);
  }
  const out = newTensor(to.shape, g.dtype);
  rawCopy(out, seen(flat, to));
  return record('AsStridedBackwardBackward0', out, [g], () => ([gg]) => [carried(gg!, from, to, counted)]);
}

function endOf(of: Geometry): number {
  if (numelOf(of.shape) === 0) return of.offset;
  return of.shape.reduce((end, size, d) => end + (size - 1) * of.strides[d]!, of.offset + 1);
}

/** Whether two elements may share a place. True where it cannot be told cheaply. */
function mayOverlap(of: Geometry): boolean {
  if (numelOf(of.shape) <= 1) return false;
  const dims = of.shape.map((_, d) => d).filter((d) => of.shape[d] !== 1);
  dims.sort((a, b) => of.strides[a]! - of.strides[b]!);
  let reach = 0;
  for (const d of dims) {
    if (of.strides[d]! <= reach) return true;
    reach += (of.shape[d]! - 1) * of.strides[d]!;
  }
  return false;
}
