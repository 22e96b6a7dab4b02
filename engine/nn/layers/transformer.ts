// Transformer layers: encoders and decoders of attention and feed-forward blocks. `new TransformerEncoderLayer(64, 8)`.

import type { DeviceLike } from '../../core/device.js';
import { asDType, type DTypeLike } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { readOptions } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import { full, nn } from '../../generated/functions.js';
import type { Param } from '../../registry/define.js';
import type { Factory } from '../_factory.js';
import { ModuleList } from '../containers.js';
import { xavierUniform_ } from '../init.js';
import { Module } from '../module.js';
import {
  anything,
  type FactoryOptions,
  factory,
  flag,
  float,
  int,
  type Rest,
  signature,
} from '../signature.js';
import { MultiheadAttention } from './attention.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { LayerNorm } from './norm.js';

const F = nn.functional;

/** What stands between the two linear maps of a feed-forward block. */
export type Activation = 'relu' | 'gelu' | ((x: Tensor) => Tensor) | Module<[Tensor], Tensor>;

export interface TransformerLayerOptions extends FactoryOptions {
  /** Default 2048. */
  dimFeedforward?: number;
  /** Default 0.1. */
  dropout?: number;
  /** Default 'relu'. */
  activation?: Activation;
  /** Default 1e-5. */
  layerNormEps?: number;
  /** Whether the batch is the first dim. Default false. */
  batchFirst?: boolean;
  /** Whether norms stand before the blocks instead of after them. Default false. */
  normFirst?: boolean;
  /** Whether linear maps and norms have biases. Default true. */
  bias?: boolean;
}
interface LayerArgs extends Factory {
  readonly dModel: number;
  readonly nhead: number;
  readonly dimFeedforward: number;
  readonly dropout: number;
  readonly activation: Activation | null;
  readonly layerNormEps: number;
  readonly batchFirst: boolean;
  readonly normFirst: boolean;
  readonly bias: boolean;
}
const BLOCK: readonly Param[] = [
  int('dim_feedforward', 2048),
  float('dropout', 0.1),
  anything('activation', null),
];
const RULES: readonly Param[] = [
  float('layer_norm_eps', 1e-5),
  flag('batch_first', false),
  flag('norm_first', false),
  flag('bias', true),
  ...factory,
];
const layerArgs = (name: string, args: readonly unknown[]): LayerArgs =>
  signature<LayerArgs>(name, [int('d_model'), int('nhead'), ...BLOCK, ...RULES])(args);
type LayerRest = Rest<
  TransformerLayerOptions,
  [
    'dimFeedforward',
    'dropout',
    'activation',
    'layerNormEps',
    'batchFirst',
    'normFirst',
    'bias',
    'device',
    'dtype',
  ]
>;

function activationOf(
  name: string,
  activation: Activation | null,
): ((x: Tensor) => Tensor) | Module<[Tensor], Tensor> {
  if (activation === null || activation === 'relu') return (x) => x.relu();
  if (activation === 'gelu') return (x) => F.gelu(x);
  if (typeof activation !== 'string') return activation;
  throw new RuntimeError(
    message(
      name,
      "an activation 'relu' or 'gelu'",
      `'${String(activation)}'`,
      `activation should be relu/gelu, not ${String(activation)}`,
    ),
  );
}

/** A mask to be added: bool ones become −∞ where they are set. */
function canonicalMask(mask: Tensor | null, like: Tensor): Tensor | null {
  if (mask === null || mask.dtype.isFloatingPoint) return mask;
  if (mask.dtype.name !== 'bool')
    throw new RuntimeError(
      message(
        'Transformer',
        'a mask of bool or a floating dtype',
        mask.dtype.name,
        'only bool and floating types of mask are supported',
      ),
    );
  return full(mask.sizes, 0, { dtype: like.dtype, device: like.device }).maskedFill(
    mask,
    Number.NEGATIVE_INFINITY,
  );
}

/** [size, size] with −∞ above the diagonal: no position sees a later one. */
export function causalMask(
  size: number,
  options: { device?: DeviceLike | null; dtype?: DTypeLike | null } = {},
): Tensor {
  const dtype =
    options.dtype === undefined || options.dtype === null ? null : asDType(options.dtype, 'causalMask');
  return full([size, size], Number.NEGATIVE_INFINITY, {
    dtype,
    device: options.device ?? null,
  } as never).triu(1);
}

/** Attention, a feed-forward block, and the norms and dropouts around them. */
abstract class TransformerLayer<A extends readonly unknown[]> extends Module<A, Tensor> {
  static override readonly stateKeys: Readonly<Record<string, string>> = {
    selfAttn: 'self_attn',
    multiheadAttn: 'multihead_attn',
  };
  /** @internal */
  attended(attention: MultiheadAttention, x: Tensor, memory: Tensor, masks: Masks, dropout: Dropout): Tensor {
    const [attnMask, keyPaddingMask, isCausal] = masks;
    const [output] = attention.call(x, memory, memory, {
      attnMask,
      keyPaddingMask,
      isCausal,
      needWeights: false,
    });
    return dropout.call(output);
  }
  /** @internal */
  fed(
    x: Tensor,
    layers: readonly [Linear, Dropout, Linear, Dropout],
    activation: ((x: Tensor) => Tensor) | Module<[Tensor], Tensor>,
  ): Tensor {
    const [linear1, dropout, linear2, last] = layers;
    const hidden = linear1.call(x);
    const active = activation instanceof Module ? activation.call(hidden) : activation(hidden);
    return last.call(linear2.call(dropout.call(active)));
  }
}
/** Attention mask, padding mask, and whether the first is causal. */
type Masks = readonly [Tensor | null, Tensor | null, boolean];

export interface EncoderCall {
  srcMask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
  isCausal?: boolean;
}

const ENCODER_CALL = ['srcMask', 'srcKeyPaddingMask', 'isCausal'] as const;

/** One layer of an encoder. Vaswani et al. 2017. @see PyTorch: torch.nn.TransformerEncoderLayer. */
export class TransformerEncoderLayer extends TransformerLayer<[src: Tensor, options?: EncoderCall]> {
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  activation: ((x: Tensor) => Tensor) | Module<[Tensor], Tensor>;
  normFirst: boolean;

  constructor(dModel: number, nhead: number, ...rest: LayerRest) {
    super();
    const o = layerArgs('TransformerEncoderLayer', [dModel, nhead, ...rest]);
    const { device, dtype, bias, dropout, batchFirst } = o;
    const made = { device, dtype, bias };
    this.selfAttn = new MultiheadAttention(o.dModel, o.nhead, { dropout, batchFirst, ...made });
    this.linear1 = new Linear(o.dModel, o.dimFeedforward, made);
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(o.dimFeedforward, o.dModel, made);
    this.norm1 = new LayerNorm(o.dModel, { eps: o.layerNormEps, ...made });
    this.norm2 = new LayerNorm(o.dModel, { eps: o.layerNormEps, ...made });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.activation = activationOf('TransformerEncoderLayer', o.activation);
    this.normFirst = o.normFirst;
  }
  override forward(src: Tensor, given: EncoderCall = {}): Tensor {
    const options = readOptions<EncoderCall>('TransformerEncoderLayer', given, ENCODER_CALL);
    const masks: Masks = [
      canonicalMask(options.srcMask ?? null, src),
      canonicalMask(options.srcKeyPaddingMask ?? null, src),
      options.isCausal ?? false,
    ];
    const attend = (x: Tensor): Tensor => this.attended(this.selfAttn, x, x, masks, this.dropout1);
    const feed = (x: Tensor): Tensor =>
      this.fed(x, [this.linear1, this.dropout, this.linear2, this.dropout2], this.activation);
    if (this.normFirst) {
      const x = src.add(attend(this.norm1.call(src)));
      return x.add(feed(this.norm2.call(x)));
    }
    const x = this.norm1.call(src.add(attend(src)));
    return this.norm2.call(x.add(feed(x)));
  }
}

export interface DecoderCall {
  tgtMask?: Tensor | null;
  memoryMask?: Tensor | null;
  tgtKeyPaddingMask?: Tensor | null;
  memoryKeyPaddingMask?: Tensor | null;
  tgtIsCausal?: boolean | null;
  memoryIsCausal?: boolean;
}

const DECODER_CALL = [
  'tgtMask',
  'memoryMask',
  'tgtKeyPaddingMask',
  'memoryKeyPaddingMask',
  'tgtIsCausal',
  'memoryIsCausal',
] as const;

/** One layer of a decoder. @see PyTorch: torch.nn.TransformerDecoderLayer. */
export class TransformerDecoderLayer extends TransformerLayer<
  [tgt: Tensor, memory: Tensor, options?: DecoderCall]
> {
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;
  activation: ((x: Tensor) => Tensor) | Module<[Tensor], Tensor>;
  normFirst: boolean;

  constructor(dModel: number, nhead: number, ...rest: LayerRest) {
    super();
    const o = layerArgs('TransformerDecoderLayer', [dModel, nhead, ...rest]);
    const { device, dtype, bias, dropout, batchFirst } = o;
    const made = { device, dtype, bias };
    const attention = { dropout, batchFirst, ...made };
    const norm = { eps: o.layerNormEps, ...made };
    this.selfAttn = new MultiheadAttention(o.dModel, o.nhead, attention);
    this.multiheadAttn = new MultiheadAttention(o.dModel, o.nhead, attention);
    this.linear1 = new Linear(o.dModel, o.dimFeedforward, made);
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(o.dimFeedforward, o.dModel, made);
    this.norm1 = new LayerNorm(o.dModel, norm);
    this.norm2 = new LayerNorm(o.dModel, norm);
    this.norm3 = new LayerNorm(o.dModel, norm);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
    this.activation = activationOf('TransformerDecoderLayer', o.activation);
    this.normFirst = o.normFirst;
  }
  override forward(tgt: Tensor, memory: Tensor, given: DecoderCall = {}): Tensor {
    const options = readOptions<DecoderCall>('TransformerDecoderLayer', given, DECODER_CALL);
    const own: Masks = [
      options.tgtMask ?? null,
      options.tgtKeyPaddingMask ?? null,
      options.tgtIsCausal ?? false,
    ];
    const other: Masks = [
      options.memoryMask ?? null,
      options.memoryKeyPaddingMask ?? null,
      options.memoryIsCausal ?? false,
    ];
    const attend = (x: Tensor): Tensor => this.attended(this.selfAttn, x, x, own, this.dropout1);
    const look = (x: Tensor): Tensor => this.attended(this.multiheadAttn, x, memory, other, this.dropout2);
    const feed = (x: Tensor): Tensor =>
      this.fed(x, [this.linear1, this.dropout, this.linear2, this.dropout3], this.activation);
    if (this.normFirst) {
      let x = tgt.add(attend(this.norm1.call(tgt)));
      x = x.add(look(this.norm2.call(x)));
      return x.add(feed(this.norm3.call(x)));
    }
    let x = this.norm1.call(tgt.add(attend(tgt)));
    x = this.norm2.call(x.add(look(x)));
    return this.norm3.call(x.add(feed(x)));
  }
}

/** Whether a mask is the causal one, which PyTorch finds out where it is not told. */
function isCausalMask(mask: Tensor | null, told: boolean | null, length: number): boolean {
  if (told !== null) return told;
  if (mask === null || mask.ndim !== 2 || mask.size(0) !== length || mask.size(1) !== length) return false;
  if (!mask.dtype.isFloatingPoint) return false;
  return (
    mask
      .eq(causalMask(length, { dtype: mask.dtype, device: mask.device }))
      .all()
      .item() === true
  );
}
const lengthOf = (x: Tensor, batchFirst: boolean): number => x.size(x.ndim === 2 || !batchFirst ? 0 : 1);

export interface TransformerEncoderCall {
  mask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
  isCausal?: boolean | null;
}
export interface StackOptions {
  /** Runs on the result of the last layer. */
  norm?: Module | null;
}
export interface EncoderOptions extends StackOptions {
  /** Accepted for PyTorch's sake: there are no nested tensors. */
  enableNestedTensor?: boolean;
  /** Accepted for PyTorch's sake. */
  maskCheck?: boolean;
}
const copies = (layer: Module, count: number): ModuleList =>
  new ModuleList(Array.from({ length: count }, () => layer.deepcopy()));

/** Copies of an encoder layer above each other. @see PyTorch: torch.nn.TransformerEncoder. */
export class TransformerEncoder extends Module<[src: Tensor, options?: TransformerEncoderCall], Tensor> {
  layers: ModuleList;
  numLayers: number;
  norm: Module | null;
  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number,
    ...rest: Rest<EncoderOptions, ['norm', 'enableNestedTensor', 'maskCheck']>
  ) {
    super();
    const o = signature<{ encoderLayer: Module; numLayers: number; norm: Module | null }>(
      'TransformerEncoder',
      [
        anything('encoder_layer'),
        int('num_layers'),
        anything('norm', null),
        flag('enable_nested_tensor', true),
        flag('mask_check', true),
      ],
    )([encoderLayer, numLayers, ...named(rest)]);
    this.layers = copies(o.encoderLayer, o.numLayers);
    this.numLayers = o.numLayers;
    this.norm = o.norm;
  }
  override forward(src: Tensor, given: TransformerEncoderCall = {}): Tensor {
    const options = readOptions<TransformerEncoderCall>('TransformerEncoder', given, [
      'mask',
      'srcKeyPaddingMask',
      'isCausal',
    ]);
    const padding = canonicalMask(options.srcKeyPaddingMask ?? null, src);
    const srcMask = canonicalMask(options.mask ?? null, src);
    const first = this.layers.at(0) as TransformerEncoderLayer;
    const isCausal = isCausalMask(
      srcMask,
      options.isCausal ?? null,
      lengthOf(src, first.selfAttn.batchFirst),
    );
    let output = src;
    for (const layer of this.layers)
      output = layer.call(output, { srcMask, isCausal, srcKeyPaddingMask: padding }) as Tensor;
    return this.norm === null ? output : (this.norm.call(output) as Tensor);
  }
}
/** A module where an options object may stand is the argument itself, under its name. */
function named(rest: readonly unknown[]): readonly unknown[] {
  return rest[0] instanceof Module ? [{ norm: rest[0] }, ...rest.slice(1)] : rest;
}

/** Copies of a decoder layer above each other. @see PyTorch: torch.nn.TransformerDecoder. */
export class TransformerDecoder extends Module<[tgt: Tensor, memory: Tensor, options?: DecoderCall], Tensor> {
  layers: ModuleList;
  numLayers: number;
  norm: Module | null;
  constructor(
    decoderLayer: TransformerDecoderLayer,
    numLayers: number,
    ...rest: Rest<StackOptions, ['norm']>
  ) {
    super();
    const o = signature<{ decoderLayer: Module; numLayers: number; norm: Module | null }>(
      'TransformerDecoder',
      [anything('decoder_layer'), int('num_layers'), anything('norm', null)],
    )([decoderLayer, numLayers, ...named(rest)]);
    this.layers = copies(o.decoderLayer, o.numLayers);
    this.numLayers = o.numLayers;
    this.norm = o.norm;
  }
  override forward(tgt: Tensor, memory: Tensor, given: DecoderCall = {}): Tensor {
    const options = readOptions<DecoderCall>('TransformerDecoder', given, DECODER_CALL);
    const first = this.layers.at(0) as TransformerDecoderLayer;
    const length = lengthOf(tgt, first.selfAttn.batchFirst);
    const tgtIsCausal = isCausalMask(options.tgtMask ?? null, options.tgtIsCausal ?? null, length);
    let output = tgt;
    for (const layer of this.layers)
      output = layer.call(output, memory, { ...options, tgtIsCausal }) as Tensor;
    return this.norm === null ? output : (this.norm.call(output) as Tensor);
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Features of the model. Default 512. */
  dModel?: number;
  /** Default 8. */
  nhead?: number;
  /** Default 6. */
  numEncoderLayers?: number;
  /** Default 6. */
  numDecoderLayers?: number;
  customEncoder?: Module | null;
  customDecoder?: Module | null;
}
export interface TransformerCall extends DecoderCall {
  srcMask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
  srcIsCausal?: boolean | null;
}
interface TransformerArgs extends LayerArgs {
  readonly numEncoderLayers: number;
  readonly numDecoderLayers: number;
  readonly customEncoder: Module | null;
  readonly customDecoder: Module | null;
}
/** An encoder and a decoder. Vaswani et al. 2017. @see PyTorch: torch.nn.Transformer. */
export class Transformer extends Module<[src: Tensor, tgt: Tensor, options?: TransformerCall], Tensor> {
  encoder: Module;
  decoder: Module;
  dModel: number;
  nhead: number;
  batchFirst: boolean;
  constructor(
    ...rest: Rest<
      TransformerOptions,
      [
        'dModel',
        'nhead',
        'numEncoderLayers',
        'numDecoderLayers',
        'dimFeedforward',
        'dropout',
        'activation',
        'customEncoder',
        'customDecoder',
        'layerNormEps',
        'batchFirst',
        'normFirst',
        'bias',
        'device',
        'dtype',
      ]
    >
  ) {
    super();
    const o = signature<TransformerArgs>('Transformer', [
      int('d_model', 512),
      int('nhead', 8),
      int('num_encoder_layers', 6),
      int('num_decoder_layers', 6),
      ...BLOCK,
      anything('custom_encoder', null),
      anything('custom_decoder', null),
      ...RULES,
    ])(rest);
    const { dimFeedforward, dropout, layerNormEps, batchFirst, normFirst, bias, device, dtype } = o;
    const activation = o.activation ?? 'relu';
    const layer = {
      dimFeedforward,
      dropout,
      activation,
      layerNormEps,
      batchFirst,
      normFirst,
      bias,
      device,
      dtype,
    };
    const norm = (): LayerNorm => new LayerNorm(o.dModel, { eps: layerNormEps, bias, device, dtype });
    this.encoder =
      o.customEncoder ??
      new TransformerEncoder(new TransformerEncoderLayer(o.dModel, o.nhead, layer), o.numEncoderLayers, {
        norm: norm(),
      });
    this.decoder =
      o.customDecoder ??
      new TransformerDecoder(new TransformerDecoderLayer(o.dModel, o.nhead, layer), o.numDecoderLayers, {
        norm: norm(),
      });
    for (const p of this.parameters()) if (p.ndim > 1) xavierUniform_(p);
    this.dModel = o.dModel;
    this.nhead = o.nhead;
    this.batchFirst = batchFirst;
  }
  override forward(src: Tensor, tgt: Tensor, given: TransformerCall = {}): Tensor {
    const options = readOptions<TransformerCall>('Transformer', given, [
      'srcMask',
      'srcKeyPaddingMask',
      'srcIsCausal',
      ...DECODER_CALL,
    ]);
    const fail = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('Transformer', required, got, hint));
    };
    const at = this.batchFirst ? 0 : 1;
    if (src.ndim === 3 && src.size(at) !== tgt.size(at))
      fail(
        'one batch size',
        `${src.size(at)} and ${tgt.size(at)}`,
        'the batch number of src and tgt must be equal',
      );
    if (src.size(-1) !== this.dModel || tgt.size(-1) !== this.dModel)
      fail(
        `${this.dModel} features`,
        `${src.size(-1)} and ${tgt.size(-1)}`,
        'the feature number of src and tgt must be equal to d_model',
      );
    const { srcMask = null, srcKeyPaddingMask = null, srcIsCausal = null, ...decoding } = options;
    const memory = this.encoder.call(src, {
      mask: srcMask,
      srcKeyPaddingMask,
      isCausal: srcIsCausal,
    }) as Tensor;
    return this.decoder.call(tgt, memory, decoding) as Tensor;
  }
  /** [size, size] with −∞ above the diagonal. */
  static generateSquareSubsequentMask(
    size: number,
    options: { device?: DeviceLike | null; dtype?: DTypeLike | null } = {},
  ): Tensor {
    return causalMask(size, options);
  }
}
