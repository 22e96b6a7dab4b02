// Activations with parameters: glu halves a dim, prelu learns slopes, rrelu draws them.
import { computedIn, float64 } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor } from '../../core/factory.js';
import { wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { apply } from '../../pointwise/expr.js';
import { formula, p0, requireFloating } from '../../pointwise/fused-expression.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { filled } from '../indexing/index-kernels.js';
import { draw } from '../random/draws.js';

const f64 = { dtype: 'float64' };
const self: Param = { name: 'input', kind: 'tensor' };

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

const gated = formula('glu', 2, (a, b) => a!.mul(apply('sigmoid', b!)));
export const glu = defineOp({
  name: 'glu',
  torch: 'torch.nn.functional.glu',
  doc: 'The first half of `dim` times the sigmoid of the second half.',
  variants: ['function'],
  params: [self, { name: 'dim', kind: 'int', default: -1 }],
  compose: (x: Tensor, dim: number): Tensor => {
    if (x.ndim === 0) {
      const hint = 'glu does not support scalars because halving size must be even';
      refuse('glu', 'an input with dims', 'a 0-d tensor', hint);
    }
    const d = wrapDim('glu', dim, x.ndim);
    const size = x.sizes[d]!;
    if (size % 2 !== 0) {
      const hint = `Halving dimension must be even, but dimension ${d} is size ${size}`;
      refuse('glu', 'an even size', String(size), hint);
    }
    return gated([x.narrow(d, 0, size / 2), x.narrow(d, size / 2, size / 2)]);
  },
  tests: () => ({
    samples: [call([t([3, 4])]), call([t([4, 3], f64), 0]), call([t([2, 6, 2]), 1])],
    errors: [
      { args: [t([3])], throws: 'RuntimeError' },
      { args: [t([])], throws: 'RuntimeError' },
    ],
  }),
});

const sloped = formula('prelu', 2, (x, w) => x!.gt(0).where(x!, x!.mul(w!)));

/** The slope of each channel (dim 1) in a shape that broadcasts, or the one slope of all. */
function slopesFor(x: Tensor, weight: Tensor): Tensor {
  if (weight.ndim > 1) {
    const hint = `prelu: Expected \`weight\` to be a scalar or 1D tensor, but got: ndim = ${weight.ndim}`;
    refuse('prelu', 'a weight of at most 1 dim', showShape(weight.sizes), hint);
  }
  if (weight.length === 1) return weight.reshape(x.sizes.map(() => 1));
  if (x.ndim === 0) refuse('prelu', 'an input with dims', 'a 0-d tensor', 'Not allow zero-dim input tensor.');
  const channels = x.ndim === 1 ? 1 : x.sizes[1]!;
  if (weight.length !== channels) {
    const hint = `Mismatch of parameter numbers and input channel size. Found parameter numbers = ${weight.length} and channel size = ${channels}.`;
    refuse('prelu', `${channels} slopes`, String(weight.length), hint);
  }
  return weight.reshape(x.sizes.map((_, d) => (d === 1 ? channels : 1)));
}

export const prelu = defineOp({
  name: 'prelu',
  torch: 'torch.nn.functional.prelu',
  aliases: ['torch.prelu'],
  doc: 'input where it is above 0, else weight · input; one slope, or one for each channel (dim 1).',
  variants: ['function', 'method'],
  params: [self, { name: 'weight', kind: 'tensor' }],
  compose: (x: Tensor, weight: Tensor): Tensor => {
    const slopes = slopesFor(x, weight);
    if (x.dtype !== weight.dtype) {
      const hint = `prelu: Type promoting not supported. Got ${x.dtype.title} and ${weight.dtype.title}`;
      refuse('prelu', `a weight of ${x.dtype.name}`, weight.dtype.name, hint);
    }
    return sloped([x, slopes]);
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), t([1])]),
      call([t([2, 3, 4], f64), t([3], f64)]),
      call([t([]), t([])]),
      call([t([5], { fill: 'ties' }), t([])], {}, { noGrad: 'a kink' }),
    ],
    errors: [
      { args: [t([]), t([2])], throws: 'RuntimeError' },
      { args: [t([2, 8, 3]), t([9])], throws: 'RuntimeError' },
      { args: [t([2, 8, 3]), t([2, 4])], throws: 'RuntimeError' },
    ],
  }),
});

const leaky = formula('rrelu', 1, (x) => x!.gt(0).where(x!, x!.mul(p0!)));
const leaking = formula('rrelu', 2, (x, slope) => x!.gt(0).where(x!, x!.mul(slope!)));

/** Slopes for the elements that are not above 0, drawn in their order; 1 elsewhere. */
function slopesOf(x: Tensor, lower: number, upper: number): Tensor {
  const dtype = computedIn(x.dtype);
  const below = x.detach().le(0);
  const count = Number(below.sum().item());
  const [from, to] = dtype === float64 ? [lower, upper] : [Math.fround(lower), Math.fround(upper)];
  // Product and sum are rounded apart, where uniform_ has one fused multiply-add: PyTorch's kernel is another.
  const unit = draw(newTensor([count], float64), 'uniform', 0, 1, null);
  const drawn = unit.mul(to - from).add(from);
  return filled(x.sizes, 1, dtype).maskedScatter(below, drawn.to(dtype));
}

export const rrelu = defineOp({
  name: 'rrelu',
  torch: 'torch.nn.functional.rrelu',
  aliases: ['torch.rrelu'],
  doc: 'input above 0, else input times a slope: drawn from [lower, upper] for each element in training, else the middle.',
  variants: ['function'],
  params: [
    self,
    { name: 'lower', kind: 'scalar', default: 1 / 8 },
    { name: 'upper', kind: 'scalar', default: 1 / 3 },
    { name: 'training', kind: 'bool', default: false },
  ],
  compose: (x: Tensor, lower: number, upper: number, training: boolean): Tensor => {
    requireFloating('rrelu', x.dtype);
    if (lower > upper) {
      const hint = 'Lower bound should be less than or equal to the upper bound';
      refuse('rrelu', 'lower ≤ upper', `${lower} and ${upper}`, hint);
    }
    return training ? leaking([x, slopesOf(x, lower, upper)]).to(x.dtype) : leaky([x], [(lower + upper) / 2]);
  },
  tests: () => ({
    samples: [
      call([t([3, 5])]),
      call([t([5], f64), 0.25, 0.75]),
      call([t([3, 5]), 0, 1, true], {}, { valuesUndefined: true, noGrad: 'random numbers' }),
    ],
    errors: [{ args: [t([5, 5]), 0.3, 0.1], throws: 'RuntimeError' }],
  }),
});
