// Products that are compositions: outer, inner, vdot, vecdot, cross, kron, tensordot, multiDot, trace.
import { describe, message, RuntimeError, showShape } from '../../core/errors.js';
import { broadcastShapes, noDims, requireDimsOfSet, wrapDim, wrapDims } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type OpTests, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { diagonalOf } from '../views/geometry.js';
import { innerProduct } from './matmul.js';

const self: Param = { name: 'input', kind: 'tensor' };
const other: Param = { name: 'other', kind: 'tensor' };
const lastDim: Param = { name: 'dim', kind: 'int', default: -1, keyword: true };
const fail = (op: string, required: string, got: string, hint: string): RuntimeError =>
  new RuntimeError(message(op, required, got, hint));

export const outer = defineOp({
  name: 'outer',
  numpy: 'numpy.outer',
  aliases: ['torch.ger'],
  doc: 'The products of every element of a vector with every element of another.',
  params: [self, { name: 'vec2', kind: 'tensor' }],
  compose: (a: Tensor, b: Tensor): Tensor => {
    for (const [x, name] of [
      [a, 'self'],
      [b, 'vec2'],
    ] as const) {
      if (x.ndim !== 1)
        throw fail(
          'outer',
          'vectors',
          showShape(x.sizes),
          `Expected 1-D argument ${name}, but got ${x.ndim}-D`,
        );
    }
    return a.unsqueeze(1).mul(b);
  },
  tests: () => ({
    samples: [call([t([3]), t([5])]), call([t([3], { dtype: 'int64' }), t([2], { dtype: 'float64' })])],
    errors: [{ args: [t([3, 2]), t([3])], throws: 'RuntimeError' }],
  }),
});

export const inner = defineOp({
  name: 'inner',
  numpy: 'numpy.inner',
  doc: 'The sums of products over the last dims of both; with a 0-d operand, the plain product.',
  params: [self, other],
  compose: (a: Tensor, b: Tensor): Tensor => {
    if (a.ndim === 0 || b.ndim === 0) return a.mul(b);
    if (a.sizes.at(-1) !== b.sizes.at(-1)) {
      throw fail(
        'inner',
        'last dims of one size',
        `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
        `inner() the last dimension must match on both input tensors but got shapes ${showShape(a.sizes)} and ${showShape(b.sizes)}`,
      );
    }
    return contracted('inner', a, b, [a.ndim - 1], [b.ndim - 1]);
  },
  tests: () => ({
    samples: [call([t([3]), t([3])]), call([t([2, 3]), t([4, 5, 3])]), call([t([]), t([2, 3])])],
    errors: [{ args: [t([3]), t([4])], throws: 'RuntimeError' }],
  }),
});

export const vdot = defineOp({
  name: 'vdot',
  doc: 'The inner product of two vectors; of complex ones, with the first conjugated.',
  params: [self, other],
  compose: (a: Tensor, b: Tensor): Tensor => innerProduct('vdot', a.conj(), b),
  tests: () => ({
    samples: [call([t([7]), t([7])])],
    errors: [
      { args: [t([3, 2]), t([3])], throws: 'RuntimeError' },
      { args: [t([9]), t([3])], throws: 'RuntimeError' },
    ],
  }),
});

export const vecdot = defineOp({
  name: 'linalg.vecdot',
  doc: 'The inner products of vectors along a dim, the others broadcast; complex ones with the first conjugated.',
  params: [{ name: 'x', kind: 'tensor' }, { name: 'y', kind: 'tensor' }, lastDim],
  compose: (a: Tensor, b: Tensor, dim: number): Tensor => {
    if (a.dtype !== b.dtype || a.dtype.isIntegral) {
      throw fail(
        'linalg.vecdot',
        'two tensors of one floating dtype',
        `${a.dtype.name} and ${b.dtype.name}`,
        'Expected a floating point or complex tensor as input',
      );
    }
    const d = wrapDim('linalg.vecdot', dim, Math.max(a.ndim, b.ndim));
    const at = d - Math.max(a.ndim, b.ndim);
    const shape = broadcastShapes('linalg.vecdot', a.sizes, b.sizes);
    if (shape.length === 0) return a.conj().mul(b);
    const row = a.conj().expand(shape).movedim(at, -1).unsqueeze(-2);
    const column = b.expand(shape).movedim(at, -1).unsqueeze(-1);
    return row.matmul(column).squeeze(-1).squeeze(-1);
  },
  tests: () => ({ samples: [call([t([2, 5]), t([2, 5])]), call([t([3, 5]), t([3, 1])], { dim: 0 })] }),
});

/** The cross products along a wrapped dim of size 3. */
function crossOver(op: string, a: Tensor, b: Tensor, dim: number): Tensor {
  const shape = broadcastShapes(op, a.sizes, b.sizes);
  const [x, y] = [a.expand(shape), b.expand(shape)];
  return x
    .roll(-1, dim)
    .mul(y.roll(1, dim))
    .sub(x.roll(1, dim).mul(y.roll(-1, dim)));
}

export const linalgCross = defineOp({
  name: 'linalg.cross',
  doc: 'The cross products of vectors of 3 along a dim; the other dims broadcast.',
  params: [self, other, lastDim],
  compose: (a: Tensor, b: Tensor, dim: number): Tensor => {
    if (a.ndim !== b.ndim)
      throw fail(
        'linalg.cross',
        'as many dims',
        `${a.ndim} and ${b.ndim}`,
        'linalg.cross: inputs must have the same number of dimensions.',
      );
    if (a.ndim === 0) throw noDims('linalg.cross', dim);
    const d = wrapDim('linalg.cross', dim, a.ndim);
    if (a.sizes[d] !== 3 || b.sizes[d] !== 3) {
      throw fail(
        'linalg.cross',
        'vectors of 3',
        `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
        `linalg.cross: inputs dimension ${dim} must have length 3. Got ${a.sizes[d]} and ${b.sizes[d]}`,
      );
    }
    return crossOver('linalg.cross', a, b, d);
  },
  tests: () => ({
    samples: [call([t([5, 3]), t([1, 3])]), call([t([5, 3, 2]), t([5, 3, 2])], { dim: 1 })],
    errors: [
      { args: [t([5, 3]), t([5, 1])], throws: 'RuntimeError' },
      { args: [t([5, 5, 3]), t([5, 3])], throws: 'RuntimeError' },
      { args: [t([5, 2]), t([5, 2])], throws: 'RuntimeError' },
      { args: [t([5, 2]), t([5, 2])], kwargs: { dim: 2 }, throws: 'IndexError' },
    ],
  }),
});

export const cross = defineOp({
  name: 'cross',
  doc: 'The cross products of vectors of 3 along `dim`, or along the first dim of size 3.',
  params: [self, other, { name: 'dim', kind: 'int', default: null }],
  compose: (a: Tensor, b: Tensor, dim: number | null): Tensor => {
    const found = dim === null ? a.sizes.indexOf(3) : wrapDim('cross', dim, a.ndim);
    if (found < 0)
      throw fail('cross', 'a dim of size 3', showShape(a.sizes), 'no dimension of size 3 in input');
    if (a.ndim !== b.ndim || a.sizes[found] !== 3 || b.sizes[found] !== 3) {
      throw fail(
        'cross',
        `dim ${found} of size 3 in both`,
        `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
        `linalg.cross: inputs dimension ${found} must have length 3`,
      );
    }
    return crossOver('cross', a, b, found);
  },
  tests: () => ({
    samples: [call([t([5, 3]), t([5, 3])]), call([t([3, 2]), t([3, 2])], { dim: 0 })],
    errors: [{ args: [t([5, 2]), t([5, 2])], throws: 'RuntimeError' }],
  }),
});

export const kron = defineOp({
  name: 'kron',
  numpy: 'numpy.kron',
  doc: 'The Kronecker product: every element of the first times the whole of the second.',
  params: [self, other],
  compose: (a: Tensor, b: Tensor): Tensor => {
    const n = Math.max(a.ndim, b.ndim);
    const sizes = (x: Tensor): number[] => [...new Array<number>(n - x.ndim).fill(1), ...x.sizes];
    const [p, q] = [sizes(a), sizes(b)];
    const left = a.reshape(p.flatMap((size) => [size, 1]));
    const right = b.reshape(q.flatMap((size) => [1, size]));
    return left.mul(right).reshape(p.map((size, d) => size * q[d]!));
  },
  tests: () => ({ samples: [call([t([2, 3]), t([3, 2])]), call([t([2]), t([2, 1, 3])])] }),
});

/** The dims that tensordot sums over: the last and first n, or two lists. */
function dimPairs(a: Tensor, dims: unknown): readonly [readonly number[], readonly number[]] {
  const given = dims instanceof Tensor ? dims.tolist() : dims;
  if (typeof given === 'number') {
    if (given < 0 || given > Math.min(a.ndim, 64))
      throw fail('tensordot', 'dims of at least 0', String(given), 'tensordot expects dims >= 0');
    return [
      Array.from({ length: given }, (_, i) => a.ndim - given + i),
      Array.from({ length: given }, (_, i) => i),
    ];
  }
  const lists = Array.isArray(given)
    ? given.map((one: unknown) => (Array.isArray(one) ? (one as number[]) : [one as number]))
    : [];
  if (lists.length !== 2)
    throw fail('tensordot', 'an integer or two lists of dims', describe(given), 'both dimension lists');
  return [lists[0]!, lists[1]!];
}

/** The sums of products over pairs of dims; a size of 1 goes with any. */
function contracted(
  op: string,
  a: Tensor,
  b: Tensor,
  overA: readonly number[],
  overB: readonly number[],
): Tensor {
  if (overA.length !== overB.length) {
    throw fail(
      op,
      'as many dims of both',
      `${overA.length} and ${overB.length}`,
      'both dimension lists should have same length',
    );
  }
  requireDimsOfSet(op, Math.max(a.ndim, b.ndim));
  const [p, q] = [wrapDims(op, overA, a.ndim), wrapDims(op, overB, b.ndim)];
  let [x, y] = [a, b];
  for (let i = 0; i < p.length; i++) {
    const [m, n] = [a.sizes[p[i]!]!, b.sizes[q[i]!]!];
    if (m === n) continue;
    if (n === 1) x = x.sum(p[i]!, true);
    else if (m === 1) y = y.sum(q[i]!, true);
    else {
      throw fail(
        op,
        'contracted dims of one size',
        `${m} and ${n}`,
        `contracted dimensions need to match, but first has size ${m} in dim ${p[i]} and second has size ${n} in dim ${q[i]}`,
      );
    }
  }
  const keptA = x.sizes.map((_, d) => d).filter((d) => !p.includes(d));
  const keptB = y.sizes.map((_, d) => d).filter((d) => !q.includes(d));
  const size = (of: Tensor, dims: readonly number[]): number => dims.reduce((n, d) => n * of.sizes[d]!, 1);
  const k = size(x, p);
  const left = x.permute([...keptA, ...p]).reshape([size(x, keptA), k]);
  const right = y.permute([...q, ...keptB]).reshape([k, size(y, keptB)]);
  return left.mm(right).reshape([...keptA.map((d) => x.sizes[d]!), ...keptB.map((d) => y.sizes[d]!)]);
}

export const tensordot = defineOp({
  name: 'tensordot',
  doc: 'The sums of products over the last dims of the first and the first dims of the second, or over listed pairs.',
  params: [
    { name: 'a', kind: 'tensor' },
    { name: 'b', kind: 'tensor' },
    { name: 'dims', kind: 'any', type: 'number | readonly (readonly number[])[] | Tensor', default: 2 },
  ],
  variants: ['function'],
  compose: (a: Tensor, b: Tensor, dims: unknown): Tensor =>
    contracted('tensordot', a, b, ...dimPairs(a, dims)),
  tests: () => ({
    samples: [
      call([t([2, 3, 4]), t([3, 4, 5])]),
      call([t([2, 2, 1]), t([2, 1, 2])], {
        dims: [
          [0, 1],
          [2, 0],
        ],
      }),
      call([t([2, 3]), t([4]), 0]),
    ],
    errors: [{ args: [t([2, 3]), t([4, 5]), 1], throws: 'RuntimeError' }],
  }),
});

export const trace = defineOp({
  name: 'trace',
  numpy: 'numpy.trace',
  doc: 'The sum of a matrix’s diagonal; of integers, as int64.',
  params: [self],
  compose: (x: Tensor): Tensor => {
    if (x.ndim !== 2)
      throw fail('trace', 'a matrix', showShape(x.sizes), 'trace: expected a matrix, but got a tensor');
    return diagonalOf(x, 0, 0, 1).sum();
  },
  tests: () => ({
    samples: [call([t([3, 5])]), call([t([0, 3])]), call([t([3, 3], { dtype: 'int32' })])],
    errors: [{ args: [t([3, 4, 5])], throws: 'RuntimeError' }],
  }),
});

/** The cheapest order of a chain of products, as where to split matrices i..j. */
function splits(sizes: readonly number[]): number[][] {
  const n = sizes.length - 1;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const at = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      cost[i]![j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const c = cost[i]![k]! + cost[k + 1]![j]! + sizes[i]! * sizes[k + 1]! * sizes[j + 1]!;
        if (c < cost[i]![j]!) {
          cost[i]![j] = c;
          at[i]![j] = k;
        }
      }
    }
  }
  return at;
}

const smallChain = 4096;

function chain(op: string, matrices: readonly Tensor[]): Tensor {
  if (matrices.length < 2) {
    throw fail(
      op,
      'at least two matrices',
      String(matrices.length),
      `${op}(): expected at least 2 tensors but got ${matrices.length}`,
    );
  }
  const last = matrices.length - 1;
  const whole = matrices.map((x, i) => {
    const ends = i === 0 || i === last;
    if (x.ndim !== 2 && !(ends && x.ndim === 1))
      throw fail(
        op,
        'matrices, or vectors at the ends',
        showShape(x.sizes),
        `${op}(): tensor ${i} must be 2D`,
      );
    return x.ndim === 2 ? x : x.unsqueeze(i === 0 ? 0 : 1);
  });
  const at = splits([whole[0]!.sizes[0]!, ...whole.map((x) => x.sizes[1]!)]);
  const product = (i: number, j: number): Tensor =>
    i === j ? whole[i]! : product(i, at[i]![j]!).mm(product(at[i]![j]! + 1, j));
  let out = product(0, last);
  if (matrices[last]!.ndim === 1) out = out.squeeze(-1);
  return matrices[0]!.ndim === 1 ? out.squeeze(0) : out;
}

export const multiDot = defineOp({
  name: 'linalg.multiDot',
  doc: 'The product of a chain of matrices in the cheapest order; the ends may be vectors.',
  torch: 'torch.linalg.multi_dot',
  params: [{ name: 'tensors', kind: 'tensors' }],
  compose: (tensors: readonly Tensor[]): Tensor => {
    // Roundings multiply along the chain; where matrices are small, float64 costs nothing that shows.
    const small = tensors.every((x) => x.dtype.name === 'float32' && x.length <= smallChain);
    if (!small) return chain('linalg.multi_dot', tensors);
    return chain(
      'linalg.multi_dot',
      tensors.map((x) => x.to('float64')),
    ).to('float32');
  },
  tests: () => ({
    samples: [call([[t([2, 3]), t([3, 4]), t([4, 5])]]), call([[t([3]), t([3, 2]), t([2])]])],
    errors: [{ args: [[t([2, 3])]], throws: 'RuntimeError' }],
  }),
});

export const chainMatmul = defineOp({
  name: 'chainMatmul',
  doc: 'The product of a chain of matrices in the cheapest order.',
  params: [{ name: 'matrices', kind: 'tensors', variadic: true }],
  variants: ['function'],
  compose: (tensors: readonly Tensor[]): Tensor =>
    tensors.length === 1 ? tensors[0]!.clone() : chain('chain_matmul', tensors),
  tests: () => ({
    samples: [call([t([2, 3]), t([3, 4]), t([4, 5])])],
    errors: [{ args: [t([2, 3]), t([2, 3])], throws: 'RuntimeError' }],
  }),
});

export const linalgDiagonal = defineOp({
  name: 'linalg.diagonal',
  doc: 'The diagonals of matrices as a view: of the last two dims, or of those given.',
  params: [
    { name: 'A', kind: 'tensor' },
    { name: 'offset', kind: 'int', default: 0, keyword: true },
    { name: 'dim1', kind: 'int', default: -2, keyword: true },
    { name: 'dim2', kind: 'int', default: -1, keyword: true },
  ],
  gradName: 'DiagonalBackward0',
  compose: (x: Tensor, offset: number, dim1: number, dim2: number): Tensor => x.diagonal(offset, dim1, dim2),
  tests: (): OpTests => ({
    samples: [call([t([2, 3, 4])]), call([t([3, 4])], { offset: 1 })],
    errors: [
      { args: [t([10, 20])], kwargs: { dim1: 1, dim2: 1 }, throws: 'RuntimeError' },
      { args: [t([10, 20])], kwargs: { dim1: 10000 }, throws: 'IndexError' },
    ],
  }),
});

export const rmatmul = defineOp({
  name: 'rmatmul',
  torch: 'torch.Tensor.__rmatmul__',
  doc: 'The matrix product with the operands exchanged: other @ input.',
  params: [self, other],
  variants: ['method'],
  compose: (a: Tensor, b: Tensor): Tensor => b.matmul(a),
  tests: () => ({
    samples: [call([t([3, 5]), t([2, 3])])],
    errors: [{ args: [t([2, 3]), t([2, 4])], throws: 'RuntimeError' }],
  }),
});
