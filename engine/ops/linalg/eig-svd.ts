// Eigenvalues and singular values. Gradients divide by differences of (squared) values: Giles (2008), "An extended
// collection of matrix derivative results".

import { record } from '../../autograd/node.js';
import { complexOf } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { identity, rawEig, rawEigh, rawSvd } from './_kernels.js';
import {
  adjoint,
  diagonalMatrix,
  requireMatrices,
  requireSquare,
  requireSuccess,
  solved,
} from './solvers.js';

/** Vectors are free in sign or phase, and one triangle is read: the conformance suite compares what is not free. */
const free = { noGrad: 'vectors are free in sign, and one triangle is read', valuesUndefined: true };

const matrix: Param = { name: 'A', kind: 'tensor' };
const input: Param = { name: 'input', kind: 'tensor' };
const d = (shape: readonly number[]) => t(shape, { dtype: 'float64' });
const symmetric = () => t([2, 2], { dtype: 'float64', fill: { values: [2, 1, 1, 3] } });

const notConverged =
  (what: string) =>
  (code: number): string =>
    `The algorithm failed to converge because the input matrix is ill-conditioned, contains non-finite values, or has too many repeated ${what} (error code: ${code}).`;

/** x_j − x_i with ones on the diagonal, to divide by. */
function gaps(x: Tensor): Tensor {
  return x
    .unsqueeze(-2)
    .sub(x.unsqueeze(-1))
    .add(identity(x.sizes.at(-1)!, x.dtype));
}
/** Without its diagonal. */
function offDiagonal(x: Tensor): Tensor {
  return x.sub(diagonalMatrix(x.diagonal(0, -2, -1)));
}

const skew = (x: Tensor): Tensor => x.sub(adjoint(x));

// --- eigenvalues ---

type Eigen = [Tensor, Tensor] & { eigenvalues: Tensor; eigenvectors: Tensor };
const eigenType = '[Tensor, Tensor] & { eigenvalues: Tensor; eigenvectors: Tensor }';
const eigenPair = (eigenvalues: Tensor, eigenvectors: Tensor): Eigen =>
  Object.assign([eigenvalues, eigenvectors] as [Tensor, Tensor], { eigenvalues, eigenvectors });

/** V·(diag(gL) + skew(Vᴴ·gV) / (λ_j − λ_i))·Vᴴ */
function hermitianGradient(values: Tensor, v: Tensor, gl: Tensor | null, gv: Tensor | null): Tensor | null {
  if (gl === null && gv === null) return null;
  const vH = adjoint(v);
  if (gv === null) return v.mul(gl!.unsqueeze(-2)).matmul(vH);
  let middle = offDiagonal(skew(vH.matmul(gv)).mul(0.5)).div(gaps(values));
  if (gl !== null) middle = middle.add(diagonalMatrix(gl.to(middle.dtype)));
  return v.matmul(middle).matmul(vH);
}

/** Eigenvalues of symmetric or Hermitian matrices; the vectors where they are wanted, or needed for a gradient. */
export function hermitianEigen(
  op: string,
  a: Tensor,
  uplo: string,
  wanted: boolean,
): { values: Tensor; vectors: Tensor | null } {
  requireSquare(op, a);
  const side = uplo.toUpperCase();
  const { values, vectors, info } = rawEigh(op, a, side === 'U', wanted || a.requiresGrad);
  requireSuccess(op, info, notConverged('eigenvalues'));
  if (vectors !== null) {
    record('LinalgEighBackward0', [values, vectors], [a], (save) => {
      const [l, v] = [save(values), save(vectors)];
      return ([gl, gv]) => [hermitianGradient(l.get(), v.get(), gl ?? null, gv ?? null)];
    });
  }
  return { values, vectors };
}

const uploParam: Param = {
  name: 'UPLO',
  kind: 'string',
  default: 'L',
  choices: oneOf(
    ['L', 'U', 'l', 'u'],
    RuntimeError,
    (value) => `Expected UPLO argument to be 'L' or 'U', but got ${value}`,
  ),
};
export const eigh = defineOp({
  name: 'linalg.eigh',
  doc: 'Eigenvalues, rising, and eigenvectors as columns of symmetric or Hermitian matrices, of which one triangle is read.',
  params: [matrix, uploParam],
  returns: eigenType,
  gradName: 'LinalgEighBackward0',
  kernel: (a: Tensor, uplo: string): Eigen => {
    const { values, vectors } = hermitianEigen('linalg.eigh', a, uplo, true);
    return eigenPair(values, vectors!);
  },
  tests: () => ({
    samples: [call([t([0, 0])]), call([t([3, 3], { dtype: 'float64' })], {}, free)],
    errors: [
      { args: [t([3, 2])], throws: 'RuntimeError' },
      { args: [t([3, 3])], kwargs: { UPLO: 'X' }, throws: 'RuntimeError' },
    ],
  }),
});

export const eigvalsh = defineOp({
  name: 'linalg.eigvalsh',
  numpy: 'numpy.linalg.eigvalsh',
  doc: 'Eigenvalues, rising, of symmetric or Hermitian matrices.',
  params: [matrix, uploParam],
  gradName: 'LinalgEighBackward0',
  kernel: (a: Tensor, uplo: string): Tensor => hermitianEigen('linalg.eigvalsh', a, uplo, false).values,
  tests: () => ({ samples: [call([symmetric()], {}, free), call([t([2, 3, 3], { grad: false })])] }),
});

/** V⁻ᴴ·(diag(gL) + (Vᴴ·gV − Vᴴ·V·diag(Re(Vᴴ·gV))) / conj(λ_j − λ_i))·Vᴴ */
function generalGradient(
  op: string,
  values: Tensor,
  v: Tensor,
  gl: Tensor | null,
  gv: Tensor | null,
): Tensor | null {
  if (gl === null && gv === null) return null;
  const vH = adjoint(v);
  if (gv === null) return solved(op, vH, gl!.unsqueeze(-1).mul(vH)).x;
  const inner = vH.matmul(gv);
  const part = realPart(inner.diagonal(0, -2, -1));
  const free = inner.sub(vH.matmul(v.mul(part.unsqueeze(-2))));
  let middle = offDiagonal(free.div(gaps(values).conj()));
  if (gl !== null) middle = middle.add(diagonalMatrix(gl));
  return solved(op, vH, middle.matmul(vH)).x;
}
function realPart(x: Tensor): Tensor {
  return x.add(x.conj()).mul(0.5);
}

function generalEigen(op: string, a: Tensor, wanted: boolean): { values: Tensor; vectors: Tensor | null } {
  requireSquare(op, a);
  const { values, vectors, info } = rawEig(op, a, complexOf(a.dtype), wanted || a.requiresGrad);
  requireSuccess(op, info, notConverged('eigenvalues'));
  if (vectors !== null) {
    record('LinalgEigBackward0', [values, vectors], [a], (save) => {
      const [l, v] = [save(values), save(vectors)];
      return ([gl, gv]) => {
        const g = generalGradient(op, l.get(), v.get(), gl ?? null, gv ?? null);
        return [g === null || a.dtype.isComplex ? g : g.real];
      };
    });
  }
  return { values, vectors };
}

export const eig = defineOp({
  name: 'linalg.eig',
  doc: 'Complex eigenvalues and eigenvectors as columns of square matrices.',
  params: [matrix],
  returns: eigenType,
  gradName: 'LinalgEigBackward0',
  kernel: (a: Tensor): Eigen => {
    const { values, vectors } = generalEigen('linalg.eig', a, true);
    return eigenPair(values, vectors!);
  },
  tests: () => ({
    samples: [call([t([0, 0])]), call([t([3, 3], { dtype: 'float64' })], {}, free)],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});

export const eigvals = defineOp({
  name: 'linalg.eigvals',
  doc: 'Complex eigenvalues of square matrices.',
  params: [matrix],
  gradName: 'LinalgEigBackward0',
  kernel: (a: Tensor): Tensor => generalEigen('linalg.eigvals', a, false).values,
  tests: () => ({ samples: [call([t([0, 0])]), call([t([3, 3], { dtype: 'float64' })], {}, free)] }),
});

// --- singular values ---

interface Svd {
  readonly u: Tensor;
  readonly s: Tensor;
  readonly vh: Tensor;
}
type Part = Tensor | null;

/** Of the first min(m, n) vectors; the spaces that the others span add what is orthogonal to them. */
function svdGradient(u: Tensor, s: Tensor, vh: Tensor, gu: Part, gs: Part, gvh: Part): Part {
  if (gu === null && gs === null && gvh === null) return null;
  const [m, k, n] = [u.sizes.at(-2)!, s.sizes.at(-1)!, vh.sizes.at(-1)!];
  if (gu === null && gvh === null) return u.matmul(gs!.unsqueeze(-1).mul(vh));
  const fixed = squaredGaps(s);
  let middle: Part = gs === null ? null : diagonalMatrix(gs.to(u.dtype));
  const plus = (x: Tensor): void => {
    middle = middle === null ? x : (middle as Tensor).add(x);
  };
  const uGu = gu === null ? null : skew(adjoint(u).matmul(gu));
  const vGv = gvh === null ? null : skew(vh.matmul(adjoint(gvh)));
  if (uGu !== null) plus(uGu.div(fixed).mul(s.unsqueeze(-2)));
  if (vGv !== null) plus(s.unsqueeze(-1).mul(vGv.div(fixed)));
  if (u.dtype.isComplex && uGu !== null) plus(diagonalMatrix(uGu.diagonal(0, -2, -1).div(s.mul(2))));
  let whole = u.matmul(middle!).matmul(vh);
  if (gu !== null && m > k) {
    const part = gu.div(s.unsqueeze(-2));
    whole = whole.add(part.sub(u.matmul(adjoint(u).matmul(part))).matmul(vh));
  }
  if (gvh !== null && n > k) {
    const part = gvh.div(s.unsqueeze(-1));
    whole = whole.add(u.matmul(part.sub(part.matmul(adjoint(vh)).matmul(vh))));
  }
  return whole;
}
/** s_j² − s_i² as (s_j − s_i)·(s_j + s_i), which keeps its digits. */
function squaredGaps(s: Tensor): Tensor {
  const [across, down] = [s.unsqueeze(-2), s.unsqueeze(-1)];
  return across
    .sub(down)
    .mul(across.add(down))
    .add(identity(s.sizes.at(-1)!, s.dtype));
}

/** The decomposition with its gradient; `full` adds the vectors of the spaces that A does not reach. */
export function svdOf(op: string, a: Tensor, full: boolean): Svd {
  requireMatrices(op, a);
  const { u, s, vh, info } = rawSvd(op, a, full ? 'full' : 'thin');
  requireSuccess(op, info, notConverged('singular values'));
  const k = s.sizes.at(-1)!;
  record('LinalgSvdBackward0', [u!, s, vh!], [a], (save) => {
    const [uKept, sKept, vKept] = [save(u!), save(s), save(vh!)];
    const first = (x: Tensor, dim: number): Tensor => (x.sizes.at(dim) === k ? x : x.narrow(dim, 0, k));
    return ([gu, gs, gvh]) => [
      svdGradient(
        first(uKept.get(), -1),
        sKept.get(),
        first(vKept.get(), -2),
        gu ? first(gu, -1) : null,
        gs ?? null,
        gvh ? first(gvh, -2) : null,
      ),
    ];
  });
  return { u: u!, s, vh: vh! };
}

/** The singular values alone. */
export function singularValues(op: string, a: Tensor): Tensor {
  requireMatrices(op, a);
  if (a.requiresGrad) return svdOf(op, a, false).s;
  const { s, info } = rawSvd(op, a, 'values');
  requireSuccess(op, info, notConverged('singular values'));
  return s;
}

const driverParam: Param = { name: 'driver', kind: 'string', default: null, keyword: true };
function requireNoDriver(op: string, driver: string | null): void {
  if (driver !== null)
    throw new RuntimeError(
      message(
        op,
        'driver null',
        driver,
        `${op}: keyword argument \`driver=\` is only supported on CUDA inputs with cuSOLVER backend.`,
      ),
    );
}

export const linalgSvd = defineOp({
  name: 'linalg.svd',
  doc: 'U, S and Vᴴ of A = U·diag(S)·Vᴴ, S falling.',
  params: [matrix, { name: 'full_matrices', kind: 'bool', default: true }, driverParam],
  returns: '[Tensor, Tensor, Tensor] & { U: Tensor; S: Tensor; Vh: Tensor }',
  gradName: 'LinalgSvdBackward0',
  kernel: (a: Tensor, full: boolean, driver: string | null) => {
    requireNoDriver('linalg.svd', driver);
    const { u, s, vh } = svdOf('linalg.svd', a, full);
    return Object.assign([u, s, vh], { U: u, S: s, Vh: vh });
  },
  tests: () => ({
    samples: [call([t([0, 3])]), call([t([3, 3], { dtype: 'float64' })], {}, free)],
    errors: [{ args: [t([3])], throws: 'RuntimeError' }],
  }),
});

export const svdvals = defineOp({
  name: 'linalg.svdvals',
  doc: 'The singular values of matrices, falling.',
  params: [matrix, driverParam],
  gradName: 'LinalgSvdBackward0',
  kernel: (a: Tensor, driver: string | null): Tensor => {
    requireNoDriver('linalg.svdvals', driver);
    return singularValues('linalg.svdvals', a);
  },
  tests: () => ({ samples: [call([d([3, 4])]), call([t([2, 3, 3])])] }),
});

export const svd = defineOp({
  name: 'svd',
  doc: 'U, S and V of A = U·diag(S)·Vᴴ; `some: false` gives all vectors, `computeUv: false` none (zeros).',
  params: [
    input,
    { name: 'some', kind: 'bool', default: true },
    { name: 'compute_uv', kind: 'bool', default: true },
  ],
  returns: '[Tensor, Tensor, Tensor] & { U: Tensor; S: Tensor; V: Tensor }',
  gradName: 'LinalgSvdBackward0',
  kernel: (a: Tensor, some: boolean, vectors: boolean) => {
    if (vectors) {
      const { u, s, vh } = svdOf('svd', a, !some);
      const v = adjoint(vh);
      return Object.assign([u, s, v], { U: u, S: s, V: v });
    }
    const s = singularValues('svd', a);
    const zeros = (n: number): Tensor => {
      const x = newTensor([...a.sizes.slice(0, -2), n, n], a.dtype);
      return x.zero_();
    };
    const [u, v] = [zeros(a.sizes.at(-2)!), zeros(a.sizes.at(-1)!)];
    return Object.assign([u, s, v], { U: u, S: s, V: v });
  },
  tests: () => ({
    samples: [call([t([0, 3])]), call([t([3, 3], { dtype: 'float64' })], {}, free)],
    errors: [{ args: [t([3])], throws: 'RuntimeError' }],
  }),
});
