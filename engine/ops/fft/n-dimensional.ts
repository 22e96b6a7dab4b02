// Fourier transforms along several dims, as a sequence of one-dimensional passes.
import { IndexError, message, RuntimeError } from '../../core/errors.js';
import { wrapDims } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { defineOp, type Param } from '../../registry/define.js';
import { call, type Sample, type TensorSpec, t } from '../../registry/samples.js';
import { requirePoints } from './fft.js';
import { anyZero, c2c, c2r, fitted, norms, promoted, r2c, requireReal, scaleOf } from './transforms.js';

type Ints = number | readonly number[] | null;
type Call = readonly [Tensor, Ints, Ints, string | null];
interface Extent {
  readonly sizes: readonly number[];
  readonly dims: readonly number[];
}
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
const list = (v: Ints): readonly number[] | null => (typeof v === 'number' ? [v] : v);

/** The dims that a call means and their numbers of points. */
function extentOf(op: string, x: Tensor, s: Ints, dim: Ints): Extent {
  const refuse = (required: string, got: string, hint: string): never => {
    throw new RuntimeError(message(op, required, got, hint));
  };
  const given = list(s);
  const asked = list(dim);
  if (asked !== null && asked.length > 0 && x.ndim === 0) {
    const hint = `Dimension specified as ${asked[0]} but tensor has no dimensions`;
    throw new IndexError(message(op, 'a tensor with dims', 'a 0-d tensor', hint));
  }
  if (given !== null && asked !== null && given.length !== asked.length)
    refuse(
      'as many sizes as dims',
      `${given.length} and ${asked.length}`,
      'When given, dim and shape arguments must have the same length',
    );
  if (given !== null && given.length > x.ndim)
    refuse(
      `at most ${x.ndim} sizes`,
      String(given.length),
      `Got shape with ${given.length} values but input tensor only has ${x.ndim} dimensions.`,
    );
  const all = x.sizes.map((_, d) => d);
  const dims =
    asked === null ? (given === null ? all : all.slice(x.ndim - given.length)) : wrapDims(op, asked, x.ndim);
  const sizes = dims.map((d, i) => (given === null || given[i] === -1 ? x.sizes[d]! : given[i]!));
  for (const n of sizes) requirePoints(op, n);
  return { sizes, dims };
}

function fittedAll(x: Tensor, { sizes, dims }: Extent): Tensor {
  return dims.reduce((y, d, i) => fitted(y, d, sizes[i]!), x);
}

/** fftn and ifftn. */
function plain(op: string, [x, s, dim, norm]: Call, inverse: boolean): Tensor {
  const e = extentOf(op, x, s, dim);
  const y = fittedAll(promoted(op, x, true), e);
  return c2c(op, y, e.dims, inverse, scaleOf(norm, product(e.sizes), !inverse));
}

function requireDims(op: string, e: Extent): void {
  if (e.dims.length === 0)
    throw new RuntimeError(message(op, 'a dim', 'none', `${op} must transform at least one axis`));
}

/** rfftn, and ihfftn. */
function toHalf(op: string, [x, s, dim, norm]: Call, inverse: boolean): Tensor {
  requireReal(op, x);
  const e = extentOf(op, x, s, dim);
  requireDims(op, e);
  const y = fittedAll(promoted(op, x, false), e);
  return r2c(op, y, e.dims, inverse, scaleOf(norm, product(e.sizes), !inverse), true);
}

/** irfftn, and hfftn. */
function fromHalf(op: string, [x, s, dim, norm]: Call, inverse: boolean): Tensor {
  const e = extentOf(op, x, s, dim);
  requireDims(op, e);
  const given = list(s);
  const last = e.dims.at(-1)!;
  const n = requirePoints(
    op,
    given === null || given.at(-1) === -1 ? 2 * (x.sizes[last]! - 1) : e.sizes.at(-1)!,
  );
  const sizes = [...e.sizes.slice(0, -1), Math.floor(n / 2) + 1];
  const y = fittedAll(promoted(op, x, true), { sizes, dims: e.dims });
  return c2r(op, y, e.dims, inverse, scaleOf(norm, product(e.sizes.slice(0, -1)) * n, !inverse), n);
}

type Run = (op: string, args: Call, inverse: boolean) => Tensor;
const complex64 = { dtype: 'complex64' } as const;

const samplesOf = (source: TensorSpec): readonly Sample[] => [
  call([source]),
  call([source, [2, 6], [0, 1], 'ortho']),
  call([t([3, 4], { dtype: 'float64' }), [4, 4]]),
];
function transform(name: string, doc: string, run: Run, inverse: boolean) {
  const two = name.endsWith('2');
  const params: readonly Param[] = [
    { name: 'input', kind: 'tensor' },
    { name: 's', kind: 'ints', default: null },
    { name: 'dim', kind: 'ints', default: two ? [-2, -1] : null },
    { name: 'norm', kind: 'string', default: null, choices: norms },
  ];
  return defineOp({
    name: `fft.${name}`,
    doc,
    params,
    compose: (...args: Call): Tensor => run(`fft.${name}`, args, inverse),
    tests: () => ({
      samples: samplesOf(run === toHalf ? t([3, 4, 5]) : t([3, 4, 5], complex64)),
      tolerance: anyZero(),
      errors: [{ args: [t([])], kwargs: { dim: [0] }, throws: 'IndexError' }],
    }),
  });
}

const several = 'several dims (all by default)';
export const fftn = transform('fftn', `The Fourier transform along ${several}.`, plain, false);
export const ifftn = transform('ifftn', `The inverse Fourier transform along ${several}.`, plain, true);
export const rfftn = transform(
  'rfftn',
  `The transform of real numbers along ${several}; of the last dim the first half.`,
  toHalf,
  false,
);
export const irfftn = transform('irfftn', `The inverse of rfftn along ${several}.`, fromHalf, true);
export const hfftn = transform(
  'hfftn',
  `The real transform of a Hermitian signal along ${several}.`,
  fromHalf,
  false,
);
export const ihfftn = transform('ihfftn', `The inverse of hfftn along ${several}.`, toHalf, true);
export const fft2 = transform('fft2', 'The Fourier transform along the last two dims.', plain, false);
export const ifft2 = transform(
  'ifft2',
  'The inverse Fourier transform along the last two dims.',
  plain,
  true,
);
export const rfft2 = transform('rfft2', 'rfftn along the last two dims.', toHalf, false);
export const irfft2 = transform('irfft2', 'irfftn along the last two dims.', fromHalf, true);
export const hfft2 = transform('hfft2', 'hfftn along the last two dims.', fromHalf, false);
export const ihfft2 = transform('ihfft2', 'ihfftn along the last two dims.', toHalf, true);
