// Owns deterministic release, for those who want it: nobody needs it, memory is automatic.
import type { Storage } from './storage.js';
import { Tensor } from './tensor.js';

declare module './tensor.js' {
  interface Tensor {
    /** Gives the memory back now. The tensor and its views must not be used again. */
    dispose(): void;
    [Symbol.dispose](): void;
  }
}

const disposeSymbol: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose);

Tensor.prototype.dispose = function (this: Tensor): void {
  (this.storage as Storage).release();
};
Tensor.prototype[disposeSymbol] = Tensor.prototype.dispose;
