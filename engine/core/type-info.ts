// What dtypes can hold, and what becomes of two of them: `finfo(float16).eps`, `iinfo('int8').max`, `canCast(int64, float32)`.
import { Complex } from './complex.js';
import {
  asDType,
  canCast as castable,
  type DType,
  type DTypeLike,
  getDefaultDtype,
  promoteTypes,
  resultType as resultOf,
  scalarDType,
} from './dtype.js';
import { ArgumentError, describe, message } from './errors.js';
import { type Scalar, Tensor } from './tensor.js';

/** The limits of a floating dtype; of a complex one those of its parts. */
export interface FInfo {
  readonly bits: number;
  /** The distance from 1 to the next number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The smallest number with full precision. */
  readonly smallestNormal: number;
  /** The same, under its older name. */
  readonly tiny: number;
  /** A power of ten: decimals that are surely right. */
  readonly resolution: number;
  readonly dtype: string;
  /** What PyTorch prints. */
  toString(): string;
}
/** The limits of an integer dtype; of int64 as bigints, which no number holds. */
export interface IInfo {
  readonly bits: number;
  readonly max: number | bigint;
  readonly min: number | bigint;
  readonly dtype: string;
  /** What PyTorch prints. */
  toString(): string;
}

// Bits, precision (with the leading one), exponent of the greatest power of two, decimals.
const FLOATS: Readonly<
  Record<string, readonly [bits: number, precision: number, most: number, decimals: number]>
> = {
  float16: [16, 11, 15, 3],
  bfloat16: [16, 8, 127, 2],
  float32: [32, 24, 127, 6],
  float64: [64, 53, 1023, 15],
};
const PARTS: Readonly<Record<string, string>> = { complex64: 'float32', complex128: 'float64' };

/** Six significant digits, ties to even, which JavaScript rounds up. */
function sixDigits(value: number): number {
  const [digits, exponent] = value.toExponential(6).split('e') as [string, string];
  const tie = Number(`${digits}e${exponent}`) === value && digits.endsWith('5');
  const even = tie && Number(digits.at(-2)) % 2 === 0;
  return Number(even ? `${digits.slice(0, -1)}e${exponent}` : value.toExponential(5));
}

/** A number as C++ streams print it. */
function short(value: number): string {
  const rounded = sixDigits(value);
  const size = Math.abs(rounded);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(rounded);
  const [digits, exponent] = rounded.toExponential().split('e') as [string, string];
  return `${digits}e${exponent.length < 3 ? `${exponent[0]}0${exponent[1]}` : exponent}`;
}

/**
 * The limits of a floating or complex dtype; without one, of the default dtype.
 * @throws TypeError for an integer dtype or bool
 * @see PyTorch: torch.finfo.
 */
export function finfo(type: DTypeLike = getDefaultDtype()): FInfo {
  const given = asDType(type, 'finfo');
  const name = PARTS[given.name] ?? given.name;
  const found = FLOATS[name];
  if (found === undefined) {
    const hint =
      "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'";
    throw new ArgumentError(message('finfo', 'a floating dtype', given.name, hint));
  }
  const [bits, precision, most, decimals] = found;
  const max = (2 - 2 ** (1 - precision)) * 2 ** most;
  const smallestNormal = 2 ** (1 - most);
  const info = { bits, eps: 2 ** (1 - precision), max, min: -max, smallestNormal, tiny: smallestNormal };
  const resolution = Number(`1e-${decimals}`);
  const text = `finfo(resolution=${short(resolution)}, min=${short(-max)}, max=${short(max)}, eps=${short(info.eps)}, smallest_normal=${short(smallestNormal)}, tiny=${short(smallestNormal)}, dtype=${name})`;
  return Object.freeze({ ...info, resolution, dtype: name, toString: () => text });
}

/**
 * The limits of an integer dtype.
 * @throws TypeError for a floating or complex dtype, and for bool
 * @see PyTorch: torch.iinfo.
 */
export function iinfo(type: DTypeLike): IInfo {
  const given = asDType(type, 'iinfo');
  if (!given.isInteger) {
    const hint = given.isBool
      ? 'torch.bool is not supported by torch.iinfo'
      : "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'";
    throw new ArgumentError(message('iinfo', 'an integer dtype', given.name, hint));
  }
  const bits = given.itemSize * 8;
  const signed = given.name !== 'uint8';
  const whole = (n: bigint): number | bigint => (bits === 64 ? n : Number(n));
  const max = whole(2n ** BigInt(signed ? bits - 1 : bits) - 1n);
  const min = whole(signed ? -(2n ** BigInt(bits - 1)) : 0n);
  const text = `iinfo(min=${short(Number(min))}, max=${short(Number(max))}, dtype=${given.name})`;
  return Object.freeze({ bits, max, min, dtype: given.name, toString: () => text });
}

/**
 * Whether results of one dtype may be stored in tensors of the other: never in those of a lower kind.
 * @see PyTorch: torch.can_cast.
 */
export function canCast(from: DTypeLike, to: DTypeLike): boolean {
  return castable(asDType(from, 'canCast'), asDType(to, 'canCast'));
}

/**
 * The dtype of arithmetic on two tensors or numbers.
 * @throws TypeError for anything else
 * @see PyTorch: torch.result_type.
 */
export function resultType(first: Tensor | Scalar, second: Tensor | Scalar): DType {
  const by: { whole: DType | null; single: DType | null; number: DType | null } = {
    whole: null,
    single: null,
    number: null,
  };
  for (const one of [first, second]) {
    const kind = !(one instanceof Tensor) ? 'number' : one.ndim > 0 ? 'whole' : 'single';
    const dtype = one instanceof Tensor ? one.dtype : scalarOf(one);
    by[kind] = by[kind] === null ? dtype : promoteTypes(by[kind], dtype);
  }
  return resultOf(by.whole, by.single, by.number);
}

function scalarOf(value: unknown): DType {
  if (['number', 'bigint', 'boolean'].includes(typeof value) || value instanceof Complex)
    return scalarDType(value as Scalar);
  throw new ArgumentError(message('resultType', 'tensors or numbers', describe(value)));
}

/** Whether a value is a Tensor. @see PyTorch: torch.is_tensor. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}
