// Errors of float32 results in ULP of the float64 result.
import type { UlpErrors } from '../../reports/schema/index.js';
import { ulpError } from '../common/ulp.js';

const GREATEST = 3.4028234663852886e38;
const LEAST_NORMAL = 2 ** -126;

/** The indices at which a float32 result can be judged: finite truths that it can represent as normal numbers, and zeros. */
export function judgeable(truth: ArrayLike<number>): number[] {
  const found: number[] = [];
  for (let i = 0; i < truth.length; i += 1) {
    const size = Math.abs(truth[i]!);
    if (size === 0 || (size >= LEAST_NORMAL && size <= GREATEST)) found.push(i);
  }
  return found;
}

/** Errors at the given indices. A result that is not finite where the truth is has no distance: it is counted apart. */
export function errorsAt(
  got: ArrayLike<number>,
  truth: ArrayLike<number>,
  at: readonly number[],
): Float64Array {
  return Float64Array.from(at, (i) => ulpError(got[i]!, truth[i]!, 'float32'));
}

/** Greatest and median error, and how many results were not finite. */
export function summed(errors: Float64Array): UlpErrors {
  const finite = errors.filter(Number.isFinite).sort();
  return {
    max: round(finite.at(-1) ?? 0),
    median: round(finite[finite.length >> 1] ?? 0),
    notFinite: errors.length - finite.length,
  };
}

/** Four digits are more than a sample can tell. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
