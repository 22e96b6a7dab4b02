// The sweep of `--suite cpu`: 40 ops × sizes, and the geometric mean of their ratios.
import type { ArgSpec, Fill, Sample, Tensor } from 'torchstone';
import { call, t } from 'torchstone/internals';
import type { BenchRow } from '../../reports/schema/index.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import type { Mode } from './cpu-rows.js';
import type { RowPlan } from './plan.js';
import { prepareCall } from './sweep.js';

const SIZES: Readonly<Record<Mode, readonly number[]>> = {
  quick: [100_000],
  usual: [1_000, 100_000, 10_000_000],
  full: [1_000, 100_000, 10_000_000],
};
const ROW_RATIO = 0.85;
const MEAN_RATIO = 1.5;
/** Where results are rounded: a float32 function of good libraries, and sums of them. */
const ROUNDED = 2e-6;
const SUMMED = 2e-5;

interface SweepSpec {
  readonly op: string;
  /** Where an op has several rows. */
  readonly as?: string;
  readonly args: (n: number) => readonly ArgSpec[];
  /** Arrays of n float32 read and written. */
  readonly arrays: number;
  readonly tolerance: number;
  /** Also timed at this size with its result released at once: what waiting for the garbage collector costs. */
  readonly releasedAt?: number;
}

/** Rows and columns of a matrix of n elements. */
function plane(n: number): [number, number] {
  const columns = { 1000: 50, 100000: 400 }[n] ?? 4_000;
  return [n / columns, columns];
}

const one =
  (fill: Fill = 'uniform', ...more: ArgSpec[]) =>
  (n: number) => [t([n], { fill }), ...more];
const two =
  (fill: Fill = 'uniform') =>
  (n: number) => [t([n], { fill }), t([n], { fill: 'nonzero' })];
const matrix =
  (fill: Fill, ...more: ArgSpec[]) =>
  (n: number) => [t(plane(n), { fill }), ...more];
const mask = (n: number) => t([n], { dtype: 'bool' });
const exact = { tolerance: 0 };
const released = { releasedAt: 100_000 };
const rounded = { tolerance: ROUNDED };
const summed = { tolerance: SUMMED };

/** Whole numbers wherever something is summed: then every order of summation gives the same float32. */
const SPECS: readonly SweepSpec[] = [
  { op: 'add', args: two(), arrays: 3, ...exact, ...released },
  { op: 'add', as: 'add-row', args: (n) => [t(plane(n)), t([plane(n)[1]])], arrays: 2, ...exact },
  { op: 'sub', args: two(), arrays: 3, ...exact },
  { op: 'mul', args: two(), arrays: 3, ...exact },
  { op: 'div', args: two(), arrays: 3, ...rounded },
  { op: 'maximum', args: two(), arrays: 3, ...exact },
  { op: 'lt', args: two(), arrays: 2.25, ...exact },
  { op: 'neg', args: one(), arrays: 2, ...exact, ...released },
  { op: 'abs', args: one(), arrays: 2, ...exact },
  { op: 'square', args: one(), arrays: 2, ...exact },
  { op: 'sqrt', args: one('positive'), arrays: 2, ...rounded },
  { op: 'exp', args: one(), arrays: 2, ...rounded, ...released },
  { op: 'log', args: one('positive'), arrays: 2, ...rounded },
  { op: 'log1p', args: one('positive'), arrays: 2, ...rounded },
  { op: 'pow', args: one('positive', 2.5), arrays: 2, ...rounded },
  { op: 'sin', args: one(), arrays: 2, ...rounded },
  { op: 'tanh', args: one(), arrays: 2, ...rounded },
  { op: 'sigmoid', args: one(), arrays: 2, ...rounded },
  { op: 'erf', args: one(), arrays: 2, ...rounded },
  { op: 'relu', args: one(), arrays: 2, ...exact, ...released },
  { op: 'gelu', args: one(), arrays: 2, ...rounded },
  { op: 'silu', args: one(), arrays: 2, ...rounded },
  { op: 'clamp', args: one('uniform', -1, 1), arrays: 2, ...exact },
  { op: 'where', args: (n) => [mask(n), ...two()(n)], arrays: 3.25, ...exact },
  { op: 'sum', args: one('ties'), arrays: 1, ...exact },
  { op: 'sum', as: 'sum-rows', args: matrix('ties', 1), arrays: 1, ...exact },
  { op: 'sum', as: 'sum-columns', args: matrix('ties', 0), arrays: 1, ...exact },
  { op: 'mean', as: 'mean-rows', args: matrix('ties', 1), arrays: 1, ...rounded },
  { op: 'amax', as: 'amax-rows', args: matrix('uniform', 1), arrays: 1, ...exact },
  { op: 'argmax', as: 'argmax-rows', args: matrix('uniform', 1), arrays: 1, ...exact },
  { op: 'var', as: 'var-rows', args: matrix('uniform', 1), arrays: 1, ...summed },
  { op: 'logsumexp', as: 'logsumexp-rows', args: matrix('uniform', 1), arrays: 1, ...summed },
  { op: 'softmax', args: matrix('uniform', 1), arrays: 2, ...summed },
  { op: 'logSoftmax', args: matrix('uniform', 1), arrays: 2, ...summed },
  {
    op: 'layerNorm',
    args: (n) => [t(plane(n)), [plane(n)[1]], t([plane(n)[1]]), t([plane(n)[1]])],
    arrays: 2,
    ...summed,
  },
  { op: 'cat', args: (n) => [[t([n / 2]), t([n / 2])]], arrays: 2, ...exact },
  {
    op: 'gather',
    args: (n) => [t(plane(n)), 1, t(plane(n), { dtype: 'int64', fill: { low: 0, high: plane(n)[1] } })],
    arrays: 4,
    ...exact,
  },
  {
    op: 'contiguous',
    as: 'transpose-copy',
    args: (n) => [t(plane(n), { fill: 'uniform', layout: 'transposed' })],
    arrays: 2,
    ...exact,
  },
  { op: 'sort', args: one(), arrays: 4, ...exact },
  { op: 'cumsum', args: one('ties', 0), arrays: 2, ...exact },
];

/** The rows; an op that the registry does not have is a row that cannot be run. */
export function cpuSweepRows(mode: Mode): RowPlan[] {
  const ops = new Map(registeredOps().map((op) => [op.name, op]));
  // Size by size: what a run of a large size does to the memory of the process must not show in the small ones.
  return SIZES[mode].flatMap((n) => [
    ...SPECS.map((spec) => sweepRow(ops.get(spec.op), spec, n)),
    ...SPECS.filter((spec) => spec.releasedAt === n).map((spec) =>
      releasedRow(sweepRow(ops.get(spec.op), spec, n)),
    ),
  ]);
}

function sweepRow(op: RegisteredOp | undefined, spec: SweepSpec, n: number): RowPlan {
  const name = spec.as ?? spec.op;
  const sample: Sample = call(spec.args(n));
  return {
    id: `cpu/sweep/${name}/${n}@float32`,
    kind: 'cpu',
    group: `cpu ${name}`,
    label: `${name.replace('-', ' ')} ${n.toLocaleString('en')}`,
    size: n,
    dtype: 'float32',
    bytes: spec.arrays * 4 * n,
    required: ROW_RATIO,
    tolerance: spec.tolerance,
    ...(op ? {} : { unavailable: `the engine has no ${spec.op} yet` }),
    prepare: (inputs) => prepareCall(op!, sample, inputs),
  };
}

/** The same call whose result is given back at once, as by `using`: PyTorch's reference counts always do that. */
function releasedRow({ required: _, ...row }: RowPlan): RowPlan {
  return {
    ...row,
    id: row.id.replace('/sweep/', '/released/'),
    label: `${row.label}, released at once`,
    prepare: (inputs) => {
      const prepared = row.prepare(inputs);
      return { ...prepared, step: () => (prepared.step() as Tensor).dispose() };
    },
  };
}

/** The geometric mean of the sweep's ratios against PyTorch as a row of its own; none of fewer than all sweep rows. */
export function meanRow(rows: readonly BenchRow[], mode: Mode): BenchRow | undefined {
  return meanOf(rows, 'cpu', SPECS.length * SIZES[mode].length, MEAN_RATIO);
}

/** The same of any suite's sweep, which has `whole` rows. */
export function meanOf(
  rows: readonly BenchRow[],
  suite: 'cpu' | 'cuda',
  whole: number,
  required: number,
): BenchRow | undefined {
  const sweep = rows.filter((row) => row.reference === 'torch' && row.id.startsWith(`${suite}/sweep/`));
  const raced = sweep.filter((row) => row.ratio !== undefined);
  if (sweep.length < whole || raced.length === 0) return undefined;
  const mean = (of: 'median' | 'low' | 'high') =>
    Math.exp(raced.reduce((sum, row) => sum + Math.log(row.ratio![of]), 0) / raced.length);
  const median = mean('median');
  const without = sweep.length - raced.length;
  return {
    id: `${suite}/sweep-mean/torch`,
    group: `${suite} sweep mean`,
    label: `geometric mean of ${raced.length} sweep rows`,
    ours: { medianNs: 0, samples: [] },
    reference: 'torch',
    ratio: { median, low: mean('low'), high: mean('high') },
    correct: sweep.some((row) => row.correct === false) ? 'unchecked' : true,
    required: { ratio: required, held: median >= required },
    ...(without > 0 ? { note: `${without} rows without a ratio are left out of the mean` } : {}),
  };
}
