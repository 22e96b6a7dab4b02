// Runs one command on the CPU's families and on CUDA's, through the host shim, and compares what they wrote.
// Knows no tensors: storages, addresses and numbers only.
//   compare('pointwise', pointwise(program, [9], [laid(out, [1]), laid(x, [1])]), [out])
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addon, addonPath, opcodeOf } from '../../engine/backend/addon.js';
import type { Kernels } from '../../engine/backend/backend.js';
import type { LineOperand } from '../../engine/backend/commands/cursor.js';
import { encodePointwise } from '../../engine/backend/commands/pointwise.js';
import { encodeReduce, type Reducer } from '../../engine/backend/commands/reduce.js';
import { readStatus } from '../../engine/backend/commands/status.js';

export const dtypes = [
  'bool',
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
] as const;
export type Dtype = (typeof dtypes)[number];
export const codeOf = (dtype: Dtype): number => dtypes.indexOf(dtype);
export const isFloat = (dtype: Dtype): boolean => dtype.includes('float');

const itemBytes: Record<Dtype, number> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

const shim = join(dirname(addonPath), 'shim');
/** The CUDA half of the addon, on the shim's device. */
export const cuda = addon.cuda!;
export function openShim(): void {
  if (!existsSync(shim))
    throw new Error(`required the shim's libraries in ${shim}, got none: npm run build:native`);
  process.env.TORCHSTONE_CUDA_PATH = shim;
  const found = cuda.init([]);
  if (!found.available) throw new Error(found.reason);
  cuda.setDevice(0);
}

/** Elements of one dtype in the host's memory and in the device's. */
export class Storage {
  readonly bytes: number;
  readonly host: ArrayBuffer;
  readonly device: number;
  readonly dtype: Dtype;
  readonly length: number;
  constructor(dtype: Dtype, length: number) {
    this.dtype = dtype;
    this.length = length;
    this.bytes = length * itemBytes[dtype];
    this.host = new ArrayBuffer(this.bytes);
    this.device = cuda.allocate(this, this.bytes, false);
    if (!(this.device > 0)) throw new Error(`no device memory: ${cuda.failure().message}`);
  }
  /** Numbers are converted as the typed array does it; the 16-bit floats take their bits. */
  fill(value: (i: number) => number): this {
    const view = viewOf(this.dtype, this.host);
    for (let i = 0; i < this.length; ++i) {
      const v = value(i);
      if (view instanceof BigInt64Array) view[i] = BigInt.asIntN(64, BigInt(Math.trunc(v)));
      else view[i] = v;
    }
    return this;
  }
}
/** Elements of a storage: the first one's number, and strides. */
export interface Laid {
  readonly storage: Storage;
  readonly strides: readonly number[];
  readonly offset: number;
}
export const laid = (storage: Storage, strides: readonly number[], offset = 0): Laid => ({
  storage,
  strides,
  offset,
});

type View =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;
function viewOf(dtype: Dtype, buffer: ArrayBuffer): View {
  switch (dtype) {
    case 'bool':
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
  }
}

export interface Code {
  compute: Dtype;
  ins: readonly Dtype[];
  outs: readonly Dtype[];
  params?: number;
  constants?: readonly number[];
  /** Name and operand registers: inputs, params, constants, then instructions. */
  instructions: readonly (readonly [string, ...number[]])[];
  /** A register for each output. */
  results: readonly number[];
}
export function define(code: Code): number {
  const words = [
    codeOf(code.compute),
    code.outs.length,
    code.ins.length,
    code.params ?? 0,
    code.instructions.length,
  ];
  words.push(...code.outs.map(codeOf), ...code.ins.map(codeOf));
  for (const [name, ...operands] of code.instructions) {
    words.push(opcodeOf(name), operands[0] ?? 0, operands[1] ?? 0, operands[2] ?? 0);
  }
  words.push(...code.results);
  return addon.defineProgram(Int32Array.from(words), Float64Array.from(code.constants ?? []));
}

export type FamilyName = keyof Kernels;
export type BackendName = 'cpu' | 'cuda';

/** The address of what is laid out, on the device that a command is written for. */
export type At = (operand: Laid) => number;
/** Writes a command into the block. */
export type Writer = (at: At) => unknown;

export const pointwise =
  (
    program: number,
    sizes: readonly number[],
    operands: readonly Laid[],
    params: readonly number[] = [],
  ): Writer =>
  (at) =>
    encodePointwise('pointwise', {
      program,
      params,
      sizes,
      addresses: operands.map(at),
      strides: operands.map(({ strides }) => strides),
    });

/** Of an operand whose last stride is that along a row or lane. */
export const lineAt = (at: At, operand: Laid): LineOperand => ({
  address: at(operand),
  strides: operand.strides.slice(0, -1),
  along: operand.strides.at(-1)!,
});

/** `written` is the result and, of argmax and argmin, its index; strides of inputs are those of kept dims, then of reduced ones. */
export interface Reduction {
  readonly program: number;
  readonly reducer: Reducer;
  readonly params?: readonly number[];
  readonly kept: readonly number[];
  readonly reduced: readonly number[];
  readonly written: readonly Laid[];
  readonly inputs: readonly Laid[];
}
export const reduce =
  ({ program, reducer, params = [], kept, reduced, written, inputs }: Reduction): Writer =>
  (at) => {
    const [out, outIndex] = written.map((o) => ({ address: at(o), strides: o.strides }));
    return encodeReduce('reduce', {
      program,
      reducer,
      params,
      kept,
      reduced,
      out: out!,
      outIndex: outIndex ?? null,
      inputs: inputs.map((o) => ({
        address: at(o),
        kept: o.strides.slice(0, kept.length),
        reduced: o.strides.slice(kept.length),
      })),
    });
  };

const bytesBefore = ({ storage, offset }: Laid): number => offset * itemBytes[storage.dtype];

/** The status of a command on one of the backends, with what its memory holds. */
export function statusOn(backend: BackendName, family: FamilyName, write: Writer): number {
  write((operand) => {
    const { storage } = operand;
    const start = backend === 'cpu' ? addon.addressOf(storage.host) : storage.device;
    return start + bytesBefore(operand);
  });
  (backend === 'cpu' ? addon : cuda)[family]();
  return readStatus();
}

/** The same on CUDA, with what the host's memory holds. */
function onDevice(family: FamilyName, write: Writer): number {
  const storages = new Set<Storage>();
  write((operand) => {
    storages.add(operand.storage);
    return 0;
  });
  for (const s of storages) cuda.copyIn(s.device, s.host, 0, s.bytes);
  return statusOn('cuda', family, write);
}

export interface Difference {
  storage: number;
  element: number;
  cpu: number | bigint;
  cuda: number | bigint;
}

/** How far apart two elements are: 0 the same (any NaN is a NaN), else in ULP of the dtype. */
export type Allowed = (storage: number, element: number) => number;

function orderedBits(dtype: Dtype, view: View, i: number): bigint {
  const raw =
    dtype === 'float32'
      ? BigInt.asIntN(32, BigInt(new DataView(view.buffer as ArrayBuffer).getInt32(i * 4, true)))
      : dtype === 'float64'
        ? new DataView(view.buffer as ArrayBuffer).getBigInt64(i * 8, true)
        : BigInt(view[i]!) - (BigInt(view[i]!) & 0x8000n) * 2n;
  const least = dtype === 'float32' ? -(2n ** 31n) : dtype === 'float64' ? -(2n ** 63n) : -(2n ** 15n);
  return raw < 0n ? least - raw : raw;
}

function isNaNAt(dtype: Dtype, view: View, i: number): boolean {
  if (dtype === 'float16') return (Number(view[i]) & 0x7fff) > 0x7c00;
  if (dtype === 'bfloat16') return (Number(view[i]) & 0x7fff) > 0x7f80;
  return Number.isNaN(view[i]);
}

function apart(dtype: Dtype, a: View, b: View, i: number): number {
  if (!isFloat(dtype)) return a[i] === b[i] ? 0 : Number.POSITIVE_INFINITY;
  const nan = isNaNAt(dtype, a, i);
  if (nan || isNaNAt(dtype, b, i)) return nan && isNaNAt(dtype, b, i) ? 0 : Number.POSITIVE_INFINITY;
  const d = orderedBits(dtype, a, i) - orderedBits(dtype, b, i);
  return Number(d < 0n ? -d : d);
}

/**
 * Runs the command on both, each from the same contents, and returns the first places that differ by more than allowed: in whole
 * storages, what no kernel should have written included.
 */
export function compare(
  family: FamilyName,
  write: Writer,
  written: readonly Storage[],
  allowed: Allowed = () => 0,
): Difference[] {
  const onCuda = onDevice(family, write);
  if (onCuda !== 0) throw new Error(`cuda.${family} gave status ${onCuda}: ${cuda.failure().message}`);
  const results = written.map((s) => {
    const copy = new ArrayBuffer(s.bytes);
    cuda.copyOut(s.device, copy, 0, s.bytes);
    if (readStatus() !== 0) throw new Error(`copyOut gave status ${readStatus()}: ${cuda.failure().message}`);
    return copy;
  });
  const onCpu = statusOn('cpu', family, write);
  if (onCpu !== 0) throw new Error(`${family} gave status ${onCpu}`);
  const found: Difference[] = [];
  written.forEach((s, n) => {
    const a = viewOf(s.dtype, s.host),
      b = viewOf(s.dtype, results[n]!);
    for (let i = 0; i < s.length && found.length < 5; ++i) {
      if (apart(s.dtype, a, b, i) > allowed(n, i))
        found.push({ storage: n, element: i, cpu: a[i]!, cuda: b[i]! });
    }
  });
  return found;
}

/** The status that the CPU's family gives, and the one that the device reports when it is waited for. */
export function statuses(family: FamilyName, write: Writer): [cpu: number, cuda: number] {
  onDevice(family, write);
  cuda.synchronize();
  const onCuda = readStatus();
  return [statusOn('cpu', family, write), onCuda];
}
