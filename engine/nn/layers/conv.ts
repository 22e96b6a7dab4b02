// Convolution layers: `new Conv2d(3, 16, 3, { padding: 1 })`.
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import { deviceOf, dtypeOf, empty, type Factory } from '../_factory.js';
import { Module } from '../module.js';
import { Parameter, UninitializedParameter } from '../parameter.js';
import {
  type FactoryOptions,
  factory,
  flag,
  int,
  ints,
  perDim,
  type Rest,
  signature,
  text,
} from '../signature.js';
import { resetWeightAndBias } from './linear.js';

const F = nn.functional;
type Sizes = number | readonly number[];
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

export interface ConvOptions extends FactoryOptions {
  /** Default 1. */
  stride?: Sizes;
  /** Zeros around the input, or 'same' for a result of the input's size, or 'valid' for none. Default 0. */
  padding?: Sizes | 'same' | 'valid';
  /** Default 1. */
  dilation?: Sizes;
  /** Default 1. */
  groups?: number;
  /** Whether a learned bias is added. Default true. */
  bias?: boolean;
  /** What stands in the padding. Default 'zeros'. */
  paddingMode?: PaddingMode;
}
export interface ConvTransposeOptions extends FactoryOptions {
  /** Default 1. */
  stride?: Sizes;
  /** Default 0. */
  padding?: Sizes;
  /** Added to one side of the result. Default 0. */
  outputPadding?: Sizes;
  /** Default 1. */
  groups?: number;
  /** Whether a learned bias is added. Default true. */
  bias?: boolean;
  /** Default 1. */
  dilation?: Sizes;
  /** Only 'zeros'. */
  paddingMode?: PaddingMode;
}
export type ConvRest = Rest<
  ConvOptions,
  ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode', 'device', 'dtype']
>;
export type ConvTransposeRest = Rest<
  ConvTransposeOptions,
  ['stride', 'padding', 'outputPadding', 'groups', 'bias', 'dilation', 'paddingMode', 'device', 'dtype']
>;
interface ConvArgs extends Factory {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes | string;
  readonly outputPadding?: Sizes;
  readonly dilation: Sizes;
  readonly groups: number;
  readonly bias: boolean;
  readonly paddingMode: PaddingMode;
}
const CHANNELS: readonly Param[] = [int('in_channels'), int('out_channels'), ints('kernel_size')];
const CONV: readonly Param[] = [
  ints('stride', 1),
  { name: 'padding', kind: 'any', default: 0 },
  ints('dilation', 1),
  int('groups', 1),
  flag('bias', true),
  text('padding_mode', 'zeros'),
  ...factory,
];
const TRANSPOSED: readonly Param[] = [
  ints('stride', 1),
  ints('padding', 0),
  ints('output_padding', 0),
  int('groups', 1),
  flag('bias', true),
  ints('dilation', 1),
  text('padding_mode', 'zeros'),
  ...factory,
];
/** The first argument of lazy layers is the number of output channels. */
const readArgs = (name: string, params: readonly Param[], args: readonly unknown[], lazy = false): ConvArgs =>
  signature<ConvArgs>(name, [...CHANNELS.slice(lazy ? 1 : 0), ...params])(args);

function checkConv(name: string, o: ConvArgs): void {
  const fail = (required: string, got: unknown, hint: string): never => {
    throw new ValueError(message(name, required, String(got), hint));
  };
  if (o.groups <= 0) fail('groups above 0', o.groups, 'groups must be a positive integer');
  if (o.inChannels % o.groups !== 0)
    fail(`groups that divide ${o.inChannels}`, o.groups, 'in_channels must be divisible by groups');
  if (o.outChannels % o.groups !== 0)
    fail(`groups that divide ${o.outChannels}`, o.groups, 'out_channels must be divisible by groups');
  if (typeof o.padding === 'string') {
    if (o.padding !== 'same' && o.padding !== 'valid')
      fail(
        "padding 'same' or 'valid'",
        `'${o.padding}'`,
        `Invalid padding string '${o.padding}', should be one of same, valid`,
      );
    const stride = typeof o.stride === 'number' ? [o.stride] : o.stride;
    if (o.padding === 'same' && stride.some((s) => s !== 1))
      fail('a stride of 1', pythonText(o.stride), "padding='same' is not supported for strided convolutions");
  }
  if (!['zeros', 'reflect', 'replicate', 'circular'].includes(o.paddingMode))
    fail(
      'a known padding mode',
      `'${o.paddingMode}'`,
      `padding_mode must be one of zeros, reflect, replicate, circular, but got padding_mode='${o.paddingMode}'`,
    );
}

/** What all convolutions share. */
abstract class ConvBase<A extends readonly unknown[] = [input: Tensor]> extends Module<A, Tensor> {
  inChannels: number;
  outChannels: number;
  kernelSize: readonly number[];
  stride: readonly number[];
  padding: readonly number[] | string;
  dilation: readonly number[];
  outputPadding: readonly number[];
  groups: number;
  paddingMode: PaddingMode;
  weight: Parameter;
  bias: Parameter | null;

  constructor(name: string, o: ConvArgs, dims: number) {
    super();
    checkConv(name, o);
    this.inChannels = o.inChannels;
    this.outChannels = o.outChannels;
    this.kernelSize = perDim(name, 'kernelSize', o.kernelSize, dims);
    this.stride = perDim(name, 'stride', o.stride, dims);
    this.padding = typeof o.padding === 'string' ? o.padding : perDim(name, 'padding', o.padding, dims);
    this.dilation = perDim(name, 'dilation', o.dilation, dims);
    this.outputPadding = perDim(name, 'outputPadding', o.outputPadding ?? 0, dims);
    this.groups = o.groups;
    this.paddingMode = o.paddingMode;
    this.weight = new Parameter(empty(this.weightShape(), o));
    this.bias = o.bias ? new Parameter(empty([o.outChannels], o)) : null;
    this.resetParameters();
  }
  /** @internal */
  abstract weightShape(): readonly number[];
  /** Draws new initial values. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }
  /** @internal What lazy layers do when they are made. */
  forgetShapes(o: Factory): void {
    const made = { device: deviceOf(o), dtype: dtypeOf(o) };
    this.weight = new UninitializedParameter(made);
    if (this.bias !== null) this.bias = new UninitializedParameter(made);
  }
  /** @internal What lazy layers do at their first input. */
  materializeFor(input: Tensor): void {
    const dims = this.kernelSize.length;
    if (input.ndim !== dims + 1 && input.ndim !== dims + 2)
      throw new ValueError(
        message(
          this.name_(),
          `${dims + 1} or ${dims + 2} dims`,
          String(input.ndim),
          `Expected ${dims + 1}D (unbatched) or ${dims + 2}D (batched) input to ${this.name_()}, but got input of size: [${input.sizes.join(', ')}]`,
        ),
      );
    this.inChannels = input.size(-dims - 1);
    if (this.inChannels % this.groups !== 0)
      throw new ValueError(
        message(
          this.name_(),
          `groups that divide ${this.inChannels}`,
          String(this.groups),
          'in_channels must be divisible by groups',
        ),
      );
    (this.weight as UninitializedParameter).materialize(this.weightShape());
    if (this.bias !== null) (this.bias as UninitializedParameter).materialize([this.outChannels]);
    this.resetParameters();
  }
  override extraRepr(): string {
    const parts = [
      `${this.inChannels}, ${this.outChannels}, kernel_size=${pythonText(this.kernelSize)}, stride=${pythonText(this.stride)}`,
    ];
    const all = (list: readonly number[], value: number): boolean => list.every((one) => one === value);
    if (typeof this.padding === 'string') parts.push(`padding=${this.padding}`);
    else if (!all(this.padding, 0)) parts.push(`padding=${pythonText(this.padding)}`);
    if (!all(this.dilation, 1)) parts.push(`dilation=${pythonText(this.dilation)}`);
    if (!all(this.outputPadding, 0)) parts.push(`output_padding=${pythonText(this.outputPadding)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.bias === null) parts.push('bias=False');
    if (this.paddingMode !== 'zeros') parts.push(`padding_mode=${this.paddingMode}`);
    return parts.join(', ');
  }
}

const convolutions = [F.conv1d, F.conv2d, F.conv3d] as const;
const transposed = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d] as const;

/** The arguments of a layer that it may be given by name. */
function optionsOf({ inChannels: _, outChannels: __, kernelSize: ___, ...options }: ConvArgs): object {
  return options;
}

/** Cross-correlation. */
abstract class Conv extends ConvBase {
  override forward(input: Tensor): Tensor {
    const x = this.padded(input);
    const { weight, bias, stride, dilation, groups } = this;
    const convolve = convolutions[this.kernelSize.length - 1]!;
    return convolve(x.input, weight, bias, stride, x.padding as Sizes, dilation, groups);
  }
  /** @internal */
  override weightShape(): readonly number[] {
    return [this.outChannels, this.inChannels / this.groups, ...this.kernelSize];
  }
  /** @internal The input with its padding, and the padding that is left to do. */
  padded(input: Tensor): { input: Tensor; padding: readonly number[] | string } {
    if (this.paddingMode === 'zeros') return { input, padding: this.padding };
    const around = nn.functional.pad(input, this.bothSides(), this.paddingMode);
    return { input: around, padding: this.kernelSize.map(() => 0) };
  }
  /** @internal The padding of each side, last dim first. An odd 'same' pads more behind. */
  bothSides(): readonly number[] {
    const sides = this.kernelSize.map((size, i): [number, number] => {
      if (typeof this.padding !== 'string') return [this.padding[i]!, this.padding[i]!];
      const total = this.padding === 'same' ? this.dilation[i]! * (size - 1) : 0;
      const before = Math.floor(total / 2);
      return [before, total - before];
    });
    return sides.reverse().flat();
  }
}
/** The gradient of a convolution as a layer. */
abstract class ConvTranspose extends ConvBase<[input: Tensor, outputSize?: readonly number[] | null]> {
  constructor(name: string, o: ConvArgs, dims: number) {
    if (o.paddingMode !== 'zeros')
      throw new ValueError(
        message(
          name,
          "paddingMode 'zeros'",
          `'${o.paddingMode}'`,
          `Only "zeros" padding mode is supported for ${name}`,
        ),
      );
    super(name, o, dims);
  }
  /** @internal */
  override weightShape(): readonly number[] {
    return [this.inChannels, this.outChannels / this.groups, ...this.kernelSize];
  }
  override forward(input: Tensor, outputSize: readonly number[] | null = null): Tensor {
    const { weight, bias, stride, groups, dilation } = this;
    const padding = this.padding as Sizes;
    const outputPadding = this.outputPaddingFor(input, outputSize);
    const convolve = transposed[this.kernelSize.length - 1]!;
    return convolve(input, weight, bias, stride, padding, outputPadding, groups, dilation);
  }
  /** @internal The output padding that gives the wanted size. @throws ValueError for a size that cannot be */
  outputPaddingFor(input: Tensor, outputSize: readonly number[] | null): readonly number[] {
    if (outputSize === null) return this.outputPadding;
    const dims = this.kernelSize.length;
    const sizes = input.sizes.slice(-dims);
    const fail = (required: string, got: string, hint: string): never => {
      throw new ValueError(message(this.name_(), required, got, hint));
    };
    const lead = input.ndim - dims;
    if (outputSize.length !== dims && outputSize.length !== dims + lead)
      fail(
        `${dims} or ${dims + lead} sizes`,
        String(outputSize.length),
        `${this.name_()}: for ${input.ndim}D input, output_size must have ${dims} or ${dims + lead} elements (got ${outputSize.length})`,
      );
    const wanted = outputSize.slice(-dims);
    const padding = this.padding as readonly number[];
    const least = sizes.map(
      (size, i) =>
        (size - 1) * this.stride[i]! - 2 * padding[i]! + this.dilation[i]! * (this.kernelSize[i]! - 1) + 1,
    );
    const most = least.map((size, i) => size + this.stride[i]! - 1);
    if (wanted.some((size, i) => size < least[i]! || size > most[i]!))
      fail(
        `a size between [${least.join(', ')}] and [${most.join(', ')}]`,
        `[${wanted.join(', ')}]`,
        `requested an output size of [${wanted.join(', ')}], but valid sizes range from [${least.join(', ')}] to [${most.join(', ')}] (for an input of torch.Size([${sizes.join(', ')}]))`,
      );
    return wanted.map((size, i) => size - least[i]!);
  }
}

/** Convolution of [N, C, L], with or without the batch. @see PyTorch: torch.nn.Conv1d. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    super('Conv1d', readArgs('Conv1d', CONV, [inChannels, outChannels, kernelSize, ...rest]), 1);
  }
}
/** The gradient of a Conv1d as a layer. @see PyTorch: torch.nn.ConvTranspose1d. */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const args = [inChannels, outChannels, kernelSize, ...rest];
    super('ConvTranspose1d', readArgs('ConvTranspose1d', TRANSPOSED, args), 1);
  }
}
/** A Conv1d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConv1d. */
export class LazyConv1d extends Conv1d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    const o = readArgs('LazyConv1d', CONV, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvOptions);
    this.forgetShapes(o);
    this.becomeLazy(Conv1d.prototype);
  }
}
/** A ConvTranspose1d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConvTranspose1d. */
export class LazyConvTranspose1d extends ConvTranspose1d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const o = readArgs('LazyConvTranspose1d', TRANSPOSED, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvTransposeOptions);
    this.forgetShapes(o);
    this.becomeLazy(ConvTranspose1d.prototype);
  }
}

/** Convolution of [N, C, H, W], with or without the batch. @see PyTorch: torch.nn.Conv2d. */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    super('Conv2d', readArgs('Conv2d', CONV, [inChannels, outChannels, kernelSize, ...rest]), 2);
  }
}
/** The gradient of a Conv2d as a layer. @see PyTorch: torch.nn.ConvTranspose2d. */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const args = [inChannels, outChannels, kernelSize, ...rest];
    super('ConvTranspose2d', readArgs('ConvTranspose2d', TRANSPOSED, args), 2);
  }
}
/** A Conv2d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConv2d. */
export class LazyConv2d extends Conv2d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    const o = readArgs('LazyConv2d', CONV, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvOptions);
    this.forgetShapes(o);
    this.becomeLazy(Conv2d.prototype);
  }
}
/** A ConvTranspose2d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConvTranspose2d. */
export class LazyConvTranspose2d extends ConvTranspose2d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const o = readArgs('LazyConvTranspose2d', TRANSPOSED, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvTransposeOptions);
    this.forgetShapes(o);
    this.becomeLazy(ConvTranspose2d.prototype);
  }
}

/** Convolution of [N, C, D, H, W], with or without the batch. @see PyTorch: torch.nn.Conv3d. */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    super('Conv3d', readArgs('Conv3d', CONV, [inChannels, outChannels, kernelSize, ...rest]), 3);
  }
}
/** The gradient of a Conv3d as a layer. @see PyTorch: torch.nn.ConvTranspose3d. */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const args = [inChannels, outChannels, kernelSize, ...rest];
    super('ConvTranspose3d', readArgs('ConvTranspose3d', TRANSPOSED, args), 3);
  }
}
/** A Conv3d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConv3d. */
export class LazyConv3d extends Conv3d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvRest) {
    const o = readArgs('LazyConv3d', CONV, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvOptions);
    this.forgetShapes(o);
    this.becomeLazy(Conv3d.prototype);
  }
}
/** A ConvTranspose3d whose number of input channels is that of its first input. @see PyTorch: torch.nn.LazyConvTranspose3d. */
export class LazyConvTranspose3d extends ConvTranspose3d {
  constructor(outChannels: number, kernelSize: Sizes, ...rest: ConvTransposeRest) {
    const o = readArgs('LazyConvTranspose3d', TRANSPOSED, [outChannels, kernelSize, ...rest], true);
    super(0, o.outChannels, o.kernelSize, optionsOf(o) as ConvTransposeOptions);
    this.forgetShapes(o);
    this.becomeLazy(ConvTranspose3d.prototype);
  }
}
