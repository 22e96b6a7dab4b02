// Inverse trigonometric and hyperbolic functions of complex numbers: Kahan, "Branch Cuts for Complex Elementary
// Functions" (1987).

import { apply, type Expr, expr } from '../expr.js';
import { type Pair, pair, parts, type Rule, real } from './pair.js';

/** √(1 − x − iy), √(1 + x + iy), √(−1 + x + iy): y keeps its sign, so that both sides of a cut differ. */
function rootOf(re: Expr, im: Expr): readonly [Expr, Expr] {
  const t = re
    .abs()
    .mul(0.25)
    .add(apply('hypot', re.mul(0.25), im.mul(0.25)))
    .mul(2)
    .sqrt();
  const other = t.eq(0).where(im, im.div(t.mul(2)));
  const left = re.lt(0);
  return [left.where(other.abs(), t), left.where(apply('copysign', t, im), other)];
}

/** Re and Im of a·b, or of conj(a)·b. */
const reOfProduct = (a: readonly [Expr, Expr], b: readonly [Expr, Expr]): Expr =>
  a[0].mul(b[0]).sub(a[1].mul(b[1]));
const reOfConjProduct = (a: readonly [Expr, Expr], b: readonly [Expr, Expr]): Expr =>
  a[0].mul(b[0]).add(a[1].mul(b[1]));
const imOfConjProduct = (a: readonly [Expr, Expr], b: readonly [Expr, Expr]): Expr =>
  a[0].mul(b[1]).sub(a[1].mul(b[0]));

function roots(p: Pair) {
  const [x, y] = parts(p);
  const one = expr(1);
  return {
    x,
    y,
    below: rootOf(one.sub(x), y.neg()),
    above: rootOf(one.add(x), y),
    past: rootOf(x.sub(1), y),
  };
}

const asin: Rule = ([p]) => {
  const { x, below, above } = roots(p!);
  return pair(apply('atan2', x, reOfProduct(below, above)), apply('asinh', imOfConjProduct(below, above)));
};
const acos: Rule = ([p]) => {
  const { below, above } = roots(p!);
  return pair(apply('atan2', below[0], above[0]).mul(2), apply('asinh', imOfConjProduct(above, below)));
};
const acosh: Rule = ([p]) => {
  const { past, above } = roots(p!);
  return pair(apply('asinh', reOfConjProduct(past, above)), apply('atan2', past[1], above[0]).mul(2));
};
const atanh: Rule = ([p]) => {
  const [x, y] = parts(p!);
  const a = x.abs();
  const apart = expr(1).sub(a);
  const square = y.mul(y);
  const size = apply('log1p', a.mul(4).div(apart.mul(apart).add(square))).mul(0.25);
  const turn = apply('atan2', y.mul(2), apart.mul(a.add(1)).sub(square)).mul(0.5);
  return pair(apply('copysign', size, x), turn);
};
/** f(i·p) / i, which takes asin to asinh and atanh to atan. */
const turned =
  (rule: Rule): Rule =>
  ([p]) => {
    const [x, y] = parts(p!);
    const q = rule([pair(y.neg(), x)]);
    return pair(q.im ?? expr(0), q.re.neg());
  };

/** The rules of the inverse functions, by primitive. */
export const arcRules: Readonly<Record<string, Rule>> = {
  asin,
  acos,
  acosh,
  atanh,
  asinh: turned(asin),
  atan: turned(atanh),
  hypot: ([p, q]) => real(apply('hypot', apply('hypot', ...parts(p!)), apply('hypot', ...parts(q!)))),
};
