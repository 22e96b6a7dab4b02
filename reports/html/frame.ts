// Head and foot of the page: verdict, suite cards, navigation, memory, environment.

import { about, bytes, count, instant, plural, seconds, significant } from '../format.js';
import type { MemoryFigure, Reference, RunResult, SuiteResult } from '../schema/index.js';
import { closestCalls, type Shortfall, shortfalls } from '../shortfalls.js';
import { outcome, SUITE_TITLES, verdictSentence } from '../verdict.js';
import { type Html, html, NOTHING, STATES, section } from './markup.js';

const MOST_SHORTFALLS = 4;
const MOST_CLOSE = 3;

/** The first screen: the verdict, one card a suite, and what most needs a look. */
export function pageHeader(run: RunResult): Html {
  const sentence = verdictSentence(run);
  const [, word, first, rest] = /^([^:]+): ([^;]+)(.*)$/s.exec(sentence) ?? ['', '', sentence, ''];
  const state = outcome(run);
  const commit = run.tool.commit ? `, commit ${run.tool.commit}` : '';
  return html`<header class="${state}"><div class="brand"><span><b>Torchstone</b> ${run.tool.version}</span><span>${instant(run.started)}${commit}</span></div>
<h1><span class="word"><span aria-hidden="true">${SIGNS[state]}</span> ${word}</span><span class="unseen">:</span> ${first}<span class="rest">${rest}</span></h1>
<ul class="cards">${run.suites.map(suiteCard)}</ul>
${topList(run)}</header>`;
}

const SIGNS = { held: '✓', short: '✗', stopped: '!', partial: '!' } as const;

/** The worst shortfalls in a line each; where there is none, what came closest. */
function topList(run: RunResult): Html {
  const found = shortfalls(run);
  if (found.length === 0) {
    const close = closestCalls(run, MOST_CLOSE);
    const title = `Nothing failed${close.length > 0 ? '; closest to it:' : '.'}`;
    return html`<div class="top"><h2>${title}</h2>${topLines(close)}</div>`;
  }
  const more = found.length - MOST_SHORTFALLS;
  const all = html`<a href="#failures">${more > 0 ? `and ${count(more)} more` : 'all about them'}</a>`;
  const title = plural(found.length, 'shortfall');
  return html`<div class="top"><h2>${title}, worst first; ${all}</h2>${topLines(found.slice(0, MOST_SHORTFALLS))}</div>`;
}

function topLines(lines: readonly Shortfall[]): Html {
  if (lines.length === 0) return NOTHING;
  const entries = lines.map(({ state, title, why }) => {
    const { sign, words } = STATES[state];
    return html`<li class="${state}"><span class="tick ${state}"><span aria-hidden="true">${sign}</span><span class="unseen">${words}</span></span><span class="what">${title}</span><span class="why">${why}</span></li>`;
  });
  return html`<ul>${entries}</ul>`;
}

/** The anchors of the sections that are there. */
export function navigation(sections: readonly (readonly [id: string, title: string, content: Html])[]): Html {
  const links = sections
    .filter(([, , content]) => content.text !== '')
    .map(
      ([id, title]) => html`<li class="${id === 'failures' && 'alarm'}"><a href="#${id}">${title}</a></li>`,
    );
  return html`<nav aria-label="Sections"><ul>${links}</ul></nav>`;
}

/** Memory figures against their limits. */
export function memorySection(run: RunResult): Html {
  const figures = run.suites.flatMap((suite) => suite.memory ?? []);
  if (figures.length === 0) return NOTHING;
  const body = html`<div class="panel"><div class="bars">${figures.map(memoryBar)}</div></div>`;
  return section('memory', 'Memory', 'Each figure as a share of its limit.', body);
}

/** What it ran on, with what, and how to run it again. */
export function environmentSection(run: RunResult): Html {
  const { machine, references } = run;
  const spent = (Date.parse(run.finished) - Date.parse(run.started)) / 1000;
  const facts: [string, string][] = [
    ['command', run.command],
    ['processor', `${machine.cpu}, ${plural(machine.cores, 'core')}`],
    ['memory', bytes(machine.memory)],
    ['kernels', `${machine.isa}, ${plural(machine.threads, 'thread')}`],
    ['load at the start', machine.load.toFixed(2)],
    ['system', machine.os],
    ['Node', machine.node],
    ['Python', versionText(references.python)],
    ['NumPy', versionText(references.numpy)],
    ['PyTorch', versionText(references.torch)],
    ['seed', String(run.seed)],
    ['took', seconds(spent)],
  ];
  const notes = run.suites.flatMap((suite) => (suite.notes ?? []).map((note) => html`<li>${note}</li>`));
  const list = notes.length > 0 ? html`<ul class="notes">${notes}</ul>` : NOTHING;
  const body = html`<div class="panel"><dl class="facts">${facts.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>${list}</div>`;
  return section('environment', 'Environment', undefined, body);
}

/** The other formats of the same run, lying beside the page. */
export function pageFooter(): Html {
  const files = ['results.json', 'results.csv', 'junit.xml', 'report.md'];
  return html`<footer><span>The same run as</span>${files.map((name) => html`<a href="${name}">${name}</a>`)}</footer>`;
}

function suiteCard(suite: SuiteResult): Html {
  const { sign, words } = STATES[suite.status];
  const [big, small] = suiteFigures(suite);
  return html`<li class="${suite.status}"><div class="name">${SUITE_TITLES[suite.suite]}</div><div class="big">${big}</div><div class="small">${small}</div><div class="state ${suite.status}"><span aria-hidden="true">${sign}</span> ${words}</div></li>`;
}

function suiteFigures(suite: SuiteResult): [string, string] {
  const { counts } = suite;
  const decided = suite.cases.length - counts.skipped;
  if (suite.status === 'error') return ['–', seconds(suite.seconds)];
  if (suite.rows && suite.rows.length > 0) {
    const memory = (suite.memory ?? []).length;
    const held = suite.rows.filter((row) => row.required?.held).length;
    const required = suite.rows.filter((row) => row.required).length;
    const first = required > 0 ? `${count(held)} of ${count(required)}` : plural(suite.rows.length, 'row');
    const rest =
      required > 0 ? `required; ${plural(suite.rows.length, 'row')}` : plural(memory, 'memory figure');
    return [first, `${rest}, ${seconds(suite.seconds)}`];
  }
  const skipped = counts.skipped > 0 ? `, ${count(counts.skipped)} skipped` : '';
  const all = counts.passed === decided;
  return [
    all ? count(decided) : `${count(counts.passed)} of ${count(decided)}`,
    `${about(suite.compared)} elements${skipped}, ${seconds(suite.seconds)}`,
  ];
}

function memoryBar(one: MemoryFigure): Html {
  const share = Math.min(1, Math.max(0, one.measured / one.limit));
  const text = `${significant(one.measured)} of ${significant(one.limit)} ${one.unit}`;
  const width = `width:${(share * 100).toFixed(1)}%`;
  return html`<span>${one.label ?? one.id}</span><span class="bar limit" role="img" aria-label="${text}"><i class="${one.held ? 'used' : 'over'}" style="${width}"></i></span><span class="num">${text}${one.held ? '' : html` <b class="slower">over</b>`}</span>`;
}

function versionText(reference: Reference): string {
  return reference.version ?? `missing: ${reference.missing ?? 'no reason given'}`;
}
