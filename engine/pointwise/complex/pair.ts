// Pairs of real expressions that stand for complex numbers, with sums and products.
import { type Expr, expr } from '../expr.js';

/** A complex number's parts. `im` is null where the number is real by its form. */
export interface Pair {
  readonly re: Expr;
  readonly im: Expr | null;
}
/** What a primitive makes of its arguments. */
export type Rule = (args: readonly Pair[]) => Pair;

export const pair = (re: Expr, im: Expr | null): Pair => ({ re, im });
export const real = (re: Expr): Pair => ({ re, im: null });
/** Both parts; a missing one is 0. */
export const parts = (p: Pair): readonly [Expr, Expr] => [p.re, p.im ?? expr(0)];

/** Sums and negations that do without what is nothing. */
export const z = {
  neg: (x: Expr): Expr => (x.op === 'const' ? expr(-x.value) : x.neg()),
  add: (a: Expr | null, b: Expr | null): Expr | null => (a === null ? b : b === null ? a : a.add(b)),
};

export function times(p: Pair, q: Pair): Pair {
  if (p.im === null) return pair(p.re.mul(q.re), q.im && p.re.mul(q.im));
  if (q.im === null) return pair(p.re.mul(q.re), p.im.mul(q.re));
  return pair(p.re.mul(q.re).sub(p.im.mul(q.im)), p.re.mul(q.im).add(p.im.mul(q.re)));
}
