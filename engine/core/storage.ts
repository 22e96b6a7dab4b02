// Storages and their memory: slabs for small ones, the native pool for large ones, and when garbage is collected for
// it. Reasons and measurements: docs/decisions/0002.
import { constants } from 'node:buffer';
import * as v8 from 'node:v8';
import * as vm from 'node:vm';
import { addon } from '../backend/addon.js';
import type { MemoryPool } from '../backend/backend.js';
import { cpu, type Device, deviceError } from './device.js';
import { message, OutOfMemoryError, RuntimeError } from './errors.js';

/**
 * Storages up to this size are carved from slabs that V8 itself frees. TORCHSTONE_SLABS=off sends all to the pool, where a
 * sanitizer sees where each ends.
 */
const smallLimit = process.env.TORCHSTONE_SLABS === 'off' ? -1 : 8192;
const slabSize = 65536;
const alignment = 64;

/** The longest ArrayBuffer of this runtime, in bytes: 4 GiB in Node 20. */
export const largestBuffer = constants.MAX_LENGTH;

type Collector = (options?: { type: 'minor' }) => void;
let collector: Collector | null = null;

/** What runs a collection here; nothing where the runtime has none to offer, and memory is then the system's to refuse. */
function findCollector(): Collector {
  const { gc, Bun } = globalThis as { gc?: unknown; Bun?: { gc?: (force: boolean) => void } };
  if (typeof gc === 'function') return gc as Collector;
  if (typeof Bun?.gc === 'function') return () => Bun.gc!(true);
  try {
    v8.setFlagsFromString('--expose-gc');
    const found: unknown = vm.runInNewContext('gc');
    if (typeof found === 'function') return found as Collector;
  } catch {
    // A runtime without V8's flags, or without contexts.
  }
  return () => {};
}

/** V8's collector. A synchronous loop gives it no other occasion to tell us which storages died. */
export function collectGarbage(type: 'minor' | 'major'): void {
  collector ??= findCollector();
  // Without an argument it is a full collection; Node 20 takes any object, { type: 'major' } too, for a minor one.
  if (type === 'minor') collector({ type });
  else collector();
}

/** Keeps a storage alive for as long as an ArrayBuffer that shows its memory lives. */
const ownerOfBuffer = new WeakMap<ArrayBuffer, Storage>();

/** A block of memory, shared by all views of it. Its version counts in-place changes. */
export class Storage {
  /** Where the memory starts, unchecked; `address` is what commands may use. */
  start = 0;
  readonly byteLength: number;
  readonly device: Device;
  version = 0;
  /** The ArrayBuffer that holds or shows the memory; null until someone asks, for pooled memory. */
  buffer: ArrayBuffer | null = null;
  /** Where this storage starts in `buffer`. */
  byteOffset = 0;
  /** `buffer`, once code outside the engine holds it and may transfer, shrink or write it. */
  lent: ArrayBuffer | null = null;
  /** `buffer` is a slab with other storages in it. */
  inSlab = false;
  /** Given back on purpose. */
  released = false;
  /** Some other tensor shows this memory: it is left to the garbage collector. */
  shared = false;

  constructor(byteLength: number, device: Device = cpu) {
    this.byteLength = byteLength;
    this.device = device;
  }

  /**
   * Before a command reads or writes memory that JavaScript holds: it must still be there, and bytes of bool that JavaScript wrote
   * become 0 or 1, as the kernels expect. @throws RuntimeError where the memory was transferred
   */
  requireLent(isBool: boolean): void {
    this.#requireWhole(this.lent!);
    if (isBool) normaliseBools(new Uint8Array(this.lent!, this.byteOffset, this.byteLength));
  }

  /** The ArrayBuffer that holds this storage at `byteOffset`; of another device's memory a copy, made now. */
  bytes(): ArrayBuffer {
    this.#requireMemory();
    if (this.device !== cpu) return this.read(0, this.byteLength);
    if (this.buffer === null) {
      this.buffer = addon.arrayBufferAt(this.start, this.byteLength);
      ownerOfBuffer.set(this.buffer, this);
    }
    return this.buffer;
  }

  /**
   * bytes() for code outside the engine. A storage in a slab moves to a buffer of its own first: whoever gets a buffer may transfer
   * it, and must not see its neighbours.
   */
  lend(): ArrayBuffer {
    const shown = this.bytes();
    if (this.device !== cpu) return shown;
    if (this.inSlab) {
      const own = new ArrayBuffer(this.byteLength + alignment);
      const at = addon.addressOf(own);
      const gap = (alignment - (at % alignment)) % alignment;
      new Uint8Array(own).set(new Uint8Array(shown, this.byteOffset, this.byteLength), gap);
      this.buffer = own;
      this.byteOffset = gap;
      this.start = at + gap;
      this.inSlab = false;
    }
    this.lent = this.buffer;
    return this.buffer!;
  }

  /**
   * Some bytes of the CPU's memory, to be used at once: dispose() does not wait for them. Unlike bytes(), this reaches all of a
   * storage that is larger than any ArrayBuffer.
   */
  window(from: number, bytes: number): Uint8Array<ArrayBuffer> {
    this.#requireMemory();
    if (bytes > largestBuffer) {
      throw new RuntimeError(
        message('storage', `at most ${largestBuffer} bytes in one ArrayBuffer`, `${bytes}`),
      );
    }
    if (this.buffer !== null) return new Uint8Array(this.buffer, this.byteOffset + from, bytes);
    const buffer = addon.arrayBufferAt(this.start + from, bytes);
    ownerOfBuffer.set(buffer, this);
    return new Uint8Array(buffer);
  }

  /** A copy of some bytes, for JavaScript to read. Waits for the device. */
  read(from: number, bytes: number): ArrayBuffer {
    this.#requireMemory();
    const copy = new ArrayBuffer(bytes);
    if (bytes > 0) {
      this.device.backend?.copies?.copyOut(this.start + from, copy, 0, bytes);
    }
    return copy;
  }

  #requireMemory(): void {
    if (this.released) throw new RuntimeError('storage: required memory, got none. The tensor was disposed');
    if (this.lent !== null) this.#requireWhole(this.lent);
  }

  /** A transferred, grown (WebAssembly) or shrunk buffer no longer reaches to this storage's end. */
  #requireWhole(buffer: ArrayBuffer): void {
    const got = buffer.byteLength;
    if (got >= this.byteOffset + this.byteLength || this.byteLength === 0) return;
    throw new RuntimeError(
      message(
        'storage',
        `the ${this.byteLength} bytes that the tensor shares with JavaScript`,
        got === 0 ? 'a detached ArrayBuffer' : `an ArrayBuffer of ${got} bytes`,
        'The buffer was transferred or resized, and the tensor with it: clone() the tensor, or copy the array, before you transfer it',
      ),
    );
  }

  /** Gives pooled memory back now, unless a view, an alias or JavaScript still shows it. */
  release(): void {
    if (this.released || this.shared || this.buffer !== null) return;
    this.released = true;
    // The CPU's pool without a look at the backend: every early release goes this way.
    if (this.device === cpu) addon.release(this.start);
    else this.device.backend!.memory.release(this.start);
  }
}

/** Any byte but 0 becomes 1. Words of four bytes first: memory without such bytes, which is nearly all, is only read. */
function normaliseBools(bytes: Uint8Array): void {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes.length >> 2 : 0;
  const words = new Uint32Array(bytes.buffer, aligned && bytes.byteOffset, aligned);
  let bits = 0;
  for (let i = 0; i < words.length; i++) bits |= words[i]!;
  for (let i = words.length * 4; i < bytes.length; i++) bits |= bytes[i]!;
  if ((bits & 0xfefefefe) === 0) return;
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 1) bytes[i] = 1;
}

let slab: ArrayBuffer | null = null;
let slabAddress = 0;
let slabUsed = slabSize;

/** A new, uninitialised storage. @throws RuntimeError when the system has no memory. */
export function allocate(byteLength: number, device: Device = cpu): Storage {
  if (device !== cpu) return allocateOn(device, byteLength);
  if (byteLength > smallLimit) return allocatePooled(byteLength);
  const storage = new Storage(byteLength);
  const size = byteLength === 0 ? alignment : (byteLength + alignment - 1) & -alignment;
  if (slab === null || slabUsed + size > slabSize) {
    slab = new ArrayBuffer(slabSize + alignment);
    const start = addon.addressOf(slab);
    slabUsed = (alignment - (start % alignment)) % alignment;
    slabAddress = start;
  }
  storage.buffer = slab;
  storage.inSlab = true;
  storage.byteOffset = slabUsed;
  storage.start = slabAddress + slabUsed;
  slabUsed += size;
  return storage;
}

/**
 * A storage from the pool. Each try has an owner of its own: a collection ages the objects that live through it, and a full one
 * makes them old, which only another full one could find dead.
 */
function allocatePooled(byteLength: number): Storage {
  const young = tryPool(byteLength, false);
  if (young !== null) return young;
  collectGarbage('minor');
  addon.collect();
  const second = tryPool(byteLength, false);
  if (second !== null) return second;
  collectGarbage('major');
  addon.collect();
  return tryPool(byteLength, true)!;
}

/** Null where the pool wants a collection first. */
function tryPool(byteLength: number, force: boolean): Storage | null {
  const storage = new Storage(byteLength);
  const address = addon.allocate(storage, byteLength, force);
  if (address === 0 && !force) return null;
  if (address <= 0) {
    throw new RuntimeError(`allocate: required ${byteLength} bytes, got none from the system. Out of memory`);
  }
  storage.start = address;
  return storage;
}

/** Other devices' memory is always pooled. The pool asks for a collection as that of the CPU does; none left is an error. */
function allocateOn(device: Device, byteLength: number): Storage {
  if (device.backend === null) throw deviceError('allocate', [{ device }]);
  const { memory, failure } = device.backend;
  const young = tryDevice(memory, byteLength, device, false);
  if (young !== null) return young;
  for (const type of ['minor', 'major'] as const) {
    collectGarbage(type);
    memory.collect();
    const found = tryDevice(memory, byteLength, device, type === 'major');
    if (found !== null) return found;
  }
  throw new OutOfMemoryError(`allocate: ${failure.call(device.backend)}`);
}

function tryDevice(memory: MemoryPool, byteLength: number, device: Device, force: boolean): Storage | null {
  const storage = new Storage(byteLength, device);
  const address = memory.allocate(storage, Math.max(byteLength, 1), force);
  if (address <= 0) return null;
  storage.start = address;
  return storage;
}

/** Copies bytes between two storages, at least one of them on a device with memory of its own. */
export function copyBytes(to: Storage, toAt: number, from: Storage, fromAt: number, bytes: number): void {
  const [into, out] = [to.device.backend!.copies, from.device.backend!.copies];
  const [target, source] = [to.start + toAt, from.start + fromAt];
  if (into === null) out!.copyOut(source, to.bytes(), to.byteOffset + toAt, bytes);
  else if (out === null) into.copyIn(target, from.bytes(), from.byteOffset + fromAt, bytes);
  else if (to.device === from.device) into.copyWithin(target, source, bytes);
  else if (to.device.type === from.device.type && into.copyFrom !== undefined)
    into.copyFrom(target, source, from.device.index!, bytes);
  else {
    const host = new ArrayBuffer(bytes);
    out.copyOut(source, host, 0, bytes);
    into.copyIn(target, host, 0, bytes);
  }
}

/** A storage over memory that JavaScript owns; a write on either side is seen on the other. */
export function adopt(buffer: ArrayBuffer, byteOffset: number, byteLength: number): Storage {
  const known = ownerOfBuffer.get(buffer);
  if (known !== undefined && byteOffset === 0 && byteLength === known.byteLength) return known;
  const storage = new Storage(byteLength);
  storage.buffer = buffer;
  storage.lent = buffer;
  storage.byteOffset = byteOffset;
  storage.start = addon.addressOf(buffer) + byteOffset;
  return storage;
}

/** Figures of the pool of this environment, in bytes and counts. */
export interface MemoryStats {
  readonly liveBytes: number;
  readonly liveBlocks: number;
  readonly cachedBytes: number;
  readonly reservedBytes: number;
  readonly peakReservedBytes: number;
  readonly budgetBytes: number;
  readonly allocations: number;
  readonly reuses: number;
}

/** What the pool holds now. Small storages live in V8's own memory and are not counted. */
export function memoryStats(): MemoryStats {
  return statsOf(addon);
}

/** The same of any pool. */
export function statsOf(pool: { memoryStats(out: Float64Array): void }): MemoryStats {
  const n = new Float64Array(8);
  pool.memoryStats(n);
  return {
    liveBytes: n[0]!,
    liveBlocks: n[1]!,
    cachedBytes: n[2]!,
    reservedBytes: n[3]!,
    peakReservedBytes: n[4]!,
    budgetBytes: n[5]!,
    allocations: n[6]!,
    reuses: n[7]!,
  };
}

/** Collects garbage and returns all free memory of the pool to the system. */
export function emptyCache(): void {
  emptyPool(addon);
}

/** The same for any pool. */
export function emptyPool(pool: { collect(): number; trim(): void }): void {
  collectGarbage('major');
  pool.collect();
  pool.trim();
}
