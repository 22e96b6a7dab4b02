// The autograd node of a pointwise function: what it saves, and its gradients.
import { gradMode } from '../autograd/grad-mode.js';
import { connect, type Gradients, Node, SavedTensor } from '../autograd/node.js';
import type { DType } from '../core/dtype.js';
import { type Shape, sameShape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import type { PointwiseFunction } from './function.js';
import { summed, zerosLike } from './function-support.js';

/** Kinds of `n` scalars that take no part in promotion. */
function unkinded(n: number): readonly null[] {
  nulls[n] ??= new Array<null>(n).fill(null);
  return nulls[n];
}
const nulls: (readonly null[])[] = [];
const none: never[] = [];

/** The recorded application of a pointwise function. */
export class PointwiseNode extends Node {
  readonly #fn: PointwiseFunction;
  /** By what the gradients read: an input's number, or one above g's for the result. */
  readonly #saved: readonly (SavedTensor | undefined)[];
  readonly #scalars: readonly number[];
  readonly #compute: DType;
  readonly #inShapes: readonly Shape[];
  readonly #inDtypes: readonly DType[];

  /** `out` is the result, of `version`; for an in-place application, the target after the change. */
  constructor(
    fn: PointwiseFunction,
    tensors: readonly Tensor[],
    scalars: readonly number[],
    out: Tensor,
    compute: DType,
    version = 0,
  ) {
    super(fn.nodeName);
    this.#fn = fn;
    this.#scalars = scalars;
    this.#compute = compute;
    const [a, b] = tensors;
    const pair = tensors.length === 2;
    this.#inShapes = pair ? [a!.sizes, b!.sizes] : tensors.map((t) => t.sizes);
    this.#inDtypes = pair ? [a!.dtype, b!.dtype] : tensors.map((t) => t.dtype);
    connect(this, tensors);
    let wanted = 0;
    for (let i = 0; i < tensors.length; i++) if (this.next[i] !== null) wanted += 1 << i;
    const reads = fn.readsFor(wanted);
    const saved = reads.length === 0 ? none : new Array<SavedTensor | undefined>(fn.inputs + 2);
    for (let i = 0; i < reads.length; i++) {
      const k = reads[i]!;
      if (k === fn.inputs + 1) saved[k] = new SavedTensor(out, this, version);
      else if (k !== fn.inputs) saved[k] = new SavedTensor(tensors[k]!, this);
    }
    this.#saved = saved;
  }

  apply([g]: Gradients): Gradients {
    if (this.next.length === 1) return [this.#gradient(0, g)];
    if (this.next.length === 2) return [this.#gradient(0, g), this.#gradient(1, g)];
    return this.next.map((_, i) => this.#gradient(i, g));
  }

  /** What a gradient reads: `g`, an input or the result. */
  #value(r: number, g: Tensor): Tensor {
    return r === this.#fn.inputs ? g : this.#saved[r]!.get();
  }

  #gradient(i: number, g: Tensor | null | undefined): Tensor | null {
    if (this.next[i] === null || g == null) return null;
    const rule = this.#fn.gradient(i);
    if (rule.expr === null) return zerosLike(this.#inShapes[i]!, this.#inDtypes[i]!);
    if (rule.identity) return g;
    const { reads } = rule;
    const values =
      reads.length === 1
        ? [this.#value(reads[0]!, g)]
        : reads.length === 2
          ? [this.#value(reads[0]!, g), this.#value(reads[1]!, g)]
          : reads.map((r) => this.#value(r, g));
    const f = rule.functionFor(this.#compute, this.#inDtypes[i]!);
    if (!gradMode.enabled && !sameShape(g.sizes, this.#inShapes[i]!)) {
      const { root } = f;
      const [to, dtype] = [this.#inShapes[i]!, this.#inDtypes[i]!];
      return summed(this.#fn.name, root, values, this.#scalars, g.sizes, to, dtype, this.#compute);
    }
    return f.apply(values, this.#scalars, unkinded(this.#scalars.length));
  }
}

/** Records an in-place application on `target` whose version is not yet counted; `before` are the inputs as they were. */
export function recordInPlace(
  fn: PointwiseFunction,
  before: readonly Tensor[],
  scalars: readonly number[],
  target: Tensor,
  compute: DType,
): Node {
  const node = new PointwiseNode(fn, before, scalars, target, compute, target.storage.version + 1);
  node.addOutput(target);
  return node;
}
