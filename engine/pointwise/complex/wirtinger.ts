// Derivatives over complex numbers in PyTorch's convention (conjugate Wirtinger): a holomorphic f gives grad ·
// conj(f′), and a real argument gets the real part.
import { apply, Expr, input, topological } from '../expr.js';
import { derivativeOf } from '../primitives.js';

/** Primitives whose value is real whatever their arguments. */
const realValued: ReadonlySet<string> = new Set(
  `abs angle real imag eq ne lt le gt ge logicalNot logicalAnd logicalOr logicalXor isnan isinf isfinite signbit hypot`.split(
    /\s+/,
  ),
);

/** Which nodes of an expression are complex, given which inputs are. */
export function complexNodes(
  order: readonly Expr[],
  isComplexInput: (index: number) => boolean,
): ReadonlySet<Expr> {
  const found = new Set<Expr>();
  for (const e of order) {
    const from = e.op === 'where' ? e.args.slice(1) : e.args;
    const complex =
      e.op === 'input'
        ? isComplexInput(e.value)
        : e.op === 'complex' || (!realValued.has(e.op) && from.some((a) => found.has(a)));
    if (complex) found.add(e);
  }
  return found;
}

const unary = (op: string, x: Expr): Expr => Expr.make(op, [x]);
/** How far down: what is used twice is walked twice, and a user's expression may be deeper than the stack. */
const conjDepth = 8;
/** The conjugate, taken of what it can be taken of before. */
export function conj(x: Expr, depth = conjDepth): Expr {
  const below = (e: Expr): Expr => conj(e, depth - 1);
  if (x.op === 'conj') return x.args[0]!;
  if (x.op === 'const' || x.op === 'param') return x;
  if (depth === 0) return unary('conj', x);
  if (x.op === 'where') return Expr.make('where', [x.args[0]!, below(x.args[1]!), below(x.args[2]!)]);
  if (x.op === 'mul' || x.op === 'add' || x.op === 'sub' || x.op === 'neg' || x.op === 'div')
    return Expr.make(x.op, x.args.map(below));
  return unary('conj', x);
}
const realOf = (x: Expr): Expr => unary('real', x);

type Parts = readonly (Expr | null)[];

/** The shares of what is not holomorphic, of pow, whose conditions compare, and of acosh, whose real rule holds for Re z > 0. */
const own: Readonly<Record<string, (a: Expr, args: readonly Expr[], e: Expr) => Parts>> = {
  conj: (a) => [conj(a)],
  real: (a) => [a],
  imag: (a) => [apply('complex', 0, a)],
  complex: (a) => [realOf(a), unary('imag', a)],
  abs: (a, [x]) => [a.mul(apply('sign', x!))],
  angle: (a, [x]) => {
    const size = unary('abs', x!);
    const zero = size.eq(0);
    const by = zero.where(1, size.mul(size));
    return [zero.where(0, apply('complex', unary('imag', x!).neg(), realOf(x!)).mul(a.div(by)))];
  },
  sign: (a, [x], e) => {
    const size = unary('abs', x!);
    const zero = size.eq(0);
    const along = realOf(a.mul(conj(e)));
    return [zero.where(0, a.sub(e.mul(along)).div(zero.where(1, size)))];
  },
  // The root of z² − 1 would be taken on the wrong side in the left half plane.
  acosh: (a, [x]) => [a.mul(conj(unary('rsqrt', x!.add(1)).mul(unary('rsqrt', x!.sub(1)))))],
  where: (a, [c]) => [null, c!.where(a, 0), c!.where(0, a)],
  pow: (a, [x, b], e) => {
    const none = b!.eq(0);
    const zero = apply('logicalAnd', x!.eq(0), realOf(b!).ge(0));
    const slope = none.where(0, b!.mul(x!.pow(none.where(1, b!).sub(1))));
    const exponent = zero.where(0, e.mul(zero.where(1, x!).log()));
    return [a.mul(conj(slope)), a.mul(conj(exponent))];
  },
};

function shares(e: Expr, a: Expr, complex: ReadonlySet<Expr>): Parts {
  const holds = e.args.some((x) => complex.has(x));
  const rule = own[e.op];
  if (rule !== undefined && (holds || e.op === 'complex')) return rule(a, e.args, e);
  const derivative = derivativeOf(e.op);
  if (!holds) return derivative(a, e.args, e);
  // A real rule is linear in its gradient: turned around it, the derivative itself is conjugated.
  return derivative(conj(a), e.args, e).map((part) => part && conj(part));
}

/** As `differentiate`, for an expression some of whose inputs are complex. Null where it is zero everywhere. */
export function differentiateComplex(
  root: Expr,
  index: number,
  g: Expr,
  isComplexInput: (index: number) => boolean,
): Expr | null {
  const target = input(index);
  const order = topological([root]);
  const complex = complexNodes(order, isComplexInput);
  const depends = new Set<Expr>();
  for (const e of order) if (e === target || e.args.some((a) => depends.has(a))) depends.add(e);
  if (!depends.has(root)) return null;
  const adjoint = new Map<Expr, Expr>([[root, g]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const e = order[i]!;
    const a = adjoint.get(e);
    if (a === undefined || e.args.length === 0 || !depends.has(e)) continue;
    const parts = shares(e, a, complex);
    e.args.forEach((arg, k) => {
      const part = parts[k];
      if (part === undefined || part === null || !depends.has(arg)) return;
      const own =
        complex.has(arg) || !(complex.has(e) || e.args.some((x) => complex.has(x))) ? part : realOf(part);
      const sofar = adjoint.get(arg);
      adjoint.set(arg, sofar === undefined ? own : sofar.add(own));
    });
  }
  return adjoint.get(target) ?? null;
}

/** Whether an expression's value is real by its form; a bare number or param is what its inputs are. */
export function isRealValued(root: Expr, isComplexInput: (index: number) => boolean): boolean {
  if (root.op === 'const' || root.op === 'param') return false;
  return !complexNodes(topological([root]), isComplexInput).has(root);
}
