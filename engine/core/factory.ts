// Tensor construction over fresh or shared memory. Internal: sizes and dtypes are already checked.
import { gradMode } from '../autograd/grad-mode.js';
import { cpu, type Device, meta, placement } from './device.js';
import type { DType } from './dtype.js';
import { contiguousStrides, numelOf, preservedStrides, type Shape } from './shape.js';
import { allocate, copyBytes, Storage } from './storage.js';
import { type NumericArray, Tensor } from './tensor.js';

/** An uninitialised, contiguous tensor, by default where the op's arguments are. */
export function newTensor(shape: Shape, dtype: DType, device: Device = placement.device): Tensor {
  const storage = allocate(numelOf(shape) * dtype.itemSize, device);
  return new Tensor(storage, shape, contiguousStrides(shape), 0, dtype, true);
}

/** A contiguous tensor whose values JavaScript writes, `data` being all of it; made on the CPU and moved where it belongs. */
export function newWritten(shape: Shape, dtype: DType, write: (data: NumericArray) => void): Tensor {
  const here = newTensor(shape, dtype, cpu);
  // A fresh storage starts with its first element.
  write(here.typed());
  return placement.device === cpu ? here : copyAcross(here, placement.device);
}

/** A tensor with the same elements and strides, which must be dense, on another device; no history. Both have memory. */
export function copyAcross(x: Tensor, to: Device): Tensor {
  const out = newLike(x, x.dtype, to);
  if (x.length > 0)
    copyBytes(out.storage, 0, x.storage, x.offset * x.dtype.itemSize, x.length * x.dtype.itemSize);
  return out;
}

/** As `newTensor`, where the strides of a contiguous tensor of this shape are at hand. */
export function newTensorLike(like: Tensor, dtype: DType): Tensor {
  const storage = allocate(like.length * dtype.itemSize, like.device);
  return new Tensor(storage, like.sizes, like.strides, 0, dtype, true);
}

/** An uninitialised tensor with these strides, which must be dense. */
export function newStrided(
  shape: Shape,
  strides: Shape,
  dtype: DType,
  device: Device = placement.device,
): Tensor {
  return new Tensor(allocate(numelOf(shape) * dtype.itemSize, device), shape, strides, 0, dtype);
}

/** An uninitialised tensor of this one's shape and order of memory, gaps closed: PyTorch's preserve_format. */
export function newLike(like: Tensor, dtype: DType = like.dtype, device: Device = placement.device): Tensor {
  const { sizes: shape, rowMajor } = like;
  const strides = rowMajor ? like.strides : preservedStrides(shape, like.strides);
  const storage = device === meta ? new Storage(0, meta) : allocate(like.length * dtype.itemSize, device);
  return new Tensor(storage, shape, strides, 0, dtype, rowMajor || undefined);
}

/** A tensor without memory. */
export function newMeta(shape: Shape, dtype: DType, device: Device = meta): Tensor {
  return new Tensor(new Storage(0, device), shape, contiguousStrides(shape), 0, dtype, true);
}

/** As `viewOf`, for a function that returns several views: autograd lets none of them be changed in-place. */
export function oneOfMany(t: Tensor, shape: Shape, strides: Shape, offset: number): Tensor {
  const view = viewOf(t, shape, strides, offset);
  if (gradMode.enabled) view.restriction = 'oneOfMany';
  return view;
}

/** Another geometry over the same memory, tracked as a view. History is the caller's. */
export function viewOf(t: Tensor, shape: Shape, strides: Shape, offset: number, dtype = t.dtype): Tensor {
  t.storage.shared = true;
  const view = new Tensor(t.storage, shape, strides, offset, dtype, undefined, t.base ?? t, t.device);
  view.restriction = gradMode.enabled ? t.restriction : 'noGrad';
  return view;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Gives a tensor another geometry, and another storage where one is given. */
export function regeometry(
  t: Tensor,
  shape: Shape,
  strides: Shape,
  offset: number,
  storage: Storage = t.storage,
): void {
  const changed = new Tensor(storage, shape, strides, offset, t.dtype, undefined, t.base, t.device);
  const target = t as Mutable<
    Pick<Tensor, 'storage' | 'sizes' | 'strides' | 'offset' | 'rowMajor' | 'length'>
  >;
  target.storage = storage;
  target.sizes = shape;
  target.strides = strides;
  target.offset = offset;
  target.rowMajor = changed.rowMajor;
  target.length = changed.length;
}

/** The same memory and geometry without history: PyTorch's detach(). */
export function alias(t: Tensor): Tensor {
  t.storage.shared = true;
  return new Tensor(t.storage, t.sizes, t.strides, t.offset, t.dtype, t.rowMajor, null, t.device);
}

/** The same geometry and memory seen with other sizes and strides; no history, no view. */
export function seenAs(
  x: Tensor,
  shape: readonly number[],
  strides: readonly number[],
  offset = x.offset,
): Tensor {
  return new Tensor(x.storage, shape, strides, offset, x.dtype);
}
