// Fresh memory of layers: uninitialised tensors of a given device and dtype.

import { type Device, type DeviceLike, getDefaultDevice, requireDevice } from '../core/device.js';
import { type DType, getDefaultDtype } from '../core/dtype.js';
import { message, RuntimeError, showShape } from '../core/errors.js';
import { newTensor } from '../core/factory.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';

/** Where a layer makes its parameters, and of which dtype. */
export interface Factory {
  readonly device: DeviceLike | null;
  readonly dtype: DType | null;
}

export function deviceOf(factory: Factory): Device {
  return factory.device === null ? getDefaultDevice() : requireDevice('Module', factory.device);
}
export function dtypeOf(factory: Factory): DType {
  return factory.dtype ?? getDefaultDtype();
}

/** An uninitialised tensor, whose values the layer writes next. */
export function empty(shape: Shape, factory: Factory): Tensor {
  return emptyOn(shape, dtypeOf(factory), deviceOf(factory));
}
export function emptyOn(shape: Shape, dtype: DType, device: Device): Tensor {
  if (shape.some((size) => size < 0)) {
    const negative = shape.find((size) => size < 0);
    const hint = `Trying to create tensor with negative dimension ${negative}: ${showShape(shape)}`;
    throw new RuntimeError(message('empty', 'sizes of 0 or more', showShape(shape), hint));
  }
  return newTensor([...shape], dtype, device);
}
