// The .npz format: strict reading of the ZIP archive around .npy entries, and writing. fflate inflates and deflates;
// its reader checks no CRCs, bounds or duplicate names, so the directory is read here.
import { crc32 } from 'node:zlib';
import { inflateSync, type ZipOptions, zipSync } from 'fflate';
import {
  type NpyArray,
  NpyError,
  type NpySource,
  parseNpy,
  type Refusal,
  refusal,
  serializeNpy,
} from './npy.js';

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const SUFFIX = '.npy';
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;
/** No deflate stream expands further than this; larger claims are not worth their memory. */
const MOST_EXPANSION = 1032;

/** Reads every array of a `.npz` file. Throws {@link NpyError}, naming `name` and the entry, on anything irregular. */
export function parseNpz(bytes: Uint8Array, name?: string): Map<string, NpyArray> {
  const file = openNpz(bytes, name);
  return new Map(file.names.map((key) => [key, file.read(key)]));
}

/** Reads only the directory of a `.npz` file; arrays are decoded when they are asked for. */
export function openNpz(bytes: Uint8Array, name?: string): NpzFile {
  return new NpzFile(bytes, name);
}

/** Options of {@link serializeNpz}. */
export interface NpzOptions {
  /** Deflate the entries, as `np.savez_compressed`; otherwise they are stored, as `np.savez`. */
  readonly compress?: boolean;
}

/** The bytes of a `.npz` file; the same arrays give the same bytes. Throws {@link NpyError} as serializeNpy does. */
export function serializeNpz(arrays: ReadonlyMap<string, NpySource>, options: NpzOptions = {}): Uint8Array {
  const refuse = refusal('npz');
  if (arrays.size >= FULL16) throw refuse(`fewer than ${FULL16} arrays`, `${arrays.size}`);
  const entries: Record<string, Uint8Array> = {};
  let total = 0;
  for (const [key, array] of arrays) {
    // A lone surrogate has no UTF-8 form, and the name would come back as another.
    if (/\p{Surrogate}/u.test(key)) throw refuse('names of well-formed text', JSON.stringify(key));
    const nameLength = Buffer.byteLength(key) + SUFFIX.length;
    if (nameLength > FULL16) throw refuse(`names of at most ${FULL16} bytes`, `one of ${nameLength}`);
    const entry = named(key, () => serializeNpy(array));
    entries[key + SUFFIX] = entry;
    // Twice the name, and the two headers of an entry. Incompressible data grows by far less than an eighth.
    total += entry.length + (entry.length >> 3) + 2 * nameLength + 76;
  }
  if (total >= FULL32) throw refuse('less than 4 GiB in one archive', `about ${total} bytes`);
  // A fixed date (the first that ZIP knows, as NumPy writes), so that the bytes depend on the arrays alone.
  const zip: ZipOptions = { level: options.compress ? 6 : 0, mtime: new Date(1980, 0, 1) };
  return zipSync(entries, zip);
}

function named<T>(key: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof NpyError) throw new NpyError(`npz: ${key}: ${cause.message}`, { cause });
    throw cause;
  }
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
}

/** An opened archive. It keeps the bytes it was opened with, which must not change. */
export class NpzFile {
  readonly #zip: Zip;
  readonly #entries = new Map<string, Entry>();
  readonly #name: string | undefined;

  constructor(bytes: Uint8Array, name?: string) {
    this.#name = name;
    const refuse = refusal('npz', name);
    this.#zip = new Zip(bytes, refuse);
    for (const entry of this.#zip.entries()) {
      if (!entry.name.endsWith(SUFFIX)) throw refuse(`entries named *${SUFFIX}`, JSON.stringify(entry.name));
      const key = entry.name.slice(0, -SUFFIX.length);
      if (this.#entries.has(key)) throw refuse('each name once', `${JSON.stringify(entry.name)} twice`);
      this.#entries.set(key, entry);
    }
  }

  /** The arrays' names, in the archive's order. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Whether there is an array of this name. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Decodes and checks one array. Every call decodes anew. */
  read(key: string): NpyArray {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const known = this.names.slice(0, 20).join(', ');
      throw refusal('npz', this.#name)(`one of the arrays ${known || '(none)'}`, JSON.stringify(key));
    }
    const label = this.#name === undefined ? entry.name : `${this.#name}/${entry.name}`;
    return parseNpy(this.#zip.unpack(entry, refusal('npz', label)), label);
  }
}

/** The ZIP structure. Every offset is checked against the bytes before it is followed. */
class Zip {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #refuse: Refusal;

  constructor(bytes: Uint8Array, refuse: Refusal) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#refuse = refuse;
  }

  /** All entries of the central directory. */
  entries(): Entry[] {
    const end = this.#findEnd();
    const { count, start, length, limit } = this.#directory(end);
    if (start + length > limit)
      throw this.#refuse('a directory inside the file', `${length} bytes at ${start}`);
    const found: Entry[] = [];
    let at = start;
    while (found.length < count) {
      const { entry, next } = this.#entry(at, start + length);
      found.push(entry);
      at = next;
    }
    if (at !== start + length) throw this.#refuse(`a directory of ${length} bytes`, `${at - start} used`);
    this.#requireApart(found, start);
    return found;
  }

  #findEnd(): number {
    const last = this.#bytes.length - 22;
    for (let at = last; at >= 0 && at >= last - FULL16; at--) {
      if (this.#view.getUint32(at, true) !== END) continue;
      if (at + 22 + this.#view.getUint16(at + 20, true) === this.#bytes.length) return at;
    }
    throw this.#refuse('a ZIP archive', `${this.#bytes.length} bytes without an end record (truncated?)`);
  }

  #directory(end: number): { count: number; start: number; length: number; limit: number } {
    const view = this.#view;
    const disks = [view.getUint16(end + 4, true), view.getUint16(end + 6, true)];
    const count = view.getUint16(end + 10, true);
    const length = view.getUint32(end + 12, true);
    const start = view.getUint32(end + 16, true);
    if (count === FULL16 || length === FULL32 || start === FULL32) return this.#directory64(end - 20);
    if (disks.some((disk) => disk !== 0) || view.getUint16(end + 8, true) !== count) {
      throw this.#refuse('an archive of one part', `parts ${disks.join(' and ')}`);
    }
    return { count, start, length, limit: end };
  }

  #directory64(locator: number): { count: number; start: number; length: number; limit: number } {
    if (locator < 0 || this.#view.getUint32(locator, true) !== LOCATOR64) {
      throw this.#refuse('a ZIP64 locator', 'none');
    }
    const record = this.#uint64(locator + 8);
    if (record + 56 > locator || this.#view.getUint32(record, true) !== END64) {
      throw this.#refuse('a ZIP64 end record', `none at ${record}`);
    }
    return {
      count: this.#uint64(record + 32),
      length: this.#uint64(record + 40),
      start: this.#uint64(record + 48),
      limit: record,
    };
  }

  #uint64(at: number): number {
    const value = this.#view.getBigUint64(at, true);
    if (value > BigInt(this.#bytes.length)) throw this.#refuse('offsets inside the file', `${value}`);
    return Number(value);
  }

  #entry(at: number, limit: number): { entry: Entry; next: number } {
    const view = this.#view;
    if (at + 46 > limit || view.getUint32(at, true) !== DIRECTORY) {
      throw this.#refuse('a directory entry', `none at ${at}`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > limit)
      throw this.#refuse('directory entries inside the directory', `one that ends at ${next}`);
    const flags = view.getUint16(at + 8, true);
    const name = this.#text(at + 46, nameEnd, flags);
    if ((flags & 1) !== 0) throw this.#refuse('entries without encryption', JSON.stringify(name));
    const [size, packed, offset] = this.#sizes(at, nameEnd, extraEnd);
    const method = view.getUint16(at + 10, true);
    return { entry: { name, method, crc: view.getUint32(at + 16, true), packed, size, offset }, next };
  }

  /** Size, packed size and offset; what does not fit 32 bits stands in the ZIP64 field, in this order. */
  #sizes(at: number, extra: number, extraEnd: number): [number, number, number] {
    const fields = [24, 20, 42].map((where) => this.#view.getUint32(at + where, true));
    const [size = 0, packed = 0, offset = 0] = fields;
    if (!fields.includes(FULL32)) return [size, packed, offset];
    for (let field = extra; field + 4 <= extraEnd; ) {
      let value = field + 4;
      const valueEnd = value + this.#view.getUint16(field + 2, true);
      if (this.#view.getUint16(field, true) === 1 && valueEnd <= extraEnd) {
        const take = (small: number): number => {
          if (small !== FULL32) return small;
          value += 8;
          if (value > valueEnd) throw this.#refuse('a complete ZIP64 field', `${valueEnd - field - 4} bytes`);
          return this.#uint64(value - 8);
        };
        return [take(size), take(packed), take(offset)];
      }
      field = valueEnd;
    }
    throw this.#refuse('a ZIP64 field for a large entry', 'none');
  }

  #text(start: number, end: number, flags: number): string {
    const raw = this.#bytes.subarray(start, end);
    // Without the flag, names are in an old code page; its ASCII half is the same.
    if ((flags & 0x800) === 0 && raw.some((byte) => byte > 127)) {
      throw this.#refuse('names in UTF-8 or ASCII', `bytes ${Buffer.from(raw).toString('hex')}`);
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
    } catch {
      throw this.#refuse('names in UTF-8', `bytes ${Buffer.from(raw).toString('hex')}`);
    }
  }

  /** Overlapping entries are how a small file is made to claim terabytes. */
  #requireApart(found: readonly Entry[], directory: number): void {
    let free = 0;
    for (const entry of [...found].sort((a, b) => a.offset - b.offset)) {
      if (entry.offset < free) throw this.#refuse('entries that do not overlap', JSON.stringify(entry.name));
      free = entry.offset + 30 + entry.packed;
      if (free > directory) throw this.#refuse('entries before the directory', JSON.stringify(entry.name));
    }
  }

  /** The bytes of one entry, checked for length and CRC. */
  unpack(entry: Entry, refuse: Refusal): Uint8Array {
    const { offset, packed, size, method } = entry;
    if (this.#view.getUint32(offset, true) !== LOCAL) throw refuse('a local header', `none at ${offset}`);
    const nameEnd = offset + 30 + this.#view.getUint16(offset + 26, true);
    const start = nameEnd + this.#view.getUint16(offset + 28, true);
    const local = this.#text(offset + 30, nameEnd, this.#view.getUint16(offset + 6, true));
    if (local !== entry.name) throw refuse('the same name in both headers', JSON.stringify(local));
    const data = expand(this.#bytes.subarray(start, start + packed), method, size, refuse);
    if (data.length !== size) throw refuse(`${size} bytes`, `${data.length > size ? 'more' : data.length}`);
    const crc = crc32(data);
    if (crc !== entry.crc)
      throw refuse(`CRC ${entry.crc.toString(16)}`, `${crc.toString(16)}: the data is damaged`);
    return data;
  }
}

function expand(packed: Uint8Array, method: number, size: number, refuse: Refusal): Uint8Array {
  if (method === 0) return packed;
  if (method !== 8) throw refuse('a stored or deflated entry', `method ${method}`);
  if (size > packed.length * MOST_EXPANSION) throw refuse('a size that deflate can reach', `${size}`);
  try {
    // fflate cuts off what does not fit; one byte to spare shows that something did not.
    return inflateSync(packed, { out: new Uint8Array(size + 1) });
  } catch (cause) {
    throw refuse('intact deflated data', cause instanceof Error ? cause.message : String(cause));
  }
}
