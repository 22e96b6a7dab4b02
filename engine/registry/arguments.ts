// Argument checks: each value of a call against the kind, choices and default of its parameter. `checkedArgument(op, param, value)`.
import { Complex } from '../core/complex.js';
import { asDType } from '../core/dtype.js';
import { ArgumentError, describe, message } from '../core/errors.js';
import { camelCase } from '../core/options.js';
import { Generator } from '../core/random.js';
import { isLarge, requireInt64 } from '../core/scalar.js';
import { Tensor } from '../core/tensor.js';
import type { Param, ParamKind } from './define.js';
import type { Choices } from './params.js';

interface Declared {
  readonly name: string;
  readonly params: readonly Param[];
}
type Body = (...args: unknown[]) => unknown;

/**
 * `body` behind the checks of its declaration. It takes its arguments one by one: a list of them, and its spreading, would be
 * most of what a small op costs.
 */
export function checkedCall<A extends readonly unknown[], R>(
  def: Declared,
  body: (...args: A) => R,
): (...args: A) => R {
  return fixedCall(def, body as unknown as Body) as unknown as (...args: A) => R;
}

function fixedCall(def: Declared, body: Body): Body {
  const op = def.name;
  const [p, q, r, s, t] = def.params as readonly [Param, Param, Param, Param, Param];
  switch (def.params.length) {
    case 1:
      return (a, ...more) => {
        refuse(def, more);
        return body(checkedArgument(op, p, a));
      };
    case 2:
      return (a, b, ...more) => {
        refuse(def, more);
        return body(checkedArgument(op, p, a), checkedArgument(op, q, b));
      };
    case 3:
      return (a, b, c, ...more) => {
        refuse(def, more);
        return body(checkedArgument(op, p, a), checkedArgument(op, q, b), checkedArgument(op, r, c));
      };
    case 4:
      return (a, b, c, d, ...more) => {
        refuse(def, more);
        return body(
          checkedArgument(op, p, a),
          checkedArgument(op, q, b),
          checkedArgument(op, r, c),
          checkedArgument(op, s, d),
        );
      };
    case 5:
      return (a, b, c, d, e, ...more) => {
        refuse(def, more);
        return body(
          checkedArgument(op, p, a),
          checkedArgument(op, q, b),
          checkedArgument(op, r, c),
          checkedArgument(op, s, d),
          checkedArgument(op, t, e),
        );
      };
    default:
      return (...args) => {
        refuse(def, args.slice(def.params.length));
        return body(...def.params.map((one, i) => checkedArgument(op, one, args[i])));
      };
  }
}

function refuse({ name, params }: Declared, more: readonly unknown[]): void {
  if (more.length === 0) return;
  const given = params.length + more.length;
  throw new ArgumentError(message(name, `at most ${params.length} arguments`, String(given)));
}

/** The value, or the default, of a parameter. @throws ArgumentError */
export function checkedArgument(op: string, p: Param, value: unknown): unknown {
  if (value === undefined) {
    if (p.default !== undefined) return p.default;
    throw new ArgumentError(message(op, `the argument '${camelCase(p.name)}'`, 'nothing'));
  }
  if (value !== null) return checkedArg(op, p, value);
  if (p.default === null) return null;
  const required =
    p.default === undefined
      ? `the argument '${camelCase(p.name)}'`
      : `'${camelCase(p.name)}' to be ${kindWords[p.kind]}`;
  throw new ArgumentError(message(op, required, 'null'));
}

function checkedArg(op: string, p: Param, value: unknown): unknown {
  switch (p.kind) {
    case 'tensor':
      if (value instanceof Tensor) return value;
      break;
    case 'tensorOrScalar':
      if (value instanceof Tensor) return value;
      if (isScalar(value)) return plainNumber(op, value);
      break;
    case 'tensorOrTensors':
      if (value instanceof Tensor || isTensors(value)) return value;
      break;
    case 'tensors':
      if (isTensors(value)) return value;
      break;
    case 'scalar':
      if (isScalar(value)) return plainNumber(op, value);
      break;
    case 'int':
      if (Number.isInteger(value)) return value;
      if (typeof value === 'bigint') return Number(value);
      break;
    case 'ints': {
      if (Number.isInteger(value)) return value;
      const list = intsOf(value);
      if (list !== null) return list;
      break;
    }
    case 'size': {
      const list = intsOf(value);
      if (list !== null) return list;
      if (Number.isInteger(value)) return [value];
      break;
    }
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
    case 'string':
      if (typeof value === 'string') return p.choices === undefined ? value : chosen(op, p, p.choices, value);
      break;
    case 'dtype':
      return asDType(value, op);
    case 'generator':
      if (value instanceof Generator) return value;
      break;
    case 'device':
    case 'any':
      return value;
  }
  throw new ArgumentError(message(op, `'${camelCase(p.name)}' to be ${kindWords[p.kind]}`, describe(value)));
}

/** @throws the error of the choices for a string that is none of them. */
function chosen(op: string, p: Param, { values, error, hint }: Choices, value: string): string {
  if (values.includes(value)) return value;
  const known = values.map((one) => `'${one}'`).join(', ');
  const required = `'${camelCase(p.name)}' to be one of ${known}`;
  throw new error(message(op, required, describe(value), hint?.(value, op)));
}

/** What each kind of parameter takes, in words. */
export const kindWords: Readonly<Record<ParamKind, string>> = {
  tensor: 'a Tensor',
  tensorOrScalar: 'a Tensor or a number',
  tensors: 'a list of Tensors',
  tensorOrTensors: 'a Tensor or a list of Tensors',
  scalar: 'a number',
  int: 'an integer',
  ints: 'an integer or a list of integers',
  size: 'a list of integers',
  bool: 'a boolean',
  string: 'a string',
  dtype: 'a dtype',
  device: 'a device',
  generator: 'a Generator',
  any: 'a value',
};

/** A bigint stays one only where a number would lose digits. @throws RuntimeError for one beyond int64 */
function plainNumber(op: string, v: unknown): unknown {
  if (typeof v !== 'bigint') return v;
  return isLarge(v) ? requireInt64(op, v) : Number(v);
}
function isScalar(v: unknown): boolean {
  return typeof v === 'number' || typeof v === 'boolean' || typeof v === 'bigint' || v instanceof Complex;
}
function isTensors(v: unknown): boolean {
  if (!Array.isArray(v)) return false;
  // Not `every`, which skips holes.
  for (let i = 0; i < v.length; i++) if (!(v[i] instanceof Tensor)) return false;
  return true;
}
/**
 * A list of integers as numbers, or null where it is none. Always a copy: what was checked is what is used, and no tensor shares
 * an array with a caller. Holes are no integers.
 */
function intsOf(v: unknown): readonly number[] | null {
  if (!Array.isArray(v)) return null;
  const list = new Array<number>(v.length);
  for (let i = 0; i < v.length; i++) {
    const x: unknown = v[i];
    if (typeof x === 'bigint') list[i] = Number(x);
    else if (Number.isInteger(x)) list[i] = x as number;
    else return null;
  }
  return list;
}
