// Binds a recorded call to a call of the engine: arguments by PyTorch's parameter names, inputs in their recorded
// layout.

import type { ArgSpec, Param } from 'torchstone';
import * as engine from 'torchstone';
import type { NpyArray } from 'torchstone/internals';
import { placed, readable } from '../runner/device.js';
import type { ArrayValue } from './compare.js';
import type { FixtureInput } from './manifest.js';
import { contiguousStrides, sizeOf } from './shapes.js';
import { isTensorSpec } from './tensor-specs.js';

const { Tensor } = engine;
/** A tensor of the engine. */
export type EngineTensor = InstanceType<typeof Tensor>;

/** The recorded call does not fit the op's parameters: the declaration is not PyTorch's. */
export class BindError extends Error {
  override readonly name = 'BindError';
}

/** The tensor of a recorded input: its base storage, viewed in the recorded layout. */
export function inputTensor(base: NpyArray, input: FixtureInput, requiresGrad = false): EngineTensor {
  const storage = engine.fromNumpy({
    data: base.data.slice(),
    shape: base.shape,
    strides: base.strides,
    dtype: input.dtype,
  } as Parameters<typeof engine.fromNumpy>[0]);
  const view = engine.noGrad(() =>
    placed(storage).asStrided([...input.shape], [...input.strides], input.offset),
  );
  return requiresGrad ? view.requiresGrad_() : view;
}

/** A tensor of an array in row-major order, in memory of its own. */
export function tensorOf(value: Pick<NpyArray, 'data' | 'shape'> & { readonly dtype: string }): EngineTensor {
  const strides = contiguousStrides(value.shape);
  return placed(
    engine.fromNumpy({ ...value, data: value.data.slice(), strides } as Parameters<
      typeof engine.fromNumpy
    >[0]),
  );
}

/** A tensor's values in row-major order. */
export function arrayOf(tensor: EngineTensor): ArrayValue {
  const seen = readable(engine.noGrad(() => tensor.detach().contiguous())).numpy();
  const shape = [...seen.shape];
  const size = sizeOf(shape) * (tensor.dtype.isComplex ? 2 : 1);
  return { dtype: tensor.dtype.name, shape, data: seen.data.slice(0, size) as ArrayValue['data'] };
}

/** Every argument of a recorded call in the order of the op's parameters, `undefined` where the default applies. */
export function positional(
  params: readonly Param[],
  args: readonly ArgSpec[],
  kwargs: Readonly<Record<string, ArgSpec>>,
  tensors: readonly unknown[],
): unknown[] {
  const next = tensors.values();
  const given = args.map((arg) => argumentValue(arg, next));
  const named = Object.entries(kwargs).map(([name, arg]) => [name, argumentValue(arg, next)] as const);
  const bound = new Array<unknown>(params.length).fill(undefined);
  const gathered = gather(params, given);
  if (gathered.length > params.length)
    throw new BindError(`${gathered.length} positional arguments for ${params.length} parameters`);
  gathered.forEach((value, at) => {
    bound[at] = value;
  });
  for (const [name, value] of named) {
    const at = params.findIndex((param) => param.name === name);
    if (at < 0)
      throw new BindError(`no parameter is named ${name} (${params.map((param) => param.name).join(', ')})`);
    if (at < gathered.length) throw new BindError(`${name} is given by position and by name`);
    bound[at] = value;
  }
  while (bound.length > 0 && bound.at(-1) === undefined) bound.pop();
  return bound;
}

/** The same call in the public form: positional parameters in order, keyword-only ones in a last options object. */
export function publicArguments(params: readonly Param[], bound: readonly unknown[]): unknown[] {
  const options: Record<string, unknown> = {};
  const plain: unknown[] = [];
  params.forEach((param, at) => {
    const value = bound[at];
    if (!param.keyword) plain.push(value);
    else if (value !== undefined) options[camelCase(param.name)] = value;
  });
  if (Object.keys(options).length > 0) return [...plain, options];
  while (plain.length > 0 && plain.at(-1) === undefined) plain.pop();
  return plain;
}

/** Results in PyTorch's order, nested ones flattened: tensors and plain values. */
export function flattenResult(result: unknown): unknown[] {
  if (result instanceof Tensor) return [result];
  if (Array.isArray(result)) return isSize(result) ? [result] : result.flatMap(flattenResult);
  if (typeof result === 'object' && result !== null) return Object.values(result).flatMap(flattenResult);
  return [result];
}

/** snake_case in JavaScript's spelling. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function isSize(list: readonly unknown[]): boolean {
  return list.length > 0 && list.every((one) => typeof one === 'number');
}

/** Sizes may be given one by one: `permute(2, 0, 1)` is `permute([2, 0, 1])`. So may a list that Python spreads: `block_diag(a, b)`. */
function gather(params: readonly Param[], given: readonly unknown[]): unknown[] {
  const plain = params.filter((param) => !param.keyword);
  const many = plain.findIndex((param) => param.variadic);
  if (many >= 0) {
    const rest = given.slice(many);
    const listed = rest.length === 1 && Array.isArray(rest[0]) && plain[many]!.kind === 'tensors';
    return listed ? [...given] : [...given.slice(0, many), rest];
  }
  const at = plain.findIndex((param) => param.kind === 'size' || param.kind === 'ints');
  const spread = at >= 0 && given.length > plain.length && typeof given[at] === 'number';
  return spread ? [...given.slice(0, at), given.slice(at)] : [...given];
}

function argumentValue(arg: ArgSpec, tensors: Iterator<unknown>): unknown {
  if (Array.isArray(arg)) return (arg as readonly ArgSpec[]).map((one) => argumentValue(one, tensors));
  if (typeof arg !== 'object' || arg === null) return arg;
  if (isTensorSpec(arg)) {
    const found = tensors.next();
    if (found.done) throw new BindError('the call names more tensors than were recorded');
    return found.value;
  }
  if ('special' in arg)
    return { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[arg.special];
  if ('dtype' in arg) return dtypeNamed(arg.dtype);
  throw new BindError(`unknown argument ${JSON.stringify(arg)}`);
}

function dtypeNamed(name: string): unknown {
  const found = (engine as Readonly<Record<string, unknown>>)[name];
  if (found === undefined) throw new BindError(`the engine has no dtype ${name}`);
  return found;
}
