// SparseAdam: named so that code which asks for it learns why it cannot have it.
import { message, NotImplementedError } from '../core/errors.js';
import type { Params } from './optimizer.js';

/** torch.optim.SparseAdam takes gradients of a sparse layout, which the engine does not have. @throws NotImplementedError */
export class SparseAdam {
  constructor(_params: Params, _options?: object) {
    const hint = 'Adam takes the dense gradients of Embedding';
    throw new NotImplementedError(
      message('SparseAdam', 'sparse gradients', 'an engine without a sparse layout', hint),
    );
  }
}
