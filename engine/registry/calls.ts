// Call convention of public functions: parameters are positional in PyTorch's order, and any of them may be named in one
// trailing options object: `conv2d(x, w, { padding: 1 })`. Kinds and defaults are checked by arguments.ts.
import { ArgumentError, describe, message } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';

interface Parameter {
  readonly name: string;
  readonly keyword?: boolean;
  readonly kind: string;
}
/** What a call must know of an op. */
interface Callee {
  readonly name: string;
  readonly params: readonly Parameter[];
}

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

/** Where the parameters of an op stand, by both spellings of their names. Made on the first call with a name. */
class Layout {
  readonly positional: readonly number[];
  readonly #at = new Map<string, number>();
  readonly #names: readonly string[];

  constructor(params: readonly Parameter[]) {
    this.positional = params.flatMap((p, i) => (p.keyword === true ? [] : [i]));
    this.#names = params.map((p) => camelCase(p.name));
    params.forEach((p, i) => {
      this.#at.set(p.name, i);
      this.#at.set(this.#names[i]!, i);
    });
  }
  indexOf(name: string): number | undefined {
    return this.#at.get(name);
  }
  nameAt(index: number): string {
    return this.#names[index]!;
  }
  /** The names that an options object may use after `lead` fixed arguments. */
  namesAfter(lead: number): readonly string[] {
    return this.#names.slice(lead);
  }
}

const layouts = new WeakMap<Callee, Layout>();
function layoutOf(op: Callee): Layout {
  let found = layouts.get(op);
  if (found === undefined) {
    found = new Layout(op.params);
    layouts.set(op, found);
  }
  return found;
}

/**
 * The arguments of a call in the order of the op's parameters. `given` are the first positional arguments, `count` how many
 * there were; `lead` of them (a method's own tensor) are not the user's. An options object may stand last.
 * @throws ArgumentError for surplus arguments, unknown names, and a parameter given twice
 */
export function bindCall(op: Callee, given: readonly unknown[], count: number, lead = 0): unknown[] {
  const last = count > lead && count <= given.length ? given[count - 1] : undefined;
  const options = isOptions(last) ? last : null;
  return bound(op, given, options === null ? count : count - 1, options, lead);
}

/** The same for ops whose last positional parameter is a size, which may also be spread: `zeros(2, 3, { dtype })`. */
export function bindSizeCall(op: Callee, lead: readonly unknown[], args: readonly unknown[]): unknown[] {
  const last = args.at(-1);
  const options = isOptions(last) ? last : null;
  const rest = options === null ? args : args.slice(0, -1);
  // What stands before the size.
  const before = layoutOf(op).positional.length - 1 - lead.length;
  const sizes = rest.slice(before);
  const given = [...lead, ...rest.slice(0, before)];
  if (sizes.length > 0) given.push(sizeOf(op, sizes));
  return bound(op, given, given.length, options, lead.length);
}

function sizeOf(op: Callee, sizes: readonly unknown[]): unknown {
  const [first] = sizes;
  if (typeof first !== 'number' && typeof first !== 'bigint') {
    if (sizes.length > 1)
      throw new ArgumentError(message(op.name, 'one list of sizes', `${sizes.length} arguments`));
    return first;
  }
  for (const size of sizes)
    if (typeof size !== 'number' && typeof size !== 'bigint')
      throw new ArgumentError(message(op.name, 'integers as sizes', describe(size)));
  return sizes;
}

function bound(
  op: Callee,
  given: readonly unknown[],
  count: number,
  options: Readonly<Record<string, unknown>> | null,
  lead: number,
): unknown[] {
  const layout = layoutOf(op);
  const { positional } = layout;
  if (count > positional.length) throw surplus(op, layout, count, lead);
  const args = new Array<unknown>(op.params.length).fill(undefined);
  for (let i = 0; i < count; i++) args[positional[i]!] = given[i];
  if (options === null) return args;
  for (const name of Object.keys(options)) {
    const at = layout.indexOf(name);
    if (at === undefined || at < lead) throw unknownName(op.name, name, layout.namesAfter(lead));
    const value = options[name];
    if (value === undefined) continue;
    if (args[at] !== undefined)
      throw new ArgumentError(
        message(
          op.name,
          `'${layout.nameAt(at)}' once`,
          'it twice',
          `got multiple values for argument '${layout.nameAt(at)}'`,
        ),
      );
    args[at] = value;
  }
  return args;
}

function surplus(op: Callee, layout: Layout, count: number, lead: number): ArgumentError {
  const most = layout.positional.length - lead;
  const keyword = op.params.filter((p) => p.keyword === true).map((p) => camelCase(p.name));
  const hint =
    keyword.length === 0 ? undefined : `Name the others in an options object: ${keyword.join(', ')}`;
  const required = most === 1 ? 'at most 1 argument' : `at most ${most} arguments`;
  return new ArgumentError(message(op.name, required, String(count - lead), hint));
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

/**
 * Options of a function that is no op, by their names here or in Python, each read once.
 * @throws ArgumentError for anything but a plain object, and for names that are not in `names`
 */
export function readOptions<K extends string>(
  op: string,
  options: unknown,
  names: readonly K[],
): Partial<Record<K, unknown>> {
  const found: Partial<Record<K, unknown>> = {};
  if (options === undefined || options === null) return found;
  if (!isOptions(options)) throw new ArgumentError(message(op, 'an options object', describe(options)));
  for (const name of Object.keys(options)) {
    const key = camelCase(name) as K;
    if (!names.includes(key)) throw unknownName(op, name, names);
    found[key] = options[name];
  }
  return found;
}
