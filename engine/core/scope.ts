// Deterministic release: `using y = …` and dispose(). Optional, since memory is automatic.
import { disposed } from './device.js';
import { Tensor } from './tensor.js';

declare module './tensor.js' {
  interface Tensor {
    /**
     * Gives the memory back now, unless a view, detach() or numpy() still shows it. Using this tensor afterwards is an error.
     * Nothing needs it: memory is automatic.
     */
    dispose(): void;
    /** `using x = …`: the same, at the end of the block. */
    [Symbol.dispose](): void;
  }
}

/** Node 20 has it under another name only. */
export const disposeSymbol: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('nodejs.dispose') as typeof Symbol.dispose);

Tensor.prototype.dispose = function (this: Tensor): void {
  if (this.base === null) this.storage.release();
  (this as { device: unknown }).device = disposed;
};
Tensor.prototype[disposeSymbol] = Tensor.prototype.dispose;
