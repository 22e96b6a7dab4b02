// Complex numbers: making them, taking them apart, and views as real numbers. Complex arithmetic is in
// engine/pointwise/complex/.
import { record } from '../../autograd/node.js';
import { complexOf, type DType, partOf } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import { viewOf } from '../../core/factory.js';
import { Tensor } from '../../core/tensor.js';
import { apply, type Expr } from '../../pointwise/expr.js';
import { defineOp, definePointwise, type OpDef, type Param } from '../../registry/define.js';
import { requireOneDType } from '../../registry/overloads.js';
import { call, type Fill, type Sample, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';

const self: Param = { name: 'input', kind: 'tensor' };
const notFloats = (d: DType): string | null => (d.isFloatingPoint ? null : 'float32 or float64');
const c64 = (shape: readonly number[], more: object = {}) => t(shape, { dtype: 'complex64', ...more });

/** @throws RuntimeError unless both are float tensors of one dtype. */
function requireParts(op: string, [a, b]: readonly unknown[]): void {
  for (const x of [a, b]) {
    if (
      x instanceof Tensor &&
      x.dtype.name !== 'float32' &&
      x.dtype.name !== 'float64' &&
      x.dtype.name !== 'float16'
    ) {
      const hint = `Expected both inputs to be Half, Float or Double tensors but got ${x.dtype.title}`;
      throw new RuntimeError(message(op, 'float32 or float64', x.dtype.name, hint));
    }
  }
  requireOneDType(op, [a, b]);
}

function fromParts(
  name: string,
  params: readonly Param[],
  doc: string,
  root: (a: Expr, b: Expr) => Expr,
  fill: Fill = 'normal',
  more: Partial<Pick<OpDef, 'out'>> = {},
) {
  return definePointwise({
    name,
    doc,
    params,
    variants: ['function'],
    ...more,
    check: (call) => requireParts(name, call),
    refuse: notFloats,
    promote: 'parts',
    pointwise: (a: Expr, b: Expr) => root(a, b),
    tests: () => ({
      fill,
      samples: [
        call([t([3, 5], { fill }), t([5], { fill })]),
        call([t([2], { dtype: 'float64', fill }), t([2], { dtype: 'float64', fill })]),
      ],
      errors: [
        { args: [t([2], { dtype: 'int64' }), t([2], { dtype: 'int64' })], throws: 'RuntimeError' },
        { args: [t([2]), t([2], { dtype: 'float64' })], throws: 'RuntimeError' },
      ],
    }),
  });
}
const tensorParam = (name: string): Param => ({ name, kind: 'tensor' });

export const complex = fromParts(
  'complex',
  [tensorParam('real'), tensorParam('imag')],
  'Complex numbers from their real and imaginary parts, two tensors of one floating dtype.',
  (re, im) => apply('complex', re, im),
  'normal',
  { out: {} },
);
export const polar = fromParts(
  'polar',
  [tensorParam('abs'), tensorParam('angle')],
  'Complex numbers from their sizes and angles in radians.',
  (size, angle) => apply('complex', size.mul(apply('cos', angle)), size.mul(apply('sin', angle))),
  // Where a size is negative, PyTorch's gradient has the wrong sign.
  'positive',
);

const complexSamples = (): readonly Sample[] => [
  call([c64([3, 5])]),
  call([c64([5, 3], { layout: 'transposed' })]),
  call([t([3], { dtype: 'complex128' })]),
];

export const conj = conjugate('conj', 'The complex conjugate; real tensors as they are.');
export const conjPhysical = conjugate('conjPhysical', 'The complex conjugate, written to memory.');

function conjugate(name: string, doc: string) {
  return definePointwise({
    name: `${name}`,
    doc,
    params: [self],
    ...(name === 'conj' ? { variants: ['function', 'method'] as const } : {}),
    pointwise: (x: Expr) => apply('conj', x),
    // A real tensor is its own conjugate.
    overloads: () => ({
      choose: (x) => (x instanceof Tensor && !x.dtype.isComplex ? { impl: () => x } : null),
    }),
    tests: () => ({ samples: [...complexSamples(), call([t([3])])] }),
  });
}

export const angle = definePointwise({
  name: 'angle',
  numpy: 'numpy.angle',
  doc: 'The angle of complex numbers, in radians; of real ones π below 0 and 0 elsewhere.',
  params: [self],
  variants: ['function', 'method'],
  promote: 'float',
  pointwise: (x: Expr) => apply('angle', x),
  tests: () => ({ samples: [...complexSamples(), call([t([3, 5])]), call([t([3], { dtype: 'int64' })])] }),
});

/** @throws RuntimeError for a real tensor. */
function requireComplex(op: string, x: Tensor, hint: string): void {
  if (x.dtype.isComplex) return;
  throw new RuntimeError(message(op, 'a complex tensor', x.dtype.name, hint));
}

const doubled = (strides: readonly number[]): number[] => strides.map((s) => 2 * s);

/** The parts of complex numbers as a last dim of two, over the same memory. */
export function asReal(x: Tensor): Tensor {
  const view = viewOf(x, [...x.sizes, 2], [...doubled(x.strides), 1], 2 * x.offset, partOf(x.dtype));
  return record('ViewAsRealBackward0', view, [x], () => ([g]) => [asComplex(g!)]);
}
/** The other way round; a gradient without dense parts is copied. */
export function asComplex(x: Tensor): Tensor {
  const dense = fits(x) ? x : x.contiguous();
  const strides = dense.strides.slice(0, -1).map((s) => s / 2);
  const view = viewOf(dense, x.sizes.slice(0, -1), strides, dense.offset / 2, complexOf(x.dtype));
  return record('ViewAsComplexBackward0', view, [dense], () => ([g]) => [asReal(g!)]);
}
function fits(x: Tensor): boolean {
  const last = x.ndim - 1;
  const even = (d: number): boolean => x.sizes[d] === 1 || x.strides[d]! % 2 === 0;
  return x.strides[last] === 1 && x.offset % 2 === 0 && x.strides.slice(0, -1).every((_, d) => even(d));
}

export const viewAsReal = defineOp({
  name: 'viewAsReal',
  doc: 'The parts of complex numbers as a last dim of two, a view.',
  params: [self],
  variants: ['function'],
  kernel: (x: Tensor): Tensor => {
    requireComplex('viewAsReal', x, 'view_as_real is only supported for complex tensors');
    return asReal(x);
  },
  tests: () => ({ samples: complexSamples(), errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});

export const viewAsComplex = defineOp({
  name: 'viewAsComplex',
  doc: 'A last dim of two as the parts of complex numbers, a view; it must be dense.',
  params: [self],
  variants: ['function'],
  kernel: (x: Tensor): Tensor => {
    const refuse = (required: string, got: string, hint: string): never => {
      throw new RuntimeError(message('viewAsComplex', required, got, hint));
    };
    if (x.dtype.name !== 'float32' && x.dtype.name !== 'float64') {
      const hint = `view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: ${x.dtype.title}`;
      refuse('float32 or float64', x.dtype.name, hint);
    }
    if (x.ndim === 0)
      refuse('a last dim of 2', 'a 0-d tensor', 'Input tensor must have one or more dimensions');
    if (x.sizes.at(-1) !== 2)
      refuse('a last dim of 2', showShape(x.sizes), 'Tensor must have a last dimension of size 2');
    if (!fits(x)) {
      const hint =
        x.strides.at(-1) !== 1
          ? 'Tensor must have a last dimension with stride 1'
          : x.offset % 2 !== 0
            ? 'Tensor must have a storage_offset divisible by 2'
            : 'Tensor must have a stride divisible by 2 for all but last dimension';
      refuse('parts side by side', `strides ${showShape(x.strides)}`, hint);
    }
    return asComplex(x);
  },
  tests: () => ({
    samples: [
      call([t([3, 2], { layout: 'contiguous' })]),
      call([t([2, 3, 2], { dtype: 'float64', layout: 'contiguous' })]),
    ],
    errors: [
      { args: [t([3])], throws: 'RuntimeError' },
      { args: [t([2], { dtype: 'int64' })], throws: 'RuntimeError' },
    ],
  }),
});

/** One part of complex numbers, a view. */
function partView(name: string, x: Tensor, at: 0 | 1): Tensor {
  const view = viewOf(x, x.sizes, doubled(x.strides), 2 * x.offset + at, partOf(x.dtype));
  // PyTorch takes it from view_as_real, and its node is the last step's.
  return record(name, view, [x], () => ([g]) => [
    at === 0 ? complex.impl(g!, zerosOf(g!)) : complex.impl(zerosOf(g!), g!),
  ]);
}
const zerosOf = (g: Tensor): Tensor => rawZeros(g.sizes, g.dtype);

export const real = defineOp({
  name: 'real',
  numpy: 'numpy.real',
  doc: 'The real part, a view; real tensors as they are.',
  params: [self],
  variants: ['function', 'property'],
  gradName: 'SelectBackward0',
  kernel: (x: Tensor): Tensor => (x.dtype.isComplex ? partView('SelectBackward0', x, 0) : x),
  tests: () => ({ samples: [...complexSamples(), call([t([3])])] }),
});
export const imag = defineOp({
  name: 'imag',
  numpy: 'numpy.imag',
  doc: 'The imaginary part, a view.',
  params: [self],
  variants: ['function', 'property'],
  gradName: 'SelectBackward0',
  kernel: (x: Tensor): Tensor => {
    requireComplex('imag', x, 'imag is not implemented for tensors with non-complex dtypes.');
    return partView('SelectBackward0', x, 1);
  },
  tests: () => ({ samples: complexSamples(), errors: [{ args: [t([3])], throws: 'RuntimeError' }] }),
});

function itself(name: string, doc: string) {
  return defineOp({
    name,
    doc,
    params: [self],
    compose: (x: Tensor): Tensor => x,
    tests: () => ({ samples: [call([t([3])]), call([c64([3])])] }),
  });
}
export const resolveConj = itself('resolveConj', 'The tensor itself: conjugates are always written.');
export const resolveNeg = itself('resolveNeg', 'The tensor itself: negatives are always written.');

function question(
  name: string,
  doc: string,
  answer: (x: Tensor) => boolean,
  variants: readonly ('function' | 'method')[],
) {
  return defineOp({
    name,
    doc,
    params: [self],
    variants,
    returns: 'boolean',
    compose: answer,
    notDifferentiable: 'the answer is a boolean',
    tests: () => ({ samples: [call([t([3])]), call([c64([3])])] }),
  });
}
export const isComplex = question('isComplex', 'Whether the dtype is complex.', (x) => x.dtype.isComplex, [
  'function',
  'method',
]);
export const isConj = question('isConj', 'Always false: conjugates are written at once.', () => false, [
  'function',
  'method',
]);
export const isNeg = question('isNeg', 'Always false: negatives are written at once.', () => false, [
  'function',
  'method',
]);
