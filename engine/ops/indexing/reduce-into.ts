// Reduction of a source into indexed places (sum, prod, mean, amax, amin), with gradients. scatterReduce and
// indexReduce say which places. It declares no ops.
import { noGrad } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import type { DType } from '../../core/dtype.js';
import { message, NotImplementedError } from '../../core/errors.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { copyOf, rawCopy } from '../../pointwise/copy.js';
import { cast } from '../creation/copy-fill-cast.js';
import { div, mul } from '../pointwise/arithmetic.js';
import { eq, logicalAnd } from '../pointwise/compare.js';
import { filled, type PutMode } from './index-kernels.js';
import { maskedFill, where } from './masked.js';

export type Reduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin';

/** The places of a tensor that an index names, one for each element of a source. */
export interface Places {
  readonly nodeName: string;
  /** What the rest reads: kept for backward. */
  readonly index: Tensor;
  /** What lies there, in the source's shape. Differentiable. */
  pick(x: Tensor): Tensor;
  /** `x` with `source` added there. Differentiable. */
  add(x: Tensor, source: Tensor): Tensor;
  /** `x` with 0 there. Differentiable. */
  clear(x: Tensor): Tensor;
  /** Combines `source`, which broadcasts, into what `out` has there. No history. */
  put(out: Tensor, mode: PutMode, source: Tensor): void;
}

const modes: Readonly<Record<Reduction, PutMode>> = {
  sum: 'add',
  mean: 'add',
  prod: 'multiply',
  amax: 'amax',
  amin: 'amin',
};

const bits: Readonly<Record<string, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

/** What an empty reduction starts from. */
function identity(kind: Reduction, dtype: DType): Scalar {
  if (kind === 'prod') return 1;
  if (kind === 'sum' || kind === 'mean') return 0;
  const least = kind === 'amax';
  if (!dtype.isIntegral) return least ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const width = bits[dtype.name];
  if (width === undefined) return least ? 0 : dtype.name === 'bool' ? 1 : 255;
  const half = 2n ** BigInt(width - 1);
  return least ? -half : half - 1n;
}

/** The reduced values; no history. */
function computed(p: Places, x: Tensor, source: Tensor, kind: Reduction, includeSelf: boolean): Tensor {
  const out = copyOf(x);
  if (source.length === 0) return out;
  if (!includeSelf) p.put(out, 'replace', filled([], identity(kind, x.dtype), x.dtype));
  p.put(out, modes[kind], source);
  if (kind === 'mean')
    noGrad(() =>
      rawCopy(out, div.impl(out, counted(p, x, includeSelf), x.dtype.isIntegral ? 'floor' : null)),
    );
  return out;
}

/** How many values each element of `x` is the mean of; at least 1. */
function counted(p: Places, x: Tensor, includeSelf: boolean): Tensor {
  const counts = filled(x.sizes, includeSelf ? 1 : 0, x.dtype);
  p.put(counts, 'add', filled([], 1, x.dtype));
  return includeSelf ? counts : maskedFill.impl(counts, eq.impl(counts, 0), 1);
}

/** @throws NotImplementedError for dtypes that a reduction is not for, as PyTorch. */
export function requireNumbers(op: string, dtype: DType): void {
  if (dtype.name === 'bool' || dtype.isComplex)
    throw new NotImplementedError(
      message(op, 'real numbers', dtype.name, `"${op}" not implemented for '${dtype.title}'`),
    );
}

/** `x` with `source` reduced into its places; `includeSelf` counts what is there already. */
export function reducedInto(
  p: Places,
  x: Tensor,
  source: Tensor,
  kind: Reduction,
  includeSelf: boolean,
): Tensor {
  const out = computed(p, x, source, kind, includeSelf);
  return record(p.nodeName, out, [x, source], (save) => {
    const kept = [save(x), save(source), save(out)] as const;
    const index = save(p.index);
    return ([g]) => {
      const [a, b, c] = kept;
      index.get();
      const parts = gradients(p, kind, includeSelf, { g: g!, x: a.get(), source: b.get(), out: c.get() });
      return [includeSelf ? parts[0] : p.clear(parts[0]), parts[1]];
    };
  });
}

interface Saved {
  readonly g: Tensor;
  readonly x: Tensor;
  readonly source: Tensor;
  readonly out: Tensor;
}

function gradients(p: Places, kind: Reduction, includeSelf: boolean, s: Saved): [Tensor, Tensor] {
  if (kind === 'sum') return [s.g, p.pick(s.g)];
  if (kind === 'prod') return productGradients(p, includeSelf, s);
  if (kind === 'mean') {
    const share = div.impl(
      s.g,
      noGrad(() => counted(p, s.x, includeSelf)),
    );
    return [share, p.pick(share)];
  }
  const ownWins = cast(eq.impl(s.x, s.out), s.g.dtype);
  const wins = cast(eq.impl(s.source, p.pick(s.out)), s.g.dtype);
  const share = div.impl(s.g, p.add(ownWins, wins));
  return [mul.impl(ownWins, share), mul.impl(wins, p.pick(share))];
}

/** A product's gradient is the product of the others: a zero is taken out before dividing by it. */
function productGradients(p: Places, includeSelf: boolean, s: Saved): [Tensor, Tensor] {
  const without = maskedFill.impl(s.x, eq.impl(s.x, 0), 1);
  const others = reducedInto(p, without, s.source, 'prod', includeSelf);
  const own = div.impl(mul.impl(s.g, others), without);
  const zero = eq.impl(s.source, 0);
  const zeros = p.pick(p.add(filled(s.x.sizes, 0, s.x.dtype), cast(zero, s.x.dtype)));
  const single = logicalAnd.impl(zero, eq.impl(zeros, 1));
  const masked = maskedFill.impl(s.source, single, 1);
  const rest = reducedInto(p, s.x, masked, 'prod', includeSelf);
  const part = where.impl(
    single,
    p.pick(mul.impl(s.g, rest)),
    div.impl(p.pick(mul.impl(s.g, s.out)), maskedFill.impl(s.source, zero, 1)),
  );
  return [own, part];
}
