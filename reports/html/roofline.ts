// The ceilings section: what the machine can do, and what each row reached of it. A table; the ratios are elsewhere.
import type { RunResult } from '../../suites/results.js';
import { CEILING_TITLES, ceilingsOf, reachOf, shareText } from '../ceilings.js';
import { nanoseconds, significant } from '../format.js';
import { timingLines } from '../timings.js';
import { benchRows } from '../verdict.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';

/** The ceilings and the rows under them; nothing for a run that measured no ceiling. */
export function rooflineSection(run: RunResult): Html {
  const ceilings = ceilingsOf(run);
  if (ceilings.length === 0) return NOTHING;
  const most = ceilings.map((one) => [
    CEILING_TITLES[one.id],
    `${significant(one.value)} ${one.unit}`,
    one.how,
  ]);
  const rows = timingLines(benchRows(run)).flatMap((line) => {
    const reach = reachOf(line.row, ceilings);
    if (!reach?.ceiling) return [];
    const { rate, ceiling, share } = reach;
    const cells = [nanoseconds(line.ours.medianNs), rate, CEILING_TITLES[ceiling.id], shareText(share)];
    return [[line.label, ...cells]];
  });
  const head = ['case', 'our time', 'rate', 'bounded by', 'of ceiling'];
  const body = html`<div class="panel">${table('Ceilings', ['ceiling', 'reached', 'by'], most, 'figures')}
${rows.length > 0 ? behind('Every row under its ceiling', table('Rows under their ceilings', head, rows, 'figures')) : NOTHING}</div>`;
  return section('roofline', 'Ceilings', 'What this machine can do at most, measured in the same run.', body);
}
