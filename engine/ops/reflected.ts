// Owns Python's reflected operators that are no alias: `number / tensor`, `number % tensor`, `number ** tensor`, and those
// on bits, which take a number on one side only.
import type { Scalar, Tensor } from '../tensor.js';
import { mul, other, reciprocal, remainder, self } from './arithmetic.js';
import { bitwiseAnd, bitwiseOr, bitwiseXor } from './bitwise.js';
import { defineOp } from './define.js';
import { pow } from './elementary.js';
import type { PointwiseOp } from './routes.js';
import { call, t } from './samples.js';

const positive = t([3, 5], { fill: 'positive' });
const floats = [call([positive, 2]), call([positive, t([5], { fill: 'positive' })])];
const ints = [call([t([5], { dtype: 'int64' }), 6])];

/** `op` with its operands the other way round. */
function reflected(name: string, dunder: string, sign: string, op: PointwiseOp, samples = floats) {
  return defineOp({
    name,
    torch: `torch.Tensor.${dunder}`,
    doc: `other ${sign} input, where other may be a number.`,
    params: [self, other],
    variants: ['function'],
    compose: (x: Tensor, y: Tensor | Scalar): Tensor => op.impl(y, x),
    samples,
  });
}
// As PyTorch does: by the reciprocal.
export const rdiv = reflected('rdiv', '__rdiv__', '/', {
  ...mul,
  impl: (y, x) => mul.impl(reciprocal.impl(x!), y),
});
export const rmod = reflected('rmod', '__rmod__', '%', remainder);
export const rpow = reflected('rpow', '__rpow__', '**', pow);
export const rand = reflected('bitwiseRand', '__rand__', '&', bitwiseAnd, ints);
export const ror = reflected('bitwiseRor', '__ror__', '|', bitwiseOr, ints);
export const rxor = reflected('bitwiseRxor', '__rxor__', '^', bitwiseXor, ints);
