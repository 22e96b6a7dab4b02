// Holds each kernel family's encoder against its decoder on random commands, and the limits of a command. What the addon reads is
// held by execution.test.ts, what is written by hand for speed by fast-commands.test.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { addon } from '../../../engine/backend/addon.js';
import { decodeArange, encodeArange } from '../../../engine/backend/commands/arange.js';
import { type ConvAxis, decodeConv, encodeConv } from '../../../engine/backend/commands/conv.js';
import {
  commandWords,
  type LineOperand,
  maxDims,
  type Operand,
  writeWords,
} from '../../../engine/backend/commands/cursor.js';
import { decodeFft, encodeFft, type FftKind, fftKinds } from '../../../engine/backend/commands/fft.js';
import { decodeGemm, encodeGemm, type MatrixOperand } from '../../../engine/backend/commands/gemm.js';
import {
  decodeIndexGet,
  decodeIndexPut,
  decodeNonzero,
  encodeIndexGet,
  encodeIndexPut,
  encodeNonzero,
  type PutMode,
  putModes,
} from '../../../engine/backend/commands/index.js';
import {
  decodeLinalg,
  encodeLinalg,
  type LinalgKind,
  linalgKinds,
} from '../../../engine/backend/commands/linalg.js';
import {
  decodeMersenne,
  encodeMersenne,
  type MersenneKind,
  mersenneKinds,
} from '../../../engine/backend/commands/mersenne.js';
import {
  decodeMultiPointwise,
  encodeMultiPointwise,
  type MultiPointwiseCommand,
} from '../../../engine/backend/commands/multi-pointwise.js';
import {
  decodePointwise,
  encodePointwise,
  type PointwiseCommand,
} from '../../../engine/backend/commands/pointwise.js';
import {
  decodeRandom,
  encodeRandom,
  type RandomKind,
  randomKinds,
} from '../../../engine/backend/commands/random.js';
import {
  decodeReduce,
  encodeReduce,
  type ReduceCommand,
  type Reducer,
  reducers,
} from '../../../engine/backend/commands/reduce.js';
import { decodeRowwise, encodeRowwise } from '../../../engine/backend/commands/rowwise.js';
import { decodeScan, encodeScan, type Scan, scans } from '../../../engine/backend/commands/scan.js';
import { decodeSearch, encodeSearch } from '../../../engine/backend/commands/search.js';
import { decodeSort, encodeSort } from '../../../engine/backend/commands/sort.js';
import { raiseStatus, statuses } from '../../../engine/backend/commands/status.js';
import * as torch from '../../../engine/index.js';
import { below, generator, pick, type Random } from '../../support/random.js';
import { ROOT } from '../../support/root.js';

const list = (length: number, make: () => number): number[] => Array.from({ length }, make);
const keys = <K extends string>(table: Readonly<Record<K, number>>): K[] => Object.keys(table) as K[];

/** Parts of commands, with numbers that tell one field from another. */
function parts(random: Random) {
  const address = (): number => below(random, 2 ** 47);
  const size = (): number => 1 + below(random, 1000);
  const stride = (): number => below(random, 2001) - 1000;
  const flag = (): boolean => random() < 0.5;
  const ndim = (): number => (random() < 0.1 ? maxDims : below(random, 5));
  const dtype = (): number => below(random, 12);
  const strides = (n: number): number[] => list(n, stride);
  const sizes = (n: number): number[] => list(n, size);
  const operand = (n: number): Operand => ({ address: address(), strides: strides(n) });
  const line = (n: number): LineOperand => ({ ...operand(n), along: stride() });
  const matrices = (n: number): MatrixOperand => ({
    address: address(),
    batch: strides(n),
    row: stride(),
    column: stride(),
  });
  const params = (): number[] => list(below(random, 4), random);
  return {
    random,
    address,
    size,
    stride,
    flag,
    ndim,
    dtype,
    strides,
    sizes,
    operand,
    line,
    matrices,
    params,
  };
}
type Parts = ReturnType<typeof parts>;

interface Family<C> {
  /** A random command. */
  make(p: Parts): C;
  encode(command: C): number;
  decode(command: C): C;
}
const family = <C>(f: Family<C>): Family<unknown> => f as Family<unknown>;

function randomConv(p: Parts) {
  const { address, size, stride } = p;
  const axis = (): ConvAxis => ({
    in: size(),
    out: size(),
    kernel: size(),
    stride: size(),
    pad: stride(),
    dilation: size(),
  });
  const images = () => ({
    address: address(),
    image: stride(),
    channel: stride(),
    row: stride(),
    column: stride(),
  });
  return {
    dtype: p.dtype(),
    images: size(),
    groups: size(),
    channels: size(),
    filters: size(),
    h: axis(),
    w: axis(),
    x: images(),
    weight: address(),
    bias: address(),
    y: images(),
  };
}

function randomIndices(p: Parts, n: number) {
  return Array.from({ length: below(p.random, 4) }, () => ({
    ...p.operand(n),
    size: p.stride(),
    step: p.stride(),
  }));
}

const families: Record<string, Family<unknown>> = {
  pointwise: family<PointwiseCommand>({
    make: (p) => {
      const n = p.ndim();
      const operands = Array.from({ length: 1 + below(p.random, 4) }, () => p.operand(n));
      return {
        program: p.size(),
        params: p.params(),
        sizes: p.sizes(n),
        addresses: operands.map((o) => o.address),
        strides: operands.map((o) => o.strides),
      };
    },
    encode: (c) => encodePointwise('op', c),
    decode: (c) =>
      decodePointwise(() => ({ params: c.params.length, outputs: 1, inputs: c.addresses.length - 1 })),
  }),
  multiPointwise: family<MultiPointwiseCommand>({
    make: (p) => {
      const operands = 1 + below(p.random, 9);
      const row = () => ({ size: p.size(), addresses: Array.from({ length: operands }, p.address) });
      return {
        program: p.size(),
        params: p.params(),
        tensors: Array.from({ length: 1 + below(p.random, 40) }, row),
      };
    },
    encode: (c) => encodeMultiPointwise('op', c),
    decode: (c) =>
      decodeMultiPointwise(() => ({
        params: c.params.length,
        outputs: 1,
        inputs: c.tensors[0]!.addresses.length - 1,
      })),
  }),
  reduce: family<ReduceCommand>({
    make: (p) => {
      const K = below(p.random, 4);
      const R = p.random() < 0.1 ? maxDims - K : below(p.random, 4);
      const reducer = pick(p.random, keys(reducers));
      return {
        program: p.size(),
        reducer,
        params: p.params(),
        kept: p.sizes(K),
        reduced: p.sizes(R),
        out: p.operand(K),
        outIndex: reducer.startsWith('arg') ? p.operand(K) : null,
        inputs: Array.from({ length: below(p.random, 3) }, () => ({
          address: p.address(),
          kept: p.strides(K),
          reduced: p.strides(R),
        })),
      };
    },
    encode: (c) => encodeReduce('op', c),
    decode: (c) => decodeReduce(() => ({ params: c.params.length, outputs: 1, inputs: c.inputs.length })),
  }),
  rowwise: family({
    make: (p) => {
      const n = p.ndim();
      return {
        params: p.params(),
        sizes: p.sizes(n),
        n: p.size(),
        stages: Array.from({ length: below(p.random, 9) }, () => ({
          reducer: pick(p.random, ['sum', 'prod', 'max', 'min'] satisfies Reducer[]),
          prologue: p.size(),
          epilogue: p.flag() ? -1 : p.size(),
          kept: p.flag(),
          out: p.operand(n),
        })),
        program: p.size(),
        outputs: Array.from({ length: below(p.random, 3) }, () => p.line(n)),
        inputs: Array.from({ length: below(p.random, 3) }, () => p.line(n)),
      };
    },
    encode: (c) => encodeRowwise('op', c),
    decode: decodeRowwise,
  }),
  scan: family({
    make: (p) => {
      const n = p.ndim();
      const scan: Scan = pick(p.random, keys(scans));
      return {
        scan,
        dtype: p.dtype(),
        sizes: p.sizes(n),
        n: p.size(),
        input: p.line(n),
        out: p.line(n),
        outIndex: scan === 'cummax' || scan === 'cummin' ? p.line(n) : null,
      };
    },
    encode: (c) => encodeScan('op', c),
    decode: decodeScan,
  }),
  gemm: family({
    make: (p) => {
      const n = p.ndim();
      return {
        dtype: p.dtype(),
        batch: p.sizes(n),
        m: p.size(),
        n: p.size(),
        k: p.size(),
        accumulate: p.flag(),
        a: p.matrices(n),
        b: p.matrices(n),
        c: p.matrices(n),
      };
    },
    encode: (c) => encodeGemm('op', c),
    decode: decodeGemm,
  }),
  conv: family({ make: randomConv, encode: (c) => encodeConv('op', c), decode: decodeConv }),
  indexGet: family({
    make: (p) => {
      const n = p.ndim();
      return {
        itemBytes: p.size(),
        sizes: p.sizes(n),
        out: p.operand(n),
        from: p.operand(n),
        indices: randomIndices(p, n),
      };
    },
    encode: (c) => encodeIndexGet('op', c),
    decode: decodeIndexGet,
  }),
  indexPut: family({
    make: (p) => {
      const n = p.ndim();
      const mode: PutMode = pick(p.random, keys(putModes));
      return {
        mode,
        dtype: p.dtype(),
        sizes: p.sizes(n),
        to: p.operand(n),
        from: p.operand(n),
        indices: randomIndices(p, n),
      };
    },
    encode: (c) => encodeIndexPut('op', c),
    decode: decodeIndexPut,
  }),
  nonzero: family({
    make: (p) => {
      const n = p.ndim();
      const phase = pick(p.random, ['count', 'write'] as const);
      return { dtype: p.dtype(), phase, sizes: p.sizes(n), input: p.operand(n), out: p.address() };
    },
    encode: (c) => encodeNonzero('op', c),
    decode: decodeNonzero,
  }),
  sort: family({
    make: (p) => ({
      dtype: p.dtype(),
      rows: p.size(),
      n: p.size(),
      descending: p.flag(),
      input: p.address(),
      values: p.address(),
      indices: p.address(),
      k: p.size(),
    }),
    encode: encodeSort,
    decode: decodeSort,
  }),
  search: family({
    make: (p) => ({
      dtype: p.dtype(),
      rows: p.size(),
      n: p.size(),
      m: p.size(),
      right: p.flag(),
      shared: p.flag(),
      sequence: p.address(),
      sorter: p.address(),
      values: p.address(),
      out: p.address(),
    }),
    encode: encodeSearch,
    decode: decodeSearch,
  }),
  random: family({
    make: (p) => {
      const kind: RandomKind = pick(p.random, keys(randomKinds));
      return {
        kind,
        dtype: p.dtype(),
        out: p.address(),
        n: p.size(),
        seedLow: below(p.random, 2 ** 32),
        seedHigh: below(p.random, 2 ** 32),
        offset: below(p.random, 2 ** 53),
        p0: p.random(),
        p1: p.random(),
      };
    },
    encode: encodeRandom,
    decode: decodeRandom,
  }),
  mersenne: family({
    make: (p) => {
      const kind: MersenneKind = pick(p.random, keys(mersenneKinds));
      const [dtype, n, p0, p1] = [p.dtype(), p.size(), p.random(), p.random()];
      const addresses = { out: p.address(), state: p.address(), in: p.address() };
      return { kind, dtype, n, p0, p1, ...addresses, inDtype: p.dtype() };
    },
    encode: encodeMersenne,
    decode: decodeMersenne,
  }),
  arange: family({
    make: (p) => ({ dtype: p.dtype(), out: p.address(), n: p.size(), start: p.random(), step: p.stride() }),
    encode: encodeArange,
    decode: decodeArange,
  }),
  fft: family({
    make: (p) => {
      const n = p.ndim();
      const from: FftKind = pick(p.random, keys(fftKinds));
      return {
        dtype: p.dtype(),
        sizes: p.sizes(n),
        n: p.size(),
        inCount: p.size(),
        outCount: p.size(),
        inverse: p.flag(),
        from,
        to: pick(p.random, ['complex', 'real'] as const),
        scale: p.random(),
        input: p.line(n),
        out: p.line(n),
      };
    },
    encode: (c) => encodeFft('op', c),
    decode: decodeFft,
  }),
  linalg: family({
    make: (p) => {
      const n = p.ndim();
      const kind: LinalgKind = pick(p.random, keys(linalgKinds));
      return {
        kind,
        dtype: p.dtype(),
        flags: below(p.random, 16),
        batch: p.sizes(n),
        m: p.size(),
        n: p.size(),
        k: p.size(),
        info: p.address(),
        a: p.matrices(n),
        b: p.matrices(n),
        out: list(3, p.address),
      };
    },
    encode: (c) => encodeLinalg('op', c),
    decode: decodeLinalg,
  }),
};

const blank = new Array<number>(addon.block.length).fill(Number.NaN);

describe('a command', () => {
  test('has an encoder for every kernel family of the addon', () => {
    const known = Object.keys(families).flatMap((name) =>
      name === 'conv' ? ['conv', 'convInputGrad', 'convWeightGrad'] : [name],
    );
    const { block, cuda, primitives, ...functions } = addon;
    const own = new Set(Object.keys(cuda!));
    // What both devices have is the families and the pool of memory.
    const pool = ['allocate', 'collect', 'release', 'trim', 'memoryStats'];
    const shared = Object.keys(functions).filter((name) => own.has(name) && !pool.includes(name));
    expect(known.sort()).toEqual(shared.sort());
    expect([block.length, primitives.length > 0]).toEqual([8192, true]);
  });

  it.each(Object.keys(families))('of %s is decoded as it was encoded', (name) => {
    const { make, encode, decode } = families[name]!;
    const random = generator(41);
    for (let i = 0; i < 200; i++) {
      const command = make(parts(random));
      writeWords(blank);
      const length = encode(command);
      expect(decode(command)).toEqual(command);
      // Each of its numbers is written, and no other.
      const words = commandWords(blank.length);
      expect(words.findIndex((word) => Number.isNaN(word))).toBe(length);
      expect(words.slice(length).every((word) => Number.isNaN(word))).toBe(true);
    }
  });
});

describe('limits', () => {
  test("are those of native/block.h, and the block's length is the addon's", () => {
    const header = readFileSync(join(ROOT, 'native', 'block.h'), 'utf8');
    const constant = (name: string): number => Number(new RegExp(`\\b${name} = (\\d+)`).exec(header)?.[1]);
    expect([maxDims, addon.block.length]).toEqual([constant('kMaxDims'), constant('kBlockLength')]);
  });

  const over = maxDims + 1;
  const p = parts(generator(3));
  const wide: Record<string, () => unknown> = {
    pointwise: () =>
      encodePointwise('op', {
        program: 0,
        params: [],
        sizes: p.sizes(over),
        addresses: [1],
        strides: [p.strides(over)],
      }),
    reduce: () =>
      encodeReduce('op', {
        program: 0,
        reducer: 'sum',
        params: [],
        kept: p.sizes(1),
        reduced: p.sizes(maxDims),
        out: p.operand(1),
        outIndex: null,
        inputs: [],
      }),
    rowwise: () =>
      encodeRowwise('op', {
        params: [],
        sizes: p.sizes(over),
        n: 1,
        stages: [],
        program: 0,
        outputs: [],
        inputs: [],
      }),
    scan: () =>
      encodeScan('op', {
        scan: 'cumsum',
        dtype: 9,
        sizes: p.sizes(over),
        n: 1,
        input: p.line(over),
        out: p.line(over),
        outIndex: null,
      }),
    gemm: () =>
      encodeGemm('op', {
        dtype: 9,
        batch: p.sizes(over),
        m: 1,
        n: 1,
        k: 1,
        accumulate: false,
        a: p.matrices(over),
        b: p.matrices(over),
        c: p.matrices(over),
      }),
    indexGet: () =>
      encodeIndexGet('op', {
        itemBytes: 8,
        sizes: p.sizes(over),
        out: p.operand(over),
        from: p.operand(over),
        indices: [],
      }),
    indexPut: () =>
      encodeIndexPut('op', {
        mode: 'add',
        dtype: 9,
        sizes: p.sizes(over),
        to: p.operand(over),
        from: p.operand(over),
        indices: [],
      }),
    nonzero: () =>
      encodeNonzero('op', {
        dtype: 9,
        phase: 'count',
        sizes: p.sizes(over),
        input: p.operand(over),
        out: 0,
      }),
    fft: () =>
      encodeFft('op', {
        dtype: 9,
        sizes: p.sizes(over),
        n: 1,
        inCount: 1,
        outCount: 1,
        inverse: false,
        from: 'complex',
        to: 'complex',
        scale: 1,
        input: p.line(over),
        out: p.line(over),
      }),
    linalg: () =>
      encodeLinalg('op', {
        kind: 'lu',
        dtype: 9,
        flags: 0,
        batch: p.sizes(over),
        m: 1,
        n: 1,
        k: 0,
        info: 0,
        a: p.matrices(over),
        b: p.matrices(over),
        out: [0, 0, 0],
      }),
  };
  it.each(Object.keys(wide))('%s of too many dims is a typed error that names the op', (name) => {
    expect(wide[name]).toThrow(torch.RuntimeError);
    expect(wide[name]).toThrow(`op: required operands that merge into at most ${maxDims} dims, got ${over}`);
  });

  test('a command that does not fit the block is a typed error that names the op', () => {
    const count = Math.ceil(addon.block.length / (1 + maxDims));
    const sizes = p.sizes(maxDims);
    const addresses = list(count, p.address);
    const strides = addresses.map(() => p.strides(maxDims));
    const encode = () => encodePointwise('op', { program: 0, params: [], sizes, addresses, strides });
    expect(encode).toThrow(torch.RuntimeError);
    expect(encode).toThrow(/^op: required a command of at most 8192 numbers, got \d+/);
  });

  test('so are too many index tensors, and too many stages', () => {
    const one = { address: 1, strides: [], size: 1, step: 1 };
    const indices = Array.from({ length: over }, () => one);
    const scalar = { address: 1, strides: [] };
    expect(() =>
      encodeIndexGet('op', { itemBytes: 8, sizes: [], out: scalar, from: scalar, indices }),
    ).toThrow(`op: required at most ${maxDims} index tensors`);
    const stage = { reducer: 'sum', prologue: 0, epilogue: -1, kept: false, out: scalar } as const;
    const stages = Array.from({ length: 9 }, () => stage);
    const empty = { params: [], sizes: [], n: 1, program: -1, outputs: [], inputs: [] };
    expect(() => encodeRowwise('op', { ...empty, stages })).toThrow('op: required at most 8 reductions');
  });
});

test('every status but success is an error that names the op', () => {
  for (const [name, status] of Object.entries(statuses)) {
    writeWords([status, 7, 0, 5]);
    if (name === 'deviceFailed') continue; // asks the device how; test/cuda has it
    expect(() => raiseStatus('op')).toThrow(/^op: /);
  }
  writeWords([statuses.indexOutOfRange, 7, 0, 5]);
  expect(() => raiseStatus('op')).toThrow(torch.IndexError);
  expect(() => raiseStatus('op')).toThrow('index 7 is out of bounds for dimension with size 5');
});
