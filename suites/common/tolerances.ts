// The table of tolerances. Wider ones are declared by the op with a reason; nothing else may loosen a comparison.

/** How far a value may be from the reference. A value passes when |got − want| ≤ atol · scale + rtol · |want|. */
export interface Tolerance {
  readonly rtol: number;
  /** Multiplied by the comparison's scale, which is never above 1: small results get small allowances. */
  readonly atol: number;
  /** Whether −0 for 0 is a mismatch. */
  readonly signedZero: 'strict' | 'any';
}

/** What an op may declare: wider (or tighter) terms, and why. */
export interface ToleranceOverride {
  readonly rtol?: number;
  readonly atol?: number;
  readonly signedZero?: 'strict' | 'any';
  /** Only for these dtypes; absent: for all floating ones. */
  readonly dtypes?: readonly string[];
  /** Only on this kind of device; absent: on all. */
  readonly device?: string;
  /** Only for values or only for gradients; absent: both. */
  readonly only?: 'values' | 'gradients';
  readonly reason: string;
}

/** What is compared: an op's results, or the gradients of its inputs. */
export type Role = 'values' | 'gradients';

interface Terms {
  readonly rtol: number;
  readonly atol: number;
}

// float16 to float32: torch.testing.assert_close's own. float64 is a thousand times tighter than PyTorch's 1e-7: both sides
// compute in the same precision, and 1e-7 would hide a float32 intermediate.
const TABLE: Readonly<Record<string, Readonly<Record<Role, Terms>>>> = {
  float16: { values: { rtol: 1e-3, atol: 1e-5 }, gradients: { rtol: 2e-3, atol: 2e-5 } },
  bfloat16: { values: { rtol: 1.6e-2, atol: 1e-5 }, gradients: { rtol: 1.6e-2, atol: 2e-5 } },
  float32: { values: { rtol: 1.3e-6, atol: 2e-6 }, gradients: { rtol: 2.6e-6, atol: 4e-6 } },
  float64: { values: { rtol: 1e-13, atol: 1e-14 }, gradients: { rtol: 1e-12, atol: 1e-13 } },
  complex64: { values: { rtol: 1.3e-6, atol: 2e-6 }, gradients: { rtol: 2.6e-6, atol: 4e-6 } },
  complex128: { values: { rtol: 1e-13, atol: 1e-14 }, gradients: { rtol: 1e-12, atol: 1e-13 } },
};
const EXACT: Terms = { rtol: 0, atol: 0 };

/** The tolerance for a dtype and role on a kind of device, with the op's declared exceptions applied. Whole numbers and bools are exact. */
export function toleranceFor(
  dtype: string,
  role: Role,
  overrides: ToleranceOverride | readonly ToleranceOverride[] = [],
  device = 'cpu',
): Tolerance {
  const row = TABLE[dtype];
  // A gradient's zero has no meaningful sign: 0·(−1) and 0 are the same slope.
  let found: Tolerance = { ...(row?.[role] ?? EXACT), signedZero: role === 'values' ? 'strict' : 'any' };
  if (!row) return found;
  for (const one of Array.isArray(overrides)
    ? (overrides as readonly ToleranceOverride[])
    : [overrides as ToleranceOverride]) {
    if (one.dtypes && !one.dtypes.includes(dtype)) continue;
    if (one.device && one.device !== device) continue;
    if (one.only && one.only !== role) continue;
    found = {
      rtol: one.rtol ?? found.rtol,
      atol: one.atol ?? found.atol,
      signedZero: one.signedZero ?? found.signedZero,
    };
  }
  return found;
}

/** `rtol 1.3e-6, atol 1e-5`, or `exact`. */
export function showTolerance(tolerance: Tolerance, scale = 1): string {
  if (tolerance.rtol === 0 && tolerance.atol === 0) return 'exact';
  const scaled = tolerance.atol * scale;
  const show = (value: number) => (value === 0 ? '0' : value.toExponential().replace(/(\.\d{2})\d+e/, '$1e'));
  return `rtol ${show(tolerance.rtol)}, atol ${show(scaled)}`;
}

/**
 * The tolerance against NumPy: wide enough for two good implementations, because NumPy may be the less exact of the three
 * (it sums float32 cumulatively); what PyTorch says is held against the table.
 */
export function secondOpinion(dtype: string): Tolerance {
  const row = TABLE[dtype];
  if (!row) return { ...EXACT, signedZero: 'any' };
  const factor = dtype === 'float32' ? 25 : 1000;
  return { rtol: row.values.rtol * factor, atol: row.values.atol * 10, signedZero: 'any' };
}

const PRECISION = ['bfloat16', 'float16', 'float32', 'float64'];

/** The less precise of two floating dtypes; others leave the first as it is. */
export function coarserDtype(first: string, second: string): string {
  const [a, b] = [PRECISION.indexOf(first), PRECISION.indexOf(second)];
  return a >= 0 && b >= 0 && b < a ? second : first;
}
