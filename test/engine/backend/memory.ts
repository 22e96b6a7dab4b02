// Operands of commands in memory of their own: any dims, strides and gaps, and what a family may have written.
//   const out = write(random, sizes); runScan('op', addon, { …, out: out.line }); out.expectWritten(values)
import { expect } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import type { ConvImages } from '../../../engine/backend/commands/conv.js';
import type { LineOperand } from '../../../engine/backend/commands/cursor.js';
import type { MatrixOperand } from '../../../engine/backend/commands/gemm.js';
import { below, placeOf, positionsOf, type Random } from '../../support/random.js';

type Data = Float64Array | BigInt64Array;

/** An operand of these sizes somewhere in memory of its own. */
export class Memory<T extends Data = Float64Array> implements LineOperand {
  readonly data: T;
  readonly strides: readonly number[];
  readonly address: number;
  readonly #at: readonly number[];
  readonly #before: T;

  constructor(random: Random, sizes: readonly number[], data: (length: number) => T, written = false) {
    const place = placeOf(random, sizes, written);
    this.data = data(place.length);
    this.#before = this.data.slice() as T;
    this.strides = place.strides;
    this.address = addon.addressOf(this.data.buffer as ArrayBuffer) + 8 * place.offset;
    this.#at = positionsOf(sizes, place);
  }

  /** The last stride, where the last dim is the family's own. */
  get along(): number {
    return this.strides.at(-1)!;
  }

  /** The operand without its last dim. */
  get line(): LineOperand {
    return { address: this.address, strides: this.strides.slice(0, -1), along: this.along };
  }

  /** The last two dims as those of matrices. */
  get matrices(): MatrixOperand {
    const [row, column] = this.strides.slice(-2) as [number, number];
    return { address: this.address, batch: this.strides.slice(0, -2), row, column };
  }

  /** The last four dims as images. */
  get images(): ConvImages {
    const [image, channel, row, column] = this.strides as [number, number, number, number];
    return { address: this.address, image, channel, row, column };
  }

  /** The elements in row-major order. */
  get values(): number[] {
    return this.#at.map((at) => Number(this.data[at]));
  }

  /** These values and nothing else were written. */
  expectWritten(wanted: readonly number[]): void {
    const whole = Array.from(this.#before as ArrayLike<number | bigint>, Number);
    this.#at.forEach((at, i) => {
      whole[at] = wanted[i]!;
    });
    expect(Array.from(this.data as ArrayLike<number | bigint>, Number)).toEqual(whole);
  }
}

export const whole = (random: Random) => (length: number) =>
  Float64Array.from({ length }, () => below(random, 7) - 3);
const longs = (length: number) => BigInt64Array.from({ length }, () => 77n);
export const read = (random: Random, sizes: readonly number[]) => new Memory(random, sizes, whole(random));
export const write = (random: Random, sizes: readonly number[]) =>
  new Memory(random, sizes, whole(random), true);
export const indexed = (random: Random, sizes: readonly number[]) => new Memory(random, sizes, longs, true);
export const sizesOf = (random: Random, ndim: number): number[] =>
  Array.from({ length: ndim }, () => 1 + below(random, 5));
export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
export const dense = (...numbers: readonly number[]) => {
  const data = Float64Array.from(numbers);
  return { data, address: addon.addressOf(data.buffer) };
};
export const denseLongs = (length: number) => {
  const data = new BigInt64Array(length).fill(77n);
  return { data, address: addon.addressOf(data.buffer) };
};
