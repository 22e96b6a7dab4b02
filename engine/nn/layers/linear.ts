// Linear layers: `new Linear(784, 10)`.

import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { deviceOf, dtypeOf, empty, type Factory } from '../_factory.js';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter, UninitializedParameter } from '../parameter.js';
import { type FactoryOptions, factory, flag, int, type Rest, signature } from '../signature.js';

export interface BiasOptions extends FactoryOptions {
  /** Whether a learned bias is added. Default true. */
  bias?: boolean;
}
type BiasRest = Rest<BiasOptions, ['bias', 'device', 'dtype']>;

/** PyTorch's initial values of weights and biases: uniform within 1/√(fan in). */
export function resetWeightAndBias(weight: Tensor, bias: Tensor | null): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  if (bias === null) return;
  const { fanIn } = calculateFanInAndFanOut(weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  uniform_(bias, -bound, bound);
}

interface LinearArgs extends Factory {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}
const LINEAR = [int('in_features'), int('out_features'), flag('bias', true), ...factory];

/**
 * x · weightᵀ + bias over the last dim: […, inFeatures] becomes […, outFeatures].
 * @see PyTorch: torch.nn.Linear.
 */
export class Linear extends Module<[input: Tensor], Tensor> {
  inFeatures: number;
  outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, ...rest: BiasRest) {
    super();
    const o = signature<LinearArgs>('Linear', LINEAR)([inFeatures, outFeatures, ...rest]);
    this.inFeatures = o.inFeatures;
    this.outFeatures = o.outFeatures;
    this.weight = new Parameter(empty([o.outFeatures, o.inFeatures], o));
    this.bias = o.bias ? new Parameter(empty([o.outFeatures], o)) : null;
    this.resetParameters();
  }
  /** Draws new initial values. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }
  override forward(input: Tensor): Tensor {
    return nn.functional.linear(input, this.weight, this.bias);
  }
  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pythonText(this.bias !== null)}`;
  }
}

interface LazyLinearArgs extends Factory {
  readonly outFeatures: number;
  readonly bias: boolean;
}
const LAZY_LINEAR = signature<LazyLinearArgs>('LazyLinear', [
  int('out_features'),
  flag('bias', true),
  ...factory,
]);

/**
 * A Linear whose number of input features is that of its first input.
 * @see PyTorch: torch.nn.LazyLinear.
 */
export class LazyLinear extends Linear {
  constructor(outFeatures: number, ...rest: BiasRest) {
    const o = LAZY_LINEAR([outFeatures, ...rest]);
    super(0, 0, { bias: false, device: o.device, dtype: o.dtype });
    const made = { device: deviceOf(o), dtype: dtypeOf(o) };
    this.outFeatures = o.outFeatures;
    this.weight = new UninitializedParameter(made);
    this.bias = o.bias ? new UninitializedParameter(made) : null;
    this.becomeLazy(Linear.prototype);
  }
  /** @internal */
  materializeFor(input: Tensor): void {
    this.inFeatures = input.size(-1);
    (this.weight as UninitializedParameter).materialize([this.outFeatures, this.inFeatures]);
    if (this.bias !== null) (this.bias as UninitializedParameter).materialize([this.outFeatures]);
    this.resetParameters();
  }
}

interface BilinearArgs extends Factory {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}
const BILINEAR = signature<BilinearArgs>('Bilinear', [
  int('in1_features'),
  int('in2_features'),
  int('out_features'),
  flag('bias', true),
  ...factory,
]);

/**
 * x1ᵀ · W · x2 + bias for each output feature.
 * @see PyTorch: torch.nn.Bilinear.
 */
export class Bilinear extends Module<[input1: Tensor, input2: Tensor], Tensor> {
  in1Features: number;
  in2Features: number;
  outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, ...rest: BiasRest) {
    super();
    const o = BILINEAR([in1Features, in2Features, outFeatures, ...rest]);
    if (o.in1Features <= 0)
      throw new ValueError(
        message(
          'Bilinear',
          'in1Features above 0',
          String(o.in1Features),
          `in1_features must be > 0, but got ${o.in1Features}`,
        ),
      );
    this.in1Features = o.in1Features;
    this.in2Features = o.in2Features;
    this.outFeatures = o.outFeatures;
    this.weight = new Parameter(empty([o.outFeatures, o.in1Features, o.in2Features], o));
    this.bias = o.bias ? new Parameter(empty([o.outFeatures], o)) : null;
    this.resetParameters();
  }
  /** Draws new initial values. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.weight.size(1));
    uniform_(this.weight, -bound, bound);
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }
  override forward(input1: Tensor, input2: Tensor): Tensor {
    return nn.functional.bilinear(input1, input2, this.weight, this.bias);
  }
  override extraRepr(): string {
    return `in1_features=${this.in1Features}, in2_features=${this.in2Features}, out_features=${this.outFeatures}, bias=${pythonText(this.bias !== null)}`;
  }
}

/**
 * Returns its input. Takes any arguments, so that it can stand for any layer.
 * @see PyTorch: torch.nn.Identity.
 */
export class Identity extends Module<[input: Tensor], Tensor> {
  constructor(..._any: readonly unknown[]) {
    super();
  }
  override forward(input: Tensor): Tensor {
    return input;
  }
}
