// Cholesky and LU: factorisations, and solves with their factors.
import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { broadcastShapes } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { identity, rawCholesky } from './_kernels.js';
import {
  adjoint,
  luFactored,
  luSolved,
  permutation,
  permuteRows,
  requireMatrices,
  requireOneDtype,
  requireSquare,
  requireSuccess,
  triangularSolve,
  triangularSolveRight,
} from './solvers.js';

const matrix: Param = { name: 'A', kind: 'tensor' };
const input: Param = { name: 'input', kind: 'tensor' };
/** PyTorch's gradients are those of a symmetric matrix; central differences see that one triangle is read. */
const oneTriangle = { noGrad: "PyTorch's gradient is symmetric, though one triangle is read" };
const checkErrors: Param = { name: 'check_errors', kind: 'bool', default: false, keyword: true };
const pivotParam: Param = { name: 'pivot', kind: 'bool', default: true, keyword: true };
const wide = { dtype: 'float64' };
const d = (shape: readonly number[]) => t(shape, wide);
const positive = () => t([2, 2], { ...wide, fill: { values: [2, 1, 1, 3] } });
const indefinite = () => t([2, 2], { fill: { values: [1, 2, 2, 1] } });
const notPositive = (code: number): string =>
  `The factorization could not be completed because the input is not positive-definite (the leading minor of order ${code} is not positive-definite).`;

// --- Cholesky ---

/** Half of the lower triangle and of its adjoint: the symmetric matrix whose lower part, the diagonal halved, is `x`. */
function choleskyGradient(op: string, l: Tensor, g: Tensor): Tensor {
  const lH = adjoint(l);
  const inner = lH.matmul(g).tril();
  const symmetric = inner.add(adjoint(inner.tril(-1))).mul(0.5);
  return triangularSolveRight(op, l, triangularSolve(op, lH, symmetric, true, false), false, false);
}

function choleskyOf(op: string, a: Tensor, upper: boolean): { factor: Tensor; info: Tensor } {
  requireSquare(op, a);
  const { factor, info } = rawCholesky(op, a, upper);
  record('LinalgCholeskyExBackward0', factor, [a], (save) => {
    const kept = save(factor);
    return ([g]) => [
      upper ? choleskyGradient(op, adjoint(kept.get()), adjoint(g!)) : choleskyGradient(op, kept.get(), g!),
    ];
  });
  return { factor, info };
}

function choleskyOp(name: string, torch: string, upperParam: Param) {
  return defineOp({
    name,
    torch,
    doc: 'The lower (or upper) triangular factor of symmetric positive-definite matrices, of which one triangle is read.',
    params: [name.startsWith('linalg') ? matrix : input, upperParam],
    gradName: 'LinalgCholeskyExBackward0',
    kernel: (a: Tensor, upper: boolean): Tensor => {
      const { factor, info } = choleskyOf(torch.slice(6), a, upper);
      requireSuccess(torch.slice(6), info, notPositive);
      return factor;
    },
    tests: () => ({
      samples: [call([positive()], {}, oneTriangle), call([positive()], { upper: true }, oneTriangle)],
      errors: [
        { args: [indefinite()], throws: 'LinAlgError' },
        { args: [t([3, 2])], throws: 'RuntimeError' },
      ],
    }),
  });
}
const upperParam: Param = { name: 'upper', kind: 'bool', default: false };
export const cholesky = choleskyOp('cholesky', 'torch.cholesky', upperParam);
export const linalgCholesky = choleskyOp('linalg.cholesky', 'torch.linalg.cholesky', {
  ...upperParam,
  keyword: true,
});

export const choleskyEx = defineOp({
  name: 'linalg.choleskyEx',
  torch: 'torch.linalg.cholesky_ex',
  doc: 'As linalg.cholesky, with int32 info codes: the order of the first leading minor that is not positive, or 0.',
  params: [matrix, { ...upperParam, keyword: true }, checkErrors],
  returns: '[Tensor, Tensor] & { L: Tensor; info: Tensor }',
  gradName: 'LinalgCholeskyExBackward0',
  kernel: (a: Tensor, upper: boolean, check: boolean) => {
    const { factor, info } = choleskyOf('linalg.cholesky_ex', a, upper);
    if (check) requireSuccess('linalg.cholesky_ex', info, notPositive);
    return Object.assign([factor, info], { L: factor, info });
  },
  tests: () => ({ samples: [call([positive()], {}, oneTriangle)] }),
});

export const choleskyInverse = defineOp({
  name: 'choleskyInverse',
  doc: 'The inverse of a matrix from its Cholesky factor.',
  params: [{ name: 'L', kind: 'tensor' }, upperParam],
  kernel: (l: Tensor, upper: boolean): Tensor => {
    requireSquare('cholesky_inverse', l);
    const eye = identity(l.sizes.at(-1)!, l.dtype).expand(l.sizes);
    const x = triangularSolve('cholesky_inverse', l.detach(), eye, upper, false);
    const out = upper ? x.matmul(adjoint(x)) : adjoint(x).matmul(x);
    return record('CholeskyInverseBackward0', out, [l], (save) => {
      const [factor, result] = [save(l), save(out)];
      return ([g]) => {
        const [kept, inverse] = [factor.get(), result.get()];
        const common = inverse.matmul(g!.add(adjoint(g!)).matmul(inverse)).neg();
        // As PyTorch, of the whole factor, though one triangle alone is read.
        return [upper ? kept.matmul(common) : common.matmul(kept)];
      };
    });
  },
  tests: () => ({
    samples: [call([positive()], {}, oneTriangle)],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});

function choleskySolved(op: string, b: Tensor, l: Tensor, upper: boolean): Tensor {
  const first = upper ? adjoint(l.detach()) : l.detach();
  const inner = triangularSolve(op, first, b.detach(), false, false);
  const x = triangularSolve(op, adjoint(first), inner, true, false);
  return record('CholeskySolveBackward0', x, [b, l], (save) => {
    const [factor, result] = [save(l), save(x)];
    return ([g]) => {
      const kept = factor.get();
      const gb = choleskySolved(op, g!, kept, upper);
      const product = gb.matmul(adjoint(result.get()));
      const common = product.add(adjoint(product)).neg();
      return [gb, upper ? kept.matmul(common) : common.matmul(kept)];
    };
  });
}

export const choleskySolve = defineOp({
  name: 'choleskySolve',
  doc: 'X of A·X = B from the Cholesky factor of A.',
  params: [{ name: 'B', kind: 'tensor' }, { name: 'L', kind: 'tensor' }, upperParam],
  kernel: (b: Tensor, l: Tensor, upper: boolean): Tensor => {
    const op = 'cholesky_solve';
    requireSquare(op, l);
    requireMatrices(op, b, 'B');
    requireOneDtype(op, b, l);
    if (b.sizes.at(-2) !== l.sizes.at(-1)) {
      throw new RuntimeError(
        message(
          op,
          'shapes that agree',
          `${showShape(b.sizes)} and ${showShape(l.sizes)}`,
          'Incompatible matrix sizes',
        ),
      );
    }
    return choleskySolved(op, b, l, upper);
  },
  tests: () => ({
    samples: [call([d([2, 3]), positive()], {}, oneTriangle)],
    errors: [{ args: [t([3, 2]), t([2, 2])], throws: 'RuntimeError' }],
  }),
});

// --- LU ---

function requirePivot(op: string, pivot: boolean): void {
  if (!pivot)
    throw new RuntimeError(
      message(op, 'pivot: true', 'false', `${op}: LU without pivoting is not implemented on the CPU`),
    );
}
const singularLu = (code: number): string =>
  `U[${code},${code}] is zero and using it on lu_solve would result in a division by zero.`;

export const luFactorEx = defineOp({
  name: 'linalg.luFactorEx',
  torch: 'torch.linalg.lu_factor_ex',
  doc: 'L and U of A = P·L·U packed in one matrix, the row exchanges from 1 as int32, and info codes.',
  params: [matrix, pivotParam, checkErrors],
  returns: '[Tensor, Tensor, Tensor] & { LU: Tensor; pivots: Tensor; info: Tensor }',
  gradName: 'LinalgLuFactorExBackward0',
  kernel: (a: Tensor, pivot: boolean, check: boolean) => {
    requireMatrices('linalg.lu_factor_ex', a);
    requirePivot('linalg.lu_factor_ex', pivot);
    const { lu, pivots, info } = luFactored('linalg.lu_factor_ex', a);
    if (check) requireSuccess('linalg.lu_factor_ex', info, singularLu);
    return Object.assign([lu, pivots, info], { LU: lu, pivots, info });
  },
  tests: () => ({ samples: [call([d([3, 3])]), call([d([2, 3, 5])])] }),
});

export const luFactor = defineOp({
  name: 'linalg.luFactor',
  torch: 'torch.linalg.lu_factor',
  doc: 'L and U of A = P·L·U packed in one matrix, and the row exchanges from 1 as int32.',
  params: [matrix, pivotParam],
  returns: '[Tensor, Tensor] & { LU: Tensor; pivots: Tensor }',
  gradName: 'LinalgLuFactorExBackward0',
  kernel: (a: Tensor, pivot: boolean) => {
    requireMatrices('linalg.lu_factor', a);
    requirePivot('linalg.lu_factor', pivot);
    const { lu, pivots } = luFactored('linalg.lu_factor', a);
    return Object.assign([lu, pivots], { LU: lu, pivots });
  },
  tests: () => ({ samples: [call([d([5, 3])])], errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});

export const lu = defineOp({
  name: 'lu',
  doc: 'As linalg.luFactor, with the info codes where they are asked for.',
  params: [
    matrix,
    { name: 'pivot', kind: 'bool', default: true },
    { name: 'get_infos', kind: 'bool', default: false },
  ],
  returns: 'Tensor[]',
  gradName: 'LinalgLuFactorExBackward0',
  kernel: (a: Tensor, pivot: boolean, getInfos: boolean): Tensor[] => {
    requireMatrices('lu', a);
    requirePivot('lu', pivot);
    const made = luFactored('lu', a);
    return getInfos ? [made.lu, made.pivots, made.info] : [made.lu, made.pivots];
  },
  tests: () => ({ samples: [call([d([3, 3])]), call([d([3, 4]), true, true])] }),
});

type Plu = [Tensor, Tensor, Tensor] & { P: Tensor; L: Tensor; U: Tensor };

function unpacked(packed: Tensor, pivots: Tensor, data: boolean, exchanges: boolean): Plu {
  const [m, n] = packed.sizes.slice(-2) as [number, number];
  const k = Math.min(m, n);
  const nothing = (): Tensor => newTensor([0], packed.dtype);
  let [p, l, u] = [nothing(), nothing(), nothing()];
  if (exchanges) {
    const eye = identity(m, packed.dtype).expand([...packed.sizes.slice(0, -2), m, m]);
    p = permuteRows(eye, permutation(pivots, m, true));
  }
  if (data) {
    const left = packed.narrow(-1, 0, k).tril(-1);
    const ones = identity(m, packed.dtype).narrow(-1, 0, k);
    l = left.add(ones).contiguous();
    u = packed.narrow(-2, 0, k).triu().contiguous();
  }
  return Object.assign([p, l, u] as [Tensor, Tensor, Tensor], { P: p, L: l, U: u });
}

export const luUnpack = defineOp({
  name: 'luUnpack',
  doc: 'P, L and U from what linalg.luFactor gives; what is not asked for is empty.',
  params: [
    { name: 'LU_data', kind: 'tensor' },
    { name: 'LU_pivots', kind: 'tensor' },
    { name: 'unpack_data', kind: 'bool', default: true },
    { name: 'unpack_pivots', kind: 'bool', default: true },
  ],
  variants: ['function'],
  returns: '[Tensor, Tensor, Tensor] & { P: Tensor; L: Tensor; U: Tensor }',
  compose: (packed: Tensor, pivots: Tensor, data: boolean, exchanges: boolean): Plu => {
    if (exchanges && pivots.dtype.name !== 'int32') {
      throw new RuntimeError(
        message(
          'lu_unpack',
          'int32 pivots',
          pivots.dtype.name,
          'torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.',
        ),
      );
    }
    return unpacked(packed, pivots, data, exchanges);
  },
  tests: () => ({ samples: [call([d([2, 2]), t([2], { dtype: 'int32', fill: { values: [2, 2] } })])] }),
});

export const linalgLu = defineOp({
  name: 'linalg.lu',
  doc: 'P, L and U of A = P·L·U, by exchanges of rows.',
  params: [matrix, pivotParam],
  returns: '[Tensor, Tensor, Tensor] & { P: Tensor; L: Tensor; U: Tensor }',
  gradName: 'LinalgLuFactorExBackward0',
  compose: (a: Tensor, pivot: boolean): Plu => {
    requireMatrices('linalg.lu', a);
    requirePivot('linalg.lu', pivot);
    const { lu: packed, pivots } = luFactored('linalg.lu', a);
    return unpacked(packed, pivots, true, true);
  },
  tests: () => ({ samples: [call([d([3, 3])]), call([d([4, 2])])] }),
});

/** B between the factors; `left: false` is the adjoint of the other side. */
function solvedFromLu(
  op: string,
  packed: Tensor,
  pivots: Tensor,
  b: Tensor,
  left: boolean,
  turned: boolean,
): Tensor {
  requireSquare(op, packed, 'LU');
  requireMatrices(op, b, 'B');
  requireOneDtype(op, packed, b);
  if (pivots.dtype.name !== 'int32')
    throw new RuntimeError(
      message(
        op,
        'int32 pivots',
        pivots.dtype.name,
        `${op}: pivots should be a Tensor of scalar type torch.int32`,
      ),
    );
  if (b.sizes.at(left ? -2 : -1) !== packed.sizes.at(-1)) {
    throw new RuntimeError(
      message(
        op,
        'shapes that agree',
        `${showShape(packed.sizes)} and ${showShape(b.sizes)}`,
        `${op}: Incompatible shapes of LU and B`,
      ),
    );
  }
  const batch = broadcastShapes(op, packed.sizes.slice(0, -2), b.sizes.slice(0, -2));
  const full = b.expand([...batch, ...b.sizes.slice(-2)]);
  if (left) return luSolved(op, packed, pivots, full, turned);
  const x = adjoint(luSolved(op, packed, pivots, adjoint(full), !turned));
  return turned ? x : x.contiguous();
}

export const linalgLuSolve = defineOp({
  name: 'linalg.luSolve',
  torch: 'torch.linalg.lu_solve',
  doc: 'X of A·X = B (X·A = B with left: false; with adjoint, of Aᴴ) from what linalg.luFactor gives.',
  params: [
    { name: 'LU', kind: 'tensor' },
    { name: 'pivots', kind: 'tensor' },
    { name: 'B', kind: 'tensor' },
    { name: 'left', kind: 'bool', default: true, keyword: true },
    { name: 'adjoint', kind: 'bool', default: false, keyword: true },
  ],
  compose: (packed: Tensor, pivots: Tensor, b: Tensor, left: boolean, turned: boolean): Tensor =>
    solvedFromLu('linalg.lu_solve', packed, pivots, b, left, turned),
  tests: () => ({
    samples: [
      call([positive(), t([2], { dtype: 'int32', fill: { values: [2, 2] } }), d([2, 3])]),
      call([positive(), t([2], { dtype: 'int32', fill: { values: [2, 2] } }), d([3, 2])], {
        left: false,
        adjoint: true,
      }),
    ],
  }),
});

export const luSolve = defineOp({
  name: 'luSolve',
  doc: 'X of A·X = b from what linalg.luFactor gives.',
  params: [
    { name: 'b', kind: 'tensor' },
    { name: 'LU_data', kind: 'tensor' },
    { name: 'LU_pivots', kind: 'tensor' },
  ],
  compose: (b: Tensor, packed: Tensor, pivots: Tensor): Tensor =>
    solvedFromLu('lu_solve', packed, pivots, b, true, false),
  tests: () => ({
    samples: [call([d([2, 3]), positive(), t([2], { dtype: 'int32', fill: { values: [2, 2] } })])],
  }),
});
