// Owns what a pointwise declaration cannot say by itself: calls that take another program (a constant exponent, integers,
// another node name), calls that are refused, results without a gradient. It must not name any op.

import { noGrad } from '../autograd/grad-mode.js';
import { checkInPlace, rebase } from '../autograd/in-place.js';
import { connect, FunctionNode, record, shouldRecord } from '../autograd/node.js';
import { bool, type DType, float32, int64, promoteTypes, sameKind, scalarDType } from '../core/dtype.js';
import { message, NotImplementedError, RuntimeError, type TorchstoneError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import type { Expr } from '../pointwise/expr.js';
import type { definePointwise, PointwiseCall } from './define.js';
import { makePointwise } from './pointwise-op.js';

export type PointwiseOp = ReturnType<typeof definePointwise>;
export type Call = PointwiseCall;
type Refusal = (dtype: DType) => string | null;

/** One way to compute an op. */
export interface Route {
  impl(...args: Call): Tensor;
  inplace(...args: Call): Tensor;
}

/** Another way to compute `op`, with changes to its declaration and another node name. Registers nothing. */
export function routeOf(op: PointwiseOp, changes: Partial<PointwiseOp['def']>): Route {
  const def = { ...op.def, ...changes };
  return makePointwise(def, def.gradName ?? `${op.name.charAt(0).toUpperCase()}${op.name.slice(1)}Backward0`);
}

/** The route called with the first argument alone. */
export function firstOnly(route: Route): Route {
  return { impl: (x) => route.impl(x), inplace: (x) => route.inplace(x) };
}

/**
 * Sends each call of `op` where `choose` says; null is the way it was. `choose` may throw on what must be refused.
 * A call without its argument number `from` goes the way it was without asking.
 */
export function reroute(op: PointwiseOp, choose: (...args: Call) => Route | null, from = 0): PointwiseOp {
  const impl = op.impl;
  const inplace = op.inplace!;
  op.impl = (...args) => {
    if (args[from] === undefined) return impl(...args);
    const route = choose(...args);
    return route === null ? impl(...args) : route.impl(...args);
  };
  op.inplace = (...args) => {
    if (args[from] === undefined) return inplace(...args);
    const route = choose(...args);
    return route === null ? inplace(...args) : route.inplace(...args);
  };
  return op;
}

/** Gives the node another name where the second argument is a tensor, as PyTorch numbers its overloads. */
export function withTensorNode(op: PointwiseOp, gradName: string): PointwiseOp {
  const tensors = routeOf(op, { gradName });
  return reroute(op, (_x, y) => (typeof y === 'object' && y instanceof Tensor ? tensors : null));
}

/** The promotion category that a call's arguments have together: 0 bool, 1 integer, 2 float. */
export function categoryOf(op: PointwiseOp, args: Call): 0 | 1 | 2 {
  let category = 0;
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (op.params[i]?.neutral === true || value === undefined || value === null || typeof value === 'string')
      continue;
    const { category: own } =
      typeof value !== 'number' && value instanceof Tensor ? value.dtype : scalarDType(value);
    if (own > category) category = own;
  }
  return category > 2 ? 2 : (category as 0 | 1 | 2);
}

const representatives = [bool, int64, float32] as const;

/** Refuses calls by the category of their arguments, with the error that PyTorch raises for a missing kernel. */
export function restrict(
  op: PointwiseOp,
  refuse: Refusal = op.def.refuse!,
  Refused: new (text: string) => TorchstoneError = NotImplementedError,
): PointwiseOp {
  const check = (args: Call, most: number): void => {
    const category = categoryOf(op, args);
    const dtype = representatives[category];
    const why = refuse(dtype);
    if (why === null || category > most) return;
    const first = args.find((a) => a instanceof Tensor && sameKind(a.dtype, dtype));
    const seen = first instanceof Tensor ? first.dtype : dtype;
    throw new Refused(message(op.name, why, seen.name, `"${op.name}" not implemented for '${seen.title}'`));
  };
  const { impl } = op;
  const inplace = op.inplace!;
  op.impl = (...args) => {
    check(args, 2);
    return impl(...args);
  };
  // A result that the target cannot hold is another error, which comes first.
  op.inplace = (...args) => {
    check(args, args[0] instanceof Tensor ? args[0].dtype.category : 2);
    return inplace(...args);
  };
  return op;
}

/** The least and greatest number of each integer dtype. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
};
/** @throws RuntimeError for a number that the tensors' integer dtype cannot hold; a whole negative one wraps in uint8. */
export function requireFits(op: string, tensors: Call, numbers: Call): void {
  let dtype: DType | null = null;
  for (const t of tensors)
    if (t instanceof Tensor) dtype = dtype === null ? t.dtype : promoteTypes(dtype, t.dtype);
  const range = dtype === null ? undefined : ranges[dtype.name];
  if (range === undefined) return;
  const [least, most] = range;
  for (const n of numbers) {
    if (typeof n !== 'number') continue;
    if (n <= most && n >= (least === 0 && Number.isInteger(n) ? -most : least)) continue;
    const hint = `value cannot be converted to type ${dtype!.name} without overflow`;
    throw new RuntimeError(message(op, `a number in [${least}, ${most}]`, String(n), hint));
  }
}

/** @throws RuntimeError where the tensors among `args` differ in dtype: the op promotes nothing. */
export function requireOneDType(op: string, args: Call): void {
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

export const floatsOnly: Refusal = (d) => (d.isIntegral ? 'a floating dtype' : null);
export const integersOnly: Refusal = (d) => (d.isIntegral ? null : 'integers or bool');
export const wholeNumbersOnly: Refusal = (d) => (d.isInteger ? null : 'integers');
export const numbersOnly: Refusal = (d) => (d.isBool ? 'numbers' : null);

/** Integers stay as they are, copied: rounding and the like mean something for floats only. */
export function integersAsTheyAre(
  op: PointwiseOp,
  when: (...args: Call) => boolean = () => true,
): PointwiseOp {
  const copy = firstOnly(
    routeOf(op, { params: op.params.slice(0, 1), pointwise: (x) => x as Expr, promote: 'same' }),
  );
  return reroute(op, (x, ...rest) =>
    x instanceof Tensor && x.dtype.isIntegral && when(x, ...rest) ? copy : null,
  );
}

/** The result takes part in the graph, but a backward through it fails, as PyTorch's does. */
export function withoutDerivative(op: PointwiseOp, nodeName = 'NotImplemented'): PointwiseOp {
  const { impl } = op;
  const inplace = op.inplace!;
  const fail = () => (): never => {
    throw new RuntimeError(
      `${op.name}: required a derivative, got none. derivative for ${op.name} is not implemented`,
    );
  };
  const tensorsOf = (args: Call): Tensor[] => args.filter((a): a is Tensor => a instanceof Tensor);
  op.impl = (...args) => {
    const tensors = tensorsOf(args);
    if (!shouldRecord(tensors)) return impl(...args);
    return record(
      nodeName,
      noGrad(() => impl(...args)),
      tensors,
      fail,
    );
  };
  op.inplace = (...args) => {
    const tensors = tensorsOf(args);
    if (!shouldRecord(tensors)) return inplace(...args);
    const target = tensors[0]!;
    checkInPlace(`${op.name}_`, target);
    noGrad(() => inplace(...args));
    const node = new FunctionNode(nodeName, fail);
    connect(node, tensors);
    node.addOutput(target);
    rebase(target, node);
    return target;
  };
  return op;
}
