// Known answers for the gradient check: right gradients pass, every fault that other checkers miss is named.
import { describe, expect, test } from 'vitest';
import { type CheckOptions, checkProblem, type Problem } from '../../../suites/gradcheck/check.js';
import { differentiate } from '../../../suites/gradcheck/numeric.js';

type Vector = Float64Array;
const vector = (...values: number[]): Vector => Float64Array.of(...values);

/** An elementwise function with a (perhaps wrong) derivative. */
function elementwise(
  x: Vector,
  f: (v: number, i: number) => number,
  slope: (v: number, i: number) => number,
): Problem {
  return {
    inputs: [x],
    inputShapes: [[x.length]],
    outputShapes: [[x.length]],
    evaluate: ([v]) => v!.map(f),
    gradients: (weights) => [weights.map((w, i) => w * slope(x[i]!, i))],
  };
}
const check = (problem: Problem, options: CheckOptions = {}) => checkProblem(problem, 1, options);
const points = (n: number): Vector => Float64Array.from({ length: n }, (_, i) => 0.3 + ((i * 7) % 11) / 10);

describe('differentiate', () => {
  const slope = (f: (t: number) => number, step = 2 ** -7) =>
    differentiate(
      (t) => vector(f(t)),
      step,
      (value, error) => error <= 1e-7 * Math.abs(value),
    );
  test.each([
    ['exp', (t: number) => Math.exp(1 + t), Math.E],
    ['sin(1000 x)', (t: number) => Math.sin(1000 * (0.3 + t)), 1000 * Math.cos(300)],
    ['log near its pole', (t: number) => Math.log(0.01 + t), 100],
    ['1e11 + x', (t: number) => 1e11 + t, 1],
    ['a constant', () => 3, 0],
  ])('%s, with an error that covers the distance', (_, f, want) => {
    const { value, error, kink } = slope(f);
    expect(Math.abs(value[0]! - want)).toBeLessThanOrEqual(error[0]! * 4 + 1e-15);
    expect(error[0]!).toBeLessThanOrEqual(Math.max(1e-6 * Math.abs(want), want === 1 ? 1 : 0));
    expect(kink[0]).toBe(0);
  });
  test('sees a kink, and a kink within the step', () => {
    expect(slope(Math.abs)).toMatchObject({ kink: Uint8Array.of(1), right: vector(1), left: vector(-1) });
    const near = slope((t) => Math.max(0, 1e-4 + t));
    expect(near.kink[0]).toBe(0);
    expect(near.value[0]).toBeCloseTo(1, 9);
  });
});

describe('a right gradient passes', () => {
  test('in full, every entry of the Jacobian counted', () => {
    const report = check(elementwise(points(5), Math.sin, Math.cos));
    expect(report).toMatchObject({
      verdict: 'pass',
      mode: 'jacobian',
      compared: 25,
      failed: 0,
      inconclusive: 0,
    });
  });
  test('by directions, above the budget', () => {
    const report = check(elementwise(points(2000), Math.sin, Math.cos));
    expect(report).toMatchObject({ verdict: 'pass', mode: 'directions', compared: 8 });
  });
  test('of a step function, which is 0', () => {
    expect(check(elementwise(vector(0.3, -1.4, 2.6), Math.floor, () => 0)).verdict).toBe('pass');
  });
});

describe('a wrong gradient fails', () => {
  const wrong: [string, (x: Vector) => Problem][] = [
    ['0.1 % off everywhere', (x) => elementwise(x, Math.exp, (v) => 1.001 * Math.exp(v))],
    ['the wrong sign', (x) => elementwise(x, Math.exp, (v) => -Math.exp(v))],
    ['zero', (x) => elementwise(x, Math.exp, () => 0)],
    [
      'zero, of a tiny function',
      (x) =>
        elementwise(
          x,
          (v) => 5e-6 * v,
          () => 0,
        ),
    ],
    ['one element zero', (x) => elementwise(x, Math.exp, (v, i) => (i === 3 ? 0 : Math.exp(v)))],
    ['one element 10 % off', (x) => elementwise(x, Math.exp, (v, i) => (i === 3 ? 1.1 : 1) * Math.exp(v))],
    ['NaN', (x) => elementwise(x, Math.exp, () => Number.NaN)],
  ];
  test.each(wrong)('%s, in full', (_, make) => {
    expect(check(make(points(5))).verdict).toBe('fail');
  });
  test.each(wrong)('%s, by directions', (_, make) => {
    expect(check(make(points(2000))).verdict).toBe('fail');
  });
  test('names the entry, with both values', () => {
    const one = elementwise(points(5), Math.exp, (v, i) => (i === 3 ? 2 : 1) * Math.exp(v));
    const { worst, message, failed } = check(one);
    expect(failed).toBe(1);
    expect(worst).toMatchObject({ input: 0, inputIndex: [3], output: 0, outputIndex: [3], verdict: 'fail' });
    expect(worst!.analytic / worst!.numeric).toBeCloseTo(2, 9);
    expect(message).toMatch(
      /1 of 25 Jacobian entries are wrong\n {2}worst: d out0\[3\] \/ d in0\[3\]: analytic/,
    );
  });
  test('names the element among 20,000', () => {
    const one = elementwise(points(20_000), Math.exp, (v, i) => (i === 12_345 ? 1.01 : 1) * Math.exp(v));
    const { worst } = check(one);
    expect(worst).toMatchObject({ input: 0, inputIndex: [12_345] });
    expect(worst!.analytic / worst!.numeric).toBeCloseTo(1.01, 6);
  });
  test('a backward that ignores grad_output', () => {
    const one = elementwise(
      points(5),
      (v) => v * v,
      (v) => 2 * v,
    );
    const deaf: Problem = { ...one, gradients: (w) => one.gradients(w.map((v) => Math.sign(v))) };
    expect(check(deaf)).toMatchObject({ verdict: 'fail' });
    expect(check(deaf).message).toContain('not linear in grad_output');
  });
  test('no gradient where there is one', () => {
    const one: Problem = { ...elementwise(points(5), Math.exp, Math.exp), gradients: () => [null] };
    expect(check(one).verdict).toBe('fail');
  });
  test('a function that is not the same twice', () => {
    const random = elementwise(
      points(3),
      (v) => v + Math.random(),
      () => 1,
    );
    expect(check(random)).toMatchObject({ verdict: 'fail' });
    expect(check(random).message).toContain('two evaluations');
  });
});

describe('what cannot be decided never passes', () => {
  test('a kink, with a slope between its sides', () => {
    const report = check(elementwise(vector(0, 1), Math.abs, Math.sign));
    expect(report).toMatchObject({ verdict: 'kink', failed: 0, kinks: 1 });
    expect(report.worst?.reason).toContain('slopes -1 on the left, 1 on the right');
  });
  test('a kink, with a slope outside, is wrong', () => {
    expect(check(elementwise(vector(0, 1), Math.abs, () => 1.5)).verdict).toBe('fail');
  });
  test('a function that is not finite nearby', () => {
    const report = check(elementwise(vector(0), Math.log, (v) => 1 / v));
    expect(report.verdict).toBe('inconclusive');
  });
  test('noise in the function', () => {
    let tick = 0;
    const noisy = elementwise(
      points(2),
      (v) => v,
      () => 1,
    );
    const shaken: Problem = {
      ...noisy,
      evaluate: ([x]) =>
        x!.map((v) => (v === points(2)[0] || v === points(2)[1] ? v : v + 1e-6 * Math.sin(tick++))),
    };
    expect(check(shaken).verdict).not.toBe('pass');
  });
  test('nothing at all', () => {
    const report = check(elementwise(vector(), Math.exp, Math.exp));
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      compared: 0,
      message: 'gradient: nothing to compare',
    });
  });
});
