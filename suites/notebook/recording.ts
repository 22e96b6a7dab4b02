// fixtures/notebook/: the recorded answers of PyTorch and NumPy.

import { type NpzFile, openNpz } from 'torchstone/internals';
import { z } from 'zod';
import type { ArrayValue } from '../common/compare.js';
import { FixtureError, type Fixtures } from '../common/fixtures.js';

const JSON_PATH = 'notebook/notebook.json';
const NPZ_PATH = 'notebook/notebook.npz';

const CellSchema = z.strictObject({
  tensors: z.record(
    z.string(),
    z.strictObject({
      dtype: z.string(),
      shape: z.array(z.int().nonnegative()),
      strides: z.array(z.int()),
      text: z.string().optional(),
    }),
  ),
  values: z.record(z.string(), z.json()),
  errors: z.record(z.string(), z.strictObject({ class: z.string(), message: z.string() })),
});
const RecordingSchema = z.record(z.string(), CellSchema);

export type RecordedCell = z.infer<typeof CellSchema>;

/** The recorded answers. */
export class Recording {
  readonly #cells: Readonly<Record<string, RecordedCell>>;
  readonly #arrays: NpzFile;

  /** @throws FixtureError when the recording is missing or malformed. */
  constructor(fixtures: Fixtures) {
    const parsed = RecordingSchema.safeParse(fixtures.json(JSON_PATH));
    if (!parsed.success) throw new FixtureError(JSON_PATH, `is malformed:\n${z.prettifyError(parsed.error)}`);
    this.#cells = parsed.data;
    this.#arrays = openNpz(fixtures.bytes(NPZ_PATH), NPZ_PATH);
  }

  /** What is recorded for a cell; nothing for a cell that only has facts of our own. */
  cell(name: string): RecordedCell {
    return this.#cells[name] ?? { tensors: {}, values: {}, errors: {} };
  }

  /** A recorded array. */
  array(cell: string, name: string): ArrayValue {
    const { data, shape, dtype } = this.#arrays.read(`${cell}/${name}`);
    return { data: data as ArrayValue['data'], shape, dtype };
  }
}
