// Fused steps: a rule compiled once to a program with an output for each operand that changes, and run over all parameters of one
// dtype, device and set of scalars by one command. What does not fit it is left to the ops.
import { launchMultiPointwise, type TensorRow } from '../backend/commands/multi-pointwise.js';
import { type DType, float32, partOf } from '../core/dtype.js';
import { newLike } from '../core/factory.js';
import { isDense, sameShape } from '../core/shape.js';
import type { Storage } from '../core/storage.js';
import type { Tensor } from '../core/tensor.js';
import { rawCopy } from '../pointwise/copy.js';
import { type Expr, input, param as scalarParam } from '../pointwise/expr.js';
import { compileOutputs } from '../pointwise/program.js';
import { exprAlgebra } from './_algebra.js';
import { numberOf } from './_numbers.js';
import type { Flags, Rule, Task } from './_rule.js';

/** Any rule: names and flags are checked where it is written. */
export type AnyRule = Rule<string, string, Flags>;
type AnyTask = Task<string, string, Flags>;
type Operands = Record<string, Tensor>;

/** A compiled rule. */
interface Compiled {
  readonly program: number;
  readonly inputs: readonly string[];
  /** The operands that change. */
  readonly outputs: readonly string[];
}

const compiled = new WeakMap<AnyRule, Map<string, Compiled>>();

function compileRule(rule: AnyRule, task: AnyTask, dtype: DType, key: string): Compiled {
  let forms = compiled.get(rule);
  if (forms === undefined) {
    forms = new Map();
    compiled.set(rule, forms);
  }
  let found = forms.get(key);
  if (found === undefined) {
    const inputs = Object.keys(task.operands);
    const scalars = Object.keys(task.scalars);
    const named = (names: readonly string[], make: (at: number) => Expr): Record<string, Expr> =>
      Object.fromEntries(names.map((name, at) => [name, make(at)]));
    const changed = rule.update(exprAlgebra, named(inputs, input), named(scalars, scalarParam), task.flags);
    const outputs = Object.keys(changed);
    const roots = outputs.map((name) => changed[name]!);
    const compute = dtype.itemSize < 4 ? float32 : dtype;
    found = {
      program: compileOutputs(roots, compute, inputs.length, scalars.length, dtype),
      inputs,
      outputs,
    };
    forms.set(key, found);
  }
  return found;
}

/** The dtype in which a step is computed: of complex numbers that of their parts. */
const realOf = (t: Tensor): DType => (t.dtype.isComplex ? partOf(t.dtype) : t.dtype);

/** Operands that lie in memory as the parameter does, without gaps; a gradient that does not is copied. Null where others do not. */
function aligned(task: AnyTask, narrow: boolean): Operands | null {
  const operands = { ...task.operands } as Operands;
  const { sizes, strides, dtype, device, rowMajor } = operands.param!;
  if (device.kernels === null || !dtype.isInexact || (dtype.itemSize < 4 && !narrow)) return null;
  if (!rowMajor && !isDense(sizes, strides)) return null;
  for (const name in operands) {
    const t = operands[name]!;
    if (t.dtype !== dtype || t.device !== device || !sameShape(t.sizes, sizes)) return null;
    if ((rowMajor && t.rowMajor) || sameShape(t.strides, strides)) continue;
    if (name !== 'grad') return null;
    operands.grad = newLike(operands.param!);
    rawCopy(operands.grad, t);
  }
  return operands;
}

/** Memory that the tasks of one command write. */
class Written {
  readonly #ranges = new Map<Storage, [from: number, to: number][]>();
  #overlaps(t: Tensor): boolean {
    const end = t.address + t.length * t.dtype.itemSize;
    return (this.#ranges.get(t.storage) ?? []).some(([from, to]) => t.address < to && from < end);
  }
  /** Whether a task touches nothing of what is written; then it is taken in. */
  take(operands: Operands, outputs: readonly string[]): boolean {
    const all = Object.values(operands);
    if (all.some((t) => this.#overlaps(t))) return false;
    for (const name of outputs) {
      const t = operands[name]!;
      const ranges = this.#ranges.get(t.storage) ?? [];
      ranges.push([t.address, t.address + t.length * t.dtype.itemSize]);
      this.#ranges.set(t.storage, ranges);
    }
    return true;
  }
}

/** Tasks that one command runs. */
class Batch {
  readonly #rule: AnyRule;
  readonly #compiled: Compiled;
  readonly #scalars: readonly number[];
  readonly #written = new Written();
  readonly #rows: TensorRow[] = [];
  readonly #changed: Tensor[] = [];
  /** A gradient's copy must live until the command has run. */
  readonly #held: Operands[] = [];

  constructor(rule: AnyRule, form: Compiled, scalars: readonly number[]) {
    this.#rule = rule;
    this.#compiled = form;
    this.#scalars = scalars;
  }

  /** False where the task shares memory with others of the command. */
  add(operands: Operands): boolean {
    const { inputs, outputs } = this.#compiled;
    const { param } = operands;
    if (!this.#written.take(operands, outputs)) return false;
    if (param!.length === 0) return true;
    const addresses = [...outputs, ...inputs].map((name) => operands[name]!.address);
    this.#rows.push({ size: param!.length * (param!.dtype.isComplex ? 2 : 1), addresses });
    for (const name of outputs) this.#changed.push(operands[name]!);
    this.#held.push(operands);
    return true;
  }

  run(): void {
    const first = this.#held[0];
    if (first === undefined) return;
    const { kernels } = first.param!.device;
    const { program } = this.#compiled;
    launchMultiPointwise(this.#rule.name, kernels!, { program, params: this.#scalars, tensors: this.#rows });
    for (const t of this.#changed) t.storage.version++;
  }
}

/** Runs the tasks that fused commands can run; the others, in order. `narrow`: 16-bit floats too, computed in float32. */
export function applyFused(rule: AnyRule, tasks: readonly AnyTask[], narrow: boolean): AnyTask[] {
  const batches = new Map<string, Batch>();
  const left: AnyTask[] = [];
  for (const task of tasks) {
    const operands = aligned(task, narrow);
    if (operands === null) {
      left.push(task);
      continue;
    }
    const dtype = realOf(operands.param!);
    const scalars = Object.values(task.scalars).map(numberOf);
    const form = `${dtype.name} ${Object.values(task.flags).join()} ${Object.keys(operands).join()}`;
    const key = `${form} ${String(operands.param!.device)} ${scalars.join()}`;
    let batch = batches.get(key);
    if (batch === undefined) {
      batch = new Batch(rule, compileRule(rule, task, dtype, form), scalars);
      batches.set(key, batch);
    }
    if (!batch.add(operands)) left.push(task);
  }
  for (const batch of batches.values()) batch.run();
  return left;
}
