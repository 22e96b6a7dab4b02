// The notebook's timed cells as bench rows: T1 to T4, one small addition, the steps of H, K and L.
// suites/reference/workloads.py holds the same steps for NumPy and PyTorch: change both.

import type { Sample } from 'torchstone';
import * as engine from 'torchstone';
import { call, t } from 'torchstone/internals';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import type { ArrayValue } from '../common/compare.js';
import type { BenchInputs } from './inputs.js';
import type { Prepared, RowPlan, Workload } from './plan.js';
import type { Backend } from './worker.js';

const DRAWS = 'draws included; NumPy draws float32 with its fast generator, so that all do the same work';
const CHECKED_SIZE = 256;

/** The notebook's rows; at the notebook's own sizes when `full`, at sizes for a laptop otherwise. */
export function notebookRows(full: boolean, quick: boolean): RowPlan[] {
  const n = full ? 10_000 : quick ? 500 : 2_000;
  const m = full ? 10_000 : quick ? 256 : 1_000;
  const add = { torch: 'torch.add', numpy: 'numpy.add' };
  const matmul = { torch: 'torch.matmul', numpy: 'numpy.matmul' };
  const size = (one: number) => (one === 10_000 ? '' : `; the notebook has 10000: --full`);
  return [
    pairRow('T1', 100, 'randn twice, matmul', 100, (x, y) => x.matmul(y), matmul, { flops: 2 * 100 ** 3 }),
    pairRow('T2', n, `randn twice, add${size(n)}`, 10, (x, y) => x.add(y), add, { bytes: 5 * 4 * n * n }),
    pairRow('T3', n, `randn twice, add in place${size(n)}`, 10, (x, y) => x.add_(y), add, {
      bytes: 5 * 4 * n * n,
    }),
    matmulRow(m, `matmul${size(m)}`),
    smallAdd(),
    stepH(),
    stepK(),
    stepL(quick ? 100_000 : 1_000_000),
  ];
}

interface Paths {
  readonly torch: string;
  readonly numpy: string;
}
type Combine = (x: EngineTensor, y: EngineTensor) => EngineTensor;

const base = (id: string, label: string) =>
  ({ id: `notebook/${id}`, kind: 'notebook', group: 'notebook', label, dtype: 'float32' }) as const;

/** A comparison on whole numbers at a small size: the timed inputs are random, so their results cannot be compared. */
function comparison(
  inputs: BenchInputs,
  sample: Sample,
  combine: Combine,
  paths: Paths,
): Required<Pick<Prepared, 'output' | 'check'>> {
  const from = inputs.tensors.length;
  const spec: Workload = { name: 'call', params: ['input', 'other'], ...paths, ...inputs.describe(sample) };
  const [x, y] = inputs.tensors.slice(from) as [EngineTensor, EngineTensor];
  return { output: () => arrayOf(combine(x.clone(), y)), check: { torch: spec, numpy: spec } };
}

function squares(n: number): Sample {
  return call([t([n, n], { fill: 'ties' }), t([n, n], { fill: 'ties' })]);
}

function pairRow(
  id: string,
  n: number,
  work: string,
  times: number,
  combine: Combine,
  paths: Paths,
  cost: { flops?: number; bytes?: number },
): RowPlan {
  return {
    ...base(id, `${id}: ${n} × ${n}, ${work}`),
    ...cost,
    size: n,
    note: `time of one of the notebook's ${times} rounds, ${DRAWS}`,
    tolerance: 0,
    prepare: (inputs) => ({
      step: () => combine(engine.randn([n, n]), engine.randn([n, n])),
      reference: both({ name: id, size: n }),
      ...comparison(inputs, squares(Math.min(n, CHECKED_SIZE)), combine, paths),
    }),
  };
}

function matmulRow(n: number, work: string): RowPlan {
  return {
    ...base('T4', `T4: ${n} × ${n} ${work}`),
    flops: 2 * n ** 3,
    size: n,
    note: 'on the CPU the call returns when the result is there: launch and completion are stated apart, so that no row shows a launch as a result',
    tolerance: 0,
    prepare: (inputs) => {
      const paths = { torch: 'torch.matmul', numpy: 'numpy.matmul' };
      const described = inputs.describe(squares(n));
      const [x, y] = inputs.tensors as [EngineTensor, EngineTensor];
      const combine: Combine = (a, b) => a.matmul(b);
      return {
        step: () => x.matmul(y),
        launch: () => launched(() => x.matmul(y)),
        reference: both({ name: 'call', params: ['input', 'other'], ...paths, ...described }),
        ...comparison(inputs, squares(Math.min(n, CHECKED_SIZE)), combine, paths),
      };
    },
  };
}

/** The time until a call returned, and until one of its elements could be read. */
function launched(run: () => EngineTensor): { launchNs: number; completionNs: number } {
  const start = process.hrtime.bigint();
  const result = run();
  const returned = process.hrtime.bigint();
  result.at(-1, -1).item();
  const completed = process.hrtime.bigint();
  return { launchNs: Number(returned - start), completionNs: Number(completed - start) };
}

function smallAdd(): RowPlan {
  return {
    ...base('add-3x2', 'x + y of two 3 × 2 tensors'),
    required: 3,
    tolerance: 0,
    prepare: (inputs) => {
      const described = inputs.describe(call([t([3, 2]), t([3, 2])]));
      const [x, y] = inputs.tensors as [EngineTensor, EngineTensor];
      // What the notebook writes: the + of Python, the method of ours.
      return {
        step: () => x.add(y),
        output: () => arrayOf(x.add(y)),
        reference: both({ name: 'call', torch: 'operator.add', numpy: 'operator.add', ...described }),
      };
    },
  };
}

function both(workload: Workload): Partial<Record<Backend, Workload>> {
  return { torch: workload, numpy: workload };
}

/** Cell H: a graph of four nodes and its backward pass. */
function stepH(): RowPlan {
  const step = () => {
    const x = engine.ones([3, 2], { requiresGrad: true });
    const y = x.add(5);
    engine.sum(y.mul(y).add(1)).backward();
    return x.grad as EngineTensor;
  };
  return {
    ...base('H', 'cell H: build a graph of 3 × 2 tensors, backward'),
    tolerance: 0,
    prepare: () => ({ step, output: () => arrayOf(step()), reference: { torch: { name: 'H' } } }),
  };
}

/** A training step's parameters, and the step. */
export function lineOf(): { w: EngineTensor; b: EngineTensor; once(x: EngineTensor): void } {
  const w = engine.tensor([1], { dtype: 'float32', requiresGrad: true });
  const b = engine.tensor([1], { dtype: 'float32', requiresGrad: true });
  const once = (x: EngineTensor) => {
    engine.sum(w.mul(x).add(b).sub(x.mul(3).sub(2)).pow(2).div(2)).backward();
    descend(w, b, 0.01);
  };
  return { w, b, once };
}

function descend(w: EngineTensor, b: EngineTensor, rate: number): void {
  engine.noGrad(() => {
    w.sub_(w.grad!.mul(rate));
    b.sub_(b.grad!.mul(rate));
  });
  w.grad!.zero_();
  b.grad!.zero_();
}

function both1d(w: EngineTensor, b: EngineTensor): ArrayValue {
  return arrayOf(engine.cat([w.detach(), b.detach()]));
}

/** Cell K's training step, the same as in the memory figure. */
export function trainingStep(): () => void {
  const { once } = lineOf();
  return () => once(engine.randn([20, 1]));
}

function stepK(): RowPlan {
  return {
    ...base('K', 'cell K: one training step, 20 samples'),
    tolerance: 1e-5,
    prepare: (inputs) => {
      const { raw } = inputs.tensor({ shape: [20, 1] });
      const x = inputs.tensors[0]!;
      return {
        step: trainingStep(),
        output: () => {
          const { w, b, once } = lineOf();
          once(x);
          return both1d(w, b);
        },
        reference: { torch: { name: 'K', x: raw } },
      };
    },
  };
}

/** A rate at which thousands of timed steps stay finite; the notebook's diverges, and what is timed must not be infinities. */
const TINY_RATE = 1e-9;

function stepL(n: number): RowPlan {
  return {
    ...base('L', `cell L: one epoch, N = ${n}`),
    size: n,
    note: 'one epoch as the notebook writes it, with a rate that stays finite',
    tolerance: 1e-4,
    prepare: (inputs) => {
      const [rawX, rawW] = [inputs.tensor({ shape: [n] }), inputs.tensor({ shape: [n] })];
      const [x, start] = inputs.tensors as [EngineTensor, EngineTensor];
      const fresh = () => ({ w: start.clone().requiresGrad_(), b: engine.ones([1], { requiresGrad: true }) });
      const timed = fresh();
      return {
        step: () => epoch(timed.w, timed.b, engine.randn([n])),
        output: () => {
          const { w, b } = fresh();
          epoch(w, b, x);
          return both1d(w, b);
        },
        reference: { torch: { name: 'L', size: n, rate: TINY_RATE, x: rawX.raw, w: rawW.raw } },
      };
    },
  };
}

/** An epoch from these weights, as a function of the samples alone. */
export function epochOf(start: EngineTensor): (x: EngineTensor) => void {
  const [w, b] = [start.clone().requiresGrad_(), engine.ones([1], { requiresGrad: true })];
  return (x) => epoch(w, b, x);
}

function epoch(w: EngineTensor, b: EngineTensor, x: EngineTensor): void {
  const n = x.shape[0]!;
  const y = engine.dot(engine.ones([n]).mul(3), x).sub(2);
  engine.sum(engine.dot(w, x).add(b).sub(y).pow(2).div(2)).backward();
  descend(w, b, TINY_RATE);
}
