// max, min, amax, amin, aminmax, argmax, argmin.
import { record } from '../../autograd/node.js';
import { type DType, int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { wrapDim } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { input } from '../../pointwise/expr.js';
import { reduce, reduceWithIndex } from '../../pointwise/reduction.js';
import { defineOp, type Extremes, extremes } from '../../registry/define.js';
import { dimsOf, maskOf } from '../../registry/dims.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { type Dims, dims, keepdimParam, requireElements, restored, self } from './sum-mean-prod.js';

const x0 = input(0);
type Side = 'max' | 'min';

const samples = (): readonly Sample[] => [
  call([t([3, 5, 7], { fill: 'distinct' }), 1]),
  call([t([3, 5, 7], { fill: 'distinct' }), -1, true]),
  call([t([5, 7], { fill: 'distinct', layout: 'transposed' }), 0]),
  call([t([5, 7], { fill: 'distinct', layout: 'strided' }), 1]),
  call([t([2, 1031], { fill: 'distinct' }), 1]),
  call([t([1031, 3], { fill: 'distinct' }), 0]),
  call([t([3, 5], { dtype: 'float64', fill: 'distinct' }), 1]),
  call([t([3, 5], { dtype: 'int64' }), 1]),
  call([t([3, 5], { dtype: 'uint8', fill: { low: 0, high: 250 } }), 0]),
  call([t([4, 9], { fill: 'special' }), 1], {}, { noGrad: 'special values' }),
];
const whole = (): readonly Sample[] => [
  call([t([3, 5], { fill: 'distinct' })]),
  call([t([])]),
  call([t([3, 5], { dtype: 'bool' })]),
  call([t([3, 5], { dtype: 'int32' })]),
];
const ties = () => call([t([3, 7], { fill: 'ties' }), 1]);

/** Spreads a gradient evenly over the elements that equal the extreme, as torch.amax does. */
function evenly(x: Tensor, extreme: Tensor, g: Tensor, over: readonly number[]): Tensor {
  const hit = x.eq(extreme);
  return g.div(hit.sum(over, true)).mul(hit);
}

function emptyError(op: string, x: Tensor): Error {
  return new RuntimeError(
    message(
      op,
      'at least one element',
      showShape(x.sizes),
      `${op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
    ),
  );
}

function over(name: string, side: Side, doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self, { ...dims, default: [] }, keepdimParam],
    out: {},
    kernel: (x: Tensor, dim: Dims, keepdim: boolean): Tensor =>
      extremeOver(name, side, x, dim, keepdim, `${name === 'amax' ? 'Amax' : 'Amin'}Backward0`),
    tests: () => ({
      samples: [...samples(), ...whole(), ties(), call([t([3, 5, 2], { fill: 'distinct' }), [0, 2], true])],
      errors: [
        { args: [t([3, 0]), 1], throws: 'IndexError' },
        { args: [t([3, 2]), 2], throws: 'IndexError' },
      ],
    }),
  });
}

function extremeOver(op: string, side: Side, x: Tensor, dim: Dims, keepdim: boolean, node: string): Tensor {
  const list = dimsOf(op, dim, x.ndim);
  const mask = maskOf(list, x.ndim);
  if (x.length === 0 && (dim === null || (Array.isArray(dim) && dim.length === 0))) throw emptyError(op, x);
  requireElements(op, x, list);
  const out = reduce({
    op,
    reducer: side,
    prologue: x0,
    inputs: [x],
    compute: x.dtype,
    out: x.dtype,
    reduced: mask,
    keepdim,
  });
  return record(node, out, [x], (save) => {
    const saved = save(x);
    const result = save(out);
    return ([g]) => {
      const v = saved.get();
      return [
        evenly(v, restored(result.get(), v.sizes, mask, keepdim), restored(g!, v.sizes, mask, keepdim), list),
      ];
    };
  });
}
export const amax = over(
  'amax',
  'max',
  'The maximum over `dim` (all dims by default); ties share the gradient.',
);
export const amin = over(
  'amin',
  'min',
  'The minimum over `dim` (all dims by default); ties share the gradient.',
);

/** Extreme values along one dim with their first indices; the gradient goes to that element. */
function alongDim(op: string, side: Side, x: Tensor, dim: number, keepdim: boolean): Extremes {
  const d = wrapDim(op, dim, x.ndim);
  if (x.ndim > 0) requireElements(op, x, [d]);
  const mask = maskOf(x.ndim === 0 ? [] : [d], x.ndim);
  const found =
    x.ndim === 0
      ? {
          values: reduce({
            op,
            reducer: side,
            prologue: x0,
            inputs: [x],
            compute: x.dtype,
            out: x.dtype,
            reduced: [],
            keepdim,
          }),
          indices: rawZeros([], int64),
        }
      : reduceWithIndex({
          op,
          reducer: side === 'max' ? 'argmax' : 'argmin',
          prologue: x0,
          inputs: [x],
          compute: x.dtype,
          out: x.dtype,
          reduced: mask,
          keepdim,
        });
  const { indices } = found;
  const { sizes: shape } = x;
  record(`${side === 'max' ? 'Max' : 'Min'}Backward0`, found.values, [x], (save) => {
    const kept = save(indices);
    return ([g]) => {
      if (shape.length === 0) return [g!];
      const at = restored(kept.get(), shape, mask, keepdim);
      return [zerosOf(shape, g!).scatter(d, at, restored(g!, shape, mask, keepdim))];
    };
  });
  return extremes(found.values, indices);
}

export const aminmax = defineOp({
  name: 'aminmax',
  doc: 'The minimum and the maximum along `dim`, or of all elements, as { min, max }; ties share the gradient.',
  params: [
    self,
    { name: 'dim', kind: 'int', default: null, keyword: true },
    { ...keepdimParam, keyword: true },
  ],
  returns: '[Tensor, Tensor] & { min: Tensor; max: Tensor }',
  compose: (x: Tensor, dim: number | null, keepdim: boolean) => {
    if (dim === null && x.length === 0) {
      const hint = 'cannot compute aminmax over an empty dimension as the operation has no identity';
      throw new RuntimeError(message('aminmax', 'at least one element', showShape(x.sizes), hint));
    }
    const [least, most] = (['min', 'max'] as const).map((side) =>
      extremeOver('aminmax', side, x, dim, keepdim, 'AminmaxBackward0'),
    ) as [Tensor, Tensor];
    return Object.assign([least, most] as [Tensor, Tensor], { min: least, max: most });
  },
  out: { pair: true },
  tests: () => ({
    samples: [
      call([t([3, 5], { fill: 'distinct' })]),
      call([t([3, 5, 2], { fill: 'distinct', layout: 'transposed' })], { dim: 1, keepdim: true }),
      call([t([])], { dim: 0 }),
      call([t([7], { dtype: 'int64' })]),
    ],
    errors: [
      { args: [t([5, 0, 5])], throws: 'RuntimeError' },
      { args: [t([5, 0, 5])], kwargs: { dim: 1 }, throws: 'IndexError' },
    ],
  }),
});

function zerosOf(shape: readonly number[], g: Tensor): Tensor {
  return rawZeros(shape, g.dtype);
}

function extreme(name: Side, pairwise: 'maximum' | 'minimum', doc: string) {
  return defineOp({
    name,
    doc,
    params: [self, { name: 'dim', kind: 'any', type: 'number | Tensor', default: null }, keepdimParam],
    returns: 'Tensor | Extremes',
    signatures: ['(): Tensor', '(dim: number, keepdim?: boolean): Extremes', '(other: Tensor): Tensor'],
    kernel: (x: Tensor, dim: unknown, keepdim: boolean): Tensor | Extremes => {
      if (dim instanceof Tensor) return x[pairwise](dim);
      if (dim !== null) return alongDim(name, name, x, dim as number, keepdim);
      if (x.length === 0) throw emptyError(name, x);
      return extremeOver(name, name, x, null, false, `${name === 'max' ? 'Max' : 'Min'}Backward1`);
    },
    tests: () => ({
      samples: [...samples(), ...whole(), call([t([3, 5]), t([5])])],
      errors: [
        { args: [t([0])], throws: 'RuntimeError' },
        { args: [t([3, 0]), 1], throws: 'IndexError' },
      ],
    }),
  });
}
export const max = extreme(
  'max',
  'maximum',
  'The maximum of all elements, or {values, indices} along a dim, or the elementwise maximum with another tensor.',
);
export const min = extreme(
  'min',
  'minimum',
  'The minimum of all elements, or {values, indices} along a dim, or the elementwise minimum with another tensor.',
);

function argExtreme(name: 'argmax' | 'argmin', doc: string) {
  return defineOp({
    name,
    numpy: `numpy.${name}`,
    doc,
    params: [self, { name: 'dim', kind: 'int', default: null }, keepdimParam],
    kernel: (x: Tensor, dim: number | null, keepdim: boolean): Tensor => {
      if (x.dtype.name === 'bool') throw notForBool(name, x.dtype);
      if (x.dtype.isComplex) {
        const hint = `${name}(): does not support complex input`;
        throw new RuntimeError(message(name, 'a real dtype', x.dtype.name, hint));
      }
      if (dim === null && x.length === 0) {
        throw new IndexError(
          message(
            name,
            'at least one element',
            showShape(x.sizes),
            `${name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
          ),
        );
      }
      const over = dimsOf(name, dim, x.ndim);
      requireElements(name, x, over);
      if (x.ndim === 0) return rawZeros([], int64);
      return reduceWithIndex({
        op: name,
        reducer: name,
        prologue: x0,
        inputs: [x],
        compute: x.dtype,
        out: x.dtype,
        reduced: maskOf(over, x.ndim),
        keepdim,
      }).indices;
    },
    notDifferentiable: 'the result is an index',
    tests: () => ({
      samples: [
        ...samples(),
        call([t([3, 5], { fill: 'distinct' })]),
        call([t([])]),
        ties(),
        call([t([3, 5], { fill: 'ties', layout: 'transposed' })]),
      ],
      errors: [{ args: [t([0])], throws: 'IndexError' }],
    }),
  });
}
function notForBool(op: string, d: DType): Error {
  return new RuntimeError(message(op, 'a number dtype', d.name, `"${op}_cpu" not implemented for 'Bool'`));
}
export const argmax = argExtreme(
  'argmax',
  'The index of the first maximum along `dim`, or in the flattened tensor.',
);
export const argmin = argExtreme(
  'argmin',
  'The index of the first minimum along `dim`, or in the flattened tensor.',
);
