// Text of a recorded call: sample number and call in short.
import type { ErrorHeader, SampleHeader, Wire, WireTensor } from './wire.js';

/** `sample 3: torch.mul(float32[2, 3], 2)`. */
export function label(header: SampleHeader | ErrorHeader): string {
  const which = header.kind === 'sample' ? `sample ${header.sample}` : `error ${header.sample}`;
  if (header.program === undefined) return which;
  const calls = header.program.calls.map((call) => {
    const args = call.args.map((one) => short(one, header.tensors));
    const named = Object.entries(call.kwargs).map(([key, one]) => `${key}=${short(one, header.tensors)}`);
    return `${call.paths[0]}(${[...args, ...named].join(', ')})`;
  });
  return `${which}: ${calls.join('; ')}`;
}

function short(value: Wire, tensors: readonly WireTensor[]): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return `[${(value as Wire[]).map((one) => short(one, tensors)).join(', ')}]`;
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object') return String(value);
  const [tag, inner] = Object.entries(value)[0] as [string, unknown];
  if (tag === 't') return tensorText(tensors[inner as number]!);
  if (tag === 'tuple') return `(${(inner as Wire[]).map((one) => short(one, tensors)).join(', ')})`;
  if (tag === 'slice') return (inner as unknown[]).map((one) => one ?? '').join(':');
  if (tag === 'ellipsis') return '...';
  if (tag === 'r') return `#${(inner as unknown[]).join('.')}`;
  if (['float', 'int', 'dtype', 'device', 'layout', 'memoryFormat'].includes(tag)) return String(inner);
  return JSON.stringify(value);
}

function tensorText({ dtype, shape, strides }: WireTensor): string {
  const last = shape.length - 1;
  const plain = last < 0 || strides[last] === 1 || shape[last]! <= 1;
  return `${dtype}[${shape.join(', ')}]${plain ? '' : ` strides [${strides.join(', ')}]`}`;
}
