// docs/results/performance.md: the ratios that are required of the CPU backend (or a card's), as one run measured them. Failures come first.

import { CEILING_TITLES, ceilingsOf, reachOf, shareText, verdictOf } from './ceilings.js';
import { bytes, exactRatio, instant, nanoseconds, plural, ratio, significant } from './format.js';
import { plain, table } from './markdown.js';
import type { BenchRow, CaseResult, RunResult } from './schema/index.js';
import { type TimingLine, timingLines } from './timings.js';
import { benchRows } from './verdict.js';

/** Families of rows by the second part of their ids, in the order of the page. */
const FAMILIES: readonly (readonly [title: string, keys: readonly string[]])[] = [
  ['Random numbers and arithmetic', ['T1', 'T2', 'T3']],
  ['Matrix products', ['matmul']],
  ["The engine's own overhead", ['overhead']],
  ['Training steps of the notebook', ['H', 'K', 'L']],
  ['Fused expressions', ['chain']],
  ['Convolutions', ['conv2d']],
  ['Sweep', ['sweep-mean', 'sweep']],
  ['Results released at once, with `using` or dispose()', ['released']],
];

const HEAD = [
  'what',
  'Torchstone',
  'PyTorch',
  'ratio (95 %)',
  'required',
  'verdict',
  'NumPy',
  'rate',
  'of ceiling',
];

/** The text of the page. */
export function performancePage(run: RunResult): string {
  const lines = timingLines(benchRows(run).filter((row) => /^(cpu|cuda)\//.test(row.id)));
  const blocks = [
    '# Performance',
    introduction(run, lines),
    short(run, lines),
    machine(run),
    ceilings(run),
    ...FAMILIES.map(([title, keys]) =>
      family(
        run,
        title,
        lines.filter((line) => keys.includes(keyOf(line))),
      ),
    ),
    memory(run),
    unraced(run, lines),
    notes(run),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function keyOf(line: TimingLine): string {
  return line.key.split('/')[1] ?? '';
}

/** On a card rows are raced once. */
const AGAIN =
  ' A row whose interval holds it, or whose median lies within 5 % of it, was measured in two more rounds, whether it held or missed, and pools all three.';

function introduction(run: RunResult, lines: readonly TimingLine[]): string {
  const judged = lines.filter(({ references: { torch } }) => torch?.required || torch?.correct === false);
  const held = judged.filter(({ references: { torch } }) => torch?.required?.held && torch.correct !== false);
  const figures = memoryOf(run);
  const within = figures.filter((one) => one.held);
  const memoryPart =
    figures.length > 0
      ? `, ${within.length} of ${plural(figures.length, 'memory figure')} within its limit`
      : '';
  const onCard = lines.some(({ key }) => key.startsWith('cuda/'));
  const first =
    lines.length === 0
      ? 'This run raced none of the required rows: they are those of `npx torchstone bench --suite cpu --vs torch,numpy`.'
      : `**${held.length} of ${plural(judged.length, 'required ratio')} held${memoryPart}.**`;
  return [
    `Written by \`${run.command.replaceAll('`', "'")}\` on ${instant(run.started)}; do not edit.`,
    `${first} A ratio is PyTorch's time ÷ ours, the median over alternating blocks of one run with its 95 % interval, all cores for both; above 1 we are faster. A verdict goes by the median; ~ marks one whose interval holds the required ratio.${onCard ? '' : AGAIN} Every result was compared with the reference's before it was timed; a wrong one has no figure.${run.partial ? ' The run was interrupted: what is missing was not run.' : ''}`,
  ].join('\n\n');
}

function short(run: RunResult, lines: readonly TimingLine[]): string {
  const falls = (row: BenchRow | undefined) => row?.correct === false || row?.required?.held === false;
  const found = lines.filter((line) => falls(line.references.torch) || falls(line.references.numpy));
  const errors = run.suites
    .flatMap((suite) => suite.cases)
    .filter((one) => one.status === 'error')
    .map((one) => `- ${plain(one.id)}: ${plain(one.message ?? one.reason ?? 'error')}`);
  const parts = [found.length > 0 ? rows(run, found) : '', errors.join('\n')];
  const text = parts.filter((part) => part !== '').join('\n\n');
  return `## Failures\n\n${text === '' ? 'Nothing.' : text}`;
}

function machine({ machine: on, references, tool, seed }: RunResult): string {
  const version = (one: { version?: string }) => one.version ?? 'missing';
  const facts: [string, string][] = [
    ['processor', `${on.cpu}, ${plural(on.cores, 'core')}`],
    ['memory', bytes(on.memory)],
    ['kernels', `${on.isa}, ${plural(on.threads, 'thread')}`],
    ['system', on.os],
    ['Torchstone', `${tool.version}${tool.commit ? `, commit ${tool.commit}` : ''}`],
    ['Node', on.node],
    ['Python', version(references.python)],
    ['NumPy', version(references.numpy)],
    ['PyTorch', version(references.torch)],
    ['seed', String(seed)],
    ['load before the run', on.load.toFixed(2)],
  ];
  return `## Machine and versions\n\n${table(['', ''], facts)}`;
}

function ceilings(run: RunResult): string {
  const found = ceilingsOf(run);
  if (found.length === 0) return '';
  const body = found.map((one) => [CEILING_TITLES[one.id], `${significant(one.value)} ${one.unit}`, one.how]);
  const why =
    'Measured in the same run, the best call of several. Rows that move little are held against the copy within the caches, larger ones against the copy in memory (what fits into the last cache may exceed it), products and convolutions against the arithmetic of their dtype.';
  return `## Ceilings\n\n${why}\n\n${table(['ceiling', 'reached', 'by'], body)}`;
}

function family(run: RunResult, title: string, lines: readonly TimingLine[]): string {
  return lines.length === 0 ? '' : `## ${title}\n\n${rows(run, lines)}`;
}

function rows(run: RunResult, lines: readonly TimingLine[]): string {
  const most = ceilingsOf(run);
  const time = (ns: number | undefined) => (ns === undefined || ns === 0 ? '–' : nanoseconds(ns));
  const body = lines.map((line) => {
    const { torch, numpy } = line.references;
    const found = torch?.ratio;
    const reach = reachOf(line.row, most);
    return [
      line.label,
      time(line.ours.medianNs),
      time(torch?.theirs?.medianNs),
      found ? `${exactRatio(found.median)} (${ratio(found.low)} to ${ratio(found.high)})` : '–',
      torch?.required ? ratio(torch.required.ratio) : '–',
      verdictOf(torch) || '–',
      time(numpy?.theirs?.medianNs),
      reach?.rate ?? '–',
      shareText(reach?.share),
    ];
  });
  return table(HEAD, body);
}

function memoryOf(run: RunResult) {
  return run.suites.flatMap((suite) => suite.memory ?? []);
}

function memory(run: RunResult): string {
  const body = memoryOf(run).map((one) => [
    one.label ?? one.id,
    `${significant(one.measured)} ${one.unit}`,
    `${significant(one.limit)} ${one.unit}`,
    one.held ? 'held' : 'missed',
  ]);
  return body.length === 0 ? '' : `## Memory\n\n${table(['figure', 'measured', 'limit', 'verdict'], body)}`;
}

/** Rows that were skipped, and ratios that were withheld: each with its reason. */
function unraced(run: RunResult, lines: readonly TimingLine[]): string {
  const withheld = lines.flatMap(({ label, references: { torch, numpy } }) =>
    [torch, numpy].flatMap((row) =>
      row?.withheld && row.correct !== false
        ? [
            `- ${plain(label)}, against ${row.reference === 'torch' ? 'PyTorch' : 'NumPy'}: ${plain(row.withheld)}`,
          ]
        : [],
    ),
  );
  const named = new Set(benchRows(run).map((row) => row.id));
  const skipped = (one: CaseResult) => one.status === 'skip' && !named.has(one.id);
  const cases = run.suites.flatMap((suite) => suite.cases.filter(skipped));
  const items = [...cases.map((one) => `- ${plain(one.id)}: ${plain(one.reason ?? 'skipped')}`), ...withheld];
  return items.length === 0 ? '' : `## Not raced\n\n${items.join('\n')}`;
}

function notes(run: RunResult): string {
  const items = run.suites.flatMap((suite) => suite.notes ?? []).map((note) => `- ${plain(note)}`);
  const unquiet = benchRows(run).filter((row) => row.note?.includes('unquiet')).length;
  if (unquiet > 0)
    items.push(
      `- ${plural(unquiet, 'row')} unquiet: the middle half of the blocks spreads by more than 15 %.`,
    );
  return items.length === 0 ? '' : `## Notes on this run\n\n${items.join('\n')}`;
}
