// Op declarations and the registry: `defineOp({ name, doc, params, compose })`, `definePointwise({ … })`.
import type { Complex } from '../core/complex.js';
import { ArgumentError, TorchstoneError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { Expr } from '../pointwise/expr.js';
import type { Promotion } from '../pointwise/function.js';
import { checkedCall } from './arguments.js';
import { type OutRule, outParam, withOut } from './out.js';
import { type Accepts, type MakeForm, type Overloads, overloaded } from './overloads.js';
import type { Choices } from './params.js';
import { makePointwise } from './pointwise-op.js';
import type { Fill, Sample } from './samples.js';

export type ParamKind =
  | 'tensor'
  | 'tensorOrScalar'
  | 'tensors' // a list of tensors
  | 'tensorOrTensors'
  | 'scalar' // number, bigint, boolean or Complex
  | 'int'
  | 'ints' // one int or a list of ints
  | 'size' // a list of ints, also accepted spread
  | 'bool'
  | 'string'
  | 'dtype'
  | 'device'
  | 'generator'
  | 'any'; // nested data, an index: the op checks it

export interface Param {
  /** PyTorch's own name, snake_case. */
  readonly name: string;
  readonly kind: ParamKind;
  /** Absent: required. `null` stands for None, which is then allowed. */
  readonly default?: number | boolean | string | null | readonly number[];
  /** Keyword-only: goes in the trailing options object. */
  readonly keyword?: boolean;
  /** The members of this list may also be separate arguments, as in Python: blockDiag(a, b). */
  readonly variadic?: boolean;
  /** Takes no part in dtype promotion (a condition). */
  readonly neutral?: boolean;
  /** The dtype of a pointwise op's computation must hold the number: so it is by default for those that can be no tensors. */
  readonly fits?: boolean;
  /** The values that a string may have; others are refused before anything else is done. */
  readonly choices?: Choices;
  /** TypeScript type, where the kind says too little. */
  readonly type?: string;
  /** One sentence for the documentation; default: what its kind says. */
  readonly doc?: string;
}

/** A property is read without a call: `x.T`. */
export type Variant = 'function' | 'method' | 'inplace' | 'property';
export type PointwiseArg = Expr | string | boolean | null;

/** How generated code calls an op: undefined stands for a default. */
export type Loose = (...args: unknown[]) => unknown;

/** Values with their indices, as a pair that also names them. */
export type Extremes = [Tensor, Tensor] & { values: Tensor; indices: Tensor };
/** Makes such a pair. */
export function extremes(values: Tensor, indices: Tensor): Extremes {
  return Object.assign([values, indices] as [Tensor, Tensor], { values, indices });
}

/** A call that must fail, with PyTorch's error class. */
export interface ErrorSample extends Sample {
  readonly throws:
    | 'RuntimeError'
    | 'LinAlgError'
    | 'ValueError'
    | 'IndexError'
    | 'TypeError'
    | 'NotImplementedError';
}

export interface Tolerance {
  readonly reason: string;
  /** Per dtype: relative and absolute; `grad` for gradients, `cuda:float32` for a dtype on one kind of device. */
  readonly [dtype: string]: { readonly rtol: number; readonly atol: number } | string;
}

/** Test data of an op: calls, with what is expected of them. The harness derives more from the parameters. */
export interface OpTests {
  /** How sample inputs of a pointwise op are drawn, where its domain is limited. */
  readonly fill?: Fill;
  readonly samples?: readonly Sample[];
  readonly errors?: readonly ErrorSample[];
  readonly tolerance?: Tolerance;
  /** Sample calls worth a row of the bench's sweep. */
  readonly bench?: readonly Sample[];
}

/** An op's one declaration. Exactly one of `pointwise`, `kernel`, `compose`. */
export interface OpDef<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  /** Public camelCase name; a dotted one (`linalg.det`) stands in that namespace only. */
  readonly name: string;
  /** Dotted path of the reference; default `torch.` + snake_case(name). */
  readonly torch?: string;
  /** Python's other paths of the same function and parameters; those that are names in TypeScript too are exported. */
  readonly aliases?: readonly string[];
  /** NumPy's function of the same meaning, e.g. `numpy.add`. */
  readonly numpy?: string;
  /** One sentence, with shapes, dtypes and units where they matter. */
  readonly doc: string;
  /** PyTorch's parameters in its order. */
  readonly params: readonly Param[];
  /** Default: function and method. */
  readonly variants?: readonly Variant[];
  /** TypeScript type of the result where it is not Tensor. */
  readonly returns?: string;
  /** TypeScript signatures without `input`, where the result's type depends on the arguments. */
  readonly signatures?: readonly string[];
  /** An expression over the tensor and scalar parameters; other parameters come as they are. */
  pointwise?(...args: PointwiseArg[]): Expr;
  /** A primitive with its own gradient. */
  kernel?(...args: A): R;
  /** A composition of other ops; its gradient is theirs. */
  compose?(...args: A): R;
  /** The in-place form, where the variants name it and the op is not pointwise. */
  inPlace?(...args: A): R;
  /** The keyword `out`: the result is written into a given tensor, or pair of tensors. */
  readonly out?: OutRule;
  /** Refuses calls by their arguments, which fit their kinds. Runs before anything else. Pointwise ops only. */
  check?(call: readonly unknown[], inPlace: boolean): void;
  /** Calls without their argument of this number need no `check`. */
  readonly checkFrom?: number;
  /** The dtype kinds that have a kernel; others are refused before anything is computed. Pointwise ops only. */
  readonly accepts?: Accepts;
  /** Calls that another form of the declaration computes. Pointwise ops only. */
  readonly overloads?: (form: MakeForm) => Overloads;
  /** PyTorch's node name where the second argument is a tensor. */
  readonly tensorGradName?: string;
  /** The result is recorded, but a backward through it fails as PyTorch's does: always, or for the calls that it names. */
  readonly underived?: true | ((...call: readonly unknown[]) => boolean);
  readonly promote?: Promotion;
  /** Why a compute dtype is refused: what is required instead, or null. */
  readonly refuse?: (compute: import('../core/dtype.js').DType) => string | null;
  /** Compute dtypes that PyTorch has no kernel for. Pointwise ops only. */
  readonly lacks?: (compute: import('../core/dtype.js').DType) => boolean;
  /** PyTorch's node name where it is not PascalCase(name) + `Backward0`. */
  readonly gradName?: string;
  /** The reason, where there is no gradient. */
  readonly notDifferentiable?: string;
  /** What the test suites and the bench try on the op: built when one of them asks, never by the engine. */
  readonly tests?: () => OpTests;
}

/** A declared op, callable with PyTorch's parameters in order (keyword-only ones too). Frozen. */
export interface Op<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  readonly def: OpDef<A, R>;
  readonly name: string;
  readonly torch: string;
  readonly params: readonly Param[];
  readonly variants: readonly Variant[];
  readonly kind: 'pointwise' | 'kernel' | 'compose';
  readonly impl: (...args: A) => R;
  /** Changes its first argument; present where the variants name it. */
  readonly inplace: ((...args: A) => R) | undefined;
}

interface Callables<A extends readonly unknown[], R> {
  readonly impl: (...args: A) => R;
  readonly inplace: ((...args: A) => R) | undefined;
}

/**
 * An op as the registry keeps it: everything is frozen but what its calls run, which `rewire` may wrap. An accessor of the class,
 * not a property: V8 inlines it, and a frozen object can still change its private fields.
 */
class DeclaredOp<A extends readonly unknown[], R> implements Op<A, R> {
  readonly def: OpDef<A, R>;
  readonly name: string;
  readonly torch: string;
  readonly params: readonly Param[];
  readonly variants: readonly Variant[];
  readonly kind: 'pointwise' | 'kernel' | 'compose';
  #calls: Callables<A, R>;

  constructor(def: OpDef<A, R>, kind: Op['kind'], params: readonly Param[], calls: Callables<A, R>) {
    this.def = def;
    this.name = def.name;
    this.torch =
      def.torch ??
      `torch.${kind !== 'pointwise' && def.name.endsWith('_') ? 'Tensor.' : ''}${snakeCase(def.name)}`;
    this.params = params;
    this.kind = kind;
    const usual: readonly Variant[] =
      kind === 'pointwise' ? ['function', 'method', 'inplace'] : ['function', 'method'];
    this.variants = def.variants ?? (def.name.includes('.') ? ['function'] : usual);
    this.#calls = calls;
    for (const list of [def, def.params, params, this.variants, this]) Object.freeze(list);
    for (const one of params) Object.freeze(one);
  }
  get impl(): (...args: A) => R {
    return this.#calls.impl;
  }
  get inplace(): ((...args: A) => R) | undefined {
    return this.#calls.inplace;
  }
  rewire(wrap: Wrap): () => void {
    const before = this.#calls;
    const { impl, inplace } = before;
    this.#calls = {
      impl: wrap(impl as unknown as Loose, false) as unknown as typeof impl,
      inplace:
        inplace === undefined
          ? undefined
          : (wrap(inplace as unknown as Loose, true) as unknown as typeof inplace),
    };
    return () => {
      this.#calls = before;
    };
  }
}

type Wrap = (run: Loose, inPlace: boolean) => Loose;
/**
 * Puts a wrapper around what an op's calls run; the function that takes it off again. For the device guard, and for tests that put
 * faults into ops.
 * @internal
 */
export function rewire(op: Op, wrap: Wrap): () => void {
  return (op as unknown as DeclaredOp<readonly unknown[], unknown>).rewire(wrap);
}

const registry = new Map<string, Op>();
/** Every declared op by its public name, in order of declaration. */
export const ops: ReadonlyMap<string, Op> = registry;

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}
export function pascalCase(name: string): string {
  const last = name.slice(name.lastIndexOf('.') + 1);
  return last.charAt(0).toUpperCase() + last.slice(1);
}
/** PyTorch's name of the node that an op records. */
export function nodeNameOf(def: { readonly name: string; readonly gradName?: string }): string {
  return def.gradName ?? `${pascalCase(def.name)}Backward0`;
}

function register<A extends readonly unknown[], R>(op: Op<A, R>): Op<A, R> {
  if (registry.has(op.name)) throw new TorchstoneError(`defineOp: '${op.name}' is declared twice`);
  registry.set(op.name, op as unknown as Op);
  return op;
}

export type PointwiseCall = readonly (
  | Tensor
  | Complex
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
)[];

/** Declares a pointwise op. */
export function definePointwise(def: OpDef<PointwiseCall, Tensor>): Op<PointwiseCall, Tensor> {
  const calls = overloaded(def, makePointwise(def, nodeNameOf(def)));
  return register(new DeclaredOp(def, 'pointwise', ...withOutForm(def, calls)));
}

/** Declares any other op. Its function gets every parameter, checked for its kind and with defaults filled in. */
export function defineOp<A extends readonly unknown[], R>(def: OpDef<A, R>): Op<A, R> {
  const body = (def.kernel ?? def.compose) as ((...args: A) => R) | undefined;
  if (body === undefined) throw new TorchstoneError(`defineOp: '${def.name}' has neither kernel nor compose`);
  const calls: Callables<A, R> = {
    impl: checkedCall(def, def.compose === undefined ? body : naming(def.name, body)),
    inplace: def.inPlace === undefined ? undefined : checkedCall(def, def.inPlace),
  };
  const kind = def.kernel === undefined ? 'compose' : 'kernel';
  return register(new DeclaredOp(def, kind, ...withOutForm(def, calls)));
}

/** The parameters and calls of a declaration, with the keyword `out` where it has one. */
function withOutForm<A extends readonly unknown[], R>(
  def: OpDef<A, R>,
  calls: Callables<A, R>,
): [params: readonly Param[], calls: Callables<A, R>] {
  if (def.out === undefined) return [def.params, calls];
  return [
    [...def.params, outParam(def.out)],
    { ...calls, impl: withOut(def.name, def.params.length, calls.impl, def.out) },
  ];
}

/** What fails inside a composed op is another op: the message begins with the one that was called. */
function naming<A extends readonly unknown[], R>(name: string, body: (...args: A) => R): (...args: A) => R {
  const own = name.slice(name.lastIndexOf('.') + 1);
  return (...args) => {
    try {
      return body(...args);
    } catch (error) {
      const typed = error instanceof TorchstoneError || error instanceof ArgumentError;
      if (typed && !error.message.includes(own)) error.message = `${own}: ${error.message}`;
      throw error;
    }
  };
}
