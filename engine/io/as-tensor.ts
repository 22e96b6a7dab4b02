// asTensor: whatever holds numbers as a tensor, without a copy where none is needed.
//   asTensor(new Float32Array(4))   asTensor([[1, 2]], { dtype: 'float64' })
import type { Device, DeviceLike } from '../core/device.js';
import { asDType, type DTypeLike } from '../core/dtype.js';
import { isOptions, readOptions } from '../core/options.js';
import { type Nested, type NumericArray, type Scalar, Tensor } from '../core/tensor.js';
import { tensor } from '../ops/creation/creation.js';
import { fromNumpy, type NdArray } from './numpy.js';

/** Where and as what the numbers are wanted. */
export interface AsTensorOptions {
  /** Default: that of the data. */
  readonly dtype?: DTypeLike | null;
  /** Default: where a tensor is, else the default device. */
  readonly device?: Device | DeviceLike | null;
}

/**
 * A tensor of the data: itself where it is one already as wanted, over the same memory where it is a typed array or what
 * `numpy()` gives, else a new one.
 * @throws TypeError for data that `tensor` does not take
 * @see PyTorch: torch.as_tensor.
 */
export function asTensor(
  data: Tensor | NumericArray | NdArray | Nested<Scalar>,
  options: AsTensorOptions = {},
): Tensor {
  const { dtype = null, device = null } = readOptions<AsTensorOptions>('asTensor', options, [
    'dtype',
    'device',
  ]);
  const shared = isShared(data) ? fromNumpy(data as NumericArray | NdArray) : data;
  if (!(shared instanceof Tensor))
    return tensor.impl(shared, dtype === null ? null : asDType(dtype, 'asTensor'), device, false) as Tensor;
  const placed =
    device === null || String(shared.device) === String(device) ? shared : shared.to(device as DeviceLike);
  return dtype === null ? placed : placed.to(dtype);
}

/** Typed arrays, and objects that describe one. */
const isShared = (data: unknown): boolean =>
  ArrayBuffer.isView(data) || (isOptions(data) && 'data' in data && 'shape' in data);
