// What a walk does with the hooks of a node: their order, and what they may return. `runHooks(node, gradients, keep)`.
import { ArgumentError, describe, message, RuntimeError, showShape } from '../core/errors.js';
import { sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import type { GradientHook, OutputHooks } from './hooks.js';

/**
 * Replaces the gradients of a node's outputs by what the hooks make of them, then keeps those that tensors retain. Whether a hook
 * saw a gradient.
 */
export function runHooks(
  name: string,
  { byOutput, retaining }: OutputHooks,
  grads: (Tensor | null)[],
  keep: (t: Tensor, g: Tensor) => void,
): boolean {
  let seen = false;
  for (const [nr, list] of byOutput) {
    for (const { hook } of [...list]) {
      const g = grads[nr];
      if (g === null || g === undefined) continue;
      seen = true;
      grads[nr] = hooked(name, hook, g);
    }
  }
  for (const [nr, t] of retaining) {
    const g = grads[nr];
    if (g !== null && g !== undefined) keep(t, g);
  }
  return seen;
}

function hooked(name: string, hook: GradientHook, g: Tensor): Tensor {
  const result = hook(g);
  if (result === undefined || result === null) return g;
  const op = `hook on ${name}`;
  requireTensor(op, result);
  if (result.dtype !== g.dtype || result.device !== g.device) {
    const type = (t: Tensor): string => `torch.${t.dtype.title}Tensor`;
    const hint =
      result.dtype === g.dtype
        ? 'hook has changed the device of value'
        : `hook has changed the type of value (was ${type(g)} got ${type(result)})`;
    const place = (t: Tensor): string => `${t.dtype.name} on ${t.device}`;
    throw new RuntimeError(message(op, `a gradient of ${place(g)}`, place(result), hint));
  }
  if (!sameShape(result.sizes, g.sizes)) {
    throw new RuntimeError(
      message(
        op,
        `a gradient of shape ${showShape(g.sizes)}`,
        showShape(result.sizes),
        'hook has changed the size of value',
      ),
    );
  }
  return result;
}

/** @throws ArgumentError for what a hook returned and is no tensor. */
export function requireTensor(op: string, result: unknown): asserts result is Tensor {
  if (result instanceof Tensor) return;
  const hint = `expected Variable, but hook returned '${typeof result}'`;
  throw new ArgumentError(message(op, 'a Tensor or nothing', describe(result), hint));
}
