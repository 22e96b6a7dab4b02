// Devices: names, backends, the current device, and the errors of mixed or missing devices.

import { type Backend, backendTypes, type Kernels, providerOf } from '../backend/backend.js';
import { cpuBackend } from '../backend/cpu.js';
import { ArgumentError, describe, message, NotImplementedError, RuntimeError } from './errors.js';

/** `cpu`, `meta`, or a type with a registered backend, as `cuda`. */
export type DeviceType = 'cpu' | 'cuda' | 'meta' | 'disposed' | (string & {});

/** Where a tensor lives. `meta` tensors have a shape and dtype but no memory. Compare with `equals` or by String(). */
export class Device {
  readonly type: DeviceType;
  readonly index: number | null;
  /** What runs on this device's memory; null where there is none, or none yet. @internal */
  backend: Backend | null;
  /** The backend's kernels, one look-up nearer for hot calls. @internal */
  kernels: Kernels | null;
  /** What makes structuredClone and postMessage refuse a tensor, with this as the reason. @internal */
  readonly inOneThread = Symbol(
    'A Tensor or Device belongs to its thread: send x.tolist(), or x.numpy().data with its shape. It',
  );
  /** @internal Use `device(name)`. */
  constructor(type: DeviceType, index: number | null, backend: Backend | null = null) {
    this.type = type;
    this.index = index;
    this.backend = backend;
    this.kernels = backend === null ? null : backend.kernels;
    // Found by no one who lists what a device is.
    for (const name of ['backend', 'kernels']) Object.defineProperty(this, name, { enumerable: false });
  }
  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }
}

export const cpu = new Device('cpu', null, cpuBackend);
export const meta = new Device('meta', null);
/** Where a tensor lives after dispose(): every op refuses it, because it is not on the CPU. */
export const disposed = new Device('disposed', null);

export type DeviceLike = Device | string;

const indexed = new Map<string, Device>();
/** The device of this type and number: always the same object. Whether it exists is another question. */
export function deviceOfType(type: string, index: number): Device {
  const name = `${type}:${index}`;
  let found = indexed.get(name);
  if (found === undefined) {
    found = new Device(type, index);
    indexed.set(name, found);
  }
  return found;
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

/** Called when a device other than the CPU comes into use; set by registry/device-guard.ts. */
export const deviceHooks = { secondDevice: (): void => {} };

/** Connects a device to its backend. @throws RuntimeError where there is no such device */
function open(op: string, d: Device): void {
  const backend = providerOf(d.type)?.open(op, d.index!);
  if (backend === undefined) return;
  d.backend = backend;
  d.kernels = backend.kernels;
  if (placement.several) return;
  placement.several = true;
  deviceHooks.secondDevice();
}

/** Whether a text is the name of a device, there or not: as opposed to that of a dtype. */
export function namesDevice(text: string): boolean {
  const [type = ''] = text.split(':');
  return type === 'cpu' || type === 'meta' || providerOf(type) !== undefined;
}

/** `device('cpu')`, `device('cuda:0')`. @throws RuntimeError for an unknown or absent device. */
export function device(value: DeviceLike): Device {
  if (value instanceof Device) return value;
  if (typeof value !== 'string')
    throw new ArgumentError(message('device', 'a device or its name', describe(value)));
  if (value === 'cpu' || value === 'cpu:0') return cpu;
  if (value === 'meta') return meta;
  const [, type, index] = /^([a-z]\w*)(?::(\d+))?$/.exec(value) ?? [];
  if (type !== undefined && providerOf(type) !== undefined) return deviceOfType(type, Number(index ?? 0));
  const known = backendTypes().map((name) => `'${name}[:index]'`);
  throw new RuntimeError(message('device', ["'cpu'", "'meta'", ...known].join(', '), describe(value)));
}

/** The device that memory is asked on. @throws RuntimeError when this build or machine has none of that type. */
export function requireDevice(op: string, value: DeviceLike | null | undefined): Device {
  if (value === null || value === undefined) return placement.device;
  const d = device(value);
  if (d.backend === null) open(op, d);
  return d;
}

interface Placed {
  readonly device: Device;
}

/** The kernels for tensors that all have memory on one device. @throws where that does not hold. */
export function kernelsOf(op: string, tensors: readonly Placed[]): Kernels {
  const first = tensors[0]!.device;
  for (let i = 1; i < tensors.length; i++) if (tensors[i]!.device !== first) throw deviceError(op, tensors);
  if (first.kernels === null) throw deviceError(op, tensors);
  return first.kernels;
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
