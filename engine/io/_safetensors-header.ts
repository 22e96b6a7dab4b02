// The header of a safetensors file: reading it strictly, and writing it as the reference does.
//   const header = readHeader(source, refuse);  header.tensors.get('w')  // { dtype: 'F32', shape: [2], at: 88, bytes: 8 }
import type { DTypeName } from '../core/dtype.js';
import { showShape } from '../core/errors.js';
import type { ByteSource, Refusal } from './_file.js';
import { type Json, parseJson } from './_json.js';

/** The reference's limit on the header. */
const MOST_HEADER = 100_000_000;
const METADATA = '__metadata__';

/** The format's dtypes, in the reference's rising order, with their bits and ours where tensors have one. */
const FORMAT: Readonly<Record<string, readonly [bits: number, ours?: DTypeName]>> = {
  BOOL: [8, 'bool'],
  F4: [4],
  F6_E2M3: [6],
  F6_E3M2: [6],
  U8: [8, 'uint8'],
  I8: [8, 'int8'],
  F8_E5M2: [8],
  F8_E4M3: [8],
  F8_E8M0: [8],
  F8_E4M3FNUZ: [8],
  F8_E5M2FNUZ: [8],
  I16: [16, 'int16'],
  U16: [16],
  F16: [16, 'float16'],
  BF16: [16, 'bfloat16'],
  I32: [32, 'int32'],
  U32: [32],
  F32: [32, 'float32'],
  C64: [64, 'complex64'],
  F64: [64, 'float64'],
  I64: [64, 'int64'],
  U64: [64],
};
const RANKS = Object.keys(FORMAT);

/** Our dtype of this name in the format; undefined where tensors lack it. */
export const dtypeNamed = (name: string): DTypeName | undefined => FORMAT[name]![1];
/** The format's name of a dtype; undefined where it has none. */
export const nameOf = (dtype: DTypeName): string | undefined =>
  RANKS.find((name) => FORMAT[name]![1] === dtype);

/** One tensor of a file. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its first byte in the file. */
  readonly at: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Reads and checks a header: its length, its JSON, and that the tensors cover the data exactly. */
export function readHeader(source: ByteSource, refuse: Refusal): SafetensorsHeader {
  if (source.length < 8) throw refuse('at least 8 bytes', `${source.length}`);
  const size = new Uint8Array(8);
  source.read(0, size);
  const length = new DataView(size.buffer).getBigUint64(0, true);
  if (length > BigInt(MOST_HEADER)) throw refuse(`a header of at most ${MOST_HEADER} bytes`, `${length}`);
  const start = 8 + Number(length);
  if (start > source.length)
    throw refuse(`a header of ${length} bytes`, `${source.length - 8} bytes to the end of the file`);
  const raw = new Uint8Array(Number(length));
  source.read(8, raw);
  // What begins with '{' is an object.
  const header = parseJson(decode(raw, refuse), refuse) as ReadonlyMap<string, Json>;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of header)
    if (name !== METADATA) tensors.set(name, readEntry(name, value, start, refuse));
  requireCover(tensors, start, source.length, refuse);
  return { metadata: readMetadata(header.get(METADATA), refuse), tensors };
}

function decode(raw: Uint8Array, refuse: Refusal): string {
  if (raw[0] !== 0x7b)
    throw refuse("a header that begins with '{'", raw.length === 0 ? 'none' : `byte ${raw[0]}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw refuse('a header in UTF-8', 'other bytes');
  }
}

const isObject = (value: Json | undefined): value is ReadonlyMap<string, Json> => value instanceof Map;
const isCount = (value: Json): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isCounts = (value: Json | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every(isCount);

function readMetadata(value: Json | undefined, refuse: Refusal): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value)) throw refuse(`${METADATA} to be an object of strings`, show(value));
  for (const [key, one] of value)
    if (typeof one !== 'string')
      throw refuse(`a string for ${JSON.stringify(key)} of ${METADATA}`, show(one));
  return value as ReadonlyMap<string, string>;
}

const KEYS = ['dtype', 'shape', 'data_offsets'];

function readEntry(name: string, value: Json, start: number, refuse: Refusal): TensorEntry {
  const tensor = `tensor ${JSON.stringify(name)}`;
  if (!isObject(value)) throw refuse(`an object for ${tensor}`, show(value));
  const other = [...value.keys()].find((key) => !KEYS.includes(key));
  if (other !== undefined) throw refuse(`only ${KEYS.join(', ')} for ${tensor}`, JSON.stringify(other));
  const [dtype, shape, offsets] = KEYS.map((key) => value.get(key));
  if (typeof dtype !== 'string' || !Object.hasOwn(FORMAT, dtype))
    throw refuse(`a dtype (${RANKS.join(', ')}) for ${tensor}`, show(dtype));
  if (!isCounts(shape)) throw refuse(`a shape of whole numbers for ${tensor}`, show(shape));
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw refuse(`data_offsets [begin, end] for ${tensor}`, show(offsets));
  const bytes = bytesOf(shape, FORMAT[dtype]![0], () =>
    refuse(`an addressable shape for ${tensor}`, show(shape)),
  );
  if (!Number.isInteger(bytes))
    throw refuse(`whole bytes for ${tensor}`, `${bytes} of ${dtype} ${showShape(shape)}`);
  if (offsets[1]! - offsets[0]! !== bytes)
    throw refuse(
      `${bytes} bytes for ${tensor} of ${dtype} ${showShape(shape)}`,
      `data_offsets ${show(offsets)}`,
    );
  return { dtype, shape, at: start + offsets[0]!, bytes };
}

/** The bytes of a shape. Sizes beside a 0 must multiply to something addressable too. */
function bytesOf(shape: readonly number[], bits: number, tooLarge: () => Error): number {
  const nonzero = shape.reduce((product, size) => product * Math.max(size, 1), 1);
  if (nonzero * bits > Number.MAX_SAFE_INTEGER) throw tooLarge();
  return shape.includes(0) ? 0 : (nonzero * bits) / 8;
}

/** No byte of the data belongs to two tensors or to none. */
function requireCover(
  tensors: ReadonlyMap<string, TensorEntry>,
  start: number,
  end: number,
  refuse: Refusal,
): void {
  let free = start;
  let before = 'the header';
  for (const [name, { at, bytes }] of [...tensors].sort(([, a], [, b]) => a.at - b.at || a.bytes - b.bytes)) {
    const [wanted, got] = [`data offset ${free - start}`, `${at - start}`];
    const what = `tensor ${JSON.stringify(name)} ${at > free ? 'without a gap' : 'without an overlap'} behind ${before}`;
    if (at !== free) throw refuse(`${wanted} for ${what}`, got);
    free += bytes;
    before = `tensor ${JSON.stringify(name)}`;
  }
  if (free !== end)
    throw refuse(`${free - start} bytes of data for the tensors of the header`, `${end - start}`);
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'none';
  const text = isObject(value) ? 'an object' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A tensor to be written. */
export interface NewEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The reference's order: the largest elements first, so that all are aligned, then by name. */
export function inFileOrder<T extends NewEntry>(entries: readonly T[]): T[] {
  return [...entries].sort(
    (a, b) =>
      RANKS.indexOf(b.dtype) - RANKS.indexOf(a.dtype) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
}

/** What comes before the data: its length and the JSON, padded with spaces to a multiple of 8. */
export function writeHeader(
  ordered: readonly NewEntry[],
  metadata: readonly (readonly [string, string])[] | undefined,
  refuse: Refusal,
): Uint8Array {
  const fields: string[] = [];
  const field = (name: string, value: string): void => void fields.push(`${JSON.stringify(name)}:${value}`);
  if (metadata !== undefined) {
    const texts = metadata.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    field(METADATA, `{${texts.join(',')}}`);
  }
  let at = 0;
  for (const { name, dtype, shape, bytes } of ordered) {
    field(name, JSON.stringify({ dtype, shape, data_offsets: [at, at + bytes] }));
    at += bytes;
  }
  const text = Buffer.from(`{${fields.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MOST_HEADER) throw refuse(`a header of at most ${MOST_HEADER} bytes`, `${length}`);
  const out = Buffer.alloc(8 + length, ' ');
  out.writeBigUInt64LE(BigInt(length));
  text.copy(out, 8);
  return out;
}
