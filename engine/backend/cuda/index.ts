// PyTorch's `cuda` namespace. Devices are found in find.ts; streams, events and graphs are in streams.ts.
import { type Device, type DeviceLike, deviceOfType } from '../../core/device.js';
import { emptyPool, type MemoryStats, statsOf } from '../../core/storage.js';
import { Tensor } from '../../core/tensor.js';
import type { CudaFound } from '../addon.js';
import './backend.js';
import { checked, chooseDevice, chosenDevice, cudaAt, indexOf } from './devices.js';
import { findCuda } from './find.js';
import { Event, Graph, graph, onStream, Stream } from './streams.js';

export { findCuda, pythonFolders } from './find.js';

/** What was found of a device. */
function foundAt(op: string, on: DeviceLike | number | undefined): CudaFound['devices'][number] {
  const index = indexOf(op, on);
  return findCuda().devices[index]!;
}

let tf32 = false;

/** PyTorch's torch.cuda. Devices are numbers, names or Device objects; without one, the current device. */
export const cuda = {
  /** Whether there is a device to run on. `reason()` says why not. */
  isAvailable: (): boolean => findCuda().available,
  deviceCount: (): number => findCuda().devices.length,
  /** Why no device is available; '' where one is. */
  reason: (): string => findCuda().reason,
  /** The device object of an index. @throws RuntimeError where there is none. */
  device: (index: number): Device => deviceOfType('cuda', indexOf('cuda.device', index)),
  getDeviceName: (on?: DeviceLike | number): string => foundAt('cuda.getDeviceName', on).name,
  /** [major, minor] */
  getDeviceCapability: (on?: DeviceLike | number): [number, number] => {
    const { major, minor } = foundAt('cuda.getDeviceCapability', on);
    return [major, minor];
  },
  currentDevice: chosenDevice,
  setDevice: (on: DeviceLike | number): void => {
    chooseDevice(indexOf('cuda.setDevice', on));
  },
  /** Waits until all work on a device is done. @throws what a kernel failed with since the last wait */
  synchronize: (on?: DeviceLike | number): void =>
    checked('cuda.synchronize', indexOf('cuda.synchronize', on), (c) => c.synchronize()),
  /** Bytes of live tensors. */
  memoryAllocated: (on?: DeviceLike | number): number => memoryOf(on).liveBytes,
  /** Bytes taken from the device, free ones kept for reuse included. */
  memoryReserved: (on?: DeviceLike | number): number => memoryOf(on).reservedBytes,
  maxMemoryReserved: (on?: DeviceLike | number): number => memoryOf(on).peakReservedBytes,
  memoryStats: (on?: DeviceLike | number): MemoryStats => memoryOf(on),
  /** Collects garbage and returns free memory to the device. */
  emptyCache: (on?: DeviceLike | number): void => emptyPool(cudaAt(indexOf('cuda.emptyCache', on))),
  /** [free, total] bytes of the device. */
  memGetInfo: (on?: DeviceLike | number): [number, number] => {
    const n = new Float64Array(2);
    checked('cuda.memGetInfo', indexOf('cuda.memGetInfo', on), (c) => c.memoryInfo(n));
    return [n[0]!, n[1]!];
  },
  /** Every launch waits and reports its own failure, as CUDA_LAUNCH_BLOCKING=1 asks for. */
  setLaunchBlocking: (on: boolean): void =>
    checked('cuda.setLaunchBlocking', indexOf('cuda.setLaunchBlocking'), (c) => c.setBlocking(on)),
  /**
   * Whether products of float32 may cut their operands to TF32's 10 bits, on all devices: several times as fast on tensor cores, a
   * thousandth as exact. Off at first, as `torch.backends.cuda.matmul.allow_tf32` is.
   */
  setAllowTf32: (on: boolean): void => {
    checked('cuda.setAllowTf32', indexOf('cuda.setAllowTf32'), (c) => c.allowTf32(on));
    tf32 = on;
  },
  /** What `setAllowTf32` was last given. */
  isTf32Allowed: (): boolean => tf32,
  Stream,
  Event,
  Graph,
  stream: onStream,
  graph,
};

const memoryOf = (on?: DeviceLike | number): MemoryStats => statsOf(cudaAt(indexOf('cuda.memoryStats', on)));

declare module '../../core/tensor.js' {
  interface Tensor {
    /** The tensor in the CPU's memory; itself where it is there. Gradients pass through. */
    cpu(): Tensor;
    /** The tensor on a CUDA device, the current one without an index; itself where it is there. @throws RuntimeError without a device */
    cuda(index?: number): Tensor;
    readonly isCuda: boolean;
  }
}

Tensor.prototype.cpu = function (this: Tensor): Tensor {
  return this.to('cpu');
};
Tensor.prototype.cuda = function (this: Tensor, index?: number): Tensor {
  return this.to(deviceOfType('cuda', indexOf('cuda', index)));
};
Object.defineProperty(Tensor.prototype, 'isCuda', {
  get(this: Tensor): boolean {
    return this.device.type === 'cuda';
  },
});
