// Call convention of public functions: parameters are positional in PyTorch's order, and any of them may be named in one
// trailing options object: `conv2d(x, w, { padding: 1 })`. Kinds and defaults are checked by arguments.ts.
import { ArgumentError, describe, message } from '../core/errors.js';
import { camelCase, isOptions, unknownName } from '../core/options.js';

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

/** The same for ops whose last positional parameter is a list that may also be spread: `einsum('ij,jk', a, b)`, `blockDiag([a, b])`. */
export function bindListCall(op: Callee, lead: readonly unknown[], args: readonly unknown[]): unknown[] {
  const last = args.at(-1);
  const options = isOptions(last) ? last : null;
  const rest = options === null ? args : args.slice(0, -1);
  const before = layoutOf(op).positional.length - 1 - lead.length;
  const members = rest.slice(before);
  const given = [...lead, ...rest.slice(0, before)];
  const kind = op.params[layoutOf(op).positional.at(-1)!]!.kind;
  const whole = members.length === 1 && (Array.isArray(members[0]) || kind === 'tensorOrTensors');
  if (members.length > 0) given.push(whole ? members[0] : members);
  return bound(op, given, given.length, options, lead.length);
}

/** The size of a call that has nothing else, `[2, 3]` or `2, 3`; null for any other call. */
export function sizeAlone(args: readonly unknown[]): unknown {
  const [first] = args;
  if (args.length === 1 && Array.isArray(first)) return first;
  for (let i = 0; i < args.length; i++) if (typeof args[i] !== 'number') return null;
  return args.length === 0 ? null : args;
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
