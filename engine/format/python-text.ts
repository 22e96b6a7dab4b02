// Python's spelling of plain values in the texts of modules and optimizers: `pythonText(1e-5)` is `1e-05`.
import { Complex } from '../core/complex.js';
import { Tensor } from '../core/tensor.js';

/** A number as Python's str prints it; `float`: an integral one has a decimal point. */
export function pythonNumber(x: number, float = false): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Number.isInteger(x) && Math.abs(x) < 1e16) return `${Object.is(x, -0) ? '-0' : x}${float ? '.0' : ''}`;
  const [digits, exponent] = x.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const size = String(Math.abs(power)).padStart(2, '0');
    return `${digits}e${power < 0 ? '-' : '+'}${size}`;
  }
  const text = String(x);
  return text.includes('e') ? x.toFixed(digits.replace(/^-?\d\.?/, '').length - power) : text;
}

/** A value in a formatted string of Python's. Arrays of text are lists, others tuples; a tensor without dims shows its value. */
export function pythonText(value: unknown, float = false): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return pythonNumber(value, float);
  if (value instanceof Tensor) {
    const shown = value.ndim === 0 && !value.dtype.isComplex;
    return shown ? pythonText(value.item(), value.dtype.isFloatingPoint) : String(value);
  }
  if (Array.isArray(value)) {
    const parts = value.map((one) => reprText(one, float));
    if (typeof value[0] === 'string') return `[${parts.join(', ')}]`;
    return parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(', ')})`;
  }
  return String(value);
}

/** A value within another. */
function reprText(value: unknown, float: boolean): string {
  if (typeof value === 'string') return `'${value}'`;
  return value instanceof Tensor ? String(value) : pythonText(value, float);
}

/** Python's repr of a float: 1 is `1.0`, 0.00001 is `1e-05`. */
export function pythonFloat(value: number): string {
  return pythonNumber(value, true);
}

/** Python's name for the type of a plain value. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value instanceof Complex) return "<class 'complex'>";
  if (Array.isArray(value)) return 'list';
  const made = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor
    ?.name;
  return made ?? 'object';
}
