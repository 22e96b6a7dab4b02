// Overloads of pointwise declarations: calls that are refused, calls that another form of the declaration computes, results
// without a derivative. All of it is fields of the record; `overloaded` puts them around the declaration's own program.
//   overloads: (form) => { const square = form({ pointwise: (x) => x.square() }); return { choose: (x, e) => (e === 2 ? square : null) }; }

import { noGrad } from '../autograd/grad-mode.js';
import { checkInPlace, rebase } from '../autograd/in-place.js';
import { connect, FunctionNode, record, shouldRecord } from '../autograd/node.js';
import { bool, type DType, float32, int64, sameKind, scalarDType } from '../core/dtype.js';
import { type ErrorClass, message, NotImplementedError, RuntimeError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import type { Expr } from '../pointwise/expr.js';
import { checkedArgument } from './arguments.js';
import type { definePointwise, OpDef, Param, PointwiseCall } from './define.js';
import { makePointwise } from './pointwise-op.js';

export type PointwiseOp = ReturnType<typeof definePointwise>;
export type Call = PointwiseCall;
type Def = OpDef<Call, Tensor>;

/** Why a dtype is refused: what is required instead, or null. */
export type Refusal = (dtype: DType) => string | null;
/** A rule on the kind of a call's arguments together, and the error class of a refusal: by default NotImplementedError. */
export type Accepts = Refusal | { readonly rule: Refusal; readonly error: ErrorClass };

/** One way to compute an op; without `inplace`, the declaration's own. */
export interface Form {
  impl(...args: Call): Tensor;
  inplace?(...args: Call): Tensor;
}
/** Makes another form of the declaration, with changes to its fields. It keeps what the declaration accepts, unless changed. */
export type MakeForm = (changes: Partial<Def>) => Required<Form>;

export interface Overloads {
  /** The form for a call, or null for the declaration's own. Arguments fit their kinds; what is not given is undefined. */
  choose(...args: Call): Form | null;
  /** Calls without their argument number `from` take the declaration's own form without asking. */
  readonly from?: number;
}

export const floatsOnly: Refusal = (d) => (d.isIntegral ? 'a floating dtype' : null);
/** For `refuse`: PyTorch has no order of complex numbers. */
export const realOnly: Refusal = (d) => (d.isComplex ? 'real numbers' : null);
export const integersOnly: Refusal = (d) => (d.isIntegral ? null : 'integers or bool');
export const wholeNumbersOnly: Refusal = (d) => (d.isInteger ? null : 'integers');
export const numbersOnly: Refusal = (d) => (d.isBool ? 'numbers' : null);

/** A form called with the first argument alone. */
export function firstOnly(form: Required<Form>): Form {
  return { impl: (x) => form.impl(x), inplace: (x) => form.inplace(x) };
}

/** The overload that leaves integers as they are, copied: rounding means something for floats only. */
export function integersAsTheyAre(
  form: MakeForm,
  params: readonly Param[],
  when: (...args: Call) => boolean = () => true,
): Overloads {
  const copy = firstOnly(form({ params: params.slice(0, 1), pointwise: (x) => x as Expr, promote: 'same' }));
  return {
    choose: (x, ...rest) => (x instanceof Tensor && x.dtype.isIntegral && when(x, ...rest) ? copy : null),
  };
}

/** The calls of a declaration: `own` behind its checks and overloads. Untouched where it has none. */
export function overloaded(def: Def, own: Required<Form>): Required<Form> {
  const form: MakeForm = (changes) => formOf(def, changes);
  let calls = own;
  if (def.tensorGradName !== undefined) calls = withTensorNode(calls, form({ gradName: def.tensorGradName }));
  if (def.accepts !== undefined) calls = accepting(def, def.accepts, calls);
  if (def.overloads !== undefined) calls = choosing(def, def.overloads(form), calls);
  if (def.check !== undefined) calls = checking(def, calls);
  if (def.underived !== undefined) calls = withoutDerivative(def, def.underived, calls);
  return calls;
}

export function formOf(def: Def, changes: Partial<Def>): Required<Form> {
  const changed = { ...def, ...changes };
  const name = def.name.slice(def.name.lastIndexOf('.') + 1);
  const nodeName = changed.gradName ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}Backward0`;
  const made = makePointwise(changed, nodeName);
  return changed.accepts === undefined ? made : accepting(changed, changed.accepts, made);
}

/** Gives the node another name where the second argument is a tensor, as PyTorch numbers its overloads. */
function withTensorNode(own: Required<Form>, ofTensors: Required<Form>): Required<Form> {
  const chosen = (y: Call[number]): Required<Form> =>
    typeof y === 'object' && y instanceof Tensor ? ofTensors : own;
  return {
    impl: (...args) => chosen(args[1]).impl(...args),
    inplace: (...args) => chosen(args[1]).inplace(...args),
  };
}

function choosing(def: Def, { choose, from = 0 }: Overloads, own: Required<Form>): Required<Form> {
  return {
    impl: (...args) => {
      if (args[from] === undefined) return own.impl(...args);
      requireKinds(def, args);
      return (choose(...args) ?? own).impl(...args);
    },
    inplace: (...args) => {
      if (args[from] === undefined) return own.inplace(...args);
      requireKinds(def, args);
      const form = choose(...args);
      return form?.inplace === undefined ? own.inplace(...args) : form.inplace(...args);
    },
  };
}

function checking(def: Def, own: Required<Form>): Required<Form> {
  const from = def.checkFrom ?? 0;
  return {
    impl: (...args) => {
      if (args[from] === undefined) return own.impl(...args);
      requireKinds(def, args);
      def.check!(args, false);
      return own.impl(...args);
    },
    inplace: (...args) => {
      if (args[from] === undefined) return own.inplace(...args);
      requireKinds(def, args);
      def.check!(args, true);
      return own.inplace(...args);
    },
  };
}

/**
 * Makes the arguments of a call fit their parameters before an overload is chosen by them; what is not given stays undefined.
 * @throws ArgumentError for one that does not
 */
function requireKinds({ name, params }: Def, args: Call): void {
  for (let i = 0; i < params.length; i++) {
    const value = args[i];
    const p = params[i]!;
    // What nearly all arguments are, without a look at their kinds.
    if (value === undefined && p.default !== undefined) continue;
    if (typeof value === 'number' && (p.kind === 'tensorOrScalar' || p.kind === 'scalar')) continue;
    const fitting = checkedArgument(name, p, value);
    if (value !== undefined) (args as unknown[])[i] = fitting;
  }
}

/** The promotion category that a call's arguments have together: 0 bool, 1 integer, 2 float. */
export function categoryOf(params: readonly Param[], args: Call): 0 | 1 | 2 {
  let category = 0;
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (params[i]?.neutral === true || value === undefined || value === null || typeof value === 'string')
      continue;
    const { category: own } =
      typeof value !== 'number' && value instanceof Tensor ? value.dtype : scalarDType(value);
    if (own > category) category = own;
  }
  return category > 2 ? 2 : (category as 0 | 1 | 2);
}

const representatives = [bool, int64, float32] as const;

/** Refuses calls by the kind of their arguments, with the error that PyTorch raises for a missing kernel. */
function accepting(def: Def, accepts: Accepts, own: Required<Form>): Required<Form> {
  const { rule, error: Refused } =
    typeof accepts === 'function' ? { rule: accepts, error: NotImplementedError } : accepts;
  const check = (args: Call, most: number): void => {
    const category = categoryOf(def.params, args);
    const dtype = representatives[category];
    const why = rule(dtype);
    if (why === null || category > most) return;
    const first = args.find((a) => a instanceof Tensor && sameKind(a.dtype, dtype));
    const seen = first instanceof Tensor ? first.dtype : dtype;
    throw new Refused(message(def.name, why, seen.name, `"${def.name}" not implemented for '${seen.title}'`));
  };
  return {
    impl: (...args) => {
      requireKinds(def, args);
      check(args, 2);
      return own.impl(...args);
    },
    // A result that the target cannot hold is another error, which comes first.
    inplace: (...args) => {
      requireKinds(def, args);
      check(args, args[0] instanceof Tensor ? args[0].dtype.category : 2);
      return own.inplace(...args);
    },
  };
}

/** @throws RuntimeError where the tensors among `args` differ in dtype: the op promotes nothing. */
export function requireOneDType(op: string, args: readonly unknown[]): void {
  let first: DType | null = null;
  for (const value of args) {
    if (!(value instanceof Tensor)) continue;
    first ??= value.dtype;
    if (value.dtype !== first) {
      const hint = `expected dtype ${first.title} but got dtype ${value.dtype.title}`;
      throw new RuntimeError(message(op, `tensors of one dtype (${first.name})`, value.dtype.name, hint));
    }
  }
}

/** The result takes part in the graph, but a backward through it fails, as PyTorch's does. */
function withoutDerivative(
  def: Def,
  underived: NonNullable<Def['underived']>,
  own: Required<Form>,
): Required<Form> {
  const fail = () => (): never => {
    throw new RuntimeError(
      `${def.name}: required a derivative, got none. derivative for ${def.name} is not implemented`,
    );
  };
  const applies = (args: Call, tensors: readonly Tensor[]): boolean =>
    shouldRecord(tensors) && (underived === true || underived(...args));
  const tensorsOf = (args: Call): Tensor[] => args.filter((a): a is Tensor => a instanceof Tensor);
  const nodeName = 'NotImplemented';
  return {
    impl: (...args) => {
      const tensors = tensorsOf(args);
      if (!applies(args, tensors)) return own.impl(...args);
      return record(
        nodeName,
        noGrad(() => own.impl(...args)),
        tensors,
        fail,
      );
    },
    inplace: (...args) => {
      const tensors = tensorsOf(args);
      if (!applies(args, tensors)) return own.inplace(...args);
      const target = tensors[0]!;
      checkInPlace(`${def.name}_`, target, tensors);
      const node = new FunctionNode(nodeName, fail);
      connect(node, tensors);
      node.addOutput(target);
      noGrad(() => own.inplace(...args));
      rebase(target, node);
      return target;
    },
  };
}
