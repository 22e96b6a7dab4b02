// Relatives of the gamma function: polygamma, mvlgamma, incomplete gamma. The functions themselves are in
// native/special/.
import { message, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import * as overloads from '../../registry/overloads.js';
import { call, t } from '../../registry/samples.js';
import { otherTensor, self } from '../pointwise/arithmetic.js';

const order: Param = { name: 'n', kind: 'int', neutral: true };
const positive = () => t([3, 5], { fill: 'positive' });

const trigammaError = () => ({
  reason: "PyTorch's trigamma ends its series at the sixth Bernoulli number: 5e-10 off",
  float64: { rtol: 1e-9, atol: 1e-10 },
});
const polygammaDoc = 'The derivative of order n of digamma.';
export const polygammaMethod = definePointwise({
  name: 'polygamma',
  torch: 'torch.Tensor.polygamma',
  doc: polygammaDoc,
  params: [self, order],
  variants: ['method', 'inplace'],
  promote: 'float',
  pointwise: (x: Expr, n: Expr) => apply('polygamma', n, x),
  check: ([, n]) => {
    if (n === undefined || Number(n) >= 0) return;
    const hint = 'polygamma(n, x) does not support negative n.';
    throw new RuntimeError(message('polygamma', 'n ≥ 0', String(n), hint));
  },
  overloads: (form) => {
    const digamma = overloads.firstOnly(
      form({ params: [self], pointwise: (x) => apply('digamma', x as Expr) }),
    );
    return { from: 1, choose: (_x, n) => (n === 0 ? digamma : null) };
  },
  tests: () => ({
    fill: 'positive',
    tolerance: trigammaError(),
    samples: [call([positive(), 0]), call([positive(), 2])],
  }),
});
export const polygamma = defineOp({
  name: 'special.polygamma',
  aliases: ['torch.polygamma'],
  doc: polygammaDoc,
  params: [order, self],
  compose: (n: number, x: Tensor): Tensor => polygammaMethod.impl(x, n),
  tests: () => ({
    tolerance: trigammaError(),
    samples: [1, 2, 3].map((n) => call([n, positive()])),
    errors: [{ args: [-1, positive()], throws: 'RuntimeError' }],
  }),
});

/** Σ lgamma(x − j/2) for j < p, plus p(p − 1)/4 · log π. */
function multivariate(x: Expr, p: number): Expr {
  let sum: Expr = expr((p * (p - 1) * Math.log(Math.PI)) / 4);
  for (let j = 0; j < p; j++) sum = sum.add(apply('lgamma', x.sub(j / 2)));
  return sum;
}
export const mvlgamma = definePointwise({
  name: 'mvlgamma',
  aliases: ['torch.special.multigammaln'],
  doc: 'The logarithm of the multivariate gamma function of dimension p.',
  params: [self, { name: 'p', kind: 'int', neutral: true }],
  promote: 'float',
  pointwise: (x) => x as Expr,
  accepts: { rule: overloads.numbersOnly, error: RuntimeError },
  check: ([, p]) => {
    if (typeof p !== 'number' || p >= 1) return;
    const hint = 'p has to be greater than or equal to 1';
    throw new RuntimeError(message('mvlgamma', 'p ≥ 1', String(p), hint));
  },
  overloads: (form) => {
    // One program a dimension: it decides how many terms there are.
    const dimensions = new Map<number, overloads.Form>();
    const ofDimension = (p: number): overloads.Form => {
      const known = dimensions.get(p);
      if (known !== undefined) return known;
      const made = overloads.firstOnly(
        form({ params: [self], pointwise: (x) => multivariate(x as Expr, p) }),
      );
      dimensions.set(p, made);
      return made;
    };
    return { from: 1, choose: (_x, p) => ofDimension(p as number) };
  },
  tests: () => ({
    fill: 'above1',
    samples: [
      call([t([3, 5], { fill: 'positive' }), 1]),
      call([t([5], { fill: { values: [2.5, 3, 4, 7, 9] } }), 4]),
    ],
    errors: [{ args: [positive(), 0], throws: 'RuntimeError' }],
  }),
});
/** A regularised incomplete gamma function; its slope in input is not known, as in PyTorch. */
function incomplete(name: string, alias: string, doc: string): overloads.PointwiseOp {
  return definePointwise({
    name,
    aliases: [`torch.special.${alias}`],
    doc,
    params: [self, otherTensor],
    refuse: overloads.floatsOnly,
    accepts: overloads.floatsOnly,
    underived: (a) => wants(a),
    pointwise: (a: Expr, x: Expr) => apply(name, a, x),
    tests: () => ({
      fill: 'positive',
      samples: [
        call([t([3, 5], { fill: 'positive', grad: false }), t([5], { fill: 'positive' })]),
        call([t([2], { fill: { values: [12, 3] }, grad: false }), t([2], { fill: { values: [10, 4] } })]),
      ],
    }),
  });
}
const wants = (a: unknown): boolean => a instanceof Tensor && a.requiresGrad;
export const igamma = incomplete(
  'igamma',
  'gammainc',
  'The regularised lower incomplete gamma function of shape input at other.',
);
export const igammac = incomplete(
  'igammac',
  'gammaincc',
  'The regularised upper incomplete gamma function of shape input at other.',
);
