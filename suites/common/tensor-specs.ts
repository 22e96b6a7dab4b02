// Tensor descriptions in the arguments of a call: found, changed, asked.
import type { ArgSpec, Sample, TensorSpec } from 'torchstone';

const FLOATS = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/** Whether an argument is a tensor's description. */
export function isTensorSpec(arg: ArgSpec): arg is TensorSpec {
  return typeof arg === 'object' && arg !== null && !Array.isArray(arg) && 'tensor' in arg;
}

/** The tensors of a call, depth first over args, then kwargs in order: the order of `in<k>` in the fixtures. */
export function tensorsOf(call: Pick<Sample, 'args' | 'kwargs'>): TensorSpec['tensor'][] {
  const found: TensorSpec['tensor'][] = [];
  const visit = (arg: ArgSpec): void => {
    if (Array.isArray(arg)) for (const one of arg) visit(one);
    else if (isTensorSpec(arg)) found.push(arg.tensor);
  };
  for (const arg of call.args) visit(arg);
  for (const arg of Object.values(call.kwargs ?? {})) visit(arg);
  return found;
}

/** The same call with every tensor description rewritten. */
export function mapTensors(
  sample: Sample,
  change: (tensor: TensorSpec['tensor'], position: number) => TensorSpec['tensor'],
): Sample {
  let position = 0;
  const visit = (arg: ArgSpec): ArgSpec => {
    if (Array.isArray(arg)) return arg.map(visit);
    return isTensorSpec(arg) ? { tensor: change(arg.tensor, position++) } : arg;
  };
  const args = sample.args.map(visit);
  const kwargs = Object.fromEntries(
    Object.entries(sample.kwargs ?? {}).map(([name, arg]) => [name, visit(arg)]),
  );
  return { ...sample, args, kwargs };
}

/** Whether this tensor of a sample requires a gradient. */
export function takesGradient(tensor: TensorSpec['tensor']): boolean {
  const dtype = tensor.dtype ?? 'float32';
  return (FLOATS.has(dtype) || dtype.startsWith('complex')) && tensor.grad !== false;
}

/** Whether a dtype is floating. */
export function isFloating(dtype: string): boolean {
  return FLOATS.has(dtype);
}
