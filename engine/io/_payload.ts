// Payloads: the bytes of tensors, to and from files by ranges.
//   const x = readPayload({ source, at: 64, dtype: float32, shape: [3], swapped: false });  eachRange(x, (bytes) => out.write(bytes));

import { noGrad } from '../autograd/grad-mode.js';
import { type Device, deviceError, disposed, meta, placedOn } from '../core/device.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, describe, message, NotImplementedError } from '../core/errors.js';
import { isOptions } from '../core/options.js';
import { contiguousStrides, numelOf, type Shape } from '../core/shape.js';
import { allocate, copyBytes, type Storage } from '../core/storage.js';
import { Tensor } from '../core/tensor.js';
import { type ByteSource, range } from './_file.js';

/** Whether numbers lie in memory with their low byte first. */
export const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The number of bytes that change places when an element's order does: of complex numbers each part's. */
export function wordSize(dtype: DType): number {
  return dtype.isComplex ? dtype.itemSize / 2 : dtype.itemSize;
}

/** Turns each word's bytes round, in place. */
export function swapWords(bytes: Uint8Array, size: number): void {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) view.swap16();
  if (size === 4) view.swap32();
  if (size === 8) view.swap64();
}

/** Where a payload lies. */
export interface Payload {
  readonly source: ByteSource;
  /** Its first byte in the source. */
  readonly at: number;
  /** Sees the bytes as they are in the file, in order. */
  readonly each?: ((bytes: Uint8Array) => void) | undefined;
  /** The size of the words whose bytes are in the other order; 0 where none are. */
  readonly swap?: number;
}

/** A storage on the CPU filled from a file. The caller has checked that the source has so many bytes. */
export function readStorage(payload: Payload, bytes: number): Storage {
  const { source, at, each, swap = 0 } = payload;
  const storage = allocate(bytes);
  for (let done = 0; done < bytes; done += range.bytes) {
    const part = storage.window(done, Math.min(range.bytes, bytes - done));
    source.read(at + done, part);
    each?.(part);
    if (swap > 1) swapWords(part, swap);
  }
  return storage;
}

/** The same storage on a device: itself on the CPU. */
export function storageOn(storage: Storage, device: Device): Storage {
  if (device === storage.device) return storage;
  const there = allocate(storage.byteLength, device);
  if (storage.byteLength > 0) copyBytes(there, 0, storage, 0, storage.byteLength);
  return there;
}

/** A contiguous tensor from a file. */
export function readPayload(payload: Payload, dtype: DType, shape: Shape, device: Device): Tensor {
  const storage = storageOn(readStorage(payload, numelOf(shape) * dtype.itemSize), device);
  return new Tensor(storage, shape, contiguousStrides(shape), 0, dtype, true);
}

/** @throws ArgumentError for what is no tensor, and for tensors without memory */
export function requireTensor(op: string, value: unknown, what = 'a Tensor'): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    const hint = Array.isArray(value) || ArrayBuffer.isView(value) ? 'Make one with tensor(…)' : undefined;
    throw new ArgumentError(message(op, what, describe(value), hint));
  }
  if (value.device === disposed) throw deviceError(op, [value]);
  if (value.device === meta) throw new NotImplementedError(message(op, `${what} with data`, 'one on meta'));
}

/** Named tensors as pairs, from an object, a Map, or what looks like one. The values are not checked. */
export function namedTensors(op: string, tensors: unknown): [string, unknown][] {
  const pairs = isOptions(tensors) ? Object.entries(tensors) : isMap(tensors) ? [...tensors] : null;
  if (pairs === null)
    throw new ArgumentError(message(op, 'a Map or an object of tensors by name', describe(tensors)));
  for (const [name] of pairs)
    if (typeof name !== 'string')
      throw new ArgumentError(message(op, 'names that are strings', describe(name)));
  return pairs as [string, unknown][];
}

function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  const methods: readonly (keyof ReadonlyMap<unknown, unknown>)[] = ['get', 'has', Symbol.iterator];
  return methods.every((method) => typeof (value as ReadonlyMap<unknown, unknown>)[method] === 'function');
}

/** The same elements in C order: the tensor itself where they are so already. No history. */
export function inOrder(x: Tensor): Tensor {
  return x.rowMajor ? x : placedOn(x.device, () => noGrad(() => x.detach().contiguous()));
}

/** Calls `use` with the bytes of some memory, in order and low byte first. Words of `word` bytes. */
export function eachRange(
  storage: Storage,
  from: number,
  bytes: number,
  word: number,
  use: (bytes: Uint8Array) => void,
): void {
  const here = storage.device.backend?.copies == null;
  for (let done = 0; done < bytes; done += range.bytes) {
    const size = Math.min(range.bytes, bytes - done);
    const at = from + done;
    const part = here ? storage.window(at, size) : new Uint8Array(storage.read(at, size));
    if (LITTLE || word === 1) use(part);
    else {
      const turned = part.slice();
      swapWords(turned, word);
      use(turned);
    }
  }
}

/** Calls `use` with the bytes of a tensor that is in C order. */
export function eachRangeOf(x: Tensor, use: (bytes: Uint8Array) => void): void {
  const { itemSize } = x.dtype;
  eachRange(x.storage, x.offset * itemSize, x.length * itemSize, wordSize(x.dtype), use);
}
