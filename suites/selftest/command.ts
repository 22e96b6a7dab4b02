// Commands as the mutants see them: decoded with the dtypes of their programs, changed and encoded again; the memory that a command
// names; and faults put before or after a family's call. The engine has no hook: the addon's own object is patched.
//   onFamily('reduce', (right) => { const c = readReduce(); writeReduce({ ...c, reducer: 'min' }); right(); })
import {
  addon,
  decodePointwise,
  decodeReduce,
  encodePointwise,
  encodeReduce,
  type Operand as Place,
  type Reducer,
  readStatus,
  statuses,
} from 'torchstone/internals';
import { replaced, type Undo } from './mutant.js';
import { countsOf, type Program, programOf } from './programs.js';

/** The families that take the command block. */
export type Family =
  | 'pointwise'
  | 'reduce'
  | 'scan'
  | 'gemm'
  | 'indexGet'
  | 'indexPut'
  | 'nonzero'
  | 'sort'
  | 'random'
  | 'mersenne'
  | 'arange';

/** dtype codes of the contract. */
export const CODE = { bool: 0, int64: 5, float32: 8, float64: 9 } as const;
const ITEM_BYTES = [1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16];

/** Puts `change` in the place of a family function; it gets the right one. */
export function onFamily(family: Family, change: (right: () => void) => void): Undo {
  return replaced(addon, family, (right) => () => change(right));
}

/** Bytes of an element. */
export function itemBytes(dtype: number): number {
  return ITEM_BYTES[dtype]!;
}

/** Whether the last call did what it was asked for. */
export const succeeded = (): boolean => readStatus() === statuses.done;

/** An operand and the dtype that its program gives it. */
export interface Operand extends Place {
  readonly dtype: number;
}

/** A pointwise or reduce command. */
export interface Command {
  readonly id: number;
  readonly program: Program;
  readonly params: readonly number[];
  /** Sizes of the iteration: kept dims first, then reduced ones. */
  readonly sizes: readonly number[];
  readonly kept: number;
  /** The first output. */
  readonly out: Operand;
  readonly inputs: readonly Operand[];
}
export interface PointwiseCommand extends Command {
  /** The outputs after the first. */
  readonly more: readonly Operand[];
}
export interface ReduceCommand extends Command {
  readonly reducer: Reducer;
  readonly outIndex?: Operand;
}

/** Reads the pointwise command that stands in the block. */
export function readPointwise(): PointwiseCommand {
  const { program: id, params, sizes, addresses, strides } = decodePointwise(countsOf);
  const program = programOf(id);
  const dtypes = [...program.outs, ...program.ins];
  const operands = dtypes.map((dtype, k) => ({ address: addresses[k]!, strides: strides[k]!, dtype }));
  const [out, ...more] = operands.slice(0, program.outs.length);
  const inputs = operands.slice(program.outs.length);
  return { id, program, params, sizes, kept: sizes.length, out: out!, more, inputs };
}

/** Puts a pointwise command in the block. */
export function writePointwise({ id, params, sizes, out, more, inputs }: PointwiseCommand): void {
  const operands = [out, ...more, ...inputs];
  encodePointwise('selftest', {
    program: id,
    params,
    sizes,
    addresses: operands.map(({ address }) => address),
    strides: operands.map(({ strides }) => strides),
  });
}

/** Reads the reduce command that stands in the block. */
export function readReduce(): ReduceCommand {
  const c = decodeReduce(countsOf);
  const program = programOf(c.program);
  return {
    id: c.program,
    program,
    params: c.params,
    reducer: c.reducer,
    sizes: [...c.kept, ...c.reduced],
    kept: c.kept.length,
    out: { ...c.out, dtype: program.outs[0]! },
    ...(c.outIndex === null ? {} : { outIndex: { ...c.outIndex, dtype: CODE.int64 } }),
    inputs: c.inputs.map(({ address, kept, reduced }, i) => ({
      address,
      strides: [...kept, ...reduced],
      dtype: program.ins[i]!,
    })),
  };
}

/** Puts a reduce command in the block. */
export function writeReduce({
  id,
  params,
  reducer,
  sizes,
  kept,
  out,
  outIndex,
  inputs,
}: ReduceCommand): void {
  encodeReduce('selftest', {
    program: id,
    reducer,
    params,
    kept: sizes.slice(0, kept),
    reduced: sizes.slice(kept),
    out,
    outIndex: outIndex ?? null,
    inputs: inputs.map(({ address, strides }) => ({
      address,
      kept: strides.slice(0, kept),
      reduced: strides.slice(kept),
    })),
  });
}

/** How many elements. */
export function product(sizes: readonly number[]): number {
  return sizes.reduce((all, one) => all * one, 1);
}

type Typed = Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** Memory at an address as an array of a dtype. Valid for this call only. */
export function memory(address: number, dtype: number, count: number): Typed {
  const buffer = addon.arrayBufferAt(address, count * itemBytes(dtype));
  switch (dtype) {
    case 2:
      return new Int8Array(buffer);
    case 3:
      return new Int16Array(buffer);
    case 4:
      return new Int32Array(buffer);
    case 5:
      return new BigInt64Array(buffer);
    case 8:
      return new Float32Array(buffer);
    case 9:
      return new Float64Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

/** The elements of an operand, in row-major order of the iteration. */
export class Elements {
  readonly length: number;
  readonly #data: Typed;
  readonly #positions: Float64Array;

  constructor(address: number, sizes: readonly number[], strides: readonly number[], dtype: number) {
    this.length = product(sizes);
    this.#positions = new Float64Array(this.length);
    const index = new Array<number>(sizes.length).fill(0);
    let position = 0;
    for (let i = 0; i < this.length; i += 1) {
      this.#positions[i] = position;
      for (let dim = sizes.length - 1; dim >= 0; dim -= 1) {
        position += strides[dim]!;
        index[dim]! += 1;
        if (index[dim]! < sizes[dim]!) break;
        position -= strides[dim]! * sizes[dim]!;
        index[dim] = 0;
      }
    }
    const low = this.#positions.reduce((least, one) => Math.min(least, one), 0);
    const high = this.#positions.reduce((most, one) => Math.max(most, one), 0);
    for (let i = 0; i < this.length; i += 1) this.#positions[i]! -= low;
    this.#data = memory(address + low * itemBytes(dtype), dtype, high - low + 1);
  }

  get(i: number): number {
    return Number(this.#data[this.#positions[i]!]);
  }

  set(i: number, value: number): void {
    const at = this.#positions[i]!;
    if (this.#data instanceof BigInt64Array) this.#data[at] = BigInt(value);
    else this.#data[at] = value;
  }

  values(): number[] {
    return Array.from({ length: this.length }, (_, i) => this.get(i));
  }
}

/** An operand's elements. */
export function elementsOf(operand: Operand, sizes: readonly number[]): Elements {
  return new Elements(operand.address, sizes, operand.strides, operand.dtype);
}

const scratch: ArrayBuffer[] = [];

/** Memory that stays where it is until the next call of a mutated family has long been done. */
export function scratchAddress(bytes: number): number {
  const buffer = new ArrayBuffer(bytes + 64);
  scratch.push(buffer);
  if (scratch.length > 8) scratch.shift();
  return addon.addressOf(buffer);
}

/** Corrupts what a pointwise command wrote. */
export function afterPointwise(change: (out: Elements, command: PointwiseCommand) => void): Undo {
  return onFamily('pointwise', (right) => {
    const command = readPointwise();
    right();
    if (succeeded()) change(elementsOf(command.out, command.sizes), command);
  });
}

/** Corrupts what a reduce command wrote. */
export function afterReduce(change: (out: Elements, command: ReduceCommand) => void): Undo {
  return onFamily('reduce', (right) => {
    const command = readReduce();
    right();
    if (succeeded()) change(elementsOf(command.out, command.sizes.slice(0, command.kept)), command);
  });
}

/** Runs another pointwise command in the place of the right one; undefined: the right one. */
export function beforePointwise(change: (command: PointwiseCommand) => PointwiseCommand | undefined): Undo {
  return onFamily('pointwise', (right) => {
    const changed = change(readPointwise());
    if (changed !== undefined) writePointwise(changed);
    right();
  });
}

/** Runs another reduction in the place of the right one; undefined: the right one. */
export function beforeReduce(change: (command: ReduceCommand) => ReduceCommand | undefined): Undo {
  return onFamily('reduce', (right) => {
    const changed = change(readReduce());
    if (changed !== undefined) writeReduce(changed);
    right();
  });
}

/** Floating dtypes. */
export function isFloat(dtype: number): boolean {
  return dtype === CODE.float32 || dtype === CODE.float64;
}

/** The strides of packed memory. */
export function packed(sizes: readonly number[]): number[] {
  const strides = new Array<number>(sizes.length);
  let step = 1;
  for (let dim = sizes.length - 1; dim >= 0; dim -= 1) {
    strides[dim] = step;
    step *= sizes[dim]!;
  }
  return strides;
}
