// Report section: other JavaScript libraries on the same recorded calls, with their speed.

import { count, nanoseconds, plural, ratio } from '../format.js';
import { given, namesOf, OUTCOMES, peersOf, present, share } from '../peers.js';
import type { PeerEngine, Peers, PeerTiming, RunResult } from '../schema/index.js';
import { type ForestRow, forest } from './forest.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';
import { ratioAxis } from './scale.js';
import { tickText } from './timings.js';

/** Every engine beside ours, its tallies, its operations and its times. */
export function peersSection(run: RunResult): Html {
  const peers = peersOf(run);
  if (!peers) return NOTHING;
  const asked = present(peers.engines);
  const missing = peers.engines.filter((one) => one.missing !== undefined);
  const timed = 'How long other JavaScript engines take for the same calls.';
  const asking = `${count(peers.calls)} recorded calls of ${plural(peers.ops, 'op')} that could be asked of any engine, each engine in a process of its own. The first is this one, asked in the same way.`;
  const lead = peers.calls > 0 ? asking : timed;
  const gone =
    missing.length === 0
      ? NOTHING
      : html`<ul class="notes">${missing.map((one) => html`<li>${one.title}: ${one.missing}</li>`)}</ul>`;
  const survey =
    peers.calls > 0 ? html`${totals(asked)}${behind('By operation', operations(asked))}` : NOTHING;
  const body = html`<div class="panel">${survey}${gone}</div>${(peers.timings ?? []).length > 0 ? timings(peers) : NOTHING}`;
  return section('peers', 'Peers', lead, body);
}

function totals(engines: readonly PeerEngine[]): Html {
  const head = [
    'engine',
    'version',
    'values',
    ...OUTCOMES.slice(1),
    'float32 alone',
    'gradients',
    'sign of zero only',
  ];
  const rows = engines.map((one) => [
    one.title,
    one.version ?? '–',
    share(one.values),
    ...OUTCOMES.slice(1).map((kind) => count(one.values[kind])),
    share(one.float32),
    one.differentiates ? share(one.gradients) : '–',
    count(one.zeroSign),
  ]);
  return table('Engines and what of the calls they give as PyTorch does', head, rows, 'figures');
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
      return html`<span title="${found.first ?? ''}">${sign} ${passed} of ${given(found.values)}</span>`;
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
  const names = namesOf(all);
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
