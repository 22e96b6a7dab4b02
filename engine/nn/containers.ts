// Containers: modules and parameters in lists, dictionaries and sequences. `new Sequential(new Linear(4, 2), new ReLU())`.

import { cpu } from '../core/device.js';
import {
  ArgumentError,
  describe,
  IndexError,
  message,
  NotImplementedError,
  RuntimeError,
  ValueError,
} from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { pythonType } from '../format/python-text.js';
import { indented, Module } from './module.js';
import { Parameter } from './parameter.js';

/** Modules by name, in order. */
export type NamedModules = Readonly<Record<string, Module>> | ReadonlyMap<string, Module>;

/** A place in a list, counted from the end where negative. @throws IndexError outside */
function place(op: string, index: number, length: number): number {
  if (!Number.isInteger(index)) throw new ArgumentError(message(op, 'an integer', describe(index)));
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length)
    throw new IndexError(
      message(op, `an index within ${length}`, String(index), `index ${index} is out of range`),
    );
  return at;
}

function checkModule(op: string, value: unknown): Module {
  if (value instanceof Module) return value;
  throw new ArgumentError(
    message(op, 'a Module', describe(value), `${describe(value)} is not a Module subclass`),
  );
}

function iterableOf<T>(op: string, values: unknown): T[] {
  if (
    typeof values === 'object' &&
    values !== null &&
    Symbol.iterator in values &&
    !(values instanceof Tensor)
  )
    return [...(values as Iterable<T>)];
  throw new ArgumentError(
    message(op, 'an iterable', describe(values), `${op} should be called with an iterable`),
  );
}

function entriesOf(op: string, values: unknown): [string, Module][] {
  if (values instanceof ModuleDict || values instanceof Map)
    return [...(values as Map<string, Module>).entries()];
  if (typeof values !== 'object' || values === null)
    throw new ArgumentError(message(op, 'modules by name', describe(values)));
  if (!(Symbol.iterator in values)) return Object.entries(values) as [string, Module][];
  return [...(values as Iterable<unknown>)].map((pair, i) => {
    if (!Array.isArray(pair))
      throw new ArgumentError(message(op, 'pairs of a name and a module', `${describe(pair)} at ${i}`));
    if (pair.length !== 2)
      throw new ValueError(
        message(
          op,
          'pairs',
          `${pair.length} values at ${i}`,
          `${op} sequence element #${i} has length ${pair.length}; 2 is required`,
        ),
      );
    return pair as [string, Module];
  });
}

/** What containers of modules share: their children stand in a map, so that names like '10' and '2' keep their order. */
class ModuleContainer<A extends readonly unknown[], R> extends Module<A, R> {
  /** @internal */
  readonly entries_ = new Map<string, Module>();

  override ownModules(): (readonly [string, Module])[] {
    return [...this.entries_, ...super.ownModules()];
  }
  /** @internal */
  override replaceModule(name: string, module: Module): void {
    if (this.entries_.has(name)) this.entries_.set(name, module);
    else super.replaceModule(name, module);
  }
  override addModule(name: string, module: Module | null): void {
    if (module === null) return;
    this.entries_.set(name, checkModule('addModule', module));
  }
}

/** What ordered containers share: modules by index. */
abstract class ModuleSequence<A extends readonly unknown[], R> extends ModuleContainer<A, R> {
  /** The number of modules. */
  get length(): number {
    return this.entries_.size;
  }
  [Symbol.iterator](): IterableIterator<Module> {
    return this.entries_.values();
  }
  /** The module at an index, counted from the end where negative. @throws IndexError */
  at(index: number): Module {
    return [...this.entries_.values()][place(`${this.name_()}.at`, index, this.length)]!;
  }
  /** Replaces the module at an index. @throws IndexError */
  setAt(index: number, module: Module): void {
    const key = [...this.entries_.keys()][place(`${this.name_()}.setAt`, index, this.length)]!;
    this.entries_.set(key, checkModule(`${this.name_()}.setAt`, module));
  }
  /** Adds a module at the end. */
  append(module: Module): this {
    this.entries_.set(String(this.length), checkModule(`${this.name_()}.append`, module));
    return this;
  }
  /** Adds modules at the end. */
  extend(modules: Iterable<Module>): this {
    for (const one of iterableOf<Module>(`${this.name_()}.extend`, modules)) this.append(one);
    return this;
  }
  /** Adds a module before the one at `index`. */
  insert(index: number, module: Module): this {
    const list = [...this];
    const at = index < 0 ? Math.max(0, list.length + index) : Math.min(index, list.length);
    list.splice(at, 0, checkModule(`${this.name_()}.insert`, module));
    return this._renumber(list);
  }
  /** Takes out the module at `index`, the last by default, and returns it. @throws IndexError */
  pop(index = -1): Module {
    const list = [...this];
    const [out] = list.splice(place(`${this.name_()}.pop`, index, this.length), 1);
    this._renumber(list);
    return out!;
  }
  /** @internal */
  _renumber(list: readonly Module[]): this {
    this.entries_.clear();
    list.forEach((one, i) => {
      this.entries_.set(String(i), one);
    });
    return this;
  }
}

/**
 * Modules that run one after the other.
 * @example new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 2))
 * @example new Sequential({ hidden: new Linear(4, 8), act: new ReLU() })
 * @see PyTorch: torch.nn.Sequential.
 */
export class Sequential extends ModuleSequence<[input: Tensor], Tensor> {
  constructor(...modules: readonly Module[] | readonly [NamedModules]) {
    super();
    const [first] = modules;
    if (modules.length === 1 && first !== undefined && !(first instanceof Module))
      for (const [name, one] of entriesOf('Sequential', first)) this.addModule(name, one);
    else this.extend(modules as readonly Module[]);
  }
  override forward(input: Tensor): Tensor {
    let x: unknown = input;
    for (const one of this.entries_.values()) x = one.call(x);
    return x as Tensor;
  }
  /** The modules from `start` to before `end`, as a sequence of its own. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(Object.fromEntries([...this.entries_].slice(start, end)));
  }
}

/**
 * Modules in a list; forward is the owner's.
 * @see PyTorch: torch.nn.ModuleList.
 */
export class ModuleList extends ModuleSequence<never[], never> {
  constructor(modules: Iterable<Module> = []) {
    super();
    this.extend(iterableOf<Module>('ModuleList', modules));
  }
  /** The modules from `start` to before `end`, as a list of its own. */
  slice(start?: number, end?: number): ModuleList {
    return new ModuleList([...this].slice(start, end));
  }
  /** Runs of equal modules are shown once. */
  override toString(): string {
    const texts = [...this].map(String);
    if (texts.length === 0) return `${this.name_()}()`;
    const runs: { from: number; to: number; text: string }[] = [];
    texts.forEach((text, i) => {
      const last = runs.at(-1);
      if (last?.text === text) last.to = i;
      else runs.push({ from: i, to: i, text });
    });
    const lines = runs.map(({ from, to, text }) =>
      indented(from === to ? `(${from}): ${text}` : `(${from}-${to}): ${to - from + 1} x ${text}`),
    );
    return `${this.name_()}(\n  ${lines.join('\n  ')}\n)`;
  }
}

/**
 * Modules by name; forward is the owner's.
 * @see PyTorch: torch.nn.ModuleDict.
 */
export class ModuleDict extends ModuleContainer<never[], never> {
  constructor(modules: NamedModules | ModuleDict | Iterable<readonly [string, Module]> = {}) {
    super();
    this.update(modules);
  }
  get size(): number {
    return this.entries_.size;
  }
  /** The module of a name, or undefined. */
  get(key: string): Module | undefined {
    return this.entries_.get(key);
  }
  set(key: string, module: Module): this {
    this.addModule(key, module);
    return this;
  }
  has(key: string): boolean {
    return this.entries_.has(key);
  }
  delete(key: string): boolean {
    return this.entries_.delete(key);
  }
  clear(): void {
    this.entries_.clear();
  }
  keys(): IterableIterator<string> {
    return this.entries_.keys();
  }
  values(): IterableIterator<Module> {
    return this.entries_.values();
  }
  entries(): IterableIterator<[string, Module]> {
    return this.entries_.entries();
  }
  [Symbol.iterator](): IterableIterator<[string, Module]> {
    return this.entries_.entries();
  }
  /** Adds or replaces modules. */
  update(modules: NamedModules | ModuleDict | Iterable<readonly [string, Module]>): this {
    for (const [key, one] of entriesOf('ModuleDict.update', modules)) this.addModule(key, one);
    return this;
  }
}

/** A member of a parameter container: tensors become parameters, other values stay what they are. */
const asMember = (value: unknown): unknown =>
  value instanceof Tensor && !(value instanceof Parameter) ? new Parameter(value) : value;

function memberText(key: string | number, value: unknown, type: (x: Tensor) => string): string {
  if (!(value instanceof Tensor)) return `  (${key}): Object of type: ${pythonType(value)}`;
  const kind = value instanceof Parameter ? 'Parameter' : 'Tensor';
  const where = value.device === cpu ? '' : ` (${value.device})`;
  return `  (${key}): ${kind} containing: [${type(value)} of size ${value.sizes.join('x')}${where}]`;
}

/** What parameter containers share. */
class ParameterContainer extends Module<never[], never> {
  /** @internal */
  readonly entries_ = new Map<string, unknown>();

  override ownParameters(): (readonly [string, Parameter])[] {
    const own = [...this.entries_].filter((e): e is [string, Parameter] => e[1] instanceof Parameter);
    return [...own, ...super.ownParameters()];
  }
  override ownModules(): (readonly [string, Module])[] {
    const own = [...this.entries_].filter((e): e is [string, Module] => e[1] instanceof Module);
    return [...own, ...super.ownModules()];
  }
  override assignState(name: string, value: Tensor): void {
    this.entries_.set(name, value);
  }
  override forward(): never {
    throw new RuntimeError(
      message(this.name_(), 'access to its members', 'a call', `${this.name_()} should not be called.`),
    );
  }
}

/**
 * Parameters in a list. Tensors become parameters; other values are kept as they are.
 * @see PyTorch: torch.nn.ParameterList.
 */
export class ParameterList extends ParameterContainer {
  constructor(values: Iterable<unknown> = []) {
    super();
    this.extend(values);
  }
  get length(): number {
    return this.entries_.size;
  }
  [Symbol.iterator](): IterableIterator<Parameter> {
    return this.entries_.values() as IterableIterator<Parameter>;
  }
  /** The parameter at an index, counted from the end where negative. @throws IndexError */
  at(index: number): Parameter {
    return this.entries_.get(String(place('ParameterList.at', index, this.length))) as Parameter;
  }
  /** Replaces the member at an index. @throws IndexError */
  setAt(index: number, value: unknown): void {
    this.entries_.set(String(place('ParameterList.setAt', index, this.length)), asMember(value));
  }
  append(value: unknown): this {
    this.entries_.set(String(this.length), asMember(value));
    return this;
  }
  extend(values: Iterable<unknown>): this {
    for (const value of iterableOf('ParameterList.extend', values)) this.append(value);
    return this;
  }
  override extraRepr(): string {
    return [...this.entries_].map(([key, p]) => memberText(key, p, (x) => String(x.dtype))).join('\n');
  }
}

/**
 * Parameters by name.
 * @see PyTorch: torch.nn.ParameterDict.
 */
export class ParameterDict extends ParameterContainer {
  constructor(values: Readonly<Record<string, unknown>> | Iterable<readonly [string, unknown]> = {}) {
    super();
    this.update(values);
  }
  get size(): number {
    return this.entries_.size;
  }
  get(key: string): Parameter | undefined {
    return this.entries_.get(key) as Parameter | undefined;
  }
  set(key: string, value: unknown): this {
    if (typeof key !== 'string')
      throw new ArgumentError(message('ParameterDict.set', 'a name', describe(key)));
    this.entries_.set(key, asMember(value));
    return this;
  }
  has(key: string): boolean {
    return this.entries_.has(key);
  }
  delete(key: string): boolean {
    return this.entries_.delete(key);
  }
  clear(): void {
    this.entries_.clear();
  }
  keys(): IterableIterator<string> {
    return this.entries_.keys();
  }
  values(): IterableIterator<Parameter> {
    return this.entries_.values() as IterableIterator<Parameter>;
  }
  entries(): IterableIterator<[string, Parameter]> {
    return this.entries_.entries() as IterableIterator<[string, Parameter]>;
  }
  [Symbol.iterator](): IterableIterator<[string, Parameter]> {
    return this.entries();
  }
  /** Adds or replaces members. A plain object's are taken in the order of their names, as PyTorch takes a dict's. */
  update(values: Readonly<Record<string, unknown>> | Iterable<readonly [string, unknown]>): this {
    if (typeof values !== 'object' || values === null)
      throw new ArgumentError(message('ParameterDict.update', 'parameters by name', describe(values)));
    const list =
      Symbol.iterator in values
        ? [...(values as Iterable<readonly [string, unknown]>)]
        : Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of list) this.set(key, value);
    return this;
  }
  override extraRepr(): string {
    return [...this.entries_]
      .map(([key, p]) => memberText(key, p, (x) => `torch.${x.dtype.title}Tensor`))
      .join('\n');
  }
}

/** Kept for its name: PyTorch's deprecated base of containers. @throws NotImplementedError */
export class Container extends Module {
  constructor() {
    super();
    throw new NotImplementedError(
      message(
        'Container',
        'a Module',
        'a Container',
        'nn.Container is deprecated. All of its functionality is now implemented in nn.Module.',
      ),
    );
  }
}
