// Arithmetic: add, sub, mul, div, remainders, signs.

import { Complex } from '../../core/complex.js';
import { int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';

export const self: Param = { name: 'input', kind: 'tensor' };
/** A first operand that may be a number, in functions. */
export const selfOrScalar: Param = { name: 'input', kind: 'tensorOrScalar' };
export const other: Param = { name: 'other', kind: 'tensorOrScalar' };
export const otherTensor: Param = { name: 'other', kind: 'tensor' };
/** A numeric option that takes no part in promotion. */
export const option = (name: string, value?: number | null): Param => ({
  name,
  kind: 'scalar',
  neutral: true,
  ...(value === undefined ? {} : { default: value }),
});
const alpha: Param = { ...option('alpha', 1), keyword: true };
const million = () => t([1000000]);

/** @throws RuntimeError for an alpha that the result's dtype cannot hold. */
function checkAlpha(op: string, [x, y, a]: readonly unknown[]): void {
  if (a === undefined || a === null) return;
  const complex = [x, y].some((v) => v instanceof Complex || (v instanceof Tensor && v.dtype.isComplex));
  if (a instanceof Complex && !complex) {
    const hint = 'For non-complex input tensors, argument alpha must not be a complex number.';
    throw new RuntimeError(message(op, 'a real alpha', String(a), hint));
  }
  const category = overloads.categoryOf([self, other], [x, y] as overloads.Call);
  if (typeof a === 'boolean' && category !== 0) {
    const hint = 'Boolean alpha only supported for Boolean results.';
    throw new RuntimeError(message(op, 'a number as alpha', String(a), hint));
  }
  if (category < 2 && typeof a === 'number' && !Number.isInteger(a)) {
    const hint = 'For integral input tensors, argument alpha must not be a floating point number.';
    throw new RuntimeError(message(op, 'an integer as alpha', String(a), hint));
  }
}

const isBool = (v: unknown): boolean => typeof v === 'boolean' || (v instanceof Tensor && v.dtype.isBool);
/** @throws RuntimeError for a bool on either side of a subtraction. */
function checkNoBool(op: string, [x, y]: readonly unknown[]): void {
  if (!isBool(x) && !isBool(y)) return;
  const hint =
    'Subtraction, the `-` operator, with a bool tensor is not supported; use logicalXor or bitwiseXor.';
  throw new RuntimeError(message(op, 'numbers', 'bool', hint));
}

export const add = definePointwise({
  name: 'add',
  aliases: ['torch.Tensor.__radd__'],
  numpy: 'numpy.add',
  doc: 'input + alpha · other, elementwise, broadcast, promoted.',
  params: [self, other, alpha],
  pointwise: (x: Expr, y: Expr, a: Expr) => y.fma(a, x),
  check: (call) => checkAlpha('add', call),
  checkFrom: 2,
  tests: () => ({
    samples: [call([t([3, 5]), t([5])], { alpha: 2.5 }), call([t([7]), 3], { alpha: -2 })],
    errors: [
      { args: [t([3, 2]), t([4])], throws: 'RuntimeError' },
      { args: [t([3], { dtype: 'int64' }), 1], kwargs: { alpha: 2.5 }, throws: 'RuntimeError' },
    ],
    bench: [call([million(), million()])],
  }),
});
/** x − a · y, rounded once. */
const minus = (x: Expr, y: Expr, a: Expr): Expr => (a.isConst(1) ? x.sub(y) : y.fma(a.neg(), x));
export const sub = definePointwise({
  name: 'sub',
  aliases: ['torch.subtract'],
  numpy: 'numpy.subtract',
  doc: 'input − alpha · other, elementwise, broadcast, promoted.',
  params: [self, other, alpha],
  pointwise: minus,
  check: (call) => {
    checkNoBool('sub', call);
    checkAlpha('sub', call);
  },
  tests: () => ({
    samples: [call([t([3, 5]), t([5])], { alpha: 2.5 })],
    errors: [{ args: [t([3], { dtype: 'bool' }), t([3], { dtype: 'bool' })], throws: 'RuntimeError' }],
  }),
});
export const rsub = definePointwise({
  name: 'rsub',
  aliases: ['torch.Tensor.__rsub__'],
  doc: 'other − alpha · input.',
  params: [self, other, alpha],
  variants: ['function'],
  gradName: 'RsubBackward1',
  pointwise: (x: Expr, y: Expr, a: Expr) => minus(y, x, a),
  tensorGradName: 'RsubBackward0',
  check: (call) => {
    checkNoBool('rsub', call);
    checkAlpha('rsub', call);
  },
  tests: () => ({ samples: [call([t([3, 5]), t([5])], { alpha: 2.5 })] }),
});
export const mul = definePointwise({
  name: 'mul',
  aliases: ['torch.multiply', 'torch.Tensor.__rmul__'],
  numpy: 'numpy.multiply',
  doc: 'input · other, elementwise, broadcast, promoted.',
  params: [self, other],
  pointwise: (x: Expr, y: Expr) => x.mul(y),
  tests: () => ({ bench: [call([million(), million()])] }),
});

const roundingMode: Param = {
  name: 'rounding_mode',
  kind: 'string',
  default: null,
  keyword: true,
  choices: oneOf(
    ['trunc', 'floor'],
    RuntimeError,
    (mode) => `expected rounding_mode to be one of None, 'trunc', or 'floor' but found '${mode}'`,
  ),
};
export const div = definePointwise({
  name: 'div',
  aliases: ['torch.divide'],
  numpy: 'numpy.divide',
  doc: "input / other. Integers divide to the default float, unless rounding_mode is 'trunc' or 'floor'.",
  params: [self, other, roundingMode],
  promote: 'float',
  pointwise: (x: Expr, y: Expr) => x.div(y),
  overloads: (form) => {
    const rounded = (primitive: string) =>
      form({
        promote: 'same',
        gradName: 'DivBackward2',
        pointwise: (x, y) => apply(primitive, x as Expr, y as Expr),
      });
    const forms: Readonly<Record<string, overloads.Form>> = {
      floor: rounded('floorDiv'),
      trunc: rounded('truncDiv'),
    };
    return {
      from: 2,
      choose: (x, y, mode) => {
        if (typeof mode !== 'string') return null;
        if (overloads.categoryOf([self, other], [x, y]) > 0) return forms[mode]!;
        throw new NotImplementedError(message('div', `numbers with roundingMode '${mode}'`, 'bool'));
      },
    };
  },
  tests: () => ({
    fill: 'nonzero',
    samples: [
      call([t([3, 5]), t([5], { fill: 'nonzero' })]),
      call([t([3, 5], { fill: 'large' }), t([5], { fill: 'nonzero' })], { rounding_mode: 'floor' }),
      call([t([3, 5], { fill: 'large' }), -2.5], { rounding_mode: 'trunc' }),
      call([t([7], { dtype: 'int32' }), -2], { rounding_mode: 'floor' }),
      call([t([7], { dtype: 'int32' }), -2], { rounding_mode: 'trunc' }),
    ],
    errors: [
      { args: [t([3]), 2], kwargs: { rounding_mode: 'down' }, throws: 'RuntimeError' },
      { args: [t([3], { dtype: 'int64' }), 0], kwargs: { rounding_mode: 'floor' }, throws: 'RuntimeError' },
    ],
  }),
});
export const trueDivide = definePointwise({
  name: 'trueDivide',
  numpy: 'numpy.true_divide',
  doc: 'input / other, always a float: div without a rounding mode.',
  params: [self, other],
  promote: 'float',
  tests: () => ({ fill: 'nonzero' }),
  gradName: 'DivBackward0',
  pointwise: (x: Expr, y: Expr) => x.div(y),
});
export const floorDivide = definePointwise({
  name: 'floorDivide',
  numpy: 'numpy.floor_divide',
  doc: 'The greatest whole number not above input / other.',
  params: [selfOrScalar, other],
  refuse: overloads.numbersOnly,
  pointwise: (x: Expr, y: Expr) => apply('floorDiv', x, y),
  notDifferentiable: 'PyTorch has no derivative for it; it would be 0 almost everywhere',
  accepts: overloads.numbersOnly,
  underived: true,
  tests: () => ({
    fill: 'nonzero',
    samples: [
      call([t([3, 5], { fill: 'large' }), t([5], { fill: 'nonzero' })]),
      call([t([3, 5], { dtype: 'int64' }), -4]),
    ],
    errors: [{ args: [t([3], { dtype: 'int32' }), 0], throws: 'RuntimeError' }],
  }),
});
export const remainder = definePointwise({
  name: 'remainder',
  numpy: 'numpy.remainder',
  doc: "What input leaves after division by other, with the divisor's sign, as Python's %.",
  params: [selfOrScalar, other],
  refuse: overloads.numbersOnly,
  gradName: 'RemainderBackward0',
  pointwise: (x: Expr, y: Expr) => apply('remainder', x, y),
  tensorGradName: 'RemainderBackward1',
  accepts: overloads.numbersOnly,
  tests: () => ({
    fill: 'nonzero',
    samples: [
      call([t([3, 5], { fill: 'distinct' }), t([5], { fill: 'nonzero' })]),
      call([t([3, 5], { fill: 'distinct' }), -2.5]),
      call([7, t([5], { fill: 'nonzero', grad: false })]),
      call([t([3, 5], { dtype: 'int64' }), -4]),
    ],
    errors: [{ args: [t([3], { dtype: 'int32' }), 0], throws: 'RuntimeError' }],
  }),
});
export const fmod = definePointwise({
  name: 'fmod',
  numpy: 'numpy.fmod',
  doc: "What input leaves after division by other, with input's sign, as C's fmod.",
  params: [self, other],
  refuse: overloads.numbersOnly,
  gradName: 'FmodBackward0',
  pointwise: (x: Expr, y: Expr) => apply('fmod', x, y),
  tensorGradName: 'FmodBackward1',
  accepts: overloads.numbersOnly,
  tests: () => ({
    fill: 'nonzero',
    samples: [
      call([t([3, 5], { fill: 'distinct' }), t([5], { fill: 'nonzero' })]),
      call([t([3, 5], { fill: 'distinct' }), -2.5]),
      call([t([3, 5], { dtype: 'int64' }), -4]),
    ],
    errors: [{ args: [t([3], { dtype: 'int32' }), 0], throws: 'RuntimeError' }],
  }),
});
export const neg = definePointwise({
  name: 'neg',
  aliases: ['torch.negative'],
  numpy: 'numpy.negative',
  doc: '−input.',
  params: [self],
  refuse: (d) => (d.isBool ? 'numbers: negation of a bool tensor is not supported; use logicalNot' : null),
  pointwise: (x: Expr) => x.neg(),
});
export const positive = defineOp({
  name: 'positive',
  doc: 'The input itself: the unary plus.',
  params: [self],
  compose: (x: Tensor): Tensor => {
    if (x.dtype.isBool) {
      throw new RuntimeError(
        message('positive', 'numbers', 'bool', 'The `+` operator, on a bool tensor is not supported.'),
      );
    }
    return x;
  },
  tests: () => ({
    samples: [call([t([3, 5])]), call([t([3], { dtype: 'int64' })])],
    errors: [{ args: [t([3], { dtype: 'bool' })], throws: 'RuntimeError' }],
  }),
});
export const abs = definePointwise({
  name: 'abs',
  aliases: ['torch.absolute'],
  numpy: 'numpy.absolute',
  doc: '|input|; its slope at 0 is 0.',
  params: [self],
  refuse: overloads.numbersOnly,
  pointwise: (x: Expr) => x.abs(),
  accepts: overloads.numbersOnly,
  check: ([x], inPlace) => {
    if (!inPlace || !(x instanceof Tensor && x.dtype.isComplex)) return;
    const hint = 'In-place abs is not supported for complex tensors.';
    throw new RuntimeError(message('abs_', 'a real tensor', x.dtype.name, hint));
  },
  tests: () => ({ samples: [call([t([7], { fill: 'ties' })])] }),
});
export const sign = definePointwise({
  name: 'sign',
  numpy: 'numpy.sign',
  doc: '−1, 0 or 1, as input is below, at or above 0; 0 for NaN.',
  params: [self],
  check: ([x]) => {
    if (!(x instanceof Tensor && x.dtype.isComplex)) return;
    const hint =
      'Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.';
    throw new NotImplementedError(message('sign', 'real numbers', x.dtype.name, hint));
  },
  tests: () => ({ fill: 'nonzero' }),
  pointwise: (x: Expr) => apply('sign', x),
});
export const sgn = definePointwise({
  name: 'sgn',
  doc: 'input / |input|, 0 at 0: sign, for real numbers.',
  params: [self],
  tests: () => ({ fill: 'nonzero' }),
  pointwise: (x: Expr) => apply('sign', x),
});
export const square = definePointwise({
  name: 'square',
  numpy: 'numpy.square',
  doc: 'input · input. bool becomes int64.',
  params: [self],
  gradName: 'PowBackward0',
  pointwise: (x: Expr) => x.square(),
  overloads: (form) => {
    const ofBool = form({ promote: { compute: int64, out: int64 } });
    return { choose: (x) => (isBool(x) ? ofBool : null) };
  },
});
export const reciprocal = definePointwise({
  name: 'reciprocal',
  numpy: 'numpy.reciprocal',
  doc: '1 / input. Integers become the default float.',
  params: [self],
  promote: 'float',
  tests: () => ({ fill: 'nonzero' }),
  pointwise: (x: Expr) => x.reciprocal(),
});
