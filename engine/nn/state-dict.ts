// State dicts: loading values into a module by their names. `loadState(module, state, { strict: true })`.
import { noGrad } from '../autograd/grad-mode.js';
import { ArgumentError, describe, RuntimeError, showShape } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import type { Module } from './module.js';
import { isLazy, materialize, Parameter, UninitializedParameter } from './parameter.js';

/** Tensors by their paths in a module: `{ 'fc.weight': Tensor, … }`. */
export type StateDict = Record<string, Tensor>;

export interface LoadStateDictOptions {
  /** Whether keys that are missing or unknown are an error. Default true. */
  strict?: boolean;
  /** Makes the tensors of the dict the module's own instead of copying their values. Default false. */
  assign?: boolean;
  /** The module's key for a key of the dict, e.g. `(key) => key.replace(/^module\./, '')`; undefined leaves it out. */
  rename?: (key: string) => string | undefined;
}

/** What did not match. */
export interface LoadResult {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
}

interface Place {
  readonly owner: Module;
  readonly name: string;
  readonly tensor: Tensor;
}

class Loaded implements LoadResult {
  readonly missingKeys: string[];
  readonly unexpectedKeys: string[];
  constructor(missing: string[], unexpected: string[]) {
    this.missingKeys = missing;
    this.unexpectedKeys = unexpected;
  }
  toString(): string {
    if (this.missingKeys.length + this.unexpectedKeys.length === 0) return '<All keys matched successfully>';
    const list = (keys: string[]): string => `[${keys.map((key) => `'${key}'`).join(', ')}]`;
    return `_IncompatibleKeys(missing_keys=${list(this.missingKeys)}, unexpected_keys=${list(this.unexpectedKeys)})`;
  }
}

export function loadState(
  module: Module,
  state: Readonly<StateDict> | ReadonlyMap<string, Tensor>,
  options: LoadStateDictOptions,
): LoadResult {
  const {
    strict = true,
    assign = false,
    rename,
  } = readOptions<LoadStateDictOptions>('loadStateDict', options, ['strict', 'assign', 'rename']);
  const given = entriesOf(state, rename);
  const { places, optional } = placesOf(module);
  const missing = [...places.keys()].filter((key) => !given.has(key) && !optional.has(key));
  const unexpected = [...given.keys()].filter((key) => !places.has(key));
  const wrong: string[] = [];
  for (const [key, { tensor }] of places) {
    const value = given.get(key);
    if (value !== undefined) wrong.push(...mismatch(key, tensor, value));
  }
  if (strict) {
    if (unexpected.length > 0)
      wrong.unshift(
        `Unexpected key(s) in state_dict: ${quoted(unexpected)}. ${prefixHint(unexpected, places)}`,
      );
    if (missing.length > 0) wrong.unshift(`Missing key(s) in state_dict: ${quoted(missing)}. `);
  }
  if (wrong.length > 0)
    throw new RuntimeError(`Error(s) in loading state_dict for ${module.name_()}:\n\t${wrong.join('\n\t')}`);
  noGrad(() => {
    for (const [key, place] of places) {
      const value = given.get(key);
      if (value !== undefined) put(place, value, assign);
    }
  });
  return new Loaded(missing, unexpected);
}

function entriesOf(state: unknown, rename: LoadStateDictOptions['rename']): Map<string, unknown> {
  if (typeof state !== 'object' || state === null || Array.isArray(state) || state instanceof Tensor)
    throw new ArgumentError(`Expected state_dict to be dict-like, got ${describe(state)}.`);
  const entries = state instanceof Map ? [...(state as Map<unknown, unknown>)] : Object.entries(state);
  const given = new Map<string, unknown>();
  for (const [key, value] of entries) {
    const name = rename === undefined ? String(key) : rename(String(key));
    if (name !== undefined) given.set(name, value);
  }
  return given;
}

/** Where each key of the module's state dict goes. Shared tensors have a place under each of their names. */
function placesOf(module: Module): { places: Map<string, Place>; optional: Set<string> } {
  const places = new Map<string, Place>();
  const optional = new Set<string>();
  const walk = (owner: Module, prefix: string): void => {
    for (const [name, tensor] of owner.ownParameters()) places.set(prefix + name, { owner, name, tensor });
    for (const [name, tensor, persistent] of owner.ownBuffers())
      if (persistent) places.set(prefix + name, { owner, name, tensor });
    for (const name of owner.optionalState()) optional.add(prefix + name);
    for (const [name, child] of owner.ownModules()) walk(child, `${prefix}${name}.`);
  };
  walk(module, '');
  return { places, optional };
}

function mismatch(key: string, own: Tensor, value: unknown): string[] {
  if (!(value instanceof Tensor))
    return [
      `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${describe(value)}`,
    ];
  // PyTorch of old wrote 0-d tensors as one element.
  if (
    isLazy(own) ||
    sameShape(own.sizes, value.sizes) ||
    (own.ndim === 0 && value.ndim === 1 && value.length === 1)
  )
    return [];
  return [
    `size mismatch for ${key}: copying a param with shape torch.Size(${showShape(value.sizes)}) from checkpoint, the shape in current model is torch.Size(${showShape(own.sizes)}).`,
  ];
}

function put({ owner, name, tensor }: Place, value: unknown, assign: boolean): void {
  const given = value as Tensor;
  if (isLazy(tensor)) {
    if (isLazy(given)) return;
    if (tensor instanceof UninitializedParameter) tensor.materialize(given.sizes);
    else materialize(tensor, given.sizes, given.device);
  }
  const fitting = given.ndim === tensor.ndim ? given : given.reshape(tensor.sizes);
  if (!assign) tensor.copy_(fitting);
  else if (!(tensor instanceof Parameter)) owner.assignState(name, fitting);
  else
    owner.assignState(
      name,
      fitting instanceof Parameter ? fitting : new Parameter(fitting, tensor.requiresGrad),
    );
}

const quoted = (keys: readonly string[]): string => keys.map((key) => `"${key}"`).join(', ');

/** What to do when every unknown key is a known one behind a prefix, as wrappers of models write them. */
function prefixHint(unexpected: readonly string[], places: ReadonlyMap<string, Place>): string {
  const prefix = unexpected[0]!.slice(0, unexpected[0]!.indexOf('.') + 1);
  const fits =
    prefix !== '' &&
    unexpected.every((key) => key.startsWith(prefix) && places.has(key.slice(prefix.length)));
  return fits
    ? `The keys fit without the prefix "${prefix}": loadStateDict(state, { rename: (key) => key.slice(${prefix.length}) }). `
    : '';
}
