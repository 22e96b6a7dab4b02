// The sections of the page: that each is there, that its figures are the run's, and that marks stand where their figures say.
import { describe, expect, it } from 'vitest';
import { intensityOf } from '../../reports/ceilings.js';
import { consoleSummary } from '../../reports/console.js';
import { forest } from '../../reports/html/forest.js';
import { ratioAxis } from '../../reports/html/scale.js';
import { tickText } from '../../reports/html/timings.js';
import { htmlReport } from '../../reports/html.js';
import { type RunResult, RunResultSchema } from '../../reports/schema/index.js';
import { shortfalls } from '../../reports/shortfalls.js';
import { benchRows } from '../../reports/verdict.js';
import { sampleRun } from '../support/sample-run.js';
import { wholeRun } from '../support/sample-sections.js';

const whole = wholeRun({ broken: true });
const page = htmlReport(whole);

/** The text of one section, without its markup but with a bar between cells. */
function sectionText(id: string, from = page): string {
  const found = new RegExp(`<section id="${id}"[\\s\\S]*?</section>`).exec(from)?.[0] ?? '';
  return plain(found.replace(/<\/(?:td|th|text|h3)>/g, ' |'));
}

function plain(markup: string): string {
  return markup
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/\s+/g, ' ');
}

const SECTIONS = [
  'failures', 'coverage', 'notebook', 'accuracy', 'gradients', 'timings', 'roofline', 'scaling', 'overtime', 'memory', 'peers', 'series', 'history', 'environment',
]; // biome-ignore format: a list of names

describe('the sections', () => {
  it('are all there, in the order of the navigation, and the sample is a valid run', () => {
    RunResultSchema.parse(whole);
    const found = [...page.matchAll(/<section id="(\w+)"/g)].map((one) => one[1]);
    expect(found).toEqual(SECTIONS);
    const linked = [...(/<nav[\s\S]*<\/nav>/.exec(page)?.[0] ?? '').matchAll(/href="#(\w+)"/g)].map(
      (one) => one[1],
    );
    expect(linked).toEqual(SECTIONS);
  });

  it('are left out where the run has nothing for them', () => {
    const bare = htmlReport(sampleRun());
    for (const id of ['failures', 'changes', 'accuracy', 'roofline', 'overtime', 'peers'])
      expect(bare).not.toContain(`<section id="${id}"`);
    expect(sectionText('history', bare)).toContain('Every whole run appends a line');
  });

  it('are the same when the page is written again after another', () => {
    htmlReport(sampleRun());
    expect(htmlReport(whole)).toBe(page);
  });

  it('begin with the verdict, the counts and the worst of failures', () => {
    const head = plain(/<header[\s\S]*?<\/header>/.exec(page)?.[0] ?? '');
    expect(head).toContain('✗ Failed : 5 of 1,771 cases do not hold');
    expect(head).toMatch(/Values and gradients 1,673 of 1,675 .* ✗ failed/);
    expect(head).toContain('8 shortfalls, worst first; and 4 more');
    expect(head).toContain('softmax/0@float32,contiguous values: 3 of 391 elements');
    const good = plain(/<header[\s\S]*?<\/header>/.exec(htmlReport(wholeRun()))?.[0] ?? '');
    expect(good).toContain('✓ Passed : all 1,771 cases');
    expect(good).toMatch(
      /Nothing failed; closest to it: .*✓.*3×2 tensors against PyTorch 4\.\d+×, required 3\.00×/,
    );
  });

  it('puts the timing furthest from what it must reach first, and a wrong one before it', () => {
    const suites = whole.suites.map((suite) => {
      if (suite.suite !== 'bench') return suite;
      const rows = suite.rows!.map((row) =>
        row.id === 'K/torch' ? { ...row, required: { ratio: 99, held: false } } : row,
      );
      return { ...suite, rows };
    });
    const titles = shortfalls({ ...whole, suites }).flatMap((one) =>
      one.case ? [] : [one.title.slice(0, 7)],
    );
    expect(titles).toEqual(['softmax', 'K: one ', 'additio', '200 add']);
  });

  it('lists every shortfall once', () => {
    const found = shortfalls(whole);
    expect(found).toHaveLength(8);
    const text = sectionText('failures');
    for (const one of found) expect(text.split(one.title)).not.toHaveLength(1);
    expect(text).toContain('200 additions of 40 MB tensors, peak | 812 MB, at most 600 MB |');
  });
});

describe('accuracy', () => {
  const text = sectionText('accuracy');

  it('counts the calls within ½, 1 and 4 ULP, without the one whose truth is in doubt', () => {
    expect(text).toContain('Torchstone | 4 | 2 | 3 | 3 | 0 |');
    expect(text).toContain('NumPy | 2 | 0 | 0 | 1 | 0 |');
    expect(text).toContain('PyTorch | 4 | 1 | 2 | 3 | 6 |');
    expect(text).toContain("at least twice PyTorch's: matmul. The other way round: digamma.");
    expect(text).toContain('1 call left out');
  });

  it('shows the same figures beside the plot as in the tables', () => {
    expect(text).toContain(
      'exp | normal | 2,048 | 0.81, 0.26 | 1.90, 0.40 | 0.54, 0.26 | 1.9e-9 | (1.08332133): 2.95 for 2.9500001 |',
    );
    expect(text).toContain('matmul, 64 × 1,024 | 9.38 | 5.04 | 3.63 |');
    expect(text.match(/\| 9\.38 \|/g)?.length).toBe(2);
    expect(text).toContain('32.0 ?');
    expect(text).toContain('1 call exact everywhere.');
  });
});

describe('accuracy on the console', () => {
  it('is one line, and what is worse than PyTorch', () => {
    expect(consoleSummary(whole)).toContain(
      "Accuracy of float32 in 5 calls: ours 2 within ½ ULP, 3 within 1, of 4; NumPy 0 within ½ ULP, 0 within 1, of 2; PyTorch 1 within ½ ULP, 2 within 1, of 4\n  at least twice PyTorch's error: matmul",
    );
    expect(consoleSummary(sampleRun())).not.toContain('Accuracy');
  });
});

describe('gradients', () => {
  const text = sectionText('gradients');

  it('counts what agrees and what does not, and draws the wrong one first', () => {
    expect(text).toMatch(/gradient \| \d+ \| 1 \| 1 \|/);
    const titles = [...text.matchAll(/gradcheck\/(\w+)\/0 [✓✗]/g)].map((one) => one[1]);
    expect(titles[0]).toBe('tanh');
    expect([...titles].sort()).toEqual(['exp', 'sin', 'tanh']);
  });

  it('gives the curve as a table', () => {
    expect(text).toContain('analytic 1.0834 numeric, extrapolated 0.52155');
    expect(text).toContain('0.00781 | 0.560 |');
  });
});

describe('speed', () => {
  it('puts marks where their ratios are', () => {
    const rows = [0.5, 1, 2].map((at) => ({
      label: `r${at}`,
      figures: [{ text: '0.123456' }],
      marks: [{ who: 'numpy' as const, at }],
    }));
    const drawn = forest('test', rows, {
      axis: ratioAxis([]),
      text: tickText,
      line: 1,
      columns: ['NumPy'],
    }).text;
    const [wide = '', narrow = ''] = drawn.split('<svg').slice(1);
    for (const svg of [wide, narrow]) {
      const centres = [...svg.matchAll(/<polygon points="([\d.]+) [\d.]+ ([\d.]+) /g)].map(
        (one) => (Number(one[1]) + Number(one[2])) / 2,
      );
      const ticks = ['½×', '1×', '2×'].map((text) => {
        const at = svg.indexOf(`>${text}</text>`);
        return Number(/translate\(([\d.]+)/.exec(svg.slice(svg.lastIndexOf('<text', at), at))?.[1]);
      });
      expect(centres).toHaveLength(3);
      expect(svg).toContain('0.123456');
      centres.forEach((x, i) => void expect(x).toBeCloseTo(ticks[i]!, 0));
    }
  });

  it('shows in words what its marks show, with what is required', () => {
    const text = sectionText('timings');
    expect(text).toContain('2.4× of 3.0× ✗');
    expect(text).toContain('withheld ✗');
    for (const row of benchRows(whole).filter((one) => one.ratio && one.group === 'notebook'))
      expect(text).toContain(
        `${row.ratio!.median >= 10 ? row.ratio!.median.toFixed(1) : row.ratio!.median.toPrecision(2)}×`,
      );
  });

  it('holds rows under the roofline by operations a byte', () => {
    const of = (row: object) =>
      intensityOf({ ...benchRows(whole)[0]!, bytes: undefined, flops: undefined, size: undefined, ...row });
    expect(of({ bytes: 12, flops: 24 })).toBe(2);
    expect(of({ bytes: 12_000, size: 1000 })).toBeCloseTo(1 / 12);
    // A side, not elements.
    expect(of({ bytes: 5e6, size: 500 })).toBeUndefined();
    expect(of({ flops: 24 })).toBeUndefined();
    const text = sectionText('roofline');
    expect(text).toContain('memory bandwidth | 20.0 GB/s | copy of 100 MB |');
    expect(text).toMatch(
      /T4: matmul 1000×1000 \| 19\.2 ms \| 104 GFLOP\/s \| float32 arithmetic \| 35 % \| 167 FLOP\/B \|/,
    );
  });

  it('writes the fit of a scaling curve', () => {
    const text = sectionText('scaling');
    expect(text).toContain('ours: 300 ns + 0.0900 ns · n^1.00');
    expect(text).toContain(
      'add | float32 | Torchstone | 300 ns | 0.0900 ns | 1.00 | 100 to 10,000,000 (6) | 2 % |',
    );
  });

  it('shows blocks over time and what hit them', () => {
    const text = sectionText('overtime');
    expect(text).toContain('blocks timed | 2,880 |');
    expect(text).toContain('garbage collection | 12 |');
    expect(text).toContain('left out for it | 7 |');
    expect(text).toMatch(/30 \| [\d.]+ µs \| garbage collection \|/);
  });
});

describe('peers', () => {
  it('have their tallies, their operations, their times, and a reason where they are missing', () => {
    const text = sectionText('peers');
    expect(text).toContain('TensorFlow.js | 1.2.3 | 412 of 980 (42 %) | 168 | 400 | 0 | 0 | – | – | 0 |');
    expect(text).toContain('exp | · | ✗ 3 of 4 |');
    expect(text).toContain('12.0× (1.20 ms)');
    expect(text).toContain('Gone: not installed: npm install gone');
  });
});

describe('history', () => {
  it('charts runs of the same suites, times of the same machine, and lists all', () => {
    const text = sectionText('history');
    expect(text).toContain(
      '9 runs of reports/out/history.jsonl, oldest first; 1 run on other machines left out of the times; 1 line not readable.',
    );
    expect(text).toContain('9 | 2026-02-28 08:00 UTC | 1,680 | 0 |');
    expect(text).toContain('8 | 2026-02-28 08:00 UTC | 5.00 µs |');
    expect(text).toContain('commit4 | 1 | 1,640 | 2 | 2 |');
  });

  it('says how to begin where there is one run', () => {
    const one: RunResult = {
      ...whole,
      history: { ...whole.history!, lines: whole.history!.lines.slice(0, 1) },
    };
    expect(sectionText('history', htmlReport(one))).toContain('One run stands in reports/out/history.jsonl.');
  });
});
