// Parameter and buffer tensors of modules: `new Parameter(randn(3, 2))`.

import { type Device, meta } from '../core/device.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, ValueError } from '../core/errors.js';
import { isOptions, readOptions } from '../core/options.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { Tensor } from '../core/tensor.js';
import { emptyOn } from './_factory.js';

export interface ParameterOptions {
  /** Whether gradients are recorded. Default true. */
  requiresGrad?: boolean;
}

declare const parameter: unique symbol;

/**
 * A tensor that a module finds among its properties and hands to optimizers and state dicts. Shares the memory of `data`;
 * results of ops on it are ordinary tensors.
 * @throws RuntimeError where `data` has an integer dtype and requiresGrad is not false
 * @see PyTorch: torch.nn.Parameter.
 */
export type Parameter = Tensor & { readonly [parameter]: true };

/** The class of parameters, as TypeScript sees it: comparing a subclass of Tensor member by member takes minutes. */
interface ParameterClass {
  new (data: Tensor, requiresGrad?: boolean | ParameterOptions): Parameter;
  [Symbol.hasInstance](value: unknown): value is Parameter;
}
type TensorArgs = ConstructorParameters<typeof Tensor>;
const TensorBase = Tensor as unknown as new (...args: TensorArgs) => object;

class ParameterTensor extends TensorBase {
  constructor(data: Tensor, requiresGrad: boolean | ParameterOptions = true) {
    if (!(data instanceof Tensor)) throw new ArgumentError(message('Parameter', 'a Tensor', describe(data)));
    super(data.storage, data.sizes, data.strides, data.offset, data.dtype, data.rowMajor, null, data.device);
    const wanted = isOptions(requiresGrad)
      ? (readOptions<ParameterOptions>('Parameter', requiresGrad, ['requiresGrad']).requiresGrad ?? true)
      : requiresGrad;
    if (typeof wanted !== 'boolean')
      throw new ArgumentError(message('Parameter', "'requiresGrad' to be a boolean", describe(wanted)));
    if (wanted) (this as unknown as Tensor).requiresGrad_(true);
  }
  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}
Object.defineProperty(ParameterTensor, 'name', { value: 'Parameter' });
export const Parameter = ParameterTensor as unknown as ParameterClass;

/** What uninitialised parameters and buffers of lazy modules have in common: no shape until the first call. */
const uninitialized = new WeakSet<Tensor>();

/** Whether a tensor of a lazy module has no shape yet. */
export function isLazy(x: unknown): boolean {
  return x instanceof Tensor && uninitialized.has(x);
}

/**
 * A parameter whose shape the first call of its lazy module finds.
 * @see PyTorch: torch.nn.parameter.UninitializedParameter.
 */
export type UninitializedParameter = Parameter & {
  /** Gives the parameter its shape and fresh memory. */
  materialize(shape: Shape): void;
  /** @internal One more of the same kind. */
  another(): UninitializedParameter;
};
interface UninitializedOptions {
  requiresGrad?: boolean;
  device: Device;
  dtype: DType;
}
interface UninitializedClass {
  new (options: UninitializedOptions): UninitializedParameter;
  [Symbol.hasInstance](value: unknown): value is UninitializedParameter;
}

class UninitializedTensor extends ParameterTensor {
  readonly #target: Device;
  constructor({ requiresGrad = true, device, dtype }: UninitializedOptions) {
    super(shapeless(dtype), requiresGrad);
    this.#target = device;
    uninitialized.add(this as unknown as Tensor);
  }
  another(): UninitializedTensor {
    const { requiresGrad, dtype } = this as unknown as Tensor;
    return new UninitializedTensor({ requiresGrad, device: this.#target, dtype });
  }
  materialize(shape: Shape): void {
    materialize(this as unknown as Tensor, shape, this.#target);
  }
  override toString(): string {
    return isLazy(this) ? '<UninitializedParameter>' : super.toString();
  }
}
Object.defineProperty(UninitializedTensor, 'name', { value: 'UninitializedParameter' });
export const UninitializedParameter = UninitializedTensor as unknown as UninitializedClass;

const shapeless = (dtype: DType): Tensor =>
  new Tensor(new Storage(0, meta), [0], [1], 0, dtype, true, null, meta);

/** A buffer without a shape, which lazy normalisation layers have. */
export function uninitializedBuffer(dtype: DType): Tensor {
  const buffer = shapeless(dtype);
  uninitialized.add(buffer);
  return buffer;
}

export function materialize(x: Tensor, shape: Shape, device: Device): void {
  if (!isLazy(x))
    throw new RuntimeError(message('materialize', 'an uninitialized tensor', 'one with a shape'));
  if (shape.some((size) => size < 0))
    throw new ValueError(message('materialize', 'sizes of 0 or more', String(shape)));
  x.become(emptyOn(shape, x.dtype, device));
  uninitialized.delete(x);
}
