// Modules: the base class of layers and models, as torch.nn.Module.
//   class Net extends Module { fc = new Linear(4, 2); forward(x: Tensor) { return this.fc.call(x).relu(); } }

import { noGrad } from '../autograd/grad-mode.js';
import { type Device, type DeviceLike, requireDevice } from '../core/device.js';
import { asDType, bfloat16, DType, type DTypeLike, float16, float32, float64 } from '../core/dtype.js';
import { ArgumentError, describe, message, NotImplementedError, RuntimeError } from '../core/errors.js';
import { isOptions, readOptions } from '../core/options.js';
import { Tensor } from '../core/tensor.js';
import { copyOf } from './_copy.js';
import { checkVisible, enterCall, leaveCall, refuseHidden } from './_private-fields.js';
import {
  type BackwardHook,
  type BackwardPreHook,
  type ForwardHook,
  type ForwardPreHook,
  Hooks,
} from './hooks.js';
import { hasUninitializedParams, settle } from './lazy-module.js';
import { isLazy, Parameter } from './parameter.js';
import { type LoadResult, type LoadStateDictOptions, loadState, type StateDict } from './state-dict.js';

const STATE = Symbol('module state');

/** What a module keeps beside its properties. */
interface ModuleState {
  /** Names of buffers, and whether state dicts have them. */
  readonly buffers: Map<string, boolean>;
  hooks: Hooks | null;
  /** Of a module without shapes yet: the prototype of the class that it will be. */
  lazy: object | null;
}

/** Something that can be taken away again, as a hook. */
export interface Removable {
  remove(): void;
}

/** Where `to` moves a module. */
export interface ToOptions {
  device?: DeviceLike;
  dtype?: DTypeLike;
}

/** What `call` must know of a module. */
interface Callable {
  forward(...args: never[]): unknown;
}

/**
 * The base class of layers and models. Parameters, buffers and submodules are found among the properties, in the order in which
 * they were made, so that class fields and assignments both count. `call` runs `forward` and the hooks.
 *
 * @typeParam A the arguments of forward
 * @typeParam R what forward returns
 * @see PyTorch: torch.nn.Module.
 */
export class Module<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /** @internal PyTorch's names of properties that are spelled otherwise here. */
  static readonly stateKeys: Readonly<Record<string, string>> = {};
  /** Whether the module is in training mode; set by `train` and `eval`. */
  training = true;
  /** @internal */
  declare readonly [STATE]: ModuleState;

  constructor() {
    Object.defineProperty(this, STATE, {
      value: { buffers: new Map(), hooks: null, lazy: null },
      enumerable: false,
    });
  }

  /** Computes the result. To be written by each module. @throws NotImplementedError where it is not */
  forward(..._args: A): R {
    throw new NotImplementedError(
      message(
        this.name_(),
        'a forward method',
        'none',
        `Module [${this.name_()}] is missing the required "forward" function`,
      ),
    );
  }

  /** Runs the module: hooks before it, `forward`, hooks after it. */
  call<M extends Callable>(this: M, ...args: Parameters<M['forward']>): ReturnType<M['forward']> {
    const self = this as unknown as Module;
    enterCall(self);
    try {
      const { hooks, lazy } = self[STATE];
      if (lazy !== null) {
        settle(self, lazy, args);
        self[STATE].lazy = null;
      }
      const result =
        hooks === null ? self.forward(...args) : hooks.run(self, args, (...now) => self.forward(...now));
      return result as ReturnType<M['forward']>;
    } finally {
      leaveCall();
    }
  }

  // --- what a module is made of ---

  /** @internal Submodules by the names that state dicts and texts use. Containers have their own. */
  ownModules(): (readonly [string, Module])[] {
    return this.#own((value): value is Module => value instanceof Module);
  }
  /** @internal Parameters of the module itself. */
  ownParameters(): (readonly [string, Parameter])[] {
    return this.#own((value): value is Parameter => value instanceof Parameter);
  }
  /** @internal Buffers of the module itself, and whether state dicts have them. */
  ownBuffers(): (readonly [string, Tensor, boolean])[] {
    return [...this[STATE].buffers].flatMap(([key, persistent]) => {
      const value = this.#get(key);
      return value instanceof Tensor ? [[this.stateKey(key), value, persistent] as const] : [];
    });
  }
  /** @internal The name of a property in state dicts. Layers of this library have PyTorch's names, users' modules their own. */
  stateKey(property: string): string {
    return (this.constructor as typeof Module).stateKeys[property] ?? property;
  }
  /** @internal Keys that a state dict may lack. */
  optionalState(): readonly string[] {
    return [];
  }
  #own<T>(is: (value: unknown) => value is T): (readonly [string, T])[] {
    const found: (readonly [string, T])[] = [];
    for (const key of Object.keys(this)) {
      const value = this.#get(key);
      if (is(value) && !this[STATE].buffers.has(key)) found.push([this.stateKey(key), value]);
    }
    return found;
  }
  #get(key: string): unknown {
    return (this as unknown as Record<string, unknown>)[key];
  }
  #set(key: string, value: unknown): void {
    (this as unknown as Record<string, unknown>)[key] = value;
  }

  /** The modules directly below this one. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }
  /** The modules directly below this one, with their names. Each module once. */
  namedChildren(): [string, Module][] {
    const seen = new Set<Module>();
    return this.ownModules()
      .filter(([, child]) => !seen.has(child) && seen.add(child))
      .map(([name, child]) => [name, child]);
  }
  /** This module and all below it, each once, parents first. */
  modules(): Module[] {
    return this.namedModules().map(([, m]) => m);
  }
  /** This module and all below it with their paths: `''`, `'fc'`, `'block.0'`. */
  namedModules(prefix = '', seen: Set<Module> = new Set()): [string, Module][] {
    if (seen.has(this)) return [];
    seen.add(this);
    checkVisible(this);
    const found: [string, Module][] = [[prefix, this]];
    for (const [name, child] of this.ownModules())
      found.push(...child.namedModules(joined(prefix, name), seen));
    return found;
  }
  /** The parameters of this module and, with `recurse`, of all below it. Shared ones once. */
  parameters(recurse = true): Parameter[] {
    return this.namedParameters('', recurse).map(([, parameter]) => parameter);
  }
  /** The parameters with their paths: `'fc.weight'`. */
  namedParameters(prefix = '', recurse = true, removeDuplicate = true): [string, Parameter][] {
    return this.#walk(prefix, recurse, removeDuplicate, (m) => m.ownParameters());
  }
  /** The buffers of this module and, with `recurse`, of all below it. */
  buffers(recurse = true): Tensor[] {
    return this.namedBuffers('', recurse).map(([, buffer]) => buffer);
  }
  /** The buffers with their paths: `'bn.running_mean'`. */
  namedBuffers(prefix = '', recurse = true, removeDuplicate = true): [string, Tensor][] {
    return this.#walk(prefix, recurse, removeDuplicate, (m) =>
      m.ownBuffers().map(([name, b]) => [name, b] as const),
    );
  }
  #walk<T>(
    prefix: string,
    recurse: boolean,
    once: boolean,
    own: (m: Module) => readonly (readonly [string, T])[],
  ): [string, T][] {
    const seen = new Set<T>();
    const modules = recurse ? this.namedModules(prefix) : [[prefix, this] as const];
    return modules.flatMap(([path, m]) =>
      own(m)
        .filter(([, value]) => !once || (!seen.has(value) && seen.add(value)))
        .map(([name, value]): [string, T] => [joined(path, name), value]),
    );
  }

  /** The module at a path. @throws RuntimeError where there is none */
  getSubmodule(path: string): Module {
    if (path === '') return this;
    let at: Module = this;
    for (const name of path.split('.')) {
      const next = at.ownModules().find(([key]) => key === name);
      if (next === undefined) throw missing(at, 'a module', name);
      at = next[1];
    }
    return at;
  }
  /** The parameter at a path. @throws RuntimeError where there is none */
  getParameter(path: string): Parameter {
    const [owner, name] = this.#ownerOf(path);
    const found = owner.ownParameters().find(([key]) => key === name);
    if (found === undefined) throw missing(owner, 'a parameter', name);
    return found[1];
  }
  /** The buffer at a path. @throws RuntimeError where there is none */
  getBuffer(path: string): Tensor {
    const [owner, name] = this.#ownerOf(path);
    const found = owner.ownBuffers().find(([key]) => key === name);
    if (found === undefined) throw missing(owner, 'a buffer', name);
    return found[1];
  }
  #ownerOf(path: string): [Module, string] {
    const at = path.lastIndexOf('.');
    return [this.getSubmodule(path.slice(0, Math.max(at, 0))), path.slice(at + 1)];
  }

  /**
   * Makes a tensor part of the module's state without being trained: it moves with `to` and, when persistent, is in state dicts.
   * It becomes the property `name`.
   */
  registerBuffer(
    name: string,
    value: Tensor | null,
    persistent: boolean | { persistent?: boolean } = true,
  ): void {
    const wanted = isOptions(persistent)
      ? (readOptions<{ persistent?: boolean }>('registerBuffer', persistent, ['persistent']).persistent ??
        true)
      : (persistent as boolean);
    this.#checkName('registerBuffer', 'buffer', name);
    if (value !== null && !(value instanceof Tensor))
      throw new ArgumentError(
        message(
          'registerBuffer',
          'a Tensor or null',
          describe(value),
          `cannot assign it to buffer '${name}'`,
        ),
      );
    this[STATE].buffers.set(name, wanted);
    this.#set(name, value);
  }
  /** Makes `value` the property `name`; a parameter that is null is left out of everything. */
  registerParameter(name: string, value: Parameter | null): void {
    this.#checkName('registerParameter', 'parameter', name);
    if (value !== null && !(value instanceof Parameter))
      throw new ArgumentError(
        message(
          'registerParameter',
          'a Parameter or null',
          describe(value),
          `cannot assign it to parameter '${name}'`,
        ),
      );
    if (value !== null && value.gradFn !== null)
      throw new RuntimeError(message('registerParameter', 'a leaf', `the output of ${value.gradFn.name}`));
    this.#set(name, value);
  }
  /** Makes `module` the property `name`. */
  addModule(name: string, module: Module | null): void {
    this.#checkName('addModule', 'module', name);
    if (module !== null && !(module instanceof Module))
      throw new ArgumentError(message('addModule', 'a Module', describe(module)));
    this.#set(name, module);
  }
  /** @internal Puts another module under a name that there is. */
  replaceModule(name: string, module: Module): void {
    for (const key of Object.keys(this)) if (this.stateKey(key) === name) this.#set(key, module);
  }
  /** As addModule. */
  registerModule(name: string, module: Module | null): void {
    this.addModule(name, module);
  }
  #checkName(op: string, what: string, name: string): void {
    if (typeof name !== 'string') throw new ArgumentError(message(op, 'a name', describe(name)));
    if (name === '')
      throw new RuntimeError(message(op, 'a name', "''", `${what} name can't be empty string ""`));
    if (name.includes('.'))
      throw new RuntimeError(
        message(op, "a name without '.'", `'${name}'`, `${what} name can't contain "."`),
      );
    if (
      name in this &&
      !(this.#get(name) === undefined || this.#get(name) === null || this[STATE].buffers.has(name))
    )
      throw new RuntimeError(message(op, 'a new name', `'${name}'`, `attribute '${name}' already exists`));
  }

  // --- modes and conversions ---

  /** Sets training mode here and below. Dropout and batch statistics depend on it. */
  train(mode = true): this {
    if (typeof mode !== 'boolean')
      throw new ArgumentError(
        message('train', 'a boolean', describe(mode), 'training mode is expected to be boolean'),
      );
    this.training = mode;
    for (const child of this.children()) child.train(mode);
    return this;
  }
  /** Sets evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }
  /** Whether gradients of the parameters are recorded. */
  requiresGrad_(requiresGrad = true): this {
    for (const p of this.parameters()) p.requiresGrad_(requiresGrad);
    return this;
  }
  /** Forgets the gradients of all parameters; with `setToNone: false` they become zeros. */
  zeroGrad(options: { setToNone?: boolean } = {}): void {
    const { setToNone = true } = readOptions<{ setToNone?: boolean }>('zeroGrad', options, ['setToNone']);
    for (const p of this.parameters()) {
      const { grad } = p;
      if (grad === null) continue;
      if (setToNone) p.grad = null;
      else if (grad.gradFn !== null) p.grad = grad.detach().zero_();
      else noGrad(() => grad.requiresGrad_(false).zero_());
    }
  }
  /** Runs `fn` on every module below this one, then on itself. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }
  /**
   * Moves parameters and buffers to a device, a floating dtype, or where another tensor is; they stay the same objects.
   * @throws TypeError for an integer dtype
   */
  to(...args: readonly (DeviceLike | DTypeLike | Tensor | ToOptions | null)[]): this {
    const { device, dtype } = target(args);
    if (dtype !== null && !(dtype.isFloatingPoint || dtype.isComplex))
      throw new ArgumentError(
        message(
          'to',
          'a floating point or complex dtype',
          dtype.name,
          `nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.${dtype.name}`,
        ),
      );
    return this.#convert((x) => {
      const inexact = x.dtype.isFloatingPoint || x.dtype.isComplex;
      return x.to([device ?? x.device, inexact && dtype !== null ? dtype : x.dtype]);
    });
  }
  /** Parameters and floating buffers become float32. */
  float(): this {
    return this.#floating(float32);
  }
  /** Parameters and floating buffers become float64. */
  double(): this {
    return this.#floating(float64);
  }
  /** Parameters and floating buffers become float16. */
  half(): this {
    return this.#floating(float16);
  }
  /** Parameters and floating buffers become bfloat16. */
  bfloat16(): this {
    return this.#floating(bfloat16);
  }
  /** All parameters and buffers become `dtype`. */
  type(dtype: DTypeLike): this {
    const wanted = asDType(dtype, 'type');
    return this.#convert((x) => x.to(wanted));
  }
  /** Moves to the CPU. */
  cpu(): this {
    return this.to('cpu');
  }
  /** Moves to a CUDA device. */
  cuda(device: number | DeviceLike = 'cuda'): this {
    return this.to(typeof device === 'number' ? `cuda:${device}` : device);
  }
  #floating(dtype: DType): this {
    return this.#convert((x) => (x.dtype.isFloatingPoint ? x.to(dtype) : x));
  }
  #convert(change: (x: Tensor) => Tensor): this {
    const done = new Set<Tensor>();
    noGrad(() => {
      for (const m of this.modules()) {
        for (const [, p] of m.ownParameters()) {
          if (done.has(p) || isLazy(p)) continue;
          done.add(p);
          const { grad } = p;
          p.become(change(p.data));
          if (grad !== null) p.grad = change(grad);
        }
        for (const key of m[STATE].buffers.keys()) {
          const value = m.#get(key);
          if (value instanceof Tensor && !isLazy(value)) m.#set(key, change(value));
        }
      }
    });
    return this;
  }
  /** A module like this one with copies of its tensors: Python's copy.deepcopy. Hooks are not copied. */
  deepcopy(): this {
    return copyOf(this, new Map()) as this;
  }
  /** @internal An object of the same class without properties, for copies. */
  newLike_(): this {
    refuseHidden('deepcopy', this);
    // Module's own constructor alone: those of the subclasses would draw initial values.
    const copy = Reflect.construct(Module, [], this.constructor) as this;
    for (const [name, persistent] of this[STATE].buffers) copy[STATE].buffers.set(name, persistent);
    copy[STATE].lazy = this[STATE].lazy;
    return copy;
  }

  // --- state ---

  /**
   * Parameters and persistent buffers by their paths, in PyTorch's order and with PyTorch's names. The tensors share memory with
   * the module's and need no gradient; with `keepVars` they are the module's own.
   */
  stateDict(options: { prefix?: string; keepVars?: boolean } = {}): StateDict {
    const { prefix = '', keepVars = false } = readOptions<{ prefix?: string; keepVars?: boolean }>(
      'stateDict',
      options,
      ['prefix', 'keepVars'],
    );
    const state: StateDict = {};
    this.#save(state, prefix, keepVars);
    return state;
  }
  #save(state: StateDict, prefix: string, keepVars: boolean): void {
    checkVisible(this);
    const own = (x: Tensor): Tensor => (keepVars || isLazy(x) ? x : x.detach());
    for (const [name, p] of this.ownParameters()) state[prefix + name] = own(p);
    for (const [name, b, persistent] of this.ownBuffers()) if (persistent) state[prefix + name] = own(b);
    for (const [name, child] of this.ownModules()) child.#save(state, `${prefix}${name}.`, keepVars);
  }
  /**
   * Copies values from a state dict into parameters and buffers; nothing is changed when it throws. Returns the keys that did not
   * match, which are an error unless `strict` is false. `rename` maps keys of the dict to those of the module.
   * @throws RuntimeError with PyTorch's list of missing and unexpected keys and of sizes that do not fit
   */
  loadStateDict(
    state: Readonly<StateDict> | ReadonlyMap<string, Tensor>,
    options: LoadStateDictOptions = {},
  ): LoadResult {
    return loadState(this, state, options);
  }
  /** @internal Replaces a buffer or parameter by its own name in state dicts. */
  assignState(name: string, value: Tensor): void {
    for (const key of Object.keys(this)) if (this.stateKey(key) === name) this.#set(key, value);
  }

  /** @internal The first call gives the module its shapes, by `materializeFor`, and makes it one of another class. */
  becomeLazy(prototype: object): void {
    this[STATE].lazy = prototype;
  }
  /** Whether a parameter or buffer of this lazy module has no shape yet. */
  hasUninitializedParams(): boolean {
    return hasUninitializedParams(this);
  }

  // --- hooks ---

  #hooks(): Hooks {
    this[STATE].hooks ??= new Hooks();
    return this[STATE].hooks;
  }
  /** Runs before forward; what it returns (an array, or one argument) replaces the arguments. */
  registerForwardPreHook(hook: ForwardPreHook<this>, options: { prepend?: boolean } = {}): Removable {
    return this.#hooks().add('forwardPre', hook as ForwardPreHook, options);
  }
  /** Runs after forward; what it returns replaces the result. */
  registerForwardHook(hook: ForwardHook<this>, options: { prepend?: boolean } = {}): Removable {
    return this.#hooks().add('forward', hook as ForwardHook, options);
  }
  /** Runs in backward before the module's gradients are computed; what it returns replaces the gradients of the results. */
  registerFullBackwardPreHook(hook: BackwardPreHook<this>, options: { prepend?: boolean } = {}): Removable {
    return this.#hooks().add('backwardPre', hook as BackwardPreHook, options);
  }
  /** Runs in backward with the gradients of arguments and results; what it returns replaces those of the arguments. */
  registerFullBackwardHook(hook: BackwardHook<this>, options: { prepend?: boolean } = {}): Removable {
    return this.#hooks().add('backward', hook as BackwardHook, options);
  }

  // --- text ---

  /** @internal The class name in texts and errors. */
  name_(): string {
    return this.constructor.name;
  }
  /** The arguments that the text of this module shows; lines below each other where there are several. */
  extraRepr(): string {
    return '';
  }
  /** PyTorch's text of the module and all below it. */
  toString(): string {
    const extra = this.extraRepr();
    const extras = extra === '' ? [] : extra.split('\n');
    const children = this.ownModules().map(([name, child]) => `(${name}): ${indented(String(child))}`);
    const lines = [...extras, ...children];
    if (lines.length === 0) return `${this.name_()}()`;
    if (extras.length === 1 && children.length === 0) return `${this.name_()}(${extras[0]})`;
    return `${this.name_()}(\n  ${lines.join('\n  ')}\n)`;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** @internal All lines but the first moved to the right by two. */
export function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}
const joined = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

function missing(owner: Module, what: string, name: string): RuntimeError {
  const known = owner.ownModules().map(([key]) => key);
  return new RuntimeError(
    message(
      owner.name_(),
      `${what} '${name}'`,
      known.length === 0 ? 'a module without submodules' : `submodules ${known.join(', ')}`,
      `${owner.name_()} has no attribute \`${name}\``,
    ),
  );
}

/** The device and dtype that `to` was asked for. */
function target(args: readonly unknown[]): { device: Device | null; dtype: DType | null } {
  let device: Device | null = null;
  let dtype: DType | null = null;
  for (const arg of args) {
    if (arg === null || arg === undefined) continue;
    if (arg instanceof Tensor) {
      ({ device, dtype } = arg);
    } else if (isOptions(arg)) {
      const named = readOptions<ToOptions>('to', arg, ['device', 'dtype']);
      if (named.device !== undefined) device = requireDevice('to', named.device);
      if (named.dtype !== undefined) dtype = asDType(named.dtype, 'to');
    } else if (arg instanceof DType || (typeof arg === 'string' && isDTypeName(arg))) {
      dtype = asDType(arg, 'to');
    } else {
      device = requireDevice('to', arg as DeviceLike);
    }
  }
  return { device, dtype };
}
function isDTypeName(name: string): boolean {
  try {
    asDType(name, 'to');
    return true;
  } catch {
    return false;
  }
}
