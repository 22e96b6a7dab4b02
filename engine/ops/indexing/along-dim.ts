// Gather and scatter along one dim by an index tensor of the result's shape, with gradients and checks. They declare no
// ops.
import { record } from '../../autograd/node.js';
import { int64 } from '../../core/dtype.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { scalarAs } from '../../core/scalar.js';
import { wrapDim } from '../../core/shape.js';
import { type Scalar, Tensor } from '../../core/tensor.js';
import { input } from '../../pointwise/expr.js';
import { reduce } from '../../pointwise/reduction.js';
import { applied, type Change, itself } from '../../registry/in-place.js';
import { type TensorOptions, t } from '../../registry/samples.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { embed, sliced } from '../views/geometry.js';
import { asLong, filled, getRaw, type PutMode, putRaw, requireMemory } from './index-kernels.js';

/** An int64 sample index with values in [0, high). */
export const ix = (shape: readonly number[], high: number, options: TensorOptions = {}) =>
  t(shape, { dtype: 'int64', fill: { low: 0, high }, ...options });

export function requireIndexDtype(op: string, index: Tensor, hint: string): void {
  if (index.dtype.name !== 'int64' && index.dtype.name !== 'int32') {
    throw new RuntimeError(message(op, 'an int32 or int64 index', index.dtype.name, hint));
  }
}

/** @throws what `error` makes of an index outside [0, size); negative ones do not wrap here. */
export function requireInside(index: Tensor, size: number, error: (at: number) => Error): void {
  if (index.length === 0) return;
  for (const reducer of ['min', 'max'] as const) {
    const found = reduce({
      op: 'index',
      reducer,
      prologue: input(0),
      inputs: [index],
      compute: int64,
      out: int64,
      reduced: index.sizes.map(() => true),
      keepdim: false,
    });
    const at = Number(found.item());
    if (at < 0 || at >= size) throw error(at);
  }
}

export const outOfBounds =
  (op: string, dim: number, size: number) =>
  (at: number): RuntimeError =>
    new RuntimeError(
      message(
        op,
        `indices in [0, ${size - 1}]`,
        String(at),
        `index ${at} is out of bounds for dimension ${dim} with size ${size}`,
      ),
    );

/** Shape and strides of a tensor; a 0-d one counts as having one dim of size 1. */
export function atLeast1d(x: Tensor): Tensor {
  return x.ndim > 0 ? x : seenAs(x, [1], [1]);
}

/** `x` in the shape of `index`, standing still along `dim`: what an index along `dim` moves. */
function driven(x: Tensor, dim: number, shape: readonly number[]): Tensor {
  return seenAs(
    x,
    shape,
    x.strides.map((s, d) => (d === dim ? 0 : s)),
  );
}

/** @throws RuntimeError unless `index` has as many dims as `x` and is no larger outside `dim`. */
export function requireFit(op: string, x: Tensor, dim: number, index: Tensor): void {
  const hint = 'Index tensor must have the same number of dimensions as';
  if (Math.max(x.ndim, 1) !== Math.max(index.ndim, 1)) {
    throw new RuntimeError(
      message(op, `an index of ${x.ndim} dims`, showShape(index.sizes), `${hint} input tensor`),
    );
  }
  index.sizes.forEach((size, d) => {
    if (d !== dim && size > (x.sizes[d] ?? 1)) {
      throw new RuntimeError(
        message(
          op,
          `an index no larger than ${showShape(x.sizes)}`,
          showShape(index.sizes),
          `Size does not match at dimension ${d} expected index ${showShape(index.sizes)} to be no larger than self ${showShape(x.sizes)} apart from dimension ${dim}`,
        ),
      );
    }
  });
}

/** The elements of `x` that `index` names along `dim`. A trusted index was checked before. */
export function gathered(x: Tensor, dim: number, index: Tensor, trusted = false): Tensor {
  const out = newTensor(index.sizes, x.dtype);
  if (out.length > 0) {
    const base = atLeast1d(x);
    const size = base.sizes[dim]!;
    const looks = atLeast1d(asLong(index));
    try {
      // A negative size: negative indices are refused, by the kernel's own check.
      getRaw('gather', atLeast1d(out), driven(base, dim, looks.sizes), [
        { index: looks, size: trusted ? size : -size, stride: base.strides[dim]! },
      ]);
    } catch (error) {
      if (error instanceof IndexError) requireInside(looks, size, outOfBounds('gather', dim, size));
      throw error;
    }
  }
  return record('GatherBackward0', out, [x], (save) => {
    const kept = save(index);
    const { sizes: shape } = x;
    return ([g]) => [
      applied(placing('scatterAdd', 'add', rawZeros(shape, g!.dtype), dim, kept.get(), g!, true), itself),
    ];
  });
}

/** Combines `source` (of at least the index's sizes, or 0-d) into `out` where `index` says along `dim`. No history. */
export function putAlong(
  op: string,
  mode: PutMode,
  out: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  trusted: boolean,
): void {
  if (index.length === 0) return;
  const looks = atLeast1d(asLong(index));
  const base = atLeast1d(out);
  const size = base.sizes[dim]!;
  if (!trusted) requireInside(looks, size, outOfBounds(op, dim, size));
  const values = source.ndim === 0 ? source : seenAs(source, looks.sizes, source.strides);
  putRaw(
    op,
    mode,
    driven(base, dim, looks.sizes),
    [{ index: looks, size, stride: base.strides[dim]! }],
    values,
  );
}

/** The change that puts `src` where `index` says along `dim`. A trusted index was checked before. */
export function placing(
  op: string,
  mode: PutMode,
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor | Scalar,
  trusted = false,
): Change {
  const tensor = src instanceof Tensor ? src : null;
  return {
    nodeName:
      op === 'scatterAdd' ? 'ScatterAddBackward0' : tensor === null ? 'ScatterBackward1' : 'ScatterBackward0',
    inputs: tensor === null ? [x] : [x, tensor],
    write: (out, sources) =>
      putAlong(
        op,
        mode,
        out,
        dim,
        index,
        tensor === null ? filled([], scalarAs(op, src as Scalar, x.dtype), x.dtype) : atLeast1d(sources[1]!),
        trusted,
      ),
    make: (save) => {
      const kept = save(index);
      const shape = tensor === null ? null : tensor.sizes;
      return ([g]) => [
        mode === 'add' ? g! : applied(placing('scatter', 'replace', g!, dim, kept.get(), 0, true)),
        ...(shape === null ? [] : [padded(gathered(g!, dim, kept.get(), true), shape)]),
      ];
    },
  };
}

/** A gradient of the part of `src` that an index of a smaller shape used, as one of all of it. */
function padded(g: Tensor, shape: readonly number[]): Tensor {
  let out = g;
  shape.forEach((size, d) => {
    const have = out.sizes[d] ?? 1;
    if (have === size) return;
    out = embed(
      'SliceBackward',
      out,
      out.sizes.map((s, k) => (k === d ? size : s)),
      (whole) => sliced(whole, d, 0, have),
    );
  });
  return out;
}

/** The wrapped dim of a call whose shapes and dtypes fit. @throws IndexError, RuntimeError */
export function checkPlacing(
  op: string,
  x: Tensor,
  rawDim: number,
  index: Tensor,
  src: Tensor | Scalar,
): number {
  const dim = wrapDim(op, rawDim, x.ndim);
  requireMemory(op, src instanceof Tensor ? [x, index, src] : [x, index]);
  if (index.length === 0) return dim;
  requireIndexDtype(op, index, 'scatter(): Expected dtype int32/int64 for index');
  if (src instanceof Tensor && src.dtype !== x.dtype) {
    throw new RuntimeError(
      message(
        op,
        `a src of dtype ${x.dtype.name}`,
        src.dtype.name,
        'scatter(): Expected self.dtype to be equal to src.dtype',
      ),
    );
  }
  requireFit(op, x, dim, index);
  if (src instanceof Tensor) requireSource(op, src, dim, index);
  return dim;
}

/** `placing`, checked. @throws IndexError, RuntimeError */
export function checkedPlacing(
  op: string,
  mode: PutMode,
  x: Tensor,
  rawDim: number,
  index: Tensor,
  src: Tensor | Scalar,
): Change {
  return placing(op, mode, x, checkPlacing(op, x, rawDim, index, src), index, src);
}

/** @throws RuntimeError unless `index` is no larger than `src`. */
function requireSource(op: string, src: Tensor, dim: number, index: Tensor): void {
  if (Math.max(src.ndim, 1) !== Math.max(index.ndim, 1)) {
    throw new RuntimeError(
      message(
        op,
        `a src of ${index.ndim} dims`,
        showShape(src.sizes),
        'Index tensor must have the same number of dimensions as src tensor',
      ),
    );
  }
  if (index.sizes.some((size, d) => size > (src.sizes[d] ?? 1))) {
    throw new RuntimeError(
      message(
        op,
        `a src no smaller than the index ${showShape(index.sizes)}`,
        showShape(src.sizes),
        `Expected index ${showShape(index.sizes)} to be no larger than self apart from dimension ${dim} and to be no larger size than src ${showShape(src.sizes)}`,
      ),
    );
  }
}
