// docs/results/peers.md: what other JavaScript engines made of the same calls, as one run found it.

import { count, instant, nanoseconds, plural, ratio } from './format.js';
import { plain, table } from './markdown.js';
import { given, namesOf, OUTCOMES, peersOf, present, share } from './peers.js';
import type { PeerEngine, PeerOp, Peers, PeerTally, PeerTiming, RunResult } from './schema/index.js';

/** The page of a run. */
export function peersPage(run: RunResult): string {
  const peers = peersOf(run);
  if (peers === undefined) return '# Other JavaScript engines\n\nThe run asked none.\n';
  const { machine } = run;
  const parts = [
    `# Other JavaScript engines

Written by \`${run.command}\` (${instant(run.started)}). Do not edit.
${machine.cpu}, ${plural(machine.cores, 'core')}, ${machine.os}, Node ${machine.node}.

They are no dependency of Torchstone. \`npm ci --prefix peers --ignore-scripts\` gets them; one that is not there is left out and named.`,
    ...remarks(present(peers.engines)),
    ...(peers.calls > 0 ? [surveyPart(peers)] : []),
    ...(peers.timings?.length ? [timingsPart(peers.timings)] : []),
    ...(peers.calls > 0 ? present(peers.engines).flatMap(shortPart) : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function remarks(engines: readonly PeerEngine[]): string[] {
  const told = engines.flatMap(({ title, remark }) => (remark ? [`- ${title}: ${remark}.`] : []));
  return told.length > 0 ? [told.join('\n')] : [];
}

function surveyPart({ calls, ops, engines }: Peers): string {
  const missing = engines.flatMap(({ title, missing: why }) =>
    why === undefined ? [] : [`- ${title}: ${plain(why)}`],
  );
  return [
    `## What they give as PyTorch does

Recorded are ${plural(calls, 'call')} of ${plural(ops, 'op')} that can be asked of an engine whose tensors hold JavaScript's number types. An engine
is asked those of the operations that its adapter in \`suites/peers/engines\` names, for the dtypes that it has: calls of its own functions, with the
arguments in its own order. Its values and gradients are compared with PyTorch's by the rules and tolerances that Torchstone is held
to; dtypes of results are not. The first line is the control: this engine, asked in the same way.`,
    table(
      [
        'engine',
        'version',
        'ops',
        'calls',
        ...OUTCOMES,
        'passed, float32 alone',
        'gradients passed',
        'dtypes',
      ],
      present(engines).map((engine) => [
        engine.title,
        engine.version ?? '',
        count(engine.ops.length),
        count(given(engine.values)),
        ...OUTCOMES.map((outcome) => count(engine.values[outcome])),
        share(engine.float32),
        engine.differentiates ? share(engine.gradients) : 'has none',
        engine.dtypes.length > 4 ? `${engine.dtypes.length}` : engine.dtypes.join(', '),
      ]),
    ),
    `*unsupported*: it has the operation, but not this parameter or rank. *threw*: an error of its own. *crashed*: a trap of
WebAssembly, or no answer in ten seconds; the next call gets a new process.`,
    ...(missing.length > 0 ? [`Not asked:\n\n${missing.join('\n')}`] : []),
  ].join('\n\n');
}

function timingsPart(timings: readonly PeerTiming[]): string {
  const names = namesOf(timings);
  const rows = timings.map((row) => [
    row.label,
    nanoseconds(row.ours.medianNs),
    ...names.map((name) => {
      const found = row.engines.find((one) => one.name === name);
      if (!found?.ratio) return '–';
      const { median, low, high } = found.ratio;
      return `${ratio(median)} (${ratio(low)} to ${ratio(high)})`;
    }),
  ]);
  const withheld = timings.flatMap(({ label, engines }) =>
    engines.flatMap(({ name, withheld: why }) =>
      why?.startsWith('its result') ? [`- ${label}, ${name}: ${text(why)}`] : [],
    ),
  );
  return [
    `## How fast they are

Their time ÷ ours, with the 95 % interval, from alternating blocks of one run; every result was compared with ours first, and a
wrong one has no figure.`,
    table(['call', 'ours', ...names], rows),
    ...(withheld.length > 0 ? [`Wrong, and so without a figure:\n\n${withheld.join('\n')}`] : []),
  ].join('\n\n');
}

const MOST_OPS = 25;

/** What of an engine fails, the ops with the most calls first. */
function shortPart(engine: PeerEngine): string[] {
  const short = engine.ops.filter(({ first }) => first !== undefined).sort((a, b) => fallen(b) - fallen(a));
  if (short.length === 0) return [];
  const rows = short
    .slice(0, MOST_OPS)
    .map((op) => [op.op, share(op.values), op.gradients ? share(op.gradients) : '', text(op.first ?? '')]);
  const rest = short.slice(MOST_OPS).map(({ op }) => `\`${op}\``);
  const zero =
    engine.zeroSign > 0
      ? ` ${plural(engine.zeroSign, 'call differs', 'calls differ')} in nothing but the sign of a zero.`
      : '';
  return [
    `## ${engine.title}: failures

${plural(short.length, 'op')} of ${count(engine.ops.length)}.${zero}

${table(['op', 'values passed', 'gradients passed', 'the first'], rows)}${rest.length > 0 ? `\n\nAlso ${rest.join(', ')}.` : ''}`,
  ];
}

function fallen({ values, gradients }: PeerOp): number {
  const of = (tally: PeerTally | undefined) => (tally ? tally.wrong + tally.threw + tally.crashed : 0);
  return of(values) + of(gradients);
}

const LONGEST = 150;

/** One line, not too long. */
function text(message: string): string {
  const line = message.replace(/\s+/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
