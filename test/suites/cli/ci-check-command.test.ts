// The CI check by the commands that a user runs: expectations, baselines, GitHub annotations, Ctrl-C, shards.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunResult, RunResultSchema } from '../../../reports/schema/index.js';
import { main } from '../../../suites/cli/main.js';
import { whileChanging } from '../../../suites/cli/watch.js';
import { quoted } from '../../../suites/common/shell.js';
import type { Expectation } from '../../../suites/runner/expectations.js';
import { COMMAND, NODE_WORDS } from '../../support/program.js';
import { ROOT } from '../../support/root.js';
import { sampleRun } from '../../support/sample-run.js';

const BIN = [...NODE_WORDS, COMMAND];
const folder = mkdtempSync(join(tmpdir(), 'torchstone-gate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const LOSS = at("user's loss.mjs");
const GOOD = `${LOSS}#good`;
const BAD = `${LOSS}#bad`;
beforeAll(() => {
  writeFileSync(
    LOSS,
    `export const good = (x) => x.sin();
export const bad = (x) => { const y = x.sin(); if (y.requiresGrad) y.registerHook((g) => g.mul(1.01)); return y; };
export const partly = (x) => (x.tolist()[0] > 0 ? bad(x) : good(x));
export const scalar = (x) => { const y = x.mul(x); if (y.requiresGrad) y.registerHook((g) => g.neg()); return y; };`,
  );
});

/** The command in this process: its exit code and what it wrote. */
async function run(...words: string[]) {
  let [out, err] = ['', ''];
  const to = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    colour: false,
  };
  const code = await main(words, to);
  return { code, out, err };
}
/** The command in a process of its own: a check of a user's function starts another one from what this is. */
function runApart(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [...BIN, ...words], { cwd: ROOT });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  return new Promise((done) => child.on('close', (code) => done({ code, out, err })));
}
const gradcheck = (target: string, ...words: string[]) =>
  runApart('gradcheck', target, '--shape', '3', '--quiet', '--quick', ...words);

const expectation = (id: string, change: Partial<Expectation> = {}): Expectation => ({
  ...{ suite: 'gradcheck', id, kind: 'gradcheck', reason: 'a factor that is known' },
  ...{ added: '2026-11-01', expires: '2999-12-31' },
  ...change,
});
describe('expectations, by the command', () => {
  // An id has no white space: the target of a check under expectations must have none either.
  const target = `${at('plain.mjs')}#partly`;
  let failing: string[];
  beforeAll(async () => {
    writeFileSync(at('plain.mjs'), readFileSync(LOSS, 'utf8'));
    expect((await gradcheck(target, '--json', at('partly.json'))).code).toBe(1);
    const run = RunResultSchema.parse(JSON.parse(readFileSync(at('partly.json'), 'utf8')));
    failing = run.suites[0]!.cases.filter((one) => one.status === 'fail').map((one) => one.id);
    expect(failing.length).toBeGreaterThan(0);
    expect(failing.length).toBeLessThan(3);
  });
  const under = (...list: Expectation[]) => {
    writeFileSync(at('expectations.json'), JSON.stringify({ expectations: list }));
    return gradcheck(target, '--expectations', at('expectations.json'));
  };
  const known = () => failing.map((id) => expectation(id));

  it('excuse what they name exactly', async () => {
    expect(await under(...known())).toMatchObject({ code: 0 });
  });
  it.each([
    ['unmatched', 7, 'names nothing', () => [...known(), expectation(`${target}/point-9`)]],
    ['of what holds', 7, 'but holds', () => [0, 1, 2].map((k) => expectation(`${target}/point-${k}`))],
    ['expired', 1, 'expired on', () => failing.map((id) => expectation(id, { expires: '2026-11-02' }))],
    [
      'of another kind',
      1,
      'but did in gradcheck',
      () => failing.map((id) => expectation(id, { kind: 'values' })),
    ],
  ] as const)('%s: %d, with the words', async (_, code, words, list) => {
    expect(await under(...list())).toMatchObject({ code, out: expect.stringContaining(words) });
  });
});

describe('a baseline, by the command', () => {
  it('ends with 6 where less is compared than then, and with 5 where the file is not there', async () => {
    expect((await gradcheck(GOOD, '--json', at('base.json'))).code).toBe(0);
    const base = RunResultSchema.parse(JSON.parse(readFileSync(at('base.json'), 'utf8')));
    expect((await gradcheck(GOOD, '--baseline', at('base.json'))).code).toBe(0);
    base.suites[0]!.cases[0]!.compared += 1;
    writeFileSync(at('base.json'), JSON.stringify(base));
    const less = await gradcheck(GOOD, '--baseline', at('base.json'));
    expect(less).toMatchObject({
      code: 6,
      out: expect.stringContaining('compared 27 elements, the baseline 28'),
    });
    expect((await gradcheck(GOOD, '--baseline', at('none.json'))).code).toBe(5);
  });
});

describe('what is written', () => {
  it('in a GitHub workflow: annotations, and the step summary appended', async () => {
    const summary = at('summary.md');
    writeFileSync(summary, '# Before\n');
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    vi.stubEnv('GITHUB_STEP_SUMMARY', summary);
    const { err } = await gradcheck(BAD).finally(() => vi.unstubAllEnvs());
    expect(err.match(/^::error title=.*point-\d::.*Jacobian entries are wrong%0A/gm)).toHaveLength(3);
    const text = readFileSync(summary, 'utf8');
    expect(text).toMatch(/^# Before\n/);
    expect(text).toContain('**Failed: 3 of 3 cases do not hold');
    expect(text.match(/^```/gm)!.length % 2).toBe(0);
    expect((await gradcheck(BAD)).err).not.toContain('::error');
  });

  it('is JSON line by line, and JUnit that nests as XML must', async () => {
    await gradcheck(BAD, '--jsonl', at('run.jsonl'), '--out', at('reports'));
    const lines = readFileSync(at('run.jsonl'), 'utf8').trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { type: string; exitCode?: number });
    expect(parsed).toHaveLength(4);
    expect(parsed.at(-1)).toMatchObject({ exitCode: 1 });
    const xml = readFileSync(join(at('reports'), 'junit.xml'), 'utf8');
    expect(elementsOf(xml)).toEqual({ testsuites: 1, testsuite: 1, testcase: 3, failure: 3 });
    const run = RunResultSchema.parse(JSON.parse(readFileSync(join(at('reports'), 'results.json'), 'utf8')));
    expect(run.suites[0]!.cases[0]!.curve!.points.length).toBeGreaterThan(15);
  });

  it('a replay line runs as it is copied, spaces and quotes and 0-d shapes included', async () => {
    const { out } = await runApart('gradcheck', `${LOSS}#scalar`, '--shape', ',', '--quiet', '--seed', '3');
    const line = /^ {2}replay: npx torchstone (.*)$/m.exec(out)![1]!;
    expect(line).toContain('--shape , --seed 3');
    const shell = spawnSync('sh', ['-c', `node ${BIN.map(quoted).join(' ')} ${line} --quiet`], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(shell.status).toBe(1);
    expect(shell.stdout).toContain('3 of 3 cases do not hold');
  });
});

/** How many elements of each name; throws where tags do not nest or text is not escaped. */
function elementsOf(xml: string): Record<string, number> {
  const found: Record<string, number> = {};
  const open: string[] = [];
  const body = xml.replace(/^<\?xml[^>]*\?>/, '');
  for (const [tag, closing, name, , self] of body.matchAll(
    /<(\/?)([\w]+)((?:\s+[\w:]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (closing) expect(open.pop()).toBe(name);
    else {
      found[name!] = (found[name!] ?? 0) + 1;
      if (!self) open.push(name!);
    }
    expect(tag).toBeTruthy();
  }
  expect(open).toEqual([]);
  const rest = body.replace(/<\/?[\w]+(?:\s+[\w:]+="[^"<]*")*\s*\/?>/g, '');
  expect(rest).not.toMatch(/[<]|&(?!(amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)/i);
  return found;
}

it('--strict-noise stays with the run: an undecided required ratio ends with 4 wherever it is told', async () => {
  const row = sampleRun()
    .suites.flatMap((suite) => suite.rows ?? [])
    .find((one) => one.ratio)!;
  const near = { ...row, ratio: { low: 0.9, median: 1.05, high: 1.2 }, required: { ratio: 1, held: true } };
  const bench = sampleRun().suites.find((suite) => suite.suite === 'bench')!;
  const noisy: RunResult = {
    ...sampleRun(),
    suites: [{ ...bench, status: 'pass', memory: [], rows: [near] }],
  };
  for (const [strictNoise, code] of [
    [true, 4],
    [false, 0],
  ] as const) {
    writeFileSync(at('noisy.json'), JSON.stringify({ ...noisy, strictNoise }));
    expect((await run('report', at('noisy.json'), '--out', at('noisy'), '--quiet')).code).toBe(code);
  }
});

describe('a run of processes', () => {
  it('keeps what Ctrl-C left finished, marked partial in every file', { timeout: 120_000 }, async () => {
    const out = at('interrupted');
    const words = [...BIN, 'gradcheck', '--out', out, '--jsonl', at('interrupted.jsonl')];
    const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    child.stderr.on('data', (data: Buffer) => {
      const begun = told.includes('gradcheck (');
      told += data;
      // The suite says how many cases there are as it begins the first.
      if (!begun && told.includes('gradcheck (')) setTimeout(() => child.kill('SIGINT'), 1500);
    });
    const code = await new Promise((done) => child.on('close', done));
    expect(code).toBe(130);
    const run = RunResultSchema.parse(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')));
    expect(run.partial).toBe(true);
    expect(run.suites[0]!.cases.length).toBeGreaterThan(0);
    expect(run.suites[0]!.cases.length).toBeLessThan(2000);
    expect(run.suites[0]!.counts.failed).toBe(0);
    for (const name of ['report.md', 'index.html'])
      expect(readFileSync(join(out, name), 'utf8')).toContain('Interrupted');
    expect(readFileSync(at('interrupted.jsonl'), 'utf8').trim().split('\n').at(-1)).toContain(
      '"exitCode":130',
    );
  });

  it('takes one case of each op', { timeout: 60_000 }, () => {
    const words = ['validate', '--each-op', '--filter=ad*', '--quiet', '--json', '--out', at('each')];
    const done = spawnSync(process.execPath, [...BIN, ...words], {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 1e9,
    });
    const cases = RunResultSchema.parse(JSON.parse(done.stdout)).suites[0]!.cases;
    const ops = cases.map((one) => one.op);
    expect(ops).toContain('addmm');
    expect(new Set(ops).size).toBe(ops.length);
  });

  it('is the whole of its shards', { timeout: 120_000 }, () => {
    const ids = (...words: string[]) => {
      const all = [
        ...BIN,
        'validate',
        '--filter=softsign/*',
        '--quiet',
        '--json',
        '--out',
        at('shards'),
        ...words,
      ];
      const done = spawnSync(process.execPath, all, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1e9 });
      const run = RunResultSchema.parse(JSON.parse(done.stdout));
      return run.suites.flatMap((suite) => suite.cases.map((one) => one.id));
    };
    const whole = ids('--jobs', '2');
    const parts = ['1/2', '2/2'].flatMap((shard) => ids('--shard', shard));
    expect(whole.length).toBeGreaterThan(5);
    expect(new Set(parts).size).toBe(parts.length);
    expect([...parts].sort()).toEqual([...whole].sort());
  });
});

describe('--watch', () => {
  it('runs again after a change, one made during the run included, and ends with Ctrl-C', async () => {
    const codes = [1, 1, 0];
    let runs = 0;
    const file = at('watched.txt');
    const once = async () => {
      // The first change comes while the run is on, the second after it.
      if (runs === 0) writeFileSync(file, 'a');
      if (runs === 1) setTimeout(() => writeFileSync(file, 'b'), 100);
      if (runs === 2) setTimeout(() => process.emit('SIGINT'), 100);
      return codes[runs++]!;
    };
    const said: string[] = [];
    const code = await whileChanging(once, (text) => said.push(text), [folder]);
    expect(runs).toBe(3);
    expect(code).toBe(0);
    expect(said.filter((text) => text.includes('watched.txt changed'))).toHaveLength(2);
    expect(existsSync(file)).toBe(true);
  });
});
