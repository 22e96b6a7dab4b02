// Charts by Apache ECharts, rendered to SVG without a DOM: library set-up, colours as CSS variables, logarithmic axes.
import { CustomChart, type CustomSeriesOption, LineChart, type LineSeriesOption } from 'echarts/charts';
import { GridComponent, type GridComponentOption } from 'echarts/components';
import { type ComposeOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { significant } from '../format.js';
import { REFERENCE_TITLES } from '../verdict.js';
import { Html, html } from './markup.js';
import type { Axis } from './scale.js';

use([LineChart, CustomChart, GridComponent, SVGRenderer]);

/** What a chart here may consist of. */
export type ChartOption = ComposeOption<LineSeriesOption | CustomSeriesOption | GridComponentOption>;

/** Whose figures a mark shows. Shapes differ, so that colour is never the only sign. */
export const CONTESTANTS = {
  torchstone: { name: 'Torchstone', colour: 'var(--ours)', symbol: 'circle' },
  numpy: { name: REFERENCE_TITLES.numpy, colour: 'var(--numpy)', symbol: 'rect' },
  torch: { name: REFERENCE_TITLES.torch, colour: 'var(--torch)', symbol: 'diamond' },
  build: { name: REFERENCE_TITLES.build, colour: 'var(--numpy)', symbol: 'triangle' },
  baseline: { name: REFERENCE_TITLES.baseline, colour: 'var(--numpy)', symbol: 'triangle' },
} as const;

/** A contestant's key. */
export type Contestant = keyof typeof CONTESTANTS;

export const SOFT = 'var(--soft)';
export const INK = 'var(--ink)';
export const GRID_LINE = { color: 'var(--line)', width: 1 } as const;
const SIZE = 11.5;
const TEXT = { color: SOFT, fontSize: SIZE, fontFamily: 'inherit' } as const;

/** The size of a drawing and what a screen reader says of it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly label: string;
  /** Where the drawing is shown: `wide` and `narrow` windows get drawings of their own. */
  readonly css?: string;
}

/** Draws a chart. The same option gives the same text, whatever was drawn before. */
export function draw(option: ChartOption, { width, height, label, css = '' }: Frame): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: TEXT, ...option });
    const body = tidied(chart.renderToSVGString({ useViewBox: true }));
    return html`<svg class="chart ${css}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${new Html(body)}</svg>`;
  } finally {
    chart.dispose();
  }
}

/** What is inside the library's <svg>, without what serves a mouse or cuts at the axes: every mark is inside anyway. */
function tidied(svg: string): string {
  const inside = svg.slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'));
  return (
    inside
      .replace(/<style\s*>[\s\S]*?<\/style>|<defs\s*>[\s\S]*?<\/defs>/g, '')
      .replace(/ (?:class|ecmeta_\w+|pointer-events|clip-path|xml:space)="[^"]*"/g, '')
      .replace(/font-family:inherit;/g, '')
      // Coordinates only: a figure in a text keeps all its digits.
      .replace(/<[^>]+>/g, (tag) => tag.replace(/(\d+\.\d{2})\d+/g, '$1'))
      .replace(/\n+/g, '\n')
  );
}

/** An axis in the units of `Axis` (logarithms where it is logarithmic), with its ticks and nothing else. */
export function valueAxis(axis: Axis, text: (value: number) => string, name = '') {
  return {
    type: 'value' as const,
    min: axis.low,
    max: axis.high,
    interval: axis.step,
    name,
    nameTextStyle: TEXT,
    axisLabel: { ...TEXT, formatter: (at: number) => text(axis.value(at)) },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: GRID_LINE },
  };
}

/** The legend of a chart: each contestant's mark and name. */
export function key(names: readonly Contestant[], ...more: readonly string[]): Html {
  const entries = names.map((one) => {
    const { name, colour, symbol } = CONTESTANTS[one];
    const shape = {
      circle: html`<circle cx="7" cy="6" r="4"/>`,
      rect: html`<path d="M3.4 2.4h7.2v7.2h-7.2z"/>`,
      diamond: html`<path d="M7 1 12 6 7 11 2 6Z"/>`,
      triangle: html`<path d="M7 1.5 12 10.5H2Z"/>`,
    }[symbol];
    return html`<li><svg width="14" height="12" aria-hidden="true" style="fill:${colour}">${shape}</svg>${name}</li>`;
  });
  return html`<ul class="key">${entries}${more.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** `10⁶`; small ones in full. */
export function powerOfTen(value: number): string {
  const power = Math.log10(value);
  if (Math.abs(power - Math.round(power)) > 1e-6) return significant(value);
  const whole = Math.round(power);
  if (whole >= 0 && whole <= 3) return String(10 ** whole);
  const raised = [...String(whole)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '⁻').join('');
  return `10${raised}`;
}
