// resize_ and resizeAs_: another size within the same memory, or more memory where it is not shared.
import { message, RuntimeError } from '../../core/errors.js';
import { regeometry, seenAs } from '../../core/factory.js';
import { checkSizes, contiguousStrides, numelOf } from '../../core/shape.js';
import { allocate } from '../../core/storage.js';
import { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { requireMemory } from '../indexing/index-kernels.js';

const self: Param = { name: 'input', kind: 'tensor' };

function resized(op: string, x: Tensor, size: readonly number[]): Tensor {
  requireMemory(op, [x]);
  const shape = checkSizes(op, size);
  if (x.requiresGrad)
    throw new RuntimeError(
      message(
        op,
        'a tensor that needs no gradient',
        'one that does',
        'cannot resize variables that require grad',
      ),
    );
  const needed = (x.offset + numelOf(shape)) * x.dtype.itemSize;
  let { storage } = x;
  if (needed > storage.byteLength) {
    if (storage.shared)
      throw new RuntimeError(
        message(
          op,
          `a size that fits ${storage.byteLength} bytes`,
          `${needed} bytes`,
          'other tensors share this memory',
        ),
      );
    const known = Math.floor(storage.byteLength / x.dtype.itemSize);
    storage = allocate(needed, storage.device);
    const fresh = new Tensor(storage, [known], [1], 0, x.dtype);
    if (known > 0) rawCopy(fresh, seenAs(x, [known], [1], 0));
  }
  regeometry(x, shape, contiguousStrides(shape), x.offset, storage);
  x.storage.version++;
  return x;
}

export const resize = defineOp({
  name: 'resize_',
  torch: 'torch.Tensor.resize_',
  doc: 'Gives the tensor another size over the same memory, row-major; memory that is added is not initialised.',
  params: [self, { name: 'size', kind: 'size' }],
  variants: ['inplace'],
  notDifferentiable: 'PyTorch refuses tensors that require a gradient',
  kernel: (x: Tensor, size: readonly number[]): Tensor => resized('resize_', x, size),
  inPlace: (x: Tensor, size: readonly number[]): Tensor => resized('resize_', x, size),
  tests: () => ({
    samples: [call([t([3, 5], { grad: false }), [5, 3]])],
    errors: [{ args: [t([3, 5]), [-1]], throws: 'RuntimeError' }],
  }),
});

export const resizeAs = defineOp({
  name: 'resizeAs_',
  torch: 'torch.Tensor.resize_as_',
  doc: 'Gives the tensor the size of another over the same memory.',
  params: [self, { name: 'the_template', kind: 'tensor' }],
  variants: ['inplace'],
  notDifferentiable: 'PyTorch refuses tensors that require a gradient',
  kernel: (x: Tensor, like: Tensor): Tensor => resized('resizeAs_', x, like.sizes),
  inPlace: (x: Tensor, like: Tensor): Tensor => resized('resizeAs_', x, like.sizes),
  tests: () => ({ samples: [call([t([3, 5], { grad: false }), t([5, 3], { grad: false })])] }),
});
