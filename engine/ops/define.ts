// Owns the shape of an op's declaration and the registry. It must not name any op.
import type { Sample } from './samples.js';

export type ParamKind =
  | 'tensor'
  | 'tensorOrScalar'
  | 'tensors' // a list of tensors
  | 'scalar' // number, bigint or boolean
  | 'int'
  | 'ints' // one int or a list of ints
  | 'size' // a list of ints, also accepted spread
  | 'bool'
  | 'string'
  | 'dtype'
  | 'generator';

export interface Param {
  /** PyTorch's own name, snake_case. */
  readonly name: string;
  readonly kind: ParamKind;
  /** Absent: required. `null` stands for None. */
  readonly default?: number | boolean | string | null | readonly number[];
  /** Keyword-only: goes in the trailing options object. */
  readonly keyword?: boolean;
  /** None is allowed. */
  readonly nullable?: boolean;
}
