// Comparison, logic, clamping, and tests of floats.
import { fromBrain } from '../../core/complex.js';
import { bool, computedIn, type DType, float64, promoteTypes } from '../../core/dtype.js';
import { ArgumentError, message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { sameShape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr, input } from '../../pointwise/expr.js';
import { reduce } from '../../pointwise/reduction.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { option, other, otherTensor, self } from './arithmetic.js';

const isBoolReason = 'the result is bool';
const ties = () => t([7], { fill: 'ties' });

/** A comparison of two operands. */
function compared(
  name: string,
  numpy: string,
  doc: string,
  f: (x: Expr, y: Expr) => Expr,
): overloads.PointwiseOp {
  return definePointwise({
    name,
    aliases: name === 'eq' ? [] : [`torch.${numpy}`], // torch.equal is another function
    numpy: `numpy.${numpy}`,
    doc,
    params: [self, other],
    promote: 'predicate',
    tensorGradName: `${name.charAt(0).toUpperCase()}${name.slice(1)}Backward1`,
    pointwise: (x, y) => f(x as Expr, y as Expr),
    notDifferentiable: isBoolReason,
    tests: () => ({ samples: [call([ties(), ties()]), call([ties(), 2])] }),
  });
}
export const eq = compared('eq', 'equal', 'input = other, as bool.', (x, y) => x.eq(y));
export const ne = compared('ne', 'not_equal', 'input ≠ other, as bool.', (x, y) => x.ne(y));
export const lt = compared('lt', 'less', 'input < other, as bool.', (x, y) => x.lt(y));
export const le = compared('le', 'less_equal', 'input ≤ other, as bool.', (x, y) => x.le(y));
export const gt = compared('gt', 'greater', 'input > other, as bool.', (x, y) => x.gt(y));
export const ge = compared('ge', 'greater_equal', 'input ≥ other, as bool.', (x, y) => x.ge(y));

/** A logic op: what is not 0 is true, NaN too. */
function logic(name: string, numpy: string, doc: string): overloads.PointwiseOp {
  const two = name !== 'logicalNot';
  return definePointwise({
    name,
    numpy: `numpy.${numpy}`,
    doc,
    params: two ? [self, otherTensor] : [self],
    promote: 'predicate',
    pointwise: (...operands) => apply(name, ...(operands as Expr[])),
    notDifferentiable: isBoolReason,
    tests: () => ({ samples: [call(two ? [ties(), ties()] : [ties()])] }),
  });
}
export const logicalNot = logic('logicalNot', 'logical_not', 'Whether input is 0.');
export const logicalAnd = logic('logicalAnd', 'logical_and', 'Whether both are not 0.');
export const logicalOr = logic('logicalOr', 'logical_or', 'Whether one or both are not 0.');
export const logicalXor = logic('logicalXor', 'logical_xor', 'Whether exactly one is not 0.');

/** A test of one value. */
function tested(
  name: string,
  doc: string,
  f: (x: Expr) => Expr,
  more: Pick<Parameters<typeof definePointwise>[0], 'refuse'> = {},
): overloads.PointwiseOp {
  return definePointwise({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self],
    variants: ['function', 'method'],
    promote: 'predicate',
    pointwise: (x) => f(x as Expr),
    notDifferentiable: isBoolReason,
    tests: () => ({ samples: [call([t([23], { fill: 'special' })])] }),
    ...more,
  });
}
const ordered = { refuse: overloads.realOnly };
const both = (a: Expr, b: Expr): Expr => apply('logicalAnd', a, b);
const either = (a: Expr, b: Expr): Expr => apply('logicalOr', a, b);
const not = (a: Expr): Expr => apply('logicalNot', a);
const isInf = (x: Expr): Expr => apply('isinf', x);
const isNan = (x: Expr): Expr => apply('isnan', x);
const isNegative = (x: Expr): Expr => apply('signbit', x);
export const isnan = tested('isnan', 'Whether input is NaN.', isNan);
export const isinf = tested('isinf', 'Whether input is ∞ or −∞.', isInf);
export const isfinite = tested('isfinite', 'Whether input is neither NaN nor infinite.', (x) =>
  apply('isfinite', x),
);
export const isposinf = tested(
  'isposinf',
  'Whether input is ∞.',
  (x) => both(isInf(x), not(isNegative(x))),
  ordered,
);
export const isneginf = tested(
  'isneginf',
  'Whether input is −∞.',
  (x) => both(isInf(x), isNegative(x)),
  ordered,
);
export const signbit = tested(
  'signbit',
  'Whether the sign bit is set: for negative numbers and −0.',
  isNegative,
);
export const isreal = tested(
  'isreal',
  'Whether input is a real number: always, where it is not complex.',
  (x) => apply('imag', x).eq(0),
);

const closeness: readonly Param[] = [
  self,
  otherTensor,
  { ...option('rtol', 1e-5), fits: false },
  { ...option('atol', 1e-8), fits: false },
  { name: 'equal_nan', kind: 'bool', default: false },
];
export const isclose = definePointwise({
  name: 'isclose',
  numpy: 'numpy.isclose',
  doc: '|input − other| ≤ atol + rtol · |other|, or equal; with equal_nan, NaN is close to NaN.',
  params: closeness,
  variants: ['function', 'method'],
  promote: 'predicate',
  pointwise: (x: Expr, y: Expr, rtol: Expr, atol: Expr, equalNan) => {
    const apart = x.sub(y).abs();
    const near = both(apply('isfinite', apart), apart.le(atol.add(rtol.mul(y).abs())));
    const same = either(x.eq(y), near);
    return equalNan === true ? either(same, both(isNan(x), isNan(y))) : same;
  },
  notDifferentiable: isBoolReason,
  check: (call) => {
    overloads.requireOneDType('isclose', call);
    for (const k of [2, 3]) {
      if (Number(call[k] ?? 0) < 0) {
        const { name } = closeness[k]!;
        throw new RuntimeError(message('isclose', `${name} greater than or equal to zero`, String(call[k])));
      }
    }
  },
  overloads: (form) => {
    const ofIntegers = form({ promote: { compute: float64, out: bool } });
    return { choose: (x) => (x instanceof Tensor && x.dtype.isIntegral ? ofIntegers : null) };
  },
  tests: () => ({
    samples: [
      call([t([7], { fill: 'ties' }), t([7], { fill: 'ties' }), 0.5, 0.25]),
      call([t([19], { fill: 'special' }), t([19], { fill: 'special' })], { equal_nan: true }),
      call([t([7], { dtype: 'int64' }), t([7], { dtype: 'int64' }), 0.1, 1.5]),
    ],
    errors: [
      { args: [t([3]), t([3], { dtype: 'float64' })], throws: 'RuntimeError' },
      { args: [t([3]), t([3]), -1], throws: 'RuntimeError' },
    ],
  }),
});
/** Whether `test` holds for every element, in one pass. */
function holdsForAll(op: string, test: Expr, inputs: readonly Tensor[], compute: DType): boolean {
  if (inputs[0]!.length === 0) return true;
  const reduced = inputs[0]!.sizes.map(() => true);
  const result = reduce({
    op,
    reducer: 'min',
    prologue: test,
    inputs,
    compute,
    out: bool,
    reduced,
    keepdim: false,
  });
  return result.item() as boolean;
}
const sameElements = input(0).eq(input(1));
const isTrue = input(0).ne(0);

export const equal = defineOp({
  name: 'equal',
  numpy: 'numpy.array_equal',
  doc: 'Whether both tensors have the same shape and the same elements.',
  params: [self, otherTensor],
  returns: 'boolean',
  compose: (x: Tensor, y: Tensor): boolean =>
    sameShape(x.sizes, y.sizes) && holdsForAll('equal', sameElements, [x, y], promoteTypes(x.dtype, y.dtype)),
  notDifferentiable: 'the result is a boolean',
  tests: () => ({
    samples: [
      call([t([3, 5]), t([3, 5])]),
      call([t([3, 5], { fill: 'ones' }), t([3, 5], { fill: 'ones' })]),
      call([t([3], { fill: 'zeros' }), t([3, 1], { fill: 'zeros' })]),
      call([t([0]), t([0])]),
      call([t([2], { fill: { values: ['nan', 1] } }), t([2], { fill: { values: ['nan', 1] } })]),
    ],
  }),
});
export const allclose = defineOp({
  name: 'allclose',
  numpy: 'numpy.allclose',
  doc: 'Whether isclose holds for every pair of elements.',
  params: closeness,
  returns: 'boolean',
  compose: (x: Tensor, y: Tensor, rtol: number, atol: number, equalNan: boolean): boolean => {
    overloads.requireOneDType('allclose', [x, y]);
    return holdsForAll('allclose', isTrue, [isclose.impl(x, y, rtol, atol, equalNan as never)], bool);
  },
  notDifferentiable: 'the result is a boolean',
  tests: () => ({
    samples: [
      call([t([3, 5]), t([3, 5])]),
      call([t([3, 5], { fill: 'ones' }), t([5], { fill: 'ones' })]),
      call([t([7], { fill: 'ties' }), t([7], { fill: 'ties' }), 10, 10]),
    ],
    errors: [{ args: [t([3]), t([3], { dtype: 'float64' })], throws: 'RuntimeError' }],
  }),
});

const zeroSigns = () =>
  ({
    reason: "PyTorch's maximum of 0 and −0 is the first or the second, by position in memory",
    signedZero: 'any',
  }) as const;

/** An extreme of two tensors, with half of the gradient for each at a tie. */
function extreme(name: string, doc: string): overloads.PointwiseOp {
  return definePointwise({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self, otherTensor],
    variants: ['function', 'method'],
    ...ordered,
    pointwise: (x: Expr, y: Expr) => apply(name, x, y),
    tests: () => ({
      fill: 'distinct',
      tolerance: zeroSigns(),
      samples: [call([t([3, 5], { fill: 'distinct' }), t([3, 1])]), call([ties(), ties()])],
    }),
  });
}
export const maximum = extreme('maximum', 'The greater of both; NaN where either is NaN.');
export const minimum = extreme('minimum', 'The lesser of both; NaN where either is NaN.');
export const fmax = extreme('fmax', 'The greater of both; where one is NaN, the other.');
export const fmin = extreme('fmin', 'The lesser of both; where one is NaN, the other.');

const nan = expr(Number.NaN);
/** x where it is on the right side of the bound, else the bound; the gradient goes to what was taken. NaN wins. */
const bounded = (x: Expr, within: Expr, beyond: Expr, bound: Expr): Expr =>
  within.where(x, beyond.where(bound, nan));
/** The value of e with no gradient: of heaviside, at 0, nothing flows back. */
const constant = (e: Expr): Expr => apply('heaviside', 0, e);

/** min(max(x, low), high) with ATen's masks: x gets the gradient at its bounds too, a bound only where it is past. */
export function clampBetween(x: Expr, low: Expr, high: Expr): Expr {
  if (low.op !== 'input' && high.op !== 'input') return apply('clamp', x, low, high);
  const value = constant(low.maximum(x).minimum(high));
  const takesHigh = both(either(x.gt(high), high.lt(low)), both(low.eq(low), x.eq(x)));
  const beyond = both(x.lt(low), low.lt(high)).where(low, takesHigh.where(high, value));
  return both(x.ge(low), x.le(high)).where(x, beyond);
}

function clamped(x: Expr, low: Expr | null, high: Expr | null): Expr {
  if (low !== null && high !== null) return clampBetween(x, low, high);
  if (low !== null) return bounded(x, x.ge(low), x.lt(low), low);
  return bounded(x, x.le(high!), x.gt(high!), high!);
}
const bound = (name: string): Param => ({ name, kind: 'tensorOrScalar', default: null, fits: true });
const clampParams = [self, bound('min'), bound('max')];
export const clamp = definePointwise({
  name: 'clamp',
  aliases: ['torch.clip'],
  doc: 'input, raised to min and lowered to max; both numbers, both tensors, or one of them null.',
  params: clampParams,
  gradName: 'ClampBackward1',
  pointwise: (x: Expr, low, high) => clamped(x, low as Expr | null, high as Expr | null),
  overloads: (form) => {
    const toTensors = form({ gradName: 'ClampBackward0' });
    return {
      choose: (...args) => {
        const [x, low, high] = args;
        if (typeof low === 'number' && typeof high === 'number' && x instanceof Tensor && x.dtype.isInexact)
          return null;
        const tensors = low instanceof Tensor || high instanceof Tensor;
        const absent = (v: unknown): boolean => v === undefined || v === null;
        if (absent(low) && absent(high)) {
          throw new RuntimeError(
            message('clamp', 'min or max', 'neither', "At least one of 'min' or 'max' must not be None"),
          );
        }
        const one = tensors && (absent(low) || absent(high));
        if (!one && overloads.categoryOf(clampParams, args) === 0)
          throw new NotImplementedError(message('clamp', 'numbers', 'bool'));
        if (!tensors) return null;
        for (const v of [low, high]) {
          if (!absent(v) && !(v instanceof Tensor))
            throw new ArgumentError(message('clamp', 'min and max of one kind', 'a Tensor and a number'));
        }
        return toTensors;
      },
    };
  },
  tests: () => ({
    tolerance: zeroSigns(),
    samples: [
      call([t([3, 5]), -0.5, 0.5]),
      call([t([3, 5])], { min: -0.5 }),
      call([t([3, 5]), null, 0.5]),
      call([t([3, 5], { fill: 'distinct' }), t([5]), t([3, 1])]),
      call([t([3, 5], { fill: 'distinct' }), t([5])]),
      call([t([7], { fill: 'ties' }), -1, 1]),
      call([t([7], { fill: 'ties' }), t([7], { fill: 'ties' }), t([7], { fill: { low: 50, high: 90 } })]),
      call([t([7], { dtype: 'int64' }), -2.5, 3]),
      call([t([7]), 1, -1]),
    ],
    errors: [
      { args: [t([3])], throws: 'RuntimeError' },
      { args: [t([3]), 0, t([3])], throws: 'TypeError' },
    ],
  }),
});
/** @throws NotImplementedError for bool between bool numbers, which has no kernel; between bool tensors it has. */
function checkNumbers(op: string, [x, y]: readonly unknown[]): void {
  if (y instanceof Tensor || overloads.categoryOf([self, other], [x, y] as overloads.Call) > 0) return;
  throw new NotImplementedError(message(op, 'numbers', 'bool'));
}
const bound1 = (name: 'min' | 'max'): Param => ({ name, kind: 'tensorOrScalar', fits: true });
export const clampMin = definePointwise({
  name: 'clampMin',
  doc: 'input, raised to min.',
  params: [self, bound1('min')],
  gradName: 'ClampMinBackward0',
  pointwise: (x: Expr, low: Expr) => clamped(x, low, null),
  tensorGradName: 'ClampMinBackward1',
  check: (call) => checkNumbers('clampMin', call),
  tests: () => ({
    tolerance: zeroSigns(),
    samples: [call([t([3, 5], { fill: 'distinct' }), t([5])]), call([ties(), ties()]), call([ties(), 1])],
  }),
});
export const clampMax = definePointwise({
  name: 'clampMax',
  doc: 'input, lowered to max.',
  params: [self, bound1('max')],
  gradName: 'ClampMaxBackward0',
  pointwise: (x: Expr, high: Expr) => clamped(x, null, high),
  tensorGradName: 'ClampMaxBackward1',
  check: (call) => checkNumbers('clampMax', call),
  tests: () => ({
    tolerance: zeroSigns(),
    samples: [call([t([3, 5], { fill: 'distinct' }), t([5])]), call([ties(), ties()]), call([ties(), 1])],
  }),
});

export const copysign = definePointwise({
  name: 'copysign',
  numpy: 'numpy.copysign',
  doc: '|input| with the sign of other; −0 is negative. Integers become the default float.',
  params: [self, other],
  promote: 'float',
  gradName: 'CopysignBackward1',
  pointwise: (x: Expr, y: Expr) => apply('copysign', x, y),
  tensorGradName: 'CopysignBackward0',
  tests: () => ({ fill: 'nonzero', samples: [call([t([3, 5]), t([5])]), call([ties(), -1])] }),
});
export const heaviside = definePointwise({
  name: 'heaviside',
  numpy: 'numpy.heaviside',
  doc: '0 below 0, 1 above 0, and the second operand at 0; both of one dtype.',
  params: [self, { name: 'values', kind: 'tensor' }],
  ...ordered,
  pointwise: (x: Expr, y: Expr) => apply('heaviside', x, y),
  notDifferentiable: 'PyTorch has no derivative for it; it would be 0 almost everywhere',
  underived: true,
  check: (call) => overloads.requireOneDType('heaviside', call),
  tests: () => ({
    samples: [call([t([3, 5], { fill: 'ties' }), t([5])])],
    errors: [{ args: [t([3]), t([3], { dtype: 'float64' })], throws: 'RuntimeError' }],
  }),
});
export const nextafter = definePointwise({
  name: 'nextafter',
  numpy: 'numpy.nextafter',
  doc: 'The next representable number after input, towards other; of float32 and float64.',
  params: [self, otherTensor],
  refuse: (d) => overloads.floatsOnly(d) ?? (computedIn(d) === d ? null : 'float32 or float64'),
  pointwise: (x: Expr, y: Expr) => apply('nextafter', x, y),
  accepts: (d) => overloads.floatsOnly(d) ?? (computedIn(d) === d ? null : 'float32 or float64'),
  tests: () => ({ samples: [call([t([3, 5]), t([5])])] }),
});
const replacement = (name: string, value: number | null): Param => ({ ...option(name, value), fits: false });
/** The greatest floats that a program cannot tell: 16-bit ones are computed in float32, and complex numbers have no neighbours. */
const greatest: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: fromBrain(0x7f7f),
  complex64: (2 - 2 ** -23) * 2 ** 127,
  complex128: Number.MAX_VALUE,
};
/** A real or imaginary part, its NaN and infinities replaced. */
const finitePart = (part: Expr, [nan, most, least]: readonly Expr[]): Expr => {
  const known = part.eq(Number.POSITIVE_INFINITY).where(most!, part);
  return isNan(part).where(nan!, part.eq(Number.NEGATIVE_INFINITY).where(least!, known));
};
export const nanToNum = definePointwise({
  name: 'nanToNum',
  doc: "NaN replaced by nan, ∞ by posinf and −∞ by neginf: by the dtype's greatest and least numbers where null.",
  params: [self, replacement('nan', null), replacement('posinf', null), replacement('neginf', null)],
  pointwise: (x: Expr, forNaN, forInf, forNegInf) => {
    const inf = expr(Number.POSITIVE_INFINITY);
    const most = apply('nextafter', inf, 0);
    const finite = both(isInf(x), isNegative(x)).where((forNegInf as Expr | null) ?? most.neg(), x);
    const known = x.eq(inf).where((forInf as Expr | null) ?? most, finite);
    return isNan(x).where((forNaN as Expr | null) ?? 0, known);
  },
  overloads: (form) => {
    const withBounds = form({});
    const ofComplex = form({
      pointwise: (x, ...by) =>
        apply(
          'complex',
          ...(['real', 'imag'] as const).map((part) => finitePart(apply(part, x as Expr), by as Expr[])),
        ),
    });
    const copied = overloads.integersAsTheyAre(form, [self]);
    return {
      choose: (x, nan, above, below) => {
        const most = x instanceof Tensor ? greatest[x.dtype.name] : undefined;
        if (most === undefined) return copied.choose(x);
        const args = [x, nan ?? 0, above ?? most, below ?? -most] as const;
        const chosen = (x as Tensor).dtype.isComplex ? ofComplex : withBounds;
        return { impl: () => chosen.impl(...args), inplace: () => chosen.inplace(...args) };
      },
    };
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([23], { fill: 'special' })], {}, { noGrad: 'special values' }),
      call([t([23], { fill: 'special' }), 2.5, 3, -4], {}, { noGrad: 'special values' }),
    ],
  }),
});
