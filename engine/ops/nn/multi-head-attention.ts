// Multi-head attention as in torch.nn.functional: projections, heads, masks, and the returned weights.
import { bool } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { filled } from '../indexing/index-kernels.js';
import { cat } from '../joining/cat-stack.js';
import { dropped } from './dropout.js';
import { linearOf } from './linear.js';
import { softmax } from './softmax.js';

const f64 = { dtype: 'float64' };
const tensor = (name: string): Param => ({ name, kind: 'tensor' });
const maybe = (name: string): Param => ({ name, kind: 'tensor', default: null });
const flag = (name: string, value: boolean): Param => ({ name, kind: 'bool', default: value });

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

const multiHead = 'multiHeadAttentionForward';

/** A mask to be added: a bool one becomes −∞ where it is set. */
function additive(mask: Tensor | null, like: Tensor): Tensor | null {
  if (mask === null || mask.dtype !== bool) return mask;
  return rawZeros(mask.sizes, like.dtype).maskedFill(mask, Number.NEGATIVE_INFINITY);
}

interface Projections {
  readonly packed: Tensor | null;
  readonly bias: Tensor | null;
  /** Of query, key and value, where they have their own. */
  readonly own: readonly (Tensor | null)[] | null;
}

/** Query, key and value through their linear maps. */
function projected(inputs: readonly Tensor[], p: Projections): Tensor[] {
  const biases = p.bias === null ? [null, null, null] : p.bias.chunk(3);
  if (p.own === null && p.packed === null) {
    refuse(
      multiHead,
      'in_proj_weight',
      'null',
      'use_separate_proj_weight is False but in_proj_weight is None',
    );
  }
  const weights = p.own ?? p.packed!.chunk(3);
  return inputs.map((x, i) => {
    const w = weights[i];
    if (w == null) {
      const name = `${'qkv'[i]}_proj_weight`;
      refuse(multiHead, name, 'null', `use_separate_proj_weight is True but ${name} is None`);
    }
    return linearOf(x, w, biases[i]!);
  });
}

/** One more column of zeros, for a key that every query may see. */
const widened = (mask: Tensor | null): Tensor | null =>
  mask === null ? null : cat.impl([mask, rawZeros([...mask.sizes.slice(0, -1), 1], mask.dtype)], -1);

interface Heads {
  readonly count: number;
  readonly size: number;
  readonly batch: number;
}

/** [length, batch, features] as [batch · heads, length, head size]. */
const perHead = (x: Tensor, h: Heads): Tensor =>
  x.reshape(x.sizes[0]!, h.batch * h.count, h.size).transpose(0, 1);

function checkMask(mask: Tensor, h: Heads, target: number, source: number): Tensor {
  const wanted = mask.ndim === 2 ? [target, source] : [h.batch * h.count, target, source];
  if (mask.ndim !== 2 && mask.ndim !== 3) {
    refuse(
      multiHead,
      'a mask of 2 or 3 dims',
      String(mask.ndim),
      `attn_mask's dimension ${mask.ndim} is not supported`,
    );
  }
  if (mask.sizes.some((size, d) => size !== wanted[d])) {
    const hint = `The shape of the ${mask.ndim}D attn_mask is ${showShape(mask.sizes)}, but should be (${wanted.join(', ')}).`;
    refuse(multiHead, `a mask of shape ${showShape(wanted)}`, showShape(mask.sizes), hint);
  }
  return mask.ndim === 2 ? mask.unsqueeze(0) : mask;
}

/** Everything but the inputs, as PyTorch's function has it. */
interface MultiHead extends Projections {
  readonly heads: number;
  readonly biasK: Tensor | null;
  readonly biasV: Tensor | null;
  readonly addZero: boolean;
  readonly dropout: number;
  readonly outWeight: Tensor;
  readonly outBias: Tensor | null;
  readonly padding: Tensor | null;
  readonly needWeights: boolean;
  readonly mask: Tensor | null;
  readonly staticK: Tensor | null;
  readonly staticV: Tensor | null;
  readonly average: boolean;
  readonly causal: boolean;
}

/** Keys and values per head, with the extra ones that biases and add_zero_attn ask for, and masks widened alike. */
interface Sources {
  k: Tensor;
  v: Tensor;
  mask: Tensor | null;
  padding: Tensor | null;
}

function sourcesOf(
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  padding: Tensor | null,
  h: Heads,
  m: MultiHead,
): Sources {
  let s: Sources = { k, v, mask, padding };
  if ((m.biasK === null) !== (m.biasV === null)) {
    refuse(multiHead, 'biasK and biasV', 'one of them', 'bias_k and bias_v must be set together');
  }
  if (m.biasK !== null && m.biasV !== null) {
    const [bk, bv] = [m.biasK.repeat([1, h.batch, 1]), m.biasV.repeat([1, h.batch, 1])];
    s = { k: cat.impl([k, bk], 0), v: cat.impl([v, bv], 0), mask: widened(mask), padding: widened(padding) };
  }
  s.k = m.staticK ?? perHead(s.k, h);
  s.v = m.staticV ?? perHead(s.v, h);
  if (!m.addZero) return s;
  const zero = rawZeros([h.batch * h.count, 1, h.size], s.k.dtype);
  return {
    k: cat.impl([s.k, zero], 1),
    v: cat.impl([s.v, zero], 1),
    mask: widened(s.mask),
    padding: widened(s.padding),
  };
}

/** The mask and the padding of keys as one mask to be added. */
function merged(s: Sources, h: Heads): Tensor | null {
  if (s.padding === null) return s.mask;
  const source = s.k.sizes[1]!;
  const wide = s.padding
    .reshape(h.batch, 1, 1, source)
    .expand([h.batch, h.count, 1, source])
    .reshape(h.batch * h.count, 1, source);
  return s.mask === null ? wide : s.mask.add(wide);
}

/** Of batched inputs [length, batch, features]. */
function multiHeadOf(inputs: readonly [Tensor, Tensor, Tensor], m: MultiHead): [Tensor, Tensor | null] {
  const [query] = inputs;
  const [target, batch, features] = query.sizes as readonly [number, number, number];
  const h: Heads = { count: m.heads, size: features / m.heads, batch };
  const [q, k, v] = projected(inputs, m) as [Tensor, Tensor, Tensor];
  const ignoresMask = m.causal && m.padding === null && !m.needWeights;
  const given = ignoresMask ? null : additive(m.mask, query);
  const mask = given === null ? null : checkMask(given, h, target, k.sizes[0]!);
  const s = sourcesOf(k, v, mask, additive(m.padding, query), h, m);
  const whole = merged(s, h);
  const scores = perHead(q, h)
    .mul(Math.sqrt(1 / h.size))
    .bmm(s.k.transpose(-2, -1));
  const causal = ignoresMask ? filled([target, s.k.sizes[1]!], 1, bool).tril() : null;
  const seen = causal === null ? scores : scores.maskedFill(causal.logicalNot(), Number.NEGATIVE_INFINITY);
  const soft = softmax.impl(whole === null ? seen : seen.add(whole), -1, null);
  const weights = dropped(soft, m.dropout, true, { op: multiHead, channels: false, alpha: false });
  const joined = weights
    .bmm(s.v)
    .transpose(0, 1)
    .reshape(target * batch, features);
  const out = linearOf(joined, m.outWeight, m.outBias).reshape(target, batch, -1);
  if (!m.needWeights) return [out, null];
  const apart = weights.reshape(batch, m.heads, target, s.k.sizes[1]!);
  return [out, m.average ? apart.mean(1) : apart];
}

function checkMultiHead(query: Tensor, key: Tensor, features: number, heads: number): void {
  if (query.ndim !== 2 && query.ndim !== 3) {
    const hint = `query should be unbatched 2D or batched 3D tensor but received ${query.ndim}-D query tensor`;
    refuse(multiHead, 'a query of 2 or 3 dims', showShape(query.sizes), hint);
  }
  if (key.ndim !== query.ndim) {
    const hint = `For ${query.ndim}-D query, expected key and value to be ${query.ndim}-D but found ${key.ndim}-D`;
    refuse(multiHead, `a key of ${query.ndim} dims`, showShape(key.sizes), hint);
  }
  if (query.sizes.at(-1) !== features || features % heads !== 0) {
    const hint = `was expecting embedding dimension of ${features}, divisible by ${heads}, but got ${query.sizes.at(-1)}`;
    refuse(multiHead, `${features} features for ${heads} heads`, String(query.sizes.at(-1)), hint);
  }
}

export const multiHeadAttentionForward = defineOp({
  name: multiHead,
  torch: 'torch.nn.functional.multi_head_attention_forward',
  doc: 'Attention in several heads of inputs [length, batch, features] or [length, features], between linear maps; also the attention weights, null without need_weights.',
  returns: '[Tensor, Tensor | null]',
  variants: ['function'],
  params: [
    tensor('query'),
    tensor('key'),
    tensor('value'),
    { name: 'embed_dim_to_check', kind: 'int' },
    { name: 'num_heads', kind: 'int' },
    maybe('in_proj_weight'),
    maybe('in_proj_bias'),
    maybe('bias_k'),
    maybe('bias_v'),
    { name: 'add_zero_attn', kind: 'bool' },
    { name: 'dropout_p', kind: 'scalar' },
    tensor('out_proj_weight'),
    maybe('out_proj_bias'),
    flag('training', true),
    maybe('key_padding_mask'),
    flag('need_weights', true),
    maybe('attn_mask'),
    flag('use_separate_proj_weight', false),
    maybe('q_proj_weight'),
    maybe('k_proj_weight'),
    maybe('v_proj_weight'),
    maybe('static_k'),
    maybe('static_v'),
    flag('average_attn_weights', true),
    flag('is_causal', false),
  ],
  compose: (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    features: number,
    heads: number,
    packed: Tensor | null,
    bias: Tensor | null,
    biasK: Tensor | null,
    biasV: Tensor | null,
    addZero: boolean,
    dropout: number,
    outWeight: Tensor,
    outBias: Tensor | null,
    training: boolean,
    padding: Tensor | null,
    needWeights: boolean,
    mask: Tensor | null,
    separate: boolean,
    qWeight: Tensor | null,
    kWeight: Tensor | null,
    vWeight: Tensor | null,
    staticK: Tensor | null,
    staticV: Tensor | null,
    average: boolean,
    causal: boolean,
  ): [Tensor, Tensor | null] => {
    checkMultiHead(query, key, features, heads);
    if (causal && mask === null) {
      refuse(
        multiHead,
        'attn_mask with is_causal',
        'null',
        'Need attn_mask if specifying the is_causal hint.',
      );
    }
    const own = separate ? [qWeight, kWeight, vWeight] : null;
    const settings = { packed, bias, own, heads, biasK, biasV, addZero, outWeight, outBias, padding };
    const more = { needWeights, mask, staticK, staticV, average, causal, dropout: training ? dropout : 0 };
    if (query.ndim === 3) return multiHeadOf([query, key, value], { ...settings, ...more });
    const inputs = [query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)] as const;
    const all = { ...settings, ...more, padding: padding?.unsqueeze(0) ?? null };
    const [out, weights] = multiHeadOf(inputs, all);
    return [out.squeeze(1), weights?.squeeze(0) ?? null];
  },
  tests: () => ({
    samples: [
      call([
        t([3, 2, 4], f64),
        t([5, 2, 4], f64),
        t([5, 2, 4], f64),
        4,
        2,
        t([12, 4], f64),
        t([12], f64),
        null,
        null,
        false,
        0,
        t([4, 4], f64),
        t([4], f64),
      ]),
      call(
        [
          t([3, 4], f64),
          t([3, 4], f64),
          t([3, 4], f64),
          4,
          2,
          t([12, 4], f64),
          t([12], f64),
          t([1, 1, 4], f64),
          t([1, 1, 4], f64),
          true,
          0,
          t([4, 4], f64),
          null,
        ],
        { attn_mask: t([3, 3], f64), average_attn_weights: false },
      ),
    ],
    errors: [
      {
        args: [
          t([3, 4]),
          t([3, 4]),
          t([3, 4]),
          4,
          2,
          t([12, 4]),
          null,
          null,
          null,
          false,
          0,
          t([4, 4]),
          null,
        ],
        kwargs: { attn_mask: t([2, 2]) },
        throws: 'RuntimeError',
      },
    ],
  }),
});
