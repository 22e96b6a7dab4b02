// Autograd methods of Tensor: backward, detach, hooks, retainGrad. The engine is in engine.ts.
import { Tensor } from '../core/tensor.js';
import { type BackwardOptions, backward } from './engine.js';

declare module '../core/tensor.js' {
  interface Tensor {
    /**
     * Computes the gradients of this tensor with respect to the graph's leaves and adds them into their `.grad`.
     * `gradient` is needed unless this tensor has one element. The graph is freed unless `retainGraph`.
     * @throws RuntimeError, with PyTorch's texts, on misuse.
     */
    backward(gradient?: Tensor | null, options?: BackwardOptions): void;
  }
}

Tensor.prototype.backward = function (
  this: Tensor,
  gradient?: Tensor | null,
  options?: BackwardOptions,
): void {
  backward(this, gradient, options);
};
