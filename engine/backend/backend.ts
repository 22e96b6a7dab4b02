// Backend: all that a kind of device implements. Ops, autograd and storages reach a device through this interface alone, so a
// new backend is one implementation of it: docs/internals/adding-a-backend.md.
//   registerBackend('metal', { open: (op, index) => new MetalBackend(index) })
import type { DType } from '../core/dtype.js';

/** The kernel families. Each reads its command from the argument buffer (commands/). */
export interface Kernels {
  pointwise(): void;
  multiPointwise(): void;
  reduce(): void;
  rowwise(): void;
  scan(): void;
  gemm(): void;
  conv(): void;
  convInputGrad(): void;
  convWeightGrad(): void;
  indexGet(): void;
  indexPut(): void;
  nonzero(): void;
  sort(): void;
  search(): void;
  random(): void;
  mersenne(): void;
  arange(): void;
  fft(): void;
  linalg(): void;
}
export type KernelFamily = keyof Kernels;

/** A pool of one device's memory, whose blocks are tied to owners by weak references. Addresses are bytes as float64. */
export interface MemoryPool {
  /** A block of `bytes` that lives as long as `owner`; 0: collect garbage and ask again; negative: there is no memory. */
  allocate(owner: object, bytes: number, force: boolean): number;
  /** Takes back the blocks of dead owners; the bytes that it found. */
  collect(): number;
  /** Gives a block back before its owner is dead. */
  release(address: number): void;
  /** Returns free blocks to the system. */
  trim(): void;
  /** Eight figures, in the order of `MemoryStats`. */
  memoryStats(out: Float64Array): void;
}

/** Copies of bytes between a device and the host, and within a device. Each throws where the device failed. */
export interface Copies {
  copyIn(address: number, from: ArrayBuffer, byteOffset: number, bytes: number): void;
  /** Waits for the device. */
  copyOut(address: number, to: ArrayBuffer, byteOffset: number, bytes: number): void;
  copyWithin(to: number, from: number, bytes: number): void;
  /** From another device of the same backend, by its index. Absent: such copies go through the host. */
  copyFrom?(to: number, from: number, fromIndex: number, bytes: number): void;
}

export interface Backend {
  readonly kernels: Kernels;
  readonly memory: MemoryPool;
  /** Null where the memory is the host's own, which JavaScript reads directly. */
  readonly copies: Copies | null;
  /** Waits until all work on the device is done. @throws what a kernel failed with since */
  synchronize(): void;
  /** The reason of a failed allocation, in words. */
  failure(): string;
  /**
   * Whether a kernel family computes in this dtype. Asked by ops that have another way where it does not, as products of complex
   * numbers by their parts; a family that is called all the same reports the status "not implemented".
   */
  supports(family: KernelFamily, dtype: DType): boolean;
}

/** Makes backends of one type of device. */
export interface BackendProvider {
  /** The backend of the device with this index. @throws RuntimeError where there is none */
  open(op: string, index: number): Backend;
}

const providers = new Map<string, BackendProvider>();

/** Makes `device('TYPE')` and `device('TYPE:INDEX')` names of devices. Nothing is opened before such a device is used. */
export function registerBackend(type: string, provider: BackendProvider): void {
  providers.set(type, provider);
}
/** The provider of a type of device, if it has one. */
export function providerOf(type: string): BackendProvider | undefined {
  return providers.get(type);
}
/** The types that have a provider. */
export function backendTypes(): string[] {
  return [...providers.keys()];
}
