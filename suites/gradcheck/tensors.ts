// Owns the gradient check of functions of tensors: it turns them into problems of flat arrays. Only the engine's public API.
import * as engine from '../../engine/index.js';
import type { EngineTensor } from '../bind.js';
import { type CheckOptions, checkProblem, generator, type Problem, weightsOf } from './check.js';
import type { GradcheckReport } from './report.js';

const { Tensor } = engine;

/** A function of tensors that returns a tensor, or several. */
export type TensorFunction = (...inputs: EngineTensor[]) => EngineTensor | readonly EngineTensor[];

/** How `gradcheck` checks. */
export interface GradcheckOptions extends CheckOptions {
  /** 2 (the default) also checks the gradient of the gradient; 1 does not. */
  readonly order?: 1 | 2;
  /** Which inputs to differentiate; default: every floating one. */
  readonly wrt?: readonly number[];
}

/** The function or its inputs cannot be checked at all. */
export class GradcheckError extends Error {
  override readonly name = 'GradcheckError';
}

/**
 * Holds the gradients of `fn` at `inputs` against central differences in float64. Inputs are copied, floating ones to float64;
 * the rest are passed as they are. Never throws for a wrong gradient: that is what the report says.
 * @throws GradcheckError when there is nothing to differentiate, or `fn` returns no floating tensor.
 */
export function gradcheck(
  fn: TensorFunction,
  inputs: readonly EngineTensor[],
  options: GradcheckOptions = {},
): GradcheckReport {
  const point = new Point(fn, inputs, options.wrt);
  const first = guarded(() => checkProblem(point.problem(), 1, options));
  if (options.order === 1 || first.verdict !== 'pass') return first;
  const seed = (options.seed ?? 0) + 1;
  const backward = point.backward(seed);
  if (!backward) return first;
  const second = guarded(() => checkProblem(backward.problem(), 2, options));
  const verdict = second.verdict;
  const message = verdict === 'pass' ? `${first.message}\n${second.message}` : second.message;
  return { ...first, verdict, message, second };
}

/** A backward pass that throws is a wrong gradient, not a broken check. */
function guarded(check: () => GradcheckReport): GradcheckReport {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof BackwardError)) throw error;
    const message = `the backward pass throws: ${error.message}`;
    return {
      verdict: 'fail',
      order: error.order,
      mode: 'jacobian',
      compared: 0,
      failed: 1,
      inconclusive: 0,
      message,
    };
  }
}

class BackwardError extends Error {
  readonly order: 1 | 2;
  constructor(order: 1 | 2, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.order = order;
  }
}

/** A function at a point: its inputs as arrays, its outputs' shapes. */
class Point {
  readonly #fn: TensorFunction;
  readonly #inputs: readonly EngineTensor[];
  readonly #wrt: readonly number[];
  readonly #order: 1 | 2;

  constructor(
    fn: TensorFunction,
    inputs: readonly EngineTensor[],
    wrt?: readonly number[],
    order: 1 | 2 = 1,
  ) {
    this.#fn = fn;
    this.#inputs = inputs;
    this.#wrt = wrt ?? inputs.flatMap((one, at) => (one.isFloatingPoint() ? [at] : []));
    this.#order = order;
    if (this.#wrt.length === 0)
      throw new GradcheckError('no input is a floating tensor: there is nothing to differentiate');
  }

  problem(): Problem {
    const arrays = this.#wrt.map((at) => toArray(this.#inputs[at]!));
    const shapes = this.#wrt.map((at) => [...this.#inputs[at]!.shape]);
    const outputs = engine.noGrad(() => this.#call(arrays.map((one, k) => leaf(one, shapes[k]!))));
    const outputShapes = outputs.map((one) => [...one.shape]);
    return {
      inputs: arrays,
      inputShapes: shapes,
      outputShapes,
      evaluate: (moved) =>
        concatenate(
          engine.noGrad(() => this.#call(moved.map((one, k) => leaf(one, shapes[k]!)))).map(toArray),
        ),
      gradients: (weights) => this.#gradients(arrays, shapes, outputShapes, weights),
    };
  }

  /** The same function's backward pass, as a function of its inputs and grad_outputs; undefined when it has no gradient. */
  backward(seed: number): Point | undefined {
    const arrays = this.#wrt.map((at) => this.#inputs[at]!.detach());
    const shapes = engine
      .noGrad(() => this.#call(arrays.map((one) => leaf(toArray(one), [...one.shape]))))
      .map((one) => [...one.shape]);
    const random = generator(seed);
    const weights = shapes.map((shape) => leaf(weightsOf(sizeOf(shape), random), shape));
    const count = arrays.length;
    const fn: TensorFunction = (...given) => {
      const inputs = given
        .slice(0, count)
        .map((one) => (one.requiresGrad ? one : one.detach().requiresGrad_()));
      const grads = engine.enableGrad(() => {
        const outputs = this.#call(inputs);
        const taking = outputs.flatMap((one, at) => (one.requiresGrad ? [at] : []));
        if (taking.length === 0) return [];
        return engine.autograd.grad(
          taking.map((at) => outputs[at]!),
          inputs,
          {
            gradOutputs: taking.map((at) => given[count + at]!),
            createGraph: true,
            allowUnused: true,
          },
        );
      });
      return grads.map(
        (one, at) => one ?? leaf(new Float64Array(inputs[at]!.numel()), [...inputs[at]!.shape]),
      );
    };
    const point = new Point(fn, [...arrays, ...weights], undefined, 2);
    const outputs = fn(...[...arrays, ...weights].map((one) => leaf(toArray(one), [...one.shape])));
    return Array.isArray(outputs) && outputs.length === 0 ? undefined : point;
  }

  #gradients(
    arrays: readonly Float64Array[],
    shapes: readonly (readonly number[])[],
    outputShapes: readonly (readonly number[])[],
    weights: Float64Array,
  ): (Float64Array | null)[] {
    const inputs = arrays.map((one, k) => leaf(one, shapes[k]!).requiresGrad_());
    const outputs = this.#call(inputs);
    const pieces = split(weights, outputShapes);
    const taking = outputs.flatMap((one, at) => (one.requiresGrad ? [at] : []));
    if (taking.length === 0) return inputs.map(() => null);
    try {
      const found = engine.autograd.grad(
        taking.map((at) => outputs[at]!),
        inputs,
        {
          gradOutputs: taking.map((at) => pieces[at]!),
          allowUnused: true,
        },
      );
      return found.map((one) => (one === null ? null : toArray(one)));
    } catch (error) {
      throw new BackwardError(this.#order, error);
    }
  }

  /** The floating outputs of the function with these inputs in the differentiated places. */
  #call(differentiated: readonly EngineTensor[]): EngineTensor[] {
    const all = this.#inputs.map((one) => one);
    this.#wrt.forEach((at, k) => {
      all[at] = differentiated[k]!;
    });
    const result = this.#fn(...all);
    const outputs = result instanceof Tensor ? [result] : result;
    if (!Array.isArray(outputs) || !outputs.every((one) => one instanceof Tensor))
      throw new GradcheckError(
        `the function must return a tensor or an array of tensors, it returned ${nameOf(result)}`,
      );
    const floating = outputs.filter((one) => one.isFloatingPoint());
    if (outputs.length > 0 && floating.length === 0)
      throw new GradcheckError(
        `the function returns ${outputs[0]!.dtype.name} only: there is no gradient to check`,
      );
    return floating;
  }
}

/** A fresh float64 tensor in memory of its own. */
function leaf(data: Float64Array, shape: readonly number[]): EngineTensor {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    strides[dim] = step;
    step *= Math.max(1, shape[dim]!);
  }
  return engine.fromNumpy({ data: data.slice(), shape: [...shape], strides, dtype: 'float64' });
}

function toArray(tensor: EngineTensor): Float64Array {
  const seen = engine.noGrad(() => tensor.detach().to(engine.float64).contiguous()).numpy();
  return Float64Array.from(seen.data.slice(0, tensor.numel()) as ArrayLike<number>);
}

function split(weights: Float64Array, shapes: readonly (readonly number[])[]): EngineTensor[] {
  let from = 0;
  return shapes.map((shape) => {
    const piece = leaf(weights.slice(from, from + sizeOf(shape)), shape);
    from += sizeOf(shape);
    return piece;
  });
}

function concatenate(arrays: readonly Float64Array[]): Float64Array {
  if (arrays.length === 1) return arrays[0]!;
  const all = new Float64Array(arrays.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of arrays) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, one) => product * one, 1);
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : `a ${typeof value}`;
}
