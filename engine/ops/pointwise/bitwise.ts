// Integer ops: bits, shifts, greatest common divisor.
import { apply, type Expr } from '../../pointwise/expr.js';
import { definePointwise, type OpDef } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { other, otherTensor, self, selfOrScalar } from './arithmetic.js';

const notDifferentiable = 'integers have no gradient';
const ints = () => t([3, 5], { dtype: 'int64' });
const row = () => t([5], { dtype: 'int64' });
const few = () => t([5], { dtype: 'int64', fill: { low: 0, high: 5 } });

/** An op on integers, on bool too unless `refuse` says otherwise. */
function integers(
  def: Omit<Parameters<typeof definePointwise>[0], 'notDifferentiable'>,
): overloads.PointwiseOp {
  const refuse = def.refuse ?? overloads.integersOnly;
  return definePointwise({ ...def, refuse, accepts: refuse, notDifferentiable });
}
type Apply = NonNullable<OpDef['pointwise']>;
const primitive =
  (name: string): Apply =>
  (...operands) =>
    apply(name, ...(operands as Expr[]));

export const bitwiseAnd = integers({
  name: 'bitwiseAnd',
  numpy: 'numpy.bitwise_and',
  doc: 'The bits set in both, of integers and bool.',
  params: [selfOrScalar, other],
  pointwise: primitive('bitwiseAnd'),
  tests: () => ({
    samples: [call([ints(), row()]), call([ints(), 6]), call([6, row()])],
    errors: [{ args: [t([3]), t([3])], throws: 'NotImplementedError' }],
  }),
});
export const bitwiseOr = integers({
  name: 'bitwiseOr',
  numpy: 'numpy.bitwise_or',
  doc: 'The bits set in either, of integers and bool.',
  params: [selfOrScalar, other],
  pointwise: primitive('bitwiseOr'),
  tests: () => ({ samples: [call([ints(), row()]), call([ints(), 6]), call([6, row()])] }),
});
export const bitwiseXor = integers({
  name: 'bitwiseXor',
  numpy: 'numpy.bitwise_xor',
  doc: 'The bits set in exactly one, of integers and bool.',
  params: [selfOrScalar, other],
  pointwise: primitive('bitwiseXor'),
  tests: () => ({ samples: [call([ints(), row()]), call([ints(), 6]), call([6, row()])] }),
});
export const bitwiseNot = integers({
  name: 'bitwiseNot',
  numpy: 'numpy.bitwise_not',
  doc: 'Every bit inverted; of bool, the truth inverted.',
  params: [self],
  pointwise: primitive('bitwiseNot'),
  tests: () => ({ samples: [call([ints()]), call([t([5], { dtype: 'bool' })])] }),
});
export const bitwiseLeftShift = integers({
  name: 'bitwiseLeftShift',
  numpy: 'numpy.left_shift',
  doc: 'The bits moved up by other places; by all places or more, 0.',
  params: [selfOrScalar, other],
  refuse: overloads.wholeNumbersOnly,
  pointwise: primitive('shiftLeft'),
  tests: () => ({
    samples: [
      call([ints(), few()]),
      call([ints(), 2]),
      call([3, few()]),
      call([t([5], { dtype: 'int8' }), 9]),
    ],
  }),
});
export const bitwiseRightShift = integers({
  name: 'bitwiseRightShift',
  numpy: 'numpy.right_shift',
  doc: 'The bits moved down by other places, the sign kept.',
  params: [selfOrScalar, other],
  refuse: overloads.wholeNumbersOnly,
  pointwise: primitive('shiftRight'),
  tests: () => ({
    samples: [
      call([ints(), few()]),
      call([ints(), 2]),
      call([-300, few()]),
      call([t([5], { dtype: 'int8' }), 9]),
    ],
  }),
});
export const gcd = integers({
  name: 'gcd',
  numpy: 'numpy.gcd',
  doc: 'The greatest common divisor of integers, not negative; of 0 and 0, 0.',
  params: [self, otherTensor],
  refuse: overloads.wholeNumbersOnly,
  pointwise: primitive('gcd'),
  tests: () => ({ samples: [call([ints(), row()])] }),
});
export const lcm = integers({
  name: 'lcm',
  numpy: 'numpy.lcm',
  doc: 'The least common multiple of integers, not negative; 0 where one is 0.',
  params: [self, otherTensor],
  refuse: overloads.wholeNumbersOnly,
  pointwise: primitive('lcm'),
  tests: () => ({ samples: [call([ints(), row()])] }),
});
