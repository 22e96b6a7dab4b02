// sum, mean, prod, all, any: a reducer with a prologue and an epilogue.
import { gradMode } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import { launchPointwise } from '../../backend/commands/pointwise.js';
import { bool, type DType, int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { numelOf } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { input, param } from '../../pointwise/expr.js';
import { summed } from '../../pointwise/function-support.js';
import { compile } from '../../pointwise/program.js';
import { isPlain, reduce, reduceAll, reducedShape } from '../../pointwise/reduction.js';
import { defineOp, type Param } from '../../registry/define.js';
import { dimsOf, maskOf } from '../../registry/dims.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import { cat } from '../joining/cat-stack.js';

export const self: Param = { name: 'input', kind: 'tensor' };
export const dims: Param = { name: 'dim', kind: 'ints', default: null };
export const keepdimParam: Param = { name: 'keepdim', kind: 'bool', default: false };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };
export type Dims = number | readonly number[] | null;
const x0 = input(0);
const quotient = x0.div(param(0));

/** Sample calls that any reduction over dims should hold for. */
export const overDims = (): readonly Sample[] => [
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
const integers = (): readonly Sample[] => [
  call([t([3, 5], { dtype: 'int64' })]),
  call([t([3, 5], { dtype: 'uint8', fill: { low: 100, high: 250 } }), 0]),
  call([t([3, 5], { dtype: 'bool' }), 1]),
  call([t([3, 5], { dtype: 'int32' }), -1, true]),
];
/** NaN, infinities that cancel or not, signed zeros and denormals; no overflow, where only the order of adding decides. */
const special = () =>
  call(
    [
      t([5, 3], {
        fill: { values: ['nan', 1, 2, 'inf', 1, -2, 'inf', '-inf', 1, -0, -0, -0, 1e-42, 2e-42, 0] },
      }),
      1,
    ],
    {},
    { noGrad: 'special values' },
  );

/** A gradient of a reduced result, with the reduced dims back as size 1. */
export function restored(
  g: Tensor,
  shape: readonly number[],
  mask: readonly boolean[],
  keepdim: boolean,
): Tensor {
  return keepdim ? g : g.reshape(reducedShape(shape, mask, true));
}
/** The same, expanded to the reduced tensor's shape. */
export function spread(
  g: Tensor,
  shape: readonly number[],
  mask: readonly boolean[],
  keepdim: boolean,
): Tensor {
  return restored(g, shape, mask, keepdim).expand(shape);
}
export function countOf(shape: readonly number[], mask: readonly boolean[]): number {
  return numelOf(shape.filter((_, d) => mask[d]));
}
/** PyTorch numbers a node 0 for the full reduction and 1 for one over dims. */
const numbered = (name: string, dim: Dims): string => `${name}Backward${dim === null ? 0 : 1}`;

const sumDtype = (x: Tensor, dtype: DType | null): DType => dtype ?? (x.dtype.isIntegral ? int64 : x.dtype);

/** Whether a reduction is that of all of a plain tensor, which goes the short way. */
function isShort(x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): boolean {
  return dim === null && !keepdim && dtype === null && isPlain(x);
}

export const sum = defineOp({
  name: 'sum',
  numpy: 'numpy.sum',
  doc: 'The sum over `dim` (all dims by default). Integers and bool sum as int64. Sums are cascaded.',
  params: [self, dims, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    const { sizes: shape } = x;
    if (isShort(x, dim, keepdim, dtype)) {
      return record('SumBackward0', reduceAll('sum', 'sum', x0, x), [x], () => ([g]) => [g!.expand(shape)]);
    }
    const mask = maskOf(dimsOf('sum', dim, x.ndim), x.ndim);
    const d = sumDtype(x, dtype);
    const out = reduce({
      op: 'sum',
      reducer: 'sum',
      prologue: x0,
      inputs: [x],
      compute: d,
      out: d,
      reduced: mask,
      keepdim,
    });
    return record(numbered('Sum', dim), out, [x], () => ([g]) => [spread(g!, shape, mask, keepdim)]);
  },
  tests: () => ({
    samples: [
      ...overDims(),
      ...integers(),
      special(),
      call([t([0, 3]), 0]),
      call([t([3, 0]), 1]),
      call([t([5, 7])], { dtype: { dtype: 'float64' } }),
    ],
    errors: [
      { args: [t([3, 2]), 5], throws: 'IndexError' },
      { args: [t([3, 2]), [0, 0]], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000, 1000])]), call([t([1000, 1000]), 1]), call([t([1000, 1000]), 0])],
  }),
});

/** A gradient summed down to a shape that it was broadcast from. */
export function sumTo(g: Tensor, shape: readonly number[]): Tensor {
  if (!gradMode.enabled) return summed('sum', x0, [g], [], g.sizes, shape, g.dtype, g.dtype);
  const lead = g.ndim - shape.length;
  const over: number[] = [];
  g.sizes.forEach((size, d) => {
    if (d < lead || (shape[d - lead] === 1 && size !== 1)) over.push(d);
  });
  return (over.length === 0 ? g : sum.impl(g, over, true, null)).reshape(shape);
}

/** @throws RuntimeError for integers and bool. */
export function requireFloat(op: string, d: DType): DType {
  if (d.isIntegral) {
    throw new RuntimeError(
      message(
        op,
        'a floating dtype',
        d.name,
        `${op}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${d.title}`,
      ),
    );
  }
  return d;
}

/** The mean of all elements of what `isPlain` takes, without a node. */
export function plainMean(x: Tensor): Tensor {
  const out = reduceAll('mean', 'sum', x0, x);
  launchPointwise('mean', compile(quotient, x.dtype, [x.dtype], 1, x.dtype), out, [out], [x.length]);
  return out;
}

export const mean = defineOp({
  name: 'mean',
  numpy: 'numpy.mean',
  doc: 'The arithmetic mean over `dim` (all dims by default) of a floating tensor.',
  params: [self, dims, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    const { sizes: shape, length } = x;
    if (isShort(x, dim, keepdim, dtype)) {
      return record('MeanBackward0', plainMean(x), [x], () => ([g]) => [g!.expand(shape).div(length)]);
    }
    const mask = maskOf(dimsOf('mean', dim, x.ndim), x.ndim);
    const d = requireFloat('mean', dtype ?? x.dtype);
    const n = countOf(x.sizes, mask);
    const out = reduce({
      op: 'mean',
      reducer: 'sum',
      prologue: x0,
      epilogue: quotient,
      epilogueParams: [n],
      inputs: [x],
      compute: d,
      out: d,
      reduced: mask,
      keepdim,
    });
    return record(numbered('Mean', dim), out, [x], () => ([g]) => [spread(g!, shape, mask, keepdim).div(n)]);
  },
  tests: () => ({
    samples: [
      ...overDims(),
      special(),
      call([t([3, 5], { dtype: 'int64' })], { dtype: { dtype: 'float32' } }),
    ],
    errors: [{ args: [t([3], { dtype: 'int64' })], throws: 'RuntimeError' }],
  }),
});

export const prod = defineOp({
  name: 'prod',
  numpy: 'numpy.prod',
  doc: 'The product over one dim, or of all elements. Integers and bool multiply as int64.',
  params: [self, { name: 'dim', kind: 'int', default: null }, keepdimParam, dtypeParam],
  kernel: (x: Tensor, dim: number | null, keepdim: boolean, dtype: DType | null): Tensor => {
    const mask = maskOf(dimsOf('prod', dim, x.ndim), x.ndim);
    const d = sumDtype(x, dtype);
    const out = reduce({
      op: 'prod',
      reducer: 'prod',
      prologue: x0,
      inputs: [x],
      compute: d,
      out: d,
      reduced: mask,
      keepdim,
    });
    return record(numbered('Prod', dim), out, [x], (save) => {
      const saved = save(x);
      return ([g]) => {
        const v = saved.get();
        return [restored(g!, v.sizes, mask, keepdim).mul(productOfOthers(v, dim).conj())];
      };
    });
  },
  tests: () => ({
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
  }),
});

/** For each element the product of the others along `dim`: an exclusive product from both sides, right with zeros too. */
function productOfOthers(x: Tensor, dim: number | null): Tensor {
  if (x.ndim === 0) return x.mul(0).add(1);
  const d = dim ?? 0;
  const flat = dim === null ? x.reshape([x.length]) : x;
  const n = flat.sizes[d < 0 ? d + flat.ndim : d]!;
  if (n === 0) return x;
  const one = flat.narrow(d, 0, 1).detach().mul(0).add(1);
  const before = concat([one, flat.narrow(d, 0, n - 1)], d).cumprod(d);
  const reversed = flat.flip([d]);
  const after = concat([one, reversed.narrow(d, 0, n - 1)], d)
    .cumprod(d)
    .flip([d]);
  return before.mul(after).reshape(x.sizes);
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
      return reduce({
        op: name,
        reducer,
        prologue: x0.ne(0),
        inputs: [x],
        compute: x.dtype,
        out,
        reduced: mask,
        keepdim,
      });
    },
    notDifferentiable: 'the result is bool',
    tests: () => ({
      samples: [
        call([t([3, 5], { dtype: 'bool' })]),
        call([t([3, 5], { fill: 'ties' }), 1]),
        call([t([3, 5, 2], { dtype: 'int64', fill: { low: 0, high: 2 } }), [0, 2], true]),
        call([t([3, 5], { dtype: 'uint8', fill: { low: 0, high: 2 } }), 0]),
        call([t([0])]),
        call([t([0, 3]), 0]),
        call([t([4, 9], { fill: 'special' }), 1]),
      ],
    }),
  });
}

function emptyPredicate(
  x: Tensor,
  mask: readonly boolean[],
  keepdim: boolean,
  value: boolean,
  out: DType,
): Tensor {
  const d = int64;
  const counts = reduce({
    op: 'all',
    reducer: 'sum',
    prologue: x0,
    inputs: [x],
    compute: d,
    out: d,
    reduced: mask,
    keepdim,
  });
  return cast(counts.add(value ? 1 : 0), out);
}

/** @throws IndexError where a reduction without identity meets a dim of size 0. */
export function requireElements(op: string, x: Tensor, over: readonly number[]): void {
  for (const d of over) {
    if (x.sizes[d] === 0) {
      throw new IndexError(
        message(
          op,
          'a dim with elements to reduce',
          showShape(x.sizes),
          `Expected reduction dim ${d} to have non-zero size.`,
        ),
      );
    }
  }
}
