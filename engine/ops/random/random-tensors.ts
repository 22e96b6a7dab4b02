// Random tensors: rand, randn, randint, randperm, bernoulli and their `Like` forms.
import { record } from '../../autograd/node.js';
import { type DType, getDefaultDtype, int64 } from '../../core/dtype.js';
import { message, NotImplementedError, RuntimeError } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import type { Generator } from '../../core/random.js';
import { requireFits } from '../../core/scalar.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { allocateFor, allocateLike, factoryParams, finish } from '../creation/creation.js';
import { requireBounds } from './_bounds.js';
import { draw, drawBernoulli, generatorParam, permute } from './draws.js';

type Options = readonly [DType | null, unknown, boolean];
const size: Param = { name: 'size', kind: 'size' };
const like: Param = { name: 'input', kind: 'tensor' };

const notDifferentiable = 'it draws random numbers';
const undefinedValues = { valuesUndefined: true };

function floatFactory(name: string, kind: 'uniform' | 'normal', p1: number, doc: string) {
  return defineOp({
    name,
    doc,
    params: [size, generatorParam, ...factoryParams],
    variants: ['function'],
    kernel: (
      sizes: readonly number[],
      g: Generator | null,
      dtype: DType | null,
      device: unknown,
      grad: boolean,
    ): Tensor => {
      const d = dtype ?? getDefaultDtype();
      requireFloat(name, d);
      return finish(draw(allocateFor(name, sizes, d, device), kind, 0, p1, g), grad);
    },
    notDifferentiable,
    tests: () => ({
      samples: [
        call([[3, 2]], {}, undefinedValues),
        call([[]], {}, undefinedValues),
        call([[5]], { dtype: { dtype: 'float64' } }, undefinedValues),
        call([[0, 3]]),
      ],
      errors: [{ args: [[2, -1]], throws: 'RuntimeError' }],
    }),
  });
}
export const rand = floatFactory('rand', 'uniform', 1, 'Uniform numbers in [0, 1).');
export const randn = floatFactory('randn', 'normal', 1, 'Standard normal numbers.');

function likeFactory(name: string, kind: 'uniform' | 'normal', doc: string) {
  return defineOp({
    name,
    doc,
    params: [like, generatorParam, ...factoryParams],
    variants: ['function'],
    kernel: (x: Tensor, g: Generator | null, ...[dtype, device, grad]: Options): Tensor => {
      const d = dtype ?? x.dtype;
      requireFloat(name, d);
      return finish(draw(allocateLike(name, x, d, device), kind, 0, 1, g), grad);
    },
    notDifferentiable,
    tests: () => ({
      samples: [
        call([t([3, 2])], {}, undefinedValues),
        call([t([3], { dtype: 'int64' })], { dtype: { dtype: 'float64' } }, undefinedValues),
      ],
    }),
  });
}
export const randLike = likeFactory(
  'randLike',
  'uniform',
  'Uniform numbers in [0, 1) with the shape and dtype of another tensor.',
);
export const randnLike = likeFactory(
  'randnLike',
  'normal',
  'Standard normal numbers with the shape and dtype of another tensor.',
);

/** @throws NotImplementedError for integers and bool. */
export function requireFloat(op: string, d: DType): void {
  if (d.isIntegral) {
    throw new NotImplementedError(
      message(op, 'a floating dtype', d.name, `"${op}" not implemented for '${d.title}'`),
    );
  }
}

/** @throws RuntimeError unless there is a number between the bounds, and the dtype holds all of them. */
function requireRange(op: string, low: number, high: number, dtype: DType): void {
  if (low < high) {
    requireBounds(op, dtype, [
      ['from', low],
      ['to - 1', high - 1],
    ]);
    return;
  }
  const hint = `random_ expects 'from' to be less than 'to', but got from=${low} >= to=${high}`;
  throw new RuntimeError(message(op, 'low < high', `${low} and ${high}`, hint));
}

export const randint = defineOp({
  name: 'randint',
  doc: 'Whole numbers in [low, high), each equally likely; int64 unless a dtype is given. `randint(high, size)` starts at 0.',
  params: [
    { name: 'low', kind: 'int' },
    { name: 'high', kind: 'ints' },
    { ...size, default: [] },
    generatorParam,
    ...factoryParams,
  ],
  variants: ['function'],
  kernel: (
    a: number,
    b: number | readonly number[],
    rest: readonly number[],
    g: Generator | null,
    ...options: Options
  ): Tensor => {
    const [low, high, sizes] = typeof b === 'number' ? [a, b, rest] : [0, a, b];
    const [dtype, device, grad] = options;
    const d = dtype ?? int64;
    requireRange('randint', low, high, d);
    return finish(draw(allocateFor('randint', sizes, d, device), 'integer', low, high, g), grad);
  },
  notDifferentiable,
  tests: () => ({
    samples: [
      call([0, 10, [3, 2]], {}, undefinedValues),
      call([10, [4]], {}, undefinedValues),
      call([-5, 5, [7]], { dtype: { dtype: 'float32' } }, undefinedValues),
    ],
    errors: [{ args: [5, 5, [2]], throws: 'RuntimeError' }],
  }),
});

export const randintLike = defineOp({
  name: 'randintLike',
  doc: 'Whole numbers in [low, high), or [0, low) without high, with the shape and dtype of another tensor.',
  params: [
    like,
    { name: 'low', kind: 'int' },
    { name: 'high', kind: 'int', default: null },
    generatorParam,
    ...factoryParams,
  ],
  variants: ['function'],
  kernel: (
    x: Tensor,
    a: number,
    b: number | null,
    g: Generator | null,
    ...[dtype, device, grad]: Options
  ): Tensor => {
    const [low, high] = b === null ? [0, a] : [a, b];
    requireRange('randintLike', low, high, dtype ?? x.dtype);
    const out = allocateLike('randintLike', x, dtype, device);
    return finish(draw(out, 'integer', low, high, g), grad);
  },
  notDifferentiable,
  tests: () => ({
    samples: [
      call([t([3, 2]), 10], {}, undefinedValues),
      call([t([3], { dtype: 'int64' }), -2, 5], {}, undefinedValues),
    ],
  }),
});

/** The numbers that each floating dtype counts up to without gaps. */
const counts: Readonly<Record<string, number>> = {
  float16: 2 ** 11,
  bfloat16: 2 ** 8,
  float32: 2 ** 24,
  float64: 2 ** 53,
};
/** @throws RuntimeError where a dtype cannot tell the numbers below n apart. */
function requireCounts(dtype: DType, n: number): void {
  if (dtype.isInteger) requireFits('randperm', dtype, n);
  const most = counts[dtype.name];
  if (most === undefined || n <= most + 1) return;
  const hint = `n cannot be greater than ${most + 1} for ${dtype.title} type.`;
  throw new RuntimeError(message('randperm', `a dtype that counts to ${n}`, dtype.name, hint));
}

export const randperm = defineOp({
  name: 'randperm',
  doc: 'A random permutation of 0 … n − 1, as int64.',
  params: [{ name: 'n', kind: 'int' }, generatorParam, ...factoryParams],
  variants: ['function'],
  kernel: (n: number, g: Generator | null, dtype: DType | null, device: unknown, grad: boolean): Tensor => {
    const out = allocateFor('randperm', [n], dtype ?? int64, device);
    if (n > 0) requireCounts(out.dtype, n);
    if (n === 0 || out.device.kernels === null) return finish(out, grad);
    permute(out, g);
    return finish(out, grad);
  },
  notDifferentiable,
  tests: () => ({
    samples: [call([7], {}, undefinedValues), call([0])],
    errors: [{ args: [-1], throws: 'RuntimeError' }],
  }),
});

/** Records a draw: torch gives zeros, not nothing, to what it was drawn by. */
export function withoutSlope(name: string, out: Tensor, inputs: readonly Tensor[]): Tensor {
  return record(`${name}Backward0`, out, inputs, () => {
    const kinds = inputs.map(({ sizes, dtype }) => ({ sizes, dtype }));
    return () => kinds.map(({ sizes, dtype }) => rawZeros(sizes, dtype));
  });
}

export const bernoulli = defineOp({
  name: 'bernoulli',
  notDifferentiable: 'a draw has no slope: its gradient is zeros',
  doc: '1 with the probability that each element of the input gives, else 0.',
  params: [like, { name: 'p', kind: 'scalar', default: null }, generatorParam],
  variants: ['function', 'method', 'inplace'],
  kernel: (x: Tensor, p: number | null, g: Generator | null): Tensor => {
    requireFloat('bernoulli', x.dtype);
    const out = newTensor(x.sizes, x.dtype);
    if (p !== null) return withoutSlope('Bernoulli', draw(out, 'bernoulli', probability(p), 0, g), [x]);
    const outside = x.detach().ge(0).logicalAnd(x.detach().le(1)).logicalNot().any().item();
    if (outside === true)
      throw new RuntimeError(
        message(
          'bernoulli',
          'probabilities in [0, 1]',
          'others',
          'Expected p_in >= 0 && p_in <= 1 to be true',
        ),
      );
    if (x.length > 0) drawBernoulli(out, x.detach(), g);
    return withoutSlope('Bernoulli', out, [x]);
  },
  inPlace: (x: Tensor, p: number | null, g: Generator | null): Tensor => {
    draw(x, 'bernoulli', probability(p ?? 0.5), 0, g);
    x.storage.version++;
    return x;
  },
  out: {},
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'probability', grad: false })], {}, undefinedValues),
      call([t([7], { grad: false }), 0.25], {}, undefinedValues),
    ],
    errors: [{ args: [t([3], { fill: { values: [0.5, 1.5, 0] }, grad: false })], throws: 'RuntimeError' }],
  }),
});

function probability(p: number): number {
  if (!(p >= 0 && p <= 1)) {
    throw new RuntimeError(
      message('bernoulli', 'a probability in [0, 1]', String(p), 'bernoulli_ expects p to be in [0, 1]'),
    );
  }
  return p;
}
