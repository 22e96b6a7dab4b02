// Equality of two values: torch.testing.assert_close's tolerances; the float64 result decides what lies outside.
import type { Numbers } from './arrays.js';

export interface Terms {
  readonly rtol: number;
  readonly atol: number;
}

// torch.testing.assert_close's defaults; whole numbers and truth values are exact.
const TABLE: Readonly<Record<string, Terms>> = {
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float64: { rtol: 1e-7, atol: 1e-7 },
  complex64: { rtol: 1.3e-6, atol: 1e-5 },
  complex128: { rtol: 1e-7, atol: 1e-7 },
};
const EXACT: Terms = { rtol: 0, atol: 0 };

export function termsFor(dtype: string): Terms {
  return TABLE[dtype] ?? EXACT;
}

export interface Verdict {
  /** What differs, empty when nothing does. */
  readonly problem: string;
  readonly compared: number;
  /** It is outside the tolerance and closer to the float64 result than PyTorch's is. */
  readonly closer: boolean;
}

/** Holds values against PyTorch's. */
export function judge(
  got: Numbers,
  want: Numbers,
  truth: Numbers | null,
  terms = termsFor(want.dtype),
): Verdict {
  if (got.dtype !== want.dtype) return refused(`dtype is ${got.dtype}, want ${want.dtype}`);
  if (String(got.shape) !== String(want.shape) || got.shape.length !== want.shape.length)
    return refused(`shape is [${got.shape.join(', ')}], want [${want.shape.join(', ')}]`);
  const step = want.complex ? 2 : 1;
  const n = want.data.length / step;
  let wrong = 0;
  let first = -1;
  let farther = false;
  for (let i = 0; i < n; i++) {
    if (close(got, want, i, step, terms)) continue;
    if (wrong === 0) first = i;
    wrong++;
    farther ||= truth === null || !(off(got, truth, i, step) < off(want, truth, i, step));
  }
  if (wrong === 0) return { problem: '', compared: n, closer: false };
  if (!farther || (truth !== null && distance(got, truth, step) <= distance(want, truth, step)))
    return { problem: '', compared: n, closer: true };
  const index = unravel(first, want.shape);
  const beside = truth === null ? '' : `, in float64 ${show(truth, first)}`;
  return {
    problem: `element [${index.join(', ')}] is ${show(got, first)}, want ${show(want, first)}${beside} (${wrong} of ${n} differ)`,
    compared: n,
    closer: false,
  };
}

function refused(problem: string): Verdict {
  return { problem, compared: 0, closer: false };
}

function close(got: Numbers, want: Numbers, i: number, step: number, terms: Terms): boolean {
  if (step === 2) return closeComplex(got.data as Float64Array, want.data as Float64Array, i * 2, terms);
  const a = got.data[i]!;
  const b = want.data[i]!;
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof b === 'bigint') return false;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  return Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= terms.atol + terms.rtol * Math.abs(b);
}

/** As torch.isclose: a complex number is NaN when a part is, and near when the distance in the plane is small. */
function closeComplex(got: Float64Array, want: Float64Array, at: number, terms: Terms): boolean {
  const [ar, ai, br, bi] = [got[at]!, got[at + 1]!, want[at]!, want[at + 1]!];
  if (ar === br && ai === bi) return true;
  const nan = Number.isNaN(br) || Number.isNaN(bi);
  if (nan || Number.isNaN(ar) || Number.isNaN(ai)) return nan && (Number.isNaN(ar) || Number.isNaN(ai));
  const far = Math.hypot(ar - br, ai - bi);
  return Number.isFinite(far) && far <= terms.atol + terms.rtol * Math.hypot(br, bi);
}

/** How far an element is from the float64 result. */
function off(value: Numbers, truth: Numbers, i: number, step: number): number {
  const part = (k: number): number => {
    const [a, b] = [Number(value.data[i * step + k]), Number(truth.data[i * step + k])];
    return a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : a - b;
  };
  return step === 2 ? Math.hypot(part(0), part(1)) : Math.abs(part(0));
}

/** The sum of distances to the float64 result, as PyTorch's own tests of its reference implementations take it. */
function distance(value: Numbers, truth: Numbers, step: number): number {
  let sum = 0;
  for (let i = 0; i < truth.data.length / step; i++) sum += off(value, truth, i, step);
  return sum;
}

function unravel(at: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  let rest = at;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    index[dim] = rest % shape[dim]!;
    rest = Math.floor(rest / shape[dim]!);
  }
  return index;
}

function show(value: Numbers, i: number): string {
  if (!value.complex) return String(value.data[i]);
  const im = Number(value.data[2 * i + 1]);
  return `${value.data[2 * i]}${im < 0 ? '-' : '+'}${Math.abs(im)}i`;
}
