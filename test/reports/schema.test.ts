// The result schema: what it accepts, what it refuses, and when a suite counts as held.
import { describe, expect, it } from 'vitest';
import { CannotRunError, type CaseResult, figure, parseRunResult } from '../../reports/schema/index.js';
import { suiteResult } from '../../suites/common/suite.js';
import { sampleRun } from '../support/sample-run.js';

const held: CaseResult = {
  id: 'add/0@float32,contiguous',
  suite: 'validate',
  status: 'pass',
  seconds: 0,
  compared: 6,
};

describe('figure', () => {
  it.each([
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [-0, '-0'],
    [0, 0],
    [9007199254740993n, '9007199254740993'],
    [true, 'true'],
  ])('encodes %s as %s', (value, encoded) => {
    expect(figure(value)).toBe(encoded);
  });
});

describe('parseRunResult', () => {
  it('reads back what was written', () => {
    const run = sampleRun({ broken: true });
    expect(parseRunResult(JSON.stringify(run))).toEqual(run);
  });

  it('says what is wrong with another file', () => {
    expect(() => parseRunResult('{')).toThrow(CannotRunError);
    expect(() => parseRunResult('{"schema": 2}')).toThrow(/schema/);
    const run = { ...sampleRun(), seed: 'zero' };
    expect(() => parseRunResult(JSON.stringify(run), 'my.json')).toThrow(/my\.json[\s\S]*seed/);
  });

  it('refuses a NaN that JSON turned into null', () => {
    const text = JSON.stringify(sampleRun()).replace('"load":0.21', '"load":null');
    expect(() => parseRunResult(text)).toThrow(/load/);
  });
});

describe('suiteResult', () => {
  it('holds when all cases pass and adds up what was compared', () => {
    const result = suiteResult('validate', [held, held], 1);
    expect(result).toMatchObject({ status: 'pass', compared: 12, counts: { passed: 2, failed: 0 } });
  });

  it.each(['fail', 'error', 'inconclusive'] as const)('fails for one case with %s', (status) => {
    expect(suiteResult('validate', [held, { ...held, status }], 1).status).toBe('fail');
  });

  it('does not hold when nothing ran', () => {
    expect(suiteResult('validate', [], 1).status).toBe('skip');
    expect(suiteResult('validate', [{ ...held, status: 'skip' }], 1).status).toBe('skip');
  });

  it('fails for a wrong timed result, a missed ratio and memory over its limit', () => {
    const row = sampleRun().suites[3]?.rows?.[0];
    if (!row) throw new Error('the sample has rows');
    const status = (extra: Parameters<typeof suiteResult>[3]) => suiteResult('bench', [], 1, extra).status;
    expect(status({ rows: [row] })).toBe('pass');
    expect(status({ rows: [{ ...row, correct: false }] })).toBe('fail');
    expect(status({ rows: [{ ...row, required: { ratio: 9, held: false } }] })).toBe('fail');
    expect(status({ memory: [{ id: 'm', measured: 2, limit: 1, unit: 'MB', held: false }] })).toBe('fail');
  });
});
