// Owns forward-mode derivatives, made of two reverse passes: the vector-Jacobian product is linear in its vector, so its own
// derivative with respect to that vector is the Jacobian-vector product. It must not know any op.
import type { Tensor } from '../tensor.js';
import { grad, support } from './backward.js';

/**
 * The derivatives of `outputs`, computed from `inputs`, in the direction of `tangents`; null where an output depends on none of them.
 * The graph of the outputs is kept.
 */
export function jvpOf(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
): (Tensor | null)[] {
  const traced = outputs.filter((t) => t.requiresGrad);
  if (traced.length === 0) return outputs.map(() => null);
  const cotangents = traced.map((t) => support.zerosLike(t.detach()).requiresGrad_());
  const pulled = grad(traced, inputs, {
    gradOutputs: cotangents,
    createGraph: true,
    allowUnused: true,
  });
  const linear = pulled.flatMap((g, k) => (g?.requiresGrad ? [[g, tangents[k]!] as const] : []));
  if (linear.length === 0) return outputs.map(() => null);
  const pushed = grad(
    linear.map(([g]) => g),
    cotangents,
    { gradOutputs: linear.map(([, v]) => v), allowUnused: true },
  );
  let next = 0;
  return outputs.map((t) => (t.requiresGrad ? (pushed[next++] ?? null) : null));
}
