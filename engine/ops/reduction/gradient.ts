// torch.gradient: central differences of sampled functions, one-sided at the ends.
import { getDefaultDtype } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type OpTests } from '../../registry/define.js';
import { dimsOf } from '../../registry/dims.js';
import { call, t } from '../../registry/samples.js';
import { full } from '../creation/creation.js';
import { cat } from '../joining/cat-stack.js';
import { type Dims, self } from './sum-mean-prod.js';

const bad = (required: string, got: string, hint: string): Error =>
  new RuntimeError(message('gradient', required, got, `torch.gradient ${hint}`));

/** The distances between neighbours along each of `dims`: from numbers, or from the points' places. */
function stepsOf(x: Tensor, spacing: unknown, dims: readonly number[]): Tensor[] {
  const dtype = x.dtype.isIntegral ? getDefaultDtype() : x.dtype;
  const list = Array.isArray(spacing) ? (spacing as unknown[]) : dims.map(() => spacing ?? 1);
  if (list.length !== dims.length)
    throw bad(
      `${dims.length} spacings`,
      String(list.length),
      `expected spacing to be unspecified, a scalar or a list of length equal to 'self.dim() - 1 = ${dims.length}', but got a list of length ${list.length}`,
    );
  return dims.map((d, k) => {
    const one = list[k];
    const n = x.sizes[d]!;
    if (!(one instanceof Tensor)) return full.impl([n - 1], Number(one), dtype, null, false) as Tensor;
    if (String(one.device) !== String(x.device))
      throw bad(
        'tensors on one device',
        `${x.device} and ${one.device}`,
        'expected each tensor to be on the same device',
      );
    if (one.ndim !== 1 || one.length !== n)
      throw bad(
        `${n} places`,
        `[${one.sizes}]`,
        'expected each spacing tensor to have one value for each place of its dim',
      );
    return one.narrow(0, 1, n - 1).sub(one.narrow(0, 0, n - 1));
  });
}

type Weighted = readonly (readonly [place: number, weight: Tensor])[];

/** Weights of the derivative at the middle of three points `a` and `b` apart, exact for parabolas. */
const central = (a: Tensor, b: Tensor): Tensor[] => [
  b.div(a.mul(a.add(b))).neg(),
  b.sub(a).div(a.mul(b)),
  a.div(b.mul(a.add(b))),
];
/** The same at the first of the three. */
const oneSided = (a: Tensor, b: Tensor): Tensor[] => [
  a
    .mul(2)
    .add(b)
    .div(a.mul(a.add(b)))
    .neg(),
  a.add(b).div(a.mul(b)),
  a.div(b.mul(a.add(b))).neg(),
];

function derivative(x: Tensor, dim: number, steps: Tensor, order: number): Tensor {
  const n = x.sizes[dim]!;
  const shaped = (w: Tensor): Tensor => w.reshape(x.sizes.map((_, d) => (d === dim ? w.length : 1)));
  const step = (from: number, length: number): Tensor => steps.narrow(0, from, length);
  const combined = (length: number, parts: Weighted): Tensor =>
    parts.map(([at, w]) => x.narrow(dim, at, length).mul(shaped(w))).reduce((p, q) => p.add(q));
  const start = (): Tensor => {
    if (order === 1)
      return x
        .narrow(dim, 1, 1)
        .sub(x.narrow(dim, 0, 1))
        .div(shaped(step(0, 1)));
    return combined(
      1,
      oneSided(step(0, 1), step(1, 1)).map((w, k) => [k, w] as const),
    );
  };
  const end = (): Tensor => {
    if (order === 1)
      return x
        .narrow(dim, n - 1, 1)
        .sub(x.narrow(dim, n - 2, 1))
        .div(shaped(step(n - 2, 1)));
    return combined(
      1,
      oneSided(step(n - 2, 1), step(n - 3, 1)).map((w, k) => [n - 1 - k, w.neg()] as const),
    );
  };
  if (n === 2) return cat.impl([start(), end()], dim) as Tensor;
  const middle = combined(
    n - 2,
    central(step(0, n - 2), step(1, n - 2)).map((w, k) => [k, w] as const),
  );
  return cat.impl([start(), middle, end()], dim) as Tensor;
}

export const gradient = defineOp({
  name: 'gradient',
  numpy: 'numpy.gradient',
  doc: 'The derivative along each of `dim` (all by default) of values sampled at distances or places `spacing`, as a list.',
  params: [
    self,
    {
      name: 'spacing',
      kind: 'any',
      type: 'number | readonly (number | Tensor)[]',
      default: null,
      keyword: true,
    },
    { name: 'dim', kind: 'ints', default: null, keyword: true },
    { name: 'edge_order', kind: 'int', default: 1, keyword: true },
  ],
  variants: ['function'],
  returns: 'Tensor[]',
  compose: (x: Tensor, spacing: unknown, dim: Dims, order: number): Tensor[] => {
    const dims = dimsOf('gradient', dim, x.ndim);
    if (order !== 1 && order !== 2)
      throw bad('edge_order 1 or 2', String(order), 'only supports edge_order=1 and edge_order=2.');
    for (const d of dims) {
      if (x.sizes[d]! > order) continue;
      throw bad(
        `sizes above ${order}`,
        String(x.sizes[d]),
        'expected each dimension size to be at least edge_order+1',
      );
    }
    const steps = stepsOf(x, spacing, dims);
    return dims.map((d, k) => derivative(x, d, steps[k]!, order));
  },
  tests: (): OpTests => ({
    samples: [
      call([t([5])]),
      call([t([4, 5], { layout: 'transposed' })], { spacing: [2, 0.5], edge_order: 2 }),
      call([t([4, 3])], { spacing: [t([3], { fill: 'arange', grad: false })], dim: [1] }),
      call([t([2, 4], { dtype: 'int64' })], { dim: 0 }),
    ],
    errors: [
      { args: [t([3, 3])], kwargs: { edge_order: 3 }, throws: 'RuntimeError' },
      { args: [t([3, 3])], kwargs: { spacing: [0.1], dim: [1, 0] }, throws: 'RuntimeError' },
      { args: [t([3, 3])], kwargs: { dim: 3 }, throws: 'IndexError' },
      { args: [t([3, 1])], throws: 'RuntimeError' },
      { args: [t([2, 2])], kwargs: { edge_order: 2 }, throws: 'RuntimeError' },
    ],
  }),
});
