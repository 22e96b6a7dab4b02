// Functions of tensors as problems of flat arrays. Only the engine's public API.
import * as engine from 'torchstone';
import { type EngineTensor, tensorOf } from '../common/bind.js';
import { sizeOf } from '../common/shapes.js';
import { readable } from '../runner/device.js';
import { checkProblem } from './check.js';
import type { CheckOptions } from './context.js';
import { checkForward } from './forward.js';
import { generator, type Problem, weightsOf } from './problem.js';
import type { GradcheckReport, Kind } from './report.js';

const { Tensor } = engine;

/** A function of tensors that returns a tensor, or several. */
export type TensorFunction = (...inputs: EngineTensor[]) => EngineTensor | readonly EngineTensor[];

/** How `gradcheck` checks. */
export interface GradcheckOptions extends CheckOptions {
  /** 2 (the default) also checks the gradient of the gradient; 1 does not. */
  readonly order?: 1 | 2;
  /** Whether to check forward mode too; the default. */
  readonly forward?: boolean;
  /** Which inputs to differentiate; default: every floating and complex one. */
  readonly wrt?: readonly number[];
}

/** The function or its inputs cannot be checked at all. */
export class GradcheckError extends Error {
  override readonly name = 'GradcheckError';
}

/**
 * Holds the gradients of `fn` at `inputs` against central differences in float64: the gradient, forward mode, and the gradient's own
 * gradient. Inputs are copied, floating ones to float64, complex ones to pairs of it; the rest are passed as they are. Never throws for
 * a wrong gradient: that is what the report says.
 * @throws GradcheckError when there is nothing to differentiate, or `fn` returns no floating tensor.
 */
export function gradcheck(
  fn: TensorFunction,
  inputs: readonly EngineTensor[],
  options: GradcheckOptions = {},
): GradcheckReport {
  const point = new Point(fn, inputs, options.wrt);
  const first = guarded('gradient', () => checkProblem(point.problem(), 1, options));
  // At a kink that the tie rule decided there is no second derivative, and none along a direction.
  if (first.verdict !== 'pass' || first.tied > 0) return first;
  const forward =
    options.forward === false
      ? undefined
      : guarded('forward', () =>
          checkForward(point.problem(), { ...options, seed: (options.seed ?? 0) + 2 }),
        );
  const second = options.order === 1 ? undefined : secondOrder(point, options);
  const parts = [forward, second].filter((one) => one !== undefined);
  const short = parts.find((one) => one.verdict !== 'pass');
  return {
    ...first,
    verdict: short?.verdict ?? 'pass',
    message: short?.message ?? [first, ...parts].map((one) => one.message).join('\n'),
    ...(forward ? { forward } : {}),
    ...(second ? { second } : {}),
  };
}

function secondOrder(point: Point, options: GradcheckOptions): GradcheckReport | undefined {
  // A tie rule is about the function: its derivative has jumps where that has kinks.
  const { ties: _, ...plain } = options;
  return guarded('second', () => {
    const backward = point.backward((options.seed ?? 0) + 1);
    return backward && checkProblem(backward.problem(), 2, plain);
  });
}

/** A backward pass that throws is a wrong gradient, not a broken check. */
function guarded<R extends GradcheckReport | undefined>(kind: Kind, check: () => R): R | GradcheckReport {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof BackwardError)) throw error;
    const message = `${kind === 'forward' ? 'forward mode' : 'the backward pass'} throws: ${error.message}`;
    return {
      ...{
        verdict: 'fail',
        kind,
        order: kind === 'second' ? 2 : 1,
        mode: 'jacobian',
        compared: 0,
        failed: 1,
      },
      ...{ inconclusive: 0, kinks: 0, tied: 0, none: [] },
      message,
    };
  }
}

class BackwardError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** A function at a point: its inputs as arrays, its outputs' shapes. */
class Point {
  readonly #fn: TensorFunction;
  readonly #inputs: readonly EngineTensor[];
  readonly #wrt: readonly number[];

  constructor(fn: TensorFunction, inputs: readonly EngineTensor[], wrt?: readonly number[]) {
    this.#fn = fn;
    this.#inputs = inputs;
    this.#wrt = wrt ?? inputs.flatMap((one, at) => (one.isFloatingPoint() || one.isComplex() ? [at] : []));
    if (this.#wrt.length === 0)
      throw new GradcheckError('no input is a floating or complex tensor: there is nothing to differentiate');
  }

  problem(): Problem {
    const parts = this.#wrt.map((at) => realParts(this.#inputs[at]!));
    const arrays = parts.map(toArray);
    const shapes = parts.map((one) => [...one.shape]);
    const outputs = engine.noGrad(() => this.#call(arrays.map((one, k) => leaf(one, shapes[k]!))));
    const outputShapes = outputs.map((one) => [...one.shape]);
    return {
      inputs: arrays,
      inputShapes: shapes,
      outputShapes,
      labels: this.#wrt,
      evaluate: (moved) =>
        concatenate(
          engine.noGrad(() => this.#call(moved.map((one, k) => leaf(one, shapes[k]!)))).map(toArray),
        ),
      gradients: (weights) => this.#gradients(arrays, shapes, outputShapes, weights),
      forward: (direction) => this.#forward(arrays, shapes, direction),
    };
  }

  /** The same function's backward pass, as a function of its inputs and grad_outputs; undefined when it has no gradient. */
  backward(seed: number): Point | undefined {
    const arrays = this.#wrt.map((at) => realParts(this.#inputs[at]!));
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
        if (!outputs.some((one) => one.requiresGrad)) return [];
        return pulled(outputs, inputs, given.slice(count), true);
      });
      // None has no gradient of its own.
      return grads.filter((one) => one !== null);
    };
    const point = new Point(fn, [...arrays, ...weights]);
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
    if (!outputs.some((one) => one.requiresGrad)) return inputs.map(() => null);
    return pulled(outputs, inputs, pieces, false).map((one) => (one === null ? null : toArray(one)));
  }

  /** J·v in forward mode, all outputs in one. */
  #forward(
    arrays: readonly Float64Array[],
    shapes: readonly (readonly number[])[],
    direction: Float64Array,
  ): Float64Array {
    const primals = arrays.map((one, k) => leaf(one, shapes[k]!));
    // Called first by itself: what the function throws is not forward mode's.
    engine.noGrad(() => this.#call(primals));
    try {
      const [, pushed] = engine.func.jvp(
        (...given: EngineTensor[]) => this.#call(given),
        primals,
        split(direction, shapes),
      );
      return concatenate(pushed.map(toArray));
    } catch (error) {
      throw new BackwardError(error);
    }
  }

  /** The floating outputs of the function, complex ones as pairs, with these inputs in the differentiated places. */
  #call(differentiated: readonly EngineTensor[]): EngineTensor[] {
    const all = this.#inputs.map((one) => one);
    this.#wrt.forEach((at, k) => {
      const complex = this.#inputs[at]!.isComplex();
      all[at] = complex ? engine.viewAsComplex(differentiated[k]!) : differentiated[k]!;
    });
    const result = this.#fn(...all);
    const outputs = result instanceof Tensor ? [result] : result;
    if (!Array.isArray(outputs) || !outputs.every((one) => one instanceof Tensor))
      throw new GradcheckError(
        `the function must return a tensor or an array of tensors, it returned ${nameOf(result)}`,
      );
    const floating = outputs
      .map((one) => (one.isComplex() ? engine.viewAsReal(one) : one))
      .filter((one) => one.isFloatingPoint());
    if (outputs.length > 0 && floating.length === 0)
      throw new GradcheckError(
        `the function returns ${outputs[0]!.dtype.name} only: there is no gradient to check`,
      );
    return floating;
  }
}

/** The gradients of the inputs under these grad_outputs. @throws BackwardError where a backward throws, or changes what it is given */
function pulled(
  outputs: readonly EngineTensor[],
  inputs: readonly EngineTensor[],
  gradOutputs: readonly EngineTensor[],
  createGraph: boolean,
): (EngineTensor | null)[] {
  const taking = outputs.flatMap((one, at) => (one.requiresGrad ? [at] : []));
  const given = taking.map((at) => gradOutputs[at]!);
  const versions = given.map((one) => one.version);
  let found: (EngineTensor | null)[];
  try {
    found = engine.autograd.grad(
      taking.map((at) => outputs[at]!),
      [...inputs],
      { gradOutputs: given, createGraph, allowUnused: true },
    );
  } catch (error) {
    throw new BackwardError(error);
  }
  if (given.some((one, k) => one.version !== versions[k]))
    throw new BackwardError('it changes its grad_output in place, which others may read too');
  return found;
}

/** A fresh float64 tensor in memory of its own. */
function leaf(data: Float64Array, shape: readonly number[]): EngineTensor {
  return tensorOf({ data, shape: [...shape], dtype: 'float64' });
}

/** A complex tensor as pairs of real numbers, in a last dim of two: that is what differences are taken in. */
function realParts(tensor: EngineTensor): EngineTensor {
  const { complex128 } = engine;
  return engine.noGrad(() =>
    tensor.isComplex() ? engine.viewAsReal(tensor.detach().to(complex128)) : tensor.detach(),
  );
}

function toArray(tensor: EngineTensor): Float64Array {
  const seen = readable(engine.noGrad(() => tensor.detach().to(engine.float64).contiguous())).numpy();
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

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : `a ${typeof value}`;
}
