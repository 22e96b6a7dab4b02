// Python's reflected operators that are no alias: `number / tensor`, `number % tensor`, `number ** tensor`, and the
// bitwise ones.
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type OpTests } from '../../registry/define.js';
import type { PointwiseOp } from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { mul, other, reciprocal, remainder, self } from './arithmetic.js';
import { bitwiseAnd, bitwiseOr, bitwiseXor } from './bitwise.js';
import { pow } from './unary-math.js';

interface More {
  readonly tests: () => OpTests;
  readonly notDifferentiable?: string;
}

const positive = () => t([3, 5], { dtype: 'float64', fill: 'positive' });
const two = () => call([positive(), t([5], { dtype: 'float64', fill: 'positive' })]);
const floats: More = {
  tests: () => ({ samples: [call([positive(), 2]), two()] }),
};
const ints: More = {
  tests: () => ({ samples: [call([t([5], { dtype: 'int64' }), 6])] }),
  notDifferentiable: 'integers have no gradient',
};

/** `op` with its operands the other way round. */
function reflected(name: string, dunder: string, sign: string, op: PointwiseOp, more: More) {
  return defineOp({
    name,
    torch: `torch.Tensor.${dunder}`,
    doc: `other ${sign} input, where other may be a number.`,
    params: [self, other],
    variants: ['function'],
    compose: (x: Tensor, y: Tensor | Scalar): Tensor => op.impl(y, x),
    ...more,
  });
}
// As PyTorch does: by the reciprocal.
export const rdiv = reflected(
  'rdiv',
  '__rdiv__',
  '/',
  {
    ...mul,
    impl: (y, x) => mul.impl(reciprocal.impl(x!), y),
  },
  floats,
);
export const rmod = reflected('rmod', '__rmod__', '%', remainder, {
  tests: () => ({ samples: [two()] }),
});
export const rpow = reflected('rpow', '__rpow__', '**', pow, floats);
export const rand = reflected('bitwiseRand', '__rand__', '&', bitwiseAnd, ints);
export const ror = reflected('bitwiseRor', '__ror__', '|', bitwiseOr, ints);
export const rxor = reflected('bitwiseRxor', '__rxor__', '^', bitwiseXor, ints);
