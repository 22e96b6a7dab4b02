// Bounds of random numbers: what a dtype must hold. `requireBounds('randint', uint8, [['from', 0], ['to - 1', 255]])`.
import type { DType, DTypeName } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';

/** The greatest number of each dtype, and PyTorch's name of its C++ type. */
const types: Readonly<Partial<Record<DTypeName, readonly [least: number, most: number, cpp: string]>>> = {
  bool: [0, 1, 'bool'],
  uint8: [0, 255, 'unsigned char'],
  int8: [-128, 127, 'signed char'],
  int16: [-32768, 32767, 'short int'],
  int32: [-2147483648, 2147483647, 'int'],
  float16: [-65504, 65504, 'c10::Half'],
  bfloat16: [-3.3895313892515355e38, 3.3895313892515355e38, 'c10::BFloat16'],
  float32: [-3.4028234663852886e38, 3.4028234663852886e38, 'float'],
};

/** @throws RuntimeError where the dtype cannot hold a bound, named as PyTorch names it. */
export function requireBounds(
  op: string,
  dtype: DType,
  bounds: readonly (readonly [name: string, value: number])[],
): void {
  const known = types[dtype.name];
  if (known === undefined) return;
  const [least, most, cpp] = known;
  for (const [name, value] of bounds) {
    if (value >= least && value <= most) continue;
    const hint = `${name} is out of bounds for ${cpp}`;
    throw new RuntimeError(message(op, `bounds that ${dtype.name} can hold`, String(value), hint));
  }
}

/** @throws RuntimeError where the dtype cannot hold the distance between two bounds. */
export function requireSpan(op: string, dtype: DType, from: number, to: number): void {
  const known = types[dtype.name];
  if (!(to - from > (known?.[1] ?? Number.MAX_VALUE))) return;
  const hint = `${op} expects to-from <= std::numeric_limits<${dtype.title}>::max(), but found to=${to} and from=${from} which result in to-from to exceed the limit`;
  throw new RuntimeError(message(op, `bounds nearer than ${dtype.name} counts`, String(to - from), hint));
}
