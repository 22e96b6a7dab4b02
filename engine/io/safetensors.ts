// safetensors files, Hugging Face's format for weights: read strictly and by ranges, written as the reference writes them.
// https://huggingface.co/docs/safetensors
//   saveSafetensors(path, { w, b });  loadSafetensors(path).w;  openSafetensors(path).get('w')
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Device, type DeviceLike, meta, requireDevice } from '../core/device.js';
import { asDType, bool } from '../core/dtype.js';
import { ArgumentError, describe, message, RuntimeError } from '../core/errors.js';
import { newMeta } from '../core/factory.js';
import { isOptions, readOptions } from '../core/options.js';
import { disposeSymbol } from '../core/scope.js';
import { extentOf } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { type FilePath, FileSource, pathOf, type Refusal, saveFile, withFile } from './_file.js';
import { parseJson } from './_json.js';
import {
  eachRangeOf,
  inOrder,
  LITTLE,
  namedTensors,
  readPayload,
  requireTensor,
  wordSize,
} from './_payload.js';
import {
  dtypeNamed,
  inFileOrder,
  nameOf,
  readHeader,
  type SafetensorsHeader,
  type TensorEntry,
  writeHeader,
} from './_safetensors-header.js';
import { requireBooleans } from './npy.js';

/** A safetensors file that is malformed, or tensors that the format cannot hold. */
export class SafetensorsError extends RuntimeError {
  override name = 'SafetensorsError';
}

/** Options of {@link saveSafetensors}. */
export interface SafetensorsSaveOptions {
  /** Texts to be kept in the header. transformers wants `{ format: 'pt' }`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Options of {@link loadSafetensors} and {@link openSafetensors}. */
export interface SafetensorsLoadOptions {
  /** Where the tensors are made: the CPU by default. */
  readonly device?: DeviceLike;
}

const refusal =
  (subject: string): Refusal =>
  (required, got, hint) =>
    new SafetensorsError(message(`safetensors: ${subject}`, required, got, hint));

/**
 * Writes tensors into a safetensors file, byte for byte as the reference does: contiguous, the largest elements first, then by
 * name. The old file stays until the new one is whole. bool, uint8, the signed integers, the floats and complex64.
 * @throws SafetensorsError for tensors that share memory (the format cannot say so), and for complex128
 */
export function saveSafetensors(
  path: FilePath,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  options?: SafetensorsSaveOptions,
): void {
  const op = 'saveSafetensors';
  const file = pathOf(op, path);
  const refuse = refusal(file);
  const { metadata } = readOptions<SafetensorsSaveOptions>(op, options, ['metadata']);
  const texts = metadata === undefined || metadata === null ? undefined : textsOf(op, metadata, refuse);
  const entries = namedTensors(op, tensors).map(([name, x]) => newEntry(op, name, x, refuse));
  requireApart(entries, refuse);
  const ordered = inFileOrder(entries);
  const header = writeHeader(ordered, texts, refuse);
  saveFile(op, file, (out) => {
    out.write(header);
    for (const { x } of ordered) eachRangeOf(inOrder(x), (bytes) => out.write(bytes));
  });
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly x: Tensor;
}

function newEntry(op: string, name: string, x: unknown, refuse: Refusal): Entry {
  requireText(name, refuse);
  requireTensor(op, x, `a Tensor for '${name}'`);
  if (name === '__metadata__') throw refuse('another name: the header keeps its texts there', describe(name));
  const dtype = nameOf(x.dtype.name);
  if (dtype === undefined)
    throw refuse('a dtype of the format', `${x.dtype.name} for tensor ${describe(name)}`);
  return { name, dtype, shape: x.sizes, bytes: x.length * x.dtype.itemSize, x };
}

function textsOf(op: string, metadata: unknown, refuse: Refusal): [string, string][] {
  if (!isOptions(metadata))
    throw new ArgumentError(message(op, 'metadata: an object of strings', describe(metadata)));
  return Object.entries(metadata).map(([key, value]) => {
    if (typeof value !== 'string')
      throw new ArgumentError(message(op, `a string for '${key}' of metadata`, describe(value)));
    requireText(key, refuse);
    requireText(value, refuse);
    return [key, value];
  });
}

/** A lone surrogate has no UTF-8 form. */
function requireText(text: string, refuse: Refusal): void {
  if (/\p{Surrogate}/u.test(text)) throw refuse('well-formed text', JSON.stringify(text));
}

/** Tensors whose memory overlaps would be written twice, and no longer be tied when they are read. */
function requireApart(entries: readonly Entry[], refuse: Refusal): void {
  const areas = entries
    .filter(({ x }) => x.length > 0)
    .map(({ name, x }) => {
      const end = x.address + extentOf(x.sizes, x.strides) * x.dtype.itemSize;
      return { name, device: String(x.device), start: x.address, end };
    })
    .sort((a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : a.start - b.start));
  let last = areas[0];
  for (const area of areas.slice(1)) {
    if (area.device === last!.device && area.start < last!.end) {
      const names = [last!.name, area.name].map((name) => JSON.stringify(name)).join(' and ');
      throw refuse(
        'tensors with memory of their own',
        `${names}, which share memory`,
        'Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading them again. Save one of them, or a clone()',
      );
    }
    if (area.device !== last!.device || area.end > last!.end) last = area;
  }
}

/**
 * Reads a safetensors file, or all files that a `*.safetensors.index.json` names: tensors by name. One whose dtype tensors lack
 * (unsigned integers beyond uint8, the 8-bit floats) refuses itself only: reading its property throws.
 * @throws SafetensorsError for a malformed file, saying what and where
 */
export function loadSafetensors(path: FilePath, options?: SafetensorsLoadOptions): Record<string, Tensor> {
  const file = open('loadSafetensors', path, options);
  try {
    const found: Record<string, Tensor> = {};
    for (const name of file.keys()) {
      // As own properties, '__proto__' too.
      const refused = file.refused(name);
      const property = refused
        ? { get: () => file.get(name), set: undefined }
        : { value: file.get(name), writable: true };
      Object.defineProperty(found, name, { ...property, enumerable: true, configurable: true });
    }
    return found;
  } finally {
    file.close();
  }
}

/**
 * Opens a safetensors file, or a `*.safetensors.index.json` and its files, and reads tensors when they are asked for.
 * @throws SafetensorsError for a malformed header, saying what and where
 */
export function openSafetensors(path: FilePath, options?: SafetensorsLoadOptions): SafetensorsFile {
  return open('openSafetensors', path, options);
}

function open(op: string, path: FilePath, options: SafetensorsLoadOptions | undefined): SafetensorsFile {
  const given = readOptions<SafetensorsLoadOptions>(op, options, ['device']);
  const device = requireDevice(op, given.device ?? 'cpu');
  const file = pathOf(op, path);
  const parts: Part[] = [];
  try {
    const names = file.endsWith('.json') ? openShards(op, file, parts) : openOne(op, file, parts);
    return new SafetensorsFile(names, parts, device);
  } catch (error) {
    for (const part of parts) part.file.close();
    throw error;
  }
}

/** One open file. */
interface Part {
  readonly file: FileSource;
  readonly header: SafetensorsHeader;
  readonly refuse: Refusal;
}

function openPart(op: string, path: string, parts: Part[]): Part {
  const refuse = refusal(path);
  const file = new FileSource(op, pathOf(op, path));
  try {
    const part = { file, header: readHeader(file, refuse), refuse };
    parts.push(part);
    return part;
  } catch (error) {
    file.close();
    throw error;
  }
}

function openOne(op: string, path: string, parts: Part[]): Map<string, Part> {
  const part = openPart(op, path, parts);
  return new Map([...part.header.tensors.keys()].map((name) => [name, part]));
}

/** The files of an index, each opened once, and which of them holds each tensor. */
function openShards(op: string, path: string, parts: Part[]): Map<string, Part> {
  const refuse = refusal(path);
  const found = new Map<string, Part>();
  const byFile = new Map<string, Part>();
  for (const [name, file] of readIndex(op, path, refuse)) {
    let part = byFile.get(file);
    if (part === undefined) {
      const beside = join(dirname(path), file);
      if (!existsSync(beside)) throw refuse(`the file ${file} beside the index`, 'none');
      part = openPart(op, beside, parts);
      byFile.set(file, part);
    }
    if (!part.header.tensors.has(name))
      throw refuse(`tensor ${describe(name)} in ${file}`, 'a file without it');
    found.set(name, part);
  }
  return found;
}

/** The index's `weight_map`: names of tensors to names of files. */
function readIndex(op: string, path: string, refuse: Refusal): Map<string, string> {
  const text = withFile(op, path, (file) => {
    if (file.length > 100_000_000) throw refuse('an index of at most 100000000 bytes', `${file.length}`);
    const bytes = new Uint8Array(file.length);
    file.read(0, bytes);
    return new TextDecoder().decode(bytes);
  });
  const index = parseJson(text, refuse);
  const map = index instanceof Map ? index.get('weight_map') : undefined;
  if (!(map instanceof Map)) throw refuse("an object 'weight_map'", 'none');
  for (const [name, file] of map) {
    // A file beside the index, never one elsewhere.
    if (typeof file !== 'string' || file !== basename(file) || file.includes('\\') || !/[^.]/.test(file))
      throw refuse(`the name of a file beside the index for ${describe(name)}`, JSON.stringify(file));
  }
  return map as Map<string, string>;
}

/** An open safetensors file, or several behind one index. */
export class SafetensorsFile {
  readonly #names: ReadonlyMap<string, Part>;
  readonly #parts: readonly Part[];
  readonly #device: Device;
  /** The texts of the header; none is an empty object. */
  readonly metadata: Readonly<Record<string, string>>;

  /** @internal Use openSafetensors. */
  constructor(names: ReadonlyMap<string, Part>, parts: readonly Part[], device: Device) {
    this.#names = names;
    this.#parts = parts;
    this.#device = device;
    const texts = new Map([...parts].reverse().flatMap(({ header }) => [...header.metadata]));
    this.metadata = Object.freeze(Object.fromEntries(texts));
  }

  /** The tensors' names, in the order of the header or the index. */
  keys(): string[] {
    return [...this.#names.keys()];
  }
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** @internal Why a tensor cannot be read at all; null where it can. */
  refused(name: string): Error | null {
    const { entry, refuse } = this.#find(name);
    if (dtypeNamed(entry.dtype) !== undefined) return null;
    return refuse('a dtype that tensors have', `${entry.dtype} for tensor ${describe(name)}`);
  }

  /** Reads one tensor, anew at each call. @throws SafetensorsError where there is none, or tensors lack its dtype */
  get(name: string): Tensor {
    const { entry, file, refuse } = this.#find(name);
    const refused = this.refused(name);
    if (refused !== null) throw refused;
    const dtype = asDType(dtypeNamed(entry.dtype));
    if (this.#device === meta) return newMeta(entry.shape, dtype);
    let seen = 0;
    const look = (bytes: Uint8Array): void => {
      requireBooleans(
        bytes,
        (required, got) => refuse(`${required} for tensor ${describe(name)}`, got),
        seen,
      );
      seen += bytes.length;
    };
    const swap = LITTLE ? 0 : wordSize(dtype);
    const payload = { source: file, at: entry.at, swap, each: dtype === bool ? look : undefined };
    return readPayload(payload, dtype, entry.shape, this.#device);
  }

  #find(name: string): { entry: TensorEntry; file: FileSource; refuse: Refusal } {
    const part = this.#names.get(name);
    const entry = part?.header.tensors.get(name);
    if (part === undefined || entry === undefined) {
      const refuse = this.#parts[0]?.refuse ?? refusal('no file');
      const known = this.keys().slice(0, 20).join(', ');
      throw refuse(`one of the tensors ${known || '(none)'}`, describe(name));
    }
    return { entry, file: part.file, refuse: part.refuse };
  }

  /** Closes the file. */
  close(): void {
    for (const { file } of this.#parts) file.close();
  }
  [disposeSymbol](): void {
    this.close();
  }
}
