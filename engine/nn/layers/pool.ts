// Pooling layers: `new MaxPool2d(2)`.
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { Module } from '../module.js';
import { anything, flag, float, int, ints, perDim, type Rest, signature, tensor } from '../signature.js';

const F = nn.functional;
type Sizes = number | readonly number[];

export interface MaxPoolOptions {
  /** Default: the kernel size. */
  stride?: Sizes | null;
  /** Default 0. */
  padding?: Sizes;
  /** Default 1. */
  dilation?: Sizes;
  /** Whether the result is [values, indices]. Default false. */
  returnIndices?: boolean;
  /** Whether a window that leaves the input counts. Default false. */
  ceilMode?: boolean;
}
interface MaxPoolArgs {
  readonly kernelSize: Sizes;
  readonly stride: Sizes | null;
  readonly padding: Sizes;
  readonly dilation: Sizes;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;
}
type MaxPoolRest = Rest<MaxPoolOptions, ['stride', 'padding', 'dilation', 'returnIndices', 'ceilMode']>;

abstract class MaxPool extends Module<[input: Tensor], Tensor> {
  kernelSize: Sizes;
  stride: Sizes;
  padding: Sizes;
  dilation: Sizes;
  returnIndices: boolean;
  ceilMode: boolean;
  constructor(name: string, args: readonly unknown[]) {
    super();
    const o = signature<MaxPoolArgs>(name, [
      ints('kernel_size'),
      ints('stride', null),
      ints('padding', 0),
      ints('dilation', 1),
      flag('return_indices', false),
      flag('ceil_mode', false),
    ])(args);
    this.kernelSize = o.kernelSize;
    this.stride = o.stride ?? o.kernelSize;
    this.padding = o.padding;
    this.dilation = o.dilation;
    this.returnIndices = o.returnIndices;
    this.ceilMode = o.ceilMode;
  }
  /** @internal */
  options(): object {
    const { stride, padding, dilation, returnIndices, ceilMode } = this;
    return { stride, padding, dilation, returnIndices, ceilMode };
  }
  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return `kernel_size=${pythonText(kernelSize)}, stride=${pythonText(stride)}, padding=${pythonText(padding)}, dilation=${pythonText(dilation)}, ceil_mode=${pythonText(ceilMode)}`;
  }
}

/** The greatest value of each window of the last 1 dim. @see PyTorch: torch.nn.MaxPool1d. */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: Sizes, ...rest: MaxPoolRest) {
    super('MaxPool1d', [kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.maxPool1d(input, this.kernelSize, this.options() as never) as Tensor;
  }
}

/** The greatest value of each window of the last 2 dims. @see PyTorch: torch.nn.MaxPool2d. */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: Sizes, ...rest: MaxPoolRest) {
    super('MaxPool2d', [kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.maxPool2d(input, this.kernelSize, this.options() as never) as Tensor;
  }
}

/** The greatest value of each window of the last 3 dims. @see PyTorch: torch.nn.MaxPool3d. */
export class MaxPool3d extends MaxPool {
  constructor(kernelSize: Sizes, ...rest: MaxPoolRest) {
    super('MaxPool3d', [kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.maxPool3d(input, this.kernelSize, this.options() as never) as Tensor;
  }
}

export interface UnpoolOptions {
  /** Default: the kernel size. */
  stride?: Sizes | null;
  /** Default 0. */
  padding?: Sizes;
}
type UnpoolRest = Rest<UnpoolOptions, ['stride', 'padding']>;
abstract class MaxUnpool extends Module<
  [input: Tensor, indices: Tensor, outputSize?: readonly number[] | null],
  Tensor
> {
  kernelSize: readonly number[];
  stride: readonly number[];
  padding: readonly number[];
  constructor(name: string, args: readonly unknown[], dims: number) {
    super();
    const o = signature<{ kernelSize: Sizes; stride: Sizes | null; padding: Sizes }>(name, [
      ints('kernel_size'),
      ints('stride', null),
      ints('padding', 0),
    ])(args);
    this.kernelSize = perDim(name, 'kernelSize', o.kernelSize, dims);
    this.stride = perDim(name, 'stride', o.stride ?? o.kernelSize, dims);
    this.padding = perDim(name, 'padding', o.padding, dims);
  }
  override extraRepr(): string {
    return `kernel_size=${pythonText(this.kernelSize)}, stride=${pythonText(this.stride)}, padding=${pythonText(this.padding)}`;
  }
}

/** Values back to where MaxPool1d took them from. @see PyTorch: torch.nn.MaxUnpool1d. */
export class MaxUnpool1d extends MaxUnpool {
  constructor(kernelSize: Sizes, ...rest: UnpoolRest) {
    super('MaxUnpool1d', [kernelSize, ...rest], 1);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool1d(input, indices, this.kernelSize, this.stride, this.padding, outputSize);
  }
}

/** Values back to where MaxPool2d took them from. @see PyTorch: torch.nn.MaxUnpool2d. */
export class MaxUnpool2d extends MaxUnpool {
  constructor(kernelSize: Sizes, ...rest: UnpoolRest) {
    super('MaxUnpool2d', [kernelSize, ...rest], 2);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool2d(input, indices, this.kernelSize, this.stride, this.padding, outputSize);
  }
}

/** Values back to where MaxPool3d took them from. @see PyTorch: torch.nn.MaxUnpool3d. */
export class MaxUnpool3d extends MaxUnpool {
  constructor(kernelSize: Sizes, ...rest: UnpoolRest) {
    super('MaxUnpool3d', [kernelSize, ...rest], 3);
  }
  override forward(input: Tensor, indices: Tensor, outputSize: readonly number[] | null = null): Tensor {
    return F.maxUnpool3d(input, indices, this.kernelSize, this.stride, this.padding, outputSize);
  }
}

export interface AvgPoolOptions {
  /** Default: the kernel size. */
  stride?: Sizes | null;
  /** Default 0. */
  padding?: Sizes;
  /** Whether a window that leaves the input counts. Default false. */
  ceilMode?: boolean;
  /** Whether padding counts in the mean. Default true. */
  countIncludePad?: boolean;
  /** What sums are divided by. Default: the size of the window. */
  divisorOverride?: number | null;
}
type AvgPoolRest = Rest<
  AvgPoolOptions,
  ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride']
>;
interface AvgPoolArgs {
  readonly kernelSize: Sizes;
  readonly stride: Sizes | null;
  readonly padding: Sizes;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride?: number | null;
}
const AVG = [
  ints('kernel_size'),
  ints('stride', null),
  ints('padding', 0),
  flag('ceil_mode', false),
  flag('count_include_pad', true),
];
abstract class AvgPool extends Module<[input: Tensor], Tensor> {
  kernelSize: Sizes;
  stride: Sizes;
  padding: Sizes;
  ceilMode: boolean;
  countIncludePad: boolean;
  constructor(o: AvgPoolArgs) {
    super();
    this.kernelSize = o.kernelSize;
    this.stride = o.stride ?? o.kernelSize;
    this.padding = o.padding;
    this.ceilMode = o.ceilMode;
    this.countIncludePad = o.countIncludePad;
  }
  override extraRepr(): string {
    return `kernel_size=${pythonText(this.kernelSize)}, stride=${pythonText(this.stride)}, padding=${pythonText(this.padding)}`;
  }
}
/** The mean of each window of the last dim. @see PyTorch: torch.nn.AvgPool1d. */
export class AvgPool1d extends AvgPool {
  constructor(
    kernelSize: Sizes,
    ...rest: Rest<
      Omit<AvgPoolOptions, 'divisorOverride'>,
      ['stride', 'padding', 'ceilMode', 'countIncludePad']
    >
  ) {
    const o = signature<AvgPoolArgs>('AvgPool1d', AVG)([kernelSize, ...rest]);
    super({
      ...o,
      kernelSize: perDim('AvgPool1d', 'kernelSize', o.kernelSize, 1),
      stride: perDim('AvgPool1d', 'stride', o.stride ?? o.kernelSize, 1),
      padding: perDim('AvgPool1d', 'padding', o.padding, 1),
    });
  }
  override forward(input: Tensor): Tensor {
    return F.avgPool1d(
      input,
      this.kernelSize,
      this.stride,
      this.padding,
      this.ceilMode,
      this.countIncludePad,
    );
  }
}

/** The mean of each window of the last 2 dims. @see PyTorch: torch.nn.AvgPool2d. */
export class AvgPool2d extends AvgPool {
  divisorOverride: number | null;
  constructor(kernelSize: Sizes, ...rest: AvgPoolRest) {
    const o = signature<AvgPoolArgs>('AvgPool2d', [...AVG, int('divisor_override', null)])([
      kernelSize,
      ...rest,
    ]);
    super(o);
    this.divisorOverride = o.divisorOverride ?? null;
  }
  override forward(input: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return F.avgPool2d(input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }
}

/** The mean of each window of the last 3 dims. @see PyTorch: torch.nn.AvgPool3d. */
export class AvgPool3d extends AvgPool {
  divisorOverride: number | null;
  constructor(kernelSize: Sizes, ...rest: AvgPoolRest) {
    const o = signature<AvgPoolArgs>('AvgPool3d', [...AVG, int('divisor_override', null)])([
      kernelSize,
      ...rest,
    ]);
    super(o);
    this.divisorOverride = o.divisorOverride ?? null;
  }
  override forward(input: Tensor): Tensor {
    const { kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return F.avgPool3d(input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }
}

export interface LPPoolOptions {
  /** Default: the kernel size. */
  stride?: Sizes | null;
  /** Whether a window that leaves the input counts. Default false. */
  ceilMode?: boolean;
}
type LPPoolRest = Rest<LPPoolOptions, ['stride', 'ceilMode']>;
abstract class LPPool extends Module<[input: Tensor], Tensor> {
  normType: number;
  kernelSize: Sizes;
  stride: Sizes | null;
  ceilMode: boolean;
  constructor(name: string, args: readonly unknown[]) {
    super();
    const o = signature<{ normType: number; kernelSize: Sizes; stride: Sizes | null; ceilMode: boolean }>(
      name,
      [float('norm_type'), ints('kernel_size'), ints('stride', null), flag('ceil_mode', false)],
    )(args);
    this.normType = o.normType;
    this.kernelSize = o.kernelSize;
    this.stride = o.stride;
    this.ceilMode = o.ceilMode;
  }
  override extraRepr(): string {
    const { normType, kernelSize, stride, ceilMode } = this;
    return `norm_type=${pythonText(normType)}, kernel_size=${pythonText(kernelSize)}, stride=${pythonText(stride)}, ceil_mode=${pythonText(ceilMode)}`;
  }
}

/** The p-norm of each window of the last 1 dim. @see PyTorch: torch.nn.LPPool1d. */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, ...rest: LPPoolRest) {
    super('LPPool1d', [normType, kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.lpPool1d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The p-norm of each window of the last 2 dims. @see PyTorch: torch.nn.LPPool2d. */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, ...rest: LPPoolRest) {
    super('LPPool2d', [normType, kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.lpPool2d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** The p-norm of each window of the last 3 dims. @see PyTorch: torch.nn.LPPool3d. */
export class LPPool3d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, ...rest: LPPoolRest) {
    super('LPPool3d', [normType, kernelSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.lpPool3d(input, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** Output sizes; null keeps that of the input. */
type OutputSizes = number | null | readonly (number | null)[];
export interface ReturnIndicesOptions {
  /** Whether the result is [values, indices]. Default false. */
  returnIndices?: boolean;
}
abstract class Adaptive extends Module<[input: Tensor], Tensor> {
  outputSize: OutputSizes;
  constructor(outputSize: OutputSizes) {
    super();
    this.outputSize = outputSize;
  }
  override extraRepr(): string {
    return `output_size=${pythonText(this.outputSize)}`;
  }
}
interface AdaptiveArgs {
  readonly outputSize: OutputSizes;
  readonly returnIndices: boolean;
}
abstract class AdaptiveMax extends Adaptive {
  returnIndices: boolean;
  constructor(name: string, args: readonly unknown[]) {
    const o = signature<AdaptiveArgs>(name, [anything('output_size', null), flag('return_indices', false)])(
      args,
    );
    super(o.outputSize);
    this.returnIndices = o.returnIndices;
  }
}

/** The greatest values of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveMaxPool1d. */
export class AdaptiveMaxPool1d extends AdaptiveMax {
  constructor(outputSize: OutputSizes, ...rest: Rest<ReturnIndicesOptions, ['returnIndices']>) {
    super('AdaptiveMaxPool1d', [outputSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool1d(
      input,
      this.outputSize as number,
      {
        returnIndices: this.returnIndices,
      } as never,
    ) as Tensor;
  }
}
/** The means of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveAvgPool1d. */
export class AdaptiveAvgPool1d extends Adaptive {
  constructor(outputSize: OutputSizes) {
    super(
      signature<AdaptiveArgs>('AdaptiveAvgPool1d', [anything('output_size', null)])([outputSize]).outputSize,
    );
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool1d(input, this.outputSize as number);
  }
}

/** The greatest values of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveMaxPool2d. */
export class AdaptiveMaxPool2d extends AdaptiveMax {
  constructor(outputSize: OutputSizes, ...rest: Rest<ReturnIndicesOptions, ['returnIndices']>) {
    super('AdaptiveMaxPool2d', [outputSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool2d(
      input,
      this.outputSize as number,
      {
        returnIndices: this.returnIndices,
      } as never,
    ) as Tensor;
  }
}
/** The means of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveAvgPool2d. */
export class AdaptiveAvgPool2d extends Adaptive {
  constructor(outputSize: OutputSizes) {
    super(
      signature<AdaptiveArgs>('AdaptiveAvgPool2d', [anything('output_size', null)])([outputSize]).outputSize,
    );
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool2d(input, this.outputSize as number);
  }
}

/** The greatest values of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveMaxPool3d. */
export class AdaptiveMaxPool3d extends AdaptiveMax {
  constructor(outputSize: OutputSizes, ...rest: Rest<ReturnIndicesOptions, ['returnIndices']>) {
    super('AdaptiveMaxPool3d', [outputSize, ...rest]);
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveMaxPool3d(
      input,
      this.outputSize as number,
      {
        returnIndices: this.returnIndices,
      } as never,
    ) as Tensor;
  }
}
/** The means of windows that give the wanted size. @see PyTorch: torch.nn.AdaptiveAvgPool3d. */
export class AdaptiveAvgPool3d extends Adaptive {
  constructor(outputSize: OutputSizes) {
    super(
      signature<AdaptiveArgs>('AdaptiveAvgPool3d', [anything('output_size', null)])([outputSize]).outputSize,
    );
  }
  override forward(input: Tensor): Tensor {
    return F.adaptiveAvgPool3d(input, this.outputSize as number);
  }
}

export interface FractionalOptions {
  /** The size of the result. */
  outputSize?: Sizes | null;
  /** Or its share of the input's. */
  outputRatio?: Sizes | null;
  /** Whether the result is [values, indices]. Default false. */
  returnIndices?: boolean;
  /** Where windows start, instead of random numbers: [N, C, dims]. */
  _randomSamples?: Tensor | null;
}
type FractionalRest = Rest<
  FractionalOptions,
  ['outputSize', 'outputRatio', 'returnIndices', '_randomSamples']
>;
interface FractionalArgs {
  readonly kernelSize: Sizes;
  readonly outputSize: Sizes | null;
  readonly outputRatio: Sizes | null;
  readonly returnIndices: boolean;
  readonly _randomSamples: Tensor | null;
}
abstract class Fractional extends Module<[input: Tensor], Tensor> {
  static override readonly stateKeys = { _randomSamples: '_random_samples' };
  kernelSize: readonly number[];
  outputSize: readonly number[] | null;
  outputRatio: readonly number[] | null;
  returnIndices: boolean;
  declare _randomSamples: Tensor | null;
  constructor(name: string, args: readonly unknown[], dims: number) {
    super();
    const o = signature<FractionalArgs>(name, [
      ints('kernel_size'),
      ints('output_size', null),
      anything('output_ratio', null),
      flag('return_indices', false),
      tensor('_random_samples'),
    ])(args);
    const fail = (required: string, got: string, hint: string): never => {
      throw new ValueError(message(name, required, got, hint));
    };
    this.kernelSize = perDim(name, 'kernelSize', o.kernelSize, dims);
    if (dims === 3 && this.kernelSize.some((size) => size <= 0))
      fail(
        'kernel sizes above 0',
        String(o.kernelSize),
        `kernel_size must be greater than 0, but got ${pythonText(o.kernelSize)}`,
      );
    if (o.outputSize === null && o.outputRatio === null)
      fail(
        'outputSize or outputRatio',
        'neither',
        `${name} requires specifying either an output size, or a pooling ratio`,
      );
    if (o.outputSize !== null && o.outputRatio !== null)
      fail('outputSize or outputRatio', 'both', 'only one of output_size and output_ratio may be specified');
    this.outputSize = o.outputSize === null ? null : perDim(name, 'outputSize', o.outputSize, dims);
    this.outputRatio = o.outputRatio === null ? null : perDim(name, 'outputRatio', o.outputRatio, dims);
    if (this.outputRatio?.some((ratio) => !(ratio > 0 && ratio < 1)) === true)
      fail(
        'ratios between 0 and 1',
        String(o.outputRatio),
        `output_ratio must be between 0 and 1 (got ${pythonText(o.outputRatio)})`,
      );
    this.returnIndices = o.returnIndices;
    this.registerBuffer('_randomSamples', o._randomSamples);
  }
  /** @internal */
  options(): object {
    const { outputSize, outputRatio, returnIndices, _randomSamples } = this;
    return { outputSize, outputRatio, returnIndices, _randomSamples };
  }
}

/** Maxima of windows of random sizes. Graham 2014. @see PyTorch: torch.nn.FractionalMaxPool2d. */
export class FractionalMaxPool2d extends Fractional {
  constructor(kernelSize: Sizes, ...rest: FractionalRest) {
    super('FractionalMaxPool2d', [kernelSize, ...rest], 2);
  }
  override forward(input: Tensor): Tensor {
    return F.fractionalMaxPool2d(input, this.kernelSize, this.options() as never) as Tensor;
  }
}

/** Maxima of windows of random sizes. Graham 2014. @see PyTorch: torch.nn.FractionalMaxPool3d. */
export class FractionalMaxPool3d extends Fractional {
  constructor(kernelSize: Sizes, ...rest: FractionalRest) {
    super('FractionalMaxPool3d', [kernelSize, ...rest], 3);
  }
  override forward(input: Tensor): Tensor {
    return F.fractionalMaxPool3d(input, this.kernelSize, this.options() as never) as Tensor;
  }
}
