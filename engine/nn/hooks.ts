// Hooks of a module: functions before and after forward, and in backward. `hooks.run(module, args, forward)`.
import { defineFunction } from '../autograd/custom-function.js';
import { ArgumentError, describe, message } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';

/** Before forward: returns nothing, or what replaces the arguments. */
export type ForwardPreHook<M = unknown> = (module: M, args: readonly unknown[]) => unknown;
/** After forward: returns nothing, or what replaces the result. */
export type ForwardHook<M = unknown> = (module: M, args: readonly unknown[], output: unknown) => unknown;
export type Grads = readonly (Tensor | null)[];
/** In backward, before the module's own gradients: returns nothing, or the gradients of the results. */
export type BackwardPreHook<M = unknown> = (
  module: M,
  gradOutput: Grads,
) => Grads | Tensor | undefined | null;
/** In backward, after the module's own gradients: returns nothing, or the gradients of the arguments. */
export type BackwardHook<M = unknown> = (
  module: M,
  gradInput: Grads,
  gradOutput: Grads,
) => Grads | Tensor | undefined | null;

interface Kinds {
  forwardPre: ForwardPreHook;
  forward: ForwardHook;
  backwardPre: BackwardPreHook;
  backward: BackwardHook;
}

export class Hooks {
  readonly #lists: { [K in keyof Kinds]: Kinds[K][] } = {
    forwardPre: [],
    forward: [],
    backwardPre: [],
    backward: [],
  };

  /** Adds a hook behind, or with `prepend` before, the others. Returns its remover. */
  add<K extends keyof Kinds>(kind: K, hook: Kinds[K], options: { prepend?: boolean }): { remove(): void } {
    if (typeof hook !== 'function')
      throw new ArgumentError(message('registerHook', 'a function', describe(hook)));
    const { prepend = false } = readOptions<{ prepend?: boolean }>('registerHook', options, ['prepend']);
    // A hook may be added twice; each entry is removed by itself.
    const entry = ((...args: never[]) => (hook as (...a: never[]) => unknown)(...args)) as Kinds[K];
    const list = this.#lists[kind] as Kinds[K][];
    if (prepend) list.unshift(entry);
    else list.push(entry);
    return {
      remove: () => {
        const at = list.indexOf(entry);
        if (at >= 0) list.splice(at, 1);
      },
    };
  }

  /** Runs `forward` with the hooks around it. */
  run<A extends readonly unknown[], R>(module: unknown, given: A, forward: (...args: A) => R): R {
    let args: readonly unknown[] = given;
    for (const hook of [...this.#lists.forwardPre]) {
      const changed = hook(module, args);
      if (changed !== undefined && changed !== null) args = Array.isArray(changed) ? changed : [changed];
    }
    const backward = this.#backward(module);
    if (backward !== null) args = backward.inputs(args);
    let output: unknown = forward(...(args as unknown as A));
    for (const hook of [...this.#lists.forward]) {
      const changed = hook(module, args, output);
      if (changed !== undefined && changed !== null) output = changed;
    }
    return (backward === null ? output : backward.outputs(output)) as R;
  }

  #backward(module: unknown): BackwardPass | null {
    const { backward, backwardPre } = this.#lists;
    return backward.length + backwardPre.length === 0
      ? null
      : new BackwardPass(module, [...backwardPre], [...backward]);
  }
}

/** The backward hooks of one call: identity functions around the arguments and the results see the gradients pass. */
class BackwardPass {
  readonly #module: unknown;
  readonly #before: readonly BackwardPreHook[];
  readonly #after: readonly BackwardHook[];
  #gradOutput: Grads | null = null;
  /** Whether an argument's gradient will come by; else the hooks run with those of the results alone. */
  #inputsSeen = false;
  #arguments = 0;

  constructor(module: unknown, before: readonly BackwardPreHook[], after: readonly BackwardHook[]) {
    this.#module = module;
    this.#before = before;
    this.#after = after;
  }

  inputs(args: readonly unknown[]): readonly unknown[] {
    this.#arguments = args.length;
    const [changed, seen] = passed(args, (grads) => this.#onInputs(grads));
    this.#inputsSeen = seen;
    return changed;
  }
  outputs(output: unknown): unknown {
    const list = Array.isArray(output) ? output : [output];
    const [changed] = passed(list, (grads) => this.#onOutputs(grads));
    return Array.isArray(output) ? changed : changed[0];
  }

  #onOutputs(grads: Grads): Grads {
    let now = grads;
    for (const hook of this.#before)
      now = replaced('registerFullBackwardPreHook', hook(this.#module, now), now);
    this.#gradOutput = now;
    if (!this.#inputsSeen) this.#runAfter(new Array<null>(this.#arguments).fill(null));
    return now;
  }
  #onInputs(grads: Grads): Grads {
    return this.#gradOutput === null ? grads : this.#runAfter(grads);
  }
  #runAfter(gradInput: Grads): Grads {
    let now = gradInput;
    for (const hook of this.#after)
      now = replaced('registerFullBackwardHook', hook(this.#module, now, this.#gradOutput!), now);
    return now;
  }
}

/** The tensors of a list through one identity function, whose backward calls `seen` with a gradient (or null) for each member. */
function passed(list: readonly unknown[], seen: (grads: Grads) => Grads): [readonly unknown[], boolean] {
  const at = list.flatMap((x, i) => (x instanceof Tensor ? [i] : []));
  if (!at.some((i) => (list[i] as Tensor).requiresGrad)) return [list, false];
  const identity = defineFunction<Tensor[], readonly Tensor[]>({
    name: 'BackwardHookFunction',
    forward: (_, ...tensors) => tensors.map((x) => x.viewAs(x)),
    backward: (_, ...grads) => {
      const all = new Array<Tensor | null>(list.length).fill(null);
      at.forEach((i, k) => {
        all[i] = grads[k] ?? null;
      });
      const now = seen(all);
      return at.map((i) => now[i] ?? null);
    },
  });
  const results = identity(...at.map((i) => list[i] as Tensor));
  const changed = [...list];
  at.forEach((i, k) => {
    changed[i] = results[k];
  });
  return [changed, true];
}

function replaced(op: string, value: Grads | Tensor | undefined | null, before: Grads): Grads {
  if (value === undefined || value === null) return before;
  const list = value instanceof Tensor ? [value] : value;
  if (!Array.isArray(list) || list.length !== before.length)
    throw new ArgumentError(
      message(op, `a hook that returns nothing or ${before.length} gradients`, describe(value)),
    );
  return list as Grads;
}
