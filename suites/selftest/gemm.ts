// The matrix product's command as the mutants see it.
import { decodeGemm, encodeGemm, type GemmCommand, type MatrixOperand } from 'torchstone/internals';
import { CODE, Elements, memory, onFamily, packed, product, scratchAddress } from './command.js';
import type { Undo } from './mutant.js';

/** Runs another product in the place of the right one; undefined: the right one. */
export function beforeGemm(change: (command: GemmCommand) => GemmCommand | undefined): Undo {
  return onFamily('gemm', (right) => {
    const changed = change(decodeGemm());
    if (changed !== undefined) encodeGemm('selftest', changed);
    right();
  });
}

/** A packed float32 copy of an operand with 10 bits of fraction. */
export function roundedOperand(g: GemmCommand, side: 'a' | 'b'): MatrixOperand {
  const x = g[side];
  const all = [...g.batch, ...(side === 'a' ? [g.m, g.k] : [g.k, g.n])];
  const from = new Elements(x.address, all, [...x.batch, x.row, x.column], CODE.float32);
  const address = scratchAddress(4 * product(all));
  const data = memory(address, CODE.float32, product(all)) as Float32Array;
  for (let i = 0; i < from.length; i += 1) data[i] = tf32(from.get(i));
  const strides = packed(all);
  return { address, batch: strides.slice(0, -2), row: strides.at(-2)!, column: strides.at(-1)! };
}

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

function tf32(value: number): number {
  float[0] = value;
  bits[0]! &= ~0x1fff;
  return float[0]!;
}
