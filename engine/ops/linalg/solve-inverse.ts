// Linear systems and inverses: solve, inv, solveTriangular, tensorsolve, matrixPower.
import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { broadcastShapes, numelOf, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { identity } from './_kernels.js';
import {
  inverted,
  isVector,
  requireMatrices,
  requireOneDtype,
  requireSquare,
  requireSuccess,
  singular,
  singularSolve,
  solved,
  triangularSolve,
  triangularSolveRight,
} from './solvers.js';

const matrix: Param = { name: 'A', kind: 'tensor' };
const right: Param = { name: 'B', kind: 'tensor' };
const leftParam: Param = { name: 'left', kind: 'bool', default: true, keyword: true };
/** Random matrices in float32 lose their condition number, up to some hundreds here; PyTorch's answer loses as much. */
const illConditioned = () => ({
  reason: "a random matrix's condition number multiplies the roundings of either side",
  float32: { rtol: 1e-4, atol: 1e-4 },
  grad: { rtol: 1e-3, atol: 1e-3 },
});
const checkErrors: Param = { name: 'check_errors', kind: 'bool', default: false, keyword: true };
const wide = { dtype: 'float64' };
const d = (shape: readonly number[]) => t(shape, wide);

export const inverse = defineOp({
  name: 'inverse',
  numpy: 'numpy.linalg.inv',
  aliases: ['torch.linalg.inv'],
  doc: 'The inverses of square matrices.',
  params: [{ name: 'input', kind: 'tensor' }],
  gradName: 'LinalgInvExBackward0',
  kernel: (a: Tensor): Tensor => {
    requireSquare('inverse', a);
    const { x, factored } = inverted('inverse', a);
    requireSuccess('inverse', factored.info, singular);
    return x;
  },
  tests: () => ({
    samples: [call([d([3, 3])]), call([t([2, 4, 4])]), call([t([0, 0])])],
    tolerance: illConditioned(),
    errors: [
      { args: [t([3, 2])], throws: 'RuntimeError' },
      { args: [t([2, 2], { fill: 'zeros' })], throws: 'LinAlgError' },
    ],
  }),
});

export const invEx = defineOp({
  name: 'linalg.invEx',
  torch: 'torch.linalg.inv_ex',
  doc: 'The inverses of square matrices and int32 info codes, 0 where a matrix is regular.',
  params: [matrix, checkErrors],
  returns: '[Tensor, Tensor] & { inverse: Tensor; info: Tensor }',
  gradName: 'LinalgInvExBackward0',
  kernel: (a: Tensor, check: boolean) => {
    requireSquare('linalg.inv_ex', a);
    const { x, factored } = inverted('linalg.inv_ex', a);
    if (check) requireSuccess('linalg.inv_ex', factored.info, singular);
    return Object.assign([x, factored.info], { inverse: x, info: factored.info });
  },
  tests: () => ({ samples: [call([d([2, 3, 3])])] }),
});

/** X of A·X = B or X·A = B, and the info codes; B may be vectors. */
function solveEither(op: string, a: Tensor, b: Tensor, left: boolean): { x: Tensor; info: Tensor } {
  requireSquare(op, a);
  requireOneDtype(op, a, b);
  const vector = left && isVector(a, b);
  if (b.ndim === 0 || (!vector && b.ndim < 2)) requireMatrices(op, b, 'B');
  const columns = vector ? b.unsqueeze(-1) : b;
  const n = a.sizes.at(-1)!;
  if (columns.sizes.at(left ? -2 : -1) !== n) {
    throw new RuntimeError(
      message(
        op,
        'shapes that agree',
        `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
        `${op}: Incompatible shapes of A and B for the equation ${left ? 'AX = B' : 'XA = B'} (${n}x${n} and ${columns.sizes.slice(-2).join('x')})`,
      ),
    );
  }
  if (!left) {
    const { x, factored } = solved(op, a.transpose(-2, -1), b.transpose(-2, -1));
    return { x: x.transpose(-2, -1), info: factored.info };
  }
  const { x, factored } = solved(op, a, columns);
  return { x: vector ? x.squeeze(-1) : x, info: factored.info };
}

export const solve = defineOp({
  name: 'linalg.solve',
  numpy: 'numpy.linalg.solve',
  doc: 'X of A·X = B for square matrices (X·A = B with left: false); B may be vectors. Batches broadcast.',
  params: [matrix, right, leftParam],
  gradName: 'LinalgSolveExBackward0',
  kernel: (a: Tensor, b: Tensor, left: boolean): Tensor => {
    const { x, info } = solveEither('linalg.solve', a, b, left);
    requireSuccess('linalg.solve', info, singularSolve);
    return x;
  },
  tests: () => ({
    samples: [call([d([3, 3]), d([3, 2])]), call([t([2, 3, 3]), t([2, 3])])],
    tolerance: illConditioned(),
    errors: [
      { args: [t([3, 3]), t([2, 2])], throws: 'RuntimeError' },
      { args: [t([2, 2], { fill: 'zeros' }), t([2])], throws: 'LinAlgError' },
    ],
  }),
});

export const solveEx = defineOp({
  name: 'linalg.solveEx',
  torch: 'torch.linalg.solve_ex',
  doc: 'As linalg.solve, with int32 info codes instead of an error for singular matrices.',
  params: [matrix, right, leftParam, checkErrors],
  returns: '[Tensor, Tensor] & { result: Tensor; info: Tensor }',
  gradName: 'LinalgSolveExBackward0',
  kernel: (a: Tensor, b: Tensor, left: boolean, check: boolean) => {
    const { x, info } = solveEither('linalg.solve_ex', a, b, left);
    if (check) requireSuccess('linalg.solve_ex', info, singularSolve);
    return Object.assign([x, info], { result: x, info });
  },
  tests: () => ({ samples: [call([d([3, 3]), d([2, 3])], { left: false })] }),
});

export const solveTriangular = defineOp({
  name: 'linalg.solveTriangular',
  torch: 'torch.linalg.solve_triangular',
  doc: 'X of A·X = B (X·A = B with left: false) for triangular matrices; batches broadcast.',
  params: [
    matrix,
    right,
    { name: 'upper', kind: 'bool', keyword: true },
    leftParam,
    { name: 'unitriangular', kind: 'bool', default: false, keyword: true },
  ],
  kernel: (a: Tensor, b: Tensor, upper: boolean, left: boolean, unit: boolean): Tensor => {
    const op = 'linalg.solve_triangular';
    requireSquare(op, a);
    requireMatrices(op, b, 'B');
    requireOneDtype(op, a, b);
    if (b.sizes.at(left ? -2 : -1) !== a.sizes.at(-1)) {
      throw new RuntimeError(
        message(
          op,
          'shapes that agree',
          `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
          `${op}: Incompatible shapes of A and B for the equation ${left ? 'AX = B' : 'XA = B'}`,
        ),
      );
    }
    return left ? triangularSolve(op, a, b, upper, unit) : triangularSolveRight(op, a, b, upper, unit);
  },
  tests: () => ({
    samples: [
      call([d([3, 3]), d([3, 2])], { upper: true }),
      call([d([2, 3, 3]), d([2, 3])], { upper: false, left: false, unitriangular: true }),
    ],
    errors: [{ args: [t([3, 3]), t([2, 2])], kwargs: { upper: true }, throws: 'RuntimeError' }],
  }),
});

export const triangularSolveOp = defineOp({
  name: 'triangularSolve',
  doc: 'X of A·X = b for triangular matrices, and a copy of A.',
  params: [
    { name: 'b', kind: 'tensor' },
    matrix,
    { name: 'upper', kind: 'bool', default: true },
    { name: 'transpose', kind: 'bool', default: false },
    { name: 'unitriangular', kind: 'bool', default: false },
  ],
  returns: '[Tensor, Tensor] & { solution: Tensor; clonedCoefficient: Tensor }',
  kernel: (b: Tensor, a: Tensor, upper: boolean, turned: boolean, unit: boolean) => {
    const op = 'triangular_solve';
    requireSquare(op, a);
    requireMatrices(op, b, 'b');
    requireOneDtype(op, a, b);
    if (b.sizes.at(-2) !== a.sizes.at(-1)) {
      throw new RuntimeError(
        message(
          op,
          'shapes that agree',
          `${showShape(b.sizes)} and ${showShape(a.sizes)}`,
          'Incompatible matrix sizes',
        ),
      );
    }
    const x = turned
      ? triangularSolve(op, a.transpose(-2, -1), b, !upper, unit)
      : triangularSolve(op, a, b, upper, unit);
    const batch = broadcastShapes(op, a.sizes.slice(0, -2), b.sizes.slice(0, -2));
    const copied = a.expand([...batch, ...a.sizes.slice(-2)]).clone();
    return Object.assign([x, copied], { solution: x, clonedCoefficient: copied });
  },
  tests: () => ({
    samples: [call([d([3, 2]), d([3, 3])]), call([d([3, 2]), d([3, 3])], { upper: false, transpose: true })],
  }),
});

export const tensorinv = defineOp({
  name: 'linalg.tensorinv',
  numpy: 'numpy.linalg.tensorinv',
  doc: 'The inverse of a tensor as a map from its last dims to its first `ind` dims.',
  params: [matrix, { name: 'ind', kind: 'int', default: 2 }],
  compose: (a: Tensor, ind: number): Tensor => {
    const op = 'linalg.tensorinv';
    if (ind <= 0)
      throw new RuntimeError(
        message(op, 'ind of at least 1', String(ind), 'Expected a strictly positive integer for `ind`'),
      );
    const [rows, columns] = [a.sizes.slice(0, ind), a.sizes.slice(ind)];
    const [m, n] = [numelOf(rows), numelOf(columns)];
    if (m !== n) {
      throw new RuntimeError(
        message(
          op,
          'a square map',
          showShape(a.sizes),
          `Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got ${n} != ${m}`,
        ),
      );
    }
    return inverse.impl(a.reshape([m, n])).reshape([...columns, ...rows]);
  },
  tests: () => ({
    samples: [call([d([2, 3, 6])])],
    errors: [
      { args: [t([2, 3, 6]), 0], throws: 'RuntimeError' },
      { args: [t([2, 3, 4])], throws: 'RuntimeError' },
    ],
  }),
});

export const tensorsolve = defineOp({
  name: 'linalg.tensorsolve',
  numpy: 'numpy.linalg.tensorsolve',
  doc: 'X of tensordot(A, X) = B, A being a map from its last dims to the dims of B.',
  params: [matrix, right, { name: 'dims', kind: 'ints', default: null }],
  compose: (a: Tensor, b: Tensor, dims: number | readonly number[] | null): Tensor => {
    const op = 'linalg.tensorsolve';
    const last = dims === null ? [] : typeof dims === 'number' ? [dims] : dims;
    for (const one of last) wrapDim(op, one, a.ndim);
    const moved =
      last.length === 0
        ? a
        : a.movedim(
            last,
            last.map((_, i) => a.ndim - last.length + i),
          );
    const shape = moved.sizes.slice(b.ndim);
    if (numelOf(shape) !== b.length || a.length !== b.length * b.length) {
      throw new RuntimeError(
        message(
          op,
          'a square map',
          `${showShape(a.sizes)} and ${showShape(b.sizes)}`,
          'Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim])',
        ),
      );
    }
    return solve.impl(moved.reshape([b.length, b.length]), b.flatten(), true).reshape(shape);
  },
  tests: () => ({
    samples: [call([d([2, 3, 6]), d([2, 3])])],
    errors: [{ args: [t([2, 3, 4]), t([2, 3])], throws: 'RuntimeError' }],
  }),
});

export const matrixPower = defineOp({
  name: 'matrixPower',
  numpy: 'numpy.linalg.matrix_power',
  aliases: ['torch.linalg.matrix_power'],
  doc: 'The n-th power of square matrices; of their inverses for negative n.',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'n', kind: 'int' },
  ],
  compose: (a: Tensor, n: number): Tensor => {
    requireSquare('linalg.matrix_power', a);
    if (n === 0) {
      const eye = identity(a.sizes.at(-1)!, a.dtype).expand(a.sizes).clone();
      const { sizes: shape } = a;
      return record('CopyBackwards', eye, [a], () => ([g]) => [rawZeros(shape, g!.dtype)]);
    }
    // Every squaring doubles the roundings before it: float32 powers are taken in float64.
    const wide = a.dtype.name === 'float32' && Math.abs(n) > 1 ? a.to('float64') : a;
    let square = n < 0 ? inverse.impl(wide) : wide;
    let out: Tensor | null = null;
    for (let left = Math.abs(n); ; square = square.matmul(square)) {
      if (left % 2 === 1) out = out === null ? square : out.matmul(square);
      left = Math.floor(left / 2);
      if (left === 0) return out === a ? a.clone() : out!.to(a.dtype);
    }
  },
  tests: () => ({
    samples: [call([d([3, 3]), 5]), call([d([2, 3, 3]), -2]), call([d([3, 3]), 0])],
    errors: [{ args: [t([3, 2]), 2], throws: 'RuntimeError' }],
  }),
});
