// Owns the shape of an op's declaration, the registry, and turning a declaration into a checked function.
// It must not name any op.
import { Complex } from '../complex.js';
import { asDType } from '../dtype.js';
import { ArgumentError, describe, message, TorchstoneError } from '../errors.js';
import type { Expr } from '../pointwise/expr.js';
import type { Promotion } from '../pointwise/function.js';
import { Tensor } from '../tensor.js';
import { makePointwise } from './pointwise_op.js';
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
  /** Python takes the members of this list as separate arguments: block_diag(a, b). Here it is a list. */
  readonly variadic?: boolean;
  /** Takes no part in dtype promotion (a condition). */
  readonly neutral?: boolean;
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
  /** Per dtype: relative and absolute; `grad` for gradients. */
  readonly [dtype: string]: { readonly rtol: number; readonly atol: number } | string;
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
  readonly overloads?: readonly string[];
  /** An expression over the tensor and scalar parameters; other parameters come as they are. */
  pointwise?(...args: PointwiseArg[]): Expr;
  /** A primitive with its own gradient. */
  kernel?(...args: A): R;
  /** A composition of other ops; its gradient is theirs. */
  compose?(...args: A): R;
  /** The commonest call straight from the given arguments, before any check; undefined where it is another. Same results. */
  fast?(args: readonly unknown[]): R | undefined;
  readonly promote?: Promotion;
  /** Why a compute dtype is refused: what is required instead, or null. */
  readonly refuse?: (compute: import('../dtype.js').DType) => string | null;
  /** PyTorch's node name where it is not PascalCase(name) + `Backward0`. */
  readonly gradName?: string;
  /** The reason, where there is no gradient. */
  readonly notDifferentiable?: string;
  /** How sample inputs of a pointwise op are drawn, where its domain is limited. */
  readonly fill?: Fill;
  readonly samples?: readonly Sample[];
  readonly errors?: readonly ErrorSample[];
  readonly tolerance?: Tolerance;
  /** Recorded cases where PyTorch's own answer is not to be matched: a glob of case ids → the reason. They fail once they agree. */
  readonly differs?: Readonly<Record<string, string>>;
  /** Sample calls worth a row of the bench's sweep. */
  readonly bench?: readonly Sample[];
}

/** A declared op, callable with PyTorch's parameters in order (keyword-only ones too). */
export interface Op<A extends readonly unknown[] = readonly unknown[], R = unknown> {
  readonly def: OpDef<A, R>;
  readonly name: string;
  readonly torch: string;
  readonly params: readonly Param[];
  readonly variants: readonly Variant[];
  readonly kind: 'pointwise' | 'kernel' | 'compose';
  impl(...args: A): R;
  /** Changes its first argument; present where the variants name it. */
  inplace?(...args: A): R;
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
  const made = makePointwise(def, nodeNameOf(def));
  return register({
    def,
    name: def.name,
    torch: def.torch ?? `torch.${snakeCase(def.name)}`,
    params: def.params,
    variants: def.variants ?? (def.name.includes('.') ? ['function'] : ['function', 'method', 'inplace']),
    kind: 'pointwise',
    impl: made.impl,
    inplace: made.inplace,
  });
}

/**
 * Declares any other op. Its function gets every parameter, checked for its kind and with defaults filled in.
 * An in-place variant, where the variants name one, is given by `inplace`.
 */
export function defineOp<A extends readonly unknown[], R>(
  def: OpDef<A, R>,
  inplace?: (...args: A) => R,
): Op<A, R> {
  const body = (def.kernel ?? def.compose) as ((...args: A) => R) | undefined;
  if (body === undefined) throw new TorchstoneError(`defineOp: '${def.name}' has neither kernel nor compose`);
  const op: Op<A, R> = {
    def,
    name: def.name,
    torch: def.torch ?? `torch.${def.name.endsWith('_') ? 'Tensor.' : ''}${snakeCase(def.name)}`,
    params: def.params,
    variants: def.variants ?? (def.name.includes('.') ? ['function'] : ['function', 'method']),
    kind: def.kernel === undefined ? 'compose' : 'kernel',
    impl: implOf(def, def.compose === undefined ? body : naming(def.name, body)),
  };
  if (inplace !== undefined)
    op.inplace = (...args: A) => inplace(...(checkedArgs(def, args) as unknown as A));
  return register(op);
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

function implOf<A extends readonly unknown[], R>(
  def: OpDef<A, R>,
  body: (...args: A) => R,
): (...args: A) => R {
  const { fast } = def;
  if (fast === undefined) return (...args) => body(...(checkedArgs(def, args) as unknown as A));
  return (...args) => fast(args) ?? body(...(checkedArgs(def, args) as unknown as A));
}

/** The arguments with defaults filled in, each of its parameter's kind. @throws ArgumentError */
function checkedArgs(
  def: { readonly name: string; readonly params: readonly Param[] },
  args: readonly unknown[],
): unknown[] {
  const params = def.params;
  if (args.length > params.length) {
    throw new ArgumentError(message(def.name, `at most ${params.length} arguments`, String(args.length)));
  }
  const out = new Array<unknown>(params.length);
  for (let i = 0; i < params.length; i++) {
    const p = params[i]!;
    const value = args[i];
    if (value === undefined || value === null) {
      if (p.default === undefined) {
        throw new ArgumentError(
          message(def.name, `the argument '${p.name}'`, value === null ? 'null' : 'nothing'),
        );
      }
      out[i] =
        value === null && p.default !== null && value !== p.default ? rejectNull(def.name, p) : p.default;
    } else out[i] = checkedArg(def.name, p, value);
  }
  return out;
}

function rejectNull(op: string, p: Param): never {
  throw new ArgumentError(message(op, `'${p.name}' to be ${p.kind}`, 'null'));
}

function checkedArg(op: string, p: Param, value: unknown): unknown {
  switch (p.kind) {
    case 'tensor':
      if (value instanceof Tensor) return value;
      break;
    case 'tensorOrScalar':
      if (value instanceof Tensor) return value;
      if (isScalar(value)) return plainNumber(value);
      break;
    case 'tensorOrTensors':
      if (value instanceof Tensor || isTensors(value)) return value;
      break;
    case 'tensors':
      if (isTensors(value)) return value;
      break;
    case 'scalar':
      if (isScalar(value)) return plainNumber(value);
      break;
    case 'int':
      if (Number.isInteger(value)) return value;
      break;
    case 'ints':
      if (Number.isInteger(value)) return value;
      if (isInts(value)) return plainInts(value);
      break;
    case 'size':
      if (isInts(value)) return plainInts(value);
      if (Number.isInteger(value)) return [value];
      break;
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
    case 'string':
      if (typeof value === 'string') return value;
      break;
    case 'dtype':
      return asDType(value, op);
    case 'device':
    case 'generator':
    case 'any':
      return value;
  }
  throw new ArgumentError(message(op, `'${p.name}' to be ${expected[p.kind]}`, describe(value)));
}

const expected: Readonly<Record<ParamKind, string>> = {
  tensor: 'a Tensor',
  tensorOrScalar: 'a Tensor or a number',
  tensors: 'a list of Tensors',
  tensorOrTensors: 'a Tensor or a list of Tensors',
  scalar: 'a number',
  int: 'an integer',
  ints: 'an integer or a list of integers',
  size: 'a list of integers',
  bool: 'a boolean',
  string: 'a string',
  dtype: 'a dtype',
  device: 'a device',
  generator: 'a Generator',
  any: 'a value',
};

/** A bigint stays one only where a number would lose digits. */
function plainNumber(v: unknown): unknown {
  return typeof v === 'bigint' && Number.isSafeInteger(Number(v)) ? Number(v) : v;
}
function isScalar(v: unknown): boolean {
  return typeof v === 'number' || typeof v === 'boolean' || typeof v === 'bigint' || v instanceof Complex;
}
function isTensors(v: unknown): boolean {
  return Array.isArray(v) && v.every((t) => t instanceof Tensor);
}
/** A list without bigints. */
function plainInts(list: readonly (number | bigint)[]): readonly number[] {
  return list.some((x) => typeof x === 'bigint') ? list.map(Number) : (list as readonly number[]);
}
function isInts(v: unknown): v is readonly (number | bigint)[] {
  return Array.isArray(v) && v.every((x) => Number.isInteger(x) || typeof x === 'bigint');
}
