// Embedding layers: rows of a table by their numbers. `new Embedding(vocabulary, 128)`.

import { noGrad } from '../../autograd/grad-mode.js';
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { pythonFloat, pythonText } from '../../format/python-text.js';
import { nn } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import { empty, type Factory } from '../_factory.js';
import { normal_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import {
  type FactoryOptions,
  factory,
  flag,
  float,
  int,
  type Rest,
  signature,
  tensor,
  text,
} from '../signature.js';

export interface EmbeddingOptions extends FactoryOptions {
  /** The row that stands for padding: it starts as zeros and gets no gradient. */
  paddingIdx?: number | null;
  /** Rows with a greater norm are scaled down to it in place when they are looked up. */
  maxNorm?: number | null;
  /** The norm of maxNorm. Default 2. */
  normType?: number;
  /** Whether gradients are divided by how often a row occurs in the batch. Default false. */
  scaleGradByFreq?: boolean;
  /** Accepted for PyTorch's sake: gradients are dense. Default false. */
  sparse?: boolean;
}
interface EmbeddingArgs extends Factory {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  readonly sparse: boolean;
  readonly _weight: Tensor | null;
  readonly _freeze?: boolean;
}
const TABLE: readonly Param[] = [int('num_embeddings'), int('embedding_dim')];
const EMBEDDING = signature<EmbeddingArgs>('Embedding', [
  ...TABLE,
  int('padding_idx', null),
  float('max_norm', null),
  float('norm_type', 2),
  flag('scale_grad_by_freq', false),
  flag('sparse', false),
  tensor('_weight'),
  flag('_freeze', false),
  ...factory,
]);

function paddingOf(name: string, index: number | null, rows: number): number | null {
  if (index === null) return null;
  if (index < -rows || index >= rows)
    throw new ValueError(
      message(name, `paddingIdx within ${rows}`, String(index), 'Padding_idx must be within num_embeddings'),
    );
  return index < 0 ? rows + index : index;
}
function tableOf(name: string, o: EmbeddingArgs): Parameter {
  const shape = [o.numEmbeddings, o.embeddingDim];
  if (o._weight === null) return new Parameter(empty(shape, o));
  if (o._weight.ndim !== 2 || o._weight.size(0) !== shape[0] || o._weight.size(1) !== shape[1])
    throw new RuntimeError(
      message(
        name,
        `a weight of ${showShape(shape)}`,
        showShape(o._weight.sizes),
        'Shape of weight does not match num_embeddings and embedding_dim',
      ),
    );
  return new Parameter(o._weight, !(o._freeze ?? false));
}
function resetTable(weight: Parameter, padding: number | null): void {
  normal_(weight);
  if (padding !== null) noGrad(() => weight.select(0, padding).fill_(0));
}
const floatOrInt = (value: number): string =>
  Number.isInteger(value) ? pythonFloat(value) : pythonText(value);

/** Rows of a table by their numbers. @throws ValueError for a padding row outside it @see PyTorch: torch.nn.Embedding. */
export class Embedding extends Module<[input: Tensor], Tensor> {
  numEmbeddings: number;
  embeddingDim: number;
  paddingIdx: number | null;
  maxNorm: number | null;
  normType: number;
  scaleGradByFreq: boolean;
  sparse: boolean;
  weight: Parameter;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    ...rest: Rest<EmbeddingOptions, ['paddingIdx', 'maxNorm', 'normType', 'scaleGradByFreq', 'sparse']>
  ) {
    super();
    const o = EMBEDDING([numEmbeddings, embeddingDim, ...rest]);
    this.numEmbeddings = o.numEmbeddings;
    this.embeddingDim = o.embeddingDim;
    this.paddingIdx = paddingOf('Embedding', o.paddingIdx, o.numEmbeddings);
    this.maxNorm = o.maxNorm;
    this.normType = o.normType;
    this.scaleGradByFreq = o.scaleGradByFreq;
    this.sparse = o.sparse;
    this.weight = tableOf('Embedding', o);
    if (o._weight === null) this.resetParameters();
  }
  /** Draws new initial values. */
  resetParameters(): void {
    resetTable(this.weight, this.paddingIdx);
  }
  override forward(input: Tensor): Tensor {
    const { weight, paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    return nn.functional.embedding(input, weight, {
      paddingIdx,
      maxNorm,
      normType,
      scaleGradByFreq,
    } as never);
  }
  override extraRepr(): string {
    const parts = [`${this.numEmbeddings}, ${this.embeddingDim}`];
    if (this.paddingIdx !== null) parts.push(`padding_idx=${this.paddingIdx}`);
    if (this.maxNorm !== null) parts.push(`max_norm=${floatOrInt(this.maxNorm)}`);
    if (this.normType !== 2) parts.push(`norm_type=${floatOrInt(this.normType)}`);
    if (this.scaleGradByFreq) parts.push('scale_grad_by_freq=True');
    if (this.sparse) parts.push('sparse=True');
    return parts.join(', ');
  }
  /** A layer over a given table, which is not trained unless `freeze` is false. */
  static fromPretrained(
    embeddings: Tensor,
    options: EmbeddingOptions & { freeze?: boolean } = {},
  ): Embedding {
    requireTable('Embedding.fromPretrained', embeddings);
    const { freeze = true, ...others } = options;
    const given = { ...others, _weight: embeddings, _freeze: freeze } as EmbeddingOptions;
    return new Embedding(embeddings.size(0), embeddings.size(1), given);
  }
}
function requireTable(op: string, x: Tensor): void {
  if (x.ndim !== 2)
    throw new RuntimeError(
      message(op, '2 dims', String(x.ndim), 'Embeddings parameter is expected to be 2-dimensional'),
    );
}

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** How the rows of a bag become one. Default 'mean'. */
  mode?: 'sum' | 'mean' | 'max';
  /** Whether offsets end with the number of indices. Default false. */
  includeLastOffset?: boolean;
}
const BAG = signature<EmbeddingArgs & { mode: 'sum' | 'mean' | 'max'; includeLastOffset: boolean }>(
  'EmbeddingBag',
  [
    ...TABLE,
    float('max_norm', null),
    float('norm_type', 2),
    flag('scale_grad_by_freq', false),
    text('mode', 'mean', ['sum', 'mean', 'max']),
    flag('sparse', false),
    tensor('_weight'),
    flag('include_last_offset', false),
    int('padding_idx', null),
    ...factory,
  ],
);
/** Sums, means or maxima of bags of rows. @see PyTorch: torch.nn.EmbeddingBag. */
export class EmbeddingBag extends Module<
  [input: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null],
  Tensor
> {
  numEmbeddings: number;
  embeddingDim: number;
  maxNorm: number | null;
  normType: number;
  scaleGradByFreq: boolean;
  paddingIdx: number | null;
  weight: Parameter;
  mode: 'sum' | 'mean' | 'max';
  sparse: boolean;
  includeLastOffset: boolean;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    ...rest: Rest<EmbeddingBagOptions, ['maxNorm', 'normType', 'scaleGradByFreq', 'mode', 'sparse']>
  ) {
    super();
    const o = BAG([numEmbeddings, embeddingDim, ...rest]);
    this.numEmbeddings = o.numEmbeddings;
    this.embeddingDim = o.embeddingDim;
    this.maxNorm = o.maxNorm;
    this.normType = o.normType;
    this.scaleGradByFreq = o.scaleGradByFreq;
    this.paddingIdx = paddingOf('EmbeddingBag', o.paddingIdx, o.numEmbeddings);
    this.weight = tableOf('EmbeddingBag', o);
    this.mode = o.mode;
    this.sparse = o.sparse;
    this.includeLastOffset = o.includeLastOffset;
    if (o._weight === null) this.resetParameters();
  }
  /** Draws new initial values. */
  resetParameters(): void {
    resetTable(this.weight, this.paddingIdx);
  }
  override forward(
    input: Tensor,
    offsets: Tensor | null = null,
    perSampleWeights: Tensor | null = null,
  ): Tensor {
    const { weight, maxNorm, normType, scaleGradByFreq, mode, includeLastOffset, paddingIdx } = this;
    return nn.functional.embeddingBag(input, weight, {
      offsets,
      maxNorm,
      normType,
      scaleGradByFreq,
      mode,
      perSampleWeights,
      includeLastOffset,
      paddingIdx,
    } as never);
  }
  override extraRepr(): string {
    const parts = [`${this.numEmbeddings}, ${this.embeddingDim}`];
    if (this.maxNorm !== null) parts.push(`max_norm=${floatOrInt(this.maxNorm)}`);
    if (this.normType !== 2) parts.push(`norm_type=${floatOrInt(this.normType)}`);
    if (this.scaleGradByFreq) parts.push('scale_grad_by_freq=True');
    parts.push(`mode='${this.mode}'`);
    if (this.paddingIdx !== null) parts.push(`padding_idx=${this.paddingIdx}`);
    return parts.join(', ');
  }
  /** A layer over a given table, which is not trained unless `freeze` is false. */
  static fromPretrained(
    embeddings: Tensor,
    options: EmbeddingBagOptions & { freeze?: boolean } = {},
  ): EmbeddingBag {
    requireTable('EmbeddingBag.fromPretrained', embeddings);
    const { freeze = true, ...others } = options;
    const bag = new EmbeddingBag(embeddings.size(0), embeddings.size(1), {
      ...others,
      _weight: embeddings,
    } as EmbeddingBagOptions);
    bag.weight.requiresGrad_(!freeze);
    return bag;
  }
}
