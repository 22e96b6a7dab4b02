// softmax and logSoftmax: maximum, sum of exponentials and result in one pass over a row, gradients likewise.
import { gradMode } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import type { DType } from '../../core/dtype.js';
import { message, NotImplementedError } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { input } from '../../pointwise/expr.js';
import { requireFloating } from '../../pointwise/fused-expression.js';
import { type RowPipeline, rowPipeline, runRows } from '../../pointwise/rowwise.js';
import { defineOp, type Param, snakeCase } from '../../registry/define.js';
import { maskOf } from '../../registry/dims.js';
import { call, t } from '../../registry/samples.js';
import { self } from '../reduction/sum-mean-prod.js';

const f64 = { dtype: 'float64' };
const dimParam: Param = { name: 'dim', kind: 'int' };
const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };

const samples = () => [
  call([t([3, 5]), 1]),
  call([t([3, 5, 2]), 0]),
  call([t([5, 7], { layout: 'transposed' }), -1]),
  call([t([]), 0]),
  call([t([0, 3]), 1]),
  call([t([2, 1031], { fill: 'large' }), 1]),
  call([t([1031, 3]), 0]),
  call([t([3, 5], { dtype: 'float64' }), 1]),
  call([t([3, 5], { dtype: 'int64' }), 1], { dtype: { dtype: 'float32' } }),
  call([t([2, 3], { fill: { values: ['-inf', 0, 1, 'nan', 2, 3] } }), 1], {}, { noGrad: 'special values' }),
];

interface Rule {
  readonly name: 'softmax' | 'logSoftmax';
  readonly doc: string;
  /** Over x. */
  readonly forward: RowPipeline;
  /** Over the gradient and the result. */
  readonly backward: RowPipeline;
  /** The same as `backward`, differentiable. `over` sums along the dim. */
  readonly gradient: (g: Tensor, y: Tensor, over: (t: Tensor) => Tensor) => Tensor;
}

function define(rule: Rule) {
  return defineOp({
    name: rule.name,
    doc: rule.doc,
    params: [self, dimParam, dtypeParam],
    aliases: ['special', 'nn.functional'].map((place) => `torch.${place}.${snakeCase(rule.name)}`),
    kernel: (raw: Tensor, dim: number, dtype: DType | null): Tensor => {
      const x = dtype === null ? raw : raw.to(dtype);
      if (x.dtype.isIntegral) {
        throw new NotImplementedError(
          message(
            rule.name,
            'a floating dtype',
            x.dtype.name,
            `"${rule.name}_lastdim_kernel_impl" not implemented for '${x.dtype.title}'`,
          ),
        );
      }
      const d = wrapDim(rule.name, dim, x.ndim);
      const out = newTensor(x.sizes, x.dtype);
      const row = maskOf(x.ndim === 0 ? [] : [d], x.ndim);
      runRows({ op: rule.name, pipeline: rule.forward, inputs: [x], compute: x.dtype, out, row });
      return record(`${rule.name === 'softmax' ? 'Softmax' : 'LogSoftmax'}Backward0`, out, [x], (save) => {
        const y = save(out);
        return ([g]) => [gradientOf(rule, g!, y.get(), d, row)];
      });
    },
    tests: () => ({
      samples: samples(),
      errors: [
        { args: [t([3, 2]), 2], throws: 'IndexError' },
        { args: [t([3], { dtype: 'int64' }), 0], throws: 'NotImplementedError' },
      ],
      bench: [call([t([1000, 1000]), 1])],
    }),
  });
}

function gradientOf(rule: Rule, g: Tensor, y: Tensor, dim: number, row: readonly boolean[]): Tensor {
  if (gradMode.enabled) return rule.gradient(g, y, (t) => (t.ndim === 0 ? t : t.sum(dim, true)));
  const out = newTensor(y.sizes, y.dtype);
  runRows({ op: rule.name, pipeline: rule.backward, inputs: [g, y], compute: y.dtype, out, row });
  return out;
}

const [x0, x1] = [input(0), input(1)];

const softmaxRule: Rule = {
  name: 'softmax',
  doc: 'exp(input) / Σ exp(input) along `dim`, from the maximum, so that nothing overflows.',
  forward: rowPipeline(1, (rows) => {
    const e = x0.sub(rows.reduce('max', x0)).exp();
    return e.mul(rows.reduce('sum', e, (total) => total.reciprocal()));
  }),
  backward: rowPipeline(2, (rows) => x1.mul(x0.sub(rows.reduce('sum', x0.mul(x1))))),
  gradient: (g, y, over) => y.mul(g.sub(over(g.mul(y)))),
};
export const softmax = define(softmaxRule);

const logSoftmaxRule: Rule = {
  name: 'logSoftmax',
  doc: 'log softmax(input) along `dim`.',
  forward: rowPipeline(1, (rows) => {
    const shifted = x0.sub(rows.reduce('max', x0));
    return shifted.sub(rows.reduce('sum', shifted.exp(), (total) => total.log()));
  }),
  backward: rowPipeline(2, (rows) => x0.sub(x1.exp().mul(rows.reduce('sum', x0)))),
  gradient: (g, y, over) => g.sub(y.exp().mul(over(g))),
};
export const logSoftmax = define(logSoftmaxRule);

export const softmin = defineOp({
  name: 'softmin',
  torch: 'torch.nn.functional.softmin',
  doc: 'softmax(−input) along `dim`.',
  variants: ['function'],
  params: [self, dimParam, dtypeParam],
  compose: (x: Tensor, dim: number, dtype: DType | null): Tensor => softmax.impl(x.neg(), dim, dtype),
  tests: () => ({
    samples: [call([t([3, 5]), 1]), call([t([3, 5]), 0], { dtype: { dtype: 'float64' } })],
    errors: [{ args: [t([3, 2]), 2], throws: 'IndexError' }],
  }),
});

const dimAndType: readonly Param[] = [
  { name: 'dim', kind: 'int' },
  { name: 'input_dtype', kind: 'dtype' },
];

/** A gradient as an op of its own: of the rule, from the gradient and the result. */
function backwardData(rule: Rule, name: string, torch: string) {
  return defineOp({
    name,
    torch,
    doc: `The gradient of ${rule.name}'s input, from that of its result and the result.`,
    params: [{ name: 'grad_output', kind: 'tensor' }, { name: 'output', kind: 'tensor' }, ...dimAndType],
    compose: (g: Tensor, y: Tensor, dim: number, dtype: DType): Tensor => {
      requireFloating(rule.name, g.dtype);
      const d = wrapDim(rule.name, dim, y.ndim);
      const out = rule.gradient(g, y, (v) => (v.ndim === 0 ? v : v.sum(d, true)));
      // The input may have been of half the result's precision; nothing else differs.
      return dtype.itemSize === 2 ? out.to(dtype) : out;
    },
    tests: () => ({
      samples: [call([t([3, 5], f64), t([3, 5], { ...f64, fill: 'probability' }), 1, { dtype: 'float64' }])],
    }),
  });
}
export const softmaxBackwardData = backwardData(
  softmaxRule,
  'ops.aten.softmaxBackwardData',
  'torch._softmax_backward_data',
);
export const logSoftmaxBackwardData = backwardData(
  logSoftmaxRule,
  'ops.aten.logSoftmaxBackwardData',
  'torch._log_softmax_backward_data',
);

/** Softmax along a dim that gives 0 for a row of nothing but −∞, where softmax gives NaN. */
export function safeSoftmaxOf(x: Tensor, dim: number): Tensor {
  const empty = x.detach().eq(Number.NEGATIVE_INFINITY).all(dim, true);
  return softmax.impl(x.maskedFill(empty, 0), dim, null).maskedFill(empty, 0);
}
export const safeSoftmax = defineOp({
  name: 'ops.aten.safeSoftmax',
  torch: 'torch.ops.aten._safe_softmax.default',
  doc: 'softmax along `dim`, but 0 for a row of nothing but −∞.',
  params: [self, { name: 'dim', kind: 'int' }, { name: 'dtype', kind: 'dtype', default: null }],
  compose: (x: Tensor, dim: number, dtype: DType | null): Tensor =>
    safeSoftmaxOf(dtype === null ? x : x.to(dtype), dim),
  tests: () => ({
    samples: [
      call([t([3, 5]), 1]),
      call([t([2, 2], { fill: { values: ['-inf', '-inf', '-inf', 1] } }), 1], {}, { noGrad: 'infinities' }),
    ],
  }),
});
