// Joining: cat, stack, hstack, vstack. Their kernel is a pointwise copy into parts of a fresh result.
import { record } from '../../autograd/node.js';
import { promoteTypes } from '../../core/dtype.js';
import { message, RuntimeError, showShape, ValueError } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { sameShape, wrapDim } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type OpTests, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { requireMemory } from '../indexing/index-kernels.js';
import { selected, sliced, unsqueezed } from '../views/geometry.js';

const tensors: Param = { name: 'tensors', kind: 'tensors' };
const dim0: Param = { name: 'dim', kind: 'int', default: 0 };

/** An empty 1-d tensor is left out of a cat, whatever the others' shape: PyTorch keeps this for old code. */
const isSkipped = (x: Tensor): boolean => x.ndim === 1 && x.sizes[0] === 0;

/** The shape of a cat. @throws RuntimeError where the tensors do not fit each other. */
function joinedShape(op: string, xs: readonly Tensor[], like: Tensor, dim: number): number[] {
  const shape = [...like.sizes];
  shape[dim] = 0;
  xs.forEach((x, i) => {
    if (isSkipped(x)) return;
    if (x.ndim !== like.ndim) {
      throw new RuntimeError(
        message(
          op,
          `tensors of ${like.ndim} dims`,
          showShape(x.sizes),
          `Tensors must have same number of dimensions: got ${like.ndim} and ${x.ndim}`,
        ),
      );
    }
    x.sizes.forEach((size, d) => {
      if (d !== dim && size !== like.sizes[d]) {
        throw new RuntimeError(
          message(
            op,
            `tensors that differ in dim ${dim} only`,
            `${showShape(like.sizes)} and ${showShape(x.sizes)}`,
            `Sizes of tensors must match except in dimension ${dim}. Expected size ${like.sizes[d]} but got size ${size} for tensor number ${i} in the list.`,
          ),
        );
      }
    });
    shape[dim] = shape[dim]! + x.sizes[dim]!;
  });
  return shape;
}

/** Tensors one after another along a dim. @throws ValueError, RuntimeError, naming `op` */
export function joined(xs: readonly Tensor[], rawDim: number, op = 'cat'): Tensor {
  if (xs.length === 0)
    throw new ValueError(
      message(op, 'at least one tensor', 'none', 'torch.cat(): expected a non-empty list of Tensors'),
    );
  requireMemory(op, xs);
  const zeroDim = xs.findIndex((x) => x.ndim === 0);
  if (zeroDim >= 0)
    throw new RuntimeError(
      message(
        op,
        'tensors with dims',
        'a 0-d tensor',
        `zero-dimensional tensor (at position ${zeroDim}) cannot be concatenated`,
      ),
    );
  let { dtype } = xs[0]!;
  for (let i = 1; i < xs.length; i++) dtype = promoteTypes(dtype, xs[i]!.dtype);
  const like = xs.find((x) => !isSkipped(x));
  if (like === undefined)
    return record('CatBackward0', newTensor([0], dtype), xs, () => () => {
      return xs.map((x) => rawZeros([0], x.dtype));
    });
  const dim = wrapDim(op, rawDim, like.ndim);
  const out = newTensor(joinedShape(op, xs, like, dim), dtype);
  const starts: number[] = [];
  let at = 0;
  for (const x of xs) {
    starts.push(at);
    if (isSkipped(x)) continue;
    const offset = out.offset + at * out.strides[dim]!;
    rawCopy(seenAs(out, x.sizes, out.strides, offset), x);
    at += x.sizes[dim]!;
  }
  return record('CatBackward0', out, xs, (_save, node) => {
    const shapes = xs.map((x) => x.sizes);
    const skipped = xs.map(isSkipped);
    return ([g]) =>
      shapes.map((shape, i) => {
        if (node.next[i] === null) return null;
        return skipped[i] ? rawZeros([0], g!.dtype) : sliced(g!, dim, starts[i]!, shape[dim]!);
      });
  });
}

export const cat = defineOp({
  name: 'cat',
  aliases: ['torch.concat', 'torch.concatenate'],
  numpy: 'numpy.concatenate',
  doc: 'Tensors one after another along a dim, in the promoted dtype.',
  params: [tensors, dim0],
  variants: ['function'],
  kernel: (xs: readonly Tensor[], dim: number): Tensor => joined(xs, dim),
  out: { castable: true },
  tests: () => ({
    samples: [
      call([[t([3, 5]), t([2, 5]), t([7, 5])]]),
      call([[t([3, 5]), t([3, 2])], -1]),
      call([[t([3, 5], { layout: 'transposed' }), t([1, 5], { layout: 'strided' })]]),
      call([[t([3, 0]), t([3, 5])], 1]),
      call([[t([0]), t([3, 5])], 1]),
      call([[t([0]), t([0])], 0]),
      call([[t([3], { dtype: 'int64' }), t([2])]]),
      call([[t([3], { dtype: 'uint8', fill: { low: 0, high: 9 } }), t([2], { dtype: 'int8' })]]),
      call([[t([3], { dtype: 'bool' }), t([2], { dtype: 'bool' })]]),
      call([[t([2, 3, 5])], 1]),
    ],
    errors: [
      { args: [[]], throws: 'ValueError' },
      { args: [[t([]), t([])]], throws: 'RuntimeError' },
      { args: [[t([3, 5]), t([3, 4])]], throws: 'RuntimeError' },
      { args: [[t([3, 5]), t([5])]], throws: 'RuntimeError' },
      { args: [[t([3, 5])], 2], throws: 'IndexError' },
    ],
    bench: [call([[t([1000, 500]), t([1000, 500])], 1])],
  }),
});

export const stack = defineOp({
  name: 'stack',
  numpy: 'numpy.stack',
  doc: 'Tensors of one shape along a new dim, in the promoted dtype.',
  params: [tensors, dim0],
  variants: ['function'],
  kernel: (xs: readonly Tensor[], rawDim: number): Tensor => {
    const first = xs[0];
    if (first === undefined)
      throw new RuntimeError(
        message('stack', 'at least one tensor', 'none', 'stack expects a non-empty TensorList'),
      );
    requireMemory('stack', xs);
    const dim = wrapDim('stack', rawDim, first.ndim + 1);
    xs.forEach((x, i) => {
      if (!sameShape(x.sizes, first.sizes)) {
        throw new RuntimeError(
          message(
            'stack',
            'tensors of one shape',
            `${showShape(first.sizes)} and ${showShape(x.sizes)}`,
            `stack expects each tensor to be equal size, but got ${showShape(first.sizes)} at entry 0 and ${showShape(x.sizes)} at entry ${i}`,
          ),
        );
      }
    });
    let { dtype } = xs[0]!;
    for (let i = 1; i < xs.length; i++) dtype = promoteTypes(dtype, xs[i]!.dtype);
    const out = newTensor([...first.sizes.slice(0, dim), xs.length, ...first.sizes.slice(dim)], dtype);
    const strides = out.strides.filter((_, d) => d !== dim);
    xs.forEach((x, i) => {
      rawCopy(seenAs(out, x.sizes, strides, out.offset + i * out.strides[dim]!), x);
    });
    return record(
      'StackBackward0',
      out,
      xs,
      (_save, node) =>
        ([g]) =>
          xs.map((_, i) => (node.next[i] === null ? null : selected('stack', g!, dim, i))),
    );
  },
  tests: () => ({
    samples: [
      call([[t([3, 5]), t([3, 5])]]),
      call([[t([3, 5]), t([3, 5], { layout: 'transposed' }), t([3, 5])], -1]),
      call([[t([]), t([], { dtype: 'int64' })]]),
      call([[t([3, 0]), t([3, 0])], 1]),
      call([[t([3], { dtype: 'uint8', fill: { low: 0, high: 9 } }), t([3], { dtype: 'bool' })]]),
    ],
    errors: [
      { args: [[]], throws: 'RuntimeError' },
      { args: [[t([3, 5]), t([5])]], throws: 'RuntimeError' },
      { args: [[t([3]), t([3])], 2], throws: 'IndexError' },
    ],
  }),
});

/** With leading dims of size 1 up to `ndim`. */
function atLeast(x: Tensor, ndim: number): Tensor {
  let y = x;
  while (y.ndim < ndim) y = unsqueezed(y, 0);
  return y;
}

interface Stacking {
  readonly name: string;
  readonly python: string;
  readonly aliases?: readonly string[];
  readonly doc: string;
  /** What each tensor becomes first, and the dim along which they are then joined. */
  readonly form: (x: Tensor) => Tensor;
  readonly dim: (first: Tensor) => number;
  readonly tests: () => OpTests;
}

/** An op that joins a list of tensors after each has been given a common form. */
export function stackingOp({ name, python, form, dim, tests, ...rest }: Stacking) {
  return defineOp({
    name,
    numpy: `numpy.${python}`,
    ...rest,
    params: [tensors],
    variants: ['function'],
    gradName: 'CatBackward0',
    compose: (xs: readonly Tensor[]): Tensor => {
      if (xs.length === 0) {
        const hint = `${python} expects a non-empty TensorList`;
        throw new RuntimeError(message(name, 'at least one tensor', 'none', hint));
      }
      const formed = xs.map(form);
      return joined(formed, dim(formed[0]!), name);
    },
    tests: () => ({ ...tests(), errors: [{ args: [[]], throws: 'RuntimeError' }] }),
  });
}

export const hstack = stackingOp({
  name: 'hstack',
  python: 'hstack',
  doc: 'Tensors side by side: along dim 1, or dim 0 where they are 1-d.',
  form: (x) => atLeast(x, 1),
  dim: (first) => (first.ndim === 1 ? 0 : 1),
  tests: () => ({
    samples: [call([[t([3, 5]), t([3, 2])]]), call([[t([3]), t([2])]]), call([[t([]), t([])]])],
  }),
});

export const vstack = stackingOp({
  name: 'vstack',
  python: 'vstack',
  aliases: ['torch.row_stack'],
  doc: 'Tensors one below the other; 1-d ones are rows.',
  form: (x) => atLeast(x, 2),
  dim: () => 0,
  tests: () => ({ samples: [call([[t([5]), t([3, 5])]]), call([[t([]), t([])]])] }),
});
