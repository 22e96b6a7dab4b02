// One-dimensional Fourier transforms, frequency tables and shifts.
import { type DType, getDefaultDtype } from '../../core/dtype.js';
import { IndexError, message, RuntimeError } from '../../core/errors.js';
import { noDims, wrapDim } from '../../core/shape.js';
import { type Tensor, writeAt } from '../../core/tensor.js';
import { defineOp, type ErrorSample, type Param } from '../../registry/define.js';
import { call, type Sample, t } from '../../registry/samples.js';
import { factoryParams, finish, writtenFor } from '../creation/creation.js';
import { anyZero, c2c, c2r, fitted, norms, promoted, r2c, requireReal, scaleOf } from './transforms.js';

const self: Param = { name: 'input', kind: 'tensor' };
const along: readonly Param[] = [
  self,
  { name: 'n', kind: 'int', default: null },
  { name: 'dim', kind: 'int', default: -1 },
  { name: 'norm', kind: 'string', default: null, choices: norms },
];

const complex64 = { dtype: 'complex64' } as const;
const errors = (): readonly ErrorSample[] => [{ args: [t([])], throws: 'IndexError' }];
const samplesOf = (...first: readonly Sample[]): readonly Sample[] => first;

/** The wrapped dim. @throws IndexError where it is none, a 0-d tensor's included */
function axisOf(op: string, x: Tensor, dim: number): number {
  if (x.ndim > 0) return wrapDim(op, dim, x.ndim);
  const hint = `Dimension specified as ${dim} but tensor has no dimensions`;
  throw new IndexError(message(op, 'a tensor with dims', 'a 0-d tensor', hint));
}

/** @throws RuntimeError where there are no points to transform. */
export function requirePoints(op: string, n: number): number {
  if (n >= 1) return n;
  const hint = `Invalid number of data points (${n}) specified`;
  throw new RuntimeError(message(op, 'at least 1 point', String(n), hint));
}

type Call = readonly [Tensor, number | null, number, string | null];

/** fft and ifft: real input takes half the work, but gives all. */
function plain(op: string, [x, n, dim, norm]: Call, inverse: boolean): Tensor {
  const d = axisOf(op, x, dim);
  const size = requirePoints(op, n ?? x.sizes[d]!);
  const scale = scaleOf(norm, size, !inverse);
  const isComplex = x.dtype.isComplex;
  const y = fitted(promoted(op, x, false), d, size);
  return isComplex ? c2c(op, y, [d], inverse, scale) : r2c(op, y, [d], inverse, scale, false);
}

/** rfft, and ihfft: the first half of a real tensor's transform. */
function toHalf(op: string, [x, n, dim, norm]: Call, inverse: boolean): Tensor {
  requireReal(op, x);
  const d = axisOf(op, x, dim);
  const size = requirePoints(op, n ?? x.sizes[d]!);
  // PyTorch conjugates a forward transform for the inverse one; an inverse one is the same.
  return r2c(op, fitted(promoted(op, x, false), d, size), [d], inverse, scaleOf(norm, size, !inverse), true);
}

/** irfft, and hfft: the real tensor of which `x` is half the transform. */
function fromHalf(op: string, [x, n, dim, norm]: Call, inverse: boolean): Tensor {
  const d = axisOf(op, x, dim);
  const size = requirePoints(op, n ?? 2 * (x.sizes[d]! - 1));
  const y = fitted(promoted(op, x, true), d, Math.floor(size / 2) + 1);
  return c2r(op, y, [d], inverse, scaleOf(norm, size, !inverse), size);
}

function transform(
  name: string,
  doc: string,
  run: (op: string, args: Call, inverse: boolean) => Tensor,
  inverse: boolean,
  samples: () => readonly Sample[],
) {
  return defineOp({
    name: `fft.${name}`,
    doc,
    params: along,
    compose: (...args: Call): Tensor => run(`fft.${name}`, args, inverse),
    tests: () => ({ samples: samples(), tolerance: anyZero(), errors: errors() }),
  });
}

const ofComplex = () =>
  samplesOf(
    call([t([7], complex64)]),
    call([t([3, 12]), 10, 0, 'ortho']),
    call([t([2, 67], { dtype: 'complex128' })]),
  );
const ofReal = () =>
  samplesOf(call([t([7])]), call([t([3, 12]), 10, 0, 'ortho']), call([t([2, 67], { dtype: 'float64' })]));

export const fft1 = transform(
  'fft',
  'The discrete Fourier transform along a dim of `n` points.',
  plain,
  false,
  ofComplex,
);
export const ifft = transform('ifft', 'The inverse Fourier transform along a dim.', plain, true, ofComplex);
export const rfft = transform(
  'rfft',
  'The first half of the transform of real numbers.',
  toHalf,
  false,
  ofReal,
);
export const irfft = transform(
  'irfft',
  'The real numbers whose transform has this first half.',
  fromHalf,
  true,
  ofComplex,
);
export const hfft = transform(
  'hfft',
  'The real transform of a Hermitian signal, given its first half.',
  fromHalf,
  false,
  ofComplex,
);
export const ihfft = transform(
  'ihfft',
  'The first half of the inverse transform of real numbers.',
  toHalf,
  true,
  ofReal,
);

/** i / (n·d), the second half negative where `signed`. */
function frequencies(name: string, doc: string, signed: boolean) {
  return defineOp({
    name: `fft.${name}`,
    doc,
    params: [{ name: 'n', kind: 'int' }, { name: 'd', kind: 'scalar', default: 1 }, ...factoryParams],
    kernel: (n: number, d: number, dtype: DType | null, device: unknown, grad: boolean): Tensor => {
      const kind = dtype ?? getDefaultDtype();
      if (kind.isIntegral) {
        const hint = `${name} requires a floating point or complex dtype`;
        throw new RuntimeError(message(`fft.${name}`, 'a floating dtype', kind.name, hint));
      }
      const size = signed ? n : Math.floor(n / 2) + 1;
      const at = (i: number): number => (signed && 2 * i >= n + (n % 2) ? i - n : i) / (n * d);
      const written = writtenFor(`fft.${name}`, [size], kind, device, (data) => {
        for (let i = 0; i < size; i++) writeAt(kind, data, i, at(i));
      });
      return finish(written, grad);
    },
    notDifferentiable: 'it has no tensor input',
    tests: () => ({ samples: [call([5]), call([6, 0.5]), call([1], { dtype: { dtype: 'float64' } })] }),
  });
}
export const fftfreq = frequencies(
  'fftfreq',
  'The frequencies of the points of an fft, `d` being the time between samples.',
  true,
);
export const rfftfreq = frequencies('rfftfreq', 'The frequencies of the points of an rfft.', false);

function shift(name: string, doc: string, by: (size: number) => number) {
  return defineOp({
    name: `fft.${name}`,
    doc,
    params: [self, { name: 'dim', kind: 'ints', default: null }],
    compose: (x: Tensor, dim: number | readonly number[] | null): Tensor => {
      const dims = dim === null ? x.sizes.map((_, d) => d) : typeof dim === 'number' ? [dim] : dim;
      if (x.ndim === 0 && dims.length > 0) throw noDims(`fft.${name}`, dims[0]!);
      if (x.ndim === 0) return x.clone();
      return x.roll(
        dims.map((d) => by(x.sizes[wrapDim(`fft.${name}`, d, x.ndim)]!)),
        [...dims],
      );
    },
    tests: () => ({ samples: [call([t([5])]), call([t([4, 3]), 1]), call([t([4, 3]), [0, -1]])] }),
  });
}
export const fftshift = shift('fftshift', 'Zero frequency moved to the middle.', (n) => Math.floor(n / 2));
export const ifftshift = shift('ifftshift', 'Zero frequency moved from the middle to the front.', (n) =>
  Math.ceil(n / 2),
);
