// Update rules: what a step does to one parameter and its state, and running a rule over many.
//   applyRule(rule, tasks, group)
import { gradMode } from '../autograd/grad-mode.js';
import type { Tensor } from '../core/tensor.js';
import { viewAsReal } from '../generated/functions.js';
import { type Algebra, tensorAlgebra } from './_algebra.js';
import { type AnyRule, applyFused } from './_fused.js';
import type { Num } from './_numbers.js';

/** Choices that decide a rule's form; hyperparameters that only scale something are scalars. */
export type Flags = Readonly<Record<string, boolean>>;

/** An update rule over operands (a parameter, its gradient, its state) and scalars. */
export interface Rule<Operand extends string, Scalar extends string, F extends Flags = Flags> {
  readonly name: string;
  /** The new values of the operands that change. Operands that the flags leave out are undefined. */
  update<V, S>(
    a: Algebra<V, S>,
    x: Readonly<Record<Operand, V>>,
    s: Readonly<Record<Scalar, S>>,
    flags: F,
  ): Partial<Record<Operand, V>>;
}

/** One parameter's step. */
export interface Task<Operand extends string, Scalar extends string, F extends Flags> {
  readonly flags: F;
  readonly operands: Readonly<Partial<Record<Operand, Tensor>>>;
  readonly scalars: Readonly<Record<Scalar, Num>>;
}
export type TaskOf<R> = R extends Rule<infer O, infer S, infer F> ? Task<O, S, F> : never;

/** What a group says about how it is stepped. */
export interface Manner {
  readonly foreach?: boolean | null;
  readonly fused?: boolean | null;
  readonly differentiable?: boolean;
  readonly capturable?: boolean;
}

/**
 * Runs a rule over the tasks: by fused commands, or op by op where gradients flow through the step, where scalars are tensors of a
 * graph, where `foreach` or `fused` is false, and for tensors that a command does not take. Complex operands are taken for their parts.
 */
export function applyRule<Operand extends string, Scalar extends string, F extends Flags>(
  rule: Rule<Operand, Scalar, F>,
  tasks: readonly Task<Operand, Scalar, F>[],
  manner: Manner,
): void {
  const { foreach, fused, differentiable, capturable } = manner;
  const byOps = differentiable || capturable || foreach === false || fused === false;
  const narrow = foreach === true || fused === true;
  const left = byOps ? tasks : (applyFused(rule as AnyRule, tasks, narrow) as Task<Operand, Scalar, F>[]);
  for (const task of left) applyByOps(rule, task);
}

function applyByOps<Operand extends string, Scalar extends string, F extends Flags>(
  rule: Rule<Operand, Scalar, F>,
  task: Task<Operand, Scalar, F>,
): void {
  const operands = inParts(task.operands) as Record<Operand, Tensor>;
  // What backward will read must not be what the step changes.
  const read = gradMode.enabled ? copies(operands) : operands;
  const changed = rule.update<Tensor, Num>(tensorAlgebra, read, task.scalars, task.flags);
  for (const name in changed) operands[name].copy_(changed[name]!);
}

function copies<Operand extends string>(
  operands: Readonly<Record<Operand, Tensor>>,
): Record<Operand, Tensor> {
  const copied: Record<Operand, Tensor> = { ...operands };
  for (const name in operands) if (name !== 'grad') copied[name] = operands[name].clone();
  return copied;
}

function inParts<Operand extends string>(
  operands: Readonly<Partial<Record<Operand, Tensor>>>,
): Partial<Record<Operand, Tensor>> {
  const parts: Partial<Record<Operand, Tensor>> = {};
  for (const name in operands) {
    const t = operands[name]!;
    parts[name] = t.dtype.isComplex ? viewAsReal(t) : t;
  }
  return parts;
}
