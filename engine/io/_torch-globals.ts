// The globals of PyTorch checkpoints that are read: those of torch's weights_only list that tensors here can be. None is looked up
// anywhere else.

import { Complex } from '../core/complex.js';
import { Device, device, meta } from '../core/device.js';
import { DType, dtypes } from '../core/dtype.js';
import { RuntimeError, showShape } from '../core/errors.js';
import { extentOf, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { Size, Tensor } from '../core/tensor.js';
import { Parameter } from '../nn/parameter.js';
import {
  kindOf,
  MOST_ENTRIES,
  meaningOf,
  type PyContext,
  PyDict,
  type PyGlobal,
  PyList,
  PyTuple,
} from './_unpickle.js';

/** A storage of a checkpoint; `storage` is null where only shapes are wanted. */
export class StoredStorage {
  readonly dtype: DType;
  readonly length: number;
  readonly storage: Storage | null;
  /** Elements that were copied out of it. */
  copied = 0;
  constructor(dtype: DType, length: number, storage: Storage | null) {
    this.dtype = dtype;
    this.length = length;
    this.storage = storage;
  }
}

/** The name of the storage class of a dtype, in module torch. */
export const storageClass = (dtype: DType): string => `${dtype.title}Storage`;

/** What stands for a storage class. */
export class StorageClass {
  readonly dtype: DType;
  constructor(dtype: DType) {
    this.dtype = dtype;
  }
}

/** A storage's elements may be copied, but only so often. */
const MOST_COPIES = 8;

type Call = NonNullable<PyGlobal['call']>;
const CALLS: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': (args, vm) => dictOf(args, vm, true),
  'collections.Counter': (args, vm) => dictOf(args, vm, false),
  'builtins.set': ([items], vm) => new Set(itemsOf('builtins.set', items, vm)),
  'builtins.complex': ([re, im], vm) => new Complex(numberOf('re', re, vm), numberOf('im', im, vm)),
  'builtins.bytearray': byteArray,
  '_codecs.encode': encode,
  'torch.Size': ([sizes], vm) => Size.of_(countsOf('torch.Size', sizes, vm)),
  'torch.device': deviceOf,
  'torch._utils._rebuild_tensor': ([storage, offset, size, stride], vm) =>
    rebuild(vm, storage, offset, size, stride),
  'torch._utils._rebuild_tensor_v2': rebuildV2,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch._utils._rebuild_parameter_with_state': rebuildParameter,
  'torch._utils._rebuild_meta_tensor_no_storage': rebuildMeta,
};

/** The list. */
export const TORCH_GLOBALS: ReadonlyMap<string, PyGlobal> = new Map<string, PyGlobal>([
  ...Object.entries(CALLS).map(([name, call]): [string, PyGlobal] => [name, { name, call }]),
  ...dtypes.map((d): [string, PyGlobal] => [`torch.${d.name}`, { name: `torch.${d.name}`, value: d }]),
  ...dtypes.map((d): [string, PyGlobal] => {
    const name = `torch.${storageClass(d)}`;
    return [name, { name, value: new StorageClass(d) }];
  }),
]);

/** What calls and names of the list may leave in a result: no bare storages. */
export function isTorchValue(value: object): boolean {
  const kinds = [Tensor, Uint8Array, Complex, Size, DType, Device];
  return kinds.some((kind) => value instanceof kind);
}

/** What to do about a global that is not in the list. */
export function globalHint(name: string): string {
  if (
    /^torch\.(u?int\d|float\d|bits|q|complex32|\w*Storage)|^torch\.storage\.|_rebuild_tensor_v3$/.test(name)
  )
    return 'Tensors here have no such dtype. Convert it before it is saved';
  if (/_rebuild_(sparse|nested|q|wrapper)/.test(name)) return 'Only dense tensors are read';
  if (name.startsWith('numpy.')) return 'Save tensors and plain numbers instead of NumPy values';
  return 'Nothing of a file is ever run: save model.state_dict() and plain values, not objects of classes';
}

/** The elements of a list, tuple or set. */
function itemsOf(op: string, value: unknown, vm: PyContext): readonly unknown[] {
  if (!(value instanceof PyList || value instanceof PyTuple))
    throw vm.refuse(`a list for ${op}`, kindOf(value));
  if (value.items.length > MOST_ENTRIES)
    throw vm.refuse(`at most ${MOST_ENTRIES} items for ${op}`, kindOf(value));
  vm.charge(8 * value.items.length);
  return value.items;
}

function dictOf([items, ...more]: readonly unknown[], vm: PyContext, ordered: boolean): PyDict {
  const out = new PyDict(ordered);
  if (items === undefined) return out;
  if (more.length > 0) throw vm.refuse('a dict or list of pairs', `${more.length + 1} arguments`);
  if (items instanceof PyDict) {
    vm.charge(16 * items.entries.size);
    for (const [key, value] of items.entries) out.entries.set(key, value);
    return out;
  }
  for (const pair of itemsOf('OrderedDict', items, vm)) {
    const [key, value, ...rest] = itemsOf('a pair', pair, vm);
    if (value === undefined || rest.length > 0 || key instanceof PyList || key instanceof PyDict)
      throw vm.refuse('pairs of a key and a value', kindOf(pair));
    out.entries.set(key, value);
  }
  return out;
}

function numberOf(what: string, value: unknown, vm: PyContext): number {
  if (typeof value !== 'number') throw vm.refuse(`a number for ${what}`, kindOf(value));
  return value;
}

/** bytes, which protocol 2 writes as a text whose characters are the bytes. */
function encode([text, encoding]: readonly unknown[], vm: PyContext): Uint8Array {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1'))
    throw vm.refuse('a text to encode as latin1', `${kindOf(text)} and ${kindOf(encoding)}`);
  vm.charge(text.length);
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw vm.refuse('bytes', `the character ${JSON.stringify(text[i])}`);
    out[i] = code;
  }
  return out;
}

function byteArray(args: readonly unknown[], vm: PyContext): Uint8Array {
  const [bytes] = args;
  if (args.length === 0) return new Uint8Array(0);
  // Python's own way under protocol 2: bytearray(text, 'latin-1').
  const source = typeof bytes === 'string' ? encode(args, vm) : bytes;
  if (!(source instanceof Uint8Array)) throw vm.refuse('bytes for a bytearray', kindOf(bytes));
  vm.charge(source.length);
  return source.slice();
}

function deviceOf([type, index]: readonly unknown[], vm: PyContext): unknown {
  if (typeof type !== 'string' || !(index === undefined || Number.isSafeInteger(index)))
    throw vm.refuse('the name of a device', `${kindOf(type)} and ${kindOf(index)}`);
  try {
    return device(index === undefined ? type : `${type}:${index as number}`);
  } catch (error) {
    if (error instanceof RuntimeError) throw vm.refuse('a device that is known here', JSON.stringify(type));
    throw error;
  }
}

/** Whole numbers from 0 on. */
function countsOf(what: string, value: unknown, vm: PyContext): number[] {
  const items = value instanceof Size ? [...value] : itemsOf(what, value, vm);
  const wrong = items.find((one) => !Number.isSafeInteger(one) || (one as number) < 0);
  if (wrong !== undefined) throw vm.refuse(`whole numbers for ${what}`, kindOf(wrong));
  if (items.length > 64) throw vm.refuse(`at most 64 dims for ${what}`, `${items.length}`);
  return items as number[];
}

/** A layout whose every element lies in the storage. */
function layoutOf(
  vm: PyContext,
  length: number,
  offset: unknown,
  size: unknown,
  stride: unknown,
): { shape: Shape; strides: Shape; offset: number } {
  const shape = countsOf('the size of a tensor', size, vm);
  const strides = countsOf('the stride of a tensor', stride, vm);
  if (!Number.isSafeInteger(offset) || (offset as number) < 0)
    throw vm.refuse('a storage offset from 0 on', kindOf(offset));
  const at = offset as number;
  const nonzero = shape.reduce((product, n) => product * Math.max(n, 1), 1);
  if (shape.length !== strides.length || nonzero > Number.MAX_SAFE_INTEGER)
    throw vm.refuse('a size and a stride for each dim', `${showShape(shape)} and ${showShape(strides)}`);
  const end = at + extentOf(shape, strides);
  // What is too large stays so under rounding.
  if (end > length) {
    const got = `size ${showShape(shape)}, stride ${showShape(strides)}, offset ${at}`;
    throw vm.refuse(`a tensor inside its storage of ${length} elements`, got);
  }
  return { shape, strides, offset: at };
}

function rebuild(vm: PyContext, from: unknown, offset: unknown, size: unknown, stride: unknown): Tensor {
  if (!(from instanceof StoredStorage)) throw vm.refuse('a storage for a tensor', kindOf(from));
  const { dtype, storage, length } = from;
  const layout = layoutOf(vm, length, offset, size, stride);
  if (storage === null) return metaTensor(layout.shape, layout.strides, dtype);
  // Another tensor may come to show it.
  storage.shared = true;
  return new Tensor(storage, layout.shape, layout.strides, layout.offset, dtype);
}

function metaTensor(shape: Shape, strides: Shape, dtype: DType): Tensor {
  return new Tensor(new Storage(0, meta), shape, strides, 0, dtype);
}

function rebuildV2(args: readonly unknown[], vm: PyContext): Tensor {
  const [storage, offset, size, stride, requiresGrad, hooks, metadata] = args;
  requireNoHooks(hooks, vm);
  const x = resolved(rebuild(vm, storage, offset, size, stride), storage, metadata, vm);
  return withGrad(x, requiresGrad, vm);
}

function withGrad(x: Tensor, requiresGrad: unknown, vm: PyContext): Tensor {
  return gradFlag(x, requiresGrad, vm) ? x.requiresGrad_(true) : x;
}

function gradFlag(x: Tensor, requiresGrad: unknown, vm: PyContext): boolean {
  if (typeof requiresGrad !== 'boolean') throw vm.refuse('requires_grad True or False', kindOf(requiresGrad));
  if (requiresGrad && x.dtype.isIntegral) throw vm.refuse('a dtype that can require grad', x.dtype.name);
  return requiresGrad;
}

function requireNoHooks(hooks: unknown, vm: PyContext): void {
  if (hooks !== null && !(hooks instanceof PyDict && hooks.entries.size === 0))
    throw vm.refuse('no backward hooks', kindOf(hooks));
}

/** PyTorch conjugates and negates lazily; the bits that say so are in the metadata. Here it is done now, in a copy. */
function resolved(x: Tensor, from: unknown, metadata: unknown, vm: PyContext): Tensor {
  if (metadata === undefined || metadata === null) return x;
  if (!(metadata instanceof PyDict)) throw vm.refuse('the metadata of a tensor in a dict', kindOf(metadata));
  let out = x;
  for (const [key, value] of metadata.entries) {
    if ((key !== 'conj' && key !== 'neg') || typeof value !== 'boolean')
      throw vm.refuse("only 'conj' and 'neg' in the metadata of a tensor", kindOf(key));
    if (key === 'conj' ? !x.dtype.isComplex : !x.dtype.isInexact)
      throw vm.refuse(`a dtype that has ${key}`, x.dtype.name);
    if (!value || !(from instanceof StoredStorage) || from.storage === null) continue;
    from.copied += x.length;
    if (from.copied > MOST_COPIES * from.length)
      throw vm.refuse(`${key} of at most ${MOST_COPIES} times what is stored`, `${from.copied} elements`);
    out = key === 'conj' ? out.conj().resolveConj() : out.neg();
  }
  return out;
}

function rebuildParameter([data, requiresGrad, hooks]: readonly unknown[], vm: PyContext): Tensor {
  if (!(data instanceof Tensor)) throw vm.refuse('a tensor for a Parameter', kindOf(data));
  requireNoHooks(hooks, vm);
  return new Parameter(data, gradFlag(data, requiresGrad, vm));
}

function rebuildMeta([dtype, size, stride, requiresGrad]: readonly unknown[], vm: PyContext): Tensor {
  const d = meaningOf(dtype);
  if (!(d instanceof DType)) throw vm.refuse('a dtype for a tensor', kindOf(dtype));
  const { shape, strides } = layoutOf(vm, Number.MAX_SAFE_INTEGER, 0, size, stride);
  return withGrad(metaTensor(shape, strides, d), requiresGrad, vm);
}
