// The forest plot: one row a case, on each the marks and intervals of its contestants, all on one axis. Drawn twice, for wide
// windows and for phones, so that no text shrinks. What the rows mean is the caller's.
import type { CustomSeriesOption } from 'echarts/charts';
import { type ChartOption, CONTESTANTS, type Contestant, draw, INK, SOFT, valueAxis } from './chart.js';
import { type Html, html } from './markup.js';
import type { Axis } from './scale.js';

/** One mark, with its interval where it has one. */
export interface ForestMark {
  readonly who: Contestant;
  readonly at: number;
  readonly low?: number;
  readonly high?: number;
  /** Drawn hollow: undecided. */
  readonly hollow?: boolean;
  /** A dashed tick: what it must reach. */
  readonly required?: number;
}

/** A figure of a row; a bad one says so in words too. */
export interface ForestFigure {
  readonly text: string;
  readonly bad?: boolean;
}

/** One row. */
export interface ForestRow {
  readonly label: string;
  /** The figures in words, right of the plot; one for each of the plot's columns, `–` where there is none. */
  readonly figures: readonly ForestFigure[];
  readonly marks: readonly ForestMark[];
}

/** How the axis reads. */
export interface ForestAxis {
  readonly axis: Axis;
  readonly text: (value: number) => string;
  /** A value worth a stronger line: a ratio of 1. */
  readonly line?: number;
  /** The names of the columns of figures. */
  readonly columns: readonly string[];
}

type RenderItem = NonNullable<CustomSeriesOption['renderItem']>;
type Child = Exclude<ReturnType<RenderItem>, null | undefined>;

interface Layout {
  readonly css: 'wide' | 'narrow';
  readonly width: number;
  readonly row: number;
  readonly left: number;
  readonly right: number;
  /** How far below the middle of its row a mark sits: below the label, where that stands above it. */
  readonly drop: number;
}

const WIDE: Layout = { css: 'wide', width: 1040, row: 25, left: 330, right: 250, drop: 0 };
const NARROW: Layout = { css: 'narrow', width: 332, row: 62, left: 14, right: 14, drop: 17 };
const TOP = 26;

/** Draws the rows. */
export function forest(label: string, rows: readonly ForestRow[], scale: ForestAxis): Html {
  return html`${[WIDE, NARROW].map((layout) =>
    draw(option(rows, scale, layout), {
      width: layout.width,
      height: TOP + rows.length * layout.row + 4,
      label,
      css: layout.css,
    }),
  )}`;
}

function option(rows: readonly ForestRow[], scale: ForestAxis, layout: Layout): ChartOption {
  const wide = layout.css === 'wide';
  return {
    grid: { left: layout.left, right: layout.right, top: TOP, height: rows.length * layout.row },
    xAxis: { ...valueAxis(scale.axis, scale.text), position: 'top' },
    yAxis: [
      names(
        rows.map((row) => row.label),
        wide ? { align: 'left', margin: layout.left - 2, width: layout.left - 18 } : above(layout, 17),
        () => INK,
      ),
      ...(wide ? columns(rows, scale, layout) : [figuresBelow(rows, scale, layout)]),
    ],
    series: [
      {
        type: 'custom',
        data: rows.map((_, at) => [scale.axis.low, at]),
        renderItem: (params, api) => rowShapes(rows[params.dataIndex]!, scale, layout, api),
        silent: true,
        clip: false,
      },
    ],
  };
}

/** The figures as columns right of the plot, each under its name. */
function columns(rows: readonly ForestRow[], scale: ForestAxis, { right }: Layout) {
  const each = (right - 36) / Math.max(2, scale.columns.length);
  return scale.columns.map((name, k) => ({
    ...names(
      rows.map((row) => row.figures[k]?.text ?? ''),
      { width: each - 6 },
      (_, at) => (rows[at ?? 0]?.figures[k]?.bad ? 'var(--bad)' : SOFT),
    ),
    position: 'right' as const,
    offset: 26 + k * each,
    name,
    nameLocation: 'start' as const,
    nameGap: 9,
    nameMoveOverlap: false,
    nameTextStyle: {
      color: SOFT,
      fontSize: 11.5,
      fontFamily: 'inherit',
      align: 'left' as const,
      padding: [0, 0, 0, 8],
    },
  }));
}

/** On a phone they stand in one line below the row's label, each with its name. */
function figuresBelow(rows: readonly ForestRow[], scale: ForestAxis, layout: Layout) {
  const text = (row: ForestRow) =>
    row.figures
      .flatMap((one, k) =>
        one.text === '–' ? [] : [`${scale.columns.length > 1 ? `${scale.columns[k]} ` : ''}${one.text}`],
      )
      .join(',  ');
  const color = (_?: string | number, at?: number) =>
    rows[at ?? 0]?.figures.some((one) => one.bad) ? 'var(--bad)' : SOFT;
  return { ...names(rows.map(text), above(layout, 1), color), position: 'left' as const, offset: 0 };
}

/** Labels inside the plot, above the marks of their row: a phone has no room beside it. */
function above({ width, left, right }: Layout, lift: number) {
  const inside = { inside: true, margin: 0, align: 'left' as const, verticalAlign: 'bottom' as const };
  return { ...inside, padding: [0, 0, lift, 0], width: width - left - right };
}

function names(
  texts: readonly string[],
  place: object,
  color: (value?: string | number, at?: number) => string,
) {
  return {
    type: 'category' as const,
    inverse: true,
    data: [...texts],
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      interval: 0,
      fontSize: 12,
      fontFamily: 'inherit',
      overflow: 'truncate' as const,
      color,
      ...place,
    },
  };
}

type Api = Parameters<RenderItem>[1];

function rowShapes(row: ForestRow, { axis, line }: ForestAxis, layout: Layout, api: Api): Child {
  const at = Number(api.value(1));
  const x = (value: number) => api.coord([axis.at(value), at])[0]!;
  const middle = api.coord([axis.low, at])[1]! + layout.drop;
  const children: Child[] = [];
  if (line !== undefined) {
    const top = api.coord([axis.low, at])[1]! - layout.row / 2;
    children.push(stroke(x(line), top, x(line), top + layout.row, { stroke: SOFT, lineWidth: 1.2 }));
  }
  row.marks.forEach((mark, k) => {
    const y = middle + (k - (row.marks.length - 1) / 2) * 9;
    children.push(...markShapes(mark, x, y));
  });
  return { type: 'group', children } as Child;
}

function markShapes(mark: ForestMark, x: (value: number) => number, y: number): Child[] {
  const { colour, symbol } = CONTESTANTS[mark.who];
  const shapes: Child[] = [];
  if (mark.required !== undefined) {
    const at = x(mark.required);
    shapes.push(stroke(at, y - 6, at, y + 6, { stroke: INK, lineWidth: 1.5, lineDash: [2, 2] }));
  }
  if (mark.low !== undefined && mark.high !== undefined)
    shapes.push(stroke(x(mark.low), y, x(mark.high), y, { stroke: colour, lineWidth: 2, opacity: 0.6 }));
  const style = { fill: mark.hollow ? 'var(--card)' : colour, stroke: colour, lineWidth: 1.6 };
  shapes.push(shapeOf(symbol, x(mark.at), y, style));
  return shapes;
}

function stroke(x1: number, y1: number, x2: number, y2: number, style: object): Child {
  return { type: 'line', shape: { x1, y1, x2, y2 }, style } as Child;
}

function shapeOf(
  symbol: (typeof CONTESTANTS)[Contestant]['symbol'],
  x: number,
  y: number,
  style: object,
): Child {
  const points = (...offsets: [number, number][]) => ({
    points: offsets.map(([dx, dy]) => [x + dx, y + dy]),
  });
  switch (symbol) {
    case 'circle':
      return { type: 'circle', shape: { cx: x, cy: y, r: 3.6 }, style } as Child;
    case 'rect':
      return {
        type: 'polygon',
        shape: points([-3.3, -3.3], [3.3, -3.3], [3.3, 3.3], [-3.3, 3.3]),
        style,
      } as Child;
    case 'diamond':
      return { type: 'polygon', shape: points([0, -4.6], [4.6, 0], [0, 4.6], [-4.6, 0]), style } as Child;
    case 'triangle':
      return { type: 'polygon', shape: points([0, -4.4], [4.4, 3.6], [-4.4, 3.6]), style } as Child;
  }
}
