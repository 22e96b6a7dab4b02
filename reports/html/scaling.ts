// The scaling section: time over size, both logarithmic, with the fitted curve t = a + b·n^k where the run has one.

import { count, nanoseconds, significant } from '../format.js';
import type { RunResult, ScalingFit } from '../schema/index.js';
import { type Curve, curves } from '../timings.js';
import { benchRows } from '../verdict.js';
import { CONTESTANTS, key, powerOfTen } from './chart.js';
import { type Line, lineChart } from './lines.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { decadeAxis } from './scale.js';

const FIT_POINTS = 24;
const SIDES = { ours: 'torchstone', torch: 'torch', numpy: 'numpy' } as const;

/** The curves of groups that were timed at several sizes, and all fits in one table. */
export function scalingSection(run: RunResult): Html {
  const fits = run.suites.flatMap((suite) => suite.fits ?? []);
  const found = curves(benchRows(run));
  if (found.length === 0 && fits.length === 0) return NOTHING;
  const charts = found.map((one) =>
    curveChart(
      one,
      fits.filter((fit) => fit.group === one.group),
    ),
  );
  const lead = `Median time of one call over its size, both axes logarithmic.${fits.length > 0 ? ' Dashed: the fit t = a + b·nᵏ; a is what a call costs that computes nothing, k how time grows.' : ''}`;
  const all = fits.length === 0 ? NOTHING : behind(`All ${count(fits.length)} fits`, fitTable(fits));
  const body = html`${key(['torchstone', 'numpy', 'torch'])}<div class="charts">${charts}</div>${all}`;
  return section('scaling', 'Scaling', lead, body);
}

function curveChart(curve: Curve, fits: readonly ScalingFit[]): Html {
  const points = curve.series.flatMap((one) => one.points);
  const lines: Line[] = curve.series.map(({ name, points: own }) => ({
    who: name,
    points: own.map(({ size, ns }) => [size, ns] as const),
    line: fits.some((fit) => SIDES[fit.side] === name) ? 'none' : 'solid',
  }));
  const ours = fits.find((fit) => fit.side === 'ours');
  return lineChart({
    title: curve.group,
    label: `${curve.group}: time over size, both logarithmic; ${curve.series.map((one) => CONTESTANTS[one.name].name).join(', ')}`,
    note: ours && `ours: ${fitText(ours)}`,
    x: { axis: decadeAxis(points.map((one) => one.size)), text: powerOfTen, name: 'size' },
    y: { axis: decadeAxis(points.map((one) => one.ns)), text: roundTime, name: 'time' },
    lines: [...fits.map(fitLine), ...lines],
    table: curveTable(curve),
  });
}

function fitLine(fit: ScalingFit): Line {
  const step = (fit.to / fit.from) ** (1 / FIT_POINTS);
  const points = Array.from({ length: FIT_POINTS + 1 }, (_, i) => {
    const size = fit.from * step ** i;
    return [size, fit.callNs + fit.slopeNs * size ** fit.power] as const;
  });
  return { who: SIDES[fit.side], points, line: 'dashed', marks: false, width: 1.5 };
}

/** `310 ns + 0.42 ns · n^1.02`. */
function fitText({ callNs, slopeNs, power }: ScalingFit): string {
  return `${nanoseconds(callNs)} + ${significant(slopeNs)} ns · n^${power.toFixed(2)}`;
}

function fitTable(fits: readonly ScalingFit[]): Html {
  const rows = fits.map((fit) => [
    fit.group,
    fit.dtype ?? '–',
    CONTESTANTS[SIDES[fit.side]].name,
    nanoseconds(fit.callNs),
    `${significant(fit.slopeNs)} ns`,
    fit.power.toFixed(2),
    `${count(fit.from)} to ${count(fit.to)} (${fit.sizes})`,
    `${(100 * (Math.exp(fit.off) - 1)).toFixed(0)} %`,
  ]);
  const head = ['group', 'dtype', 'of', 'a: a call', 'b', 'k', 'sizes', 'off the curve'];
  return table('Scaling fits', head, rows, 'figures');
}

/** A tick's time: `10 ms`, not `10.0 ms`. */
export function roundTime(ns: number): string {
  return nanoseconds(ns).replace(/\.0+(?= )/, '');
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
  const head = ['size', ...curve.series.map((one) => CONTESTANTS[one.name].name)];
  return table(`${curve.group}: time by size`, head, rows);
}
