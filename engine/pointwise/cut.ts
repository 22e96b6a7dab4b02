// Cuts of long expressions: programs of bounded length instead of one that no machine holds. `cut(root)` is null for most.
import { Expr, input, topological } from './expr.js';

/** Longer expressions are cut. The addon takes far longer programs, because a step on complex numbers is many on their parts. */
const longestProgram = 512;
/** The size of a piece, what it shares counted as often as it is used; and how many operands it may read. */
const pieceSize = 256;
const pieceReads = 24;

/** A part of a long expression. Its inputs are the positions in `reads`: first the function's inputs, then the pieces before. */
export interface Piece {
  readonly root: Expr;
  readonly reads: readonly number[];
}

interface Reach {
  readonly size: number;
  readonly reads: ReadonlySet<Expr>;
}
const nothing: Reach = { size: 0, reads: new Set() };

/** The pieces of an expression of `inputs` inputs in the order in which they are computed; null where one program will do. */
export function cut(root: Expr, inputs: number): readonly Piece[] | null {
  const order = topological([root]);
  if (order.length <= longestProgram) return null;
  const apart = partsOf(order);
  apart.add(root);
  const position = new Map<Expr, number>();
  const pieces: Piece[] = [];
  for (const e of order) {
    if (!apart.has(e)) continue;
    pieces.push(pieceOf(e, position));
    position.set(e, inputs + pieces.length - 1);
  }
  return pieces;
}

/** The nodes whose values are kept, so that none reaches further down than a piece may. */
function partsOf(order: readonly Expr[]): Set<Expr> {
  const apart = new Set<Expr>();
  const reach = new Map<Expr, Reach>();
  for (const e of order) {
    if (e.op === 'input') reach.set(e, { size: 0, reads: new Set([e]) });
    else if (e.args.length === 0) reach.set(e, nothing);
    else reach.set(e, reachOf(e, reach, apart));
  }
  return apart;
}

function reachOf(e: Expr, reach: Map<Expr, Reach>, apart: Set<Expr>): Reach {
  for (;;) {
    const below = e.args.map((a) => reach.get(a)!);
    const size = below.reduce((sum, r) => sum + r.size, 1);
    const reads = new Set(below.flatMap((r) => [...r.reads]));
    if (size <= pieceSize && reads.size <= pieceReads) return { size, reads };
    const largest = e.args.reduce((a, b) => (reach.get(b)!.size > reach.get(a)!.size ? b : a));
    apart.add(largest);
    reach.set(largest, { size: 0, reads: new Set([largest]) });
  }
}

function pieceOf(top: Expr, position: ReadonlyMap<Expr, number>): Piece {
  const reads: number[] = [];
  const done = new Map<Expr, Expr>();
  const read = (at: number): Expr => {
    if (!reads.includes(at)) reads.push(at);
    return input(reads.indexOf(at));
  };
  const rebuilt = (e: Expr): Expr => {
    const known = done.get(e);
    if (known !== undefined) return known;
    const at = e.op === 'input' ? e.value : position.get(e);
    const made =
      at !== undefined ? read(at) : e.args.length === 0 ? e : Expr.make(e.op, e.args.map(rebuilt), e.value);
    done.set(e, made);
    return made;
  };
  const root = rebuilt(top);
  // A piece of numbers alone still takes its shape from a tensor.
  return { root, reads: reads.length === 0 ? [0] : reads };
}
