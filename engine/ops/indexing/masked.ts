// Masks: where, maskedFill, maskedSelect, tril, triu.
import { record } from '../../autograd/node.js';
import { launchPointwise } from '../../backend/commands/pointwise.js';
import { Complex } from '../../core/complex.js';
import { bool as boolType, int32 } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor, newWritten } from '../../core/factory.js';
import { cppName, scalarAs } from '../../core/scalar.js';
import { broadcastShapes, expandsTo, sameShape } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { apply, type Expr, input, param } from '../../pointwise/expr.js';
import { compile } from '../../pointwise/program.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import { applied, appliedInPlace, type Change, uninitialised } from '../../registry/in-place.js';
import { call, t } from '../../registry/samples.js';
import { expanded, unsqueezed } from '../views/geometry.js';
import { indexed } from './advanced.js';
import { filled, requireMemory } from './index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };
const maskParam: Param = { name: 'mask', kind: 'tensor' };
const mask = (shape: readonly number[]) => t(shape, { dtype: 'bool' });

export const where = definePointwise({
  name: 'where',
  numpy: 'numpy.where',
  doc: 'input where condition holds, else other; broadcast, promoted.',
  params: [
    { name: 'condition', kind: 'tensor', neutral: true },
    { name: 'input', kind: 'tensorOrScalar', fits: true },
    { name: 'other', kind: 'tensorOrScalar', fits: true },
  ],
  variants: ['function'],
  pointwise: (c: Expr, x: Expr, y: Expr) => c.where(x, y),
  check: ([condition]) => {
    if (condition instanceof Tensor && condition.dtype.name !== 'bool' && condition.dtype.name !== 'uint8') {
      const hint = `where expected condition to be a boolean tensor, but got a tensor with dtype ${condition.dtype.title}`;
      throw new RuntimeError(message('where', 'a bool condition', condition.dtype.name, hint));
    }
  },
  tests: () => ({
    samples: [
      call([mask([3, 5]), t([3, 5]), t([5])]),
      call([mask([3, 1]), t([5]), 0.5]),
      call([mask([3]), 1, 0]),
      call([mask([3]), 2.5, t([3], { dtype: 'int64' })]),
      call([mask([]), t([2], { dtype: 'int64' }), t([])]),
      call([t([3], { dtype: 'uint8', fill: { low: 0, high: 2 } }), t([3]), t([3])]),
    ],
    errors: [
      { args: [t([3, 5]), t([3, 5]), t([3, 5])], throws: 'RuntimeError' },
      { args: [mask([3, 5]), t([4]), t([5])], throws: 'RuntimeError' },
    ],
  }),
});
const maskedExpr = input(1).where(param(0), input(0));
const maskedComplexExpr = input(1).where(apply('complex', param(0), param(1)), input(0));
const maskedTensorExpr = input(1).where(input(2), input(0));
const unmaskedExpr = input(1).where(0, input(0));
const onlyMaskedExpr = input(1).where(input(0), 0);

/** Runs an expression of a tensor and a bool mask, in the tensor's dtype, into `out`. */
function runMasked(
  op: string,
  root: Expr,
  out: Tensor,
  inputs: readonly Tensor[],
  params: readonly number[],
): void {
  const program = compile(
    root,
    out.dtype,
    inputs.map((x) => x.dtype),
    params.length,
    out.dtype,
  );
  launchPointwise(op, program, out, inputs, params);
}

/** `g` where the mask does not hold (or where it does), else 0. Differentiable. */
export function filtered(g: Tensor, keep: Tensor, where_: 'unmasked' | 'masked'): Tensor {
  const out = newTensor(broadcastShapes('maskedFill', g.sizes, keep.sizes), g.dtype);
  runMasked('maskedFill', where_ === 'unmasked' ? unmaskedExpr : onlyMaskedExpr, out, [g, keep], []);
  return record('MaskedFillBackward0', out, [g], (save) => {
    const kept = save(keep);
    return ([gg]) => [filtered(gg!, kept.get(), where_)];
  });
}

/** The change that sets what the mask names; shapes and dtypes are checked. */
export function filling(nodeName: string | null, x: Tensor, keep: Tensor, value: Tensor | Scalar): Change {
  if (value instanceof Tensor && value.dtype.isComplex && !x.dtype.isComplex)
    throw new RuntimeError(
      message(
        'maskedFill',
        `a value that ${x.dtype.name} can hold`,
        value.dtype.name,
        `value cannot be converted to type ${cppName(x.dtype)} without overflow`,
      ),
    );
  const scalar = value instanceof Tensor ? 0 : scalarAs('maskedFill', value, x.dtype);
  // A program's parameters are float64: a larger integer is a tensor of its own.
  const tensor =
    typeof scalar === 'bigint' ? filled([], scalar, x.dtype) : value instanceof Tensor ? value : null;
  const params = scalar instanceof Complex ? [scalar.re, scalar.im] : [Number(scalar)];
  const byScalar = scalar instanceof Complex ? maskedComplexExpr : maskedExpr;
  return {
    nodeName: nodeName ?? (tensor === null ? 'MaskedFillBackward0' : 'MaskedFillBackward1'),
    inputs: tensor === null ? [x] : [x, tensor],
    write: (out, sources) => {
      if (tensor === null) runMasked('maskedFill', byScalar, out, [sources[0]!, keep], params);
      else runMasked('maskedFill', maskedTensorExpr, out, [sources[0]!, keep, sources[1]!], []);
    },
    make: (save) => {
      const kept = save(keep);
      return ([g]) => [
        filtered(g!, kept.get(), 'unmasked'),
        ...(tensor === null ? [] : [filtered(g!, kept.get(), 'masked')]),
      ];
    },
  };
}

function checkedFilling(x: Tensor, keep: Tensor, value: Tensor | Scalar): Change {
  requireMemory('maskedFill', value instanceof Tensor ? [x, keep, value] : [x, keep]);
  if (keep.dtype !== boolType) {
    throw new RuntimeError(
      message(
        'maskedFill',
        'a bool mask',
        keep.dtype.name,
        `masked_fill_ only supports boolean masks, but got mask with dtype ${keep.dtype.name}`,
      ),
    );
  }
  if (value instanceof Tensor && value.ndim > 0) {
    throw new RuntimeError(
      message(
        'maskedFill',
        'a 0-d value',
        showShape(value.sizes),
        `masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s).`,
      ),
    );
  }
  const whole = value instanceof Complex && x.dtype.isComplex ? filled([], value, x.dtype) : value;
  return filling(null, x, keep, whole);
}

export const maskedFill = defineOp({
  name: 'maskedFill',
  doc: 'The tensor with `value` (a number or a 0-d tensor) wherever the mask holds; both broadcast.',
  params: [self, maskParam, { name: 'value', kind: 'tensorOrScalar' }],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, keep: Tensor, value: Tensor | Scalar): Tensor => {
    const shape = broadcastShapes('maskedFill', x.sizes, keep.sizes);
    const full = sameShape(shape, x.sizes) ? x : expanded('maskedFill', x, shape);
    return applied(checkedFilling(full, keep, value), uninitialised);
  },
  inPlace: (x: Tensor, keep: Tensor, value: Tensor | Scalar): Tensor => {
    if (!expandsTo(keep.sizes, x.sizes)) {
      const shape = broadcastShapes('maskedFill_', x.sizes, keep.sizes);
      throw new RuntimeError(
        message(
          'maskedFill_',
          `a mask that broadcasts to ${showShape(x.sizes)}`,
          showShape(keep.sizes),
          `output with shape ${showShape(x.sizes)} doesn't match the broadcast shape ${showShape(shape)}`,
        ),
      );
    }
    return appliedInPlace('maskedFill_', checkedFilling(x, keep, value));
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), mask([3, 5]), 2.5]),
      call([t([3, 5], { layout: 'transposed' }), mask([5]), { special: '-inf' }]),
      call([t([3, 5]), mask([3, 1]), t([])]),
      call([t([]), mask([]), 1]),
      call([t([0, 5]), mask([5]), 1]),
      call([t([3, 5], { dtype: 'int64' }), mask([3, 5]), 7]),
      call([t([3, 5], { dtype: 'bool' }), mask([3, 5]), true]),
    ],
    errors: [
      { args: [t([3, 5]), t([3, 5]), 1], throws: 'RuntimeError' },
      { args: [t([3, 5]), mask([4]), 1], throws: 'RuntimeError' },
      { args: [t([3, 5]), mask([5]), t([1])], throws: 'RuntimeError' },
      { args: [t([3], { dtype: 'uint8' }), mask([3]), 300], throws: 'RuntimeError' },
    ],
    bench: [call([t([1000, 1000]), mask([1000, 1000]), 0])],
  }),
});

export const maskedSelect = defineOp({
  name: 'maskedSelect',
  doc: 'The elements where the mask holds, in row-major order, as a 1-d copy; both broadcast.',
  params: [self, maskParam],
  kernel: (x: Tensor, keep: Tensor): Tensor => {
    requireMemory('maskedSelect', [x, keep]);
    if (keep.dtype !== boolType)
      throw new RuntimeError(
        message(
          'maskedSelect',
          'a bool mask',
          keep.dtype.name,
          'masked_select: expected BoolTensor for mask',
        ),
      );
    const shape = broadcastShapes('maskedSelect', x.sizes, keep.sizes);
    const full = sameShape(shape, x.sizes) ? x : expanded('maskedSelect', x, shape);
    const where1 = sameShape(shape, keep.sizes) ? keep : expanded('maskedSelect', keep, shape);
    const lift = (y: Tensor): Tensor => (y.ndim === 0 ? unsqueezed(y, 0) : y);
    return indexed('MaskedSelectBackward0', lift(full), [lift(where1)]);
  },
  out: {},
  tests: () => ({
    samples: [
      call([t([3, 5]), mask([3, 5])]),
      call([t([5]), mask([3, 1])]),
      call([t([3, 5], { layout: 'transposed' }), mask([5])]),
      call([t([]), t([], { dtype: 'bool', fill: 'ones' })]),
      call([t([0, 3]), mask([3])]),
      call([t([7], { dtype: 'int32' }), mask([7])]),
    ],
    errors: [
      { args: [t([3, 5]), t([3, 5])], throws: 'RuntimeError' },
      { args: [t([3, 5]), mask([3])], throws: 'RuntimeError' },
    ],
  }),
});

const rowLimit = apply('le', input(1).sub(input(0)), param(0));

/** Whether col − row ≤ diagonal (≥ for the upper part), as a bool mask of the last two dims. */
function triangle(rows: number, cols: number, diagonal: number): Tensor {
  const axis = (n: number, shape: readonly number[]): Tensor => {
    return newWritten(shape, int32, (data) => {
      for (let i = 0; i < n; i++) data[i] = i;
    });
  };
  const out = newTensor([rows, cols], boolType);
  const row = axis(rows, [rows, 1]);
  const col = axis(cols, [1, cols]);
  const limit = Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, diagonal));
  launchPointwise('tril', compile(rowLimit, int32, [int32, int32], 1, boolType), out, [row, col], [limit]);
  return out;
}

function triangular(op: 'tril' | 'triu', x: Tensor, diagonal: number): Change {
  if (x.ndim < 2)
    throw new RuntimeError(
      message(
        op,
        'at least 2 dims',
        showShape(x.sizes),
        `${op}: input tensor must have at least 2 dimensions`,
      ),
    );
  requireMemory(op, [x]);
  const [rows, cols] = x.sizes.slice(-2) as [number, number];
  // tril keeps col − row ≤ diagonal; triu drops col − row ≤ diagonal − 1.
  const root = op === 'tril' ? onlyMaskedExpr : unmaskedExpr;
  return {
    nodeName: op === 'tril' ? 'TrilBackward0' : 'TriuBackward0',
    inputs: [x],
    write: (out, sources) => {
      if (out.length > 0)
        runMasked(
          op,
          root,
          out,
          [sources[0]!, triangle(rows, cols, op === 'tril' ? diagonal : diagonal - 1)],
          [],
        );
    },
    make:
      () =>
      ([g]) => [applied(triangular(op, g!, diagonal), uninitialised)],
  };
}

const triSamples = () => [
  call([t([3, 5])]),
  call([t([5, 3]), 1]),
  call([t([2, 3, 5], { layout: 'transposed' }), -1]),
  call([t([3, 5]), 9]),
  call([t([0, 3])]),
  call([t([3, 3], { dtype: 'bool' })]),
  call([t([3, 5], { dtype: 'uint8', fill: { low: 0, high: 9 } }), -2]),
  call([t([3, 5], { fill: 'special' })], {}, { noGrad: 'special values' }),
];
const diagonalParam: Param = { name: 'diagonal', kind: 'int', default: 0 };

export const tril = defineOp({
  name: 'tril',
  numpy: 'numpy.tril',
  doc: 'The lower triangle of the last two dims, 0 above the given diagonal.',
  params: [self, diagonalParam],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, diagonal: number): Tensor => applied(triangular('tril', x, diagonal), uninitialised),
  inPlace: (x: Tensor, diagonal: number): Tensor => appliedInPlace('tril_', triangular('tril', x, diagonal)),
  tests: () => ({ samples: triSamples(), errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});

export const triu = defineOp({
  name: 'triu',
  numpy: 'numpy.triu',
  doc: 'The upper triangle of the last two dims, 0 below the given diagonal.',
  params: [self, diagonalParam],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, diagonal: number): Tensor => applied(triangular('triu', x, diagonal), uninitialised),
  inPlace: (x: Tensor, diagonal: number): Tensor => appliedInPlace('triu_', triangular('triu', x, diagonal)),
  tests: () => ({ samples: triSamples(), errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});
