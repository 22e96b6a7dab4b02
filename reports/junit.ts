// junit.xml: the cases, required timings and memory limits as any CI server reads them.

import { failureText } from './console.js';
import { ratio } from './format.js';
import type { BenchRow, CaseResult, RunResult, SuiteResult } from './schema/index.js';
import { REFERENCE_TITLES } from './verdict.js';

interface Entry {
  readonly name: string;
  readonly seconds: number;
  readonly kind: 'pass' | 'failure' | 'error' | 'skipped';
  readonly text: string;
}

/** The text of junit.xml. */
export function junitXml(run: RunResult): string {
  const suites = run.suites.map((suite) => suiteXml(suite, run.started));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="torchstone">\n${suites.join('\n')}\n</testsuites>\n`;
}

function suiteXml(suite: SuiteResult, started: string): string {
  const entries = [
    ...suite.cases.map(caseEntry),
    ...(suite.rows ?? []).filter((row) => row.required || row.correct === false).map(rowEntry),
    ...(suite.memory ?? []).map(
      (one): Entry => ({
        name: one.id,
        seconds: 0,
        kind: one.held ? 'pass' : 'failure',
        text: `${one.measured} ${one.unit}, limit ${one.limit} ${one.unit}`,
      }),
    ),
    ...(suite.status === 'error'
      ? [
          {
            name: `${suite.suite}/run`,
            seconds: 0,
            kind: 'error',
            text: suite.reason ?? 'could not run',
          } as const,
        ]
      : []),
  ];
  const tally = (kind: Entry['kind']) => entries.filter((entry) => entry.kind === kind).length;
  const head =
    `  <testsuite name="${suite.suite}" tests="${entries.length}" failures="${tally('failure')}" errors="${tally('error')}" ` +
    `skipped="${tally('skipped')}" time="${suite.seconds.toFixed(3)}" timestamp="${started.replace(/Z$/, '')}">`;
  return [head, ...entries.map((entry) => entryXml(entry, suite.suite)), '  </testsuite>'].join('\n');
}

function caseEntry(one: CaseResult): Entry {
  const kinds = {
    pass: 'pass',
    fail: 'failure',
    error: 'error',
    inconclusive: 'failure',
    skip: 'skipped',
  } as const;
  const text = one.status === 'skip' ? (one.reason ?? 'skipped') : failureText(one);
  return { name: one.id, seconds: one.seconds, kind: kinds[one.status], text };
}

function rowEntry(row: BenchRow): Entry {
  const good = row.correct !== false && row.required?.held !== false;
  const got = row.ratio ? ratio(row.ratio.median) : (row.withheld ?? 'no ratio');
  return {
    name: `${row.id} against ${REFERENCE_TITLES[row.reference]}`,
    seconds: row.ours.medianNs / 1e9,
    kind: good ? 'pass' : 'failure',
    text: row.correct === false ? 'the timed result is wrong' : `${got}, required ${row.required?.ratio}×`,
  };
}

function entryXml({ name, seconds, kind, text }: Entry, suite: string): string {
  const open = `    <testcase classname="torchstone.${suite}" name="${xml(name)}" time="${seconds.toFixed(6)}"`;
  if (kind === 'pass') return `${open}/>`;
  const first = xml(text.split('\n')[0] ?? '');
  const inner =
    kind === 'skipped'
      ? `<skipped message="${first}"/>`
      : `<${kind} message="${first}">${xml(text)}</${kind}>`;
  return `${open}>${inner}</testcase>`;
}

/** Escapes for XML 1.0, which has no control characters at all. */
function xml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
  };
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)
  );
}
