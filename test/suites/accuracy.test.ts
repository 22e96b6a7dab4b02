// Accuracy in ULP: the distance itself, which results can be judged, which calls are asked, and what comes out for a known fault.
import { describe, expect, it } from 'vitest';
import { accuracyCalls } from '../../suites/accuracy/calls.js';
import { measureAccuracy } from '../../suites/accuracy/index.js';
import { errorsAt, judgeable, summed } from '../../suites/accuracy/measure.js';
import { type RegisteredOp, registeredOps } from '../../suites/common/registry.js';
import { tensorsOf } from '../../suites/common/tensor-specs.js';
import { ulpError } from '../../suites/common/ulp.js';
import { findReferences } from '../../suites/runner/references.js';

const ops = registeredOps();
const named = (...names: string[]) => ops.filter((op) => names.includes(op.name));
const signal = new AbortController().signal;

describe('the error in ULP', () => {
  it('is a half for a truth between two values, one for the neighbour', () => {
    expect(ulpError(1, 1 + 2 ** -24, 'float32')).toBe(0.5);
    expect(ulpError(1 + 2 ** -23, 1, 'float32')).toBe(1);
    expect(ulpError(4 + 2 ** -21, 4, 'float32')).toBe(1);
    expect(ulpError(1 + 2 ** -52, 1, 'float64')).toBe(1);
    expect(ulpError(-3, -3, 'float32')).toBe(0);
    expect(ulpError(2 ** -149, 0, 'float32')).toBe(1);
    expect(ulpError(Number.POSITIVE_INFINITY, 1, 'float32')).toBeNaN();
  });

  it('is never above a half for a rounded truth', () => {
    for (let i = 1; i < 2000; i += 1) {
      const truth = Math.exp(i / 37 - 30);
      expect(ulpError(Math.fround(truth), truth, 'float32')).toBeLessThanOrEqual(0.5);
    }
  });
});

describe('what is measured', () => {
  it('leaves out truths that float32 cannot hold as normal numbers, and counts results that are not finite', () => {
    const truth = [1, Number.NaN, 1e39, 1e-39, 0, -2];
    expect(judgeable(truth)).toEqual([0, 4, 5]);
    const errors = errorsAt([1 + 2 ** -23, 0, 0, 0, 0, Number.NaN], truth, [0, 4, 5]);
    expect(summed(errors)).toEqual({ max: 1, median: 1, notFinite: 1 });
    expect(summed(new Float64Array())).toEqual({ max: 0, median: 0, notFinite: 0 });
  });

  it('asks every pointwise op over two domains of real inputs, and the sums', () => {
    const calls = accuracyCalls(ops);
    const of = (name: string) => calls.filter((one) => one.op.name === name).map((one) => one.domain);
    expect(of('exp')).toEqual(['normal', '±2^−24 to ±2^24']);
    expect(of('log')).toEqual(['positive', '±2^−24 to ±2^24']);
    expect(of('matmul')).toHaveLength(1);
    expect(of('nextafter')).toEqual([]);
    expect(new Set(calls.map((one) => one.family)).size).toBe(4);
    expect(
      calls.every((one) => tensorsOf(one.sample).every((spec) => !spec.dtype?.startsWith('complex'))),
    ).toBe(true);
    const wide = tensorsOf(
      calls.find((one) => one.op.name === 'exp' && one.domain.startsWith('±'))!.sample,
    )[0]!.fill;
    const values = (wide as { values: number[] }).values;
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(2 ** 22);
    expect(Math.min(...values.map(Math.abs))).toBeLessThan(2 ** -22);
  });
});

describe('the measurement', () => {
  it('says what it lacks without a reference, and still measures ours', async () => {
    const found = await measureAccuracy(named('add', 'exp', 'eq', 'sum'), { seed: 0, signal });
    expect(found.missing).toContain('no Python');
    // A comparison gives no float32.
    expect(found.rows.map((row) => row.op)).toEqual(['add', 'add', 'exp', 'exp', 'sum']);
    const [add, , exp] = found.rows;
    expect(add).toMatchObject({ points: 2048, left: 0, ours: { notFinite: 0 } });
    expect(add!.ours.max).toBeLessThanOrEqual(0.5);
    expect(exp!.ours.max).toBeLessThan(2);
    expect(exp!.worst?.of).toHaveLength(1);
    expect(exp!.torch).toBeUndefined();
  });

  it('sees a result that is off by a known amount', async () => {
    const [exp] = named('exp');
    const { worst, ours } = (await measureAccuracy([exp!], { seed: 0, signal })).rows[0]!;
    const truth = Math.exp(Number(worst!.of![0]));
    expect(Number(worst!.want)).toBeCloseTo(truth, 10);
    expect(ulpError(Number(worst!.got), Number(worst!.want), 'float32')).toBeCloseTo(ours.max, 3);
  });

  it('puts NumPy and PyTorch beside us, with the same truth', async ({ skip }) => {
    const { python, references } = await findReferences();
    if (references.torch.missing !== undefined) skip(references.torch.missing);
    const asked: RegisteredOp[] = named('sqrt', 'sigmoid');
    const { rows, missing } = await measureAccuracy(asked, { seed: 0, signal, python: python! });
    expect(missing).toBeUndefined();
    const [sqrt, sigmoid] = ['sqrt', 'sigmoid'].map((name) => rows.find((row) => row.op === name)!);
    for (const errors of [sqrt!.ours, sqrt!.numpy, sqrt!.torch]) expect(errors!.max).toBeLessThan(1);
    expect(sqrt!.truthApart).toBeLessThan(1e-6);
    // NumPy has none.
    expect(sigmoid!.numpy).toBeUndefined();
    expect(sigmoid!.torch!.max).toBeGreaterThan(0.5);
  }, 120_000);
});
