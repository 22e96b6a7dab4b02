// Adaptive pooling: windows of nearly equal size that cover the input.
import {
  ArgumentError,
  describe,
  message,
  NotImplementedError,
  showShape,
  ValueError,
} from '../../../core/errors.js';
import type { Tensor } from '../../../core/tensor.js';
import { defineOp, type Param } from '../../../registry/define.js';
import { call, t } from '../../../registry/samples.js';
import { longTable } from '../../indexing/index-kernels.js';
import { indexSelect } from '../../indexing/index-select.js';
import { resampled, tableOf } from '../_resample.js';
import { alongAxis, maxOfWindows, type Place, refuse } from '../_windows.js';
import { requireTables } from '../sliding-windows.js';
import { withIndices } from './max-avg.js';

const self: Param = { name: 'input', kind: 'tensor' };
const sizeParam: Param = { name: 'output_size', kind: 'any', type: 'number | readonly (number | null)[]' };
const pythonName = (op: string): string => op.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** The sizes asked for; None keeps a dim's own. */
function sizesOf(op: string, x: Tensor, given: unknown, n: number): number[] {
  if (x.ndim !== n + 1 && x.ndim !== n + 2) {
    const hint = `Input dimension should be at least ${n + 1}, but got ${x.ndim}`;
    const text = message(op, `an input of ${n + 1} or ${n + 2} dims`, showShape(x.sizes), hint);
    if (n > 1 && x.ndim <= n) throw new ValueError(text);
    refuse(op, `an input of ${n + 1} or ${n + 2} dims`, showShape(x.sizes), hint);
  }
  const list = Array.isArray(given) ? (given as unknown[]) : new Array<unknown>(n).fill(given);
  if (list.length !== n) {
    refuse(
      op,
      `${n} output sizes`,
      describe(given),
      n === 1 ? "'output_size' should contain one int" : `${pythonName(op)}: output_size must be ${n}`,
    );
  }
  const own = x.sizes.slice(x.ndim - n);
  const sizes = list.map((v, i) => {
    if (v === null && n > 1) return own[i]!;
    if (Number.isInteger(v)) return v as number;
    throw new ArgumentError(message(op, 'output sizes to be integers', describe(v)));
  });
  if (sizes.some((v) => v < 0)) {
    refuse(
      op,
      'output sizes of at least 0',
      showShape(sizes),
      'elements of output_size must be greater than or equal to 0',
    );
  }
  requireTables(op, sizes);
  if (x.sizes.slice(x.ndim - n).some((s) => s === 0)) {
    refuse(
      op,
      'non-empty dims to pool',
      showShape(x.sizes),
      `${pythonName(op)}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ${showShape(x.sizes)}`,
    );
  }
  if (x.dtype.isIntegral) {
    throw new NotImplementedError(
      message(
        op,
        'a floating dtype',
        x.dtype.name,
        `"${pythonName(op)}" not implemented for '${x.dtype.title}'`,
      ),
    );
  }
  return sizes;
}

/** The places of each window: from floor(i · in / out) to ceil((i + 1) · in / out). */
function windowsOf(size: number, out: number): { start: number[]; end: number[] } {
  const each = Array.from({ length: out }, (_, i) => i);
  return {
    start: each.map((i) => Math.floor((i * size) / out)),
    end: each.map((i) => Math.ceil(((i + 1) * size) / out)),
  };
}

/**
 * What the mean of [from, end) takes, as so many taps: a shorter window takes its last element in halves, because one that is taken
 * with weight 0 would make NaN of infinity.
 */
function meanOf(from: number, end: number, taps: number): [place: number, weight: number][] {
  const n = end - from;
  const row = Array.from({ length: n }, (_, k): [number, number] => [from + k, 1 / n]);
  while (row.length < taps) {
    const [place, weight] = row.pop()!;
    row.push([place, weight / 2], [place, weight / 2]);
  }
  return row;
}

/** One mean over all of the last n dims, which PyTorch takes of any number of dims before them; null where more is asked. */
function meanOfAll(x: Tensor, given: unknown, n: number): Tensor | null {
  const one = Array.isArray(given) ? given.length === n && given.every((v) => v === 1) : given === 1;
  const usual = x.ndim === n + 1 || x.ndim === n + 2;
  if (!one || n === 1 || usual || x.ndim < n || x.dtype.isIntegral || x.sizes.slice(-n).includes(0))
    return null;
  return x.mean(
    Array.from({ length: n }, (_, d) => d - n),
    true,
  );
}

/** The mean of each window, dim by dim: a mean over a box is the mean of means. */
export function adaptiveMean(x: Tensor, sizes: readonly number[]): Tensor {
  const lead = x.ndim - sizes.length;
  const own = x.sizes.slice(lead);
  if (sizes.every((out, i) => out > 0 && own[i]! % out === 0)) {
    const split = sizes.flatMap((out, i) => [out, own[i]! / out]);
    return x.reshape([...x.sizes.slice(0, lead), ...split]).mean(sizes.map((_, i) => lead + 2 * i + 1));
  }
  let out = x;
  sizes.forEach((size, i) => {
    if (size === own[i]) return;
    const { start, end } = windowsOf(own[i]!, size);
    const taps = start.reduce((most, from, o) => Math.max(most, end[o]! - from), 1);
    const rows = start.map((from, o) => meanOf(from, end[o]!, taps));
    out = resampled(out, lead + i, tableOf(rows));
  });
  return out;
}

/** The maximum of each window; shorter windows repeat their last element, which changes no maximum and no first place. */
function adaptiveMax(x: Tensor, sizes: readonly number[], wanted: boolean) {
  const n = sizes.length;
  const lead = x.ndim - n;
  let picked = x.detach();
  const places = sizes.map((size, i): Place => {
    const { start, end } = windowsOf(x.sizes[lead + i]!, size);
    const kernel = start.reduce((most, from, o) => Math.max(most, end[o]! - from), 1);
    const each = start.flatMap((from, o) =>
      Array.from({ length: kernel }, (_, k) => Math.min(from + k, end[o]! - 1)),
    );
    picked = indexSelect.impl(picked, lead + i, longTable(each));
    return {
      in: x.sizes[lead + i]!,
      kernel,
      dilation: 1,
      start: alongAxis(start, i, n),
      last: alongAxis(
        end.map((e) => e - 1),
        i,
        n,
      ),
    };
  });
  const split = picked.reshape([
    ...x.sizes.slice(0, lead),
    ...places.flatMap((p, i) => [sizes[i]!, p.kernel]),
  ]);
  const order = [
    ...x.sizes.slice(0, lead).map((_, d) => d),
    ...sizes.map((_, i) => lead + 2 * i),
    ...sizes.map((_, i) => lead + 2 * i + 1),
  ];
  return maxOfWindows(nodeOf(n), x, split.permute(order), places, wanted);
}

const nodeOf = (n: number): string =>
  n === 1 ? 'SqueezeBackward1' : n === 2 ? 'AdaptiveMaxPool2DBackward0' : 'AdaptiveMaxPool3DBackward0';
const last = (n: number): string => (n === 1 ? 'the last dim' : `the last ${n} dims`);

function adaptiveAvg(n: 1 | 2 | 3, size: readonly number[], out: readonly (number | null)[]) {
  const op = `adaptiveAvgPool${n}d`;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.adaptive_avg_pool${n}d`,
    doc: `The means of windows that divide ${last(n)} into \`outputSize\` parts.`,
    params: [self, sizeParam],
    variants: ['function'],
    compose: (x: Tensor, given: unknown): Tensor =>
      meanOfAll(x, given, n) ?? adaptiveMean(x, sizesOf(op, x, given, n)),
    tests: () => ({
      samples: [
        call([t([2, 3, ...size]), out]),
        call([t([3, ...size], { dtype: 'float64' }), 1]),
        call([t([1, 2, ...size], { layout: 'transposed' }), 2]),
      ],
      errors: [
        { args: [t([1, 1, ...size]), []], throws: 'RuntimeError' },
        { args: [t([1, 1, ...size]), -1], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const adaptiveAvgPool1d = adaptiveAvg(1, [8], [5]);
export const adaptiveAvgPool2d = adaptiveAvg(2, [8, 6], [5, null]);
export const adaptiveAvgPool3d = adaptiveAvg(3, [4, 5, 6], [3, null, 4]);

function adaptiveMaximum(n: 1 | 2 | 3, size: readonly number[], out: readonly (number | null)[]) {
  const op = `adaptiveMaxPool${n}d`;
  return defineOp({
    name: op,
    torch: `torch.nn.functional.adaptive_max_pool${n}d`,
    doc: `The maxima of windows that divide ${last(n)} into \`outputSize\` parts; with returnIndices also their flat places.`,
    params: [self, sizeParam, { name: 'return_indices', kind: 'bool', default: false }],
    variants: ['function'],
    returns: 'Tensor | [Tensor, Tensor]',
    signatures: withIndices([['outputSize', 'number | readonly (number | null)[]', true]]),
    gradName: nodeOf(n),
    kernel: (x: Tensor, given: unknown, returnIndices: boolean): Tensor | [Tensor, Tensor] => {
      const { values, indices } = adaptiveMax(x, sizesOf(op, x, given, n), returnIndices);
      return returnIndices ? [values, indices!] : values;
    },
    tests: () => ({
      samples: [
        call([t([2, 3, ...size], { fill: 'distinct' }), out, true]),
        call([t([3, ...size], { fill: 'distinct', dtype: 'float64' }), 1]),
      ],
      errors: [
        { args: [t([1, 1, ...size]), []], throws: 'RuntimeError' },
        { args: [t([1, 1, ...size]), -1], throws: 'RuntimeError' },
      ],
    }),
  });
}
export const adaptiveMaxPool1d = adaptiveMaximum(1, [8], [5]);
export const adaptiveMaxPool2d = adaptiveMaximum(2, [8, 6], [5, null]);
export const adaptiveMaxPool3d = adaptiveMaximum(3, [4, 5, 6], [3, null, 4]);
