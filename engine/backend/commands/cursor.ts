// Command block: the numbers that a kernel family reads. An encoder writes them from left to right and ends with `endCommand`,
// a decoder reads them with a Cursor. Mirrors native/commands/cursor.h.
//   requireDims(op, sizes.length); const at = writeOperand(writeList(0, sizes), address, strides); return endCommand(op, at);

import { message, RuntimeError } from '../../core/errors.js';
import { block } from '../addon.js';

/** The most dims of a command: kMaxDims in native/block.h. */
export const maxDims = 64;

/** Memory as a command sees it: a byte address, with the offset applied, and strides in elements, which may be 0 or negative. */
export interface Operand {
  readonly address: number;
  readonly strides: readonly number[];
}

/** An operand with one more dim, which the family walks by itself: a row, a lane of a scan, the points of a transform. */
export interface LineOperand extends Operand {
  readonly along: number;
}

/** @throws RuntimeError where a command would have more dims than the addon takes. */
export function requireDims(op: string, ndim: number): void {
  if (ndim <= maxDims) return;
  const hint = `only tensors with up to ${maxDims} dims are supported`;
  throw new RuntimeError(message(op, `operands that merge into at most ${maxDims} dims`, `${ndim}`, hint));
}

/** The end of an encoder: how many numbers it wrote. Those past the block's end went nowhere. @throws RuntimeError for such. */
export function endCommand(op: string, at: number): number {
  if (at > block.length) {
    const hint = 'the op has too many operands and dims';
    throw new RuntimeError(message(op, `a command of at most ${block.length} numbers`, `${at}`, hint));
  }
  return at;
}

/** Writes numbers from `block[at]` on; where the next thing goes. */
export function writeList(at: number, values: readonly number[]): number {
  for (let i = 0; i < values.length; i++) block[at + i] = values[i]!;
  return at + values.length;
}

/** The same of an operand. */
export function writeOperand(at: number, address: number, strides: readonly number[]): number {
  block[at] = address;
  return writeList(at + 1, strides);
}

/** The same of an operand with a dim of its own. */
export function writeLine(at: number, line: LineOperand): number {
  const next = writeOperand(at, line.address, line.strides);
  block[next] = line.along;
  return next + 1;
}

/** Numbers of a command, for tests and for commands of other processes. */
export const commandWords = (length: number): number[] => Array.from(block.subarray(0, length));

/** Puts numbers in the block as they are. */
export function writeWords(words: ArrayLike<number>): void {
  block.set(words);
}

/** Reads a command from left to right. */
export class Cursor {
  #at = 0;

  number(): number {
    return block[this.#at++]!;
  }

  flag(): boolean {
    return this.number() !== 0;
  }

  list(length: number): number[] {
    const from = this.#at;
    this.#at += length;
    return Array.from(block.subarray(from, this.#at));
  }

  operand(ndim: number): Operand {
    return { address: this.number(), strides: this.list(ndim) };
  }

  line(ndim: number): LineOperand {
    return { address: this.number(), strides: this.list(ndim), along: this.number() };
  }

  /** `length` things, read one after another. */
  repeat<T>(length: number, read: () => T): T[] {
    return Array.from({ length }, () => read());
  }
}

/** The key of a table with this code. */
export function nameOf<K extends string>(table: Readonly<Record<K, number>>, code: number): K {
  for (const name in table) if (table[name] === code) return name;
  throw new RuntimeError(message('decode', 'a code of the command', String(code)));
}
