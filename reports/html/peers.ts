// The peers section: what other JavaScript engines make of the same recorded calls, and how fast they are.
import type { PeerEngine, Peers, PeerTally, PeerTiming, RunResult } from '../../suites/results.js';
import { count, nanoseconds, plural, ratio } from '../format.js';
import { type ForestRow, forest } from './forest.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { ratioAxis } from './scale.js';
import { tickText } from './timings.js';

const KINDS = ['passed', 'wrong', 'unsupported', 'threw', 'crashed'] as const;

/** Every engine beside ours, its tallies, its operations and its times. */
export function peersSection(run: RunResult): Html {
  const peers = run.suites.find((suite) => suite.peers)?.peers;
  if (!peers) return NOTHING;
  const asked = peers.engines.filter((one) => one.missing === undefined);
  const missing = peers.engines.filter((one) => one.missing !== undefined);
  const lead = `${count(peers.calls)} recorded calls of ${plural(peers.ops, 'op')} that could be asked of any engine, each engine in a process of its own. The first is this one, asked in the same way.`;
  const gone =
    missing.length === 0
      ? NOTHING
      : html`<ul class="notes">${missing.map((one) => html`<li>${one.title}: ${one.missing}</li>`)}</ul>`;
  const body = html`<div class="panel">${totals(asked)}${gone}${behind('By operation', operations(asked))}</div>${(peers.timings ?? []).length > 0 ? timings(peers) : NOTHING}`;
  return section('peers', 'Peers', lead, body);
}

function totals(engines: readonly PeerEngine[]): Html {
  const head = ['engine', 'version', 'values', ...KINDS.slice(1), 'gradients', 'sign of zero only'];
  const rows = engines.map((one) => [
    one.title,
    one.version ?? '–',
    share(one.values),
    ...KINDS.slice(1).map((kind) => count(one.values[kind])),
    one.differentiates ? share(one.gradients) : '–',
    count(one.zeroSign),
  ]);
  return table('Engines and what of the calls they give as PyTorch does', head, rows, 'figures');
}

/** `412 of 980 (42 %)` */
function share(tally: PeerTally): string {
  const all = KINDS.reduce((sum, kind) => sum + tally[kind], 0);
  if (all === 0) return '–';
  return `${count(tally.passed)} of ${count(all)} (${Math.floor((100 * tally.passed) / all)} %)`;
}

function operations(engines: readonly PeerEngine[]): Html {
  const ops = [...new Set(engines.flatMap((one) => one.ops.map((each) => each.op)))].sort();
  const rows = ops.map((op) => [
    op,
    ...engines.map((engine) => {
      const found = engine.ops.find((one) => one.op === op);
      if (!found) return '·';
      const { passed, wrong, threw, crashed } = found.values;
      const sign = wrong + threw + crashed > 0 ? '✗' : passed > 0 ? '✓' : '○';
      return html`<span title="${found.first ?? ''}">${sign} ${passed} of ${KINDS.reduce((sum, kind) => sum + found.values[kind], 0)}</span>`;
    }),
  ]);
  return table('Calls that pass, by operation', ['op', ...engines.map((one) => one.title)], rows, 'matrix');
}

function timings(peers: Peers): Html {
  const all = peers.timings ?? [];
  const axis = ratioAxis(
    all.flatMap((one) =>
      one.engines.flatMap((each) => (each.ratio ? [each.ratio.low, each.ratio.high] : [])),
    ),
  );
  const names = [...new Set(all.flatMap((one) => one.engines.map((each) => each.name)))];
  const panels = names.map((name) => {
    const title = peers.engines.find((one) => one.name === name)?.title ?? name;
    const rows = all.flatMap((one) => row(one, name));
    const scale = { axis, text: tickText, line: 1, columns: [title] };
    const figures = rows.map((one) => [one.label, one.figures[0]?.text ?? '–']);
    const label = `${title}: its time ÷ ours, ${plural(rows.length, 'call')}`;
    return html`<div class="panel"><h3>${title}: its time ÷ ours</h3>${forest(label, rows, scale)}${behind('The figures', table(label, ['call', title], figures))}</div>`;
  });
  return html`${panels}`;
}

function row(timing: PeerTiming, name: string): ForestRow[] {
  const found = timing.engines.find((one) => one.name === name);
  if (!found || (!found.ratio && found.withheld === undefined)) return [];
  const times = found.theirs ? ` (${nanoseconds(found.theirs.medianNs)})` : '';
  const figure = found.ratio
    ? { text: `${ratio(found.ratio.median)}${times}` }
    : { text: 'withheld ✗', bad: true };
  const marks = found.ratio
    ? [{ who: 'build' as const, at: found.ratio.median, low: found.ratio.low, high: found.ratio.high }]
    : [];
  return [{ label: timing.label, marks, figures: [figure] }];
}
