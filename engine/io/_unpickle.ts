// Pickles, read without running anything: the instructions that torch.save writes (protocol 2), and only the globals of a given
// list, each with our own meaning. As torch/_weights_only_unpickler.py.
//   unpickle(bytes, { refuse, globals: new Map([['collections.OrderedDict', …]]), persistent: (id) => … })
import type { Refusal } from './_file.js';

export class PyTuple {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}
export class PyList {
  readonly items: unknown[] = [];
}
/** A dict, OrderedDict or Counter. */
export class PyDict {
  readonly entries = new Map<unknown, unknown>();
  /** Whether it may be given attributes; they are dropped. */
  readonly ordered: boolean;
  constructor(ordered = false) {
    this.ordered = ordered;
  }
}
/** What a name in the pickle stands for here. */
export interface PyGlobal {
  readonly name: string;
  /** The value that the name itself is in the result; absent where it is only called. */
  readonly value?: unknown;
  /** What a call of it gives. */
  readonly call?: (args: readonly unknown[], vm: PyContext) => unknown;
}
/** What a call may use. */
export interface PyContext {
  readonly refuse: Refusal;
  /** Accounts for memory that the pickle's own bytes do not hold. */
  charge(bytes: number): void;
}

export interface UnpickleOptions {
  readonly refuse: Refusal;
  readonly globals: ReadonlyMap<string, PyGlobal>;
  /** Why a global is not in the list. */
  readonly hint: (name: string) => string;
  readonly persistent: (id: unknown) => unknown;
  /** Whether an object that a call or a name gave may be in the result. */
  readonly isValue: (value: object) => boolean;
}

/** Values nest no deeper, so that no walk over them runs out of stack. */
export const MOST_LEVELS = 500;
/** A Map holds no more than 2^24; none that is read here comes near. */
export const MOST_ENTRIES = 2 ** 23;
/** Calls may copy what the pickle holds, but only so often. */
const MOST_COPIES = 8;
const MOST_TEXT = 2 ** 28;

class Global {
  readonly one: PyGlobal;
  constructor(one: PyGlobal) {
    this.one = one;
  }
}

/** Reads one pickle, and gives its value with JavaScript's own types. */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): unknown {
  return new Converter(options).convert(new Machine(bytes, options).run(), 0);
}

class Machine implements PyContext {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: UnpickleOptions;
  readonly #memo = new Map<number, unknown>();
  readonly #marks: unknown[][] = [];
  #stack: unknown[] = [];
  #at = 0;
  #charged = 0;

  constructor(bytes: Uint8Array, options: UnpickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
  }

  readonly refuse: Refusal = (required, got, hint) =>
    this.#options.refuse(`${required} at byte ${this.#at} of data.pkl`, got, hint);

  charge(bytes: number): void {
    this.#charged += bytes;
    const most = MOST_COPIES * (this.#bytes.length + 1024);
    if (this.#charged > most)
      throw this.refuse('values about as large as the pickle', `more than ${most} bytes`);
  }

  run(): unknown {
    if (this.#byte() !== 0x80) throw this.refuse('a pickle', 'other bytes');
    const protocol = this.#byte();
    if (protocol !== 2) throw this.refuse('pickle protocol 2', `${protocol}`, "It is torch.save's default");
    for (;;) {
      const code = this.#byte();
      if (code === 0x2e) break;
      const operation = OPERATIONS[code];
      if (operation === undefined)
        throw this.refuse('an instruction of torch.save', `0x${code.toString(16)}`);
      operation(this);
    }
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0 || this.#at < this.#bytes.length)
      throw this.refuse('one value', 'more behind it');
    return value;
  }

  // --- reading ---

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at)
      throw this.refuse(`${count} more bytes`, `${this.#bytes.length - at}`);
    this.#at += count;
    return at;
  }
  #byte(): number {
    return this.#view.getUint8(this.#take(1));
  }
  uint8 = (): number => this.#byte();
  uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  uint32 = (): number => this.#view.getUint32(this.#take(4), true);
  int32 = (): number => this.#view.getInt32(this.#take(4), true);
  float64 = (): number => this.#view.getFloat64(this.#take(8), false);
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }
  text(count: number): string {
    if (count > MOST_TEXT) throw this.refuse(`a text of at most ${MOST_TEXT} bytes`, `${count}`);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(count));
    } catch (error) {
      if (error instanceof TypeError) throw this.refuse('text in UTF-8', 'other bytes');
      throw error;
    }
  }
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.refuse('the end of a line', 'none');
    const text = this.text(end - this.#at);
    this.#at += 1;
    return text;
  }

  // --- the stack ---

  push(value: unknown): void {
    this.#stack.push(value);
  }
  pop(): unknown {
    if (this.#stack.length === 0) throw this.refuse('a value on the stack', 'none');
    return this.#stack.pop();
  }
  top(): unknown {
    if (this.#stack.length === 0) throw this.refuse('a value on the stack', 'none');
    return this.#stack.at(-1);
  }
  mark(): void {
    this.#marks.push(this.#stack);
    this.#stack = [];
  }
  popMark(): unknown[] {
    const items = this.#stack;
    const below = this.#marks.pop();
    if (below === undefined) throw this.refuse('a mark on the stack', 'none');
    this.#stack = below;
    return items;
  }
  popTuple(count: number): void {
    const items = Array.from({ length: count }, () => this.pop());
    this.push(new PyTuple(items.reverse()));
  }
  put(index: number): void {
    this.#requireRoom(this.#memo.size);
    this.#memo.set(index, this.top());
  }
  get(index: number): void {
    if (!this.#memo.has(index)) throw this.refuse(`a value in memo ${index}`, 'none');
    this.push(this.#memo.get(index));
  }

  #requireRoom(entries: number): void {
    if (entries >= MOST_ENTRIES) throw this.refuse(`at most ${MOST_ENTRIES} entries`, 'more');
  }

  // --- instructions that take more than a line ---

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!(list instanceof PyList)) throw this.refuse('a list to append to', kindOf(list));
    for (const item of items) list.items.push(item);
  }
  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof PyDict)) throw this.refuse('a dict to set items of', kindOf(dict));
    if (items.length % 2 !== 0) throw this.refuse('keys and values', 'a key without a value');
    this.#requireRoom(dict.entries.size + items.length / 2);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (key instanceof PyList || key instanceof PyDict) throw this.refuse('a key that hashes', kindOf(key));
      dict.entries.set(key, items[i + 1]);
    }
  }
  global(): void {
    const module = this.line();
    const member = this.line();
    const name = `${module === '__builtin__' ? 'builtins' : module}.${member}`;
    const found = this.#options.globals.get(name);
    if (found === undefined) throw this.refuse('an allowed global', name, this.#options.hint(name));
    this.push(new Global(found));
  }
  reduce(): void {
    const args = this.pop();
    const made = this.pop();
    if (!(made instanceof Global) || made.one.call === undefined)
      throw this.refuse('a function to call', made instanceof Global ? made.one.name : kindOf(made));
    if (!(args instanceof PyTuple))
      throw this.refuse(`a tuple of arguments for ${made.one.name}`, kindOf(args));
    this.push(made.one.call(args.items, this));
  }
  /** Attributes of an OrderedDict: state dicts have versions there, which nothing here reads. */
  build(): void {
    const state = this.pop();
    const made = this.top();
    if (!(made instanceof PyDict && made.ordered))
      throw this.refuse('an OrderedDict to give attributes', kindOf(made));
    if (!(state instanceof PyDict)) throw this.refuse('attributes in a dict', kindOf(state));
  }
  persistent(): void {
    this.push(this.#options.persistent(this.pop()));
  }
}

/** A little-endian integer in two's complement; a bigint where a number would lose digits. */
function longOf(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  value = BigInt.asIntN(8 * bytes.length, value);
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** What each instruction does, by its byte. */
const OPERATIONS: readonly (((vm: Machine) => void) | undefined)[] = operations({
  '(': (vm) => vm.mark(),
  N: (vm) => vm.push(null),
  '\x88': (vm) => vm.push(true),
  '\x89': (vm) => vm.push(false),
  J: (vm) => vm.push(vm.int32()),
  K: (vm) => vm.push(vm.uint8()),
  M: (vm) => vm.push(vm.uint16()),
  '\x8a': (vm) => vm.push(longOf(vm.bytes(vm.uint8()))),
  G: (vm) => vm.push(vm.float64()),
  X: (vm) => vm.push(vm.text(vm.uint32())),
  U: (vm) => vm.push(vm.text(vm.uint8())),
  ')': (vm) => vm.push(new PyTuple([])),
  '\x85': (vm) => vm.popTuple(1),
  '\x86': (vm) => vm.popTuple(2),
  '\x87': (vm) => vm.popTuple(3),
  t: (vm) => vm.push(new PyTuple(vm.popMark())),
  ']': (vm) => vm.push(new PyList()),
  a: (vm) => vm.append([vm.pop()]),
  e: (vm) => vm.append(vm.popMark()),
  '}': (vm) => vm.push(new PyDict()),
  s: (vm) => vm.setItems([vm.pop(), vm.pop()].reverse()),
  u: (vm) => vm.setItems(vm.popMark()),
  q: (vm) => vm.put(vm.uint8()),
  r: (vm) => vm.put(vm.uint32()),
  h: (vm) => vm.get(vm.uint8()),
  j: (vm) => vm.get(vm.uint32()),
  c: (vm) => vm.global(),
  R: (vm) => vm.reduce(),
  b: (vm) => vm.build(),
  Q: (vm) => vm.persistent(),
});

function operations(
  table: Readonly<Record<string, (vm: Machine) => void>>,
): (((vm: Machine) => void) | undefined)[] {
  const list = new Array<((vm: Machine) => void) | undefined>(256).fill(undefined);
  for (const [code, run] of Object.entries(table)) list[code.charCodeAt(0)] = run;
  return list;
}

/** What a value of the machine is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return 'None';
  if (value instanceof PyTuple) return `a tuple of ${value.items.length}`;
  if (value instanceof PyList) return `a list of ${value.items.length}`;
  if (value instanceof PyDict) return 'a dict';
  if (value instanceof Global) return value.one.name;
  if (typeof value === 'object') return `a ${value.constructor.name}`;
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}

/** The value of an argument that names something, as a dtype. */
export function meaningOf(argument: unknown): unknown {
  return argument instanceof Global ? argument.one.value : argument;
}

/** Python's containers as JavaScript's. Those that were one object stay one. */
class Converter {
  readonly #refuse: Refusal;
  readonly #isValue: (value: object) => boolean;
  readonly #made = new Map<object, unknown>();
  constructor({ refuse, isValue }: UnpickleOptions) {
    this.#refuse = refuse;
    this.#isValue = isValue;
  }

  convert(value: unknown, level: number): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (level > MOST_LEVELS) throw this.#refuse(`values of at most ${MOST_LEVELS} levels`, 'more');
    if (value instanceof Global) return this.convert(value.one.value ?? this.#noValue(value), level);
    if (this.#made.has(value)) return this.#made.get(value);
    if (value instanceof PyTuple || value instanceof PyList) return this.#array(value, level);
    if (value instanceof PyDict) return this.#dict(value, level);
    if (value instanceof Set) return this.#set(value, level);
    return this.#isValue(value) ? value : this.#noValue(value);
  }

  #noValue(value: object): never {
    throw this.#refuse('tensors and plain values', kindOf(value));
  }
  #array(value: PyTuple | PyList, level: number): unknown[] {
    const out: unknown[] = [];
    this.#made.set(value, out);
    for (const item of value.items) out.push(this.convert(item, level + 1));
    return out;
  }
  #set(value: ReadonlySet<unknown>, level: number): Set<unknown> {
    const out = new Set<unknown>();
    this.#made.set(value, out);
    for (const item of value) out.add(this.convert(item, level + 1));
    return out;
  }
  #dict(value: PyDict, level: number): object {
    const keys = [...value.entries.keys()];
    if (!keys.every((key) => typeof key === 'string')) {
      const map = new Map<unknown, unknown>();
      this.#made.set(value, map);
      for (const [key, one] of value.entries)
        map.set(this.convert(key, level + 1), this.convert(one, level + 1));
      return map;
    }
    const out: Record<string, unknown> = {};
    this.#made.set(value, out);
    for (const [key, one] of value.entries) setOwn(out, key as string, this.convert(one, level + 1));
    return out;
  }
}

/** Sets an own property, whatever its name: an assignment to `__proto__` would set the prototype. */
function setOwn(to: object, name: string, value: unknown): void {
  Object.defineProperty(to, name, { value, writable: true, enumerable: true, configurable: true });
}
