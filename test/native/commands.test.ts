// Commands as native code decodes them, on the CPU and on CUDA: what is out of range is refused by a status, and nothing is
// written; 64 dims give what three do.
import { describe, expect, it } from 'vitest';
import { encodeArange } from '../../engine/backend/commands/arange.js';
import { type ConvImages, encodeConv } from '../../engine/backend/commands/conv.js';
import {
  commandWords,
  type LineOperand,
  type Operand,
  writeWords,
} from '../../engine/backend/commands/cursor.js';
import { encodeFft } from '../../engine/backend/commands/fft.js';
import { encodeGemm, type MatrixOperand } from '../../engine/backend/commands/gemm.js';
import { encodeIndexGet, encodeIndexPut, encodeNonzero } from '../../engine/backend/commands/index.js';
import { encodeLinalg } from '../../engine/backend/commands/linalg.js';
import { encodeMersenne } from '../../engine/backend/commands/mersenne.js';
import { encodeMultiPointwise } from '../../engine/backend/commands/multi-pointwise.js';
import { encodePointwise } from '../../engine/backend/commands/pointwise.js';
import { encodeRandom } from '../../engine/backend/commands/random.js';
import { encodeReduce } from '../../engine/backend/commands/reduce.js';
import { encodeRowwise } from '../../engine/backend/commands/rowwise.js';
import { encodeScan } from '../../engine/backend/commands/scan.js';
import { encodeSearch } from '../../engine/backend/commands/search.js';
import { encodeSort } from '../../engine/backend/commands/sort.js';
import { statuses } from '../../engine/backend/commands/status.js';
import {
  type At,
  type BackendName,
  cuda,
  define,
  type FamilyName,
  laid,
  openShim,
  Storage,
  statusOn,
} from '../cuda/blocks.js';

const float32 = 8;
/** Addresses of storages on a backend. */
type Address = (storage: Storage) => number;
type Encode = (a: Address) => number;

interface Command {
  /** A command that is right. */
  readonly encode: Encode;
  /** What each number must not be, and where it stands. */
  readonly spoiled: Readonly<Record<string, readonly [at: number, values: readonly number[]]>>;
}

const addressIn =
  (at: At): Address =>
  (storage) =>
    at(laid(storage, []));
const operand = (address: number, ...strides: number[]): Operand => ({ address, strides });
const line = (address: number, strides: number[], along: number): LineOperand => ({
  address,
  strides,
  along,
});
const nowhere = (...strides: number[]): Operand => operand(0, ...strides);

const counts = [-1, 65, 1e9, Number.NaN];
const sizes = [0, -1, Number.NaN];
const programs = [-1, 1e6, Number.NaN];
const dtypes = [-1, 12, 1e9, Number.NaN];

/** One storage for each role: what a command reads, what it writes. */
function commandsOn(): {
  commands: Readonly<Partial<Record<FamilyName, Command>>>;
  written: readonly Storage[];
} {
  const copy = {
    compute: 'float32',
    ins: ['float32'],
    outs: ['float32'],
    instructions: [],
    results: [0],
  } as const;
  const one = define(copy);
  // A rowwise command of one stage: the input, the scalar, the value.
  const row = define({ ...copy, ins: ['float32', 'float32', 'float32'] });
  const x = new Storage('float32', 64).fill((i) => i + 1);
  const y = new Storage('float32', 64);
  const index = new Storage('int64', 64).fill(() => 0);
  const long = new Storage('int64', 64);
  const weight = new Storage('float32', 64).fill(() => 1);
  // The words, all 0, are used up.
  const state = new Storage('int64', 632).fill((i) => (i === 1 ? 1 + 2 ** 32 : 0));
  const matrix = (address: number): MatrixOperand => ({ address, batch: [4], row: 2, column: 1 });
  const axis = { in: 2, out: 2, kernel: 1, stride: 1, pad: 0, dilation: 1 };
  const image = (address: number): ConvImages => ({ address, image: 4, channel: 4, row: 2, column: 1 });
  const conv: Command = {
    encode: (a) =>
      encodeConv('conv', {
        dtype: float32,
        images: 1,
        groups: 1,
        channels: 1,
        filters: 1,
        h: axis,
        w: axis,
        x: image(a(x)),
        weight: a(weight),
        bias: 0,
        y: image(a(y)),
      }),
    spoiled: {
      dtype: [0, dtypes],
      images: [1, sizes],
      groups: [2, [...sizes, 2]],
      kernel: [7, sizes],
      stride: [8, sizes],
      dilation: [10, sizes],
    },
  };
  const indices = (a: Address) => [{ ...operand(a(index), 1), size: 8, step: 1 }];
  const commands = {
    pointwise: {
      encode: (a) =>
        encodePointwise('pointwise', {
          program: one,
          params: [],
          sizes: [2, 3],
          addresses: [a(y), a(x)],
          strides: [
            [3, 1],
            [3, 1],
          ],
        }),
      spoiled: { program: [0, programs], ndim: [1, counts], size: [3, sizes] },
    },
    multiPointwise: {
      encode: (a) =>
        encodeMultiPointwise('multiPointwise', {
          program: one,
          params: [],
          tensors: [
            { size: 3, addresses: [a(y), a(x)] },
            { size: 2, addresses: [a(y) + 32, a(x) + 32] },
          ],
        }),
      spoiled: { program: [0, programs], count: [1, [-1, 1e9, Number.NaN]], size: [5, sizes] },
    },
    reduce: {
      encode: (a) =>
        encodeReduce('reduce', {
          program: one,
          reducer: 'sum',
          params: [],
          kept: [2],
          reduced: [3],
          out: operand(a(y), 1),
          outIndex: null,
          inputs: [{ address: a(x), kept: [3], reduced: [1] }],
        }),
      spoiled: {
        program: [0, programs],
        reducer: [1, [-1, 6, Number.NaN]],
        kept: [2, counts],
        reduced: [3, [...counts, 64]],
        size: [5, sizes],
      },
    },
    rowwise: {
      encode: (a) =>
        encodeRowwise('rowwise', {
          params: [],
          sizes: [2],
          n: 3,
          stages: [{ reducer: 'sum', prologue: row, epilogue: -1, kept: false, out: nowhere(1) }],
          program: row,
          outputs: [line(a(y), [3], 1)],
          inputs: [line(a(x), [3], 1)],
        }),
      spoiled: {
        stages: [0, [-1, 9, Number.NaN]],
        inputs: [1, [...counts, 2]],
        outputs: [2, [...counts, 0, 64]],
        ndim: [3, counts],
        params: [4, [-1, 1, 65, Number.NaN]],
        size: [5, sizes],
        length: [6, sizes],
        reducer: [7, [-1, 4, Number.NaN]],
        prologue: [8, [...programs, one]],
        epilogue: [9, [-2, 1e6, one]],
        program: [13, [-1, -2, 1e6, one]],
      },
    },
    scan: {
      encode: (a) =>
        encodeScan('scan', {
          scan: 'cumsum',
          dtype: float32,
          sizes: [2],
          n: 3,
          input: line(a(x), [3], 1),
          out: line(a(y), [3], 1),
          outIndex: null,
        }),
      spoiled: { op: [0, [-1, 5]], dtype: [1, dtypes], kept: [2, counts], size: [3, sizes], n: [4, sizes] },
    },
    gemm: {
      encode: (a) =>
        encodeGemm('gemm', {
          dtype: float32,
          batch: [2],
          m: 2,
          n: 2,
          k: 2,
          accumulate: false,
          a: matrix(a(x)),
          b: matrix(a(x)),
          c: matrix(a(y)),
        }),
      spoiled: {
        dtype: [0, dtypes],
        batches: [1, counts],
        size: [2, sizes],
        rows: [3, [-1, Number.NaN]],
        depth: [5, [-1, Number.NaN]],
      },
    },
    conv,
    convInputGrad: conv,
    convWeightGrad: conv,
    indexGet: {
      encode: (a) =>
        encodeIndexGet('indexGet', {
          itemBytes: 4,
          sizes: [3],
          out: operand(a(y), 1),
          from: operand(a(x), 0),
          indices: indices(a),
        }),
      spoiled: {
        bytes: [0, [0, 3, 32, Number.NaN]],
        ndim: [1, counts],
        indices: [2, counts],
        size: [3, sizes],
      },
    },
    indexPut: {
      encode: (a) =>
        encodeIndexPut('indexPut', {
          mode: 'replace',
          dtype: float32,
          sizes: [3],
          to: operand(a(y), 0),
          from: operand(a(x), 1),
          indices: indices(a),
        }),
      spoiled: {
        mode: [0, [-1, 5, Number.NaN]],
        dtype: [1, dtypes],
        ndim: [2, counts],
        indices: [3, counts],
        size: [4, sizes],
      },
    },
    nonzero: {
      encode: (a) =>
        encodeNonzero('nonzero', {
          dtype: float32,
          phase: 'write',
          sizes: [3],
          input: operand(a(x), 1),
          out: a(long),
        }),
      spoiled: { dtype: [0, dtypes], ndim: [1, counts], size: [3, sizes] },
    },
    sort: {
      encode: (a) =>
        encodeSort({
          dtype: float32,
          rows: 2,
          n: 3,
          descending: false,
          input: a(x),
          values: a(y),
          indices: a(long),
          k: 3,
        }),
      spoiled: { dtype: [0, dtypes], rows: [1, [-1, Number.NaN]], n: [2, [-1]], k: [7, [-1, 4]] },
    },
    search: {
      encode: (a) =>
        encodeSearch({
          dtype: float32,
          rows: 1,
          n: 3,
          m: 2,
          right: false,
          shared: false,
          sequence: a(x),
          sorter: 0,
          values: a(x),
          out: a(long),
        }),
      spoiled: { dtype: [0, dtypes], rows: [1, [-1]], n: [2, [-1]], m: [3, [-1, Number.NaN]] },
    },
    random: {
      encode: (a) =>
        encodeRandom({
          kind: 'uniform',
          dtype: float32,
          out: a(y),
          n: 8,
          seedLow: 5,
          seedHigh: 0,
          offset: 7,
          p0: 0,
          p1: 1,
        }),
      spoiled: {
        kind: [0, [-1, 6]],
        dtype: [1, dtypes],
        n: [3, [-1, Number.NaN]],
        seed: [4, [-1, 2 ** 32, Number.NaN]],
      },
    },
    mersenne: {
      encode: (a) => {
        const drawn = { kind: 'uniform', dtype: float32, out: a(y), n: 8, p0: 0, p1: 1 } as const;
        return encodeMersenne({ ...drawn, state: a(state), in: 0, inDtype: float32 });
      },
      spoiled: {
        kind: [0, [-1, 12]],
        // Blocks of 16 of 8 elements, and rows of no weights.
        blocks: [0, [2, 11]],
        dtype: [1, dtypes],
        n: [3, [-1, Number.NaN]],
        inDtype: [8, dtypes],
      },
    },
    arange: {
      encode: (a) => encodeArange({ dtype: float32, out: a(y), n: 8, start: 0, step: 1 }),
      spoiled: { dtype: [0, dtypes], n: [2, [-1, Number.NaN]] },
    },
    fft: {
      encode: (a) =>
        encodeFft('fft', {
          dtype: float32,
          sizes: [2],
          n: 4,
          inCount: 4,
          outCount: 4,
          inverse: false,
          from: 'complex',
          to: 'complex',
          scale: 1,
          input: line(a(x), [4], 1),
          out: line(a(y), [4], 1),
        }),
      spoiled: {
        dtype: [0, dtypes],
        kept: [1, counts],
        size: [2, sizes],
        n: [3, [...sizes, 3]],
        outCount: [5, [-1, 5]],
        kind: [7, [-1, 3]],
        to: [8, [-1, 2]],
      },
    },
    linalg: {
      encode: (a) =>
        encodeLinalg('linalg', {
          kind: 'cholesky',
          dtype: float32,
          flags: 0,
          batch: [2],
          m: 2,
          n: 2,
          k: 0,
          info: 0,
          a: matrix(a(x)),
          b: matrix(a(x)),
          out: [a(y), 0, 0],
        }),
      spoiled: {
        kind: [0, [-1, 9]],
        dtype: [1, dtypes],
        flags: [2, [-1, 16]],
        ndim: [3, counts],
        rows: [4, [-1]],
        size: [8, sizes],
      },
    },
  } satisfies Record<FamilyName, Command>;
  return { commands, written: [x, y, index, long, weight] };
}

const backends: readonly BackendName[] = ['cpu', 'cuda'];
/** Families without a kernel on CUDA. */
const cpuOnly: readonly FamilyName[] = ['mersenne'];
openShim();
const { commands, written } = commandsOn();
const contents = (backend: BackendName): string =>
  written
    .map((s) => {
      const bytes = new ArrayBuffer(s.bytes);
      if (backend === 'cuda') cuda.copyOut(s.device, bytes, 0, s.bytes);
      return Buffer.from(backend === 'cuda' ? bytes : s.host).toString('base64');
    })
    .join(' ');

/** The status of a command one of whose numbers is another. */
function statusWith(
  backend: BackendName,
  family: FamilyName,
  encode: Encode,
  at: number,
  value: number,
): number {
  return statusOn(backend, family, (address) => {
    const words = commandWords(encode(addressIn(address)));
    expect(at).toBeLessThan(words.length);
    writeWords(words.map((word, i) => (i === at ? value : word)));
  });
}

describe.each(backends)('%s refuses', (backend) => {
  for (const s of written) cuda.copyIn(s.device, s.host, 0, s.bytes);
  const families = (Object.keys(commands) as FamilyName[]).filter(
    (family) => backend === 'cpu' || !cpuOnly.includes(family),
  );
  it.each(families)('malformed %s', (family) => {
    const { encode, spoiled } = commands[family]!;
    const before = contents(backend);
    const accepted = Object.entries(spoiled).flatMap(([what, [at, values]]) =>
      values.flatMap((value) => {
        const got = statusWith(backend, family, encode, at, value);
        return got === statuses.malformed ? [] : [`${what} ${value}: status ${got}`];
      }),
    );
    expect(accepted).toEqual([]);
    expect(contents(backend)).toBe(before);
    expect(statusOn(backend, family, (address) => encode(addressIn(address)))).toBe(statuses.done);
  });
});

it.each(cpuOnly)('cuda has no %s', (family) => {
  const { encode } = commands[family]!;
  expect(statusOn('cuda', family, (address) => encode(addressIn(address)))).toBe(statuses.badDType);
});

/** The dims of a small command among others of size 1, whose strides must not matter. */
const places = [0, 31, 63];
const among = (few: readonly number[], other: number): number[] =>
  Array.from({ length: 64 }, (_, d) => few[places.indexOf(d)] ?? other);
/** A number of dims, their sizes, and their strides in an operand. */
interface Space {
  size(...sizes: number[]): number[];
  stride(...strides: number[]): number[];
}
const few: Space = { size: (...s) => s, stride: (...s) => s };
const many: Space = { size: (...s) => among(s, 1), stride: (...s) => among(s, 12345) };

interface Walk {
  readonly family: FamilyName;
  encode(space: Space, a: Address): number;
}

function walksOn() {
  const copy = { compute: 'float32', outs: ['float32'], instructions: [], results: [0] } as const;
  const one = define({ ...copy, ins: ['float32'] });
  const two = define({ ...copy, ins: ['float32', 'float32'], instructions: [['add', 0, 1]], results: [2] });
  const row = define({
    ...copy,
    ins: ['float32', 'float32', 'float32'],
    instructions: [['add', 0, 1]],
    results: [3],
  });
  const first = define({ ...copy, ins: ['float32', 'float32', 'float32'] });
  const x = new Storage('float32', 256).fill((i) => ((i * 37) % 64) - 20);
  const y = new Storage('float32', 256);
  const index = new Storage('int64', 256).fill((i) => i % 4);
  const long = new Storage('int64', 256);
  const space = ({ size, stride }: Space) => ({
    sizes: size(2, 3, 4),
    out: stride(12, 4, 1),
    back: stride(1, 2, 6),
  });
  const indices = (a: Address, strides: number[]) => [{ address: a(index), strides, size: 4, step: 24 }];
  const walks: Record<string, Walk> = {
    pointwise: {
      family: 'pointwise',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        const addresses = [a(y), a(x), a(x)];
        const strides = [out, back, out];
        return encodePointwise('pointwise', { program: two, params: [], sizes, addresses, strides });
      },
    },
    reduce: {
      family: 'reduce',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeReduce('reduce', {
          program: one,
          reducer: 'sum',
          params: [],
          kept: sizes,
          reduced: [],
          out: { address: a(y), strides: out },
          outIndex: null,
          inputs: [{ address: a(x), kept: back, reduced: [] }],
        });
      },
    },
    // Kept dims at both ends and a reduced one: 63 and 1.
    'reduce to a part': {
      family: 'reduce',
      encode: (s, a) => {
        const strides = s.stride(3, 1, 77).slice(0, -1);
        return encodeReduce('reduce', {
          program: one,
          reducer: 'argmax',
          params: [],
          kept: s.size(2, 3, 1).slice(0, -1),
          reduced: [4],
          out: { address: a(y), strides },
          outIndex: { address: a(long), strides },
          inputs: [{ address: a(x), kept: s.stride(1, 2, 77).slice(0, -1), reduced: [6] }],
        });
      },
    },
    rowwise: {
      family: 'rowwise',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        const scalars = { address: 0, strides: out };
        return encodeRowwise('rowwise', {
          params: [],
          sizes,
          n: 5,
          stages: [{ reducer: 'sum', prologue: first, epilogue: -1, kept: false, out: scalars }],
          program: row,
          outputs: [line(a(y), out, 24)],
          inputs: [line(a(x), back, 24)],
        });
      },
    },
    scan: {
      family: 'scan',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeScan('scan', {
          scan: 'cummax',
          dtype: float32,
          sizes,
          n: 3,
          input: line(a(x), back, 24),
          out: line(a(y), out, 24),
          outIndex: line(a(long), out, 24),
        });
      },
    },
    gemm: {
      family: 'gemm',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeGemm('gemm', {
          dtype: float32,
          batch: sizes,
          m: 2,
          n: 2,
          k: 2,
          accumulate: false,
          a: { address: a(x), batch: back, row: 2, column: 1 },
          b: { address: a(x), batch: out, row: 1, column: 2 },
          c: { address: a(y), batch: s.stride(48, 16, 4), row: 2, column: 1 },
        });
      },
    },
    indexGet: {
      family: 'indexGet',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeIndexGet('indexGet', {
          itemBytes: 4,
          sizes,
          out: { address: a(y), strides: out },
          from: { address: a(x), strides: back },
          indices: indices(a, back),
        });
      },
    },
    indexPut: {
      family: 'indexPut',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeIndexPut('indexPut', {
          mode: 'add',
          dtype: float32,
          sizes,
          to: { address: a(y), strides: back },
          from: { address: a(x), strides: out },
          indices: indices(a, out),
        });
      },
    },
    fft: {
      family: 'fft',
      encode: (s, a) => {
        const { sizes, out, back } = space(s);
        return encodeFft('fft', {
          dtype: float32,
          sizes,
          n: 3,
          inCount: 3,
          outCount: 3,
          inverse: false,
          from: 'real',
          to: 'complex',
          scale: 1,
          input: line(a(x), back, 24),
          out: line(a(y), out, 24),
        });
      },
    },
    linalg: {
      family: 'linalg',
      encode: (s, a) => {
        const { sizes, back } = space(s);
        const matrix = { address: a(x), batch: back, row: 30, column: 60 };
        return encodeLinalg('linalg', {
          kind: 'lu',
          dtype: float32,
          flags: 0,
          batch: sizes,
          m: 2,
          n: 2,
          k: 0,
          info: 0,
          a: matrix,
          b: matrix,
          out: [a(y), a(long), 0],
        });
      },
    },
  };
  return { walks, x, y, index, long };
}

const { walks, x, y, index, long } = walksOn();
describe.each(backends)('%s', (backend) => {
  it.each(Object.keys(walks))('walks 64 dims as it walks three: %s', (name) => {
    const { family, encode } = walks[name]!;
    const results = [few, many].map((space) => {
      for (const s of [y, long]) new Uint8Array(s.host).fill(0);
      if (backend === 'cuda') for (const s of [x, y, index, long]) cuda.copyIn(s.device, s.host, 0, s.bytes);
      expect(statusOn(backend, family, (at) => encode(space, addressIn(at)))).toBe(statuses.done);
      return [y, long].map((s) => {
        const bytes = new ArrayBuffer(s.bytes);
        if (backend === 'cuda') cuda.copyOut(s.device, bytes, 0, s.bytes);
        return Buffer.from(backend === 'cuda' ? bytes : s.host.slice(0)).toString('base64');
      });
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[0]![0]).not.toMatch(/^A*=*$/);
  });
});
