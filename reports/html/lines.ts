// A chart of lines and points between two axes, with the table of its figures. What they mean is the caller's.
import { CONTESTANTS, type Contestant, draw, SOFT, valueAxis } from './chart.js';
import { behind, type Html, html } from './markup.js';
import type { Axis } from './scale.js';

/** One line, or points without a line. */
export interface Line {
  readonly points: readonly (readonly [number, number])[];
  /** Whose it is; else a line of the page's text colour. */
  readonly who?: Contestant;
  readonly colour?: string;
  readonly line?: 'solid' | 'dashed' | 'none';
  /** Marks at the points; off for bounds and fits. */
  readonly marks?: boolean;
  readonly hollow?: boolean;
  /** Written at the line's last point, which may be its left end. */
  readonly text?: string;
  readonly textFrom?: 'left' | 'right';
  readonly width?: number;
}

/** One axis of the chart. */
export interface LineAxis {
  readonly axis: Axis;
  readonly text: (value: number) => string;
  readonly name: string;
}

/** One chart. */
export interface LineChart {
  readonly title: string;
  readonly label: string;
  readonly x: LineAxis;
  readonly y: LineAxis;
  readonly lines: readonly Line[];
  readonly table: Html;
  /** What stands between the title and the drawing. */
  readonly note?: string | undefined;
  readonly height?: number;
}

const WIDTH = 340;
const HEIGHT = 226;

/** A small chart in a panel of its own, its figures folded behind it. */
export function lineChart(chart: LineChart): Html {
  const note = chart.note === undefined ? undefined : html`<p class="soft">${chart.note}</p>`;
  return html`<div class="panel"><h3>${chart.title}</h3>${note}
${drawing(chart, WIDTH, chart.height ?? HEIGHT)}
${behind('The figures', chart.table)}</div>`;
}

/** The drawing alone. */
export function drawing({ x, y, lines, label }: LineChart, width: number, height: number, css = ''): Html {
  const option = {
    grid: { left: 58, right: 14, top: 26, bottom: 38 },
    xAxis: {
      ...valueAxis(x.axis, x.text, x.name),
      nameLocation: 'end' as const,
      nameGap: 0,
      nameTextStyle: {
        color: SOFT,
        fontSize: 11.5,
        fontFamily: 'inherit',
        align: 'right' as const,
        verticalAlign: 'top' as const,
        padding: [23, 0, 0, 0],
      },
      axisLine: { show: true, onZero: false, lineStyle: { color: SOFT, width: 1 } },
      splitLine: { show: false },
    },
    yAxis: {
      ...valueAxis(y.axis, y.text, y.name),
      axisLine: { show: false, onZero: false },
      nameGap: 12,
      nameTextStyle: {
        color: SOFT,
        fontSize: 11.5,
        fontFamily: 'inherit',
        align: 'left' as const,
        padding: [0, 0, 0, -50],
      },
    },
    series: lines.map((one) => series(one, x.axis, y.axis)),
  };
  return draw(option, { width, height, label, css });
}

function series(one: Line, x: Axis, y: Axis) {
  const colour = one.colour ?? (one.who === undefined ? SOFT : CONTESTANTS[one.who].colour);
  const kind = one.line ?? 'solid';
  return {
    type: 'line' as const,
    silent: true,
    data: one.points.map(([left, top]) => [x.at(left), y.at(top)]),
    ...(one.text === undefined ? {} : { endLabel: textAt(one.text, one.textFrom ?? 'right') }),
    symbol: one.who === undefined ? 'circle' : CONTESTANTS[one.who].symbol,
    symbolSize: one.who === 'torch' ? 9 : 7,
    showSymbol: one.marks !== false,
    showAllSymbol: true,
    clip: false,
    itemStyle: {
      color: one.hollow ? 'var(--card)' : colour,
      borderColor: colour,
      borderWidth: one.hollow ? 1.5 : 0,
    },
    lineStyle: {
      color: colour,
      width: kind === 'none' ? 0 : (one.width ?? 2),
      type: kind === 'dashed' ? [4, 4] : 'solid',
    },
  } as const;
}

function textAt(text: string, align: 'left' | 'right') {
  // A line that begins at the left rises from there: its name stands below it.
  const below = { verticalAlign: 'top' as const, offset: [6, 6] };
  const above = { verticalAlign: 'bottom' as const, offset: [-4, -3] };
  const place = { align, distance: 0, ...(align === 'left' ? below : above) };
  return { show: true, formatter: text, color: SOFT, fontSize: 11, fontFamily: 'inherit', ...place };
}
