// The device that a run's tensors live on: the CPU, or what `--device` names (device-choice.ts).

import type { Tensor } from 'torchstone';
import * as engine from 'torchstone';
import { addon } from 'torchstone/internals';
import { CannotRunError } from '../../reports/schema/index.js';
import { chosenDevice } from './device-choice.js';

/** Works on the chosen device from now on. @throws CannotRunError where it is not there */
export function placeRun(): void {
  const name = chosenDevice();
  if (name === undefined || name === runDevice()) return;
  try {
    engine.setDefaultDevice(name);
  } catch (error) {
    throw new CannotRunError(error instanceof Error ? error.message : String(error));
  }
  // A kernel's complaint belongs to the case that launched it.
  if (name.startsWith('cuda')) engine.cuda.setLaunchBlocking(true);
}

/** The name of the run's device. */
export function runDevice(): string {
  return String(engine.getDefaultDevice());
}

/** The kind of the run's device: `cpu` or `cuda`. */
export function runDeviceType(): string {
  return engine.getDefaultDevice().type;
}

/** Waits until the run's device has done all that it was given. */
export function finished(): void {
  if (engine.getDefaultDevice().type === 'cuda') engine.cuda.synchronize();
}

/** Whether the run's device takes no more work from this process. */
export function deviceLost(): boolean {
  try {
    finished();
    return false;
  } catch {
    return addon.cuda?.failure().kind === 'lost';
  }
}

/** The tensor on the run's device, without history. */
export function placed(tensor: Tensor): Tensor {
  return tensor.device === engine.getDefaultDevice() ? tensor : tensor.detach().to(engine.getDefaultDevice());
}

/** The tensor where JavaScript can read it. */
export function readable(tensor: Tensor): Tensor {
  return tensor.device.type === 'cuda' ? engine.noGrad(() => tensor.detach().to('cpu')) : tensor;
}

/** What the tensor prints, without its device: the recordings were made on the CPU. */
export function printed(tensor: Tensor): string {
  return String(tensor).replace(/,\s+device='cuda:\d+'/, '');
}
