// The section of series that runs recorded on their way: a training run's parameters.

import { significant } from '../format.js';
import type { RunResult, Series } from '../schema/index.js';
import { lineChart } from './lines.js';
import { type Html, html, NOTHING, section, table } from './markup.js';
import { linearAxis } from './scale.js';

/** Every series of at least two points. */
export function seriesSection(run: RunResult): Html {
  const found = run.suites.flatMap((suite) => suite.series ?? []).filter((one) => one.points.length > 1);
  if (found.length === 0) return NOTHING;
  const body = html`<div class="charts">${found.map(seriesChart)}</div>`;
  return section('series', 'Series', 'What the runs recorded on their way.', body);
}

function seriesChart(series: Series): Html {
  const rows = series.points.map(([left, value]) => [significant(left, 6), significant(value, 6)]);
  return lineChart({
    title: series.label,
    label: `${series.label}: ${series.y} over ${series.x}`,
    x: { axis: linearAxis(series.points.map(([at]) => at)), text: short, name: series.x },
    y: { axis: linearAxis(series.points.map(([, value]) => value)), text: short, name: series.y },
    lines: [{ who: 'torchstone', marks: false, points: series.points }],
    table: table(series.label, [series.x, series.y], rows),
  });
}

function short(value: number): string {
  return Math.abs(value) < 1e6 && Math.abs(value) >= 1e-4 ? String(value) : significant(value);
}
