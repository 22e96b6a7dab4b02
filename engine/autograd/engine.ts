// The backward engine: order of nodes, accumulation of gradients, checks of their shapes and dtypes, hooks, release of
// saved tensors. `backward(t)`, `grad(outputs, inputs)`.

import { placedOn, placement } from '../core/device.js';
import { ArgumentError, describe, message, RuntimeError, showShape } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { expandsTo, sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { gradMode } from './grad-mode.js';
import type { GradientHook, Gradients, Node, WalkState } from './node.js';

/** What the walk needs of the ops; set by ops/autograd_support.ts. */
export const support = {
  sumTo: (_g: Tensor, _shape: readonly number[]): Tensor => notLoaded(),
  cast: (_g: Tensor, _to: Tensor['dtype']): Tensor => notLoaded(),
  add: (_a: Tensor, _b: Tensor): Tensor => notLoaded(),
  addInto: (_target: Tensor, _b: Tensor): void => notLoaded(),
  clone: (_g: Tensor): Tensor => notLoaded(),
  onesLike: (_t: Tensor): Tensor => notLoaded(),
  zerosLike: (_t: Tensor): Tensor => notLoaded(),
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
  readonly node: Node;
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
  /** Nodes on a path to a capture; null: all. */
  #needed: Set<Node> | null = null;
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
    const starts = roots.map((t) => t.gradEdge());
    this.#plan(starts);
    this.#given = grads;
    for (let i = 0; i < roots.length; i++) this.#deliver(starts[i]!, roots[i]!.outputNr, grads[i]!);
    for (let i = 0; i < starts.length; i++) {
      const n = starts[i]!;
      if (starts.indexOf(n) === i && this.#state(n).pending === 0) this.#enqueue(n);
    }
    for (let n = this.#ready.pop(); n !== undefined; n = this.#ready.pop()) this.#step(n);
  }

  /** Counts, for every reachable node, the edges that lead to it. */
  #plan(starts: readonly Node[]): void {
    const { captures } = this.#options;
    const order: Node[] = [];
    const stack: Node[] = [];
    for (const s of starts) {
      const state = this.#state(s);
      if (state.pending < 0) {
        state.pending = 0;
        stack.push(s);
      }
    }
    for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
      if (captures !== null) order.push(n);
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
    if (captures !== null) this.#needed = reaching(order, captures);
  }

  #enqueue(n: Node): void {
    // Insertion from the end: what becomes ready is nearly always the latest or close to it.
    const ready = this.#ready;
    let i = ready.length;
    while (i > 0 && ready[i - 1]!.sequence > n.sequence) i--;
    if (i === ready.length) ready.push(n);
    else ready.splice(i, 0, n);
  }

  #deliver(n: Node, nr: number, raw: Tensor): void {
    const g = checked(n, nr, raw);
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
    if (n.preHooks !== null) this.#runHooks(n, incoming);
    const { captures } = this.#options;
    if (captures !== null) for (const c of captures) if (c.node === n) c.grad = incoming[c.nr]!;
    if (n.leaf !== null) {
      if (captures === null && incoming[0] !== null) this.#accumulate(n.leaf, incoming[0]!);
      return;
    }
    const wanted = this.#needed === null || this.#needed.has(n);
    const some = wanted && hasSome(incoming);
    const results = some ? applied(n, incoming) : none;
    if (some && !this.#options.retainGraph) n.release();
    this.#propagate(n, results);
  }

  #propagate(n: Node, results: Gradients): void {
    for (let i = 0; i < n.next.length; i++) {
      const m = n.next[i]!;
      if (m === null) continue;
      const g = results[i];
      if (g !== undefined && g !== null) this.#deliver(m, n.nextNr[i]!, g);
      const state = this.#state(m);
      state.pending--;
      if (state.pending === 0) this.#enqueue(m);
    }
  }

  #runHooks(n: Node, incoming: (Tensor | null)[]): void {
    for (const [nr, hooks] of n.preHooks!) {
      for (const hook of [...hooks]) {
        const g = incoming[nr];
        if (g === null || g === undefined) continue;
        this.#hooked = true;
        incoming[nr] = hooked(n, hook, g);
      }
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
    if (state.afterAccumulate !== null) for (const after of state.afterAccumulate) after(variable);
  }
}

const none: readonly never[] = [];
function noGradients(n: number): (Tensor | null)[] {
  return n === 1 ? [null] : new Array<null>(n).fill(null);
}
function hasSome(grads: Gradients): boolean {
  for (let i = 0; i < grads.length; i++) if (grads[i] !== null) return true;
  return false;
}

function hooked(n: Node, hook: GradientHook, g: Tensor): Tensor {
  const result = hook(g);
  if (result === undefined || result === null) return g;
  if (!(result instanceof Tensor)) {
    throw new ArgumentError(message(`hook on ${n.name}`, 'a Tensor or nothing', describe(result)));
  }
  if (!sameShape(result.sizes, g.sizes)) {
    throw new RuntimeError(
      message(
        `hook on ${n.name}`,
        `a gradient of shape ${showShape(g.sizes)}`,
        showShape(result.sizes),
        'hook has changed the size of value',
      ),
    );
  }
  return result;
}

/** A gradient that fits output `nr` of `n`: summed over broadcast dims and cast where needed. */
function checked(n: Node, nr: number, g: Tensor): Tensor {
  const shape = n.shapes[nr]!;
  let out = g;
  if (!sameShape(g.sizes, shape)) {
    if (!expandsTo(shape, g.sizes)) {
      throw new RuntimeError(
        message(
          n.name,
          `a gradient that sums to shape ${showShape(shape)}`,
          showShape(g.sizes),
          'a function returned an invalid gradient',
        ),
      );
    }
    out = support.sumTo(out, shape);
  }
  return out.dtype === n.dtypes[nr] ? out : support.cast(out, n.dtypes[nr]!);
}

/** Nodes from which some capture can be reached. `order` lists parents before what only they lead to, but not always, so iterate to a fixed point by sequence. */
function reaching(order: readonly Node[], captures: readonly Capture[]): Set<Node> {
  const targets = new Set(captures.map((c) => c.node));
  const needed = new Set<Node>();
  // A node's inputs were recorded before it, so ascending sequence visits inputs first; accumulators are made late but have no inputs.
  for (const n of [...order].sort((a, b) => a.sequence - b.sequence)) {
    if (n.next.some((m) => m !== null && (needed.has(m) || targets.has(m)))) needed.add(n);
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
function rootGradient(op: string, t: Tensor, gradient: Tensor | null | undefined): Tensor {
  if (!t.requiresGrad) {
    throw new RuntimeError(
      message(
        op,
        'a tensor that requires grad',
        'one that does not',
        'element 0 of tensors does not require grad and does not have a grad_fn',
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
        `Mismatch in shape: grad_output[0] has a shape of torch.Size(${showShape(gradient.sizes)}) and output[0] has a shape of torch.Size(${showShape(t.sizes)}).`,
      ),
    );
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
  const roots = outs.map((t, i) => rootGradient('autograd.grad', t, seeds[i]));
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
