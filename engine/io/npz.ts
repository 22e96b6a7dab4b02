// The .npz format: a ZIP archive of .npy entries, read from bytes and written to bytes. fflate deflates; its reader checks
// no CRCs, bounds or duplicate names, so _zip.ts reads.
import { type ZipOptions, zipSync } from 'fflate';
import { BytesSource } from './_file.js';
import { type ZipEntry, ZipReader } from './_zip.js';
import { type NpyArray, NpyError, type NpySource, parseNpy, refusal, serializeNpy } from './npy.js';

const SUFFIX = '.npy';
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;

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

/** The entries of an archive by their arrays' names, in its order. One that is no array keeps its whole name. */
export function arraysOf(zip: ZipReader, name?: string): Map<string, ZipEntry> {
  const arrays = new Map<string, ZipEntry>();
  for (const entry of zip.entries()) {
    const key = entry.name.endsWith(SUFFIX) ? entry.name.slice(0, -SUFFIX.length) : entry.name;
    if (arrays.has(key)) throw refusal('npz', name)('each name once', `${JSON.stringify(entry.name)} twice`);
    arrays.set(key, entry);
  }
  return arrays;
}

/** @throws NpyError unless the entry is named as an array */
export function requireArray(entry: ZipEntry, name?: string): void {
  if (!entry.name.endsWith(SUFFIX))
    throw refusal('npz', name)(`entries named *${SUFFIX}`, JSON.stringify(entry.name));
}

/** An opened archive. It keeps the bytes it was opened with, which must not change. */
export class NpzFile {
  readonly #zip: ZipReader;
  readonly #entries: Map<string, ZipEntry>;
  readonly #name: string | undefined;

  constructor(bytes: Uint8Array, name?: string) {
    this.#name = name;
    this.#zip = new ZipReader(new BytesSource(bytes), refusal('npz', name));
    this.#entries = arraysOf(this.#zip, name);
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
    requireArray(entry, this.#name);
    const label = this.#name === undefined ? entry.name : `${this.#name}/${entry.name}`;
    return parseNpy(this.#zip.unpack(entry, refusal('npz', label)), label);
  }
}
