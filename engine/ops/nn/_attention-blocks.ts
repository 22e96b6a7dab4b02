// Attention by blocks of queries, without history: the scores of a block, their softmax and its product with the values, so
// that the whole matrix of scores is never there (the memory of FlashAttention, Dao et al. 2022). The backward pass computes
// the weights of each block again.
//   const { out, weights } = attendBlocks({ op, q, k, v, mask, causal, scale });
import { bool } from '../../core/dtype.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { broadcastStrides, numelOf, type Shape, sameShape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { input, param } from '../../pointwise/expr.js';
import { type RowPipeline, rowPipeline, runRows } from '../../pointwise/rowwise.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { filled } from '../indexing/index-kernels.js';
import { canAccumulate, multiplyInto } from '../linalg/gemm.js';

/** Queries [..., L, E], keys [..., S, E] and values [..., S, V] with the same leading dims. */
export interface Heads {
  readonly op: string;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** Added to the scores, or of bool: what may be seen. Broadcasts to [..., L, S]. */
  readonly mask: Tensor | null;
  readonly causal: boolean;
  readonly scale: number;
}

/** Scores of one block: few enough to stay near the processor, with enough rows for a product. */
const blockScores = 1 << 20;
const leastRows = 64;

const [x0, x1] = [input(0), input(1)];
const scale = param(0);
const nothing = Number.NEGATIVE_INFINITY;

/** The softmax of scaled scores; 0 for a row of which nothing may be seen. */
function softmaxOf(kind: 'plain' | 'bool' | 'added'): RowPipeline {
  return rowPipeline(kind === 'plain' ? 1 : 2, (rows) => {
    const scaled = x0.mul(scale);
    const seen = kind === 'plain' ? scaled : kind === 'bool' ? x1.where(scaled, nothing) : scaled.add(x1);
    const most = rows.reduce('max', seen, (max) => max.eq(nothing).where(0, max));
    const e = seen.sub(most).exp();
    return e.mul(rows.reduce('sum', e, (sum) => sum.eq(0).where(0, sum.reciprocal())));
  });
}
const [plain, seenOnly, addedTo] = [softmaxOf('plain'), softmaxOf('bool'), softmaxOf('added')];

/** The gradient of the unscaled scores, from that of the weights and the weights. */
const scoresGradient = rowPipeline(2, (rows) => x1.mul(x0.sub(rows.reduce('sum', x0.mul(x1)))).mul(scale));

/** Whether attention over these can go by blocks. Others broadcast, or have a device or dtype without such products. */
export function canAttend(q: Tensor, k: Tensor, v: Tensor): boolean {
  const lead = q.sizes.slice(0, -2);
  const same = [k, v].every((x) => x.ndim === q.ndim && sameShape(x.sizes.slice(0, -2), lead));
  const fits = k.sizes.at(-1) === q.sizes.at(-1) && k.sizes.at(-2) === v.sizes.at(-2);
  const some = [q, k, v].every((x) => x.length > 0);
  return same && fits && some && q.dtype.isFloatingPoint && canAccumulate(q);
}

/** The attention, and its weights where one block holds them all. */
export function attendBlocks(h: Heads): { out: Tensor; weights: Tensor | null } {
  const lead = h.q.sizes.slice(0, -2);
  const out = newTensor([...lead, h.q.sizes.at(-2)!, h.v.sizes.at(-1)!], h.q.dtype);
  let weights: Tensor | null = null;
  for (const block of blocksOf(h)) {
    const p = weightsOf(h, block);
    multiplyInto(h.op, rowsOf(out, block), p, firstRows(h.v, block.keys), false);
    if (block.whole) weights = p;
    else p.storage.release();
  }
  return { out, weights };
}

/** The gradients of queries, keys and values from that of the attention; `weights` are those of attendBlocks. */
export function attentionGradients(h: Heads, weights: Tensor | null, g: Tensor): [Tensor, Tensor, Tensor] {
  const { op, q, k, v } = h;
  const blocks = blocksOf(h);
  // What several blocks add to starts from 0, and so do keys that no query sees.
  const fresh = blocks.length === 1 && blocks[0]!.keys === k.sizes.at(-2);
  const made = (x: Tensor): Tensor => (fresh ? newTensor(x.sizes, x.dtype) : rawZeros(x.sizes, x.dtype));
  const [dq, dk, dv] = [newTensor(q.sizes, q.dtype), made(k), made(v)];
  for (const block of blocks) {
    const p = weights ?? weightsOf(h, block);
    const [rows, keys] = [block.to - block.from, block.keys];
    const dp = newTensor([...q.sizes.slice(0, -2), rows, keys], q.dtype);
    const gb = rowsOf(g, block);
    multiplyInto(op, firstRows(dv, keys), turned(p), gb, !fresh);
    multiplyInto(op, dp, gb, turned(firstRows(v, keys)), false);
    const ds = newTensor(dp.sizes, q.dtype);
    const row = lastDim(q.ndim);
    runRows({
      op,
      pipeline: scoresGradient,
      inputs: [dp, p],
      params: [h.scale],
      compute: q.dtype,
      out: ds,
      row,
    });
    multiplyInto(op, rowsOf(dq, block), ds, firstRows(k, keys), false);
    multiplyInto(op, firstRows(dk, keys), turned(ds), rowsOf(q, block), !fresh);
    for (const used of weights === null ? [p, dp, ds] : [dp, ds]) used.storage.release();
  }
  return [dq, dk, dv];
}

interface Block {
  readonly from: number;
  readonly to: number;
  /** How many keys its last query sees. */
  readonly keys: number;
  /** The only one. */
  readonly whole: boolean;
}

function blocksOf({ q, k, causal }: Heads): Block[] {
  const [queries, keys] = [q.sizes.at(-2)!, k.sizes.at(-2)!];
  const heads = numelOf(q.sizes.slice(0, -2));
  const rows = Math.max(leastRows, Math.floor(blockScores / (heads * keys)));
  const blocks: Block[] = [];
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    blocks.push({ from, to, keys: causal ? Math.min(keys, to) : keys, whole: rows >= queries });
  }
  return blocks;
}

/** softmax(q · kᵀ · scale + mask) of a block. */
function weightsOf(h: Heads, block: Block): Tensor {
  const { op, q, k } = h;
  const [rows, { keys }] = [block.to - block.from, block];
  const scores = newTensor([...q.sizes.slice(0, -2), rows, keys], q.dtype);
  multiplyInto(op, scores, rowsOf(q, block), turned(firstRows(k, keys)), false);
  const out = newTensor(scores.sizes, q.dtype);
  const mask = maskOf(h, block);
  const pipeline = mask === null ? plain : mask.dtype === bool ? seenOnly : addedTo;
  const inputs = mask === null ? [scores] : [scores, mask];
  runRows({ op, pipeline, inputs, params: [h.scale], compute: q.dtype, out, row: lastDim(q.ndim) });
  scores.storage.release();
  return out;
}

function maskOf({ q, k, mask, causal }: Heads, { from, to, keys }: Block): Tensor | null {
  // A single query sees exactly the keys that are left to its block.
  if (causal) return to - from === 1 ? null : filled([to - from, keys], 1, bool).tril(from);
  if (mask === null) return null;
  const shape = [...q.sizes.slice(0, -1), k.sizes.at(-2)!];
  const strides = broadcastStrides(mask.sizes, mask.strides, shape);
  const whole = seenAs(mask, shape, strides);
  return rowsOf(whole, { from, to, keys, whole: false });
}

const lastDim = (ndim: number): boolean[] => Array.from({ length: ndim }, (_, d) => d === ndim - 1);
const withSize = (shape: Shape, d: number, size: number): Shape =>
  shape.map((s, i) => (i === shape.length + d ? size : s));

/** A block's rows of a [..., L, n] tensor. */
function rowsOf(x: Tensor, { from, to }: Block): Tensor {
  if (from === 0 && to === x.sizes.at(-2)) return x;
  return seenAs(x, withSize(x.sizes, -2, to - from), x.strides, x.offset + from * x.strides.at(-2)!);
}
/** The first rows of a [..., S, n] tensor. */
function firstRows(x: Tensor, rows: number): Tensor {
  return rows === x.sizes.at(-2) ? x : seenAs(x, withSize(x.sizes, -2, rows), x.strides);
}
/** The last two dims exchanged. */
function turned(x: Tensor): Tensor {
  const swap = (list: Shape): Shape => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
  return seenAs(x, swap(x.sizes), swap(x.strides));
}
