// matrixExp and vander.
import { noGrad } from '../../autograd/grad-mode.js';
import { record } from '../../autograd/node.js';
import { asDType, int64 } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { cast } from '../creation/copy-fill-cast.js';
import { filled } from '../indexing/index-kernels.js';
import { joined } from '../joining/cat-stack.js';
import { identity } from './_kernels.js';
import { adjoint, requireSquare } from './solvers.js';

const degree = 18; // of the series: after scaling to a norm of at most 1 the rest is below 2^-53

/** Taylor's series of a matrix scaled by a power of two, squared as often. Computed in double. */
function exponential(a: Tensor): Tensor {
  const wide = asDType(a.dtype.isComplex ? 'complex128' : 'float64', 'matrix_exp');
  const x = cast(a, wide);
  const greatest = Number(x.abs().sum(-1).max().item());
  const squarings = greatest > 1 && Number.isFinite(greatest) ? Math.ceil(Math.log2(greatest)) : 0;
  const scaled = x.mul(2 ** -squarings);
  const eye = identity(a.sizes.at(-1)!, wide);
  let out = eye.expand(a.sizes);
  for (let k = degree; k >= 1; k--)
    out = scaled
      .matmul(out)
      .mul(1 / k)
      .add(eye);
  for (let i = 0; i < squarings; i++) out = out.matmul(out);
  return cast(out, a.dtype);
}

/** The gradient is the upper right block of exp([[Aᴴ, g], [0, Aᴴ]]), which is again such a function. */
function recorded(a: Tensor): Tensor {
  const out = a.length === 0 ? a.detach().clone() : noGrad(() => exponential(a));
  return record('LinalgMatrixExpBackward0', out, [a], (save) => {
    const kept = save(a);
    return ([g]) => {
      const turned = adjoint(kept.get());
      const n = turned.sizes.at(-1)!;
      const top = joined([turned, g!], -1);
      const low = joined([turned.mul(0), turned], -1);
      return [
        recorded(joined([top, low], -2))
          .narrow(-2, 0, n)
          .narrow(-1, n, n),
      ];
    };
  });
}

export const matrixExp = defineOp({
  name: 'matrixExp',
  aliases: ['torch.linalg.matrix_exp'],
  doc: 'The exponential Σ Aᵏ/k! of square matrices.',
  params: [{ name: 'input', kind: 'tensor' }],
  gradName: 'LinalgMatrixExpBackward0',
  kernel: (a: Tensor): Tensor => {
    requireSquare('linalg.matrix_exp', a);
    return recorded(a);
  },
  tests: () => ({
    samples: [call([t([3, 3], { dtype: 'float64' })]), call([t([2, 2, 2])])],
    errors: [{ args: [t([3, 2])], throws: 'RuntimeError' }],
  }),
});

const x: Param = { name: 'x', kind: 'tensor' };
export const vander = defineOp({
  name: 'linalg.vander',
  doc: 'The powers 0 to N − 1 of every element, along a new last dim.',
  params: [x, { name: 'N', kind: 'int', default: null, keyword: true }],
  compose: (given: Tensor, count: number | null): Tensor => {
    const op = 'linalg.vander';
    const n = count ?? given.sizes.at(-1) ?? 1;
    if (n <= 1)
      throw new RuntimeError(
        message(
          op,
          'N greater than 1',
          String(n),
          `${op}: N must be greater than 1. ${showShape(given.sizes)}`,
        ),
      );
    const whole = given.ndim === 0 ? given.unsqueeze(0) : given;
    const base = given.dtype.isIntegral ? cast(whole, int64) : whole;
    const ones = filled([...base.sizes, 1], 1, base.dtype);
    const powers = base.unsqueeze(-1).expand([...base.sizes, n - 1]);
    return joined([ones, powers.cumprod(-1)], -1);
  },
  tests: () => ({
    samples: [call([t([3])]), call([t([2, 3], { dtype: 'int64' })], { N: 4 })],
    errors: [{ args: [t([3])], kwargs: { N: 1 }, throws: 'RuntimeError' }],
  }),
});
