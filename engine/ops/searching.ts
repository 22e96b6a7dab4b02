// Owns the ops that look values up in sorted ones: searchsorted, bucketize, isin. A binary search takes all values through
// its steps together: log2(n) passes of other ops.
import { noGrad } from '../autograd/mode.js';
import { bool, int32, int64, promoteTypes } from '../dtype.js';
import { ArgumentError, message, RuntimeError, showShape } from '../errors.js';
import { type Scalar, Tensor } from '../tensor.js';
import { defineOp, type Param } from './define.js';
import { take } from './index_select.js';
import { where } from './masking.js';
import { cast } from './memory.js';
import { counting, filled } from './raw.js';
import { call, t } from './samples.js';

const notDifferentiable = 'the result is positions';
const outInt32: Param = { name: 'out_int32', kind: 'bool', default: false, keyword: true };
const rightParam: Param = { name: 'right', kind: 'bool', default: false, keyword: true };

/** How many of a row's sorted values are below each value (with `right`, not above it), as int64. */
function positions(sorted: Tensor, values: Tensor, right: boolean): Tensor {
  const n = sorted.shape.at(-1)!;
  let at = filled(values.shape, 0, int64);
  if (n === 0 || values.length === 0) return at;
  const flat = sorted.contiguous().reshape([-1]);
  const rows = sorted.ndim === 1 ? null : rowStarts(sorted.shape.slice(0, -1), n);
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const next = at.add(step);
    const index = next.clampMax(n).sub(1);
    const found = take.impl(flat, rows === null ? index : index.add(rows));
    // Not "below": NaN is above everything, as in PyTorch.
    const above = right ? found.gt(values) : found.ge(values);
    at = where.impl(next.le(n).logicalAnd(above.logicalNot()), next, at);
  }
  return at;
}

/** Where each row starts, in the shape of the rows with a last dim of 1. */
function rowStarts(lead: readonly number[], n: number): Tensor {
  const rows = lead.reduce((a, b) => a * b, 1);
  return counting(rows)
    .mul(n)
    .reshape([...lead, 1]);
}

/** @throws RuntimeError where the values do not fit the sorted ones. */
function checkPair(op: string, sorted: Tensor, values: Tensor): void {
  if (sorted.dtype !== values.dtype) {
    const hint = `boundary tensor and input value tensor should have same dtype, but got boundary tensor dtype ${sorted.dtype.title} and input value tensor dtype ${values.dtype.title}`;
    throw new RuntimeError(message(op, `values of dtype ${sorted.dtype.name}`, values.dtype.name, hint));
  }
  const lead = (x: Tensor): string => showShape(x.shape.slice(0, -1));
  if (sorted.ndim === 0 || (sorted.ndim > 1 && (values.ndim === 0 || lead(sorted) !== lead(values)))) {
    const hint =
      'boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match';
    throw new RuntimeError(message(op, `values of rows ${lead(sorted)}`, showShape(values.shape), hint));
  }
}

/** The side that is meant. @throws RuntimeError where side and right contradict each other. */
function sideOf(side: string | null, right: boolean): boolean {
  if (side === null) return right;
  if (side !== 'left' && side !== 'right') {
    const hint = `side can only be 'left' or 'right' but got ${side}`;
    throw new RuntimeError(message('searchsorted', "side 'left' or 'right'", `'${side}'`, hint));
  }
  if (side === 'left' && right) {
    const hint = "side and right can't be set to opposites, got side of left while right was True";
    throw new RuntimeError(message('searchsorted', 'one side', 'left and right', hint));
  }
  return side === 'right';
}

/** The sequence in the order that the sorter gives. */
function ordered(sequence: Tensor, sorter: Tensor | null): Tensor {
  if (sorter === null) return sequence;
  if (showShape(sorter.shape) !== showShape(sequence.shape) || sorter.dtype !== int64) {
    const hint = 'boundary and sorter must have the same size, and sorter must be a tensor of long dtype';
    const seen = `${sorter.dtype.name} ${showShape(sorter.shape)}`;
    throw new RuntimeError(
      message('searchsorted', `an int64 sorter ${showShape(sequence.shape)}`, seen, hint),
    );
  }
  return sequence.gather(-1, sorter);
}

/** A number as a tensor of the sequence's dtype, or of a wider one. */
function valuesOf(input: Tensor | Scalar, sorted: Tensor): [Tensor, Tensor] {
  if (input instanceof Tensor) return [sorted, input];
  const values = filled([], 1, sorted.dtype).mul(input);
  return [cast(sorted, values.dtype), values];
}

export const searchsorted = defineOp({
  name: 'searchsorted',
  doc: 'Where in a sorted sequence (of each row) each value belongs: before equal ones, or after them.',
  params: [
    { name: 'sorted_sequence', kind: 'tensor' },
    { name: 'input', kind: 'tensorOrScalar' },
    outInt32,
    rightParam,
    { name: 'side', kind: 'string', default: null, keyword: true },
    { name: 'sorter', kind: 'tensor', default: null, keyword: true },
  ],
  variants: ['function'],
  compose: (
    sequence: Tensor,
    input: Tensor | Scalar,
    small: boolean,
    right: boolean,
    side: string | null,
    sorter: Tensor | null,
  ): Tensor =>
    noGrad(() => {
      const after = sideOf(side, right);
      const [sorted, values] = valuesOf(input, ordered(sequence, sorter));
      checkPair('searchsorted', sorted, values);
      const found = positions(sorted, values, after);
      return small ? cast(found, int32) : found;
    }),
  notDifferentiable,
  samples: [
    call([t([5], { fill: 'arange' }), t([3, 4])], { right: true }),
    call([t([3, 5], { fill: 'arange' }), t([3, 4], { fill: 'large' })], { out_int32: true }),
    call([t([5], { fill: 'arange' }), 2], { side: 'right' }),
  ],
  errors: [{ args: [t([2, 3]), t([3, 3])], throws: 'RuntimeError' }],
});

export const bucketize = defineOp({
  name: 'bucketize',
  doc: 'The number of boundaries below each value (with right, not above it): the bucket it falls into.',
  params: [
    { name: 'input', kind: 'tensorOrScalar' },
    { name: 'boundaries', kind: 'tensor' },
    outInt32,
    rightParam,
  ],
  variants: ['function'],
  compose: (input: Tensor | Scalar, boundaries: Tensor, small: boolean, right: boolean): Tensor =>
    noGrad(() => {
      if (boundaries.ndim !== 1) {
        const hint = `boundaries tensor must be 1 dimension, but got dim(${boundaries.ndim})`;
        throw new RuntimeError(message('bucketize', '1-d boundaries', showShape(boundaries.shape), hint));
      }
      const [sorted, values] = valuesOf(input, boundaries);
      checkPair('bucketize', sorted, values);
      const found = positions(sorted, values, right);
      return small ? cast(found, int32) : found;
    }),
  notDifferentiable,
  samples: [
    call([t([3, 4]), t([5], { fill: 'arange' })]),
    call([2, t([5], { fill: 'arange' })], { right: true }),
  ],
  errors: [{ args: [t([3]), t([2, 2])], throws: 'RuntimeError' }],
});

/** Whether each element is among the others: its place among them, sorted, holds it. */
function among(elements: Tensor, others: Tensor): Tensor {
  const dtype = promoteTypes(elements.dtype, others.dtype);
  const sorted = cast(others, dtype).reshape([-1]).sort().values;
  const n = sorted.length;
  const x = cast(elements, dtype);
  if (n === 0) return filled(x.shape, false, bool);
  return take.impl(sorted, positions(sorted, x, false).clampMax(n - 1)).eq(x);
}

export const isin = defineOp({
  name: 'isin',
  numpy: 'numpy.isin',
  doc: 'Whether each element is among the test elements; with invert, whether it is not. Either may be one number.',
  params: [
    { name: 'elements', kind: 'tensorOrScalar' },
    { name: 'test_elements', kind: 'tensorOrScalar' },
    { name: 'assume_unique', kind: 'bool', default: false, keyword: true },
    { name: 'invert', kind: 'bool', default: false, keyword: true },
  ],
  variants: ['function'],
  compose: (elements: Tensor | Scalar, test: Tensor | Scalar, _unique: boolean, invert: boolean): Tensor =>
    noGrad(() => {
      const like = elements instanceof Tensor ? elements : test;
      if (!(like instanceof Tensor)) {
        throw new ArgumentError(message('isin', 'at least one Tensor', 'two numbers'));
      }
      const found = among(tensorOf(elements, like), tensorOf(test, like));
      return invert ? found.logicalNot() : found;
    }),
  notDifferentiable: 'the result is bool',
  samples: [
    call([t([3, 5], { fill: 'ties' }), t([4], { fill: 'ties' })]),
    call([t([7], { dtype: 'int64' }), 2], { invert: true }),
    call([t([7]), t([0])]),
  ],
});
const tensorOf = (value: Tensor | Scalar, like: Tensor): Tensor =>
  value instanceof Tensor ? value : filled([], 1, like.dtype).mul(value);
