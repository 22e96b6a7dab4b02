// Expressions over scalar primitives: hash-consed nodes and the fluent builder. Their derivatives are in differentiate.ts.
// It must not know tensors, dtypes or the addon.
import { ArgumentError, describe, message } from '../core/errors.js';

export type Operand = Expr | number;

const interned = new Map<string, Expr>();
let nextId = 0;

/** One node of an expression. Equal expressions are the same object, so that common parts are computed once. */
export class Expr {
  readonly id: number;
  /** 'input', 'param', 'const', or a scalar primitive's name. */
  readonly op: string;
  readonly args: readonly Expr[];
  /** Position of an input or param; value of a const. */
  readonly value: number;
  /** Compiled forms by dtypes; program.ts fills it. */
  readonly programs = new Map<number, number>();

  private constructor(op: string, args: readonly Expr[], value: number) {
    this.id = nextId++;
    this.op = op;
    this.args = args;
    this.value = value;
  }

  static make(op: string, args: readonly Expr[], value = 0): Expr {
    const tag = Object.is(value, -0) ? '-0' : String(value);
    const key = `${op}(${args.map((a) => a.id).join()})${tag}`;
    let node = interned.get(key);
    if (node === undefined) {
      node = new Expr(op, args, value);
      interned.set(key, node);
    }
    return node;
  }

  get isZero(): boolean {
    return this.op === 'const' && this.value === 0;
  }
  isConst(value: number): boolean {
    return this.op === 'const' && this.value === value;
  }

  add(o: Operand): Expr {
    return binary('add', this, o);
  }
  sub(o: Operand): Expr {
    return binary('sub', this, o);
  }
  mul(o: Operand): Expr {
    const b = expr(o);
    if (this.isConst(1)) return b;
    if (b.isConst(1)) return this;
    return Expr.make('mul', [this, b]);
  }
  /** this · by + to of real numbers, rounded once. */
  fma(by: Operand, to: Operand): Expr {
    const [b, c] = [expr(by), expr(to)];
    if (this.isConst(1)) return c.add(b);
    return b.isConst(1) ? c.add(this) : Expr.make('fma', [this, b, c]);
  }
  div(o: Operand): Expr {
    const b = expr(o);
    return b.isConst(1) ? this : Expr.make('div', [this, b]);
  }
  pow(o: Operand): Expr {
    return binary('pow', this, o);
  }
  neg(): Expr {
    return this.op === 'neg' ? this.args[0]! : apply('neg', this);
  }
  square(): Expr {
    return Expr.make('mul', [this, this]);
  }
  abs(): Expr {
    return apply('abs', this);
  }
  exp(): Expr {
    return apply('exp', this);
  }
  log(): Expr {
    return apply('log', this);
  }
  sqrt(): Expr {
    return apply('sqrt', this);
  }
  reciprocal(): Expr {
    return apply('reciprocal', this);
  }
  eq(o: Operand): Expr {
    return binary('eq', this, o);
  }
  ne(o: Operand): Expr {
    return binary('ne', this, o);
  }
  lt(o: Operand): Expr {
    return binary('lt', this, o);
  }
  le(o: Operand): Expr {
    return binary('le', this, o);
  }
  gt(o: Operand): Expr {
    return binary('gt', this, o);
  }
  ge(o: Operand): Expr {
    return binary('ge', this, o);
  }
  maximum(o: Operand): Expr {
    return binary('maximum', this, o);
  }
  minimum(o: Operand): Expr {
    return binary('minimum', this, o);
  }
  /** this ≠ 0 ? a : b */
  where(a: Operand, b: Operand): Expr {
    return Expr.make('where', [this, expr(a), expr(b)]);
  }
}

/** A number or expression as an expression. @throws ArgumentError for anything else: a complex number is no constant. */
export function expr(value: Operand): Expr {
  if (value instanceof Expr) return value;
  if (typeof value === 'number') return Expr.make('const', [], value);
  throw new ArgumentError(message('expression', 'a real number', describe(value)));
}
export function input(index: number): Expr {
  return Expr.make('input', [], index);
}
export function param(index: number): Expr {
  return Expr.make('param', [], index);
}
/** Applies a scalar primitive by name. */
export function apply(op: string, ...args: Operand[]): Expr {
  return Expr.make(op, args.map(expr));
}
function binary(op: string, a: Expr, b: Operand): Expr {
  return Expr.make(op, [a, expr(b)]);
}

/** All nodes below `roots`, arguments before their users. */
export function topological(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  // Without recursion, because expressions may be deeper than the stack: what is open, and the next argument of each.
  const open: Expr[] = [];
  const next: number[] = [];
  const enter = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    open.push(e);
    next.push(0);
  };
  for (const r of roots) {
    enter(r);
    while (open.length > 0) {
      const e = open.at(-1)!;
      const k = next[next.length - 1]!++;
      if (k < e.args.length) enter(e.args[k]!);
      else {
        order.push(e);
        open.pop();
        next.pop();
      }
    }
  }
  return order;
}

/** Rewrites leaves and nodes by a map, bottom up. */
export function substitute(root: Expr, replace: (e: Expr) => Expr | undefined): Expr {
  const done = new Map<Expr, Expr>();
  for (const e of topological([root])) {
    const swap = replace(e);
    done.set(
      e,
      swap ??
        (e.args.length === 0
          ? e
          : Expr.make(
              e.op,
              e.args.map((a) => done.get(a)!),
              e.value,
            )),
    );
  }
  return done.get(root)!;
}
