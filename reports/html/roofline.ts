// Report section: the machine's ceilings, each row's share of them, and the roofline chart.

import { CEILING_TITLES, ceilingsOf, intensityOf, reachOf, shareText } from '../ceilings.js';
import { nanoseconds, significant } from '../format.js';
import type { BenchRow, Ceiling, RunResult } from '../schema/index.js';
import { timingLines } from '../timings.js';
import { benchRows } from '../verdict.js';
import { key, powerOfTen } from './chart.js';
import { drawing, type Line, type LineChart } from './lines.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { decadeAxis } from './scale.js';

/** The ceilings and the rows under them; nothing for a run that measured no ceiling. */
export function rooflineSection(run: RunResult): Html {
  const ceilings = ceilingsOf(run);
  if (ceilings.length === 0) return NOTHING;
  const most = ceilings.map((one) => [
    CEILING_TITLES[one.id],
    `${significant(one.value)} ${one.unit}`,
    one.how,
  ]);
  const lines = timingLines(benchRows(run));
  const rows = lines.flatMap((line) => {
    const reach = reachOf(line.row, ceilings);
    if (!reach?.ceiling) return [];
    const { rate, ceiling, share } = reach;
    const intensity = intensityOf(line.row);
    return [
      [
        line.label,
        nanoseconds(line.ours.medianNs),
        rate,
        CEILING_TITLES[ceiling.id],
        shareText(share),
        intensity === undefined ? '–' : `${significant(intensity)} FLOP/B`,
      ],
    ];
  });
  const head = ['case', 'our time', 'rate', 'bounded by', 'of ceiling', 'intensity'];
  const behindIt =
    rows.length > 0
      ? behind('Every row under its ceiling', table('Rows under their ceilings', head, rows, 'figures'))
      : NOTHING;
  const body = html`<div class="panel">${roofline(
    lines.map((line) => line.row),
    ceilings,
  )}${table('Ceilings', ['ceiling', 'reached', 'by'], most, 'figures')}
${behindIt}</div>`;
  const lead =
    'What this machine can do at most, measured in the same run, and what each row reaches of it: rate over operations a byte. A row without arithmetic to count is taken as one operation an element.';
  return section('roofline', 'Roofline', lead, body);
}

interface Point {
  readonly intensity: number;
  readonly ours: number;
  readonly theirs: number | undefined;
}

/** GFLOP/s over FLOP a byte: two slopes of bandwidth, two levels of arithmetic, and the rows below them. */
function roofline(rows: readonly BenchRow[], ceilings: readonly Ceiling[]): Html {
  const points = rows.flatMap((row): Point[] => {
    const intensity = intensityOf(row);
    if (intensity === undefined || row.correct === false || row.ours.medianNs <= 0) return [];
    const operations = row.flops ?? (row.bytes ?? 0) * intensity;
    const theirs = row.reference === 'torch' ? row.theirs?.medianNs : undefined;
    return [
      { intensity, ours: operations / row.ours.medianNs, theirs: theirs ? operations / theirs : undefined },
    ];
  });
  if (points.length === 0) return NOTHING;
  const of = (id: Ceiling['id']) => ceilings.find((one) => one.id === id)?.value;
  const peak = Math.max(of('float32') ?? 0, of('float64') ?? 0);
  const x = decadeAxis(points.map((one) => one.intensity));
  const from = 10 ** x.low;
  const to = 10 ** x.high;
  const y = decadeAxis([...points.flatMap((one) => [one.ours, one.theirs ?? one.ours]), peak || 1]);
  const roofs = ceilings.map((one): Line => {
    const shared = {
      line: 'solid',
      marks: false,
      colour: 'var(--soft)',
      width: 1.3,
      text: CEILING_TITLES[one.id],
    } as const;
    if (one.unit === 'GFLOP/s')
      return {
        ...shared,
        points: [
          [from, one.value],
          [to, one.value],
        ],
      };
    // Bandwidth bounds until arithmetic does. Its name stands at the left, that of arithmetic at the right.
    const end = peak > 0 ? Math.min(to, peak / one.value) : to;
    return {
      ...shared,
      textFrom: 'left',
      points: [
        [end, one.value * end],
        [from, one.value * from],
      ],
    };
  });
  const theirs = points.flatMap((one) =>
    one.theirs === undefined ? [] : [[one.intensity, one.theirs] as const],
  );
  const chart: LineChart = {
    title: 'Roofline',
    label: `Roofline: the rate of ${points.length} rows over their intensity, below the ceilings of this machine`,
    x: { axis: x, text: powerOfTen, name: 'FLOP a byte' },
    y: { axis: y, text: powerOfTen, name: 'GFLOP/s' },
    lines: [
      ...roofs,
      { who: 'torch', line: 'none', hollow: true, points: theirs },
      { who: 'torchstone', line: 'none', points: points.map((one) => [one.intensity, one.ours] as const) },
    ],
    table: NOTHING,
  };
  return html`${key(['torchstone', 'torch'], 'PyTorch hollow')}${drawing(chart, 900, 380, 'wide')}${drawing(chart, 334, 300, 'narrow')}`;
}
