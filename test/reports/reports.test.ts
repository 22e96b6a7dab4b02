// The reports: the same facts in every format, nothing unescaped, nothing from the network, readable on a phone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { consoleSummary } from '../../reports/console.js';
import { coverage } from '../../reports/coverage.js';
import { resultsCsv } from '../../reports/csv.js';
import { nanoseconds, ratio, seconds, significant } from '../../reports/format.js';
import { decadeAxis, linearAxis, ratioAxis } from '../../reports/html/scale.js';
import { htmlReport } from '../../reports/html.js';
import { junitXml } from '../../reports/junit.js';
import { markdownReport } from '../../reports/markdown.js';
import { parseRunResult, type RunResult } from '../../reports/schema/index.js';
import { curves, timingLines } from '../../reports/timings.js';
import { benchRows, exitCode, verdictSentence } from '../../reports/verdict.js';
import { REPORT_FILES, writeReports } from '../../reports/write.js';
import { sampleRun } from '../support/sample-run.js';

const good = sampleRun();
const bad = sampleRun({ broken: true });
const alone = sampleRun({ references: false });
const folder = mkdtempSync(join(tmpdir(), 'torchstone-reports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the verdict', () => {
  it('holds, fails, was interrupted or could not run', () => {
    expect(exitCode(good)).toBe(0);
    expect(verdictSentence(good)).toMatch(/^Passed: all 1,\d+ cases agree/);
    expect(exitCode(bad)).toBe(1);
    expect(verdictSentence(bad)).toMatch(
      /^Failed: 5 of .*softmax.*add-3x2\/torch.*memory over its limit: add-loop/,
    );
    expect(exitCode({ ...good, partial: true })).toBe(130);
    expect(exitCode({ ...bad, partial: true })).toBe(130);
    expect(verdictSentence({ ...good, partial: true })).toMatch(/^Interrupted/);
    expect(exitCode(withoutSuites(good))).toBe(6);
  });

  it('is not a pass when one suite could not run', () => {
    const [first, ...rest] = good.suites;
    if (!first) throw new Error('the sample has suites');
    const stopped = {
      ...first,
      cases: [],
      status: 'error' as const,
      reason: 'fixtures/manifest.json is missing',
    };
    expect(exitCode({ ...good, suites: [stopped, ...rest] })).toBe(2);
    expect(verdictSentence({ ...good, suites: [stopped, ...rest] })).toContain('manifest.json is missing');
  });

  it('is not a pass when everything was skipped', () => {
    const suites = good.suites.map((suite) => ({ ...suite, status: 'skip' as const }));
    expect(exitCode({ ...good, suites })).toBe(6);
  });
});

describe('every format', () => {
  it.each(Object.entries(REPORT_FILES))('%s names failures', (_, render) => {
    const text = render(bad);
    for (const name of ['softmax/0@float32,contiguous', 'tanh', 'large-loop-converges'])
      expect(text).toContain(name);
  });

  it('is written whole, and rendered again from its own results.json without a difference', async () => {
    const paths = await writeReports(bad, folder);
    expect(paths.map((path) => path.slice(folder.length + 1))).toEqual(Object.keys(REPORT_FILES));
    const again = parseRunResult(readFileSync(join(folder, 'results.json'), 'utf8'));
    for (const [name, render] of Object.entries(REPORT_FILES)) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe(render(again));
    }
  });

  it('refuses to write a result that could not be read back', () => {
    const broken = { ...good, seed: Number.NaN };
    expect(() => REPORT_FILES['results.json'](broken)).toThrow();
  });
});

describe('console', () => {
  it('starts with the verdict and has colour only when asked', () => {
    const text = consoleSummary(bad);
    expect(text.split('\n')[0]).toBe(verdictSentence(bad));
    expect(text).not.toContain('\u001b');
    expect(consoleSummary(bad, { colour: true })).toContain('\u001b[1;31m');
    expect(text).toContain("replay: npx torchstone validate --filter 'softmax/0@float32,contiguous'");
    expect(text).toContain('got 0.0731226504, want 0.0731220618');
  });

  it('quiet leaves the verdict and failures', () => {
    expect(consoleSummary(good, { quiet: true })).toBe(`${verdictSentence(good)}\n`);
    expect(consoleSummary(bad, { quiet: true })).toContain('softmax');
  });

  it('says why there is no race', () => {
    expect(consoleSummary(alone)).toContain('No live race: no working Python');
  });
});

describe('CSV', () => {
  it('has one line per case, timing and memory figure', () => {
    const lines = resultsCsv(good).trimEnd().split('\n');
    const cases = good.suites.reduce((sum, suite) => sum + suite.cases.length, 0);
    expect(lines).toHaveLength(1 + cases + benchRows(good).length + 2);
  });

  it('keeps a spreadsheet from running a formula', () => {
    const [suite] = good.suites;
    const one = suite?.cases[0];
    if (!suite || !one) throw new Error('the sample has cases');
    const evil = { ...one, message: '=HYPERLINK("http://x")' };
    expect(resultsCsv({ ...good, suites: [{ ...suite, cases: [evil] }] })).toContain("'=HYPERLINK");
  });
});

describe('JUnit', () => {
  it('is well-formed and counts as the run does', () => {
    const xml = junitXml(bad);
    expect(unbalancedTags(xml)).toEqual([]);
    expect(xml).toContain('name="log/0@float32,contiguous"');
    expect(xml).toContain('&lt;b&gt;TypeError&lt;/b&gt;');
    expect(xml.match(/<failure/g)).toHaveLength(7);
    expect(xml.match(/<error /g)).toHaveLength(1);
  });

  it('drops what XML forbids', () => {
    const [suite] = bad.suites;
    const one = suite?.cases.find((each) => each.status === 'fail');
    if (!suite || !one) throw new Error('the sample has a failure');
    const text = junitXml({
      ...bad,
      suites: [{ ...suite, cases: [{ ...one, message: 'a\u0000b\u001b[31m' }] }],
    });
    for (const sign of ['\u0000', '\u001b']) expect(text).not.toContain(sign);
  });
});

describe('Markdown', () => {
  it('starts with the verdict and keeps its tables whole', () => {
    const text = markdownReport(good);
    expect(text).toMatch(/^✅ \*\*Passed: /);
    for (const block of text.split('\n\n').filter((one) => one.startsWith('|'))) {
      const widths = block.split('\n').map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(widths).size).toBe(1);
    }
  });
});

describe('the page', () => {
  const page = htmlReport(bad);

  it('has the verdict as its first words, and needs neither script nor network', () => {
    const first = /<h1>([\s\S]*?)<\/h1>/.exec(page)?.[1]?.replace(/<[^>]+>/g, '') ?? '';
    expect(first.replace(/\s+/g, ' ')).toContain(verdictSentence(bad).slice(12, 60));
    expect(page.slice(0, page.indexOf('<h1>'))).not.toContain('<section');
    expect(page).not.toMatch(/<script|https?:\/\/|@import|url\(/);
  });

  it('escapes what comes from a run and balances its tags', () => {
    expect(page).not.toContain('<b>TypeError');
    expect(page).toContain('&lt;b&gt;TypeError&lt;/b&gt;: cannot read &quot;strides&quot; &amp; co.');
    expect(unbalancedTags(page)).toEqual([]);
  });

  it('gives every chart a name, and the figures in a table', () => {
    for (const svg of page.match(/<svg[^>]*>/g) ?? [])
      expect(svg).toMatch(/aria-label="[^"]+"|aria-hidden="true"/);
    const panels = [...page.matchAll(/<div class="panel">(?:(?!<div class="panel">)[\s\S])*/g)].map(
      ([text]) => text,
    );
    const charts = panels.filter((text) => text.includes('<svg class="chart'));
    expect(charts.length).toBeGreaterThan(5);
    for (const text of charts) expect(text).toMatch(/<details><summary>[\s\S]*<tbody>/);
  });

  it('links only to sections that are there', () => {
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map((found) => found[1]);
    for (const target of targets) expect(page).toContain(`id="${target}"`);
    expect(htmlReport(good)).not.toContain('href="#failures"');
  });

  it('withholds the ratio of a wrong result', () => {
    expect(page).toContain('withheld');
    expect(htmlReport(good)).not.toContain('withheld');
  });

  it('stands without references, without timings and without any suite', () => {
    expect(unbalancedTags(htmlReport(alone))).toEqual([]);
    expect(htmlReport(alone)).toContain('No reference was there to race');
    expect(unbalancedTags(htmlReport(withoutSuites(good)))).toEqual([]);
  });
});

describe('what the charts are made of', () => {
  it('joins both references in one line and finds the curves', () => {
    const lines = timingLines(benchRows(good));
    expect(lines).toHaveLength(benchRows(good).length / 2);
    expect(lines.every((line) => line.references.numpy && line.references.torch)).toBe(true);
    expect(curves(benchRows(good)).map((one) => one.group)).toEqual(['add', 'exp', 'sum', 'softmax']);
    expect(curves(benchRows(alone))[0]?.series.map((one) => one.name)).toEqual(['torchstone']);
  });

  it('marks an op by its worst case', () => {
    const { columns, rows } = coverage(bad);
    const cell = (op: string, check: string) =>
      rows.find((row) => row.op === op)?.cells[columns.indexOf(check)]?.mark;
    expect(cell('softmax', 'values')).toBe('fail');
    expect(cell('pow', 'gradcheck')).toBe('inconclusive');
    expect(cell('argmax', 'gradients')).toBe('none');
    expect(cell('add', 'transposed')).toBe('pass');
  });

  it('scales axes sensibly', () => {
    expect(ratioAxis([])).toMatchObject({ low: -1, high: 1, step: 1 });
    expect(ratioAxis([0.9, 30])).toMatchObject({ low: -1, high: 6, step: 1 });
    // Thinned, and still with a tick at 1.
    expect(ratioAxis([1 / 200, 1e9])).toMatchObject({ low: -8, high: 8, step: 2 });
    expect(ratioAxis([1e9]).at(1e9)).toBe(8);
    expect(decadeAxis([100, 1e7])).toMatchObject({ low: 2, high: 7, step: 1 });
    expect(decadeAxis([500, 500]).at(500)).toBeCloseTo(2.7, 2);
    expect(decadeAxis([0, -1])).toMatchObject({ low: 0, high: 1 });
    expect(linearAxis([0, -2])).toMatchObject({ low: -2, high: 0, step: 0.5 });
    expect(linearAxis([3, 3])).toMatchObject({ low: 3, high: 4 });
  });

  it.each([
    [nanoseconds(8.2), '8.20 ns'],
    [nanoseconds(999.96), '1.00 µs'],
    [nanoseconds(1.234e6), '1.23 ms'],
    [nanoseconds(251e9), '251 s'],
    [ratio(0.823), '0.82×'],
    [ratio(25.04), '25.0×'],
    [seconds(185), '3 min 5 s'],
    [significant(0), '0'],
  ])('formats %s', (text, expected) => {
    expect(text).toBe(expected);
  });
});

function withoutSuites(run: RunResult): RunResult {
  return { ...run, suites: [] };
}

/** Tags that are not closed in order; void elements and declarations aside. */
function unbalancedTags(text: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name = '', self] of text.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|[^">])*?(\/?)>/g,
  )) {
    if (self || /^(meta|link|br|img|input|hr)$/.test(name)) continue;
    if (!close) open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}
