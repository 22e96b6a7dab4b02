// Report section: which faults each check noticed, and the smallest error it still sees.

import { plural } from '../format.js';
import type { MutantResult, RunResult, Selftest } from '../schema/index.js';
import { calibrationTable, SELFTEST_TITLES, sensitivityTable } from '../selftest.js';
import { type Html, html, NOTHING, type Part, section, table } from './markup.js';

/** The kill matrix and the sensitivity of the checks. */
export function selftestSection(run: RunResult): Html {
  const found = run.suites.find((suite) => suite.selftest)?.selftest;
  if (!found) return calibrated(run);
  const survivors = found.mutants.filter((one) => !one.killed);
  const verdict =
    survivors.length === 0
      ? `each of ${plural(found.mutants.length, 'deliberate fault')} was noticed`
      : `${survivors.length} of ${plural(found.mutants.length, 'deliberate fault')} survived: ${survivors.map((one) => one.name).join(', ')}`;
  const lead = `Faults put into the engine on purpose, one at a time: ${verdict}. Numbers are the cases that noticed, of those that were asked.`;
  return section(
    'selftest',
    'Selftest',
    lead,
    html`${matrix(found)}${sensitivity(found)}${calibration(run)}`,
  );
}

function calibrated(run: RunResult): Html {
  const body = calibration(run);
  const lead =
    'How far a ratio comes out from 1 where nothing differs: what this machine allows timings to say.';
  return body === NOTHING ? NOTHING : section('selftest', 'Calibration', lead, body);
}

function calibration(run: RunResult): Html {
  const { head, rows } = calibrationTable(run);
  if (rows.length === 0) return NOTHING;
  return html`<div class="panel"><h3>${SELFTEST_TITLES.calibration}</h3>${table(SELFTEST_TITLES.calibration, head, rows, 'matrix')}</div>`;
}

function matrix({ checks, mutants }: Selftest): Html {
  const rows = mutants.map((one): Part[] => [
    one.name,
    ...checks.map((check) => cell(one, check)),
    one.killed ? tick('pass', '✓', 'killed') : tick('fail', '✗', 'survived'),
    html`<span class="soft">${one.doc}</span>`,
  ]);
  const head = ['mutant', ...checks, 'killed', 'what was wrong'];
  return html`<div class="panel">${table(SELFTEST_TITLES.kills, head, rows, 'matrix kills')}</div>`;
}

function cell(mutant: MutantResult, check: string): Html {
  const found = mutant.cells.find((one) => one.check === check);
  if (!found) return tick('none', '·', 'not asked');
  return html`<span title="${found.by ?? 'nothing noticed'}">${found.killed}<span class="soft"> of ${found.ran}</span></span>`;
}

function tick(css: string, sign: string, words: string): Html {
  return html`<span class="tick ${css}"><span aria-hidden="true">${sign}</span><span class="unseen">${words}</span></span>`;
}

function sensitivity(found: Selftest): Html {
  const { head, rows } = sensitivityTable(found);
  if (rows.length === 0) return NOTHING;
  return html`<div class="panel"><h3>${SELFTEST_TITLES.sensitivity}</h3>${table(SELFTEST_TITLES.sensitivity, head, rows, 'matrix')}</div>`;
}
