// Differentiable solvers that several ops share: triangular solve, LU, solve, inverse. Their gradients are compositions
// of themselves. They declare no ops.
import { record } from '../../autograd/node.js';
import { int64 } from '../../core/dtype.js';
import { LinAlgError, message, RuntimeError, showShape } from '../../core/errors.js';
import { newWritten } from '../../core/factory.js';
import { broadcastShapes, type Shape, sameShape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCast } from '../creation/copy-fill-cast.js';
import { requireMemory } from '../indexing/index-kernels.js';
import { joined } from '../joining/cat-stack.js';
import { flags, identity, rawLu, rawTriangular } from './_kernels.js';

/** The conjugate transpose of each matrix. */
export function adjoint(x: Tensor): Tensor {
  const turned = x.transpose(-2, -1);
  return x.dtype.isComplex ? turned.conj() : turned;
}

/** @throws RuntimeError where `x` is no batch of matrices of a floating or complex dtype with memory. */
export function requireMatrices(op: string, x: Tensor, name = 'A'): void {
  if (x.ndim < 2) {
    throw new RuntimeError(
      message(
        op,
        `'${name}' with at least 2 dims`,
        showShape(x.sizes),
        `${op}: The input tensor ${name} must have at least 2 dimensions.`,
      ),
    );
  }
  requireInexact(op, x);
}

/** @throws RuntimeError for integers and 16-bit floats, which no decomposition takes. */
export function requireInexact(op: string, x: Tensor): void {
  requireMemory(op, [x]);
  if (x.dtype.isIntegral || x.dtype.itemSize === 2) {
    throw new RuntimeError(
      message(
        op,
        'a floating point or complex tensor',
        x.dtype.name,
        x.dtype.isIntegral
          ? `${op}: Expected a floating point or complex tensor as input. Got ${x.dtype.title}`
          : `${op}: Low precision dtypes not supported. Got ${x.dtype.title}`,
      ),
    );
  }
}

/** @throws RuntimeError where the matrices are not square. */
export function requireSquare(op: string, x: Tensor, name = 'A'): void {
  requireMatrices(op, x, name);
  const [m, n] = [x.sizes[x.ndim - 2]!, x.sizes[x.ndim - 1]!];
  if (m !== n) {
    throw new RuntimeError(
      message(
        op,
        'square matrices',
        showShape(x.sizes),
        `${op}: ${name} must be batches of square matrices, but they are ${m} by ${n} matrices`,
      ),
    );
  }
}

export function requireOneDtype(op: string, a: Tensor, b: Tensor): void {
  if (a.dtype === b.dtype) return;
  throw new RuntimeError(
    message(
      op,
      'operands of one dtype',
      `${a.dtype.name} and ${b.dtype.name}`,
      `${op}: Expected A and B to have the same dtype, but found ${a.dtype.title} and ${b.dtype.title} instead`,
    ),
  );
}

/** @throws LinAlgError at the first matrix of the batch whose info code is not 0. */
export function requireSuccess(op: string, info: Tensor, why: (code: number) => string): void {
  const codes = info.typed() as Int32Array;
  for (let i = 0; i < info.length; i++) {
    const code = codes[info.offset + i]!;
    if (code === 0) continue;
    const where = info.ndim === 0 ? '' : `(Batch element ${i}): `;
    throw new LinAlgError(
      message(op, 'a matrix that can be factorised', `info code ${code}`, `${op}: ${where}${why(code)}`),
    );
  }
}

export const singular = (code: number): string =>
  `The diagonal element ${code} is zero, the inversion could not be completed because the input matrix is singular.`;
export const singularSolve = (_code: number): string =>
  'The solver failed because the input matrix is singular.';

const batchOf = (x: Tensor): Shape => x.sizes.slice(0, -2);
const matrixOf = (x: Tensor): Shape => x.sizes.slice(-2);

/** X of A·X = B, of which `upper` says which triangle of A counts, and `unit` that its diagonal is 1. Batches broadcast. */
export function triangularSolve(op: string, a: Tensor, b: Tensor, upper: boolean, unit: boolean): Tensor {
  const batch = broadcastShapes(op, batchOf(a), batchOf(b));
  const out = rawTriangular(op, a, b, batch, (upper ? flags.upper : 0) | (unit ? flags.unit : 0));
  return record('LinalgSolveTriangularBackward0', out, [a, b], (save, node) => {
    const [left, x] = [save(a), save(out)];
    return ([g]) => {
      const gb = triangularSolve(op, adjoint(left.get()), g!, !upper, unit);
      if (node.next[0] === null) return [null, gb];
      const ga = gb.matmul(adjoint(x.get())).neg();
      return [upper ? ga.triu(unit ? 1 : 0) : ga.tril(unit ? -1 : 0), node.next[1] === null ? null : gb];
    };
  });
}

/** X of X·A = B. */
export function triangularSolveRight(
  op: string,
  a: Tensor,
  b: Tensor,
  upper: boolean,
  unit: boolean,
): Tensor {
  return triangularSolve(op, a.transpose(-2, -1), b.transpose(-2, -1), !upper, unit).transpose(-2, -1);
}

/** Where each row of P·x comes from, as int64 [batch, rows], from LAPACK's exchanges; or the inverse. */
export function permutation(pivots: Tensor, rows: number, inverse: boolean): Tensor {
  const k = pivots.sizes.at(-1)!;
  const shape = [...pivots.sizes.slice(0, -1), rows];
  const dense = pivots.rowMajor ? pivots : rawCast(pivots, pivots.dtype);
  const from = dense.typed() as Int32Array;
  const order = new Array<number>(rows);
  const orderOf = (at: number): void => {
    for (let i = 0; i < rows; i++) order[i] = i;
    for (let i = 0; i < k; i++) {
      const j = from[dense.offset + at * k + i]! - 1;
      if (!(j >= 0 && j < rows)) {
        throw new RuntimeError(
          message(
            'lu_solve',
            `pivots in [1, ${rows}]`,
            String(j + 1),
            'Pivots given to lu_solve must all be greater or equal to 1. Did you properly pass the result of lu_factor?',
          ),
        );
      }
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
  };
  return newWritten(shape, int64, (to) => {
    for (let at = 0; at * rows < to.length; at++) {
      orderOf(at);
      for (let i = 0; i < rows; i++) {
        if (inverse) to[at * rows + order[i]!] = BigInt(i);
        else to[at * rows + i] = BigInt(order[i]!);
      }
    }
  });
}

/** The rows of each matrix in another order. */
export function permuteRows(x: Tensor, order: Tensor): Tensor {
  const batch = broadcastShapes('gather', batchOf(x), order.sizes.slice(0, -1));
  const shape = [...batch, ...matrixOf(x)];
  return x.expand(shape).gather(-2, order.unsqueeze(-1).expand(shape));
}

export interface Factored {
  readonly lu: Tensor;
  readonly pivots: Tensor;
  readonly info: Tensor;
}

/** A = P·L·U, packed. */
export function luFactored(op: string, a: Tensor): Factored {
  const { lu, pivots, info } = rawLu(op, a);
  record('LinalgLuFactorExBackward0', lu, [a], (save) => {
    const [packed, exchanges] = [save(lu), save(pivots)];
    return ([g]) => [luGradient(op, packed.get(), exchanges.get(), g!)];
  });
  return { lu, pivots, info };
}

/**
 * Of the leading square: P·L⁻ᴴ·(tril(Lᴴ·g, −1) + triu(g·Uᴴ))·U⁻ᴴ. What stands below it is A₂·U⁻¹ and what stands right of it
 * L⁻¹·A₂, whose gradients are the rest.
 */
function luGradient(op: string, lu: Tensor, pivots: Tensor, g: Tensor): Tensor {
  const [m, n] = matrixOf(lu) as [number, number];
  const k = Math.min(m, n);
  const corner = (x: Tensor): Tensor => x.narrow(-2, 0, k).narrow(-1, 0, k);
  const [square, g1] = [corner(lu), corner(g)];
  const lower = square.tril(-1).add(identity(k, lu.dtype));
  const upper = square.triu();
  let left = adjoint(lower).matmul(g1);
  let right = g1.matmul(adjoint(upper));
  const below = m > k ? { l: lu.narrow(-2, k, m - k), g: g.narrow(-2, k, m - k) } : null;
  const beside = n > k ? { u: lu.narrow(-1, k, n - k), g: g.narrow(-1, k, n - k) } : null;
  if (below !== null) right = right.sub(adjoint(below.l).matmul(below.g));
  if (beside !== null) left = left.sub(beside.g.matmul(adjoint(beside.u)));
  const middle = left.tril(-1).add(right.triu());
  const uH = adjoint(square);
  const timesUpper = (x: Tensor): Tensor => triangularSolveRight(op, uH, x, false, false);
  const timesLower = (x: Tensor): Tensor => triangularSolve(op, uH, x, true, true);
  let whole = timesLower(timesUpper(middle));
  if (below !== null) whole = joined([whole, timesUpper(below.g)], -2);
  if (beside !== null) whole = joined([whole, timesLower(beside.g)], -1);
  return permuteRows(whole, permutation(pivots, m, true));
}

/** X of A·X = B (or Aᴴ·X = B) from A's packed LU. */
export function luSolved(op: string, lu: Tensor, pivots: Tensor, b: Tensor, transposed: boolean): Tensor {
  const n = lu.sizes.at(-1)!;
  if (!transposed) {
    const moved = permuteRows(b, permutation(pivots, n, false));
    return triangularSolve(op, lu, triangularSolve(op, lu, moved, false, true), true, false);
  }
  const turned = adjoint(lu);
  const x = triangularSolve(op, turned, triangularSolve(op, turned, b, false, false), true, true);
  return permuteRows(x, permutation(pivots, n, true));
}

/** X of A·X = B, and the info codes of A's factorisation. */
export function solved(op: string, a: Tensor, b: Tensor): { x: Tensor; factored: Factored } {
  const factored = rawLu(op, a);
  const x = luSolved(op, factored.lu, factored.pivots, b.detach(), false);
  record('LinalgSolveExBackward0', x, [a, b], (save, node) => {
    const [matrix, result] = [save(a), save(x)];
    return ([g]) => {
      const gb = solved(op, adjoint(matrix.get()), g!).x;
      const [first, second] = node.next;
      return [first === null ? null : gb.matmul(adjoint(result.get())).neg(), second === null ? null : gb];
    };
  });
  return { x, factored };
}

/** A⁻¹ and the info codes. */
export function inverted(op: string, a: Tensor): { x: Tensor; factored: Factored } {
  const factored = rawLu(op, a);
  const n = a.sizes.at(-1)!;
  const eye = identity(n, a.dtype).expand([...batchOf(a), n, n]);
  const x = luSolved(op, factored.lu, factored.pivots, eye, false);
  record('LinalgInvExBackward0', x, [a], (save) => {
    const result = save(x);
    return ([g]) => {
      const turned = adjoint(result.get());
      return [turned.matmul(g!).matmul(turned).neg()];
    };
  });
  return { x, factored };
}

/** Whether B is a batch of vectors for A, as torch.linalg.solve decides. */
export function isVector(a: Tensor, b: Tensor): boolean {
  return b.ndim === 1 || (a.ndim - 1 === b.ndim && sameShape(b.sizes, a.sizes.slice(0, -1)));
}

/** The diagonal matrices of these diagonals. */
export function diagonalMatrix(d: Tensor): Tensor {
  return d.unsqueeze(-1).mul(identity(d.sizes.at(-1)!, d.dtype));
}
