// Multi-head attention as a layer: `new MultiheadAttention(64, 8, { batchFirst: true })`.
import { message, RuntimeError, ValueError } from '../../core/errors.js';
import { readOptions } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import { nn } from '../../generated/functions.js';
import { empty, type Factory } from '../_factory.js';
import { constant_, xavierNormal_, xavierUniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { type FactoryOptions, factory, flag, float, int, type Rest, signature } from '../signature.js';
import { Linear } from './linear.js';

/** With every argument by name. */
const attend = nn.functional.multiHeadAttentionForward as unknown as (
  args: object,
) => [Tensor, Tensor | null];

export interface AttentionOptions extends FactoryOptions {
  /** The probability of a zero among the weights in training. Default 0. */
  dropout?: number;
  /** Whether projections have biases. Default true. */
  bias?: boolean;
  /** Whether a learned key and value are added. Default false. */
  addBiasKv?: boolean;
  /** Whether a key and value of zeros are added. Default false. */
  addZeroAttn?: boolean;
  /** The features of keys. Default: embedDim. */
  kdim?: number | null;
  /** The features of values. Default: embedDim. */
  vdim?: number | null;
  /** Whether the batch is the first dim. Default false. */
  batchFirst?: boolean;
}
interface AttentionArgs extends Factory {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly bias: boolean;
  readonly addBiasKv: boolean;
  readonly addZeroAttn: boolean;
  readonly kdim: number | null;
  readonly vdim: number | null;
  readonly batchFirst: boolean;
}
const ATTENTION = signature<AttentionArgs>('MultiheadAttention', [
  int('embed_dim'),
  int('num_heads'),
  float('dropout', 0),
  flag('bias', true),
  flag('add_bias_kv', false),
  flag('add_zero_attn', false),
  int('kdim', null),
  int('vdim', null),
  flag('batch_first', false),
  ...factory,
]);

export interface AttentionCall {
  /** [N, S]: true, or −∞, where a key is padding. */
  keyPaddingMask?: Tensor | null;
  /** Whether the weights are returned. Default true. */
  needWeights?: boolean;
  /** [L, S] or [N · heads, L, S]: true, or −∞, where a query must not see a key. */
  attnMask?: Tensor | null;
  /** Whether the weights are the mean over the heads. Default true. */
  averageAttnWeights?: boolean;
  /** Whether attnMask is causal, as a hint. Default false. */
  isCausal?: boolean;
}

/** PyTorch's name for the output projection, which quantisation leaves alone. */
export class NonDynamicallyQuantizableLinear extends Linear {}

/** Attention of several heads. Vaswani et al. 2017. @see PyTorch: torch.nn.MultiheadAttention. */
export class MultiheadAttention extends Module<
  [query: Tensor, key: Tensor, value: Tensor, options?: AttentionCall],
  [Tensor, Tensor | null]
> {
  static override readonly stateKeys = {
    inProjWeight: 'in_proj_weight',
    qProjWeight: 'q_proj_weight',
    kProjWeight: 'k_proj_weight',
    vProjWeight: 'v_proj_weight',
    inProjBias: 'in_proj_bias',
    outProj: 'out_proj',
    biasK: 'bias_k',
    biasV: 'bias_v',
  };
  embedDim: number;
  kdim: number;
  vdim: number;
  numHeads: number;
  dropout: number;
  batchFirst: boolean;
  headDim: number;
  qProjWeight: Parameter | null = null;
  kProjWeight: Parameter | null = null;
  vProjWeight: Parameter | null = null;
  inProjWeight: Parameter | null = null;
  inProjBias: Parameter | null = null;
  biasK: Parameter | null = null;
  biasV: Parameter | null = null;
  outProj: NonDynamicallyQuantizableLinear;
  addZeroAttn: boolean;

  constructor(
    embedDim: number,
    numHeads: number,
    ...rest: Rest<
      AttentionOptions,
      ['dropout', 'bias', 'addBiasKv', 'addZeroAttn', 'kdim', 'vdim', 'batchFirst', 'device', 'dtype']
    >
  ) {
    super();
    const o = ATTENTION([embedDim, numHeads, ...rest]);
    if (o.embedDim <= 0 || o.numHeads <= 0)
      throw new ValueError(
        message(
          'MultiheadAttention',
          'embedDim and numHeads above 0',
          `${o.embedDim} and ${o.numHeads}`,
          `embed_dim and num_heads must be greater than 0, got embed_dim=${o.embedDim} and num_heads=${o.numHeads} instead`,
        ),
      );
    if (o.embedDim % o.numHeads !== 0)
      throw new RuntimeError(
        message(
          'MultiheadAttention',
          `heads that divide ${o.embedDim}`,
          String(o.numHeads),
          'embed_dim must be divisible by num_heads',
        ),
      );
    this.embedDim = o.embedDim;
    this.kdim = o.kdim ?? o.embedDim;
    this.vdim = o.vdim ?? o.embedDim;
    this.numHeads = o.numHeads;
    this.dropout = o.dropout;
    this.batchFirst = o.batchFirst;
    this.headDim = o.embedDim / o.numHeads;
    const made = (...shape: number[]): Parameter => new Parameter(empty(shape, o));
    if (this._sameDims()) {
      this.inProjWeight = made(3 * o.embedDim, o.embedDim);
    } else {
      this.qProjWeight = made(o.embedDim, o.embedDim);
      this.kProjWeight = made(o.embedDim, this.kdim);
      this.vProjWeight = made(o.embedDim, this.vdim);
    }
    if (o.bias) this.inProjBias = made(3 * o.embedDim);
    const { device, dtype, bias } = o;
    this.outProj = new NonDynamicallyQuantizableLinear(o.embedDim, o.embedDim, { bias, device, dtype });
    if (o.addBiasKv) {
      this.biasK = made(1, 1, o.embedDim);
      this.biasV = made(1, 1, o.embedDim);
    }
    this.addZeroAttn = o.addZeroAttn;
    this.resetParameters();
  }
  /** @internal */
  _sameDims(): boolean {
    return this.kdim === this.embedDim && this.vdim === this.embedDim;
  }
  /** Draws new initial values for the input projections; biases are 0. */
  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight])
      if (weight !== null) xavierUniform_(weight);
    if (this.inProjBias !== null) {
      constant_(this.inProjBias, 0);
      constant_(this.outProj.bias!, 0);
    }
    if (this.biasK !== null) xavierNormal_(this.biasK);
    if (this.biasV !== null) xavierNormal_(this.biasV);
  }
  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AttentionCall = {},
  ): [Tensor, Tensor | null] {
    const turned = this.batchFirst && query.ndim === 3;
    const turn = (x: Tensor): Tensor => (turned ? x.transpose(0, 1) : x);
    const q = turn(query);
    const k = key === query ? q : turn(key);
    const v = value === key ? k : turn(value);
    const separate = !this._sameDims();
    const { embedDim, numHeads, inProjWeight, inProjBias, biasK, biasV, addZeroAttn, dropout, outProj } =
      this;
    const [output, weights] = attend({
      query: q,
      key: k,
      value: v,
      embedDimToCheck: embedDim,
      numHeads,
      inProjWeight,
      inProjBias,
      biasK,
      biasV,
      addZeroAttn,
      dropoutP: dropout,
      outProjWeight: outProj.weight,
      outProjBias: outProj.bias,
      training: this.training,
      useSeparateProjWeight: separate,
      qProjWeight: this.qProjWeight,
      kProjWeight: this.kProjWeight,
      vProjWeight: this.vProjWeight,
      ...readOptions<AttentionCall>('MultiheadAttention', options, [
        'keyPaddingMask',
        'needWeights',
        'attnMask',
        'averageAttnWeights',
        'isCausal',
      ]),
    });
    return [turn(output), weights];
  }
}
