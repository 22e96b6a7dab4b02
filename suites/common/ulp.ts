// Distances between floating-point values in units in the last place (ULP).

const float64 = new Float64Array(2);
const words = new Uint32Array(float64.buffer);
const float32 = new Float32Array(2);
const bits32 = new Uint32Array(float32.buffer);
const SIGN = 0x8000_0000;

/**
 * How many representable values of `dtype` lie between two finite values; 0 for equal ones, −0 and 0 included.
 * NaN for a dtype that has no ulps, and where either value is not finite.
 */
export function ulpDistance(a: number, b: number, dtype: string): number {
  if (a === b) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.NaN;
  switch (dtype) {
    case 'float64':
    case 'complex128':
      return distance64(a, b);
    case 'float32':
    case 'complex64':
      return Math.abs(ordinal32(a, 0) - ordinal32(b, 1));
    case 'bfloat16':
      return Math.abs(ordinal32(a, 0) - ordinal32(b, 1)) / 65_536;
    case 'float16':
      return Math.abs(ordinal16(a) - ordinal16(b));
    default:
      return Number.NaN;
  }
}

/**
 * How far a result lies from the truth, in units of the last place that `dtype` has there: at most a half for a rounded truth.
 * NaN where the result is not finite. The truth is a normal number of the dtype, or 0.
 */
export function ulpError(got: number, truth: number, dtype: 'float32' | 'float64'): number {
  if (!Number.isFinite(got)) return Number.NaN;
  const least = dtype === 'float32' ? -126 : -1022;
  const exponent = truth === 0 ? least : Math.max(least, Math.floor(Math.log2(Math.abs(truth))));
  const ulp = epsilonOf(dtype) * 2 ** exponent;
  return Math.abs(got - truth) / ulp;
}

/** The machine epsilon of a floating dtype, 0 for the others. */
export function epsilonOf(dtype: string): number {
  switch (dtype) {
    case 'float64':
    case 'complex128':
      return 2 ** -52;
    case 'float32':
    case 'complex64':
      return 2 ** -23;
    case 'float16':
      return 2 ** -10;
    case 'bfloat16':
      return 2 ** -7;
    default:
      return 0;
  }
}

// Two words a value: the difference of the halves is exact where it is small, which is where it matters.
function distance64(a: number, b: number): number {
  float64[0] = a;
  float64[1] = b;
  const signA = (words[1]! & SIGN) !== 0 ? -1 : 1;
  const signB = (words[3]! & SIGN) !== 0 ? -1 : 1;
  const high = signA * (words[1]! & 0x7fff_ffff) - signB * (words[3]! & 0x7fff_ffff);
  const low = signA * words[0]! - signB * words[2]!;
  return Math.abs(high * 2 ** 32 + low);
}

function ordinal32(value: number, slot: 0 | 1): number {
  float32[slot] = value;
  const bits = bits32[slot]!;
  return (bits & SIGN) !== 0 ? -(bits & 0x7fff_ffff) : bits;
}

function ordinal16(value: number): number {
  const size = Math.abs(value);
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const steps = size / 2 ** (exponent - 10) + (exponent + 14) * 1024;
  return value < 0 ? -steps : steps;
}
