// The sections about cases: what fell short, the notebook's cells, the coverage table, what was skipped.
import type { CaseResult, RunResult, Worst } from '../../suites/results.js';
import { isTold } from '../console.js';
import { type Cell, type Coverage, coverage, type Mark } from '../coverage.js';
import { count, figureText, indexText, plural, ratio } from '../format.js';
import { REFERENCE_TITLES, SUITE_TITLES, shortCases, shortRows } from '../verdict.js';
import { behind, type Html, html, NOTHING, section, table } from './markup.js';

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
  fail: 'falls short',
  inconclusive: 'undecided',
  skip: 'skipped',
  none: 'not tested',
};

/** What fell short, each with its worst element and the command that runs it again. */
export function failuresSection(run: RunResult): Html {
  const short = shortCases(run);
  const rows = shortRows(run);
  const stopped = run.suites.filter((suite) => suite.status === 'error');
  if (short.length + rows.length + stopped.length === 0) return NOTHING;
  const cards = [
    ...stopped.map((suite) =>
      card(`${SUITE_TITLES[suite.suite]} could not run`, 'error', suite.reason ?? 'no reason given'),
    ),
    ...short.slice(0, MOST_FAILURES).map(caseCard),
    ...rows.map((row) => {
      const got = row.ratio ? ratio(row.ratio.median) : 'no ratio';
      const why =
        row.correct === false
          ? 'The timed result is wrong.'
          : `${got}, required ${ratio(row.required?.ratio ?? 1)}.`;
      return card(`${row.label ?? row.id} against ${REFERENCE_TITLES[row.reference]}`, 'fail', why);
    }),
  ];
  const more =
    short.length > MOST_FAILURES ? `${count(short.length - MOST_FAILURES)} more are in results.json.` : '';
  return section('failures', 'What fell short', more, cards);
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

function caseCard(one: CaseResult): Html {
  const status = one.status === 'fail' ? 'fail' : one.status;
  const replay = one.replay ? html`<div class="replay mono" tabindex="0">${one.replay}</div>` : NOTHING;
  const [first = '', ...rest] = (one.message ?? one.reason ?? '').split('\n');
  const more =
    rest.length > 0 ? html`<pre class="more">${rest.map((line) => `${line.trim()}\n`)}</pre>` : NOTHING;
  return card(one.id, status, first, html`${more}${one.worst && worstList(one.worst)}${replay}`);
}

function card(title: string, status: string, why: string, more: Html = NOTHING): Html {
  const words: Record<string, string> = { fail: 'fell short', error: 'error', inconclusive: 'undecided' };
  return html`<article class="panel failure ${status}"><h3><span>${title}</span><span class="state ${status}">${words[status] ?? status}</span></h3><p class="why">${why}</p>${more}</article>\n`;
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
