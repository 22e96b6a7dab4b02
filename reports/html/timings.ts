// The timings section: a forest plot inside its own table, one line per case, ratios on one logarithmic axis.
// Coordinates are percentages, so that the plot fits any width without scaling its text.
import type { BenchRow, RunResult } from '../../suites/results.js';
import { nanoseconds, plural, ratio } from '../format.js';
import { byGroup, curves, geometricMean, type TimingLine, throughput, timingLines } from '../timings.js';
import { benchRows, referencesOf, standing, standings, standingsText } from '../verdict.js';
import { CONTESTANTS, curveChart, key, mark } from './charts.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { type LogAxis, ratioAxis } from './scale.js';

type Reference = BenchRow['reference'];

/** The timings against both references. */
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
  const more = html`<li>hollow: undecided</li><li>right of 1: we are faster</li>`;
  const body = html`${key(referencesOf(rows), more)}${forest('Required of the CPU backend', required, axis)}${forest('Notebook', notebook, axis)}${forest('Sweep', others, axis)}`;
  return section('timings', 'Timings', lead(rows), body);
}

/** The curves of groups that were timed at several sizes. */
export function scalingSection(run: RunResult): Html {
  const found = curves(benchRows(run));
  if (found.length === 0) return NOTHING;
  const body = html`${key(['torchstone', 'numpy', 'torch'])}<div class="charts">${found.map(curveChart)}</div>`;
  return section('scaling', 'Scaling', 'Median time of one call over size, both axes logarithmic.', body);
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

function forest(title: string, groups: readonly Group[], axis: LogAxis): Html {
  if (groups.length === 0) return NOTHING;
  const all = groups.flatMap(([, lines]) => lines);
  const shown = referencesOf(all.flatMap((line) => Object.values(line.references)));
  const caption = `${title}: our time, and how many times faster than each reference`;
  const bodies = groups.map(
    ([, lines]) => html`<tbody>${lines.map((line) => forestRow(line, axis, shown))}</tbody>`,
  );
  return html`<div class="panel"><h3>${title}</h3>
<table class="forest"><caption class="unseen">${caption}</caption>
<thead><tr><th scope="col">case</th><th scope="col">Torchstone</th><th scope="col" class="plot">${ticks(axis)}<span class="unseen">ratio</span></th>${shown.map((one) => html`<th scope="col">${CONTESTANTS[one].name}</th>`)}</tr></thead>
${bodies}</table>
${behind('All figures', figures(title, all))}</div>`;
}

function forestRow(line: TimingLine, axis: LogAxis, shown: readonly Reference[]): Html {
  const parts = shown.flatMap((reference, i) => {
    const row = line.references[reference];
    return row?.ratio && !row.withheld ? [spread(row, reference, axis, i === 0 ? 13 : 25)] : [];
  });
  const grid = axis.ticks.map(
    (tick) =>
      html`<line x1="${percent(axis, tick)}" x2="${percent(axis, tick)}" y1="0" y2="38" class="${tick === 1 ? 'one' : 'grid'}"/>`,
  );
  return html`<tr><th scope="row">${line.label}</th><td class="time">${line.ours.medianNs > 0 ? nanoseconds(line.ours.medianNs) : '–'}</td>
<td class="plot"><svg role="img" aria-label="${spoken(line)}">${grid}${parts}</svg></td>${shown.map((one) => html`<td>${cell(line.references[one], one)}</td>`)}</tr>\n`;
}

function spread(row: BenchRow, reference: Reference, axis: LogAxis, y: number): Html {
  const { low, median, high } = row.ratio as NonNullable<BenchRow['ratio']>;
  const required = row.required
    ? html`<line x1="${percent(axis, row.required.ratio)}" x2="${percent(axis, row.required.ratio)}" y1="${y - 6}" y2="${y + 6}" class="need"/>`
    : NOTHING;
  return html`<g class="${CONTESTANTS[reference].css}">${required}<line x1="${percent(axis, low)}" x2="${percent(axis, high)}" y1="${y}" y2="${y}" class="span"/><svg x="${percent(axis, median)}" y="${y}" overflow="visible">${mark(reference, standing(row) === 'inconclusive')}</svg></g>`;
}

function cell(row: BenchRow | undefined, reference: Reference): Html {
  if (!row) return html`<span class="soft">–</span>`;
  const time = row.theirs
    ? html`<span class="ref"><span class="who">${CONTESTANTS[reference].name} </span>${nanoseconds(row.theirs.medianNs)}</span>`
    : NOTHING;
  if (row.withheld || row.correct === false) return html`<b class="slower">withheld</b>${time}`;
  if (!row.ratio) return html`<span class="soft">–</span>${time}`;
  const missed =
    row.required?.held === false ? html` <span class="miss">of ${ratio(row.required.ratio)}</span>` : NOTHING;
  return html`<b class="${standing(row)}">${ratio(row.ratio.median)}</b>${missed}${time}`;
}

function spoken(line: TimingLine): string {
  const one = (reference: Reference) => {
    const found = line.references[reference]?.ratio;
    return found ? `${ratio(found.median)} against ${CONTESTANTS[reference].name}` : '';
  };
  return `${line.label}: ${
    (Object.keys(line.references) as Reference[])
      .map(one)
      .filter((text) => text !== '')
      .join(', ') || 'not raced'
  }`;
}

function ticks(axis: LogAxis): Html {
  const texts = axis.ticks.map(
    (tick) => html`<text x="${percent(axis, tick)}" y="15" text-anchor="middle">${tickText(tick)}</text>`,
  );
  return html`<svg aria-hidden="true">${texts}</svg>`;
}

function tickText(tick: number): string {
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

function percent(axis: LogAxis, value: number): string {
  return `${(axis.at(value) * 100).toFixed(2)}%`;
}
