// PyTorch checkpoints: the .pt and .pth files of torch.save, a ZIP archive of one pickle and its storages. Nothing of a file is run.
//   save({ model: stateDict, step: 3 }, 'model.pt');  const { model, step } = load('model.pt')
import { cpu, Device, type DeviceLike, meta, requireDevice } from '../core/device.js';
import { ArgumentError, describe, message, RuntimeError } from '../core/errors.js';
import { isOptions, readOptions } from '../core/options.js';
import type { Storage } from '../core/storage.js';
import { type ByteSource, type FilePath, pathOf, type Refusal, saveFile, withFile } from './_file.js';
import { eachRange, LITTLE, readStorage, storageOn, wordSize } from './_payload.js';
import { type NamedStorage, pickle } from './_pickle.js';
import { globalHint, isTorchValue, StorageClass, StoredStorage, TORCH_GLOBALS } from './_torch-globals.js';
import { kindOf, meaningOf, PyTuple, unpickle } from './_unpickle.js';
import { RunningCrc, requireCrc, STORED, type ZipEntry, ZipReader } from './_zip.js';
import { ZipWriter } from './_zip-writer.js';

/** A checkpoint that is malformed or holds what is not read, or a value that none can hold. */
export class CheckpointError extends RuntimeError {
  override name = 'CheckpointError';
}

/** Where tensors go that were saved at a location, as `cpu` or `cuda:0`: one device, devices by location, or a function. */
export type MapLocation =
  | DeviceLike
  | Readonly<Record<string, DeviceLike>>
  | ((location: string) => DeviceLike | null | undefined);

/** Options of {@link load}. */
export interface LoadOptions {
  /** Where the tensors go: by default where they were saved. */
  readonly mapLocation?: MapLocation;
  /** Always true: nothing of a file is ever run. */
  readonly weightsOnly?: true;
}

/** The newest version of the archive that PyTorch's own reader takes. */
const NEWEST = 10;
const ALIGNMENT = 64;
const MOST_PICKLE = 2 ** 30;

const refusal =
  (name: string): Refusal =>
  (required, got, hint) =>
    new CheckpointError(message(`checkpoint: ${name}`, required, got, hint));

/**
 * Reads a checkpoint that `torch.save` or {@link save} wrote. Dicts become objects (Maps where a key is no string), lists and
 * tuples arrays, None null, integers beyond 2^53 bigints. Tensors that shared a storage share it again.
 * `T` is what the caller takes the value for; it is not checked.
 * @throws CheckpointError for malformed files, for globals beyond tensors and plain values (named), and for older formats
 */
export function load<T = unknown>(path: FilePath, options?: LoadOptions): T {
  const { mapLocation, weightsOnly } = readOptions<LoadOptions>('load', options, [
    'mapLocation',
    'weightsOnly',
  ]);
  if (weightsOnly !== undefined && weightsOnly !== null && weightsOnly !== true)
    throw new ArgumentError(
      message('load', 'weightsOnly: true', describe(weightsOnly), 'Nothing of a file is run'),
    );
  const place = placing(mapLocation);
  return withFile('load', path, (file) => {
    const refuse = refusal(file.path);
    requireArchive(file, refuse);
    return new Checkpoint(file, refuse, place).value() as T;
  });
}

/**
 * Writes a checkpoint that `torch.load` reads, with weights_only too: tensors, plain objects, Maps, Sets, arrays, numbers (whole ones
 * as int), bigints, strings, booleans, null, Uint8Arrays, Complex, dtypes, devices and sizes, nested at will. Tensors that
 * share a storage share it in the file, which holds all of it. The old file stays until the new one is whole.
 * @throws CheckpointError for other values, saying where they are
 */
export function save(value: unknown, path: FilePath): void {
  const file = pathOf('save', path);
  const { bytes, storages } = pickle(value, refusal(file));
  saveFile('save', file, (out) => {
    const zip = new ZipWriter(out, ALIGNMENT);
    const text = (name: string, content: string | Buffer): void =>
      zip.add(`archive/${name}`, content.length, (use) => use(Buffer.from(content)));
    text('data.pkl', bytes);
    text('.format_version', '1');
    text('.storage_alignment', String(ALIGNMENT));
    text('byteorder', 'little');
    for (const one of storages) addStorage(zip, one);
    text('version', '3\n');
    zip.finish();
  });
}

function addStorage(zip: ZipWriter, { key, storage, dtype, length }: NamedStorage): void {
  const bytes = length * dtype.itemSize;
  zip.add(`archive/data/${key}`, bytes, (use) => eachRange(storage, 0, bytes, wordSize(dtype), use));
}

type Place = (location: string, refuse: Refusal) => Device;

function placing(mapLocation: MapLocation | null | undefined): Place {
  if (mapLocation === undefined || mapLocation === null) return saved;
  if (typeof mapLocation === 'function')
    return (location, refuse) => {
      const to = mapLocation(location);
      return to === null || to === undefined ? saved(location, refuse) : requireDevice('load', to);
    };
  if (isOptions(mapLocation))
    return (location, refuse) =>
      Object.hasOwn(mapLocation, location)
        ? requireDevice('load', mapLocation[location]!)
        : saved(location, refuse);
  if (typeof mapLocation !== 'string' && !(mapLocation instanceof Device))
    throw new ArgumentError(
      message('load', 'mapLocation: a device, devices by location or a function', describe(mapLocation)),
    );
  const one = requireDevice('load', mapLocation as DeviceLike);
  return () => one;
}

/** The device of a location tag. */
function saved(location: string, refuse: Refusal): Device {
  if (location === 'cpu') return cpu;
  try {
    return requireDevice('load', location);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const hint = "Read it with { mapLocation: 'cpu' } to have the tensors on the CPU";
    throw refuse('a device that is here', `tensors saved on ${JSON.stringify(location)}`, hint);
  }
}

const RESAVE = 'In PyTorch: torch.save(torch.load(path), path)';
const PICKLE_BEFORE_1_6 = Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex');

/** Tells what is no archive from what was one once. */
function requireArchive(source: ByteSource, refuse: Refusal): void {
  const head = Buffer.alloc(Math.min(source.length, 512));
  source.read(0, head);
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) return;
  if (head.subarray(0, PICKLE_BEFORE_1_6.length).equals(PICKLE_BEFORE_1_6))
    throw refuse('a ZIP archive', 'the format of PyTorch before 1.6', RESAVE);
  if (head.toString('latin1', 257, 262) === 'ustar')
    throw refuse('a ZIP archive', 'the tar format of PyTorch before 0.1.10', RESAVE);
  if (head[0] === 0x80) throw refuse('a ZIP archive', 'a bare pickle', 'Write it with torch.save');
  if (head[8] === 0x7b)
    throw refuse('a ZIP archive', 'perhaps a safetensors file', 'Read it with loadSafetensors');
  throw refuse('a ZIP archive, as torch.save writes', head.length === 0 ? 'an empty file' : 'other bytes');
}

/** One archive, its directory read. */
class Checkpoint {
  readonly #source: ByteSource;
  readonly #refuse: Refusal;
  readonly #place: Place;
  readonly #zip: ZipReader;
  readonly #records = new Map<string, ZipEntry>();
  readonly #root: string;
  readonly #storages = new Map<string, StoredStorage>();

  constructor(source: ByteSource, refuse: Refusal, place: Place) {
    this.#source = source;
    this.#refuse = refuse;
    this.#place = place;
    this.#zip = new ZipReader(source, refuse);
    for (const entry of this.#zip.entries()) {
      if (this.#records.has(entry.name))
        throw refuse('each record once', `${JSON.stringify(entry.name)} twice`);
      this.#records.set(entry.name, entry);
    }
    this.#root = this.#findRoot();
  }

  /** The folder of the archive that holds everything, with its slash. */
  #findRoot(): string {
    const found = [...this.#records.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (found.length !== 1) throw this.#refuse('one record data.pkl', `${found.length}`);
    return found[0]!.slice(0, -'data.pkl'.length);
  }

  value(): unknown {
    if (this.#records.has(`${this.#root}constants.pkl`))
      throw this.#refuse(
        'tensors and plain values',
        'a TorchScript archive',
        'Save model.state_dict() instead',
      );
    const version = this.#text('version');
    if (!/^\d{1,3}\n?$/.test(version) || Number(version) < 1 || Number(version) > NEWEST)
      throw this.#refuse(`version 1 to ${NEWEST}`, JSON.stringify(version.slice(0, 20)));
    const order = this.#records.has(`${this.#root}byteorder`) ? this.#text('byteorder') : 'little';
    if (order !== 'little' && order !== 'big')
      throw this.#refuse("byteorder 'little' or 'big'", JSON.stringify(order.slice(0, 20)));
    const swapped = (order === 'little') !== LITTLE;
    return unpickle(this.#record('data.pkl', MOST_PICKLE), {
      refuse: this.#refuse,
      globals: TORCH_GLOBALS,
      hint: globalHint,
      persistent: (id) => this.#persistent(id, swapped),
      isValue: isTorchValue,
    });
  }

  #entry(name: string): { entry: ZipEntry; refuse: Refusal } {
    const entry = this.#records.get(`${this.#root}${name}`);
    if (entry === undefined) throw this.#refuse(`a record ${name}`, 'none');
    const refuse: Refusal = (required, got, hint) => this.#refuse(`${required} in record ${name}`, got, hint);
    if (entry.method !== STORED || entry.packed !== entry.size)
      throw refuse('stored bytes', 'compressed ones', 'torch.save does not compress');
    return { entry, refuse };
  }

  #record(name: string, most: number): Uint8Array {
    const { entry, refuse } = this.#entry(name);
    if (entry.size > most) throw refuse(`at most ${most} bytes`, `${entry.size}`);
    const bytes = new Uint8Array(entry.size);
    this.#source.read(this.#zip.locate(entry, refuse), bytes);
    const sum = new RunningCrc();
    sum.next(bytes);
    requireSum(entry, sum, refuse);
    return bytes;
  }
  #text(name: string): string {
    return new TextDecoder().decode(this.#record(name, 100));
  }

  /** What the pickle says of a storage: ('storage', its class, its record, where it was, its length). */
  #persistent(id: unknown, swapped: boolean): StoredStorage {
    const [word, stored, key, location, length, ...more] = id instanceof PyTuple ? id.items : [];
    const type = meaningOf(stored);
    if (word !== 'storage' || !(type instanceof StorageClass) || typeof key !== 'string' || more.length > 0)
      throw this.#refuse("('storage', class, key, location, length) in data.pkl", kindOf(id));
    if (typeof location !== 'string' || !Number.isSafeInteger(length) || (length as number) < 0)
      throw this.#refuse(
        `a location and a length for storage ${key}`,
        `${kindOf(location)} and ${kindOf(length)}`,
      );
    const found = this.#storages.get(key);
    if (found === undefined) {
      const storage = this.#load(key, type, location, length as number, swapped);
      this.#storages.set(key, storage);
      return storage;
    }
    if (found.dtype !== type.dtype || found.length !== length)
      throw this.#refuse(
        `${found.length} elements of ${found.dtype.name} in storage ${key}`,
        `${type.dtype.name}, ${kindOf(length)}`,
      );
    return found;
  }

  #load(
    key: string,
    { dtype }: StorageClass,
    location: string,
    length: number,
    swapped: boolean,
  ): StoredStorage {
    const { entry, refuse } = this.#entry(`data/${key}`);
    const bytes = length * dtype.itemSize;
    if (entry.size !== bytes)
      throw refuse(`${bytes} bytes for ${length} elements of ${dtype.name}`, `${entry.size}`);
    const device = this.#place(location, refuse);
    if (device === meta) return new StoredStorage(dtype, length, null);
    const sum = new RunningCrc();
    const at = this.#zip.locate(entry, refuse);
    const swap = swapped ? wordSize(dtype) : 0;
    const storage: Storage = readStorage({ source: this.#source, at, each: sum.next, swap }, bytes);
    requireSum(entry, sum, refuse);
    return new StoredStorage(dtype, length, storageOn(storage, device));
  }
}

/** A sum of 0 stands for none: torch.serialization.set_crc32_options(False). */
function requireSum(entry: ZipEntry, sum: RunningCrc, refuse: Refusal): void {
  if (entry.crc !== 0) requireCrc(entry.crc, sum.value, refuse);
}
