// Reductions composed of others: nansum, nanmean, countNonzero, sumToSize.
import type { DType } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { expandsTo } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { type Dims, dims, keepdimParam, self, sum, sumTo } from './sum-mean-prod.js';

const nans = { noGrad: 'NaN among the inputs' };

const dtypeParam: Param = { name: 'dtype', kind: 'dtype', default: null, keyword: true };
const withNaN = () => t([2, 4], { fill: { values: [1, 'nan', 3, -2, 'nan', 0.5, 2, 'nan'] } });

export const nansum = defineOp({
  name: 'nansum',
  numpy: 'numpy.nansum',
  doc: 'The sum over `dim` (all dims by default) of what is not NaN.',
  params: [self, dims, keepdimParam, dtypeParam],
  compose: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor =>
    sum.impl(x.dtype.isIntegral ? x : x.maskedFill(x.detach().isnan(), 0), dim, keepdim, dtype),
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([withNaN()], {}, nans),
      call([withNaN(), 1, true], {}, nans),
      call([t([3], { dtype: 'int32' })]),
      call([t([])]),
    ],
    errors: [{ args: [t([3, 2]), 5], throws: 'IndexError' }],
  }),
});

export const nanmean = defineOp({
  name: 'nanmean',
  numpy: 'numpy.nanmean',
  doc: 'The mean over `dim` (all dims by default) of what is not NaN.',
  params: [self, dims, keepdimParam, dtypeParam],
  compose: (x: Tensor, dim: Dims, keepdim: boolean, dtype: DType | null): Tensor => {
    if (x.dtype.isIntegral) {
      const hint = `nanmean(): expected input to have floating point or complex dtype but got ${x.dtype.title}`;
      throw new RuntimeError(message('nanmean', 'a floating dtype', x.dtype.name, hint));
    }
    const count = sum.impl(x.detach().isnan().logicalNot(), dim, keepdim, null);
    return nansum.impl(x, dim, keepdim, dtype).div(count);
  },
  tests: () => ({
    samples: [
      call([withNaN()], {}, nans),
      call([withNaN(), 0, true], {}, nans),
      call([t([5, 3], { layout: 'transposed' }), 1]),
    ],
    errors: [{ args: [t([3], { dtype: 'int64' })], throws: 'RuntimeError' }],
  }),
});

export const countNonzero = defineOp({
  name: 'countNonzero',
  numpy: 'numpy.count_nonzero',
  doc: 'How many elements are not 0 over `dim` (all dims by default), as int64.',
  params: [self, dims],
  compose: (x: Tensor, dim: Dims): Tensor => sum.impl(x.detach().ne(0), dim, false, null),
  notDifferentiable: 'the result is a count',
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'ties' })]),
      call([t([3, 5, 2], { dtype: 'int64', fill: { low: 0, high: 2 } }), [0, 2]]),
      call([t([0, 3]), 0]),
    ],
  }),
});

export const sumToSize = defineOp({
  name: 'sumToSize',
  torch: 'torch.Tensor.sum_to_size',
  doc: 'Sums the dims that were broadcast from `size`, so that the result has it.',
  params: [self, { name: 'size', kind: 'size' }],
  variants: ['method'],
  compose: (x: Tensor, size: readonly number[]): Tensor => {
    if (!expandsTo(size, x.sizes)) {
      const hint = `size {${size.join(', ')}} is not expandable to size {${x.sizes.join(', ')}}.`;
      throw new RuntimeError(
        message('sumToSize', `a size that expands to ${showShape(x.sizes)}`, showShape(size), hint),
      );
    }
    return size.length === 0 ? sum.impl(x, null, false, null) : sumTo(x, size);
  },
  tests: () => ({
    samples: [call([t([3, 5]), [1, 5]]), call([t([2, 3, 5]), [3, 1]]), call([t([3, 5]), [3, 5]])],
    errors: [{ args: [t([3, 5]), [2, 5]], throws: 'RuntimeError' }],
  }),
});
