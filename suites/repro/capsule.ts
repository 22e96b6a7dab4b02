// Repro bundles: one recorded case with its arrays in a single file, replayable without the fixture tree.
import { readFileSync } from 'node:fs';
import { type NpyArray, parseNpy, serializeNpy } from 'torchstone/internals';
import { z } from 'zod';
import { CannotRunError, EXIT } from '../../reports/schema/index.js';
import type { Fixtures } from '../common/fixtures.js';
import { type FixtureCase, FixtureCaseSchema } from '../common/manifest.js';
import type { ArraySource } from '../validate/replay.js';

const CapsuleSchema = z.strictObject({
  schema: z.literal(1),
  /** What recorded it. */
  torch: z.string(),
  numpy: z.string(),
  case: FixtureCaseSchema,
  /** The bytes of a .npy file each, in base64, by name: `in0`, `out0`, `gout0`, `gin0`, `np0`. */
  arrays: z.record(z.string(), z.base64()),
});

/** One case with everything that its replay needs. */
export type Capsule = z.infer<typeof CapsuleSchema>;

/** Packs a case of the fixture tree. */
export function capsuleOf(recorded: FixtureCase, fixtures: Fixtures): Capsule {
  const count = Math.max(recorded.inputs.length, recorded.outputs?.length ?? 0);
  const names = Array.from({ length: count }, (_, k) =>
    ['in', 'out', 'gout', 'gin', 'np'].map((kind) => `${kind}${k}`),
  );
  const arrays = Object.fromEntries(
    names.flat().flatMap((name) => {
      const found = fixtures.maybeArray(recorded.op, `${recorded.id}/${name}`);
      return found === undefined ? [] : [[name, Buffer.from(serializeNpy(found)).toString('base64')]];
    }),
  );
  const { torch, numpy } = fixtures.manifest;
  return { schema: 1, torch, numpy, case: recorded, arrays };
}

/** The arrays of a capsule, as the fixture tree would give them. */
export function arraysOf({ case: { id }, arrays }: Capsule): ArraySource {
  const maybeArray = (_op: string, name: string): NpyArray | undefined => {
    const bytes = arrays[name.slice(id.length + 1)];
    return bytes === undefined ? undefined : parseNpy(Buffer.from(bytes, 'base64'), name);
  };
  return {
    maybeArray,
    array(op, name) {
      const found = maybeArray(op, name);
      if (found === undefined)
        throw new CannotRunError(`the capsule has no array ${name}`, { code: EXIT.integrity });
      return found;
    },
  };
}

/** Reads a capsule. @throws CannotRunError when the file is none. */
export function readCapsule(path: string): Capsule {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CannotRunError(`${path}: ${why}`, { code: EXIT.integrity });
  }
  const parsed = CapsuleSchema.safeParse(raw);
  if (!parsed.success)
    throw new CannotRunError(`${path} is no capsule:\n${z.prettifyError(parsed.error)}`, {
      code: EXIT.integrity,
    });
  return parsed.data as Capsule;
}

/** The file's name for a case: its id without what file systems dislike. */
export function capsuleName(id: string): string {
  return `${id.replace(/[^\w.@,-]+/g, '_')}.capsule.json`;
}
