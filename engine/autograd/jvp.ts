// Forward-mode derivatives by two reverse passes: the vector-Jacobian product is linear in its vector, so its
// derivative with respect to that vector is the Jacobian-vector product. `jvp(fn, primals, tangents)`.
import { ArgumentError, describe, message, RuntimeError, showShape, ValueError } from '../core/errors.js';
import { sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { grad, support } from './engine.js';
import { gradMode } from './grad-mode.js';

/**
 * The derivatives of `outputs`, computed from `inputs`, in the direction of `tangents`; null where an output depends on none of them.
 * The graph of the outputs is kept.
 */
export function jvpOf(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
  createGraph = false,
): (Tensor | null)[] {
  const traced = outputs.filter((t) => t.requiresGrad);
  if (traced.length === 0) return outputs.map(() => null);
  const cotangents = traced.map((t) => support.zerosLike(t.detach()).requiresGrad_());
  const pulled = grad(traced, inputs, { gradOutputs: cotangents, createGraph: true, allowUnused: true });
  const linear = pulled.flatMap((g, k) => (g?.requiresGrad ? [[g, tangents[k]!] as const] : []));
  if (linear.length === 0) return outputs.map(() => null);
  const pushed = grad(
    linear.map(([g]) => g),
    cotangents,
    { gradOutputs: linear.map(([, v]) => v), allowUnused: true, createGraph },
  );
  let next = 0;
  return outputs.map((t) => (t.requiresGrad ? (pushed[next++] ?? null) : null));
}

/** What a function to be differentiated may give. */
export type Outputs = Tensor | readonly Tensor[];

/**
 * The value of `fn` at `primals` and its derivative in the direction of `tangents` (torch.func.jvp): `[output, tangent]`, both in the
 * form that `fn` returns. One pass of `fn` and two of its gradient, whatever the number of inputs; the tangent of an output that
 * depends on no input is zero.
 *
 * `const [y, dy] = func.jvp((x) => x.sin(), [x], [v]) // dy = cos(x) · v`
 * @throws ArgumentError where an argument or a result is no tensor, ValueError where primals and tangents do not pair, RuntimeError
 * where their shapes differ.
 */
export function jvp<T extends Outputs>(
  fn: (...inputs: Tensor[]) => T,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): [T, T] {
  requirePairs(primals, tangents);
  const before = gradMode.enabled;
  gradMode.enabled = true;
  try {
    const inputs = primals.map((t) => t.detach().requiresGrad_());
    const result = fn(...inputs);
    const outputs: readonly Tensor[] = result instanceof Tensor ? [result] : result;
    if (!Array.isArray(outputs) || !outputs.every((t) => t instanceof Tensor))
      throw new ArgumentError(message('jvp', 'a function that returns Tensors', describe(result)));
    const pushed = jvpOf(outputs, inputs, tangents).map(
      (t, k) => t ?? support.zerosLike(outputs[k]!.detach()),
    );
    const values = outputs.map((t) => t.detach());
    return (result instanceof Tensor ? [values[0], pushed[0]] : [values, pushed]) as unknown as [T, T];
  } finally {
    gradMode.enabled = before;
  }
}

function requirePairs(primals: readonly Tensor[], tangents: readonly Tensor[]): void {
  for (const [name, list] of [
    ['primals', primals],
    ['tangents', tangents],
  ] as const)
    if (!Array.isArray(list) || !list.every((t) => t instanceof Tensor))
      throw new ArgumentError(message('jvp', `'${name}' to be a list of Tensors`, describe(list)));
  if (primals.length === 0 || primals.length !== tangents.length)
    throw new ValueError(
      message(
        'jvp',
        'one tangent for each of at least one primal',
        `${primals.length} and ${tangents.length}`,
      ),
    );
  primals.forEach((t, k) => {
    const v = tangents[k]!;
    if (!sameShape(t.sizes, v.sizes) || t.dtype !== v.dtype)
      throw new RuntimeError(
        message(
          'jvp',
          `a tangent like primal ${k}, ${t.dtype.name}${showShape(t.sizes)}`,
          `${v.dtype.name}${showShape(v.sizes)}`,
        ),
      );
  });
}
