// Scalars: one JavaScript value on its way into a dtype. `scalarAs('fill_', 300, uint8)` throws.
import { Complex } from './complex.js';
import { computedIn, type DType, type DTypeName } from './dtype.js';
import type { Scalar } from './element.js';
import { message, RuntimeError } from './errors.js';

type Range = readonly [least: number, most: number];

/** What a number may be to enter a dtype that cannot hold every number; infinities enter floats. */
const ranges: Readonly<Partial<Record<DTypeName, Range>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  int64: [-(2 ** 63), 2 ** 63 - 1024],
  float16: [-65504, 65504],
  bfloat16: [-3.3895313892515355e38, 3.3895313892515355e38],
  float32: [-3.4028234663852886e38, 3.4028234663852886e38],
  complex64: [-3.4028234663852886e38, 3.4028234663852886e38],
};

/** The names of C++ types, as they stand in PyTorch's texts. */
const cppNames: Readonly<Partial<Record<DTypeName, string>>> = {
  int32: 'int',
  float16: 'c10::Half',
  bfloat16: 'c10::BFloat16',
  float32: 'float',
  float64: 'double',
  complex64: 'c10::complex<float>',
};

/** The name of a dtype's C++ type in PyTorch's texts. */
export function cppName(dtype: DType): string {
  return cppNames[dtype.name] ?? `${dtype.name}_t`;
}

/** The bounds of a dtype's numbers; null where every number enters. */
export function rangeOf(dtype: DType): Range | null {
  return ranges[dtype.name] ?? null;
}

/** A number as it wraps in an integer dtype. Only whole ones are changed. */
export function wrapped(value: number, dtype: DType): number {
  if (!Number.isInteger(value)) return value;
  const bits = 8 * dtype.itemSize;
  return Number(
    dtype.name === 'uint8' ? BigInt.asUintN(bits, BigInt(value)) : BigInt.asIntN(bits, BigInt(value)),
  );
}

/** Whether a bigint is beyond the numbers that JavaScript counts exactly. */
export function isLarge(value: Scalar): value is bigint {
  return typeof value === 'bigint' && !Number.isSafeInteger(Number(value));
}

/** @throws RuntimeError for a bigint that int64 cannot hold. */
export function requireInt64(op: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new RuntimeError(
    message(op, 'an integer of 64 bits', String(value), 'Overflow when unpacking long long'),
  );
}

/** @throws RuntimeError where a real number cannot enter a dtype. As PyTorch, a whole negative number wraps in uint8. */
export function requireFits(op: string, dtype: DType, value: number | bigint, type?: string): void {
  const range = ranges[dtype.name];
  if (range === undefined) return;
  const [least, most] = range;
  if (value >= least && value <= most) return;
  if (dtype.isInteger) {
    if (dtype.name === 'uint8' && value < 0 && value >= -most && Number.isInteger(Number(value))) return;
    if (typeof value === 'bigint' && dtype.name === 'int64') {
      requireInt64(op, value);
      return;
    }
  } else if (!Number.isFinite(Number(value))) return;
  // PyTorch checks integers here, and rounds other numbers to infinity.
  else if (computedIn(dtype) !== dtype && !Number.isInteger(Number(value))) return;
  throw overflow(op, dtype, value, type);
}

function overflow(op: string, dtype: DType, value: Scalar, type?: string): RuntimeError {
  const name = type ?? cppName(dtype);
  const hint = `value cannot be converted to type ${name} without overflow`;
  return new RuntimeError(message(op, `a value that ${dtype.name} can hold`, String(value), hint));
}

/** The value as one of the dtype: whole in integers, 0 or 1 in bool. @throws RuntimeError where it does not fit, as PyTorch. */
export function scalarAs(op: string, value: Scalar, dtype: DType): number | bigint | Complex {
  if (value instanceof Complex) {
    if (dtype.isBool) return value.re !== 0 || value.im !== 0 ? 1 : 0;
    if (dtype.isComplex) {
      requireFits(op, dtype, value.re);
      requireFits(op, dtype, value.im);
      return value;
    }
    if (value.im !== 0) throw overflow(op, dtype, value);
    return scalarAs(op, value.re, dtype);
  }
  if (dtype.isBool) return Number(value) !== 0 ? 1 : 0;
  if (typeof value === 'boolean') return Number(value);
  requireFits(op, dtype, value);
  if (isLarge(value)) return dtype.isInexact ? Number(value) : value;
  return dtype.isInteger ? Math.trunc(Number(value)) : Number(value);
}

/** @throws RuntimeError where a number of nested data does not fit an integer dtype; PyTorch names the dtype here, not C++'s type. */
export function requireDataFits(op: string, dtype: DType, value: Scalar): void {
  if (!dtype.isInteger || typeof value === 'boolean' || value instanceof Complex) return;
  requireFits(op, dtype, value, dtype.name);
}
