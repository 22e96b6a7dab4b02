// Binds a recorded Python call to an op by its Python path and parameter names. No op has a rule of its own but
// Python's x[...], which is x.at(...).

import * as engine from 'torchstone';
import { Complex, type Op, ops, type Param, Tensor } from 'torchstone';
import { BindError, camelCase } from '../common/bind.js';
import { runDevice } from '../runner/device.js';
import { dtypeOf } from './arrays.js';
import type { Wire, WireCall, WireProgram } from './wire.js';

/** The engine has no such function, or it has no such parameter: not done, as opposed to wrong. */
export class NotDoneError extends Error {
  override readonly name = 'NotDoneError';
}

let byPath: Map<string, Op> | null = null;

/** An op, and whether its in-place form is meant. */
interface Found {
  readonly op: Op;
  readonly inplace: boolean;
}

/** The op of a Python path: the one whose reference or alias it is; `normal_` is the in-place form of `normal`. */
function findOp(paths: readonly string[]): Found | null {
  if (byPath === null) {
    byPath = new Map();
    for (const op of ops.values()) for (const alias of op.def.aliases ?? []) byPath.set(alias, op);
    for (const op of ops.values()) byPath.set(op.torch, op);
  }
  for (const path of paths) {
    const op = byPath.get(path);
    const changes = /[^_]_$/.test(path); // `__radd__` changes nothing
    if (op !== undefined) return { op, inplace: changes && op.inplace !== undefined };
    const plain = changes ? byPath.get(path.slice(0, -1)) : undefined;
    if (plain?.inplace !== undefined) return { op: plain, inplace: true };
  }
  return null;
}

export function opFor(paths: readonly string[]): Op | null {
  return findOp(paths)?.op ?? null;
}

/** What stands for tensors in a recorded value. */
export interface Scope {
  readonly tensors: readonly Tensor[];
  readonly results: ReadonlyMap<number, unknown>;
  readonly outputs: readonly unknown[];
}

type Tagged = Readonly<Record<string, unknown>>;
const special: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};
const plainFloat = (value: unknown): number =>
  typeof value === 'string' ? special[value]! : (value as number);

/** A recorded value as the engine takes it. */
export function fromWire(value: Wire, scope: Scope): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Wire[]).map((one) => fromWire(one, scope));
  const [tag, inner] = Object.entries(value)[0] as [string, unknown];
  const decode = decoders[tag];
  if (decode === undefined) throw new NotDoneError(`no form for the argument ${JSON.stringify(value)}`);
  return decode(inner, scope);
}

const decoders: Readonly<Record<string, (inner: unknown, scope: Scope) => unknown>> = {
  t: (k, scope) => scope.tensors[k as number],
  o: (k, scope) => scope.outputs[k as number],
  r: (path, scope) => {
    const [id, ...rest] = path as number[];
    return rest.reduce<unknown>((at, key) => (at as unknown[])[key], scope.results.get(id!));
  },
  float: plainFloat,
  int: (digits) => BigInt(digits as string),
  complex: (parts) => {
    const [re, im] = (parts as unknown[]).map(plainFloat);
    return new Complex(re!, im!);
  },
  tuple: (items, scope) => (items as readonly Wire[]).map((one) => fromWire(one, scope)),
  dict: (items, scope) =>
    Object.fromEntries(Object.entries(items as Tagged).map(([k, v]) => [k, fromWire(v as Wire, scope)])),
  slice: (parts) => (parts as (number | null)[]).map((one) => (one === null ? '' : String(one))).join(':'),
  ellipsis: () => '...',
  dtype: (name) => {
    try {
      return dtypeOf(name as string);
    } catch {
      throw new NotDoneError(`the engine has no dtype ${String(name)}`);
    }
  },
  // Recorded on the CPU: what was made there is made where the run's tensors are.
  device: (name) => (name === 'cpu' ? runDevice() : name),
  layout: (name) => name,
  memoryFormat: (name) => name,
  callable:
    (program) =>
    (...args: unknown[]) =>
      runProgram(program as WireProgram, [], args),
  generator: (seed) => new engine.Generator().manualSeed(seed as number),
};

/** Keyword arguments that say what holds anyway; an op need not declare them. */
const HOLDS: Readonly<Record<string, readonly unknown[]>> = {
  device: ['cpu', null],
  layout: ['strided', null],
  pin_memory: [false, null],
  requires_grad: [false],
  memory_format: ['preserve_format', 'contiguous_format', null],
  non_blocking: [false],
  inplace: [false],
  dtype: [null],
  out: [null],
  generator: [null],
};

/** The arguments in the order of the op's parameters; undefined where the default applies. */
export function bind(params: readonly Param[], args: readonly unknown[], kwargs: Tagged): unknown[] {
  const plain = params.filter((param) => !param.keyword);
  const given = gathered(plain, args);
  if (given.length > plain.length)
    throw new NotDoneError(
      `${args.length} positional arguments for (${plain.map((p) => p.name).join(', ')})`,
    );
  const bound = new Array<unknown>(params.length).fill(undefined);
  given.forEach((value, at) => {
    bound[params.indexOf(plain[at]!)] = value;
  });
  for (const [name, value] of Object.entries(kwargs)) {
    const at = params.findIndex((param) => param.name === name);
    if (at >= 0) bound[at] = value;
    else if (!holdsAnyway(name, value))
      throw new NotDoneError(`no parameter is named ${name} (${params.map((p) => p.name).join(', ')})`);
  }
  while (bound.length > 0 && bound.at(-1) === undefined) bound.pop();
  return bound;
}

/** The device of the run stands where the recorded call named the CPU. */
function holdsAnyway(name: string, value: unknown): boolean {
  return HOLDS[name]?.includes(name === 'device' && value === runDevice() ? 'cpu' : value) === true;
}

/** Sizes may be given one by one: `permute(2, 0, 1)` is `permute([2, 0, 1])`; so may tensors. */
function gathered(plain: readonly Param[], args: readonly unknown[]): readonly unknown[] {
  const many = plain.findIndex((param) => param.variadic === true);
  if (many >= 0 && !(args.length === many + 1 && Array.isArray(args[many])))
    return [...args.slice(0, many), args.slice(many)];
  const at = plain.findIndex((param) => ['size', 'ints', 'tensors'].includes(param.kind));
  if (at < 0 || Array.isArray(args[at])) return args;
  const single = plain[at]!.kind === 'tensors' && args[at] instanceof Tensor;
  const spread = at === plain.length - 1 && (args.length > plain.length || single);
  return spread ? [...args.slice(0, at), args.slice(at)] : args;
}

export type Form = 'function' | 'method' | 'inplace';

/** Makes one recorded call, as a function or in the form of a method of this Python name. */
export function makeCall(call: WireCall, scope: Scope, form: Form = 'function', method = ''): unknown {
  const args = call.args.map((one) => fromWire(one, scope));
  const kwargs = Object.fromEntries(Object.entries(call.kwargs).map(([k, v]) => [k, fromWire(v, scope)]));
  const found = findOp(call.paths);
  if (found === null) return callMember(call, args, kwargs);
  const { op, inplace } = found;
  const bound = bind(op.params, args, kwargs);
  if (form === 'function') return inplace ? op.inplace!(...bound) : op.impl(...bound);
  return callMethod(args[0], method, methodArguments(op.params, bound));
}

/** The arguments after the tensor in the public form: positional ones in order, keyword-only ones in a last options object. */
function methodArguments(params: readonly Param[], bound: readonly unknown[]): unknown[] {
  const options: Record<string, unknown> = {};
  const plain: unknown[] = [];
  params.slice(1).forEach((param, at) => {
    const value = bound[at + 1];
    if (!param.keyword) plain.push(value);
    else if (value !== undefined) options[camelCase(param.name)] = value;
  });
  // Options have their place; only a list of sizes that may be given one by one makes room for them.
  const some = Object.keys(options).length > 0;
  const open = !some || params.filter((param) => !param.keyword).at(-1)?.kind === 'size';
  while (open && plain.length > 0 && plain.at(-1) === undefined) plain.pop();
  return some ? [...plain, options] : plain;
}

function callMethod(self: unknown, name: string, args: readonly unknown[]): unknown {
  const spelled = name.endsWith('_') ? `${camelCase(name.slice(0, -1))}_` : camelCase(name);
  const member = (self as Tagged | null)?.[spelled];
  if (typeof member === 'function') return (member as (...a: unknown[]) => unknown).apply(self, [...args]);
  if (member !== undefined && args.length === 0) return member;
  throw new BindError(`Tensor has no method ${spelled}`);
}

/** Members of Tensor that are no ops: x[...] and what the class itself has. */
function callMember(call: WireCall, args: readonly unknown[], kwargs: Tagged): unknown {
  const path = call.paths.find((one) => one.startsWith('torch.Tensor.'));
  const self = args[0];
  if (path === 'torch.Tensor.__getitem__' && self instanceof Tensor) {
    const wire = call.args[1];
    const several = wire !== null && typeof wire === 'object' && 'tuple' in wire;
    return self.at(...((several ? args[1] : [args[1]]) as Parameters<Tensor['at']>));
  }
  const name = path === undefined ? '' : camelCase(path.slice('torch.Tensor.'.length));
  const member = self instanceof Tensor ? (self as unknown as Tagged)[name] : undefined;
  const bare = Object.entries(kwargs).every(([key, value]) => holdsAnyway(key, value));
  if (typeof member === 'function' && bare)
    return (member as (...a: unknown[]) => unknown).apply(self, args.slice(1));
  if (member !== undefined && args.length === 1) return member;
  throw new NotDoneError(`no op is declared for ${call.paths[0]}`);
}

/** Runs a recorded program and returns its result. */
export function runProgram(
  program: WireProgram,
  tensors: readonly Tensor[],
  outputs: readonly unknown[] = [],
): unknown {
  const results = new Map<number, unknown>();
  const scope: Scope = { tensors, results, outputs };
  for (const call of program.calls) results.set(call.id, makeCall(call, scope));
  return fromWire(program.result, scope);
}

/** Every leaf of a nested result, in order. */
export function leavesOf(result: unknown): unknown[] {
  if (Array.isArray(result)) return (result as unknown[]).flatMap(leavesOf);
  if (result !== null && typeof result === 'object' && result.constructor === Object)
    return Object.values(result).flatMap(leavesOf);
  return [result];
}

/** The op's names, any of which a message may use. */
export function namesOf(call: WireCall): string[] {
  const op = opFor(call.paths);
  const words = [...call.paths, ...(op === null ? [] : [op.name, op.torch])].map((one) =>
    one.slice(one.lastIndexOf('.') + 1),
  );
  return [...new Set(words.flatMap((one) => [one, camelCase(one)]))].map((one) =>
    one.replace(/^_+|_+$/g, ''),
  );
}
