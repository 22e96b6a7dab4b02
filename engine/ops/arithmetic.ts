// Owns the declarations of arithmetic, comparison and logic ops. Expressions only.
import { apply, type Expr } from '../pointwise/expr.js';
import type { DType } from '../dtype.js';
import { definePointwise, type Param } from './define.js';
import { call, t } from './samples.js';

export const self: Param = { name: 'input', kind: 'tensor' };
const other: Param = { name: 'other', kind: 'tensorOrScalar' };
const alpha: Param = { name: 'alpha', kind: 'scalar', default: 1, keyword: true };
const noBool = (why: string) => (d: DType) => (d.name === 'bool' ? why : null);
const integral = (d: DType) => (d.isIntegral ? null : 'integers or bool');

export const add = definePointwise({
  name: 'add',
  numpy: 'numpy.add',
  doc: 'input + alpha · other, elementwise, broadcast, promoted.',
  params: [self, other, alpha],
  pointwise: (x: Expr, y: Expr, a: Expr) => x.add(y.mul(a)),
  samples: [call([t([3, 5]), t([5])], { alpha: 2.5 }), call([t([7]), 3], { alpha: -2 })],
  errors: [{ args: [t([3, 2]), t([4])], throws: 'RuntimeError' }],
  bench: [call([t([1000000]), t([1000000])])],
});
export const sub = definePointwise({
  name: 'sub',
  numpy: 'numpy.subtract',
  doc: 'input − alpha · other, elementwise, broadcast, promoted.',
  params: [self, other, alpha],
  refuse: noBool('numbers: subtraction with a bool tensor is not supported; use logicalXor or bitwiseXor'),
  pointwise: (x: Expr, y: Expr, a: Expr) => x.sub(y.mul(a)),
  samples: [call([t([3, 5]), t([5])], { alpha: 2.5 })],
});
export const rsub = definePointwise({
  name: 'rsub',
  doc: 'other − alpha · input.',
  params: [self, other, alpha],
  variants: ['function'],
  refuse: noBool('numbers: subtraction with a bool tensor is not supported'),
  pointwise: (x: Expr, y: Expr, a: Expr) => y.sub(x.mul(a)),
});
export const mul = definePointwise({
  name: 'mul',
  numpy: 'numpy.multiply',
  doc: 'input · other, elementwise, broadcast, promoted.',
  params: [self, other],
  pointwise: (x: Expr, y: Expr) => x.mul(y),
  bench: [call([t([1000000]), t([1000000])])],
});
export const div = definePointwise({
  name: 'div',
  doc: "input / other. Integers divide to the default float, unless roundingMode is 'trunc' or 'floor'.",
  params: [self, other, { name: 'rounding_mode', kind: 'string', default: null, keyword: true }],
  promote: 'float',
  fill: 'nonzero',
  pointwise: (x: Expr, y: Expr, mode) => {
    if (mode === 'floor') return apply('floor', x.div(y));
    return mode === 'trunc' ? apply('trunc', x.div(y)) : x.div(y);
  },
});
export const neg = definePointwise({
  name: 'neg',
  numpy: 'numpy.negative',
  doc: '−input.',
  params: [self],
  refuse: noBool('numbers: negation of a bool tensor is not supported; use logicalNot'),
  pointwise: (x: Expr) => x.neg(),
});
export const eq = definePointwise({
  name: 'eq',
  numpy: 'numpy.equal',
  doc: 'input = other, as bool.',
  params: [self, other],
  promote: 'predicate',
  pointwise: (x: Expr, y: Expr) => x.eq(y),
  notDifferentiable: 'the result is bool',
});
export const bitwiseAnd = definePointwise({
  name: 'bitwiseAnd',
  numpy: 'numpy.bitwise_and',
  doc: 'input & other, on integers and bool.',
  params: [self, other],
  refuse: integral,
  pointwise: (x: Expr, y: Expr) => apply('bitwiseAnd', x, y),
  notDifferentiable: 'integers have no gradient',
});
