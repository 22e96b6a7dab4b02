// Schema of results of other JavaScript libraries on the same calls.
import { z } from 'zod';
import { Count } from './parts.js';
import { RatioSchema, TimingSchema } from './timing.js';

/** How the calls that were given to another engine came out. */
export const PeerTallySchema = z.object({
  passed: Count,
  wrong: Count,
  /** It has the operation, but not this parameter, rank or dtype. */
  unsupported: Count,
  threw: Count,
  /** It ended its process, or did not answer in time. */
  crashed: Count,
});

export type PeerTally = z.infer<typeof PeerTallySchema>;

/** One operation of a peer. */
export const PeerOpSchema = z.object({
  op: z.string(),
  values: PeerTallySchema,
  /** Where both PyTorch and the peer differentiate. */
  gradients: PeerTallySchema.optional(),
  /** Failures first. */
  first: z.string().optional(),
});

export type PeerOp = z.infer<typeof PeerOpSchema>;

/** Another JavaScript engine, and what of the recorded calls it gives as PyTorch does. */
export const PeerEngineSchema = z.object({
  /** `tfjs-wasm` */
  name: z.string(),
  title: z.string(),
  package: z.string(),
  version: z.string().optional(),
  /** What a reader of its figures must know. */
  remark: z.string().optional(),
  /** Why it could not be asked, with the command that gets it. */
  missing: z.string().optional(),
  dtypes: z.array(z.string()),
  differentiates: z.boolean(),
  /** Totals over `ops`. */
  values: PeerTallySchema,
  gradients: PeerTallySchema,
  /** The values of those calls that have float32 tensors only: what every engine has. */
  float32: PeerTallySchema,
  /** Calls whose values are wrong in nothing but the sign of a zero. */
  zeroSign: Count,
  compared: Count,
  ops: z.array(PeerOpSchema),
});

export type PeerEngine = z.infer<typeof PeerEngineSchema>;

/** One timed call on this engine and on its peers, in alternating blocks. */
export const PeerTimingSchema = z.object({
  id: z.string(),
  group: z.string(),
  label: z.string(),
  dtype: z.string(),
  ours: TimingSchema,
  engines: z.array(
    z.object({
      name: z.string(),
      theirs: TimingSchema.optional(),
      /** Peer time ÷ our time. */
      ratio: RatioSchema.optional(),
      /** Why there is no ratio: a wrong result has no speed. */
      withheld: z.string().optional(),
    }),
  ),
});

export type PeerTiming = z.infer<typeof PeerTimingSchema>;

/** What other JavaScript engines make of the same calls. The first engine is this one, asked in the same way: the control. */
export const PeersSchema = z.object({
  /** The recorded calls that could be asked of any engine, and the ops that they belong to. */
  calls: Count,
  ops: Count,
  engines: z.array(PeerEngineSchema),
  timings: z.array(PeerTimingSchema).optional(),
});

export type Peers = z.infer<typeof PeersSchema>;
