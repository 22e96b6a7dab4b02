// Norms of vectors and matrices, and the condition number. A vector norm is one reduction; matrix norms use vector
// norms and singular values.
import { record } from '../../autograd/node.js';
import { type DType, partOf } from '../../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { wrapDim, wrapDims } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { apply, type Expr, input } from '../../pointwise/expr.js';
import { reduce } from '../../pointwise/reduction.js';
import { defineOp, type Param } from '../../registry/define.js';
import { dimsOf, maskOf } from '../../registry/dims.js';
import { call, t } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import {
  type Dims,
  dims,
  keepdimParam,
  requireElements,
  requireFloat,
  restored,
  self,
} from '../reduction/sum-mean-prod.js';
import { singularValues } from './eig-svd.js';
import { invEx } from './solve-inverse.js';
import { requireMatrices, requireSquare } from './solvers.js';

const x0 = input(0);
const matrix: Param = { name: 'A', kind: 'tensor' };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };

/** The p-norm's prologue and epilogue; p = 0 counts what is not 0. */
function normParts(p: number): { prologue: Expr; epilogue?: Expr; reducer: 'sum' | 'max' | 'min' } {
  const a = x0.abs();
  if (p === Number.POSITIVE_INFINITY) return { prologue: a, reducer: 'max' };
  if (p === Number.NEGATIVE_INFINITY) return { prologue: a, reducer: 'min' };
  if (p === 0) return { prologue: x0.ne(0), reducer: 'sum' };
  if (p === 1) return { prologue: a, reducer: 'sum' };
  if (p === 2)
    return { prologue: apply('real', x0.mul(apply('conj', x0))), epilogue: x0.sqrt(), reducer: 'sum' };
  return { prologue: a.pow(p), epilogue: x0.pow(1 / p), reducer: 'sum' };
}

/** d‖x‖/dx for each p, as torch: a sub-gradient of 0 at 0. */
function normGradient(
  x: Tensor,
  norm: Tensor,
  g: Tensor,
  p: number,
  mask: readonly boolean[],
): Tensor | null {
  if (p === 0) return null;
  if (p === 1) return x.sgn().mul(g);
  if (p === 2) return g.mul(x.div(norm).maskedFill(norm.eq(0), 0));
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    const hit = x.abs().eq(norm);
    const over = mask.flatMap((m, d) => (m ? [d] : []));
    const count = over.length === 0 ? hit.to(norm.dtype) : hit.sum(over, true);
    return x.sgn().mul(g.div(count)).mul(hit);
  }
  if (p < 1) {
    const powered = x
      .sgn()
      .mul(x.abs().pow(p - 1))
      .maskedFill(x.eq(0), 0);
    return powered.mul(g.mul(norm.pow(1 - p)));
  }
  const scale = g.div(norm.pow(p - 1)).maskedFill(norm.eq(0), 0);
  const powered = p < 2 ? x.sgn().mul(x.abs().pow(p - 1)) : x.mul(x.abs().pow(p - 2));
  return powered.mul(scale);
}

/** (Σ|x|^p)^(1/p) over dims; null or none are all. */
function vectorNormOf(
  op: string,
  given: Tensor,
  p: number,
  dim: Dims,
  keepdim: boolean,
  dtype: DType | null,
): Tensor {
  requireFloat(op, given.dtype);
  const x = dtype === null ? given : cast(given, requireFloat(op, dtype));
  const over = dimsOf(op, dim, x.ndim);
  const mask = maskOf(over, x.ndim);
  const parts = normParts(p);
  if (parts.reducer !== 'sum' || p < 0) requireElements(op, x, over);
  const out = reduce({
    op,
    ...parts,
    inputs: [x],
    compute: x.dtype,
    out: partOf(x.dtype),
    reduced: mask,
    keepdim,
  });
  return record('LinalgVectorNormBackward0', out, [x], (save) => {
    const saved = save(x);
    const result = save(out);
    return ([g]) => {
      const v = saved.get();
      const n = restored(result.get(), v.sizes, mask, keepdim);
      return [normGradient(v, n, restored(g!, v.sizes, mask, keepdim), p, mask)];
    };
  });
}

/** The two distinct dims that a matrix norm takes. */
function matrixDims(op: string, x: Tensor, dim: readonly number[]): [number, number] {
  if (x.ndim < 2)
    throw new RuntimeError(
      message(
        op,
        'at least 2 dims',
        showShape(x.sizes),
        `${op}: The input tensor A must have at least 2 dimensions.`,
      ),
    );
  if (dim.length !== 2)
    throw new RuntimeError(
      message(op, '2 dims', showShape(dim), `${op}: dim must be a 2-tuple. Got ${showShape(dim)}`),
    );
  const [a, b] = [wrapDim(op, dim[0]!, x.ndim), wrapDim(op, dim[1]!, x.ndim)];
  if (a === b)
    throw new RuntimeError(
      message(
        op,
        'distinct dims',
        showShape(dim),
        `${op}: dims must be different. Got (${dim[0]}, ${dim[1]})`,
      ),
    );
  return [a, b];
}

type Ord = string | number;

function matrixNormOf(
  op: string,
  given: Tensor,
  ord: Ord,
  dim: readonly number[],
  keepdim: boolean,
  dtype: DType | null,
): Tensor {
  requireFloat(op, given.dtype);
  const [a, b] = matrixDims(op, given, dim);
  const x = dtype === null ? given : cast(given, requireFloat(op, dtype));
  if (ord === 'fro') return vectorNormOf(op, x, 2, [a, b], keepdim, null);
  const size = typeof ord === 'number' ? Math.abs(ord) : ord;
  const least = typeof ord === 'number' && ord < 0;
  if (size === 1 || size === Number.POSITIVE_INFINITY) {
    const [summed, chosen] = size === 1 ? [a, b] : [b, a];
    const sums = vectorNormOf(op, x, 1, summed, true, null);
    const out = least ? sums.amin(chosen, true) : sums.amax(chosen, true);
    return keepdim ? out : out.squeeze([a, b]);
  }
  if (size !== 2 && ord !== 'nuc') {
    const hint = `${op}: Order ${describe(ord)} not supported.`;
    if (typeof ord === 'string') throw new RuntimeError(message(op, "an order 'fro' or 'nuc'", ord, hint));
    throw new RuntimeError(
      message(
        op,
        "an order of 'fro', 'nuc', ±1, ±2, ±Infinity",
        typeof ord === 'number' ? String(ord) : describe(ord),
        hint,
      ),
    );
  }
  const rest = x.sizes.map((_, i) => i).filter((i) => i !== a && i !== b);
  const s = singularValues(op, x.permute([...rest, a, b]));
  const out = ord === 'nuc' ? s.sum(-1) : least ? s.amin(-1) : s.amax(-1);
  if (!keepdim) return out;
  return [a, b].sort((p, q) => p - q).reduce((y, at) => y.unsqueeze(at), out);
}

const listOf = (dim: Dims): readonly number[] | null =>
  dim === null ? null : typeof dim === 'number' ? [dim] : dim;

export const norm = defineOp({
  name: 'norm',
  doc: "The vector p-norm (Σ|x|^p)^(1/p) over `dim` (all dims by default); p may be 0 and ±Infinity, 'fro', or 'nuc', the sum of a matrix's singular values.",
  params: [
    self,
    { name: 'p', kind: 'any', type: 'number | string', default: 'fro' },
    dims,
    keepdimParam,
    { ...dtypeParam, keyword: true },
  ],
  signatures: [
    "(p?: number | 'fro' | 'nuc', dim?: number | readonly number[] | null, keepdim?: boolean, options?: { dtype?: DTypeLike | null | undefined }): Tensor",
  ],
  gradName: 'LinalgVectorNormBackward0',
  kernel: (x: Tensor, p: unknown, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    if (p === 'nuc') return matrixNormOf('norm', x, 'nuc', listOf(dim) ?? allDims(x), keepdim, dtype);
    const order = p === 'fro' || p === null ? 2 : p;
    if (typeof order !== 'number')
      throw new ArgumentError(message('norm', "p to be a number, 'fro' or 'nuc'", describe(p)));
    return vectorNormOf('norm', x, order, dim, keepdim, dtype);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([3, 5]), 1, 1]),
      call([t([3, 5, 2]), 3, [0, 2], true]),
      call([t([3, 5]), { special: 'inf' }, 1]),
      call([t([3, 5]), { special: '-inf' }, 0]),
      call([t([3, 5]), 0, 1], {}, { noGrad: 'piecewise constant' }),
      call([t([3, 5], { dtype: 'float64', fill: 'nonzero' }), 2.5, -1]),
      call([t([1031])]),
      call([t([3, 4], { dtype: 'float64' }), 'nuc']),
    ],
  }),
});
const allDims = (x: Tensor): number[] => x.sizes.map((_, i) => i);

export const vectorNorm = defineOp({
  name: 'linalg.vectorNorm',
  torch: 'torch.linalg.vector_norm',
  doc: 'The vector norm (Σ|x|^ord)^(1/ord) over `dim` (all dims by default); ord may be 0 and ±Infinity.',
  params: [
    { name: 'x', kind: 'tensor' },
    { name: 'ord', kind: 'scalar', default: 2 },
    dims,
    keepdimParam,
    dtypeParam,
  ],
  gradName: 'LinalgVectorNormBackward0',
  kernel: (x: Tensor, ord: number, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor =>
    vectorNormOf('linalg.vector_norm', x, ord, dim, keepdim, dtype),
  tests: () => ({
    samples: [call([t([3, 5], { dtype: 'float64' }), 3, 1]), call([t([3, 5])], { keepdim: true })],
    errors: [{ args: [t([3], { dtype: 'int64' })], throws: 'RuntimeError' }],
  }),
});

export const matrixNorm = defineOp({
  name: 'linalg.matrixNorm',
  torch: 'torch.linalg.matrix_norm',
  doc: "The norm of matrices over two dims: 'fro', 'nuc', or ±1, ±2, ±Infinity.",
  params: [
    matrix,
    { name: 'ord', kind: 'any', type: 'number | string', default: 'fro' },
    { name: 'dim', kind: 'ints', default: [-2, -1] },
    keepdimParam,
    dtypeParam,
  ],
  compose: (
    x: Tensor,
    ord: Ord,
    dim: number | readonly number[],
    keepdim: boolean,
    dtype: DType | null,
  ): Tensor =>
    matrixNormOf('linalg.matrix_norm', x, ord, typeof dim === 'number' ? [dim] : dim, keepdim, dtype),
  tests: () => ({
    samples: [
      call([t([2, 3, 4], { dtype: 'float64' })]),
      call([t([3, 4], { dtype: 'float64' }), 2]),
      call([t([3, 4]), { special: '-inf' }], { keepdim: true }),
    ],
    errors: [
      { args: [t([3])], throws: 'RuntimeError' },
      { args: [t([3, 3]), 3], throws: 'RuntimeError' },
    ],
  }),
});

export const linalgNorm = defineOp({
  name: 'linalg.norm',
  numpy: 'numpy.linalg.norm',
  doc: 'A vector norm or, with two dims and an order, a matrix norm.',
  params: [
    matrix,
    { name: 'ord', kind: 'any', type: 'number | string', default: null },
    dims,
    keepdimParam,
    dtypeParam,
  ],
  compose: (x: Tensor, ord: Ord | null, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    const op = 'linalg.norm';
    const over = listOf(dim);
    if (ord === null) return vectorNormOf(op, x, 2, dim, keepdim, dtype);
    if (over === null && x.ndim !== 1 && x.ndim !== 2) {
      throw new RuntimeError(
        message(
          op,
          '1 or 2 dims, or `dim`',
          showShape(x.sizes),
          `linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ${x.ndim}D.`,
        ),
      );
    }
    const along = over ?? allDims(x);
    if (over !== null && over.length !== 1 && over.length !== 2)
      throw new RuntimeError(
        message(
          op,
          '1 or 2 dims',
          showShape(over),
          `linalg.norm: If dim is specified, it must be of length 1 or 2. Got ${showShape(over)}`,
        ),
      );
    if (along.length === 2) return matrixNormOf(op, x, ord, wrapDims(op, along, x.ndim), keepdim, dtype);
    if (typeof ord === 'string')
      throw new RuntimeError(
        message(op, 'two dims', showShape(along), `linalg.norm: The order ${ord} is only for matrices`),
      );
    return vectorNormOf(op, x, ord, along, keepdim, dtype);
  },
  tests: () => ({
    samples: [
      call([t([3, 4], { dtype: 'float64' })]),
      call([t([3, 4]), 1]),
      call([t([5]), { special: 'inf' }]),
      call([t([2, 3, 4]), 3, 1]),
    ],
    errors: [{ args: [t([2, 3, 4]), 1], throws: 'RuntimeError' }],
  }),
});

export const cond = defineOp({
  name: 'linalg.cond',
  doc: 'The condition number by a norm: greatest over least singular value (2, −2, default), or ‖A‖·‖A⁻¹‖.',
  params: [matrix, { name: 'p', kind: 'any', type: 'number | string', default: null }],
  compose: (a: Tensor, p: Ord | null): Tensor => {
    const op = 'linalg.cond';
    requireMatrices(op, a);
    if (a.length === 0 && (typeof p !== 'string' || a.sizes.at(-1) === a.sizes.at(-2)))
      return newTensor(a.sizes.slice(0, -2), partOf(a.dtype)).zero_();
    if (p === null || p === 2 || p === -2) {
      const s = singularValues(op, a);
      const [top, low] = [s.select(-1, 0), s.select(-1, -1)];
      return p === -2 ? low.div(top) : top.div(low);
    }
    requireSquare(op, a);
    const size = (x: Tensor): Tensor => matrixNormOf(op, x, p, [-2, -1], false, null);
    const { inverse, info } = invEx.impl(a, false);
    const singular = info.ne(0);
    if (!singular.any().item()) return size(a).mul(size(inverse));
    // PyTorch takes an inverse of infinities there; the nuclear norm of that is NaN.
    const regular = inverse.maskedFill(singular.unsqueeze(-1).unsqueeze(-1), 0);
    const none = p === 'nuc' ? Number.NaN : Number.POSITIVE_INFINITY;
    return size(a).mul(size(regular)).maskedFill(singular, none);
  },
  tests: () => ({
    samples: [
      call([t([3, 3], { dtype: 'float64' })]),
      call([t([3, 3], { dtype: 'float64' })], { p: 1 }, { noGrad: "PyTorch's own backward fails" }),
    ],
    errors: [{ args: [t([3])], throws: 'RuntimeError' }],
  }),
});
