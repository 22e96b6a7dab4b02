// QR and Householder reflectors. Q = I − V·T·Vᴴ (the compact WY form), so products of reflectors are a few matrix
// products.

import { record } from '../../autograd/node.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { joined } from '../joining/cat-stack.js';
import { identity, rawQr } from './_kernels.js';
import {
  adjoint,
  diagonalMatrix,
  requireMatrices,
  triangularSolve,
  triangularSolveRight,
} from './solvers.js';

const matrix: Param = { name: 'A', kind: 'tensor' };
const input: Param = { name: 'input', kind: 'tensor' };
const d = (shape: readonly number[]) => t(shape, { dtype: 'float64' });
type Pair = [Tensor, Tensor] & { Q: Tensor; R: Tensor };
const pairOf = (q: Tensor, r: Tensor): Pair => Object.assign([q, r] as [Tensor, Tensor], { Q: q, R: r });
const pairType = '[Tensor, Tensor] & { Q: Tensor; R: Tensor }';

/** The k reflectors below the diagonal of m rows, and T of Q = I − V·T·Vᴴ. */
function reflectors(op: string, packed: Tensor, tau: Tensor): { v: Tensor; middle: Tensor } {
  const [m, k] = [packed.sizes.at(-2)!, tau.sizes.at(-1)!];
  const ones = identity(Math.max(m, k), packed.dtype).narrow(-2, 0, m).narrow(-1, 0, k);
  const v = packed.narrow(-1, 0, k).tril(-1).add(ones);
  // T⁻¹ = D⁻¹ + triu(Vᴴ·V, 1) with D = diag(tau), written so that tau may be 0.
  const scale = diagonalMatrix(tau);
  const inner = scale.matmul(adjoint(v).matmul(v).triu(1));
  return { v, middle: triangularSolve(op, inner, scale, true, true) };
}

/** The first `columns` columns of the product of reflectors. */
function productOf(op: string, packed: Tensor, tau: Tensor, columns: number): Tensor {
  const { v, middle } = reflectors(op, packed, tau);
  const m = packed.sizes.at(-2)!;
  const head = adjoint(v.narrow(-2, 0, columns));
  return identity(m, packed.dtype)
    .narrow(-1, 0, columns)
    .sub(v.matmul(middle.matmul(head)));
}

/** Q and R of matrices with at least as many rows as columns, Q with as many columns. */
function tallQr(op: string, a: Tensor): { q: Tensor; r: Tensor } {
  const n = a.sizes.at(-1)!;
  const { packed, tau } = rawQr(op, a);
  const q = productOf(op, packed, tau, n);
  const r = packed.narrow(-2, 0, n).triu();
  record('LinalgQrBackward0', [q, r], [a], (save) => {
    const [qKept, rKept] = [save(q), save(r)];
    return ([gq, gr]) => [qrGradient(op, qKept.get(), rKept.get(), gq ?? null, gr ?? null)];
  });
  return { q, r };
}

/** (gQ + Q·S)·R⁻ᴴ, S being triu(gR·Rᴴ − Qᴴ·gQ) made Hermitian from its upper triangle. */
function qrGradient(op: string, q: Tensor, r: Tensor, gq: Tensor | null, gr: Tensor | null): Tensor | null {
  if (gq === null && gr === null) return null;
  let m: Tensor | null = gr === null ? null : gr.matmul(adjoint(r));
  if (gq !== null) {
    const part = adjoint(q).matmul(gq);
    m = m === null ? part.neg() : m.sub(part);
  }
  const upper = m!.triu();
  const strict = m!.triu(1);
  let s = strict.add(adjoint(strict));
  const diagonal = upper.sub(strict);
  s = s.add(diagonal.dtype.isComplex ? diagonal.add(diagonal.conj()).mul(0.5) : diagonal);
  const whole = gq === null ? q.matmul(s) : gq.add(q.matmul(s));
  return triangularSolveRight(op, adjoint(r), whole, false, false);
}

/** More columns than rows: R's further columns are Qᴴ times A's. */
function reducedQr(op: string, a: Tensor): { q: Tensor; r: Tensor } {
  const [m, n] = a.sizes.slice(-2) as [number, number];
  if (m >= n) return tallQr(op, a);
  const { q, r } = tallQr(op, a.narrow(-1, 0, m));
  return { q, r: joined([r, adjoint(q).matmul(a.narrow(-1, m, n - m))], -1) };
}

function noGradient(op: string, hint: string): never {
  throw new RuntimeError(message(op, 'a mode that has a gradient', 'this one', hint));
}

function qrOf(op: string, a: Tensor, mode: string): Pair {
  requireMatrices(op, a);
  const [m, n] = a.sizes.slice(-2) as [number, number];
  if (mode === 'reduced' || (mode === 'complete' && m <= n)) {
    const { q, r } = reducedQr(op, a);
    return pairOf(q, r);
  }
  const { packed, tau } = rawQr(op, a);
  if (mode === 'complete') {
    const q = productOf(op, packed, tau, m);
    const r = packed.triu();
    record(
      'LinalgQrBackward0',
      [q, r],
      [a],
      () => () =>
        noGradient(op, "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"),
    );
    return pairOf(q, r);
  }
  const q = newTensor([0], a.dtype);
  const r = packed.narrow(-2, 0, Math.min(m, n)).triu();
  record(
    'LinalgQrBackward0',
    r,
    [a],
    () => () =>
      noGradient(
        op,
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require differentiation through linalg.qr.",
      ),
  );
  return pairOf(q, r);
}

const modes = oneOf(
  ['reduced', 'complete', 'r'],
  RuntimeError,
  (mode) =>
    `qr received unrecognized mode '${mode}' but expected one of 'reduced' (default), 'r', or 'complete'`,
);
export const linalgQr = defineOp({
  name: 'linalg.qr',
  numpy: 'numpy.linalg.qr',
  doc: "Q with orthonormal columns and the upper triangular R of A = Q·R; mode 'reduced', 'complete' or 'r' (no Q).",
  params: [matrix, { name: 'mode', kind: 'string', default: 'reduced', choices: modes }],
  returns: pairType,
  gradName: 'LinalgQrBackward0',
  kernel: (a: Tensor, mode: string): Pair => qrOf('linalg.qr', a, mode),
  tests: () => ({
    samples: [call([d([4, 3])]), call([d([2, 3, 5])]), call([d([3, 3])], { mode: 'complete' })],
    errors: [{ args: [t([3])], throws: 'RuntimeError' }],
  }),
});

export const qr = defineOp({
  name: 'qr',
  doc: 'As linalg.qr; `some: false` gives the whole Q.',
  params: [input, { name: 'some', kind: 'bool', default: true }],
  returns: pairType,
  gradName: 'LinalgQrBackward0',
  kernel: (a: Tensor, some: boolean): Pair => qrOf('qr', a, some ? 'reduced' : 'complete'),
  tests: () => ({ samples: [call([d([4, 3])]), call([d([3, 3]), false])] }),
});

export const geqrf = defineOp({
  name: 'geqrf',
  doc: 'R with Householder’s reflectors below its diagonal, and their factors tau.',
  params: [input],
  returns: '[Tensor, Tensor] & { a: Tensor; tau: Tensor }',
  notDifferentiable: 'PyTorch has no gradient of it',
  kernel: (a: Tensor) => {
    requireMatrices('geqrf', a, 'input');
    const { packed, tau } = rawQr('geqrf', a.detach());
    return Object.assign([packed, tau], { a: packed, tau });
  },
  tests: () => ({ samples: [call([d([4, 3])])] }),
});

export const householderProduct = defineOp({
  name: 'linalg.householderProduct',
  torch: 'torch.linalg.householder_product',
  aliases: ['torch.orgqr'],
  doc: 'The first columns of the product of Householder’s reflectors, as geqrf gives them.',
  params: [matrix, { name: 'tau', kind: 'tensor' }],
  compose: (a: Tensor, tau: Tensor): Tensor => {
    const op = 'linalg.householder_product';
    requireMatrices(op, a);
    const [m, n] = a.sizes.slice(-2) as [number, number];
    const k = tau.sizes.at(-1) ?? 0;
    const hint =
      m < n
        ? 'input.shape[-2] must be greater than or equal to input.shape[-1]'
        : n < k
          ? 'input.shape[-1] must be greater than or equal to tau.shape[-1]'
          : a.dtype !== tau.dtype
            ? `tau dtype ${tau.dtype.name} does not match input dtype ${a.dtype.name}`
            : null;
    if (hint !== null)
      throw new RuntimeError(
        message(
          op,
          'as many reflectors as fit',
          `${showShape(a.sizes)} and ${showShape(tau.sizes)}`,
          `${op}: ${hint}`,
        ),
      );
    return productOf(op, a, tau, n);
  },
  tests: () => ({
    samples: [call([d([4, 3]), d([2])]), call([d([2, 3, 3]), d([2, 3])])],
    errors: [{ args: [t([2, 3]), t([2])], throws: 'RuntimeError' }],
  }),
});

export const ormqr = defineOp({
  name: 'ormqr',
  doc: 'A matrix times the product of Householder’s reflectors (or its adjoint), from the left or the right.',
  params: [
    input,
    { name: 'tau', kind: 'tensor' },
    { name: 'other', kind: 'tensor' },
    { name: 'left', kind: 'bool', default: true },
    { name: 'transpose', kind: 'bool', default: false },
  ],
  compose: (a: Tensor, tau: Tensor, other: Tensor, left: boolean, turned: boolean): Tensor => {
    checkOrmqr(a, tau, other, left);
    const { v, middle } = reflectors('ormqr', a, tau);
    const t2 = turned ? adjoint(middle) : middle;
    if (left) return other.sub(v.matmul(t2.matmul(adjoint(v).matmul(other))));
    return other.sub(other.matmul(v).matmul(t2).matmul(adjoint(v)));
  },
  tests: () => ({
    samples: [call([d([4, 2]), d([2]), d([4, 3])]), call([d([4, 2]), d([2]), d([3, 4]), false, true])],
    errors: [{ args: [t([]), t([]), t([])], throws: 'RuntimeError' }],
  }),
});

function checkOrmqr(a: Tensor, tau: Tensor, other: Tensor, left: boolean): void {
  const size = (x: Tensor, at: number): number => x.sizes.at(at) ?? 0;
  const side = left ? -2 : -1;
  const wanted = [
    [a.ndim >= 2, 'input must have at least 2 dimensions.'],
    [other.ndim >= 2, 'other must have at least 2 dimensions.'],
    [
      size(other, side) >= size(tau, -1),
      `other.shape[${side}] must be greater than or equal to tau.shape[-1]`,
    ],
    [size(other, side) === size(a, -2), `other.shape[${side}] must be equal to input.shape[-2]`],
    [
      size(tau, -1) === Math.min(size(other, side), size(a, -1)),
      `tau.shape[-1] must be equal to min(other.shape[${side}], input.shape[-1])`,
    ],
    [
      a.ndim === tau.ndim + 1 && a.ndim === other.ndim,
      'Expected input, tau and other to have batches of one shape',
    ],
    [
      a.dtype === tau.dtype && a.dtype === other.dtype,
      'Expected input, tau and other to have the same dtype',
    ],
  ] as const;
  const broken = wanted.find(([holds]) => !holds);
  if (broken !== undefined) {
    throw new RuntimeError(
      message(
        'ormqr',
        'reflectors that fit',
        `${showShape(a.sizes)}, ${showShape(tau.sizes)} and ${showShape(other.sizes)}`,
        `torch.ormqr: ${broken[1]}`,
      ),
    );
  }
  requireMatrices('ormqr', a, 'input');
}
