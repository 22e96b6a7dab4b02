// Interface of a peer library: opaque tensors, and operations that take one call each.
import type { ArrayValue } from '../common/compare.js';
import { type Call, type Foreign, Unsupported } from './call.js';

/** One operation, under its dotted Python path without `torch.`. */
export type PeerOps = Readonly<Record<string, (call: Call) => Foreign | readonly Foreign[]>>;

/** Fits w·x + b to a line by gradient descent, as a user of the peer would write a step. */
export interface Training {
  /** One step. A lazy engine has computed it when the promise is kept. */
  step(): unknown;
  /** [w, b] after the steps so far. */
  state(): ArrayValue;
}

/** Another engine, opened. */
export interface PeerEngine {
  /** The dtypes whose recorded calls it is given. */
  readonly dtypes: readonly string[];
  readonly ops: PeerOps;
  /** What calls of the peer were made: see `caller`. */
  readonly calls: Calls;
  input(value: ArrayValue): Foreign;
  output(value: Foreign): ArrayValue;
  /** Where every use of a tensor must be announced, because operations consume them. */
  take?(tensor: Foreign): Foreign;
  /** Runs, and frees every tensor that was made meanwhile. */
  scope?<R>(run: () => R): R;
  /** The gradients of `run`'s result, weighted, with respect to the inputs; null where the peer says that there is none. */
  gradient?(
    run: (inputs: readonly Foreign[]) => Foreign,
    inputs: readonly Foreign[],
    weight: Foreign,
  ): readonly (Foreign | null)[];
  /** A step to be timed: computes, and lets go of the result. */
  step?(run: () => Foreign | readonly Foreign[]): () => unknown;
  training?(x: Foreign, rate: number): Training;
}

/** What an adapter is opened with: packages of the peers' folder by name. */
export interface Packages {
  load(name: string): Promise<unknown>;
  /** The address of a package's main file. */
  locate(name: string): string;
}

/** What an adapter's module exports. */
export interface PeerModule {
  openPeer(packages: Packages, option?: string): Promise<PeerEngine>;
}

type Callable = (...args: readonly unknown[]) => Foreign;

/** The calls that an adapter made: an operation that is one call of the peer is timed as that call alone. */
export class Calls {
  count = 0;
  last: { readonly call: Callable; readonly args: readonly unknown[]; readonly result: Foreign } | undefined;

  reset(): void {
    this.count = 0;
    this.last = undefined;
  }
}

/** Calls a function by its dotted name. */
export type Caller = (name: string, ...args: unknown[]) => Foreign;

/** Calls functions of a module. */
export function caller(module: unknown, calls: Calls): Caller {
  const found = new Map<string, Callable>();
  return (name, ...args) => {
    let call = found.get(name);
    if (call === undefined) {
      call = functionNamed(module, name);
      found.set(name, call);
    }
    const result = call(...args);
    calls.count += 1;
    calls.last = { call, args, result };
    return result;
  };
}

function functionNamed(module: unknown, name: string): Callable {
  const found = name
    .split('.')
    .reduce<unknown>((at, part) => (at as Readonly<Record<string, unknown>> | undefined)?.[part], module);
  if (typeof found !== 'function') throw new Unsupported(`it has no ${name}`);
  return found as Callable;
}

/** Operations of one tensor and nothing else, by the peer's names. */
export function unary(call: Caller, names: Readonly<Record<string, string>>): PeerOps {
  return mapped(names, (name) => (one) => call(name, one.self));
}

/** Operations of two operands. The second parameter's name is `other` unless told. */
export function binary(call: Caller, names: Readonly<Record<string, string>>, second = 'other'): PeerOps {
  return mapped(names, (name) => (one) => call(name, one.leading, one.operand(second)));
}

/** One operation for each name. */
export function mapped(
  names: Readonly<Record<string, string>>,
  make: (name: string) => (call: Call) => Foreign | readonly Foreign[],
): PeerOps {
  return Object.fromEntries(Object.entries(names).map(([op, name]) => [op, make(name)]));
}

/** `a b c` as names that are the same on both sides. */
export function same(words: string): Record<string, string> {
  return Object.fromEntries(words.split(' ').map((word) => [word, word]));
}
