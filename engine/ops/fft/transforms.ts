// Fourier transforms as differentiable functions: complex to complex, real to half, half to real. They declare no ops.

import { record } from '../../autograd/node.js';
import { coalesceOrEmpty } from '../../backend/commands/coalesce.js';
import type { LineOperand } from '../../backend/commands/cursor.js';
import { type FftKind, runFft } from '../../backend/commands/fft.js';
import { kernelsOf } from '../../core/device.js';
import { complexOf, type DType, getDefaultDtype, partOf } from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor, newWritten } from '../../core/factory.js';
import type { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import { oneOf } from '../../registry/params.js';
import { cast } from '../creation/copy-fill-cast.js';
import { padded } from '../nn/sliding-windows.js';
import { mul } from '../pointwise/arithmetic.js';
import { real } from '../pointwise/complex.js';
import { sliced } from '../views/geometry.js';

/** For the declarations: where an exact zero comes out, its sign is the order of the additions. */
export const anyZero = () => ({
  reason: "a zero's sign depends on the order of the additions",
  signedZero: 'any',
});

interface Pass {
  readonly op: string;
  readonly inverse: boolean;
  readonly from: FftKind;
  readonly to: 'complex' | 'real';
  readonly scale: number;
}

/** One dim of `x` transformed into the same dim of `out`; `n` points, of which `x` may hold fewer and `out` get fewer. */
function launch(p: Pass, out: Tensor, x: Tensor, dim: number, n: number): void {
  if (out.length === 0) return;
  const backend = kernelsOf(p.op, [out, x]);
  const kept = x.sizes.map((_, d) => d).filter((d) => d !== dim);
  const dims = coalesceOrEmpty(x.sizes, [x.strides, out.strides], kept);
  const line = (t: Tensor, k: number): LineOperand => ({
    address: t.address,
    strides: dims.strides[k]!,
    along: t.strides[dim]!,
  });
  runFft(p.op, backend, {
    dtype: partOf(x.dtype).code,
    sizes: dims.sizes,
    n,
    inCount: x.sizes[dim]!,
    outCount: out.sizes[dim]!,
    inverse: p.inverse,
    from: p.from,
    to: p.to,
    scale: p.scale,
    input: line(x, 0),
    out: line(out, 1),
  });
}

const resized = (x: Tensor, dim: number, size: number): number[] =>
  x.sizes.map((s, d) => (d === dim ? size : s));

/** Passes over `dims`, the last of them with the scale; the first reads `x`, the others work in place. */
function complexPasses(
  op: string,
  x: Tensor,
  dims: readonly number[],
  inverse: boolean,
  scale: number,
): Tensor {
  const out = newTensor(x.sizes, x.dtype);
  if (dims.length === 0) {
    rawCopy(out, x);
    return scale === 1 ? out : mul.impl(out, scale);
  }
  dims.forEach((dim, i) => {
    const pass: Pass = {
      op,
      inverse,
      from: 'complex',
      to: 'complex',
      scale: i === dims.length - 1 ? scale : 1,
    };
    launch(pass, out, i === 0 ? x : out, dim, x.sizes[dim]!);
  });
  return out;
}

/** Complex to complex; its own transpose, so that the gradient goes the other way round. */
export function c2c(op: string, x: Tensor, dims: readonly number[], inverse: boolean, scale: number): Tensor {
  const out = complexPasses(op, x.detach(), dims, inverse, scale);
  return record('FftC2CBackward0', out, [x], () => ([g]) => [c2c(op, g!, dims, !inverse, scale)]);
}

const halfOf = (n: number): number => Math.floor(n / 2) + 1;

/** Real to complex. `onesided`: of the last dim the first half alone, which says all. */
export function r2c(
  op: string,
  x: Tensor,
  dims: readonly number[],
  inverse: boolean,
  scale: number,
  onesided: boolean,
): Tensor {
  const last = dims.at(-1)!;
  const n = x.sizes[last]!;
  const rest = dims.slice(0, -1);
  const first = newTensor(resized(x, last, onesided ? halfOf(n) : n), complexOf(x.dtype));
  launch(
    { op, inverse, from: 'real', to: 'complex', scale: rest.length === 0 ? scale : 1 },
    first,
    x,
    last,
    n,
  );
  const out = rest.length === 0 ? first : complexPasses(op, first, rest, inverse, scale);
  return record('FftR2CBackward0', out, [x], () => ([g]) => {
    const size = g!.sizes[last]!;
    const whole = onesided
      ? padded(
          g!,
          g!.sizes.map((_, d) => [0, d === last ? n - size : 0] as const),
          0,
        )
      : g!;
    return [real.impl(c2c(op, whole, dims, !inverse, scale))];
  });
}

/** The half of a Hermitian sequence to the real one of `n` points along the last of `dims`. */
export function c2r(
  op: string,
  x: Tensor,
  dims: readonly number[],
  inverse: boolean,
  scale: number,
  n: number,
): Tensor {
  const last = dims.at(-1)!;
  const rest = dims.slice(0, -1);
  const first = rest.length === 0 ? x.detach() : complexPasses(op, x.detach(), rest, inverse, 1);
  const out = newTensor(resized(x, last, n), partOf(x.dtype));
  launch({ op, inverse, from: 'half', to: 'real', scale }, out, first, last, n);
  const known = x.sizes[last]!;
  return record('FftC2RBackward0', out, [x], () => ([g]) => {
    const half = r2c(op, g!, dims, !inverse, scale, true);
    // What stands for two points of the sequence counts twice.
    const twice = n - half.sizes[last]!;
    const weighted = twice === 0 ? half : doubledBetween(half, last, twice);
    return [known === half.sizes[last] ? weighted : fitted(weighted, last, known)];
  });
}

/** Positions 1 … count of a dim times two. */
function doubledBetween(x: Tensor, dim: number, count: number): Tensor {
  const weights = newWritten([x.sizes[dim]!], partOf(x.dtype), (data) => {
    for (let i = 0; i < data.length; i++) data[i] = i >= 1 && i <= count ? 2 : 1;
  });
  return mul.impl(x, weights.reshape(x.sizes.map((_, d) => (d === dim ? weights.length : 1))));
}

/** A dim cut, or filled up with zeros, to a size. */
export function fitted(x: Tensor, dim: number, size: number): Tensor {
  const own = x.sizes[dim]!;
  if (own === size) return x;
  if (own > size) return sliced(x, dim, 0, size);
  return padded(
    x,
    x.sizes.map((_, d) => [0, d === dim ? size - own : 0] as const),
    0,
  );
}

/** The tensor in a dtype that transforms take: integers as the default float. @throws for 16-bit floats. */
export function promoted(op: string, x: Tensor, needsComplex: boolean): Tensor {
  const d: DType = x.dtype.isIntegral ? getDefaultDtype() : x.dtype;
  if (d.itemSize < 4) {
    const hint = `Unsupported dtype ${d.title}`;
    throw new RuntimeError(message(op, 'float32, float64 or a complex dtype', d.name, hint));
  }
  return cast(x, needsComplex ? complexOf(d) : d);
}

/** Where the factor 1/n goes, as a parameter's choices. */
export const norms = oneOf(
  ['backward', 'ortho', 'forward'],
  RuntimeError,
  (norm) => `Invalid normalization mode: "${norm}"`,
);

/** The factor of a transform of n points. */
export function scaleOf(norm: string | null, n: number, forward: boolean): number {
  if (norm === 'ortho') return 1 / Math.sqrt(n);
  return forward === (norm === 'forward') ? 1 / n : 1;
}

/** @throws RuntimeError for complex numbers where real ones are transformed. */
export function requireReal(op: string, x: Tensor): void {
  if (!x.dtype.isComplex) return;
  const hint = `${op} expects a real-valued input tensor, but got ${x.dtype.title}`;
  throw new RuntimeError(message(op, 'a real tensor', x.dtype.name, hint));
}
