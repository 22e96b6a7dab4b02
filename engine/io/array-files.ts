// .npy and .npz files of tensors. `saveNpy(path, x)`, `loadNpy(path)`, `saveNpz(path, { w, b })`, `loadNpz(path).get('w')`.
import { cpu, placedOn } from '../core/device.js';
import { asDType, bool, type DType, dtypes } from '../core/dtype.js';
import { ArgumentError, message, RuntimeError } from '../core/errors.js';
import { readOptions } from '../core/options.js';
import { disposeSymbol } from '../core/scope.js';
import { numelOf, type Shape } from '../core/shape.js';
import { Tensor } from '../core/tensor.js';
import { rawCast } from '../ops/creation/copy-fill-cast.js';
import {
  type ByteSource,
  BytesSource,
  type FilePath,
  FileSource,
  PartSource,
  pathOf,
  saveFile,
  withFile,
} from './_file.js';
import { eachRangeOf, inOrder, namedTensors, readPayload, requireTensor, wordSize } from './_payload.js';
import { RunningCrc, requireCrc, STORED, type ZipEntry, ZipReader } from './_zip.js';
import { ZipWriter } from './_zip-writer.js';
import { HEADER_ROOM, type NpyDtype, readHeader, refusal, requireBooleans, serializeHeader } from './npy.js';
import { arraysOf, requireArray } from './npz.js';

export type { FilePath } from './_file.js';

/** Options of {@link loadNpy} and {@link loadNpz}. */
export interface NpyOptions {
  /** What `|V2` data are: NumPy has no bfloat16, so a copy that it saves has lost its type. */
  readonly dtype?: DType | 'bfloat16';
}

/** Dtypes that NumPy has and tensors lack, with those that hold their values. */
const NEAREST: Readonly<Record<string, string>> = {
  uint16: 'int32',
  uint32: 'int64',
  uint64: 'int64 or float64',
};

/**
 * Reads an .npy file: any shape, in C order. float16, float32, float64, bool, uint8, the signed integers, complex64,
 * complex128, and bfloat16 as ml_dtypes writes it. Files of any size are read by ranges.
 * @throws NpyError with the reason, for anything but a whole, honest file, and for dtypes that tensors lack
 */
export function loadNpy(path: FilePath, options?: NpyOptions): Tensor {
  const raw = rawType('loadNpy', options);
  return withFile('loadNpy', path, (file) => readArray(file, file.path, raw));
}

/**
 * Writes an .npy file, in C order. The old file stays until the new one is whole.
 * @throws ArgumentError for what is no tensor
 */
export function saveNpy(path: FilePath, x: Tensor): void {
  requireTensor('saveNpy', x);
  const { header, data } = fileOf(x);
  saveFile('saveNpy', path, (out) => {
    out.write(header);
    eachRangeOf(data, (bytes) => out.write(bytes));
  });
}

/**
 * Opens an .npz archive: its arrays by name, each read when it is first asked for. An array that cannot be read refuses
 * itself only.
 * @throws NpyError where the archive itself is damaged; its `get` where an array is, or has a dtype that tensors lack
 */
export function loadNpz(path: FilePath, options?: NpyOptions): NpzTensors {
  return new NpzTensors(pathOf('loadNpz', path), rawType('loadNpz', options));
}

/**
 * Writes an .npz archive, not compressed. The old file stays until the new one is whole.
 * @throws ArgumentError for values that are no tensors
 */
export function saveNpz(
  path: FilePath,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
): void {
  const refuse = refusal('npz');
  const entries = namedTensors('saveNpz', tensors).map(([name, x]): [string, Tensor] => {
    // A lone surrogate has no UTF-8 form, and the name would come back as another.
    if (/\p{Surrogate}/u.test(name)) throw refuse('names of well-formed text', JSON.stringify(name));
    const length = Buffer.byteLength(name) + '.npy'.length;
    if (length > 0xffff) throw refuse('names of at most 65535 bytes', `one of ${length}`);
    requireTensor('saveNpz', x, `a Tensor for '${name}'`);
    return [name, x];
  });
  saveFile('saveNpz', path, (out) => {
    const zip = new ZipWriter(out);
    for (const [name, x] of entries) {
      const { header, data } = fileOf(x);
      zip.add(`${name}.npy`, header.length + data.length * data.dtype.itemSize, (use) => {
        use(header);
        eachRangeOf(data, use);
      });
    }
    zip.finish();
  });
}

/** The two parts of the file that holds this tensor. */
function fileOf(x: Tensor): { header: Uint8Array; data: Tensor } {
  return { header: serializeHeader(x.sizes, x.dtype.name), data: inOrder(x) };
}

function rawType(op: string, options: NpyOptions | undefined): 'bfloat16' | undefined {
  const { dtype } = readOptions<NpyOptions>(op, options, ['dtype']);
  if (dtype === undefined || dtype === null) return undefined;
  const { name } = asDType(dtype, op);
  if (name === 'bfloat16') return name;
  const hint = 'It says what |V2 data are; other files name their dtype. Convert with x.to(dtype)';
  throw new ArgumentError(message(op, "dtype 'bfloat16'", `'${name}'`, hint));
}

/** Reads one array, which is all of `source`. `each` sees every byte in order. */
function readArray(
  source: ByteSource,
  name: string,
  raw: 'bfloat16' | undefined,
  each?: (bytes: Uint8Array) => void,
): Tensor {
  const refuse = refusal('npy', name);
  const head = new Uint8Array(Math.min(source.length, HEADER_ROOM));
  source.read(0, head);
  const header = readHeader(head, source.length, refuse, raw);
  const dtype = dtypeOf(header.dtype);
  if (dtype === undefined) {
    const hint = `Convert it in NumPy: a.astype('${NEAREST[header.dtype]?.split(' ')[0]}')`;
    throw refuse('a dtype that tensors have', header.dtype, hint);
  }
  each?.(head.subarray(0, header.end));
  let seen = 0;
  const look = (bytes: Uint8Array): void => {
    each?.(bytes);
    if (dtype === bool) requireBooleans(bytes, refuse, seen);
    seen += bytes.length;
  };
  const payload = { source, at: header.end, each: look, swap: header.swapped ? wordSize(dtype) : 0 };
  if (!header.fortran) return readPayload(payload, dtype, header.shape, cpu);
  return columnMajor(readPayload(payload, dtype, [numelOf(header.shape)], cpu), header.shape);
}

const dtypeOf = (name: NpyDtype): DType | undefined => dtypes.find((d) => d.name === name);

/** The elements of a flat tensor as a tensor of this shape, the first dim changing fastest; in C order. */
function columnMajor({ storage, dtype }: Tensor, shape: Shape): Tensor {
  const strides: number[] = [];
  for (let stride = 1, d = 0; d < shape.length; d++) {
    strides.push(stride);
    stride *= Math.max(shape[d]!, 1);
  }
  return placedOn(cpu, () => rawCast(new Tensor(storage, shape, strides, 0, dtype), dtype));
}

/**
 * The arrays of an .npz archive, as a read-only Map. Each is read at the first `get` and kept; the file stays open until all are
 * read, or close() or the end of a `using` block.
 */
export class NpzTensors implements ReadonlyMap<string, Tensor> {
  readonly #file: FileSource;
  readonly #raw: 'bfloat16' | undefined;
  readonly #zip: ZipReader;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #read = new Map<string, Tensor>();

  /** @internal Use loadNpz. */
  constructor(path: string, raw: 'bfloat16' | undefined) {
    this.#file = new FileSource('loadNpz', path);
    this.#raw = raw;
    this.#zip = new ZipReader(this.#file, refusal('npz', path));
    try {
      this.#entries = arraysOf(this.#zip, path);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#entries.size;
  }
  has(name: string): boolean {
    return this.#entries.has(name);
  }
  /** The array of this name; undefined where there is none. @throws NpyError for one that cannot be read */
  get(name: string): Tensor | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    let found = this.#read.get(name);
    if (found === undefined) {
      found = this.#load(entry);
      this.#read.set(name, found);
      if (this.#read.size === this.#entries.size) this.#file.close();
    }
    return found;
  }

  #load(entry: ZipEntry): Tensor {
    const { path } = this.#file;
    if (!this.#file.isOpen)
      throw new RuntimeError(message('NpzTensors', 'an open file', 'one that was closed', path));
    requireArray(entry, path);
    const label = `${path}/${entry.name}`;
    const refuse = refusal('npz', label);
    if (entry.method !== STORED) {
      return readArray(new BytesSource(this.#zip.unpack(entry, refuse)), label, this.#raw);
    }
    const start = this.#zip.locate(entry, refuse);
    if (entry.packed !== entry.size) throw refuse(`${entry.size} bytes`, `${entry.packed}`);
    const sum = new RunningCrc();
    const x = readArray(new PartSource(this.#file, start, entry.size), label, this.#raw, sum.next);
    requireCrc(entry.crc, sum.value, refuse);
    return x;
  }

  keys(): MapIterator<string> {
    return this.#entries.keys();
  }
  *values(): MapIterator<Tensor> {
    for (const name of this.keys()) yield this.get(name)!;
  }
  *entries(): MapIterator<[string, Tensor]> {
    for (const name of this.keys()) yield [name, this.get(name)!];
  }
  [Symbol.iterator](): MapIterator<[string, Tensor]> {
    return this.entries();
  }
  forEach(use: (value: Tensor, key: string, map: ReadonlyMap<string, Tensor>) => void, self?: unknown): void {
    for (const [name, x] of this) use.call(self, x, name, this);
  }

  /** Closes the file. Arrays that were read stay; others can no longer be. */
  close(): void {
    this.#file.close();
  }
  [disposeSymbol](): void {
    this.close();
  }
}
