// The accuracy section: float32 results of ours, NumPy and PyTorch in ULP of the float64 truth.

import {
  accuracyOf,
  BOUNDS,
  DOUBTFUL,
  errorsOf,
  isDoubtful,
  MEASURED,
  twiceAsFar,
  within,
} from '../accuracy.js';
import { count, figureText, plural, significant } from '../format.js';
import type { AccuracyRow, RunResult, UlpErrors } from '../schema/index.js';
import { CONTESTANTS, key, powerOfTen } from './chart.js';
import { type ForestRow, forest } from './forest.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { decadeAxis } from './scale.js';

const MOST_ROWS = 30;
/** Errors below this are drawn here: nobody needs to tell them apart. */
const LEAST = 0.1;

/** What was measured, by whom it is how exact, and where we are the worse. */
export function accuracySection(run: RunResult): Html {
  const found = accuracyOf(run);
  if (!found) return NOTHING;
  const { rows, missing } = found;
  const sure = rows.filter((row) => !isDoubtful(row));
  const points = rows.reduce((sum, row) => sum + row.points, 0);
  const lead = `${found.dtype} results against the float64 truth on the same inputs, in units of the last place (ULP): ½ is the best that rounding allows. ${plural(rows.length, 'call')}, ${count(points)} results.${missing === undefined ? '' : ` Ours alone: ${missing}.`}`;
  const sums = sure.filter((row) => row.family !== 'pointwise');
  const pointwise = sure.filter((row) => row.family === 'pointwise' && !row.domain.startsWith('±'));
  const body = html`${summary(sure, rows.length - sure.length)}${plot('Reductions, rows and products', sums)}${plot('Pointwise ops, the least exact first', pointwise)}
<div class="panel">${behind(`All ${plural(rows.length, 'call')}, with their domains`, allRows(rows))}</div>`;
  return section('accuracy', 'Accuracy', lead, body);
}

/** How many calls stay within how much, for each; and the calls in which PyTorch is at least twice as exact as we are. */
function summary(rows: readonly AccuracyRow[], doubtful: number): Html {
  const lines = MEASURED.flatMap((who) => {
    const errors = rows.flatMap((row) => errorsOf(row, who) ?? []);
    if (errors.length === 0) return [];
    const infinite = errors.reduce((sum, one) => sum + one.notFinite, 0);
    return [[CONTESTANTS[who].name, count(errors.length), ...within(rows, who).map(count), count(infinite)]];
  });
  const head = [
    '',
    'calls',
    ...BOUNDS.map((most) => `at most ${most === 0.5 ? '½' : most} ULP`),
    'results not finite',
  ];
  const told = (ops: readonly string[]) => ops.join(', ') || 'none';
  const apart = rows.some((row) => row.torch)
    ? html`<p>Greatest error above 1 ULP and at least twice PyTorch's: ${told(twiceAsFar(rows, 'torchstone', 'torch'))}. The other way round: ${told(twiceAsFar(rows, 'torch', 'torchstone'))}.</p>`
    : NOTHING;
  const left =
    doubtful > 0
      ? html`<p class="soft">${plural(doubtful, 'call')} left out here and in the plots: our float64 result and PyTorch's differ by more than ${DOUBTFUL} ULP, so neither is a truth.</p>`
      : NOTHING;
  return html`<div class="panel">${table('Greatest error of each call', head, lines)}${apart}${left}</div>`;
}

function plot(title: string, rows: readonly AccuracyRow[]): Html {
  const inexact = rows.filter((row) => MEASURED.some((who) => (errorsOf(row, who)?.max ?? 0) > 0));
  const shown = [...inexact].sort((a, b) => b.ours.max - a.ours.max).slice(0, MOST_ROWS);
  if (shown.length === 0) return NOTHING;
  const who = MEASURED.filter((one) => shown.some((row) => errorsOf(row, one)));
  const axis = decadeAxis([
    LEAST,
    10,
    ...shown.flatMap((row) => who.map((one) => errorsOf(row, one)?.max ?? LEAST)),
  ]);
  const lines = shown.map(
    (row): ForestRow => ({
      label: row.family === 'pointwise' ? row.op : `${row.op}, ${row.domain}`,
      marks: who.flatMap((one) => {
        const errors = errorsOf(row, one);
        return errors === undefined ? [] : [{ who: one, at: Math.max(LEAST, errors.max) }];
      }),
      figures: who.map((one) => ({ text: ulpText(errorsOf(row, one)?.max) })),
    }),
  );
  const exact = rows.length - inexact.length;
  const rest = `${exact > 0 ? `${plural(exact, 'call')} exact everywhere. ` : ''}${inexact.length > shown.length ? `${plural(inexact.length - shown.length, 'more call')} in the table.` : ''}`;
  const label = `${title}: greatest error in ULP, ${plural(shown.length, 'call')}`;
  const scale = {
    axis,
    text: powerOfTen,
    line: 0.5,
    columns: who.map((one) => CONTESTANTS[one].name),
  };
  const figures = table(
    label,
    ['call', ...scale.columns],
    lines.map((line) => [line.label, ...line.figures.map((one) => one.text)]),
  );
  return html`<div class="panel"><h3>${title}</h3>${key(who, 'greatest error', 'dark line: ½ ULP, the rounded truth')}${forest(label, lines, scale)}<p class="soft">${rest}</p>${behind('The figures', figures)}</div>`;
}

function allRows(rows: readonly AccuracyRow[]): Html {
  const cells = rows.map((row) => [
    row.op,
    row.domain,
    count(row.points),
    ...MEASURED.map((who) => pair(errorsOf(row, who))),
    row.truthApart === undefined
      ? '–'
      : isDoubtful(row)
        ? `${ulpText(row.truthApart)} ?`
        : ulpText(row.truthApart),
    worstText(row),
  ]);
  const head = [
    'op',
    'inputs',
    'results',
    ...MEASURED.map((who) => `${CONTESTANTS[who].name}: greatest, median`),
    "PyTorch's float64 apart",
    'our worst',
  ];
  return table('Accuracy of every call in ULP', head, cells, 'figures');
}

function pair(errors: UlpErrors | undefined): string {
  if (errors === undefined) return '–';
  const infinite = errors.notFinite > 0 ? `, ${errors.notFinite} not finite` : '';
  return `${ulpText(errors.max)}, ${ulpText(errors.median)}${infinite}`;
}

function worstText({ worst }: AccuracyRow): string {
  if (worst === undefined) return '';
  const operands =
    worst.of === undefined ? '' : `(${worst.of.map((one) => figureText(one, 9)).join(', ')}): `;
  return `${operands}${figureText(worst.got, 9)} for ${figureText(worst.want, 12)}`;
}

/** `0.50`, `35.1`, `5,192`, `1.6e7`. */
function ulpText(ulp: number | undefined): string {
  if (ulp === undefined) return '–';
  if (ulp !== 0 && ulp < 0.001) return ulp.toExponential(1);
  return ulp >= 1e6 ? ulp.toExponential(1).replace('+', '') : significant(ulp, ulp < 1 ? 2 : 3);
}
