// Parameters as one vector, and back: `vectorToParameters(parametersToVector(model.parameters()), model.parameters())`.
import { noGrad } from '../../autograd/grad-mode.js';
import { ArgumentError, describe, message, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { cat } from '../../generated/functions.js';

/** All parameters as one vector, in their order. @see PyTorch: torch.nn.utils.parameters_to_vector. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return cat([...parameters].map((p) => p.reshape(-1)));
}

/**
 * Makes the parameters views of a vector that has as many elements as they.
 * @throws RuntimeError for a vector of another length
 * @see PyTorch: torch.nn.utils.vector_to_parameters.
 */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vector instanceof Tensor)) {
    const hint = 'expected torch.Tensor';
    throw new ArgumentError(message('vectorToParameters', 'a Tensor', describe(vector), hint));
  }
  const list = [...parameters];
  const wanted = list.reduce((sum, p) => sum + p.numel(), 0);
  if (vector.numel() !== wanted)
    throw new RuntimeError(message('vectorToParameters', `${wanted} elements`, String(vector.numel())));
  let at = 0;
  noGrad(() => {
    for (const p of list) {
      p.data = vector.narrow(0, at, p.numel()).view(p.sizes).data;
      at += p.numel();
    }
  });
}
