// Matrix products: mm, bmm, mv, dot, matmul. Each is one gemm command; broadcasting is a batch stride of 0.
import { record, shouldRecord } from '../../autograd/node.js';
import { kernelsOf } from '../../core/device.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { broadcastShapes, broadcastStrides, numelOf, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { multiply } from './gemm.js';

const self: Param = { name: 'input', kind: 'tensor' };
const mat2: Param = { name: 'mat2', kind: 'tensor' };
const other: Param = { name: 'other', kind: 'tensor' };

/** @throws RuntimeError where two operands cannot be multiplied. */
function checkPair(op: string, a: Tensor, b: Tensor): void {
  kernelsOf(op, [a, b]);
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(
      message(
        op,
        'operands of one dtype',
        `${a.dtype.name} and ${b.dtype.name}`,
        `expected m1 and m2 to have the same dtype, but got: ${a.dtype.title} != ${b.dtype.title}`,
      ),
    );
  }
  if (a.dtype.name === 'bool')
    throw new NotImplementedError(
      message(op, 'a number dtype', 'bool', `"${op}" not implemented for 'Bool'`),
    );
}

function shapeError(op: string, a: Tensor, b: Tensor): RuntimeError {
  return new RuntimeError(
    message(
      op,
      'inner sizes that agree',
      `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
      `mat1 and mat2 shapes cannot be multiplied (${a.sizes.join('x')} and ${b.sizes.join('x')})`,
    ),
  );
}

/**
 * The last two dims of each operand multiplied, the others broadcast. Both have at least 2 dims. No history. `added` is a row that
 * each row of the result starts from.
 */
export function batched(op: string, a: Tensor, b: Tensor, added: Tensor | null = null): Tensor {
  checkPair(op, a, b);
  const [p, q] = [a.ndim, b.ndim];
  const m = a.sizes[p - 2]!;
  const k = a.sizes[p - 1]!;
  const n = b.sizes[q - 1]!;
  if (b.sizes[q - 2] !== k) throw shapeError(op, a, b);
  const aLead = a.sizes.slice(0, -2);
  const bLead = b.sizes.slice(0, -2);
  const batch = broadcastShapes(op, aLead, bLead);
  const shape = [...batch, m, n];
  if (numelOf(shape) === 0) return newTensor(shape, a.dtype);
  if (k === 0 && added === null) return rawZeros(shape, a.dtype);
  const out = newTensor(shape, a.dtype);
  if (added !== null) rawCopy(out, added);
  if (k === 0) return out;
  const sizes = {
    batch,
    m,
    n,
    k,
    aBatch: broadcastStrides(aLead, a.strides.slice(0, -2), batch),
    aRow: a.strides[p - 2]!,
    aCol: a.strides[p - 1]!,
    bBatch: broadcastStrides(bLead, b.strides.slice(0, -2), batch),
    bRow: b.strides[q - 2]!,
    bCol: b.strides[q - 1]!,
  };
  multiply(op, out, a, b, sizes, added !== null);
  return out;
}

/** The recorded product of matrices with at least 2 dims each; broadcast batches are summed by the backward walk. */
export function product(op: string, nodeName: string, a: Tensor, b: Tensor): Tensor {
  const out = batched(op, a, b);
  if (!shouldRecord([a, b])) return out;
  return record(nodeName, out, [a, b], (save) => {
    const left = b.requiresGrad ? save(a) : null;
    const right = a.requiresGrad ? save(b) : null;
    const [aSizes, bSizes] = [a.sizes, b.sizes];
    return ([g]) => [
      right === null ? null : gradientOfLeft(op, nodeName, g!, right.get().conj(), aSizes),
      left === null ? null : gradientOfRight(op, nodeName, left.get().conj(), g!, bSizes),
    ];
  });
}

/** How many matrices an operand holds. */
const matricesIn = (sizes: Shape): number => numelOf(sizes.slice(0, -2));

/** Σ G·Bᵀ over the batch where the left operand was one matrix for all of it, in one product where that moves less memory. */
function gradientOfLeft(op: string, nodeName: string, g: Tensor, b: Tensor, sizes: Shape): Tensor {
  const count = matricesIn(g.sizes);
  const [n, m, k] = [g.sizes.at(-2)!, g.sizes.at(-1)!, b.sizes.at(-2)!];
  if (count > 1 && matricesIn(sizes) === 1 && matricesIn(b.sizes) === count && n * k > (n + k) * m) {
    const side = (x: Tensor, rows: number): Tensor =>
      x
        .reshape(count, rows, m)
        .transpose(0, 1)
        .reshape(rows, count * m);
    return product(op, nodeName, side(g, n), side(b, k).t()).reshape(sizes);
  }
  return product(op, nodeName, g, b.transpose(-2, -1));
}

/** Σ Aᵀ·G over the batch where the right operand was one matrix for all of it: one product of all rows. */
export function gradientOfRight(op: string, nodeName: string, a: Tensor, g: Tensor, sizes: Shape): Tensor {
  const count = matricesIn(g.sizes);
  if (g.ndim > 2 && matricesIn(sizes) === 1 && matricesIn(a.sizes) === count) {
    const rows = count * a.sizes.at(-2)!;
    const flat = (x: Tensor): Tensor => x.reshape(rows, x.sizes.at(-1)!);
    return product(op, nodeName, flat(a).t(), flat(g)).reshape(sizes);
  }
  return product(op, nodeName, a.transpose(-2, -1), g);
}

function requireDims(op: string, name: string, x: Tensor, dims: number): void {
  if (x.ndim !== dims) {
    throw new RuntimeError(
      message(
        op,
        `'${name}' with ${dims} dims`,
        showShape(x.sizes),
        dims === 1 ? '1D tensors expected' : `${name} must be a ${dims === 2 ? 'matrix' : `${dims}D tensor`}`,
      ),
    );
  }
}

/** A matrix times a vector, as one column. */
function matrixVector(op: string, a: Tensor, v: Tensor): Tensor {
  requireDims(op, 'input', a, 2);
  requireDims(op, 'vec', v, 1);
  if (a.sizes[1] !== v.sizes[0]) throw shapeError(op, a, v);
  return product(op, 'MvBackward0', a, v.unsqueeze(-1)).squeeze(-1);
}

/** The inner product of two vectors. */
export function innerProduct(op: string, a: Tensor, b: Tensor): Tensor {
  requireDims(op, 'self', a, 1);
  requireDims(op, 'tensor', b, 1);
  checkPair(op, a, b);
  if (a.length !== b.length) {
    throw new RuntimeError(
      message(
        op,
        'vectors of one length',
        `${a.length} and ${b.length}`,
        'inconsistent tensor size, expected tensor [n] and src [n] to have the same number of elements',
      ),
    );
  }
  const out = a.length === 0 ? rawZeros([], a.dtype) : newTensor([], a.dtype);
  if (a.length > 0) {
    multiply(op, out, a, b, {
      batch: [],
      m: 1,
      n: 1,
      k: a.length,
      aBatch: [],
      aRow: 0,
      aCol: a.strides[0]!,
      bBatch: [],
      bRow: b.strides[0]!,
      bCol: 0,
    });
  }
  return record('DotBackward0', out, [a, b], (save) => {
    const left = b.requiresGrad ? save(a) : null;
    const right = a.requiresGrad ? save(b) : null;
    return ([g]) => [
      right === null ? null : right.get().conj().mul(g!),
      left === null ? null : left.get().conj().mul(g!),
    ];
  });
}

export const mm = defineOp({
  name: 'mm',
  doc: 'The product of an [n, m] and an [m, p] matrix. No broadcasting.',
  params: [self, mat2],
  kernel: (a: Tensor, b: Tensor): Tensor => {
    requireDims('mm', 'self', a, 2);
    requireDims('mm', 'mat2', b, 2);
    return product('mm', 'MmBackward0', a, b);
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5, 7])]),
      call([t([3, 5], { layout: 'transposed' }), t([5, 7], { layout: 'strided' })]),
      call([t([17, 31], { dtype: 'float64' }), t([31, 13], { dtype: 'float64', layout: 'transposed' })]),
      call([t([67, 71]), t([71, 37])]),
      call([t([3, 0]), t([0, 5])]),
      call([t([0, 3]), t([3, 5])]),
      call([t([3, 5], { dtype: 'int64' }), t([5, 2], { dtype: 'int64' })]),
      call([
        t([3, 5], { dtype: 'uint8', fill: { low: 0, high: 200 } }),
        t([5, 2], { dtype: 'uint8', fill: { low: 0, high: 200 } }),
      ]),
    ],
    errors: [
      { args: [t([3, 2]), t([3, 2])], throws: 'RuntimeError' },
      { args: [t([3]), t([3, 2])], throws: 'RuntimeError' },
      { args: [t([2, 2]), t([2, 2], { dtype: 'float64' })], throws: 'RuntimeError' },
    ],
  }),
});

export const bmm = defineOp({
  name: 'bmm',
  doc: 'The products of two batches of matrices, [b, n, m] and [b, m, p].',
  params: [self, mat2],
  kernel: (a: Tensor, b: Tensor): Tensor => {
    requireDims('bmm', 'batch1', a, 3);
    requireDims('bmm', 'batch2', b, 3);
    if (a.sizes[0] !== b.sizes[0]) {
      throw new RuntimeError(
        message(
          'bmm',
          'batches of one size',
          `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
          'Expected size for first two dimensions of batch2 tensor to match',
        ),
      );
    }
    return product('bmm', 'BmmBackward0', a, b);
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 5]), t([2, 5, 7])]),
      call([t([2, 3, 5], { layout: 'transposed' }), t([2, 5, 7], { dtype: 'float32', layout: 'strided' })]),
      call([t([3, 2, 4], { dtype: 'float64' }), t([3, 4, 2], { dtype: 'float64' })]),
      call([t([0, 3, 5]), t([0, 5, 2])]),
    ],
    errors: [{ args: [t([2, 3, 4]), t([3, 4, 2])], throws: 'RuntimeError' }],
  }),
});

export const mv = defineOp({
  name: 'mv',
  doc: 'An [n, m] matrix times an [m] vector.',
  params: [self, { name: 'vec', kind: 'tensor' }],
  compose: (a: Tensor, v: Tensor): Tensor => matrixVector('mv', a, v),
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5])]),
      call([t([7, 31], { layout: 'transposed' }), t([31])]),
      call([t([3, 5], { dtype: 'int64' }), t([5], { dtype: 'int64' })]),
    ],
    errors: [{ args: [t([3, 2]), t([3])], throws: 'RuntimeError' }],
  }),
});

export const dot = defineOp({
  name: 'dot',
  doc: 'The inner product of two vectors of one length.',
  params: [self, { name: 'tensor', kind: 'tensor' }],
  kernel: (a: Tensor, b: Tensor): Tensor => innerProduct('dot', a, b),
  tests: () => ({
    samples: [
      call([t([7]), t([7])]),
      call([t([1031]), t([1031])]),
      call([t([0]), t([0])]),
      call([t([5], { dtype: 'int64' }), t([5], { dtype: 'int64' })]),
      call([t([5], { dtype: 'float64', layout: 'strided' }), t([5], { dtype: 'float64' })]),
    ],
    errors: [
      { args: [t([3]), t([4])], throws: 'RuntimeError' },
      { args: [t([3, 2]), t([3])], throws: 'RuntimeError' },
    ],
  }),
});

export const matmul = defineOp({
  name: 'matmul',
  numpy: 'numpy.matmul',
  doc: 'The matrix product with PyTorch’s rules: vectors act as a row or a column, leading dims are batches and broadcast.',
  params: [self, other],
  compose: (a: Tensor, b: Tensor): Tensor => {
    if (a.ndim === 0 || b.ndim === 0) {
      throw new RuntimeError(
        message(
          'matmul',
          'operands with at least 1 dim',
          `${a.ndim}D and ${b.ndim}D`,
          `both arguments to matmul need to be at least 1D, but they are ${a.ndim}D and ${b.ndim}D`,
        ),
      );
    }
    if (a.ndim === 1 && b.ndim === 1) return innerProduct('matmul', a, b);
    if (a.ndim === 2 && b.ndim === 2) return product('matmul', 'MmBackward0', a, b);
    if (a.ndim === 2 && b.ndim === 1) return matrixVector('matmul', a, b);
    if (b.ndim === 1) return product('matmul', 'UnsafeViewBackward0', a, b.unsqueeze(-1)).squeeze(-1);
    if (a.ndim === 1) return product('matmul', 'UnsafeViewBackward0', a.unsqueeze(0), b).squeeze(-2);
    return product('matmul', 'UnsafeViewBackward0', a, b);
  },
  tests: () => ({
    samples: [
      call([t([3]), t([3])]),
      call([t([3, 5]), t([5, 2])]),
      call([t([3, 5]), t([5])]),
      call([t([3]), t([3, 5])]),
      call([t([2, 3, 5]), t([5])]),
      call([t([5]), t([2, 5, 3])]),
      call([t([2, 3, 5]), t([5, 7])]),
      call([t([3, 5]), t([2, 5, 7])]),
      call([t([2, 1, 3, 5]), t([7, 5, 2])]),
      call([t([2, 3, 5], { layout: 'expanded' }), t([2, 5, 3])]),
      call([t([2, 3, 4], { dtype: 'float64' }), t([4, 3], { dtype: 'float64', layout: 'transposed' })]),
      call([t([100, 100]), t([100, 100])]),
      call([t([2, 0, 3]), t([3, 4])]),
    ],
    tolerance: {
      reason:
        "the order of sums is the CPU's own: of 100 terms in float32, PyTorch's recorded product is up to 1.3e-5 from the exact one",
      'cuda:float32': { rtol: 2.6e-6, atol: 2e-5 },
    },
    errors: [
      { args: [t([2, 3]), t([2, 3])], throws: 'RuntimeError' },
      { args: [t([]), t([3])], throws: 'RuntimeError' },
      { args: [t([2, 3, 4]), t([3, 4, 5])], throws: 'RuntimeError' },
    ],
    bench: [call([t([256, 256]), t([256, 256])])],
  }),
});
