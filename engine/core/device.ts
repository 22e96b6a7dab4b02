// Owns devices: their names, their backends, where fresh memory is made, and the errors of mixing or lacking devices.
// It must not know tensors; CUDA's own API is in cuda.ts.

import { addon, type Families } from '../backend/addon.js';
import { ArgumentError, describe, message, NotImplementedError, RuntimeError } from './errors.js';

export type DeviceType = 'cpu' | 'cuda' | 'meta' | 'disposed';

/** Where a tensor lives. `meta` tensors have a shape and dtype but no memory. Compare with `equals` or by String(). */
export class Device {
  readonly type: DeviceType;
  readonly index: number | null;
  /** The kernels that work on this device's memory; null where there is none, or none yet. */
  backend: Families | null;
  /** @internal Use `device(name)`. */
  constructor(type: DeviceType, index: number | null, backend: Families | null = null) {
    this.type = type;
    this.index = index;
    this.backend = backend;
  }
  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }
}

export const cpu = new Device('cpu', null, addon);
export const meta = new Device('meta', null);
/** Where a tensor lives after dispose(): every op refuses it, because it is not on the CPU. */
export const disposed = new Device('disposed', null);

export type DeviceLike = Device | string;

const cudaDevices: Device[] = [];
/** The CUDA device of this number: always the same object. Whether it exists is another question. */
export function cudaDevice(index: number): Device {
  cudaDevices[index] ??= new Device('cuda', index);
  return cudaDevices[index];
}

/**
 * Where fresh memory is made. An op sets it from its arguments, the tape's walk from its gradients; `several` is false
 * until a device other than the CPU is used, so that no one else pays for looking.
 */
export const placement: { device: Device; several: boolean } = { device: cpu, several: false };

/** Where factories make tensors that name no device: PyTorch's torch.set_default_device. @throws RuntimeError without the device */
export function setDefaultDevice(value: DeviceLike): void {
  placement.device = requireDevice('setDefaultDevice', value);
}
export function getDefaultDevice(): Device {
  return placement.device;
}

/** Runs `body` with fresh memory on `d`. */
export function placedOn<T>(d: Device, body: () => T): T {
  const before = placement.device;
  placement.device = d;
  try {
    return body();
  } finally {
    placement.device = before;
  }
}

/** Makes a CUDA device ready; set by cuda.ts. @throws RuntimeError where there is none. */
export const cudaHook: { ready(op: string, d: Device): void } = {
  ready(op, d) {
    throw new RuntimeError(message(op, `the device ${d}`, 'none', 'the CUDA backend is not loaded'));
  },
};

/** `device('cpu')`, `device('cuda:0')`. @throws RuntimeError for an unknown or absent device. */
export function device(value: DeviceLike): Device {
  if (value instanceof Device) return value;
  if (typeof value !== 'string')
    throw new ArgumentError(message('device', 'a device or its name', describe(value)));
  if (value === 'cpu' || value === 'cpu:0') return cpu;
  if (value === 'meta') return meta;
  if (/^cuda(:\d+)?$/.test(value)) return cudaDevice(value === 'cuda' ? 0 : Number(value.slice(5)));
  throw new RuntimeError(message('device', "'cpu', 'meta' or 'cuda[:index]'", describe(value)));
}

/** The device that memory is asked on. @throws RuntimeError when this build or machine has none of that type. */
export function requireDevice(op: string, value: DeviceLike | null | undefined): Device {
  if (value === null || value === undefined) return placement.device;
  const d = device(value);
  if (d.type === 'cuda' && d.backend === null) cudaHook.ready(op, d);
  return d;
}

interface Placed {
  readonly device: Device;
}

/** The one backend of tensors that all have memory on one device. @throws where that does not hold. */
export function backendOf(op: string, tensors: readonly Placed[]): Families {
  const first = tensors[0]!.device;
  for (let i = 1; i < tensors.length; i++) if (tensors[i]!.device !== first) throw deviceError(op, tensors);
  if (first.backend === null) throw deviceError(op, tensors);
  return first.backend;
}

/** Explains why an op cannot run on these tensors' devices. */
export function deviceError(op: string, tensors: readonly Placed[]): Error {
  const names = [...new Set(tensors.map((t) => String(t.device)))];
  if (names.includes('disposed')) {
    return new RuntimeError(message(op, 'a tensor with memory', 'one that was disposed'));
  }
  if (names.length > 1) {
    return new RuntimeError(
      message(
        op,
        'all tensors on one device',
        names.join(' and '),
        `Expected all tensors to be on the same device, but found at least two devices, ${names[0]} and ${names[1]}!`,
      ),
    );
  }
  return new NotImplementedError(message(op, 'a tensor with memory', `one on ${names[0]}`));
}
