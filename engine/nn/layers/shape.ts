// Layers that change shapes: flatten, fold, pixel shuffles and upsampling. `new Flatten()`.
import { ArgumentError, describe, message } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import { Module } from '../module.js';
import { anything, flag, int, ints, type Rest, signature, text } from '../signature.js';

const F = nn.functional;

export interface FlattenOptions {
  /** Default 1. */
  startDim?: number;
  /** Default −1. */
  endDim?: number;
}
const FLATTEN = signature<{ startDim: number; endDim: number }>('Flatten', [
  int('start_dim', 1),
  int('end_dim', -1),
]);
/** Dims from startDim to endDim as one. @see PyTorch: torch.nn.Flatten. */
export class Flatten extends Module<[input: Tensor], Tensor> {
  startDim: number;
  endDim: number;
  constructor(...rest: Rest<FlattenOptions, ['startDim', 'endDim']>) {
    super();
    const o = FLATTEN(rest);
    this.startDim = o.startDim;
    this.endDim = o.endDim;
  }
  override forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }
  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

/** One dim as several. @throws TypeError for a size that is no list of integers @see PyTorch: torch.nn.Unflatten. */
export class Unflatten extends Module<[input: Tensor], Tensor> {
  dim: number;
  unflattenedSize: readonly number[];
  constructor(dim: number, unflattenedSize: readonly number[]) {
    super();
    if (!Array.isArray(unflattenedSize))
      throw new ArgumentError(
        message(
          'Unflatten',
          'a list of integers',
          describe(unflattenedSize),
          'unflattened_size must be a tuple of ints',
        ),
      );
    unflattenedSize.forEach((size: unknown, i) => {
      if (!Number.isInteger(size))
        throw new ArgumentError(
          message(
            'Unflatten',
            'a list of integers',
            `${describe(size)} at ${i}`,
            'unflattened_size must be tuple of ints',
          ),
        );
    });
    this.dim = dim;
    this.unflattenedSize = [...unflattenedSize];
  }
  override forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, this.unflattenedSize);
  }
  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${pythonText(this.unflattenedSize)}`;
  }
}

type Sizes = number | readonly number[];
export interface WindowOptions {
  /** Default 1. */
  dilation?: Sizes;
  /** Default 0. */
  padding?: Sizes;
  /** Default 1. */
  stride?: Sizes;
}
interface WindowArgs {
  readonly kernelSize: Sizes;
  readonly dilation: Sizes;
  readonly padding: Sizes;
  readonly stride: Sizes;
}
const WINDOW = [ints('kernel_size'), ints('dilation', 1), ints('padding', 0), ints('stride', 1)];
const UNFOLD = signature<WindowArgs>('Unfold', WINDOW);
const FOLD = signature<WindowArgs & { outputSize: Sizes }>('Fold', [ints('output_size'), ...WINDOW]);
const windowText = (o: WindowArgs): string =>
  `kernel_size=${pythonText(o.kernelSize)}, dilation=${pythonText(o.dilation)}, padding=${pythonText(o.padding)}, stride=${pythonText(o.stride)}`;

/** Sliding blocks of images as columns. @see PyTorch: torch.nn.Unfold. */
export class Unfold extends Module<[input: Tensor], Tensor> {
  kernelSize: Sizes;
  dilation: Sizes;
  padding: Sizes;
  stride: Sizes;
  constructor(kernelSize: Sizes, ...rest: Rest<WindowOptions, ['dilation', 'padding', 'stride']>) {
    super();
    const o = UNFOLD([kernelSize, ...rest]);
    this.kernelSize = o.kernelSize;
    this.dilation = o.dilation;
    this.padding = o.padding;
    this.stride = o.stride;
  }
  override forward(input: Tensor): Tensor {
    return F.unfold(input, this.kernelSize, this.dilation, this.padding, this.stride);
  }
  override extraRepr(): string {
    return windowText(this);
  }
}
/** The sum of blocks where they overlap: the reverse of Unfold. @see PyTorch: torch.nn.Fold. */
export class Fold extends Module<[input: Tensor], Tensor> {
  outputSize: Sizes;
  kernelSize: Sizes;
  dilation: Sizes;
  padding: Sizes;
  stride: Sizes;
  constructor(
    outputSize: Sizes,
    kernelSize: Sizes,
    ...rest: Rest<WindowOptions, ['dilation', 'padding', 'stride']>
  ) {
    super();
    const o = FOLD([outputSize, kernelSize, ...rest]);
    this.outputSize = o.outputSize;
    this.kernelSize = o.kernelSize;
    this.dilation = o.dilation;
    this.padding = o.padding;
    this.stride = o.stride;
  }
  override forward(input: Tensor): Tensor {
    return F.fold(input, this.outputSize, this.kernelSize, this.dilation, this.padding, this.stride);
  }
  override extraRepr(): string {
    return `output_size=${pythonText(this.outputSize)}, ${windowText(this)}`;
  }
}

/** Channels as a finer grid. Shi et al. 2016. @see PyTorch: torch.nn.PixelShuffle. */
export class PixelShuffle extends Module<[input: Tensor], Tensor> {
  upscaleFactor: number;
  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = signature<{ upscaleFactor: number }>('PixelShuffle', [int('upscale_factor')])([
      upscaleFactor,
    ]).upscaleFactor;
  }
  override forward(input: Tensor): Tensor {
    return F.pixelShuffle(input, this.upscaleFactor);
  }
  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}
/** A grid as channels of a coarser one. @see PyTorch: torch.nn.PixelUnshuffle. */
export class PixelUnshuffle extends Module<[input: Tensor], Tensor> {
  downscaleFactor: number;
  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = signature<{ downscaleFactor: number }>('PixelUnshuffle', [
      int('downscale_factor'),
    ])([downscaleFactor]).downscaleFactor;
  }
  override forward(input: Tensor): Tensor {
    return F.pixelUnshuffle(input, this.downscaleFactor);
  }
  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}
/** Channels dealt out anew between groups. Zhang et al. 2017. @see PyTorch: torch.nn.ChannelShuffle. */
export class ChannelShuffle extends Module<[input: Tensor], Tensor> {
  groups: number;
  constructor(groups: number) {
    super();
    this.groups = signature<{ groups: number }>('ChannelShuffle', [int('groups')])([groups]).groups;
  }
  override forward(input: Tensor): Tensor {
    return F.channelShuffle(input, this.groups);
  }
  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}

export interface UpsampleOptions {
  /** The size of the result. */
  size?: Sizes | null;
  /** Or the factor by which it grows. */
  scaleFactor?: Sizes | null;
  /** Default 'nearest'. */
  mode?: 'nearest' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'nearest-exact' | 'area';
  /** Whether corners keep their values. */
  alignCorners?: boolean | null;
  recomputeScaleFactor?: boolean | null;
}
interface UpsampleArgs {
  readonly size: Sizes | null;
  readonly scaleFactor: Sizes | null;
  readonly mode: NonNullable<UpsampleOptions['mode']>;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;
}
const maybeFlag = (name: string) => ({ name, kind: 'bool', default: null }) as const;
const UPSAMPLE = signature<UpsampleArgs>('Upsample', [
  ints('size', null),
  anything('scale_factor', null),
  text('mode', 'nearest'),
  maybeFlag('align_corners'),
  maybeFlag('recompute_scale_factor'),
]);
/** Images and signals resampled to another size. @see PyTorch: torch.nn.Upsample. */
export class Upsample extends Module<[input: Tensor], Tensor> {
  size: Sizes | null;
  scaleFactor: Sizes | null;
  mode: NonNullable<UpsampleOptions['mode']>;
  alignCorners: boolean | null;
  recomputeScaleFactor: boolean | null;
  constructor(
    ...rest: Rest<UpsampleOptions, ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor']>
  ) {
    super();
    const o = UPSAMPLE(rest);
    this.size = o.size;
    this.scaleFactor = o.scaleFactor;
    this.mode = o.mode;
    this.alignCorners = o.alignCorners;
    this.recomputeScaleFactor = o.recomputeScaleFactor;
  }
  override forward(input: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this;
    return F.interpolate(input, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } as never);
  }
  override extraRepr(): string {
    const factor = this.scaleFactor;
    const factors =
      typeof factor === 'number' ? pythonFloat(factor) : `(${(factor ?? []).map(pythonFloat).join(', ')})`;
    const size = factor === null ? `size=${pythonText(this.size)}` : `scale_factor=${factors}`;
    return `${size}, mode='${this.mode}'`;
  }
}
type SizeOptions = Pick<UpsampleOptions, 'size' | 'scaleFactor'>;
const sizeArgs = (name: string, args: readonly unknown[]): SizeOptions =>
  signature<SizeOptions>(name, [ints('size', null), anything('scale_factor', null)])(args);
/** @see PyTorch: torch.nn.UpsamplingNearest2d. */
export class UpsamplingNearest2d extends Upsample {
  constructor(...rest: Rest<SizeOptions, ['size', 'scaleFactor']>) {
    super({ ...sizeArgs('UpsamplingNearest2d', rest), mode: 'nearest' });
  }
}
/** @see PyTorch: torch.nn.UpsamplingBilinear2d. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(...rest: Rest<SizeOptions, ['size', 'scaleFactor']>) {
    super({ ...sizeArgs('UpsamplingBilinear2d', rest), mode: 'bilinear', alignCorners: true });
  }
}

export interface PairwiseDistanceOptions {
  /** The norm. Default 2. */
  p?: number;
  /** Default 1e-6. */
  eps?: number;
  /** Default false. */
  keepdim?: boolean;
}
const PAIRWISE = signature<{ p: number; eps: number; keepdim: boolean }>('PairwiseDistance', [
  { name: 'p', kind: 'scalar', default: 2 },
  { name: 'eps', kind: 'scalar', default: 1e-6 },
  flag('keepdim', false),
]);
/** The distance of vectors along the last dim. @see PyTorch: torch.nn.PairwiseDistance. */
export class PairwiseDistance extends Module<[x1: Tensor, x2: Tensor], Tensor> {
  norm: number;
  eps: number;
  keepdim: boolean;
  constructor(...rest: Rest<PairwiseDistanceOptions, ['p', 'eps', 'keepdim']>) {
    super();
    const o = PAIRWISE(rest);
    this.norm = o.p;
    this.eps = o.eps;
    this.keepdim = o.keepdim;
  }
  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.norm, this.eps, this.keepdim);
  }
}
export interface CosineSimilarityOptions {
  /** Default 1. */
  dim?: number;
  /** Default 1e-8. */
  eps?: number;
}
const COSINE = signature<{ dim: number; eps: number }>('CosineSimilarity', [
  int('dim', 1),
  { name: 'eps', kind: 'scalar', default: 1e-8 },
]);
/** The cosine of the angle between vectors. @see PyTorch: torch.nn.CosineSimilarity. */
export class CosineSimilarity extends Module<[x1: Tensor, x2: Tensor], Tensor> {
  dim: number;
  eps: number;
  constructor(...rest: Rest<CosineSimilarityOptions, ['dim', 'eps']>) {
    super();
    const o = COSINE(rest);
    this.dim = o.dim;
    this.eps = o.eps;
  }
  override forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}
