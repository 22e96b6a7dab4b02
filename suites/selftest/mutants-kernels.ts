// Mutants of the other kernel families: reductions, scans, products, indices, sorting, random numbers.

import {
  addon,
  decodeArange,
  decodeIndexGet,
  decodeIndexPut,
  decodeMersenne,
  decodeNonzero,
  decodeRandom,
  decodeScan,
  decodeSort,
  encodeArange,
  encodeIndexGet,
  encodeIndexPut,
  encodeMersenne,
  encodeRandom,
  encodeScan,
  encodeSort,
  type Reducer,
  readStatus,
  statuses,
  writeResult,
  writeStatus,
} from 'torchstone/internals';
import {
  afterReduce,
  beforeReduce,
  CODE,
  Elements,
  elementsOf,
  isFloat,
  itemBytes,
  memory,
  onFamily,
  packed,
  product,
  readReduce,
  scratchAddress,
  succeeded,
  writeReduce,
} from './command.js';
import { beforeGemm, roundedOperand } from './gemm.js';
import { all, type Mutant, type Undo } from './mutant.js';
import { rewriting, withoutNan } from './programs.js';

const byIndex: readonly Reducer[] = ['argmax', 'argmin'];
const upward: readonly Reducer[] = ['max', 'argmax'];

/** float32 sums added up one by one, as a plain loop would. */
function sequentialSum(): Undo {
  return afterReduce((results, { program, inputs, sizes, kept, out, reducer }) => {
    const plain = program.instructions.length === 0 && reducer === 'sum' && inputs.length === 1;
    if (!plain || out.dtype !== CODE.float32 || inputs[0]!.dtype !== CODE.float32) return;
    const terms = elementsOf(inputs[0]!, sizes);
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
    const command = readReduce();
    const { inputs, sizes, kept, outIndex, reducer } = command;
    const backward = ({ address, strides, dtype }: (typeof inputs)[number]) => {
      const way = strides.reduce((sum, one, dim) => sum + (dim < kept ? 0 : (sizes[dim]! - 1) * one), 0);
      return {
        address: address + way * itemBytes(dtype),
        strides: strides.map((one, dim) => (dim < kept ? one : -one)),
        dtype,
      };
    };
    if (byIndex.includes(reducer)) writeReduce({ ...command, inputs: inputs.map(backward) });
    right();
    if (!outIndex || !succeeded()) return;
    const count = product(sizes.slice(kept));
    const found = elementsOf(outIndex, sizes.slice(0, kept));
    for (let i = 0; i < found.length; i += 1) found.set(i, count - 1 - found.get(i));
  });
}

/** A scan in two pieces that forget each other. */
function carryLost(): Undo {
  const CHUNK = 16;
  return onFamily('scan', (right) => {
    const command = decodeScan();
    const { scan, dtype, n, input, out } = command;
    right();
    if (!succeeded() || (scan !== 'cumsum' && scan !== 'cumprod') || n <= CHUNK) return;
    const later = (one: typeof input) => ({
      ...one,
      address: one.address + CHUNK * one.along * itemBytes(dtype),
    });
    encodeScan('selftest', { ...command, n: n - CHUNK, input: later(input), out: later(out) });
    right();
  });
}

/** A sort that leaves equal elements in the opposite order. */
function unstable(): Undo {
  return onFamily('sort', (right) => {
    const command = decodeSort();
    const { dtype, rows, n, k, input: from, indices } = command;
    const source = new Elements(from, [rows, n], [n, 1], dtype);
    const address = scratchAddress(rows * n * itemBytes(dtype));
    const reversed = new Elements(address, [rows, n], [n, 1], dtype);
    for (let i = 0; i < source.length; i += 1) {
      const row = Math.floor(i / n) * n;
      reversed.set(row + n - 1 - (i - row), source.get(i));
    }
    encodeSort({ ...command, input: address });
    right();
    if (indices === 0 || !succeeded()) return;
    const places = memory(indices, CODE.int64, rows * k) as BigInt64Array;
    for (let i = 0; i < places.length; i += 1) places[i] = BigInt(n - 1) - places[i]!;
  });
}

/** Index tensors read with their negative numbers as 0. */
function unwrapped(): Undo {
  return onFamily('indexGet', (right) => {
    const command = decodeIndexGet();
    const { sizes } = command;
    const indices = command.indices.map((index) => {
      const found = new Elements(index.address, sizes, index.strides, CODE.int64);
      const address = scratchAddress(found.length * 8);
      const data = memory(address, CODE.int64, found.length) as BigInt64Array;
      for (let i = 0; i < found.length; i += 1) data[i] = BigInt(Math.max(0, found.get(i)));
      return { ...index, address, strides: packed(sizes) };
    });
    encodeIndexGet('selftest', { ...command, indices });
    right();
  });
}

function columnMajor(): Undo {
  return onFamily('nonzero', (right) => {
    const { sizes, phase, out } = decodeNonzero();
    right();
    if (phase !== 'write' || sizes.length < 2) return;
    const row = memory(out, CODE.int64, sizes.length) as BigInt64Array;
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
      beforeReduce((command) => {
        const { sizes, kept } = command;
        const last = sizes.length - 1;
        if (last < kept || sizes[last]! <= 8) return undefined;
        return { ...command, sizes: [...sizes.slice(0, -1), sizes[last]! - 1] };
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
      rewriting(['reduce'], (program, reducer = 'sum') =>
        reducer !== 'sum' && reducer !== 'prod' && isFloat(program.compute)
          ? withoutNan(
              program,
              upward.includes(reducer) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
            )
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
      beforeGemm((command) => {
        const { m, n, k, a, b } = command;
        return m === n && n === k ? { ...command, a: b, b: a } : undefined;
      }),
  },
  {
    name: 'product-last-step',
    doc: 'off by one: a product of more than 4 terms leaves out the last one',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*', 'bmm/*'],
    gradients: true,
    cells: ['notebook/J/*'],
    apply: () => beforeGemm((command) => (command.k > 4 ? { ...command, k: command.k - 1 } : undefined)),
  },
  {
    name: 'product-stride-ignored',
    doc: 'the rows of the left operand are taken for packed',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*', 'bmm/*'],
    gradients: true,
    apply: () =>
      beforeGemm((command) => {
        const { k, m, a } = command;
        // Only where nothing outside the operand would be read.
        const within = (m - 1) * a.row + (k - 1) * a.column >= m * k - 1;
        if (a.row <= 0 || a.column <= 0 || !within) return undefined;
        return { ...command, a: { ...a, row: k, column: 1 } };
      }),
  },
  {
    name: 'product-batch-ignored',
    doc: 'every batch is multiplied by the first one’s right operand',
    families: ['gemm'],
    cases: ['bmm/*', 'matmul/*'],
    gradients: true,
    apply: () =>
      beforeGemm((command) => {
        const { b } = command;
        return { ...command, b: { ...b, batch: b.batch.map(() => 0) } };
      }),
  },
  {
    name: 'product-tf32',
    doc: 'low precision: float32 operands of a product are cut to 10 bits, as TF32 does',
    families: ['gemm'],
    cases: ['mm/*float32*', 'matmul/*float32*'],
    apply: () =>
      beforeGemm((command) =>
        command.dtype === CODE.float32
          ? { ...command, a: roundedOperand(command, 'a'), b: roundedOperand(command, 'b') }
          : undefined,
      ),
  },
  {
    name: 'product-stale',
    doc: 'a product is added to what the memory held',
    families: ['gemm'],
    cases: ['mm/*', 'matmul/*'],
    laws: ['fresh-memory'],
    apply: () => beforeGemm((command) => ({ ...command, accumulate: true })),
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
            if (readStatus() === statuses.indexOutOfRange) writeStatus(statuses.done);
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
        const command = decodeIndexPut();
        if (command.mode === 'add') encodeIndexPut('selftest', { ...command, mode: 'replace' });
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
        const command = decodeRandom();
        if (addon.getThreads() > 1) encodeRandom({ ...command, offset: command.offset + 1 });
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
        if (succeeded()) writeResult(0);
      }),
  },
  {
    name: 'mersenne-in-turn',
    doc: "PyTorch's normal numbers of a long tensor are drawn one by one, not in blocks",
    families: ['mersenne'],
    cases: [],
    laws: ['pytorch-stream'],
    apply: () =>
      onFamily('mersenne', (right) => {
        const command = decodeMersenne();
        if (command.kind === 'normalBlocks') encodeMersenne({ ...command, kind: 'normal' });
        right();
      }),
  },
  {
    name: 'arange-rounds',
    doc: 'arange starts half a step late',
    families: ['arange'],
    cases: ['arange/*', 'linspace/*'],
    apply: () =>
      onFamily('arange', (right) => {
        const command = decodeArange();
        encodeArange({ ...command, start: command.start + command.step / 2 });
        right();
      }),
  },
];
