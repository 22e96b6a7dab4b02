// Lazy modules: layers whose shapes their first input decides. `this.becomeLazy(Linear.prototype)`.
import { message, RuntimeError } from '../core/errors.js';
import type { Module } from './module.js';
import { isLazy } from './parameter.js';

/** A lazy module: one that gets its shapes from an input. */
interface Lazy extends Module {
  materializeFor(input: unknown): void;
}

/** Whether a parameter or buffer of the module itself has no shape yet. */
export function hasUninitializedParams(m: Module): boolean {
  return m.ownParameters().some(([, x]) => isLazy(x)) || m.ownBuffers().some(([, x]) => isLazy(x));
}

/**
 * Gives a lazy module its shapes from its first input. From then on it is a plain one.
 * @see PyTorch: torch.nn.modules.lazy.LazyModuleMixin.
 */
export function settle(m: Module, prototype: object, args: readonly unknown[]): void {
  if (hasUninitializedParams(m)) (m as Lazy).materializeFor(args[0]);
  if (hasUninitializedParams(m)) {
    const hint = `module ${m.name_()} has not been fully initialized`;
    throw new RuntimeError(message(m.name_(), 'initialized parameters', 'some without a shape', hint));
  }
  Object.setPrototypeOf(m, prototype);
}
