// Owns softmax and log-softmax: a maximum, a reduced prologue and one pointwise pass, without temporaries of the input's size.
import { record } from '../autograd/node.js';
import type { DType } from '../dtype.js';
import { message, NotImplementedError } from '../errors.js';
import { newTensor } from '../factory.js';
import { type Expr, input } from '../pointwise/expr.js';
import { launchPointwise } from '../pointwise/launch.js';
import { compile } from '../pointwise/program.js';
import { reduce } from '../pointwise/reduction.js';
import { wrapDim } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { maskOf } from './arguments.js';
import { defineOp } from './define.js';
import { self } from './reductions.js';
import { call, t } from './samples.js';

const shifted = input(0).sub(input(1));
const samples = [
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
  /** The result from x, the maximum and Σ exp(x − max). */
  readonly result: Expr;
  readonly gradient: (g: Tensor, y: Tensor, dim: number) => Tensor;
}

function define(rule: Rule) {
  return defineOp({
    name: rule.name,
    doc: rule.doc,
    params: [
      self,
      { name: 'dim', kind: 'int' },
      { name: 'dtype', kind: 'dtype', default: null, keyword: true },
    ],
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
      const out = newTensor(x.shape, x.dtype);
      if (x.length > 0) compute(rule, x, d, out);
      return record(`${rule.name === 'softmax' ? 'Softmax' : 'LogSoftmax'}Backward0`, out, [x], (save) => {
        const y = save(out);
        return ([g]) => [rule.gradient(g!, y.get(), d)];
      });
    },
    samples,
    errors: [
      { args: [t([3, 2]), 2], throws: 'IndexError' },
      { args: [t([3], { dtype: 'int64' }), 0], throws: 'NotImplementedError' },
    ],
    bench: [call([t([1000, 1000]), 1])],
  });
}

function compute(rule: Rule, x: Tensor, d: number, out: Tensor): void {
  const mask = maskOf(x.ndim === 0 ? [] : [d], x.ndim);
  const common = { op: rule.name, compute: x.dtype, out: x.dtype, reduced: mask, keepdim: true };
  const top = reduce({ ...common, reducer: 'max', prologue: input(0), inputs: [x] });
  const sums = reduce({ ...common, reducer: 'sum', prologue: shifted.exp(), inputs: [x, top] });
  const inputs = [x, top, sums];
  launchPointwise(
    rule.name,
    compile(
      rule.result,
      x.dtype,
      inputs.map((i) => i.dtype),
      0,
      x.dtype,
    ),
    out,
    inputs,
    [],
  );
}

export const softmax = define({
  name: 'softmax',
  doc: 'exp(input) / Σ exp(input) along `dim`, from the maximum, so that nothing overflows.',
  result: shifted.exp().div(input(2)),
  gradient: (g, y, dim) => {
    const gy = g.mul(y);
    return gy.sub(y.mul(y.ndim === 0 ? gy : gy.sum(dim, true)));
  },
});

export const logSoftmax = define({
  name: 'logSoftmax',
  doc: 'log softmax(input) along `dim`.',
  result: shifted.sub(input(2).log()),
  gradient: (g, y, dim) => g.sub(y.exp().mul(y.ndim === 0 ? g : g.sum(dim, true))),
});
