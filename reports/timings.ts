// Timing rows as a reader wants them: one line per case with both references beside it, and curves over sizes.
// Pure regrouping; no layout.
import type { BenchRow, Ratio, Timing } from './schema/index.js';

/** One case with what each reference took. */
export interface TimingLine {
  readonly key: string;
  readonly label: string;
  readonly group: string;
  readonly size: number | undefined;
  readonly ours: Timing;
  /** The row against each reference that the case was raced with. */
  readonly references: Readonly<Partial<Record<BenchRow['reference'], BenchRow>>>;
  /** The row whose facts (bytes, launch, note) speak for the line. */
  readonly row: BenchRow;
}

/** A scaling curve: one group of cases that differ in size only. */
export interface Curve {
  readonly group: string;
  readonly series: readonly { readonly name: Series; readonly points: readonly CurvePoint[] }[];
}

/** One measured point of a curve. */
export interface CurvePoint {
  readonly size: number;
  readonly ns: number;
}

/** Whose times a curve shows. */
export type Series = 'torchstone' | 'numpy' | 'torch';

/** The case's id without the reference's name, which some rows carry at their end. */
export function rowKey(row: BenchRow): string {
  return row.id.replace(/[/:@ ,-]+(?:vs[ -]?)?(?:numpy|torch|build|baseline)$/, '');
}

/** Joins the rows of each case. */
export function timingLines(rows: readonly BenchRow[]): TimingLine[] {
  const byKey = new Map<string, BenchRow[]>();
  for (const row of rows) byKey.set(rowKey(row), [...(byKey.get(rowKey(row)) ?? []), row]);
  return [...byKey].map(([key, own]) => {
    const references = Object.fromEntries(own.map((row) => [row.reference, row])) as TimingLine['references'];
    const row = (references.torch ?? references.numpy ?? own[0]) as BenchRow;
    return {
      key,
      label: row.label ?? key,
      group: row.group,
      size: row.size,
      ours: row.ours,
      references,
      row,
    };
  });
}

/** The groups in their order of appearance, each with its lines. */
export function byGroup(lines: readonly TimingLine[]): [string, TimingLine[]][] {
  const groups = new Map<string, TimingLine[]>();
  for (const line of lines) groups.set(line.group, [...(groups.get(line.group) ?? []), line]);
  return [...groups];
}

/** The curves: groups of at least three cases that differ in their size alone, as their ids show. */
export function curves(rows: readonly BenchRow[]): Curve[] {
  return byGroup(timingLines(rows)).flatMap(([group, lines]) => {
    const sized = lines
      .filter((line) => line.size !== undefined)
      .sort((a, b) => (a.size ?? 0) - (b.size ?? 0));
    const stems = new Set(sized.map((line) => line.key.replace(String(line.size), '#')));
    if (stems.size !== 1 || new Set(sized.map((line) => line.size)).size < 3) return [];
    return [{ group, series: seriesOf(sized) }];
  });
}

function seriesOf(lines: readonly TimingLine[]): Curve['series'] {
  const points = (of: (line: TimingLine) => number | undefined): CurvePoint[] =>
    lines.flatMap((line) => {
      const ns = of(line);
      return line.size !== undefined && ns !== undefined && ns > 0 ? [{ size: line.size, ns }] : [];
    });
  const series = [
    { name: 'torchstone' as const, points: points((line) => line.ours.medianNs) },
    { name: 'numpy' as const, points: points((line) => line.references.numpy?.theirs?.medianNs) },
    { name: 'torch' as const, points: points((line) => line.references.torch?.theirs?.medianNs) },
  ];
  return series.filter((one) => one.points.length > 0);
}

/** The geometric mean of ratios: the one average for which 2× and 0.5× cancel. */
export function geometricMean(ratios: readonly Ratio[]): number | undefined {
  if (ratios.length === 0) return undefined;
  return Math.exp(ratios.reduce((sum, one) => sum + Math.log(one.median), 0) / ratios.length);
}

/** What work was done per second, as far as the row says: bytes first, then arithmetic. */
export function throughput(row: BenchRow): string | undefined {
  const ns = row.ours.medianNs;
  if (ns <= 0) return undefined;
  // Bytes or operations per nanosecond are GB/s and GFLOP/s.
  if (row.flops) return `${(row.flops / ns).toPrecision(3)} GFLOP/s`;
  if (row.bytes) return `${(row.bytes / ns).toPrecision(3)} GB/s`;
  return undefined;
}
