// Report section: time ratios as a forest plot, with all figures in a table.

import { nanoseconds, plural, ratio } from '../format.js';
import type { BenchRow, RunResult } from '../schema/index.js';
import { byGroup, geometricMean, type TimingLine, throughput, timingLines } from '../timings.js';
import { benchRows, referencesOf, standing, standings, standingsText } from '../verdict.js';
import { CONTESTANTS, key } from './chart.js';
import { type ForestFigure, type ForestRow, forest } from './forest.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { type Axis, ratioAxis } from './scale.js';

/** The timings against all references. */
export function timingsSection(run: RunResult): Html {
  const rows = benchRows(run);
  if (rows.length === 0) return NOTHING;
  const axis = ratioAxis(
    rows.flatMap((row) => (row.ratio && !row.withheld ? [row.ratio.low, row.ratio.high] : [])),
  );
  const groups = byGroup(timingLines(rows));
  const notebook = groups.filter(([name]) => name === 'notebook');
  const required = groups.filter(([name]) => name.startsWith('cpu '));
  const others = groups.filter((one) => !notebook.includes(one) && !required.includes(one));
  const legend = key(
    referencesOf(rows),
    'hollow: undecided',
    'dashed: required',
    'right of 1: we are faster',
  );
  const body = html`${legend}${plot('Required of the CPU backend', required, axis)}${plot('Notebook', notebook, axis)}${plot('Sweep', others, axis)}`;
  return section('timings', 'Speed', lead(rows), body);
}

function lead(rows: readonly BenchRow[]): string {
  const sentences = referencesOf(rows).flatMap((reference) => {
    const own = rows.filter((row) => row.reference === reference);
    const tally = standings(own);
    const mean = geometricMean(own.flatMap((row) => (row.ratio && !row.withheld ? [row.ratio] : [])));
    if (mean === undefined) return [];
    return [
      `Against ${CONTESTANTS[reference].name}: ${standingsText(tally)}, ${ratio(mean)} in the geometric mean.`,
    ];
  });
  const withheld = rows.filter((row) => row.withheld).length;
  if (withheld > 0) sentences.push(`${plural(withheld, 'ratio')} withheld: a wrong result has no speed.`);
  const how = 'A ratio is reference time ÷ our time, its whisker the 95 % interval.';
  return [
    ...sentences,
    sentences.length > 0 ? how : 'No reference was there to race: our own times only.',
  ].join(' ');
}

type Group = readonly [string, readonly TimingLine[]];

function plot(title: string, groups: readonly Group[], axis: Axis): Html {
  const all = groups.flatMap(([, lines]) => lines);
  if (all.length === 0) return NOTHING;
  const raced = all.filter((line) => Object.values(line.references).some((row) => row.ratio || row.withheld));
  const label = `${title}: how many times faster than each reference, ${plural(raced.length, 'case')}`;
  const shown = referencesOf(raced.flatMap((line) => Object.values(line.references)));
  const scale = { axis, text: tickText, line: 1, columns: shown.map((one) => CONTESTANTS[one].name) };
  const drawing =
    raced.length === 0
      ? NOTHING
      : forest(
          label,
          raced.map((line) => forestRow(line, shown)),
          scale,
        );
  return html`<div class="panel"><h3>${title}</h3>
${drawing}
${behind('The figures', figures(title, all))}</div>`;
}

function forestRow(line: TimingLine, shown: readonly BenchRow['reference'][]): ForestRow {
  const rows = shown.map((one) => line.references[one]);
  const marks = rows.flatMap((row) => {
    if (!row?.ratio || row.withheld) return [];
    const { median, low, high } = row.ratio;
    const hollow = standing(row) === 'inconclusive';
    const required = row.required === undefined ? {} : { required: row.required.ratio };
    return [{ who: row.reference, at: median, low, high, hollow, ...required }];
  });
  return { label: line.label, marks, figures: rows.map(cell) };
}

/** `2.41× of 3.0× ✗` */
function cell(row: BenchRow | undefined): ForestFigure {
  if (row && (row.withheld || row.correct === false)) return { text: 'withheld ✗', bad: true };
  if (!row?.ratio) return { text: '–' };
  const { required } = row;
  const target = required === undefined ? '' : ` of ${ratio(required.ratio)} ${required.held ? '✓' : '✗'}`;
  return { text: `${ratio(row.ratio.median)}${target}`, bad: required?.held === false };
}

/** `½×`, `4×`. */
export function tickText(tick: number): string {
  if (tick >= 1) return `${tick}×`;
  const halves: Record<string, string> = { '0.5': '½', '0.25': '¼', '0.125': '⅛' };
  return `${halves[String(tick)] ?? `1/${Math.round(1 / tick)}`}×`;
}

function figures(title: string, lines: readonly TimingLine[]): Html {
  const rows = lines.flatMap((line) => Object.values(line.references).map((row) => figureRow(line, row)));
  const head = [
    'case',
    'against',
    'ours',
    'theirs',
    'ratio (95 %)',
    'required',
    'samples',
    'rate',
    'launch',
    'completion',
    'result',
    'note',
  ];
  // A column without a single figure tells nothing.
  const told = head.map((_, i) => i === 0 || rows.some((cells) => cells[i] !== '–' && cells[i] !== ''));
  const kept = <T>(cells: readonly T[]) => cells.filter((_, i) => told[i]);
  return table(`${title || 'Timings'}: all figures`, kept(head), rows.map(kept), 'figures');
}

function figureRow(line: TimingLine, row: BenchRow): string[] {
  const range = row.ratio
    ? `${ratio(row.ratio.median)} (${ratio(row.ratio.low)} to ${ratio(row.ratio.high)})`
    : '–';
  const time = (ns: number | undefined) => (ns === undefined ? '–' : nanoseconds(ns));
  const verdicts = { true: 'right', false: 'wrong', unchecked: 'unchecked' };
  return [
    line.label,
    CONTESTANTS[row.reference].name,
    nanoseconds(row.ours.medianNs),
    time(row.theirs?.medianNs),
    range,
    row.required ? `${ratio(row.required.ratio)} ${row.required.held ? 'held' : 'missed'}` : '–',
    `${row.ours.samples.length} / ${row.theirs?.samples.length ?? 0}`,
    throughput(row) ?? '–',
    time(row.launchNs),
    time(row.completionNs),
    verdicts[`${row.correct}`],
    row.withheld ?? row.note ?? '',
  ];
}
