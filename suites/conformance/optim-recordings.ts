// Recordings of PyTorch's optimizers and schedulers (fixtures/optim, made by suites/reference/make_optim.py), and the fixed
// problem that they were recorded on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import * as torch from 'torchstone';
import { type NpyArray, openNpz } from 'torchstone/internals';
import { packageRoot } from '../runner/machine.js';

/** The committed recordings; a live run has its own. */
export const optimFolder = (): string => join(packageRoot(), 'fixtures', 'optim');
export const RELOAD = 10;
/** Parameters that get gradients; those after them get none. */
export const WITH_GRAD = 2;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export interface Trajectory {
  readonly id: string;
  readonly source: string;
  readonly complex: boolean;
  readonly optimizer: string;
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly shapes: readonly (readonly number[])[];
  readonly form: 'plain' | 'two groups' | 'named';
  readonly repr: string;
  /** param_groups of the state dict after RELOAD steps. */
  readonly groups: readonly Readonly<Record<string, Json>>[];
  /** Parameter, name and shape of every tensor of the state: a row holds all parameters, then these. */
  readonly layout?: readonly (readonly [number, string, readonly number[]])[];
  /** LBFGS: the loss before each step, and the state after RELOAD steps. */
  readonly losses?: readonly number[];
  readonly state?: Readonly<Record<string, Json>>;
}
export type Precision = 'single' | 'double';

/** One file of a recording. */
export function readPacked<T>(name: string, folder = optimFolder()): T {
  return JSON.parse(gunzipSync(readFileSync(join(folder, `${name}.json.gz`))).toString('utf8')) as T;
}
export interface Arrays {
  has(key: string): boolean;
  get(key: string): NpyArray;
}
/** The arrays of a recording. */
export function arraysOf(name: string, folder = optimFolder()): Arrays {
  const npz = openNpz(readFileSync(join(folder, `${name}.npz`)));
  const names = new Set(npz.names);
  return { has: (key) => names.has(key), get: (key) => npz.read(key) };
}

/** A recorded hyperparameter: tensors are {"tensor": numbers, "dtype": name}. */
export function decoded(value: Json): unknown {
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  const { tensor, dtype } = value as { tensor?: number | number[]; dtype?: torch.DTypeName };
  if (tensor !== undefined) return torch.tensor(tensor, { dtype: dtype! });
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decoded(v as Json)]));
}
export function decodedKwargs(kwargs: Readonly<Record<string, Json>>): Record<string, unknown> {
  return decoded(kwargs) as Record<string, unknown>;
}

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function dtypeOf(precision: Precision, complex: boolean): torch.DType {
  if (complex) return precision === 'double' ? torch.complex128 : torch.complex64;
  return precision === 'double' ? torch.float64 : torch.float32;
}

/** Multiples of 1 / scale: exact in every dtype. */
function grid(n: number, a: number, b: number, modulus: number, scale: number): number[] {
  return Array.from({ length: n }, (_, i) => (((i * a + b) % modulus) - Math.floor(modulus / 2)) / scale);
}

/** A tensor of these numbers; complex ones are pairs of them. */
export function tensorOf(
  values: ArrayLike<number>,
  shape: readonly number[],
  dtype: torch.DType,
): torch.Tensor {
  const real = dtype.isComplex ? (dtype === torch.complex128 ? torch.float64 : torch.float32) : dtype;
  const flat = torch.tensor(Array.from(values), { dtype: real });
  return dtype.isComplex ? torch.viewAsComplex(flat.reshape([...shape, 2])) : flat.reshape([...shape]);
}

function filled(
  shape: readonly number[],
  dtype: torch.DType,
  ...numbers: [a: number, b: number, modulus: number, scale: number]
): torch.Tensor {
  return tensorOf(grid(size(shape) * (dtype.isComplex ? 2 : 1), ...numbers), shape, dtype);
}

export function parametersOf(shapes: Trajectory['shapes'], dtype: torch.DType): torch.Tensor[] {
  return shapes.map((s, k) => filled(s, dtype, 5, 3 * k, 11, 4).requiresGrad_());
}

export function setGradients(params: readonly torch.Tensor[], step: number): void {
  params.slice(0, WITH_GRAD).forEach((p, k) => {
    p.grad = filled(p.shape, p.dtype, 7, 13 * step + 5 * k, 17, 8);
  });
}

/** A quartic bowl, for optimizers that evaluate the loss. */
export function lossOf(params: readonly torch.Tensor[]): torch.Tensor {
  return params
    .slice(0, WITH_GRAD)
    .map((p, k) => {
      const flat = (p.dtype.isComplex ? torch.viewAsReal(p) : p).reshape([-1]);
      const n = flat.numel();
      const weight = torch.tensor(
        Array.from({ length: n }, (_, i) => ((i % 3) + 1) / 2),
        { dtype: flat.dtype },
      );
      const off = flat.sub(torch.tensor(grid(n, 3, k, 7, 4), { dtype: flat.dtype }));
      const square = off.mul(off);
      return square.mul(weight).sum().add(square.mul(off).mul(off).sum().div(8));
    })
    .reduce((a, b) => a.add(b));
}

export type OptimizerClass = new (params: torch.optim.Params, options?: object) => torch.optim.Optimizer;
export function optimizerClass(name: string): OptimizerClass {
  const found = (torch.optim as unknown as Record<string, OptimizerClass | undefined>)[name];
  if (found === undefined) throw new Error(`there is no optim.${name}`);
  return found;
}

export function optimizerOf(one: Trajectory, params: readonly torch.Tensor[]): torch.optim.Optimizer {
  const given: Record<Trajectory['form'], torch.optim.Params> = {
    plain: params,
    'two groups': [{ params: params.slice(0, 1), lr: 0.02 }, { params: params.slice(1) }],
    named: params.map((p, k) => [`p${k}`, p] as const),
  };
  return new (optimizerClass(one.optimizer))(given[one.form], decodedKwargs(one.kwargs));
}

/** The real numbers of a tensor or a number. */
export function numbersOf(value: unknown): number[] {
  if (!(value instanceof torch.Tensor)) return [Number(value)];
  const real = value.dtype.isComplex ? torch.viewAsReal(value) : value;
  return [real.detach().tolist()].flat(20) as number[];
}

/** @throws Error that says what differs */
export function differ(what: string, got: unknown, want: unknown): void {
  if (isDeepStrictEqual(got, want)) return;
  throw new Error(`${what}: ${JSON.stringify(got)}, PyTorch ${JSON.stringify(want)}`);
}
