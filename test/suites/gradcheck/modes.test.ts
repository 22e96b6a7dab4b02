// The gradient check beyond the plain Jacobian: faults that faster checkers miss, kinks and the subgradient convention,
// narrower steps on doubt, undefined beside zero, forward mode, complex numbers, the V-curve. Every fault is planted,
// then named.
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as engine from '../../../engine/index.js';
import { Fixtures, openFixtures } from '../../../suites/common/fixtures.js';
import { registeredOps } from '../../../suites/common/registry.js';
import { selectCases } from '../../../suites/common/select.js';
import { type CheckOptions, checkProblem, type Problem } from '../../../suites/gradcheck/check.js';
import { checkForward } from '../../../suites/gradcheck/forward.js';
import { gradcheck, type TensorFunction, type TieRule } from '../../../suites/gradcheck/index.js';
import { TIES } from '../../../suites/gradcheck/subgradients.js';
import { gradcheckCase, gradcheckOps, isCandidate } from '../../../suites/gradcheck/suite.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import { expectGradientsToMatch } from '../../../suites/vitest.js';
import { ROOT } from '../../support/root.js';

type Tensor = engine.Tensor;
const values = (n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => 0.3 + ((i * 7) % 11) / 10);
const float64 = (data: Float64Array | number[]): Tensor => engine.tensor(data, { dtype: engine.float64 });

/** exp, with a backward that this has been done to. */
const hooked =
  (change: (g: Tensor) => Tensor): TensorFunction =>
  (x) => {
    const y = x!.exp();
    if (y.requiresGrad) y.registerHook(change);
    return y;
  };
const zeroedAt = (at: number) =>
  hooked((g) => g.mul(engine.ones(g.shape[0]!, { dtype: engine.float64 }).setAt([at], 0)));

/** An elementwise problem of flat arrays. */
function elementwise(
  x: Float64Array,
  f: (v: number, i: number) => number,
  slope: (v: number, i: number) => number,
): Problem {
  return {
    inputs: [x],
    inputShapes: [[x.length]],
    outputShapes: [[x.length]],
    evaluate: ([v]) => v!.map(f),
    gradients: (weights) => [weights.map((w, i) => w * slope(x[i]!, i))],
    forward: (direction) => direction.map((d, i) => d * slope(x[i]!, i)),
  };
}
const check = (problem: Problem, options: CheckOptions = {}) => checkProblem(problem, 1, options);

describe('what fast checkers let through', () => {
  test("one zeroed element of 1,000, which PyTorch's fast gradcheck accepts", () => {
    const report = gradcheck(zeroedAt(417), [float64(values(1000))]);
    expect(report).toMatchObject({
      verdict: 'fail',
      mode: 'directions',
      worst: { inputIndex: [417], analytic: 0 },
    });
  });
  test("a derivative of zeros at 500 elements, which JAX's check_grads accepts", () => {
    expect(
      gradcheck(
        hooked((g) => g.mul(0)),
        [engine.tensor(values(500))],
      ).verdict,
    ).toBe('fail');
  });
  test.each([1, 2, 3, 4, 5])('one zeroed element of 20,000, with the seed %d', (seed) => {
    const zeroed = elementwise(values(20_000), Math.exp, (v, i) => (i === 19_999 ? 0 : Math.exp(v)));
    expect(check(zeroed, { seed })).toMatchObject({ verdict: 'fail', worst: { inputIndex: [19_999] } });
  });
});

describe('kinks', () => {
  const corner = (slope: number): Problem =>
    elementwise(
      Float64Array.of(0, 1),
      (v) => Math.max(0.25 * v, v),
      (v) => (v === 0 ? slope : 1),
    );
  test.each<[TieRule, number]>([
    ['left', 0.25],
    ['first', 1],
    ['split', 0.625],
  ])("the rule '%s' takes %d, and nothing else between the slopes", (ties, right) => {
    expect(check(corner(right), { ties })).toMatchObject({ verdict: 'pass', tied: 1 });
    for (const wrong of [0.25, 0.625, 1].filter((one) => one !== right)) {
      const report = check(corner(wrong), { ties });
      expect(report.verdict).toBe('fail');
      expect(report.message).toContain(
        `the tie rule '${ties}' says otherwise: slopes 0.25 on the left, 1 on`,
      );
    }
  });
  test('outside the slopes no rule helps, and without one nothing passes', () => {
    expect(check(corner(1.5), { ties: 'split' })).toMatchObject({ verdict: 'fail' });
    expect(check(corner(0), { ties: 'zero' }).message).toContain('lies outside');
    expect(check(corner(0.625))).toMatchObject({ verdict: 'kink', kinks: 1, inconclusive: 0 });
  });
  test('at a jump, the slope of the piece that the value belongs to', () => {
    const step = (slope: number) =>
      elementwise(
        Float64Array.of(0, 0.5),
        (v) => 3 * v + (v < 0 ? -1 : 0),
        (v) => (v === 0 ? slope : 3),
      );
    expect(check(step(3), { ties: 'piece' })).toMatchObject({ verdict: 'pass', tied: 1 });
    expect(check(step(2), { ties: 'piece' }).verdict).not.toBe('pass');
  });
  test('beside a kink, within the least step, nothing is decided but what is far off', () => {
    const beside = (slope: number) =>
      elementwise(
        Float64Array.of(1e-7),
        (v) => Math.abs(v),
        () => slope,
      );
    expect(check(beside(1), { ties: 'zero' }).verdict).not.toBe('fail');
    expect(check(beside(7), { ties: 'zero' }).verdict).not.toBe('pass');
  });
});

describe('doubt above the budget', () => {
  const x = values(2000);
  x[57] = 0;
  x[1203] = 0;
  const abs = (slope: (v: number, i: number) => number) => elementwise(x, (v) => Math.abs(v), slope);
  test('is followed to the elements: two kinks among 2,000, decided by the rule', () => {
    expect(check(abs(Math.sign), { ties: 'zero' })).toMatchObject({ verdict: 'pass', tied: 16 });
    const undecided = check(abs(Math.sign));
    expect(undecided).toMatchObject({ verdict: 'kink', kinks: 16, worst: { input: 0 } });
  });
  test('does not cover a fault elsewhere', () => {
    const faulty = abs((v, i) => (i === 1500 ? 0.99 : Math.sign(v)));
    expect(check(faulty, { ties: 'zero' })).toMatchObject({ verdict: 'fail', worst: { inputIndex: [1500] } });
  });
});

describe('None beside zero', () => {
  const [x, y] = [float64([0.5, 1.5]), float64([2, 3])];
  test('an unused input has None, a multiplication by zero has zeros', () => {
    expect(gradcheck((a) => a!.exp(), [x, y])).toMatchObject({ verdict: 'pass', none: [1] });
    expect(gradcheck((a, b) => a!.exp().add(b!.mul(0)), [x, y])).toMatchObject({ verdict: 'pass', none: [] });
  });
  test('None where the output depends on it is wrong, and said to be None', () => {
    const report = gradcheck((a, b) => a!.mul(b!.detach()), [x, y]);
    expect(report).toMatchObject({ verdict: 'fail', none: [1], worst: { input: 1 } });
    expect(report.message).toContain('no gradient flows to the input (None)');
  });
  test('None for one grad_output and a gradient for another is wrong', () => {
    const fickle: Problem = {
      ...elementwise(values(3), Math.exp, Math.exp),
      gradients: (w) => [w[0] === 0 ? null : w.map((v, i) => v * Math.exp(values(3)[i]!))],
    };
    expect(check(fickle).message).toContain('None depends on grad_output');
  });
  test('a fixture holds which it is', async () => {
    const fixtures = await openFixtures(join(ROOT, 'fixtures'));
    const id = 'mul/bcast-3-scalar@float32,contiguous';
    vi.spyOn(fixtures, 'casesOf').mockImplementation((op) =>
      Fixtures.prototype.casesOf
        .call(fixtures, op)
        .map((one) => (one.id === id ? { ...one, gradients: [true, false] } : one)),
    );
    const [result] = (await gradcheckOps({ ...runOptions, filter: id }, { fixtures })).cases;
    expect(result).toMatchObject({ id, status: 'fail' });
    expect(result!.message).toContain('the gradient is None of no input, in PyTorch of in1');
  });
});

test('a grad_output of zeros must give zeros, in full and by directions', () => {
  for (const n of [3, 2000]) {
    const right = elementwise(values(n), Math.exp, Math.exp);
    const silent = (w: Float64Array) => w.every((v) => v === 0);
    const leaking: Problem = {
      ...right,
      gradients: (w) => (silent(w) ? [w.map((_, i) => (i === 2 ? Number.NaN : 0))] : right.gradients(w)),
    };
    expect(check(right).verdict).toBe('pass');
    expect(check(leaking).message).toContain('in0[2]: a grad_output of zeros gives a gradient of NaN');
  }
});

describe('forward mode', () => {
  const right = elementwise(values(5), Math.exp, Math.exp);
  const withForward = (forward: Problem['forward']) => checkForward({ ...right, forward: forward! });
  test('passes where it is right, and is part of the check of every function', () => {
    expect(checkForward(right)).toMatchObject({ verdict: 'pass', kind: 'forward', compared: 25 });
    expect(checkForward(elementwise(values(3000), Math.sin, Math.cos))).toMatchObject({ compared: 24_000 });
    const report = gradcheck((x) => x!.sin().sum(), [float64(values(4))]);
    expect(report).toMatchObject({
      verdict: 'pass',
      forward: { verdict: 'pass', kind: 'forward', compared: 4 },
    });
    expect(gradcheck((x) => x!.sin(), [float64(values(4))], { forward: false }).forward).toBeUndefined();
  });
  test('a wrong entry is named by its output', () => {
    const report = withForward((d) => right.forward!(d).map((v, i) => (i === 3 ? 1.001 * v : v)));
    expect(report).toMatchObject({ verdict: 'fail', worst: { output: 0, outputIndex: [3] } });
    expect(report.message).toMatch(/^forward mode: 1 of \d+ directional derivatives are wrong/);
  });
  test('it must be the backward transposed, to more digits than differences have', () => {
    const report = withForward((d) => right.forward!(d).map((v) => v * (1 + 1e-8)));
    expect(report.message).toContain('forward mode is not the backward transposed');
  });
  test('a backward whose own derivative is wrong makes a wrong forward mode of the engine', () => {
    // A hook that counts its calls: the second pass, which forward mode needs, is not the first one's.
    let plain = 0;
    const fn = hooked((g) =>
      engine.isGradEnabled() && g.requiresGrad ? g.mul(1.5) : g.mul(1 + 0 * plain++),
    );
    const report = gradcheck(fn, [float64(values(3))]);
    expect(report).toMatchObject({ verdict: 'fail', forward: { verdict: 'fail' } });
    expect(() => expectGradientsToMatch(fn, [float64(values(3))])).toThrow('forward mode');
  });
});

describe('complex numbers', () => {
  const z = () => engine.complex(float64([0.5, -1]), float64([1, 0.25]));
  test("a user's function of complex inputs is checked by their parts", () => {
    const report = gradcheck((a) => a!.mul(a!).exp(), [z()]);
    expect(report).toMatchObject({ verdict: 'pass', compared: 16, second: { verdict: 'pass' } });
    expect(gradcheck((a) => a!.abs(), [z()])).toMatchObject({ verdict: 'pass', compared: 8 });
  });
  test('a missing conjugate is seen', () => {
    const report = gradcheck(
      (a) => {
        const y = a!.mul(2);
        if (y.requiresGrad) y.registerHook((g: Tensor) => g.conj());
        return y;
      },
      [z()],
    );
    expect(report).toMatchObject({ verdict: 'fail', worst: { inputIndex: [expect.any(Number), 1] } });
  });
});

describe('the V-curve', () => {
  const curveOf = (slope: (v: number) => number) =>
    check(elementwise(values(3), Math.exp, slope), { curve: () => true }).curve!;
  const least = (points: readonly (readonly [number, number])[]) =>
    Math.min(...points.map(([, apart]) => apart));
  test('of a right gradient goes down and up again', () => {
    const { points, what } = curveOf(Math.exp);
    expect(what).toMatch(/^d out0\[\d\] \/ d in0\[\d\]$/);
    const at = points.findIndex(([, apart]) => apart === least(points));
    expect(at).toBeGreaterThan(3);
    expect(at).toBeLessThan(points.length - 3);
    expect(least(points)).toBeLessThan(1e-8);
    expect(points[0]![1]).toBeGreaterThan(1e-4);
    expect(points.at(-1)![1]).toBeGreaterThan(1e-4);
  });
  test('of a wrong one stays at the size of the fault, and is drawn unasked', () => {
    const { curve } = check(elementwise(values(3), Math.exp, (v) => 1.01 * Math.exp(v)));
    expect(least(curve!.points.slice(0, 12))).toBeGreaterThan(0.01);
    expect(check(elementwise(values(3), Math.exp, Math.exp)).curve).toBeUndefined();
  });
});

const runOptions = {
  ...{ seed: 0, quick: true, progress: silentProgress(), signal: new AbortController().signal },
  fixtures: join(ROOT, 'fixtures'),
};

describe('the written tie policy', () => {
  let fixtures: Fixtures;
  beforeAll(async () => {
    fixtures = await openFixtures(runOptions.fixtures);
  });
  test.each(Object.entries(TIES))('of %s is what a recorded case follows at a kink', (name, ties) => {
    const op = registeredOps().find((one) => one.name === name)!;
    const settings = { order: 1, forward: false, ties } as const;
    const held = selectCases([op], fixtures, `${name}/*`)
      .filter((one) => isCandidate(one, false) && one.declared?.noGrad === undefined)
      .some((one) => {
        const { verdict, tied } = gradcheckCase(op, one.recorded!, fixtures, settings);
        return verdict === 'pass' && tied > 0;
      });
    expect(held).toBe(true);
  });
});
