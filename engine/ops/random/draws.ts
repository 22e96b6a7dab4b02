// Draws: fills of a tensor with the numbers of a distribution, from the stream of a generator.
//   draw(newTensor([3], float32), 'normal', mean, deviation, generator)
// Philox has kernels for five distributions; cauchy, logNormal and geometric are made of those. The Mersenne Twister has kernels
// for all that PyTorch has, because its values and its state afterwards are PyTorch's to the bit.

import { type MersenneKind, runMersenne } from '../../backend/commands/mersenne.js';
import { type RandomKind, runRandom } from '../../backend/commands/random.js';
import { fromBrain, fromHalf, toBrain, toHalf } from '../../core/complex.js';
import { cpu } from '../../core/device.js';
import {
  bfloat16,
  computedIn,
  type DType,
  float16,
  float32,
  getDefaultDtype,
  int64,
  partOf,
} from '../../core/dtype.js';
import { message, RuntimeError } from '../../core/errors.js';
import { newTensor, seenAs } from '../../core/factory.js';
import { type Generator, getDefaultGenerator, MersenneStream, type PhiloxStream } from '../../core/random.js';
import { contiguousStrides, memoryOrder } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { rawCopy } from '../../pointwise/copy.js';
import type { Param } from '../../registry/define.js';

export const generatorParam: Param = { name: 'generator', kind: 'generator', default: null, keyword: true };

export type Distribution =
  | 'uniform'
  | 'normal'
  | 'integer'
  | 'bernoulli'
  | 'exponential'
  | 'cauchy'
  | 'logNormal'
  | 'geometric';

/** The Mersenne Twister of a generator, or of the default one; null where that draws from Philox. */
export function mersenneOf(generator: Generator | null): MersenneStream | null {
  const { stream } = generator ?? getDefaultGenerator();
  return stream instanceof MersenneStream ? stream : null;
}

/**
 * Fills `x` from the stream of a generator, or of the default one, and moves the stream on.
 * @throws RuntimeError, as PyTorch, for a Mersenne Twister and a tensor that is not on the CPU.
 */
export function draw(
  x: Tensor,
  kind: Distribution,
  p0: number,
  p1: number,
  generator: Generator | null,
): Tensor {
  if (x.length === 0 || x.device.kernels === null) return x;
  const { stream } = generator ?? getDefaultGenerator();
  const [a, b] = kind === 'integer' ? inwards(x.dtype, p0, p1) : [p0, p1];
  if (stream instanceof MersenneStream) drawMersenne(x, kind, a, b, stream);
  else drawPhilox(x, kind, a, b, stream);
  return x;
}

/** The bits of a floating dtype's significand. */
const digitsOf = new Map<DType, number>([
  [float16, 11],
  [bfloat16, 8],
  [float32, 24],
]);
/** The whole number to which a dtype rounds one: infinite where it has no such. */
function rounded(dtype: DType, value: number): number {
  const single = Math.fround(value);
  if (dtype === float16) return fromHalf(toHalf(single));
  return dtype === bfloat16 ? fromBrain(toBrain(single)) : single;
}
/**
 * Bounds of whole numbers moved inwards to such as a floating dtype holds, so that none that is drawn rounds to an excluded one:
 * at::native::templates::update_from and update_to, with their steps.
 */
function inwards(dtype: DType, from: number, to: number): readonly [from: number, to: number] {
  const digits = digitsOf.get(dtype);
  if (digits === undefined) return [from, to];
  const gap = (value: number): number => 2 ** (Math.floor(Math.log2(Math.abs(value))) - digits + 1);
  const [first, last] = [rounded(dtype, from + 1), rounded(dtype, to - 1)];
  return [
    first < from && Number.isFinite(first) ? first + gap(from + 1) : from,
    last >= to && Number.isFinite(last) ? last - gap(to - 1) : to,
  ];
}

function drawPhilox(x: Tensor, kind: Distribution, p0: number, p1: number, stream: PhiloxStream): void {
  if (kind === 'cauchy')
    rawCopy(x, drawnFor(x, 'uniform', 0, 1, stream).sub(0.5).mul(Math.PI).tan().mul(p1).add(p0));
  else if (kind === 'logNormal') rawCopy(x, drawnFor(x, 'normal', p0, p1, stream).exp());
  else if (kind === 'geometric') {
    const trials = drawnFor(x, 'uniform', 0, 1, stream).neg().log1p().div(Math.log1p(-p0));
    rawCopy(x, trials.ceil().clampMin(1));
  } else fillPhilox(x, kind, p0, p1, stream);
}

/** Numbers for the elements of `x`, floating ones. */
function drawnFor(x: Tensor, kind: RandomKind, p0: number, p1: number, stream: PhiloxStream): Tensor {
  const out = newTensor(x.sizes, x.dtype.isIntegral ? getDefaultDtype() : x.dtype);
  fillPhilox(out, kind, p0, p1, stream);
  return out;
}

/** Fills `x` by a kernel of Philox, which numbers its elements in row-major order. */
function fillPhilox(x: Tensor, kind: RandomKind, p0: number, p1: number, stream: PhiloxStream): void {
  if (x.dtype.isComplex) {
    // A complex normal number of variance p1² has parts of half of it.
    const parts = newTensor([...x.sizes, 2], partOf(x.dtype));
    fillPhilox(parts, kind, p0, kind === 'normal' ? p1 * Math.SQRT1_2 : p1, stream);
    const strides = contiguousStrides(x.sizes);
    rawCopy(x, new Tensor(parts.storage, x.sizes, strides, parts.offset / 2, x.dtype));
    return;
  }
  const dtype = computedIn(x.dtype);
  const target = x.rowMajor && dtype === x.dtype ? x : newTensor(x.sizes, dtype);
  const { seedLow, seedHigh, offset } = stream;
  const [out, n] = [target.address, target.length];
  const command = { kind, dtype: dtype.code, out, n, seedLow, seedHigh, offset, p0, p1 };
  stream.offset += runRandom('random', x.device.kernels!, command);
  if (target !== x) rawCopy(x, target);
}

/** PyTorch draws normals in blocks where a tensor is contiguous and has at least this many. */
const blockSize = 16;

function drawMersenne(x: Tensor, kind: Distribution, p0: number, p1: number, stream: MersenneStream): void {
  if (x.dtype.isComplex && (kind === 'uniform' || kind === 'normal')) {
    const strides = [...x.strides.map((s) => 2 * s), 1];
    const parts = new Tensor(x.storage, [...x.sizes, 2], strides, 2 * x.offset, partOf(x.dtype));
    drawMersenne(parts, kind, p0, kind === 'normal' ? p1 / Math.SQRT2 : p1, stream);
  } else if (x.rowMajor) {
    const blocks = kind === 'normal' && x.length >= blockSize;
    fillMersenne(x, blocks ? 'normalBlocks' : kind, p0, p1, stream);
  } else {
    // The numbers follow each other in the order of memory, not of the indices.
    const order = memoryOrder(x.sizes, x.strides).reverse();
    const permuted = (list: readonly number[]): number[] => order.map((d) => list[d]!);
    const target = newTensor(permuted(x.sizes), x.dtype);
    fillMersenne(target, kind, p0, p1, stream);
    rawCopy(seenAs(x, permuted(x.sizes), permuted(x.strides)), target);
  }
}

/** Fills a contiguous tensor; `from`: its probabilities or weights, contiguous too. */
export function fillMersenne(
  x: Tensor,
  kind: MersenneKind,
  p0: number,
  p1: number,
  stream: MersenneStream,
  from: Tensor | null = null,
): void {
  const { type, kernels } = x.device;
  if (x.device !== cpu) {
    const hint = `Expected a '${type}' device type for generator but found 'cpu'`;
    throw new RuntimeError(message(kind, "a generator of algorithm 'philox'", "'mt19937'", hint));
  }
  runMersenne(kind, kernels!, {
    kind,
    dtype: x.dtype.code,
    out: x.address,
    n: x.length,
    state: stream.address,
    p0,
    p1,
    in: from?.address ?? 0,
    inDtype: (from?.dtype ?? x.dtype).code,
  });
}

/** A random permutation of 0 … n − 1 for a contiguous tensor of n elements. */
export function permute(out: Tensor, generator: Generator | null): void {
  const { stream } = generator ?? getDefaultGenerator();
  if (stream instanceof MersenneStream) fillMersenne(out, 'permutation', 0, 0, stream);
  else {
    // The order that sorts 63 random bits each: ties have odds of n² / 2^64, and the sort is stable, so any n is reproducible.
    const keys = newTensor(out.sizes, int64);
    fillPhilox(keys, 'raw', 0, 0, stream);
    out.copy_(keys.argsort());
  }
}

/** Fills a contiguous tensor with 1 by the probabilities that `p`, a floating tensor of its shape, gives, else 0. */
export function drawBernoulli(out: Tensor, p: Tensor, generator: Generator | null): void {
  const { stream } = generator ?? getDefaultGenerator();
  if (stream instanceof MersenneStream) {
    const chances = p.to(computedIn(p.dtype)).contiguous();
    fillMersenne(out, 'bernoulliOf', 0, 0, stream, chances);
  } else {
    const uniform = newTensor(p.sizes, p.dtype);
    fillPhilox(uniform, 'uniform', 0, 1, stream);
    rawCopy(out, uniform.lt(p));
  }
}
