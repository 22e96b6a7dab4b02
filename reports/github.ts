// What a GitHub workflow shows beside the code: annotations for failures. The step summary is the Markdown report.

import { failureText } from './console.js';
import { exactRatio, plural } from './format.js';
import type { RunResult } from './schema/index.js';
import { brokenExpectations, shortCases, shortRows, verdictSentence } from './verdict.js';

/** GitHub shows ten of a kind for each step. */
const MOST = 10;

/** Workflow commands, one a line; nothing when all held. */
export function annotations(run: RunResult): string {
  const errors = [
    ...brokenExpectations(run).map(({ id, problem }) => ({
      title: `expectation ${id}`,
      text: `${id} ${problem}`,
    })),
    ...shortCases(run).map((one) => ({ title: one.id, text: failureText(one) })),
    ...shortRows(run).map((row) => ({
      title: row.id,
      text:
        row.correct === false
          ? 'its result is wrong'
          : `${row.ratio ? exactRatio(row.ratio.median) : 'no ratio'}, required ${row.required?.ratio}`,
    })),
  ];
  const shown = errors.slice(0, errors.length > MOST ? MOST - 1 : MOST);
  const rest = errors.length - shown.length;
  return [
    ...shown,
    ...(rest > 0 ? [{ title: `${plural(rest, 'more shortcoming')}`, text: verdictSentence(run) }] : []),
  ]
    .map(({ title, text }) => `::error title=${property(title)}::${data(text)}\n`)
    .join('');
}

/** Escapes a message. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Escapes a property. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
