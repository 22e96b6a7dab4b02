// The fixture tree, read-only: every byte is checked against the manifest first.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type NpyArray, type NpzFile, openNpz } from 'torchstone/internals';
import { z } from 'zod';
import { CannotRunError, EXIT } from '../../reports/schema/index.js';
import {
  FIXTURE_SCHEMA,
  type FixtureCase,
  FixtureCasesSchema,
  type Manifest,
  ManifestSchema,
} from './manifest.js';

const MANIFEST = 'manifest.json';
const ADVICE = 'Run npm run fixtures to make them anew, or git checkout fixtures to restore them.';

/** A fixture that is missing, edited, unlisted or malformed: nothing can be judged by it. */
export class FixtureError extends CannotRunError {
  /** The file at fault, relative to the fixture folder. */
  readonly file: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`fixtures/${file}: ${problem}. ${ADVICE}`, { ...options, code: EXIT.integrity });
    this.file = file;
  }
}

/** Opens a fixture folder: manifest, then the size and hash of every file. @throws FixtureError naming the first file at fault. */
export async function openFixtures(folder: string): Promise<Fixtures> {
  const manifest = readManifest(folder);
  const listed = new Map(manifest.files.map((file) => [file.path, file]));
  if (listed.size !== manifest.files.length) throw new FixtureError(MANIFEST, 'lists a file twice');
  for (const path of filesBelow(folder))
    if (path !== MANIFEST && !listed.has(path)) throw new FixtureError(path, 'is not in the manifest');
  const contents = new Map<string, Buffer>();
  for (const file of manifest.files) {
    const bytes = readListed(folder, file.path);
    if (bytes.length !== file.bytes)
      throw new FixtureError(file.path, `has ${bytes.length} bytes, the manifest says ${file.bytes}`);
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (hash !== file.sha256)
      throw new FixtureError(
        file.path,
        `was changed: its sha256 is ${hash}, the manifest says ${file.sha256}`,
      );
    contents.set(file.path, bytes);
  }
  return new Fixtures(manifest, contents);
}

/** A verified fixture tree, in memory. */
export class Fixtures {
  readonly manifest: Manifest;
  readonly #contents: ReadonlyMap<string, Buffer>;
  readonly #archives = new Map<string, NpzFile>();

  constructor(manifest: Manifest, contents: ReadonlyMap<string, Buffer>) {
    this.manifest = manifest;
    this.#contents = contents;
  }

  /** Ops that have recorded cases, sorted. */
  get ops(): string[] {
    return [...this.#contents.keys()]
      .flatMap((path) => /^ops\/(.+)\.json$/.exec(path)?.slice(1) ?? [])
      .sort();
  }

  /** One line for a person. */
  get summary(): string {
    const bytes = this.manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    const { torch, numpy, files } = this.manifest;
    return `${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${this.ops.length} ops; PyTorch ${torch}, NumPy ${numpy}`;
  }

  /** The recorded cases of an op, checked. */
  casesOf(op: string): FixtureCase[] {
    const path = `ops/${op}.json`;
    const parsed = FixtureCasesSchema.safeParse(this.json(path));
    if (!parsed.success) throw new FixtureError(path, `is malformed:\n${z.prettifyError(parsed.error)}`);
    const ids = new Set<string>();
    for (const one of parsed.data) {
      if (one.op !== op) throw new FixtureError(path, `holds a case of another op: ${one.id}`);
      if (ids.has(one.id)) throw new FixtureError(path, `holds two cases named ${one.id}`);
      ids.add(one.id);
    }
    return parsed.data;
  }

  /** An array of an op's archive, in memory of its own: `<case>/in0`. @throws FixtureError when it is not there. */
  array(op: string, name: string): NpyArray {
    const found = this.maybeArray(op, name);
    if (!found) throw new FixtureError(`ops/${op}.npz`, `has no array ${name}`);
    return found;
  }

  /** The same, or undefined where there is none. */
  maybeArray(op: string, name: string): NpyArray | undefined {
    const path = `ops/${op}.npz`;
    const archive = this.#archives.get(path) ?? this.#open(path);
    if (!archive.has(name)) return undefined;
    try {
      return archive.read(name);
    } catch (error) {
      throw new FixtureError(path, error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** Any other JSON file of the tree, unchecked but for its hash. */
  json(path: string): unknown {
    try {
      return JSON.parse(this.bytes(path).toString('utf8'));
    } catch (error) {
      if (error instanceof FixtureError) throw error;
      throw new FixtureError(path, 'is not JSON', { cause: error });
    }
  }

  /** Whether the tree has this file. */
  has(path: string): boolean {
    return this.#contents.has(path);
  }

  /** A file's bytes. */
  bytes(path: string): Buffer {
    const found = this.#contents.get(path);
    if (!found) throw new FixtureError(path, 'is missing');
    return found;
  }

  #open(path: string): NpzFile {
    const bytes = this.bytes(path);
    try {
      const archive = openNpz(bytes, path);
      this.#archives.set(path, archive);
      return archive;
    } catch (error) {
      throw new FixtureError(path, error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) throw new FixtureError(MANIFEST, `is missing from ${folder}`);
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new FixtureError(MANIFEST, 'is not JSON', { cause: error });
  }
  const schema = (raw as { schema?: unknown } | null)?.schema;
  if (schema !== FIXTURE_SCHEMA)
    throw new FixtureError(MANIFEST, `has schema ${String(schema)}, this version reads ${FIXTURE_SCHEMA}`);
  const parsed = ManifestSchema.safeParse(raw);
  if (!parsed.success) throw new FixtureError(MANIFEST, `is malformed:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function readListed(folder: string, path: string): Buffer {
  try {
    return readFileSync(join(folder, path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new FixtureError(path, code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`, {
      cause: error,
    });
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}
