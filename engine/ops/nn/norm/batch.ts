// Batch and instance norm and their native forms: statistics over all dims but the channels, running statistics, one
// pass that applies them.
import { noGrad } from '../../../autograd/grad-mode.js';
import { uint8 } from '../../../core/dtype.js';
import { ArgumentError, message, RuntimeError, showShape, ValueError } from '../../../core/errors.js';
import { newTensor } from '../../../core/factory.js';
import { Tensor } from '../../../core/tensor.js';
import { formula, requireFloating } from '../../../pointwise/fused-expression.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';

const f64 = { dtype: 'float64' };
const maybe = (name: string): Param => ({ name, kind: 'tensor', default: null });

interface Batch {
  readonly op: string;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly training: boolean;
  readonly momentum: number;
  readonly eps: number;
}

/** The result with the statistics that it used, of shape [channels]. */
interface Normalized {
  readonly out: Tensor;
  readonly mean: Tensor;
  readonly inverse: Tensor;
}

function checkBatch(x: Tensor, b: Batch): void {
  requireFloating(b.op, x.dtype);
  if (!b.training && (b.runningMean === null || b.runningVar === null)) {
    const missing = b.runningMean === null ? 'running_mean' : 'running_var';
    const hint = `${missing} must be defined in evaluation mode`;
    throw new RuntimeError(message(b.op, missing, 'null', hint));
  }
  const channels = x.sizes[1] ?? 0;
  const all = { running_mean: b.runningMean, running_var: b.runningVar, weight: b.weight, bias: b.bias };
  for (const [name, p] of Object.entries(all)) {
    if (p === null || p.length === channels) continue;
    const hint = `${name} should contain ${channels} elements not ${p.length}`;
    throw new RuntimeError(message(b.op, `${name} of ${channels} elements`, showShape(p.sizes), hint));
  }
}

const applied = [
  formula('batchNorm', 3, (x, mean, inverse) => x!.sub(mean!).mul(inverse!)),
  formula('batchNorm', 4, (x, mean, inverse, w) => x!.sub(mean!).mul(inverse!.mul(w!))),
  formula('batchNorm', 5, (x, mean, inverse, w, b) => x!.sub(mean!).mul(inverse!.mul(w!)).add(b!)),
] as const;

/** running ← (1 − momentum) · running + momentum · seen */
function follow(running: Tensor | null, seen: Tensor, momentum: number): void {
  if (running === null) return;
  noGrad(() =>
    running.copy_(running.mul(1 - momentum).add(seen.detach().reshape(running.sizes).mul(momentum))),
  );
}

function normalized(x: Tensor, b: Batch): Normalized {
  const channels = x.sizes[1]!;
  const aside = x.sizes.map((_, d) => (d === 1 ? channels : 1));
  const laid = (p: Tensor): Tensor => p.reshape(aside);
  const over = x.sizes.flatMap((_, d) => (d === 1 ? [] : [d]));
  const mean = b.training ? x.mean(over, true) : laid(b.runningMean!);
  const variance = b.training ? x.var(over, { correction: 0, keepdim: true }) : laid(b.runningVar!);
  const inverse = variance.add(b.eps).rsqrt();
  if (b.training) {
    const n = x.length / channels;
    follow(b.runningMean, mean, b.momentum);
    follow(
      b.runningVar,
      noGrad(() => variance.mul(n / (n - 1))),
      b.momentum,
    );
  }
  const flat = { mean: mean.reshape(-1), inverse: inverse.reshape(-1) };
  if (b.weight === null) {
    const out = applied[0]([x, mean, inverse]);
    return { out: b.bias === null ? out : out.add(laid(b.bias)), ...flat };
  }
  const parts = [x, mean, inverse, laid(b.weight)];
  return { out: b.bias === null ? applied[1](parts) : applied[2]([...parts, laid(b.bias)]), ...flat };
}

function batchNormOf(x: Tensor, b: Batch): Tensor {
  checkBatch(x, b);
  if (x.length > 0) return normalized(x, b).out;
  const scaled = b.weight === null ? x.clone() : x.mul(b.weight.select(0, 0));
  return b.bias === null ? scaled : scaled.add(b.bias.select(0, 0));
}

/** @throws ValueError where one value a channel has no variance. */
function checkCount(op: string, x: Tensor, from: number, what: string): void {
  const count = x.sizes.reduce((n, size, d) => (d === 1 || (d === 0 && from === 2) ? n : n * size), 1);
  if (count !== 1) return;
  const hint = `Expected more than 1 ${what} when training, got input size torch.Size(${showShape(x.sizes)})`;
  throw new ValueError(message(op, `more than 1 ${what}`, showShape(x.sizes), hint));
}

const statistics = [maybe('running_mean'), maybe('running_var')];
const affine = [maybe('weight'), maybe('bias')];
const momentum: Param = { name: 'momentum', kind: 'scalar', default: 0.1 };
const eps: Param = { name: 'eps', kind: 'scalar', default: 1e-5 };
const plain = { grad: false };
const spread = { grad: false, fill: 'positive' } as const;

export const batchNorm = defineOp({
  name: 'nn.functional.batchNorm',
  torch: 'torch.nn.functional.batch_norm',
  doc: '(input − mean) / √(var + eps) · weight + bias for each channel (dim 1): statistics of the batch in training, which the running ones then follow, else the running ones.',
  params: [
    { name: 'input', kind: 'tensor' },
    ...statistics,
    ...affine,
    { name: 'training', kind: 'bool', default: false },
    momentum,
    eps,
  ],
  compose: (
    x: Tensor,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    weight: Tensor | null,
    bias: Tensor | null,
    training: boolean,
    rate: number,
    epsilon: number,
  ): Tensor => {
    const op = 'batchNorm';
    if (training) checkCount(op, x, 1, 'value per channel');
    if (epsilon < 0 || (training && epsilon === 0)) {
      const hint = `batch_norm eps must be ${training ? 'positive during training' : 'non-negative'}, but got ${epsilon}`;
      throw new ValueError(message(op, training ? 'eps > 0' : 'eps ≥ 0', String(epsilon), hint));
    }
    return batchNormOf(x, {
      op,
      runningMean,
      runningVar,
      weight,
      bias,
      training,
      momentum: rate,
      eps: epsilon,
    });
  },
  tests: () => ({
    samples: [
      call([t([5, 3, 4]), null, null, t([3]), t([3]), true]),
      call([t([5, 3], f64), t([3], { ...f64, ...plain }), t([3], { ...f64, ...spread }), t([3], f64)]),
      call([t([2, 3, 2, 2]), null, null, null, t([3]), true, 0.5, 0.1]),
    ],
    errors: [
      { args: [t([2, 3]), null, null], throws: 'RuntimeError' },
      { args: [t([2, 3]), t([4], plain), t([3], spread)], throws: 'RuntimeError' },
      { args: [t([1, 3]), null, null, null, null, true], throws: 'ValueError' },
    ],
  }),
});

export const instanceNorm = defineOp({
  name: 'nn.functional.instanceNorm',
  torch: 'torch.nn.functional.instance_norm',
  doc: 'Batch norm of each sample by itself: its statistics are over the spatial dims of one image and channel.',
  params: [
    { name: 'input', kind: 'tensor' },
    ...statistics,
    ...affine,
    { name: 'use_input_stats', kind: 'bool', default: true },
    momentum,
    eps,
  ],
  compose: (
    x: Tensor,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    weight: Tensor | null,
    bias: Tensor | null,
    training: boolean,
    rate: number,
    epsilon: number,
  ): Tensor => {
    const op = 'instanceNorm';
    if (training) checkCount(op, x, 2, 'spatial element');
    const [n, channels, ...space] = x.sizes as readonly [number, number, ...number[]];
    const times = (p: Tensor | null): Tensor | null => p?.repeat([n]) ?? null;
    const [mean, variance] = noGrad(() => [times(runningMean), times(runningVar)] as const);
    const images = x.reshape(1, n * channels, ...space);
    const out = batchNormOf(images, {
      op,
      runningMean: mean,
      runningVar: variance,
      weight: times(weight),
      bias: times(bias),
      training,
      momentum: rate,
      eps: epsilon,
    });
    if (training) {
      noGrad(() => {
        if (mean !== null) runningMean!.copy_(mean.reshape(n, channels).mean(0));
        if (variance !== null) runningVar!.copy_(variance.reshape(n, channels).mean(0));
      });
    }
    return out.reshape(x.sizes);
  },
  tests: () => ({
    samples: [
      call([t([2, 3, 5])]),
      call([t([2, 3, 2, 4], f64), null, null, t([3], f64), t([3], f64)], { eps: 0.5 }),
      call([t([2, 3, 5]), t([3], plain), t([3], spread)], { use_input_stats: false }),
    ],
    errors: [{ args: [t([2, 3, 1])], throws: 'ValueError' }],
  }),
});

/** The result with the statistics used: those of the batch where it trains, else nothing. */
function nativeOf(x: Tensor, b: Batch): [Tensor, Tensor, Tensor] {
  checkBatch(x, b);
  const all = normalized(x, b);
  const empty = (): Tensor => newTensor([0], x.dtype);
  return b.training ? [all.out, all.mean.detach(), all.inverse.detach()] : [all.out, empty(), empty()];
}

const nativeParams: readonly Param[] = [
  { name: 'input', kind: 'tensor' },
  ...affine,
  ...statistics,
  { name: 'training', kind: 'bool' },
  { name: 'momentum', kind: 'scalar' },
  { name: 'eps', kind: 'scalar' },
];
/** Differences see it in the outputs beside the first. */
const saved = { noGrad: 'PyTorch gives the saved statistics no gradient' };
const nativeSamples = () => [
  call([t([5, 3, 4]), t([3]), t([3]), null, null, true, 0.1, 1e-5], {}, saved),
  call([
    t([5, 3], f64),
    null,
    null,
    t([3], { ...f64, ...plain }),
    t([3], { ...f64, ...spread }),
    false,
    0.1,
    1e-5,
  ]),
];

export const nativeBatchNorm = defineOp({
  name: 'nativeBatchNorm',
  doc: 'Batch norm with the mean and 1 / √(var + eps) that it used; both are empty where it does not train.',
  returns: '[Tensor, Tensor, Tensor]',
  variants: ['function'],
  params: nativeParams,
  compose: (
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    runningMean: Tensor | null,
    runningVar: Tensor | null,
    training: boolean,
    rate: number,
    epsilon: number,
  ): [Tensor, Tensor, Tensor] =>
    nativeOf(x, {
      op: 'nativeBatchNorm',
      weight,
      bias,
      runningMean,
      runningVar,
      training,
      momentum: rate,
      eps: epsilon,
    }),
  tests: () => ({ samples: nativeSamples() }),
});

export const nativeBatchNormLegit = defineOp({
  name: 'ops.aten.nativeBatchNormLegit',
  torch: 'torch._native_batch_norm_legit',
  doc: 'As nativeBatchNorm; (training, momentum, eps) may follow the bias where there are no running statistics.',
  returns: '[Tensor, Tensor, Tensor]',
  params: [
    { name: 'input', kind: 'tensor' },
    ...affine,
    { name: 'running_mean', kind: 'any', type: 'Tensor', default: null },
    { name: 'running_var', kind: 'any', type: 'Tensor', default: null },
    { name: 'training', kind: 'any', type: 'boolean', default: null },
    { name: 'momentum', kind: 'scalar', default: null },
    { name: 'eps', kind: 'scalar', default: null },
  ],
  compose: (
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    ...rest: readonly unknown[]
  ): [Tensor, Tensor, Tensor] => {
    const short = typeof rest[0] === 'boolean';
    const statistics = short ? [] : rest.slice(0, 2);
    if (!statistics.every((s) => s === null || s instanceof Tensor)) {
      const hint = 'running_mean and running_var must be Tensors';
      throw new ArgumentError(message('nativeBatchNormLegit', 'Tensors or nothing', 'others', hint));
    }
    const [runningMean, runningVar, training, rate, epsilon] = (short ? [null, null, ...rest] : rest) as [
      Tensor | null,
      Tensor | null,
      boolean,
      number,
      number,
    ];
    const op = 'nativeBatchNormLegit';
    return nativeOf(x, { op, weight, bias, runningMean, runningVar, training, momentum: rate, eps: epsilon });
  },
  tests: () => ({
    samples: [call([t([5, 3, 4]), t([3]), t([3]), true, 0.1, 1e-5], {}, saved), ...nativeSamples().slice(1)],
  }),
});

export const batchNormWithUpdate = defineOp({
  name: 'ops.aten.batchNormWithUpdate',
  torch: 'torch.ops.aten._batch_norm_with_update',
  doc: 'As nativeBatchNorm in training; the fourth result is reserved, and empty.',
  returns: '[Tensor, Tensor, Tensor, Tensor]',
  params: [
    { name: 'input', kind: 'tensor' },
    ...affine,
    { name: 'running_mean', kind: 'tensor' },
    { name: 'running_var', kind: 'tensor' },
    { name: 'momentum', kind: 'scalar' },
    { name: 'eps', kind: 'scalar' },
  ],
  compose: (
    x: Tensor,
    weight: Tensor | null,
    bias: Tensor | null,
    runningMean: Tensor,
    runningVar: Tensor,
    rate: number,
    epsilon: number,
  ): [Tensor, Tensor, Tensor, Tensor] => {
    const op = 'batchNormWithUpdate';
    const all = nativeOf(x, {
      op,
      weight,
      bias,
      runningMean,
      runningVar,
      training: true,
      momentum: rate,
      eps: epsilon,
    });
    return [...all, newTensor([0], uint8)];
  },
  tests: () => ({
    samples: [call([t([5, 3, 4]), t([3]), t([3]), t([3], plain), t([3], spread), 0, 1e-5], {}, saved)],
  }),
});
