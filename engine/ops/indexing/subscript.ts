// Subscripts: x.at(…), x.setAt([…], value), x.where(…). What an index may be, and how it becomes views and index
// tensors, by the rules of NumPy and PyTorch.
import { checkInPlace } from '../../autograd/in-place.js';
import { maxDims } from '../../backend/commands/cursor.js';
import { Complex } from '../../core/complex.js';
import { type Device, placedOn, placement } from '../../core/device.js';
import { bool, int64 } from '../../core/dtype.js';
import { ArgumentError, describe, IndexError, message, ValueError } from '../../core/errors.js';
import { newWritten } from '../../core/factory.js';
import { scalarAs } from '../../core/scalar.js';
import { sameShape } from '../../core/shape.js';
import { type Nested, type Scalar, Tensor } from '../../core/tensor.js';
import { appliedInPlace } from '../../registry/in-place.js';
import { copy, fill, moved } from '../creation/copy-fill-cast.js';
import { aliased, expanded, reshaped, selected, sliced, unsqueezed } from '../views/geometry.js';
import { indexed, isMask, perDim, putting, requireMaskShape } from './advanced.js';
import { counting, filled, requireMemory } from './index-kernels.js';
import { filling, where } from './masked.js';

/**
 * One part of an index: an integer, a slice 'a:b:c', '...', null (a new axis), a boolean, a mask or index tensor, or a
 * nested list of integers or booleans.
 */
export type Index = number | bigint | boolean | string | null | Tensor | readonly NestedIndex[];
type NestedIndex = number | bigint | boolean | readonly NestedIndex[];

interface Slice {
  readonly kind: 'slice';
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number;
}
type Item =
  | Slice
  | { readonly kind: 'int'; readonly at: number }
  | { readonly kind: 'ellipsis' }
  | { readonly kind: 'newAxis' }
  | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'tensor'; readonly index: Tensor };

const badIndex = (op: string, got: string): ArgumentError =>
  new ArgumentError(
    message(
      op,
      "an integer, 'a:b:c', '...', null, a boolean, a list or a Tensor as index",
      got,
      'only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices',
    ),
  );

const knownSlices = new Map<string, Slice>();

/** A slice's text read; texts repeat, so what was read is kept. */
function sliceFrom(op: string, text: string): Slice {
  let known = knownSlices.get(text);
  if (known === undefined) {
    known = parseSlice(op, text);
    if (knownSlices.size < 1024) knownSlices.set(text, known);
  }
  return known;
}

function parseSlice(op: string, text: string): Slice {
  const parts = text.split(':').map((p) => p.trim());
  if (parts.length < 2 || parts.length > 3 || parts.some((p) => !/^([+-]?\d+)?$/.test(p)))
    throw badIndex(op, JSON.stringify(text));
  const bound = (p: string | undefined): number | null => (p === undefined || p === '' ? null : Number(p));
  const step = bound(parts[2]) ?? 1;
  if (step === 0)
    throw new ValueError(
      message(op, 'a step of at least 1', JSON.stringify(text), 'slice step cannot be zero'),
    );
  if (step < 0)
    throw new ValueError(
      message(op, 'a step of at least 1', JSON.stringify(text), 'step must be greater than zero'),
    );
  return { kind: 'slice', start: bound(parts[0]), stop: bound(parts[1]), step };
}

/** A nested list of integers or booleans as a tensor. */
function listed(op: string, list: readonly NestedIndex[]): Tensor {
  const shape: number[] = [];
  for (
    let level: Nested<unknown> = list as unknown[];
    Array.isArray(level);
    level = level[0] as Nested<unknown>
  ) {
    shape.push(level.length);
    // An array that holds itself has no end.
    if (shape.length > maxDims)
      throw new ValueError(message(op, `at most ${maxDims} dims`, 'a list nested deeper'));
  }
  const flat: (number | bigint | boolean)[] = [];
  const walk = (value: NestedIndex, depth: number): void => {
    if (!Array.isArray(value)) {
      if (depth !== shape.length)
        throw new ValueError(message(op, 'a rectangular list of indices', describe(list)));
      flat.push(value as number);
      return;
    }
    if (value.length !== shape[depth])
      throw new ValueError(message(op, 'a rectangular list of indices', describe(list)));
    for (const v of value as readonly NestedIndex[]) walk(v, depth + 1);
  };
  walk(list, 0);
  const truths = flat.length > 0 && flat.every((v) => typeof v === 'boolean');
  flat.forEach((v) => {
    if (typeof v === 'number' && !Number.isInteger(v)) {
      throw new IndexError(
        message(
          op,
          'integers as indices',
          String(v),
          'tensors used as indices must be long, int, byte or bool tensors',
        ),
      );
    }
    if (typeof v !== 'number' && typeof v !== 'bigint' && typeof v !== 'boolean')
      throw badIndex(op, describe(v));
  });
  return newWritten(shape, truths ? bool : int64, (data) => {
    for (let i = 0; i < flat.length; i++) data[i] = truths ? Number(flat[i]) : BigInt(flat[i]!);
  });
}

function parseOne(op: string, part: unknown): Item {
  if (part === null) return { kind: 'newAxis' };
  switch (typeof part) {
    case 'number':
      if (!Number.isInteger(part))
        throw new IndexError(
          message(
            op,
            'an integer index',
            String(part),
            'only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices',
          ),
        );
      return { kind: 'int', at: part };
    case 'bigint':
      return { kind: 'int', at: Number(part) };
    case 'boolean':
      return { kind: 'truth', value: part };
    case 'string':
      return part.trim() === '...' ? { kind: 'ellipsis' } : sliceFrom(op, part);
  }
  if (part instanceof Tensor) return parseTensor(part);
  if (Array.isArray(part)) return { kind: 'tensor', index: listed(op, part as readonly NestedIndex[]) };
  throw badIndex(op, describe(part));
}

/** A 0-d tensor counts as the integer or boolean that it holds. */
function parseTensor(index: Tensor): Item {
  if (index.ndim > 0 || !index.dtype.isIntegral) return { kind: 'tensor', index };
  return isMask(index)
    ? { kind: 'truth', value: Number(index.item()) !== 0 }
    : { kind: 'int', at: Number(index.item()) };
}

/** How many dims of the indexed tensor a part stands for. */
function dimsTaken(item: Item): number {
  if (item.kind === 'int' || item.kind === 'slice') return 1;
  if (item.kind !== 'tensor') return 0;
  return isMask(item.index) ? item.index.ndim : 1;
}

interface Resolved {
  /** After the integers, slices and new axes. */
  readonly view: Tensor;
  /** Index tensors by dim of the view; empty: there are none. */
  readonly indices: readonly (Tensor | null)[];
}

/** Applies the basic parts of an index as views and collects its tensors. `plain` leaves out slices that take everything. */
function resolve(op: string, x: Tensor, parts: readonly unknown[], plain: boolean): Resolved {
  const items = parts.map((p) => parseOne(op, p));
  const taken = items.reduce((n, item) => n + dimsTaken(item), 0);
  if (taken > x.ndim) {
    const hint =
      x.ndim === 0
        ? 'invalid index of a 0-dim tensor. Use `tensor.item()`'
        : `too many indices for tensor of dimension ${x.ndim}`;
    throw new IndexError(message(op, `at most ${x.ndim} indices`, String(taken), hint));
  }
  const indices: (Tensor | null)[] = [];
  let view = x;
  let dim = 0;
  for (const item of items) {
    if (item.kind === 'ellipsis') dim += x.ndim - taken;
    else if (item.kind === 'newAxis') view = unsqueezed(view, dim++);
    else if (item.kind === 'truth') {
      view = unsqueezed(view, dim);
      indices[dim++] = counting(item.value ? 1 : 0);
    } else if (dim >= view.ndim)
      throw new IndexError(
        message(op, 'a single ellipsis', 'several', `too many indices for tensor of dimension ${x.ndim}`),
      );
    else if (item.kind === 'int') view = selected(op, view, dim, item.at);
    else if (item.kind === 'slice') view = sliceOf(view, dim++, item, plain || items.length > 1);
    else {
      indices[dim] = item.index;
      dim += dimsTaken(item);
    }
  }
  return { view, indices: Array.from(indices, (index) => index ?? null) };
}

function sliceOf(x: Tensor, dim: number, s: Slice, plain: boolean): Tensor {
  const size = x.sizes[dim]!;
  const start = within(s.start ?? 0, size);
  const stop = within(s.stop ?? size, size);
  if (plain && start === 0 && stop === size && s.step === 1) return x;
  const span = Math.max(0, stop - start);
  return sliced(x, dim, start, s.step === 1 ? span : Math.ceil(span / s.step), s.step);
}

/** A bound of a slice: counted from the end where negative, and cut off at both. */
function within(at: number, size: number): number {
  const from = at < 0 ? at + size : at;
  return from < 0 ? 0 : from > size ? size : from;
}

/** An index of integers and slices alone, which have been read before; null where it is another. */
function basicView(x: Tensor, parts: readonly unknown[]): Tensor | null {
  if (parts.length > x.sizes.length) return null;
  let view = x;
  let dim = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (typeof part === 'number' && Number.isInteger(part)) {
      view = selected('at', view, dim, part);
      continue;
    }
    const slice = typeof part === 'string' ? knownSlices.get(part) : undefined;
    if (slice === undefined) return null;
    view = sliceOf(view, dim++, slice, parts.length > 1);
  }
  return view;
}

/** `x.at(…)`. @throws IndexError, ValueError, TypeError as PyTorch. */
export function at(x: Tensor, parts: readonly Index[]): Tensor {
  const basic = basicView(x, parts);
  if (basic !== null && basic !== x) return basic;
  const { view, indices } = resolve('at', x, parts, false);
  if (indices.length > 0) {
    requireMemory('at', [x]);
    return indexed('IndexBackward0', view, indices);
  }
  return view === x ? aliased(x) : view;
}

/** Without leading dims of size 1, as assignment allows. */
function withoutLeadingOnes(value: Tensor): Tensor {
  const first = value.sizes.findIndex((s) => s !== 1);
  const shape = first < 0 ? [] : value.sizes.slice(first);
  return shape.length === value.ndim ? value : reshaped(value, shape);
}

/** `x.setAt([…], value)`. @throws IndexError, RuntimeError, ValueError, TypeError as PyTorch; then nothing is changed. */
export function setAt(x: Tensor, parts: readonly Index[], given: Tensor | Scalar): Tensor {
  const value = given instanceof Complex ? filled([], scalarAs('setAt', given, x.dtype), x.dtype) : given;
  const known =
    value instanceof Tensor ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean';
  if (!known) throw new ArgumentError(message('setAt', 'a Tensor or a number as value', describe(value)));
  requireMemory('setAt', value instanceof Tensor ? [x, value] : [x]);
  const { view, indices } = resolve('setAt', x, parts, true);
  if (indices.length > 0) putAt(view, indices, value);
  else if (!(value instanceof Tensor)) {
    checkInPlace('setAt', view);
    fill.inplace!(view, scalarAs('setAt', value, x.dtype));
  } else if (value.ndim === 0) fill.inplace!(view, value);
  else {
    const source = withoutLeadingOnes(value);
    copy.inplace!(view, sameShape(source.sizes, view.sizes) ? source : expanded('setAt', source, view.sizes));
  }
  return x;
}

function putAt(view: Tensor, given: readonly (Tensor | null)[], value: Tensor | Scalar): void {
  const dim = given.findIndex((index) => index !== null);
  const mask = given[dim]!;
  const one = !(value instanceof Tensor) || value.length === 1;
  if (one && mask.dtype === bool && dim === given.length - 1) {
    // One mask and one value: no coordinates are needed, and the value may be of any dtype.
    requireMaskShape(view, mask, dim);
    const wide = reshaped(mask, [...mask.sizes, ...new Array<number>(view.ndim - dim - mask.ndim).fill(1)]);
    const filler = value instanceof Tensor ? reshaped(value, []) : value;
    appliedInPlace('setAt', filling('IndexPutBackward0', view, wide, filler));
    return;
  }
  const values =
    value instanceof Tensor
      ? withoutLeadingOnes(value)
      : filled([], scalarAs('setAt', value, view.dtype), view.dtype);
  appliedInPlace('setAt', putting(view, perDim(view, given), values, false));
}

declare module '../../core/tensor.js' {
  interface Tensor {
    /**
     * Indexing by NumPy's and PyTorch's rules: `x.at(':', 1)`, `x.at('1:3', '...', null, -1)`, `x.at(mask)`,
     * `x.at([0, 2], ':', index)`. A view where only integers, slices, '...' and null are used; else a copy.
     */
    at(...index: Index[]): Tensor;
    /** The tensor where `condition` holds, else `other`; broadcast, promoted. */
    where(condition: Tensor, other: Tensor | Scalar): Tensor;
    /** Assigns a tensor or a number to what `at` shows: `x.setAt([0, ':'], 1)`. Returns the tensor. */
    setAt(index: readonly Index[] | Index, value: Tensor | Scalar): this;
  }
}

/** As PyTorch: an index may lie in the CPU's memory, whatever the tensor's device. */
function indicesMoved(parts: readonly Index[], d: Device): Index[] {
  return parts.map((part) => (part instanceof Tensor ? moved(part, d) : part));
}

Tensor.prototype.at = function (this: Tensor, ...index: Index[]): Tensor {
  const { device } = this;
  if (!placement.several) return at(this, index);
  return placedOn(device, () => at(this, indicesMoved(index, device)));
};
/** The function's arguments in another order; with a condition alone, use nonzero. */
Tensor.prototype.where = function (this: Tensor, condition: Tensor, other: Tensor | Scalar): Tensor {
  return where.impl(condition, this, other);
};
Tensor.prototype.setAt = function <T extends Tensor>(
  this: T,
  index: readonly Index[] | Index,
  value: Tensor | Scalar,
): T {
  const parts = Array.isArray(index) ? (index as readonly Index[]) : [index as Index];
  const { device } = this;
  if (!placement.several) setAt(this, parts, value);
  else {
    const here = value instanceof Tensor ? moved(value, device) : value;
    placedOn(device, () => setAt(this, indicesMoved(parts, device), here));
  }
  return this;
};
