// The backward engine: order of nodes, accumulation of gradients, checks of their shapes and dtypes, hooks, release of
// saved tensors. `backward(t)`, `grad(outputs, inputs)`.

import { type Device, placedOn, placement } from '../core/device.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { expandsTo, type Shape, sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { gradMode } from './grad-mode.js';
import type { Gradients, Node, WalkState } from './node.js';
import { requireTensor, runHooks } from './run-hooks.js';

/** What the walk needs of the ops; set by ops/autograd_support.ts. */
export const support = {
  sumTo: (_g: Tensor, _shape: readonly number[]): Tensor => notLoaded(),
  cast: (_g: Tensor, _to: Tensor['dtype']): Tensor => notLoaded(),
  add: (_a: Tensor, _b: Tensor): Tensor => notLoaded(),
  addInto: (_target: Tensor, _b: Tensor): void => notLoaded(),
  clone: (_g: Tensor): Tensor => notLoaded(),
  onesLike: (_t: Tensor): Tensor => notLoaded(),
  zerosLike: (_t: Tensor): Tensor => notLoaded(),
  zeros: (_shape: Shape, _dtype: DType, _device: Device): Tensor => notLoaded(),
};
function notLoaded(): never {
  throw new RuntimeError('backward: required the ops, got none loaded');
}

/** A node's gradients, their memory where the incoming ones are. */
function applied(n: Node, incoming: Gradients): Gradients {
  if (!placement.several) return n.apply(incoming);
  return placedOn(incoming.find((g) => g !== null && g !== undefined)!.device, () => n.apply(incoming));
}

interface Capture {
  /** Null where no gradient flows into the tensor. */
  readonly node: Node | null;
  readonly nr: number;
  grad: Tensor | null;
}

export interface WalkOptions {
  readonly retainGraph: boolean;
  readonly createGraph: boolean;
  /** Where set, gradients end here and nowhere else. */
  readonly captures: readonly Capture[] | null;
}

/** Runs the tape backward from `roots`, whose gradients are `grads`. */
export function walk(roots: readonly Tensor[], grads: readonly Tensor[], options: WalkOptions): void {
  const before = gradMode.enabled;
  gradMode.enabled = options.createGraph;
  walking++;
  try {
    new Walk(options, walking > 1).run(roots, grads);
  } finally {
    walking--;
    gradMode.enabled = before;
  }
}

/** Walks under way: a hook or a custom backward may start another, over the same nodes. */
let walking = 0;
let nextWalk = 0;

class Walk {
  readonly #options: WalkOptions;
  /** A number, not the walk itself: a state stays on its node, and must not keep the walk's gradients alive. */
  readonly #id = nextWalk++;
  /** The states of an inner walk; an outermost one keeps them on the nodes. */
  readonly #inner: Map<Node, WalkState> | null;
  /** Nodes on a path to a capture; null: all. A capture that is on no path to another is none of them. */
  #needed: Set<Node> | null = null;
  #captured: Set<Node> | null = null;
  /** Gradients that a leaf may not keep without a copy: those that the walk began with, and those that another leaf keeps. */
  #given: readonly Tensor[] = [];
  #kept: Set<Tensor> | null = null;
  #hooked = false;
  /** Ready nodes, the latest recorded last. */
  readonly #ready: Node[] = [];

  constructor(options: WalkOptions, inner: boolean) {
    this.#options = options;
    this.#inner = inner ? new Map() : null;
  }

  /** This walk's state of a node, fresh where it has none. */
  #state(n: Node): WalkState {
    let s = this.#inner === null ? n.walkState : (this.#inner.get(n) ?? null);
    if (s === null) {
      s = { walk: this.#id, pending: -1, buffer: null };
      if (this.#inner === null) n.walkState = s;
      else this.#inner.set(n, s);
    } else if (s.walk !== this.#id) {
      s.walk = this.#id;
      s.pending = -1;
      s.buffer = null;
    }
    return s;
  }

  run(roots: readonly Tensor[], grads: readonly Tensor[]): void {
    const starts = roots.map((t) => t.gradEdge()!);
    this.#plan(starts);
    this.#given = grads;
    for (let i = 0; i < roots.length; i++) this.#deliver(starts[i]!, roots[i]!.outputNr, grads[i]!, null, i);
    for (let i = 0; i < starts.length; i++) {
      const n = starts[i]!;
      if (starts.indexOf(n) === i && this.#runs(n) && this.#state(n).pending === 0) this.#enqueue(n);
    }
    for (let n = this.#ready.pop(); n !== undefined; n = this.#ready.pop()) this.#step(n);
  }

  /** Counts, for every reachable node, the edges that lead to it. */
  #plan(starts: readonly Node[]): void {
    const { captures } = this.#options;
    const stack: Node[] = [];
    for (const s of starts) {
      const state = this.#state(s);
      if (state.pending < 0) {
        state.pending = 0;
        stack.push(s);
      }
    }
    for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
      for (let i = 0; i < n.next.length; i++) {
        const m = n.next[i]!;
        if (m === null) continue;
        const state = this.#state(m);
        if (state.pending < 0) {
          state.pending = 0;
          stack.push(m);
        }
        state.pending++;
      }
    }
    if (captures === null) return;
    this.#captured = new Set(captures.flatMap((c) => c.node ?? []));
    this.#needed = reaching(starts, this.#captured);
  }

  #enqueue(n: Node): void {
    // Insertion from the end: what becomes ready is nearly always the latest or close to it.
    const ready = this.#ready;
    let i = ready.length;
    while (i > 0 && ready[i - 1]!.sequence > n.sequence) i--;
    if (i === ready.length) ready.push(n);
    else ready.splice(i, 0, n);
  }

  /** Adds gradient `i` of `from` to what output `nr` of `n` has. */
  #deliver(n: Node, nr: number, raw: Tensor, from: Node | null, i: number): void {
    const g = checked(n, nr, raw, from, i);
    const state = this.#state(n);
    state.buffer ??= noGradients(n.shapes.length);
    const { buffer } = state;
    const had = buffer[nr]!;
    buffer[nr] = had === null ? g : support.add(had, g);
  }

  #step(n: Node): void {
    const state = this.#state(n);
    const incoming = state.buffer ?? noGradients(n.shapes.length);
    state.buffer = null;
    const needed = this.#needed === null || this.#needed.has(n);
    // As PyTorch: what is captured on the way to another capture is the gradient before hooks.
    if (needed) this.#capture(n, incoming);
    if (n.hooks !== null && runHooks(n.name, n.hooks, incoming, retain)) this.#hooked = true;
    if (!needed) {
      this.#capture(n, incoming);
      return;
    }
    if (n.leaf !== null) {
      if (incoming[0] !== null) this.#accumulate(n.leaf, incoming[0]!);
      return;
    }
    const some = hasSome(incoming);
    const results = some ? applied(n, incoming) : none;
    if (some && !this.#options.retainGraph) n.release();
    this.#propagate(n, results);
  }

  #capture(n: Node, incoming: Gradients): void {
    const { captures } = this.#options;
    if (captures !== null) for (const c of captures) if (c.node === n) c.grad = incoming[c.nr]!;
  }

  /** Whether this walk has anything to do at a node. */
  #runs(n: Node): boolean {
    return this.#needed === null || this.#needed.has(n) || this.#captured!.has(n);
  }

  #propagate(n: Node, results: Gradients): void {
    for (let i = 0; i < n.next.length; i++) {
      const m = n.next[i]!;
      if (m === null || !this.#runs(m)) continue;
      const g = results[i];
      if (g !== undefined && g !== null) this.#deliver(m, n.nextNr[i]!, g, n, i);
      const state = this.#state(m);
      state.pending--;
      if (state.pending === 0) this.#enqueue(m);
    }
  }

  #accumulate(variable: Tensor, g: Tensor): void {
    const state = variable.state();
    if (state.grad === null) {
      const own =
        !this.#options.createGraph &&
        !this.#hooked &&
        g.base === null &&
        g.rowMajor &&
        !this.#given.includes(g) &&
        this.#kept?.has(g) !== true &&
        g.storage.byteLength === g.length * g.dtype.itemSize;
      state.grad = own || this.#options.createGraph ? g : support.clone(g);
      this.#kept ??= new Set();
      this.#kept.add(g);
    } else if (this.#options.createGraph) state.grad = support.add(state.grad, g);
    else support.addInto(state.grad, g);
    if (state.afterAccumulate === null) return;
    for (const { hook } of [...state.afterAccumulate]) {
      const result: unknown = hook(variable);
      if (result !== undefined && result !== null) requireTensor('hook after accumulation', result);
    }
  }
}

/** Adds a gradient into that of a tensor that is no leaf. */
function retain(t: Tensor, g: Tensor): void {
  const state = t.state();
  state.grad = state.grad === null ? support.clone(g) : support.add(state.grad, g);
}

const none: readonly never[] = [];
function noGradients(n: number): (Tensor | null)[] {
  return n === 1 ? [null] : new Array<null>(n).fill(null);
}
function hasSome(grads: Gradients): boolean {
  for (let i = 0; i < grads.length; i++) if (grads[i] !== null) return true;
  return false;
}

/** A gradient that fits output `nr` of `n`: summed over broadcast dims and cast where needed. */
function checked(n: Node, nr: number, g: Tensor, from: Node | null, i: number): Tensor {
  const shape = n.shapes[nr]!;
  let out = g;
  if (!sameShape(g.sizes, shape)) {
    if (!expandsTo(shape, g.sizes)) {
      throw new RuntimeError(
        message(
          n.name,
          `a gradient that sums to shape ${showShape(shape)}`,
          showShape(g.sizes),
          `Function ${from?.name ?? 'GraphRoot'} returned an invalid gradient at index ${i} - got ${showShape(g.sizes)} but expected shape compatible with ${showShape(shape)}`,
        ),
      );
    }
    out = support.sumTo(out, shape);
  }
  return out.dtype === n.dtypes[nr] ? out : support.cast(out, n.dtypes[nr]!);
}

/** Nodes from which some target can be reached. Follows the edges: a view's history may be made after what uses it. */
function reaching(starts: readonly Node[], targets: ReadonlySet<Node>): Set<Node> {
  const needed = new Set<Node>();
  const seen = new Set<Node>();
  const path: Node[] = [];
  // How many edges of each node on the path were followed. A node is decided when all were.
  const followed: number[] = [];
  const enter = (n: Node | null): void => {
    if (n === null || seen.has(n)) return;
    seen.add(n);
    path.push(n);
    followed.push(0);
  };
  for (const start of starts) {
    enter(start);
    while (path.length > 0) {
      const top = path.length - 1;
      const n = path[top]!;
      if (followed[top]! < n.next.length) enter(n.next[followed[top]!++]!);
      else {
        path.pop();
        followed.pop();
        if (n.next.some((m) => m !== null && (needed.has(m) || targets.has(m)))) needed.add(n);
      }
    }
  }
  return needed;
}

export interface BackwardOptions {
  /** Keep the graph for another backward. Default: createGraph. */
  readonly retainGraph?: boolean;
  /** Record the backward itself, for gradients of gradients. */
  readonly createGraph?: boolean;
}

/** The gradient to start from, checked as PyTorch checks it. */
function rootGradient(op: string, t: Tensor, gradient: Tensor | null | undefined, nr = 0): Tensor {
  if (!t.requiresGrad || t.gradEdge() === null) {
    throw new RuntimeError(
      message(
        op,
        'a tensor that requires grad',
        'one that does not',
        `element ${nr} of tensors does not require grad and does not have a grad_fn`,
      ),
    );
  }
  if (gradient === null || gradient === undefined) {
    if (t.dtype.isComplex) {
      const hint = `grad can be implicitly created only for real scalar outputs but got torch.${t.dtype.name}`;
      throw new RuntimeError(message(op, 'a real output, or a gradient', t.dtype.name, hint));
    }
    if (t.length !== 1) {
      throw new RuntimeError(
        message(
          op,
          'a scalar output, or a gradient',
          `shape ${showShape(t.sizes)}`,
          'grad can be implicitly created only for scalar outputs',
        ),
      );
    }
    return support.onesLike(t);
  }
  if (!(gradient instanceof Tensor))
    throw new ArgumentError(message(op, "'gradient' to be a Tensor", describe(gradient)));
  if (!sameShape(gradient.sizes, t.sizes)) {
    throw new RuntimeError(
      message(
        op,
        `a gradient of shape ${showShape(t.sizes)}`,
        showShape(gradient.sizes),
        `Mismatch in shape: grad_output[${nr}] has a shape of torch.Size(${showShape(gradient.sizes)}) and output[${nr}] has a shape of torch.Size(${showShape(t.sizes)}).`,
      ),
    );
  }
  if (gradient.dtype.isComplex !== t.dtype.isComplex) {
    const hint = `For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: grad_output[${nr}] has a dtype of torch.${gradient.dtype.name} and output[${nr}] has a dtype of torch.${t.dtype.name}.`;
    throw new RuntimeError(message(op, `a gradient of ${t.dtype.name}`, gradient.dtype.name, hint));
  }
  return gradient;
}

/** `t.backward(gradient, options)`. */
export function backward(t: Tensor, gradient?: Tensor | null, given?: BackwardOptions): void {
  const options: BackwardOptions = readOptions('backward', given, ['retainGraph', 'createGraph']);
  const createGraph = options.createGraph ?? false;
  const g = rootGradient('backward', t, gradient);
  walk([t], [g], { createGraph, retainGraph: options.retainGraph ?? createGraph, captures: null });
}

export interface GradOptions extends BackwardOptions {
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | null;
  /** Give null, instead of an error, for inputs that the outputs do not depend on. */
  readonly allowUnused?: boolean;
  /** Give zeros instead of null for those. */
  readonly materializeGrads?: boolean;
}

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad` (torch.autograd.grad).
 * @throws RuntimeError where an input does not require grad or was not used.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  given?: GradOptions,
): (Tensor | null)[] {
  const options: GradOptions = readOptions('autograd.grad', given, [
    'retainGraph',
    'createGraph',
    'gradOutputs',
    'allowUnused',
    'materializeGrads',
  ]);
  const outs = outputs instanceof Tensor ? [outputs] : [...outputs];
  const ins = inputs instanceof Tensor ? [inputs] : [...inputs];
  const seeds = options.gradOutputs instanceof Tensor ? [options.gradOutputs] : (options.gradOutputs ?? []);
  const createGraph = options.createGraph ?? false;
  const roots = outs.map((t, i) => rootGradient('autograd.grad', t, seeds[i], i));
  const captures = ins.map((t): Capture => {
    if (!t.requiresGrad) {
      throw new RuntimeError(
        message(
          'autograd.grad',
          'inputs that require grad',
          'one that does not',
          'One of the differentiated Tensors does not require grad',
        ),
      );
    }
    return { node: t.gradEdge(), nr: t.outputNr, grad: null };
  });
  walk(outs, roots, { createGraph, retainGraph: options.retainGraph ?? createGraph, captures });
  return captures.map((c, i) => {
    if (c.grad !== null) return c.grad;
    if (options.materializeGrads === true) return support.zerosLike(ins[i]!);
    if (options.allowUnused === true) return null;
    throw new RuntimeError(
      message(
        'autograd.grad',
        'inputs that the outputs depend on',
        `input ${i}, which is unused`,
        'One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this is the desired behavior.',
      ),
    );
  });
}
