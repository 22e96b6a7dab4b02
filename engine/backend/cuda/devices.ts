// CUDA device indices, and errors of CUDA calls.
import { type DeviceLike, device, deviceOfType, requireDevice } from '../../core/device.js';
import { message, RuntimeError, TorchstoneError } from '../../core/errors.js';
import { addon, type CudaAddon } from '../addon.js';
import { requireDone, statuses, writeStatus } from '../commands/status.js';

let cudaCurrent = -1;
/** The CUDA half, working on this device. */
export function cudaAt(index: number): CudaAddon {
  const cuda = addon.cuda;
  if (cuda === undefined)
    throw new TorchstoneError('cuda: required an addon with the CUDA backend, got one without');
  if (index !== cudaCurrent) {
    cuda.setDevice(index);
    cudaCurrent = index;
  }
  return cuda;
}

let chosen = 0;
/** The index of the current device. */
export const chosenDevice = (): number => chosen;
export function chooseDevice(index: number): void {
  chosen = index;
}

/** The index that a device argument means; the current device without one. @throws RuntimeError where it does not exist */
export function indexOf(op: string, value: DeviceLike | number = chosen): number {
  const d = typeof value === 'number' ? deviceOfType('cuda', value) : device(value);
  if (d.type !== 'cuda') throw new RuntimeError(message(op, 'a CUDA device', String(d)));
  return requireDevice(op, d).index!;
}

/** Runs a call of the addon, and turns what kernels failed with into the engine's errors. */
export function checked<T>(op: string, index: number, call: (cuda: CudaAddon) => T): T {
  writeStatus(statuses.done);
  const result = call(cudaAt(index));
  requireDone(op);
  return result;
}
