// Schemas of the files under fixtures/, which suites/reference/make_fixtures.py writes.

import type { ArgSpec } from 'torchstone';
import { z } from 'zod';

/** Version of the fixture tree's layout; the loader refuses any other. */
export const FIXTURE_SCHEMA = 1;

const Dtype = z.enum([
  'bool',
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'complex64',
  'complex128',
]);
const Size = z.int().nonnegative();
const Shape = z.array(Size).max(64);
const Strides = z.array(z.int()).max(64);

/** A path inside the fixture folder: relative, forward slashes, no way out. */
const RelativePath = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)*$/)
  .refine((path) => !path.split('/').includes('..'), 'must not leave the fixture folder');

/** fixtures/manifest.json: what made the tree, and the fingerprint of every file in it. */
export const ManifestSchema = z.strictObject({
  schema: z.literal(FIXTURE_SCHEMA),
  generator: z.string(),
  python: z.string(),
  numpy: z.string(),
  torch: z.string(),
  seed: z.union([z.int(), z.string()]),
  files: z
    .array(z.strictObject({ path: RelativePath, bytes: Size, sha256: z.string().regex(/^[0-9a-f]{64}$/) }))
    .min(1),
});

/** A tensor argument: a view of the 1-d base storage that the .npz holds as `<case>/in<k>`. */
export const InputSchema = z.strictObject({
  dtype: Dtype,
  shape: Shape,
  strides: Strides,
  offset: Size,
  grad: z.boolean().default(false),
});

/** A tensor as PyTorch returned it. Values are in the .npz as `<case>/out<k>`, absent where they are undefined. */
export const TensorOutputSchema = z.strictObject({
  dtype: Dtype,
  shape: Shape,
  strides: Strides,
  /** Shares storage with an input. */
  isView: z.boolean(),
  /** What PyTorch prints. */
  text: z.string().optional(),
  /** The name of the node that made it, where gradients were recorded. */
  gradFn: z.string().optional(),
  /** It takes a gradient: `<case>/gout<k>` holds the one that was given. */
  grad: z.boolean().optional(),
});

/** A result that is no tensor: a number, a truth value, a size. */
export const PlainOutputSchema = z.strictObject({
  python: z.string(),
  value: z.union([z.boolean(), z.number(), z.string(), z.null()]),
});

export const OutputSchema = z.union([TensorOutputSchema, PlainOutputSchema]);

const Arg: z.ZodType<ArgSpec> = z.lazy(() =>
  z.union([z.number(), z.boolean(), z.string(), z.null(), z.array(Arg), z.record(z.string(), z.json())]),
) as z.ZodType<ArgSpec>;

/** One recorded call. Exactly one of `outputs` and `error` is there. */
export const FixtureCaseSchema = z
  .strictObject({
    id: z.string().regex(/^\S+$/),
    op: z.string(),
    torch: z.string(),
    numpy: z.string().optional(),
    variant: z.enum(['function', 'method', 'inplace']),
    args: z.array(Arg),
    kwargs: z.record(z.string(), Arg).default({}),
    inputs: z.array(InputSchema),
    outputs: z.array(OutputSchema).optional(),
    error: z.strictObject({ class: z.string(), message: z.string() }).optional(),
    /** For every input: whether PyTorch gave it a gradient (true), or none (false). */
    gradients: z.array(z.boolean()).default([]),
    seed: z.union([z.int(), z.string()]),
  })
  .refine(
    (one) => (one.outputs === undefined) !== (one.error === undefined),
    'needs outputs or an error, not both',
  )
  .refine(
    (one) => one.gradients.length === 0 || one.gradients.length === one.inputs.length,
    'needs one gradient entry for every input',
  );

/** fixtures/ops/<op>.json. */
export const FixtureCasesSchema = z.array(FixtureCaseSchema).min(1);

export type Manifest = z.infer<typeof ManifestSchema>;
export type FixtureInput = z.infer<typeof InputSchema>;
export type TensorOutput = z.infer<typeof TensorOutputSchema>;
export type FixtureOutput = z.infer<typeof OutputSchema>;
export type FixtureCase = z.infer<typeof FixtureCaseSchema>;
export type FixtureDtype = z.infer<typeof Dtype>;
