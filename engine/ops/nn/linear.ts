// linear and bilinear, as matrix products.

import { record, shouldRecord } from '../../autograd/node.js';
import { kernelsOf } from '../../core/device.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { seenAs } from '../../core/factory.js';
import { sameShape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { canAccumulate } from '../linalg/gemm.js';
import { batched, gradientOfRight, product } from '../linalg/matmul.js';

const f64 = { dtype: 'float64' };
const weightParam: Param = { name: 'weight', kind: 'tensor' };
const biasParam: Param = { name: 'bias', kind: 'tensor', default: null };

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

function checkDTypes(op: string, x: Tensor, others: readonly (Tensor | null)[]): void {
  for (const o of others) {
    if (o === null || o.dtype === x.dtype) continue;
    const hint = `expected ${x.dtype.title} but found ${o.dtype.title}: mat1 and mat2 must have the same dtype`;
    refuse(op, `parameters of ${x.dtype.name}`, o.dtype.name, hint);
  }
}

/** input · weightᵀ + bias; the last dim of all that stands before is kept. */
export function linearOf(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const features = weight.sizes.at(-1);
  if (weight.ndim === 0 || weight.ndim > 2 || x.ndim === 0) {
    const hint = 'linear(): both arguments to linear need to be at least 1D and weight at most 2D';
    refuse('linear', 'an input with dims and a weight of 1 or 2', showShape(weight.sizes), hint);
  }
  if (x.sizes.at(-1) !== features) {
    const rows = x.sizes.slice(0, -1).reduce((a, b) => a * b, 1);
    const columns = weight.ndim === 1 ? 1 : weight.sizes[0];
    const hint = `mat1 and mat2 shapes cannot be multiplied (${rows}x${x.sizes.at(-1)} and ${features}x${columns})`;
    refuse('linear', `an input of ${features} features`, showShape(x.sizes), hint);
  }
  checkDTypes('linear', x, [weight, bias]);
  const size = weight.sizes[0]!;
  const whole =
    weight.ndim === 2 && bias !== null && x.ndim > 1 && (bias.ndim === 0 || sameShape(bias.sizes, [size]));
  if (whole && canAccumulate(x)) return biased(x, weight, bias);
  const found = x.matmul(weight.ndim === 1 ? weight : weight.t());
  return bias === null ? found : found.add(bias);
}

/** One product that starts from the bias, and one for each gradient, over the rows of all batches. */
function biased(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const inputs = [x, weight, bias];
  kernelsOf('linear', inputs);
  const out = batched('linear', x, transposed(weight), bias);
  if (!shouldRecord(inputs)) return out;
  const name = x.ndim === 2 ? 'AddmmBackward0' : 'ViewBackward0';
  return record(name, out, inputs, (save) => {
    const rows = weight.requiresGrad ? save(x) : null;
    const columns = x.requiresGrad ? save(weight) : null;
    const sizes = [weight.sizes[1]!, weight.sizes[0]!];
    return ([g]) => [
      columns === null ? null : product('linear', 'MmBackward0', g!, columns.get().conj()),
      rows === null ? null : gradientOfRight('linear', 'MmBackward0', rows.get().conj(), g!, sizes).t(),
      // The walk sums it to the bias's shape.
      g!,
    ];
  });
}

const transposed = (x: Tensor): Tensor =>
  seenAs(x, [x.sizes[1]!, x.sizes[0]!], [x.strides[1]!, x.strides[0]!]);

export const linear = defineOp({
  name: 'linear',
  torch: 'torch.nn.functional.linear',
  doc: 'input · weightᵀ + bias over the last dim; the weight is [out, in].',
  variants: ['function'],
  params: [{ name: 'input', kind: 'tensor' }, weightParam, biasParam],
  compose: linearOf,
  tests: () => ({
    samples: [
      call([t([7, 3]), t([5, 3]), t([5])]),
      call([t([2, 7, 3], f64), t([5, 3], f64)]),
      call([t([3]), t([5, 3], { layout: 'transposed' }), t([5])]),
      call([t([0, 3]), t([5, 3]), t([5])]),
    ],
    errors: [{ args: [t([2, 4]), t([5, 3])], throws: 'RuntimeError' }],
  }),
});

function checkBilinear(a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | null): void {
  if (weight.ndim !== 3) {
    const hint = `bilinear(): weight must be a 3D tensor, got ${weight.ndim}D`;
    refuse('bilinear', 'a weight [out, in1, in2]', showShape(weight.sizes), hint);
  }
  const [out, in1, in2] = weight.sizes;
  if (a.ndim !== b.ndim || !sameShape(a.sizes.slice(0, -1), b.sizes.slice(0, -1))) {
    const hint = `bilinear(): input dimensions do not match: got ${a.ndim} and ${b.ndim}, or their batch dimensions differ`;
    refuse(
      'bilinear',
      'inputs that differ in their last dim only',
      `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
      hint,
    );
  }
  for (const [x, size, k] of [
    [a, in1, 1],
    [b, in2, 2],
  ] as const) {
    if (x.sizes.at(-1) === size) continue;
    const hint = `bilinear(): input${k} size does not match weight size: got ${x.sizes.at(-1)} but expected ${size}`;
    refuse('bilinear', `input${k} of ${size} features`, showShape(x.sizes), hint);
  }
  if (bias !== null && bias.sizes[0] !== out) {
    const hint = `bilinear(): bias size does not match weight size: got ${bias.sizes[0]} but expected ${out}`;
    refuse('bilinear', `a bias of ${out}`, showShape(bias.sizes), hint);
  }
}

export const bilinear = defineOp({
  name: 'bilinear',
  torch: 'torch.nn.functional.bilinear',
  doc: 'input1ᵀ · weight[k] · input2 + bias[k] for each output feature k; the weight is [out, in1, in2].',
  variants: ['function'],
  params: [{ name: 'input1', kind: 'tensor' }, { name: 'input2', kind: 'tensor' }, weightParam, biasParam],
  compose: (a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | null): Tensor => {
    checkBilinear(a, b, weight, bias);
    checkDTypes('bilinear', a, [b, weight, bias]);
    const [out, in1, in2] = weight.sizes as readonly [number, number, number];
    const batch = a.sizes.slice(0, -1);
    const rows = batch.reduce((n, size) => n * size, 1);
    const half = a.reshape(rows, in1).mm(weight.permute(1, 0, 2).reshape(in1, out * in2));
    const whole = half
      .reshape(rows, out, in2)
      .matmul(b.reshape(rows, in2, 1))
      .reshape(...batch, out);
    return bias === null ? whole : whole.add(bias);
  },
  tests: () => ({
    samples: [
      call([t([7, 3]), t([7, 4]), t([5, 3, 4]), t([5])]),
      call([t([2, 7, 3], f64), t([2, 7, 4], f64), t([5, 3, 4], f64)]),
      call([t([3]), t([4]), t([5, 3, 4])]),
    ],
    errors: [
      { args: [t([2, 3]), t([2, 3]), t([5, 3, 4])], throws: 'RuntimeError' },
      { args: [t([2, 3]), t([4]), t([5, 3, 4])], throws: 'RuntimeError' },
    ],
  }),
});
