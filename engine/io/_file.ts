// Files: reading by ranges, and saving in such a way that the old file stays until the new one is whole.
//   withFile('loadNpy', path, (file) => file.read(0, bytes));  saveFile('saveNpy', path, (out) => out.write(bytes));
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError, describe, message, RuntimeError, ValueError } from '../core/errors.js';

/** How much is read, checked and written at a time: no file is ever held as a whole. A multiple of 16, the largest element. */
export const range = { bytes: 1 << 26 };

/** A path, or a `file:` URL. */
export type FilePath = string | FileUrl;
/** A URL as far as it must be known: programs without the types of Node or the browser have no `URL`. */
export interface FileUrl {
  readonly href: string;
  readonly protocol: string;
}

/** Makes the error of one format for one file. */
export type Refusal = (required: string, got: string, hint?: string) => Error;

/** Bytes that are read by ranges. */
export interface ByteSource {
  readonly length: number;
  /** Fills `into` with the bytes from `at` on, which must lie inside. */
  read(at: number, into: Uint8Array): void;
}

/** The path as text. @throws ArgumentError for anything that names no file */
export function pathOf(op: string, path: unknown): string {
  if (path instanceof URL) {
    if (path.protocol !== 'file:') throw new ValueError(message(op, 'a file: URL', path.href));
    return fileURLToPath(path.href);
  }
  if (typeof path !== 'string') throw new ArgumentError(message(op, 'a path', describe(path)));
  if (path === '' || path.includes('\0')) throw new ValueError(message(op, 'a path', describe(path)));
  return path;
}

/** Bytes in memory. */
export class BytesSource implements ByteSource {
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get length(): number {
    return this.#bytes.length;
  }
  read(at: number, into: Uint8Array): void {
    into.set(this.#bytes.subarray(at, at + into.length));
  }
}

/** A part of another source. */
export class PartSource implements ByteSource {
  readonly length: number;
  readonly #whole: ByteSource;
  readonly #start: number;
  constructor(whole: ByteSource, start: number, length: number) {
    this.#whole = whole;
    this.#start = start;
    this.length = length;
  }
  read(at: number, into: Uint8Array): void {
    this.#whole.read(this.#start + at, into);
  }
}

/** Closes the files that nobody closed. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** An open file. */
export class FileSource implements ByteSource {
  readonly path: string;
  readonly length: number;
  #fd: number;

  /** @throws RuntimeError for what is no regular file; Node's own error where it cannot be opened */
  constructor(op: string, path: string) {
    this.path = path;
    // A pipe without a writer would otherwise never open.
    this.#fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(this.#fd);
    this.length = stats.size;
    if (!stats.isFile()) {
      closeSync(this.#fd);
      throw new RuntimeError(message(op, 'a regular file', kindOf(stats), path));
    }
    forgotten.register(this, this.#fd, this);
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  read(at: number, into: Uint8Array): void {
    if (this.#fd < 0) throw new RuntimeError(message(this.path, 'an open file', 'one that was closed'));
    for (let done = 0; done < into.length; ) {
      const n = readSync(this.#fd, into, done, Math.min(into.length - done, range.bytes), at + done);
      if (n === 0) {
        const wanted = `${into.length} bytes at ${at}`;
        throw new RuntimeError(message(this.path, wanted, `${done}`, 'The file became shorter'));
      }
      done += n;
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    forgotten.unregister(this);
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** Opens a file, hands it to `use`, and closes it. */
export function withFile<T>(op: string, path: FilePath, use: (file: FileSource) => T): T {
  const file = new FileSource(op, pathOf(op, path));
  try {
    return use(file);
  } finally {
    file.close();
  }
}

function kindOf(stats: Stats): string {
  return stats.isDirectory() ? 'a directory' : 'a device or pipe';
}

/** Takes bytes in their order. */
export interface ByteSink {
  /** How many bytes were written. */
  readonly position: number;
  write(bytes: Uint8Array): void;
}

/** Writes the bytes into a file. */
class FileSink implements ByteSink {
  position = 0;
  readonly #fd: number;
  constructor(fd: number) {
    this.#fd = fd;
  }
  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, Math.min(bytes.length - done, range.bytes));
    this.position += bytes.length;
  }
}

/**
 * Writes a file: first beside its place under another name, then flushed and renamed, so that whoever reads the path sees the old
 * file or the new one. Where `write` throws, the old file stays. Devices and pipes are written to directly.
 */
export function saveFile(op: string, path: FilePath, write: (out: ByteSink) => void): void {
  const { target, stats } = targetOf(pathOf(op, path));
  if (stats?.isDirectory()) throw new RuntimeError(message(op, 'a file', 'a directory', target));
  if (stats !== undefined && !stats.isFile()) {
    writeTo(target, 'w', write);
    return;
  }
  const folder = dirname(target);
  const beside = join(folder, `.torchstone-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
  try {
    writeTo(beside, 'wx', write);
    if (stats !== undefined) chmodSync(beside, stats.mode & 0o777);
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  flushFolder(folder);
}

/** The file that a path leads to, through links, and what is there now. */
function targetOf(path: string): { target: string; stats: Stats | undefined } {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { target: stats === undefined ? path : realpathSync(path), stats };
}

function writeTo(path: string, flags: string, write: (out: ByteSink) => void): void {
  const fd = openSync(path, flags);
  try {
    write(new FileSink(fd));
    if (flags === 'wx') fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the rename last. Not every system lets a folder be opened. */
function flushFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The file itself is safe.
  }
}
