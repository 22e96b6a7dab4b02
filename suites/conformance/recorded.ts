// Recorded calls on disk: fixtures/conformance/index.json and one compressed file of frames for each entry.
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { z } from 'zod';
import { nothingToRun } from '../../reports/schema/index.js';
import { FixtureError, type Fixtures } from '../common/fixtures.js';
import type { Shard } from '../common/suite.js';
import { type CallFrame, chosen, type Source } from './source.js';
import type { CaseName, Frame } from './wire.js';

export const INDEX = 'conformance/index.json';

/** What was recorded. */
export const IndexSchema = z.strictObject({
  torch: z.string(),
  seed: z.int(),
  /** Entries of the database, and those without any case. */
  total: z.int().positive(),
  empty: z.array(z.string()),
  cases: z.array(
    z.strictObject({
      entry: z.string(),
      dtype: z.string(),
      /** Recorded calls, and how many the database has. */
      recorded: z.int().nonnegative(),
      of: z.int().nonnegative(),
    }),
  ),
});
export type Index = z.infer<typeof IndexSchema>;

/** The file of an entry: `nn.functional.pad/circular` → `conformance/nn.functional.pad--circular.br`. */
export function fileOf(entry: string): string {
  return `conformance/${entry.replaceAll('/', '--')}.br`;
}

/** Calls of one entry by dtype. */
export type Recording = Readonly<Record<string, readonly CallFrame[]>>;

/**
 * A recording as bytes: the JSON of all headers, then the bytes of all frames, in planes: all first bytes of the numbers, then all
 * second ones, which is where floating-point numbers resemble each other.
 */
export function pack(recording: Recording): Buffer {
  const headers = Object.fromEntries(
    Object.entries(recording).map(([dtype, frames]) => [dtype, frames.map((one) => one.header)]),
  );
  const json = Buffer.from(JSON.stringify(headers));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(json.length);
  const planes = Object.entries(recording).flatMap(([dtype, frames]) =>
    frames.map((one) => inPlanes(one.bytes, itemOf(dtype))),
  );
  return brotliCompressSync(Buffer.concat([size, json, ...planes]), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 22 },
  });
}

/** The recording in these bytes. */
export function unpack(bytes: Uint8Array): Recording {
  const whole = brotliDecompressSync(bytes);
  const length = whole.readUInt32LE(0);
  const headers = JSON.parse(whole.subarray(4, 4 + length).toString('utf8')) as Record<
    string,
    (CallFrame['header'] & { bytes: number })[]
  >;
  let at = 4 + length;
  const frames = (dtype: string, list: (CallFrame['header'] & { bytes: number })[]) =>
    list.map((header) => {
      const part = whole.subarray(at, at + header.bytes);
      at += header.bytes;
      return { header, bytes: fromPlanes(part, itemOf(dtype)) } as Frame as CallFrame;
    });
  return Object.fromEntries(Object.entries(headers).map(([dtype, list]) => [dtype, frames(dtype, list)]));
}

const itemOf = (dtype: string): number => (dtype === 'float64' || dtype === 'int64' ? 8 : 4);

/** Blobs are padded to 16 bytes, so every frame is a whole number of items. */
function inPlanes(bytes: Uint8Array, item: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const n = bytes.length / item;
  for (let i = 0; i < n; i++) for (let b = 0; b < item; b++) out[b * n + i] = bytes[i * item + b]!;
  return out;
}

function fromPlanes(planes: Uint8Array, item: number): Uint8Array {
  const out = new Uint8Array(planes.length);
  const n = planes.length / item;
  for (let i = 0; i < n; i++) for (let b = 0; b < item; b++) out[i * item + b] = planes[b * n + i]!;
  return out;
}

export interface RecordedOrder {
  readonly filter: readonly string[];
  readonly dtypes: readonly string[];
  readonly sample?: number;
  readonly skip?: readonly string[];
  readonly shard?: Shard;
}

/** The recorded calls that the order names. */
export function recordedSource(fixtures: Fixtures, order: RecordedOrder): Source {
  if (!fixtures.has(INDEX)) throw new FixtureError(INDEX, 'is missing');
  const parsed = IndexSchema.safeParse(fixtures.json(INDEX));
  if (!parsed.success) throw new FixtureError(INDEX, `is malformed:\n${z.prettifyError(parsed.error)}`);
  const index = parsed.data;
  const cases = casesOf(index, order);
  if (cases.length === 0)
    throw nothingToRun(`no recorded case matches the filter '${order.filter.join(',')}'`);
  let open: { entry: string; recording: Recording } | null = null;
  async function* calls(one: CaseName): AsyncGenerator<CallFrame> {
    if (open?.entry !== one.entry) open = { entry: one.entry, recording: readEntry(fixtures, one.entry) };
    for (const frame of open.recording[one.dtype] ?? [])
      if (order.sample === undefined || frame.header.sample === order.sample) yield frame;
  }
  return { mode: 'recorded', torch: index.torch, total: index.total, empty: index.empty, cases, calls };
}

function casesOf(index: Index, order: RecordedOrder): CaseName[] {
  const wanted = chosen(order.filter, [...new Set(index.cases.map((one) => one.entry))]);
  const usual = new Set(['float32', 'float64', 'errors']);
  const ordered = new Set(order.dtypes);
  // An entry that takes neither float32 nor float64 is recorded with a dtype of its own.
  const samples = order.dtypes.some((one) => one !== 'errors');
  const all = index.cases
    .filter(({ entry, dtype }) => wanted.has(entry) && (ordered.has(dtype) || (samples && !usual.has(dtype))))
    .map(({ entry, dtype }) => ({ id: `${entry}@${dtype}`, entry, dtype }));
  const { index: own, count } = order.shard ?? { index: 0, count: 1 };
  const skip = new Set(order.skip ?? []);
  return all.filter((one, at) => at % count === own && !skip.has(one.id));
}

function readEntry(fixtures: Fixtures, entry: string): Recording {
  const path = fileOf(entry);
  try {
    return unpack(fixtures.bytes(path));
  } catch (error) {
    if (error instanceof FixtureError) throw error;
    throw new FixtureError(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
}
