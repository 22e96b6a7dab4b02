// CUDA's programs, reductions and scans against the CPU's on random commands: dims, sizes, strides (0, negative,
// permuted, with gaps), dtypes and instructions, from a seed that a failure names.
import { beforeAll, expect, it } from 'vitest';
import { type Reducer, reducers } from '../../engine/backend/commands/reduce.js';
import { encodeScan, type Scan } from '../../engine/backend/commands/scan.js';
import { below, generator, pick, placeOf, type Random } from '../support/random.js';
import {
  type At,
  codeOf,
  compare,
  type Dtype,
  define,
  dtypes,
  isFloat,
  laid,
  lineAt,
  openShim,
  pointwise,
  reduce,
  Storage,
} from './blocks.js';

beforeAll(openShim);

/** Sizes whose product stays within `most`. */
function sizesOf(random: Random, dims: number, most = 60_000): number[] {
  let left = most;
  return Array.from({ length: dims }, () => {
    const size = pick(
      random,
      [1, 2, 3, 5, 8, 12, 33, 64, 130, 900].filter((n) => n <= left),
    );
    left = Math.floor(left / size);
    return size;
  });
}

function storageOf(random: Random, dtype: Dtype, length: number): Storage {
  const low = dtype === 'bool' || dtype === 'uint8' ? 0 : -40,
    span = dtype === 'bool' ? 2 : 80;
  return new Storage(dtype, length).fill(() => {
    if (dtype === 'float16' || dtype === 'bfloat16')
      return below(random, 0x5000) + (random() < 0.5 ? 0x8000 : 0);
    return isFloat(dtype) ? random() * span + low : below(random, span) + low;
  });
}

const computed = dtypes.filter((d) => d !== 'float16' && d !== 'bfloat16');
/** Exact in every dtype, so that nothing may differ. */
const exact = ['add', 'sub', 'mul', 'maximum', 'minimum', 'neg', 'abs', 'where', 'clamp', 'lt', 'eq', 'fma'];
const arity = (name: string): number =>
  ['neg', 'abs'].includes(name) ? 1 : ['where', 'clamp', 'fma'].includes(name) ? 3 : 2;

function randomPointwise(random: Random): ReturnType<typeof compare> {
  const compute = pick(random, computed),
    ins = Array.from({ length: 1 + below(random, 4) }, () =>
      pick(random, random() < 0.5 ? [compute] : dtypes),
    );
  const outs = Array.from({ length: 1 + below(random, 2) }, () =>
    pick(random, random() < 0.5 ? [compute] : dtypes),
  );
  const instructions: [string, ...number[]][] = [];
  const inputs = ins.length + 1; // and a constant
  for (let i = 0; i < 1 + below(random, 5); ++i) {
    const name = pick(random, exact);
    instructions.push([name, ...Array.from({ length: arity(name) }, () => below(random, inputs + i))]);
  }
  const results = outs.map(() => below(random, inputs + instructions.length));
  const sizes = sizesOf(random, below(random, 4)),
    dtypesOf = [...outs, ...ins];
  const places = dtypesOf.map((_, k) => placeOf(random, sizes, k < outs.length));
  const storages = dtypesOf.map((dtype, k) => storageOf(random, dtype, places[k]!.length));
  const program = define({ compute, ins, outs, constants: [3], instructions, results });
  const operands = storages.map((s, k) => laid(s, places[k]!.strides, places[k]!.offset));
  return compare('pointwise', pointwise(program, sizes, operands), storages.slice(0, outs.length));
}

function randomReduce(random: Random): ReturnType<typeof compare> {
  const compute = pick(random, computed),
    from = pick(random, random() < 0.6 ? [compute] : dtypes),
    reducer = pick(random, Object.keys(reducers) as Reducer[]);
  const kept = sizesOf(random, below(random, 3), 2000);
  const reduced = sizesOf(random, below(random, 3), 100_000 / kept.reduce((a, b) => a * b, 1));
  const program = define({ compute, ins: [from], outs: [compute], instructions: [['neg', 0]], results: [1] });
  const input = placeOf(random, [...kept, ...reduced], false),
    output = placeOf(random, kept, true);
  const x = storageOf(random, from, input.length);
  if (reducer === 'prod')
    x.fill((i) => (from === 'float16' ? 0x3c00 : from === 'bfloat16' ? 0x3f80 : i % 97 === 5 ? 2 : 1));
  const written = [
    new Storage(compute, output.length),
    ...(reducer.startsWith('arg') ? [new Storage('int64', output.length)] : []),
  ];
  const command = reduce({
    program,
    reducer,
    kept,
    reduced,
    written: written.map((s) => laid(s, output.strides, output.offset)),
    inputs: [laid(x, input.strides, input.offset)],
  });
  // Sums that cancel have no small relative error; nothing but the last places differs by the order.
  const sums = compute === 'float32' ? 4096 : 64;
  const ulp = reducer === 'sum' && isFloat(compute) ? sums : reducer === 'prod' ? 2 : 0;
  return compare('reduce', command, written, (k) => (k === 0 ? ulp : 0));
}

function randomScan(random: Random): ReturnType<typeof compare> {
  const name = pick(random, ['cumsum', 'cumprod', 'cummax', 'cummin'] satisfies Scan[]),
    indexed = name === 'cummax' || name === 'cummin',
    dtype = pick(random, [
      'uint8',
      'int16',
      'int32',
      'int64',
      ...(indexed ? (['float32', 'float64'] as const) : []),
    ] as const);
  const lanes = sizesOf(random, below(random, 3), 200),
    n = pick(random, [1, 5, 40, 300, 2500, 9000]);
  const sizes = [...lanes, n],
    input = placeOf(random, sizes, false),
    output = placeOf(random, sizes, true);
  const x = storageOf(random, dtype, input.length);
  const written = [
    new Storage(dtype, output.length),
    ...(indexed ? [new Storage('int64', output.length)] : []),
  ];
  const command = (at: At): number => {
    const [out, outIndex] = written.map((s) => lineAt(at, laid(s, output.strides, output.offset)));
    return encodeScan('scan', {
      scan: name,
      dtype: codeOf(dtype),
      sizes: lanes,
      n,
      input: lineAt(at, laid(x, input.strides, input.offset)),
      out: out!,
      outIndex: outIndex ?? null,
    });
  };
  return compare('scan', command, written);
}

const families = { pointwise: randomPointwise, reduce: randomReduce, scan: randomScan };
const first = Number(process.env.TORCHSTONE_FUZZ_SEED ?? 1),
  count = Number(process.env.TORCHSTONE_FUZZ_COUNT ?? 5);
it.each(
  Array.from({ length: count }, (_, i) => first + i).flatMap((seed) =>
    (['pointwise', 'reduce', 'scan'] as const).map((family) => ({ seed, family })),
  ),
)('$family of seed $seed', ({ seed, family }) => {
  expect(families[family](generator(seed * 7919))).toEqual([]);
});
