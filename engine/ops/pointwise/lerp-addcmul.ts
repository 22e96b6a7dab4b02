// lerp, addcmul, addcdiv.
import { message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { type Expr, expr } from '../../pointwise/expr.js';
import { definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { option, self } from './arithmetic.js';

export const lerp = definePointwise({
  name: 'lerp',
  doc: 'input + weight · (end − input), exact at both ends; all of one floating dtype.',
  params: [self, { name: 'end', kind: 'tensor' }, { name: 'weight', kind: 'tensorOrScalar', fits: true }],
  refuse: overloads.floatsOnly,
  gradName: 'LerpBackward0',
  pointwise: (x: Expr, end: Expr, w: Expr) => {
    const apart = end.sub(x);
    return w
      .abs()
      .lt(0.5)
      .where(w.fma(apart, x), apart.fma(expr(1).sub(w).neg(), end));
  },
  check: (call) => {
    overloads.requireOneDType('lerp', call);
    const [x] = call;
    if (x instanceof Tensor && x.dtype.isIntegral)
      throw new NotImplementedError(message('lerp', 'a floating dtype', x.dtype.name));
  },
  overloads: (form) => {
    const byTensors = form({ gradName: 'LerpBackward1' });
    return { choose: (_x, _end, weight) => (weight instanceof Tensor ? byTensors : null) };
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5]), 0.25]),
      call([t([3, 5]), t([3, 5]), 0.75]),
      call([t([3, 5]), t([3, 1]), t([5], { fill: 'distinct' })]),
      call([t([7]), t([7]), 1.5]),
    ],
    errors: [{ args: [t([3]), t([3], { dtype: 'float64' }), 0.5], throws: 'RuntimeError' }],
  }),
});
const value: Param = { ...option('value', 1), keyword: true };
const factors: readonly Param[] = [
  self,
  { name: 'tensor1', kind: 'tensor' },
  { name: 'tensor2', kind: 'tensor' },
  value,
];
export const addcmul = definePointwise({
  name: 'addcmul',
  doc: 'input + value · tensor1 · tensor2.',
  params: factors,
  refuse: overloads.numbersOnly,
  pointwise: (x: Expr, a: Expr, b: Expr, v: Expr) => a.mul(v).fma(b, x),
  accepts: overloads.numbersOnly,
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5]), t([3, 1])], { value: -2.5 }),
      call([t([7], { dtype: 'int64' }), t([7], { dtype: 'int64' }), t([7], { dtype: 'int64' })], {
        value: 3,
      }),
    ],
  }),
});
export const addcdiv = definePointwise({
  name: 'addcdiv',
  doc: 'input + value · tensor1 / tensor2; two integers are refused.',
  params: factors,
  refuse: overloads.floatsOnly,
  pointwise: (x: Expr, a: Expr, b: Expr, v: Expr) => x.add(a.mul(v).div(b)),
  check: ([, a, b]) => {
    if (a instanceof Tensor && b instanceof Tensor && a.dtype.isIntegral && b.dtype.isIntegral) {
      const hint = 'Integer division with addcdiv is no longer supported';
      throw new RuntimeError(
        message('addcdiv', 'a floating tensor1 or tensor2', `${a.dtype.name} and ${b.dtype.name}`, hint),
      );
    }
  },
  tests: () => ({
    fill: 'nonzero',
    samples: [call([t([3, 5]), t([5]), t([3, 1], { fill: 'nonzero' })], { value: -2.5 })],
    errors: [
      { args: [t([3]), t([3], { dtype: 'int64' }), t([3], { dtype: 'int64' })], throws: 'RuntimeError' },
    ],
  }),
});
