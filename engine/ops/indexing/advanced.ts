// Advanced indexing: an index tensor (or null) for each dim, read (index) and written (index_put), by PyTorch's rules.
// Parsing of x.at(…) is in subscript.ts.
import { record } from '../../autograd/node.js';
import { IndexError, message, RuntimeError, showShape } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { broadcastStrides, expandsTo } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { applied, type Change, itself } from '../../registry/in-place.js';
import { rawZeros } from '../creation/copy-fill-cast.js';
import { asLong, filled, getRaw, type Look, nonzeroRaw, putRaw } from './index-kernels.js';

/** An int64 index for each dim of the indexed tensor; null where the whole dim is taken. */
export type DimIndices = readonly (Tensor | null)[];

export const isMask = (index: Tensor): boolean => index.dtype.name === 'bool' || index.dtype.name === 'uint8';

/** @throws IndexError unless the mask has the sizes of the dims that it stands for. */
export function requireMaskShape(x: Tensor, mask: Tensor, at: number): void {
  mask.sizes.forEach((size, k) => {
    if (size !== x.sizes[at + k]) {
      throw new IndexError(
        message(
          'index',
          `a mask of shape ${showShape(x.sizes.slice(at, at + mask.ndim))}`,
          showShape(mask.sizes),
          `The shape of the mask ${showShape(mask.sizes)} at index ${k} does not match the shape of the indexed tensor ${showShape(x.sizes)} at index ${at + k}`,
        ),
      );
    }
  });
}

/** One int64 index for each dim: masks become the coordinates of what they hold. @throws IndexError */
export function perDim(x: Tensor, given: readonly (Tensor | null | undefined)[]): DimIndices {
  const out = new Array<Tensor | null>(x.ndim).fill(null);
  for (let d = 0; d < given.length; d++) {
    const index = given[d];
    if (index === null || index === undefined) continue;
    const takes = isMask(index) ? index.ndim : 1;
    if (d + takes > x.ndim) {
      throw new IndexError(
        message(
          'index',
          `at most ${x.ndim} indices`,
          String(d + takes),
          `too many indices for tensor of dimension ${x.ndim}`,
        ),
      );
    }
    if (isMask(index)) {
      requireMaskShape(x, index, d);
      const found = nonzeroRaw(index);
      for (let k = 0; k < takes; k++)
        out[d + k] = seenAs(found, [found.sizes[0]!], [takes], found.offset + k);
    } else if (index.dtype.name === 'int64' || index.dtype.name === 'int32') out[d] = asLong(index);
    else
      throw new IndexError(
        message(
          'index',
          'int64, int32, uint8 or bool index tensors',
          index.dtype.name,
          'tensors used as indices must be long, int, byte or bool tensors',
        ),
      );
  }
  return out;
}

interface Plan {
  /** The result's shape, which is also what is walked over. */
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly looks: readonly Look[];
}

/** The shape that all indices broadcast to. @throws IndexError where they do not. */
function commonShape(indices: DimIndices): number[] {
  let shape: number[] = [];
  for (const index of indices) {
    if (index === null) continue;
    const n = Math.max(shape.length, index.ndim);
    const next: number[] = [];
    for (let i = 0; i < n; i++) {
      const a = shape[shape.length - n + i] ?? 1;
      const b = index.sizes[index.ndim - n + i] ?? 1;
      if (a !== b && a !== 1 && b !== 1) {
        const shapes = indices.filter((x) => x !== null).map((x) => showShape(x.sizes));
        throw new IndexError(
          message(
            'index',
            'index tensors that broadcast',
            shapes.join(' and '),
            `shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.join(', ')}`,
          ),
        );
      }
      next.push(a === 1 ? b : a);
    }
    shape = next;
  }
  return shape;
}

/** How the result lies over `x`: the indices' dims stand where the indices stood, or first where those were apart. */
function planOf(x: Tensor, indices: DimIndices): Plan {
  const common = commonShape(indices);
  const driven = indices.flatMap((index, d) => (index === null ? [] : [d]));
  const first = driven[0] ?? 0;
  const adjacent = driven.every((d, i) => d === first + i);
  const whole = x.sizes.map((_, d) => d).filter((d) => indices[d] === null);
  const lead = adjacent ? whole.filter((d) => d < first) : [];
  const rest = adjacent ? whole.filter((d) => d > first) : whole;
  const sizes = (dims: readonly number[]): number[] => dims.map((d) => x.sizes[d]!);
  const steps = (dims: readonly number[]): number[] => dims.map((d) => x.strides[d]!);
  const shape = [...sizes(lead), ...common, ...sizes(rest)];
  const strides = [...steps(lead), ...common.map(() => 0), ...steps(rest)];
  const looks = driven.map((d): Look => {
    const index = indices[d]!;
    const inner = broadcastStrides(index.sizes, index.strides, common);
    const own = [...lead.map(() => 0), ...inner, ...rest.map(() => 0)];
    if (x.sizes[d] === 0 && common.every((s) => s > 0)) {
      throw new IndexError(
        message(
          'index',
          'a dim to index',
          'one of size 0',
          'index is out of bounds for dimension with size 0',
        ),
      );
    }
    return { index: seenAs(index, shape, own), size: x.sizes[d]!, stride: x.strides[d]! };
  });
  return { shape, strides, looks };
}

/** The indexed elements as a new tensor. `given` has an int64, int32 or mask tensor, or null, for each dim. */
export function indexed(name: string, x: Tensor, given: readonly (Tensor | null | undefined)[]): Tensor {
  return read(name, x, perDim(x, given));
}

function read(name: string, x: Tensor, indices: DimIndices): Tensor {
  const plan = planOf(x, indices);
  const out = newTensor(plan.shape, x.dtype);
  getRaw('index', out, seenAs(x, plan.shape, plan.strides), plan.looks);
  return record(name, out, [x], (save) => {
    const kept = indices.map((index) => (index === null ? null : save(index)));
    const { sizes: shape } = x;
    return ([g]) => {
      const at = kept.map((index) => (index === null ? null : index.get()));
      return [applied(putting(rawZeros(shape, g!.dtype), at, g!, true), itself)];
    };
  });
}

/** The change that puts `values` (of `x`'s dtype, broadcast) where `indices` say; the last of equal places wins, or all add. */
export function putting(x: Tensor, indices: DimIndices, values: Tensor, accumulate: boolean): Change {
  const { shape } = planOf(x, indices);
  if (!expandsTo(values.sizes, shape)) {
    throw new RuntimeError(
      message(
        'indexPut',
        `values that broadcast to ${showShape(shape)}`,
        showShape(values.sizes),
        `shape mismatch: value tensor of shape ${showShape(values.sizes)} cannot be broadcast to indexing result of shape ${showShape(shape)}`,
      ),
    );
  }
  if (values.dtype !== x.dtype) {
    throw new RuntimeError(
      message(
        'indexPut',
        `values of dtype ${x.dtype.name}`,
        values.dtype.name,
        `Index put requires the source and destination dtypes match, got ${x.dtype.title} for the destination and ${values.dtype.title} for the source.`,
      ),
    );
  }
  return {
    nodeName: 'IndexPutBackward0',
    inputs: [x, values],
    write: (out, sources) => {
      const plan = planOf(out, indices);
      putRaw(
        'indexPut',
        accumulate ? 'add' : 'replace',
        seenAs(out, plan.shape, plan.strides),
        plan.looks,
        sources[1]!,
      );
    },
    make: (save) => {
      const kept = indices.map((index) => (index === null ? null : save(index)));
      return ([g]) => {
        const at = kept.map((index) => (index === null ? null : index.get()));
        const own = accumulate ? g! : applied(putting(g!, at, filled([], 0, g!.dtype), false));
        return [own, read('IndexBackward0', g!, at)];
      };
    },
  };
}
