// Transposes read as properties (T, mT, H, mH), and adjoint.
import { message, RuntimeError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { permuted, transposed } from './geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };

function refuse(op: string, x: Tensor, required: string, only: string): never {
  throw new RuntimeError(
    message(
      op,
      required,
      `${x.ndim} dims`,
      `tensor.${op} is only supported on ${only}. Got ${x.ndim}-D tensor.`,
    ),
  );
}

/** The last two dims exchanged; 0-d tensors as they are. */
function matrices(op: string, x: Tensor): Tensor {
  if (x.ndim === 1) refuse(op, x, 'at least 2 dims', 'matrices or batches of matrices');
  return transposed(x, Math.max(0, x.ndim - 2), Math.max(0, x.ndim - 1));
}

function property(name: string, doc: string, compose: (x: Tensor) => Tensor, more: boolean) {
  return defineOp({
    name,
    torch: `torch.Tensor.${name}`,
    doc,
    params: [self],
    variants: ['property'],
    gradName: name === 'T' ? 'PermuteBackward0' : 'TransposeBackward0',
    compose,
    tests: () => ({
      samples: [call([t([3, 5])]), ...(more ? [call([t([2, 3, 5])])] : [])],
      errors: name === 'T' ? [] : [{ args: [t([3])], throws: 'RuntimeError' as const }],
    }),
  });
}

export const T = property(
  'T',
  'The dims in reverse order, as a view.',
  (x) =>
    permuted(
      x,
      x.sizes.map((_, d) => x.ndim - 1 - d),
    ),
  false,
);
export const mT = property('mT', 'The last two dims exchanged, as a view.', (x) => matrices('mT', x), true);
export const H = property(
  'H',
  'A matrix transposed (and conjugated), as a view.',
  (x) => {
    if (x.ndim !== 2 && x.ndim !== 0) refuse('H', x, '2 dims', 'matrices (2-D tensors)');
    return matrices('H', x).conj();
  },
  false,
);
export const mH = property(
  'mH',
  'The last two dims exchanged (and the elements conjugated), as a view.',
  (x) => matrices('mH', x).conj(),
  true,
);

export const adjoint = defineOp({
  name: 'adjoint',
  doc: 'The last two dims exchanged (and the elements conjugated), as a view.',
  params: [self],
  gradName: 'TransposeBackward0',
  compose: (x: Tensor): Tensor => matrices('adjoint', x).conj(),
  tests: () => ({ samples: [call([t([2, 3, 5])])], errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});
