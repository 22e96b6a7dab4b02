// Dtypes and PyTorch's promotion rules.
import type { Complex } from './complex.js';
import { ArgumentError, describe, message } from './errors.js';

export type DTypeName =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'complex64'
  | 'complex128';

/** An element type. Compare by identity: `x.dtype === float32`. */
export class DType {
  readonly name: DTypeName;
  /** The addon's code. */
  readonly code: number;
  readonly itemSize: number;
  /** For promotion, in rising order: 0 bool, 1 integer, 2 float, 3 complex. */
  readonly category: 0 | 1 | 2 | 3;
  /** PyTorch's name in messages: Float, Long. */
  readonly title: string;

  constructor(name: DTypeName, code: number, itemSize: number, category: 0 | 1 | 2 | 3, title: string) {
    this.name = name;
    this.code = code;
    this.itemSize = itemSize;
    this.category = category;
    this.title = title;
  }
  get isBool(): boolean {
    return this.category === 0;
  }
  /** The integers, without bool. */
  get isInteger(): boolean {
    return this.category === 1;
  }
  get isFloatingPoint(): boolean {
    return this.category === 2;
  }
  get isComplex(): boolean {
    return this.category === 3;
  }
  /** bool and the integers. */
  get isIntegral(): boolean {
    return this.category <= 1;
  }
  /** Floating or complex: what may require a gradient. NumPy's word. */
  get isInexact(): boolean {
    return this.category >= 2;
  }
  toString(): string {
    return `torch.${this.name}`;
  }
}

export const bool = new DType('bool', 0, 1, 0, 'Bool');
export const uint8 = new DType('uint8', 1, 1, 1, 'Byte');
export const int8 = new DType('int8', 2, 1, 1, 'Char');
export const int16 = new DType('int16', 3, 2, 1, 'Short');
export const int32 = new DType('int32', 4, 4, 1, 'Int');
export const int64 = new DType('int64', 5, 8, 1, 'Long');
export const float16 = new DType('float16', 6, 2, 2, 'Half');
export const bfloat16 = new DType('bfloat16', 7, 2, 2, 'BFloat16');
export const float32 = new DType('float32', 8, 4, 2, 'Float');
export const float64 = new DType('float64', 9, 8, 2, 'Double');
export const complex64 = new DType('complex64', 10, 8, 3, 'ComplexFloat');
export const complex128 = new DType('complex128', 11, 16, 3, 'ComplexDouble');

/** Every dtype, by the addon's code. */
export const dtypes: readonly DType[] = [
  bool,
  uint8,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128,
];

const byName = new Map<string, DType>(dtypes.map((d) => [d.name, d]));
for (const [alias, d] of [
  ['float', float32],
  ['double', float64],
  ['half', float16],
  ['cfloat', complex64],
  ['cdouble', complex128],
  ['long', int64],
  ['int', int32],
  ['short', int16],
] as const)
  byName.set(alias, d);

/** Whether both are bool, both integers, both floating or both complex. */
export function sameKind(a: DType, b: DType): boolean {
  return a.category === b.category;
}
/** Whether `a` is of a kind below that of `b`, in promotion's order: bool, integers, floating, complex. */
export function isLowerKind(a: DType, b: DType): boolean {
  return a.category < b.category;
}

/** The dtype of a complex dtype's parts; other dtypes are their own. */
export function partOf(d: DType): DType {
  return d.category < 3 ? d : d === complex64 ? float32 : float64;
}
/** The complex dtype whose parts hold `d`; there is none for the 16-bit floats, which take complex64. */
export function complexOf(d: DType): DType {
  return d.category === 3 ? d : d === float64 ? complex128 : d.category === 2 ? complex64 : defaultComplex();
}
/** What a program computes in for this dtype, before complex numbers are taken apart: the 16-bit floats take float32. */
export function computedIn(d: DType): DType {
  return d === float16 || d === bfloat16 ? float32 : d;
}

export type DTypeLike = DType | DTypeName;

/**
 * The dtype that a value names.
 * @throws ArgumentError where it names none.
 */
export function asDType(value: unknown, op = 'dtype'): DType {
  const found =
    value instanceof DType
      ? value
      : typeof value === 'string'
        ? byName.get(value.startsWith('torch.') ? value.slice(6) : value)
        : undefined;
  if (found === undefined) {
    throw new ArgumentError(
      message(op, `a dtype (one of ${[...dtypes].map((d) => d.name).join(', ')})`, describe(value)),
    );
  }
  return found;
}

let defaultFloat = float32;
/** The dtype of floating results that no input decides. */
export function getDefaultDtype(): DType {
  return defaultFloat;
}
/** Sets the default floating dtype. @throws ArgumentError when it is not floating. */
export function setDefaultDtype(value: DTypeLike): void {
  const d = asDType(value, 'setDefaultDtype');
  if (!d.isFloatingPoint) {
    throw new ArgumentError(message('setDefaultDtype', 'a floating dtype', d.name));
  }
  defaultFloat = d;
}

/** The dtype of complex results that no input decides. */
export function defaultComplex(): DType {
  return defaultFloat === float64 ? complex128 : complex64;
}

/** PyTorch's promotion of two dtypes (torch.promote_types). */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a.category < b.category) return promoteUp(a, b);
  if (a.category > b.category) return promoteUp(b, a);
  if (a.category === 1) {
    const [small, large] = a.itemSize <= b.itemSize ? [a, b] : [b, a];
    // uint8 with int8 is the one pair that neither side can hold.
    return small.itemSize === large.itemSize ? int16 : large;
  }
  if (a.itemSize === b.itemSize) return float32; // float16 with bfloat16
  return a.itemSize > b.itemSize ? a : b;
}

function promoteUp(low: DType, high: DType): DType {
  if (high.category === 3 && low === float64) return complex128;
  return high;
}

/** The result's category is the highest that takes part; a 0-d tensor or number only decides where it raises it. */
export function resultType(dimensioned: DType | null, zeroDim: DType | null, scalar: DType | null): DType {
  let result = dimensioned;
  if (zeroDim !== null) result = raise(result, zeroDim);
  if (scalar !== null) result = raise(result, scalar);
  return result ?? defaultFloat;
}

function raise(current: DType | null, weaker: DType): DType {
  if (current === null) return weaker;
  if (weaker.category <= current.category) return current;
  // A complex number or 0-d tensor keeps the width of floats: float32 and complex128 make complex64.
  return current.isFloatingPoint ? complexOf(current) : promoteTypes(current, weaker);
}

/** The weak dtype of a JavaScript value. A whole number is an integer where int64 holds it: 1e20 is a float, as in Python. */
export function scalarDType(value: number | bigint | boolean | Complex): DType {
  if (typeof value === 'number')
    return Number.isInteger(value) && value < 2 ** 63 && value >= -(2 ** 63) ? int64 : defaultFloat;
  if (typeof value === 'boolean') return bool;
  if (typeof value === 'bigint') return int64;
  return defaultComplex();
}

/** PyTorch's canCast: whether a result of `from` may be stored in-place into `to`. */
export function canCast(from: DType, to: DType): boolean {
  return from.category <= to.category || (from.category <= 1 && to.category === 1 && from !== bool);
}
