// ZIP archives: a writer of stored entries, by ranges. The same entries give the same bytes.
//   const zip = new ZipWriter(out); zip.add('a.npy', size, (use) => use(bytes)); zip.finish();
import type { ByteSink } from './_file.js';
import { RunningCrc } from './_zip.js';

/** What does not fit 32 or 16 bits stands in ZIP64 fields: from here on. */
export const zip64 = { from: 0xffffffff, entries: 0xffff };
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;
const UTF8 = 0x800;
/** 1 January 1980, the first day that ZIP knows. */
const DATE = 0x21;

interface Written {
  readonly name: Buffer;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** Fixed-size little-endian fields: [bytes, value] each. */
function fields(...list: readonly (readonly [2 | 4 | 8, number])[]): Buffer {
  const out = Buffer.alloc(list.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) out.writeUInt16LE(value, at);
    else if (size === 4) out.writeUInt32LE(value, at);
    else out.writeBigUInt64LE(BigInt(value), at);
    at += size;
  }
  return out;
}

const isLarge = (value: number): boolean => value >= zip64.from;
const shown = (value: number): number => (isLarge(value) ? FULL32 : value);

/** The ZIP64 field of the values that need one. */
function extra64(values: readonly number[]): Buffer {
  const large = values.filter(isLarge);
  if (large.length === 0) return Buffer.alloc(0);
  return fields([2, 1], [2, 8 * large.length], ...large.map((value) => [8, value] as const));
}

/** Writes one archive to a sink. */
export class ZipWriter {
  readonly #out: ByteSink;
  readonly #align: number;
  readonly #written: Written[] = [];

  /** `align`: the data of each entry begin at a multiple of it, as PyTorch has them. */
  constructor(out: ByteSink, align = 1) {
    this.#out = out;
    this.#align = align;
  }

  /** Writes an entry. `each` hands over its bytes, `size` in all; it is called twice, because the sum comes before the data. */
  add(name: string, size: number, each: (use: (bytes: Uint8Array) => void) => void): void {
    const sum = new RunningCrc();
    each(sum.next);
    const entry: Written = { name: Buffer.from(name), crc: sum.value, size, offset: this.#out.position };
    // Both sizes, or none.
    const large = extra64([size, size]);
    const extra = Buffer.concat([large, this.#padding(entry.name.length + large.length)]);
    this.#out.write(fields([4, 0x04034b50], ...common(entry), [2, entry.name.length], [2, extra.length]));
    this.#out.write(entry.name);
    this.#out.write(extra);
    each((bytes) => this.#out.write(bytes));
    this.#written.push(entry);
  }

  /** A field that moves the data to the next multiple; `FB` is PyTorch's mark for it. */
  #padding(before: number): Buffer {
    if (this.#align === 1) return Buffer.alloc(0);
    const start = this.#out.position + 30 + before + 4;
    const gap = (this.#align - (start % this.#align)) % this.#align;
    return Buffer.concat([fields([2, 0x4246], [2, gap]), Buffer.alloc(gap, 'Z')]);
  }

  /** Writes the directory. */
  finish(): void {
    const start = this.#out.position;
    for (const entry of this.#written) {
      const extra = extra64([entry.size, entry.size, entry.offset]);
      const rest = [
        [2, entry.name.length],
        [2, extra.length],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
      ] as const;
      const made = [2, 45] as const;
      this.#out.write(fields([4, 0x02014b50], made, ...common(entry), ...rest, [4, shown(entry.offset)]));
      this.#out.write(entry.name);
      this.#out.write(extra);
    }
    const length = this.#out.position - start;
    const count = this.#written.length;
    if (count >= zip64.entries || isLarge(length) || isLarge(start)) this.#finish64(count, length, start);
    const shownCount = count >= zip64.entries ? FULL16 : count;
    this.#out.write(
      fields(
        [4, 0x06054b50],
        [4, 0],
        [2, shownCount],
        [2, shownCount],
        [4, shown(length)],
        [4, shown(start)],
        [2, 0],
      ),
    );
  }

  #finish64(count: number, length: number, start: number): void {
    const record = this.#out.position;
    const versions = [
      [2, 45],
      [2, 45],
      [4, 0],
      [4, 0],
    ] as const;
    this.#out.write(
      fields([4, 0x06064b50], [8, 44], ...versions, [8, count], [8, count], [8, length], [8, start]),
    );
    this.#out.write(fields([4, 0x07064b50], [4, 0], [8, record], [4, 1]));
  }
}

/** What the local header and the directory both say, from the version needed to the sizes. */
function common(entry: Written): (readonly [2 | 4, number])[] {
  const { name, crc, size, offset } = entry;
  const version = isLarge(size) || isLarge(offset) ? 45 : 20;
  const flags = name.some((byte) => byte > 127) ? UTF8 : 0;
  const sizes = [
    [4, shown(size)],
    [4, shown(size)],
  ] as const;
  return [[2, version], [2, flags], [2, 0], [2, 0], [2, DATE], [4, crc], ...sizes];
}
