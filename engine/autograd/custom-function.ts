// Custom differentiable functions, as torch.autograd.Function: `defineFunction({ forward, backward })`.
import type { Device } from '../core/device.js';
import { ArgumentError, describe, message, RuntimeError } from '../core/errors.js';
import { alias, viewOf } from '../core/factory.js';
import { Tensor } from '../core/tensor.js';
import { support } from './engine.js';
import { noGrad } from './grad-mode.js';
import { connect, type Gradients, Node, SavedTensor, shouldRecord } from './node.js';

/** What a custom function's forward keeps for its backward. */
export class FunctionContext {
  #pending: Tensor[] = [];
  #saved: SavedTensor[] | null = null;
  /** @internal */
  materializesGrads = true;
  /** For each input: whether its gradient is wanted. */
  needsInputGrad: readonly boolean[] = [];
  /** Anything else that backward needs. */
  readonly attributes = new Map<string, unknown>();

  /** Keeps tensors for backward; changing them in-place afterwards is an error there. */
  saveForBackward(...tensors: readonly Tensor[]): void {
    for (const t of tensors)
      if (!(t instanceof Tensor)) throw new ArgumentError(message('saveForBackward', 'Tensors', describe(t)));
    this.#pending = [...tensors];
  }
  /** The tensors kept. @throws RuntimeError where they were changed or freed since. */
  get savedTensors(): Tensor[] {
    return this.#saved === null ? this.#pending : this.#saved.map((s) => s.get());
  }
  /** Whether backward gets zeros, not null, for a result whose gradient is zero. Default: zeros. */
  setMaterializeGrads(value: boolean): void {
    this.materializesGrads = value;
  }
  /** @internal */
  attach(node: Node): void {
    this.#saved = this.#pending.map((t) => new SavedTensor(t, node));
    this.#pending = [];
  }
}

/** A differentiable function that a user writes: its value, and the gradients of its inputs. */
export interface CustomFunction<A extends readonly unknown[], R extends Tensor | readonly Tensor[]> {
  readonly name?: string;
  /** Computes the result; nothing in it is recorded. */
  forward(context: FunctionContext, ...args: A): R;
  /**
   * One gradient for each of forward's arguments, null or nothing where it is zero, given those of its results. They are null only
   * after `context.setMaterializeGrads(false)`.
   */
  backward(context: FunctionContext, ...grads: (Tensor | null)[]): MadeGradients;
}
type MadeGradient = Tensor | null | undefined;
// biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return statement gives
type MadeGradients = MadeGradient | void | readonly MadeGradient[];

class CustomNode extends Node {
  readonly #run: (grads: Gradients) => Gradients;
  readonly #devices: Device[] = [];
  /** Whether null gradients become zeros. */
  readonly #materializes: boolean;

  constructor(name: string, materializes: boolean, run: (grads: Gradients) => Gradients) {
    super(name);
    this.#run = run;
    this.#materializes = materializes;
  }
  override addOutput(t: Tensor): number {
    this.#devices.push(t.device);
    return super.addOutput(t);
  }
  apply(grads: Gradients): Gradients {
    if (!this.#materializes) return this.#run(grads);
    const zeros = (nr: number): Tensor =>
      support.zeros(this.shapes[nr]!, this.dtypes[nr]!, this.#devices[nr]!);
    return this.#run(grads.map((g, nr) => g ?? zeros(nr)));
  }
}

/**
 * Turns `{ forward, backward }` into a function on tensors.
 * @throws RuntimeError when backward returns another number of gradients than forward has arguments, or gradients that do not fit them.
 */
export function defineFunction<A extends readonly unknown[], R extends Tensor | readonly Tensor[]>(
  custom: CustomFunction<A, R>,
): (...args: A) => R {
  const name = `${custom.name ?? 'CustomFunction'}Backward`;
  return (...args: A): R => {
    const context = new FunctionContext();
    const inputs = args.filter((a): a is A[number] & Tensor => a instanceof Tensor);
    context.needsInputGrad = args.map((a) => a instanceof Tensor && a.requiresGrad);
    const result = noGrad(() => custom.forward(context, ...args));
    if (!shouldRecord(inputs)) return result;
    const likes = args.map((a) => (a instanceof Tensor ? likeOf(a) : null));
    const node = new CustomNode(name, context.materializesGrads, (grads) =>
      gradientsOf(name, likes, custom.backward(context, ...grads)),
    );
    connect(node, inputs);
    context.attach(node);
    return finish(result, inputs, node);
  };
}

/** What the gradient of a tensor must fit; the tensor itself is not kept. */
type Like = Pick<Tensor, 'dtype' | 'device'>;
const likeOf = ({ dtype, device }: Tensor): Like => ({ dtype, device });

/** What backward returned as the gradients of the tensors among the arguments; null in `likes` stands for another argument. */
function gradientsOf(name: string, likes: readonly (Like | null)[], made: MadeGradients): Gradients {
  const list = Array.isArray(made) ? (made as readonly MadeGradient[]) : [made as MadeGradient];
  const n = likes.length;
  if (list.length < n || list.slice(n).some((g) => g !== null && g !== undefined)) {
    const hint = `function ${name} returned an incorrect number of gradients (expected ${n}, got ${list.length})`;
    throw new RuntimeError(message(name, `${n} gradients`, String(list.length), hint));
  }
  return likes.flatMap((like, i) => {
    const g = list[i] ?? null;
    if (g !== null) requireFit(name, like, g, i);
    return like === null ? [] : [g];
  });
}

/** @throws RuntimeError where `g` cannot be the gradient of argument `i`. Its shape is checked by the walk. */
function requireFit(name: string, like: Like | null, g: unknown, i: number): void {
  if (!(g instanceof Tensor)) {
    const hint = `expected Variable or None (got ${typeof g})`;
    throw new RuntimeError(message(name, 'Tensors or null as gradients', describe(g), hint));
  }
  if (like === null) {
    const hint = `function ${name} returned a gradient different than None at position ${i + 1}, but the corresponding forward input was not a Variable`;
    throw new RuntimeError(message(name, `null as gradient ${i}`, 'a Tensor', hint));
  }
  if (g.device !== like.device) {
    const hint = `Function ${name} returned an invalid gradient at index ${i} - expected device ${like.device} but got ${g.device}`;
    throw new RuntimeError(message(name, `a gradient on ${like.device}`, String(g.device), hint));
  }
  if (g.dtype.isComplex && !like.dtype.isComplex)
    throw new RuntimeError(message(name, `a real gradient at index ${i}`, g.dtype.name));
}

/**
 * Results get the node as history. A result that is an input itself becomes a view of it, and one with a history of its own
 * another tensor over the same memory; views may not be changed in-place, because that would pass by the function's backward.
 */
function finish<R extends Tensor | readonly Tensor[]>(
  result: R,
  inputs: readonly Tensor[],
  node: CustomNode,
): R {
  const results: readonly Tensor[] = result instanceof Tensor ? [result] : result;
  for (const t of results)
    if (!(t instanceof Tensor))
      throw new ArgumentError(message(node.name, 'forward to return Tensors', describe(t)));
  const several = results.filter((t) => t.dtype.isInexact).length > 1;
  const outs = results.map((t) => {
    const nr = node.addOutput(t);
    if (!t.dtype.isInexact) return t;
    let out = t;
    if (inputs.includes(t)) out = viewOf(t, t.sizes, t.strides, t.offset);
    else if (t.autograd !== null) out = alias(t);
    if (out.base !== null) out.restriction = several ? 'oneOfMany' : 'custom';
    out.adoptHistory(node, nr);
    return out;
  });
  return (result instanceof Tensor ? outs[0] : outs) as R;
}
