// Layer norm: mean, variance and result in one pass over a row; fused gradients, or a composition of ops where they are
// recorded themselves.
import { gradMode } from '../../../autograd/grad-mode.js';
import { type Gradients, record, shouldRecord } from '../../../autograd/node.js';
import { message, NotImplementedError, RuntimeError, showShape } from '../../../core/errors.js';
import { newTensor } from '../../../core/factory.js';
import { sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { apply, type Expr, input, param } from '../../../pointwise/expr.js';
import { reduce } from '../../../pointwise/reduction.js';
import { newRowScalars, type RowPipeline, rowPipeline, runRows } from '../../../pointwise/rowwise.js';
import { defineOp } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { countOf, self } from '../../reduction/sum-mean-prod.js';

const [x0, x1, x2, x3, x4] = [input(0), input(1), input(2), input(3), input(4)];
const [count, epsilon] = [param(0), param(1)];

/** Over x, then the weight and the bias where there are any. Params: elements of a row, ε. */
function forwardOf(weight: boolean, bias: boolean): RowPipeline {
  return rowPipeline(1 + Number(weight) + Number(bias), (rows) => {
    const mean = rows.reduce('sum', x0, (total) => total.div(count));
    const apart = x0.sub(mean);
    const inverse = (total: Expr): Expr => apply('rsqrt', total.div(count).add(epsilon));
    const normal = apart.mul(rows.reduce('sum', apart.mul(apart), inverse));
    const scaled = weight ? normal.mul(x1) : normal;
    return bias ? scaled.add(weight ? x2 : x1) : scaled;
  });
}

/** (x − mean) / std, over the gradient, x, the mean and 1 / std. */
const normalized = x1.sub(x2).mul(x3);

/** The gradient of x, over the same, then the weight where there is one. Param: elements of a row. */
function backwardOf(weight: boolean): RowPipeline {
  return rowPipeline(weight ? 5 : 4, (rows) => {
    const g = weight ? x0.mul(x4) : x0;
    const mean = rows.reduce('sum', g, (total) => total.div(count));
    const slope = rows.reduce('sum', g.mul(normalized), (total) => total.div(count));
    return g.sub(mean).sub(normalized.mul(slope)).mul(x3);
  });
}

const forwards = [
  forwardOf(false, false),
  forwardOf(false, true),
  forwardOf(true, false),
  forwardOf(true, true),
];
const backwards = [backwardOf(false), backwardOf(true)];

function checkParameter(op: string, name: string, p: Tensor | null, shape: readonly number[]): void {
  if (p === null || sameShape(p.sizes, shape)) return;
  throw new RuntimeError(
    message(
      op,
      `${name} of shape ${showShape(shape)}`,
      showShape(p.sizes),
      `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${showShape(p.sizes)} and normalized_shape = ${showShape(shape)}`,
    ),
  );
}

function check(
  op: string,
  x: Tensor,
  shape: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
): void {
  if (shape.length === 0) {
    throw new RuntimeError(
      message(
        op,
        'normalizedShape with at least one size',
        '[]',
        'Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []',
      ),
    );
  }
  checkParameter(op, 'weight', weight, shape);
  checkParameter(op, 'bias', bias, shape);
  if (x.ndim < shape.length || !sameShape(x.sizes.slice(x.ndim - shape.length), shape)) {
    throw new RuntimeError(
      message(
        op,
        `an input whose last sizes are ${showShape(shape)}`,
        showShape(x.sizes),
        `Given normalized_shape=${showShape(shape)}, expected input with shape [*, ${shape.join(', ')}], but got input of size${showShape(x.sizes)}`,
      ),
    );
  }
  if (x.dtype.isIntegral) {
    throw new NotImplementedError(
      message(
        op,
        'a floating dtype',
        x.dtype.name,
        `"LayerNormKernelImpl" not implemented for '${x.dtype.title}'`,
      ),
    );
  }
  for (const p of [weight, bias]) {
    if (p !== null && p.dtype !== x.dtype) {
      throw new RuntimeError(
        message(
          op,
          `parameters of dtype ${x.dtype.name}`,
          p.dtype.name,
          `mixed dtype (CPU): expect parameter to have scalar type of ${x.dtype.title}`,
        ),
      );
    }
  }
}

interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly mean: Tensor;
  readonly inverse: Tensor;
  /** Which dims make a row. */
  readonly row: readonly boolean[];
  readonly eps: number;
  /** Whether the gradients of x, the weight and the bias are wanted. */
  readonly wanted: readonly [boolean, boolean, boolean];
}

function rowGradient(g: Tensor, s: Saved): Tensor {
  const out = newTensor(s.x.sizes, s.x.dtype);
  runRows({
    op: 'layerNorm',
    pipeline: backwards[s.weight === null ? 0 : 1]!,
    inputs: [g, s.x, s.mean, s.inverse, ...(s.weight === null ? [] : [s.weight])],
    params: [countOf(s.x.sizes, s.row)],
    compute: s.x.dtype,
    out,
    row: s.row,
  });
  return out;
}

/** Σ of an expression over all rows. */
function overRows(prologue: Expr, inputs: readonly Tensor[], s: Saved): Tensor {
  const common = {
    op: 'layerNorm',
    reducer: 'sum',
    compute: s.x.dtype,
    out: s.x.dtype,
    keepdim: false,
  } as const;
  return reduce({ ...common, prologue, inputs, reduced: s.row.map((r) => !r) });
}

function fusedGradients(g: Tensor, s: Saved): (Tensor | null)[] {
  const [x, weight, bias] = s.wanted;
  return [
    x ? rowGradient(g, s) : null,
    weight ? overRows(x0.mul(normalized), [g, s.x, s.mean, s.inverse], s) : null,
    bias ? overRows(x0, [g], s) : null,
  ];
}

/** The gradients as compositions of differentiable ops: mean and variance are computed again. */
function composedGradients(g: Tensor, s: Saved): (Tensor | null)[] {
  const rowDims = s.row.flatMap((r, d) => (r ? [d] : []));
  const rows = s.row.flatMap((r, d) => (r ? [] : [d]));
  const over = (v: Tensor): Tensor => (rows.length === 0 ? v : v.sum(rows));
  const apart = s.x.sub(s.x.mean(rowDims, true));
  const inverse = apart.mul(apart).mean(rowDims, true).add(s.eps).rsqrt();
  const normal = apart.mul(inverse);
  const gw = s.weight === null ? g : g.mul(s.weight);
  const slope = gw.mul(normal).mean(rowDims, true);
  const [x, weight, bias] = s.wanted;
  return [
    x ? gw.sub(gw.mean(rowDims, true)).sub(normal.mul(slope)).mul(inverse) : null,
    weight ? over(g.mul(normal)) : null,
    bias ? over(g) : null,
  ];
}

/** Layer norm under the name of the op that asks for it. */
export function layerNormOf(
  op: string,
  x: Tensor,
  shape: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  check(op, x, shape, weight, bias);
  const row = x.sizes.map((_, d) => d >= x.ndim - shape.length);
  const inputs = [x, weight, bias].filter((i): i is Tensor => i !== null);
  const recording = shouldRecord(inputs);
  const scalars = recording
    ? [newRowScalars(x.sizes, row, x.dtype), newRowScalars(x.sizes, row, x.dtype)]
    : [];
  const out = newTensor(x.sizes, x.dtype);
  runRows({
    op: 'layerNorm',
    pipeline: forwards[(weight === null ? 0 : 2) + (bias === null ? 0 : 1)]!,
    inputs,
    params: [countOf(x.sizes, row), eps],
    compute: x.dtype,
    out,
    row,
    scalars,
  });
  if (!recording) return out;
  return record('NativeLayerNormBackward0', out, inputs, (save, node) => {
    const saved = save(x);
    const savedWeight = weight === null ? null : save(weight);
    return ([g]): Gradients => {
      const wants = (t: Tensor | null): boolean => t !== null && node.next[inputs.indexOf(t)] !== null;
      const s: Saved = {
        x: saved.get(),
        weight: savedWeight?.get() ?? null,
        mean: scalars[0]!,
        inverse: scalars[1]!,
        row,
        eps,
        wanted: [wants(x), wants(weight), wants(bias)],
      };
      const all = gradMode.enabled ? composedGradients(g!, s) : fusedGradients(g!, s);
      return [all[0]!, ...(weight === null ? [] : [all[1]!]), ...(bias === null ? [] : [all[2]!])];
    };
  });
}

type Arguments = [
  x: Tensor,
  shape: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
];

export const layerNorm = defineOp({
  name: 'layerNorm',
  torch: 'torch.nn.functional.layer_norm',
  doc: '(input − mean) / √(variance + eps) · weight + bias over the last dims, whose sizes are `normalizedShape`.',
  gradName: 'NativeLayerNormBackward0',
  variants: ['function'],
  params: [
    self,
    { name: 'normalized_shape', kind: 'size' },
    { name: 'weight', kind: 'tensor', default: null },
    { name: 'bias', kind: 'tensor', default: null },
    { name: 'eps', kind: 'scalar', default: 1e-5 },
  ],
  kernel: (...args: Arguments): Tensor => layerNormOf('layerNorm', ...args),
  tests: () => ({
    samples: [
      call([t([3, 5]), [5]]),
      call([t([3, 5]), [5], t([5]), t([5])]),
      call([t([2, 3, 4]), [3, 4], t([3, 4]), t([3, 4]), 0.5]),
      call([t([3, 4]), [3, 4], t([3, 4])]),
      call([t([2, 3, 7]), [7], null, t([7])]),
      call([t([5, 7], { layout: 'transposed' }), [7], t([7], { layout: 'strided' }), t([7])]),
      call([t([2, 3, 4], { layout: 'transposed' }), [3, 4], t([3, 4]), t([3, 4])]),
      call([t([2, 1031]), [1031], t([1031]), t([1031])]),
      call([
        t([3, 5], { dtype: 'float64' }),
        [5],
        t([5], { dtype: 'float64' }),
        t([5], { dtype: 'float64' }),
      ]),
      call([t([0, 3]), [3], t([3]), t([3])]),
    ],
    errors: [
      { args: [t([2, 3]), [4]], throws: 'RuntimeError' },
      { args: [t([2, 3]), []], throws: 'RuntimeError' },
      { args: [t([2, 3]), [3], t([2])], throws: 'RuntimeError' },
      { args: [t([2, 3], { dtype: 'int64' }), [3]], throws: 'NotImplementedError' },
    ],
    bench: [call([t([4096, 1024]), [1024], t([1024]), t([1024])])],
  }),
});
