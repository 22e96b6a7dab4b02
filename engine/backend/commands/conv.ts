// Convolution command, of conv, convInputGrad and convWeightGrad: y[n,o] = Σ x ∗ w (+ bias), over N images, C channels and O
// filters in G groups.
//   block = [dtype, N, G, C, O, axis H, axis W, x: address, strideN, strideC, strideH, strideW, w address, bias address or 0,
//            y: address, strideN, strideC, strideH, strideW]     axis = [in, out, kernel, stride, pad, dilation]
// `pad` is what stands before the first element; `out` says how far the windows go, and all outside x reads as 0. float32 and
// float64; on CUDA also float16 and bfloat16, summed in float32 and rounded once. conv writes y; convInputGrad reads y's gradient
// and w, writes x's; convWeightGrad reads x and y's gradient, writes w's. What is written is contiguous; w [O, C/G, KH, KW] and
// bias [O] always are, and so is y in convWeightGrad; any strides otherwise (0 too). All of the result is written, and sums start
// at 0. Mirrors native/commands/conv.h.

import { block } from '../addon.js';
import type { Kernels } from '../backend.js';
import { Cursor, endCommand } from './cursor.js';
import { requireDone } from './status.js';

/** One spatial axis. `pad` stands before the first element; what stands behind the last follows from `out`. */
export interface ConvAxis {
  readonly in: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly dilation: number;
}

/** A batch of images; strides in elements. */
export interface ConvImages {
  readonly address: number;
  readonly image: number;
  readonly channel: number;
  readonly row: number;
  readonly column: number;
}

/** Channels and filters are those of all groups together. */
export interface ConvCommand {
  readonly dtype: number;
  readonly images: number;
  readonly groups: number;
  readonly channels: number;
  readonly filters: number;
  readonly h: ConvAxis;
  readonly w: ConvAxis;
  readonly x: ConvImages;
  readonly weight: number;
  /** 0: none. */
  readonly bias: number;
  readonly y: ConvImages;
}

export type ConvFamily = 'conv' | 'convInputGrad' | 'convWeightGrad';

function writeAxis(at: number, a: ConvAxis): number {
  block[at] = a.in;
  block[at + 1] = a.out;
  block[at + 2] = a.kernel;
  block[at + 3] = a.stride;
  block[at + 4] = a.pad;
  block[at + 5] = a.dilation;
  return at + 6;
}

function writeImages(at: number, x: ConvImages): number {
  block[at] = x.address;
  block[at + 1] = x.image;
  block[at + 2] = x.channel;
  block[at + 3] = x.row;
  block[at + 4] = x.column;
  return at + 5;
}

export function encodeConv(op: string, c: ConvCommand): number {
  block[0] = c.dtype;
  block[1] = c.images;
  block[2] = c.groups;
  block[3] = c.channels;
  block[4] = c.filters;
  let at = writeAxis(5, c.h);
  at = writeAxis(at, c.w);
  at = writeImages(at, c.x);
  block[at++] = c.weight;
  block[at++] = c.bias;
  return endCommand(op, writeImages(at, c.y));
}

export function decodeConv(): ConvCommand {
  const cursor = new Cursor();
  const axis = (): ConvAxis => ({
    in: cursor.number(),
    out: cursor.number(),
    kernel: cursor.number(),
    stride: cursor.number(),
    pad: cursor.number(),
    dilation: cursor.number(),
  });
  const images = (): ConvImages => ({
    address: cursor.number(),
    image: cursor.number(),
    channel: cursor.number(),
    row: cursor.number(),
    column: cursor.number(),
  });
  return {
    dtype: cursor.number(),
    images: cursor.number(),
    groups: cursor.number(),
    channels: cursor.number(),
    filters: cursor.number(),
    h: axis(),
    w: axis(),
    x: images(),
    weight: cursor.number(),
    bias: cursor.number(),
    y: images(),
  };
}

export function runConv(family: ConvFamily, kernels: Kernels, c: ConvCommand): void {
  encodeConv(family, c);
  kernels[family]();
  requireDone(family);
}
