// Owns in-place changes under autograd: what may be changed, and whose history a change becomes (CopySlices).
// It must not know any op but as_strided, which it is given.
import { message, RuntimeError } from '../errors.js';
import type { Shape } from '../shape.js';
import { type Tensor, viewHooks } from '../tensor.js';
import { gradMode } from './mode.js';
import { connect, type Gradients, Node } from './node.js';

/** The geometry of a view, relative to nothing but the storage. */
interface Geometry {
  readonly shape: Shape;
  readonly strides: Shape;
  readonly offset: number;
}

/** What this module needs of the ops; set by ops/autograd_support.ts. */
export const viewSupport = {
  /** The part of `g`, laid out as `base`, that `view` shows. Differentiable. */
  slice: (_g: Tensor, _base: Geometry, _view: Geometry): Tensor => missing(),
  /** `g`, laid out as `base`, with the part that `view` shows replaced by `part` (null: zero). Differentiable. */
  replace: (_g: Tensor, _base: Geometry, _view: Geometry, _part: Tensor | null): Tensor => missing(),
  /** Zeros laid out as `base` with `part` added where `view` shows. Differentiable. */
  scatter: (_part: Tensor, _base: Geometry, _view: Geometry): Tensor => missing(),
};
function missing(): never {
  throw new RuntimeError('autograd: required the ops, got none loaded');
}

function geometryOf(t: Tensor): Geometry {
  return { shape: t.shape, strides: t.strides, offset: t.offset };
}

/** @throws RuntimeError where PyTorch forbids changing `t` in-place while recording. */
export function checkInPlace(op: string, t: Tensor): void {
  for (let d = 0; d < t.shape.length; d++) {
    if (t.strides[d] === 0 && t.shape[d]! > 1) {
      throw new RuntimeError(
        message(
          op,
          'a tensor whose elements are apart in memory',
          'an expanded one',
          'unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.',
        ),
      );
    }
  }
  checkHistory(op, t);
}

/** @throws RuntimeError where the history of `t` forbids an in-place change. */
export function checkHistory(op: string, t: Tensor): void {
  if (!gradMode.enabled) return;
  if (t.requiresGrad && t.isLeaf) {
    throw new RuntimeError(
      message(
        op,
        'a tensor that is not a leaf, or noGrad',
        'a leaf that requires grad',
        'a leaf Variable that requires grad is being used in an in-place operation.',
      ),
    );
  }
  if (t.oneOfMany && t.requiresGrad) {
    const error = oneOfManyError(t, 'and is being modified inplace');
    error.message = message(op, 'a tensor that is no view out of several', 'one', error.message);
    throw error;
  }
  const base = t.base;
  if (base?.requiresGrad && base.isLeaf) {
    throw new RuntimeError(
      message(
        op,
        'a view of a non-leaf, or noGrad',
        'a view of a leaf that requires grad',
        'a view of a leaf Variable that requires grad is being used in an in-place operation.',
      ),
    );
  }
}

function oneOfManyError(view: Tensor, what: string): RuntimeError {
  const name = view.autograd?.node?.name.replace(/Backward\d+$/, '') ?? 'a function';
  return new RuntimeError(
    `Output ${view.outputNr} of ${name} is a view ${what}. This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.`,
  );
}

/** Counts the change, and makes `node` the history of `t` and of all that shares its memory. */
export function rebase(t: Tensor, node: Node | null): void {
  if (node === null) return;
  const base = t.base;
  if (base === null) {
    t.adoptHistory(node, 0);
    return;
  }
  const copy = new CopySlices(node, base, t);
  base.adoptHistory(copy, 0);
  // Every view, this one too, takes its history from the base again when asked.
  t.viewVersion = -1;
}

/** Gradient of a base after an in-place change of one of its views: `fn` sees the view's part of it. */
class CopySlices extends Node {
  readonly #fn: Node;
  readonly #base: Geometry;
  readonly #view: Geometry;

  constructor(fn: Node, base: Tensor, view: Tensor) {
    super('CopySlices');
    this.#fn = fn;
    this.#base = geometryOf(base);
    this.#view = geometryOf(view);
    connect(this, base);
    // fn's first edge led to the view as it was; the others go on from here.
    for (let i = 1; i < fn.next.length; i++) {
      this.next.push(fn.next[i]!);
      this.nextNr.push(fn.nextNr[i]!);
    }
    this.shapes.push(base.shape);
    this.dtypes.push(base.dtype);
  }
  apply([g]: Gradients): Gradients {
    const whole = g!;
    const parts = this.#fn.apply([viewSupport.slice(whole, this.#base, this.#view)]);
    const first = parts[0] ?? null;
    const rest = parts.slice(1);
    return [
      this.next[0] === null ? null : viewSupport.replace(whole, this.#base, this.#view, first),
      ...rest,
    ];
  }
  override release(): void {
    super.release();
    this.#fn.release();
  }
}

/** The history of a view, taken anew from its base. */
class RegeneratedView extends Node {
  readonly #base: Geometry;
  readonly #view: Geometry;
  constructor(view: Tensor, base: Tensor) {
    super('AsStridedBackward0');
    this.#base = geometryOf(base);
    this.#view = geometryOf(view);
    connect(this, base);
    this.shapes.push(view.shape);
    this.dtypes.push(view.dtype);
  }
  apply([g]: Gradients): Gradients {
    return [viewSupport.scatter(g!, this.#base, this.#view)];
  }
}

viewHooks.regenerate = (view, base) => {
  if (view.oneOfMany)
    throw oneOfManyError(view, 'and its base or another view of its base has been modified inplace');
  return new RegeneratedView(view, base);
};
