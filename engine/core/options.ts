// Options objects: the trailing plain object that names arguments, the spelling of its names, and the error for unknown ones.
//   const { retainGraph } = readOptions('backward', options, ['retainGraph', 'createGraph']);
import { ArgumentError, describe, message } from './errors.js';
import { Tensor } from './tensor.js';

/** Our spelling of a Python name: `label_smoothing` is `labelSmoothing`. */
export function camelCase(name: string): string {
  return name.replace(/(?!^)_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}

/** Whether a value is an options object: a plain one. Tensors first, because they are what most calls end with. */
export function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The error of an option that does not exist, with the nearest name that does. */
export function unknownName(op: string, name: string, names: readonly string[]): ArgumentError {
  const near = nearest(camelCase(name), names);
  const hint = near === null ? `It takes ${names.join(', ') || 'no options'}` : `Did you mean '${near}'?`;
  return new ArgumentError(message(op, 'a known option', `'${name}'`, hint));
}

/** The name that was probably meant: one that begins the same way, or the one fewest edits away. */
function nearest(name: string, names: readonly string[]): string | null {
  const lower = name.toLowerCase();
  const most = Math.max(2, Math.floor(name.length / 3));
  let best: string | null = null;
  let least = most + 1;
  for (const candidate of names) {
    const other = candidate.toLowerCase();
    const begins = lower.length >= 3 && (other.startsWith(lower) || lower.startsWith(other));
    const edits = begins ? 0 : editDistance(lower, other);
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that make `a` of `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

const noOptions = Object.freeze({});

/**
 * Options of a function that is no op, by their names here or in Python, each read once.
 * @throws ArgumentError for anything but a plain object, and for names that are not in `names`
 */
export function readOptions<T extends object>(
  op: string,
  options: T | null | undefined,
  names: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined || options === null) return noOptions;
  if (!isOptions(options)) throw new ArgumentError(message(op, 'an options object', describe(options)));
  const found: Partial<Record<string, unknown>> = {};
  for (const name of Object.keys(options)) {
    const key = camelCase(name);
    if (!(names as readonly string[]).includes(key)) throw unknownName(op, name, names);
    found[key] = options[name];
  }
  return found as Partial<T>;
}
