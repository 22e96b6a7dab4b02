// Exit codes of a run, the expectations file, baselines, and the cost of a crash.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { addonPath } from '../../../engine/backend/addon.js';
import { annotations } from '../../../reports/github.js';
import { jsonLines } from '../../../reports/jsonl.js';
import { type CaseResult, type RunResult, RunResultSchema } from '../../../reports/schema/index.js';
import { exitCode, verdictSentence } from '../../../reports/verdict.js';
import { writeReports } from '../../../reports/write.js';
import { readArguments, UsageError } from '../../../suites/cli/args.js';
import { oneOfEach, type SelectedCase } from '../../../suites/common/select.js';
import { suiteResult } from '../../../suites/common/suite.js';
import { begin, finish, readJournal } from '../../../suites/runner/crash-log.js';
import { eachCase } from '../../../suites/runner/each-case.js';
import {
  applyExpectations,
  type Expectation,
  KINDS,
  readExpectations,
} from '../../../suites/runner/expectations.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import { changesSince } from '../../../suites/runner/regression-diff.js';
import { COMMAND, NODE_WORDS } from '../../support/program.js';
import { ROOT } from '../../support/root.js';
import { sampleRun } from '../../support/sample-run.js';

const folder = mkdtempSync(join(tmpdir(), 'torchstone-gate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const passing = (id: string): CaseResult => ({
  id,
  suite: 'validate',
  status: 'pass',
  seconds: 0,
  compared: 4,
});
const failing = (id: string, ...kinds: string[]): CaseResult => ({
  ...passing(id),
  status: 'fail',
  checks: Object.fromEntries(kinds.map((kind) => [kind, 'fail' as const])),
});
/** A run of one validate suite with these cases. */
const runOf = (...cases: CaseResult[]): RunResult =>
  RunResultSchema.parse({ ...sampleRun(), suites: [suiteResult('validate', cases, 1)] });

const today = '2026-11-23';
const occasion = { file: 'expectations.json', today, asked: () => true };
const expected = (id: string, change: Partial<Expectation> = {}): Expectation => ({
  ...{ suite: 'validate', id, kind: 'values', reason: 'a known difference in rounding' },
  ...{ added: '2026-11-01', expires: '2026-12-31' },
  ...change,
});

describe('the exit code', () => {
  const row = sampleRun()
    .suites.flatMap((suite) => suite.rows ?? [])
    .find((one) => one.ratio)!;
  const timed = (change: object): RunResult => ({
    ...sampleRun(),
    suites: [suiteResult('bench', [], 1, { rows: [{ ...row, ...change }] })],
  });

  it('tells wrong from slower from undecided', () => {
    expect(exitCode(runOf(passing('a'), failing('b', 'values')))).toBe(1);
    expect(exitCode(timed({ required: { ratio: 100, held: false } }))).toBe(3);
    expect(exitCode(timed({ required: { ratio: 100, held: false }, correct: false }))).toBe(1);
    const near = timed({
      ratio: { low: 0.9, median: 1.05, high: 1.2 },
      required: { ratio: 1, held: true },
    });
    expect(exitCode(near)).toBe(0);
    expect(exitCode({ ...near, strictNoise: true })).toBe(4);
    expect(verdictSentence({ ...near, strictNoise: true })).toContain('undecided');
  });

  it('takes a build that was shown to be as fast as another for decided', () => {
    const raced = (verdict: string) =>
      timed({
        ratio: { low: 0.99, median: 1, high: 1.01 },
        required: { ratio: 1, held: true },
        reference: 'build',
        decision: { verdict, p: 0.5, seen: 0.01 },
      });
    expect(exitCode({ ...raced('same'), strictNoise: true })).toBe(0);
    expect(exitCode({ ...raced('inconclusive'), strictNoise: true })).toBe(4);
  });

  it('tells an edited fixture from a filter without a match', () => {
    const error = (code: number) => ({
      ...runOf(passing('a')),
      suites: [{ ...suiteResult('validate', [], 1), status: 'error' as const, reason: 'no', code }],
    });
    expect(exitCode(error(5))).toBe(5);
    expect(exitCode(error(6))).toBe(6);
    expect(exitCode(error(2))).toBe(2);
    expect(exitCode({ ...runOf(), suites: [] })).toBe(6);
  });
});

describe('the expectations file', () => {
  const judge = (run: RunResult, ...list: Expectation[]) => applyExpectations(run, list, occasion);

  it('excuses exactly what it names', () => {
    const held = judge(runOf(passing('a'), failing('b', 'values')), expected('b'));
    expect(exitCode(held)).toBe(0);
    expect(held.suites[0]!.counts).toMatchObject({ passed: 1, failed: 0, skipped: 1 });
    expect(held.suites[0]!.cases[1]).toMatchObject({ status: 'skip', expected: 'values' });
  });

  it.each([
    ['holds after all', runOf(passing('b')), expected('b'), /but holds/, 7],
    [
      'has expired',
      runOf(passing('a'), failing('b', 'values')),
      expected('b', { expires: '2026-11-22' }),
      /expired/,
      1,
    ],
    ['names nothing', runOf(passing('a')), expected('gone'), /names nothing/, 7],
    ['is of another kind', runOf(failing('b', 'values', 'dtype')), expected('b'), /dtype/, 1],
  ])('is refused where it %s', (_, run, one, problem, code) => {
    const held = judge(run, one);
    expect(held.expectations!.broken[0]!.problem).toMatch(problem);
    expect(exitCode(held)).toBe(code);
  });

  it('does not ask for what was not run', () => {
    const part = applyExpectations(runOf(passing('a')), [expected('gone')], {
      ...occasion,
      asked: () => false,
    });
    expect(exitCode(part)).toBe(0);
    const asked = (_: string, id: string) => id === 'gone';
    const filtered = applyExpectations(runOf(passing('a')), [expected('gone')], { ...occasion, asked });
    expect(exitCode(filtered)).toBe(7);
  });

  it('knows every check that a case may fail in', async () => {
    const checks = new Set<string>();
    for (const path of ['validate/replay.ts', 'gradcheck/outcome.ts']) {
      const text = readFileSync(join(ROOT, 'suites', path), 'utf8');
      for (const [, name] of text.matchAll(/#check\(\s*'(\w+)'/g)) checks.add(name!);
      for (const [, a, b] of text.matchAll(/(?:'(\w+ \w+)'|(gradcheck|gradgradcheck)): (?:short|statusOf)/g))
        checks.add((a ?? b)!);
    }
    expect(checks.size).toBeGreaterThan(10);
    expect([...checks].filter((name) => !(KINDS as readonly string[]).includes(name))).toEqual([]);
  });

  it('is checked', () => {
    const file = join(folder, 'expectations.json');
    writeFileSync(file, JSON.stringify({ expectations: [{ ...expected('b'), reason: 'no' }] }));
    expect(() => readExpectations(file)).toThrow('a reason that explains');
    writeFileSync(file, JSON.stringify({ expectations: [expected('b'), expected('b')] }));
    expect(() => readExpectations(file)).toThrow('two expectations for b');
  });
});

describe('a baseline', () => {
  it('shows what changed, and refuses fewer compared elements', () => {
    const before = runOf(passing('a'), failing('b', 'values'), passing('c'));
    const now = runOf(failing('a', 'values'), passing('b'), passing('d'));
    const changes = changesSince(before, now, 'results.json');
    expect(changes).toMatchObject({
      worse: ['validate/a'],
      better: ['validate/b'],
      gone: ['validate/c'],
      added: 1,
    });
    const less = runOf(passing('a'));
    const held = { ...less, changes: changesSince(before, less, 'results.json') };
    expect(held.changes.fewer).toEqual([{ suite: 'validate', before: 12, after: 4 }]);
    expect(exitCode(held)).toBe(6);
    expect(verdictSentence(held)).toContain('validate compared 4 elements, the baseline 12');
  });

  it('holds a part of a run to what it was asked for', () => {
    const before = runOf(passing('op/a'), passing('op/b'), passing('other/c'));
    const filtered = (suite: string, id: string) => suite === 'validate' && id.startsWith('op/');
    const lost = changesSince(before, runOf(passing('op/a')), 'r.json', filtered);
    expect(lost).toMatchObject({
      gone: ['validate/op/b'],
      fewer: [{ suite: 'validate', before: 8, after: 4 }],
    });
    const all = changesSince(before, runOf(passing('op/a'), passing('op/b')), 'r.json', filtered);
    expect(all).toMatchObject({ gone: [], fewer: [] });
    // Of a shard nothing is known but what it ran.
    const shard = (compared: number) =>
      changesSince(before, runOf({ ...passing('op/b'), compared }), 'r.json', () => false);
    expect(shard(4)).toMatchObject({ gone: [], fewer: [] });
    expect(shard(3).fewer).toEqual([{ suite: 'validate', before: 4, after: 3 }]);
  });

  it('is in every report', async () => {
    const run = { ...sampleRun(), changes: changesSince(runOf(passing('a')), runOf(passing('z')), 'r.json') };
    for (const path of await writeReports(run, join(folder, 'reports'))) expect(path).toBeTruthy();
    expect(
      jsonLines(run)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .at(-1),
    ).toMatchObject({ exitCode: 0 });
  });
});

describe('annotations', () => {
  it('name failures, escaped, ten at most', () => {
    const cases = Array.from({ length: 14 }, (_, i) => ({
      ...failing(`op/${i}@a,b`, 'values'),
      message: 'x\n100%',
    }));
    const lines = annotations(runOf(...cases))
      .trim()
      .split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe('::error title=op/0@a%2Cb::op/0@a,b: x%0A100%25');
    expect(lines.at(-1)).toContain('5 more shortcomings');
    expect(annotations(runOf(passing('a')))).toBe('');
  });
});

describe('the loop over cases', () => {
  const cases = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }));
  const loop = { signal: new AbortController().signal, progress: silentProgress() };
  const ran = async (options: object, check = (one: { id: string }) => passing(one.id)) =>
    (await eachCase('validate', cases, { ...loop, ...options }, check)).map((one) => one.id).join('');

  it('takes its shard, leaves what is done, stops after too many failures', async () => {
    expect(await ran({ shard: { index: 0, count: 2 } })).toBe('ace');
    expect(await ran({ shard: { index: 1, count: 2 } })).toBe('bd');
    expect(await ran({ done: ['a', 'c'] })).toBe('bde');
    expect(await ran({ maxFailures: 2 }, (one) => failing(one.id))).toBe('ab');
  });

  it('writes down which case is in hand before it begins', async () => {
    const journal = join(folder, 'journal');
    writeFileSync(journal, '');
    const seen: (string | undefined)[] = [];
    await ran({ journal }, (one) => {
      seen.push(readJournal(journal).inHand);
      return passing(one.id);
    });
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(readJournal(journal)).toEqual({ finished: cases.map((one) => passing(one.id)) });
    begin(journal, 'f');
    finish(journal, passing('f'));
    begin(journal, 'g');
    writeFileSync(journal, '{"id":"cut', { flag: 'a' });
    expect(readJournal(journal).inHand).toBe('g');
  });

  it.each(['--shard=3/2', '--shard=1', '--jobs=0', '--max-failures=x'])('%s is refused', (word) => {
    expect(() => readArguments(['validate', word])).toThrow(UsageError);
  });
});

describe('a kernel that aborts', () => {
  it('costs one case, in the one suite and in two processes', { timeout: 180_000 }, () => {
    const patch = join(folder, 'abort.cjs');
    // The fifth scan of the first process ends it, as a failed assertion in native code would.
    writeFileSync(
      patch,
      `const fs = require('node:fs'), flag = process.env.ABORTED;
const addon = require(${JSON.stringify(addonPath)}), scan = addon.scan;
let calls = 0;
addon.scan = () => { if (++calls === 5 && !fs.existsSync(flag)) { fs.writeFileSync(flag, ''); process.abort(); } return scan(); };`,
    );
    for (const jobs of ['1', '2']) {
      const env = {
        ...process.env,
        NODE_OPTIONS: `--require=${patch}`,
        ABORTED: join(folder, `aborted-${jobs}`),
      };
      const words = [COMMAND, 'validate', '--filter=cumsum/*', '--jobs', jobs, '--quiet', '--json'];
      const out = ['--out', join(folder, `out-${jobs}`)];
      const args = [...NODE_WORDS, ...words, ...out];
      const done = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 1e9 });
      const run = RunResultSchema.parse(JSON.parse(done.stdout));
      const suite = run.suites[0]!;
      expect(done.status).toBe(1);
      expect(suite.counts).toMatchObject({ failed: 1, errors: 0 });
      expect(suite.counts.passed).toBeGreaterThan(20);
      const short = suite.cases.find((one) => one.status === 'fail')!;
      expect(short.id).toMatch(/^cumsum\//);
      expect(short.message).toContain('SIGABRT');
      expect(short.checks).toEqual({ crash: 'fail' });
      expect(new Set(suite.cases.map((one) => one.id)).size).toBe(suite.cases.length);
    }
  });
});

describe('one case of each op', () => {
  const one = (id: string, shape: readonly number[], gradients: boolean[], fails = false): SelectedCase => ({
    id,
    opName: id.split('/')[0]!,
    recorded: {
      ...{ id, op: 'f', torch: 'f', variant: 'function', args: [], kwargs: {}, gradients, seed: 0 },
      inputs: [{ dtype: 'float32', shape: [...shape], strides: [], offset: 0, grad: true }],
      ...(fails ? { error: { class: 'RuntimeError', message: '' } } : { outputs: [] }),
    },
  });

  it('is the first with a gradient, else the first with a result; empty tensors show nothing', () => {
    const chosen = oneOfEach([
      ...[one('f/0', [2], [], true), one('f/1', [0], [true]), one('f/2', [2], [])],
      ...[one('f/3', [2], [true]), one('f/4', [2], [true])],
      ...[one('g/0', [2], [], true), one('g/1', [2], []), one('h/0', [2], [], true)],
    ]);
    expect(chosen.map(({ id }) => id)).toEqual(['f/3', 'g/1', 'h/0']);
  });
});
