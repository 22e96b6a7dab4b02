// CUDA's reductions, row reductions and scans against the CPU's, on the host fake: every reducer in every dtype with
// ties and NaN, rows, columns, several parts.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Operand } from '../../engine/backend/commands/cursor.js';
import { type Reducer, reducers } from '../../engine/backend/commands/reduce.js';
import { encodeRowwise } from '../../engine/backend/commands/rowwise.js';
import { encodeScan, type Scan, scans } from '../../engine/backend/commands/scan.js';
import { generator } from '../support/random.js';
import {
  type At,
  codeOf,
  compare,
  type Dtype,
  define,
  dtypes,
  isFloat,
  type Laid,
  laid,
  lineAt,
  openShim,
  reduce,
  Storage,
} from './blocks.js';

beforeAll(openShim);

const computed = dtypes.filter((d) => d !== 'float16' && d !== 'bfloat16');
const allReducers = Object.keys(reducers) as Reducer[];
const identity = (dtype: Dtype): number =>
  define({ compute: dtype, ins: [dtype], outs: [dtype], instructions: [], results: [0] });

/** Few distinct values, so that equals are many; floats with an NaN now and then. */
function crowded(dtype: Dtype, n: number, seed: number, nan = 0): Storage {
  const random = generator(seed),
    low = dtype.startsWith('u') || dtype === 'bool' ? 0 : -3,
    high = dtype === 'bool' ? 2 : 4;
  return new Storage(dtype, n).fill(() => {
    if (isFloat(dtype) && random() < nan) return Number.NaN;
    const v = Math.floor(random() * (high - low)) + low;
    return isFloat(dtype) ? v + 0.25 : v;
  });
}

interface Shape {
  name: string;
  kept: number[];
  reduced: number[];
  out: number[];
  /** Of the input, kept dims first. */
  in: number[];
}
const shapes: Shape[] = [
  { name: 'rows', kept: [7], reduced: [37], out: [1], in: [37, 1] },
  { name: 'short rows', kept: [300], reduced: [5], out: [2], in: [5, 1] },
  { name: 'aligned rows', kept: [5], reduced: [640], out: [1], in: [640, 1] },
  { name: 'columns', kept: [70], reduced: [45], out: [1], in: [1, 70] },
  { name: 'narrow columns in parts', kept: [3], reduced: [40000], out: [1], in: [1, 3] },
  { name: 'everything, in parts', kept: [], reduced: [100003], out: [], in: [1] },
  { name: 'two dims of each', kept: [3, 5], reduced: [4, 6], out: [5, 1], in: [120, 6, 30, 1] },
  { name: 'one value spread', kept: [4], reduced: [50], out: [1], in: [1, 0] },
];
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
const extent = (sizes: number[], strides: number[]): number =>
  1 + sizes.reduce((sum, size, d) => sum + (size - 1) * strides[d]!, 0);

function runReduce(dtype: Dtype, shape: Shape, which: readonly Reducer[], nan: number): string[] {
  const input = crowded(dtype, extent([...shape.kept, ...shape.reduced], shape.in), 11, nan),
    program = identity(dtype);
  return which.flatMap((reducer) => {
    const n = extent(shape.kept, shape.out);
    const written = [new Storage(dtype, n), ...(reducer.startsWith('arg') ? [new Storage('int64', n)] : [])];
    const command = reduce({
      program,
      reducer,
      kept: shape.kept,
      reduced: shape.reduced,
      written: written.map((s) => laid(s, shape.out)),
      inputs: [laid(input, shape.in)],
    });
    // Sums and products are rounded in another order.
    const ulp = isFloat(dtype) && (reducer === 'sum' || reducer === 'prod') ? 2 : 0;
    return compare('reduce', command, written, () => ulp).map(
      (d) =>
        `${dtype} ${reducer} ${shape.name}[${d.element}] of ${d.storage === 0 ? 'values' : 'indices'}: ${String(d.cpu)} on the CPU, ${String(d.cuda)} here`,
    );
  });
}

// One kernel each; those in parts take two.
const onePass = shapes.filter((shape) => !shape.name.includes('parts'));

describe('reduce', () => {
  // Each dtype takes every reducer once; each shape is taken by several dtypes.
  it.each(computed.map((dtype, i) => ({ dtype, shape: onePass[i % onePass.length]! })))(
    'every reducer in $dtype, $shape.name',
    ({ dtype, shape }) => {
      expect(runReduce(dtype, shape, allReducers, 0.02)).toEqual([]);
    },
  );
  it.each(shapes.map((shape, i) => ({ shape, dtype: (['float32', 'float64', 'int32'] as const)[i % 3]! })))(
    'sum and argmin of $shape.name in $dtype',
    ({ dtype, shape }) => {
      expect(runReduce(dtype, shape, ['sum', 'argmin'], 0)).toEqual([]);
    },
  );
  it('through a prologue, from 16 bits to 16 bits', () => {
    const program = define({
      compute: 'float32',
      ins: ['float16', 'float32'],
      outs: ['bfloat16'],
      params: 1,
      instructions: [
        ['sub', 0, 2],
        ['mul', 3, 1],
        ['square', 4],
      ],
      results: [5],
    });
    const random = generator(5),
      half = new Storage('float16', 33 * 65).fill(() => Math.floor(random() * 0x3c00)),
      weight = new Storage('float32', 65).fill(() => random());
    const out = new Storage('bfloat16', 33);
    const command = reduce({
      program,
      reducer: 'sum',
      params: [0.3],
      kept: [33],
      reduced: [65],
      written: [laid(out, [1])],
      inputs: [laid(half, [65, 1]), laid(weight, [0, 1])],
    });
    expect(compare('reduce', command, [out])).toEqual([]);
  });
  it('float32 sums no worse than the CPU’s where everything cancels', () => {
    const n = 70000,
      random = generator(9),
      x = new Storage('float32', n).fill((i) => (i % 2 === 0 ? 1 : -1) * (1 + Math.floor(random() * 4096)));
    const out = new Storage('float64', 1),
      program = define({
        compute: 'float32',
        ins: ['float32'],
        outs: ['float64'],
        instructions: [],
        results: [0],
      });
    const command = reduce({
      program,
      reducer: 'sum',
      kept: [],
      reduced: [n],
      written: [laid(out, [])],
      inputs: [laid(x, [1])],
    });
    expect(compare('reduce', command, [out])).toEqual([]); // whole numbers: exact in double
  });
});

/** Softmax: the maximum, the sum of kept exponentials, their quotient. Programs read x, two scalars and two kept values. */
function softmax(): { max: number; exp: number; last: number; log: number } {
  const ins = ['float32', 'float32', 'float32', 'float32', 'float32'] as const,
    base = { compute: 'float32', ins, outs: ['float32'] } as const;
  return {
    max: define({ ...base, instructions: [], results: [0] }),
    exp: define({
      ...base,
      instructions: [
        ['sub', 0, 1],
        ['exp', 5],
      ],
      results: [6],
    }),
    last: define({ ...base, instructions: [['div', 4, 2]], results: [5] }),
    log: define({ ...base, instructions: [['log', 2]], results: [5] }),
  };
}
const nowhere: Operand = { address: 0, strides: [0] };
const stage = (reducer: Reducer, prologue: number) => ({ reducer, prologue, epilogue: -1, kept: false });

interface RowShape {
  rows: number;
  n: number;
  column: boolean;
}
const rowShapes: RowShape[] = [
  { rows: 70, n: 3, column: false },
  { rows: 9, n: 30, column: false },
  { rows: 9, n: 250, column: false },
  { rows: 3, n: 1500, column: false },
  { rows: 2, n: 9000, column: false },
  { rows: 70, n: 50, column: true },
  { rows: 40, n: 100, column: true },
];

describe('rowwise', () => {
  it.each(rowShapes)('softmax of $rows rows of $n, columns: $column', ({ rows, n, column }) => {
    const { max, exp, last } = softmax(),
      random = generator(2);
    const x = new Storage('float32', rows * n).fill(() => random() * 10 - 5),
      out = new Storage('float32', rows * n),
      tops = new Storage('float32', rows);
    const strides = column ? [1, rows] : [n, 1];
    const command = (at: At): number =>
      encodeRowwise('rowwise', {
        params: [],
        sizes: [rows],
        n,
        stages: [
          { ...stage('max', max), out: { address: at(laid(tops, [1])), strides: [1] } },
          { ...stage('sum', exp), kept: true, out: nowhere },
        ],
        program: last,
        outputs: [lineAt(at, laid(out, strides))],
        inputs: [lineAt(at, laid(x, strides))],
      });
    // exp's ULP on either side, the sum's and the quotient's roundings.
    expect(compare('rowwise', command, [out, tops], (s) => (s === 0 ? 6 : 0))).toEqual([]);
  });
  it('stages with epilogues alone, and NaN in a row', () => {
    const { max, exp, log } = softmax(),
      rows = 5,
      n = 77,
      random = generator(4);
    const x = new Storage('float32', rows * n).fill((i) => (i === 100 ? Number.NaN : random())),
      logs = new Storage('float32', rows);
    const command = (at: At): number =>
      encodeRowwise('rowwise', {
        params: [],
        sizes: [rows],
        n,
        stages: [
          { ...stage('max', max), out: nowhere },
          { ...stage('sum', exp), epilogue: log, out: { address: at(laid(logs, [1])), strides: [1] } },
        ],
        program: -1,
        outputs: [],
        inputs: [lineAt(at, laid(x, [n, 1]))],
      });
    expect(compare('rowwise', command, [logs], () => 4)).toEqual([]);
  });
  it('products and minima of integers, over two dims of rows', () => {
    const ins = ['int16', 'int32', 'int32', 'int32', 'int32'] as const,
      base = { compute: 'int32', ins, outs: ['int64'] } as const;
    const first = define({ ...base, outs: ['int32'], instructions: [], results: [0] });
    const last = define({
      ...base,
      params: 0,
      instructions: [
        ['add', 1, 2],
        ['mul', 5, 0],
      ],
      results: [6],
    });
    const x = new Storage('int16', 600).fill((i) => (i % 13) - 6),
      out = new Storage('int64', 600);
    const command = (at: At): number =>
      encodeRowwise('rowwise', {
        params: [],
        sizes: [4, 5],
        n: 30,
        stages: [
          { ...stage('prod', first), out: { address: 0, strides: [0, 0] } },
          { ...stage('min', first), out: { address: 0, strides: [0, 0] } },
        ],
        program: last,
        outputs: [lineAt(at, laid(out, [150, 30, 1]))],
        inputs: [lineAt(at, laid(x, [30, 120, 1]))],
      });
    expect(compare('rowwise', command, [out])).toEqual([]);
  });
});

/** `operands` are the input, the result and, of cummax and cummin, the indices; their last stride is that of the lane. */
const scan =
  (name: Scan, dtype: Dtype, sizes: readonly number[], n: number, operands: readonly Laid[]) =>
  (at: At): number => {
    const [input, out, outIndex] = operands.map((o) => lineAt(at, o));
    const command = { scan: name, dtype: codeOf(dtype), sizes, n };
    return encodeScan('scan', { ...command, input: input!, out: out!, outIndex: outIndex ?? null });
  };
interface ScanShape {
  name: string;
  lanes: number[];
  n: number;
  strides: number[];
}
const scanShapes: ScanShape[] = [
  { name: 'rows', lanes: [5], n: 700, strides: [700, 1] },
  { name: 'a long row in chunks', lanes: [], n: 30000, strides: [1] },
  { name: 'columns', lanes: [3, 50], n: 20, strides: [1000, 1, 50] },
  { name: 'columns in chunks', lanes: [40], n: 5000, strides: [1, 40] },
  { name: 'many short rows', lanes: [400], n: 6, strides: [6, 1] },
];

describe('scan', () => {
  const cases = (Object.keys(scans) as Scan[]).flatMap((name, op) =>
    scanShapes
      .map((shape, i) => ({
        name,
        shape,
        dtype: (['float32', 'float64', 'int64', 'uint8', 'int16'] as const)[(op + i) % 5]!,
      }))
      .filter(({ dtype, name }) => name !== 'logcumsumexp' || isFloat(dtype)),
  );
  it.each(cases)('$name of $shape.name in $dtype', ({ name, shape, dtype }) => {
    const size = product(shape.lanes) * shape.n,
      random = generator(8);
    const indexed = name === 'cummax' || name === 'cummin';
    const whole = crowded(dtype, size, 3, indexed ? 0.0005 : 0);
    const x =
      name === 'cumprod' && isFloat(dtype)
        ? whole.fill(() => 1 + (random() - 0.5) / 64)
        : name === 'cumsum' && isFloat(dtype)
          ? whole.fill(() => random())
          : whole;
    const out = [new Storage(dtype, size), ...(indexed ? [new Storage('int64', size)] : [])];
    const operands = [x, ...out].map((s) => laid(s, shape.strides));
    const command = scan(name, dtype, shape.lanes, shape.n, operands);
    // Partial sums are added in another order: a rounding for each of some thousand steps, of float64 that is not compensated.
    const ulp = indexed || !isFloat(dtype) ? 0 : dtype === 'float32' ? 1 : 2000;
    expect(compare('scan', command, out, () => ulp)).toEqual([]);
  });
  it('in place, and bools with their indices', () => {
    const x = new Storage('int32', 5000).fill((i) => i % 7);
    expect(compare('scan', scan('cumsum', 'int32', [], 5000, [laid(x, [1]), laid(x, [1])]), [x])).toEqual([]);
    const b = new Storage('bool', 90).fill((i) => (i % 11 === 3 ? 1 : 0)),
      out = new Storage('bool', 90),
      index = new Storage('int64', 90);
    const operands = [b, out, index].map((s) => laid(s, [1]));
    expect(compare('scan', scan('cummax', 'bool', [], 90, operands), [out, index])).toEqual([]);
  });
});
