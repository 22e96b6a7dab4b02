// Normalisation layers: `new BatchNorm2d(64)`, `new LayerNorm(128)`.

import { int64 } from '../../core/dtype.js';
import { message, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn, ones, zeros } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import { deviceOf, dtypeOf, empty, type Factory } from '../_factory.js';
import { ones_, zeros_ } from '../init.js';
import { Module } from '../module.js';
import { isLazy, materialize, Parameter, UninitializedParameter, uninitializedBuffer } from '../parameter.js';
import {
  type FactoryOptions,
  factory,
  flag,
  float,
  int,
  ints,
  keyword,
  type Rest,
  signature,
} from '../signature.js';

const F = nn.functional;

export interface BatchNormOptions extends FactoryOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** The share of the new batch in running statistics; null takes the mean over all batches. Default 0.1. */
  momentum?: number | null;
  /** Whether scale and shift are learned. Default true, for InstanceNorm false. */
  affine?: boolean;
  /** Whether running statistics are kept for evaluation. Default true, for InstanceNorm false. */
  trackRunningStats?: boolean;
  /** Whether a shift is learned beside the scale. Default true. */
  bias?: boolean;
}
interface NormArgs extends Factory {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  readonly bias: boolean;
}
type NormRest = Rest<BatchNormOptions, ['eps', 'momentum', 'affine', 'trackRunningStats', 'device', 'dtype']>;

const options = (on: boolean): readonly Param[] => [
  float('eps', 1e-5),
  { name: 'momentum', kind: 'scalar', default: 0.1 },
  flag('affine', on),
  flag('track_running_stats', on),
  ...factory,
  keyword(flag('bias', true)),
];
/** A momentum of null is a value of its own, which the binder would take for the absence of one. */
function normArgs(name: string, params: readonly Param[], args: readonly unknown[]): NormArgs {
  const nullable = params.map((p) =>
    p.name === 'momentum' ? ({ ...p, kind: 'any', default: null } as Param) : p,
  );
  const o = signature<NormArgs>(name, nullable)(args);
  const last = args.at(-1);
  const at = params.findIndex((p) => p.name === 'momentum');
  const named =
    typeof last === 'object' && last !== null && 'momentum' in last && last.momentum !== undefined;
  const given =
    named ||
    (args.length > at && args[at] !== undefined && typeof args[at] !== 'object') ||
    args[at] === null;
  return { ...o, momentum: given ? o.momentum : 0.1 };
}

/** Scale, shift and running statistics of one value for each feature. */
abstract class FeatureNorm extends Module<[input: Tensor], Tensor> {
  static override readonly stateKeys = {
    runningMean: 'running_mean',
    runningVar: 'running_var',
    numBatchesTracked: 'num_batches_tracked',
  };
  numFeatures: number;
  eps: number;
  momentum: number | null;
  affine: boolean;
  trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(o: NormArgs) {
    super();
    this.numFeatures = o.numFeatures;
    this.eps = o.eps;
    this.momentum = o.momentum;
    this.affine = o.affine;
    this.trackRunningStats = o.trackRunningStats;
    this.weight = o.affine ? new Parameter(empty([o.numFeatures], o)) : null;
    this.bias = o.affine && o.bias ? new Parameter(empty([o.numFeatures], o)) : null;
    const at = { dtype: dtypeOf(o), device: deviceOf(o) };
    const tracked = o.trackRunningStats;
    this.registerBuffer('runningMean', tracked ? zeros([o.numFeatures], at) : null);
    this.registerBuffer('runningVar', tracked ? ones([o.numFeatures], at) : null);
    this.registerBuffer('numBatchesTracked', tracked ? zeros([], { dtype: int64, device: at.device }) : null);
    this.resetParameters();
  }
  /** Forgets the running statistics. */
  resetRunningStats(): void {
    this.runningMean?.zero_();
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.zero_();
  }
  /** Sets scale 1, shift 0 and fresh running statistics. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
  }
  /** @internal What lazy layers do at their first input. */
  materializeFor(input: Tensor): void {
    this.numFeatures = input.size(1);
    const shape = [this.numFeatures];
    for (const x of [this.weight, this.bias])
      if (x instanceof UninitializedParameter && isLazy(x)) x.materialize(shape);
    for (const x of [this.runningMean, this.runningVar]) if (isLazy(x)) materialize(x!, shape, input.device);
    this.resetParameters();
  }
  /** @internal */
  override optionalState(): readonly string[] {
    // Checkpoints of PyTorch before 0.4.1 have no counter.
    return ['num_batches_tracked'];
  }
  /** @internal @throws ValueError for another number of dims */
  checkDims(input: Tensor, dims: readonly number[]): void {
    if (dims.includes(input.ndim)) return;
    const wanted = dims.map((d) => `${d}D`).join(' or ');
    throw new ValueError(
      message(
        this.name_(),
        `${dims.join(' or ')} dims`,
        String(input.ndim),
        `expected ${wanted} input (got ${input.ndim}D input)`,
      ),
    );
  }
  override extraRepr(): string {
    return [
      this.numFeatures,
      `eps=${pythonFloat(this.eps)}`,
      `momentum=${this.momentum === null ? 'None' : pythonFloat(this.momentum)}`,
      `affine=${pythonText(this.affine)}`,
      `bias=${pythonText(this.bias !== null)}`,
      `track_running_stats=${pythonText(this.trackRunningStats)}`,
    ].join(', ');
  }
}

/** Statistics over the batch and all places of each feature. Ioffe and Szegedy 2015. */
abstract class BatchNorm extends FeatureNorm {
  /** @internal */
  abstract checkInput(input: Tensor): void;

  override forward(input: Tensor): Tensor {
    this.checkInput(input);
    const tracking = this.training && this.trackRunningStats && this.numBatchesTracked !== null;
    if (tracking) this.numBatchesTracked!.add_(1);
    const share = this.momentum ?? (tracking ? 1 / Number(this.numBatchesTracked!.item()) : 0);
    const kept = !this.training || this.trackRunningStats;
    const fromBatch = this.training || (this.runningMean === null && this.runningVar === null);
    return F.batchNorm(
      input,
      kept ? this.runningMean : null,
      kept ? this.runningVar : null,
      this.weight,
      this.bias,
      fromBatch,
      share,
      this.eps,
    );
  }
}
const BATCH: readonly Param[] = [int('num_features'), ...options(true)];

/** Batch normalisation of [N, C] or [N, C, L]. @see PyTorch: torch.nn.BatchNorm1d. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('BatchNorm1d', BATCH, [numFeatures, ...rest]));
  }
  /** @internal */
  checkInput(input: Tensor): void {
    this.checkDims(input, [2, 3]);
  }
}
/** Batch normalisation of [N, C, H, W]. @see PyTorch: torch.nn.BatchNorm2d. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('BatchNorm2d', BATCH, [numFeatures, ...rest]));
  }
  /** @internal */
  checkInput(input: Tensor): void {
    this.checkDims(input, [4]);
  }
}
/** Batch normalisation of [N, C, D, H, W]. @see PyTorch: torch.nn.BatchNorm3d. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('BatchNorm3d', BATCH, [numFeatures, ...rest]));
  }
  /** @internal */
  checkInput(input: Tensor): void {
    this.checkDims(input, [5]);
  }
}
/**
 * Batch normalisation over all processes of a group. In one process it is BatchNorm of any number of dims.
 * @see PyTorch: torch.nn.SyncBatchNorm.
 */
export class SyncBatchNorm extends BatchNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('SyncBatchNorm', BATCH, [numFeatures, ...rest]));
  }
  /** @internal */
  checkInput(input: Tensor): void {
    if (input.ndim < 2)
      throw new ValueError(
        message(
          'SyncBatchNorm',
          'at least 2 dims',
          String(input.ndim),
          `expected at least 2D input (got ${input.ndim}D input)`,
        ),
      );
  }
  /** The module with every BatchNorm in it as a SyncBatchNorm over the same tensors. */
  static convertSyncBatchnorm(module: Module): Module {
    for (const [name, child] of module.namedChildren()) {
      const made = SyncBatchNorm.convertSyncBatchnorm(child);
      if (made !== child) module.replaceModule(name, made);
    }
    if (!(module instanceof BatchNorm) || module instanceof SyncBatchNorm) return module;
    const { eps, momentum, affine, trackRunningStats } = module;
    const made = new SyncBatchNorm(module.numFeatures, { eps, momentum, affine, trackRunningStats });
    made.weight = module.weight;
    made.bias = module.bias;
    made.runningMean = module.runningMean;
    made.runningVar = module.runningVar;
    made.numBatchesTracked = module.numBatchesTracked;
    made.training = module.training;
    return made;
  }
}

/** Statistics over the places of each feature of each sample. Ulyanov et al. 2016. */
abstract class InstanceNorm extends FeatureNorm {
  /** @internal */
  forwardOf(input: Tensor, dims: number): Tensor {
    this.checkDims(input, [dims + 1, dims + 2]);
    const at = input.ndim - dims - 1;
    if (this.affine && input.size(at) !== this.numFeatures)
      throw new ValueError(
        message(
          this.name_(),
          `${this.numFeatures} features`,
          String(input.size(at)),
          `expected input's size at dim=${at} to match num_features (${this.numFeatures}), but got: ${input.size(at)}.`,
        ),
      );
    const batch = at === 0 ? input.unsqueeze(0) : input;
    const result = F.instanceNorm(
      batch,
      this.runningMean,
      this.runningVar,
      this.weight,
      this.bias,
      this.training || !this.trackRunningStats,
      this.momentum ?? 0,
      this.eps,
    );
    return at === 0 ? result.squeeze(0) : result;
  }
  /** @internal */
  override optionalState(): readonly string[] {
    return this.trackRunningStats ? super.optionalState() : [];
  }
}
const INSTANCE: readonly Param[] = [int('num_features'), ...options(false)];

/** Instance normalisation of [N, C, L], with or without the batch. @see PyTorch: torch.nn.InstanceNorm1d. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('InstanceNorm1d', INSTANCE, [numFeatures, ...rest]));
  }
  override forward(input: Tensor): Tensor {
    return this.forwardOf(input, 1);
  }
}

/** Instance normalisation of [N, C, H, W], with or without the batch. @see PyTorch: torch.nn.InstanceNorm2d. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('InstanceNorm2d', INSTANCE, [numFeatures, ...rest]));
  }
  override forward(input: Tensor): Tensor {
    return this.forwardOf(input, 2);
  }
}

/** Instance normalisation of [N, C, D, H, W], with or without the batch. @see PyTorch: torch.nn.InstanceNorm3d. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, ...rest: NormRest) {
    super(normArgs('InstanceNorm3d', INSTANCE, [numFeatures, ...rest]));
  }
  override forward(input: Tensor): Tensor {
    return this.forwardOf(input, 3);
  }
}

type LazyNormRest = Rest<
  BatchNormOptions,
  ['eps', 'momentum', 'affine', 'trackRunningStats', 'device', 'dtype']
>;
/** A norm of `Base` without features, and with parameters and statistics that have no shape yet. */
function makeLazy(norm: FeatureNorm, o: NormArgs): void {
  const made = { device: deviceOf(o), dtype: dtypeOf(o) };
  norm.affine = o.affine;
  norm.trackRunningStats = o.trackRunningStats;
  if (o.affine) norm.weight = new UninitializedParameter(made);
  if (o.affine && o.bias) norm.bias = new UninitializedParameter(made);
  if (!o.trackRunningStats) return;
  norm.runningMean = uninitializedBuffer(made.dtype);
  norm.runningVar = uninitializedBuffer(made.dtype);
  norm.numBatchesTracked = zeros([], { dtype: int64, device: made.device });
}
const bare = { affine: false, trackRunningStats: false };

/** A BatchNorm1d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyBatchNorm1d. */
export class LazyBatchNorm1d extends BatchNorm1d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyBatchNorm1d', options(true), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(BatchNorm1d.prototype);
  }
}

/** A BatchNorm2d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyBatchNorm2d. */
export class LazyBatchNorm2d extends BatchNorm2d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyBatchNorm2d', options(true), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(BatchNorm2d.prototype);
  }
}

/** A BatchNorm3d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyBatchNorm3d. */
export class LazyBatchNorm3d extends BatchNorm3d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyBatchNorm3d', options(true), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(BatchNorm3d.prototype);
  }
}

/** A InstanceNorm1d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyInstanceNorm1d. */
export class LazyInstanceNorm1d extends InstanceNorm1d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyInstanceNorm1d', options(false), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(InstanceNorm1d.prototype);
  }
}

/** A InstanceNorm2d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyInstanceNorm2d. */
export class LazyInstanceNorm2d extends InstanceNorm2d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyInstanceNorm2d', options(false), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(InstanceNorm2d.prototype);
  }
}

/** A InstanceNorm3d whose number of features is that of its first input. @see PyTorch: torch.nn.LazyInstanceNorm3d. */
export class LazyInstanceNorm3d extends InstanceNorm3d {
  constructor(...rest: LazyNormRest) {
    const o = normArgs('LazyInstanceNorm3d', options(false), rest);
    super(0, { eps: o.eps, momentum: o.momentum, ...bare });
    makeLazy(this, o);
    this.becomeLazy(InstanceNorm3d.prototype);
  }
}

export interface LayerNormOptions extends FactoryOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether scale and shift are learned. Default true. */
  elementwiseAffine?: boolean;
  /** Whether a shift is learned beside the scale. Default true. */
  bias?: boolean;
}
interface LayerNormArgs extends Factory {
  readonly normalizedShape: number | readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  readonly bias: boolean;
}
const listOf = (shape: number | readonly number[]): readonly number[] =>
  typeof shape === 'number' ? [shape] : shape;
const LAYER = signature<LayerNormArgs>('LayerNorm', [
  ints('normalized_shape'),
  float('eps', 1e-5),
  flag('elementwise_affine', true),
  flag('bias', true),
  ...factory,
]);
/** Statistics over the last dims of each sample. Ba et al. 2016. @see PyTorch: torch.nn.LayerNorm. */
export class LayerNorm extends Module<[input: Tensor], Tensor> {
  normalizedShape: readonly number[];
  eps: number;
  elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  constructor(
    normalizedShape: number | readonly number[],
    ...rest: Rest<LayerNormOptions, ['eps', 'elementwiseAffine', 'bias', 'device', 'dtype']>
  ) {
    super();
    const o = LAYER([normalizedShape, ...rest]);
    this.normalizedShape = listOf(o.normalizedShape);
    this.eps = o.eps;
    this.elementwiseAffine = o.elementwiseAffine;
    this.weight = o.elementwiseAffine ? new Parameter(empty(this.normalizedShape, o)) : null;
    this.bias = o.elementwiseAffine && o.bias ? new Parameter(empty(this.normalizedShape, o)) : null;
    this.resetParameters();
  }
  /** Sets scale 1 and shift 0. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
  }
  override forward(input: Tensor): Tensor {
    return F.layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }
  override extraRepr(): string {
    return `${pythonText(this.normalizedShape)}, eps=${pythonFloat(this.eps)}, elementwise_affine=${pythonText(this.elementwiseAffine)}, bias=${pythonText(this.bias !== null)}`;
  }
}

export interface RMSNormOptions extends FactoryOptions {
  /** Added to the mean square. Default: the dtype's epsilon. */
  eps?: number | null;
  /** Whether a scale is learned. Default true. */
  elementwiseAffine?: boolean;
}
const RMS = signature<Omit<LayerNormArgs, 'eps' | 'bias'> & { eps: number | null }>('RMSNorm', [
  ints('normalized_shape'),
  float('eps', null),
  flag('elementwise_affine', true),
  ...factory,
]);
/** Division by the root mean square over the last dims. Zhang and Sennrich 2019. @see PyTorch: torch.nn.RMSNorm. */
export class RMSNorm extends Module<[input: Tensor], Tensor> {
  normalizedShape: readonly number[];
  eps: number | null;
  elementwiseAffine: boolean;
  weight: Parameter | null;
  constructor(
    normalizedShape: number | readonly number[],
    ...rest: Rest<RMSNormOptions, ['eps', 'elementwiseAffine', 'device', 'dtype']>
  ) {
    super();
    const o = RMS([normalizedShape, ...rest]);
    this.normalizedShape = listOf(o.normalizedShape);
    this.eps = o.eps;
    this.elementwiseAffine = o.elementwiseAffine;
    this.weight = o.elementwiseAffine ? new Parameter(empty(this.normalizedShape, o)) : null;
    this.resetParameters();
  }
  /** Sets scale 1. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
  }
  override forward(input: Tensor): Tensor {
    return F.rmsNorm(input, this.normalizedShape, this.weight, this.eps);
  }
  override extraRepr(): string {
    return `${pythonText(this.normalizedShape)}, eps=${this.eps === null ? 'None' : pythonFloat(this.eps)}, elementwise_affine=${pythonText(this.elementwiseAffine)}`;
  }
}

export interface GroupNormOptions extends FactoryOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether scale and shift are learned. Default true. */
  affine?: boolean;
  /** Whether a shift is learned beside the scale. Default true. */
  bias?: boolean;
}
interface GroupNormArgs extends Factory {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  readonly bias: boolean;
}
const GROUP = signature<GroupNormArgs>('GroupNorm', [
  int('num_groups'),
  int('num_channels'),
  float('eps', 1e-5),
  flag('affine', true),
  ...factory,
  keyword(flag('bias', true)),
]);
/**
 * Statistics over groups of channels of each sample. Wu and He 2018.
 * @throws ValueError where the groups do not divide the channels
 * @see PyTorch: torch.nn.GroupNorm.
 */
export class GroupNorm extends Module<[input: Tensor], Tensor> {
  numGroups: number;
  numChannels: number;
  eps: number;
  affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  constructor(
    numGroups: number,
    numChannels: number,
    ...rest: Rest<GroupNormOptions, ['eps', 'affine', 'device', 'dtype']>
  ) {
    super();
    const o = GROUP([numGroups, numChannels, ...rest]);
    if (o.numChannels % o.numGroups !== 0)
      throw new ValueError(
        message(
          'GroupNorm',
          `groups that divide ${o.numChannels}`,
          String(o.numGroups),
          `num_channels (${o.numChannels}) must be divisible by num_groups (${o.numGroups})`,
        ),
      );
    this.numGroups = o.numGroups;
    this.numChannels = o.numChannels;
    this.eps = o.eps;
    this.affine = o.affine;
    this.weight = o.affine ? new Parameter(empty([o.numChannels], o)) : null;
    this.bias = o.affine && o.bias ? new Parameter(empty([o.numChannels], o)) : null;
    this.resetParameters();
  }
  /** Sets scale 1 and shift 0. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
  }
  override forward(input: Tensor): Tensor {
    return F.groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }
  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${pythonFloat(this.eps)}, affine=${pythonText(this.affine)}, bias=${pythonText(this.bias !== null)}`;
  }
}

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}
interface LocalResponseArgs {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}
/** Division by the squares of neighbouring channels. Krizhevsky et al. 2012. @see PyTorch: torch.nn.LocalResponseNorm. */
export class LocalResponseNorm extends Module<[input: Tensor], Tensor> {
  size: number;
  alpha: number;
  beta: number;
  k: number;
  constructor(size: number, ...rest: Rest<LocalResponseNormOptions, ['alpha', 'beta', 'k']>) {
    super();
    const o = signature<LocalResponseArgs>('LocalResponseNorm', [
      int('size'),
      float('alpha', 1e-4),
      float('beta', 0.75),
      float('k', 1),
    ])([size, ...rest]);
    this.size = o.size;
    this.alpha = o.alpha;
    this.beta = o.beta;
    this.k = o.k;
  }
  override forward(input: Tensor): Tensor {
    return F.localResponseNorm(input, this.size, this.alpha, this.beta, this.k);
  }
  override extraRepr(): string {
    return `${this.size}, alpha=${pythonFloat(this.alpha)}, beta=${pythonText(this.beta)}, k=${this.kText()}`;
  }
  /** @internal */
  kText(): string {
    return pythonFloat(this.k);
  }
}
/** The same over images of 4 dims, kept for its name. @see PyTorch: torch.nn.CrossMapLRN2d. */
export class CrossMapLRN2d extends LocalResponseNorm {
  override forward(input: Tensor): Tensor {
    if (input.ndim !== 4)
      throw new ValueError(
        message(
          'CrossMapLRN2d',
          '4 dims',
          String(input.ndim),
          `CrossMapLRN2d: Expected input to be 4D, got ${input.ndim}D instead.`,
        ),
      );
    return super.forward(input);
  }
  /** @internal */
  override kText(): string {
    return pythonText(this.k);
  }
}
