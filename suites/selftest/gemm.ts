// Owns the matrix product's command as the mutants see it. Layout: native/README.md.
import { block } from '../../engine/backend/addon.js';
import { CODE, Elements, memory, product, scratchAddress } from './command.js';

/** Where the parts of a gemm command stand in the block. */
export interface Gemm {
  readonly batch: number;
  readonly sizes: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly kAt: number;
  readonly aAt: number;
  readonly bAt: number;
}

/** Reads the gemm command that stands in the block. */
export function readGemm(): Gemm {
  const batch = block[1]!;
  const sizesAt = 2 + batch;
  const [m = 0, n = 0, k = 0] = block.subarray(sizesAt, sizesAt + 3);
  const sizes = Array.from(block.subarray(2, sizesAt));
  const aAt = sizesAt + 4;
  return { batch, sizes, m, n, k, kAt: sizesAt + 2, aAt, bAt: aAt + 3 + batch };
}

/** Exchanges a float32 operand for a packed copy with 10 bits of fraction. */
export function roundedOperand(side: 'a' | 'b'): void {
  const { batch, sizes, m, n, k, aAt, bAt } = readGemm();
  const at = side === 'a' ? aAt : bAt;
  const all = [...sizes, ...(side === 'a' ? [m, k] : [k, n])];
  const strides = Array.from(block.subarray(at + 1, at + 3 + batch));
  const from = new Elements(block[at]!, all, strides, CODE.float32);
  const copy = scratchAddress(4 * product(all));
  const data = memory(copy, CODE.float32, product(all)) as Float32Array;
  for (let i = 0; i < from.length; i += 1) data[i] = tf32(from.get(i));
  block[at] = copy;
  let step = 1;
  for (let dim = all.length - 1; dim >= 0; dim -= 1) {
    block[at + 1 + dim] = step;
    step *= all[dim]!;
  }
}

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

function tf32(value: number): number {
  float[0] = value;
  bits[0]! &= ~0x1fff;
  return float[0]!;
}
