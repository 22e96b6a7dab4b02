// Messages between parent and peer process. Types only.
import type { ArrayValue } from '../common/compare.js';
import type { Parameter } from './call.js';

/** A tensor on its way: a view of a base storage, which comes along or lies in a file of little-endian values. */
export interface SentTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly data?: ArrayValue['data'];
  readonly file?: string;
}

/** One call. */
export interface PeerCall {
  /** The dotted Python path without `torch.`. */
  readonly op: string;
  readonly parameters: readonly Parameter[];
  readonly tensors: readonly SentTensor[];
  /** The tensors to differentiate by, and the gradient of the result. */
  readonly gradient?: { readonly inputs: readonly number[]; readonly weight: SentTensor };
}

/** The training step. */
export interface PeerTraining {
  readonly x: SentTensor;
  readonly rate: number;
}

export type PeerRequest =
  | { readonly cmd: 'open'; readonly adapter: string; readonly option?: string; readonly folder: string }
  | { readonly cmd: 'ask'; readonly call: PeerCall }
  | { readonly cmd: 'differentiate'; readonly call: PeerCall }
  | { readonly cmd: 'prepare'; readonly call: PeerCall }
  | { readonly cmd: 'train'; readonly training: PeerTraining }
  | { readonly cmd: 'run'; readonly iterations: number };

/** What a peer is. */
export interface Opened {
  readonly dtypes: readonly string[];
  readonly ops: readonly string[];
  readonly differentiates: boolean;
  readonly trains: boolean;
}

/** What became of a call: its values (null where there is no gradient), or why there are none. */
export interface Answer {
  readonly values?: readonly (ArrayValue | null)[];
  readonly unsupported?: string;
  readonly threw?: string;
  /** Said by the parent: the process died of it, or did not answer in time. */
  readonly crashed?: string;
}
