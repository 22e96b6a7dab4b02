// Relatives of the gamma function: polygamma, mvlgamma, incomplete gamma. The functions themselves are in
// native/special/.
import { message, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr, expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise, type Param } from '../../registry/define.js';
import * as routes from '../../registry/overloads.js';
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
  tests: () => ({
    fill: 'positive',
    tolerance: trigammaError(),
    samples: [call([positive(), 0]), call([positive(), 2])],
  }),
});
const digammaItself = routes.firstOnly(
  routes.routeOf(polygammaMethod, { params: [self], pointwise: (x) => apply('digamma', x as Expr) }),
);
routes.reroute(
  polygammaMethod,
  (_x, n) => {
    if (Number(n) < 0) {
      const hint = 'polygamma(n, x) does not support negative n.';
      throw new RuntimeError(message('polygamma', 'n ≥ 0', String(n), hint));
    }
    return n === 0 ? digammaItself : null;
  },
  1,
);
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
  tests: () => ({
    fill: 'above1',
    samples: [
      call([t([3, 5], { fill: 'positive' }), 1]),
      call([t([5], { fill: { values: [2.5, 3, 4, 7, 9] } }), 4]),
    ],
    errors: [{ args: [positive(), 0], throws: 'RuntimeError' }],
  }),
});
/** One program a dimension: it decides how many terms there are. */
const dimensions = new Map<number, routes.Route>();
routes.reroute(
  mvlgamma,
  (_x, p) => {
    if (typeof p !== 'number' || !Number.isInteger(p)) return null;
    if (p < 1)
      throw new RuntimeError(
        message('mvlgamma', 'p ≥ 1', String(p), 'p has to be greater than or equal to 1'),
      );
    let route = dimensions.get(p);
    if (route === undefined) {
      route = routes.firstOnly(
        routes.routeOf(mvlgamma, { params: [self], pointwise: (x) => multivariate(x as Expr, p) }),
      );
      dimensions.set(p, route);
    }
    return route;
  },
  1,
);
routes.restrict(mvlgamma, routes.numbersOnly, RuntimeError);

/** A regularised incomplete gamma function; its slope in input is not known, as in PyTorch. */
function incomplete(name: string, alias: string, doc: string): routes.PointwiseOp {
  const declared = definePointwise({
    name,
    aliases: [`torch.special.${alias}`],
    doc,
    params: [self, otherTensor],
    refuse: routes.floatsOnly,
    pointwise: (a: Expr, x: Expr) => apply(name, a, x),
    tests: () => ({
      fill: 'positive',
      samples: [
        call([t([3, 5], { fill: 'positive', grad: false }), t([5], { fill: 'positive' })]),
        call([t([2], { fill: { values: [12, 3] }, grad: false }), t([2], { fill: { values: [10, 4] } })]),
      ],
    }),
  });
  const op = routes.restrict(declared);
  const plain = { ...op };
  const underived = routes.withoutDerivative({ ...op });
  op.impl = (a, ...rest) => (wants(a) ? underived : plain).impl(a, ...rest);
  op.inplace = (a, ...rest) => (wants(a) ? underived : plain).inplace!(a, ...rest);
  return op;
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
