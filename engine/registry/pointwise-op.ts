// Functions of pointwise declarations: which arguments of a call are tensors, scalars or constants.
import { checkInPlace, rebase } from '../autograd/in-place.js';
import { shouldRecord } from '../autograd/node.js';
import { Complex } from '../core/complex.js';
import { placedOn } from '../core/device.js';
import { type DType, int64, scalarDType } from '../core/dtype.js';
import { writeAt } from '../core/element.js';
import { ArgumentError, message } from '../core/errors.js';
import { newWritten } from '../core/factory.js';
import { isLarge, requireFits } from '../core/scalar.js';
import { sameShape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { copyOf } from '../pointwise/copy.js';
import { apply, type Expr, expr, input, param } from '../pointwise/expr.js';
import { PointwiseFunction, type ScalarKind } from '../pointwise/function.js';
import { promoted } from '../pointwise/function-support.js';
import { recordInPlace } from '../pointwise/node.js';
import { checkedArgument } from './arguments.js';
import type { OpDef, Param, PointwiseArg } from './define.js';

type Arg = Tensor | Complex | number | bigint | boolean | string | null | undefined;
type Call = readonly Arg[];

interface Bound {
  readonly fn: PointwiseFunction;
  readonly tensors: readonly Tensor[];
  readonly scalars: readonly number[];
  readonly kinds: readonly ScalarKind[];
}

const none: readonly never[] = [];

/** The callables of a pointwise declaration: a short path for the usual calls, which the general one agrees with. */
export function makePointwise(def: OpDef<Call, Tensor>, nodeName: string): Callables {
  const binder = new Binder(def, nodeName);
  const general = generalCalls(def, binder);
  return usualCalls(def, binder, general.impl, general.inplace) ?? general;
}

/** The callables that bind every argument. */
export function generalCalls(def: OpDef<Call, Tensor>, binder: Binder): Callables {
  return {
    impl: (...args) => {
      const b = binder.bind(args);
      return b.fn.apply(b.tensors, b.scalars, b.kinds);
    },
    inplace: (...args) => changeInPlace(`${def.name}_`, binder.bind(args)),
  };
}

type Callables = { impl(...args: Call): Tensor; inplace(...args: Call): Tensor };
type Fixed = (x: Arg, y: Arg, a?: Arg, b?: Arg, c?: Arg) => Tensor;

/**
 * The two calls that matter for overhead, f(tensor) and f(tensor, tensor or number), without a key or an argument list.
 * Null where the declaration has no such call; all others go the slow way.
 */
function usualCalls(
  def: OpDef<Call, Tensor>,
  binder: Binder,
  slow: (...args: Call) => Tensor,
  slowInPlace: (...args: Call) => Tensor,
): Callables | null {
  const [first, second] = def.params;
  if (first?.kind !== 'tensor' || def.params.length > 5) return null;
  const optional = (from: number): boolean => def.params.slice(from).every((p) => p.default !== undefined);
  const name = `${def.name}_`;
  if (optional(1)) {
    let one: PointwiseFunction | null = null;
    const numbers = new NumberCalls(def.params, binder);
    const impl: Fixed = (x, y, a, b, c) => {
      if (
        y !== undefined ||
        a !== undefined ||
        b !== undefined ||
        c !== undefined ||
        !(x instanceof Tensor)
      ) {
        const rest = given([y, a, b, c]);
        return numbers.apply(x, rest) ?? slow(x, ...rest);
      }
      one ??= binder.bind([x]).fn;
      return one.apply([x], none, none);
    };
    return { impl: impl as Callables['impl'], inplace: slowInPlace };
  }
  if (second === undefined || !optional(2) || !second.kind.startsWith('tensor')) return null;
  let both: PointwiseFunction | null = null;
  let scalar: PointwiseFunction | null = null;
  const numbers = second.kind === 'tensorOrScalar';
  const impl: Fixed = (x, y, a, b, c) => {
    if (a === undefined && b === undefined && c === undefined && x instanceof Tensor) {
      // A number first: the test of a class is slow on what is no object.
      if (typeof y === 'number') {
        if (!numbers) return slow(x, y);
        scalar ??= binder.bind([x, y]).fn;
        return scalar.apply([x], [y], [scalarDType(y)]);
      }
      if (y instanceof Tensor) {
        both ??= binder.bind([x, y]).fn;
        return both.apply([x, y], none, none);
      }
    }
    return slow(...given([x, y, a, b, c]));
  };
  const inplace: Fixed = (x, y, a, b, c) => {
    if (a === undefined && b === undefined && c === undefined && x instanceof Tensor) {
      if (typeof y === 'number') {
        if (!numbers) return slowInPlace(x, y);
        scalar ??= binder.bind([x, y]).fn;
        return changeInPlace(name, { fn: scalar, tensors: [x], scalars: [y], kinds: [scalarDType(y)] });
      }
      if (y instanceof Tensor) {
        both ??= binder.bind([x, y]).fn;
        return changeInPlace(name, { fn: both, tensors: [x, y], scalars: none, kinds: none });
      }
    }
    return slowInPlace(...given([x, y, a, b, c]));
  };
  return { impl: impl as Callables['impl'], inplace: inplace as Callables['inplace'] };
}

/** Calls f(tensor, numbers), found by which parameters are given and not their defaults. */
class NumberCalls {
  readonly #params: readonly Param[];
  readonly #binder: Binder;
  readonly #functions: (PointwiseFunction | undefined)[] = [];

  constructor(params: readonly Param[], binder: Binder) {
    this.#params = params;
    this.#binder = binder;
  }

  /** Null where an argument is not of that form. */
  apply(x: Arg, rest: readonly Arg[]): Tensor | null {
    if (!(x instanceof Tensor) || rest.length >= this.#params.length) return null;
    const scalars: number[] = [];
    const kinds: ScalarKind[] = [];
    let key = 0;
    for (let i = 0; i < rest.length; i++) {
      const p = this.#params[i + 1]!;
      const value = rest[i];
      if (value === undefined || isFoldable(p, value)) continue;
      if (typeof value !== 'number' || !takesNumbers(p)) return null;
      scalars.push(value);
      kinds.push(p.neutral === true ? null : scalarDType(value));
      key += 1 << i;
    }
    const fn = this.#functions[key] ?? this.#binder.bind([x, ...rest]).fn;
    this.#functions[key] = fn;
    return fn.apply([x], scalars, kinds);
  }
}

function takesNumbers({ kind }: Param): boolean {
  return kind === 'scalar' || kind === 'tensorOrScalar' || kind === 'int';
}

/** The arguments up to the last one that was given. */
function given(args: Arg[]): Arg[] {
  let n = args.length;
  while (n > 0 && args[n - 1] === undefined) n--;
  return args.slice(0, n);
}

/** Binds calls to functions: one PointwiseFunction for each pattern of tensors, scalars, defaults and other values. */
export class Binder {
  readonly #def: OpDef<Call, Tensor>;
  readonly #nodeName: string;
  readonly #functions = new Map<string, PointwiseFunction>();

  constructor(def: OpDef<Call, Tensor>, nodeName: string) {
    this.#def = def;
    this.#nodeName = nodeName;
  }

  /** `exact`: tensors stand for large integers, also where a parameter takes numbers only. */
  bind(args: Call, exact = false): Bound {
    const { params, name } = this.#def;
    if (args.length > params.length) {
      throw new ArgumentError(message(name, `at most ${params.length} arguments`, String(args.length)));
    }
    const tensors: Tensor[] = [];
    const scalars: number[] = [];
    const kinds: (DType | null)[] = [];
    let key = '';
    for (let i = 0; i < params.length; i++) {
      const p = params[i]!;
      const value = (exact ? args[i] : checkedArgument(name, p, args[i])) as Arg;
      if (value instanceof Tensor) {
        tensors.push(value);
        key += 't';
      } else if (value instanceof Complex) {
        scalars.push(value.re, value.im);
        kinds.push(p.neutral === true ? null : scalarDType(value), null);
        key += 'c';
      } else if (isFoldable(p, value)) key += 'd';
      // The kind of a parameter has made numbers of small ones.
      else if (typeof value === 'bigint') return this.bind(this.#withoutLarge(args), true);
      else if (typeof value === 'number' || (typeof value === 'boolean' && p.kind !== 'bool')) {
        scalars.push(Number(value));
        kinds.push(p.neutral === true ? null : scalarDType(value));
        key += 's';
      } else key += `${JSON.stringify(value)},`;
    }
    if (tensors.length === 0) throw new ArgumentError(message(name, 'at least one Tensor', 'none'));
    let fn = this.#functions.get(key);
    if (fn === undefined) {
      fn = this.#build(args, tensors.length, exact);
      this.#functions.set(key, fn);
    }
    return { fn, tensors, scalars, kinds };
  }

  /**
   * The call with 0-d tensors for integers beyond 2^53, because parameters of programs are float64. They have the dtype of the
   * other tensors, which they wrap in, so that promotion is that of a number.
   */
  #withoutLarge(args: Call): Call {
    const { params, name, promote } = this.#def;
    const deciding = args.filter((a, i): a is Tensor => a instanceof Tensor && params[i]!.neutral !== true);
    const common = deciding.length === 0 ? int64 : promoted(deciding, [], []);
    const any = args.find((a) => a instanceof Tensor);
    const inexact =
      common.isInexact ||
      (promote !== undefined && promote !== 'same' && promote !== 'predicate') ||
      args.some((a) => a instanceof Complex || (typeof a === 'number' && !Number.isInteger(a)));
    return params.map((p, i) => {
      const value = checkedArgument(name, p, args[i]) as Arg;
      if (typeof value !== 'bigint' || !isLarge(value)) return value;
      if (inexact || !(any instanceof Tensor)) return Number(value);
      const dtype = common.isBool ? int64 : common;
      if (fits(p)) requireFits(name, dtype, value);
      const wrapped = BigInt.asIntN(8 * dtype.itemSize, value);
      return placedOn(any.device, () => newWritten([], dtype, (data) => writeAt(dtype, data, 0, wrapped)));
    });
  }

  #build(args: Call, inputs: number, exact: boolean): PointwiseFunction {
    const def = this.#def;
    let nextInput = 0;
    let nextParam = 0;
    const neutral: number[] = [];
    const fitting: number[] = [];
    const values = def.params.map((p, i): PointwiseArg => {
      const value = (exact ? args[i] : checkedArgument(def.name, p, args[i])) as Arg;
      if (value instanceof Tensor) {
        if (p.neutral === true) neutral.push(nextInput);
        return input(nextInput++);
      }
      if (value instanceof Complex) return apply('complex', param(nextParam++), param(nextParam++));
      if (isFoldable(p, value)) return expr(Number(value));
      if (typeof value === 'number' || (typeof value === 'boolean' && p.kind !== 'bool')) {
        if (fits(p)) fitting.push(nextParam);
        return param(nextParam++);
      }
      return value as string | boolean | null;
    });
    const root: Expr = def.pointwise!(...values);
    return new PointwiseFunction(def.name, this.#nodeName, root, inputs, {
      ...(def.promote === undefined ? {} : { promote: def.promote }),
      ...(def.refuse === undefined ? {} : { refuse: def.refuse }),
      ...(def.lacks === undefined ? {} : { lacks: def.lacks }),
      ...(fitting.length === 0 ? {} : { fitting }),
      neutral,
    });
  }
}

/** Whether the computation's dtype must hold a number given for the parameter. */
function fits(p: Param): boolean {
  return p.fits ?? p.kind === 'scalar';
}

/** A numeric option left at its default becomes a constant, so that `mul(1)` disappears. */
function isFoldable(p: Param, value: unknown): boolean {
  return typeof value === 'number' && p.default === value;
}

/** Applies a bound function to its first tensor's memory. */
function changeInPlace(op: string, b: Bound): Tensor {
  const target = b.tensors[0]!;
  checkInPlace(op, target, b.tensors);
  const record = shouldRecord(b.tensors);
  const form = record ? b.fn.formFor(b.tensors, b.kinds) : b.fn;
  let before = b.tensors;
  if (record && readsOriginal(form, b)) before = [copyOf(target), ...b.tensors.slice(1)];
  let sources = b.tensors;
  for (let i = 1; i < sources.length; i++)
    if (overlaps(sources[i]!, target)) sources = sources.with(i, copyOf(sources[i]!));
  const compute = b.fn.applyInto(target, sources, b.scalars, b.kinds);
  // Recorded at the version before the change: what is saved of the target's memory is no longer there.
  const recorded = record && target.dtype.isInexact;
  const node = recorded
    ? recordInPlace(form, keepEdges(before, b.tensors), b.scalars, target, compute)
    : null;
  target.storage.version++;
  rebase(target, node);
  return target;
}

/** Whether some gradient needs the target's value from before the change. */
function readsOriginal(fn: PointwiseFunction, b: Bound): boolean {
  return b.tensors.some((t, i) => t.requiresGrad && fn.gradient(i).reads.includes(0));
}

/** A saved copy of the target carries the target's place in the graph. */
function keepEdges(before: readonly Tensor[], original: readonly Tensor[]): readonly Tensor[] {
  const [copy] = before;
  const [target] = original;
  if (copy !== target && target!.requiresGrad) copy!.adoptHistory(target!.gradFn!, target!.outputNr);
  return before;
}

/** Whether `t` may show memory of `target` under another geometry. */
function overlaps(t: Tensor, target: Tensor): boolean {
  if (t.storage !== target.storage || t.length === 0) return false;
  const same =
    t.offset === target.offset && sameShape(t.sizes, target.sizes) && sameShape(t.strides, target.strides);
  return !same;
}
