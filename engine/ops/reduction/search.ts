// Lookup in sorted values: searchsorted, bucketize, isin.

import { runSearch } from '../../backend/commands/search.js';
import { computedIn, type DType, int32, int64, scalarDType } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { sameShape } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { promoted } from '../../pointwise/function-support.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { cast, rawCast } from '../creation/copy-fill-cast.js';
import { filled, requireMemory } from '../indexing/index-kernels.js';

const outInt32: Param = { name: 'out_int32', kind: 'bool', default: false, keyword: true };
const rightParam: Param = { name: 'right', kind: 'bool', default: false, keyword: true };

/** Where each value belongs in its row of `sequence`; one row serves all where it is 1-d. Both have one dtype. */
function search(op: string, sequence: Tensor, values: Tensor, right: boolean, sorter: Tensor | null): Tensor {
  const out = newTensor(values.sizes, int64);
  if (out.length === 0) return out;
  const n = sequence.sizes[sequence.ndim - 1] ?? 1;
  if (n === 0) return filled(values.sizes, 0, int64);
  requireMemory(op, [sequence, values]);
  const wide = computedIn(sequence.dtype);
  if (wide !== sequence.dtype)
    return search(op, rawCast(sequence, wide), rawCast(values, wide), right, sorter);
  const [s, v] = [sequence, values].map((x) => (x.isContiguous() ? x : rawCast(x, x.dtype))) as [
    Tensor,
    Tensor,
  ];
  const order = sorter === null ? null : rawCast(sorter, int64);
  const shared = sequence.ndim === 1;
  const m = shared ? values.length : (values.sizes[values.ndim - 1] ?? 1);
  runSearch(op, s.device.kernels!, {
    dtype: s.dtype.code,
    rows: values.length / m,
    n,
    m,
    right,
    shared,
    sequence: s.address,
    sorter: order === null ? 0 : order.address,
    values: v.address,
    out: out.address,
  });
  return out;
}

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, `torch.${op}(): ${hint}`));
}

/** The dtype that two operands are compared in: that of their promotion. */
function commonDType(a: Tensor | Scalar, b: Tensor | Scalar): DType {
  const tensors = [a, b].filter((v): v is Tensor => v instanceof Tensor);
  const numbers = [a, b].filter((v): v is Scalar => !(v instanceof Tensor));
  return promoted(tensors, numbers.map(scalarDType), []);
}

/** @throws NotImplementedError where there is no order to search in. */
function searchedDType(op: string, sequence: Tensor, values: Tensor | Scalar): DType {
  const dtype = commonDType(sequence, values);
  if (!dtype.isBool && !dtype.isComplex) return dtype;
  const hint = `"searchsorted_out_cpu" not implemented for '${dtype.title}'`;
  throw new NotImplementedError(message(op, 'real numbers', dtype.name, hint));
}

/** An operand in that dtype. A number wraps, as in arithmetic. */
function inDType(value: Tensor | Scalar, dtype: DType): Tensor {
  if (value instanceof Tensor) return cast(value.detach(), dtype);
  return dtype.isInteger ? rawCast(filled([], value, int64), dtype) : filled([], value, dtype);
}

/** @throws RuntimeError unless the rows of both are the same, or the sequence serves all. */
function checkSearch(
  sequence: Tensor,
  values: Tensor,
  side: string | null,
  right: boolean,
  sorter: Tensor | null,
): void {
  const op = 'searchsorted';
  if (side === 'left' && right)
    refuse(
      op,
      'sides that agree',
      'left and right',
      "side and right can't be set to opposites, got side of left while right was True",
    );
  if (sequence.ndim === 0)
    refuse(
      op,
      'a sequence of at least one dim',
      '0-d',
      'boundaries tensor should have positive dimension, but got 0 dimension',
    );
  const rows = (x: Tensor): readonly number[] => x.sizes.slice(0, -1);
  if (sequence.ndim > 1 && (values.ndim !== sequence.ndim || !sameShape(rows(sequence), rows(values)))) {
    const hint = `boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor ${showShape(sequence.sizes)} and input value tensor ${showShape(values.sizes)}`;
    refuse(op, 'rows that match', showShape(values.sizes), hint);
  }
  if (sorter === null) return;
  if (!sameShape(sorter.sizes, sequence.sizes)) {
    const hint = `boundary and sorter must have the same size, but got boundary tensor ${showShape(sequence.sizes)}and got sorter tensor ${showShape(sorter.sizes)}`;
    refuse(op, showShape(sequence.sizes), showShape(sorter.sizes), hint);
  }
  if (sorter.dtype !== int64)
    refuse(
      op,
      'an int64 sorter',
      sorter.dtype.name,
      `sorter must be a tensor of long dtype but got dtype ${sorter.dtype.title}`,
    );
  const n = sequence.sizes[sequence.ndim - 1]!;
  if (sorter.length > 0 && sorter.lt(0).logicalOr(sorter.ge(n)).any().item())
    refuse(op, `sorter indices in [0, ${n})`, 'others', 'sorter index out of range');
}

export const searchsorted = defineOp({
  name: 'searchsorted',
  numpy: 'numpy.searchsorted',
  doc: 'How many of a row’s ascending values are below each input (right: not above), as int64.',
  params: [
    { name: 'sorted_sequence', kind: 'tensor' },
    { name: 'input', kind: 'tensorOrScalar' },
    outInt32,
    rightParam,
    {
      name: 'side',
      kind: 'string',
      default: null,
      keyword: true,
      choices: oneOf(
        ['left', 'right'],
        RuntimeError,
        (side) => `side can only be 'left' or 'right' but got ${side}`,
      ),
    },
    { name: 'sorter', kind: 'tensor', default: null, keyword: true },
  ],
  variants: ['function'],
  kernel: (
    sequence: Tensor,
    input: Tensor | Scalar,
    narrow: boolean,
    right: boolean,
    side: string | null,
    sorter: Tensor | null,
  ): Tensor => {
    const dtype = searchedDType('searchsorted', sequence, input);
    const [sorted, values] = [inDType(sequence, dtype), inDType(input, dtype)];
    checkSearch(sequence, values, side, right, sorter);
    return cast(
      search('searchsorted', sorted, values, right || side === 'right', sorter),
      narrow ? int32 : int64,
    );
  },
  notDifferentiable: 'the result is positions',
  tests: () => ({
    samples: [
      call([t([6], { fill: 'arange' }), t([3, 4], { fill: { low: -1, high: 7 } })]),
      call([t([6], { fill: 'arange' }), 2.5], { right: true }),
      call(
        [t([2, 3], { fill: { values: [1, 3, 5, 0, 0, 9] } }), t([2, 2], { fill: { values: [3, 9, 0, 4] } })],
        { side: 'right', out_int32: true },
      ),
      call([t([3], { fill: { values: [5, 1, 3] } }), t([2], { fill: { values: [3, 4] } })], {
        sorter: t([3], { dtype: 'int64', fill: { values: [1, 2, 0] } }),
      }),
    ],
    errors: [
      { args: [t([2, 3]), t([3, 2])], throws: 'RuntimeError' },
      { args: [t([3]), 1], kwargs: { side: 'up' }, throws: 'RuntimeError' },
    ],
  }),
});

export const bucketize = defineOp({
  name: 'bucketize',
  doc: 'Which of the buckets between ascending boundaries each input belongs to, as int64.',
  params: [
    { name: 'input', kind: 'tensorOrScalar' },
    { name: 'boundaries', kind: 'tensor' },
    outInt32,
    rightParam,
  ],
  variants: ['function'],
  kernel: (input: Tensor | Scalar, boundaries: Tensor, narrow: boolean, right: boolean): Tensor => {
    if (boundaries.ndim !== 1) {
      const hint = `boundaries tensor must be 1 dimension, but got dim(${boundaries.ndim})`;
      throw new RuntimeError(message('bucketize', '1-d boundaries', `${boundaries.ndim} dims`, hint));
    }
    const dtype = searchedDType('bucketize', boundaries, input);
    const [sorted, values] = [inDType(boundaries, dtype), inDType(input, dtype)];
    return cast(search('bucketize', sorted, values, right, null), narrow ? int32 : int64);
  },
  notDifferentiable: 'the result is positions',
  tests: () => ({
    samples: [
      call([t([3, 4], { fill: { low: -1, high: 7 } }), t([6], { fill: 'arange' })]),
      call([2, t([6], { fill: 'arange' })], { right: true, out_int32: true }),
    ],
    errors: [{ args: [t([3]), t([2, 2])], throws: 'RuntimeError' }],
  }),
});

export const isin = defineOp({
  name: 'isin',
  numpy: 'numpy.isin',
  doc: 'Whether each element is among the test elements, as bool.',
  params: [
    { name: 'elements', kind: 'tensorOrScalar' },
    { name: 'test_elements', kind: 'tensorOrScalar' },
    { name: 'assume_unique', kind: 'bool', default: false, keyword: true },
    { name: 'invert', kind: 'bool', default: false, keyword: true },
  ],
  variants: ['function'],
  kernel: (a: Tensor | Scalar, b: Tensor | Scalar, _unique: boolean, invert: boolean): Tensor => {
    if (!(a instanceof Tensor) && !(b instanceof Tensor)) {
      const hint = 'isin(): at least one of elements and test_elements must be a tensor';
      throw new RuntimeError(message('isin', 'a tensor', 'two numbers', hint));
    }
    const dtype = commonDType(a, b);
    for (const d of [a, b].map((v) => (v instanceof Tensor ? v.dtype : scalarDType(v)))) {
      if (!d.isBool && !d.isComplex) continue;
      const hint = `Unsupported input type encountered for isin(): ${d.title}`;
      throw new RuntimeError(message('isin', 'real numbers', d.name, hint));
    }
    const [x, test] = [a, b].map((v) => inDType(v, dtype)) as [Tensor, Tensor];
    if (test.length === 0) return filled(x.sizes, invert ? 1 : 0, x.eq(x).dtype);
    const sorted = test.reshape([test.length]).sort().values;
    const at = search('isin', sorted, x, false, null).clampMax(test.length - 1);
    const found = sorted.take(at);
    return invert ? found.ne(x) : found.eq(x);
  },
  notDifferentiable: 'the result is bool',
  tests: () => ({
    samples: [
      call([
        t([3, 4], { dtype: 'int64', fill: { low: 0, high: 6 } }),
        t([3], { dtype: 'int64', fill: { low: 0, high: 6 } }),
      ]),
      call([t([5], { fill: 'ties' }), 2], { invert: true }),
      call([t([2, 2], { fill: 'ties' }), t([0])]),
    ],
  }),
});
