// FFT command: the Fourier transform of n points, times scale, for every position of K dims; inverse 1 takes e^(+2πi…).
//   block = [dtype, K, size × K, n, inCount, outCount, inverse, inKind, outKind, scale, in: address, stride × K, strideN,
//            out: the same]
// dtype is that of the parts, float32 or float64. inKind 0 complex, 1 real, 2 the first half of a Hermitian sequence (the rest
// mirrors it); outKind 0 complex, 1 real (the imaginary parts are left out). Strides count elements of either kind. inCount
// elements are read and zeros fill up to n; the first outCount are written. A row is read before it is written, so `out` may be
// `in`. Lengths with factors up to 61 take mixed radices, others Bluestein's algorithm, in float64. Roots of unity are computed in
// double. Mirrors native/commands/fft.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand, type LineOperand, nameOf, requireDims, writeLine, writeList } from './cursor.js';
import { requireDone } from './status.js';

export const fftKinds = { complex: 0, real: 1, half: 2 } as const;
/** half: the first half of a Hermitian sequence. */
export type FftKind = keyof typeof fftKinds;

export interface FftCommand {
  readonly dtype: number;
  readonly sizes: readonly number[];
  readonly n: number;
  readonly inCount: number;
  readonly outCount: number;
  readonly inverse: boolean;
  readonly from: FftKind;
  readonly to: 'complex' | 'real';
  readonly scale: number;
  readonly input: LineOperand;
  readonly out: LineOperand;
}

export function encodeFft(op: string, c: FftCommand): number {
  requireDims(op, c.sizes.length);
  block[0] = c.dtype;
  block[1] = c.sizes.length;
  let at = writeList(2, c.sizes);
  block[at++] = c.n;
  block[at++] = c.inCount;
  block[at++] = c.outCount;
  block[at++] = c.inverse ? 1 : 0;
  block[at++] = fftKinds[c.from];
  block[at++] = fftKinds[c.to];
  block[at++] = c.scale;
  at = writeLine(at, c.input);
  return endCommand(op, writeLine(at, c.out));
}

export function decodeFft(): FftCommand {
  const cursor = new Cursor();
  const dtype = cursor.number();
  const K = cursor.number();
  return {
    dtype,
    sizes: cursor.list(K),
    n: cursor.number(),
    inCount: cursor.number(),
    outCount: cursor.number(),
    inverse: cursor.flag(),
    from: nameOf(fftKinds, cursor.number()),
    to: cursor.flag() ? 'real' : 'complex',
    scale: cursor.number(),
    input: cursor.line(K),
    out: cursor.line(K),
  };
}

export function runFft(op: string, kernels: Kernels, c: FftCommand): void {
  encodeFft(op, c);
  kernels.fft();
  requireDone(op);
}
