// p-distances along the last dim of two broadcast tensors in one reduction, with gradients. They declare no ops.
import { gradMode } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import type { DType } from '../../core/dtype.js';
import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr, input, param } from '../../pointwise/expr.js';
import { PointwiseFunction } from '../../pointwise/function.js';
import { reduce } from '../../pointwise/reduction.js';
import { sumTo } from '../reduction/sum-mean-prod.js';

interface Metric {
  readonly reducer: 'sum' | 'max';
  /** Of |a − b|. */
  readonly part: (apart: Expr, p: Expr) => Expr;
  /** Of the reduced parts. */
  readonly whole?: (total: Expr, p: Expr) => Expr;
  /** The derivative by a, from the difference and the distance. PyTorch takes 0 where the distance is 0. */
  readonly slope: (difference: Expr, distance: Expr, p: Expr) => Expr;
}

const sign = (x: Expr): Expr => apply('sign', x);
const root = (total: Expr, p: Expr): Expr => total.pow(p.reciprocal());
/** `value` where the distance is not 0; the divisor is harmless elsewhere, so that no derivative meets 0 / 0. */
const unlessZero = (distance: Expr, value: (safe: Expr) => Expr): Expr => {
  const none = distance.eq(0);
  return none.where(0, value(none.where(1, distance)));
};
/** x^e, 0 where x is 0. */
const powerOrZero = (x: Expr, e: Expr): Expr => {
  const none = x.eq(0);
  return none.where(0, none.where(1, x).pow(e));
};

const metrics = {
  zero: { reducer: 'sum', part: (d) => d.ne(0), slope: () => expr(0) },
  one: { reducer: 'sum', part: (d) => d, slope: (x) => sign(x) },
  two: {
    reducer: 'sum',
    part: (d) => d.mul(d),
    whole: (total) => total.sqrt(),
    slope: (x, d) => unlessZero(d, (safe) => x.div(safe)),
  },
  infinite: { reducer: 'max', part: (d) => d, slope: (x, d) => x.abs().eq(d).where(sign(x), 0) },
  low: {
    reducer: 'sum',
    part: (d, p) => d.pow(p),
    whole: root,
    slope: (x, d, p) =>
      unlessZero(d, (safe) =>
        sign(x)
          .mul(powerOrZero(x.abs(), p.sub(1)))
          .div(safe.pow(p.sub(1))),
      ),
  },
  high: {
    reducer: 'sum',
    part: (d, p) => d.pow(p),
    whole: root,
    slope: (x, d, p) =>
      unlessZero(d, (safe) => x.mul(powerOrZero(x.abs(), p.sub(2))).div(safe.pow(p.sub(1)))),
  },
} satisfies Readonly<Record<string, Metric>>;

function metricOf(p: number): Metric {
  if (p === 0) return metrics.zero;
  if (p === 1) return metrics.one;
  if (p === 2) return metrics.two;
  if (p === Number.POSITIVE_INFINITY) return metrics.infinite;
  return p < 2 ? metrics.low : metrics.high;
}

const p0 = param(0);
const [x0, x1, x2, x3] = [input(0), input(1), input(2), input(3)];
const slopes = new Map<Metric, Expr>();
const functions = new Map<Metric, PointwiseFunction>();

/** g · slope, over the gradient, a, b and the distance. */
function slopeOf(m: Metric): Expr {
  let found = slopes.get(m);
  if (found === undefined) {
    found = x0.mul(m.slope(x1.sub(x2), x3, p0));
    slopes.set(m, found);
  }
  return found;
}
function functionOf(m: Metric): PointwiseFunction {
  let found = functions.get(m);
  if (found === undefined) {
    found = new PointwiseFunction('distance', 'DistanceBackward0', slopeOf(m), 4);
    functions.set(m, found);
  }
  return found;
}

/** The slope summed to the shape of a or b, in the same pass where it is not recorded itself. */
function gradientTo(
  m: Metric,
  inputs: readonly Tensor[],
  p: number,
  to: Shape,
  dtype: DType,
  full: readonly number[],
): Tensor {
  if (gradMode.enabled) return sumTo(functionOf(m).apply(inputs, [p], [null]), to);
  const lead = full.length - to.length;
  const out = reduce({
    op: 'distance',
    reducer: 'sum',
    prologue: slopeOf(m),
    inputs,
    params: [p],
    compute: dtype,
    out: dtype,
    reduced: full.map((size, d) => d < lead || (to[d - lead] === 1 && size !== 1)),
    keepdim: true,
  });
  return out.reshape(to);
}

/** (Σ |a − b|^p)^(1/p) along the last dim of a and b, which broadcast and have one floating dtype; p may be 0 or Infinity. */
export function distance(op: string, node: string, a: Tensor, b: Tensor, p: number): Tensor {
  const m = metricOf(p);
  const n = Math.max(a.ndim, b.ndim);
  const apart = m.part(x0.sub(x1).abs(), p0);
  const out = reduce({
    op,
    reducer: m.reducer,
    prologue: apart,
    inputs: [a, b],
    params: [p],
    ...(m.whole === undefined ? {} : { epilogue: m.whole(x0, p0), epilogueParams: [p] }),
    compute: a.dtype,
    out: a.dtype,
    reduced: Array.from({ length: n }, (_, d) => d === n - 1),
    keepdim: false,
  });
  return record(node, out, [a, b], (save, made) => {
    const [first, second, result] = [save(a), save(b), save(out)];
    const [left, right] = [a.sizes, b.sizes];
    const full = [...out.sizes, Math.max(left.at(-1)!, right.at(-1)!)];
    return ([g]) => {
      const inputs = [g!.unsqueeze(-1), first.get(), second.get(), result.get().unsqueeze(-1)];
      return [
        made.next[0] === null ? null : gradientTo(m, inputs, p, left, a.dtype, full),
        made.next[1] === null ? null : gradientTo(m, inputs, p, right, b.dtype, full).neg(),
      ];
    };
  });
}
