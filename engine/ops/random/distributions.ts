// Draws from distributions: in-place fills, normal with tensor parameters, multinomial.

import { noGrad } from '../../autograd/grad-mode.js';
import { checkInPlace } from '../../autograd/in-place.js';
import { computedIn, type DType, getDefaultDtype, int64 } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newLike, newTensor } from '../../core/factory.js';
import type { Generator } from '../../core/random.js';
import { broadcastShapes } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type OpTests, type Param } from '../../registry/define.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { allocateFor, factoryParams, finish } from '../creation/creation.js';
import { filled } from '../indexing/index-kernels.js';
import { searchsorted } from '../reduction/search.js';
import { requireBounds, requireSpan } from './_bounds.js';
import { type Distribution, draw, fillMersenne, generatorParam, mersenneOf } from './draws.js';
import { requireFloat, withoutSlope } from './random-tensors.js';

const self: Param = { name: 'input', kind: 'tensor' };
const unset = { valuesUndefined: true };
const notDifferentiable = 'it draws random numbers';

interface Refill {
  readonly name: string;
  readonly doc: string;
  /** Its parameters and their defaults; undefined: required. */
  readonly own: readonly (readonly [string, number | undefined])[];
  /** What its parameters must hold to: the reason, or null. */
  readonly refuse: (a: number, b: number) => string | null;
  readonly draw: Distribution;
  readonly integers?: boolean;
  /** Refuses a dtype where integers are refused otherwise than by a missing kernel. */
  readonly requireDType?: (op: string, dtype: DType) => void;
  /** Refuses parameters by the dtype. */
  readonly check?: (dtype: DType, a: number, b: number) => void;
  readonly tests: () => OpTests;
  readonly bad: readonly number[];
}

/** An op that only refills its tensor: `x.uniform_(0, 1)`. */
function refill(r: Refill) {
  return defineOp({
    name: r.name,
    torch: `torch.Tensor.${r.name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
    doc: r.doc,
    params: [
      self,
      ...r.own.map(
        ([name, d]): Param =>
          d === undefined ? { name, kind: 'scalar' } : { name, kind: 'scalar', default: d },
      ),
      generatorParam,
    ],
    variants: ['inplace'],
    kernel: (x: Tensor): Tensor => x,
    notDifferentiable,
    inPlace: (...args): Tensor => {
      const [x, a, b] = args as unknown as [Tensor, number, number];
      const generator = args.at(-1) as unknown as Generator | null;
      if (r.integers !== true) (r.requireDType ?? requireFloat)(r.name, x.dtype);
      r.check?.(x.dtype, a, b);
      const hint = r.refuse(a, b);
      if (hint !== null)
        throw new RuntimeError(
          message(r.name, 'parameters of the distribution', args.slice(1, -1).join(', '), hint),
        );
      checkInPlace(r.name, x);
      noGrad(() => draw(x, r.draw, a, b, generator));
      x.storage.version++;
      return x;
    },
    tests: () => ({
      ...r.tests(),
      errors: [{ args: [t([3], { grad: false }), ...r.bad], throws: 'RuntimeError' }],
    }),
  });
}

/** The refusal of integers by a distribution that PyTorch calls continuous. */
const continuous =
  (title: string) =>
  (op: string, dtype: DType): void => {
    if (dtype.isInexact) return;
    const hint = `${title} distribution is a continuous probability distribution. dtype must be a floating point but you specified ${dtype.title}`;
    throw new RuntimeError(message(op, 'a floating dtype', dtype.name, hint));
  };

const two = (a: number, b: number): readonly Sample[] => [
  call([t([3, 5], { grad: false })], {}, unset),
  call([t([3, 5], { layout: 'transposed', grad: false }), a, b], {}, unset),
];

export const uniformFill = refill({
  name: 'uniform_',
  doc: 'Refills the tensor with uniform numbers in [from, to).',
  own: [
    ['from', 0],
    ['to', 1],
  ],
  refuse: (a, b) =>
    a <= b ? null : `uniform_ expects to return a [from, to) range, but found from=${a} > to=${b}`,
  check: (dtype, a, b) => {
    requireBounds('uniform_', dtype, [
      ['from', a],
      ['to', b],
    ]);
    if (a <= b) requireSpan('uniform_', dtype, a, b);
  },
  draw: 'uniform',
  tests: () => ({ samples: two(1, 2) }),
  bad: [3, -1],
});
export const normalFill = refill({
  name: 'normal_',
  doc: 'Refills the tensor with normal numbers.',
  own: [
    ['mean', 0],
    ['std', 1],
  ],
  refuse: (_, b) => (b >= 0 ? null : `normal expects std >= 0.0, but found std ${b}`),
  draw: 'normal',
  tests: () => ({ samples: two(1, 2) }),
  bad: [0, -1],
});
export const cauchyFill = refill({
  name: 'cauchy_',
  requireDType: continuous('Cauchy'),
  doc: 'Refills the tensor with numbers of a Cauchy distribution.',
  own: [
    ['median', 0],
    ['sigma', 1],
  ],
  refuse: (_, b) => (b > 0 ? null : `cauchy_ expects sigma > 0.0, but found sigma=${b}`),
  draw: 'cauchy',
  tests: () => ({ samples: two(1, 2) }),
  bad: [0, 0],
});
export const logNormalFill = refill({
  name: 'logNormal_',
  doc: 'Refills the tensor with numbers whose logarithms are normal.',
  own: [
    ['mean', 1],
    ['std', 2],
  ],
  refuse: (_, b) => (b > 0 ? null : `log_normal_ expects std > 0.0, but found std=${b}`),
  draw: 'logNormal',
  tests: () => ({ samples: two(0, 0.5) }),
  bad: [0, 0],
});
export const exponentialFill = refill({
  name: 'exponential_',
  requireDType: continuous('Exponential'),
  doc: 'Refills the tensor with numbers of an exponential distribution of rate `lambd`.',
  own: [['lambd', 1]],
  refuse: (a) => (a > 0 ? null : `exponential_ expects lambda > 0.0, but found lambda=${a}`),
  draw: 'exponential',
  tests: () => ({ samples: [call([t([3, 5], { grad: false }), 1.5], {}, unset)] }),
  bad: [0],
});
export const geometricFill = refill({
  name: 'geometric_',
  doc: 'Refills the tensor with how many trials of probability p the first success takes.',
  own: [['p', undefined]],
  refuse: (a) => (a > 0 && a < 1 ? null : `geometric_ expects p to be in (0, 1), but got p=${a}`),
  draw: 'geometric',
  integers: true,
  tests: () => ({
    samples: [
      call([t([3, 5], { grad: false }), 0.5], {}, unset),
      call([t([3], { dtype: 'int64' }), 0.2], {}, unset),
    ],
  }),
  bad: [-1],
});

const refuseStd = (least: number): void => {
  if (least >= 0) return;
  const hint = `normal expects std >= 0.0, but found std ${least}`;
  throw new RuntimeError(message('normal', 'a standard deviation of at least 0', String(least), hint));
};

/** Normal numbers around tensors; torch's gradient by either is 0. */
function normalBy(mean: Tensor | number, std: Tensor | number, g: Generator | null): Tensor {
  const tensors = [mean, std].filter((x): x is Tensor => x instanceof Tensor);
  const shape = tensors.map((x) => x.sizes).reduce((a, b) => broadcastShapes('normal', a, b));
  const { dtype } = tensors[0]!;
  requireFloat('normal', dtype);
  if (!(std instanceof Tensor)) refuseStd(std);
  else if (std.length > 0) refuseStd(Number(std.detach().min().item()));
  const out = newTensor(shape, dtype);
  noGrad(() => {
    draw(out, 'normal', 0, std instanceof Tensor ? 1 : std, g);
    if (std instanceof Tensor) out.mul_(std);
    out.add_(mean instanceof Tensor ? mean : filled([], mean, dtype));
  });
  return withoutSlope('Normal', out, tensors);
}

export const normal = defineOp({
  name: 'normal',
  notDifferentiable: 'a draw has no slope: its gradient is zeros',
  doc: 'Normal numbers of the given mean and standard deviation: of a size, or one for each element of tensors.',
  params: [
    { name: 'mean', kind: 'tensorOrScalar' },
    { name: 'std', kind: 'tensorOrScalar', default: 1 },
    { name: 'size', kind: 'size', default: [] },
    generatorParam,
    ...factoryParams,
  ],
  variants: ['function'],
  kernel: (
    mean: Tensor | number,
    std: Tensor | number,
    sizes: readonly number[],
    g: Generator | null,
    ...[dtype, device, grad]: readonly [DType | null, unknown, boolean]
  ): Tensor => {
    if (mean instanceof Tensor || std instanceof Tensor) return normalBy(mean, std, g);
    refuseStd(std);
    const d = dtype ?? getDefaultDtype();
    requireFloat('normal', d);
    return finish(draw(allocateFor('normal', sizes, d, device), 'normal', mean, std, g), grad);
  },
  tests: () => ({
    samples: [
      call([2, 3, [5, 4]], {}, unset),
      call([t([3, 1], { grad: false }), t([4], { fill: 'positive', grad: false })], {}, unset),
      call([0.5, t([4], { fill: 'positive', grad: false })], {}, unset),
    ],
    errors: [
      { args: [0, -1, [2]], throws: 'RuntimeError' },
      { args: [t([2]), -1], throws: 'RuntimeError' },
    ],
  }),
});

const refuse = (required: string, got: string, hint: string): never => {
  throw new RuntimeError(message('multinomial', required, got, hint));
};

/** @throws RuntimeError where PyTorch refuses the arguments. */
function checkMultinomial(p: Tensor, n: number, replacement: boolean): void {
  if (p.ndim < 1 || p.ndim > 2) refuse('1 or 2 dims', String(p.ndim), 'prob_dist must be 1 or 2 dim');
  if (p.dtype.isIntegral) {
    const hint = `multinomial only supports floating-point dtypes for input, got: ${p.dtype.title}`;
    refuse('a floating dtype', p.dtype.name, hint);
  }
  const categories = p.sizes[p.ndim - 1]!;
  if (n <= 0) refuse('at least one sample', String(n), 'cannot sample n_sample <= 0 samples');
  if (!replacement && n > categories)
    refuse(
      `at most ${categories} samples`,
      String(n),
      'cannot sample n_sample > prob_dist.size(-1) samples without replacement',
    );
  if (categories > 2 ** 24)
    refuse('at most 2^24 categories', String(categories), 'number of categories cannot exceed 2^24');
  if (p.length === 0) return;
  if (!p.ge(0).logicalAnd(p.isfinite()).all().item())
    refuse(
      'finite weights of at least 0',
      showShape(p.sizes),
      'probability tensor contains either `inf`, `nan` or element < 0',
    );
  if (p.sum(-1).eq(0).any().item())
    refuse(
      'a weight above 0',
      'a row of zeros',
      'invalid multinomial distribution (sum of probabilities <= 0)',
    );
}

/** The categories at n uniform numbers among the sums of each row. */
function withReplacement(p: Tensor, n: number, g: Generator | null): Tensor {
  const categories = p.sizes[p.ndim - 1]!;
  const shape = [...p.sizes.slice(0, -1), n];
  const stream = mersenneOf(g);
  if (stream !== null) {
    const out = newTensor(shape, int64);
    const weights = p.to(computedIn(p.dtype)).contiguous();
    if (p.length > 0) fillMersenne(out, 'categories', categories, n, stream, weights);
    return out;
  }
  const summed = p.cumsum(-1);
  const total = summed.narrow(-1, categories - 1, 1);
  const at = draw(newTensor(shape, p.dtype), 'uniform', 0, 1, g).mul(total);
  return searchsorted.impl(summed, at, false, true, null, null).clampMax(categories - 1);
}

export const multinomial = defineOp({
  name: 'multinomial',
  doc: 'Draws `num_samples` categories from each row of weights, as int64, with or without putting them back.',
  params: [
    self,
    { name: 'num_samples', kind: 'int' },
    { name: 'replacement', kind: 'bool', default: false },
    generatorParam,
  ],
  kernel: (input: Tensor, n: number, replacement: boolean, g: Generator | null): Tensor =>
    noGrad(() => {
      const p = input.detach();
      checkMultinomial(p, n, replacement);
      if (replacement && n > 1) return withReplacement(p, n, g);
      // The first n of a race in which category i arrives after an exponential time of rate p_i.
      const times = draw(newLike(p), 'exponential', 1, 0, g);
      const race = p.div(times);
      return n === 1 ? race.argmax(-1, true) : race.topk(n, -1).indices;
    }),
  notDifferentiable,
  out: {},
  tests: () => ({
    samples: [
      call([t([5], { fill: 'probability', grad: false }), 3], {}, unset),
      call([t([2, 4], { fill: 'probability', grad: false }), 6, true], {}, unset),
    ],
    errors: [
      { args: [t([1, 2, 3], { grad: false }), 2], throws: 'RuntimeError' },
      { args: [t([2], { dtype: 'int64' }), 1], throws: 'RuntimeError' },
      { args: [t([2], { fill: 'ones', grad: false }), 0], throws: 'RuntimeError' },
      { args: [t([2], { fill: 'ones', grad: false }), 3], throws: 'RuntimeError' },
      { args: [t([3], { fill: 'zeros', grad: false }), 1], throws: 'RuntimeError' },
    ],
  }),
});
