// Losses: `new CrossEntropyLoss().call(logits, targets)`.
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { readOptions } from '../../core/options.js';
import { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import type { Factory } from '../_factory.js';
import { Module } from '../module.js';
import {
  anything,
  type FactoryOptions,
  factory,
  flag,
  float,
  int,
  keyword,
  type Rest,
  signature,
  tensor,
  text,
} from '../signature.js';
import { Linear } from './linear.js';
import { PairwiseDistance } from './shape.js';

const F = nn.functional;

export type Reduction = 'none' | 'mean' | 'sum';
export interface LossOptions {
  /** Deprecated: use reduction. */
  sizeAverage?: boolean | null;
  /** Deprecated: use reduction. */
  reduce?: boolean | null;
  /** What becomes of the losses of the elements. Default 'mean'. */
  reduction?: Reduction;
}
export interface WeightedLossOptions extends LossOptions {
  /** A weight for each class or element. */
  weight?: Tensor | null;
}

interface LossArgs {
  readonly sizeAverage?: boolean | null;
  readonly reduce?: boolean | null;
  readonly reduction: Reduction;
  readonly weight?: Tensor | null;
}
const legacy = (name: string): Param => ({ name, kind: 'bool', default: null });
const sizeAverage = legacy('size_average');
const reduce = legacy('reduce');
const reduction = text('reduction', 'mean');
const BASE: readonly Param[] = [sizeAverage, reduce, reduction];
const WEIGHTED: readonly Param[] = [tensor('weight'), ...BASE];
type LossRest = Rest<LossOptions, ['sizeAverage', 'reduce', 'reduction']>;
type WeightedRest = Rest<WeightedLossOptions, ['weight', 'sizeAverage', 'reduce', 'reduction']>;

/** The reduction that PyTorch's deprecated arguments meant. */
function reductionOf(o: LossArgs): Reduction {
  if ((o.sizeAverage ?? null) === null && (o.reduce ?? null) === null) return o.reduction;
  if (o.reduce === false) return 'none';
  return o.sizeAverage === false ? 'sum' : 'mean';
}

abstract class Loss<A extends readonly Tensor[] = [input: Tensor, target: Tensor]> extends Module<A, Tensor> {
  reduction: Reduction;
  constructor(o: LossArgs) {
    super();
    this.reduction = reductionOf(o);
  }
}
abstract class WeightedLoss extends Loss {
  declare weight: Tensor | null;
  constructor(o: LossArgs) {
    super(o);
    this.registerBuffer('weight', o.weight ?? null);
  }
}

/** The mean absolute difference. @see PyTorch: torch.nn.L1Loss. */
export class L1Loss extends Loss {
  constructor(...rest: LossRest) {
    super(signature<LossArgs>('L1Loss', BASE)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, { reduction: this.reduction });
  }
}
/** The mean squared difference. @see PyTorch: torch.nn.MSELoss. */
export class MSELoss extends Loss {
  constructor(...rest: LossRest) {
    super(signature<LossArgs>('MSELoss', BASE)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}
/** @see PyTorch: torch.nn.SoftMarginLoss. */
export class SoftMarginLoss extends Loss {
  constructor(...rest: LossRest) {
    super(signature<LossArgs>('SoftMarginLoss', BASE)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, { reduction: this.reduction });
  }
}
/** @see PyTorch: torch.nn.MultiLabelMarginLoss. */
export class MultiLabelMarginLoss extends Loss {
  constructor(...rest: LossRest) {
    super(signature<LossArgs>('MultiLabelMarginLoss', BASE)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}
/** @see PyTorch: torch.nn.MultiLabelSoftMarginLoss. */
export class MultiLabelSoftMarginLoss extends WeightedLoss {
  constructor(...rest: WeightedRest) {
    super(signature<LossArgs>('MultiLabelSoftMarginLoss', WEIGHTED)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, {
      weight: this.weight,
      reduction: this.reduction,
    } as never);
  }
}
/** Cross entropy of probabilities. @see PyTorch: torch.nn.BCELoss. */
export class BCELoss extends WeightedLoss {
  constructor(...rest: WeightedRest) {
    super(signature<LossArgs>('BCELoss', WEIGHTED)(rest));
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { weight: this.weight, reduction: this.reduction } as never);
  }
}

export interface BCEWithLogitsOptions extends WeightedLossOptions {
  /** A weight for the positive answers of each class. */
  posWeight?: Tensor | null;
}
/** Cross entropy of probabilities that are given as logits. @see PyTorch: torch.nn.BCEWithLogitsLoss. */
export class BCEWithLogitsLoss extends WeightedLoss {
  static override readonly stateKeys = { posWeight: 'pos_weight' };
  declare posWeight: Tensor | null;
  constructor(
    ...rest: Rest<BCEWithLogitsOptions, ['weight', 'sizeAverage', 'reduce', 'reduction', 'posWeight']>
  ) {
    const o = signature<LossArgs & { posWeight: Tensor | null }>('BCEWithLogitsLoss', [
      ...WEIGHTED,
      tensor('pos_weight'),
    ])(rest);
    super(o);
    this.registerBuffer('posWeight', o.posWeight);
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return F.binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction } as never);
  }
}

export interface ClassLossOptions extends WeightedLossOptions {
  /** Targets of this class do not count. Default −100. */
  ignoreIndex?: number;
}
type ClassRest = Rest<ClassLossOptions, ['weight', 'sizeAverage', 'ignoreIndex', 'reduce', 'reduction']>;
const CLASS: readonly Param[] = [tensor('weight'), sizeAverage, int('ignore_index', -100), reduce, reduction];
/** The negative log likelihood of log probabilities. @see PyTorch: torch.nn.NLLLoss. */
export class NLLLoss extends WeightedLoss {
  ignoreIndex: number;
  constructor(...rest: ClassRest) {
    const o = signature<LossArgs & { ignoreIndex: number }>('NLLLoss', CLASS)(rest);
    super(o);
    this.ignoreIndex = o.ignoreIndex;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return F.nllLoss(input, target, { weight, ignoreIndex, reduction } as never);
  }
}
/** Deprecated: NLLLoss takes images too. @see PyTorch: torch.nn.NLLLoss2d. */
export class NLLLoss2d extends NLLLoss {}

export interface CrossEntropyOptions extends ClassLossOptions {
  /** The share of the target that all classes get alike. Default 0. */
  labelSmoothing?: number;
}
/** Cross entropy of logits with class numbers or probabilities. @see PyTorch: torch.nn.CrossEntropyLoss. */
export class CrossEntropyLoss extends WeightedLoss {
  ignoreIndex: number;
  labelSmoothing: number;
  constructor(
    ...rest: Rest<
      CrossEntropyOptions,
      ['weight', 'sizeAverage', 'ignoreIndex', 'reduce', 'reduction', 'labelSmoothing']
    >
  ) {
    const o = signature<LossArgs & { ignoreIndex: number; labelSmoothing: number }>('CrossEntropyLoss', [
      ...CLASS,
      float('label_smoothing', 0),
    ])(rest);
    super(o);
    this.ignoreIndex = o.ignoreIndex;
    this.labelSmoothing = o.labelSmoothing;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction, labelSmoothing } = this;
    return F.crossEntropy(input, target, { weight, ignoreIndex, reduction, labelSmoothing } as never);
  }
}

export interface PoissonNLLOptions extends LossOptions {
  /** Whether the input is a logarithm. Default true. */
  logInput?: boolean;
  /** Whether Stirling's term is added. Default false. */
  full?: boolean;
  /** Default 1e-8. */
  eps?: number;
}
interface PoissonArgs extends LossArgs {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;
}
/** @see PyTorch: torch.nn.PoissonNLLLoss. */
export class PoissonNLLLoss extends Loss {
  logInput: boolean;
  full: boolean;
  eps: number;
  constructor(
    ...rest: Rest<PoissonNLLOptions, ['logInput', 'full', 'sizeAverage', 'eps', 'reduce', 'reduction']>
  ) {
    const o = signature<PoissonArgs>('PoissonNLLLoss', [
      flag('log_input', true),
      flag('full', false),
      sizeAverage,
      float('eps', 1e-8),
      reduce,
      reduction,
    ])(rest);
    super(o);
    this.logInput = o.logInput;
    this.full = o.full;
    this.eps = o.eps;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return F.poissonNllLoss(input, target, { logInput, full, eps, reduction } as never);
  }
}

export interface GaussianNLLOptions {
  /** Whether the constant is added. Default false. */
  full?: boolean;
  /** The least variance. Default 1e-6. */
  eps?: number;
  reduction?: Reduction;
}
/** @see PyTorch: torch.nn.GaussianNLLLoss. */
export class GaussianNLLLoss extends Module<
  [input: Tensor, target: Tensor, variance: Tensor | number],
  Tensor
> {
  reduction: Reduction;
  full: boolean;
  eps: number;
  constructor(options: GaussianNLLOptions = {}) {
    super();
    const o = signature<Required<GaussianNLLOptions>>('GaussianNLLLoss', [
      keyword(flag('full', false)),
      keyword(float('eps', 1e-6)),
      keyword(reduction),
    ])([options]);
    this.reduction = o.reduction;
    this.full = o.full;
    this.eps = o.eps;
  }
  override forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    const { full, eps, reduction } = this;
    return F.gaussianNllLoss(input, target, variance as Tensor, { full, eps, reduction } as never);
  }
}

export interface KLDivOptions extends LossOptions {
  /** Whether the target is a logarithm. Default false. */
  logTarget?: boolean;
}
/** The Kullback-Leibler divergence of log probabilities. @see PyTorch: torch.nn.KLDivLoss. */
export class KLDivLoss extends Loss {
  logTarget: boolean;
  constructor(...rest: Rest<KLDivOptions, ['sizeAverage', 'reduce', 'reduction', 'logTarget']>) {
    const o = signature<LossArgs & { logTarget: boolean }>('KLDivLoss', [...BASE, flag('log_target', false)])(
      rest,
    );
    super(o);
    this.logTarget = o.logTarget;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget } as never);
  }
}

export interface MarginOptions extends LossOptions {
  margin?: number;
}
type MarginRest = Rest<MarginOptions, ['margin', 'sizeAverage', 'reduce', 'reduction']>;
const margined = (name: string, value: number) =>
  signature<LossArgs & { margin: number }>(name, [float('margin', value), ...BASE]);
/** The margin is 1 by default. @see PyTorch: torch.nn.HingeEmbeddingLoss. */
export class HingeEmbeddingLoss extends Loss {
  margin: number;
  constructor(...rest: MarginRest) {
    const o = margined('HingeEmbeddingLoss', 1)(rest);
    super(o);
    this.margin = o.margin;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, { margin: this.margin, reduction: this.reduction } as never);
  }
}
/** The margin is 0 by default. @see PyTorch: torch.nn.CosineEmbeddingLoss. */
export class CosineEmbeddingLoss extends Loss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  margin: number;
  constructor(...rest: MarginRest) {
    const o = margined('CosineEmbeddingLoss', 0)(rest);
    super(o);
    this.margin = o.margin;
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return F.cosineEmbeddingLoss(input1, input2, target, { margin, reduction } as never);
  }
}
/** The margin is 0 by default. @see PyTorch: torch.nn.MarginRankingLoss. */
export class MarginRankingLoss extends Loss<[input1: Tensor, input2: Tensor, target: Tensor]> {
  margin: number;
  constructor(...rest: MarginRest) {
    const o = margined('MarginRankingLoss', 0)(rest);
    super(o);
    this.margin = o.margin;
  }
  override forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return F.marginRankingLoss(input1, input2, target, { margin, reduction } as never);
  }
}

export interface SmoothL1Options extends LossOptions {
  /** Where squares become absolute values. Default 1. */
  beta?: number;
}
/** Squared near 0, absolute beyond beta. @see PyTorch: torch.nn.SmoothL1Loss. */
export class SmoothL1Loss extends Loss {
  beta: number;
  constructor(...rest: Rest<SmoothL1Options, ['sizeAverage', 'reduce', 'reduction', 'beta']>) {
    const o = signature<LossArgs & { beta: number }>('SmoothL1Loss', [...BASE, float('beta', 1)])(rest);
    super(o);
    this.beta = o.beta;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, { reduction: this.reduction, beta: this.beta } as never);
  }
}
export interface HuberOptions {
  reduction?: Reduction;
  /** Where squares become absolute values. Default 1. */
  delta?: number;
}
/** Squared near 0, linear beyond delta. Huber 1964. @see PyTorch: torch.nn.HuberLoss. */
export class HuberLoss extends Loss {
  delta: number;
  constructor(...rest: Rest<HuberOptions, ['reduction', 'delta']>) {
    const o = signature<LossArgs & { delta: number }>('HuberLoss', [reduction, float('delta', 1)])(rest);
    super(o);
    this.delta = o.delta;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, { reduction: this.reduction, delta: this.delta } as never);
  }
}

export interface MultiMarginOptions extends WeightedLossOptions {
  /** 1 or 2. Default 1. */
  p?: number;
  /** Default 1. */
  margin?: number;
}
/** @throws ValueError for other p, and for a weight that is no vector @see PyTorch: torch.nn.MultiMarginLoss. */
export class MultiMarginLoss extends WeightedLoss {
  p: number;
  margin: number;
  constructor(
    ...rest: Rest<MultiMarginOptions, ['p', 'margin', 'weight', 'sizeAverage', 'reduce', 'reduction']>
  ) {
    const o = signature<LossArgs & { p: number; margin: number }>('MultiMarginLoss', [
      int('p', 1),
      float('margin', 1),
      ...WEIGHTED,
    ])(rest);
    if (o.p !== 1 && o.p !== 2)
      throw new ValueError(
        message('MultiMarginLoss', 'a p of 1 or 2', String(o.p), 'only p == 1 and p == 2 supported'),
      );
    if (o.weight instanceof Tensor && o.weight.ndim !== 1)
      throw new ValueError(
        message(
          'MultiMarginLoss',
          'a weight of 1 dim',
          String(o.weight.ndim),
          `MultiMarginLoss: expected weight to be None or 1D tensor, got ${o.weight.ndim}D instead`,
        ),
      );
    super(o);
    this.p = o.p;
    this.margin = o.margin;
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this;
    return F.multiMarginLoss(input, target, { p, margin, weight, reduction } as never);
  }
}

export interface TripletOptions extends LossOptions {
  /** Default 1. */
  margin?: number;
  /** The norm. Default 2. */
  p?: number;
  /** Default 1e-6. */
  eps?: number;
  /** Whether the nearer of anchor and positive counts. Balntas et al. 2016. Default false. */
  swap?: boolean;
}
function checkMargin(name: string, margin: number): void {
  if (margin <= 0)
    throw new ValueError(
      message(
        name,
        'a margin above 0',
        String(margin),
        `${name}: expected margin to be greater than 0, got ${pythonText(margin)} instead`,
      ),
    );
}
type Triplet = [anchor: Tensor, positive: Tensor, negative: Tensor];
/** @throws ValueError for a margin that is not above 0 @see PyTorch: torch.nn.TripletMarginLoss. */
export class TripletMarginLoss extends Loss<Triplet> {
  margin: number;
  p: number;
  eps: number;
  swap: boolean;
  constructor(
    ...rest: Rest<TripletOptions, ['margin', 'p', 'eps', 'swap', 'sizeAverage', 'reduce', 'reduction']>
  ) {
    const o = signature<LossArgs & { margin: number; p: number; eps: number; swap: boolean }>(
      'TripletMarginLoss',
      [float('margin', 1), float('p', 2), float('eps', 1e-6), flag('swap', false), ...BASE],
    )(rest);
    checkMargin('TripletMarginLoss', o.margin);
    super(o);
    this.margin = o.margin;
    this.p = o.p;
    this.eps = o.eps;
    this.swap = o.swap;
  }
  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return F.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction } as never);
  }
}
/** A distance of two batches of vectors. */
export type DistanceFunction = (x: Tensor, y: Tensor) => Tensor;
export interface TripletWithDistanceOptions {
  /** Default: PairwiseDistance. */
  distanceFunction?: DistanceFunction | Module<[Tensor, Tensor], Tensor> | null;
  margin?: number;
  swap?: boolean;
  reduction?: Reduction;
}
interface TripletWithDistanceArgs extends LossArgs {
  readonly distanceFunction: DistanceFunction | Module<[Tensor, Tensor], Tensor> | null;
  readonly margin: number;
  readonly swap: boolean;
}
/** @throws ValueError for a margin that is not above 0 @see PyTorch: torch.nn.TripletMarginWithDistanceLoss. */
export class TripletMarginWithDistanceLoss extends Loss<Triplet> {
  static override readonly stateKeys = { distanceFunction: 'distance_function' };
  distanceFunction: DistanceFunction | Module<[Tensor, Tensor], Tensor>;
  margin: number;
  swap: boolean;
  constructor(options: TripletWithDistanceOptions = {}) {
    const o = signature<TripletWithDistanceArgs>('TripletMarginWithDistanceLoss', [
      keyword(anything('distance_function', null)),
      keyword(float('margin', 1)),
      keyword(flag('swap', false)),
      keyword(reduction),
    ])([options]);
    checkMargin('TripletMarginWithDistanceLoss', o.margin);
    super(o);
    this.distanceFunction = o.distanceFunction ?? new PairwiseDistance();
    this.margin = o.margin;
    this.swap = o.swap;
  }
  override forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distanceFunction: distance, margin, swap, reduction } = this;
    const distanceFunction: DistanceFunction =
      distance instanceof Module ? (x, y) => distance.call(x, y) : distance;
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, {
      distanceFunction,
      margin,
      swap,
      reduction,
    } as never);
  }
}

export interface CTCOptions {
  /** The class of the blank. Default 0. */
  blank?: number;
  reduction?: Reduction;
  /** Whether infinite losses become 0. Default false. */
  zeroInfinity?: boolean;
}
type Lengths = Tensor | readonly number[];
/** Connectionist temporal classification. Graves et al. 2006. @see PyTorch: torch.nn.CTCLoss. */
export class CTCLoss extends Module<
  [logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths],
  Tensor
> {
  reduction: Reduction;
  blank: number;
  zeroInfinity: boolean;
  constructor(...rest: Rest<CTCOptions, ['blank', 'reduction', 'zeroInfinity']>) {
    super();
    const o = signature<Required<CTCOptions>>('CTCLoss', [
      int('blank', 0),
      reduction,
      flag('zero_infinity', false),
    ])(rest);
    this.reduction = o.reduction;
    this.blank = o.blank;
    this.zeroInfinity = o.zeroInfinity;
  }
  override forward(logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    const { blank, reduction, zeroInfinity } = this;
    return F.ctcLoss(logProbs, targets, inputLengths, targetLengths, {
      blank,
      reduction,
      zeroInfinity,
    } as never);
  }
}

export interface LinearCrossEntropyLossOptions extends FactoryOptions {
  /** More dims of the result, behind the classes. */
  outFeatures?: readonly number[];
  /** Default false. */
  bias?: boolean;
  reduction?: Reduction;
  weight?: Tensor | null;
  ignoreIndex?: number | null;
  labelSmoothing?: number;
  /** How the product is cut into chunks. */
  options?: object | null;
}
/** How LinearCrossEntropyLoss cuts its product into chunks. @see PyTorch: torch.nn.LinearCrossEntropyOptions. */
export class LinearCrossEntropyOptions {
  /** Default false. */
  allowRetainGraph = false;
  /** Rows of a chunk. Default: chosen by the method. */
  batchChunkSize: number | null = null;
  /** Default 'auto'. */
  chunkingMethod: string | null = 'auto';
  /** Default 'auto'. */
  accPolicy: 'accurate' | 'balanced' | 'compact' | 'auto' = 'auto';
  /** Default null. */
  accDtype: string | null = null;

  constructor(options: Partial<LinearCrossEntropyOptions> = {}) {
    const names = ['allowRetainGraph', 'batchChunkSize', 'chunkingMethod', 'accPolicy', 'accDtype'] as const;
    Object.assign(
      this,
      readOptions<Partial<LinearCrossEntropyOptions>>('LinearCrossEntropyOptions', options, [...names]),
    );
  }
  toString(): string {
    const text = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : pythonText(value));
    return `LinearCrossEntropyOptions(allow_retain_graph=${text(this.allowRetainGraph)}, batch_chunk_size=${text(this.batchChunkSize)}, chunking_method=${text(this.chunkingMethod)}, acc_policy=${text(this.accPolicy)}, acc_dtype=${this.accDtype === null ? 'None' : `torch.${this.accDtype}`})`;
  }
}

interface LinearCrossEntropyArgs extends Factory, LossArgs {
  readonly inFeatures: number;
  readonly numClasses: number;
  readonly outFeatures: readonly number[];
  readonly bias: boolean;
  readonly ignoreIndex: number | null;
  readonly labelSmoothing: number;
  readonly options: object | null;
}
const LINEAR_CROSS_ENTROPY = signature<LinearCrossEntropyArgs>('LinearCrossEntropyLoss', [
  int('in_features'),
  int('num_classes'),
  keyword({ name: 'out_features', kind: 'ints', default: [] }),
  keyword(flag('bias', false)),
  ...factory.map(keyword),
  keyword(reduction),
  keyword(tensor('weight')),
  keyword(int('ignore_index', null)),
  keyword(float('label_smoothing', 0)),
  keyword(anything('options', null)),
]);
/** The cross entropy of a linear layer's output, which is never stored whole. @see PyTorch: torch.nn.LinearCrossEntropyLoss. */
export class LinearCrossEntropyLoss extends WeightedLoss {
  numClasses: number;
  outFeatures: readonly number[];
  ignoreIndex: number | null;
  labelSmoothing: number;
  linear: Linear;
  options: LinearCrossEntropyOptions | null;
  constructor(inFeatures: number, numClasses: number, options: LinearCrossEntropyLossOptions = {}) {
    const o = LINEAR_CROSS_ENTROPY([inFeatures, numClasses, options]);
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('LinearCrossEntropyLoss', required, got, hint));
    };
    if (o.weight instanceof Tensor && (o.weight.ndim !== 1 || o.weight.size(0) !== o.numClasses))
      fail(
        `a weight of ${o.numClasses} classes`,
        showShape(o.weight.sizes),
        `expected weight shape to be (${o.numClasses},), got ${pythonText(o.weight.sizes)}`,
      );
    if (!(o.labelSmoothing >= 0 && o.labelSmoothing <= 1))
      fail(
        'labelSmoothing within [0, 1]',
        String(o.labelSmoothing),
        `expected label_smoothing to be in range [0, 1], got ${pythonFloat(o.labelSmoothing)}`,
      );
    super(o);
    this.numClasses = o.numClasses;
    this.outFeatures = o.outFeatures;
    this.ignoreIndex = o.ignoreIndex;
    this.labelSmoothing = o.labelSmoothing;
    const { device, dtype, bias } = o;
    const rows = o.outFeatures.reduce((a, b) => a * b, o.numClasses);
    this.linear = new Linear(o.inFeatures, rows, { bias, device, dtype });
    this.options =
      o.options === null || o.options instanceof LinearCrossEntropyOptions
        ? o.options
        : new LinearCrossEntropyOptions(o.options);
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    const { weight, reduction, ignoreIndex, labelSmoothing, options, linear, numClasses, outFeatures } = this;
    const linearWeight = linear.weight.reshape(numClasses, ...outFeatures, linear.inFeatures);
    const linearBias = linear.bias === null ? null : linear.bias.reshape(numClasses, ...outFeatures);
    return F.linearCrossEntropy(input, linearWeight, target, {
      linearBias,
      weight,
      reduction,
      ignoreIndex,
      labelSmoothing,
      options,
    } as never);
  }
  override extraRepr(): string {
    return [
      `in_features=${this.linear.inFeatures}`,
      `num_classes=${this.numClasses}`,
      `out_features=${pythonText(this.outFeatures)}`,
      `bias=${pythonText(this.linear.bias !== null)}`,
      `reduction=${this.reduction}`,
      `ignore_index=${pythonText(this.ignoreIndex)}`,
      `label_smoothing=${pythonFloat(this.labelSmoothing)}`,
      `options=${this.options === null ? 'None' : String(this.options)}`,
    ].join(', ');
  }
}
