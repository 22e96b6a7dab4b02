// The page in headless Chromium: what the first screen shows, that nothing overflows, contrast in both schemes, no request.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { htmlReport } from '../../reports/html.js';
import { wholeRun } from '../support/sample-sections.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const bad = htmlReport(wholeRun({ broken: true }));
const good = htmlReport(wholeRun());
const opened = bad.replaceAll('<details>', '<details open>');
/** Charts that come in two drawings, for wide windows and for narrow ones, are shown once. */
const shownCharts = (bad.match(/<svg class="chart (?!narrow)/g) ?? []).length;

const PROBES = readFileSync(new URL('page-probes.mjs', import.meta.url), 'utf8');

/** What the probes of page-probes.mjs return. */
interface Probes {
  readonly contrasts: {
    text: number;
    what: string;
    mark: number;
    which: string;
    texts: number;
    paper: number[];
  };
  readonly firstScreen: { top: number; bottoms: number[]; inner: number; cut: string[] };
  readonly fit: { content: number; inner: number; charts: number; least: number };
  readonly reach: object & { folded: number };
}

interface Window {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
}

/**
 * Runs a probe in the page and returns what it returns. In a frame, because a window of headless Chromium is never
 * narrower than 500 pixels; a frame takes its colour scheme from the element that holds it.
 */
function inBrowser<K extends keyof Probes>(
  page: string,
  { width, height, scheme = 'light' }: Window,
  probe: K,
): Probes[K] {
  const script = `<script>${PROBES}\nonload = () => parent.postMessage(JSON.stringify(probes.${probe}()), "*")</script></body>`;
  writeFileSync(
    join(folder, 'page.html'),
    page.replace('</body>', () => script),
  );
  const listen = '<script>onmessage = (event) => (document.body.dataset.found = event.data)</script>';
  const style = `border:0;width:${width}px;height:${height}px;color-scheme:${scheme}`;
  writeFileSync(
    join(folder, 'frame.html'),
    `<body>${listen}<iframe src="page.html" style="${style}"></iframe></body>`,
  );
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    `--user-data-dir=${join(folder, 'profile')}`,
    '--window-size=1400,1000',
    '--virtual-time-budget=10000',
    '--dump-dom',
    `file://${join(folder, 'frame.html')}`,
  ];
  const dom = execFileSync(chromium!, flags, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 90_000,
    maxBuffer: 1 << 26,
  });
  const text = /data-found="([^"]*)"/.exec(dom)?.[1];
  if (text === undefined) throw new Error('the page answered nothing');
  return JSON.parse(
    text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  ) as Probes[K];
}

const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;

describe.skipIf(!chromium)('in a browser (skipped where there is no Chromium)', () => {
  it.each(SIZES)(
    'shows verdict, counts and the worst without scrolling in $width × $height',
    (size) => {
      const found = [bad, good].map((page) => inBrowser(page, size, 'firstScreen'));
      for (const { bottoms, top, inner, cut } of found) {
        expect(inner).toBe(size.height);
        expect(top).toBeLessThan(80);
        expect(Math.max(...bottoms)).toBeLessThanOrEqual(size.height);
        expect(cut).toEqual([]);
      }
    },
    200_000,
  );

  it.each(SIZES)(
    'fits $width pixels with every table open',
    (size) => {
      const found = inBrowser(opened, size, 'fit');
      expect(found.inner).toBe(size.width);
      expect(found.content).toBeLessThanOrEqual(found.inner);
      expect(found.charts).toBe(shownCharts);
      // Chart text stays readable: it is not scaled away.
      expect(found.least).toBeGreaterThan(10);
    },
    200_000,
  );

  it.each(['light', 'dark'] as const)(
    'has enough contrast in the %s scheme',
    (scheme) => {
      const found = inBrowser(opened, { width: 1280, height: 800, scheme }, 'contrasts');
      expect(found.texts).toBeGreaterThan(500);
      expect(found.paper[0]! > 128).toBe(scheme === 'light');
      expect(found.text, `text: ${found.what}`).toBeGreaterThanOrEqual(4.5);
      expect(found.mark, `mark: ${found.which}`).toBeGreaterThanOrEqual(3);
    },
    200_000,
  );

  it('asks for nothing, and all that scrolls or folds can be reached by keys', () => {
    const found = inBrowser(bad, { width: 390, height: 844 }, 'reach');
    expect(found).toMatchObject({
      requests: [],
      first: '#content',
      target: true,
      unreachable: [],
      colourOnly: 0,
    });
    expect(found.folded).toBeGreaterThan(20);
  }, 200_000);
});
