// Deep copies of modules, as Python's copy.deepcopy: tensors, lists and plain objects are copied, functions are shared.
import { noGrad } from '../autograd/grad-mode.js';
import { isOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import { isLazy, Parameter, UninitializedParameter } from './parameter.js';

/** A module as far as a copy must know it. */
interface Copied {
  newLike_(): object;
}

/** A copy of a value; what occurs twice in it is copied once. */
export function copyOf(value: unknown, seen: Map<unknown, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (value instanceof Tensor) return copiedTensor(value, seen);
  if (isModule(value)) {
    const copy = value.newLike_();
    seen.set(value, copy);
    return copyProperties(value, copy, seen);
  }
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    seen.set(value, copy);
    for (const item of value) copy.push(copyOf(item, seen));
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    seen.set(value, copy);
    for (const [key, item] of value) copy.set(key, copyOf(item, seen));
    return copy;
  }
  if (!isOptions(value)) return value;
  const copy = {};
  seen.set(value, copy);
  return copyProperties(value, copy, seen);
}

function copyProperties(from: object, to: object, seen: Map<unknown, unknown>): object {
  for (const key of Object.keys(from))
    (to as Record<string, unknown>)[key] = copyOf((from as Record<string, unknown>)[key], seen);
  return to;
}

function copiedTensor(x: Tensor, seen: Map<unknown, unknown>): Tensor {
  const copy = noGrad(() => {
    if (isLazy(x) && x instanceof UninitializedParameter) return x.another();
    const values = x.detach().clone();
    return x instanceof Parameter
      ? new Parameter(values, x.requiresGrad)
      : values.requiresGrad_(x.requiresGrad);
  });
  seen.set(x, copy);
  return copy;
}

function isModule(value: object): value is Copied {
  return typeof (value as Partial<Copied>).newLike_ === 'function';
}
