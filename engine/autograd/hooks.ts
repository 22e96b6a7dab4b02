// Hooks on the gradients of a node's outputs: `node.hooked().add(nr, hook)`. What runs them is run-hooks.ts.
import type { Tensor } from '../core/tensor.js';

export type GradientHook = (grad: Tensor) => Tensor | null | undefined;

interface Registered {
  readonly hook: GradientHook;
}

/** What runs on the gradients of a node's outputs before the node uses them. */
export class OutputHooks {
  readonly byOutput = new Map<number, Registered[]>();
  /** Tensors that keep the gradient of their output, as it is after all hooks. */
  readonly retaining = new Map<number, Tensor>();

  /** Adds a hook on the gradient of output `nr`. Returns its remover. */
  add(nr: number, hook: GradientHook): () => void {
    const list = this.byOutput.get(nr) ?? [];
    this.byOutput.set(nr, list);
    const registered = { hook };
    list.push(registered);
    return () => {
      const at = list.indexOf(registered);
      if (at >= 0) list.splice(at, 1);
    };
  }
  /** Output `nr` is `t`, which keeps its gradient. */
  retain(nr: number, t: Tensor): void {
    this.retaining.set(nr, t);
  }
  stopRetaining(nr: number): void {
    this.retaining.delete(nr);
  }
}
