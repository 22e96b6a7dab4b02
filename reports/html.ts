// index.html: one self-contained page, no script, no network. It puts the sections together; each lives in html/.

import { changeLines, expectationLines } from './changes.js';
import { accuracySection } from './html/accuracy.js';
import { coverageSection, failuresSection, notebookSection } from './html/cases.js';
import { conformanceSection } from './html/conformance.js';
import { environmentSection, memorySection, navigation, pageFooter, pageHeader } from './html/frame.js';
import { gradientsSection } from './html/gradients.js';
import { historySection } from './html/history.js';
import { Html, html, NOTHING, section } from './html/markup.js';
import { overTimeSection } from './html/overtime.js';
import { peersSection } from './html/peers.js';
import { rooflineSection } from './html/roofline.js';
import { scalingSection } from './html/scaling.js';
import { selftestSection } from './html/selftest.js';
import { seriesSection } from './html/series.js';
import { STYLE } from './html/style.js';
import { timingsSection } from './html/timings.js';
import type { RunResult } from './schema/index.js';
import { verdictSentence } from './verdict.js';

/** The text of index.html. */
export function htmlReport(run: RunResult): string {
  const sections = [
    ['failures', 'Failures', failuresSection(run)],
    ['changes', 'Changes', changesSection(run)],
    ['coverage', 'Coverage', coverageSection(run)],
    ['conformance', 'Conformance', conformanceSection(run)],
    ['notebook', 'Notebook', notebookSection(run)],
    ['accuracy', 'Accuracy', accuracySection(run)],
    ['gradients', 'Gradients', gradientsSection(run)],
    ['timings', 'Speed', timingsSection(run)],
    ['roofline', 'Roofline', rooflineSection(run)],
    ['scaling', 'Scaling', scalingSection(run)],
    ['overtime', 'Blocks', overTimeSection(run)],
    ['memory', 'Memory', memorySection(run)],
    ['peers', 'Peers', peersSection(run)],
    ['series', 'Series', seriesSection(run)],
    ['selftest', 'Selftest', selftestSection(run)],
    ['history', 'History', historySection(run)],
    ['environment', 'Environment', environmentSection(run)],
  ] as const;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${verdictSentence(run)}</title>
<link rel="icon" href="data:,">
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the sections</a>
${pageHeader(run)}
${navigation(sections)}
<main id="content">
${sections.map(([, , content]) => content)}</main>
${pageFooter()}
</body>
</html>
`.text;
}

function changesSection(run: RunResult): Html {
  const since = changeLines(run);
  const list = (lines: readonly string[]) => html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
  if (since !== undefined)
    return section('changes', 'Changes', `${since.title}.`, [list(since.lines), list(expectationLines(run))]);
  const expected = expectationLines(run);
  if (expected.length === 0) return NOTHING;
  return section(
    'changes',
    'Expectations',
    'Known shortcomings, each with a reason and an end.',
    list(expected),
  );
}
