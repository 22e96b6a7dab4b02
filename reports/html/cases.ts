// Report sections of cases: failures, notebook cells, coverage, skips.

import { isTold } from '../console.js';
import { type Cell, type Coverage, coverage, type Mark } from '../coverage.js';
import { count, figureText, indexText, plural } from '../format.js';
import type { CaseResult, RunResult, Worst } from '../schema/index.js';
import { type Shortfall, shortfalls } from '../shortfalls.js';
import { behind, type Html, html, NOTHING, STATES, section, table } from './markup.js';

const MOST_FAILURES = 60;

/** How a mark reads, beside its colour. */
const SIGNS: Readonly<Record<Mark, string>> = {
  pass: '✓',
  fail: '✗',
  inconclusive: '?',
  skip: '○',
  none: '·',
};
const WORDS: Readonly<Record<Mark, string>> = {
  pass: 'holds',
  fail: 'fails',
  inconclusive: 'undecided',
  skip: 'skipped',
  none: 'not tested',
};

/** Failures: cases with their worst element and the command that runs them again, limits in one table. */
export function failuresSection(run: RunResult): Html {
  const found = shortfalls(run);
  if (found.length === 0) return NOTHING;
  const cases = found.filter((one) => one.case !== undefined);
  const others = found.filter((one) => one.case === undefined);
  const left = cases.length - MOST_FAILURES;
  const rows = others.map(({ state, title, why }) => [title, why, stateText(state)]);
  const limits =
    rows.length === 0
      ? NOTHING
      : html`<div class="panel">${table('Limits and requirements not met', ['what', 'why', ''], rows, 'figures limits')}</div>`;
  const body = html`${cases.slice(0, MOST_FAILURES).map((one) => caseCard(one, one.case!))}${limits}`;
  return section(
    'failures',
    'Failures',
    left > 0 ? `${count(left)} more cases are in results.json.` : '',
    body,
  );
}

/** The notebook, cell by cell. */
export function notebookSection(run: RunResult): Html {
  const suite = run.suites.find((one) => one.suite === 'notebook' && one.cases.length > 0);
  if (!suite) return NOTHING;
  const cells = suite.cases.map((one) => {
    const [letter, name] = cellName(one);
    return html`<li class="${one.status}"><span class="letter">${letter}</span><span class="what">${name}</span>${tick(statusMark(one))}</li>`;
  });
  const lead = `${plural(suite.counts.passed, 'case')} of the introductory notebook ${suite.counts.passed === 1 ? 'holds' : 'hold'}; ${count(suite.compared)} elements compared.`;
  return section('notebook', 'Notebook', lead, html`<ul class="cells">${cells}</ul>`);
}

/** How much of every op was checked: a bar per check, the whole table behind it. */
export function coverageSection(run: RunResult): Html {
  const matrix = coverage(run);
  if (matrix.rows.length === 0) return NOTHING;
  const bars = matrix.columns.map((column, at) => coverageBar(matrix, column, at));
  const lead = `${plural(matrix.rows.length, 'op')} by what was checked of them: the share of ops for which the check was made, and how it came out.`;
  const body = html`<div class="panel"><div class="bars">${bars}</div>${behind(`All ${plural(matrix.rows.length, 'op')}`, matrixTable(matrix))}</div>${skipped(run)}`;
  return section('coverage', 'Coverage', lead, body);
}

function caseCard({ state, title, why }: Shortfall, one: CaseResult): Html {
  const replay = one.replay ? html`<div class="replay mono" tabindex="0">${one.replay}</div>` : NOTHING;
  const [, ...rest] = (one.message ?? one.reason ?? '').split('\n');
  const more =
    rest.length > 0 ? html`<pre class="more">${rest.map((line) => `${line.trim()}\n`)}</pre>` : NOTHING;
  return html`<article class="panel failure ${state}"><h3><span>${title}</span>${stateText(state)}</h3><p class="why">${why}</p>${more}${one.worst && worstList(one.worst)}${replay}</article>\n`;
}

function stateText(state: Shortfall['state']): Html {
  const { sign, words } = STATES[state];
  return html`<span class="state ${state}"><span aria-hidden="true">${sign}</span> ${words}</span>`;
}

function worstList(worst: Worst): Html {
  const entries: [string, string | undefined][] = [
    ['worst element', `${worst.what}${indexText(worst.index)}`],
    ['got', figureText(worst.got, 9)],
    ['want', figureText(worst.want, 9)],
    ['off by', isTold(worst.abs) ? figureText(worst.abs) : undefined],
    ['relative', isTold(worst.rel) ? figureText(worst.rel) : undefined],
    ['ULP', isTold(worst.ulp) ? figureText(worst.ulp) : undefined],
    ['allowed', worst.tolerance],
  ];
  const shown = entries.filter(([, text]) => text !== undefined);
  return html`<dl class="compare">${shown.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>`;
}

/** `A/ones`, `notebook/A1: ones` → the letter and the rest. */
function cellName(one: CaseResult): [string, string] {
  const text = one.id.replace(/^notebook[/:]/, '');
  const found = /^([A-Z]\d*)[./:@ -]+(.+)$/.exec(text);
  return found ? [found[1] ?? '', found[2]?.replace(/[-_]/g, ' ') ?? ''] : ['', text];
}

function coverageBar({ rows }: Coverage, column: string, at: number): Html {
  const share = (mark: Mark) => rows.filter((row) => row.cells[at]?.mark === mark).length;
  const made = rows.length - share('none');
  const parts = (['pass', 'inconclusive', 'fail'] as const)
    .filter((mark) => share(mark) > 0)
    .map(
      (mark) =>
        html`<i class="${mark}" style="width:${((share(mark) / rows.length) * 100).toFixed(2)}%"></i>`,
    );
  const bad = share('fail') > 0 ? `, ${share('fail')} fall${share('fail') === 1 ? 's' : ''} short` : '';
  return html`<span>${column}</span><span class="bar" role="img" aria-label="${column}: checked for ${made} of ${rows.length} ops${bad}">${parts}</span><span class="num soft">${made} of ${rows.length}${bad}</span>`;
}

function matrixTable({ columns, rows }: Coverage): Html {
  const body = rows.map(
    ({ op, cases, cells }) =>
      html`<tr><th scope="row">${op}</th><td class="soft">${cases}</td>${cells.map(matrixCell)}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Checks of every op"><table class="matrix"><caption class="unseen">Checks of every op</caption>
<thead><tr><th scope="col">op</th><th scope="col">cases</th>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function matrixCell({ mark, cases }: Cell): Html {
  return html`<td title="${plural(cases, 'case')}, ${WORDS[mark]}">${tick(mark)}</td>`;
}

function tick(mark: Mark): Html {
  return html`<span class="tick ${mark}"><span aria-hidden="true">${SIGNS[mark]}</span><span class="unseen">${WORDS[mark]}</span></span>`;
}

function statusMark(one: CaseResult): Mark {
  return one.status === 'error' ? 'fail' : one.status;
}

function skipped(run: RunResult): Html {
  const reasons = new Map<string, CaseResult[]>();
  for (const one of run.suites.flatMap((suite) => suite.cases).filter((each) => each.status === 'skip')) {
    const reason = one.reason ?? 'no reason given';
    reasons.set(reason, [...(reasons.get(reason) ?? []), one]);
  }
  if (reasons.size === 0) return NOTHING;
  const rows = [...reasons].map(([reason, cases]) => {
    const ids = cases.slice(0, 3).map((one) => one.id);
    return [reason, count(cases.length), `${ids.join(', ')}${cases.length > 3 ? ', …' : ''}`];
  });
  const total = [...reasons.values()].reduce((sum, cases) => sum + cases.length, 0);
  return behind(
    `${plural(total, 'case')} skipped, with the reason`,
    table('Skipped cases', ['reason', 'cases', 'such as'], rows),
  );
}
