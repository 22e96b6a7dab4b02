// Text of one number as Python's format() writes it: '{:.4f}', '{:.4e}', nan, inf, -0.

/** Python's '{:.<digits>f}'.format(value): the exact decimal expansion, halves to the even digit. */
export function formatFixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return nonFinite(value);
  const size = Math.abs(value);
  // Past 1e21 toFixed() falls back to exponents. Such a double is an integer, which BigInt writes exactly.
  if (size >= 1e21)
    return sign(value) + BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  const text = size.toFixed(digits);
  return sign(value) + (isHalfway(size, digits) ? toEven(text) : text);
}

/** Python's '{:.<digits>e}'.format(value): as above, and an exponent of at least two digits. */
export function formatExponent(value: number, digits: number): string {
  if (!Number.isFinite(value)) return nonFinite(value);
  const size = Math.abs(value);
  const [rounded = '', power = ''] = size.toExponential(digits).split('e');
  const mantissa = isHalfway(size, digits - Number(power)) ? toEven(rounded) : rounded;
  return `${sign(value)}${mantissa}e${power.slice(0, 1)}${power.slice(1).padStart(2, '0')}`;
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

function sign(value: number): string {
  return value < 0 || Object.is(value, -0) ? '-' : '';
}

/**
 * Whether `size` lies exactly between two neighbours with `digits` decimals (negative: tens, hundreds, …).
 * That is: 2 * size * 10^digits is an odd integer. 5^digits is odd and cannot clear a power of two, so for
 * digits >= 0 the question is whether size * 2^(digits + 1) is odd, which doubles answer without rounding.
 */
function isHalfway(size: number, digits: number): boolean {
  if (digits >= 0) return (size * 2 ** (digits + 1)) % 2 === 1;
  if (!Number.isInteger(size)) return false;
  const unit = 10n ** BigInt(-digits);
  const doubled = 2n * BigInt(size);
  return doubled % unit === 0n && (doubled / unit) % 2n === 1n;
}

/** JavaScript rounds halves up, Python to even. Up from an even digit gives an odd one, so nothing is borrowed. */
function toEven(text: string): string {
  const last = text.charCodeAt(text.length - 1) - 48;
  return last % 2 === 1 ? text.slice(0, -1) + String(last - 1) : text;
}
