// Faults of the other families (reductions, scans, products, indices, sorting, random numbers).
// Data and small closures only.

import { addon, block } from '../../engine/backend/addon.js';
import {
  afterReduce,
  CODE,
  Elements,
  elementsOf,
  isFloat,
  itemBytes,
  memory,
  onFamily,
  product,
  readReduce,
  reduceSizesAt,
  scratchAddress,
} from './command.js';
import { readGemm, roundedOperand } from './gemm.js';
import { all, type Mutant, type Undo } from './mutant.js';
import { rewriting, withoutNan } from './programs.js';

const SUM = 0;
const MAX = 2;
const ARGMAX = 4;

/** float32 sums added up one by one, as a plain loop would. */
function sequentialSum(): Undo {
  return onFamily('reduce', (right) => {
    const { program, inputs, sizes, kept, out } = readReduce();
    const plain = program.instructions.length === 0 && block[1] === SUM && inputs.length === 1;
    right();
    if (!plain || out.dtype !== CODE.float32 || inputs[0]!.dtype !== CODE.float32 || block[0] !== 0) return;
    const terms = elementsOf(inputs[0]!, sizes);
    const results = elementsOf(out, sizes.slice(0, kept));
    const each = product(sizes.slice(kept));
    for (let i = 0; i < results.length; i += 1) {
      let sum = 0;
      for (let k = 0; k < each; k += 1) sum = Math.fround(sum + terms.get(i * each + k));
      results.set(i, sum);
    }
  });
}

/** Walks the reduced dims backward, so that the last of equals is found first. */
function lastOfEquals(): Undo {
  return onFamily('reduce', (right) => {
    const { inputs, sizes, kept, outIndex } = readReduce();
    const count = product(sizes.slice(kept));
    if (block[1]! >= ARGMAX)
      for (const { at, address, strides, dtype } of inputs) {
        let far = address;
        for (let dim = kept; dim < sizes.length; dim += 1) {
          far += (sizes[dim]! - 1) * strides[dim]! * itemBytes(dtype);
          block[at + 1 + dim] = -strides[dim]!;
        }
        block[at] = far;
      }
    right();
    if (!outIndex || block[0] !== 0) return;
    const found = elementsOf(outIndex, sizes.slice(0, kept));
    for (let i = 0; i < found.length; i += 1) found.set(i, count - 1 - found.get(i));
  });
}

/** A scan in two pieces that forget each other. */
function carryLost(): Undo {
  const CHUNK = 16;
  return onFamily('scan', (right) => {
    const command = block.slice(0, 128);
    const [op = 0, dtype = 0, kept = 0] = command;
    const sizeAt = 3 + kept;
    const operandAt = [0, 1].map((which) => sizeAt + 1 + which * (kept + 2));
    right();
    const n = command[sizeAt]!;
    if (block[0] !== 0 || op > 1 || n <= CHUNK) return;
    block.set(command);
    block[sizeAt] = n - CHUNK;
    for (const at of operandAt) block[at] = command[at]! + CHUNK * command[at + kept + 1]! * itemBytes(dtype);
    right();
  });
}

/** A sort that leaves equal elements in the opposite order. */
function unstable(): Undo {
  return onFamily('sort', (right) => {
    const [dtype = 0, rows = 0, n = 0, , from = 0, , indices = 0] = block;
    const source = new Elements(from, [rows, n], [n, 1], dtype);
    const address = scratchAddress(rows * n * itemBytes(dtype));
    const reversed = new Elements(address, [rows, n], [n, 1], dtype);
    for (let i = 0; i < source.length; i += 1) {
      const row = Math.floor(i / n) * n;
      reversed.set(row + n - 1 - (i - row), source.get(i));
    }
    block[4] = address;
    right();
    if (indices === 0 || block[0] !== 0) return;
    const places = memory(indices, CODE.int64, rows * n) as BigInt64Array;
    for (let i = 0; i < places.length; i += 1) places[i] = BigInt(n - 1) - places[i]!;
  });
}

/** Index tensors read with their negative numbers as 0. */
function unwrapped(): Undo {
  return onFamily('indexGet', (right) => {
    const [, ndim = 0, looks = 0] = block;
    const sizes = Array.from(block.subarray(3, 3 + ndim));
    for (let k = 0; k < looks; k += 1) {
      const at = 3 + ndim + 2 * (1 + ndim) + k * (3 + ndim);
      const strides = Array.from(block.subarray(at + 1, at + 1 + ndim));
      const found = new Elements(block[at]!, sizes, strides, CODE.int64);
      const copy = scratchAddress(found.length * 8);
      const data = memory(copy, CODE.int64, found.length) as BigInt64Array;
      for (let i = 0; i < found.length; i += 1) data[i] = BigInt(Math.max(0, found.get(i)));
      block[at] = copy;
      let step = 1;
      for (let dim = ndim - 1; dim >= 0; dim -= 1) {
        block[at + 1 + dim] = step;
        step *= sizes[dim]!;
      }
    }
    right();
  });
}

function columnMajor(): Undo {
  return onFamily('nonzero', (right) => {
    const [, ndim = 0, phase = 0] = block;
    const address = block[3 + ndim + 1 + ndim]!;
    right();
    if (phase !== 1 || ndim < 2) return;
    const row = memory(address, CODE.int64, ndim) as BigInt64Array;
    row.reverse();
  });
}

export const KERNEL_MUTANTS: readonly Mutant[] = [
  {
    name: 'reduce-last-dropped',
    doc: 'a reduction of more than 8 elements leaves out the last one',
    families: ['reduce'],
    cases: ['sum/*', 'amax/*', 'mean/*'],
    gradients: true,
    apply: () =>
      onFamily('reduce', (right) => {
        const last = reduceSizesAt() + block[2]! + block[3]! - 1;
        if (block[3]! > 0 && block[last]! > 8) block[last]! -= 1;
        right();
      }),
  },
  {
    name: 'reduce-in-float32',
    doc: 'low precision: float64 is accumulated in float32',
    families: ['reduce'],
    cases: ['sum/*float64*', 'mean/*float64*', 'prod/*float64*'],
    gradients: true,
    apply: () =>
      rewriting(['reduce'], (program) =>
        program.compute === CODE.float64 ? { ...program, compute: CODE.float32 } : undefined,
      ),
  },
  {
    name: 'sum-sequential',
    doc: 'low precision: float32 is added up one by one instead of pairwise',
    families: ['reduce'],
    cases: ['sum/*', 'mean/*'],
    laws: ['sum-accuracy'],
    apply: sequentialSum,
  },
  {
    name: 'max-ignores-nan',
    doc: 'the maximum and minimum over a dim pass over NaN',
    families: ['reduce'],
    cases: ['amax/*', 'amin/*', 'max/*'],
    apply: () =>
      rewriting(['reduce'], (program, reducer = 0) =>
        reducer >= MAX && isFloat(program.compute)
          ? withoutNan(program, reducer % 2 === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)
          : undefined,
      ),
  },
  {
    name: 'last-of-ties',
    doc: 'argmax and argmin give the last of equal elements',
    families: ['reduce'],
    cases: ['argmax/*', 'argmin/*', 'max/*', 'min/*'],
    apply: lastOfEquals,
  },
  {
    name: 'sum-by-threads',
    doc: 'a float sum depends on the number of threads',
    families: ['reduce'],
    cases: [],
    laws: ['threads'],
    apply: () =>
      afterReduce((out, { out: { dtype } }) => {
        if (isFloat(dtype) && addon.getThreads() > 1) out.set(0, out.get(0) * (1 + 2 ** -22));
      }),
  },
  {
    name: 'scan-carry-lost',
    doc: 'a running sum starts again after 16 elements',
    families: ['scan'],
    cases: ['cumsum/*', 'cumprod/*'],
    gradients: true,
    apply: carryLost,
  },
  {
    name: 'product-transposed',
    doc: 'swapped operands: a square product comes out as B·A',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*', 'bmm/*'],
    laws: ['square-product'],
    apply: () =>
      onFamily('gemm', (right) => {
        const { m, n, k, aAt, bAt, batch } = readGemm();
        if (m === n && n === k) {
          const length = 3 + batch;
          const a = block.slice(aAt, aAt + length);
          block.copyWithin(aAt, bAt, bAt + length);
          block.set(a, bAt);
        }
        right();
      }),
  },
  {
    name: 'product-last-step',
    doc: 'off by one: a product of more than 4 terms leaves out the last one',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*', 'bmm/*'],
    gradients: true,
    cells: ['notebook/J/*'],
    apply: () =>
      onFamily('gemm', (right) => {
        const { k, kAt } = readGemm();
        if (k > 4) block[kAt] = k - 1;
        right();
      }),
  },
  {
    name: 'product-stride-ignored',
    doc: 'the rows of the left operand are taken for packed',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*', 'bmm/*'],
    gradients: true,
    apply: () =>
      onFamily('gemm', (right) => {
        const { k, m, aAt, batch } = readGemm();
        const [row = 0, column = 0] = block.subarray(aAt + 1 + batch, aAt + 3 + batch);
        // Only where nothing outside the operand would be read.
        if (row > 0 && column > 0 && (m - 1) * row + (k - 1) * column >= m * k - 1) {
          block[aAt + 1 + batch] = k;
          block[aAt + 2 + batch] = 1;
        }
        right();
      }),
  },
  {
    name: 'product-batch-ignored',
    doc: 'every batch is multiplied by the first one’s right operand',
    families: ['gemm'],
    cases: ['bmm/*', 'matmul/*'],
    gradients: true,
    apply: () =>
      onFamily('gemm', (right) => {
        const { bAt, batch } = readGemm();
        block.fill(0, bAt + 1, bAt + 1 + batch);
        right();
      }),
  },
  {
    name: 'product-tf32',
    doc: 'low precision: float32 operands of a product are cut to 10 bits, as TF32 does',
    families: ['gemm'],
    cases: ['mm/*float32*', 'matmul/*float32*'],
    apply: () =>
      onFamily('gemm', (right) => {
        if (block[0] === CODE.float32) for (const side of ['a', 'b'] as const) roundedOperand(side);
        right();
      }),
  },
  {
    name: 'product-stale',
    doc: 'a product is added to what the memory held',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*'],
    laws: ['fresh-memory'],
    apply: () =>
      onFamily('gemm', (right) => {
        block[readGemm().kAt + 1] = 1;
        right();
      }),
  },
  {
    name: 'index-unwrapped',
    doc: 'a negative index counts as 0 instead of from the end',
    families: ['indexGet'],
    cases: ['take/*', 'index/*', 'gather/*', 'indexSelect/*'],
    laws: ['negative-index'],
    apply: unwrapped,
  },
  {
    name: 'index-unchecked',
    doc: 'an index out of range is no error',
    families: ['indexGet', 'indexPut'],
    cases: ['take/*', 'gather/*', 'indexSelect/*', 'scatter/*'],
    apply: () =>
      all(
        ...(['indexGet', 'indexPut'] as const).map((family) =>
          onFamily(family, (right) => {
            right();
            if (block[0] === 1) block[0] = 0;
          }),
        ),
      ),
  },
  {
    name: 'duplicates-lost',
    doc: 'of several additions to one place the last one stays',
    families: ['indexPut'],
    cases: ['scatterAdd/*', 'indexAdd/*', 'gather/*', 'indexSelect/*', 'take/*'],
    gradients: true,
    apply: () =>
      onFamily('indexPut', (right) => {
        if (block[0] === 1) block[0] = 0;
        right();
      }),
  },
  {
    name: 'sort-unstable',
    doc: 'equal elements come out of a sort in the opposite order',
    families: ['sort'],
    cases: ['sort/*', 'argsort/*'],
    apply: unstable,
  },
  {
    name: 'nonzero-column-first',
    doc: 'the first coordinate of nonzero has its dims exchanged',
    families: ['nonzero'],
    cases: ['nonzero/*'],
    apply: columnMajor,
  },
  {
    name: 'random-by-threads',
    doc: 'random numbers depend on the number of threads',
    families: ['random'],
    cases: [],
    cells: ['notebook/A/threads'],
    apply: () =>
      onFamily('random', (right) => {
        if (addon.getThreads() > 1) block[6]! += 1;
        right();
      }),
  },
  {
    name: 'random-repeats',
    doc: 'two draws in a row give the same numbers',
    families: ['random'],
    cases: [],
    cells: ['notebook/A/*'],
    laws: ['stream-moves'],
    apply: () =>
      onFamily('random', (right) => {
        right();
        if (block[0] === 0) block[1] = 0;
      }),
  },
  {
    name: 'arange-rounds',
    doc: 'arange starts half a step late',
    families: ['arange'],
    cases: ['arange/*', 'linspace/*'],
    apply: () =>
      onFamily('arange', (right) => {
        block[3]! += block[4]! / 2;
        right();
      }),
  },
];
