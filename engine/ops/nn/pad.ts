// pad and constantPadNd: arguments, errors, and source positions for reflect, replicate and circular.

import { message, NotImplementedError, RuntimeError, showShape } from '../../core/errors.js';
import { scalarAs } from '../../core/scalar.js';
import type { Scalar, Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { oneOf } from '../../registry/params.js';
import { call, t } from '../../registry/samples.js';
import { clone } from '../creation/copy-fill-cast.js';
import { longTable } from '../indexing/index-kernels.js';
import { indexSelect } from '../indexing/index-select.js';
import { noKernel } from './_windows.js';
import { type Pad, padded, requireTables } from './sliding-windows.js';

const self: Param = { name: 'input', kind: 'tensor' };
const padParam: Param = { name: 'pad', kind: 'ints' };

function refuse(op: string, required: string, got: string, hint: string): never {
  throw new RuntimeError(message(op, required, got, hint));
}

/** PyTorch's list (last dim first, before and behind) as a pair for each dim, first dim first. */
function pairs(op: string, x: Tensor, pad: readonly number[]): Pad[] {
  if (pad.length % 2 !== 0)
    refuse(op, 'an even number of sizes', showShape(pad), 'Padding length must be divisible by 2');
  if (pad.length > 2 * x.ndim) {
    refuse(
      op,
      `at most ${2 * x.ndim} sizes`,
      String(pad.length),
      `Padding length should be less than or equal to two times the input dimension but got padding length ${pad.length} and input of dimension ${x.ndim}`,
    );
  }
  return x.sizes.map((_, d): Pad => {
    const at = 2 * (x.ndim - 1 - d);
    return [pad[at] ?? 0, pad[at + 1] ?? 0];
  });
}

function constantPadded(op: string, x: Tensor, pad: readonly number[], value: Scalar): Tensor {
  const pads = pairs(op, x, pad);
  const shape = x.sizes.map((s, d) => s + pads[d]![0] + pads[d]![1]);
  pads.forEach(([before, behind], d) => {
    const size = x.sizes[d]!;
    if (shape[d]! < 0 || (before < 0 && -before > size) || (behind < 0 && -behind > size)) {
      refuse(
        op,
        `sizes of at least 0 for an input of ${showShape(x.sizes)}`,
        showShape(shape),
        `The input size ${size}, plus negative padding ${before} and ${behind} resulted in a negative output size, which is invalid.`,
      );
    }
  });
  return pads.every(([before, behind]) => before === 0 && behind === 0)
    ? clone.impl(x)
    : padded(x, pads, scalarAs(op, value, x.dtype));
}

type Mode = 'reflect' | 'replicate' | 'circular';

/** Which place of a dim of `size` stands at each place of the padded one. */
const places: Readonly<Record<Mode, (size: number, [before, behind]: Pad) => number[]>> = {
  reflect: (size, [before, behind]) =>
    ranged(size + before + behind, (j) => {
      const at = Math.abs(j - before);
      return at < size ? at : 2 * (size - 1) - at;
    }),
  replicate: (size, [before, behind]) =>
    ranged(size + before + behind, (j) => Math.min(Math.max(j - before, 0), size - 1)),
  circular: (size, [before, behind]) => {
    // What is cut off first is not there to wrap around.
    const from = Math.max(0, -before);
    const kept = size + Math.min(0, before) + Math.min(0, behind);
    const lead = Math.max(0, before);
    return ranged(size + before + behind, (j) => from + ((((j - lead) % kept) + kept) % kept));
  },
};
const ranged = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

const combinations =
  'Supported combinations for non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)';

function modePadded(op: string, x: Tensor, pad: readonly number[], mode: Mode): Tensor {
  const n = pad.length / 2;
  if (![1, 2, 3].includes(n) || (x.ndim !== n + 1 && x.ndim !== n + 2)) {
    throw new NotImplementedError(
      message(
        op,
        'padding for the last 1 to 3 dims of an input with 1 or 2 dims more',
        `${pad.length} sizes for ${showShape(x.sizes)}`,
        `Padding size ${pad.length} is not supported for ${x.ndim}D input tensor.\n${combinations}`,
      ),
    );
  }
  const pads = pairs(op, x, pad);
  if (mode !== 'circular' && x.dtype.name === 'bool') throw noKernel(op, x);
  if (mode !== 'circular' && x.sizes.slice(x.ndim === n + 2 ? 1 : 0).some((s) => s === 0)) {
    refuse(
      op,
      'non-empty dims',
      showShape(x.sizes),
      `Expected ${n + 1}D or ${n + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${showShape(x.sizes)}`,
    );
  }
  for (let d = x.ndim - n; d < x.ndim; d++) requireRoom(op, x, d, pads[d]!, mode);
  requireTables(
    op,
    pads.map(([before, behind], d) => x.sizes[d]! + before + behind),
  );
  let out = x;
  for (let d = x.ndim - 1; d >= x.ndim - n; d--) {
    const [before, behind] = pads[d]!;
    if (before !== 0 || behind !== 0)
      out = indexSelect.impl(out, d, longTable(places[mode](x.sizes[d]!, pads[d]!)));
  }
  return out === x ? clone.impl(x) : out;
}

function requireRoom(op: string, x: Tensor, d: number, [before, behind]: Pad, mode: Mode): void {
  const size = x.sizes[d]!;
  const got = `(${before}, ${behind}) for a dim of ${size}`;
  if (mode === 'reflect' && (before >= size || behind >= size)) {
    refuse(
      op,
      'padding smaller than the dim',
      got,
      `Padding size should be less than the corresponding input dimension, but got: padding (${before}, ${behind}) at dimension ${d} of input ${showShape(x.sizes)}`,
    );
  }
  // What is cut off first is not there to wrap around.
  const kept = size + Math.min(0, before) + Math.min(0, behind);
  if (mode === 'circular' && kept >= 0 && (before > kept || behind > kept))
    refuse(op, 'padding no larger than the dim', got, 'Padding value causes wrapping around more than once.');
  const out = size + before + behind;
  if (mode === 'circular' ? out < 0 : out < 1) {
    const hint =
      mode === 'circular'
        ? 'Negative padding value is resulting in an empty dimension'
        : `input (size ${size}) is too small. Calculated output size: ${out}`;
    refuse(op, 'an output of at least 1 element in each padded dim', got, hint);
  }
}

/** Padding as torch.nn.functional.pad does it. */
/** The modes of pad, as a parameter's choices. */
export const paddingModes = oneOf(
  ['constant', 'reflect', 'replicate', 'circular'],
  NotImplementedError,
  (mode) => `Unrecognised padding mode ${mode}`,
);

export function pads(
  op: string,
  x: Tensor,
  pad: readonly number[],
  mode: string,
  value: Scalar | null,
): Tensor {
  if (mode === 'constant') return constantPadded(op, x, pad, value ?? 0);
  if (value !== null && Number(value) !== 0) {
    refuse(
      op,
      `no value in mode '${mode}'`,
      String(value),
      `Padding mode "${mode}" doesn't take in value argument`,
    );
  }
  if (pad.length % 2 !== 0)
    refuse(op, 'an even number of sizes', showShape(pad), 'Padding length must be divisible by 2');
  return modePadded(op, x, pad, mode as Mode);
}

const listOf = (pad: number | readonly number[]): readonly number[] =>
  typeof pad === 'number' ? [pad] : pad;

export const constantPadNd = defineOp({
  name: 'constantPadNd',
  doc: 'The tensor with `value` around it: `pad` has the numbers before and behind the last dim, then of the one before it, …; negative ones cut.',
  params: [self, padParam, { name: 'value', kind: 'scalar', default: 0 }],
  variants: ['function'],
  compose: (x: Tensor, pad: number | readonly number[], value: Scalar): Tensor =>
    constantPadded('constantPadNd', x, listOf(pad), value),
  tests: () => ({
    samples: [
      call([t([3, 5]), [1, 2], 1.5]),
      call([t([3, 5], { layout: 'transposed' }), [-1, 2, 0, -2]]),
      call([t([2, 3], { dtype: 'int32' }), [1, 0, 1, 1], 7]),
    ],
    errors: [
      { args: [t([3, 5]), [1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [1, 1, 1, 1, 1, 1]], throws: 'RuntimeError' },
      { args: [t([3, 5]), [-4, -4]], throws: 'RuntimeError' },
    ],
  }),
});

export const pad = defineOp({
  name: 'nn.functional.pad',
  doc: "The tensor with elements around it: `pad` counts from the last dim, before and behind; 'constant', 'reflect', 'replicate' or 'circular'.",
  params: [
    self,
    padParam,
    { name: 'mode', kind: 'string', default: 'constant', choices: paddingModes },
    { name: 'value', kind: 'scalar', default: null },
  ],
  compose: (x: Tensor, pad: number | readonly number[], mode: string, value: Scalar | null): Tensor =>
    pads('pad', x, listOf(pad), mode, value),
  tests: () => ({
    samples: [
      call([t([3, 5]), [1, 2]], { value: 1.5 }),
      call([t([2, 3, 5]), [2, 3], 'reflect']),
      call([t([2, 3, 5, 4], { dtype: 'float64' }), [2, -1, -1, 3], 'replicate']),
      call([t([1, 3, 5]), [2, 3, -1, 2], 'circular']),
    ],
    errors: [
      { args: [t([3, 5]), [1]], throws: 'RuntimeError' },
      { args: [t([1, 3, 4]), [4, 1], 'reflect'], throws: 'RuntimeError' },
      { args: [t([1, 3, 4]), [5, 1], 'circular'], throws: 'RuntimeError' },
      { args: [t([1, 3, 4]), [1, 1], 'mirror'], throws: 'NotImplementedError' },
      { args: [t([4]), [1, 1], 'reflect'], throws: 'NotImplementedError' },
      { args: [t([1, 3, 4]), [1, 1], 'reflect', 1], throws: 'RuntimeError' },
    ],
  }),
});
