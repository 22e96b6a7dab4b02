// Activation layers: pointwise functions and softmaxes as modules. `new ReLU()`.
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { empty, type Factory } from '../_factory.js';
import { constant_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { type FactoryOptions, factory, flag, float, int, type Rest, signature, text } from '../signature.js';

const F = nn.functional;

export interface InplaceOptions {
  /** Whether the input is overwritten. Default false. */
  inplace?: boolean;
}
type InplaceRest = Rest<InplaceOptions, ['inplace']>;
const inplaceParam = flag('inplace', false);
const readInplace = (name: string, args: readonly unknown[]): boolean =>
  signature<{ inplace: boolean }>(name, [inplaceParam])(args).inplace;

/** The result, written over the input where the layer was told to. Backward keeps a copy of an input that it needs. */
export function stored(input: Tensor, inplace: boolean, compute: (x: Tensor) => Tensor): Tensor {
  return inplace ? input.copy_(compute(input.requiresGrad ? input.clone() : input)) : compute(input);
}
const suffix = (inplace: boolean): string => (inplace ? ', inplace=True' : '');

/** A pointwise layer without parameters. */
abstract class Pointwise extends Module<[input: Tensor], Tensor> {}

/** A pointwise layer that may overwrite its input. */
abstract class Overwriting extends Pointwise {
  inplace: boolean;
  constructor(name: string, args: readonly unknown[]) {
    super();
    this.inplace = readInplace(name, args);
  }
  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

/** max(x, 0). @see PyTorch: torch.nn.ReLU. */
export class ReLU extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('ReLU', rest);
  }
  override forward(input: Tensor): Tensor {
    return this.inplace ? input.relu_() : input.relu();
  }
}
/** SELU, the self-normalising ELU. Klambauer et al. 2017. @see PyTorch: torch.nn.SELU. */
export class SELU extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('SELU', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.selu(x));
  }
}
/** x · σ(x). @see PyTorch: torch.nn.SiLU. */
export class SiLU extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('SiLU', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.silu(x));
  }
}
/** x · tanh(softplus(x)). Misra 2019. @see PyTorch: torch.nn.Mish. */
export class Mish extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('Mish', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.mish(x));
  }
}
/** x · relu6(x + 3) / 6. @see PyTorch: torch.nn.Hardswish. */
export class Hardswish extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('Hardswish', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.hardswish(x));
  }
  override extraRepr(): string {
    return '';
  }
}
/** relu6(x + 3) / 6. @see PyTorch: torch.nn.Hardsigmoid. */
export class Hardsigmoid extends Overwriting {
  constructor(...rest: InplaceRest) {
    super('Hardsigmoid', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.hardsigmoid(x));
  }
  override extraRepr(): string {
    return '';
  }
}

/** 1 / (1 + e⁻ˣ). @see PyTorch: torch.nn.Sigmoid. */
export class Sigmoid extends Pointwise {
  override forward(input: Tensor): Tensor {
    return input.sigmoid();
  }
}
/** @see PyTorch: torch.nn.Tanh. */
export class Tanh extends Pointwise {
  override forward(input: Tensor): Tensor {
    return input.tanh();
  }
}
/** log σ(x). @see PyTorch: torch.nn.LogSigmoid. */
export class LogSigmoid extends Pointwise {
  override forward(input: Tensor): Tensor {
    return F.logSigmoid(input);
  }
}
/** x / (1 + |x|). @see PyTorch: torch.nn.Softsign. */
export class Softsign extends Pointwise {
  override forward(input: Tensor): Tensor {
    return F.softsign(input);
  }
}
/** x − tanh(x). @see PyTorch: torch.nn.Tanhshrink. */
export class Tanhshrink extends Pointwise {
  override forward(input: Tensor): Tensor {
    return F.tanhshrink(input);
  }
}

export interface HardtanhOptions extends InplaceOptions {
  /** Default −1. */
  minVal?: number;
  /** Default 1. */
  maxVal?: number;
}
interface HardtanhArgs {
  readonly minVal: number;
  readonly maxVal: number;
  readonly inplace: boolean;
}
const HARDTANH = signature<HardtanhArgs>('Hardtanh', [
  float('min_val', -1),
  float('max_val', 1),
  inplaceParam,
]);

/** x limited to [minVal, maxVal]. @throws ValueError for an empty range @see PyTorch: torch.nn.Hardtanh. */
export class Hardtanh extends Pointwise {
  minVal: number;
  maxVal: number;
  inplace: boolean;
  constructor(...rest: Rest<HardtanhOptions, ['minVal', 'maxVal', 'inplace']>) {
    super();
    const o = HARDTANH(rest);
    if (o.maxVal <= o.minVal)
      throw new ValueError(
        message(
          'Hardtanh',
          'maxVal above minVal',
          `${o.minVal} and ${o.maxVal}`,
          `max_val (${o.maxVal}) must be greater than min_val (${o.minVal})`,
        ),
      );
    this.minVal = o.minVal;
    this.maxVal = o.maxVal;
    this.inplace = o.inplace;
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.hardtanh(x, this.minVal, this.maxVal));
  }
  override extraRepr(): string {
    return `min_val=${pythonFloat(this.minVal)}, max_val=${pythonFloat(this.maxVal)}${suffix(this.inplace)}`;
  }
}
/** min(max(x, 0), 6). @see PyTorch: torch.nn.ReLU6. */
export class ReLU6 extends Hardtanh {
  constructor(...rest: InplaceRest) {
    super(0, 6, readInplace('ReLU6', rest));
  }
  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

interface ThresholdArgs {
  readonly threshold: number;
  readonly value: number;
  readonly inplace: boolean;
}
const THRESHOLD = signature<ThresholdArgs>('Threshold', [float('threshold'), float('value'), inplaceParam]);

/** x where it is above the threshold, else `value`. @see PyTorch: torch.nn.Threshold. */
export class Threshold extends Pointwise {
  threshold: number;
  value: number;
  inplace: boolean;
  constructor(threshold: number, value: number, ...rest: InplaceRest) {
    super();
    const o = THRESHOLD([threshold, value, ...rest]);
    this.threshold = o.threshold;
    this.value = o.value;
    this.inplace = o.inplace;
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.threshold(x, this.threshold, this.value));
  }
  override extraRepr(): string {
    return `threshold=${pythonFloat(this.threshold)}, value=${pythonFloat(this.value)}${suffix(this.inplace)}`;
  }
}

export interface RReLUOptions extends InplaceOptions {
  /** Default 1/8. */
  lower?: number;
  /** Default 1/3. */
  upper?: number;
}
interface RReLUArgs {
  readonly lower: number;
  readonly upper: number;
  readonly inplace: boolean;
}
const RRELU = signature<RReLUArgs>('RReLU', [float('lower', 1 / 8), float('upper', 1 / 3), inplaceParam]);

/** A leaky ReLU whose slope is random in training. Xu et al. 2015. @see PyTorch: torch.nn.RReLU. */
export class RReLU extends Pointwise {
  lower: number;
  upper: number;
  inplace: boolean;
  constructor(...rest: Rest<RReLUOptions, ['lower', 'upper', 'inplace']>) {
    super();
    const o = RRELU(rest);
    this.lower = o.lower;
    this.upper = o.upper;
    this.inplace = o.inplace;
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.rrelu(x, this.lower, this.upper, this.training));
  }
  override extraRepr(): string {
    return `lower=${pythonFloat(this.lower)}, upper=${pythonFloat(this.upper)}${suffix(this.inplace)}`;
  }
}

export interface AlphaOptions extends InplaceOptions {
  /** The value that large negative inputs approach. Default 1. */
  alpha?: number;
}
type AlphaRest = Rest<AlphaOptions, ['alpha', 'inplace']>;
abstract class Exponential extends Pointwise {
  alpha: number;
  inplace: boolean;
  constructor(name: string, args: readonly unknown[]) {
    super();
    const o = signature<{ alpha: number; inplace: boolean }>(name, [float('alpha', 1), inplaceParam])(args);
    this.alpha = o.alpha;
    this.inplace = o.inplace;
  }
  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}${suffix(this.inplace)}`;
  }
}
/** x, or alpha (eˣ − 1) below 0. Clevert et al. 2015. @see PyTorch: torch.nn.ELU. */
export class ELU extends Exponential {
  constructor(...rest: AlphaRest) {
    super('ELU', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.elu(x, this.alpha));
  }
}
/** The ELU that is differentiable for every alpha. Barron 2017. @see PyTorch: torch.nn.CELU. */
export class CELU extends Exponential {
  constructor(...rest: AlphaRest) {
    super('CELU', rest);
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.celu(x, this.alpha));
  }
}

export interface DimOptions {
  dim?: number | null;
}
const readDim = (name: string, args: readonly unknown[], value: number | null): number | null =>
  signature<{ dim: number | null }>(name, [int('dim', value)])(args).dim;

/** The first half of a dim times σ of the second. Dauphin et al. 2016. @see PyTorch: torch.nn.GLU. */
export class GLU extends Pointwise {
  dim: number;
  constructor(...rest: Rest<DimOptions, ['dim']>) {
    super();
    this.dim = readDim('GLU', rest, -1) ?? -1;
  }
  override forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }
  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

export interface GELUOptions {
  /** 'none' for the error function, 'tanh' for its approximation. Default 'none'. */
  approximate?: 'none' | 'tanh';
}
const GELU_ARGS = signature<{ approximate: 'none' | 'tanh' }>('GELU', [text('approximate', 'none')]);
/** x · Φ(x). Hendrycks and Gimpel 2016. @see PyTorch: torch.nn.GELU. */
export class GELU extends Pointwise {
  approximate: 'none' | 'tanh';
  constructor(...rest: Rest<GELUOptions, ['approximate']>) {
    super();
    this.approximate = GELU_ARGS(rest).approximate;
  }
  override forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate });
  }
  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

export interface LambdOptions {
  /** Values within ±lambd become 0. Default 0.5. */
  lambd?: number;
}
abstract class Shrink extends Pointwise {
  lambd: number;
  constructor(name: string, args: readonly unknown[]) {
    super();
    this.lambd = signature<{ lambd: number }>(name, [float('lambd', 0.5)])(args).lambd;
  }
  override extraRepr(): string {
    return pythonFloat(this.lambd);
  }
}
/** x, or 0 within ±lambd. @see PyTorch: torch.nn.Hardshrink. */
export class Hardshrink extends Shrink {
  constructor(...rest: Rest<LambdOptions, ['lambd']>) {
    super('Hardshrink', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.hardshrink(input, this.lambd);
  }
}
/** x moved by lambd towards 0. @see PyTorch: torch.nn.Softshrink. */
export class Softshrink extends Shrink {
  constructor(...rest: Rest<LambdOptions, ['lambd']>) {
    super('Softshrink', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.softshrink(input, this.lambd);
  }
}

export interface LeakyReLUOptions extends InplaceOptions {
  /** The slope below 0. Default 0.01. */
  negativeSlope?: number;
}
const LEAKY = signature<{ negativeSlope: number; inplace: boolean }>('LeakyReLU', [
  float('negative_slope', 0.01),
  inplaceParam,
]);
/** x, or negativeSlope · x below 0. @see PyTorch: torch.nn.LeakyReLU. */
export class LeakyReLU extends Pointwise {
  negativeSlope: number;
  inplace: boolean;
  constructor(...rest: Rest<LeakyReLUOptions, ['negativeSlope', 'inplace']>) {
    super();
    const o = LEAKY(rest);
    this.negativeSlope = o.negativeSlope;
    this.inplace = o.inplace;
  }
  override forward(input: Tensor): Tensor {
    return stored(input, this.inplace, (x) => F.leakyRelu(x, this.negativeSlope));
  }
  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.negativeSlope)}${suffix(this.inplace)}`;
  }
}

export interface SoftplusOptions {
  /** Default 1. */
  beta?: number;
  /** Above this, beta · x counts as linear. Default 20. */
  threshold?: number;
}
const SOFTPLUS = signature<{ beta: number; threshold: number }>('Softplus', [
  float('beta', 1),
  float('threshold', 20),
]);
/** log(1 + e^(beta x)) / beta. @see PyTorch: torch.nn.Softplus. */
export class Softplus extends Pointwise {
  beta: number;
  threshold: number;
  constructor(...rest: Rest<SoftplusOptions, ['beta', 'threshold']>) {
    super();
    const o = SOFTPLUS(rest);
    this.beta = o.beta;
    this.threshold = o.threshold;
  }
  override forward(input: Tensor): Tensor {
    return F.softplus(input, this.beta, this.threshold);
  }
  override extraRepr(): string {
    return `beta=${pythonFloat(this.beta)}, threshold=${pythonFloat(this.threshold)}`;
  }
}

export interface PReLUOptions extends FactoryOptions {
  /** One slope for all, or one for each channel. Default 1. */
  numParameters?: number;
  /** The initial slope. Default 0.25. */
  init?: number;
}
interface PReLUArgs extends Factory {
  readonly numParameters: number;
  readonly init: number;
}
const PRELU = signature<PReLUArgs>('PReLU', [int('num_parameters', 1), float('init', 0.25), ...factory]);
/** A leaky ReLU with a learned slope. He et al. 2015. @see PyTorch: torch.nn.PReLU. */
export class PReLU extends Pointwise {
  numParameters: number;
  init: number;
  weight: Parameter;
  constructor(...rest: Rest<PReLUOptions, ['numParameters', 'init', 'device', 'dtype']>) {
    super();
    const o = PRELU(rest);
    this.numParameters = o.numParameters;
    this.init = o.init;
    this.weight = new Parameter(empty([o.numParameters], o));
    this.resetParameters();
  }
  /** Sets the initial slope. */
  resetParameters(): void {
    constant_(this.weight, this.init);
  }
  override forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }
  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}

/** A softmax along one dim; by default, as PyTorch, the last of 2 or 4 and the first of others. */
abstract class AlongDim extends Pointwise {
  dim: number | null;
  constructor(name: string, args: readonly unknown[]) {
    super();
    this.dim = readDim(name, args, null);
  }
  /** @internal */
  dimOf(input: Tensor): number {
    return this.dim ?? ([0, 1, 3].includes(input.ndim) ? 0 : 1);
  }
  override extraRepr(): string {
    return `dim=${pythonText(this.dim)}`;
  }
}
type DimRest = Rest<DimOptions, ['dim']>;
/** @see PyTorch: torch.nn.Softmax. */
export class Softmax extends AlongDim {
  constructor(...rest: DimRest) {
    super('Softmax', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.softmax(input, this.dimOf(input));
  }
}
/** The softmax of −x. @see PyTorch: torch.nn.Softmin. */
export class Softmin extends AlongDim {
  constructor(...rest: DimRest) {
    super('Softmin', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.softmin(input, this.dimOf(input));
  }
}
/** @see PyTorch: torch.nn.LogSoftmax. */
export class LogSoftmax extends AlongDim {
  constructor(...rest: DimRest) {
    super('LogSoftmax', rest);
  }
  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dimOf(input));
  }
}
/** The softmax over the channels of images. @throws ValueError without 3 or 4 dims @see PyTorch: torch.nn.Softmax2d. */
export class Softmax2d extends Pointwise {
  override forward(input: Tensor): Tensor {
    if (input.ndim !== 3 && input.ndim !== 4)
      throw new ValueError(
        message(
          'Softmax2d',
          '3 or 4 dims',
          String(input.ndim),
          `Softmax2d: expected input to be 3D or 4D, got ${input.ndim}D instead`,
        ),
      );
    return F.softmax(input, -3);
  }
}
