// Losses of class targets: negative log-likelihood and cross entropy, with class weights, an ignored class and label
// smoothing.

import { int64 } from '../../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape, ValueError } from '../../../core/errors.js';
import { sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { requireFloating } from '../../../pointwise/fused-expression.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { ix, requireInside } from '../../indexing/along-dim.js';
import { linearOf } from '../linear.js';
import {
  badReduction,
  input,
  numberOption,
  reduced,
  reductionParam,
  refuse,
  target,
  tensorOption,
} from './_reduction.js';

const f64 = { dtype: 'float64' };
const ignoreParam: Param = { name: 'ignore_index', kind: 'int', default: -100, keyword: true };
const smoothing = numberOption('label_smoothing', 0);

/** The classes of a target, and which of its elements count. */
interface Classes {
  /** Ignored ones are class 0. */
  readonly index: Tensor;
  readonly ignored: Tensor;
}

function classesOf(op: string, y: Tensor, count: number, ignore: number): Classes {
  if (y.dtype !== int64 && y.dtype.name !== 'uint8') {
    const hint =
      op === 'nllLoss'
        ? `expected scalar type Long but found ${y.dtype.title}`
        : `expected target dtype to be Long or Byte, but got ${y.dtype.title}`;
    refuse(op, 'a target of int64', y.dtype.name, hint);
  }
  const ignored = y.eq(ignore);
  const index = y.to(int64).maskedFill(ignored, 0);
  requireInside(
    index,
    count,
    (at) =>
      new IndexError(
        message(op, `classes in [0, ${count - 1}]`, String(at), `Target ${at} is out of bounds.`),
      ),
  );
  return { index, ignored };
}

/** Which dim of an input holds the classes. */
const classDim = (x: Tensor): number => (x.ndim === 1 ? 0 : 1);

function checkNll(op: string, x: Tensor, y: Tensor, weight: Tensor | null): void {
  requireFloating(op, x.dtype);
  if (x.ndim === 0)
    refuse(op, 'an input with dims', 'a 0-d tensor', 'Expected 1 or more dimensions (got 0)', ValueError);
  const wanted = x.sizes.filter((_, d) => d !== classDim(x));
  const [batch, given] = [x.sizes[0]!, y.sizes[0]];
  if (x.ndim > 1 && batch !== given) {
    const hint = `Expected input batch_size (${batch}) to match target batch_size (${given}).`;
    refuse(op, `a target of ${batch} samples`, showShape(y.sizes), hint, ValueError);
  }
  if (!sameShape(y.sizes, wanted)) {
    const hint = `size mismatch (got input: ${showShape(x.sizes)}, target: ${showShape(y.sizes)}). Expected target size ${showShape(wanted)}`;
    refuse(op, `a target of shape ${showShape(wanted)}`, showShape(y.sizes), hint);
  }
  checkWeight(op, x, weight);
}

function checkWeight(op: string, x: Tensor, weight: Tensor | null): void {
  const count = x.sizes[classDim(x)];
  if (weight === null) return;
  if (weight.ndim !== 1 || weight.sizes[0] !== count) {
    const hint = `weight tensor should be defined either for all ${count} classes or no classes but got weight tensor of shape: ${showShape(weight.sizes)}`;
    refuse(op, `a weight of shape [${count}]`, showShape(weight.sizes), hint);
  }
  if (weight.dtype !== x.dtype) {
    const hint = `expected scalar type ${x.dtype.title} but found ${weight.dtype.title}`;
    refuse(op, `a weight of ${x.dtype.name}`, weight.dtype.name, hint);
  }
}

/** The weight of each target, ignored ones 0; without weights 1. */
function weightsOf(c: Classes, weight: Tensor | null, x: Tensor): Tensor {
  if (weight === null) return c.ignored.logicalNot().to(x.dtype);
  return weight.indexSelect(0, c.index.flatten()).reshape(c.index.sizes).maskedFill(c.ignored, 0);
}

function nllOf(
  op: string,
  x: Tensor,
  y: Tensor,
  weight: Tensor | null,
  ignore: number,
  reduction: string,
): Tensor {
  checkNll(op, x, y, weight);
  const dim = classDim(x);
  const classes = classesOf(op, y, x.sizes[dim]!, ignore);
  const picked = x.gather(dim, classes.index.unsqueeze(dim)).squeeze(dim).neg();
  const each = weight === null ? picked : picked.mul(weightsOf(classes, weight, x));
  const loss = each.maskedFill(classes.ignored, 0);
  if (reduction !== 'mean') return reduced(loss, reduction);
  return loss.sum().div(weightsOf(classes, weight, x).sum());
}

const classes = (shape: readonly number[], count: number) => ix(shape, count);
const classErrors = () =>
  [
    { args: [t([2, 3]), classes([3], 3)], throws: 'ValueError' },
    { args: [t([2, 3]), t([2], { dtype: 'int64', fill: { low: 3, high: 4 } })], throws: 'IndexError' },
    { args: [t([2, 3]), classes([2], 3), t([2])], throws: 'RuntimeError' },
  ] as const;

export const nllLoss = defineOp({
  name: 'nllLoss',
  torch: 'torch.nn.functional.nll_loss',
  doc: 'Minus the log-probability [n, classes, …] of each target class [n, …], times its weight; the mean is over weights.',
  variants: ['function'],
  params: [input, target, tensorOption('weight', false), ignoreParam, reductionParam],
  compose: (x: Tensor, y: Tensor, weight: Tensor | null, ignore: number, reduction: string): Tensor => {
    return nllOf('nllLoss', x, y, weight, ignore, reduction);
  },
  tests: () => ({
    samples: [
      // PyTorch's own gradient refuses other layouts.
      call([t([5, 3], { layout: 'contiguous' }), classes([5], 3)]),
      call([t([5, 3], f64), classes([5], 3), t([3], { ...f64, grad: false })], { ignore_index: 1 }),
      call([t([2, 3, 4, 5], { layout: 'contiguous' }), classes([2, 4, 5], 3)], { reduction: 'none' }),
      call([t([3]), classes([], 3)], { reduction: 'sum' }),
    ],
    errors: [...classErrors(), { args: [t([2, 3]), t([2])], throws: 'RuntimeError' }],
  }),
});

/** Cross entropy with class indices whose labels are smoothed: a share of the loss is the mean over all classes. */
function smoothed(x: Tensor, y: Tensor, e: Entropy): Tensor {
  const dim = classDim(x);
  const count = x.sizes[dim]!;
  const logs = x.logSoftmax(dim);
  const sharp = nllOf(e.op, logs, y, e.weight, e.ignore, e.reduction);
  if (e.smoothing === 0) return sharp;
  const c = classesOf(e.op, y, count, e.ignore);
  const scaled = e.weight === null ? logs : logs.mul(alongClasses(e.weight, x));
  const all = scaled.sum(dim).neg().maskedFill(c.ignored, 0);
  const flat =
    e.reduction === 'mean' ? all.sum().div(weightsOf(c, e.weight, x).sum()) : reduced(all, e.reduction);
  return sharp.mul(1 - e.smoothing).add(flat.mul(e.smoothing / count));
}

/** A weight of classes in a shape that broadcasts with the input. */
function alongClasses(weight: Tensor, x: Tensor): Tensor {
  return weight.reshape(x.sizes.map((_, d) => (d === classDim(x) ? weight.length : 1)));
}

/** Cross entropy with a probability of each class as target. */
function ofProbabilities(x: Tensor, y: Tensor, e: Entropy): Tensor {
  if (y.dtype.isIntegral) {
    const hint = `Expected floating point type for target with class probabilities, got ${y.dtype.title}`;
    refuse(e.op, 'floating probabilities', y.dtype.name, hint);
  }
  if (e.ignore >= 0) {
    const hint = 'ignore_index is not supported for floating point target';
    refuse(e.op, 'no ignored class with probabilities', String(e.ignore), hint);
  }
  checkWeight(e.op, x, e.weight);
  const dim = classDim(x);
  const count = x.sizes[dim]!;
  const wanted = e.smoothing === 0 ? y : y.mul(1 - e.smoothing).add(e.smoothing / count);
  const logs = x.logSoftmax(dim).mul(wanted);
  const loss = (e.weight === null ? logs : logs.mul(alongClasses(e.weight, x))).sum(dim).neg();
  return e.reduction === 'mean' ? loss.sum().div(x.length / count) : reduced(loss, e.reduction);
}

interface Entropy {
  readonly op: string;
  readonly weight: Tensor | null;
  readonly ignore: number;
  readonly reduction: string;
  readonly smoothing: number;
}

function entropyOf(x: Tensor, y: Tensor, e: Entropy): Tensor {
  if (!(e.smoothing >= 0 && e.smoothing <= 1)) {
    const hint = `label_smoothing must be between 0.0 and 1.0. Got: ${e.smoothing}`;
    throw new RuntimeError(message(e.op, 'labelSmoothing in [0, 1]', String(e.smoothing), hint));
  }
  if (sameShape(x.sizes, y.sizes) && x.ndim > 0) return ofProbabilities(x, y, e);
  checkNll(e.op, x, y, e.weight);
  return smoothed(x, y, e);
}

export const crossEntropy = defineOp({
  name: 'crossEntropy',
  torch: 'torch.nn.functional.cross_entropy',
  doc: 'The cross entropy of softmax(input) [n, classes, …] and targets: class indices [n, …], or probabilities of the input’s shape.',
  variants: ['function'],
  params: [input, target, tensorOption('weight', false), ignoreParam, reductionParam, smoothing],
  compose: (
    x: Tensor,
    y: Tensor,
    weight: Tensor | null,
    ignore: number,
    reduction: string,
    share: number,
  ): Tensor => entropyOf(x, y, { op: 'crossEntropy', weight, ignore, reduction, smoothing: share }),
  tests: () => ({
    samples: [
      call([t([5, 3]), classes([5], 3)]),
      call([t([5, 3], f64), t([5, 3], { ...f64, fill: 'probability' }), t([3], { ...f64, grad: false })], {
        label_smoothing: 0.2,
      }),
      call([t([2, 3, 4]), classes([2, 4], 3)], { reduction: 'none', ignore_index: 1, label_smoothing: 0.1 }),
      call([t([3], { fill: 'large' }), classes([], 3)], { reduction: 'sum' }),
    ],
    errors: [
      ...classErrors(),
      badReduction(2),
      { args: [t([2, 3]), classes([2], 3)], kwargs: { label_smoothing: 2 }, throws: 'RuntimeError' },
    ],
  }),
});

function checkLinear(x: Tensor, w: Tensor, b: Tensor | null, y: Tensor, ignore: number | null): number[] {
  const op = 'linearCrossEntropy';
  if (x.ndim < 1 || x.ndim > 2) {
    refuse(
      op,
      'an input of 1 or 2 dims',
      showShape(x.sizes),
      `expected input with dimensionality 1 or 2, got ${x.ndim}`,
    );
  }
  if (w.ndim < 2) {
    const hint = `expected linear_weight with dimensionality at least 2, got ${w.ndim}`;
    refuse(op, 'a weight of at least 2 dims', showShape(w.sizes), hint);
  }
  if (x.sizes.at(-1) !== w.sizes.at(-1)) {
    const hint = `expected equal input and linear_weight last dimensions (in_features), got ${x.sizes.at(-1)} and ${w.sizes.at(-1)}, respectively`;
    refuse(op, 'a weight of as many features as the input', showShape(w.sizes), hint);
  }
  const outputs = w.sizes.slice(0, -1);
  if (b !== null && !sameShape(b.sizes, outputs)) {
    const tuple = (s: readonly number[]): string => `(${s.join(', ')}${s.length === 1 ? ',' : ''})`;
    const hint = `expected linear_bias shape ${tuple(outputs)}, got ${tuple(b.sizes)}`;
    refuse(op, `a bias of shape ${showShape(outputs)}`, showShape(b.sizes), hint);
  }
  if (w.ndim > 2 && x.ndim === 1) {
    const hint = `K-dimensional loss defined by linear_weight shape (${w.sizes.join(', ')}) requires batched input, (N, ${x.sizes[0]}), got unbatched input with shape (${x.sizes.join(', ')})`;
    refuse(op, 'a batch of inputs', showShape(x.sizes), hint);
  }
  const logits = [...x.sizes.slice(0, -1), ...outputs];
  if (ignore !== null && sameShape(y.sizes, logits)) {
    const hint = 'ignore_index cannot be specified when target contains probabilities';
    refuse(op, 'no ignored class with probabilities', String(ignore), hint);
  }
  return logits;
}

export const linearCrossEntropy = defineOp({
  name: 'linearCrossEntropy',
  torch: 'torch.nn.functional.linear_cross_entropy',
  doc: 'The cross entropy of linear(input, linear_weight, linear_bias); `options` (chunking, in PyTorch) change nothing here.',
  variants: ['function'],
  params: [
    input,
    { name: 'linear_weight', kind: 'tensor' },
    target,
    tensorOption('linear_bias'),
    tensorOption('weight'),
    reductionParam,
    { name: 'ignore_index', kind: 'int', default: null, keyword: true },
    smoothing,
    { name: 'options', kind: 'any', default: null, keyword: true },
  ],
  compose: (
    x: Tensor,
    w: Tensor,
    y: Tensor,
    b: Tensor | null,
    weight: Tensor | null,
    reduction: string,
    ignore: number | null,
    share: number,
  ): Tensor => {
    const shape = checkLinear(x, w, b, y, ignore);
    const logits = linearOf(x, w.reshape(-1, w.sizes.at(-1)!), b === null ? null : b.reshape(-1)).reshape(
      shape,
    );
    const options = { op: 'linearCrossEntropy', weight, ignore: ignore ?? -100, reduction, smoothing: share };
    return entropyOf(logits, y, options);
  },
  tests: () => ({
    samples: [
      call([t([5, 3]), t([4, 3]), classes([5], 4)]),
      call([t([5, 3]), t([4, 2, 3]), classes([5, 2], 4)], { linear_bias: t([4, 2]) }),
    ],
    errors: [
      { args: [t([2, 3, 3]), t([2, 3]), t([3, 2])], throws: 'RuntimeError' },
      { args: [t([2, 3]), t([2, 4]), t([2, 2])], throws: 'RuntimeError' },
    ],
  }),
});
