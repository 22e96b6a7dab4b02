// Replays one recorded case and compares values, dtype, shape, strides, aliasing, untouched inputs, text, gradients,
// errors.
import * as engine from 'torchstone';
import type { CaseResult, Worst } from '../../reports/schema/index.js';
import {
  arrayOf,
  camelCase,
  type EngineTensor,
  flattenResult,
  inputTensor,
  positional,
  publicArguments,
  tensorOf,
} from '../common/bind.js';
import { type ArrayValue, type Comparison, compareArrays, worstOf } from '../common/compare.js';
import type { Fixtures } from '../common/fixtures.js';
import type { FixtureCase, FixtureOutput, TensorOutput } from '../common/manifest.js';
import type { RegisteredOp } from '../common/registry.js';
import { gradientDtype, gradientScale, valueScale } from '../common/tolerance-scale.js';
import { secondOpinion, toleranceFor } from '../common/tolerances.js';
import { readable, runDeviceType } from '../runner/device.js';

/** An array of the fixtures under the dtype of the tensor that it is the value of. */
type RecordedArray = { dtype: string } & Pick<ReturnType<Fixtures['array']>, 'shape' | 'data'>;
type Checks = NonNullable<CaseResult['checks']>;

/** Where the arrays of a recorded case come from: the fixture tree, or a capsule of one case. */
export type ArraySource = Pick<Fixtures, 'array' | 'maybeArray'>;

/** One comparison of a replay, for whoever wants to see more than its message. */
export interface Observed {
  readonly what: string;
  readonly got: ArrayValue;
  readonly want: ArrayValue;
  readonly comparison: Comparison;
}

/** What a replay found. No problems: it held. */
export interface ReplayOutcome {
  readonly problems: readonly string[];
  readonly compared: number;
  readonly checks: Checks;
  /** How the call ended: 'a result', or the class of its error. */
  readonly ended: string;
  readonly worst?: Worst;
}

/** Replays a recorded call of this op and judges it. */
export function replayCase(
  op: RegisteredOp,
  recorded: FixtureCase,
  fixtures: ArraySource,
  observe?: (one: Observed) => void,
): ReplayOutcome {
  return new Replay(op, recorded, fixtures, observe).run();
}

const { Tensor } = engine;
const isTensor = (value: unknown): value is EngineTensor => value instanceof Tensor;

class Replay {
  readonly #op: RegisteredOp;
  readonly #case: FixtureCase;
  readonly #fixtures: ArraySource;
  readonly #observe: ((one: Observed) => void) | undefined;
  readonly #problems: string[] = [];
  readonly #checks: Checks = {};
  #compared = 0;
  #worst: Worst | undefined;

  constructor(
    op: RegisteredOp,
    recorded: FixtureCase,
    fixtures: ArraySource,
    observe: ((one: Observed) => void) | undefined,
  ) {
    this.#observe = observe;
    this.#op = op;
    this.#case = recorded;
    this.#fixtures = fixtures;
  }

  run(): ReplayOutcome {
    const inputs = this.#inputs(false);
    let result: unknown;
    let thrown: unknown;
    try {
      result = this.#call(inputs);
    } catch (error) {
      thrown = error;
    }
    if (this.#case.error) this.#error(thrown);
    else if (thrown !== undefined)
      this.#check('values', `throws ${showError(thrown)}; PyTorch returns a result`);
    else this.#results(inputs, result);
    this.#untouched(inputs, thrown !== undefined);
    if (!this.#case.error && thrown === undefined) this.#gradients();
    return {
      problems: this.#problems,
      compared: this.#compared,
      checks: this.#checks,
      ended: thrown === undefined ? 'a result' : thrown instanceof Error ? thrown.name : typeof thrown,
      ...(this.#worst ? { worst: this.#worst } : {}),
    };
  }

  #inputs(requiresGrad: boolean): EngineTensor[] {
    return this.#case.inputs.map((input, k) =>
      inputTensor(this.#array(`in${k}`), input, requiresGrad && input.grad),
    );
  }

  /** The call in the form that the case names: the registry's function, or the public method. */
  #call(inputs: readonly EngineTensor[], first?: EngineTensor): unknown {
    const { params, op } = this.#op;
    const given = first ? [first, ...inputs.slice(1)] : inputs;
    const bound = positional(params, this.#case.args, this.#case.kwargs, given);
    if (this.#case.variant === 'function') return op.impl(...bound);
    const name = camelCase(this.#op.name.slice(this.#op.name.lastIndexOf('.') + 1));
    const method = this.#case.variant === 'inplace' && !name.endsWith('_') ? `${name}_` : name;
    const self = bound[0] as Readonly<Record<string, unknown>>;
    const found = self[method];
    if (typeof found !== 'function') throw new TypeError(`Tensor has no method ${method}`);
    return found.apply(self, publicArguments(params, bound).slice(1));
  }

  #error(thrown: unknown): void {
    const want = this.#case.error!;
    const first = want.message.split('\n')[0];
    if (thrown === undefined) {
      this.#check('errors', `returns a result; PyTorch raises ${want.class}: ${first}`);
      return;
    }
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    const short = this.#op.name.slice(this.#op.name.lastIndexOf('.') + 1);
    if (name !== want.class)
      this.#check('errors', `throws ${name}: ${text}; PyTorch raises ${want.class}: ${first}`);
    else if (!text.includes(short) && !text.includes(snakeCase(short)))
      this.#check('errors', `the message of its ${name} does not name the op: ${text}`);
    else this.#check('errors');
  }

  #results(inputs: readonly EngineTensor[], result: unknown): void {
    const got = flattenResult(result);
    const want = this.#case.outputs!;
    if (got.length !== want.length) {
      this.#check('values', `returns ${got.length} results, PyTorch ${want.length}`);
      return;
    }
    if (this.#case.variant === 'inplace')
      this.#check(
        'aliasing',
        result === inputs[0] ? undefined : 'the in-place form does not return the tensor it changes',
      );
    want.forEach((one, k) => {
      this.#output(got[k], one, k, inputs);
    });
    if (this.#case.variant === 'method') this.#sameAsFunction(got);
  }

  #output(got: unknown, want: FixtureOutput, k: number, inputs: readonly EngineTensor[]): void {
    const what = `out${k}`;
    if ('python' in want) {
      this.#plain(got, want, what);
      return;
    }
    if (!isTensor(got)) {
      this.#check('values', `${what}: a tensor is wanted, got ${typeof got}`);
      return;
    }
    this.#check(
      'dtype',
      got.dtype.name === want.dtype ? undefined : `${what}: dtype is ${got.dtype.name}, want ${want.dtype}`,
    );
    const same = String(got.shape) === String(want.shape);
    this.#check('shape', same ? undefined : `${what}: shape is [${got.shape}], want [${want.shape}]`);
    if (!same) return;
    this.#geometry(got, want, what, inputs);
    const values = this.#fixtures.maybeArray(this.#op.name, `${this.#case.id}/${what}`);
    if (!values || got.dtype.name !== want.dtype) return;
    const found = arrayOf(got);
    const reference: ArrayValue = { dtype: want.dtype, shape: want.shape, data: values.data };
    const comparison = this.#compare('values', found, reference, what, this.#valueScale(reference));
    this.#text(got, want, comparison, what);
    this.#secondOpinion(found, k);
  }

  #valueScale(reference: ArrayValue): number {
    return valueScale(this.#op, this.#case, (name) => this.#array(name), reference);
  }

  #geometry(got: EngineTensor, want: TensorOutput, what: string, inputs: readonly EngineTensor[]): void {
    const shares = inputs.some((input) => input.storage === got.storage);
    const words = (is: boolean) => (is ? 'shares memory with an input' : 'has memory of its own');
    this.#check(
      'aliasing',
      shares === want.isView ? undefined : `${what} ${words(shares)}, in PyTorch it ${words(want.isView)}`,
    );
    if (!want.isView || got.numel() === 0) return;
    // The stride of a dim of one element means nothing.
    const differs = want.shape.some((size, dim) => size > 1 && got.strides[dim] !== want.strides[dim]);
    this.#check(
      'strides',
      differs ? `${what}: strides are [${got.strides}], want [${want.strides}]` : undefined,
    );
  }

  #plain(got: unknown, want: Exclude<FixtureOutput, TensorOutput>, what: string): void {
    const list = Array.isArray(got) || (typeof got === 'object' && got !== null) ? String(got) : got;
    const same = Object.is(list, want.value) || String(list) === String(want.value);
    this.#compared += 1;
    this.#check('values', same ? undefined : `${what}: got ${String(list)}, want ${String(want.value)}`);
  }

  /** Text is compared where the values are the same to the bit: else a last digit may rightly differ. */
  #text(got: EngineTensor, want: TensorOutput, comparison: Comparison, what: string): void {
    if (want.text === undefined || !comparison.ok || comparison.greatestUlp > 0 || comparison.signedZero > 0)
      return;
    // A leaf that was asked to require gradients says so; what was computed has no history here.
    const text = String(readable(got.isLeaf ? got : got.detach()));
    this.#check(
      'text',
      text === want.text ? undefined : `${what} prints\n${text}\nPyTorch prints\n${want.text}`,
    );
  }

  #secondOpinion(found: ArrayValue, k: number): void {
    const numpy = this.#fixtures.maybeArray(this.#op.name, `${this.#case.id}/np${k}`);
    if (!numpy || String(numpy.shape) !== String(found.shape)) return;
    const reference: ArrayValue = { dtype: found.dtype, shape: numpy.shape, data: numpy.data };
    this.#compare('numpy', found, reference, `out${k} against NumPy`, this.#valueScale(reference));
  }

  #sameAsFunction(got: readonly unknown[]): void {
    const { params, op } = this.#op;
    const bound = positional(params, this.#case.args, this.#case.kwargs, this.#inputs(false));
    const again = flattenResult(op.impl(...bound));
    const exact = { rtol: 0, atol: 0, signedZero: 'strict' } as const;
    again.forEach((one, k) => {
      const other = got[k];
      if (!isTensor(one) || !isTensor(other)) return;
      if (this.#fixtures.maybeArray(this.#op.name, `${this.#case.id}/out${k}`) === undefined) return;
      const { ok, message } = compareArrays(arrayOf(other), arrayOf(one), exact, { what: `out${k}` });
      this.#check('method', ok ? undefined : `the method differs from the function: ${message}`);
    });
  }

  /** No op may change an input, nor an in-place one what lies between the elements of its target. */
  #untouched(inputs: readonly EngineTensor[], failed: boolean): void {
    inputs.forEach((input, k) => {
      const target = this.#case.variant === 'inplace' && k === 0 && !failed;
      const before = this.#array(`in${k}`).data;
      const after = input.typed();
      const inside = target ? positionsOf(input) : undefined;
      const parts = input.dtype.isComplex ? 2 : 1;
      for (let i = 0; i < before.length; i += 1) {
        if (
          inside?.has(Math.floor(i / parts)) ||
          Object.is(before[i], after[i]) ||
          (Number.isNaN(before[i]) && Number.isNaN(after[i]))
        )
          continue;
        const where = target ? 'outside the tensor, in its storage' : 'of its storage';
        this.#check('inputs', `in${k} was changed: element ${i} ${where} is ${after[i]}, was ${before[i]}`);
        return;
      }
    });
    this.#checks.inputs ??= 'pass';
  }

  #gradients(): void {
    const wants = this.#case.gradients;
    if (wants.length === 0) return;
    const inputs = this.#inputs(true);
    const leaves = inputs.flatMap((input, k) => (input.requiresGrad ? [k] : []));
    let found: readonly (EngineTensor | null)[];
    try {
      // A leaf that takes a gradient may not be changed in place; PyTorch's recording cloned it too.
      const first = this.#case.variant === 'inplace' ? inputs[0]!.clone() : undefined;
      const outputs = flattenResult(this.#call(inputs, first));
      const taking = this.#takers(outputs);
      if (!taking) return;
      found =
        taking.length === 0
          ? leaves.map(() => null)
          : engine.autograd.grad(
              taking.map((k) => outputs[k] as EngineTensor),
              leaves.map((k) => inputs[k]!),
              {
                gradOutputs: taking.map((k) => tensorOf(this.#gradOutput(k))),
                allowUnused: true,
              },
            );
    } catch (error) {
      this.#check('gradients', `the gradient throws ${showError(error)}`);
      return;
    }
    leaves.forEach((k, at) => {
      this.#gradient(k, found[at] ?? null, wants[k]!);
    });
  }

  /** The outputs that take a gradient; undefined when they are not PyTorch's. */
  #takers(outputs: readonly unknown[]): number[] | undefined {
    const taking = outputs.flatMap((one, k) => (isTensor(one) && one.requiresGrad ? [k] : []));
    const want = this.#case.outputs!.flatMap((one, k) => ('grad' in one && one.grad ? [k] : []));
    if (String(taking) === String(want)) return taking;
    const list = (which: readonly number[]) => which.map((k) => `out${k}`).join(', ') || 'none';
    this.#check('gradients', `outputs that require grad: ${list(taking)}; in PyTorch ${list(want)}`);
    return undefined;
  }

  #gradient(k: number, got: EngineTensor | null, wanted: boolean): void {
    const what = `grad of in${k}`;
    if (got === null || !wanted) {
      const words = wanted ? 'is null, PyTorch gives one' : 'is there, PyTorch gives None';
      this.#check('gradients', (got !== null) === wanted ? undefined : `${what} ${words}`);
      return;
    }
    const input = this.#case.inputs[k]!;
    const want: ArrayValue = {
      dtype: input.dtype,
      shape: input.shape,
      data: this.#array(`gin${k}`).data as ArrayValue['data'],
    };
    const scale = gradientScale(this.#case, (name) => this.#array(name), want);
    this.#compare('gradients', arrayOf(got), want, what, scale);
  }

  #gradOutput(k: number): RecordedArray {
    const { dtype, shape } = this.#case.outputs![k] as TensorOutput;
    return { dtype, shape, data: this.#array(`gout${k}`).data };
  }

  #compare(
    check: 'values' | 'numpy' | 'gradients',
    got: ArrayValue,
    want: ArrayValue,
    what: string,
    scale: number,
  ): Comparison {
    const tolerance =
      check === 'numpy'
        ? secondOpinion(want.dtype)
        : toleranceFor(
            check === 'values' ? want.dtype : gradientDtype(this.#case, want.dtype),
            check,
            this.#op.tolerance,
            runDeviceType(),
          );
    const comparison = compareArrays(got, want, tolerance, { what, scale, ignoreDtype: check === 'numpy' });
    this.#compared += comparison.compared;
    this.#observe?.({ what, got, want, comparison });
    if (!comparison.ok) this.#worst ??= worstOf(comparison, what);
    this.#check(check, comparison.ok ? undefined : comparison.message);
    return comparison;
  }

  #array(name: string): ReturnType<Fixtures['array']> {
    return this.#fixtures.array(this.#op.name, `${this.#case.id}/${name}`);
  }

  /** Notes how a check came out: a problem, or none. */
  #check(name: string, problem?: string): void {
    if (problem === undefined) this.#checks[name] ??= 'pass';
    else {
      this.#checks[name] = 'fail';
      this.#problems.push(problem);
    }
  }
}

/** `vectorNorm` as Python spells it. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The storage positions of a tensor's elements. */
function positionsOf(tensor: EngineTensor): Set<number> {
  let found = [tensor.offset];
  tensor.shape.forEach((size, dim) => {
    found = found.flatMap((from) => Array.from({ length: size }, (_, i) => from + i * tensor.strides[dim]!));
  });
  return new Set(found);
}

function showError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
