// torch.special: Bessel functions, functions of the normal distribution, orthogonal polynomials. The functions
// themselves are in native/special/.
import { apply, type Expr, expr } from '../../pointwise/expr.js';
import { definePointwise } from '../../registry/define.js';
import type * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { other, self, selfOrScalar } from '../pointwise/arithmetic.js';

type Def = Parameters<typeof definePointwise>[0];

/** A function of one number in torch.special; integers become the default float. */
function special(name: string, doc: string, { tests, ...more }: Partial<Def>): overloads.PointwiseOp {
  return definePointwise({
    name: `special.${name}`,
    doc,
    params: [self],
    promote: 'float',
    tests: () => ({ samples: [call([t([3, 5], { fill: 'positive' })])], ...tests?.() }),
    ...more,
  });
}
const of = (primitive: string): Pick<Def, 'pointwise'> => ({
  pointwise: (x) => apply(primitive, x as Expr),
});
const underived = 'PyTorch has no derivative for it';
/** The same without a derivative: PyTorch has none. */
function constant(
  name: string,
  primitive: string,
  doc: string,
  more: Partial<Def> = {},
): overloads.PointwiseOp {
  return special(name, doc, { ...of(primitive), notDifferentiable: underived, underived: true, ...more });
}

export const i0 = definePointwise({
  name: 'i0',
  aliases: ['torch.special.i0'],
  doc: 'The modified Bessel function of the first kind of order 0.',
  params: [self],
  promote: 'float',
  ...of('i0'),
  tests: () => ({ samples: [call([t([3, 5])])] }),
});
export const i0e = special('i0e', 'exp(−|input|) · i0(input).', of('i0e'));
export const i1 = special('i1', 'The modified Bessel function of the first kind of order 1.', of('i1'));
export const i1e = special('i1e', 'exp(−|input|) · i1(input).', of('i1e'));

const modified = 'The modified Bessel function of the';
export const modifiedI0 = constant('modifiedBesselI0', 'i0', `${modified} first kind of order 0.`);
export const modifiedI1 = constant('modifiedBesselI1', 'i1', `${modified} first kind of order 1.`);
export const modifiedK0 = constant('modifiedBesselK0', 'k0', `${modified} second kind of order 0.`);
export const modifiedK1 = constant('modifiedBesselK1', 'k1', `${modified} second kind of order 1.`);
const input: Pick<Def, 'params'> = { params: [{ name: 'x', kind: 'tensor' }] };
export const scaledK0 = constant('scaledModifiedBesselK0', 'k0e', 'exp(x) · modified_bessel_k0(x).', input);
export const scaledK1 = constant('scaledModifiedBesselK1', 'k1e', 'exp(x) · modified_bessel_k1(x).', input);
// PyTorch's rational functions lost the leading coefficient of their denominators.
const besselError: Partial<Def> = {
  tests: () => ({
    tolerance: {
      reason: "PyTorch's own error is up to 8e-7 between 4 and 9",
      float64: { rtol: 1e-6, atol: 1e-6 },
    },
  }),
};
export const besselJ0 = constant(
  'besselJ0',
  'besselJ0',
  'The Bessel function of the first kind of order 0.',
  besselError,
);
export const besselJ1 = constant(
  'besselJ1',
  'besselJ1',
  'The Bessel function of the first kind of order 1.',
  besselError,
);
export const besselY0 = constant(
  'besselY0',
  'besselY0',
  'The Bessel function of the second kind of order 0.',
  besselError,
);
export const besselY1 = constant(
  'besselY1',
  'besselY1',
  'The Bessel function of the second kind of order 1.',
  besselError,
);
export const sphericalJ0 = constant('sphericalBesselJ0', 'sphericalJ0', 'sin(x) / x; 1 at 0.', input);
export const airyAi = constant('airyAi', 'airyAi', "Airy's function Ai.", input);

export const ndtr = special('ndtr', "The normal distribution's function Φ.", {
  pointwise: (x) => apply('erfc', (x as Expr).mul(-Math.SQRT1_2)).mul(0.5),
});
export const ndtri = special('ndtri', 'The quantile of the normal distribution: the inverse of ndtr.', {
  ...of('ndtri'),
  tests: () => ({ samples: [call([t([3, 5], { fill: 'probability' })])] }),
});
export const logNdtr = special('logNdtr', 'log(ndtr(input)), exact in both tails.', of('logNdtr'));
export const erfcx = special('erfcx', 'exp(input²) · erfc(input).', of('erfcx'));
export const entr = special('entr', '−input · log(input); 0 at 0, −∞ below.', {
  pointwise: (x: Expr) => {
    // The logarithm gets 1 where it does not count, so that no derivative meets 0 · ∞ there.
    const positive = x.gt(0);
    const value = x.neg().mul(positive.where(x, 1).log());
    return positive.where(value, x.eq(0).where(0, x.lt(0).where(Number.NEGATIVE_INFINITY, x)));
  },
});

export const xlog1py = definePointwise({
  name: 'special.xlog1py',
  doc: 'input · log1p(other); 0 where input is 0, unless other is NaN.',
  params: [selfOrScalar, other],
  promote: 'float',
  pointwise: (x: Expr, y: Expr) => {
    const zero = x.eq(0);
    const endless = apply('logicalOr', y.le(-1), y.eq(Number.POSITIVE_INFINITY));
    const safe = apply('logicalAnd', zero, endless);
    const product = x.mul(apply('log1p', safe.where(0, y)));
    return zero.where(product.add(0), product);
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([5], { fill: 'positive' })]),
      call([t([3], { fill: 'positive' }), 2.5]),
      call([2, t([3], { fill: 'positive' })]),
    ],
  }),
});
export const zeta = definePointwise({
  name: 'special.zeta',
  doc: "Hurwitz' zeta function: the sum of (other + k)^−input over k ≥ 0.",
  params: [selfOrScalar, other],
  promote: 'float',
  pointwise: (s: Expr, q: Expr) => apply('zeta', s, q),
  notDifferentiable: underived,
  underived: true,
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'above1' }), t([5], { fill: 'positive' })]),
      call([2, t([3], { fill: 'positive' })]),
    ],
  }),
});

const degree = () => t([5], { fill: { low: 0, high: 12 } });
/** An orthogonal polynomial in x of a degree that may differ by element. */
function polynomial(
  name: string,
  doc: string,
  primitive: string,
  place: (x: Expr) => Expr = (x) => x,
): overloads.PointwiseOp {
  return definePointwise({
    name: `special.${name}`,
    doc: `${doc} of degree n; 0 where n is negative.`,
    params: [
      { name: 'x', kind: 'tensorOrScalar' },
      { name: 'n', kind: 'tensorOrScalar' },
    ],
    promote: 'float',
    pointwise: (x: Expr, n: Expr) => apply(primitive, place(x), n),
    notDifferentiable: underived,
    underived: true,
    tests: () => ({
      tolerance: {
        reason: "PyTorch's float32 recurrences round at each step",
        float32: { rtol: 3e-5, atol: 2e-5 },
      },
      samples: [call([t([3, 5], { fill: 'unit' }), degree()]), call([t([3]), 4]), call([0.5, degree()])],
    }),
  });
}
const shifted = (x: Expr): Expr => x.add(x).sub(expr(1));
const chebyshev = (kind: string) => `Chebyshev's polynomial of the ${kind} kind`;
export const chebyshevT = polynomial('chebyshevPolynomialT', chebyshev('first'), 'chebyshevT');
export const chebyshevU = polynomial('chebyshevPolynomialU', chebyshev('second'), 'chebyshevU');
export const chebyshevV = polynomial('chebyshevPolynomialV', chebyshev('third'), 'chebyshevV');
export const chebyshevW = polynomial('chebyshevPolynomialW', chebyshev('fourth'), 'chebyshevW');
const atShifted = (kind: string) => `${chebyshev(kind)}, at 2x − 1,`;
export const shiftedT = polynomial('shiftedChebyshevPolynomialT', atShifted('first'), 'chebyshevT', shifted);
export const shiftedU = polynomial('shiftedChebyshevPolynomialU', atShifted('second'), 'chebyshevU', shifted);
export const shiftedV = polynomial('shiftedChebyshevPolynomialV', atShifted('third'), 'chebyshevV', shifted);
export const shiftedW = polynomial('shiftedChebyshevPolynomialW', atShifted('fourth'), 'chebyshevW', shifted);
export const hermiteH = polynomial('hermitePolynomialH', "The physicist's Hermite polynomial", 'hermiteH');
export const hermiteHe = polynomial(
  'hermitePolynomialHe',
  "The probabilist's Hermite polynomial",
  'hermiteHe',
);
export const laguerreL = polynomial('laguerrePolynomialL', "Laguerre's polynomial", 'laguerreL');
export const legendreP = polynomial('legendrePolynomialP', "Legendre's polynomial", 'legendreP');
