// The complex scalar, and the bit patterns of 16-bit floats.

/** One complex number. A class, so that it can stand wherever a scalar can: `x.mul(new Complex(0, 1))`. */
export class Complex {
  readonly re: number;
  readonly im: number;

  constructor(re: number, im = 0) {
    this.re = re;
    this.im = im;
  }
  /** As Python writes it: `(1-2j)`. */
  toString(): string {
    const im = Number.isNaN(this.im) || this.im === Infinity ? `+${this.im}` : String(this.im);
    const sign = im.startsWith('-') || im.startsWith('+') || Object.is(this.im, -0) ? '' : '+';
    return `(${this.re}${sign}${Object.is(this.im, -0) ? '-0' : im}j)`;
  }
  /** Arithmetic and Number() see NaN: a complex number is no real one. */
  valueOf(): number {
    return this.im === 0 ? this.re : Number.NaN;
  }
}

/** The number that a float16's bits mean. */
export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/** The number that a bfloat16's bits mean: the upper half of a float32. */
export function fromBrain(bits: number): number {
  words[0] = bits << 16;
  return floats[0]!;
}

/** A number's float16, rounded to nearest and even by way of float32, as PyTorch does. */
export function toHalf(value: number): number {
  const x = Math.fround(value);
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | toEven(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  // A size that rounds up to the next power of two carries into the exponent by itself.
  return sign | (((exponent + 14) << 10) + toEven(size * 2 ** (10 - exponent)));
}

/** A number's bfloat16, rounded to nearest and even by way of float32. */
export function toBrain(value: number): number {
  floats[0] = value;
  const u = words[0]!;
  if (Number.isNaN(floats[0]!)) return 0x7fc0;
  return (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

function toEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
