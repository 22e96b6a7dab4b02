// frexp and ldexp: mantissa and exponent of a float.
import { type DType, int32 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { otherTensor, self } from './arithmetic.js';

export const ldexp = definePointwise({
  name: 'ldexp',
  numpy: 'numpy.ldexp',
  doc: 'input · 2^other. Integers become the default float.',
  params: [self, otherTensor],
  promote: 'float',
  pointwise: (x: Expr, y: Expr) => apply('ldexp', x, y),
  check: ([x, e]) => {
    if (!(e instanceof Tensor && e.dtype.isBool)) return;
    if (!(x instanceof Tensor && x.dtype.isFloatingPoint)) return;
    const hint = '"ldexp_cpu_exp" not implemented for \'Bool\'';
    throw new NotImplementedError(message('ldexp', 'numbers as exponents', 'bool', hint));
  },
  tests: () => ({
    samples: [call([t([3, 5]), t([5])]), call([t([3], { grad: false }), t([3], { dtype: 'int64' })])],
  }),
});
const mantissa = overloads.formOf(ldexp.def, {
  params: [self],
  gradName: 'FrexpBackward0',
  pointwise: (x) => apply('mantissa', x as Expr),
});
const exponents = new Map<DType, Required<overloads.Form>>();
/** The exponents are found in the input's own dtype. */
function exponentOf(compute: DType): Required<overloads.Form> {
  let route = exponents.get(compute);
  if (route === undefined) {
    route = overloads.formOf(ldexp.def, {
      params: [self],
      promote: { compute, out: int32 },
      pointwise: (x) => apply('exponent', x as Expr),
    });
    exponents.set(compute, route);
  }
  return route;
}
/** frexp's result: a pair that also names its parts. */
export type Parts = [Tensor, Tensor] & { mantissa: Tensor; exponent: Tensor };

export const frexp = defineOp({
  name: 'frexp',
  numpy: 'numpy.frexp',
  doc: 'mantissa and exponent: input = mantissa · 2^exponent, |mantissa| in [0.5, 1); the exponents are int32.',
  params: [self],
  returns: '[Tensor, Tensor] & { mantissa: Tensor; exponent: Tensor }',
  compose: (x: Tensor): Parts => {
    if (!x.dtype.isFloatingPoint) {
      const hint = 'torch.frexp() only supports floating-point dtypes';
      throw new RuntimeError(message('frexp', 'a floating dtype', x.dtype.name, hint));
    }
    const [m, e] = [mantissa.impl(x), exponentOf(x.dtype).impl(x)];
    return Object.assign([m, e] as [Tensor, Tensor], { mantissa: m, exponent: e });
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([4], { fill: { values: [0, 1, -0.75, 1e-30] } })], {}, { noGrad: 'the exponent jumps there' }),
    ],
    errors: [{ args: [t([3], { dtype: 'int64' })], throws: 'RuntimeError' }],
  }),
});
