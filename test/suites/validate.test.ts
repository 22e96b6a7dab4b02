// The validate suite against recordings that are wrong in one respect each: every check must fail and name the op.
import { describe, expect, test } from 'vitest';
import * as engine from '../../engine/index.js';
import { serializeNpz } from '../../engine/io/npz.js';
import { call, t } from '../../engine/registry/samples.js';
import { CannotRunError, type CaseResult } from '../../reports/schema/index.js';
import { type Case, casesOf, idMatcher } from '../../suites/common/cases.js';
import { Fixtures } from '../../suites/common/fixtures.js';
import type { FixtureCase, FixtureInput, Manifest, TensorOutput } from '../../suites/common/manifest.js';
import { type RegisteredOp, registeredOps } from '../../suites/common/registry.js';
import type { SuiteOptions } from '../../suites/common/suite.js';
import { silentProgress } from '../../suites/runner/progress.js';
import { validateCase, validateOps } from '../../suites/validate/index.js';
import {
  KNOWN_DIFFERENCES,
  type KnownDifference,
  type KnownDifferences,
} from '../../suites/validate/known-differences.js';

type Arrays = Record<string, { data: Float32Array; shape: number[]; dtype: string }>;

const array = (...values: number[]) => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'float32',
});

/** A registered op with one sample, without the derived ones. */
function only(name: string, sample = call([t([3])]), change: Partial<RegisteredOp['op']> = {}): RegisteredOp {
  const found = registeredOps().find((op) => op.name === name);
  if (!found) throw new Error(`the registry has no ${name}`);
  // What an op runs is an accessor of its class.
  const { impl, inplace } = found.op;
  const op = { ...found.op, impl, inplace, ...change };
  return {
    ...found,
    op,
    samples: [sample],
    errors: [],
    variants: ['function', 'method', 'inplace'],
    pointwise: undefined,
  };
}

function fixturesOf(name: string, cases: readonly FixtureCase[], arrays: Arrays): Fixtures {
  const manifest: Manifest = {
    schema: 1,
    generator: '',
    python: '3',
    numpy: '2',
    torch: '2.13.0',
    seed: 0,
    files: [],
  };
  const files = new Map([
    [`ops/${name}.json`, Buffer.from(JSON.stringify(cases))],
    [`ops/${name}.npz`, Buffer.from(serializeNpz(new Map(Object.entries(arrays))))],
  ]);
  return new Fixtures(manifest, files);
}

const ID = 'neg/0@float32,contiguous';
const input: FixtureInput = { dtype: 'float32', shape: [3], strides: [1], offset: 0, grad: true };
const output: TensorOutput = { dtype: 'float32', shape: [3], strides: [1], isView: false, grad: true };
const right: Arrays = {
  in0: array(1, -2, 0.5),
  out0: array(-1, 2, -0.5),
  gout0: array(1, 2, 3),
  gin0: array(-1, -2, -3),
};

/** −x recorded; `change` and `arrays` say what is recorded wrongly. */
function replayNeg(
  change: Partial<FixtureCase> = {},
  arrays: Arrays = {},
  op: RegisteredOp = only('neg'),
  differences?: KnownDifferences,
): CaseResult {
  const variant = change.variant ?? 'function';
  const id = variant === 'function' ? ID : `${ID},${variant}`;
  const recorded: FixtureCase = {
    id,
    op: 'neg',
    torch: 'torch.neg',
    variant,
    args: [{ tensor: { shape: [3] } }],
    kwargs: {},
    inputs: [input],
    outputs: [output],
    gradients: [true],
    seed: 0,
    ...change,
  };
  const named = Object.fromEntries(
    Object.entries({ ...right, ...arrays }).map(([key, one]) => [`${id}/${key}`, one]),
  );
  const declared = casesOf(op).find((one: Case) => one.id === id);
  const fixtures = fixturesOf('neg', [recorded], named);
  return validateCase({ id, opName: 'neg', op, declared, recorded }, fixtures, differences);
}

describe('a replay', () => {
  test('of a right recording passes, and counts what it compared', () => {
    const result = replayNeg();
    expect(result).toMatchObject({ status: 'pass', compared: 6, op: 'neg', suite: 'validate' });
    expect(result.checks).toEqual({
      dtype: 'pass',
      shape: 'pass',
      aliasing: 'pass',
      values: 'pass',
      gradients: 'pass',
      inputs: 'pass',
    });
    expect(result.replay).toBe(`npx torchstone replay '${ID}'`);
  });
  test.each([['method'], ['inplace']] as const)('as %s passes too', (variant) => {
    const view = variant === 'inplace' ? { outputs: [{ ...output, isView: true }] } : {};
    expect(replayNeg({ variant, ...view })).toMatchObject({ status: 'pass' });
  });
  test('of a wrong value names op, element and distance', () => {
    const result = replayNeg({}, { out0: array(-1, 2.5, -0.5) });
    expect(result).toMatchObject({ status: 'fail', checks: { values: 'fail' } });
    expect(result.message).toMatch(
      /^neg: out0: 1 of 3 elements differ .*\n {2}worst by ulp: \[1\] got 2, want 2.5/,
    );
    expect(result.worst).toMatchObject({ what: 'out0', index: [1], got: 2, want: 2.5 });
  });
  test.each([
    ['dtype', { outputs: [{ ...output, dtype: 'float64' }] }, 'dtype is float32, want float64'],
    ['shape', { outputs: [{ ...output, shape: [1, 3], strides: [3, 1] }] }, 'shape is [3], want [1,3]'],
    ['aliasing', { outputs: [{ ...output, isView: true }] }, 'has memory of its own, in PyTorch it shares'],
    ['text', { outputs: [{ ...output, text: 'tensor(1.)' }] }, 'PyTorch prints'],
    ['gradients', { gradients: [false] }, 'is there, PyTorch gives None'],
    [
      'gradients',
      { outputs: [{ ...output, grad: undefined }] },
      'outputs that require grad: out0; in PyTorch none',
    ],
    ['values', { outputs: [output, output] }, 'returns 1 results, PyTorch 2'],
    [
      'errors',
      { outputs: undefined, gradients: [], error: { class: 'RuntimeError', message: 'no' } },
      'PyTorch raises RuntimeError: no',
    ],
  ] satisfies [string, Partial<FixtureCase>, string][])('with a wrong %s fails', (check, change, text) => {
    const result = replayNeg(change);
    expect(result).toMatchObject({ status: 'fail', checks: { [check]: 'fail' } });
    expect(result.message).toContain(text);
  });
  test('with a wrong gradient fails', () => {
    const result = replayNeg({}, { gin0: array(-1, -2, 3) });
    expect(result.checks).toMatchObject({ values: 'pass', gradients: 'fail' });
    expect(result.message).toContain('grad of in0: 1 of 3 elements differ');
  });
  test('against NumPy fails apart', () => {
    expect(replayNeg({}, { np0: array(1, 2, 3) }).checks).toMatchObject({ values: 'pass', numpy: 'fail' });
  });
  test('of an op that throws, or throws something else', () => {
    const refuses = (error: Error) =>
      only('neg', undefined, {
        impl: () => {
          throw error;
        },
      });
    expect(replayNeg({}, {}, refuses(new Error('broken'))).message).toBe(
      'neg: throws Error: broken; PyTorch returns a result',
    );
    const recorded = { outputs: undefined, gradients: [], error: { class: 'RuntimeError', message: 'no' } };
    const held = replayNeg(recorded, {}, refuses(new engine.RuntimeError('neg: required something')));
    expect(held).toMatchObject({ status: 'pass', checks: { errors: 'pass', inputs: 'pass' } });
    expect(replayNeg(recorded, {}, refuses(new engine.RuntimeError('no'))).message).toContain(
      'does not name the op',
    );
    expect(replayNeg(recorded, {}, refuses(new engine.ValueError('neg: no'))).message).toContain(
      'throws ValueError',
    );
  });
  test('of an op that changes its input', () => {
    const vandal = only('neg', undefined, {
      impl: (x: unknown) => {
        const out = (x as engine.Tensor).neg();
        (x as engine.Tensor).typed()[1] = 7;
        return out;
      },
    });
    expect(replayNeg({}, {}, vandal).message).toContain(
      'in0 was changed: element 1 of its storage is 7, was -2',
    );
  });
  test('of a method that is not the function', () => {
    const other = only('neg', undefined, { impl: (x: unknown) => (x as engine.Tensor).mul(-3) });
    const result = replayNeg({ variant: 'method' }, {}, other);
    expect(result.checks).toMatchObject({ values: 'pass', method: 'fail' });
  });
});

describe('the suite', () => {
  const options = (filter?: string): SuiteOptions => ({
    ...(filter === undefined ? {} : { filter }),
    seed: 0,
    signal: new AbortController().signal,
    progress: silentProgress(),
    fixtures: 'nowhere',
  });
  const empty = new Fixtures(
    { schema: 1, generator: '', python: '', numpy: '', torch: '', seed: 0, files: [] },
    new Map(),
  );
  test('cannot run without fixtures, or with a filter that matches nothing', async () => {
    await expect(validateOps(options())).rejects.toThrow(CannotRunError);
    await expect(validateOps(options('nothing/at-all'), { fixtures: empty })).rejects.toThrow(
      "the filter 'nothing/at-all'",
    );
    await expect(validateOps(options(), { ops: [], fixtures: empty })).rejects.toThrow(
      'nothing would be checked',
    );
  });
  test('a declared case without a recording fails', async () => {
    const result = await validateOps(options(ID), { ops: [only('neg')], fixtures: empty });
    expect(result.status).toBe('fail');
    expect(result.cases[0]).toMatchObject({
      status: 'error',
      reason: expect.stringContaining('no fixture was recorded'),
    });
  });
  test('a case declared otherwise since, and one no longer declared', () => {
    const elsewhere = only('neg', call([t([4])]));
    expect(replayNeg({}, {}, elsewhere)).toMatchObject({
      status: 'error',
      reason: expect.stringContaining('declared otherwise'),
    });
    const gone = { ...only('neg'), samples: [] };
    expect(replayNeg({}, {}, gone)).toMatchObject({
      status: 'error',
      reason: expect.stringContaining('no longer declared'),
    });
  });
  test('a known difference is skipped with its reason, and fails once the case agrees', () => {
    const reason = 'PyTorch rounds elsewhere';
    const difference = { what: 'out0', elements: 1, index: [1], pytorch: 2.5, ours: 2 };
    const differences = { 'neg/0@float32*': { reason, difference } };
    const replay = (arrays: Arrays, known = differences) => replayNeg({}, arrays, only('neg'), known);
    const differing = { out0: array(-1, 2.5, -0.5) };
    expect(replay(differing)).toMatchObject({ status: 'skip', reason });
    expect(replay({})).toMatchObject({ status: 'fail', message: expect.stringContaining('but it agrees') });
    const otherwise = (arrays: Arrays, change: Partial<typeof difference>, message: string) =>
      expect(
        replay(arrays, { 'neg/0@float32*': { reason, difference: { ...difference, ...change } } }),
      ).toMatchObject({ status: 'fail', message: expect.stringContaining(message) });
    otherwise(
      differing,
      { pytorch: 2.25 },
      'known: 1 elements, PyTorch 2.25, ours 2; now: 1 elements, PyTorch 2.5',
    );
    otherwise(differing, { ours: 3 }, 'ours 3; now: 1 elements, PyTorch 2.5, ours 2');
    otherwise(differing, { index: [0] }, 'now: 1 elements, PyTorch -1, ours -1');
    otherwise(differing, { what: 'out1' }, 'out1 was not compared');
    otherwise({ out0: array(-1, 2.5, -1.5) }, {}, 'now: 2 elements');
    otherwise({ ...differing, gin0: array(1, 2, 3) }, {}, 'it also fails in gradients');
  });
  test('a known difference in how a call ends, or in a view, is held to what it says', () => {
    const reason = 'PyTorch refuses it';
    const throwing = { error: { class: 'TypeError', message: 'no' }, outputs: undefined, gradients: [] };
    const judge = (change: Partial<FixtureCase>, difference: KnownDifference['difference']) =>
      replayNeg(change, {}, only('neg'), { 'neg/0@float32*': { reason, difference } });
    expect(judge(throwing, { pytorch: 'TypeError', ours: 'a result' }).status).toBe('skip');
    expect(judge(throwing, { pytorch: 'ValueError', ours: 'a result' })).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('now: PyTorch TypeError, ours a result'),
    });
    expect(judge(throwing, { pytorch: 'TypeError', ours: 'RuntimeError' }).status).toBe('fail');
    const view = { outputs: [{ ...output, isView: true }] };
    expect(judge(view, 'a copy for a view').status).toBe('skip');
    expect(judge(throwing, 'a copy for a view')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('it also fails in errors'),
    });
  });
  test('every known difference is of a declared case', () => {
    const byName = new Map(registeredOps().map((op) => [op.name, op]));
    for (const [name, globs] of Object.entries(KNOWN_DIFFERENCES)) {
      const ids = casesOf(byName.get(name)!).map(({ id }) => id);
      for (const glob of Object.keys(globs)) expect(ids.filter(idMatcher(glob)), glob).not.toEqual([]);
    }
  });
  test('stops at once when it is told to', async () => {
    const stopped = { ...options(), signal: AbortSignal.abort() };
    expect((await validateOps(stopped, { ops: [only('neg')], fixtures: empty })).cases).toEqual([]);
  });
});
