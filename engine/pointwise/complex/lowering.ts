// Complex arithmetic: each scalar primitive's rule on pairs of real expressions. Native programs compute real numbers
// only.
import { NotImplementedError } from '../../core/errors.js';
import { apply, Expr, expr, input, topological } from '../expr.js';
import { arcRules } from './inverse.js';
import { type Pair, pair, parts, type Rule, real, times, z } from './pair.js';

const half = expr(0.5);
const exp = (x: Expr): Expr => x.exp();
const sin = (x: Expr): Expr => apply('sin', x);
const cos = (x: Expr): Expr => apply('cos', x);

/** e^p; a real p's sine is exactly 0 even where e^p is infinite. */
const exponential: Rule = ([p]) => {
  const [x, y] = parts(p!);
  const size = exp(x);
  return pair(size.mul(cos(y)), y.eq(0).where(y, size.mul(sin(y))));
};

/** The tangent's rotation of both hyperbolic functions: Kahan's formula, and the limit where e^2x overflows. */
const tanh: Rule = ([p]) => {
  const [x, y] = parts(p!);
  const t = apply('tan', y);
  const s = apply('sinh', x);
  const slope = t.mul(t).add(1);
  const root = s.mul(s).add(1).sqrt();
  const below = slope.mul(s).mul(s).add(1);
  const far = x.abs().gt(20);
  const tail = sin(y)
    .mul(cos(y))
    .mul(4)
    .mul(exp(x.abs().mul(-2)));
  return pair(
    far.where(apply('copysign', expr(1), x), slope.mul(root).mul(s).div(below)),
    far.where(tail, t.div(below)),
  );
};

/** a^b = e^(b · ln a). */
const power: Rule = ([a, b]) => {
  const zero = both(eq(a!.re, 0), a!.im === null ? expr(1) : eq(a!.im, 0));
  const general = exponential([times(b!, logarithm([a!]))]);
  // 0^0 is 1; 0 to another power is 0 where its real part is positive, and what the logarithm gives elsewhere.
  const none = both(eq(b!.re, 0), b!.im === null ? expr(1) : eq(b!.im, 0));
  const positive = both(zero, b!.re.gt(0));
  const re = none.where(1, positive.where(0, general.re));
  return pair(re, either(none, positive).where(0, general.im!));
};
const both = (a: Expr, b: Expr): Expr => (b.isConst(1) ? a : apply('logicalAnd', a, b));
const either = (a: Expr, b: Expr): Expr => apply('logicalOr', a, b);
const eq = (x: Expr, c: number): Expr => x.eq(c);

/** ln|p| near |p| = 1, where the logarithm of the rounded size would lose its digits, by way of |p|² − 1. */
function logSize(x: Expr, y: Expr): Expr {
  const a = x.abs();
  const b = y.abs();
  const first = a.ge(b);
  const large = first.where(a, b);
  const small = first.where(b, a);
  const near = apply('logicalAnd', large.gt(0.5), large.lt(1.5));
  const excess = large.sub(1).mul(large.add(1)).add(small.mul(small));
  return near.where(apply('log1p', excess).mul(half), apply('hypot', x, y).log());
}
const logarithm: Rule = ([p]) => {
  const [x, y] = parts(p!);
  return pair(logSize(x, y), apply('atan2', y, x));
};
const log1p: Rule = ([p]) => {
  const [x, y] = parts(p!);
  const near = x.abs().lt(0.5);
  const inner = apply('log1p', x.mul(x.add(2)).add(y.mul(y))).mul(half);
  const outer = logSize(x.add(1), y);
  return pair(near.where(inner, outer), apply('atan2', y, x.add(1)));
};

/** p / q by Smith's way, which neither overflows nor underflows between. */
const quotient: Rule = ([p, q]) => {
  if (q!.im === null) return pair(p!.re.div(q!.re), p!.im === null ? null : p!.im.div(q!.re));
  const [a, b] = parts(p!);
  const [c, d] = parts(q!);
  const first = c.abs().ge(d.abs());
  const large = first.where(c, d);
  const ratio = first.where(d, c).div(large);
  const below = large.add(first.where(d, c).mul(ratio));
  const none = large.eq(0);
  const re = first.where(a.add(b.mul(ratio)), a.mul(ratio).add(b)).div(below);
  const im = first.where(b.sub(a.mul(ratio)), b.mul(ratio).sub(a)).div(below);
  const zero = large.abs();
  return pair(none.where(a.div(zero), re), none.where(b.div(zero), im));
};

/** √p with its real part at least 0: half of |p| ± x, the one that does not cancel. */
const root: Rule = ([p]) => {
  const [x, y] = parts(p!);
  // A quarter keeps the sum of the greatest numbers finite.
  const t = x
    .abs()
    .mul(0.25)
    .add(apply('hypot', x.mul(0.25), y.mul(0.25)))
    .mul(2)
    .sqrt();
  const other = t.eq(0).where(y, y.div(t.mul(2)));
  const left = x.lt(0);
  const endless = apply('isinf', y);
  const re = left.where(other.abs(), t);
  const im = left.where(apply('copysign', t, y), other);
  return pair(endless.where(y.abs(), re), endless.where(y, im));
};

const sgn: Rule = ([p]) => {
  if (p!.im === null) return real(apply('sign', p!.re));
  const size = apply('hypot', p!.re, p!.im);
  const zero = size.eq(0);
  const by = zero.where(1, size);
  return pair(zero.where(0, p!.re.div(by)), zero.where(0, p!.im.div(by)));
};

/** Where either part (any) or both parts (all) are as said. */
const anyPart =
  (op: string): Rule =>
  ([p]) =>
    real(p!.im === null ? apply(op, p!.re) : apply('logicalOr', apply(op, p!.re), apply(op, p!.im)));
const allParts =
  (op: string): Rule =>
  ([p]) =>
    real(p!.im === null ? apply(op, p!.re) : apply('logicalAnd', apply(op, p!.re), apply(op, p!.im)));

/** Not 0, as a predicate. */
function truth(p: Pair): Expr {
  return p.im === null ? p.re : apply('logicalOr', p.re.ne(0), p.im.ne(0));
}
const logical =
  (op: string): Rule =>
  (list) =>
    real(apply(op, ...list.map(truth)));

const scaled =
  (rule: Rule, by: number): Rule =>
  (list) => {
    const p = rule(list);
    return pair(p.re.mul(by), p.im === null ? null : p.im.mul(by));
  };

const rules: Readonly<Record<string, Rule>> = {
  ...arcRules,
  neg: ([p]) => pair(z.neg(p!.re), p!.im && z.neg(p!.im)),
  add: ([p, q]) => pair(p!.re.add(q!.re), z.add(p!.im, q!.im)),
  sub: ([p, q]) =>
    pair(p!.re.sub(q!.re), q!.im === null ? p!.im : p!.im === null ? q!.im.neg() : p!.im.sub(q!.im)),
  mul: ([p, q]) => times(p!, q!),
  square: ([p]) => times(p!, p!),
  fma: ([p, q, r]) => {
    const m = times(p!, q!);
    return pair(m.re.add(r!.re), z.add(m.im, r!.im));
  },
  div: quotient,
  reciprocal: ([p]) => quotient([real(expr(1)), p!]),
  where: ([c, p, q]) => {
    const when = truth(c!);
    if (p!.im === null && q!.im === null) return real(when.where(p!.re, q!.re));
    return pair(when.where(p!.re, q!.re), when.where(p!.im ?? 0, q!.im ?? 0));
  },
  conj: ([p]) => pair(p!.re, p!.im && z.neg(p!.im)),
  real: ([p]) => real(p!.re),
  imag: ([p]) => real(p!.im ?? expr(0)),
  complex: ([p, q]) => pair(p!.re, q!.re),
  abs: ([p]) => real(p!.im === null ? p!.re.abs() : apply('hypot', p!.re, p!.im)),
  angle: ([p]) => {
    if (p!.im !== null) return real(apply('atan2', p!.im, p!.re));
    const x = p!.re;
    return real(apply('isnan', x).where(x, x.lt(0).where(Math.PI, 0)));
  },
  sign: sgn,
  exp: exponential,
  ldexp: ([p, q]) => times(p!, exponential([times(q!, real(expr(Math.LN2)))])),
  exp2: ([p]) => exponential([times(p!, real(expr(Math.LN2)))]),
  expm1: ([p]) => {
    const [x, y] = parts(p!);
    const s = sin(y.mul(half));
    return pair(apply('expm1', x).mul(cos(y)).sub(s.mul(s).mul(2)), exp(x).mul(sin(y)));
  },
  log: logarithm,
  log2: scaled(logarithm, 1 / Math.LN2),
  log10: scaled(logarithm, 1 / Math.LN10),
  log1p,
  sqrt: root,
  rsqrt: (list) => quotient([real(expr(1)), root(list)]),
  pow: power,
  sin: ([p]) => {
    const [x, y] = parts(p!);
    return pair(sin(x).mul(apply('cosh', y)), cos(x).mul(apply('sinh', y)));
  },
  cos: ([p]) => {
    const [x, y] = parts(p!);
    return pair(cos(x).mul(apply('cosh', y)), sin(x).mul(apply('sinh', y)).neg());
  },
  tan: ([p]) => {
    // tan p = −i · tanh(i·p)
    const [x, y] = parts(p!);
    const turned = tanh([pair(y.neg(), x)]);
    return pair(turned.im!, turned.re.neg());
  },
  sinh: ([p]) => {
    const [x, y] = parts(p!);
    return pair(apply('sinh', x).mul(cos(y)), apply('cosh', x).mul(sin(y)));
  },
  cosh: ([p]) => {
    const [x, y] = parts(p!);
    return pair(apply('cosh', x).mul(cos(y)), apply('sinh', x).mul(sin(y)));
  },
  tanh,
  sigmoid: ([p]) => {
    const e = exponential([pair(p!.re.neg(), p!.im!.neg())]);
    return quotient([real(expr(1)), pair(e.re.add(1), e.im)]);
  },
  eq: ([p, q]) => real(apply('logicalAnd', p!.re.eq(q!.re), (p!.im ?? expr(0)).eq(q!.im ?? 0))),
  ne: ([p, q]) => real(apply('logicalOr', p!.re.ne(q!.re), (p!.im ?? expr(0)).ne(q!.im ?? 0))),
  isnan: anyPart('isnan'),
  isinf: anyPart('isinf'),
  isfinite: allParts('isfinite'),
  logicalNot: logical('logicalNot'),
  logicalAnd: logical('logicalAnd'),
  logicalOr: logical('logicalOr'),
  logicalXor: logical('logicalXor'),
};

/** Primitives that exist in expressions only, on whatever numbers: programs get what they stand for. */
export const virtualPrimitives: ReadonlySet<string> = new Set(['conj', 'real', 'imag', 'complex', 'angle']);

/**
 * An expression as its real and imaginary part; `im` is null where it is real by its form. Input i is complex where `complex[i]`
 * says so, and is then two inputs. @throws NotImplementedError for a primitive without a complex meaning.
 */
export function lower(root: Expr, complex: readonly boolean[]): Pair {
  const first: number[] = [];
  let next = 0;
  for (const c of complex) {
    first.push(next);
    next += c ? 2 : 1;
  }
  const done = new Map<Expr, Pair>();
  for (const e of topological([root])) done.set(e, lowered(e, done, complex, first));
  return done.get(root)!;
}

function lowered(
  e: Expr,
  done: ReadonlyMap<Expr, Pair>,
  complex: readonly boolean[],
  first: readonly number[],
): Pair {
  if (e.op === 'input') {
    const at = first[e.value]!;
    return complex[e.value] ? pair(input(at), input(at + 1)) : real(input(at));
  }
  if (e.args.length === 0) return real(e);
  const args = e.args.map((a) => done.get(a)!);
  if (args.every((p) => p.im === null) && !virtualPrimitives.has(e.op)) {
    return real(
      Expr.make(
        e.op,
        args.map((p) => p.re),
        e.value,
      ),
    );
  }
  const rule = rules[e.op];
  if (rule === undefined) {
    throw new NotImplementedError(
      `${e.op}: required real numbers, got complex ones. "${e.op}" not implemented for complex numbers`,
    );
  }
  return rule(args);
}

/** What becomes of a pair in a bool result. */
export function truthOf(p: Pair): Expr {
  return truth(p);
}
