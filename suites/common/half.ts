// 16-bit floats as numbers: halfToNumber(0x3c00) is 1, brainToNumber(0x3f80) is 1.

/** IEEE binary16 as a number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new Uint32Array(1);
const asFloat = new Float32Array(word.buffer);
/** bfloat16 as a number: the upper half of a float32. */
export function brainToNumber(bits: number): number {
  word[0] = bits << 16;
  return asFloat[0]!;
}
