// `to`: conversion to another dtype, device or memory format. The shorthands are in copy-fill-cast.ts.
import { type Device, device, namesDevice, placedOn } from '../../core/device.js';
import { asDType, DType } from '../../core/dtype.js';
import { ArgumentError, describe, message } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { castInto, memoryFormats, moved } from './copy-fill-cast.js';

/** What a call asks for; null keeps what the tensor has. */
interface Target {
  dtype: DType | null;
  device: Device | null;
  copy: boolean;
}

const isDeviceName = (x: unknown): x is string => typeof x === 'string' && namesDevice(x);

/** Reads PyTorch's three forms: (other, …), (dtype, …) and (device, dtype, …), each followed by nonBlocking and copy. */
function targetOf(given: unknown): Target {
  const [first, ...rest] = Array.isArray(given) ? (given as unknown[]) : [given];
  const target: Target = { dtype: null, device: null, copy: false };
  if (first instanceof Tensor) Object.assign(target, { dtype: first.dtype, device: first.device });
  else if (first instanceof DType) target.dtype = first;
  else if (isDeviceName(first) || (typeof first === 'object' && first !== null && 'type' in first)) {
    target.device = isDeviceName(first) ? device(first) : (first as Device);
    if (rest[0] instanceof DType || typeof rest[0] === 'string') target.dtype = asDType(rest.shift(), 'to');
  } else if (typeof first === 'string') target.dtype = asDType(first, 'to');
  else if (first !== null && first !== undefined)
    throw new ArgumentError(message('to', 'a dtype, a device or a Tensor', describe(first)));
  const odd = rest.find((x) => x !== undefined && typeof x !== 'boolean');
  if (odd !== undefined || rest.length > 2)
    throw new ArgumentError(message('to', 'nonBlocking and copy after the target', describe(odd ?? rest)));
  target.copy = rest[1] === true;
  return target;
}

export const to = defineOp({
  name: 'to',
  torch: 'torch.Tensor.to',
  doc: 'The tensor with another dtype or on another device, or as another tensor has them; itself where nothing changes.',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'target', kind: 'any', default: null, variadic: true },
    { name: 'dtype', kind: 'dtype', default: null, keyword: true },
    { name: 'device', kind: 'device', default: null, keyword: true },
    { name: 'copy', kind: 'bool', default: false, keyword: true },
    {
      name: 'memory_format',
      kind: 'string',
      default: 'preserve_format',
      keyword: true,
      choices: memoryFormats,
    },
  ],
  variants: ['method'],
  signatures: [
    '(target: DTypeLike | DeviceLike | Tensor | readonly (DTypeLike | DeviceLike | Tensor | boolean)[], options?: { dtype?: DTypeLike; device?: DeviceLike; copy?: boolean; memoryFormat?: string }): Tensor',
  ],
  kernel: (
    x: Tensor,
    given: unknown,
    dtype: DType | null,
    place: unknown,
    copy: boolean,
    format: string,
  ): Tensor => {
    const target = targetOf(given);
    const at = place === null ? target.device : device(place as Device);
    const wanted = dtype ?? target.dtype ?? x.dtype;
    const here = at === null ? x : moved(x, at);
    const memory = here.device.kernels === null ? null : format;
    return placedOn(here.device, () => castInto('to', here, wanted, memory, copy || target.copy));
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 4, 5]), 'cpu', { dtype: 'float64' }, false, true]),
      call([t([3, 5]), { dtype: 'float64' }]),
      call([t([3, 5], { fill: 'large' }), { dtype: 'int64' }]),
      call([t([3, 5], { fill: 'special' }), { dtype: 'bool' }], {}, { noGrad: 'the result is bool' }),
      call([t([7], { dtype: 'int64', layout: 'strided' }), { dtype: 'float32' }]),
      call([t([7], { dtype: 'int32', fill: { low: -300, high: 300 } }), { dtype: 'uint8' }]),
      call([t([7], { dtype: 'int32', fill: { low: -300, high: 300 } }), { dtype: 'int8' }]),
    ],
  }),
});
