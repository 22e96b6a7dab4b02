// Rows of a fused chain: eight pointwise operations in one pass, against eager PyTorch and torch.compile. `chain` in
// suites/reference/workloads.py is the same expression: change both.
import { fuse, scalar } from 'torchstone';
import { t } from 'torchstone/internals';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import type { Mode } from './cpu-rows.js';
import type { RowPlan } from './plan.js';

const EAGER_RATIO = 3;
const COMPILED_RATIO = 0.9;
/** A first compilation starts a compiler several times. */
const COMPILE_MS = 240_000;

/** tanh(exp(−x²) / 2 + x) · y − x */
const chain = fuse(
  (x, y) =>
    scalar('tanh', scalar('exp', x.mul(x).neg()).mul(0.5).add(x))
      .mul(y)
      .sub(x),
  'chain',
);

/** Both rows; a quick run does not wait for a compiler. */
export function chainRows(mode: Mode): RowPlan[] {
  const n = mode === 'quick' ? 1_000_000 : 10_000_000;
  const eager = chainRow(`${n}`, n, 'against eager PyTorch', EAGER_RATIO, {});
  if (mode === 'quick') return [eager];
  return [eager, chainRow(`${n}-compiled`, n, 'against torch.compile', COMPILED_RATIO, { compile: true })];
}

function chainRow(
  name: string,
  n: number,
  against: string,
  required: number,
  how: { compile?: boolean },
): RowPlan {
  return {
    id: `cpu/chain/${name}`,
    kind: 'cpu',
    group: 'cpu chain',
    label: `fused chain of 8 pointwise ops, ${n.toLocaleString('en')} elements, ${against}`,
    dtype: 'float32',
    bytes: 3 * 4 * n,
    required,
    ...(how.compile ? { note: 'compiled before the first block', timeoutMs: COMPILE_MS } : {}),
    tolerance: 1e-5,
    prepare: (inputs) => {
      const spec = t([n], { fill: 'uniform' }).tensor;
      const [first, second] = [inputs.tensor(spec), inputs.tensor(spec)];
      const [x, y] = inputs.tensors as [EngineTensor, EngineTensor];
      const workload = { name: 'chain', x: first.raw, y: second.raw, ...how };
      return {
        step: () => chain(x, y),
        output: () => arrayOf(chain(x, y)),
        reference: { torch: workload, ...(how.compile ? {} : { numpy: workload }) },
      };
    },
  };
}
