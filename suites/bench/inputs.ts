// Inputs of bench rows: an ArgSpec becomes an engine tensor here and a raw file of the same values for the oracle. Only
// the kind of values follows samples.ts; suites/reference/inputs.py has the exact meanings.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArgSpec, Sample, TensorSpec } from 'torchstone';
import * as engine from 'torchstone';
import type { EngineTensor } from '../common/bind.js';
import { contiguousStrides, sizeOf } from '../common/shapes.js';
import { isTensorSpec } from '../common/tensor-specs.js';
import { placed } from '../runner/device.js';

type Data = Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;
type NumpyInput = Parameters<typeof engine.fromNumpy>[0];

/** A seeded stream of uniform numbers in [0, 1) (mulberry32). */
export function uniformStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  uniform: [-2, 2],
  positive: [0.1, 3],
  unit: [-0.95, 0.95],
  probability: [0.05, 0.95],
  above1: [1.05, 4],
  large: [-50, 50],
};

/** A function that draws the next value of a fill. */
function drawer(
  fill: TensorSpec['tensor']['fill'],
  whole: boolean,
  random: () => number,
): (i: number) => number {
  const between = (low: number, high: number) => () => low + (high - low) * random();
  const integers = (low: number, high: number) => () => Math.floor(low + (high - low) * random());
  if (typeof fill === 'object') {
    if ('values' in fill) return (i) => Number(fill.values[i % fill.values.length]);
    return integers(fill.low, fill.high);
  }
  if (fill === 'ties') return integers(-2, 3);
  if (fill === 'zeros') return () => 0;
  if (fill === 'ones') return () => 1;
  if (fill === 'arange') return (i) => i;
  if (fill === 'nonzero')
    return () => (random() < 0.5 ? -1 : 1) * (whole ? 1 + Math.floor(9 * random()) : 0.2 + 1.8 * random());
  const range = RANGES[fill ?? 'normal'];
  if (range) return whole ? integers(Math.ceil(range[0]), Math.ceil(range[1])) : between(...range);
  if (whole) return integers(-9, 10);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const ARRAYS: Readonly<Record<string, new (length: number) => Data>> = {
  float64: Float64Array,
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

function fillData(spec: TensorSpec['tensor'], length: number, random: () => number): Data {
  const dtype = spec.dtype ?? 'float32';
  const type = ARRAYS[dtype];
  if (!type) throw new Error(`the bench draws no ${dtype}`);
  const data = new type(length);
  const draw = drawer(spec.fill, !dtype.startsWith('float'), random);
  for (let i = 0; i < length; i += 1) {
    const value = draw(i);
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else data[i] = dtype === 'bool' ? value & 1 : value;
  }
  return data;
}

/** Storage length, strides and offset of a layout, as suites/reference/inputs.py lays it out. */
function geometry(
  shape: readonly number[],
  layout: string,
): { length: number; strides: number[]; offset: number } {
  const strides = contiguousStrides(shape);
  const total = sizeOf(shape);
  if (layout === 'transposed' && shape.length >= 2) {
    const swapped = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
    const steps = contiguousStrides(swapped);
    return { length: total, strides: [...steps.slice(0, -2), steps.at(-1)!, steps.at(-2)!], offset: 0 };
  }
  if (layout === 'strided' && shape.length >= 1)
    return { length: 2 * total, strides: strides.map((step) => 2 * step), offset: 0 };
  if (layout === 'offset') return { length: total + 3, strides, offset: 3 };
  if (layout === 'expanded' && shape.length >= 1)
    return { length: total / Math.max(1, shape[0]!), strides: [0, ...strides.slice(1)], offset: 0 };
  return { length: total, strides, offset: 0 };
}

/** A tensor described for the reference: a file of little-endian values and how to view it. */
export interface RawTensor {
  readonly raw: {
    readonly file: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly strides: readonly number[];
    readonly offset: number;
  };
}

/** Makes a row's inputs once for both sides. Files are written only when a reference will read them. */
export class BenchInputs {
  readonly tensors: EngineTensor[] = [];
  readonly #random: () => number;
  readonly #folder: string | undefined;
  readonly #name: string;

  constructor(seed: number, name: string, folder?: string) {
    this.#random = uniformStream(seed);
    this.#name = name.replace(/[^\w.-]+/g, '_');
    this.#folder = folder;
  }

  /** One tensor: kept for the engine's call, described for the reference's. */
  tensor(spec: TensorSpec['tensor']): RawTensor {
    const { length, strides, offset } = geometry(spec.shape, spec.layout ?? 'contiguous');
    const data = fillData(spec, length, this.#random);
    const dtype = spec.dtype ?? 'float32';
    const file = join(this.#folder ?? '', `${this.#name}.${this.tensors.length}.raw`);
    if (this.#folder !== undefined) writeFileSync(file, data);
    const storage = placed(engine.fromNumpy({ data, shape: [length], strides: [1], dtype } as NumpyInput));
    this.tensors.push(storage.asStrided([...spec.shape], strides, offset));
    return { raw: { file, dtype, shape: spec.shape, strides, offset } };
  }

  /** An argument list with every tensor described by its file. */
  describe(sample: Sample): { args: unknown[]; kwargs: Record<string, unknown> } {
    const visit = (arg: ArgSpec): unknown => {
      if (Array.isArray(arg)) return (arg as readonly ArgSpec[]).map(visit);
      return isTensorSpec(arg) ? this.tensor(arg.tensor) : arg;
    };
    const args = sample.args.map(visit);
    const kwargs = Object.fromEntries(
      Object.entries(sample.kwargs ?? {}).map(([name, arg]) => [name, visit(arg)]),
    );
    return { args, kwargs };
  }
}
