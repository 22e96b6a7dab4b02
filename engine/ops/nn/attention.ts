// Scaled dot-product attention: two matrix products and a softmax.

import { gradMode } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import { kernelsOf } from '../../core/device.js';
import { bool, computedIn, float64 } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { expandsTo } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { filled } from '../indexing/index-kernels.js';
import { attendBlocks, attentionGradients, canAttend, type Heads } from './_attention-blocks.js';
import { dropped } from './dropout.js';
import { safeSoftmaxOf } from './softmax.js';

const f64 = { dtype: 'float64' };
const tensor = (name: string): Param => ({ name, kind: 'tensor' });
const maybe = (name: string): Param => ({ name, kind: 'tensor', default: null });

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

interface Attention {
  readonly mask: Tensor | null;
  readonly dropout: number;
  readonly causal: boolean;
  readonly scale: number | null;
  readonly grouped: boolean;
}

function checkAttention(op: string, parts: readonly Tensor[], mask: Tensor | null, causal: boolean): void {
  const [q, k, v] = parts.map((x) => x.ndim);
  for (const { dtype } of parts) {
    if (dtype.isIntegral)
      refuse(op, 'a floating dtype', dtype.name, `expected a floating dtype but found ${dtype.title}`);
  }
  if (parts.some((x) => x.ndim < 2)) {
    const hint = `Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ${q} key.dim: ${k} and value.dim: ${v} instead.`;
    refuse(op, 'at least 2 dims', `${q}, ${k} and ${v}`, hint);
  }
  const dtypes = parts.map((x) => x.dtype.name);
  if (dtypes.some((d) => d !== dtypes[0])) {
    const hint = `Expected query, key, and value to have the same dtype, but got query.dtype: ${dtypes[0]} key.dtype: ${dtypes[1]} and value.dtype: ${dtypes[2]} instead.`;
    refuse(op, 'one dtype', dtypes.join(', '), hint);
  }
  if (mask !== null && causal) {
    const hint = '_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True';
    refuse(op, 'a mask or isCausal', 'both', hint);
  }
  if (mask !== null && mask.dtype !== bool && mask.dtype !== parts[0]!.dtype) {
    const hint = `Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ${mask.dtype.name} and query.dtype: ${dtypes[0]} instead.`;
    refuse(op, `a mask of bool or ${dtypes[0]}`, mask.dtype.name, hint);
  }
}

/** The scores with what must not be seen at −∞. */
function masked(scores: Tensor, a: Attention): Tensor {
  if (a.causal) {
    const seen = filled(scores.sizes.slice(-2), 1, bool).tril();
    return scores.maskedFill(seen.logicalNot(), Number.NEGATIVE_INFINITY);
  }
  if (a.mask === null) return scores;
  if (a.mask.dtype !== bool) return scores.add(a.mask);
  return scores.maskedFill(a.mask.logicalNot(), Number.NEGATIVE_INFINITY);
}

/** Heads of keys or values repeated for the query's heads that share them. */
function shared(op: string, x: Tensor, query: Tensor): Tensor {
  const [want, have] = [query.sizes.at(-3) ?? 1, x.sizes.at(-3) ?? 1];
  if (want === have) return x;
  if (want % have !== 0) {
    const hint = `Number of heads in key and value must divide the number of heads in query, but got ${want} and ${have}`;
    refuse(op, `heads that divide ${want}`, String(have), hint);
  }
  return x.repeatInterleave(want / have, -3);
}

function attend(op: string, q: Tensor, rawKey: Tensor, rawValue: Tensor, a: Attention): Tensor {
  const [k, v] = a.grouped ? [shared(op, rawKey, q), shared(op, rawValue, q)] : [rawKey, rawValue];
  const scale = a.scale ?? 1 / Math.sqrt(q.sizes.at(-1)!);
  if (q.dtype.isFloatingPoint && q.dtype !== float64 && scoresOf(q, k) < fewScores)
    return attendFinely(op, q, k, v, { ...a, scale });
  const dtype = computedIn(q.dtype);
  const wide = [q, k, v].map((x) => x.to(dtype)) as [Tensor, Tensor, Tensor];
  const mask = a.mask === null || a.mask.dtype === bool ? a.mask : a.mask.to(dtype);
  const simple = a.dropout === 0 && mask?.requiresGrad !== true;
  const found =
    simple && canAttend(...wide) && fitsMask(mask, wide[0], wide[1])
      ? byBlocks(op, ...wide, { ...a, mask, scale })
      : dropped(weightsOf(wide[0], wide[1], { ...a, mask, scale }), a.dropout, true, plainDropout(op)).matmul(
          wide[2],
        );
  return found.to(q.dtype);
}

/** Below so many scores a call is bound by its overhead, not by their precision. */
const fewScores = 1 << 14;
const scoresOf = (q: Tensor, k: Tensor): number =>
  (q.length / Math.max(1, q.sizes.at(-1)!)) * k.sizes.at(-2)!;
const plainDropout = (op: string) => ({ op, channels: false, alpha: false });

/** An exponential makes of the rounding of a score what its size says: a few scores are kept in float64. */
function attendFinely(op: string, q: Tensor, k: Tensor, v: Tensor, a: Scaled): Tensor {
  const weights = weightsOf(q.to(float64), k.to(float64), a).to(q.dtype);
  return dropped(weights, a.dropout, true, plainDropout(op)).matmul(v);
}

type Scaled = Attention & { readonly scale: number };

/** The weights as ops that are recorded. */
const weightsOf = (q: Tensor, k: Tensor, a: Scaled): Tensor =>
  safeSoftmaxOf(masked(q.mul(a.scale).matmul(k.transpose(-2, -1)), a), -1);

/** Whether a mask adds no dims of its own. */
function fitsMask(mask: Tensor | null, q: Tensor, k: Tensor): boolean {
  return mask === null || expandsTo(mask.sizes, [...q.sizes.slice(0, -1), k.sizes.at(-2)!]);
}

function byBlocks(op: string, q: Tensor, k: Tensor, v: Tensor, a: Scaled): Tensor {
  const parts = [q, k, v];
  kernelsOf(op, a.mask === null ? parts : [...parts, a.mask]);
  const { mask, causal, scale } = a;
  const { out, weights } = attendBlocks({ op, q, k, v, mask, causal, scale });
  return record('ScaledDotProductFlashAttentionForCpuBackward0', out, parts, (save) => {
    const saved = parts.map(save);
    const seen = mask && save(mask);
    return ([g]) => {
      const [x, y, z] = saved.map((one) => one.get()) as [Tensor, Tensor, Tensor];
      const heads = { op, q: x, k: y, v: z, mask: seen === null ? null : seen.get(), causal, scale };
      return gradMode.enabled ? recorded(heads, a, g!) : attentionGradients(heads, weights, g!);
    };
  });
}

/** The same gradients as ops that are recorded. */
function recorded({ q, k, v, scale }: Heads, a: Scaled, g: Tensor): Tensor[] {
  const p = weightsOf(q, k, a);
  const dp = g.matmul(v.transpose(-2, -1));
  const ds = p.mul(dp.sub(dp.mul(p).sum(-1, true))).mul(scale);
  return [ds.matmul(k), ds.transpose(-2, -1).matmul(q), p.transpose(-2, -1).matmul(g)];
}

export const scaledDotProductAttention = defineOp({
  name: 'scaledDotProductAttention',
  torch: 'torch.nn.functional.scaled_dot_product_attention',
  doc: 'softmax(query · keyᵀ · scale + mask) · value over [..., length, features]; a bool mask says what may be seen, is_causal hides what comes later.',
  variants: ['function'],
  params: [
    tensor('query'),
    tensor('key'),
    tensor('value'),
    maybe('attn_mask'),
    { name: 'dropout_p', kind: 'scalar', default: 0 },
    { name: 'is_causal', kind: 'bool', default: false },
    { name: 'scale', kind: 'scalar', default: null, keyword: true },
    { name: 'enable_gqa', kind: 'bool', default: false, keyword: true },
  ],
  compose: (
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | null,
    dropout: number,
    causal: boolean,
    scale: number | null,
    grouped: boolean,
  ): Tensor => {
    const op = 'scaledDotProductAttention';
    checkAttention(op, [q, k, v], mask, causal);
    return attend(op, q, k, v, { mask, dropout, causal, scale, grouped });
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 4]), t([2, 5, 4]), t([2, 5, 6])]),
      call([t([2, 2, 3, 4], f64), t([2, 2, 3, 4], f64), t([2, 2, 3, 4], f64)], {
        is_causal: true,
        scale: 0.3,
      }),
      call([t([2, 4, 3, 4]), t([2, 2, 5, 4]), t([2, 2, 5, 4]), t([3, 5], { dtype: 'bool', fill: 'ones' })], {
        enable_gqa: true,
      }),
      call([t([3, 4]), t([5, 4]), t([5, 4]), t([3, 5])]),
    ],
    errors: [
      { args: [t([3]), t([3]), t([3])], throws: 'RuntimeError' },
      {
        args: [t([3, 2]), t([3, 2]), t([3, 2]), t([3, 3])],
        kwargs: { is_causal: true },
        throws: 'RuntimeError',
      },
      { args: [t([3, 2]), t([3, 2], f64), t([3, 2])], throws: 'RuntimeError' },
    ],
  }),
});
