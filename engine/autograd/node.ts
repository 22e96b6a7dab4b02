// Autograd nodes, edges and saved tensors, and how an op records itself: `record(name, outputs, inputs, (save) =>
// (grads) => …)`.

import type { DType } from '../core/dtype.js';
import { RuntimeError, showShape } from '../core/errors.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { gradMode } from './grad-mode.js';
import { OutputHooks } from './hooks.js';

let sequence = 0;

export type Gradients = readonly (Tensor | null)[];

/** What a walk keeps of a node. It hangs on the node itself, because a map look-up for each edge is most of a small graph's cost. */
export interface WalkState {
  /** The number of the walk that this belongs to; another walk starts it anew. */
  walk: number;
  /** Gradients that the node still waits for. */
  pending: number;
  buffer: (Tensor | null)[] | null;
}

const none: readonly never[] = [];

/**
 * One recorded operation. Its gradients flow to `next[i]`'s output `nextNr[i]`. Its lists are made at their size, for a push onto
 * an empty one takes room for 17 (measured: 26.5 KB of garbage for a training step of cell K that way, 18.7 KB this way).
 */
export abstract class Node {
  readonly name: string;
  /** Later nodes run first in a backward walk, and the ends of the tape before all. */
  readonly sequence: number;
  next: readonly (Node | null)[] = none;
  nextNr: readonly number[] = none;
  /** What the outputs were: gradients are checked against it and summed down to it. */
  shapes: Shape[] = none as unknown as Shape[];
  dtypes: DType[] = none as unknown as DType[];
  /** Hooks on the gradient of each output, before this node uses it. */
  hooks: OutputHooks | null = null;
  released = false;
  /** The leaf whose gradient ends here; null in all but AccumulateGrad. */
  readonly leaf: Tensor | null;
  walkState: WalkState | null = null;

  constructor(name: string, leaf: Tensor | null = null) {
    this.name = name;
    this.leaf = leaf;
    this.sequence = leaf === null ? sequence++ : Number.POSITIVE_INFINITY;
  }
  /** Gradients of the outputs in, gradients of the inputs out. Null is zero. */
  abstract apply(grads: Gradients): Gradients;
  /** Adds an output like `t`; its number. */
  addOutput(t: { readonly sizes: Shape; readonly dtype: DType }): number {
    const nr = this.shapes.length;
    if (nr === 0) {
      this.shapes = [t.sizes];
      this.dtypes = [t.dtype];
    } else {
      this.shapes.push(t.sizes);
      this.dtypes.push(t.dtype);
    }
    return nr;
  }
  /** Lets go of the saved tensors. */
  release(): void {
    this.released = true;
  }
  /** The hooks, of which a node has none at first. */
  hooked(): OutputHooks {
    this.hooks ??= new OutputHooks();
    return this.hooks;
  }
  toString(): string {
    return `<${this.name}>`;
  }
}

/** The end of the tape at a leaf: adds into its `grad`. */
export class AccumulateGrad extends Node {
  constructor(leaf: Tensor) {
    super('AccumulateGrad', leaf);
    this.addOutput(leaf);
  }
  apply(): Gradients {
    return []; // backward.ts accumulates: only it knows whether it may keep the gradient without a copy.
  }
}

/** A tensor kept for backward, with the version at which it was kept. */
export class SavedTensor {
  readonly #tensor: Tensor;
  readonly #version: number;
  readonly #node: Node;

  constructor(tensor: Tensor, node: Node, version = tensor.storage.version) {
    this.#tensor = tensor;
    this.#version = version;
    this.#node = node;
  }
  /** @throws RuntimeError when it was freed, or changed in-place since. */
  get(): Tensor {
    if (this.#node.released) {
      throw new RuntimeError(
        `${this.#node.name}: required its saved tensors, got a graph whose buffers were freed. Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retainGraph: true if you need to backward through the graph a second time or if you need to access saved tensors after calling backward.`,
      );
    }
    const t = this.#tensor;
    if (t.storage.version !== this.#version) {
      const node = t.restriction === null ? t.gradFn : t.autograd?.node;
      const producer = node ? `, which is output ${t.outputNr} of ${node.name}` : '';
      throw new RuntimeError(
        `${this.#node.name}: required a saved tensor at version ${this.#version}, got version ${t.storage.version}. one of the variables needed for gradient computation has been modified by an inplace operation: [torch.${t.dtype.title}Tensor ${showShape(t.sizes)}]${producer}, is at version ${t.storage.version}; expected version ${this.#version} instead.`,
      );
    }
    return t;
  }
}

export type Save = (t: Tensor) => SavedTensor;

/** A node whose backward is a function; most ops use it. */
export class FunctionNode extends Node {
  #backward: ((grads: Gradients) => Gradients) | null;
  constructor(name: string, make: (save: Save, node: Node) => (grads: Gradients) => Gradients) {
    super(name);
    this.#backward = make((t) => new SavedTensor(t, this), this);
  }
  apply(grads: Gradients): Gradients {
    if (this.#backward === null) throw freedTwice(this);
    return this.#backward(grads);
  }
}

function freedTwice(node: Node): RuntimeError {
  return new RuntimeError(
    `${node.name}: required its saved tensors, got a freed graph. Trying to backward through the graph a second time`,
  );
}

/** Whether an op on these tensors must be recorded. */
export function shouldRecord(inputs: readonly Tensor[]): boolean {
  if (!gradMode.enabled) return false;
  for (const t of inputs) if (t.requiresGrad) return true;
  return false;
}

/** The node that gradients of `t` flow into; null when it needs none. */
function edgeOf(t: Tensor): Node | null {
  return t.requiresGrad ? t.gradEdge() : null;
}

/** Makes `inputs` those of `node`: its gradients go where theirs do. */
export function connect(node: Node, inputs: readonly Tensor[]): void {
  const [a, b] = inputs;
  if (inputs.length === 1) {
    node.next = [edgeOf(a!)];
    node.nextNr = [a!.outputNr];
  } else if (inputs.length === 2) {
    node.next = [edgeOf(a!), edgeOf(b!)];
    node.nextNr = [a!.outputNr, b!.outputNr];
  } else {
    node.next = inputs.map(edgeOf);
    node.nextNr = inputs.map((t) => t.outputNr);
  }
}

/** Makes `out` the next output of `node`. */
export function setHistory(out: Tensor, node: Node): void {
  out.adoptHistory(node, node.addOutput(out));
}

function addResult(out: Tensor, node: Node): void {
  if (out.dtype.isInexact) setHistory(out, node);
  else node.addOutput(out);
}

/**
 * Records an op: `make` saves what backward needs and returns it. Nothing happens, at no cost, where no gradient is wanted.
 * `backward` gets the gradients of `outs` and returns one gradient (or null) for each of `inputs`.
 */
export function record<T extends Tensor | readonly Tensor[]>(
  name: string,
  outs: T,
  inputs: readonly Tensor[],
  make: (save: Save, node: Node) => (grads: Gradients) => Gradients,
): T {
  if (!shouldRecord(inputs)) return outs;
  const node = new FunctionNode(name, make);
  connect(node, inputs);
  if (Array.isArray(outs)) for (const o of outs as readonly Tensor[]) addResult(o, node);
  else addResult(outs as Tensor, node);
  return outs;
}
