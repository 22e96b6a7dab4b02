// In-place changes under autograd: what may be changed, and the history that a base and its views get (CopySlices).
import { message, RuntimeError } from '../core/errors.js';
import type { Shape } from '../core/shape.js';
import { type Tensor, type ViewRestriction, viewHooks } from '../core/tensor.js';
import { gradMode } from './grad-mode.js';
import { connect, type Gradients, Node, shouldRecord } from './node.js';

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
  /** Complex numbers as their parts, and the other way round. Differentiable. */
  asReal: (_g: Tensor): Tensor => missing(),
  asComplex: (_g: Tensor): Tensor => missing(),
};
function missing(): never {
  throw new RuntimeError('autograd: required the ops, got none loaded');
}

function geometryOf(t: Tensor): Geometry {
  return { shape: t.sizes, strides: t.strides, offset: t.offset };
}

/**
 * Where a view lies in its base. Of a complex and a real tensor over the same memory the complex one is taken for its parts,
 * a last dim of two, and gradients go through `into` and `outOf` on its side.
 */
class Lie {
  readonly base: Geometry;
  readonly view: Geometry;
  readonly #baseInParts: boolean;
  readonly #viewInParts: boolean;

  constructor(base: Tensor, view: Tensor) {
    this.#baseInParts = base.dtype.isComplex && !view.dtype.isComplex;
    this.#viewInParts = view.dtype.isComplex && !base.dtype.isComplex;
    this.base = this.#baseInParts ? partsOf(base) : geometryOf(base);
    this.view = this.#viewInParts ? partsOf(view) : geometryOf(view);
  }
  /** A gradient of the base as it is laid out here, and back. */
  intoBase = (g: Tensor): Tensor => (this.#baseInParts ? viewSupport.asReal(g) : g);
  outOfBase = (g: Tensor): Tensor => (this.#baseInParts ? viewSupport.asComplex(g) : g);
  /** The same of the view. */
  intoView = (g: Tensor): Tensor => (this.#viewInParts ? viewSupport.asReal(g) : g);
  outOfView = (g: Tensor): Tensor => (this.#viewInParts ? viewSupport.asComplex(g) : g);
}

function partsOf(t: Tensor): Geometry {
  return { shape: [...t.sizes, 2], strides: [...t.strides.map((s) => 2 * s), 1], offset: 2 * t.offset };
}

/** @throws RuntimeError where PyTorch forbids changing `t` in-place, by what `inputs` hold, while recording. */
export function checkInPlace(op: string, t: Tensor, inputs: readonly Tensor[] = [t]): void {
  for (let d = 0; d < t.sizes.length; d++) {
    if (t.strides[d] === 0 && t.sizes[d]! > 1 && t.length > 0) {
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
  checkHistory(op, t, inputs);
}

/** @throws RuntimeError where the history of `t`, or how it became a view, forbids an in-place change that reads `inputs`. */
export function checkHistory(op: string, t: Tensor, inputs: readonly Tensor[] = [t]): void {
  if (!gradMode.enabled) return;
  const { base } = t;
  if (t.restriction !== null && shouldRecord(inputs)) {
    const hint = restrictionText(t, 'is being modified inplace');
    throw new RuntimeError(message(op, 'a tensor that may be changed in-place', 'a view that may not', hint));
  }
  if (!t.requiresGrad) return;
  if (base?.isLeaf === true) {
    throw new RuntimeError(
      message(
        op,
        'a view of a non-leaf, or noGrad',
        'a view of a leaf that requires grad',
        'a view of a leaf Variable that requires grad is being used in an in-place operation.',
      ),
    );
  }
  if (t.isLeaf) {
    throw new RuntimeError(
      message(
        op,
        'a tensor that is not a leaf, or noGrad',
        'a leaf that requires grad',
        'a leaf Variable that requires grad is being used in an in-place operation.',
      ),
    );
  }
}

const unrecorded =
  "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).";
const reasons: Readonly<Record<ViewRestriction, string>> = {
  oneOfMany:
    'This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.',
  custom:
    'This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function.',
  noGrad: unrecorded,
};

/** PyTorch's sentences on a view that must not be changed: by itself, or through the memory that it shares. */
function restrictionText(view: Tensor, change: string): string {
  const { restriction } = view;
  const node = view.autograd?.node ?? null;
  const name = node?.name.replace(/Backward\d*$/, '');
  const unnamed = `A view was created in no_grad mode and ${change} with grad mode enabled.`;
  const derived = `Output ${view.outputNr} of ${name} is a view of a view which was created in no_grad mode and ${change} with grad mode enabled.`;
  const named = `Output ${view.outputNr} of ${name} is a view and ${change}.`;
  const what = node === null ? unnamed : restriction === 'noGrad' ? derived : named;
  return `${what} ${reasons[restriction!]}`;
}

/** Makes `node` the history of `t` and of all that shares its memory. */
export function rebase(t: Tensor, node: Node | null): void {
  if (node === null) return;
  const base = t.base;
  if (base === null) {
    t.replaceHistory(node, 0);
    return;
  }
  const copy = new CopySlices(node, base, t);
  base.replaceHistory(copy, 0);
  // Every view, this one too, takes its history from the base again when asked.
  t.viewVersion = -1;
}

/** Gradient of a base after an in-place change of one of its views: `fn` sees the view's part of it. */
class CopySlices extends Node {
  readonly #fn: Node;
  readonly #lie: Lie;

  constructor(fn: Node, base: Tensor, view: Tensor) {
    super('CopySlices');
    this.#fn = fn;
    this.#lie = new Lie(base, view);
    connect(this, [base]);
    // fn's first edge led to the view as it was; the others go on from here.
    this.next = [...this.next, ...fn.next.slice(1)];
    this.nextNr = [...this.nextNr, ...fn.nextNr.slice(1)];
    this.addOutput(base);
  }
  apply([g]: Gradients): Gradients {
    const lie = this.#lie;
    const whole = lie.intoBase(g!);
    const parts = this.#fn.apply([lie.outOfView(viewSupport.slice(whole, lie.base, lie.view))]);
    const first = parts[0] == null ? null : lie.intoView(parts[0]);
    const rest = parts.slice(1);
    if (this.next[0] === null) return [null, ...rest];
    return [lie.outOfBase(viewSupport.replace(whole, lie.base, lie.view, first)), ...rest];
  }
  override release(): void {
    super.release();
    this.#fn.release();
  }
}

/** The history of a view, taken anew from its base. */
class RegeneratedView extends Node {
  readonly #lie: Lie;
  constructor(view: Tensor, base: Tensor) {
    super('AsStridedBackward0');
    this.#lie = new Lie(base, view);
    connect(this, [base]);
    this.addOutput(view);
  }
  apply([g]: Gradients): Gradients {
    const lie = this.#lie;
    return [lie.outOfBase(viewSupport.scatter(lie.intoView(g!), lie.base, lie.view))];
  }
}

viewHooks.regenerate = (view, base) => {
  if (view.restriction !== null)
    throw new RuntimeError(
      restrictionText(view, 'its base or another view of its base has been modified inplace'),
    );
  return new RegeneratedView(view, base);
};
