// The gradient check of a user's own function: from a test, and from a file on the command line.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as engine from '../../../engine/index.js';
import { CannotRunError } from '../../../reports/schema/index.js';
import {
  checkUserFunction,
  GradcheckError,
  gradcheck,
  loadUserFunction,
  type TensorFunction,
} from '../../../suites/gradcheck/index.js';
import { silentProgress } from '../../../suites/runner/progress.js';
import { expectGradientsToMatch } from '../../../suites/vitest.js';

type Tensor = engine.Tensor;
const matrix = () =>
  engine.tensor(
    [
      [0.5, -1.2, 2],
      [1.5, 0.7, -0.3],
    ],
    { dtype: engine.float64 },
  );
const column = () => engine.tensor([0.4, -0.9], { dtype: engine.float64 });

/** x², whose backward is `factor` times too large. */
const crooked =
  (factor: number): TensorFunction =>
  (x) => {
    const y = x!.mul(x!);
    if (y.requiresGrad) y.registerHook((g: Tensor) => g.mul(factor));
    return y;
  };

describe('gradcheck', () => {
  test('passes a right function, its second gradient included', () => {
    const report = gradcheck(
      (x, b) =>
        x!
          .mul(x!)
          .exp()
          .mul(b!.reshape([2, 1])),
      [matrix(), column()],
    );
    expect(report).toMatchObject({
      verdict: 'pass',
      mode: 'jacobian',
      compared: 6 * 8,
      second: { verdict: 'pass', order: 2 },
    });
  });
  test('does not change the inputs, and takes float32 ones in float64', () => {
    const x = engine.tensor([1.5, 2, 3]);
    expect(gradcheck((v) => v!.mul(v!), [x]).verdict).toBe('pass');
    expect(x.tolist()).toEqual([1.5, 2, 3]);
    expect(x.requiresGrad).toBe(false);
  });
  test('names the worst entry of a wrong one', () => {
    const report = gradcheck(crooked(1.5), [matrix()]);
    expect(report).toMatchObject({
      verdict: 'fail',
      failed: 6,
      worst: { input: 0, output: 0, verdict: 'fail' },
    });
    expect(report.worst!.analytic / report.worst!.numeric).toBeCloseTo(1.5, 8);
    expect(report.worst!.inputIndex).toEqual(report.worst!.outputIndex);
  });
  test('sees a gradient that is missing', () => {
    expect(gradcheck((x) => x!.mul(x!.detach()), [matrix()]).verdict).toBe('fail');
    expect(gradcheck((x) => x!.detach(), [matrix()]).verdict).toBe('fail');
  });
  test('fails a backward that changes its grad_output', () => {
    const changing = (times: number) =>
      engine.defineFunction({
        forward: (ctx, x: Tensor) => {
          ctx.saveForBackward(x);
          return x.exp();
        },
        backward: (ctx, g) => {
          const grad = g!.mul(ctx.savedTensors[0]!.exp());
          if (times > 0) g!.detach().mul_(times);
          return [grad];
        },
      });
    expect(gradcheck(changing(0) as TensorFunction, [matrix()]).verdict).toBe('pass');
    const report = gradcheck(changing(2) as TensorFunction, [matrix()]);
    expect(report).toMatchObject({
      verdict: 'fail',
      message: expect.stringContaining('changes its grad_output in place'),
    });
    // The same in the second order only.
    const inPlace = engine.defineFunction({
      forward: (_, x: Tensor) => x.mul(2),
      backward: (_, g) => [engine.isGradEnabled() ? g!.mul_(2) : g!.mul(2)],
    });
    const second = gradcheck(inPlace as TensorFunction, [matrix()], { forward: false });
    expect(second).toMatchObject({
      verdict: 'fail',
      message: expect.stringMatching(/backward pass throws: (mul_|it changes its grad_output)/),
    });
  });
  test('holds each output to its own scale', () => {
    for (const factor of [1e9, 1e12, 1e-9]) {
      const outputs =
        (wrong: number): TensorFunction =>
        (x) => [crooked(wrong)(x!) as Tensor, x!.mul(factor)];
      for (const x of [matrix(), engine.randn([40, 50], { dtype: engine.float64 })]) {
        expect(gradcheck(outputs(1.5), [x]).verdict, `${factor} ${x.shape}`).toBe('fail');
        expect(gradcheck(outputs(1), [x]).verdict, `${factor} ${x.shape}`).toBe('pass');
      }
    }
  });
  test('moves each element by its own size', () => {
    const at = (...values: number[]) => engine.tensor(values, { dtype: engine.float64 });
    for (const fn of [(x: Tensor) => x.log(), (x: Tensor) => x.sqrt()])
      for (const point of [at(1e-6, 1), at(1e-9, 1, 300), at(-1e-6, 2).abs()])
        expect(gradcheck((x) => fn(x!), [point]).verdict, `${fn} at ${point}`).toBe('pass');
    expect(gradcheck((x) => crooked(1.5)(x!.log()) as Tensor, [at(1e-6, 1)]).verdict).toBe('fail');
  });
  test('leaves other inputs alone', () => {
    const report = gradcheck((x, b) => x!.mul(b!.detach().reshape([2, 1])), [matrix(), column()], {
      wrt: [0],
    });
    expect(report.verdict).toBe('pass');
  });
  test('refuses what cannot be checked', () => {
    expect(() => gradcheck(() => 3 as never, [matrix()])).toThrow(GradcheckError);
    expect(() => gradcheck(() => undefined as never, [matrix()])).toThrow('it returned undefined');
    expect(() => gradcheck((x) => x!.eq(0), [matrix()])).toThrow('returns bool only');
    expect(() =>
      gradcheck(
        (x) => x!,
        [engine.tensor([1, 2])].map((x) => x.to(engine.int64)),
      ),
    ).toThrow('nothing to differentiate');
  });
  test('in a test: passes, or throws with the worst entry', () => {
    expect(expectGradientsToMatch((x) => x!.exp(), [matrix()]).verdict).toBe('pass');
    expect(() => expectGradientsToMatch(crooked(1.5), [matrix()])).toThrow(
      /worst: d out0\[\d, \d\] \/ d in0\[\d, \d\]: analytic/,
    );
    const kink = engine.tensor([0, 1], { dtype: engine.float64 });
    expect(() => expectGradientsToMatch((x) => x!.abs(), [kink])).toThrow('undecided, which is not a pass');
  });
});

describe('a function from a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(import.meta.dirname, '.user-'));
    const files = {
      'loss.ts': `import { exp, type Tensor } from 'torchstone';
        import { half } from './part.js';
        export function loss(x: Tensor): Tensor { return exp(x).mul(half).sum(); }
        export const number = 3;`,
      'part.ts': 'export const half = 0.5;',
      'two.js': 'export const a = (x) => x; export const b = (x) => x;',
      'wrong.js': `export const loss = (x) => { const y = x.mul(x); if (y.requiresGrad) y.registerHook((g) => g.mul(2)); return y; };
        export const nothing = () => {}; export const throws = () => { throw new Error('no such thing'); };`,
      'broken.ts': 'export const = 3',
      'empty.ts': 'export const n = 1;',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const options = { seed: 3, signal: new AbortController().signal, progress: silentProgress() };
  const at = (target: string) => join(folder, target);

  test('runs on the engine of this process, and leaves nothing behind', async () => {
    const before = readdirSync(folder);
    const loss = await loadUserFunction('./loss.ts#loss', folder);
    expect(loss(matrix())).toBeInstanceOf(engine.Tensor);
    expect(readdirSync(folder)).toEqual(before);
    expect(existsSync(at('loss.ts'))).toBe(true);
  });
  test('passes when it is right', async () => {
    const result = await checkUserFunction(at('loss.ts#loss'), [[3, 4]], options);
    expect(result).toMatchObject({ suite: 'gradcheck', status: 'pass', counts: { passed: 3 } });
    expect(result.cases[0]?.replay).toContain('--shape 3,4 --seed 3');
  });
  test('fails when it is wrong, with the entry', async () => {
    const result = await checkUserFunction(at('wrong.js#loss'), [[3]], options);
    expect(result).toMatchObject({ status: 'fail', counts: { failed: 3 } });
    const { worst } = result.cases[0]!;
    expect(Number(worst!.got) / Number(worst!.want)).toBeCloseTo(2, 6);
  });
  test.each([
    ['nowhere.ts#loss', 'there is no file'],
    ['loss.ts#lost', "has no export named 'lost'; it exports loss, number"],
    ['loss.ts#number', 'is not a function but a number'],
    ['two.js', 'exports a, b: say which'],
    ['empty.ts', 'exports no function'],
    ['broken.ts#x', 'does not load'],
    ['wrong.js#nothing', 'it returned undefined'],
    ['wrong.js#throws', 'throws with inputs of shapes [3]: no such thing'],
  ])('%s cannot run: %s', async (target, text) => {
    const error = await checkUserFunction(at(target), [[3]], options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CannotRunError);
    expect((error as Error).message).toContain(text);
  });
});
