// Determinants, their logarithms, and their gradients.
import { gradMode } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { counting } from '../indexing/index-kernels.js';
import { identity, rawLu } from './_kernels.js';
import { adjoint, diagonalMatrix, luSolved, requireSquare, solved } from './solvers.js';

const wide = { dtype: 'float64' };
const d = (shape: readonly number[]) => t(shape, wide);

/** The sign of the row exchanges, 1 or −1, in the dtype of `like`. */
function exchangeSign(pivots: Tensor, like: Tensor): Tensor {
  const odd = pivots
    .ne(counting(pivots.sizes.at(-1)!, 1))
    .sum(-1)
    .remainder(2);
  return odd.mul(-2).add(1).to(like.dtype);
}

/** Aᴴ·X = diag(c) for the gradient of a determinant; where no second gradient is wanted, from the factors at hand. */
function adjointSolve(op: string, a: Tensor, lu: Tensor, pivots: Tensor, c: Tensor): Tensor {
  const right = c
    .unsqueeze(-1)
    .unsqueeze(-1)
    .mul(identity(a.sizes.at(-1)!, a.dtype));
  if (gradMode.enabled) return solved(op, adjoint(a), right).x;
  // A singular matrix's gradient is the limit from beside it.
  const zero = lu.diagonal(0, -2, -1).eq(0);
  const tiny = a.dtype.itemSize === (a.dtype.isComplex ? 8 : 4) ? 2 ** -23 : 2 ** -52;
  const near = lu.add(diagonalMatrix(zero.to(lu.dtype).mul(tiny)));
  return luSolved(op, near, pivots, right, true);
}

export const det = defineOp({
  name: 'det',
  numpy: 'numpy.linalg.det',
  aliases: ['torch.linalg.det'],
  doc: 'The determinants of square matrices.',
  params: [{ name: 'input', kind: 'tensor' }],
  gradName: 'LinalgDetBackward0',
  kernel: (a: Tensor): Tensor => {
    requireSquare('linalg.det', a);
    const { lu, pivots } = rawLu('linalg.det', a);
    const out = lu.diagonal(0, -2, -1).prod(-1).mul(exchangeSign(pivots, a));
    return record('LinalgDetBackward0', out, [a], (save) => {
      const [matrixKept, result, packed, exchanges] = [save(a), save(out), save(lu), save(pivots)];
      const single = a.sizes.at(-1) === 1;
      return ([g]) => [
        // Of one element the gradient is g itself, whose second gradient there is none of.
        single
          ? g!.unsqueeze(-1).unsqueeze(-1)
          : adjointSolve(
              'linalg.det',
              matrixKept.get(),
              packed.get(),
              exchanges.get(),
              g!.mul(result.get().conj()),
            ),
      ];
    });
  },
  tests: () => ({
    samples: [call([d([3, 3])]), call([t([2, 4, 4])]), call([t([0, 0])])],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});

type SignAndLog = [Tensor, Tensor] & { sign: Tensor; logabsdet: Tensor };

function signAndLog(op: string, a: Tensor): SignAndLog {
  requireSquare(op, a);
  const { lu, pivots } = rawLu(op, a);
  const diagonal = lu.diagonal(0, -2, -1);
  const sign = diagonal.sgn().prod(-1).mul(exchangeSign(pivots, a));
  const logabsdet = diagonal.abs().log().sum(-1);
  record('LinalgSlogdetBackward0', [sign, logabsdet], [a], (save) => {
    const [matrixKept, phase, packed, exchanges] = [save(a), save(sign), save(lu), save(pivots)];
    return ([gSign, gLog]) => {
      let c = gLog ?? phase.get().mul(0).abs();
      if (a.dtype.isComplex) {
        c = c.to(a.dtype);
        if (gSign) {
          const turn = gSign.mul(phase.get().conj());
          c = c.add(turn.sub(turn.conj()).mul(0.5));
        }
      }
      return [adjointSolve(op, matrixKept.get(), packed.get(), exchanges.get(), c)];
    };
  });
  return Object.assign([sign, logabsdet] as [Tensor, Tensor], { sign, logabsdet });
}

export const slogdet = defineOp({
  name: 'slogdet',
  numpy: 'numpy.linalg.slogdet',
  aliases: ['torch.linalg.slogdet'],
  doc: 'The sign and the logarithm of the absolute value of the determinants of square matrices.',
  params: [{ name: 'input', kind: 'tensor' }],
  returns: '[Tensor, Tensor] & { sign: Tensor; logabsdet: Tensor }',
  gradName: 'LinalgSlogdetBackward0',
  kernel: (a: Tensor): SignAndLog => signAndLog('linalg.slogdet', a),
  tests: () => ({
    samples: [call([d([3, 3])]), call([t([0, 3, 3])])],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});

export const logdet = defineOp({
  name: 'logdet',
  doc: 'The logarithm of the determinants of square matrices; NaN where a determinant is negative.',
  params: [{ name: 'input', kind: 'tensor' }],
  compose: (a: Tensor): Tensor => {
    const { sign, logabsdet } = signAndLog('logdet', a);
    if (a.dtype.isComplex) return sign.log().add(logabsdet);
    return logabsdet.maskedFill(sign.eq(-1), Number.NaN);
  },
  tests: () => ({
    samples: [call([t([2, 2], { ...wide, fill: { values: [2, 1, 1, 3] } })])],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});
