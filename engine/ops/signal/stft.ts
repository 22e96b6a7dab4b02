// Short-time Fourier transform and its inverse.
import { partOf } from '../../core/dtype.js';
import { message, RuntimeError, showShape } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, t } from '../../registry/samples.js';
import { fft1, ifft, irfft, rfft } from '../fft/fft.js';
import { fitted } from '../fft/transforms.js';
import { filled } from '../indexing/index-kernels.js';
import { paddingModes, pad as padWith } from '../nn/pad.js';
import { folded, padded, type Slide, unfolded } from '../nn/sliding-windows.js';
import { viewAsReal } from '../pointwise/complex.js';
import { transposed } from '../views/geometry.js';

const signal: Param = { name: 'input', kind: 'tensor' };
const framing: readonly Param[] = [
  { name: 'n_fft', kind: 'int' },
  { name: 'hop_length', kind: 'int', default: null },
  { name: 'win_length', kind: 'int', default: null },
  { name: 'window', kind: 'tensor', default: null },
  { name: 'center', kind: 'bool', default: true },
];
const boolean = (name: string, value: boolean | null): Param => ({ name, kind: 'bool', default: value });

function need(op: string, holds: boolean, required: string, got: string, hint: string): void {
  if (!holds) throw new RuntimeError(message(op, required, got, hint));
}

/** The window in the middle of n points, zeros around it. */
function widened(window: Tensor, n: number): Tensor {
  const left = Math.floor((n - window.length) / 2);
  return window.length === n ? window : padded(window, [[left, n - window.length - left]], 0);
}

function checkWindow(op: string, window: Tensor | null, length: number): void {
  if (window === null) return;
  const fits = window.ndim === 1 && window.length === length;
  const hint = `expected a 1D window tensor of size equal to win_length=${length}, but got window with size ${showShape(window.sizes)}`;
  need(op, fits, `a window of ${length}`, showShape(window.sizes), hint);
}

/** `pad` points on both sides of a signal [batch, n]. */
function centred(x: Tensor, pad: number, mode: string): Tensor {
  return padWith.impl(x.unsqueeze(0), [pad, pad], mode, null).squeeze(0);
}

type StftCall = readonly [
  Tensor,
  number,
  number | null,
  number | null,
  Tensor | null,
  boolean,
  string,
  boolean,
  boolean | null,
  boolean | null,
  boolean | null,
];

function shortTime(...args: StftCall): Tensor {
  const [x, n, hopGiven, lengthGiven, window, center, mode, normalized, sided, returnComplex, align] = args;
  const op = 'stft';
  const isComplex = x.dtype.isComplex || window?.dtype.isComplex === true;
  need(
    op,
    !x.dtype.isIntegral,
    'a float or complex tensor',
    x.dtype.name,
    'stft expected a tensor of floating point or complex values',
  );
  need(op, x.ndim === 1 || x.ndim === 2, '1 or 2 dims', `${x.ndim}`, 'stft expected a 1D or 2D tensor');
  need(
    op,
    !center || align === null,
    'align_to_window without center',
    String(align),
    'stft only supports align_to_window for center = False.',
  );
  need(
    op,
    returnComplex !== null || isComplex,
    'returnComplex',
    'nothing',
    'stft requires the return_complex parameter be given for real inputs',
  );
  const batch = x.ndim === 1 ? x.unsqueeze(0) : x;
  const hop = hopGiven ?? Math.floor(n / 4);
  const length = lengthGiven ?? n;
  const aligned = !center && align === true ? Math.floor((n - length) / 2) : 0;
  const margin = center ? Math.floor(n / 2) : aligned;
  const y = margin > 0 ? centred(batch, margin, mode) : batch;
  const size = y.sizes[1]!;
  need(
    op,
    n > 0 && n <= size,
    `nFft in [1, ${size}]`,
    String(n),
    `stft expected 0 < n_fft < ${size}, but got n_fft=${n}`,
  );
  need(
    op,
    hop > 0,
    'hopLength above 0',
    String(hop),
    `stft expected hop_length > 0, but got hop_length=${hop}`,
  );
  need(
    op,
    length > 0 && length <= n,
    `winLength in [1, ${n}]`,
    String(length),
    `stft expected 0 < win_length <= n_fft, but got win_length=${length}`,
  );
  checkWindow(op, window, length);
  const slide: Slide = { out: Math.floor((size - n) / hop) + 1, kernel: n, stride: hop, dilation: 1 };
  const frames = unfolded(y, [slide]);
  const shape = window ?? (length < n ? filled([length], 1, partOf(x.dtype)) : null);
  const weighted = shape === null ? frames : frames.mul(widened(shape, n));
  const onesided = sided ?? !isComplex;
  need(
    op,
    !onesided || !isComplex,
    'onesided false',
    'true',
    'Cannot have onesided output if window or input is complex',
  );
  const norm = normalized ? 'ortho' : null;
  const points = (onesided ? rfft : fft1).impl(weighted, null, -1, norm);
  const result = transposed(points, 1, 2);
  const out = x.ndim === 1 ? result.squeeze(0) : result;
  return (returnComplex ?? isComplex) ? out : viewAsReal.impl(out);
}

export const stft = defineOp({
  name: 'stft',
  doc: 'The Fourier transforms of overlapping windows of a signal: [batch, frequencies, frames].',
  params: [
    signal,
    ...framing,
    { name: 'pad_mode', kind: 'string', default: 'reflect', choices: paddingModes },
    boolean('normalized', false),
    boolean('onesided', null),
    boolean('return_complex', null),
    boolean('align_to_window', null),
  ],
  compose: shortTime,
  tests: () => ({
    samples: [
      call([t([40]), 10], { return_complex: true }),
      call([t([2, 40]), 16, 4, null, t([16])], { center: false, return_complex: true }),
      call([t([12]), 7], { return_complex: false }),
    ],
    errors: [
      { args: [t([10]), 20], kwargs: { center: false, return_complex: true }, throws: 'RuntimeError' },
    ],
  }),
});

type IstftCall = readonly [
  Tensor,
  number,
  number | null,
  number | null,
  Tensor | null,
  boolean,
  boolean,
  boolean | null,
  number | null,
  boolean,
];

/** The windows back in the time domain, and their sum at each point divided by that of the squared windows. */
function overlapAdd(...args: IstftCall): Tensor {
  const [x, n, hopGiven, lengthGiven, window, center, normalized, sided, wanted, returnComplex] = args;
  const op = 'istft';
  const hop = hopGiven ?? Math.floor(n / 4);
  const length = lengthGiven ?? n;
  need(
    op,
    x.dtype.isComplex,
    'a complex tensor',
    x.dtype.name,
    'istft requires a complex-valued input tensor matching the output from stft with return_complex=True.',
  );
  need(op, x.length > 0, 'elements', showShape(x.sizes), 'input tensor cannot be empty.');
  need(
    op,
    x.ndim === 2 || x.ndim === 3,
    '2 or 3 dims',
    String(x.ndim),
    `expected a tensor with 2 or 3 dimensions, but got ${x.ndim}`,
  );
  const frequencies = x.sizes.at(-2)!;
  const count = x.sizes.at(-1)!;
  const onesided = sided ?? frequencies !== n;
  const expected = onesided ? Math.floor(n / 2) + 1 : n;
  need(
    op,
    frequencies === expected,
    `${expected} frequencies`,
    String(frequencies),
    `expected the frequency dimension (3rd to the last) of the input tensor to match n_fft${onesided ? ' / 2 + 1 when onesided=True' : ' when onesided=False'}, but got ${frequencies}`,
  );
  need(
    op,
    hop > 0 && hop <= length,
    `hopLength in [1, ${length}]`,
    String(hop),
    'expected 0 < hop_length <= win_length',
  );
  need(
    op,
    length > 0 && length <= n,
    `winLength in [1, ${n}]`,
    String(length),
    'expected 0 < win_length <= n_fft',
  );
  checkWindow(op, window, length);
  const shape = widened(window ?? filled([length], 1, partOf(x.dtype)), n);
  const frames = transposed(x.ndim === 2 ? x.unsqueeze(0) : x, 1, 2);
  const norm = normalized ? 'ortho' : null;
  if (returnComplex)
    need(
      op,
      !onesided,
      'onesided false',
      'true',
      'cannot have onesided output if window or input is complex',
    );
  else
    need(
      op,
      !shape.dtype.isComplex,
      'a real window',
      shape.dtype.name,
      'Complex windows are incompatible with return_complex=False',
    );
  const half = Math.floor(n / 2) + 1;
  const points = returnComplex
    ? ifft.impl(frames, null, -1, norm)
    : irfft.impl(fitted(frames, 2, half), n, -1, norm);
  return joinedFrames(points.mul(shape), shape, { n, hop, count, center, wanted, flat: x.ndim === 2 });
}

interface Joining {
  readonly n: number;
  readonly hop: number;
  readonly count: number;
  readonly center: boolean;
  readonly wanted: number | null;
  readonly flat: boolean;
}

function joinedFrames(frames: Tensor, shape: Tensor, j: Joining): Tensor {
  const total = j.n + j.hop * (j.count - 1);
  const slide: Slide = { out: j.count, kernel: j.n, stride: j.hop, dilation: 1 };
  const start = j.center ? Math.floor(j.n / 2) : 0;
  const end = j.wanted === null ? total - start : start + j.wanted;
  const size = Math.min(end, total) - start;
  const sum = folded(frames, [frames.sizes[0]!, total], [slide]).narrow(1, start, size);
  const envelope = folded(shape.mul(shape).expand([1, j.count, j.n]), [1, total], [slide]).narrow(
    1,
    start,
    size,
  );
  const least = envelope.detach().abs().min();
  need(
    'istft',
    Number(least.item()) > 1e-11,
    'windows that cover the signal',
    String(least.item()),
    'window overlap add min: 1',
  );
  const out = fitted(sum.div(envelope), 1, end - start);
  return j.flat ? out.squeeze(0) : out;
}

export const istft = defineOp({
  name: 'istft',
  doc: 'The signal of which `input` is the stft: windows added up, divided by the sum of the squared windows.',
  params: [
    signal,
    ...framing,
    boolean('normalized', false),
    boolean('onesided', null),
    { name: 'length', kind: 'int', default: null },
    boolean('return_complex', false),
  ],
  compose: overlapAdd,
  tests: () => ({
    samples: [
      call([t([6, 5], { dtype: 'complex64' }), 10]),
      call([t([2, 6, 4], { dtype: 'complex64' }), 6], {
        onesided: false,
        center: false,
        return_complex: true,
      }),
    ],
    errors: [{ args: [t([6, 5]), 10], throws: 'RuntimeError' }],
  }),
});
