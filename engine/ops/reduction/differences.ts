// diff, trapezoid, cumulativeTrapezoid.
import { getDefaultDtype } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param, snakeCase } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { cat } from '../joining/cat-stack.js';
import { self } from './sum-mean-prod.js';

const lastDim: Param = { name: 'dim', kind: 'int', default: -1 };
const keywordDim: Param = { ...lastDim, keyword: true };
/** All but the first (1) or the last (0) along a dim. */
const side = (x: Tensor, dim: number, from: 0 | 1): Tensor => x.narrow(dim, from, x.sizes[dim]! - 1);

function requireDims(op: string, x: Tensor): void {
  if (x.ndim > 0) return;
  throw new RuntimeError(
    message(op, 'at least one dim', '0-d', `${op} expects input to be at least one-dimensional`),
  );
}

/** What stands before or after must have the tensor's sizes but along `dim`. @throws RuntimeError */
function requireFits(x: Tensor, part: Tensor, dim: number): void {
  if (part.ndim !== x.ndim) {
    const hint = 'diff expects prepend or append to be the same dimension as input';
    throw new RuntimeError(message('diff', `${x.ndim} dims`, String(part.ndim), hint));
  }
  part.sizes.forEach((size, d) => {
    if (d === dim || size === x.sizes[d]) return;
    const hint = `diff expects the shape of tensor to prepend or append to match that of input except along the differencing dimension; input.size(${d}) = ${x.sizes[d]}, but got tensor.size(${d}) = ${size}`;
    throw new RuntimeError(message('diff', showShape(x.sizes), showShape(part.sizes), hint));
  });
}

/** The n-th difference; bools differ where they are unlike. */
function differences(x: Tensor, n: number, dim: number): Tensor {
  if (n === 0) return x.clone();
  let out = x;
  for (let i = Math.min(n, x.sizes[dim]!); i > 0; i--) {
    const [later, earlier] = [side(out, dim, 1), side(out, dim, 0)];
    out = x.dtype.name === 'bool' ? later.logicalXor(earlier) : later.sub(earlier);
  }
  return out;
}

export const diff = defineOp({
  name: 'diff',
  numpy: 'numpy.diff',
  doc: 'The n-th difference along a dim, of what `prepend`, input and `append` make together.',
  params: [
    self,
    { name: 'n', kind: 'int', default: 1 },
    lastDim,
    { name: 'prepend', kind: 'tensor', default: null },
    { name: 'append', kind: 'tensor', default: null },
  ],
  compose: (x: Tensor, n: number, rawDim: number, prepend: Tensor | null, append: Tensor | null): Tensor => {
    requireDims('diff', x);
    const dim = wrapDim('diff', rawDim, x.ndim);
    for (const part of [prepend, append]) if (part !== null) requireFits(x, part, dim);
    if (n < 0) {
      const hint = `order must be non-negative but got ${n}`;
      throw new RuntimeError(message('diff', 'n of at least 0', String(n), hint));
    }
    if (n === 0) return differences(x, 0, dim);
    const parts = [prepend, x, append].filter((p): p is Tensor => p !== null);
    return differences(parts.length === 1 ? x : (cat.impl(parts, dim) as Tensor), n, dim);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([5, 3], { layout: 'transposed' }), 2, 0]),
      call([t([3, 5]), 1, 1, t([3, 1]), t([3, 2])]),
      call([t([5], { dtype: 'bool' })]),
      call([t([3]), 7], {}, { noGrad: 'the result is empty' }),
    ],
    errors: [
      { args: [t([])], throws: 'RuntimeError' },
      { args: [t([3]), -1], throws: 'RuntimeError' },
      { args: [t([3, 2]), 1, 0, t([3])], throws: 'RuntimeError' },
      { args: [t([3, 2]), 1, 0, t([1, 3])], throws: 'RuntimeError' },
    ],
  }),
});

/** The widths of the trapezoids under `y` whose points stand at `x`, ready to be multiplied. @throws RuntimeError */
function widths(op: string, y: Tensor, x: Tensor, dim: number): Tensor {
  if (x.ndim === 1) {
    if (x.sizes[0] !== y.sizes[dim]) {
      const hint = `There must be one \`x\` value for each sample point`;
      throw new RuntimeError(message(op, `${y.sizes[dim]} points`, String(x.sizes[0]), hint));
    }
    const apart = side(x, 0, 1).sub(side(x, 0, 0));
    return apart.reshape(y.sizes.map((_, d) => (d === dim ? apart.length : 1)));
  }
  const points = x.ndim < y.ndim ? x.reshape([...new Array<number>(y.ndim - x.ndim).fill(1), ...x.sizes]) : x;
  const along = dim + Math.max(0, points.ndim - y.ndim);
  return side(points, along, 1).sub(side(points, along, 0));
}

/** Sums of neighbours. Integers wrap, as PyTorch's do. */
const neighbours = (y: Tensor, dim: number): Tensor => side(y, dim, 1).add(side(y, dim, 0));
/** A product with a number that is a float even where it is whole. */
const scaled = (x: Tensor, by: number): Tensor => (x.dtype.isIntegral ? x.to(getDefaultDtype()) : x).mul(by);

/** @throws RuntimeError for bool, and for distances that are no real numbers. */
function requireNumbers(op: string, y: Tensor, x: Tensor | null, dx: unknown): void {
  if (y.dtype.isBool || x?.dtype.isBool) {
    const hint = `${op}: received a bool input for ${x === null ? '`y`' : '`x` or `y`'}, but bool is not supported`;
    throw new RuntimeError(message(op, 'numbers', 'bool', hint));
  }
  if (x !== null || typeof dx === 'number' || typeof dx === 'bigint') return;
  const hint = `${op}: Currently, we only support dx as a real number.`;
  throw new RuntimeError(message(op, 'a real dx', String(dx), hint));
}

type Rule = (op: string, y: Tensor, x: Tensor | null, dx: number, dim: number) => Tensor;

function trapezoidRule(name: string, aliases: readonly string[], doc: string, rule: Rule) {
  return defineOp({
    name,
    aliases,
    doc,
    params: [
      { name: 'y', kind: 'tensor' },
      { name: 'x', kind: 'tensor', default: null },
      { name: 'dx', kind: 'scalar', default: 1, keyword: true },
      keywordDim,
    ],
    variants: ['function'],
    compose: (y: Tensor, x: Tensor | null, dx: number, rawDim: number): Tensor => {
      requireDims(name, y);
      const dim = wrapDim(name, rawDim, y.ndim);
      if (y.sizes[dim] === 0) return rule(name, y, x, Number(dx), dim);
      requireNumbers(snakeCase(name), y, x, dx);
      return rule(name, y, x, Number(dx), dim);
    },
    tests: () => ({
      samples: [
        call([t([2, 3]), t([2, 3])]),
        call([t([5, 3], { layout: 'transposed' }), t([5])], { dim: 0 }),
        call([t([6])], { dx: 2.5 }),
        call([t([4], { dtype: 'int64' })]),
      ],
      errors: [{ args: [t([3]), t([4])], throws: 'RuntimeError' }],
    }),
  });
}

export const trapezoid = trapezoidRule(
  'trapezoid',
  ['torch.trapz'],
  'The integral along a dim by the trapezoid rule, over points `x` or at distances `dx`.',
  (op, y, x, dx, dim) => {
    if (y.sizes[dim] === 0) return y.sum(dim);
    if (x !== null)
      return neighbours(y, dim)
        .mul(widths(op, y, x, dim))
        .sum(dim)
        .div(2);
    const ends = y.select(dim, 0).add(y.select(dim, -1));
    return scaled(y.sum(dim).sub(ends.mul(0.5)), dx);
  },
);
export const cumulativeTrapezoid = trapezoidRule(
  'cumulativeTrapezoid',
  [],
  'The running integral along a dim by the trapezoid rule, over points `x` or at distances `dx`.',
  (op, y, x, dx, dim) => {
    if (y.sizes[dim] === 0) return y.clone();
    const sums = neighbours(y, dim);
    if (x !== null)
      return sums
        .mul(widths(op, y, x, dim))
        .cumsum(dim)
        .div(2);
    return scaled(sums.cumsum(dim), dx / 2);
  },
);
