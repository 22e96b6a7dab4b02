// Source positions and weights of each interpolated element along one dim: nearest, linear, cubic, antialiased.
// Positions are rounded as in PyTorch: in single precision unless the data is double.
import { type Table, tableOf } from './_resample.js';

/** One dim of an interpolation. */
export interface Line {
  readonly in: number;
  readonly out: number;
  /** The factor that was asked for; null where the sizes alone decide. */
  readonly scale: number | null;
  readonly alignCorners: boolean;
  readonly double: boolean;
}

export type Method = 'nearest' | 'nearest-exact' | 'linear' | 'cubic';
type Row = (readonly [place: number, weight: number])[];

const rounding = (line: Line): ((v: number) => number) => (line.double ? (v) => v : Math.fround);

/** The distance in the input of neighbouring results. */
function stepOf(line: Line, alignCorners: boolean): number {
  const r = rounding(line);
  if (alignCorners) return line.out > 1 ? r((line.in - 1) / (line.out - 1)) : 0;
  return line.scale !== null && line.scale > 0 ? r(1 / line.scale) : r(line.in / line.out);
}

/** Where result i lies in the input. */
function sourceOf(line: Line, step: number, i: number): number {
  const r = rounding(line);
  return line.alignCorners ? r(step * i) : r(r(step * r(i + 0.5)) - 0.5);
}

function nearest(line: Line, exact: boolean): Table {
  const r = rounding(line);
  const step = stepOf(line, false);
  const places = Array.from({ length: line.out }, (_, i) => {
    const at = exact ? r(step * r(i + 0.5)) : r(step * i);
    return Math.min(Math.floor(at), line.in - 1);
  });
  return { out: line.out, taps: 1, places, weights: null };
}

function linearRow(line: Line, step: number, i: number): Row {
  if (line.in === line.out) return [[i, 1]];
  const source = Math.max(0, sourceOf(line, step, i));
  const first = Math.min(Math.floor(source), line.in - 1);
  const part = Math.min(Math.max(rounding(line)(source - first), 0), 1);
  return [
    [first, 1 - part],
    [Math.min(first + 1, line.in - 1), part],
  ];
}

const near = (a: number, x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
const far = (a: number, x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
/** The weights of four neighbours at distances t + 1, t, 1 − t, 2 − t: the cubic convolution with a = −0.75. */
export const cubicWeights = [
  (t: number): number => far(-0.75, t + 1),
  (t: number): number => near(-0.75, t),
  (t: number): number => near(-0.75, 1 - t),
  (t: number): number => far(-0.75, 2 - t),
] as const;

function cubicRow(line: Line, step: number, i: number): Row {
  const source = sourceOf(line, step, i);
  const first = Math.min(Math.floor(source), line.in - 1);
  const part = Math.min(Math.max(rounding(line)(source - first), 0), 1);
  return cubicWeights.map((weight, k) => [Math.min(Math.max(first + k - 1, 0), line.in - 1), weight(part)]);
}

/** Filters of the antialiased forms, in units of their own width. The cubic one has a = −0.5, as in PIL. */
const filters = {
  linear: { reach: 1, weight: (x: number): number => Math.max(0, 1 - x) },
  cubic: {
    reach: 2,
    weight: (x: number): number => (x < 1 ? near(-0.5, x) : x < 2 ? far(-0.5, x) : 0),
  },
} as const;

function smoothRow(line: Line, step: number, i: number, method: 'linear' | 'cubic'): Row {
  const r = rounding(line);
  const { reach, weight } = filters[method];
  const width = step >= 1 ? r(reach * step) : reach;
  const narrow = step >= 1 ? r(1 / step) : 1;
  const center = r(step * r(i + 0.5));
  const from = Math.max(Math.trunc(r(r(center - width) + 0.5)), 0);
  const to = Math.min(Math.trunc(r(r(center + width) + 0.5)), line.in);
  const weights = Array.from({ length: to - from }, (_, k) =>
    weight(Math.abs(r(r(r(k + from - center) + 0.5) * narrow))),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w, k) => [from + k, sum === 0 ? w : w / sum] as const);
}

/** The table of one dim. */
export function interpolationTable(method: Method, line: Line, antialias: boolean): Table {
  if (method === 'nearest' || method === 'nearest-exact') return nearest(line, method === 'nearest-exact');
  const step = stepOf(line, line.alignCorners);
  const row = antialias
    ? (i: number): Row => smoothRow(line, step, i, method)
    : method === 'linear'
      ? (i: number): Row => linearRow(line, step, i)
      : (i: number): Row => cubicRow(line, step, i);
  return tableOf(Array.from({ length: line.out }, (_, i) => row(i)));
}

/** The table with weights of 16-bit fixed point, as images of bytes are resized: as many fractional bits as the largest weight leaves. */
export function fixedPoint(table: Table): Table {
  if (table.weights === null) return table;
  const most = table.weights.reduce((a, b) => Math.max(a, b), 0);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + most * 2 ** (bits + 1)) < 2 ** 15) bits++;
  const one = 2 ** bits;
  return {
    ...table,
    weights: table.weights.map((w) => (Math.sign(w) * Math.trunc(Math.abs(w) * one + 0.5)) / one),
  };
}
