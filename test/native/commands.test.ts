// Command blocks as native code decodes them, on the CPU and on CUDA: what is out of range is refused by a status, and nothing
// is written; 64 dims give what three do.
import { describe, expect, it } from 'vitest';
import { addon } from '../../engine/backend/addon.js';
import { cuda, define, openShim, type Slot, Storage } from '../cuda/blocks.js';

const MALFORMED = 7;
const FLOAT32 = 8;

interface Command {
  /** A command that is right. */
  readonly slots: readonly Slot[];
  /** What each number must not be. */
  readonly spoiled: Readonly<Record<string, readonly [at: number, values: readonly number[]]>>;
}

const counts = [-1, 65, 1e9, Number.NaN];
const sizes = [0, -1, Number.NaN];
const programs = [-1, 1e6, Number.NaN];
const dtypes = [-1, 12, 1e9, Number.NaN];

/** One storage for each role: what a command reads, what it writes. */
function commandsOn(): { commands: Readonly<Record<string, Command>>; written: readonly Storage[] } {
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
  const matrix = (s: Storage): Slot[] => [s.at(), 4, 2, 1];
  const axis = [2, 2, 1, 1, 0, 1];
  const image = (s: Storage): Slot[] => [s.at(), 4, 4, 2, 1];
  const conv = [FLOAT32, 1, 1, 1, 1, ...axis, ...axis, ...image(x), weight.at(), 0, ...image(y)];
  const convSpoiled: Command['spoiled'] = {
    dtype: [0, dtypes],
    images: [1, sizes],
    groups: [2, [...sizes, 2]],
    kernel: [7, sizes],
    stride: [8, sizes],
    dilation: [10, sizes],
  };
  const commands = {
    pointwise: {
      slots: [one, 2, 2, 3, y.at(), 3, 1, x.at(), 3, 1],
      spoiled: { program: [0, programs], ndim: [1, counts], size: [3, sizes] },
    },
    reduce: {
      slots: [one, 0, 1, 1, 2, 3, y.at(), 1, x.at(), 3, 1],
      spoiled: {
        program: [0, programs],
        reducer: [1, [-1, 6, Number.NaN]],
        kept: [2, counts],
        reduced: [3, [...counts, 64]],
        size: [5, sizes],
      },
    },
    rowwise: {
      slots: [1, 1, 1, 1, 0, 2, 3, 0, row, -1, 0, 0, 1, row, y.at(), 3, 1, x.at(), 3, 1],
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
      slots: [0, FLOAT32, 1, 2, 3, x.at(), 3, 1, y.at(), 3, 1],
      spoiled: { op: [0, [-1, 5]], dtype: [1, dtypes], kept: [2, counts], size: [3, sizes], n: [4, sizes] },
    },
    gemm: {
      slots: [FLOAT32, 1, 2, 2, 2, 2, 0, ...matrix(x), ...matrix(x), ...matrix(y)],
      spoiled: {
        dtype: [0, dtypes],
        batches: [1, counts],
        size: [2, sizes],
        rows: [3, [-1, Number.NaN]],
        depth: [5, [-1, Number.NaN]],
      },
    },
    conv: { slots: conv, spoiled: convSpoiled },
    convInputGrad: { slots: conv, spoiled: convSpoiled },
    convWeightGrad: { slots: conv, spoiled: convSpoiled },
    indexGet: {
      slots: [4, 1, 1, 3, y.at(), 1, x.at(), 0, index.at(), 1, 8, 1],
      spoiled: {
        bytes: [0, [0, 3, 32, Number.NaN]],
        ndim: [1, counts],
        indices: [2, counts],
        size: [3, sizes],
      },
    },
    indexPut: {
      slots: [0, FLOAT32, 1, 1, 3, y.at(), 0, x.at(), 1, index.at(), 1, 8, 1],
      spoiled: {
        mode: [0, [-1, 5, Number.NaN]],
        dtype: [1, dtypes],
        ndim: [2, counts],
        indices: [3, counts],
        size: [4, sizes],
      },
    },
    nonzero: {
      slots: [FLOAT32, 1, 1, 3, x.at(), 1, long.at()],
      spoiled: { dtype: [0, dtypes], ndim: [1, counts], size: [3, sizes] },
    },
    sort: {
      slots: [FLOAT32, 2, 3, 0, x.at(), y.at(), long.at(), 3],
      spoiled: { dtype: [0, dtypes], rows: [1, [-1, Number.NaN]], n: [2, [-1]], k: [7, [-1, 4]] },
    },
    search: {
      slots: [FLOAT32, 1, 3, 2, 0, 0, x.at(), 0, x.at(), long.at()],
      spoiled: { dtype: [0, dtypes], rows: [1, [-1]], n: [2, [-1]], m: [3, [-1, Number.NaN]] },
    },
    random: {
      slots: [0, FLOAT32, y.at(), 8, 1, 2, 3, 4, 0, 1],
      spoiled: {
        kind: [0, [-1, 6]],
        dtype: [1, dtypes],
        n: [3, [-1, Number.NaN]],
        seed: [4, [-1, 2 ** 32, Number.NaN]],
      },
    },
    arange: {
      slots: [FLOAT32, y.at(), 8, 0, 1],
      spoiled: { dtype: [0, dtypes], n: [2, [-1, Number.NaN]] },
    },
    fft: {
      slots: [FLOAT32, 1, 2, 4, 4, 4, 0, 0, 0, 1, x.at(), 4, 1, y.at(), 4, 1],
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
      slots: [1, FLOAT32, 0, 1, 2, 2, 0, 0, 2, x.at(), 4, 2, 1, x.at(), 4, 2, 1, y.at(), 0, 0],
      spoiled: {
        kind: [0, [-1, 9]],
        dtype: [1, dtypes],
        flags: [2, [-1, 16]],
        ndim: [3, counts],
        rows: [4, [-1]],
        size: [8, sizes],
      },
    },
  } satisfies Record<string, Command>;
  return { commands, written: [x, y, index, long, weight] };
}

const backends = ['cpu', 'cuda'] as const;

/** The status that a family gives for these numbers. */
function status(backend: (typeof backends)[number], family: string, slots: readonly Slot[]): number {
  slots.forEach((slot, i) => {
    if (typeof slot === 'number') addon.block[i] = slot;
    else
      addon.block[i] =
        backend === 'cpu'
          ? addon.addressOf(slot.storage.host) + slot.offset
          : slot.storage.device + slot.offset;
  });
  const families = (backend === 'cpu' ? addon : cuda) as unknown as Record<string, () => void>;
  families[family]!();
  return addon.block[0]!;
}

openShim();
const { commands, written } = commandsOn();
const contents = (backend: (typeof backends)[number]): string =>
  written
    .map((s) => {
      const bytes = new ArrayBuffer(s.bytes);
      if (backend === 'cuda') cuda.copyOut(s.device, bytes, 0, s.bytes);
      return Buffer.from(backend === 'cuda' ? bytes : s.host).toString('base64');
    })
    .join(' ');

describe.each(backends)('%s refuses', (backend) => {
  for (const s of written) cuda.copyIn(s.device, s.host, 0, s.bytes);
  it.each(Object.keys(commands))('malformed %s', (family) => {
    const { slots, spoiled } = commands[family]!;
    const before = contents(backend);
    const accepted = Object.entries(spoiled).flatMap(([what, [at, values]]) =>
      values.flatMap((value) => {
        const wrong = slots.map((slot, i) => (i === at ? value : slot));
        const got = status(backend, family, wrong);
        return got === MALFORMED ? [] : [`${what} ${value}: status ${got}`];
      }),
    );
    expect(accepted).toEqual([]);
    expect(contents(backend)).toBe(before);
    expect(status(backend, family, slots)).toBe(0);
  });
});

/** The dims of a small command among others of size 1, whose strides must not matter. */
const places = [0, 31, 63];
const among = (few: readonly number[], other: number): number[] =>
  Array.from({ length: 64 }, (_, d) => few[places.indexOf(d)] ?? other);
/** A number of dims, their sizes, and their strides in an operand. */
interface Space {
  readonly ndim: number;
  size(...sizes: number[]): number[];
  stride(...strides: number[]): number[];
}
const few: Space = { ndim: 3, size: (...s) => s, stride: (...s) => s };
const many: Space = { ndim: 64, size: (...s) => among(s, 1), stride: (...s) => among(s, 12345) };

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
  const commands: Record<string, (s: Space) => Slot[]> = {
    pointwise: (s) => {
      const { sizes, out, back } = space(s);
      return [two, s.ndim, ...sizes, y.at(), ...out, x.at(), ...back, x.at(), ...out];
    },
    reduce: (s) => {
      const { sizes, out, back } = space(s);
      return [one, 0, s.ndim, 0, ...sizes, y.at(), ...out, x.at(), ...back];
    },
    rowwise: (s) => {
      const { sizes, out, back } = space(s);
      return [
        1,
        1,
        1,
        s.ndim,
        0,
        ...sizes,
        5,
        0,
        first,
        -1,
        0,
        0,
        ...out,
        row,
        y.at(),
        ...out,
        24,
        x.at(),
        ...back,
        24,
      ];
    },
    scan: (s) => {
      const { sizes, out, back } = space(s);
      return [
        2,
        FLOAT32,
        s.ndim,
        ...sizes,
        3,
        x.at(),
        ...back,
        24,
        y.at(),
        ...out,
        24,
        long.at(),
        ...out,
        24,
      ];
    },
    gemm: (s) => {
      const { sizes, out, back } = space(s);
      return [
        FLOAT32,
        s.ndim,
        ...sizes,
        2,
        2,
        2,
        0,
        x.at(),
        ...back,
        2,
        1,
        x.at(),
        ...out,
        1,
        2,
        y.at(),
        ...s.stride(48, 16, 4),
        2,
        1,
      ];
    },
    indexGet: (s) => {
      const { sizes, out, back } = space(s);
      return [4, s.ndim, 1, ...sizes, y.at(), ...out, x.at(), ...back, index.at(), ...back, 4, 24];
    },
    indexPut: (s) => {
      const { sizes, out, back } = space(s);
      return [1, FLOAT32, s.ndim, 1, ...sizes, y.at(), ...back, x.at(), ...out, index.at(), ...out, 4, 24];
    },
    fft: (s) => {
      const { sizes, out, back } = space(s);
      return [FLOAT32, s.ndim, ...sizes, 3, 3, 3, 0, 1, 0, 1, x.at(), ...back, 24, y.at(), ...out, 24];
    },
    linalg: (s) => {
      const { sizes, back } = space(s);
      return [
        0,
        FLOAT32,
        0,
        s.ndim,
        2,
        2,
        0,
        0,
        ...sizes,
        x.at(),
        ...back,
        30,
        60,
        x.at(),
        ...back,
        30,
        60,
        y.at(),
        long.at(),
        0,
      ];
    },
  };
  // Kept dims at both ends and a reduced one: 63 and 1.
  commands['reduce to a part'] = (s) => {
    const kept = s.size(2, 3, 1);
    const strides = s.stride(1, 2, 77);
    return [
      one,
      4,
      s.ndim - 1,
      1,
      ...kept.slice(0, -1),
      4,
      y.at(),
      ...s.stride(3, 1, 77).slice(0, -1),
      long.at(),
      ...s.stride(3, 1, 77).slice(0, -1),
      x.at(),
      ...strides.slice(0, -1),
      6,
    ];
  };
  return { commands, x, y, index, long };
}

const walks = walksOn();
describe.each(backends)('%s', (backend) => {
  it.each(Object.keys(walks.commands))('walks 64 dims as it walks three: %s', (name) => {
    const { commands: of, x, y, index, long } = walks;
    const results = [few, many].map((space) => {
      for (const s of [y, long]) new Uint8Array(s.host).fill(0);
      if (backend === 'cuda') for (const s of [x, y, index, long]) cuda.copyIn(s.device, s.host, 0, s.bytes);
      expect(status(backend, name.split(' ')[0]!, of[name]!(space))).toBe(0);
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
