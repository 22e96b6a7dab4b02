// Parameters of declarations: the values that a string may have, and parameters that many ops share.
//   { name: 'reduction', kind: 'string', default: 'mean', choices: oneOf(['none', 'mean', 'sum']) }
import { type ErrorClass, ValueError } from '../core/errors.js';

/** The values that a string parameter may have, and PyTorch's error for others. */
export interface Choices {
  readonly values: readonly string[];
  readonly error: ErrorClass;
  /** PyTorch's text for a value that is none of them. */
  readonly hint?: (value: string, op: string) => string;
}

/** Restricts a string parameter to `values`. Anything else is refused with `error`, by default a ValueError. */
export function oneOf(
  values: readonly string[],
  error: ErrorClass = ValueError,
  hint?: (value: string, op: string) => string,
): Choices {
  return hint === undefined ? { values, error } : { values, error, hint };
}
