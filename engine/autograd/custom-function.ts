// Custom differentiable functions, as torch.autograd.Function: `defineFunction({ forward, backward })`.
import { ArgumentError, describe, message, RuntimeError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { noGrad } from './grad-mode.js';
import { connect, type Gradients, Node, SavedTensor, setHistory, shouldRecord } from './node.js';

/** What a custom function's forward keeps for its backward. */
export class FunctionContext {
  #pending: Tensor[] = [];
  #saved: SavedTensor[] | null = null;
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
  /** One gradient (or null) for each of forward's arguments, given those of its results. */
  backward(context: FunctionContext, ...grads: (Tensor | null)[]): Tensor | null | readonly (Tensor | null)[];
}

class CustomNode extends Node {
  readonly #run: (grads: Gradients) => Gradients;
  constructor(name: string, run: (grads: Gradients) => Gradients) {
    super(name);
    this.#run = run;
  }
  apply(grads: Gradients): Gradients {
    return this.#run(grads);
  }
}

/**
 * Turns `{ forward, backward }` into a function on tensors.
 * @throws RuntimeError when backward returns another number of gradients than forward has arguments.
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
    const node = new CustomNode(name, (grads) => {
      const raw = custom.backward(context, ...grads);
      const list = raw === null || raw instanceof Tensor ? [raw] : raw;
      if (list.length !== args.length) {
        throw new RuntimeError(
          message(
            name,
            `${args.length} gradients`,
            String(list.length),
            'function returned an incorrect number of gradients',
          ),
        );
      }
      return list.filter((_, i) => args[i] instanceof Tensor);
    });
    connect(node, inputs);
    context.attach(node);
    return finish(result, inputs, node);
  };
}

/** Results get the node as history; a result that is an input itself becomes a view-less copy of its metadata first. */
function finish<R extends Tensor | readonly Tensor[]>(result: R, inputs: readonly Tensor[], node: Node): R {
  const own = (t: Tensor): Tensor => {
    if (!(t instanceof Tensor))
      throw new ArgumentError(message(node.name, 'forward to return Tensors', describe(t)));
    const out =
      inputs.includes(t) || t.autograd !== null
        ? new Tensor(t.storage, t.sizes, t.strides, t.offset, t.dtype, t.rowMajor)
        : t;
    if (out.dtype.isInexact) setHistory(out, node);
    return out;
  };
  return (result instanceof Tensor ? own(result) : (result as readonly Tensor[]).map(own)) as R;
}
