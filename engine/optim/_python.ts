// Python's side of optimizers: names in state dicts, and values as repr prints them.
//   pythonName('expAvgSq') // 'exp_avg_sq'
import { camelCase } from '../core/options.js';
import { Tensor } from '../core/tensor.js';

/** Python's spelling of a name: `weightDecay` is `weight_decay`, `TMax` is `T_max`. */
export function pythonName(name: string): string {
  return name === 'T0' ? 'T_0' : name.replace(/(?!^)[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}
/** Our spelling of a name in a state dict. */
export const ownName = camelCase;

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
