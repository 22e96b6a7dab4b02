// Report section: earlier runs of the same suites; times only of the same machine.

import { count, instant, nanoseconds, plural, ratio } from '../format.js';
import type { HistoryLine, RunResult } from '../schema/index.js';
import { type Contestant, key } from './chart.js';
import { type Line, lineChart } from './lines.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { decadeAxis, linearAxis, ratioAxis } from './scale.js';
import { roundTime } from './scaling.js';
import { tickText } from './timings.js';

const MOST_ROWS = 6;

/** Charts of counts, means and the times that moved most; the runs in a table. */
export function historySection(run: RunResult): Html {
  const { history } = run;
  const lines = history?.lines ?? [];
  const title = 'History';
  if (history === undefined || lines.length < 2) {
    const one = lines.length === 1 ? `One run stands in ${history?.file}. ` : '';
    const how = `${one}Every whole run appends a line to history.jsonl beside its reports, or to the file of --history; from two lines on they are charted here.`;
    return section('history', title, how, NOTHING);
  }
  const last = lines.at(-1)!;
  const alike = lines.filter((line) => sameSuites(line, last));
  const here = alike.filter((line) => line.machine === last.machine);
  const others = lines.length - alike.length;
  const elsewhere = alike.length - here.length;
  const left = [
    others > 0 ? `${plural(others, 'run')} of other suites not charted` : '',
    elsewhere > 0 ? `${plural(elsewhere, 'run')} on other machines left out of the times` : '',
    history.unread > 0 ? `${plural(history.unread, 'line')} not readable` : '',
  ].filter((text) => text !== '');
  const lead = `${plural(lines.length, 'run')} of ${history.file}, oldest first${left.length > 0 ? `; ${left.join('; ')}` : ''}.`;
  const charts = [countsChart(alike), meansChart(here), ...rowCharts(here)];
  const body = html`${key(['torchstone', 'numpy', 'torch'])}<div class="charts">${charts}</div><div class="panel">${behind(`All ${plural(lines.length, 'run')}`, runTable(lines))}</div>`;
  return section('history', title, lead, body);
}

function sameSuites(a: HistoryLine, b: HistoryLine): boolean {
  return Object.keys(a.suites).sort().join() === Object.keys(b.suites).sort().join();
}

function totals(line: HistoryLine): { passed: number; short: number; skipped: number; compared: number } {
  const all = Object.values(line.suites);
  const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    passed: sum((one) => one.passed),
    short: sum((one) => one.short),
    skipped: sum((one) => one.skipped),
    compared: sum((one) => one.compared),
  };
}

function runAxis(lines: readonly HistoryLine[]) {
  const step = Math.max(1, Math.ceil(lines.length / 6));
  const axis = { ...linearAxis([1, lines.length]), low: 1, high: Math.max(2, lines.length), step };
  return { axis, text: (at: number) => String(Math.round(at)), name: 'run' };
}

function countsChart(lines: readonly HistoryLine[]): Html {
  const passed = lines.map((line) => totals(line).passed);
  if (lines.length < 2 || passed.every((one) => one === 0)) return NOTHING;
  const rows = lines.map((line, i) => [
    String(i + 1),
    instant(line.started),
    count(passed[i]!),
    count(totals(line).short),
  ]);
  return lineChart({
    title: 'Cases that hold',
    label: 'Cases that hold, run by run',
    x: runAxis(lines),
    y: { axis: linearAxis([...passed], 4), text: count, name: 'cases' },
    lines: [{ who: 'torchstone', points: numbered(passed) }],
    table: table('Cases that hold, run by run', ['run', 'when', 'hold', 'short'], rows),
  });
}

function meansChart(lines: readonly HistoryLine[]): Html {
  const found = (['numpy', 'torch'] as const).flatMap((who): Line[] => {
    const points = lines.flatMap((line, i) => {
      const mean = line.means[who];
      return mean === undefined ? [] : [[i + 1, mean.ratio] as const];
    });
    return points.length > 1 ? [{ who: who satisfies Contestant, points }] : [];
  });
  if (found.length === 0) return NOTHING;
  const mean = (line: HistoryLine, who: string) => (line.means[who] ? ratio(line.means[who].ratio) : '–');
  const rows = lines.map((line, i) => [
    String(i + 1),
    instant(line.started),
    mean(line, 'numpy'),
    mean(line, 'torch'),
  ]);
  return lineChart({
    title: 'Geometric mean of the ratios',
    label: 'Geometric mean of reference time ÷ our time, run by run',
    x: runAxis(lines),
    y: {
      axis: ratioAxis(found.flatMap((one) => one.points.map(([, at]) => at))),
      text: tickText,
      name: 'ratio',
    },
    lines: found,
    table: table('Geometric means, run by run', ['run', 'when', 'NumPy', 'PyTorch'], rows),
  });
}

/** Our own times of the rows that moved most. Not interleaved: a hint. */
function rowCharts(lines: readonly HistoryLine[]): Html[] {
  const ids = Object.keys(lines.at(-1)?.rows ?? {});
  const series = ids.map((id) => ({
    id,
    points: lines.flatMap((line, i) => (line.rows[id] ? [[i + 1, line.rows[id]] as const] : [])),
  }));
  const moved = ({ points }: (typeof series)[number]) =>
    Math.abs(Math.log(points.at(-1)![1] / points[0]![1]));
  const most = series
    .filter((one) => one.points.length > 1)
    .sort((a, b) => moved(b) - moved(a))
    .slice(0, MOST_ROWS);
  return most.map(({ id, points }) => {
    const rows = points.map(([i, ns]) => [String(i), instant(lines[i - 1]!.started), nanoseconds(ns)]);
    return lineChart({
      title: `Our time: ${id}`,
      label: `Our median time of ${id}, run by run`,
      x: runAxis(lines),
      y: { axis: decadeAxis(points.map(([, ns]) => ns)), text: roundTime, name: 'time' },
      lines: [{ who: 'torchstone', points }],
      table: table(`Our time of ${id}, run by run`, ['run', 'when', 'a call'], rows),
    });
  });
}

function numbered(values: readonly number[]): (readonly [number, number])[] {
  return values.map((value, i) => [i + 1, value] as const);
}

function runTable(lines: readonly HistoryLine[]): Html {
  const rows = [...lines].reverse().map((line) => {
    const { passed, short, skipped, compared } = totals(line);
    const means = Object.entries(line.means).map(([who, one]) => `${who} ${ratio(one.ratio)}`);
    const required = line.required.all > 0 ? `${line.required.held} of ${line.required.all}` : '–';
    return [
      instant(line.started),
      line.commit ?? '–',
      String(line.exitCode),
      count(passed),
      count(short),
      count(skipped),
      count(compared),
      required,
      means.join(', ') || '–',
      `${Object.keys(line.suites).join(', ')}; ${line.machine}`,
    ];
  });
  const head = [
    'when',
    'commit',
    'exit code',
    'hold',
    'short',
    'skipped',
    'elements',
    'required held',
    'means',
    'suites and machine',
  ];
  return table('Runs, newest first', head, rows, 'figures');
}
