// Repetition and rotation: repeat, tile, repeatInterleave, roll. Their kernel is a pointwise copy into parts of a fresh
// result.
import { support } from '../../autograd/engine.js';
import { record } from '../../autograd/node.js';
import {
  ArgumentError,
  IndexError,
  message,
  NotImplementedError,
  RuntimeError,
  showShape,
} from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { checkSizes, contiguousStrides, wrapDim } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { rawCast } from '../creation/copy-fill-cast.js';
import { longTable, requireMemory } from '../indexing/index-kernels.js';
import { indexSelect } from '../indexing/index-select.js';
import { expanded, reshaped, unsqueezed } from '../views/geometry.js';

const self: Param = { name: 'input', kind: 'tensor' };

function repeated(op: string, x: Tensor, repeats: readonly number[]): Tensor {
  const lead = repeats.length - x.ndim;
  if (lead < 0) {
    throw new RuntimeError(
      message(
        op,
        `at least ${x.ndim} repeats`,
        showShape(repeats),
        'Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor',
      ),
    );
  }
  requireMemory(op, [x]);
  const sizes = repeats.map((_, d) => (d < lead ? 1 : x.sizes[d - lead]!));
  const out = newTensor(
    checkSizes(
      op,
      repeats.map((r, d) => r * sizes[d]!),
    ),
    x.dtype,
  );
  const split = repeats.flatMap((r, d) => [r, sizes[d]!]);
  const once = sizes.flatMap((s) => [1, s]);
  const strides = sizes.flatMap((_, d) => [0, d < lead ? 0 : x.strides[d - lead]!]);
  if (out.length > 0) rawCopy(seenAs(out, split, contiguousStrides(split)), seenAs(x, once, strides));
  const { sizes: shape } = x;
  return record('RepeatBackward0', out, [x], () => ([g]) => [
    reshaped(support.sumTo(reshaped(g!, split), once), shape),
  ]);
}

export const repeat = defineOp({
  name: 'repeat',
  torch: 'torch.Tensor.repeat',
  doc: 'The tensor laid side by side with itself `repeats[d]` times along dim d, as a copy.',
  params: [self, { name: 'repeats', kind: 'size' }],
  variants: ['method'],
  kernel: (x: Tensor, repeats: readonly number[]): Tensor => repeated('repeat', x, repeats),
  tests: () => ({
    samples: [
      call([t([3, 5]), [2, 1]]),
      call([t([3, 5], { layout: 'transposed' }), [2, 1, 3]]),
      call([t([]), [3]]),
      call([t([3, 5]), [0, 2]]),
      call([t([5], { dtype: 'bool' }), [3]]),
      call([t([2, 3], { dtype: 'int64' }), [1, 1]]),
    ],
    errors: [
      { args: [t([3, 5]), [2]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-1, 1]], throws: 'RuntimeError' },
    ],
  }),
});

export const tile = defineOp({
  name: 'tile',
  numpy: 'numpy.tile',
  doc: 'As repeat; missing leading repeats are 1.',
  params: [self, { name: 'dims', kind: 'size' }],
  gradName: 'RepeatBackward0',
  compose: (x: Tensor, dims: readonly number[]): Tensor =>
    repeated('tile', x, [...new Array<number>(Math.max(0, x.ndim - dims.length)).fill(1), ...dims]),
  tests: () => ({
    samples: [call([t([3, 5]), [2]]), call([t([3, 5]), [2, 1, 3]]), call([t([], { dtype: 'uint8' }), [2]])],
    errors: [{ args: [t([3, 5]), [-1]], throws: 'RuntimeError' }],
  }),
});

/** How often each position is repeated, as the list of positions. @throws RuntimeError */
function positions(repeats: Tensor, size: number): Tensor {
  if (repeats.ndim > 1 || (repeats.length !== size && repeats.length !== 1)) {
    throw new RuntimeError(
      message(
        'repeatInterleave',
        `${size} repeats`,
        showShape(repeats.sizes),
        `repeats must have the same size as input along dim, but got repeats.size(0) = ${repeats.length} and input.size(0) = ${size}`,
      ),
    );
  }
  if (repeats.dtype.name !== 'int64' && repeats.dtype.name !== 'int32') {
    throw new NotImplementedError(
      message(
        'repeatInterleave',
        'int32 or int64 repeats',
        repeats.dtype.name,
        `"repeat_interleave_cpu" not implemented for '${repeats.dtype.title}'`,
      ),
    );
  }
  const counts = [repeats.tolist()].flat().map(Number);
  if (counts.some((c) => c < 0))
    throw new RuntimeError(
      message(
        'repeatInterleave',
        'repeats of at least 0',
        String(Math.min(...counts)),
        'repeats can not be negative',
      ),
    );
  const at: number[] = [];
  for (let i = 0; i < size; i++) for (let k = counts[counts.length === 1 ? 0 : i]!; k > 0; k--) at.push(i);
  return longTable(at);
}

export const repeatInterleave = defineOp({
  name: 'repeatInterleave',
  doc: 'Each element along a dim repeated in place; the flattened tensor without a dim.',
  params: [
    self,
    { name: 'repeats', kind: 'tensorOrScalar' },
    { name: 'dim', kind: 'int', default: null },
    { name: 'output_size', kind: 'int', default: null, keyword: true },
  ],
  gradName: 'ViewBackward0',
  compose: (input: Tensor, repeats: Tensor | number, rawDim: number | null): Tensor => {
    const x = rawDim === null || input.ndim === 0 ? reshaped(input, [input.length]) : input;
    const dim = wrapDim('repeatInterleave', rawDim ?? 0, x.ndim);
    if (repeats instanceof Tensor) return indexSelect.impl(x, dim, positions(repeats, x.sizes[dim]!));
    if (!Number.isInteger(repeats))
      throw new ArgumentError(
        message('repeatInterleave', 'a whole number or a Tensor of repeats', String(repeats)),
      );
    if (repeats < 0)
      throw new RuntimeError(
        message('repeatInterleave', 'repeats of at least 0', String(repeats), 'Repeats must be non-negative'),
      );
    const shape = [...x.sizes.slice(0, dim + 1), repeats, ...x.sizes.slice(dim + 1)];
    const merged = [...x.sizes];
    merged[dim] = merged[dim]! * repeats;
    const wide = expanded('repeatInterleave', unsqueezed(x, dim + 1), shape);
    return reshaped(
      record('CloneBackward0', rawCast(wide, x.dtype), [wide], () => (g) => g),
      merged,
    );
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), 2]),
      call([t([3, 5]), 2, 1]),
      call([t([3, 5]), t([3], { dtype: 'int64', fill: { values: [1, 0, 2] } }), 0]),
      call([t([]), 3]),
    ],
    errors: [
      { args: [t([3, 5]), -1, 0], throws: 'RuntimeError' },
      { args: [t([3, 5]), t([2], { dtype: 'int64', fill: 'ones' }), 0], throws: 'RuntimeError' },
    ],
  }),
});

/** Copies `x`, moved cyclically by `shifts[k]` along `dims[k]`, into `out`: one piece for each side of each seam. */
function rollInto(out: Tensor, x: Tensor, dims: readonly number[], shifts: readonly number[]): void {
  const [dim, ...others] = dims;
  const [shift, ...rest] = shifts;
  if (dim === undefined || shift === undefined) {
    if (out.length > 0) rawCopy(out, x);
    return;
  }
  const size = x.sizes[dim]!;
  const part = (y: Tensor, start: number, length: number): Tensor =>
    seenAs(
      y,
      y.sizes.map((s, d) => (d === dim ? length : s)),
      y.strides,
      y.offset + start * y.strides[dim]!,
    );
  rollInto(part(out, shift, size - shift), part(x, 0, size - shift), others, rest);
  rollInto(part(out, 0, shift), part(x, size - shift, shift), others, rest);
}

function rolled(x: Tensor, dims: readonly number[], shifts: readonly number[]): Tensor {
  requireMemory('roll', [x]);
  const total = new Map<number, number>();
  dims.forEach((d, i) => {
    total.set(d, (total.get(d) ?? 0) + shifts[i]!);
  });
  const moves = [...total].map(([d, s]) => [
    d,
    x.sizes[d]! === 0 ? 0 : ((s % x.sizes[d]!) + x.sizes[d]!) % x.sizes[d]!,
  ]);
  const out = newTensor(x.sizes, x.dtype);
  const real = moves.filter(([, s]) => s !== 0);
  rollInto(
    out,
    x,
    real.map(([d]) => d!),
    real.map(([, s]) => s!),
  );
  return record('RollBackward0', out, [x], () => ([g]) => [
    rolled(
      g!,
      dims,
      shifts.map((s) => -s),
    ),
  ]);
}

const listed = (v: number | readonly number[] | null): readonly number[] =>
  v === null ? [] : typeof v === 'number' ? [v] : v;

export const roll = defineOp({
  name: 'roll',
  numpy: 'numpy.roll',
  doc: 'The elements moved cyclically along dims; without dims, along the flattened tensor.',
  params: [self, { name: 'shifts', kind: 'ints' }, { name: 'dims', kind: 'ints', default: null }],
  kernel: (
    x: Tensor,
    rawShifts: number | readonly number[],
    rawDims: number | readonly number[] | null,
  ): Tensor => {
    const shifts = listed(rawShifts);
    const dims = listed(rawDims);
    if (shifts.length === 0)
      throw new RuntimeError(message('roll', 'at least one shift', 'none', '`shifts` required'));
    if (dims.length === 0 && shifts.length === 1) {
      return reshaped(rolled(reshaped(x, [x.length]), [0], shifts), x.sizes);
    }
    if (dims.length !== shifts.length) {
      throw new RuntimeError(
        message(
          'roll',
          'as many shifts as dims',
          `${shifts.length} and ${dims.length}`,
          `shifts and dimensions must align. shifts: ${shifts.length}, dims:${dims.length}`,
        ),
      );
    }
    if (x.ndim === 0)
      throw new IndexError(
        message(
          'roll',
          'a tensor with dims',
          'a 0-d tensor',
          'Dimension specified as 0 but tensor has no dimensions',
        ),
      );
    return rolled(
      x,
      dims.map((d) => wrapDim('roll', d, x.ndim)),
      shifts,
    );
  },
  tests: () => ({
    samples: [
      call([t([3, 5]), 1]),
      call([t([3, 5]), -2, 1]),
      call([t([3, 5], { layout: 'transposed' }), [4, 2], [0, 1]]),
      call([t([3, 5]), [1, 2], [0, 0]]),
      call([t([0, 3]), 1, 0]),
      call([t([7], { dtype: 'bool' }), 3]),
    ],
    errors: [
      { args: [t([3, 5]), [1, 2], [0]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [1, 2]], throws: 'RuntimeError' },
      { args: [t([3, 5]), 1, 2], throws: 'IndexError' },
    ],
  }),
});
