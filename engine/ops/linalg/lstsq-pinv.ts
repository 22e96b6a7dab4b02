// Pseudo-inverse, least squares, rank, low-rank decompositions: all by singular values.

import { record } from '../../autograd/node.js';
import { int64, partOf } from '../../core/dtype.js';
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { hermitianEigen, singularValues, svdOf } from './eig-svd.js';
import { linalgQr } from './qr.js';
import {
  adjoint,
  isVector,
  requireInexact,
  requireMatrices,
  requireOneDtype,
  requireSquare,
} from './solvers.js';

/** For samples of what begins with random numbers. */
const drawn = { noGrad: 'it begins with random numbers', valuesUndefined: true };

const matrix: Param = { name: 'A', kind: 'tensor' };
const hermitianParam: Param = { name: 'hermitian', kind: 'bool', default: false, keyword: true };
const atolParam: Param = { name: 'atol', kind: 'tensorOrScalar', default: null, keyword: true };
const rtolParam: Param = { name: 'rtol', kind: 'tensorOrScalar', default: null, keyword: true };
const d = (shape: readonly number[]) => t(shape, { dtype: 'float64' });
type Bound = Tensor | number | null;

const epsilon = (x: Tensor): number => (partOf(x.dtype).itemSize === 8 ? 2 ** -52 : 2 ** -23);

/** The value below which a singular value counts as 0: max(atol, rtol · the greatest). */
function cutoff(a: Tensor, greatest: Tensor, atol: Bound, rtol: Bound): Tensor {
  const relative = rtol ?? (atol === null || isZero(atol) ? epsilon(a) * Math.max(...a.sizes.slice(-2)) : 0);
  const scaled = greatest.mul(relative instanceof Tensor ? relative.to(greatest.dtype) : relative);
  if (atol === null) return scaled;
  return atol instanceof Tensor ? scaled.maximum(atol.to(greatest.dtype)) : scaled.clampMin(atol);
}
const isZero = (x: Tensor | number): boolean => typeof x === 'number' && x === 0;

/** −Aᴴ⁺·g·A⁺ᴴ, and what the spaces add that A does not reach: the gradient of A⁺ (Golub and Pereyra, 1973). */
function pinvGradient(a: Tensor, p: Tensor, g: Tensor): Tensor {
  const [pH, gH] = [adjoint(p), adjoint(g)];
  const first = pH.matmul(g).matmul(pH).neg();
  const right = gH.matmul(p).matmul(pH);
  const left = pH.matmul(p).matmul(gH);
  return first.add(right.sub(a.matmul(p.matmul(right)))).add(left.sub(left.matmul(p).matmul(a)));
}

function pseudoInverse(op: string, a: Tensor, atol: Bound, rtol: Bound, hermitian: boolean): Tensor {
  if (hermitian) requireSquare(op, a);
  else requireMatrices(op, a);
  if (a.length === 0) {
    const [m, n] = a.sizes.slice(-2) as [number, number];
    return a
      .transpose(-2, -1)
      .reshape([...a.sizes.slice(0, -2), n, m])
      .clone();
  }
  const seen = a.detach();
  let out: Tensor;
  if (hermitian) {
    const { values, vectors } = hermitianEigen(op, seen, 'L', true);
    const size = values.abs();
    const kept = size.gt(cutoff(a, size.amax(-1, true), column(atol), column(rtol)));
    const inverted = values.reciprocal().maskedFill(kept.logicalNot(), 0);
    out = vectors!.mul(inverted.unsqueeze(-2)).matmul(adjoint(vectors!));
  } else {
    const { u, s, vh } = svdOf(op, seen, false);
    const kept = s.gt(cutoff(a, s.narrow(-1, 0, 1), column(atol), column(rtol)));
    const inverted = s.reciprocal().maskedFill(kept.logicalNot(), 0);
    out = adjoint(vh).mul(inverted.unsqueeze(-2)).matmul(adjoint(u));
  }
  return record('LinalgPinvBackward0', out, [a], (save) => {
    const [kept, result] = [save(a), save(out)];
    return ([g]) => [pinvGradient(kept.get(), result.get(), g!)];
  });
}
/** Bounds of a batch, against values along a last dim. */
function column(x: Bound): Bound {
  return x instanceof Tensor && x.ndim > 0 ? x.unsqueeze(-1) : x;
}

export const linalgPinv = defineOp({
  name: 'linalg.pinv',
  doc: 'The pseudo-inverses of matrices; singular values at most max(atol, rtol·greatest) count as 0.',
  params: [matrix, atolParam, rtolParam, hermitianParam],
  aliases: ['torch.Tensor.linalg_pinv'],
  gradName: 'LinalgPinvBackward0',
  kernel: (a: Tensor, atol: Bound, rtol: Bound, hermitian: boolean): Tensor =>
    pseudoInverse('linalg.pinv', a, atol, rtol, hermitian),
  tests: () => ({
    samples: [call([d([4, 3])]), call([d([3, 3])], { rtol: 0.1 }), call([t([0, 3])])],
    errors: [{ args: [t([3])], throws: 'RuntimeError' }],
  }),
});

export const pinverse = defineOp({
  name: 'pinverse',
  doc: 'The pseudo-inverses of matrices; singular values at most rcond·greatest count as 0.',
  params: [
    { name: 'input', kind: 'tensor' },
    { name: 'rcond', kind: 'scalar', default: 1e-15 },
  ],
  gradName: 'LinalgPinvBackward0',
  kernel: (a: Tensor, rcond: number): Tensor => pseudoInverse('pinverse', a, 0, rcond, false),
  tests: () => ({ samples: [call([d([4, 3])])] }),
});

export const matrixRank = defineOp({
  name: 'linalg.matrixRank',
  torch: 'torch.linalg.matrix_rank',
  doc: 'How many singular values of a matrix are greater than max(atol, rtol·greatest), as int64.',
  params: [matrix, atolParam, rtolParam, hermitianParam],
  notDifferentiable: 'the result is a count',
  kernel: (a: Tensor, atol: Bound, rtol: Bound, hermitian: boolean): Tensor => {
    const op = 'linalg.matrix_rank';
    if (hermitian) requireSquare(op, a);
    else requireMatrices(op, a);
    if (a.length === 0) return newTensor(a.sizes.slice(0, -2), int64).zero_();
    const seen = a.detach();
    const s = hermitian ? hermitianEigen(op, seen, 'L', false).values.abs() : singularValues(op, seen);
    return s.gt(cutoff(a, s.amax(-1, true), column(atol), column(rtol))).sum(-1);
  },
  tests: () => ({ samples: [call([d([4, 3])]), call([d([3, 3])], { rtol: 0.5 })] }),
});

// --- least squares ---

type Lstsq = [Tensor, Tensor, Tensor, Tensor] &
  Record<'solution' | 'residuals' | 'rank' | 'singularValues', Tensor>;

const drivers = ['gels', 'gelsy', 'gelsd', 'gelss'];

export const lstsq = defineOp({
  name: 'linalg.lstsq',
  doc: 'X of least ‖A·X − B‖ (and least ‖X‖), with residuals, rank and singular values as the driver gives them.',
  params: [
    matrix,
    { name: 'B', kind: 'tensor' },
    { name: 'rcond', kind: 'scalar', default: null },
    {
      name: 'driver',
      kind: 'string',
      default: null,
      keyword: true,
      choices: oneOf(
        drivers,
        RuntimeError,
        () => 'parameter `driver` should be one of (gels, gelsy, gelsd, gelss)',
      ),
    },
  ],
  returns:
    '[Tensor, Tensor, Tensor, Tensor] & { solution: Tensor; residuals: Tensor; rank: Tensor; singularValues: Tensor }',
  compose: (a: Tensor, b: Tensor, rcond: number | null, driver: string | null): Lstsq => {
    const op = 'linalg.lstsq';
    checkLstsq(op, a, b);
    const way = driver ?? 'gelsy';
    const vector = isVector(a, b) && a.ndim !== b.ndim;
    const right = vector ? b.unsqueeze(-1) : b;
    const [m, n] = a.sizes.slice(-2) as [number, number];
    const limit = rcond ?? epsilon(a) * Math.max(m, n);
    const solution = pseudoInverse(op, a, 0, way === 'gels' ? 0 : limit, false).matmul(right);
    const batch = a.sizes.slice(0, -2);
    const empty = (): Tensor => newTensor([0], partOf(a.dtype));
    let [residuals, rank, singular] = [empty(), newTensor([0], int64), empty()];
    if (way !== 'gels') {
      const s =
        a.length === 0
          ? newTensor([...batch, Math.min(m, n)], partOf(a.dtype))
          : singularValues(op, a.detach());
      rank = a.length === 0 ? newTensor(batch, int64).zero_() : s.gt(s.amax(-1, true).mul(limit)).sum(-1);
      if (way !== 'gelsy') singular = s;
    }
    if (
      m > n &&
      (way === 'gels' || (way !== 'gelsy' && rank.length > 0 && rank.eq(n).all().item() === true))
    ) {
      const off = a.matmul(solution).sub(right).abs();
      residuals = off.mul(off).sum(-2);
    } else if (a.requiresGrad || b.requiresGrad)
      record('LinalgLstsqBackward0', residuals, [a, b], () => () => [null, null]);
    const x = vector ? solution.squeeze(-1) : solution;
    return Object.assign([x, residuals, rank, singular] as [Tensor, Tensor, Tensor, Tensor], {
      solution: x,
      residuals,
      rank,
      singularValues: singular,
    });
  },
  tests: () => ({
    samples: [
      call([d([4, 3]), d([4, 2])], { driver: 'gels' }),
      call([d([3, 3]), d([3, 2])], { driver: 'gelsd' }, { noGrad: 'PyTorch gives residuals no gradient' }),
    ],
    errors: [{ args: [t([]), t([])], throws: 'RuntimeError' }],
  }),
});

function checkLstsq(op: string, a: Tensor, b: Tensor): void {
  const fail = (required: string, hint: string): RuntimeError =>
    new RuntimeError(
      message(op, required, `${showShape(a.sizes)} and ${showShape(b.sizes)}`, `torch.linalg.lstsq: ${hint}`),
    );
  if (a.ndim < 2) throw fail('matrices', 'input must have at least 2 dimensions.');
  requireInexact(op, a);
  if (b.ndim < 1) throw fail('a right side', 'other must have at least 1 dimension.');
  requireOneDtype(op, a, b);
  if (a.ndim - b.ndim !== 0 && a.ndim - b.ndim !== 1)
    throw fail(
      'as many dims',
      'input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1',
    );
  const vector = a.ndim !== b.ndim;
  if (b.sizes.at(vector ? -1 : -2) !== a.sizes.at(-2))
    throw fail('as many rows', 'input.size(-2) should match other.size(-2)');
}

// --- low rank ---

/** An orthonormal basis of about A's range, from random vectors (Halko, Martinsson and Tropp, 2009, algorithms 4.4 and 5.1). */
function rangeOf(a: Tensor, q: number, rounds: number): Tensor {
  const random = newTensor([a.sizes.at(-1)!, q], a.dtype).normal_();
  const orthonormal = (x: Tensor): Tensor => linalgQr.impl(x, 'reduced')[0];
  let basis = orthonormal(a.matmul(random));
  for (let i = 0; i < rounds; i++) {
    basis = orthonormal(adjoint(a).matmul(basis));
    basis = orthonormal(a.matmul(basis));
  }
  return basis;
}

type LowRank = [Tensor, Tensor, Tensor];
function lowRank(op: string, a: Tensor, q: number, rounds: number, m: Tensor | null): LowRank {
  const [rows, columns] = a.sizes.slice(-2) as [number, number];
  if (q < 0 || q > Math.min(rows, columns))
    throw new ValueError(message(op, `q in [0, ${Math.min(rows, columns)}]`, String(q)));
  if (rounds < 0) throw new ValueError(message(op, 'niter of at least 0', String(rounds)));
  const x = m === null ? a : a.sub(m.expand(a.sizes));
  // The side with fewer rows is projected.
  const turned = rows < columns;
  const tall = turned ? adjoint(x) : x;
  const basis = rangeOf(tall, q, rounds);
  const { u, s, vh } = svdOf(op, adjoint(basis).matmul(tall), false);
  const [left, right] = [basis.matmul(u), adjoint(vh)];
  return turned ? [right, s, left] : [left, s, right];
}

export const svdLowrank = defineOp({
  name: 'svdLowrank',
  torch: 'torch.svd_lowrank',
  doc: 'About the first q singular values and vectors of A (of A − M), by random projection: U, S and V.',
  params: [
    matrix,
    { name: 'q', kind: 'int', default: 6 },
    { name: 'niter', kind: 'int', default: 2 },
    { name: 'M', kind: 'tensor', default: null },
  ],
  variants: ['function'],
  returns: '[Tensor, Tensor, Tensor]',
  compose: (a: Tensor, q: number, niter: number, m: Tensor | null): LowRank => {
    requireMatrices('svd_lowrank', a);
    return lowRank('svd_lowrank', a, Math.min(q, ...a.sizes.slice(-2)), niter, m);
  },
  tests: () => ({ samples: [call([t([0, 3]), 0]), call([t([4, 3]), 2], {}, drawn)] }),
});

export const pcaLowrank = defineOp({
  name: 'pcaLowrank',
  torch: 'torch.pca_lowrank',
  doc: 'About the first q principal components of A’s rows, by random projection: U, S and V.',
  params: [
    matrix,
    { name: 'q', kind: 'int', default: null },
    { name: 'center', kind: 'bool', default: true },
    { name: 'niter', kind: 'int', default: 2 },
  ],
  variants: ['function'],
  returns: '[Tensor, Tensor, Tensor]',
  compose: (a: Tensor, q: number | null, center: boolean, niter: number): LowRank => {
    const op = 'pca_lowrank';
    requireMatrices(op, a);
    const least = Math.min(...a.sizes.slice(-2));
    const wanted = q ?? Math.min(6, least);
    if (wanted < 0 || wanted > least)
      throw new ValueError(
        message(
          op,
          `q in [0, ${least}]`,
          String(wanted),
          `q(=${wanted}) must be non-negative integer and not greater than min(m, n)=${least}`,
        ),
      );
    if (niter < 0) throw new ValueError(message(op, 'niter of at least 0', String(niter)));
    return lowRank(op, center ? a.sub(a.mean(-2, true)) : a, wanted, niter, null);
  },
  tests: () => ({ samples: [call([t([3, 0]), 0]), call([t([4, 3]), 2], {}, drawn)] }),
});
