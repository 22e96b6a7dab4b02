// Losses of binary targets and of distributions: cross entropies of probabilities and logits, hinge losses of a sign,
// Kullback-Leibler divergence.
import { gradMode } from '../../../autograd/grad-mode.js';
import { record } from '../../../autograd/node.js';
import { ArgumentError, message, showShape, ValueError } from '../../../core/errors.js';
import { sameShape } from '../../../core/shape.js';
import type { Tensor } from '../../../core/tensor.js';
import { apply, type Expr } from '../../../pointwise/expr.js';
import { formula, p0 } from '../../../pointwise/fused-expression.js';
import { defineOp } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import {
  badReduction,
  flagOption,
  input,
  numberOption,
  reduced,
  reductionParam,
  reductions,
  refuse,
  target,
  tensorOption,
} from './_reduction.js';

const f64 = { dtype: 'float64' };
const logits = () => t([3, 5]);
const chances = () => t([3, 5], { fill: 'probability' });
const alternating = {
  fill: { values: [1, -1, 1, 1, -1, -1, 1, -1, 1, 1, 1, -1, -1, 1, -1] },
  grad: false,
};
const signs = () => t([3, 5], alternating);
const mismatch = () => ({ args: [t([5, 4]), t([5])], throws: 'RuntimeError' }) as const;

/** log sigmoid(x), without overflow. */
export function logSigmoidOf(x: Expr): Expr {
  const negative = x.lt(0);
  return negative.where(x, 0).sub(apply('log1p', negative.where(x, x.neg()).exp()));
}

// PyTorch cuts logarithms off at −100 and the denominator of the gradient at 1e-12: the gradient is not the loss's own.
const crossEntropy = formula('binaryCrossEntropy', 2, (x, y) => {
  const [yes, no] = [x!.log().maximum(-100), apply('log1p', x!.neg()).maximum(-100)];
  return y!.sub(1).mul(no).sub(y!.mul(yes));
});
const targetSlope = formula('binaryCrossEntropy', 2, (g, x) =>
  g!.mul(apply('log1p', x!.neg()).sub(x!.log())),
);

const least = 1e-12;
const cut = (x: Expr): Expr => x.mul(x.neg().add(1)).maximum(least);
const slope = formula('binaryCrossEntropy', 3, (g, x, y) => g!.mul(x!.sub(y!)).div(cut(x!)));
// PyTorch's second derivatives are not those of that slope: near 0 and 1 they do not see where it was cut off.
const inside = (x: Expr): Expr => x.add(least).mul(x.neg().add(1).add(least));
const slopeByGradient = formula('binaryCrossEntropy', 3, (h, x, y) => h!.mul(x!.sub(y!)).div(inside(x!)));
const slopeByInput = formula('binaryCrossEntropy', 4, (h, g, x, y) => {
  const around = x!.mul(x!).sub(x!.mul(y!).mul(2)).add(y!);
  return h!.mul(g!).mul(around.div(inside(x!).mul(inside(x!))));
});
const slopeByTarget = formula('binaryCrossEntropy', 3, (h, g, x) => h!.mul(g!).neg().div(cut(x!)));

function crossEntropySlope(g: Tensor, x: Tensor, y: Tensor): Tensor {
  if (!gradMode.enabled) return slope([g, x, y]);
  const out = slope([g.detach(), x.detach(), y.detach()]);
  return record('BinaryCrossEntropyBackwardBackward0', out, [g, x, y], (save, node) => {
    const [first, second, third] = [save(g), save(x), save(y)];
    return ([h]) => {
      const [gs, xs, ys] = [first.get(), second.get(), third.get()];
      return [
        node.next[0] === null ? null : slopeByGradient([h!, xs, ys]),
        node.next[1] === null ? null : slopeByInput([h!, gs, xs, ys]),
        node.next[2] === null ? null : slopeByTarget([h!, gs, xs]),
      ];
    };
  });
}

function binaryElements(x: Tensor, y: Tensor): Tensor {
  const out = crossEntropy([x.detach(), y.detach()]);
  return record('BinaryCrossEntropyBackward0', out, [x, y], (save, node) => {
    const [first, second] = [save(x), save(y)];
    return ([g]) => [
      node.next[0] === null ? null : crossEntropySlope(g!, first.get(), second.get()),
      node.next[1] === null ? null : targetSlope([g!, first.get()]),
    ];
  });
}

function checkBinary(op: string, x: Tensor, y: Tensor): void {
  if (sameShape(x.sizes, y.sizes)) return;
  const hint = `Using a target size (${showShape(y.sizes)}) that is different to the input size (${showShape(x.sizes)}) is deprecated. Please ensure they have the same size.`;
  refuse(op, `a target of shape ${showShape(x.sizes)}`, showShape(y.sizes), hint, ValueError);
}

export const binaryCrossEntropy = defineOp({
  name: 'binaryCrossEntropy',
  torch: 'torch.nn.functional.binary_cross_entropy',
  doc: '−(target · log input + (1 − target) · log(1 − input)) of probabilities, each logarithm at least −100, reduced.',
  variants: ['function'],
  params: [input, target, tensorOption('weight', false), reductionParam],
  compose: (x: Tensor, y: Tensor, weight: Tensor | null, reduction: string): Tensor => {
    checkBinary('binaryCrossEntropy', x, y);
    if (x.detach().ge(0).logicalAnd(x.detach().le(1)).all().item() !== true) {
      const hint = 'all elements of input should be between 0 and 1';
      refuse('binaryCrossEntropy', 'probabilities', 'other numbers', hint);
    }
    const loss = binaryElements(x, y);
    return reduced(weight === null ? loss : loss.mul(weight), reduction);
  },
  tests: () => ({
    samples: [
      call([chances(), chances()]),
      call([t([5], { ...f64, fill: 'probability' }), t([5], { ...f64, fill: 'probability' })], {
        reduction: 'none',
      }),
      call([chances(), chances(), t([5], { grad: false })], { reduction: 'sum' }),
      call(
        [t([3], { fill: { values: [0, 1, 0] } }), t([3], { fill: { values: [0, 0, 1] } })],
        {},
        { noGrad: 'probabilities at the ends' },
      ),
    ],
    errors: [
      badReduction(2),
      { args: [chances(), t([5], { fill: 'probability' })], throws: 'ValueError' },
      { args: [t([2], { fill: { values: [2, 3] } }), t([2])], throws: 'RuntimeError' },
    ],
  }),
});

const plainLogits = formula('binaryCrossEntropyWithLogits', 2, (x, y) =>
  y!.neg().add(1).mul(x!).sub(logSigmoidOf(x!)),
);
const weightedLogits = formula('binaryCrossEntropyWithLogits', 3, (x, y, positive) =>
  y!
    .neg()
    .add(1)
    .mul(x!)
    .sub(positive!.sub(1).mul(y!).add(1).mul(logSigmoidOf(x!))),
);
export const binaryCrossEntropyWithLogits = defineOp({
  name: 'binaryCrossEntropyWithLogits',
  torch: 'torch.nn.functional.binary_cross_entropy_with_logits',
  doc: 'The binary cross entropy of sigmoid(input), without overflow; pos_weight multiplies the share of positive targets.',
  variants: ['function'],
  params: [input, target, tensorOption('weight', false), reductionParam, tensorOption('pos_weight')],
  compose: (
    x: Tensor,
    y: Tensor,
    weight: Tensor | null,
    reduction: string,
    positive: Tensor | null,
  ): Tensor => {
    const op = 'binaryCrossEntropyWithLogits';
    if (!sameShape(x.sizes, y.sizes)) {
      const hint = `Target size (${showShape(y.sizes)}) must be the same as input size (${showShape(x.sizes)})`;
      refuse(op, `a target of shape ${showShape(x.sizes)}`, showShape(y.sizes), hint, ValueError);
    }
    const loss = positive === null ? plainLogits([x, y]) : weightedLogits([x, y, positive]);
    return reduced(weight === null ? loss : loss.mul(weight), reduction);
  },
  tests: () => ({
    samples: [
      call([logits(), chances()]),
      call([t([5], { ...f64, fill: 'large' }), t([5], { ...f64, fill: 'probability' })], {
        reduction: 'none',
      }),
      call([logits(), chances(), t([5], { grad: false })], {
        reduction: 'sum',
        pos_weight: t([5], { fill: 'positive', grad: false }),
      }),
    ],
    errors: [badReduction(2), { args: [logits(), t([5])], throws: 'ValueError' }],
  }),
});

const softMargin = formula('softMarginLoss', 2, (x, y) => logSigmoidOf(x!.mul(y!)).neg());
export const softMarginLoss = defineOp({
  name: 'softMarginLoss',
  torch: 'torch.nn.functional.soft_margin_loss',
  doc: 'log(1 + exp(−target · input)) for targets 1 and −1, reduced.',
  variants: ['function'],
  params: [input, target, reductionParam],
  compose: (x: Tensor, y: Tensor, reduction: string): Tensor => {
    for (const { dtype } of [x, y]) {
      if (!dtype.isIntegral) continue;
      const hint = `result type Float can't be cast to the desired output type ${dtype.title}`;
      refuse('softMarginLoss', 'a floating dtype', dtype.name, hint);
    }
    return reduced(softMargin([x, y]), reduction);
  },
  tests: () => ({
    samples: [call([logits(), signs()]), call([logits(), signs()], { reduction: 'none' })],
    errors: [badReduction(2), mismatch()],
  }),
});

const hinge = formula('hingeEmbeddingLoss', 2, (x, y) => {
  const room = p0!.sub(x!);
  const apart = y!.ne(1).where(room.lt(0).where(0, room), 0);
  return apart.add(y!.ne(-1).where(x!, 0));
});
export const hingeEmbeddingLoss = defineOp({
  name: 'hingeEmbeddingLoss',
  torch: 'torch.nn.functional.hinge_embedding_loss',
  doc: 'input where the target is 1, max(0, margin − input) where it is −1, reduced.',
  variants: ['function'],
  params: [input, target, numberOption('margin', 1, false), reductionParam],
  compose: (x: Tensor, y: Tensor, margin: number, reduction: string): Tensor => {
    // The target only chooses: it takes no gradient.
    return reduced(hinge([x, y.detach()], [margin]), reduction);
  },
  tests: () => ({
    samples: [
      call([t([3, 5], f64), t([3, 5], { ...f64, ...alternating })]),
      call([t([3, 5], f64), t([3, 5], { ...f64, ...alternating }), 0.5], { reduction: 'none' }),
    ],
    errors: [badReduction(2)],
  }),
});

const multilabel = formula('multilabelSoftMarginLoss', 2, (x, y) =>
  y!
    .mul(logSigmoidOf(x!))
    .add(y!.neg().add(1).mul(logSigmoidOf(x!.neg())))
    .neg(),
);
export const multilabelSoftMarginLoss = defineOp({
  name: 'multilabelSoftMarginLoss',
  torch: 'torch.nn.functional.multilabel_soft_margin_loss',
  doc: 'The mean over classes (the last dim) of the binary cross entropy of sigmoid(input), reduced over the samples.',
  variants: ['function'],
  params: [input, target, tensorOption('weight', false), reductionParam],
  compose: (x: Tensor, y: Tensor, weight: Tensor | null, reduction: string): Tensor => {
    if (x.ndim === 0) {
      const hint = 'Dimension specified as -1 but tensor has no dimensions';
      throw new ArgumentError(
        message('multilabelSoftMarginLoss', 'an input with dims', 'a 0-d tensor', hint),
      );
    }
    const each = multilabel([x, y]);
    const loss = (weight === null ? each : each.mul(weight)).sum(-1).div(x.sizes.at(-1)!);
    return reduced(loss, reduction);
  },
  tests: () => ({
    samples: [
      call([logits(), chances()]),
      call([logits(), chances(), t([5])], { reduction: 'none' }),
      call([t([5], f64), t([5], f64)], { reduction: 'sum' }),
    ],
    errors: [badReduction(2)],
  }),
});

const divergence = formula('klDiv', 2, (x, y) => y!.exp().mul(y!.sub(x!)));
const withBatchMean = { ...reductions, values: [...reductions.values, 'batchmean'] };
export const klDiv = defineOp({
  name: 'klDiv',
  torch: 'torch.nn.functional.kl_div',
  doc: 'target · (log target − input) of log-probabilities; with log_target the target is in logarithms too. Also reduces by batchmean.',
  variants: ['function'],
  params: [input, target, { ...reductionParam, choices: withBatchMean }, flagOption('log_target', false)],
  compose: (x: Tensor, y: Tensor, reduction: string, logTarget: boolean): Tensor => {
    const byBatch = reduction === 'batchmean';
    if (x.dtype.isIntegral || y.dtype.isIntegral) {
      refuse('klDiv', 'a floating dtype', x.dtype.name, 'kl_div: Integral inputs not supported.');
    }
    const loss = logTarget ? divergence([x, y]) : y.xlogy(y).sub(y.mul(x));
    const out = reduced(loss, byBatch ? 'sum' : reduction);
    return byBatch && x.ndim > 0 ? out.div(x.sizes[0]!) : out;
  },
  tests: () => ({
    samples: [
      call([logits(), chances()]),
      call([t([3, 5], f64), t([3, 5], f64)], { reduction: 'batchmean', log_target: true }),
      call([logits(), chances()], { reduction: 'none' }),
    ],
    errors: [badReduction(2)],
  }),
});
