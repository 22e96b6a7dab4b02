// One call to a peer library: parameters by PyTorch's names, tensors of the library, and a record of which arguments
// were read.

/** A tensor of another engine. Only its adapter looks inside. */
export type Foreign = unknown;

/** What the peer has no way to do: a parameter, a rank, an operation. Not a mistake of the peer. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

/** An argument on its way: tensors by number, dtypes by name. */
export type Argument =
  | number
  | boolean
  | string
  | null
  | { readonly tensor: number }
  | { readonly dtype: string }
  | readonly Argument[];

/** One parameter of a call; `given` where the caller said something else than the default. */
export interface Parameter {
  readonly name: string;
  readonly value: Argument;
  readonly given: boolean;
}

/** A call by PyTorch's parameter names, with the peer's own tensors. It notes what was read: what was given and not read was ignored. */
export class Call {
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #tensors: readonly Foreign[];
  readonly #shapes: readonly (readonly number[])[];
  readonly #take: (tensor: Foreign) => Foreign;
  readonly #read = new Set<string>();

  constructor(
    parameters: readonly Parameter[],
    tensors: readonly Foreign[],
    shapes: readonly (readonly number[])[],
    take: (tensor: Foreign) => Foreign = (tensor) => tensor,
  ) {
    this.#parameters = new Map(parameters.map((one) => [one.name, one]));
    this.#tensors = tensors;
    this.#shapes = shapes;
    this.#take = take;
  }

  /** The tensor that comes first, whatever its name. */
  get self(): Foreign {
    return this.tensor(this.#first);
  }

  /** Its shape. */
  get shape(): readonly number[] {
    return this.shapeOf(this.#first);
  }

  get #first(): string {
    const [first] = this.#parameters.keys();
    if (first === undefined) throw new Unsupported('the call has no argument');
    return first;
  }

  tensor(name: string): Foreign {
    return this.#take(this.#tensors[this.#number(name)]);
  }

  /** The tensor of that name, or undefined where none is given. */
  maybe(name: string): Foreign | undefined {
    return this.#value(name) === null ? undefined : this.tensor(name);
  }

  shapeOf(name: string): readonly number[] {
    return this.#shapes[this.#number(name)]!;
  }

  /** What comes first, where it may be a plain number. */
  get leading(): Foreign {
    return this.operand(this.#first);
  }

  /** The named dims that have the size 1: PyTorch leaves the others alone where they are squeezed. */
  ones(name: string): number[] | undefined {
    return this.dims(name)?.filter((dim) => this.shape[dim] === 1);
  }

  /** A tensor or a plain number. */
  operand(name: string): Foreign {
    const value = this.#value(name);
    return typeof value === 'number' || typeof value === 'boolean' ? Number(value) : this.tensor(name);
  }

  /** The same, or undefined for None. */
  bound(name: string): Foreign | undefined {
    return this.#value(name) === null ? undefined : this.operand(name);
  }

  /** A list of tensors. */
  tensors(name: string): Foreign[] {
    return this.#list(name).map((one) => this.#take(this.#tensors[numberOf(one, name)]));
  }

  shapesOf(name: string): (readonly number[])[] {
    return this.#list(name).map((one) => this.#shapes[numberOf(one, name)]!);
  }

  number(name: string): number {
    const value = this.#value(name);
    if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
    throw new Unsupported(`${name} is not a number`);
  }

  /** A number, or undefined for None. */
  maybeNumber(name: string): number | undefined {
    return this.#value(name) === null ? undefined : this.number(name);
  }

  /** Two numbers, or one for both. */
  pair(name: string): [number, number] {
    const [first = 0, second = first] = this.ints(name) ?? [];
    return [first, second];
  }

  /** A wanted shape, in which −1 keeps the size of the dim of the first tensor. */
  expanded(name: string): number[] {
    const wanted = this.ints(name) ?? [];
    const added = wanted.length - this.shape.length;
    return wanted.map((size, at) => (size === -1 ? this.shape[at - added]! : size));
  }

  flag(name: string): boolean {
    return this.#value(name) === true;
  }

  text(name: string): string {
    const value = this.#value(name);
    if (typeof value === 'string') return value;
    throw new Unsupported(`${name} is not a text`);
  }

  /** Whole numbers, one or several; undefined for None. */
  ints(name: string): number[] | undefined {
    const value = this.#value(name);
    if (value === null) return undefined;
    const list = Array.isArray(value) ? (value as readonly Argument[]) : [value as Argument];
    return list.map((one) => {
      if (typeof one === 'number') return one;
      throw new Unsupported(`${name} is not a list of numbers`);
    });
  }

  /** Dims counted from the front; None and an empty list stand for all of them: undefined. */
  dims(name: string, rank = this.shape.length): number[] | undefined {
    const dims = this.ints(name);
    return dims === undefined || dims.length === 0
      ? undefined
      : dims.map((dim) => (dim < 0 ? dim + rank : dim));
  }

  /** One dim counted from the front. */
  dim(name: string, rank = this.shape.length): number {
    const dim = this.number(name);
    return dim < 0 ? dim + rank : dim;
  }

  /** Whether the caller said something else than the default. */
  given(name: string): boolean {
    return this.#parameters.get(name)?.given === true;
  }

  /** The operation has no such parameter: fails where the caller gave one. */
  without(...names: readonly string[]): void {
    const found = names.find((name) => this.given(name));
    if (found !== undefined) throw new Unsupported(`it has no parameter ${found} here`);
  }

  /** Everything that was given, in the order of the parameters, undefined where the default applies. */
  everything(dtype: (name: string) => unknown): unknown[] {
    const decode = (value: Argument): unknown => {
      if (Array.isArray(value)) return (value as readonly Argument[]).map(decode);
      if (typeof value !== 'object' || value === null) return value;
      return 'tensor' in value ? this.#tensors[value.tensor] : dtype((value as { dtype: string }).dtype);
    };
    return [...this.#parameters.values()].map(({ name, value, given }) => {
      this.#read.add(name);
      return given ? decode(value) : undefined;
    });
  }

  /** What was given and never read. */
  unread(): string[] {
    return [...this.#parameters.values()]
      .filter(({ name, given }) => given && !this.#read.has(name))
      .map(({ name }) => name);
  }

  #value(name: string): Argument {
    const found = this.#parameters.get(name);
    if (found === undefined)
      throw new Error(`the adapter asks for ${name}, which the operation does not have`);
    this.#read.add(name);
    return found.value;
  }

  #list(name: string): readonly Argument[] {
    const value = this.#value(name);
    if (Array.isArray(value)) return value as readonly Argument[];
    throw new Unsupported(`${name} is not a list`);
  }

  #number(name: string): number {
    return numberOf(this.#value(name), name);
  }
}

function numberOf(value: Argument, name: string): number {
  if (typeof value === 'object' && value !== null && 'tensor' in value) return value.tensor;
  throw new Unsupported(`${name} is not a tensor`);
}
