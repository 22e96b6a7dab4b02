// LDL factorisation of symmetric and Hermitian indefinite matrices, and solves with it.
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { broadcastShapes } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawCast } from '../creation/copy-fill-cast.js';
import { rawLdl, rawLdlSolve } from './_kernels.js';
import {
  requireInexact,
  requireMatrices,
  requireOneDtype,
  requireSquare,
  requireSuccess,
} from './solvers.js';

const matrix: Param = { name: 'A', kind: 'tensor' };
const checkErrors: Param = { name: 'check_errors', kind: 'bool', default: false, keyword: true };
const hermitianParam: Param = { name: 'hermitian', kind: 'bool', default: false, keyword: true };
const d = (shape: readonly number[]) => t(shape, { dtype: 'float64' });
const positive = () => t([2, 2], { dtype: 'float64', fill: { values: [2, 1, 1, 3] } });

const singularLdl = (code: number): string =>
  `D[${code},${code}] is zero and using it on ldl_solve would result in a division by zero.`;

function ldlOf(op: string, a: Tensor, hermitian: boolean, check: boolean): [Tensor, Tensor, Tensor] {
  requireSquare(op, a);
  const { ld, pivots, info } = rawLdl(op, a.detach(), hermitian && a.dtype.isComplex);
  if (check) requireSuccess(op, info, singularLdl);
  return [ld, pivots, info];
}
const notLdl = 'PyTorch has no gradient of it';

export const ldlFactorEx = defineOp({
  name: 'linalg.ldlFactorEx',
  torch: 'torch.linalg.ldl_factor_ex',
  doc: 'L and D of symmetric (or Hermitian) matrices packed as LAPACK packs them, the exchanges, and info codes.',
  params: [matrix, hermitianParam, checkErrors],
  returns: '[Tensor, Tensor, Tensor] & { LD: Tensor; pivots: Tensor; info: Tensor }',
  notDifferentiable: notLdl,
  kernel: (a: Tensor, hermitian: boolean, check: boolean) => {
    const made = ldlOf('linalg.ldl_factor_ex', a, hermitian, check);
    return Object.assign(made, { LD: made[0], pivots: made[1], info: made[2] });
  },
  tests: () => ({ samples: [call([positive()])] }),
});

export const ldlFactor = defineOp({
  name: 'linalg.ldlFactor',
  torch: 'torch.linalg.ldl_factor',
  doc: 'L and D of symmetric (or Hermitian) matrices packed as LAPACK packs them, and the exchanges.',
  params: [matrix, hermitianParam],
  returns: '[Tensor, Tensor] & { LD: Tensor; pivots: Tensor }',
  notDifferentiable: notLdl,
  kernel: (a: Tensor, hermitian: boolean) => {
    const [ld, pivots] = ldlOf('linalg.ldl_factor', a, hermitian, true);
    return Object.assign([ld, pivots], { LD: ld, pivots });
  },
  tests: () => ({ samples: [call([positive()])] }),
});

/** Exchanges lead into the matrix, and blocks of two end within it; else memory beside it would be read. @throws RuntimeError */
function requireExchanges(op: string, pivots: Tensor, n: number): void {
  const values = pivots.typed() as Int32Array;
  let second = false; // of a block of two
  for (let at = 0; at < pivots.length; at++) {
    const value = values[pivots.offset + at]!;
    const size = Math.abs(value);
    const last = at % n === n - 1;
    if (size < 1 || size > n || (value > 0 && second) || (value < 0 && last && !second))
      throw new RuntimeError(message(op, `pivots in [1, ${n}] or their negatives in pairs`, String(value)));
    second = value < 0 && !second;
  }
}

export const ldlSolve = defineOp({
  name: 'linalg.ldlSolve',
  torch: 'torch.linalg.ldl_solve',
  doc: 'X of A·X = B from what linalg.ldlFactor gives.',
  params: [
    { name: 'LD', kind: 'tensor' },
    { name: 'pivots', kind: 'tensor' },
    { name: 'B', kind: 'tensor' },
    hermitianParam,
  ],
  notDifferentiable: notLdl,
  kernel: (ld: Tensor, pivots: Tensor, b: Tensor, hermitian: boolean): Tensor => {
    const op = 'linalg.ldl_solve';
    requireSquare(op, ld, 'LD');
    requireMatrices(op, b, 'B');
    requireInexact(op, b);
    requireOneDtype(op, ld, b);
    if (
      pivots.dtype.name !== 'int32' ||
      pivots.sizes.at(-1) !== ld.sizes.at(-1) ||
      b.sizes.at(-2) !== ld.sizes.at(-1)
    ) {
      throw new RuntimeError(
        message(
          op,
          'int32 pivots and shapes that agree',
          `${pivots.dtype.name}, ${showShape(ld.sizes)} and ${showShape(b.sizes)}`,
          `${op}: Incompatible arguments`,
        ),
      );
    }
    const batch = broadcastShapes(op, ld.sizes.slice(0, -2), b.sizes.slice(0, -2));
    const exchanges = rawCast(pivots.expand([...batch, pivots.sizes.at(-1)!]), pivots.dtype);
    requireExchanges(op, exchanges, ld.sizes.at(-1)!);
    return rawLdlSolve(op, ld.detach(), exchanges, b.detach(), batch, hermitian && ld.dtype.isComplex);
  },
  tests: () => ({
    samples: [call([positive(), t([2], { dtype: 'int32', fill: { values: [1, 2] } }), d([2, 3])])],
  }),
});
