// Owns the addon's boundary as the mutants see it: the command block decoded (native/README.md), the memory that a command
// names, and faults put before or after a family's call. The engine has no hook: the addon's own object is patched.
import { addon, block } from '../../engine/backend/addon.js';
import { replaced, type Undo } from './mutant.js';
import { type Program, programOf } from './programs.js';

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

/** An operand in the block: where its address stands, and what stands there. */
export interface Operand {
  readonly at: number;
  readonly address: number;
  readonly strides: readonly number[];
  readonly dtype: number;
}

/** A pointwise or reduce command. */
export interface Command {
  readonly program: Program;
  /** Sizes of the iteration: kept dims first, then reduced ones. */
  readonly sizes: readonly number[];
  readonly kept: number;
  readonly out: Operand;
  readonly outIndex?: Operand;
  readonly inputs: readonly Operand[];
}

/** Reads the pointwise command that stands in the block. */
export function readPointwise(): Command {
  const program = programOf(block[0]!);
  const sizes = numbers(2 + program.params, block[1]!);
  return {
    program,
    sizes,
    kept: sizes.length,
    ...operands(program, 2 + program.params, sizes, sizes.length),
  };
}

/** Where a reduce command's sizes begin. */
export function reduceSizesAt(): number {
  return 4 + programOf(block[0]!).params;
}

/** Reads the reduce command that stands in the block. */
export function readReduce(): Command {
  const program = programOf(block[0]!);
  const kept = block[2]!;
  const sizes = numbers(reduceSizesAt(), kept + block[3]!);
  return { program, sizes, kept, ...operands(program, reduceSizesAt(), sizes, kept, block[1]! >= 4) };
}

function operands(
  program: Program,
  sizesAt: number,
  sizes: readonly number[],
  kept: number,
  indexed = false,
): Pick<Command, 'out' | 'outIndex' | 'inputs'> {
  let at = sizesAt + sizes.length;
  const next = (strides: number, dtype: number): Operand => {
    const operand = { at, address: block[at]!, strides: numbers(at + 1, strides), dtype };
    at += 1 + strides;
    return operand;
  };
  const out = next(kept, program.outs[0]!);
  const outIndex = indexed ? next(kept, CODE.int64) : undefined;
  const inputs = program.ins.map((dtype) => next(sizes.length, dtype));
  return { out, ...(outIndex ? { outIndex } : {}), inputs };
}

function numbers(from: number, count: number): number[] {
  return Array.from(block.subarray(from, from + count));
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
export function afterPointwise(change: (out: Elements, command: Command) => void): Undo {
  return onFamily('pointwise', (right) => {
    const command = readPointwise();
    right();
    if (block[0] === 0) change(elementsOf(command.out, command.sizes), command);
  });
}

/** Corrupts what a reduce command wrote. */
export function afterReduce(change: (out: Elements, command: Command, reducer: number) => void): Undo {
  return onFamily('reduce', (right) => {
    const command = readReduce();
    const reducer = block[1]!;
    right();
    if (block[0] !== 0) return;
    change(elementsOf(command.out, command.sizes.slice(0, command.kept)), command, reducer);
  });
}

/** Corrupts a pointwise command before it runs. */
export function beforePointwise(change: (command: Command) => void): Undo {
  return onFamily('pointwise', (right) => {
    change(readPointwise());
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
