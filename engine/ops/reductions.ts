// Owns the declarations of reductions: sums, extremes, moments, norms. Each is a reducer with a prologue and an epilogue.
import { record } from '../autograd/node.js';
import { bool, type DType, getDefaultDtype, int64 } from '../dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../errors.js';
import { apply, type Expr, expr, input, param } from '../pointwise/expr.js';
import { reduce, reducedShape } from '../pointwise/reduction.js';
import { numelOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { dimsOf, maskOf } from './arguments.js';
import { defineOp, type Param } from './define.js';
import { cat } from './joining.js';
import { cast } from './memory.js';
import { call, type Sample, t } from './samples.js';

export const self: Param = { name: 'input', kind: 'tensor' };
export const dims: Param = { name: 'dim', kind: 'ints', default: null };
export const keepdimParam: Param = { name: 'keepdim', kind: 'bool', default: false };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };
export type Dims = number | readonly number[] | null;
const x0 = input(0);

/** Sample calls that any reduction over dims should hold for. */
export const overDims: readonly Sample[] = [
  call([t([3, 5, 7])]),
  call([t([3, 5, 7]), 1]),
  call([t([3, 5, 7]), [0, 2], true]),
  call([t([3, 5, 7]), -1, true]),
  call([t([5, 7], { layout: 'transposed' }), 0]),
  call([t([5, 7], { layout: 'strided' }), 1]),
  call([t([5, 7], { layout: 'expanded' }), 0]),
  call([t([])]),
  call([t([2, 1031]), 1]),
  call([t([1031, 3]), 0]),
  call([t([3, 5], { dtype: 'float64' }), 1]),
];
const integers: readonly Sample[] = [
  call([t([3, 5], { dtype: 'int64' })]),
  call([t([3, 5], { dtype: 'uint8', fill: { low: 100, high: 250 } }), 0]),
  call([t([3, 5], { dtype: 'bool' }), 1]),
  call([t([3, 5], { dtype: 'int32' }), -1, true]),
];
const special = call([t([4, 9], { fill: 'special' }), 1], {}, { noGrad: 'special values' });

/** A gradient of a reduced result, with the reduced dims back as size 1. */
export function restored(g: Tensor, shape: readonly number[], mask: readonly boolean[], keepdim: boolean): Tensor {
  return keepdim ? g : g.reshape(reducedShape(shape, mask, true));
}
/** The same, expanded to the reduced tensor's shape. */
export function spread(g: Tensor, shape: readonly number[], mask: readonly boolean[], keepdim: boolean): Tensor {
  return restored(g, shape, mask, keepdim).expand(shape);
}
export function countOf(shape: readonly number[], mask: readonly boolean[]): number {
  return numelOf(shape.filter((_, d) => mask[d]));
}
/** PyTorch numbers a node 0 for the full reduction and 1 for one over dims. */
const numbered = (name: string, dim: Dims): string => `${name}Backward${dim === null ? 0 : 1}`;

const sumDtype = (x: Tensor, dtype: DType | null): DType => dtype ?? (x.dtype.isIntegral ? int64 : x.dtype);

export const sum = defineOp({
  name: 'sum',
  numpy: 'numpy.sum',
  doc: 'The sum over `dim` (all dims by default). Integers and bool sum as int64. Sums are cascaded.',
  params: [self, dims, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    const mask = maskOf(dimsOf('sum', dim, x.ndim), x.ndim);
    const d = sumDtype(x, dtype);
    const out = reduce({ op: 'sum', reducer: 'sum', prologue: x0, inputs: [x], compute: d, out: d, reduced: mask, keepdim });
    return record(numbered('Sum', dim), out, [x], () => ([g]) => [spread(g!, x.shape, mask, keepdim)]);
  },
  samples: [...overDims, ...integers, special, call([t([0, 3]), 0]), call([t([3, 0]), 1]), call([t([5, 7])], { dtype: { dtype: 'float64' } })],
  errors: [
    { args: [t([3, 2]), 5], throws: 'IndexError' },
    { args: [t([3, 2]), [0, 0]], throws: 'RuntimeError' },
  ],
  bench: [call([t([1000, 1000])]), call([t([1000, 1000]), 1]), call([t([1000, 1000]), 0])],
});

/** A gradient summed down to a shape that it was broadcast from. */
export function sumTo(g: Tensor, shape: readonly number[]): Tensor {
  const lead = g.ndim - shape.length;
  const over: number[] = [];
  g.shape.forEach((size, d) => {
    if (d < lead || (shape[d - lead] === 1 && size !== 1)) over.push(d);
  });
  const summed = over.length === 0 ? g : sum.impl(g, over, true, null);
  return summed.reshape(shape);
}

function requireFloat(op: string, d: DType): DType {
  if (d.isIntegral) {
    throw new RuntimeError(message(op, 'a floating dtype', d.name, `${op}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${d.title}`));
  }
  return d;
}

export const mean = defineOp({
  name: 'mean',
  numpy: 'numpy.mean',
  doc: 'The arithmetic mean over `dim` (all dims by default) of a floating tensor.',
  params: [self, dims, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    const mask = maskOf(dimsOf('mean', dim, x.ndim), x.ndim);
    const d = requireFloat('mean', dtype ?? x.dtype);
    const n = countOf(x.shape, mask);
    const out = reduce({
      op: 'mean',
      reducer: 'sum',
      prologue: x0,
      epilogue: x0.div(param(0)),
      epilogueParams: [n],
      inputs: [x],
      compute: d,
      out: d,
      reduced: mask,
      keepdim,
    });
    return record(numbered('Mean', dim), out, [x], () => ([g]) => [spread(g!, x.shape, mask, keepdim).div(n)]);
  },
  samples: [...overDims, special, call([t([3, 5], { dtype: 'int64' })], { dtype: { dtype: 'float32' } })],
  errors: [{ args: [t([3], { dtype: 'int64' })], throws: 'RuntimeError' }],
});

export const prod = defineOp({
  name: 'prod',
  numpy: 'numpy.prod',
  doc: 'The product over one dim, or of all elements. Integers and bool multiply as int64.',
  params: [self, { name: 'dim', kind: 'int', default: null }, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: number | null, keepdim: boolean, dtype: DType | null): Tensor => {
    const mask = maskOf(dimsOf('prod', dim, x.ndim), x.ndim);
    const d = sumDtype(x, dtype);
    const out = reduce({ op: 'prod', reducer: 'prod', prologue: x0, inputs: [x], compute: d, out: d, reduced: mask, keepdim });
    return record(numbered('Prod', dim), out, [x], (save) => {
      const saved = save(x);
      return ([g]) => {
        const v = saved.get();
        return [restored(g!, v.shape, mask, keepdim).mul(productOfOthers(v, dim))];
      };
    });
  },
  samples: [
    call([t([3, 5], { fill: 'nonzero' })]),
    call([t([3, 5], { fill: 'nonzero' }), 1]),
    call([t([3, 5, 2], { fill: 'nonzero' }), -2, true]),
    call([t([2, 3], { fill: { values: [0, 2, 3, 1.5, 0, 0] } }), 1]),
    call([t([4], { fill: { values: [0, 2, 3, 4] } })]),
    call([t([0])]),
    call([t([3, 4], { dtype: 'int64', fill: { low: 1, high: 4 } }), 0]),
    call([t([3, 5], { dtype: 'float64', fill: 'nonzero' }), 0]),
  ],
  errors: [{ args: [t([3, 2]), 2], throws: 'IndexError' }],
});

/** For each element the product of the others along `dim`: an exclusive product from both sides, right with zeros too. */
function productOfOthers(x: Tensor, dim: number | null): Tensor {
  if (x.ndim === 0) return x.mul(0).add(1);
  const d = dim ?? 0;
  const flat = dim === null ? x.reshape([x.length]) : x;
  const n = flat.shape[d < 0 ? d + flat.ndim : d]!;
  if (n === 0) return x;
  const one = flat.narrow(d, 0, 1).detach().mul(0).add(1);
  const before = concat([one, flat.narrow(d, 0, n - 1)], d).cumprod(d);
  const reversed = flat.flip([d]);
  const after = concat([one, reversed.narrow(d, 0, n - 1)], d).cumprod(d).flip([d]);
  return before.mul(after).reshape(x.shape);
}

const concat = (list: readonly Tensor[], dim: number): Tensor => cat.impl(list, dim) as Tensor;

export const any = predicate('any', 'max', 'Whether any element is not 0');
export const all = predicate('all', 'min', 'Whether all elements are not 0');

function predicate(name: string, reducer: 'max' | 'min', doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name}`,
    doc: `${doc}, over \`dim\` (all dims by default), as bool; uint8 stays uint8.`,
    params: [self, dims, keepdimParam],
    kernel: (x: Tensor, dim: Dims, keepdim: boolean): Tensor => {
      const mask = maskOf(dimsOf(name, dim, x.ndim), x.ndim);
      const out = x.dtype.name === 'uint8' ? x.dtype : bool;
      if (x.length === 0) return emptyPredicate(x, mask, keepdim, reducer === 'min', out);
      return reduce({ op: name, reducer, prologue: x0.ne(0), inputs: [x], compute: x.dtype, out, reduced: mask, keepdim });
    },
    notDifferentiable: 'the result is bool',
    samples: [
      call([t([3, 5], { dtype: 'bool' })]),
      call([t([3, 5], { fill: 'ties' }), 1]),
      call([t([3, 5, 2], { dtype: 'int64', fill: { low: 0, high: 2 } }), [0, 2], true]),
      call([t([3, 5], { dtype: 'uint8', fill: { low: 0, high: 2 } }), 0]),
      call([t([0])]),
      call([t([0, 3]), 0]),
      call([t([4, 9], { fill: 'special' }), 1]),
    ],
  });
}

function emptyPredicate(x: Tensor, mask: readonly boolean[], keepdim: boolean, value: boolean, out: DType): Tensor {
  const d = int64;
  const counts = reduce({ op: 'all', reducer: 'sum', prologue: x0, inputs: [x], compute: d, out: d, reduced: mask, keepdim });
  return cast(counts.add(value ? 1 : 0), out);
}

/** @throws IndexError where a reduction without identity meets a dim of size 0. */
export function requireElements(op: string, x: Tensor, over: readonly number[]): void {
  for (const d of over) {
    if (x.shape[d] === 0) {
      throw new IndexError(message(op, 'a dim with elements to reduce', showShape(x.shape), `Expected reduction dim ${d} to have non-zero size.`));
    }
  }
}

interface Moments {
  readonly name: string;
  readonly doc: string;
  readonly numpy: string;
  readonly root: boolean;
}

/** var and std: PyTorch's two forms, (dim, unbiased) and (dim, correction). */
function moment(m: Moments) {
  return defineOp({
    name: m.name,
    doc: m.doc,
    params: [self, dims, { name: 'correction', kind: 'scalar', default: 1, keyword: true }, { ...keepdimParam, keyword: true }],
    kernel: (x: Tensor, dim: Dims, correction: number, keepdim: boolean): Tensor => {
      requireFloat(m.name, x.dtype);
      const mask = maskOf(dimsOf(m.name, dim, x.ndim), x.ndim);
      const n = countOf(x.shape, mask);
      const center = reduce(meanOf(x, mask, n));
      const squared = input(0).sub(input(1));
      const scaled = x0.div(param(0));
      const out = reduce({
        op: m.name,
        reducer: 'sum',
        prologue: squared.mul(squared),
        epilogue: m.root ? scaled.sqrt() : scaled,
        epilogueParams: [Math.max(n - correction, 0)],
        inputs: [x, center],
        compute: x.dtype,
        out: x.dtype,
        reduced: mask,
        keepdim,
      });
      return record(`${m.root ? 'Std' : 'Var'}Backward0`, out, [x], (save) => {
        const saved = save(x);
        const result = m.root ? save(out) : null;
        return ([g]) => {
          const v = saved.get();
          const apart = v.sub(v.mean(dim, true));
          const scale = Math.max(n - correction, 0);
          const full = restored(g!, v.shape, mask, keepdim);
          if (result === null) return [full.mul(apart).mul(2 / scale)];
          const std = restored(result.get(), v.shape, mask, keepdim);
          // 0/0 where all are equal: PyTorch gives 0 there.
          const ratio = full.div(std.mul(scale)).maskedFill(std.eq(0), 0);
          return [ratio.mul(apart)];
        };
      });
    },
    samples: [
      call([t([3, 5, 7])]),
      call([t([3, 5, 7]), 1]),
      call([t([3, 5, 7]), [0, 2]], { correction: 0, keepdim: true }),
      call([t([5, 7], { layout: 'transposed' }), 0]),
      call([t([1031, 3]), 0]),
      call([t([3, 5], { dtype: 'float64' }), -1], { correction: 2 }),
    ],
    errors: [{ args: [t([3, 2], { dtype: 'int64' })], throws: 'RuntimeError' }],
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
  numpy: 'numpy.var',
  root: false,
});
export { variance as var_ };
export const std = moment({
  name: 'std',
  doc: 'The standard deviation over `dim`, from the variance divided by N − correction.',
  numpy: 'numpy.std',
  root: true,
});

/** The p-norm's prologue and epilogue; p = 0 counts what is not 0. */
function normParts(p: number): { prologue: Expr; epilogue?: Expr; reducer: 'sum' | 'max' | 'min' } {
  const a = x0.abs();
  if (p === Number.POSITIVE_INFINITY) return { prologue: a, reducer: 'max' };
  if (p === Number.NEGATIVE_INFINITY) return { prologue: a, reducer: 'min' };
  if (p === 0) return { prologue: x0.ne(0), reducer: 'sum' };
  if (p === 1) return { prologue: a, reducer: 'sum' };
  if (p === 2) return { prologue: x0.mul(x0), epilogue: x0.sqrt(), reducer: 'sum' };
  return { prologue: a.pow(p), epilogue: x0.pow(1 / p), reducer: 'sum' };
}

/** d‖x‖/dx for each p, as torch: a sub-gradient of 0 at 0. */
function normGradient(x: Tensor, norm: Tensor, g: Tensor, p: number, mask: readonly boolean[]): Tensor {
  if (p === 0) return x.mul(0);
  if (p === 1) return x.sign().mul(g);
  if (p === 2) return x.mul(g.div(norm).maskedFill(norm.eq(0), 0));
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    const hit = x.abs().eq(norm);
    const over = mask.flatMap((m, d) => (m ? [d] : []));
    const count = hit.sum(over, true);
    return x.sign().mul(g.div(count)).mul(hit);
  }
  const scale = g.div(norm.pow(p - 1)).maskedFill(norm.eq(0), 0);
  const powered = p < 2 ? x.sign().mul(x.abs().pow(p - 1)).maskedFill(x.eq(0), 0) : x.mul(x.abs().pow(p - 2));
  return powered.mul(scale);
}

export const norm = defineOp({
  name: 'norm',
  doc: 'The vector p-norm (Σ|x|^p)^(1/p) over `dim` (all dims by default); p may be 0 and ±Infinity.',
  params: [self, { name: 'p', kind: 'scalar', default: 2 }, dims, keepdimParam],
  gradName: 'LinalgVectorNormBackward0',
  kernel: (x: Tensor, p: number, dim: Dims, keepdim: boolean): Tensor => {
    requireFloat('norm', x.dtype);
    const over = dimsOf('norm', dim, x.ndim);
    const mask = maskOf(over, x.ndim);
    const parts = normParts(p);
    if (parts.reducer !== 'sum') requireElements('norm', x, over);
    const out = reduce({ op: 'norm', ...parts, inputs: [x], compute: x.dtype, out: x.dtype, reduced: mask, keepdim });
    return record('LinalgVectorNormBackward0', out, [x], (save) => {
      const saved = save(x);
      const result = save(out);
      return ([g]) => {
        const v = saved.get();
        const n = restored(result.get(), v.shape, mask, keepdim);
        return [normGradient(v, n, restored(g!, v.shape, mask, keepdim), p, mask)];
      };
    });
  },
  samples: [
    call([t([3, 5])]),
    call([t([3, 5]), 1, 1]),
    call([t([3, 5, 2]), 3, [0, 2], true]),
    call([t([3, 5]), { special: 'inf' }, 1]),
    call([t([3, 5]), { special: '-inf' }, 0]),
    call([t([3, 5]), 0, 1], {}, { noGrad: 'piecewise constant' }),
    call([t([3, 5], { dtype: 'float64', fill: 'nonzero' }), 2.5, -1]),
    call([t([1031])]),
  ],
});

export const logsumexp = defineOp({
  name: 'logsumexp',
  doc: 'log Σ exp(input) over `dim`, computed from the maximum so that nothing overflows. Integers become the default float.',
  params: [self, { name: 'dim', kind: 'ints' }, keepdimParam],
  kernel: (x: Tensor, dim: number | readonly number[], keepdim: boolean): Tensor => {
    const d = x.dtype.isIntegral ? getDefaultDtype() : x.dtype;
    const mask = maskOf(dimsOf('logsumexp', dim, x.ndim), x.ndim);
    if (x.length === 0) return sum.impl(x.to(d).exp(), dim, keepdim, null).log();
    const top = finiteMaximum(x, mask, d);
    const sums = reduce({ op: 'logsumexp', reducer: 'sum', prologue: input(0).sub(input(1)).exp(), epilogue: x0.log(), inputs: [x, top], compute: d, out: d, reduced: mask, keepdim: true });
    const full = sums.add(top);
    const out = keepdim ? full : full.reshape(reducedShape(x.shape, mask, false));
    return record('LogsumexpBackward0', out, [x], (save) => {
      const saved = save(x);
      const result = save(out);
      return ([g]) => {
        const v = saved.get();
        const l = restored(result.get(), v.shape, mask, keepdim);
        return [restored(g!, v.shape, mask, keepdim).mul(v.sub(l).exp())];
      };
    });
  },
  samples: [
    call([t([3, 5]), 1]),
    call([t([3, 5, 2], { fill: 'large' }), [0, 2], true]),
    call([t([5, 7], { layout: 'transposed' }), 0]),
    call([t([3, 5], { dtype: 'float64' }), -1]),
    call([t([3, 4], { dtype: 'int64' }), 0]),
    call([t([2, 1031], { fill: 'large' }), 1]),
    call([t([2, 3], { fill: { values: ['-inf', '-inf', '-inf', 1, 'inf', 2] } }), 1], {}, { noGrad: 'special values' }),
  ],
});

/** The maximum over the marked dims (kept as size 1), with ±inf replaced by 0: inf − inf would be NaN. */
function finiteMaximum(x: Tensor, mask: readonly boolean[], d: DType): Tensor {
  const finite = apply('isfinite', x0).where(x0, expr(0));
  return reduce({ op: 'logsumexp', reducer: 'max', prologue: x0, epilogue: finite, inputs: [x], compute: d, out: d, reduced: mask, keepdim: true });
}
