// beta·input + alpha·product: addmm, addmv, addr, addbmm, baddbmm.
import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { regeometry } from '../../core/factory.js';
import { scalarAs } from '../../core/scalar.js';
import { expandsTo, sameShape } from '../../core/shape.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { copy, rawZeros } from '../creation/copy-fill-cast.js';

const tensorParam = (name: string): Param => ({ name, kind: 'tensor' });
const scales: readonly Param[] = [
  { name: 'beta', kind: 'scalar', default: 1, keyword: true },
  { name: 'alpha', kind: 'scalar', default: 1, keyword: true },
];

/** What is added must have the product's dtype, and broadcast to it. @throws RuntimeError */
function checkAdded(op: string, x: Tensor, shape: readonly number[], of: Tensor): void {
  if (x.dtype !== of.dtype && op !== 'addr') {
    throw new RuntimeError(
      message(
        op,
        'operands of one dtype',
        `${x.dtype.name} and ${of.dtype.name}`,
        'self and the matrices must have the same dtype',
      ),
    );
  }
  if (!expandsTo(x.sizes, shape)) {
    throw new RuntimeError(
      message(
        op,
        `an input that broadcasts to ${showShape(shape)}`,
        showShape(x.sizes),
        `The expanded size of the tensor must match the existing size at non-singleton dimensions. Target sizes: ${showShape(shape)}.  Tensor sizes: ${showShape(x.sizes)}`,
      ),
    );
  }
}

/** A factor in the tensors' dtype. Only addr promotes, and refuses what the others cut off. @throws RuntimeError */
function scaleFor(op: string, name: string, value: Scalar, x: Tensor): Scalar {
  if (op === 'addr') checkScale(op, name, value, x);
  return scalarAs(op, value, x.dtype);
}

function checkScale(op: string, name: string, value: Scalar, x: Tensor): void {
  if (typeof value === 'boolean' && !x.dtype.isBool) {
    const hint = `Boolean ${name} only supported for Boolean results.`;
    throw new RuntimeError(message(op, `a number as ${name}`, String(value), hint));
  }
  if (x.dtype.isIntegral && typeof value === 'number' && !Number.isInteger(value)) {
    throw new RuntimeError(
      message(
        op,
        `a whole ${name} for ${x.dtype.name}`,
        String(value),
        `For integral input tensors, argument ${name} must not be a floating point number.`,
      ),
    );
  }
}

/** beta·x + alpha·product. With beta 0 the input is not read: its NaNs do not count. */
function added(op: string, x: Tensor, product: Tensor, by: Scalar, times: Scalar): Tensor {
  checkAdded(op, x, product.sizes, product);
  const [beta, alpha] = [scaleFor(op, 'beta', by, x), scaleFor(op, 'alpha', times, x)];
  if (Number(beta) !== 0) return (Number(beta) === 1 ? x : x.mul(beta)).add(product, { alpha });
  const { sizes: shape } = x;
  const nothing = record('MulBackward0', rawZeros(shape, x.dtype), [x], () => ([g]) => [
    rawZeros(shape, g!.dtype),
  ]);
  return nothing.add(product, { alpha });
}

interface Form {
  readonly name: string;
  readonly doc: string;
  readonly factors: readonly [string, string];
  product(a: Tensor, b: Tensor): Tensor;
  readonly shapes: readonly [readonly number[], readonly number[], readonly number[]];
}

function fused(f: Form) {
  const compute = (x: Tensor, a: Tensor, b: Tensor, beta: Scalar, alpha: Scalar): Tensor =>
    added(f.name, x, f.product(a, b), beta, alpha);
  const [x, a, b] = f.shapes;
  return defineOp({
    name: f.name,
    doc: f.doc,
    params: [tensorParam('input'), ...f.factors.map(tensorParam), ...scales],
    variants: ['function', 'method', 'inplace'],
    compose: compute,
    inPlace: (target: Tensor, left: Tensor, right: Tensor, beta: Scalar, alpha: Scalar): Tensor => {
      const result = compute(target, left, right, beta, alpha);
      // PyTorch's addbmm_ takes the size of what it computes.
      if (f.name === 'addbmm' && !target.requiresGrad && !result.requiresGrad) {
        if (!sameShape(result.sizes, target.sizes))
          regeometry(target, result.sizes, result.strides, result.offset, result.storage);
      }
      if (!sameShape(result.sizes, target.sizes)) {
        throw new RuntimeError(
          message(
            `${f.name}_`,
            `an input of shape ${showShape(result.sizes)}`,
            showShape(target.sizes),
            `output with shape ${showShape(target.sizes)} doesn't match the broadcast shape ${showShape(result.sizes)}`,
          ),
        );
      }
      return copy.inplace!(target, result);
    },
    tests: () => ({
      samples: [
        call([t(x), t(a), t(b)]),
        call(
          [t(x.slice(-1), { dtype: 'float64' }), t(a, { dtype: 'float64' }), t(b, { dtype: 'float64' })],
          { beta: 0.2, alpha: 0.6 },
          f.name === 'addbmm' ? { noGrad: 'PyTorch resizes its target in place, but not on the tape' } : {},
        ),
        call([t(x, { dtype: 'int64' }), t(a, { dtype: 'int64' }), t(b, { dtype: 'int64' })], { beta: 2 }),
      ],
      errors: [{ args: [t([7, 7, 7]), t(a), t(b)], throws: 'RuntimeError' }],
    }),
  });
}

export const addmm = fused({
  name: 'addmm',
  doc: 'beta·input + alpha·(mat1 @ mat2), of an [n, m] and an [m, p] matrix.',
  factors: ['mat1', 'mat2'],
  product: (a, b) => a.mm(b),
  shapes: [
    [3, 5],
    [3, 2],
    [2, 5],
  ],
});

export const addmv = fused({
  name: 'addmv',
  doc: 'beta·input + alpha·(mat @ vec), of an [n, m] matrix and an [m] vector.',
  factors: ['mat', 'vec'],
  product: (a, b) => a.mv(b),
  shapes: [[3], [3, 2], [2]],
});

export const addbmm = fused({
  name: 'addbmm',
  doc: 'beta·input + alpha·Σ (batch1 @ batch2), the products of a batch summed.',
  factors: ['batch1', 'batch2'],
  product: (a, b) => {
    if (a.ndim !== 3 || b.ndim !== 3 || a.sizes[0] !== b.sizes[0]) return a.bmm(b);
    // One product, along the batch too.
    const wide = a.permute([1, 0, 2]).reshape([a.sizes[1]!, a.sizes[0]! * a.sizes[2]!]);
    return wide.mm(b.reshape([b.sizes[0]! * b.sizes[1]!, b.sizes[2]!]));
  },
  shapes: [
    [3, 5],
    [4, 3, 2],
    [4, 2, 5],
  ],
});

export const baddbmm = fused({
  name: 'baddbmm',
  doc: 'beta·input + alpha·(batch1 @ batch2), for every matrix of a batch.',
  factors: ['batch1', 'batch2'],
  product: (a, b) => a.bmm(b),
  shapes: [
    [4, 3, 5],
    [4, 3, 2],
    [4, 2, 5],
  ],
});

export const addr = fused({
  name: 'addr',
  doc: 'beta·input + alpha·(vec1 ⊗ vec2), the outer product of two vectors.',
  factors: ['vec1', 'vec2'],
  product: (a, b) => a.outer(b),
  shapes: [[3, 5], [3], [5]],
});
