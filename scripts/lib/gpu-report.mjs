// Reports of gpu-check: a line for each suite, its failures, the summary as Markdown and JSON, one log.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './steps.mjs';

const MOST_SHORT = 400;
const MOST_TEXT = 600;

/** What a suite's JSON says; undefined where there is none, as of a step that was killed. */
export function readSuite(path) {
  let run;
  try {
    run = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  const [suite] = run.suites;
  if (suite === undefined) return undefined;
  const { counts, cases, rows = [], memory = [], notes = [], reason, compared } = suite;
  const elements = compared ?? cases.reduce((sum, one) => sum + one.compared, 0);
  const wrong = counts.failed + counts.errors + counts.inconclusive;
  const ran = counts.passed + wrong + counts.skipped;
  const alone = rows.length > 0 && rows.every(({ ratio }) => ratio === undefined);
  const required = rows.filter((row) => row.required !== undefined);
  const held = required.filter((row) => row.required.held).length;
  const parts = [
    ...(run.partial ? ['partial'] : []),
    ...(ran > 0
      ? [`${ran} cases ran: ${counts.passed} passed, ${wrong} not, ${counts.skipped} skipped`]
      : []),
    ...(elements > 0 ? [`${elements.toLocaleString('en')} elements compared`] : []),
    ...(rows.length > 0 ? [`${rows.length} rows, ${held} of ${required.length} required ratios held`] : []),
    ...(alone ? [`raced against nothing: ${rows[0].withheld ?? 'no reference'}`] : []),
    ...memory.map((one) => `${one.label}: ${one.measured} ${one.unit}, limit ${one.limit}`),
    ...(reason === undefined ? [] : [reason]),
  ];
  return {
    told: parts.join('; '),
    partial: run.partial,
    alone,
    counts,
    elements,
    memory,
    notes,
    short: shortfalls(cases, memory),
    rows: rows.map(rowOf),
  };
}

function shortfalls(cases, memory) {
  const short = cases
    .filter(({ status }) => status !== 'pass' && status !== 'skip')
    .map(({ id, status, message, reason }) => ({
      id,
      status,
      text: (message ?? reason ?? '').slice(0, MOST_TEXT),
    }));
  const grown = memory
    .filter((one) => !one.held)
    .map(({ id, label }) => ({ id, status: 'fail', text: label }));
  return [...short, ...grown].slice(0, MOST_SHORT);
}

function rowOf({ id, ours, theirs, ratio, required, correct, withheld, launchNs, completionNs }) {
  return {
    id,
    oursNs: ours.medianNs,
    ...(theirs === undefined ? {} : { theirsNs: theirs.medianNs }),
    ...(ratio === undefined ? {} : { ratio: ratio.median }),
    ...(required === undefined ? {} : { required: required.ratio, held: required.held }),
    ...(withheld === undefined ? {} : { withheld }),
    ...(launchNs === undefined ? {} : { launchNs, completionNs }),
    correct,
  };
}

/** What is missing, and every place that was looked at. */
export function absence({ reason, looked = [] }) {
  const places = looked.map(({ library, path, result }) => `  ${library}: ${path}: ${result}`);
  return [
    `No CUDA device can be used: ${reason}.`,
    ...(places.length > 0 ? ['Looked at:', ...places] : []),
  ].join('\n');
}

/** Writes summary.md, summary.json and log.txt anew. */
export function writeReport(out, { rows, ...about }) {
  const commit = read(join(ROOT, 'commit'));
  const steps = rows.map(({ log, ...row }) => row);
  writeFileSync(join(out, 'summary.json'), `${JSON.stringify({ commit, ...about, steps }, null, 1)}\n`);
  writeFileSync(join(out, 'summary.md'), `${markdown({ commit, ...about }, steps)}\n`);
  writeFileSync(join(out, 'log.txt'), rows.map(({ name, log }) => `===== ${name}\n${log}\n`).join('\n'));
}

function markdown({ commit, card, cuda, python, started, minutes }, steps) {
  const table = (head, body) =>
    [head, head.map(() => '---'), ...body].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
  const { devices = [], driver, nvrtc, cublas } = cuda;
  const facts = [
    ['card', card],
    [
      'devices',
      devices.map(({ name, major, minor }) => `${name}, sm_${major}${minor}`).join('; ') || absence(cuda),
    ],
    ['driver (CUDA)', driver ?? '–'],
    ['NVRTC', nvrtc ?? '–'],
    ['cuBLAS', cublas ?? 'not found'],
    ['PyTorch', python?.text ?? 'none found'],
    ['commit', commit],
    ['run', `${started}, ${minutes.toFixed(1)} minutes`],
  ];
  const verdicts = steps.map(({ name, verdict, seconds, told }) => [name, verdict, seconds.toFixed(1), told]);
  const raced = steps.filter(({ name }) => name === 'bench').flatMap(({ suite }) => suite?.rows ?? []);
  const short = steps.flatMap(({ name, suite }) =>
    (suite?.short ?? []).slice(0, 40).map(({ id, text }) => [name, id, text.slice(0, 300)]),
  );
  return [
    '# What `gpu-check` found',
    table(['', ''], facts),
    ...(verdicts.length > 0 ? [table(['step', 'verdict', 'seconds', 'what'], verdicts)] : []),
    ...(raced.length > 0
      ? ['## Times', table(['row', 'ours, µs', "PyTorch's, µs", 'ratio', 'required'], raced.map(timeCells))]
      : []),
    ...(short.length > 0 ? ['## Failures', table(['step', 'case', 'what'], short)] : []),
  ].join('\n\n');
}

function timeCells({ id, oursNs, theirsNs, ratio, required, withheld }) {
  const us = (ns) => (ns === undefined || ns === 0 ? '–' : (ns / 1000).toPrecision(4));
  return [id, us(oursNs), us(theirsNs), ratio?.toPrecision(4) ?? withheld ?? '–', required ?? '–'];
}

function cell(text) {
  return String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
