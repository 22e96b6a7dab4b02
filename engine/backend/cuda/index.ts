// Owns PyTorch's `cuda` namespace, and finding devices. Streams, events and graphs: cuda_streams.ts. What runs on a device is
// the backends' matter. Nothing is looked for before someone asks.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cudaDevice, cudaHook, type Device, type DeviceLike, placement } from '../../core/device.js';
import { message, RuntimeError } from '../../core/errors.js';
import { emptyPool, type MemoryStats, statsOf } from '../../core/storage.js';
import { Tensor } from '../../core/tensor.js';
import { placeOps } from '../../registry/device-guard.js';
import { addon, type CudaAddon, type CudaFound, cudaAt, type Families } from '../addon.js';
import { checked, chooseDevice, chosenDevice, indexOf } from './devices.js';
import { Event, Graph, graph, onStream, Stream } from './streams.js';

/** Folders of Python environments, where packages bring NVRTC and cuBLAS. */
export function pythonFolders(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const named = process.env.TORCHSTONE_PYTHON;
  const roots = [
    ...(named === undefined ? [] : [join(dirname(named), '..')]),
    ...(process.env.VIRTUAL_ENV === undefined ? [] : [process.env.VIRTUAL_ENV]),
    join(here, '..', '..', '..', '.venv'),
    join(here, '..', '..', '..', '..', '.venv'),
  ];
  const packages = roots.flatMap((root) =>
    // Debian keeps what pip installs for all users in the second place and under the second name.
    [join(root, 'lib'), join(root, 'local', 'lib')].flatMap((lib) =>
      entries(lib, 'python').flatMap((python) => [
        join(python, 'site-packages'),
        join(python, 'dist-packages'),
      ]),
    ),
  );
  return packages
    .flatMap((folder) => entries(join(folder, 'nvidia')).map((part) => join(part, 'lib')))
    .filter((folder) => existsSync(folder));
}

/** The paths of what a folder holds under names that start so; none where it is not there. */
function entries(folder: string, start = ''): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (name.startsWith(start) ? [join(folder, name)] : []));
}

const absent = (reason: string): CudaFound => ({
  available: false,
  reason,
  devices: [],
  driver: null,
  nvrtc: null,
  cublas: null,
  looked: [],
});

let found: CudaFound | null = null;

/** What looking for CUDA gave, with every place that was tried. It is looked for once. */
export function findCuda(): CudaFound {
  if (found === null) {
    found =
      addon.cuda === undefined
        ? absent('this addon was built without CUDA')
        : addon.cuda.init(pythonFolders());
    if (found.available) {
      placement.several = true;
      placeOps();
    }
  }
  return found;
}

/** The kernels on one device: each call is preceded by choosing it. */
function backendAt(index: number): Families {
  const { devices } = findCuda();
  const cuda = addon.cuda!;
  if (devices.length === 1) {
    cudaAt(index);
    return cuda;
  }
  return new Proxy(cuda, { get: (_, name) => cudaAt(index)[name as keyof CudaAddon] });
}

cudaHook.ready = (op: string, d: Device): void => {
  const all = findCuda();
  const index = d.index!;
  if (!all.available) throw new RuntimeError(message(op, `the device ${d}`, 'none', all.reason));
  if (index >= all.devices.length) {
    const hint = 'CUDA error: invalid device ordinal';
    throw new RuntimeError(message(op, `one of ${all.devices.length} CUDA devices`, String(d), hint));
  }
  d.backend = backendAt(index);
};

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
  device: (index: number): Device => cudaDevice(indexOf('cuda.device', index)),
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
  return this.to(cudaDevice(indexOf('cuda', index)));
};
Object.defineProperty(Tensor.prototype, 'isCuda', {
  get(this: Tensor): boolean {
    return this.device.type === 'cuda';
  },
});
