// CUDA's pointwise kernels against the CPU's, on the host fake: every primitive in every dtype, every conversion, every
// iteration (runs, single elements, broadcasts, negative strides, in place).
import { beforeAll, describe, expect, it } from 'vitest';
import { addon } from '../../engine/backend/addon.js';
import { generator } from '../support/random.js';
import {
  type Code,
  compare,
  type Dtype,
  define,
  dtypes,
  isFloat,
  laid,
  openShim,
  pointwise,
  Storage,
  statuses,
} from './blocks.js';

beforeAll(openShim);

const computed = dtypes.filter((d) => d !== 'float16' && d !== 'bfloat16');
const limits: Partial<Record<Dtype, [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  int64: [-(2 ** 63), 2 ** 63 - 1024],
};
const small = [0, 1, -1, 2, -2, 3, -3, 5, 7, -7, 10, 31, 63, 100, -100];
const reals = [
  0, -0, 1, -1, 0.5, -0.5, 1.5, 2, -2.5, 3.7, 0.001, -0.3, 10, -10, 100.25, 1e6, 1e-30, 1e-45, 3e38, 5e-324,
  1e30,
];
const specials = [...reals, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
/** Bits of 16-bit floats: zeros, denormals, ones, the largest, infinities, NaN. */
const halfBits = [
  0, 0x8000, 1, 0x8001, 0x3ff, 0x3c00, 0xbc00, 0x3e00, 0x4248, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e01, 0x7f7f,
  0x7f80, 0xff80, 0x7fc1, 0x3f80, 0x0080,
];

function valuesOf(dtype: Dtype): readonly number[] {
  if (dtype === 'bool') return [0, 1];
  if (dtype === 'float16' || dtype === 'bfloat16') return halfBits;
  if (isFloat(dtype)) return specials;
  const [low, high] = limits[dtype]!;
  return [...small.filter((v) => v >= low), low, high, low + (low === 0 ? 2 : 1)];
}

/** Primitives that round as IEEE 754 says, or do not round: the same bits everywhere. */
const exactReals = new Set([
  'div',
  'reciprocal',
  'sqrt',
  'rsqrt',
  'floor',
  'ceil',
  'round',
  'trunc',
  'nextafter',
  'mantissa',
  'exponent',
]);
const exact = (p: { name: string; kinds: string }): boolean =>
  (p.kinds !== 'float' && p.name !== 'pow') || exactReals.has(p.name);
/** libm here, SLEEF or own polynomials there: 1 ULP each, some more where a result is near a root (tried: the largest seen). */
const roundedUlp = (name: string, dtype: Dtype): number =>
  ['lgamma', 'digamma'].includes(name) ? 64 : dtype === 'float32' ? 3 : 4;

interface Primitive {
  name: string;
  arity: number;
  kinds: string;
}
const allowedFor = (dtype: Dtype): Primitive[] =>
  addon.primitives.filter((p) => p.kinds === 'number' || (p.kinds === 'float') === isFloat(dtype));

/** Every pair of special values, and a third operand from a generator. */
function operands(dtype: Dtype, divisor: boolean): Storage[] {
  const values = valuesOf(dtype),
    random = generator(7);
  const seconds = divisor && !isFloat(dtype) ? values.filter((v) => v !== 0) : values;
  const n = values.length * seconds.length;
  return [
    new Storage(dtype, n).fill((i) => values[Math.floor(i / seconds.length)]!),
    new Storage(dtype, n).fill((i) => seconds[i % seconds.length]!),
    new Storage(dtype, n).fill(() => values[Math.floor(random() * values.length)]!),
  ];
}

function runPrimitives(dtype: Dtype, group: readonly Primitive[], ins: readonly Storage[]): string[] {
  const program = define({
    compute: dtype,
    ins: [dtype, dtype, dtype],
    outs: group.map(() => dtype),
    instructions: group.map((p) => [p.name, ...[0, 1, 2].slice(0, p.arity)] as const),
    results: group.map((_, i) => 3 + i),
  });
  const n = ins[0]!.length,
    outs = group.map(() => new Storage(dtype, n));
  const command = flat(program, [...outs, ...ins], n);
  const ulp = group.map((p) => (exact(p) ? 0 : roundedUlp(p.name, dtype)));
  return compare('pointwise', command, outs, (k) => ulp[k]!).map((d) => {
    const { name } = group[d.storage]!;
    return `${dtype} ${name}[${d.element}]: ${String(d.cpu)} on the CPU, ${String(d.cuda)} here`;
  });
}

/** A command over n elements of each storage, one after another. */
const flat = (program: number, storages: readonly Storage[], n: number) =>
  pointwise(
    program,
    [n],
    storages.map((s) => laid(s, [1])),
  );

const divides = ['floorDiv', 'truncDiv', 'remainder', 'fmod'];

describe('primitives', () => {
  it.each(computed)('in %s', (dtype) => {
    const all = allowedFor(dtype),
      most = 58;
    const plain = all.filter((p) => isFloat(dtype) || !divides.includes(p.name));
    const found: string[] = [];
    for (let i = 0; i < plain.length; i += most)
      found.push(...runPrimitives(dtype, plain.slice(i, i + most), operands(dtype, false)));
    const dividing = all.filter((p) => !plain.includes(p));
    if (dividing.length > 0) found.push(...runPrimitives(dtype, dividing, operands(dtype, true)));
    expect(found).toEqual([]);
  });
  it('tell of an integer division by zero when the device is waited for', () => {
    const program = define({
      compute: 'int32',
      ins: ['int32', 'int32'],
      outs: ['int32'],
      instructions: [['floorDiv', 0, 1]],
      results: [2],
    });
    const [a, b, out] = [
      new Storage('int32', 5).fill(() => 4),
      new Storage('int32', 5).fill((i) => i),
      new Storage('int32', 5),
    ];
    expect(statuses('pointwise', flat(program, [out, a, b], 5))).toEqual([2, 2]);
  });
});

describe('conversions', () => {
  // Inputs of every dtype; the pairs with outputs are shared out between the dtypes that are computed in.
  it.each(computed)('through %s', (compute) => {
    const n = 24,
      parity = computed.indexOf(compute) % 2;
    const pairs = dtypes
      .flatMap((_, i) => dtypes.map((_, o) => [i, o] as const))
      .filter(([i, o]) => (i + o) % 2 === parity);
    const program = define({
      compute,
      ins: dtypes,
      outs: pairs.map(([, o]) => dtypes[o]!),
      instructions: [],
      results: pairs.map(([i]) => i),
    });
    const ins = dtypes.map((d) => new Storage(d, n).fill((i) => valuesOf(d)[i % valuesOf(d).length]!));
    const outs = pairs.map(([, o]) => new Storage(dtypes[o]!, n));
    const found = compare('pointwise', flat(program, [...outs, ...ins], n), outs).map((d) => {
      const [i, o] = pairs[d.storage]!;
      return `${dtypes[i]} ${valuesOf(dtypes[i]!)[d.element]} to ${dtypes[o]}: ${String(d.cpu)} on the CPU, ${String(d.cuda)} here`;
    });
    expect(found).toEqual([]);
  });
  it('moves bytes where a copy stays within its dtype', () => {
    const program = define({
      compute: 'float32',
      ins: ['float16'],
      outs: ['float16'],
      instructions: [],
      results: [0],
    });
    const from = new Storage('float16', 33).fill((i) => 0x7c01 + i),
      to = new Storage('float16', 33);
    compare('pointwise', flat(program, [to, from], 33), [to]);
    expect([...new Uint16Array(to.host)]).toEqual([...new Uint16Array(from.host)]);
  });
});

const mixed: Code = {
  compute: 'float32',
  ins: ['float32', 'float16', 'int32'],
  outs: ['float32', 'bfloat16'],
  params: 1,
  constants: [0.1],
  instructions: [
    ['fma', 0, 1, 3],
    ['add', 5, 4],
    ['maximum', 6, 2],
  ],
  results: [7, 5],
};
const add: Code = {
  compute: 'float32',
  ins: ['float32', 'float32'],
  outs: ['float32'],
  instructions: [['add', 0, 1]],
  results: [2],
};

/** Sizes, then strides of every operand (outputs first), and where each begins. */
interface Layout {
  name: string;
  code: Code;
  sizes: number[];
  strides: number[][];
  offsets?: number[];
}
const layouts: Layout[] = [
  {
    name: 'flat, with a last run that is not whole',
    code: mixed,
    sizes: [1029],
    strides: [[1], [1], [1], [1], [1]],
  },
  {
    name: 'flat, not aligned',
    code: mixed,
    sizes: [1029],
    strides: [[1], [1], [1], [1], [1]],
    offsets: [1, 3, 0, 0, 0],
  },
  { name: 'one value beside runs', code: mixed, sizes: [1029], strides: [[1], [1], [0], [1], [0]] },
  {
    name: 'rows and columns spread',
    code: mixed,
    sizes: [33, 40],
    strides: [
      [40, 1],
      [40, 1],
      [40, 1],
      [0, 1],
      [1, 0],
    ],
  },
  {
    name: 'transposed and reversed',
    code: mixed,
    sizes: [33, 21],
    strides: [
      [21, 1],
      [1, 33],
      [1, 33],
      [-21, 1],
      [21, -1],
    ],
    offsets: [0, 0, 0, 672, 20],
  },
  {
    name: 'gaps in three dims',
    code: mixed,
    sizes: [3, 5, 7],
    strides: [
      [100, 14, 2],
      [35, 7, 1],
      [0, 7, 1],
      [35, 0, 3],
      [1, 3, 15],
    ],
  },
  {
    name: 'tiles that turn one input',
    code: add,
    sizes: [70, 45],
    strides: [
      [45, 1],
      [1, 70],
      [45, 1],
    ],
  },
  {
    name: 'tiles that turn inputs of 8, 2 and 1 bytes, outputs dense along another dim',
    code: {
      compute: 'float64',
      ins: ['float64', 'float16', 'uint8', 'float32'],
      outs: ['float64', 'int16'],
      instructions: [
        ['add', 0, 1],
        ['add', 4, 2],
        ['sub', 5, 3],
      ],
      results: [6, 5],
    },
    sizes: [3, 40, 33],
    strides: [
      [1320, 1, 40],
      [1320, 1, 40],
      [1320, 33, 1],
      [0, 33, 1],
      [1320, 34, 1],
      [40, 1, 0],
    ],
  },
  { name: 'no dims', code: mixed, sizes: [], strides: [[], [], [], [], []] },
  {
    name: 'two runs to a row',
    code: add,
    sizes: [65, 6],
    strides: [
      [8, 1],
      [6, 1],
      [0, 1],
    ],
  },
];
const extent = (sizes: number[], strides: number[], offset: number): number =>
  1 + offset + sizes.reduce((sum, size, d) => sum + (size - 1) * Math.max(strides[d]!, 0), 0);

describe('walks', () => {
  it.each(layouts)('$name', ({ code, sizes, strides, offsets }) => {
    const random = generator(3);
    const all = [...code.outs, ...code.ins].map((dtype, k) => {
      const s = new Storage(dtype, extent(sizes, strides[k]!, offsets?.[k] ?? 0));
      return s.fill(() =>
        dtype === 'float16' || dtype === 'bfloat16' ? Math.floor(random() * 0x7000) : random() * 20 - 10,
      );
    });
    const operands = all.map((s, k) => laid(s, strides[k]!, offsets?.[k] ?? 0));
    const params = Array.from({ length: code.params ?? 0 }, () => 1.7);
    const command = pointwise(define(code), sizes, operands, params);
    expect(compare('pointwise', command, all.slice(0, code.outs.length))).toEqual([]);
  });
  it('in place, and over more operands than a kernel takes as arguments', () => {
    const program = define(add),
      x = new Storage('float32', 1000).fill((i) => i / 7);
    expect(compare('pointwise', flat(program, [x, x, x], 1000), [x])).toEqual([]);
    const count = 60,
      dims = 8;
    const wide = define({
      compute: 'float32',
      ins: Array.from({ length: count }, () => 'float32' as const),
      outs: ['float32'],
      instructions: Array.from(
        { length: count - 1 },
        (_, i) => ['add', i === 0 ? 0 : count + i - 1, i + 1] as const,
      ),
      results: [2 * count - 2],
    });
    const out = new Storage('float32', 256),
      operand = new Storage('float32', 256).fill((i) => Math.sin(i));
    const ups = Array.from({ length: dims }, (_, d) => 2 ** d),
      downs = [...ups].reverse();
    const operands = Array.from({ length: count }, (_, i) => laid(operand, i % 2 === 0 ? ups : downs));
    const sizes = ups.map(() => 2);
    expect(compare('pointwise', pointwise(wide, sizes, [laid(out, downs), ...operands]), [out])).toEqual([]);
  });
  it('fills without an input', () => {
    const out = new Storage('bfloat16', 77).fill(() => 9);
    const fill = define({
      compute: 'float32',
      ins: [],
      outs: ['bfloat16'],
      params: 1,
      instructions: [],
      results: [0],
    });
    expect(compare('pointwise', pointwise(fill, [70], [laid(out, [1], 3)], [2.6]), [out])).toEqual([]);
    const half = define({
      compute: 'bool',
      ins: [],
      outs: ['int64'],
      constants: [Number.NaN],
      instructions: [],
      results: [0],
    });
    const whole = new Storage('int64', 5);
    expect(compare('pointwise', flat(half, [whole], 5), [whole])).toEqual([]);
  });
});
