// var, std, their forms with means, and logsumexp: reductions whose prologue does the work.

import { record } from '../../autograd/node.js';
import { type DType, float64, getDefaultDtype, partOf } from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError } from '../../core/errors.js';
import { alias } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { apply, expr, input, param } from '../../pointwise/expr.js';
import { isPlain, reduce, reducedShape } from '../../pointwise/reduction.js';
import { defineOp, type Param } from '../../registry/define.js';
import { dimsOf, maskOf } from '../../registry/dims.js';
import { call, t } from '../../registry/samples.js';
import { countOf, type Dims, keepdimParam, mean, plainMean, restored, self, sum } from './sum-mean-prod.js';

const x0 = input(0);

interface Moments {
  readonly name: string;
  readonly doc: string;
  readonly root: boolean;
}

/** PyTorch's two forms in one, (dim, unbiased) and (dim, correction); a boolean `dim` is the unbiased of var(x, unbiased). */
const momentParams: readonly Param[] = [
  self,
  { name: 'dim', kind: 'any', type: 'number | readonly number[] | boolean', default: null },
  { name: 'unbiased', kind: 'bool', default: null, keyword: true },
  { name: 'correction', kind: 'scalar', default: null, keyword: true },
  { ...keepdimParam, keyword: true },
];
const momentOptions =
  'options?: { unbiased?: boolean | null | undefined; correction?: number | null | undefined; keepdim?: boolean | undefined }';
const momentCall = (result: string): string =>
  `(dim?: number | readonly number[] | boolean | null, ${momentOptions}): ${result}`;
type MomentArgs = readonly [Tensor, unknown, boolean | null, number | null, boolean];

/** The dims and the correction that a call means. @throws ArgumentError */
function momentArgs(op: string, args: MomentArgs): { dim: Dims; correction: number } {
  const [, raw, unbiased, given] = args;
  const bias = typeof raw === 'boolean' ? raw : unbiased;
  // A copy: the backward pass reads it again. It also makes holes visible.
  const dim = typeof raw === 'boolean' ? null : Array.isArray(raw) ? [...raw] : raw;
  const whole = (d: unknown): boolean => Number.isInteger(d);
  if (dim !== null && !whole(dim) && !(Array.isArray(dim) && dim.every(whole)))
    throw new ArgumentError(message(op, "'dim' to be an integer or a list of integers", describe(dim)));
  return { dim: dim as Dims, correction: given ?? (bias === false ? 0 : 1) };
}

/**
 * The variance's gradient, of a gradient `g` for each element of `x`. Without degrees of freedom PyTorch's over all dims is infinite,
 * or NaN at the mean; along dims it follows the formula.
 */
function varianceGradient(g: Tensor, x: Tensor, dim: Dims, freedom: number): Tensor {
  const apart = x.sub(x.mean(dim, true));
  if (freedom > 0 || (dim !== null && x.ndim > 0)) return g.mul(apart).mul(2 / freedom);
  const endless = x.detach().mul(0).maskedFill(apart.detach().ne(0), Number.POSITIVE_INFINITY);
  return g.mul(endless.maskedFill(apart.detach().eq(0), Number.NaN));
}

/** var and std. */
function moment(m: Moments) {
  return defineOp({
    name: m.name,
    doc: m.doc,
    params: momentParams,
    signatures: [momentCall('Tensor')],
    kernel: (...args: MomentArgs): Tensor => {
      const [x, , , , keepdim] = args;
      requireFloatMoment(m.name, x.dtype);
      const { dim, correction } = momentArgs(m.name, args);
      const mask = maskOf(dimsOf(m.name, dim, x.ndim), x.ndim);
      const n = countOf(x.sizes, mask);
      const center = n === x.length && isPlain(x) ? plainMean(x) : reduce(meanOf(x, mask, n));
      const squared = input(0).sub(input(1));
      const scaled = x0.div(param(0));
      const out = reduce({
        op: m.name,
        reducer: 'sum',
        prologue: apply('real', squared.mul(apply('conj', squared))),
        epilogue: m.root ? scaled.sqrt() : scaled,
        epilogueParams: [Math.max(n - correction, 0)],
        between: float64,
        inputs: [x, center],
        compute: x.dtype,
        out: partOf(x.dtype),
        reduced: mask,
        keepdim,
      });
      return record(`${m.root ? 'Std' : 'Var'}Backward0`, out, [x], (save) => {
        const saved = save(x);
        const result = m.root ? save(out) : null;
        return ([g]) => {
          const v = saved.get();
          const full = restored(g!, v.sizes, mask, keepdim);
          if (result === null) return [varianceGradient(full, v, dim, n - correction)];
          const std = restored(result.get(), v.sizes, mask, keepdim);
          // 0/0 where all are equal: PyTorch gives 0 there.
          const ofVariance = full.div(std.mul(2)).maskedFill(std.eq(0), 0);
          return [varianceGradient(ofVariance, v, dim, n - correction)];
        };
      });
    },
    tests: () => ({
      samples: [
        call([t([3, 5, 7])]),
        call([t([3, 5, 7]), 1]),
        call([t([3, 5, 7]), [0, 2]], { correction: 0, keepdim: true }),
        call([t([5, 7], { layout: 'transposed' }), 0]),
        call([t([1031, 3]), 0]),
        call([t([3, 5], { dtype: 'float64' }), -1], { correction: 2 }),
        call([t([3, 5]), false]),
      ],
      errors: [{ args: [t([3, 2], { dtype: 'int64' })], throws: 'RuntimeError' }],
    }),
  });
}

/** @throws RuntimeError for integers and bool. */
function requireFloatMoment(op: string, d: DType): void {
  if (!d.isIntegral) return;
  const hint = `${op}: only support floating point and complex dtypes`;
  throw new RuntimeError(message(op, 'a floating dtype', d.name, hint));
}

/** varMean and stdMean: the moment and the mean over the same dims. */
function momentAndMean(name: 'varMean' | 'stdMean', first: ReturnType<typeof moment>, what: string) {
  return defineOp({
    name,
    doc: `The ${what} and the mean over \`dim\`, as a pair.`,
    params: momentParams,
    variants: ['function'],
    returns: '[Tensor, Tensor]',
    signatures: [momentCall('[Tensor, Tensor]')],
    compose: (...args: MomentArgs): [Tensor, Tensor] => [
      first.impl(...args),
      mean.impl(args[0], momentArgs(name, args).dim, args[4], null),
    ],
    tests: () => ({
      samples: [
        call([t([3, 5, 7])]),
        call([t([3, 5, 7]), [0, 2]], { correction: 0, keepdim: true }),
        call([t([5, 7], { layout: 'transposed' }), 0], { unbiased: false }),
      ],
      errors: [{ args: [t([3, 2], { dtype: 'int64' })], throws: 'RuntimeError' }],
    }),
  });
}

function meanOf(x: Tensor, mask: readonly boolean[], n: number) {
  return {
    op: 'mean',
    reducer: 'sum' as const,
    prologue: x0,
    epilogue: x0.div(param(0)),
    epilogueParams: [n],
    inputs: [x],
    compute: x.dtype,
    out: x.dtype,
    reduced: mask,
    keepdim: true,
  };
}

const variance = moment({
  name: 'var',
  doc: 'The variance over `dim`, divided by N − correction.',
  root: false,
});

export { variance as var_ };
export const std = moment({
  name: 'std',
  doc: 'The standard deviation over `dim`, from the variance divided by N − correction.',
  root: true,
});

export const varMean = momentAndMean('varMean', variance, 'variance');
export const stdMean = momentAndMean('stdMean', std, 'standard deviation');

export const logsumexp = defineOp({
  name: 'logsumexp',
  aliases: ['torch.special.logsumexp'],
  doc: 'log Σ exp(input) over `dim`, computed from the maximum so that nothing overflows. Integers become the default float.',
  params: [self, { name: 'dim', kind: 'ints' }, keepdimParam],
  kernel: (x: Tensor, dim: number | readonly number[], keepdim: boolean): Tensor => {
    const d = x.dtype.isIntegral ? getDefaultDtype() : x.dtype;
    const mask = maskOf(dimsOf('logsumexp', dim, x.ndim), x.ndim);
    if (x.length === 0) return sum.impl(x.to(d).exp(), dim, keepdim, null).log();
    if (d.isComplex) return logsumexpComplex(x, dim, mask, keepdim);
    const top = finiteMaximum(x, mask, d);
    const sums = reduce({
      op: 'logsumexp',
      reducer: 'sum',
      prologue: input(0).sub(input(1)).exp(),
      epilogue: x0.log(),
      inputs: [x, top],
      compute: d,
      out: d,
      reduced: mask,
      keepdim: true,
    });
    const full = sums.add(top);
    const out = keepdim ? full : alias(full.reshape(reducedShape(x.sizes, mask, false)));
    return record('LogsumexpBackward0', out, [x], (save) => {
      const saved = save(x);
      const result = save(out);
      return ([g]) => {
        const v = saved.get();
        const l = restored(result.get(), v.sizes, mask, keepdim);
        return [restored(g!, v.sizes, mask, keepdim).mul(v.sub(l).exp())];
      };
    });
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), 1]),
      call([t([3, 5, 2], { fill: 'large' }), [0, 2], true]),
      call([t([5, 7], { layout: 'transposed' }), 0]),
      call([t([3, 5], { dtype: 'float64' }), -1]),
      call([t([3, 4], { dtype: 'int64' }), 0]),
      call([t([2, 1031], { fill: 'large' }), 1]),
      call(
        [t([2, 3], { fill: { values: ['-inf', '-inf', '-inf', 1, 'inf', 2] } }), 1],
        {},
        { noGrad: 'special values' },
      ),
    ],
  }),
});

/** Of complex numbers, shifted by the greatest real part. */
function logsumexpComplex(
  x: Tensor,
  dim: number | readonly number[],
  mask: readonly boolean[],
  keepdim: boolean,
): Tensor {
  const re = x.detach().real;
  const top = finiteMaximum(re, mask, re.dtype);
  const sums = sum.impl(x.sub(top).exp(), dim, true, null).log().add(top);
  return keepdim ? sums : sums.reshape(reducedShape(x.sizes, mask, false));
}

/** The maximum over the marked dims (kept as size 1), with ±inf replaced by 0: inf − inf would be NaN. */
function finiteMaximum(x: Tensor, mask: readonly boolean[], d: DType): Tensor {
  const finite = apply('isfinite', x0).where(x0, expr(0));
  return reduce({
    op: 'logsumexp',
    reducer: 'max',
    prologue: x0,
    epilogue: finite,
    inputs: [x],
    compute: d,
    out: d,
    reduced: mask,
    keepdim: true,
  });
}
