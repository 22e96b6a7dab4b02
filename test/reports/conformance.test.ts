// What the reports make of a conformance run: the table, the totals, and that "not done" is as loud as "failed".
import { describe, expect, it } from 'vitest';
import {
  conformancePage,
  conformanceText,
  entryRows,
  entryState,
  wholeEntries,
} from '../../reports/conformance.js';
import { htmlReport } from '../../reports/html.js';
import { markdownReport } from '../../reports/markdown.js';
import { type CaseResult, type RunResult, RunResultSchema } from '../../reports/schema/index.js';
import { exitCode } from '../../reports/verdict.js';
import { suiteResult } from '../../suites/common/suite.js';
import { floorOf } from '../../suites/conformance/baseline.js';
import { sampleRun } from '../support/sample-run.js';

const tally = (passed: number, failed = 0, notDone = 0) => ({ passed, failed, notDone });
const one = (id: string, columns: CaseResult['columns'], more: Partial<CaseResult> = {}): CaseResult => ({
  id,
  suite: 'conformance',
  status: 'pass',
  compared: 10,
  seconds: 0.1,
  columns,
  ...more,
});
const cases: CaseResult[] = [
  one('add@float32', { forward: tally(3), backward: tally(3), double: tally(3) }),
  one('add@float64', { forward: tally(3), backward: tally(3), double: tally(3) }, { closer: 2 }),
  one('add@errors', { errors: tally(2) }),
  one(
    'svd<x>@float32',
    { forward: tally(1, 2), backward: tally(3) },
    {
      status: 'skip',
      reason: 'not at the floor: fails',
      message: 'sample 0: torch.svd(…)\n  forward fail: element [0]',
    },
  ),
  one('stft@float32', { forward: tally(0, 0, 4) }, { status: 'skip', reason: 'not at the floor: not done' }),
  one(
    'jiterator@float32',
    { forward: tally(0, 0, 1) },
    { status: 'skip', reason: 'cannot apply: needs CUDA' },
  ),
];

function run(): RunResult {
  const conformance = { mode: 'recorded' as const, torch: '2.13.0', entries: 702, empty: ['none/here'] };
  const suite = suiteResult('conformance', cases, 12, { conformance });
  return { ...sampleRun(), suites: [suite] };
}

describe('a conformance run', () => {
  const rows = entryRows(run().suites[0]!);
  it('is one row for each entry, with the worst of its dtypes', () => {
    expect(rows.map((row) => row.entry)).toEqual(['add', 'svd<x>', 'stft', 'jiterator']);
    const states = rows.map((row) => [entryState(row, 'forward'), entryState(row, 'errors')]);
    expect(states).toEqual([
      ['pass', 'pass'],
      ['fail', undefined],
      ['not done', undefined],
      ['not done', undefined],
    ]);
    expect(wholeEntries(rows)).toBe(1);
  });
  it('is read back from its file, and holds', () => {
    expect(RunResultSchema.parse(JSON.parse(JSON.stringify(run()))).suites[0]?.cases[0]?.columns).toEqual(
      cases[0]!.columns,
    );
    expect(exitCode(run())).toBe(0);
  });
  it('gives the floor to commit', () => {
    const floor = floorOf(cases);
    expect(floor.columns.forward).toEqual(['add']);
    expect(floor.columns.backward).toEqual(['add', 'svd<x>']);
    expect(floor.compared).toBe(60);
  });
  it('is told on the console, in Markdown and in HTML', () => {
    expect(conformanceText(run())).toMatch(/forward +1 of 4 +entries; calls: 7 passed, 2 failed, 5 not done/);
    expect(conformanceText(run())).toContain('2 results outside the tolerance');
    expect(markdownReport(run())).toContain('| forward | 1 of 4 | 7 | 2 | 5 |');
    const page = htmlReport(run());
    expect(page).toContain('svd&lt;x&gt;');
    expect(page).toContain('title="float32: 0 passed, 0 failed, 4 not done"');
    expect(page).not.toContain('<script');
  });
  it('has a page with what does not pass and what cannot apply', () => {
    const page = conformancePage(run());
    expect(page).toContain('| `svd<x>` | **fails** | ✓ |');
    expect(page).toContain('| `stft` | not done |');
    expect(page).toContain('- `jiterator`: needs CUDA.');
    expect(page).toContain('`none/here`');
    expect(page).not.toContain('| `add`');
  });
});
