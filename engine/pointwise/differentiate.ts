// Symbolic derivatives of expressions, by the primitives' rules: reverse accumulation over the graph.
// `differentiate(x.mul(x), 0, expr(1))` is `2x`.
import { type Expr, input, topological } from './expr.js';
import { derivativeOf } from './primitives.js';

/**
 * The derivative of `root` with respect to input `index`, times `g`: reverse accumulation over the expression.
 * Null where it is zero everywhere.
 */
export function differentiate(root: Expr, index: number, g: Expr): Expr | null {
  const target = input(index);
  const order = topological([root]);
  const depends = new Set<Expr>();
  for (const e of order) if (e === target || e.args.some((a) => depends.has(a))) depends.add(e);
  if (!depends.has(root)) return null;
  const adjoint = new Map<Expr, Expr>([[root, g]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const e = order[i]!;
    const a = adjoint.get(e);
    if (a === undefined || e.args.length === 0 || !depends.has(e)) continue;
    const parts = derivativeOf(e.op)(a, e.args, e);
    e.args.forEach((arg, k) => {
      const part = parts[k];
      if (part === undefined || part === null || !depends.has(arg)) return;
      const sofar = adjoint.get(arg);
      adjoint.set(arg, sofar === undefined ? part : sofar.add(part));
    });
  }
  return adjoint.get(target) ?? null;
}
