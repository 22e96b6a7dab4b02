// Constructor arguments of layers: positional in PyTorch's order, any of them named in one trailing options object, checked as
// those of ops are. `const read = signature<Args>('Linear', [int('in_features'), …]); const { inFeatures } = read(args);`
import type { DeviceLike } from '../core/device.js';
import type { DTypeLike } from '../core/dtype.js';
import { ArgumentError, describe, message } from '../core/errors.js';
import { camelCase } from '../core/options.js';
import { pythonType } from '../format/python-text.js';
import { checkedArgument } from '../registry/arguments.js';
import { bindCall } from '../registry/calls.js';
import type { Param } from '../registry/define.js';
import { oneOf } from '../registry/params.js';

/** Where and of which dtype a layer makes its parameters. */
export interface FactoryOptions {
  /** Default: the default device. */
  device?: DeviceLike | null;
  /** Default: the default dtype. */
  dtype?: DTypeLike | null;
}

/** The optional arguments `Names` of a constructor, in this order; an options object may stand for those that are left. */
export type Rest<O, Names extends readonly (keyof O)[]> = { [I in keyof Names]?: O[Names[I] & keyof O] | O };

/** Reads the arguments of a constructor. @throws TypeError for unknown, surplus or missing ones and for wrong kinds */
export type Signature<T> = (args: readonly unknown[]) => T;

export function signature<T>(name: string, params: readonly Param[]): Signature<T> {
  const callee = { name, params };
  const keys = params.map((p) => camelCase(p.name));
  return (args) => {
    // What stands behind the last argument given is not there, as in a call.
    let count = args.length;
    while (count > 0 && args[count - 1] === undefined) count -= 1;
    const values = bindCall(callee, args.slice(0, count), count);
    const found: Record<string, unknown> = {};
    params.forEach((p, i) => {
      const value = checkedArgument(name, p, values[i]);
      if (p.kind === 'scalar' && value !== null && typeof value !== 'number') {
        const hint = `${p.name} must be a float or int, got: ${pythonType(value)}`;
        throw new ArgumentError(message(name, `'${keys[i]}' to be a number`, describe(value), hint));
      }
      found[keys[i]!] = value;
    });
    return found as T;
  };
}

export const tensor = (name: string): Param => ({ name, kind: 'tensor', default: null });
export const int = (name: string, value?: number | null): Param => parameter(name, 'int', value);
export const ints = (name: string, value?: number | null): Param => parameter(name, 'ints', value);
export const float = (name: string, value?: number | null): Param => parameter(name, 'scalar', value);
export const flag = (name: string, value: boolean): Param => ({ name, kind: 'bool', default: value });
export const text = (name: string, value: string, values?: readonly string[]): Param =>
  values === undefined
    ? { name, kind: 'string', default: value }
    : { name, kind: 'string', default: value, choices: oneOf(values) };
export const anything = (name: string, value?: null): Param => parameter(name, 'any', value);
export const factory: readonly Param[] = [
  { name: 'device', kind: 'device', default: null },
  { name: 'dtype', kind: 'dtype', default: null },
];
export const keyword = (param: Param): Param => ({ ...param, keyword: true });

function parameter(name: string, kind: Param['kind'], value: number | null | undefined): Param {
  return value === undefined ? { name, kind } : { name, kind, default: value };
}

/** One value for each dim: a number stands for all. @throws TypeError for a list of another length */
export function perDim(
  op: string,
  name: string,
  value: number | readonly number[],
  dims: number,
): readonly number[] {
  if (typeof value === 'number') return new Array<number>(dims).fill(value);
  if (value.length !== dims)
    throw new ArgumentError(message(op, `'${name}' to be one integer or ${dims}`, `${value.length} of them`));
  return value;
}
