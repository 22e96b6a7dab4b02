// Report section: gradient checks, and the V-curves of the worst elements.

import { count, figureText, plural, significant } from '../format.js';
import type { CaseResult, Figure, RunResult, VCurve } from '../schema/index.js';
import { powerOfTen } from './chart.js';
import { type Line, lineChart } from './lines.js';
import { type Html, html, NOTHING, STATES, section, table } from './markup.js';
import { decadeAxis } from './scale.js';

const MOST_CURVES = 9;
const CHECKS = ['gradcheck', 'forward mode', 'gradgradcheck'] as const;
const TITLES = {
  gradcheck: 'gradient',
  'forward mode': 'forward mode',
  gradgradcheck: 'second order',
} as const;

/** Totals by what was differentiated, and a V-curve for the cases that failed and the closest calls. */
export function gradientsSection(run: RunResult): Html {
  const suite = run.suites.find((one) => one.suite === 'gradcheck' && one.cases.length > 0);
  if (!suite) return NOTHING;
  const rank = (one: CaseResult) => ({ fail: 0, error: 1, inconclusive: 2, pass: 3, skip: 4 })[one.status];
  const curves = suite.cases
    .filter((one) => one.curve !== undefined)
    .sort((a, b) => rank(a) - rank(b) || closeness(b) - closeness(a));
  const lead = `Analytic gradients against central differences in float64, extrapolated, with an error bar: ${plural(suite.compared, 'entry', 'entries')} of ${plural(suite.cases.length - suite.counts.skipped, 'case')} compared.`;
  const words =
    curves.length === 0
      ? NOTHING
      : html`<p class="lead">How far a plain central difference lies from the analytic value, by its step: it falls until rounding takes over. Where the gradient is wrong it stays up. The elements shown are those furthest from agreement.</p><div class="charts">${curves.slice(0, MOST_CURVES).map(curveChart)}</div>`;
  return section(
    'gradients',
    'Gradients',
    lead,
    html`<div class="panel">${totals(suite.cases)}</div>${words}`,
  );
}

/** How much of its allowance the element used up. */
function closeness({ curve }: CaseResult): number {
  const [analytic, numeric, allowed] = [curve!.analytic, curve!.numeric, curve!.allowed].map(numberOf);
  return allowed! > 0 ? Math.abs(analytic! - numeric!) / allowed! : 0;
}

function totals(cases: readonly CaseResult[]): Html {
  const rows = CHECKS.flatMap((check) => {
    const states = cases.flatMap((one) => one.checks?.[check] ?? []);
    if (states.length === 0) return [];
    const having = (state: string) => count(states.filter((one) => one === state).length);
    return [[TITLES[check], having('pass'), having('fail'), having('inconclusive')]];
  });
  const skipped = cases.filter((one) => one.status === 'skip').length;
  const note =
    skipped > 0
      ? html`<p class="soft">${plural(skipped, 'case')} skipped; the reasons stand under Coverage.</p>`
      : NOTHING;
  return html`${table('Gradients by kind', ['', 'agree', 'wrong', 'undecided'], rows)}${note}`;
}

function curveChart(one: CaseResult): Html {
  const { points, ...curve } = one.curve!;
  const drawn = points.filter(([, apart]) => apart > 0);
  const allowed = numberOf(curve.allowed);
  const steps = drawn.map(([step]) => step);
  const x = decadeAxis(steps, 5);
  const heights = [...drawn.map(([, apart]) => apart), ...(allowed > 0 ? [allowed] : [])];
  const level = (value: number, text: string): Line[] =>
    value > 0
      ? [
          {
            points: [
              [10 ** x.low, value],
              [10 ** x.high, value],
            ],
            line: 'dashed',
            marks: false,
            colour: 'var(--soft)',
            width: 1.2,
            text,
          },
        ]
      : [];
  const { sign, words } = STATES[one.status];
  return lineChart({
    title: `${one.id} ${sign}`,
    note: `${curve.what}: ${words}`,
    label: `V-curve of ${one.id}: distance of central differences from the analytic gradient over the step, both logarithmic`,
    x: { axis: x, text: powerOfTen, name: 'step' },
    y: { axis: decadeAxis(heights, 5), text: powerOfTen, name: 'apart' },
    lines: [...level(allowed, 'allowed'), { who: 'torchstone', points: drawn }],
    table: curveTable(one.id, one.curve!),
  });
}

function curveTable(id: string, { analytic, numeric, uncertainty, allowed, points }: VCurve): Html {
  const facts: [string, Figure][] = [
    ['analytic', analytic],
    ['numeric, extrapolated', numeric],
    ['its uncertainty', uncertainty],
    ['allowed', allowed],
  ];
  const rows = points.map(([step, apart]) => [significant(step), significant(apart)]);
  return html`<dl class="compare">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${figureText(value, 9)}</dd></div>`)}</dl>${table(`V-curve of ${id}`, ['step', 'apart'], rows)}`;
}

function numberOf(value: Figure): number {
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
}
