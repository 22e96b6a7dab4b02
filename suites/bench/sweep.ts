// Rows of the op sweep: scaling curves over a few ops, and the sample calls that declarations name as `bench`.

import type { Sample } from 'torchstone';
import * as engine from 'torchstone';
import { call, t } from 'torchstone/internals';
import { arrayOf, type EngineTensor, flattenResult, positional, publicArguments } from '../common/bind.js';
import { type RegisteredOp, registeredOps, testsOf } from '../common/registry.js';
import { tensorsOf } from '../common/tensor-specs.js';
import type { BenchInputs } from './inputs.js';
import type { Prepared, RowPlan, Workload } from './plan.js';
import type { Backend } from './worker.js';

/** One op over several sizes. */
interface CurveSpec {
  readonly op: string;
  readonly sizes: readonly number[];
  readonly quick: readonly number[];
  readonly sample: (n: number) => Sample;
  /** Arrays of n float32 read and written. */
  readonly arrays?: number;
  readonly flops?: (n: number) => number;
  readonly tolerance?: number;
  readonly label?: string;
}

/** Four at least: the curve through them has three parameters. */
const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const QUICK = [1_000, 100_000];
const pointwise = { sizes: SIZES, quick: QUICK };
const SQUARES: Readonly<Record<number, [number, number]>> = {
  1000: [20, 50],
  10000: [100, 100],
  100000: [250, 400],
};
const square = (n: number) => SQUARES[n] ?? [1000, 1000];

/** Whole numbers as inputs wherever something is summed: then every order of summation gives the same float32. */
const CURVES: readonly CurveSpec[] = [
  {
    op: 'add',
    ...pointwise,
    sizes: [10, ...SIZES, 10_000_000],
    sample: (n) => call([t([n]), t([n])]),
    arrays: 3,
  },
  { op: 'mul', ...pointwise, sample: (n) => call([t([n]), t([n])]), arrays: 3 },
  { op: 'exp', ...pointwise, sample: (n) => call([t([n], { fill: 'uniform' })]), arrays: 2, tolerance: 1e-6 },
  {
    op: 'tanh',
    ...pointwise,
    sample: (n) => call([t([n], { fill: 'uniform' })]),
    arrays: 2,
    tolerance: 1e-6,
  },
  { op: 'sum', ...pointwise, sample: (n) => call([t([n], { fill: 'ties' })]), arrays: 1 },
  { op: 'cumsum', ...pointwise, sample: (n) => call([t([n], { fill: 'ties' }), 0]), arrays: 2 },
  { op: 'softmax', ...pointwise, sample: (n) => call([t(square(n)), -1]), arrays: 2, tolerance: 1e-5 },
  { op: 'sort', ...pointwise, sample: (n) => call([t([n])]) },
  { op: 'cat', ...pointwise, sample: (n) => call([[t([n / 2]), t([n / 2])]]), arrays: 2 },
  {
    op: 'contiguous',
    label: 'copy of a transposed matrix',
    ...pointwise,
    sample: (n) => call([t(square(n), { layout: 'transposed' })]),
    arrays: 2,
  },
  {
    op: 'matmul',
    sizes: [16, 64, 256, 512, 1024],
    quick: [64, 256],
    sample: (n) => call([t([n, n], { fill: 'ties' }), t([n, n], { fill: 'ties' })]),
    flops: (n) => 2 * n ** 3,
  },
];

/** The rows of the sweep for the ops that the registry has. */
export function sweepRows(quick: boolean): RowPlan[] {
  const ops = new Map(registeredOps().map((op) => [op.name, op]));
  const found: RowPlan[] = [];
  for (const curve of CURVES) {
    const op = ops.get(curve.op);
    for (const n of op ? (quick ? curve.quick : curve.sizes) : []) found.push(curveRow(op!, curve, n));
  }
  const curves = new Set(CURVES.map((curve) => curve.op));
  // A declared sample of an op that has a curve would time the same call twice.
  for (const op of quick ? [] : ops.values())
    if (!curves.has(op.name))
      (testsOf(op.op).bench ?? []).forEach((sample, at) => void found.push(declaredRow(op, sample, at)));
  return found;
}

function curveRow(op: RegisteredOp, curve: CurveSpec, n: number): RowPlan {
  const sample = curve.sample(n);
  return {
    id: `sweep/${op.name}/${n}@float32`,
    kind: 'sweep',
    group: op.name,
    label: `${curve.label ?? op.name} ${n}`,
    size: n,
    dtype: 'float32',
    ...(curve.arrays ? { bytes: curve.arrays * n * 4 } : {}),
    ...(curve.flops ? { flops: curve.flops(n) } : {}),
    tolerance: curve.tolerance ?? 0,
    prepare: (inputs) => prepareCall(op, sample, inputs),
  };
}

function declaredRow(op: RegisteredOp, sample: Sample, at: number): RowPlan {
  const first = tensorsOf(sample)[0];
  const dtype = first?.dtype ?? 'float32';
  const shape = tensorsOf(sample)
    .map((one) => one.shape.join('×'))
    .join(', ');
  return {
    id: `sweep/${op.name}/declared-${at}@${dtype}`,
    kind: 'sweep',
    group: 'declared',
    label: `${op.name} ${shape}`,
    dtype,
    tolerance: 1e-4,
    prepare: (inputs) => prepareCall(op, sample, inputs),
  };
}

/** One call of an op through its public function, and the same call for the references. */
export function prepareCall(op: RegisteredOp, sample: Sample, inputs: BenchInputs): Prepared {
  const from = inputs.tensors.length;
  const described = inputs.describe(sample);
  const tensors = inputs.tensors.slice(from);
  const step = publicCall(op, sample, tensors);
  const spec = {
    name: 'call',
    torch: op.torch,
    numpy: op.numpy,
    params: op.params.map((one) => one.name),
    ...described,
  };
  return {
    step,
    output: () => arrayOf(flattenResult(step())[0] as EngineTensor),
    reference: references(spec, op.numpy !== undefined),
  };
}

function references(spec: Workload, numpy: boolean): Partial<Record<Backend, Workload>> {
  return numpy ? { torch: spec, numpy: spec } : { torch: spec };
}

type Callable = (...args: unknown[]) => unknown;

/** A step that calls the op as a user would, without a spread in the timed path. */
function publicCall(op: RegisteredOp, sample: Sample, tensors: readonly EngineTensor[]): () => unknown {
  const args = publicArguments(op.params, positional(op.params, sample.args, sample.kwargs ?? {}, tensors));
  const named = op.name
    .split('.')
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], engine);
  const [a, b, c] = args;
  if (typeof named !== 'function') {
    const self = a as Record<string, Callable>;
    return args.length === 1 ? () => self[op.name]!() : () => self[op.name]!(...args.slice(1));
  }
  const f = named as Callable;
  switch (args.length) {
    case 1:
      return () => f(a);
    case 2:
      return () => f(a, b);
    case 3:
      return () => f(a, b, c);
    default:
      return () => f(...args);
  }
}
