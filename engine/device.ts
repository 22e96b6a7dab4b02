// Owns devices: their names, and the errors of mixing or lacking them. It must not know tensors.
import { ArgumentError, describe, message, NotImplementedError, RuntimeError } from './errors.js';

export type DeviceType = 'cpu' | 'cuda' | 'meta' | 'disposed';

/** Where a tensor lives. `meta` tensors have a shape and dtype but no memory. Compare with `equals` or by String(). */
export class Device {
  readonly type: DeviceType;
  readonly index: number | null;
  constructor(type: DeviceType, index: number | null) {
    this.type = type;
    this.index = index;
  }
  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }
}

export const cpu = new Device('cpu', null);
export const meta = new Device('meta', null);
/** Where a tensor lives after dispose(): every op refuses it, because it is not on the CPU. */
export const disposed = new Device('disposed', null);

export type DeviceLike = Device | string;

/** `device('cpu')`, `device('cuda:0')`. @throws RuntimeError for an unknown or absent device. */
export function device(value: DeviceLike): Device {
  if (value instanceof Device) return value;
  if (typeof value !== 'string')
    throw new ArgumentError(message('device', 'a device or its name', describe(value)));
  if (value === 'cpu' || value === 'cpu:0') return cpu;
  if (value === 'meta') return meta;
  if (/^cuda(:\d+)?$/.test(value)) return new Device('cuda', value === 'cuda' ? 0 : Number(value.slice(5)));
  throw new RuntimeError(message('device', "'cpu', 'meta' or 'cuda[:index]'", describe(value)));
}

/** The device that memory is asked on. @throws RuntimeError when this build or machine has none of that type. */
export function requireDevice(op: string, value: DeviceLike | null | undefined): Device {
  if (value === null || value === undefined) return cpu;
  const d = device(value);
  if (d.type === 'cuda') {
    throw new RuntimeError(message(op, `the device ${d}`, 'none', cuda.reason()));
  }
  return d;
}

interface Placed {
  readonly device: Device;
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

/** The CUDA API. This build has no CUDA backend: it says so instead of pretending. */
export const cuda = {
  isAvailable: (): boolean => false,
  deviceCount: (): number => 0,
  reason: (): string => 'this build of torchstone has no CUDA backend, so no CUDA device is available',
  device(index: number): Device {
    throw new RuntimeError(message('cuda.device', `the device cuda:${index}`, 'none', cuda.reason()));
  },
  getDeviceName(index = 0): string {
    throw new RuntimeError(message('cuda.getDeviceName', `the device cuda:${index}`, 'none', cuda.reason()));
  },
};
