// Scan command: cumulative sum, product, maximum, minimum or log-sum-exp along one dim of n elements.
//   block = [op, dtype, K, size × K (kept), n, in: address, stride × K, strideN, out: the same, (outIndex: the same)]
// Only cummax and cummin have outIndex (int64): where the extreme was. logcumsumexp takes floats. Mirrors native/commands/scan.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand, type LineOperand, nameOf, requireDims, writeLine, writeList } from './cursor.js';
import { requireDone } from './status.js';

export const scans = { cumsum: 0, cumprod: 1, cummax: 2, cummin: 3, logcumsumexp: 4 } as const;
export type Scan = keyof typeof scans;

export interface ScanCommand {
  readonly scan: Scan;
  readonly dtype: number;
  readonly sizes: readonly number[];
  readonly n: number;
  readonly input: LineOperand;
  readonly out: LineOperand;
  /** Of cummax and cummin only. */
  readonly outIndex: LineOperand | null;
}

export function encodeScan(op: string, c: ScanCommand): number {
  requireDims(op, c.sizes.length);
  block[0] = scans[c.scan];
  block[1] = c.dtype;
  block[2] = c.sizes.length;
  let at = writeList(3, c.sizes);
  block[at++] = c.n;
  at = writeLine(at, c.input);
  at = writeLine(at, c.out);
  if (c.outIndex !== null) at = writeLine(at, c.outIndex);
  return endCommand(op, at);
}

export function decodeScan(): ScanCommand {
  const cursor = new Cursor();
  const scan = nameOf(scans, cursor.number());
  const dtype = cursor.number();
  const K = cursor.number();
  return {
    scan,
    dtype,
    sizes: cursor.list(K),
    n: cursor.number(),
    input: cursor.line(K),
    out: cursor.line(K),
    outIndex: scan === 'cummax' || scan === 'cummin' ? cursor.line(K) : null,
  };
}

export function runScan(op: string, kernels: Kernels, c: ScanCommand): void {
  encodeScan(op, c);
  kernels.scan();
  requireDone(op);
}
