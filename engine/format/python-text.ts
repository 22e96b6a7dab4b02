// Python's spelling of plain values in the texts of modules and optimizers: `pythonText(1e-5)` is `1e-05`.
import { Complex } from '../core/complex.js';

/** Python's repr of a float: 1 is `1.0`, 0.00001 is `1e-05`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [mantissa = '', power = ''] = value.toExponential().split('e');
    return `${mantissa}e${power.slice(0, 1)}${power.slice(1).padStart(2, '0')}`;
  }
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** Python's str of a value: null is `None`, true is `True`, lists are tuples, whole numbers are ints. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) {
    const items = value.map(pythonText);
    return `(${items.join(', ')}${items.length === 1 ? ',' : ''})`;
  }
  if (typeof value === 'number' && !Number.isInteger(value)) return pythonFloat(value);
  return String(value);
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
