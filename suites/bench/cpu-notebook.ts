// Rows of the notebook's cells with a required ratio, and of the call overhead on 3 × 2 tensors. The cells are in
// notebook-rows.ts.
import * as engine from 'torchstone';
import { t } from 'torchstone/internals';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import type { Mode } from './cpu-rows.js';
import { notebookRows } from './notebook-rows.js';
import type { RowPlan, Workload } from './plan.js';

/** Cells that are raced as notebook-rows.ts has them: the ratio they must reach. */
const CELLS: Readonly<Record<string, number>> = { T1: 3, H: 6, K: 6, L: 5 };
const PAIR_RATIO = 8;
const OVERHEAD_RATIO = 5;
const COLUMNS = 1_000;
const CHECKED_ROWS = 100;
/** Arrays of N float32 that an epoch of cell L reads and writes: see `epoch` in notebook-rows.ts. */
const EPOCH_ARRAYS = 16;

/** T1 to T3 and the steps of H, K and L. */
export function notebookFigures(mode: Mode): RowPlan[] {
  const cells = notebookRows(mode === 'full', mode === 'quick').flatMap((plan): RowPlan[] => {
    const name = plan.id.replace('notebook/', '');
    const required = CELLS[name];
    if (required === undefined) return [];
    const bytes = name === 'L' && plan.size !== undefined ? { bytes: EPOCH_ARRAYS * 4 * plan.size } : {};
    return [{ ...plan, ...bytes, id: `cpu/${name}`, kind: 'cpu', group: `cpu ${name}`, required }];
  });
  const sizes = { quick: [1e5], usual: [1e5, 1e7], full: [1e5, 1e7, 1e8] }[mode];
  const pairs = PAIRS.flatMap((pair) => sizes.map((n) => pairRow(pair, n)));
  return [...cells.slice(0, 1), ...pairs, ...cells.slice(1)];
}

interface Pair {
  readonly id: string;
  readonly what: string;
  readonly combine: (x: EngineTensor, y: EngineTensor) => EngineTensor;
}

const PAIRS: readonly Pair[] = [
  { id: 'T2', what: 'add', combine: (x, y) => x.add(y) },
  { id: 'T3', what: 'add in place', combine: (x, y) => x.add_(y) },
];

function pairRow({ id, what, combine }: Pair, n: number): RowPlan {
  const shape = [n / COLUMNS, COLUMNS];
  return {
    id: `cpu/${id}/${n}`,
    kind: 'cpu',
    group: `cpu ${id}`,
    label: `${id}: randn twice and ${what}, ${n.toLocaleString('en')} elements`,
    size: n,
    dtype: 'float32',
    bytes: 5 * 4 * n,
    required: PAIR_RATIO,
    note: 'draws included; compared on whole numbers of the same width',
    tolerance: 0,
    timeoutMs: 120_000,
    prepare: (inputs) => {
      const small = { shape: [Math.min(n / COLUMNS, CHECKED_ROWS), COLUMNS], fill: 'ties' } as const;
      const args = [inputs.tensor(small), inputs.tensor(small)];
      const [x, y] = inputs.tensors as [EngineTensor, EngineTensor];
      const check = both({ name: 'call', torch: 'operator.add', numpy: 'operator.add', args });
      return {
        step: () => combine(engine.randn(shape), engine.randn(shape)),
        reference: both({ name: id, shape }),
        output: () => arrayOf(combine(x.clone(), y)),
        check,
      };
    },
  };
}

/** One call on a 3 × 2 tensor as a user writes it, and in Python. */
interface Overhead {
  readonly name: string;
  readonly label: string;
  readonly ours: (x: EngineTensor, y: EngineTensor) => EngineTensor;
  readonly torch: string;
  readonly numpy?: string;
  /** What follows x. */
  readonly more: 'y' | readonly unknown[];
  readonly bytes?: number;
}

const OVERHEAD: readonly Overhead[] = [
  {
    name: 'add',
    label: 'x + y',
    ours: (x, y) => x.add(y),
    torch: 'operator.add',
    numpy: 'operator.add',
    more: 'y',
    bytes: 72,
  },
  {
    name: 'mul',
    label: 'x * y',
    ours: (x, y) => x.mul(y),
    torch: 'operator.mul',
    numpy: 'operator.mul',
    more: 'y',
    bytes: 72,
  },
  {
    name: 'sum',
    label: 'x.sum()',
    ours: (x) => x.sum(),
    torch: 'torch.Tensor.sum',
    numpy: 'numpy.ndarray.sum',
    more: [],
    bytes: 28,
  },
  {
    name: 'view',
    label: 'x.view([2, 3])',
    ours: (x) => x.view([2, 3]),
    torch: 'torch.Tensor.view',
    more: [[2, 3]],
  },
  {
    name: 'slice',
    label: 'x[1:3]',
    ours: (x) => x.at('1:3'),
    torch: 'operator.getitem',
    more: [{ slice: [1, 3] }],
  },
];

/** What a call costs beside its arithmetic. */
export function overheadRows(): RowPlan[] {
  return OVERHEAD.map((one) => ({
    id: `cpu/overhead/${one.name}`,
    kind: 'cpu',
    group: 'cpu overhead',
    label: `${one.label}, 3 × 2`,
    dtype: 'float32',
    ...(one.bytes === undefined ? {} : { bytes: one.bytes }),
    required: OVERHEAD_RATIO,
    tolerance: 0,
    prepare: (inputs) => {
      const small = t([3, 2], { fill: 'ties' }).tensor;
      const [first, second] = [inputs.tensor(small), inputs.tensor(small)];
      const [x, y] = inputs.tensors as [EngineTensor, EngineTensor];
      const args = [first, ...(one.more === 'y' ? [second] : one.more)];
      const torch: Workload = { name: 'call', torch: one.torch, args };
      return {
        step: () => one.ours(x, y),
        output: () => arrayOf(one.ours(x, y)),
        reference: { torch, ...(one.numpy ? { numpy: { ...torch, numpy: one.numpy } } : {}) },
      };
    },
  }));
}

function both(workload: Workload): { torch: Workload; numpy: Workload } {
  return { torch: workload, numpy: workload };
}
