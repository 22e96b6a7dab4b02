// Pickles of plain values and tensors, as torch.save writes them: protocol 2, which torch.load(weights_only=True) reads.
//   const { bytes, storages } = pickle(value, refuse)
import { Complex } from '../core/complex.js';
import { Device, meta } from '../core/device.js';
import { DType } from '../core/dtype.js';
import { describe } from '../core/errors.js';
import { isOptions } from '../core/options.js';
import type { Storage } from '../core/storage.js';
import { Size, Tensor } from '../core/tensor.js';
import { Parameter } from '../nn/parameter.js';
import type { Refusal } from './_file.js';
import { requireTensor } from './_payload.js';
import { storageClass } from './_torch-globals.js';
import { MOST_LEVELS } from './_unpickle.js';

/** A storage that the pickle names, by its number. */
export interface NamedStorage {
  readonly key: string;
  readonly storage: Storage;
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
}

/** The pickle of a value, and the storages of its tensors. */
export function pickle(value: unknown, refuse: Refusal): { bytes: Buffer; storages: NamedStorage[] } {
  const pickler = new Pickler(refuse);
  pickler.value(value);
  return { bytes: pickler.finish(), storages: [...pickler.storages.values()] };
}

/** Bytes that are written one after the other. */
class GrowingBuffer {
  #bytes = Buffer.alloc(1 << 12);
  #length = 0;

  /** Room for the next bytes, to be filled at once. */
  next(size: number): Buffer {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes.subarray(start, this.#length);
  }
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

class Pickler {
  readonly storages = new Map<Storage, NamedStorage>();
  readonly #refuse: Refusal;
  readonly #out = new GrowingBuffer();
  /** Objects and texts, with their numbers in the memo. */
  readonly #memo = new Map<unknown, number>();
  /** Globals, by what stands in the pickle. */
  readonly #globals = new Map<string, number>();
  /** Where the value under way lies, for messages. */
  readonly #path: string[] = [];

  constructor(refuse: Refusal) {
    this.#refuse = refuse;
    this.#code('\x80\x02');
  }

  finish(): Buffer {
    this.#code('.');
    return this.#out.written();
  }

  value(value: unknown): void {
    if (value === null) this.#code('N');
    else if (typeof value === 'boolean') this.#code(value ? '\x88' : '\x89');
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#integer(value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'object') this.#object(value);
    else throw this.#unknown(value);
  }

  // --- bytes ---

  #code(text: string): void {
    this.#out.next(text.length).write(text, 'latin1');
  }
  #uint32(code: string, value: number): void {
    this.#code(code);
    this.#out.next(4).writeUInt32LE(value);
  }
  #long(text: string): void {
    const bytes = Buffer.from(text);
    this.#uint32('X', bytes.length);
    this.#out.next(bytes.length).set(bytes);
  }
  /** Remembers what was written last under a number. */
  #remember<T>(what: T, memo: Map<T, number> = this.#memo as Map<T, number>): void {
    const index = this.#memo.size + this.#globals.size;
    this.#uint32('r', index);
    memo.set(what, index);
  }
  /** Writes a reference to what was written before; false where it was not. */
  #recall<T>(what: T, memo: ReadonlyMap<T, number> = this.#memo as ReadonlyMap<T, number>): boolean {
    const index = memo.get(what);
    if (index === undefined) return false;
    this.#uint32('j', index);
    return true;
  }

  // --- scalars ---

  /** Whole numbers that are exact become int, all others float: -0 and 1e300 too. */
  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(BigInt(value));
    else this.#float(value);
  }
  #float(value: number): void {
    this.#code('G');
    this.#out.next(8).writeDoubleBE(value);
  }
  #integer(value: bigint): void {
    if (BigInt.asIntN(32, value) === value) {
      this.#code('J');
      this.#out.next(4).writeInt32LE(Number(value));
      return;
    }
    let size = 5;
    while (size < 256 && BigInt.asIntN(8 * size, value) !== value) size += 1;
    if (size > 255) throw this.#refuse(`an integer of at most 255 bytes at ${this.#where()}`, 'a larger one');
    this.#code('\x8a');
    const bytes = this.#out.next(1 + size);
    bytes[0] = size;
    for (let i = 0; i < size; i++) bytes[1 + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  #text(text: string): void {
    if (this.#recall(text)) return;
    // A lone surrogate has no UTF-8 form.
    if (/\p{Surrogate}/u.test(text))
      throw this.#refuse(`well-formed text at ${this.#where()}`, JSON.stringify(text.slice(0, 40)));
    this.#long(text);
    this.#remember(text);
  }

  // --- objects ---

  #object(value: object): void {
    if (this.#recall(value)) return;
    if (this.#path.length > MOST_LEVELS)
      throw this.#refuse(`values of at most ${MOST_LEVELS} levels`, `more at ${this.#where()}`);
    if (value instanceof Tensor) this.#tensor(value);
    else if (value instanceof Size) this.#size(value);
    else if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#dict(value, [...value]);
    else if (value instanceof Set) this.#set(value);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else if (value instanceof Complex) this.#complex(value);
    else if (value instanceof DType) this.#global('torch', value.name);
    else if (value instanceof Device) this.#device(value);
    else if (isOptions(value)) this.#dict(value, Object.entries(value));
    else throw this.#unknown(value);
  }

  #list(value: readonly unknown[]): void {
    this.#code(']');
    this.#remember(value);
    this.#code('(');
    for (let i = 0; i < value.length; i++) this.#inside(`[${i}]`, () => this.value(value[i]));
    this.#code('e');
  }
  #dict(value: object, entries: readonly (readonly [unknown, unknown])[]): void {
    this.#code('}');
    this.#remember(value);
    this.#code('(');
    const seen = new Set<unknown>();
    for (const [key, one] of entries) {
      const name =
        typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${describe(key)}]`;
      this.#inside(name, () => {
        this.#key(key, seen);
        this.value(one);
      });
    }
    this.#code('u');
  }
  /** Python takes 1, 1n and true for one key; an array becomes a tuple, as it came. */
  #key(key: unknown, seen: Set<unknown>): void {
    const number = typeof key === 'bigint' || typeof key === 'boolean' ? Number(key) : key;
    const plain = Number.isSafeInteger(number) || typeof key === 'number' ? number : key;
    if (seen.has(plain)) throw this.#refuse(`each key once for Python at ${this.#where()}`, 'one again');
    seen.add(plain);
    this.#hashable(key);
  }
  #hashable(value: unknown): void {
    if (Array.isArray(value) && !(value instanceof Size)) this.#tuple(value);
    else if (typeof value === 'object' && value !== null && !isAtom(value))
      throw this.#refuse(`a key that Python can hash at ${this.#where()}`, describe(value));
    else this.value(value);
  }
  #tuple(items: readonly unknown[]): void {
    this.#code('(');
    for (let i = 0; i < items.length; i++) this.#inside(`[${i}]`, () => this.#hashable(items[i]));
    this.#code('t');
  }
  #set(value: ReadonlySet<unknown>): void {
    this.#call('__builtin__', 'set', () => {
      this.#code('](');
      const seen = new Set<unknown>();
      for (const item of value) this.#inside('<item>', () => this.#key(item, seen));
      this.#code('e\x85');
    });
    this.#remember(value);
  }
  #bytes(value: Uint8Array): void {
    this.#call('__builtin__', 'bytearray', () => {
      this.#call('_codecs', 'encode', () => {
        this.#long(Buffer.from(value).toString('latin1'));
        this.#text('latin1');
        this.#code('\x86');
      });
      this.#code('\x85');
    });
    this.#remember(value);
  }
  #complex({ re, im }: Complex): void {
    this.#call('__builtin__', 'complex', () => {
      this.#float(re);
      this.#float(im);
      this.#code('\x86');
    });
  }
  #size(value: Size): void {
    this.#call('torch', 'Size', () => {
      this.#tuple([...value]);
      this.#code('\x85');
    });
  }
  #device({ type, index }: Device): void {
    this.#call('torch', 'device', () => {
      this.#text(type);
      if (index !== null) this.#integer(BigInt(index));
      this.#code(index === null ? '\x85' : '\x86');
    });
  }

  // --- globals ---

  #global(module: string, name: string): void {
    const text = `${module}\n${name}\n`;
    if (this.#recall(text, this.#globals)) return;
    this.#code(`c${text}`);
    this.#remember(text, this.#globals);
  }
  /** A call: the global, the tuple of arguments that `args` writes, and the instruction. */
  #call(module: string, name: string, args: () => void): void {
    this.#global(module, name);
    args();
    this.#code('R');
  }
  #noHooks(): void {
    this.#call('collections', 'OrderedDict', () => this.#code(')'));
  }

  // --- tensors ---

  #tensor(x: Tensor): void {
    if (x instanceof Parameter) {
      this.#call('torch._utils', '_rebuild_parameter', () => {
        this.#data(x, false);
        this.value(x.requiresGrad);
        this.#noHooks();
        this.#code('\x87');
      });
    } else this.#data(x, x.requiresGrad);
    this.#remember(x);
  }

  #data(x: Tensor, requiresGrad: boolean): void {
    const numbers = (list: readonly number[]): void => {
      this.#code('(');
      for (const n of list) this.#integer(BigInt(n));
      this.#code('t');
    };
    if (x.device === meta) {
      this.#call('torch._utils', '_rebuild_meta_tensor_no_storage', () => {
        this.#code('(');
        this.#global('torch', x.dtype.name);
        numbers(x.sizes);
        numbers(x.strides);
        this.value(requiresGrad);
        this.#code('t');
      });
      return;
    }
    requireTensor('save', x);
    this.#call('torch._utils', '_rebuild_tensor_v2', () => {
      this.#code('(');
      this.#storage(x);
      this.#integer(BigInt(x.offset));
      numbers(x.sizes);
      numbers(x.strides);
      this.value(requiresGrad);
      this.#noHooks();
      this.#code('t');
    });
  }

  #storage({ storage, dtype, device }: Tensor): void {
    let named = this.storages.get(storage);
    if (named === undefined) {
      const length = Math.floor(storage.byteLength / dtype.itemSize);
      named = { key: String(this.storages.size), storage, dtype, length };
      this.storages.set(storage, named);
    }
    if (named.dtype !== dtype) {
      throw this.#refuse(
        `one dtype for all tensors of a storage at ${this.#where()}`,
        `${named.dtype.name} and ${dtype.name}`,
        'Cannot save multiple tensors or storages that view the same data as different types',
      );
    }
    this.#code('(');
    this.#text('storage');
    this.#global('torch', storageClass(dtype));
    this.#text(named.key);
    this.#text(String(device));
    this.#integer(BigInt(named.length));
    this.#code('tQ');
  }

  // --- messages ---

  #inside(name: string, write: () => void): void {
    this.#path.push(name);
    write();
    this.#path.pop();
  }
  #where(): string {
    return `value${this.#path.slice(-12).join('')}`;
  }
  #unknown(value: unknown): Error {
    const hint = ArrayBuffer.isView(value) ? 'Make a tensor of it: tensor(…)' : undefined;
    const wanted = 'a tensor, a plain object, Map, Set, array, number, bigint, string, boolean or null';
    return this.#refuse(`${wanted} at ${this.#where()}`, describe(value), hint);
  }
}

/** Objects that stand for values. */
function isAtom(value: object): boolean {
  return (
    value instanceof Complex || value instanceof DType || value instanceof Device || value instanceof Size
  );
}
