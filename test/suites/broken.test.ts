// The CI check can fail: a broken value and a broken derivative make validate, gradcheck and the command line name the
// op and exit with 1.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Op } from '../../engine/registry/define.js';
import type { CaseResult } from '../../reports/schema/index.js';
import { type RegisteredOp, registeredOps } from '../../suites/common/registry.js';
import type { SuiteOptions } from '../../suites/common/suite.js';
import { gradcheckOps } from '../../suites/gradcheck/suite.js';
import { silentProgress } from '../../suites/runner/progress.js';
import { validateOps } from '../../suites/validate/index.js';
import { COMMAND, NODE_WORDS, urlOf } from '../support/program.js';
import { ROOT } from '../support/root.js';

// One scalar primitive's derivative is 1 % off, from the start: the engine derives gradients once and keeps them.
vi.mock('../../engine/pointwise/primitives.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../engine/pointwise/primitives.js')>();
  return {
    ...original,
    derivativeOf: (name: string) => {
      const right = original.derivativeOf(name);
      if (name !== 'tanh') return right;
      return (...args: Parameters<typeof right>) => right(...args).map((one) => one?.mul(1.01) ?? null);
    },
  };
});

const options = (filter: string): SuiteOptions => ({
  filter,
  seed: 1,
  signal: new AbortController().signal,
  progress: silentProgress(),
  fixtures: join(ROOT, 'fixtures'),
});

/** The registry with one op's function replaced. */
function withImpl(name: string, wrap: (op: Op) => Op['impl']): RegisteredOp[] {
  return registeredOps().map((one) =>
    one.name === name ? { ...one, op: { ...one.op, impl: wrap(one.op), inplace: one.op.inplace } } : one,
  );
}

const failures = (cases: readonly CaseResult[]) => cases.filter((one) => one.status === 'fail');

describe('a broken value', () => {
  const ops = withImpl(
    'mul',
    (op) =>
      (...args) =>
        (op.impl(...args) as { mul(by: number): unknown }).mul(1.0001),
  );
  test('is named by validate', async () => {
    const result = await validateOps(options('mul/'), { ops });
    expect(result.status).toBe('fail');
    const broken = failures(result.cases).find((one) => one.id === 'mul/shape-5x3@float32,contiguous');
    expect(broken).toMatchObject({ op: 'mul', checks: { values: 'fail', dtype: 'pass', shape: 'pass' } });
    expect(broken?.message).toMatch(/^mul: out0: \d+ of 15 elements differ/);
    expect(broken?.worst).toMatchObject({ what: 'out0', tolerance: expect.stringContaining('rtol') });
  });
  test('is not blamed on another op', async () => {
    const result = await validateOps(options('sub/*'), { ops });
    expect(failures(result.cases)).toEqual([]);
    expect(result).toMatchObject({ status: 'pass' });
  });
});

describe('a broken derivative of a primitive', () => {
  test('is named by validate, the values being right', async () => {
    const result = await validateOps(options('tanh/shape-'));
    const broken = failures(result.cases).find((one) => one.id === 'tanh/shape-5x3@float32,contiguous');
    expect(broken).toMatchObject({ op: 'tanh', checks: { values: 'pass', gradients: 'fail' } });
    expect(broken?.message).toMatch(/^tanh: grad of in0: \d+ of 15 elements differ/);
  });
  test('is named by gradcheck, with the entry', async () => {
    const result = await gradcheckOps(options('tanh/shape-5x3'));
    expect(result.status).toBe('fail');
    const [broken] = failures(result.cases);
    expect(broken).toMatchObject({ op: 'tanh', checks: { gradcheck: 'fail' } });
    expect(broken?.message).toMatch(
      /^tanh: gradient: \d+ of \d+ Jacobian entries are wrong\n {2}worst: d out0\[/,
    );
    expect(Number(broken?.worst?.got) / Number(broken?.worst?.want)).toBeCloseTo(1.01, 6);
  });
  test('does not touch an op that does not use it', async () => {
    const result = await gradcheckOps(options('exp/shape-5x3'));
    expect(result).toMatchObject({ status: 'pass' });
    expect(result.compared).toBeGreaterThan(0);
  });
});

describe('the command line', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(ROOT, 'test', '.broken-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the command in a process in which `code` has changed the engine first. */
  function run(
    command: string,
    filter: string,
    code: string,
  ): { status: number | null; text: string; results: string } {
    const hook = join(folder, 'hook.mjs');
    const json = join(folder, 'results.json');
    const [engine, define] = [urlOf('engine/index'), urlOf('engine/registry/define')];
    writeFileSync(hook, `import '${engine}';\nimport { ops, rewire } from '${define}';\n${code}\n`);
    const words = [command, '--filter', filter, '--json', json, '--out', join(folder, 'out'), '--quiet'];
    const args = [...NODE_WORDS, '--import', pathToFileURL(hook).href, COMMAND, ...words];
    const done = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
    return { status: done.status, text: `${done.stdout}${done.stderr}`, results: readFileSync(json, 'utf8') };
  }

  test('leaves with 0 when nothing is broken', () => {
    expect(run('validate', 'mul/shape-5x3', '').status).toBe(0);
  });
  test('leaves with 1 and names the op of a broken value', () => {
    const code =
      "rewire(ops.get('mul'), (run, inPlace) => (inPlace ? run : (...args) => run(...args).add(0.001)));";
    const { status, text, results } = run('validate', 'mul/shape-5x3', code);
    expect(status).toBe(1);
    expect(text).toContain('mul/shape-5x3@float32,contiguous');
    expect(results).toContain('mul: out0: ');
  });
  test('leaves with 1 and names the op of a broken derivative', () => {
    const code = `rewire(ops.get('mul'), (run, inPlace) => inPlace ? run : (...args) => {
      const y = run(...args);
      if (y.requiresGrad) y.registerHook((g) => g.add(g));
      return y;
    });`;
    const { status, text, results } = run('gradcheck', 'mul/shape-5x3', code);
    expect(status).toBe(1);
    expect(text).toContain('mul/shape-5x3');
    expect(results).toMatch(/mul: gradient: \d+ of \d+ Jacobian entries are wrong/);
  });
});
