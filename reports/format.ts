// How figures read in every report. Pure functions of numbers; no report's layout.
import type { Figure } from './schema/index.js';

/** 12345 → `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A large count in words: `3.1 million`. */
export function about(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} billion`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`;
  return count(value);
}

/** `1 case`, `2 cases`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Nanoseconds with three significant digits: `812 ns`, `1.24 µs`, `37.0 ms`, `4.18 s`. */
export function nanoseconds(value: number): string {
  const units: [number, string][] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  const [scale, unit] = units.find(([least]) => value >= least * 0.9995) ?? [1, 'ns'];
  return `${significant(value / scale)} ${unit}`;
}

/** Seconds: `0.8 s`, `42 s`, `3 min 5 s`. */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest > 0 ? ` ${rest} s` : ''}`;
}

/** A ratio of times: `3.4×`, `0.82×`, `25×`. */
export function ratio(value: number): string {
  return `${significant(value, value >= 10 ? 3 : 2)}×`;
}

/** A ratio held against a limit: exact enough to be told from it, `0.846×`. */
export function exactRatio(value: number): string {
  return `${significant(value)}×`;
}

/** Three (or `digits`) significant digits, without an exponent where a person would not write one. */
export function significant(value: number, digits = 3): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  // Rounded first: 9.9996 has the magnitude of 10.
  const magnitude = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))) + 1e-9);
  if (magnitude < -4 || magnitude > 9) return value.toExponential(digits - 1);
  if (magnitude >= digits) return count(value);
  return value.toFixed(Math.max(0, digits - 1 - magnitude));
}

/** A figure of a result file, which may be a word. */
export function figureText(value: Figure | undefined, digits = 4): string {
  if (value === undefined) return '–';
  if (typeof value === 'string') return value;
  return Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : trimmed(value, digits);
}

/** `[3, 0]`, and for a 0-d tensor `[]`. */
export function indexText(index: readonly number[]): string {
  return `[${index.join(', ')}]`;
}

/** Bytes in a person's unit. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : significant(rest)} ${units[unit]}`;
}

/** An ISO instant to the minute, in UTC. */
export function instant(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

function trimmed(value: number, digits: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return String(Number(value.toPrecision(digits)).toExponential());
  const text = value.toPrecision(digits);
  return text.includes('e') ? text : String(Number(text));
}
