// ZIP archives: a strict reader by ranges. Every offset is checked against the file before it is followed.
//   const zip = new ZipReader(source, refuse); for (const entry of zip.entries()) zip.unpack(entry, refuse);
import { crc32 } from 'node:zlib';
import { inflateSync } from 'fflate';
import type { ByteSource, Refusal } from './_file.js';

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;
/** No deflate stream expands further than this; larger claims are not worth their memory. */
const MOST_EXPANSION = 1032;
/** Directories and deflated entries are held in memory. */
const MOST_IN_MEMORY = 2 ** 31;
/** A Map holds no more than twice as many. */
const MOST_ENTRIES = 2 ** 23;

export const STORED = 0;
export const DEFLATED = 8;

export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
}

interface Directory {
  readonly count: number;
  readonly start: number;
  readonly length: number;
  /** Where it must end. */
  readonly limit: number;
}

/** The structure of one archive. */
export class ZipReader {
  readonly #source: ByteSource;
  readonly #refuse: Refusal;

  constructor(source: ByteSource, refuse: Refusal) {
    this.#source = source;
    this.#refuse = refuse;
  }

  /** All entries of the central directory. */
  entries(): ZipEntry[] {
    const { count, start, length, limit } = this.#findDirectory();
    if (start + length > limit)
      throw this.#refuse('a directory inside the file', `${length} bytes at ${start}`);
    if (length > MOST_IN_MEMORY)
      throw this.#refuse(`a directory of at most ${MOST_IN_MEMORY} bytes`, `${length}`);
    if (count > MOST_ENTRIES) throw this.#refuse(`at most ${MOST_ENTRIES} entries`, `${count}`);
    const block = this.#view(start, length);
    const found: ZipEntry[] = [];
    let at = 0;
    while (found.length < count) {
      const { entry, next } = this.#entry(block, at, start);
      found.push(entry);
      at = next;
    }
    if (at !== length) throw this.#refuse(`a directory of ${length} bytes`, `${at} used`);
    this.#requireApart(found, start);
    return found;
  }

  #view(at: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    this.#source.read(at, bytes);
    return new DataView(bytes.buffer);
  }

  #findDirectory(): Directory {
    const { length } = this.#source;
    const tail = Math.min(length, 22 + FULL16);
    const view = this.#view(length - tail, tail);
    for (let at = tail - 22; at >= 0; at--) {
      if (view.getUint32(at, true) !== END) continue;
      if (at + 22 + view.getUint16(at + 20, true) === tail) {
        return this.#directory(new DataView(view.buffer, at), length - tail + at);
      }
    }
    throw this.#refuse('a ZIP archive', `${length} bytes without an end record (truncated?)`);
  }

  #directory(view: DataView, end: number): Directory {
    const disks = [view.getUint16(4, true), view.getUint16(6, true)];
    const count = view.getUint16(10, true);
    const length = view.getUint32(12, true);
    const start = view.getUint32(16, true);
    if (count === FULL16 || length === FULL32 || start === FULL32) return this.#directory64(end - 20);
    if (disks.some((disk) => disk !== 0) || view.getUint16(8, true) !== count) {
      throw this.#refuse('an archive of one part', `parts ${disks.join(' and ')}`);
    }
    return { count, start, length, limit: end };
  }

  #directory64(locator: number): Directory {
    const found = locator < 0 ? null : this.#view(locator, 20);
    if (found?.getUint32(0, true) !== LOCATOR64) throw this.#refuse('a ZIP64 locator', 'none');
    const record = this.#uint64(found, 8);
    const view = record + 56 > locator ? null : this.#view(record, 56);
    if (view?.getUint32(0, true) !== END64) throw this.#refuse('a ZIP64 end record', `none at ${record}`);
    return {
      count: this.#uint64(view, 32),
      length: this.#uint64(view, 40),
      start: this.#uint64(view, 48),
      limit: record,
    };
  }

  #uint64(view: DataView, at: number): number {
    const value = view.getBigUint64(at, true);
    if (value > BigInt(this.#source.length)) throw this.#refuse('offsets inside the file', `${value}`);
    return Number(value);
  }

  /** The entry at `at` of the directory, which begins at `start` of the file. */
  #entry(view: DataView, at: number, start: number): { entry: ZipEntry; next: number } {
    const limit = view.byteLength;
    if (at + 46 > limit || view.getUint32(at, true) !== DIRECTORY) {
      throw this.#refuse('a directory entry', `none at ${start + at}`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > limit)
      throw this.#refuse('directory entries inside the directory', `one that ends at ${start + next}`);
    const flags = view.getUint16(at + 8, true);
    const name = this.#text(bytesOf(view, at + 46, nameEnd), flags);
    if ((flags & 1) !== 0) throw this.#refuse('entries without encryption', JSON.stringify(name));
    const [size, packed, offset] = this.#sizes(view, at, nameEnd, extraEnd);
    const method = view.getUint16(at + 10, true);
    return { entry: { name, method, crc: view.getUint32(at + 16, true), packed, size, offset }, next };
  }

  /** Size, packed size and offset; what does not fit 32 bits stands in the ZIP64 field, in this order. */
  #sizes(view: DataView, at: number, extra: number, extraEnd: number): [number, number, number] {
    const fields = [24, 20, 42].map((where) => view.getUint32(at + where, true));
    const [size = 0, packed = 0, offset = 0] = fields;
    if (!fields.includes(FULL32)) return [size, packed, offset];
    for (let field = extra; field + 4 <= extraEnd; ) {
      let value = field + 4;
      const valueEnd = value + view.getUint16(field + 2, true);
      if (view.getUint16(field, true) === 1 && valueEnd <= extraEnd) {
        const take = (small: number): number => {
          if (small !== FULL32) return small;
          value += 8;
          if (value > valueEnd) throw this.#refuse('a complete ZIP64 field', `${valueEnd - field - 4} bytes`);
          return this.#uint64(view, value - 8);
        };
        return [take(size), take(packed), take(offset)];
      }
      field = valueEnd;
    }
    throw this.#refuse('a ZIP64 field for a large entry', 'none');
  }

  #text(raw: Uint8Array, flags: number): string {
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
  #requireApart(found: readonly ZipEntry[], directory: number): void {
    let free = 0;
    for (const entry of [...found].sort((a, b) => a.offset - b.offset)) {
      if (entry.offset < free) throw this.#refuse('entries that do not overlap', JSON.stringify(entry.name));
      free = entry.offset + 30 + entry.packed;
      if (free > directory) throw this.#refuse('entries before the directory', JSON.stringify(entry.name));
    }
  }

  /** Where the data of an entry begin: behind its local header, which must agree with the directory. */
  locate(entry: ZipEntry, refuse: Refusal): number {
    const { offset, packed, name } = entry;
    const view = this.#view(offset, 30);
    if (view.getUint32(0, true) !== LOCAL) throw refuse('a local header', `none at ${offset}`);
    const nameLength = view.getUint16(26, true);
    const start = offset + 30 + nameLength + view.getUint16(28, true);
    if (start + packed > this.#source.length)
      throw refuse(`${packed} bytes`, `${Math.max(0, this.#source.length - start)} to the end of the file`);
    const local = this.#text(bytesOf(this.#view(offset + 30, nameLength)), view.getUint16(6, true));
    if (local !== name) throw refuse('the same name in both headers', JSON.stringify(local));
    return start;
  }

  /** The bytes of one entry, checked for length and CRC. */
  unpack(entry: ZipEntry, refuse: Refusal): Uint8Array {
    const { packed, size, method, crc } = entry;
    const start = this.locate(entry, refuse);
    if (method !== STORED && size > packed * MOST_EXPANSION)
      throw refuse('a size that deflate can reach', `${size}`);
    if (packed >= MOST_IN_MEMORY || size >= MOST_IN_MEMORY)
      throw refuse(`an entry of less than ${MOST_IN_MEMORY} bytes`, `${Math.max(packed, size)}`);
    const raw = new Uint8Array(packed);
    this.#source.read(start, raw);
    const data = expand(raw, method, size, refuse);
    if (data.length !== size) throw refuse(`${size} bytes`, `${data.length > size ? 'more' : data.length}`);
    requireCrc(crc, crc32(data), refuse);
    return data;
  }
}

/** @throws what `refuse` makes, where the sums differ */
export function requireCrc(wanted: number, got: number, refuse: Refusal): void {
  if (got !== wanted) throw refuse(`CRC ${wanted.toString(16)}`, `${got.toString(16)}: the data is damaged`);
}

/** The CRC of bytes that come by and by: `next` sees each part, `value` is the sum so far. */
export class RunningCrc {
  value = 0;
  readonly next = (part: Uint8Array): void => {
    this.value = crc32(part, this.value);
  };
}

function bytesOf(view: DataView, from = 0, to = view.byteLength): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + from, to - from);
}

function expand(packed: Uint8Array, method: number, size: number, refuse: Refusal): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw refuse('a stored or deflated entry', `method ${method}`);
  try {
    // fflate cuts off what does not fit; one byte to spare shows that something did not.
    return inflateSync(packed, { out: new Uint8Array(size + 1) });
  } catch (cause) {
    throw refuse('intact deflated data', cause instanceof Error ? cause.message : String(cause));
  }
}
