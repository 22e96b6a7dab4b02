// Report section: batches over time, with the interference that hit them.

import { count, nanoseconds, plural } from '../format.js';
import type { BenchRow, Mark, RunResult, Timing } from '../schema/index.js';
import { benchRows, REFERENCE_TITLES, standing } from '../verdict.js';
import { type Contestant, key } from './chart.js';
import { type Line, lineChart } from './lines.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { decadeAxis, linearAxis } from './scale.js';
import { roundTime } from './scaling.js';

const MOST_CHARTS = 9;
const LEAST_SAMPLES = 6;

/** How the marks read. */
export const MARK_WORDS: Readonly<Record<Mark, string>> = {
  collection: 'garbage collection',
  preempted: 'another process',
  throttled: 'quota used up',
  stolen: 'processor taken by the host',
  slowed: 'lower clock rate',
};

/** Rows that need a look: required and missed or undecided, then those with the most hit blocks. */
export function overTimeSection(run: RunResult): Html {
  const rows = benchRows(run).filter(
    (row) => row.ours.atMs !== undefined && row.ours.samples.length >= LEAST_SAMPLES,
  );
  const blocks = run.suites.flatMap((suite) => suite.blocks ?? []);
  if (rows.length === 0 && blocks.length === 0) return NOTHING;
  const need = (row: BenchRow) =>
    (row.required?.held === false ? 1e6 : 0) +
    (row.required && standing(row) === 'inconclusive' ? 1e3 : 0) +
    hits(row);
  const shown = [...rows].sort((a, b) => need(b) - need(a)).slice(0, MOST_CHARTS);
  const tallies = blocks.flatMap(({ all, leftOut, marked }) => [
    ['blocks timed', count(all)],
    ...Object.entries(marked).map(([mark, times]) => [MARK_WORDS[mark as Mark], count(times ?? 0)]),
    ['left out for it', count(leftOut)],
  ]);
  const tally =
    tallies.length === 0
      ? NOTHING
      : html`<div class="panel">${table('Blocks and what hit them', ['blocks', ''], tallies)}</div>`;
  const charts = html`${key(['torchstone', 'numpy', 'torch'], 'hollow: hit by something')}<div class="charts">${shown.map(rowChart)}</div>`;
  const lead = `Every timed block in the order in which it was measured: what drifts, and what was hit. Shown: ${plural(shown.length, 'row')} that failed, are undecided or were hit most.`;
  return section('overtime', 'Blocks over time', lead, html`${tally}${shown.length > 0 ? charts : NOTHING}`);
}

function hits({ ours, theirs }: BenchRow): number {
  return (ours.marks?.length ?? 0) + (theirs?.marks?.length ?? 0);
}

function rowChart(row: BenchRow): Html {
  const sides = [
    { who: 'torchstone' as const, timing: row.ours },
    ...(row.theirs ? [{ who: row.reference, timing: row.theirs }] : []),
  ];
  const at = sides.flatMap(({ timing }) => timing.atMs ?? []);
  const ns = sides.flatMap(({ timing }) => timing.samples).filter((value) => value > 0);
  const title = `${row.label ?? row.id} against ${REFERENCE_TITLES[row.reference]}`;
  return lineChart({
    title,
    label: `${title}: time of a call in each block, in order`,
    x: { axis: linearAxis(at, 5), text: (ms) => String(ms), name: 'ms' },
    y: { axis: decadeAxis(ns), text: roundTime, name: 'time' },
    lines: sides.flatMap(({ who: whose, timing }) => linesOf(whose, timing)),
    table: html`${sides.map(({ who: whose, timing }) => blockTable(`${title}: ${whose}`, timing))}`,
  });
}

function linesOf(who: Contestant, timing: Timing): Line[] {
  const hit = new Set((timing.marks ?? []).map((one) => one.sample));
  const points = timing.samples.map((ns, i) => [timing.atMs?.[i] ?? i, ns] as const);
  const whole = { who, line: 'none' as const };
  return [
    { ...whole, points: points.filter((_, i) => !hit.has(i)) },
    { ...whole, hollow: true, points: points.filter((_, i) => hit.has(i)) },
  ].filter((one) => one.points.length > 0);
}

function blockTable(caption: string, { samples, atMs, marks }: Timing): Html {
  const by = new Map(
    (marks ?? []).map((one) => [one.sample, one.by.map((mark) => MARK_WORDS[mark]).join(', ')]),
  );
  const rows = samples.map((ns, i) => [atMs?.[i]?.toFixed(0) ?? String(i), nanoseconds(ns), by.get(i) ?? '']);
  return behind(caption, table(caption, ['ms', 'a call', 'hit by'], rows));
}
