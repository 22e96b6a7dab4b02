// The line charts: scaling curves (log–log) and training series (linear). Inline SVG, written by hand: two axes, lines,
// marks. Each chart comes with the table of its figures.
import type { Series } from '../../suites/results.js';
import { count, nanoseconds, significant } from '../format.js';
import type { Curve } from '../timings.js';
import { behind, type Html, html, table } from './markup.js';
import { decadeAxis, type LogAxis, linearAxis } from './scale.js';

/** How the three contestants are named and drawn; shapes differ, so that colour is never the only sign. */
export const CONTESTANTS = {
  torchstone: { name: 'Torchstone', css: 'c-ours' },
  numpy: { name: 'NumPy', css: 'c-numpy' },
  torch: { name: 'PyTorch', css: 'c-torch' },
  build: { name: 'the other build', css: 'c-build' },
  baseline: { name: 'the saved baseline', css: 'c-build' },
} as const;

/** A contestant's mark around a point, `hollow` for an undecided one. */
export function mark(who: keyof typeof CONTESTANTS, hollow = false): Html {
  const css = `mark${hollow ? ' hollow' : ''}`;
  if (who === 'torchstone') return html`<circle r="3.6" class="${css}"/>`;
  if (who === 'numpy') return html`<rect x="-3.4" y="-3.4" width="6.8" height="6.8" class="${css}"/>`;
  return html`<path d="M0-4.8 4.8 0 0 4.8-4.8 0Z" class="${css}"/>`;
}

/** The legend of the given contestants. */
export function key(names: readonly (keyof typeof CONTESTANTS)[], more: Html | undefined = undefined): Html {
  const entries = names.map((name) => {
    const { css, name: label } = CONTESTANTS[name];
    return html`<li><svg class="${css}" aria-hidden="true"><line x1="0" x2="22" y1="6" y2="6" class="span"/><g transform="translate(11 6)">${mark(name)}</g></svg>${label}</li>`;
  });
  return html`<ul class="key">${entries}${more}</ul>`;
}

const WIDTH = 340;
const HEIGHT = 220;
const LEFT = 54;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;

/** One scaling curve with its table. */
export function curveChart(curve: Curve): Html {
  const points = curve.series.flatMap((one) => one.points);
  const x = decadeAxis(points.map((point) => point.size));
  const y = decadeAxis(points.map((point) => point.ns));
  const lines = curve.series.map(({ name, points: own }) => {
    const at = own.map((point) => [px(x, point.size), py(y, point.ns)] as const);
    const marks = at.map(([left, top]) => html`<g transform="translate(${left} ${top})">${mark(name)}</g>`);
    return html`<g class="${CONTESTANTS[name].css}"><path class="curve" d="${path(at)}"/>${marks}</g>`;
  });
  const label = `${curve.group}: time over size, both logarithmic; ${curve.series.map((one) => CONTESTANTS[one.name].name).join(', ')}`;
  return html`<div class="panel"><h3>${curve.group}</h3>
${frame(label, x, y, powerOfTen, roundTime, 'size')(lines)}
${behind('The figures', curveTable(curve))}</div>`;
}

/** One linear series with its table. */
export function seriesChart(series: Series): Html {
  const x = linearAxis(series.points.map(([at]) => at));
  const y = linearAxis(series.points.map(([, value]) => value));
  const at = series.points.map(([left, value]) => [px(x, left), py(y, value)] as const);
  const line = html`<g class="c-ours"><path class="curve" d="${path(at)}"/></g>`;
  const rows = series.points.map(([left, value]) => [significant(left, 6), significant(value, 6)]);
  return html`<div class="panel"><h3>${series.label}</h3>
${frame(`${series.label}: ${series.y} over ${series.x}`, x, y, short, short, series.x)([line])}
${behind('The figures', table(series.label, [series.x, series.y], rows))}</div>`;
}

function frame(
  label: string,
  x: LogAxis,
  y: LogAxis,
  xText: (value: number) => string,
  yText: (value: number) => string,
  xName: string,
): (content: readonly Html[]) => Html {
  const right = WIDTH - RIGHT;
  const base = HEIGHT - BOTTOM;
  const rows = y.ticks.map((tick) => {
    const top = py(y, tick);
    return html`<line x1="${LEFT}" x2="${right}" y1="${top}" y2="${top}" class="grid"/><text x="${LEFT - 7}" y="${top + 4}" text-anchor="end">${yText(tick)}</text>`;
  });
  const columns = x.ticks.map((tick) => {
    const left = px(x, tick);
    return html`<line x1="${left}" x2="${left}" y1="${base}" y2="${base + 4}" class="axis"/><text x="${left}" y="${base + 16}" text-anchor="middle">${xText(tick)}</text>`;
  });
  return (content) =>
    html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${rows}${columns}<line x1="${LEFT}" x2="${right}" y1="${base}" y2="${base}" class="axis"/><text x="${right}" y="${HEIGHT - 4}" text-anchor="end">${xName}</text>${content}</svg>`;
}

function curveTable(curve: Curve): Html {
  const sizes = [...new Set(curve.series.flatMap((one) => one.points.map((point) => point.size)))].sort(
    (a, b) => a - b,
  );
  const rows = sizes.map((size) => [
    count(size),
    ...curve.series.map((one) => {
      const found = one.points.find((point) => point.size === size);
      return found ? nanoseconds(found.ns) : '–';
    }),
  ]);
  return table(
    `${curve.group}: time by size`,
    ['size', ...curve.series.map((one) => CONTESTANTS[one.name].name)],
    rows,
  );
}

function px(axis: LogAxis, value: number): number {
  return round(LEFT + axis.at(value) * (WIDTH - LEFT - RIGHT));
}

function py(axis: LogAxis, value: number): number {
  return round(HEIGHT - BOTTOM - axis.at(value) * (HEIGHT - TOP - BOTTOM));
}

function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([left, top], i) => `${i === 0 ? 'M' : 'L'}${left} ${top}`).join('');
}

function powerOfTen(value: number): string {
  const power = Math.round(Math.log10(value));
  if (power >= 0 && power <= 3) return String(10 ** power);
  const raised = [...String(power)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '⁻').join('');
  return `10${raised}`;
}

/** A tick's time: `10 ms`, not `10.0 ms`. */
function roundTime(ns: number): string {
  return nanoseconds(ns).replace(/\.0+(?= )/, '');
}

function short(value: number): string {
  return Math.abs(value) < 1e6 && Math.abs(value) >= 1e-4 ? String(value) : significant(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
