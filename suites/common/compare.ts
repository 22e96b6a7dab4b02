// Comparison of two arrays, and the text of a mismatch. Plain arrays only.

import { figure, type Worst } from '../../reports/schema/index.js';
import { brainToNumber, halfToNumber } from './half.js';
import { guessPattern } from './mismatch-hint.js';
import { sizeOf, unravel } from './shapes.js';
import { showTolerance, type Tolerance } from './tolerances.js';
import { ulpDistance } from './ulp.js';

/** An array in logical row-major order; a complex element is two numbers, real part first. */
export interface ArrayValue {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

/** One mismatching element. */
export interface Element {
  readonly index: readonly number[];
  readonly got: number | bigint;
  readonly want: number | bigint;
  readonly abs: number;
  readonly rel: number;
  readonly ulp: number;
  readonly allowed: number;
  /** Which term of the tolerance allows most here. */
  readonly term: 'rtol' | 'atol' | 'exact';
}

/** How two arrays compare. */
export interface Comparison {
  readonly ok: boolean;
  /** Elements whose values were compared. */
  readonly compared: number;
  /** Elements where both are NaN: they agree, but no magnitude was compared. */
  readonly bothNaN: number;
  readonly mismatched: number;
  /** The flat positions of the mismatches, the parts of complex numbers counted apart. */
  readonly wrong: readonly number[];
  readonly nan: number;
  readonly infinity: number;
  /** −0 for 0 or the other way round, whether tolerated or not. */
  readonly signedZero: number;
  readonly worst?: { readonly ulp: Element; readonly abs: Element; readonly rel: Element };
  /** The first mismatch of any kind: what to show where only NaNs or infinities differ. */
  readonly first?: Element;
  /** The greatest distance seen over all elements, mismatching or not. */
  readonly greatestUlp: number;
  readonly tolerance: string;
  /** What the mismatches look like, where they look like something. */
  readonly pattern?: string;
  /** Empty when ok. */
  readonly message: string;
}

export interface CompareOptions {
  /** The magnitude that absolute allowances are relative to; default: the greatest finite |want|. Never counts above 1. */
  readonly scale?: number;
  /** What is compared, for the message: `out0`. */
  readonly what?: string;
  /** Compare values though the dtypes differ (NumPy promotes by other rules). */
  readonly ignoreDtype?: boolean;
}

/** Compares dtype, shape and every value. */
export function compareArrays(
  got: ArrayValue,
  want: ArrayValue,
  tolerance: Tolerance,
  options: CompareOptions = {},
): Comparison {
  const what = options.what ?? 'value';
  const outside = headerProblem(got, want, options);
  if (outside !== undefined) return refused(`${what}: ${outside}`, showTolerance(tolerance));
  const [ours, theirs] = [asNumbers(got), asNumbers(want)];
  const scale = Math.min(1, options.scale ?? greatest(theirs));
  const walk = new Walk(inParts(ours), inParts(theirs), tolerance, Number.isFinite(scale) ? scale : 1);
  walk.run();
  return walk.result(what);
}

const partsOf = (dtype: string): number => (dtype.startsWith('complex') ? 2 : 1);

/** 16-bit floats travel as their bits: as the numbers that they are. */
function asNumbers(value: ArrayValue): ArrayValue {
  const read =
    value.dtype === 'float16' ? halfToNumber : value.dtype === 'bfloat16' ? brainToNumber : undefined;
  if (read === undefined || !(value.data instanceof Uint16Array)) return value;
  return { ...value, data: Float64Array.from(value.data, read) };
}

/** A complex array as the real one that its parts are: a last dim of two more. */
function inParts(value: ArrayValue): ArrayValue {
  return partsOf(value.dtype) === 1 ? value : { ...value, shape: [...value.shape, 2] };
}

/** The greatest finite magnitude in an array, 0 when there is none. */
export function greatest(value: ArrayValue): number {
  let most = 0;
  for (let i = 0; i < value.data.length; i += 1) {
    const size = Math.abs(Number(value.data[i]));
    if (size > most && size !== Number.POSITIVE_INFINITY) most = size;
  }
  return most;
}

/** The comparison's worst element in the form of a result. */
export function worstOf(comparison: Comparison, what: string): Worst | undefined {
  const element = comparison.worst?.ulp ?? comparison.first;
  if (!element) return undefined;
  return {
    what,
    index: [...element.index],
    got: figure(element.got),
    want: figure(element.want),
    abs: figure(element.abs),
    rel: figure(element.rel),
    ulp: figure(element.ulp),
    tolerance: comparison.tolerance,
  };
}

function headerProblem(got: ArrayValue, want: ArrayValue, options: CompareOptions): string | undefined {
  if (!options.ignoreDtype && got.dtype !== want.dtype) return `dtype is ${got.dtype}, want ${want.dtype}`;
  if (got.shape.length !== want.shape.length || got.shape.some((size, at) => size !== want.shape[at]))
    return `shape is [${got.shape.join(', ')}], want [${want.shape.join(', ')}]`;
  const size = sizeOf(want.shape) * partsOf(want.dtype);
  if (got.data.length !== size || want.data.length !== size)
    return `holds ${got.data.length} elements (want holds ${want.data.length}), the shape says ${size}`;
  return undefined;
}

function refused(message: string, tolerance: string): Comparison {
  return {
    ok: false,
    compared: 0,
    bothNaN: 0,
    mismatched: 0,
    wrong: [],
    nan: 0,
    infinity: 0,
    signedZero: 0,
    greatestUlp: 0,
    tolerance,
    message,
  };
}

/** One pass over both arrays. */
class Walk {
  readonly #got: ArrayValue;
  readonly #want: ArrayValue;
  readonly #tolerance: Tolerance;
  readonly #scale: number;
  readonly #wrong: number[] = [];
  #bothNaN = 0;
  #nan = 0;
  #infinity = 0;
  #signedZero = 0;
  #greatestUlp = 0;
  #ulp: Element | undefined;
  #abs: Element | undefined;
  #rel: Element | undefined;

  constructor(got: ArrayValue, want: ArrayValue, tolerance: Tolerance, scale: number) {
    this.#got = got;
    this.#want = want;
    this.#tolerance = tolerance;
    this.#scale = scale;
  }

  run(): void {
    const { data: got } = this.#got;
    const { data: want } = this.#want;
    for (let i = 0; i < want.length; i += 1) {
      const a = got[i]!;
      const b = want[i]!;
      if (typeof a === 'bigint' || typeof b === 'bigint') {
        if (BigInt(a) !== BigInt(b)) this.#differs(i);
      } else this.#number(i, a, b);
    }
  }

  #number(i: number, a: number, b: number): void {
    if (Number.isNaN(a) || Number.isNaN(b)) {
      if (Number.isNaN(a) && Number.isNaN(b)) this.#bothNaN += 1;
      else {
        this.#nan += 1;
        this.#wrong.push(i);
      }
      return;
    }
    if (a === b) {
      if (a === 0 && !Object.is(a, b)) this.#zero(i);
      return;
    }
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      this.#infinity += 1;
      this.#wrong.push(i);
      return;
    }
    this.#greatestUlp = Math.max(this.#greatestUlp, ulpDistance(a, b, this.#want.dtype) || 0);
    const { rtol, atol } = this.#tolerance;
    if (Math.abs(a - b) > atol * this.#scale + rtol * this.#size(i)) this.#differs(i);
  }

  /** What a relative allowance is relative to: a complex number's parts round with the whole of it. */
  #size(i: number): number {
    const { data, dtype } = this.#want;
    const size = Math.abs(Number(data[i]));
    return partsOf(dtype) === 1 ? size : Math.hypot(size, Number(data[i ^ 1]));
  }

  #zero(i: number): void {
    this.#signedZero += 1;
    if (this.#tolerance.signedZero === 'strict') this.#wrong.push(i);
  }

  #differs(i: number): void {
    this.#wrong.push(i);
    const element = this.#element(i);
    const past = (best: Element | undefined, key: 'ulp' | 'abs' | 'rel') => !best || element[key] > best[key];
    if (past(this.#ulp, 'ulp')) this.#ulp = element;
    if (past(this.#abs, 'abs')) this.#abs = element;
    if (past(this.#rel, 'rel')) this.#rel = element;
  }

  #element(i: number): Element {
    const got = this.#got.data[i]!;
    const want = this.#want.data[i]!;
    const abs =
      typeof got === 'bigint' && typeof want === 'bigint'
        ? Number(got > want ? got - want : want - got)
        : Math.abs(Number(got) - Number(want));
    const byAtol = this.#tolerance.atol * this.#scale;
    const byRtol = this.#tolerance.rtol * this.#size(i);
    const exact = this.#tolerance.atol === 0 && this.#tolerance.rtol === 0;
    return {
      index: unravel(i, this.#want.shape),
      got,
      want,
      abs,
      rel: abs / Math.abs(Number(want)),
      ulp: ulpDistance(Number(got), Number(want), this.#want.dtype),
      allowed: byAtol + byRtol,
      term: exact ? 'exact' : byRtol >= byAtol ? 'rtol' : 'atol',
    };
  }

  result(what: string): Comparison {
    const total = this.#want.data.length;
    const ok = this.#wrong.length === 0;
    const tolerance = showTolerance(this.#tolerance, this.#scale);
    const worst = this.#ulp && this.#abs && this.#rel && { ulp: this.#ulp, abs: this.#abs, rel: this.#rel };
    const first = ok ? undefined : this.#element(this.#wrong[0]!);
    const pattern = ok ? undefined : guessPattern(this.#got, this.#want, this.#wrong);
    const base = {
      ok,
      compared: total - this.#bothNaN,
      bothNaN: this.#bothNaN,
      mismatched: this.#wrong.length,
      wrong: this.#wrong,
      nan: this.#nan,
      infinity: this.#infinity,
      signedZero: this.#signedZero,
      greatestUlp: this.#greatestUlp,
      tolerance,
      ...(worst ? { worst } : {}),
      ...(first ? { first } : {}),
      ...(pattern !== undefined ? { pattern } : {}),
    };
    return { ...base, message: ok ? '' : describeMismatch(what, total, base) };
  }
}

function describeMismatch(what: string, total: number, one: Omit<Comparison, 'message'>): string {
  const lines = [`${what}: ${one.mismatched} of ${total} elements differ (${one.tolerance})`];
  if (one.worst) {
    lines.push(`  worst by ulp: ${showElement(one.worst.ulp)}`);
    if (one.worst.abs !== one.worst.ulp) lines.push(`  worst by abs: ${showElement(one.worst.abs)}`);
    if (one.worst.rel !== one.worst.ulp && one.worst.rel !== one.worst.abs)
      lines.push(`  worst by rel: ${showElement(one.worst.rel)}`);
  } else if (one.first) lines.push(`  first: ${showElement(one.first)}`);
  const apart = [
    [one.nan, 'NaN in one only'],
    [one.infinity, 'infinity in one only, or of the other sign'],
    [one.signedZero, 'zero of the other sign'],
  ] as const;
  for (const [count, words] of apart) if (count > 0) lines.push(`  ${count} × ${words}`);
  if (one.pattern !== undefined) lines.push(`  looks like: ${one.pattern}`);
  return lines.join('\n');
}

function showElement(element: Element): string {
  const apart = Number.isFinite(element.abs) && element.abs > 0;
  const ulp = Number.isNaN(element.ulp)
    ? ''
    : `, ${element.ulp < 1e7 ? Math.round(element.ulp * 100) / 100 : element.ulp.toExponential(2)} ulp`;
  const distance = apart
    ? `; abs ${element.abs.toExponential(2)}, rel ${element.rel.toExponential(2)}${ulp}; allowed ${element.allowed.toExponential(2)} (${element.term})`
    : '';
  return `[${element.index.join(', ')}] got ${figure(element.got)}, want ${figure(element.want)}${distance}`;
}
