// Owns PyTorch's `cuda` namespace: finding devices, waiting, memory, streams, events and graphs. What runs on a device is
// the backends' matter. Nothing is looked for before someone asks.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cudaDevice, cudaHook, type Device, type DeviceLike, device, placement } from './device.js';
import { ArgumentError, describe, message, RuntimeError } from './errors.js';
import {
  addon,
  block,
  type CudaAddon,
  type CudaFound,
  cudaAt,
  type Families,
  raiseStatus,
} from './native.js';
import { placeOps } from './ops/placing.js';
import { emptyPool, type MemoryStats, statsOf } from './storage.js';
import { Tensor } from './tensor.js';

/** Folders of Python environments, where packages bring NVRTC and cuBLAS. */
export function pythonFolders(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const named = process.env.TORCHSTONE_PYTHON;
  const roots = [
    ...(named === undefined ? [] : [join(dirname(named), '..')]),
    ...(process.env.VIRTUAL_ENV === undefined ? [] : [process.env.VIRTUAL_ENV]),
    join(here, '..', '.venv'),
    join(here, '..', '..', '.venv'),
  ];
  return roots.flatMap((root) => {
    const lib = join(root, 'lib');
    if (!existsSync(lib)) return [];
    return readdirSync(lib)
      .map((python) => join(lib, python, 'site-packages', 'nvidia'))
      .filter((nvidia) => existsSync(nvidia))
      .flatMap((nvidia) => readdirSync(nvidia).map((part) => join(nvidia, part, 'lib')))
      .filter((folder) => existsSync(folder));
  });
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

let chosen = 0;

/** The index that a device argument means; the current device without one. @throws RuntimeError where it does not exist */
function indexOf(op: string, value: DeviceLike | number = chosen): number {
  const d = typeof value === 'number' ? cudaDevice(value) : device(value);
  if (d.type !== 'cuda') throw new RuntimeError(message(op, 'a CUDA device', String(d)));
  if (d.backend === null) cudaHook.ready(op, d);
  return d.index!;
}

/** What was found of a device. */
function foundAt(op: string, on: DeviceLike | number | undefined): CudaFound['devices'][number] {
  const index = indexOf(op, on);
  return findCuda().devices[index]!;
}

/** Runs a call of the addon, and turns what kernels failed with into the engine's errors. */
function checked<T>(op: string, index: number, call: (cuda: CudaAddon) => T): T {
  block[0] = 0;
  const result = call(cudaAt(index));
  if (block[0] !== 0) raiseStatus(op);
  return result;
}

/** A queue of work on a device: what is put in runs in order, beside other streams. */
export class Stream {
  readonly device: Device;
  /** @internal */
  readonly id: number;
  constructor(on?: DeviceLike | number) {
    const index = indexOf('cuda.Stream', on);
    this.device = cudaDevice(index);
    this.id = checked('cuda.Stream', index, (cuda) => cuda.streamCreate());
  }
  /** Waits until all work put in so far is done. @throws what a kernel failed with */
  synchronize(): void {
    checked('cuda.Stream.synchronize', this.device.index!, (cuda) => cuda.streamSynchronize(this.id));
  }
  /** Whether all work put in so far is done. */
  query(): boolean {
    return checked('cuda.Stream.query', this.device.index!, (cuda) => cuda.streamQuery(this.id));
  }
  /** Later work on this stream begins after the event. */
  waitEvent(event: Event): void {
    checked('cuda.Stream.waitEvent', this.device.index!, (cuda) => cuda.streamWaitEvent(this.id, event.id));
  }
}

/** The streams in use, innermost last; 0 is the default stream. */
const streams: number[] = [0];

/** Runs `body` with its work put into `on`. */
function onStream<T>(on: Stream, body: () => T): T {
  if (!(on instanceof Stream)) throw new ArgumentError(message('cuda.stream', 'a Stream', describe(on)));
  const use = (id: number): void => checked('cuda.stream', on.device.index!, (cuda) => cuda.streamUse(id));
  streams.push(on.id);
  use(on.id);
  try {
    return body();
  } finally {
    streams.pop();
    use(streams.at(-1)!);
  }
}

/** A mark in a stream, for timing and for order between streams. */
export class Event {
  readonly device: Device;
  /** @internal */
  readonly id: number;
  constructor(on?: DeviceLike | number) {
    const index = indexOf('cuda.Event', on);
    this.device = cudaDevice(index);
    this.id = checked('cuda.Event', index, (cuda) => cuda.eventCreate());
  }
  /** Marks the work put into the stream so far: the current one where none is named. */
  record(stream?: Stream): void {
    const id = stream === undefined ? streams.at(-1)! : stream.id;
    checked('cuda.Event.record', this.device.index!, (cuda) => cuda.eventRecord(this.id, id));
  }
  synchronize(): void {
    checked('cuda.Event.synchronize', this.device.index!, (cuda) => cuda.eventSynchronize(this.id));
  }
  query(): boolean {
    return checked('cuda.Event.query', this.device.index!, (cuda) => cuda.eventQuery(this.id));
  }
  /** Milliseconds from this event to a later one; both have happened. */
  elapsedTime(end: Event): number {
    return checked('cuda.Event.elapsedTime', this.device.index!, (cuda) =>
      cuda.eventElapsed(this.id, end.id),
    );
  }
}

/** A step, captured once: every call of `replay` runs its kernels again on the same memory. */
export interface Graph<T> {
  /** What the captured call returned: its tensors hold the last replay's values. */
  readonly result: T;
  replay(): T;
}

/**
 * Captures what `fn` launches, without running it, to be replayed without the cost of its calls. `fn` must not read values
 * back (`item`, printing); new inputs are copied into the tensors that it reads. After torch.cuda.graph.
 */
function graph<T>(fn: () => T, on?: DeviceLike | number): Graph<T> {
  const index = indexOf('cuda.graph', on);
  const begin = (): void => checked('cuda.graph', index, (cuda) => cuda.graphBegin());
  const end = (): number => checked('cuda.graph', index, (cuda) => cuda.graphEnd());
  begin();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    try {
      end();
    } catch {
      // The first error says why.
    }
    throw error;
  }
  const id = end();
  return {
    result,
    replay: () => {
      checked('cuda.graph.replay', index, (cuda) => cuda.graphLaunch(id));
      return result;
    },
  };
}

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
  currentDevice: (): number => chosen,
  setDevice: (on: DeviceLike | number): void => {
    chosen = indexOf('cuda.setDevice', on);
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
  Stream,
  Event,
  stream: onStream,
  graph,
};

const memoryOf = (on?: DeviceLike | number): MemoryStats => statsOf(cudaAt(indexOf('cuda.memoryStats', on)));

declare module './tensor.js' {
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
