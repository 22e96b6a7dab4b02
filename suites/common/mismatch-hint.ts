// Hints at the pattern of a set of mismatches (one row, a factor, a shift). Hints decide nothing.
import type { ArrayValue } from './compare.js';

const VECTOR = 8;
/** Lanes of vectors and of unrolled groups of them. */
const LANES = [2, 4, 8, 16, 32, 64] as const;
const FACTORS = [2, 0.5, -1, 3, 4, 0.25] as const;

/** What the mismatching flat positions have in common; undefined when nothing is apparent. */
export function guessPattern(
  got: ArrayValue,
  want: ArrayValue,
  wrong: readonly number[],
): string | undefined {
  const total = want.data.length;
  if (total < 2 || wrong.length === 0) return undefined;
  return (
    wholeArray(got, want, wrong) ??
    tail(wrong, total) ??
    oneIndex(wrong, want.shape) ??
    rowTails(wrong, want.shape, total) ??
    lanes(wrong, total) ??
    (wrong.length === total ? 'every element differs' : undefined)
  );
}

function wholeArray(got: ArrayValue, want: ArrayValue, wrong: readonly number[]): string | undefined {
  const at = (value: ArrayValue, i: number): number => Number(value.data[i]);
  if (wrong.every((i) => at(got, i) === 0)) return 'got is 0 wherever it differs';
  for (const factor of FACTORS)
    if (wrong.length > 1 && wrong.every((i) => close(at(got, i), at(want, i) * factor)))
      return `got is ${factor} × want wherever it differs`;
  if (isTransposed(got, want)) return 'got is want with its last two dims swapped';
  const shifted = (by: number) =>
    wrong.length > 2 &&
    wrong.every((i) => i + by < 0 || i + by >= want.data.length || close(at(got, i), at(want, i + by)));
  if (shifted(1) || shifted(-1)) return 'got is want shifted by one element';
  const offset = at(got, wrong[0]!) - at(want, wrong[0]!);
  if (wrong.length > 2 && wrong.every((i) => close(at(got, i), at(want, i) + offset)))
    return `got is want ${offset < 0 ? '−' : '+'} ${Number(Math.abs(offset).toPrecision(3))} wherever it differs`;
  return undefined;
}

function close(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= 1e-5 * Math.abs(b);
}

function isTransposed(got: ArrayValue, want: ArrayValue): boolean {
  const rows = want.shape.at(-2);
  const columns = want.shape.at(-1);
  if (rows === undefined || columns === undefined || rows < 2 || columns < 2) return false;
  const size = rows * columns;
  for (let i = 0; i < want.data.length; i += 1) {
    const inside = i % size;
    // The same memory read as [columns, rows] and swapped.
    const from = i - inside + (inside % columns) * rows + Math.floor(inside / columns);
    if (!close(Number(got.data[i]), Number(want.data[from]))) return false;
  }
  return true;
}

function tail(wrong: readonly number[], total: number): string | undefined {
  const first = wrong[0]!;
  const contiguous = wrong.length === total - first;
  if (!contiguous || first === 0) return undefined;
  const inTail = first >= total - (total % VECTOR) && total % VECTOR !== 0;
  return inTail
    ? `only the vector tail, from flat index ${first} on`
    : `everything from flat index ${first} on`;
}

/** The end of every row: what is left of a row after whole vectors, where each row is walked for itself. */
function rowTails(wrong: readonly number[], shape: readonly number[], total: number): string | undefined {
  const columns = shape.at(-1) ?? 1;
  if (shape.length < 2 || columns < 2) return undefined;
  const first = wrong.reduce((least, i) => Math.min(least, i % columns), columns);
  const all = wrong.length === (total / columns) * (columns - first);
  return all && first > 0 ? `only where the last index is ≥ ${first}: the tail of every row` : undefined;
}

/** The same places of every group of lanes: `index % 16 ≥ 12`. The smallest group that explains all of them. */
function lanes(wrong: readonly number[], total: number): string | undefined {
  const size = LANES.find((one) => {
    const places = new Set(wrong.map((i) => i % one)).size;
    return total >= 2 * one && 2 * places <= one && wrong.length === countIn(wrong, one, total);
  });
  if (size === undefined) return undefined;
  const places = [...new Set(wrong.map((i) => i % size))].sort((a, b) => a - b);
  const [first, last] = [places[0]!, places.at(-1)!];
  if (places.length === 1) return `only where index % ${size} is ${first}`;
  if (last - first + 1 !== places.length) return `only where index % ${size} is ${places.join(', ')}`;
  const end = last === size - 1 ? ': the end of every vector' : '';
  const range = first === 0 ? `≤ ${last}` : last === size - 1 ? `≥ ${first}` : `is ${first} to ${last}`;
  return `only where index % ${size} ${range}${end}`;
}

/** How many of all elements stand in the places of a group in which some are wrong. */
function countIn(wrong: readonly number[], size: number, total: number): number {
  const places = [...new Set(wrong.map((i) => i % size))];
  return places.reduce((sum, place) => sum + Math.ceil((total - place) / size), 0);
}

function oneIndex(wrong: readonly number[], shape: readonly number[]): string | undefined {
  if (wrong.length < 2 || shape.length < 2) return undefined;
  let stride = 1;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    const size = shape[dim]!;
    const place = (flat: number) => Math.floor(flat / stride) % size;
    const first = place(wrong[0]!);
    if (size > 1 && wrong.every((flat) => place(flat) === first)) return `only where dim ${dim} is ${first}`;
    stride *= size;
  }
  return undefined;
}
