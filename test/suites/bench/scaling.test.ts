// The scaling fit finds curves whose truth is known, and none where there are too few sizes.
import { describe, expect, it } from 'vitest';
import { type BenchRow, ScalingFitSchema } from '../../../reports/schema/index.js';
import { fitCurve, scalingFits } from '../../../suites/bench/scaling.js';

const SIZES = [10, 1_000, 10_000, 100_000, 1_000_000];
const points = (f: (n: number, i: number) => number, sizes = SIZES) =>
  sizes.map((n, i) => ({ n, ns: f(n, i), weight: 1 }));

describe('a scaling fit', () => {
  it.each([
    [120, 0.25, 1],
    [5000, 0.02, 1.1],
    [80, 3, 0.5],
    [300, 0.001, 1.5],
  ])('finds a call of %f ns and %f ns times n to the power %f', (callNs, slopeNs, power) => {
    const found = fitCurve(points((n) => callNs + slopeNs * n ** power))!;
    expect(found.power).toBeCloseTo(power, 4);
    expect(found.callNs / callNs).toBeCloseTo(1, 3);
    expect(found.slopeNs / slopeNs).toBeCloseTo(1, 3);
    expect(found.off).toBeLessThan(1e-5);
  });

  it('bears noise of some per cent, and says how far it is off', () => {
    const noise = [1.03, 0.98, 1.02, 0.97, 1.01];
    const found = fitCurve(points((n, i) => (100 + 0.3 * n) * noise[i]!))!;
    expect(found.power).toBeGreaterThan(0.97);
    expect(found.power).toBeLessThan(1.03);
    expect(found.callNs).toBeGreaterThan(90);
    expect(found.callNs).toBeLessThan(115);
    expect(found.off).toBeGreaterThan(0.002);
    expect(found.off).toBeLessThan(0.03);
  });

  it('has no intercept below zero, and lets a sure point outweigh a doubtful one', () => {
    expect(fitCurve(points((n) => 0.5 * n ** 1.2))!.callNs).toBeLessThan(1);
    const one = points((n) => 100 + 0.3 * n);
    one[2] = { ...one[2]!, ns: 3 * one[2]!.ns, weight: 1e-6 };
    expect(fitCurve(one)!.power).toBeCloseTo(1, 3);
  });

  it('needs four sizes', () => {
    expect(fitCurve(points((n) => n, [10, 100, 1000]))).toBeUndefined();
    expect(fitCurve(points((n) => n, [10, 100, 1000, 1000]))).toBeUndefined();
  });

  it('is made for ours and each reference of a group, never from a wrong result', () => {
    const rows = SIZES.flatMap((size): BenchRow[] =>
      (['torch', 'numpy'] as const).map((reference) => ({
        id: `add/${size}/${reference}`,
        group: 'add',
        size,
        dtype: 'float32',
        reference,
        correct: reference === 'torch',
        ours: { medianNs: 50 + 0.2 * size, samples: [50 + 0.2 * size] },
        theirs: { medianNs: 900 + 0.1 * size, samples: [900 + 0.1 * size] },
      })),
    );
    const fits = scalingFits(rows);
    expect(fits.map(({ side, sizes }) => [side, sizes])).toEqual([
      ['ours', 5],
      ['torch', 5],
    ]);
    expect(ScalingFitSchema.parse(fits[0])).toMatchObject({ group: 'add', from: 10, to: 1_000_000 });
    expect(fits.map((fit) => Math.round(fit.callNs))).toEqual([50, 900]);
  });
});
